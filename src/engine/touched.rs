//! A customer in the open batch: as committed when first looked at, then as the batch leaves them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::quality::FixedState;

use super::accounts::Accounts;
use super::event::Event;
use super::on_due::{is_forgotten, on_due};
use super::on_event::{Dropped, Novelty, on_event};
use super::partition::{Announcement, Cause, Committed};
use super::rank::Rank;
use super::tallies::Ripe;
use crate::domain::{Customer, CustomerId, EventTime, Policy, Signal};

/// The customers that the open batch has looked at.
pub(super) type Overlay = HashMap<CustomerId, Touched, FixedState>;

/// A customer of the open batch.
pub(super) struct Touched {
    pub(super) customer: Customer,
    /// Their rank as committed.
    pub(super) ranked: Option<Rank>,
    /// False: nothing is known of them, or no longer.
    pub(super) is_known: bool,
    pub(super) changed: bool,
}

impl Touched {
    /// Somebody as they are committed, if they are known.
    pub(super) fn of(customer: Option<Customer>, policy: &Policy) -> Self {
        let is_known = customer.is_some();
        let customer = customer.unwrap_or_default();
        let ranked = Rank::of(&customer, policy);
        Self { customer, ranked, is_known, changed: false }
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

/// The customer in the open batch, who may be new to it.
pub(super) fn touch<'a, C: Committed>(
    overlay: &'a mut Overlay,
    committed: &C,
    policy: &Policy,
    id: &CustomerId,
) -> &'a mut Touched {
    match overlay.entry(id.clone()) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(Touched::of(committed.load(id), policy)),
    }
}
