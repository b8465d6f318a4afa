//! What orders and refunds contribute.

use super::cell::{Cell, Class, Lifecycle, What, class_and_currency, level_and_currency};
use super::{Affected, Contributions, Ripe};
use crate::domain::customer::Refund;
use crate::domain::money;
use crate::domain::time::{DAY_MS, Month};
use crate::domain::{Customer, EventTime, Level, Order, OrderId, Policy, PurchaseHistory, Span};

/// Within how many days of the first order the share of second orders is told.
pub const WITHIN_DAYS: [i64; 4] = [30, 60, 90, 180];

/// Days from the first order to the second up to which customers are counted; beyond is one more.
pub const LE_DAYS: [i64; 7] = [7, 14, 30, 60, 90, 180, 365];

/// How many months cohorts are followed, their own included.
pub const COHORT_MONTHS: i32 = 48;

/// Which of a customer's orders and tickets can matter: an order at the end leaves those before it what they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Scope<'a> {
    orders: Concerned,
    /// These tickets.
    pub(super) tickets: Affected<'a>,
}

/// What of a customer's orders can matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Concerned {
    /// The remembered orders from a place on, if so marked with the very first remembered. So many at the start stay,
    /// and with them what they contribute together.
    From { place: usize, with_oldest: bool, staying: usize },
    /// None of them comes or goes: what they are together.
    Together,
    /// Nothing but how soon the second one came.
    Second,
}

impl<'a> Scope<'a> {
    /// All orders and tickets.
    pub(in crate::engine) const ALL: Self =
        Self { orders: Concerned::From { place: 0, with_oldest: false, staying: 0 }, tickets: Affected::All };

    /// No order comes or goes, and only these tickets change.
    pub(in crate::engine) fn tickets(tickets: Affected<'a>) -> Self {
        Self { orders: Concerned::Together, tickets }
    }

    /// Time alone can change what ripens at that instant, and the level if it `changes`.
    pub(in crate::engine) fn ripening(at: EventTime, changes: bool) -> Self {
        let orders = if changes { Concerned::Together } else { Concerned::Second };
        Self { orders, tickets: Affected::Ripening(at) }
    }

    /// What an order that is to come can change: before, and once it has.
    pub(in crate::engine) fn around(history: &PurchaseHistory, at: EventTime, id: &OrderId) -> (Self, Self) {
        let from = history.place_of(at, id);
        let is_full = history.remembered.len() >= crate::domain::purchase::ORDERS_REMEMBERED;
        let from_on = |place, with_oldest| Self {
            orders: Concerned::From { place, with_oldest, staying: if is_full { 0 } else { from } },
            tickets: Affected::ByOrder(at),
        };
        match from {
            1 if is_full => (from_on(0, false), from_on(0, false)),
            _ if is_full && from > 0 => (from_on(from, true), from_on(from - 1, false)),
            _ => (from_on(from, false), from_on(from, false)),
        }
    }
}

impl Scope<'_> {
    /// How many of the remembered orders, from the first on, matter only by what comes after them.
    pub(super) fn staying(self) -> usize {
        match self.orders {
            Concerned::From { staying, .. } => staying,
            Concerned::Together | Concerned::Second => 0,
        }
    }
}

/// All that the shares of second orders take of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstOrders {
    /// When the first order was placed.
    pub first: EventTime,
    /// When the second was.
    pub second: Option<EventTime>,
}

impl FirstOrders {
    /// Those of a history; `None` before the first order.
    pub fn of(history: &PurchaseHistory) -> Option<Self> {
        history.first_at().map(|first| Self { first, second: history.second_at() })
    }

    /// The earliest instant at which the first order is so long ago as a share wants it, that has not yet come.
    pub(in crate::engine) fn next_ripening(self, ripe: Ripe<'_>) -> Option<EventTime> {
        self.ripening().map(|(_, ripens)| ripens).find(|ripens| !ripe.has(*ripens))
    }

    /// What counts from that instant on.
    pub(in crate::engine) fn ripened_at(self, at: EventTime, to: &mut Contributions) {
        self.shares(to, |ripens| ripens == at);
    }

    fn shares(self, to: &mut Contributions, is_wanted: impl Fn(EventTime) -> bool) {
        for (place, ripens) in self.ripening().filter(|(_, ripens)| is_wanted(*ripens)) {
            let came = self.second.is_some_and(|second| second <= ripens);
            to.add(Cell::of(What::Second, 2 * place + u32::from(came)), 1);
        }
    }

    fn ripening(self) -> impl Iterator<Item = (u32, EventTime)> {
        (0..).zip(WITHIN_DAYS).map(move |(place, within)| (place, self.first + Span::from_days(within)))
    }
}

/// What orders and refunds contribute, as far as `scope` goes.
pub(super) fn contributions(
    customer: &Customer,
    scope: Scope<'_>,
    ripe: Ripe<'_>,
    policy: &Policy,
    to: &mut Contributions,
) {
    let history = &customer.purchases;
    if scope.orders == Concerned::Second {
        let firsts = FirstOrders::of(history);
        firsts.into_iter().for_each(|firsts| firsts.shares(to, |ripens| ripe.has(ripens)));
        return;
    }
    for refund in &customer.refunds.0 {
        of_refund(refund, class_of_refund(refund, history), policy, to);
    }
    let (Some(first), Some(last)) = (history.first(), history.last()) else {
        of_customer(customer, to);
        return;
    };
    if let Concerned::From { place: from, with_oldest, .. } = scope.orders {
        if history.forgotten.is_some() && from == 0 {
            of_order(first, Class::New, policy, to);
        }
        if with_oldest && history.forgotten.is_some() {
            of_order(&history.remembered[0], Class::Returning, policy, to);
        }
        for (place, order) in history.remembered.iter().enumerate().skip(from) {
            let is_first = place == 0 && history.forgotten.is_none();
            of_order(order, if is_first { Class::New } else { Class::Returning }, policy, to);
        }
        of_months(history, from, policy, to);
    }
    if scope.staying() < 2 {
        of_firsts(history, first, ripe, policy, to);
    }
    let day = |at: EventTime| policy.calendar.day_of(at);
    let has_ordered_before = history.count() > 1;
    to.add(Cell::on(What::LastOrder, u32::from(has_ordered_before), day(last.at)), 1);
    if let Some(last_but_one) = history.remembered.len().checked_sub(2) {
        to.add(Cell::on(What::LastButOne, 0, day(history.remembered[last_but_one].at)), 1);
    }
    of_customer(customer, to);
}

/// What is settled of an order that a customer's memory has no more room for.
pub(in crate::engine) fn settle_order(order: &Order, policy: &Policy, to: &mut Contributions) {
    of_order(order, Class::Returning, policy, to);
}

/// The same of a refund, as it was.
pub(in crate::engine) fn settle_refund(
    refund: &Refund,
    history: &PurchaseHistory,
    policy: &Policy,
    to: &mut Contributions,
) {
    of_refund(refund, class_of_refund(refund, history), policy, to);
}

fn of_order(order: &Order, class: Class, policy: &Policy, to: &mut Contributions) {
    let (day, kind) = (policy.calendar.day_of(order.at), class_and_currency(class, order.amount.currency()));
    to.add(Cell::on(What::Orders, kind, day), 1);
    to.add(Cell::on(What::Revenue, kind, day), i128::from(order.amount.minor()));
}

fn of_refund(refund: &Refund, class: Class, policy: &Policy, to: &mut Contributions) {
    let kind = class_and_currency(class, refund.amount.currency());
    let day = policy.calendar.day_of(refund.at);
    to.add(Cell::on(What::Revenue, kind, day), -i128::from(refund.amount.minor()));
}

fn class_of_refund(refund: &Refund, history: &PurchaseHistory) -> Class {
    match history.first() {
        Some(first) if first.id.fingerprint() == refund.order => Class::New,
        _ if refund.is_known => Class::Returning,
        _ => Class::Unknown,
    }
}

/// The first order, and how soon the second came.
fn of_firsts(history: &PurchaseHistory, first: &Order, ripe: Ripe<'_>, policy: &Policy, to: &mut Contributions) {
    let day = policy.calendar.day_of(first.at);
    to.add(Cell::on(What::NewCustomers, u32::from(first.referred), day), 1);
    let firsts = FirstOrders { first: first.at, second: history.second_at() };
    firsts.shares(to, |ripens| ripe.has(ripens));
    if let Some(second) = firsts.second {
        let gap = second.millis() - first.at.millis();
        let bucket = LE_DAYS.partition_point(|days| days * DAY_MS < gap);
        to.add(Cell::of(What::SecondDays, bucket as u32), 1);
    }
}

/// The months with an order: cohort and lifecycle. Of orders from a place on; the month before theirs is known.
fn of_months(history: &PurchaseHistory, from: usize, policy: &Policy, to: &mut Contributions) {
    let Some(first) = history.first_at() else { return };
    let month_of = |order: &Order| policy.calendar.day_of(order.at).month();
    let cohort = policy.calendar.day_of(first).month();
    let forgotten = history.forgotten.as_ref().map_or(&[][..], |forgotten| &forgotten.months);
    let (known, rest) = history.remembered.split_at(from.min(history.remembered.len()));
    let mut before = known.last().map(month_of);
    let forgotten = if known.is_empty() { forgotten } else { &[] };
    for month in forgotten.iter().copied().chain(rest.iter().map(month_of)) {
        if before.is_some_and(|before| before >= month) {
            continue;
        }
        let age = month.0 - cohort.0;
        if (0..COHORT_MONTHS).contains(&age) {
            to.add(Cell::within(What::Cohort, age as u32, cohort), 1);
        }
        follow(before, Some(month), to);
        before = Some(month);
    }
    follow(before, None, to);
}

/// What a customer is in the months from one in which they ordered to the next.
fn follow(before: Option<Month>, next: Option<Month>, to: &mut Contributions) {
    let mut is = |lifecycle: Lifecycle, month: Month| {
        to.add(Cell::within(What::Lifecycle, lifecycle as u32, month), 1);
    };
    match (before, next) {
        (None, Some(next)) => is(Lifecycle::New, next),
        (Some(before), Some(next)) if next.0 == before.0 + 1 => is(Lifecycle::Returning, next),
        (Some(before), next) => {
            is(Lifecycle::Dormant, Month(before.0 + 1));
            if let Some(next) = next {
                is(Lifecycle::Resurrecting, next);
            }
        }
        (None, None) => {}
    }
}

/// Net revenue and value at risk.
fn of_customer(customer: &Customer, to: &mut Contributions) {
    for spending in &customer.purchases.spending {
        let net = spending.ordered - spending.refunded;
        if net > 0 {
            let (kind, bucket) = (u32::from(spending.currency.packed()), money::bucket_of(net));
            to.add(Cell::new(What::ParetoCount, kind, bucket), 1);
            to.add(Cell::new(What::ParetoSum, kind, bucket), net);
        }
    }
    let (level, value) = (customer.standing.level, customer.standing.value_at_risk);
    if let Some(value) = value.filter(|value| value.minor != 0 && level != Level::Lapsed) {
        to.add(Cell::of(What::ValueAtRisk, level_and_currency(level, value.currency)), value.minor);
    }
}
