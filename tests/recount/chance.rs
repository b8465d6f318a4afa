//! The chance of an order, as the definitions write it down: MBG/NBD with the default parameters.

use super::calendar::{Calendar, DAY_MS};

const R: f64 = 0.525;
const ALPHA_DAYS: f64 = 43.28;
const A: f64 = 0.891;
const B: f64 = 1.614;

/// P(order within `within` days), seen from `now`, of somebody whose orders so far were at these instants, in order.
pub fn of_an_order(orders: &[i64], now: i64, within: f64, calendar: &Calendar) -> f64 {
    let days_between = |from: i64, to: i64| (to - from) as f64 / DAY_MS as f64;
    let mut purchase_days = orders.to_vec();
    purchase_days.dedup_by_key(|at| calendar.day(*at));
    let (first, last) = (purchase_days[0], purchase_days[purchase_days.len() - 1]);
    let x = purchase_days.len() as f64 - 1.0;
    within_days(x, days_between(first, last), days_between(first, now), within)
}

fn within_days(x: f64, tx: f64, t: f64, within: f64) -> f64 {
    let power = |base: f64, exponent: f64| (exponent * base.ln()).exp();
    let alive = 1.0 / (1.0 + A / (B + x) * power((ALPHA_DAYS + t) / (ALPHA_DAYS + tx), R + x));
    let order = alive * (1.0 - power((ALPHA_DAYS + t) / (ALPHA_DAYS + t + within), R + x));
    order.clamp(1e-12, 1.0 - 1e-12)
}

/// The worked numbers, whose unit is the week: α 6.183 weeks is 43.281 days, so they agree to four digits.
#[test]
fn the_worked_chances_come_out() {
    for (x, tx, t, within_13, within_39) in [
        (0.0, 0.0, 38.86, 0.048_577_391_6, 0.108_829_398_8),
        (0.0, 0.0, 2.0, 0.239_745_296_1, 0.366_805_791_5),
        (2.0, 30.43, 38.86, 0.333_922_282_5, 0.559_994_090_8),
        (7.0, 20.0, 38.86, 0.119_405_811_3, 0.138_923_890_7),
        (26.0, 30.86, 31.0, 0.965_226_594_3, 0.965_566_138_9),
    ] {
        for (weeks, expected) in [(13.0, within_13), (39.0, within_39)] {
            let chance = within_days(x, tx * 7.0, t * 7.0, weeks * 7.0);
            assert!((chance - expected).abs() < 1e-4, "x {x}, {weeks} weeks: {chance}, not {expected}");
        }
    }
}
