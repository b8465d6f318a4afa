//! The report of a replay as one page to read: no script, nothing fetched, light, dark and on paper.
//!
//! It shows the figures of `wire::rates` and counts nothing itself. Every ratio carries its place in the JSON report.
//!
//! - `page`: the frame, what was replayed, the sections in order
//! - `headline`: the numbers for every morning; `windows`: all of them, a column a window
//! - `customers`: second purchase, Pareto; `months`: cohorts, lifecycle; `revenue`; `service`
//! - `figure`: one number with what stands behind it; `plot`: shapes; `text`: escaping and numbers

mod customers;
mod figure;
mod headline;
mod months;
mod page;
mod plot;
mod revenue;
mod service;
mod text;
mod windows;

pub(super) use page::{Replayed, page};
