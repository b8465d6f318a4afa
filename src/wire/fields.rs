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

pub(super) struct Fields<'a>(Vec<(Name<'a>, &'a RawValue)>);

impl<'a> Fields<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Rejection> {
        serde_json::from_str(text).map_err(|error| match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) if !text.trim_start().starts_with('{') => Rejection::NotAnObject,
            // The one above may quote the value, where it names the type that it found in place of an object.
            Err(syntax) => Rejection::InvalidJson(syntax.to_string()),
            Ok(_) => Rejection::InvalidJson(error.to_string()),
        })
    }

    /// The field, unless it is absent or null.
    pub(super) fn optional(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().rev().find(|(known, _)| known.0 == name)?.1;
        (found.get() != "null").then_some(found)
    }

    pub(super) fn required(&self, field: &'static str) -> Result<&'a RawValue, Rejection> {
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
        let text = text_of(self.required(field)?);
        let expected = "a string of 1 to 256 bytes";
        text.and_then(|text| make(&text)).ok_or(Rejection::InvalidField { field, expected })
    }

    pub(super) fn occurred_at(&self) -> Result<EventTime, Rejection> {
        let at = text_of(self.required("occurred_at")?).and_then(|text| EventTime::parse_rfc3339(&text));
        at.filter(|at| *at >= EventTime::EARLIEST).ok_or(Rejection::InvalidField {
            field: "occurred_at",
            expected: "an RFC 3339 time with an offset, from 1990 to 9999, such as 2026-03-01T10:00:00Z",
        })
    }

    pub(super) fn amount(&self) -> Result<Amount, Rejection> {
        let currency = text_of(self.required("currency")?).and_then(|code| Currency::from_code(&code));
        let expected = "an ISO 4217 code such as EUR";
        let currency = currency.ok_or(Rejection::InvalidField { field: "currency", expected })?;
        amount_of(self.required("amount")?, currency).ok_or(Rejection::InvalidField {
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
        let text = text_of(self.required(field)?);
        let found = text.and_then(|text| all.into_iter().find(|one| name(*one) == text));
        found.ok_or(Rejection::InvalidField { field, expected })
    }

    /// An optional field has to satisfy `is_valid` when it is there.
    pub(super) fn check(
        &self,
        field: &'static str,
        expected: &'static str,
        is_valid: impl FnOnce(&'a RawValue) -> bool,
    ) -> Result<(), Rejection> {
        match self.optional(field) {
            Some(value) if !is_valid(value) => Err(Rejection::InvalidField { field, expected }),
            _ => Ok(()),
        }
    }
}

/// The text of a JSON string.
pub(super) fn text_of(value: &RawValue) -> Option<Cow<'_, str>> {
    // Its syntax was checked when it was found: without an escape what stands between the quotes is the text.
    let between = value.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match between {
        Some(plain) if !plain.as_bytes().contains(&b'\\') => return Some(Cow::Borrowed(plain)),
        Some(_) => {}
        None => return None,
    }
    serde_json::from_str::<Name<'_>>(value.get()).ok().map(|name| name.0)
}

/// A JSON boolean.
pub(super) fn bool_of(value: &RawValue) -> Option<bool> {
    serde_json::from_str(value.get()).ok()
}

/// An amount given as a string or as a number, read from its digits.
pub(super) fn amount_of(value: &RawValue, currency: Currency) -> Option<Amount> {
    match text_of(value) {
        // An exponent is JSON's way to write a number, not one to write money in a text.
        Some(text) => (!text.contains(['e', 'E'])).then(|| currency.parse_amount(&text)).flatten(),
        None => currency.parse_amount(value.get()),
    }
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

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(12);
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}
