//! How many instances like this one its work would take: what an autoscaler should follow. Lag is a bad guide, as it is
//! 0 whenever capacity is enough.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How often a sample is taken.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// How far back the rate and the share in use are measured.
const OVER: Duration = Duration::from_mins(1);

/// Within what time what is left to read should be read.
const CATCH_UP_WITHIN: Duration = Duration::from_mins(10);

/// How much of an instance should be in use.
const TARGET: f64 = 0.75;

/// Below this share in use a rate says little about what is possible.
const SHARE_MIN: f64 = 0.1;

/// Work done so far.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    at: Duration,
    records: u64,
    busy: Duration,
}

impl Sample {
    /// Records a second.
    fn rate_since(&self, old: &Self) -> f64 {
        let seconds = (self.at - old.at).as_secs_f64();
        if seconds > 0.0 { (self.records - old.records) as f64 / seconds } else { 0.0 }
    }

    /// The share of the time that threads were busy, added up over them.
    fn busy_since(&self, old: &Self) -> f64 {
        let seconds = (self.at - old.at).as_secs_f64();
        if seconds > 0.0 { self.busy.saturating_sub(old.busy).as_secs_f64() / seconds } else { 0.0 }
    }
}

/// What this process has shown it can do.
#[derive(Debug, Default)]
pub(super) struct Capacity {
    records: u64,
    /// By stream thread: how long it was busy.
    busy: BTreeMap<usize, Duration>,
    samples: VecDeque<Sample>,
    /// Records a second with all threads busy, averaged; `None` before there was work.
    measured: Option<f64>,
    /// Records a second, as of late.
    rate: f64,
}

impl Capacity {
    /// Records were taken in.
    pub(super) fn worked(&mut self, records: u64) {
        self.records += records;
    }

    /// A thread has been busy for so long since it began. `now` is any clock that goes forward evenly.
    pub(super) fn used(&mut self, thread: usize, busy: Duration, now: Duration) {
        self.busy.insert(thread, busy);
        if self.samples.back().is_some_and(|last| now < last.at + SAMPLE_EVERY) {
            return;
        }
        let new = Sample { at: now, records: self.records, busy: self.busy.values().sum() };
        if let Some(last) = self.samples.back() {
            let (rate, share) = (new.rate_since(last), new.busy_since(last) / self.busy.len() as f64);
            if share >= SHARE_MIN && rate > 0.0 {
                let shown = rate / share.min(1.0);
                self.measured = Some(self.measured.map_or(shown, |before| before + (shown - before) / 8.0));
            }
        }
        self.samples.push_back(new);
        while self.samples.len() > 2 && self.samples[1].at + OVER <= now {
            self.samples.pop_front();
        }
        self.rate = new.rate_since(&self.samples[0]);
    }

    /// Instances like this one that its partitions need, a fraction of one when they need less: add them up over all
    /// instances and round up. `backlog` is in records.
    pub(super) fn replicas_needed(&self, backlog: u64) -> f64 {
        let wanted = self.rate + backlog as f64 / CATCH_UP_WITHIN.as_secs_f64();
        self.measured.map_or(0.0, |measured| wanted / (TARGET * measured))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two threads, each busy for a share of the time, take in so many records a second for two minutes.
    fn after(rate: u64, share: f64) -> Capacity {
        let mut capacity = Capacity::default();
        for tenth in 0..1200u64 {
            capacity.worked(rate / 10);
            for thread in 0..2 {
                let now = Duration::from_millis(100 * tenth);
                capacity.used(thread, now.mul_f64(share), now);
            }
        }
        capacity
    }

    #[test]
    fn three_quarters_in_use_is_one_instance() {
        assert!((after(9_000, 0.75).replicas_needed(0) - 1.0).abs() < 0.02);
        assert!((after(1_000, 0.15).replicas_needed(0) - 0.2).abs() < 0.01);
    }

    #[test]
    fn a_backlog_counts_by_the_time_it_may_take() {
        // 10,000 records a second are possible; 4.5 M of backlog in ten minutes are 7,500 a second more.
        let needed = after(7_500, 0.75).replicas_needed(4_500_000);
        assert!((needed - 2.0).abs() < 0.04, "{needed}");
    }

    #[test]
    fn who_has_done_nothing_needs_nobody() {
        assert_eq!(Capacity::default().replicas_needed(1_000), 0.0);
        assert_eq!(after(0, 0.01).replicas_needed(0), 0.0);
    }

    #[test]
    fn what_was_possible_is_remembered_when_there_is_nothing_to_do() {
        let mut capacity = after(5_000, 0.5);
        for second in 121..400 {
            let now = Duration::from_secs(second);
            capacity.used(0, Duration::from_secs(60), now);
            capacity.used(1, Duration::from_secs(60), now);
        }
        assert_eq!(capacity.replicas_needed(0), 0.0);
        let needed = capacity.replicas_needed(4_500_000);
        assert!((needed - 1.0).abs() < 0.1, "{needed}");
    }
}
