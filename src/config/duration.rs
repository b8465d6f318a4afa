//! Durations as people write them: `"90d"`, `"30s"`, `"100ms"`, `"1h 30m"`.
//!
//! Whole milliseconds only, for that is the grain of event time.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};

/// Milliseconds of a second.
pub const SECOND: u64 = 1_000;
/// Milliseconds of a minute.
pub const MINUTE: u64 = 60 * SECOND;
/// Milliseconds of an hour.
pub const HOUR: u64 = 60 * MINUTE;
/// Milliseconds of a day of 24 hours.
pub const DAY: u64 = 24 * HOUR;

/// The longest duration any option takes: a hundred years. Keeps all sums of durations far from overflow.
const LONGEST: Duration = Duration::from_millis(36_525 * DAY);

/// Reads a duration; `None` when it is none, finer than a millisecond or longer than a hundred years.
pub fn parse(text: &str) -> Option<Duration> {
    let duration = humantime::parse_duration(text).ok()?;
    let is_whole = duration.subsec_nanos().is_multiple_of(1_000_000);
    (is_whole && duration <= LONGEST).then_some(duration)
}

/// Writes a duration in the largest unit that divides it, so that [`parse`] reads it back.
pub fn text(duration: Duration) -> String {
    let millis = duration.as_millis();
    [(DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")]
        .into_iter()
        .find(|(unit, _)| millis > 0 && millis.is_multiple_of(u128::from(*unit)))
        .map_or_else(|| format!("{millis}ms"), |(unit, name)| format!("{}{name}", millis / u128::from(unit)))
}

/// For serde: a duration within bounds given in milliseconds, both included.
pub(super) fn between<'de, D, const LEAST: u64, const MOST: u64>(from: D) -> Result<Duration, D::Error>
where
    D: Deserializer<'de>,
{
    let least = Duration::from_millis(LEAST);
    let most = Duration::from_millis(MOST);
    String::deserialize(from)
        .ok()
        .and_then(|written| parse(&written))
        .filter(|duration| (least..=most).contains(duration))
        .ok_or_else(|| {
            let bounds = format!("from {} to {}", text(least), text(most));
            D::Error::custom(format!("it must be a duration {bounds}, such as \"90d\", \"30s\" or \"100ms\""))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(parse("90d"), Some(Duration::from_secs(90 * 86_400)));
        assert_eq!(parse("1h 30m"), Some(Duration::from_secs(5_400)));
        assert_eq!(parse("100ms"), Some(Duration::from_millis(100)));
        assert_eq!(parse("0s"), Some(Duration::ZERO));
    }

    #[test]
    fn what_is_no_duration_is_none() {
        for wrong in ["", "soon", "90", "-5s", "1.5us", "101y", "18446744073709551615s", "99999999999999999999d"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_duration_is_written_in_its_largest_unit_and_read_back() {
        for written in ["90d", "25h", "61m", "30s", "1500ms", "0ms"] {
            assert_eq!(parse(written).map(text).as_deref(), Some(written));
        }
    }
}
