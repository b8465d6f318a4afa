//! What a request may be, how long it may take, and how many there may be.

use std::io::{Read, Write};
use std::time::Duration;

use homecoming::http::ConnectionLimits;

use crate::site::{Answer, Site, head};

#[test]
fn what_is_too_long_is_a_problem() {
    let site = Site::open();
    let longest_id = "%C3%A4".repeat(128);
    site.get(&format!("/api/v1/customers/{longest_id}")).problem(404);
    site.get(&format!("/api/v1/customers/{}", "x".repeat(257))).problem(400);
    let detail = site.get(&format!("/api/v1/rates?{}", "x".repeat(5000))).problem(414);
    assert!(detail.contains("4096 bytes"), "{detail}");
    assert_eq!(site.ask("GET", "/healthz", &[("x-long", &"x".repeat(15_000))]).status, 200);
    let detail = site.ask("GET", "/healthz", &[("x-long", &"x".repeat(20_000))]).problem(431);
    assert!(detail.contains("16384 bytes"), "{detail}");
}

#[test]
fn what_is_no_request_is_refused() {
    let site = Site::open();
    for nonsense in ["\x16\x03\x01\x02\x00\x01", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"] {
        let mut stream = site.connect();
        stream.write_all(nonsense.as_bytes()).expect("it is read");
        stream.shutdown(std::net::Shutdown::Write).expect("it is connected");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it is closed");
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{:?}", String::from_utf8_lossy(&answer));
    }
    for path in ["/api/v1/customers/%ff", "/page/%ff"] {
        site.get(path).problem(400);
    }
    for path in
        ["/nothing", "/api", "/api/v1/customers/", "/page/../page.rs", "/page/%2e%2e/page.rs", "/page//etc/passwd"]
    {
        site.get(path).problem(404);
    }
    assert_eq!(site.get("/healthz").text(), "ok\n");
}

#[test]
fn other_methods_are_told_which_there_are() {
    let site = Site::open();
    for path in
        ["/metrics", "/healthz", "/readyz", "/openapi.json", "/", "/page/page.css", "/api/v1/rates", "/api/v1/events"]
    {
        for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            let answer = site.ask(method, path, &[("content-length", "0")]);
            assert!(answer.problem(405).contains(method), "{method} {path}");
            assert_eq!(answer.header("allow"), Some("GET,HEAD"), "{method} {path}");
        }
        let options = site.ask("OPTIONS", path, &[]);
        assert_eq!((options.status, options.header("allow")), (204, Some("GET,HEAD")), "{path}");
    }
}

#[test]
fn head_is_get_without_a_body() {
    let site = Site::with(|choice| choice.customers = 20);
    for path in ["/healthz", "/openapi.json", "/", "/api/v1/rates", "/api/v1/pipeline"] {
        let (get, head) = (site.get(path), site.ask("HEAD", path, &[]));
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
    // It takes no place from those who read the stream.
    for _ in 0..100 {
        assert_eq!(site.ask("HEAD", "/api/v1/events", &[]).status, 200);
    }
}

/// One that sends a byte now and then, one that sends nothing, and one that has had its answer.
#[test]
fn a_connection_without_a_request_is_closed() {
    let limits = ConnectionLimits { head_within: Duration::from_millis(300), ..ConnectionLimits::default() };
    let site = Site::with(|choice| choice.limits = limits);
    let mut slow = site.connect();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: local").expect("it is read");
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).expect("it is closed");
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));

    let mut silent = site.connect();
    assert_eq!(silent.read(&mut [0; 1]).expect("it is closed"), 0);

    let mut answered = site.connect();
    answered.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("it is read");
    let mut all = Vec::new();
    answered.read_to_end(&mut all).expect("it is closed");
    assert!(String::from_utf8_lossy(&all).ends_with("ok\n"));
}

#[test]
fn as_many_connections_as_there_may_be_and_the_next_waits_for_one_to_end() {
    let limits = ConnectionLimits { connections: 3, ..ConnectionLimits::default() };
    let site = Site::with(|choice| choice.limits = limits);
    let mut held: Vec<_> = (0..3).map(|_| site.connect()).collect();
    for stream in &mut held {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("it is read");
        assert_ne!(stream.read(&mut [0; 1024]).expect("it answers"), 0);
    }
    let mut waiting = site.connect();
    waiting.write_all(head("GET", "/healthz", &[]).as_bytes()).expect("the system takes it");
    waiting.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket has it");
    assert!(waiting.read(&mut [0; 1]).is_err(), "three are there already");
    waiting.set_read_timeout(Some(crate::site::WITHIN)).expect("a socket has it");
    held.pop();
    assert_eq!(Answer::read(waiting).text(), "ok\n");
}

/// A body is nobody's business here: it is neither waited for nor kept.
#[test]
fn a_body_is_not_read() {
    let site = Site::open();
    let answer = site.ask("GET", "/healthz", &[("content-length", "1000000000000")]);
    assert_eq!(answer.text(), "ok\n");
}
