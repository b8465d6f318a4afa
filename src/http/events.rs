//! `GET /api/v1/events`: signals as they are committed, as server-sent events.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::Surroundings;
use super::problem::Problem;
use super::signals::{READERS_MAX, Reader, write_event};
use crate::domain::time::Day;

/// A stream says something at least so often, so that nothing in between takes it for dead.
const SAYS_SOMETHING_WITHIN: Duration = Duration::from_secs(15);

/// How often a stream says at most that counts have changed.
const RATES_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn stream(
    State(of): State<Arc<Surroundings>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = asked_for(query.as_deref(), &headers)?;
    let reader = of.signals.read(after).ok_or_else(|| {
        Problem::unavailable(&format!("{READERS_MAX} streams are open, which is as many as there may be"))
    })?;
    let (at, newest) = reader.began();
    let mut hello = String::new();
    let data = json!({ "instance": of.instance, "newest_id": newest });
    write_event(&mut hello, at, "hello", &data.to_string());
    let now = Instant::now();
    let seen = commits(&of);
    let stream = Stream { of, reader, hello: Some(hello), seen, look_at: now + RATES_EVERY, quiet_since: now };
    let body = Body::from_stream(futures_util::stream::unfold(stream, |mut stream| async move {
        let text = stream.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), stream))
    }));
    Ok(([(CONTENT_TYPE, "text/event-stream")], body).into_response())
}

/// The number of the last signal that the reader has, if it says so.
fn asked_for(query: Option<&str>, headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let mut after = headers.get("last-event-id").map(|id| id.to_str().unwrap_or_default());
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name != "after" {
            return Err(Problem::bad_request(&format!("there is no parameter {name:?} here, only `after`")));
        }
        after = Some(value);
    }
    after.map(str::parse).transpose().map_err(|_| {
        Problem::bad_request("`after` and `Last-Event-ID` are the number of the last signal received, as `id` said it")
    })
}

/// What readers have seen of the counts: by partition how often it was committed, and the day that its counts are of.
type Commits = BTreeMap<i32, (u64, Option<Day>)>;

fn commits(of: &Surroundings) -> Commits {
    let partitions = of.partitions.all().into_iter();
    let commits = partitions.map(|(partition, store)| {
        let seen = store.seen();
        (partition, (seen.commits, seen.counted_at.map(|at| of.policy.calendar.day_of(at))))
    });
    commits.collect()
}

/// One reader's stream. Its text is made when the connection takes it, and only a little at a time: who reads slowly
/// holds nothing but its place.
struct Stream {
    of: Arc<Surroundings>,
    reader: Reader,
    hello: Option<String>,
    seen: Commits,
    /// When the counts are looked at next.
    look_at: Instant,
    quiet_since: Instant,
}

impl Stream {
    /// What comes next; nothing when it is over.
    async fn next(&mut self) -> Option<String> {
        if let Some(hello) = self.hello.take() {
            return Some(hello);
        }
        loop {
            if self.reader.is_closed() {
                return None;
            }
            let text = self.changed_counts().or_else(|| self.reader.some_more()).or_else(|| self.sign_of_life());
            if text.is_some() {
                self.quiet_since = Instant::now();
                return text;
            }
            tokio::select! {
                // Both only wait; what is read is read above, so being cancelled loses nothing.
                () = self.reader.news() => {}
                () = sleep_until(self.look_at) => {}
            }
        }
    }

    fn changed_counts(&mut self) -> Option<String> {
        let now = Instant::now();
        if now < self.look_at {
            return None;
        }
        self.look_at = now + RATES_EVERY;
        let commits = commits(&self.of);
        (commits != std::mem::replace(&mut self.seen, commits.clone())).then(|| "event: rates\ndata: {}\n\n".to_owned())
    }

    fn sign_of_life(&self) -> Option<String> {
        (self.quiet_since.elapsed() >= SAYS_SOMETHING_WITHIN).then(|| ":\n\n".to_owned())
    }
}
