//! From the producing of an order to the moment a `read_committed` reader sees its signal, at a steady rate.
//!
//! `latency BOOTSTRAP RETURNING_TOPIC RATE SECONDS`: writes repeat orders of 10,000 customers whose ids carry the time
//! they were produced at, and reads the signals. Prints quantiles in milliseconds. `benches/latency.sh` runs it.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const CUSTOMERS: u64 = 10_000;
/// Left out at the start: first orders give no signal, and clients connect.
const WARM_UP: Duration = Duration::from_secs(20);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [bootstrap, topic, rate, seconds] = arguments.as_slice() else {
        eprintln!("latency is run by benches/latency.sh");
        return;
    };
    let (rate, seconds): (u64, u64) = (rate.parse().expect("a rate"), seconds.parse().expect("seconds"));
    let length = Duration::from_secs(seconds);
    let mut millis = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(bootstrap, topic, length));
        scope.spawn(|| write(bootstrap, rate, length));
        reader.join().expect("the reader ends")
    });
    millis.sort_by(f64::total_cmp);
    let at = |share: f64| millis[((millis.len() - 1) as f64 * share) as usize];
    println!(
        "{} signals at {rate} events/s: p50 {:.0} ms   p90 {:.0} ms   p99 {:.0} ms   p99.9 {:.0} ms   max {:.0} ms",
        millis.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

/// Since the program began.
fn micros() -> u128 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGAN.elapsed().as_micros()
}

fn write(bootstrap: &str, rate: u64, length: Duration) {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("partitioner", "murmur2_random")
        .set("linger.ms", "5")
        .create()
        .expect("a producer");
    let started = Instant::now();
    for n in 0u64.. {
        let due = Duration::from_nanos(n * 1_000_000_000 / rate);
        if due > length {
            break;
        }
        std::thread::sleep(due.saturating_sub(started.elapsed()));
        let (customer, now) = (format!("l-{}", n % CUSTOMERS), micros());
        // Event time goes on with the numbers, a second each, whatever the clock says.
        let at = jiff::Timestamp::from_second(1_735_689_600 + n as i64).expect("a time");
        let event = format!(
            "{{\"event_id\":\"e-{n}\",\"type\":\"purchase\",\"customer_id\":\"{customer}\",\"order_id\":\"{now}-{n}\",\
             \"occurred_at\":\"{at}\",\"amount\":\"10.00\",\"currency\":\"EUR\"}}"
        );
        producer.send(BaseRecord::to("purchases").key(&customer).payload(&event)).expect("room in the queue");
    }
    producer.flush(Duration::from_secs(10)).expect("all is written");
}

/// Milliseconds from the order's production to here.
fn read(bootstrap: &str, topic: &str, length: Duration) -> Vec<f64> {
    let reader: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "latency")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "100")
        .create()
        .expect("a consumer");
    let metadata = reader.fetch_metadata(Some(topic), Duration::from_secs(10)).expect("metadata");
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("an offset");
    }
    reader.assign(&list).expect("an assignment");
    let started = Instant::now();
    let mut millis = Vec::new();
    while started.elapsed() < length + Duration::from_secs(2) {
        let Some(Ok(message)) = reader.poll(Duration::from_millis(100)) else { continue };
        let now = micros();
        let signal: serde_json::Value = serde_json::from_slice(message.payload().expect("a value")).expect("JSON");
        let order = signal["order_id"].as_str().and_then(|id| id.split('-').next()).expect("an order id");
        let produced: u128 = order.parse().expect("a time");
        if started.elapsed() > WARM_UP {
            millis.push((now - produced) as f64 / 1000.0);
        }
    }
    millis
}
