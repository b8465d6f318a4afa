//! Who a customer is, and the mood they are in.

use super::calendar::DAY_MS;
use super::draw::Dice;
use super::happening::{ConsentChannel, Currency};

/// Shape of the gamma that purchase rates come from: below 1, many are slow and a few are very brisk.
const RATE_SHAPE: f64 = 0.8;
/// Orders a day of an average customer while they are with the shop.
const RATE_MEAN: f64 = 1.0 / 20.0;
/// Nobody's usual gap is longer than this many days: who is slower has left, and is told so by the dropout.
const SLOWEST_DAYS: f64 = 400.0;
/// The beta that chances of leaving after an order come from.
const LEAVING: (f64, f64) = (0.9, 1.35);
/// The odds of leaving are greater by this after the first order: some only wanted to try.
const TRIED_ONCE: f64 = 1.7;

/// What the simulation keeps of a customer who may order again. Kept small: there are millions.
#[derive(Clone, Debug)]
pub(super) struct Customer {
    /// The next order's instant, in even time.
    pub(super) next_even_ms: i64,
    /// Mean days between orders.
    pub(super) usual_gap_ms: f32,
    /// Chance of leaving after an order, in a neutral mood.
    pub(super) leaving: f32,
    /// Factor on the odds of leaving: above 1 after trouble, below after a painless recovery; fades with each order.
    pub(super) grudge: f32,
    /// Natural logarithm of the usual basket in cents.
    pub(super) basket_ln: f32,
    /// Orders so far.
    pub(super) orders: u32,
    /// Pays in this currency always.
    pub(super) currency: Currency,
    /// Channels that are permitted.
    pub(super) consent: Consent,
}

impl Customer {
    /// Somebody who is about to place their first order.
    pub(super) fn drawn(dice: &mut Dice, first_even_ms: i64) -> Self {
        let rate = dice.gamma(RATE_SHAPE) * (RATE_MEAN / RATE_SHAPE);
        let gap_days = 1.0 / rate.max(1.0 / SLOWEST_DAYS);
        let leaving = dice.beta(LEAVING.0, LEAVING.1);
        let basket_ln = libm::log(4_200.0) + 0.6 * dice.normal();
        let currency = dice.pick(&[(92, Currency::Eur), (6, Currency::Usd), (2, Currency::Jpy)]);
        Self {
            next_even_ms: first_even_ms,
            usual_gap_ms: (gap_days * DAY_MS as f64) as f32,
            leaving: leaving as f32,
            grudge: 1.0,
            basket_ln: basket_ln as f32,
            orders: 0,
            currency,
            consent: Consent::default(),
        }
    }

    /// Trouble (above 1) or a painless recovery (below 1) changes the odds of leaving after this order and, less and
    /// less, after the next ones.
    pub(super) fn remembers(&mut self, factor: f64) {
        self.grudge *= factor as f32;
    }

    /// The chance that the order just placed was the last.
    pub(super) fn chance_of_leaving(&self) -> f64 {
        let tried_once = if self.orders == 1 { TRIED_ONCE } else { 1.0 };
        let odds = f64::from(self.leaving) * f64::from(self.grudge) * tried_once;
        odds / (1.0 - f64::from(self.leaving) + odds)
    }

    /// Half of any grudge, in log-odds, is gone by the next order.
    pub(super) fn forgives(&mut self) {
        self.grudge = libm::sqrtf(self.grudge);
    }
}

/// The channels a customer permits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Consent(u8);

impl Consent {
    const fn bit(channel: ConsentChannel) -> u8 {
        1 << channel as u8
    }

    pub(super) const fn is_granted(self, channel: ConsentChannel) -> bool {
        self.0 & Self::bit(channel) != 0
    }

    pub(super) const fn change(&mut self, channel: ConsentChannel, granted: bool) {
        if granted {
            self.0 |= Self::bit(channel);
        } else {
            self.0 &= !Self::bit(channel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::draw::DiceBox;

    #[test]
    fn a_grudge_raises_the_chance_of_leaving_and_fades() {
        let mut ana = Customer::drawn(&mut DiceBox::new(1).chapter(1, 0), 0);
        let before = ana.chance_of_leaving();
        ana.remembers(4.0);
        let upset = ana.chance_of_leaving();
        ana.forgives();
        let later = ana.chance_of_leaving();
        assert!(before < later && later < upset && upset < 1.0);
    }

    #[test]
    fn a_customer_stays_small() {
        assert!(size_of::<Customer>() <= 40);
    }
}
