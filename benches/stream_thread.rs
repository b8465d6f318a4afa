//! What the stream thread itself costs: the whole loop, from the bytes of a record to the bytes of signals and state,
//! on a log that takes no time. No broker, no other thread, a clock that counts polls: the same work in every run, so
//! that `valgrind --tool=callgrind` counts the same instructions too.
//!
//! `cargo bench --bench stream_thread -- [EVENTS] [CUSTOMERS]`

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use homecoming::domain::{EventTime, Policy, Span};
use homecoming::http::Signals;
use homecoming::pipeline::ports::{
    CommitTimes, InputPartition, InputRecord, Outgoing, Polled, Position, Remembered, Restored, RestoredUpTo,
};
use homecoming::pipeline::{Clock, Fault, Log, Settings, Shared, Status, StreamThread};
use homecoming::shop::{Shop, ShopOptions, ShopTopic, ShopTopics};
use homecoming::store::Partitions;
use homecoming::telemetry::Metrics;
use homecoming::wire::{Incoming, Source, partitioning};

/// As `homecoming run` has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const PARTITIONS: i32 = 4;
const OPENS_AT_MS: i64 = 1_735_689_600_000;
const CLOSES_AT_MS: i64 = OPENS_AT_MS + 365 * 86_400_000;

/// A poll at 66,000 records a second.
const POLL_TAKES: Duration = Duration::from_micros(15);

/// Records of one partition that come in a row, as from one fetch.
const FETCHED: usize = 500;

/// One input's records of one partition.
struct Stored {
    at: InputPartition,
    records: Vec<(String, Vec<u8>)>,
    next: usize,
    is_held: bool,
}

/// A log in memory that never fails.
struct MemoryLog {
    inputs: Vec<Stored>,
    turn: usize,
    left_of_fetch: usize,
    is_assigned: bool,
    now: Rc<Cell<Duration>>,
    sent: BTreeMap<&'static str, (u64, u64)>,
}

impl MemoryLog {
    fn of(shop: Shop, now: Rc<Cell<Duration>>) -> Self {
        let mut inputs: Vec<Stored> = Source::ALL
            .into_iter()
            .flat_map(|source| (0..PARTITIONS).map(move |partition| InputPartition { source, partition }))
            .map(|at| Stored { at, records: Vec::new(), next: 0, is_held: false })
            .collect();
        for event in shop {
            let source = match event.topic {
                ShopTopic::Purchases => Source::Purchases,
                ShopTopic::Support => Source::Support,
                ShopTopic::Contacts => Source::Contacts,
            };
            let partition = partitioning::partition_of(event.customer_id.as_bytes(), PARTITIONS);
            let of = inputs.iter_mut().find(|of| of.at == InputPartition { source, partition });
            let value = event.to_json();
            of.expect("every partition is there").records.push((event.customer_id, value));
        }
        Self { inputs, turn: 0, left_of_fetch: FETCHED, is_assigned: false, now, sent: BTreeMap::new() }
    }

    fn input(&self, at: InputPartition) -> &Stored {
        self.inputs.iter().find(|input| input.at == at).expect("every partition is there")
    }

    fn input_mut(&mut self, at: InputPartition) -> &mut Stored {
        self.inputs.iter_mut().find(|input| input.at == at).expect("every partition is there")
    }
}

impl Log for &mut MemoryLog {
    fn poll(&mut self, _: Duration, take: &mut dyn FnMut(InputRecord<'_>)) -> Result<Polled, Fault> {
        self.now.set(self.now.get() + POLL_TAKES);
        if !self.is_assigned {
            self.is_assigned = true;
            return Ok(Polled::Assigned((0..PARTITIONS).collect()));
        }
        for _ in 0..=self.inputs.len() {
            let (turn, left) = (self.turn, self.left_of_fetch);
            let input = &mut self.inputs[turn];
            if left == 0 || input.is_held || input.next == input.records.len() {
                self.turn = (turn + 1) % self.inputs.len();
                self.left_of_fetch = FETCHED;
                continue;
            }
            let (key, value) = &input.records[input.next];
            take(InputRecord {
                from: input.at,
                offset: input.next as i64,
                written_ms: Some(OPENS_AT_MS),
                incoming: Incoming { key: Some(key.as_bytes()), value: Some(value), content_type: None },
                headers: Vec::new(),
            });
            input.next += 1;
            self.left_of_fetch -= 1;
            return Ok(Polled::Record);
        }
        Ok(Polled::Nothing)
    }

    fn remembered(&mut self, partitions: &[i32]) -> Result<Vec<Remembered>, Fault> {
        let wanted = self.inputs.iter().filter(|input| partitions.contains(&input.at.partition));
        let of =
            |input: &Stored| Remembered { input: input.at, committed: None, low: 0, high: input.records.len() as i64 };
        Ok(wanted.map(of).collect())
    }

    fn take_up(&mut self, starts: &[(InputPartition, i64)]) -> Result<(), Fault> {
        starts.iter().for_each(|(at, _)| self.input_mut(*at).is_held = true);
        Ok(())
    }

    fn resume(&mut self, inputs: &[InputPartition]) -> Result<(), Fault> {
        inputs.iter().for_each(|at| self.input_mut(*at).is_held = false);
        Ok(())
    }

    fn hold(&mut self, inputs: &[InputPartition]) -> Result<(), Fault> {
        inputs.iter().for_each(|at| self.input_mut(*at).is_held = true);
        Ok(())
    }

    fn let_go(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn rewind(&mut self, _: &[(InputPartition, i64)]) -> Result<(), Fault> {
        unreachable!("nothing fails here")
    }

    fn backlog(&self, input: InputPartition, next_offset: i64) -> Option<u64> {
        Some(self.input(input).records.len() as u64 - next_offset as u64)
    }

    fn restore(&mut self, _: &[(i32, Option<i64>)]) -> Result<(), Fault> {
        Ok(())
    }

    fn poll_restore(&mut self, _: Duration, _: &mut dyn FnMut(Restored<'_>)) -> Result<(), Fault> {
        Ok(())
    }

    fn restored(&mut self, _: i32) -> Result<RestoredUpTo, Fault> {
        Ok(RestoredUpTo { next_offset: 0, remaining: 0 })
    }

    fn send(&mut self, record: &Outgoing<'_>) -> Result<(), Fault> {
        let headers: usize = record.headers.iter().map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len)).sum();
        let bytes = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len) + headers;
        let sent = self.sent.entry(record.to.name()).or_default();
        *sent = (sent.0 + 1, sent.1 + bytes as u64);
        Ok(())
    }

    fn commit(&mut self, _: &[Position]) -> Result<CommitTimes, Fault> {
        Ok(CommitTimes::default())
    }

    fn abort(&mut self) -> Result<(), Fault> {
        unreachable!("nothing fails here")
    }

    fn renew(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn leave(&mut self, _: Duration) {}
}

struct CountingClock(Rc<Cell<Duration>>);

impl Clock for CountingClock {
    fn wall(&self) -> EventTime {
        EventTime::from_millis(CLOSES_AT_MS)
    }

    fn monotonic(&self) -> Duration {
        self.0.get()
    }

    fn sleep(&self, length: Duration) {
        self.0.set(self.0.get() + length);
    }
}

fn shared() -> Shared {
    let (partitions, policy) = (Arc::new(Partitions::default()), Arc::new(Policy::default()));
    Shared {
        settings: Settings {
            commit_interval: Duration::from_millis(100),
            max_batch_records: 10_000,
            max_waiting_records: 5000,
            max_timers_per_batch: 10_000,
            max_value_bytes: 1 << 20,
            max_dead_letter_bytes: 2 << 20,
            max_future_skew: None,
            allowed_lateness: Span::from_millis(3_600_000),
            idle_after: Duration::from_secs(30),
            wall_clock: false,
            leave_within: Duration::from_secs(1),
            event_source: "/homecoming/bench".to_owned(),
            fingerprint: BTreeMap::new(),
            merge_wait: Duration::from_secs(1),
            partitions: PARTITIONS,
            topics: Source::ALL.map(|source| (source, source.name().to_owned())).into(),
        },
        observer: Arc::new(Metrics::new(Arc::clone(&partitions), Arc::clone(&policy), vec![7, 30, 90])),
        policy,
        partitions,
        // Nobody reads the stream: the usual case.
        listener: Arc::new(Signals::new(0)),
        status: Arc::new(Status::default()),
        thread: 0,
        stop: Arc::new(AtomicBool::new(false)),
    }
}

/// Of this thread, as Linux counts it: other processes may slow it down, but their time is not in it.
fn cpu_time() -> Duration {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(schedstat.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds"))
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let events = numbers.next().unwrap_or(200_000);
    let customers = numbers.next().unwrap_or(events / 10);
    let topics = [ShopTopic::Purchases, ShopTopic::Support, ShopTopic::Contacts];
    let options = ShopOptions {
        customers: customers as u32,
        opens_at_ms: OPENS_AT_MS,
        topics: topics.into_iter().fold(ShopTopics::default(), ShopTopics::with),
        ..ShopOptions::default()
    };
    let now = Rc::new(Cell::new(Duration::from_secs(1)));
    let mut log = MemoryLog::of(Shop::sized_by(&options, events, CLOSES_AT_MS), Rc::clone(&now));
    let mut thread = StreamThread::new(&mut log, CountingClock(Rc::clone(&now)), shared());
    let (used, polled) = (cpu_time(), now.get());
    let until = polled + POLL_TAKES * events as u32 + Duration::from_secs(5);
    while now.get() < until {
        thread.step().expect("nothing fails here");
    }
    let used = cpu_time() - used;
    drop(thread);
    let taken: usize = log.inputs.iter().map(|input| input.next).sum();
    assert_eq!(taken as u64, events, "all records were taken in");
    println!(
        "{events} events of {customers} customers: {:.0} ns of CPU an event",
        used.as_nanos() as f64 / events as f64
    );
    for (to, (records, bytes)) in &log.sent {
        println!(
            "{to}: {:.3} records an event, {} bytes each",
            *records as f64 / events as f64,
            bytes / records.max(&1)
        );
    }
}
