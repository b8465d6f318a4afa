//! What one seed sets up: the shop, the settings, and which faults come how often.

use std::sync::Arc;
use std::time::Duration;

use homecoming::domain::{Policy, Span};
use homecoming::pipeline::Settings;
use homecoming::wire::Source;

use crate::chance::Chance;
use crate::network::NetworkFaults;

const DAY_MS: i64 = 86_400_000;
/// 2026-01-01.
const BEGINNING_MS: i64 = 1_767_225_600_000;

/// Short, so that there is much to say in little time.
pub const ACTIVITY_DAYS: u32 = 12;

/// A mistake put in on purpose, which the auditor must see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// A transaction without new input carries no offsets, so that a zombie's is not fenced.
    TimersWithoutOffsets,
    /// Signals and state are committed before the offsets are.
    OffsetsApart,
    /// What an aborted batch made of its customers stays.
    OverlayKept,
    /// After an abort the input is not read again.
    NotRewound,
    /// A restore ends at the last stable offset instead of the log's end.
    RestoreToStable,
    /// A producer goes on after a connection broke in its transaction.
    ProducerKept,
    /// A restore hands over a customer's oldest value last.
    OldValueLast,
    /// A timer that had fired before a restore fires once more after it.
    FiredAgain,
    /// Settled counts are not stored with the transaction.
    SettledLeftOut,
    /// The engine weighs an open ticket less than the shop wants: it agrees with itself, and errs.
    RuleMisread,
    /// Inputs are read whatever becomes of the transactions that they were written in.
    InputsUncommitted,
}

impl Mutation {
    pub const ALL: [Self; 11] = [
        Self::TimersWithoutOffsets,
        Self::OffsetsApart,
        Self::OverlayKept,
        Self::NotRewound,
        Self::RestoreToStable,
        Self::ProducerKept,
        Self::OldValueLast,
        Self::FiredAgain,
        Self::SettledLeftOut,
        Self::RuleMisread,
        Self::InputsUncommitted,
    ];
}

/// How often each fault comes, against the others; 0: not with this seed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weights {
    pub kill: u64,
    pub stop: u64,
    pub end_in_order: u64,
    pub another: u64,
    pub same_id: u64,
    pub coordinators_away: u64,
    pub fetch_fails: u64,
    pub clock_jump: u64,
    pub compaction: u64,
    pub id_taken_away: u64,
    pub offsets_forgotten: u64,
    pub heartbeats_lost: u64,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub mutation: Option<Mutation>,
    /// After so many days without an order a customer has lapsed.
    pub activity_days: u32,
    pub partitions: i32,
    pub has_static_ids: bool,
    /// `clock = "wall"`.
    pub wall_clock: bool,
    /// Days of event time in a second.
    pub days_per_second: i64,
    pub lateness_days: i64,
    pub commit_interval: Duration,
    pub max_batch_records: usize,
    pub max_waiting: usize,
    pub max_timers: usize,
    /// Longer than any fault, so that what is said does not depend on who was waited for in vain.
    pub merge_wait: Duration,
    /// So many changelog records come at once at most.
    pub restored_at_once: u64,
    pub customers: u64,
    pub instances: usize,
    pub network: NetworkFaults,
    pub weights: Weights,
    /// A process may end by itself.
    pub may_give_up: bool,
    /// When faults end.
    pub faults_end: Duration,
}

impl Plan {
    pub fn new(seed: u64, mutation: Option<Mutation>) -> Self {
        let mut chance = Chance::new(seed, 0);
        let chance = &mut chance;
        // What came later is drawn apart, and moves nothing that was drawn before.
        let mut later = Chance::new(seed, 4);
        let wall_clock = chance.per_mille(500);
        // Each fault is left out now and then, so that others come more often and runs without it are seen.
        let mut weight = |most: u64| if chance.per_mille(350) { 0 } else { chance.between(1, most) };
        let weights = Weights {
            kill: weight(10),
            stop: weight(10),
            end_in_order: weight(4),
            another: weight(5),
            same_id: weight(2),
            coordinators_away: weight(3),
            fetch_fails: weight(3),
            clock_jump: weight(3),
            compaction: weight(6),
            id_taken_away: weight(3),
            offsets_forgotten: weight(4),
            heartbeats_lost: later.between(0, 4),
        };
        let network = NetworkFaults {
            lost_request: weight(15),
            lost_answer: weight(20),
            late_request: weight(30),
            slow_marker: weight(200),
        };
        Self {
            seed,
            mutation,
            activity_days: ACTIVITY_DAYS,
            partitions: 4,
            has_static_ids: chance.per_mille(400),
            wall_clock,
            days_per_second: if wall_clock { 1 } else { 3 },
            lateness_days: if wall_clock { 14 } else { 2 },
            commit_interval: Duration::from_millis(*chance.pick(&[100, 100, 300, 1000])),
            max_batch_records: *chance.pick(&[3, 50, 10_000]),
            max_waiting: *chance.pick(&[2, 3, 20, 5000]),
            max_timers: *chance.pick(&[2, 1000]),
            merge_wait: Duration::from_secs(600),
            restored_at_once: *chance.pick(&[3, 60, 60]),
            customers: chance.between(20, 60),
            instances: chance.between(1, 3) as usize,
            network,
            weights,
            may_give_up: false,
            faults_end: Duration::from_secs(chance.between(25, 45)),
        }
    }

    /// The same without any fault, and with names that stay.
    pub fn calm(seed: u64) -> Self {
        let (network, weights) = (NetworkFaults::default(), Weights::default());
        Self { network, weights, has_static_ids: true, ..Self::new(seed, None) }
    }

    /// Event time at a moment of virtual time, in milliseconds since 1970.
    pub fn event_ms(&self, at: Duration) -> i64 {
        BEGINNING_MS + at.as_millis() as i64 * self.days_per_second * DAY_MS / 1000
    }

    /// Event time a little after all that happened, so that windows hold much of it and nothing is yet to come.
    pub fn counted_ms(&self) -> i64 {
        self.event_ms(self.faults_end) + (3 + self.lateness_days) * DAY_MS
    }

    /// Where time stands once all that is awake has come to this instant.
    pub fn time_at(&self, reached_ms: i64) -> i64 {
        reached_ms - self.lateness_days * DAY_MS
    }

    /// Event time beyond all that will ever fall due.
    pub fn last_ms(&self) -> i64 {
        self.event_ms(self.faults_end) + (400 + self.lateness_days) * DAY_MS
    }

    pub fn settings(&self) -> Settings {
        Settings {
            commit_interval: self.commit_interval,
            max_batch_records: self.max_batch_records,
            max_waiting_records: self.max_waiting,
            max_timers_per_batch: self.max_timers,
            max_value_bytes: 100_000,
            max_dead_letter_bytes: 200_000,
            max_future_skew: None,
            allowed_lateness: Span::from_days(self.lateness_days),
            idle_after: Duration::from_secs(2),
            wall_clock: self.wall_clock,
            leave_within: Duration::from_secs(2),
            event_source: "simulation".to_owned(),
            fingerprint: [("activity_horizon".to_owned(), format!("{}d", self.activity_days))].into(),
            merge_wait: self.merge_wait,
            partitions: self.partitions,
            topics: Source::ALL.map(|source| (source, source.name().to_owned())).to_vec(),
        }
    }

    pub fn policy(&self) -> Arc<Policy> {
        // Short as well with every other seed; with the others as the recount of recoveries takes it to be.
        let memory = Span::from_days(if self.seed.is_multiple_of(2) { 8 } else { 60 });
        let mut policy = Policy { activity_horizon_days: self.activity_days, memory, ..Policy::default() };
        if self.mutation == Some(Mutation::RuleMisread) {
            policy.weights.open_ticket += 0.1;
        }
        Arc::new(policy)
    }
}
