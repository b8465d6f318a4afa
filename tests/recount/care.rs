//! Tickets, ratings and what they did to the customer's return.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::calendar::{Calendar, DAY_MS, Window};
use super::chance;
use super::lives::{Life, Step, Ticket};
use super::report::ratio;

/// A ticket resolved within this time, the last instant included, kept the service level.
const SERVICE_LEVEL_MS: i64 = DAY_MS;
const PAINLESS_AFTER_DAYS: i64 = 7;
const RECOVERY_DAYS: i64 = 60;

/// What spoiled a resolution. Several may have.
#[derive(Clone, Copy, Default)]
struct Spoiled {
    overdue: bool,
    contacted: bool,
    reopened: bool,
    low_rating: bool,
}

impl Spoiled {
    fn is_painless(self) -> bool {
        !(self.overdue || self.contacted || self.reopened || self.low_rating)
    }
}

/// How a resolution looks when it is ripe, 7 days later: by all that is known of the ticket up to that instant.
fn spoiled(life: &Life, name: &str, ticket: &Ticket, resolved: i64) -> Spoiled {
    let ripe = resolved + PAINLESS_AFTER_DAYS * DAY_MS;
    let rated_low = life
        .ratings
        .iter()
        .any(|rating| rating.is_low() && rating.ticket.as_deref() == Some(name) && rating.at <= ripe);
    Spoiled {
        overdue: resolved - ticket.opened_at() > SERVICE_LEVEL_MS,
        contacted: ticket.contacts().iter().any(|at| *at <= ripe),
        reopened: ticket.reopenings().iter().any(|at| *at <= ripe),
        low_rating: rated_low,
    }
}

/// A ticket counts once, 7 days after its first resolution.
pub fn painless_resolution(lives: &[Life], calendar: &Calendar, at: i64, window: &Window) -> Value {
    let [mut painless, mut ripe_tickets, mut unripe] = [0i64; 3];
    let [mut overdue, mut contacted, mut reopened, mut low_rating] = [0; 4];
    for life in lives {
        for (name, ticket) in &life.tickets {
            let Some(resolved) = ticket.first_resolved_at() else { continue };
            let ripe = resolved + PAINLESS_AFTER_DAYS * DAY_MS;
            if !life.has_ripened(ripe, at) {
                unripe += i64::from(!life.is_erased());
                continue;
            }
            if !calendar.is_in(window, ripe) {
                continue;
            }
            let spoiled = spoiled(life, name, ticket, resolved);
            ripe_tickets += 1;
            painless += i64::from(spoiled.is_painless());
            overdue += i64::from(spoiled.overdue);
            contacted += i64::from(spoiled.contacted);
            reopened += i64::from(spoiled.reopened);
            low_rating += i64::from(spoiled.low_rating);
        }
    }
    let mut share = ratio(painless, ripe_tickets);
    share["unripe"] = unripe.into();
    share["failed"] =
        json!({"overdue": overdue, "contacted": contacted, "reopened": reopened, "low_rating": low_rating});
    share
}

/// The resolution that stood for 60 days: the first that no reopening cancelled before its time was over.
fn settled(ticket: &Ticket) -> Option<i64> {
    let resolved = |from: i64| ticket.steps.iter().find(|(at, step)| *step == Step::Resolved && *at >= from);
    let mut case = resolved(i64::MIN)?.0;
    for reopened in ticket.reopenings() {
        if reopened < case {
            continue;
        }
        if reopened > case + RECOVERY_DAYS * DAY_MS {
            break;
        }
        case = resolved(reopened)?.0;
    }
    Some(case)
}

/// Whether customers came back after their trouble, beside how many would have been expected to.
pub fn service_recovery(lives: &[Life], calendar: &Calendar, at: i64) -> Value {
    let mut efforts = BTreeMap::from([("painless", (0, 0, 0.0)), ("painful", (0, 0, 0.0))]);
    for life in lives {
        for (name, ticket) in &life.tickets {
            let Some(resolved) = settled(ticket) else { continue };
            let limit = resolved + RECOVERY_DAYS * DAY_MS;
            let times = || life.orders.iter().map(|order| order.at);
            let before: Vec<i64> = times().filter(|time| *time < ticket.opened_at()).collect();
            if before.is_empty() || !life.has_ripened(limit, at) {
                continue;
            }
            let is_painless = spoiled(life, name, ticket, resolved).is_painless();
            let effort = efforts.entry(if is_painless { "painless" } else { "painful" }).or_default();
            effort.0 += i64::from(times().any(|time| resolved < time && time <= limit));
            effort.1 += 1;
            effort.2 += chance::of_an_order(&before, ticket.opened_at(), RECOVERY_DAYS as f64, calendar);
        }
    }
    let told = |(name, (returned, ripe, expected)): (&str, (i64, i64, f64))| {
        let mut share = ratio(returned, ripe);
        share["expected"] = expected.into();
        (name.to_owned(), share)
    };
    Value::Object(efforts.into_iter().map(told).collect())
}

/// What a window says of tickets and ratings: each on its own day, whoever gave it, erased or not.
pub fn in_window(lives: &[Life], calendar: &Calendar, window: &Window, into: &mut Map<String, Value>) {
    let is_in = |at: i64| calendar.is_in(window, at);
    let mut ratings = BTreeMap::from([("csat", (0.0, 0)), ("ces", (0.0, 0)), ("nps", (0.0, 0))]);
    for rating in lives.iter().flat_map(|life| &life.ratings).filter(|rating| is_in(rating.at)) {
        let sum = ratings.get_mut(rating.scale.as_str()).expect("one of the three scales");
        *sum = (sum.0 + rating.score, sum.1 + 1);
    }
    let ratings: Map<String, Value> = ratings
        .into_iter()
        .map(|(scale, (sum, count))| (scale.to_owned(), json!({"numerator": sum, "denominator": count})))
        .collect();
    into.insert("ratings".into(), ratings.into());

    let tickets = || lives.iter().flat_map(|life| life.tickets.values());
    let mut categories: BTreeMap<String, i64> = BTreeMap::new();
    for ticket in tickets().filter(|ticket| is_in(ticket.opened_at())) {
        *categories.entry(ticket.category().unwrap_or("none").to_owned()).or_default() += 1;
    }
    let opened: i64 = categories.values().sum();
    let contacts = tickets().flat_map(Ticket::contacts).filter(|at| is_in(*at)).count();
    into.insert("tickets".into(), json!(categories));
    into.insert("contacts_per_ticket".into(), ratio(contacts, opened));
    let resolutions = tickets().filter_map(|ticket| Some((ticket.opened_at(), ticket.first_resolved_at()?)));
    let took: Vec<i64> = resolutions.filter(|(_, at)| is_in(*at)).map(|(opened, at)| at - opened).collect();
    into.insert("time_to_resolution".into(), json!({"sum_ms": took.iter().sum::<i64>(), "count": took.len()}));
}
