//! A start that cannot go well is refused, in words that say what to do.

use std::time::Duration;

use crate::answers::{
    OF_PURCHASES, OF_SUPPORT, keep_in_order, load, make_topics, must_tell_of, open_with_topics, said_by,
    wait_until_all_is_read,
};
use crate::inputs::{Waves, close};
use crate::malformed::EventText;
use crate::support::broker::Broker;
use crate::support::cluster::Isolation;
use crate::support::service::{Service, Shop, Topic};
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
fn inputs_with_other_partition_counts_are_refused_by_name_and_count() {
    let shop = Shop::open(Broker::shared().cluster(), "misaligned");
    let support = shop.topic(Topic::Support);
    shop.cluster().create_topic(&support, 3, &[]);
    make_topics(&shop);
    let mut service = shop.start();
    let (status, _) = service
        .wait_for_exit(PATIENCE)
        .unwrap_or_else(|| panic!("it runs with inputs that cannot meet\n{}", service.last_words()));
    let errors = service.error_text();
    assert_eq!(status.code(), Some(2), "wrong use ends with 2\n{errors}");
    let says_it = |line: &str| {
        line.contains(&format!("`{support}` has 3"))
            && line.contains(&format!("`{}` has 4", shop.topic(Topic::Purchases)))
    };
    assert!(errors.lines().any(says_it), "no line names the topics and their counts:\n{errors}");
}

#[test]
fn partitions_added_to_all_topics_alike_stop_the_service_and_keep_it_from_starting() {
    let mut shop = open_with_topics(Broker::shared().cluster(), "grown");
    shop.set_text("kafka.client", "\"topic.metadata.refresh.interval.ms\"", "1000");
    load(&shop, "2000", "200", "17");
    close(&shop);
    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    shop.cluster().grow_topics(&Topic::ALL.map(|topic| shop.topic(topic)), 6);
    let ends_and_says = |mut service: Service, when: &str, now: &str| {
        let ended = service.wait_for_exit(PATIENCE);
        let (status, _) = ended.unwrap_or_else(|| panic!("{when}: it goes on\n{}", service.last_words()));
        let errors = service.error_text();
        assert_eq!(status.code(), Some(1), "{when}: {errors}");
        let says_it = |line: &str| line.contains("had 4 partitions") && line.contains(now);
        assert!(errors.lines().any(says_it), "{when}: no line says what became of the partitions:\n{errors}");
    };
    ends_and_says(service, "while it runs", "now have at least ");
    ends_and_says(shop.start(), "at the next start", "now have 6:");
}

#[test]
fn without_a_topic_for_contacts_the_service_runs_and_offers_no_channel() {
    let cluster = Broker::shared().cluster();
    let mut shop = Shop::open(cluster, "uncontacted");
    keep_in_order(&mut shop);
    for topic in Topic::ALL.into_iter().filter(|topic| *topic != Topic::Contacts) {
        let settings: &[_] = if topic == Topic::State { &[("cleanup.policy", "compact")] } else { &[] };
        cluster.create_topic(&shop.topic(topic), 4, settings);
    }
    load(&shop, "5000", "500", "31");
    close(&shop);
    let waves = Waves::first(&shop);
    let expected = waves.expected();
    assert!(waves.count() > 5000, "`load` writes all its events to the topics that are there");
    must_tell_of(&expected, &[&OF_PURCHASES[..], &OF_SUPPORT, &["no channel"]].concat());

    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    service.wait_until_ready();
    said_by(&shop).must_be(&expected);
    assert!(!cluster.has_topic(&shop.topic(Topic::Contacts)), "it made the topic");
    service.terminate();
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
    let before = shop.cluster().group(&shop.group_id(), &purchases, Isolation::Committed).committed();

    let mut service = shop.start();
    let (status, _) = service
        .wait_for_exit(PATIENCE)
        .unwrap_or_else(|| panic!("it goes on as if nothing were lost\n{}", service.last_words()));
    let errors = service.error_text();
    assert!(status.code().is_some_and(|code| code != 0), "ended with {status}\n{errors}");
    let says_it = |line: &str| line.contains(&purchases) && line.to_lowercase().contains("offset");
    assert!(errors.lines().any(says_it), "no line names the topic and what is wrong with its offsets:\n{errors}");
    let after = shop.cluster().group(&shop.group_id(), &purchases, Isolation::Committed).committed();
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
