//! A customer at work: unpacked while something happens to them.

use super::accounts::Accounts;
use super::event::Event;
use super::on_due::{is_forgotten, on_due};
use super::on_event::{Dropped, Novelty, on_event};
use super::partition::{Announcement, Cause};
use super::rank::Rank;
use super::tallies::Ripe;
use crate::domain::{Customer, CustomerId, EventTime, Policy, Signal};

/// A customer at work.
pub(super) struct Touched {
    pub(super) customer: Box<Customer>,
    /// Their rank as committed.
    pub(super) rank_before: Option<Rank>,
    /// False: nothing is known of them, or no longer.
    pub(super) is_known: bool,
    pub(super) changed: bool,
}

impl Touched {
    /// Everything known of the customer goes but for anonymous sums; whatever comes later starts a new one.
    pub(super) fn forget(&mut self, ripe: Ripe<'_>, policy: &Policy, accounts: &mut Accounts) {
        accounts.forget(&self.customer, ripe, policy);
        self.changed |= self.is_known;
        self.is_known = false;
        *self.customer = Customer::default();
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
