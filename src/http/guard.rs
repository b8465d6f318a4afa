//! What holds for every request and every answer, whatever the path.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::{self, Problem};

/// The longest path with its query, in bytes: a customer id of 256 bytes needs 768 when all are escaped.
const URI_BYTES_MAX: usize = 4096;

/// What all header fields together may take, names and values.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// What every answer says to browsers: nothing but the page's own files runs or is fetched, and nobody frames it.
const FOR_BROWSERS: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Refuses what is too large, has every error be a problem, and adds what every answer says.
pub(super) async fn check(request: Request, next: Next) -> Response {
    let mut response = match too_large(&request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if is_error && response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind != problem::MEDIA_TYPE) {
        response = Problem::new(status, "the request can't be understood").into_response();
    }
    let headers = response.headers_mut();
    for (name, value) in FOR_BROWSERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn too_large(request: &Request) -> Option<Problem> {
    if request.uri().path_and_query().is_some_and(|path| path.as_str().len() > URI_BYTES_MAX) {
        let detail = format!("the path and its query take more than {URI_BYTES_MAX} bytes");
        return Some(Problem::new(StatusCode::URI_TOO_LONG, &detail));
    }
    if size_of(request.headers()) > HEADER_BYTES_MAX {
        let detail = format!("the header fields take more than {HEADER_BYTES_MAX} bytes");
        return Some(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &detail));
    }
    None
}

fn size_of(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// A method that a path does not have. The router adds `Allow` with those it has.
pub(super) async fn other_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let detail = format!("{method} does nothing here: this only answers GET and HEAD");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, &detail).into_response()
}
