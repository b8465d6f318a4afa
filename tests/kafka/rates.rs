//! The rates of two instances, each by itself and added up, against a recount of what lies on the inputs, after one of
//! them was killed, a third came and went, and partitions were restored again and again.
//!
//! The history ends everywhere at one instant, so that the windows of all partitions do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::civil::date;
use serde_json::Value;

use crate::answers::{open_hostile, scrape, wait_until_all_is_read};
use crate::inputs::{Progress, Writers, Written, write};
use crate::instances::{held_by, wait_until_they_hold};
use crate::malformed::{EventText, every_mistake};
use crate::recount::histories::{Plan, hostile};
use crate::recount::{Calendar, DAY_MS, Event, Options, What, differences, json_lines, recount, sum};
use crate::support::broker::Broker;
use crate::support::model::reading::read_from;
use crate::support::model::{Input, Limits, calendar};
use crate::support::service::{Instance, Service, Shop};
use crate::support::topic::{Outgoing, Record};

const SEED: u64 = 20_260_601;
const CUSTOMERS: usize = 400;
const DAYS: i64 = 240;
/// How many of them are told of.
const DAYS_TOLD: i64 = 170;
const PARTITIONS: usize = 4;
const ZONE: &str = "Europe/Berlin";
/// Short, so that much happens in the weeks after clocks have changed.
const ACTIVITY_DAYS: i64 = 14;
const WINDOWS: [i64; 2] = [7, 14];

/// `time.allowed_lateness` by default.
const LATENESS_MS: i64 = 3_600_000;

/// Tiny, so that every fault finds a transaction open and something left to read.
const RECORDS_IN_A_TRANSACTION: &str = "20";

/// One purchase in so many comes when everything else has long been read.
const AFTERWARDS_ONE_IN: usize = 40;

/// How often in a row the same rates must be seen before they are held to be the last.
const SAME_LOOKS: usize = 20;

#[test]
fn the_rates_of_two_instances_are_those_of_a_recount() {
    let mut shop = open_hostile(Broker::shared().cluster(), "rates");
    shop.set_number("engine", "max_batch_records", RECORDS_IN_A_TRANSACTION);
    shop.set_number("engine", "threads", "1");
    shop.set_text("time", "time_zone", ZONE);
    shop.set_text("retention", "activity_horizon", &format!("{ACTIVITY_DAYS}d"));
    shop.set_number("retention", "windows", &format!("{:?}", WINDOWS.map(|days| format!("{days}d"))));
    let story = Story::from_seed();
    write(&shop, &story.records);
    close(&shop, story.ends);
    let backlog = Written::to(&shop);

    let [first, second] = ["1", "2"].map(|name| shop.instance(name, true));
    let (mut one, mut two) = fail_and_recover(&shop, &first, &second, backlog.count());
    wait_until_all_is_read(&shop, &mut one);
    write(&shop, &story.afterwards);
    two.kill9();
    two = shop.start_as(&second);
    wait_until_all_is_read(&shop, &mut one);
    wait_until_they_hold(&mut [&mut one, &mut two], PARTITIONS);

    let accepted = accepted(&backlog, &Written::to(&shop), story.ends);
    the_rates_must_agree(&mut [&mut one, &mut two], &accepted, story.ends);
    one.terminate();
    two.terminate();
}

struct Story {
    /// In the order in which they are written.
    records: Vec<(Input, Outgoing)>,
    /// Purchases that come when everything else has long been read, some of them after their customer was erased.
    afterwards: Vec<(Input, Outgoing)>,
    /// Nothing happened after this instant, in milliseconds since 1970.
    ends: i64,
}

impl Story {
    fn from_seed() -> Self {
        let plan = Plan {
            seed: SEED,
            time_zone: ZONE.to_owned(),
            first_day: date(2025, 5, 20),
            days: DAYS,
            customers: CUSTOMERS,
            activity_days: ACTIVITY_DAYS,
            erased_percent: 12,
        };
        // While new customers still come.
        let ends = Calendar::new(ZONE).start_of(plan.first_day) + DAYS_TOLD * DAY_MS + DAY_MS / 2;
        let mut story = Self { records: Vec::new(), afterwards: Vec::new(), ends };
        for line in hostile(&plan).into_iter().map(|arrival| arrival.line) {
            let event: Event = json_lines(&line).remove(0);
            if event.at > ends {
                continue;
            }
            let (input, key, value) = (input_of(&event.what), event.customer.into_bytes(), line.into_bytes());
            let outgoing = Outgoing { key: Some(key), value: Some(value), ..Outgoing::default() };
            let is_purchase = matches!(event.what, What::Purchased { .. });
            if is_purchase && story.records.len().is_multiple_of(AFTERWARDS_ONE_IN) {
                story.afterwards.push((input, outgoing));
                continue;
            }
            story.records.push((input, outgoing));
        }
        for input in Input::ALL {
            let mistakes = every_mistake(input, "who-errs", &format!("mistaken-{input:?}"), &calendar::format(ends));
            for (place, (_, mistake)) in mistakes.into_iter().enumerate() {
                story.records.insert(place * story.records.len() / 50 % story.records.len(), (input, mistake));
            }
        }
        story
    }
}

fn input_of(what: &What) -> Input {
    match what {
        What::Purchased { .. } | What::Refunded { .. } => Input::Purchases,
        What::Erased | What::Passed => Input::Contacts,
        What::Opened { .. } | What::Contacted { .. } | What::Resolved { .. } | What::Reopened { .. } => Input::Support,
        What::Rated { .. } => Input::Support,
    }
}

/// Ends every partition of every input so late that its time comes to `ends`, not further.
fn close(shop: &Shop, ends: i64) {
    let (writers, at) = (Writers::to(shop), calendar::format(ends + LATENESS_MS));
    for partition in 0..PARTITIONS {
        let customer = format!("closing-{partition}");
        for (input, event) in [
            (Input::Purchases, EventText::refund(&customer, "of-no-order", &at, "1.00")),
            (Input::Support, EventText::feedback(&customer, "closing-rating", &at, "nps", "9")),
            (Input::Contacts, EventText::review_held(&customer, "closing-review", &at)),
        ] {
            let partition = i32::try_from(partition).expect("a few");
            writers.write(input, &Outgoing { partition: Some(partition), ..event.record() });
        }
    }
    writers.flush();
}

/// One is killed and restores what it had; a third takes some over and gives them back, and the other is killed while
/// it does.
fn fail_and_recover(shop: &Shop, first: &Instance, second: &Instance, total: usize) -> (Service, Service) {
    let progress = Progress::of(shop);
    let (mut one, mut two) = (shop.start_as(first), shop.start_as(second));
    wait_until_they_hold(&mut [&mut one, &mut two], PARTITIONS);
    let reach = |service: &mut Service, percent: usize| {
        service.wait_until(&format!("{percent} % are read"), |_| progress.records() * 100 >= total * percent);
    };
    reach(&mut two, 15);
    one.kill9();
    eprintln!("{} of {total} records were read at the kill", progress.records());
    one = shop.start_as(first);

    reach(&mut one, 40);
    let mut third = shop.start_as(&shop.instance("3", false));
    third.wait_until("the third has taken something over", |third| held_by(third) > 0);
    two.kill9();
    two = shop.start_as(second);

    reach(&mut one, 60);
    eprintln!("{} of {total} records were read when the third left", progress.records());
    third.terminate();
    wait_until_they_hold(&mut [&mut one, &mut two], PARTITIONS);
    (one, two)
}

/// What was accepted, by partition and in the order in which it was taken in: the backlog by time, as far as each input
/// allows; then what came afterwards, on one input.
fn accepted(backlog: &Written, all: &Written, ends: i64) -> BTreeMap<i32, Vec<Event>> {
    // What lies beyond the closing is a mistake of many years.
    let limits = Limits { latest_credible: ends + LATENESS_MS };
    let mut waiting: BTreeMap<i32, [VecDeque<Event>; 3]> = BTreeMap::new();
    let event = |input, record: &Record| {
        read_from(input, record, limits).ok()?;
        let text = String::from_utf8(record.value.clone()?).expect("what is accepted is text");
        Some(json_lines(&text.replace('\n', " ")).remove(0))
    };
    for (place, input) in Input::ALL.into_iter().enumerate() {
        for record in backlog.on(input) {
            waiting.entry(record.partition).or_default()[place].extend(event(input, record));
        }
    }
    let mut accepted: BTreeMap<i32, Vec<Event>> = BTreeMap::new();
    for (partition, mut inputs) in waiting {
        let events = accepted.entry(partition).or_default();
        let next = |inputs: &[VecDeque<Event>; 3]| {
            (0..3).filter(|input| !inputs[*input].is_empty()).min_by_key(|input| inputs[*input][0].at)
        };
        while let Some(input) = next(&inputs) {
            events.extend(inputs[input].pop_front());
        }
    }
    let known: BTreeSet<(i32, i64)> = backlog.on(Input::Purchases).iter().map(place_of).collect();
    for record in all.on(Input::Purchases).iter().filter(|record| !known.contains(&place_of(record))) {
        accepted.entry(record.partition).or_default().extend(event(Input::Purchases, record));
    }
    assert!(all.count() > backlog.count(), "nothing came afterwards");
    accepted
}

fn place_of(record: &Record) -> (i32, i64) {
    (record.partition, record.offset)
}

fn the_rates_must_agree(instances: &mut [&mut Service], accepted: &BTreeMap<i32, Vec<Event>>, ends: i64) {
    let options = Options { time_zone: ZONE.to_owned(), activity_days: ACTIVITY_DAYS, windows: WINDOWS.to_vec() };
    let (mut reported, mut differing) = (Vec::new(), Vec::new());
    let mut held = 0;
    for (number, instance) in instances.iter_mut().enumerate() {
        let partitions = scrape(instance).labels("homecoming_watermark_seconds", "partition");
        held += partitions.len();
        let mut rates = last_rates_of(instance);
        let own = accepted.iter().filter(|(partition, _)| partitions.contains(&partition.to_string()));
        let own: Vec<Event> = own.flat_map(|(_, events)| events.clone()).collect();
        let found = differences(&rates, &recount(&own, ends, &options));
        differing.extend(found.into_iter().map(|line| format!("instance {}: {line}", number + 1)));
        // Buckets are no list of months: those of two instances have other places.
        rates["ever"].as_object_mut().map(|ever| ever.remove("pareto_buckets"));
        reported.push(rates);
    }
    assert_eq!(held, PARTITIONS, "each partition is at one instance");
    let everything: Vec<Event> = accepted.values().flatten().cloned().collect();
    let counted = recount(&everything, ends, &options);
    differing.extend(differences(&sum(&reported), &sum(std::slice::from_ref(&counted))));
    assert_eq!(differing, Vec::<String>::new());
    something_must_be_counted(&counted);
}

/// The rates once they no longer change: what ripens moves no offset and says nothing.
fn last_rates_of(instance: &mut Service) -> Value {
    let (mut last, mut same) = (Value::Null, 0);
    instance.wait_until("its rates stand still", |instance| {
        let rates = instance.json("/api/v1/rates");
        same = if rates == last { same + 1 } else { 0 };
        last = rates;
        same >= SAME_LOOKS
    });
    last
}

/// A comparison of nothing with nothing would prove nothing.
fn something_must_be_counted(counted: &Value) {
    let standing = ["retention", "churn", "repeat_purchase", "returning_customers", "returning_orders"];
    let others = ["reactivation", "painless_resolution", "silent_churn", "referral", "contacts_per_ticket"];
    let in_windows = standing.into_iter().chain(others).map(|rate| format!("windows/14d/{rate}"));
    let ripe = ["second_purchase/90d", "service_recovery/painless", "service_recovery/painful"];
    for path in in_windows.chain(ripe.map(str::to_owned)).map(|rate| format!("/{rate}/numerator")) {
        assert!(counted.pointer(&path).and_then(Value::as_i64) > Some(0), "{path}: {counted}");
    }
}
