//! How long recoveries took, for people.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// From a fault until something written after it was committed, on every partition that it concerned.
pub struct Recovery {
    pub what: &'static str,
    pub partitions: usize,
    pub took: Duration,
}

#[derive(Default)]
pub struct Table {
    rows: Vec<(usize, Recovery)>,
}

impl Table {
    pub fn add(&mut self, round: usize, recovery: Recovery) {
        self.rows.push((round, recovery));
    }
}

impl fmt::Display for Table {
    /// As Markdown: every recovery, then each kind of it summed up.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "| round | what happened | partitions | seconds to recover |\n|---|---|---|---|")?;
        let mut kinds: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (round, Recovery { what, partitions, took }) in &self.rows {
            writeln!(formatter, "| {round} | {what} | {partitions} | {:.1} |", took.as_secs_f64())?;
            kinds.entry(what).or_default().push(took.as_secs_f64());
        }
        writeln!(formatter, "\n| what happened | times | least | median | most |\n|---|---|---|---|---|")?;
        for (what, mut took) in kinds {
            took.sort_by(f64::total_cmp);
            let (least, median, most) = (took[0], took[took.len() / 2], took[took.len() - 1]);
            writeln!(formatter, "| {what} | {} | {least:.1} | {median:.1} | {most:.1} |", took.len())?;
        }
        Ok(())
    }
}
