//! JSON from hell.

use homecoming::wire::Rejection;

use crate::letters::{KINDS, Letter, MIB, code, quoted};

#[test]
fn json_that_is_legal_but_odd_is_read() {
    let letters = Letter::of_each_topic().map(|letter| (letter.read(), letter));
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
        for (plain, letter) in &letters {
            assert_eq!(
                letter.clone().with("extra", &odd).read(),
                *plain,
                "{}",
                odd.chars().take(60).collect::<String>()
            );
        }
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
        for letter in Letter::of_each_topic() {
            let list = letter.read_as(format!("[{illegal},0]").as_bytes(), None);
            assert_eq!(code(&list), "invalid_json", "in a list: {illegal}");
            for field in ["extra", "occurred_at", "amount", "score", "granted"] {
                let letter = letter.clone().with(field, illegal);
                assert_eq!(letter.code(), "invalid_json", "in {field}: {illegal}");
            }
        }
    }
    for brackets in ["[", "{\"a\":", "[{\"a\":["] {
        let unclosed = brackets.repeat(100_000);
        for letter in Letter::of_each_topic() {
            assert_eq!(code(&letter.read_as(unclosed.as_bytes(), None)), "invalid_json");
            assert_eq!(letter.with("extra", &unclosed).code(), "invalid_json");
        }
    }
    for letter in Letter::of_each_topic() {
        assert_eq!(code(&letter.read_as("]".repeat(100_000).as_bytes(), None)), "invalid_json");
        assert_eq!(
            code(&letter.read_as(["[".repeat(100_000), "]".repeat(100_000)].concat().as_bytes(), None)),
            "not_an_object"
        );
    }
}

#[test]
fn of_a_name_that_stands_twice_the_last_counts() {
    let twice = |letter: &Letter, name: &str, first: &str, last: &str| {
        let rest = letter.clone().without(name).text();
        format!("{{\"{name}\":{first},{},\"{name}\":{last}}}", &rest[1..rest.len() - 1])
    };
    for (kind, name, first, last, expected) in [
        ("purchase", "customer_id", "\"c-1\"", "\"c-42\"", "accepted"),
        ("purchase", "customer_id", "\"c-42\"", "\"c-1\"", "key_mismatch"),
        ("purchase", "type", "\"feedback\"", "\"purchase\"", "accepted"),
        ("purchase", "type", "\"purchase\"", "null", "missing_field"),
        ("purchase", "amount", "\"much\"", "1", "accepted"),
        ("purchase", "amount", "1", "\"much\"", "invalid_field"),
        ("purchase", "c\\u0075rrency", "\"\"", "\"EUR\"", "accepted"),
        ("feedback", "score", "9", "5", "accepted"),
        ("feedback", "scale", "\"csat\"", "\"nps\"", "accepted"),
        ("feedback", "ticket_id", "7", "null", "accepted"),
        ("feedback", "ticket_id", "null", "7", "invalid_field"),
        ("consent_changed", "granted", "\"true\"", "false", "accepted"),
        ("consent_changed", "granted", "true", "null", "missing_field"),
    ] {
        let letter = Letter::of_type(kind);
        let text = twice(&letter, name, first, last);
        assert_eq!(code(&letter.read_as(text.as_bytes(), None)), expected, "{text}");
    }
}

/// Known fields are looked into, so they too must not be followed all the way down.
#[test]
fn a_known_field_that_nests_100_000_deep_is_refused_like_any_other_wrong_value() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let objects = format!("{}0{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    for kind in &KINDS {
        let own = kind.required.iter().chain(kind.optional).map(|(name, _)| *name);
        for field in ["event_id", "customer_id", "occurred_at"].into_iter().chain(own) {
            Letter::of(kind).refuses(field, &deep);
            Letter::of(kind).refuses(field, &objects);
        }
        assert_eq!(Letter::of(kind).with("type", &deep).code(), "unknown_type");
    }
    Letter::purchase().refuses("items", &format!("[{{\"amount\":{deep}}}]"));
}

#[test]
fn a_value_of_one_mebibyte_is_read_and_one_byte_more_is_not() {
    for letter in Letter::of_each_topic() {
        let padded = |bytes: usize| {
            let bare = letter.clone().with("extra", "\"\"").text().len();
            letter.clone().with("extra", &quoted(&"x".repeat(bytes - bare)))
        };
        assert_eq!(padded(MIB).text().len(), MIB);
        assert_eq!(padded(MIB).read(), letter.read());
        assert_eq!(padded(MIB + 1).read(), Err(Rejection::TooLarge { bytes: MIB + 1, limit: MIB }));
    }
}
