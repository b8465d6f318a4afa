//! What an operator sees while the service works: metrics that count what the model counts, and health.

use std::collections::BTreeSet;

use crate::answers::{expected_of, input_of, load, must_tell_of_everything, open_with_topics, wait_until_all_is_read};
use crate::hostile_shop::HostileShop;
use crate::support::broker::Broker;
use crate::support::metrics::Scrape;
use crate::support::model::Expected;
use crate::support::service::{Service, Shop, Topic};

/// Pinned by the contract, as far as there is something to count.
const PINNED: [&str; 7] = [
    "homecoming_signals_total",
    "homecoming_events_total",
    "homecoming_dead_letters_total",
    "homecoming_customers",
    "homecoming_end_to_end_seconds_bucket",
    "homecoming_end_to_end_seconds_sum",
    "homecoming_end_to_end_seconds_count",
];

#[test]
fn metrics_count_what_the_model_counts_and_health_is_told() {
    let cluster = Broker::shared().cluster();
    let stock = open_with_topics(cluster, "counted-stock");
    load(&stock, "6000", "600", "5");
    let hostile = HostileShop::from_clean(&input_of(&stock), 4);
    let shop = Shop::open(cluster, "counted");
    cluster.create_topic(&shop.topic(Topic::Purchases), 4, &[("max.message.bytes", "4194304")]);
    shop.homecoming(&["topics", "--config", "CONFIG", "--partitions", "4"]);
    let writer = cluster.writer(&shop.topic(Topic::Purchases));
    for record in &hostile.records {
        writer.write(record);
    }
    writer.flush();
    let expected = expected_of(&input_of(&shop));
    must_tell_of_everything(&expected);

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

fn scrape(service: &Service) -> Scrape {
    let (status, text) = service.http_get("/metrics").expect("metrics always answer");
    assert_eq!(status, 200);
    Scrape::of(&text)
}

fn counters_must_agree(metrics: &Scrape, expected: &Expected) {
    let outcome = |outcome| metrics.sum("homecoming_events_total", &[("outcome", outcome)]);
    let applied: usize = expected.stories.values().map(|story| story.applied).sum();
    let duplicates: usize = expected.stories.values().map(|story| story.duplicates).sum();
    // What was applied late is applied: the contract gives it a label of its own.
    assert_eq!(outcome("applied") + outcome("late") + outcome("too_late"), applied, "events applied");
    assert_eq!(outcome("duplicate"), duplicates, "duplicates");
    assert_eq!(outcome("rejected"), expected.refused.len(), "events rejected");

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
    for kind in ["raised", "cleared"] {
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
}
