//! What a dead member left open, and the members who live.

use super::play::{ORDERS, ORDERS_TOO, Play, RISK, STATE};
use super::stage::{Fate, Names, Topic};

/// Its transaction would stay open for longer than a script takes, and hide what comes after it.
pub fn who_takes_over_ends_what_a_dead_member_left_open(play: &mut Play<'_>) {
    play.write(ORDERS, &["1", "2"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.read("first", &[ORDERS], 2);
    play.commit("first", &[(ORDERS, 1)], "alpha");
    play.send("first", RISK, "a", Some("1"));
    play.send("first", STATE, "a", Some("1"));
    play.shown_while_open("first", Topic::ChurnRisk, 1);
    play.shown_while_open("first", Topic::State, 1);
    play.vanish("first");
    play.start("second", Names::of("two"));
    play.settle(&["second"]);
    play.shown(Topic::ChurnRisk);
    play.restore("second", None);
    play.restore_all("second");
    play.send("second", RISK, "a", Some("2"));
    play.commit("second", &[(ORDERS, 2)], "beta");
    play.shown(Topic::ChurnRisk);
    play.remembered("second");
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first reads [purchases-0@0 1, purchases-0@1 2]",
        "first commits alpha: done",
        "churn_risk shows [] of [0@0 a=1]",
        "state shows [] of [0@0 a=1]",
        "second is given [0, 1]",
        "churn_risk shows [] of [0@0 a=1]",
        "churn_risk ends at [2, 0]",
        "second begins to restore: done",
        "second restores [] up to 2",
        "second commits beta: done",
        "churn_risk shows [0@2 a=2] of [0@0 a=1, 0@2 a=2]",
        "churn_risk ends at [4, 0]",
        "the group knows of purchases-0: 2 (beta), log from 0 to 2",
    ]);
}

/// Whose partitions went to another, and who is still in the group, goes on with the producer it has.
pub fn who_lives_keeps_its_transaction(play: &mut Play<'_>) {
    play.write(ORDERS, &["1", "2"], Fate::Plain);
    play.write(ORDERS_TOO, &["3", "4"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.read("first", &[ORDERS, ORDERS_TOO], 4);
    play.commit("first", &[(ORDERS, 1), (ORDERS_TOO, 1)], "alpha");
    play.send("first", RISK, "a", Some("1"));
    play.shown_while_open("first", Topic::ChurnRisk, 1);
    play.start("second", Names::of("two"));
    play.must_give_back("first");
    play.let_go("first");
    play.settle(&["first", "second"]);
    play.remembered("second");
    play.remembered("first");
    play.commit("first", &[(ORDERS, 2)], "beta");
    play.shown(Topic::ChurnRisk);
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first reads [purchases-0@0 1, purchases-0@1 2, purchases-1@0 3, purchases-1@1 4]",
        "first commits alpha: done",
        "churn_risk shows [] of [0@0 a=1]",
        "first has to give back what it has, lost: false",
        "first is given [0]",
        "second is given [1]",
        "the group knows of purchases-0: 1 (alpha), log from 0 to 2",
        "the group knows of purchases-1: 1 (alpha), log from 0 to 2",
        "the group knows of purchases-0: 1 (alpha), log from 0 to 2",
        "the group knows of purchases-1: 1 (alpha), log from 0 to 2",
        "first commits beta: done",
        "churn_risk shows [0@0 a=1] of [0@0 a=1]",
        "churn_risk ends at [2, 0]",
    ]);
}
