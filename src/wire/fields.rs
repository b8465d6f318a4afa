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

macro_rules! names {
    ($($name:ident $text:literal $reads_at_once:literal,)*) => {
        /// The name of a field that any event has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Name { $($name,)* }

        impl Name {
            const COUNT: usize = [$(Self::$name,)*].len();

            /// As it stands in JSON.
            pub(super) const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            fn of(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }

            /// Whether a field of this name is a string in every event, so that it may be read at once.
            const fn reads_at_once(self) -> bool {
                match self { $(Self::$name => $reads_at_once,)* }
            }

            /// What is wrong with a field of this name that is not what it should be.
            pub(super) const fn invalid(self, expected: &'static str) -> Rejection {
                Rejection::InvalidField { field: self.text(), expected }
            }
        }
    };
}

names! {
    // --- of every event ---
    Type "type" true,
    EventId "event_id" true,
    CustomerId "customer_id" true,
    OccurredAt "occurred_at" true,
    // --- purchases ---
    OrderId "order_id" true,
    Amount "amount" false,
    Currency "currency" true,
    Channel "channel" true,
    Discount "discount" false,
    Items "items" false,
    Quantity "quantity" false,
    ReferredBy "referred_by" false,
    Reason "reason" false,
    Sku "sku" false,
    // --- support ---
    TicketId "ticket_id" true,
    Category "category" false,
    Scale "scale" false,
    Score "score" false,
    // --- contacts ---
    Granted "granted" false,
    Purpose "purpose" false,
    ContactId "contact_id" false,
    EpisodeId "episode_id" false,
    Opportunity "opportunity" false,
    CompetitorMentioned "competitor_mentioned" false,
    // --- CloudEvents ---
    Data "data" false,
}

/// The fields that have one of these names, by it.
pub(super) struct Fields<'a>([Option<Value<'a>>; Name::COUNT]);

/// The value of a field.
pub(super) enum Value<'a> {
    /// A string, already read.
    Text(Cow<'a, str>),
    /// Anything, still as it stands there.
    Raw(&'a RawValue),
}

impl<'a> Fields<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Rejection> {
        let mut fields = Self([const { None }; Name::COUNT]);
        // An event that is not what it should be is read again, more patiently, to tell what is wrong with it.
        if fields.read(text, Name::reads_at_once).is_ok() {
            return Ok(fields);
        }
        fields.0.fill_with(|| None);
        fields.read(text, |_| false).map(|()| fields).map_err(|error| {
            match serde_json::from_str::<IgnoredAny>(text) {
                Ok(_) if !text.trim_start().starts_with('{') => Rejection::NotAnObject,
                // The one above may quote the value, where it names the type that it found in place of an object.
                Err(syntax) => Rejection::InvalidJson(syntax.to_string()),
                Ok(_) => Rejection::InvalidJson(error.to_string()),
            }
        })
    }

    fn read(&mut self, text: &'a str, reads_at_once: fn(Name) -> bool) -> serde_json::Result<()> {
        let mut from = serde_json::Deserializer::from_str(text);
        from.deserialize_map(FieldsVisitor { fields: self, reads_at_once })?;
        from.end()
    }

    /// The field, unless it is absent or null.
    pub(super) fn optional(&self, name: Name) -> Option<&Value<'a>> {
        self.0[name as usize].as_ref()
    }

    pub(super) fn required(&self, name: Name) -> Result<&Value<'a>, Rejection> {
        self.optional(name).ok_or(Rejection::MissingField { field: name.text() })
    }

    /// All of `names` are there: `missing_field` comes before any `invalid_field`.
    pub(super) fn require_all(&self, names: &[Name]) -> Result<(), Rejection> {
        names.iter().try_for_each(|name| self.required(*name).map(drop))
    }

    pub(super) fn customer_id(&self) -> Result<CustomerId, Rejection> {
        self.id(Name::CustomerId, CustomerId::new)
    }

    pub(super) fn event_id(&self) -> Result<EventId, Rejection> {
        self.id(Name::EventId, EventId::new)
    }

    pub(super) fn order_id(&self) -> Result<OrderId, Rejection> {
        self.id(Name::OrderId, OrderId::new)
    }

    pub(super) fn id<T>(&self, name: Name, make: fn(&str) -> Option<T>) -> Result<T, Rejection> {
        let text = self.required(name)?.text();
        text.and_then(|text| make(&text)).ok_or(name.invalid("a string of 1 to 256 bytes"))
    }

    pub(super) fn occurred_at(&self) -> Result<EventTime, Rejection> {
        let at = self.required(Name::OccurredAt)?.text().and_then(|text| EventTime::parse_rfc3339(&text));
        at.filter(|at| *at >= EventTime::EARLIEST).ok_or(
            Name::OccurredAt
                .invalid("an RFC 3339 time with an offset, from 1990 to 9999, such as 2026-03-01T10:00:00Z"),
        )
    }

    pub(super) fn amount(&self) -> Result<Amount, Rejection> {
        let currency = self.required(Name::Currency)?.text().and_then(|code| Currency::from_code(&code));
        let currency = currency.ok_or(Name::Currency.invalid("an ISO 4217 code such as EUR"))?;
        self.required(Name::Amount)?.amount(currency).ok_or(Name::Amount.invalid(
            "a decimal of 0 or more, with no more decimals than its currency has, that fits 64 bits of minor units",
        ))
    }

    /// One of a closed set of names.
    pub(super) fn one_of<T: Copy, const N: usize>(
        &self,
        name: Name,
        expected: &'static str,
        all: [T; N],
        name_of: fn(T) -> &'static str,
    ) -> Result<T, Rejection> {
        let text = self.required(name)?.text();
        let found = text.and_then(|text| all.into_iter().find(|one| name_of(*one) == text));
        found.ok_or(name.invalid(expected))
    }

    /// An optional field has to satisfy `is_valid` when it is there.
    pub(super) fn check(
        &self,
        name: Name,
        expected: &'static str,
        is_valid: impl FnOnce(&Value<'a>) -> bool,
    ) -> Result<(), Rejection> {
        match self.optional(name) {
            Some(value) if !is_valid(value) => Err(name.invalid(expected)),
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
    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0)
}

struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// The name of any field; `None`: one that no event has.
struct AnyName(Option<Name>);

impl<'de> Deserialize<'de> for AnyName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl Visitor<'_> for NameVisitor {
            type Value = AnyName;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(AnyName(Name::of(text)))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

/// Puts fields where they belong: of those that are read at once strings only.
struct FieldsVisitor<'f, 'de> {
    fields: &'f mut Fields<'de>,
    reads_at_once: fn(Name) -> bool,
}

impl<'de> Visitor<'de> for FieldsVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some(AnyName(name)) = map.next_key()? {
            let Some(name) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.fields.0[name as usize] = if (self.reads_at_once)(name) {
                Some(Value::Text(map.next_value::<Text<'_>>()?.0))
            } else {
                let raw: &RawValue = map.next_value()?;
                (raw.get() != "null").then_some(Value::Raw(raw))
            };
        }
        Ok(())
    }
}
