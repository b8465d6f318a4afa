//! The fields of every event: what they may be, and what not.

use homecoming::domain::consent::Channel;
use homecoming::domain::rating::{Rating, Scale};
use homecoming::domain::ticket::{Category, TicketStep};
use homecoming::domain::{OrderId, TicketId};
use homecoming::engine::Happening;
use homecoming::wire::{Rejection, decode_line};

use crate::letters::{KINDS, Letter, at, quoted};

#[test]
fn an_event_is_read_as_it_was_written() {
    let ticket = || TicketId::new("t-9").expect("a valid id");
    let step = |step| Happening::Ticket { ticket: ticket(), step };
    let rating = Rating::new(Scale::Csat, 4.0).expect("csat has a 4");
    for (kind, expected) in [
        ("ticket_opened", step(TicketStep::Opened(None))),
        ("customer_contacted", step(TicketStep::Contacted)),
        ("ticket_resolved", step(TicketStep::Resolved)),
        ("ticket_reopened", step(TicketStep::Reopened)),
        ("feedback", Happening::Rated { rating, ticket: None }),
        ("consent_changed", Happening::ConsentChanged { channel: Channel::Email, granted: true }),
        ("contact_sent", Happening::ContactSent),
        ("review_held", Happening::ReviewHeld),
        ("customer_erased", Happening::Erased),
    ] {
        assert_eq!(Letter::of_type(kind).read().expect(kind).what, expected);
    }
    let opened =
        Letter::of_type("ticket_opened").with("category", "\"special_request\"").read().expect("a valid ticket");
    assert_eq!(opened.what, step(TicketStep::Opened(Some(Category::SpecialRequest))));
    let about = Letter::of_type("feedback").with("ticket_id", "\"t-9\"").read().expect("valid feedback");
    assert_eq!(about.what, Happening::Rated { rating, ticket: Some(ticket()) });

    let event = Letter::purchase().read().expect("a valid purchase");
    assert_eq!((event.customer.as_str(), event.id.as_str()), ("c-42", "e-1"));
    assert_eq!(event.at, at("2026-03-01T10:00:00Z"));
    let Happening::Purchased { order, amount, referred } = event.what else { panic!("a purchase is a purchase") };
    assert_eq!((order.as_str(), amount.to_string(), amount.currency().code()), ("o-7", "129.90".to_owned(), "EUR"));
    assert!(!referred);
    let referred = Letter::purchase().with("referred_by", "\"c-1\"").read().expect("a valid purchase");
    assert!(matches!(referred.what, Happening::Purchased { referred: true, .. }));
    let refund = Letter::of_type("refund").read().expect("a valid refund");
    assert!(matches!(refund.what, Happening::Refunded { order, .. } if order.as_str() == "o-7"));
}

#[test]
fn an_event_is_read_from_a_file_as_from_its_topic() {
    for letter in KINDS.iter().map(Letter::of) {
        assert_eq!(decode_line(&letter.text()), letter.read());
    }
}

#[test]
fn every_required_field_is_missed_when_absent_and_when_null() {
    for kind in &KINDS {
        let own = kind.required.iter().map(|(name, _)| *name);
        for field in ["type", "event_id", "customer_id", "occurred_at"].into_iter().chain(own) {
            let missing = Err(Rejection::MissingField { field });
            assert_eq!(Letter::of(kind).without(field).read(), missing);
            assert_eq!(Letter::of(kind).with(field, "null").read(), missing);
        }
    }
}

#[test]
fn what_an_event_may_say_besides_is_read_and_may_be_null() {
    for kind in &KINDS {
        for (field, json) in kind.optional.iter().chain(&[("loyalty_card", "{\"no\":[1,2,{}]}"), ("", "\"nameless\"")])
        {
            let letter = Letter::of(kind);
            assert_eq!(letter.clone().with(field, json).code(), "accepted", "{} with {field}: {json}", kind.name);
            assert_eq!(letter.clone().with(field, "null").read(), letter.read(), "{} with {field}: null", kind.name);
        }
    }
    let items = r#"[{"sku":"s-1","quantity":2,"amount":"9.90"},{"quantity":0.5,"amount":1},{},{"colour":[]}]"#;
    for (field, json) in [("items", items), ("discount", "3.5"), ("discount", "\"10 %\"")] {
        assert_eq!(Letter::purchase().with(field, json).read(), Letter::purchase().read(), "{field}: {json}");
    }
}

/// What another event would have to say rightly, this one may say anyhow.
#[test]
fn a_field_of_another_event_is_ignored_like_any_unknown_one() {
    for kind in &KINDS {
        for field in KINDS.iter().flat_map(|other| other.required.iter().chain(other.optional)).map(|(name, _)| *name) {
            if kind.required.iter().chain(kind.optional).all(|(own, _)| *own != field) {
                let letter = Letter::of(kind);
                assert_eq!(letter.clone().with(field, "[7]").read(), letter.read(), "{} with {field}", kind.name);
            }
        }
    }
}

#[test]
fn an_id_that_is_none_is_named() {
    let (long, far_too_long) = (quoted(&"x".repeat(257)), quoted(&"x".repeat(300)));
    let accents = quoted(&format!("x{}", "é".repeat(128)));
    for kind in &KINDS {
        let own = kind.required.iter().chain(kind.optional).map(|(name, _)| *name);
        for field in
            own.filter(|name| name.ends_with("_id") || *name == "referred_by").chain(["event_id", "customer_id"])
        {
            for wrong in ["\"\"", "7", "true", "[\"x\"]", "{}", "\"\\ud800\"", &long, &far_too_long, &accents] {
                Letter::of(kind).refuses(field, wrong);
            }
        }
    }
}

#[test]
fn an_id_has_1_to_256_bytes_of_any_text() {
    for id in ["x", &"x".repeat(256), &"é".repeat(128), &"\u{1f600}".repeat(64), "…", " ", "c-42/ü\u{1f600}"] {
        let with = |kind: &str, field: &str| Letter::of_type(kind).with(field, &quoted(id));
        for letter in Letter::of_each_topic() {
            let letter = letter.with("customer_id", &quoted(id)).keyed(Some(id.as_bytes()));
            assert_eq!(letter.read().expect(id).customer.as_str(), id);
        }
        for (kind, field) in [
            ("purchase", "referred_by"),
            ("ticket_opened", "event_id"),
            ("ticket_opened", "order_id"),
            ("ticket_resolved", "ticket_id"),
            ("feedback", "ticket_id"),
            ("contact_sent", "contact_id"),
            ("contact_sent", "episode_id"),
        ] {
            assert_eq!(with(kind, field).code(), "accepted", "{kind} with {field} {id}");
        }
    }
    let escaped = Letter::purchase().with("customer_id", r#""\u0063-\u0034\u0032""#);
    assert_eq!(escaped.read(), Letter::purchase().read());
    let nul = Letter::of_type("review_held").with("customer_id", r#""\u0000""#).keyed(Some(b"\0")).read();
    assert_eq!(nul.expect("a strange but valid id").customer.as_str(), "\0");
    let pair = Letter::purchase().with("order_id", r#""\ud83d\ude00""#).read().expect("a pair of surrogates");
    assert!(
        matches!(pair.what, Happening::Purchased { order, .. } if Some(&order) == OrderId::new("\u{1f600}").as_ref())
    );
}

#[test]
fn a_field_that_is_not_what_it_has_to_be_is_named() {
    const NO_TEXT: &[&str] = &["7", "true", "[]", "{}", "\"\\udc00\""];
    const NO_FLAG: &[&str] = &["\"true\"", "\"\"", "0", "1", "\"yes\"", "[true]", "{}"];
    const NO_CHANNEL: &[&str] = &["\"fax\"", "\"\"", "\"Email\"", "\"e-mail\"", "\" sms\"", "1", "[\"email\"]", "{}"];
    #[rustfmt::skip]
    let table: &[(&str, &str, &[&str])] = &[
        ("purchase", "currency", &["\"\"", "\"eur\"", "\"EU\"", "\"EURO\"", "\"ABC\"", "978", "[]", "\"€\"", "\" EUR\""]),
        ("refund", "currency", &["\"\"", "\"eur\"", "978"]),
        ("purchase", "channel", NO_TEXT),
        ("purchase", "discount", &["true", "[]", "1e400"]),
        ("purchase", "items", &["{}", "\"x\"", "[7]", "[null]", "[{\"quantity\":-1}]", "[{\"sku\":7}]", "[{\"amount\":\"-1\"}]"]),
        ("refund", "reason", NO_TEXT),
        ("ticket_opened", "category", &["\"weather\"", "\"\"", "\"Broken\"", "\"special request\"", "7", "[\"broken\"]", "{}", "true"]),
        ("ticket_opened", "channel", NO_TEXT),
        ("customer_contacted", "channel", NO_TEXT),
        ("feedback", "scale", &["\"stars\"", "\"\"", "\"CSAT\"", "\"csat \"", "5", "[]", "{}", "true"]),
        ("consent_changed", "channel", NO_CHANNEL),
        ("consent_changed", "granted", NO_FLAG),
        ("contact_sent", "channel", NO_CHANNEL),
        ("contact_sent", "purpose", &["\"fun\"", "\"\"", "\"Offer\"", "\"win-back\"", "1", "[]", "{}"]),
        ("review_held", "opportunity", &["\"medium\"", "\"\"", "\"High\"", "1", "true", "[]", "{}"]),
        ("review_held", "competitor_mentioned", NO_FLAG),
    ];
    for (kind, field, wrongs) in table {
        wrongs.iter().for_each(|wrong| Letter::of_type(kind).refuses(field, wrong));
    }
}

#[test]
fn every_name_of_the_contract_is_known() {
    #[rustfmt::skip]
    let table: &[(&str, &str, &[&str])] = &[
        ("ticket_opened", "category", &["broken", "delivery", "exchange", "return", "billing", "special_request", "advice", "other"]),
        ("consent_changed", "channel", &["email", "sms", "phone", "post"]),
        ("contact_sent", "channel", &["email", "sms", "phone", "post"]),
        ("contact_sent", "purpose", &["win_back", "thank_you", "review", "offer", "service"]),
        ("review_held", "opportunity", &["low", "high"]),
    ];
    for (kind, field, names) in table {
        for name in *names {
            assert_eq!(
                Letter::of_type(kind).with(field, &quoted(name)).code(),
                "accepted",
                "{kind} with {field} {name}"
            );
        }
    }
    for granted in [true, false] {
        let event = Letter::of_type("consent_changed").with("granted", &granted.to_string()).read().expect("valid");
        assert_eq!(event.what, Happening::ConsentChanged { channel: Channel::Email, granted });
    }
}

/// Fractions are scores too: an average of several answers is one.
#[test]
fn a_score_is_a_number_within_its_scale() {
    #[rustfmt::skip]
    let table: &[(&str, &[&str], &[&str])] = &[
        ("csat", &["1", "5", "1.0", "4.5", "10e-1", "0.5E1"], &["0", "-0", "0.999", "5.001", "6", "-1", "-3", "1e400", "5e-400"]),
        ("ces", &["1", "7", "6.5", "7.000"], &["0", "0.5", "7.01", "8", "70e99999"]),
        ("nps", &["0", "-0", "0.0", "10", "1e1", "9.9", "1e-400"], &["-1", "-0.1", "10.01", "11", "1e2", "-1e400"]),
    ];
    for (scale, right, wrong) in table {
        let feedback = Letter::of_type("feedback").with("scale", &quoted(scale));
        for score in *right {
            let event = feedback.clone().with("score", score).read().expect(score);
            let Happening::Rated { rating, .. } = event.what else { panic!("feedback is a rating") };
            assert_eq!((rating.scale.name(), rating.score), (*scale, score.parse().expect("a number")));
        }
        let no_numbers = &["\"1\"", "\"\"", "true", "[1]", "{}", "\"NaN\"", "\"five\""];
        wrong.iter().chain(no_numbers).for_each(|score| feedback.refuses("score", score));
    }
}
