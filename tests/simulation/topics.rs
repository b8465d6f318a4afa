//! A partition's log: records and control markers by offset, transactions open in it, compaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use homecoming::wire::Source;

use crate::chance::Chance;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    Input(Source),
    ReturningCustomers,
    ChurnRisk,
    DeadLetters,
    State,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    pub written_ms: i64,
}

impl Record {
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        value.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Of the transaction that this producer has open.
    Open(u64),
    Committed,
    Aborted,
    Marker,
}

struct Entry {
    offset: i64,
    /// When it was written, its transaction ended, or there was last an earlier value of its key.
    at: Duration,
    record: Arc<Record>,
    fate: Fate,
}

#[derive(Default)]
pub struct PartitionLog {
    entries: Vec<Entry>,
    low: i64,
    end: i64,
    /// By producer: the first offset of its open transaction.
    open: BTreeMap<u64, i64>,
}

impl PartitionLog {
    pub fn low(&self) -> i64 {
        self.low
    }

    pub fn end(&self) -> i64 {
        self.end
    }

    /// The offset after the last record that anybody may read, now or later.
    pub fn end_of_records(&self) -> i64 {
        let last = self.entries.iter().rfind(|entry| entry.fate == Fate::Committed);
        last.map_or(self.low, |entry| entry.offset + 1)
    }

    /// What a `read_committed` reader may read up to.
    pub fn last_stable_offset(&self) -> i64 {
        self.open.values().copied().min().unwrap_or(self.end)
    }

    /// Writes a record, of `producer`'s open transaction or of none. Says its offset.
    pub fn append(&mut self, record: Arc<Record>, producer: Option<u64>, at: Duration) -> i64 {
        let offset = self.end;
        let fate = producer.map_or(Fate::Committed, Fate::Open);
        if let Some(producer) = producer {
            self.open.entry(producer).or_insert(offset);
        }
        self.entries.push(Entry { offset, at, record, fate });
        self.end += 1;
        offset
    }

    /// Ends whatever this producer has open here.
    pub fn mark(&mut self, producer: u64, committed: bool, at: Duration) {
        let fate = if committed { Fate::Committed } else { Fate::Aborted };
        if let Some(first) = self.open.remove(&producer) {
            for entry in self.entries.iter_mut().filter(|entry| entry.offset >= first) {
                if entry.fate == Fate::Open(producer) {
                    // Nobody could read it before.
                    (entry.fate, entry.at) = (fate, at);
                }
            }
        }
        let offset = self.end;
        self.entries.push(Entry { offset, at, record: Arc::new(Record::default()), fate: Fate::Marker });
        self.end += 1;
    }

    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// What `producer` has written into its open transaction.
    pub fn open_records(&self, producer: u64) -> impl Iterator<Item = &Arc<Record>> {
        self.entries.iter().filter(move |entry| entry.fate == Fate::Open(producer)).map(|entry| &entry.record)
    }

    /// Committed records from an offset on, with their offsets, up to the last stable one.
    pub fn committed_from(&self, offset: i64) -> impl Iterator<Item = (i64, &Arc<Record>)> {
        let start = self.entries.partition_point(|entry| entry.offset < offset);
        let stable = self.last_stable_offset();
        self.entries[start..]
            .iter()
            .take_while(move |entry| entry.offset < stable)
            .filter(|entry| entry.fate == Fate::Committed)
            .map(|entry| (entry.offset, &entry.record))
    }

    /// All records that are there from an offset on, of open and aborted transactions too.
    pub fn written_from(&self, offset: i64) -> impl Iterator<Item = (i64, &Arc<Record>)> {
        let start = self.entries.partition_point(|entry| entry.offset < offset);
        let records = self.entries[start..].iter().filter(|entry| entry.fate != Fate::Marker);
        records.map(|entry| (entry.offset, &entry.record))
    }

    /// The last committed value of every key; `None` where it was deleted.
    pub fn folded(&self) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
        let records = self.committed_from(self.low);
        records.map(|(_, record)| (record.key.clone().unwrap_or_default(), record.value.clone())).collect()
    }

    /// Loses what lies before `offset`, as retention does.
    pub fn expire_before(&mut self, offset: i64) {
        self.low = offset;
        self.entries.retain(|entry| entry.offset >= offset);
    }

    /// The log cleaner: of a key's stable values all but the last may go, aborted ones and markers, too. Each only
    /// perhaps, as segments are cleaned one by one. A deletion goes when since `deletions_before` nothing was there that
    /// it deletes: in Kafka its day begins when it is first cleaned (KIP-534).
    pub fn compact(&mut self, chance: &mut Chance, now: Duration, deletions_before: Duration) -> usize {
        let (stable, before) = (self.last_stable_offset(), self.entries.len());
        let cleanable = |entry: &Entry| entry.offset < stable && entry.fate == Fate::Committed;
        let mut last = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| cleanable(entry)) {
            last.insert(entry.record.key.clone(), entry.offset);
        }
        let mut has_older = BTreeSet::new();
        self.entries.retain_mut(|entry| {
            if !cleanable(entry) {
                let is_noise = matches!(entry.fate, Fate::Aborted | Fate::Marker) && entry.offset < stable;
                return !is_noise || chance.per_mille(300);
            }
            let is_last = last.get(&entry.record.key) == Some(&entry.offset);
            if !has_older.insert(entry.record.key.clone()) {
                entry.at = now;
            }
            let is_over = entry.record.value.is_none() && entry.at < deletions_before;
            let goes = if is_last { is_over } else { true };
            !goes || chance.per_mille(300)
        });
        before - self.entries.len()
    }
}
