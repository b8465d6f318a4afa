//! The scripts that a real Kafka has to answer alike, on the simulated one: without faults, and with many seeds, for how
//! long things take must not matter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use homecoming::pipeline::Log;
use homecoming::pipeline::ports::InputPartition;

use crate::alike::play::Play;
use crate::alike::stage::{Fate, Names, PARTITIONS, Patience, Seen, Sees, Stage, Topic};
use crate::alike::{members, reading, restoring, takeover, tests_of_all_scripts, transactions};
use crate::plan::Plan;
use crate::sim_log::SimLog;
use crate::story::Story;
use crate::topics::{self, Record};
use crate::world::{ActorId, DIRECTOR, Part, Sim, World};

/// Enough for every order in which messages can overtake each other here.
const SEEDS: u64 = 25;

/// The transaction of whoever writes to the inputs, in the broker's books.
const WRITER: u64 = u64::MAX;

tests_of_all_scripts!(play_with_many_seeds);

fn play_with_many_seeds(_name: &str, script: fn(&mut Play<'_>)) {
    for seed in 1..=SEEDS {
        let mut stage = SimStage::new(seed);
        script(&mut Play::on(&mut stage));
    }
}

struct SimStage {
    world: Arc<World>,
    logs: BTreeMap<&'static str, (ActorId, SimLog<'static>)>,
    written_to: Vec<InputPartition>,
}

impl SimStage {
    fn new(seed: u64) -> Self {
        let plan = Plan { partitions: PARTITIONS, ..Plan::calm(seed) };
        let world = Arc::new(World::new(plan, Story::new(true)));
        world.lock().is_faulty = false;
        Self { world, logs: BTreeMap::new(), written_to: Vec::new() }
    }

    fn part_of(&mut self, who: &str) -> &mut SimLog<'static> {
        let (me, log) = self.logs.get_mut(who).expect("it was started");
        self.world.lock().play(*me);
        log
    }
}

impl Drop for SimStage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let sim = self.world.lock();
            let story: Vec<&str> = sim.story.lines().collect();
            println!("seed {}:\n{}", sim.plan.seed, story.join("\n"));
        }
    }
}

const fn simulated(topic: Topic) -> topics::Topic {
    match topic {
        Topic::ReturningCustomers => topics::Topic::ReturningCustomers,
        Topic::ChurnRisk => topics::Topic::ChurnRisk,
        Topic::DeadLetters => topics::Topic::DeadLetters,
        Topic::State => topics::Topic::State,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Stage for SimStage {
    fn start(&mut self, who: &'static str, names: Names, _patience: Patience) {
        let me = {
            let mut sim = self.world.lock();
            let now = sim.now;
            let me = sim.new_actor(now);
            sim.play(me);
            me
        };
        let instance = names.instance.map(str::to_owned);
        let log = SimLog::new(Part::new(&self.world, me, None), instance, names.transactions.to_owned());
        self.logs.insert(who, (me, log));
    }

    fn log(&mut self, who: &str) -> &mut dyn Log {
        self.part_of(who)
    }

    fn vanish(&mut self, who: &'static str) {
        let (me, _) = self.logs.remove(who).expect("it was started");
        self.world.lock().clients.remove(&me);
    }

    fn linger(&mut self, who: &str) {
        self.part_of(who).linger();
    }

    fn write(&mut self, to: InputPartition, values: &[&str], fate: Fate) {
        let mut sim = self.world.lock();
        let now = sim.now;
        let log = sim.broker.log_mut(topics::Topic::Input(to.source), to.partition);
        for value in values {
            let record = Record {
                key: Some(b"k".to_vec()),
                value: Some(value.as_bytes().to_vec()),
                written_ms: now.as_millis() as i64,
                ..Record::default()
            };
            log.append(Arc::new(record), (fate != Fate::Plain).then_some(WRITER), now);
        }
        match fate {
            Fate::Plain => {}
            Fate::Committed | Fate::Aborted => log.mark(WRITER, fate == Fate::Committed, now),
            Fate::Open => self.written_to.push(to),
        }
    }

    fn end_writing(&mut self) {
        let mut sim = self.world.lock();
        let now = sim.now;
        for to in self.written_to.drain(..) {
            sim.broker.log_mut(topics::Topic::Input(to.source), to.partition).mark(WRITER, true, now);
        }
    }

    fn view(&mut self, topic: Topic, sees: Sees) -> Vec<Seen> {
        let sim = self.world.lock();
        let mut seen = Vec::new();
        for partition in 0..PARTITIONS {
            let log = sim.broker.log(simulated(topic), partition);
            let records: Vec<_> = match sees {
                Sees::Committed => log.committed_from(log.low()).collect(),
                Sees::Everything => log.written_from(0).collect(),
            };
            seen.extend(records.into_iter().map(|(offset, record)| Seen {
                partition,
                offset,
                key: text(record.key.as_deref().unwrap_or_default()),
                value: record.value.as_deref().map(text),
            }));
        }
        seen
    }

    fn ends(&mut self, topic: Topic, sees: Sees) -> Vec<i64> {
        let sim = self.world.lock();
        let logs = (0..PARTITIONS).map(|partition| sim.broker.log(simulated(topic), partition));
        let end = |log: &topics::PartitionLog| match sees {
            Sees::Committed => log.last_stable_offset(),
            Sees::Everything => log.end(),
        };
        logs.map(end).collect()
    }

    fn expire(&mut self, input: InputPartition, before: i64) {
        let mut sim = self.world.lock();
        sim.broker.log_mut(topics::Topic::Input(input.source), input.partition).expire_before(before);
    }

    fn begin_compaction(&mut self) {
        // Deletions stay for a day.
        let Sim { broker, chance, .. } = &mut *self.world.lock();
        broker.log_mut(topics::Topic::State, 0).compact(chance, Duration::ZERO, Duration::ZERO);
    }

    fn pass(&mut self, length: Duration) {
        self.world.lock().play(DIRECTOR);
        Part::new(&self.world, DIRECTOR, None).sleep(length);
    }
}
