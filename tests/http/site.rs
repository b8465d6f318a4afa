//! The HTTP side over some partitions, served on a port of its own, and a client that sends what it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use homecoming::config::Options;
use homecoming::domain::Policy;
use homecoming::engine::Partition;
use homecoming::http::{ConnectionLimits, Signals, Surroundings, serve};
use homecoming::pipeline::Status;
use homecoming::shop::{Shop, ShopOptions};
use homecoming::store::{PartitionStore, Partitions};
use homecoming::telemetry::Metrics;
use homecoming::wire;
use serde_json::Value;
use tokio::runtime::Runtime;

/// Only what never comes at all is worth a failure.
pub const WITHIN: Duration = Duration::from_secs(120);

pub const TOKEN: &str = "a-token-for-tests";

/// The start of the process that the site is made to be of: its numbers begin with it.
pub const STARTED_MS: i64 = 1_767_225_600_000;

/// A running site.
pub struct Site {
    address: SocketAddr,
    pub surroundings: Arc<Surroundings>,
    _runtime: Runtime,
}

/// How a site differs from the usual one.
pub struct Choice {
    pub token: bool,
    pub limits: ConnectionLimits,
    pub customers: usize,
}

impl Site {
    /// Without a token, with nobody known.
    pub fn open() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Choice)) -> Self {
        let mut choice = Choice { token: false, limits: ConnectionLimits::default(), customers: 0 };
        change(&mut choice);
        let runtime = Runtime::new().expect("a runtime starts");
        let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let listener = runtime.block_on(tokio::net::TcpListener::bind(any)).expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let surroundings = Arc::new(surroundings(&choice));
        runtime.spawn(serve(listener, Arc::clone(&surroundings), choice.limits));
        Self { address, surroundings, _runtime: runtime }
    }

    /// A connection on which nothing was said yet. Reading from it fails after a long while.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("somebody listens");
        stream.set_read_timeout(Some(WITHIN)).expect("a socket has it");
        stream
    }

    /// `GET` as this machine's tools ask.
    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(head(method, path, headers).as_bytes()).expect("it is read");
        Answer::read(stream)
    }

    /// A stream of events, read up to the end of its head.
    pub fn stream(&self, path: &str, headers: &[(&str, &str)]) -> Events {
        let mut stream = self.connect();
        // Of HTTP/1.0, so that nothing is put between the events.
        let head = head("GET", path, headers).replace("HTTP/1.1", "HTTP/1.0");
        stream.write_all(head.as_bytes()).expect("it is read");
        let mut lines = BufReader::new(stream);
        let answer = Answer::read_head(&mut lines);
        assert_eq!(answer.status, 200, "{path} is no stream");
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        Events { lines }
    }
}

/// The head of a request, with this machine as its host unless the headers say another.
pub fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        text.push_str("host: localhost\r\n");
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n"
}

fn surroundings(choice: &Choice) -> Surroundings {
    let policy = Arc::new(Policy::default());
    let partitions = Arc::new(Partitions::default());
    let windows = vec![7, 30, 90];
    if choice.customers > 0 {
        fill(&partitions.open(2), &policy, choice.customers);
    }
    let config = format!("[http]\ntoken = \"{TOKEN}\"");
    let options = Options::from_text("homecoming.toml", &config, std::iter::empty()).expect("a right configuration");
    let status = Status::default();
    status.joined.store(true, Ordering::Relaxed);
    Surroundings {
        metrics: Arc::new(Metrics::new(Arc::clone(&partitions), Arc::clone(&policy), windows.clone())),
        partitions,
        threads: RwLock::new(vec![Arc::new(status)]),
        stopping: Arc::new(AtomicBool::new(false)),
        signals: Arc::new(Signals::new(STARTED_MS)),
        instance: "homecoming-7".to_owned(),
        policy,
        time_zone: "UTC".to_owned(),
        activity_horizon: "90d".to_owned(),
        windows,
        token: options.http.token.filter(|_| choice.token),
        now_ms: Box::new(|| 0),
    }
}

/// A shop's year, taken in and committed as a stream thread does.
fn fill(store: &Arc<PartitionStore>, policy: &Arc<Policy>, customers: usize) {
    let mut partition = Partition::new(Arc::clone(policy), Arc::clone(store));
    let shop = Shop::new(&ShopOptions { customers: customers as u32, seed: 5, ..ShopOptions::default() });
    for event in shop.take(customers * 10) {
        let text = String::from_utf8(event.to_json()).expect("JSON is UTF-8");
        let event = wire::decode_line(&text).expect("a shop's events are right");
        partition.apply(&event, &mut Vec::new());
        while partition.advance(event.at, 1000, &mut Vec::new()) {}
    }
    store.take_over(partition.take_changes());
    partition.confirm();
    store.show(|seen| {
        seen.totals = *partition.totals();
        seen.counts = Arc::clone(partition.tallies().committed());
        seen.time = Some(partition.time());
        seen.counted_at = seen.time;
        seen.timers = partition.timers_pending();
        seen.backlog = vec![Some(3), None];
        seen.lag_seconds = vec![1.5, 0.0];
        seen.idle = vec![false, true];
        seen.is_running = true;
    });
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads to the end of the connection.
    pub fn read(stream: TcpStream) -> Self {
        let mut lines = BufReader::new(stream);
        let mut answer = Self::read_head(&mut lines);
        lines.read_to_end(&mut answer.body).expect("the connection is closed at the end");
        answer
    }

    fn read_head(lines: &mut BufReader<TcpStream>) -> Self {
        let mut line = || {
            let mut line = String::new();
            lines.read_line(&mut line).expect("an answer comes");
            line.trim_end().to_owned()
        };
        let first = line();
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("{first:?} begins no answer"));
        let mut headers = Vec::new();
        loop {
            let line = line();
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Self { status, headers, body: Vec::new() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The detail of the problem that it must be.
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()));
        problem["detail"].as_str().expect("a problem has a detail").to_owned()
    }
}

/// A server-sent event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: Option<u64>,
    pub name: String,
    pub data: String,
}

/// A stream of events.
pub struct Events {
    lines: BufReader<TcpStream>,
}

/// Ends with the stream. Comments are no events.
impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let (mut id, mut name, mut data) = (None, None, None);
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).expect("the stream goes on or ends") == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("id", value)) => id = Some(value.parse().expect("ids are numbers")),
                Some(("event", value)) => name = Some(value.to_owned()),
                Some(("data", value)) => data = Some(value.to_owned()),
                Some((field, _)) => panic!("there is no field {field:?} in such a stream"),
                None => {}
            }
            if line == "\n"
                && let (Some(name), Some(data)) = (name.take(), data.take())
            {
                return Some(Event { id, name, data });
            }
        }
    }
}

impl Events {
    /// The next event that is none of `rates`, which come when they come.
    pub fn next_signal(&mut self) -> Option<Event> {
        self.find(|event| event.name != "rates")
    }
}

/// Waits until it holds.
pub fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < WITHIN, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
