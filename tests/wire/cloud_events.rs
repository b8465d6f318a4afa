//! Events in CloudEvents' two modes.

use homecoming::wire::cloud_event;

use crate::letters::{KINDS, Letter, STRUCTURED, code};

fn envelope(data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"x","source":"/shop","type":"com.shop.Purchased",
            "datacontenttype":"application/json","data":{data},"extension":1}}"#
    )
}

#[test]
fn a_structured_cloud_event_has_the_event_in_its_data() {
    for letter in KINDS.iter().map(Letter::of) {
        let inside = envelope(&letter.text());
        for content_type in [
            "application/cloudevents+json",
            "application/cloudevents+json; charset=UTF-8",
            "application/cloudevents+json;charset=utf-8",
            "Application/CloudEvents+JSON",
        ] {
            let read = letter.read_as(inside.as_bytes(), Some(content_type.as_bytes()));
            assert_eq!(read, letter.read(), "{content_type}");
        }
        for (value, expected) in [
            (letter.text(), "missing_field"),
            (envelope("null"), "missing_field"),
            (envelope("[]"), "not_an_object"),
            (envelope("\"{}\""), "not_an_object"),
            (envelope("{}"), "missing_field"),
            (envelope("{\"type\":\"com.shop.Purchased\"}"), "unknown_type"),
            (envelope(&letter.clone().without("event_id").text()), "missing_field"),
            (envelope(&letter.clone().with("event_id", "-1").text()), "invalid_field"),
            (envelope(&letter.clone().with("customer_id", "\"c-1\"").text()), "key_mismatch"),
            (envelope(&letter.clone().with("occurred_at", "\"9999-01-01T00:00:00Z\"").text()), "future_timestamp"),
            (envelope("nul"), "invalid_json"),
            (format!("[{inside}]"), "not_an_object"),
        ] {
            assert_eq!(code(&letter.read_as(value.as_bytes(), STRUCTURED)), expected, "{value}");
        }
    }
}

#[test]
fn a_binary_cloud_event_is_a_plain_event_with_headers() {
    for letter in KINDS.iter().map(Letter::of) {
        let plain = letter.text();
        for content_type in ["application/json", "application/json; charset=utf-8", "text/plain", "", "\u{fffd}"] {
            let read = letter.read_as(plain.as_bytes(), Some(content_type.as_bytes()));
            assert_eq!(read, letter.read(), "{content_type}");
        }
        let envelope = envelope(&plain);
        assert_eq!(code(&letter.read_as(envelope.as_bytes(), Some(b"application/json"))), "unknown_type");
    }
}

#[test]
fn only_a_trace_context_is_carried_on() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    assert!(cloud_event::is_traceparent(parent.as_bytes()));
    for no_parent in ["", "00", &parent[..54], "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-\n1"] {
        assert!(!cloud_event::is_traceparent(no_parent.as_bytes()), "{no_parent}");
    }
}
