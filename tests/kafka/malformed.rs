//! One record of everything that a shop's systems get wrong, each with the code it must be refused with.

use std::fmt::Write;

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
        Self::of("purchase", customer, order_id, at, amount)
    }

    pub fn refund(customer: &str, order_id: &str, at: &str, amount: &str) -> Self {
        Self::of("refund", customer, order_id, at, amount)
    }

    fn of(kind: &str, customer: &str, order_id: &str, at: &str, amount: &str) -> Self {
        let text = |value: &str| serde_json::Value::from(value).to_string();
        let fields = vec![
            ("type", text(kind)),
            ("event_id", text(&format!("{kind}-of-{order_id}"))),
            ("customer_id", text(customer)),
            ("order_id", text(order_id)),
            ("occurred_at", text(at)),
            ("amount", text(amount)),
            ("currency", text("EUR")),
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

/// Every way to be refused, by the code that says so. `event` is a good one.
pub fn every_mistake(event: &EventText) -> Vec<(&'static str, Outgoing)> {
    let mut mistakes = unreadable(event);
    let good = || event.clone();
    for name in ["type", "event_id", "customer_id", "order_id", "occurred_at", "amount", "currency"] {
        mistakes.push(("missing_field", good().without(name).record()));
    }
    for kind in ["\"purchased\"", "\"ticket_opened\"", "\"returning_customer\"", "\"\""] {
        mistakes.push(("unknown_type", good().with("type", kind).record()));
    }
    for (name, json) in invalid_fields() {
        mistakes.push(("invalid_field", good().with(name, &json).record()));
    }
    mistakes.push(("invalid_field", good().with("customer_id", "\"\"").keyed(Some("")).record()));
    let endless = "c".repeat(300);
    mistakes
        .push(("invalid_field", good().with("customer_id", &format!("\"{endless}\"")).keyed(Some(&endless)).record()));
    mistakes.push(("key_mismatch", good().keyed(None).record()));
    mistakes.push(("key_mismatch", good().keyed(Some("somebody-else")).record()));
    let far = "\"9999-12-31T23:59:59Z\"";
    mistakes.push(("future_timestamp", good().with("occurred_at", far).record()));

    // Several mistakes in one: the first in the contract's order names it.
    mistakes.push(("unknown_type", good().with("type", "\"gift\"").without("amount").record()));
    mistakes.push(("missing_field", good().without("currency").with("amount", "\"-1\"").record()));
    mistakes.push(("invalid_field", good().with("amount", "\"-1\"").keyed(Some("somebody-else")).record()));
    mistakes.push(("key_mismatch", good().with("occurred_at", far).keyed(Some("somebody-else")).record()));
    mistakes
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
        ("invalid_json", with(b"purchase of three shirts")),
        ("invalid_json", with(format!("{} and more", event.text()).as_bytes())),
        ("invalid_json", with(&not_utf8)),
        ("not_an_object", with(b"[]")),
        ("not_an_object", with(b"42")),
        ("not_an_object", with(b"\"purchase\"")),
        ("not_an_object", with(b"null")),
    ]
}

fn invalid_fields() -> Vec<(&'static str, String)> {
    let mut fields: Vec<(&'static str, String)> = [
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
        ("event_id", "\"\""),
    ]
    .map(|(name, json)| (name, json.to_owned()))
    .into();
    for name in ["order_id", "event_id"] {
        fields.push((name, format!("\"{}\"", "i".repeat(300))));
    }
    fields
}
