//! The stories of all customers, merged by time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::customer::Customer;
use super::event::{Place, ShopEvent};
use super::happening::Happening;
use super::options::ShopOptions;
use super::sizing;
use super::story::Planned;
use super::world::World;

/// A shop that tells what happens in it, in the order in which it is sent.
///
/// Without late events (`late_per_mille`, `duplicates_per_mille`) that is the order of event time.
pub struct Shop {
    world: World,
    /// Everybody who has come so far, by number.
    customers: Vec<Customer>,
    /// The customer who comes next, and their first order.
    newcomer: Option<(Due, Customer)>,
    /// The next order of everybody who will order again.
    orders: BinaryHeap<Reverse<Due>>,
    /// What follows from the orders so far.
    messages: BinaryHeap<Reverse<Message>>,
    /// The chapter being told, kept for its memory.
    planned: Vec<Planned>,
    /// Events that may still be told.
    left: u64,
}

/// Something to tell at an instant (epoch milliseconds). At one instant it goes by customer, then by the order of their
/// story, so that what else is emitted can't move it.
type Due = (i64, Place);

impl Shop {
    /// A shop that goes on for as long as anybody listens (to the end of the year 9999).
    pub fn new(options: &ShopOptions) -> Self {
        Self::of(World::endless(options), u64::MAX)
    }

    /// Exactly `events` orders and refunds, of at most `customers` customers, at instants (epoch milliseconds) from
    /// `opens_at_ms` on and before `closes_at_ms`.
    pub fn sized(events: u64, customers: u32, seed: u64, opens_at_ms: i64, closes_at_ms: i64) -> Self {
        let options = ShopOptions { customers, seed, opens_at_ms, ..ShopOptions::default() };
        Self::sized_by(&options, events, closes_at_ms)
    }

    /// Exactly `events` events of the chosen topics, those sent again included, at instants from the opening on and
    /// before `closes_at_ms`. For that the customers are as brisk as it takes, so other topics or another noise make
    /// another world; and they are fewer than `options.customers` where there are too few events to go round.
    ///
    /// A span without a millisecond in it counts as one of a millisecond. All customers are counted a few times before
    /// the first event comes: that takes about as long as telling the events.
    pub fn sized_by(options: &ShopOptions, events: u64, closes_at_ms: i64) -> Self {
        Self::of(sizing::world_of(options, events, closes_at_ms), events)
    }

    fn of(world: World, left: u64) -> Self {
        let mut shop = Self {
            world,
            customers: Vec::new(),
            newcomer: None,
            orders: BinaryHeap::new(),
            messages: BinaryHeap::new(),
            planned: Vec::new(),
            left,
        };
        shop.expect_newcomer();
        shop
    }

    fn expect_newcomer(&mut self) {
        let number = u32::try_from(self.customers.len()).ok();
        self.newcomer = number.and_then(|customer| {
            let newcomer = self.world.newcomer(customer)?;
            let first_order = Place { customer, order: 1, piece: 0 };
            Some(((self.world.at_ms(newcomer.next_even_ms), first_order), newcomer))
        });
    }

    /// The event of the next order or message; none within when the order is no event for now.
    fn next_told(&mut self) -> Option<Option<ShopEvent>> {
        let newcomer = self.newcomer.as_ref().map(|&(due, _)| due);
        let order = self.orders.peek().map(|&Reverse(due)| due);
        let message = self.messages.peek().map(|Reverse(message)| message.due());
        let next = [newcomer, order, message].into_iter().flatten().min()?;
        if message == Some(next) {
            return self.messages.pop().map(|Reverse(message)| Some(message.sent()));
        }
        if order == Some(next) {
            self.orders.pop();
        } else {
            self.customers.extend(self.newcomer.take().map(|(_, customer)| customer));
            self.expect_newcomer();
        }
        Some(self.tell_order(next.1))
    }

    /// Tells an order and keeps what follows for later. The answer is the order's own event, unless it is not for now.
    fn tell_order(&mut self, place: Place) -> Option<ShopEvent> {
        let world = &self.world;
        let customer = &mut self.customers[place.customer as usize];
        if world.tell(place.customer, customer, &mut self.planned) {
            let next = Place { order: place.order + 1, ..place };
            let due = (world.at_ms(customer.next_even_ms), next);
            self.orders.push(Reverse(due));
        }
        let mut for_now = None;
        for (planned, piece) in self.planned.iter().zip(0..) {
            if !world.is_sent(planned) {
                continue;
            }
            let place = Place { piece, ..place };
            let passage = world.passage(place);
            let at_ms = world.at_ms(planned.even_ms);
            let message =
                |after_ms| Message { sent_at_ms: at_ms + after_ms, at_ms, place, happening: planned.happening };
            if let Some(after_ms) = passage.again_after_ms {
                self.messages.push(Reverse(message(after_ms)));
            }
            let message = message(passage.late_by_ms);
            if piece == 0 && passage.late_by_ms == 0 {
                for_now = Some(message.sent());
            } else {
                self.messages.push(Reverse(message));
            }
        }
        for_now
    }
}

impl Iterator for Shop {
    type Item = ShopEvent;

    fn next(&mut self) -> Option<ShopEvent> {
        self.left = self.left.checked_sub(1)?;
        loop {
            if let Some(event) = self.next_told()? {
                return Some(event);
            }
        }
    }
}

/// An event on its way.
#[derive(Clone, Copy, Debug)]
struct Message {
    sent_at_ms: i64,
    at_ms: i64,
    place: Place,
    happening: Happening,
}

impl Message {
    fn due(&self) -> Due {
        (self.sent_at_ms, self.place)
    }

    fn sent(self) -> ShopEvent {
        ShopEvent::new(self.place, self.at_ms, self.sent_at_ms, self.happening)
    }
}

impl Ord for Message {
    fn cmp(&self, other: &Self) -> Ordering {
        self.due().cmp(&other.due())
    }
}

impl PartialOrd for Message {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.due() == other.due()
    }
}

impl Eq for Message {}
