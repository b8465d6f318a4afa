//! The bounds and rules of the pipeline.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::Span;
use crate::wire::Source;

/// The bounds and rules of a stream thread.
#[derive(Clone, Debug)]
pub struct Settings {
    /// From the beginning of one commit to the next. What comes after a quiet time waits a tenth of it.
    pub commit_interval: Duration,
    /// The most records in a batch.
    pub max_batch_records: usize,
    /// So many records of one input may wait for those of another before it is held back. At least 2.
    pub max_waiting_records: usize,
    /// The most customers whose moment comes in one step.
    pub max_timers_per_batch: usize,
    /// The largest value read, in bytes.
    pub max_value_bytes: usize,
    /// The largest dead letter written, in bytes; of what is larger a part is cut off.
    pub max_dead_letter_bytes: usize,
    /// How far ahead of the wall clock an event may be; `None`: any.
    pub max_future_skew: Option<Span>,
    /// How much a partition's time stays behind its greatest event time.
    pub allowed_lateness: Span,
    /// After how long without anything new an input is idle.
    pub idle_after: Duration,
    /// Whether the wall clock takes over when all inputs of a partition are idle.
    pub wall_clock: bool,
    /// How long leaving the group may take.
    pub leave_within: Duration,
    /// Who says it: the `ce_source` of every signal.
    pub event_source: String,
    /// The settings that stored state depends on.
    pub fingerprint: BTreeMap<String, String>,
    /// For how long an input that is behind its end is waited for.
    pub merge_wait: Duration,
    /// How many partitions the inputs have.
    pub partitions: i32,
    /// The inputs that are read, in the order of [`Source::ALL`], and their topics.
    pub topics: Vec<(Source, String)>,
}

impl Settings {
    /// The topic of an input.
    pub fn topic(&self, source: Source) -> &str {
        self.topics.iter().find(|(known, _)| *known == source).map_or("", |(_, topic)| topic)
    }
}
