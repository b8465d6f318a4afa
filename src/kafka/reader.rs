//! Reading topics as a downstream service would: committed records, from the beginning on.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::{Connection, passing, unusable};
use super::consumer::ANSWER_WITHIN;
use crate::pipeline::Fault;

/// A reader of whole topics, without a group.
pub struct Reader(BaseConsumer<DefaultConsumerContext>);

impl Reader {
    /// A reader of these topics.
    pub fn new(connection: &Connection, topics: &[&str]) -> Result<Self, Fault> {
        let ours = [
            ("group.id", "homecoming-reader"),
            ("enable.auto.commit", "false"),
            ("isolation.level", "read_committed"),
            ("auto.offset.reset", "earliest"),
            ("fetch.wait.max.ms", "50"),
        ];
        let consumer: BaseConsumer<DefaultConsumerContext> =
            connection.client("reader", &ours).create().map_err(unusable("consumer"))?;
        let mut list = TopicPartitionList::new();
        for name in topics {
            let metadata = consumer.fetch_metadata(Some(name), ANSWER_WITHIN).map_err(passing("can't see a topic"))?;
            for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
                list.add_partition_offset(name, partition.id(), Offset::Beginning).map_err(passing("can't read"))?;
            }
        }
        consumer.assign(&list).map_err(passing("can't read"))?;
        Ok(Self(consumer))
    }

    /// The next record's value, if one comes within `wait`.
    pub fn next(&self, wait: Duration) -> Option<Vec<u8>> {
        let message = self.0.poll(wait)?.ok()?;
        message.payload().map(<[u8]>::to_vec)
    }
}
