//! The librdkafka properties that are passed through, and those that are not ours to give away.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::duration::{HOUR, SECOND};

/// What exactly-once rests on, or what has an option of its own, aliases included; and what to do instead.
const OWNED: [(&str, &str); 12] = [
    ("bootstrap.servers", "set `kafka.bootstrap_servers` instead"),
    ("metadata.broker.list", "set `kafka.bootstrap_servers` instead"),
    ("group.id", "set `kafka.group_id` instead"),
    ("group.instance.id", "set `kafka.instance_id` instead"),
    ("transactional.id", "homecoming names its own transactions, after `kafka.group_id`"),
    ("isolation.level", ONCE),
    ("enable.auto.commit", ONCE),
    ("auto.commit.enable", ONCE),
    ("enable.auto.offset.store", ONCE),
    ("auto.offset.reset", "a new group starts at the earliest record, and nothing is ever skipped"),
    ("enable.idempotence", ONCE),
    ("partition.assignment.strategy", "only `range` brings all inputs of a customer together"),
];

/// The reason of most of them.
const ONCE: &str = "homecoming sets it itself, for exactly-once rests on it";

/// The property that says the same as `engine.transaction_timeout`.
pub(super) const TRANSACTION_TIMEOUT: &str = "transaction.timeout.ms";

/// librdkafka properties by name, their values as text. Prints without its secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClientProperties(BTreeMap<String, String>);

impl ClientProperties {
    /// All properties, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of one property.
    pub fn value_of(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for ClientProperties {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_map()
            .entries(self.iter().map(|(name, value)| (name, if is_secret(name) { "***" } else { value })))
            .finish()
    }
}

/// Whether the value of a property must not be printed. Rather too often than once too seldom.
pub(super) fn is_secret(property: &str) -> bool {
    ["password", "passphrase", "secret", "token", "key.pem", "private", "jaas", "oauthbearer.config", "kinit"]
        .iter()
        .any(|word| property.contains(word))
}

impl<'de> Deserialize<'de> for ClientProperties {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Properties)
    }
}

/// Reads the table, whose nested tables were flattened to dotted names before.
struct Properties;

impl<'de> Visitor<'de> for Properties {
    type Value = ClientProperties;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a table of librdkafka properties")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ClientProperties, A::Error> {
        let mut properties = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(Property(&name))?;
            properties.insert(name, value);
        }
        Ok(ClientProperties(properties))
    }
}

/// Reads the value of the property of this name.
struct Property<'a>(&'a str);

impl<'de> serde::de::DeserializeSeed<'de> for Property<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<String, D::Error> {
        if let Some((_, instead)) = OWNED.iter().find(|(owned, _)| *owned == self.0) {
            return Err(D::Error::custom(instead));
        }
        let value = from
            .deserialize_any(Scalar)
            .map_err(|_| D::Error::custom("it must be text, a number, or true or false"))?;
        let timeout = value.parse::<u64>().ok().filter(|millis| (SECOND..=HOUR).contains(millis));
        if self.0 == TRANSACTION_TIMEOUT && timeout.is_none() {
            return Err(D::Error::custom(format!("it must be a whole number of milliseconds from {SECOND} to {HOUR}")));
        }
        // librdkafka is C: a NUL would end the text early.
        if value.contains('\0') || self.0.contains('\0') {
            return Err(D::Error::custom("it must not contain a NUL"));
        }
        Ok(value)
    }
}

/// Text, number or truth, as text.
struct Scalar;

impl Visitor<'_> for Scalar {
    type Value = String;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("text, a number, or true or false")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<String, E> {
        Ok(value.to_owned())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }
}
