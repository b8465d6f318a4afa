//! `homecoming demo`: an embedded broker, a simulated shop, and the very same service as `run`.

mod screen;
mod signal;
mod story;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;

use super::Failure;
use super::clock::SystemClock;
use super::load::source_of;
use super::service::{Service, Topics};
use crate::config::{self, Clock, Options, Skew};
use crate::domain::EventTime;
use crate::domain::time::DAY_MS;
use crate::kafka::Connection;
use crate::kafka::embedded::EmbeddedBroker;
use crate::kafka::reader::Reader;
use crate::kafka::writer::Writer;
use crate::pipeline::{Clock as _, Fault};
use crate::shop::{Shop, ShopOptions, ShopTopics};
use screen::Screen;
use signal::Signal;

/// How much of the shop's past is there when the demo starts.
const HISTORY_MS: i64 = 180 * DAY_MS;

const PARTITIONS: i32 = 4;

/// Shows homecoming at work: everything in one process, nothing to install.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  homecoming demo --for 60s --speed 1d\n\n\
    A simulated shop writes 180 days of history and then goes on live, --speed of its time in each second. What you\n\
    see comes out of the same service that `homecoming run` starts, read back from its output topics.")]
pub(super) struct Demo {
    /// Port of the API and the metrics, on this machine only.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// How long to run, such as 60s; until Ctrl-C unless given.
    #[arg(long = "for", value_parser = duration)]
    run_for: Option<Duration>,
    /// How many customers the shop has when it goes live.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    customers: u32,
    /// Another seed, another shop.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How much of the shop's time passes in a second.
    #[arg(long, default_value = "1d", value_parser = duration)]
    speed: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = config::duration::parse(text).filter(|duration| !duration.is_zero());
    parsed.ok_or_else(|| "not a duration above 0 such as 60s, 12h or 1d".to_owned())
}

/// The shop goes live with the day this is started on.
fn live_from() -> i64 {
    SystemClock.wall().millis() / DAY_MS * DAY_MS
}

/// What the shop's thread tells the screen.
#[derive(Default)]
struct Told {
    events: AtomicU64,
    shop_time_ms: AtomicI64,
    is_live: AtomicBool,
    stop: AtomicBool,
}

impl Demo {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let names = Connection::new(&Options::default());
        let topics: Vec<String> = names.needed().into_iter().map(|needed| needed.name).collect();
        let broker = EmbeddedBroker::start(topics.iter().map(String::as_str), PARTITIONS)?;
        let options = self.options(&broker);
        let connection = Connection::new(&options);
        let service = Service::start(&options, Clock::Events, Topics::Ours)?;

        let told = Arc::new(Told::default());
        let shop = self.start_shop(connection.clone(), Arc::clone(&told))?;
        let interrupted = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&interrupted);
        service.runtime().spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                noted.store(true, Ordering::Relaxed);
            }
        });
        let shown = self.show(&service, &connection, &told, &interrupted);
        told.stop.store(true, Ordering::Relaxed);
        let wrote = shop.join().unwrap_or_else(|_| Err(Fault::Final("the shop broke down".to_owned())));
        service.stop(Duration::from_secs(5))?;
        shown?;
        Ok(wrote?)
    }

    fn options(&self, broker: &EmbeddedBroker) -> Options {
        let mut options = Options::default();
        options.kafka.bootstrap_servers = broker.bootstrap_servers();
        options.kafka.group_id = "homecoming-demo".to_owned();
        // The shop's time runs ahead of the clock on the wall.
        options.time.max_future_skew = Skew::Unlimited;
        options.http.listen = ([127, 0, 0, 1], self.port).into();
        options
    }

    /// Writes the history as fast as it goes, then `speed` of the shop's time in each second.
    fn start_shop(
        &self,
        connection: Connection,
        told: Arc<Told>,
    ) -> Result<std::thread::JoinHandle<Result<(), Fault>>, Failure> {
        let live_from = live_from();
        let shop = Shop::new(&ShopOptions {
            customers: self.customers,
            seed: self.seed,
            opens_at_ms: live_from - HISTORY_MS,
            topics: ShopTopics::ALL,
            ..ShopOptions::default()
        });
        let speed = self.speed;
        let work = move || {
            let writer = Writer::new(&connection)?;
            let mut live_since = None;
            for event in shop {
                if event.at_ms >= live_from {
                    let since = *live_since.get_or_insert_with(Instant::now);
                    told.is_live.store(true, Ordering::Relaxed);
                    let due = Duration::from_millis((event.at_ms - live_from) as u64).div_f64(speed.as_secs_f64());
                    while since.elapsed() < due && !told.stop.load(Ordering::Relaxed) {
                        std::thread::sleep((due - since.elapsed().min(due)).min(Duration::from_millis(50)));
                    }
                }
                if told.stop.load(Ordering::Relaxed) {
                    break;
                }
                writer.write(connection.topic(source_of(event.topic)), &event.customer_id, &event.to_json())?;
                told.events.fetch_add(1, Ordering::Relaxed);
                told.shop_time_ms.store(event.at_ms, Ordering::Relaxed);
            }
            writer.finish()
        };
        let thread = std::thread::Builder::new().name("shop".to_owned()).spawn(work);
        thread.map_err(|error| Failure::Failed(format!("can't start a thread: {error}")))
    }

    /// Tells what comes out until it is time to end.
    fn show(
        &self,
        service: &Service,
        connection: &Connection,
        told: &Told,
        interrupted: &AtomicBool,
    ) -> Result<(), Failure> {
        let reader = Reader::new(connection, &[&connection.returning_customers, &connection.churn_risk])?;
        let live_from = EventTime::from_millis(live_from());
        let mut screen = Screen::new(self.port, self.customers, self.speed);
        let started = Instant::now();
        while !interrupted.load(Ordering::Relaxed) && self.run_for.is_none_or(|length| started.elapsed() < length) {
            let until = Instant::now() + Duration::from_millis(250);
            while let Some(signal) = reader.next(until.saturating_duration_since(Instant::now())) {
                if let Ok(signal) = serde_json::from_slice::<Signal>(&signal) {
                    screen.tell(signal, live_from);
                }
            }
            let (totals, _) = service.partitions().totals();
            let now = told.shop_time_ms.load(Ordering::Relaxed);
            screen.refresh(now, told.events.load(Ordering::Relaxed), told.is_live.load(Ordering::Relaxed), &totals);
            if let Some(ended) = service.ended_within(Duration::ZERO) {
                screen.finish();
                return ended;
            }
        }
        screen.finish();
        Ok(())
    }
}
