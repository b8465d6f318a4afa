//! How endangered a customer's return is, and what speaks for it.

use uuid::Uuid;

use super::model::{Recency, logit};
use super::money::Total;
use super::policy::Policy;
use super::purchase::PurchaseHistory;
use super::time::{DAY_MS, EventTime, Span};

/// How endangered a customer's return is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing unusual.
    #[default]
    Low,
    /// The chance of a return has halved.
    Medium,
    /// Three quarters of the chance of a return are gone.
    High,
    /// No order for the activity horizon.
    Lapsed,
}

impl Level {
    /// All levels, in rising order.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Lapsed];

    /// Its name in signals, metrics and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Lapsed => "lapsed",
        }
    }
}

/// What was last announced of a customer's risk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The level last announced.
    pub level: Level,
    /// The latest instant at which the level was looked at; `None` before the first order.
    pub evaluated_at: Option<EventTime>,
    /// The episode that is open while the level is above `low`.
    pub episode: Option<Uuid>,
}

/// The chance of return at one instant, with the evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// Probability of an order within the horizon.
    pub return_probability: f64,
    /// The same as it was just after the last purchase.
    pub usual_return_probability: f64,
    /// How far both look ahead, in days.
    pub horizon_days: f64,
    /// 0 (as usual) to 1: how much of the usual chance is gone.
    pub risk: f64,
    /// When the next order is due, as long as the customer is more likely here than gone.
    pub expected_next_purchase_at: Option<EventTime>,
    /// The chance that is gone times the mean net order, in the currency of the last order: a lower bound of what
    /// a return would bring.
    pub value_at_risk: Total,
    /// What lowered the chance, the strongest first.
    pub reasons: Vec<Reason>,
}

/// One thing that moved the chance of return.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// Time since the last order.
    Silence {
        /// Change of the log-odds of a return.
        log_odds: f64,
        /// Days since the last order.
        days_silent: f64,
        /// Mean days between purchase days; `None` for a single one.
        usual_days_between: Option<f64>,
        /// The chance of return if there had been no silence.
        return_probability_without: f64,
    },
}

impl Assessment {
    /// What can be said of somebody with this history at `now`; `None` before the first order.
    pub fn of(history: &PurchaseHistory, now: EventTime, policy: &Policy) -> Option<Self> {
        let last = history.last()?;
        let days = history.days(&policy.calendar)?;
        let (then, today) = (Recency::at(last.at, &days), Recency::at(now, &days));
        let usual = policy.model.p_order_within(policy.horizon_days, &then);
        let silent = policy.model.p_order_within(policy.horizon_days, &today);
        let expected = policy.model.median_days_to_next(&today);
        let alive = policy.model.p_alive(&today);

        let gone = (usual - silent).max(0.0);
        let spent = history.net_spending(last.amount.currency());
        let mean_order = spent.minor.max(0) as f64 / f64::from(history.count());
        let mut reasons = Vec::new();
        if silent < usual {
            reasons.push(Reason::Silence {
                log_odds: logit(silent) - logit(usual),
                days_silent: now.days_since(last.at),
                usual_days_between: (today.x > 0.0).then(|| today.tx / today.x),
                return_probability_without: usual,
            });
        }
        Some(Self {
            return_probability: silent,
            usual_return_probability: usual,
            horizon_days: policy.horizon_days,
            risk: (1.0 - silent / usual).clamp(0.0, 1.0),
            expected_next_purchase_at: (alive >= 0.5).then(|| in_days(now, expected)).flatten(),
            value_at_risk: Total { minor: libm::rint(gone * mean_order) as i128, ..spent },
            reasons,
        })
    }
}

fn in_days(now: EventTime, days: f64) -> Option<EventTime> {
    let millis = libm::rint(days * DAY_MS as f64);
    let at = now + Span::from_millis(millis as i64);
    (at <= EventTime::LATEST).then_some(at)
}
