//! The narrow traits the edge must fill: the log, the clock, the observer.

use std::collections::VecDeque;
use std::time::Duration;

use super::batch::BatchSummary;
use crate::domain::EventTime;
use crate::wire::{Incoming, Source};

/// One partition of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputPartition {
    /// Which input.
    pub source: Source,
    /// Which partition of it.
    pub partition: i32,
}

/// What a poll brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// Nothing within the time given.
    Nothing,
    /// A record of a partition that was taken up; it was handed over.
    Record,
    /// The group gave these partitions, of every input alike. Nothing else comes before [`Log::take_up`].
    Assigned(Vec<i32>),
    /// The group takes all partitions back. Nothing else comes before [`Log::let_go`]. `lost`: somebody else may
    /// have them already.
    Revoked {
        /// Whether somebody else may have them already.
        lost: bool,
    },
}

/// A record of an input.
#[derive(Debug)]
pub struct InputRecord<'a> {
    /// Where it comes from.
    pub from: InputPartition,
    /// Its offset.
    pub offset: i64,
    /// When it was written, in milliseconds since 1970, if the log says so.
    pub written_ms: Option<i64>,
    /// Key, value and content type.
    pub incoming: Incoming<'a>,
    /// All headers.
    pub headers: Vec<(&'a str, Option<&'a [u8]>)>,
}

/// What the group remembers of a partition, and what the log still has of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Which.
    pub input: InputPartition,
    /// The next offset to read and the note left with it; `None`: never committed.
    pub committed: Option<(i64, String)>,
    /// The first offset the log has.
    pub low: i64,
    /// The offset after the last one the log has.
    pub high: i64,
}

/// The offset up to which a partition was taken in, with a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which partition.
    pub input: InputPartition,
    /// The next offset to read.
    pub next_offset: i64,
    /// A note, kept by the group.
    pub note: String,
}

/// A record of the changelog.
#[derive(Debug)]
pub struct Restored<'a> {
    /// Which partition.
    pub partition: i32,
    /// Its key.
    pub key: &'a [u8],
    /// Its value; `None`: the key is gone.
    pub value: Option<&'a [u8]>,
}

/// Where a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// Customers who came back.
    ReturningCustomers,
    /// Changes of level.
    ChurnRisk,
    /// What could not be used.
    DeadLetters,
    /// The changelog of a partition.
    State(i32),
}

impl Destination {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReturningCustomers => "returning_customers",
            Self::ChurnRisk => "churn_risk",
            Self::DeadLetters => "dead_letters",
            Self::State(_) => "state",
        }
    }
}

/// A record on its way out.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// Where to.
    pub to: Destination,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; `None` deletes the key from a compacted topic.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// What the surroundings did to us.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It may work if tried again.
    #[error("{0}")]
    Passing(String),
    /// The open transaction can't be committed any more.
    #[error("{0}")]
    MustAbort(String),
    /// The producer is of no use any more; whether its transaction took place has to be asked after renewing it.
    #[error("{0}")]
    OutcomeUnknown(String),
    /// Nothing this process does will mend it: it ends, with this text.
    #[error("{0}")]
    Final(String),
}

/// The log as one stream thread sees it: its inputs, its transactions and its changelog.
pub trait Log {
    /// Waits for the next happening, at most `wait`. A record is handed to `take`, which copies what it needs.
    fn poll(&mut self, wait: Duration, take: &mut dyn FnMut(InputRecord<'_>)) -> Result<Polled, Fault>;

    /// What the group and the log know of these partitions.
    fn remembered(&mut self, partitions: &[i32]) -> Result<Vec<Remembered>, Fault>;

    /// Answers [`Polled::Assigned`]: reads from these offsets on, but holds back until [`Log::resume`].
    fn take_up(&mut self, starts: &[(InputPartition, i64)]) -> Result<(), Fault>;

    /// Lets records flow that were held back.
    fn resume(&mut self, inputs: &[InputPartition]) -> Result<(), Fault>;

    /// Holds records back.
    fn hold(&mut self, inputs: &[InputPartition]) -> Result<(), Fault>;

    /// Answers [`Polled::Revoked`].
    fn let_go(&mut self) -> Result<(), Fault>;

    /// Reads on from these offsets. Whoever was shut out of the group has nothing to read on, and hears it from the next poll.
    fn rewind(&mut self, to: &[(InputPartition, i64)]) -> Result<(), Fault>;

    /// How many records are left to read; `None` while unknown.
    fn backlog(&self, input: InputPartition, next_offset: i64) -> Option<u64>;

    /// Begins to read the changelogs of these partitions to what is now their end, from the given offset or, without
    /// one, from their start. None: nothing is to be restored any more.
    fn restore(&mut self, partitions: &[(i32, Option<i64>)]) -> Result<(), Fault>;

    /// Hands over the changelog records that come within `wait`.
    fn poll_restore(&mut self, wait: Duration, take: &mut dyn FnMut(Restored<'_>)) -> Result<(), Fault>;

    /// How far the changelog of a partition has been read.
    fn restored(&mut self, partition: i32) -> Result<RestoredUpTo, Fault>;

    /// Adds a record to the open transaction, which it opens if there is none.
    fn send(&mut self, record: &Outgoing<'_>) -> Result<(), Fault>;

    /// Commits the open transaction with these positions.
    fn commit(&mut self, positions: &[Position]) -> Result<CommitTimes, Fault>;

    /// Drops the open transaction, if there is one.
    fn abort(&mut self) -> Result<(), Fault>;

    /// Starts over with a new producer: afterwards no transaction of the old one is open.
    fn renew(&mut self) -> Result<(), Fault>;

    /// Leaves the group, within `deadline`.
    fn leave(&mut self, deadline: Duration);

    /// What its clients hold and how often one had to be made anew.
    fn usage(&self) -> Usage {
        Usage::default()
    }
}

/// What the clients of a stream thread hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Producers made since the thread began, the first included.
    pub producers: u64,
    /// Bytes that wait to be sent or acknowledged.
    pub send_queue_bytes: u64,
    /// Bytes that were fetched and wait to be polled.
    pub fetch_queue_bytes: u64,
    /// How long ago the transaction was begun that may still be open; zero when there is none.
    pub transaction_age: Duration,
}

/// How far a changelog has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoredUpTo {
    /// The offset after the last one read.
    pub next_offset: i64,
    /// Offsets still to come.
    pub remaining: u64,
}

/// How long the parts of a commit took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitTimes {
    /// Until all records were acknowledged.
    pub drain: Duration,
    /// Adding the offsets.
    pub offsets: Duration,
    /// Ending the transaction.
    pub end: Duration,
}

/// Time as the process has it.
pub trait Clock {
    /// The wall clock.
    fn wall(&self) -> EventTime;

    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;

    /// Lets so much time pass.
    fn sleep(&self, length: Duration);
}

/// Why a batch was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AbortCause {
    /// A call failed that may work when tried again.
    Passing,
    /// The brokers refuse this transaction.
    Refused,
    /// The producer was of no use any more.
    Producer,
    /// The partitions went to somebody else before it could be committed.
    Lost,
}

impl AbortCause {
    /// All causes.
    pub const ALL: [Self; 4] = [Self::Passing, Self::Refused, Self::Producer, Self::Lost];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::Refused => "refused",
            Self::Producer => "producer",
            Self::Lost => "lost",
        }
    }

    pub(super) fn of(fault: &Fault) -> Self {
        match fault {
            Fault::Passing(_) | Fault::Final(_) => Self::Passing,
            Fault::MustAbort(_) => Self::Refused,
            Fault::OutcomeUnknown(_) => Self::Producer,
        }
    }
}

/// What always holds, looked at while working.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// The group's offsets and those in the changelog are of one transaction, so they agree.
    OffsetsAgree,
    /// Counts of customers add up over levels and are never below 0.
    CountsAddUp,
    /// The records of an input come in the order of their offsets.
    OffsetsRise,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OffsetsAgree, Self::CountsAddUp, Self::OffsetsRise];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OffsetsAgree => "offsets_agree",
            Self::CountsAddUp => "counts_add_up",
            Self::OffsetsRise => "offsets_rise",
        }
    }
}

/// A signal as it stands in its topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentSignal {
    /// Its `type`.
    pub kind: &'static str,
    /// The record's value, byte for byte.
    pub json: Vec<u8>,
}

/// Who hears signals besides the readers of the topics: after the commit, and only the last ones when there are many.
pub trait Listener: Send + Sync {
    /// Whether signals sent from now on are to be kept for [`Listener::committed`]. Asked once a signal.
    fn is_listening(&self) -> bool;
    /// A transaction with so many signals took place, and readers see what it changed. `last`: those that were kept, the
    /// last ones without a gap, in the order in which they were sent.
    fn committed(&self, signals: u64, last: VecDeque<SentSignal>);
}

/// One method a happening: moves counters and writes the log line.
pub trait Observer: Send + Sync {
    /// A batch was committed and readers see it.
    fn committed(&self, summary: &BatchSummary, times: &CommitTimes);
    /// A batch was dropped and will be read again.
    fn aborted(&self, cause: AbortCause, reason: &str);
    /// Nobody could tell whether a batch was committed; the answer was found.
    fn outcome_settled(&self, committed: bool, reason: &str);
    /// The group gave these partitions.
    fn assigned(&self, partitions: &[i32]);
    /// The group took all partitions back.
    fn revoked(&self, lost: bool);
    /// A partition's state is complete. `took` since the group gave it; `stood_still` since it was last at work here,
    /// if it was and its state was kept.
    fn restored(&self, partition: i32, customers: usize, records: u64, took: Duration, stood_still: Option<Duration>);
    /// Something went wrong that is tried again.
    fn troubled(&self, what: &str);
    /// What the clients of a stream thread hold, now and then.
    fn usage(&self, _thread: usize, _busy: Duration, _usage: &Usage) {}
    /// Something that always holds does not: a mistake of ours.
    fn invariant_failed(&self, invariant: Invariant, detail: &str);
}
