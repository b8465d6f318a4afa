//! What callers may count on, seen from outside.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

fn opens_at_ms() -> i64 {
    ShopOptions::default().opens_at_ms
}

fn of_all_topics() -> ShopOptions {
    ShopOptions { topics: ShopTopics::ALL, ..ShopOptions::default() }
}

/// What a shop of 20,000 events and 2,000 customers tells in a year.
fn year(seed: u64) -> Vec<ShopEvent> {
    let opens = opens_at_ms();
    Shop::sized(20_000, 2_000, seed, opens, opens + 365 * DAY_MS).collect()
}

fn days(options: &ShopOptions, days: i64) -> impl Iterator<Item = ShopEvent> {
    let until = options.opens_at_ms + days * DAY_MS;
    Shop::new(options).take_while(move |event| event.sent_at_ms < until)
}

fn json(event: &ShopEvent) -> Value {
    serde_json::from_slice(&event.to_json()).unwrap()
}

/// FNV-1a, 64 bits.
fn digest(events: impl Iterator<Item = ShopEvent>) -> u64 {
    events
        .flat_map(|event| event.to_json())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn orders_by_customer(events: &[ShopEvent]) -> BTreeMap<&str, Vec<i64>> {
    let mut orders: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for event in events {
        if let Happening::Purchase(_) = event.happening {
            orders.entry(&event.customer_id).or_default().push(event.at_ms);
        }
    }
    orders
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// A change of these numbers is a change of every simulated shop: say so in the change log.
#[test]
fn the_same_options_tell_the_same_bytes_on_every_machine() {
    let noisy = ShopOptions { duplicates_per_mille: 10, late_per_mille: 20, ..of_all_topics() };
    assert_eq!(digest(Shop::new(&noisy).take(20_000)), 779_717_306_351_085_580);
    assert_eq!(digest(year(1).into_iter()), 1_801_027_461_192_898_098);
    assert_ne!(digest(year(1).into_iter()), digest(year(2).into_iter()));
}

#[test]
fn events_come_in_the_order_in_which_they_happened() {
    let endless = Shop::new(&of_all_topics()).take(20_000);
    for events in [endless.collect::<Vec<_>>(), year(1)] {
        assert!(events.is_sorted_by_key(|event| event.at_ms));
        assert!(events.iter().all(|event| event.at_ms == event.sent_at_ms));
    }
}

#[test]
fn every_event_and_every_order_has_an_id_of_its_own() {
    let events: Vec<_> = Shop::new(&of_all_topics()).take(20_000).collect();
    let ids: BTreeSet<_> = events.iter().map(ShopEvent::event_id).collect();
    assert_eq!(ids.len(), events.len());

    let purchases = events.iter().filter(|event| event.happening.type_name() == "purchase");
    let orders: Vec<_> = purchases.filter_map(ShopEvent::order_id).collect();
    assert_eq!(orders.iter().collect::<BTreeSet<_>>().len(), orders.len());
}

#[test]
fn a_story_does_not_depend_on_who_else_is_there() {
    let stories = |customers| {
        let options = ShopOptions { customers, ..ShopOptions::default() };
        let mut stories: BTreeMap<String, Vec<Happening>> = BTreeMap::new();
        for event in days(&options, 500) {
            stories.entry(event.customer_id).or_default().push(event.happening);
        }
        stories
    };
    let (nearly_alone, in_a_crowd) = (stories(20), stories(2_000));
    let mut compared = 0;
    for (customer, story) in &nearly_alone {
        // Who comes earlier in the crowd gets further in the same story.
        let told_in_both = story.iter().zip(&in_a_crowd[customer]);
        compared += told_in_both.clone().count();
        assert!(told_in_both.clone().all(|(alone, among_many)| alone == among_many), "{customer}");
    }
    assert!(compared > 60, "only {compared} happenings compared");
}

#[test]
fn the_topics_that_are_told_change_nothing_in_the_world() {
    let noisy = ShopOptions { duplicates_per_mille: 10, late_per_mille: 20, ..ShopOptions::default() };
    let all = ShopOptions { topics: ShopTopics::ALL, ..noisy.clone() };
    for topic in ShopTopic::ALL {
        let only = ShopOptions { topics: ShopTopics::only(topic), ..noisy.clone() };
        let alone: Vec<_> = days(&only, 120).collect();
        let among_all: Vec<_> = days(&all, 120).filter(|event| event.topic == topic).collect();
        assert!(alone.len() > 500);
        assert_eq!(alone, among_all);
    }
}

#[test]
fn about_half_buy_once_and_some_come_back_after_a_lapse() {
    let events = year(1);
    assert_eq!(events.len(), 20_000);
    let orders = orders_by_customer(&events);
    assert!((1_950..=2_000).contains(&orders.len()), "{} customers", orders.len());

    let once = orders.values().filter(|orders| orders.len() == 1).count();
    assert!((0.45..0.62).contains(&share(once, orders.len())), "{once} bought once");

    let is_lapse = |from: i64, to: i64| to - from > 90 * DAY_MS;
    let closes_at_ms = opens_at_ms() + 365 * DAY_MS;
    let still_away = orders.values().filter(|orders| is_lapse(orders[orders.len() - 1], closes_at_ms));
    let still_away = still_away.count();
    let back: usize =
        orders.values().map(|orders| orders.windows(2).filter(|gap| is_lapse(gap[0], gap[1])).count()).sum();
    assert!((0.3..0.7).contains(&share(still_away, orders.len())), "{still_away} stayed away");
    assert!((0.05..0.3).contains(&share(back, orders.len())), "{back} came back");

    let mut by_count: Vec<_> = orders.values().map(Vec::len).collect();
    by_count.sort_unstable();
    let of_best_fifth: usize = by_count[by_count.len() * 4 / 5..].iter().sum();
    let of_all: usize = by_count.iter().sum();
    assert!(share(of_best_fifth, of_all) > 0.5, "no heavy tail");
}

#[test]
fn a_shop_has_its_customers_after_180_days_and_gains_more() {
    let options = of_all_topics();
    let events: Vec<_> = days(&options, 360).collect();
    let history = events.partition_point(|event| event.at_ms < options.opens_at_ms + 180 * DAY_MS);
    assert_eq!(orders_by_customer(&events[..history]).len(), 2_000);
    assert_eq!(orders_by_customer(&events).len(), 4_000);

    let live = share(events.len() - history, 180);
    assert!((40.0..120.0).contains(&live), "{live} events a day");
}

#[test]
fn trouble_drives_customers_away_and_refunds_do_not() {
    let options = ShopOptions { customers: 6_000, ..of_all_topics() };
    let events: Vec<_> = days(&options, 400).collect();
    let quarter = options.opens_at_ms + 200 * DAY_MS;
    let mut is_last: BTreeMap<String, bool> = BTreeMap::new();
    let mut last: BTreeMap<&str, String> = BTreeMap::new();
    let (mut refunded, mut opened, mut resolved) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for event in &events {
        let place = event.event_id().rsplit_once('-').unwrap().0.to_owned();
        match event.happening {
            Happening::Purchase(_) => {
                if event.at_ms < quarter {
                    is_last.insert(place.clone(), true);
                }
                if let Some(previous) = last.insert(&event.customer_id, place) {
                    is_last.entry(previous).and_modify(|is_last| *is_last = false);
                }
            }
            Happening::Refund { .. } => drop(refunded.insert(place)),
            Happening::TicketOpened { .. } => drop(opened.insert(place)),
            Happening::TicketResolved => drop(resolved.insert(place)),
            _ => {}
        }
    }
    let leaving = |chosen: &dyn Fn(&String) -> bool| {
        let of_chosen: Vec<_> = is_last.iter().filter(|(order, _)| chosen(order)).collect();
        share(of_chosen.iter().filter(|(_, last)| **last).count(), of_chosen.len())
    };
    let calm = leaving(&|order| !opened.contains(order) && !refunded.contains(order));
    let after_refund = leaving(&|order| !opened.contains(order) && refunded.contains(order));
    let unresolved = leaving(&|order| opened.contains(order) && !resolved.contains(order));
    let settled = leaving(&|order| resolved.contains(order));
    assert!((after_refund - calm).abs() < 0.06, "refund {after_refund}, calm {calm}");
    assert!(unresolved > calm + 0.1, "unresolved {unresolved}, calm {calm}");
    assert!(unresolved > settled + 0.1, "unresolved {unresolved}, settled {settled}");
}

#[test]
fn nobody_is_written_to_without_permission() {
    let mut granted: BTreeMap<(String, String), bool> = BTreeMap::new();
    let (mut sent, mut withdrawn) = (0, 0);
    for event in days(&of_all_topics(), 400) {
        let record = json(&event);
        let over = || {
            let channel = record["channel"].as_str().unwrap().to_owned();
            (event.customer_id.clone(), channel)
        };
        match event.happening {
            Happening::ConsentChanged { granted: now, .. } => {
                let before = granted.insert(over(), now);
                withdrawn += u32::from(before == Some(true) && !now);
            }
            Happening::ContactSent { .. } => {
                assert_eq!(granted.get(&over()), Some(&true), "{record}");
                sent += 1;
            }
            _ => {}
        }
    }
    assert!(sent > 1_000 && withdrawn > 50, "{sent} sent, {withdrawn} withdrawn");
}

#[test]
fn a_ticket_is_opened_before_anything_else_happens_to_it() {
    let mut is_open: BTreeMap<String, bool> = BTreeMap::new();
    for event in days(&of_all_topics(), 300) {
        let Some(ticket) = event.ticket_id() else {
            continue;
        };
        let was_open = is_open.get(&ticket).copied();
        match event.happening {
            Happening::TicketOpened { .. } => {
                assert_eq!(was_open, None);
                is_open.insert(ticket, true);
            }
            Happening::TicketResolved => {
                assert_eq!(was_open, Some(true));
                is_open.insert(ticket, false);
            }
            Happening::TicketReopened => {
                assert_eq!(was_open, Some(false));
                is_open.insert(ticket, true);
            }
            _ => assert!(was_open.is_some()),
        }
    }
}

#[test]
fn json_is_what_the_contract_says() {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut optional: BTreeSet<String> = BTreeSet::new();
    for event in Shop::new(&of_all_topics()).take(30_000) {
        let record = json(&event);
        let kind = record["type"].as_str().unwrap().to_owned();
        for field in ["event_id", "customer_id", "occurred_at"].iter().chain(required(&kind)) {
            assert!(!record[field].is_null(), "{field} is missing: {record}");
        }
        assert_eq!(record["customer_id"], event.customer_id.as_str());
        let occurred_at = record["occurred_at"].as_str().unwrap();
        assert!(occurred_at.len() == 24 && occurred_at.ends_with('Z'), "{record}");
        assert_money(&record);
        assert_score(&record);
        let fields = record.as_object().unwrap().keys();
        optional.extend(fields.map(|field| format!("{kind}.{field}")));
        *seen.entry(kind).or_default() += 1;
    }
    assert_eq!(seen.len(), 10, "{seen:?}");
    for field in [
        "purchase.items",
        "purchase.channel",
        "purchase.discount",
        "purchase.referred_by",
        "refund.reason",
        "ticket_opened.category",
        "ticket_opened.order_id",
        "customer_contacted.channel",
        "feedback.ticket_id",
        "contact_sent.contact_id",
        "review_held.opportunity",
        "review_held.competitor_mentioned",
    ] {
        assert!(optional.contains(field), "never a {field}");
    }
}

fn required(kind: &str) -> &'static [&'static str] {
    match kind {
        "purchase" | "refund" => &["order_id", "amount", "currency"],
        "ticket_opened" | "customer_contacted" | "ticket_resolved" | "ticket_reopened" => &["ticket_id"],
        "feedback" => &["scale", "score"],
        "consent_changed" => &["channel", "granted"],
        "contact_sent" => &["channel", "purpose"],
        "review_held" => &[],
        other => panic!("the contract has no {other}"),
    }
}

/// Minor units of an amount, which has as many decimals as its currency.
fn minor_units(amount: &Value, currency: &str) -> u64 {
    let text = amount.as_str().unwrap();
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    assert_eq!(decimals, if currency == "JPY" { 0 } else { 2 }, "{text} {currency}");
    text.replace('.', "").parse().unwrap()
}

fn assert_money(record: &Value) {
    let Some(currency) = record["currency"].as_str() else {
        return;
    };
    assert!(["EUR", "USD", "JPY"].contains(&currency));
    let amount = minor_units(&record["amount"], currency);
    assert!(amount > 0, "{record}");
    if let Some(items) = record["items"].as_array() {
        let of_items = items.iter().map(|item| minor_units(&item["amount"], currency));
        assert_eq!(of_items.sum::<u64>(), amount, "{record}");
        assert!(items.iter().all(|item| item["quantity"].as_u64() >= Some(1)));
    }
}

fn assert_score(record: &Value) {
    let Some(scale) = record["scale"].as_str() else {
        return;
    };
    let score = record["score"].as_u64().unwrap();
    let range = match scale {
        "csat" => 1..=5,
        "ces" => 1..=7,
        "nps" => 0..=10,
        other => panic!("the contract has no {other}"),
    };
    assert!(range.contains(&score), "{record}");
}

#[test]
fn noise_repeats_and_delays_by_less_than_an_hour() {
    let noisy = ShopOptions { duplicates_per_mille: 50, late_per_mille: 100, ..of_all_topics() };
    let events: Vec<_> = days(&noisy, 180).collect();
    assert!(events.is_sorted_by_key(|event| event.sent_at_ms));
    assert!(events.iter().all(|event| (0..HOUR_MS).contains(&(event.sent_at_ms - event.at_ms))));

    let once: BTreeMap<_, _> = events.iter().map(|event| (event.event_id(), event.to_json())).collect();
    assert!(events.iter().all(|event| once[&event.event_id()] == event.to_json()));
    let twice = share(events.len() - once.len(), once.len());
    assert!((0.03..0.07).contains(&twice), "{twice} are sent twice");
    let late = events.iter().filter(|event| event.sent_at_ms > event.at_ms).count();
    assert!((0.1..0.2).contains(&share(late, events.len())), "{late} are late or again");

    let quiet: BTreeSet<_> = days(&of_all_topics(), 179).map(|event| event.to_json()).collect();
    let told: BTreeSet<_> = once.into_values().collect();
    assert!(quiet.is_subset(&told), "noise changed the world");
}

#[test]
fn a_shop_opens_at_either_end_of_time() {
    for opens_at_ms in [i64::MIN, 0, i64::MAX] {
        let options = ShopOptions { customers: u32::MAX, opens_at_ms, ..of_all_topics() };
        for event in Shop::new(&options).take(50).chain(Shop::sized_by(&options, 50, opens_at_ms)) {
            let year: u32 = json(&event)["occurred_at"].as_str().unwrap()[..4].parse().unwrap();
            assert!((1990..=9999).contains(&year));
        }
        assert_eq!(Shop::sized_by(&options, 50, opens_at_ms).count(), 50);
    }
}

fn any_topics() -> impl Strategy<Value = ShopTopics> {
    prop_oneof![
        Just(ShopTopics::default()),
        Just(ShopTopics::only(ShopTopic::Support)),
        Just(ShopTopics::only(ShopTopic::Contacts)),
        Just(ShopTopics::ALL),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_sized_shop_gives_exactly_what_was_asked_for(
        events in 0..1_500_u64,
        customers in 0..400_u32,
        seed in any::<u64>(),
        opens_in_ms in 0..30 * DAY_MS,
        span_ms in prop_oneof![1..100_i64, 1..DAY_MS, DAY_MS..400 * DAY_MS],
        topics in any_topics(),
        noise in 0..60_u16,
    ) {
        let options = ShopOptions {
            customers,
            seed,
            opens_at_ms: opens_at_ms() + opens_in_ms,
            topics,
            duplicates_per_mille: noise,
            late_per_mille: noise,
        };
        let closes_at_ms = options.opens_at_ms + span_ms;
        let told: Vec<_> = Shop::sized_by(&options, events, closes_at_ms).collect();
        prop_assert_eq!(told.len() as u64, events);
        prop_assert!(told.is_sorted_by_key(|event| event.sent_at_ms));
        prop_assert!(told.iter().all(|event| (options.opens_at_ms..closes_at_ms).contains(&event.at_ms)));
        prop_assert!(told.iter().all(|event| topics.has(event.topic)));
        let who: BTreeSet<_> = told.iter().map(|event| &event.customer_id).collect();
        prop_assert!(who.len() as u32 <= customers.max(1));
    }
}
