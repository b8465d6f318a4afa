//! The repeat-buying model: from the days on which somebody bought to the chance that they buy again.
//!
//! MBG/NBD (Batislam, Denizel & Filiztekin 2007): the BG/NBD of Fader, Hardie & Lee (2005) in which a customer may
//! drop out right after the first purchase too. While alive a customer buys at a rate drawn from Gamma(r, α); after
//! every purchase they drop out with a probability drawn from Beta(a, b).
//!
//! All arithmetic goes through `libm`, so that the same history gives the same bits on every machine.

use super::purchase::PurchaseDays;
use super::time::EventTime;

/// The four parameters. All are above 0; `alpha` is in days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// Shape of the distribution of buying rates.
    pub r: f64,
    /// Scale of the distribution of buying rates, in days.
    pub alpha: f64,
    /// First parameter of the distribution of dropout probabilities.
    pub a: f64,
    /// Second parameter of the distribution of dropout probabilities.
    pub b: f64,
}

impl Parameters {
    /// Fitted to the CDNOW sample (α 6.183 weeks): in force until a shop has fitted its own.
    pub const CDNOW: Self = Self { r: 0.525, alpha: 43.28, a: 0.891, b: 1.614 };
}

/// A customer as the model sees them at one instant. Times in days of 86,400 s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recency {
    /// Purchase days after the first one.
    pub x: f64,
    /// From the first order to the last purchase day.
    pub tx: f64,
    /// From the first order to now, not less than `tx`.
    pub t: f64,
}

impl Recency {
    /// How somebody with these purchase days looks at `now`.
    pub fn at(now: EventTime, days: &PurchaseDays) -> Self {
        let tx = days.last.days_since(days.first);
        let t = now.days_since(days.first).max(tx);
        Self { x: f64::from(days.count.saturating_sub(1)), tx, t }
    }
}

/// The smallest distance of a probability from 0 and from 1, so that its log-odds stay finite.
const EDGE: f64 = 1e-12;

fn held(probability: f64) -> f64 {
    probability.clamp(EDGE, 1.0 - EDGE)
}

impl Parameters {
    /// The probability that the customer has not dropped out.
    pub fn p_alive(&self, c: &Recency) -> f64 {
        let silence = (self.r + c.x) * (libm::log(self.alpha + c.t) - libm::log(self.alpha + c.tx));
        1.0 / (1.0 + self.a / (self.b + c.x) * libm::exp(silence))
    }

    /// The probability of at least one order within the next `days`, in [1e-12, 1 − 1e-12]. Exact, as one can
    /// only drop out at a purchase.
    pub fn p_order_within(&self, days: f64, c: &Recency) -> f64 {
        self.silence(days, c).p_order_within(self.alpha + c.t)
    }

    /// What silence does to a customer: only `t` moves until the next order.
    pub fn silence(&self, days: f64, c: &Recency) -> Silence {
        let last = self.alpha + c.tx;
        Silence { orders: self.r + c.x, dropout: self.a / (self.b + c.x), last, log_last: libm::log(last), days }
    }

    /// The median of the days to the next order, if alive.
    pub fn median_days_to_next(&self, c: &Recency) -> f64 {
        (self.alpha + c.t) * libm::expm1(core::f64::consts::LN_2 / (self.r + c.x))
    }
}

/// The chance of a return as it falls with silence, all that silence does not change worked out once.
#[derive(Clone, Copy, Debug)]
pub struct Silence {
    orders: f64,
    dropout: f64,
    /// α + tx.
    last: f64,
    log_last: f64,
    days: f64,
}

impl Silence {
    /// [`Parameters::p_order_within`] where `elapsed` is α + t.
    pub fn p_order_within(&self, elapsed: f64) -> f64 {
        // Just after an order there has been no silence: the same as below, with fewer logarithms.
        let (log, gone) = if elapsed == self.last {
            (self.log_last, 1.0)
        } else {
            let log = libm::log(elapsed);
            (log, libm::exp(self.orders * (log - self.log_last)))
        };
        let alive = 1.0 / (1.0 + self.dropout * gone);
        let none = self.orders * (log - libm::log(elapsed + self.days));
        held(alive * -libm::expm1(none))
    }

    /// The same, not held, where the logarithm of α + t is given, and its slope over that logarithm.
    pub fn over_log(&self, log: f64) -> (f64, f64) {
        let later = libm::exp(log) + self.days;
        let alive = 1.0 / (1.0 + self.dropout * libm::exp(self.orders * (log - self.log_last)));
        let some = -libm::expm1(self.orders * (log - libm::log(later)));
        (alive * some, self.slope(alive, some, later))
    }

    /// The logarithm of α + t just after the last order, and the slope there, where that chance is known.
    pub fn at_last(&self, chance: f64) -> (f64, f64) {
        let alive = 1.0 / (1.0 + self.dropout);
        (self.log_last, self.slope(alive, chance / alive, self.last + self.days))
    }

    fn slope(&self, alive: f64, some: f64, later: f64) -> f64 {
        -self.orders * alive * ((1.0 - alive) * some + (1.0 - some) * self.days / later)
    }
}

/// Log-odds of a probability, which is held within [1e-12, 1 − 1e-12].
pub fn logit(probability: f64) -> f64 {
    let p = held(probability);
    libm::log(p) - libm::log1p(-p)
}

/// The probability of log-odds.
pub fn sigmoid(log_odds: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-log_odds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_values() {
        // Weeks; computed with the Python package `lifetimes` for the CDNOW sample.
        let weekly = Parameters { r: 0.525, alpha: 6.183, a: 0.891, b: 1.614 };
        for (x, tx, t, alive, in_13, in_39) in [
            (0.0, 0.0, 38.86, 0.3897350809, 0.0485773916, 0.1088293988),
            (0.0, 0.0, 2.0, 0.6099239173, 0.2397452961, 0.3668057915),
            (2.0, 30.43, 38.86, 0.7062022651, 0.3339222825, 0.5599940908),
            (7.0, 20.0, 38.86, 0.1402075290, 0.1194058113, 0.1389238907),
            (26.0, 30.86, 31.0, 0.9655661441, 0.9652265943, 0.9655661389),
        ] {
            let c = Recency { x, tx, t };
            assert!((weekly.p_alive(&c) - alive).abs() < 1e-9);
            assert!((weekly.p_order_within(13.0, &c) - in_13).abs() < 1e-9);
            assert!((weekly.p_order_within(39.0, &c) - in_39).abs() < 1e-9);
        }
    }

    #[test]
    fn the_slope_is_that_of_the_curve() {
        let silence = Parameters::CDNOW.silence(90.0, &Recency { x: 3.0, tx: 100.0, t: 100.0 });
        for log in [5.0, 5.5, 6.0, 7.0] {
            let (chance, slope) = silence.over_log(log);
            let near = |by: f64| silence.over_log(log + by).0;
            assert!((chance - silence.p_order_within(libm::exp(log))).abs() < 1e-12);
            assert!((slope - (near(1e-6) - near(-1e-6)) / 2e-6).abs() < 1e-7, "{slope} at {log}");
        }
        let (log, slope) = silence.at_last(silence.p_order_within(Parameters::CDNOW.alpha + 100.0));
        assert!((log - libm::log(Parameters::CDNOW.alpha + 100.0)).abs() < 1e-12);
        assert!((slope - silence.over_log(log).1).abs() < 1e-12, "{slope} just after the last order");
    }

    #[test]
    fn half_of_the_living_have_bought_by_the_median() {
        let c = Recency { x: 3.0, tx: 100.0, t: 120.0 };
        let p = Parameters::CDNOW;
        let at_median = p.p_order_within(p.median_days_to_next(&c), &c) / p.p_alive(&c);
        assert!((at_median - 0.5).abs() < 1e-12);
    }
}
