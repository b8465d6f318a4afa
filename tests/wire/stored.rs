//! What is stored.

use homecoming::domain::time::Day;
use homecoming::domain::{Customer, CustomerId, EventTime, Level};
use homecoming::engine::WindowRates;
use homecoming::engine::tallies::FirstOrders;
use homecoming::wire::progress_record::{Erased, InputProgress, Progress};
use homecoming::wire::state_key::StateKey;
use homecoming::wire::{customer_record, day_record};

use crate::golden::{golden, hex, pretty, stored};
use crate::stories;

#[test]
fn a_stored_customer_looks_as_it_always_did() {
    for (name, customer) in [
        ("customer_v4.hex", stories::a_return().customer()),
        ("customer_v4_recovered.hex", stories::a_recovery().customer()),
        ("customer_v4_troubled.hex", stories::a_life_of_trouble().customer()),
        ("customer_v4_long_life.hex", stories::a_long_life().customer()),
        ("customer_v4_unknown.hex", Customer::default()),
    ] {
        golden(name, &hex(&customer_record::encode(&customer)));
        let firsts = FirstOrders::of(&customer.purchases);
        assert_eq!(customer_record::first_orders(&stored(name)), Ok(firsts), "{name}");
        assert_eq!(customer_record::decode(&stored(name)), Ok(customer), "{name} stays readable for ever");
    }
}

/// Version 3 kept the same, its orders one after the other.
#[test]
fn a_customer_stored_by_version_3_is_read() {
    for (name, now) in [
        ("customer_v3.hex", stories::a_return().customer()),
        ("customer_v3_recovered.hex", stories::a_recovery().customer()),
        ("customer_v3_troubled.hex", stories::a_life_of_trouble().customer()),
        ("customer_v3_long_life.hex", stories::a_long_life().customer()),
        ("customer_v3_unknown.hex", Customer::default()),
    ] {
        let firsts = FirstOrders::of(&now.purchases);
        assert_eq!(customer_record::first_orders(&stored(name)), Ok(firsts), "{name}");
        assert_eq!(customer_record::decode(&stored(name)), Ok(now), "{name}");
    }
}

/// What version 2 did not keep is not there: since when a level is what it is, and the value of those who lapsed.
#[test]
fn a_customer_stored_by_version_2_is_read() {
    for (name, mut now) in [
        ("customer_v2.hex", stories::a_return().customer()),
        ("customer_v2_recovered.hex", stories::a_recovery().customer()),
        ("customer_v2_troubled.hex", stories::a_life_of_trouble().customer()),
        ("customer_v2_long_life.hex", stories::a_long_life().customer()),
        ("customer_v2_unknown.hex", Customer::default()),
    ] {
        let is_lapsed = now.standing.level == Level::Lapsed;
        now.standing.value_at_risk = now.standing.value_at_risk.filter(|_| !is_lapsed);
        now.standing.level_since = None;
        assert_eq!(customer_record::decode(&stored(name)), Ok(now), "{name}");
    }
    assert!(stories::a_life_of_trouble().customer().standing.level_since.is_some(), "version 3 keeps it");
}

/// What version 1 did not keep is not there: each refund, what tickets are about, the first of many orders.
#[test]
fn a_customer_stored_by_version_1_is_read() {
    for (name, now) in [
        ("customer_v1.hex", stories::a_return().customer()),
        ("customer_v1_recovered.hex", stories::a_recovery().customer()),
        ("customer_v1_troubled.hex", stories::a_life_of_trouble().customer()),
        ("customer_v1_long_life.hex", stories::a_long_life().customer()),
        ("customer_v1_unknown.hex", Customer::default()),
    ] {
        let then = customer_record::decode(&stored(name)).expect("version 1 is readable");
        assert_eq!(then.purchases.remembered, now.purchases.remembered, "{name}");
        assert_eq!(then.purchases.count(), now.purchases.count(), "{name}");
        assert_eq!(then.purchases.first_at(), now.purchases.first_at(), "{name}");
        assert_eq!(then.purchases.spending, now.purchases.spending, "{name}");
        assert_eq!((then.last_refund_at, then.heard_at), (now.last_refund_at, now.heard_at), "{name}");
        assert_eq!(then.tickets.0.len(), now.tickets.0.len(), "{name}");
        assert_eq!((then.standing.level, then.standing.episode), (now.standing.level, now.standing.episode), "{name}");
        assert!(then.refunds.0.is_empty() && then.standing.value_at_risk.is_none(), "{name}");
    }
}

/// The golden records hold something of everything.
#[test]
fn a_troubled_customer_has_all_there_is_to_store() {
    let customer = stories::a_life_of_trouble().customer();
    assert_eq!(customer.tickets.0.len(), 2);
    assert_eq!(customer.low_ratings.0.len(), 2);
    assert_eq!(customer.consents.said().iter().flatten().count(), 2);
    assert!(customer.last_refund_at.is_some() && customer.standing.episode.is_some());
    assert_ne!(customer.heard_at, customer.purchases.last().map(|order| order.at));
    assert_eq!((customer.contacts.count, customer.reviews.count), (0, 1));
    assert_eq!(stories::a_recovery().customer().contacts.count, 1);
}

#[test]
fn state_of_a_later_version_and_damaged_state_are_told_apart() {
    let record = customer_record::encode(&stories::a_long_life().customer());
    let mut later = record.to_vec();
    later[0] = 5;
    let refusal = customer_record::decode(&later).expect_err("version 5 is not known").to_string();
    assert!(refusal.contains("version 5") && refusal.contains("later"), "{refusal}");
    for cut in [0, 1, record.len() / 2, record.len() - 1] {
        let refusal = customer_record::decode(&record[..cut]).expect_err("a cut record").to_string();
        assert!(refusal.contains("damaged"), "{refusal}");
    }
    let later = Progress::decode(br#"{"version":2,"anything":{}}"#).expect_err("version 2 is not known");
    assert!(later.to_string().contains("version 2"));
}

#[test]
fn stored_progress_and_keys_look_as_they_always_did() {
    let input = InputProgress { next_offset: 1234, greatest_event_time_ms: Some(1_772_359_200_000) };
    let progress = Progress::new(
        (7, 12),
        (EventTime::parse_rfc3339("2026-03-01T09:00:00Z"), Some(Day(20_513))),
        [("purchases".to_owned(), input), ("support".to_owned(), InputProgress::default())].into(),
        Erased { orders: 5, returning_orders: 3 },
        [("time.time_zone".to_owned(), "Europe/Berlin".to_owned())].into(),
    );
    golden("progress_v1.json", &pretty(&progress.encode()));
    let early = br#"{"version":1,"sequence":7,"inputs":{},"settings":{}}"#;
    assert_eq!(Progress::decode(early).map(|progress| progress.partitions), Ok(None), "early versions did not say");
    let ana = CustomerId::new("ana/é").expect("a valid id");
    assert_eq!(StateKey::Customer(ana).encode(), "cana/é".as_bytes());
    assert_eq!(StateKey::Progress.encode(), b"p");
    assert_eq!(StateKey::Tallies(-2).encode(), b"t\xff\xff\xff\xfe");
    assert_eq!(StateKey::DayEnd(Day(20_513)).encode(), b"d\0\0\x50\x21");
    for key in [StateKey::Progress, StateKey::Tallies(-2), StateKey::Tallies(20_513), StateKey::DayEnd(Day(-2))] {
        assert_eq!(StateKey::decode(&key.encode()), Some(key));
    }
    for unknown in [&b""[..], b"x", b"c", b"pp", b"c\xff", b"t", b"t\0\0\0", b"t\0\0\0\0\0", b"d", b"d\0\0\0"] {
        assert_eq!(StateKey::decode(unknown), None, "{unknown:?}");
    }
}

#[test]
fn a_stored_day_looks_as_it_always_did() {
    let week = WindowRates { window: 7, ratios: [(1, 2), (0, 0), (3, 300), (-1, 70_000)] };
    let rates = [week, WindowRates { window: 90, ..week }].into();
    golden("day_v1.hex", &hex(&day_record::encode(&rates)));
    assert_eq!(day_record::decode(&stored("day_v1.hex")), Ok(rates));
    let refusal = day_record::decode(&[2, 0]).expect_err("version 2 is not known").to_string();
    assert!(refusal.contains("version 2") && refusal.contains("later"), "{refusal}");
    for damaged in [&b""[..], &[1], &[1, 5, 0]] {
        assert!(day_record::decode(damaged).expect_err("no day").to_string().contains("damaged"), "{damaged:?}");
    }
}
