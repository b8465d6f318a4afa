//! What is known of customers.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};

use super::parameters::Parameters;
use super::problem::Problem;
use super::{Shared, not_ready};
use crate::domain::consent::Channel;
use crate::domain::{Currency, CustomerId, Level};
use crate::engine::Committed as _;
use crate::store::Partitions;
use crate::store::ranking::Wanted;
use crate::wire::customer_view::CustomerView;
use crate::wire::customers::{CustomerRow, Customers};

/// How many customers are listed unless said otherwise, and how many at most.
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 500;

/// Whom to call first.
pub(super) async fn first(State(of): Shared, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let (wanted, limit) = wanted(query.as_deref())?;
    let running = of.partitions.running();
    let times: Vec<_> = running.iter().map(|(_, store)| store.seen().time).collect();
    let (total, first) = Partitions::first(&running, &wanted, limit);
    let rows = first.iter().filter_map(|(place, id)| {
        let (partition, store) = &running[*place];
        // They may have come back since they were ranked.
        let customer = store.load(id).filter(|customer| wanted.levels.contains(&customer.standing.level))?;
        CustomerRow::new(id, *partition, &customer, times[*place], &of.policy)
    });
    let partitions = running.iter().map(|(partition, _)| *partition).collect();
    let at = times.iter().flatten().min().copied();
    Ok(Json(Customers::new(at, partitions, total, rows.collect())).into_response())
}

fn wanted(query: Option<&str>) -> Result<(Wanted, usize), Problem> {
    let given = Parameters::of(query, &["level", "order", "limit", "currency", "channel"])?;
    let level = given.read("level", "at_risk, medium, high, lapsed", |level| match level {
        "at_risk" => Some(vec![Level::Medium, Level::High]),
        "medium" => Some(vec![Level::Medium]),
        "high" => Some(vec![Level::High]),
        "lapsed" => Some(vec![Level::Lapsed]),
        _ => None,
    })?;
    given.read("order", "value_at_risk", |order| (order == "value_at_risk").then_some(()))?;
    let limit = given.read("limit", "1 to 500", |limit| {
        let is_plain = limit.bytes().all(|digit| digit.is_ascii_digit());
        limit.parse().ok().filter(|limit| is_plain && (1..=LIMIT_MAX).contains(limit))
    })?;
    let currency = given.read("currency", "an ISO 4217 code such as EUR", Currency::from_code)?;
    let channel = given.read("channel", "email, sms, phone, post", |name| {
        Channel::ALL.into_iter().find(|channel| channel.name() == name)
    })?;
    let levels = level.unwrap_or_else(|| vec![Level::Medium, Level::High]);
    Ok((Wanted { levels, currency, channel }, limit.unwrap_or(LIMIT)))
}

/// One customer.
pub(super) async fn one(State(of): Shared, Path(id): Path<String>) -> Response {
    let Some(id) = CustomerId::new(&id) else {
        return Problem::bad_request("a customer id has 1 to 256 bytes").into_response();
    };
    match of.partitions.find(&id) {
        Some((partition, customer)) => {
            let at = of.partitions.all().into_iter().find(|(n, _)| *n == partition).and_then(|(_, s)| s.seen().time);
            Json(CustomerView::new(&id, partition, &customer, at, &of.policy)).into_response()
        }
        None => match not_ready(&of) {
            Some(reason) => Problem::unavailable(&reason).into_response(),
            None => Problem::not_found("this instance knows no such customer; another one may").into_response(),
        },
    }
}
