//! The broker as its operator sees it: topics, their ends, what a group has committed.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::waiting::wait_for;

/// For one question to the broker. A question that went unanswered is asked again.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub struct Cluster {
    bootstrap: String,
}

/// What a reader may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Only what was committed: what a downstream service reads.
    Committed,
    /// Every record, of open and aborted transactions too.
    Uncommitted,
}

impl Cluster {
    pub fn at(bootstrap: String) -> Self {
        Self { bootstrap }
    }

    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    pub fn answers(&self) -> bool {
        self.consumer(Isolation::Uncommitted, "nobody")
            .fetch_metadata(None, Duration::from_secs(1))
            .is_ok_and(|metadata| !metadata.brokers().is_empty())
    }

    /// Returns when it is gone.
    pub fn delete_topic(&self, name: &str) {
        let deleted = finish(self.admin().delete_topics(&[name], &AdminOptions::new())).expect("the broker answers");
        deleted.into_iter().for_each(|topic| drop(topic.expect("it is there to be deleted")));
        let consumer = self.consumer(Isolation::Uncommitted, "nobody");
        wait_for(&format!("topic `{name}` is gone"), String::new, || {
            let metadata = consumer.fetch_metadata(None, ANSWER_WITHIN).ok()?;
            metadata.topics().iter().all(|topic| topic.name() != name).then_some(())
        });
    }

    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let made =
            finish(self.admin().create_topics([&topic], &AdminOptions::new())).expect("the broker answers").remove(0);
        made.unwrap_or_else(|(name, code)| panic!("topic `{name}` could not be created: {code}"));
    }

    /// Gives topics more partitions, all at one moment.
    pub fn grow_topics(&self, names: &[String], partitions: usize) {
        let wanted: Vec<NewPartitions<'_>> = names.iter().map(|name| NewPartitions::new(name, partitions)).collect();
        for grown in finish(self.admin().create_partitions(&wanted, &AdminOptions::new())).expect("the broker answers")
        {
            grown.unwrap_or_else(|(name, code)| panic!("topic `{name}` could not be given more partitions: {code}"));
        }
    }

    /// Loses everything before `offset`, as a retention that is too short does.
    pub fn expire_records_before(&self, topic: &str, partition: i32, offset: i64) {
        let mut wanted = TopicPartitionList::new();
        wanted
            .add_partition_offset(topic, partition, Offset::Offset(offset))
            .expect("an offset from the broker is valid");
        let done = finish(self.admin().delete_records(&wanted, &AdminOptions::new())).expect("the broker answers");
        for part in done.elements() {
            part.error().expect("records can be deleted");
            assert_eq!(part.offset(), Offset::Offset(offset), "the log starts where it was told to");
        }
    }

    pub fn has_topic(&self, name: &str) -> bool {
        let consumer = self.consumer(Isolation::Uncommitted, "nobody");
        wait_for(&format!("whether there is a topic `{name}`"), String::new, || {
            let metadata = consumer.fetch_metadata(Some(name), ANSWER_WITHIN).ok()?;
            match metadata.topics().first()?.error().map(RDKafkaErrorCode::from) {
                None => Some(true),
                Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Some(false),
                Some(_) => None,
            }
        })
    }

    pub fn partitions(&self, topic: &str) -> Vec<i32> {
        let consumer = self.consumer(Isolation::Uncommitted, "nobody");
        wait_for(&format!("topic `{topic}` is known"), String::new, || {
            let metadata = consumer.fetch_metadata(Some(topic), ANSWER_WITHIN).ok()?;
            let found = metadata.topics().first()?;
            let partitions: Vec<i32> = found.partitions().iter().map(|part| part.id()).collect();
            (found.error().is_none() && !partitions.is_empty()).then_some(partitions)
        })
    }

    /// The end of each partition; of a committed view, the first record of a transaction that is still open.
    pub fn end_offsets(&self, topic: &str, isolation: Isolation) -> BTreeMap<i32, i64> {
        let consumer = self.consumer(isolation, "nobody");
        let end_of = |partition: i32| {
            wait_for(&format!("the end of `{topic}` [{partition}]"), String::new, || {
                consumer.fetch_watermarks(topic, partition, ANSWER_WITHIN).ok()
            })
            .1
        };
        self.partitions(topic).into_iter().map(|partition| (partition, end_of(partition))).collect()
    }

    /// For looking at the ends of several topics again and again.
    pub fn watch(&self, topics: &[String]) -> Watch {
        let partitions = |topic: &String| {
            self.partitions(topic).into_iter().map(|partition| (topic.clone(), partition)).collect::<Vec<_>>()
        };
        Watch {
            consumer: self.consumer(Isolation::Uncommitted, "nobody"),
            partitions: topics.iter().flat_map(partitions).collect(),
        }
    }

    pub fn group(&self, group_id: &str, topic: &str, isolation: Isolation) -> Group {
        Group {
            consumer: self.consumer(isolation, group_id),
            topic: topic.to_owned(),
            partitions: self.partitions(topic),
        }
    }

    /// A client that belongs to no group until somebody subscribes it, which nobody here does.
    pub fn consumer(&self, isolation: Isolation, group_id: &str) -> BaseConsumer {
        let isolation = match isolation {
            Isolation::Committed => "read_committed",
            Isolation::Uncommitted => "read_uncommitted",
        };
        ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("group.id", group_id)
            .set("isolation.level", isolation)
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "50")
            .set("fetch.queue.backoff.ms", "5")
            .set("reconnect.backoff.max.ms", "200")
            // What librdkafka says of a broker that is still starting is no news.
            .set("log_level", "2")
            .create()
            .expect("these settings are valid")
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create().expect("these settings are valid")
    }
}

/// Topics whose ends are looked at.
pub struct Watch {
    consumer: BaseConsumer,
    partitions: Vec<(String, i32)>,
}

impl Watch {
    /// The end of every partition, what open transactions wrote included. Nothing while the broker does not answer.
    pub fn ends(&self) -> Option<Vec<i64>> {
        let end_of = |(topic, partition): &(String, i32)| {
            self.consumer.fetch_watermarks(topic, *partition, ANSWER_WITHIN).ok().map(|(_, end)| end)
        };
        self.partitions.iter().map(end_of).collect()
    }
}

/// How far a consumer group has come in one topic.
pub struct Group {
    consumer: BaseConsumer,
    topic: String,
    partitions: Vec<i32>,
}

impl Group {
    /// The offset committed for each partition, 0 where none is. Nothing while an open transaction hides the answer,
    /// unless the group was opened to look past it.
    pub fn committed(&self) -> Option<BTreeMap<i32, i64>> {
        let mut wanted = TopicPartitionList::new();
        for partition in &self.partitions {
            wanted.add_partition(&self.topic, *partition);
        }
        let answer = self.consumer.committed_offsets(wanted, ANSWER_WITHIN).ok()?;
        let mut offsets = BTreeMap::new();
        for part in answer.elements() {
            part.error().ok()?;
            let offset = match part.offset() {
                Offset::Offset(offset) => offset,
                _ => 0,
            };
            offsets.insert(part.partition(), offset);
        }
        Some(offsets)
    }
}

/// The admin client speaks futures; the tests do not.
fn finish<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers always builds")
        .block_on(work)
}
