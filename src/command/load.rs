//! `homecoming load`: a simulated shop writes to the input topics.

use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{ConfigFile, Failure, say};
use crate::kafka::Connection;
use crate::kafka::writer::Writer;
use crate::shop::{Shop, ShopOptions, ShopTopic, ShopTopics};
use crate::wire::Source;

/// The year the simulated events fall in: 2025, all of it in the past, so that no clock refuses them.
const OPENS_AT_MS: i64 = 1_735_689_600_000;
const CLOSES_AT_MS: i64 = OPENS_AT_MS + 365 * 86_400_000;

/// Writes a deterministic shop to the input topics: the same numbers, the same events.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  homecoming load --config config/homecoming.toml --events 200000 --customers 20000 --seed 1\n\n\
    The events fall into the year 2025, in order of time."
)]
pub(super) struct Load {
    #[command(flatten)]
    config: ConfigFile,
    /// How many events to write.
    #[arg(long)]
    events: u64,
    /// How many customers they belong to, at most.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    customers: u32,
    /// Another seed, another shop.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Events per second; as fast as it goes unless given.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
}

impl Load {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let mut connection = Connection::new(&self.config.load()?);
        connection.check_topics().map_err(|fault| Failure::Failed(fault.to_string()))?;
        let writer = Writer::new(&connection)?;
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} events, {per_sec}, {eta} left");
        let progress = ProgressBar::new(self.events).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let started = Instant::now();
        let options = ShopOptions {
            customers: self.customers,
            seed: self.seed,
            opens_at_ms: OPENS_AT_MS,
            topics: connection
                .inputs
                .iter()
                .map(|(source, _)| topic_of(*source))
                .fold(ShopTopics::default(), ShopTopics::with),
            ..ShopOptions::default()
        };
        for (n, event) in (0u64..).zip(Shop::sized_by(&options, self.events, CLOSES_AT_MS)) {
            if let Some(rate) = self.rate {
                let due = Duration::from_secs_f64(n as f64 / f64::from(rate));
                std::thread::sleep(due.saturating_sub(started.elapsed()));
            }
            writer.write(connection.topic(source_of(event.topic)), &event.customer_id, &event.to_json())?;
            progress.inc(1);
        }
        writer.finish()?;
        progress.finish_and_clear();
        let took = started.elapsed().as_secs_f64();
        say(format_args!("{} events written in {took:.1} s, {:.0} a second", self.events, self.events as f64 / took))?;
        Ok(())
    }
}

fn topic_of(source: Source) -> ShopTopic {
    match source {
        Source::Purchases => ShopTopic::Purchases,
        Source::Support => ShopTopic::Support,
        Source::Contacts => ShopTopic::Contacts,
    }
}

/// The input that a topic of the simulated shop is.
pub(super) fn source_of(topic: ShopTopic) -> Source {
    match topic {
        ShopTopic::Purchases => Source::Purchases,
        ShopTopic::Support => Source::Support,
        ShopTopic::Contacts => Source::Contacts,
    }
}
