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

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub event_id: String,
    pub customer: String,
    pub at: Instant,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Purchase { order_id: String, price: Money },
    Refund { amount: Money },
    Ticket { ticket_id: String, step: Step },
    Feedback { scale: Scale, score: f64, ticket_id: Option<String> },
    ConsentChanged { channel: Channel, granted: bool },
    ContactSent,
    ReviewHeld,
    Erased,
}

/// What happens to a ticket. At one instant they count in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Opened,
    Contacted,
    Resolved,
    Reopened,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scale {
    Csat,
    Ces,
    Nps,
}

impl Scale {
    pub const ALL: [Self; 3] = [Self::Csat, Self::Ces, Self::Nps];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Csat => "csat",
            Self::Ces => "ces",
            Self::Nps => "nps",
        }
    }

    /// The lowest and the highest score.
    pub const fn ends(self) -> (f64, f64) {
        match self {
            Self::Csat => (1.0, 5.0),
            Self::Ces => (1.0, 7.0),
            Self::Nps => (0.0, 10.0),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    Email,
    Sms,
    Phone,
    Post,
}

impl Channel {
    /// In the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Email, Self::Sms, Self::Phone, Self::Post];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Phone => "phone",
            Self::Post => "post",
        }
    }
}

/// Which topic a record lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    Purchases,
    Support,
    Contacts,
}

impl Input {
    pub const ALL: [Self; 3] = [Self::Purchases, Self::Support, Self::Contacts];

    const fn types(self) -> &'static [&'static str] {
        match self {
            Self::Purchases => &["purchase", "refund"],
            Self::Support => &["ticket_opened", "customer_contacted", "ticket_resolved", "ticket_reopened", "feedback"],
            Self::Contacts => &["consent_changed", "contact_sent", "review_held", "customer_erased"],
        }
    }
}

/// The fields an event must have beside its type and those of every event.
fn required(kind: &str) -> &'static [&'static str] {
    match kind {
        "purchase" | "refund" => &["order_id", "amount", "currency"],
        "ticket_opened" | "customer_contacted" | "ticket_resolved" | "ticket_reopened" => &["ticket_id"],
        "feedback" => &["scale", "score"],
        "consent_changed" => &["channel", "granted"],
        "contact_sent" => &["channel", "purpose"],
        _ => &[],
    }
}

const REQUIRED_OF_ALL: [&str; 3] = ["event_id", "customer_id", "occurred_at"];
const CATEGORIES: [&str; 8] =
    ["broken", "delivery", "exchange", "return", "billing", "special_request", "advice", "other"];
const PURPOSES: [&str; 5] = ["win_back", "thank_you", "review", "offer", "service"];
const OPPORTUNITIES: [&str; 2] = ["low", "high"];

type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// A record of the topic `purchases`.
pub fn read(record: &Record, limits: Limits) -> Result<Event, &'static str> {
    read_from(Input::Purchases, record, limits)
}

/// The first code that applies, in the contract's order.
pub fn read_from(input: Input, record: &Record, limits: Limits) -> Result<Event, &'static str> {
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
    let event = read_fields(input, &fields)?;
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

fn read_fields(input: Input, fields: &Fields<'_>) -> Result<Event, &'static str> {
    let kind = text_of(fields.get("type").ok_or("missing_field")?).expect("the contract is silent about such a type");
    if !input.types().contains(&kind.as_str()) {
        return Err("unknown_type");
    }
    if REQUIRED_OF_ALL.iter().chain(required(&kind)).any(|name| !fields.contains_key(*name)) {
        return Err("missing_field");
    }
    read_valid(fields, &kind).ok_or("invalid_field")
}

fn read_valid(fields: &Fields<'_>, kind: &str) -> Option<Event> {
    let event_id = id(fields, "event_id")?;
    let customer = id(fields, "customer_id")?;
    let at = calendar::parse(&text(fields, "occurred_at")?).filter(|at| *at >= calendar::EARLIEST)?;
    let what = match kind {
        "purchase" => What::Purchase { order_id: id(fields, "order_id")?, price: money(fields)? },
        "refund" => {
            id(fields, "order_id")?;
            What::Refund { amount: money(fields)? }
        }
        "ticket_opened" => {
            unless_absent(fields, "category", |fields, name| one_of(fields, name, CATEGORIES))?;
            What::Ticket { ticket_id: id(fields, "ticket_id")?, step: Step::Opened }
        }
        "customer_contacted" => What::Ticket { ticket_id: id(fields, "ticket_id")?, step: Step::Contacted },
        "ticket_resolved" => What::Ticket { ticket_id: id(fields, "ticket_id")?, step: Step::Resolved },
        "ticket_reopened" => What::Ticket { ticket_id: id(fields, "ticket_id")?, step: Step::Reopened },
        "feedback" => feedback(fields)?,
        "consent_changed" => What::ConsentChanged { channel: channel(fields)?, granted: flag(fields, "granted")? },
        "contact_sent" => {
            channel(fields)?;
            one_of(fields, "purpose", PURPOSES)?;
            What::ContactSent
        }
        "review_held" => {
            unless_absent(fields, "opportunity", |fields, name| one_of(fields, name, OPPORTUNITIES))?;
            unless_absent(fields, "competitor_mentioned", flag)?;
            What::ReviewHeld
        }
        _ => What::Erased,
    };
    Some(Event { event_id, customer, at, what })
}

fn feedback(fields: &Fields<'_>) -> Option<What> {
    let scale = text(fields, "scale")?;
    let scale = Scale::ALL.into_iter().find(|known| known.name() == scale)?;
    let score: f64 = serde_json::from_str(fields["score"].get()).ok()?;
    let (least, greatest) = scale.ends();
    let ticket_id = unless_absent(fields, "ticket_id", id)?;
    (least..=greatest).contains(&score).then_some(What::Feedback { scale, score, ticket_id })
}

fn text(fields: &Fields<'_>, name: &str) -> Option<String> {
    text_of(fields[name])
}

fn id(fields: &Fields<'_>, name: &str) -> Option<String> {
    text(fields, name).filter(|id| (1..=LONGEST_ID).contains(&id.len()))
}

fn money(fields: &Fields<'_>) -> Option<Money> {
    let amount = text(fields, "amount").or_else(|| number_of(fields["amount"]))?;
    Money::parse(&amount, &text(fields, "currency")?)
}

fn channel(fields: &Fields<'_>) -> Option<Channel> {
    let name = text(fields, "channel")?;
    Channel::ALL.into_iter().find(|channel| channel.name() == name)
}

fn flag(fields: &Fields<'_>, name: &str) -> Option<bool> {
    serde_json::from_str(fields[name].get()).ok()
}

fn one_of<const N: usize>(fields: &Fields<'_>, name: &str, names: [&str; N]) -> Option<()> {
    let value = text(fields, name)?;
    names.contains(&value.as_str()).then_some(())
}

/// Nothing at all when an optional field is there and not valid.
fn unless_absent<T>(
    fields: &Fields<'_>,
    name: &str,
    read: impl Fn(&Fields<'_>, &str) -> Option<T>,
) -> Option<Option<T>> {
    let Some(value) = fields.get(name) else { return Some(None) };
    assert!(value.get() != "null", "the contract is silent about null for the optional {name}");
    read(fields, name).map(Some)
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

#[test]
fn events_of_every_topic_are_read_or_refused() {
    use serde_json::json;

    let read = |input, body: &Value| {
        let record = Record {
            partition: 0,
            offset: 0,
            written_at: 0,
            key: Some("ana".into()),
            value: Some(body.to_string().into()),
            headers: Vec::new(),
        };
        read_from(input, &record, Limits { latest_credible: Instant::MAX }).map(|event| event.what)
    };
    let event = |kind: &str, more: Value| {
        let mut body = json!({
            "type": kind, "event_id": "e", "customer_id": "ana", "occurred_at": "2026-03-01T10:00:00Z"
        });
        for (name, value) in more.as_object().expect("fields") {
            body[name] = value.clone();
        }
        body
    };
    let contacted = What::Ticket { ticket_id: "t".to_owned(), step: Step::Contacted };
    let contacts = event("customer_contacted", json!({"ticket_id": "t", "channel": "carrier pigeon"}));
    assert_eq!(read(Input::Support, &contacts), Ok(contacted));
    assert_eq!(read(Input::Purchases, &contacts), Err("unknown_type"));
    let rated = What::Feedback { scale: Scale::Ces, score: 6.5, ticket_id: None };
    assert_eq!(read(Input::Support, &event("feedback", json!({"scale": "ces", "score": 6.5}))), Ok(rated));
    assert_eq!(read(Input::Contacts, &event("customer_erased", json!({}))), Ok(What::Erased));
    for (input, kind, more, code) in [
        (Input::Support, "ticket_opened", json!({}), "missing_field"),
        (Input::Support, "ticket_opened", json!({"ticket_id": ""}), "invalid_field"),
        (Input::Support, "ticket_opened", json!({"ticket_id": "t", "category": "weather"}), "invalid_field"),
        (Input::Support, "feedback", json!({"scale": "csat", "score": 5.1}), "invalid_field"),
        (Input::Support, "feedback", json!({"scale": "csat", "score": "5"}), "invalid_field"),
        (Input::Support, "feedback", json!({"scale": "stars", "score": 5}), "invalid_field"),
        (Input::Support, "feedback", json!({"scale": "nps", "score": 5, "ticket_id": 7}), "invalid_field"),
        (Input::Contacts, "consent_changed", json!({"channel": "email"}), "missing_field"),
        (Input::Contacts, "consent_changed", json!({"channel": "fax", "granted": true}), "invalid_field"),
        (Input::Contacts, "consent_changed", json!({"channel": "email", "granted": "yes"}), "invalid_field"),
        (Input::Contacts, "contact_sent", json!({"channel": "email", "purpose": "fun"}), "invalid_field"),
        (Input::Contacts, "review_held", json!({"opportunity": "middling"}), "invalid_field"),
        (Input::Contacts, "review_held", json!({"competitor_mentioned": 1}), "invalid_field"),
        (Input::Contacts, "feedback", json!({}), "unknown_type"),
    ] {
        assert_eq!(read(input, &event(kind, more.clone())), Err(code), "{kind} with {more}");
    }
}
