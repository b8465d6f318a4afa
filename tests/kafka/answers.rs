//! From a shop whose topics are written to all that the service had to say about them.

use std::collections::BTreeMap;

use crate::inputs::{Progress, inputs_of, topic_of};
use crate::support::audit::Said;
use crate::support::cluster::{Cluster, Isolation};
use crate::support::metrics::Scrape;
use crate::support::model::{ChurnRisk, Expected, Input, Returning, calendar};
use crate::support::service::{Service, Shop, Topic};

/// The hostile shop's limit for one record: what is too large for the service must still fit its topic.
const INPUT_LIMIT: &str = "4194304";

/// How often in a row nothing new must be seen before the outputs are held to be complete.
const QUIET_LOOKS: usize = 20;

const OUTPUTS: [Topic; 3] = [Topic::ReturningCustomers, Topic::ChurnRisk, Topic::DeadLetters];

/// A shop that nobody else uses and whose topics are there.
pub fn open_with_topics(cluster: &Cluster, name: &str) -> Shop {
    let mut shop = Shop::open(cluster, name);
    keep_in_order(&mut shop);
    make_topics(&shop);
    shop
}

/// A shop whose inputs take what is too large for the service.
pub fn open_hostile(cluster: &Cluster, name: &str) -> Shop {
    let mut shop = Shop::open(cluster, name);
    keep_in_order(&mut shop);
    for input in Input::ALL {
        cluster.create_topic(&shop.topic(topic_of(input)), 4, &[("max.message.bytes", INPUT_LIMIT)]);
    }
    make_topics(&shop);
    shop
}

pub fn make_topics(shop: &Shop) {
    shop.homecoming(&["topics", "--config", "CONFIG", "--partitions", "4"]);
}

/// However slow the machine, no input is overtaken by another because a broker took a second to hand it out.
pub fn keep_in_order(shop: &mut Shop) {
    shop.set_text("time", "merge_wait", "1h");
}

pub fn load(shop: &Shop, events: &str, customers: &str, seed: &str) {
    shop.homecoming(&["load", "--config", "CONFIG", "--events", events, "--customers", customers, "--seed", seed]);
}

/// Waits until the group has committed the end of every input and nothing more comes out.
pub fn wait_until_all_is_read(shop: &Shop, service: &mut Service) {
    let end_of = |input| shop.cluster().end_offsets(&shop.topic(topic_of(input)), Isolation::Uncommitted);
    let ends: Vec<_> = inputs_of(shop).into_iter().map(end_of).collect();
    let progress = Progress::of(shop);
    service.wait_until("the committed offsets reach the inputs' ends", |_| {
        progress.committed().is_some_and(|committed| committed == ends)
    });
    let outputs = shop.cluster().watch(&OUTPUTS.map(|topic| shop.topic(topic)));
    let mut seen = None;
    let mut quiet = 0;
    service.wait_until("the outputs are complete", |_| {
        let now = outputs.ends();
        quiet = if now.is_some() && now == seen { quiet + 1 } else { 0 };
        seen = now;
        quiet >= QUIET_LOOKS
    });
    assert_eq!(progress.committed(), Some(ends), "offsets that were at the end have moved");
}

/// Waits until the time of every partition is exactly `at`.
pub fn wait_until_time_is(service: &mut Service, partitions: usize, at: calendar::Instant) {
    let seconds = usize::try_from(at / calendar::SECOND).expect("a time after 1970");
    service.wait_until(&format!("time is {}", calendar::format(at)), |service| {
        let metrics = scrape(service);
        (0..partitions).all(|partition| {
            metrics.sum("homecoming_watermark_seconds", &[("partition", &partition.to_string())]) == seconds
        })
    });
}

pub fn scrape(service: &Service) -> Scrape {
    let (status, text) = service.http_get("/metrics").expect("metrics always answer");
    assert_eq!(status, 200);
    Scrape::of(&text)
}

pub fn said_by(shop: &Shop) -> Said {
    let read = |topic| shop.cluster().read_whole(&shop.topic(topic), Isolation::Committed);
    Said::on_topics(&read(Topic::ReturningCustomers), &read(Topic::ChurnRisk))
}

/// A comparison of nothing with nothing would prove nothing.
pub fn must_tell_of(expected: &Expected, everything: &[&str]) {
    let told = told_in(expected);
    let missing: Vec<&&str> = everything.iter().filter(|what| !told.contains_key(**what)).collect();
    assert!(missing.is_empty(), "this shop has no {missing:?}, but {told:?}");
}

pub const OF_PURCHASES: [&str; 9] = [
    "second_purchase",
    "repeat",
    "reactivated",
    "raised to medium",
    "changed to high",
    "changed to lapsed",
    "cleared to low",
    "silence",
    "win_back_offer",
];

pub const OF_SUPPORT: [&str; 6] =
    ["open_ticket", "overdue_ticket", "repeated_contact", "low_rating", "painless_resolution", "resolve_ticket"];

/// What no order can show whose ticket is heard of later.
pub const OF_SUPPORT_IN_TIME: [&str; 1] = ["a recovery"];

pub const OF_CONTACTS: [&str; 2] = ["a channel", "no channel"];

fn told_in(expected: &Expected) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for story in expected.stories.values() {
        let returning = story.returning.iter().flat_map(said_of_order);
        for what in returning.chain(story.churn_risk.iter().flat_map(said_of_change)) {
            *told.entry(what).or_default() += 1;
        }
    }
    told
}

fn said_of_order(order: &Returning) -> Vec<String> {
    let mut said = vec![order.kind.to_owned()];
    said.extend(order.recovered_ticket.as_ref().map(|_| "a recovery".to_owned()));
    said
}

fn said_of_change(change: &ChurnRisk) -> Vec<String> {
    let mut said = vec![format!("{} to {}", change.kind, change.level.name())];
    said.extend(change.assessment.reasons.iter().map(|reason| reason.code.to_owned()));
    said.extend(change.action.map(str::to_owned));
    said.push(if change.channels.is_empty() { "no channel" } else { "a channel" }.to_owned());
    said
}
