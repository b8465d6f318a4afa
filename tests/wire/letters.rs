//! Records about to be sent: valid, until somebody spoils them.

use homecoming::domain::EventTime;
use homecoming::engine::Event;
use homecoming::wire::{Incoming, Limits, Rejection, Source, decode};

pub const MIB: usize = 1_048_576;
pub const STRUCTURED: Option<&[u8]> = Some(b"application/cloudevents+json");

/// One type of event: its topic, and what it has to say and may say besides who, when and its own id, as JSON texts.
pub struct Kind {
    pub name: &'static str,
    pub source: Source,
    pub required: &'static [(&'static str, &'static str)],
    pub optional: &'static [(&'static str, &'static str)],
}

const ORDER: &[(&str, &str)] = &[("order_id", "\"o-7\""), ("amount", "\"129.90\""), ("currency", "\"EUR\"")];
const TICKET: &[(&str, &str)] = &[("ticket_id", "\"t-9\"")];

/// The contract's tables.
#[rustfmt::skip]
pub const KINDS: [Kind; 11] = [
    kind("purchase", Source::Purchases, ORDER, &[("items", "[]"), ("channel", "\"web\""), ("discount", "\"10 %\""), ("referred_by", "\"c-1\"")]),
    kind("refund", Source::Purchases, ORDER, &[("reason", "\"broken\"")]),
    kind("ticket_opened", Source::Support, TICKET, &[("category", "\"special_request\""), ("channel", "\"pigeon\""), ("order_id", "\"o-7\"")]),
    kind("customer_contacted", Source::Support, TICKET, &[("channel", "\"\"")]),
    kind("ticket_resolved", Source::Support, TICKET, &[]),
    kind("ticket_reopened", Source::Support, TICKET, &[]),
    kind("feedback", Source::Support, &[("scale", "\"csat\""), ("score", "4")], &[("ticket_id", "\"t-9\"")]),
    kind("consent_changed", Source::Contacts, &[("channel", "\"email\""), ("granted", "true")], &[]),
    kind("contact_sent", Source::Contacts, &[("channel", "\"sms\""), ("purpose", "\"win_back\"")], &[("contact_id", "\"m-1\""), ("episode_id", "\"x\"")]),
    kind("review_held", Source::Contacts, &[], &[("opportunity", "\"low\""), ("competitor_mentioned", "false")]),
    kind("customer_erased", Source::Contacts, &[], &[]),
];

const fn kind(
    name: &'static str,
    source: Source,
    required: &'static [(&'static str, &'static str)],
    optional: &'static [(&'static str, &'static str)],
) -> Kind {
    Kind { name, source, required, optional }
}

/// A valid event of `c-42`.
#[derive(Clone)]
pub struct Letter {
    pub source: Source,
    pub key: Option<Vec<u8>>,
    /// Names and values as JSON texts.
    fields: Vec<(String, String)>,
}

impl Letter {
    pub fn of_type(name: &str) -> Self {
        Self::of(KINDS.iter().find(|kind| kind.name == name).expect("a type of the contract"))
    }

    pub fn of(kind: &Kind) -> Self {
        let name = quoted(kind.name);
        let shared = [
            ("type", name.as_str()),
            ("event_id", "\"e-1\""),
            ("customer_id", "\"c-42\""),
            ("occurred_at", "\"2026-03-01T10:00:00Z\""),
        ];
        let fields = shared.iter().chain(kind.required).map(|(name, json)| ((*name).to_owned(), (*json).to_owned()));
        Self { source: kind.source, key: Some(b"c-42".to_vec()), fields: fields.collect() }
    }

    /// One for each topic.
    pub fn of_each_topic() -> [Self; 3] {
        ["purchase", "feedback", "consent_changed"].map(Self::of_type)
    }

    pub fn purchase() -> Self {
        Self::of_type("purchase")
    }

    pub fn with(mut self, name: &str, json: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), json.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    pub fn keyed(mut self, key: Option<&[u8]>) -> Self {
        self.key = key.map(<[u8]>::to_vec);
        self
    }

    /// Its type.
    pub fn kind(&self) -> &str {
        self.fields[0].1.trim_matches('"')
    }

    pub fn text(&self) -> String {
        let fields: Vec<String> = self.fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    }

    pub fn read(&self) -> Result<Event, Rejection> {
        self.read_as(self.text().as_bytes(), None)
    }

    /// Another value in this letter's place: on its topic, with its key.
    pub fn read_as(&self, value: &[u8], content_type: Option<&[u8]>) -> Result<Event, Rejection> {
        read(self.source, self.key.as_deref(), value, content_type)
    }

    pub fn code(&self) -> &'static str {
        code(&self.read())
    }

    /// With this value the field is refused, and named.
    pub fn refuses(&self, field: &str, json: &str) {
        match self.clone().with(field, json).read() {
            Err(Rejection::InvalidField { field: named, .. }) => assert_eq!(named, field),
            other => panic!("{field}: {} gives {other:?}", json.chars().take(60).collect::<String>()),
        }
    }
}

/// Now is noon of 2 March 2026, with five minutes of skew.
pub fn limits() -> Limits {
    Limits { value_bytes_max: MIB, latest: Some(at("2026-03-02T12:05:00Z")) }
}

pub fn read(source: Source, key: Option<&[u8]>, value: &[u8], content_type: Option<&[u8]>) -> Result<Event, Rejection> {
    decode(source, &Incoming { key, value: Some(value), content_type }, &limits())
}

pub fn code(result: &Result<Event, Rejection>) -> &'static str {
    result.as_ref().map_or_else(Rejection::code, |_| "accepted")
}

pub fn at(text: &str) -> EventTime {
    EventTime::parse_rfc3339(text).expect("a valid instant")
}

pub fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
