//! Whom to call first, among a million customers: what the ranking costs in memory, and how soon it answers.
//!
//! `cargo bench --bench ranking -- [CUSTOMERS] [EVENTS_EACH]`: a simulated shop through the engine into four partitions,
//! committed as the service does it, then ranked anew as on a restart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use homecoming::domain::consent::Channel;
use homecoming::domain::{Currency, Level, Policy, Span};
use homecoming::engine::{Committed, Partition, Rank, Watermark, WatermarkRules};
use homecoming::shop::Shop;
use homecoming::store::ranking::{Unranked, Wanted};
use homecoming::store::{PartitionStore, Partitions};
use homecoming::wire::customers::{CustomerRow, Customers};
use homecoming::wire::decode_line;
use homecoming::wire::partitioning::partition_of;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const PARTITIONS: i32 = 4;
const BATCH: usize = 10_000;
const OPENS_AT_MS: i64 = 1_735_689_600_000;
const YEAR_MS: i64 = 365 * 86_400_000;
const ASKED: usize = 100;

struct Work {
    engine: Partition<Arc<PartitionStore>>,
    store: Arc<PartitionStore>,
    watermark: Watermark,
    open: usize,
}

impl Work {
    fn commit(&mut self) {
        self.store.take_over(self.engine.take_changes());
        self.engine.confirm();
        self.open = 0;
    }
}

fn main() {
    let arguments: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let customers = arguments.first().copied().unwrap_or(1_000_000);
    let events = customers * arguments.get(1).copied().unwrap_or(5);
    let policy = Arc::new(Policy::default());
    let works = fill(customers as u32, events, &policy);
    let partitions: Vec<(i32, Arc<PartitionStore>)> =
        (0..).zip(works.iter().map(|work| Arc::clone(&work.store))).collect();
    drop(works);
    let known: usize = partitions.iter().map(|(_, store)| store.len()).sum();
    println!("{known} customers of {events} events in {PARTITIONS} partitions");
    rank(&partitions, &policy);
    answers(&partitions, &policy);
}

fn fill(customers: u32, events: u64, policy: &Arc<Policy>) -> Vec<Work> {
    let work = |_| {
        let store = Arc::new(PartitionStore::default());
        let engine = Partition::new(Arc::clone(policy), Arc::clone(&store));
        Work { engine, store, watermark: Watermark::new(1), open: 0 }
    };
    let mut works: Vec<Work> = (0..PARTITIONS).map(work).collect();
    let rules = WatermarkRules { allowed_lateness: Span::from_millis(3_600_000) };
    let mut announcements = Vec::new();
    for event in Shop::sized(events, customers, 1, OPENS_AT_MS, OPENS_AT_MS + YEAR_MS) {
        let json = event.to_json();
        let event = decode_line(std::str::from_utf8(&json).expect("JSON")).expect("the shop writes valid events");
        let work = &mut works[partition_of(event.customer.as_str().as_bytes(), PARTITIONS) as usize];
        work.engine.apply(&event, &mut announcements);
        work.watermark.observe(0, event.at);
        let time = work.watermark.advance(&rules, &[false], None);
        work.engine.advance(time, usize::MAX, &mut announcements);
        announcements.clear();
        work.open += 1;
        if work.open == BATCH {
            work.commit();
        }
    }
    for work in &mut works {
        work.commit();
        let time = work.engine.time();
        work.store.show(|seen| seen.time = Some(time));
    }
    works
}

/// Memory with and without, and how it comes about on a restart.
fn rank(partitions: &[(i32, Arc<PartitionStore>)], policy: &Policy) {
    let after_commits = memory_mib();
    partitions.iter().for_each(|(_, store)| store.rank(Unranked::default()));
    let without = memory_mib();
    let began = Instant::now();
    let mut by_level: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, store) in partitions {
        let mut ranks = Vec::new();
        store.for_each(|id, customer| ranks.extend(Rank::of(customer, policy).map(|rank| (rank, id.clone()))));
        ranks.iter().for_each(|(rank, _)| *by_level.entry(rank.level.name()).or_default() += 1);
        store.rank(ranks.into_iter().collect());
    }
    println!("ranked: {by_level:?}, all read and ranked anew in {:.2} s", began.elapsed().as_secs_f64());
    std::thread::sleep(Duration::from_secs(2));
    let ranked = memory_mib();
    println!("memory: {after_commits} MiB grown by commits, {without} MiB without ranking, {ranked} MiB ranked anew");
}

fn answers(partitions: &[(i32, Arc<PartitionStore>)], policy: &Policy) {
    let times: Vec<_> = partitions.iter().map(|(_, store)| store.seen().time).collect();
    let at_risk = vec![Level::Medium, Level::High];
    let all = |levels: &[Level]| Wanted { levels: levels.to_vec(), currency: None, channel: None };
    let eur = Currency::from_code("EUR");
    for (name, wanted, limit) in [
        ("at risk, 50", all(&at_risk), 50),
        ("at risk, 500", all(&at_risk), 500),
        ("lapsed, 500", all(&[Level::Lapsed]), 500),
        ("at risk, EUR, 500", Wanted { currency: eur, ..all(&at_risk) }, 500),
        ("lapsed, post, 500", Wanted { channel: Some(Channel::Post), ..all(&[Level::Lapsed]) }, 500),
        (
            "at risk, none of them",
            Wanted { channel: Some(Channel::Post), currency: Currency::from_code("XXX"), ..all(&at_risk) },
            500,
        ),
    ] {
        let mut millis = Vec::new();
        let (mut total, mut rows, mut bytes) = (0, 0, 0);
        for _ in 0..ASKED {
            let began = Instant::now();
            let (all, first) = Partitions::first(partitions, &wanted, limit);
            let told = first.iter().filter_map(|(place, id)| {
                let (partition, store) = &partitions[*place];
                CustomerRow::new(id, *partition, &store.load(id)?, times[*place], policy)
            });
            let told: Vec<_> = told.collect();
            (total, rows) = (all, told.len());
            let answer = Customers::new(None, vec![0, 1, 2, 3], all, told);
            bytes = serde_json::to_vec(&answer).expect("JSON").len();
            millis.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        millis.sort_by(f64::total_cmp);
        let (median, worst) = (millis[ASKED / 2], millis[ASKED - 1]);
        println!("{name}: {rows} of {total}, {bytes} bytes: median {median:.2} ms, worst {worst:.2} ms");
    }
}

fn memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or_default() / 1024
}
