//! What is known of one customer: every event that was ever accepted. Everything else is counted from them when asked.

use std::collections::BTreeMap;

use super::calendar::{DAY, HOUR, Instant};
use super::chance::Past;
use super::money::Money;
use super::reading::{Channel, Event, Scale, Step, What};

/// Until when a ticket must be resolved to be without pain, and when an open one is overdue.
pub const SERVICE_LEVEL: i64 = 24 * HOUR;

/// What a shop may set, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// No order for that long, and a customer has lapsed.
    pub activity_horizon: i64,
    /// How long tickets, ratings and resolutions count.
    pub memory: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { activity_horizon: 90 * DAY, memory: 60 * DAY }
    }
}

/// What the contract lets a service forget. The model never does, so it must not be led beyond.
const ORDERS_REMEMBERED: usize = 256;
const OTHER_EVENTS_REMEMBERED: usize = 64;

#[derive(Clone, Debug)]
pub struct Order {
    pub id: String,
    pub at: Instant,
    pub price: Money,
}

#[derive(Clone, Debug)]
struct TicketEvent {
    at: Instant,
    step: Step,
}

#[derive(Clone, Debug)]
pub struct Feedback {
    pub at: Instant,
    pub scale: Scale,
    pub score: f64,
    pub ticket: Option<String>,
}

impl Feedback {
    fn is_low(&self) -> bool {
        match self.scale {
            Scale::Csat => self.score <= 2.0,
            Scale::Ces => self.score <= 3.0,
            Scale::Nps => false,
        }
    }
}

#[derive(Clone, Debug)]
struct Said {
    at: Instant,
    channel: Channel,
    granted: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Known {
    pub rules: Rules,
    pub orders: Vec<Order>,
    refunds: Vec<Money>,
    tickets: BTreeMap<String, Vec<TicketEvent>>,
    feedback: Vec<Feedback>,
    consent: Vec<Said>,
    /// Id and time of everything but orders, as it arrived.
    others: Vec<(String, Instant)>,
}

/// How a ticket stands at an instant.
#[derive(Clone, Copy, Debug)]
pub struct Ticket<'a> {
    pub id: &'a str,
    pub opened_at: Instant,
    pub open_since: Option<Instant>,
    pub resolved_at: Option<Instant>,
    pub contacts: u32,
    pub reopenings: u32,
}

impl Known {
    /// Nothing yet.
    pub fn under(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// What the customer is already known to have done. Gives when that was said to have been.
    pub fn duplicate_of(&self, event: &Event) -> Option<Instant> {
        if let What::Purchase { order_id, .. } = &event.what {
            return self.orders.iter().find(|order| order.id == *order_id).map(|order| order.at);
        }
        let place = self.others.iter().rposition(|(id, _)| *id == event.event_id)?;
        let since = self.others.len() - place;
        assert!(since <= OTHER_EVENTS_REMEMBERED, "a duplicate of what a service may have forgotten: {event:?}");
        Some(self.others[place].1)
    }

    pub fn add(&mut self, event: &Event) {
        let at = event.at;
        match &event.what {
            What::Purchase { order_id, price } => {
                let later = self.orders.iter().filter(|order| order.at > at).count();
                assert!(later < ORDERS_REMEMBERED, "from before the orders that a service must remember: {event:?}");
                self.orders.push(Order { id: order_id.clone(), at, price: price.clone() });
                return;
            }
            What::Refund { amount } => self.refunds.push(amount.clone()),
            What::Ticket { ticket_id, step } => {
                let events = self.tickets.entry(ticket_id.clone()).or_default();
                events.push(TicketEvent { at, step: *step });
                events.sort_by_key(|event| (event.at, event.step));
            }
            What::Feedback { scale, score, ticket_id } => {
                self.feedback.push(Feedback { at, scale: *scale, score: *score, ticket: ticket_id.clone() });
            }
            What::ConsentChanged { channel, granted } => {
                self.consent.push(Said { at, channel: *channel, granted: *granted });
            }
            What::ContactSent | What::ReviewHeld => {}
            What::Erased => panic!("who is erased is forgotten as a whole"),
        }
        self.others.push((event.event_id.clone(), at));
    }

    pub fn is_empty(&self) -> bool {
        self.orders.is_empty() && self.others.is_empty()
    }

    /// The last order; of several at one instant the one that ranks last.
    pub fn last_order(&self) -> Option<&Order> {
        self.orders.iter().max_by_key(|order| (order.at, &order.id))
    }

    pub fn last_order_at(&self) -> Option<Instant> {
        self.last_order().map(|order| order.at)
    }

    pub fn first_order_at(&self) -> Option<Instant> {
        self.orders.iter().map(|order| order.at).min()
    }

    /// Orders less refunds, in minor units.
    pub fn net_spent_in(&self, currency: &str) -> i128 {
        let sum = |amounts: &mut dyn Iterator<Item = &Money>| -> i128 {
            amounts.filter(|money| money.currency == currency).map(|money| i128::from(money.minor)).sum()
        };
        sum(&mut self.orders.iter().map(|order| &order.price)) - sum(&mut self.refunds.iter())
    }

    /// # Panics
    /// For somebody who never ordered.
    pub fn past(&self, now: Instant) -> Past {
        let first = self.first_order_at().expect("somebody who ordered");
        // The instant of a day is its first order; UTC days.
        let mut days: BTreeMap<i64, Instant> = BTreeMap::new();
        for order in &self.orders {
            let of_day = days.entry(order.at.div_euclid(DAY)).or_insert(order.at);
            *of_day = order.at.min(*of_day);
        }
        let last_day = *days.values().max().expect("an order has a day");
        Past { x: (days.len() - 1) as f64, tx: in_days(last_day - first), t: in_days(now - first) }
    }

    pub fn tickets(&self, now: Instant) -> impl Iterator<Item = Ticket<'_>> {
        self.tickets.iter().filter_map(move |(id, events)| {
            let so_far = events.partition_point(|event| event.at <= now);
            Ticket::after(id, &events[..so_far])
        })
    }

    /// The low ratings that still count.
    pub fn low_ratings(&self, now: Instant) -> impl Iterator<Item = &Feedback> {
        let memory = self.rules.memory;
        self.feedback.iter().filter(move |rating| rating.is_low() && rating.at <= now && now < rating.at + memory)
    }

    pub fn is_rated_low(&self, ticket: &str, now: Instant) -> bool {
        let about_it = |rating: &&Feedback| rating.ticket.as_deref() == Some(ticket);
        self.feedback.iter().filter(about_it).any(|rating| rating.is_low() && rating.at <= now)
    }

    /// Channels on which the customer may be contacted. What was said last counts, and only once it was said; of two
    /// things said at one instant the denial.
    pub fn channels(&self, now: Instant) -> Vec<Channel> {
        let is_granted = |channel: &Channel| {
            let said = self.consent.iter().filter(|said| said.channel == *channel);
            let last = said.max_by_key(|said| (said.at, !said.granted));
            last.is_some_and(|said| said.granted && said.at <= now)
        };
        Channel::ALL.into_iter().filter(is_granted).collect()
    }

    /// Every instant at which a factor could change; many at which none does.
    pub fn turning_points(&self) -> Vec<Instant> {
        let memory = self.rules.memory;
        let of_tickets = self.tickets.values().flatten().map(|event| event.at);
        let of_tickets = of_tickets.flat_map(|at| [at, at + SERVICE_LEVEL, at + memory]);
        let of_ratings = self.feedback.iter().flat_map(|rating| [rating.at, rating.at + memory]);
        of_tickets.chain(of_ratings).collect()
    }

    /// The ticket that an order at `at` shows to be recovered from. The order itself may be known or not.
    pub fn recovered_ticket(&self, at: Instant, order_id: &str) -> Option<&str> {
        let is_recovery = |resolved: Instant| {
            let is_earlier = |order: &Order| (order.at, order.id.as_str()) < (at, order_id);
            let was_before = self.orders.iter().any(|order| resolved < order.at && is_earlier(order));
            resolved < at && at <= resolved + self.rules.memory && !was_before
        };
        let resolved = self.tickets(at).filter_map(|ticket| Some((ticket.resolved_at?, ticket.id)));
        resolved.filter(|(resolved_at, _)| is_recovery(*resolved_at)).max().map(|(_, id)| id)
    }
}

impl<'a> Ticket<'a> {
    fn after(id: &'a str, events: &[TicketEvent]) -> Option<Self> {
        let opened_at = events.first()?.at;
        let mut ticket =
            Self { id, opened_at, open_since: Some(opened_at), resolved_at: None, contacts: 0, reopenings: 0 };
        let mut times_opened = 0;
        for event in events {
            match event.step {
                Step::Opened => {
                    times_opened += 1;
                    ticket.contacts += u32::from(times_opened > 1);
                }
                Step::Contacted => ticket.contacts += 1,
                Step::Resolved if ticket.open_since.is_some() => {
                    ticket.open_since = None;
                    ticket.resolved_at = Some(event.at);
                }
                Step::Resolved => {}
                Step::Reopened => {
                    ticket.reopenings += 1;
                    if ticket.open_since.is_none() {
                        ticket.open_since = Some(event.at);
                        ticket.resolved_at = None;
                    }
                }
            }
        }
        Some(ticket)
    }

    pub fn is_overdue(&self, now: Instant) -> bool {
        self.open_since.is_some_and(|since| now >= since + SERVICE_LEVEL)
    }

    /// Resolved in time and without the customer having had to come back to it; ratings aside.
    pub fn took_no_effort(&self) -> bool {
        let in_time = self.resolved_at.is_some_and(|resolved| resolved <= self.opened_at + SERVICE_LEVEL);
        in_time && self.contacts == 0 && self.reopenings == 0
    }
}

pub fn in_days(millis: i64) -> f64 {
    millis as f64 / DAY as f64
}
