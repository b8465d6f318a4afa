//! The rates, counted once more from the beginning.
//!
//! A plain reading of the definitions over a full list of events: slow, without rings, buckets, timers or state, and
//! without a line of the service. It sees everything that was accepted at once and decides each customer, order, lapse
//! and ticket by itself. What is said here about a doubtful case is this reading's; nothing was taken from the engine.

mod calendar;
mod care;
mod chance;
mod difference;
pub mod histories;
mod lives;
pub mod money;
mod months;
mod orders;
mod reading;
mod report;
mod standing;
mod sum;

#[allow(unused_imports, reason = "whoever includes this tree takes what they need")]
pub use calendar::{Calendar, DAY_MS};
pub use difference::differences;
#[allow(unused_imports, reason = "whoever includes this tree takes what they need")]
pub use reading::{Event, What, csv, json_lines};
pub use report::{Options, recount};
#[allow(unused_imports, reason = "whoever includes this tree takes what they need")]
pub use sum::sum;
