//! Who may read: whoever has the token; without one configured, this machine only.
//!
//! "This machine" is a loopback peer that also asked for a loopback host: a page from elsewhere, open in a browser here,
//! can have its own name point at 127.0.0.1, but can't change the name that its requests carry.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Surroundings;
use super::problem::Problem;

/// For the API: the token, or this machine; and no page of another site.
pub(super) async fn check(
    State(of): State<Arc<Surroundings>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return Problem::forbidden("pages of other sites may not ask the API").into_response();
    }
    let Some(token) = &of.token else { return only_here(peer, request, next).await };
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given =
        given.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match given {
        Some((_, given)) if token.matches(given.trim()) => next.run(request).await,
        _ => Problem::unauthorized("send the configured token as `Authorization: Bearer …`").into_response(),
    }
}

/// For the page, which holds no data: everybody when there is a token for the data, else this machine.
pub(super) async fn check_page(
    State(of): State<Arc<Surroundings>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if of.token.is_some() { next.run(request).await } else { only_here(peer, request, next).await }
}

async fn only_here(peer: SocketAddr, request: Request, next: Next) -> Response {
    if !peer.ip().to_canonical().is_loopback() {
        let detail = "without http.token the page and the API answer this machine only; set a token to open them";
        return Problem::forbidden(detail).into_response();
    }
    if !names_this_machine(&request) {
        let detail = "without http.token the page and the API are asked as localhost, 127.0.0.1 or [::1]; set a token \
                      to have other names";
        return Problem::forbidden(detail).into_response();
    }
    next.run(request).await
}

fn names_this_machine(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter().map(|host| host.to_str().unwrap_or_default()).peekable();
    let authority = request.uri().authority().is_none_or(|authority| is_loopback(authority.as_str()));
    authority && hosts.peek().is_some() && hosts.all(is_loopback)
}

/// Whether a host, perhaps with a port, is a name or an address of loopback.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(address) => address.split_once(']').map_or(address, |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    if let Ok(address) = name.parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn names_and_addresses_of_loopback() {
        for host in
            ["localhost", "LOCALHOST:8080", "a.localhost:1", "localhost.", "127.0.0.1", "127.8.0.1:80", "[::1]:80"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "shop.example", "localhost.example:8080", "127.0.0.1.example", "10.0.0.1", "[::2]", "0.0.0.0"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
