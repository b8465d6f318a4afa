//! Rounds of faults on a real broker under a steady load, drawn from a seed, and then the whole comparison with the model.
//!
//! `make chaos ROUNDS=20 SEED=1`: too long for every day. Prints how long it took until what was written after a fault
//! was committed, and fails on anything lost, doubled or wrong, and on an instance that ended by itself.

mod faults;
pub mod load;
mod table;

use std::time::Instant;

use crate::agreement::{changelog_must_agree, dead_letters_must_agree, memory_must_agree};
use crate::answers::{
    OF_CONTACTS, OF_PURCHASES, OF_SUPPORT, must_tell_of, open_with_topics, said_by, wait_until_all_is_read,
};
use crate::inputs::{Waves, close};
use crate::support::broker::Broker;
use crate::support::random::Chance;
use crate::support::service::{Service, Shop};

pub use faults::held_by as partitions_of;
use faults::{Fault, Machines};
use load::{CHAOS, Load};
use table::Table;

/// As much as the load writes in the longest of rounds.
const EVENTS_IN_A_ROUND: usize = 150_000;

#[test]
#[ignore = "takes minutes: `make chaos`"]
fn whatever_dies_under_load_nothing_is_lost_or_doubled() {
    let (rounds, seed) = (number_of("ROUNDS", 20), number_of("SEED", 1));
    println!("{rounds} rounds from seed {seed}");
    let mut chance = Chance::from_seed(seed as u64);
    let mut broker = Broker::start();
    let cluster = broker.cluster().clone();
    let load = Load::prepare(&cluster, rounds * EVENTS_IN_A_ROUND, seed);
    let mut shop = open_with_topics(&cluster, "chaos");
    shop.set_number("engine", "threads", "1");
    // Nobody's time goes by without them: what is late would depend on how long a fault takes.
    shop.set_text("time", "idle_after", "1h");
    // Nor is an input overtaken because the machine was busy for a second: on two cores with a broker it is.
    shop.set_text("time", "merge_wait", "1h");

    let running = load.start(&shop, CHAOS);
    let mut machines = Machines::start(&shop);
    let mut table = Table::default();
    let mut deck = Vec::new();
    for round in 1..=rounds {
        if deck.is_empty() {
            deck = Fault::shuffled(&mut chance);
        }
        let fault = deck.pop().expect("it was filled");
        println!("round {round}: {}", fault.name());
        let began = Instant::now();
        for recovery in machines.suffer(fault, &mut broker, &running, &mut chance) {
            println!("  {}: {:.1} s", recovery.what, recovery.took.as_secs_f64());
            table.add(round, recovery);
        }
        machines.heal();
        println!("  all is well after {:.1} s", began.elapsed().as_secs_f64());
    }
    let (written, rate) = running.stop();
    close(&shop);
    machines.judge(|one, two| {
        wait_until_all_is_read(&shop, one);
        all_must_be_as_the_model_has_it(&shop, &[one, two]);
        println!("{written} events at {rate:.0} a second\n");
    });
    println!("{table}");
}

/// What was written under load, and what instances that have read all of it said of it, hold and stored.
pub fn all_must_be_as_the_model_has_it(shop: &Shop, instances: &[&Service]) {
    let expected = Waves::first(shop).expected();
    must_tell_of(&expected, &[&OF_PURCHASES[..], &OF_SUPPORT, &OF_CONTACTS].concat());
    let said = said_by(shop);
    said.must_be(&expected);
    said.ids();
    assert_eq!(said.count(), expected.signals());
    dead_letters_must_agree(shop, &expected);
    changelog_must_agree(shop, &expected);
    memory_must_agree(instances, &expected);
    println!(
        "\n{} signals, {} dead letters, {} customers: all as the model has it",
        said.count(),
        expected.refused.len(),
        expected.known().len()
    );
}

fn number_of(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
