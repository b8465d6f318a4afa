//! A small shop: what its customers do, as records with the moment at which each is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use homecoming::domain::EventTime;
use homecoming::wire::Source;
use homecoming::wire::partitioning::partition_of;

use crate::chance::Chance;
use crate::plan::Plan;
use crate::topics::Record;

/// What is written to an input: each takes an offset.
pub struct Written {
    pub at: Duration,
    pub source: Source,
    pub partition: i32,
    pub what: Entry,
}

#[derive(Clone)]
pub enum Entry {
    Record(Arc<Record>),
    /// Of a transaction of the shop's own.
    Of(TransactionId, Arc<Record>),
    Commit(TransactionId),
    /// Nobody may ever have read what is in it.
    Abort(TransactionId),
}

pub type TransactionId = u64;

/// A record that may be read, and where.
pub struct Placed<'a> {
    pub source: Source,
    pub partition: i32,
    pub offset: i64,
    pub record: &'a Record,
}

pub struct Shop {
    /// In the order in which it is written.
    pub written: Vec<Written>,
    /// Customers whose events come out of order: what is said of them depends on when it was read.
    pub messy: BTreeSet<String>,
    pub malformed: usize,
}

/// Every customer's events lie at least so far apart.
const GAP_MS: u64 = 250;

/// How those are called whose events only let time pass.
const CLOSING: &str = "closing-";

impl Shop {
    pub fn new(plan: &Plan) -> Self {
        let mut chance = Chance::new(plan.seed, 2);
        let mut shop = Self { written: Vec::new(), messy: BTreeSet::new(), malformed: 0 };
        for number in 0..plan.customers {
            let mut story = Story { plan, id: format!("c-{number}"), events: 0, orders: 0, ticket: 0, is_open: false };
            let is_messy = chance.per_mille(150);
            if is_messy {
                shop.messy.insert(story.id.clone());
            }
            let last = plan.faults_end.as_millis() as u64 - 2000;
            // Some fall silent early, so that nothing but time is left to tell of them.
            let last = if chance.per_mille(500) { chance.between(1000, last) } else { last };
            let mut at = chance.between(200, 15_000);
            let pace = *chance.pick(&[1500, 4000, 9000]);
            while at < last {
                shop.write(plan, &mut chance, &mut story, Duration::from_millis(at), is_messy);
                at += GAP_MS + chance.below(pace);
            }
        }
        shop.written.sort_by_key(|written| written.at);
        let mut chance = Chance::new(plan.seed, 3);
        if chance.per_mille(400) {
            for source in Source::ALL {
                shop.write_in_transactions(source, &mut chance);
            }
            // Of one instant the end of a transaction comes last, as it was put last.
            shop.written.sort_by_key(|written| written.at);
        }
        shop
    }

    fn write(&mut self, plan: &Plan, chance: &mut Chance, story: &mut Story<'_>, at: Duration, is_messy: bool) {
        if chance.per_mille(25) {
            self.malformed += 1;
            let (source, value) = story.malformed(chance, at);
            self.put(plan, at, source, &story.id, value);
            return;
        }
        let happened = if is_messy { at.saturating_sub(chance.millis(0, 3000)) } else { at };
        let (source, value) = story.event(chance, happened);
        let is_erasure = value.contains("customer_erased");
        self.put(plan, at, source, &story.id, value.clone().into_bytes());
        if !is_erasure && chance.per_mille(60) {
            let again = at + chance.millis(0, if is_messy { 3000 } else { GAP_MS - 100 });
            self.put(plan, again, source, &story.id, value.into_bytes());
        }
    }

    fn put(&mut self, plan: &Plan, at: Duration, source: Source, key: &str, value: Vec<u8>) {
        let record = Record {
            key: Some(key.as_bytes().to_vec()),
            value: Some(value),
            headers: Vec::new(),
            written_ms: plan.event_ms(at),
        };
        let partition = partition_of(key.as_bytes(), plan.partitions);
        self.written.push(Written { at, source, partition, what: Entry::Record(Arc::new(record)) });
    }

    /// Some of an input's records become those of transactions, one after the other. In others there is what has never
    /// happened, between the records that stand.
    fn write_in_transactions(&mut self, source: Source, chance: &mut Chance) {
        struct Open {
            id: TransactionId,
            stands: bool,
            ends_at: Duration,
            partitions: BTreeSet<i32>,
        }
        let mut more = Vec::new();
        let end = |open: Open, more: &mut Vec<Written>| {
            for partition in open.partitions {
                let what = if open.stands { Entry::Commit(open.id) } else { Entry::Abort(open.id) };
                more.push(Written { at: open.ends_at, source, partition, what });
            }
        };
        let mut open: Option<Open> = None;
        let mut transactions = (source as u64) << 32;
        for written in self.written.iter_mut().filter(|written| written.source == source) {
            if let Some(over) = open.take_if(|open| open.ends_at < written.at) {
                end(over, &mut more);
            }
            if open.is_none() && chance.per_mille(300) {
                transactions += 1;
                let stands = chance.per_mille(500);
                let (low, high) = *chance.pick(&[(1, 50), (50, 500), (500, 4000)]);
                let ends_at = written.at + chance.millis(low, high);
                open = Some(Open { id: transactions, stands, ends_at, partitions: BTreeSet::new() });
            }
            let (Some(open), Entry::Record(record)) = (&mut open, written.what.clone()) else { continue };
            open.partitions.insert(written.partition);
            if open.stands {
                written.what = Entry::Of(open.id, record);
            } else {
                more.push(Written { what: Entry::Of(open.id, Arc::new(never_happened(&record))), ..*written });
            }
        }
        open.into_iter().for_each(|open| end(open, &mut more));
        self.written.extend(more);
    }

    /// Every record that may be read.
    pub fn placed(&self) -> impl Iterator<Item = Placed<'_>> {
        let mut ends: BTreeMap<(Source, i32), i64> = BTreeMap::new();
        let aborted: BTreeSet<TransactionId> = self
            .written
            .iter()
            .filter_map(|written| match written.what {
                Entry::Abort(id) => Some(id),
                _ => None,
            })
            .collect();
        self.written.iter().filter_map(move |written| {
            let Written { source, partition, .. } = *written;
            let end = ends.entry((source, partition)).or_default();
            let offset = *end;
            *end += 1;
            match &written.what {
                Entry::Of(id, _) if aborted.contains(id) => None,
                Entry::Record(record) | Entry::Of(_, record) => Some(Placed { source, partition, offset, record }),
                Entry::Commit(_) | Entry::Abort(_) => None,
            }
        })
    }

    /// Whether what is said of somebody does not depend on when it was read.
    pub fn is_in_order(&self, customer: &str) -> bool {
        !self.messy.contains(customer) && !customer.starts_with(CLOSING)
    }

    /// One event on every input of every partition, at the same late instant: it brings time near there. None of them
    /// counts for a customer, as their day is still to come when all is counted.
    pub fn closing(plan: &Plan, at_ms: i64) -> Vec<Written> {
        let mut closing = Self { written: Vec::new(), messy: BTreeSet::new(), malformed: 0 };
        for partition in 0..plan.partitions {
            let mut ids = (0..).map(|number| format!("{CLOSING}{number}"));
            let key = ids.find(|id| partition_of(id.as_bytes(), plan.partitions) == partition);
            let key = key.expect("some number falls on every partition");
            let at = EventTime::from_millis(at_ms);
            let head = format!(r#""event_id":"closing-{at_ms}","customer_id":"{key}","occurred_at":"{at}""#);
            let refund = format!(r#"{{{head},"type":"refund","order_id":"o","amount":"1","currency":"EUR"}}"#);
            let rating = format!(r#"{{{head},"type":"feedback","scale":"nps","score":9}}"#);
            let review = format!(r#"{{{head},"type":"review_held"}}"#);
            for (source, value) in Source::ALL.into_iter().zip([refund, rating, review]) {
                closing.put(plan, Duration::ZERO, source, &key, value.into_bytes());
            }
        }
        closing.written
    }
}

/// Much the same of the same customer, under other ids: whoever reads it has something to tell.
fn never_happened(record: &Record) -> Record {
    let value = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default());
    let mut value = value.into_owned();
    for id in ["event_id", "order_id", "ticket_id"] {
        value = value.replace(&format!(r#""{id}":""#), &format!(r#""{id}":"never-"#));
    }
    Record { value: Some(value.into_bytes()), ..record.clone() }
}

/// A customer's story so far.
struct Story<'a> {
    plan: &'a Plan,
    id: String,
    events: u64,
    orders: u64,
    ticket: u64,
    is_open: bool,
}

impl Story<'_> {
    fn event(&mut self, chance: &mut Chance, at: Duration) -> (Source, String) {
        self.events += 1;
        let at = EventTime::from_millis(self.plan.event_ms(at));
        let head =
            format!(r#""event_id":"e-{}-{}","customer_id":"{}","occurred_at":"{at}""#, self.id, self.events, self.id);
        let (source, rest) = match chance.below(100) {
            0..55 => {
                self.orders += 1;
                let amount = chance.between(100, 9999);
                (
                    Source::Purchases,
                    format!(
                        r#""type":"purchase","order_id":"o-{}","amount":"{}.{:02}","currency":"EUR""#,
                        self.orders,
                        amount / 100,
                        amount % 100
                    ),
                )
            }
            55..58 => (
                Source::Purchases,
                format!(r#""type":"refund","order_id":"o-{}","amount":"1.00","currency":"EUR""#, self.orders),
            ),
            58..80 => {
                let kind = match (self.is_open, chance.below(3)) {
                    (false, _) => "ticket_opened",
                    (true, 0) => "customer_contacted",
                    (true, _) => "ticket_resolved",
                };
                self.ticket += u64::from(kind == "ticket_opened");
                self.is_open = kind != "ticket_resolved";
                (Source::Support, format!(r#""type":"{kind}","ticket_id":"t-{}""#, self.ticket))
            }
            80..87 => {
                (Source::Support, format!(r#""type":"feedback","scale":"csat","score":{}"#, chance.between(1, 5)))
            }
            87..93 => (
                Source::Contacts,
                format!(r#""type":"consent_changed","channel":"email","granted":{}"#, chance.per_mille(500)),
            ),
            93..98 => (Source::Contacts, r#""type":"contact_sent","channel":"email","purpose":"offer""#.to_owned()),
            _ => {
                self.is_open = false;
                (Source::Contacts, r#""type":"customer_erased""#.to_owned())
            }
        };
        (source, format!("{{{head},{rest}}}"))
    }

    fn malformed(&mut self, chance: &mut Chance, at: Duration) -> (Source, Vec<u8>) {
        self.events += 1;
        let at = EventTime::from_millis(self.plan.event_ms(at));
        let value = match chance.below(4) {
            0 => r#"{"type":"purchase""#.to_owned(),
            1 => "[]".to_owned(),
            2 => format!(r#"{{"type":"moved_house","customer_id":"{}","occurred_at":"{at}"}}"#, self.id),
            _ => r#"{"type":"customer_erased"}"#.to_owned(),
        };
        (*chance.pick(&Source::ALL), value.into_bytes())
    }
}
