//! The counts of a partition: what is committed, and what the open batch adds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Cell, Contributions, Counts};
use crate::domain::time::Day;

/// The settled counts of one day, month or number, all of them: what is stored under one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The `at` of its cells.
    pub at: i32,
    /// Its counters that are not 0, in order.
    pub cells: Vec<(Cell, i128)>,
}

/// The counts of a partition.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    /// Shared with those who read it.
    committed: Arc<Counts>,
    open: Counts,
    settled: Counts,
    settled_open: Counts,
    today: Option<Day>,
}

impl Tallies {
    /// What a customer contributes has changed.
    pub(in crate::engine) fn change(&mut self, before: &Contributions, after: &Contributions) {
        let (mut before, mut after) = (&before.0[..], &after.0[..]);
        while let ([one, before_rest @ ..], [other, after_rest @ ..]) = (before, after)
            && one == other
        {
            (before, after) = (before_rest, after_rest);
        }
        while let ([before_rest @ .., one], [after_rest @ .., other]) = (before, after)
            && one == other
        {
            (before, after) = (before_rest, after_rest);
        }
        before.iter().for_each(|(cell, count)| self.open.add(*cell, -count));
        after.iter().for_each(|(cell, count)| self.open.add(*cell, *count));
    }

    /// A customer contributes this too.
    pub(in crate::engine) fn count(&mut self, contributions: &Contributions) {
        self.open.add_all(contributions);
    }

    /// Counts what no customer tells any more.
    pub(in crate::engine) fn settle(&mut self, contributions: &Contributions) {
        self.open.add_all(contributions);
        self.settled_open.add_all(contributions);
    }

    /// A customer does not tell this any more; what stays of it is settled.
    pub(in crate::engine) fn settle_drawn(&mut self, mut drawn: Contributions) {
        if !drawn.0.is_empty() {
            self.change(&drawn, &Contributions::default());
            drawn.keep_what_stays();
            self.settle(&drawn);
        }
    }

    /// Counts what a committed customer contributes.
    pub(in crate::engine) fn recall(&mut self, contributions: &Contributions) {
        Arc::make_mut(&mut self.committed).add_all(contributions);
    }

    /// Counts what was stored.
    pub(in crate::engine) fn recall_settled(&mut self, sections: impl IntoIterator<Item = Section>) {
        let committed = Arc::make_mut(&mut self.committed);
        for (cell, count) in sections.into_iter().flat_map(|section| section.cells) {
            committed.add(cell, count);
            self.settled.add(cell, count);
        }
    }

    /// What is committed.
    pub fn committed(&self) -> &Arc<Counts> {
        &self.committed
    }

    /// What the open batch adds.
    pub fn open(&self) -> &Counts {
        &self.open
    }

    /// All counts, the open batch included.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::clone(&self.committed);
        counts.merge(&self.open);
        counts
    }

    /// Of them what is settled.
    pub fn settled(&self) -> Counts {
        self.settled_at(|_| true)
    }

    /// The sections of settled counts that the open batch changed, or that are older than the rings now that `today`
    /// has come, as they are with it; without cells: gone.
    pub(in crate::engine) fn changed_sections(&self, today: Option<Day>) -> Vec<Section> {
        let is_new_day = today > self.today;
        if self.settled_open.is_empty() && !is_new_day {
            return Vec::new();
        }
        let mut changed: BTreeSet<i32> = self.settled_open.iter().map(|(cell, _)| cell.at()).collect();
        let mut settled = self.settled_at(|at| is_new_day || changed.contains(&at));
        if let Some(today) = today.filter(|_| is_new_day) {
            let before: BTreeSet<i32> = settled.iter().map(|(cell, _)| cell.at()).collect();
            settled.forget_before(today);
            let after: BTreeSet<i32> = settled.iter().map(|(cell, _)| cell.at()).collect();
            let mut gone = before.difference(&after).copied().peekable();
            let is_folded = gone.peek().is_some() && after.contains(&Cell::BEFORE_ALL);
            changed.extend(gone.chain(is_folded.then_some(Cell::BEFORE_ALL)));
        }
        let mut sections = by_section(settled.iter().filter(|(cell, _)| changed.contains(&cell.at())));
        for at in changed {
            sections.entry(at).or_insert_with(|| Section { at, cells: Vec::new() });
        }
        sections.into_values().collect()
    }

    /// Settled counts of days, months or numbers, the open batch included.
    fn settled_at(&self, is_wanted: impl Fn(i32) -> bool) -> Counts {
        self.settled.iter().chain(self.settled_open.iter()).filter(|(cell, _)| is_wanted(cell.at())).collect()
    }

    /// All sections of committed settled counts.
    pub fn sections(&self) -> Vec<Section> {
        by_section(self.settled.iter()).into_values().collect()
    }

    /// The open batch is committed. `today` is the day that time has come to.
    pub(in crate::engine) fn confirm(&mut self, today: Option<Day>) {
        let committed = Arc::make_mut(&mut self.committed);
        committed.merge(&self.open);
        if let Some(day) = today.filter(|_| self.today < today) {
            committed.forget_before(day);
        }
        self.settled.merge(&self.settled_open);
        self.undo();
        if let Some(day) = today.filter(|_| self.today < today) {
            self.today = today;
            self.settled.forget_before(day);
        }
    }

    /// The open batch never happened.
    pub(in crate::engine) fn undo(&mut self) {
        self.open.clear();
        self.settled_open.clear();
    }
}

/// Counters by their section, in order.
fn by_section(cells: impl Iterator<Item = (Cell, i128)>) -> BTreeMap<i32, Section> {
    let mut sections: BTreeMap<i32, Section> = BTreeMap::new();
    for (cell, count) in cells {
        let section = sections.entry(cell.at()).or_insert_with(|| Section { at: cell.at(), cells: Vec::new() });
        section.cells.push((cell, count));
    }
    sections.values_mut().for_each(|section| section.cells.sort_unstable());
    sections
}
