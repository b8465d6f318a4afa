//! Silence is an event too: most customers who leave say nothing.

use crate::answers::{open_with_topics, said_by, wait_until_all_is_read};
use crate::inputs::Written;
use crate::malformed::EventText;
use crate::support::broker::Broker;
use crate::support::cluster::Isolation;
use crate::support::model::calendar::{self, DAY, HOUR, SECOND};
use crate::support::model::{Arrival, Expected, Input, Level, Limits, Walk, reading, tell};
use crate::support::service::{Shop, Topic};
use crate::support::waiting::wall_clock;

const ALLOWED_LATENESS: i64 = SECOND;

#[test]
fn silence_is_announced_without_any_event() {
    let cluster = Broker::shared().cluster();
    let mut shop = open_with_topics(cluster, "silent");
    shop.set_text("time", "clock", "wall");
    shop.set_text("time", "allowed_lateness", "1s");
    shop.set_text("time", "idle_after", "1s");

    // The only order of each customer, by when its horizon passes: some have gone by, some go by while we look on.
    let now = wall_clock();
    let lapses = [-2 * HOUR, -5 * SECOND, 4 * SECOND, 6 * SECOND, 8 * SECOND];
    let stays = [HOUR, 85 * DAY];
    let writer = cluster.writer(&shop.topic(Topic::Purchases));
    for (number, until_lapse) in lapses.into_iter().chain(stays).enumerate() {
        let ordered_at = calendar::format(now + until_lapse - 90 * DAY);
        let customer = format!("customer-{number}");
        writer.write(&EventText::purchase(&customer, &format!("order-{number}"), &ordered_at, "10.00").record());
    }
    writer.flush();
    // No level changes between half a minute from now and a good while later.
    let expected = expected_when_time_is(now + 30 * SECOND, &shop);
    let lapsed = expected.stories.values().filter(|story| story.level == Some(Level::Lapsed)).count();
    assert_eq!(lapsed, lapses.len(), "of the others the time has not come");

    let mut service = shop.start();
    let churn_risk = || cluster.read_whole(&shop.topic(Topic::ChurnRisk), Isolation::Committed);
    service.wait_until("every silent customer is announced", |_| churn_risk().len() >= expected.signals());
    said_by(&shop).must_be(&expected);
    for record in churn_risk() {
        // Never before an order that is allowed to be late could still have come.
        let at = calendar::parse(record.json()["occurred_at"].as_str().expect("a signal has a time"));
        let at = at.expect("a valid time");
        assert!(record.written_at >= at + ALLOWED_LATENESS, "written at {}: {record:?}", record.written_at);
    }
    service.terminate();
}

/// What must have been said of customers with a single event each.
fn expected_when_time_is(time: calendar::Instant, shop: &Shop) -> Expected {
    let written = Written::to(shop);
    let stories = written.on(Input::Purchases).iter().map(|record| {
        let event = reading::read_from(Input::Purchases, record, Limits { latest_credible: time });
        let event = event.unwrap_or_else(|code| panic!("{code}: {record:?} was meant well"));
        let customer = event.customer.clone();
        let arrival = Arrival { time_before: calendar::Instant::MIN, time_after: event.at, event };
        (customer, tell(&[arrival], time, Walk::Slow))
    });
    Expected { stories: stories.collect(), ..Expected::default() }
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
    wait_until_all_is_read(&shop, &mut service);
    let said = said_by(&shop);
    assert_eq!(
        (said.count(), said.count_of("second_purchase")),
        (1, 1),
        "years ago by the wall clock, and nobody lapsed"
    );
    service.terminate();
}
