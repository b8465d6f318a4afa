//! What the shop decided, in business words and already valid.

use super::model::Parameters;
use super::signal::Action;
use super::time::{Calendar, EventTime, Span};

/// The rules that turn history into signals.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Business days and local times.
    pub calendar: Calendar,
    /// For how many calendar days after the last order a customer counts as active.
    pub activity_horizon_days: u32,
    /// The windows of the rates, in days.
    pub windows: Vec<u32>,
    /// How far `return_probability` looks ahead, in days.
    pub horizon_days: f64,
    /// The repeat-buying model.
    pub model: Parameters,
    /// What else moves the chance of return.
    pub weights: Weights,
    /// How much of the usual chance may be gone before it matters.
    pub thresholds: Thresholds,
    /// Within what time a ticket is to be resolved.
    pub service_level: Span,
    /// For how long tickets, ratings and refunds count, and how soon after a resolution a purchase is a recovery.
    pub memory: Span,
    /// Value at risk from which on it counts as high, in major units of its currency.
    pub high_value_from: f64,
    /// What signals ask to be done.
    pub actions: Actions,
    /// After how long without any event a customer is forgotten; `None`: never.
    pub forget_after: Option<Span>,
    /// Nothing that happened before this instant is announced.
    pub not_before: Option<EventTime>,
}

/// Weights of the factors in log-odds: below 0 lowers the chance of return.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// A ticket is open.
    pub open_ticket: f64,
    /// It is open for longer than the service level, on top.
    pub overdue_ticket: f64,
    /// Each reopening or repeated contact.
    pub repeated_contact: f64,
    /// What all of them together weigh at most (the lowest value).
    pub repeated_contact_floor: f64,
    /// A low rating.
    pub low_rating: f64,
    /// A painless resolution.
    pub painless_resolution: f64,
    /// A refund: 0, as customers with a cancellation came back more often in the data tried.
    pub refund: f64,
}

impl Default for Weights {
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

/// Risks at which levels begin, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// From here on `medium`.
    pub medium: f64,
    /// From here on `high`.
    pub high: f64,
    /// How far below its threshold a level ends.
    pub margin: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { medium: 0.5, high: 0.75, margin: 0.05 }
    }
}

/// What signals ask to be done; `None`: nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actions {
    /// At risk, and a ticket is open.
    pub open_ticket: Option<Action>,
    /// At risk, and the value at risk is high.
    pub high_value: Option<Action>,
    /// At risk for other reasons.
    pub otherwise: Option<Action>,
    /// A second purchase.
    pub second_purchase: Option<Action>,
}

impl Default for Actions {
    fn default() -> Self {
        Self {
            open_ticket: Some(Action::ResolveTicket),
            high_value: Some(Action::Call),
            otherwise: Some(Action::WinBackOffer),
            second_purchase: Some(Action::ThankYou),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            calendar: Calendar::utc(),
            activity_horizon_days: 90,
            windows: vec![7, 30, 90],
            horizon_days: 90.0,
            model: Parameters::CDNOW,
            weights: Weights::default(),
            thresholds: Thresholds::default(),
            service_level: Span::from_days(1),
            memory: Span::from_days(60),
            high_value_from: 100.0,
            actions: Actions::default(),
            forget_after: None,
            not_before: None,
        }
    }
}

impl Policy {
    /// The last instant at which somebody who ordered at `order` is still active; `None`: beyond year 9999.
    pub fn active_until(&self, order: EventTime) -> Option<EventTime> {
        self.calendar.days_later(order, self.activity_horizon_days)
    }

    /// Whether an order at `order` comes more than the activity horizon after the one before it.
    pub fn is_reactivation(&self, previous: EventTime, order: EventTime) -> bool {
        self.active_until(previous).is_some_and(|until| order > until)
    }
}
