//! Looks at a cluster with the service's eyes, without joining the group or writing a record: are the topics there and
//! as they must be, is what the service does allowed, do keys lie where producers should put them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::{Connection, Listening, heard, unusable};
use super::consumer::ANSWER_WITHIN;
use super::topics::Needed;
use crate::pipeline::{DEAD_LETTER_OVERHEAD, Fault};
use crate::wire::partitioning::partition_of;

/// How long the brokers have to answer at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long one input is sampled, at most.
const SAMPLE_FOR: Duration = Duration::from_secs(10);
/// How many of a partition's latest records are looked at.
const SAMPLED_PER_PARTITION: usize = 200;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it must be.
    Well,
    /// The service runs, but somebody should look at it.
    Doubtful,
    /// The service would not run, or would lose something.
    Fails,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub verdict: Verdict,
    /// What was found, and what to do about it.
    pub text: String,
}

fn well(text: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Well, text: text.into() }
}

fn doubtful(text: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Doubtful, text: text.into() }
}

fn fails(text: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Fails, text: text.into() }
}

/// A topic's partitions, or why there are none to see.
type Seen = BTreeMap<String, Result<usize, RDKafkaErrorCode>>;

impl Connection {
    /// Looks at everything and says what was found; an error only if nobody answers.
    pub async fn examine(&self) -> Result<Vec<Finding>, Fault> {
        let settings = [
            ("group.id", self.group_id.as_str()),
            ("enable.auto.commit", "false"),
            ("enable.partition.eof", "true"),
            ("auto.offset.reset", "earliest"),
            ("isolation.level", "read_committed"),
            ("queued.max.messages.kbytes", "16384"),
        ];
        let client: BaseConsumer<Listening> =
            self.client("check", &settings).create_with_context(Listening::default()).map_err(unusable("client"))?;
        let mut findings = vec![self.connect(&client)?];
        let needed = self.needed();
        let seen = see(&client, &needed)?;
        findings.extend(needed.iter().map(|needed| presence(needed, seen.get(&needed.name))));
        findings.extend(alignment(&needed, &seen));
        findings.extend(self.settings(&needed, &seen).await);
        findings.push(self.transactions());
        let inputs: Vec<(&str, usize)> = self
            .inputs
            .iter()
            .filter_map(|(_, topic)| Some((topic.as_str(), *seen.get(topic)?.as_ref().ok()?)))
            .collect();
        findings.extend(offsets(&client, &inputs));
        findings.extend(keys(&client, &inputs));
        Ok(findings)
    }

    fn connect(&self, client: &BaseConsumer<Listening>) -> Result<Finding, Fault> {
        // A topic of ours, not all: a large cluster's whole list is long.
        let asked = self.inputs.first().map_or(self.state.as_str(), |(_, topic)| topic);
        match client.fetch_metadata(Some(asked), CONNECT_WITHIN) {
            Ok(metadata) => {
                Ok(well(format!("connected to {}, brokers: {}", self.bootstrap_servers, metadata.brokers().len())))
            }
            Err(error) => Err(Fault::Passing(format!(
                "no answer from {} within {} s: {}; check kafka.bootstrap_servers, that its hosts and ports can be \
                     reached from here (the addresses that the brokers advertise too), and security.protocol, ssl.* \
                     and sasl.* in [kafka.client]",
                self.bootstrap_servers,
                CONNECT_WITHIN.as_secs(),
                heard(client).unwrap_or_else(|| error.to_string())
            ))),
        }
    }

    /// The settings of topics that the service relies on.
    async fn settings(&self, needed: &[Needed], seen: &Seen) -> Vec<Finding> {
        let there: Vec<&Needed> =
            needed.iter().filter(|needed| matches!(seen.get(&needed.name), Some(Ok(_)))).collect();
        if there.is_empty() {
            return Vec::new();
        }
        let admin: AdminClient<DefaultClientContext> = match self.client("admin", &[]).create() {
            Ok(admin) => admin,
            Err(error) => return vec![doubtful(format!("the topics' settings can't be read: {error}"))],
        };
        let asked: Vec<_> = there.iter().map(|needed| ResourceSpecifier::Topic(&needed.name)).collect();
        let options = AdminOptions::new().request_timeout(Some(CONNECT_WITHIN));
        let described = match admin.describe_configs(&asked, &options).await {
            Ok(described) => described,
            Err(error) => return vec![doubtful(format!("the topics' settings can't be read: {error}"))],
        };
        let mut findings = Vec::new();
        for (needed, described) in there.iter().zip(described) {
            match described {
                // A topic whose settings may not be seen is described as one that has none.
                Ok(resource) if resource.entries.is_empty() => findings.push(doubtful(format!(
                    "settings of `{}` can't be read; DescribeConfigs would let this check see them",
                    needed.name
                ))),
                Ok(resource) => {
                    let value_of = |key: &str| resource.get(key).and_then(|entry| entry.value.clone());
                    findings.extend(self.setting(needed, &value_of));
                }
                Err(code) => findings.push(doubtful(format!(
                    "settings of `{}` can't be read: {code}; DescribeConfigs would let this check see them",
                    needed.name
                ))),
            }
        }
        findings
    }

    fn setting(&self, needed: &Needed, value_of: &dyn Fn(&str) -> Option<String>) -> Vec<Finding> {
        let name = &needed.name;
        let policy = value_of("cleanup.policy").unwrap_or_default();
        let is_compacted = policy.split(',').any(|one| one.trim() == "compact");
        let size = value_of("max.message.bytes").and_then(|size| size.parse::<usize>().ok());
        let wanted = self.max_dead_letter_bytes;
        let mut findings = Vec::new();
        if *name == self.state {
            findings.push(match policy.as_str() {
                "compact" => well(format!("`{name}` is compacted")),
                _ => fails(format!(
                    "`{name}` has cleanup.policy={policy}: what is known of customers would be deleted by age; \
                     set it to compact"
                )),
            });
            findings.extend(erasure(needed, value_of));
        } else if is_compacted {
            findings.push(fails(format!(
                "`{name}` has cleanup.policy={policy}: of each customer only the latest record would be kept; set it \
                 to delete"
            )));
        }
        if *name == self.dead_letters {
            findings.push(match size {
                Some(size) if size < DEAD_LETTER_OVERHEAD => fails(format!(
                    "`{name}` has max.message.bytes={size}: not even the reasons would fit; set it to {wanted} or more"
                )),
                Some(size) if size < wanted => doubtful(format!(
                    "`{name}` has max.message.bytes={size}: of larger records that can't be used a part would be cut \
                     off; set it to {wanted} or more"
                )),
                _ => well(format!("`{name}` takes records of {} bytes", size.unwrap_or(wanted))),
            });
        }
        findings
    }

    /// A producer of an id that no instance has, which begins nothing.
    fn transactions(&self) -> Finding {
        let id = format!("{}-check", self.group_id);
        let timeout = self.transaction_timeout.as_millis().to_string();
        let ours =
            [("transactional.id", id.as_str()), ("transaction.timeout.ms", &timeout), ("message.timeout.ms", &timeout)];
        let made: Result<BaseProducer<DefaultProducerContext>, _> = self.client("producer-check", &ours).create();
        let outcome = made.and_then(|producer| producer.init_transactions(CONNECT_WITHIN));
        match outcome {
            Ok(()) => well(format!("transactions are allowed and answered (transactional id `{id}`)")),
            Err(error) => fails(format!(
                "no transactions with transactional id `{id}`: {error}; grant Write and Describe on transactional ids \
                 that begin with `{}-`, and see that the brokers' transaction.state.log.replication.factor and \
                 .min.isr can be met and transaction.max.timeout.ms is at least {timeout}",
                self.group_id
            )),
        }
    }
}

fn see<C: ConsumerContext>(client: &BaseConsumer<C>, needed: &[Needed]) -> Result<Seen, Fault> {
    let mut seen = Seen::new();
    for needed in needed {
        let metadata = client
            .fetch_metadata(Some(&needed.name), ANSWER_WITHIN)
            .map_err(|error| Fault::Passing(format!("no answer about topic `{}`: {error}", needed.name)))?;
        for topic in metadata.topics() {
            let found = topic.error().map_or(Ok(topic.partitions().len()), |code| Err(code.into()));
            seen.insert(topic.name().to_owned(), found);
        }
    }
    Ok(seen)
}

fn presence(needed: &Needed, seen: Option<&Result<usize, RDKafkaErrorCode>>) -> Finding {
    let Needed { name, option, is_optional, .. } = needed;
    match seen {
        Some(Ok(partitions)) => well(format!("topic `{name}` ({option}) is there, partitions: {partitions}")),
        Some(Err(RDKafkaErrorCode::TopicAuthorizationFailed)) => {
            fails(format!("topic `{name}` ({option}) may not be seen: grant Describe on it, and Read or Write"))
        }
        _ if *is_optional => doubtful(format!(
            "topic `{name}` ({option}) is not there; the service runs without it and knows no consent"
        )),
        _ => fails(format!("topic `{name}` ({option}) is not there; `homecoming topics --config FILE` makes it")),
    }
}

/// How long what is known of an erased customer may stay in the state topic.
fn erasure(state: &Needed, value_of: &dyn Fn(&str) -> Option<String>) -> Option<Finding> {
    const LAG: &str = "max.compaction.lag.ms";
    let wanted = state.settings.iter().find(|(key, _)| *key == LAG)?.1.parse::<u64>().ok()?;
    let lag = value_of(LAG)?.parse::<u64>().ok()?;
    let name = &state.name;
    Some(if lag <= wanted {
        well(format!("`{name}` is compacted after {lag} ms at the latest ({LAG}): erasures reach it"))
    } else {
        doubtful(format!(
            "`{name}` has {LAG}={lag}: what is known of customers who were erased may stay in it that long; set it to \
             {wanted}, or to what was promised to them"
        ))
    })
}

/// A customer's events and state meet in one partition only if these topics have equally many.
fn alignment(needed: &[Needed], seen: &Seen) -> Option<Finding> {
    let aligned: Vec<(&str, usize)> = needed
        .iter()
        .filter(|needed| needed.is_aligned)
        .filter_map(|needed| Some((needed.name.as_str(), *seen.get(&needed.name)?.as_ref().ok()?)))
        .collect();
    let ((first, partitions), others) = aligned.split_first()?;
    let odd: Vec<String> = others
        .iter()
        .filter(|(_, count)| count != partitions)
        .map(|(name, count)| format!("`{name}` has {count}"))
        .collect();
    Some(if odd.is_empty() {
        well(format!("inputs and state have equally many partitions: {partitions}"))
    } else {
        fails(format!(
            "`{first}` has {partitions} partitions, but {}: a customer's events and state must meet in one partition; \
             make the topics that differ anew with as many",
            odd.join(", ")
        ))
    })
}

/// Whether the group can go on where it stopped.
fn offsets<C: ConsumerContext>(client: &BaseConsumer<C>, inputs: &[(&str, usize)]) -> Vec<Finding> {
    let mut asked = TopicPartitionList::new();
    for (topic, partitions) in inputs {
        asked.add_partition_range(topic, 0, *partitions as i32 - 1);
    }
    if asked.count() == 0 {
        return Vec::new();
    }
    let committed = match client.committed_offsets(asked, ANSWER_WITHIN) {
        Ok(committed) => committed,
        Err(error) => {
            return vec![fails(format!("the group's offsets can't be read: {error}; grant Read on the group"))];
        }
    };
    let (mut known, mut expired, mut beyond, mut unknown) = (0, Vec::new(), Vec::new(), 0);
    for element in committed.elements() {
        let Offset::Offset(offset) = element.offset() else { continue };
        known += 1;
        let Ok((low, high)) = client.fetch_watermarks(element.topic(), element.partition(), ANSWER_WITHIN) else {
            unknown += 1;
            continue;
        };
        if offset < low {
            expired.push(format!("{} [{}] {offset} < {low}", element.topic(), element.partition()));
        }
        if offset > high {
            beyond.push(format!("{} [{}] {offset} > {high}", element.topic(), element.partition()));
        }
    }
    if !beyond.is_empty() {
        return vec![fails(format!(
            "the group has read beyond where topics end ({}): they were made anew or cut. Use a new group and state topic \
             for a new topic",
            beyond.join(", ")
        ))];
    }
    if unknown > 0 {
        return vec![doubtful(format!("of {unknown} partitions it can't be read where they begin and end"))];
    }
    if !expired.is_empty() {
        return vec![fails(format!(
            "records have expired before the group read them ({}): to accept the loss, set the group's offsets to what \
             the topics still have",
            expired.join(", ")
        ))];
    }
    vec![well(match known {
        0 => "the group has no offsets yet: it starts at the earliest record".to_owned(),
        _ => format!("the group goes on where it stopped, partitions with offsets: {known}"),
    })]
}

/// What was seen of an input's keys.
#[derive(Debug, Default, PartialEq, Eq)]
struct Keys {
    sampled: usize,
    absent: usize,
    misplaced: usize,
}

impl Keys {
    fn finding(&self, topic: &str) -> Finding {
        let Self { sampled, absent, misplaced } = self;
        if *sampled == 0 {
            return well(format!("`{topic}` has no records to sample"));
        }
        if *absent == 0 && *misplaced == 0 {
            return well(format!("`{topic}`: keys sampled: {sampled}, all on the partition murmur2 chooses"));
        }
        let keyless = if *absent > 0 { "; records without a key are refused as key_mismatch" } else { "" };
        doubtful(format!(
            "`{topic}`: of {sampled} records sampled, {absent} have no key and {misplaced} are not on the partition \
             murmur2 chooses, as Java's producers do{keyless}; producers built on librdkafka need \
             partitioner=murmur2_random, and all that write inputs must agree"
        ))
    }
}

/// Samples the latest records of every partition of every input.
fn keys<C: ConsumerContext>(client: &BaseConsumer<C>, inputs: &[(&str, usize)]) -> Vec<Finding> {
    let mut places: HashMap<Vec<u8>, (&str, i32)> = HashMap::new();
    let mut split = BTreeSet::new();
    let mut findings = Vec::new();
    for &(topic, partitions) in inputs {
        let sampled = sample(client, topic, partitions as i32, |key, partition| {
            let (other, place) = *places.entry(key.to_vec()).or_insert((topic, partition));
            if other != topic && place != partition {
                split.insert((other, topic));
            }
        });
        findings.push(match sampled {
            Ok(keys) => keys.finding(topic),
            Err(error) => fails(format!("`{topic}` can't be read: {error}; grant Read on it")),
        });
    }
    findings.extend(split.into_iter().map(|(one, other)| {
        fails(format!(
            "`{one}` and `{other}` have events of the same customer on different partitions, where they never meet; \
             all that write inputs must choose partitions alike (murmur2 of the key)"
        ))
    }));
    findings
}

fn sample<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    topic: &str,
    partitions: i32,
    mut see: impl FnMut(&[u8], i32),
) -> Result<Keys, KafkaError> {
    let mut starts = TopicPartitionList::new();
    for partition in 0..partitions {
        starts.add_partition_offset(topic, partition, Offset::OffsetTail(SAMPLED_PER_PARTITION as i64))?;
    }
    client.assign(&starts)?;
    let mut left: BTreeMap<i32, usize> = (0..partitions).map(|partition| (partition, SAMPLED_PER_PARTITION)).collect();
    let mut keys = Keys::default();
    let until = Instant::now() + SAMPLE_FOR;
    while !left.is_empty() && Instant::now() < until {
        let message = match client.poll(Duration::from_millis(100)) {
            None => continue,
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                left.remove(&partition);
                continue;
            }
            Some(message) => message?,
        };
        let partition = message.partition();
        let Some(more) = left.get_mut(&partition) else { continue };
        *more -= 1;
        if *more == 0 {
            left.remove(&partition);
        }
        keys.sampled += 1;
        match message.key() {
            None | Some([]) => keys.absent += 1,
            Some(key) => {
                keys.misplaced += usize::from(partition_of(key, partitions) != partition);
                see(key, partition);
            }
        }
    }
    client.unassign()?;
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(name: &str, is_optional: bool, is_aligned: bool) -> Needed {
        Needed { name: name.to_owned(), option: "topics.some", is_optional, is_aligned, settings: Vec::new() }
    }

    #[test]
    fn a_missing_topic_fails_unless_it_is_optional() {
        let verdict = |is_optional, seen| presence(&needed("purchases", is_optional, true), seen).verdict;
        assert_eq!(verdict(false, None), Verdict::Fails);
        assert_eq!(verdict(false, Some(&Err(RDKafkaErrorCode::UnknownTopicOrPartition))), Verdict::Fails);
        assert_eq!(verdict(true, Some(&Err(RDKafkaErrorCode::UnknownTopicOrPartition))), Verdict::Doubtful);
        assert_eq!(verdict(true, Some(&Err(RDKafkaErrorCode::TopicAuthorizationFailed))), Verdict::Fails);
        assert_eq!(verdict(false, Some(&Ok(12))), Verdict::Well);
    }

    #[test]
    fn inputs_and_state_need_equally_many_partitions() {
        let all = [needed("purchases", false, true), needed("signals", false, false), needed("state", false, true)];
        let seen = |state| {
            let counts = [("purchases", 12), ("signals", 3), ("state", state)];
            counts.map(|(name, count)| (name.to_owned(), Ok(count))).into_iter().collect::<Seen>()
        };
        assert_eq!(alignment(&all, &seen(12)).map(|finding| finding.verdict), Some(Verdict::Well));
        let odd = alignment(&all, &seen(6)).expect("there are topics to compare");
        assert_eq!(odd.verdict, Verdict::Fails);
        assert!(odd.text.contains("`state` has 6"), "{}", odd.text);
    }

    #[test]
    fn an_erasure_that_may_take_for_ever_is_doubtful() {
        let mut state = needed("state", false, true);
        state.settings.push(("max.compaction.lag.ms", "86400000".to_owned()));
        let of = |lag: Option<&str>| erasure(&state, &|_| lag.map(str::to_owned)).map(|finding| finding.verdict);
        assert_eq!(of(Some("86400000")), Some(Verdict::Well));
        assert_eq!(of(Some("60000")), Some(Verdict::Well));
        assert_eq!(of(Some("86400001")), Some(Verdict::Doubtful));
        assert_eq!(of(Some("9223372036854775807")), Some(Verdict::Doubtful));
        assert_eq!(of(None), None);
    }

    #[test]
    fn keys_that_lie_elsewhere_are_doubtful() {
        let verdict = |absent, misplaced| Keys { sampled: 10, absent, misplaced }.finding("purchases").verdict;
        assert_eq!(verdict(0, 0), Verdict::Well);
        assert_eq!(verdict(1, 0), Verdict::Doubtful);
        assert_eq!(verdict(0, 1), Verdict::Doubtful);
        assert_eq!(Keys::default().finding("purchases").verdict, Verdict::Well);
    }
}
