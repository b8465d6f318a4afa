//! Where the records of a partition are fetched to, and wait to be polled.
//!
//! A pause throws away what was fetched already, to fetch it again when reading goes on: a service that pauses the inputs
//! which run ahead reads much of them twice. An input's own fetch queue holds it back without a loss: cut off from
//! the queue that all inputs are polled from it fills up to its bound, and is emptied into that one later.

use std::ffi::CString;

use rdkafka::bindings::{
    rd_kafka_get_watermark_offsets, rd_kafka_position, rd_kafka_queue_destroy, rd_kafka_queue_forward,
    rd_kafka_queue_get_consumer, rd_kafka_queue_get_partition,
};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;

/// Lets the records of a partition come to where all are polled from, those that have gathered first; or lets them
/// gather. What had already come there still comes.
///
/// Once this was used of a partition, librdkafka cuts it off when it is taken away and leaves to us to let it flow when it
/// is given again.
#[allow(unsafe_code)]
pub(super) fn let_flow<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &str, partition: i32, flows: bool) {
    let Ok(topic) = CString::new(topic) else { return };
    let client = consumer.client().native_ptr();
    // SAFETY: the client lives as long as `consumer`; topic is a C string; the queues that are got here are given back,
    // librdkafka counts itself who else refers to them. No queue at all is a valid place to forward to.
    unsafe {
        let fetched = rd_kafka_queue_get_partition(client, topic.as_ptr(), partition);
        let polled = if flows { rd_kafka_queue_get_consumer(client) } else { std::ptr::null_mut() };
        if !fetched.is_null() {
            rd_kafka_queue_forward(fetched, polled);
            rd_kafka_queue_destroy(fetched);
        }
        if !polled.is_null() {
            rd_kafka_queue_destroy(polled);
        }
    }
}

/// Where the partition ended when something was last fetched from it; `None` while nobody knows.
#[allow(unsafe_code)]
pub(super) fn known_end<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &str, partition: i32) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1i64, -1i64);
    // SAFETY: the client lives as long as `consumer`; topic is a C string; both offsets are valid to write to.
    let answer = unsafe {
        let client = consumer.client().native_ptr();
        rd_kafka_get_watermark_offsets(client, topic.as_ptr(), partition, &mut low, &mut high)
    };
    (answer == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// The offset after the last record that was polled of the partition, past what follows it that is none; `None`: nothing was.
#[allow(unsafe_code)]
pub(super) fn position<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &str, partition: i32) -> Option<i64> {
    let mut asked = TopicPartitionList::with_capacity(1);
    asked.add_partition(topic, partition);
    // rdkafka's own position() asks another thread for the assignment first; this is asked for once a record.
    // SAFETY: client and list live as long as the call, which writes to the list alone.
    let answer = unsafe { rd_kafka_position(consumer.client().native_ptr(), asked.ptr()) };
    if answer != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return None;
    }
    match asked.find_partition(topic, partition)?.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }
}
