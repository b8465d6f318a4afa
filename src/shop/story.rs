//! All that follows from one order: what is bought, given back, complained about, said to the customer, and whether
//! they will ever order again.
//!
//! A chapter is told to its end at once, and always in full, so that no choice of topics can change the next one.

use super::calendar::DAY_MS;
use super::customer::Customer;
use super::draw::Dice;
use super::happening::{Basket, ConsentChannel, Currency, Happening, Opportunity, Purpose, RefundReason, SalesChannel};
use super::trouble;

/// One event of a chapter, in even time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned {
    pub(super) even_ms: i64,
    pub(super) happening: Happening,
}

/// How lively the world is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vigour {
    /// Factor on everybody's rate of purchase.
    pace: f64,
    /// Factor on the chance that a first order was the only one.
    first_leaving: f64,
    /// Factor on the chances of leaving and of pausing after a later order.
    later_leaving: f64,
    /// Factor on the time in which things follow from an order: 1 unless orders themselves follow fast upon each other.
    delay: f64,
}

impl Vigour {
    /// Up to this pace as many leave after their first order as ever (a busy shop has regulars, and one-time buyers
    /// too), and tickets and messages take their time.
    const NATURAL_UP_TO: f64 = 16.0;

    /// A world `pace` times as brisk as the natural one. Beyond that, customers stay longer: pace alone can't give any
    /// number of orders.
    pub(super) fn at_pace(pace: f64) -> Self {
        let slower = (Self::NATURAL_UP_TO / pace).min(1.0);
        // What follows has to come nearer faster than orders do: else any number of orders could fit into a moment in
        // which no ticket can be opened, and no pace would be enough for a number of tickets.
        Self { pace, first_leaving: slower, later_leaving: (1.0 / pace).min(1.0), delay: slower * slower }
    }

    /// Milliseconds after which something follows that takes this many days in a natural world.
    pub(super) fn in_ms(self, days: f64) -> i64 {
        (days * self.delay * DAY_MS as f64) as i64
    }
}

/// An order being told.
pub(super) struct Chapter<'a> {
    pub(super) dice: Dice,
    pub(super) customer: &'a mut Customer,
    /// The customer's number.
    pub(super) number: u32,
    pub(super) vigour: Vigour,
    /// Everything that happens, in the order in which it was thought of. The order itself comes first.
    pub(super) planned: &'a mut Vec<Planned>,
}

impl Chapter<'_> {
    /// Tells the customer's next order and what follows from it. Afterwards `next_even_ms` is the order after that;
    /// false when there will be none.
    pub(super) fn tell(mut self) -> bool {
        let ordered_ms = self.customer.next_even_ms;
        self.customer.orders = self.customer.orders.saturating_add(1);

        let basket = self.basket();
        self.plan(ordered_ms, Happening::Purchase(basket));
        self.perhaps_refund(ordered_ms, &basket);
        let factor = trouble::perhaps_complain(&mut self.dice, ordered_ms, self.vigour, self.planned);
        self.customer.remembers(factor);

        let next_ms = self.next_order(ordered_ms);
        self.contacts(ordered_ms, next_ms);

        self.customer.forgives();
        self.customer.next_even_ms = next_ms.unwrap_or(i64::MAX);
        next_ms.is_some()
    }

    fn plan(&mut self, even_ms: i64, happening: Happening) {
        self.planned.push(Planned { even_ms, happening });
    }

    fn basket(&mut self) -> Basket {
        let currency = self.customer.currency;
        let cents = libm::exp(f64::from(self.customer.basket_ln) + 0.45 * self.dice.normal());
        let amount = match currency {
            Currency::Eur | Currency::Usd => cents.clamp(100.0, 5_000_000.0),
            Currency::Jpy => (cents * 1.6).clamp(150.0, 8_000_000.0),
        };
        let is_told = self.dice.chance(0.6);
        let channel = self.dice.pick(&[(60, SalesChannel::Web), (25, SalesChannel::App), (15, SalesChannel::Store)]);
        let is_reduced = self.dice.chance(0.14);
        let percent = self.dice.pick(&[(5, 5), (5, 10), (2, 15), (2, 20), (1, 30)]);
        let lists_items = self.dice.chance(0.12);
        let lines = 1 + self.dice.below(4) as u8;
        let came_with_friend = self.customer.orders == 1 && self.dice.chance(0.12);
        let friend = self.dice.below(self.number);
        Basket {
            amount_minor: amount as u32,
            currency,
            channel: is_told.then_some(channel),
            discount_percent: if is_reduced { percent } else { 0 },
            items: if lists_items { lines } else { 0 },
            referred_by: (came_with_friend && self.number > 0).then_some(friend),
        }
    }

    /// Things are sent back without harm: nobody leaves, and nobody stays, because of it.
    fn perhaps_refund(&mut self, ordered_ms: i64, basket: &Basket) {
        if !self.dice.chance(0.07) {
            return;
        }
        let days = self.dice.between(2.0, 20.0);
        let amount_minor =
            if self.dice.chance(0.6) { basket.amount_minor } else { 1 + self.dice.below(basket.amount_minor) };
        let reason = self.dice.pick(&[
            (5, Some(RefundReason::DidNotFit)),
            (4, Some(RefundReason::ChangedMind)),
            (1, Some(RefundReason::ArrivedDamaged)),
            (5, None),
        ]);
        let currency = basket.currency;
        self.plan(ordered_ms + self.vigour.in_ms(days), Happening::Refund { amount_minor, currency, reason });
    }

    /// When the next order comes, if the customer doesn't leave now. Some stay away for a season and come back.
    fn next_order(&mut self, ordered_ms: i64) -> Option<i64> {
        let fickleness = if self.customer.orders == 1 { self.vigour.first_leaving } else { self.vigour.later_leaving };
        let leaves = self.customer.chance_of_leaving() * fickleness;
        let is_gone = self.dice.chance(leaves);
        let usual_gap_ms = f64::from(self.customer.usual_gap_ms) / self.vigour.pace;
        let gap_ms = self.dice.exponential(usual_gap_ms) as i64;
        let pauses = self.dice.chance(0.1 * fickleness);
        let pause_ms = self.dice.between(75.0, 210.0) * DAY_MS as f64;
        if is_gone {
            return None;
        }
        let after_ms = gap_ms.saturating_add(if pauses { pause_ms as i64 } else { 0 });
        Some(ordered_ms.saturating_add(after_ms))
    }

    /// What is permitted, said and talked about before the next order.
    fn contacts(&mut self, ordered_ms: i64, next_ms: Option<i64>) {
        let next_ms = next_ms.unwrap_or(i64::MAX);
        self.ask_for_consent(ordered_ms, next_ms);
        let opt_out = self.perhaps_opt_out(ordered_ms, next_ms);
        let until_ms = |channel| match opt_out {
            Some((withdrawn, at_ms)) if withdrawn == channel => at_ms - 1,
            _ => next_ms,
        };
        let email = (ConsentChannel::Email, until_ms(ConsentChannel::Email));
        let sms = (ConsentChannel::Sms, until_ms(ConsentChannel::Sms));

        self.perhaps_write(Purpose::ThankYou, 0.18, (0.2, 2.0), ordered_ms, [email, sms]);
        self.perhaps_write(Purpose::Review, 0.08, (7.0, 12.0), ordered_ms, [email, sms]);
        self.perhaps_write(Purpose::Offer, 0.12, (15.0, 45.0), ordered_ms, [email, sms]);
        self.perhaps_write(Purpose::Service, 0.02, (1.0, 30.0), ordered_ms, [sms, email]);
        self.perhaps_write(Purpose::WinBack, 0.45, (60.0, 89.0), ordered_ms, [email, sms]);
        self.perhaps_talk(ordered_ms, next_ms);

        // Only now: what was written above was written before the customer changed their mind.
        if let Some((channel, _)) = opt_out {
            self.customer.consent.change(channel, false);
        }
    }

    /// Customers are asked at the checkout of their first order, and again sometimes when they said no.
    fn ask_for_consent(&mut self, ordered_ms: i64, next_ms: i64) {
        let is_first = self.customer.orders == 1;
        for (channel, answers, grants) in [
            (ConsentChannel::Email, 0.92, 0.85),
            (ConsentChannel::Sms, 0.15, 0.8),
            (ConsentChannel::Phone, 0.06, 0.7),
            (ConsentChannel::Post, 0.05, 0.9),
        ] {
            let again = channel == ConsentChannel::Email && !self.customer.consent.is_granted(channel);
            let answered = self.dice.chance(match (is_first, again) {
                (true, _) => answers,
                (false, true) => 0.03,
                (false, false) => 0.0,
            });
            let granted = self.dice.chance(grants);
            let at_ms = ordered_ms + self.vigour.in_ms(self.dice.between(0.0, 0.001));
            if answered && at_ms <= next_ms {
                self.customer.consent.change(channel, granted);
                self.plan(at_ms, Happening::ConsentChanged { channel, granted });
            }
        }
    }

    /// The channel a customer withdraws, and when.
    fn perhaps_opt_out(&mut self, ordered_ms: i64, next_ms: i64) -> Option<(ConsentChannel, i64)> {
        let has_enough = self.dice.chance(0.03);
        let channel = self.dice.pick(&[(9, ConsentChannel::Email), (1, ConsentChannel::Sms)]);
        let at_ms = ordered_ms + self.vigour.in_ms(self.dice.between(0.05, 40.0));
        if !has_enough || !self.customer.consent.is_granted(channel) || at_ms > next_ms {
            return None;
        }
        let granted = false;
        self.plan(at_ms, Happening::ConsentChanged { channel, granted });
        Some((channel, at_ms))
    }

    /// Writes with some probability, some days after the order, over the first channel that is permitted then. Each
    /// channel comes with the last instant at which it may be used.
    fn perhaps_write(
        &mut self,
        purpose: Purpose,
        probability: f64,
        days: (f64, f64),
        ordered_ms: i64,
        channels: [(ConsentChannel, i64); 2],
    ) {
        let writes = self.dice.chance(probability);
        let at_ms = ordered_ms + self.vigour.in_ms(self.dice.between(days.0, days.1));
        let permitted = channels
            .iter()
            .find(|&&(channel, until_ms)| self.customer.consent.is_granted(channel) && at_ms <= until_ms);
        if let (true, Some(&(channel, _))) = (writes, permitted) {
            self.plan(at_ms, Happening::ContactSent { channel, purpose });
        }
    }

    fn perhaps_talk(&mut self, ordered_ms: i64, next_ms: i64) {
        let talks = self.dice.chance(0.006);
        let at_ms = ordered_ms + self.vigour.in_ms(self.dice.between(3.0, 40.0));
        if !talks || at_ms > next_ms {
            return;
        }
        let opportunity = self.dice.pick(&[(2, Some(Opportunity::Low)), (2, Some(Opportunity::High)), (1, None)]);
        let competitor_mentioned = self.dice.pick(&[(2, Some(false)), (1, Some(true)), (2, None)]);
        self.plan(at_ms, Happening::ReviewHeld { opportunity, competitor_mentioned });
    }
}
