//! What one transaction holds, counted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::ports::SentSignal;
use crate::domain::signal::SignalKind;
use crate::engine::Outcome;
use crate::wire::Source;

/// How many signals of a batch are kept for whoever listens.
const SIGNALS_KEPT: usize = 1000;

/// What a batch did, told once it is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchSummary {
    /// Events by input and outcome.
    pub events: BTreeMap<(Source, Outcome), u64>,
    /// Dead letters by input and code.
    pub dead_letters: BTreeMap<(Source, &'static str), u64>,
    /// Records by input whose key belongs on another partition.
    pub misplaced: BTreeMap<Source, u64>,
    /// Signals by type and kind.
    pub signals: BTreeMap<SignalKind, u64>,
    /// For every signal caused by a record, from that record's writing to the commit.
    pub delays: Vec<Duration>,
    /// Moments of customers that came.
    pub timers_fired: u64,
    /// How many customers changed.
    pub customers: usize,
}

/// The open batch.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) opened_at: Option<Duration>,
    pub(super) records: usize,
    pub(super) partitions: BTreeSet<i32>,
    pub(super) summary: BatchSummary,
    /// When the records that caused signals were written, in milliseconds since 1970.
    pub(super) caused_ms: Vec<i64>,
    /// The last signals, if somebody listened when they were sent.
    pub(super) last_signals: VecDeque<SentSignal>,
}

impl Batch {
    /// Something of this partition belongs to the batch from now on.
    pub(super) fn touch(&mut self, partition: i32, now: Duration) {
        self.opened_at.get_or_insert(now);
        self.partitions.insert(partition);
    }

    pub(super) fn is_open(&self) -> bool {
        self.opened_at.is_some()
    }

    /// Keeps a signal for whoever listens. When nobody does, what was kept before would leave a gap: it goes too.
    pub(super) fn keep(&mut self, is_heard: bool, kind: &'static str, json: &[u8]) {
        if !is_heard {
            self.last_signals.clear();
            return;
        }
        if self.last_signals.len() >= SIGNALS_KEPT {
            self.last_signals.pop_front();
        }
        self.last_signals.push_back(SentSignal { kind, json: json.to_vec() });
    }
}
