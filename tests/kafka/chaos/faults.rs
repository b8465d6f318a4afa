//! What happens to machines, and how long it takes until somebody has taken over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::load::RunningLoad;
use super::table::Recovery;
use crate::answers::scrape;
use crate::inputs::{Progress, inputs_of, topic_of};
use crate::support::broker::Broker;
use crate::support::cluster::Isolation;
use crate::support::random::Chance;
use crate::support::service::{Instance, Service, Shop};
use crate::support::waiting::wait_for;

/// Beyond session and transaction timeout, which are 10 s each.
const STOPPED_FOR: Duration = Duration::from_secs(14);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// As when a container is killed and started again at once.
    KilledAndRestarted,
    /// As when a machine is gone for good.
    KilledForLong,
    /// As when a machine hangs, and comes back as if nothing had been.
    Stopped,
    /// The broker is killed and started again.
    BrokerKilled,
    /// A third instance joins and leaves as it should.
    ThirdComesAndGoes,
    /// A third instance joins and is killed.
    ThirdComesAndDies,
}

impl Fault {
    const ALL: [Self; 6] = [
        Self::KilledAndRestarted,
        Self::KilledForLong,
        Self::Stopped,
        Self::BrokerKilled,
        Self::ThirdComesAndGoes,
        Self::ThirdComesAndDies,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::KilledAndRestarted => "kill -9, started again at once",
            Self::KilledForLong => "kill -9, the other takes over",
            Self::Stopped => "SIGSTOP beyond all timeouts, the other takes over",
            Self::BrokerKilled => "broker kill -9, from its answering again",
            Self::ThirdComesAndGoes => "a third joins, then leaves",
            Self::ThirdComesAndDies => "a third joins, then kill -9",
        }
    }

    /// Each once, in an order that nobody can foresee.
    pub fn shuffled(chance: &mut Chance) -> Vec<Self> {
        let mut left = Self::ALL.to_vec();
        let mut deck = Vec::new();
        while !left.is_empty() {
            deck.push(left.swap_remove(chance.below(left.len())));
        }
        deck
    }
}

/// Two instances with names of their own, as a StatefulSet has them, and now and then a third.
pub struct Machines<'a> {
    shop: &'a Shop,
    progress: Progress,
    instances: [Instance; 2],
    services: [Service; 2],
    thirds: usize,
}

impl<'a> Machines<'a> {
    pub fn start(shop: &'a Shop) -> Self {
        let instances = ["1", "2"].map(|name| shop.instance(name, true));
        let services = [0, 1].map(|place| shop.start_as(&instances[place]));
        let mut machines = Self { shop, progress: Progress::of(shop), instances, services, thirds: 0 };
        machines.heal();
        machines
    }

    pub fn suffer(
        &mut self,
        fault: Fault,
        broker: &mut Broker,
        load: &RunningLoad,
        chance: &mut Chance,
    ) -> Vec<Recovery> {
        std::thread::sleep(Duration::from_millis(chance.below(3000) as u64));
        let victim = chance.below(2);
        let held = held_by(&self.services[victim]);
        let what = fault.name();
        match fault {
            Fault::KilledAndRestarted => {
                self.services[victim].kill9();
                let mark = self.mark();
                self.services[victim] = self.shop.start_as(&self.instances[victim]);
                vec![self.recovered(what, mark, &held)]
            }
            Fault::KilledForLong => {
                self.services[victim].kill9();
                let mark = self.mark();
                let recovery = self.recovered(what, mark, &held);
                self.services[victim] = self.shop.start_as(&self.instances[victim]);
                vec![recovery]
            }
            Fault::Stopped => {
                self.services[victim].signal("STOP");
                let mark = self.mark();
                let recovery = self.recovered(what, mark, &held);
                std::thread::sleep(STOPPED_FOR.saturating_sub(recovery.took));
                self.services[victim].signal("CONT");
                vec![recovery]
            }
            Fault::BrokerKilled => vec![self.broker_killed(broker, load)],
            Fault::ThirdComesAndGoes | Fault::ThirdComesAndDies => self.third_comes(fault),
        }
    }

    fn broker_killed(&mut self, broker: &mut Broker, load: &RunningLoad) -> Recovery {
        load.hold(true);
        broker.kill9();
        broker.start_again();
        let at = Instant::now();
        let everything = self.partitions();
        // What was on its way is written first, by whoever writes the load; then nothing more until all that is read.
        let mark = Mark { at, ends: self.ends().into_iter().map(|(partition, end)| (partition, end - 1)).collect() };
        let recovery = self.recovered(Fault::BrokerKilled.name(), mark, &everything);
        self.catch_up();
        load.hold(false);
        recovery
    }

    fn third_comes(&mut self, fault: Fault) -> Vec<Recovery> {
        self.thirds += 1;
        let name = format!("third-{}", self.thirds);
        let mark = self.mark();
        let mut third = self.shop.start_as(&self.shop.instance(&name, false));
        third.wait_until("the third has got something to do", |third| !held_by(third).is_empty());
        let held = held_by(&third);
        let came = self.recovered("a third joins", mark, &held);
        let what = if fault == Fault::ThirdComesAndDies {
            third.kill9();
            "the third is killed, the others take over"
        } else {
            third.terminate();
            "the third leaves, the others take over"
        };
        let mark = self.mark();
        vec![came, self.recovered(what, mark, &held)]
    }

    /// Waits until both are at work again, hold everything between them, and have read what there was.
    pub fn heal(&mut self) {
        let partitions = self.partitions();
        for service in &mut self.services {
            service.wait_until_ready();
        }
        let [one, two] = &mut self.services;
        one.wait_until("each holds its half again", |one| {
            let held = [held_by(one), held_by(two)];
            held.iter().all(|held| held.len() * 2 == partitions.len()) && held[0].is_disjoint(&held[1])
        });
        self.catch_up();
    }

    fn catch_up(&mut self) {
        let ends = self.ends();
        let progress = &self.progress;
        let [one, two] = &mut self.services;
        one.wait_until("everything written so far is read", |_| {
            two.wait_until("the other is alive", |_| true);
            committed(progress).is_some_and(|done| ends.iter().all(|(partition, end)| done[partition] >= *end))
        });
    }

    pub fn judge(mut self, judge: impl FnOnce(&mut Service, &Service)) {
        self.heal();
        let [mut one, two] = self.services;
        judge(&mut one, &two);
        one.terminate();
        two.terminate();
    }

    fn partitions(&self) -> BTreeSet<i32> {
        self.ends().into_keys().collect()
    }

    /// Records written so far, by partition.
    fn ends(&self) -> BTreeMap<i32, i64> {
        let mut ends = BTreeMap::new();
        for input in inputs_of(self.shop) {
            let topic = self.shop.topic(topic_of(input));
            for (partition, end) in self.shop.cluster().end_offsets(&topic, Isolation::Uncommitted) {
                *ends.entry(partition).or_insert(0) += end;
            }
        }
        ends
    }

    fn mark(&self) -> Mark {
        Mark { at: Instant::now(), ends: self.ends() }
    }

    /// Waits until something that was written after the mark is committed on each of these partitions.
    fn recovered(&self, what: &'static str, mark: Mark, partitions: &BTreeSet<i32>) -> Recovery {
        wait_for(
            what,
            || self.services.iter().map(Service::last_words).collect(),
            || {
                let done = committed(&self.progress)?;
                partitions.iter().all(|partition| done[partition] > mark.ends[partition]).then_some(())
            },
        );
        Recovery { what, partitions: partitions.len(), took: mark.at.elapsed() }
    }
}

/// A moment, and how much had been written by then.
struct Mark {
    at: Instant,
    ends: BTreeMap<i32, i64>,
}

/// Records done with, by partition. Nothing while nobody can say.
fn committed(progress: &Progress) -> Option<BTreeMap<i32, i64>> {
    let mut sums = BTreeMap::new();
    for (partition, offset) in progress.committed()?.into_iter().flatten() {
        *sums.entry(partition).or_insert(0) += offset;
    }
    Some(sums)
}

/// The partitions that an instance holds. None while it does not answer.
pub fn held_by(service: &Service) -> BTreeSet<i32> {
    if service.http_get("/healthz").is_none() {
        return BTreeSet::new();
    }
    let partitions = scrape(service).labels("homecoming_restore_remaining_records", "partition");
    partitions.iter().map(|partition| partition.parse().expect("partitions are numbers")).collect()
}
