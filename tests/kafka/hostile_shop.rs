//! A clean shop made hostile from one seed: duplicates, late events, refunds, opt-outs, erasures, everything malformed,
//! odd but valid forms, on all three inputs.

use std::collections::BTreeMap;

use crate::inputs::Written;
use crate::malformed::{EventText, as_large_as_allowed, every_mistake};
use crate::support::model::{Event, Expected, Input, Limits, What, calendar, reading};
use crate::support::random::Chance;
use crate::support::topic::{Outgoing, Record};

const DUPLICATES_PER_MILLE: usize = 10;
const LATE_PER_MILLE: usize = 10;
const REFUNDS_PER_MILLE: usize = 30;
const ERASURES_PER_MILLE: usize = 5;

/// Of a hundred who grant a channel.
const OPT_OUTS_PER_CENT: usize = 30;

/// How often each mistake is made.
const COPIES: usize = 3;

/// Room between two neighbours for what is put in between.
const STEP: u64 = 1 << 20;

pub struct HostileShop {
    /// In the order in which they are written.
    pub records: Vec<(Input, Outgoing)>,
    /// Late and repeated purchases that come when everything else has long been read.
    pub afterwards: Vec<Outgoing>,
    refusals: BTreeMap<&'static str, usize>,
}

impl HostileShop {
    /// `clean` is a shop without mistakes.
    pub fn from_clean(clean: &Written, seed: u64) -> Self {
        let mut chance = Chance::from_seed(seed);
        let history = History::of(clean, &mut chance);
        let mut queue = Queue { places: Vec::new(), end: history.events.len() as u64 * STEP, afterwards: Vec::new() };
        for (place, told) in (0..).zip(&history.events) {
            let place = place * STEP;
            if chance.happens_per_mille(LATE_PER_MILLE) {
                queue.put_later_than(place, told.input, told.outgoing.clone(), &mut chance);
            } else {
                queue.put(place, told.input, told.outgoing.clone());
            }
            if chance.happens_per_mille(DUPLICATES_PER_MILLE) {
                let again = told.duplicate(&mut chance);
                queue.put_later_than(place, told.input, again, &mut chance);
            }
        }
        let refusals = make_mistakes(&history, &mut queue, &mut chance);
        let (records, afterwards) = queue.in_order();
        Self { records, afterwards, refusals }
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

/// Says how many of each code were made.
fn make_mistakes(history: &History, queue: &mut Queue, chance: &mut Chance) -> BTreeMap<&'static str, usize> {
    let mut refusals = BTreeMap::new();
    for copy in 0..COPIES {
        for input in Input::ALL {
            let event = &history.events[chance.below(history.events.len())].event;
            let (at, id) = (calendar::format(event.at), format!("mistaken-{input:?}-{copy}"));
            for (code, mut record) in every_mistake(input, &event.customer, &id, &at) {
                add_headers(&mut record, chance);
                *refusals.entry(code).or_insert(0) += 1;
                let anywhere = chance.draw() % queue.end;
                queue.put(anywhere, input, record);
            }
        }
    }
    refusals
}

struct Queue {
    places: Vec<(u64, Input, Outgoing)>,
    end: u64,
    afterwards: Vec<Outgoing>,
}

impl Queue {
    fn put(&mut self, place: u64, input: Input, record: Outgoing) {
        self.places.push((place, input, record));
    }

    /// Mostly soon, as a producer's retry comes, and now and then whenever; some purchases after everything else.
    fn put_later_than(&mut self, place: u64, input: Input, record: Outgoing, chance: &mut Chance) {
        let is_soon = chance.below(4) > 0;
        if !is_soon && input == Input::Purchases && chance.below(2) == 0 {
            self.afterwards.push(record);
            return;
        }
        let latest = if is_soon { self.end.min(place + 2000 * STEP) } else { self.end };
        let later = place + 1 + chance.draw() % (latest - place).max(1);
        self.put(later, input, record);
    }

    fn in_order(mut self) -> (Vec<(Input, Outgoing)>, Vec<Outgoing>) {
        self.places.sort_by_key(|(place, ..)| *place);
        (self.places.into_iter().map(|(_, input, record)| (input, record)).collect(), self.afterwards)
    }
}

/// All that truly happened, by time.
struct History {
    events: Vec<Told>,
}

struct Told {
    input: Input,
    event: Event,
    outgoing: Outgoing,
}

impl History {
    fn of(clean: &Written, chance: &mut Chance) -> Self {
        let told = |input, record: &Record| {
            let outgoing = Outgoing {
                key: record.key.clone(),
                value: record.value.clone(),
                headers: record.headers.clone(),
                partition: None,
            };
            Told::from_outgoing(input, outgoing)
        };
        let records = Input::ALL.into_iter().flat_map(|input| clean.on(input).iter().map(move |one| told(input, one)));
        let mut history = Self { events: records.collect() };
        history.events.sort_by_key(|told| told.event.at);
        let more = [
            history.refunds(chance),
            history.opt_outs(chance),
            history.erasures(chance),
            history.odd_customers(chance),
            history.misplaced_customers(chance),
        ];
        history.events.extend(more.into_iter().flatten());
        history.events.sort_by_key(|told| told.event.at);
        history
    }

    /// Up to 60 days after the order, and some of orders that nobody knows.
    fn refunds(&self, chance: &mut Chance) -> Vec<Told> {
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
            let Some(at) = self.some_time_after(told, 60, chance) else { continue };
            let amount = format!("{}.{:02}", chance.below(40), chance.below(100));
            let refund = EventText::refund(&told.event.customer, &order_id, &at, &amount);
            // Two refunds of one order are two events.
            let event_id = format!("\"refund-{place}\"");
            refunds.push(Told::of(Input::Purchases, &refund.with("event_id", &event_id)));
        }
        refunds
    }

    /// What was granted is taken back, now and then at the same instant.
    fn opt_outs(&self, chance: &mut Chance) -> Vec<Told> {
        let mut opt_outs = Vec::new();
        for (place, told) in self.events.iter().enumerate() {
            let What::ConsentChanged { channel, granted: true } = told.event.what else { continue };
            if chance.below(100) >= OPT_OUTS_PER_CENT {
                continue;
            }
            let at = match chance.below(5) {
                0 => Some(calendar::format(told.event.at)),
                _ => self.some_time_after(told, 200, chance),
            };
            let Some(at) = at else { continue };
            let opt_out =
                EventText::consent(&told.event.customer, &format!("opt-out-{place}"), &at, channel.name(), false);
            opt_outs.push(Told::of(Input::Contacts, &opt_out));
        }
        opt_outs
    }

    /// Some go on buying afterwards, as somebody new.
    fn erasures(&self, chance: &mut Chance) -> Vec<Told> {
        let mut erasures = Vec::new();
        for (place, told) in self.events.iter().enumerate() {
            if !chance.happens_per_mille(ERASURES_PER_MILLE) {
                continue;
            }
            let Some(at) = self.some_time_after(told, 30, chance) else { continue };
            let erasure = EventText::erasure(&told.event.customer, &format!("erasure-{place}"), &at);
            erasures.push(Told::of(Input::Contacts, &erasure));
        }
        erasures
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
                told.push(Told::in_form(form, Input::Purchases, &event, at));
                let ticket = EventText::ticket("ticket_opened", &customer, &format!("{number}"), &calendar::format(at));
                told.push(Told::in_form(form, Input::Support, &ticket, at));
                let consent = format!("odd-consent-{number}");
                let consent = EventText::consent(&customer, &consent, &calendar::format(at), "post", number != 2);
                told.push(Told::in_form(form, Input::Contacts, &consent, at));
            }
        }
        told
    }

    /// Customers whose producers put them where their key does not belong.
    fn misplaced_customers(&self, chance: &mut Chance) -> Vec<Told> {
        let mut told = Vec::new();
        for partition in 0..4 {
            for number in 0..4 {
                let at = calendar::format(self.some_time(chance));
                let customer = format!("misplaced-{partition}");
                let id = format!("m-{partition}-{number}");
                let events = [
                    (Input::Purchases, EventText::purchase(&customer, &id, &at, "20.00")),
                    (Input::Support, EventText::feedback(&customer, &id, &at, "ces", "2.5")),
                    (Input::Contacts, EventText::consent(&customer, &id, &at, "sms", true)),
                ];
                for (input, event) in events {
                    let mut one = Told::of(input, &event.with("event_id", &format!("\"{input:?}-{id}\"")));
                    one.outgoing.partition = Some(partition);
                    told.push(one);
                }
            }
        }
        told
    }

    fn some_time(&self, chance: &mut Chance) -> calendar::Instant {
        self.events[chance.below(self.events.len())].event.at
    }

    /// Within so many days, unless the shop's history is over by then.
    fn some_time_after(&self, told: &Told, days: i64, chance: &mut Chance) -> Option<String> {
        let latest = self.events.last().expect("a shop has events").event.at;
        let after = (chance.draw() % (days * calendar::DAY).unsigned_abs()).cast_signed();
        let at = told.event.at + 1 + after;
        (at < latest).then(|| calendar::format(at))
    }
}

impl Told {
    fn of(input: Input, text: &EventText) -> Self {
        Self::from_outgoing(input, text.record())
    }

    fn from_outgoing(input: Input, outgoing: Outgoing) -> Self {
        let record = Record {
            partition: 0,
            offset: 0,
            written_at: 0,
            key: outgoing.key.clone(),
            value: outgoing.value.clone(),
            headers: outgoing.headers.clone(),
        };
        let limits = Limits { latest_credible: calendar::Instant::MAX };
        let event = reading::read_from(input, &record, limits);
        let event = event.unwrap_or_else(|code| panic!("{code}: {record:?} was meant well"));
        Self { input, event, outgoing }
    }

    fn in_form(form: usize, input: Input, event: &EventText, at: calendar::Instant) -> Self {
        let written_elsewhere = format!("\"{}\"", calendar::format(at + 2 * calendar::HOUR).replace('Z', "+02:00"));
        let of = |event: &EventText| Self::of(input, event);
        let event = event.clone();
        match form {
            3 if input == Input::Purchases => of(&event.with("amount", "12.5")),
            4 if input == Input::Purchases => of(&event.with("amount", "\"12.3400\"")),
            5 => of(&event.with("occurred_at", &written_elsewhere)),
            6 if input == Input::Purchases => of(&event.with("currency", "\"JPY\"").with("amount", "\"1200.0\"")),
            7 if input == Input::Purchases => of(&event.with("currency", "\"KWD\"").with("amount", "1.234")),
            8 if input == Input::Purchases => of(&event.with("currency", "\"XXX\"").with("amount", "0")),
            9 => {
                let envelope = format!(
                    "{{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/shop\",\"type\":\"shop.event\",\"data\":{}}}",
                    event.text()
                );
                let mut outgoing = event.record();
                outgoing.value = Some(envelope.into_bytes());
                outgoing.headers.push(header("content-type", "application/cloudevents+json"));
                Self::from_outgoing(input, outgoing)
            }
            10 => {
                let mut outgoing = event.record();
                for (name, value) in
                    [("ce_specversion", "1.0"), ("ce_id", "1"), ("ce_source", "/shop"), ("ce_type", "shop.event")]
                {
                    outgoing.headers.push(header(name, value));
                }
                outgoing.headers.push(header("content-type", "application/json"));
                Self::from_outgoing(input, outgoing)
            }
            11 => Self::from_outgoing(input, as_large_as_allowed(event)),
            _ => of(&event.with("nobody_asked", "{\"for\":[1,2,null]}")),
        }
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
