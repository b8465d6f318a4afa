//! The rates at the end of each business day: what an answer would have said then, whatever happened to batches.

use std::collections::BTreeMap;
use std::sync::Arc;

use homecoming::domain::time::Day;
use homecoming::domain::{Policy, Span};
use homecoming::engine::tallies::{Figures, Ratio};
use homecoming::engine::{DAYS_KEPT, Event};
use homecoming::store::{PartitionStore, Partitions};
use homecoming::wire::day_record;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::shop::{buys, day, drawn, history};
use crate::stage::{Api, Work};

const LATENESS: Span = Span::from_millis(3_600_000);

#[derive(Clone, Copy, Debug)]
enum Ending {
    Goes,
    Committed,
    Undone,
    Restarted,
}

/// Batches of so many events that end like this; at most so many moments of customers at a time.
type Batch = (usize, Ending, usize);

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let ending = select(vec![Ending::Goes, Ending::Committed, Ending::Committed, Ending::Undone, Ending::Restarted]);
    vec((1..9usize, ending, select(vec![1, 2, 1000])), 1..30)
}

/// Reads a history as the service does, time an hour behind; what was undone or lost is read again.
fn read(work: &mut Work, events: &[Event], batches: &[Batch]) {
    let (mut read, mut committed, mut rounds) = (0, 0, 0);
    let mut batches = batches.iter().cycle();
    while committed < events.len() {
        let (size, ending, limit) = *batches.next().expect("there are some");
        // What was cut off goes first: an event that came in between would be in the days before it.
        let time = work.engine.time();
        work.time_is(time);
        for event in &events[read..events.len().min(read + size)] {
            work.apply(event);
            read += 1;
            while work.advance(event.at - LATENESS, limit) {
                // A batch may end before all that is due has fired, and that may be the last that happens.
                work.commit();
                committed = read;
                if limit == 1 {
                    work.restart();
                }
            }
        }
        rounds += 1;
        match if rounds > 500 { Ending::Committed } else { ending } {
            Ending::Goes => {}
            Ending::Committed => {
                work.commit();
                committed = read;
            }
            Ending::Undone => {
                work.engine.undo();
                read = committed;
            }
            Ending::Restarted => {
                work.restart();
                read = committed;
            }
        }
    }
    let time = work.engine.time();
    work.time_is(time);
    work.commit();
}

/// What an answer says at the end of each day, somebody asking each time: slowly, and by other means.
fn asked_each_day(policy: &Arc<Policy>, events: &[Event]) -> BTreeMap<Day, Vec<u8>> {
    let mut work = Work::new(policy, Arc::new(PartitionStore::default()));
    let mut told = BTreeMap::new();
    let mut today: Option<Day> = None;
    for event in events {
        work.apply(event);
        let now = event.at - LATENESS;
        let mut asked = *today.get_or_insert(policy.calendar.day_of(now));
        while asked < policy.calendar.day_of(now) {
            let midnight = policy.calendar.begin_of(Day(asked.0 + 1));
            work.time_is(midnight);
            let last = midnight - Span::from_millis(1);
            let counts = work.engine.tallies().counts();
            let figures = Figures::of(*work.engine.totals(), &counts, Some(last), &policy.windows, policy);
            let rates = figures.windows.iter().map(|(window, figures)| {
                let ratio = |ratio: Ratio| (ratio.numerator as i64, ratio.denominator as i64);
                let ratios = [
                    figures.retention(),
                    figures.repeat_purchase(),
                    figures.returning_customers(),
                    figures.returning_orders(),
                ];
                homecoming::engine::WindowRates { window: *window, ratios: ratios.map(ratio) }
            });
            told.insert(asked, day_record::encode(&rates.collect()));
            asked = Day(asked.0 + 1);
        }
        today = Some(asked);
        work.time_is(now);
    }
    let floor = today.map_or(i32::MIN, |today| today.0 - DAYS_KEPT);
    told.retain(|day, _| day.0 >= floor);
    told
}

proptest! {
    #![proptest_config(drawn(80))]

    /// No day is lost or told twice or in another way, wherever batches end, whatever is undone and when it restarts.
    #[test]
    fn each_day_s_end_is_kept_as_it_was(events in history(5, 1..60, 1), batches in batches()) {
        let policy = Arc::new(Policy::default());
        let mut work = Work::new(&policy, Arc::new(PartitionStore::default()));
        read(&mut work, &events, &batches);
        let expected = asked_each_day(&policy, &events);
        let kept = work.engine.days().iter().map(|(day, rates)| (*day, day_record::encode(rates)));
        prop_assert!(kept.collect::<BTreeMap<_, _>>() == work.days, "what is shown is what is stored");
        prop_assert_eq!(work.days.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        let differs = expected.iter().find(|(day, rates)| work.days.get(day) != Some(rates));
        prop_assert_eq!(differs.map(|(day, rates)| (day.to_string(), rates, &work.days[day])), None);
    }
}

#[test]
fn a_long_silence_keeps_the_days_that_are_kept_and_no_more() {
    let policy = Arc::new(Policy::default());
    let mut work = Work::new(&policy, Arc::new(PartitionStore::default()));
    work.apply(&buys("ana", 0.5, "10", "EUR"));
    work.time_is(day(0.5));
    work.time_is(day(2.0));
    work.commit();
    assert_eq!(work.days.len(), 2);
    work.time_is(day(3_000.5));
    work.commit();
    assert_eq!(work.days.len(), DAYS_KEPT as usize, "those before are dropped where they are stored, too");
    let last = work.days.keys().last().expect("some days");
    assert_eq!(last.to_string(), "2034-03-19", "yesterday");
    assert_eq!(work.engine.days().len(), DAYS_KEPT as usize);
}

#[test]
fn a_window_s_history_is_summed_over_the_partitions_that_have_a_day() {
    let (policy, partitions) = (Arc::new(Policy::default()), Arc::new(Partitions::default()));
    let api = Api::over(&partitions, &policy);
    let empty = json!({"window": "30d", "time_zone": "UTC", "partitions": [], "days": []});
    assert_eq!(api.answer("/api/v1/rates/history"), empty);
    // One whose time has not begun counts for nothing, and holds up nobody.
    let mut waiting = Work::new(&policy, partitions.open(9));
    waiting.commit();
    for (partition, first) in [(0, 1.5), (1, 3.5)] {
        let mut work = Work::new(&policy, partitions.open(partition));
        for event in
            [buys("ana", first, "10", "EUR"), buys("ben", first, "10", "EUR"), buys("ana", first + 1.0, "1", "EUR")]
        {
            work.time_is(event.at);
            work.apply(&event);
        }
        work.time_is(day(6.0));
        work.commit();
    }
    let told = api.answer("/api/v1/rates/history?window=7d");
    assert_eq!((&told["window"], &told["partitions"]), (&json!("7d"), &json!([0, 1])));
    let days = told["days"].as_array().expect("days");
    let names: Vec<_> = days.iter().map(|day| day["day"].as_str().expect("a day")).collect();
    assert_eq!(names, ["2026-01-04", "2026-01-05", "2026-01-06"], "the first that both have to yesterday");
    let ratio = |day: &Value, rate: &str| (day[rate]["numerator"].as_i64(), day[rate]["denominator"].as_i64());
    assert_eq!(ratio(&days[0], "returning_customers"), (Some(1), Some(4)));
    assert_eq!(ratio(&days[1], "returning_customers"), (Some(2), Some(4)));
    assert_eq!(ratio(&days[1], "returning_orders"), (Some(2), Some(6)));
    assert_eq!(ratio(&days[1], "repeat_purchase"), (Some(2), Some(4)));
    assert_eq!(ratio(&days[1], "retention"), (Some(0), Some(0)));
    assert!(api.refusal("/api/v1/rates/history?window=30").contains("7d, 30d, 90d"));
    assert!(api.refusal("/api/v1/rates/history?days=30").contains("window"));
}
