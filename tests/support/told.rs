//! What shops have told us of their customers, over all tests of this process: it must be found in no log.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::topic::Outgoing;

/// Fields that name a person, or what is theirs.
const NAMING: [&str; 5] = ["customer_id", "order_id", "ticket_id", "event_id", "amount"];

/// Shorter names are found in any text.
const SHORTEST: usize = 3;

/// Of one kind of character, so that it is found as one word.
static WORDS: Mutex<Option<HashSet<String>>> = Mutex::new(None);

/// The few that hold blanks and the like.
static PHRASES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Remembers whom a record is about. What `load` writes need not be remembered: it is known by its shape.
pub fn remember(outgoing: &Outgoing) {
    let key = outgoing.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
    key.into_iter().for_each(remember_text);
    let Some(Ok(Value::Object(fields))) = outgoing.value.as_deref().map(serde_json::from_slice) else { return };
    for field in NAMING {
        fields.get(field).and_then(Value::as_str).into_iter().for_each(remember_text);
    }
}

fn remember_text(text: &str) {
    // A number alone is found in any log, too: of amounts only those with a point tell something.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() < SHORTEST || is_number || has_shape_of_the_shop(text) {
        return;
    }
    if text.chars().all(is_of_a_word) {
        let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
        words.get_or_insert_default().insert(text.to_owned());
    } else {
        let mut phrases = PHRASES.lock().unwrap_or_else(PoisonError::into_inner);
        if !phrases.iter().any(|known| known == text) {
            phrases.push(text.to_owned());
        }
    }
}

/// What of this line somebody would not want to be shown.
pub fn of_a_customer(line: &str) -> Option<String> {
    let words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    let is_known = |word: &str| words.as_ref().is_some_and(|words| words.contains(word));
    let mut all = line.split(|character| !is_of_a_word(character)).map(|word| word.trim_matches('.'));
    if let Some(word) = all.find(|word| is_known(word) || has_shape_of_the_shop(word) || is_price(word)) {
        return Some(word.to_owned());
    }
    PHRASES.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|phrase| line.contains(phrase.as_str())).cloned()
}

fn is_of_a_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '_' | '.')
}

/// `c-00042`, `o-00042-1`, `t-00042-1`: the simulated shop names everything like that.
fn has_shape_of_the_shop(word: &str) -> bool {
    let Some((kind, rest)) = word.split_once('-') else { return false };
    let number = rest.split('-').next().unwrap_or_default();
    matches!(kind, "c" | "o" | "t" | "e" | "m") && number.len() >= 5 && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// With two places, as the shops here write prices and nobody writes anything else.
fn is_price(word: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    word.split_once('.').is_some_and(|(whole, cents)| is_number(whole) && is_number(cents) && cents.len() == 2)
}

#[test]
fn what_is_a_customers_is_found_in_a_line() {
    let record = |customer: &str, value: &str| Outgoing {
        key: Some(customer.into()),
        value: Some(value.into()),
        ..Outgoing::default()
    };
    remember(&record("someone-only-here", "no JSON"));
    remember(&record("somebody else, here & now", r#"{"order_id":"order-only-here","amount":"12.5000"}"#));
    for (line, told) in [
        (r#"{"message":"someone-only-here bought"}"#, Some("someone-only-here")),
        ("for somebody else, here & now.", Some("somebody else, here & now")),
        ("the end is order-only-here.", Some("order-only-here")),
        ("paid 12.5000", Some("12.5000")),
        ("paid 7.25 for it", Some("7.25")),
        ("of c-00042:", Some("c-00042")),
        ("t-104242-1 is open", Some("t-104242-1")),
        ("someone-only-here-purchases at 127.0.0.1:9092 took 12 ms, e-mail", None),
    ] {
        assert_eq!(of_a_customer(line).as_deref(), told, "{line}");
    }
}
