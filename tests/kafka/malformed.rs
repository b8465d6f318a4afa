//! One record of everything that a shop's systems get wrong, each with the code it must be refused with.

use std::fmt::Write;

use crate::support::model::Input;
use crate::support::topic::Outgoing;

const LARGEST_VALUE: usize = 1024 * 1024;

/// The fields of an event as they go onto the wire, each already JSON.
#[derive(Clone, Debug)]
pub struct EventText {
    fields: Vec<(&'static str, String)>,
    key: Option<String>,
}

impl EventText {
    pub fn purchase(customer: &str, order_id: &str, at: &str, amount: &str) -> Self {
        Self::money("purchase", customer, order_id, at, amount)
    }

    pub fn refund(customer: &str, order_id: &str, at: &str, amount: &str) -> Self {
        Self::money("refund", customer, order_id, at, amount)
    }

    pub fn ticket(kind: &str, customer: &str, ticket_id: &str, at: &str) -> Self {
        Self::of(kind, customer, &format!("{kind}-of-{ticket_id}"), at).with("ticket_id", &text(ticket_id))
    }

    pub fn feedback(customer: &str, event_id: &str, at: &str, scale: &str, score: &str) -> Self {
        Self::of("feedback", customer, event_id, at).with("scale", &text(scale)).with("score", score)
    }

    pub fn consent(customer: &str, event_id: &str, at: &str, channel: &str, granted: bool) -> Self {
        let consent = Self::of("consent_changed", customer, event_id, at);
        consent.with("channel", &text(channel)).with("granted", &granted.to_string())
    }

    pub fn contact_sent(customer: &str, event_id: &str, at: &str) -> Self {
        let sent = Self::of("contact_sent", customer, event_id, at);
        sent.with("channel", "\"email\"").with("purpose", "\"win_back\"")
    }

    pub fn review_held(customer: &str, event_id: &str, at: &str) -> Self {
        Self::of("review_held", customer, event_id, at)
    }

    pub fn erasure(customer: &str, event_id: &str, at: &str) -> Self {
        Self::of("customer_erased", customer, event_id, at)
    }

    fn money(kind: &str, customer: &str, order_id: &str, at: &str, amount: &str) -> Self {
        let event = Self::of(kind, customer, &format!("{kind}-of-{order_id}"), at);
        event.with("order_id", &text(order_id)).with("amount", &text(amount)).with("currency", "\"EUR\"")
    }

    fn of(kind: &str, customer: &str, event_id: &str, at: &str) -> Self {
        let fields = vec![
            ("type", text(kind)),
            ("event_id", text(event_id)),
            ("customer_id", text(customer)),
            ("occurred_at", text(at)),
        ];
        Self { fields, key: Some(customer.to_owned()) }
    }

    /// Replaces a field, or adds one, with what stands there taken as it is.
    pub fn with(mut self, name: &'static str, json: &str) -> Self {
        match self.fields.iter_mut().find(|(field, _)| *field == name) {
            Some((_, value)) => json.clone_into(value),
            None => self.fields.push((name, json.to_owned())),
        }
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(field, _)| *field != name);
        self
    }

    pub fn keyed(mut self, key: Option<&str>) -> Self {
        self.key = key.map(str::to_owned);
        self
    }

    /// With a field nobody asked for that makes the value exactly `bytes` long.
    pub fn padded_to(self, bytes: usize) -> Self {
        let bare = self.clone().with("padding", "\"\"").text().len();
        self.with("padding", &format!("\"{}\"", "x".repeat(bytes - bare)))
    }

    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| *field == name)
    }

    fn is_a(&self, kind: &str) -> bool {
        self.fields.contains(&("type", text(kind)))
    }

    pub fn text(&self) -> String {
        let mut text = String::from("{");
        for (place, (name, value)) in self.fields.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(text, "{comma}\"{name}\":{value}").expect("a string takes everything");
        }
        text + "}"
    }

    pub fn record(&self) -> Outgoing {
        self.record_with(Some(self.text().into_bytes()))
    }

    fn record_with(&self, value: Option<Vec<u8>>) -> Outgoing {
        Outgoing { key: self.key.clone().map(String::into_bytes), value, ..Outgoing::default() }
    }
}

/// A refused record, and the code that it is refused with.
pub type Mistake = (&'static str, Outgoing);

/// Every way to be refused on an input, made with good events of this customer at this time: were one accepted, it
/// would be noticed. `id` tells them from all others.
pub fn every_mistake(input: Input, customer: &str, id: &str, at: &str) -> Vec<Mistake> {
    let events = good_events(input, customer, id, at);
    let mut mistakes = unreadable(&events[0]);
    for event in &events {
        mistakes.extend(incomplete(event));
        mistakes.extend(invalid(event));
        mistakes.extend(misdirected(event));
    }
    for kind in unknown_types(input) {
        mistakes.push(("unknown_type", events[0].clone().with("type", &text(kind)).record()));
    }
    mistakes.extend(of_several_kinds(&events[0]));
    mistakes
}

/// One of every type whose fields differ.
fn good_events(input: Input, customer: &str, id: &str, at: &str) -> Vec<EventText> {
    match input {
        Input::Purchases => vec![EventText::purchase(customer, id, at, "13.13")],
        Input::Support => vec![
            EventText::ticket("ticket_opened", customer, id, at),
            EventText::ticket("customer_contacted", customer, id, at),
            EventText::feedback(customer, id, at, "csat", "1"),
        ],
        Input::Contacts => vec![
            EventText::consent(customer, id, at, "email", true),
            EventText::contact_sent(customer, id, at),
            EventText::review_held(customer, id, at),
            EventText::erasure(customer, id, at),
        ],
    }
}

fn incomplete(event: &EventText) -> Vec<Mistake> {
    event.fields.iter().map(|(name, _)| ("missing_field", event.clone().without(name).record())).collect()
}

/// Of an event that is read from another topic, of a signal, of nothing.
fn unknown_types(input: Input) -> [&'static str; 4] {
    match input {
        Input::Purchases => ["purchased", "ticket_opened", "returning_customer", ""],
        Input::Support => ["purchase", "customer_erased", "Feedback", "ticket"],
        Input::Contacts => ["feedback", "refund", "churn_risk", "customer_erased "],
    }
}

fn invalid(event: &EventText) -> Vec<Mistake> {
    let mut fields: Vec<(&str, String)> = INVALID.iter().map(|(name, json)| (*name, (*json).to_owned())).collect();
    let endless = text(&"i".repeat(300));
    fields.extend(["order_id", "ticket_id", "event_id"].map(|name| (name, endless.clone())));
    fields.retain(|(name, _)| event.has(name));
    fields
        .extend(INVALID_OF.iter().filter(|(kind, ..)| event.is_a(kind)).map(|(_, name, json)| (*name, (*json).into())));
    let wrong = |(name, json): (&'static str, String)| ("invalid_field", event.clone().with(name, &json).record());
    fields.into_iter().map(wrong).collect()
}

/// About somebody who cannot be, or about somebody else.
fn misdirected(event: &EventText) -> Vec<Mistake> {
    let endless = "c".repeat(300);
    let nobody = event.clone().with("customer_id", "\"\"").keyed(Some(""));
    let somebody_endless = event.clone().with("customer_id", &text(&endless)).keyed(Some(&endless));
    vec![
        ("invalid_field", nobody.record()),
        ("invalid_field", somebody_endless.record()),
        ("key_mismatch", event.clone().keyed(None).record()),
        ("key_mismatch", event.clone().keyed(Some("somebody-else")).record()),
        ("future_timestamp", event.clone().with("occurred_at", FAR).record()),
    ]
}

/// Several mistakes in one: the first in the contract's order names it.
fn of_several_kinds(event: &EventText) -> Vec<Mistake> {
    let good = || event.clone();
    vec![
        ("unknown_type", good().with("type", "\"gift\"").without("event_id").record()),
        ("missing_field", good().without("event_id").with("occurred_at", "\"yesterday\"").record()),
        ("invalid_field", good().with("event_id", "\"\"").keyed(Some("somebody-else")).record()),
        ("key_mismatch", good().with("occurred_at", FAR).keyed(Some("somebody-else")).record()),
    ]
}

/// A good event of exactly the largest size, which is no mistake.
pub fn as_large_as_allowed(event: EventText) -> Outgoing {
    event.padded_to(LARGEST_VALUE).record()
}

fn unreadable(event: &EventText) -> Vec<(&'static str, Outgoing)> {
    let with = |value: &[u8]| event.record_with(Some(value.to_vec()));
    let mut not_utf8 = event.text().into_bytes();
    let place = not_utf8.len() - 3;
    not_utf8[place] = 0xFF;
    vec![
        ("too_large", event.clone().padded_to(LARGEST_VALUE + 1).record()),
        ("too_large", with(&vec![b'{'; LARGEST_VALUE + LARGEST_VALUE / 2])),
        // Beyond what the dead-letter topic takes: it comes out cut.
        ("too_large", with(&vec![b'['; 2 * LARGEST_VALUE + LARGEST_VALUE / 2])),
        ("empty_value", event.record_with(None)),
        ("empty_value", with(b"")),
        ("invalid_json", with(b"{\"type\":\"purchase\",")),
        ("invalid_json", with(b"three shirts, and a complaint")),
        ("invalid_json", with(format!("{} and more", event.text()).as_bytes())),
        ("invalid_json", with(&not_utf8)),
        ("not_an_object", with(b"[]")),
        ("not_an_object", with(b"42")),
        ("not_an_object", with(b"\"event\"")),
        ("not_an_object", with(b"null")),
    ]
}

const FAR: &str = "\"9999-12-31T23:59:59Z\"";

/// Where an event has such a field, it must not say this.
const INVALID: [(&str, &str); 31] = [
    ("amount", "\"-5.00\""),
    ("amount", "-5.00"),
    ("amount", "\"NaN\""),
    ("amount", "\"1234567890123456789012345678901234567890\""),
    ("amount", "1234567890123456789012345678901234567890"),
    ("amount", "\"92233720368547758.08\""),
    ("amount", "\"12.345\""),
    ("amount", "12.345"),
    ("amount", "\"\""),
    ("amount", "\"12,50\""),
    ("amount", "true"),
    ("currency", "\"QQQ\""),
    ("currency", "\"EURO\""),
    ("currency", "7"),
    ("occurred_at", "\"0000-01-01T00:00:00Z\""),
    ("occurred_at", "\"1970-01-01T00:00:00Z\""),
    ("occurred_at", "\"1989-12-31T23:59:59Z\""),
    ("occurred_at", "\"2026-02-01T10:00:00\""),
    ("occurred_at", "\"2025-02-30T10:00:00Z\""),
    ("occurred_at", "\"last tuesday\""),
    ("occurred_at", "1767225600"),
    ("order_id", "\"\""),
    ("order_id", "42"),
    ("ticket_id", "\"\""),
    ("ticket_id", "42"),
    ("event_id", "\"\""),
    ("granted", "\"true\""),
    ("granted", "1"),
    ("scale", "\"stars\""),
    ("scale", "5"),
    ("purpose", "\"fun\""),
];

/// What only some types refuse.
const INVALID_OF: [(&str, &str, &str); 18] = [
    ("ticket_opened", "category", "\"weather\""),
    ("ticket_opened", "category", "7"),
    ("feedback", "score", "0"),
    ("feedback", "score", "0.9"),
    ("feedback", "score", "5.5"),
    ("feedback", "score", "6"),
    ("feedback", "score", "-1"),
    ("feedback", "score", "\"1\""),
    ("feedback", "score", "true"),
    ("feedback", "ticket_id", "\"\""),
    ("feedback", "ticket_id", "7"),
    ("consent_changed", "channel", "\"fax\""),
    ("consent_changed", "channel", "\"Email\""),
    ("contact_sent", "channel", "true"),
    ("contact_sent", "purpose", "[\"win_back\"]"),
    ("review_held", "opportunity", "\"medium\""),
    ("review_held", "competitor_mentioned", "\"no\""),
    ("review_held", "competitor_mentioned", "0"),
];

fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}
