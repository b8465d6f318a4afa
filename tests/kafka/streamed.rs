//! The stream of signals, compared with the topics.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::answers::{load, open_with_topics, wait_until_all_is_read};
use crate::support::broker::Broker;
use crate::support::cluster::Isolation;
use crate::support::service::{Service, Shop, Topic};

/// Signals by type and customer, each as its bytes, in order.
type Signals = BTreeMap<(String, String), Vec<String>>;

fn add(signals: &mut Signals, json: String) {
    let signal: Value = serde_json::from_str(&json).expect("a signal is JSON");
    let text = |name: &str| signal[name].as_str().expect("signals have it").to_owned();
    signals.entry((text("type"), text("customer_id"))).or_default().push(json);
}

fn in_topics(shop: &Shop) -> Signals {
    let mut signals = Signals::new();
    for topic in [Topic::ReturningCustomers, Topic::ChurnRisk] {
        for record in shop.cluster().read_whole(&shop.topic(topic), Isolation::Committed) {
            add(&mut signals, String::from_utf8(record.value.expect("a signal")).expect("it is UTF-8"));
        }
    }
    signals
}

fn count(signals: &Signals) -> usize {
    signals.values().map(Vec::len).sum()
}

/// What the stream says, as it says it: names of events and their data.
fn listen(service: &Service) -> (Receiver<(String, String)>, JoinHandle<()>) {
    let mut lines = service.http_lines("/api/v1/events");
    assert!(lines.by_ref().any(|line| line == "event: hello"));
    let (tell, told) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut event = "hello".to_owned();
        for line in lines {
            if let Some(name) = line.strip_prefix("event: ") {
                event = name.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ")
                && tell.send((event.clone(), data.to_owned())).is_err()
            {
                return;
            }
        }
    });
    (told, reader)
}

fn is_signal((event, _): &(String, String)) -> bool {
    event != "hello" && event != "rates"
}

fn end(shop: &Shop, isolation: Isolation) -> i64 {
    shop.cluster().end_offsets(&shop.topic(Topic::ReturningCustomers), isolation).values().sum()
}

/// A transaction must last for longer than it takes to look: where a slow machine took too long, it is tried again.
#[test]
fn what_is_not_committed_is_not_on_the_stream() {
    assert!((1..=10).any(is_looked_at_in_time), "all was committed before anybody looked");
}

/// Whether nothing was committed yet when the stream was looked at. Whatever was: no more than that is told.
fn is_looked_at_in_time(attempt: usize) -> bool {
    let mut shop = open_with_topics(Broker::shared().cluster(), &format!("streamed-open-{attempt}"));
    // The first after a quiet time is open for a tenth of that.
    shop.set_text("engine", "commit_interval", "1m");
    shop.set_text("engine", "transaction_timeout", "10m");
    let mut service = shop.start();
    service.wait_until_ready();
    let (told, reader) = listen(&service);
    load(&shop, "600", "100", "5");
    service.wait_until("signals are written", |_| end(&shop, Isolation::Uncommitted) > 0);
    thread::sleep(Duration::from_secs(1));
    let early: Vec<_> = told.try_iter().filter(is_signal).map(|(_, json)| json).collect();
    let is_open = end(&shop, Isolation::Committed) == 0;
    let visible = if early.is_empty() { Signals::new() } else { in_topics(&shop) };
    let is_visible = |json: &String| visible.values().flatten().any(|signal| signal == json);
    assert!(early.iter().all(is_visible), "{early:?} were streamed before read_committed readers see them");
    assert!(!early.is_empty() || told.iter().any(|event| is_signal(&event)), "they come with the commit");
    service.terminate();
    reader.join().expect("the stream ends");
    is_open
}

/// Fewer signals than the ring holds: a reader that a slow machine holds up misses none.
#[test]
fn signals_are_streamed_after_their_commit_and_as_they_stand_in_the_topics() {
    let shop = open_with_topics(Broker::shared().cluster(), "streamed");
    let mut service = shop.start();
    service.wait_until_ready();
    let (told, reader) = listen(&service);
    load(&shop, "600", "100", "4");
    let mut signals = told.iter().filter(is_signal);
    let mut streamed = Signals::new();
    let (event, first) = signals.next().expect("signals come");
    let visible = in_topics(&shop);
    let is_visible = visible.values().flatten().any(|json| *json == first);
    assert!(is_visible, "{event} was streamed before read_committed readers see it");
    add(&mut streamed, first);

    wait_until_all_is_read(&shop, &mut service);
    let expected = in_topics(&shop);
    assert!((100..1000).contains(&count(&expected)), "{} signals", count(&expected));
    while count(&streamed) < count(&expected) {
        let (event, json) = signals.next().expect("the stream goes on");
        assert_ne!(event, "gap");
        add(&mut streamed, json);
    }
    assert_eq!(streamed, expected);

    // It would go on for ever, but the service ends it.
    service.terminate();
    reader.join().expect("the stream ends");
}
