//! What would be said of a customer at an instant that nobody asked about yet.

use super::on_due::{is_forgotten, next_due, on_due};
use crate::domain::risk::Assessment;
use crate::domain::{Customer, CustomerId, EventTime, Level, Policy};

/// What is believed of a customer at an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The level, as it would have been announced by then.
    pub level: Level,
    /// The chance of return and why.
    pub assessment: Assessment,
}

/// What is believed of a customer at `at` if nothing but time comes in between. `None` before their first
/// order, and when they are forgotten by then.
pub fn predict(id: &CustomerId, customer: &Customer, at: EventTime, policy: &Policy) -> Option<Prediction> {
    let mut then = customer.clone();
    while let Some(due) = next_due(&then, policy).filter(|due| *due <= at) {
        if is_forgotten(&then, due, policy) {
            return None;
        }
        on_due(id, &mut then, due, policy);
    }
    let assessment = Assessment::of(&then, at, policy)?;
    Some(Prediction { level: then.standing.level, assessment })
}
