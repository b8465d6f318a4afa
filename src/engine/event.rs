//! What can happen to a customer, the passing of time aside.

use crate::domain::consent::Channel;
use crate::domain::money::Amount;
use crate::domain::rating::Rating;
use crate::domain::ticket::TicketStep;
use crate::domain::{CustomerId, EventId, EventTime, OrderId, TicketId};

/// One accepted event.
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// An order was placed.
    Purchased {
        /// Its id, unique within the customer.
        order: OrderId,
        /// What it cost.
        amount: Amount,
        /// Whether it names somebody who referred the customer.
        referred: bool,
    },
    /// Money went back.
    Refunded {
        /// The order it belongs to, which may be unknown.
        order: OrderId,
        /// How much.
        amount: Amount,
    },
    /// Something happened to a support ticket.
    Ticket {
        /// Which.
        ticket: TicketId,
        /// What.
        step: TicketStep,
    },
    /// The customer said what they think.
    Rated {
        /// What they said.
        rating: Rating,
        /// The ticket it is about.
        ticket: Option<TicketId>,
    },
    /// The customer said whether they may be contacted.
    ConsentChanged {
        /// How.
        channel: Channel,
        /// Whether they may.
        granted: bool,
    },
    /// Somebody wrote to or called the customer.
    ContactSent,
    /// Somebody talked the customer's situation over with them.
    ReviewHeld,
    /// The customer is to be forgotten.
    Erased,
}

impl Happening {
    /// Whether it can change what a customer counts for, once or later on. Of the others only that they were heard of
    /// changes, and whom one may write to.
    pub(super) fn counts(&self) -> bool {
        !matches!(self, Self::ConsentChanged { .. } | Self::ContactSent | Self::ReviewHeld)
    }
}
