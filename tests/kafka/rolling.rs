//! A rolling restart, as a StatefulSet's update does it: `homecoming-2`, `-1`, `-0` are stopped and started one after the
//! other, the next when the one before says that it is ready, while there is work to do. How long a partition stands still
//! is not looked at here, but in `standstill.rs`.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::agreement::everything_must_agree;
use crate::answers::{load, open_hostile, open_with_topics, scrape, wait_until_all_is_read};
use crate::chaos::partitions_of;
use crate::hostile_shop::HostileShop;
use crate::inputs::{Progress, Waves, Written, close, write};
use crate::instances::wait_until_they_hold;
use crate::support::broker::Broker;
use crate::support::service::{Instance, Service, Shop};
use crate::support::waiting::wall_clock;

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
    pods.roll();
    pods.scale_out();
    pods.roll();
    eprintln!("{} of {} records were read at the last restart", progress.records(), waves.count());
    wait_until_all_is_read(&shop, pods.first());
    everything_must_agree(&shop, &hostile, &waves.expected(), &pods.services());
    pods.terminate();
}

struct Pod {
    instance: Instance,
    service: Service,
}

/// The pods of one StatefulSet.
pub struct Pods<'a> {
    shop: &'a Shop,
    running: Vec<Pod>,
}

/// A pod that was stopped and started again. Instants are milliseconds since 1970.
pub struct Restart {
    pub pods: usize,
    pub ordinal: usize,
    /// What it held.
    pub partitions: BTreeSet<i32>,
    pub asked_to_stop: i64,
    pub ended: i64,
    pub started: i64,
    pub ready: i64,
}

impl<'a> Pods<'a> {
    pub fn start(shop: &'a Shop, count: usize) -> Self {
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

    pub fn scale_out(&mut self) {
        self.add(ORDINALS[self.running.len()]);
        self.must_hold_everything();
    }

    pub fn must_hold_everything(&mut self) {
        let mut services: Vec<&mut Service> = self.running.iter_mut().map(|pod| &mut pod.service).collect();
        wait_until_they_hold(&mut services, PARTITIONS);
    }

    /// The highest first, as Kubernetes does. Nobody else notices: partitions stay with their names.
    fn roll(&mut self) {
        for ordinal in (0..self.running.len()).rev() {
            let before = self.given(ordinal);
            let restart = self.restart(ordinal, Duration::ZERO);
            self.must_hold_everything();
            let held = partitions_of(&self.running[ordinal].service);
            assert_eq!(held, restart.partitions, "it got other partitions than it had");
            assert_eq!(self.given(ordinal), before, "a restart within the session timeout moved partitions of others");
        }
    }

    /// How often the group gave the others something.
    fn given(&self, but: usize) -> Vec<usize> {
        let others = self.running.iter().enumerate().filter(|(ordinal, _)| *ordinal != but);
        others.map(|(_, pod)| scrape(&pod.service).sum("homecoming_rebalances_total", &[])).collect()
    }

    /// Stops a pod, and starts it again after a while.
    pub fn restart(&mut self, ordinal: usize, after: Duration) -> Restart {
        let pods = self.running.len();
        let Pod { instance, service } = self.running.remove(ordinal);
        let partitions = partitions_of(&service);
        let asked_to_stop = wall_clock();
        service.terminate();
        let ended = wall_clock();
        std::thread::sleep(after);
        let started = wall_clock();
        let mut service = self.shop.start_as(&instance);
        service.wait_until_ready();
        self.running.insert(ordinal, Pod { instance, service });
        Restart { pods, ordinal, partitions, asked_to_stop, ended, started, ready: wall_clock() }
    }

    /// The first of them.
    pub fn first(&mut self) -> &mut Service {
        &mut self.running[0].service
    }

    pub fn services(&self) -> Vec<&Service> {
        self.running.iter().map(|pod| &pod.service).collect()
    }

    pub fn terminate(self) {
        for pod in self.running {
            pod.service.terminate();
        }
    }
}
