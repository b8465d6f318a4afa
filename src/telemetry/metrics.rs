//! The catalogue: every metric, its kind, its labels, its help. All labels come from closed sets, so the number of
//! series is known; a customer's id is never one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::core::Collector;
use prometheus::{
    CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry,
    TextEncoder,
};
use tracing::{error, info, warn};

use super::capacity::Capacity;
use super::rates::Rates;
use crate::domain::signal::{ChurnRisk, ReturnKind, ReturningCustomer, RiskKind};
use crate::domain::{Level, Policy};
use crate::engine::Outcome;
use crate::pipeline::ports::CommitTimes;
use crate::pipeline::{AbortCause, BatchSummary, Invariant, Observer, Usage};
use crate::store::Partitions;
use crate::wire::{Rejection, Source};

/// All metrics of this process.
pub struct Metrics {
    registry: Registry,
    partitions: Arc<Partitions>,
    policy: Arc<Policy>,
    /// The windows of the rates, in days.
    windows: Vec<u32>,
    work: Work,
    state: State,
    rates: Rates,
    /// Series that come and go are set anew for each reader.
    reading: Mutex<()>,
    capacity: Mutex<Capacity>,
    began: Instant,
}

/// What this process did since its start.
struct Work {
    signals: IntCounterVec,
    events: IntCounterVec,
    dead_letters: IntCounterVec,
    misplaced: IntCounterVec,
    invariant_failures: IntCounterVec,
    timers_fired: IntCounter,
    busy: CounterVec,
    rebalances: IntCounter,
    restored_records: IntCounter,
    stood_still: Histogram,
    troubles: IntCounter,
    transactions: Transactions,
}

/// What became of transactions.
struct Transactions {
    commit_duration: HistogramVec,
    commits: IntCounterVec,
    aborts: IntCounterVec,
    producers: GaugeVec,
    open: GaugeVec,
    batch_customers: Histogram,
    end_to_end: Histogram,
}

/// What the partitions hold that this process was given: it moves with them.
struct State {
    customers: GaugeVec,
    at_risk: GaugeVec,
    assigned: Gauge,
    replicas_needed: Gauge,
    timers: Gauge,
    lag: GaugeVec,
    lag_seconds: GaugeVec,
    idle: GaugeVec,
    client_queues: GaugeVec,
    watermark: GaugeVec,
    restore_remaining: GaugeVec,
}

impl Work {
    fn register(r: &Registry) -> Self {
        Self {
            signals: counters(r, "signals_total", "Signals sent and committed.", &["type", "kind"]),
            events: counters(
                r,
                "events_total",
                "Records taken from the inputs, by what became of them.",
                &["source", "outcome"],
            ),
            dead_letters: counters(r, "dead_letters_total", "Records that could not be used, by reason.", &["code"]),
            misplaced: counters(
                r,
                "misplaced_records_total",
                "Records on a partition where murmur2, as Java's producers use it, would not put their key.",
                &["source"],
            ),
            invariant_failures: counters(
                r,
                "invariant_failures_total",
                "Times that something which always holds did not: must be 0.",
                &["invariant"],
            ),
            timers_fired: counter(r, "timers_fired_total", "Moments of customers that came, and were committed."),
            busy: registered(
                r,
                |opts| CounterVec::new(opts, &["thread"]),
                "thread_busy_seconds_total",
                "Time a stream thread did anything but wait for records: its rate is the share of a thread in use.",
            ),
            rebalances: counter(r, "rebalances_total", "Times the group gave partitions to a thread of this process."),
            restored_records: counter(r, "restored_records_total", "Changelog records read while restoring."),
            stood_still: histogram(
                r,
                "partition_stood_still_seconds",
                "From a partition being taken back to its being at work here again, where its state was kept.",
                &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0],
            ),
            troubles: counter(r, "troubles_total", "Calls to the brokers that failed and were tried again."),
            transactions: Transactions::register(r),
        }
    }
}

impl Transactions {
    fn register(r: &Registry) -> Self {
        Self {
            commit_duration: registered(
                r,
                |opts| {
                    HistogramVec::new(
                        HistogramOpts::from(opts).buckets(vec![
                            0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0,
                        ]),
                        &["phase"],
                    )
                },
                "commit_duration_seconds",
                "Duration of a transaction's commit, by phase: drain, offsets, end.",
            ),
            commits: counters(r, "commits_total", "Transactions, by how they ended.", &["outcome"]),
            aborts: counters(r, "aborts_total", "Transactions that were dropped, by cause.", &["cause"]),
            producers: gauges(
                r,
                "producers_made",
                "Producers a stream thread has made, the first included: each more is one recycled.",
                &["thread"],
            ),
            open: gauges(
                r,
                "transaction_open_seconds",
                "How long ago the transaction was begun that a stream thread has not ended; 0: none.",
                &["thread"],
            ),
            batch_customers: histogram(
                r,
                "batch_customers",
                "Customers changed by one transaction.",
                &[1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0],
            ),
            end_to_end: histogram(
                r,
                "end_to_end_seconds",
                "From the writing of the record that caused a signal to the signal's commit.",
                &[0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0],
            ),
        }
    }
}

impl State {
    fn register(r: &Registry) -> Self {
        Self {
            customers: gauges(r, "customers", "Customers who ever ordered, by standing.", &["standing"]),
            at_risk: gauges(
                r,
                "customers_at_risk",
                "Customers who have not lapsed, by level of churn risk.",
                &["level"],
            ),
            assigned: gauge(r, "partitions_assigned", "Partitions this process holds."),
            replicas_needed: gauge(
                r,
                "replicas_needed",
                "Instances like this one that its partitions need, at 75 % in use and to read what is left within 10 minutes: \
                 add up over instances and round up.",
            ),
            timers: gauge(r, "timers_pending", "Customers whose next moment is awaited."),
            lag: gauges(r, "lag_records", "Records of an input left to read.", &["source", "partition"]),
            lag_seconds: gauges(
                r,
                "lag_seconds",
                "How long ago what was last taken in of an input that is behind was written; 0 at its end.",
                &["source", "partition"],
            ),
            idle: gauges(
                r,
                "input_idle",
                "1 while an input is idle and holds nobody's time.",
                &["source", "partition"],
            ),
            client_queues: gauges(
                r,
                "client_queue_bytes",
                "Bytes that wait in the Kafka clients of a stream thread to be sent, or to be polled.",
                &["thread", "queue"],
            ),
            watermark: gauges(
                r,
                "watermark_seconds",
                "Event time a partition has reached, as Unix time.",
                &["partition"],
            ),
            restore_remaining: gauges(
                r,
                "restore_remaining_records",
                "Changelog records left to read.",
                &["partition"],
            ),
        }
    }
}

impl Metrics {
    /// The catalogue, over these partitions. `windows`: of the rates, in days.
    pub fn new(partitions: Arc<Partitions>, policy: Arc<Policy>, windows: Vec<u32>) -> Self {
        let registry = Registry::new();
        let (work, state) = (Work::register(&registry), State::register(&registry));
        let rates = Rates::register(&registry);
        let metrics = Self {
            registry,
            partitions,
            policy,
            windows,
            work,
            state,
            rates,
            reading: Mutex::default(),
            capacity: Mutex::default(),
            began: Instant::now(),
        };
        metrics.name_all_series();
        register(&metrics.registry, prometheus::process_collector::ProcessCollector::for_self());
        metrics
    }

    /// Every series is there from the start, at 0: a rate over a series that appears later misses its first step.
    fn name_all_series(&self) {
        for kind in ReturnKind::ALL {
            self.work.signals.with_label_values(&[ReturningCustomer::TYPE, kind.name()]);
        }
        for kind in RiskKind::ALL {
            self.work.signals.with_label_values(&[ChurnRisk::TYPE, kind.name()]);
        }
        for source in Source::ALL {
            for outcome in Outcome::ALL {
                self.work.events.with_label_values(&[source.name(), outcome.name()]);
            }
            self.work.events.with_label_values(&[source.name(), "rejected"]);
            self.work.misplaced.with_label_values(&[source.name()]);
        }
        for code in Rejection::CODES {
            self.work.dead_letters.with_label_values(&[code]);
        }
        for phase in ["drain", "offsets", "end"] {
            self.work.transactions.commit_duration.with_label_values(&[phase]);
        }
        for cause in AbortCause::ALL {
            self.work.transactions.aborts.with_label_values(&[cause.name()]);
        }
        for invariant in Invariant::ALL {
            self.work.invariant_failures.with_label_values(&[invariant.name()]);
        }
        for outcome in ["committed", "aborted", "unknown"] {
            self.work.transactions.commits.with_label_values(&[outcome]);
        }
    }

    /// Everything in Prometheus' text format, as of now.
    pub fn text(&self) -> String {
        let _one_at_a_time = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        self.look_at_partitions();
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_else(|error| format!("# {error}\n"))
    }

    fn capacity(&self) -> MutexGuard<'_, Capacity> {
        self.capacity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_at_partitions(&self) {
        let partitions = self.partitions.all();
        // A partition that was given away takes its series with it.
        self.state.lag.reset();
        self.state.lag_seconds.reset();
        self.state.idle.reset();
        self.state.watermark.reset();
        self.state.restore_remaining.reset();
        let (mut timers, mut left) = (0, 0);
        for (partition, store) in &partitions {
            let (seen, partition) = (store.seen(), partition.to_string());
            timers += seen.timers;
            left += seen.backlog.iter().flatten().sum::<u64>();
            for (source, backlog) in Source::ALL.iter().zip(&seen.backlog) {
                if let Some(backlog) = backlog {
                    self.state.lag.with_label_values(&[source.name(), &partition]).set(*backlog as f64);
                }
            }
            for (source, (lag, idle)) in Source::ALL.iter().zip(seen.lag_seconds.iter().zip(&seen.idle)) {
                self.state.lag_seconds.with_label_values(&[source.name(), &partition]).set(*lag);
                self.state.idle.with_label_values(&[source.name(), &partition]).set(f64::from(u8::from(*idle)));
            }
            if let Some(time) = seen.time {
                self.state.watermark.with_label_values(&[&partition]).set(time.millis() as f64 / 1000.0);
            }
            self.state.restore_remaining.with_label_values(&[&partition]).set(seen.restore_remaining as f64);
        }
        let figures = self.partitions.figures(&self.windows, &self.policy);
        self.rates.show(&figures);
        let totals = figures.totals;
        self.state.customers.with_label_values(&["active"]).set(totals.active() as f64);
        self.state.customers.with_label_values(&["lapsed"]).set(totals.at(Level::Lapsed) as f64);
        for level in [Level::Low, Level::Medium, Level::High] {
            self.state.at_risk.with_label_values(&[level.name()]).set(totals.at(level) as f64);
        }
        self.state.assigned.set(partitions.len() as f64);
        self.state.replicas_needed.set(self.capacity().replicas_needed(left));
        self.state.timers.set(timers as f64);
    }
}

impl Observer for Metrics {
    fn committed(&self, summary: &BatchSummary, times: &CommitTimes) {
        let rejected: u64 = summary.dead_letters.values().sum();
        self.capacity().worked(summary.events.values().sum::<u64>() + rejected);
        for ((source, outcome), count) in &summary.events {
            self.work.events.with_label_values(&[source.name(), outcome.name()]).inc_by(*count);
        }
        for ((source, code), count) in &summary.dead_letters {
            self.work.events.with_label_values(&[source.name(), "rejected"]).inc_by(*count);
            self.work.dead_letters.with_label_values(&[code]).inc_by(*count);
        }
        for (source, count) in &summary.misplaced {
            self.work.misplaced.with_label_values(&[source.name()]).inc_by(*count);
        }
        for (kind, count) in &summary.signals {
            self.work.signals.with_label_values(&<[&str; 2]>::from(kind.names())).inc_by(*count);
        }
        for delay in &summary.delays {
            self.work.transactions.end_to_end.observe(delay.as_secs_f64());
        }
        for (phase, took) in [("drain", times.drain), ("offsets", times.offsets), ("end", times.end)] {
            self.work.transactions.commit_duration.with_label_values(&[phase]).observe(took.as_secs_f64());
        }
        self.work.transactions.commits.with_label_values(&["committed"]).inc();
        self.work.timers_fired.inc_by(summary.timers_fired);
        self.work.transactions.batch_customers.observe(summary.customers as f64);
    }

    fn aborted(&self, cause: AbortCause, reason: &str) {
        self.work.transactions.commits.with_label_values(&["aborted"]).inc();
        self.work.transactions.aborts.with_label_values(&[cause.name()]).inc();
        warn!(cause = cause.name(), reason, "transaction dropped, its input is read again");
    }

    fn outcome_settled(&self, committed: bool, reason: &str) {
        self.work.transactions.commits.with_label_values(&["unknown"]).inc();
        warn!(committed, reason, "the outcome of a transaction was unknown and has been settled");
    }

    fn assigned(&self, partitions: &[i32]) {
        self.work.rebalances.inc();
        info!(?partitions, "partitions assigned");
    }

    fn revoked(&self, lost: bool) {
        info!(lost, "partitions revoked");
    }

    fn restored(&self, partition: i32, customers: usize, records: u64, took: Duration, stood_still: Option<Duration>) {
        self.work.restored_records.inc_by(records);
        if let Some(stood_still) = stood_still {
            self.work.stood_still.observe(stood_still.as_secs_f64());
        }
        let stood_still_ms = stood_still.map(|length| length.as_millis() as u64);
        info!(partition, customers, records, took_ms = took.as_millis() as u64, stood_still_ms, "partition restored");
    }

    fn troubled(&self, what: &str) {
        self.work.troubles.inc();
        warn!(what, "trying again");
    }

    fn usage(&self, thread: usize, busy: Duration, usage: &Usage) {
        self.capacity().used(thread, busy, self.began.elapsed());
        let thread = thread.to_string();
        let more = busy.as_secs_f64() - self.work.busy.with_label_values(&[&thread]).get();
        self.work.busy.with_label_values(&[&thread]).inc_by(more.max(0.0));
        self.work.transactions.producers.with_label_values(&[&thread]).set(usage.producers as f64);
        self.work.transactions.open.with_label_values(&[&thread]).set(usage.transaction_age.as_secs_f64());
        for (queue, bytes) in [("send", usage.send_queue_bytes), ("fetch", usage.fetch_queue_bytes)] {
            self.state.client_queues.with_label_values(&[thread.as_str(), queue]).set(bytes as f64);
        }
    }

    fn invariant_failed(&self, invariant: Invariant, detail: &str) {
        self.work.invariant_failures.with_label_values(&[invariant.name()]).inc();
        error!(invariant = invariant.name(), detail, "something that always holds does not: please report this");
    }
}

fn named(name: &str, help: &str) -> Opts {
    Opts::new(format!("homecoming_{name}"), help)
}

fn register<C: Collector + 'static>(registry: &Registry, collector: C) {
    registry.register(Box::new(collector)).expect("the catalogue names every metric once");
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    make: impl FnOnce(Opts) -> prometheus::Result<C>,
    name: &str,
    help: &str,
) -> C {
    let collector = make(named(name, help)).expect("the catalogue's names and labels are valid");
    register(registry, collector.clone());
    collector
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    registered(registry, IntCounter::with_opts, name, help)
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    registered(registry, |opts| IntCounterVec::new(opts, labels), name, help)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Gauge {
    registered(registry, Gauge::with_opts, name, help)
}

pub(super) fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
    registered(registry, |opts| GaugeVec::new(opts, labels), name, help)
}

fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Histogram {
    let with_buckets = |opts| Histogram::with_opts(HistogramOpts::from(opts).buckets(buckets.to_vec()));
    registered(registry, with_buckets, name, help)
}
