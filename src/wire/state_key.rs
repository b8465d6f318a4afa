//! Keys of the state topic: one byte says what the record is, the rest whom it is about.

use crate::domain::CustomerId;
use crate::domain::time::Day;

/// What a record of the state topic is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateKey {
    /// One customer.
    Customer(CustomerId),
    /// How far the partition has come.
    Progress,
    /// Settled counts of one day, month or number.
    Tallies(i32),
    /// The rates at the end of one business day.
    DayEnd(Day),
}

impl StateKey {
    /// The key's bytes: `c` and the customer id, `p`, or `t` or `d` and four bytes, most significant first.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Customer(id) => customer(id),
            Self::Progress => b"p".to_vec(),
            Self::Tallies(at) => [&b"t"[..], &at.to_be_bytes()].concat(),
            Self::DayEnd(day) => [&b"d"[..], &day.0.to_be_bytes()].concat(),
        }
    }

    /// Reads a key; `None` for one that this version does not know.
    pub fn decode(key: &[u8]) -> Option<Self> {
        match key.split_first()? {
            (b'c', id) => CustomerId::new(std::str::from_utf8(id).ok()?).map(Self::Customer),
            (b'p', []) => Some(Self::Progress),
            (b't', at) => Some(Self::Tallies(i32::from_be_bytes(at.try_into().ok()?))),
            (b'd', day) => Some(Self::DayEnd(Day(i32::from_be_bytes(day.try_into().ok()?)))),
            _ => None,
        }
    }
}

/// The key of a customer's record.
pub fn customer(id: &CustomerId) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + id.as_str().len());
    key.push(b'c');
    key.extend_from_slice(id.as_str().as_bytes());
    key
}
