//! The real clock.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use crate::domain::EventTime;
use crate::pipeline::Clock;

static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The system's clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)]
    fn wall(&self) -> EventTime {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        EventTime::from_millis(since_1970.as_millis() as i64)
    }

    #[allow(clippy::disallowed_methods)]
    fn monotonic(&self) -> Duration {
        Instant::now().saturating_duration_since(*STARTED)
    }

    fn sleep(&self, length: Duration) {
        std::thread::sleep(length);
    }
}
