//! The live rates as JSON, the same for the API and for a replay's report.

use serde::Serialize;

use crate::domain::{EventTime, Level};
use crate::engine::Totals;

/// The rates. Every ratio is a numerator and a denominator: sum them over instances, then divide.
#[derive(Clone, Debug, Serialize)]
pub struct Rates {
    /// The time they are as of; null before the first event.
    at: Option<String>,
    time_zone: String,
    activity_horizon: String,
    ever: Ever,
    now: Now,
}

#[derive(Clone, Debug, Serialize)]
struct Ever {
    customers: i64,
    repeat_purchase: Ratio,
    returning_orders: Ratio,
}

#[derive(Clone, Debug, Serialize)]
struct Now {
    active: i64,
    lapsed: i64,
    risk: Risk,
}

#[derive(Clone, Debug, Serialize)]
struct Risk {
    low: i64,
    medium: i64,
    high: i64,
}

#[derive(Clone, Debug, Serialize)]
struct Ratio {
    numerator: i64,
    denominator: i64,
}

impl Rates {
    /// The rates these counts make, as of `at`.
    pub fn new(totals: &Totals, at: Option<EventTime>, time_zone: &str, activity_horizon: &str) -> Self {
        let ratio = |numerator, denominator| Ratio { numerator, denominator };
        Self {
            at: at.map(|at| at.to_string()),
            time_zone: time_zone.to_owned(),
            activity_horizon: activity_horizon.to_owned(),
            ever: Ever {
                customers: totals.customers,
                repeat_purchase: ratio(totals.repeat_customers, totals.customers),
                returning_orders: ratio(totals.returning_orders, totals.orders),
            },
            now: Now {
                active: totals.active(),
                lapsed: totals.at(Level::Lapsed),
                risk: Risk {
                    low: totals.at(Level::Low),
                    medium: totals.at(Level::Medium),
                    high: totals.at(Level::High),
                },
            },
        }
    }
}
