//! Who is to be looked at again, and when. Earliest first, ties by customer id.
//!
//! An entry may be older than the customer's real next moment: a purchase nearly always moves it later, and then
//! nothing is touched until the entry comes up and is moved. So: a customer with a next moment always has an entry
//! at or before it, and a quiet customer costs nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::domain::{CustomerId, EventTime};

type Entry = (EventTime, CustomerId);

#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BinaryHeap<Reverse<Entry>>,
    /// What this batch took out; an abort puts it back. What it put in may stay: an early entry does no harm.
    taken: Vec<Entry>,
}

impl Timers {
    /// Makes sure the customer comes up at `due`, given that they were sure to come up at `before`.
    pub(super) fn look_again(&mut self, id: &CustomerId, before: Option<EventTime>, due: Option<EventTime>) {
        let Some(due) = due else { return };
        if before.is_none_or(|before| due < before) {
            self.queue.push(Reverse((due, id.clone())));
        }
    }

    /// Takes out the earliest entry before `time`, and its repetitions.
    pub(super) fn take_before(&mut self, time: EventTime) -> Option<Entry> {
        let Reverse(entry) = self.queue.peek()?;
        if entry.0 >= time {
            return None;
        }
        let Reverse(entry) = self.queue.pop()?;
        while self.queue.peek().is_some_and(|Reverse(next)| *next == entry) {
            self.queue.pop();
        }
        self.taken.push(entry.clone());
        Some(entry)
    }

    /// Puts an entry that came up too early where it belongs.
    pub(super) fn move_to(&mut self, due: EventTime, id: CustomerId) {
        self.queue.push(Reverse((due, id)));
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn has_before(&self, time: EventTime) -> bool {
        self.queue.peek().is_some_and(|Reverse(entry)| entry.0 < time)
    }

    pub(super) fn confirm(&mut self) {
        self.taken.clear();
    }

    pub(super) fn undo(&mut self) {
        self.queue.extend(self.taken.drain(..).map(Reverse));
    }
}
