//! Compares what came out with what the model says must have, record by record, and tells the first differences.

mod dead_letters;
mod fields;
mod schemas;
mod signals;
mod state;

pub use dead_letters::audit_dead_letters_of;
pub use schemas::audit_inputs;
pub use signals::Said;
pub use state::folded;

/// Enough to see a pattern in.
const SHOWN: usize = 20;

/// Differences found so far. All are looked for before the first is told.
struct Complaints {
    about: &'static str,
    found: Vec<String>,
}

impl Complaints {
    fn about(about: &'static str) -> Self {
        Self { about, found: Vec::new() }
    }

    fn add(&mut self, complaint: impl Into<String>) {
        self.found.push(complaint.into());
    }

    fn check(&mut self, holds: bool, complaint: impl FnOnce() -> String) {
        if !holds {
            self.add(complaint());
        }
    }

    /// # Panics
    /// When there are any.
    fn settle(self) {
        let shown: Vec<&str> = self.found.iter().take(SHOWN).map(String::as_str).collect();
        assert!(
            self.found.is_empty(),
            "{}: {} differences, the first of them:\n{}",
            self.about,
            self.found.len(),
            shown.join("\n")
        );
    }
}
