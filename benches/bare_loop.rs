//! What Kafka and rdkafka alone cost: reads the inputs and writes as many and as large records, in transactions of the
//! same kind and size, as a run of the service did before, without looking at any of them. What it writes is taken from
//! that run, so that it compresses as well, and no better. `benches/end-to-end.sh` runs both.
//!
//! `bare_loop BOOTSTRAP LIKE AS THREADS EVENTS`: the run whose topics are named `LIKE-…` is imitated under the name
//! `AS`; both have topics `-returning`, `-risk` and `-state`. A transaction takes in EVENTS at most. Prints events a
//! second, from the first record on, and CPU-seconds per million events.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::bindings::rd_kafka_flush;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::util::Timeout;

const INPUTS: [&str; 3] = ["purchases", "support", "contacts"];
const WITHIN: Duration = Duration::from_secs(30);

/// As the service's default.
const COMMIT_EVERY: Duration = Duration::from_millis(100);

/// So many records of a kind are taken as models: in runs that followed each other, so that compression finds in them what
/// it found, and from all over the topic, as a customer's state grows.
const MODELS: usize = 20_000;
const RUNS: usize = 20;

/// Records of one kind: how many for each input record, and how large.
struct Kind {
    topic: String,
    each: f64,
    models: Vec<Model>,
    /// Whether it goes to the partition of its input, and not to that of its key.
    is_state: bool,
}

/// What a record of the service carried.
struct Model {
    value: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [bootstrap, like, name, threads, batch] = arguments.as_slice() else {
        eprintln!("bare_loop is run by benches/end-to-end.sh");
        return;
    };
    let asker: BaseConsumer = client(bootstrap).set("group.id", "asker").create().expect("a consumer");
    let events: u64 = INPUTS.iter().map(|topic| records(&asker, topic)).sum();
    let kinds: Vec<Kind> = ["returning", "risk", "state"]
        .map(|kind| {
            let like = format!("{like}-{kind}");
            let each = records(&asker, &like) as f64 / events as f64;
            let models = models(bootstrap, &like);
            let bytes: usize = models.iter().filter_map(|model| model.value.as_ref()).map(Vec::len).sum();
            eprintln!("{kind}: {each:.2} records for an event, {} bytes on average", bytes / models.len());
            Kind { topic: format!("{name}-{kind}"), each, models, is_state: kind == "state" }
        })
        .into();
    let batch = batch.parse().expect("how many events a transaction takes in");
    let read = AtomicU64::new(0);
    let (before, started) = (cpu_seconds(), OnceLock::new());
    std::thread::scope(|scope| {
        for thread in 0..threads.parse().expect("a number of threads") {
            let (kinds, read, started) = (&kinds, &read, &started);
            scope.spawn(move || work(bootstrap, name, thread, kinds, (batch, events), (read, started)));
        }
    });
    let million = events as f64 / 1e6;
    println!(
        "bare loop, {batch} events a transaction: events/s {:.0}   CPU-s/M {:.2}",
        events as f64 / started.get_or_init(Instant::now).elapsed().as_secs_f64(),
        (cpu_seconds() - before) / million
    );
}

fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
    config
}

fn records(asker: &BaseConsumer, topic: &str) -> u64 {
    let metadata = asker.fetch_metadata(Some(topic), WITHIN).expect("metadata");
    let partitions = metadata.topics()[0].partitions();
    let ends =
        partitions.iter().map(|partition| asker.fetch_watermarks(topic, partition.id(), WITHIN).expect("ends").1);
    ends.sum::<i64>() as u64
}

fn models(bootstrap: &str, topic: &str) -> Vec<Model> {
    let reader: BaseConsumer = client(bootstrap).set("group.id", "sampler").create().expect("a consumer");
    let metadata = reader.fetch_metadata(Some(topic), WITHIN).expect("metadata");
    let partitions = metadata.topics()[0].partitions().len();
    let mut models = Vec::new();
    for run in 0..RUNS {
        let partition = (run % partitions) as i32;
        let (first, end) = reader.fetch_watermarks(topic, partition, WITHIN).expect("ends");
        // In the middle of every stretch of the topic, of which a partition has as many as runs.
        let half_stretches = 2 * RUNS.div_ceil(partitions) as i64;
        let start = first + (end - first) * (2 * (run / partitions) as i64 + 1) / half_stretches;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(start)).expect("an offset");
        reader.assign(&list).expect("an assignment");
        for _ in 0..MODELS / RUNS {
            let Some(Ok(message)) = reader.poll(Duration::from_secs(5)) else { break };
            let of = |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.unwrap_or_default().to_vec());
            let headers = message.headers().map(|headers| headers.iter().map(of).collect());
            models.push(Model { value: message.payload().map(<[u8]>::to_vec), headers: headers.unwrap_or_default() });
        }
    }
    assert!(!models.is_empty(), "{topic} has no record to imitate");
    models
}

fn work(
    bootstrap: &str,
    name: &str,
    thread: usize,
    kinds: &[Kind],
    (batch, events): (usize, u64),
    (read, started): (&AtomicU64, &OnceLock<Instant>),
) {
    let consumer: BaseConsumer = client(bootstrap)
        .set("group.id", name)
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true")
        .set("partition.assignment.strategy", "range")
        .set("fetch.wait.max.ms", "50")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.min.messages", "50000")
        .set("queued.max.messages.kbytes", "16384")
        .create()
        .expect("a consumer");
    let producer: ThreadedProducer<DefaultProducerContext> = client(bootstrap)
        .set("transactional.id", format!("{name}-{thread}"))
        .set("transaction.timeout.ms", "60000")
        .set("linger.ms", "5")
        .set("retry.backoff.ms", "10")
        .set("compression.type", "lz4")
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.messages", "500000")
        .create()
        .expect("a producer");
    producer.init_transactions(WITHIN).expect("a transactional producer");
    consumer.subscribe(&INPUTS).expect("a subscription");
    let mut owed: Vec<f64> = vec![0.0; kinds.len()];
    let mut models: Vec<_> = kinds.iter().map(|kind| kind.models.iter().cycle()).collect();
    while read.load(Ordering::Relaxed) < events {
        let opened = Instant::now();
        let (mut taken, mut offsets) = (0, TopicPartitionList::new());
        while taken < batch && opened.elapsed() < COMMIT_EVERY {
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(10)) else { continue };
            if taken == 0 {
                started.get_or_init(Instant::now);
                producer.begin_transaction().expect("a transaction");
            }
            taken += 1;
            for ((kind, owed), models) in kinds.iter().zip(&mut owed).zip(&mut models) {
                *owed += kind.each;
                while *owed >= 1.0 {
                    *owed -= 1.0;
                    let model = models.next().expect("they begin again");
                    send(&producer, kind, model, message.key().unwrap_or_default(), message.partition());
                }
            }
            let next = Offset::Offset(message.offset() + 1);
            match offsets.find_partition(message.topic(), message.partition()) {
                Some(mut element) => element.set_offset(next).expect("an offset"),
                None => offsets.add_partition_offset(message.topic(), message.partition(), next).expect("an offset"),
            }
        }
        if taken > 0 {
            commit(&consumer, &producer, &offsets);
            read.fetch_add(taken as u64, Ordering::Relaxed);
        }
    }
}

fn send(producer: &ThreadedProducer<DefaultProducerContext>, kind: &Kind, model: &Model, key: &[u8], partition: i32) {
    let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&kind.topic).key(key);
    record.payload = model.value.as_deref();
    record.partition = kind.is_state.then_some(partition);
    if !model.headers.is_empty() {
        let all = OwnedHeaders::new_with_capacity(model.headers.len());
        record.headers = Some(
            model
                .headers
                .iter()
                .fold(all, |all, (key, value)| all.insert(Header { key, value: Some(value.as_slice()) })),
        );
    }
    while let Err((_, unsent)) = producer.send(record) {
        record = unsent;
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[allow(unsafe_code)]
fn commit(consumer: &BaseConsumer, producer: &ThreadedProducer<DefaultProducerContext>, offsets: &TopicPartitionList) {
    // SAFETY: the client lives as long as `producer`; its events are served by the producer's own thread.
    unsafe { rd_kafka_flush(producer.client().native_ptr(), 30_000) };
    let group = consumer.group_metadata().expect("a member of the group");
    producer.send_offsets_to_transaction(offsets, &group, WITHIN).expect("offsets");
    producer.commit_transaction(Timeout::Never).expect("a commit");
}

/// Of this process: user and system time.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().expect("ticks") + fields[12].parse::<f64>().expect("ticks");
    ticks / 100.0
}
