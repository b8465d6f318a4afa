//! From the bytes of a record to an event of the business, or to the code of its dead letter.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::calendar::{self, Instant};
use super::money::Money;
use crate::support::topic::Record;

const LARGEST_VALUE: usize = 1024 * 1024;
const LONGEST_ID: usize = 256;

/// What depends on when and with which settings the service ran.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A time later than this is from the future.
    pub latest_credible: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub customer: String,
    pub at: Instant,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Purchase { order_id: String, price: Money },
    Refund { event_id: String, amount: Money },
}

/// The fields every event of the topic must have, beside its type.
const REQUIRED: [&str; 6] = ["event_id", "customer_id", "order_id", "occurred_at", "amount", "currency"];

type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// The first code that applies, in the contract's order.
pub fn read(record: &Record, limits: Limits) -> Result<Event, &'static str> {
    let bytes = record.value.as_deref().unwrap_or_default();
    if bytes.len() > LARGEST_VALUE {
        return Err("too_large");
    }
    if bytes.is_empty() {
        return Err("empty_value");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "invalid_json")?;
    let mut fields = fields_of(text)?;
    if record.header("content-type") == Some("application/cloudevents+json") {
        let data = fields.get("data").expect("the contract is silent about an envelope without data");
        fields = serde_json::from_str(data.get()).expect("the contract is silent about data that is no object");
    }
    let event = read_fields(&fields)?;
    if record.key.as_deref() != Some(event.customer.as_bytes()) {
        return Err("key_mismatch");
    }
    if event.at > limits.latest_credible {
        return Err("future_timestamp");
    }
    Ok(event)
}

/// Numbers stay text: a float would already have rounded them.
fn fields_of(text: &str) -> Result<Fields<'_>, &'static str> {
    let Ok(fields) = serde_json::from_str(text) else {
        let is_json = serde_json::from_str::<Value>(text).is_ok();
        return Err(if is_json { "not_an_object" } else { "invalid_json" });
    };
    Ok(fields)
}

fn read_fields(fields: &Fields<'_>) -> Result<Event, &'static str> {
    let kind = text_of(fields.get("type").ok_or("missing_field")?).expect("the contract is silent about such a type");
    if kind != "purchase" && kind != "refund" {
        return Err("unknown_type");
    }
    if REQUIRED.iter().any(|name| !fields.contains_key(*name)) {
        return Err("missing_field");
    }
    read_valid(fields, &kind).ok_or("invalid_field")
}

fn read_valid(fields: &Fields<'_>, kind: &str) -> Option<Event> {
    let text = |name: &str| text_of(fields[name]);
    let id = |name: &str| text(name).filter(|id| (1..=LONGEST_ID).contains(&id.len()));
    let event_id = id("event_id")?;
    let customer = id("customer_id")?;
    let order_id = id("order_id")?;
    let at = calendar::parse(&text("occurred_at")?).filter(|at| *at >= calendar::EARLIEST)?;
    let amount = text("amount").or_else(|| number_of(fields["amount"]))?;
    let money = Money::parse(&amount, &text("currency")?)?;
    let what = match kind {
        "purchase" => What::Purchase { order_id, price: money },
        _ => What::Refund { event_id, amount: money },
    };
    Some(Event { customer, at, what })
}

fn text_of(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// A number's own digits.
fn number_of(value: &RawValue) -> Option<String> {
    let text = value.get();
    let is_number = text.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    assert!(!is_number || !text.contains(['e', 'E']), "the contract is silent about {text}");
    is_number.then(|| text.to_owned())
}
