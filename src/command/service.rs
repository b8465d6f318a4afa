//! The service as a whole: stream threads, HTTP, metrics. `run` and `demo` start the very same one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Handle;
use tracing::{error, info, warn};

use super::clock::SystemClock;
use super::{Failure, settings};
use crate::config::{Clock, Options};
use crate::domain::Policy;
use crate::http::{self, ConnectionLimits, Signals, Surroundings};
use crate::kafka::{Connection, KafkaLog};
use crate::pipeline::{Clock as _, Fault, Observer, Settings, Shared, Status, StreamThread};
use crate::store::Partitions;
use crate::telemetry::Metrics;
use crate::wire::Source;

/// How soon a broker that is away is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Service {
    stop: Arc<AtomicBool>,
    signals: Arc<Signals>,
    ended: Receiver<Result<(), Failure>>,
    partitions: Arc<Partitions>,
    runtime: tokio::runtime::Runtime,
}

/// Who made the topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topics {
    /// This process, just now: they are as they are to be.
    Ours,
    /// Whoever runs the brokers.
    Theirs,
}

/// What the stream threads need, each a copy.
#[derive(Clone)]
struct Parts {
    connection: Connection,
    settings: Settings,
    policy: Arc<Policy>,
    partitions: Arc<Partitions>,
    metrics: Arc<Metrics>,
    surroundings: Arc<Surroundings>,
    stop: Arc<AtomicBool>,
}

impl Service {
    /// Starts everything; the brokers may still be away.
    pub(super) fn start(options: &Options, default_clock: Clock, topics: Topics) -> Result<Self, Failure> {
        let connection = Connection::new(options);
        let partitions = Arc::new(Partitions::default());
        let policy = Arc::new(settings::policy(options));
        let windows = settings::windows(options);
        let metrics = Arc::new(Metrics::new(Arc::clone(&partitions), Arc::clone(&policy), windows.clone()));
        let stop = Arc::new(AtomicBool::new(false));
        let signals = Arc::new(Signals::new(SystemClock.wall().millis()));
        let instance = connection.instance_id.clone().unwrap_or_else(new_instance);
        let surroundings = Arc::new(Surroundings {
            partitions: Arc::clone(&partitions),
            metrics: Arc::clone(&metrics),
            threads: RwLock::default(),
            stopping: Arc::clone(&stop),
            signals: Arc::clone(&signals),
            instance,
            policy: Arc::clone(&policy),
            time_zone: options.time.time_zone.name().to_owned(),
            activity_horizon: options.retention.activity_horizon.to_string(),
            windows,
            token: options.http.token.clone(),
            now_ms: Box::new(|| SystemClock.monotonic().as_millis() as u64),
        });
        let runtime = serve(options, &surroundings)?;
        let parts = Parts {
            settings: settings::pipeline(options, &connection, default_clock),
            connection,
            policy,
            partitions: Arc::clone(&partitions),
            metrics,
            surroundings,
            stop: Arc::clone(&stop),
        };
        let (tell, ended) = channel();
        let (threads, handle) = (options.engine.threads, runtime.handle().clone());
        let supervisor = std::thread::Builder::new().name("supervisor".to_owned()).spawn(move || {
            // Nobody listens any more when the process is past its deadline.
            let _unheard = tell.send(supervise(parts, threads, topics, &handle));
        });
        supervisor.map_err(|error| Failure::Failed(format!("can't start a thread: {error}")))?;
        Ok(Self { stop, signals, ended, partitions, runtime })
    }

    pub(super) fn partitions(&self) -> &Partitions {
        &self.partitions
    }

    pub(super) fn runtime(&self) -> &tokio::runtime::Runtime {
        &self.runtime
    }

    /// How the service ended, if it did within `wait`.
    pub(super) fn ended_within(&self, wait: Duration) -> Option<Result<(), Failure>> {
        match self.ended.recv_timeout(wait) {
            Ok(result) => Some(result),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(Failure::Failed("the supervisor is gone".to_owned()))),
        }
    }

    /// Commits what is open and leaves the group. Gives up after `within`: transactions make a hard end safe.
    pub(super) fn stop(self, within: Duration) -> Result<(), Failure> {
        self.stop.store(true, Ordering::Relaxed);
        // Streams have no end of their own.
        self.signals.close();
        let ended = self.ended_within(within);
        self.runtime.shutdown_background();
        ended.unwrap_or_else(|| {
            warn!("the brokers did not let us leave in time; what was open is aborted by them");
            Ok(())
        })
    }
}

fn serve(options: &Options, surroundings: &Arc<Surroundings>) -> Result<tokio::runtime::Runtime, Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("http").enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("can't start a runtime: {error}")))?;
    let address = options.http.listen;
    let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).map_err(|error| {
        Failure::Failed(format!("can't listen on {address} (option http.listen): {error}; is another process there?"))
    })?;
    let address = listener.local_addr().unwrap_or(address);
    let surroundings = Arc::clone(surroundings);
    runtime.spawn(http::serve(listener, surroundings, ConnectionLimits::default()));
    info!(%address, "listening");
    Ok(runtime)
}

/// Waits for the brokers, checks the topics, runs the stream threads and waits for their end.
fn supervise(mut parts: Parts, threads: Option<usize>, topics: Topics, runtime: &Handle) -> Result<(), Failure> {
    let partitions = loop {
        match parts.connection.check_topics() {
            Ok(partitions) => break partitions,
            Err(Fault::Final(refused)) => return Err(Failure::WrongUse(refused)),
            Err(fault) => parts.metrics.troubled(&fault.to_string()),
        }
        if parts.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        std::thread::sleep(ASK_AGAIN);
    };
    if topics == Topics::Theirs
        && let Err(fault) = runtime.block_on(parts.connection.heed_dead_letter_limit())
    {
        info!(reason = %fault, "nobody says what the topic of dead letters takes: going by what it is to take");
    }
    parts.settings.max_dead_letter_bytes = parts.connection.max_dead_letter_bytes;
    parts.settings.topics = parts.connection.inputs.clone();
    parts.settings.partitions = partitions as i32;
    if parts.settings.topics.iter().all(|(source, _)| *source != Source::Contacts) {
        info!("there is no topic for contacts: going on without it");
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = threads.unwrap_or(cores).clamp(1, partitions.max(1));
    info!(threads, partitions, group = parts.connection.group_id, "starting");
    let handles = (0..threads).map(|n| start_thread(&parts, n)).collect::<Result<Vec<_>, _>>()?;
    let mut result = Ok(());
    for handle in handles {
        let ended = handle.join().unwrap_or_else(|_| Err(Fault::Final("a stream thread broke down".to_owned())));
        if result.is_ok() {
            result = ended;
        }
        if result.is_err() {
            parts.stop.store(true, Ordering::Relaxed);
        }
    }
    result.map_err(Failure::from)
}

fn start_thread(parts: &Parts, n: usize) -> Result<JoinHandle<Result<(), Fault>>, Failure> {
    let status = Arc::new(Status::default());
    status.turned_ms.store(SystemClock.monotonic().as_millis() as u64, Ordering::Relaxed);
    if let Ok(mut threads) = parts.surroundings.threads.write() {
        threads.push(Arc::clone(&status));
    }
    let parts = parts.clone();
    let stop_all = Arc::clone(&parts.stop);
    let work = move || {
        let log = KafkaLog::new(parts.connection, &parts.surroundings.instance, n)?;
        let shared = Shared {
            settings: parts.settings,
            policy: parts.policy,
            partitions: parts.partitions,
            observer: parts.metrics,
            listener: Arc::clone(&parts.surroundings.signals) as _,
            status,
            thread: n,
            stop: parts.stop,
        };
        let mut thread = StreamThread::new(log, SystemClock, shared);
        // One that panics is not to be dropped: its consumer would wait, and keep its partitions meanwhile.
        let result = catch_unwind(AssertUnwindSafe(|| thread.run())).unwrap_or_else(|_| {
            error!("a stream thread panicked; what was open is aborted by the brokers");
            std::process::exit(1)
        });
        if result.is_err() {
            // One thread that can't go on means that this process can't: the others leave in order.
            stop_all.store(true, Ordering::Relaxed);
        }
        result
    };
    let thread = std::thread::Builder::new().name(format!("stream-{n}")).spawn(work);
    thread.map_err(|error| Failure::Failed(format!("can't start a thread: {error}")))
}

/// A name for a process that has none: it must not be shared with another process, nor outlive this one.
fn new_instance() -> String {
    format!("{:x}-{:x}", std::process::id(), SystemClock.wall().millis())
}
