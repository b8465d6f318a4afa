//! What is refused, and by which code.

use homecoming::engine::Event;
use homecoming::wire::{Incoming, Rejection, decode};

use crate::letters::{KINDS, Letter, MIB, STRUCTURED, code, limits, quoted};

/// All ways to spoil a record, in the contract's order of precedence.
const FAULTS: [(&str, &str); 10] = [
    ("too_large", "too_large"),
    ("empty", "empty_value"),
    ("broken", "invalid_json"),
    ("list", "not_an_object"),
    ("no type", "missing_field"),
    ("foreign type", "unknown_type"),
    ("a required field less", "missing_field"),
    ("a wrong field", "invalid_field"),
    ("foreign key", "key_mismatch"),
    ("from the future", "future_timestamp"),
];

/// How a topic's own faults look: its event, a type of another topic, a field it needs, a field with a wrong value.
type Spoiling = (&'static str, &'static str, &'static str, (&'static str, &'static str));

const SPOILINGS: [Spoiling; 4] = [
    ("purchase", "feedback", "order_id", ("amount", "\"much\"")),
    ("ticket_opened", "customer_erased", "ticket_id", ("category", "\"weather\"")),
    ("feedback", "purchase", "event_id", ("score", "6")),
    ("consent_changed", "ticket_opened", "granted", ("channel", "\"fax\"")),
];

/// Not only pairs: every set of faults that can befall one record, on every topic.
#[test]
fn of_several_faults_the_first_in_the_contracts_order_is_given() {
    for spoiling in &SPOILINGS {
        let mut checked = 0;
        for set in 1u32..1 << FAULTS.len() {
            let has = |fault: usize| set & 1 << fault != 0;
            if has(0) && has(1) {
                continue;
            }
            let (expected, detail) = (FAULTS[set.trailing_zeros() as usize].1, spoiled(spoiling, &has));
            assert_eq!(code(&detail), expected, "{}, faults {set:010b}: {detail:?}", spoiling.0);
            if let Err(Rejection::MissingField { field }) = detail {
                assert_eq!(field, if has(4) { "type" } else { spoiling.2 });
            }
            checked += 1;
        }
        assert_eq!(checked, 767);
    }
}

fn spoiled(
    (kind, foreign, needed, (field, wrong)): &Spoiling,
    has: &dyn Fn(usize) -> bool,
) -> Result<Event, Rejection> {
    let mut letter = Letter::of_type(kind);
    if has(5) {
        letter = letter.with("type", &quoted(foreign));
    }
    if has(4) {
        letter = letter.without("type");
    }
    if has(7) {
        letter = letter.with(field, wrong);
    }
    if has(6) {
        letter = letter.without(needed);
    }
    if has(8) {
        letter = letter.keyed(Some(b"c-43"));
    }
    if has(9) {
        letter = letter.with("occurred_at", "\"2026-03-02T12:05:00.001Z\"");
    }
    let mut text = letter.text();
    if has(3) {
        text = format!("[{text}]");
    }
    if has(2) {
        text.pop();
    }
    if has(0) {
        text.push_str(&" ".repeat(MIB));
    }
    let value = if has(1) { Vec::new() } else { text.into_bytes() };
    letter.read_as(&value, None)
}

#[test]
fn the_codes_are_the_contracts() {
    let mut in_order: Vec<_> = FAULTS.iter().map(|(_, code)| *code).collect();
    in_order.remove(6);
    assert_eq!(Rejection::CODES.to_vec(), in_order);
}

#[test]
fn every_code_has_its_documents() {
    for letter in Letter::of_each_topic() {
        let (valid, bare) = (letter.text(), letter.clone().without("type").text());
        let only_type = format!("{{\"type\":{}}}", quoted(letter.kind()));
        let not_utf8 = [
            b"{\"type\":\"\xff\"}".as_slice(),
            b"\xc3\x28",
            b"{\"\xc0\xaf\":1}",
            b"{\"\xe0\x80\xaf\":1}",
            b"{\"\xf0\x82\x82\xac\":1}",
            b"{\"\xf4\x90\x80\x80\":1}",
            b"\xed\xa0\x80",
            b"\xff\xfe{\0}\0",
            b"\xfe\xff\0{\0}",
        ];
        for (expected, values) in [
            ("empty_value", vec![b"".to_vec()]),
            ("invalid_json", not_utf8.map(<[u8]>::to_vec).to_vec()),
            (
                "invalid_json",
                texts(&["{", "}", "{\"a\"}", "nul", "NaN", " ", "\u{feff}{}", "{} {}", "{},", "'a'", "{\"a\":1}x"]),
            ),
            ("invalid_json", texts(&["\0", "{\0}", "{}\0", "{\"a\0\":1}", "{\"a\":\"\0\"}", "\0{\0}", "{\0\"\0}\0"])),
            ("invalid_json", texts(&[&format!("\u{feff}{valid}"), &format!("{valid}{valid}"), &format!("{valid}\0")])),
            (
                "not_an_object",
                texts(&[
                    "[]",
                    "[{}]",
                    "null",
                    "true",
                    "1",
                    "-0.5e3",
                    "\"\"",
                    "\"{}\"",
                    " [ ] \n",
                    &format!("[{valid}]"),
                ]),
            ),
            ("missing_field", texts(&["{}", " { } ", "{\"\":1}", "{\"type\":null}", "{\"Type\":\"purchase\"}", &bare])),
            (
                "unknown_type",
                texts(&["{\"type\":\"\"}", "{\"type\":7}", "{\"type\":{}}", "{\"type\":[]}", "{\"type\":\"\\ud800\"}"]),
            ),
            (
                "unknown_type",
                texts(&[
                    "{\"type\":\"Purchase\"}",
                    "{\"type\":\" feedback\"}",
                    "{\"type\":\"consent-changed\"}",
                    "{\"type\":\"returning_customer\"}",
                    "{\"type\":\"churn_risk\"}",
                ]),
            ),
            ("missing_field", texts(&[&only_type, &format!("{},\"amount\":false}}", only_type.trim_end_matches('}'))])),
            ("accepted", texts(&[&valid, &format!("\t\r\n {valid} \n\n"), &valid.replace(",\"", "\n,\t\"")])),
        ] {
            for value in values {
                let result = letter.read_as(&value, None);
                assert_eq!(code(&result), expected, "{:?}: {}", letter.source, String::from_utf8_lossy(&value));
            }
        }
        let tombstone = Incoming { key: Some(b"c-42"), value: None, content_type: None };
        assert_eq!(decode(letter.source, &tombstone, &limits()), Err(Rejection::EmptyValue));
    }
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn a_type_is_known_on_its_own_topic_alone() {
    for kind in &KINDS {
        let letter = Letter::of(kind);
        for other in Letter::of_each_topic() {
            let expected = if other.source == kind.source { "accepted" } else { "unknown_type" };
            assert_eq!(
                code(&other.read_as(letter.text().as_bytes(), None)),
                expected,
                "{} on {:?}",
                kind.name,
                other.source
            );
        }
    }
}

#[test]
fn the_key_is_the_customer() {
    for letter in KINDS.iter().map(Letter::of) {
        for key in [None, Some(&b""[..]), Some(b"c-4"), Some(b"C-42"), Some(b"c-42 "), Some(b"\"c-42\""), Some(b"\xff")]
        {
            assert_eq!(letter.clone().keyed(key).read(), Err(Rejection::KeyMismatch), "{key:?}");
        }
    }
}

/// `error.detail` ends in a header that more people read than the payload.
#[test]
fn a_refusal_does_not_quote_what_it_refuses() {
    const SECRET: &str = "ana@example.com";
    let secret = quoted(SECRET);
    let mut documents = vec![
        secret.clone(),
        format!("{secret} x"),
        format!("[{secret}] x"),
        format!("{{{secret}}}"),
        format!("{{{secret}:nul}}"),
        format!("{{\"type\":{secret}}}"),
    ];
    for kind in &KINDS {
        let own = kind.required.iter().chain(kind.optional).map(|(name, _)| *name);
        for field in ["event_id", "customer_id", "occurred_at"].into_iter().chain(own) {
            documents.push(Letter::of(kind).with(field, &secret).text());
            documents.push(Letter::of(kind).with(field, &format!("{{{secret}:{secret}}}")).text());
        }
    }
    for document in documents {
        for letter in Letter::of_each_topic() {
            for (key, content_type) in [(Some(SECRET.as_bytes()), None), (None, STRUCTURED)] {
                if let Err(rejection) = letter.clone().keyed(key).read_as(document.as_bytes(), content_type) {
                    assert!(!rejection.to_string().contains("ana@"), "{document} is refused with: {rejection}");
                }
            }
        }
    }
}
