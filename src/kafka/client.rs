//! How to reach the brokers, and what every client of ours has in common.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::BaseProducer;

use crate::config::{ClientProperties, Options, TopicOptions};
use crate::pipeline::Fault;
use crate::wire::Source;

/// How to reach the brokers, and under which names.
#[derive(Clone, Debug)]
pub struct Connection {
    /// `host:port`, comma separated.
    pub bootstrap_servers: String,
    /// The consumer group, and the beginning of all transactional ids.
    pub group_id: String,
    /// A name that outlives a restart; `None`: every start is a new instance.
    pub instance_id: Option<String>,
    /// librdkafka properties passed through.
    pub properties: ClientProperties,
    /// The inputs that are read, in the order of [`Source::ALL`], and their topics.
    pub inputs: Vec<(Source, String)>,
    /// The topic of those who came back.
    pub returning_customers: String,
    /// The topic of changes of level.
    pub churn_risk: String,
    /// The topic of what could not be used.
    pub dead_letters: String,
    /// The compacted topic of the state.
    pub state: String,
    /// How long the broker keeps a transaction open that nobody ends.
    pub transaction_timeout: Duration,
    /// The largest value read, in bytes.
    pub max_value_bytes: usize,
    /// The largest dead letter that its topic takes, in bytes.
    pub max_dead_letter_bytes: usize,
}

impl Connection {
    /// The connection the options describe.
    pub fn new(options: &Options) -> Self {
        let topics = &options.topics;
        Self {
            bootstrap_servers: options.kafka.bootstrap_servers.clone(),
            group_id: options.kafka.group_id.clone(),
            instance_id: options.kafka.instance_id.clone(),
            properties: options.kafka.client.clone(),
            inputs: Source::ALL.map(|source| (source, topic_of(topics, source))).to_vec(),
            returning_customers: topics.returning_customers.clone(),
            churn_risk: topics.churn_risk.clone(),
            dead_letters: topics.dead_letters.clone(),
            state: topics.state.clone(),
            transaction_timeout: options.engine.transaction_timeout,
            max_value_bytes: options.engine.max_value_bytes,
            max_dead_letter_bytes: wanted_dead_letter_bytes(options.engine.max_value_bytes),
        }
    }

    /// The topic of an input.
    pub fn topic(&self, source: Source) -> &str {
        self.inputs.iter().find(|(known, _)| *known == source).map_or("", |(_, topic)| topic)
    }

    /// The input that a topic is.
    pub(super) fn source(&self, topic: &str) -> Option<Source> {
        self.inputs.iter().find(|(_, known)| known == topic).map(|(source, _)| *source)
    }

    /// What a client is called that was not given another name.
    pub(super) fn client_id(&self, role: &str) -> String {
        format!("homecoming-{role}")
    }

    /// Whether clients can be made with these properties at all; asks no broker.
    pub fn check_properties(&self) -> Result<(), Fault> {
        let consumer = [("group.id", self.group_id.as_str())];
        self.client("check", &consumer).create::<BaseConsumer>().map_err(unusable("consumer"))?;
        self.client("producer-check", &[]).create::<BaseProducer>().map_err(unusable("producer"))?;
        Ok(())
    }

    /// A client's configuration: ours first, then what the user passes through.
    pub(super) fn client(&self, role: &str, ours: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", self.client_id(role))
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.max.ms", "2000")
            // Brokers close connections that nobody uses: no news.
            .set("log.connection.close", "false");
        for (key, value) in ours {
            config.set(*key, *value);
        }
        for (key, value) in self.properties.iter() {
            if is_for(role, key) {
                config.set(key, value);
            }
        }
        config
    }
}

/// What the topic of dead letters is to take: whatever is read, headers and all, but for what is far too large; and no
/// less than topics do by default.
fn wanted_dead_letter_bytes(max_value_bytes: usize) -> usize {
    (2 * max_value_bytes).max(1_048_588)
}

fn topic_of(topics: &TopicOptions, source: Source) -> String {
    let topic = match source {
        Source::Purchases => &topics.purchases,
        Source::Support => &topics.support,
        Source::Contacts => &topics.contacts,
    };
    topic.clone()
}

/// How often clients tell what they hold.
pub(super) const STATISTICS_EVERY_MS: &str = "5000";

/// Properties that only one kind of client knows go to that kind only: librdkafka warns about the others.
fn is_for(role: &str, property: &str) -> bool {
    const CONSUMER: [&str; 12] = [
        "session.timeout.ms",
        "heartbeat.interval.ms",
        "max.poll.interval.ms",
        "fetch.wait.max.ms",
        "fetch.queue.backoff.ms",
        "fetch.message.max.bytes",
        "max.partition.fetch.bytes",
        "fetch.max.bytes",
        "fetch.min.bytes",
        "queued.min.messages",
        "queued.max.messages.kbytes",
        "check.crcs",
    ];
    const PRODUCER: [&str; 14] = [
        "linger.ms",
        "queue.buffering.max.ms",
        "queue.buffering.max.messages",
        "queue.buffering.max.kbytes",
        "compression.type",
        "compression.codec",
        "compression.level",
        "batch.size",
        "batch.num.messages",
        "partitioner",
        "message.timeout.ms",
        "delivery.timeout.ms",
        "message.send.max.retries",
        "retries",
    ];
    let is_producer = role.starts_with("producer");
    !(CONSUMER.contains(&property) && is_producer || PRODUCER.contains(&property) && !is_producer)
}

/// A call that failed and may be tried again.
pub(super) fn passing(what: &str) -> impl FnOnce(KafkaError) -> Fault {
    move |error| Fault::Passing(format!("{what}: {error}"))
}

/// A client that can't even be made: a property is wrong.
pub(super) fn unusable(what: &str) -> impl FnOnce(KafkaError) -> Fault {
    move |error| {
        let reason = match error {
            // Its value may be a secret, under whatever name.
            KafkaError::ClientConfig(_, reason, property, _) => format!("{reason} ({property})"),
            error => error.to_string(),
        };
        Fault::Final(format!("can't set up the {what}: {reason}; look at [kafka.client]"))
    }
}

/// A client's context that keeps what librdkafka last complained about: it knows why nobody answers, its calls only say that time is up.
#[derive(Default)]
pub(super) struct Listening(Mutex<Option<String>>);

impl ClientContext for Listening {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, message, "client");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "client error");
        // That all brokers are down follows from what was said of each.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Listening {}

/// What was last complained of.
pub(super) fn heard(client: &BaseConsumer<Listening>) -> Option<String> {
    // What was complained of meanwhile is only told when asked for.
    while client.poll(Duration::from_millis(10)).is_some() {}
    let heard = client.context().0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    // What to do about an unknown certificate librdkafka says mostly, but not in whichever state it comes upon it.
    let is_bare = heard.contains("certificate verify failed") && !heard.contains("ssl.ca.location");
    let hint = if is_bare { ": is ssl.ca.location the authority that signed the brokers' certificates?" } else { "" };
    Some(heard + hint)
}
