//! What can happen to a customer, the passing of time aside.

use crate::domain::money::Amount;
use crate::domain::{CustomerId, EventId, EventTime, OrderId};

/// One accepted event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// To whom.
    pub customer: CustomerId,
    /// The id its producer gave it.
    pub id: EventId,
    /// When.
    pub at: EventTime,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// An order was placed.
    Purchased {
        /// Its id, unique within the customer.
        order: OrderId,
        /// What it cost.
        amount: Amount,
    },
    /// Money went back.
    Refunded {
        /// The order it belongs to, which may be unknown.
        order: OrderId,
        /// How much.
        amount: Amount,
    },
}
