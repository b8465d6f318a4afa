//! What a partition counts, moved with every change of a customer.

use super::event::{Event, Happening};
use super::on_due::next_due;
use super::on_event::Dropped;
use super::tallies::{self, Affected, Contributions, FirstOrders, Ripe, Scope, Tallies};
use super::timers::Moments;
use super::totals::{Contribution, Totals};
use crate::domain::time::Day;
use crate::domain::{Customer, EventTime, Policy};

/// The counts of a partition, the open batch included.
#[derive(Default)]
pub(super) struct Accounts {
    pub(super) totals: Totals,
    totals_committed: Totals,
    pub(super) tallies: Tallies,
    /// What a customer contributed before a change and contributes after it, kept for their room.
    before: Contributions,
    after: Contributions,
}

impl Accounts {
    /// Counts a committed customer.
    pub(super) fn recall(&mut self, customer: &Customer, ripe: Ripe<'_>, policy: &Policy) {
        self.totals.add(&Contribution::of(customer));
        self.totals_committed = self.totals;
        self.after.clear();
        tallies::contributions(customer, Scope::ALL, ripe, policy, &mut self.after);
        self.tallies.recall(&self.after);
    }

    /// Counts the orders of customers who were forgotten.
    pub(super) fn recall_erased(&mut self, orders: i64, returning_orders: i64) {
        self.totals.recall_erased(orders, returning_orders);
        self.totals_committed = self.totals;
    }

    /// A customer is about to change within `scope`.
    pub(super) fn before(&mut self, customer: &Customer, scope: Scope<'_>, ripe: Ripe<'_>, policy: &Policy) {
        self.totals.remove(&Contribution::of(customer));
        self.before.clear();
        tallies::contributions(customer, scope, ripe, policy, &mut self.before);
    }

    /// The customer has changed.
    pub(super) fn after(&mut self, customer: &Customer, scope: Scope<'_>, ripe: Ripe<'_>, policy: &Policy) {
        self.totals.add(&Contribution::of(customer));
        self.after.clear();
        tallies::contributions(customer, scope, ripe, policy, &mut self.after);
        self.tallies.change(&self.before, &self.after);
    }

    /// The first order of a customer is now so long ago as a share of second orders wants it.
    pub(super) fn ripen(&mut self, firsts: FirstOrders, at: EventTime) {
        self.after.clear();
        firsts.ripened_at(at, &mut self.after);
        self.tallies.count(&self.after);
    }

    /// Everything known of a customer is about to go; what stays are anonymous sums.
    pub(super) fn forget(&mut self, customer: &Customer, ripe: Ripe<'_>, policy: &Policy) {
        self.totals.erase(&Contribution::of(customer));
        let mut all = Contributions::default();
        tallies::contributions(customer, Scope::ALL, ripe, policy, &mut all);
        all.keep_what_stays();
        self.tallies.settle(&all);
    }

    /// Counts what nobody will tell of an event later on, and what its customer's memory had no more room for.
    pub(super) fn settle(
        &mut self,
        event: &Event,
        dropped: &Dropped,
        customer: &Customer,
        ripe: Ripe<'_>,
        policy: &Policy,
    ) {
        let mut settled = Contributions::default();
        tallies::settle_event(event, policy, &mut settled);
        if let Some(order) = &dropped.order {
            tallies::settle_order(order, policy, &mut settled);
        }
        if let Some(refund) = &dropped.refund {
            tallies::settle_refund(refund, &customer.purchases, policy, &mut settled);
        }
        if let Some(ticket) = &dropped.ticket {
            tallies::settle_dropped(ticket, customer, ripe, policy, &mut settled);
        }
        self.tallies.settle(&settled);
    }

    /// The open batch is committed.
    pub(super) fn confirm(&mut self, today: Option<Day>) {
        self.totals_committed = self.totals;
        self.tallies.confirm(today);
    }

    /// The open batch never happened.
    pub(super) fn undo(&mut self) {
        self.totals = self.totals_committed;
        self.tallies.undo();
    }
}

/// The next instants at which something of the customer changes or ripens without any event.
pub(super) fn moments(customer: &Customer, ripe: Ripe<'_>, policy: &Policy) -> Moments {
    let second = FirstOrders::of(&customer.purchases).and_then(|firsts| firsts.next_ripening(ripe));
    let other = [next_due(customer, policy), tallies::next_ripening(customer, ripe, policy)];
    Moments { second, other: other.into_iter().flatten().min() }
}

/// What of a customer can count for something else after an event than before: before it, and once it is taken in.
pub(super) fn scopes<'a>(customer: &Customer, event: &'a Event, policy: &Policy) -> (Scope<'a>, Scope<'a>) {
    let is_forgotten_before =
        policy.forget_after.is_some() && next_due(customer, policy).is_some_and(|due| due < event.at);
    match &event.what {
        _ if is_forgotten_before => (Scope::ALL, Scope::ALL),
        Happening::Erased => (Scope::ALL, Scope::ALL),
        Happening::Purchased { order, .. } => Scope::around(&customer.purchases, event.at, order),
        _ => [Scope::tickets(Affected::by(event, customer)); 2].into(),
    }
}
