//! Event time, spans and business days. No clock: every instant comes from outside.

use std::fmt;
use std::ops::{Add, Sub};

use compact_str::CompactString;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Milliseconds in a day of 86,400 s.
pub const DAY_MS: i64 = 86_400_000;

/// An instant of event time: whole milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(i64);

/// A length of event time in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl EventTime {
    /// The earliest instant an event may carry: 1990-01-01T00:00:00Z.
    pub const EARLIEST: Self = Self(631_152_000_000);
    /// The latest instant that has a name in RFC 3339: 9999-12-31T23:59:59.999Z.
    pub const LATEST: Self = Self(253_402_300_799_999);
    /// Before everything: where time stands until the first event.
    pub const BEGINNING: Self = Self(i64::MIN);

    /// The instant that many milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Days of 86,400 s from `earlier` to this instant; negative when it is later.
    pub fn days_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0) as f64 / DAY_MS as f64
    }

    /// Reads an RFC 3339 instant, which must have an offset. Digits beyond the millisecond are cut.
    ///
    /// Strict where general parsers are lenient, and able to name the last hours of year 9999,
    /// which `jiff::Timestamp` is not.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        if b.len() < 20 {
            return None;
        }
        let separators = b[4] == b'-' && b[7] == b'-' && b[13] == b':' && b[16] == b':';
        if !separators || !matches!(b[10], b'T' | b't') {
            return None;
        }
        let (year, month, day) = (number(&b[0..4])?, number(&b[5..7])?, number(&b[8..10])?);
        let (hour, minute, second) = (number(&b[11..13])?, number(&b[14..16])?, number(&b[17..19])?);
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let date = jiff::civil::Date::new(year as i16, month as i8, day as i8).ok()?;
        let (millis, rest) = fraction(&b[19..])?;
        let offset = offset_minutes(rest)?;
        // A leap second is the last one of its minute, as POSIX time has it.
        let second = second.min(59);
        let month = Month(i32::from(date.year()) * 12 + i32::from(date.month()) - 1);
        let days = month.first_day().0 + i32::from(date.day()) - 1;
        let seconds = i64::from(days) * 86_400 + hour * 3600 + minute * 60 + second;
        let at = Self((seconds - offset * 60) * 1000 + millis);
        (at <= Self::LATEST).then_some(at)
    }
}

/// An unsigned decimal number made of digits only.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0i64, |value, d| d.is_ascii_digit().then(|| value * 10 + i64::from(d - b'0')))
}

/// Milliseconds of an optional `.fraction`, and what follows it.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(after_dot) = rest.strip_prefix(b".") else {
        return Some((0, rest));
    };
    let length = after_dot.iter().take_while(|d| d.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let (digits, rest) = after_dot.split_at(length);
    let millis = (0..3).fold(0i64, |value, i| value * 10 + digits.get(i).map_or(0, |d| i64::from(d - b'0')));
    Some((millis, rest))
}

/// Minutes east of UTC of `Z` or `±hh:mm`.
fn offset_minutes(rest: &[u8]) -> Option<i64> {
    match rest {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            let size = hours * 60 + minutes;
            (hours <= 23 && minutes <= 59).then_some(if *sign == b'-' { -size } else { size })
        }
        _ => None,
    }
}

impl EventTime {
    /// RFC 3339 in UTC, milliseconds only where there are some: `2026-03-01T10:00:00Z`. It has room without a heap.
    pub fn to_text(self) -> CompactString {
        let held = self.0.clamp(-62_167_219_200_000, Self::LATEST.0);
        let (days, in_day) = (held.div_euclid(DAY_MS), held.rem_euclid(DAY_MS));
        let (month, day) = Day(days as i32).civil();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut write = |to: std::ops::Range<usize>, mut number: i64| {
            for digit in text[to].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        };
        write(0..4, i64::from(month.0.div_euclid(12)));
        write(5..7, i64::from(month.0.rem_euclid(12)) + 1);
        write(8..10, i64::from(day));
        write(11..13, in_day / 3_600_000);
        write(14..16, in_day / 60_000 % 60);
        write(17..19, in_day / 1000 % 60);
        write(20..23, in_day % 1000);
        let length = if in_day % 1000 == 0 {
            text[19] = b'Z';
            20
        } else {
            24
        };
        CompactString::new(std::str::from_utf8(&text[..length]).expect("digits and signs are ASCII"))
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl Span {
    /// A span of that many milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// A span of that many days of 86,400 s.
    pub const fn from_days(days: i64) -> Self {
        Self(days * DAY_MS)
    }

    /// Its length in milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }
}

impl Add<Span> for EventTime {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for EventTime {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// A business day: days since 1970-01-01 in the shop's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

/// A month of the calendar: 12 × year + month, January being 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(pub i32);

impl Day {
    /// The month it is in, and the day of the month from 1. Hinnant, "chrono-compatible low-level date algorithms".
    fn civil(self) -> (Month, i32) {
        let days = i64::from(self.0) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let months = (year + era * 400) * 12 + from_march + 2;
        (Month(months as i32), day as i32)
    }

    /// The month it is in.
    pub fn month(self) -> Month {
        self.civil().0
    }

    /// The day of the same name a year before; 28 February for the 29th.
    pub fn a_year_before(self) -> Self {
        let (month, day) = self.civil();
        let before = Month(month.0 - 12).first_day();
        let next = Month(month.0 - 11).first_day();
        Self((before.0 + day - 1).min(next.0 - 1))
    }
}

impl Month {
    /// Its first day.
    pub fn first_day(self) -> Day {
        let (year, month) = (i64::from(self.0.div_euclid(12)), i64::from(self.0.rem_euclid(12)) + 1);
        let year = if month <= 2 { year - 1 } else { year };
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5;
        let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        Day((era * 146_097 + days - 719_468) as i32)
    }
}

/// `2026-03-01`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (month, day) = self.civil();
        write!(f, "{month}-{day:02}")
    }
}

/// `2026-03`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

/// The shop's calendar: which business day an instant belongs to, and what "the same local time n days later" is.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
    is_utc: bool,
}

impl Calendar {
    /// A calendar in UTC.
    pub fn utc() -> Self {
        Self { zone: TimeZone::UTC, is_utc: true }
    }

    /// A calendar in the given zone.
    pub fn in_zone(zone: TimeZone) -> Self {
        let is_utc = zone == TimeZone::UTC;
        Self { zone, is_utc }
    }

    /// The business day an instant falls on.
    pub fn day_of(&self, at: EventTime) -> Day {
        Day((at.0 + self.offset_ms(at)).div_euclid(DAY_MS) as i32)
    }

    /// The same local time `days` calendar days later. Where the clocks were set forward over that time it is the
    /// time after the gap, where they were set back it is the first of the two. `None`: beyond year 9999.
    pub fn days_later(&self, at: EventTime, days: u32) -> Option<EventTime> {
        let plain = at + Span::from_days(i64::from(days));
        if self.is_utc {
            return (plain <= EventTime::LATEST).then_some(plain);
        }
        let timestamp = Timestamp::from_millisecond(at.0).ok()?;
        let local = self.zone.to_datetime(timestamp);
        let later = local.checked_add(i64::from(days).days()).ok()?;
        let there = self.zone.to_timestamp(later).ok()?;
        Some(EventTime(there.as_millisecond()))
    }

    /// The first instant of a business day; [`EventTime::LATEST`] beyond year 9999.
    pub fn begin_of(&self, day: Day) -> EventTime {
        let plain = i64::from(day.0) * DAY_MS;
        if self.is_utc {
            return EventTime(plain).min(EventTime::LATEST);
        }
        let date = jiff::civil::date(1970, 1, 1).checked_add(i64::from(day.0).days()).ok();
        let midnight = date.and_then(|date| date.to_zoned(self.zone.clone()).ok());
        midnight.map_or(EventTime::LATEST, |midnight| EventTime(midnight.timestamp().as_millisecond()))
    }

    /// The last millisecond of the business day that is called `date` (`2026-03-01`); `None`: no such day.
    pub fn end_of(&self, date: &str) -> Option<EventTime> {
        let day: jiff::civil::Date = date.parse().ok().filter(|day: &jiff::civil::Date| day.to_string() == date)?;
        let midnight = day.tomorrow().ok()?.to_zoned(self.zone.clone()).ok()?;
        Some(EventTime(midnight.timestamp().as_millisecond() - 1))
    }

    fn offset_ms(&self, at: EventTime) -> i64 {
        if self.is_utc {
            return 0;
        }
        Timestamp::from_millisecond(at.0)
            .map_or(0, |timestamp| i64::from(self.zone.to_offset(timestamp).seconds()) * 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> EventTime {
        EventTime::parse_rfc3339(text).expect("a valid instant")
    }

    #[test]
    fn an_instant_is_read_and_written_as_rfc_3339() {
        for (text, written) in [
            ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
            ("2026-03-01t10:00:00.5z", "2026-03-01T10:00:00.500Z"),
            ("2026-03-01T10:00:00.123456+02:00", "2026-03-01T08:00:00.123Z"),
            ("1990-01-01T00:00:00-00:00", "1990-01-01T00:00:00Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(at(text).to_string(), written);
        }
    }

    #[test]
    fn what_is_no_rfc_3339_instant_with_an_offset_is_refused() {
        for text in [
            "",
            "2026-03-01",
            "2026-03-01T10:00:00",
            "2026-03-01 10:00:00Z",
            "2026-02-30T10:00:00Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01T10:60:00Z",
            "2026-03-01T10:00:00.Z",
            "2026-03-01T10:00:00+0200",
            "2026-03-01T10:00:00+24:00",
            "20260301T100000Z",
            "2026-3-1T10:00:00Z",
            "+026-03-01T10:00:00Z",
            "2026-03-01T10:00:00Z ",
            "9999-12-31T23:59:59-01:00",
            "２026-03-01T10:00:00Z",
        ] {
            assert_eq!(EventTime::parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn ninety_days_later_keeps_the_local_time_over_a_change_of_clocks() {
        let berlin = Calendar::in_zone(TimeZone::get("Europe/Berlin").expect("a bundled zone"));
        assert_eq!(berlin.days_later(at("2026-01-15T09:00:00Z"), 90), Some(at("2026-04-15T08:00:00Z")));
        // 02:30 does not exist on 2026-03-29 in Berlin.
        assert_eq!(berlin.days_later(at("2026-03-28T01:30:00Z"), 1), Some(at("2026-03-29T01:30:00Z")));
        assert_eq!(Calendar::utc().days_later(at("9999-12-01T00:00:00Z"), 90), None);
    }

    #[test]
    fn a_business_day_ends_a_millisecond_before_the_next() {
        let berlin = Calendar::in_zone(TimeZone::get("Europe/Berlin").expect("a bundled zone"));
        assert_eq!(berlin.end_of("2026-03-29"), Some(at("2026-03-29T21:59:59.999Z")));
        assert_eq!(Calendar::utc().end_of("2024-02-29"), Some(at("2024-02-29T23:59:59.999Z")));
        for no_day in ["2026-02-29", "2026-3-1", "2026-03-01T00:00:00", "today", ""] {
            assert_eq!(berlin.end_of(no_day), None, "{no_day}");
        }
    }

    fn days_from_epoch(date: jiff::civil::Date) -> i64 {
        let epoch = jiff::civil::date(1970, 1, 1);
        i64::from(epoch.until((jiff::Unit::Day, date)).map_or(0, |span| span.get_days()))
    }

    #[test]
    fn a_business_day_begins_where_the_one_before_ends() {
        for zone in ["Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Pacific/Apia", "UTC"] {
            let calendar = Calendar::in_zone(TimeZone::get(zone).expect("a bundled zone"));
            for day in 14_000..16_500 {
                let begin = calendar.begin_of(Day(day));
                let before = calendar.day_of(begin - Span::from_millis(1));
                let is_left_out = calendar.begin_of(Day(day + 1)) == begin;
                assert!(is_left_out || calendar.day_of(begin) == Day(day), "{zone} {}", Day(day));
                assert!(before < Day(day), "{zone} {}", Day(day));
            }
        }
        assert_eq!(Day(20_513).to_string(), "2026-03-01");
        assert_eq!(Calendar::utc().begin_of(Day(i32::MAX)), EventTime::LATEST);
    }

    #[test]
    fn a_day_knows_its_month_and_the_same_day_a_year_before() {
        for days in (-800_000..4_000_000).step_by(13) {
            let day = Day(days);
            let date = jiff::civil::date(1970, 1, 1).saturating_add(i64::from(days).days());
            if date.year() < -2000 || date.year() > 9998 {
                continue;
            }
            assert_eq!(day.month(), Month(i32::from(date.year()) * 12 + i32::from(date.month()) - 1));
            let before = date.saturating_sub(1.year());
            assert_eq!(i64::from(day.a_year_before().0), days_from_epoch(before), "{date}");
            assert_eq!(i64::from(day.month().first_day().0), days_from_epoch(date.first_of_month()));
        }
        assert_eq!(Day(20_454).month().to_string(), "2026-01");
    }

    #[test]
    fn a_business_day_begins_at_local_midnight() {
        let berlin = Calendar::in_zone(TimeZone::get("Europe/Berlin").expect("a bundled zone"));
        assert_eq!(berlin.day_of(at("2026-06-30T22:00:00Z")), berlin.day_of(at("2026-07-01T12:00:00Z")));
        assert_ne!(berlin.day_of(at("2026-06-30T21:59:59.999Z")), berlin.day_of(at("2026-06-30T22:00:00Z")));
    }
}
