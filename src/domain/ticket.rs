//! Support tickets: what is open, how much effort it cost, how it ended.

use super::identity::TicketId;
use super::time::{EventTime, Span};

/// How many of a customer's tickets are remembered.
pub const TICKETS_REMEMBERED: usize = 32;

/// How many steps of a ticket are remembered.
pub const STEPS_REMEMBERED: usize = 64;

/// What can happen to a ticket. Steps at the same instant count in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TicketStep {
    /// It was opened; a second time counts as a contact.
    Opened,
    /// The customer had to get in touch again about it.
    Contacted,
    /// It was resolved.
    Resolved,
    /// It was opened again.
    Reopened,
}

/// One ticket: its steps in order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its id.
    pub id: TicketId,
    /// What happened to it, earliest first; at most [`STEPS_REMEMBERED`].
    pub steps: Vec<(EventTime, TicketStep)>,
}

/// How a ticket stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketState {
    /// Its first step.
    pub opened_at: EventTime,
    /// Since when it is open; `None`: it is resolved.
    pub open_since: Option<EventTime>,
    /// When it was resolved; `None`: it is open.
    pub resolved_at: Option<EventTime>,
    /// How often the customer had to get in touch again.
    pub contacts: u32,
    /// How often it was opened again.
    pub reopenings: u32,
}

impl Ticket {
    /// How it stands after all steps up to `at`; `None` before the first.
    pub fn as_of(&self, at: EventTime) -> Option<TicketState> {
        let mut steps = self.steps.iter().take_while(|(when, _)| *when <= at);
        let &(opened_at, first) = steps.next()?;
        let mut state =
            TicketState { opened_at, open_since: Some(opened_at), resolved_at: None, contacts: 0, reopenings: 0 };
        let mut was_opened = false;
        for &(when, step) in std::iter::once(&(opened_at, first)).chain(steps) {
            match step {
                TicketStep::Opened if was_opened => state.contacts += 1,
                TicketStep::Opened => was_opened = true,
                TicketStep::Contacted => state.contacts += 1,
                TicketStep::Resolved => {
                    state.open_since = None;
                    state.resolved_at.get_or_insert(when);
                }
                TicketStep::Reopened => {
                    state.reopenings += 1;
                    state.open_since.get_or_insert(when);
                    state.resolved_at = None;
                }
            }
        }
        Some(state)
    }
}

impl TicketState {
    /// Whether it was resolved within the service level and without the customer having to come back to it.
    pub fn is_effortless(&self, service_level: Span) -> bool {
        let in_time = self.resolved_at.is_some_and(|resolved| resolved <= self.opened_at + service_level);
        in_time && self.contacts == 0 && self.reopenings == 0
    }
}

/// A customer's tickets, the most recently opened last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tickets(pub Vec<Ticket>);

impl Tickets {
    /// Takes in a step of a ticket; one that was never seen begins with it.
    pub fn add(&mut self, id: &TicketId, step: TicketStep, at: EventTime) {
        let place = self.0.iter().position(|ticket| ticket.id == *id).unwrap_or_else(|| {
            self.0.push(Ticket { id: id.clone(), steps: Vec::with_capacity(2) });
            self.0.len() - 1
        });
        let steps = &mut self.0[place].steps;
        let order = steps.partition_point(|known| *known <= (at, step));
        steps.insert(order, (at, step));
        if steps.len() > STEPS_REMEMBERED {
            // The first one says since when the ticket exists.
            steps.remove(1);
        }
        self.0.sort_by(|a, b| (a.steps[0].0, &a.id).cmp(&(b.steps[0].0, &b.id)));
        if self.0.len() > TICKETS_REMEMBERED {
            let oldest_resolved = self
                .0
                .iter()
                .position(|ticket| ticket.as_of(EventTime::LATEST).is_some_and(|state| state.resolved_at.is_some()));
            self.0.remove(oldest_resolved.unwrap_or(0));
        }
    }

    /// How they stand at an instant.
    pub fn as_of(&self, at: EventTime) -> impl Iterator<Item = (&Ticket, TicketState)> {
        self.0.iter().filter_map(move |ticket| Some((ticket, ticket.as_of(at)?)))
    }
}
