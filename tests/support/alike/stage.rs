//! What a script needs of a Kafka, simulated or real.

use std::time::Duration;

use homecoming::pipeline::Log;
use homecoming::pipeline::ports::InputPartition;

/// All topics have so many.
pub const PARTITIONS: i32 = 2;

/// A topic that the service writes to, named as in the options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    ReturningCustomers,
    ChurnRisk,
    DeadLetters,
    State,
}

impl Topic {
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReturningCustomers => "returning_customers",
            Self::ChurnRisk => "churn_risk",
            Self::DeadLetters => "dead_letters",
            Self::State => "state",
        }
    }
}

/// Under which names a process comes up.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// A static member's; without one it is a dynamic member.
    pub instance: Option<&'static str>,
    /// What its transactional id is made of.
    pub transactions: &'static str,
}

/// How long the brokers wait for a process: for its next poll, and for the end of its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    Seconds,
    /// Longer than a script takes.
    Minutes,
}

impl Names {
    /// As a process with `kafka.instance_id` set.
    pub const fn of(instance: &'static str) -> Self {
        Self { instance: Some(instance), transactions: instance }
    }

    /// As a process without one.
    pub const fn only_for(transactions: &'static str) -> Self {
        Self { instance: None, transactions }
    }
}

/// What becomes of records that somebody else writes to an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Written without a transaction.
    Plain,
    Committed,
    Aborted,
    /// Its transaction stays open until [`Stage::end_writing`].
    Open,
}

/// What a reader may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sees {
    Committed,
    Everything,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    pub partition: i32,
    pub offset: i64,
    pub key: String,
    pub value: Option<String>,
}

pub trait Stage {
    /// A process comes up and joins the group.
    fn start(&mut self, who: &'static str, names: Names, patience: Patience);

    fn log(&mut self, who: &str) -> &mut dyn Log;

    /// It is gone, as after `kill -9`. Only for static members, who say no farewell in any case.
    fn vanish(&mut self, who: &'static str);

    /// Lets the client of this process send what it has gathered.
    fn linger(&mut self, who: &str);

    /// Somebody else writes to an input, with the key `k`.
    fn write(&mut self, to: InputPartition, values: &[&str], fate: Fate);

    /// Commits what was written with [`Fate::Open`].
    fn end_writing(&mut self);

    /// All records of a topic that are there and may be seen, in the order of the log.
    fn view(&mut self, topic: Topic, sees: Sees) -> Vec<Seen>;

    /// Where the partitions of a topic end for such a reader.
    fn ends(&mut self, topic: Topic, sees: Sees) -> Vec<i64>;

    /// An input loses what lies before an offset.
    fn expire(&mut self, input: InputPartition, before: i64);

    /// Lets the log cleaner pass over the state topic as soon as it will.
    fn begin_compaction(&mut self);

    fn pass(&mut self, length: Duration);
}
