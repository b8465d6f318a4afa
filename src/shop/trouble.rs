//! Tickets: what goes wrong with an order, how it is mended, and what the customer makes of it.

use super::draw::Dice;
use super::happening::{Category, Happening, Scale, SupportChannel};
use super::story::{Planned, Vigour};

/// Odds of leaving are multiplied by this when a complaint is never settled …
const NEVER_SETTLED: f64 = 4.5;
/// … or settled, but late.
const SETTLED_LATE: f64 = 1.7;
/// For each time that the customer had to get in touch again or to reopen the ticket.
const EFFORT: f64 = 1.35;
/// A complaint that was settled at once and for good makes up for a little more than itself.
const PAINLESS: f64 = 0.8;

const HOUR_DAYS: f64 = 1.0 / 24.0;

const CHANNELS: [(u32, Option<SupportChannel>); 4] =
    [(4, Some(SupportChannel::Email)), (3, Some(SupportChannel::Phone)), (2, Some(SupportChannel::Chat)), (1, None)];

/// With some probability the order leads to a ticket. The answer is the factor on the odds that the customer leaves.
pub(super) fn perhaps_complain(dice: &mut Dice, ordered_ms: i64, vigour: Vigour, planned: &mut Vec<Planned>) -> f64 {
    if !dice.chance(0.1) {
        planned.extend(perhaps_rate_the_shop(dice, ordered_ms, vigour));
        return 1.0;
    }
    let (category, is_harmless) = dice.pick(&[
        (22, (Some(Category::Delivery), false)),
        (20, (Some(Category::Broken), false)),
        (14, (Some(Category::Exchange), true)),
        (14, (Some(Category::Return), true)),
        (8, (Some(Category::Billing), false)),
        (6, (Some(Category::SpecialRequest), true)),
        (6, (Some(Category::Advice), true)),
        (6, (Some(Category::Other), false)),
        (4, (None, false)),
    ]);
    let mut ticket = Ticket { dice, planned, now_ms: ordered_ms, vigour, efforts: 0 };
    ticket.opens(category);
    let settled = ticket.is_worked_on();
    ticket.perhaps_is_rated(settled);
    settled.factor_on_leaving(ticket.efforts, is_harmless)
}

/// A rating now and then by somebody who has nothing to complain about.
fn perhaps_rate_the_shop(dice: &mut Dice, ordered_ms: i64, vigour: Vigour) -> Option<Planned> {
    if !dice.chance(0.04) {
        return None;
    }
    let score = dice.pick(&[(1, 4), (1, 6), (3, 7), (5, 8), (6, 9), (6, 10)]);
    let happening = Happening::Feedback { scale: Scale::Nps, score, about_ticket: false };
    let even_ms = ordered_ms + vigour.in_ms(dice.between(1.0, 15.0));
    Some(Planned { even_ms, happening })
}

/// How a ticket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    Fast,
    Late,
    Never,
}

impl Settled {
    fn factor_on_leaving(self, efforts: u32, is_harmless: bool) -> f64 {
        let end = match self {
            Self::Never if is_harmless => SETTLED_LATE,
            Self::Never => NEVER_SETTLED,
            Self::Late if is_harmless => 1.0,
            Self::Late => SETTLED_LATE,
            Self::Fast if efforts == 0 => PAINLESS,
            Self::Fast => 1.0,
        };
        (0..efforts).fold(end, |factor, _| factor * EFFORT)
    }
}

/// A ticket on its way; `now_ms` is even time and moves on with each step.
struct Ticket<'a> {
    dice: &'a mut Dice,
    planned: &'a mut Vec<Planned>,
    now_ms: i64,
    vigour: Vigour,
    efforts: u32,
}

impl Ticket<'_> {
    fn plan(&mut self, happening: Happening) {
        let even_ms = self.now_ms;
        self.planned.push(Planned { even_ms, happening });
    }

    fn waits(&mut self, from_days: f64, to_days: f64) {
        self.now_ms += self.vigour.in_ms(self.dice.between(from_days, to_days));
    }

    fn opens(&mut self, category: Option<Category>) {
        self.waits(0.3, 9.0);
        let channel = self.dice.pick(&CHANNELS);
        let names_order = self.dice.chance(0.8);
        self.plan(Happening::TicketOpened { category, channel, names_order });
    }

    fn is_worked_on(&mut self) -> Settled {
        let settled = self.dice.pick(&[(56, Settled::Fast), (31, Settled::Late), (13, Settled::Never)]);
        match settled {
            Settled::Fast => {
                self.is_asked_after(0.06, 0.05, 0.3);
                self.waits(HOUR_DAYS, 0.6);
                self.plan(Happening::TicketResolved);
            }
            Settled::Late => {
                self.is_asked_after(0.45, 1.0, 3.0);
                self.is_asked_after(0.15, 1.0, 3.0);
                self.waits(1.2, 7.0);
                self.plan(Happening::TicketResolved);
            }
            Settled::Never => {
                self.is_asked_after(0.7, 1.0, 4.0);
                self.is_asked_after(0.4, 1.0, 6.0);
                self.is_asked_after(0.2, 2.0, 9.0);
                return Settled::Never;
            }
        }
        self.perhaps_comes_back(settled)
    }

    fn is_asked_after(&mut self, probability: f64, from_days: f64, to_days: f64) {
        if self.dice.chance(probability) {
            self.waits(from_days, to_days);
            let channel = self.dice.pick(&CHANNELS);
            self.plan(Happening::CustomerContacted { channel });
            self.efforts += 1;
        }
    }

    /// Some of what is called resolved is not.
    fn perhaps_comes_back(&mut self, settled: Settled) -> Settled {
        if !self.dice.chance(0.08) {
            return settled;
        }
        self.waits(0.2, 6.0);
        self.plan(Happening::TicketReopened);
        self.efforts += 1;
        if !self.dice.chance(0.8) {
            return Settled::Never;
        }
        self.waits(0.3, 4.0);
        self.plan(Happening::TicketResolved);
        Settled::Late
    }

    /// The better it went, the better the rating; and those who are cross answer more often.
    fn perhaps_is_rated(&mut self, settled: Settled) {
        let content = match (settled, self.efforts) {
            (Settled::Fast, 0) => 0.85,
            (Settled::Fast, _) | (Settled::Late, 0) => 0.55,
            (Settled::Late, _) => 0.35,
            (Settled::Never, _) => 0.1,
        };
        if !self.dice.chance(0.45 - 0.15 * content) {
            return;
        }
        let (scale, lowest, highest) =
            self.dice.pick(&[(5, (Scale::Csat, 1.0, 5.0)), (3, (Scale::Ces, 1.0, 7.0)), (2, (Scale::Nps, 0.0, 10.0))]);
        let felt = (content + 0.2 * self.dice.normal()).clamp(0.0, 1.0);
        let score = libm::round(lowest + (highest - lowest) * felt) as u8;
        self.waits(0.1, 3.0);
        self.plan(Happening::Feedback { scale, score, about_ticket: true });
    }
}
