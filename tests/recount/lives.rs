//! Who there is: the accepted events of every customer, from their first to arrive to their erasure.

use std::collections::{BTreeMap, BTreeSet};

use super::reading::{Event, What};

/// All that was accepted of one customer. Whoever comes back after an erasure begins another life.
#[derive(Default)]
pub struct Life {
    /// By time, at one instant by id.
    pub orders: Vec<Order>,
    pub refunds: Vec<Refund>,
    pub tickets: BTreeMap<String, Ticket>,
    pub ratings: Vec<Rating>,
    /// When it ended by erasure: nothing is known any more, and what had not matured by then never will.
    pub erased_at: Option<i64>,
}

pub struct Order {
    pub at: i64,
    pub id: String,
    pub minor: i64,
    pub currency: String,
    pub is_referred: bool,
}

pub struct Refund {
    pub at: i64,
    pub order: String,
    pub minor: i64,
    pub currency: String,
}

/// A ticket is its steps in time order.
#[derive(Default)]
pub struct Ticket {
    pub steps: Vec<(i64, Step)>,
}

/// Of steps at one instant the one that is named first here comes first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Opened(Option<String>),
    Contacted,
    Resolved,
    Reopened,
}

pub struct Rating {
    pub at: i64,
    pub scale: String,
    pub score: f64,
    pub ticket: Option<String>,
}

/// Of what class an order is, and a refund with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Class {
    New,
    Returning,
    Unknown,
}

impl Life {
    pub fn is_erased(&self) -> bool {
        self.erased_at.is_some()
    }

    /// Until when outcomes could mature.
    pub fn known_until(&self, at: i64) -> i64 {
        self.erased_at.unwrap_or(at)
    }

    /// Whether something that waits until `ripe` has matured: time has passed it, and the customer was still known.
    pub fn has_ripened(&self, ripe: i64, at: i64) -> bool {
        ripe < self.known_until(at)
    }

    pub fn class_of(&self, order: &str) -> Class {
        match self.orders.iter().position(|known| known.id == order) {
            None => Class::Unknown,
            Some(0) => Class::New,
            Some(_) => Class::Returning,
        }
    }
}

impl Rating {
    pub fn is_low(&self) -> bool {
        match self.scale.as_str() {
            "csat" => self.score <= 2.0,
            "ces" => self.score <= 3.0,
            _ => false,
        }
    }
}

/// Every life, erased ones included, from the events in the order of their arrival.
pub fn lives(events: &[Event]) -> Vec<Life> {
    let mut by_customer: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in events {
        by_customer.entry(&event.customer).or_default().push(event);
    }
    let mut lives = Vec::new();
    for arrived in by_customer.values() {
        for stretch in arrived.split_inclusive(|event| matches!(event.what, What::Erased)) {
            lives.push(life(stretch));
        }
    }
    lives
}

fn life(arrived: &[&Event]) -> Life {
    let mut life = Life::default();
    let (mut seen_orders, mut seen_events) = (BTreeSet::new(), BTreeSet::new());
    for event in arrived {
        let is_news = match &event.what {
            What::Purchased { order, .. } => seen_orders.insert(order.as_str()),
            _ => seen_events.insert(event.id.as_str()),
        };
        if is_news {
            life.accept(event);
        }
    }
    life.orders.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    life.tickets.values_mut().for_each(|ticket| ticket.steps.sort());
    life
}

impl Life {
    fn accept(&mut self, event: &Event) {
        let at = event.at;
        match event.what.clone() {
            What::Purchased { order, minor, currency, is_referred } => {
                self.orders.push(Order { at, id: order, minor, currency, is_referred });
            }
            What::Refunded { order, minor, currency } => self.refunds.push(Refund { at, order, minor, currency }),
            What::Opened { ticket, category } => self.step(ticket, at, Step::Opened(category)),
            What::Contacted { ticket } => self.step(ticket, at, Step::Contacted),
            What::Resolved { ticket } => self.step(ticket, at, Step::Resolved),
            What::Reopened { ticket } => self.step(ticket, at, Step::Reopened),
            What::Rated { scale, score, ticket } => self.ratings.push(Rating { at, scale, score, ticket }),
            What::Erased => self.erased_at = Some(at),
            What::Passed => {}
        }
    }

    fn step(&mut self, ticket: String, at: i64, step: Step) {
        self.tickets.entry(ticket).or_default().steps.push((at, step));
    }
}

impl Ticket {
    /// The first step, whatever it is, makes the ticket.
    pub fn opened_at(&self) -> i64 {
        self.steps[0].0
    }

    pub fn category(&self) -> Option<&str> {
        self.steps.iter().find_map(|(_, step)| match step {
            Step::Opened(category) => Some(category.as_deref()),
            _ => None,
        })?
    }

    /// When the customer had to get in touch again: a second opening is a contact too.
    pub fn contacts(&self) -> Vec<i64> {
        let openings = self.steps.iter().filter(|(_, step)| matches!(step, Step::Opened(_))).skip(1);
        openings.chain(self.all(Step::Contacted)).map(|(at, _)| *at).collect()
    }

    fn all(&self, step: Step) -> impl Iterator<Item = &(i64, Step)> {
        self.steps.iter().filter(move |(_, taken)| *taken == step)
    }

    pub fn first_resolved_at(&self) -> Option<i64> {
        self.all(Step::Resolved).map(|(at, _)| *at).next()
    }

    pub fn reopenings(&self) -> Vec<i64> {
        self.all(Step::Reopened).map(|(at, _)| *at).collect()
    }
}
