//! What the service says of itself: metrics and logs.

mod capacity;
mod logging;
pub mod metrics;
mod rates;

pub use logging::start as start_logging;
pub use metrics::Metrics;
