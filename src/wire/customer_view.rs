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
    spending: Vec<SpendingJson>,
    chance_of_return: Option<AssessmentJson>,
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
        Self {
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
                .and_then(|now| Assessment::of(history, now, policy))
                .map(|a| AssessmentJson::from(&a)),
        }
    }
}
