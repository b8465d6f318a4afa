//! What the shop decided, in business words and already valid.

use super::model::Parameters;
use super::time::{Calendar, EventTime};

/// The rules that turn history into signals.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Business days and local times.
    pub calendar: Calendar,
    /// For how many calendar days after the last order a customer counts as active.
    pub activity_horizon_days: u32,
    /// How far `return_probability` looks ahead, in days.
    pub horizon_days: f64,
    /// The repeat-buying model.
    pub model: Parameters,
    /// Nothing that happened before this instant is announced.
    pub not_before: Option<EventTime>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            calendar: Calendar::utc(),
            activity_horizon_days: 90,
            horizon_days: 90.0,
            model: Parameters::CDNOW,
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
