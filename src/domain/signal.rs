//! What downstream is told.

use uuid::Uuid;

use super::consent::Channel;
use super::identity::{CustomerId, OrderId, TicketId};
use super::money::{Amount, Total};
use super::risk::{Assessment, Level};
use super::time::{EventTime, Span};

/// Something worth telling.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// Somebody who had bought before has bought again.
    ReturningCustomer(Box<ReturningCustomer>),
    /// Somebody's level changed.
    ChurnRisk(Box<ChurnRisk>),
}

impl Signal {
    /// Whom it is about.
    pub fn customer(&self) -> &CustomerId {
        match self {
            Self::ReturningCustomer(signal) => &signal.customer,
            Self::ChurnRisk(signal) => &signal.customer,
        }
    }

    /// When it happened.
    pub fn at(&self) -> EventTime {
        match self {
            Self::ReturningCustomer(signal) => signal.at,
            Self::ChurnRisk(signal) => signal.at,
        }
    }

    /// Its type and kind.
    pub fn kind(&self) -> SignalKind {
        match self {
            Self::ReturningCustomer(signal) => SignalKind::ReturningCustomer(signal.kind),
            Self::ChurnRisk(signal) => SignalKind::ChurnRisk(signal.kind),
        }
    }

    /// The names of its type and kind.
    pub fn names(&self) -> (&'static str, &'static str) {
        self.kind().names()
    }
}

/// What sort of signal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignalKind {
    /// A return of that kind.
    ReturningCustomer(ReturnKind),
    /// A change of level of that kind.
    ChurnRisk(RiskKind),
}

impl SignalKind {
    /// Type and kind, as metrics name them.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::ReturningCustomer(kind) => (ReturningCustomer::TYPE, kind.name()),
            Self::ChurnRisk(kind) => (ChurnRisk::TYPE, kind.name()),
        }
    }
}

/// A purchase of a customer who has bought before.
#[derive(Clone, Debug, PartialEq)]
pub struct ReturningCustomer {
    /// UUIDv5 of what happened.
    pub id: Uuid,
    /// Who.
    pub customer: CustomerId,
    /// When the order was placed.
    pub at: EventTime,
    /// What sort of return it is.
    pub kind: ReturnKind,
    /// The order.
    pub order: OrderId,
    /// How many orders are known, this one included.
    pub purchase_number: u32,
    /// Since the nearest earlier order; `None` when this one turns out to be the earliest.
    pub since_previous: Option<Span>,
    /// What the order cost.
    pub amount: Amount,
    /// All known orders in this currency less the known refunds.
    pub lifetime: Total,
    /// The ticket whose resolution this is the first purchase after, within the recovery horizon.
    pub recovered_ticket: Option<TicketId>,
    /// The risk episode this purchase ended.
    pub closed_episode: Option<Uuid>,
    /// What to do about it.
    pub action: Option<Action>,
}

impl ReturningCustomer {
    /// The signal's `type`.
    pub const TYPE: &'static str = "returning_customer";
}

/// What sort of return a purchase is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReturnKind {
    /// The second order known.
    SecondPurchase,
    /// A later one.
    Repeat,
    /// More than the activity horizon after the nearest earlier order.
    Reactivated,
}

impl ReturnKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::SecondPurchase, Self::Repeat, Self::Reactivated];

    /// Its name in signals and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SecondPurchase => "second_purchase",
            Self::Repeat => "repeat",
            Self::Reactivated => "reactivated",
        }
    }
}

/// A change of a customer's level.
#[derive(Clone, Debug, PartialEq)]
pub struct ChurnRisk {
    /// UUIDv5 of what happened.
    pub id: Uuid,
    /// Who.
    pub customer: CustomerId,
    /// When the level changed, not when it was noticed.
    pub at: EventTime,
    /// Which way it went.
    pub kind: RiskKind,
    /// One id from `raised` to `cleared`.
    pub episode: Uuid,
    /// The level from now on.
    pub level: Level,
    /// The level until now.
    pub previous_level: Level,
    /// The numbers behind it.
    pub assessment: Assessment,
    /// What to do about it.
    pub action: Option<Action>,
    /// How the customer may be contacted.
    pub channels: Vec<Channel>,
}

impl ChurnRisk {
    /// The signal's `type`.
    pub const TYPE: &'static str = "churn_risk";
}

/// Which way a level went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RiskKind {
    /// Out of `low`.
    Raised,
    /// Between other levels.
    Changed,
    /// Back to `low`.
    Cleared,
}

impl RiskKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Raised, Self::Changed, Self::Cleared];

    /// The kind of a change between two levels.
    pub fn of(previous: Level, level: Level) -> Self {
        match (previous, level) {
            (Level::Low, _) => Self::Raised,
            (_, Level::Low) => Self::Cleared,
            _ => Self::Changed,
        }
    }

    /// Its name in signals and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Changed => "changed",
            Self::Cleared => "cleared",
        }
    }
}

/// What to do about a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Say thank you.
    ThankYou,
    /// Get the open ticket resolved.
    ResolveTicket,
    /// Call: much is at stake.
    Call,
    /// Offer something that makes coming back worth it.
    WinBackOffer,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 4] = [Self::ThankYou, Self::ResolveTicket, Self::Call, Self::WinBackOffer];

    /// Its name in signals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ThankYou => "thank_you",
            Self::ResolveTicket => "resolve_ticket",
            Self::Call => "call",
            Self::WinBackOffer => "win_back_offer",
        }
    }
}
