//! One run: the shop writes, processes come and go, faults happen, then all is healed and must come to rest.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use homecoming::pipeline::ports::InputPartition;
use homecoming::wire::Source;

use crate::audit;
use crate::plan::{Mutation, Plan, Weights};
use crate::process::{self, Running};
use crate::rates;
use crate::shop::{Shop, Written};
use crate::story::Story;
use crate::topics::Topic;
use crate::world::{ActorId, DIRECTOR, Message, Sim, World};

/// Virtual time within which everything has to be done once the faults have ended.
const REST_WITHIN: Duration = Duration::from_secs(120);

/// Kinds of harm, in the order in which their weights are drawn from.
const HARM: [&str; 13] = [
    "harm: kill -9",
    "harm: SIGSTOP",
    "harm: SIGTERM",
    "harm: one more joins",
    "harm: id used twice",
    "harm: coordinators move",
    "harm: nothing fetched",
    "harm: clock jump",
    "harm: compaction",
    "harm: a living one's transactional id taken away",
    "harm: offsets forgotten, if nobody is in the group",
    "harm: heartbeats lost",
    "harm: none",
];

/// How a run ended.
pub struct Ending {
    pub hash: u64,
    pub complaints: Vec<String>,
    pub story: Vec<String>,
    pub steps: u64,
    pub signals: usize,
    pub tally: BTreeMap<&'static str, u64>,
}

pub struct Director {
    pub world: Arc<World>,
    running: RefCell<BTreeMap<ActorId, Running>>,
    /// Slots whose process comes back, and when.
    returns: Vec<(Duration, usize)>,
    pub shop: Shop,
}

/// Runs one seed to its end.
pub fn run(seed: u64, mutation: Option<Mutation>, tells: bool) -> Ending {
    let plan = Plan::new(seed, mutation);
    let mut director = Director::new(plan, tells);
    director.direct();
    director.end()
}

impl Director {
    pub fn new(plan: Plan, tells: bool) -> Self {
        let shop = Shop::new(&plan);
        let mut story = Story::new(tells);
        story.note(Duration::ZERO, DIRECTOR, 'P', plan.seed, || format!("{plan:?}"));
        let world = Arc::new(World::new(plan, story));
        Self { world, running: RefCell::default(), returns: Vec::new(), shop }
    }

    fn direct(&mut self) {
        let plan = self.world.lock().plan.clone();
        self.write_later();
        for slot in 0..plan.instances {
            let after = self.world.lock().chance.millis(0, 1500);
            self.start(slot, after);
        }
        while self.now() < plan.faults_end && self.is_well() {
            let pause = self.world.lock().chance.millis(100, 2500);
            self.pass(pause);
            self.bring_back();
            self.do_harm(&plan.weights);
        }
        self.heal();
        self.come_to_rest();
    }

    /// Everything is done, time is brought to its end, and the auditor looks.
    pub fn come_to_rest(&mut self) {
        let plan = self.world.lock().plan.clone();
        let mut is_at_rest = self.is_well() && self.wait_for_rest("after the faults ended");
        // Once while windows hold much, and once when all that can ripen has done so.
        for to_ms in [plan.counted_ms(), plan.last_ms()] {
            is_at_rest = is_at_rest && self.bring_time_to(to_ms) && self.wait_for_rest("after time was moved on");
            if is_at_rest {
                rates::audit(&mut self.world.lock(), &self.shop, plan.time_at(to_ms));
            }
        }
        if is_at_rest {
            audit::audit(&mut self.world.lock(), &self.shop);
        }
    }

    /// Puts the clock forward or, where events tell the time, writes what brings it there. Not once something is wrong.
    fn bring_time_to(&mut self, to_ms: i64) -> bool {
        let plan = self.world.lock().plan.clone();
        if plan.wall_clock {
            let mut sim = self.world.lock();
            (sim.wall_stands_at, sim.last_change) = (Some(to_ms), sim.now);
        } else {
            for written in Shop::closing(&plan, to_ms) {
                self.write(&written, Duration::from_millis(1));
                self.shop.written.push(written);
            }
        }
        self.is_well()
    }

    pub fn write_later(&self) {
        for written in &self.shop.written {
            self.write(written, written.at);
        }
    }

    pub fn write(&self, written: &Written, after: Duration) {
        let (topic, what) = (Topic::Input(written.source), written.what.clone());
        let message = Message::Write { topic, partition: written.partition, what };
        self.world.lock().post(after, message);
    }

    pub fn start(&mut self, slot: usize, after: Duration) -> ActorId {
        let (process, running) = process::start(&self.world, slot, after);
        self.running.get_mut().insert(process, running);
        process
    }

    /// Lets virtual time pass, and everybody take their turns.
    pub fn pass(&self, length: Duration) {
        self.world.lock().rest(DIRECTOR, length);
        loop {
            let next = self.world.lock().turn_of;
            if next == DIRECTOR {
                return;
            }
            let mut running = self.running.borrow_mut();
            let process = running.get_mut(&next).expect("who has the turn has not ended");
            if process.resume(()).as_return().is_some() {
                running.remove(&next);
            }
        }
    }

    pub fn now(&self) -> Duration {
        self.world.lock().now
    }

    pub fn is_well(&self) -> bool {
        self.world.lock().story.complaints.is_empty()
    }

    fn alive(&self) -> Vec<(ActorId, usize)> {
        let sim = self.world.lock();
        let alive = sim.processes.iter().filter(|(id, _)| !sim.has_ended(**id));
        alive.map(|(id, process)| (*id, process.slot)).collect()
    }

    /// Whoever has ended comes back after a while, as under a supervisor.
    fn bring_back(&mut self) {
        let alive = self.alive();
        let now = self.now();
        let due: Vec<usize> = self.returns.iter().filter(|(at, _)| *at <= now).map(|(_, slot)| *slot).collect();
        self.returns.retain(|(at, _)| *at > now);
        for slot in due {
            if alive.iter().all(|(_, taken)| *taken != slot) {
                self.start(slot, Duration::from_millis(1));
            }
        }
        if alive.is_empty() && self.returns.is_empty() {
            let at = now + self.world.lock().chance.millis(100, 4000);
            self.returns.push((at, 0));
        }
    }

    fn do_harm(&mut self, weights: &Weights) {
        let alive = self.alive();
        let kinds = [
            weights.kill,
            weights.stop,
            weights.end_in_order,
            weights.another,
            weights.same_id,
            weights.coordinators_away,
            weights.fetch_fails,
            weights.clock_jump,
            weights.compaction,
            weights.id_taken_away,
            weights.offsets_forgotten,
            weights.heartbeats_lost,
            8,
        ];
        let mut sim = self.world.lock();
        let mut draw = sim.chance.below(kinds.iter().sum());
        let kind = kinds.iter().position(|weight| {
            let is_it = draw < *weight;
            draw = draw.saturating_sub(*weight);
            is_it
        });
        let now = sim.now;
        if let Some(kind) = kind {
            sim.story.count(HARM[kind]);
        }
        let victim = if alive.is_empty() { None } else { Some(*sim.chance.pick(&alive)) };
        match (kind, victim) {
            (Some(0), Some((process, slot))) => {
                let calls = if sim.chance.per_mille(300) { 0 } else { sim.chance.between(1, 60) };
                sim.kill(process, calls);
                let at = now + sim.chance.millis(50, 9000);
                self.returns.push((at, slot));
            }
            (Some(1), Some((process, _))) => {
                let (low, high) = *sim.chance.pick(&[(50, 2000), (2000, 7000), (6000, 12_000), (9000, 25_000)]);
                let (calls, length) = (sim.chance.between(1, 60), sim.chance.millis(low, high));
                sim.stop_for(process, calls, length);
            }
            (Some(2), Some((process, slot))) => {
                sim.tell(process, 'T', 0, || "gets SIGTERM".to_owned());
                sim.processes[&process].stop.store(true, Ordering::Relaxed);
                let at = now + sim.chance.millis(50, 9000);
                self.returns.push((at, slot));
            }
            (Some(3), _) if alive.len() < 3 => {
                let free = (0..4).find(|slot| alive.iter().all(|(_, taken)| taken != slot));
                drop(sim);
                self.start(free.unwrap_or(4), Duration::from_millis(1));
            }
            (Some(4), Some((process, slot))) if alive.len() < 4 && sim.plan.has_static_ids => {
                let calls = sim.chance.between(200, 2000);
                sim.kill(process, calls);
                drop(sim);
                self.start(slot, Duration::from_millis(1));
            }
            (Some(5), _) => {
                let away = sim.chance.millis(50, 4000);
                sim.coordinators_away_until = now + away;
                sim.tell(DIRECTOR, 'C', 0, || format!("the coordinators move, for {away:?} nobody is one"));
            }
            (Some(6), _) => {
                let fails = sim.chance.millis(50, 3000);
                sim.fetch_fails_until = now + fails;
                sim.tell(DIRECTOR, 'F', 0, || format!("nothing can be fetched for {fails:?}"));
            }
            (Some(7), Some((process, _))) => {
                let ahead = sim.chance.between(0, 4 * 86_400_000) as i64 - 2 * 86_400_000;
                sim.tell(process, 'J', 0, || format!("has its clock put {ahead} ms off"));
                if let Some(process) = sim.processes.get_mut(&process) {
                    process.clock_is_off_by_ms = ahead;
                }
            }
            (Some(8), _) => compact(&mut sim),
            (Some(9), Some((process, _))) => {
                if let Some(id) = sim.transactional_ids.get(&process).cloned() {
                    sim.take_id_away(&id, Duration::ZERO);
                }
            }
            (Some(10), _) if sim.broker.group.is_empty() && !sim.broker.offsets.is_empty() => {
                sim.broker.offsets.clear();
                sim.story.count("the group's offsets were forgotten");
                sim.tell(DIRECTOR, 'O', 0, || "nobody is in the group, and its offsets are forgotten".to_owned());
            }
            (Some(11), Some((process, _))) => {
                let (low, high) = *sim.chance.pick(&[(500, 5000), (5000, 15_000)]);
                let length = sim.chance.millis(low, high);
                sim.tell(process, 'B', 0, || format!("none of its heartbeats arrive for {length:?}"));
                if let Some(client) = sim.clients.get_mut(&process) {
                    client.unheard_until = now + length;
                }
            }
            _ => {}
        }
    }

    /// Ends all faults; at least one process is left at work.
    fn heal(&mut self) {
        {
            let mut sim = self.world.lock();
            sim.tell(DIRECTOR, 'H', 0, || "the faults end".to_owned());
            sim.is_faulty = false;
            sim.coordinators_away_until = Duration::ZERO;
            sim.clients.values_mut().for_each(|client| client.unheard_until = Duration::ZERO);
            sim.resume_all();
        }
        // Of several in one slot only the last stays.
        let alive = self.alive();
        let mut slots = BTreeMap::new();
        slots.extend(alive.iter().map(|(process, slot)| (*slot, *process)));
        for (process, slot) in &alive {
            if slots[slot] != *process {
                self.world.lock().kill(*process, 0);
            } else {
                self.world.lock().spare(*process);
            }
        }
        if self.is_well() && alive.iter().all(|(process, _)| self.is_stopping(*process)) {
            self.start(5, Duration::from_millis(1));
        }
    }

    fn is_stopping(&self, process: ActorId) -> bool {
        self.world.lock().processes[&process].stop.load(Ordering::Relaxed)
    }

    /// Everything read, nothing open, and quiet for longer than an input needs to be idle.
    fn wait_for_rest(&mut self, when: &str) -> bool {
        let until = self.now() + REST_WITHIN;
        loop {
            // No part of a second: a day ends every second, and is committed then.
            self.pass(Duration::from_millis(470));
            if !self.is_well() {
                return false;
            }
            // Two that had one id took it from each other until one gave up; somebody has to go on.
            if self.alive().is_empty() {
                self.start(6, Duration::from_millis(1));
            }
            let written = self.shop.written.iter().map(|written| written.at).max().unwrap_or_default();
            let mut sim = self.world.lock();
            let is_done =
                sim.is_all_read() && sim.broker.is_settled() && sim.broker.group.is_stable() && sim.is_all_at_work();
            if is_done && sim.now.saturating_sub(sim.last_change) > Duration::from_secs(4) {
                return true;
            }
            if is_done && sim.plan.wall_clock && sim.wall_stands_at.is_none() && sim.now > written {
                // A day ends every second: as long as the clock goes there is no rest.
                sim.wall_stands_at = Some(sim.plan.event_ms(sim.now));
            }
            if sim.now > until {
                let (now, what) = (sim.now, sim.unread());
                sim.story.complain(now, format!("no rest within {REST_WITHIN:?} {when}: {what}"));
                return false;
            }
        }
    }

    pub fn end(self) -> Ending {
        let living: Vec<ActorId> = self.alive().into_iter().map(|(process, _)| process).collect();
        for process in living {
            self.world.lock().kill(process, 0);
            while !self.world.lock().has_ended(process) {
                self.pass(Duration::from_millis(1));
            }
        }
        let sim = self.world.lock();
        let is_signal = |topic: &Topic| matches!(topic, Topic::ReturningCustomers | Topic::ChurnRisk);
        let signals = sim.broker.logs.iter().filter(|((topic, _), _)| is_signal(topic));
        Ending {
            hash: sim.story.hash(),
            complaints: sim.story.complaints.clone(),
            story: sim.story.lines().map(str::to_owned).collect(),
            steps: sim.steps,
            tally: sim.story.tally.clone(),
            signals: signals.map(|(_, log)| log.committed_from(0).count()).sum(),
        }
    }
}

/// The cleaner passes. Deletions go only when no process is there that may still need them: in Kafka they stay a day.
pub fn compact(sim: &mut Sim) {
    let living = sim.processes.iter().filter(|(id, _)| !sim.has_ended(**id));
    // One that is still to take its first turn has yet to begin.
    let oldest = living.map(|(_, process)| process.started.min(sim.now)).min().unwrap_or(sim.now);
    for partition in 0..sim.plan.partitions {
        let Sim { broker, chance, now, .. } = &mut *sim;
        let gone = broker.log_mut(Topic::State, partition).compact(chance, *now, oldest);
        sim.tell(DIRECTOR, 'G', gone as u64, || format!("the cleaner takes {gone} records of state-{partition}"));
    }
}

impl Sim {
    fn inputs(&self) -> impl Iterator<Item = InputPartition> + use<> {
        let partitions = self.plan.partitions;
        Source::ALL
            .into_iter()
            .flat_map(move |source| (0..partitions).map(move |partition| InputPartition { source, partition }))
    }

    fn left(&self, input: InputPartition) -> i64 {
        let read = self.broker.offsets.get(&input).map_or(0, |(offset, _)| *offset);
        self.broker.log(Topic::Input(input.source), input.partition).end_of_records() - read
    }

    pub fn is_all_read(&self) -> bool {
        self.inputs().all(|input| self.left(input) <= 0)
    }

    pub fn unread(&self) -> String {
        let left = self.inputs().map(|input| (input, self.left(input))).filter(|(_, left)| *left != 0);
        let left: Vec<String> =
            left.map(|(input, left)| format!("{left} of {}-{}", input.source.name(), input.partition)).collect();
        format!(
            "left to read: [{}], transactions settled: {}, group stable: {}, all at work: {}",
            left.join(", "),
            self.broker.is_settled(),
            self.broker.group.is_stable(),
            self.is_all_at_work()
        )
    }

    /// Every partition is at work somewhere.
    fn is_all_at_work(&self) -> bool {
        let living = self.processes.iter().filter(|(id, _)| !self.has_ended(**id));
        let stores: Vec<_> = living.flat_map(|(_, process)| process.partitions.all()).collect();
        // Whoever has lost one and does not know it yet would stand in for its new owner, who is still restoring.
        stores.len() == self.plan.partitions as usize && stores.iter().all(|(_, store)| store.seen().is_running)
    }
}
