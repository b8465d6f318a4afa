//! Transactions: what readers see of them, and who can still end them.

use super::play::{ORDERS, ORDERS_TOO, Play, RISK, STATE};
use super::stage::{Fate, Names, Topic};

use homecoming::pipeline::ports::Destination;

pub fn a_commit_shows_everything_at_once(play: &mut Play<'_>) {
    play.write(ORDERS, &["1", "2"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.read("first", &[ORDERS], 2);
    for (to, key) in [(RISK, "a"), (Destination::ReturningCustomers, "b"), (STATE, "c"), (STATE, "d")] {
        play.send("first", to, key, Some("1"));
    }
    for (topic, records) in [(Topic::ChurnRisk, 1), (Topic::ReturningCustomers, 1), (Topic::State, 2)] {
        play.shown_while_open("first", topic, records);
    }
    play.commit("first", &[(ORDERS, 2)], "alpha");
    for topic in [Topic::ChurnRisk, Topic::ReturningCustomers, Topic::State, Topic::DeadLetters] {
        play.shown(topic);
    }
    play.remembered("first");
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first reads [purchases-0@0 1, purchases-0@1 2]",
        "churn_risk shows [] of [0@0 a=1]",
        "returning_customers shows [] of [0@0 b=1]",
        "state shows [] of [0@0 c=1, 0@1 d=1]",
        "first commits alpha: done",
        "churn_risk shows [0@0 a=1] of [0@0 a=1]",
        "churn_risk ends at [2, 0]",
        "returning_customers shows [0@0 b=1] of [0@0 b=1]",
        "returning_customers ends at [2, 0]",
        "state shows [0@0 c=1, 0@1 d=1] of [0@0 c=1, 0@1 d=1]",
        "state ends at [3, 0]",
        "dead_letters shows [] of []",
        "dead_letters ends at [0, 0]",
        "the group knows of purchases-0: 2 (alpha), log from 0 to 2",
    ]);
}

pub fn an_abort_shows_nothing_and_reading_begins_anew(play: &mut Play<'_>) {
    play.write(ORDERS, &["1", "2"], Fate::Plain);
    play.write(ORDERS_TOO, &["3"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.read("first", &[ORDERS, ORDERS_TOO], 3);
    play.send("first", RISK, "a", Some("1"));
    play.send("first", STATE, "a", Some("1"));
    play.shown_while_open("first", Topic::ChurnRisk, 1);
    play.shown_while_open("first", Topic::State, 1);
    play.abort("first");
    play.shown(Topic::ChurnRisk);
    play.shown(Topic::State);
    play.remembered("first");
    play.rewind("first", &[(ORDERS, 1), (ORDERS_TOO, 0)]);
    play.read_on("first", 2);
    play.send("first", RISK, "a", Some("2"));
    play.send("first", STATE, "a", Some("2"));
    play.commit("first", &[(ORDERS, 2), (ORDERS_TOO, 1)], "alpha");
    play.shown(Topic::ChurnRisk);
    play.shown(Topic::State);
    play.remembered("first");
    play.abort("first");
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first reads [purchases-0@0 1, purchases-0@1 2, purchases-1@0 3]",
        "churn_risk shows [] of [0@0 a=1]",
        "state shows [] of [0@0 a=1]",
        "first aborts: done",
        "churn_risk shows [] of [0@0 a=1]",
        "churn_risk ends at [2, 0]",
        "state shows [] of [0@0 a=1]",
        "state ends at [2, 0]",
        "the group knows of purchases-0: nothing, log from 0 to 2",
        "the group knows of purchases-1: nothing, log from 0 to 1",
        "first reads [purchases-0@1 2, purchases-1@0 3]",
        "first commits alpha: done",
        "churn_risk shows [0@2 a=2] of [0@0 a=1, 0@2 a=2]",
        "churn_risk ends at [4, 0]",
        "state shows [0@2 a=2] of [0@0 a=1, 0@2 a=2]",
        "state ends at [4, 0]",
        "the group knows of purchases-0: 2 (alpha), log from 0 to 2",
        "the group knows of purchases-1: 1 (alpha), log from 0 to 1",
        "first aborts: done",
    ]);
}

/// All its records are written; only offsets and end are missing.
pub fn a_fenced_producer_can_commit_nothing(play: &mut Play<'_>) {
    play.write(ORDERS, &["1"], Fate::Plain);
    play.start("first", Names::only_for("one"));
    play.settle(&["first"]);
    play.read("first", &[ORDERS], 1);
    play.send("first", RISK, "a", Some("1"));
    play.shown_while_open("first", Topic::ChurnRisk, 1);
    play.start("second", Names::only_for("one"));
    play.renew("second");
    play.shown(Topic::ChurnRisk);
    play.commit("first", &[(ORDERS, 1)], "alpha");
    play.renew("first");
    play.shown(Topic::ChurnRisk);
    play.remembered("first");
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first reads [purchases-0@0 1]",
        "churn_risk shows [] of [0@0 a=1]",
        "second takes a new producer: done",
        "churn_risk shows [] of [0@0 a=1]",
        "churn_risk ends at [2, 0]",
        "first commits alpha: nobody knows, the producer is of no use",
        "first takes a new producer: done",
        "churn_risk shows [] of [0@0 a=1]",
        "churn_risk ends at [2, 0]",
        "the group knows of purchases-0: nothing, log from 0 to 1",
    ]);
}

/// The brokers refuse its records already, and so it never comes to its commit.
pub fn a_fenced_producer_with_records_at_hand_can_commit_nothing(play: &mut Play<'_>) {
    play.write(ORDERS, &["1"], Fate::Plain);
    play.start("first", Names::only_for("one"));
    play.settle(&["first"]);
    play.read("first", &[ORDERS], 1);
    play.send("first", RISK, "a", Some("1"));
    play.shown_while_open("first", Topic::ChurnRisk, 1);
    play.start("second", Names::only_for("one"));
    play.renew("second");
    play.send("first", RISK, "a", Some("2"));
    play.commit("first", &[(ORDERS, 1)], "alpha");
    play.abort("first");
    play.renew("first");
    play.shown(Topic::ChurnRisk);
    play.remembered("first");
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first reads [purchases-0@0 1]",
        "churn_risk shows [] of [0@0 a=1]",
        "second takes a new producer: done",
        "first commits alpha: must be aborted",
        "first aborts: nobody knows, the producer is of no use",
        "first takes a new producer: done",
        "churn_risk shows [] of [0@0 a=1]",
        "churn_risk ends at [2, 0]",
        "the group knows of purchases-0: nothing, log from 0 to 1",
    ]);
}

pub fn a_transaction_left_open_hides_what_comes_after_it(play: &mut Play<'_>) {
    play.write(ORDERS, &["1"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.send("first", RISK, "a", Some("1"));
    play.shown_while_open("first", Topic::ChurnRisk, 1);
    play.vanish("first");
    play.start("second", Names::only_for("two"));
    play.send("second", RISK, "a", Some("2"));
    play.commit("second", &[], "beta");
    play.shown_while_open("second", Topic::ChurnRisk, 2);
    play.start("third", Names::of("one"));
    play.renew("third");
    play.shown(Topic::ChurnRisk);
    play.must_have_answered(&[
        "first is given [0, 1]",
        "churn_risk shows [] of [0@0 a=1]",
        "second commits beta: done",
        "churn_risk shows [] of [0@0 a=1, 0@1 a=2]",
        "third takes a new producer: done",
        "churn_risk shows [0@1 a=2] of [0@0 a=1, 0@1 a=2]",
        "churn_risk ends at [4, 0]",
    ]);
}

/// The brokers fence whoever opened it.
pub fn a_transaction_left_open_for_too_long_is_aborted(play: &mut Play<'_>) {
    play.write(ORDERS, &["1"], Fate::Plain);
    play.start_hasty("first", Names::of("one"));
    play.settle(&["first"]);
    play.send("first", RISK, "a", Some("1"));
    play.shown_while_open("first", Topic::ChurnRisk, 1);
    play.shown(Topic::ChurnRisk);
    play.commit("first", &[(ORDERS, 1)], "alpha");
    play.remembered("first");
    play.vanish("first");
    play.start("second", Names::of("one"));
    play.settle(&["second"]);
    play.send("second", RISK, "a", Some("2"));
    play.commit("second", &[(ORDERS, 1)], "beta");
    play.shown(Topic::ChurnRisk);
    play.remembered("second");
    play.must_have_answered(&[
        "first is given [0, 1]",
        "churn_risk shows [] of [0@0 a=1]",
        "churn_risk shows [] of [0@0 a=1]",
        "churn_risk ends at [2, 0]",
        "first commits alpha: nobody knows, the producer is of no use",
        "the group knows of purchases-0: nothing, log from 0 to 1",
        "second is given [0, 1]",
        "second commits beta: done",
        "churn_risk shows [0@2 a=2] of [0@0 a=1, 0@2 a=2]",
        "churn_risk ends at [4, 0]",
        "the group knows of purchases-0: 1 (beta), log from 0 to 1",
    ]);
}

pub fn a_renewed_producer_begins_with_nothing_open(play: &mut Play<'_>) {
    play.write(ORDERS, &["1"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.send("first", RISK, "a", Some("1"));
    play.send("first", STATE, "a", Some("1"));
    play.shown_while_open("first", Topic::ChurnRisk, 1);
    play.shown_while_open("first", Topic::State, 1);
    play.renew("first");
    play.abort("first");
    play.shown(Topic::State);
    play.commit("first", &[(ORDERS, 1)], "alpha");
    play.shown(Topic::ChurnRisk);
    play.shown(Topic::State);
    play.remembered("first");
    play.must_have_answered(&[
        "first is given [0, 1]",
        "churn_risk shows [] of [0@0 a=1]",
        "state shows [] of [0@0 a=1]",
        "first takes a new producer: done",
        "first aborts: done",
        "state shows [] of [0@0 a=1]",
        "state ends at [2, 0]",
        "first commits alpha: done",
        "churn_risk shows [] of [0@0 a=1]",
        "churn_risk ends at [2, 0]",
        "state shows [] of [0@0 a=1]",
        "state ends at [2, 0]",
        "the group knows of purchases-0: 1 (alpha), log from 0 to 1",
    ]);
}

/// This is how a process learns whether a commit that nobody answered took place.
pub fn notes_tell_whose_commit_took_place(play: &mut Play<'_>) {
    play.write(ORDERS, &["1", "2"], Fate::Plain);
    play.start("first", Names::of("one"));
    play.settle(&["first"]);
    play.commit("first", &[(ORDERS, 1), (ORDERS_TOO, 0)], "alpha");
    play.remembered("first");
    play.start("second", Names::only_for("one"));
    play.renew("second");
    play.commit("first", &[(ORDERS, 2)], "beta");
    play.remembered("first");
    play.renew("first");
    play.commit("first", &[(ORDERS, 2)], "gamma");
    play.remembered("first");
    play.vanish("first");
    play.start("third", Names::of("one"));
    play.remembered("third");
    play.must_have_answered(&[
        "first is given [0, 1]",
        "first commits alpha: done",
        "the group knows of purchases-0: 1 (alpha), log from 0 to 2",
        "second takes a new producer: done",
        "first commits beta: nobody knows, the producer is of no use",
        "the group knows of purchases-0: 1 (alpha), log from 0 to 2",
        "first takes a new producer: done",
        "first commits gamma: done",
        "the group knows of purchases-0: 2 (gamma), log from 0 to 2",
        "the group knows of purchases-0: 2 (gamma), log from 0 to 2",
    ]);
}
