//! The group consumer. A rebalance is only noted where librdkafka calls us; the stream thread acts on it between two
//! records, which librdkafka waits for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rdkafka::Statistics;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;

use super::client::{Connection, STATISTICS_EVERY_MS, passing, unusable};
use super::fetch_queue;
use super::takeover::{role_of_member, unsigned};
use crate::pipeline::Fault;
use crate::pipeline::ports::{InputPartition, InputRecord, Polled, Remembered};
use crate::wire::Incoming;

/// How long one question to the brokers may take before it is asked again.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(5);

enum Rebalance {
    Assigned(Vec<(String, i32)>),
    Revoked { lost: bool },
}

#[derive(Default)]
pub(super) struct GroupContext {
    rebalances: Mutex<VecDeque<Rebalance>>,
    /// Whether there are any: asked with every record.
    has_rebalances: AtomicBool,
    fetched_bytes: AtomicU64,
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, message, "client");
    }

    fn stats(&self, statistics: Statistics) {
        let partitions = statistics.topics.values().flat_map(|topic| topic.partitions.values());
        let bytes = partitions.map(|partition| partition.fetchq_size).sum();
        self.fetched_bytes.store(bytes, Ordering::Relaxed);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "consumer error");
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let noted = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Rebalance::Assigned(
                partitions.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect(),
            ),
            _ => Rebalance::Revoked { lost: consumer.assignment_lost() },
        };
        self.rebalances.lock().unwrap_or_else(PoisonError::into_inner).push_back(noted);
        self.has_rebalances.store(true, Ordering::Release);
    }
}

/// Why a poll brought nothing.
#[derive(Clone)]
pub(super) enum PollError {
    /// The group took this member's id away. A broker that lost touch with it may do that as well as another process.
    Fenced(String),
    /// The client has let go of what was to be read, and does not take it up again.
    Unusable(String),
    /// Anything else.
    Fault(Fault),
}

impl From<Fault> for PollError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

pub(super) struct GroupConsumer {
    consumer: Option<BaseConsumer<GroupContext>>,
    connection: Connection,
    is_static: bool,
    /// Where reading begins of inputs that were held back ever since they were taken up.
    to_begin: Vec<(InputPartition, i64)>,
    seeks_failed: u32,
    /// Why nothing more can be had of this member, where that showed before a poll said it.
    lost: Option<PollError>,
}

/// So many seeks fail one after the other before the client is given up.
pub(super) const SEEKS_FAILED_MAX: u32 = 50;

/// For how long the group waits for a member that says nothing, unless `[kafka.client]` says otherwise.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

impl GroupConsumer {
    pub(super) fn new(connection: &Connection, transactional_id: &str, thread: usize) -> Result<Self, Fault> {
        let mut config = connection.client(
            &role_of_member(transactional_id),
            &[
                ("group.id", &connection.group_id),
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                ("enable.partition.eof", "true"),
                ("statistics.interval.ms", STATISTICS_EVERY_MS),
                ("isolation.level", "read_committed"),
                // As Java's consumers do by default: what broke on its way is no event.
                ("check.crcs", "true"),
                // Offsets that have expired are a loss to be told of, not to be jumped over.
                ("auto.offset.reset", "error"),
                // The one assignor that puts partition i of all inputs on the same member.
                ("partition.assignment.strategy", "range"),
                ("session.timeout.ms", &SESSION_TIMEOUT.as_millis().to_string()),
                ("heartbeat.interval.ms", "1000"),
                // A fetch for every few records costs the broker and us more than the records do.
                ("fetch.min.bytes", "8192"),
                ("fetch.wait.max.ms", "20"),
                // The default of one second halves the rate as soon as a queue fills up.
                ("fetch.queue.backoff.ms", "5"),
                ("queued.min.messages", "50000"),
                // Of each input that is held back, and of all others together.
                ("queued.max.messages.kbytes", "1024"),
                ("fetch.message.max.bytes", "524288"),
            ],
        );
        if let Some(instance) = &connection.instance_id {
            config.set("group.instance.id", format!("{instance}-{thread}"));
        }
        let consumer: BaseConsumer<GroupContext> =
            config.create_with_context(GroupContext::default()).map_err(unusable("consumer"))?;
        let topics: Vec<&str> = connection.inputs.iter().map(|(_, topic)| topic.as_str()).collect();
        consumer.subscribe(&topics).map_err(unusable("subscription"))?;
        Ok(Self {
            consumer: Some(consumer),
            is_static: connection.instance_id.is_some(),
            connection: connection.clone(),
            to_begin: Vec::new(),
            seeks_failed: 0,
            lost: None,
        })
    }

    pub(super) fn client(&self) -> &BaseConsumer<GroupContext> {
        self.consumer.as_ref().expect("the consumer is there until the thread leaves")
    }

    /// Bytes that were fetched and wait to be polled.
    pub(super) fn fetched_bytes(&self) -> u64 {
        self.client().context().fetched_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn poll(&self, wait: Duration, take: &mut dyn FnMut(InputRecord<'_>)) -> Result<Polled, PollError> {
        if let Some(lost) = &self.lost {
            return Err(lost.clone());
        }
        if let Some(rebalance) = self.next_rebalance() {
            return Ok(self.checked(rebalance)?);
        }
        let polled = self.client().poll(wait);
        if let Some(rebalance) = self.next_rebalance() {
            return Ok(self.checked(rebalance)?);
        }
        match polled {
            None => Ok(Polled::Nothing),
            Some(Ok(message)) => {
                self.hand_over(&message, take);
                Ok(Polled::Record)
            }
            Some(Err(error)) => on_error(error, &self.connection),
        }
    }

    fn next_rebalance(&self) -> Option<Rebalance> {
        let context = self.client().context();
        if !context.has_rebalances.load(Ordering::Acquire) {
            return None;
        }
        let mut rebalances = context.rebalances.lock().unwrap_or_else(PoisonError::into_inner);
        let next = rebalances.pop_front();
        context.has_rebalances.store(!rebalances.is_empty(), Ordering::Release);
        next
    }

    /// Partition i of every input has to be here, or events of one customer would go to two places.
    fn checked(&self, rebalance: Rebalance) -> Result<Polled, Fault> {
        let given = match rebalance {
            Rebalance::Revoked { lost } => return Ok(Polled::Revoked { lost }),
            Rebalance::Assigned(given) => given,
        };
        let of = |topic: &str| {
            let mut partitions: Vec<i32> =
                given.iter().filter(|(name, _)| name == topic).map(|(_, partition)| *partition).collect();
            partitions.sort_unstable();
            partitions
        };
        let topics: Vec<&str> = self.connection.inputs.iter().map(|(_, topic)| topic.as_str()).collect();
        let first = of(topics[0]);
        match topics.iter().find(|topic| of(topic) != first) {
            None => Ok(Polled::Assigned(first)),
            Some(topic) => Err(Fault::Final(format!(
                "the group gave other partitions of {topic} than of {}; all members must read the same topics with \
                 the range assignor, and the topics must have equally many partitions",
                topics[0]
            ))),
        }
    }

    fn hand_over(&self, message: &BorrowedMessage<'_>, take: &mut dyn FnMut(InputRecord<'_>)) {
        let Some(source) = self.connection.source(message.topic()) else { return };
        let headers: Vec<(&str, Option<&[u8]>)> = message
            .headers()
            .map_or_else(Vec::new, |headers| headers.iter().map(|header| (header.key, header.value)).collect());
        let content_type = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        take(InputRecord {
            from: InputPartition { source, partition: message.partition() },
            offset: message.offset(),
            written_ms: message.timestamp().to_millis(),
            incoming: Incoming {
                key: message.key(),
                value: message.payload(),
                content_type: content_type.and_then(|(_, value)| *value),
            },
            headers,
        });
    }

    /// These partitions of all inputs.
    pub(super) fn inputs_of(&self, partitions: &[i32]) -> TopicPartitionList {
        let mut inputs = TopicPartitionList::new();
        for ((_, topic), partition) in
            self.connection.inputs.iter().flat_map(|input| partitions.iter().map(move |p| (input, *p)))
        {
            inputs.add_partition(topic, partition);
        }
        inputs
    }

    /// The group's offsets. Waits for whoever has a transaction open that moves them.
    pub(super) fn committed(&self, partitions: &[i32]) -> Result<TopicPartitionList, Fault> {
        let asked = self.inputs_of(partitions);
        self.client().committed_offsets(asked, ANSWER_WITHIN).map_err(passing("can't read the group's offsets"))
    }

    /// What the group knows of these partitions, and what the log has of them as `asker` sees it.
    pub(super) fn remembered<C: ConsumerContext>(
        &self,
        partitions: &[i32],
        asker: &BaseConsumer<C>,
    ) -> Result<Vec<Remembered>, Fault> {
        let committed = self.committed(partitions)?;
        let mut remembered = Vec::with_capacity(committed.count());
        for element in committed.elements() {
            element.error().map_err(passing("can't read the group's offsets"))?;
            let (low, high) = asker
                .fetch_watermarks(element.topic(), element.partition(), ANSWER_WITHIN)
                .map_err(passing("can't read where an input begins and ends"))?;
            let Some(source) = self.connection.source(element.topic()) else { continue };
            let committed = match element.offset() {
                Offset::Offset(offset) => Some((offset, unsigned(element.metadata()).to_owned())),
                _ => None,
            };
            let input = InputPartition { source, partition: element.partition() };
            remembered.push(Remembered { input, committed, low, high });
        }
        Ok(remembered)
    }

    pub(super) fn take_up(&mut self, starts: &[(InputPartition, i64)]) -> Result<(), Fault> {
        let at = self.list(starts)?;
        self.to_begin = starts.to_vec();
        self.client().assign(&at).map_err(passing("can't take up the partitions"))?;
        if at.count() > 0 {
            self.client().pause(&at).map_err(passing("can't hold the partitions back"))?;
        }
        Ok(())
    }

    pub(super) fn resume(&mut self, inputs: &[InputPartition]) -> Result<(), Fault> {
        self.let_flow(inputs, true);
        let begins = |(input, _): &(InputPartition, i64)| inputs.contains(input);
        let (begin, later): (Vec<_>, Vec<_>) = self.to_begin.drain(..).partition(begins);
        self.to_begin = later;
        if begin.is_empty() {
            return Ok(());
        }
        let beginning: Vec<InputPartition> = begin.iter().map(|(input, _)| *input).collect();
        self.client().resume(&self.plain_list(&beginning)).map_err(passing("can't let a partition flow"))?;
        // librdkafka's fetching thread, once it had nothing to fetch, looks again after a second; a seek makes it look
        // at once. Should that fail, it is only later.
        drop(self.seek(&begin));
        Ok(())
    }

    /// Holds back what is fetched from now on. A pause would throw away what was fetched already, to fetch it again.
    pub(super) fn hold(&self, inputs: &[InputPartition]) {
        self.let_flow(inputs, false);
    }

    fn let_flow(&self, inputs: &[InputPartition], flows: bool) {
        for input in inputs {
            fetch_queue::let_flow(self.client(), self.connection.topic(input.source), input.partition, flows);
        }
    }

    fn plain_list(&self, inputs: &[InputPartition]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(inputs.len());
        for input in inputs {
            list.add_partition(self.connection.topic(input.source), input.partition);
        }
        list
    }

    pub(super) fn let_go(&mut self) -> Result<(), Fault> {
        self.to_begin.clear();
        self.client().unassign().map_err(passing("can't let the partitions go"))
    }

    pub(super) fn rewind(&mut self, to: &[(InputPartition, i64)]) -> Result<(), Fault> {
        for (input, begin) in &mut self.to_begin {
            if let Some((_, offset)) = to.iter().find(|(rewound, _)| rewound == input) {
                *begin = *offset;
            }
        }
        let Err(fault) = self.seek(to) else {
            self.seeks_failed = 0;
            return Ok(());
        };
        self.seeks_failed += 1;
        // Where librdkafka has let go of a partition nothing can be sought in it ever again: of all of them when the group
        // shuts this member out, of one whose records have expired. Nor need it be: this member reads nothing more.
        self.lost = match self.client().client().fatal_error() {
            Some((_, reason)) => Some(PollError::Fenced(reason)),
            None if self.seeks_failed < SEEKS_FAILED_MAX => return Err(fault),
            None => Some(PollError::Unusable(fault.to_string())),
        };
        Ok(())
    }

    fn seek(&self, to: &[(InputPartition, i64)]) -> Result<(), Fault> {
        if to.is_empty() {
            return Ok(());
        }
        let sought =
            self.client().seek_partitions(self.list(to)?, ANSWER_WITHIN).map_err(passing("can't rewind the inputs"))?;
        sought.elements().iter().try_for_each(|element| element.error()).map_err(passing("can't rewind an input"))
    }

    fn list(&self, offsets: &[(InputPartition, i64)]) -> Result<TopicPartitionList, Fault> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (input, offset) in offsets {
            list.add_partition_offset(self.connection.topic(input.source), input.partition, Offset::Offset(*offset))
                .map_err(passing("can't name an offset"))?;
        }
        Ok(list)
    }

    /// Records between where we are and the end that the last fetch saw.
    pub(super) fn backlog(&self, input: InputPartition, next_offset: i64) -> Option<u64> {
        let (client, topic) = (self.client(), self.connection.topic(input.source));
        let high = fetch_queue::known_end(client, topic, input.partition)?;
        if high == next_offset {
            return Some(0);
        }
        // The position is past control records at the end, which the last record's offset is not.
        let position = fetch_queue::position(client, topic, input.partition);
        let position = position.unwrap_or(next_offset).max(next_offset);
        // An end before our position is what the client remembers of a partition that it had before, and others since:
        // where it ends now, the next fetch tells.
        u64::try_from(high - position).ok()
    }

    /// Leaves the group and closes. A static member does not leave: its partitions wait for its return.
    ///
    /// On a thread of its own: to answer a rebalance after librdkafka's own thread has ended waits for ever, and closing
    /// waits for brokers that do not answer. One that is not closed in time is given up with its threads.
    pub(super) fn leave(&mut self, deadline: Duration) {
        let Some(consumer) = self.consumer.take() else { return };
        let is_static = self.is_static;
        let (closed, is_closed) = mpsc::channel();
        let closing = std::thread::Builder::new().name("leaving".to_owned()).spawn(move || {
            close(consumer, is_static, deadline);
            // Nobody listens any more when it took too long.
            closed.send(()).ok();
        });
        if closing.is_ok() && is_closed.recv_timeout(deadline).is_err() {
            tracing::warn!(?deadline, "leaving the group took too long, going without");
        }
    }
}

fn close(consumer: BaseConsumer<GroupContext>, is_static: bool, deadline: Duration) {
    let until = Instant::now() + deadline;
    if !is_static {
        consumer.unsubscribe();
    }
    let closing = consumer.close_queue();
    while closing.is_ok() && !consumer.closed() && Instant::now() < until {
        drop(consumer.poll(Duration::from_millis(10)));
        let noted = consumer.context().rebalances.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if noted.is_some() && !consumer.closed() {
            drop(consumer.unassign());
        }
    }
    if !consumer.closed() {
        // Dropping it would wait for brokers that do not answer.
        std::mem::forget(consumer);
    }
}

fn on_error(error: KafkaError, connection: &Connection) -> Result<Polled, PollError> {
    let end = |reason: String| Err(PollError::Fault(Fault::Final(reason)));
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::FencedInstanceId | RDKafkaErrorCode::Fatal) => Err(PollError::Fenced(error.to_string())),
        Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => end(format!(
            "records have expired before they were read ({error}); going on would lose them silently. To accept the \
             loss, set the group's offsets to what the topic still has and start again"
        )),
        Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {
            end(format!("not authorised to join the group {}: grant Read on it ({error})", connection.group_id))
        }
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
            let topics: Vec<&str> = connection.inputs.iter().map(|(_, topic)| topic.as_str()).collect();
            end(format!("not authorised to read {}: grant Read on each ({error})", topics.join(" or ")))
        }
        Some(RDKafkaErrorCode::PartitionEOF) => Ok(Polled::Nothing),
        _ => {
            tracing::debug!(%error, "poll failed, polling on");
            Ok(Polled::Nothing)
        }
    }
}
