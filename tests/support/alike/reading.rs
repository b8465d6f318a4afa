//! Inputs: what is read, what is left to read, what can't be read any more.

use super::play::{ORDERS, ORDERS_TOO, Play};
use super::stage::{Fate, Names};

pub fn nothing_is_left_at_an_end_behind_control_records(play: &mut Play<'_>) {
    play.write(ORDERS, &["1", "2"], Fate::Committed);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.read("first", &[ORDERS], 2);
    play.must_have_nothing_left("first", ORDERS, 2);
    play.write(ORDERS, &["3"], Fate::Aborted);
    play.write(ORDERS, &["4"], Fate::Committed);
    play.read_on("first", 1);
    play.must_have_nothing_left("first", ORDERS, 6);
    play.write(ORDERS, &["5", "6"], Fate::Aborted);
    play.must_have_nothing_left("first", ORDERS, 6);
    play.remembered("first");
    play.rewind("first", &[(ORDERS, 0)]);
    play.read_on("first", 3);
    play.must_have_nothing_left("first", ORDERS, 6);
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first reads [purchases-0@0 1, purchases-0@1 2]",
        "first has nothing left at purchases-0@2",
        "first reads [purchases-0@5 4]",
        "first has nothing left at purchases-0@6",
        "first has nothing left at purchases-0@6",
        "the group knows of purchases-0: nothing, log from 0 to 10",
        "first reads [purchases-0@0 1, purchases-0@1 2, purchases-0@5 4]",
        "first has nothing left at purchases-0@6",
    ]);
}

pub fn records_of_an_open_transaction_hold_back_what_comes_after_them(play: &mut Play<'_>) {
    play.write(ORDERS, &["1"], Fate::Plain);
    play.write(ORDERS, &["2"], Fate::Open);
    play.write(ORDERS, &["3"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.read("first", &[ORDERS], 1);
    play.backlog("first", ORDERS, 1);
    play.end_writing();
    play.read_on("first", 2);
    play.must_have_nothing_left("first", ORDERS, 3);
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first reads [purchases-0@0 1]",
        "first has 2 left at purchases-0@1",
        "first reads [purchases-0@1 2, purchases-0@2 3]",
        "first has nothing left at purchases-0@3",
    ]);
}

/// Both before the beginning and behind the end: an offset that is not there is never replaced by another.
pub fn what_has_expired_is_told_and_not_jumped_over(play: &mut Play<'_>) {
    play.write(ORDERS, &["1", "2", "3", "4", "5"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.read("first", &[ORDERS], 5);
    play.commit("first", &[(ORDERS, 1)], "alpha");
    play.expire(ORDERS, 3);
    play.remembered("first");
    play.take_up("first", &[(ORDERS, 1), (ORDERS_TOO, 0)]);
    play.read("first", &[ORDERS], 2);
    play.take_up("first", &[(ORDERS, 3), (ORDERS_TOO, 0)]);
    play.read("first", &[ORDERS], 2);
    play.take_up("first", &[(ORDERS, 7), (ORDERS_TOO, 0)]);
    play.read("first", &[ORDERS], 1);
    play.remembered("first");
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first reads [purchases-0@0 1, purchases-0@1 2, purchases-0@2 3, purchases-0@3 4, purchases-0@4 5]",
        "first commits alpha: done",
        "the group knows of purchases-0: 1 (alpha), log from 3 to 5",
        "first reads [] and ends: the end",
        "first reads [purchases-0@3 4, purchases-0@4 5]",
        "first reads [] and ends: the end",
        "the group knows of purchases-0: 1 (alpha), log from 3 to 5",
    ]);
}

pub fn what_is_held_back_comes_after_all(play: &mut Play<'_>) {
    play.write(ORDERS, &["1"], Fate::Plain);
    play.write(ORDERS_TOO, &["2"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.read("first", &[ORDERS_TOO], 1);
    play.hold("first", &[ORDERS_TOO]);
    play.write(ORDERS_TOO, &["3"], Fate::Plain);
    play.read("first", &[ORDERS], 1);
    play.write(ORDERS, &["4"], Fate::Plain);
    play.read_on("first", 1);
    play.hold("first", &[ORDERS]);
    play.read("first", &[ORDERS_TOO], 1);
    play.rewind("first", &[(ORDERS, 0), (ORDERS_TOO, 1)]);
    play.read_on("first", 1);
    play.read("first", &[ORDERS], 2);
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first reads [purchases-1@0 2]",
        "first reads [purchases-0@0 1]",
        "first reads [purchases-0@1 4]",
        "first reads [purchases-1@1 3]",
        "first reads [purchases-1@1 3]",
        "first reads [purchases-0@0 1, purchases-0@1 4]",
    ]);
}

/// Whatever held it back went with the partition.
pub fn what_was_held_back_flows_when_it_is_given_again(play: &mut Play<'_>) {
    play.write(ORDERS, &["1"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.read("first", &[ORDERS], 1);
    play.hold("first", &[ORDERS]);
    play.write(ORDERS, &["2"], Fate::Plain);
    play.start("second", Names::of("two"));
    play.must_give_back("first");
    play.let_go("first");
    play.settle(&["first", "second"]);
    play.read("first", &[ORDERS], 2);
    play.write(ORDERS, &["3"], Fate::Plain);
    play.read_on("first", 1);
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first reads [purchases-0@0 1]",
        "first has to give back what it has, lost: false",
        "first is given [0]",
        "second is given [1]",
        "first reads [purchases-0@0 1, purchases-0@1 2]",
        "first reads [purchases-0@2 3]",
    ]);
}
