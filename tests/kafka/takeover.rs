//! Members that die with a transaction open. The brokers would keep it open for a quarter of an hour, which is longer
//! than anything is waited for here.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::agreement::changelog_must_agree;
use crate::answers::{load, open_with_topics, said_by, wait_until_all_is_read};
use crate::inputs::{Progress, Waves, close};
use crate::support::broker::Broker;
use crate::support::cluster::{ANSWER_WITHIN, Isolation};
use crate::support::service::{Service, Shop, Topic};

/// The most that brokers allow.
const OPEN_FOR: Duration = Duration::from_secs(900);

fn open(name: &str) -> Shop {
    let mut shop = open_with_topics(Broker::shared().cluster(), name);
    shop.set_number("engine", "threads", "1");
    shop.set_text("engine", "transaction_timeout", &format!("{}s", OPEN_FOR.as_secs()));
    load(&shop, "3000", "300", "71");
    shop
}

/// Whether a topic holds what a reader may not see yet.
fn hides_something(shop: &Shop, topic: Topic) -> bool {
    let ends = |isolation| shop.cluster().end_offsets(&shop.topic(topic), isolation);
    ends(Isolation::Committed) != ends(Isolation::Uncommitted)
}

fn must_have_done_everything(shop: &Shop, mut survivor: Service, since: Instant) {
    wait_until_all_is_read(shop, &mut survivor);
    let took = since.elapsed().as_secs_f64();
    eprintln!("{}: all is read {took:.1} s after the death, some of it spent on looking twice", shop.group_id());
    let expected = Waves::first(shop).expected();
    said_by(shop).must_be(&expected);
    changelog_must_agree(shop, &expected);
    for topic in [Topic::ReturningCustomers, Topic::ChurnRisk, Topic::State] {
        assert!(!hides_something(shop, topic), "{topic:?} still holds what readers may not see");
    }
    survivor.terminate();
}

#[test]
fn signals_left_open_by_a_killed_member_hide_nothing_of_its_successor() {
    let mut shop = open("left-open");
    // After a quiet time a batch waits for a tenth of it, then for all of it.
    shop.set_text("engine", "commit_interval", "20s");
    let progress = Progress::of(&shop);
    let mut service = shop.start_as(&shop.instance("1", true));
    let written = Waves::first(&shop).count();
    service.wait_until("what it has read is committed", |_| progress.records() == written);

    close(&shop);
    service.wait_until("it tells of those who fell silent", |_| hides_something(&shop, Topic::ChurnRisk));
    service.kill9();
    let since = Instant::now();
    assert!(hides_something(&shop, Topic::ChurnRisk), "its transaction is open");

    let survivor = shop.start_as(&shop.instance("2", true));
    must_have_done_everything(&shop, survivor, since);
}

/// Its offsets are with the group and count for nothing until it ends the transaction, which it never will.
fn die_in_the_middle_of_a_commit(shop: &Shop, transactional_id: &str) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", shop.cluster().bootstrap())
        .set("transactional.id", transactional_id)
        .set("transaction.timeout.ms", OPEN_FOR.as_millis().to_string())
        .create()
        .expect("these settings are valid");
    producer.init_transactions(ANSWER_WITHIN).expect("whoever had the id is dead");
    producer.begin_transaction().expect("none is open");
    let state = shop.topic(Topic::State);
    for partition in shop.cluster().partitions(&state) {
        let record = BaseRecord::to(&state).partition(partition).key("c").payload("never to be seen");
        producer.send(record).expect("the queue has room");
    }
    producer.flush(ANSWER_WITHIN).expect("the broker takes it");
    let purchases = shop.topic(Topic::Purchases);
    let mut offsets = TopicPartitionList::new();
    for partition in shop.cluster().partitions(&purchases) {
        offsets.add_partition_offset(&purchases, partition, Offset::Offset(0)).expect("an offset");
    }
    // The group takes the word of whoever never joined it.
    let stranger: BaseConsumer = shop.cluster().consumer(Isolation::Committed, &shop.group_id());
    let group = stranger.group_metadata().expect("it has a group");
    producer.send_offsets_to_transaction(&offsets, &group, ANSWER_WITHIN).expect("the group takes them");
    assert!(hides_something(shop, Topic::State), "the transaction is open");
}

/// One reads everything and dies in the middle of a later commit; then another, or the same again, has to go on.
fn goes_on_after_a_death_in_the_middle_of_a_commit(shop: &Shop, name: &str, successor: &str) {
    let mut service = shop.start_as(&shop.instance("1", true));
    wait_until_all_is_read(shop, &mut service);
    service.kill9();
    let since = Instant::now();
    die_in_the_middle_of_a_commit(shop, &format!("{}-{name}-1-0", shop.group_id()));
    let survivor = shop.start_as(&shop.instance(successor, true));
    close(shop);
    must_have_done_everything(shop, survivor, since);
}

#[test]
fn a_commit_that_a_dead_member_began_does_not_hold_up_its_successor() {
    let name = "half-committed";
    goes_on_after_a_death_in_the_middle_of_a_commit(&open(name), name, "2");
}

#[test]
fn a_commit_that_it_began_in_an_earlier_life_does_not_hold_up_a_member() {
    let name = "half-committed-by-itself";
    goes_on_after_a_death_in_the_middle_of_a_commit(&open(name), name, "1");
}

/// With one client id for all nobody can tell the living from the dead. Whoever is held up takes the id all the same.
#[test]
fn nobody_is_held_up_for_long_where_the_living_and_the_dead_look_the_same() {
    let name = "half-committed-by-anybody";
    let mut shop = open(name);
    shop.set_text("kafka.client", "\"client.id\"", "the-shop");
    goes_on_after_a_death_in_the_middle_of_a_commit(&shop, name, "2");
}
