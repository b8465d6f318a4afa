//! The pure core: events in, signals out. Same input, same output, bit for bit.
//!
//! A [`Partition`] takes the events of its customers one after the other and is told how far time has come. It reads
//! no clock, no socket and no random number, so the service, `replay`, `demo`, the benchmarks and the tests all run
//! this same code. What a batch changes lies in an overlay until the log has confirmed it: an abort leaves no trace.

mod accounts;
mod customers;
mod days;
mod on_due;
mod on_event;
mod partition;
mod prediction;
mod rank;
mod standing;
mod story;
pub mod tallies;
mod timers;
mod totals;
mod touched;
mod watermark;

pub mod event;

pub use customers::{Change, Committed, Packed};
pub use days::{DAYS_KEPT, DayEnd, DayRate, WindowRates};
pub use event::{Event, Happening};
pub use partition::{Announcement, Cause, Outcome, Partition};
pub use prediction::{Prediction, predict};
pub use rank::Rank;
pub use standing::action_for;
pub use story::{CHANGES_MAX, Change as LevelChange, POINTS_MAX, Point, Story, story};
pub use tallies::Tallies;
pub use totals::{Contribution, Totals};
pub use watermark::{Watermark, WatermarkRules};
