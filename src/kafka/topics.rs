//! Which topics the service needs, whether they are there, and how to make the missing ones.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;

use super::client::{Connection, Listening, heard, passing, unusable};
use super::consumer::ANSWER_WITHIN;
use crate::pipeline::Fault;
use crate::wire::Source;

/// A topic the service needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Its name.
    pub name: String,
    /// The option that names it.
    pub option: &'static str,
    /// Whether the service runs without it.
    pub is_optional: bool,
    /// Whether it must have as many partitions as the inputs.
    pub is_aligned: bool,
    /// Broker-side settings it is made with.
    pub settings: Vec<(&'static str, String)>,
}

/// A topic as the cluster has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// How many partitions it has.
    pub partitions: usize,
    /// How many copies there are of each.
    pub replication: usize,
}

impl Connection {
    /// All topics the service reads or writes.
    pub fn needed(&self) -> Vec<Needed> {
        let needed = |name: &String, option, is_aligned, settings| Needed {
            name: name.clone(),
            option,
            is_optional: option == "topics.contacts",
            is_aligned,
            settings,
        };
        let mut all: Vec<Needed> = self
            .inputs
            .iter()
            .map(|(source, name)| {
                let option = match source {
                    Source::Purchases => "topics.purchases",
                    Source::Support => "topics.support",
                    Source::Contacts => "topics.contacts",
                };
                // Room for the record around the value.
                let size = (self.max_value_bytes + 65_536).to_string();
                needed(name, option, true, vec![("max.message.bytes", size)])
            })
            .collect();
        all.push(needed(&self.returning_customers, "topics.returning_customers", false, Vec::new()));
        all.push(needed(&self.churn_risk, "topics.churn_risk", false, Vec::new()));
        let largest = self.max_dead_letter_bytes.to_string();
        let thirty_days = (30 * 86_400_000u64).to_string();
        all.push(needed(
            &self.dead_letters,
            "topics.dead_letters",
            false,
            vec![("max.message.bytes", largest), ("retention.ms", thirty_days)],
        ));
        // The active segment is never compacted: small ones keep the log, and so a restore, short.
        let compacted = [
            ("cleanup.policy", "compact"),
            ("segment.bytes", "67108864"),
            ("segment.ms", "3600000"),
            ("min.cleanable.dirty.ratio", "0.2"),
            ("delete.retention.ms", "86400000"),
            // What is known of who was erased leaves the log after a day, however little else is written to it.
            ("max.compaction.lag.ms", "86400000"),
        ];
        let compacted = compacted.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        all.push(needed(&self.state, "topics.state", true, compacted));
        all
    }

    /// The needed topics that are there.
    pub fn found(&self) -> Result<BTreeMap<String, Found>, Fault> {
        let client: BaseConsumer<Listening> = self
            .client("check", &[("group.id", &self.group_id)])
            .create_with_context(Listening::default())
            .map_err(unusable("client"))?;
        let mut found = BTreeMap::new();
        for needed in self.needed() {
            let metadata = client.fetch_metadata(Some(&needed.name), ANSWER_WITHIN).map_err(|error| {
                let reason = heard(&client).unwrap_or_else(|| error.to_string());
                Fault::Passing(format!("no answer from {}: {reason}", self.bootstrap_servers))
            })?;
            for topic in metadata.topics().iter().filter(|topic| topic.error().is_none()) {
                let replication = topic.partitions().iter().map(|partition| partition.replicas().len()).min();
                let found_here = Found { partitions: topic.partitions().len(), replication: replication.unwrap_or(0) };
                found.insert(topic.name().to_owned(), found_here);
            }
            let refused = metadata.topics().iter().find_map(|topic| match topic.error().map(RDKafkaErrorCode::from) {
                Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Some(topic.name().to_owned()),
                _ => None,
            });
            if let Some(name) = refused {
                return Err(Fault::Final(format!("not authorised to see topic {name}: grant Describe on it")));
            }
        }
        Ok(found)
    }

    /// How many partitions the inputs have, if all topics are as they must be. An optional input that is not there is
    /// not read.
    pub fn check_topics(&mut self) -> Result<usize, Fault> {
        let found = self.found()?;
        let is_there = |topic: &str| found.contains_key(topic);
        let optional: Vec<String> =
            self.needed().into_iter().filter(|needed| needed.is_optional).map(|needed| needed.name).collect();
        self.inputs.retain(|(_, topic)| is_there(topic) || !optional.contains(topic));
        let needed = self.needed();
        let missing: Vec<_> = needed
            .iter()
            .filter(|needed| !found.contains_key(&needed.name))
            .map(|needed| format!("`{}` ({})", needed.name, needed.option))
            .collect();
        if !missing.is_empty() {
            return Err(Fault::Final(format!(
                "missing at {}: {}; `homecoming topics --config FILE` makes them",
                self.bootstrap_servers,
                missing.join(", ")
            )));
        }
        let partitions = |name: &str| found.get(name).map_or(0, |found| found.partitions);
        let first = partitions(&needed[0].name);
        match needed.iter().find(|other| other.is_aligned && partitions(&other.name) != first) {
            None => Ok(first),
            Some(other) => Err(Fault::Final(format!(
                "topic `{}` has {} partitions and `{}` has {}: a customer's events and state must meet in one \
                 partition, so these topics need equally many. Make the smaller one anew with as many partitions",
                needed[0].name,
                first,
                other.name,
                partitions(&other.name)
            ))),
        }
    }

    /// Finds out whether the topic of dead letters takes less than it is to: then what goes there is cut to that. Where
    /// the brokers do not tell, it is taken to be as it is to be.
    pub async fn heed_dead_letter_limit(&mut self) -> Result<(), Fault> {
        let admin: AdminClient<DefaultClientContext> =
            self.client("admin", &[]).create().map_err(unusable("admin client"))?;
        let options = AdminOptions::new().request_timeout(Some(ANSWER_WITHIN));
        let described = described(&admin, &self.dead_letters, &options).await?;
        let size = described.as_ref().and_then(|resource| resource.get("max.message.bytes"));
        if let Some(size) = size.and_then(|entry| entry.value.as_deref()?.parse::<usize>().ok()) {
            self.max_dead_letter_bytes = self.max_dead_letter_bytes.min(size);
        }
        Ok(())
    }

    /// Makes the topics that are missing, with their settings; says which. Never changes one that is there.
    pub async fn create_missing(&self, partitions: i32, replication: Option<i32>) -> Result<Vec<String>, Fault> {
        let found = self.found()?;
        let missing: Vec<Needed> =
            self.needed().into_iter().filter(|needed| !found.contains_key(&needed.name)).collect();
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let admin: AdminClient<DefaultClientContext> =
            self.client("admin", &[]).create().map_err(unusable("admin client"))?;
        let topics: Vec<NewTopic<'_>> = missing
            .iter()
            .map(|needed| {
                // -1: the broker's default.
                let replication = TopicReplication::Fixed(replication.unwrap_or(-1));
                let topic = NewTopic::new(&needed.name, partitions, replication);
                needed.settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
            })
            .collect();
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
        let results = admin.create_topics(&topics, &options).await.map_err(passing("can't make topics"))?;
        let mut made = Vec::new();
        for result in results {
            match result {
                Ok(name) => made.push(name),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => return Err(Fault::Final(format!("topic `{name}` can't be made: {code}"))),
            }
        }
        self.wait_until_seen(&made)?;
        Ok(made)
    }

    /// The controller answers before the brokers tell of a new topic: whoever comes next must find it.
    fn wait_until_seen(&self, topics: &[String]) -> Result<(), Fault> {
        for _ in 0..100 {
            let found = self.found()?;
            if topics.iter().all(|topic| found.contains_key(topic)) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(Fault::Passing("the topics were made, but the brokers do not tell of them yet".to_owned()))
    }

    /// What of the topics that are there differs from how they would be made.
    pub async fn differences(&self, partitions: i32, replication: Option<i32>) -> Result<Vec<String>, Fault> {
        let found = self.found()?;
        let admin: AdminClient<DefaultClientContext> =
            self.client("admin", &[]).create().map_err(unusable("admin client"))?;
        let mut differences = Vec::new();
        for needed in self.needed() {
            let Some(topic) = found.get(&needed.name) else { continue };
            if topic.partitions != partitions as usize {
                differences.push(format!("{}: {} partitions, not {partitions}", needed.name, topic.partitions));
            }
            if let Some(wanted) = replication.filter(|wanted| topic.replication != *wanted as usize) {
                differences.push(format!("{}: replication is {}, not {wanted}", needed.name, topic.replication));
            }
            let described = described(&admin, &needed.name, &AdminOptions::new()).await?;
            for (key, wanted) in &needed.settings {
                let is =
                    described.as_ref().and_then(|resource| resource.get(key)).and_then(|entry| entry.value.clone());
                if is.as_ref().is_some_and(|is| is != wanted) {
                    differences.push(format!("{}: {key} is {}, not {wanted}", needed.name, is.unwrap_or_default()));
                }
            }
        }
        Ok(differences)
    }
}

/// A topic's settings, if its brokers tell.
async fn described(
    admin: &AdminClient<DefaultClientContext>,
    topic: &str,
    options: &AdminOptions,
) -> Result<Option<ConfigResource>, Fault> {
    let described = admin.describe_configs(&[ResourceSpecifier::Topic(topic)], options).await;
    let described = described.map_err(passing("can't read the topics' settings"))?;
    Ok(described.into_iter().next().and_then(Result::ok))
}
