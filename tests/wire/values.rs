//! Times and money.

use homecoming::engine::{Event, Happening};
use homecoming::wire::{Incoming, Limits, Rejection, decode};

use crate::letters::{Letter, code, limits, quoted};

#[test]
fn every_year_from_1990_to_9999_is_a_valid_time() {
    let unlimited = Limits { latest: None, ..limits() };
    for (text, limited, without_limit) in [
        ("1990-01-01T00:00:00Z", "accepted", "accepted"),
        ("1990-01-01T14:00:00+14:00", "accepted", "accepted"),
        ("2026-03-01t10:00:00.123456789z", "accepted", "accepted"),
        ("2024-02-29T00:00:00Z", "accepted", "accepted"),
        ("2016-12-31T23:59:60Z", "accepted", "accepted"),
        ("2026-03-02T12:05:00Z", "accepted", "accepted"),
        ("2026-03-02T12:05:00.001Z", "future_timestamp", "accepted"),
        ("2026-03-02T23:00:00+10:56", "accepted", "accepted"),
        ("2026-03-02T23:00:00+10:54", "future_timestamp", "accepted"),
        ("9999-12-31T23:59:59.999Z", "future_timestamp", "accepted"),
        ("9999-12-31T23:59:59.999+00:01", "future_timestamp", "accepted"),
        ("1989-12-31T23:59:59.999Z", "invalid_field", "invalid_field"),
        ("1990-01-01T00:00:00+00:01", "invalid_field", "invalid_field"),
        ("1970-01-01T00:00:00Z", "invalid_field", "invalid_field"),
        ("0000-01-01T00:00:00Z", "invalid_field", "invalid_field"),
        ("-001-01-01T00:00:00Z", "invalid_field", "invalid_field"),
        ("10000-01-01T00:00:00Z", "invalid_field", "invalid_field"),
        ("2026-03-01T10:00:00", "invalid_field", "invalid_field"),
        ("2026-03-01T10:00:00 Z", "invalid_field", "invalid_field"),
        ("2026-03-01 10:00:00Z", "invalid_field", "invalid_field"),
        ("2026-03-01T10:00Z", "invalid_field", "invalid_field"),
        ("2026-03-01T10:00:00+01", "invalid_field", "invalid_field"),
        ("2026-03-01T10:00:00+0100", "invalid_field", "invalid_field"),
        ("2026-03-01T10:00:00Europe/Berlin", "invalid_field", "invalid_field"),
        ("2026-03-01T10:00:00Z[UTC]", "invalid_field", "invalid_field"),
        ("2026-03-01T24:00:00Z", "invalid_field", "invalid_field"),
        ("2026-03-01T10:00:61Z", "invalid_field", "invalid_field"),
        ("2026-02-29T10:00:00Z", "invalid_field", "invalid_field"),
        ("2026-13-01T10:00:00Z", "invalid_field", "invalid_field"),
        ("2026-00-01T10:00:00Z", "invalid_field", "invalid_field"),
        ("2026-W09-7T10:00:00Z", "invalid_field", "invalid_field"),
        ("2026-03-01T10:00:00,5Z", "invalid_field", "invalid_field"),
        ("2026-03-01T10:00:00.5.5Z", "invalid_field", "invalid_field"),
        ("1772359200", "invalid_field", "invalid_field"),
        ("", "invalid_field", "invalid_field"),
    ] {
        for letter in Letter::of_each_topic() {
            let letter = letter.with("occurred_at", &quoted(text));
            assert_eq!(letter.code(), limited, "{text}");
            let value = letter.text();
            let record = Incoming { key: Some(b"c-42"), value: Some(value.as_bytes()), content_type: None };
            assert_eq!(code(&decode(letter.source, &record, &unlimited)), without_limit, "{text}, any skew");
        }
    }
    for json in ["1772359200", "1772359200000", "[]", "{\"seconds\":1}"] {
        Letter::of_each_topic().iter().for_each(|letter| letter.refuses("occurred_at", json));
    }
}

#[test]
fn an_amount_is_a_decimal_as_a_string_or_a_number() {
    let forty = "1234567890123456789012345678901234567890";
    let forty_decimals = "1.0000000000000000000000000000000000000000";
    for (json, currency, expected) in [
        ("\"129.90\"", "EUR", Some("129.90")),
        ("129.9", "EUR", Some("129.90")),
        ("129", "EUR", Some("129.00")),
        ("0", "EUR", Some("0.00")),
        ("-0", "EUR", Some("0.00")),
        ("\"-0.00\"", "EUR", Some("0.00")),
        ("1.2990e2", "EUR", Some("129.90")),
        ("12990E-2", "EUR", Some("129.90")),
        (forty_decimals, "EUR", Some("1.00")),
        ("0.10", "EUR", Some("0.10")),
        ("1.10", "JPY", None),
        ("1.00", "JPY", Some("1")),
        ("\"1.234\"", "BHD", Some("1.234")),
        ("1.2345", "BHD", None),
        ("\"1.2345\"", "CLF", Some("1.2345")),
        ("1.25", "XXX", Some("1.25")),
        ("1.255", "XAU", None),
        ("92233720368547758.07", "EUR", Some("92233720368547758.07")),
        ("92233720368547758.08", "EUR", None),
        ("9223372036854775807", "JPY", Some("9223372036854775807")),
        ("9223372036854775808", "JPY", None),
        (forty, "EUR", None),
        ("1e40", "EUR", None),
        ("1e-40", "EUR", None),
        ("1e99999999999999999999", "EUR", None),
        ("-0.01", "EUR", None),
        ("\"-1\"", "EUR", None),
        ("1.005", "EUR", None),
        ("\"1e2\"", "EUR", None),
        ("\"\"", "EUR", None),
        ("\" 1\"", "EUR", None),
        ("\"+1\"", "EUR", None),
        ("\"1,50\"", "EUR", None),
        ("\"1.\"", "EUR", None),
        ("\".5\"", "EUR", None),
        ("\"EUR 1\"", "EUR", None),
        ("\"NaN\"", "EUR", None),
        ("true", "EUR", None),
        ("[1]", "EUR", None),
        ("{\"value\":1}", "EUR", None),
    ] {
        let letter = Letter::purchase().with("amount", json).with("currency", &quoted(currency));
        match (letter.read(), expected) {
            (Ok(Event { what: Happening::Purchased { amount, .. }, .. }), Some(expected)) => {
                assert_eq!(amount.to_string(), expected, "{json} {currency}");
            }
            (Err(Rejection::InvalidField { field: "amount", .. }), None) => {}
            (other, _) => panic!("{json} {currency} gives {other:?}"),
        }
    }
}
