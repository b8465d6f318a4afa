//! Reading changelogs back: all restoring partitions of a thread through one consumer.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, DefaultConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::{Connection, passing, unusable};
use super::consumer::ANSWER_WITHIN;
use crate::pipeline::Fault;
use crate::pipeline::ports::{Restored, RestoredUpTo};

/// A consumer that only asks.
pub(super) type Asker = BaseConsumer<DefaultConsumerContext>;

/// One that asks where topics end, open transactions included: a restore that stopped at the last stable offset would
/// miss the tail of a transaction whose end is not yet marked.
pub(super) fn asker(connection: &Connection) -> Result<Asker, Fault> {
    let config = connection.client(
        "asker",
        &[("group.id", &connection.group_id), ("enable.auto.commit", "false"), ("isolation.level", "read_uncommitted")],
    );
    config.create().map_err(unusable("consumer"))
}

/// A consumer that reads given partitions from their start or from where they are known.
pub(super) struct ChangelogReader {
    consumer: BaseConsumer<DefaultConsumerContext>,
    topic: String,
    targets: BTreeMap<i32, Target>,
}

struct Target {
    from: i64,
    /// The offset at which all is read.
    end: i64,
}

impl ChangelogReader {
    pub(super) fn new<C: ConsumerContext>(
        connection: &Connection,
        partitions: &[(i32, Option<i64>)],
        asker: &BaseConsumer<C>,
    ) -> Result<Self, Fault> {
        let config = connection.client(
            "restore",
            &[
                ("group.id", &connection.group_id),
                ("enable.auto.commit", "false"),
                ("enable.partition.eof", "true"),
                ("isolation.level", "read_committed"),
                ("check.crcs", "true"),
                ("auto.offset.reset", "earliest"),
                ("fetch.wait.max.ms", "50"),
                ("fetch.queue.backoff.ms", "5"),
                ("queued.min.messages", "100000"),
                // What is fetched ahead is garbage a moment later, and stays with the process: more is not faster.
                ("queued.max.messages.kbytes", "8192"),
            ],
        );
        let consumer: BaseConsumer<DefaultConsumerContext> = config.create().map_err(unusable("consumer"))?;
        let mut targets = BTreeMap::new();
        let mut list = TopicPartitionList::new();
        for &(partition, known) in partitions {
            let (low, end) = asker
                .fetch_watermarks(&connection.state, partition, ANSWER_WITHIN)
                .map_err(passing("can't read where the state topic ends"))?;
            if low > 0 {
                // Compaction keeps the beginning; only deletion moves it.
                return Err(Fault::Final(format!(
                    "topic {}, partition {partition}, begins at offset {low}: stored state was deleted, by a \
                     cleanup.policy other than compact or by hand, and what is left is not whole. Restore the topic, \
                     or use a new group and state topic to build the state anew",
                    connection.state
                )));
            }
            let from = known.map_or(low, |known| known.clamp(low, end));
            targets.insert(partition, Target { from, end });
            if end > from {
                list.add_partition_offset(&connection.state, partition, Offset::Offset(from))
                    .map_err(passing("can't name an offset"))?;
            }
        }
        consumer.assign(&list).map_err(passing("can't read the state topic"))?;
        Ok(Self { consumer, topic: connection.state.clone(), targets })
    }

    /// Hands over what comes within `wait`, at most some thousand records at a time.
    pub(super) fn poll(&self, wait: Duration, take: &mut dyn FnMut(Restored<'_>)) -> Result<(), Fault> {
        let until = Instant::now() + wait;
        for _ in 0..20_000 {
            let left = until.saturating_duration_since(Instant::now());
            match self.consumer.poll(left) {
                None => return Ok(()),
                Some(Ok(message)) => {
                    let key = message.key().unwrap_or_default();
                    take(Restored { partition: message.partition(), key, value: message.payload() });
                }
                Some(Err(error)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                    return Err(Fault::Final(format!(
                        "not authorised to read {}: grant Read on it ({error})",
                        self.topic
                    )));
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "reading the state topic goes on");
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Closes, on a thread of its own as that takes a while.
    pub(super) fn close(self) {
        let closing = thread::Builder::new().name("restored".to_owned()).spawn(move || drop(self));
        if let Err(error) = closing {
            tracing::debug!(%error, "closed without a thread");
        }
    }

    /// How far a partition is read. The position moves past control records, which the last record's offset does not.
    pub(super) fn read_up_to(&self, partition: i32) -> Result<RestoredUpTo, Fault> {
        let target = self.targets.get(&partition);
        let target = target.ok_or_else(|| Fault::Passing(format!("the state of partition {partition} is not read")))?;
        let mut next_offset = target.from;
        if target.end > target.from {
            let positions = self.consumer.position().map_err(passing("can't tell how far the state is read"))?;
            let position = positions.find_partition(&self.topic, partition).map(|element| element.offset());
            if let Some(Offset::Offset(offset)) = position {
                next_offset = next_offset.max(offset);
            }
        }
        Ok(RestoredUpTo { next_offset, remaining: target.end.saturating_sub(next_offset).max(0) as u64 })
    }
}
