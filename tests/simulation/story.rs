//! What happened: a hash of it always, the words only for whoever has to read them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::world::{ActorId, DIRECTOR};

/// How much of the end is told.
const LINES: usize = 400;

#[derive(Default)]
pub struct Story {
    /// Whether words are kept.
    tells: bool,
    lines_max: usize,
    lines: VecDeque<String>,
    hash: u64,
    /// How often what happened.
    pub tally: BTreeMap<&'static str, u64>,
    /// What must not be, in words. The first ends the run.
    pub complaints: Vec<String>,
}

impl Story {
    pub fn new(tells: bool) -> Self {
        // All of it on demand: a cause may lie far back.
        let is_whole = std::env::var_os("HOMECOMING_WHOLE_STORY").is_some();
        Self { tells, lines_max: if is_whole { usize::MAX } else { LINES }, ..Self::default() }
    }

    /// Something happened. `kind` and `value` go into the hash, the words only into the story.
    pub fn note(&mut self, now: Duration, who: ActorId, kind: char, value: u64, words: impl FnOnce() -> String) {
        for part in [now.as_micros() as u64, who as u64, u64::from(kind), value] {
            self.hash = (self.hash.rotate_left(23) ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        if !self.tells {
            return;
        }
        if self.lines.len() == self.lines_max {
            self.lines.pop_front();
        }
        let name = if who == DIRECTOR { "broker".to_owned() } else { format!("process {who}") };
        self.lines.push_back(format!("{:>9.3} s  {name:<11} {}", now.as_secs_f64(), words()));
    }

    /// Something happened that is not worth a line.
    pub fn pass_over(&mut self, now: Duration, who: ActorId, value: u64) {
        let tells = std::mem::take(&mut self.tells);
        self.note(now, who, '.', value, String::new);
        self.tells = tells;
    }

    pub fn complain(&mut self, now: Duration, complaint: String) {
        if self.complaints.contains(&complaint) {
            return;
        }
        self.note(now, DIRECTOR, '!', 0, || format!("VIOLATION: {complaint}"));
        self.complaints.push(complaint);
    }

    pub fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}
