//! The signals: their envelope, their identity, and each customer's sequence of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Complaints;
use super::fields::{churn_risk_differs, returning_differs};
use super::schemas::Schemas;
use crate::support::model::{ChurnRisk, Expected, Returning, Story, calendar};
use crate::support::topic::Record;

const RETURNING: &str = "returning_customer";
const CHURN_RISK: &str = "churn_risk";

type Sequences = BTreeMap<String, Vec<Value>>;

/// All that was announced, per customer and in order.
#[derive(Debug, Default)]
pub struct Said {
    returning: Sequences,
    churn_risk: Sequences,
}

impl Said {
    /// From the two topics: the published schemas, CloudEvents headers, keys and one partition a customer are checked
    /// on the way.
    pub fn on_topics(returning: &[Record], churn_risk: &[Record]) -> Self {
        let mut complaints = Complaints::about("the envelope of the signals");
        let said = Self {
            returning: unpack(returning, RETURNING, &mut complaints),
            churn_risk: unpack(churn_risk, CHURN_RISK, &mut complaints),
        };
        complaints.settle();
        said
    }

    /// From the JSON lines that `replay` writes.
    pub fn in_lines(text: &str) -> Self {
        let mut said = Self::default();
        for line in text.lines() {
            let body: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("a line is no JSON ({error}): {line}"));
            let sequences = match body["type"].as_str() {
                Some(RETURNING) => &mut said.returning,
                Some(CHURN_RISK) => &mut said.churn_risk,
                _ => panic!("a line is no signal: {line}"),
            };
            let customer = body["customer_id"].as_str().expect("a signal names its customer").to_owned();
            sequences.entry(customer).or_default().push(body);
        }
        said
    }

    pub fn count(&self) -> usize {
        self.all().count()
    }

    /// How many of a type and kind.
    pub fn count_of(&self, kind: &str) -> usize {
        self.all().filter(|body| body["kind"] == kind).count()
    }

    /// Type and id of every signal.
    ///
    /// # Panics
    /// When an id was used twice.
    pub fn ids(&self) -> BTreeSet<(String, String)> {
        self.ids_given(&Expected::default())
    }

    /// Type and id of every signal.
    ///
    /// # Panics
    /// When an id was used twice, but for an order that must be announced twice: it came again when its customer had
    /// been erased meanwhile. Who reads the signals knows it by its id.
    pub fn ids_given(&self, expected: &Expected) -> BTreeSet<(String, String)> {
        let mut complaints = Complaints::about("the ids of the signals");
        let mut ids = BTreeSet::new();
        for body in self.all() {
            let id = body["event_id"].as_str().unwrap_or_default();
            // A UUIDv5 of what happened: a random one could not be the same in a replay.
            let is_named = id.len() == 36 && id.as_bytes()[14] == b'5';
            complaints.check(is_named, || format!("not a UUIDv5: {body}"));
            let is_new = ids.insert((body["type"].as_str().unwrap_or_default().to_owned(), id.to_owned()));
            complaints.check(is_new || is_told_again(body, expected), || format!("announced twice: {body}"));
        }
        complaints.settle();
        ids
    }

    /// # Panics
    /// Unless exactly the expected was announced, each customer's in order; and when nobody can say what was expected.
    pub fn must_be(&self, expected: &Expected) {
        let open: Vec<&String> = expected.uncertain.iter().take(5).collect();
        assert!(open.is_empty(), "these depend on when an input was taken for idle, which no test may do: {open:?}");
        Complaints { found: self.differences(expected), ..Complaints::about("the signals") }.settle();
    }

    /// Each customer's first signal that is not what was expected.
    pub fn differences(&self, expected: &Expected) -> Vec<String> {
        let mut complaints = Complaints::about("the signals");
        let nothing = Story::default();
        let customers: BTreeSet<&String> =
            expected.stories.keys().chain(self.returning.keys()).chain(self.churn_risk.keys()).collect();
        let mut episodes_seen = BTreeSet::new();
        for customer in customers {
            let story = expected.stories.get(customer).unwrap_or(&nothing);
            let churn_risk = self.churn_risk.get(customer).map_or(&[][..], Vec::as_slice);
            let returning = self.returning.get(customer).map_or(&[][..], Vec::as_slice);
            let episodes = episodes_of(churn_risk);
            for episode in &episodes {
                complaints.check(episodes_seen.insert(episode.clone()), || {
                    format!("{customer}: episode {episode} was raised before")
                });
            }
            let differs = |expected: &ChurnRisk, body: &Value| churn_risk_differs(expected, body, &episodes);
            compare(customer, &story.churn_risk, churn_risk, ChurnRisk::line, differs, &mut complaints);
            let differs = |expected: &Returning, body: &Value| returning_differs(expected, body, &episodes);
            compare(customer, &story.returning, returning, Returning::line, differs, &mut complaints);
        }
        complaints.found
    }

    fn all(&self) -> impl Iterator<Item = &Value> {
        self.returning.values().chain(self.churn_risk.values()).flatten()
    }
}

fn is_told_again(body: &Value, expected: &Expected) -> bool {
    let story = body["customer_id"].as_str().and_then(|customer| expected.stories.get(customer));
    let again =
        story.map_or(0, |story| story.returning.iter().filter(|order| body["order_id"] == *order.order_id).count());
    body["type"] == RETURNING && again > 1
}

fn unpack(records: &[Record], kind: &str, complaints: &mut Complaints) -> Sequences {
    let mut sequences = Sequences::new();
    let mut homes: BTreeMap<String, i32> = BTreeMap::new();
    for record in records {
        let body = record.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let customer = text("customer_id");
        let mut must = |holds: bool, what: &str| {
            complaints.check(holds, || format!("{what}: {record:?}"));
        };
        must(record.key_text() == customer, "the key is not the customer id");
        must(text("type") == kind, "a type of another topic");
        let objection = Schemas::published().objection(&body);
        must(objection.is_none(), objection.as_deref().unwrap_or_default());
        must(record.header("ce_specversion") == Some("1.0"), "ce_specversion is not 1.0");
        must(record.header("ce_id") == Some(&text("event_id")), "ce_id is not the event_id");
        must(record.header("ce_type").is_some_and(|value| !value.is_empty()), "no ce_type");
        must(record.header("ce_source").is_some_and(|value| !value.is_empty()), "no ce_source");
        let ce_time = record.header("ce_time").and_then(calendar::parse);
        must(ce_time.is_some() && ce_time == calendar::parse(&text("occurred_at")), "ce_time is not occurred_at");
        must(record.header("content-type") == Some("application/json"), "content-type is not application/json");
        let home = *homes.entry(customer.clone()).or_insert(record.partition);
        must(home == record.partition, "a customer in two partitions");
        sequences.entry(customer).or_default().push(body);
    }
    sequences
}

fn episodes_of(churn_risk: &[Value]) -> Vec<String> {
    let raised = churn_risk.iter().filter(|body| body["kind"] == "raised");
    raised.filter_map(|body| body["episode_id"].as_str().map(str::to_owned)).collect()
}

fn compare<T>(
    customer: &str,
    expected: &[T],
    said: &[Value],
    line: impl Fn(&T) -> String,
    differs: impl Fn(&T, &Value) -> Vec<String>,
    complaints: &mut Complaints,
) {
    for place in 0..expected.len().max(said.len()) {
        let (wanted, got) = (expected.get(place), said.get(place));
        let differences = wanted.zip(got).map(|(wanted, got)| differs(wanted, got));
        if differences.as_ref().is_some_and(Vec::is_empty) {
            continue;
        }
        let wanted = wanted.map_or_else(|| "nothing".to_owned(), &line);
        let got = got.map_or_else(|| "nothing".to_owned(), Value::to_string);
        let details: String = differences.into_iter().flatten().map(|detail| format!("\n        {detail}")).collect();
        complaints.add(format!("{customer}, signal {place}:\n    expected {wanted}\n    said     {got}{details}"));
        // What follows is likely only shifted.
        break;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::model::money::Money;
    use crate::support::model::{Ending, Limits, Reason};

    /// Ana buys, stays away for more than the horizon and comes back twice.
    fn expected() -> Expected {
        let days = ["2026-01-01", "2026-05-01", "2026-05-02"];
        let records: Vec<Record> = (0..)
            .zip(days)
            .map(|(offset, day)| Record {
                partition: 0,
                offset,
                written_at: 0,
                key: Some("ana".into()),
                value: Some(
                    serde_json::json!({
                        "type": "purchase", "event_id": day, "customer_id": "ana", "order_id": day,
                        "occurred_at": format!("{day}T00:00:00Z"), "amount": "10", "currency": "EUR",
                    })
                    .to_string()
                    .into(),
                ),
                headers: Vec::new(),
            })
            .collect();
        Expected::of(&records, Limits { latest_credible: calendar::Instant::MAX }, Ending::TimeStands)
    }

    /// All that must be said, said right: the changes of level, then the orders.
    fn lines() -> Vec<String> {
        let expected = expected();
        let story = &expected.stories["ana"];
        let id = |number: usize| format!("0000000{number}-0000-5000-8000-000000000000");
        let changed = |number: usize| {
            let signal = &story.churn_risk[number];
            let what = &signal.assessment;
            let reason = |reason: &Reason| {
                let mut body = serde_json::json!({
                    "code": reason.code, "log_odds": reason.log_odds, "return_probability_without": reason.without
                });
                for (name, value) in &reason.evidence {
                    body[name] = value.clone();
                }
                body
            };
            serde_json::json!({
                "type": "churn_risk", "event_id": id(number), "customer_id": "ana", "kind": signal.kind,
                "episode_id": "first", "occurred_at": calendar::format(signal.at),
                "previous_level": signal.previous_level.name(), "level": signal.level.name(), "risk": what.risk,
                "return_probability": what.return_probability, "horizon_days": 90,
                "usual_return_probability": what.usual_return_probability,
                "expected_next_purchase_at": what.expected_next_purchase_at.map(calendar::format),
                "value_at_risk":
                    {"amount": Money::text(what.value_at_risk_minor(), "EUR"), "currency": what.currency},
                "reasons": what.reasons.iter().map(reason).collect::<Vec<_>>(),
                "action": signal.action, "contact_channels": signal.channels, "arm": "act",
            })
        };
        let bought = |number: usize, closed: Value| {
            let signal = &story.returning[number];
            serde_json::json!({
                "type": "returning_customer", "event_id": id(number + 7), "customer_id": "ana", "kind": signal.kind,
                "occurred_at": calendar::format(signal.at), "order_id": signal.order_id,
                "purchase_number": signal.purchase_number,
                "days_since_previous": signal.since_previous.map(|gap| gap as f64 / 86_400_000.0),
                "amount": signal.amount, "currency": signal.currency, "lifetime_amount": signal.lifetime_amount,
                "recovered_ticket_id": null, "closed_episode_id": closed, "action": signal.action,
            })
        };
        let closed = |number: usize| if number == 0 { Value::from("first") } else { Value::Null };
        let changes = (0..story.churn_risk.len()).map(changed);
        let orders = (0..story.returning.len()).map(|number| bought(number, closed(number)));
        changes.chain(orders).map(|line| line.to_string()).collect()
    }

    #[test]
    fn what_was_said_right_passes() {
        let kinds: Vec<&str> = expected().stories["ana"].churn_risk.iter().map(|change| change.kind).collect();
        assert_eq!(kinds, ["raised", "changed", "cleared"]);
        let said = Said::in_lines(&lines().join("\n"));
        said.must_be(&expected());
        assert_eq!(said.ids().len(), 5);
    }

    #[test]
    #[should_panic(expected = "said     nothing")]
    fn a_lost_signal_is_noticed() {
        Said::in_lines(&lines()[..4].join("\n")).must_be(&expected());
    }

    #[test]
    #[should_panic(expected = "expected nothing")]
    fn a_doubled_signal_is_noticed() {
        let mut lines = lines();
        lines.push(lines[4].clone());
        Said::in_lines(&lines.join("\n")).must_be(&expected());
    }

    #[test]
    #[should_panic(expected = "announced twice")]
    fn an_id_used_twice_is_noticed() {
        let mut lines = lines();
        lines.push(lines[4].clone());
        Said::in_lines(&lines.join("\n")).ids();
    }

    #[test]
    #[should_panic(expected = "2 differences")]
    fn another_order_is_noticed() {
        let mut lines = lines();
        lines.reverse();
        Said::in_lines(&lines.join("\n")).must_be(&expected());
    }

    #[test]
    fn every_field_that_differs_is_noticed() {
        for (said, meant) in [
            ("\"code\":\"silence\"", "\"code\":\"refund\""),
            ("\"days_silent\":", "\"days_silent\":1"),
            ("\"action\":\"win_back_offer\"", "\"action\":\"call\""),
            ("\"contact_channels\":[]", "\"contact_channels\":[\"email\"]"),
            ("\"previous_level\":\"medium\"", "\"previous_level\":\"low\""),
            ("\"recovered_ticket_id\":null", "\"recovered_ticket_id\":\"t\""),
            ("\"closed_episode_id\":null", "\"closed_episode_id\":\"first\""),
            ("\"return_probability_without\":0.", "\"return_probability_without\":0.9"),
            ("\"value_at_risk\":{\"amount\":\"", "\"value_at_risk\":{\"amount\":\"7"),
        ] {
            let text = lines().join("\n");
            assert!(text.contains(said), "{said} is in none of {text}");
            let changed = text.replacen(said, meant, 1);
            let is_noticed = std::panic::catch_unwind(|| Said::in_lines(&changed).must_be(&expected())).is_err();
            assert!(is_noticed, "{said} became {meant}");
        }
    }

    #[test]
    #[should_panic(expected = "which is Some(0)")]
    fn an_episode_that_was_never_raised_is_noticed() {
        let mut lines = lines();
        lines[2] = lines[2].replace("\"episode_id\":\"first\"", "\"episode_id\":\"second\"");
        Said::in_lines(&lines.join("\n")).must_be(&expected());
    }
}
