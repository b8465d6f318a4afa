//! The names of all options, taken from the option types themselves, and the one that is most like a wrong one.

use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Visitor};

use super::Options;
use super::tree::CLIENT;

/// Every key, sections included, with its section in front: `time`, `time.clock`, `retention.model.alpha`.
pub(super) fn known() -> Vec<String> {
    let mut keys = Vec::new();
    add_keys_under(&mut Vec::new(), &mut keys);
    keys
}

/// The known key that is most like this one.
pub(super) fn nearest(wrong: &str) -> String {
    let known = known();
    most_like(wrong, known.iter().map(String::as_str), distance).unwrap_or_default().to_owned()
}

/// The candidate at the least distance; the first of several.
pub(super) fn most_like<'a>(
    wrong: &str,
    candidates: impl Iterator<Item = &'a str>,
    distance: impl Fn(&str, &str) -> usize,
) -> Option<&'a str> {
    candidates.min_by_key(|candidate| distance(wrong, candidate))
}

/// How unlike two keys are. Among names that are alike another section weighs little, for people forget in which one
/// an option is; where no name is alike, the section says more.
fn distance(wrong: &str, known: &str) -> usize {
    let (wrong_section, wrong_name) = wrong.rsplit_once('.').unwrap_or(("", wrong));
    let (section, name) = known.rsplit_once('.').unwrap_or(("", known));
    let shorter = wrong_name.len().min(name.len());
    let is_part = shorter >= 4 && (name.contains(wrong_name) || wrong_name.contains(name));

    let names = strsim::osa_distance(wrong_name, name);
    let sections = strsim::osa_distance(wrong_section, section);
    if is_part || names <= shorter / 2 {
        return 2 * if is_part { names.min(2) } else { names } + sections.min(3);
    }
    // Somebody who writes `[kafka] security.protocol` means librdkafka's.
    if wrong_section == "kafka" && known == CLIENT {
        return UNLIKE;
    }
    UNLIKE + names + if sections == 0 { 1 } else { UNLIKE }
}

/// More than any distance of two names that are alike.
const UNLIKE: usize = 1_000;

fn add_keys_under(section: &mut Vec<&'static str>, keys: &mut Vec<String>) {
    for field in fields_under(section) {
        section.push(field);
        keys.push(section.join("."));
        add_keys_under(section, keys);
        section.pop();
    }
}

/// The fields of the section at this path; none when an option stands there.
fn fields_under(path: &[&'static str]) -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // Reading the options from a probe never succeeds: what it saw on its way is the answer.
    let _ = Options::deserialize(Probe { path, fields: &mut fields });
    fields
}

/// A source of options that offers one key at a time along a path and, at its end, notes which fields are asked for.
struct Probe<'a> {
    path: &'a [&'static str],
    fields: &'a mut &'static [&'static str],
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.path.is_empty() {
            *self.fields = fields;
            return Err(Error::custom("seen"));
        }
        visitor.visit_map(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("an option, not a section"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Probe<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((first, rest)) = self.path.split_first() else {
            return Err(Error::custom("the path is at its end"));
        };
        self.path = rest;
        let name: StrDeserializer<'_, Error> = first.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Probe { path: self.path, fields: self.fields })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_all_depths_are_known() {
        let known = known();
        for key in
            ["kafka", "kafka.client", "time.clock", "retention.model", "retention.model.alpha", "http.token_file"]
        {
            assert!(known.iter().any(|known| known == key), "{key}");
        }
    }

    #[test]
    fn the_nearest_key_is_what_was_meant() {
        for (wrong, meant) in [
            ("time.alowed_lateness", "time.allowed_lateness"),
            ("time.lateness", "time.allowed_lateness"),
            ("time.timezone", "time.time_zone"),
            ("time.commit_interval", "engine.commit_interval"),
            ("bootstrap_servers", "kafka.bootstrap_servers"),
            ("kafka.bootstrap", "kafka.bootstrap_servers"),
            ("kafka.brokers.bootstrap_servers", "kafka.bootstrap_servers"),
            ("kafka.groupid", "kafka.group_id"),
            ("kafka.clients", "kafka.client"),
            ("retention.window", "retention.windows"),
            ("retention.model.alfa", "retention.model.alpha"),
            ("topics.purchase", "topics.purchases"),
            ("topics.deadletters", "topics.dead_letters"),
            ("kafka.security", "kafka.client"),
            ("kafka.sasl", "kafka.client"),
            ("time.a_word_of_no_option", "time.allowed_lateness"),
            ("engin", "engine"),
            ("tiem", "time"),
            ("signals.notbefore", "signals.not_before"),
        ] {
            assert_eq!(nearest(wrong), meant, "{wrong}");
        }
    }
}
