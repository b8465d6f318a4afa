//! What values look like: each type can only hold what is valid.

use std::fmt;
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, Error};

use super::duration;
use super::keys;
use crate::domain::signal::Action;

/// Where time comes from once all inputs are idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The wall clock, less the allowed lateness.
    Wall,
    /// Events alone: time stands until one moves it.
    Events,
}

/// How far an event may be ahead of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// This far and no further.
    Limited(Duration),
    /// As far as it likes.
    Unlimited,
}

/// When a customer without any event is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forget {
    /// Never.
    Never,
    /// After this much event time.
    After(Duration),
}

/// What a log line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Whole days, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(u16);

impl Days {
    /// This many days. For the defaults; what an operator writes goes through [`days`].
    pub(super) const fn of(count: u16) -> Self {
        Self(count)
    }

    /// How many.
    pub const fn count(self) -> u16 {
        self.0
    }

    /// As a duration of days of 24 hours.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64 * 86_400)
    }
}

impl fmt::Display for Days {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}d", self.0)
    }
}

/// A time zone of the IANA database.
#[derive(Clone, PartialEq)]
pub struct TimeZone {
    name: String,
    zone: jiff::tz::TimeZone,
}

impl TimeZone {
    /// Its name as the database writes it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its rules.
    pub fn zone(&self) -> &jiff::tz::TimeZone {
        &self.zone
    }

    /// The zone of this name, in whatever case.
    fn named(name: &str) -> Option<Self> {
        let zone = jiff::tz::TimeZone::get(name).ok().filter(|zone| !zone.is_unknown())?;
        let name = zone.iana_name().unwrap_or(name).to_owned();
        Some(Self { name, zone })
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self { name: "UTC".to_owned(), zone: jiff::tz::TimeZone::UTC }
    }
}

impl fmt::Debug for TimeZone {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.name)
    }
}

/// A value that is never printed and never written anywhere.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A secret fit for an HTTP header: visible ASCII and not empty.
    pub(super) fn new(text: &str) -> Option<Self> {
        let is_fit = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_fit.then(|| Self(text.to_owned()))
    }

    /// The secret itself. Not for logs.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether what somebody offers is the secret, in a time that does not tell where they differ.
    pub fn matches(&self, offered: &str) -> bool {
        let pairs = self.0.bytes().zip(offered.bytes());
        let difference = pairs.fold(0, |seen, (ours, theirs)| black_box(seen | (ours ^ theirs)));
        self.0.len() == offered.len() && difference == 0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("***")
    }
}

/// What a secret must look like, said in every refusal of one.
pub(super) const SECRET_RULE: &str = "it must be visible ASCII characters without spaces";

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        accept(from, Self::new, || SECRET_RULE.to_owned())
    }
}

impl<'de> Deserialize<'de> for Skew {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let read = |written: &str| match written {
            "unlimited" => Some(Self::Unlimited),
            limit => duration::parse(limit).map(Self::Limited),
        };
        let rule = "it must be a duration such as \"5m\", or \"unlimited\"";
        accept(from, read, || rule.to_owned())
    }
}

impl<'de> Deserialize<'de> for Forget {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let read = |written: &str| match written {
            "never" => Some(Self::Never),
            silence => duration::parse(silence).filter(|silence| !silence.is_zero()).map(Self::After),
        };
        let rule = "it must be a duration above 0 such as \"730d\", or \"never\"";
        accept(from, read, || rule.to_owned())
    }
}

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = String::deserialize(from)
            .map_err(|_| D::Error::custom("it must be an IANA time zone such as \"Europe/Berlin\""))?;
        Self::named(&written).ok_or_else(|| {
            let known: Vec<_> = jiff::tz::db().available().map(|name| name.to_string()).collect();
            let known = known.iter().map(String::as_str);
            let nearest = keys::most_like(&written, known, strsim::osa_distance).unwrap_or("UTC");
            D::Error::custom(format!("no such IANA time zone; did you mean \"{nearest}\"?"))
        })
    }
}

impl<'de> Deserialize<'de> for LogFormat {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let read = |written: &str| match written {
            "auto" => Some(Self::Auto),
            "json" => Some(Self::Json),
            "text" => Some(Self::Text),
            _ => None,
        };
        accept(from, read, || "it must be \"auto\", \"json\" or \"text\"".to_owned())
    }
}

/// A clock that was chosen.
pub(super) fn clock<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Clock>, D::Error> {
    let read = |written: &str| match written {
        "wall" => Some(Clock::Wall),
        "events" => Some(Clock::Events),
        _ => None,
    };
    accept(from, read, || "it must be \"wall\" or \"events\"".to_owned()).map(Some)
}

/// What a signal asks to be done; nothing is an answer too.
pub(super) fn action<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Action>, D::Error> {
    let read = |written: &str| match written {
        "none" => Some(None),
        name => Action::ALL.into_iter().find(|action| action.name() == name).map(Some),
    };
    let rule = || {
        let names = Action::ALL.map(|action| format!("{:?}", action.name()));
        format!("it must be {} or \"none\"", names.join(", "))
    };
    accept(from, read, rule)
}

/// Whole days, from 1 to a most.
pub(super) fn days<'de, D, const MOST: u16>(from: D) -> Result<Days, D::Error>
where
    D: Deserializer<'de>,
{
    let rule = || format!("it must be whole days from \"1d\" to \"{MOST}d\"");
    accept(from, |written| whole_days(written, MOST), rule)
}

/// A list of windows, which is put in order.
pub(super) fn windows<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Days>, D::Error> {
    const MOST: u16 = 460;
    let read = |list: Vec<String>| list.iter().map(|written| whole_days(written, MOST)).collect();
    let listed: Option<Vec<Days>> = Vec::deserialize(from).ok().and_then(read);
    let mut windows = listed.ok_or_else(|| {
        let bounds = format!("from \"1d\" to \"{MOST}d\"");
        D::Error::custom(format!("it must be a list of whole days {bounds}, as in [\"7d\", \"30d\"]"))
    })?;
    windows.sort_unstable();
    windows.dedup();
    Ok(windows)
}

/// Text that says something.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let read = |written: &str| is_plain(written).then(|| written.to_owned());
    accept(from, read, || "it must be text, and not empty".to_owned())
}

/// What is logged: a level, or several by module.
pub(super) fn log_filter<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let is_level = |word: &str| ["off", "error", "warn", "info", "debug", "trace"].contains(&word);
    let is_part = |part: &str| is_level(part.split_once('=').map_or(part, |(_, level)| level).trim());
    let read = |written: &str| written.split(',').all(|part| is_part(part.trim())).then(|| written.to_owned());
    accept(from, read, || {
        "it must be error, warn, info, debug, trace or off, or several by module such as info,homecoming=debug"
            .to_owned()
    })
}

/// `host:port` separated by commas.
pub(super) fn servers<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let is_server = |server: &str| is_plain(server) && !server.contains(char::is_whitespace);
    let read = |written: &str| {
        let servers: Vec<_> = written.split(',').map(str::trim).collect();
        servers.iter().all(|server| is_server(server)).then(|| servers.join(","))
    };
    accept(from, read, || "it must be host:port, several separated by commas".to_owned())
}

/// A name of a group member, as Kafka allows it.
pub(super) fn instance_id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    kafka_name(from).map(Some)
}

/// The name of a topic, as Kafka allows it.
pub(super) fn topic<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    kafka_name(from)
}

/// An instant with an offset.
pub(super) fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let rule = "it must be an RFC 3339 time with an offset, such as \"2026-01-01T00:00:00Z\"";
    accept(from, |written| written.parse().ok(), || rule.to_owned()).map(Some)
}

/// An address to listen on.
pub(super) fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let read = |written: &str| match written.strip_prefix("localhost:") {
        Some(port) => port.parse().ok().map(|port: u16| (Ipv4Addr::LOCALHOST, port).into()),
        None => written.parse().ok(),
    };
    let rule = "it must be an address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"";
    accept(from, read, || rule.to_owned())
}

/// The path of a file.
pub(super) fn path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let read = |written: &str| (!written.is_empty()).then(|| PathBuf::from(written));
    accept(from, read, || "it must be the path of a file".to_owned()).map(Some)
}

fn kafka_name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let read = |written: &str| {
        let is_name = (1..=249).contains(&written.len()) && written.bytes().all(is_allowed);
        (is_name && written != "." && written != "..").then(|| written.to_owned())
    };
    let rule = "it must be 1 to 249 letters, digits, `.`, `_` or `-`, as Kafka asks";
    accept(from, read, || rule.to_owned())
}

fn whole_days(written: &str, most: u16) -> Option<Days> {
    let duration = duration::parse(written)?;
    let days = u16::try_from(duration.as_secs() / 86_400).ok()?;
    let is_whole = Days(days).duration() == duration;
    (is_whole && (1..=most).contains(&days)).then_some(Days(days))
}

fn is_plain(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(char::is_control)
}

/// Reads text and what it means; the rule is told when it is no text or means nothing.
fn accept<'de, D, T>(
    from: D,
    read: impl FnOnce(&str) -> Option<T>,
    rule: impl FnOnce() -> String,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    String::deserialize(from).ok().and_then(|written| read(&written)).ok_or_else(|| D::Error::custom(rule()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::new("s3cret").expect("visible ASCII")
    }

    #[test]
    fn a_secret_never_prints() {
        assert_eq!(format!("{0} {0:?}", secret()), "*** ***");
    }

    #[test]
    fn a_secret_matches_itself_only() {
        assert!(secret().matches("s3cret"));
        for wrong in ["", "s3cre", "s3cret ", "S3cret", "s3cret-and-more"] {
            assert!(!secret().matches(wrong), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_no_secret() {
        for wrong in ["", "two words", "line\nbreak", "schlüssel"] {
            assert!(Secret::new(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_time_zone_has_the_name_the_database_gives_it() {
        let zone = TimeZone::named("europe/berlin").expect("a zone of the database");
        assert_eq!(zone.name(), "Europe/Berlin");
        assert!(TimeZone::named("Europe/Berln").is_none());
        assert_eq!(TimeZone::named("UTC"), Some(TimeZone::default()));
    }

    #[test]
    fn days_are_whole() {
        assert_eq!(whole_days("90d", 460), Some(Days(90)));
        assert_eq!(whole_days("48h", 460), Some(Days(2)));
        assert_eq!(whole_days("460d", 460), Some(Days(460)));
        for wrong in ["0d", "36h", "461d", "90", "soon", "80000d"] {
            assert_eq!(whole_days(wrong, 460), None, "{wrong}");
        }
        assert_eq!(Days(90).to_string(), "90d");
    }
}
