//! What besides silence moves the chance of return, and for how long.

use super::customer::Customer;
use super::identity::TicketId;
use super::policy::Policy;
use super::rating::Rating;
use super::ticket::{Ticket, TicketState, TicketStep};
use super::time::EventTime;

/// One thing that moves the log-odds of a return, with its evidence.
#[derive(Clone, Debug, PartialEq)]
pub enum Factor {
    /// A ticket is open.
    OpenTicket {
        /// The one open longest.
        ticket: TicketId,
        /// For how many days.
        days_open: f64,
    },
    /// A ticket is open for longer than the service level.
    OverdueTicket {
        /// The one open longest.
        ticket: TicketId,
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
        ticket: TicketId,
    },
    /// Money went back.
    Refund,
}

/// The factors at an instant with their weights in log-odds, in the order of [`Factor`]'s variants. Factors that
/// weigh nothing are left out.
pub(super) fn factors_at(customer: &Customer, now: EventTime, policy: &Policy) -> Vec<(Factor, f64)> {
    let mut factors = Vec::new();
    if is_quiet_from(customer, now, policy) {
        return factors;
    }
    let (weights, memory) = (&policy.weights, policy.memory);
    let tickets: Vec<(&Ticket, TicketState)> = customer.tickets.as_of(now).collect();
    let is_recent = |at: EventTime| at <= now && now < at + memory;

    let open =
        tickets.iter().filter_map(|(ticket, state)| Some((state.open_since?, *ticket))).min_by_key(|open| open.0);
    if let Some((since, ticket)) = open {
        let days_open = now.days_since(since);
        factors.push((Factor::OpenTicket { ticket: ticket.id.clone(), days_open }, weights.open_ticket));
        if now >= since + policy.service_level {
            factors.push((Factor::OverdueTicket { ticket: ticket.id.clone(), days_open }, weights.overdue_ticket));
        }
    }
    let recent = tickets.iter().filter(|(_, state)| is_recent(state.opened_at));
    let contacts: u32 = recent.map(|(_, state)| state.contacts + state.reopenings).sum();
    if contacts > 0 {
        let weight = (weights.repeated_contact * f64::from(contacts)).max(weights.repeated_contact_floor);
        factors.push((Factor::RepeatedContact { contacts }, weight));
    }
    let low = customer.low_ratings.0.iter().rev().find(|low| is_recent(low.at));
    factors.extend(low.map(|low| (Factor::LowRating { rating: low.rating }, weights.low_rating)));
    let painless = tickets.iter().filter(|(ticket, state)| {
        state.resolved_at.is_some_and(is_recent)
            && state.is_effortless(policy.service_level)
            && !customer.low_ratings.0.iter().any(|low| low.at <= now && low.ticket.as_ref() == Some(&ticket.id))
    });
    if let Some((ticket, _)) = painless.max_by_key(|(ticket, state)| (state.resolved_at, &ticket.id)) {
        factors.push((Factor::PainlessResolution { ticket: ticket.id.clone() }, weights.painless_resolution));
    }
    if customer.last_refund_at.is_some_and(is_recent) {
        factors.push((Factor::Refund, weights.refund));
    }
    factors.retain(|(_, weight)| *weight != 0.0);
    factors
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
