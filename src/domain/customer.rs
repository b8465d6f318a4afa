//! What is known of one customer.

use super::consent::Consents;
use super::identity::{EventId, OrderId, TicketId};
use super::money::Amount;
use super::purchase::PurchaseHistory;
use super::rating::Rating;
use super::risk::Standing;
use super::ticket::Tickets;
use super::time::EventTime;

/// How many of a customer's other events (not purchases) are remembered, to count each once.
pub const EVENTS_REMEMBERED: usize = 64;

/// How many low ratings are remembered.
pub const LOW_RATINGS_REMEMBERED: usize = 16;

/// What is known of one customer. A function of the events that were accepted, not of their order of arrival, but
/// for `standing`, which says what was announced.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Customer {
    /// Orders and money.
    pub purchases: PurchaseHistory,
    /// Support tickets.
    pub tickets: Tickets,
    /// Ratings that say something went wrong.
    pub low_ratings: LowRatings,
    /// The latest refund.
    pub last_refund_at: Option<EventTime>,
    /// Refunds, one by one.
    pub refunds: Refunds,
    /// Who may be contacted how.
    pub consents: Consents,
    /// Contacts sent to them.
    pub contacts: Occurrences,
    /// Reviews held with them.
    pub reviews: Occurrences,
    /// When anything was last heard of them.
    pub heard_at: Option<EventTime>,
    /// Which other events were seen.
    pub seen: SeenEvents,
    /// What was last announced of their risk.
    pub standing: Standing,
}

/// How many refunds are remembered.
pub const REFUNDS_REMEMBERED: usize = 64;

/// Refunds, earliest first; at most [`REFUNDS_REMEMBERED`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refunds(pub Vec<Refund>);

/// Money that went back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// When.
    pub at: EventTime,
    /// The fingerprint of the order's id.
    pub order: u64,
    /// How much.
    pub amount: Amount,
    /// Whether the order was ever known.
    pub is_known: bool,
}

impl Refunds {
    /// Takes in a refund; gives back one that is no longer remembered.
    pub fn add(&mut self, refund: Refund) -> Option<Refund> {
        let rank = |refund: &Refund| (refund.at, refund.order, refund.amount.currency(), refund.amount.minor());
        let place = self.0.partition_point(|known| rank(known) <= rank(&refund));
        self.0.insert(place, refund);
        (self.0.len() > REFUNDS_REMEMBERED).then(|| self.0.remove(0))
    }

    /// An order became known.
    pub fn know(&mut self, order: &OrderId) {
        if self.0.is_empty() {
            return;
        }
        let fingerprint = order.fingerprint();
        self.0.iter_mut().filter(|refund| refund.order == fingerprint).for_each(|refund| refund.is_known = true);
    }
}

/// Low ratings, earliest first; at most [`LOW_RATINGS_REMEMBERED`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LowRatings(pub Vec<LowRating>);

/// A rating that says something went wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct LowRating {
    /// When it was given.
    pub at: EventTime,
    /// What was said.
    pub rating: Rating,
    /// The ticket it is about.
    pub ticket: Option<TicketId>,
}

impl LowRatings {
    /// Takes in a low rating.
    pub fn add(&mut self, low: LowRating) {
        let rank = |low: &LowRating| (low.at, low.rating.scale, low.rating.score.to_bits(), low.ticket.clone());
        let place = self.0.partition_point(|known| rank(known) <= rank(&low));
        self.0.insert(place, low);
        if self.0.len() > LOW_RATINGS_REMEMBERED {
            self.0.remove(0);
        }
    }
}

/// How often something happened, and when last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occurrences {
    /// How often.
    pub count: u32,
    /// When last.
    pub last_at: Option<EventTime>,
}

impl Occurrences {
    /// Once more.
    pub fn add(&mut self, at: EventTime) {
        self.count += 1;
        self.last_at = self.last_at.max(Some(at));
    }
}

/// Fingerprints of the last events other than purchases, in order of arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenEvents(pub Vec<u64>);

impl SeenEvents {
    /// Remembers an event; false if it was already seen.
    pub fn remember(&mut self, id: &EventId) -> bool {
        let fingerprint = id.fingerprint();
        if self.0.contains(&fingerprint) {
            return false;
        }
        if self.0.len() == EVENTS_REMEMBERED {
            self.0.remove(0);
        }
        self.0.push(fingerprint);
        true
    }
}
