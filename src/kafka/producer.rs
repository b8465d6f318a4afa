//! Transactions. The order matters: drain, then offsets, then commit takes 4 ms; any other order takes 100 to 200.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::client::{Connection, STATISTICS_EVERY_MS, unusable};
use super::transactional_producer::{CallError, TransactionalProducer};
use crate::pipeline::Fault;
use crate::pipeline::ports::{CommitTimes, Usage};

/// How long the same call is repeated that says it may be.
const REPEAT_FOR: Duration = Duration::from_secs(30);

/// The largest batch, as librdkafka has it by default.
const BATCH_SIZE: usize = 1_000_000;

/// How long to wait for room in the send queue.
const ROOM_WITHIN: Duration = Duration::from_secs(30);

pub(super) struct Transactions {
    config: ClientConfig,
    producer: Option<TransactionalProducer>,
    /// No transaction was begun with it yet.
    is_fresh: bool,
    is_open: bool,
    /// Since when the brokers may have a transaction of ours open.
    open_since: Option<Instant>,
    /// The topics that the open transaction writes to.
    written: BTreeSet<String>,
    drain_within: Duration,
    fenced_in_a_row: u32,
    made: u64,
}

impl Transactions {
    pub(super) fn new(connection: &Connection, transactional_id: &str) -> Self {
        let timeout = connection.transaction_timeout.as_millis().to_string();
        let config = connection.client(
            &format!("producer-{transactional_id}"),
            &[
                ("transactional.id", transactional_id),
                ("transaction.timeout.ms", &timeout),
                ("message.timeout.ms", &timeout),
                ("linger.ms", "25"),
                ("retry.backoff.ms", "10"),
                ("statistics.interval.ms", STATISTICS_EVERY_MS),
                ("compression.type", "lz4"),
                // As Java's producers choose it, so that keys fall on the same partitions.
                ("partitioner", "murmur2_random"),
                // Dead letters carry values that were too large to read.
                ("message.max.bytes", &(2 * connection.max_value_bytes + 1_048_576).to_string()),
                ("queue.buffering.max.messages", "500000"),
                // A topic's limit is that of a batch.
                ("batch.size", &connection.max_dead_letter_bytes.min(BATCH_SIZE).to_string()),
                // Draining tells that all were delivered; to be told so of each keeps a thread busy.
                ("delivery.report.only.error", "true"),
            ],
        );
        Self {
            config,
            producer: None,
            is_fresh: false,
            is_open: false,
            open_since: None,
            written: BTreeSet::new(),
            drain_within: connection.transaction_timeout,
            fenced_in_a_row: 0,
            made: 0,
        }
    }

    /// Makes a new producer. Broker and coordinator end whatever the old one of this id left open.
    pub(super) fn renew(&mut self) -> Result<(), Fault> {
        self.producer = None;
        self.is_open = false;
        let producer = TransactionalProducer::new(&self.config).map_err(unusable("producer"))?;
        producer.init(REPEAT_FOR).map_err(|error| match classify(&error) {
            _ if error.code == RDKafkaErrorCode::InvalidTransactionTimeout => Fault::Final(format!(
                "the brokers keep no transaction open for {}: set engine.transaction_timeout to their \
                 transaction.max.timeout.ms at most, 15 min by default ({error})",
                humantime::format_duration(self.drain_within)
            )),
            Class::Refused => Fault::Final(format!(
                "not authorised to use the transactional id {}: grant Write and Describe on all that begin with \
                 kafka.group_id ({error})",
                self.config.get("transactional.id").unwrap_or_default()
            )),
            _ => Fault::Passing(format!("can't get a transactional producer: {error}")),
        })?;
        self.producer = Some(producer);
        self.is_fresh = true;
        self.open_since = None;
        self.made += 1;
        Ok(())
    }

    /// Makes a new producer unless nothing was done with the one there is.
    pub(super) fn renew_if_used(&mut self) -> Result<(), Fault> {
        if self.producer.is_some() && self.is_fresh { Ok(()) } else { self.renew() }
    }

    /// Makes the first producer, if there was none yet.
    pub(super) fn begin_work(&mut self) -> Result<(), Fault> {
        if self.made == 0 { self.renew() } else { Ok(()) }
    }

    /// What the producer holds; of what is read it knows nothing.
    pub(super) fn usage(&self) -> Usage {
        if let Some(producer) = &self.producer {
            producer.serve();
        }
        Usage {
            producers: self.made,
            send_queue_bytes: self.producer.as_ref().map_or(0, TransactionalProducer::queued_bytes),
            transaction_age: self.open_since.map_or(Duration::ZERO, |since| since.elapsed()),
            ..Usage::default()
        }
    }

    fn producer(&mut self) -> Result<&mut TransactionalProducer, Fault> {
        if self.producer.is_none() {
            self.renew()?;
        }
        self.producer.as_mut().ok_or_else(|| Fault::Passing("there is no producer".to_owned()))
    }

    fn begin(&mut self) -> Result<(), Fault> {
        if self.is_open {
            return Ok(());
        }
        let began = self.producer()?.begin();
        began.map_err(|error| self.fault("can't begin a transaction", &error))?;
        self.is_open = true;
        self.is_fresh = false;
        self.open_since = Some(Instant::now());
        self.written.clear();
        Ok(())
    }

    pub(super) fn send(
        &mut self,
        topic: &str,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) -> Result<(), Fault> {
        self.begin()?;
        if !self.written.contains(topic) {
            self.written.insert(topic.to_owned());
        }
        let producer = self.producer()?;
        let mut until = None;
        while let Err(code) = producer.send(topic, partition, key, value, headers) {
            let now = Instant::now();
            if code != RDKafkaErrorCode::QueueFull || now > *until.get_or_insert(now + ROOM_WITHIN) {
                return Err(self.refusal().unwrap_or_else(|| self.cannot_send(topic, code)));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Commits the open transaction with these offsets of a member of the group.
    pub(super) fn commit<C: ConsumerContext>(
        &mut self,
        offsets: &TopicPartitionList,
        member: &BaseConsumer<C>,
    ) -> Result<CommitTimes, Fault> {
        self.begin()?;
        let started = Instant::now();
        self.drain()?;
        let drained = Instant::now();
        let sent = self.repeat(|producer| producer.send_offsets(offsets, member, ROOM_WITHIN));
        sent.map_err(|error| self.fault("can't add the offsets", &error))?;
        let added = Instant::now();
        let ended = self.repeat(TransactionalProducer::commit);
        ended.map_err(|error| match self.fault("can't commit", &error) {
            // A call that ran out of repetitions may have been carried out all the same.
            Fault::Passing(reason) => Fault::OutcomeUnknown(reason),
            fault => fault,
        })?;
        self.is_open = false;
        self.open_since = None;
        self.fenced_in_a_row = 0;
        let times = CommitTimes { drain: drained - started, offsets: added - drained, end: Instant::now() - added };
        self.renew_if_tainted();
        Ok(times)
    }

    /// A repeated EndTxn carries the same epoch as the next transaction's would, and could end that one. A new
    /// producer has a new epoch.
    fn renew_if_tainted(&mut self) {
        if self.producer.as_ref().is_some_and(TransactionalProducer::is_tainted) {
            tracing::info!("a request of the last transaction was left without an answer, taking a new producer");
            self.producer = None;
        }
    }

    /// Waits until every record of the transaction is acknowledged.
    fn drain(&mut self) -> Result<(), Fault> {
        let within = self.drain_within;
        let left = self.producer()?.drain(within);
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        if left == 0 {
            return Ok(());
        }
        let failure = self.failure();
        Err(failure.unwrap_or_else(|| Fault::MustAbort(format!("{left} records were not acknowledged in time"))))
    }

    /// What the brokers had against a record of this transaction, if anything. What no repetition mends is final.
    fn refusal(&self) -> Option<Fault> {
        let producer = self.producer.as_ref()?;
        producer.serve();
        let (topic, error) = producer.take_undelivered()?;
        Some(match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => Self::too_large(&topic, &error),
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Self::may_not_write(&topic, &error),
            _ => Fault::MustAbort(format!("a record for {topic} was not accepted: {error}")),
        })
    }

    /// A record is not even queued when the transaction has already failed.
    fn cannot_send(&self, topic: &str, code: RDKafkaErrorCode) -> Fault {
        let error = KafkaError::MessageProduction(code);
        // What is too large for the client stays so, however often it is tried.
        let is_too_large = code == RDKafkaErrorCode::MessageSizeTooLarge;
        let failure = if is_too_large { Some(Self::too_large(topic, &error)) } else { self.failure() };
        failure.unwrap_or_else(|| Fault::MustAbort(format!("can't send to {topic}: {error}")))
    }

    /// Why the open transaction has failed already, if it has: no new one can begin, and the answer says why.
    fn failure(&self) -> Option<Fault> {
        let error = self.producer.as_ref()?.begin().err()?;
        match error.code {
            RDKafkaErrorCode::State => None,
            RDKafkaErrorCode::TopicAuthorizationFailed => {
                let written: Vec<&str> = self.written.iter().map(String::as_str).collect();
                Some(Self::may_not_write(&written.join(" or "), &error))
            }
            _ => Some(Fault::MustAbort(format!("the transaction has failed: {error}"))),
        }
    }

    fn too_large(topic: &str, error: &KafkaError) -> Fault {
        Fault::Final(format!(
            "topic {topic} does not take a record of ours: it is larger than the topic's max.message.bytes allows. \
             Raise that to 1048588, the default, or more, and start again: nothing is lost ({error})"
        ))
    }

    fn may_not_write(topics: &str, error: &impl Display) -> Fault {
        Fault::Final(format!("not authorised to write to {topics}: grant Write on it ({error})"))
    }

    fn repeat(&self, call: impl Fn(&TransactionalProducer) -> Result<(), CallError>) -> Result<(), CallError> {
        let producer = self.producer.as_ref().expect("a transaction is open, so there is a producer");
        let until = Instant::now() + REPEAT_FOR;
        loop {
            match call(producer) {
                Err(error) if classify(&error) == Class::Again && Instant::now() < until => {
                    tracing::debug!(%error, "transactional call is repeated");
                }
                other => return other,
            }
        }
    }

    pub(super) fn abort(&mut self) -> Result<(), Fault> {
        if !self.is_open {
            return Ok(());
        }
        let aborted = self.repeat(TransactionalProducer::abort);
        aborted.map_err(|error| match self.fault("can't abort", &error) {
            Fault::Final(reason) => Fault::Final(reason),
            other => Fault::OutcomeUnknown(other.to_string()),
        })?;
        self.is_open = false;
        self.open_since = None;
        if let Some(producer) = &self.producer {
            producer.serve();
            producer.take_undelivered();
        }
        self.renew_if_tainted();
        Ok(())
    }

    /// What a failed transactional call means for whoever made it.
    fn fault(&mut self, what: &str, error: &CallError) -> Fault {
        let text = format!("{what}: {error}");
        match error.code {
            RDKafkaErrorCode::TopicAuthorizationFailed => {
                let written: Vec<&str> = self.written.iter().map(String::as_str).collect();
                return Self::may_not_write(&written.join(" or "), error);
            }
            RDKafkaErrorCode::GroupAuthorizationFailed => {
                return Fault::Final(format!(
                    "not authorised to commit offsets of the group: grant Read on it ({error})"
                ));
            }
            _ => {}
        }
        match classify(error) {
            Class::Again => Fault::Passing(text),
            Class::Abort => Fault::MustAbort(text),
            Class::Refused => Fault::Final(text),
            Class::Fenced => {
                self.fenced_in_a_row += 1;
                if self.fenced_in_a_row > 5 {
                    return Fault::Final(format!(
                        "another process uses the same kafka.instance_id ({text}); give every process its own"
                    ));
                }
                Fault::OutcomeUnknown(text)
            }
            Class::Renew => Fault::OutcomeUnknown(text),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// The same call may be made again.
    Again,
    /// The transaction has to be aborted.
    Abort,
    /// The producer is of no use any more.
    Renew,
    /// A newer producer of the same id took over.
    Fenced,
    /// The brokers will not let us.
    Refused,
}

fn classify(error: &CallError) -> Class {
    use RDKafkaErrorCode as Code;
    match error.code {
        Code::TransactionalIdAuthorizationFailed | Code::ClusterAuthorizationFailed => Class::Refused,
        _ if error.requires_abort => Class::Abort,
        _ if error.is_retriable => Class::Again,
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => Class::Fenced,
        _ => Class::Renew,
    }
}
