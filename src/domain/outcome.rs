//! What became of a resolved ticket: whether that was painless, and whether the customer came back afterwards.
//!
//! Each verdict is about one resolution and ripens a fixed time after it. What happened up to that very instant counts,
//! nothing later: what is ripe changes no more, but for events that arrive late.

use super::customer::Customer;
use super::model::Recency;
use super::policy::Policy;
use super::purchase::PurchaseHistory;
use super::ticket::{Resolution, Ticket};
use super::time::{Calendar, EventTime, Span};

/// For how long after a resolution nothing more may come, for it to be painless.
pub const PAINLESS_FOR: Span = Span::from_days(7);

/// Parts of 1 in which expected chances are counted: whole numbers add up exactly, in any order.
pub const CHANCE_UNITS: f64 = 1e9;

/// Why a resolution was not painless. Several may hold at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pain {
    /// It took longer than the service level.
    Overdue,
    /// The customer had to get in touch again.
    Contacted,
    /// The ticket had to be opened again.
    Reopened,
    /// The customer said of it that something went wrong.
    LowRating,
}

impl Pain {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Overdue, Self::Contacted, Self::Reopened, Self::LowRating];

    /// Its name in metrics and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::Contacted => "contacted",
            Self::Reopened => "reopened",
            Self::LowRating => "low_rating",
        }
    }
}

/// How much effort a resolution cost the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effort {
    /// No [`Pain`].
    Painless,
    /// Some.
    Painful,
}

impl Effort {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Painless, Self::Painful];

    /// Its name in metrics and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Painless => "painless",
            Self::Painful => "painful",
        }
    }
}

/// What a resolution that stood for long enough came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// What it had cost the customer.
    pub effort: Effort,
    /// Whether they ordered within [`Policy::memory`] after it.
    pub has_ordered: bool,
    /// The chance, just before the ticket was opened, that they would order within that time; in parts of
    /// 1 / [`CHANCE_UNITS`].
    pub expected: i64,
}

/// Until when a ticket's first resolution has to stay without pain; `None`: it was never resolved.
pub fn painless_ripe_at(ticket: &Ticket) -> Option<EventTime> {
    ticket.resolutions().next().map(|first| first.at + PAINLESS_FOR)
}

/// What was painful about a ticket that was resolved at `resolved_at`, as known [`PAINLESS_FOR`] later.
pub fn pains(
    ticket: &Ticket,
    resolved_at: EventTime,
    customer: &Customer,
    policy: &Policy,
) -> impl Iterator<Item = Pain> {
    let is_known = move |at: EventTime| at <= resolved_at + PAINLESS_FOR;
    let mut low = customer.low_ratings.0.iter().filter(|low| low.ticket.as_ref() == Some(&ticket.id));
    let found = [
        (Pain::Overdue, resolved_at > ticket.opened_at() + policy.service_level),
        (Pain::Contacted, ticket.contacts().any(is_known)),
        (Pain::Reopened, ticket.reopenings().any(is_known)),
        (Pain::LowRating, low.any(|low| is_known(low.at))),
    ];
    found.into_iter().filter(|(_, holds)| *holds).map(|(pain, _)| pain)
}

/// The first resolution of a ticket that is not taken back before it is ripe for [`recovery`], and when it is. None if
/// the customer had not ordered before the ticket was opened, or if that is no longer known.
pub fn recovery_case(ticket: &Ticket, customer: &Customer, policy: &Policy) -> Option<(Resolution, EventTime)> {
    let ripens = |resolution: Resolution| (resolution, resolution.at + policy.memory);
    let stands = |(resolution, ripe_at): &(Resolution, EventTime)| {
        resolution.reopened_at.is_none_or(|reopened| reopened > *ripe_at)
    };
    let case = ticket.resolutions().map(ripens).find(stands)?;
    let opened_at = ticket.opened_at();
    let had_ordered = customer.purchases.first_at().is_some_and(|first| first < opened_at);
    (had_ordered && is_known_before(&customer.purchases, opened_at, &policy.calendar)).then_some(case)
}

/// What a [`recovery_case`] came to.
pub fn recovery(ticket: &Ticket, resolution: Resolution, customer: &Customer, policy: &Policy) -> Recovery {
    let is_painless = pains(ticket, resolution.at, customer, policy).next().is_none();
    let orders = &customer.purchases.remembered;
    let next = orders.get(orders.partition_point(|order| order.at <= resolution.at));
    Recovery {
        effort: if is_painless { Effort::Painless } else { Effort::Painful },
        has_ordered: next.is_some_and(|next| next.at <= resolution.at + policy.memory),
        expected: expected(&customer.purchases, ticket.opened_at(), policy),
    }
}

/// Whether all that [`recovery`] needs is still remembered of a ticket opened at that instant: the orders since, and the
/// last purchase day before.
pub fn is_known_before(purchases: &PurchaseHistory, opened_at: EventTime, calendar: &Calendar) -> bool {
    let Some(forgotten) = &purchases.forgotten else { return true };
    let before = purchases.remembered.partition_point(|order| order.at < opened_at);
    let last = before.checked_sub(1).map(|last| calendar.day_of(purchases.remembered[last].at));
    last.is_some_and(|last| last > calendar.day_of(forgotten.last))
}

fn expected(purchases: &PurchaseHistory, opened_at: EventTime, policy: &Policy) -> i64 {
    let Some(days) = purchases.days_before(opened_at, &policy.calendar) else { return 0 };
    let horizon = policy.memory.millis() as f64 / super::time::DAY_MS as f64;
    let chance = policy.model.p_order_within(horizon, &Recency::at(opened_at, &days));
    libm::rint(chance * CHANCE_UNITS) as i64
}
