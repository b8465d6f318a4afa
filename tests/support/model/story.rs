//! One customer's life, event by event, and what must be announced of it.

use super::calendar::{self, DAY, Instant};
use super::money::Money;
use super::reading::{Event, What};

/// No order for that long, and a customer has lapsed.
pub const ACTIVITY_HORIZON: i64 = 90 * DAY;

/// What the contract lets a service forget. The model never does, so it must not be led beyond.
const ORDERS_REMEMBERED: usize = 256;
const OTHER_EVENTS_REMEMBERED: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Low,
    Lapsed,
}

impl Level {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Lapsed => "lapsed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returning {
    pub kind: &'static str,
    pub at: Instant,
    pub order_id: String,
    pub purchase_number: usize,
    /// Milliseconds since the nearest earlier order.
    pub since_previous: Option<i64>,
    pub amount: String,
    pub currency: String,
    pub lifetime_amount: String,
    /// The episode that this order ended, counted from the customer's first.
    pub closes_episode: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChurnRisk {
    pub kind: &'static str,
    pub at: Instant,
    pub previous_level: Level,
    pub level: Level,
    /// Counted from the customer's first.
    pub episode: usize,
}

/// What must have been said of a customer, in order, and what is known at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    pub returning: Vec<Returning>,
    pub churn_risk: Vec<ChurnRisk>,
    pub orders: usize,
    pub first_order_at: Option<Instant>,
    pub last_order_at: Option<Instant>,
    /// Nothing for a customer who never ordered.
    pub level: Option<Level>,
    pub applied: usize,
    pub duplicates: usize,
}

/// An event as it reached its partition.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub event: Event,
    /// The partition's time before and after it: other customers' events move it too.
    pub time_before: Instant,
    pub time_after: Instant,
}

/// Tells the story of one customer from all that arrived of them, time standing at `end` afterwards.
pub fn tell(arrivals: &[Arrival], end: Instant) -> Story {
    let mut book = Book::default();
    for arrival in arrivals {
        book.time_passes(arrival.time_before);
        book.on_event(&arrival.event);
        book.time_passes(arrival.time_after);
    }
    book.time_passes(end);
    book.close()
}

struct Order {
    id: String,
    at: Instant,
    price: Money,
}

struct Refund {
    event_id: String,
    amount: Money,
}

#[derive(Default)]
struct Book {
    orders: Vec<Order>,
    refunds: Vec<Refund>,
    level: Option<Level>,
    evaluated: Option<Instant>,
    story: Story,
}

impl Book {
    /// What is due fires once time is strictly later than it.
    fn time_passes(&mut self, to: Instant) {
        let Some(lapse) = self.last_order_at().map(|last| last + ACTIVITY_HORIZON) else { return };
        if self.level != Some(Level::Low) || lapse >= to {
            return;
        }
        self.evaluate_not_before(lapse);
        let episode = self.episodes() + 1;
        self.change_level(Level::Lapsed, "raised", lapse, episode);
    }

    fn on_event(&mut self, event: &Event) {
        let later = self.orders.iter().filter(|order| order.at > event.at).count();
        assert!(later < ORDERS_REMEMBERED, "from before the orders that a service must remember: {event:?}");
        if self.has(event) {
            let is_news = self.evaluated.is_none_or(|evaluated| event.at > evaluated);
            assert!(!is_news, "the contract is silent about a duplicate with a later time: {event:?}");
            self.story.duplicates += 1;
            return;
        }
        // What was due before this event happened comes first, however early the partition's time.
        self.time_passes(event.at);
        self.story.applied += 1;
        let evaluated = self.evaluate_not_before(event.at);
        match &event.what {
            What::Purchase { order_id, price } => self.on_purchase(order_id, event.at, price, evaluated),
            What::Refund { event_id, amount } => {
                self.refunds.push(Refund { event_id: event_id.clone(), amount: amount.clone() });
            }
        }
        assert!(self.refunds.len() <= OTHER_EVENTS_REMEMBERED, "more refunds than must be remembered: {event:?}");
    }

    fn on_purchase(&mut self, order_id: &str, at: Instant, price: &Money, evaluated: Instant) {
        let rank = (at, order_id);
        let previous =
            self.orders.iter().map(|order| (order.at, order.id.as_str())).filter(|earlier| *earlier < rank).max();
        let since_previous = previous.map(|(earlier, _)| at - earlier);
        let arrived_first = self.orders.is_empty();
        self.orders.push(Order { id: order_id.to_owned(), at, price: price.clone() });

        let closes_episode = self.set_level_afresh(evaluated);
        if arrived_first {
            return;
        }
        let kind = match since_previous {
            Some(gap) if gap > ACTIVITY_HORIZON => "reactivated",
            _ if self.orders.len() == 2 => "second_purchase",
            _ => "repeat",
        };
        self.story.returning.push(Returning {
            kind,
            at,
            order_id: order_id.to_owned(),
            purchase_number: self.orders.len(),
            since_previous,
            amount: Money::text(price.minor, &price.currency),
            currency: price.currency.clone(),
            lifetime_amount: Money::text(self.net_spent_in(&price.currency), &price.currency),
            closes_episode,
        });
    }

    /// An order sets the level as it is at the customer's latest evaluated instant. Gives the episode that it ended.
    fn set_level_afresh(&mut self, evaluated: Instant) -> Option<usize> {
        let last = self.last_order_at().expect("an order was just added");
        // Lapsed is from that very instant on, and only an order after the last one ends it: a late one from before
        // changes nothing.
        let is_active = match self.level {
            Some(Level::Lapsed) => evaluated < last + ACTIVITY_HORIZON,
            _ => evaluated <= last + ACTIVITY_HORIZON,
        };
        match (self.level, is_active) {
            (None, false) => panic!("the contract is silent about a first order that a refund made lapse at once"),
            (None, true) => {
                self.level = Some(Level::Low);
                None
            }
            (Some(Level::Lapsed), true) => {
                let episode = self.episodes();
                self.change_level(Level::Low, "cleared", evaluated, episode);
                Some(episode)
            }
            (Some(Level::Low), false) => unreachable!("the lapse was due before whatever evaluated it later"),
            (Some(_), _) => None,
        }
    }

    fn change_level(&mut self, level: Level, kind: &'static str, at: Instant, episode: usize) {
        let previous_level = self.level.replace(level).expect("only a customer with a level changes it");
        self.story.churn_risk.push(ChurnRisk { kind, at, previous_level, level, episode });
    }

    fn evaluate_not_before(&mut self, at: Instant) -> Instant {
        let latest = self.evaluated.map_or(at, |evaluated| evaluated.max(at));
        self.evaluated = Some(latest);
        latest
    }

    fn episodes(&self) -> usize {
        self.story.churn_risk.iter().filter(|change| change.kind == "raised").count()
    }

    fn has(&self, event: &Event) -> bool {
        match &event.what {
            What::Purchase { order_id, .. } => self.orders.iter().any(|order| order.id == *order_id),
            What::Refund { event_id, .. } => self.refunds.iter().any(|refund| refund.event_id == *event_id),
        }
    }

    fn net_spent_in(&self, currency: &str) -> i64 {
        let sum = |amounts: &mut dyn Iterator<Item = &Money>| -> i64 {
            amounts.filter(|money| money.currency == currency).map(|money| money.minor).sum()
        };
        sum(&mut self.orders.iter().map(|order| &order.price))
            - sum(&mut self.refunds.iter().map(|refund| &refund.amount))
    }

    fn last_order_at(&self) -> Option<Instant> {
        self.orders.iter().map(|order| order.at).max()
    }

    fn close(self) -> Story {
        Story {
            orders: self.orders.len(),
            first_order_at: self.orders.iter().map(|order| order.at).min(),
            last_order_at: self.last_order_at(),
            level: self.level,
            ..self.story
        }
    }
}

impl Returning {
    /// One line for a person who looks for a difference.
    pub fn line(&self) -> String {
        format!(
            "{} {} order {} number {} after {:?} ms {} {} lifetime {} closes {:?}",
            self.kind,
            calendar::format(self.at),
            self.order_id,
            self.purchase_number,
            self.since_previous,
            self.amount,
            self.currency,
            self.lifetime_amount,
            self.closes_episode
        )
    }
}

impl ChurnRisk {
    /// One line for a person who looks for a difference.
    pub fn line(&self) -> String {
        format!(
            "{} {} {} to {} episode {}",
            self.kind,
            calendar::format(self.at),
            self.previous_level.name(),
            self.level.name(),
            self.episode
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::calendar::HOUR;
    use super::*;

    /// Days after 2026-01-01, the only customer of their partition.
    fn life(events: &[(i64, What)], end: i64) -> Story {
        let mut time = Instant::MIN;
        let mut arrivals = Vec::new();
        for (day, what) in events {
            let at = day_of(*day);
            let time_before = time;
            time = time.max(at - HOUR);
            let event = Event { customer: "ana".to_owned(), at, what: what.clone() };
            arrivals.push(Arrival { event, time_before, time_after: time });
        }
        tell(&arrivals, time.max(day_of(end)))
    }

    fn day_of(day: i64) -> Instant {
        calendar::parse("2026-01-01T00:00:00Z").expect("a valid time") + day * DAY
    }

    fn buys(order_id: &str, minor: i64) -> What {
        let price = Money { minor, currency: "EUR".to_owned() };
        What::Purchase { order_id: order_id.to_owned(), price }
    }

    fn gives_back(event_id: &str, minor: i64) -> What {
        let amount = Money { minor, currency: "EUR".to_owned() };
        What::Refund { event_id: event_id.to_owned(), amount }
    }

    fn changes(story: &Story) -> Vec<(&'static str, i64)> {
        story.churn_risk.iter().map(|change| (change.kind, (change.at - day_of(0)) / DAY)).collect()
    }

    #[test]
    fn who_stays_away_lapses_and_is_won_back() {
        let story = life(&[(0, buys("a", 1000)), (10, buys("b", 500)), (150, buys("c", 250))], 160);
        assert_eq!(changes(&story), [("raised", 100), ("cleared", 150)]);
        let kinds: Vec<_> = story.returning.iter().map(|order| (order.kind, order.closes_episode)).collect();
        assert_eq!(kinds, [("second_purchase", None), ("reactivated", Some(1))]);
        assert_eq!(story.returning[1].lifetime_amount, "17.50");
        assert_eq!(story.level, Some(Level::Low));
    }

    #[test]
    fn an_order_at_the_very_instant_is_in_time() {
        let story = life(&[(0, buys("a", 1)), (90, buys("b", 1))], 180);
        assert_eq!(changes(&story), []);
        assert_eq!(story.returning[0].kind, "second_purchase");
        assert_eq!(changes(&life(&[(0, buys("a", 1)), (90, buys("b", 1))], 181)), [("raised", 180)]);
    }

    #[test]
    fn a_late_order_takes_back_a_lapse_at_the_latest_evaluated_instant() {
        let story = life(&[(0, buys("a", 1)), (100, gives_back("r", 1)), (30, buys("b", 1))], 100);
        assert_eq!(changes(&story), [("raised", 90), ("cleared", 100)]);
        assert_eq!(story.returning[0].closes_episode, Some(1));
        let story = life(&[(0, buys("a", 1)), (30, gives_back("r", 1)), (20, buys("b", 1))], 111);
        assert_eq!(changes(&story), [("raised", 110)]);
    }

    #[test]
    fn a_late_order_may_lapse_again_at_once_or_change_nothing() {
        // Time stands at 200 when the order of day 30 arrives, the customer's last evaluation was the lapse itself.
        let late = Arrival {
            event: Event { customer: "ana".to_owned(), at: day_of(30), what: buys("b", 1) },
            time_before: day_of(200),
            time_after: day_of(200),
        };
        let first = Arrival {
            event: Event { customer: "ana".to_owned(), at: day_of(0), what: buys("a", 1) },
            time_before: Instant::MIN,
            time_after: day_of(0) - HOUR,
        };
        let story = tell(&[first, late], day_of(200));
        assert_eq!(changes(&story), [("raised", 90), ("cleared", 90), ("raised", 120)]);
        let story = life(&[(0, buys("a", 1)), (150, gives_back("r", 1)), (30, buys("b", 1))], 150);
        assert_eq!(changes(&story), [("raised", 90)]);
        assert_eq!(story.returning.len(), 1);
    }

    #[test]
    fn an_order_that_turns_out_to_be_the_earliest_has_nothing_before_it() {
        let story = life(&[(20, buys("b", 300)), (20, buys("a", 200)), (30, gives_back("r", 100))], 30);
        assert_eq!(story.returning[0].since_previous, None);
        assert_eq!(story.returning[0].kind, "second_purchase");
        assert_eq!(story.returning[0].lifetime_amount, "5.00");
        let story = life(&[(20, buys("a", 300)), (20, buys("b", 200)), (20, buys("b", 900))], 20);
        assert_eq!(story.returning[0].since_previous, Some(0));
        assert_eq!((story.returning.len(), story.duplicates), (1, 1));
    }
}
