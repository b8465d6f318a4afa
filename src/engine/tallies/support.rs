//! What tickets and ratings contribute.
//!
//! | count | falls on the day of |
//! |---|---|
//! | tickets, by category | their first step |
//! | contacts | the contact: `customer_contacted`, or a second opening |
//! | times to resolution | a ticket's first resolution |
//! | painless verdicts | a ticket's first resolution + 7 days: one verdict a ticket |
//! | recoveries | the first resolution that stood for 60 days + these: one case a ticket |
//! | ratings | the rating |
//!
//! All but ratings is drawn from the tickets a customer has. A ticket is settled when something is about to be forgotten
//! that it takes to work out what it counts for: what is ripe by then stays, what is not is never judged.

use super::{Awaited, Cell, Contributions, Ripe, What};
use crate::domain::customer::LOW_RATINGS_REMEMBERED;
use crate::domain::outcome::{self, Effort};
use crate::domain::purchase::ORDERS_REMEMBERED;
use crate::domain::rating::Rating;
use crate::domain::ticket::{Category, STEPS_REMEMBERED, TICKETS_REMEMBERED, Ticket};
use crate::domain::time::{DAY_MS, EventTime, Span};
use crate::domain::{Customer, Policy, TicketId};
use crate::engine::{Event, Happening};

/// Up to how long a resolution took, in milliseconds, by bucket: 1, 4, 8 hours, 1, 2, 3, 7, 14, 30 days, and any time.
pub const RESOLVED_WITHIN: [i64; 10] = {
    const HOUR: i64 = DAY_MS / 24;
    [HOUR, 4 * HOUR, 8 * HOUR, DAY_MS, 2 * DAY_MS, 3 * DAY_MS, 7 * DAY_MS, 14 * DAY_MS, 30 * DAY_MS, i64::MAX]
};

/// The kind of tickets that nobody said a category of.
pub const NO_CATEGORY: u32 = Category::ALL.len() as u32;

/// Tickets whose contributions are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Affected<'a> {
    /// All of them.
    All,
    /// None.
    None,
    /// One, if it is there.
    Ticket(&'a TicketId),
    /// Those to which it matters whether there was an order at that instant.
    ByOrder(EventTime),
    /// Those of which something ripens at that instant.
    Ripening(EventTime),
}

impl<'a> Affected<'a> {
    /// Those whose contributions an event may change, given the customer before it.
    pub(in crate::engine) fn by(event: &'a Event, customer: &Customer) -> Self {
        match &event.what {
            Happening::Ticket { ticket, .. } => {
                let is_full = customer.tickets.0.len() >= TICKETS_REMEMBERED;
                // One that leaves counts no longer either.
                if is_full { Self::All } else { Self::Ticket(ticket) }
            }
            Happening::Rated { ticket: Some(ticket), .. } => Self::Ticket(ticket),
            Happening::Purchased { .. } => Self::ByOrder(event.at),
            Happening::Erased => Self::All,
            Happening::Rated { ticket: None, .. }
            | Happening::Refunded { .. }
            | Happening::ConsentChanged { .. }
            | Happening::ContactSent
            | Happening::ReviewHeld => Self::None,
        }
    }

    fn holds(self, ticket: &Ticket, policy: &Policy) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Ticket(id) => ticket.id == *id,
            Self::ByOrder(at) => {
                let is_near = |resolved: EventTime| resolved <= at && at <= resolved + policy.memory;
                at < ticket.opened_at() || ticket.resolutions().any(|resolution| is_near(resolution.at))
            }
            Self::Ripening(at) => {
                let ripens =
                    |resolved: EventTime| resolved + outcome::PAINLESS_FOR == at || resolved + policy.memory == at;
                ticket.resolutions().any(|resolution| ripens(resolution.at))
            }
        }
    }
}

/// What follows from the tickets a customer has.
pub(super) fn contributions(
    customer: &Customer,
    affected: Affected<'_>,
    ripe: Ripe<'_>,
    policy: &Policy,
    to: &mut Contributions,
) {
    let drawn = customer.tickets.0.iter().filter(|ticket| !ticket.is_settled);
    for ticket in drawn.filter(|ticket| affected.holds(ticket, policy)) {
        contributions_of(ticket, customer, ripe, policy, to);
    }
}

/// The earliest instant at which a case of the customer ripens that has not yet.
pub(super) fn next_ripening(customer: &Customer, ripe: Ripe<'_>, policy: &Policy) -> Option<EventTime> {
    let drawn = customer.tickets.0.iter().filter(|ticket| !ticket.is_settled);
    let instants = drawn.flat_map(|ticket| {
        let recovery = outcome::recovery_case(ticket, customer, policy).map(|(_, ripe_at)| ripe_at);
        [outcome::painless_ripe_at(ticket), recovery].into_iter().flatten()
    });
    instants.filter(|at| !ripe.has(*at)).min()
}

/// What an event that was taken in (no duplicate) counts for once and for all, because nobody remembers it.
pub(in crate::engine) fn settle_event(event: &Event, policy: &Policy, to: &mut Contributions) {
    let Happening::Rated { rating, .. } = &event.what else { return };
    let day = policy.calendar.day_of(event.at);
    let Rating { scale, .. } = *rating;
    to.add(Cell::on(What::Ratings, scale as u32, day), 1);
    to.add(Cell::on(What::RatingSum, scale as u32, day), i128::from(rating.millionths()));
}

/// Settles the tickets about which an event will make the customer forget something, before the event is taken in.
/// Gives what was drawn from them until now.
pub(in crate::engine) fn settle_before(
    event: &Event,
    customer: &mut Customer,
    ripe: Ripe<'_>,
    policy: &Policy,
) -> Contributions {
    let mut drawn = Contributions::default();
    let concerned = concerned_by(event, customer, policy);
    if concerned.is_empty() || is_known(event, customer) {
        return drawn;
    }
    for place in concerned {
        contributions_of(&customer.tickets.0[place], customer, ripe, policy, &mut drawn);
        customer.tickets.0[place].is_settled = true;
    }
    drawn
}

/// Whether the event is a duplicate.
fn is_known(event: &Event, customer: &Customer) -> bool {
    match &event.what {
        Happening::Purchased { order, .. } => customer.purchases.contains(order),
        _ => customer.seen.0.contains(&event.id.fingerprint()),
    }
}

/// The places of the tickets about which an event makes the customer forget something.
fn concerned_by(event: &Event, customer: &Customer, policy: &Policy) -> Vec<usize> {
    match &event.what {
        Happening::Purchased { .. } if customer.purchases.remembered.len() >= ORDERS_REMEMBERED => {
            let (calendar, orders) = (&policy.calendar, &customer.purchases.remembered);
            let leaves = calendar.day_of(orders[0].at);
            places(customer, |ticket| {
                let before = orders.partition_point(|order| order.at < ticket.opened_at());
                before.checked_sub(1).is_none_or(|last| calendar.day_of(orders[last].at) <= leaves)
            })
        }
        Happening::Ticket { ticket: id, .. } => {
            places(customer, |ticket| ticket.steps.len() >= STEPS_REMEMBERED && ticket.id == *id)
        }
        Happening::Rated { rating, .. }
            if rating.is_low() && customer.low_ratings.0.len() >= LOW_RATINGS_REMEMBERED =>
        {
            let about = customer.low_ratings.0[0].ticket.as_ref();
            places(customer, |ticket| Some(&ticket.id) == about)
        }
        _ => Vec::new(),
    }
}

fn places(customer: &Customer, is_concerned: impl Fn(&Ticket) -> bool) -> Vec<usize> {
    let tickets = customer.tickets.0.iter().enumerate();
    tickets.filter(|(_, ticket)| !ticket.is_settled && is_concerned(ticket)).map(|(place, _)| place).collect()
}

/// What stays of a ticket that its customer's memory has no more room for.
pub(in crate::engine) fn settle_dropped(
    ticket: &Ticket,
    customer: &Customer,
    ripe: Ripe<'_>,
    policy: &Policy,
    to: &mut Contributions,
) {
    if ticket.is_settled {
        return;
    }
    let mut drawn = Contributions::default();
    contributions_of(ticket, customer, ripe, policy, &mut drawn);
    drawn.iter().filter(|(cell, _)| cell.what().stays()).for_each(|(cell, by)| to.add(cell, by));
}

fn contributions_of(ticket: &Ticket, customer: &Customer, ripe: Ripe<'_>, policy: &Policy, to: &mut Contributions) {
    let day_of = |at: EventTime| policy.calendar.day_of(at);
    let category = ticket.category().map_or(NO_CATEGORY, |category| category as u32);
    to.add(Cell::on(What::TicketsOpened, category, day_of(ticket.opened_at())), 1);
    for at in ticket.contacts() {
        to.add(Cell::on(What::TicketContacts, 0, day_of(at)), 1);
    }
    let Some(first) = ticket.resolutions().next() else { return };
    let took = Span::from_millis(first.at.millis() - ticket.opened_at().millis());
    let bucket = RESOLVED_WITHIN.partition_point(|within| *within < took.millis()) as u32;
    to.add(Cell::on(What::TicketsResolved, bucket, day_of(first.at)), 1);
    to.add(Cell::on(What::ResolutionMillis, 0, day_of(first.at)), i128::from(took.millis()));

    let ripe_at = first.at + outcome::PAINLESS_FOR;
    if ripe.has(ripe_at) {
        let mut effort = Effort::Painless;
        for pain in outcome::pains(ticket, first.at, customer, policy) {
            to.add(Cell::on(What::Painful, pain as u32, day_of(ripe_at)), 1);
            effort = Effort::Painful;
        }
        to.add(Cell::on(What::Painless, u32::from(effort == Effort::Painless), day_of(ripe_at)), 1);
    } else {
        to.add(Cell::of(What::Awaited, Awaited::PainlessResolution as u32), 1);
    }
    let Some((resolution, ripe_at)) = outcome::recovery_case(ticket, customer, policy) else { return };
    if ripe.has(ripe_at) {
        let recovery = outcome::recovery(ticket, resolution, customer, policy);
        let (effort, day) = (recovery.effort as u32, day_of(ripe_at));
        to.add(Cell::on(What::Recovery, 2 * effort + u32::from(recovery.has_ordered), day), 1);
        to.add(Cell::on(What::RecoveryExpected, effort, day), i128::from(recovery.expected));
    } else {
        to.add(Cell::of(What::Awaited, Awaited::ServiceRecovery as u32), 1);
    }
}
