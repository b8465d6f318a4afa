//! Every option: what it means, its unit, its default and what it costs to turn it.
//!
//! The doc comments here are the manual: `docs/configuration.md` is written from them (`make configuration`), and
//! `config/homecoming.toml` says the same to operators. Tests hold the three together. A value in [`Options`] is already valid: what cannot be right was refused by
//! [`Options::load`], in one line that names the key. What the options mean for the business (policies,
//! thresholds) is not decided here.
//!
//! | to find | look in |
//! |---|---|
//! | where values come from, and which wins | `file` |
//! | what must fit together | `checks` |
//! | when somebody is endangered, and what to do | `risk` |
//! | the types of the values | `values`, `duration`, `client`, `number` |
//! | how a refusal knows key, file and line | `tree`, `keys`, `error` |

mod checks;
mod client;
pub mod duration;
mod error;
mod file;
mod keys;
mod number;
#[cfg(test)]
mod reference;
mod risk;
mod tree;
mod values;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

pub use self::client::ClientProperties;
pub use self::error::{ConfigError, Origin};
pub use self::file::environment;
pub use self::risk::{ActionOptions, RiskOptions, WeightOptions};
pub use self::values::{Clock, Days, Forget, LogFormat, Secret, Skew, TimeZone};

/// All options of homecoming.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How to reach Kafka, and as whom.
    pub kafka: KafkaOptions,
    /// The topics read and written.
    pub topics: TopicOptions,
    /// How event time passes.
    pub time: TimeOptions,
    /// When silence means something.
    pub retention: RetentionOptions,
    /// When somebody counts as endangered.
    pub risk: RiskOptions,
    /// What is announced.
    pub signals: SignalOptions,
    /// The machinery: threads, transactions, bounds.
    pub engine: EngineOptions,
    /// The HTTP side: live page, API, metrics, health.
    pub http: HttpOptions,
    /// The log.
    pub log: LogOptions,
}

/// How to reach Kafka, and as whom.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaOptions {
    /// Brokers to ask first, `host:port` separated by commas; the others are learned from them. Default
    /// `"127.0.0.1:9092"`, a broker on this machine. Name two or three, so that a start survives one being away.
    #[serde(deserialize_with = "values::servers")]
    pub bootstrap_servers: String,
    /// The consumer group, and the stem of the transactional ids. Default `"homecoming"`. Instances with the
    /// same group share the partitions. Another name is another service: it starts at the earliest record and
    /// announces everything again.
    #[serde(deserialize_with = "values::text")]
    pub group_id: String,
    /// A name for this instance that survives its restart, unique in the group, of letters, digits and `._-`
    /// (a StatefulSet's pod name does). Not set by default: every start is a new member. With it a quick
    /// restart gets its partitions back without a rebalance; the price is that the partitions of an instance
    /// that died wait for the session timeout.
    #[serde(deserialize_with = "values::instance_id")]
    pub instance_id: Option<String>,
    /// Any librdkafka property, passed on as it is: TLS, SASL, timeouts, buffers. Empty by default. The few
    /// that exactly-once rests on are homecoming's own and are refused here. A `transaction.timeout.ms` given
    /// here wins over `engine.transaction_timeout`.
    pub client: ClientProperties,
}

impl Default for KafkaOptions {
    fn default() -> Self {
        Self {
            bootstrap_servers: "127.0.0.1:9092".to_owned(),
            group_id: "homecoming".to_owned(),
            instance_id: None,
            client: ClientProperties::default(),
        }
    }
}

/// The topics read and written. All must differ: a service that reads what it writes never ends.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopicOptions {
    /// Read: purchases and refunds, keyed by customer. Default `"purchases"`.
    #[serde(deserialize_with = "values::topic")]
    pub purchases: String,
    /// Read: support tickets and feedback, keyed by customer, as many partitions as `purchases`. Default `"support"`.
    #[serde(deserialize_with = "values::topic")]
    pub support: String,
    /// Read: consent, contacts made, erasures; keyed by customer, as many partitions as `purchases`. Default
    /// `"contacts"`. The service runs without the topic.
    #[serde(deserialize_with = "values::topic")]
    pub contacts: String,
    /// Written: one signal for every order of a customer who had bought before. Default `"returning-customers"`.
    #[serde(deserialize_with = "values::topic")]
    pub returning_customers: String,
    /// Written: one signal for every change of a customer's level of risk. Default `"churn-risk"`.
    #[serde(deserialize_with = "values::topic")]
    pub churn_risk: String,
    /// Written: records that could not be used, with the reason. Default `"dead-letters"`.
    #[serde(deserialize_with = "values::topic")]
    pub dead_letters: String,
    /// Written and read back at a start: what is known of every customer, compacted. Default
    /// `"homecoming-state"`. Under another name the service knows nobody.
    #[serde(deserialize_with = "values::topic")]
    pub state: String,
}

impl Default for TopicOptions {
    fn default() -> Self {
        Self {
            purchases: "purchases".to_owned(),
            support: "support".to_owned(),
            contacts: "contacts".to_owned(),
            returning_customers: "returning-customers".to_owned(),
            churn_risk: "churn-risk".to_owned(),
            dead_letters: "dead-letters".to_owned(),
            state: "homecoming-state".to_owned(),
        }
    }
}

/// How event time passes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeOptions {
    /// Where time comes from once all inputs are idle: `"wall"`, the wall clock less `allowed_lateness`, or
    /// `"events"`, nowhere: time stands until an event moves it. Not set by default: the command decides,
    /// `run` takes `"wall"`, `demo` and `replay` take `"events"`. With `"events"` silence is announced only when
    /// other customers go on buying.
    #[serde(deserialize_with = "values::clock")]
    pub clock: Option<Clock>,
    /// How long after an event earlier ones may still come and count as in order, up to 365 days. Default
    /// `"1h"`, enough for a retried upload. More forgives slower senders and announces silence later by as much.
    #[serde(deserialize_with = "duration::between::<_, 0, { 365 * duration::DAY }>")]
    pub allowed_lateness: Duration,
    /// How long, by the wall clock, an input must bring nothing new before the others stop waiting for it, up
    /// to a day. Default `"30s"`. Less announces silence sooner; less than the gaps of a sender that writes in
    /// bursts makes its events late.
    #[serde(deserialize_with = "duration::between::<_, 0, { duration::DAY }>")]
    pub idle_after: Duration,
    /// How long, by the wall clock, an input that still has records to read is waited for, so that the others
    /// do not overtake it, up to an hour. Default `"1s"`. More keeps the inputs of a partition in order through
    /// a broker's hiccup; the whole partition stands still meanwhile.
    #[serde(deserialize_with = "duration::between::<_, 0, { duration::HOUR }>")]
    pub merge_wait: Duration,
    /// How far an event may be ahead of the wall clock before it is a dead letter (`future_timestamp`), or
    /// `"unlimited"`. Default `"5m"`, the drift of an honest clock. More lets one wrong clock move time, and
    /// make every other customer look silent. `demo` and `replay` always run unlimited.
    pub max_future_skew: Skew,
    /// The IANA time zone in which business days begin and end. Default `"UTC"`. It is part of what is stored:
    /// after a change all counts are made anew at the next start.
    pub time_zone: TimeZone,
}

impl Default for TimeOptions {
    fn default() -> Self {
        Self {
            clock: None,
            allowed_lateness: Duration::from_secs(3_600),
            idle_after: Duration::from_secs(30),
            merge_wait: Duration::from_secs(1),
            max_future_skew: Skew::Limited(Duration::from_secs(300)),
            time_zone: TimeZone::default(),
        }
    }
}

/// When silence means something.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionOptions {
    /// How many calendar days a customer may be silent before they count as lapsed: whole days, 1 to 3650.
    /// Default `"90d"`, a quarter. Shorter finds those who left sooner and calls more of them wrongly. It is
    /// part of what is stored: after a change all counts are made anew at the next start.
    #[serde(deserialize_with = "values::days::<_, 3650>")]
    pub activity_horizon: Days,
    /// How far the chance of return looks ahead: the model answers "an order within this time". Default `"90d"`.
    /// Longer makes every chance greater and the levels slower to rise.
    #[serde(deserialize_with = "duration::between::<_, 1, { 3_650 * duration::DAY }>")]
    pub horizon: Duration,
    /// The windows of the rates: whole days, 1 to 460, for that is how far the daily counts reach back.
    /// Default `["7d", "30d", "90d"]`. Kept in order, each once; those longer than `activity_horizon` are left
    /// out. Each more makes every metric of the rates one series longer.
    #[serde(deserialize_with = "values::windows")]
    pub windows: Vec<Days>,
    /// After how much event time without any event a customer is forgotten, as if they had asked for erasure,
    /// or `"never"`, the default. It bounds memory and honours a retention policy; whoever returns later counts
    /// as new, and when it is shorter than `activity_horizon`, nobody lapses.
    pub forget_after: Forget,
    /// The model of repeat buying, MBG/NBD.
    pub model: ModelOptions,
}

impl Default for RetentionOptions {
    fn default() -> Self {
        Self {
            activity_horizon: Days::of(90),
            horizon: Duration::from_secs(90 * 86_400),
            windows: vec![Days::of(7), Days::of(30), Days::of(90)],
            forget_after: Forget::Never,
            model: ModelOptions::default(),
        }
    }
}

/// The four parameters of MBG/NBD, all above 0. The defaults were fitted to the CDNOW sample, a shop for music;
/// whoever has fitted the model to their own history sets theirs. They only make sense together.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelOptions {
    /// Shape of how the buying rates differ between customers, no unit. Default 0.525. Smaller: they differ more.
    #[serde(deserialize_with = "number::positive")]
    pub r: f64,
    /// Scale of the buying rates, in days. Default 43.28. Greater: orders are further apart.
    #[serde(deserialize_with = "number::positive")]
    pub alpha: f64,
    /// First shape of the chance to leave after an order, no unit. Default 0.891. Greater: more leave.
    #[serde(deserialize_with = "number::positive")]
    pub a: f64,
    /// Second shape of the chance to leave after an order, no unit. Default 1.614. Greater: fewer leave.
    #[serde(deserialize_with = "number::positive")]
    pub b: f64,
}

impl Default for ModelOptions {
    fn default() -> Self {
        Self { r: 0.525, alpha: 43.28, a: 0.891, b: 1.614 }
    }
}

/// What is announced.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignalOptions {
    /// Nothing that happened before this instant (RFC 3339 with an offset) is announced; it is known and
    /// counted all the same. Not set by default: everything is announced. For the first start over years of
    /// history, which would flood whoever reads the signals.
    #[serde(deserialize_with = "values::instant")]
    pub not_before: Option<Timestamp>,
    /// What each signal asks to be done.
    pub actions: ActionOptions,
}

/// The machinery: threads, transactions, bounds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineOptions {
    /// Stream threads, 1 to 1024, each with its own consumer, producer and partitions. Not set by default: one
    /// per core, but not more than there are partitions. More than cores only adds connections and commits.
    #[serde(deserialize_with = "number::threads")]
    pub threads: Option<usize>,
    /// How often a transaction is committed, 1ms to 60s. Default `"100ms"`. Signals are seen when their
    /// transaction commits, so this is most of the latency; shorter costs more transactions, each a few
    /// milliseconds of a thread and some work of the brokers. After a quiet time a tenth of it is waited.
    #[serde(deserialize_with = "duration::between::<_, 1, { duration::MINUTE }>")]
    pub commit_interval: Duration,
    /// Most records in one transaction, 1 to 1,000,000; when it is full, the commit comes early. Default 10,000.
    /// More is a little faster through a backlog, and holds more memory and more to do again after an abort.
    #[serde(deserialize_with = "number::between::<_, 1, 1_000_000>")]
    pub max_batch_records: usize,
    /// Largest value of an input record in bytes, 1 byte to 100 MiB; what is larger is a dead letter
    /// (`too_large`). Default 1,048,576 (1 MiB), what brokers accept by default. More needs as much memory per
    /// thread, and a dead-letter topic that takes twice as much (of what is larger than it takes a part is cut off).
    #[serde(deserialize_with = "number::between::<_, 1, 104_857_600>")]
    pub max_value_bytes: usize,
    /// Most deadlines of customers fired in one step of the loop, 1 to 1,000,000; the rest follows in the next.
    /// Default 10,000. Between two steps records are read and transactions end, so that a long silence that ends, or a
    /// great jump of time, holds nothing up.
    #[serde(deserialize_with = "number::between::<_, 1, 1_000_000>")]
    pub max_timers_per_batch: usize,
    /// How long the broker lets a transaction stay open before it aborts it, 1s to 1h, longer than
    /// `commit_interval`. Default `"10s"`. Readers of the signals wait that long behind an instance that died;
    /// too short aborts the work of one that was only slow. The broker refuses more than its
    /// `transaction.max.timeout.ms` (15 minutes unless changed).
    #[serde(deserialize_with = "duration::between::<_, { duration::SECOND }, { duration::HOUR }>")]
    pub transaction_timeout: Duration,
    /// How long a stop may take to finish and commit what has been read, and to leave; up to 9s, so that the process
    /// is gone within 10 s. Default `"5s"`. What does not fit is aborted and done again at the next start: nothing
    /// is lost.
    #[serde(deserialize_with = "duration::between::<_, 0, { 9 * duration::SECOND }>")]
    pub drain_timeout: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            threads: None,
            commit_interval: Duration::from_millis(100),
            max_batch_records: 10_000,
            max_value_bytes: 1_048_576,
            max_timers_per_batch: 10_000,
            transaction_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(5),
        }
    }
}

/// The HTTP side: live page, API, metrics, health.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpOptions {
    /// Address and port to listen on; `localhost` stands for 127.0.0.1, port 0 for any free one. Default
    /// `"127.0.0.1:8080"`, this machine only. `"0.0.0.0:8080"` lets metrics and health be reached from outside;
    /// the live page and the API then still answer 403 to others until there is a token.
    #[serde(deserialize_with = "values::listen")]
    pub listen: SocketAddr,
    /// The bearer token that the live page and the API ask for, of visible ASCII characters. Not set by default:
    /// they answer this machine only. Better set by the environment or `token_file` than written into the file.
    // After `Options::load` the token of `token_file` stands here too.
    pub token: Option<Secret>,
    /// A file that holds the token, as orchestrators mount secrets; a newline at its end is left out. Not set by
    /// default. Read once, at the start. Not together with `token`.
    #[serde(deserialize_with = "values::path")]
    pub token_file: Option<PathBuf>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), token: None, token_file: None }
    }
}

/// The log.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogOptions {
    /// `"auto"`, `"json"` or `"text"`. Default `"auto"`: text on a terminal, else JSON.
    pub format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug` or `trace`, or a filter by module such as
    /// `"info,homecoming=debug"`. Default `"info"`. `debug` adds what the Kafka clients say.
    #[serde(deserialize_with = "values::log_filter")]
    pub level: String,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { format: LogFormat::Auto, level: "info".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn reference() -> String {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/homecoming.toml");
        fs::read_to_string(path).expect("the reference file")
    }

    /// The reference with the options set that it leaves unset: those behind a `#` without a space.
    fn all_set() -> String {
        let set = |line: &str| match line.strip_prefix('#') {
            Some(option) if option.starts_with(|c: char| c.is_ascii_lowercase()) => option.to_owned(),
            _ => line.to_owned(),
        };
        reference().lines().map(set).collect::<Vec<_>>().join("\n")
    }

    fn read(text: &str) -> Options {
        Options::from_text("homecoming.toml", text, std::iter::empty()).expect("a right configuration")
    }

    /// Every key that a text sets, sections included.
    fn keys_in(text: &str) -> Vec<String> {
        fn add(path: &str, table: &toml::Table, keys: &mut Vec<String>) {
            for (name, value) in table {
                let key = tree::join(path, name);
                if let Some(below) = value.as_table() {
                    add(&key, below, keys);
                }
                keys.push(key);
            }
        }
        let mut keys = Vec::new();
        add("", &text.parse().expect("TOML"), &mut keys);
        keys
    }

    #[test]
    fn the_reference_shows_the_defaults() {
        assert_eq!(read(&reference()), Options::default());
    }

    #[test]
    fn the_reference_has_every_option() {
        let mentioned = keys_in(&all_set());
        for key in keys::known() {
            assert!(mentioned.contains(&key), "config/homecoming.toml lacks `{key}`");
        }
    }

    #[test]
    fn the_reference_leaves_unset_only_what_has_no_default() {
        let set = keys_in(&reference());
        let unset: Vec<_> = keys::known().into_iter().filter(|key| !set.contains(key)).collect();
        let optional = [
            "kafka.instance_id",
            "time.clock",
            "signals.not_before",
            "engine.threads",
            "http.token",
            "http.token_file",
        ];
        assert_eq!(unset, optional);
    }

    #[test]
    fn the_reference_explains_every_option() {
        let text = reference();
        let lines: Vec<_> = text.lines().collect();
        for (at, line) in lines.iter().enumerate().skip(1) {
            let is_option = line.starts_with(|c: char| c.is_ascii_lowercase());
            assert!(!is_option || lines[at - 1].starts_with("# "), "nothing explains {line}");
        }
    }

    #[test]
    fn the_reference_can_be_set_in_full() {
        let but_token_file = all_set().replace("\ntoken_file = ", "\n# token_file = ");
        let options = read(&but_token_file);
        assert_eq!(options.kafka.instance_id.as_deref(), Some("homecoming-0"));
        assert_eq!(options.time.clock, Some(Clock::Wall));
        assert_eq!(options.engine.threads, Some(2));
        assert!(options.signals.not_before.is_some());
        assert!(options.http.token.is_some());
        assert_eq!(options.kafka.client.len(), 5);
    }
}
