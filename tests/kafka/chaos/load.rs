//! A shop that goes on, whatever happens to those who read it: so many events a second, in the order of time.
//!
//! What the service says of a customer may depend on which of two events it hears of first, and Kafka keeps no order
//! between topics. So no two events of one customer on different inputs are written within the same second or so, and
//! what was written is on the broker before more is: then there is only one order to read them in.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use crate::answers::{load, open_with_topics};
use crate::inputs::{Writers, Written};
use crate::support::cluster::Cluster;
use crate::support::model::{Input, calendar};
use crate::support::service::Shop;
use crate::support::topic::{Outgoing, Record};

/// So many events at once, waited for, and so often.
#[derive(Clone, Copy)]
pub struct Pace {
    pub events: usize,
    pub every: Duration,
}

/// 5,000 a second.
pub const CHAOS: Pace = Pace { events: 2000, every: Duration::from_millis(400) };

/// So far apart are a customer's events on different inputs.
const APART: usize = 3 * CHAOS.events;

const EVENTS_OF_A_CUSTOMER: usize = 10;

pub struct Load {
    events: Vec<(Input, Outgoing)>,
}

impl Load {
    pub fn prepare(cluster: &Cluster, count: usize, seed: usize) -> Self {
        let stock = open_with_topics(cluster, "chaos-stock");
        load(&stock, &count.to_string(), &(count / EVENTS_OF_A_CUSTOMER).to_string(), &seed.to_string());
        Self { events: apart(in_order(&Written::to(&stock))) }
    }

    /// Writes on until it is told to stop.
    pub fn start(self, shop: &Shop, pace: Pace) -> RunningLoad {
        let (stop, hold) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let writers = Writers::to(shop);
        let (must_stop, must_hold) = (Arc::clone(&stop), Arc::clone(&hold));
        let thread = std::thread::spawn(move || write(&writers, &self.events, pace, &must_stop, &must_hold));
        RunningLoad { stop, hold, thread }
    }
}

pub struct RunningLoad {
    stop: Arc<AtomicBool>,
    hold: Arc<AtomicBool>,
    thread: JoinHandle<(usize, f64)>,
}

impl RunningLoad {
    /// Whether to write nothing more for the time being. A broker that comes back hands out one topic before another:
    /// what was written before must have been read by then.
    pub fn hold(&self, must_hold: bool) {
        self.hold.store(must_hold, Ordering::SeqCst);
    }

    /// How many events were written, and how many a second while it was allowed to.
    pub fn stop(self) -> (usize, f64) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().expect("the writer writes")
    }
}

fn write(
    writers: &Writers,
    events: &[(Input, Outgoing)],
    pace: Pace,
    stop: &AtomicBool,
    hold: &AtomicBool,
) -> (usize, f64) {
    let mut written = 0;
    let mut worked = Duration::ZERO;
    for (number, portion) in events.chunks(pace.events).enumerate() {
        while hold.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(10));
        }
        if stop.load(Ordering::SeqCst) {
            return (written, written as f64 / worked.as_secs_f64());
        }
        let began = Instant::now();
        for (input, event) in portion {
            writers.write(*input, event);
        }
        let broken = format!("broken-{number}").into_bytes();
        writers
            .write(Input::Support, &Outgoing { key: Some(broken), value: Some(b"{".to_vec()), ..Outgoing::default() });
        writers.flush();
        written += portion.len() + 1;
        sleep(pace.every.saturating_sub(began.elapsed()));
        worked += began.elapsed();
    }
    panic!("the load was over before the faults were");
}

fn in_order(written: &Written) -> Vec<(Input, &Record)> {
    let records = |input| written.on(input).iter().map(move |record| (input, record));
    let mut all: Vec<_> = Input::ALL.into_iter().flat_map(records).collect();
    let at = |record: &Record| {
        let event = record.json();
        calendar::parse(event["occurred_at"].as_str().expect("an event has a time")).expect("a valid time")
    };
    all.sort_by_cached_key(|(input, record)| (at(record), *input, record.partition, record.offset));
    all
}

/// Without the events that come too soon after one of the same customer on another input.
fn apart(events: Vec<(Input, &Record)>) -> Vec<(Input, Outgoing)> {
    let mut last: HashMap<&[u8], [Option<usize>; 3]> = HashMap::new();
    let mut kept = Vec::new();
    for (input, record) in events {
        let places = last.entry(record.key.as_deref().unwrap_or_default()).or_default();
        let is_soon = |place: &usize| kept.len() < place + APART;
        if Input::ALL
            .into_iter()
            .any(|other| other != input && places[other as usize].is_some_and(|place| is_soon(&place)))
        {
            continue;
        }
        places[input as usize] = Some(kept.len());
        let event = Outgoing { key: record.key.clone(), value: record.value.clone(), ..Outgoing::default() };
        kept.push((input, event));
    }
    kept
}
