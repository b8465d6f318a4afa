//! Cases that follow a script instead of chance.

use std::sync::Arc;
use std::time::Duration;

use homecoming::domain::{CustomerId, EventTime};
use homecoming::engine::Partition;
use homecoming::store::PartitionStore;
use homecoming::wire::Source;
use homecoming::wire::progress_record::Progress;
use homecoming::wire::state_key::StateKey;

use crate::audit::{self, State};
use crate::director::{Director, Ending};
use crate::plan::Plan;
use crate::topics::Topic;
use crate::world::ActorId;

fn refusal(director: &Director, process: ActorId) -> Option<String> {
    director.world.lock().processes[&process].refused.clone()
}

fn assert_clean(ending: &Ending) {
    assert!(ending.complaints.is_empty(), "{}\n{}", ending.story.join("\n"), ending.complaints.join("\n"));
}

/// A service that went on would lose what has expired without a word.
#[test]
fn expired_records_end_the_service_and_nothing_is_skipped() {
    for seed in 1..10 {
        let mut director = Director::new(Plan { may_give_up: true, ..Plan::calm(seed) }, true);
        director.write_later();
        let first = director.start(0, Duration::ZERO);
        director.pass(Duration::from_secs(10));
        director.world.lock().kill(first, 0);
        director.pass(Duration::from_secs(10));
        let (offsets, signals) = {
            let mut sim = director.world.lock();
            let before = sim.broker.offsets.clone();
            let (input, next) = before.iter().next().map(|(input, (next, _))| (*input, *next)).expect("some are read");
            let log = sim.broker.log_mut(Topic::Input(input.source), input.partition);
            assert!(log.end() > next + 1, "seed {seed}: something is left to expire");
            log.expire_before(next + 1);
            (before, sim.broker.log(Topic::ChurnRisk, input.partition).committed_from(0).count())
        };
        let second = director.start(0, Duration::ZERO);
        director.pass(Duration::from_secs(10));
        let reason = refusal(&director, second).expect("the service has ended");
        assert!(reason.contains("expired before they were read"), "seed {seed}: {reason}");
        let sim = director.world.lock();
        let (input, committed) = offsets.iter().next().expect("some are read");
        assert_eq!(sim.broker.offsets.get(input), Some(committed), "seed {seed}: the group's offset stays");
        let told = sim.broker.log(Topic::ChurnRisk, input.partition).committed_from(0).count();
        assert_eq!(told, signals, "seed {seed}: nothing was told");
        drop(sim);
        director.end();
    }
}

/// A backlog whose inputs are read to their ends, and fall silent, all at once: time goes by the last of what was read.
#[test]
fn time_stands_at_the_end_of_a_backlog() {
    for seed in 1..10 {
        let plan = Plan { wall_clock: false, ..Plan::calm(seed) };
        let mut director = Director::new(plan, false);
        director.write_later();
        director.pass(Duration::from_secs(50));
        let process = director.start(0, Duration::ZERO);
        director.pass(Duration::from_secs(60));
        let sim = director.world.lock();
        assert!(sim.is_all_read(), "seed {seed}: {}", sim.unread());
        for (partition, store) in sim.processes[&process].partitions.all() {
            let progress = audit::progress(&sim, partition);
            let greatest = progress.inputs.values().filter_map(|input| input.greatest_event_time_ms).max();
            let lateness = sim.plan.lateness_days * 86_400_000;
            let reached = store.seen().time.map(|time| time.millis() + lateness);
            assert_eq!(reached, greatest, "seed {seed}: partition {partition}");
        }
        drop(sim);
        director.end();
    }
}

/// Of an input that stands still nothing is waited for longer than `time.merge_wait`; what it has comes late.
#[test]
fn an_input_that_stands_still_is_not_waited_for_for_ever() {
    for seed in 1..6 {
        // Purchases that are read within a quarter of a minute while nothing comes of support.
        let read_in_vain = |merge_wait: Duration| {
            let mut director = Director::new(Plan { merge_wait, ..Plan::calm(seed) }, false);
            director.write_later();
            director.world.lock().stands_still = Some(Source::Support);
            director.start(0, Duration::ZERO);
            director.pass(Duration::from_secs(15));
            let read = {
                let sim = director.world.lock();
                let read_of = |wanted: Source| -> i64 {
                    let of = sim.broker.offsets.iter().filter(|(input, _)| input.source == wanted);
                    of.map(|(_, (next, _))| *next).sum()
                };
                assert_eq!(read_of(Source::Support), 0, "seed {seed}: nothing came of it");
                read_of(Source::Purchases)
            };
            director.world.lock().stands_still = None;
            director.pass(Duration::from_secs(30));
            let sim = director.world.lock();
            assert!(sim.is_all_read(), "seed {seed}: once it goes on, all of it is read: {}", sim.unread());
            drop(sim);
            director.end();
            read
        };
        let [shortly, for_long] = [2, 600].map(|seconds| read_in_vain(Duration::from_secs(seconds)));
        assert!(
            shortly > 2 * for_long.max(1),
            "seed {seed}: {shortly} purchases, and {for_long} if waited for for long"
        );
    }
}

/// After settings have changed everybody is looked at by the new ones before anything else is taken in: in many small
/// transactions if there are many, and from the start again by whoever takes over from one that dies on the way.
#[test]
fn new_settings_take_as_many_transactions_as_they_need() {
    for seed in 1..10 {
        let plan = Plan { max_batch_records: 3, ..Plan::calm(seed) };
        let mut director = Director::new(plan, true);
        director.write_later();
        let first = director.start(0, Duration::ZERO);
        director.pass(Duration::from_secs(25));
        director.world.lock().kill(first, 0);
        director.pass(Duration::from_secs(12));
        let written = |director: &Director, partition| director.world.lock().broker.log(Topic::State, partition).end();
        let before: Vec<i64> = (0..4).map(|partition| written(&director, partition)).collect();
        director.world.lock().plan.activity_days = 20;
        for calls in [40 + 10 * seed, 80] {
            let victim = director.start(0, Duration::ZERO);
            director.world.lock().kill(victim, calls);
            director.pass(Duration::from_secs(12));
        }
        director.start(0, Duration::ZERO);
        director.pass(Duration::from_secs(60));

        let sim = director.world.lock();
        assert!(sim.is_all_read(), "seed {seed}: {}", sim.unread());
        let mut unfinished = 0;
        for (partition, before) in before.iter().enumerate() {
            let log = sim.broker.log(Topic::State, partition as i32);
            let (mut then, mut stages) = (Progress::default(), Vec::new());
            for (offset, record) in log.committed_from(0) {
                let (Some(key), Some(value)) = (record.key.as_deref(), record.value.as_deref()) else { continue };
                if StateKey::decode(key) == Some(StateKey::Progress) {
                    let stage = Progress::decode(value).expect("progress is readable");
                    if offset < *before { then = stage } else { stages.push(stage) }
                }
            }
            let is_new = |stage: &&Progress| stage.settings["activity_horizon"] == "20d";
            for stage in stages.iter().take_while(|stage| !is_new(stage)) {
                assert_eq!((&stage.inputs, stage.time_ms), (&then.inputs, then.time_ms), "seed {seed}: nothing moves");
                unfinished += 1;
            }
            let rest: Vec<_> = stages.iter().skip_while(|stage| !is_new(stage)).collect();
            assert!(!rest.is_empty() && rest.iter().all(is_new), "seed {seed}: they are taken up, and kept");
            assert_eq!(
                left_to_change(&audit::state_of(log), &sim.plan),
                0,
                "seed {seed}: everybody of {partition} was looked at"
            );
        }
        assert!(unfinished > 4, "seed {seed}: only {unfinished} transactions before all was done");
        drop(sim);
        assert_clean(&director.end());
    }
}

/// How many of the stored customers are not as the settings in force would have them.
fn left_to_change(state: &State, plan: &Plan) -> usize {
    let store = Arc::new(PartitionStore::default());
    for (id, record) in &state.customers {
        store.put(CustomerId::new(id).expect("a valid id"), record.as_slice().into());
    }
    let mut partition = Partition::new(plan.policy(), Arc::clone(&store));
    partition.resume(EventTime::from_millis(state.progress.time_ms.expect("time has begun")));
    store.for_each(|id, customer| partition.recall(id, customer));
    store.for_each(|id, _| partition.reconsider(id));
    partition.changed_customers()
}

/// The one that is fenced first takes the id back, and so on, until one of them gives up.
#[test]
fn of_two_processes_with_one_id_one_ends_and_says_why() {
    for seed in 1..10 {
        let mut director = Director::new(Plan::calm(seed), true);
        director.write_later();
        let first = director.start(0, Duration::ZERO);
        director.pass(Duration::from_secs(5));
        let second = director.start(0, Duration::ZERO);
        director.pass(Duration::from_secs(20));
        let ended: Vec<String> =
            [first, second].into_iter().filter_map(|process| refusal(&director, process)).collect();
        assert!(!ended.is_empty(), "seed {seed}: they would fight for ever");
        let says_why = |reason: &String| reason.contains("another process uses the same kafka.instance_id");
        assert!(ended.iter().all(says_why), "seed {seed}: {ended:?}");
        if ended.len() == 2 {
            director.start(0, Duration::ZERO);
        }
        director.pass(Duration::from_secs(30));
        director.come_to_rest();
        assert_clean(&director.end());
    }
}

/// A process that stands still for as long as it takes to lose its partitions, in the middle of each of its first
/// calls one after the other.
#[test]
fn a_process_may_stand_still_at_any_call() {
    for calls in 1..25 {
        let mut director = Director::new(Plan { has_static_ids: calls % 2 == 0, ..Plan::calm(calls) }, true);
        director.write_later();
        director.start(1, Duration::ZERO);
        director.pass(Duration::from_secs(8));
        let zombie = director.start(0, Duration::ZERO);
        director.world.lock().stop_for(zombie, calls * 17, Duration::from_secs(13));
        director.pass(Duration::from_secs(45));
        director.come_to_rest();
        assert_clean(&director.end());
    }
}

/// Killed in the middle of each of its first calls one after the other, an open transaction left behind or not.
#[test]
fn a_process_may_die_at_any_call() {
    for calls in 1..25 {
        let mut director = Director::new(Plan { has_static_ids: calls % 2 == 0, ..Plan::calm(calls) }, true);
        director.write_later();
        let victim = director.start(0, Duration::ZERO);
        director.world.lock().kill(victim, calls * 17);
        director.pass(Duration::from_secs(10));
        director.start(0, Duration::ZERO);
        director.pass(Duration::from_secs(40));
        director.come_to_rest();
        assert_clean(&director.end());
    }
}
