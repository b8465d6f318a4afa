//! A signal, told in a line.

use console::{StyledObject, style};

use super::signal::{About, Return, Risk, Signal, days};
use crate::domain::EventTime;

/// What sort of story it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Ordered again after a ticket was resolved.
    Recovered,
    Reactivated,
    SecondPurchase,
    Repeat,
    SlippingAway,
    WentSilent,
    /// Less at risk than before.
    Calmer,
}

impl Sort {
    fn of(signal: &Signal) -> Option<Self> {
        Some(match (&signal.about, signal.kind.as_str()) {
            (About::Return(Return { recovered_ticket_id: Some(_), .. }), _) => Self::Recovered,
            (_, "reactivated") => Self::Reactivated,
            (_, "second_purchase") => Self::SecondPurchase,
            (_, "repeat") => Self::Repeat,
            (About::Risk(Risk { level, .. }), _) if level == "lapsed" => Self::WentSilent,
            (About::Risk(Risk { level, previous_level, .. }), "raised" | "changed") => {
                let is_down = level == "medium" && previous_level != "low" || previous_level == "lapsed";
                if is_down { Self::Calmer } else { Self::SlippingAway }
            }
            // A purchase that clears is a story of its own.
            (About::Risk(risk), "cleared") if !risk.why().is_empty() => Self::Calmer,
            _ => return None,
        })
    }

    /// Padded, so that lines stand below each other.
    fn label(self) -> StyledObject<&'static str> {
        match self {
            Self::Recovered => style("recovered    ").green().bold(),
            Self::Reactivated => style("won back     ").green().bold(),
            Self::SecondPurchase => style("came back    ").green(),
            Self::Repeat => style("came again   ").cyan(),
            Self::SlippingAway => style("slipping away").yellow().bold(),
            Self::WentSilent => style("went silent  ").red(),
            Self::Calmer => style("calmer       ").dim(),
        }
    }
}

pub(super) struct Story {
    pub(super) sort: Sort,
    pub(super) at: Option<EventTime>,
    pub(super) line: String,
}

impl Story {
    pub(super) fn of(signal: &Signal) -> Option<Self> {
        let sort = Sort::of(signal)?;
        let words = match &signal.about {
            About::Return(order) => return_in_words(order),
            About::Risk(risk) => risk_in_words(risk),
        };
        let day = signal.occurred_at.get(..10).unwrap_or_default();
        let line = format!("{}  {}  {:<9} {words}", style(day).dim(), sort.label(), signal.customer_id);
        Some(Self { sort, at: EventTime::parse_rfc3339(&signal.occurred_at), line })
    }
}

fn return_in_words(order: &Return) -> String {
    let away = match order.days_since_previous {
        Some(gap) => format!("after {}", days(gap)),
        None => "with an earlier order".to_owned(),
    };
    let solved = order.recovered_ticket_id.as_ref().map(|ticket| format!(", {ticket} being solved"));
    let Return { purchase_number, amount, currency, lifetime_amount, .. } = order;
    let solved = solved.unwrap_or_default();
    format!("{away}{solved}, order {purchase_number}: {amount} {currency} ({lifetime_amount} in all)")
}

fn risk_in_words(risk: &Risk) -> String {
    let Risk { level, value_at_risk, .. } = risk;
    let (amount, currency, why) = (&value_at_risk.amount, &value_at_risk.currency, risk.why());
    let worth = if level == "low" { String::new() } else { format!(", worth {amount} {currency}") };
    format!("{level}: chance of return {}{worth}{}{why}", risk.chance(), if why.is_empty() { "" } else { ": " })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(signal: &str) -> (Sort, String) {
        let signal = serde_json::from_str(signal).expect("a signal");
        let story = Story::of(&signal).expect("a story");
        (story.sort, console::strip_ansi_codes(&story.line).into_owned())
    }

    #[test]
    fn the_contracts_examples_are_told_in_words() {
        let (sort, line) = told(
            r#"{"event_id":"…","type":"churn_risk","kind":"raised","customer_id":"c-42","episode_id":"…",
            "occurred_at":"2026-04-20T00:00:00Z","level":"high","previous_level":"low","risk":0.77,
            "return_probability":0.14,"usual_return_probability":0.62,"horizon_days":90,"expected_next_purchase_at":null,
            "value_at_risk":{"amount":"41.20","currency":"EUR"},
            "reasons":[{"code":"silence","log_odds":-1.6,"days_silent":50.0,"usual_days_between":12.4,"return_probability_without":0.45},
            {"code":"open_ticket","log_odds":-0.7,"ticket_id":"t-9","days_open":6.0,"return_probability_without":0.25}],
            "action":"resolve_ticket","contact_channels":["email"],"arm":"act","model":"mbg_nbd/default"}"#,
        );
        assert_eq!(sort, Sort::SlippingAway);
        assert_eq!(
            line,
            "2026-04-20  slipping away  c-42      high: chance of return 62 % -> 14 %, worth 41.20 EUR: silent for \
             50 days where 12 days are usual, ticket t-9 is open"
        );
        let (sort, line) = told(
            r#"{"event_id":"…","type":"returning_customer","kind":"second_purchase","customer_id":"c-42",
            "occurred_at":"2026-03-01T10:00:00Z","order_id":"o-7","purchase_number":2,"days_since_previous":41.25,
            "amount":"129.90","currency":"EUR","lifetime_amount":"301.40","recovered_ticket_id":"t-9",
            "closed_episode_id":"…","action":"thank_you"}"#,
        );
        assert_eq!(sort, Sort::Recovered);
        assert!(line.ends_with("after 41 days, t-9 being solved, order 2: 129.90 EUR (301.40 in all)"), "{line}");
    }
}
