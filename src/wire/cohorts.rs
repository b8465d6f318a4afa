//! Cohorts as JSON for the API: the same numbers as in the rates.

use schemars::JsonSchema;
use serde::Serialize;

use super::rates::Cohort;
use crate::engine::tallies::Figures;

/// Customers by the month of their first order, and how many of them ordered in the months since. Add them up over
/// instances, month by month and age by age.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Cohorts {
    /// What they are as of: the least of the partitions' times; null before the first event.
    #[schemars(extend("format" = "date-time"))]
    at: Option<String>,
    /// The partitions that are counted: those at work in this instance.
    partitions: Vec<i32>,
    /// The last 48 months, oldest first; those without new customers are left out.
    cohorts: Vec<Cohort>,
}

impl Cohorts {
    /// What these figures of these partitions say.
    pub fn new(figures: &Figures, partitions: Vec<i32>) -> Self {
        Self { at: figures.at.map(|at| at.to_string()), partitions, cohorts: Cohort::all(figures) }
    }
}
