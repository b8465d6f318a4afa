//! Cases that follow a script instead of chance.

use std::time::Duration;

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
