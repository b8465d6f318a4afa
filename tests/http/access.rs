//! Who is let in.

use crate::site::{Site, TOKEN};

const GUARDED: [&str; 4] = ["/api/v1/rates", "/api/v1/pipeline", "/api/v1/events", "/api/v1/customers/nobody"];
const OPEN: [&str; 4] = ["/metrics", "/healthz", "/readyz", "/openapi.json"];

#[test]
fn with_a_token_the_api_asks_for_it_and_the_page_does_not() {
    let site = Site::with(|choice| choice.token = true);
    for path in GUARDED {
        assert!(site.get(path).problem(401).contains("token"), "{path}");
        let wrong = site.ask("HEAD", path, &[("authorization", "Bearer something-else")]);
        assert_eq!(wrong.status, 401);
        assert_eq!(wrong.header("www-authenticate"), Some("Bearer realm=\"homecoming\""));
    }
    let token = format!("bearer {TOKEN}");
    // Whoever has the token may call the service whatever they like.
    let rates = site.ask("GET", "/api/v1/rates", &[("authorization", &token), ("host", "shop.example")]);
    assert_eq!(rates.status, 200);
    assert_eq!(site.ask("GET", "/", &[("host", "shop.example")]).status, 200);
    for path in OPEN {
        assert_eq!(site.ask("GET", path, &[("host", "shop.example")]).status, 200, "{path}");
    }
}

/// A name of somebody else's that points at 127.0.0.1 is still that name in what browsers send.
#[test]
fn without_a_token_another_name_for_this_machine_is_refused() {
    let site = Site::open();
    for path in GUARDED.into_iter().chain(["/", "/page/page.css"]) {
        for host in ["rebound.example", "rebound.example:8080", "localhost.rebound.example", "10.0.0.1", ""] {
            let answer = site.ask("GET", path, &[("host", host)]);
            assert!(answer.problem(403).contains("localhost"), "{path} as {host:?}");
        }
    }
    for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1234", "[::1]:8080"] {
        assert_eq!(site.ask("GET", "/api/v1/rates", &[("host", host)]).status, 200, "{host}");
        assert_eq!(site.ask("GET", "/", &[("host", host)]).status, 200, "{host}");
    }
    let absolute = site.ask("GET", "http://rebound.example/api/v1/rates", &[("host", "localhost")]);
    absolute.problem(403);
    for path in OPEN {
        assert_eq!(site.ask("GET", path, &[("host", "rebound.example")]).status, 200, "{path} always answers");
    }
}

#[test]
fn pages_of_other_sites_may_not_ask_the_api() {
    let site = Site::open();
    for path in GUARDED {
        site.ask("GET", path, &[("sec-fetch-site", "cross-site")]).problem(403);
        let own = site.ask("HEAD", path, &[("sec-fetch-site", "same-origin"), ("origin", "http://localhost")]);
        assert_ne!(own.status, 403, "{path}");
        assert_eq!(own.header("access-control-allow-origin"), None);
    }
    // A link to the page is followed from anywhere.
    assert_eq!(site.ask("GET", "/", &[("sec-fetch-site", "cross-site")]).status, 200);
    let preflight = [("origin", "http://shop.example"), ("access-control-request-method", "GET")];
    let answer = site.ask("OPTIONS", "/api/v1/rates", &preflight);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[test]
fn every_answer_says_the_same_to_browsers() {
    let site = Site::open();
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                  font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let paths = GUARDED.into_iter().chain(OPEN).chain(["/", "/page/page.css", "/page/none", "/nothing", "/api/v1/x"]);
    for (method, path) in paths.flat_map(|path| [("HEAD", path), ("POST", path), ("OPTIONS", path)]) {
        let answer = site.ask(method, path, &[]);
        assert_eq!(answer.header("content-security-policy"), Some(policy), "{method} {path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{method} {path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{method} {path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{method} {path}");
        let may_be_kept = answer.status == 200 && (path == "/" || path.starts_with("/page"));
        let caching = if may_be_kept && method == "HEAD" { "no-cache" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), Some(caching), "{method} {path}");
    }
}
