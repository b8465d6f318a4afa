//! Who is to be looked at again, and when. Earliest first, ties by customer id.
//!
//! An entry may be older than the customer's real next moment: a purchase nearly always moves it later, and then
//! nothing is touched until the entry comes up and is moved. So: a customer with a next moment always has an entry
//! at or before it, and a quiet customer costs nothing.
//!
//! Most moments of most customers are that the first order is so long ago as a share of second orders wants it, for
//! which little of the customer has to be known. So an entry says from when on anything else may be due, and there is
//! always one that says so no later than it is.
//!
//! Only those of the next hours are kept in order, a calendar queue (Brown 1988): a heap of all would be far larger than
//! the processor's caches, and most entries wait for weeks.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::domain::{CustomerId, EventTime};

/// A customer's next moments, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moments {
    /// When a share of second orders ripens.
    pub(super) second: Option<EventTime>,
    /// When anything else happens.
    pub(super) other: Option<EventTime>,
}

impl Moments {
    /// Of which the one of the second order is not looked at.
    pub(super) fn of_other(other: Option<EventTime>) -> Self {
        Self { second: None, other }
    }

    /// The first of them.
    pub(super) fn next(self) -> Option<EventTime> {
        [self.second, self.other].into_iter().flatten().min()
    }

    /// Whether one of them comes before what it was.
    fn are_before(self, before: Self) -> bool {
        let is_before = |now: Option<EventTime>, before: Option<EventTime>| {
            now.is_some_and(|now| before.is_none_or(|before| now < before))
        };
        is_before(self.second, before.second) || is_before(self.other, before.other)
    }
}

/// One that comes up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) at: EventTime,
    pub(super) id: CustomerId,
    /// Nothing but a share of second orders is due before; past all time: nothing at all.
    other: EventTime,
}

impl Entry {
    /// Whether nothing but a share of second orders can be due.
    pub(super) fn is_of_second_order(&self) -> bool {
        self.at < self.other
    }

    /// From when on anything else may be due.
    pub(super) fn other(&self) -> Option<EventTime> {
        (self.other < NEVER).then_some(self.other)
    }
}

const NEVER: EventTime = EventTime::from_millis(i64::MAX);

/// A stretch of time whose entries wait together: 2^26 ms, about 18.6 hours.
const STRETCH_BITS: u32 = 26;

fn stretch_of(at: EventTime) -> i64 {
    at.millis() >> STRETCH_BITS
}

#[derive(Debug)]
pub(super) struct Timers {
    /// All entries up to the end of this stretch, in order.
    soon: BinaryHeap<Reverse<Entry>>,
    stretch: i64,
    /// Those of later stretches, in none.
    later: BTreeMap<i64, Vec<Entry>>,
    /// What this batch took out; an abort puts it back. What it put in may stay: an early entry does no harm.
    taken: Vec<Entry>,
}

impl Default for Timers {
    fn default() -> Self {
        Self { soon: BinaryHeap::new(), stretch: i64::MIN, later: BTreeMap::new(), taken: Vec::new() }
    }
}

impl Timers {
    /// Makes sure the customer comes up in time, given that they were sure to before.
    pub(super) fn look_again(&mut self, id: &CustomerId, before: Moments, now: Moments) {
        if now.are_before(before) {
            self.come_up(id.clone(), now);
        }
    }

    /// Lets a customer come up who has no entry.
    pub(super) fn come_up(&mut self, id: CustomerId, moments: Moments) {
        if let Some(at) = moments.next() {
            self.put(Entry { at, id, other: moments.other.unwrap_or(NEVER) });
        }
    }

    fn put(&mut self, entry: Entry) {
        let stretch = stretch_of(entry.at);
        if stretch <= self.stretch {
            self.soon.push(Reverse(entry));
        } else {
            self.later.entry(stretch).or_default().push(entry);
        }
    }

    /// Takes out the earliest entry before `time`, and its repetitions: of these the one that says the earliest.
    pub(super) fn take_before(&mut self, time: EventTime) -> Option<Entry> {
        while self.soon.is_empty() {
            let next = self.later.first_entry().filter(|next| *next.key() <= stretch_of(time))?;
            self.stretch = *next.key();
            self.soon = next.remove().into_iter().map(Reverse).collect();
        }
        if !self.has_before(time) {
            return None;
        }
        let Reverse(entry) = self.soon.pop()?;
        while self.soon.peek().is_some_and(|Reverse(next)| next.at == entry.at && next.id == entry.id) {
            self.soon.pop();
        }
        self.taken.push(entry.clone());
        Some(entry)
    }

    pub(super) fn len(&self) -> usize {
        self.soon.len() + self.later.values().map(Vec::len).sum::<usize>()
    }

    pub(super) fn has_before(&self, time: EventTime) -> bool {
        match (self.soon.peek(), self.later.first_key_value()) {
            (Some(Reverse(entry)), _) => entry.at < time,
            (None, Some((stretch, entries))) => {
                *stretch <= stretch_of(time) && entries.iter().any(|entry| entry.at < time)
            }
            (None, None) => false,
        }
    }

    pub(super) fn confirm(&mut self) {
        self.taken.clear();
    }

    pub(super) fn undo(&mut self) {
        for entry in std::mem::take(&mut self.taken) {
            self.put(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> EventTime {
        EventTime::from_millis(millis)
    }

    fn moments(second: Option<i64>, other: Option<i64>) -> Moments {
        Moments { second: second.map(at), other: other.map(at) }
    }

    #[test]
    fn of_repeated_entries_the_one_that_expects_most_comes_up() {
        let ana = CustomerId::new("ana").expect("a valid id");
        let mut timers = Timers::default();
        timers.look_again(&ana, Moments::default(), moments(Some(5), Some(100)));
        timers.look_again(&ana, moments(Some(5), Some(100)), moments(Some(5), Some(5)));
        timers.look_again(&ana, moments(Some(5), Some(5)), moments(Some(5), Some(50)));
        let entry = timers.take_before(at(6)).expect("one that is due");
        assert!(!entry.is_of_second_order());
        assert_eq!((entry.at, entry.other()), (at(5), Some(at(5))));
        assert_eq!(timers.take_before(at(200)), None, "its repetitions are gone");
        timers.undo();
        assert_eq!(timers.take_before(at(6)), Some(entry));
    }

    #[test]
    fn what_comes_later_than_it_was_is_left_to_the_entry_there_is() {
        let ana = CustomerId::new("ana").expect("a valid id");
        let mut timers = Timers::default();
        timers.look_again(&ana, moments(Some(5), Some(7)), moments(None, Some(9)));
        assert_eq!(timers.len(), 0);
        timers.look_again(&ana, moments(Some(5), None), moments(Some(5), Some(9)));
        let entry = timers.take_before(at(6)).expect("one that is due");
        assert!(entry.is_of_second_order());
        assert_eq!(entry.other(), Some(at(9)));
    }

    #[test]
    fn entries_come_up_in_order_however_far_apart_they_are_and_whenever_they_were_put() {
        let ids = ["ana", "ben", "cleo"].map(|id| CustomerId::new(id).expect("a valid id"));
        let mut timers = Timers::default();
        let (mut expected, mut came) = (Vec::new(), Vec::new());
        let mut put = |timers: &mut Timers, millis: i64, id: &CustomerId| {
            timers.come_up(id.clone(), moments(None, Some(millis)));
            expected.push((at(millis), id.clone()));
        };
        for n in 0..600 {
            put(&mut timers, -5_000_000_000 + (n * 7_919_000_017) % 20_000_000_000, &ids[n as usize % 3]);
        }
        let take = |timers: &mut Timers, until: i64, came: &mut Vec<(EventTime, CustomerId)>| {
            while let Some(entry) = timers.take_before(at(until)) {
                came.push((entry.at, entry.id));
            }
            assert!(!timers.has_before(at(until)));
        };
        take(&mut timers, 3_000_000_000, &mut came);
        assert_eq!(timers.len() + came.len(), 600);
        timers.undo();
        assert_eq!(timers.len(), 600, "what was taken is back");
        came.clear();
        take(&mut timers, 3_000_000_000, &mut came);
        put(&mut timers, 3_000_000_000, &ids[1]);
        put(&mut timers, 3_000_000_000, &ids[0]);
        put(&mut timers, 9_000_000_000, &ids[2]);
        take(&mut timers, i64::MAX, &mut came);
        expected.sort_unstable();
        assert_eq!(came, expected);
    }
}
