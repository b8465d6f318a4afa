//! The broker goes away and comes back. The service goes on by itself, and ends with the right answer.

use crate::agreement::{changelog_must_agree, dead_letters_must_agree, memory_must_agree};
use crate::answers::{load, open_with_topics, said_by, wait_until_all_is_read};
use crate::inputs::{Progress, Waves, close};
use crate::support::broker::Broker;

/// Tiny, so that the broker dies in the middle of one.
const RECORDS_IN_A_TRANSACTION: &str = "50";

/// A broker of its own: this test harms it.
#[test]
fn a_broker_that_is_away_is_waited_for_at_the_start_and_later() {
    let mut broker = Broker::start();
    let mut shop = open_with_topics(broker.cluster(), "patient");
    shop.set_number("engine", "max_batch_records", RECORDS_IN_A_TRANSACTION);
    load(&shop, "10000", "1000", "61");
    close(&shop);
    let waves = Waves::first(&shop);
    let progress = Progress::of(&shop);
    broker.kill9();

    let mut service = shop.start();
    service.wait_until("it says that it tries again", |service| service.times_said("trying again") > 1);
    let status = |path: &str| service.http_get(path).map(|(status, _)| status);
    assert_eq!(status("/healthz"), Some(200), "the process is well, whatever Kafka does");
    assert_eq!(status("/readyz"), Some(503), "and has nothing to work on");

    broker.start_again();
    service.wait_until("some is read", |_| progress.records() * 100 > waves.count() * 20);
    broker.kill9();
    assert_eq!(service.http_get("/healthz").map(|(status, _)| status), Some(200));
    broker.start_again();

    wait_until_all_is_read(&shop, &mut service);
    let expected = waves.expected();
    said_by(&shop).must_be(&expected);
    dead_letters_must_agree(&shop, &expected);
    changelog_must_agree(&shop, &expected);
    service.wait_until_ready();
    memory_must_agree(&[&service], &expected);
    service.terminate();
}

/// Longer than anybody waits for the end of a transaction, in the middle of one. Minutes: `make test-outage`.
#[test]
#[ignore = "takes minutes: make test-outage"]
fn a_broker_that_stands_still_for_minutes_makes_nobody_look_dead() {
    let mut broker = Broker::start();
    let mut shop = open_with_topics(broker.cluster(), "frozen");
    shop.set_number("engine", "max_batch_records", RECORDS_IN_A_TRANSACTION);
    load(&shop, "20000", "2000", "62");
    close(&shop);
    let waves = Waves::first(&shop);
    let progress = Progress::of(&shop);
    let mut service = shop.start();
    service.wait_until("some is read", |_| progress.records() * 100 > waves.count() * 20);
    broker.signal("STOP");
    for second in 0..180 {
        let status = service.http_get("/healthz").map(|(status, _)| status);
        assert_eq!(status, Some(200), "after {second} s");
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    assert!(service.times_said("trying again") > 1, "it says what it waits for");
    broker.signal("CONT");
    wait_until_all_is_read(&shop, &mut service);
    said_by(&shop).must_be(&waves.expected());
    service.terminate();
}
