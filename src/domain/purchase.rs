//! Orders and the history they leave.

use super::identity::OrderId;
use super::money::{Amount, Currency, Total};
use super::time::{Calendar, Day, EventTime, Month};

/// How many of a customer's orders are remembered one by one; of older ones only their sums are kept.
pub const ORDERS_REMEMBERED: usize = 256;

/// One order. Orders rank by time, at the same instant by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// When it was placed.
    pub at: EventTime,
    /// Its id, unique within the customer.
    pub id: OrderId,
    /// What it cost.
    pub amount: Amount,
    /// Whether somebody referred the customer to it.
    pub referred: bool,
}

impl Order {
    fn rank(&self) -> (EventTime, &str) {
        (self.at, self.id.as_str())
    }
}

/// What is kept of the orders that are no longer remembered one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// How many there were.
    pub orders: u32,
    /// On how many business days they fell.
    pub days: u32,
    /// The earliest of them.
    pub first: Order,
    /// When the second of them was placed.
    pub second: Option<EventTime>,
    /// The latest of them.
    pub last: EventTime,
    /// The months in which they fell, in order.
    pub months: Vec<Month>,
}

/// What a customer spent in one currency, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spending {
    /// The currency.
    pub currency: Currency,
    /// The sum of all orders.
    pub ordered: i128,
    /// The sum of all refunds.
    pub refunded: i128,
}

/// All orders of one customer: a function of the set of orders, not of the order they arrived in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurchaseHistory {
    /// The latest orders, earliest first; at most [`ORDERS_REMEMBERED`].
    pub remembered: Vec<Order>,
    /// What is kept of those before.
    pub forgotten: Option<Forgotten>,
    /// Money by currency, in the order the currencies first appeared.
    pub spending: Vec<Spending>,
}

/// The days on which a customer bought, as the repeat-buying model wants them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PurchaseDays {
    /// How many business days had an order.
    pub count: u32,
    /// The first order.
    pub first: EventTime,
    /// The first order of the last of these days.
    pub last: EventTime,
}

/// Where a new order came to stand among those known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The nearest earlier order; `None` when the new one is the earliest.
    pub previous: Option<EventTime>,
    /// An order, other than the first, that is no longer remembered because of the new one.
    pub dropped: Option<Order>,
}

impl PurchaseHistory {
    /// Whether this order is already known.
    pub fn contains(&self, id: &OrderId) -> bool {
        // Where ids are numbers they differ in their last byte mostly, and a glance at it is cheaper than a comparison.
        let last = |id: &OrderId| id.as_str().as_bytes().last().copied();
        let last_wanted = last(id);
        self.remembered.iter().any(|order| last(&order.id) == last_wanted && order.id == *id)
    }

    /// How many orders are known.
    pub fn count(&self) -> u32 {
        self.remembered.len() as u32 + self.forgotten.as_ref().map_or(0, |f| f.orders)
    }

    /// The earliest order.
    pub fn first_at(&self) -> Option<EventTime> {
        self.first().map(|order| order.at)
    }

    /// The earliest order.
    pub fn first(&self) -> Option<&Order> {
        self.forgotten.as_ref().map(|f| &f.first).or(self.remembered.first())
    }

    /// When the earliest order but one was placed.
    pub fn second_at(&self) -> Option<EventTime> {
        let remembered = |place: usize| self.remembered.get(place).map(|order| order.at);
        match &self.forgotten {
            Some(forgotten) => forgotten.second.or(remembered(0)),
            None => remembered(1),
        }
    }

    /// The place that an order would take among those remembered.
    pub fn place_of(&self, at: EventTime, id: &OrderId) -> usize {
        self.remembered.partition_point(|known| known.rank() < (at, id.as_str()))
    }

    /// The latest order.
    pub fn last(&self) -> Option<&Order> {
        self.remembered.last()
    }

    /// Takes in an order that is not yet known.
    pub fn add(&mut self, order: Order, calendar: &Calendar) -> Placed {
        self.spending_in(order.amount.currency()).ordered += i128::from(order.amount.minor());
        let place = self.place_of(order.at, &order.id);
        let previous = match place.checked_sub(1) {
            Some(before) => Some(self.remembered[before].at),
            None => self.forgotten_before(order.at),
        };
        self.remembered.insert(place, order);
        let is_full = self.remembered.len() > ORDERS_REMEMBERED;
        let dropped = if is_full {
            let oldest = self.remembered.remove(0);
            self.forget(oldest, calendar)
        } else {
            None
        };
        Placed { previous, dropped }
    }

    /// Lowers net spending.
    pub fn refund(&mut self, amount: Amount) {
        self.spending_in(amount.currency()).refunded += i128::from(amount.minor());
    }

    /// Orders less refunds of a currency, over the customer's life.
    pub fn net_spending(&self, currency: Currency) -> Total {
        let spending = self.spending.iter().find(|spending| spending.currency == currency);
        Total { minor: spending.map_or(0, |s| s.ordered - s.refunded), currency }
    }

    /// The business days with an order; `None` before the first one.
    pub fn days(&self, calendar: &Calendar) -> Option<PurchaseDays> {
        self.days_of(&self.remembered, calendar)
    }

    /// The same of the orders before an instant, which is not among those that are forgotten.
    pub fn days_before(&self, instant: EventTime, calendar: &Calendar) -> Option<PurchaseDays> {
        let before = self.remembered.partition_point(|order| order.at < instant);
        self.days_of(&self.remembered[..before], calendar)
    }

    fn days_of(&self, remembered: &[Order], calendar: &Calendar) -> Option<PurchaseDays> {
        let first = self.forgotten.as_ref().map(|f| &f.first).or(remembered.first())?.at;
        let mut count = self.forgotten.as_ref().map_or(0, |f| f.days);
        let mut day = self.forgotten.as_ref().map(|f| calendar.day_of(f.last));
        // Should all that is remembered be of the last forgotten day, it is a better answer than the first of all days.
        let mut last = self.forgotten.as_ref().filter(|f| f.days > 1).map_or(first, |f| f.last);
        for order in remembered {
            let of_order = calendar.day_of(order.at);
            if day != Some(of_order) {
                count += 1;
                day = Some(of_order);
                last = order.at;
            }
        }
        Some(PurchaseDays { count, first, last })
    }

    fn forgotten_before(&self, at: EventTime) -> Option<EventTime> {
        let forgotten = self.forgotten.as_ref()?;
        [forgotten.last, forgotten.first.at].into_iter().find(|known| *known <= at)
    }

    /// Keeps the sums of an order, and gives back what is now remembered no more: it, or the first until now.
    fn forget(&mut self, order: Order, calendar: &Calendar) -> Option<Order> {
        let day: Day = calendar.day_of(order.at);
        let Some(forgotten) = &mut self.forgotten else {
            let (last, months) = (order.at, vec![day.month()]);
            self.forgotten = Some(Forgotten { orders: 1, days: 1, first: order, second: None, last, months });
            return None;
        };
        forgotten.orders += 1;
        if day > calendar.day_of(forgotten.last) || day < calendar.day_of(forgotten.first.at) {
            forgotten.days += 1;
        }
        forgotten.last = forgotten.last.max(order.at);
        if let Err(place) = forgotten.months.binary_search(&day.month()) {
            forgotten.months.insert(place, day.month());
        }
        if order.rank() < forgotten.first.rank() {
            forgotten.second = Some(forgotten.first.at);
            return Some(std::mem::replace(&mut forgotten.first, order));
        }
        forgotten.second = Some(forgotten.second.map_or(order.at, |second| second.min(order.at)));
        Some(order)
    }

    fn spending_in(&mut self, currency: Currency) -> &mut Spending {
        let place = self.spending.iter().position(|spending| spending.currency == currency);
        let place = place.unwrap_or_else(|| {
            self.spending.push(Spending { currency, ordered: 0, refunded: 0 });
            self.spending.len() - 1
        });
        &mut self.spending[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(day: i64, id: &str) -> Order {
        let eur = Currency::from_code("EUR").expect("a currency");
        Order {
            at: EventTime::from_millis(day * super::super::time::DAY_MS),
            id: OrderId::new(id).expect("a valid id"),
            amount: Amount::from_minor(100, eur),
            referred: false,
        }
    }

    fn at_day(day: i64) -> EventTime {
        order(day, "x").at
    }

    #[test]
    fn orders_at_one_instant_rank_by_id() {
        let calendar = Calendar::utc();
        let mut history = PurchaseHistory::default();
        assert_eq!(history.add(order(1, "b"), &calendar).previous, None);
        assert_eq!(history.add(order(1, "a"), &calendar).previous, None);
        assert_eq!(history.add(order(1, "c"), &calendar).previous, Some(at_day(1)));
    }

    #[test]
    fn beyond_what_is_remembered_the_counts_go_on() {
        let calendar = Calendar::utc();
        let mut history = PurchaseHistory::default();
        for n in 0..1000 {
            history.add(order(n / 2, &format!("o-{n}")), &calendar);
        }
        assert_eq!(history.remembered.len(), ORDERS_REMEMBERED);
        assert_eq!(history.count(), 1000);
        let days = history.days(&calendar).expect("orders");
        assert_eq!((days.count, days.first, days.last), (500, at_day(0), at_day(499)));
        assert_eq!(history.add(order(2, "late"), &calendar).previous, Some(at_day(0)));
        assert_eq!(history.count(), 1001);
        assert_eq!(history.first_at(), Some(at_day(0)));
    }
}
