//! The AsyncAPI 3 document: topics, who writes and reads them, and what is in them.

use serde_json::{Map, Value, json};

use super::{EventSchema, all};
use crate::wire::{Rejection, Source};

/// The topics as they are called here.
#[derive(Clone, Copy, Debug)]
pub struct TopicNames<'a> {
    /// Orders and refunds.
    pub purchases: &'a str,
    /// Tickets and feedback.
    pub support: &'a str,
    /// Consent, contacts, reviews and erasure.
    pub contacts: &'a str,
    /// Those who came back.
    pub returning_customers: &'a str,
    /// Changes of level.
    pub churn_risk: &'a str,
    /// What could not be used.
    pub dead_letters: &'a str,
}

const DEAD_LETTER: &str = "dead_letter";

/// A topic, and who does what with which messages.
struct Channel<'a> {
    name: &'static str,
    topic: &'a str,
    action: &'static str,
    operation: &'static str,
    about: &'static str,
    messages: Vec<&'static str>,
}

/// The document, with topics of these names.
pub fn async_api(topics: &TopicNames<'_>) -> Value {
    let events = all();
    let channels = channels(topics, &events);
    let (mut schemas, mut messages) = (Map::new(), Map::new());
    for event in &events {
        schemas.insert(event.name.to_owned(), embedded(&event.schema));
        messages.insert(event.name.to_owned(), message(event));
    }
    messages.insert(DEAD_LETTER.to_owned(), dead_letter());
    let named = |part: fn(&Channel<'_>) -> (&'static str, Value)| {
        let parts = channels.iter().map(part).map(|(name, value)| (name.to_owned(), value));
        Value::Object(parts.collect())
    };
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:homecoming",
        "info": {
            "title": "homecoming",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Live retention signals from Kafka: who came back, who is slipping away, exactly once.\n\n\
                Signals, dead letters, state and the inputs' offsets leave in one Kafka transaction: read the written \
                topics with `isolation.level=read_committed` and every signal is seen exactly once.",
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "defaultContentType": "application/json",
        "channels": named(channel),
        "operations": named(operation),
        "components": {
            "schemas": schemas,
            "messages": messages,
            "messageTraits": { "cloud_event": { "headers": headers_out() }, "cloud_event_or_not": { "headers": headers_in() } },
        },
    })
}

fn channels<'a>(topics: &TopicNames<'a>, events: &[EventSchema]) -> Vec<Channel<'a>> {
    let read = |source| events.iter().filter(|event| event.source == Some(source)).map(|event| event.name).collect();
    let input = |name, topic, operation, about, source| Channel {
        name,
        topic,
        action: "receive",
        operation,
        about,
        messages: read(source),
    };
    let output = |name, topic, operation, about, message| Channel {
        name,
        topic,
        action: "send",
        operation,
        about,
        messages: vec![message],
    };
    vec![
        input("purchases", topics.purchases, "receivePurchases", "Orders and refunds.", Source::Purchases),
        input("support", topics.support, "receiveSupport", "Tickets and feedback.", Source::Support),
        input(
            "contacts",
            topics.contacts,
            "receiveContacts",
            "Consent, contacts, reviews and erasure. Optional: the service runs without it.",
            Source::Contacts,
        ),
        output(
            "returningCustomers",
            topics.returning_customers,
            "sendReturningCustomers",
            "One for every purchase of a customer who has bought before.",
            "returning_customer",
        ),
        output(
            "churnRisk",
            topics.churn_risk,
            "sendChurnRisk",
            "One for every change of a customer's level of risk.",
            "churn_risk",
        ),
        output("deadLetters", topics.dead_letters, "sendDeadLetters", "What could not be used, and why.", DEAD_LETTER),
    ]
}

fn channel(channel: &Channel<'_>) -> (&'static str, Value) {
    let messages = channel.messages.iter().map(|name| ((*name).to_owned(), reference("components/messages", name)));
    let described = json!({
        "address": channel.topic,
        "title": channel.name,
        "description": channel.about,
        "messages": Map::from_iter(messages),
        "bindings": { "kafka": { "topic": channel.topic, "bindingVersion": "0.5.0" } },
    });
    (channel.name, described)
}

fn operation(channel: &Channel<'_>) -> (&'static str, Value) {
    let within = format!("channels/{}/messages", channel.name);
    let messages: Vec<Value> = channel.messages.iter().map(|name| reference(&within, name)).collect();
    let described = json!({
        "action": channel.action,
        "channel": reference("channels", channel.name),
        "summary": channel.about,
        "messages": messages,
    });
    (channel.operation, described)
}

fn message(event: &EventSchema) -> Value {
    let is_read = event.source.is_some();
    let headers = if is_read { "cloud_event_or_not" } else { "cloud_event" };
    json!({
        "name": event.name,
        "title": event.name,
        "summary": event.schema["description"],
        "contentType": "application/json",
        "traits": [reference("components/messageTraits", headers)],
        "payload": reference("components/schemas", event.name),
        "bindings": keyed_by("The customer id, as in `customer_id`."),
        "examples": [{
            "name": event.name,
            "headers": if is_read { json!({}) } else { example_headers(&event.schema["examples"][0]) },
            "payload": event.schema["examples"][0],
        }],
    })
}

/// A schema inside the document: what its place says already is left out, for an `$id` would move the references.
fn embedded(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(fields) = schema.as_object_mut() {
        fields.retain(|name, _| !name.starts_with('$'));
    }
    schema
}

fn dead_letter() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let number = |about: &str| json!({ "type": "string", "pattern": "^[0-9]+$", "description": about });
    let cut =
        |what: &str| json!({ "type": "string", "const": "true", "description": format!("There only when {what}.") });
    json!({
        "name": DEAD_LETTER,
        "title": DEAD_LETTER,
        "summary": "A record that could not be used: key, value and headers as they came, and why.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "description": "The record's own headers, then these.",
            "properties": {
                "error.code": { "type": "string", "enum": Rejection::CODES, "description": "The first code that applies." },
                "error.detail": text("What is wrong, for a person. Never quotes the value."),
                "source.topic": text("Where the record was."),
                "source.partition": number("Its partition there."),
                "source.offset": number("Its offset there."),
                "value.truncated": cut("the value was too large for this topic and was cut"),
                "headers.truncated": cut("the record's own headers were too large for this topic and are left out"),
                "key.truncated": cut("the key was too large for this topic and was cut"),
            },
            "required": ["error.code", "error.detail", "source.topic", "source.partition", "source.offset"],
        },
        "payload": { "description": "The value as it came, whatever it is." },
        "bindings": keyed_by("The record's key as it came."),
        "examples": [{
            "name": "not_json",
            "headers": {
                "error.code": "invalid_json",
                "error.detail": "the value is not UTF-8 encoded JSON: expected value at line 1 column 1",
                "source.topic": "purchases",
                "source.partition": "3",
                "source.offset": "1840022",
            },
            "payload": "order o-55120, 64 euros",
        }],
    })
}

fn headers_out() -> Value {
    let mut headers = cloud_event_headers();
    headers["required"] = json!(["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type"]);
    headers["description"] = json!("CloudEvents 1.0, binary mode.");
    headers
}

fn headers_in() -> Value {
    let mut headers = cloud_event_headers();
    headers["description"] = json!(
        "Plain JSON needs none; those of CloudEvents 1.0 in binary mode may be there. With `content-type: \
         application/cloudevents+json` the value is a whole CloudEvent (structured mode) and the event is in its `data`."
    );
    headers
}

fn cloud_event_headers() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "type": "object",
        "properties": {
            "ce_specversion": { "type": "string", "const": "1.0", "description": "The version of CloudEvents." },
            "ce_id": text("The event's id."),
            "ce_source": text("Who says it."),
            "ce_type": text("What kind of event it is."),
            "ce_time": { "type": "string", "format": "date-time", "description": "When it happened." },
            "content-type": text("What the value is."),
            "traceparent": text("W3C trace context. That of the event that caused a signal is carried on."),
        },
    })
}

fn example_headers(payload: &Value) -> Value {
    json!({
        "ce_specversion": "1.0",
        "ce_id": payload["event_id"],
        "ce_source": "/homecoming/homecoming",
        "ce_type": format!("homecoming.{}", payload["type"].as_str().unwrap_or_default()),
        "ce_time": payload["occurred_at"],
        "content-type": "application/json",
    })
}

fn keyed_by(about: &str) -> Value {
    json!({ "kafka": { "key": { "type": "string", "description": about }, "bindingVersion": "0.5.0" } })
}

fn reference(within: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/{within}/{name}") })
}
