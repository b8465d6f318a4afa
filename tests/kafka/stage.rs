//! The scripts that the simulated Kafka has to answer alike, on the real one: our own `KafkaLog`, in this process.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use homecoming::kafka::{Connection, KafkaLog};
use homecoming::pipeline::Log;
use homecoming::pipeline::ports::InputPartition;
use homecoming::wire::Source;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::alike::play::Play;
use crate::alike::stage::{Fate, Names, PARTITIONS, Patience, Seen, Sees, Stage, Topic};
use crate::alike::{members, reading, restoring, takeover, tests_of_all_scripts, transactions};
use crate::support::broker::Broker;
use crate::support::cluster::{ANSWER_WITHIN, Cluster, Isolation};
use crate::support::topic::Record;

/// For whoever is waited for only seconds.
const HASTY_TRANSACTION: Duration = Duration::from_secs(10);
const HASTY_POLL: &str = r#"{ "session.timeout.ms": "6000", "max.poll.interval.ms": "8000" }"#;

/// Longer than a script can take before it fails. Brokers allow no more.
const PATIENT_TRANSACTION: Duration = Duration::from_secs(900);

/// Who waits for the others to join may need all of it.
const LEAVES_WITHIN: Duration = Duration::from_secs(5);

tests_of_all_scripts!(play_on_kafka);

fn play_on_kafka(name: &str, script: fn(&mut Play<'_>)) {
    let mut stage = KafkaStage::new(Broker::shared().cluster(), name);
    script(&mut Play::on(&mut stage));
}

struct KafkaStage {
    cluster: &'static Cluster,
    /// What all names in the cluster begin with.
    name: String,
    logs: BTreeMap<&'static str, KafkaLog>,
    /// Writes to the inputs in transactions.
    writer: Option<BaseProducer>,
    is_compacting: bool,
}

impl KafkaStage {
    fn new(cluster: &'static Cluster, name: &str) -> Self {
        let stage = Self { cluster, name: name.to_owned(), logs: BTreeMap::new(), writer: None, is_compacting: false };
        for input in Source::ALL {
            cluster.create_topic(&stage.input(input), PARTITIONS, &[]);
        }
        for output in [Topic::ReturningCustomers, Topic::ChurnRisk, Topic::DeadLetters] {
            cluster.create_topic(&stage.topic(output), PARTITIONS, &[]);
        }
        cluster.create_topic(&stage.topic(Topic::State), PARTITIONS, &[("cleanup.policy", "compact")]);
        stage
    }

    fn topic(&self, topic: Topic) -> String {
        format!("{}-{}", self.name, topic.name())
    }

    fn input(&self, source: Source) -> String {
        format!("{}-{}", self.name, source.name())
    }

    fn connection(&self, names: Names, patience: Patience) -> Connection {
        let (properties, transaction_timeout) = match patience {
            Patience::Seconds => (HASTY_POLL, HASTY_TRANSACTION),
            Patience::Minutes => ("{}", PATIENT_TRANSACTION),
        };
        Connection {
            bootstrap_servers: self.cluster.bootstrap().to_owned(),
            group_id: self.name.clone(),
            instance_id: names.instance.map(str::to_owned),
            properties: serde_json::from_str(properties).expect("these properties may be set"),
            inputs: Source::ALL.map(|source| (source, self.input(source))).to_vec(),
            returning_customers: self.topic(Topic::ReturningCustomers),
            churn_risk: self.topic(Topic::ChurnRisk),
            dead_letters: self.topic(Topic::DeadLetters),
            state: self.topic(Topic::State),
            transaction_timeout,
            max_value_bytes: 1_000_000,
            max_dead_letter_bytes: 2_000_000,
        }
    }

    fn writer(&mut self) -> &BaseProducer {
        self.writer.get_or_insert_with(|| {
            let writer: BaseProducer = ClientConfig::new()
                .set("bootstrap.servers", self.cluster.bootstrap())
                .set("transactional.id", format!("{}-writer", self.name))
                .set("transaction.timeout.ms", PATIENT_TRANSACTION.as_millis().to_string())
                .create()
                .expect("these settings are valid");
            writer.init_transactions(ANSWER_WITHIN).expect("nobody else uses this id");
            writer
        })
    }
}

impl Stage for KafkaStage {
    fn start(&mut self, who: &'static str, names: Names, patience: Patience) {
        let log =
            KafkaLog::new(self.connection(names, patience), names.transactions, 0).expect("these settings are valid");
        self.logs.insert(who, log);
    }

    fn log(&mut self, who: &str) -> &mut dyn Log {
        self.logs.get_mut(who).expect("it was started")
    }

    fn vanish(&mut self, who: &'static str) {
        let mut log = self.logs.remove(who).expect("it was started");
        // A static member says nothing when it closes, and a producer that is dropped ends no transaction.
        log.leave(ANSWER_WITHIN);
    }

    /// librdkafka sends by itself.
    fn linger(&mut self, _who: &str) {}

    fn write(&mut self, to: InputPartition, values: &[&str], fate: Fate) {
        let topic = self.input(to.source);
        if fate == Fate::Plain {
            let writer = self.cluster.writer(&topic);
            for value in values {
                writer.write(&crate::support::topic::Outgoing {
                    key: Some(b"k".to_vec()),
                    value: Some(value.as_bytes().to_vec()),
                    partition: Some(to.partition),
                    ..Default::default()
                });
            }
            writer.flush();
            return;
        }
        let writer = self.writer();
        writer.begin_transaction().expect("none is open");
        for value in values {
            let record = BaseRecord::to(&topic).partition(to.partition).key("k").payload(*value);
            writer.send(record).expect("the queue has room");
        }
        writer.flush(ANSWER_WITHIN).expect("the broker takes it");
        match fate {
            Fate::Aborted => writer.abort_transaction(ANSWER_WITHIN).expect("the broker answers"),
            Fate::Committed => writer.commit_transaction(ANSWER_WITHIN).expect("the broker answers"),
            Fate::Open | Fate::Plain => {}
        }
    }

    fn end_writing(&mut self) {
        self.writer().commit_transaction(ANSWER_WITHIN).expect("the broker answers");
    }

    fn view(&mut self, topic: Topic, sees: Sees) -> Vec<Seen> {
        let records = self.cluster.read_visible(&self.topic(topic), isolation(sees));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("scripts write text");
        let seen = |Record { partition, offset, key, value, .. }| Seen {
            partition,
            offset,
            key: text(key.unwrap_or_default()),
            value: value.map(text),
        };
        records.into_iter().map(seen).collect()
    }

    fn ends(&mut self, topic: Topic, sees: Sees) -> Vec<i64> {
        self.cluster.end_offsets(&self.topic(topic), isolation(sees)).into_values().collect()
    }

    fn expire(&mut self, input: InputPartition, before: i64) {
        self.cluster.expire_records_before(&self.input(input.source), input.partition, before);
    }

    fn begin_compaction(&mut self) {
        if !self.is_compacting {
            let topic = self.topic(Topic::State);
            self.cluster.delete_topic(&topic);
            // The cleaner leaves the segment alone that is written to: each batch gets one of its own.
            let settings = [("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.01"), ("segment.ms", "1")];
            self.cluster.create_topic(&topic, PARTITIONS, &settings);
            self.is_compacting = true;
        }
    }

    fn pass(&mut self, length: Duration) {
        std::thread::sleep(length);
    }
}

impl Drop for KafkaStage {
    /// Says farewell for all that are left. What comes after a script is no part of its answers: who takes too long for
    /// it is left behind.
    fn drop(&mut self) {
        let logs = std::mem::take(&mut self.logs);
        let (done, is_done) = mpsc::channel();
        std::thread::spawn(move || {
            for mut log in logs.into_values() {
                log.leave(LEAVES_WITHIN);
            }
            done.send(()).ok();
        });
        is_done.recv_timeout(4 * LEAVES_WITHIN).ok();
    }
}

const fn isolation(sees: Sees) -> Isolation {
    match sees {
        Sees::Committed => Isolation::Committed,
        Sees::Everything => Isolation::Uncommitted,
    }
}
