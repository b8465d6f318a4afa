//! The business: nouns and their rules, as values.
//!
//! | word | meaning |
//! |---|---|
//! | activity horizon | how long after the last order a customer counts as active |
//! | returning order | any order that is not the customer's first |
//! | reactivated | an order more than the activity horizon after the nearest earlier one |
//! | lapse | time has passed the last order + activity horizon without another order |
//! | level | how endangered the next order is: `low` to `lapsed` |
//! | pain | what made the resolution of a ticket cost the customer effort |
//! | recovery | an order within 60 days of the resolution of a ticket |
//! | episode | from the moment a customer leaves `low` until they are back at `low` |
//!
//! Nothing here reads a clock, draws a random number or logs. Besides the standard library only
//! deterministic libraries are used: `jiff` (civil time), `iso_currency`, `libm`, `uuid` (v5),
//! `xxhash-rust`, `compact_str`.

pub mod consent;
mod crossing;
pub mod customer;
pub mod factor;
pub mod identity;
pub mod model;
pub mod money;
pub mod outcome;
pub mod policy;
pub mod purchase;
pub mod rating;
pub mod risk;
pub mod signal;
pub mod ticket;
pub mod time;

pub use customer::Customer;
pub use identity::{CustomerId, EventId, OrderId, TicketId};
pub use money::{Amount, Currency};
pub use policy::Policy;
pub use purchase::{Order, PurchaseHistory};
pub use risk::Level;
pub use signal::Signal;
pub use time::{EventTime, Span};
