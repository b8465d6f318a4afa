//! The signals: their envelope, their identity, and each customer's sequence of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Complaints;
use crate::support::model::{ChurnRisk, Expected, Level, Returning, Story, calendar};
use crate::support::topic::Record;

const RETURNING: &str = "returning_customer";
const CHURN_RISK: &str = "churn_risk";

/// Half a millionth of a day: as exact as a number of days can be asked to be.
const DAYS_TOLERANCE_MILLIS: i64 = 50;

type Sequences = BTreeMap<String, Vec<Value>>;

/// All that was announced, per customer and in order.
#[derive(Debug, Default)]
pub struct Said {
    returning: Sequences,
    churn_risk: Sequences,
}

impl Said {
    /// From the two topics: CloudEvents headers, keys and one partition a customer are checked on the way.
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
        let mut complaints = Complaints::about("the ids of the signals");
        let mut ids = BTreeSet::new();
        for body in self.all() {
            let id = body["event_id"].as_str().unwrap_or_default();
            // A UUIDv5 of what happened: a random one could not be the same in a replay.
            let is_named = id.len() == 36 && id.as_bytes()[14] == b'5';
            complaints.check(is_named, || format!("not a UUIDv5: {body}"));
            let is_new = ids.insert((body["type"].as_str().unwrap_or_default().to_owned(), id.to_owned()));
            complaints.check(is_new, || format!("announced twice: {body}"));
        }
        complaints.settle();
        ids
    }

    /// # Panics
    /// Unless exactly the expected was announced, each customer's in order.
    pub fn must_be(&self, expected: &Expected) {
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
            let changes: Vec<_> = churn_risk.iter().map(|body| read_churn_risk(body, &episodes)).collect();
            compare(customer, &story.churn_risk, &changes, ChurnRisk::line, &mut complaints);
            let orders: Vec<_> = returning
                .iter()
                .enumerate()
                .map(|(place, body)| read_returning(body, &episodes, story.returning.get(place)))
                .collect();
            compare(customer, &story.returning, &orders, Returning::line, &mut complaints);
        }
        complaints.settle();
    }

    fn all(&self) -> impl Iterator<Item = &Value> {
        self.returning.values().chain(self.churn_risk.values()).flatten()
    }
}

fn unpack(records: &[Record], kind: &str, complaints: &mut Complaints) -> Sequences {
    let mut sequences = Sequences::new();
    let mut homes: BTreeMap<String, i32> = BTreeMap::new();
    for record in records {
        let body = record.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let customer = text("customer_id");
        let mut must = |holds: bool, what: &str| {
            complaints.check(holds, || format!("{what}: {:?} {body}", record.headers));
        };
        must(record.key_text() == customer, "the key is not the customer id");
        must(text("type") == kind, "a type of another topic");
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

/// Numbers an episode as the model does: from the customer's first. 0 stands for one that was never raised.
fn number_of(episode: &str, episodes: &[String]) -> usize {
    episodes.iter().position(|raised| raised == episode).map_or(0, |place| place + 1)
}

fn read_churn_risk(body: &Value, episodes: &[String]) -> Option<ChurnRisk> {
    let kind = ["raised", "cleared"].into_iter().find(|kind| body["kind"] == *kind)?;
    let level = |name: &str| [Level::Low, Level::Lapsed].into_iter().find(|level| body[name] == level.name());
    Some(ChurnRisk {
        kind,
        at: calendar::parse(body["occurred_at"].as_str()?)?,
        previous_level: level("previous_level")?,
        level: level("level")?,
        episode: number_of(body["episode_id"].as_str()?, episodes),
    })
}

fn read_returning(body: &Value, episodes: &[String], expected: Option<&Returning>) -> Option<Returning> {
    let kinds = ["second_purchase", "repeat", "reactivated"];
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let since_previous = match body.get("days_since_previous")? {
        Value::Null => None,
        days => Some((days.as_f64()? * 86_400_000.0).round() as i64),
    };
    let expected_gap = expected.and_then(|order| order.since_previous);
    let is_close = |gap: &i64| expected_gap.is_some_and(|exact| (exact - gap).abs() <= DAYS_TOLERANCE_MILLIS);
    let closed = body["closed_episode_id"].as_str();
    Some(Returning {
        kind: kinds.into_iter().find(|kind| body["kind"] == *kind)?,
        at: calendar::parse(body["occurred_at"].as_str()?)?,
        order_id: text("order_id")?,
        purchase_number: usize::try_from(body["purchase_number"].as_u64()?).ok()?,
        since_previous: if since_previous.as_ref().is_some_and(is_close) { expected_gap } else { since_previous },
        amount: text("amount")?,
        currency: text("currency")?,
        lifetime_amount: text("lifetime_amount")?,
        closes_episode: closed.map(|episode| number_of(episode, episodes)),
    })
}

fn compare<T: PartialEq>(
    customer: &str,
    expected: &[T],
    said: &[Option<T>],
    line: impl Fn(&T) -> String,
    complaints: &mut Complaints,
) {
    for place in 0..expected.len().max(said.len()) {
        let wanted = expected.get(place);
        let got = said.get(place);
        if got.map(Option::as_ref) == wanted.map(Some) {
            continue;
        }
        let wanted = wanted.map_or_else(|| "nothing".to_owned(), &line);
        let got = match got {
            None => "nothing".to_owned(),
            Some(None) => "a signal that lacks a field or has one of another form".to_owned(),
            Some(Some(signal)) => line(signal),
        };
        complaints.add(format!("{customer}, signal {place}:\n    expected {wanted}\n    said     {got}"));
        // What follows is likely only shifted.
        break;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::model::{Ending, Limits};

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

    fn lines() -> [String; 4] {
        let id = |number: u32| format!("0000000{number}-0000-5000-8000-000000000000");
        let changed = |kind: &str, number: u32, at: &str, levels: [&str; 2]| {
            serde_json::json!({
                "type": "churn_risk", "event_id": id(number), "customer_id": "ana", "kind": kind, "episode_id": "first",
                "occurred_at": at, "previous_level": levels[0], "level": levels[1],
            })
        };
        let bought = |kind: &str, number: u32, day: &str, days: f64, lifetime: &str, closed: Value| {
            serde_json::json!({
                "type": "returning_customer", "event_id": id(number), "customer_id": "ana", "kind": kind,
                "occurred_at": format!("{day}T00:00:00Z"), "order_id": day, "purchase_number": number,
                "days_since_previous": days, "amount": "10.00", "currency": "EUR", "lifetime_amount": lifetime,
                "closed_episode_id": closed,
            })
        };
        [
            changed("raised", 1, "2026-04-01T00:00:00Z", ["low", "lapsed"]),
            bought("reactivated", 2, "2026-05-01", 120.0, "20.00", "first".into()),
            changed("cleared", 4, "2026-05-01T00:00:00Z", ["lapsed", "low"]),
            bought("repeat", 3, "2026-05-02", 1.0, "30.00", Value::Null),
        ]
        .map(|line| line.to_string())
    }

    #[test]
    fn what_was_said_right_passes() {
        let said = Said::in_lines(&lines().join("\n"));
        said.must_be(&expected());
        assert_eq!(said.ids().len(), 4);
    }

    #[test]
    #[should_panic(expected = "said     nothing")]
    fn a_lost_signal_is_noticed() {
        Said::in_lines(&lines()[..3].join("\n")).must_be(&expected());
    }

    #[test]
    #[should_panic(expected = "expected nothing")]
    fn a_doubled_signal_is_noticed() {
        let [raised, reactivated, cleared, repeat] = lines();
        Said::in_lines(&[raised, reactivated, cleared, repeat.clone(), repeat].join("\n")).must_be(&expected());
    }

    #[test]
    #[should_panic(expected = "announced twice")]
    fn an_id_used_twice_is_noticed() {
        let [raised, reactivated, ..] = lines();
        Said::in_lines(&[raised.clone(), reactivated, raised].join("\n")).ids();
    }

    #[test]
    #[should_panic(expected = "2 differences")]
    fn another_order_is_noticed() {
        let [raised, reactivated, cleared, repeat] = lines();
        Said::in_lines(&[repeat, cleared, reactivated, raised].join("\n")).must_be(&expected());
    }

    #[test]
    #[should_panic(expected = "said     cleared")]
    fn an_episode_that_was_never_raised_is_noticed() {
        let text = lines().join("\n").replacen(
            "\"episode_id\":\"first\",\"event_id\":\"00000004",
            "\"episode_id\":\"second\",\"event_id\":\"00000004",
            1,
        );
        Said::in_lines(&text).must_be(&expected());
    }
}
