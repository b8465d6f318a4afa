//! From what is known of a customer to the chance of their return, its reasons, and the level.

use serde_json::{Value, json};

use super::calendar::{DAY, HOUR, Instant};
use super::chance::{DEFAULT, HORIZON, logit, sigma};
use super::known::{Known, Ticket, in_days};
use super::money::Money;

const OPEN_TICKET: f64 = -0.7;
const OVERDUE_TICKET: f64 = -0.5;
const REPEATED_CONTACT: f64 = -0.3;
const REPEATED_CONTACT_AT_MOST: f64 = -0.9;
const LOW_RATING: f64 = -0.6;
const PAINLESS_RESOLUTION: f64 = 0.3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Low,
    Medium,
    High,
    Lapsed,
}

impl Level {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Lapsed => "lapsed",
        }
    }

    /// Without a level before it.
    pub fn afresh(risk: f64) -> Self {
        if risk >= 0.75 {
            Self::High
        } else if risk >= 0.5 {
            Self::Medium
        } else {
            Self::Low
        }
    }

    /// From this level: up at once, down only when the risk is 0.05 below what led up.
    pub fn then(self, risk: f64) -> Self {
        let held_at = match self {
            Self::High if risk >= 0.70 => Self::High,
            Self::High | Self::Medium if risk >= 0.45 => Self::Medium,
            _ => Self::Low,
        };
        held_at.max(Self::afresh(risk))
    }
}

#[derive(Clone, Debug)]
pub struct Reason {
    pub code: &'static str,
    pub log_odds: f64,
    pub without: f64,
    /// The fields of the signal's reason that say what it rests on.
    pub evidence: Vec<(&'static str, Value)>,
}

#[derive(Clone, Debug)]
pub struct Assessment {
    pub return_probability: f64,
    pub usual_return_probability: f64,
    pub risk: f64,
    pub expected_next_purchase_at: Option<Instant>,
    /// In minor units, not yet rounded.
    pub value_at_risk: f64,
    pub currency: String,
    pub reasons: Vec<Reason>,
}

impl Assessment {
    pub fn of(known: &Known, now: Instant) -> Self {
        let last = known.last_order().expect("only who ordered is assessed");
        let past = known.past(now);
        let (usual, silent) = chances(known, now);
        let mut reasons = factors(known, now);
        let silence = logit(silent) - logit(usual);
        if silent < usual && silence != 0.0 {
            let usual_gap = if past.x > 0.0 { json!(past.tx / past.x) } else { Value::Null };
            let evidence = vec![("days_silent", json!(in_days(now - last.at))), ("usual_days_between", usual_gap)];
            reasons.insert(0, Reason { code: "silence", log_odds: silence, without: f64::NAN, evidence });
        }
        let p = return_probability(silent, &factors(known, now));
        for reason in &mut reasons {
            reason.without = sigma(logit(p) - reason.log_odds);
        }
        reasons.sort_by(|one, other| other.log_odds.abs().total_cmp(&one.log_odds.abs()));
        let is_alive = DEFAULT.alive(past) >= 0.5;
        let median = (DEFAULT.median_days_to_next(past) * DAY as f64).round() as i64;
        let net = known.net_spent_in(&last.price.currency).max(0);
        Self {
            return_probability: p,
            usual_return_probability: usual,
            risk: (1.0 - p / usual).clamp(0.0, 1.0),
            expected_next_purchase_at: is_alive.then_some(now + median),
            value_at_risk: (usual - p).max(0.0) * (net as f64 / known.orders.len() as f64),
            currency: last.price.currency.clone(),
            reasons,
        }
    }

    /// Half to even.
    pub fn value_at_risk_minor(&self) -> i64 {
        self.value_at_risk.round_ties_even() as i64
    }

    pub fn is_worth_a_call(&self) -> bool {
        let hundred = Money::parse("100", &self.currency).expect("a known currency");
        self.value_at_risk_minor() >= hundred.minor
    }
}

/// Just after the last order, and now; both without factors.
fn chances(known: &Known, now: Instant) -> (f64, f64) {
    let last = known.last_order_at().expect("only who ordered is assessed");
    let chance = |at: Instant| DEFAULT.order_within(known.past(at), HORIZON);
    (chance(last), chance(now))
}

fn return_probability(silent: f64, factors: &[Reason]) -> f64 {
    sigma(logit(silent) + factors.iter().map(|factor| factor.log_odds).sum::<f64>())
}

pub fn risk(known: &Known, now: Instant) -> f64 {
    let (usual, silent) = chances(known, now);
    (1.0 - return_probability(silent, &factors(known, now)) / usual).clamp(0.0, 1.0)
}

/// In the order in which equals are told.
fn factors(known: &Known, now: Instant) -> Vec<Reason> {
    let mut factors = Vec::new();
    let mut add = |code, log_odds, evidence| factors.push(Reason { code, log_odds, without: f64::NAN, evidence });
    // The one that is open longest; of several since one instant the one that has been around longest.
    let open = known.tickets(now).filter_map(|ticket| Some((ticket.open_since?, ticket)));
    if let Some((since, ticket)) = open.min_by_key(|(since, ticket)| (*since, ticket.opened_at, ticket.id)) {
        let id = ticket.id;
        let evidence = || vec![("ticket_id", json!(id)), ("days_open", json!(in_days(now - since)))];
        add("open_ticket", OPEN_TICKET, evidence());
        if ticket.is_overdue(now) {
            add("overdue_ticket", OVERDUE_TICKET, evidence());
        }
    }
    let young = known.tickets(now).filter(|ticket| now < ticket.opened_at + known.rules.memory);
    let contacts: u32 = young.map(|ticket| ticket.contacts + ticket.reopenings).sum();
    if contacts > 0 {
        let log_odds = (REPEATED_CONTACT * f64::from(contacts)).max(REPEATED_CONTACT_AT_MOST);
        add("repeated_contact", log_odds, vec![("contacts", json!(contacts))]);
    }
    if let Some(rating) = known.low_ratings(now).max_by_key(|rating| rating.at) {
        let evidence = vec![("scale", json!(rating.scale.name())), ("score", json!(rating.score))];
        add("low_rating", LOW_RATING, evidence);
    }
    let is_painless = |ticket: &Ticket<'_>| {
        let is_recent = ticket.resolved_at.is_some_and(|resolved| now < resolved + known.rules.memory);
        is_recent && ticket.took_no_effort() && !known.is_rated_low(ticket.id, now)
    };
    if let Some(ticket) = known.tickets(now).filter(is_painless).max_by_key(|ticket| (ticket.resolved_at, ticket.id)) {
        add("painless_resolution", PAINLESS_RESOLUTION, vec![("ticket_id", json!(ticket.id))]);
    }
    factors
}

/// How the next change of a level is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// Hour by hour.
    Slow,
    /// From one change of a factor to the next: in between the risk only rises.
    Fast,
}

/// A change of level by the passing of time alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub at: Instant,
    pub level: Level,
    /// Whether arithmetic of another kind may find it a millisecond beside.
    pub is_crossing: bool,
}

/// The first change later than `from` and earlier than `to`. The level must be as the risk at `from` has it.
pub fn next_change(known: &Known, level: Level, from: Instant, to: Instant, walk: Walk) -> Option<Change> {
    if level == Level::Lapsed {
        return None;
    }
    let lapse = known.last_order_at()? + known.rules.activity_horizon;
    let end = lapse.min(to) - 1;
    let then = |at: Instant| level.then(risk(known, at));
    let mut before = from;
    for place in places(known, from, end, walk) {
        if then(place) == level {
            before = place;
            continue;
        }
        let at = first(before, place, |at| then(at) != level);
        let is_crossing = !known.turning_points().contains(&at);
        return Some(Change { at, level: then(at), is_crossing });
    }
    (lapse < to).then_some(Change { at: lapse, level: Level::Lapsed, is_crossing: false })
}

/// Where to look, `end` included: no factor changes between two neighbours unless they are a millisecond apart.
fn places(known: &Known, from: Instant, end: Instant, walk: Walk) -> Vec<Instant> {
    let turns = known.turning_points();
    let mut places: Vec<Instant> = turns.iter().flat_map(|at| [at - 1, *at]).chain([end]).collect();
    if walk == Walk::Slow {
        places.extend((from..end).step_by(HOUR as usize));
    }
    places.retain(|at| (from + 1..=end).contains(at));
    places.sort_unstable();
    places.dedup();
    places
}

/// The first instant for which something holds that does not at `before`, does at `place`, and once it does goes on.
fn first(before: Instant, place: Instant, holds: impl Fn(Instant) -> bool) -> Instant {
    let (mut before, mut place) = (before, place);
    while place - before > 1 {
        let middle = before + (place - before) / 2;
        if holds(middle) {
            place = middle;
        } else {
            before = middle;
        }
    }
    place
}
