//! The words of the shop: everything that can happen in it.

use serde::Serialize;

use super::options::ShopTopic;

/// Everything that can happen in this shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// An order.
    Purchase(Basket),
    /// Money given back for an order.
    Refund {
        /// How much, in minor units of the currency.
        amount_minor: u32,
        /// The order's currency.
        currency: Currency,
        /// What the customer said.
        reason: Option<RefundReason>,
    },
    /// A first word about a trouble or a wish.
    TicketOpened {
        /// What it is about.
        category: Option<Category>,
        /// How they got in touch.
        channel: Option<SupportChannel>,
        /// Whether the event names the order.
        names_order: bool,
    },
    /// The customer had to get in touch again.
    CustomerContacted {
        /// How they got in touch.
        channel: Option<SupportChannel>,
    },
    /// The shop says it is settled.
    TicketResolved,
    /// The customer says it is not.
    TicketReopened,
    /// A rating.
    Feedback {
        /// The kind of rating.
        scale: Scale,
        /// The rating, in the scale's points.
        score: u8,
        /// Whether it is about this order's ticket, and not about the shop as such.
        about_ticket: bool,
    },
    /// A permission given or taken back.
    ConsentChanged {
        /// What is permitted or not.
        channel: ConsentChannel,
        /// Whether it is permitted from now on.
        granted: bool,
    },
    /// A message to the customer; only ever over a channel they have permitted.
    ContactSent {
        /// How it was sent.
        channel: ConsentChannel,
        /// What for.
        purpose: Purpose,
    },
    /// A conversation about how things are going.
    ReviewHeld {
        /// How much more there may be to sell.
        opportunity: Option<Opportunity>,
        /// Whether the customer spoke of a competitor.
        competitor_mentioned: Option<bool>,
    },
}

/// What an order consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basket {
    /// What is paid, in minor units of the currency.
    pub amount_minor: u32,
    /// The customer's currency.
    pub currency: Currency,
    /// Where it was bought, if that is told.
    pub channel: Option<SalesChannel>,
    /// Per cent taken off the price; 0 is no discount.
    pub discount_percent: u8,
    /// Lines of the order that are listed; 0 lists none.
    pub items: u8,
    /// The number of the customer who told this one about the shop.
    pub referred_by: Option<u32>,
}

/// A currency of the shop's customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "codes of ISO 4217")]
pub enum Currency {
    Eur,
    Usd,
    Jpy,
}

impl Currency {
    /// Decimals of an amount.
    pub const fn decimals(self) -> u32 {
        match self {
            Self::Eur | Self::Usd => 2,
            Self::Jpy => 0,
        }
    }

    /// An amount in minor units as a decimal: `129.90`.
    pub(super) fn decimal(self, amount_minor: u32) -> String {
        match self {
            Self::Eur | Self::Usd => format!("{}.{:02}", amount_minor / 100, amount_minor % 100),
            Self::Jpy => amount_minor.to_string(),
        }
    }
}

/// Where an order was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum SalesChannel {
    Web,
    App,
    Store,
}

/// Why something was sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum RefundReason {
    ChangedMind,
    DidNotFit,
    ArrivedDamaged,
}

/// What a ticket is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the contract's words")]
pub enum Category {
    Broken,
    Delivery,
    Exchange,
    Return,
    Billing,
    SpecialRequest,
    Advice,
    Other,
}

/// How a customer got in touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum SupportChannel {
    Email,
    Phone,
    Chat,
}

/// The kind of a rating.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Satisfaction, 1 to 5.
    Csat,
    /// Effort, 1 to 7, where 7 is the least.
    Ces,
    /// Would recommend, 0 to 10.
    Nps,
}

/// What a customer may permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the contract's words")]
pub enum ConsentChannel {
    Email,
    Sms,
    Phone,
    Post,
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the contract's words")]
pub enum Purpose {
    WinBack,
    ThankYou,
    Review,
    Offer,
    Service,
}

/// How much more there may be to sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the contract's words")]
pub enum Opportunity {
    Low,
    High,
}

impl Happening {
    /// Where such an event belongs.
    pub const fn topic(&self) -> ShopTopic {
        match self {
            Self::Purchase(_) | Self::Refund { .. } => ShopTopic::Purchases,
            Self::TicketOpened { .. }
            | Self::CustomerContacted { .. }
            | Self::TicketResolved
            | Self::TicketReopened
            | Self::Feedback { .. } => ShopTopic::Support,
            Self::ConsentChanged { .. } | Self::ContactSent { .. } | Self::ReviewHeld { .. } => ShopTopic::Contacts,
        }
    }

    /// The contract's name of such an event.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Purchase(_) => "purchase",
            Self::Refund { .. } => "refund",
            Self::TicketOpened { .. } => "ticket_opened",
            Self::CustomerContacted { .. } => "customer_contacted",
            Self::TicketResolved => "ticket_resolved",
            Self::TicketReopened => "ticket_reopened",
            Self::Feedback { .. } => "feedback",
            Self::ConsentChanged { .. } => "consent_changed",
            Self::ContactSent { .. } => "contact_sent",
            Self::ReviewHeld { .. } => "review_held",
        }
    }
}
