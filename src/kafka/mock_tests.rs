//! What becomes of a transaction when its requests fail, and of a member that is shut out at the worst moment, on
//! librdkafka's mock cluster: it fails a request at will, which no real broker does.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::bindings::rd_kafka_test_fatal_error;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Error};

use super::client::Connection;
use super::consumer::{GroupConsumer, PollError, SEEKS_FAILED_MAX};
use super::producer::Transactions;
use crate::pipeline::Fault;
use crate::pipeline::ports::{InputPartition, Polled};
use crate::wire::Source;

const TOPIC: &str = "orders";

struct Stage {
    cluster: MockCluster<'static, DefaultProducerContext>,
    member: BaseConsumer,
    transactions: Transactions,
}

fn cluster() -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic(TOPIC, 1, 1).expect("a topic");
    cluster
}

fn connection(cluster: &MockCluster<'static, DefaultProducerContext>) -> Connection {
    Connection {
        bootstrap_servers: cluster.bootstrap_servers(),
        group_id: "shop".to_owned(),
        instance_id: None,
        properties: Default::default(),
        inputs: vec![(Source::Purchases, TOPIC.to_owned())],
        returning_customers: String::new(),
        churn_risk: String::new(),
        dead_letters: String::new(),
        state: String::new(),
        transaction_timeout: Duration::from_secs(20),
        max_value_bytes: 1_000_000,
        max_dead_letter_bytes: 2_000_000,
    }
}

impl Stage {
    fn new() -> Self {
        let cluster = cluster();
        let servers = cluster.bootstrap_servers();
        let member = ClientConfig::new().set("bootstrap.servers", &servers).set("group.id", "shop").create();
        let transactions = Transactions::new(&connection(&cluster), "shop-1-0");
        Self { cluster, member: member.expect("a consumer"), transactions }
    }

    /// A record and an offset in one transaction.
    fn transact(&mut self) -> Result<(), Fault> {
        self.transactions.send(TOPIC, Some(0), Some(b"ana"), Some(b"{}"), &[("ce_id", Some(b"1"))])?;
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(TOPIC, 0, Offset::Offset(7)).expect("an offset");
        self.transactions.commit(&offsets, &self.member).map(drop)
    }

    /// The same with the next request of a kind failing so.
    fn transact_while(&mut self, request: Api, fails: Error) -> Result<(), Fault> {
        self.cluster.request_errors(request, &[fails]);
        let outcome = self.transact();
        self.cluster.clear_request_errors(request);
        outcome
    }

    fn producers(&self) -> u64 {
        self.transactions.usage().producers
    }
}

/// What a fault means for whoever called.
fn class(outcome: Result<(), Fault>) -> &'static str {
    match outcome {
        Ok(()) => "done",
        Err(Fault::Passing(_)) => "again",
        Err(Fault::MustAbort(_)) => "abort",
        Err(Fault::OutcomeUnknown(_)) => "unknown",
        Err(Fault::Final(_)) => "final",
    }
}

/// librdkafka sends such a request again, and the first may still be on its way: it must not meet a later transaction.
#[test]
fn a_request_that_breaks_off_ends_the_producer_with_its_transaction() {
    for request in [Api::Produce, Api::AddPartitionsToTxn, Api::AddOffsetsToTxn, Api::TxnOffsetCommit, Api::EndTxn] {
        let mut stage = Stage::new();
        stage.transact().expect("nothing fails");
        stage.transact().expect("nothing fails");
        assert_eq!(stage.producers(), 1, "{request:?}: one producer is enough as long as all is answered");
        stage.transact_while(request, Error::RD_KAFKA_RESP_ERR__TRANSPORT).expect("it is sent again");
        stage.transact().expect("nothing fails");
        stage.transact().expect("nothing fails");
        assert_eq!(stage.producers(), 2, "{request:?} broke off: a new producer, and that one is kept");
    }
}

#[test]
fn a_request_that_is_answered_and_sent_again_keeps_the_producer() {
    for (request, answer) in [
        (Api::AddPartitionsToTxn, Error::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS),
        (Api::AddOffsetsToTxn, Error::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS),
        (Api::TxnOffsetCommit, Error::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS),
        (Api::EndTxn, Error::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS),
    ] {
        let mut stage = Stage::new();
        stage.transact_while(request, answer).expect("it is sent again");
        stage.transact().expect("nothing fails");
        assert_eq!(stage.producers(), 1, "{request:?} was answered {answer:?}");
    }
}

#[test]
fn what_an_answer_means_for_the_transaction() {
    for (request, answer, expected) in [
        (Api::InitProducerId, Error::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "final"),
        (Api::InitProducerId, Error::RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, "final"),
        (Api::Produce, Error::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "final"),
        (Api::Produce, Error::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "final"),
        (Api::Produce, Error::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, "abort"),
        (Api::AddPartitionsToTxn, Error::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, "abort"),
        (Api::AddOffsetsToTxn, Error::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, "unknown"),
        (Api::AddOffsetsToTxn, Error::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "final"),
        (Api::TxnOffsetCommit, Error::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "final"),
        (Api::TxnOffsetCommit, Error::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, "abort"),
        (Api::TxnOffsetCommit, Error::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, "abort"),
        (Api::TxnOffsetCommit, Error::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "abort"),
        (Api::TxnOffsetCommit, Error::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, "unknown"),
        (Api::EndTxn, Error::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, "unknown"),
        (Api::EndTxn, Error::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, "unknown"),
        (Api::EndTxn, Error::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "final"),
    ] {
        let mut stage = Stage::new();
        let outcome = stage.transact_while(request, answer);
        assert_eq!(class(outcome.clone()), expected, "{request:?} answered {answer:?}: {outcome:?}");
    }
}

#[test]
fn what_is_too_large_for_the_client_itself_is_not_tried_again_and_again() {
    let mut stage = Stage::new();
    let key = vec![b'k'; 4_000_000];
    let refused = stage.transactions.send(TOPIC, Some(0), Some(&key), None, &[]);
    assert_eq!(class(refused.clone()), "final", "{refused:?}");
}

/// Rewinds a member until that is done with, says how often that took and what a poll says then. It leaves as the service's
/// do, and before anything fails: to just drop one that is shut out would wait for ever.
fn rewind_and_poll(prepare: impl Fn(&GroupConsumer)) -> (u32, Result<Polled, PollError>) {
    let cluster = cluster();
    let mut member = GroupConsumer::new(&connection(&cluster), "shop-1-0", 0).expect("a consumer");
    prepare(&member);
    let back = [(InputPartition { source: Source::Purchases, partition: 0 }, 7)];
    let times = (1..=2 * SEEKS_FAILED_MAX).find(|_| member.rewind(&back).is_ok());
    let polled = member.poll(Duration::ZERO, &mut |_| {});
    member.leave(Duration::from_secs(2));
    (times.unwrap_or_default(), polled)
}

/// Its transaction is refused, and what it was to read again is not there any more: were that tried until it works, nobody
/// would ever poll, and only a poll tells that it is shut out.
#[test]
fn a_member_that_is_shut_out_reads_nothing_again_and_hears_so_from_its_next_poll() {
    let (times, polled) = rewind_and_poll(shut_out);
    assert_eq!(times, 1);
    assert!(matches!(polled, Err(PollError::Fenced(reason)) if reason.contains("a newer pod")));
}

/// As librdkafka does itself when a broker says that another has this member's name.
#[allow(unsafe_code)]
fn shut_out(member: &GroupConsumer) {
    let fenced = Error::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
    // SAFETY: the client lives as long as `member`, and the text, which is copied, ends with a zero.
    unsafe { rd_kafka_test_fatal_error(member.client().client().native_ptr(), fenced, c"a newer pod".as_ptr()) };
}

/// This one has been given no partition yet, which is as one is that librdkafka has let go.
#[test]
fn a_member_that_can_read_nothing_again_is_given_up_after_a_while() {
    let (times, polled) = rewind_and_poll(|_| {});
    assert_eq!(times, SEEKS_FAILED_MAX);
    assert!(matches!(polled, Err(PollError::Unusable(reason)) if reason.contains("can't rewind")));
}
