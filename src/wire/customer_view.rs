//! What is known of one customer, as JSON for the API.

use serde::Serialize;
use uuid::Uuid;

use super::signal::AssessmentJson;
use crate::domain::money::Total;
use crate::domain::risk::Assessment;
use crate::domain::{Customer, CustomerId, EventTime, Policy};

/// What is known of one customer.
#[derive(Serialize)]
pub struct CustomerView<'a> {
    customer_id: &'a str,
    partition: i32,
    /// The partition's time, which risk is as of.
    at: Option<String>,
    orders: u32,
    first_order_at: Option<String>,
    last_order_at: Option<String>,
    active_until: Option<String>,
    level: Option<&'static str>,
    episode_id: Option<Uuid>,
    next_level_change_at: Option<String>,
    spending: Vec<SpendingJson>,
    tickets: Vec<TicketJson>,
    contact_channels: Vec<&'static str>,
    contacts_sent: u32,
    reviews_held: u32,
    chance_of_return: Option<AssessmentJson>,
}

#[derive(Serialize)]
struct TicketJson {
    ticket_id: String,
    opened_at: String,
    resolved_at: Option<String>,
    contacts: u32,
    reopenings: u32,
}

#[derive(Serialize)]
struct SpendingJson {
    currency: String,
    ordered: String,
    refunded: String,
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
        }
    }
}
