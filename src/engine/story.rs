//! A customer's life as it follows from what is known today: how the chance of a return went, and when the level changed.
//!
//! What was announced at the time may differ, as some of what is known now came late. Orders that are no longer remembered
//! one by one count as they do in the chance, but have no place in the curve.

use crate::domain::factor::changes_between;
use crate::domain::risk::{Assessment, Outlook, Reason};
use crate::domain::{Customer, EventTime, Level, Policy, PurchaseHistory, Span};

/// How many points a curve has at most.
pub const POINTS_MAX: usize = 400;

/// How many changes of level are told at most: the latest.
pub const CHANGES_MAX: usize = 400;

/// How many leaps and how many changes of level have points of their own; the others only where some are to spare.
const LEAPS_MAX: usize = 120;
const CHANGES_SHOWN_MAX: usize = 80;

/// How far a curve may be from the straight line between two points that have room for a third.
const STRAIGHT: f64 = 0.0005;

const MILLISECOND: Span = Span::from_millis(1);

/// A customer's life.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// The chance of a return, earliest first; between two points it runs about straight, and where it leaps there is a
    /// point just before. The last is as of now.
    pub curve: Vec<Point>,
    /// When the level of this curve changed, earliest first.
    pub changes: Vec<Change>,
    /// What moves the chance now, the strongest first.
    pub reasons: Vec<Reason>,
}

/// The chance of a return at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When.
    pub at: EventTime,
    /// The chance.
    pub return_probability: f64,
    /// The same just after the last order before, but for all factors.
    pub usual_return_probability: f64,
    /// The level it makes.
    pub level: Level,
}

/// A change of level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The first millisecond of the level.
    pub at: EventTime,
    /// The level from then on.
    pub level: Level,
    /// The level before.
    pub previous_level: Level,
}

/// A time in which nothing happens and no factor changes: silence alone moves the chance.
struct Stretch<'a> {
    from: EventTime,
    last: EventTime,
    outlook: Outlook<'a>,
    factors: f64,
}

/// The life of a customer up to `now`; `None` before the first order.
pub fn story(customer: &Customer, now: EventTime, policy: &Policy) -> Option<Story> {
    let stretches = stretches(customer, now, policy);
    let assessment = Assessment::of(customer, now, policy)?;
    let mut changes = changes(&stretches);
    let mut curve = curve(&stretches, &changes);
    if let Some(last) = curve.last_mut() {
        last.return_probability = assessment.return_probability;
        last.usual_return_probability = assessment.usual_return_probability;
    }
    changes.drain(..changes.len().saturating_sub(CHANGES_MAX));
    Some(Story { curve, changes, reasons: assessment.reasons })
}

fn stretches<'a>(customer: &Customer, now: EventTime, policy: &'a Policy) -> Vec<Stretch<'a>> {
    let outlooks = outlooks(customer, now, policy);
    let Some((first, _)) = outlooks.first() else { return Vec::new() };
    let refunds = refunds(customer, policy);
    let mut starts: Vec<EventTime> = outlooks.iter().map(|(at, _)| *at).collect();
    starts.extend(changes_between(customer, *first, now + MILLISECOND, policy));
    starts.extend(refunds.iter().flat_map(|at| [*at, *at + policy.memory]));
    starts.retain(|at| at >= first && *at <= now);
    starts.sort_unstable();
    starts.dedup();
    // Factors follow from all but orders, and from one refund, the latest by then.
    let mut then = Customer { purchases: PurchaseHistory::default(), ..customer.clone() };
    let ends = starts.iter().skip(1).map(|next| *next - MILLISECOND).chain([now]);
    let stretch = |(from, last): (&EventTime, EventTime)| {
        let known = outlooks.partition_point(|(at, _)| at <= from);
        let outlook = outlooks[known - 1].1;
        then.last_refund_at = refunds[..refunds.partition_point(|at| at <= from)].last().copied();
        Stretch { from: *from, last, outlook, factors: outlook.factors(&then, *from) }
    };
    starts.iter().zip(ends).map(stretch).collect()
}

/// How each order made it look, by when it was placed.
fn outlooks<'a>(customer: &Customer, now: EventTime, policy: &'a Policy) -> Vec<(EventTime, Outlook<'a>)> {
    let history = &customer.purchases;
    let before = PurchaseHistory { remembered: Vec::new(), ..history.clone() };
    let mut then = Customer { purchases: before, ..Customer::default() };
    let mut outlooks: Vec<(EventTime, Outlook<'a>)> = Vec::new();
    for order in history.remembered.iter().take_while(|order| order.at <= now) {
        then.purchases.remembered.push(order.clone());
        let Some(outlook) = Outlook::of(&then, policy) else { continue };
        if outlooks.last().is_some_and(|(at, _)| *at == order.at) {
            outlooks.pop();
        }
        outlooks.push((order.at, outlook));
    }
    outlooks
}

/// When money went back, where that matters.
fn refunds(customer: &Customer, policy: &Policy) -> Vec<EventTime> {
    if policy.weights.refund == 0.0 {
        return Vec::new();
    }
    let mut refunds: Vec<EventTime> = customer.refunds.0.iter().map(|refund| refund.at).collect();
    refunds.extend(customer.last_refund_at);
    refunds.sort_unstable();
    refunds
}

fn changes(stretches: &[Stretch<'_>]) -> Vec<Change> {
    let mut level = Level::Low;
    let mut changes = Vec::new();
    let mut becomes = |at: EventTime, next: Level, level: &mut Level| {
        if next != *level {
            changes.push(Change { at, level: next, previous_level: *level });
            *level = next;
        }
    };
    for Stretch { from, last, outlook, factors } in stretches {
        becomes(*from, outlook.level_at(level, *from, *factors), &mut level);
        let lapse = outlook.lapse().filter(|lapse| lapse > from && lapse <= last);
        let active = lapse.map_or(*last, |lapse| lapse - MILLISECOND);
        let mut since = *from;
        while let Some(at) = outlook.rise_within(level, *factors, (since, active)) {
            becomes(at, outlook.level_at(level, at, *factors), &mut level);
            since = at;
        }
        if let Some(lapse) = lapse {
            becomes(lapse, Level::Lapsed, &mut level);
        }
    }
    changes
}

/// Points where the curve leaps, where the level changes, and then wherever it is least straight.
fn curve(stretches: &[Stretch<'_>], changes: &[Change]) -> Vec<Point> {
    let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else { return Vec::new() };
    let point = |at: EventTime| {
        let stretch = &stretches[stretches.partition_point(|stretch| stretch.from <= at).saturating_sub(1)];
        let changed = changes.partition_point(|change| change.at <= at).checked_sub(1);
        Point {
            at,
            return_probability: stretch.outlook.chance(at, stretch.factors),
            usual_return_probability: stretch.outlook.usual(),
            level: changed.map_or(Level::Low, |place| changes[place].level),
        }
    };
    let mut instants = vec![first.from, last.last];
    instants.extend(changes.iter().rev().take(CHANGES_SHOWN_MAX).map(|change| change.at));
    let leap = |pair: &[Stretch<'_>]| {
        let (before, after) = (point(pair[0].last), point(pair[1].from));
        let size = (after.return_probability - before.return_probability).abs()
            + (after.usual_return_probability - before.usual_return_probability).abs();
        (size > STRAIGHT).then_some((size.to_bits(), pair[1].from))
    };
    let mut leaps: Vec<_> = stretches.windows(2).filter_map(leap).collect();
    leaps.sort_unstable_by(|a, b| b.cmp(a));
    instants.extend(leaps.iter().take(LEAPS_MAX).flat_map(|(_, at)| [*at - MILLISECOND, *at]));
    instants.sort_unstable();
    instants.dedup();
    let points = instants.into_iter().map(point).collect();
    bent(points, point)
}

/// More points where the curve is bent most, until there are enough or it is straight between any two.
fn bent(mut points: Vec<Point>, point: impl Fn(EventTime) -> Point) -> Vec<Point> {
    let bend = |from: Point, to: Point| {
        let half = Span::from_millis((to.at.millis() - from.at.millis()) / 2);
        let middle = point(from.at + half);
        let off = (middle.return_probability - (from.return_probability + to.return_probability) / 2.0).abs();
        (half.millis() > 0 && off > STRAIGHT).then_some(Bend { off, from, middle, to })
    };
    let mut bends: Vec<Bend> = points.windows(2).filter_map(|pair| bend(pair[0], pair[1])).collect();
    while points.len() < POINTS_MAX
        && let Some((place, _)) = bends.iter().enumerate().max_by(|(_, a), (_, b)| a.off.total_cmp(&b.off))
    {
        let Bend { from, middle, to, .. } = bends.swap_remove(place);
        points.push(middle);
        bends.extend([bend(from, middle), bend(middle, to)].into_iter().flatten());
    }
    points.sort_unstable_by_key(|point| point.at);
    points
}

/// Two points between which the curve is not straight.
struct Bend {
    off: f64,
    from: Point,
    middle: Point,
    to: Point,
}
