//! Lives of `c-42`, told to the engine.

use std::sync::Arc;

use homecoming::domain::policy::Weights;
use homecoming::domain::{Customer, Policy, Signal};
use homecoming::engine::Partition;
use homecoming::store::Nobody;
use homecoming::wire::decode_line;

use crate::letters::{Letter, at, quoted};

/// One customer, and all that was said of them.
pub struct Life {
    partition: Partition<Nobody>,
    events: usize,
    pub told: Vec<Signal>,
}

impl Life {
    fn new(policy: Policy) -> Self {
        Self { partition: Partition::new(Arc::new(policy), Nobody), events: 0, told: Vec::new() }
    }

    /// An event of this type and time, with other fields than usual.
    fn then(&mut self, kind: &str, at: &str, fields: &[(&str, &str)]) {
        let letter = Letter::of_type(kind)
            .with("event_id", &quoted(&format!("e-{}", self.events)))
            .with("occurred_at", &quoted(at));
        let letter = fields.iter().fold(letter, |letter, (name, json)| letter.with(name, json));
        let mut announcements = Vec::new();
        self.partition.apply(&decode_line(&letter.text()).expect("a valid event"), &mut announcements);
        self.events += 1;
        self.told.extend(announcements.into_iter().map(|announcement| announcement.signal));
    }

    fn until(&mut self, time: &str) {
        let mut announcements = Vec::new();
        while self.partition.advance(at(time), 10, &mut announcements) {}
        self.told.extend(announcements.into_iter().map(|announcement| announcement.signal));
    }

    pub fn customer(&self) -> Customer {
        let (_, customer) = self.partition.changes().next().expect("one customer");
        customer.expect("nobody is forgotten")
    }

    /// The first signal of a kind.
    pub fn first(&self, kind: &str) -> &Signal {
        self.told.iter().find(|signal| signal.names().1 == kind).expect("the story tells of it")
    }

    /// The last signal of a kind.
    pub fn last(&self, kind: &str) -> &Signal {
        self.told.iter().rfind(|signal| signal.names().1 == kind).expect("the story tells of it")
    }
}

/// Buys, gets money back, falls silent, and returns a day after the lapse.
pub fn a_return() -> Life {
    let mut life = Life::new(Policy::default());
    for (kind, order, at, amount) in [
        ("purchase", "o-1", "2026-01-01T09:30:00Z", "171.50"),
        ("purchase", "o-2", "2026-01-12T18:00:00.500Z", "20"),
        ("refund", "o-2", "2026-01-15T08:00:00Z", "5.05"),
        ("purchase", "o-7", "2026-04-13T18:00:00.500Z", "129.90"),
    ] {
        life.then(kind, at, &[("order_id", &quoted(order)), ("amount", &quoted(amount))]);
    }
    life
}

/// Has to ask three times for help, is helped and asked how it was, and buys again all the same.
pub fn a_recovery() -> Life {
    let mut life = Life::new(Policy::default());
    life.then("consent_changed", "2026-01-01T09:00:00Z", &[]);
    life.then("consent_changed", "2026-01-01T09:00:00Z", &[("channel", "\"post\""), ("granted", "false")]);
    life.then("purchase", "2026-01-01T09:30:00Z", &[("order_id", "\"o-1\""), ("amount", "80")]);
    life.then("ticket_opened", "2026-01-05T10:00:00Z", &[("category", "\"broken\"")]);
    life.then("customer_contacted", "2026-01-07T10:00:00Z", &[]);
    life.then("contact_sent", "2026-01-07T12:00:00Z", &[("purpose", "\"service\"")]);
    life.then("customer_contacted", "2026-01-08T10:00:00Z", &[]);
    life.then("ticket_resolved", "2026-01-09T10:00:00.250Z", &[]);
    life.then("feedback", "2026-01-09T11:00:00Z", &[("scale", "\"ces\""), ("score", "3.5"), ("ticket_id", "\"t-9\"")]);
    life.then("purchase", "2026-01-20T16:00:00Z", &[("amount", "129.90")]);
    life
}

/// All that can go wrong, and one thing that went well, in a shop for which refunds matter.
pub fn a_life_of_trouble() -> Life {
    let weights = Weights { refund: -0.1, ..Weights::default() };
    let mut life = Life::new(Policy { weights, ..Policy::default() });
    for channel in ["\"phone\"", "\"email\""] {
        life.then("consent_changed", "2025-12-01T00:00:00Z", &[("channel", channel)]);
    }
    for month in 1..=6 {
        let (order, at) = (quoted(&format!("o-{month}")), format!("2026-{month:02}-01T09:30:00Z"));
        life.then("purchase", &at, &[("order_id", &order), ("amount", "249.99")]);
    }
    life.then("refund", "2026-06-03T08:00:00Z", &[("order_id", "\"o-6\""), ("amount", "10")]);
    life.then("ticket_opened", "2026-06-04T10:00:00Z", &[("ticket_id", "\"t-1\"")]);
    life.then("ticket_resolved", "2026-06-04T12:00:00Z", &[("ticket_id", "\"t-1\"")]);
    life.then("ticket_opened", "2026-06-05T12:00:00Z", &[("ticket_id", "\"t-2\"")]);
    life.then("customer_contacted", "2026-06-06T12:00:00.001Z", &[("ticket_id", "\"t-2\""), ("channel", "\"chat\"")]);
    life.then("consent_changed", "2026-06-06T13:00:00Z", &[("granted", "false")]);
    life.then("review_held", "2026-06-06T14:00:00Z", &[("opportunity", "\"high\"")]);
    life.then("feedback", "2026-06-07T12:00:00Z", &[("score", "1.5"), ("ticket_id", "\"t-2\"")]);
    life.then("feedback", "2026-06-07T12:00:01Z", &[("scale", "\"ces\""), ("score", "2")]);
    life.until("2026-07-20T00:00:00Z");
    life
}

/// A lapsed customer with refunds, two currencies, and more orders than are remembered.
pub fn a_long_life() -> Life {
    let mut life = a_return();
    for n in 0..258 {
        let (order, at) = (quoted(&format!("p-{n}")), format!("2026-05-{:02}T{:02}:00:00Z", 1 + n / 24, n % 24));
        let amount = if n == 0 { "500" } else { "1" };
        let currency = if n % 2 == 0 { "\"JPY\"" } else { "\"EUR\"" };
        life.then("purchase", &at, &[("order_id", &order), ("amount", amount), ("currency", currency)]);
    }
    life.until("2027-01-01T00:00:00Z");
    life
}
