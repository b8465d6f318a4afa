//! How a customer's chance of a return went.

use std::sync::Arc;

use homecoming::domain::consent::Channel;
use homecoming::domain::policy::Weights;
use homecoming::domain::risk::Assessment;
use homecoming::domain::ticket::TicketStep;
use homecoming::domain::{Customer, CustomerId, EventTime, Level, Policy, Signal, Span};
use homecoming::engine::{CHANGES_MAX, Committed, Event, LevelChange, POINTS_MAX, Story, story};
use homecoming::store::{PartitionStore, Partitions};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use crate::shop::{agrees, buys, complains, customer, day, drawn, gives_back, history, rates};
use crate::stage::{Api, Work};

fn policies() -> impl Strategy<Value = Arc<Policy>> {
    let weights = Weights { refund: -0.8, ..Weights::default() };
    select(vec![Arc::new(Policy::default()), Arc::new(Policy { weights, ..Policy::default() })])
}

fn known(policy: &Arc<Policy>, events: &[Event], now: EventTime) -> Work {
    let mut work = Work::new(policy, Arc::new(PartitionStore::default()));
    for event in events {
        work.apply(event);
    }
    work.time_is(now);
    work.commit();
    work
}

fn everybody(work: &Work) -> Vec<(CustomerId, Customer)> {
    let mut everybody = Vec::new();
    work.store.for_each(|id, customer| everybody.push((id.clone(), customer.clone())));
    everybody
}

fn announced(work: &Work, of: &CustomerId) -> Vec<LevelChange> {
    let mut changes: Vec<LevelChange> = Vec::new();
    for told in &work.told {
        if let Signal::ChurnRisk(change) = told
            && change.customer == *of
        {
            // Time and an event at one instant make two changes of it, of which the second stays.
            let previous_level = match changes.pop_if(|last| last.at == change.at) {
                Some(last) => last.previous_level,
                None => change.previous_level,
            };
            changes.push(LevelChange { at: change.at, level: change.level, previous_level });
        }
    }
    changes.retain(|change| change.level != change.previous_level);
    changes
}

/// A story that any customer may have.
fn is_possible(story: &Story, now: EventTime) {
    assert!((1..=POINTS_MAX).contains(&story.curve.len()) && story.changes.len() <= CHANGES_MAX);
    assert!(story.curve.is_sorted_by(|a, b| a.at < b.at), "in order, and no instant twice");
    assert_eq!(story.curve.last().map(|point| point.at), Some(now));
    for point in &story.curve {
        assert!((0.0..=1.0).contains(&point.return_probability), "{point:?}");
        assert!((0.0..=1.0).contains(&point.usual_return_probability), "{point:?}");
        // All changes of the time that is told of are there, but for those before the latest 400.
        let last = story.changes.iter().rfind(|change| change.at <= point.at);
        let before = story.changes.first().map_or(Level::Low, |change| change.previous_level);
        let is_told = story.changes.len() < CHANGES_MAX || last.is_some();
        assert!(!is_told || point.level == last.map_or(before, |change| change.level), "{point:?}");
    }
    for pair in story.changes.windows(2) {
        assert!(pair[0].at < pair[1].at && pair[0].level == pair[1].previous_level, "{pair:?}");
    }
}

proptest! {
    #![proptest_config(drawn(150))]

    /// Nothing came late, so what is known today was known then: the curve changes levels when the engine said so.
    #[test]
    fn levels_change_in_the_story_when_it_was_announced(
        events in history(2, 1..60, 0),
        policy in policies(),
        more in 0..100i64,
    ) {
        let now = events.last().expect("at least one").at + Span::from_days(more);
        let work = known(&policy, &events, now + Span::from_millis(1));
        for (id, customer) in everybody(&work) {
            let Some(story) = story(&customer, now, &policy) else { continue };
            is_possible(&story, now);
            prop_assert_eq!(&story.changes, &announced(&work, &id));
            let last = story.curve.last().expect("at least one point");
            let assessment = Assessment::of(&customer, now, &policy).expect("they have ordered");
            prop_assert_eq!(last.return_probability, assessment.return_probability);
            prop_assert_eq!(last.usual_return_probability, assessment.usual_return_probability);
            prop_assert_eq!(last.level, customer.standing.level);
            prop_assert_eq!(&story.reasons, &assessment.reasons);
        }
    }

    /// The curve at an instant is what could have been said at that instant.
    #[test]
    fn a_point_is_what_was_believed_then(
        events in history(1, 1..40, 0),
        policy in policies(),
    ) {
        let now = events.last().expect("at least one").at + Span::from_days(30);
        let whole = known(&policy, &events, now);
        for (_, customer) in everybody(&whole) {
            let Some(story) = story(&customer, now, &policy) else { continue };
            for point in story.curve.iter().step_by(23) {
                let until: Vec<_> = events.iter().filter(|event| event.at <= point.at).cloned().collect();
                let then = everybody(&known(&policy, &until, point.at)).pop().expect("they have ordered").1;
                let believed = Assessment::of(&then, point.at, &policy).expect("they have ordered");
                prop_assert!((believed.return_probability - point.return_probability).abs() < 1e-12);
                prop_assert_eq!(believed.usual_return_probability, point.usual_return_probability);
            }
        }
    }

    /// However events come, and whenever it is asked: what is known tells one story, whatever the order it came in.
    #[test]
    fn a_story_follows_from_what_is_known(
        (events, shuffled) in history(2, 1..80, 1).prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
        policy in policies(),
        asked in -50..400i64,
    ) {
        let erased = events.iter().any(|event| event.what == homecoming::engine::Happening::Erased);
        let end = events.last().expect("at least one").at + Span::from_days(100);
        let now = day(0.0) + Span::from_days(asked);
        let [one, other] = [&events, &shuffled].map(|events| known(&policy, events, end));
        for (id, customer) in everybody(&other) {
            let told = story(&customer, now, &policy);
            if let Some(told) = told.as_ref().filter(|_| customer.purchases.last().is_some_and(|last| last.at <= now)) {
                is_possible(told, now);
            }
            if !erased {
                let known = one.store.load(&id).expect("the same customers");
                prop_assert_eq!(story(&known, now, &policy), told);
            }
        }
    }
}

/// All that is remembered is full, and levels flip as often as they can.
#[test]
fn the_longest_life_has_a_story_of_bounded_length() {
    let weights =
        Weights { open_ticket: -6.0, repeated_contact: 0.0, low_rating: -0.1, refund: -0.1, ..Weights::default() };
    let policy = Arc::new(Policy { weights, ..Policy::default() });
    let mut events = Vec::new();
    for n in 0..600 {
        events.push(buys("ana", f64::from(n) * 0.37, "10", "EUR"));
        events.push(rates("ana", f64::from(n) * 0.37 + 0.01, 1.0));
        events.push(gives_back("ana", f64::from(n) * 0.37 + 0.02, "1", "EUR"));
    }
    for ticket in 0..40 {
        for step in 0..80 {
            let kind = match step {
                0 => TicketStep::Opened(None),
                step if step % 2 == 1 => TicketStep::Resolved,
                _ => TicketStep::Reopened,
            };
            let at = 100.0 + f64::from(ticket) * 3.0 + f64::from(step) * 0.031;
            events.push(complains("ana", at, &format!("t-{ticket}"), kind));
        }
    }
    events.sort_by_key(|event| event.at);
    let now = day(300.0);
    let work = known(&policy, &events, now);
    let ana = work.store.load(&customer("ana")).expect("she is known");
    let story = story(&ana, now, &policy).expect("she has ordered");
    is_possible(&story, now);
    assert_eq!((story.curve.len(), story.changes.len()), (POINTS_MAX, CHANGES_MAX));
}

#[test]
fn a_customer_s_answer_tells_their_history_and_their_story() {
    let (policy, partitions) = (Arc::new(Policy::default()), Arc::new(Partitions::default()));
    let mut work = Work::new(&policy, partitions.open(4));
    for event in [
        agrees("ana", 0.0, Channel::Sms, true),
        agrees("ana", 0.5, Channel::Post, false),
        buys("ana", 1.0, "12.30", "EUR"),
        buys("ana", 11.0, "500", "JPY"),
        complains("ana", 20.0, "t-1", TicketStep::Opened(None)),
        complains("ana", 21.5, "t-1", TicketStep::Contacted),
        rates("ana", 22.0, 2.0),
        gives_back("ana", 23.0, "2.30", "EUR"),
        rates("silent", 22.0, 2.0),
    ] {
        work.apply(&event);
    }
    work.time_is(day(40.0));
    work.commit();
    let api = Api::over(&partitions, &policy);
    let ana = api.answer("/api/v1/customers/ana");
    assert_eq!(
        ana["history"],
        json!({
            "orders": [
                {"order_id": "o-1", "occurred_at": "2026-01-02T00:00:00Z", "amount": "12.30", "currency": "EUR"},
                {"order_id": "o-11", "occurred_at": "2026-01-12T00:00:00Z", "amount": "500", "currency": "JPY"},
            ],
            "orders_before": 0,
            "refunds": [{"occurred_at": "2026-01-24T00:00:00Z", "amount": "2.30", "currency": "EUR"}],
            "tickets": [{"ticket_id": "t-1", "steps": [
                {"occurred_at": "2026-01-21T00:00:00Z", "what": "opened"},
                {"occurred_at": "2026-01-22T12:00:00Z", "what": "contacted"},
            ]}],
            "low_ratings": [{"occurred_at": "2026-01-23T00:00:00Z", "scale": "csat", "score": 2.0, "ticket_id": null}],
            "consents": [
                {"channel": "sms", "granted": true, "occurred_at": "2026-01-01T00:00:00Z"},
                {"channel": "post", "granted": false, "occurred_at": "2026-01-01T12:00:00Z"},
            ],
        })
    );
    let (story, chance) = (&ana["story"], &ana["chance_of_return"]);
    let curve = story["curve"].as_array().expect("a curve");
    assert_eq!(curve[0]["at"], "2026-01-02T00:00:00Z");
    let last = curve.last().expect("a point");
    assert_eq!((&last["at"], &last["level"]), (&json!("2026-02-10T00:00:00Z"), &ana["level"]));
    assert_eq!(last["return_probability"], chance["return_probability"]);
    assert_eq!(
        story["changes"].as_array().and_then(|changes| changes.last()).expect("a change")["level"],
        ana["level"]
    );
    let reasons = chance["reasons"].as_array().expect("reasons");
    let without = story["without"].as_array().expect("the same reasons");
    assert_eq!(without.len(), reasons.len());
    for (without, reason) in without.iter().zip(reasons) {
        let mut expected = reason.clone();
        let probability = reason["return_probability_without"].clone();
        let fields = expected.as_object_mut().expect("an object");
        fields.remove("log_odds");
        fields.remove("return_probability_without");
        fields.insert("return_probability".to_owned(), probability);
        assert_eq!(*without, expected);
    }
    let codes: Vec<_> = without.iter().map(|reason| reason["code"].as_str().expect("a code")).collect();
    for code in ["silence", "open_ticket", "overdue_ticket", "repeated_contact", "low_rating"] {
        assert!(codes.contains(&code), "{code} is not in {codes:?}");
    }
    // Somebody who never ordered has a history and no story.
    let silent = api.answer("/api/v1/customers/silent");
    assert_eq!((&silent["story"], &silent["chance_of_return"]), (&json!(null), &json!(null)));
    assert_eq!(silent["history"]["low_ratings"].as_array().map(Vec::len), Some(1));
}
