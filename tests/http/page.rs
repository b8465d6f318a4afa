//! The page and its files.

use crate::site::Site;

#[test]
fn the_page_is_at_the_root() {
    let site = Site::open();
    let page = site.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.text().starts_with("<!doctype html>"));
    assert_eq!(site.get("/page/index.html").body, page.body);
}

/// What the page names exists, and what it would not be let do it does not try.
#[test]
fn the_page_is_made_of_its_own_files() {
    let site = Site::open();
    let page = site.get("/");
    let text = page.text();
    let named = |attribute: &str| {
        let begins = format!("{attribute}=\"");
        let values = text.split(begins.as_str()).skip(1);
        values.map(|rest| rest.split('"').next().expect("it ends").to_owned()).collect::<Vec<_>>()
    };
    let files = named("src").into_iter().chain(named("href")).filter(|path| !path.starts_with(['#', 'd']));
    let mut count = 0;
    for path in files {
        assert!(path.starts_with('/') && !path.starts_with("//"), "{path} is not ours");
        assert_eq!(site.get(&path).status, 200, "{path}");
        count += 1;
    }
    assert!(count > 0, "the page has no files at all");
    assert!(!text.contains("<style") && !text.contains(" style=") && !text.contains(" onclick="), "inline is refused");
    for script in text.split("<script").skip(1) {
        let tag = script.split('>').next().expect("it ends");
        assert!(tag.contains("src="), "inline scripts are refused: <script{tag}>");
    }
}

#[test]
fn a_file_that_the_reader_has_is_not_sent_again() {
    let site = Site::open();
    let first = site.get("/page/page.css");
    assert_eq!(first.header("content-type"), Some("text/css; charset=utf-8"));
    let tag = first.header("etag").expect("files have tags").to_owned();
    let again = site.ask("GET", "/page/page.css", &[("if-none-match", &tag)]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!((again.header("etag"), again.header("cache-control")), (Some(tag.as_str()), Some("no-cache")));
    let other = site.ask("GET", "/page/page.css", &[("if-none-match", "\"other\"")]);
    assert_eq!((other.status, &other.body), (200, &first.body));
    assert_ne!(site.get("/").header("etag"), Some(tag.as_str()));
}
