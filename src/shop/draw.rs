//! Chance, bit for bit: the same seed, customer and chapter give the same draws on every machine.
//!
//! Only `libm` and the exact operations of IEEE 754 are used; the standard library's logarithms differ between
//! platforms.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Words of a customer's stream kept for each chapter of their story: far more than a chapter draws.
const WORDS_PER_CHAPTER: u128 = 1 << 10;

const TWO_POW_MINUS_32: f64 = 1.0 / 4_294_967_296.0;
const TWO_POW_MINUS_53: f64 = 1.0 / 9_007_199_254_740_992.0;

/// Hands out the dice for every chapter of every story.
#[derive(Clone, Debug)]
pub(super) struct DiceBox {
    seed: u64,
    unrolled: ChaCha8Rng,
}

impl DiceBox {
    pub(super) fn new(seed: u64) -> Self {
        let unrolled = ChaCha8Rng::seed_from_u64(seed);
        Self { seed, unrolled }
    }

    /// The dice of one chapter of one customer's story. Chapter 0 is who they are, chapter n their nth order.
    pub(super) fn chapter(&self, customer: u32, chapter: u32) -> Dice {
        let mut rng = self.unrolled.clone();
        rng.set_stream(u64::from(customer));
        rng.set_word_pos(u128::from(chapter) * WORDS_PER_CHAPTER);
        Dice { rng }
    }

    /// A number for one event that is no part of the customer's story: what befalls a message on its way.
    pub(super) fn of_message(&self, customer: u32, chapter: u32, piece: u8) -> u64 {
        let who = mixed(self.seed ^ u64::from(customer));
        mixed(who ^ (u64::from(chapter) << 8 | u64::from(piece)))
    }
}

/// The finalizer of SplitMix64: every bit of the input moves every bit of the output.
pub(super) const fn mixed(input: u64) -> u64 {
    let mut z = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What one chapter is drawn from.
pub(super) struct Dice {
    rng: ChaCha8Rng,
}

impl Dice {
    /// Evenly within (0, 1), both ends left out.
    pub(super) fn unit(&mut self) -> f64 {
        ((self.rng.next_u64() >> 11) as f64 + 0.5) * TWO_POW_MINUS_53
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        f64::from(self.rng.next_u32()) * TWO_POW_MINUS_32 < probability
    }

    /// Evenly within a range of numbers.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (f64::from(self.rng.next_u32()) * TWO_POW_MINUS_32)
    }

    /// A whole number below `limit`; 0 when the limit is 0.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        ((u64::from(self.rng.next_u32()) * u64::from(limit)) >> 32) as u32
    }

    /// One of several, each as likely as its weight says. There must be at least one.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[(u32, T)]) -> T {
        let total = choices.iter().map(|(weight, _)| weight).sum();
        let mut left = self.below(total);
        for &(weight, choice) in choices {
            if left < weight {
                return choice;
            }
            left -= weight;
        }
        choices[choices.len() - 1].1
    }

    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(self.unit())
    }

    /// Standard normal, by Marsaglia's polar method: no sine, no cosine.
    pub(super) fn normal(&mut self) -> f64 {
        loop {
            let x = 2.0 * self.unit() - 1.0;
            let y = 2.0 * self.unit() - 1.0;
            let square = x * x + y * y;
            if square < 1.0 && square > 0.0 {
                return x * libm::sqrt(-2.0 * libm::log(square) / square);
            }
        }
    }

    /// Gamma with scale 1, by Marsaglia and Tsang (2000); a shape below 1 through the one above it.
    pub(super) fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let above = self.gamma(shape + 1.0);
            return above * libm::pow(self.unit(), 1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        loop {
            let x = self.normal();
            let cube_root = 1.0 + c * x;
            if cube_root <= 0.0 {
                continue;
            }
            let v = cube_root * cube_root * cube_root;
            if libm::log(self.unit()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
                return d * v;
            }
        }
    }

    /// Beta, as one gamma's part of two.
    pub(super) fn beta(&mut self, a: f64, b: f64) -> f64 {
        let first = self.gamma(a);
        let second = self.gamma(b);
        first / (first + second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u32 = 40_000;

    fn mean_and_variance(mut draw: impl FnMut(&mut Dice) -> f64) -> (f64, f64) {
        let dice_box = DiceBox::new(7);
        let drawn: Vec<f64> = (0..DRAWS).map(|customer| draw(&mut dice_box.chapter(customer, 3))).collect();
        let mean = drawn.iter().sum::<f64>() / f64::from(DRAWS);
        let variance = drawn.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
        (mean, variance / f64::from(DRAWS))
    }

    fn assert_near(actual: f64, expected: f64, slack: f64) {
        assert!((actual - expected).abs() < slack, "{actual} is not within {slack} of {expected}");
    }

    #[test]
    fn distributions_have_their_moments() {
        let (mean, variance) = mean_and_variance(Dice::unit);
        assert_near(mean, 0.5, 0.01);
        assert_near(variance, 1.0 / 12.0, 0.005);
        let (mean, variance) = mean_and_variance(Dice::normal);
        assert_near(mean, 0.0, 0.02);
        assert_near(variance, 1.0, 0.03);
        let (mean, variance) = mean_and_variance(|dice| dice.exponential(5.0));
        assert_near(mean, 5.0, 0.1);
        assert_near(variance, 25.0, 1.5);
        let (mean, variance) = mean_and_variance(|dice| dice.gamma(0.6));
        assert_near(mean, 0.6, 0.02);
        assert_near(variance, 0.6, 0.05);
        let (mean, variance) = mean_and_variance(|dice| dice.gamma(3.5));
        assert_near(mean, 3.5, 0.05);
        assert_near(variance, 3.5, 0.15);
        let (mean, _) = mean_and_variance(|dice| dice.beta(1.0, 3.0));
        assert_near(mean, 0.25, 0.01);
    }

    #[test]
    fn weights_are_kept() {
        let (share, _) = mean_and_variance(|dice| dice.pick(&[(1, 0.0), (3, 1.0)]));
        assert_near(share, 0.75, 0.01);
    }

    #[test]
    fn a_chapter_is_the_same_whenever_it_is_opened() {
        let dice_box = DiceBox::new(11);
        let mut first = dice_box.chapter(5, 2);
        let mut other = dice_box.chapter(6, 2);
        let mut again = dice_box.chapter(5, 2);
        let drawn: Vec<f64> = (0..10).map(|_| first.unit()).collect();
        let drawn_again: Vec<f64> = (0..10).map(|_| again.unit()).collect();
        assert_eq!(drawn, drawn_again);
        assert_ne!(drawn[0], other.unit());
    }
}
