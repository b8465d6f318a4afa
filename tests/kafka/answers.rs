//! From a shop whose topics are written to all that the service had to say about them.

use crate::support::audit::Said;
use crate::support::cluster::Isolation;
use crate::support::model::{Ending, Expected, Limits};
use crate::support::service::{Service, Shop, Topic};
use crate::support::topic::Record;
use crate::support::waiting::wall_clock;

/// As `max_future_skew` is by default.
const CREDIBLE_AHEAD_MILLIS: i64 = 5 * 60 * 1000;

/// How often in a row nothing new must be seen before the outputs are held to be complete.
const QUIET_LOOKS: usize = 20;

const OUTPUTS: [Topic; 3] = [Topic::ReturningCustomers, Topic::ChurnRisk, Topic::DeadLetters];

/// A shop that nobody else uses and whose topics are there.
pub fn open_with_topics(cluster: &crate::support::cluster::Cluster, name: &str) -> Shop {
    let shop = Shop::open(cluster, name);
    shop.homecoming(&["topics", "--config", "CONFIG", "--partitions", "4"]);
    shop
}

pub fn load(shop: &Shop, events: &str, customers: &str, seed: &str) {
    shop.homecoming(&["load", "--config", "CONFIG", "--events", events, "--customers", customers, "--seed", seed]);
}

pub fn input_of(shop: &Shop) -> Vec<Record> {
    shop.cluster().read_whole(&shop.topic(Topic::Purchases), Isolation::Committed)
}

pub fn expected_of(input: &[Record]) -> Expected {
    let limits = Limits { latest_credible: wall_clock() + CREDIBLE_AHEAD_MILLIS };
    Expected::of(input, limits, Ending::TimeStands)
}

/// Waits until the group has committed the input's end and nothing more comes out.
pub fn wait_until_all_is_read(shop: &Shop, service: &mut Service) {
    let purchases = shop.topic(Topic::Purchases);
    let ends = shop.cluster().end_offsets(&purchases, Isolation::Uncommitted);
    let group = shop.cluster().group(&shop.group_id(), &purchases);
    service.wait_until("the committed offsets reach the input's end", |_| {
        group.committed().is_some_and(|committed| committed == ends)
    });
    let mut seen = Vec::new();
    let mut quiet = 0;
    service.wait_until("the outputs are complete", |_| {
        let now: Vec<_> = OUTPUTS
            .iter()
            .map(|topic| shop.cluster().end_offsets(&shop.topic(*topic), Isolation::Uncommitted))
            .collect();
        quiet = if now == seen { quiet + 1 } else { 0 };
        seen = now;
        quiet >= QUIET_LOOKS
    });
    assert_eq!(group.committed(), Some(ends), "offsets that were at the end have moved");
}

pub fn said_by(shop: &Shop) -> Said {
    let read = |topic| shop.cluster().read_whole(&shop.topic(topic), Isolation::Committed);
    Said::on_topics(&read(Topic::ReturningCustomers), &read(Topic::ChurnRisk))
}

/// A comparison of nothing with nothing would prove nothing.
pub fn must_tell_of_everything(expected: &Expected) {
    for kind in ["second_purchase", "repeat", "reactivated"] {
        let told = expected.stories.values().flat_map(|story| &story.returning).any(|order| order.kind == kind);
        assert!(told, "this shop has no {kind}");
    }
    for kind in ["raised", "cleared"] {
        let told = expected.stories.values().flat_map(|story| &story.churn_risk).any(|change| change.kind == kind);
        assert!(told, "this shop has no {kind}");
    }
}
