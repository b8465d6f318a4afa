//! One partition's customers in order: what fell due first, then the event.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use foldhash::quality::FixedState;

use super::event::{Event, Happening};
use super::on_due::{is_forgotten, next_due, on_due};
use super::on_event::{Dropped, Novelty, on_event};
use super::tallies::{self, Affected, Contributions, Frontier, Ripe, Scope, Section, Tallies};
use super::timers::Timers;
use super::totals::{Contribution, Totals};
use crate::domain::time::Day;
use crate::domain::{Customer, CustomerId, EventTime, Policy, Signal, Span, risk};

/// Read access to the state that the log has confirmed.
pub trait Committed {
    /// The customer, if anything is known of them.
    fn load(&self, id: &CustomerId) -> Option<Customer>;
}

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

/// A customer as the open batch left them, for the changelog. `None`: forgotten.
pub type Change<'a> = (&'a CustomerId, Option<&'a Customer>);

struct Touched {
    customer: Customer,
    /// False: nothing is known of them, or no longer.
    is_known: bool,
    changed: bool,
}

impl Touched {
    /// Everything known of the customer goes but for anonymous sums; whatever comes later starts a new one.
    fn forget(&mut self, ripe: Ripe<'_>, policy: &Policy, totals: &mut Totals, tallies: &mut Tallies) {
        totals.erase(&Contribution::of(&self.customer));
        let mut all = Contributions::default();
        tallies::contributions(&self.customer, Scope::ALL, ripe, policy, &mut all);
        all.keep_what_stays();
        tallies.settle(&all);
        self.changed |= self.is_known;
        self.is_known = false;
        self.customer = Customer::default();
    }
}

/// The state and the work of one partition.
pub struct Partition<C> {
    policy: Arc<Policy>,
    committed: C,
    overlay: HashMap<CustomerId, Touched, FixedState>,
    timers: Timers,
    totals: Totals,
    totals_committed: Totals,
    tallies: Tallies,
    frontier: Frontier,
    frontier_committed: Frontier,
    /// What a customer contributes, kept for its room.
    before: Contributions,
    after: Contributions,
    time: EventTime,
    time_committed: EventTime,
    fired: u64,
}

impl<C: Committed> Partition<C> {
    /// A partition over what is committed. Follow up with [`Partition::recall`] for every customer in it.
    pub fn new(policy: Arc<Policy>, committed: C) -> Self {
        Self {
            policy,
            committed,
            overlay: HashMap::default(),
            timers: Timers::default(),
            totals: Totals::default(),
            totals_committed: Totals::default(),
            tallies: Tallies::default(),
            frontier: Frontier::BEGINNING,
            frontier_committed: Frontier::BEGINNING,
            before: Contributions::default(),
            after: Contributions::default(),
            time: EventTime::BEGINNING,
            time_committed: EventTime::BEGINNING,
            fired: 0,
        }
    }

    /// Takes note of a committed customer: their timer and what they count for.
    pub fn recall(&mut self, id: &CustomerId, customer: &Customer) {
        let ripe = self.frontier.of(id);
        self.timers.look_again(id, None, next_moment(customer, ripe, &self.policy));
        self.totals.add(&Contribution::of(customer));
        self.totals_committed = self.totals;
        let mut contributions = Contributions::default();
        tallies::contributions(customer, Scope::ALL, ripe, &self.policy, &mut contributions);
        self.tallies.recall(&contributions);
    }

    /// Works out a customer's next moment anew, as the rules have changed. What was announced stays as it is.
    pub fn reconsider(&mut self, id: &CustomerId) {
        let touched = touch(&mut self.overlay, &self.committed, id);
        let before = touched.customer.standing.next_change;
        let Some(from) = touched.customer.standing.evaluated_at else { return };
        let next = risk::next_change(&touched.customer, from, &self.policy);
        if next == before {
            self.overlay.remove(id);
            return;
        }
        touched.customer.standing.next_change = next;
        touched.changed = true;
        self.timers.look_again(id, before, next);
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
        self.tallies.recall_settled(sections);
    }

    /// Takes note of the orders of customers who were forgotten.
    pub fn recall_erased(&mut self, orders: i64, returning_orders: i64) {
        self.totals.recall_erased(orders, returning_orders);
        self.totals_committed = self.totals;
    }

    /// The rules.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The committed state.
    pub fn committed(&self) -> &C {
        &self.committed
    }

    /// The counts, the open batch included.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// All other counts.
    pub fn tallies(&self) -> &Tallies {
        &self.tallies
    }

    /// The sections of settled counts that are to be stored with the open batch; without cells: gone.
    pub fn changed_sections(&self) -> Vec<Section> {
        self.tallies.changed_sections(self.today())
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
        let policy = Arc::clone(&self.policy);
        let ripe = self.frontier.of(&event.customer);
        let touched = touch(&mut self.overlay, &self.committed, &event.customer);
        self.tallies.settle_drawn(tallies::settle_before(event, &mut touched.customer, ripe, &policy));
        let (scope, scope_after) = scopes(&touched.customer, event, &policy);
        let before = (Contribution::of(&touched.customer), next_moment(&touched.customer, ripe, &policy));
        self.before.clear();
        tallies::contributions(&touched.customer, scope, ripe, &policy, &mut self.before);
        while let Some(due) = next_due(&touched.customer, &policy).filter(|due| *due < event.at) {
            fire(&event.customer, touched, due, ripe, &policy, &mut self.totals, &mut self.tallies, announcements);
            self.fired += 1;
        }
        let novelty = if event.what == Happening::Erased {
            let ripe = ripe.or_until(event.at - Span::from_millis(1));
            touched.forget(ripe, &policy, &mut self.totals, &mut self.tallies);
            Novelty::New
        } else {
            let mut dropped = Dropped::default();
            let novelty = on_event(&mut touched.customer, event, &policy, &mut dropped, &mut |signal| {
                announce(announcements, signal, Cause::Event, &policy);
            });
            touched.changed |= novelty == Novelty::New;
            touched.is_known |= novelty == Novelty::New;
            if novelty == Novelty::New {
                settle(event, &dropped, &touched.customer, ripe, &policy, &mut self.tallies);
            }
            novelty
        };
        let after = (Contribution::of(&touched.customer), next_moment(&touched.customer, ripe, &policy));
        self.after.clear();
        let scope = if novelty == Novelty::New { scope_after } else { scope };
        tallies::contributions(&touched.customer, scope, ripe, &policy, &mut self.after);
        self.tallies.change(&self.before, &self.after);

        self.totals.remove(&before.0);
        self.totals.add(&after.0);
        self.timers.look_again(&event.customer, before.1, after.1);
        self.outcome(novelty, event.at)
    }

    /// Moves time on and fires what it has passed, each at its own instant, at most `limit` customers' moments.
    /// True when more is due: call again.
    pub fn advance(&mut self, time: EventTime, limit: usize, announcements: &mut Vec<Announcement>) -> bool {
        self.time = self.time.max(time);
        for _ in 0..limit {
            let Some((came_up, id)) = self.timers.take_before(self.time) else {
                let passed = Frontier::before(self.time);
                if self.frontier < passed {
                    self.frontier = passed;
                }
                return false;
            };
            let Some(due) = self.next_moment_of(&id) else { continue };
            if due > came_up {
                self.timers.move_to(due, id);
                continue;
            }
            self.come(id, due, announcements);
        }
        self.timers.has_before(self.time)
    }

    /// A customer's next moment has come.
    fn come(&mut self, id: CustomerId, due: EventTime, announcements: &mut Vec<Announcement>) {
        let policy = Arc::clone(&self.policy);
        let touched = touch(&mut self.overlay, &self.committed, &id);
        let before = Contribution::of(&touched.customer);
        let changes = next_due(&touched.customer, &policy) == Some(due);
        let is_forgotten = changes && is_forgotten(&touched.customer, due, &policy);
        let scope = if is_forgotten { Scope::ALL } else { Scope::NONE };
        self.before.clear();
        tallies::contributions(&touched.customer, scope, self.frontier.of(&id), &policy, &mut self.before);
        self.frontier.reach(due, &id);
        let ripe = self.frontier.of(&id);
        if changes {
            fire(&id, touched, due, ripe, &policy, &mut self.totals, &mut self.tallies, announcements);
        }
        self.after.clear();
        tallies::contributions(&touched.customer, scope, ripe, &policy, &mut self.after);
        self.tallies.change(&self.before, &self.after);
        self.fired += 1;
        self.totals.remove(&before);
        self.totals.add(&Contribution::of(&touched.customer));
        if let Some(next) = next_moment(&touched.customer, ripe, &policy) {
            self.timers.move_to(next, id);
        }
    }

    /// The partition's time.
    pub fn time(&self) -> EventTime {
        self.time
    }

    /// What the open batch changed, in no particular but always the same order.
    pub fn changes(&self) -> impl Iterator<Item = Change<'_>> {
        let changed = self.overlay.iter().filter(|(_, touched)| touched.changed);
        changed.map(|(id, touched)| (id, touched.is_known.then_some(&touched.customer)))
    }

    /// Whether the open batch changed any customer or count.
    pub fn has_changes(&self) -> bool {
        self.overlay.values().any(|touched| touched.changed) || !self.tallies.open().is_empty()
    }

    /// The log has confirmed the open batch and `committed` holds its changes.
    pub fn confirm(&mut self) {
        self.overlay.clear();
        self.timers.confirm();
        self.totals_committed = self.totals;
        self.time_committed = self.time;
        self.frontier_committed = self.frontier.clone();
        self.tallies.confirm(self.today());
        self.fired = 0;
    }

    /// The open batch never happened.
    pub fn undo(&mut self) {
        self.overlay.clear();
        self.timers.undo();
        self.totals = self.totals_committed;
        self.time = self.time_committed;
        self.frontier = self.frontier_committed.clone();
        self.tallies.undo();
        self.fired = 0;
    }

    /// Looks without touching: most entries that come up are only moved, and a batch should not hold them.
    fn next_moment_of(&self, id: &CustomerId) -> Option<EventTime> {
        let ripe = self.frontier.of(id);
        match self.overlay.get(id) {
            Some(touched) => next_moment(&touched.customer, ripe, &self.policy),
            None => self.committed.load(id).and_then(|customer| next_moment(&customer, ripe, &self.policy)),
        }
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

fn touch<'a, C: Committed>(
    overlay: &'a mut HashMap<CustomerId, Touched, FixedState>,
    committed: &C,
    id: &CustomerId,
) -> &'a mut Touched {
    match overlay.entry(id.clone()) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => {
            let customer = committed.load(id);
            let is_known = customer.is_some();
            entry.insert(Touched { customer: customer.unwrap_or_default(), is_known, changed: false })
        }
    }
}

/// What happens to a customer at `due` without any event, whether or not the partition's time has come so far.
fn fire(
    id: &CustomerId,
    touched: &mut Touched,
    due: EventTime,
    ripe: Ripe<'_>,
    policy: &Policy,
    totals: &mut Totals,
    tallies: &mut Tallies,
    announcements: &mut Vec<Announcement>,
) {
    if is_forgotten(&touched.customer, due, policy) {
        touched.forget(ripe.or_until(due), policy, totals, tallies);
        return;
    }
    touched.changed = true;
    if let Some(signal) = on_due(id, &mut touched.customer, due, policy) {
        announce(announcements, signal, Cause::Time, policy);
    }
}

/// The next instant at which something of the customer changes or ripens without any event.
fn next_moment(customer: &Customer, ripe: Ripe<'_>, policy: &Policy) -> Option<EventTime> {
    [next_due(customer, policy), tallies::next_ripening(customer, ripe, policy)].into_iter().flatten().min()
}

/// Which of a customer's orders can count for something else after an event than before.
fn scopes<'a>(customer: &Customer, event: &'a Event, policy: &Policy) -> (Scope<'a>, Scope<'a>) {
    let is_forgotten_before =
        policy.forget_after.is_some() && next_due(customer, policy).is_some_and(|due| due < event.at);
    match &event.what {
        _ if is_forgotten_before => (Scope::ALL, Scope::ALL),
        Happening::Erased => (Scope::ALL, Scope::ALL),
        Happening::Purchased { order, .. } => Scope::around(&customer.purchases, event.at, order),
        _ => [Scope::tickets(Affected::by(event, customer)); 2].into(),
    }
}

/// Counts what nobody will tell of an event later on, and what a customer's memory had no more room for.
fn settle(
    event: &Event,
    dropped: &Dropped,
    customer: &Customer,
    ripe: Ripe<'_>,
    policy: &Policy,
    tallies: &mut Tallies,
) {
    let mut settled = Contributions::default();
    tallies::settle_event(event, policy, &mut settled);
    if let Some(order) = &dropped.order {
        tallies::settle_order(order, policy, &mut settled);
    }
    if let Some(refund) = &dropped.refund {
        tallies::settle_refund(refund, &customer.purchases, policy, &mut settled);
    }
    if let Some(ticket) = &dropped.ticket {
        tallies::settle_dropped(ticket, customer, ripe, policy, &mut settled);
    }
    tallies.settle(&settled);
}

fn announce(announcements: &mut Vec<Announcement>, signal: Signal, cause: Cause, policy: &Policy) {
    if policy.not_before.is_none_or(|start| signal.at() >= start) {
        announcements.push(Announcement { signal, cause });
    }
}
