//! The customers of a partition: as they are committed, and over that as the open batch has left those whom it changed.
//!
//! They are unpacked while something happens to them and packed again at once: a batch holds thousands of customers,
//! whose structures would fill the processor's caches many times over until they are written down.

use std::collections::HashMap;

use foldhash::quality::FixedState;

use super::rank::Rank;
use super::tallies::FirstOrders;
use super::touched::Touched;
use crate::domain::{Customer, CustomerId, Policy};

/// Read access to the state that the log has confirmed.
pub trait Committed {
    /// As what the open batch keeps a customer until then.
    type Record: Packed;

    /// Writes the customer over somebody who is no longer needed, whose lists leave their room; false if nothing is
    /// known of the customer.
    fn load_over(&self, id: &CustomerId, other: &mut Customer) -> bool;

    /// The customer, if anything is known of them.
    fn load(&self, id: &CustomerId) -> Option<Customer> {
        let mut customer = Customer::default();
        self.load_over(id, &mut customer).then_some(customer)
    }

    /// Their first orders alone.
    fn first_orders(&self, id: &CustomerId) -> Option<FirstOrders> {
        self.load(id).and_then(|customer| FirstOrders::of(&customer.purchases))
    }
}

/// A customer packed for keeping.
pub trait Packed: Sized {
    /// Packs a customer; `room` may be written over.
    fn pack(customer: &Customer, room: &mut Vec<u8>) -> Self;

    /// Writes the customer over somebody who is no longer needed, whose lists leave their room.
    fn unpack_over(&self, other: &mut Customer);

    /// The customer.
    fn unpack(&self) -> Customer {
        let mut customer = Customer::default();
        self.unpack_over(&mut customer);
        customer
    }

    /// Their first orders alone.
    fn first_orders(&self) -> Option<FirstOrders>;
}

/// How the open batch leaves a customer whom it changed.
#[derive(Debug)]
pub struct Change<R> {
    /// `None`: nothing is known of them any more.
    pub record: Option<R>,
    /// Their rank as committed.
    pub rank_before: Option<Rank>,
    /// Their rank now.
    pub rank: Option<Rank>,
}

/// The customers of a partition.
pub(super) struct Customers<C: Committed> {
    pub(super) committed: C,
    /// Those that the open batch has changed.
    pub(super) changes: HashMap<CustomerId, Change<C::Record>, FixedState>,
    /// Somebody looked at before, kept for the room of their lists, and room to pack in.
    spare: Option<Box<Customer>>,
    packing: Vec<u8>,
}

impl<C: Committed> Customers<C> {
    pub(super) fn new(committed: C) -> Self {
        Self { committed, changes: HashMap::default(), spare: None, packing: Vec::new() }
    }

    /// The customer as the open batch has left them so far; nothing yet, if nothing is known of them.
    pub(super) fn touch(&mut self, id: &CustomerId, policy: &Policy) -> Touched {
        let mut customer = self.spare.take().unwrap_or_default();
        let change = self.changes.get(id);
        let is_known = match change.map(|change| &change.record) {
            Some(Some(record)) => {
                record.unpack_over(&mut customer);
                true
            }
            Some(None) => false,
            None => self.committed.load_over(id, &mut customer),
        };
        if !is_known {
            *customer = Customer::default();
        }
        let rank_before = change.map_or_else(|| Rank::of(&customer, policy), |change| change.rank_before);
        Touched { customer, rank_before, is_known, changed: false }
    }

    /// Leaves a customer to the open batch, if they changed.
    pub(super) fn put_back(&mut self, id: &CustomerId, touched: Touched, policy: &Policy) {
        let Touched { customer, rank_before, is_known, changed } = touched;
        if changed {
            let known = is_known.then_some(&*customer);
            let record = known.map(|customer| C::Record::pack(customer, &mut self.packing));
            let rank = known.and_then(|customer| Rank::of(customer, policy));
            match self.changes.get_mut(id) {
                Some(change) => (change.record, change.rank) = (record, rank),
                None => drop(self.changes.insert(id.clone(), Change { record, rank_before, rank })),
            }
        }
        self.spare = Some(customer);
    }

    /// The first orders alone of a customer, as the open batch has left them so far.
    pub(super) fn first_orders(&self, id: &CustomerId) -> Option<FirstOrders> {
        match self.changes.get(id) {
            Some(change) => change.record.as_ref().and_then(Packed::first_orders),
            None => self.committed.first_orders(id),
        }
    }
}
