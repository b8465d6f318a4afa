//! What is sent.

use homecoming::domain::Signal;
use homecoming::domain::identity::id_of;
use homecoming::wire::{cloud_event, signal};
use serde_json::Value;

use crate::golden::{golden, pretty};
use crate::stories;

/// What is sent, in the order of its fields.
fn sent(signal: &Signal) -> Vec<u8> {
    signal::encode(signal)
}

fn body(signal: &Signal) -> Value {
    serde_json::from_slice(&sent(signal)).expect("valid JSON")
}

#[test]
fn signals_look_as_they_always_did() {
    let (back, recovered, troubled) = (stories::a_return(), stories::a_recovery(), stories::a_life_of_trouble());
    for (name, signal) in [
        ("returning_customer.json", back.first("reactivated")),
        ("returning_customer_second.json", back.first("second_purchase")),
        ("returning_customer_recovered.json", recovered.first("second_purchase")),
        ("churn_risk.json", back.first("raised")),
        ("churn_risk_cleared.json", back.first("cleared")),
        ("churn_risk_every_reason.json", troubled.first("changed")),
    ] {
        body(signal);
        golden(name, &pretty(&sent(signal)));
    }
}

/// The contract's examples name all fields, in their order.
#[test]
fn signals_have_the_contracts_fields() {
    let fields = |signal: &Signal| -> String {
        let text = pretty(&sent(signal));
        let lines = text.lines().filter_map(|line| line.strip_prefix("  \"")?.split_once("\":"));
        lines.map(|(name, _)| name.to_owned()).collect::<Vec<_>>().join(" ")
    };
    let returning = "event_id type kind customer_id occurred_at order_id purchase_number days_since_previous amount \
                     currency lifetime_amount recovered_ticket_id closed_episode_id action";
    let risk = "event_id type kind customer_id episode_id occurred_at level previous_level risk return_probability \
                usual_return_probability horizon_days expected_next_purchase_at value_at_risk reasons action \
                contact_channels arm model";
    for life in [stories::a_return(), stories::a_recovery(), stories::a_life_of_trouble()] {
        for signal in &life.told {
            assert_eq!(fields(signal), if signal.names().0 == "churn_risk" { risk } else { returning });
        }
    }
}

/// Each reason by its code, in the order of the contract's list, and what it is told with.
#[test]
fn every_reason_comes_with_its_evidence() {
    let life = stories::a_life_of_trouble();
    let signal = body(life.first("changed"));
    let reasons = signal["reasons"].as_array().expect("reasons");
    let mut strengths = reasons.iter().map(|reason| reason["log_odds"].as_f64().expect("a number").abs());
    let strongest = strengths.next().expect("a reason");
    strengths.fold(strongest, |before, next| if next <= before { next } else { panic!("{next} after {before}") });

    for (code, evidence) in [
        ("silence", "days_silent usual_days_between"),
        ("open_ticket", "days_open ticket_id"),
        ("overdue_ticket", "days_open ticket_id"),
        ("repeated_contact", "contacts"),
        ("low_rating", "scale score"),
        ("painless_resolution", "ticket_id"),
        ("refund", ""),
    ] {
        let reason = reasons.iter().find(|reason| reason["code"] == code).unwrap_or_else(|| panic!("no {code}"));
        let names = reason.as_object().expect("an object").keys().map(String::as_str);
        let own: Vec<&str> =
            names.filter(|name| !["code", "log_odds", "return_probability_without"].contains(name)).collect();
        assert_eq!(own.join(" "), evidence, "{code}");
        // Without what speaks against a return it is likelier, and the other way round.
        let (with, without) = (signal["return_probability"].as_f64(), reason["return_probability_without"].as_f64());
        assert_eq!(without > with, code != "painless_resolution", "{code}: {without:?} without, {with:?} with");
    }
    assert_eq!(reasons.len(), 7);
}

#[test]
fn a_return_names_what_it_ends() {
    let life = stories::a_recovery();
    let (raised, second) = (body(life.last("raised")), body(life.last("second_purchase")));
    assert_eq!(second["recovered_ticket_id"], "t-9");
    assert_eq!(second["closed_episode_id"], raised["episode_id"]);
    assert_eq!(second["action"], "thank_you");
    assert_eq!(body(life.last("cleared"))["episode_id"], raised["episode_id"]);
    assert_eq!(body(life.first("cleared"))["episode_id"], body(life.first("raised"))["episode_id"]);
    assert_ne!(body(life.first("raised"))["episode_id"], raised["episode_id"], "an episode ends once");
}

#[test]
fn headers_look_as_they_always_did() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut text = String::new();
    let life = stories::a_return();
    for (kind, traceparent) in [("reactivated", Some(parent)), ("raised", None)] {
        let headers = cloud_event::Headers::of(life.first(kind), "/homecoming/main", traceparent);
        headers.list(|headers| {
            for (name, value) in headers {
                let value = std::str::from_utf8(value.expect("every header has a value")).expect("text");
                text += &format!("{name}: {value}\n");
            }
        });
        text.push('\n');
    }
    golden("cloud_event_headers.txt", &text);
}

/// Downstream keeps these ids. They follow from what happened, and from nothing else.
#[test]
fn ids_are_what_they_always_were() {
    let ids = |told: &[Signal]| -> Vec<String> {
        let lines = told.iter().map(|signal| match signal {
            Signal::ReturningCustomer(signal) => format!("{} {}", signal.kind.name(), signal.id),
            Signal::ChurnRisk(change) => format!("{} {} of {}", change.kind.name(), change.id, change.episode),
        });
        lines.collect()
    };
    assert_eq!(
        ids(&stories::a_return().told),
        [
            "second_purchase 6688814e-7b47-5305-9590-fb5f2acfba35",
            "raised 477b1116-32b3-53a1-b19c-c0603c24a8b2 of 932ab067-752c-53b1-b1c0-8403f9216f7e",
            "changed 7b6a57ab-1357-5a05-9f62-301506804991 of 932ab067-752c-53b1-b1c0-8403f9216f7e",
            "reactivated 4c375e6a-6484-56de-9e9d-db0884f68b64",
            "cleared 60fb7197-bd37-5ae4-b0f5-a5265c84f40e of 932ab067-752c-53b1-b1c0-8403f9216f7e",
        ]
    );
    assert_eq!(id_of(&["returning_customer", "c-42", "o-7"]).get_version_num(), 5);
}
