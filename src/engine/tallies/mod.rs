//! Live counts of one partition, from which every rate is made: integers that add up over partitions and pods.
//!
//! A count is either *drawn* from what is known of customers, and then the sum of what each of them contributes, or
//! *settled*: what no customer tells any more (they were erased, or it is older than what is remembered of them) or
//! never did (the score of a rating). Whenever a customer changes, what they contributed before is taken away and what
//! they contribute afterwards is added; so drawn counts never need storing, and a changed setting counts anew by
//! itself. Settled counts are stored, by section, with the transaction that changed them.
//!
//! A case ripens when its outcome is known (90 days after a lapse, 7 days after a resolution …). That moves a count
//! but no customer, so no record is written: [`Frontier`] says how far ripening has come, and the timers move it.

mod activity;
mod cell;
mod counts;
mod figures;
mod frontier;
mod ledger;
mod orders;
mod support;

use crate::domain::{Customer, EventTime, Policy};

pub use cell::{Awaited, Cell, Class, Lifecycle, Place, What, class_and_currency_of, level_and_currency_of};
pub use counts::Counts;
pub use figures::{ByClass, Figures, Money, Ratio, WindowFigures, windows_of};
pub use frontier::{Frontier, Ripe};
pub use ledger::{Section, Tallies};

pub use orders::{FirstOrders, LE_DAYS, WITHIN_DAYS};
pub(super) use orders::{Scope, settle_order, settle_refund};
pub(super) use support::{Affected, settle_before, settle_dropped, settle_event};
pub use support::{NO_CATEGORY, RESOLVED_WITHIN};

/// What a customer contributes: counters and by how much they go up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contributions(Vec<(Cell, i128)>);

impl Contributions {
    /// Counts nothing.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Counts so many more.
    pub fn add(&mut self, cell: Cell, by: i128) {
        self.0.push((cell, by));
    }

    /// Takes away what goes with its customer.
    pub(super) fn keep_what_stays(&mut self) {
        self.0.retain(|(cell, _)| cell.what().stays());
    }

    /// Counters and by how much they go up, in no particular order; a counter may come several times.
    pub fn iter(&self) -> impl Iterator<Item = (Cell, i128)> {
        self.0.iter().copied()
    }
}

/// All that a customer contributes in `scope`, given what is ripe.
pub(super) fn contributions(
    customer: &Customer,
    scope: Scope<'_>,
    ripe: Ripe<'_>,
    policy: &Policy,
    to: &mut Contributions,
) {
    support::contributions(customer, scope.tickets, ripe, policy, to);
    activity::contributions(customer, scope.staying(), ripe, policy, to);
    orders::contributions(customer, scope, ripe, policy, to);
}

/// The earliest instant at which something of a customer ripens that has not yet, but for [`FirstOrders`].
pub(super) fn next_ripening(customer: &Customer, ripe: Ripe<'_>, policy: &Policy) -> Option<EventTime> {
    let of_support = support::next_ripening(customer, ripe, policy);
    let of_activity = activity::next_ripening(customer, ripe, policy);
    [of_activity, of_support].into_iter().flatten().min()
}
