//! How a customer's state answers an event.

use compact_str::CompactString;

use super::event::{Event, Happening};
use super::standing;
use crate::domain::customer::{LowRating, Refund};
use crate::domain::risk::Outlook;
use crate::domain::signal::{ReturnKind, ReturningCustomer};
use crate::domain::ticket::Ticket;
use crate::domain::{Customer, EventTime, Order, OrderId, Policy, Signal, Span, TicketId, identity};

/// Whether an event was news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Novelty {
    New,
    Duplicate,
}

/// What a customer's memory had no more room for, as an event was taken in.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    pub(super) order: Option<Order>,
    pub(super) refund: Option<Refund>,
    pub(super) ticket: Option<Ticket>,
}

/// Takes in one event; what is to be told goes to `announce`, in the order it is to be told. Erasure is not for here:
/// it takes the whole customer.
pub(super) fn on_event(
    customer: &mut Customer,
    event: &Event,
    policy: &Policy,
    dropped: &mut Dropped,
    announce: &mut dyn FnMut(Signal),
) -> Novelty {
    if let Happening::Purchased { order, amount, referred } = &event.what {
        let order = Order { at: event.at, id: order.clone(), amount: *amount, referred: *referred };
        return on_purchase(customer, event, order, policy, dropped, announce);
    }
    if !customer.seen.remember(&event.id) {
        return Novelty::Duplicate;
    }
    let at = event.at;
    customer.heard_at = customer.heard_at.max(Some(at));
    match &event.what {
        Happening::Purchased { .. } | Happening::Erased => {}
        Happening::Refunded { order, amount } => {
            customer.purchases.refund(*amount);
            customer.last_refund_at = customer.last_refund_at.max(Some(at));
            let is_known = customer.purchases.contains(order);
            dropped.refund = customer.refunds.add(Refund { at, order: order.fingerprint(), amount: *amount, is_known });
        }
        Happening::Ticket { ticket, step } => dropped.ticket = customer.tickets.add(ticket, *step, at),
        Happening::Rated { rating, ticket } if rating.is_low() => {
            customer.low_ratings.add(LowRating { at, rating: *rating, ticket: ticket.clone() });
        }
        Happening::Rated { .. } => {}
        Happening::ConsentChanged { channel, granted } => customer.consents.change(*channel, *granted, at),
        Happening::ContactSent => customer.contacts.add(at),
        Happening::ReviewHeld => customer.reviews.add(at),
    }
    if weighs(&event.what, policy) {
        look_at_level(customer, event, &named("event:", event.id.as_str()), policy, announce);
    } else if let Some(before) = customer.standing.evaluated_at {
        // The level and its next change are what they would have been without it.
        customer.standing.evaluated_at = Some(before.max(at));
    }
    Novelty::New
}

/// Whether an event can move the chance of return.
fn weighs(what: &Happening, policy: &Policy) -> bool {
    match what {
        Happening::Purchased { .. } | Happening::Ticket { .. } | Happening::Erased => true,
        Happening::Rated { rating, .. } => rating.is_low(),
        Happening::Refunded { .. } => policy.weights.refund != 0.0,
        Happening::ConsentChanged { .. } | Happening::ContactSent | Happening::ReviewHeld => false,
    }
}

fn on_purchase(
    customer: &mut Customer,
    event: &Event,
    order: Order,
    policy: &Policy,
    dropped: &mut Dropped,
    announce: &mut dyn FnMut(Signal),
) -> Novelty {
    if customer.purchases.contains(&order.id) {
        return Novelty::Duplicate;
    }
    customer.heard_at = customer.heard_at.max(Some(event.at));
    let episode = customer.standing.episode;
    let recovered_ticket = recovered_ticket(customer, event.at, &order.id, policy);
    let (id, amount) = (order.id.clone(), order.amount);
    let placed = customer.purchases.add(order, &policy.calendar);
    dropped.order = placed.dropped;
    customer.refunds.know(&id);
    let cause = named("order:", id.as_str());
    let mut cleared = Vec::new();
    look_at_level(customer, event, &cause, policy, &mut |signal| cleared.push(signal));

    let number = customer.purchases.count();
    if number > 1 {
        let kind = kind_of(placed.previous, event.at, number, policy);
        announce(Signal::ReturningCustomer(Box::new(ReturningCustomer {
            id: identity::id_of(&[ReturningCustomer::TYPE, event.customer.as_str(), id.as_str()]),
            customer: event.customer.clone(),
            at: event.at,
            kind,
            order: id,
            purchase_number: number,
            since_previous: placed.previous.map(|previous| Span::from_millis(event.at.millis() - previous.millis())),
            amount,
            lifetime: customer.purchases.net_spending(amount.currency()),
            recovered_ticket,
            closed_episode: episode.filter(|_| customer.standing.episode.is_none()),
            action: policy.actions.second_purchase.filter(|_| kind == ReturnKind::SecondPurchase),
        })));
    }
    cleared.into_iter().for_each(announce);
    Novelty::New
}

/// What happened, for the id of the signals that it causes.
fn named(kind: &'static str, id: &str) -> CompactString {
    let mut name = CompactString::const_new(kind);
    name.push_str(id);
    name
}

fn kind_of(previous: Option<EventTime>, at: EventTime, number: u32, policy: &Policy) -> ReturnKind {
    if previous.is_some_and(|previous| policy.is_reactivation(previous, at)) {
        return ReturnKind::Reactivated;
    }
    if number == 2 { ReturnKind::SecondPurchase } else { ReturnKind::Repeat }
}

/// The ticket resolved last within the recovery horizon before a purchase that is the first since.
fn recovered_ticket(customer: &Customer, at: EventTime, order: &OrderId, policy: &Policy) -> Option<TicketId> {
    let resolved = customer.tickets.as_of(at).filter_map(|(ticket, state)| {
        let resolved_at = state.resolved_at?;
        let is_between = |known: &Order| known.at > resolved_at && (known.at, &known.id) < (at, order);
        let is_first = !customer.purchases.remembered.iter().any(is_between);
        (resolved_at < at && at <= resolved_at + policy.memory && is_first).then_some((resolved_at, &ticket.id))
    });
    resolved.max().map(|(_, id)| id.clone())
}

/// Levels are looked at no earlier than they were before: what was announced is not taken back.
fn look_at_level(
    customer: &mut Customer,
    event: &Event,
    cause: &str,
    policy: &Policy,
    announce: &mut dyn FnMut(Signal),
) {
    let Some(outlook) = Outlook::of(customer, policy) else { return };
    let at = customer.standing.evaluated_at.map_or(event.at, |before| before.max(event.at));
    let level = outlook.level_after_event(customer, at);
    if let Some(change) = standing::settle(&event.customer, customer, (&outlook, level), at, cause, policy) {
        announce(Signal::ChurnRisk(Box::new(change)));
    }
}
