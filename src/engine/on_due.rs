//! What time alone does to a customer.

use super::standing;
use crate::domain::{Customer, CustomerId, EventTime, Level, Policy, Signal};

/// The next instant at which something happens to this customer without any event; `None` if nothing ever will.
pub(super) fn next_due(customer: &Customer, policy: &Policy) -> Option<EventTime> {
    if customer.standing.level == Level::Lapsed {
        return None;
    }
    customer.purchases.last().and_then(|last| policy.active_until(last.at))
}

/// The activity horizon has passed at `due`, which is [`next_due`].
pub(super) fn on_due(id: &CustomerId, customer: &mut Customer, due: EventTime, policy: &Policy) -> Option<Signal> {
    standing::settle(id, customer, Level::Lapsed, due, "time", policy).map(|change| Signal::ChurnRisk(Box::new(change)))
}
