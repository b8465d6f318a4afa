//! Business days, months and the activity horizon in one time zone.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A day of 86,400 s in milliseconds: every length but the activity horizon and the windows is made of these.
pub const DAY_MS: i64 = 86_400_000;

/// Where business days begin and end.
pub struct Calendar {
    zone: TimeZone,
}

/// The business days of a window, today so far being the last of them.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub days: i64,
    pub first: Date,
    pub last: Date,
    /// The beginning of the first day, in milliseconds since 1970.
    pub start: i64,
}

impl Calendar {
    pub fn new(zone: &str) -> Self {
        Self { zone: TimeZone::get(zone).unwrap_or_else(|error| panic!("{zone}: {error}")) }
    }

    fn local(&self, at: i64) -> DateTime {
        self.zone.to_datetime(Timestamp::from_millisecond(at).expect("an instant"))
    }

    /// The instant of a local time: one that a change of clocks skipped is as far behind the gap, of two the first.
    pub fn instant(&self, local: DateTime) -> i64 {
        let zoned = self.zone.to_ambiguous_zoned(local).compatible().expect("a local time of our years");
        zoned.timestamp().as_millisecond()
    }

    pub fn day(&self, at: i64) -> Date {
        self.local(at).date()
    }

    pub fn start_of(&self, day: Date) -> i64 {
        let start = day.to_zoned(self.zone.clone()).and_then(|noon| noon.start_of_day()).expect("a day of our years");
        start.timestamp().as_millisecond()
    }

    /// Months since the year 0.
    pub fn month(&self, at: i64) -> i64 {
        let day = self.day(at);
        i64::from(day.year()) * 12 + i64::from(day.month()) - 1
    }

    /// The same local time so many days later: until then, this instant included, an order keeps its customer active.
    pub fn same_time_after(&self, at: i64, days: i64) -> i64 {
        self.instant(self.local(at).checked_add(days.days()).expect("a local time of our years"))
    }

    /// Today so far and the days - 1 business days before.
    pub fn window(&self, at: i64, days: i64) -> Window {
        self.window_ending(self.day(at), days)
    }

    /// The same a year before: as many whole days, the last of them the same date of the year before.
    pub fn window_a_year_before(&self, at: i64, days: i64) -> Window {
        self.window_ending(self.day(at).checked_sub(1.year()).expect("a day of our years"), days)
    }

    fn window_ending(&self, last: Date, days: i64) -> Window {
        let first = last.checked_sub((days - 1).days()).expect("a day of our years");
        Window { days, first, last, start: self.start_of(first) }
    }

    pub fn is_in(&self, window: &Window, at: i64) -> bool {
        let day = self.day(at);
        window.first <= day && day <= window.last
    }
}

/// A month as it is written: `2026-01`.
pub fn month_name(month: i64) -> String {
    format!("{:04}-{:02}", month / 12, month % 12 + 1)
}
