//! What besides silence moves the chance of return, and for how long.

use super::customer::Customer;
use super::identity::TicketId;
use super::policy::Policy;
use super::rating::Rating;
use super::ticket::{Ticket, TicketStep};
use super::time::EventTime;

/// One thing that moves the log-odds of a return, with its evidence.
#[derive(Clone, Debug, PartialEq)]
pub enum Factor<T = TicketId> {
    /// A ticket is open.
    OpenTicket {
        /// The one open longest.
        ticket: T,
        /// For how many days.
        days_open: f64,
    },
    /// A ticket is open for longer than the service level.
    OverdueTicket {
        /// The one open longest.
        ticket: T,
        /// For how many days.
        days_open: f64,
    },
    /// The customer had to come back to a ticket.
    RepeatedContact {
        /// How often.
        contacts: u32,
    },
    /// The customer said that something went wrong.
    LowRating {
        /// The latest such rating.
        rating: Rating,
    },
    /// A ticket was resolved in time and without effort for the customer, so far.
    PainlessResolution {
        /// The one resolved last.
        ticket: T,
    },
    /// Money went back.
    Refund,
}

impl Factor<&TicketId> {
    /// The same with a ticket id of its own.
    fn cloned(self) -> Factor {
        match self {
            Self::OpenTicket { ticket, days_open } => Factor::OpenTicket { ticket: ticket.clone(), days_open },
            Self::OverdueTicket { ticket, days_open } => Factor::OverdueTicket { ticket: ticket.clone(), days_open },
            Self::RepeatedContact { contacts } => Factor::RepeatedContact { contacts },
            Self::LowRating { rating } => Factor::LowRating { rating },
            Self::PainlessResolution { ticket } => Factor::PainlessResolution { ticket: ticket.clone() },
            Self::Refund => Factor::Refund,
        }
    }
}

/// The factors at an instant with their weights in log-odds, in the order of [`Factor`]'s variants. Factors that
/// weigh nothing are left out.
pub(super) fn factors_at(customer: &Customer, now: EventTime, policy: &Policy) -> Vec<(Factor, f64)> {
    let mut factors = Vec::new();
    each_at(customer, now, policy, |factor, weight| factors.push((factor.cloned(), weight)));
    factors
}

/// By how much all factors at an instant move the log-odds of a return.
pub(super) fn weight_at(customer: &Customer, now: EventTime, policy: &Policy) -> f64 {
    let mut sum = 0.0;
    each_at(customer, now, policy, |_, weight| sum += weight);
    sum
}

/// Tells of every factor that weighs anything at an instant.
fn each_at<'a>(
    customer: &'a Customer,
    now: EventTime,
    policy: &Policy,
    mut tell: impl FnMut(Factor<&'a TicketId>, f64),
) {
    if is_quiet_from(customer, now, policy) {
        return;
    }
    let mut tell = |factor, weight| {
        if weight != 0.0 {
            tell(factor, weight);
        }
    };
    let (weights, memory) = (&policy.weights, policy.memory);
    let is_recent = |at: EventTime| at <= now && now < at + memory;
    let low_ratings = &customer.low_ratings.0;
    let was_rated_low =
        |ticket: &Ticket| low_ratings.iter().any(|low| low.at <= now && low.ticket.as_ref() == Some(&ticket.id));

    let (mut open, mut contacts, mut painless) = (None::<(EventTime, &TicketId)>, 0, None);
    for (ticket, state) in customer.tickets.as_of(now) {
        if let Some(since) = state.open_since.filter(|since| open.is_none_or(|(longest, _)| *since < longest)) {
            open = Some((since, &ticket.id));
        }
        if is_recent(state.opened_at) {
            contacts += state.contacts + state.reopenings;
        }
        let resolved_at = state.resolved_at.filter(|at| is_recent(*at) && state.is_effortless(policy.service_level));
        if let Some(at) = resolved_at.filter(|_| !was_rated_low(ticket)) {
            painless = painless.max(Some((at, &ticket.id)));
        }
    }
    if let Some((since, ticket)) = open {
        let days_open = now.days_since(since);
        tell(Factor::OpenTicket { ticket, days_open }, weights.open_ticket);
        if now >= since + policy.service_level {
            tell(Factor::OverdueTicket { ticket, days_open }, weights.overdue_ticket);
        }
    }
    if contacts > 0 {
        let weight = (weights.repeated_contact * f64::from(contacts)).max(weights.repeated_contact_floor);
        tell(Factor::RepeatedContact { contacts }, weight);
    }
    if let Some(low) = low_ratings.iter().rev().find(|low| is_recent(low.at)) {
        tell(Factor::LowRating { rating: low.rating }, weights.low_rating);
    }
    if let Some((_, ticket)) = painless {
        tell(Factor::PainlessResolution { ticket }, weights.painless_resolution);
    }
    if customer.last_refund_at.is_some_and(is_recent) {
        tell(Factor::Refund, weights.refund);
    }
}

/// Whether there is surely nothing but silence from an instant on: no factor, and no change of one. True of most
/// customers, and soon told.
fn is_quiet_from(customer: &Customer, from: EventTime, policy: &Policy) -> bool {
    let memory = policy.memory.max(policy.service_level);
    let is_over = |at: EventTime| at + memory <= from;
    let is_done =
        |ticket: &Ticket| ticket.steps.last().is_none_or(|(at, step)| *step == TicketStep::Resolved && is_over(*at));
    customer.tickets.0.iter().all(is_done)
        && customer.low_ratings.0.last().is_none_or(|low| is_over(low.at))
        && customer.last_refund_at.is_none_or(is_over)
}

/// The instants after `after` and before `until` at which factors may change without any event, in order.
pub fn changes_between(customer: &Customer, after: EventTime, until: EventTime, policy: &Policy) -> Vec<EventTime> {
    if is_quiet_from(customer, after, policy) {
        return Vec::new();
    }
    let steps = customer.tickets.0.iter().flat_map(|ticket| ticket.steps.iter().map(|(at, _)| *at));
    let of_steps = steps.flat_map(|at| [at, at + policy.service_level, at + policy.memory]);
    let ratings = customer.low_ratings.0.iter().map(|low| low.at);
    let of_others = ratings.chain(customer.last_refund_at).flat_map(|at| [at, at + policy.memory]);
    let mut changes: Vec<EventTime> = of_steps.chain(of_others).filter(|at| *at > after && *at < until).collect();
    changes.sort_unstable();
    changes.dedup();
    changes
}
