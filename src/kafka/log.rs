//! The pipeline's [`Log`], on Kafka.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::changelog::{Asker, ChangelogReader, asker};
use super::client::{Connection, passing};
use super::consumer::{GroupConsumer, PollError};
use super::producer::Transactions;
use super::takeover::{Suspicion, Takeover, signed};
use crate::pipeline::ports::{
    CommitTimes, Destination, InputPartition, InputRecord, Outgoing, Polled, Position, Remembered, Restored,
    RestoredUpTo, Usage,
};
use crate::pipeline::{Fault, Log};

/// One stream thread's consumer, transactional producer and changelog reader.
pub struct KafkaLog {
    connection: Connection,
    consumer: GroupConsumer,
    transactions: Transactions,
    asker: Arc<Asker>,
    takeover: Takeover,
    transactional_id: String,
    /// The group did not say what it remembers when it was last asked.
    is_held_up: bool,
    restore: Option<ChangelogReader>,
    thread: usize,
    /// When the group took our member id away.
    fenced: Vec<Instant>,
}

/// Fenced more often than this within [`FENCED_WITHIN`], it is another process and not the brokers' troubles.
const FENCED_MAX: usize = 2;
const FENCED_WITHIN: Duration = Duration::from_secs(120);

/// How long a consumer that is of no use any more may take to close.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

impl KafkaLog {
    /// Joins the group. `instance` makes transactional ids: two live processes must not share one.
    pub fn new(connection: Connection, instance: &str, thread: usize) -> Result<Self, Fault> {
        let own_ids_begin = format!("{}-{instance}-", connection.group_id);
        let transactional_id = format!("{own_ids_begin}{thread}");
        let asker = Arc::new(asker(&connection)?);
        Ok(Self {
            consumer: GroupConsumer::new(&connection, &transactional_id, thread)?,
            transactions: Transactions::new(&connection, &transactional_id),
            takeover: Takeover::new(&connection, &asker, &transactional_id, own_ids_begin),
            asker,
            transactional_id,
            is_held_up: false,
            restore: None,
            thread,
            fenced: Vec::new(),
            connection,
        })
    }

    fn end_restore(&mut self) {
        if let Some(reader) = self.restore.take() {
            reader.close();
        }
    }

    /// Joins the group anew after it took our id away; what we held is lost. Two processes that share an id take it
    /// from each other again and again: then the first to notice ends.
    fn rejoin(&mut self, reason: &str) -> Result<Polled, Fault> {
        self.fenced.retain(|then| then.elapsed() < FENCED_WITHIN);
        self.fenced.push(Instant::now());
        if self.fenced.len() > FENCED_MAX {
            return Err(Fault::Final(format!(
                "another process uses the same kafka.instance_id; give every process its own ({reason})"
            )));
        }
        tracing::warn!(reason, "the group took our member id away, joining anew");
        self.join_anew()
    }

    fn join_anew(&mut self) -> Result<Polled, Fault> {
        self.consumer.leave(CLOSE_WITHIN);
        self.consumer = GroupConsumer::new(&self.connection, &self.transactional_id, self.thread)?;
        Ok(Polled::Revoked { lost: true })
    }
}

impl Log for KafkaLog {
    fn poll(&mut self, wait: Duration, take: &mut dyn FnMut(InputRecord<'_>)) -> Result<Polled, Fault> {
        match self.consumer.poll(wait, take) {
            Ok(polled) => Ok(polled),
            Err(PollError::Fenced(reason)) => self.rejoin(&reason),
            Err(PollError::Unusable(reason)) => {
                tracing::warn!(reason, "the client can't read its inputs again, joining anew");
                self.join_anew()
            }
            Err(PollError::Fault(fault)) => Err(fault),
        }
    }

    fn remembered(&mut self, partitions: &[i32]) -> Result<Vec<Remembered>, Fault> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        // What a predecessor of our id left open would hold us up as well.
        self.transactions.begin_work()?;
        let suspicion = if self.is_held_up { Suspicion::HeldUp } else { Suspicion::Gone };
        self.takeover.begin(self.consumer.inputs_of(partitions), suspicion);
        let remembered = self.consumer.remembered(partitions, &self.asker);
        self.is_held_up = remembered.is_err();
        remembered
    }

    fn take_up(&mut self, starts: &[(InputPartition, i64)]) -> Result<(), Fault> {
        self.consumer.take_up(starts)
    }

    fn resume(&mut self, inputs: &[InputPartition]) -> Result<(), Fault> {
        self.consumer.resume(inputs)
    }

    fn hold(&mut self, inputs: &[InputPartition]) -> Result<(), Fault> {
        self.consumer.hold(inputs);
        Ok(())
    }

    fn let_go(&mut self) -> Result<(), Fault> {
        self.end_restore();
        self.consumer.let_go()
    }

    fn rewind(&mut self, to: &[(InputPartition, i64)]) -> Result<(), Fault> {
        self.consumer.rewind(to)
    }

    fn backlog(&self, input: InputPartition, next_offset: i64) -> Option<u64> {
        self.consumer.backlog(input, next_offset)
    }

    fn restore(&mut self, partitions: &[(i32, Option<i64>)]) -> Result<(), Fault> {
        self.end_restore();
        if !partitions.is_empty() {
            // A predecessor's open transaction of our id is ended by this; then the state's end is known.
            self.transactions.renew_if_used()?;
            self.restore = Some(ChangelogReader::new(&self.connection, partitions, &self.asker)?);
        }
        Ok(())
    }

    fn poll_restore(&mut self, wait: Duration, take: &mut dyn FnMut(Restored<'_>)) -> Result<(), Fault> {
        self.restore.as_ref().map_or(Ok(()), |reader| reader.poll(wait, take))
    }

    fn restored(&mut self, partition: i32) -> Result<RestoredUpTo, Fault> {
        let reader = self.restore.as_ref().ok_or_else(|| Fault::Passing("no changelog is being read".to_owned()))?;
        reader.read_up_to(partition)
    }

    fn send(&mut self, record: &Outgoing<'_>) -> Result<(), Fault> {
        let (topic, partition) = match record.to {
            Destination::ReturningCustomers => (&self.connection.returning_customers, None),
            Destination::ChurnRisk => (&self.connection.churn_risk, None),
            Destination::DeadLetters => (&self.connection.dead_letters, None),
            Destination::State(partition) => (&self.connection.state, Some(partition)),
        };
        self.transactions.send(topic, partition, record.key, record.value, record.headers)
    }

    fn commit(&mut self, positions: &[Position]) -> Result<CommitTimes, Fault> {
        let mut offsets = TopicPartitionList::with_capacity(positions.len());
        for position in positions {
            let InputPartition { source, partition } = position.input;
            let mut element = offsets.add_partition(self.connection.topic(source), partition);
            element.set_offset(Offset::Offset(position.next_offset)).map_err(passing("can't name an offset"))?;
            element.set_metadata(signed(&position.note, &self.transactional_id));
        }
        self.transactions.commit(&offsets, self.consumer.client())
    }

    fn abort(&mut self) -> Result<(), Fault> {
        self.transactions.abort()
    }

    fn renew(&mut self) -> Result<(), Fault> {
        self.transactions.renew()
    }

    fn leave(&mut self, deadline: Duration) {
        self.end_restore();
        self.consumer.leave(deadline);
    }

    fn usage(&self) -> Usage {
        Usage { fetch_queue_bytes: self.consumer.fetched_bytes(), ..self.transactions.usage() }
    }
}
