//! When something that falls all the time has fallen far enough: about, by tangents, and then to the millisecond.

use super::time::EventTime;

/// Steps enough for any curve met here; what they miss the search to the millisecond finds all the same.
const STEPS_MAX: usize = 12;

/// About where a falling function is 0 in (`low`, `high`), given that it is above 0 at `low` and not at `high`: Newton's
/// method from `low` on, halving where a step would leave what is left of the interval. `function` gives a value and its
/// slope. Stops when a step is below `precision`.
pub(super) fn root(low: f64, high: f64, precision: f64, function: impl Fn(f64) -> (f64, f64)) -> f64 {
    let (mut low, mut high, mut x) = (low, high, low);
    for _ in 0..STEPS_MAX {
        let (value, slope) = function(x);
        if value > 0.0 {
            low = x;
        } else {
            high = x;
        }
        let mut next = x - value / slope;
        if !(next >= low && next <= high) {
            next = low + (high - low) / 2.0;
        }
        if (next - x).abs() < precision {
            return next;
        }
        x = next;
    }
    x
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
            (libm::exp(-x) - 0.2, -libm::exp(-x))
        });
        assert!((found - libm::log(5.0)).abs() < 1e-8, "{found}");
        assert!(asked.get() <= 8, "{}", asked.get());
    }

    #[test]
    fn a_root_stays_where_it_is_looked_for_whatever_the_slope_says() {
        for slope in [0.0, f64::NAN, 1.0, -1e-300, -1e300] {
            let found = root(1.0, 3.0, 1e-3, |x| (2.5 - x, slope));
            assert!((1.0..=3.0).contains(&found), "{found} with a slope of {slope}");
        }
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
