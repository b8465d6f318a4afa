//! A whole topic read at once: each partition's time, and the story of every customer in it.

use std::collections::BTreeMap;

use super::calendar::{HOUR, Instant};
use super::reading::{self, Limits};
use super::story::{Arrival, Level, Story, tell};
use crate::support::topic::Record;

/// How long events may be late and still find time waiting for them.
const ALLOWED_LATENESS: i64 = HOUR;

/// Where time stands when everything was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// At each partition's own time, as for `run` with `clock = "events"`.
    TimeStands,
    /// At the greatest event time, as for `replay`.
    AtTheGreatestTime,
}

/// A record that must be dead-lettered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub record: Record,
    pub code: &'static str,
}

#[derive(Clone, Debug, Default)]
pub struct Expected {
    pub stories: BTreeMap<String, Story>,
    pub refused: Vec<Refused>,
}

/// The sums over all customers that `/api/v1/rates` gives under `ever` and `now`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub customers: usize,
    pub customers_with_a_second_order: usize,
    pub orders: usize,
    pub returning_orders: usize,
    pub active: usize,
    pub lapsed: usize,
}

impl Expected {
    /// `records` in the order of their partitions' logs.
    pub fn of(records: &[Record], limits: Limits, ending: Ending) -> Self {
        let mut refused = Vec::new();
        let mut arrivals: BTreeMap<String, (i32, Vec<Arrival>)> = BTreeMap::new();
        let mut time_of: BTreeMap<i32, Instant> = BTreeMap::new();
        let mut greatest = Instant::MIN;
        for record in records {
            let event = match reading::read(record, limits) {
                Ok(event) => event,
                Err(code) => {
                    refused.push(Refused { record: record.clone(), code });
                    continue;
                }
            };
            greatest = greatest.max(event.at);
            let time = time_of.entry(record.partition).or_insert(Instant::MIN);
            let time_before = *time;
            *time = time_before.max(event.at - ALLOWED_LATENESS);
            let (home, of_customer) =
                arrivals.entry(event.customer.clone()).or_insert_with(|| (record.partition, Vec::new()));
            assert_eq!(*home, record.partition, "the contract is silent about {} in two partitions", event.customer);
            of_customer.push(Arrival { event, time_before, time_after: *time });
        }
        let stories = arrivals
            .into_iter()
            .map(|(customer, (partition, of_customer))| {
                let end = match ending {
                    Ending::TimeStands => time_of[&partition],
                    Ending::AtTheGreatestTime => greatest,
                };
                (customer, tell(&of_customer, end))
            })
            .collect();
        Self { stories, refused }
    }

    pub fn signals(&self) -> usize {
        self.stories.values().map(|story| story.returning.len() + story.churn_risk.len()).sum()
    }

    pub fn refused_with(&self, code: &str) -> usize {
        self.refused.iter().filter(|refused| refused.code == code).count()
    }

    pub fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for story in self.stories.values().filter(|story| story.orders > 0) {
            sums.customers += 1;
            sums.customers_with_a_second_order += usize::from(story.orders > 1);
            sums.orders += story.orders;
            sums.returning_orders += story.orders - 1;
            sums.active += usize::from(story.level == Some(Level::Low));
            sums.lapsed += usize::from(story.level == Some(Level::Lapsed));
        }
        sums
    }
}

#[test]
fn another_customers_events_let_time_pass() {
    use crate::support::model::calendar;

    let record = |offset: i64, customer: &str, at: &str| {
        Record {
        partition: 0,
        offset,
        written_at: 0,
        key: Some(customer.into()),
        value: Some(
            format!(
                r#"{{"type":"purchase","event_id":"e{offset}","customer_id":"{customer}","order_id":"o{offset}","occurred_at":"{at}","amount":1.5,"currency":"EUR"}}"#
            )
            .into(),
        ),
        headers: Vec::new(),
    }
    };
    let limits = Limits { latest_credible: calendar::parse("2027-01-01T00:00:00Z").expect("a valid time") };
    let mut records = vec![record(0, "ana", "2026-01-01T00:00:00Z"), record(1, "ben", "2026-04-01T01:00:00Z")];
    let ana = |records: &[Record], ending| Expected::of(records, limits, ending).stories["ana"].churn_risk.len();
    assert_eq!(ana(&records, Ending::TimeStands), 0, "at the very instant it is not yet past");
    assert_eq!(ana(&records, Ending::AtTheGreatestTime), 1);
    records.push(record(2, "ben", "2026-04-01T01:00:00.001Z"));
    assert_eq!(ana(&records, Ending::TimeStands), 1);
    records.push(record(3, "carl", "9999-01-01T00:00:00Z"));
    let expected = Expected::of(&records, limits, Ending::TimeStands);
    assert_eq!(expected.refused_with("future_timestamp"), 1);
    assert_eq!(
        expected.sums(),
        Sums { orders: 3, customers: 2, customers_with_a_second_order: 1, returning_orders: 1, active: 1, lapsed: 1 }
    );
    assert!(
        matches!(reading::read(&records[0], limits), Ok(event) if matches!(&event.what, reading::What::Purchase { price, .. } if price.minor == 150))
    );
}
