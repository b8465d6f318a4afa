//! A simulated shop: the customers of `homecoming load` and `homecoming demo`.
//!
//! The world is one for all topics: complaints change who comes back whether or not anybody reads the `support` topic.
//! Each customer's story is a function of the seed and of the customer's number alone (one ChaCha stream per customer),
//! so it doesn't depend on who else shops here, and the same options give the same bytes on every machine: all
//! transcendental arithmetic comes from `libm`, instants and money are whole numbers.
//!
//! - `options`: what a caller chooses
//! - `draw`: chance, bit for bit
//! - `calendar`: hours of the day, and instants as text
//! - `customer`: who somebody is, and the mood they are in
//! - `story`: all that follows from one order; `trouble`: its ticket, if there is one
//! - `world`: which customers there are, when they come, when they order again
//! - `stream`: the stories of all customers, merged by time
//! - `sizing`: how brisk a world must be to give an exact number of events
//! - `happening`: all that can happen; `event`: one of them, as the contract's JSON
//!
//! Left to others: topics' real names, partitions, pace of sending, Kafka.

mod calendar;
mod customer;
mod draw;
mod event;
mod happening;
mod options;
mod sizing;
mod story;
mod stream;
mod trouble;
mod world;

#[cfg(test)]
mod tests;

pub use event::ShopEvent;
pub use happening::{
    Basket, Category, ConsentChannel, Currency, Happening, Opportunity, Purpose, RefundReason, SalesChannel, Scale,
    SupportChannel,
};
pub use options::{ShopOptions, ShopTopic, ShopTopics};
pub use stream::Shop;
