//! Every event that is read: its fields, and what each of them has to be.

use serde_json::{Value, json};

use crate::domain::consent::Channel;
use crate::domain::rating::Scale;
use crate::domain::ticket::Category;
use crate::wire::{Source, contact};

/// An event that is read.
#[derive(Debug)]
pub struct EventIn {
    /// Its `type`.
    pub name: &'static str,
    /// Its topic.
    pub source: Source,
    /// What it says.
    pub about: &'static str,
    /// One such event, as JSON.
    pub example: &'static str,
    own: &'static [Field],
}

impl EventIn {
    /// Its fields beside `type`.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> {
        SHARED.iter().chain(self.own)
    }
}

/// A field of an event.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Whether it has to be there, and not null.
    pub is_required: bool,
    pub(super) shape: Shape,
    pub(super) about: &'static str,
}

/// What a field has to be.
#[derive(Debug)]
pub(super) enum Shape {
    Id,
    Instant,
    Amount,
    Currency,
    Text,
    TextOrNumber,
    Flag,
    OneOf(fn() -> Vec<&'static str>),
    /// A number in the range of the event's `scale`.
    Score,
    /// The lines of an order.
    Items,
}

/// Years 1990 to 9999, an offset, and no more than two digits where two are due. `format` adds the calendar.
const INSTANT: &str = "^(199[0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\
    [Tt]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)([.][0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$";

impl Shape {
    pub(super) fn schema(&self) -> Value {
        match self {
            Self::Id => json!({ "type": "string", "minLength": 1, "maxLength": 256 }),
            Self::Instant => json!({ "type": "string", "format": "date-time", "pattern": INSTANT }),
            // The pattern is for the string, the minimum for the number.
            Self::Amount => json!({ "type": ["string", "number"], "pattern": "^[0-9]+([.][0-9]+)?$", "minimum": 0 }),
            Self::Currency => json!({ "type": "string", "pattern": "^[A-Z]{3}$" }),
            Self::Text => json!({ "type": "string" }),
            Self::TextOrNumber => json!({ "type": ["string", "number"] }),
            Self::Flag => json!({ "type": "boolean" }),
            Self::OneOf(names) => json!({ "type": "string", "enum": names() }),
            Self::Score => json!({ "type": "number" }),
            Self::Items => json!({
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "sku": { "type": ["string", "null"], "description": "What." },
                        "quantity": { "type": ["number", "null"], "minimum": 0, "description": "How many." },
                        "amount": super::or_null(Self::Amount.schema()),
                    },
                },
            }),
        }
    }
}

/// What [`Shape::Score`] means, said for the whole event.
pub(super) fn score_within_scale() -> Value {
    let rule = |scale: Scale| {
        let (least, greatest) = scale.range();
        json!({
            "if": { "properties": { "scale": { "const": scale.name() } }, "required": ["scale"] },
            "then": { "properties": { "score": { "minimum": least as i64, "maximum": greatest as i64 } } },
        })
    };
    Value::Array(Scale::ALL.map(rule).to_vec())
}

const fn required(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, is_required: true, shape, about }
}

const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, is_required: false, shape, about }
}

fn consent_channels() -> Vec<&'static str> {
    Channel::ALL.map(Channel::name).to_vec()
}

static SHARED: [Field; 3] = [
    required("event_id", Shape::Id, "The event's own id. A repeated one of the same customer counts once."),
    required("customer_id", Shape::Id, "Whom it is about: the record's key, byte for byte."),
    required("occurred_at", Shape::Instant, "When it happened: RFC 3339 with an offset, 1990 to 9999."),
];

const AMOUNT: Field = required(
    "amount",
    Shape::Amount,
    "0 or more, as a decimal string or a number, with no more decimals than the currency has; at most 2^63 - 1 minor units.",
);
const CURRENCY: Field = required("currency", Shape::Currency, "ISO 4217.");
const TICKET_ID: Field = required("ticket_id", Shape::Id, "The ticket, unique within its customer.");
const CHANNEL: Field = required("channel", Shape::OneOf(consent_channels), "By which way.");

/// All events that are read.
pub fn events_in() -> &'static [EventIn] {
    &EVENTS
}

static EVENTS: [EventIn; 11] = [
    EventIn {
        name: "purchase",
        source: Source::Purchases,
        about: "A customer placed an order.",
        example: r#"{"type":"purchase","event_id":"e-9001","customer_id":"c-1808","order_id":"o-55120",
            "occurred_at":"2026-05-09T18:41:07.250+02:00","amount":"64.00","currency":"EUR",
            "items":[{"sku":"tea-oolong-100","quantity":2,"amount":"32.00"}],"channel":"web","discount":"6.40",
            "referred_by":"c-0077"}"#,
        own: &[
            required("order_id", Shape::Id, "The order, unique within its customer. The first to arrive stands."),
            AMOUNT,
            CURRENCY,
            optional("items", Shape::Items, "The lines of the order."),
            optional("channel", Shape::Text, "Where it was placed."),
            optional("discount", Shape::TextOrNumber, "What was taken off."),
            optional("referred_by", Shape::Id, "The customer who sent this one."),
        ],
    },
    EventIn {
        name: "refund",
        source: Source::Purchases,
        about: "Money went back. The order it is for need not be known.",
        example: r#"{"type":"refund","event_id":"e-9014","customer_id":"c-1808","order_id":"o-55120",
            "occurred_at":"2026-05-16T08:00:00Z","amount":32,"currency":"EUR","reason":"one tin arrived dented"}"#,
        own: &[
            required("order_id", Shape::Id, "The order it is for."),
            AMOUNT,
            CURRENCY,
            optional("reason", Shape::Text, "Why."),
        ],
    },
    EventIn {
        name: "ticket_opened",
        source: Source::Support,
        about: "A customer asked for help. A second one for the same ticket counts as a contact.",
        example: r#"{"type":"ticket_opened","event_id":"e-8120","customer_id":"c-1808","ticket_id":"t-311",
            "occurred_at":"2026-04-28T09:12:44.031Z","category":"broken","channel":"chat","order_id":"o-54007"}"#,
        own: &[
            TICKET_ID,
            optional("category", Shape::OneOf(|| Category::ALL.map(Category::name).to_vec()), "What it is about."),
            optional("channel", Shape::Text, "By which way."),
            optional("order_id", Shape::Id, "The order it is about."),
        ],
    },
    EventIn {
        name: "customer_contacted",
        source: Source::Support,
        about: "The customer had to get in touch again about a ticket.",
        example: r#"{"type":"customer_contacted","event_id":"e-8133","customer_id":"c-1808","ticket_id":"t-311",
            "occurred_at":"2026-04-29T12:30:00Z","channel":"phone"}"#,
        own: &[TICKET_ID, optional("channel", Shape::Text, "By which way.")],
    },
    EventIn {
        name: "ticket_resolved",
        source: Source::Support,
        about: "A ticket was resolved.",
        example: r#"{"type":"ticket_resolved","event_id":"e-8151","customer_id":"c-1808","ticket_id":"t-311",
            "occurred_at":"2026-04-30T07:05:10Z"}"#,
        own: &[TICKET_ID],
    },
    EventIn {
        name: "ticket_reopened",
        source: Source::Support,
        about: "A resolved ticket was not resolved after all.",
        example: r#"{"type":"ticket_reopened","event_id":"e-8160","customer_id":"c-1808","ticket_id":"t-311",
            "occurred_at":"2026-05-01T15:20:00Z"}"#,
        own: &[TICKET_ID],
    },
    EventIn {
        name: "feedback",
        source: Source::Support,
        about: "A customer answered when asked.",
        example: r#"{"type":"feedback","event_id":"e-8177","customer_id":"c-1808","occurred_at":"2026-05-03T10:00:00Z",
            "scale":"ces","score":6,"ticket_id":"t-311"}"#,
        own: &[
            required(
                "scale",
                Shape::OneOf(|| Scale::ALL.map(Scale::name).to_vec()),
                "csat: satisfaction, 1 to 5. ces: effort, 1 to 7, where 7 is the least. nps: recommendation, 0 to 10.",
            ),
            required("score", Shape::Score, "A number in the range of its scale."),
            optional("ticket_id", Shape::Id, "The ticket it is about."),
        ],
    },
    EventIn {
        name: "consent_changed",
        source: Source::Contacts,
        about: "A customer said whether they may be contacted by a channel. Not said is not granted.",
        example: r#"{"type":"consent_changed","event_id":"e-7002","customer_id":"c-1808",
            "occurred_at":"2026-01-15T20:11:00+01:00","channel":"email","granted":true}"#,
        own: &[CHANNEL, required("granted", Shape::Flag, "Whether they may.")],
    },
    EventIn {
        name: "contact_sent",
        source: Source::Contacts,
        about: "The shop contacted a customer.",
        example: r#"{"type":"contact_sent","event_id":"e-7044","customer_id":"c-1808",
            "occurred_at":"2026-05-02T09:00:00Z","channel":"email","purpose":"service","contact_id":"m-620",
            "episode_id":"b7c6a3f2-1b1e-5a6c-8f4e-6a1d2c3b4a59"}"#,
        own: &[
            CHANNEL,
            required("purpose", Shape::OneOf(|| contact::PURPOSES.to_vec()), "What for."),
            optional("contact_id", Shape::Id, "The contact's own id."),
            optional("episode_id", Shape::Id, "The episode of the signal that it answers."),
        ],
    },
    EventIn {
        name: "review_held",
        source: Source::Contacts,
        about: "Somebody went through the relationship with a customer.",
        example: r#"{"type":"review_held","event_id":"e-7051","customer_id":"c-1808","occurred_at":"2026-05-20T13:00:00Z",
            "opportunity":"high","competitor_mentioned":false}"#,
        own: &[
            optional("opportunity", Shape::OneOf(|| vec!["low", "high"]), "What it promises."),
            optional("competitor_mentioned", Shape::Flag, "Whether another shop was named."),
        ],
    },
    EventIn {
        name: "customer_erased",
        source: Source::Contacts,
        about: "Everything known of a customer is to be forgotten. What arrives later starts a new customer.",
        example: r#"{"type":"customer_erased","event_id":"e-7099","customer_id":"c-1808",
            "occurred_at":"2026-06-30T00:00:00Z"}"#,
        own: &[],
    },
];
