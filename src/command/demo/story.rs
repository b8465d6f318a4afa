//! A signal, told in words.

use console::style;
use serde::Deserialize;

use crate::domain::EventTime;

/// What the demo reads of a signal: the JSON any downstream service gets.
#[derive(Deserialize)]
struct SignalJson {
    kind: String,
    customer_id: String,
    occurred_at: String,
    #[serde(default)]
    purchase_number: Option<u32>,
    #[serde(default)]
    days_since_previous: Option<f64>,
    #[serde(default)]
    amount: Option<String>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    lifetime_amount: Option<String>,
    #[serde(default)]
    level: Option<String>,
    #[serde(default)]
    return_probability: Option<f64>,
    #[serde(default)]
    usual_return_probability: Option<f64>,
    #[serde(default)]
    value_at_risk: Option<Money>,
    #[serde(default)]
    reasons: Vec<Reason>,
}

#[derive(Deserialize)]
struct Money {
    amount: String,
    currency: String,
}

#[derive(Deserialize)]
struct Reason {
    code: String,
    #[serde(default)]
    days_silent: Option<f64>,
    #[serde(default)]
    usual_days_between: Option<f64>,
}

/// What sort of story it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Reactivated,
    SecondPurchase,
    Repeat,
    WentSilent,
    Cleared,
}

pub(super) struct Story {
    pub(super) sort: Sort,
    pub(super) at: Option<EventTime>,
    pub(super) line: String,
}

impl Story {
    /// The story in a signal's JSON.
    pub(super) fn of(signal: &[u8]) -> Option<Self> {
        let signal: SignalJson = serde_json::from_slice(signal).ok()?;
        let sort = match (signal.kind.as_str(), signal.level.as_deref()) {
            ("reactivated", _) => Sort::Reactivated,
            ("second_purchase", _) => Sort::SecondPurchase,
            ("repeat", _) => Sort::Repeat,
            (_, Some("lapsed")) => Sort::WentSilent,
            ("cleared", _) => Sort::Cleared,
            _ => return None,
        };
        let words = match sort {
            Sort::WentSilent | Sort::Cleared => silence_in_words(&signal),
            _ => return_in_words(&signal),
        };
        let label = match sort {
            Sort::Reactivated => style("won back   ").green().bold(),
            Sort::SecondPurchase => style("came back  ").green(),
            Sort::Repeat => style("came again ").cyan(),
            Sort::WentSilent => style("went silent").yellow().bold(),
            Sort::Cleared => style("no longer at risk").green(),
        };
        let day = signal.occurred_at.get(..10).unwrap_or_default();
        let line = format!("{}  {label}  {:<9} {words}", style(day).dim(), signal.customer_id);
        Some(Self { sort, at: EventTime::parse_rfc3339(&signal.occurred_at), line })
    }
}

fn return_in_words(signal: &SignalJson) -> String {
    let number = signal.purchase_number.unwrap_or_default();
    let days = signal.days_since_previous.unwrap_or_default();
    let away = if days < 1.0 { "within a day".to_owned() } else { format!("after {days:.0} days") };
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let (amount, currency, lifetime) = (text(&signal.amount), text(&signal.currency), text(&signal.lifetime_amount));
    format!("{away}, order {number}: {amount} {currency} ({lifetime} in all)")
}

fn silence_in_words(signal: &SignalJson) -> String {
    let percent = |share: Option<f64>| share.unwrap_or_default() * 100.0;
    let chance = format!(
        "chance of return {:.0} % -> {:.0} %",
        percent(signal.usual_return_probability),
        percent(signal.return_probability)
    );
    let silence = signal.reasons.iter().find(|reason| reason.code == "silence");
    let why = silence.map(|reason| {
        let silent = reason.days_silent.unwrap_or_default();
        match reason.usual_days_between {
            Some(usual) => format!("no order for {silent:.0} days where {usual:.0} are usual, "),
            None => format!("no second order for {silent:.0} days, "),
        }
    });
    let worth = signal.value_at_risk.as_ref().map(|money| format!(", worth {} {}", money.amount, money.currency));
    format!("{}{chance}{}", why.unwrap_or_default(), worth.unwrap_or_default())
}
