//! The contract for machines: JSON Schema (2020-12) of every event in and out, and an AsyncAPI 3 document.
//!
//! What is written is described by the very types that write it ([`super::signal`]); what is read by a table
//! ([`events_in`]) that a test holds against [`super::decode`]: both accept, or neither does. Three rules are beyond
//! JSON Schema, so what passes the schema may still be refused for them: ids are measured in bytes and not in
//! characters, the number of decimals depends on the currency, and not all that look like currencies are some.

mod async_api;
mod inputs;

use serde_json::{Map, Value, json};

use super::{Source, signal};

pub use async_api::{TopicNames, async_api};
pub use inputs::events_in;

use inputs::{EventIn, Field, Shape};

/// The dialect of all schemas here.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of one event.
#[derive(Clone, Debug, PartialEq)]
pub struct EventSchema {
    /// The event's `type`.
    pub name: &'static str,
    /// Where it is read from; `None`: it is written.
    pub source: Option<Source>,
    /// JSON Schema, 2020-12.
    pub schema: Value,
}

/// The schemas of all events, in and out.
pub fn all() -> Vec<EventSchema> {
    let read = events_in().iter().map(|event| EventSchema {
        name: event.name,
        source: Some(event.source),
        schema: identified(event.name, schema_of(event)),
    });
    let written = signal::schemas().into_iter().map(|(name, schema)| EventSchema {
        name,
        source: None,
        schema: identified(name, with_example(schema, example_out(name))),
    });
    read.chain(written).collect()
}

fn identified(name: &str, schema: Value) -> Value {
    let mut all = Map::from_iter([
        ("$schema".to_owned(), json!(DIALECT)),
        ("$id".to_owned(), json!(format!("urn:homecoming:event:{name}"))),
    ]);
    if let Value::Object(schema) = schema {
        all.extend(schema.into_iter().filter(|(key, _)| key != "$schema"));
    }
    Value::Object(all)
}

fn with_example(mut schema: Value, example: &str) -> Value {
    schema["examples"] = json!([parsed(example)]);
    schema
}

fn parsed(example: &str) -> Value {
    serde_json::from_str(example).expect("a test reads every example")
}

fn schema_of(event: &EventIn) -> Value {
    let mut properties = Map::from_iter([("type".to_owned(), json!({ "const": event.name }))]);
    let mut required = vec!["type"];
    for field in event.fields() {
        properties.insert(field.name.to_owned(), schema_of_field(field));
        required.extend(field.is_required.then_some(field.name));
    }
    let mut schema = json!({
        "title": event.name,
        "description": event.about,
        "type": "object",
        "properties": properties,
        "required": required,
    });
    if event.fields().any(|field| matches!(field.shape, Shape::Score)) {
        schema["allOf"] = inputs::score_within_scale();
    }
    with_example(schema, event.example)
}

fn schema_of_field(field: &Field) -> Value {
    let mut schema = field.shape.schema();
    if !field.is_required {
        schema = or_null(schema);
    }
    schema["description"] = json!(field.about);
    schema
}

/// Null in an optional field counts as absent.
fn or_null(mut schema: Value) -> Value {
    if let Some(names) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        names.push(Value::Null);
    }
    match schema.get_mut("type") {
        Some(Value::Array(types)) => types.push(json!("null")),
        Some(one) => *one = json!([one, "null"]),
        None => {}
    }
    schema
}

fn example_out(name: &str) -> &'static str {
    match name {
        "returning_customer" => {
            r#"{"event_id":"0d0cf5a4-9d0a-5d3e-9f7b-3a7d1f6f1c55","type":"returning_customer","kind":"repeat",
            "customer_id":"c-1808","occurred_at":"2026-05-09T16:41:07.250Z","order_id":"o-55120","purchase_number":4,
            "days_since_previous":36.5,"amount":"64.00","currency":"EUR","lifetime_amount":"287.15",
            "recovered_ticket_id":"t-311","closed_episode_id":"b7c6a3f2-1b1e-5a6c-8f4e-6a1d2c3b4a59","action":null}"#
        }
        _ => {
            r#"{"event_id":"6f0f1c1e-8a53-5c0b-a1d4-0b8a8f3f5b21","type":"churn_risk","kind":"raised",
            "customer_id":"c-1808","episode_id":"b7c6a3f2-1b1e-5a6c-8f4e-6a1d2c3b4a59",
            "occurred_at":"2026-04-28T09:12:44.031Z","level":"medium","previous_level":"low","risk":0.5,
            "return_probability":0.31,"usual_return_probability":0.62,"horizon_days":90.0,
            "expected_next_purchase_at":"2026-05-20T09:12:44.031Z","value_at_risk":{"amount":"22.17","currency":"EUR"},
            "reasons":[{"code":"open_ticket","log_odds":-0.7,"ticket_id":"t-311","days_open":0.25,
            "return_probability_without":0.475},{"code":"silence","log_odds":-0.59,"days_silent":25.5,
            "usual_days_between":29.0,"return_probability_without":0.448}],
            "action":"resolve_ticket","contact_channels":["email","phone"],"arm":"act","model":"mbg_nbd/default"}"#
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_name_an_id_and_an_example() {
        for EventSchema { name, schema, .. } in all() {
            assert_eq!(schema["title"], name);
            assert_eq!(schema["$id"], format!("urn:homecoming:event:{name}"));
            assert_eq!(schema["examples"][0]["type"], name);
            assert!(schema["description"].as_str().is_some_and(|text| !text.is_empty()), "{name} says what it is");
        }
    }
}
