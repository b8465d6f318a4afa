//! Which customers there are, when they come, and what of their stories is sent.

use std::panic::resume_unwind;

use super::calendar::{self, DAY_MS, EARLIEST_MS, HOUR_MS, TOO_LATE_MS};
use super::customer::Customer;
use super::draw::DiceBox;
use super::event::Place;
use super::options::{ShopOptions, ShopTopics};
use super::story::{Chapter, Planned, Vigour};

/// An endless shop has its customers once this much time has passed.
const HISTORY_MS: i64 = 180 * DAY_MS;
/// Customers that are enough to be counted by several threads.
const WORTH_SHARING: u32 = 1_024;

/// Everything that a story depends on beside its customer.
#[derive(Clone, Debug)]
pub(super) struct World {
    dice_box: DiceBox,
    topics: ShopTopics,
    noise: Noise,
    opens_at_ms: i64,
    closes_at_ms: i64,
    opens_even_ms: i64,
    closes_even_ms: i64,
    /// Newcomers are spread over time: so many of them …
    newcomers: u32,
    /// … in so much even time, and on at that rate until the world closes.
    newcomers_within_ms: i64,
    vigour: Vigour,
}

impl World {
    /// A world that goes on until the last year that the contract has a text for.
    pub(super) fn endless(options: &ShopOptions) -> Self {
        Self::new(options, TOO_LATE_MS, HISTORY_MS)
    }

    /// A world that closes, with newcomers until then.
    pub(super) fn closing(options: &ShopOptions, closes_at_ms: i64) -> Self {
        let mut world = Self::new(options, closes_at_ms, DAY_MS);
        world.newcomers_within_ms = world.closes_even_ms - world.opens_even_ms;
        world
    }

    /// The same world, its customers brisker (above 1) or slower.
    pub(super) fn at_pace(&self, pace: f64) -> Self {
        Self { vigour: Vigour::at_pace(pace), ..self.clone() }
    }

    fn new(options: &ShopOptions, closes_at_ms: i64, newcomers_within_ms: i64) -> Self {
        let opens_at_ms = options.opens_at_ms.clamp(EARLIEST_MS, TOO_LATE_MS - 1);
        let closes_at_ms = closes_at_ms.clamp(opens_at_ms + 1, TOO_LATE_MS);
        let opens_even_ms = calendar::even_time(opens_at_ms);
        // Where the clock runs fast, at night, a span of a few milliseconds may hold no even instant.
        let closes_even_ms = calendar::even_time(closes_at_ms).max(opens_even_ms + 1);
        Self {
            dice_box: DiceBox::new(options.seed),
            topics: options.topics,
            noise: Noise { duplicates_per_mille: options.duplicates_per_mille, late_per_mille: options.late_per_mille },
            opens_at_ms,
            closes_at_ms,
            opens_even_ms,
            closes_even_ms,
            newcomers: options.customers.max(1),
            newcomers_within_ms,
            vigour: Vigour::at_pace(1.0),
        }
    }

    /// The customer of this number at their first order; none when the world has closed by then. Who has a greater
    /// number comes later.
    pub(super) fn newcomer(&self, number: u32) -> Option<Customer> {
        let mut dice = self.dice_box.chapter(number, 0);
        // Each customer has a place of their own in the row, and comes at some instant of the time that belongs to it.
        let in_row = i128::from(number) << 16 | i128::from(dice.below(1 << 16));
        let row = i128::from(self.newcomers) << 16;
        let after_ms = in_row * i128::from(self.newcomers_within_ms) / row;
        let first_ms = i128::from(self.opens_even_ms) + after_ms;
        (first_ms < i128::from(self.closes_even_ms)).then(|| Customer::drawn(&mut dice, first_ms as i64))
    }

    /// Tells a customer's next order and all that follows from it into `planned`; true when another will follow.
    pub(super) fn tell(&self, number: u32, customer: &mut Customer, planned: &mut Vec<Planned>) -> bool {
        planned.clear();
        let chapter = Chapter {
            dice: self.dice_box.chapter(number, customer.orders + 1),
            customer,
            number,
            vigour: self.vigour,
            planned,
        };
        chapter.tell() && customer.next_even_ms < self.closes_even_ms
    }

    /// Whether anybody outside gets to know of this event.
    pub(super) fn is_sent(&self, planned: &Planned) -> bool {
        planned.even_ms < self.closes_even_ms && self.topics.has(planned.happening.topic())
    }

    /// When it happens, in epoch milliseconds.
    pub(super) fn at_ms(&self, even_ms: i64) -> i64 {
        calendar::shop_time(even_ms).clamp(self.opens_at_ms, self.closes_at_ms - 1)
    }

    /// What befalls an event on its way.
    pub(super) fn passage(&self, place: Place) -> Passage {
        if self.noise == Noise::default() {
            return Passage::default();
        }
        let Place { customer, order, piece } = place;
        self.noise.befalls(self.dice_box.of_message(customer, order, piece))
    }

    /// Events that are sent of the stories of every `stride`th customer, or one more than `limit` if there are more.
    pub(super) fn count(&self, stride: u32, limit: u64) -> u64 {
        let asked = self.newcomers.div_ceil(stride);
        let hands = match std::thread::available_parallelism() {
            Ok(hands) if asked >= WORTH_SHARING => hands.get().min(16) as u32,
            _ => 1,
        };
        // Customers don't know of each other, so nobody can tell from the sum how many hands counted.
        let sum = std::thread::scope(|scope| {
            let every = stride.saturating_mul(hands);
            let shares: Vec<_> =
                (1..hands).map(|hand| scope.spawn(move || self.count_every(hand * stride, every, limit))).collect();
            let first = self.count_every(0, every, limit);
            shares.into_iter().fold(first, |sum, share| sum + share.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        sum.min(limit.saturating_add(1))
    }

    fn count_every(&self, first: u32, stride: u32, limit: u64) -> u64 {
        let mut planned = Vec::new();
        let mut sent = 0;
        for number in (first..self.newcomers).step_by(stride as usize) {
            let Some(mut customer) = self.newcomer(number) else {
                break;
            };
            loop {
                let goes_on = self.tell(number, &mut customer, &mut planned);
                sent += self.count_sent(number, customer.orders, &planned);
                if sent > limit {
                    return sent;
                }
                if !goes_on {
                    break;
                }
            }
        }
        sent
    }

    fn count_sent(&self, customer: u32, order: u32, planned: &[Planned]) -> u64 {
        let sent = planned.iter().zip(0_u8..).filter(|(planned, _)| self.is_sent(planned));
        sent.map(|(_, piece)| {
            let place = Place { customer, order, piece };
            1 + u64::from(self.passage(place).again_after_ms.is_some())
        })
        .sum()
    }

    /// Customers who come within the time that newcomers are spread over.
    pub(super) const fn newcomers(&self) -> u32 {
        self.newcomers
    }
}

/// What befalls messages, in events of a thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Noise {
    duplicates_per_mille: u16,
    late_per_mille: u16,
}

/// How an event travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passage {
    /// How long after it happened it is sent, in milliseconds; less than an hour.
    pub(super) late_by_ms: i64,
    /// How long after it happened it is sent once more, in milliseconds; less than an hour.
    pub(super) again_after_ms: Option<i64>,
}

impl Noise {
    /// From 64 even bits: half of them decide about being late, half about being sent again.
    fn befalls(self, bits: u64) -> Passage {
        let (late, again) = (bits as u32, (bits >> 32) as u32);
        let within_an_hour = |half: u32| 1 + i64::from(half / 1_000) % (HOUR_MS - 1);
        let is_late = late % 1_000 < u32::from(self.late_per_mille);
        let is_twice = again % 1_000 < u32::from(self.duplicates_per_mille);
        Passage {
            late_by_ms: if is_late { within_an_hour(late) } else { 0 },
            again_after_ms: is_twice.then(|| within_an_hour(again)),
        }
    }
}
