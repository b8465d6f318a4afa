//! The way to a broker that demands TLS and a SCRAM login and allows nothing that was not granted: what `docs/security.md`
//! says is set and granted here, word for word, and must be enough; and all of it must be needed.

use std::sync::OnceLock;

use crate::agreement::{changelog_must_agree, dead_letters_must_agree};
use crate::answers::{
    OF_CONTACTS, OF_PURCHASES, OF_SUPPORT, load, must_tell_of, open_with_topics, said_by, wait_until_all_is_read,
};
use crate::inputs::{Waves, close};
use crate::support::secured::SecuredBroker;
use crate::support::service::{Shop, Topic};
use crate::support::waiting::PATIENCE;

const DOCUMENTED: &str = include_str!("../../docs/security.md");

/// The user of the documentation, and what nobody but the broker and the service know.
const USER: &str = "homecoming";
const PASSWORD: &str = "an-unlikely-password-of-the-service";

/// The topics' names in the documentation.
const NAMES: [(&str, Topic); 7] = [
    ("purchases", Topic::Purchases),
    ("support", Topic::Support),
    ("contacts", Topic::Contacts),
    ("returning-customers", Topic::ReturningCustomers),
    ("churn-risk", Topic::ChurnRisk),
    ("dead-letters", Topic::DeadLetters),
    ("homecoming-state", Topic::State),
];

#[test]
fn the_documented_rights_are_enough_and_each_is_needed() {
    let broker = secured();
    let mut shop = open_with_topics(broker.cluster(), "secured");
    load(&shop, "2000", "200", "37");
    close(&shop);
    let waves = Waves::first(&shop);
    let expected = waves.expected();
    must_tell_of(&expected, &[&OF_PURCHASES[..], &OF_SUPPORT, &OF_CONTACTS].concat());

    come_in_by_the_front(&mut shop, PASSWORD);
    let commands = documented_commands(&shop);
    // What is asked for first of all that each command grants.
    let purchases = format!("not authorised to see topic {}: grant Describe", shop.topic(Topic::Purchases));
    let returning = format!("not authorised to see topic {}: grant Describe", shop.topic(Topic::ReturningCustomers));
    let transactions = format!("not authorised to use the transactional id {}-", shop.group_id());
    let refusals = [purchases, returning, transactions];
    assert_eq!(commands.len(), refusals.len(), "one refusal a documented command: {commands:?}");
    for (command, refusal) in commands.iter().zip(refusals) {
        must_end_saying(&shop, &refusal);
        broker.grant(command);
    }

    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    service.wait_until_ready();
    said_by(&shop).must_be(&expected);
    dead_letters_must_agree(&shop, &expected);
    changelog_must_agree(&shop, &expected);
    service.terminate();

    // And what it wrote of its state it may read.
    let mut service = shop.start();
    service.wait_until_ready();
    service.terminate();
}

#[test]
fn wrong_passwords_are_named_and_not_shown() {
    let mut shop = Shop::open(secured().cluster(), "forgetful");
    let wrong = "a-password-of-somebody-else";
    come_in_by_the_front(&mut shop, wrong);
    let said = must_not_get_in(&shop);
    for word in ["SASL", "Authentication failed", "SCRAM-SHA-512", "sasl.*"] {
        assert!(said.contains(word), "no word of {word}:\n{said}");
    }
    assert!(!said.contains(wrong), "the password is shown:\n{said}");
}

#[test]
fn unknown_certificates_are_named() {
    let mut shop = Shop::open(secured().cluster(), "distrustful");
    come_in_by_the_front(&mut shop, PASSWORD);
    // Some authority, but another broker's.
    let stranger = SecuredBroker::certificate_of_a_stranger(&shop.file("stranger"));
    shop.set_text("kafka.client", "\"ssl.ca.location\"", &stranger.display().to_string());
    let said = must_not_get_in(&shop);
    for word in ["certificate", "ssl.ca.location"] {
        assert!(said.contains(word), "no word of {word}:\n{said}");
    }
}

fn secured() -> &'static SecuredBroker {
    static SECURED: OnceLock<SecuredBroker> = OnceLock::new();
    SECURED.get_or_init(|| SecuredBroker::start(&[(USER, PASSWORD)]))
}

/// With the settings that are documented first, the user's password and this broker's authority.
fn come_in_by_the_front(shop: &mut Shop, password: &str) {
    let broker = secured();
    shop.set_text("kafka", "bootstrap_servers", broker.front());
    let settings = documented_settings();
    assert_eq!(settings.get("sasl.username").map(String::as_str), Some(USER));
    assert_eq!(settings.get("security.protocol").map(String::as_str), Some("SASL_SSL"));
    for (property, value) in &settings {
        shop.set_text("kafka.client", &format!("{property:?}"), value);
    }
    let authority = broker.authority().display().to_string();
    for (property, value) in [("ssl.ca.location", authority.as_str()), ("sasl.password", password)] {
        shop.set_text("kafka.client", &format!("{property:?}"), value);
    }
}

/// `[kafka.client]` as the documentation has it first.
fn documented_settings() -> std::collections::BTreeMap<String, String> {
    let (_, after) = DOCUMENTED.split_once("[kafka.client]\n").expect("the settings are documented");
    let (block, _) = after.split_once("```").expect("a block of code ends");
    let settings: Vec<(&str, &str)> = block.lines().filter_map(|line| line.split_once(" = ")).collect();
    settings.into_iter().map(|(property, value)| (property.to_owned(), value.trim_matches('"').to_owned())).collect()
}

/// What `kafka-acls.sh` is told in the documentation, with this shop's names in the place of the default ones.
fn documented_commands(shop: &Shop) -> Vec<Vec<String>> {
    let text = DOCUMENTED.replace("\\\n", " ");
    let commands = text.lines().filter(|line| line.starts_with("kafka-acls.sh"));
    commands
        .map(|command| {
            let (_, asked) = command.split_once(" --command-config admin.properties ").expect("an administrator asks");
            let words: Vec<&str> = asked.split_whitespace().collect();
            let option_of = |n: usize| if n == 0 { "" } else { words[n - 1] };
            words.iter().enumerate().map(|(n, word)| in_this_shop(shop, option_of(n), word)).collect()
        })
        .collect()
}

fn in_this_shop(shop: &Shop, option: &str, word: &str) -> String {
    match option {
        "--topic" => {
            let (_, topic) = NAMES.iter().find(|(name, _)| *name == word).expect("a topic that the service knows");
            shop.topic(*topic)
        }
        "--group" | "--transactional-id" => word.replacen("homecoming", &shop.group_id(), 1),
        _ => word.to_owned(),
    }
}

/// The service must end, and say this.
fn must_end_saying(shop: &Shop, refusal: &str) {
    let mut service = shop.start();
    let ended = service.wait_for_exit(PATIENCE / 10);
    let (status, _) = ended.unwrap_or_else(|| panic!("it goes on without permission\n{}", service.last_words()));
    let errors = service.error_text();
    assert!(matches!(status.code(), Some(1 | 2)), "ended with {status}\n{errors}");
    assert!(errors.lines().any(|line| line.contains(refusal)), "no line says `{refusal}`:\n{errors}");
}

/// Who can't log in now may be able to later: the service lives on, asks again, and says that it has nothing to do.
/// `homecoming check` fails meanwhile; what it says is the answer.
fn must_not_get_in(shop: &Shop) -> String {
    let mut service = shop.start();
    let output = shop.try_homecoming(&["check", "--config", "CONFIG"]);
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert_eq!(output.status.code(), Some(1), "a check that fails ends with 1\n{said}");

    service.wait_until("it says that it tries again", |service| service.times_said("trying again") > 0);
    let status = |path: &str| service.http_get(path).map(|(status, _)| status);
    assert_eq!(status("/healthz"), Some(200), "the process is well");
    assert_eq!(status("/readyz"), Some(503), "and has nothing to work on");
    service.terminate();
    said
}
