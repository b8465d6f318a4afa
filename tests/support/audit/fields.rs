//! One signal against one expected: which of its fields differ.

use serde_json::Value;

use crate::support::model::money::Money;
use crate::support::model::{Assessment, ChurnRisk, Reason, Returning, calendar};

/// How far two ways of computing the same probability may be apart.
const PROBABILITY_TOLERANCE: f64 = 1e-9;

/// A millisecond beside moves what is said of the moment; no probability falls faster than that.
const TOLERANCE_BESIDE: f64 = 1e-6;

/// Half a millionth of a day: as exact as a number of days can be asked to be.
const DAYS_TOLERANCE: f64 = 0.5e-6;

struct Differences {
    found: Vec<String>,
    tolerance: f64,
}

impl Differences {
    fn same(&mut self, name: &str, expected: Value, said: &Value) {
        let is_same = match (expected.as_f64(), said.as_f64()) {
            (Some(expected), Some(said)) => (expected - said).abs() <= self.tolerance * expected.abs().max(1.0),
            _ => expected == *said,
        };
        if !is_same {
            self.found.push(format!("{name}: expected {expected}, said {said}"));
        }
    }

    fn instant(&mut self, name: &str, expected: Option<i64>, said: &Value, millis_beside: i64) {
        let instant = said.as_str().and_then(calendar::parse);
        let is_same = match (expected, instant) {
            (Some(expected), Some(said)) => (expected - said).abs() <= millis_beside,
            (expected, instant) => expected == instant && (instant.is_some() || said.is_null()),
        };
        if !is_same {
            self.found.push(format!("{name}: expected {:?}, said {said}", expected.map(calendar::format)));
        }
    }

    /// Numbers an episode as the model does: from the customer's first. 0 stands for one that was never raised.
    fn episode(&mut self, name: &str, expected: Option<usize>, said: &Value, episodes: &[String]) {
        let number = said.as_str().map(|id| episodes.iter().position(|raised| raised == id).map_or(0, |at| at + 1));
        if number != expected {
            self.found.push(format!("{name}: expected episode {expected:?}, said {said}, which is {number:?}"));
        }
    }
}

pub fn churn_risk_differs(expected: &ChurnRisk, body: &Value, episodes: &[String]) -> Vec<String> {
    let occurred_at = body["occurred_at"].as_str().and_then(calendar::parse);
    let is_exact = occurred_at == Some(expected.at);
    let tolerance = if is_exact { PROBABILITY_TOLERANCE } else { TOLERANCE_BESIDE };
    let mut differences = Differences { found: Vec::new(), tolerance };
    let beside = i64::from(expected.is_at_crossing);
    differences.same("kind", expected.kind.into(), &body["kind"]);
    differences.instant("occurred_at", Some(expected.at), &body["occurred_at"], beside);
    differences.same("previous_level", expected.previous_level.name().into(), &body["previous_level"]);
    differences.same("level", expected.level.name().into(), &body["level"]);
    differences.episode("episode_id", Some(expected.episode), &body["episode_id"], episodes);
    differences.same("action", expected.action.into(), &body["action"]);
    differences.same("contact_channels", expected.channels.clone().into(), &body["contact_channels"]);
    assessment_differs(&expected.assessment, body, beside, &mut differences);
    differences.found
}

fn assessment_differs(expected: &Assessment, body: &Value, beside: i64, differences: &mut Differences) {
    differences.same("return_probability", expected.return_probability.into(), &body["return_probability"]);
    let usual = expected.usual_return_probability;
    differences.same("usual_return_probability", usual.into(), &body["usual_return_probability"]);
    differences.same("risk", expected.risk.into(), &body["risk"]);
    differences.same("horizon_days", 90.into(), &body["horizon_days"]);
    // The whole millisecond of a median is anybody's; one beside moves it by about as much.
    let next = expected.expected_next_purchase_at;
    differences.instant("expected_next_purchase_at", next, &body["expected_next_purchase_at"], 1 + 10 * beside);
    value_differs(expected, &body["value_at_risk"], differences);
    let no_reasons = Vec::new();
    let reasons = body["reasons"].as_array().unwrap_or(&no_reasons);
    let codes = |said: &[Value]| said.iter().map(|reason| reason["code"].clone()).collect::<Value>();
    let expected_codes = expected.reasons.iter().map(|reason| Value::from(reason.code)).collect::<Value>();
    differences.same("the codes of reasons", expected_codes, &codes(reasons));
    for (expected, said) in expected.reasons.iter().zip(reasons) {
        reason_differs(expected, said, differences);
    }
}

fn reason_differs(expected: &Reason, said: &Value, differences: &mut Differences) {
    let code = expected.code;
    differences.same(&format!("log_odds of {code}"), expected.log_odds.into(), &said["log_odds"]);
    let without = expected.without;
    differences.same(&format!("chance without {code}"), without.into(), &said["return_probability_without"]);
    for (name, value) in &expected.evidence {
        differences.same(&format!("{name} of {code}"), value.clone(), said.get(name).unwrap_or(&"missing".into()));
    }
}

/// What lies at half a minor unit may be rounded either way by arithmetic of another kind.
fn value_differs(expected: &Assessment, said: &Value, differences: &mut Differences) {
    let exact = expected.value_at_risk;
    let slack = 1e-6 + exact.abs() * differences.tolerance;
    let (least, greatest) = ((exact - slack).round_ties_even() as i64, (exact + slack).round_ties_even() as i64);
    differences.same("currency of value_at_risk", expected.currency.as_str().into(), &said["currency"]);
    let minor = said["amount"].as_str().and_then(|amount| Money::parse(amount, &expected.currency));
    let is_right = minor.is_some_and(|money| (least..=greatest).contains(&money.minor));
    if !is_right {
        differences.found.push(format!("value_at_risk: expected {exact} minor units, said {said}"));
    }
}

pub fn returning_differs(expected: &Returning, body: &Value, episodes: &[String]) -> Vec<String> {
    let mut differences = Differences { found: Vec::new(), tolerance: DAYS_TOLERANCE };
    differences.same("kind", expected.kind.into(), &body["kind"]);
    differences.instant("occurred_at", Some(expected.at), &body["occurred_at"], 0);
    differences.same("order_id", expected.order_id.as_str().into(), &body["order_id"]);
    differences.same("purchase_number", expected.purchase_number.into(), &body["purchase_number"]);
    let days = expected.since_previous.map(|gap| gap as f64 / calendar::DAY as f64);
    let tolerance = differences.tolerance;
    differences.tolerance = tolerance / days.unwrap_or(1.0).abs().max(1.0);
    differences.same("days_since_previous", days.into(), &body["days_since_previous"]);
    differences.tolerance = tolerance;
    differences.same("amount", expected.amount.as_str().into(), &body["amount"]);
    differences.same("currency", expected.currency.as_str().into(), &body["currency"]);
    differences.same("lifetime_amount", expected.lifetime_amount.as_str().into(), &body["lifetime_amount"]);
    differences.same("recovered_ticket_id", expected.recovered_ticket.as_deref().into(), &body["recovered_ticket_id"]);
    differences.episode("closed_episode_id", expected.closes_episode, &body["closed_episode_id"], episodes);
    differences.same("action", expected.action.into(), &body["action"]);
    differences.found
}
