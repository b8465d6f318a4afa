//! Cohorts, lifecycle and the second purchase.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::calendar::{Calendar, DAY_MS, month_name};
use super::lives::Life;
use super::report::ratio;

/// Months that are told, that of `at` included.
const MONTHS: i64 = 48;
const SECOND_WITHIN_DAYS: [i64; 4] = [30, 60, 90, 180];

/// The months in which each customer ordered.
fn months(lives: &[Life], calendar: &Calendar) -> Vec<BTreeSet<i64>> {
    let known = lives.iter().filter(|life| !life.is_erased() && !life.orders.is_empty());
    known.map(|life| life.orders.iter().map(|order| calendar.month(order.at)).collect()).collect()
}

/// Customers by the month they were first seen, and in which months since they ordered.
pub fn cohorts(lives: &[Life], calendar: &Calendar, at: i64) -> Value {
    let (customers, last) = (months(lives, calendar), calendar.month(at));
    let cohort = |month: i64| {
        let members: Vec<_> = customers.iter().filter(|months| months.first() == Some(&month)).collect();
        let ordered: Vec<usize> =
            (month..=last).map(|later| members.iter().filter(|months| months.contains(&later)).count()).collect();
        (!members.is_empty())
            .then(|| json!({"month": month_name(month), "customers": members.len(), "ordered": ordered}))
    };
    (last - MONTHS + 1..=last).filter_map(cohort).collect()
}

/// Customers by what a month was to them.
pub fn lifecycle(lives: &[Life], calendar: &Calendar, at: i64) -> Value {
    let (customers, last) = (months(lives, calendar), calendar.month(at));
    let first = customers.iter().filter_map(|months| months.first()).min().map_or(last, |first| *first);
    let told = |month: i64| {
        let [mut new, mut returning, mut resurrecting, mut dormant] = [0; 4];
        for months in &customers {
            match (months.contains(&month), months.contains(&(month - 1))) {
                (true, _) if months.first() == Some(&month) => new += 1,
                (true, true) => returning += 1,
                (true, false) => resurrecting += 1,
                (false, true) => dormant += 1,
                (false, false) => {}
            }
        }
        json!({"month": month_name(month), "new": new, "returning": returning, "resurrecting": resurrecting,
            "dormant": dormant})
    };
    (first.max(last - MONTHS + 1)..=last).map(told).collect()
}

/// Of those whose first order is long enough ago, who ordered again within so many days, the last instant included.
pub fn second_purchase(lives: &[Life], at: i64) -> Value {
    let share = |days: i64| {
        let [mut ripe, mut unripe, mut within] = [0i64; 3];
        for life in lives.iter().filter(|life| !life.is_erased() && !life.orders.is_empty()) {
            let limit = life.orders[0].at + days * DAY_MS;
            if !life.has_ripened(limit, at) {
                unripe += 1;
                continue;
            }
            ripe += 1;
            within += i64::from(life.orders.get(1).is_some_and(|second| second.at <= limit));
        }
        let mut share = ratio(within, ripe);
        share["unripe"] = unripe.into();
        (format!("{days}d"), share)
    };
    Value::Object(SECOND_WITHIN_DAYS.into_iter().map(share).collect())
}

/// How many waited so many whole days for their second purchase.
pub fn days_to_second_purchase(lives: &[Life]) -> Value {
    let mut histogram: BTreeMap<i64, i64> = BTreeMap::new();
    for life in lives.iter().filter(|life| !life.is_erased() && life.orders.len() >= 2) {
        *histogram.entry((life.orders[1].at - life.orders[0].at) / DAY_MS).or_default() += 1;
    }
    Value::Object(histogram.into_iter().map(|(days, count)| (days.to_string(), count.into())).collect())
}
