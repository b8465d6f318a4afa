//! Health, metrics and the API. Reads committed state only.

mod access;
mod customers;
mod endpoints;
mod events;
mod guard;
mod openapi;
mod page;
mod parameters;
mod pipeline;
mod problem;
mod rates;
mod server;
mod signals;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};

use crate::config::Secret;
use crate::domain::Policy;
use crate::pipeline::Status;
use crate::store::Partitions;
use crate::telemetry::Metrics;
pub use server::{ConnectionLimits, serve};
pub use signals::Signals;

use endpoints::{Access, ENDPOINTS};
use problem::Problem;

/// For how long a thread may be inside one call to the brokers before it counts as stuck.
const TURNS_WITHIN: Duration = Duration::from_secs(120);

/// What the handlers read.
pub struct Surroundings {
    /// The committed state.
    pub partitions: Arc<Partitions>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The stream threads, once they are started.
    pub threads: std::sync::RwLock<Vec<Arc<Status>>>,
    /// Set when the process is about to end.
    pub stopping: Arc<AtomicBool>,
    /// The last signals.
    pub signals: Arc<Signals>,
    /// This instance's name.
    pub instance: String,
    /// The rules.
    pub policy: Arc<Policy>,
    /// The time zone's name.
    pub time_zone: String,
    /// The activity horizon as configured.
    pub activity_horizon: String,
    /// The windows of the rates, in days.
    pub windows: Vec<u32>,
    /// The token that `/api` asks for.
    pub token: Option<Secret>,
    /// Milliseconds of the monotonic clock.
    pub now_ms: Box<dyn Fn() -> u64 + Send + Sync>,
}

type Shared = State<Arc<Surroundings>>;

/// All routes.
pub fn router(surroundings: Arc<Surroundings>) -> Router {
    let of_access = |access: Access| {
        let endpoints = ENDPOINTS.iter().filter(|endpoint| endpoint.access == access);
        endpoints.fold(Router::new(), |router, endpoint| router.route(endpoint.path, (endpoint.route)()))
    };
    let state = || Arc::clone(&surroundings);
    let api = of_access(Access::Token).route_layer(middleware::from_fn_with_state(state(), access::check));
    let page = of_access(Access::Page)
        .route("/page/{*path}", get(page::file))
        .route_layer(middleware::from_fn_with_state(state(), access::check_page));
    of_access(Access::Anybody)
        .merge(api)
        .merge(page)
        .fallback(|| async { Problem::not_found("there is nothing at this path") })
        .method_not_allowed_fallback(guard::other_method)
        .layer(middleware::from_fn(guard::check))
        .with_state(surroundings)
}

async fn metrics(State(of): Shared) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], of.metrics.text()).into_response()
}

/// 200 while the process's own threads turn, whatever Kafka does.
async fn healthz(State(of): Shared) -> Response {
    let now = (of.now_ms)();
    let threads = of.threads.read().map(|threads| threads.clone()).unwrap_or_default();
    for (n, thread) in threads.iter().enumerate() {
        let turned = thread.turned_ms.load(Ordering::Relaxed);
        let is_stuck = now.saturating_sub(turned) > TURNS_WITHIN.as_millis() as u64;
        let has_ended = thread.ended.load(Ordering::Relaxed) && !of.stopping.load(Ordering::Relaxed);
        if is_stuck || has_ended {
            return Problem::unavailable(&format!("stream thread {n} does not turn")).into_response();
        }
    }
    "ok\n".into_response()
}

/// 200 once every assigned partition is restored.
async fn readyz(State(of): Shared) -> Response {
    match not_ready(&of) {
        Some(reason) => Problem::unavailable(&reason).into_response(),
        None => "ready\n".into_response(),
    }
}

fn not_ready(of: &Surroundings) -> Option<String> {
    if of.stopping.load(Ordering::Relaxed) {
        return Some("shutting down".to_owned());
    }
    let threads = of.threads.read().map(|threads| threads.clone()).unwrap_or_default();
    if threads.is_empty() {
        return Some("waiting for the brokers".to_owned());
    }
    if threads.iter().any(|thread| !thread.joined.load(Ordering::Relaxed)) {
        return Some("waiting for the consumer group".to_owned());
    }
    let restoring: u64 = threads.iter().map(|thread| thread.restoring.load(Ordering::Relaxed)).sum();
    (restoring > 0).then(|| format!("restoring {restoring} partitions"))
}
