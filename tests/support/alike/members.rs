//! Members of the group: who holds what, and whose offsets are taken.

use super::play::{ORDERS, ORDERS_TOO, Play, RISK};
use super::stage::{Fate, Names, Topic};

/// It does not poll while another joins; the group goes on without it.
pub fn who_was_left_behind_can_commit_nothing(play: &mut Play<'_>) {
    play.write(ORDERS, &["1"], Fate::Plain);
    play.start_hasty("first", Names::only_for("one"));
    play.settle(&["first"]);
    play.read("first", &[ORDERS], 1);
    play.start_hasty("second", Names::of("two"));
    play.settle(&["second"]);
    play.send("first", RISK, "a", Some("1"));
    play.commit("first", &[(ORDERS, 1)], "alpha");
    play.abort("first");
    play.shown(Topic::ChurnRisk);
    play.remembered("second");
    play.settle(&["first", "second"]);
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first reads [purchases-0@0 1]",
        "second is given [0, 1]",
        "first commits alpha: must be aborted",
        "first aborts: done",
        "churn_risk shows [] of [0@0 a=1]",
        "churn_risk ends at [2, 0]",
        "the group knows of purchases-0: nothing, log from 0 to 1",
        "first is given [0]",
        "second is given [1]",
    ]);
}

/// So what was read before a rebalance need not be read again.
pub fn who_has_not_let_go_may_still_commit(play: &mut Play<'_>) {
    play.write(ORDERS, &["1"], Fate::Plain);
    play.write(ORDERS_TOO, &["2"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.read("first", &[ORDERS, ORDERS_TOO], 2);
    play.send("first", RISK, "a", Some("1"));
    play.start("second", Names::of("two"));
    play.must_give_back("first");
    play.commit("first", &[(ORDERS, 1), (ORDERS_TOO, 1)], "alpha");
    play.let_go("first");
    play.settle(&["first", "second"]);
    play.remembered("second");
    play.shown(Topic::ChurnRisk);
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first reads [purchases-0@0 1, purchases-1@0 2]",
        "first has to give back what it has, lost: false",
        "first commits alpha: done",
        "first is given [0]",
        "second is given [1]",
        "the group knows of purchases-0: 1 (alpha), log from 0 to 1",
        "the group knows of purchases-1: 1 (alpha), log from 0 to 1",
        "churn_risk shows [0@0 a=1] of [0@0 a=1]",
        "churn_risk ends at [2, 0]",
    ]);
}

/// Each has a transactional id of its own: it is the group that refuses the first.
pub fn who_takes_an_instance_id_shuts_the_other_out(play: &mut Play<'_>) {
    play.write(ORDERS, &["1"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.read("first", &[ORDERS], 1);
    play.send("first", RISK, "a", Some("1"));
    play.start("second", Names { transactions: "two", ..Names::of("one") });
    play.settle(&["second"]);
    play.commit("first", &[(ORDERS, 1)], "alpha");
    play.abort("first");
    play.shown(Topic::ChurnRisk);
    play.remembered("second");
    play.commit("second", &[(ORDERS, 1)], "beta");
    play.remembered("second");
    play.must_give_back("first");
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first reads [purchases-0@0 1]",
        "second is given [0, 1]",
        "first commits alpha: must be aborted",
        "first aborts: done",
        "churn_risk shows [] of [0@0 a=1]",
        "churn_risk ends at [2, 0]",
        "the group knows of purchases-0: nothing, log from 0 to 1",
        "second commits beta: done",
        "the group knows of purchases-0: 1 (beta), log from 0 to 1",
        "first has to give back what it has, lost: true",
    ]);
}

pub fn a_third_that_joins_and_leaves_moves_partitions(play: &mut Play<'_>) {
    play.write(ORDERS, &["1", "2"], Fate::Plain);
    play.write(ORDERS_TOO, &["3", "4"], Fate::Plain);
    play.start("second", Names::of("two"));
    play.settle(&["second"]);
    play.read("second", &[ORDERS, ORDERS_TOO], 4);
    play.commit("second", &[(ORDERS, 1), (ORDERS_TOO, 1)], "alpha");
    play.start("third", Names::of("three"));
    play.settle(&["second", "third"]);
    play.start("first", Names::only_for("one"));
    play.leave("third");
    play.settle(&["second", "first"]);
    play.must_have_answered(&[
        "second is given [0, 1]",
        "second reads [purchases-0@0 1, purchases-0@1 2, purchases-1@0 3, purchases-1@1 4]",
        "second commits alpha: done",
        "second is given [1]",
        "third is given [0]",
        "second is given [1]",
        "first is given [0]",
    ]);
}

/// The group keeps them for it, whatever it did before, and nobody else notices.
pub fn who_comes_back_under_its_name_finds_its_partitions(play: &mut Play<'_>) {
    play.write(ORDERS, &["1", "2"], Fate::Plain);
    play.write(ORDERS_TOO, &["3", "4"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.start("second", Names::of("two"));
    play.settle(&["first", "second"]);
    play.read("second", &[ORDERS_TOO], 2);
    play.commit("second", &[(ORDERS_TOO, 1)], "alpha");
    play.vanish("second");
    play.start("third", Names::of("two"));
    play.settle(&["first", "third"]);
    play.read("third", &[ORDERS_TOO], 1);
    play.commit("third", &[(ORDERS_TOO, 2)], "beta");
    play.commit("first", &[(ORDERS, 2)], "gamma");
    play.remembered("first");
    play.must_have_answered(&[
        "first is given [0]",
        "second is given [1]",
        "second reads [purchases-1@0 3, purchases-1@1 4]",
        "second commits alpha: done",
        "first is given [0]",
        "third is given [1]",
        "third reads [purchases-1@1 4]",
        "third commits beta: done",
        "first commits gamma: done",
        "the group knows of purchases-0: 2 (gamma), log from 0 to 2",
        "the group knows of purchases-1: 2 (beta), log from 0 to 2",
    ]);
}
