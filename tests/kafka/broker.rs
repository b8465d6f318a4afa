//! The broker under the other tests, and their way to read and write: what they would not notice must be noticed here.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support::broker::Broker;
use crate::support::cluster::Isolation;
use crate::support::topic::Outgoing;

const ANSWER_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn a_topic_is_read_as_it_was_written() {
    let cluster = Broker::shared().cluster();
    cluster.create_topic("written", 3, &[("max.message.bytes", "4194304")]);
    let bytes = |text: &str| Some(text.as_bytes().to_vec());
    let written = [
        Outgoing { key: bytes("ana"), value: bytes("{}"), ..Outgoing::default() },
        Outgoing { key: bytes("ben"), value: None, ..Outgoing::default() },
        Outgoing { key: None, value: Some(Vec::new()), partition: Some(1), ..Outgoing::default() },
        Outgoing { key: Some(Vec::new()), value: Some(vec![7; 3 * 1024 * 1024]), ..Outgoing::default() },
        Outgoing {
            key: bytes("ana"),
            value: Some(vec![0, 255]),
            headers: vec![("a".into(), bytes("1")), ("a".into(), None), ("b".into(), Some(Vec::new()))],
            partition: Some(2),
        },
    ];
    let writer = cluster.writer("written");
    for outgoing in &written {
        writer.write(outgoing);
    }
    writer.flush();
    let read = cluster.read_whole("written", Isolation::Committed);
    assert_eq!(read.len(), written.len());
    for outgoing in &written {
        let found = read.iter().find(|record| {
            record.key == outgoing.key
                && record.value == outgoing.value
                && record.headers == outgoing.headers
                && outgoing.partition.is_none_or(|partition| partition == record.partition)
        });
        assert!(found.is_some(), "{:?} with {:?} was not read back", outgoing.key, outgoing.headers);
    }
    let ends = cluster.end_offsets("written", Isolation::Uncommitted);
    assert_eq!(ends.values().sum::<i64>(), written.len() as i64);
    cluster.expire_records_before("written", 2, ends[&2]);
    let left = cluster.read_whole("written", Isolation::Uncommitted);
    assert!(!left.is_empty() && left.iter().all(|record| record.partition != 2), "partition 2 was emptied");
}

#[test]
fn what_was_aborted_is_not_read_as_committed() {
    let cluster = Broker::shared().cluster();
    cluster.create_topic("transacted", 1, &[]);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap())
        .set("transactional.id", "undecided")
        .create()
        .expect("these settings are valid");
    producer.init_transactions(ANSWER_WITHIN).expect("nobody else uses this id");
    for (value, stands) in [("kept", true), ("dropped", false), ("kept too", true), ("dropped at the end", false)] {
        producer.begin_transaction().expect("none is open");
        producer.send(BaseRecord::<[u8], str>::to("transacted").payload(value)).expect("the queue has room");
        producer.flush(ANSWER_WITHIN).expect("the broker takes it");
        if stands {
            producer.commit_transaction(ANSWER_WITHIN).expect("the broker answers");
        } else {
            producer.abort_transaction(ANSWER_WITHIN).expect("the broker answers");
        }
    }
    let values = |isolation| {
        let records = cluster.read_whole("transacted", isolation);
        records.into_iter().map(|record| String::from_utf8(record.value.unwrap_or_default())).collect::<Vec<_>>()
    };
    let text = |value: &str| Ok(value.to_owned());
    assert_eq!(values(Isolation::Committed), [text("kept"), text("kept too")]);
    assert_eq!(values(Isolation::Uncommitted).len(), 4);
}
