//! History on disk: JSON lines or CSV, several files merged by time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};

use crate::domain::{Currency, CustomerId, EventId, EventTime, OrderId};
use crate::engine::{Event, Happening};
use crate::wire::{self, Rejection};

/// Events of several files, merged by time; each file in its own order.
pub(super) struct History {
    files: Vec<Peekable<Box<dyn Iterator<Item = Result<Event>>>>>,
    /// Bytes read so far.
    pub(super) read: Arc<AtomicU64>,
    /// Bytes in all files.
    pub(super) size: u64,
    left_out: Arc<LeftOut>,
}

/// Rows that could not be used, by code.
#[derive(Debug, Default)]
struct LeftOut(std::sync::Mutex<BTreeMap<&'static str, u64>>);

impl LeftOut {
    fn count(&self, rejection: &Rejection) {
        if let Ok(mut counts) = self.0.lock() {
            *counts.entry(rejection.code()).or_default() += 1;
        }
    }
}

impl History {
    pub(super) fn open(paths: &[PathBuf], currency: Currency) -> Result<Self> {
        let (read, left_out) = (Arc::new(AtomicU64::new(0)), Arc::new(LeftOut::default()));
        let mut history = Self { files: Vec::new(), read: Arc::clone(&read), size: 0, left_out: Arc::clone(&left_out) };
        for (n, path) in paths.iter().enumerate() {
            let file = File::open(path).with_context(|| format!("can't open {}", path.display()))?;
            history.size += file.metadata().map_or(0, |about| about.len());
            let counted = BufReader::new(Counted { file, read: Arc::clone(&read) });
            let events: Box<dyn Iterator<Item = Result<Event>>> = if is_csv(path) {
                Box::new(csv_events(counted, n, path, currency, Arc::clone(&left_out))?)
            } else {
                Box::new(json_events(counted, path.clone(), Arc::clone(&left_out)))
            };
            history.files.push(events.peekable());
        }
        Ok(history)
    }

    /// Rows that could not be used, by code.
    pub(super) fn left_out(&self) -> BTreeMap<&'static str, u64> {
        self.left_out.0.lock().map(|counts| counts.clone()).unwrap_or_default()
    }
}

impl Iterator for History {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        if let [only] = self.files.as_mut_slice() {
            return only.next();
        }
        let heads = self.files.iter_mut().enumerate();
        let (_, earliest) = heads
            .filter_map(|(n, file)| Some((file.peek()?.as_ref().map_or(EventTime::BEGINNING, |event| event.at), n)))
            .min()?;
        self.files[earliest].next()
    }
}

struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

fn json_events(
    mut lines: impl BufRead + 'static,
    path: PathBuf,
    left_out: Arc<LeftOut>,
) -> impl Iterator<Item = Result<Event>> {
    let mut line = Vec::new();
    std::iter::from_fn(move || {
        loop {
            line.clear();
            match lines.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error).with_context(|| format!("can't read {}", path.display()))),
            }
            let text = line.trim_ascii();
            if text.is_empty() {
                continue;
            }
            let text = std::str::from_utf8(text).map_err(|error| Rejection::InvalidJson(error.to_string()));
            match text.and_then(wire::decode_line) {
                Ok(event) => return Some(Ok(event)),
                Err(rejection) => left_out.count(&rejection),
            }
        }
    })
}

/// Where the columns are.
struct Columns {
    customer: usize,
    at: usize,
    kind: usize,
    order: usize,
    amount: usize,
    currency: Option<usize>,
}

impl Columns {
    fn find(header: &csv::StringRecord, path: &Path) -> Result<Self> {
        let find = |names: &[&str]| header.iter().position(|column| names.contains(&column.trim()));
        let required = |names: &[&str]| {
            let Some(place) = find(names) else {
                bail!(
                    "{} has no column `{}`; columns are customer_id,occurred_at,type,order_id,amount[,currency]",
                    path.display(),
                    names[0]
                );
            };
            Ok(place)
        };
        Ok(Self {
            customer: required(&["customer_id", "customer"])?,
            at: required(&["occurred_at", "ts"])?,
            kind: required(&["type"])?,
            order: required(&["order_id"])?,
            amount: required(&["amount", "value"])?,
            currency: find(&["currency"]),
        })
    }
}

fn csv_events(
    input: impl Read + 'static,
    file: usize,
    path: &Path,
    currency: Currency,
    left_out: Arc<LeftOut>,
) -> Result<impl Iterator<Item = Result<Event>> + 'static> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let header = reader.headers().with_context(|| format!("can't read the header of {}", path.display()))?;
    let columns = Columns::find(header, path)?;
    let path = path.to_owned();
    Ok(reader.into_records().enumerate().filter_map(move |(row, record)| {
        let record = match record {
            Ok(record) => record,
            Err(error) if error.is_io_error() => {
                return Some(Err(error).with_context(|| format!("can't read {}", path.display())));
            }
            Err(_) => {
                left_out.count(&Rejection::InvalidField { field: "row", expected: "UTF-8 text" });
                return None;
            }
        };
        // A row has no event id of its own: its place in the files makes one.
        match row_event(&record, &columns, &format!("csv:{file}:{row}"), currency) {
            Ok(event) => Some(Ok(event)),
            Err(rejection) => {
                left_out.count(&rejection);
                None
            }
        }
    }))
}

fn row_event(
    row: &csv::StringRecord,
    columns: &Columns,
    event_id: &str,
    default_currency: Currency,
) -> Result<Event, Rejection> {
    let cell = |place: usize| row.get(place).map(str::trim).unwrap_or_default();
    let filled = |field: &'static str, place: usize| match cell(place) {
        "" => Err(Rejection::MissingField { field }),
        text => Ok(text),
    };
    let invalid = |field: &'static str, expected: &'static str| Rejection::InvalidField { field, expected };
    let is_purchase = match filled("type", columns.kind)? {
        "purchase" => true,
        "refund" | "return" => false,
        _ => return Err(Rejection::UnknownType),
    };
    let ids = "1 to 256 bytes";
    let customer = CustomerId::new(filled("customer_id", columns.customer)?);
    let order = OrderId::new(filled("order_id", columns.order)?);
    let at = row_time(filled("occurred_at", columns.at)?).filter(|at| *at >= EventTime::EARLIEST);
    let currency = match columns.currency.map(cell) {
        None | Some("") => Some(default_currency),
        Some(code) => Currency::from_code(code),
    };
    let currency = currency.ok_or(invalid("currency", "an ISO 4217 code"))?;
    let amount = match cell(columns.amount) {
        "" => currency.parse_amount("0"),
        text => currency.parse_amount(text),
    };
    let (order, amount) = (
        order.ok_or(invalid("order_id", ids))?,
        amount.ok_or(invalid("amount", "a decimal of 0 or more with no more decimals than its currency has"))?,
    );
    Ok(Event {
        customer: customer.ok_or(invalid("customer_id", ids))?,
        id: EventId::new(event_id).ok_or(invalid("event_id", ids))?,
        at: at.ok_or(invalid("occurred_at", "a time from 1990 to 9999"))?,
        what: if is_purchase {
            Happening::Purchased { order, amount, referred: false }
        } else {
            Happening::Refunded { order, amount }
        },
    })
}

/// A time as tables have it: RFC 3339, or the same without offset (UTC), with a blank for the T, or a date alone.
fn row_time(text: &str) -> Option<EventTime> {
    if let Some(at) = EventTime::parse_rfc3339(text) {
        return Some(at);
    }
    let text = text.replacen(' ', "T", 1);
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { format!("{text}Z") };
    EventTime::parse_rfc3339(&text).or_else(|| EventTime::parse_rfc3339(&whole))
}
