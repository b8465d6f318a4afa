//! Customers who may not come back, in the order in which to call them, as JSON for the API.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::signal::{AssessmentJson, MoneyJson, or_null};
use crate::domain::consent::Channel;
use crate::domain::risk::Assessment;
use crate::domain::signal::Action;
use crate::domain::{Customer, CustomerId, EventTime, Level, Policy};
use crate::engine::action_for;

/// Who may not come back, most at stake first.
///
/// Sorted by the value at risk as it was announced when the level last changed, in major units of its currency;
/// currencies are compared number by number and never converted nor added up: ask for one `currency` where several are
/// in use. Of equal values the lesser customer id comes first. To make one list of several instances' answers, merge them
/// by `announced_value_at_risk`, then `customer_id`.
#[derive(Serialize, JsonSchema)]
pub struct Customers<'a> {
    /// The least of the partitions' times; null before the first event.
    #[schemars(extend("format" = "date-time"))]
    at: Option<String>,
    /// The partitions that are looked at: those at work in this instance.
    partitions: Vec<i32>,
    /// How many customers are at the wanted levels, and in the wanted currency; before `channel` and `limit`.
    total: usize,
    /// The first of them.
    customers: Vec<CustomerRow<'a>>,
}

impl<'a> Customers<'a> {
    /// These customers of these partitions.
    pub fn new(at: Option<EventTime>, partitions: Vec<i32>, total: usize, customers: Vec<CustomerRow<'a>>) -> Self {
        Self { at: at.map(|at| at.to_string()), partitions, total, customers }
    }
}

/// A customer who may not come back: as of their partition's time, but for what says that it was announced.
#[derive(Serialize, JsonSchema)]
pub struct CustomerRow<'a> {
    /// Who.
    #[schemars(length(min = 1, max = 256))]
    customer_id: &'a str,
    /// The partition they are in.
    partition: i32,
    /// The level as announced.
    #[schemars(extend("enum" = [Level::Medium, Level::High, Level::Lapsed].map(Level::name)))]
    level: &'static str,
    /// The episode that is open since they left `low`.
    episode_id: Option<Uuid>,
    /// When the level was reached; null where an earlier version that did not keep it announced it.
    #[schemars(extend("format" = "date-time"))]
    level_since: Option<String>,
    /// The value at risk as announced when the level was reached: what the list is sorted by. Null where it was not
    /// kept.
    announced_value_at_risk: Option<MoneyJson>,
    #[serde(flatten)]
    assessment: AssessmentJson,
    /// What to do about it.
    #[schemars(extend("enum" = or_null(Action::ALL.map(Action::name))))]
    action: Option<&'static str>,
    /// The channels by which the customer allows to be contacted.
    #[schemars(extend("items" = { "type": "string", "enum": Channel::ALL.map(Channel::name) }))]
    contact_channels: Vec<&'static str>,
    /// How many orders are known.
    orders: u32,
    /// When the last of them was placed.
    #[schemars(extend("format" = "date-time"))]
    last_order_at: String,
}

/// The instant that a customer is looked at, if their partition's time is `at`; `None` before the first order. A time that
/// has not yet come to the last order would make them look before it.
pub(super) fn looked_at(customer: &Customer, at: Option<EventTime>) -> Option<EventTime> {
    let last = customer.purchases.last()?.at;
    Some(at.map_or(last, |at| at.max(last)))
}

impl<'a> CustomerRow<'a> {
    /// The customer as known at `at`, the time of their partition; `None` before the first order.
    pub fn new(
        id: &'a CustomerId,
        partition: i32,
        customer: &Customer,
        at: Option<EventTime>,
        policy: &Policy,
    ) -> Option<Self> {
        let (standing, last) = (&customer.standing, customer.purchases.last()?.at);
        let now = looked_at(customer, at)?;
        let assessment = Assessment::of(customer, now, policy)?;
        let since = match standing.level {
            Level::Lapsed => policy.active_until(last),
            _ => standing.level_since,
        };
        Some(Self {
            customer_id: id.as_str(),
            partition,
            level: standing.level.name(),
            episode_id: standing.episode,
            level_since: since.map(|at| at.to_string()),
            announced_value_at_risk: standing.value_at_risk.as_ref().map(MoneyJson::from),
            action: action_for(standing.level, &assessment, policy).map(|action| action.name()),
            assessment: AssessmentJson::from(&assessment),
            contact_channels: customer.consents.granted(EventTime::LATEST).map(|channel| channel.name()).collect(),
            orders: customer.purchases.count(),
            last_order_at: last.to_string(),
        })
    }
}
