//! A clean shop made hostile from one seed: duplicates, late orders, refunds, everything malformed, odd but valid forms.

use std::collections::{BTreeMap, BTreeSet};

use crate::malformed::{EventText, as_large_as_allowed, every_mistake};
use crate::support::model::{Event, Expected, Limits, What, calendar, reading};
use crate::support::random::Chance;
use crate::support::topic::{Outgoing, Record};

const DUPLICATES_PER_MILLE: usize = 10;
const LATE_PER_MILLE: usize = 5;
const REFUNDS_PER_MILLE: usize = 30;

/// How often each mistake is made.
const COPIES: usize = 3;

/// Room between two neighbours for what is put in between.
const STEP: u64 = 1 << 20;

pub struct HostileShop {
    /// In the order in which they are written.
    pub records: Vec<Outgoing>,
    refusals: BTreeMap<&'static str, usize>,
}

impl HostileShop {
    /// `clean` are the records of a shop without mistakes, in any order.
    pub fn from_clean(clean: &[Record], seed: u64) -> Self {
        let mut chance = Chance::from_seed(seed);
        let history = History::of(clean, &mut chance);
        let mut queue = Queue { places: Vec::new(), end: history.events.len() as u64 * STEP };
        let mut seen = BTreeSet::new();
        for (place, told) in (0..).zip(&history.events) {
            let place = place * STEP;
            // Who is heard of for the first time in a late order has no level that a refund could have judged.
            let is_known = !seen.insert(told.event.customer.clone());
            let is_late = is_known && told.is_purchase() && chance.happens_per_mille(LATE_PER_MILLE);
            let arrives = if is_late { queue.later_than(place, &mut chance) } else { place };
            queue.put(arrives, told.outgoing.clone());
            if chance.happens_per_mille(DUPLICATES_PER_MILLE) {
                let again = queue.later_than(place, &mut chance);
                queue.put(again, told.duplicate(&mut chance));
            }
        }
        let mut refusals = BTreeMap::new();
        for copy in 0..COPIES {
            let place = chance.below(history.events.len());
            let good = history.events[place].mistaken(copy);
            for (code, mut record) in every_mistake(&good) {
                add_headers(&mut record, &mut chance);
                *refusals.entry(code).or_insert(0) += 1;
                let anywhere = queue.later_than(0, &mut chance);
                queue.put(anywhere, record);
            }
        }
        Self { records: queue.in_order(), refusals }
    }

    /// # Panics
    /// Unless the model refuses as many records with each code as were made for it: else one of the two is wrong.
    pub fn must_be_refused_as_meant(&self, expected: &Expected) {
        for (code, meant) in &self.refusals {
            assert_eq!(expected.refused_with(code), *meant, "records meant to be refused as {code}");
        }
        assert_eq!(expected.refused.len(), self.refusals.values().sum::<usize>());
    }
}

struct Queue {
    places: Vec<(u64, Outgoing)>,
    end: u64,
}

impl Queue {
    fn put(&mut self, place: u64, record: Outgoing) {
        self.places.push((place, record));
    }

    /// Mostly soon, as a producer's retry comes, and now and then whenever.
    fn later_than(&self, place: u64, chance: &mut Chance) -> u64 {
        let soon = self.end.min(place + 2000 * STEP);
        let latest = if place > 0 && chance.below(4) > 0 { soon } else { self.end };
        place + 1 + chance.draw() % (latest - place).max(1)
    }

    fn in_order(mut self) -> Vec<Outgoing> {
        self.places.sort_by_key(|(place, _)| *place);
        self.places.into_iter().map(|(_, record)| record).collect()
    }
}

/// All that truly happened, by time.
struct History {
    events: Vec<Told>,
}

struct Told {
    event: Event,
    outgoing: Outgoing,
}

impl History {
    fn of(clean: &[Record], chance: &mut Chance) -> Self {
        let limits = Limits { latest_credible: calendar::Instant::MAX };
        let mut events: Vec<Told> = clean
            .iter()
            .map(|record| Told {
                event: reading::read(record, limits).unwrap_or_else(|code| panic!("{code}: {record:?} is not clean")),
                outgoing: Outgoing {
                    key: record.key.clone(),
                    value: record.value.clone(),
                    headers: record.headers.clone(),
                    partition: None,
                },
            })
            .collect();
        events.sort_by_key(|told| told.event.at);
        let mut history = Self { events };
        let refunds = history.refunds(chance);
        let odd = history.odd_customers(chance);
        let misplaced = history.misplaced_customers(chance);
        history.events.extend(refunds.into_iter().chain(odd).chain(misplaced));
        history.events.sort_by_key(|told| told.event.at);
        history
    }

    /// Up to 60 days after the order, and some of orders that nobody knows.
    fn refunds(&self, chance: &mut Chance) -> Vec<Told> {
        let latest = self.events.last().expect("a shop has events").event.at;
        let mut refunds = Vec::new();
        for (place, told) in self.events.iter().enumerate() {
            let What::Purchase { order_id, .. } = &told.event.what else { continue };
            if !chance.happens_per_mille(REFUNDS_PER_MILLE) {
                continue;
            }
            let order_id = match chance.below(20) {
                0 => format!("unknown-{place}"),
                _ => order_id.clone(),
            };
            let after = (chance.draw() % (60 * calendar::DAY as u64)) as i64;
            let at = told.event.at + 1 + after;
            if at < latest {
                let amount = format!("{}.{:02}", chance.below(40), chance.below(100));
                let refund = EventText::refund(&told.event.customer, &order_id, &calendar::format(at), &amount);
                // Two refunds of one order are two events.
                let event_id = format!("\"refund-{place}\"");
                refunds.push(Told::of(&refund.with("event_id", &event_id)));
            }
        }
        refunds
    }

    /// Customers whose systems write what is allowed and seldom seen.
    fn odd_customers(&self, chance: &mut Chance) -> Vec<Told> {
        let mut told = Vec::new();
        for form in 0..12 {
            let customer = match form {
                0 => "odd customer/ünïcode?&#%".to_owned(),
                1 => "o".repeat(256),
                _ => format!("odd-{form}"),
            };
            for number in 0..4 {
                let at = self.some_time(chance);
                let order_id =
                    if form == 2 { format!("{number}{}", "i".repeat(255)) } else { format!("odd-{form}-{number}") };
                let amount = format!("{}.{}0", 10 + number, form % 10);
                let event = EventText::purchase(&customer, &order_id, &calendar::format(at), &amount);
                // An event id made of the longest order id would be longer than one may be.
                let event = event.with("event_id", &format!("\"odd-event-{form}-{number}\""));
                told.push(Told::in_form(form, &event, at));
            }
        }
        told
    }

    /// Customers whose producer puts them where their key does not belong.
    fn misplaced_customers(&self, chance: &mut Chance) -> Vec<Told> {
        let mut told = Vec::new();
        for partition in 0..4 {
            for number in 0..4 {
                let at = calendar::format(self.some_time(chance));
                let customer = format!("misplaced-{partition}");
                let event = EventText::purchase(&customer, &format!("m-{partition}-{number}"), &at, "20.00");
                let mut one = Told::of(&event);
                one.outgoing.partition = Some(partition);
                told.push(one);
            }
        }
        told
    }

    fn some_time(&self, chance: &mut Chance) -> calendar::Instant {
        self.events[chance.below(self.events.len())].event.at
    }
}

impl Told {
    fn of(text: &EventText) -> Self {
        Self::from_outgoing(text.record())
    }

    fn from_outgoing(outgoing: Outgoing) -> Self {
        let record = Record {
            partition: 0,
            offset: 0,
            written_at: 0,
            key: outgoing.key.clone(),
            value: outgoing.value.clone(),
            headers: outgoing.headers.clone(),
        };
        let limits = Limits { latest_credible: calendar::Instant::MAX };
        let event = reading::read(&record, limits).unwrap_or_else(|code| panic!("{code}: {record:?} was meant well"));
        Self { event, outgoing }
    }

    fn in_form(form: usize, event: &EventText, at: calendar::Instant) -> Self {
        let written_elsewhere = format!("\"{}\"", calendar::format(at + 2 * calendar::HOUR).replace('Z', "+02:00"));
        let event = event.clone();
        match form {
            3 => Self::of(&event.with("amount", "12.5")),
            4 => Self::of(&event.with("amount", "\"12.3400\"")),
            5 => Self::of(&event.with("occurred_at", &written_elsewhere)),
            6 => Self::of(&event.with("currency", "\"JPY\"").with("amount", "\"1200.0\"")),
            7 => Self::of(&event.with("currency", "\"KWD\"").with("amount", "1.234")),
            8 => Self::of(&event.with("currency", "\"XXX\"").with("amount", "0")),
            9 => {
                let envelope = format!(
                    "{{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/shop\",\"type\":\"shop.purchase\",\"data\":{}}}",
                    event.text()
                );
                let mut outgoing = event.record();
                outgoing.value = Some(envelope.into_bytes());
                outgoing.headers.push(header("content-type", "application/cloudevents+json"));
                Self::from_outgoing(outgoing)
            }
            10 => {
                let mut outgoing = event.record();
                for (name, value) in
                    [("ce_specversion", "1.0"), ("ce_id", "1"), ("ce_source", "/shop"), ("ce_type", "shop.purchase")]
                {
                    outgoing.headers.push(header(name, value));
                }
                outgoing.headers.push(header("content-type", "application/json"));
                Self::from_outgoing(outgoing)
            }
            11 => Self::from_outgoing(as_large_as_allowed(event)),
            _ => Self::of(&event.with("nobody_asked", "{\"for\":[1,2,null]}")),
        }
    }

    fn is_purchase(&self) -> bool {
        matches!(self.event.what, What::Purchase { .. })
    }

    /// The very same again, or the same order told anew by a system that has another price in mind.
    fn duplicate(&self, chance: &mut Chance) -> Outgoing {
        let What::Purchase { order_id, .. } = &self.event.what else { return self.outgoing.clone() };
        if chance.below(2) == 0 {
            return self.outgoing.clone();
        }
        let at = calendar::format(self.event.at);
        let retold =
            EventText::purchase(&self.event.customer, order_id, &at, "999.99").with("event_id", "\"told-anew\"");
        Outgoing { partition: self.outgoing.partition, ..retold.record() }
    }

    /// A good event of this customer at this time, to make mistakes in: were one accepted, it would be noticed.
    fn mistaken(&self, copy: usize) -> EventText {
        let at = calendar::format(self.event.at);
        EventText::purchase(&self.event.customer, &format!("mistaken-{copy}"), &at, "13.13")
    }
}

fn add_headers(record: &mut Outgoing, chance: &mut Chance) {
    match chance.below(4) {
        0 => {}
        1 => record.headers.push(header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")),
        2 => record.headers.push(("nothing".to_owned(), None)),
        _ => {
            record.headers.push(("bytes".to_owned(), Some(vec![0, 255, 7])));
            record.headers.push(header("bytes", "again"));
            record.headers.push(header("empty", ""));
        }
    }
}

fn header(name: &str, value: &str) -> (String, Option<Vec<u8>>) {
    (name.to_owned(), Some(value.as_bytes().to_vec()))
}
