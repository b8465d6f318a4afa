//! What time alone does to a customer.

use super::standing;
use crate::domain::risk::Outlook;
use crate::domain::{Customer, CustomerId, EventTime, Policy, Signal};

/// The next instant at which something happens to this customer without any event; `None` if nothing ever will.
pub(super) fn next_due(customer: &Customer, policy: &Policy) -> Option<EventTime> {
    [customer.standing.next_change, forgotten_at(customer, policy)].into_iter().flatten().min()
}

/// Whether what happens at `due`, which is [`next_due`], is that the customer is forgotten. At the same instant a
/// change of level goes first.
pub(super) fn is_forgotten(customer: &Customer, due: EventTime, policy: &Policy) -> bool {
    customer.standing.next_change.is_none_or(|change| due < change) && forgotten_at(customer, policy) == Some(due)
}

fn forgotten_at(customer: &Customer, policy: &Policy) -> Option<EventTime> {
    let at = customer.heard_at? + policy.forget_after?;
    (at <= EventTime::LATEST).then_some(at)
}

/// Time has passed `due`, which is [`next_due`], and the customer is not forgotten.
pub(super) fn on_due(id: &CustomerId, customer: &mut Customer, due: EventTime, policy: &Policy) -> Option<Signal> {
    let outlook = Outlook::of(customer, policy)?;
    let level = outlook.level_when_due(customer, due);
    standing::settle(id, customer, (&outlook, level), due, "time", policy)
        .map(|change| Signal::ChurnRisk(Box::new(change)))
}
