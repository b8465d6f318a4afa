//! One partition's customers in order: what fell due first, then the event.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::accounts::{Accounts, moments, scopes};
use super::customers::{Change, Committed, Customers, Packed};
use super::days::{DayEnd, Days};
use super::event::{Event, Happening};
use super::on_due::{is_forgotten, next_due};
use super::on_event::{Dropped, Novelty};
use super::standing;
use super::tallies::{self, Frontier, Scope, Section, Tallies};
use super::timers::{self, Moments, Timers};
use super::totals::Totals;
use super::touched::Touched;
use crate::domain::risk::Outlook;
use crate::domain::time::Day;
use crate::domain::{Customer, CustomerId, EventTime, Level, Policy, Signal, Span};

/// How an event was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Applied.
    Applied,
    /// Applied, though time had already passed it.
    Late,
    /// Applied, but older than the day rings reach.
    TooLate,
    /// Already known; nothing changed.
    Duplicate,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 4] = [Self::Applied, Self::Late, Self::TooLate, Self::Duplicate];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Late => "late",
            Self::TooLate => "too_late",
            Self::Duplicate => "duplicate",
        }
    }
}

/// How far the rings by day reach back; older events change totals, first and last order only.
const RINGS: Span = Span::from_days(460);

/// A signal on its way out, and whether the event being applied caused it or the passing of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// What is told.
    pub signal: Signal,
    /// Why now.
    pub cause: Cause,
}

/// What made us say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The event that is being applied.
    Event,
    /// Time alone.
    Time,
}

/// The state and the work of one partition.
pub struct Partition<C: Committed> {
    policy: Arc<Policy>,
    customers: Customers<C>,
    timers: Timers,
    accounts: Accounts,
    days: Days,
    frontier: Frontier,
    frontier_committed: Frontier,
    time: EventTime,
    time_committed: EventTime,
    fired: u64,
}

impl<C: Committed> Partition<C> {
    /// A partition over what is committed. Follow up with [`Partition::recall`] for every customer in it.
    pub fn new(policy: Arc<Policy>, committed: C) -> Self {
        Self {
            policy,
            customers: Customers::new(committed),
            timers: Timers::default(),
            accounts: Accounts::default(),
            days: Days::default(),
            frontier: Frontier::BEGINNING,
            frontier_committed: Frontier::BEGINNING,
            time: EventTime::BEGINNING,
            time_committed: EventTime::BEGINNING,
            fired: 0,
        }
    }

    /// Takes note of a committed customer: their timer and what they count for.
    pub fn recall(&mut self, id: &CustomerId, customer: &Customer) {
        let ripe = self.frontier.of(id);
        self.timers.come_up(id.clone(), moments(customer, ripe, &self.policy));
        self.accounts.recall(customer, ripe, &self.policy);
    }

    /// Works out a customer's next moment anew, as the rules have changed. What was announced stays as it is, but for
    /// whoever has not lapsed yet by the new rules: they are active again, and nobody is told, as nothing happened.
    pub fn reconsider(&mut self, id: &CustomerId) {
        let (policy, ripe) = (&*self.policy, self.frontier.of(id));
        let mut touched = self.customers.touch(id, policy);
        let Touched { customer, changed, .. } = &mut touched;
        let before = customer.standing.clone();
        let Some(mut from) = before.evaluated_at else { return };
        let Some(outlook) = Outlook::of(customer, policy) else { return };
        let has_lapsed = outlook.lapse().is_some_and(|lapse| lapse <= from.max(self.time));
        if before.level == Level::Lapsed && !has_lapsed {
            from = from.max(self.time);
            self.accounts.before(customer, Scope::ALL, ripe, policy);
            standing::settle_quietly(customer, &outlook, from);
            self.accounts.after(customer, Scope::ALL, ripe, policy);
        }
        customer.standing.next_change = outlook.next_change(customer, from);
        if customer.standing == before {
            return;
        }
        *changed = true;
        let next = customer.standing.next_change;
        self.customers.put_back(id, touched, policy);
        self.timers.look_again(id, Moments::of_other(before.next_change), Moments::of_other(next));
    }

    /// Goes on from the time at which an earlier run stood. Before customers are recalled, so that what was ripe by
    /// then is counted so at once.
    pub fn resume(&mut self, time: EventTime) {
        self.time = time;
        self.time_committed = time;
        if self.timers.len() == 0 {
            self.frontier = Frontier::before(time);
            self.frontier_committed = self.frontier.clone();
        }
    }

    /// Takes note of stored counts that no customer tells any more.
    pub fn recall_settled(&mut self, sections: impl IntoIterator<Item = Section>) {
        self.accounts.tallies.recall_settled(sections);
    }

    /// Takes note of the rates at the ends of earlier days, and of the first day that is not over.
    pub fn recall_days(&mut self, days: BTreeMap<Day, DayEnd>, today: Option<Day>) {
        self.days.recall(days, today, &self.policy);
    }

    /// Takes note of the orders of customers who were forgotten.
    pub fn recall_erased(&mut self, orders: i64, returning_orders: i64) {
        self.accounts.recall_erased(orders, returning_orders);
    }

    /// The rules.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The committed state.
    pub fn committed(&self) -> &C {
        &self.customers.committed
    }

    /// The counts, the open batch included.
    pub fn totals(&self) -> &Totals {
        &self.accounts.totals
    }

    /// All other counts.
    pub fn tallies(&self) -> &Tallies {
        &self.accounts.tallies
    }

    /// The sections of settled counts that are to be stored with the open batch; without cells: gone.
    pub fn changed_sections(&self) -> Vec<Section> {
        self.accounts.tallies.changed_sections(self.today())
    }

    /// The rates at the end of each day, as committed.
    pub fn days(&self) -> &Arc<BTreeMap<Day, DayEnd>> {
        self.days.committed()
    }

    /// The days whose rates are to be stored with the open batch; without rates: no longer kept.
    pub fn changed_days(&self) -> impl Iterator<Item = (Day, Option<&DayEnd>)> {
        self.days.changed()
    }

    /// The first day whose end has not been kept; `None` before time begins.
    pub fn open_day(&self) -> Option<Day> {
        self.days.today()
    }

    /// How far ripening has come.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// How many moments of customers came in the open batch.
    pub fn fired(&self) -> u64 {
        self.fired
    }

    /// How many timers are pending.
    pub fn timers_pending(&self) -> usize {
        self.timers.len()
    }

    /// Applies one event; before it whatever fell due for this customer earlier than the event.
    pub fn apply(&mut self, event: &Event, announcements: &mut Vec<Announcement>) -> Outcome {
        let policy = &*self.policy;
        let mut touched = self.customers.touch(&event.customer, policy);
        let ripe = self.frontier.of(&event.customer);
        let due = next_due(&touched.customer, policy);
        if !event.what.counts() && due.is_none_or(|due| due >= event.at) {
            let novelty = touched.take_in(event, policy, &mut Dropped::default(), announcements);
            let due_now = next_due(&touched.customer, policy);
            self.customers.put_back(&event.customer, touched, policy);
            self.timers.look_again(&event.customer, Moments::of_other(due), Moments::of_other(due_now));
            return self.outcome(novelty, event.at);
        }
        self.accounts.tallies.settle_drawn(tallies::settle_before(event, &mut touched.customer, ripe, policy));
        let (scope, scope_after) = scopes(&touched.customer, event, policy);
        let before = moments(&touched.customer, ripe, policy);
        self.accounts.before(&touched.customer, scope, ripe, policy);
        while let Some(due) = next_due(&touched.customer, policy).filter(|due| *due < event.at) {
            touched.fire(&event.customer, due, ripe, policy, &mut self.accounts, announcements);
            self.fired += 1;
        }
        let novelty = if event.what == Happening::Erased {
            let ripe = ripe.or_until(event.at - Span::from_millis(1));
            touched.forget(ripe, policy, &mut self.accounts);
            Novelty::New
        } else {
            let mut dropped = Dropped::default();
            let novelty = touched.take_in(event, policy, &mut dropped, announcements);
            if novelty == Novelty::New {
                self.accounts.settle(event, &dropped, &touched.customer, ripe, policy);
            }
            novelty
        };
        let scope = if novelty == Novelty::New { scope_after } else { scope };
        self.accounts.after(&touched.customer, scope, ripe, policy);
        self.timers.look_again(&event.customer, before, moments(&touched.customer, ripe, policy));
        self.customers.put_back(&event.customer, touched, policy);
        self.outcome(novelty, event.at)
    }

    /// Moves time on and fires what it has passed, each at its own instant, at most `limit` customers' moments.
    /// True when more is due: call again.
    pub fn advance(&mut self, time: EventTime, limit: usize, announcements: &mut Vec<Announcement>) -> bool {
        self.time = self.time.max(time);
        for _ in 0..limit {
            let Some(entry) = self.timers.take_before(self.time) else { break };
            self.end_days(entry.at);
            if entry.is_of_second_order() {
                self.ripen(entry);
            } else {
                self.come_up(entry, announcements);
            }
        }
        if self.timers.has_before(self.time) {
            return true;
        }
        self.end_days(self.time);
        let passed = Frontier::before(self.time);
        if self.frontier < passed {
            self.frontier = passed;
        }
        false
    }

    /// All that was due before `time` has fired.
    fn end_days(&mut self, time: EventTime) {
        if self.days.is_over(time) && time != EventTime::BEGINNING {
            let tallies = &self.accounts.tallies;
            self.days.end(time, &[tallies.committed(), tallies.open()], &self.policy);
        }
    }

    /// A customer comes up of whom nothing can be due but that a share of second orders takes them in.
    fn ripen(&mut self, entry: timers::Entry) {
        let known = self.customers.first_orders(&entry.id);
        let mut second = known.and_then(|firsts| firsts.next_ripening(self.frontier.of(&entry.id)));
        if let Some(firsts) = known.filter(|_| second == Some(entry.at)) {
            self.frontier.reach(entry.at, &entry.id);
            self.accounts.ripen(firsts, entry.at);
            self.fired += 1;
            second = firsts.next_ripening(self.frontier.of(&entry.id));
        }
        let other = entry.other();
        self.timers.come_up(entry.id, Moments { second, other });
    }

    /// A customer comes up: their next moment has come, or it is later than their entry says.
    fn come_up(&mut self, entry: timers::Entry, announcements: &mut Vec<Announcement>) {
        let timers::Entry { at: came_up, id, .. } = entry;
        let (policy, ripe) = (&*self.policy, self.frontier.of(&id));
        let mut touched = self.customers.touch(&id, policy);
        let next = moments(&touched.customer, ripe, policy);
        let Some(due) = next.next() else { return };
        if due > came_up {
            self.customers.put_back(&id, touched, policy);
            self.timers.come_up(id, next);
            return;
        }
        let changes = next_due(&touched.customer, policy) == Some(due);
        let is_forgotten = changes && is_forgotten(&touched.customer, due, policy);
        let scope = if is_forgotten { Scope::ALL } else { Scope::ripening(due, changes) };
        self.accounts.before(&touched.customer, scope, ripe, policy);
        self.frontier.reach(due, &id);
        let ripe = self.frontier.of(&id);
        if changes {
            touched.fire(&id, due, ripe, policy, &mut self.accounts, announcements);
        }
        self.accounts.after(&touched.customer, scope, ripe, policy);
        self.fired += 1;
        let next = moments(&touched.customer, ripe, policy);
        self.customers.put_back(&id, touched, policy);
        self.timers.come_up(id, next);
    }

    /// The partition's time.
    pub fn time(&self) -> EventTime {
        self.time
    }

    /// What the open batch changed, in no particular but always the same order: for the changelog. `None`: forgotten.
    pub fn records(&self) -> impl Iterator<Item = (&CustomerId, Option<&C::Record>)> {
        self.customers.changes.iter().map(|(id, change)| (id, change.record.as_ref()))
    }

    /// The same, unpacked.
    pub fn changes(&self) -> impl Iterator<Item = (&CustomerId, Option<Customer>)> {
        self.records().map(|(id, record)| (id, record.map(Packed::unpack)))
    }

    /// The log has confirmed the open batch: takes its changes out, for whoever keeps what is committed. Followed by
    /// [`Partition::confirm`].
    pub fn take_changes(&mut self) -> impl Iterator<Item = (CustomerId, Change<C::Record>)> {
        self.customers.changes.drain()
    }

    /// How many customers the open batch changed.
    pub fn changed_customers(&self) -> usize {
        self.customers.changes.len()
    }

    /// Whether the open batch changed any customer or count, or ended a day.
    pub fn has_changes(&self) -> bool {
        let has_counted = !self.accounts.tallies.open().is_empty() || self.days.has_ended();
        has_counted || !self.customers.changes.is_empty()
    }

    /// The log has confirmed the open batch and `committed` holds its changes.
    pub fn confirm(&mut self) {
        self.customers.changes.clear();
        self.timers.confirm();
        self.time_committed = self.time;
        self.frontier_committed = self.frontier.clone();
        self.accounts.confirm(self.today());
        self.days.confirm();
        self.fired = 0;
    }

    /// The open batch never happened.
    pub fn undo(&mut self) {
        self.customers.changes.clear();
        self.timers.undo();
        self.time = self.time_committed;
        self.frontier = self.frontier_committed.clone();
        self.accounts.undo();
        self.days.undo(&self.policy);
        self.fired = 0;
    }

    /// The business day that time has come to; `None` before the first event.
    pub fn today(&self) -> Option<Day> {
        (self.time != EventTime::BEGINNING).then(|| self.policy.calendar.day_of(self.time))
    }

    fn outcome(&self, novelty: Novelty, at: EventTime) -> Outcome {
        match novelty {
            Novelty::Duplicate => Outcome::Duplicate,
            Novelty::New if at < self.time - RINGS => Outcome::TooLate,
            Novelty::New if at < self.time => Outcome::Late,
            Novelty::New => Outcome::Applied,
        }
    }
}
