//! The rates as they stood at the end of each business day, as JSON for the API.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::rates::Ratio;
use crate::domain::time::Day;
use crate::engine::{DayEnd, DayRate};

/// The rates of one window as they stood at the end of each business day.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RatesHistory {
    /// The window: `30d`.
    #[schemars(extend("pattern" = "^[0-9]+d$"))]
    window: String,
    /// The time zone of business days.
    time_zone: String,
    /// The partitions that are added up: those at work in this instance whose time has begun.
    partitions: Vec<i32>,
    /// At most 460 days, oldest first; today is not among them, nor is a day that not every partition has.
    days: Vec<DayJson>,
}

/// The rates as they stood at the end of a day, for the window that ended with it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RatesDay")]
struct DayJson {
    /// The day: `2026-03-01`.
    #[schemars(extend("format" = "date"))]
    day: String,
    /// Customers active at the window's start who were so still or again, of all who were.
    retention: Ratio,
    /// Customers with two orders, of those with one.
    repeat_purchase: Ratio,
    /// Customers with an order that was not their first, of those with an order.
    returning_customers: Ratio,
    /// Orders that were not their customer's first, of all.
    returning_orders: Ratio,
}

impl RatesHistory {
    /// Adds up the days of some partitions.
    pub fn new(window: u32, time_zone: &str, partitions: &[(i32, &BTreeMap<Day, DayEnd>)]) -> Self {
        let of_partition = |days: &BTreeMap<Day, DayEnd>, day: Day| {
            let rates = days.get(&day)?.iter().find(|rates| rates.window == window)?;
            Some(rates.ratios)
        };
        let sum = |day: Day| {
            let mut sum = [(0, 0); DayRate::ALL.len()];
            for (_, days) in partitions {
                let ratios = of_partition(days, day)?;
                sum.iter_mut().zip(ratios).for_each(|(sum, ratio)| *sum = (sum.0 + ratio.0, sum.1 + ratio.1));
            }
            let ratio = |rate: DayRate| Ratio { numerator: sum[rate as usize].0, denominator: sum[rate as usize].1 };
            Some(DayJson {
                day: day.to_string(),
                retention: ratio(DayRate::Retention),
                repeat_purchase: ratio(DayRate::RepeatPurchase),
                returning_customers: ratio(DayRate::ReturningCustomers),
                returning_orders: ratio(DayRate::ReturningOrders),
            })
        };
        let days = partitions.first().into_iter().flat_map(|(_, days)| days.keys());
        Self {
            window: format!("{window}d"),
            time_zone: time_zone.to_owned(),
            partitions: partitions.iter().map(|(partition, _)| *partition).collect(),
            days: days.filter_map(|day| sum(*day)).collect(),
        }
    }
}
