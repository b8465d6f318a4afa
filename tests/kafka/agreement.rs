//! Dead letters, changelog, committed offsets and memory, each compared with what the model knows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::answers::{OF_CONTACTS, OF_PURCHASES, OF_SUPPORT, OF_SUPPORT_IN_TIME, must_tell_of, said_by};
use crate::hostile_shop::HostileShop;
use crate::inputs::{Progress, inputs_of, topic_of};
use crate::support::audit::{audit_dead_letters_of, folded};
use crate::support::cluster::Isolation;
use crate::support::model::{Expected, Input, Level, Story, calendar};
use crate::support::random::Chance;
use crate::support::service::{Service, Shop, Topic};

const CUSTOMERS_ASKED_FOR: usize = 200;

/// All that a hostile shop leads to, once everything is read and these instances hold all of it.
pub fn everything_must_agree(shop: &Shop, hostile: &HostileShop, expected: &Expected, instances: &[&Service]) {
    must_tell_of(expected, &[&OF_PURCHASES[..], &OF_SUPPORT, &OF_SUPPORT_IN_TIME, &OF_CONTACTS].concat());
    hostile.must_be_refused_as_meant(expected);
    let said = said_by(shop);
    said.must_be(expected);
    assert_eq!(said.count(), expected.signals());
    said.ids_given(expected);
    dead_letters_must_agree(shop, expected);
    changelog_must_agree(shop, expected);
    memory_must_agree(instances, expected);
}

pub fn dead_letters_must_agree(shop: &Shop, expected: &Expected) {
    let letters = shop.cluster().read_whole(&shop.topic(Topic::DeadLetters), Isolation::Committed);
    let names = Input::ALL.map(|input| (input, shop.topic(topic_of(input))));
    let sources: Vec<(Input, &str)> = names.iter().map(|(input, name)| (*input, name.as_str())).collect();
    audit_dead_letters_of(&letters, &expected.refused, &sources);
}

/// What a restore would find: the customers that the model knows, and the offsets that the group has.
pub fn changelog_must_agree(shop: &Shop, expected: &Expected) {
    let changelog = folded(&shop.cluster().read_whole(&shop.topic(Topic::State), Isolation::Committed));
    let known = expected.known();
    let some = |of: &BTreeSet<String>, not_of| of.difference(not_of).take(5).cloned().collect::<Vec<_>>();
    assert!(
        changelog.kept == known,
        "in the changelog only: {:?}, missing there: {:?}",
        some(&changelog.kept, &known),
        some(&known, &changelog.kept)
    );
    let erased: BTreeSet<String> = expected.stories.keys().filter(|id| !known.contains(*id)).cloned().collect();
    assert!(erased.is_empty() || !changelog.forgotten.is_empty(), "nobody was forgotten");
    assert_eq!(some(&changelog.forgotten, &erased), Vec::<String>::new(), "forgotten without having been erased");

    let committed = Progress::of(shop).committed().expect("no transaction is open");
    for (input, offsets) in inputs_of(shop).into_iter().zip(committed) {
        let name = ["purchases", "support", "contacts"][input as usize];
        let offset_in = |progress: &Value| progress["inputs"][name]["next_offset"].as_i64().unwrap_or_default();
        let stored: BTreeMap<i32, i64> =
            changelog.progress.iter().map(|(partition, progress)| (*partition, offset_in(progress))).collect();
        assert_eq!(stored, offsets, "offsets of {input:?} in the changelog and in the group");
    }
}

/// The instances that share a shop's partitions, asked one by one and summed up.
pub fn memory_must_agree(instances: &[&Service], expected: &Expected) {
    let rates: Vec<Value> = instances.iter().map(|instance| instance.json("/api/v1/rates")).collect();
    let number =
        |path: &str| rates.iter().map(|rates| rates.pointer(path).and_then(Value::as_u64)).sum::<Option<u64>>();
    let sums = expected.sums();
    let at = |level| expected.stories.values().filter(|story| story.level == Some(level)).count();
    for (path, count) in [
        ("/ever/customers", sums.customers),
        ("/ever/repeat_purchase/numerator", sums.customers_with_a_second_order),
        ("/ever/repeat_purchase/denominator", sums.customers),
        ("/ever/returning_orders/numerator", sums.returning_orders),
        ("/ever/returning_orders/denominator", sums.orders),
        ("/now/active", sums.active),
        ("/now/lapsed", sums.lapsed),
        ("/now/risk/low", at(Level::Low)),
        ("/now/risk/medium", at(Level::Medium)),
        ("/now/risk/high", at(Level::High)),
    ] {
        assert_eq!(number(path), Some(count as u64), "{path} of the rates: {rates:?}");
    }
    let mut chance = Chance::from_seed(200);
    let stories: Vec<_> = expected.stories.iter().collect();
    let (known, unknown): (Vec<_>, Vec<_>) = stories.into_iter().partition(|(_, story)| story.is_known);
    for _ in 0..CUSTOMERS_ASKED_FOR {
        let (customer, story) = chance.pick(&known);
        match &answers_about(instances, customer)[..] {
            [known] => customer_must_agree(known, customer, story),
            several => panic!("{} of {} instances know {customer}", several.len(), instances.len()),
        }
    }
    for (customer, _) in unknown.iter().take(CUSTOMERS_ASKED_FOR) {
        assert_eq!(answers_about(instances, customer), Vec::<Value>::new(), "{customer} was erased");
    }
}

fn answers_about(instances: &[&Service], customer: &str) -> Vec<Value> {
    let path = format!("/api/v1/customers/{}", in_a_path(customer));
    let answers = instances.iter().map(|instance| instance.http_get(&path).expect("who is ready answers"));
    let known = answers.filter(|(status, body)| {
        assert!(matches!(status, 200 | 404), "GET {path} answered {status}: {body}");
        *status == 200
    });
    known.map(|(_, body)| serde_json::from_str(&body).expect("an answer is JSON")).collect()
}

fn customer_must_agree(known: &Value, customer: &str, story: &Story) {
    let instant = |field: &str| known[field].as_str().and_then(calendar::parse);
    assert_eq!(known["customer_id"], customer);
    assert_eq!(known["orders"].as_u64(), Some(story.orders as u64), "orders of {known}");
    assert_eq!(known["level"].as_str(), story.level.map(|level| level.name()), "level of {known}");
    assert_eq!(instant("first_order_at"), story.first_order_at, "first order of {known}");
    assert_eq!(instant("last_order_at"), story.last_order_at, "last order of {known}");
}

/// Percent-encoded: some ids here are not plain.
fn in_a_path(customer: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    customer.bytes().map(encoded).collect()
}
