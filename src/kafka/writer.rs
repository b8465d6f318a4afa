//! Writing events to the inputs, as the simulated shop does.

use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use super::client::{Connection, passing, unusable};
use crate::pipeline::Fault;

/// An idempotent producer.
pub struct Writer(ThreadedProducer<DefaultProducerContext>);

impl Writer {
    /// A writer to this cluster.
    pub fn new(connection: &Connection) -> Result<Self, Fault> {
        let ours = [
            ("enable.idempotence", "true"),
            ("linger.ms", "5"),
            ("compression.type", "lz4"),
            ("partitioner", "murmur2_random"),
            ("queue.buffering.max.messages", "200000"),
        ];
        connection.client("producer-shop", &ours).create().map(Self).map_err(unusable("producer"))
    }

    /// Queues a record; waits while the queue is full.
    pub fn write(&self, topic: &str, key: &str, value: &[u8]) -> Result<(), Fault> {
        let until = Instant::now() + Duration::from_secs(60);
        let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic).key(key).payload(value);
        loop {
            match self.0.send(record) {
                Ok(()) => return Ok(()),
                Err((error, unsent))
                    if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) && Instant::now() < until =>
                {
                    record = unsent;
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(Fault::Passing(format!("can't write to {topic}: {error}"))),
            }
        }
    }

    /// Waits until everything is written.
    pub fn finish(&self) -> Result<(), Fault> {
        self.0.flush(Duration::from_secs(60)).map_err(passing("not everything could be written"))
    }
}
