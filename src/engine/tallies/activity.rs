//! Runs of activity: from a first or reactivating order to a last order + activity horizon, and what became of those
//! who lapsed.

use super::cell::{Awaited, Cell, What};
use super::{Contributions, Ripe};
use crate::domain::{Customer, EventTime, Level, Policy, Span};

/// Within what time of a lapse an order counts as a reactivation, and how long after it that is settled.
const REACTIVATED_WITHIN: Span = Span::from_days(90);

/// From how long before the last order on a word of the customer makes a lapse no silent one.
const WORD_BEFORE: Span = Span::from_days(30);

/// Where no day is: beyond year 9999 nobody lapses.
const NEVER: i32 = i32::MAX;

/// A time without orders that was longer than the activity horizon, so far.
struct Silence {
    last: EventTime,
    /// Last order + activity horizon.
    lapse: EventTime,
    /// The order that ended it.
    next: Option<EventTime>,
}

/// What runs of activity contribute, oldest first, but for what so many of the first remembered orders do among
/// themselves.
pub(super) fn contributions(
    customer: &Customer,
    staying: usize,
    ripe: Ripe<'_>,
    policy: &Policy,
    to: &mut Contributions,
) {
    let (Some(first), Some(last)) = (customer.purchases.first_at(), customer.purchases.last()) else { return };
    let day = |at: EventTime| policy.calendar.day_of(at);
    if staying == 0 {
        to.add(Cell::on(What::Starts, 0, day(first)), 1);
    }
    silences(customer, staying, policy, &mut |silence| {
        lapse(&silence, customer, ripe, policy, to);
        let Some(next) = silence.next else {
            to.add(Cell::on(What::Lapsed, 0, day(silence.lapse)), 1);
            return;
        };
        to.add(Cell::on(What::Ends, 0, day(silence.lapse)), 1);
        to.add(Cell::on(What::Starts, 0, day(next)), 1);
    });
    let end = policy.active_until(last.at).map_or(NEVER, |end| day(end).0);
    to.add(Cell::new(What::Ends, 0, end), 1);
}

fn lapse(silence: &Silence, customer: &Customer, ripe: Ripe<'_>, policy: &Policy, to: &mut Contributions) {
    let is_silent = !has_said_something(customer, silence.last - WORD_BEFORE, silence.lapse);
    to.add(Cell::on(What::Lapses, u32::from(is_silent), policy.calendar.day_of(silence.lapse)), 1);
    let ripens = silence.lapse + REACTIVATED_WITHIN;
    if ripe.has(ripens) {
        let is_back = silence.next.is_some_and(|next| next <= ripens);
        to.add(Cell::on(What::Reactivation, u32::from(is_back), policy.calendar.day_of(ripens)), 1);
    } else {
        to.add(Cell::of(What::Awaited, Awaited::Reactivation as u32), 1);
    }
}

/// The earliest instant at which the outcome of a lapse is settled that is not yet.
pub(super) fn next_ripening(customer: &Customer, ripe: Ripe<'_>, policy: &Policy) -> Option<EventTime> {
    let mut next: Option<EventTime> = None;
    silences(customer, 0, policy, &mut |silence| {
        let ripens = silence.lapse + REACTIVATED_WITHIN;
        if !ripe.has(ripens) {
            next = Some(next.map_or(ripens, |known| known.min(ripens)));
        }
    });
    next
}

/// Calls `visit` for every silence in which the customer lapsed, earliest first, but for those among so many of the first
/// remembered orders. What is not remembered order by order counts as without one.
fn silences(customer: &Customer, staying: usize, policy: &Policy, visit: &mut dyn FnMut(Silence)) {
    let history = &customer.purchases;
    let (staying, rest) = history.remembered.split_at(staying.min(history.remembered.len()));
    let forgotten = history.forgotten.as_ref().map(|forgotten| forgotten.last);
    let mut last = staying.last().map(|order| order.at).or(forgotten);
    // A change of clocks moves the end of the horizon by some hours, in odd zones by a day.
    let surely_active = Span::from_days(i64::from(policy.activity_horizon_days) - 2).millis();
    for order in rest {
        if let Some(last) = last.filter(|last| order.at.millis() - last.millis() > surely_active)
            && let Some(lapse) = policy.active_until(last).filter(|lapse| order.at > *lapse)
        {
            visit(Silence { last, lapse, next: Some(order.at) });
        }
        last = last.max(Some(order.at));
    }
    if customer.standing.level == Level::Lapsed
        && let Some(last) = last
        && let Some(lapse) = policy.active_until(last)
    {
        visit(Silence { last, lapse, next: None });
    }
}

/// Whether a ticket was opened, money went back or a low rating was given in this time, its ends included.
fn has_said_something(customer: &Customer, from: EventTime, to: EventTime) -> bool {
    let is_within = |at: EventTime| at >= from && at <= to;
    customer.tickets.0.iter().any(|ticket| is_within(ticket.opened_at()))
        || customer.refunds.0.iter().any(|refund| is_within(refund.at))
        || customer.low_ratings.0.iter().any(|low| is_within(low.at))
}
