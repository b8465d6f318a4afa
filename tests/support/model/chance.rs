//! How likely a customer is to order again: MBG/NBD, written down from the definitions.

/// Days, like every time below.
#[derive(Clone, Copy, Debug)]
pub struct Parameters {
    pub r: f64,
    pub alpha: f64,
    pub a: f64,
    pub b: f64,
}

/// What a shop starts with: fitted to a sample of CDNOW.
pub const DEFAULT: Parameters = Parameters { r: 0.525, alpha: 43.28, a: 0.891, b: 1.614 };

/// How far ahead the chance looks.
pub const HORIZON: f64 = 90.0;

const SURE: f64 = 1.0 - 1e-12;
const IMPOSSIBLE: f64 = 1e-12;

/// How often and when somebody bought: `x` days after the first, the last of them `tx` after it, now `t` after it.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    pub x: f64,
    pub tx: f64,
    pub t: f64,
}

impl Parameters {
    pub fn alive(&self, past: Past) -> f64 {
        let silence = (self.alpha + past.t) / (self.alpha + past.tx);
        1.0 / (1.0 + self.a / (self.b + past.x) * silence.powf(self.r + past.x))
    }

    pub fn order_within(&self, past: Past, horizon: f64) -> f64 {
        let patience = (self.alpha + past.t) / (self.alpha + past.t + horizon);
        (self.alive(past) * (1.0 - patience.powf(self.r + past.x))).clamp(IMPOSSIBLE, SURE)
    }

    /// Half of those who still buy at all have ordered by then.
    pub fn median_days_to_next(&self, past: Past) -> f64 {
        (self.alpha + past.t) * (2_f64.powf(1.0 / (self.r + past.x)) - 1.0)
    }
}

pub fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

pub fn sigma(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}
