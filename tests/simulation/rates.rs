//! The rates of every partition at work, against a recount of what its inputs hold: `tests/recount`, which shares no
//! code with the service.

use std::collections::BTreeMap;

use homecoming::domain::Policy;
use homecoming::domain::time::Day;
use homecoming::engine::tallies::Figures;
use homecoming::store::PartitionStore;
use homecoming::wire::rates::Rates;
use homecoming::wire::state_key::StateKey;
use homecoming::wire::{Source, day_record};
use serde_json::{Map, Value};

use crate::plan::ACTIVITY_DAYS;
use crate::recount::{Event, Options, What, differences, json_lines, recount};
use crate::shop::Shop;
use crate::topics::Topic;
use crate::world::Sim;

/// Days, none longer than the activity horizon.
const WINDOWS: [u32; 3] = [1, 5, 12];

/// What the recount takes for the memory of resolutions, in days.
const RECOVERY_DAYS: i64 = 60;

/// Looks at the counts of every partition, once all is at rest and time has come to the same instant everywhere or
/// beyond.
pub fn audit(sim: &mut Sim, shop: &Shop, time_ms: i64) {
    let policy = sim.plan.policy();
    let living = sim.processes.iter().filter(|(id, _)| !sim.has_ended(**id));
    let stores: Vec<_> = living.flat_map(|(_, process)| process.partitions.all()).collect();
    let (mut complaints, mut compared) = (Vec::new(), Vec::new());
    for (partition, store) in stores {
        let at = store.seen().counted_at.map_or(i64::MIN, |at| at.millis());
        // A wall clock may have been further already.
        if at < time_ms || !sim.plan.wall_clock && at != time_ms {
            complaints.push(format!("partition {partition}: counted as of {at}, but time is {time_ms}"));
            continue;
        }
        let events = accepted(sim, partition);
        complaints.extend(
            days(sim, partition, &store, &policy).into_iter().map(|line| format!("partition {partition}: {line}")),
        );
        // Who is erased while their events come out of order: what of them goes depends on when it was read.
        if events.iter().any(|event| matches!(event.what, What::Erased) && shop.messy.contains(&event.customer)) {
            compared.push("not recounted");
            continue;
        }
        compared.push("recounted");
        let differing = differing(&store, &policy, &events, at);
        complaints.extend(differing.into_iter().map(|line| format!("partition {partition} at {at}: {line}")));
    }
    let now = sim.now;
    compared.into_iter().for_each(|what| sim.story.count(what));
    complaints.into_iter().for_each(|complaint| sim.story.complain(now, complaint));
}

/// Every day from the first one on has an end that is shown, and stored as it is shown: none was lost or told twice.
fn days(sim: &mut Sim, partition: i32, store: &PartitionStore, policy: &Policy) -> Vec<String> {
    let (seen, mut wrong) = (store.seen(), Vec::new());
    let stored = sim.broker.log(Topic::State, partition).folded();
    let stored: BTreeMap<Day, Vec<u8>> = stored
        .into_iter()
        .filter_map(|(key, value)| match StateKey::decode(&key) {
            Some(StateKey::DayEnd(day)) => Some((day, value?)),
            _ => None,
        })
        .collect();
    let shown: BTreeMap<Day, Vec<u8>> =
        seen.days.iter().map(|(day, rates)| (*day, day_record::encode(rates))).collect();
    if stored != shown {
        wrong.push(format!("days are shown that are not stored, or others: {:?}, {:?}", shown.keys(), stored.keys()));
    }
    let yesterday = seen.time.map(|time| Day(policy.calendar.day_of(time).0 - 1));
    if let Some((first, last)) = shown.keys().next().zip(yesterday) {
        let missing = (first.0..=last.0).map(Day).find(|day| !shown.contains_key(day));
        wrong.extend(missing.map(|day| format!("the end of {day} is missing")));
        sim.story.count("days ended");
    }
    if shown.keys().next_back() > yesterday.as_ref() {
        wrong.push(format!("a day has ended after {yesterday:?}"));
    }
    wrong
}

/// What a partition's inputs hold and a shop may write, in the order of event time: that of arrival for everybody whose
/// events come in order, and of no account for the others.
fn accepted(sim: &Sim, partition: i32) -> Vec<Event> {
    let mut lines = String::new();
    for source in Source::ALL {
        for (_, record) in sim.broker.log(Topic::Input(source), partition).committed_from(0) {
            let line = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default());
            // Every mistake of this shop leaves out the id.
            if line.contains(r#""event_id""#) {
                lines += &line;
                lines += "\n";
            }
        }
    }
    let mut events = json_lines(&lines);
    events.sort_by_key(|event| event.at);
    events
}

fn differing(store: &PartitionStore, policy: &Policy, events: &[Event], at: i64) -> Vec<String> {
    let seen = store.seen();
    let figures = Figures::of(seen.totals, &seen.counts, seen.counted_at, &WINDOWS, policy);
    let told = Rates::new(&figures, "UTC", &format!("{ACTIVITY_DAYS}d"));
    let mut told = serde_json::to_value(told).expect("rates are JSON");
    let options = Options {
        time_zone: "UTC".to_owned(),
        activity_days: i64::from(ACTIVITY_DAYS),
        windows: WINDOWS.map(i64::from).to_vec(),
    };
    let mut counted = recount(events, at, &options);
    if policy.memory.millis() != RECOVERY_DAYS * 86_400_000 {
        for rates in [&mut told, &mut counted] {
            rates.as_object_mut().map(|rates: &mut Map<String, Value>| rates.remove("service_recovery"));
        }
    }
    differences(&told, &counted)
}
