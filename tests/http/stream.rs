//! Signals as they are committed.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use homecoming::http::ConnectionLimits;
use homecoming::pipeline::Listener;
use homecoming::pipeline::ports::SentSignal;

use crate::site::{Answer, Event, STARTED_MS, Site, TOKEN, head, wait_until};

/// The number before the first signal's.
const BEGINNING: u64 = STARTED_MS as u64 * 1000;

impl Site {
    /// A transaction with these signals takes place.
    fn commit(&self, signals: &[&str]) {
        let sent = |json: &&str| SentSignal { kind: "churn_risk", json: json.as_bytes().to_vec() };
        self.surroundings.signals.committed(signals.len() as u64, signals.iter().map(sent).collect());
    }
}

fn event(id: u64, name: &str, data: &str) -> Option<Event> {
    Some(Event { id: Some(BEGINNING + id), name: name.to_owned(), data: data.to_owned() })
}

fn hello(at: u64, newest: u64) -> Option<Event> {
    event(at, "hello", &format!("{{\"instance\":\"homecoming-7\",\"newest_id\":{}}}", BEGINNING + newest))
}

#[test]
fn signals_come_byte_for_byte_and_in_order() {
    let site = Site::open();
    let mut one = site.stream("/api/v1/events", &[]);
    assert_eq!(one.next(), hello(0, 0));
    site.commit(&[r#"{"customer_id":"a"}"#, "{\"customer_id\":\"\u{e4} \\n\"}"]);
    let mut other = site.stream("/api/v1/events", &[]);
    assert_eq!(other.next(), hello(2, 2));
    site.commit(&["{}"]);
    assert_eq!(one.next_signal(), event(1, "churn_risk", r#"{"customer_id":"a"}"#));
    assert_eq!(one.next_signal(), event(2, "churn_risk", "{\"customer_id\":\"\u{e4} \\n\"}"));
    assert_eq!(one.next_signal(), event(3, "churn_risk", "{}"));
    assert_eq!(other.next_signal(), event(3, "churn_risk", "{}"));
}

#[test]
fn a_reader_who_comes_back_misses_nothing() {
    let site = Site::open();
    drop(site.stream("/api/v1/events", &[]));
    site.commit(&["1", "2", "3"]);
    let number = (BEGINNING + 1).to_string();
    for mut back in [
        site.stream("/api/v1/events", &[("last-event-id", &number)]),
        site.stream(&format!("/api/v1/events?after={number}"), &[]),
        site.stream(&format!("/api/v1/events?after={number}"), &[("last-event-id", "7")]),
    ] {
        assert_eq!(back.next(), hello(1, 3));
        assert_eq!(back.next_signal(), event(2, "churn_risk", "2"));
        assert_eq!(back.next_signal(), event(3, "churn_risk", "3"));
    }
}

#[test]
fn numbers_that_can_not_be_gone_on_from_are_a_gap() {
    let site = Site::open();
    let mut held = site.stream("/api/v1/events", &[]);
    assert_eq!(held.next(), hello(0, 0));
    site.commit(&["1", "2"]);
    let newest = format!("{{\"newest_id\":{}}}", BEGINNING + 2);

    let mut of_an_earlier_process = site.stream("/api/v1/events?after=1766000000000123", &[]);
    assert_eq!(of_an_earlier_process.next().expect("an event").name, "hello");
    assert_eq!(of_an_earlier_process.next_signal(), event(0, "gap", &newest));
    assert_eq!(of_an_earlier_process.next_signal(), event(1, "churn_risk", "1"));

    let mut of_a_later_process = site.stream("/api/v1/events?after=1999000000000123", &[]);
    assert_eq!(of_a_later_process.next(), hello(2, 2));
    assert_eq!(of_a_later_process.next_signal(), event(2, "gap", &newest));
    site.commit(&["3"]);
    assert_eq!(of_a_later_process.next_signal(), event(3, "churn_risk", "3"));
}

#[test]
fn what_is_no_number_is_refused() {
    let site = Site::open();
    for path in ["/api/v1/events?after=x", "/api/v1/events?after=-1", "/api/v1/events?since=1", "/api/v1/events?after="]
    {
        assert!(site.get(path).problem(400).contains("after"), "{path}");
    }
    site.ask("GET", "/api/v1/events", &[("last-event-id", "none")]).problem(400);
}

#[test]
fn changed_counts_are_told() {
    let site = Site::with(|choice| choice.customers = 20);
    let mut stream = site.stream("/api/v1/events", &[]);
    assert_eq!(stream.next().expect("an event").name, "hello");
    let (_, store) = site.surroundings.partitions.all().remove(0);
    store.show(|seen| seen.commits += 1);
    let rates = Event { id: None, name: "rates".to_owned(), data: "{}".to_owned() };
    assert_eq!(stream.next(), Some(rates.clone()));
    site.surroundings.partitions.close(2);
    assert_eq!(stream.next(), Some(rates));
}

#[test]
fn streams_end_when_the_service_does() {
    let site = Site::open();
    let mut streams: Vec<_> = (0..3).map(|_| site.stream("/api/v1/events", &[])).collect();
    site.commit(&["1"]);
    site.surroundings.signals.close();
    for stream in &mut streams {
        while stream.next().is_some() {}
    }
    assert_eq!(site.get("/healthz").status, 200, "the others are answered until the end");
    // A stream that is opened now ends at once.
    assert!(!site.get("/api/v1/events").text().contains("churn_risk"));
}

#[test]
fn there_are_so_many_streams_and_a_closed_one_makes_room() {
    let site = Site::with(|choice| choice.token = true);
    let token = format!("Bearer {TOKEN}");
    let headers = [("authorization", token.as_str())];
    let mut streams: Vec<_> = (0..64).map(|_| site.stream("/api/v1/events", &headers)).collect();
    let refused = site.ask("GET", "/api/v1/events", &headers);
    assert!(refused.problem(503).contains("64"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(site.ask("GET", "/api/v1/rates", &headers).status, 200, "only streams are at their limit");
    streams.pop();
    // The service notices that a reader left when it next has something to say, or at once.
    wait_until("room for another stream", || {
        site.commit(&["1"]);
        site.ask("HEAD", "/api/v1/events", &headers).status == 200
    });
}

/// One that opens a stream and never reads: it is cut off, and all that time the others get theirs.
#[test]
fn a_reader_that_takes_nothing_is_cut_off() {
    let limits = ConnectionLimits { taken_within: Duration::from_millis(300), ..ConnectionLimits::default() };
    let site = Site::with(|choice| choice.limits = limits);
    let readers = || Arc::strong_count(&site.surroundings.signals);
    let nobody = readers();
    let mut deaf = site.connect();
    deaf.write_all(head("GET", "/api/v1/events", &[]).as_bytes()).expect("it is read");
    wait_until("the stream is open", || readers() > nobody);
    // Far more than sockets hold.
    let long = format!("\"{}\"", "x".repeat(20_000));
    let mut other = site.stream("/api/v1/events", &[]);
    assert_eq!(other.next().expect("an event").name, "hello");
    for _ in 0..40 {
        let signals = (0..50).map(|_| SentSignal { kind: "churn_risk", json: long.clone().into_bytes() });
        site.surroundings.signals.committed(50, signals.collect());
        for _ in 0..50 {
            assert_eq!(other.next_signal().expect("an event").data.len(), long.len());
        }
    }
    drop(other);
    wait_until("nobody holds a place, though one has not closed its connection", || readers() == nobody);
    drop(deaf);
}

#[test]
fn a_stream_of_http_1_1_is_sent_in_chunks_and_ends_well() {
    let site = Site::open();
    let mut stream = site.connect();
    stream.write_all(head("GET", "/api/v1/events", &[]).as_bytes()).expect("it is read");
    wait_until("the stream is open", || site.surroundings.signals.is_listening());
    site.commit(&["{\"a\":1}"]);
    site.surroundings.signals.close();
    let answer = Answer::read(stream);
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    assert!(answer.text().contains("event: hello") && answer.text().ends_with("0\r\n\r\n"), "{}", answer.text());
}
