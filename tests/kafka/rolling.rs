//! A rolling restart, as a StatefulSet's update does it: `homecoming-2`, `-1`, `-0` are stopped and started one after the
//! other, the next when the one before says that it is ready, while there is work to do.
//!
//! How long a partition may stand still is the *standstill bound* of docs/operations.md. It is not looked at in
//! `make test`, where nothing is a matter of speed, but in `make test-rolling`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use homecoming::config::Options;
use homecoming::kafka::SESSION_TIMEOUT;

use crate::agreement::everything_must_agree;
use crate::answers::{load, open_hostile, open_with_topics, scrape, wait_until_all_is_read};
use crate::chaos::load::{Load, Pace};
use crate::chaos::{all_must_be_as_the_model_has_it, partitions_of};
use crate::hostile_shop::HostileShop;
use crate::inputs::{Progress, Waves, Written, close, write};
use crate::instances::wait_until_they_hold;
use crate::support::broker::Broker;
use crate::support::cluster::Isolation;
use crate::support::service::{Instance, Service, Shop, Topic};
use crate::support::waiting::{wait_for, wall_clock};

const PARTITIONS: usize = 4;

/// What the pods of a StatefulSet are called: the shop's name, a dash, and this.
const ORDINALS: [&str; 3] = ["0", "1", "2"];

/// Tiny, so that every restart finds a transaction open and something left to read.
const RECORDS_IN_A_TRANSACTION: &str = "60";

/// Nobody's place is given away, however slow the machine.
const LONG_SESSION: &str = "300000";

#[test]
fn a_rolling_restart_of_two_and_of_three_loses_and_doubles_nothing() {
    let cluster = Broker::shared().cluster();
    let stock = open_with_topics(cluster, "rolling-stock");
    load(&stock, "24000", "2400", "61");
    let hostile = HostileShop::from_clean(&Written::to(&stock), 20_260_501);
    let mut shop = open_hostile(cluster, "homecoming");
    shop.set_number("engine", "max_batch_records", RECORDS_IN_A_TRANSACTION);
    shop.set_number("engine", "threads", "1");
    shop.set_text("kafka.client", "\"session.timeout.ms\"", LONG_SESSION);
    write(&shop, &hostile.records);
    close(&shop);
    let waves = Waves::first(&shop);
    let progress = Progress::of(&shop);

    let mut pods = Pods::start(&shop, 2);
    pods.roll(|_| ());
    pods.scale_out();
    pods.roll(|_| ());
    eprintln!("{} of {} records were read at the last restart", progress.records(), waves.count());
    wait_until_all_is_read(&shop, &mut pods.running[0].service);
    everything_must_agree(&shop, &hostile, &waves.expected(), &pods.services());
    pods.terminate();
}

/// 2,000 events a second, over all inputs, while pods are restarted.
const LOAD: Pace = Pace { events: 200, every: Duration::from_millis(100) };

/// More than are written meanwhile.
const EVENTS: usize = 400_000;

/// Longer than the session timeout: a node that has to fetch the image first, say.
const SLOW_START: Duration = Duration::from_secs(14);

/// When members learn that the group changes: at their next heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How slowly a state topic is read back at worst; benches/RESULTS.md has three times this.
const RESTORED_A_SECOND: f64 = 100_000.0;

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

    let mut restarts = Vec::new();
    let mut pods = Pods::start(&shop, 2);
    all_must_commit(&shop);
    for _ in 0..2 {
        restarts.extend(pods.roll(all_must_commit));
    }
    pods.scale_out();
    all_must_commit(&shop);
    for _ in 0..2 {
        restarts.extend(pods.roll(all_must_commit));
    }
    restarts.push(pods.restart(2, SLOW_START));
    pods.must_hold_everything();
    all_must_commit(&shop);
    let (written, rate) = running.stop();
    close(&shop);

    let commits = commits_of(&shop);
    let bound = standstill_bound(&shop);
    println!("\n{written} events at {rate:.0} a second; standstill bound {:.1} s\n\n{HEADER}", bound.as_secs_f64());
    for restart in &restarts {
        let stood_still = restart.partitions.iter().map(|partition| longest_gap(&commits[partition], restart));
        let stood_still = stood_still.max().expect("it held a partition");
        println!("{restart} {:.1} |", stood_still.as_secs_f64());
        assert!(stood_still <= bound, "{restart}: stood still for {stood_still:?}, which may be {bound:?}");
        let away = restart.away + Options::default().engine.commit_interval + HEARTBEAT;
        let is_slow = restart.away >= SLOW_START;
        assert!(
            is_slow || stood_still <= away,
            "{restart}: stood still for {stood_still:?} though it was back earlier"
        );
    }
    wait_until_all_is_read(&shop, &mut pods.running[0].service);
    all_must_be_as_the_model_has_it(&shop, &pods.services());
    pods.terminate();
    broker.kill9();
}

/// The most a partition may stand still when its pod is stopped and started: what is open is finished; whoever takes the
/// partition over, the pod itself or, if it stays away for too long, another, has to read its state.
fn standstill_bound(shop: &Shop) -> Duration {
    let state = shop.cluster().end_offsets(&shop.topic(Topic::State), Isolation::Uncommitted);
    let restore = Duration::from_secs_f64(state.values().sum::<i64>() as f64 / RESTORED_A_SECOND);
    Options::default().engine.drain_timeout + SESSION_TIMEOUT + HEARTBEAT + restore
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
fn commits_of(shop: &Shop) -> BTreeMap<i32, Vec<i64>> {
    let mut commits: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for record in shop.cluster().read_whole(&shop.topic(Topic::State), Isolation::Committed) {
        if record.key.as_deref() == Some(b"p") {
            commits.entry(record.partition).or_default().push(record.written_at);
        }
    }
    commits
}

/// The longest time between two commits, one of them at least while the pod was restarted.
fn longest_gap(commits: &[i64], restart: &Restart) -> Duration {
    let touches = |pair: &&[i64]| pair[1] >= restart.from && pair[0] <= restart.until;
    let gaps = commits.windows(2).filter(touches).map(|pair| pair[1] - pair[0]);
    Duration::from_millis(gaps.max().expect("it committed before and after").unsigned_abs())
}

const HEADER: &str = "| pods | restarted | partitions | SIGTERM to end, s | to ready again, s | stood still, s |\n\
    |---|---|---|---|---|---|";

/// A pod that was stopped and started.
struct Restart {
    pods: usize,
    ordinal: usize,
    partitions: BTreeSet<i32>,
    from: i64,
    until: i64,
    stopping: Duration,
    /// From SIGTERM until ready again.
    away: Duration,
}

impl fmt::Display for Restart {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (partitions, stopping, away) = (self.partitions.len(), self.stopping, self.away);
        let Self { pods, ordinal, .. } = self;
        write!(to, "| {pods} | homecoming-{ordinal} | {partitions} |")?;
        write!(to, " {:.1} | {:.1} |", stopping.as_secs_f64(), away.as_secs_f64())
    }
}

struct Pod {
    instance: Instance,
    service: Service,
}

/// The pods of one StatefulSet.
struct Pods<'a> {
    shop: &'a Shop,
    running: Vec<Pod>,
}

impl<'a> Pods<'a> {
    fn start(shop: &'a Shop, count: usize) -> Self {
        let mut pods = Self { shop, running: Vec::new() };
        ORDINALS[..count].iter().for_each(|ordinal| pods.add(ordinal));
        pods.must_hold_everything();
        pods
    }

    fn add(&mut self, ordinal: &str) {
        let instance = self.shop.instance(ordinal, true);
        let service = self.shop.start_as(&instance);
        self.running.push(Pod { instance, service });
    }

    fn scale_out(&mut self) {
        self.add(ORDINALS[self.running.len()]);
        self.must_hold_everything();
    }

    fn must_hold_everything(&mut self) {
        let mut services: Vec<&mut Service> = self.running.iter_mut().map(|pod| &mut pod.service).collect();
        wait_until_they_hold(&mut services, PARTITIONS);
    }

    /// The highest first, as Kubernetes does. Nobody else notices: partitions stay with their names.
    fn roll(&mut self, after_each: impl Fn(&Shop)) -> Vec<Restart> {
        let mut restarts = Vec::new();
        for ordinal in (0..self.running.len()).rev() {
            let before = self.given(ordinal);
            let held = partitions_of(&self.running[ordinal].service);
            restarts.push(self.restart(ordinal, Duration::ZERO));
            self.must_hold_everything();
            assert_eq!(partitions_of(&self.running[ordinal].service), held, "it got other partitions than it had");
            assert_eq!(self.given(ordinal), before, "a restart within the session timeout moved partitions of others");
            after_each(self.shop);
        }
        restarts
    }

    /// How often the group gave the others something.
    fn given(&self, but: usize) -> Vec<usize> {
        let others = self.running.iter().enumerate().filter(|(ordinal, _)| *ordinal != but);
        others.map(|(_, pod)| scrape(&pod.service).sum("homecoming_rebalances_total", &[])).collect()
    }

    /// Stops a pod, and starts it again after a while.
    fn restart(&mut self, ordinal: usize, after: Duration) -> Restart {
        let pods = self.running.len();
        let Pod { instance, service } = self.running.remove(ordinal);
        let partitions = partitions_of(&service);
        let from = wall_clock();
        let stopping = service.terminate();
        std::thread::sleep(after);
        let mut service = self.shop.start_as(&instance);
        service.wait_until_ready();
        let until = wall_clock();
        self.running.insert(ordinal, Pod { instance, service });
        let away = Duration::from_millis((until - from).unsigned_abs());
        Restart { pods, ordinal, partitions, from, until, stopping, away }
    }

    fn services(&self) -> Vec<&Service> {
        self.running.iter().map(|pod| &pod.service).collect()
    }

    fn terminate(self) {
        for pod in self.running {
            pod.service.terminate();
        }
    }
}
