//! How a customer's state answers an event.

use super::event::{Event, Happening};
use super::standing;
use crate::domain::signal::{Action, ReturnKind, ReturningCustomer};
use crate::domain::{Amount, Customer, EventTime, Order, OrderId, Policy, Signal};

/// Whether an event was news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Novelty {
    New,
    Duplicate,
}

/// Takes in one event; what is to be told goes to `announce`, in the order it is to be told.
pub(super) fn on_event(
    customer: &mut Customer,
    event: &Event,
    policy: &Policy,
    announce: &mut dyn FnMut(Signal),
) -> Novelty {
    match &event.what {
        Happening::Purchased { order, amount } => on_purchase(customer, event, order, *amount, policy, announce),
        Happening::Refunded { amount, .. } => {
            if !customer.seen.remember(&event.id) {
                return Novelty::Duplicate;
            }
            customer.purchases.refund(*amount);
            look_at_level(customer, event, &format!("event:{}", event.id.as_str()), policy, announce);
            Novelty::New
        }
    }
}

fn on_purchase(
    customer: &mut Customer,
    event: &Event,
    order: &OrderId,
    amount: Amount,
    policy: &Policy,
    announce: &mut dyn FnMut(Signal),
) -> Novelty {
    if customer.purchases.contains(order) {
        return Novelty::Duplicate;
    }
    let episode = customer.standing.episode;
    let placed = customer.purchases.add(Order { at: event.at, id: order.clone(), amount }, &policy.calendar);
    let cause = format!("order:{}", order.as_str());
    let mut cleared = Vec::new();
    look_at_level(customer, event, &cause, policy, &mut |signal| cleared.push(signal));

    let number = customer.purchases.count();
    if number > 1 {
        let kind = kind_of(placed.previous, event.at, number, policy);
        announce(Signal::ReturningCustomer(Box::new(ReturningCustomer {
            id: crate::domain::identity::id_of(&[ReturningCustomer::TYPE, event.customer.as_str(), order.as_str()]),
            customer: event.customer.clone(),
            at: event.at,
            kind,
            order: order.clone(),
            purchase_number: number,
            since_previous: placed
                .previous
                .map(|previous| crate::domain::Span::from_millis(event.at.millis() - previous.millis())),
            amount,
            lifetime: customer.purchases.net_spending(amount.currency()),
            closed_episode: episode.filter(|_| customer.standing.episode.is_none()),
            action: (kind == ReturnKind::SecondPurchase).then_some(Action::ThankYou),
        })));
    }
    cleared.into_iter().for_each(announce);
    Novelty::New
}

fn kind_of(previous: Option<EventTime>, at: EventTime, number: u32, policy: &Policy) -> ReturnKind {
    if previous.is_some_and(|previous| policy.is_reactivation(previous, at)) {
        return ReturnKind::Reactivated;
    }
    if number == 2 { ReturnKind::SecondPurchase } else { ReturnKind::Repeat }
}

/// Levels are looked at no earlier than they were before: what was announced is not taken back.
fn look_at_level(
    customer: &mut Customer,
    event: &Event,
    cause: &str,
    policy: &Policy,
    announce: &mut dyn FnMut(Signal),
) {
    if customer.purchases.count() == 0 {
        return;
    }
    let at = customer.standing.evaluated_at.map_or(event.at, |before| before.max(event.at));
    let level = standing::level_after_event(customer, at, policy);
    if let Some(change) = standing::settle(&event.customer, customer, level, at, cause, policy) {
        announce(Signal::ChurnRisk(Box::new(change)));
    }
}
