//! What is known of one customer, as JSON for the API.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::customer_history::HistoryJson;
use super::customer_story::StoryJson;
use super::signal::AssessmentJson;
use crate::domain::consent::Channel;
use crate::domain::money::Total;
use crate::domain::risk::Assessment;
use crate::domain::{Customer, CustomerId, EventTime, Level, Policy};
use crate::engine::story;

/// What is known of one customer.
#[derive(Serialize, JsonSchema)]
pub struct CustomerView<'a> {
    /// Who.
    #[schemars(length(min = 1, max = 256))]
    customer_id: &'a str,
    /// The partition they are in.
    partition: i32,
    /// The partition's time, which risk is as of.
    #[schemars(extend("format" = "date-time"))]
    at: Option<String>,
    /// How many orders are known.
    orders: u32,
    /// When the first of them was placed.
    #[schemars(extend("format" = "date-time"))]
    first_order_at: Option<String>,
    /// When the last of them was placed.
    #[schemars(extend("format" = "date-time"))]
    last_order_at: Option<String>,
    /// Until when the customer is active unless they order: last order + activity horizon.
    #[schemars(extend("format" = "date-time"))]
    active_until: Option<String>,
    /// The level as announced; null before the first order.
    #[schemars(extend("enum" = Level::ALL.map(|level| Some(level.name())).into_iter().chain([None]).collect::<Vec<_>>()))]
    level: Option<&'static str>,
    /// The episode that is open while the level is above `low`.
    episode_id: Option<Uuid>,
    /// When the level will change if nothing happens; null: never.
    #[schemars(extend("format" = "date-time"))]
    next_level_change_at: Option<String>,
    /// Money by currency.
    spending: Vec<SpendingJson>,
    /// Tickets as they stand, the most recently opened last.
    tickets: Vec<TicketJson>,
    /// The channels by which the customer allows to be contacted.
    #[schemars(extend("items" = { "type": "string", "enum": Channel::ALL.map(Channel::name) }))]
    contact_channels: Vec<&'static str>,
    /// How often they were written to or called.
    contacts_sent: u32,
    /// How often somebody talked their situation over with them.
    reviews_held: u32,
    /// Null before the first order.
    chance_of_return: Option<AssessmentJson>,
    /// What is remembered event by event.
    history: HistoryJson,
    /// How the chance of a return went; null before the first order.
    story: Option<StoryJson>,
}

/// A ticket as it stands.
#[derive(Serialize, JsonSchema)]
struct TicketJson {
    /// Which.
    ticket_id: String,
    /// Its first step.
    #[schemars(extend("format" = "date-time"))]
    opened_at: String,
    /// Since when it is resolved; null: it is open.
    #[schemars(extend("format" = "date-time"))]
    resolved_at: Option<String>,
    /// How often the customer had to get in touch again.
    contacts: u32,
    /// How often it was opened again.
    reopenings: u32,
}

/// Money in one currency, over the customer's life.
#[derive(Serialize, JsonSchema)]
struct SpendingJson {
    /// ISO 4217.
    #[schemars(extend("pattern" = "^[A-Z]{3}$"))]
    currency: String,
    /// All orders.
    ordered: String,
    /// All refunds.
    refunded: String,
    /// Orders less refunds.
    net: String,
}

impl<'a> CustomerView<'a> {
    /// The customer as known at `at`, the time of their partition.
    pub fn new(
        id: &'a CustomerId,
        partition: i32,
        customer: &Customer,
        at: Option<EventTime>,
        policy: &Policy,
    ) -> Self {
        let history = &customer.purchases;
        let last = history.last();
        // A time that has not yet come to the last order would make them look before it.
        let now = last.map(|last| at.map_or(last.at, |at| at.max(last.at)));
        let spending = history.spending.iter().map(|spending| {
            let total = |minor| Total { minor, currency: spending.currency }.to_string();
            SpendingJson {
                currency: spending.currency.code().to_owned(),
                ordered: total(spending.ordered),
                refunded: total(spending.refunded),
                net: total(spending.ordered - spending.refunded),
            }
        });
        let tickets = customer.tickets.as_of(EventTime::LATEST).map(|(ticket, state)| TicketJson {
            ticket_id: ticket.id.as_str().to_owned(),
            opened_at: state.opened_at.to_string(),
            resolved_at: state.resolved_at.map(|at| at.to_string()),
            contacts: state.contacts,
            reopenings: state.reopenings,
        });
        Self {
            next_level_change_at: customer.standing.next_change.map(|at| at.to_string()),
            tickets: tickets.collect(),
            contact_channels: customer.consents.granted(EventTime::LATEST).map(|channel| channel.name()).collect(),
            contacts_sent: customer.contacts.count,
            reviews_held: customer.reviews.count,
            customer_id: id.as_str(),
            partition,
            at: at.map(|at| at.to_string()),
            orders: history.count(),
            first_order_at: history.first_at().map(|at| at.to_string()),
            last_order_at: last.map(|last| last.at.to_string()),
            active_until: last.and_then(|last| policy.active_until(last.at)).map(|at| at.to_string()),
            level: last.map(|_| customer.standing.level.name()),
            episode_id: customer.standing.episode,
            spending: spending.collect(),
            chance_of_return: now
                .and_then(|now| Assessment::of(customer, now, policy))
                .map(|a| AssessmentJson::from(&a)),
            history: HistoryJson::of(customer),
            story: now.and_then(|now| story(customer, now, policy)).map(|story| StoryJson::from(&story)),
        }
    }
}
