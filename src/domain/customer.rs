//! What is known of one customer.

use super::identity::EventId;
use super::purchase::PurchaseHistory;
use super::risk::Standing;

/// How many of a customer's other events (not purchases) are remembered, to count each once.
pub const EVENTS_REMEMBERED: usize = 64;

/// What is known of one customer. A function of the events that were accepted, not of their order of arrival, but
/// for `standing`, which says what was announced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customer {
    /// Orders and money.
    pub purchases: PurchaseHistory,
    /// Which other events were seen.
    pub seen: SeenEvents,
    /// What was last announced of their risk.
    pub standing: Standing,
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
