//! Silence is an event too: most customers who leave say nothing.

use std::collections::BTreeMap;

use crate::answers::{open_with_topics, said_by};
use crate::malformed::EventText;
use crate::support::broker::Broker;
use crate::support::cluster::Isolation;
use crate::support::model::calendar::{self, DAY, HOUR, SECOND};
use crate::support::service::Topic;
use crate::support::topic::Record;
use crate::support::waiting::wall_clock;

const ALLOWED_LATENESS: i64 = SECOND;

#[test]
fn silence_is_announced_without_any_event() {
    let cluster = Broker::shared().cluster();
    let mut shop = crate::support::service::Shop::open(cluster, "silent");
    shop.set_text("time", "clock", "wall");
    shop.set_text("time", "allowed_lateness", "1s");
    shop.set_text("time", "idle_after", "1s");
    shop.homecoming(&["topics", "--config", "CONFIG", "--partitions", "4"]);

    // The last order of each customer, by when its horizon passes: some have gone by, some go by while we look on.
    let now = wall_clock();
    let lapses = [-2 * HOUR, -5 * SECOND, 4 * SECOND, 6 * SECOND, 8 * SECOND];
    let stays = [HOUR, 30 * DAY];
    let mut due = BTreeMap::new();
    let writer = cluster.writer(&shop.topic(Topic::Purchases));
    for (number, until_lapse) in lapses.into_iter().chain(stays).enumerate() {
        let customer = format!("customer-{number}");
        let ordered_at = now + until_lapse - 90 * DAY;
        let order_id = format!("order-{number}");
        let order = EventText::purchase(&customer, &order_id, &calendar::format(ordered_at), "10.00");
        writer.write(&order.record());
        if lapses.contains(&until_lapse) {
            due.insert(customer, ordered_at + 90 * DAY);
        }
    }
    writer.flush();

    let mut service = shop.start();
    let churn_risk = || cluster.read_whole(&shop.topic(Topic::ChurnRisk), Isolation::Committed);
    service.wait_until("every silent customer is announced", |_| churn_risk().len() >= due.len());

    let announced: BTreeMap<String, calendar::Instant> =
        churn_risk().iter().map(|record| (record.key_text().to_owned(), announced_at(record))).collect();
    assert_eq!(announced, due, "each at its own instant, and nobody whose time has not come");
    assert_eq!(said_by(&shop).ids().len(), due.len());
    service.terminate();
}

fn announced_at(record: &Record) -> calendar::Instant {
    let signal = record.json();
    assert_eq!(signal["kind"], "raised", "{signal}");
    assert_eq!(signal["level"], "lapsed", "{signal}");
    assert_eq!(signal["previous_level"], "low", "{signal}");
    let at = calendar::parse(signal["occurred_at"].as_str().expect("a signal has a time")).expect("a valid time");
    // Never before an order that is allowed to be late could still have come.
    assert!(record.written_at >= at + ALLOWED_LATENESS, "written at {}: {signal}", calendar::format(record.written_at));
    at
}

#[test]
fn time_stands_when_events_are_the_clock() {
    let cluster = Broker::shared().cluster();
    let mut shop = open_with_topics(cluster, "standing-still");
    shop.set_text("time", "idle_after", "100ms");
    let writer = cluster.writer(&shop.topic(Topic::Purchases));
    for (order_id, at) in [("a", "2025-01-01T00:00:00Z"), ("b", "2025-01-02T00:00:00Z")] {
        writer.write(&EventText::purchase("ana", order_id, at, "10.00").record());
    }
    writer.flush();
    let mut service = shop.start();
    crate::answers::wait_until_all_is_read(&shop, &mut service);
    let said = said_by(&shop);
    assert_eq!(
        (said.count(), said.count_of("second_purchase")),
        (1, 1),
        "years ago by the wall clock, and nobody lapsed"
    );
    service.terminate();
}
