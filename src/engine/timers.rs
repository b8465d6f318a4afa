//! Who is to be looked at again, and when. Earliest first, ties by customer id.
//!
//! An entry may be older than the customer's real next moment: a purchase nearly always moves it later, and then
//! nothing is touched until the entry comes up and is moved. So: a customer with a next moment always has an entry
//! at or before it, and a quiet customer costs nothing.
//!
//! Most moments of most customers are that the first order is so long ago as a share of second orders wants it, for
//! which little of the customer has to be known. So an entry says from when on anything else may be due, and there is
//! always one that says so no later than it is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

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
        earlier(self.second, self.other)
    }

    /// Whether one of them comes before what it was.
    fn are_before(self, before: Self) -> bool {
        let is_before = |now: Option<EventTime>, before: Option<EventTime>| {
            now.is_some_and(|now| before.is_none_or(|before| now < before))
        };
        is_before(self.second, before.second) || is_before(self.other, before.other)
    }
}

/// The earlier of two instants of which neither need be.
pub(super) fn earlier(one: Option<EventTime>, other: Option<EventTime>) -> Option<EventTime> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
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

#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BinaryHeap<Reverse<Entry>>,
    /// What this batch took out; an abort puts it back. What it put in may stay: an early entry does no harm.
    taken: Vec<Entry>,
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
            self.queue.push(Reverse(Entry { at, id, other: moments.other.unwrap_or(NEVER) }));
        }
    }

    /// Takes out the earliest entry before `time`, and its repetitions: of these the one that says the earliest.
    pub(super) fn take_before(&mut self, time: EventTime) -> Option<Entry> {
        if !self.has_before(time) {
            return None;
        }
        let Reverse(entry) = self.queue.pop()?;
        while self.queue.peek().is_some_and(|Reverse(next)| next.at == entry.at && next.id == entry.id) {
            self.queue.pop();
        }
        self.taken.push(entry.clone());
        Some(entry)
    }

    pub(super) fn reserve(&mut self, entries: usize) {
        self.queue.reserve(entries);
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn has_before(&self, time: EventTime) -> bool {
        self.queue.peek().is_some_and(|Reverse(entry)| entry.at < time)
    }

    pub(super) fn confirm(&mut self) {
        self.taken.clear();
    }

    pub(super) fn undo(&mut self) {
        self.queue.extend(self.taken.drain(..).map(Reverse));
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
}
