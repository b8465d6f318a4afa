//! The changelog: how far a restore goes and what it hands over.

use super::play::{ORDERS, Play, STATE};
use super::stage::{Fate, Names, Topic};

/// Not only to the last stable offset: what an open transaction wrote may yet be committed.
pub fn a_restore_goes_to_the_end_that_is_written(play: &mut Play<'_>) {
    play.write(ORDERS, &["1"], Fate::Plain);
    play.start("first", Names::only_for("one"));
    play.settle(&["first"]);
    play.send("first", STATE, "a", Some("1"));
    play.send("first", STATE, "b", Some("1"));
    play.commit("first", &[(ORDERS, 1)], "alpha");
    play.shown(Topic::State);
    play.send("first", STATE, "a", Some("2"));
    play.send("first", STATE, "b", None);
    play.shown_while_open("first", Topic::State, 4);
    play.start("second", Names::only_for("two"));
    play.restore("second", None);
    play.restore_some("second", 2);
    play.commit("first", &[], "beta");
    play.restore_all("second");
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first commits alpha: done",
        "state shows [0@0 a=1, 0@1 b=1] of [0@0 a=1, 0@1 b=1]",
        "state ends at [3, 0]",
        "state shows [0@0 a=1, 0@1 b=1] of [0@0 a=1, 0@1 b=1, 0@3 a=2, 0@4 b=(none)]",
        "second begins to restore: done",
        "second restores [a=1, b=1], done: false",
        "first commits beta: done",
        "second restores [a=2, b=(none)] up to 6",
    ]);
}

pub fn a_restore_ends_what_its_predecessor_left_open(play: &mut Play<'_>) {
    play.write(ORDERS, &["1"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.send("first", STATE, "a", Some("1"));
    play.commit("first", &[(ORDERS, 1)], "alpha");
    play.shown(Topic::State);
    play.send("first", STATE, "a", Some("2"));
    play.shown_while_open("first", Topic::State, 2);
    play.vanish("first");
    play.start("second", Names::of("one"));
    play.restore("second", None);
    play.restore_all("second");
    play.shown(Topic::State);
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first commits alpha: done",
        "state shows [0@0 a=1] of [0@0 a=1]",
        "state ends at [2, 0]",
        "state shows [0@0 a=1] of [0@0 a=1, 0@2 a=2]",
        "second begins to restore: done",
        "second restores [a=1] up to 4",
        "state shows [0@0 a=1] of [0@0 a=1, 0@2 a=2]",
        "state ends at [4, 0]",
    ]);
}

pub fn a_restore_from_what_is_known_brings_only_the_rest(play: &mut Play<'_>) {
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.restore("first", None);
    play.restore_all("first");
    for (note, value) in [("alpha", Some("1")), ("beta", Some("2")), ("gamma", None)] {
        play.send("first", STATE, "a", value);
        play.commit("first", &[(ORDERS, 0)], note);
    }
    play.shown(Topic::State);
    play.start("second", Names::only_for("two"));
    for from in [1, 2, 3, 4, 5, 6, 9] {
        play.restore("second", Some(from));
        play.restore_all("second");
    }
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first begins to restore: done",
        "first restores [] up to 0",
        "first commits alpha: done",
        "first commits beta: done",
        "first commits gamma: done",
        "state shows [0@0 a=1, 0@2 a=2, 0@4 a=(none)] of [0@0 a=1, 0@2 a=2, 0@4 a=(none)]",
        "state ends at [6, 0]",
        "second begins to restore: done",
        "second restores [a=2, a=(none)] up to 6",
        "second begins to restore: done",
        "second restores [a=2, a=(none)] up to 6",
        "second begins to restore: done",
        "second restores [a=(none)] up to 6",
        "second begins to restore: done",
        "second restores [a=(none)] up to 6",
        "second begins to restore: done",
        "second restores [] up to 6",
        "second begins to restore: done",
        "second restores [] up to 6",
        "second begins to restore: done",
        "second restores [] up to 6",
    ]);
}

/// Records keep their offsets, aborted ones go, and what was deleted last is told as deleted.
pub fn compaction_leaves_the_last_value_of_every_key(play: &mut Play<'_>) {
    play.begin_compaction();
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    for (key, value) in [("a", Some("1")), ("b", Some("1")), ("a", Some("2")), ("b", None), ("c", Some("1"))] {
        play.send("first", STATE, key, value);
        play.commit("first", &[(ORDERS, 0)], "alpha");
    }
    play.send("first", STATE, "a", Some("3"));
    play.must_reach("first", Topic::State, &[11, 0]);
    play.abort("first");
    play.send("first", STATE, "d", Some("1"));
    play.commit("first", &[(ORDERS, 0)], "beta");
    play.compact_to(4);
    play.shown(Topic::State);
    play.start("second", Names::only_for("two"));
    play.restore("second", None);
    play.restore_all("second");
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first commits alpha: done",
        "first commits alpha: done",
        "first commits alpha: done",
        "first commits alpha: done",
        "first commits alpha: done",
        "first aborts: done",
        "first commits beta: done",
        "state shows [0@4 a=2, 0@6 b=(none), 0@8 c=1, 0@12 d=1] of [0@4 a=2, 0@6 b=(none), 0@8 c=1, 0@12 d=1]",
        "state ends at [14, 0]",
        "second begins to restore: done",
        "second restores [a=2, b=(none), c=1, d=1] up to 14",
    ]);
}
