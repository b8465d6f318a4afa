//! The stream of signals, compared with the topics.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;

use serde_json::Value;

use crate::answers::{load, open_with_topics, wait_until_all_is_read};
use crate::support::broker::Broker;
use crate::support::cluster::Isolation;
use crate::support::service::{Shop, Topic};

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

/// Fewer signals than the ring holds: a reader that a slow machine holds up misses none.
#[test]
fn signals_are_streamed_after_their_commit_and_as_they_stand_in_the_topics() {
    let shop = open_with_topics(Broker::shared().cluster(), "streamed");
    let mut service = shop.start();
    service.wait_until_ready();
    let mut lines = service.http_lines("/api/v1/events");
    assert!(lines.by_ref().any(|line| line == "event: hello"));
    let (tell, told) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut event = String::new();
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

    load(&shop, "600", "100", "4");
    let mut signals = told.iter().filter(|(event, _)| event != "rates");
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
