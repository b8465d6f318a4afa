//! What docs/operations.md says of changing the number of partitions and of going back to a backup, done step by step.

use std::collections::{BTreeMap, BTreeSet};

use crate::agreement::{changelog_must_agree, memory_must_agree};
use crate::answers::{OF_PURCHASES, load, must_tell_of, open_with_topics, wait_until_all_is_read, wait_until_time_is};
use crate::inputs::{CLOSING_TIME, Waves, Writers, Written, close, inputs_of, topic_of};
use crate::malformed::EventText;
use crate::support::audit::Said;
use crate::support::broker::Broker;
use crate::support::cluster::Isolation;
use crate::support::model::{Expected, Input, calendar};
use crate::support::service::{Service, Shop, Topic};
use crate::support::topic::{Outgoing, Record};

const EVENTS: &str = "6000";
const CUSTOMERS: &str = "600";

/// `allowed_lateness` before [`CLOSING_TIME`]: where the time of every partition stands that was closed.
const STOPPED_AT: &str = "2025-12-31T23:00:00Z";

/// When everybody has bought once more, and when all has been said of that.
const LATER: &str = "2026-01-05T00:00:00Z";
const MUCH_LATER: &str = "2026-04-15T00:00:00Z";
const ENDED_AT: &str = "2026-04-14T23:00:00Z";

#[test]
fn a_shop_moves_to_topics_of_more_partitions() {
    let cluster = Broker::shared().cluster();
    let old = open_with_topics(cluster, "unmoved");
    load(&old, EVENTS, CUSTOMERS, "71");
    close(&old);
    let mut service = old.start();
    wait_until_all_is_read(&old, &mut service);
    wait_until_time_is(&mut service, 4, calendar::parse(STOPPED_AT).expect("a time"));
    service.terminate();
    let said_before = ids_on(&old);

    let mut new = Shop::open(cluster, "moved");
    for output in [Topic::ReturningCustomers, Topic::ChurnRisk, Topic::DeadLetters] {
        new.set_text("topics", key_of(output), &old.topic(output));
    }
    new.set_text("time", "merge_wait", "1h");
    new.set_text("signals", "not_before", STOPPED_AT);
    new.homecoming(&["topics", "--config", "CONFIG", "--partitions", "6"]);
    copy_by_key(&old, &new);
    buy_once_more(&new);
    close_at(&new, MUCH_LATER);
    let expected = Waves::first(&new).expected();
    must_tell_of(&expected, &OF_PURCHASES);

    let mut service = new.start();
    wait_until_read(&new, &new.group_id(), &mut service);
    wait_until_time_is(&mut service, 6, calendar::parse(ENDED_AT).expect("a time"));
    changelog_must_agree(&new, &expected);
    memory_must_agree(&[&service], &expected);
    service.terminate();

    // Together they have said everything, in order; twice only what the old one said of the last hour.
    let twice = said_on(&old, &expected);
    let of_the_last_hour = |record: &Record| {
        let at = record.json()["occurred_at"].as_str().and_then(calendar::parse);
        at >= calendar::parse(STOPPED_AT)
    };
    assert!(twice.iter().all(of_the_last_hour), "told again of before: {:?}", twice.first());
    assert!(twice.iter().all(|record| said_before.contains(&id_of(record))), "the new one said something twice");
    let said_after = ids_on(&old);
    assert!(!said_before.is_empty() && said_after.len() > said_before.len(), "one of them had nothing to say");
}

#[test]
fn a_copy_of_the_state_topic_is_gone_on_from() {
    let cluster = Broker::shared().cluster();
    let mut shop = open_with_topics(cluster, "backed-up");
    load(&shop, EVENTS, CUSTOMERS, "72");
    close(&shop);
    let mut service = shop.start();
    wait_until_read(&shop, &shop.group_id(), &mut service);
    service.terminate();
    let mut waves = Waves::first(&shop);
    let (state, copy) = (shop.topic(Topic::State), "backed-up-copy");
    cluster.create_topic(copy, 4, &[("cleanup.policy", "compact")]);
    copy_in_place(&shop, &state, copy);
    let copied = ids_on(&shop);

    // All of this is lost with the state topic.
    buy_once_more(&shop);
    close_at(&shop, MUCH_LATER);
    let mut service = shop.start();
    wait_until_read(&shop, &shop.group_id(), &mut service);
    wait_until_time_is(&mut service, 4, calendar::parse(ENDED_AT).expect("a time"));
    service.terminate();
    let since: BTreeSet<String> = ids_on(&shop).difference(&copied).cloned().collect();
    assert!(!since.is_empty(), "nothing was said since the copy");

    let group = "backed-up-again";
    shop.set_text("kafka", "group_id", group);
    shop.set_text("topics", "state", copy);
    let mut service = shop.start();
    wait_until_read(&shop, group, &mut service);
    wait_until_time_is(&mut service, 4, calendar::parse(ENDED_AT).expect("a time"));
    waves.take_next(&shop);
    let expected = waves.expected();
    memory_must_agree(&[&service], &expected);
    service.terminate();
    let twice: BTreeSet<String> = said_on(&shop, &expected).iter().map(id_of).collect();
    assert_eq!(twice, since, "what is said twice is what was said since the copy");
}

fn key_of(output: Topic) -> &'static str {
    match output {
        Topic::ReturningCustomers => "returning_customers",
        Topic::ChurnRisk => "churn_risk",
        _ => "dead_letters",
    }
}

/// The oldest of all partitions first, each record by its key: partition by partition, most would come too late. What was
/// written when is told by the events here, as `load` writes a year within a second.
fn copy_by_key(from: &Shop, to: &Shop) {
    let writers = Writers::to(to);
    let written = Written::to(from);
    for input in Input::ALL {
        let mut records = written.on(input).to_vec();
        records.sort_by_key(|record| record.json()["occurred_at"].as_str().and_then(calendar::parse));
        writers.copy(input, &records);
    }
    writers.flush();
}

/// All that may be seen, record by record, each to the partition it came from.
fn copy_in_place(shop: &Shop, from: &str, to: &str) {
    let writer = shop.cluster().writer(to);
    for record in shop.cluster().read_whole(from, Isolation::Committed) {
        let Record { partition, key, value, headers, .. } = record;
        writer.write(&Outgoing { key, value, headers, partition: Some(partition) });
    }
    writer.flush();
}

/// Everybody who bought, once more.
fn buy_once_more(shop: &Shop) {
    let written = Written::to(shop);
    let customers: BTreeSet<String> = written
        .on(Input::Purchases)
        .iter()
        .map(Record::json)
        .filter(|event| event["type"] == "purchase")
        .map(|event| event["customer_id"].as_str().expect("a purchase has a customer").to_owned())
        .collect();
    let writers = Writers::to(shop);
    for customer in customers {
        let order = format!("later-{customer}");
        writers.write(Input::Purchases, &EventText::purchase(&customer, &order, LATER, "20.00").record());
    }
    writers.flush();
}

/// Ends every partition of every input at one instant, as `close` does at [`CLOSING_TIME`].
fn close_at(shop: &Shop, at: &str) {
    assert!(at > CLOSING_TIME, "time does not go back");
    let writers = Writers::to(shop);
    for input in inputs_of(shop) {
        for partition in shop.cluster().partitions(&shop.topic(topic_of(input))) {
            let (customer, id) = (format!("ending-{partition}"), format!("ending-{input:?}-{partition}"));
            let event = match input {
                Input::Purchases => EventText::refund(&customer, &id, at, "1.00"),
                Input::Support => EventText::feedback(&customer, &id, at, "nps", "9"),
                Input::Contacts => EventText::review_held(&customer, &id, at),
            };
            writers.write(input, &Outgoing { partition: Some(partition), ..event.record() });
        }
    }
    writers.flush();
}

/// Waits until this group has committed the end of every input, and nobody's transaction is open.
fn wait_until_read(shop: &Shop, group: &str, service: &mut Service) {
    service.wait_until("the committed offsets reach the inputs' ends", |_| {
        inputs_of(shop).into_iter().all(|input| {
            let topic = shop.topic(topic_of(input));
            let ends = shop.cluster().end_offsets(&topic, Isolation::Uncommitted);
            shop.cluster().group(group, &topic, Isolation::Committed).committed() == Some(ends)
        })
    });
}

fn signals_on(shop: &Shop) -> [Vec<Record>; 2] {
    [Topic::ReturningCustomers, Topic::ChurnRisk]
        .map(|topic| shop.cluster().read_whole(&shop.topic(topic), Isolation::Committed))
}

fn ids_on(shop: &Shop) -> BTreeSet<String> {
    signals_on(shop).iter().flatten().map(id_of).collect()
}

fn id_of(record: &Record) -> String {
    record.json()["event_id"].as_str().expect("a signal has an id").to_owned()
}

/// What was said, as somebody reads it who remembers ids, must be what was to be expected. Gives what came again.
fn said_on(shop: &Shop, expected: &Expected) -> Vec<Record> {
    let (mut seen, mut twice): (BTreeMap<String, Record>, Vec<Record>) = Default::default();
    let [returning, churn_risk] = signals_on(shop).map(|records| {
        let mut once = Vec::new();
        for record in records {
            match seen.insert(id_of(&record), record.clone()) {
                None => once.push(record),
                Some(first) => {
                    assert_eq!(first.value, record.value, "the same id, but not the same signal");
                    twice.push(record);
                }
            }
        }
        once
    });
    Said::on_topics(&returning, &churn_risk).must_be(expected);
    twice
}
