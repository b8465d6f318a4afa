//! The pure core on one core: events applied, and the wire around them.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use homecoming::domain::{Customer, CustomerId, Policy, Span};
use homecoming::engine::{Committed, Event, Partition, Watermark, WatermarkRules};
use homecoming::shop::Shop;
use homecoming::store::PartitionStore;
use homecoming::wire::{Incoming, Limits, Source, customer_record, decode};

const EVENTS: u64 = 100_000;
const CUSTOMERS: u32 = 10_000;
const OPENS_AT_MS: i64 = 1_735_689_600_000;
const YEAR_MS: i64 = 365 * 86_400_000;

struct Nobody;

impl Committed for Nobody {
    fn load(&self, _: &CustomerId) -> Option<Customer> {
        None
    }
}

fn records() -> Vec<(String, Vec<u8>)> {
    let shop = Shop::sized(EVENTS, CUSTOMERS, 1, OPENS_AT_MS, OPENS_AT_MS + YEAR_MS);
    shop.map(|event| (event.customer_id.clone(), event.to_json())).collect()
}

fn read(key: &str, value: &[u8]) -> Event {
    let incoming = Incoming { key: Some(key.as_bytes()), value: Some(value), content_type: None };
    let limits = Limits { value_bytes_max: 1 << 20, latest: None };
    decode(Source::Purchases, &incoming, &limits).expect("the shop writes valid events")
}

fn apply_all<C: Committed>(partition: &mut Partition<C>, events: &[Event]) -> usize {
    let rules = WatermarkRules { allowed_lateness: Span::from_millis(3_600_000) };
    let mut watermark = Watermark::new(1);
    let (mut announcements, mut told) = (Vec::new(), 0);
    for event in events {
        partition.apply(event, &mut announcements);
        watermark.observe(0, event.at);
        let time = watermark.advance(&rules, &[false], None);
        partition.advance(time, usize::MAX, &mut announcements);
        told += announcements.len();
        announcements.clear();
    }
    told
}

/// Applies in batches of 1,000 as the service does: decoded from stored bytes, encoded back at the commit.
fn apply_and_commit(store: &Arc<PartitionStore>, policy: &Arc<Policy>, events: &[Event]) {
    let mut partition = Partition::new(Arc::clone(policy), Arc::clone(store));
    for batch in events.chunks(1000) {
        apply_all(&mut partition, batch);
        let changed: Vec<_> = partition
            .changes()
            .filter_map(|(id, customer)| Some((id.clone(), customer_record::encode(customer?))))
            .collect();
        for (id, record) in changed {
            store.put(id, record);
        }
        partition.confirm();
    }
}

fn core(c: &mut Criterion) {
    let records = records();
    let events: Vec<Event> = records.iter().map(|(key, value)| read(key, value)).collect();
    let policy = Arc::new(Policy::default());
    let mut group = c.benchmark_group("core");
    group.throughput(Throughput::Elements(EVENTS)).sample_size(10).measurement_time(Duration::from_secs(5));
    group.bench_function("decode", |b| {
        b.iter(|| {
            for (key, value) in &records {
                black_box(read(key, value));
            }
        });
    });
    group.bench_function("apply", |b| {
        b.iter_batched(
            || Partition::new(Arc::clone(&policy), Nobody),
            |mut partition| black_box(apply_all(&mut partition, &events)),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("apply_and_commit", |b| {
        b.iter_batched(
            || Arc::new(PartitionStore::default()),
            |store| apply_and_commit(&store, &policy, &events),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, core);
criterion_main!(benches);
