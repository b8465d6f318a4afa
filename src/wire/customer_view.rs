//! What is known of one customer, as JSON for the API.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::customer_history::HistoryJson;
use super::customer_story::StoryJson;
use super::customers::looked_at;
use super::signal::{AssessmentJson, or_null};
use crate::domain::consent::Channel;
use crate::domain::money::Total;
use crate::domain::risk::Assessment;
use crate::domain::signal::Action;
use crate::domain::{Customer, CustomerId, EventTime, Level, Policy};
use crate::engine::{action_for, story};

/// What is known of one customer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Customer")]
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
    /// The first of them; null for somebody who never ordered, as are the next four.
    #[schemars(extend("format" = "date-time"))]
    first_order_at: Option<String>,
    /// The last of them.
    #[schemars(extend("format" = "date-time"))]
    last_order_at: Option<String>,
    /// Until when they count as active without another order.
    #[schemars(extend("format" = "date-time"))]
    active_until: Option<String>,
    /// As last announced.
    #[schemars(extend("enum" = LEVELS_OR_NULL))]
    level: Option<&'static str>,
    /// The episode of `churn_risk` that they are in.
    episode_id: Option<Uuid>,
    /// When the level changes next if nothing happens.
    #[schemars(extend("format" = "date-time"))]
    next_level_change_at: Option<String>,
    /// By currency.
    spending: Vec<SpendingJson>,
    /// Those that are remembered, in no particular order.
    tickets: Vec<TicketJson>,
    /// The channels by which they allow to be contacted.
    #[schemars(extend("items" = { "type": "string", "enum": Channel::ALL.map(Channel::name) }))]
    contact_channels: Vec<&'static str>,
    /// Messages sent to them.
    contacts_sent: u32,
    /// Reviews held with them.
    reviews_held: u32,
    /// Null for somebody who never ordered.
    chance_of_return: Option<AssessmentJson>,
    /// What to do about it; null at the level `low`.
    #[schemars(extend("enum" = or_null(Action::ALL.map(Action::name))))]
    action: Option<&'static str>,
    /// What is remembered event by event.
    history: HistoryJson,
    /// How the chance of a return went; null before the first order.
    story: Option<StoryJson>,
}

/// The names of all levels, and null.
const LEVELS_OR_NULL: [Option<&str>; 5] =
    [Some(Level::Low.name()), Some(Level::Medium.name()), Some(Level::High.name()), Some(Level::Lapsed.name()), None];

/// A ticket.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Ticket")]
struct TicketJson {
    /// Which.
    ticket_id: String,
    #[schemars(extend("format" = "date-time"))]
    opened_at: String,
    /// Null while it is open.
    #[schemars(extend("format" = "date-time"))]
    resolved_at: Option<String>,
    /// How often the customer had to get in touch again.
    contacts: u32,
    /// How often it was opened again.
    reopenings: u32,
}

/// What was spent in one currency, as decimals of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Spending")]
struct SpendingJson {
    /// ISO 4217.
    currency: String,
    /// All orders.
    ordered: String,
    /// All refunds.
    refunded: String,
    /// The difference.
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
        let now = looked_at(customer, at);
        let assessment = now.and_then(|now| Assessment::of(customer, now, policy));
        let action = assessment.as_ref().and_then(|found| action_for(customer.standing.level, found, policy));
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
            chance_of_return: assessment.as_ref().map(AssessmentJson::from),
            action: action.map(Action::name),
            history: HistoryJson::of(customer),
            story: now.and_then(|now| story(customer, now, policy)).map(|story| StoryJson::from(&story)),
        }
    }
}
