//! What an operator sees while the service works: metrics that count what the model counts, and health.

use std::collections::{BTreeMap, BTreeSet};

use crate::answers::{
    OF_CONTACTS, OF_PURCHASES, OF_SUPPORT, OF_SUPPORT_IN_TIME, load, must_tell_of, open_hostile, open_with_topics,
    said_by, scrape, wait_until_all_is_read,
};
use crate::hostile_shop::HostileShop;
use crate::inputs::{Waves, Writers, Written, close, write};
use crate::malformed::EventText;
use crate::support::broker::Broker;
use crate::support::cluster::{Cluster, Isolation};
use crate::support::metrics::Scrape;
use crate::support::model::{Expected, Input, Level};
use crate::support::topic::Outgoing;

/// Pinned by the contract, as far as there is something to count.
const PINNED: [&str; 8] = [
    "homecoming_signals_total",
    "homecoming_events_total",
    "homecoming_dead_letters_total",
    "homecoming_customers",
    "homecoming_customers_at_risk",
    "homecoming_end_to_end_seconds_bucket",
    "homecoming_end_to_end_seconds_sum",
    "homecoming_end_to_end_seconds_count",
];

#[test]
fn metrics_count_what_the_model_counts_and_health_is_told() {
    let cluster = Broker::shared().cluster();
    let stock = open_with_topics(cluster, "counted-stock");
    load(&stock, "12000", "1200", "5");
    let hostile = HostileShop::from_clean(&Written::to(&stock), 4);
    let shop = open_hostile(cluster, "counted");
    write(&shop, &hostile.records);
    close(&shop);
    let expected = Waves::first(&shop).expected();
    must_tell_of(&expected, &[&OF_PURCHASES[..], &OF_SUPPORT, &OF_SUPPORT_IN_TIME, &OF_CONTACTS].concat());

    let mut service = shop.start();
    service.wait_until_ready();
    wait_until_all_is_read(&shop, &mut service);
    assert_eq!(service.http_get("/healthz").map(|(status, _)| status), Some(200));
    let metrics = scrape(&service);
    for name in PINNED {
        assert!(metrics.has(name), "{name} is not in /metrics");
    }
    counters_must_agree(&metrics, &expected);
    gauges_must_agree(&metrics, &expected);
    service.terminate();

    // Counters begin again with the process; what comes from stored state does not.
    let mut service = shop.start();
    service.wait_until_ready();
    let metrics = scrape(&service);
    gauges_must_agree(&metrics, &expected);
    assert_eq!(metrics.sum("homecoming_signals_total", &[]), 0);
    assert_eq!(metrics.sum("homecoming_events_total", &[]), 0);
    service.terminate();
}

#[test]
fn records_on_a_partition_where_their_key_does_not_belong_are_applied_there_and_counted() {
    let cluster = Broker::shared().cluster();
    let shop = open_with_topics(cluster, "misplaced");
    let customers: Vec<String> = (0..40).map(|number| format!("customer-{number}")).collect();
    let homes = homes_of(cluster, &customers);
    let writers = Writers::to(&shop);
    let mut misplaced = 0;
    for (number, customer) in customers.iter().enumerate() {
        // Every second one is, with all their events: two halves of a customer could not meet.
        let partition = (homes[customer] + i32::from(number % 2 == 1)) % 4;
        misplaced += number % 2;
        let events = [
            (Input::Purchases, EventText::purchase(customer, "o", "2025-03-01T00:00:00Z", "30.00")),
            (Input::Contacts, EventText::consent(customer, "c", "2025-03-02T00:00:00Z", "phone", true)),
            (Input::Support, EventText::ticket("ticket_opened", customer, "t", "2025-03-03T00:00:00Z")),
            (Input::Support, EventText::ticket("ticket_resolved", customer, "t", "2025-03-06T00:00:00Z")),
        ];
        for (input, event) in events {
            writers.write(input, &Outgoing { partition: Some(partition), ..event.record() });
        }
    }
    writers.flush();
    close(&shop);
    let expected = Waves::first(&shop).expected();
    must_tell_of(&expected, &["raised to medium", "open_ticket", "overdue_ticket", "a channel"]);

    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    said_by(&shop).must_be(&expected);
    let metrics = scrape(&service);
    let closing: Vec<String> = (0..4).map(|partition| format!("closing-{partition}")).collect();
    let homes = homes_of(cluster, &closing);
    let closed_elsewhere = (0..4).zip(&closing).filter(|(partition, customer)| homes[*customer] != *partition).count();
    for (source, records_each) in [("purchases", 1), ("support", 2), ("contacts", 1)] {
        let counted = metrics.sum("homecoming_misplaced_records_total", &[("source", source)]);
        assert_eq!(counted, misplaced * records_each + closed_elsewhere, "misplaced records of {source}");
    }
    assert_eq!(metrics.sum("homecoming_dead_letters_total", &[]), 0);
    service.terminate();
}

/// Where a Java client would put these keys, of four partitions, as a producer shows that does as they do.
fn homes_of(cluster: &Cluster, keys: &[String]) -> BTreeMap<String, i32> {
    let topic = format!("homes-of-{}", keys[0]);
    cluster.create_topic(&topic, 4, &[]);
    let writer = cluster.writer(&topic);
    for key in keys {
        writer.write(&Outgoing { key: Some(key.clone().into_bytes()), value: Some(vec![0]), ..Outgoing::default() });
    }
    writer.flush();
    let records = cluster.read_whole(&topic, Isolation::Committed);
    records.iter().map(|record| (record.key_text().to_owned(), record.partition)).collect()
}

fn counters_must_agree(metrics: &Scrape, expected: &Expected) {
    let outcome = |outcome| metrics.sum("homecoming_events_total", &[("outcome", outcome)]);
    let applied: usize = expected.stories.values().map(|story| story.applied).sum();
    let duplicates: usize = expected.stories.values().map(|story| story.duplicates).sum();
    // What was applied late is applied: the contract gives it a label of its own.
    assert_eq!(outcome("applied") + outcome("late") + outcome("too_late"), applied, "events applied");
    assert_eq!(outcome("duplicate"), duplicates, "duplicates");
    for (input, source) in Input::ALL.into_iter().zip(["purchases", "support", "contacts"]) {
        let refused = expected.refused.iter().filter(|refused| refused.input == input).count();
        let rejected = metrics.sum("homecoming_events_total", &[("outcome", "rejected"), ("source", source)]);
        assert_eq!(rejected, refused, "events of {source} rejected");
    }

    let codes: BTreeSet<&str> = expected.refused.iter().map(|refused| refused.code).collect();
    for code in codes {
        let counted = metrics.sum("homecoming_dead_letters_total", &[("code", code)]);
        assert_eq!(counted, expected.refused_with(code), "dead letters with {code}");
    }
    assert_eq!(metrics.sum("homecoming_dead_letters_total", &[]), expected.refused.len(), "dead letters");

    let stories = || expected.stories.values();
    for kind in ["second_purchase", "repeat", "reactivated"] {
        let told = stories().flat_map(|story| &story.returning).filter(|order| order.kind == kind).count();
        let labels = [("type", "returning_customer"), ("kind", kind)];
        assert_eq!(metrics.sum("homecoming_signals_total", &labels), told, "signals of kind {kind}");
    }
    for kind in ["raised", "changed", "cleared"] {
        let told = stories().flat_map(|story| &story.churn_risk).filter(|change| change.kind == kind).count();
        let labels = [("type", "churn_risk"), ("kind", kind)];
        assert_eq!(metrics.sum("homecoming_signals_total", &labels), told, "signals of kind {kind}");
    }
    assert!(metrics.sum("homecoming_end_to_end_seconds_count", &[]) > 0, "no end-to-end time was measured");
}

fn gauges_must_agree(metrics: &Scrape, expected: &Expected) {
    let standing = |standing| metrics.sum("homecoming_customers", &[("standing", standing)]);
    let sums = expected.sums();
    assert_eq!((standing("active"), standing("lapsed")), (sums.active, sums.lapsed), "customers active and lapsed");
    for level in [Level::Low, Level::Medium, Level::High] {
        let at = expected.stories.values().filter(|story| story.level == Some(level)).count();
        let shown = metrics.sum("homecoming_customers_at_risk", &[("level", level.name())]);
        assert_eq!(shown, at, "customers at {}", level.name());
    }
}
