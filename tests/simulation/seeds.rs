//! Many seeds, and the mistakes that some of them must bring to light.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::director::{Ending, run};
use crate::plan::Mutation;

fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty());
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// Runs seeds on all cores until all are done or `stop` says so of one.
fn run_all(seeds: std::ops::Range<u64>, mutation: Option<Mutation>, seen: impl Fn(u64, Ending) -> bool + Sync) {
    let next = AtomicU64::new(seeds.start);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    if seen(seed, run(seed, mutation, false)) {
                        next.store(seeds.end, Ordering::Relaxed);
                    }
                }
            });
        }
    });
}

fn tell(seed: u64) -> String {
    let ending = run(seed, None, true);
    format!(
        "{}\n\nseed {seed}:\n  {}\n\nto see it again: make simulate SEED={seed} SEEDS=1",
        ending.story.join("\n"),
        ending.complaints.join("\n  ")
    )
}

/// What many seeds must have been through.
const REACHED: [&str; 6] = [
    "inputs held back",
    "restores cut short by a rebalance",
    "the group's offsets were forgotten",
    "the shop committed to an input",
    "the shop aborted what it had written to an input",
    "fetches that ended before an open transaction of the shop",
];

#[test]
fn nothing_is_lost_doubled_or_shown_too_early_whatever_fails() {
    let (first, count) = (number("HOMECOMING_SEED", 1), number("HOMECOMING_SEEDS", 300));
    let goes_on = std::env::var_os("HOMECOMING_GO_ON").is_some();
    let failed = Mutex::new(Vec::new());
    let (steps, signals) = (AtomicU64::new(0), AtomicU64::new(0));
    let tally = Mutex::new(BTreeMap::<&str, u64>::new());
    run_all(first..first + count, None, |seed, ending| {
        steps.fetch_add(ending.steps, Ordering::Relaxed);
        signals.fetch_add(ending.signals as u64, Ordering::Relaxed);
        let mut tally = tally.lock().expect("nobody panics with it");
        ending.tally.iter().for_each(|(what, count)| *tally.entry(what).or_default() += count);
        let is_bad = !ending.complaints.is_empty();
        if is_bad {
            // At once: a long run may be stopped before its end.
            println!("seed {seed} failed");
            failed.lock().expect("nobody panics with it").push(seed);
        }
        if (seed + 1 - first).is_multiple_of(10_000) {
            println!("{} seeds", seed + 1 - first);
        }
        is_bad && !goes_on
    });
    println!("{count} seeds from {first}: {steps:?} steps, {signals:?} signals");
    let failed = failed.into_inner().expect("nobody panics with it");
    let tally = tally.into_inner().expect("nobody panics with it");
    for (what, count) in &tally {
        println!("{count:>9} {what}");
    }
    println!("failed: {failed:?}");
    if let Some(seed) = failed.iter().min() {
        panic!("{}", tell(*seed));
    }
    let missed: Vec<_> = REACHED.into_iter().filter(|what| count >= 300 && !tally.contains_key(what)).collect();
    assert!(missed.is_empty(), "in {count} seeds it never happened: {missed:?}");
    let [recounted, left_out] = ["recounted", "not recounted"].map(|what| tally.get(what).copied().unwrap_or_default());
    assert!(count < 50 || tally.contains_key("days ended"), "no partition saw a day end");
    assert!(count < 50 || recounted > 2 * left_out, "only {recounted} counts of partitions were held to a recount");
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    for seed in [1, 2, 3] {
        assert_eq!(run(seed, None, false).hash, run(seed, None, true).hash, "seed {seed}");
    }
}

/// Within how many seeds a mistake has to come to light.
const SEEN_WITHIN: u64 = 2000;

/// That of [`Mutation::ProducerKept`] is the delayed `EndTxn` that ends the next transaction.
#[test]
fn the_auditor_sees_every_mistake_put_in_on_purpose() {
    for mutation in Mutation::ALL {
        let seen = Mutex::new(BTreeMap::new());
        run_all(1..SEEN_WITHIN + 1, Some(mutation), |seed, ending| {
            let mut seen = seen.lock().expect("nobody panics with it");
            seen.extend(ending.complaints.into_iter().next().map(|complaint| (seed, complaint)));
            !seen.is_empty()
        });
        let seen = seen.into_inner().expect("nobody panics with it");
        let (seed, complaint) = seen.first_key_value().unwrap_or_else(|| panic!("nobody sees {mutation:?}"));
        println!("{mutation:?} is seen with seed {seed}: {}", complaint.chars().take(100).collect::<String>());
        // Whatever else it upsets, what was told before is told again.
        assert!(mutation != Mutation::FiredAgain || complaint.contains("told twice"), "{complaint}");
        let without = run(*seed, None, false).complaints;
        assert!(without.is_empty(), "seed {seed} without {mutation:?}: {}", without.join("\n"));
    }
}
