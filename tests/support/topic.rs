//! One topic as its readers and writers see it: whole, record by record.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use super::cluster::{Cluster, Isolation};
use super::told;
use super::waiting::{PATIENCE, wait_for};

/// Of a key or a value, when a failure tells of it.
const BYTES_SHOWN: usize = 400;

pub type RecordHeaders = Vec<(String, Option<Vec<u8>>)>;

/// A record where it lies.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    /// When its producer says it was written, in milliseconds since 1970.
    pub written_at: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: RecordHeaders,
}

impl Record {
    /// The last header of that name, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().rfind(|(key, _)| key == name)?;
        std::str::from_utf8(value.as_deref()?).ok()
    }

    pub fn key_text(&self) -> &str {
        let key = self.key.as_deref().unwrap_or_else(|| panic!("{self:?} has no key"));
        std::str::from_utf8(key).unwrap_or_else(|_| panic!("the key of {self:?} is no text"))
    }

    /// The value as JSON.
    pub fn json(&self) -> serde_json::Value {
        let value = self.value.as_deref().unwrap_or_else(|| panic!("{self:?} has no value"));
        serde_json::from_slice(value).unwrap_or_else(|error| panic!("the value of {self:?} is no JSON: {error}"))
    }
}

impl fmt::Debug for Record {
    /// As a person reads it: most keys and values are text, and some values are a mebibyte.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &Option<Vec<u8>>| {
            bytes.as_ref().map(|bytes| {
                let shown = &bytes[..bytes.len().min(BYTES_SHOWN)];
                format!("{} bytes: {}", bytes.len(), String::from_utf8_lossy(shown))
            })
        };
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name, text(value))).collect();
        let place = (self.partition, self.offset);
        write!(formatter, "{place:?} key {:?} value {:?} headers {headers:?}", text(&self.key), text(&self.value))
    }
}

/// A record on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: RecordHeaders,
    /// Where its key does not belong, when set.
    pub partition: Option<i32>,
}

impl Cluster {
    /// Every record of the topic, partition by partition, in the order of the log.
    ///
    /// A committed view first waits until no transaction is open: what one still holds back is part of the answer.
    pub fn read_whole(&self, topic: &str, isolation: Isolation) -> Vec<Record> {
        if isolation == Isolation::Committed {
            wait_for(&format!("no transaction is open on `{topic}`"), String::new, || {
                let visible = self.end_offsets(topic, Isolation::Committed);
                (visible == self.end_offsets(topic, Isolation::Uncommitted)).then_some(())
            });
        }
        self.read_visible(topic, isolation)
    }

    /// Every record that may be seen just now, an open transaction or not.
    pub fn read_visible(&self, topic: &str, isolation: Isolation) -> Vec<Record> {
        let partitions = self.partitions(topic);
        let consumer = self.consumer(isolation, "nobody");
        let mut from_the_beginning = TopicPartitionList::new();
        for partition in &partitions {
            from_the_beginning
                .add_partition_offset(topic, *partition, Offset::Beginning)
                .expect("the beginning is a valid offset");
        }
        consumer.assign(&from_the_beginning).expect("known partitions can be assigned");

        let mut unread: BTreeSet<i32> = partitions.into_iter().collect();
        let mut records = Vec::new();
        while !unread.is_empty() {
            match consumer.poll(PATIENCE) {
                Some(Ok(message)) => records.push(record_of(&message)),
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    unread.remove(&partition);
                }
                Some(Err(error)) if is_fatal(&error) => panic!("`{topic}` cannot be read: {error}"),
                Some(Err(_)) => {}
                None => panic!("waited {PATIENCE:?} in vain for the rest of `{topic}` {unread:?}"),
            }
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    }

    pub fn writer(&self, topic: &str) -> Writer {
        let lost = Arc::new(AtomicU64::new(0));
        let producer = ClientConfig::new()
            .set("bootstrap.servers", self.bootstrap())
            .set("enable.idempotence", "true")
            // As Java clients place keys; librdkafka's own default is another.
            .set("partitioner", "murmur2_random")
            // A topic's own limit decides: one too large for the service must still get this far.
            .set("message.max.bytes", "8388608")
            .set("linger.ms", "5")
            .create_with_context(Deliveries { lost: Arc::clone(&lost) })
            .expect("these settings are valid");
        Writer { producer, lost, topic: topic.to_owned() }
    }
}

/// Writes to one topic as a shop's own producer does: idempotent, in order, without transactions.
pub struct Writer {
    producer: ThreadedProducer<Deliveries>,
    lost: Arc<AtomicU64>,
    topic: String,
}

impl Writer {
    pub fn write(&self, outgoing: &Outgoing) {
        told::remember(outgoing);
        let mut headers = OwnedHeaders::new();
        for (key, value) in &outgoing.headers {
            headers = headers.insert(Header { key, value: value.as_ref() });
        }
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.topic).headers(headers);
        if let Some(key) = &outgoing.key {
            record = record.key(key);
        }
        if let Some(value) = &outgoing.value {
            record = record.payload(value);
        }
        if let Some(partition) = outgoing.partition {
            record = record.partition(partition);
        }
        loop {
            match self.producer.send(record) {
                Ok(()) => return,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    record = refused;
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err((error, _)) => panic!("a record for `{}` was not taken: {error}", self.topic),
            }
        }
    }

    /// Waits until the broker has them all.
    pub fn flush(&self) {
        self.producer.flush(PATIENCE).expect("the broker takes what was written");
        assert_eq!(self.lost.load(Ordering::SeqCst), 0, "records for `{}` were refused by the broker", self.topic);
    }
}

struct Deliveries {
    lost: Arc<AtomicU64>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            eprintln!("a record was not delivered: {error}");
            self.lost.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn record_of(message: &impl Message) -> Record {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    });
    Record {
        partition: message.partition(),
        offset: message.offset(),
        written_at: message.timestamp().to_millis().unwrap_or_default(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers,
    }
}

/// A broker that is briefly unreachable is not: librdkafka goes on by itself.
fn is_fatal(error: &KafkaError) -> bool {
    !matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
        )
    )
}
