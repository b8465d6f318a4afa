//! The *standstill bound* of docs/operations.md: for how long at most a partition commits nothing when pods are restarted
//! under load, whether they come back at once, just as the group gives them up, or later.
//!
//! `make test-rolling`: a matter of speed, so not in `make test`. The bound follows from the options, with far more room
//! than a restart takes, so that it holds on a busy machine too.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use homecoming::config::Options;
use homecoming::kafka::SESSION_TIMEOUT;

use crate::answers::{load as fill, open_with_topics, wait_until_all_is_read};
use crate::chaos::all_must_be_as_the_model_has_it;
use crate::chaos::load::{Load, Pace};
use crate::inputs::{Progress, close};
use crate::rolling::{Pods, Restart};
use crate::support::broker::Broker;
use crate::support::cluster::Isolation;
use crate::support::service::{Shop, Topic};
use crate::support::waiting::{wait_for, wall_clock};

/// 2,000 events a second, over all inputs.
const LOAD: Pace = Pace { events: 200, every: Duration::from_millis(100) };

/// More than are written meanwhile.
const EVENTS: usize = 600_000;

/// How often each set of pods is rolled.
const ROLLS: usize = 3;

/// A process starts and finds its brokers; members learn that the group changes at their next heartbeat, a second at
/// most, finish what is open and are given their partitions; twice, when a pod comes back just as others take over.
const START_AND_JOIN: Duration = Duration::from_secs(4);

/// From the restored state to the first commit.
const FIRST_COMMIT: Duration = Duration::from_secs(1);

/// How slowly a state topic is read back at worst; benches/RESULTS.md has three times this.
const RESTORED_A_SECOND: f64 = 100_000.0;

/// Tiny, so that a stop finds a transaction open.
const RECORDS_IN_A_TRANSACTION: &str = "60";

/// A stop that gives up has to look at its clock.
const GIVES_UP_AFTER: Duration = Duration::from_secs(1);

#[test]
#[ignore = "is a matter of speed: `make test-rolling`"]
fn a_rolling_restart_keeps_each_partition_still_for_no_more_than_the_bound() {
    let mut broker = Broker::start();
    let cluster = broker.cluster().clone();
    let load = Load::prepare(&cluster, EVENTS, 61);
    let mut shop = open_with_topics(&cluster, "homecoming");
    shop.set_number("engine", "threads", "1");
    // Nobody's time goes by without them: what is late would depend on how long a restart takes.
    shop.set_text("time", "idle_after", "1h");
    let running = load.start(&shop, LOAD);

    let mut pods = Pods::start(&shop, 2);
    let quiet = undisturbed(&shop);
    let mut restarts = rolled(&shop, &mut pods);
    pods.scale_out();
    all_must_commit(&shop);
    restarts.extend(rolled(&shop, &mut pods));
    let (written, rate) = running.stop();
    close(&shop);

    let commits = Commits::of(&shop);
    println!("\n{written} events at {rate:.0} a second; {}\n", Bound::of(&shop));
    println!("undisturbed for {} s: {:.1} s between two commits at most\n", QUIET.as_secs(), commits.widest(quiet));
    println!("{HEADER}");
    restarts.iter().for_each(|restart| println!("{}", Row { restart, commits: &commits }));
    let bound = Bound::of(&shop);
    for restart in &restarts {
        let stood_still = Duration::from_secs_f64(commits.widest((restart.asked_to_stop, restart.ready)));
        let may_be = bound.of_restart(restart);
        let Restart { pods, ordinal, .. } = restart;
        assert!(
            stood_still <= may_be,
            "homecoming-{ordinal} of {pods}: a partition stood still for {stood_still:?}, which may be {may_be:?}"
        );
    }
    wait_until_all_is_read(&shop, pods.first());
    all_must_be_as_the_model_has_it(&shop, &pods.services());
    pods.terminate();
    broker.kill9();
}

#[test]
#[ignore = "is a matter of speed: `make test-rolling`"]
fn a_stop_gives_up_after_the_drain_timeout() {
    let mut broker = Broker::start();
    for drain_timeout in [Duration::from_secs(2), Duration::from_secs(5)] {
        let mut shop = open_with_topics(broker.cluster(), &format!("stopping-{}", drain_timeout.as_secs()));
        shop.set_text("engine", "drain_timeout", &format!("{}s", drain_timeout.as_secs()));
        shop.set_number("engine", "max_batch_records", RECORDS_IN_A_TRANSACTION);
        fill(&shop, "40000", "4000", "62");
        let progress = Progress::of(&shop);
        let mut service = shop.start();
        service.wait_until("it has begun to commit", |_| progress.records() > 0);
        broker.signal("STOP");
        let took = service.terminate();
        broker.signal("CONT");
        println!("drain_timeout {drain_timeout:?}, the broker hangs: stopped after {took:?}");
        assert!(took >= drain_timeout, "it had nothing to wait for");
        assert!(took <= drain_timeout + GIVES_UP_AFTER, "stopped after {took:?}, which may be {drain_timeout:?}");
    }
    broker.kill9();
}

/// Every pod restarted several times at once, and one once just as its session runs out, and once well after that.
fn rolled(shop: &Shop, pods: &mut Pods<'_>) -> Vec<Restart> {
    let count = pods.services().len();
    let at_once = (0..ROLLS).flat_map(|_| (0..count).rev()).map(|ordinal| (ordinal, Duration::ZERO));
    let away = [SESSION_TIMEOUT, SESSION_TIMEOUT + Duration::from_secs(5)];
    let slowly = away.into_iter().enumerate();
    let mut restarts = Vec::new();
    for (ordinal, after) in at_once.chain(slowly) {
        restarts.push(pods.restart(ordinal, after));
        pods.must_hold_everything();
        all_must_commit(shop);
    }
    restarts
}

/// The most a partition may stand still when a pod is stopped and started.
struct Bound {
    drain: Duration,
    session: Duration,
    restore: Duration,
}

impl Bound {
    fn of(shop: &Shop) -> Self {
        let state = shop.cluster().end_offsets(&shop.topic(Topic::State), Isolation::Uncommitted);
        let restore = Duration::from_secs_f64(state.values().sum::<i64>() as f64 / RESTORED_A_SECOND);
        Self { drain: Options::default().engine.drain_timeout, session: SESSION_TIMEOUT, restore }
    }

    /// Without the session, as long as the pod was away, if it was back earlier.
    fn of_restart(&self, restart: &Restart) -> Duration {
        let away = Duration::from_millis((restart.started - restart.ended).unsigned_abs());
        self.drain + away.min(self.session) + START_AND_JOIN + self.restore + FIRST_COMMIT
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [drain, session, join, restore, commit] =
            [self.drain, self.session, START_AND_JOIN, self.restore, FIRST_COMMIT].map(|part| part.as_secs_f64());
        let sum = drain + session + join + restore + commit;
        write!(
            to,
            "standstill bound {sum:.1} s: drain {drain}, session {session}, start and join {join}, restore {restore:.1}, \
             first commit {commit}"
        )
    }
}

const QUIET: Duration = Duration::from_secs(5);

/// From when to when nobody was restarted.
fn undisturbed(shop: &Shop) -> (i64, i64) {
    all_must_commit(shop);
    let from = wall_clock();
    std::thread::sleep(QUIET);
    let until = wall_clock();
    all_must_commit(shop);
    (from, until)
}

/// Waits until every partition has committed once more.
fn all_must_commit(shop: &Shop) {
    let ends = || shop.cluster().end_offsets(&shop.topic(Topic::State), Isolation::Committed);
    let before = ends();
    wait_for("every partition commits", String::new, || {
        let now = ends();
        before.iter().all(|(partition, end)| now[partition] > *end).then_some(())
    });
}

/// When every partition committed, by the records that say how far it has come.
struct Commits {
    of: BTreeMap<i32, Vec<i64>>,
}

impl Commits {
    fn of(shop: &Shop) -> Self {
        let mut of: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
        for record in shop.cluster().read_whole(&shop.topic(Topic::State), Isolation::Committed) {
            if record.key.as_deref() == Some(b"p") {
                of.entry(record.partition).or_default().push(record.written_at);
            }
        }
        Self { of }
    }

    /// The longest time between two commits of a partition that lies within or reaches into that time, in seconds.
    fn widest(&self, during: (i64, i64)) -> f64 {
        self.of.keys().map(|partition| self.widest_of(*partition, during)).fold(0.0, f64::max)
    }

    fn widest_of(&self, partition: i32, (from, until): (i64, i64)) -> f64 {
        let touches = |pair: &&[i64]| pair[1] >= from && pair[0] <= until;
        let gaps = self.of[&partition].windows(2).filter(touches).map(|pair| pair[1] - pair[0]);
        gaps.max().expect("it committed before and after") as f64 / 1000.0
    }
}

const HEADER: &str = "| pods | restarted | SIGTERM to end, s | away, s | start to ready, s | its partitions stood still, s | \
    others', s |\n|---|---|---|---|---|---|---|";

struct Row<'a> {
    restart: &'a Restart,
    commits: &'a Commits,
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Restart { pods, ordinal, partitions, asked_to_stop, ended, started, ready } = self.restart;
        let seconds = |from: &i64, until: &i64| (until - from) as f64 / 1000.0;
        let stood_still = |is_its: bool| {
            let of = self.commits.of.keys().filter(|partition| partitions.contains(partition) == is_its);
            of.map(|partition| self.commits.widest_of(*partition, (*asked_to_stop, *ready))).fold(0.0, f64::max)
        };
        let (stopping, away, starting) =
            (seconds(asked_to_stop, ended), seconds(ended, started), seconds(started, ready));
        let (its, others) = (stood_still(true), stood_still(false));
        write!(to, "| {pods} | {ordinal} | {stopping:.1} | {away:.1} | {starting:.1} | {its:.1} | {others:.1} |")
    }
}
