//! How endangered a customer's return is, what speaks for it, and when that will change by itself.

use uuid::Uuid;

use super::crossing::{Tangent, first_where, root};
use super::customer::Customer;
use super::factor::{self, Factor};
use super::model::{Recency, Silence, logit, sigmoid};
use super::money::Total;
use super::policy::{Policy, Thresholds};
use super::purchase::PurchaseDays;
use super::time::{DAY_MS, EventTime, Span};

/// How endangered a customer's return is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing unusual.
    #[default]
    Low,
    /// The chance of a return has halved.
    Medium,
    /// Three quarters of the chance of a return are gone.
    High,
    /// No order for the activity horizon.
    Lapsed,
}

impl Level {
    /// All levels, in rising order.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Lapsed];

    /// Its name in signals, metrics and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Lapsed => "lapsed",
        }
    }

    /// The level of a risk, whatever it was before.
    fn of(risk: f64, thresholds: &Thresholds) -> Self {
        if risk >= thresholds.high {
            Self::High
        } else if risk >= thresholds.medium {
            Self::Medium
        } else {
            Self::Low
        }
    }

    /// The level that follows this one at a risk: going down takes more than coming up did.
    pub fn after(self, risk: f64, thresholds: &Thresholds) -> Self {
        let up = Self::of(risk, thresholds);
        if up >= self { up } else { self.min(Self::of(risk + thresholds.margin, thresholds)) }
    }
}

/// What was last announced of a customer's risk, and when to look again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The level last announced.
    pub level: Level,
    /// The latest instant at which the level was looked at; `None` before the first order.
    pub evaluated_at: Option<EventTime>,
    /// The episode that is open while the level is above `low`.
    pub episode: Option<Uuid>,
    /// The instant at which the level will change if nothing happens; `None`: never.
    pub next_change: Option<EventTime>,
    /// The value at risk as last announced, while the level is above `low`.
    pub value_at_risk: Option<Total>,
    /// Since when the level is `medium` or `high`; when somebody lapsed follows from their last order.
    pub level_since: Option<EventTime>,
}

/// Whether between two instants it is likelier that the level stays than that it rises.
fn is_short(from: EventTime, to: EventTime) -> bool {
    to < from + Span::from_days(120)
}

/// What silence alone must leave of the chance of a return, lest a level rises while factors weigh so much.
struct Least {
    level: Level,
    factors: f64,
    odds: f64,
    chance: f64,
}

impl Least {
    /// Whether a chance by silence alone is above it, and by so much that it was a millisecond before and is so however
    /// it is worked out; `None`: that is not sure.
    fn is_left_by(&self, silent: f64) -> Option<bool> {
        const MARGIN: f64 = 1e-6;
        // Close to certainty the odds tell more than a chance can.
        let is_exact = silent < 0.999 && (MARGIN..0.999).contains(&self.chance);
        let is_clear = (silent - self.chance).abs() > MARGIN * self.chance;
        (is_exact && is_clear).then_some(silent > self.chance)
    }
}

/// The chance of return at one instant, with the evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// Probability of an order within the horizon.
    pub return_probability: f64,
    /// The same as it was just after the last purchase, but for all factors.
    pub usual_return_probability: f64,
    /// How far both look ahead, in days.
    pub horizon_days: f64,
    /// 0 (as usual) to 1: how much of the usual chance is gone.
    pub risk: f64,
    /// When the next order is due, as long as the customer is more likely here than gone.
    pub expected_next_purchase_at: Option<EventTime>,
    /// The chance that is gone times the mean net order, in the currency of the last order: a lower bound of what
    /// a return would bring.
    pub value_at_risk: Total,
    /// What moved the chance, the strongest first.
    pub reasons: Vec<Reason>,
}

/// One thing that moved the chance of return.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// What.
    pub what: Evidence,
    /// By how much it moved the log-odds of a return.
    pub log_odds: f64,
    /// The chance of return without it.
    pub return_probability_without: f64,
}

/// What a reason is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// Time since the last order.
    Silence {
        /// Days since the last order.
        days_silent: f64,
        /// Mean days between purchase days; `None` for a single one.
        usual_days_between: Option<f64>,
    },
    /// A factor.
    Factor(Factor),
}

/// Everything about a customer that silence acts on: fixed until the next order.
#[derive(Clone, Copy, Debug)]
pub struct Outlook<'a> {
    policy: &'a Policy,
    silence: Silence,
    days: PurchaseDays,
    last: EventTime,
    /// `None`: beyond year 9999 nobody lapses.
    lapse: Option<EventTime>,
    usual: f64,
}

impl<'a> Outlook<'a> {
    /// A customer's; `None` before the first order.
    pub fn of(customer: &Customer, policy: &'a Policy) -> Option<Self> {
        let last = customer.purchases.last()?.at;
        let days = customer.purchases.days(&policy.calendar)?;
        let model = &policy.model;
        let just_ordered = Recency::at(last, &days);
        let silence = model.silence(policy.horizon_days, &just_ordered);
        let usual = silence.p_order_within(model.alpha + just_ordered.t);
        let lapse = policy.active_until(last);
        Some(Self { policy, silence, days, last, lapse, usual })
    }

    fn silent(&self, now: EventTime) -> f64 {
        if now == self.last {
            return self.usual;
        }
        self.silence.p_order_within(self.policy.model.alpha + Recency::at(now, &self.days).t)
    }

    fn risk(&self, now: EventTime, factors: f64) -> f64 {
        (1.0 - self.chance(now, factors) / self.usual).clamp(0.0, 1.0)
    }

    /// The chance of a return while factors move its log-odds by so much.
    pub fn chance(&self, now: EventTime, factors: f64) -> f64 {
        let silent = self.silent(now);
        if factors == 0.0 { silent } else { sigmoid(logit(silent) + factors) }
    }

    /// The chance of a return as it was just after the last order, but for all factors.
    pub fn usual(&self) -> f64 {
        self.usual
    }

    /// The instant at which the customer lapses unless they order; `None`: never.
    pub fn lapse(&self) -> Option<EventTime> {
        self.lapse
    }

    /// By how much all factors move the log-odds of a return.
    pub fn factors(&self, customer: &Customer, now: EventTime) -> f64 {
        factor::weight_at(customer, now, self.policy)
    }

    /// The level that follows `level` at an instant while factors weigh so much.
    pub fn level_at(&self, level: Level, now: EventTime, factors: f64) -> Level {
        match level {
            _ if self.lapse.is_some_and(|lapse| lapse <= now) => Level::Lapsed,
            Level::Lapsed => Level::of(self.risk(now, factors), &self.policy.thresholds),
            level => level.after(self.risk(now, factors), &self.policy.thresholds),
        }
    }

    /// The first whole millisecond after the start of a stretch at which the level has risen; `None`: it does not up to
    /// the stretch's last. All along no order comes, factors weigh the same and the lapse is not reached, so that the
    /// chance of a return can but fall.
    pub fn rise_within(&self, level: Level, factors: f64, (from, last): (EventTime, EventTime)) -> Option<EventTime> {
        if level >= Level::High || last <= from {
            return None;
        }
        if is_short(from, last) && !self.has_risen(level, factors, last) {
            return None;
        }
        self.find_rise(&self.least(level, factors), (from, last))
    }

    fn has_risen(&self, level: Level, factors: f64, now: EventTime) -> bool {
        level.after(self.risk(now, factors), &self.policy.thresholds) > level
    }

    /// What silence alone must leave of the chance, lest a level below `high` rises.
    fn least(&self, level: Level, factors: f64) -> Least {
        let thresholds = &self.policy.thresholds;
        let threshold = if level == Level::Low { thresholds.medium } else { thresholds.high };
        let chance = (1.0 - threshold) * self.usual;
        let odds = chance / (1.0 - chance) * if factors == 0.0 { 1.0 } else { libm::exp(-factors) };
        Least { level, factors, odds, chance: odds / (1.0 + odds) }
    }

    fn find_rise(&self, least: &Least, (from, last): (EventTime, EventTime)) -> Option<EventTime> {
        let guess = self.about_when(least, (from, last));
        first_where(from, last, guess, |now| self.has_risen(least.level, least.factors, now))
    }

    /// About when no more than that is left between two instants, at the first of which there is, if that is before the
    /// second. Over the logarithm of the time the chance is nearly a straight line, and its log-odds are even more so.
    fn about_when(&self, least: &Least, (from, to): (EventTime, EventTime)) -> EventTime {
        let alpha = self.policy.model.alpha;
        let log_of = |at: EventTime| libm::log(alpha + at.days_since(self.days.first));
        let (start, (chance, slope)) = if from == self.days.last {
            let (log, slope) = self.silence.at_last(self.usual);
            (log, (self.usual, slope))
        } else {
            let log = log_of(from);
            (log, self.silence.over_log(log))
        };
        let fall = libm::log(chance / (1.0 - chance) / least.odds);
        let second = start - fall * chance * (1.0 - chance) / slope;
        let start = Tangent { x: start, value: chance - least.chance, slope };
        let log = root(start, second, log_of(to), 1e-4, |log| {
            let (chance, slope) = self.silence.over_log(log);
            (chance - least.chance, slope)
        });
        let days = libm::exp(log) - alpha;
        self.days.first + Span::from_millis(libm::ceil(days * DAY_MS as f64) as i64)
    }

    /// The level an event leaves the customer at. Only time makes a customer lapse, and only a later order brings them
    /// back, so an event can but confirm a lapse or end it.
    pub fn level_after_event(&self, customer: &Customer, now: EventTime) -> Level {
        let thresholds = &self.policy.thresholds;
        let risk = || self.risk(now, self.factors(customer, now));
        match customer.standing.level {
            Level::Lapsed if self.lapse.is_some_and(|lapse| lapse <= now) => Level::Lapsed,
            Level::Lapsed => Level::of(risk(), thresholds),
            level => level.after(risk(), thresholds),
        }
    }

    /// The level that time brings the customer to at `due`, which is their next change.
    pub fn level_when_due(&self, customer: &Customer, due: EventTime) -> Level {
        match self.lapse {
            Some(lapse) if due >= lapse => Level::Lapsed,
            _ => self.level_after_event(customer, due),
        }
    }

    /// The first whole millisecond after `from` at which the level changes if nothing happens.
    ///
    /// Between two changes of a factor the chance of return only falls, so within such a stretch the level can only
    /// rise, and one search finds where. At the latest the customer lapses.
    pub fn next_change(&self, customer: &Customer, from: EventTime) -> Option<EventTime> {
        let level = customer.standing.level;
        if level == Level::Lapsed {
            return None;
        }
        let end = self.lapse.unwrap_or(EventTime::LATEST);
        let (mut start, mut silent) = (from, None);
        let changes = factor::changes_between(customer, from, end, self.policy);
        for until in changes.into_iter().chain([end]) {
            if start >= end {
                break;
            }
            let factors = self.factors(customer, start);
            let least = self.least(level, factors);
            let is_left = |silent: Option<f64>| silent.and_then(|silent| least.is_left_by(silent));
            if start > from {
                let is_still_low = level == Level::Low && is_left(silent) == Some(true);
                if !is_still_low && level.after(self.risk(start, factors), &self.policy.thresholds) != level {
                    return Some(start);
                }
            }
            let stretch = (start, until - Span::from_millis(1));
            // Where a stretch ends the next begins: what silence alone leaves is the same, but for a millisecond.
            silent = (level < Level::High && is_short(start, until)).then(|| self.silent(until));
            let rise = match is_left(silent) {
                Some(true) => None,
                Some(false) if stretch.1 > start => self.find_rise(&least, stretch),
                _ => self.rise_within(level, factors, stretch),
            };
            if rise.is_some() {
                return rise;
            }
            start = until;
        }
        self.lapse
    }
}

impl Assessment {
    /// What can be said of a customer at `now`; `None` before the first order.
    pub fn of(customer: &Customer, now: EventTime, policy: &Policy) -> Option<Self> {
        Self::with(&Outlook::of(customer, policy)?, customer, now)
    }

    /// The same, of a customer whose outlook is known.
    pub fn with(outlook: &Outlook<'_>, customer: &Customer, now: EventTime) -> Option<Self> {
        let policy = outlook.policy;
        let factors = factor::factors_at(customer, now, policy);
        let today = Recency::at(now, &outlook.days);
        let (usual, silent) = (outlook.usual, outlook.silent(now));
        let odds = logit(silent) + factors.iter().map(|(_, weight)| weight).sum::<f64>();
        let probability = if factors.is_empty() { silent } else { sigmoid(odds) };

        let mut reasons = Vec::with_capacity(1 + factors.len());
        let mut add = |what: Evidence, log_odds: f64| {
            reasons.push(Reason { what, log_odds, return_probability_without: sigmoid(odds - log_odds) });
        };
        if silent < usual {
            let usual_days_between = (today.x > 0.0).then(|| today.tx / today.x);
            let days_silent = now.days_since(outlook.last);
            add(Evidence::Silence { days_silent, usual_days_between }, logit(silent) - logit(usual));
        }
        factors.into_iter().for_each(|(factor, weight)| add(Evidence::Factor(factor), weight));
        // A stable sort: equal strengths stay in the order in which factors are listed.
        reasons.sort_by(|a, b| b.log_odds.abs().total_cmp(&a.log_odds.abs()));

        let last = customer.purchases.last()?;
        let spent = customer.purchases.net_spending(last.amount.currency());
        let mean_order = spent.minor.max(0) as f64 / f64::from(customer.purchases.count());
        let gone = (usual - probability).max(0.0);
        let expected = (policy.model.p_alive(&today) >= 0.5)
            .then(|| in_days(now, policy.model.median_days_to_next(&today)))
            .flatten();
        Some(Self {
            return_probability: probability,
            usual_return_probability: usual,
            horizon_days: policy.horizon_days,
            risk: (1.0 - probability / usual).clamp(0.0, 1.0),
            expected_next_purchase_at: expected,
            value_at_risk: Total { minor: libm::rint(gone * mean_order) as i128, ..spent },
            reasons,
        })
    }

    /// Whether a ticket is open.
    pub fn has_open_ticket(&self) -> bool {
        self.reasons.iter().any(|reason| matches!(reason.what, Evidence::Factor(Factor::OpenTicket { .. })))
    }
}

fn in_days(now: EventTime, days: f64) -> Option<EventTime> {
    let millis = libm::rint(days * DAY_MS as f64);
    let at = now + Span::from_millis(millis as i64);
    (at <= EventTime::LATEST).then_some(at)
}
