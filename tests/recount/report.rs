//! All rates in the shape of the contract.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::calendar::Calendar;
use super::lives::lives;
use super::reading::Event;
use super::{care, months, orders, standing};

/// How far the day rings reach back. Growth needs a window and a year, a leap year's day included.
const RINGS_DAYS: i64 = 460;
const YEAR_DAYS: i64 = 366;

/// What the shop decides.
pub struct Options {
    pub time_zone: String,
    pub activity_days: i64,
    pub windows: Vec<i64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { time_zone: "UTC".to_owned(), activity_days: 90, windows: vec![7, 30, 90] }
    }
}

pub fn ratio(numerator: impl Into<Count>, denominator: impl Into<Count>) -> Value {
    json!({"numerator": numerator.into().0, "denominator": denominator.into().0})
}

/// A count, whichever way it was counted.
pub struct Count(i64);

impl From<i64> for Count {
    fn from(count: i64) -> Self {
        Self(count)
    }
}

impl From<usize> for Count {
    fn from(count: usize) -> Self {
        Self(i64::try_from(count).expect("a count"))
    }
}

/// The rates as of `at` (milliseconds since 1970) after these events, in the order of their arrival.
pub fn recount(events: &[Event], at: i64, options: &Options) -> Value {
    let (calendar, lives) = (Calendar::new(&options.time_zone), lives(events));
    let mut windows = Map::new();
    for days in options.windows.iter().filter(|days| **days <= options.activity_days) {
        let window = calendar.window(at, *days);
        let mut told = Map::new();
        standing::in_window(&lives, &calendar, options, at, &window, &mut told);
        orders::in_window(&lives, &calendar, &window, &mut told);
        orders::customers_in_window(&lives, &calendar, &window, &mut told);
        care::in_window(&lives, &calendar, &window, &mut told);
        told.insert("painless_resolution".into(), care::painless_resolution(&lives, &calendar, at, &window));
        if days + YEAR_DAYS <= RINGS_DAYS {
            let before = calendar.window_a_year_before(at, *days);
            told.insert("growth".into(), orders::growth(&lives, &calendar, &window, &before));
        }
        windows.insert(format!("{days}d"), told.into());
    }
    json!({
        "at": Timestamp::from_millisecond(at).expect("an instant").to_string(),
        "time_zone": options.time_zone,
        "activity_horizon": format!("{}d", options.activity_days),
        "windows": windows,
        "ever": orders::ever(&lives),
        "now": standing::now(&lives, &calendar, options, at),
        "second_purchase": months::second_purchase(&lives, at),
        "days_to_second_purchase": months::days_to_second_purchase(&lives),
        "reactivating_orders": standing::reactivating_orders(&lives, &calendar, options),
        "cohorts": months::cohorts(&lives, &calendar, at),
        "lifecycle": months::lifecycle(&lives, &calendar, at),
        "service_recovery": care::service_recovery(&lives, &calendar, at),
    })
}
