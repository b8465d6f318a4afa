//! Signals as JSON.

use serde::Serialize;
use uuid::Uuid;

use crate::domain::money::Total;
use crate::domain::risk::{Assessment, Reason};
use crate::domain::signal::{ChurnRisk, ReturningCustomer};
use crate::domain::{Signal, time};

/// The signal as one JSON object.
pub fn encode(signal: &Signal) -> Vec<u8> {
    let json = match signal {
        Signal::ReturningCustomer(signal) => serde_json::to_vec(&ReturningCustomerJson::from(&**signal)),
        Signal::ChurnRisk(signal) => serde_json::to_vec(&ChurnRiskJson::from(&**signal)),
    };
    json.expect("texts, numbers and lists always have a JSON form")
}

#[derive(Serialize)]
struct ReturningCustomerJson<'a> {
    event_id: Uuid,
    r#type: &'static str,
    kind: &'static str,
    customer_id: &'a str,
    occurred_at: String,
    order_id: &'a str,
    purchase_number: u32,
    days_since_previous: Option<f64>,
    amount: String,
    currency: String,
    lifetime_amount: String,
    recovered_ticket_id: Option<&'a str>,
    closed_episode_id: Option<Uuid>,
    action: Option<&'static str>,
}

impl<'a> From<&'a ReturningCustomer> for ReturningCustomerJson<'a> {
    fn from(signal: &'a ReturningCustomer) -> Self {
        Self {
            event_id: signal.id,
            r#type: ReturningCustomer::TYPE,
            kind: signal.kind.name(),
            customer_id: signal.customer.as_str(),
            occurred_at: signal.at.to_string(),
            order_id: signal.order.as_str(),
            purchase_number: signal.purchase_number,
            days_since_previous: signal.since_previous.map(|span| span.millis() as f64 / time::DAY_MS as f64),
            amount: signal.amount.to_string(),
            currency: signal.amount.currency().code().to_owned(),
            lifetime_amount: signal.lifetime.to_string(),
            recovered_ticket_id: None,
            closed_episode_id: signal.closed_episode,
            action: signal.action.map(|action| action.name()),
        }
    }
}

#[derive(Serialize)]
struct ChurnRiskJson<'a> {
    event_id: Uuid,
    r#type: &'static str,
    kind: &'static str,
    customer_id: &'a str,
    episode_id: Uuid,
    occurred_at: String,
    level: &'static str,
    previous_level: &'static str,
    #[serde(flatten)]
    assessment: AssessmentJson,
    action: Option<&'static str>,
    contact_channels: [&'static str; 0],
    arm: &'static str,
    model: &'static str,
}

impl<'a> From<&'a ChurnRisk> for ChurnRiskJson<'a> {
    fn from(signal: &'a ChurnRisk) -> Self {
        Self {
            event_id: signal.id,
            r#type: ChurnRisk::TYPE,
            kind: signal.kind.name(),
            customer_id: signal.customer.as_str(),
            episode_id: signal.episode,
            occurred_at: signal.at.to_string(),
            level: signal.level.name(),
            previous_level: signal.previous_level.name(),
            assessment: AssessmentJson::from(&signal.assessment),
            action: signal.action.map(|action| action.name()),
            // Nobody may be contacted until they said so; consent is not read yet.
            contact_channels: [],
            arm: "act",
            model: "mbg_nbd/default",
        }
    }
}

/// The chance of return in signals and in the API.
#[derive(Serialize)]
pub struct AssessmentJson {
    risk: f64,
    return_probability: f64,
    usual_return_probability: f64,
    horizon_days: f64,
    expected_next_purchase_at: Option<String>,
    value_at_risk: MoneyJson,
    reasons: Vec<ReasonJson>,
}

impl From<&Assessment> for AssessmentJson {
    fn from(assessment: &Assessment) -> Self {
        Self {
            risk: assessment.risk,
            return_probability: assessment.return_probability,
            usual_return_probability: assessment.usual_return_probability,
            horizon_days: assessment.horizon_days,
            expected_next_purchase_at: assessment.expected_next_purchase_at.map(|at| at.to_string()),
            value_at_risk: MoneyJson::from(&assessment.value_at_risk),
            reasons: assessment.reasons.iter().map(ReasonJson::from).collect(),
        }
    }
}

/// Money with its currency.
#[derive(Serialize)]
pub struct MoneyJson {
    amount: String,
    currency: String,
}

impl From<&Total> for MoneyJson {
    fn from(total: &Total) -> Self {
        Self { amount: total.to_string(), currency: total.currency.code().to_owned() }
    }
}

#[derive(Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
enum ReasonJson {
    Silence { log_odds: f64, days_silent: f64, usual_days_between: Option<f64>, return_probability_without: f64 },
}

impl From<&Reason> for ReasonJson {
    fn from(reason: &Reason) -> Self {
        match *reason {
            Reason::Silence { log_odds, days_silent, usual_days_between, return_probability_without } => {
                Self::Silence { log_odds, days_silent, usual_days_between, return_probability_without }
            }
        }
    }
}
