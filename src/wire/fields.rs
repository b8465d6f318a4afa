//! The fields of a JSON object, found but not yet read.
//!
//! A field that nobody asks for is checked for its syntax only, however deep it nests. Of a name that stands twice
//! the last one counts, as in most JSON readers.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Rejection;
use crate::domain::{Amount, Currency, CustomerId, EventId, EventTime, OrderId};

pub(super) struct Fields<'a>(Vec<Field<'a>>);

struct Field<'a> {
    /// Of the name: most names that are asked for differ from it here already.
    mark: u32,
    name: Name<'a>,
    value: Value<'a>,
}

/// A name's length, first and last bytes.
fn mark(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let byte = |at: Option<&u8>| u32::from(at.copied().unwrap_or_default());
    (bytes.len() as u32) << 16 | byte(bytes.first()) << 8 | byte(bytes.last())
}

/// The value of a field.
pub(super) enum Value<'a> {
    /// A string, already read.
    Text(Cow<'a, str>),
    /// Anything, still as it stands there.
    Raw(&'a RawValue),
}

/// Whether a field of this name is a string in every event, so that it may be read at once.
fn is_text(name: &str) -> bool {
    matches!(
        name,
        "type" | "event_id" | "customer_id" | "order_id" | "ticket_id" | "occurred_at" | "currency" | "channel"
    )
}

impl<'a> Fields<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Rejection> {
        // An event that is not what it should be is read again, more patiently, to tell what is wrong with it.
        if let Ok(Plain(fields)) = serde_json::from_str(text) {
            return Ok(Self(fields));
        }
        serde_json::from_str(text).map(|Patient(fields)| Self(fields)).map_err(|error| {
            match serde_json::from_str::<IgnoredAny>(text) {
                Ok(_) if !text.trim_start().starts_with('{') => Rejection::NotAnObject,
                // The one above may quote the value, where it names the type that it found in place of an object.
                Err(syntax) => Rejection::InvalidJson(syntax.to_string()),
                Ok(_) => Rejection::InvalidJson(error.to_string()),
            }
        })
    }

    /// The field, unless it is absent or null.
    #[inline]
    pub(super) fn optional(&self, name: &str) -> Option<&Value<'a>> {
        let mark = mark(name);
        let found = &self.0.iter().rev().find(|known| known.mark == mark && known.name.0 == name)?.value;
        let is_null = matches!(found, Value::Raw(raw) if raw.get() == "null");
        (!is_null).then_some(found)
    }

    pub(super) fn required(&self, field: &'static str) -> Result<&Value<'a>, Rejection> {
        self.optional(field).ok_or(Rejection::MissingField { field })
    }

    /// All of `names` are there: `missing_field` comes before any `invalid_field`.
    pub(super) fn require_all(&self, names: &[&'static str]) -> Result<(), Rejection> {
        names.iter().try_for_each(|name| self.required(name).map(drop))
    }

    pub(super) fn customer_id(&self) -> Result<CustomerId, Rejection> {
        self.id("customer_id", CustomerId::new)
    }

    pub(super) fn event_id(&self) -> Result<EventId, Rejection> {
        self.id("event_id", EventId::new)
    }

    pub(super) fn order_id(&self) -> Result<OrderId, Rejection> {
        self.id("order_id", OrderId::new)
    }

    pub(super) fn id<T>(&self, field: &'static str, make: fn(&str) -> Option<T>) -> Result<T, Rejection> {
        let text = self.required(field)?.text();
        let expected = "a string of 1 to 256 bytes";
        text.and_then(|text| make(&text)).ok_or(Rejection::InvalidField { field, expected })
    }

    pub(super) fn occurred_at(&self) -> Result<EventTime, Rejection> {
        let at = self.required("occurred_at")?.text().and_then(|text| EventTime::parse_rfc3339(&text));
        at.filter(|at| *at >= EventTime::EARLIEST).ok_or(Rejection::InvalidField {
            field: "occurred_at",
            expected: "an RFC 3339 time with an offset, from 1990 to 9999, such as 2026-03-01T10:00:00Z",
        })
    }

    pub(super) fn amount(&self) -> Result<Amount, Rejection> {
        let currency = self.required("currency")?.text().and_then(|code| Currency::from_code(&code));
        let expected = "an ISO 4217 code such as EUR";
        let currency = currency.ok_or(Rejection::InvalidField { field: "currency", expected })?;
        self.required("amount")?.amount(currency).ok_or(Rejection::InvalidField {
            field: "amount",
            expected: "a decimal of 0 or more, with no more decimals than its currency has, that fits 64 bits of \
                       minor units",
        })
    }

    /// One of a closed set of names.
    pub(super) fn one_of<T: Copy, const N: usize>(
        &self,
        field: &'static str,
        expected: &'static str,
        all: [T; N],
        name: fn(T) -> &'static str,
    ) -> Result<T, Rejection> {
        let text = self.required(field)?.text();
        let found = text.and_then(|text| all.into_iter().find(|one| name(*one) == text));
        found.ok_or(Rejection::InvalidField { field, expected })
    }

    /// An optional field has to satisfy `is_valid` when it is there.
    pub(super) fn check(
        &self,
        field: &'static str,
        expected: &'static str,
        is_valid: impl FnOnce(&Value<'a>) -> bool,
    ) -> Result<(), Rejection> {
        match self.optional(field) {
            Some(value) if !is_valid(value) => Err(Rejection::InvalidField { field, expected }),
            _ => Ok(()),
        }
    }
}

impl<'a> Value<'a> {
    /// The text of a JSON string.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Raw(raw) => text_of(raw),
        }
    }

    /// As it stands there, if it was not read as a string already.
    pub(super) fn raw(&self) -> Option<&'a RawValue> {
        match self {
            Self::Text(_) => None,
            Self::Raw(raw) => Some(raw),
        }
    }

    /// A JSON boolean or number, or what else serde_json makes of it.
    pub(super) fn parsed<T: Deserialize<'a>>(&self) -> Option<T> {
        serde_json::from_str(self.raw()?.get()).ok()
    }

    /// An amount given as a string or as a number, read from its digits.
    pub(super) fn amount(&self, currency: Currency) -> Option<Amount> {
        match (self.text(), self.raw()) {
            // An exponent is JSON's way to write a number, not one to write money in a text.
            (Some(text), _) => (!text.contains(['e', 'E'])).then(|| currency.parse_amount(&text)).flatten(),
            (None, Some(raw)) => currency.parse_amount(raw.get()),
            (None, None) => None,
        }
    }
}

/// The text of a JSON string.
fn text_of(value: &RawValue) -> Option<Cow<'_, str>> {
    // Its syntax was checked when it was found: without an escape what stands between the quotes is the text.
    let plain = value.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))?;
    if !plain.as_bytes().contains(&b'\\') {
        return Some(Cow::Borrowed(plain));
    }
    serde_json::from_str::<Name<'_>>(value.get()).ok().map(|name| name.0)
}

struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

/// Fields of which those that [`is_text`] names are strings.
struct Plain<'a>(Vec<Field<'a>>);

/// Fields of any kind.
struct Patient<'a>(Vec<Field<'a>>);

impl<'de> Deserialize<'de> for Plain<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor { reads_at_once: is_text }).map(Self)
    }
}

impl<'de> Deserialize<'de> for Patient<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor { reads_at_once: |_: &str| false }).map(Self)
    }
}

struct FieldsVisitor<F> {
    reads_at_once: F,
}

impl<'de, F: Fn(&str) -> bool> Visitor<'de> for FieldsVisitor<F> {
    type Value = Vec<Field<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(12);
        while let Some(name) = map.next_key::<Name<'_>>()? {
            let value = if (self.reads_at_once)(&name.0) {
                Value::Text(map.next_value::<Name<'_>>()?.0)
            } else {
                Value::Raw(map.next_value()?)
            };
            fields.push(Field { mark: mark(&name.0), name, value });
        }
        Ok(fields)
    }
}
