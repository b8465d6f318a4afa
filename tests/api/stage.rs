//! Partitions that are filled, committed, undone and restarted by hand, and an API over them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};

use homecoming::domain::time::Day;
use homecoming::domain::{EventTime, Policy, Signal};
use homecoming::engine::tallies::Section;
use homecoming::engine::{DayEnd, Event, Partition, Rank};
use homecoming::http::{ConnectionLimits, Signals, Surroundings, serve};
use homecoming::store::{PartitionStore, Partitions};
use homecoming::telemetry::Metrics;
use homecoming::wire::{day_record, tallies_record};
use serde_json::Value;

/// One partition, and what its changelog would hold besides customers.
pub struct Work {
    policy: Arc<Policy>,
    pub engine: Partition<Arc<PartitionStore>>,
    pub store: Arc<PartitionStore>,
    sections: BTreeMap<i32, Section>,
    /// As stored.
    pub days: BTreeMap<Day, Vec<u8>>,
    time: EventTime,
    open_day: Option<Day>,
    pub told: Vec<Signal>,
}

impl Work {
    pub fn new(policy: &Arc<Policy>, store: Arc<PartitionStore>) -> Self {
        Self {
            policy: Arc::clone(policy),
            engine: Partition::new(Arc::clone(policy), Arc::clone(&store)),
            store,
            sections: BTreeMap::new(),
            days: BTreeMap::new(),
            time: EventTime::BEGINNING,
            open_day: None,
            told: Vec::new(),
        }
    }

    pub fn apply(&mut self, event: &Event) {
        let mut announcements = Vec::new();
        self.engine.apply(event, &mut announcements);
        self.told.extend(announcements.into_iter().map(|announcement| announcement.signal));
    }

    /// At most `limit` moments of customers; true when more is due.
    pub fn advance(&mut self, time: EventTime, limit: usize) -> bool {
        let mut announcements = Vec::new();
        let is_more_due = self.engine.advance(time, limit, &mut announcements);
        self.told.extend(announcements.into_iter().map(|announcement| announcement.signal));
        is_more_due
    }

    pub fn time_is(&mut self, time: EventTime) {
        while self.advance(time, 100) {}
    }

    /// As the stream thread does it.
    pub fn commit(&mut self) {
        self.store.take_over(self.engine.take_changes());
        for section in self.engine.changed_sections() {
            match tallies_record::encode(&section) {
                Some(_) => drop(self.sections.insert(section.at, section)),
                None => drop(self.sections.remove(&section.at)),
            }
        }
        for (day, rates) in self.engine.changed_days() {
            match rates {
                Some(rates) => drop(self.days.insert(day, day_record::encode(rates))),
                None => drop(self.days.remove(&day).expect("only what is stored is dropped")),
            }
        }
        (self.time, self.open_day) = (self.engine.time(), self.engine.open_day());
        self.engine.confirm();
        self.show();
    }

    /// What was not committed is gone, and everything else is read again.
    pub fn restart(&mut self) {
        let mut engine = Partition::new(Arc::clone(&self.policy), Arc::clone(&self.store));
        engine.resume(self.time);
        engine.recall_settled(self.sections.values().cloned());
        let stored = self.days.iter().map(|(day, bytes)| (*day, day_record::decode(bytes).expect("just written")));
        engine.recall_days(stored.collect::<BTreeMap<Day, DayEnd>>(), self.open_day.or(engine.today()));
        self.store.for_each(|id, customer| engine.recall(id, customer));
        self.store.rank(self.ranks().into_iter().collect());
        self.engine = engine;
        self.show();
    }

    /// The ranks of all committed customers.
    pub fn ranks(&self) -> Vec<(Rank, homecoming::domain::CustomerId)> {
        let mut ranks = Vec::new();
        self.store.for_each(|id, customer| {
            ranks.extend(Rank::of(customer, &self.policy).map(|rank| (rank, id.clone())));
        });
        ranks
    }

    fn show(&self) {
        self.store.show(|seen| {
            seen.totals = *self.engine.totals();
            seen.counts = Arc::clone(self.engine.tallies().committed());
            seen.days = Arc::clone(self.engine.days());
            seen.time = (self.engine.time() != EventTime::BEGINNING).then_some(self.engine.time());
            seen.counted_at = seen.time;
            seen.is_running = true;
        });
    }
}

/// An API over partitions.
pub struct Api {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Api {
    pub fn over(partitions: &Arc<Partitions>, policy: &Arc<Policy>) -> Self {
        let windows = policy.windows.clone();
        let surroundings = Arc::new(Surroundings {
            partitions: Arc::clone(partitions),
            metrics: Arc::new(Metrics::new(Arc::clone(partitions), Arc::clone(policy), windows.clone())),
            threads: RwLock::default(),
            stopping: Arc::new(AtomicBool::new(false)),
            signals: Arc::new(Signals::new(0)),
            instance: "homecoming-0".to_owned(),
            policy: Arc::clone(policy),
            time_zone: "UTC".to_owned(),
            activity_horizon: format!("{}d", policy.activity_horizon_days),
            windows,
            token: None,
            now_ms: Box::new(|| 0),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = listener.expect("a free port of this machine");
        let address = listener.local_addr().expect("a bound address");
        runtime.spawn(serve(listener, surroundings, ConnectionLimits::default()));
        Self { address, _runtime: runtime }
    }

    /// Status, content type and body of an answer.
    pub fn get(&self, path: &str) -> (u16, String, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent.get(format!("http://{}{path}", self.address)).call().expect("an answer");
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let (status, kind) = (answer.status().as_u16(), kind.to_owned());
        let body = answer.body_mut().read_to_string().expect("a text");
        (status, kind, serde_json::from_str(&body).expect("JSON"))
    }

    pub fn answer(&self, path: &str) -> Value {
        let (status, kind, body) = self.get(path);
        assert_eq!((status, kind.as_str()), (200, "application/json"), "{path}: {body}");
        body
    }

    /// The detail of the problem that is told instead of an answer.
    pub fn refusal(&self, path: &str) -> String {
        let (status, kind, body) = self.get(path);
        assert_eq!((status, kind.as_str()), (400, "application/problem+json"), "{path}: {body}");
        assert_eq!(body["status"], 400);
        body["detail"].as_str().expect("a detail").to_owned()
    }
}
