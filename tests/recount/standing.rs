//! Who stays, who lapses, who comes back.

use serde_json::{Map, Value, json};

use super::calendar::{Calendar, DAY_MS, Window};
use super::lives::Life;
use super::report::{Options, ratio};

/// How long after a lapse an order is a reactivation of it.
const REACTIVATION_DAYS: i64 = 90;
/// How long before the last order somebody's complaints still speak.
const SILENCE_DAYS: i64 = 30;

/// Silence that outlasted the activity horizon.
struct Lapse {
    last_order: i64,
    at: i64,
    /// The order that ended it.
    ended: Option<i64>,
}

/// Every lapse of a customer that time has passed by `until`, by all their orders.
fn lapses(life: &Life, calendar: &Calendar, options: &Options, until: i64) -> Vec<Lapse> {
    let mut lapses = Vec::new();
    for (rank, order) in life.orders.iter().enumerate() {
        let at = calendar.same_time_after(order.at, options.activity_days);
        let next = life.orders.get(rank + 1).map(|next| next.at);
        // An order exactly at that instant is in time.
        let is_over = next.is_none_or(|next| next > at);
        if is_over && at < until {
            lapses.push(Lapse { last_order: order.at, at, ended: next });
        }
    }
    lapses
}

/// Whether a customer with these orders, and no other, is active at that instant.
fn is_active(orders: impl Iterator<Item = i64>, calendar: &Calendar, options: &Options, at: i64) -> bool {
    orders.max().is_some_and(|last| at <= calendar.same_time_after(last, options.activity_days))
}

/// Retention, from each customer's standing at the start and now; and the other sum that must give the same.
#[derive(Default)]
struct Retention {
    start: i64,
    lost: i64,
    now: i64,
    new: i64,
    won_back: i64,
}

fn retention(lives: &[Life], calendar: &Calendar, options: &Options, at: i64, window: &Window) -> Retention {
    let mut sum = Retention::default();
    for life in lives.iter().filter(|life| !life.is_erased() && !life.orders.is_empty()) {
        let times = || life.orders.iter().map(|order| order.at);
        let before = || times().filter(|time| *time < window.start);
        let was_active = is_active(before(), calendar, options, window.start);
        let had_ordered = before().next().is_some();
        let is_active = is_active(times(), calendar, options, at);
        sum.start += i64::from(was_active);
        sum.lost += i64::from(was_active && !is_active);
        sum.now += i64::from(is_active);
        sum.new += i64::from(!had_ordered && times().any(|time| calendar.is_in(window, time)));
        sum.won_back += i64::from(had_ordered && !was_active && times().any(|time| calendar.is_in(window, time)));
    }
    sum
}

/// What a window says of staying and leaving.
pub fn in_window(
    lives: &[Life],
    calendar: &Calendar,
    options: &Options,
    at: i64,
    window: &Window,
    into: &mut Map<String, Value>,
) {
    let sum = retention(lives, calendar, options, at, window);
    if lives.iter().all(|life| life.orders.iter().all(|order| order.at <= at)) {
        let retained = sum.now - sum.new - sum.won_back;
        assert_eq!(sum.start - sum.lost, retained, "S - lost must be E - N - R in the window of {} days", window.days);
    }
    into.insert("retention".into(), ratio(sum.start - sum.lost, sum.start));
    into.insert("churn".into(), ratio(sum.lost, sum.start));
    let parts = json!({"start": sum.start, "lost": sum.lost, "now": sum.now, "new": sum.new, "won_back": sum.won_back});
    into.insert("retention_parts".into(), parts);
    let counts = lapse_counts(lives, calendar, options, at, window);
    let mut reactivation = ratio(counts.reactivated, counts.ripe);
    reactivation["unripe"] = counts.unripe.into();
    into.insert("reactivation".into(), reactivation);
    into.insert("silent_churn".into(), ratio(counts.silent, counts.lapsed));
}

#[derive(Default)]
struct LapseCounts {
    lapsed: i64,
    silent: i64,
    ripe: i64,
    reactivated: i64,
    /// Of all times, not of the window.
    unripe: i64,
}

fn lapse_counts(lives: &[Life], calendar: &Calendar, options: &Options, at: i64, window: &Window) -> LapseCounts {
    let mut counts = LapseCounts::default();
    for life in lives {
        for lapse in lapses(life, calendar, options, life.known_until(at)) {
            if calendar.is_in(window, lapse.at) {
                counts.lapsed += 1;
                counts.silent += i64::from(is_silent(life, &lapse));
            }
            let ripe = lapse.at + REACTIVATION_DAYS * DAY_MS;
            if !life.has_ripened(ripe, at) {
                counts.unripe += i64::from(!life.is_erased());
            } else if calendar.is_in(window, ripe) {
                counts.ripe += 1;
                counts.reactivated += i64::from(lapse.ended.is_some_and(|order| order <= ripe));
            }
        }
    }
    counts
}

/// No ticket opened, no refund, no low rating from 30 days before the last order to the lapse, both included.
fn is_silent(life: &Life, lapse: &Lapse) -> bool {
    let speaks = |at: i64| lapse.last_order - SILENCE_DAYS * DAY_MS <= at && at <= lapse.at;
    !life.tickets.values().any(|ticket| speaks(ticket.opened_at()))
        && !life.refunds.iter().any(|refund| speaks(refund.at))
        && !life.ratings.iter().any(|rating| rating.is_low() && speaks(rating.at))
}

/// Customers by standing.
pub fn now(lives: &[Life], calendar: &Calendar, options: &Options, at: i64) -> Value {
    let known = lives.iter().filter(|life| !life.is_erased() && !life.orders.is_empty());
    let active = |life: &&Life| is_active(life.orders.iter().map(|order| order.at), calendar, options, at);
    let (active, lapsed): (Vec<&Life>, Vec<&Life>) = known.partition(active);
    json!({"active": active.len(), "lapsed": lapsed.len()})
}

/// Orders more than the activity horizon after the one before, over all lives.
pub fn reactivating_orders(lives: &[Life], calendar: &Calendar, options: &Options) -> usize {
    let ended = |life| lapses(life, calendar, options, i64::MAX).iter().filter(|lapse| lapse.ended.is_some()).count();
    lives.iter().map(ended).sum()
}
