//! What must fit together, looked at once all values are known.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::client::TRANSACTION_TIMEOUT;
use super::duration;
use super::error::{ConfigError, Origin};
use super::values::{SECRET_RULE, Secret};
use super::{Options, TopicOptions};

/// Checks what spans options, and fills in what follows from others.
pub(super) fn complete(options: &mut Options, origins: &BTreeMap<String, Origin>) -> Result<(), ConfigError> {
    topics_differ(&options.topics, origins)?;
    levels_rise(options, origins)?;
    transactions_outlast_commits(options, origins)?;
    read_token_file(options, origins)?;

    let horizon = options.retention.activity_horizon;
    options.retention.windows.retain(|window| *window <= horizon);
    Ok(())
}

fn topics_differ(topics: &TopicOptions, origins: &BTreeMap<String, Origin>) -> Result<(), ConfigError> {
    let named = [
        ("topics.purchases", &topics.purchases),
        ("topics.support", &topics.support),
        ("topics.contacts", &topics.contacts),
        ("topics.returning_customers", &topics.returning_customers),
        ("topics.churn_risk", &topics.churn_risk),
        ("topics.dead_letters", &topics.dead_letters),
        ("topics.state", &topics.state),
    ];
    for (at, (first, name)) in named.iter().enumerate() {
        if let Some((second, _)) = named[at + 1..].iter().find(|(_, other)| other == name) {
            let value = format!("{name:?}");
            return Err(contradiction(origins, (first, &value), "must not be the same topic as", (second, &value)));
        }
    }
    Ok(())
}

fn levels_rise(options: &Options, origins: &BTreeMap<String, Origin>) -> Result<(), ConfigError> {
    let (medium, high) = (options.risk.medium, options.risk.high);
    if medium <= high {
        return Ok(());
    }
    let (medium, high) = (medium.to_string(), high.to_string());
    Err(contradiction(origins, ("risk.medium", &medium), "must not be above", ("risk.high", &high)))
}

fn transactions_outlast_commits(options: &mut Options, origins: &BTreeMap<String, Origin>) -> Result<(), ConfigError> {
    let mut key = "engine.transaction_timeout".to_owned();
    let of_client = options.kafka.client.value_of(TRANSACTION_TIMEOUT);
    if let Some(millis) = of_client.and_then(|value| value.parse().ok()) {
        options.engine.transaction_timeout = Duration::from_millis(millis);
        key = format!("kafka.client.{TRANSACTION_TIMEOUT}");
    }
    let timeout = options.engine.transaction_timeout;
    let interval = options.engine.commit_interval;
    if timeout > interval {
        return Ok(());
    }
    Err(contradiction(
        origins,
        (&key, &duration::text(timeout)),
        "must be longer than",
        ("engine.commit_interval", &duration::text(interval)),
    ))
}

fn read_token_file(options: &mut Options, origins: &BTreeMap<String, Origin>) -> Result<(), ConfigError> {
    let Some(path) = &options.http.token_file else {
        return Ok(());
    };
    if options.http.token.is_some() {
        let path = format!("{path:?}");
        return Err(contradiction(
            origins,
            ("http.token", "***"),
            "cannot be set together with",
            ("http.token_file", &path),
        ));
    }
    let token = token_in(path).map_err(|reason| ConfigError::Refused {
        key: "http.token_file".to_owned(),
        shown: format!(" = {path:?}"),
        origin: origin_of("http.token_file", origins),
        reason,
    })?;
    options.http.token = Some(token);
    Ok(())
}

fn token_in(path: &Path) -> Result<Secret, String> {
    let text = fs::read_to_string(path).map_err(|cause| format!("cannot read the file: {cause}"))?;
    let token = text.strip_suffix('\n').unwrap_or(&text);
    let token = token.strip_suffix('\r').unwrap_or(token);
    Secret::new(token).ok_or_else(|| format!("the file holds no token: {SECRET_RULE}"))
}

fn contradiction(
    origins: &BTreeMap<String, Origin>,
    (first, first_value): (&str, &str),
    rule: &'static str,
    (second, second_value): (&str, &str),
) -> ConfigError {
    let says = |key: &str, value: &str| format!("{value} {}", origin_of(key, origins));
    ConfigError::Contradiction {
        first: first.to_owned(),
        first_says: says(first, first_value),
        rule,
        second: second.to_owned(),
        second_says: says(second, second_value),
    }
}

fn origin_of(key: &str, origins: &BTreeMap<String, Origin>) -> Origin {
    origins.get(key).cloned().unwrap_or(Origin::Default)
}
