//! The concurrent maps that readers see. Only what the log has confirmed is in them.
//!
//! A customer lies here as the very bytes of their changelog record: a quarter of the size of the structure it
//! decodes to, and restoring copies bytes.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use dashmap::DashMap;
use foldhash::quality::RandomState;

use crate::domain::{Customer, CustomerId, EventTime, Policy};
use crate::engine::tallies::{Counts, Figures};
use crate::engine::{Committed, Totals};
use crate::wire::customer_record;

/// The committed customers of one partition.
#[derive(Debug, Default)]
pub struct PartitionStore {
    customers: DashMap<CustomerId, Box<[u8]>, RandomState>,
    seen: RwLock<Seen>,
}

/// What readers see of a partition besides its customers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The counts, as of the last commit.
    pub totals: Totals,
    /// All other counts, as of the last commit.
    pub counts: Arc<Counts>,
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

    /// Keeps a customer's record.
    pub fn put(&self, id: CustomerId, record: Box<[u8]>) {
        self.customers.insert(id, record);
    }

    /// Forgets a customer.
    pub fn remove(&self, id: &CustomerId) {
        self.customers.remove(id);
    }

    /// Calls `visit` for every customer, in no particular order.
    pub fn for_each(&self, mut visit: impl FnMut(&CustomerId, &Customer)) {
        for entry in &self.customers {
            visit(entry.key(), &read(entry.value()));
        }
    }

    /// What readers see besides the customers.
    pub fn seen(&self) -> Seen {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what readers see besides the customers.
    pub fn show(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Committed for Arc<PartitionStore> {
    fn load(&self, id: &CustomerId) -> Option<Customer> {
        self.customers.get(id).map(|record| read(&record))
    }
}

fn read(record: &[u8]) -> Customer {
    customer_record::decode(record).expect("records are checked before they are kept")
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
        store.show(|seen| seen.is_running = false);
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

    /// A customer, wherever they are, and the partition they are in.
    pub fn find(&self, id: &CustomerId) -> Option<(i32, Customer)> {
        self.all().into_iter().find_map(|(partition, store)| Some((partition, store.load(id)?)))
    }

    /// All that is told of the partitions at work: each as of its own time.
    pub fn figures(&self, windows: &[u32], policy: &Policy) -> Figures {
        let mut figures = Figures::of(Totals::default(), &Counts::default(), None, windows, policy);
        for (_, store) in self.all() {
            let seen = store.seen();
            figures.merge(Figures::of(seen.totals, &seen.counts, seen.counted_at, windows, policy));
        }
        figures
    }

    /// The counts of all partitions at work, and the least of their times.
    pub fn totals(&self) -> (Totals, Option<EventTime>) {
        let mut totals = Totals::default();
        let mut time: Option<EventTime> = None;
        for (_, store) in self.all() {
            let seen = store.seen();
            totals.merge(&seen.totals);
            time = match (time, seen.time) {
                (Some(least), Some(this)) => Some(least.min(this)),
                (one, other) => one.or(other),
            };
        }
        (totals, time)
    }
}
