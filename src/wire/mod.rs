//! Bytes to events and back. Pure, one file a message.

pub mod cloud_event;
pub mod cohorts;
pub mod customer_record;
pub mod customer_view;
pub mod customers;
pub mod day_record;
pub mod partitioning;
pub mod progress_record;
pub mod rates;
pub mod rates_history;
pub mod rejection;
pub mod schema;
pub mod signal;
pub mod state_key;
pub mod tallies_record;

mod compact;
mod contact;
mod customer_history;
mod customer_story;
mod fields;
mod purchase;
mod stored_orders;
mod support;

use crate::domain::EventTime;
use crate::engine::Event;

pub use rejection::Rejection;

use fields::{Fields, Name};

/// An input topic, by what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Orders and refunds.
    Purchases,
    /// Tickets and feedback.
    Support,
    /// Consent, contacts, reviews and erasure.
    Contacts,
}

impl Source {
    /// All inputs, in the order in which a partition counts them.
    pub const ALL: [Self; 3] = [Self::Purchases, Self::Support, Self::Contacts];

    /// Its name in metrics and in stored progress.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Purchases => "purchases",
            Self::Support => "support",
            Self::Contacts => "contacts",
        }
    }
}

/// A record as it came from the log.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The record's key.
    pub key: Option<&'a [u8]>,
    /// The record's value.
    pub value: Option<&'a [u8]>,
    /// The header `content-type`.
    pub content_type: Option<&'a [u8]>,
}

/// What an event must keep to, beyond its own shape.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest value accepted, in bytes.
    pub value_bytes_max: usize,
    /// The latest event time accepted: the wall clock plus the allowed skew. `None`: any.
    pub latest: Option<EventTime>,
}

/// Reads the event in a record, or says why there is none. The first reason that applies is given, in the order in
/// which [`Rejection`] lists them.
pub fn decode(source: Source, record: &Incoming<'_>, limits: &Limits) -> Result<Event, Rejection> {
    let value = record.value.unwrap_or_default();
    if value.len() > limits.value_bytes_max {
        return Err(Rejection::TooLarge { bytes: value.len(), limit: limits.value_bytes_max });
    }
    if value.is_empty() {
        return Err(Rejection::EmptyValue);
    }
    let text = std::str::from_utf8(value).map_err(|error| Rejection::InvalidJson(error.to_string()))?;
    let outer = Fields::parse(text)?;
    let event = if record.content_type.is_some_and(cloud_event::is_structured) {
        let data = outer.required(Name::Data)?.raw().ok_or(Rejection::NotAnObject)?;
        decode_fields(source, &Fields::parse(data.get())?)?
    } else {
        decode_fields(source, &outer)?
    };
    if record.key != Some(event.customer.as_str().as_bytes()) {
        return Err(Rejection::KeyMismatch);
    }
    match limits.latest {
        Some(latest) if event.at > latest => {
            Err(Rejection::FutureTimestamp { ahead_ms: event.at.millis().saturating_sub(latest.millis()) })
        }
        _ => Ok(event),
    }
}

/// Reads an event that stands alone, as in a file of history: no key to agree with, no clock to compare to.
pub fn decode_line(text: &str) -> Result<Event, Rejection> {
    let fields = Fields::parse(text)?;
    Source::ALL
        .into_iter()
        .map(|source| decode_fields(source, &fields))
        .find(|result| !matches!(result, Err(Rejection::UnknownType)))
        .unwrap_or(Err(Rejection::UnknownType))
}

fn decode_fields(source: Source, fields: &Fields<'_>) -> Result<Event, Rejection> {
    let kind = fields.required(Name::Type)?;
    let kind: &str = &kind.text().ok_or(Rejection::UnknownType)?;
    match source {
        Source::Purchases => purchase::decode(kind, fields),
        Source::Support => support::decode(kind, fields),
        Source::Contacts => contact::decode(kind, fields),
    }
}
