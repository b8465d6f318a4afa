//! When somebody counts as endangered, and what is to be done then.

use std::time::Duration;

use serde::Deserialize;

use super::{duration, number, values};
use crate::domain::policy::Actions;
use crate::domain::signal::Action;

/// From the chance of return to levels, and what to do about them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RiskOptions {
    /// Share of the usual chance of return that must be gone for level `medium`, 0 to 1. Default 0.5. Lower: more
    /// customers are flagged, and earlier.
    #[serde(deserialize_with = "number::share")]
    pub medium: f64,
    /// The same for level `high`, 0 to 1, not below `medium`. Default 0.75.
    #[serde(deserialize_with = "number::share")]
    pub high: f64,
    /// How far below its threshold a level ends, 0 to 1. Default 0.05. Smaller: levels go to and fro more often.
    #[serde(deserialize_with = "number::share")]
    pub margin: f64,
    /// Within what time a ticket is to be resolved, `"1m"` to `"365d"`. Default `"24h"`.
    #[serde(deserialize_with = "duration::between::<_, { duration::MINUTE }, { 365 * duration::DAY }>")]
    pub service_level: Duration,
    /// For how long tickets, low ratings and resolutions count, and how soon after a resolution an order is a
    /// recovery, `"1d"` to `"365d"`. Default `"60d"`.
    #[serde(deserialize_with = "duration::between::<_, { duration::DAY }, { 365 * duration::DAY }>")]
    pub memory: Duration,
    /// Value at risk from which on it counts as high, above 0, in major units of its currency. Default 100.
    #[serde(deserialize_with = "number::positive")]
    pub high_value_from: f64,
    /// How much what happened moves the chance of return.
    pub weights: WeightOptions,
}

impl Default for RiskOptions {
    fn default() -> Self {
        Self {
            medium: 0.5,
            high: 0.75,
            margin: 0.05,
            service_level: Duration::from_secs(86_400),
            memory: Duration::from_secs(60 * 86_400),
            high_value_from: 100.0,
            weights: WeightOptions::default(),
        }
    }
}

/// Weights in log-odds of a return, -10 to 10: below 0 lowers it, 0 leaves a factor out. The defaults are weak; a shop
/// learns its own.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeightOptions {
    /// A ticket is open. Default -0.7.
    #[serde(deserialize_with = "number::weight")]
    pub open_ticket: f64,
    /// It is open for longer than the service level, on top. Default -0.5.
    #[serde(deserialize_with = "number::weight")]
    pub overdue_ticket: f64,
    /// Each repeated contact and each reopening. Default -0.3.
    #[serde(deserialize_with = "number::weight")]
    pub repeated_contact: f64,
    /// The lowest that repeated contacts and reopenings weigh together. Default -0.9.
    #[serde(deserialize_with = "number::weight")]
    pub repeated_contact_floor: f64,
    /// A low rating (csat up to 2, ces up to 3). Default -0.6.
    #[serde(deserialize_with = "number::weight")]
    pub low_rating: f64,
    /// A resolution in time and without effort for the customer. Default 0.3.
    #[serde(deserialize_with = "number::weight")]
    pub painless_resolution: f64,
    /// A refund. Default 0: in the data tried, customers with a cancellation came back more often.
    #[serde(deserialize_with = "number::weight")]
    pub refund: f64,
}

impl Default for WeightOptions {
    fn default() -> Self {
        Self {
            open_ticket: -0.7,
            overdue_ticket: -0.5,
            repeated_contact: -0.3,
            repeated_contact_floor: -0.9,
            low_rating: -0.6,
            painless_resolution: 0.3,
            refund: 0.0,
        }
    }
}

/// What a signal asks to be done: `"resolve_ticket"`, `"call"`, `"win_back_offer"`, `"thank_you"` or `"none"`. Of a
/// customer at risk the first that applies counts.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActionOptions {
    /// At risk, and a ticket is open. Default `"resolve_ticket"`.
    #[serde(deserialize_with = "values::action")]
    pub open_ticket: Option<Action>,
    /// At risk, and the value at risk is `risk.high_value_from` or more. Default `"call"`.
    #[serde(deserialize_with = "values::action")]
    pub high_value: Option<Action>,
    /// At risk, and none of the above. Default `"win_back_offer"`.
    #[serde(deserialize_with = "values::action")]
    pub otherwise: Option<Action>,
    /// A second purchase. Default `"thank_you"`.
    #[serde(deserialize_with = "values::action")]
    pub second_purchase: Option<Action>,
}

impl Default for ActionOptions {
    fn default() -> Self {
        let actions = Actions::default();
        Self {
            open_ticket: actions.open_ticket,
            high_value: actions.high_value,
            otherwise: actions.otherwise,
            second_purchase: actions.second_purchase,
        }
    }
}
