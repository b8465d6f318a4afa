//! CloudEvents 1.0 over Kafka: what marks an incoming one, and the headers of an outgoing one.

use crate::domain::Signal;

/// Whether a `content-type` says that the value is a whole CloudEvent, with the event in `data`.
pub fn is_structured(content_type: &[u8]) -> bool {
    const STRUCTURED: &[u8] = b"application/cloudevents+json";
    content_type.get(..STRUCTURED.len()).is_some_and(|start| start.eq_ignore_ascii_case(STRUCTURED))
}

/// Whether a header's value is a W3C trace context `traceparent` worth carrying on.
pub fn is_traceparent(value: &[u8]) -> bool {
    (55..=128).contains(&value.len()) && value.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-')
}

/// Headers of a signal in CloudEvents' binary mode. `source` names the service that says it.
pub fn headers(signal: &Signal, source: &str, traceparent: Option<&str>) -> Vec<(&'static str, String)> {
    let (id, kind) = match signal {
        Signal::ReturningCustomer(signal) => (signal.id, "returning_customer"),
        Signal::ChurnRisk(signal) => (signal.id, "churn_risk"),
    };
    let mut headers = vec![
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", id.to_string()),
        ("ce_source", source.to_owned()),
        ("ce_type", format!("homecoming.{kind}")),
        ("ce_time", signal.at().to_string()),
        ("content-type", "application/json".to_owned()),
    ];
    headers.extend(traceparent.map(|parent| ("traceparent", parent.to_owned())));
    headers
}
