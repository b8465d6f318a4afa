//! What is counted: the worked examples, and customers who do more than is remembered of them.

use std::sync::Arc;

use homecoming::domain::time::DAY_MS;
use homecoming::domain::{Amount, Currency, CustomerId, EventId, EventTime, OrderId, Policy};
use homecoming::engine::tallies::{Class, Figures, Ratio, Section, WindowFigures};
use homecoming::engine::{Committed, Event, Happening, Partition};
use homecoming::store::{Nobody, PartitionStore};
use homecoming::telemetry::Metrics;
use homecoming::wire::tallies_record;

/// 2026-01-01.
const START: i64 = 1_767_225_600_000;

fn at(days: f64) -> EventTime {
    EventTime::from_millis(START + (days * DAY_MS as f64) as i64)
}

fn eur() -> Currency {
    Currency::from_code("EUR").expect("a currency")
}

fn event(customer: &str, id: &str, at: EventTime, what: impl FnOnce(OrderId, Amount) -> Happening) -> Event {
    let order = OrderId::new(id).expect("a valid id");
    Event {
        customer: CustomerId::new(customer).expect("a valid id"),
        id: EventId::new(&format!("{id} {}", at.millis())).expect("a valid id"),
        at,
        what: what(order, Amount::from_minor(1000, eur())),
    }
}

fn order(customer: &str, id: &str, days: f64) -> Event {
    event(customer, id, at(days), |order, amount| Happening::Purchased { order, amount, referred: false })
}

fn refund(customer: &str, id: &str, days: f64) -> Event {
    event(customer, id, at(days), |order, amount| Happening::Refunded { order, amount })
}

fn tell<C: Committed>(partition: &mut Partition<C>, events: &[Event], until: EventTime) {
    for event in events {
        partition.apply(event, &mut Vec::new());
    }
    while partition.advance(until, 1000, &mut Vec::new()) {}
}

fn figures<C: Committed>(partition: &Partition<C>, windows: &[u32]) -> Figures {
    let counts = partition.tallies().counts();
    Figures::of(*partition.totals(), &counts, Some(partition.time()), windows, partition.policy())
}

fn window(events: &[Event], until: f64, days: u32) -> WindowFigures {
    let mut partition = Partition::new(Arc::new(Policy::default()), Nobody);
    tell(&mut partition, events, at(until));
    figures(&partition, &[days]).windows[&days].clone()
}

fn ratio(numerator: i128, denominator: i128) -> Ratio {
    Ratio { numerator, denominator }
}

/// 20 active at the start, 8 lost, 9 new; then 3 of the lost come back, and 4 who had lapsed before.
#[test]
fn retention_is_what_the_worked_example_says() {
    // The window is the 30 days 90 to 119; who ordered on day 10 lapses on day 100, who ordered on day 60 does not.
    let mut events: Vec<Event> = (0..8).map(|n| order(&format!("lost {n}"), "a", 10.0)).collect();
    events.extend((0..12).map(|n| order(&format!("stays {n}"), "a", 60.0)));
    events.extend((0..4).map(|n| order(&format!("long gone {n}"), "a", -20.0)));
    events.extend((0..9).map(|n| order(&format!("new {n}"), "a", 95.0)));
    events.sort_by_key(|event| event.at);
    let told = window(&events, 119.5, 30);
    assert_eq!((told.retention(), told.churn()), (ratio(12, 20), ratio(8, 20)));

    events.extend((0..3).map(|n| order(&format!("lost {n}"), "b", 110.0)));
    events.extend((0..4).map(|n| order(&format!("long gone {n}"), "b", 110.0)));
    let told = window(&events, 119.5, 30);
    assert_eq!((told.retention(), told.churn()), (ratio(15, 20), ratio(5, 20)));
}

#[test]
fn a_hundred_of_three_hundred_is_a_third() {
    let first = (0..300).map(|n| order(&format!("c {n}"), "a", 1.0));
    let again = (0..100).map(|n| order(&format!("c {n}"), "b", 2.0));
    let told = window(&first.chain(again).collect::<Vec<_>>(), 2.5, 7);
    assert_eq!(told.repeat_purchase(), ratio(100, 300));
    assert_eq!(told.returning_customers(), ratio(100, 300));
    assert_eq!(told.returning_orders(), ratio(100, 400));
}

/// At the very instant of a window's start: an order belongs to the window, a run that ends there is still one.
#[test]
fn a_windows_first_instant() {
    // The window of 30 days up to day 119 starts with day 90.
    let ends_there = order("ends there", "a", 0.0);
    let begins_there = order("begins there", "a", 90.0);
    let before = order("before", "a", 89.999);
    let told = window(&[ends_there, before, begins_there], 119.5, 30);
    assert_eq!(told.retention(), ratio(1, 2));
    assert_eq!(told.referral(), ratio(0, 1));
}

/// A refund follows its order, whichever came first, and when its order turns out not to be the first.
#[test]
fn a_refund_has_the_class_of_its_order() {
    let net = |events: &[Event]| {
        let told = window(events, 9.5, 30);
        let sums = told.money.get(&eur()).copied().unwrap_or_default();
        [Class::New, Class::Returning, Class::Unknown].map(|class| sums[class as usize].net)
    };
    let (first, second) = (order("ana", "a", 1.0), order("ana", "b", 3.0));
    let (back, earlier) = (refund("ana", "b", 4.0), order("ana", "z", 0.5));
    assert_eq!(net(std::slice::from_ref(&back)), [0, 0, -1000]);
    assert_eq!(net(&[back.clone(), second.clone()]), [0, 0, 0]);
    assert_eq!(net(&[back.clone(), second.clone(), first.clone()]), [1000, 0, 0]);
    assert_eq!(net(&[first, back, second, earlier]), [1000, 1000, 0]);
}

/// A shop in the customers' committed bytes, as the service keeps it.
fn committed(
    events: &[Event],
    until: EventTime,
) -> (Arc<PartitionStore>, Partition<Arc<PartitionStore>>, Vec<Section>) {
    let store = Arc::new(PartitionStore::default());
    let mut partition = Partition::new(Arc::new(Policy::default()), Arc::clone(&store));
    let mut sections = std::collections::BTreeMap::new();
    for event in events {
        tell(&mut partition, std::slice::from_ref(event), event.at);
        commit(&mut partition, &store, &mut sections);
    }
    tell(&mut partition, &[], until);
    commit(&mut partition, &store, &mut sections);
    (store, partition, sections.into_values().collect())
}

fn commit(
    partition: &mut Partition<Arc<PartitionStore>>,
    store: &PartitionStore,
    sections: &mut std::collections::BTreeMap<i32, Section>,
) {
    store.take_over(partition.take_changes());
    for section in partition.changed_sections() {
        match tallies_record::encode(&section) {
            Some(bytes) => {
                sections.insert(section.at, tallies_record::decode(section.at, &bytes).expect("just written"));
            }
            None => drop(sections.remove(&section.at)),
        }
    }
    partition.confirm();
}

fn restarted(store: &Arc<PartitionStore>, sections: Vec<Section>, time: EventTime) -> Partition<Arc<PartitionStore>> {
    let mut partition = Partition::new(Arc::new(Policy::default()), Arc::clone(store));
    partition.resume(time);
    partition.recall_settled(sections);
    store.for_each(|id, customer| partition.recall(id, customer));
    partition
}

/// A shop that lets its customers be silent for longer from now on: whoever has not lapsed by the new rule is active, as if it
/// had held all along; also when the batch in which that would be stored is dropped and begun anew.
#[test]
fn who_has_not_lapsed_by_a_longer_horizon_is_active_again() {
    let events = [order("ana", "a", 0.0), order("ben", "b", 50.0), order("cid", "c", 10.0), order("cid", "d", 70.0)];
    let policy = |days| Arc::new(Policy { activity_horizon_days: days, ..Policy::default() });
    let told = |partition: &Partition<_>| {
        let figures = figures(partition, &[30]);
        let window = &figures.windows[&30];
        (partition.totals().active(), window.retention(), window.churn(), window.returning_customers())
    };
    let store = Arc::new(PartitionStore::default());
    let mut short = Partition::new(policy(60), Arc::clone(&store));
    tell(&mut short, &events, at(115.0));
    assert_eq!(short.totals().active(), 1, "ana and ben have lapsed");
    commit(&mut short, &store, &mut Default::default());

    let mut long = Partition::new(policy(90), Arc::clone(&store));
    long.resume(short.time());
    store.for_each(|id, customer| long.recall(id, customer));
    let mut fresh = Partition::new(policy(90), Arc::new(PartitionStore::default()));
    tell(&mut fresh, &events, at(115.0));
    for when in ["at the start", "after an abort"] {
        store.for_each(|id, _| long.reconsider(id));
        assert_eq!(told(&long), told(&fresh), "{when}");
        long.undo();
    }
    store.for_each(|id, _| long.reconsider(id));
    commit(&mut long, &store, &mut Default::default());
    for partition in [&mut long, &mut fresh] {
        tell(partition, &[], at(141.0));
    }
    assert_eq!(told(&long), told(&fresh), "once ben has lapsed by the new rule too");
    assert_eq!(long.totals().active(), 1);
}

/// 700 orders in 70 days: no order leaves the counts because it leaves the memory, before a restart and after it.
#[test]
fn more_orders_than_are_remembered_are_all_counted() {
    let mut events: Vec<Event> = (0..700).map(|n| order("ana", &format!("o-{n}"), 0.1 * f64::from(n))).collect();
    // Late ones: into what is remembered, into what is not, and before all.
    events.push(order("ana", "late", 60.05));
    events.push(order("ana", "later", 20.05));
    events.push(order("ana", "before all", -1.0));
    events.extend((0..70).map(|n| refund("ana", &format!("o-{n}"), 61.0 + 0.1 * f64::from(n))));
    events.push(refund("ana", "before all", 69.95));
    let (store, partition, sections) = committed(&events, at(69.95));
    let again = restarted(&store, sections, partition.time());
    for partition in [&partition, &again] {
        let told = figures(partition, &[90]);
        let window = &told.windows[&90];
        let sums = window.money[&eur()];
        assert_eq!(window.returning_orders(), ratio(702, 703));
        assert_eq!(sums.map(|sum| sum.net).iter().sum::<i128>(), 703_000 - 71_000);
        assert_eq!(sums[Class::New as usize].net, 0, "the first order went back");
        assert_eq!(window.retention(), ratio(0, 0), "nobody was active before");
        assert_eq!(told.second_days, [1, 0, 0, 0, 0, 0, 0, 0]);
    }
    assert_eq!(partition.tallies().counts(), again.tallies().counts());
}

/// What stays of a customer who is erased: orders, money and what had matured. Nobody is counted.
#[test]
fn who_is_erased_leaves_sums_without_a_name() {
    let mut events = vec![order("ana", "a", 0.0), order("ana", "b", 95.0), order("ben", "a", 100.0)];
    events.push(event("ana", "gone", at(101.0), |_, _| Happening::Erased));
    let (store, partition, sections) = committed(&events, at(101.5));
    let again = restarted(&store, sections, partition.time());
    for partition in [&partition, &again] {
        let told = figures(partition, &[30]);
        let window = &told.windows[&30];
        assert_eq!(window.returning_orders(), ratio(1, 2));
        assert_eq!(window.money[&eur()].map(|sum| sum.net), [1000, 1000, 0]);
        assert_eq!(window.silent_churn, ratio(1, 1));
        assert_eq!((window.retention(), window.repeat_purchase()), (ratio(0, 0), ratio(0, 1)));
        assert_eq!(told.cohorts().map(|(_, ordered)| ordered[0]).sum::<i128>(), 1);
        assert_eq!(told.awaited.iter().sum::<i128>(), 0, "what had not matured never will");
    }
}

/// Days that the rings reach back to no more are let go of, in memory and in what is stored.
#[test]
fn old_days_are_let_go_of() {
    let mut events: Vec<Event> = (0..20).map(|n| order(&format!("c {n}"), "a", f64::from(n))).collect();
    events.extend((0..20).map(|n| event(&format!("c {n}"), "gone", at(30.0 + f64::from(n)), |_, _| Happening::Erased)));
    let (_, early, sections) = committed(&events, at(60.0));
    assert!(sections.iter().filter(|section| section.at > 0).count() >= 20, "{sections:?}");
    let (_, late, sections) = committed(&events, at(600.0));
    assert_eq!(sections, []);
    assert!(late.tallies().counts().iter().count() < early.tallies().counts().iter().count() / 4);
}

/// As many series for thousands of customers as for a few.
#[test]
fn the_number_of_series_does_not_grow_with_customers() {
    let series = |customers: u32| {
        let partitions = Arc::new(homecoming::store::Partitions::default());
        let metrics = Metrics::new(Arc::clone(&partitions), Arc::new(Policy::default()), vec![7, 30, 90]);
        let mut partition = Partition::new(Arc::new(Policy::default()), Nobody);
        let when = |n: u32| f64::from(n) * 340.0 / f64::from(customers);
        let events: Vec<Event> = (0..customers).map(|n| order(&format!("c {n}"), "a", when(n))).collect();
        tell(&mut partition, &events, at(340.0));
        let (counts, totals) = (Arc::new(partition.tallies().counts()), *partition.totals());
        partitions.open(0).show(|seen| {
            (seen.counts, seen.totals, seen.counted_at) = (counts, totals, Some(partition.time()));
        });
        let text = metrics.text();
        let of_rates = text.lines().filter(|line| !line.starts_with('#'));
        of_rates.map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let few = series(60);
    assert_eq!(few, series(3000));
    for name in ["homecoming_rate_numerator{rate=\"retention\",window=\"30d\"}", "homecoming_cohort_ordered{age=\"11\""]
    {
        assert!(few.iter().any(|series| series.starts_with(name)), "{name} is missing");
    }
}
