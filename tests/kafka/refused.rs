//! What an access list forbids is named, and the service ends instead of asking for ever.

use std::collections::BTreeMap;

use crate::answers::{load, open_with_topics, wait_until_all_is_read};
use crate::support::broker::{Broker, PASSWORD};
use crate::support::cluster::Isolation;
use crate::support::permissions::{Operation, Resource};
use crate::support::service::{Shop, Topic};
use crate::support::waiting::PATIENCE;

#[test]
fn a_topic_that_may_not_be_seen_is_named() {
    let shop = loaded("unseeing");
    let purchases = shop.topic(Topic::Purchases);
    must_end_naming(shop, "blind", Resource::Topic, &purchases.clone(), Operation::Describe, &purchases);
}

#[test]
fn a_topic_that_may_not_be_read_is_named() {
    let shop = loaded("unhearing");
    let support = shop.topic(Topic::Support);
    must_end_naming(shop, "deaf", Resource::Topic, &support.clone(), Operation::Read, &support);
}

#[test]
fn a_group_that_may_not_be_joined_is_named() {
    let shop = loaded("lonely");
    let group = shop.group_id();
    must_end_naming(shop, "alone", Resource::Group, &group.clone(), Operation::Read, &group);
}

#[test]
fn a_topic_that_may_not_be_written_is_named() {
    let shop = loaded("silenced");
    let churn_risk = shop.topic(Topic::ChurnRisk);
    must_end_naming(shop, "mute", Resource::Topic, &churn_risk.clone(), Operation::Write, &churn_risk);
}

#[test]
fn a_transactional_id_that_may_not_be_used_is_named() {
    let shop = loaded("hesitant");
    let id = format!("{}-hesitant-1-0", shop.group_id());
    must_end_naming(shop, "unsure", Resource::TransactionalId, "*", Operation::Write, &id);
}

#[test]
fn a_state_topic_that_may_not_be_read_is_named() {
    let shop = loaded("forgetting");
    // There must be something to read.
    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    service.terminate();
    load(&shop, "2000", "200", "72");
    let state = shop.topic(Topic::State);
    must_end_naming(shop, "forgetful", Resource::Topic, &state.clone(), Operation::Read, &state);
}

/// What is written last in a transaction finds no later record that could fail in its stead.
#[test]
fn a_state_topic_that_may_not_be_written_is_named() {
    let shop = loaded("fleeting");
    let state = shop.topic(Topic::State);
    must_end_naming(shop, "fleeting", Resource::Topic, &state.clone(), Operation::Write, &state);
}

fn loaded(name: &str) -> Shop {
    let mut shop = open_with_topics(Broker::shared().cluster(), name);
    shop.set_number("engine", "threads", "1");
    load(&shop, "2000", "200", "71");
    shop
}

/// One thing is taken away from a user who may do everything else. The service must end and say which.
fn must_end_naming(mut shop: Shop, user: &str, resource: Resource, name: &str, operation: Operation, named: &str) {
    let broker = Broker::shared();
    broker.cluster().allow_all(user);
    broker.cluster().deny(user, resource, name, operation);
    shop.set_text("kafka", "bootstrap_servers", broker.guarded());
    for (property, value) in [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.username", user),
        ("sasl.password", PASSWORD),
    ] {
        shop.set_text("kafka.client", &format!("{property:?}"), value);
    }
    let before = committed_and_said(&shop);
    let mut service = shop.start();
    let ended = service.wait_for_exit(PATIENCE / 10);
    let (status, _) = ended.unwrap_or_else(|| panic!("it goes on without permission\n{}", service.last_words()));
    let errors = service.error_text();
    eprintln!("{operation:?} on {resource:?} denied: exit code {:?}, {errors}", status.code());
    assert!(matches!(status.code(), Some(1 | 2)), "ended with {status}\n{errors}");
    let says_it = |line: &str| line.contains(named) && line.to_lowercase().contains("authori");
    assert!(errors.lines().any(says_it), "no line names {named}:\n{errors}");
    assert_eq!(committed_and_said(&shop), before, "it did something all the same");
}

fn committed_and_said(shop: &Shop) -> (Option<BTreeMap<i32, i64>>, usize) {
    let purchases = shop.topic(Topic::Purchases);
    let committed = shop.cluster().group(&shop.group_id(), &purchases, Isolation::Committed).committed();
    (committed, shop.cluster().read_whole(&shop.topic(Topic::ReturningCustomers), Isolation::Committed).len())
}
