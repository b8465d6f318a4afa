//! A sparse vector of counters.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::Contributions;
use super::cell::{Cell, Place};
use crate::domain::time::Day;

/// How many days the rings by day reach back.
pub const RING_DAYS: i32 = 460;

/// Counters that are not 0, or were not for a moment.
#[derive(Clone, Debug, Default)]
pub struct Counts(HashMap<Cell, i128, FixedState>);

impl Counts {
    /// Counts so many more.
    pub fn add(&mut self, cell: Cell, by: i128) {
        *self.0.entry(cell).or_default() += by;
    }

    /// Counts what is contributed.
    pub fn add_all(&mut self, contributions: &Contributions) {
        contributions.iter().for_each(|(cell, by)| self.add(cell, by));
    }

    /// Counts what other counters say on top.
    pub fn merge(&mut self, other: &Self) {
        self.0.reserve(other.0.len().saturating_sub(self.0.len()));
        other.iter().for_each(|(cell, count)| self.add(cell, count));
    }

    /// What a counter says.
    pub fn get(&self, cell: Cell) -> i128 {
        self.0.get(&cell).copied().unwrap_or_default()
    }

    /// All counters that are not 0, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (Cell, i128)> {
        self.0.iter().filter(|(_, count)| **count != 0).map(|(cell, count)| (*cell, *count))
    }

    /// Whether all counters are 0.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Sets all counters to 0.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Lets go of the days that the rings reach back to no more, with `today` as the last, and of what is 0.
    pub fn forget_before(&mut self, today: Day) {
        let floor = today.0.saturating_sub(RING_DAYS);
        let mut folded = Vec::new();
        self.0.retain(|cell, count| {
            let is_old = cell.at() < floor && cell.at() != Cell::BEFORE_ALL;
            match cell.what().place() {
                Place::DayForEver if is_old => {
                    folded.push((Cell::new(cell.what(), cell.kind(), Cell::BEFORE_ALL), *count));
                    false
                }
                Place::Day if is_old => false,
                _ => *count != 0,
            }
        });
        folded.into_iter().for_each(|(cell, count)| self.add(cell, count));
    }
}

/// Whether two vectors say the same.
impl PartialEq for Counts {
    fn eq(&self, other: &Self) -> bool {
        self.iter().all(|(cell, count)| other.get(cell) == count)
            && other.iter().all(|(cell, count)| self.get(cell) == count)
    }
}

impl FromIterator<(Cell, i128)> for Counts {
    fn from_iter<I: IntoIterator<Item = (Cell, i128)>>(cells: I) -> Self {
        let mut counts = Self::default();
        cells.into_iter().for_each(|(cell, count)| counts.add(cell, count));
        counts
    }
}
