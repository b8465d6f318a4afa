//! How far ripening has come.

use crate::domain::{CustomerId, EventTime};

/// The moment that fired last: at that instant up to that customer, as moments fire in the order of time and, at one
/// instant, of customer ids. All that ripens up to here counts as ripe, all beyond does not yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Frontier(EventTime, Option<CustomerId>);

/// What of one customer is ripe.
#[derive(Clone, Copy, Debug)]
pub struct Ripe<'a> {
    frontier: &'a Frontier,
    id: &'a CustomerId,
    /// All up to here is ripe too, though time may not have passed it for others.
    until: EventTime,
}

impl Frontier {
    /// Nothing is ripe.
    pub const BEGINNING: Self = Self(EventTime::BEGINNING, None);

    /// All that ripened before `time` is ripe.
    pub fn before(time: EventTime) -> Self {
        Self(time, None)
    }

    /// Goes on to a customer's moment; never back.
    pub fn reach(&mut self, at: EventTime, id: &CustomerId) {
        if (self.0, self.1.as_ref()) < (at, Some(id)) {
            *self = Self(at, Some(id.clone()));
        }
    }

    /// What is ripe of this customer.
    pub fn of<'a>(&'a self, id: &'a CustomerId) -> Ripe<'a> {
        Ripe { frontier: self, id, until: EventTime::BEGINNING }
    }
}

impl Ripe<'_> {
    /// Whether what ripens at this instant has.
    pub fn has(self, at: EventTime) -> bool {
        at <= self.until || (at, Some(self.id)) <= (self.frontier.0, self.frontier.1.as_ref())
    }

    /// The same where for this customer all up to that instant has ripened: what is due goes before their own events.
    pub fn or_until(self, until: EventTime) -> Self {
        Self { until, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_one_instant_customers_ripen_in_the_order_of_their_ids() {
        let at = EventTime::from_millis;
        let [ana, ben] = ["ana", "ben"].map(|id| CustomerId::new(id).expect("a valid id"));
        let mut frontier = Frontier::before(at(5));
        assert!(frontier.of(&ana).has(at(4)) && !frontier.of(&ana).has(at(5)));
        frontier.reach(at(5), &ana);
        assert!(frontier.of(&ana).has(at(5)) && !frontier.of(&ben).has(at(5)));
        frontier.reach(at(4), &ben);
        assert!(frontier.of(&ana).has(at(5)), "it never goes back");
        frontier.reach(at(5), &ben);
        assert!(frontier.of(&ben).has(at(5)) && !frontier.of(&ben).has(at(6)));
        let later = frontier.of(&ben).or_until(at(8));
        assert!(later.has(at(8)) && !later.has(at(9)));
    }
}
