//! The Prometheus text of `/metrics`, read as a scraper does.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// One scrape.
#[derive(Debug)]
pub struct Scrape {
    samples: Vec<Sample>,
}

impl Scrape {
    pub fn of(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples =
            lines.map(|line| sample(line).unwrap_or_else(|| panic!("no Prometheus sample: {line}"))).collect();
        Self { samples }
    }

    pub fn has(&self, name: &str) -> bool {
        self.samples.iter().any(|sample| sample.name == name)
    }

    /// The values that a label has in the series of that name.
    pub fn labels(&self, name: &str, label: &str) -> BTreeSet<String> {
        let series = self.samples.iter().filter(|sample| sample.name == name);
        series.filter_map(|sample| sample.labels.get(label).cloned()).collect()
    }

    /// The sum over all series of that name which carry these labels, 0 when there are none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> usize {
        let carries = |sample: &&Sample| {
            sample.name == name
                && labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|has| has == value))
        };
        // Counts here are far below the 2^53 that a float holds exactly.
        self.samples.iter().filter(carries).map(|sample| sample.value).sum::<f64>() as usize
    }
}

/// Label values of this service come from closed sets: none holds a comma, a brace or an escape.
fn sample(line: &str) -> Option<Sample> {
    let (series, rest) = match line.split_once('}') {
        Some((series, rest)) => (series, rest),
        None => line.split_once(' ')?,
    };
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let labels = labels
        .split(',')
        .filter(|label| !label.is_empty())
        .map(|label| {
            let (key, value) = label.split_once('=')?;
            Some((key.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
        })
        .collect::<Option<_>>()?;
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}
