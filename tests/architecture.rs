//! The shape of the sources: who may import whom, who may use what, how long things may get. Every failure names the
//! place and the sentence that it breaks.
//!
//! It reads text, not syntax trees: comments, strings and test modules are blanked out, then paths are found by their
//! first name. A path that a macro puts together would escape it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

// --- the rules ---------------------------------------------------------------------------------------------------

/// Layers from the inside out: which of our modules each may import, besides itself.
const LAYERS: [(&str, &[&str]); 11] = [
    ("domain", &[]),
    ("engine", &["domain"]),
    ("wire", &["engine", "domain"]),
    ("store", &["wire", "engine", "domain"]),
    ("shop", &[]),
    ("config", &["domain"]),
    ("pipeline", &["store", "wire", "engine", "domain"]),
    ("kafka", &["pipeline", "config", "wire", "engine", "domain"]),
    ("telemetry", &["pipeline", "config", "store", "wire", "engine", "domain"]),
    ("http", &["telemetry", "pipeline", "config", "store", "wire", "engine", "domain"]),
    ("command", &["http", "telemetry", "kafka", "pipeline", "config", "shop", "store", "wire", "engine", "domain"]),
];

/// What the pure layers may use besides our own modules.
const PURE: [(&str, &[&str], &str); 4] = [
    (
        "domain",
        &["std", "core", "libm", "jiff", "iso_currency", "sha1", "uuid", "xxhash_rust", "compact_str"],
        "the business uses the standard library and deterministic libraries only",
    ),
    (
        "engine",
        &["std", "core", "foldhash", "uuid", "compact_str"],
        "the core is pure: the standard library, a fixed hash, short texts and uuids",
    ),
    (
        "wire",
        &["std", "core", "serde", "serde_json", "schemars", "thiserror", "postcard", "uuid", "compact_str"],
        "the wire turns bytes into events and back, with serde and nothing that acts",
    ),
    (
        "shop",
        &[
            "std",
            "core",
            "libm",
            "jiff",
            "uuid",
            "serde",
            "serde_json",
            "thiserror",
            "rand",
            "rand_chacha",
            "rand_distr",
        ],
        "the simulated shop follows from its seed",
    ),
];

/// One product, one home: replacing it touches one place.
const HOMES: [(&str, &str); 11] = [
    ("rdkafka", "kafka/"),
    ("dashmap", "store.rs"),
    ("prometheus", "telemetry/"),
    ("axum", "http/"),
    ("hyper", "http/"),
    ("hyper_util", "http/"),
    ("rust_embed", "http/"),
    ("tokio_io_timeout", "http/"),
    ("clap", "command/"),
    ("indicatif", "command/"),
    ("console", "command/"),
];

/// Places that read no clock, and the ways to read one.
const CLOCKLESS: [&str; 8] = ["domain/", "engine/", "wire/", "store.rs", "store/", "shop/", "pipeline/", "config/"];
const CLOCKS: [&str; 4] = ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now"];

const FILE_LINES: usize = 450;
const FUNCTION_LINES: usize = 60;

/// What was longer when the rule was made, and may not grow. Shorter ones leave the list.
const LONG_FILES: [(&str, usize); 0] = [];
const LONG_FUNCTIONS: [(&str, &str, usize); 0] = [];
/// How much shorter an exception may be than its entry says, before the entry has to follow.
const SLACK: usize = 20;

#[test]
fn imports_point_inwards() {
    let mut broken = Vec::new();
    for source in sources() {
        let layer = source.layer();
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
            assert!(["lib", "main"].contains(&layer), "{} has no place in LAYERS", source.name);
            continue;
        };
        for module in source.our_modules() {
            if module != layer && !allowed.contains(&module.as_str()) {
                broken.push(format!("{} imports {module}: {layer} may import only {allowed:?}", source.name));
            }
        }
    }
    none(&broken);
}

#[test]
fn the_pure_layers_use_nothing_that_acts() {
    let mut broken = Vec::new();
    for source in sources() {
        let Some((_, allowed, sentence)) = PURE.iter().find(|(layer, ..)| *layer == source.layer()) else { continue };
        for library in source.libraries() {
            if !allowed.contains(&library.as_str()) {
                broken.push(format!("{} uses {library}: {sentence}", source.name));
            }
        }
    }
    none(&broken);
}

#[test]
fn every_product_has_one_home() {
    let mut broken = Vec::new();
    let mut used = BTreeSet::new();
    for source in sources() {
        for library in source.libraries() {
            let Some((product, home)) = HOMES.iter().find(|(product, _)| *product == library) else { continue };
            used.insert(*product);
            if !source.name.starts_with(home) {
                broken.push(format!("{} uses {product}, whose only home is src/{home}", source.name));
            }
        }
    }
    none(&broken);
    assert_eq!(used.len(), HOMES.len(), "a product that nobody uses needs no home: only {used:?} are used");
}

#[test]
fn time_comes_in_as_a_value() {
    let mut broken = Vec::new();
    for source in sources() {
        let is_clockless = CLOCKLESS.iter().any(|place| source.name.starts_with(place));
        for clock in CLOCKS.iter().filter(|clock| source.code.contains(*clock)) {
            if is_clockless {
                broken
                    .push(format!("{} calls {clock}: what happens follows from events, not from a clock", source.name));
            } else if *clock == "SystemTime::now" && source.name != "command/clock.rs" {
                broken.push(format!("{} calls {clock}: command/clock.rs holds the real clock", source.name));
            }
        }
    }
    none(&broken);
}

#[test]
fn the_pure_layers_give_the_same_bits_everywhere() {
    let platform = [".ln()", ".ln_1p()", ".exp()", ".exp_m1()", ".powf(", ".log(", ".log2()", ".log10()", ".cbrt()"];
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| ["domain", "engine", "wire", "shop"].contains(&source.layer())) {
        for call in platform.iter().filter(|call| source.code.contains(*call)) {
            broken.push(format!("{} calls {call}, which differs between platforms: use libm", source.name));
        }
        let hashes = ["HashMap", "HashSet"].iter().any(|name| source.words().any(|word| word == *name));
        let is_fixed = source.words().any(|word| word == "FixedState");
        if hashes && !is_fixed || source.words().any(|word| word == "RandomState") {
            broken.push(format!("{} has a hash map whose order differs from run to run", source.name));
        }
    }
    none(&broken);
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    let sources = sources();
    let unwrapped = sources.iter().filter(|source| source.code.contains(".unwrap()"));
    none(&unwrapped.map(|source| format!("{}: `expect` states why it can't fail", source.name)).collect::<Vec<_>>());
}

#[test]
fn every_module_begins_with_its_purpose() {
    let nameless = all_files().into_iter().filter(|(_, text)| !text.starts_with("//! "));
    none(&nameless.map(|(name, _)| format!("{name} does not begin with a `//!` line")).collect::<Vec<_>>());
}

#[test]
fn files_stay_short() {
    let mut broken = Vec::new();
    for source in sources() {
        let listed = LONG_FILES.iter().find(|(name, _)| *name == source.name).map(|(_, lines)| *lines);
        broken.extend(too_long(&source.name, source.lines, listed, FILE_LINES));
    }
    let gone = LONG_FILES.iter().filter(|(name, _)| !sources().iter().any(|source| source.name == *name));
    broken.extend(gone.map(|(name, _)| format!("{name} is gone: take it off LONG_FILES")));
    none(&broken);
}

#[test]
fn functions_stay_short() {
    let mut broken = Vec::new();
    let mut met = 0;
    for source in sources() {
        for (function, lines) in source.functions() {
            let listed = LONG_FUNCTIONS.iter().find(|(file, name, _)| *file == source.name && *name == function);
            met += usize::from(listed.is_some());
            let place = format!("{}: fn {function}", source.name);
            broken.extend(too_long(&place, lines, listed.map(|(.., lines)| *lines), FUNCTION_LINES));
        }
    }
    none(&broken);
    assert_eq!(met, LONG_FUNCTIONS.len(), "a function of LONG_FUNCTIONS is gone: take it off");
}

fn too_long(place: &str, lines: usize, listed: Option<usize>, limit: usize) -> Option<String> {
    let says = match listed {
        None if lines > limit => format!("more than {limit}: split it where the business has a word for the piece"),
        Some(_) if lines <= limit => "few enough by now: take it off the list of exceptions".to_owned(),
        Some(then) if lines > then => format!("{then} when it was excepted: exceptions only shrink"),
        Some(then) if lines + SLACK < then => format!("{then} when it was excepted: write down how short it is now"),
        _ => return None,
    };
    Some(format!("{place} has {lines} lines, {says}"))
}

fn none(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

// --- the rules' own test -----------------------------------------------------------------------------------------

#[test]
fn the_reader_sees_what_it_should() {
    let text = r##"//! Purpose.
use std::fmt;
use crate::{domain::{Level, Signal}, engine};
use super::super::pipeline::Fault;
use super::{sibling, other::Thing};
use serde_json as json;
/// Speaks of rdkafka::Producer, but does not use it.
fn one<'a>(c: char) -> Option<&'a str> {
    let text = "tokio::spawn { \" } '";
    let raw = r#"axum::Router " "#; // clap::Parser
    let brace = ['{', '\'', '\u{7b}', b'"' as char]; /* console::Term /* nested */ */
    dashmap::DashMap::<u8, u8>::new().len(); self.toml::x; format!("{}", brace.len());
    None
}
trait Shape { fn declared(&self); fn two(&self) { } }
#[cfg(test)]
mod tests {
    use rdkafka::Offset;
    fn three() { None::<u8>.unwrap(); }
}
fn four(_: [u8; 2]) where u8: Copy {

}
"##;
    let source = Source::read("engine/sample.rs", text);
    let names = |found: BTreeSet<String>| found.into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(names(source.our_modules()), "domain engine pipeline");
    assert_eq!(names(source.libraries()), "dashmap serde_json std");
    let functions: Vec<_> = source.functions();
    let expected = [("one", 7), ("two", 1), ("four", 3)].map(|(name, lines)| (name.to_owned(), lines));
    assert_eq!(functions, expected);
    assert_eq!(source.lines, text.lines().count() - 5);
    assert!(!source.code.contains(".unwrap()"));
    assert_eq!(names(Source::read("engine/mod.rs", "use super::http::Server;").our_modules()), "http");
    assert_eq!(names(Source::read("command/demo/x.rs", "use super::super::clock;").our_modules()), "");
}

#[test]
fn an_exception_only_shrinks() {
    for (lines, listed, says) in [
        (60, None, None),
        (61, None, Some("more than 60")),
        (90, Some(90), None),
        (91, Some(90), Some("exceptions only shrink")),
        (70, Some(90), None),
        (69, Some(90), Some("write down")),
        (60, Some(90), Some("take it off")),
    ] {
        let said = too_long("f", lines, listed, 60);
        assert_eq!(said.is_some(), says.is_some(), "{said:?}");
        assert!(said.unwrap_or_default().contains(says.unwrap_or_default()));
    }
}

// --- reading -----------------------------------------------------------------------------------------------------

struct Source {
    /// Below `src`, with `/`.
    name: String,
    /// The text with comments, strings and test modules blanked out.
    code: String,
    /// How many lines it has without its test modules.
    lines: usize,
}

impl Source {
    fn read(name: &str, text: &str) -> Self {
        let blanked = without_text(text);
        let tests = test_modules(&blanked);
        let mut code = blanked.into_bytes();
        let mut lines = text.lines().count();
        for (from, to) in tests {
            lines -= text[from..to].lines().count();
            code[from..to].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        Self { name: name.to_owned(), code: String::from_utf8(code).expect("blanks keep it UTF-8"), lines }
    }

    fn layer(&self) -> &str {
        let first = self.name.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Identifiers, with where they begin.
    fn identifiers(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let mut at = 0;
        std::iter::from_fn(move || {
            let from = at + self.code[at..].find(is_part)?;
            let length = self.code[from..].find(|c| !is_part(c)).unwrap_or(self.code.len() - from);
            at = from + length;
            Some((from, &self.code[from..at]))
        })
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.identifiers().map(|(_, word)| word)
    }

    /// First names of paths (`serde` of `serde::Serialize`, `use serde;`), with what follows them.
    fn heads(&self) -> impl Iterator<Item = (&str, &str)> {
        self.identifiers().filter_map(|(from, word)| {
            let (before, after) = (self.code[..from].trim_end(), &self.code[from + word.len()..]);
            let is_inside = before.ends_with("::") || before.ends_with('.');
            let is_used = before.ends_with("use") && after.trim_start().starts_with([';', 'a']);
            (!is_inside && (after.starts_with("::") || is_used)).then_some((word, after))
        })
    }

    /// Libraries whose names begin a path.
    fn libraries(&self) -> BTreeSet<String> {
        let known = dependencies();
        self.heads().filter(|(head, _)| known.contains(*head)).map(|(head, _)| head.to_owned()).collect()
    }

    /// Modules of ours at the top level, by `crate::` or by enough `super::`.
    fn our_modules(&self) -> BTreeSet<String> {
        let mut modules = BTreeSet::new();
        // A file's own module counts too: `super` is the folder, from a mod.rs the folder above.
        let depth = self.name.split('/').count() - usize::from(self.name.ends_with("mod.rs"));
        for (head, after) in self.heads() {
            let (mut rest, mut ups) = (after, usize::from(head == "super"));
            while let Some(up) = rest.strip_prefix("::super") {
                (rest, ups) = (up, ups + 1);
            }
            if head == "crate" || head == "super" && ups == depth {
                modules.extend(names_of(rest.strip_prefix("::").unwrap_or(rest)));
            }
        }
        modules
    }

    /// Functions with a body: name and lines from `fn` to the closing brace.
    fn functions(&self) -> Vec<(String, usize)> {
        let words: Vec<_> = self.identifiers().collect();
        let declared = words.windows(2).filter(|pair| {
            let ((at, word), (name_at, _)) = (pair[0], pair[1]);
            word == "fn" && self.code[at + 2..name_at].chars().all(char::is_whitespace)
        });
        declared
            .filter_map(|pair| {
                let ((at, _), (_, name)) = (pair[0], pair[1]);
                let end = closing(&self.code, body_of(&self.code, at)?)?;
                Some((name.to_owned(), self.code[at..=end].lines().count()))
            })
            .collect()
    }
}

/// The first names of a path's rest: `domain` of `domain::Level`, `a` and `b` of `{a::{c, d}, b}`.
fn names_of(rest: &str) -> Vec<String> {
    let name = |text: &str| text.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned);
    let Some(end) = closing(rest, 0) else { return name(rest).into_iter().collect() };
    let (mut depth, mut names, mut from) = (0, Vec::new(), 1);
    for (at, c) in rest[..=end].char_indices() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 1 || depth == 0 {
            names.extend(name(&rest[from..at]));
            from = at + 1;
        }
    }
    names
}

/// Where the first brace or semicolon after `from` is that stands in no parentheses or brackets.
fn body_of(code: &str, from: usize) -> Option<usize> {
    let mut depth = 0;
    code[from..].char_indices().find_map(|(at, c)| {
        depth += i32::from(matches!(c, '(' | '[')) - i32::from(matches!(c, ')' | ']'));
        (depth == 0 && matches!(c, '{' | ';')).then_some(from + at)
    })
}

/// Where the brace at `open` is closed; `None` when there is none at `open`.
fn closing(code: &str, open: usize) -> Option<usize> {
    if !code[open..].starts_with('{') {
        return None;
    }
    let mut depth = 0;
    code[open..].char_indices().find_map(|(at, c)| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        (depth == 0).then_some(open + at)
    })
}

/// Where modules for tests begin (at their attribute) and end.
fn test_modules(code: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, attribute) in code.match_indices("#[cfg(test)]") {
        let rest = code[at + attribute.len()..].trim_start();
        if rest.starts_with("mod ")
            && let Some(open) = rest.find(['{', ';'])
        {
            let open = code.len() - rest.len() + open;
            found.push((at, closing(code, open).unwrap_or(open) + 1));
        }
    }
    found
}

/// Blanks out comments, strings and characters; lines and lengths stay.
fn without_text(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let length = text_length(&bytes[at..], at > 0 && is_word(bytes[at - 1]));
        code[at..at + length].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        at += length.max(1);
    }
    String::from_utf8(code).expect("whole characters are blanked out")
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How long the comment, string or character is that begins here; 0 when none does.
fn text_length(rest: &[u8], follows_word: bool) -> usize {
    let until = |end: &[u8], from: usize| {
        let found = rest[from.min(rest.len())..].windows(end.len()).position(|window| window == end);
        found.map_or(rest.len(), |found| from + found + end.len())
    };
    match rest {
        [b'/', b'/', ..] => until(b"\n", 0) - 1,
        [b'/', b'*', ..] => {
            let (mut depth, mut at) = (0, 0);
            while at < rest.len() {
                match &rest[at..] {
                    [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 1),
                    [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 1),
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    break;
                }
            }
            at
        }
        [b'r', b'#' | b'"', ..] if !follows_word => {
            let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
            if rest.get(1 + hashes) != Some(&b'"') {
                return 0;
            }
            until(&[&b"\""[..], &b"#".repeat(hashes)].concat(), 2 + hashes)
        }
        [b'"', ..] => quoted_length(rest, b'"').unwrap_or(rest.len()),
        // A lifetime has no second quote after one character or one escape.
        [b'\'', b'\\', ..] => quoted_length(rest, b'\'').unwrap_or(rest.len()),
        [b'\'', ..] => {
            let character = std::str::from_utf8(&rest[1..rest.len().min(5)]);
            let valid = character.unwrap_or_else(|error| {
                std::str::from_utf8(&rest[1..1 + error.valid_up_to()]).expect("valid up to there")
            });
            let length = valid.chars().next().map_or(0, char::len_utf8);
            if rest.get(1 + length) == Some(&b'\'') { length + 2 } else { 0 }
        }
        _ => 0,
    }
}

fn quoted_length(rest: &[u8], quote: u8) -> Option<usize> {
    let mut is_escaped = false;
    let end = rest.iter().skip(1).position(|byte| {
        let ends = *byte == quote && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    });
    end.map(|end| end + 2)
}

/// Names of the libraries in Cargo.toml, as code writes them, and the standard ones.
fn dependencies() -> BTreeSet<String> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("Cargo.toml is there");
    let manifest: toml::Table = text.parse().expect("Cargo.toml is TOML");
    let names = manifest["dependencies"].as_table().expect("a table of dependencies").keys();
    let standard = ["std", "core", "alloc"].map(str::to_owned);
    names.map(|name| name.replace('-', "_")).chain(standard).collect()
}

/// All sources but those that are there for tests only.
fn sources() -> Vec<Source> {
    let files = all_files();
    let for_tests: Vec<String> = files.iter().flat_map(|(name, text)| test_files(name, text)).collect();
    let files = files.iter().filter(|(name, _)| !for_tests.contains(name));
    let sources: Vec<_> = files.map(|(name, text)| Source::read(name, text)).collect();
    assert!(sources.len() > 40, "only {} files found in src", sources.len());
    sources
}

/// Files that `#[cfg(test)] mod name;` brings in.
fn test_files(name: &str, text: &str) -> Vec<String> {
    let folder = name.strip_suffix("mod.rs").map_or_else(|| name.replace(".rs", "/"), str::to_owned);
    let code = without_text(text);
    let modules = test_modules(&code).into_iter().filter_map(|(from, to)| {
        let module = code[from..to].strip_suffix(';')?.rsplit(' ').next()?;
        Some(format!("{folder}{module}.rs"))
    });
    modules.collect()
}

fn all_files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![root.clone()], Vec::<PathBuf>::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    files.sort();
    let name = |path: &Path| path.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
    files.iter().map(|path| (name(path), fs::read_to_string(path).expect("sources are UTF-8"))).collect()
}
