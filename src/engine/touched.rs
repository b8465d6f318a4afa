//! A customer in the open batch: as committed when first looked at, then as the batch leaves them.
//!
//! They are unpacked while something happens to them and packed again at once: a batch holds thousands of customers,
//! whose structures would fill the processor's caches many times over until they are written down.

use std::collections::HashMap;

use foldhash::quality::FixedState;

use super::accounts::Accounts;
use super::event::Event;
use super::on_due::{is_forgotten, on_due};
use super::on_event::{Dropped, Novelty, on_event};
use super::partition::{Announcement, Cause};
use super::rank::Rank;
use super::tallies::{FirstOrders, Ripe};
use crate::domain::{Customer, CustomerId, EventTime, Policy, Signal};

/// A customer packed for keeping.
pub trait Packed: Sized {
    /// Packs a customer; `room` may be written over.
    fn pack(customer: &Customer, room: &mut Vec<u8>) -> Self;

    /// The customer, with the room of somebody's lists who is no longer needed.
    fn unpack_over(&self, spare: Customer) -> Customer;

    /// The customer.
    fn unpack(&self) -> Customer {
        self.unpack_over(Customer::default())
    }

    /// Their first orders alone.
    fn first_orders(&self) -> Option<FirstOrders>;
}

/// How the open batch leaves a customer whom it changed.
#[derive(Debug)]
pub struct Change<R> {
    /// `None`: nothing is known of them any more.
    pub record: Option<R>,
    /// Their rank as committed.
    pub rank_before: Option<Rank>,
    /// Their rank now.
    pub rank: Option<Rank>,
}

/// The customers that the open batch has changed.
pub(super) type Overlay<R> = HashMap<CustomerId, Change<R>, FixedState>;

/// A customer at work.
pub(super) struct Touched {
    pub(super) customer: Customer,
    /// Their rank as committed.
    rank_before: Option<Rank>,
    /// False: nothing is known of them, or no longer.
    is_known: bool,
    pub(super) changed: bool,
}

impl Touched {
    /// Somebody as they are committed, if they are known.
    pub(super) fn committed(customer: Option<Customer>, policy: &Policy) -> Self {
        let is_known = customer.is_some();
        let customer = customer.unwrap_or_default();
        let rank_before = Rank::of(&customer, policy);
        Self { customer, rank_before, is_known, changed: false }
    }

    /// Somebody as the open batch has left them so far.
    pub(super) fn open<R: Packed>(change: &Change<R>, spare: Customer) -> Self {
        let customer = change.record.as_ref().map(|record| record.unpack_over(spare));
        let is_known = customer.is_some();
        Self { customer: customer.unwrap_or_default(), rank_before: change.rank_before, is_known, changed: false }
    }

    /// Leaves them to the open batch, if they changed.
    pub(super) fn put_back<R: Packed>(
        &self,
        id: &CustomerId,
        policy: &Policy,
        (overlay, room): (&mut Overlay<R>, &mut Vec<u8>),
    ) {
        if !self.changed {
            return;
        }
        let known = self.is_known.then_some(&self.customer);
        let record = known.map(|customer| R::pack(customer, room));
        let rank = known.and_then(|customer| Rank::of(customer, policy));
        match overlay.get_mut(id) {
            Some(change) => (change.record, change.rank) = (record, rank),
            None => drop(overlay.insert(id.clone(), Change { record, rank_before: self.rank_before, rank })),
        }
    }

    /// Everything known of the customer goes but for anonymous sums; whatever comes later starts a new one.
    pub(super) fn forget(&mut self, ripe: Ripe<'_>, policy: &Policy, accounts: &mut Accounts) {
        accounts.forget(&self.customer, ripe, policy);
        self.changed |= self.is_known;
        self.is_known = false;
        self.customer = Customer::default();
    }

    /// Takes in an event other than an erasure.
    pub(super) fn take_in(
        &mut self,
        event: &Event,
        policy: &Policy,
        dropped: &mut Dropped,
        announcements: &mut Vec<Announcement>,
    ) -> Novelty {
        let novelty = on_event(&mut self.customer, event, policy, dropped, &mut |signal| {
            announce(announcements, signal, Cause::Event, policy);
        });
        self.changed |= novelty == Novelty::New;
        self.is_known |= novelty == Novelty::New;
        novelty
    }

    /// What happens to a customer at `due` without any event, whether or not the partition's time has come so far.
    pub(super) fn fire(
        &mut self,
        id: &CustomerId,
        due: EventTime,
        ripe: Ripe<'_>,
        policy: &Policy,
        accounts: &mut Accounts,
        announcements: &mut Vec<Announcement>,
    ) {
        if is_forgotten(&self.customer, due, policy) {
            self.forget(ripe.or_until(due), policy, accounts);
            return;
        }
        self.changed = true;
        if let Some(signal) = on_due(id, &mut self.customer, due, policy) {
            announce(announcements, signal, Cause::Time, policy);
        }
    }
}

fn announce(announcements: &mut Vec<Announcement>, signal: Signal, cause: Cause, policy: &Policy) {
    if policy.not_before.is_none_or(|start| signal.at() >= start) {
        announcements.push(Announcement { signal, cause });
    }
}
