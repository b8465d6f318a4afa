//! The contract in bytes: what is read, what is refused and by which code, what is sent and what is stored.
//!
//! What goes out is compared with `tests/golden`; `UPDATE_GOLDEN=1` writes it anew. A stored record that changes needs
//! a new version, and the old golden record must stay readable.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use homecoming::domain::identity::id_of;
use homecoming::domain::{Customer, CustomerId, EventTime, Policy, Signal};
use homecoming::engine::{Announcement, Committed, Event, Happening, Partition};
use homecoming::wire::progress_record::{InputProgress, Progress};
use homecoming::wire::state_key::StateKey;
use homecoming::wire::{
    Incoming, Limits, Rejection, Source, cloud_event, customer_record, decode, decode_line, signal,
};

const MIB: usize = 1_048_576;
const STRUCTURED: Option<&[u8]> = Some(b"application/cloudevents+json");

// --- records -----------------------------------------------------------------------------------------------------

/// A record about to be sent: a valid purchase of `c-42`, until somebody spoils it.
#[derive(Clone)]
struct Letter {
    key: Option<Vec<u8>>,
    /// Names and values as JSON texts.
    fields: Vec<(String, String)>,
}

impl Letter {
    fn purchase() -> Self {
        Self::of_type("purchase")
    }

    fn refund() -> Self {
        Self::of_type("refund")
    }

    fn of_type(kind: &str) -> Self {
        let fields = [
            ("type", kind),
            ("event_id", "e-1"),
            ("customer_id", "c-42"),
            ("order_id", "o-7"),
            ("occurred_at", "2026-03-01T10:00:00Z"),
            ("amount", "129.90"),
            ("currency", "EUR"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), format!("\"{value}\"")));
        Self { key: Some(b"c-42".to_vec()), fields: fields.to_vec() }
    }

    fn with(mut self, name: &str, json: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), json.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    fn keyed(mut self, key: Option<&[u8]>) -> Self {
        self.key = key.map(<[u8]>::to_vec);
        self
    }

    fn text(&self) -> String {
        let fields: Vec<String> = self.fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    }

    fn read(&self) -> Result<Event, Rejection> {
        read(self.key.as_deref(), self.text().as_bytes(), None)
    }

    fn code(&self) -> &'static str {
        code(&self.read())
    }
}

/// Now is noon of 2 March 2026, with five minutes of skew.
fn limits() -> Limits {
    Limits { value_bytes_max: MIB, latest: Some(at("2026-03-02T12:05:00Z")) }
}

fn read(key: Option<&[u8]>, value: &[u8], content_type: Option<&[u8]>) -> Result<Event, Rejection> {
    decode(Source::Purchases, &Incoming { key, value: Some(value), content_type }, &limits())
}

fn code(result: &Result<Event, Rejection>) -> &'static str {
    result.as_ref().map_or_else(Rejection::code, |_| "accepted")
}

fn at(text: &str) -> EventTime {
    EventTime::parse_rfc3339(text).expect("a valid instant")
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

// --- refusals ----------------------------------------------------------------------------------------------------

#[test]
fn an_event_is_read_as_it_was_written() {
    let event = Letter::purchase().read().expect("a valid purchase");
    assert_eq!((event.customer.as_str(), event.id.as_str()), ("c-42", "e-1"));
    assert_eq!(event.at, at("2026-03-01T10:00:00Z"));
    let Happening::Purchased { order, amount } = event.what else { panic!("a purchase is a purchase") };
    assert_eq!((order.as_str(), amount.to_string(), amount.currency().code()), ("o-7", "129.90".to_owned(), "EUR"));
    let refund = Letter::refund().read().expect("a valid refund");
    assert!(matches!(refund.what, Happening::Refunded { order, .. } if order.as_str() == "o-7"));
    assert_eq!(decode_line(&Letter::purchase().text()), Letter::purchase().read());
}

#[test]
fn every_required_field_is_missed_when_absent_and_when_null() {
    for letter in [Letter::purchase(), Letter::refund()] {
        for field in ["type", "event_id", "customer_id", "order_id", "occurred_at", "amount", "currency"] {
            let missing = Err(Rejection::MissingField { field });
            assert_eq!(letter.clone().without(field).read(), missing);
            assert_eq!(letter.clone().with(field, "null").read(), missing);
        }
    }
}

#[test]
fn every_code_has_its_documents() {
    let purchase = Letter::purchase();
    let (valid, bare) = (purchase.text(), purchase.clone().without("type").text());
    let not_utf8 = [b"{\"type\":\"\xff\"}".as_slice(), b"\xc3\x28", b"\xed\xa0\x80", b"\xff\xfe{\0}\0"];
    for (expected, values) in [
        ("empty_value", vec![b"".to_vec()]),
        ("invalid_json", not_utf8.map(<[u8]>::to_vec).to_vec()),
        (
            "invalid_json",
            texts(&["{", "}", "{\"a\"}", "nul", "NaN", " ", "\u{feff}{}", "{} {}", "{},", "'a'", "\0", "{\"a\":1}x"]),
        ),
        (
            "not_an_object",
            texts(&["[]", "[{}]", "null", "true", "1", "-0.5e3", "\"\"", "\"{}\"", " [ ] \n", &format!("[{valid}]")]),
        ),
        ("missing_field", texts(&["{}", " { } ", &bare])),
        (
            "unknown_type",
            texts(&[
                "{\"type\":\"\"}",
                "{\"type\":7}",
                "{\"type\":{}}",
                "{\"type\":\"Purchase\"}",
                "{\"type\":\" purchase\"}",
            ]),
        ),
        (
            "unknown_type",
            texts(&[
                "{\"type\":\"ticket_opened\"}",
                "{\"type\":\"customer_erased\"}",
                "{\"type\":\"returning_customer\"}",
            ]),
        ),
        ("missing_field", texts(&["{\"type\":\"purchase\"}", "{\"type\":\"refund\",\"amount\":false}"])),
        ("accepted", texts(&[&valid, &format!("\t\r\n {valid} \n\n")])),
    ] {
        for value in values {
            let result = read(Some(b"c-42"), &value, None);
            assert_eq!(code(&result), expected, "{}", String::from_utf8_lossy(&value));
        }
    }
    let tombstone = Incoming { key: Some(b"c-42"), value: None, content_type: None };
    assert_eq!(decode(Source::Purchases, &tombstone, &limits()), Err(Rejection::EmptyValue));
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn a_field_that_is_not_what_it_has_to_be_is_named() {
    let long = quoted(&"x".repeat(257));
    let accents = quoted(&format!("x{}", "é".repeat(128)));
    for field in ["event_id", "customer_id", "order_id", "referred_by"] {
        for wrong in ["\"\"", "7", "true", "[\"x\"]", "{}", "\"\\ud800\"", &long, &accents] {
            invalid(&Letter::purchase(), field, wrong);
        }
    }
    for wrong in ["\"\"", "\"eur\"", "\"EU\"", "\"EURO\"", "\"ABC\"", "978", "[]", "\"€\"", "\" EUR\""] {
        invalid(&Letter::purchase(), "currency", wrong);
        invalid(&Letter::refund(), "currency", wrong);
    }
    for (field, wrongs) in [
        ("channel", vec!["7", "{}"]),
        ("discount", vec!["true", "[]"]),
        (
            "items",
            vec!["{}", "\"x\"", "[7]", "[null]", "[{\"quantity\":-1}]", "[{\"sku\":7}]", "[{\"amount\":\"-1\"}]"],
        ),
    ] {
        wrongs.iter().for_each(|wrong| invalid(&Letter::purchase(), field, wrong));
    }
    invalid(&Letter::refund(), "reason", "7");
}

fn invalid(letter: &Letter, field: &str, json: &str) {
    match letter.clone().with(field, json).read() {
        Err(Rejection::InvalidField { field: named, .. }) => assert_eq!(named, field),
        other => panic!("{field}: {json} gives {other:?}"),
    }
}

#[test]
fn what_an_event_may_say_besides_is_read_and_may_be_null() {
    let items = r#"[{"sku":"s-1","quantity":2,"amount":"9.90"},{"quantity":0.5,"amount":1},{},{"colour":[]}]"#;
    for (field, json) in [
        ("items", items),
        ("items", "[]"),
        ("channel", "\"web\""),
        ("discount", "\"10 %\""),
        ("discount", "3.5"),
        ("referred_by", "\"c-1\""),
        ("loyalty_card", "{\"no\":[1,2,{}]}"),
        ("", "\"nameless\""),
    ] {
        for json in [json, "null"] {
            let letter = Letter::purchase().with(field, json);
            assert_eq!(letter.read(), Letter::purchase().read(), "{field}: {json}");
        }
    }
    assert_eq!(Letter::refund().with("reason", "\"broken\"").read(), Letter::refund().read());
    assert_eq!(Letter::refund().with("items", "7").code(), "accepted", "a refund has no items: unknown and ignored");
}

#[test]
fn an_id_has_1_to_256_bytes_of_any_text() {
    for id in ["x", &"x".repeat(256), &"é".repeat(128), "…", " ", "c-42/ü\u{1f600}"] {
        let letter = Letter::purchase().with("customer_id", &quoted(id)).keyed(Some(id.as_bytes()));
        assert_eq!(letter.read().expect(id).customer.as_str(), id);
    }
    let escaped = Letter::purchase().with("customer_id", r#""\u0063-\u0034\u0032""#);
    assert_eq!(escaped.read(), Letter::purchase().read());
    let pair = Letter::purchase().with("order_id", r#""\ud83d\ude00""#).read().expect("a pair of surrogates");
    assert!(matches!(pair.what, Happening::Purchased { order, .. } if order.as_str() == "\u{1f600}"));
}

#[test]
fn the_key_is_the_customer() {
    for key in [None, Some(&b""[..]), Some(b"c-4"), Some(b"C-42"), Some(b"c-42 "), Some(b"\"c-42\""), Some(b"\xff")] {
        assert_eq!(Letter::purchase().keyed(key).read(), Err(Rejection::KeyMismatch), "{key:?}");
    }
}

/// All ways to spoil a record, in the contract's order of precedence.
const FAULTS: [(&str, &str); 10] = [
    ("too_large", "too_large"),
    ("empty", "empty_value"),
    ("broken", "invalid_json"),
    ("list", "not_an_object"),
    ("no type", "missing_field"),
    ("foreign type", "unknown_type"),
    ("no order id", "missing_field"),
    ("no amount to speak of", "invalid_field"),
    ("foreign key", "key_mismatch"),
    ("from the future", "future_timestamp"),
];

/// Not only pairs: every set of faults that can befall one record.
#[test]
fn of_several_faults_the_first_in_the_contracts_order_is_given() {
    let mut checked = 0;
    for set in 1u32..1 << FAULTS.len() {
        let has = |fault: usize| set & 1 << fault != 0;
        if has(0) && has(1) {
            continue;
        }
        let (expected, detail) = (FAULTS[set.trailing_zeros() as usize].1, spoiled(&has));
        assert_eq!(code(&detail), expected, "faults {set:010b}: {detail:?}");
        if let Err(Rejection::MissingField { field }) = detail {
            assert_eq!(field, if has(4) { "type" } else { "order_id" });
        }
        checked += 1;
    }
    assert_eq!(checked, 767);
}

fn spoiled(has: &dyn Fn(usize) -> bool) -> Result<Event, Rejection> {
    let mut letter = Letter::purchase();
    if has(5) {
        letter = letter.with("type", "\"feedback\"");
    }
    if has(4) {
        letter = letter.without("type");
    }
    if has(6) {
        letter = letter.without("order_id");
    }
    if has(7) {
        letter = letter.with("amount", "\"much\"");
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
    read(letter.key.as_deref(), &value, None)
}

#[test]
fn the_codes_are_the_contracts() {
    let mut in_order: Vec<_> = FAULTS.iter().map(|(_, code)| *code).collect();
    in_order.remove(6);
    assert_eq!(Rejection::CODES.to_vec(), in_order);
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
    for field in ["event_id", "customer_id", "order_id", "occurred_at", "amount", "currency", "items"] {
        documents.push(Letter::purchase().with(field, &secret).text());
        documents.push(Letter::purchase().with(field, &format!("{{{secret}:{secret}}}")).text());
    }
    for document in documents {
        if let Err(rejection) = read(Some(SECRET.as_bytes()), document.as_bytes(), None) {
            assert!(!rejection.to_string().contains("ana@"), "{document} is refused with: {rejection}");
        }
        if let Err(rejection) = read(None, document.as_bytes(), STRUCTURED) {
            assert!(!rejection.to_string().contains("ana@"), "{document} is refused with: {rejection}");
        }
    }
}

// --- JSON from hell ----------------------------------------------------------------------------------------------

#[test]
fn json_that_is_legal_but_odd_is_read() {
    let plain = Letter::purchase().read();
    let deep = |open: &str, close: &str| format!("{}{}{}", open.repeat(100_000), "0", close.repeat(100_000));
    for odd in [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        deep("[{\"a\":[", "]}]"),
        "\"\\ud800\"".to_owned(),
        "\"\\u0000\\b\\f\\/\\u00e9\u{7f}\u{2028}\u{fdd0}\u{10ffff}\"".to_owned(),
        "-0".to_owned(),
        "1e999".to_owned(),
        "-1E-9999999999".to_owned(),
        "123456789012345678901234567890123456789012345678901234567890".to_owned(),
        "0.1000000000000000055511151231257827021181583404541015625".to_owned(),
        "[[],{},[{}],\"\",0,true,false,null]".to_owned(),
        "{\"\":{\"\":{}},\"a\":1,\"a\":2}".to_owned(),
        "\n\t\r [ \n\t\r 1 \n\t\r , \n\t\r 2 \n\t\r ] \n\t\r".to_owned(),
        quoted(&"x".repeat(1_000_000)),
    ] {
        let letter = Letter::purchase().with("extra", &odd);
        assert_eq!(letter.read(), plain, "{}", odd.chars().take(60).collect::<String>());
    }
}

#[test]
fn json_that_is_not_legal_is_refused_wherever_it_stands() {
    for illegal in [
        "",
        "NaN",
        "Infinity",
        "-Infinity",
        "-",
        "+1",
        "01",
        "-01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x10",
        "1_000",
        "１",
        "True",
        "nil",
        "undefined",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\\"",
        "\"\t\"",
        "\"\n\"",
        "\"\u{1}\"",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1",
        "1]",
        "[1}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\" 1}",
        "{a:1}",
        "{1:1}",
        "{\"a\":}",
        "{\"a\":1 \"b\":2}",
        "// a\n1",
        "/* a */ 1",
        "1 # a",
        "\u{feff}1",
        "\u{a0}1",
        "1\u{b}",
        "\u{85}1",
    ] {
        assert_eq!(Letter::purchase().with("extra", illegal).code(), "invalid_json", "in a field: {illegal}");
        assert_eq!(
            code(&read(None, format!("[{illegal},0]").as_bytes(), None)),
            "invalid_json",
            "in a list: {illegal}"
        );
    }
    for brackets in ["[", "{\"a\":", "[{\"a\":["] {
        let unclosed = brackets.repeat(100_000);
        assert_eq!(code(&read(None, unclosed.as_bytes(), None)), "invalid_json");
        assert_eq!(Letter::purchase().with("extra", &unclosed).code(), "invalid_json");
    }
    assert_eq!(code(&read(None, "]".repeat(100_000).as_bytes(), None)), "invalid_json");
}

#[test]
fn of_a_name_that_stands_twice_the_last_counts() {
    let twice = |name: &str, first: &str, last: &str| {
        let rest = Letter::purchase().without(name).text();
        format!("{{\"{name}\":{first},{},\"{name}\":{last}}}", &rest[1..rest.len() - 1])
    };
    for (name, first, last, expected) in [
        ("customer_id", "\"c-1\"", "\"c-42\"", "accepted"),
        ("customer_id", "\"c-42\"", "\"c-1\"", "key_mismatch"),
        ("type", "\"feedback\"", "\"purchase\"", "accepted"),
        ("type", "\"purchase\"", "null", "missing_field"),
        ("amount", "\"much\"", "1", "accepted"),
        ("amount", "1", "\"much\"", "invalid_field"),
        ("c\\u0075rrency", "\"\"", "\"EUR\"", "accepted"),
    ] {
        let text = twice(name, first, last);
        assert_eq!(code(&read(Some(b"c-42"), text.as_bytes(), None)), expected, "{text}");
    }
}

#[test]
fn a_value_of_one_mebibyte_is_read_and_one_byte_more_is_not() {
    let padded = |bytes: usize| {
        let bare = Letter::purchase().with("extra", "\"\"").text().len();
        Letter::purchase().with("extra", &quoted(&"x".repeat(bytes - bare)))
    };
    assert_eq!(padded(MIB).text().len(), MIB);
    assert_eq!(padded(MIB).read(), Letter::purchase().read());
    assert_eq!(padded(MIB + 1).read(), Err(Rejection::TooLarge { bytes: MIB + 1, limit: MIB }));
}

// --- times and money ---------------------------------------------------------------------------------------------

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
        let letter = Letter::purchase().with("occurred_at", &quoted(text));
        assert_eq!(letter.code(), limited, "{text}");
        let value = letter.text();
        let record = Incoming { key: Some(b"c-42"), value: Some(value.as_bytes()), content_type: None };
        assert_eq!(code(&decode(Source::Purchases, &record, &unlimited)), without_limit, "{text}, any skew");
    }
    for json in ["1772359200", "1772359200000", "[]", "{\"seconds\":1}"] {
        invalid(&Letter::purchase(), "occurred_at", json);
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

// --- CloudEvents -------------------------------------------------------------------------------------------------

fn envelope(data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"x","source":"/shop","type":"com.shop.Purchased",
            "datacontenttype":"application/json","data":{data},"extension":1}}"#
    )
}

#[test]
fn a_structured_cloud_event_has_the_event_in_its_data() {
    let inside = envelope(&Letter::purchase().text());
    for content_type in [
        "application/cloudevents+json",
        "application/cloudevents+json; charset=UTF-8",
        "application/cloudevents+json;charset=utf-8",
        "Application/CloudEvents+JSON",
    ] {
        let read = read(Some(b"c-42"), inside.as_bytes(), Some(content_type.as_bytes()));
        assert_eq!(read, Letter::purchase().read(), "{content_type}");
    }
    for (value, expected) in [
        (Letter::purchase().text(), "missing_field"),
        (envelope("null"), "missing_field"),
        (envelope("[]"), "not_an_object"),
        (envelope("\"{}\""), "not_an_object"),
        (envelope("{}"), "missing_field"),
        (envelope("{\"type\":\"com.shop.Purchased\"}"), "unknown_type"),
        (envelope(&Letter::purchase().without("order_id").text()), "missing_field"),
        (envelope(&Letter::purchase().with("amount", "-1").text()), "invalid_field"),
        (envelope(&Letter::purchase().with("customer_id", "\"c-1\"").text()), "key_mismatch"),
        (envelope("nul"), "invalid_json"),
        (format!("[{inside}]"), "not_an_object"),
    ] {
        assert_eq!(code(&read(Some(b"c-42"), value.as_bytes(), STRUCTURED)), expected, "{value}");
    }
}

#[test]
fn a_binary_cloud_event_is_a_plain_event_with_headers() {
    let plain = Letter::purchase().text();
    for content_type in ["application/json", "application/json; charset=utf-8", "text/plain", "", "\u{fffd}"] {
        let read = read(Some(b"c-42"), plain.as_bytes(), Some(content_type.as_bytes()));
        assert_eq!(read, Letter::purchase().read(), "{content_type}");
    }
    let envelope = envelope(&plain);
    assert_eq!(code(&read(Some(b"c-42"), envelope.as_bytes(), Some(b"application/json"))), "unknown_type");
}

#[test]
fn only_a_trace_context_is_carried_on() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    assert!(cloud_event::is_traceparent(parent.as_bytes()));
    for no_parent in ["", "00", &parent[..54], "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-\n1"] {
        assert!(!cloud_event::is_traceparent(no_parent.as_bytes()), "{no_parent}");
    }
}

// --- what goes out -----------------------------------------------------------------------------------------------

struct Nobody;

impl Committed for Nobody {
    fn load(&self, _: &CustomerId) -> Option<Customer> {
        None
    }
}

/// Ana buys, gets money back, falls silent, and returns a day after her lapse.
fn a_return() -> Partition<Nobody> {
    Partition::new(Arc::new(Policy::default()), Nobody)
}

fn story(partition: &mut Partition<Nobody>) -> Vec<Announcement> {
    let mut told = Vec::new();
    for (n, (kind, order, at, amount)) in [
        ("purchase", "o-1", "2026-01-01T09:30:00Z", "171.50"),
        ("purchase", "o-2", "2026-01-12T18:00:00.500Z", "20"),
        ("refund", "o-2", "2026-01-15T08:00:00Z", "5.05"),
        ("purchase", "o-7", "2026-04-13T18:00:00.500Z", "129.90"),
    ]
    .into_iter()
    .enumerate()
    {
        let letter = Letter::of_type(kind)
            .with("event_id", &quoted(&format!("e-{n}")))
            .with("order_id", &quoted(order))
            .with("occurred_at", &quoted(at))
            .with("amount", &quoted(amount));
        partition.apply(&decode_line(&letter.text()).expect("a valid event"), &mut told);
    }
    told
}

fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, actual).expect("tests/golden can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{name} is not what it was; UPDATE_GOLDEN=1 if that is meant to be");
}

/// One field a line, in the order in which they are sent.
fn pretty(json: &[u8]) -> String {
    let (mut text, mut depth, mut is_string, mut is_escaped, mut is_new_line) = (String::new(), 0, false, false, false);
    for c in std::str::from_utf8(json).expect("JSON is UTF-8").chars() {
        let closes = !is_string && matches!(c, '}' | ']');
        depth -= usize::from(closes);
        if closes != is_new_line {
            text += &format!("\n{:width$}", "", width = 2 * depth);
        }
        text.push(c);
        if c == '"' && !is_escaped {
            is_string = !is_string;
        }
        let opens = !is_string && matches!(c, '{' | '[');
        depth += usize::from(opens);
        is_new_line = opens || !is_string && c == ',';
        text += if !is_string && c == ':' { " " } else { "" };
        is_escaped = is_string && c == '\\' && !is_escaped;
    }
    text + "\n"
}

/// The first signal of a kind in the story.
fn told(kind: &str) -> Signal {
    let told = story(&mut a_return()).into_iter().map(|announcement| announcement.signal);
    told.into_iter().find(|signal| signal.names().1 == kind).expect("the story tells of it")
}

#[test]
fn signals_look_as_they_always_did() {
    for (name, kind) in [
        ("returning_customer.json", "reactivated"),
        ("returning_customer_second.json", "second_purchase"),
        ("churn_risk.json", "raised"),
        ("churn_risk_cleared.json", "cleared"),
    ] {
        let json = signal::encode(&told(kind));
        serde_json::from_slice::<serde_json::Value>(&json).expect("valid JSON");
        golden(name, &pretty(&json));
    }
}

/// The contract's examples name all fields, in their order.
#[test]
fn signals_have_the_contracts_fields() {
    let fields = |kind: &str| -> Vec<String> {
        let text = pretty(&signal::encode(&told(kind)));
        let lines = text.lines().filter_map(|line| line.strip_prefix("  \"")?.split_once("\":"));
        lines.map(|(name, _)| name.to_owned()).collect()
    };
    let returning = "event_id type kind customer_id occurred_at order_id purchase_number days_since_previous amount \
                     currency lifetime_amount recovered_ticket_id closed_episode_id action";
    assert_eq!(fields("reactivated").join(" "), returning);
    let risk = "event_id type kind customer_id episode_id occurred_at level previous_level risk return_probability \
                usual_return_probability horizon_days expected_next_purchase_at value_at_risk reasons action \
                contact_channels arm model";
    assert_eq!(fields("raised").join(" "), risk);
}

#[test]
fn headers_look_as_they_always_did() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut text = String::new();
    for (kind, traceparent) in [("reactivated", Some(parent)), ("raised", None)] {
        for (name, value) in cloud_event::headers(&told(kind), "/homecoming/main", traceparent) {
            text += &format!("{name}: {value}\n");
        }
        text.push('\n');
    }
    golden("cloud_event_headers.txt", &text);
}

/// Downstream keeps these ids. They follow from what happened, and from nothing else.
#[test]
fn ids_are_what_they_always_were() {
    let ids = |told: Vec<Announcement>| -> Vec<String> {
        let lines = told.iter().map(|announcement| match &announcement.signal {
            Signal::ReturningCustomer(signal) => format!("{} {}", signal.kind.name(), signal.id),
            Signal::ChurnRisk(change) => format!("{} {} of {}", change.kind.name(), change.id, change.episode),
        });
        lines.collect()
    };
    assert_eq!(
        ids(story(&mut a_return())),
        [
            "second_purchase 6688814e-7b47-5305-9590-fb5f2acfba35",
            "raised 7b6a57ab-1357-5a05-9f62-301506804991 of 1953178c-b1ab-5377-86bf-40f2c11e0ee4",
            "reactivated 4c375e6a-6484-56de-9e9d-db0884f68b64",
            "cleared 60fb7197-bd37-5ae4-b0f5-a5265c84f40e of 1953178c-b1ab-5377-86bf-40f2c11e0ee4",
        ]
    );
    assert_eq!(id_of(&["returning_customer", "c-42", "o-7"]).get_version_num(), 5);
}

// --- what is stored ----------------------------------------------------------------------------------------------

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.chunks(32).map(|line| line.concat() + "\n").collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("two hex digits");
    digits.chunks(2).map(byte).collect()
}

/// A lapsed customer with refunds, two currencies, and more orders than are remembered.
fn a_long_life() -> Customer {
    let mut partition = a_return();
    let mut announcements = story(&mut partition);
    for n in 0..258 {
        let letter = Letter::purchase()
            .with("order_id", &quoted(&format!("p-{n}")))
            .with("occurred_at", &quoted(&format!("2026-05-{:02}T{:02}:00:00Z", 1 + n / 24, n % 24)))
            .with("amount", if n == 0 { "500" } else { "1" })
            .with("currency", if n % 2 == 0 { "\"JPY\"" } else { "\"EUR\"" });
        partition.apply(&decode_line(&letter.text()).expect("a valid event"), &mut announcements);
    }
    while partition.advance(at("2027-01-01T00:00:00Z"), 10, &mut announcements) {}
    only(&partition)
}

fn only(partition: &Partition<Nobody>) -> Customer {
    let (_, customer) = partition.changes().next().expect("one customer");
    customer.expect("nobody is forgotten yet").clone()
}

#[test]
fn a_stored_customer_looks_as_it_always_did() {
    let mut partition = a_return();
    story(&mut partition);
    for (name, customer) in [
        ("customer_v1.hex", only(&partition)),
        ("customer_v1_long_life.hex", a_long_life()),
        ("customer_v1_unknown.hex", Customer::default()),
    ] {
        golden(name, &hex(&customer_record::encode(&customer)));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        let stored = from_hex(&fs::read_to_string(path).expect("the golden record is there"));
        assert_eq!(customer_record::decode(&stored), Ok(customer), "{name} stays readable for ever");
    }
}

#[test]
fn state_of_a_later_version_and_damaged_state_are_told_apart() {
    let record = customer_record::encode(&a_long_life());
    let mut later = record.to_vec();
    later[0] = 2;
    let refusal = customer_record::decode(&later).expect_err("version 2 is not known").to_string();
    assert!(refusal.contains("version 2") && refusal.contains("later"), "{refusal}");
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
        7,
        [("purchases".to_owned(), input), ("support".to_owned(), InputProgress::default())].into(),
        [("time.time_zone".to_owned(), "Europe/Berlin".to_owned())].into(),
    );
    golden("progress_v1.json", &pretty(&progress.encode()));
    let ana = CustomerId::new("ana/é").expect("a valid id");
    assert_eq!(StateKey::Customer(ana).encode(), "cana/é".as_bytes());
    assert_eq!(StateKey::Progress.encode(), b"p");
    for unknown in [&b""[..], b"x", b"c", b"pp", b"c\xff"] {
        assert_eq!(StateKey::decode(unknown), None, "{unknown:?}");
    }
}
