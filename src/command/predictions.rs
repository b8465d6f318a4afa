//! What `replay` believed of every customer at given dates, as a table.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::domain::time::Calendar;
use crate::domain::{Customer, CustomerId, EventTime, Policy};
use crate::engine::predict;

const COLUMNS: [&str; 6] = ["customer_id", "at", "return_probability", "usual_return_probability", "risk", "level"];

/// Dates to come, and the table that is written at each of them.
pub(super) struct Predictions {
    at: VecDeque<EventTime>,
    table: csv::Writer<File>,
    path: PathBuf,
}

/// Instants in order; `dates` are business days, meaning their end, or RFC 3339 times. The first that is neither is
/// the error.
pub(super) fn instants<'a>(dates: &'a [String], calendar: &Calendar) -> Result<Vec<EventTime>, &'a String> {
    let instant = |date: &'a String| calendar.end_of(date).or_else(|| EventTime::parse_rfc3339(date)).ok_or(date);
    let mut instants = dates.iter().map(instant).collect::<Result<Vec<_>, _>>()?;
    instants.sort_unstable();
    instants.dedup();
    Ok(instants)
}

impl Predictions {
    pub(super) fn new(at: Vec<EventTime>, path: &Path) -> Result<Self> {
        let mut table = csv::Writer::from_path(path).with_context(|| format!("can't write {}", path.display()))?;
        table.write_record(COLUMNS).with_context(|| format!("can't write {}", path.display()))?;
        Ok(Self { at: at.into(), table, path: path.to_owned() })
    }

    /// The earliest date before `until`, or of all that are left; it is done thereby.
    pub(super) fn take_before(&mut self, until: Option<EventTime>) -> Option<EventTime> {
        self.at.pop_front_if(|at| until.is_none_or(|until| *at < until))
    }

    /// Writes what is believed at `at` of everybody with an order by then, in the order of their ids.
    pub(super) fn write<'a>(
        &mut self,
        at: EventTime,
        customers: impl Iterator<Item = (&'a CustomerId, Customer)>,
        policy: &Policy,
    ) -> Result<()> {
        let mut customers: Vec<_> = customers.collect();
        customers.sort_unstable_by_key(|(id, _)| *id);
        let instant = at.to_string();
        for (id, customer) in customers {
            let Some(prediction) = predict(id, &customer, at, policy) else { continue };
            let assessment = prediction.assessment;
            let row = [
                id.as_str(),
                &instant,
                &assessment.return_probability.to_string(),
                &assessment.usual_return_probability.to_string(),
                &assessment.risk.to_string(),
                prediction.level.name(),
            ];
            self.table.write_record(row).with_context(|| format!("can't write {}", self.path.display()))?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<()> {
        self.table.flush().with_context(|| format!("can't write {}", self.path.display()))
    }
}
