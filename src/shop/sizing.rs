//! How brisk a world must be to give an exact number of events.
//!
//! With the same dice a brisker world tells the same stories in less time, so the number of events grows with the pace.
//! A sample of the customers gives the pace roughly; then all are counted until there are enough events and hardly
//! any too many. The stream ends after the wanted number, a little before the world closes.

use super::options::ShopOptions;
use super::world::World;

/// Customers that the first estimate asks …
const SAMPLE: u32 = 2_048;
/// … or one in so many, if that is more …
const SAMPLED_OF: u32 = 64;
/// … or fewer, if they would tell more events than this …
const SAMPLED_EVENTS: u64 = 50_000;
/// … but no fewer than these, if there are so many.
const SAMPLE_LEAST: u32 = 16;
/// A slower shop has hardly any customer who returns: rather fewer customers than that.
const SLOWEST: f64 = 0.4;
/// Counts of all customers that are spent on coming closer.
const COUNTS: u32 = 7;
/// Halvings of the interval that holds the sample's pace.
const HALVINGS: u32 = 8;

/// A world with at least `events` events of the chosen topics before it closes, and hardly more if that can be.
pub(super) fn world_of(options: &ShopOptions, events: u64, closes_at_ms: i64) -> World {
    let events = events.max(1);
    let most =
        ShopOptions { customers: options.customers.min(u32::try_from(events).unwrap_or(u32::MAX)), ..options.clone() };
    let world = World::closing(&most, closes_at_ms);
    let surplus = Sample::of(&world, events).share(SLOWEST);
    if surplus <= 1.0 {
        return with_enough(&world, events);
    }
    let customers = (f64::from(most.customers) / surplus).max(1.0) as u32;
    let fewer = ShopOptions { customers, ..most };
    with_enough(&World::closing(&fewer, closes_at_ms), events)
}

/// Every so many customers of a world, who stand for all.
struct Sample<'a> {
    world: &'a World,
    stride: u32,
    wanted: f64,
}

impl<'a> Sample<'a> {
    fn of(world: &'a World, events: u64) -> Self {
        let customers = world.newcomers();
        let by_customers = customers.div_ceil(SAMPLE).min(SAMPLED_OF);
        let by_events = u32::try_from(events / SAMPLED_EVENTS).unwrap_or(u32::MAX);
        let stride = by_customers.max(by_events).min(customers / SAMPLE_LEAST).max(1);
        let asked = customers.div_ceil(stride);
        let wanted = events as f64 * f64::from(asked) / f64::from(customers);
        Self { world, stride, wanted }
    }

    /// The sample's events in proportion to what is wanted of it.
    fn share(&self, pace: f64) -> f64 {
        // Three times as many as wanted are too many, however many there are: a very brisk world is never counted out.
        let limit = self.wanted * 3.0 + 1.0;
        self.world.at_pace(pace).count(self.stride, limit as u64) as f64 / self.wanted
    }

    /// The pace at which the sample gives what is wanted of it.
    fn pace(&self) -> f64 {
        let (mut slow, mut fast) = (SLOWEST, 2.0 * SLOWEST);
        while self.share(fast) < 1.0 {
            slow = fast;
            fast *= 2.0;
        }
        for _ in 0..HALVINGS {
            let middle = libm::sqrt(slow * fast);
            if self.share(middle) < 1.0 {
                slow = middle;
            } else {
                fast = middle;
            }
        }
        fast
    }

    /// How the number of events grows around this pace: as which power of it.
    fn growth(&self, pace: f64) -> f64 {
        let grown = self.share(pace * 1.1) / self.share(pace / 1.1);
        let growth = libm::log(grown) / (2.0 * libm::log(1.1));
        if growth.is_finite() { growth.clamp(0.25, 2.0) } else { 1.0 }
    }
}

/// The world at a pace that gives enough events, found by counting them all.
fn with_enough(world: &World, events: u64) -> World {
    let sample = Sample::of(world, events);
    let mut pace = sample.pace();
    let growth = sample.growth(pace);
    let aim = events as f64 * 1.002;
    let too_many = events + events / 200;
    let (mut slow, mut fast) = (None, None);
    for counts in 1_u32.. {
        let counted = world.at_pace(pace).count(1, events.saturating_mul(2));
        let guess = (pace, counted as f64);
        if counted < events {
            slow = Some(guess);
        } else {
            fast = Some(guess);
        }
        match fast {
            Some((enough, _)) if (events..=too_many).contains(&counted) || counts >= COUNTS => {
                pace = enough;
                break;
            }
            _ => {}
        }
        pace = match (slow, fast) {
            (Some(slow), Some(fast)) => between(slow, fast, aim),
            _ => further(guess, growth, aim, counts),
        };
    }
    world.at_pace(pace)
}

/// A next guess with nothing on its other side: by the usual growth, and by more each time.
fn further((pace, counted): (f64, f64), growth: f64, aim: f64, counts: u32) -> f64 {
    let factor = libm::pow(aim / counted.max(1.0), 1.0 / growth);
    let at_least = 1.0 + f64::from(counts * counts - 1) / 200.0;
    if aim > counted { pace * factor.max(at_least) } else { pace * factor.min(1.0 / at_least) }
}

/// A next guess between a pace that is too slow and one that is too fast, straight in the logarithms.
fn between(slow: (f64, f64), fast: (f64, f64), aim: f64) -> f64 {
    let from_slow = libm::log(aim / slow.1.max(1.0));
    let part = from_slow / libm::log(fast.1 / slow.1.max(1.0));
    let part = if part.is_finite() { part.clamp(0.05, 0.95) } else { 0.5 };
    slow.0 * libm::pow(fast.0 / slow.0, part)
}
