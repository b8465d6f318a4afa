//! What time alone does to a customer.

use super::standing;
use crate::domain::{Customer, CustomerId, EventTime, Policy, Signal, risk};

/// The next instant at which something happens to this customer without any event; `None` if nothing ever will.
pub(super) fn next_due(customer: &Customer) -> Option<EventTime> {
    customer.standing.next_change
}

/// Time has passed `due`, which is [`next_due`].
pub(super) fn on_due(id: &CustomerId, customer: &mut Customer, due: EventTime, policy: &Policy) -> Option<Signal> {
    let level = risk::level_when_due(customer, due, policy);
    standing::settle(id, customer, level, due, "time", policy).map(|change| Signal::ChurnRisk(Box::new(change)))
}
