//! The concurrent maps that readers see. Only what the log has confirmed is in them.
//!
//! A customer lies here as the very bytes of their changelog record: a quarter of the size of the structure it
//! decodes to, and restoring copies bytes.

pub mod ranking;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use dashmap::DashMap;
use foldhash::quality::RandomState;

use crate::domain::time::Day;
use crate::domain::{Customer, CustomerId, EventTime, Policy};
use crate::engine::tallies::{Counts, Figures, FirstOrders};
use crate::engine::{Change, Committed, DayEnd, Packed, Totals};

use ranking::{Ranking, Unranked, Wanted};

/// The committed customers of one partition.
#[derive(Debug, Default)]
pub struct PartitionStore {
    customers: DashMap<CustomerId, Box<[u8]>, RandomState>,
    ranking: RwLock<Ranking>,
    seen: RwLock<Seen>,
}

/// What readers see of a partition besides its customers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The counts, as of the last commit.
    pub totals: Totals,
    /// All other counts, as of the last commit.
    pub counts: Arc<Counts>,
    /// The rates at the end of each business day, as of the last commit.
    pub days: Arc<BTreeMap<Day, DayEnd>>,
    /// The time that the counts are as of.
    pub counted_at: Option<EventTime>,
    /// The partition's time; `None` before the first event.
    pub time: Option<EventTime>,
    /// Records left to read, by input in the order of `Source::ALL`; `None` while unknown.
    pub backlog: Vec<Option<u64>>,
    /// How long ago what was last taken in of an input that is behind was written, in seconds; 0 at its end.
    pub lag_seconds: Vec<f64>,
    /// Whether an input is idle.
    pub idle: Vec<bool>,
    /// Changelog records left to read.
    pub restore_remaining: u64,
    /// Whether the partition is at work.
    pub is_running: bool,
    /// Pending timers.
    pub timers: usize,
    /// How many commits have changed what is seen, since the partition was given.
    pub commits: u64,
}

impl PartitionStore {
    /// How many customers are known.
    pub fn len(&self) -> usize {
        self.customers.len()
    }

    /// Whether nobody is known.
    pub fn is_empty(&self) -> bool {
        self.customers.is_empty()
    }

    /// Takes over what a commit changed of customers, and where they stand among those at risk; says how many there
    /// were.
    pub fn take_over(&self, changes: impl Iterator<Item = (CustomerId, Change<Box<[u8]>>)>) -> usize {
        let (mut taken_over, mut ranking) = (0, None);
        for (id, Change { record, rank_before, rank }) in changes {
            taken_over += 1;
            if rank != rank_before {
                // One copy of the id for all: that of the map.
                let known = self.customers.get(&id).map(|entry| entry.key().clone());
                let ranking =
                    ranking.get_or_insert_with(|| self.ranking.write().unwrap_or_else(PoisonError::into_inner));
                ranking.change(known.as_ref().unwrap_or(&id), rank_before, rank);
            }
            match record {
                Some(record) => self.put(id, record),
                None => self.remove(&id),
            }
        }
        taken_over
    }

    /// Keeps a customer's record.
    pub fn put(&self, id: CustomerId, record: Box<[u8]>) {
        self.customers.insert(id, record);
    }

    /// Forgets a customer.
    pub fn remove(&self, id: &CustomerId) {
        self.customers.remove(id);
    }

    /// Ranks all customers anew.
    pub fn rank(&self, customers: Unranked) {
        *self.ranking.write().unwrap_or_else(PoisonError::into_inner) = customers.rank();
    }

    /// Calls `visit` for every customer, in no particular order.
    pub fn for_each(&self, mut visit: impl FnMut(&CustomerId, &Customer)) {
        self.for_each_record(|id, record| visit(id, &record.unpack()));
    }

    /// Calls `visit` for every customer's record as it is stored, in no particular order.
    pub fn for_each_record(&self, mut visit: impl FnMut(&CustomerId, &Box<[u8]>)) {
        for entry in &self.customers {
            visit(entry.key(), entry.value());
        }
    }

    /// What readers see besides the customers.
    pub fn seen(&self) -> Seen {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the partition is at work.
    pub fn is_running(&self) -> bool {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).is_running
    }

    /// Changes what readers see besides the customers.
    pub fn show(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Committed for Arc<PartitionStore> {
    type Record = Box<[u8]>;

    fn load_over(&self, id: &CustomerId, other: &mut Customer) -> bool {
        self.customers.get(id).map(|record| record.unpack_over(other)).is_some()
    }

    fn first_orders(&self, id: &CustomerId) -> Option<FirstOrders> {
        self.customers.get(id).and_then(|record| record.first_orders())
    }
}

/// A store in which nobody is: for a partition of which nothing is ever committed, so that its open batch holds all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Committed for Nobody {
    type Record = Box<[u8]>;

    fn load_over(&self, _: &CustomerId, _: &mut Customer) -> bool {
        false
    }
}

/// The partitions of this process, for whoever reads.
#[derive(Debug, Default)]
pub struct Partitions(RwLock<BTreeMap<i32, Arc<PartitionStore>>>);

impl Partitions {
    /// Opens an empty partition.
    pub fn open(&self, partition: i32) -> Arc<PartitionStore> {
        let store = Arc::new(PartitionStore::default());
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(partition, Arc::clone(&store));
        store
    }

    /// Shows a partition that was kept out of sight.
    pub fn reopen(&self, partition: i32, store: &Arc<PartitionStore>) {
        // How far it had come when it left says nothing of how far its inputs have gone on since.
        store.show(|seen| {
            seen.is_running = false;
            seen.backlog.clear();
            seen.lag_seconds.clear();
            seen.idle.clear();
        });
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(partition, Arc::clone(store));
    }

    /// Takes a partition out of sight.
    pub fn close(&self, partition: i32) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&partition);
    }

    /// All partitions, in order.
    pub fn all(&self) -> Vec<(i32, Arc<PartitionStore>)> {
        let partitions = self.0.read().unwrap_or_else(PoisonError::into_inner);
        partitions.iter().map(|(partition, store)| (*partition, Arc::clone(store))).collect()
    }

    /// The partitions at work, in order.
    pub fn running(&self) -> Vec<(i32, Arc<PartitionStore>)> {
        let mut partitions = self.all();
        partitions.retain(|(_, store)| store.is_running());
        partitions
    }

    /// A customer, wherever they are, and the partition they are in.
    pub fn find(&self, id: &CustomerId) -> Option<(i32, Customer)> {
        self.all().into_iter().find_map(|(partition, store)| Some((partition, store.load(id)?)))
    }

    /// Of some partitions: how many are wanted, whatever the channel, and the first of them, each with the place of
    /// their partition.
    pub fn first(
        partitions: &[(i32, Arc<PartitionStore>)],
        wanted: &Wanted,
        limit: usize,
    ) -> (usize, Vec<(usize, CustomerId)>) {
        let rankings = partitions.iter().map(|(_, store)| &store.ranking);
        let rankings: Vec<_> = rankings.map(|ranking| ranking.read().unwrap_or_else(PoisonError::into_inner)).collect();
        let rankings: Vec<&Ranking> = rankings.iter().map(|ranking| &**ranking).collect();
        let total = rankings.iter().map(|ranking| ranking.count(wanted)).sum();
        (total, ranking::first(&rankings, wanted, limit))
    }

    /// All that is told of the partitions: each as of its own time.
    pub fn figures(&self, windows: &[u32], policy: &Policy) -> Figures {
        figures(&self.all(), windows, policy)
    }

    /// The counts of all partitions at work, and the least of their times.
    pub fn totals(&self) -> (Totals, Option<EventTime>) {
        let mut totals = Totals::default();
        let mut time: Option<EventTime> = None;
        for (_, store) in self.all() {
            let seen = store.seen();
            totals.merge(&seen.totals);
            time = [time, seen.time].into_iter().flatten().min();
        }
        (totals, time)
    }
}

/// All that is told of some partitions: each as of its own time.
pub fn figures(partitions: &[(i32, Arc<PartitionStore>)], windows: &[u32], policy: &Policy) -> Figures {
    let mut figures = Figures::of(Totals::default(), &Counts::default(), None, windows, policy);
    for (_, store) in partitions {
        let seen = store.seen();
        figures.merge(Figures::of(seen.totals, &seen.counts, seen.counted_at, windows, policy));
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_comes_back_shows_nothing_of_how_far_behind_it_was() {
        let partitions = Partitions::default();
        let store = partitions.open(3);
        store.show(|seen| {
            seen.backlog = vec![Some(7)];
            seen.lag_seconds = vec![1.5];
            seen.idle = vec![true];
            seen.timers = 5;
        });
        partitions.close(3);
        partitions.reopen(3, &store);
        let seen = store.seen();
        assert_eq!((seen.backlog, seen.lag_seconds, seen.idle), (vec![], vec![], vec![]));
        assert_eq!(seen.timers, 5, "what is known of its customers still holds");
    }
}
