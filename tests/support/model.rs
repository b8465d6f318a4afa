//! What the contract says must come out, worked out by brute force from everything that went in.
//!
//! Written from `contract.md` and `definitions.md` alone: no line of the service was read for it and none is used. It
//! sees a whole topic at once, keeps every event and counts again from the beginning whenever it is asked, so it is
//! too slow to be a service and too plain to share a service's mistakes. Where the contract is silent it does not
//! guess: it panics, and the test that led it there must not.

pub mod calendar;
pub mod chance;
mod known;
pub mod money;
pub mod reading;
mod risk;
mod shop;
mod story;

#[allow(unused_imports, reason = "only the simulation has rules of its own")]
pub use known::Rules;
#[allow(unused_imports, reason = "what the tests on Kafka take from wire to wire, those of the engine spell out")]
pub use reading::{Channel, Scale, Step};
pub use reading::{Event, Input, Limits, What};
pub use risk::{Assessment, Level, Reason, Walk};
pub use shop::{Ending, Expected, Inputs, Refused};
#[allow(unused_imports, reason = "only the simulation has rules of its own")]
pub use story::tell_under;
pub use story::{Arrival, ChurnRisk, Returning, Story, tell};
