//! Stored state that this program must not go on with: of a later version, or with a part missing. And what can't be
//! stored, because its topic does not take it.

use crate::answers::{load, make_topics, open_with_topics, wait_until_all_is_read};
use crate::inputs::{Written, close};
use crate::malformed::EventText;
use crate::support::broker::Broker;
use crate::support::cluster::Isolation;
use crate::support::service::{Service, Shop, Topic};
use crate::support::topic::{Outgoing, Record};
use crate::support::waiting::PATIENCE;

#[test]
fn a_customer_stored_by_a_later_version_ends_the_service() {
    let mut later = vec![99];
    later.extend(b"whatever comes then");
    of_a_later_version_ends_it("later-customer", "cvisitor-99", &later);
}

#[test]
fn progress_stored_by_a_later_version_ends_the_service() {
    of_a_later_version_ends_it("later-progress", "p", br#"{"version":99,"whatever":"comes then"}"#);
}

fn of_a_later_version_ends_it(name: &str, key: &str, value: &[u8]) {
    let shop = open_with_topics(Broker::shared().cluster(), name);
    let writer = shop.cluster().writer(&shop.topic(Topic::State));
    writer.write(&Outgoing {
        key: Some(key.into()),
        value: Some(value.to_vec()),
        partition: Some(1),
        ..Outgoing::default()
    });
    writer.flush();
    buy(&shop, 0..20);
    let errors = must_end_with(&shop, 1);
    let says_it = |line: &str| line.contains("version 99") && line.contains("partition 1");
    assert!(errors.lines().filter(|line| says_it(line)).count() == 1, "not one clear line:\n{errors}");
    let stored = shop.cluster().read_whole(&shop.topic(Topic::State), Isolation::Committed);
    assert_eq!(stored.iter().filter(|record| record.partition == 1).count(), 1, "it wrote on");
}

#[test]
fn a_state_topic_that_has_lost_its_beginning_ends_the_service() {
    let shop = open_deletable("truncated");
    buy(&shop, 0..20);
    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    service.terminate();
    buy(&shop, 20..40);
    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    service.terminate();

    // As cleanup.policy=delete does it: the beginning goes, the latest progress stays.
    let state = shop.topic(Topic::State);
    for partition in shop.cluster().partitions(&state) {
        let records = shop.cluster().read_whole(&state, Isolation::Committed);
        let progress =
            records.iter().rfind(|record| record.partition == partition && record.key.as_deref() == Some(b"p"));
        if let Some(progress) = progress {
            shop.cluster().expire_records_before(&state, partition, progress.offset);
        }
    }
    let errors = must_end_with(&shop, 1);
    assert!(errors.lines().any(|line| line.contains(&state)), "no line names the state topic:\n{errors}");
}

#[test]
fn a_state_topic_that_was_emptied_ends_the_service() {
    let shop = open_deletable("emptied");
    buy(&shop, 0..20);
    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    service.terminate();
    let state = shop.topic(Topic::State);
    for (partition, end) in shop.cluster().end_offsets(&state, Isolation::Uncommitted) {
        shop.cluster().expire_records_before(&state, partition, end);
    }
    let errors = must_end_with(&shop, 1);
    assert!(errors.lines().any(|line| line.contains(&state)), "no line names the state topic:\n{errors}");
}

#[test]
fn a_state_topic_that_was_made_anew_ends_the_service() {
    let shop = open_with_topics(Broker::shared().cluster(), "anew");
    buy(&shop, 0..20);
    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    service.terminate();
    shop.cluster().delete_topic(&shop.topic(Topic::State));
    make_topics(&shop);
    let errors = must_end_with(&shop, 1);
    assert!(errors.lines().any(|line| line.contains("is gone")), "no line says what is missing:\n{errors}");
}

#[test]
fn a_topic_that_does_not_take_a_signal_ends_the_service() {
    let shop = {
        let shop = Shop::open(Broker::shared().cluster(), "oversized");
        shop.cluster().create_topic(&shop.topic(Topic::ChurnRisk), 4, &[("max.message.bytes", "200")]);
        make_topics(&shop);
        shop
    };
    load(&shop, "5000", "500", "81");
    close(&shop);
    let total = Written::to(&shop).count();
    let errors = must_end_with(&shop, 1);
    let says_it = |line: &str| line.contains(&shop.topic(Topic::ChurnRisk)) && line.contains("max.message.bytes");
    assert!(errors.lines().any(says_it), "no line names the topic and its setting:\n{errors}");
    assert!(total > 5000, "and nothing of it was passed over");
}

/// Whatever its topic takes: one record that somebody got wrong must not stop all that come after it.
#[test]
fn dead_letters_are_cut_to_what_their_topic_takes() {
    const TAKES: usize = 20_000;
    let shop = Shop::open(Broker::shared().cluster(), "narrow");
    shop.cluster().create_topic(&shop.topic(Topic::DeadLetters), 1, &[("max.message.bytes", &TAKES.to_string())]);
    make_topics(&shop);
    let [long_value, long_header, long_key] = [1, 2, 3].map(|seed| noise(2 * TAKES, seed));
    let record = |key: &str, value: &str, header: &str| Outgoing {
        key: Some(key.into()),
        value: Some(value.into()),
        headers: vec![("came-with".to_owned(), Some(header.into()))],
        partition: Some(0),
    };
    let mut records = vec![
        record("a", &long_value, "short"),
        record("a", "short", &long_header),
        record(&long_key, "short", "short"),
        record("a", &long_value, &long_header),
    ];
    // Each would fit, and all of them in one batch would not.
    let small: Vec<Outgoing> = (10..200).map(|seed| record("a", &noise(900, seed), "short")).collect();
    records.extend(small);
    let writer = shop.cluster().writer(&shop.topic(Topic::Purchases));
    records.iter().for_each(|record| writer.write(record));
    writer.flush();
    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    service.terminate();

    let letters = shop.cluster().read_whole(&shop.topic(Topic::DeadLetters), Isolation::Committed);
    assert_eq!(letters.len(), records.len());
    let cut_of = |letter: &Record| {
        ["key.truncated", "headers.truncated", "value.truncated"].map(|name| letter.header(name).is_some())
    };
    let expected = [[false, false, true], [false, true, false], [true, true, true], [false, true, true]];
    for (place, (letter, came)) in letters.iter().zip(&records).enumerate() {
        let expected = expected.get(place).copied().unwrap_or_default();
        assert_eq!(cut_of(letter), expected, "record {place}: {letter:?}");
        assert_eq!(letter.header("error.code"), Some("invalid_json"));
        assert_eq!(letter.header("source.offset"), Some(place.to_string().as_str()));
        assert_eq!(letter.header("came-with").is_some(), !expected[1], "record {place}: {letter:?}");
        let (key, value) = (letter.key.as_deref().unwrap_or_default(), letter.value.as_deref().unwrap_or_default());
        assert!(came.key.as_deref().is_some_and(|whole| whole.starts_with(key)), "record {place}: {letter:?}");
        assert!(came.value.as_deref().is_some_and(|whole| whole.starts_with(value)), "record {place}: {letter:?}");
        let is_filled = key.len() + value.len() > TAKES - 5000;
        assert_eq!(is_filled, expected[2], "record {place}: no more is cut off than must be: {letter:?}");
    }
}

/// Text that no compression makes smaller.
fn noise(length: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut digit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_digit((state >> 59) as u32, 32).expect("a digit of 32")
    };
    (0..length).map(|_| digit()).collect()
}

/// A shop whose state topic somebody has set up wrongly: its beginning can be deleted.
fn open_deletable(name: &str) -> Shop {
    let shop = Shop::open(Broker::shared().cluster(), name);
    shop.cluster().create_topic(&shop.topic(Topic::State), 4, &[("cleanup.policy", "compact,delete")]);
    make_topics(&shop);
    shop
}

fn buy(shop: &Shop, numbers: std::ops::Range<usize>) {
    let writer = shop.cluster().writer(&shop.topic(Topic::Purchases));
    for number in numbers {
        let at = format!("2025-01-{:02}T00:00:00Z", number % 28 + 1);
        writer.write(
            &EventText::purchase(&format!("buyer-{number}"), &format!("bought-{number}"), &at, "10.00").record(),
        );
    }
    writer.flush();
}

/// Starts it, and gives what it says at the end that it must come to by itself.
fn must_end_with(shop: &Shop, code: i32) -> String {
    let mut service: Service = shop.start();
    let ended = service.wait_for_exit(PATIENCE / 10);
    let (status, took) = ended.unwrap_or_else(|| panic!("it goes on\n{}", service.last_words()));
    let errors = service.error_text();
    eprintln!("{}: exit code {:?} after {took:?}, {errors}", shop.group_id(), status.code());
    assert_eq!(status.code(), Some(code), "{errors}");
    errors
}
