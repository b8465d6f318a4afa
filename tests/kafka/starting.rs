//! A start that cannot go well is refused, in words that say what to do.

use std::time::Duration;

use crate::answers::{open_with_topics, wait_until_all_is_read};
use crate::malformed::EventText;
use crate::support::broker::Broker;
use crate::support::service::{Shop, Topic};
use crate::support::waiting::PATIENCE;

#[test]
fn a_missing_topic_is_refused_by_name() {
    let shop = Shop::open(Broker::shared().cluster(), "unprepared");
    let mut service = shop.start();
    let (status, _) =
        service.wait_for_exit(PATIENCE).unwrap_or_else(|| panic!("it runs without topics\n{}", service.last_words()));
    let errors = service.error_text();
    assert_eq!(status.code(), Some(2), "wrong use ends with 2\n{errors}");
    assert!(errors.contains(&shop.topic(Topic::Purchases)), "the topic is not named:\n{errors}");
    assert!(errors.contains("homecoming topics"), "the command that helps is not named:\n{errors}");
}

#[test]
fn expired_offsets_stop_the_service_with_a_clear_error() {
    let shop = open_with_topics(Broker::shared().cluster(), "expired");
    let purchases = shop.topic(Topic::Purchases);
    let writer = shop.cluster().writer(&purchases);
    let write = |from: usize| {
        for number in from..from + 20 {
            let at = format!("2025-01-{:02}T00:00:00Z", number % 28 + 1);
            let mut record = EventText::purchase("ana", &format!("order-{number}"), &at, "10.00").record();
            record.partition = Some(2);
            writer.write(&record);
        }
        writer.flush();
    };
    write(0);
    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    service.terminate();

    // Five of what came meanwhile are gone before anybody read them.
    write(20);
    shop.cluster().expire_records_before(&purchases, 2, 25);
    let before = shop.cluster().group(&shop.group_id(), &purchases).committed();

    let mut service = shop.start();
    let (status, _) = service
        .wait_for_exit(PATIENCE)
        .unwrap_or_else(|| panic!("it goes on as if nothing were lost\n{}", service.last_words()));
    let errors = service.error_text();
    assert!(status.code().is_some_and(|code| code != 0), "ended with {status}\n{errors}");
    let says_it = |line: &str| line.contains(&purchases) && line.to_lowercase().contains("offset");
    assert!(errors.lines().any(says_it), "no line names the topic and what is wrong with its offsets:\n{errors}");
    let after = shop.cluster().group(&shop.group_id(), &purchases).committed();
    assert_eq!(before, after, "what is lost must not be passed over");
}

#[test]
fn a_group_without_offsets_starts_at_the_earliest_record() {
    let shop = open_with_topics(Broker::shared().cluster(), "beginning");
    let writer = shop.cluster().writer(&shop.topic(Topic::Purchases));
    for number in 0..10 {
        let at = format!("2025-02-{:02}T00:00:00Z", number + 1);
        writer.write(&EventText::purchase("ben", &format!("order-{number}"), &at, "10.00").record());
    }
    writer.flush();
    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    let known = service.json("/api/v1/customers/ben");
    assert_eq!(known["orders"].as_u64(), Some(10), "a group without offsets starts at the earliest record: {known}");
    assert!(service.wait_for_exit(Duration::ZERO).is_none(), "it runs on");
    service.terminate();
}
