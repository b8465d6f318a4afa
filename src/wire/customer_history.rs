//! What is remembered of a customer, event by event, as JSON for the API.

use schemars::JsonSchema;
use serde::Serialize;

use super::signal::MoneyJson;
use crate::domain::consent::Channel;
use crate::domain::customer::{LowRating, Refund};
use crate::domain::money::Total;
use crate::domain::rating::Scale;
use crate::domain::ticket::{Ticket, TicketStep};
use crate::domain::{Amount, Customer, EventTime, Order};

/// What is remembered of a customer, event by event: of every kind the earliest first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "History")]
pub struct HistoryJson {
    /// The latest orders, at most 256.
    orders: Vec<OrderJson>,
    /// How many there were before them.
    orders_before: u32,
    /// The latest refunds, at most 64.
    refunds: Vec<RefundJson>,
    /// Tickets with their steps, at most 32 of 64 steps each.
    tickets: Vec<TicketStepsJson>,
    /// Ratings that say that something went wrong, at most 16.
    low_ratings: Vec<LowRatingJson>,
    /// What the customer last said about each channel; nothing said is not granted.
    consents: Vec<ConsentJson>,
}

/// An order.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Order")]
struct OrderJson {
    /// Its id.
    #[schemars(length(min = 1, max = 256))]
    order_id: String,
    /// When it was placed.
    #[schemars(extend("format" = "date-time"))]
    occurred_at: String,
    #[serde(flatten)]
    amount: MoneyJson,
}

/// Money that went back.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Refund")]
struct RefundJson {
    /// When.
    #[schemars(extend("format" = "date-time"))]
    occurred_at: String,
    #[serde(flatten)]
    amount: MoneyJson,
}

/// A ticket.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TicketSteps")]
struct TicketStepsJson {
    /// Its id.
    #[schemars(length(min = 1, max = 256))]
    ticket_id: String,
    /// What happened to it.
    steps: Vec<StepJson>,
}

/// A step of a ticket.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TicketStep")]
struct StepJson {
    /// When.
    #[schemars(extend("format" = "date-time"))]
    occurred_at: String,
    /// What. `contacted`: the customer had to get in touch again.
    #[schemars(extend("enum" = ["opened", "contacted", "resolved", "reopened"]))]
    what: &'static str,
}

/// A rating that says that something went wrong.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LowRating")]
struct LowRatingJson {
    /// When it was given.
    #[schemars(extend("format" = "date-time"))]
    occurred_at: String,
    /// The scale.
    #[schemars(extend("enum" = Scale::ALL.map(Scale::name)))]
    scale: &'static str,
    /// The score on it.
    score: f64,
    /// The ticket it is about, if that was said.
    ticket_id: Option<String>,
}

/// What the customer last said about a channel.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Consent")]
struct ConsentJson {
    /// The channel.
    #[schemars(extend("enum" = Channel::ALL.map(Channel::name)))]
    channel: &'static str,
    /// Whether they may be contacted by it.
    granted: bool,
    /// When they said so.
    #[schemars(extend("format" = "date-time"))]
    occurred_at: String,
}

impl HistoryJson {
    /// A customer's.
    pub(super) fn of(customer: &Customer) -> Self {
        let said = Channel::ALL.into_iter().zip(customer.consents.said());
        let consents = said.filter_map(|(channel, said)| {
            let (at, granted) = (*said)?;
            Some(ConsentJson { channel: channel.name(), granted, occurred_at: at.to_string() })
        });
        Self {
            orders: customer.purchases.remembered.iter().map(OrderJson::from).collect(),
            orders_before: customer.purchases.forgotten.as_ref().map_or(0, |forgotten| forgotten.orders),
            refunds: customer.refunds.0.iter().map(RefundJson::from).collect(),
            tickets: customer.tickets.0.iter().map(TicketStepsJson::from).collect(),
            low_ratings: customer.low_ratings.0.iter().map(LowRatingJson::from).collect(),
            consents: consents.collect(),
        }
    }
}

impl From<&Order> for OrderJson {
    fn from(order: &Order) -> Self {
        let (order_id, occurred_at) = (order.id.as_str().to_owned(), order.at.to_string());
        Self { order_id, occurred_at, amount: money(&order.amount) }
    }
}

impl From<&Refund> for RefundJson {
    fn from(refund: &Refund) -> Self {
        Self { occurred_at: refund.at.to_string(), amount: money(&refund.amount) }
    }
}

impl From<&Ticket> for TicketStepsJson {
    fn from(ticket: &Ticket) -> Self {
        let step = |(at, step): &(EventTime, TicketStep)| StepJson {
            occurred_at: at.to_string(),
            what: match step {
                TicketStep::Opened(_) => "opened",
                TicketStep::Contacted => "contacted",
                TicketStep::Resolved => "resolved",
                TicketStep::Reopened => "reopened",
            },
        };
        Self { ticket_id: ticket.id.as_str().to_owned(), steps: ticket.steps.iter().map(step).collect() }
    }
}

impl From<&LowRating> for LowRatingJson {
    fn from(low: &LowRating) -> Self {
        Self {
            occurred_at: low.at.to_string(),
            scale: low.rating.scale.name(),
            score: low.rating.score,
            ticket_id: low.ticket.as_ref().map(|id| id.as_str().to_owned()),
        }
    }
}

fn money(amount: &Amount) -> MoneyJson {
    MoneyJson::from(&Total { minor: i128::from(amount.minor()), currency: amount.currency() })
}
