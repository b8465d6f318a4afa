//! What was set, and where: a tree of values that know their file and line, or their variable, read into the option
//! types in a way that a refusal can name all of it.

use std::collections::{BTreeMap, btree_map};
use std::fmt;

use serde::de::value::SeqDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer, MapAccess, Unexpected, Visitor};

use super::client;
use super::error::{ConfigError, Origin, one_line};
use super::keys;

/// The section whose names are not ours.
pub(super) const CLIENT: &str = "kafka.client";

/// The most characters of a value that a refusal shows.
const SHOWN: usize = 80;

/// A section: what stands under its names.
pub(super) type Section = BTreeMap<String, Node>;

/// A value, or a section of them.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) content: Content,
}

/// What stands at a key.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// A string of the file.
    Text(String),
    /// A variable's text, which is a number or a list where one is asked for.
    Variable(String),
    /// A number without a fraction.
    Whole(i64),
    /// A number with a fraction.
    Real(f64),
    /// True or false.
    Truth(bool),
    /// What TOML writes without quotes and we read as text: dates and times, numbers too large to be one.
    Bare(String),
    /// A list.
    List(Vec<Node>),
    /// A section.
    Section(Section),
}

impl fmt::Display for Content {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Variable(text) => write!(to, "{text:?}"),
            Self::Whole(number) => write!(to, "{number}"),
            Self::Real(number) => write!(to, "{number:?}"),
            Self::Truth(truth) => write!(to, "{truth}"),
            Self::Bare(bare) => to.write_str(bare),
            Self::List(list) => {
                let items: Vec<_> = list.iter().map(|node| node.content.to_string()).collect();
                write!(to, "[{}]", items.join(", "))
            }
            Self::Section(_) => to.write_str("{…}"),
        }
    }
}

/// Where every key was set.
pub(super) fn origins(section: &Section) -> BTreeMap<String, Origin> {
    let mut origins = BTreeMap::new();
    add_origins("", section, &mut origins);
    origins
}

fn add_origins(path: &str, section: &Section, origins: &mut BTreeMap<String, Origin>) {
    for (name, node) in section {
        let key = join(path, name);
        if let Content::Section(below) = &node.content {
            add_origins(&key, below, origins);
        }
        origins.insert(key, node.origin.clone());
    }
}

/// The key of a name in a section.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Reads the whole tree.
pub(super) fn read<T: serde::de::DeserializeOwned>(root: Section) -> Result<T, ConfigError> {
    let whole = Located { key: String::new(), node: Node { origin: Origin::Default, content: Content::Section(root) } };
    let place = whole.place();
    T::deserialize(whole).map_err(|fault| match fault.at(&place) {
        Fault::Placed(error) => *error,
        fault => {
            ConfigError::Refused { key: place.key, shown: place.shown, origin: place.origin, reason: fault.to_string() }
        }
    })
}

/// Why reading stopped; it learns its place on the way up.
#[derive(Debug)]
enum Fault {
    /// There is no option of that name.
    Unknown,
    /// The value cannot be right, for this reason.
    Refused(String),
    /// A value stands where a section should, for this reason; it is not shown, as it might hold a secret.
    NoSection,
    /// Place and all.
    Placed(Box<ConfigError>),
}

impl Fault {
    /// Gives the fault its place, if it has none.
    fn at(self, place: &Place) -> Self {
        let Place { key, origin, shown } = place.clone();
        let error = match self {
            Self::Unknown => ConfigError::Unknown { nearest: keys::nearest(&key), key, origin },
            Self::Refused(reason) => ConfigError::Refused { key, shown, origin, reason },
            Self::NoSection => {
                let reason = format!("it must be a section, as [{key}] begins one");
                ConfigError::Refused { key, shown: String::new(), origin, reason }
            }
            placed => return placed,
        };
        Self::Placed(Box::new(error))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => to.write_str("unknown key"),
            Self::Refused(reason) => to.write_str(reason),
            Self::NoSection => to.write_str("it must be a section"),
            Self::Placed(error) => write!(to, "{error}"),
        }
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::Refused(reason.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Refused(format!("it must be {expected}"))
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::Unknown
    }
}

/// Where a value stands and how it looks in a refusal.
#[derive(Clone)]
struct Place {
    key: String,
    origin: Origin,
    shown: String,
}

/// A value at its key.
struct Located {
    key: String,
    node: Node,
}

impl Located {
    fn place(&self) -> Place {
        Place { key: one_line(&self.key), origin: self.node.origin.clone(), shown: self.shown() }
    }

    /// ` = value`, unless it is a secret.
    fn shown(&self) -> String {
        let property = self.key.strip_prefix(CLIENT).and_then(|rest| rest.strip_prefix('.'));
        // What is no plain value was meant for something else: whatever its name, it might be a secret.
        let is_plain = !matches!(self.node.content, Content::List(_) | Content::Section(_));
        if self.key == "http.token" || property.is_some_and(|name| client::is_secret(name) || !is_plain) {
            return " = ***".to_owned();
        }
        let value = one_line(&self.node.content.to_string());
        let cut = value.char_indices().nth(SHOWN).map(|(end, _)| format!("{}…", &value[..end]));
        format!(" = {}", cut.unwrap_or(value))
    }
}

impl<'de> Deserializer<'de> for Located {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.content {
            Content::Text(text) | Content::Variable(text) | Content::Bare(text) => visitor.visit_string(text),
            Content::Whole(number) => visitor.visit_i64(number),
            Content::Real(number) => visitor.visit_f64(number),
            Content::Truth(truth) => visitor.visit_bool(truth),
            Content::List(list) => {
                let key = self.key;
                visitor.visit_seq(SeqDeserializer::new(list.into_iter().map(|node| Located { key: key.clone(), node })))
            }
            Content::Section(section) => {
                visitor.visit_map(Entries { path: self.key, rest: section.into_iter(), current: None })
            }
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.content {
            Content::Variable(text) => match text.trim().parse() {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => self.deserialize_any(visitor),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.content {
            Content::Variable(text) => match text.trim().parse() {
                Ok(number) => visitor.visit_f64(number),
                Err(_) => self.deserialize_any(visitor),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.content {
            Content::Variable(text) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                visitor.visit_seq(SeqDeserializer::new(items))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.content {
            Content::Section(_) => self.deserialize_any(visitor),
            _ => Err(Fault::NoSection),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 f32 char str string bytes byte_buf unit unit_struct newtype_struct tuple
        tuple_struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Located {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The entries of a section, one after the other.
struct Entries {
    path: String,
    rest: btree_map::IntoIter<String, Node>,
    current: Option<Located>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((name, node)) = self.rest.next() else {
            return Ok(None);
        };
        let current = Located { key: join(&self.path, &name), node };
        let place = current.place();
        self.current = Some(current);
        seed.deserialize(name.into_deserializer()).map(Some).map_err(|fault: Fault| fault.at(&place))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some(current) = self.current.take() else {
            return Err(Fault::custom("a value was asked for before its key"));
        };
        let place = current.place();
        seed.deserialize(current).map_err(|fault| fault.at(&place))
    }
}
