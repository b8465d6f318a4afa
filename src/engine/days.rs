//! The rates as they stood at the end of each business day, so that one can see where they come from.
//!
//! A day is over once time has come to the first instant of the next one and all that was due before it has fired. What is
//! kept is what an answer would have said then, the orders of the next day's first minutes included that had arrived by
//! then. It follows from the events and their order alone, not from where a batch ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::tallies::{Counts, Ratio, WindowFigures, windows_of};
use crate::domain::time::Day;
use crate::domain::{EventTime, Policy};

/// How many days are kept.
pub const DAYS_KEPT: i32 = 460;

/// The rates of one window as they stood at the end of a day. Small, as there are some of each of the days kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowRates {
    /// The window's length in days.
    pub window: u32,
    /// Numerators and denominators, in the order of [`DayRate::ALL`].
    pub ratios: [(i64, i64); DayRate::ALL.len()],
}

/// A rate that is kept by day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayRate {
    /// Customers active at the window's start who are so still or again.
    Retention,
    /// Customers with two orders, of those with one.
    RepeatPurchase,
    /// Customers with an order that was not their first, of those with an order.
    ReturningCustomers,
    /// Orders that were not their customer's first.
    ReturningOrders,
}

impl DayRate {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Retention, Self::RepeatPurchase, Self::ReturningCustomers, Self::ReturningOrders];

    fn of(self, window: &WindowFigures) -> Ratio {
        match self {
            Self::Retention => window.retention(),
            Self::RepeatPurchase => window.repeat_purchase(),
            Self::ReturningCustomers => window.returning_customers(),
            Self::ReturningOrders => window.returning_orders(),
        }
    }
}

/// The rates of all windows at the end of a day.
pub type DayEnd = Box<[WindowRates]>;

/// The days that are over, and the one that is not.
#[derive(Debug)]
pub(super) struct Days {
    /// Shared with those who read it.
    committed: Arc<BTreeMap<Day, DayEnd>>,
    open: BTreeMap<Day, DayEnd>,
    /// The first day that is not over; `None` before time begins.
    today: Option<Day>,
    today_committed: Option<Day>,
    /// When it will be.
    ends: EventTime,
}

impl Default for Days {
    fn default() -> Self {
        Self {
            committed: Arc::default(),
            open: BTreeMap::new(),
            today: None,
            today_committed: None,
            ends: EventTime::BEGINNING,
        }
    }
}

impl Days {
    /// Goes on from what was stored.
    pub(super) fn recall(&mut self, days: BTreeMap<Day, DayEnd>, today: Option<Day>, policy: &Policy) {
        self.committed = Arc::new(days);
        self.today_committed = today;
        self.undo(policy);
    }

    /// Whether time, having come to `time`, has ended the day.
    pub(super) fn is_over(&self, time: EventTime) -> bool {
        time >= self.ends
    }

    /// Keeps how the rates stand as those of every day that ended until `time`. Of a long time in which nothing happened
    /// only the days that are kept are looked at.
    pub(super) fn end(&mut self, time: EventTime, counts: &[&Counts], policy: &Policy) {
        let now = policy.calendar.day_of(time);
        let mut today = self.today.unwrap_or(now).max(Day(now.0.saturating_sub(DAYS_KEPT)));
        while today < now {
            self.open.insert(today, rates_of(counts, today, policy));
            today = Day(today.0 + 1);
        }
        let floor = today.0 - DAYS_KEPT;
        self.open.retain(|day, _| day.0 >= floor);
        self.today = Some(today);
        self.ends = end_of(today, policy);
    }

    /// The first day that is not over; `None` before time begins.
    pub(super) fn today(&self) -> Option<Day> {
        self.today
    }

    /// What is committed.
    pub(super) fn committed(&self) -> &Arc<BTreeMap<Day, DayEnd>> {
        &self.committed
    }

    /// Whether a day ended in the open batch.
    pub(super) fn has_ended(&self) -> bool {
        !self.open.is_empty()
    }

    /// The days that are to be stored with the open batch; without rates: no longer kept.
    pub(super) fn changed(&self) -> impl Iterator<Item = (Day, Option<&DayEnd>)> {
        let gone = self.committed.keys().take_while(|day| self.has_ended() && day.0 < self.floor());
        gone.map(|day| (*day, None)).chain(self.open.iter().map(|(day, rates)| (*day, Some(rates))))
    }

    /// The open batch is committed.
    pub(super) fn confirm(&mut self) {
        self.today_committed = self.today;
        if self.has_ended() {
            let floor = self.floor();
            let committed = Arc::make_mut(&mut self.committed);
            committed.append(&mut self.open);
            committed.retain(|day, _| day.0 >= floor);
        }
    }

    /// The open batch never happened.
    pub(super) fn undo(&mut self, policy: &Policy) {
        self.open.clear();
        self.today = self.today_committed;
        self.ends = self.today.map_or(EventTime::BEGINNING, |today| end_of(today, policy));
    }

    fn floor(&self) -> i32 {
        self.today.map_or(i32::MIN, |today| today.0 - DAYS_KEPT)
    }
}

fn end_of(day: Day, policy: &Policy) -> EventTime {
    policy.calendar.begin_of(Day(day.0.saturating_add(1)))
}

fn rates_of(counts: &[&Counts], day: Day, policy: &Policy) -> DayEnd {
    let rates = windows_of(counts, day, &policy.windows, policy).map(|(window, figures)| {
        let ratio = |rate: DayRate| {
            let Ratio { numerator, denominator } = rate.of(&figures);
            // What is counted one by one stays far below 2^63.
            (numerator as i64, denominator as i64)
        };
        WindowRates { window, ratios: DayRate::ALL.map(ratio) }
    });
    rates.collect()
}
