//! Two whole shops, read to their end: one in peace, one with the service killed again and again.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use crate::answers::{
    expected_of, input_of, load, must_tell_of_everything, open_with_topics, said_by, wait_until_all_is_read,
};
use crate::hostile_shop::HostileShop;
use crate::support::audit::{Said, audit_dead_letters, customers_in_changelog};
use crate::support::broker::Broker;
use crate::support::cluster::Isolation;
use crate::support::model::{Ending, Expected, Limits, calendar};
use crate::support::random::Chance;
use crate::support::service::{Service, Shop, Topic};
use crate::support::topic::{Outgoing, Record};

const EVENTS: usize = 200_000;
const CUSTOMERS: &str = "20000";

/// The hostile shop's limit for one record: what is too large for the service must still fit its topic.
const INPUT_LIMIT: &str = "4194304";

/// At which share of the input, in percent, the service is killed.
const KILLED_AT: [usize; 4] = [12, 34, 56, 78];

/// Written in portions with a pause, so that there is always something left to read when the service is killed.
const PORTION: usize = 500;
const PAUSE: Duration = Duration::from_millis(40);

const CUSTOMERS_ASKED_FOR: usize = 200;

#[test]
fn a_shop_of_200_000_events_is_answered_exactly_once() {
    let shop = open_with_topics(Broker::shared().cluster(), "peaceful");
    load(&shop, &EVENTS.to_string(), CUSTOMERS, "7");
    let input = input_of(&shop);
    assert_eq!(input.len(), EVENTS, "`load` writes as many events as it was asked for");
    let expected = expected_of(&input);
    must_tell_of_everything(&expected);
    assert_eq!(expected.refused, [], "`load` writes nothing that would be refused");

    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    let said = said_by(&shop);
    said.must_be(&expected);
    let ids = said.ids();
    assert_eq!(said.count(), expected.signals());
    assert_eq!(shop.cluster().read_whole(&shop.topic(Topic::DeadLetters), Isolation::Committed), []);
    service.terminate();

    replay_must_give_the_same(&shop, input, &expected, &ids);
}

/// `replay` moves time on to the greatest event time of all at its end, where `run` leaves each partition's time an
/// hour behind its own: it may say more, and nothing else.
fn replay_must_give_the_same(shop: &Shop, input: Vec<Record>, on_kafka: &Expected, ids: &BTreeSet<(String, String)>) {
    let history = in_one_file(input);
    let lines: Vec<&[u8]> = history.iter().map(|record| record.value.as_deref().expect("none was refused")).collect();
    fs::write(shop.file("dump.jsonl"), lines.join(&b'\n')).expect("the folder is ours");
    shop.homecoming(&["replay", "--input", "dump.jsonl", "--signals", "out.jsonl"]);
    let replayed = Said::in_lines(&fs::read_to_string(shop.file("out.jsonl")).expect("replay wrote its signals"));

    let expected =
        Expected::of(&history, Limits { latest_credible: calendar::Instant::MAX }, Ending::AtTheGreatestTime);
    replayed.must_be(&expected);
    let replayed_ids = replayed.ids();
    let unknown: Vec<_> = ids.difference(&replayed_ids).take(5).collect();
    assert!(unknown.is_empty(), "`run` gave ids that `replay` did not: {unknown:?}");
    assert_eq!(replayed_ids.len() - ids.len(), expected.signals() - on_kafka.signals(), "more ids than more signals");
}

/// The partitions' logs merged by event time, as the one partition of a replay.
fn in_one_file(mut input: Vec<Record>) -> Vec<Record> {
    input.sort_by_key(|record| (occurred_at(record), record.partition, record.offset));
    for (place, record) in (0..).zip(&mut input) {
        record.partition = 0;
        record.offset = place;
    }
    input
}

fn occurred_at(record: &Record) -> calendar::Instant {
    calendar::parse(record.json()["occurred_at"].as_str().expect("an event has a time")).expect("a valid time")
}

#[test]
fn kill_minus_9_in_the_middle_loses_and_doubles_nothing() {
    let cluster = Broker::shared().cluster();
    let stock = open_with_topics(cluster, "stock");
    load(&stock, &EVENTS.to_string(), CUSTOMERS, "11");
    let hostile = HostileShop::from_clean(&input_of(&stock), 20_260_301);

    let shop = Shop::open(cluster, "hostile");
    let purchases = shop.topic(Topic::Purchases);
    cluster.create_topic(&purchases, 4, &[("max.message.bytes", INPUT_LIMIT)]);
    shop.homecoming(&["topics", "--config", "CONFIG", "--partitions", "4"]);

    let mut service = std::thread::scope(|scope| {
        let service = shop.start();
        scope.spawn(|| write_slowly(&shop, &hostile.records));
        kill_again_and_again(&shop, service, hostile.records.len())
    });

    let input = input_of(&shop);
    assert_eq!(input.len(), hostile.records.len());
    let expected = expected_of(&input);
    must_tell_of_everything(&expected);
    hostile.must_be_refused_as_meant(&expected);
    wait_until_all_is_read(&shop, &mut service);

    let said = said_by(&shop);
    said.must_be(&expected);
    assert_eq!(said.ids().len(), expected.signals());
    let letters = cluster.read_whole(&shop.topic(Topic::DeadLetters), Isolation::Committed);
    audit_dead_letters(&letters, &expected.refused, &purchases);
    let known: BTreeSet<String> = expected.stories.keys().cloned().collect();
    let kept = customers_in_changelog(&cluster.read_whole(&shop.topic(Topic::State), Isolation::Committed));
    let some = |of: &BTreeSet<String>, not_of| of.difference(not_of).take(5).cloned().collect::<Vec<_>>();
    assert!(
        kept == known,
        "in the changelog only: {:?}, missing there: {:?}",
        some(&kept, &known),
        some(&known, &kept)
    );
    memory_must_agree(&mut service, &expected);
    service.terminate();
}

fn write_slowly(shop: &Shop, records: &[Outgoing]) {
    let writer = shop.cluster().writer(&shop.topic(Topic::Purchases));
    for portion in records.chunks(PORTION) {
        for record in portion {
            writer.write(record);
        }
        std::thread::sleep(PAUSE);
    }
    writer.flush();
}

/// Kills at different points of progress, and the last time while it is restoring what the ones before it left.
fn kill_again_and_again(shop: &Shop, mut service: Service, total: usize) -> Service {
    let group = shop.cluster().group(&shop.group_id(), &shop.topic(Topic::Purchases));
    let read = || group.records_behind().and_then(|records| usize::try_from(records).ok()).unwrap_or(0);
    for percent in KILLED_AT {
        service.wait_until(&format!("{percent} % are read"), |_| read() * 100 >= total * percent);
        service.kill9();
        assert!(read() < total, "it was done before it was killed at {percent} %");
        service = shop.start();
    }
    service.wait_until("its own threads turn", |service| {
        service.http_get("/healthz").is_some_and(|(status, _)| status == 200)
    });
    service.kill9();
    assert!(read() < total, "it was done before it was killed while restoring");
    shop.start()
}

fn memory_must_agree(service: &mut Service, expected: &Expected) {
    service.wait_until_ready();
    let rates = service.json("/api/v1/rates");
    let number = |path: &str| rates.pointer(path).and_then(serde_json::Value::as_u64);
    let sums = expected.sums();
    for (path, count) in [
        ("/ever/customers", sums.customers),
        ("/ever/repeat_purchase/numerator", sums.customers_with_a_second_order),
        ("/ever/repeat_purchase/denominator", sums.customers),
        ("/ever/returning_orders/numerator", sums.returning_orders),
        ("/ever/returning_orders/denominator", sums.orders),
        ("/now/active", sums.active),
        ("/now/lapsed", sums.lapsed),
    ] {
        assert_eq!(number(path), Some(count as u64), "{path} of the rates: {rates}");
    }
    let with_orders: Vec<_> = expected.stories.iter().filter(|(_, story)| story.orders > 0).collect();
    let mut chance = Chance::from_seed(200);
    for _ in 0..CUSTOMERS_ASKED_FOR {
        let (customer, story) = chance.pick(&with_orders);
        let known = service.json(&format!("/api/v1/customers/{}", in_a_path(customer)));
        let instant = |field: &str| known[field].as_str().and_then(calendar::parse);
        assert_eq!(known["customer_id"], customer.as_str());
        assert_eq!(known["orders"].as_u64(), Some(story.orders as u64), "orders of {known}");
        assert_eq!(known["level"].as_str(), story.level.map(|level| level.name()), "level of {known}");
        assert_eq!(instant("first_order_at"), story.first_order_at, "first order of {known}");
        assert_eq!(instant("last_order_at"), story.last_order_at, "last order of {known}");
    }
}

/// Percent-encoded: some ids here are not plain.
fn in_a_path(customer: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    customer.bytes().map(encoded).collect()
}
