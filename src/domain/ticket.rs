//! Support tickets: what is open, how much effort it cost, how it ended.

use super::identity::TicketId;
use super::time::{EventTime, Span};

/// How many of a customer's tickets are remembered.
pub const TICKETS_REMEMBERED: usize = 32;

/// How many steps of a ticket are remembered.
pub const STEPS_REMEMBERED: usize = 64;

/// What a ticket is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Something is broken.
    Broken,
    /// It did not arrive, or not as promised.
    Delivery,
    /// It is to be exchanged.
    Exchange,
    /// It goes back.
    Return,
    /// The bill, or the payment.
    Billing,
    /// A wish beyond what the shop offers.
    SpecialRequest,
    /// Advice before or after buying.
    Advice,
    /// Anything else.
    Other,
}

impl Category {
    /// All categories, in the contract's order.
    pub const ALL: [Self; 8] = [
        Self::Broken,
        Self::Delivery,
        Self::Exchange,
        Self::Return,
        Self::Billing,
        Self::SpecialRequest,
        Self::Advice,
        Self::Other,
    ];

    /// Its name in events, metrics and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Delivery => "delivery",
            Self::Exchange => "exchange",
            Self::Return => "return",
            Self::Billing => "billing",
            Self::SpecialRequest => "special_request",
            Self::Advice => "advice",
            Self::Other => "other",
        }
    }
}

/// What can happen to a ticket. Steps at the same instant count in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TicketStep {
    /// It was opened, about this if that was said; a second time counts as a contact.
    Opened(Option<Category>),
    /// The customer had to get in touch again about it.
    Contacted,
    /// It was resolved.
    Resolved,
    /// It was opened again.
    Reopened,
}

impl TicketStep {
    /// The number it is stored as.
    pub const fn code(self) -> u8 {
        match self {
            Self::Opened(None) => 0,
            Self::Contacted => 1,
            Self::Resolved => 2,
            Self::Reopened => 3,
            Self::Opened(Some(category)) => 4 + category as u8,
        }
    }

    /// The step stored as that number.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Opened(None)),
            1 => Some(Self::Contacted),
            2 => Some(Self::Resolved),
            3 => Some(Self::Reopened),
            _ => Category::ALL.get(usize::from(code - 4)).map(|category| Self::Opened(Some(*category))),
        }
    }
}

/// One ticket: its steps in order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its id.
    pub id: TicketId,
    /// What happened to it, earliest first; at most [`STEPS_REMEMBERED`].
    pub steps: Vec<(EventTime, TicketStep)>,
    /// What it counts for is settled, as not all that it takes to work it out is remembered any more.
    pub is_settled: bool,
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

/// A time for which a ticket was resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// From when on.
    pub at: EventTime,
    /// Until it was opened again; `None`: it still is.
    pub reopened_at: Option<EventTime>,
}

impl Ticket {
    /// When it came into being: its first step, whatever that was.
    pub fn opened_at(&self) -> EventTime {
        self.steps.first().map_or(EventTime::BEGINNING, |(at, _)| *at)
    }

    /// What it is about: what the earliest opening says that says anything.
    pub fn category(&self) -> Option<Category> {
        self.steps.iter().find_map(|(_, step)| if let TicketStep::Opened(category) = step { *category } else { None })
    }

    /// When the customer had to get in touch again.
    pub fn contacts(&self) -> impl Iterator<Item = EventTime> {
        let mut was_opened = false;
        self.steps.iter().filter(move |(_, step)| is_contact(*step, &mut was_opened)).map(|(at, _)| *at)
    }

    /// When it was opened again, whether or not it was resolved by then.
    pub fn reopenings(&self) -> impl Iterator<Item = EventTime> {
        self.steps.iter().filter(|(_, step)| *step == TicketStep::Reopened).map(|(at, _)| *at)
    }

    /// The times for which it was resolved, in order.
    pub fn resolutions(&self) -> impl Iterator<Item = Resolution> {
        let mut steps = self.steps.iter();
        std::iter::from_fn(move || {
            let at = steps.find(|(_, step)| *step == TicketStep::Resolved)?.0;
            let reopened_at = steps.find(|(_, step)| *step == TicketStep::Reopened).map(|(at, _)| *at);
            Some(Resolution { at, reopened_at })
        })
    }

    /// How it stands after all steps up to `at`; `None` before the first.
    pub fn as_of(&self, at: EventTime) -> Option<TicketState> {
        let mut steps = self.steps.iter().take_while(|(when, _)| *when <= at);
        let &(opened_at, first) = steps.next()?;
        let mut state =
            TicketState { opened_at, open_since: Some(opened_at), resolved_at: None, contacts: 0, reopenings: 0 };
        let mut was_opened = false;
        for &(when, step) in std::iter::once(&(opened_at, first)).chain(steps) {
            state.contacts += u32::from(is_contact(step, &mut was_opened));
            match step {
                TicketStep::Opened(_) | TicketStep::Contacted => {}
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

/// Whether with this step the customer had to get in touch again; to be asked of all steps in order.
fn is_contact(step: TicketStep, was_opened: &mut bool) -> bool {
    match step {
        TicketStep::Opened(_) => std::mem::replace(was_opened, true),
        TicketStep::Contacted => true,
        TicketStep::Resolved | TicketStep::Reopened => false,
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
    /// The ticket of that id.
    pub fn get(&self, id: &TicketId) -> Option<&Ticket> {
        self.0.iter().find(|ticket| ticket.id == *id)
    }

    /// Takes in a step of a ticket; one that was never seen begins with it. Gives the ticket that is forgotten for it.
    pub fn add(&mut self, id: &TicketId, step: TicketStep, at: EventTime) -> Option<Ticket> {
        let place = self.0.iter().position(|ticket| ticket.id == *id).unwrap_or_else(|| {
            self.0.push(Ticket { id: id.clone(), steps: Vec::with_capacity(2), is_settled: false });
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
        let is_resolved =
            |ticket: &Ticket| ticket.as_of(EventTime::LATEST).is_some_and(|state| state.resolved_at.is_some());
        let is_full = self.0.len() > TICKETS_REMEMBERED;
        is_full.then(|| self.0.remove(self.0.iter().position(is_resolved).unwrap_or(0)))
    }

    /// How they stand at an instant.
    pub fn as_of(&self, at: EventTime) -> impl Iterator<Item = (&Ticket, TicketState)> {
        self.0.iter().filter_map(move |ticket| Some((ticket, ticket.as_of(at)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(steps: &[(i64, TicketStep)]) -> Ticket {
        let mut tickets = Tickets::default();
        let id = TicketId::new("t-1").expect("a valid id");
        for (at, step) in steps {
            assert_eq!(tickets.add(&id, *step, EventTime::from_millis(*at)), None);
        }
        tickets.get(&id).expect("it was added").clone()
    }

    #[test]
    fn a_step_is_stored_as_a_number_of_its_own() {
        let openings = Category::ALL.map(|category| TicketStep::Opened(Some(category)));
        let others = [TicketStep::Opened(None), TicketStep::Contacted, TicketStep::Resolved, TicketStep::Reopened];
        for step in openings.into_iter().chain(others) {
            assert_eq!(TicketStep::from_code(step.code()), Some(step));
        }
        assert_eq!((0..=u8::MAX).filter_map(TicketStep::from_code).count(), openings.len() + others.len());
    }

    #[test]
    fn a_ticket_is_about_what_the_earliest_opening_says_that_says_anything() {
        let opened = TicketStep::Opened;
        let (broken, billing) = (Some(Category::Broken), Some(Category::Billing));
        assert_eq!(ticket(&[(5, opened(broken)), (3, opened(billing)), (1, opened(None))]).category(), billing);
        assert_eq!(ticket(&[(1, TicketStep::Resolved), (2, opened(broken))]).category(), broken);
        assert_eq!(ticket(&[(1, opened(None)), (2, TicketStep::Contacted)]).category(), None);
    }

    #[test]
    fn a_second_opening_is_a_contact() {
        let steps = [(1, TicketStep::Contacted), (2, TicketStep::Opened(None)), (3, TicketStep::Opened(None))];
        let contacts: Vec<i64> = ticket(&steps).contacts().map(EventTime::millis).collect();
        assert_eq!(contacts, [1, 3]);
    }

    #[test]
    fn a_resolution_lasts_until_the_ticket_is_opened_again() {
        use TicketStep::{Opened, Reopened, Resolved};
        let at = EventTime::from_millis;
        let resolutions = |steps: &[(i64, TicketStep)]| -> Vec<(EventTime, Option<EventTime>)> {
            let ticket = ticket(steps);
            ticket.resolutions().map(|resolution| (resolution.at, resolution.reopened_at)).collect()
        };
        let steps = [(1, Opened(None)), (2, Reopened), (3, Resolved), (4, Resolved), (5, Reopened), (6, Resolved)];
        assert_eq!(resolutions(&steps), [(at(3), Some(at(5))), (at(6), None)]);
        assert_eq!(resolutions(&[(3, Reopened), (3, Resolved)]), [(at(3), Some(at(3)))], "resolved goes first");
        assert_eq!(resolutions(&[(1, Opened(None))]), []);
    }
}
