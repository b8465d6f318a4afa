//! A running `homecoming run`: asked over HTTP, signalled, killed, and its log looked through at its end.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::ExitStatus;
use std::thread;
use std::time::Duration;

use super::child::BoundChild;
use super::log::Log;
use super::metrics::Scrape;
use super::waiting::wait_for;

/// Three times what the contract promises: only a service that does not stop at all is worth a failure here.
const STOPS_WITHIN: Duration = Duration::from_secs(60);

pub struct Service {
    process: BoundChild,
    log: Log,
    port: u16,
    token: Option<String>,
}

impl Service {
    pub(super) fn new(process: BoundChild, log: Log, port: u16, token: Option<String>) -> Self {
        Self { process, log, port, token }
    }

    /// Waits until it says that it has restored what it was given.
    pub fn wait_until_ready(&mut self) {
        self.wait_until("/readyz answers 200", |service| {
            service.http_get("/readyz").is_some_and(|(status, _)| status == 200)
        });
    }

    pub fn wait_until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let log = self.log.clone();
        wait_for(
            what,
            || log.last_words(),
            || {
                if let Some(status) = self.process.exit_status() {
                    panic!("the service ended by itself ({status}) before: {what}\n{}", self.last_words());
                }
                holds(self).then_some(())
            },
        );
    }

    /// Status and body, or nothing when nobody answers.
    pub fn http_get(&self, path: &str) -> Option<(u16, String)> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .proxy(None)
            .build()
            .into();
        let mut request = agent.get(format!("http://127.0.0.1:{}{path}", self.port));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.call().ok()?;
        let body = response.body_mut().read_to_string().ok()?;
        Some((response.status().as_u16(), body))
    }

    /// The lines of an answer that has no end of its own, head included; they end when the service does.
    pub fn http_lines(&self, path: &str) -> impl Iterator<Item = String> + Send + use<> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the service listens");
        let token = self.token.as_ref().map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        // Of HTTP/1.0, so that nothing is put between the lines.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n{token}\r\n").expect("the service reads");
        BufReader::new(stream).lines().map_while(Result::ok)
    }

    /// The answer to a question that must have one.
    pub fn json(&self, path: &str) -> serde_json::Value {
        let (status, body) =
            self.http_get(path).unwrap_or_else(|| panic!("nobody answered GET {path}\n{}", self.last_words()));
        assert_eq!(status, 200, "GET {path} answered {status}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("GET {path} gave no JSON ({error}): {body}"))
    }

    /// Sends a signal by name: `STOP` holds it where it is, `CONT` lets it go on.
    pub fn signal(&mut self, name: &str) {
        self.process.signal(name);
    }

    pub fn kill9(&mut self) {
        assert!(self.process.exit_status().is_none(), "it ended before it was killed:\n{}", self.last_words());
        self.process.kill9();
    }

    /// SIGTERM, and the end that must follow by itself. Says how long that took.
    pub fn terminate(mut self) -> Duration {
        self.what_always_holds_must_hold();
        self.process.signal("TERM");
        let (status, took) = self.wait_for_exit(STOPS_WITHIN).unwrap_or_else(|| {
            panic!("the service was still there {STOPS_WITHIN:?} after SIGTERM\n{}", self.last_words())
        });
        assert_eq!(status.code(), Some(0), "SIGTERM must end it well\n{}", self.last_words());
        took
    }

    /// Looks at what the service says of itself. Its log says the same once more, if it was killed before this.
    fn what_always_holds_must_hold(&self) {
        let (status, text) = self.http_get("/metrics").expect("metrics always answer");
        assert_eq!(status, 200);
        let failures = Scrape::of(&text).sum("homecoming_invariant_failures_total", &[]);
        assert_eq!(failures, 0, "what always holds did not:\n{}", self.last_words());
    }

    pub fn wait_for_exit(&mut self, limit: Duration) -> Option<(ExitStatus, Duration)> {
        self.process.wait_for_exit(limit)
    }

    /// What this run has written to its standard error.
    pub fn error_text(&self) -> String {
        self.log.error_text()
    }

    /// How many lines of this run's log carry this message.
    pub fn times_said(&self, message: &str) -> usize {
        self.log.lines().iter().filter(|line| line["message"] == message).count()
    }

    /// For a person who wants to know why.
    pub fn last_words(&self) -> String {
        self.log.last_words()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.process.kill9();
        if !thread::panicking() {
            self.log.must_be_fit_to_show();
        }
    }
}
