//! When something that falls all the time has fallen far enough: about, by secants, and then to the millisecond.

use super::time::EventTime;

/// Secants enough for any curve met here; what they miss the search to the millisecond finds all the same.
const SECANTS_MAX: usize = 12;

/// About where a falling function is 0 in (`low`, `high`), given that it is above 0 at `low` and not at `high`: the
/// Illinois variant of regula falsi. Stops when a step is below `precision`.
pub(super) fn root(low: f64, high: f64, precision: f64, function: impl Fn(f64) -> f64) -> f64 {
    let (mut a, mut b) = (low, high);
    let (mut at_a, mut at_b) = (function(a), function(b));
    let (mut last, mut side) = (a, 0);
    for _ in 0..SECANTS_MAX {
        let x = (a * at_b - b * at_a) / (at_b - at_a);
        if !x.is_finite() {
            break;
        }
        let at_x = function(x);
        if at_x > 0.0 {
            (a, at_a) = (x, at_x);
            at_b = if side > 0 { at_b / 2.0 } else { at_b };
            side = 1;
        } else {
            (b, at_b) = (x, at_x);
            at_a = if side < 0 { at_a / 2.0 } else { at_a };
            side = -1;
        }
        if (x - last).abs() < precision {
            return x;
        }
        last = x;
    }
    last
}

/// The first instant in (`before`, `holds`] at which something that stays true becomes true. It is looked for around
/// `guess` first.
pub(super) fn first_where(
    before: EventTime,
    holds: EventTime,
    guess: EventTime,
    is_true: impl Fn(EventTime) -> bool,
) -> EventTime {
    let is_true = |millis: i64| is_true(EventTime::from_millis(millis));
    let (mut before, mut holds, guess) = (before.millis(), holds.millis(), guess.millis());
    let mut reach = 1;
    if guess > before && guess < holds {
        if is_true(guess) {
            holds = guess;
            while holds - reach > before && is_true(holds - reach) {
                holds -= reach;
                reach *= 4;
            }
            before = before.max(holds - reach);
        } else {
            before = guess;
            while before + reach < holds && !is_true(before + reach) {
                before += reach;
                reach *= 4;
            }
            holds = holds.min(before + reach);
        }
    }
    while holds - before > 1 {
        let middle = before + (holds - before) / 2;
        if is_true(middle) {
            holds = middle;
        } else {
            before = middle;
        }
    }
    EventTime::from_millis(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_found_in_few_steps() {
        let asked = std::cell::Cell::new(0);
        let found = root(0.0, 10.0, 1e-9, |x| {
            asked.set(asked.get() + 1);
            libm::exp(-x) - 0.2
        });
        assert!((found - libm::log(5.0)).abs() < 1e-8, "{found}");
        assert!(asked.get() <= 2 + SECANTS_MAX, "{}", asked.get());
    }

    #[test]
    fn the_first_instant_is_found_whatever_the_guess() {
        let at = EventTime::from_millis;
        for first in [1, 2, 77, 4_999, 5_000] {
            for guess in [-3, 0, 1, 2, 76, 77, 78, 100, 4_000, 4_998, 4_999, 5_000, 9_000] {
                let asked = std::cell::Cell::new(0);
                let found = first_where(at(0), at(5_000), at(guess), |instant| {
                    asked.set(asked.get() + 1);
                    instant >= at(first)
                });
                assert_eq!(found, at(first), "guess {guess}");
                let is_near = (1..5_000).contains(&guess) && (guess - first).abs() <= 1;
                assert!(!is_near || asked.get() <= 5, "{} for a guess of {guess}", asked.get());
            }
        }
    }
}
