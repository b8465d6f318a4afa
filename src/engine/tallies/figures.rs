//! From counts to what is told: sums over windows, each a part of a ratio. They add up over partitions.

use std::collections::BTreeMap;

use super::Counts;
use super::cell::{Awaited, Cell, Class, Lifecycle, What, class_and_currency_of, level_and_currency_of};
use super::counts::RING_DAYS;
use super::orders::{COHORT_MONTHS, LE_DAYS, WITHIN_DAYS};
use super::support::{NO_CATEGORY, RESOLVED_WITHIN};
use crate::domain::outcome::{Effort, Pain};
use crate::domain::rating::Scale;
use crate::domain::time::{Day, Month};
use crate::domain::{Currency, EventTime, Level, Policy};
use crate::engine::Totals;

/// What is divided by whoever reads it, once it is summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratio {
    /// Above the line.
    pub numerator: i128,
    /// Below the line.
    pub denominator: i128,
}

/// Orders and net revenue of one class, in minor units of one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Money {
    /// Orders.
    pub orders: i128,
    /// Orders less refunds.
    pub net: i128,
}

/// Sums by currency, in the order of [`Class::ALL`].
pub type ByClass = BTreeMap<Currency, [Money; 3]>;

/// All that is told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// What they are as of; of several partitions the least. `None` before the first event.
    pub at: Option<EventTime>,
    /// The month of `at`.
    pub month: Option<Month>,
    /// Customers and orders ever, and customers by level.
    pub totals: Totals,
    /// By length in days.
    pub windows: BTreeMap<u32, WindowFigures>,
    /// Ripe customers for each of [`WITHIN_DAYS`], and those of them whose second order came within it.
    pub second: [Ratio; WITHIN_DAYS.len()],
    /// Customers by how soon their second order came: up to each of [`LE_DAYS`], and later.
    pub second_days: [i128; LE_DAYS.len() + 1],
    /// Customers by month of their first order and by how many months later they ordered.
    pub cohorts: BTreeMap<(Month, u32), i128>,
    /// Customers by what they were in a month, in the order of [`Lifecycle::ALL`].
    pub lifecycle: BTreeMap<Month, [i128; 4]>,
    /// Customers and their net revenue, by logarithmic bucket.
    pub pareto: BTreeMap<Currency, BTreeMap<i32, (i128, i128)>>,
    /// As announced.
    pub value_at_risk: BTreeMap<(Level, Currency), i128>,
    /// Cases whose outcome is awaited, in the order of [`Awaited::ALL`].
    pub awaited: [i128; 3],
    /// Ripe recovery cases and those after which an order came, in the order of [`Effort::ALL`].
    pub recovery: [Ratio; 2],
    /// How many of them would have been expected to, in 1 / [`crate::domain::outcome::CHANCE_UNITS`].
    pub recovery_expected: [i128; 2],
}

/// What is told of a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowFigures {
    starts: i128,
    ends: i128,
    lost: i128,
    /// Customers with an order.
    ordered: i128,
    /// Customers with an order who had ordered before it.
    had_ordered: i128,
    /// Customers with two orders or more.
    ordered_twice: i128,
    new_customers: i128,
    referred: i128,
    /// Orders and net revenue.
    pub money: ByClass,
    /// The same of as many days a year before; `None` where the rings do not reach.
    pub year_before: Option<ByClass>,
    /// Lapses whose outcome became known, and those that an order followed within 90 days.
    pub reactivation: Ratio,
    /// Lapses, and silent ones.
    pub silent_churn: Ratio,
    /// Resolved tickets whose outcome became known, and painless ones.
    pub painless_resolution: Ratio,
    /// Those that were not, by reason, in the order of [`Pain::ALL`].
    pub painful: [i128; Pain::ALL.len()],
    /// Sum of scores in millionths, and ratings, in the order of [`Scale::ALL`].
    pub ratings: [Ratio; Scale::ALL.len()],
    /// Tickets opened, by category; the last is those without one.
    pub tickets: [i128; NO_CATEGORY as usize + 1],
    /// Contacts beyond the opening.
    pub contacts: i128,
    /// Tickets by how long their first resolution took, in the order of [`RESOLVED_WITHIN`].
    pub resolved: [i128; RESOLVED_WITHIN.len()],
    /// How long they took together.
    pub resolution_millis: i128,
}

/// Where a window lies.
struct Span {
    days: u32,
    first: i32,
    last: i32,
    year_before: Option<(i32, i32)>,
}

impl Figures {
    /// What these counts say as of `at`. Windows are whole days; those longer than the activity horizon are left out.
    pub fn of(totals: Totals, counts: &Counts, at: Option<EventTime>, windows: &[u32], policy: &Policy) -> Self {
        let mut figures = Self { at, totals, ..Self::default() };
        let windows = lengths(windows, policy);
        let Some(today) = at.map(|at| policy.calendar.day_of(at)) else {
            figures.windows = windows.map(|days| (days, WindowFigures::default())).collect();
            return figures;
        };
        figures.month = Some(today.month());
        let spans: Vec<Span> = windows.map(|days| Span::of(days, today)).collect();
        let mut told: Vec<WindowFigures> = spans.iter().map(WindowFigures::new).collect();
        for (cell, count) in counts.iter() {
            figures.take(cell, count);
            for (window, span) in told.iter_mut().zip(&spans) {
                window.take(cell, count, span);
            }
        }
        figures.windows = spans.iter().map(|span| span.days).zip(told).collect();
        figures
    }

    fn take(&mut self, cell: Cell, count: i128) {
        let (kind, at) = (cell.kind(), cell.at());
        match cell.what() {
            What::Second => add(&mut self.second, kind / 2, kind % 2 == 1, count),
            What::SecondDays => add_at(&mut self.second_days, kind, count),
            What::Cohort => *self.cohorts.entry((Month(at), kind)).or_default() += count,
            What::Lifecycle => add_at(self.lifecycle.entry(Month(at)).or_default(), kind, count),
            What::ParetoCount | What::ParetoSum => {
                let Some(currency) = Currency::from_packed(kind as u16) else { return };
                let bucket = self.pareto.entry(currency).or_default().entry(at).or_default();
                let part = if cell.what() == What::ParetoCount { &mut bucket.0 } else { &mut bucket.1 };
                *part += count;
            }
            What::ValueAtRisk => {
                let Some(of) = level_and_currency_of(kind) else { return };
                *self.value_at_risk.entry(of).or_default() += count;
            }
            What::Awaited => add_at(&mut self.awaited, kind, count),
            What::Recovery => add(&mut self.recovery, kind / 2, kind % 2 == 1, count),
            What::RecoveryExpected => add_at(&mut self.recovery_expected, kind, count),
            _ => {}
        }
    }

    /// Adds what another partition says.
    pub fn merge(&mut self, other: Self) {
        (self.at, self.month) = match (self.at.is_some(), other.at.is_some()) {
            (true, true) => (self.at.min(other.at), self.month.min(other.month)),
            _ => (self.at.or(other.at), self.month.or(other.month)),
        };
        self.totals.merge(&other.totals);
        for (days, window) in other.windows {
            self.windows.entry(days).or_default().merge(window);
        }
        add_ratios(&mut self.second, &other.second);
        add_counts(&mut self.second_days, &other.second_days);
        other.cohorts.into_iter().for_each(|(of, count)| *self.cohorts.entry(of).or_default() += count);
        for (month, counts) in other.lifecycle {
            add_counts(self.lifecycle.entry(month).or_default(), &counts);
        }
        for (currency, buckets) in other.pareto {
            let mine = self.pareto.entry(currency).or_default();
            for (bucket, (count, sum)) in buckets {
                let mine = mine.entry(bucket).or_default();
                *mine = (mine.0 + count, mine.1 + sum);
            }
        }
        other.value_at_risk.into_iter().for_each(|(of, value)| *self.value_at_risk.entry(of).or_default() += value);
        add_counts(&mut self.awaited, &other.awaited);
        add_ratios(&mut self.recovery, &other.recovery);
        add_counts(&mut self.recovery_expected, &other.recovery_expected);
    }

    /// Net revenue of the fifth of customers who brought most, the last of them by fraction, and of all with revenue.
    pub fn pareto_share(&self, currency: Currency) -> Ratio {
        let Some(buckets) = self.pareto.get(&currency) else { return Ratio::default() };
        let customers: i128 = buckets.values().map(|(count, _)| count).sum();
        // In fifths of customers, so that all is whole.
        let mut left = customers;
        let mut numerator = 0;
        for (count, sum) in buckets.values().rev().filter(|(count, _)| *count > 0) {
            let taken = left.min(5 * count);
            numerator += (sum * taken * 2 + 5 * count) / (10 * count);
            left -= taken;
        }
        Ratio { numerator, denominator: buckets.values().map(|(_, sum)| sum).sum() }
    }

    /// Cohorts of the last 48 months, with customers by how many months later they ordered, up to the month of `at`.
    pub fn cohorts(&self) -> impl Iterator<Item = (Month, Vec<i128>)> {
        let last = self.month.unwrap_or(Month(0));
        let members =
            self.cohorts.iter().filter(|((_, age), count)| *age == 0 && **count > 0).map(|((month, _), _)| month);
        let members = members.filter(move |month| **month <= last && month.0 > last.0 - COHORT_MONTHS);
        members.map(move |month| {
            let ages = 0..=(last.0 - month.0) as u32;
            (*month, ages.map(|age| self.cohorts.get(&(*month, age)).copied().unwrap_or_default()).collect())
        })
    }

    /// What customers were in the last 48 months, that of `at` the last.
    pub fn lifecycle(&self) -> impl Iterator<Item = (Month, [i128; Lifecycle::ALL.len()])> {
        let last = self.month.unwrap_or(Month(0));
        let told = self.lifecycle.range(Month(last.0 - COHORT_MONTHS + 1)..=last);
        told.filter(|(_, counts)| counts.iter().any(|count| *count != 0)).map(|(month, counts)| (*month, *counts))
    }

    /// How many wait for the outcome of this.
    pub fn awaited(&self, what: Awaited) -> i128 {
        self.awaited[what as usize]
    }

    /// Ripe recovery cases of this effort, and those after which an order came.
    pub fn recovery(&self, effort: Effort) -> Ratio {
        self.recovery[effort as usize]
    }
}

/// What several counters together say of the customers and orders of the windows that end with a day, and of nothing
/// else. Those longer than the activity horizon are left out.
pub fn windows_of(
    counts: &[&Counts],
    today: Day,
    windows: &[u32],
    policy: &Policy,
) -> impl Iterator<Item = (u32, WindowFigures)> {
    let spans: Vec<Span> = lengths(windows, policy).map(|days| Span::of(days, today)).collect();
    let mut told: Vec<WindowFigures> = spans.iter().map(WindowFigures::new).collect();
    let earliest = spans.iter().map(|span| span.first).min().unwrap_or(today.0);
    // Few of all counters: nearly all time goes into passing over the others.
    let is_told = |cell: Cell| cell.at() >= earliest && cell.what().counts_customers_or_orders();
    for (cell, count) in counts.iter().flat_map(|counts| counts.iter()).filter(|(cell, _)| is_told(*cell)) {
        for (window, span) in told.iter_mut().zip(&spans) {
            window.take(cell, count, span);
        }
    }
    spans.into_iter().map(|span| span.days).zip(told)
}

fn lengths(windows: &[u32], policy: &Policy) -> impl Iterator<Item = u32> {
    windows.iter().copied().filter(|days| *days <= policy.activity_horizon_days)
}

impl Span {
    fn of(days: u32, today: Day) -> Self {
        let before = today.a_year_before().0;
        let back = days as i32 - 1;
        let year_before = (days as i32 + 366 <= RING_DAYS).then_some((before - back, before));
        Self { days, first: today.0 - back, last: today.0, year_before }
    }
}

impl WindowFigures {
    fn new(span: &Span) -> Self {
        Self { year_before: span.year_before.map(|_| ByClass::new()), ..Self::default() }
    }

    fn take(&mut self, cell: Cell, count: i128, span: &Span) {
        let (what, kind, day) = (cell.what(), cell.kind(), cell.at());
        if matches!(what, What::Orders | What::Revenue) {
            let is_year_before = span.year_before.is_some_and(|(first, last)| (first..=last).contains(&day));
            let to = if is_year_before { self.year_before.as_mut() } else { Some(&mut self.money) };
            let is_in = is_year_before || (span.first..=span.last).contains(&day);
            if let (true, Some((class, currency)), Some(to)) = (is_in, class_and_currency_of(kind), to) {
                let money = &mut to.entry(currency).or_default()[class as usize];
                let part = if what == What::Orders { &mut money.orders } else { &mut money.net };
                *part += count;
            }
            return;
        }
        if day < span.first {
            return;
        }
        // What says where customers stand goes on beyond today: who has ordered tomorrow is active today too.
        match what {
            What::Starts => self.starts += count,
            What::Ends => self.ends += count,
            What::Lapsed => self.lost += count,
            What::LastOrder => {
                self.ordered += count;
                self.had_ordered += if kind == 1 { count } else { 0 };
            }
            What::LastButOne => self.ordered_twice += count,
            What::NewCustomers => {
                self.new_customers += count;
                self.referred += if kind == 1 { count } else { 0 };
            }
            _ if day <= span.last => self.take_event(what, kind, count),
            _ => {}
        }
    }

    fn take_event(&mut self, what: What, kind: u32, count: i128) {
        match what {
            What::Reactivation => self.reactivation.add(kind == 1, count),
            What::Lapses => self.silent_churn.add(kind == 1, count),
            What::Painless => self.painless_resolution.add(kind == 1, count),
            What::Painful => add_at(&mut self.painful, kind, count),
            What::RatingSum => {
                if let Some(rating) = self.ratings.get_mut(kind as usize) {
                    rating.numerator += count;
                }
            }
            What::Ratings => {
                if let Some(rating) = self.ratings.get_mut(kind as usize) {
                    rating.denominator += count;
                }
            }
            What::TicketsOpened => add_at(&mut self.tickets, kind, count),
            What::TicketContacts => self.contacts += count,
            What::TicketsResolved => add_at(&mut self.resolved, kind, count),
            What::ResolutionMillis => self.resolution_millis += count,
            _ => {}
        }
    }

    /// Customers active at the window's start who are so still or again, of all who were.
    ///
    /// Every run of activity that began before the start and did not end before it is one customer active then; so
    /// runs that end later less runs that begin later.
    pub fn retention(&self) -> Ratio {
        let churn = self.churn();
        Ratio { numerator: churn.denominator - churn.numerator, ..churn }
    }

    /// Customers active at the window's start who have lapsed, of all who were active.
    pub fn churn(&self) -> Ratio {
        Ratio { numerator: self.lost, denominator: self.ends - self.starts }
    }

    /// Customers with two orders, of those with one.
    pub fn repeat_purchase(&self) -> Ratio {
        Ratio { numerator: self.ordered_twice, denominator: self.ordered }
    }

    /// Customers with an order that was not their first, of those with an order.
    pub fn returning_customers(&self) -> Ratio {
        Ratio { numerator: self.had_ordered, denominator: self.ordered }
    }

    /// Orders that were not their customer's first, of all.
    pub fn returning_orders(&self) -> Ratio {
        let of = |class: Class| self.money.values().map(|sums| sums[class as usize].orders).sum::<i128>();
        let returning = of(Class::Returning);
        Ratio { numerator: returning, denominator: returning + of(Class::New) }
    }

    /// New customers whose first order names who referred them, of all new ones.
    pub fn referral(&self) -> Ratio {
        Ratio { numerator: self.referred, denominator: self.new_customers }
    }

    fn merge(&mut self, other: Self) {
        let sums = [
            (&mut self.starts, other.starts),
            (&mut self.ends, other.ends),
            (&mut self.lost, other.lost),
            (&mut self.ordered, other.ordered),
            (&mut self.had_ordered, other.had_ordered),
            (&mut self.ordered_twice, other.ordered_twice),
            (&mut self.new_customers, other.new_customers),
            (&mut self.referred, other.referred),
            (&mut self.contacts, other.contacts),
            (&mut self.resolution_millis, other.resolution_millis),
        ];
        sums.into_iter().for_each(|(mine, theirs)| *mine += theirs);
        merge_money(&mut self.money, other.money);
        if let Some(year_before) = other.year_before {
            merge_money(self.year_before.get_or_insert_default(), year_before);
        }
        let mine = [&mut self.reactivation, &mut self.silent_churn, &mut self.painless_resolution];
        for (mine, theirs) in mine.into_iter().zip([other.reactivation, other.silent_churn, other.painless_resolution])
        {
            mine.merge(&theirs);
        }
        add_counts(&mut self.painful, &other.painful);
        add_ratios(&mut self.ratings, &other.ratings);
        add_counts(&mut self.tickets, &other.tickets);
        add_counts(&mut self.resolved, &other.resolved);
    }
}

impl Ratio {
    fn add(&mut self, counts_above: bool, count: i128) {
        self.denominator += count;
        self.numerator += if counts_above { count } else { 0 };
    }

    fn merge(&mut self, other: &Self) {
        self.numerator += other.numerator;
        self.denominator += other.denominator;
    }
}

fn merge_money(mine: &mut ByClass, other: ByClass) {
    for (currency, sums) in other {
        for (mine, theirs) in mine.entry(currency).or_default().iter_mut().zip(sums) {
            *mine = Money { orders: mine.orders + theirs.orders, net: mine.net + theirs.net };
        }
    }
}

fn add(ratios: &mut [Ratio], place: u32, counts_above: bool, count: i128) {
    if let Some(ratio) = ratios.get_mut(place as usize) {
        ratio.add(counts_above, count);
    }
}

fn add_at(counts: &mut [i128], place: u32, count: i128) {
    if let Some(mine) = counts.get_mut(place as usize) {
        *mine += count;
    }
}

fn add_counts(mine: &mut [i128], other: &[i128]) {
    mine.iter_mut().zip(other).for_each(|(mine, theirs)| *mine += theirs);
}

fn add_ratios(mine: &mut [Ratio], other: &[Ratio]) {
    mine.iter_mut().zip(other).for_each(|(mine, theirs)| mine.merge(theirs));
}
