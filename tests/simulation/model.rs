//! What must be said of customers whose events come in order, what must be known of them and what refused: worked out by
//! the model that the tests on a real Kafka go by too, `tests/support/model`, which shares no code with the service.

use std::collections::{BTreeMap, BTreeSet};

use homecoming::domain::Customer;
use homecoming::wire::Source;

use crate::plan::Plan;
use crate::shop::{Placed, Shop};
use crate::support::audit::Said;
use crate::support::model::calendar::{DAY, Instant};
use crate::support::model::reading::read_from;
use crate::support::model::{Arrival, Event, Expected, Input, Limits, Refused, Rules, Walk, tell_under};
use crate::support::topic::Record;

/// The model's word on a shop.
pub fn expected(plan: &Plan, shop: &Shop) -> Expected {
    let mut expected = Expected::default();
    let mut lives: BTreeMap<String, Vec<(Source, i64, Event)>> = BTreeMap::new();
    for placed in shop.placed() {
        let (input, record) = (input_of(placed.source), record_of(&placed));
        match read_from(input, &record, Limits { latest_credible: Instant::MAX }) {
            Ok(event) if shop.is_in_order(&event.customer) => {
                lives.entry(event.customer.clone()).or_default().push((placed.source, placed.offset, event));
            }
            Ok(_) => {}
            Err(code) => expected.refused.push(Refused { input, record, code }),
        }
    }
    let rules = Rules { activity_horizon: i64::from(plan.activity_days) * DAY, memory: plan.policy().memory.millis() };
    for (customer, mut life) in lives {
        life.sort_by_key(|(source, offset, event)| (event.at, *source, *offset));
        let in_time = |(.., event): (_, _, Event)| Arrival { time_before: event.at, time_after: event.at, event };
        let arrivals: Vec<Arrival> = life.into_iter().map(in_time).collect();
        let story = tell_under(rules, &arrivals, plan.time_at(plan.last_ms()), Walk::Fast);
        expected.stories.insert(customer, story);
    }
    expected
}

/// Of customers whose events come in order: their first signal that the model would not have told, and whatever is known
/// wrongly in the end. All that was `told` is of such.
pub fn differences(shop: &Shop, expected: &Expected, told: &str, stored: &BTreeMap<&String, Customer>) -> Vec<String> {
    let mut differences = Said::in_lines(told).differences(expected);
    let stored: BTreeMap<_, _> = stored.iter().filter(|(customer, _)| shop.is_in_order(customer)).collect();
    let known: BTreeSet<&String> = stored.keys().map(|customer| **customer).collect();
    if known != expected.known().iter().collect() {
        differences.push(format!("{known:?} are known, but should be {:?}", expected.known()));
    }
    for (customer, is) in stored {
        let Some(story) = expected.stories.get(*customer) else { continue };
        let level = (is.purchases.count() > 0).then(|| is.standing.level.name());
        let is = (is.purchases.count() as usize, level);
        let should = (story.orders, story.level.map(|level| level.name()));
        if is != should {
            differences
                .push(format!("{customer} is stored with orders and level {is:?}, but should be with {should:?}"));
        }
    }
    differences
}

fn input_of(source: Source) -> Input {
    match source {
        Source::Purchases => Input::Purchases,
        Source::Support => Input::Support,
        Source::Contacts => Input::Contacts,
    }
}

fn record_of(placed: &Placed<'_>) -> Record {
    let record = placed.record.clone();
    Record {
        partition: placed.partition,
        offset: placed.offset,
        written_at: record.written_ms,
        key: record.key,
        value: record.value,
        headers: record.headers,
    }
}
