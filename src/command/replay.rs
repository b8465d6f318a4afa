//! `homecoming replay`: the same engine over history on disk.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::history::History;
use super::predictions::{self, Predictions};
use super::report::{self, Replayed};
use super::{Failure, say, settings};
use crate::config::{self, Options};
use crate::domain::{Currency, EventTime, Policy};
use crate::engine::tallies::Figures;
use crate::engine::{Announcement, Outcome, Partition, Watermark, WatermarkRules};
use crate::store::Nobody;
use crate::wire::rates::Rates;
use crate::wire::signal;

/// Runs the engine over history on disk, without Kafka and without reading the clock: the signals it would have sent,
/// in order, and the rates at the end.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  homecoming replay --input orders.csv --signals signals.jsonl --report rates.json\n  \
    homecoming replay --input orders.csv --report rates.html --report rates.json\n  \
    homecoming replay --input orders.csv --predict-at 2026-01-31,2026-02-28 --predictions believed.csv\n\n\
    JSON lines: one event a line, each with its `type`. CSV (by the ending .csv): the columns customer_id,\n\
    occurred_at, type, order_id, amount and, if there is one, currency. Several files are merged by time. Rows that\n\
    can't be used are counted on stderr and left out."
)]
pub(super) struct Replay {
    /// A file of events; may be given several times.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    input: Vec<PathBuf>,
    /// The configuration; the defaults unless given.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to write the signals, one JSON object a line.
    #[arg(long, value_name = "OUT.jsonl")]
    signals: Option<PathBuf>,
    /// Where to write the rates as of the end: a page to read when the name ends in .html, else JSON. May be given
    /// several times.
    #[arg(long, value_name = "OUT.json|OUT.html")]
    report: Vec<PathBuf>,
    /// When to write down what is believed of every customer: days, which means their end in the shop's time zone, or
    /// RFC 3339 times.
    #[arg(long, value_name = "DATE", value_delimiter = ',', requires = "predictions")]
    predict_at: Vec<String>,
    /// Where to write it: customer_id, at, return_probability, usual_return_probability, risk, level.
    #[arg(long, value_name = "OUT.csv", requires = "predict_at")]
    predictions: Option<PathBuf>,
    /// The currency of CSV rows that name none.
    #[arg(long, default_value = "XXX", value_parser = currency)]
    currency: Currency,
}

fn currency(code: &str) -> Result<Currency, String> {
    Currency::from_code(code).ok_or_else(|| "not an ISO 4217 code such as EUR".to_owned())
}

/// What a replay went through.
#[derive(Default)]
struct Counts {
    /// The earliest event's time.
    first: Option<EventTime>,
    events: u64,
    duplicates: u64,
    late: u64,
    signals: std::collections::BTreeMap<(&'static str, &'static str), u64>,
}

impl Replay {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let options = Options::load(self.config.as_deref(), config::environment())?;
        let policy = Arc::new(settings::policy(&options));
        let predict_at = predictions::instants(&self.predict_at, &policy.calendar).map_err(|date| {
            let example = "a day such as 2026-03-01 nor a time such as 2026-03-01T12:00:00Z";
            Failure::WrongUse(format!("--predict-at: {date:?} is neither {example}"))
        })?;
        Ok(self.replay(&options, policy, predict_at)?)
    }

    fn replay(&self, options: &Options, policy: Arc<Policy>, predict_at: Vec<EventTime>) -> Result<()> {
        let mut history = History::open(&self.input, self.currency)?;
        let mut signals = self.signals.as_ref().map(create).transpose()?;
        let mut predictions = self.predictions.as_ref().map(|path| Predictions::new(predict_at, path)).transpose()?;
        let mut partition = Partition::new(Arc::clone(&policy), Nobody);
        let mut watermark = Watermark::new(1);
        let rules = WatermarkRules { allowed_lateness: settings::span(options.time.allowed_lateness) };
        let progress = progress_bar(history.size);
        let mut counts = Counts::default();
        let mut announcements = Vec::new();

        while let Some(event) = history.next() {
            let event = event?;
            predict_until(Some(event.at), predictions.as_mut(), &partition, &policy)?;
            let outcome = partition.apply(&event, &mut announcements);
            watermark.observe(0, event.at);
            let time = watermark.advance(&rules, &[false], None);
            while partition.advance(time, usize::MAX, &mut announcements) {}
            counts.first = Some(counts.first.map_or(event.at, |first| first.min(event.at)));
            counts.events += 1;
            counts.duplicates += u64::from(outcome == Outcome::Duplicate);
            counts.late += u64::from(matches!(outcome, Outcome::Late | Outcome::TooLate));
            write_signals(&mut announcements, signals.as_mut(), &mut counts)?;
            if counts.events % 4096 == 0 {
                progress.set_position(history.read.load(Ordering::Relaxed));
            }
        }
        predict_until(None, predictions.as_mut(), &partition, &policy)?;
        while partition.advance(watermark.finish(), usize::MAX, &mut announcements) {}
        write_signals(&mut announcements, signals.as_mut(), &mut counts)?;
        progress.finish_and_clear();

        if let Some(signals) = signals.as_mut() {
            signals.flush().context("can't write the signals")?;
        }
        if let Some(predictions) = predictions {
            predictions.finish()?;
        }
        let rates = rates(options, &partition, &watermark);
        let replayed = self.replayed(&counts, &history, &watermark);
        self.report.iter().try_for_each(|path| write_report(path, &replayed, &rates))?;
        tell(&counts, &history, &partition)
    }

    fn replayed(&self, counts: &Counts, history: &History, watermark: &Watermark) -> Replayed {
        let name = |path: &PathBuf| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Replayed {
            inputs: self.input.iter().map(name).collect(),
            first: counts.first,
            last: watermark.greatest()[0],
            events: counts.events,
            duplicates: counts.duplicates,
            late: counts.late,
            left_out: history.left_out(),
        }
    }
}

fn rates(options: &Options, partition: &Partition<Nobody>, watermark: &Watermark) -> Rates {
    let at = watermark.greatest()[0].map(|_| watermark.time());
    let horizon = options.retention.activity_horizon.to_string();
    let (counts, windows) = (partition.tallies().counts(), settings::windows(options));
    let figures = Figures::of(*partition.totals(), &counts, at, &windows, partition.policy());
    Rates::new(&figures, options.time.time_zone.name(), &horizon)
}

/// As a page or as JSON, by the name's ending.
fn write_report(path: &PathBuf, replayed: &Replayed, rates: &Rates) -> Result<()> {
    let is_page = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("html"));
    let text = if is_page { report::page(replayed, rates) } else { serde_json::to_string_pretty(rates)? + "\n" };
    let mut report = create(path)?;
    report
        .write_all(text.as_bytes())
        .and_then(|()| report.flush())
        .with_context(|| format!("can't write {}", path.display()))
}

/// What was believed at every date before `until` that is not yet written down.
fn predict_until(
    until: Option<EventTime>,
    predictions: Option<&mut Predictions>,
    partition: &Partition<Nobody>,
    policy: &Policy,
) -> Result<()> {
    let Some(predictions) = predictions else { return Ok(()) };
    while let Some(at) = predictions.take_before(until) {
        // Nothing is ever confirmed here, so the open batch holds everybody.
        let everybody = partition.changes().filter_map(|(id, customer)| Some((id, customer?)));
        predictions.write(at, everybody, policy)?;
    }
    Ok(())
}

fn create(path: &PathBuf) -> Result<BufWriter<File>> {
    Ok(BufWriter::new(File::create(path).with_context(|| format!("can't write {}", path.display()))?))
}

fn write_signals(
    announcements: &mut Vec<Announcement>,
    mut to: Option<&mut BufWriter<File>>,
    counts: &mut Counts,
) -> Result<()> {
    for Announcement { signal, .. } in announcements.drain(..) {
        *counts.signals.entry(signal.names()).or_default() += 1;
        if let Some(to) = to.as_mut() {
            let mut line = signal::encode(&signal);
            line.push(b'\n');
            to.write_all(&line).context("can't write the signals")?;
        }
    }
    Ok(())
}

fn progress_bar(size: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left");
    ProgressBar::new(size).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn tell(counts: &Counts, history: &History, partition: &Partition<Nobody>) -> Result<()> {
    let totals = partition.totals();
    say(format_args!("{} events, {} duplicates, {} late", counts.events, counts.duplicates, counts.late))?;
    for ((kind, name), count) in &counts.signals {
        say(format_args!("{count:>9} {kind} {name}"))?;
    }
    say(format_args!(
        "{} customers, {} of them came back at least once; {} active, {} lapsed",
        totals.customers,
        totals.repeat_customers,
        totals.active(),
        totals.at(crate::domain::Level::Lapsed)
    ))?;
    for (code, count) in history.left_out() {
        eprintln!("left out: {count} rows, {code}");
    }
    Ok(())
}
