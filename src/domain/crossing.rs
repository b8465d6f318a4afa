//! When something that falls all the time has fallen far enough: about, by its tangents, and then to the millisecond.

use super::time::EventTime;

/// Steps enough for any curve met here; what they miss the search to the millisecond finds all the same.
const STEPS_MAX: usize = 12;

/// A place, the value of a function there, and its slope.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tangent {
    pub(super) x: f64,
    pub(super) value: f64,
    pub(super) slope: f64,
}

impl Tangent {
    /// Where the curve is 0 that runs through here and `before` and is as steep in both: x over the value, by Hermite's
    /// cubic.
    fn root_with(self, before: Self) -> f64 {
        let width = before.value - self.value;
        let z = -self.value / width;
        let (rest, steep) = (1.0 - z, width / self.slope);
        (1.0 + 2.0 * z) * rest * rest * self.x
            + z * rest * rest * steep
            + z * z * (3.0 - 2.0 * z) * before.x
            + z * z * (z - 1.0) * width / before.slope
    }
}

/// About where a falling function is 0 between `start`, where it is above, and `high`, where it is not: `second` is
/// looked at first, then where the cubic through the last two places is, halving what is left of the interval where
/// that would leave it. Stops when a step is below `step`, so that what is left to go is about its cube.
pub(super) fn root(start: Tangent, second: f64, high: f64, step: f64, function: impl Fn(f64) -> (f64, f64)) -> f64 {
    let (mut low, mut high, mut before) = (start.x, high, start);
    let within = |x: f64, low: f64, high: f64| if x > low && x < high { x } else { low + (high - low) / 2.0 };
    let mut x = within(second, low, high);
    for _ in 0..STEPS_MAX {
        let (value, slope) = function(x);
        if value > 0.0 {
            low = x;
        } else {
            high = x;
        }
        let here = Tangent { x, value, slope };
        x = within(here.root_with(before), low, high);
        if (x - here.x).abs() < step {
            break;
        }
        before = here;
    }
    x
}

/// The first instant in (`before`, `last`] at which something that stays true becomes true; `None`: it does not. It is
/// looked for around `guess` first.
pub(super) fn first_where(
    before: EventTime,
    last: EventTime,
    guess: EventTime,
    is_true: impl Fn(EventTime) -> bool,
) -> Option<EventTime> {
    let is_true = |millis: i64| is_true(EventTime::from_millis(millis));
    let (mut before, mut holds, guess) = (before.millis(), last.millis(), guess.millis());
    let mut reach = 1;
    if guess > before && guess <= holds && is_true(guess) {
        holds = guess;
        while holds - reach > before && is_true(holds - reach) {
            holds -= reach;
            reach *= 4;
        }
        before = before.max(holds - reach);
    } else {
        if !is_true(holds) {
            return None;
        }
        if guess > before && guess < holds {
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
    Some(EventTime::from_millis(holds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_found_in_few_steps() {
        let asked = std::cell::Cell::new(0);
        let curve = |x: f64| (libm::exp(-x) - 0.2, -libm::exp(-x));
        let start = Tangent { x: 0.0, value: 0.8, slope: -1.0 };
        let found = root(start, 0.8, 10.0, 1e-4, |x| {
            asked.set(asked.get() + 1);
            curve(x)
        });
        assert!((found - libm::log(5.0)).abs() < 1e-10, "{found}");
        assert!(asked.get() <= 4, "{}", asked.get());
    }

    #[test]
    fn a_root_stays_where_it_is_looked_for_whatever_the_slope_says() {
        for slope in [0.0, f64::NAN, 1.0, -1e-300, -1e300] {
            for second in [f64::NAN, -5.0, 1.5, 77.0] {
                let start = Tangent { x: 1.0, value: 1.5, slope };
                let found = root(start, second, 3.0, 1e-3, |x| (2.5 - x, slope));
                assert!((1.0..=3.0).contains(&found), "{found} with a slope of {slope}");
            }
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
                assert_eq!(found, Some(at(first)), "guess {guess}");
                let is_near = (1..5_000).contains(&guess) && (guess - first).abs() <= 1;
                assert!(!is_near || asked.get() <= 5, "{} for a guess of {guess}", asked.get());
            }
        }
        for guess in [0, 1, 4_999, 5_000, 5_001] {
            assert_eq!(first_where(at(0), at(5_000), at(guess), |_| false), None, "guess {guess}");
        }
    }
}
