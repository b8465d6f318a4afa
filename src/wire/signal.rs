//! Signals as JSON.

use compact_str::CompactString;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::domain::consent::Channel;
use crate::domain::factor::Factor;
use crate::domain::money::Total;
use crate::domain::risk::{Assessment, Evidence, Reason};
use crate::domain::signal::{Action, ChurnRisk, ReturnKind, ReturningCustomer, RiskKind};
use crate::domain::{EventTime, Level, Signal, time};

/// The signal as one JSON object.
pub fn encode(signal: &Signal) -> Vec<u8> {
    let mut json = Vec::with_capacity(1024);
    encode_into(signal, &mut json);
    json
}

/// The same, at the end of `to`.
pub fn encode_into(signal: &Signal, to: &mut Vec<u8>) {
    let written = match signal {
        Signal::ReturningCustomer(signal) => serde_json::to_writer(to, &ReturningCustomerJson::from(&**signal)),
        Signal::ChurnRisk(signal) => serde_json::to_writer(to, &ChurnRiskJson::from(&**signal)),
    };
    written.expect("texts, numbers and lists always have a JSON form");
}

/// The JSON Schemas of all signals, by `type`, from the types below.
pub(super) fn schemas() -> [(&'static str, Value); 2] {
    // No `$ref`: a schema can be copied into another document as it is.
    let settings = || SchemaSettings::draft2020_12().for_serialize().with(|settings| settings.inline_subschemas = true);
    let of = |schema: fn(SchemaGenerator) -> schemars::Schema| schema(settings().into_generator()).to_value();
    [
        (ReturningCustomer::TYPE, of(SchemaGenerator::into_root_schema_for::<ReturningCustomerJson<'static>>)),
        (ChurnRisk::TYPE, of(SchemaGenerator::into_root_schema_for::<ChurnRiskJson<'static>>)),
    ]
}

/// A purchase of a customer who has bought before.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "returning_customer")]
struct ReturningCustomerJson<'a> {
    /// UUIDv5 of what happened: the same history gives the same ids.
    event_id: Uuid,
    #[schemars(extend("const" = ReturningCustomer::TYPE))]
    r#type: &'static str,
    /// `reactivated`: more than the activity horizon after the nearest earlier order; else `second_purchase` or
    /// `repeat`.
    #[schemars(extend("enum" = ReturnKind::ALL.map(ReturnKind::name)))]
    kind: &'static str,
    /// Who: the record's key.
    #[schemars(length(min = 1, max = 256))]
    customer_id: &'a str,
    /// When the order was placed.
    #[schemars(with = "String", extend("format" = "date-time"))]
    occurred_at: CompactString,
    /// The order.
    #[schemars(length(min = 1, max = 256))]
    order_id: &'a str,
    /// How many orders are known, this one included.
    #[schemars(range(min = 2))]
    purchase_number: u32,
    /// Days of 86,400 s since the nearest earlier order; null when this one turns out to be the earliest.
    #[schemars(range(min = 0))]
    days_since_previous: Option<f64>,
    /// What the order cost, with the decimals of its currency.
    #[schemars(with = "String", extend("pattern" = "^[0-9]+([.][0-9]+)?$"))]
    amount: CompactString,
    /// ISO 4217.
    #[schemars(with = "String", extend("pattern" = "^[A-Z]{3}$"))]
    currency: CompactString,
    /// All known orders in this currency less the known refunds.
    #[schemars(with = "String", extend("pattern" = "^-?[0-9]+([.][0-9]+)?$"))]
    lifetime_amount: CompactString,
    /// The ticket that was resolved within the recovery horizon before this purchase, the first since.
    recovered_ticket_id: Option<&'a str>,
    /// The episode of `churn_risk` that this purchase ended.
    closed_episode_id: Option<Uuid>,
    /// What to do about it.
    #[schemars(extend("enum" = or_null(Action::ALL.map(Action::name))))]
    action: Option<&'static str>,
}

fn or_null<const N: usize>(names: [&'static str; N]) -> Vec<Option<&'static str>> {
    names.into_iter().map(Some).chain([None]).collect()
}

impl<'a> From<&'a ReturningCustomer> for ReturningCustomerJson<'a> {
    fn from(signal: &'a ReturningCustomer) -> Self {
        Self {
            event_id: signal.id,
            r#type: ReturningCustomer::TYPE,
            kind: signal.kind.name(),
            customer_id: signal.customer.as_str(),
            occurred_at: signal.at.to_text(),
            order_id: signal.order.as_str(),
            purchase_number: signal.purchase_number,
            days_since_previous: signal.since_previous.map(|span| span.millis() as f64 / time::DAY_MS as f64),
            amount: signal.amount.to_text(),
            currency: CompactString::new(signal.amount.currency().code()),
            lifetime_amount: signal.lifetime.to_text(),
            recovered_ticket_id: signal.recovered_ticket.as_ref().map(|id| id.as_str()),
            closed_episode_id: signal.closed_episode,
            action: signal.action.map(|action| action.name()),
        }
    }
}

/// A change of a customer's level of risk.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "churn_risk")]
struct ChurnRiskJson<'a> {
    /// UUIDv5 of what happened: the same history gives the same ids.
    event_id: Uuid,
    #[schemars(extend("const" = ChurnRisk::TYPE))]
    r#type: &'static str,
    /// `raised` out of `low`, `cleared` back to `low`, `changed` between the others.
    #[schemars(extend("enum" = RiskKind::ALL.map(RiskKind::name)))]
    kind: &'static str,
    /// Who: the record's key.
    #[schemars(length(min = 1, max = 256))]
    customer_id: &'a str,
    /// One id from `raised` to `cleared`.
    episode_id: Uuid,
    /// When the level changed, not when it was noticed.
    #[schemars(with = "String", extend("format" = "date-time"))]
    occurred_at: CompactString,
    /// The level from now on.
    #[schemars(extend("enum" = Level::ALL.map(Level::name)))]
    level: &'static str,
    /// The level until now.
    #[schemars(extend("enum" = Level::ALL.map(Level::name)))]
    previous_level: &'static str,
    #[serde(flatten)]
    assessment: AssessmentJson,
    /// What to do about it.
    #[schemars(extend("enum" = or_null(Action::ALL.map(Action::name))))]
    action: Option<&'static str>,
    /// The channels by which the customer allows to be contacted.
    #[schemars(extend("items" = { "type": "string", "enum": Channel::ALL.map(Channel::name) }))]
    contact_channels: Vec<&'static str>,
    /// `act`, or `holdout`: not to be acted upon, to measure what acting does.
    arm: &'static str,
    /// The model and its parameters.
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
            occurred_at: signal.at.to_text(),
            level: signal.level.name(),
            previous_level: signal.previous_level.name(),
            assessment: AssessmentJson::from(&signal.assessment),
            action: signal.action.map(|action| action.name()),
            contact_channels: signal.channels.iter().map(|channel| channel.name()).collect(),
            arm: "act",
            model: "mbg_nbd/default",
        }
    }
}

/// The chance of return in signals and in the API.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChanceOfReturn")]
pub struct AssessmentJson {
    /// 0 (as usual) to 1: how much of the usual chance is gone.
    #[schemars(range(min = 0, max = 1))]
    risk: f64,
    /// Probability of an order within the horizon.
    #[schemars(range(min = 0, max = 1))]
    return_probability: f64,
    /// The same as it was just after the last purchase.
    #[schemars(range(min = 0, max = 1))]
    usual_return_probability: f64,
    /// How far both look ahead.
    horizon_days: f64,
    /// When the next order is due; null when the customer is more likely gone than not.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    expected_next_purchase_at: Option<CompactString>,
    /// The chance that is gone times the mean net order: a lower bound of what a return would bring.
    value_at_risk: MoneyJson,
    /// What moved the chance, the strongest first.
    reasons: Vec<ReasonJson>,
}

impl From<&Assessment> for AssessmentJson {
    fn from(assessment: &Assessment) -> Self {
        Self {
            risk: assessment.risk,
            return_probability: assessment.return_probability,
            usual_return_probability: assessment.usual_return_probability,
            horizon_days: assessment.horizon_days,
            expected_next_purchase_at: assessment.expected_next_purchase_at.map(EventTime::to_text),
            value_at_risk: MoneyJson::from(&assessment.value_at_risk),
            reasons: assessment.reasons.iter().map(ReasonJson::from).collect(),
        }
    }
}

/// Money with its currency.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Money")]
pub struct MoneyJson {
    /// A decimal with the decimals of its currency.
    #[schemars(with = "String", extend("pattern" = "^-?[0-9]+([.][0-9]+)?$"))]
    amount: CompactString,
    /// ISO 4217.
    #[schemars(with = "String", extend("pattern" = "^[A-Z]{3}$"))]
    currency: CompactString,
}

impl From<&Total> for MoneyJson {
    fn from(total: &Total) -> Self {
        Self { amount: total.to_text(), currency: CompactString::new(total.currency.code()) }
    }
}

/// All codes of reasons.
pub(super) const REASON_CODES: [&str; 7] =
    ["silence", "open_ticket", "overdue_ticket", "repeated_contact", "low_rating", "painless_resolution", "refund"];

/// One thing that moved the chance of return, with its evidence.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Reason")]
struct ReasonJson {
    /// What it is, and so what it comes with: `silence` (`days_silent`, `usual_days_between`), `open_ticket` and
    /// `overdue_ticket` (`ticket_id`, `days_open`), `repeated_contact` (`contacts`), `low_rating` (`scale`, `score`),
    /// `painless_resolution` (`ticket_id`), `refund`.
    #[schemars(extend("enum" = REASON_CODES))]
    code: &'static str,
    /// By how much it moved the log-odds of a return.
    log_odds: f64,
    #[serde(flatten)]
    evidence: EvidenceJson,
    /// The chance of return without it.
    #[schemars(range(min = 0, max = 1))]
    return_probability_without: f64,
}

/// What a reason comes with.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum EvidenceJson {
    Silence {
        days_silent: f64,
        usual_days_between: Option<f64>,
    },
    Open {
        #[schemars(with = "String")]
        ticket_id: CompactString,
        days_open: f64,
    },
    Contacts {
        contacts: u32,
    },
    Rating {
        scale: &'static str,
        score: f64,
    },
    Resolved {
        #[schemars(with = "String")]
        ticket_id: CompactString,
    },
    Nothing {},
}

impl From<&Reason> for ReasonJson {
    fn from(reason: &Reason) -> Self {
        let (code, evidence) = evidence_of(&reason.what);
        Self {
            code,
            log_odds: reason.log_odds,
            evidence,
            return_probability_without: reason.return_probability_without,
        }
    }
}

/// The code of a reason and what it comes with.
pub(super) fn evidence_of(what: &Evidence) -> (&'static str, EvidenceJson) {
    let factor = match what {
        Evidence::Silence { days_silent, usual_days_between } => {
            let (days_silent, usual_days_between) = (*days_silent, *usual_days_between);
            return ("silence", EvidenceJson::Silence { days_silent, usual_days_between });
        }
        Evidence::Factor(factor) => factor,
    };
    match factor {
        Factor::OpenTicket { ticket, days_open } => (
            "open_ticket",
            EvidenceJson::Open { ticket_id: CompactString::new(ticket.as_str()), days_open: *days_open },
        ),
        Factor::OverdueTicket { ticket, days_open } => (
            "overdue_ticket",
            EvidenceJson::Open { ticket_id: CompactString::new(ticket.as_str()), days_open: *days_open },
        ),
        Factor::RepeatedContact { contacts } => ("repeated_contact", EvidenceJson::Contacts { contacts: *contacts }),
        Factor::LowRating { rating } => {
            ("low_rating", EvidenceJson::Rating { scale: rating.scale.name(), score: rating.score })
        }
        Factor::PainlessResolution { ticket } => {
            ("painless_resolution", EvidenceJson::Resolved { ticket_id: CompactString::new(ticket.as_str()) })
        }
        Factor::Refund => ("refund", EvidenceJson::Nothing {}),
    }
}
