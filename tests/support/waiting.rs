//! Waiting for what must come about. How long it takes proves nothing: the bound only keeps a broken run from hanging.

use std::time::{Duration, Instant};

/// Far beyond what any step takes, on a slow machine too.
pub const PATIENCE: Duration = Duration::from_secs(600);

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Looks until there is an answer, and gives it.
///
/// # Panics
/// When patience is over, saying `what` was waited for and what `explain` knows about it.
pub fn wait_for<T>(what: &str, explain: impl Fn() -> String, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = look() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for: {what}\n{}", explain());
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

/// The wall clock in milliseconds since 1970.
#[allow(clippy::disallowed_methods, reason = "what runs in real time is given times around the real one")]
pub fn wall_clock() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("1970 is over");
    i64::try_from(since.as_millis()).expect("milliseconds of this age fit")
}
