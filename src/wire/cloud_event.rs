//! CloudEvents 1.0 over Kafka: what marks an incoming one, and the headers of an outgoing one.

use compact_str::CompactString;

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

/// Headers of a signal in CloudEvents' binary mode.
pub struct Headers<'a> {
    id: [u8; uuid::fmt::Hyphenated::LENGTH],
    kind: &'static str,
    time: CompactString,
    source: &'a str,
    traceparent: Option<&'a str>,
}

impl<'a> Headers<'a> {
    /// Those of this signal. `source` names the service that says it.
    pub fn of(signal: &Signal, source: &'a str, traceparent: Option<&'a str>) -> Self {
        let (uuid, kind) = match signal {
            Signal::ReturningCustomer(signal) => (signal.id, "homecoming.returning_customer"),
            Signal::ChurnRisk(signal) => (signal.id, "homecoming.churn_risk"),
        };
        let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
        uuid.hyphenated().encode_lower(&mut id);
        Self { id, kind, time: signal.at().to_text(), source, traceparent }
    }

    /// Calls `with` with names and values.
    pub fn list<T>(&self, with: impl FnOnce(&[(&'static str, Option<&[u8]>)]) -> T) -> T {
        let text = |text: &'a str| Some(text.as_bytes());
        let all = [
            ("ce_specversion", text("1.0")),
            ("ce_id", Some(&self.id[..])),
            ("ce_source", text(self.source)),
            ("ce_type", text(self.kind)),
            ("ce_time", Some(self.time.as_bytes())),
            ("content-type", text("application/json")),
            ("traceparent", self.traceparent.map(str::as_bytes)),
        ];
        with(if self.traceparent.is_some() { &all } else { &all[..all.len() - 1] })
    }
}
