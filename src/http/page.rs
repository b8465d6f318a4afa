//! The live page: the files of `src/http/page`, which are part of the program.

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::Problem;

#[derive(RustEmbed)]
#[folder = "src/http/page"]
struct Files;

pub(super) async fn index(headers: HeaderMap) -> Response {
    answer("index.html", &headers)
}

pub(super) async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    answer(&path, &headers)
}

/// The file, unless the reader has the same. Readers may keep it but ask every time: another version may run tomorrow.
fn answer(path: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Files::get(path) else {
        return Problem::not_found("the page has no such file").into_response();
    };
    let tag = tag_of(&file);
    let known = [(ETAG, tag.clone()), (CACHE_CONTROL, "no-cache".to_owned())];
    if has(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, known).into_response();
    }
    (known, [(CONTENT_TYPE, kind_of(path, &file))], file.data).into_response()
}

fn tag_of(file: &EmbeddedFile) -> String {
    let digest = file.metadata.sha256_hash();
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// Whether one of the tags that the reader sent is this one, or it has any.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let sent = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = sent.flat_map(|value| value.split(',')).map(|sent| sent.trim().trim_start_matches("W/"));
    tags.any(|sent| sent == tag || sent == "*")
}

/// Licences have no ending: they are text.
fn kind_of(path: &str, file: &EmbeddedFile) -> String {
    let has_ending = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let kind = if has_ending { file.metadata.mimetype() } else { "text/plain" };
    let is_text = kind.starts_with("text/") || matches!(kind, "application/json" | "image/svg+xml");
    if is_text { format!("{kind}; charset=utf-8") } else { kind.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path as File;

    use super::*;

    /// A file that was added since is only there once this is compiled anew.
    #[test]
    fn every_file_of_the_page_is_in_the_program() {
        let root = File::new(env!("CARGO_MANIFEST_DIR")).join("src/http/page");
        let (mut folders, mut files) = (vec![root.clone()], BTreeSet::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("the page is there") {
                let path = entry.expect("it can be read").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&root).expect("below it").to_string_lossy().replace('\\', "/");
                    let same = Files::get(&name).is_some_and(|file| fs::read(&path).is_ok_and(|now| now == *file.data));
                    assert!(same, "{name} is not as in the program: touch src/http/page.rs and build again");
                    files.insert(name);
                }
            }
        }
        assert_eq!(Files::iter().map(|name| name.into_owned()).collect::<BTreeSet<_>>(), files);
    }

    #[test]
    fn files_say_what_they_are() {
        let kind = |path: &str| kind_of(path, &Files::get("index.html").expect("the page"));
        assert_eq!(kind("index.html"), "text/html; charset=utf-8");
        assert_eq!(kind("vendor/LICENSE"), "text/plain; charset=utf-8");
    }

    #[test]
    fn a_tag_is_known_in_a_list_or_by_a_star() {
        let with = |value: &'static str| HeaderMap::from_iter([(IF_NONE_MATCH, value.parse().expect("a value"))]);
        for (value, known) in [("\"a\"", true), ("\"b\", W/\"a\"", true), ("*", true), ("\"b\"", false), ("a", false)] {
            assert_eq!(has(&with(value), "\"a\""), known, "{value}");
        }
        assert!(!has(&HeaderMap::new(), "\"a\""));
    }
}
