//! Who may read customers: whoever has the token; without one configured, this machine only.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Surroundings;
use super::problem::Problem;

pub(super) async fn check(
    State(of): State<Arc<Surroundings>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let Some(token) = &of.token else {
        if peer.ip().to_canonical().is_loopback() {
            return next.run(request).await;
        }
        let detail = "without http.token the API answers this machine only; set a token to open it";
        return Problem::forbidden(detail).into_response();
    };
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given =
        given.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match given {
        Some((_, given)) if token.matches(given.trim()) => next.run(request).await,
        _ => Problem::unauthorized("send the configured token as `Authorization: Bearer …`").into_response(),
    }
}
