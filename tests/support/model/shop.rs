//! A whole topic read at once: each partition's time, and the story of every customer in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::calendar::{HOUR, Instant};
use super::reading::{self, Event, Input, Limits};
use super::risk::{Level, Walk};
use super::story::{Arrival, Story, tell};
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
    pub input: Input,
    pub record: Record,
    pub code: &'static str,
}

#[derive(Clone, Debug, Default)]
pub struct Expected {
    pub stories: BTreeMap<String, Story>,
    pub refused: Vec<Refused>,
    /// Customers whose story depends on when exactly an input without news was taken for idle.
    pub uncertain: BTreeSet<String>,
}

/// What lies on the input topics, each in the order of its partitions' logs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inputs<'a> {
    pub purchases: &'a [Record],
    pub support: &'a [Record],
    pub contacts: &'a [Record],
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
    /// `records` of the topic `purchases`, in the order of their partitions' logs; nothing is on the others.
    pub fn of(records: &[Record], limits: Limits, ending: Ending) -> Self {
        Self::of_inputs(&[Inputs { purchases: records, ..Inputs::default() }], limits, ending)
    }

    /// Each of the `waves` was read to its end before the next was written: what was written at once is taken in the
    /// order of event time, a wave's backlog never overtakes the wave before it.
    pub fn of_inputs(waves: &[Inputs<'_>], limits: Limits, ending: Ending) -> Self {
        let mut refused = Vec::new();
        let mut partitions: BTreeMap<i32, Partition> = BTreeMap::new();
        for wave in waves {
            let mut waiting: BTreeMap<i32, Wave> = BTreeMap::new();
            for (input, records) in Input::ALL.into_iter().zip([wave.purchases, wave.support, wave.contacts]) {
                for record in records {
                    match reading::read_from(input, record, limits) {
                        Ok(event) => waiting.entry(record.partition).or_default()[input as usize].push_back(event),
                        Err(code) => refused.push(Refused { input, record: record.clone(), code }),
                    }
                }
            }
            for (partition, wave) in waiting {
                partitions.entry(partition).or_default().take(wave);
            }
        }
        let greatest = partitions.values().filter_map(Partition::greatest).max();
        let mut expected = Self { refused, ..Self::default() };
        for partition in partitions.into_values() {
            expected.add(partition, ending, greatest);
        }
        expected
    }

    fn add(&mut self, partition: Partition, ending: Ending, greatest: Option<Instant>) {
        let ends = match ending {
            Ending::TimeStands => partition.times,
            Ending::AtTheGreatestTime => [greatest.unwrap_or(Instant::MIN); 2],
        };
        for (customer, arrivals) in partition.arrivals {
            let [patient, hasty] = [0, 1].map(|which| {
                let seen: Vec<Arrival> = arrivals.iter().map(|arrival| arrival.seen(which)).collect();
                tell(&seen, ends[which], Walk::Fast)
            });
            if patient.lines() != hasty.lines() {
                self.uncertain.insert(customer.clone());
            }
            let is_new = self.stories.insert(customer.clone(), patient).is_none();
            assert!(is_new, "the contract is silent about {customer} in two partitions");
        }
    }

    /// Those of whom anything is known at the end.
    pub fn known(&self) -> BTreeSet<String> {
        self.stories.iter().filter(|(_, story)| story.is_known).map(|(customer, _)| customer.clone()).collect()
    }

    pub fn signals(&self) -> usize {
        self.stories.values().map(|story| story.returning.len() + story.churn_risk.len()).sum()
    }

    pub fn refused_with(&self, code: &str) -> usize {
        self.refused.iter().filter(|refused| refused.code == code).count()
    }

    pub fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for story in self.stories.values() {
            sums.orders += story.orders_erased;
            sums.returning_orders += story.returning_orders_erased;
            if story.orders == 0 {
                continue;
            }
            sums.customers += 1;
            sums.customers_with_a_second_order += usize::from(story.orders > 1);
            sums.orders += story.orders;
            sums.returning_orders += story.orders - 1;
            sums.active += usize::from(story.level != Some(Level::Lapsed));
            sums.lapsed += usize::from(story.level == Some(Level::Lapsed));
        }
        sums
    }
}

/// What one wave brings to a partition, input by input.
type Wave = [VecDeque<Event>; 3];

/// An event with the partition's time before and after it, as it is when inputs that are read to their end are waited
/// for, and as it is when they are taken for idle at once.
struct Timed {
    event: Event,
    before: [Instant; 2],
    after: [Instant; 2],
}

impl Timed {
    fn seen(&self, which: usize) -> Arrival {
        Arrival { event: self.event.clone(), time_before: self.before[which], time_after: self.after[which] }
    }
}

struct Partition {
    greatest: [Option<Instant>; 3],
    times: [Instant; 2],
    arrivals: BTreeMap<String, Vec<Timed>>,
}

impl Default for Partition {
    fn default() -> Self {
        Self { greatest: [None; 3], times: [Instant::MIN; 2], arrivals: BTreeMap::new() }
    }
}

impl Partition {
    fn greatest(&self) -> Option<Instant> {
        self.greatest.iter().flatten().max().copied()
    }

    fn take(&mut self, mut wave: Wave) {
        let has_news = [0, 1, 2].map(|input| !wave[input].is_empty());
        while let Some(input) = earliest(&wave) {
            let event = wave[input].pop_front().expect("the earliest of a wave has an event");
            let before = self.times;
            self.greatest[input] = self.greatest[input].max(Some(event.at));
            // Idle are the inputs without news; and, for the hasty, those of which there is no more.
            self.time_is_at_least(0, |other| has_news[other]);
            self.time_is_at_least(1, |other| other == input || !wave[other].is_empty());
            let timed = Timed { before, after: self.times, event };
            self.arrivals.entry(timed.event.customer.clone()).or_default().push(timed);
        }
    }

    fn time_is_at_least(&mut self, which: usize, is_awake: impl Fn(usize) -> bool) {
        let awake = (0..3).filter(|input| is_awake(*input));
        let least = awake.map(|input| self.greatest[input].map_or(Instant::MIN, |at| at - ALLOWED_LATENESS)).min();
        self.times[which] = self.times[which].max(least.unwrap_or(Instant::MIN));
    }
}

/// The input whose next event is the earliest, of several the first.
fn earliest(wave: &Wave) -> Option<usize> {
    let next = |input: &usize| wave[*input].front().map(|event| event.at);
    (0..3).filter(|input| next(input).is_some()).min_by_key(next)
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
    let ana = |records: &[Record], ending| {
        let changes = &Expected::of(records, limits, ending).stories["ana"].churn_risk;
        changes.iter().filter(|change| change.level == Level::Lapsed).count()
    };
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
