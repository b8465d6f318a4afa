//! A partition's life in this process: restoring, then running.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::ports::{InputPartition, Position, Remembered};
use crate::domain::{EventTime, Policy};
use crate::engine::{Partition, Watermark};
use crate::store::PartitionStore;
use crate::wire::Source;
use crate::wire::progress_record::{InputProgress, Progress};

/// A partition whose changelog is being read.
pub(super) struct Restoring {
    pub(super) store: Arc<PartitionStore>,
    pub(super) progress: Option<Progress>,
    pub(super) started: Duration,
    pub(super) records: u64,
    pub(super) inputs: Vec<Remembered>,
}

/// A partition at work.
pub(super) struct Running {
    pub(super) engine: Partition<Arc<PartitionStore>>,
    pub(super) store: Arc<PartitionStore>,
    pub(super) watermark: Watermark,
    watermark_committed: Watermark,
    pub(super) inputs: Vec<Input>,
    sequence: u64,
}

/// One input of a partition at work, in the order of [`Source::ALL`].
pub(super) struct Input {
    pub(super) at: InputPartition,
    pub(super) next_offset: i64,
    committed_offset: i64,
    /// When something last came, or reading began.
    pub(super) last_new: Duration,
    /// Idle and read to its end, as of the last look.
    pub(super) idle: bool,
    pub(super) backlog: Option<u64>,
}

impl Running {
    pub(super) fn new(
        restored: Restoring,
        policy: Arc<Policy>,
        starts: &[(InputPartition, i64)],
        now: Duration,
    ) -> Self {
        let mut engine = Partition::new(policy, Arc::clone(&restored.store));
        restored.store.for_each(|id, customer| engine.recall(id, customer));
        let progress = restored.progress.unwrap_or_default();
        let greatest = starts.iter().map(|(input, _)| {
            let known = progress.inputs.get(input.source.name());
            known.and_then(|known| known.greatest_event_time_ms).map(EventTime::from_millis)
        });
        let watermark = Watermark::resume(greatest.collect());
        let inputs = starts.iter().map(|&(at, offset)| Input {
            at,
            next_offset: offset,
            committed_offset: offset,
            last_new: now,
            idle: false,
            backlog: None,
        });
        Self {
            engine,
            store: restored.store,
            watermark_committed: watermark.clone(),
            watermark,
            inputs: inputs.collect(),
            sequence: progress.sequence,
        }
    }

    pub(super) fn input(&mut self, source: Source) -> &mut Input {
        &mut self.inputs[source as usize]
    }

    /// Where the open batch leaves this partition. The note tells its transaction from all others.
    pub(super) fn positions(&self) -> impl Iterator<Item = Position> {
        let note = self.note();
        self.inputs.iter().map(move |input| Position {
            input: input.at,
            next_offset: input.next_offset,
            note: note.clone(),
        })
    }

    /// The note of the open batch.
    pub(super) fn note(&self) -> String {
        format!("sequence={}", self.sequence + 1)
    }

    pub(super) fn progress(&self, settings: &BTreeMap<String, String>) -> Progress {
        let inputs = self.inputs.iter().zip(self.watermark.greatest()).map(|(input, greatest)| {
            let progress = InputProgress {
                next_offset: input.next_offset,
                greatest_event_time_ms: greatest.map(EventTime::millis),
            };
            (input.at.source.name().to_owned(), progress)
        });
        Progress::new(self.sequence + 1, inputs.collect(), settings.clone())
    }

    /// The open batch is committed and the store holds its changes.
    pub(super) fn confirm(&mut self) {
        self.engine.confirm();
        self.sequence += 1;
        self.watermark_committed = self.watermark.clone();
        for input in &mut self.inputs {
            input.committed_offset = input.next_offset;
        }
    }

    /// The open batch never happened; says where to read on.
    pub(super) fn undo(&mut self) -> Vec<(InputPartition, i64)> {
        self.engine.undo();
        self.watermark = self.watermark_committed.clone();
        for input in &mut self.inputs {
            input.next_offset = input.committed_offset;
        }
        self.inputs.iter().map(|input| (input.at, input.committed_offset)).collect()
    }
}
