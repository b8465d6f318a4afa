//! The rates: as they are now, as they were at the end of each day, and by cohort.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::parameters::Parameters;
use super::problem::Problem;
use crate::store;
use crate::wire::cohorts::Cohorts;
use crate::wire::rates::Rates;
use crate::wire::rates_history::RatesHistory;

/// The window whose history is told unless another is asked for, in days.
const WINDOW: u32 = 30;

/// The rates as of now.
pub(super) async fn now(State(of): Shared) -> Response {
    let figures = of.partitions.figures(&of.windows, &of.policy);
    Json(Rates::new(&figures, &of.time_zone, &of.activity_horizon)).into_response()
}

/// The rates as they stood at the end of each business day.
pub(super) async fn history(State(of): Shared, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let windows = of.windows.iter().copied().filter(|days| *days <= of.policy.activity_horizon_days);
    let windows: Vec<(u32, String)> = windows.map(|days| (days, format!("{days}d"))).collect();
    let names: Vec<&str> = windows.iter().map(|(_, name)| name.as_str()).collect();
    let asked = Parameters::of(query.as_deref(), &["window"])?.read("window", &names.join(", "), |asked| {
        windows.iter().find(|(_, name)| name == asked).map(|(days, _)| *days)
    })?;
    let usual = windows.iter().map(|(days, _)| *days).find(|days| *days >= WINDOW);
    let window = asked.or(usual).or(windows.last().map(|(days, _)| *days)).unwrap_or(WINDOW);
    let running = of.partitions.running().into_iter().map(|(partition, store)| (partition, store.seen()));
    let begun: Vec<_> = running.filter(|(_, seen)| seen.time.is_some()).collect();
    let days: Vec<_> = begun.iter().map(|(partition, seen)| (*partition, &*seen.days)).collect();
    Ok(Json(RatesHistory::new(window, &of.time_zone, &days)).into_response())
}

/// Customers by the month of their first order.
pub(super) async fn cohorts(State(of): Shared, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    Parameters::of(query.as_deref(), &[])?;
    let running = of.partitions.running();
    let figures = store::figures(&running, &[], &of.policy);
    Ok(Json(Cohorts::new(&figures, running.into_iter().map(|(partition, _)| partition).collect())).into_response())
}
