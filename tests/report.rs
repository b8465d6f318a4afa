//! The page of `homecoming replay --report OUT.html`: the figures of the JSON report, no script, nothing fetched, and
//! nothing from input that could become markup.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use homecoming::shop::{Shop, ShopOptions, ShopTopics};
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_homecoming");
const OPENS_AT_MS: i64 = 1_735_689_600_000;
const A_YEAR_MS: i64 = 365 * 86_400_000;

// --- running it --------------------------------------------------------------------------------------------------

fn replay(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HOMECOMING_")) {
        command.env_remove(name);
    }
    command.arg("replay").args(arguments).current_dir(folder).output().expect("the program runs")
}

/// Both reports of these files.
fn reports(folder: &Path, inputs: &[&str]) -> (String, Value) {
    let mut arguments = vec!["--report", "rates.html", "--report", "rates.json"];
    inputs.iter().for_each(|input| arguments.extend(["--input", *input]));
    let output = replay(folder, &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("what was asked for was written");
    (read("rates.html"), serde_json::from_str(&read("rates.json")).expect("the report is JSON"))
}

/// A year of a shop with tickets, ratings, refunds and consent.
fn shop() -> String {
    let options = ShopOptions {
        customers: 600,
        seed: 7,
        opens_at_ms: OPENS_AT_MS,
        topics: ShopTopics::ALL,
        ..ShopOptions::default()
    };
    let lines = Shop::sized_by(&options, 12_000, OPENS_AT_MS + A_YEAR_MS).map(|event| event.to_json());
    String::from_utf8(lines.collect::<Vec<_>>().join(&b'\n')).expect("JSON is UTF-8")
}

/// Money in more currencies, some of it going back, and rows that are no events.
const ODD_ORDERS: &str = "customer_id,occurred_at,type,order_id,amount,currency
odd-1,2025-11-30T10:00:00Z,purchase,odd-1-1,1000,JPY
odd-1,2025-12-20T10:00:00Z,purchase,odd-1-2,2500,JPY
odd-2,2025-12-21T10:00:00Z,purchase,odd-2-1,10.125,KWD
odd-2,2025-12-22T10:00:00Z,refund,odd-2-9,99.500,KWD
odd-3,2025-12-23T10:00:00Z,purchase,odd-3-1,5.00,<b>
odd-3,2025-12-23T10:00:00Z,<script>,odd-3-2,5.00,EUR
";
const HOSTILE_NAME: &str = "<script>alert('1')<&\">.csv";

// --- reading it --------------------------------------------------------------------------------------------------

/// An element's start: its name and its attributes, as they are written.
#[derive(Debug)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
}

/// Reads the page as the XML it is meant to be: every element closed, every attribute quoted and told once, every
/// ampersand an entity. Panics where it is not.
fn elements(page: &str) -> Vec<Element> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("an HTML page");
    let (mut open, mut found): (Vec<String>, Vec<Element>) = (Vec::new(), Vec::new());
    while let Some(at) = rest.find('<') {
        is_text(&rest[..at]);
        rest = &rest[at + 1..];
        let end = tag_end(rest);
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed in another order");
            continue;
        }
        let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "<{name}> is no element");
        let element = Element { name: name.to_owned(), attributes: attributes_of(attributes) };
        if !is_empty {
            open.push(name.to_owned());
        }
        found.push(element);
    }
    is_text(rest);
    assert!(open.is_empty(), "left open: {open:?}");
    found
}

fn is_text(text: &str) {
    assert!(!text.contains('>'), "a bare > in {text:?}");
    for (at, _) in text.match_indices('&') {
        let entity = text[at + 1..].split(';').next().expect("a first part");
        let is_known = ["amp", "lt", "gt", "quot"].contains(&entity)
            || entity.strip_prefix('#').is_some_and(|number| number.parse::<u32>().is_ok());
        assert!(is_known && text[at..].contains(';'), "a bare & in {text:?}");
    }
}

/// Where the tag ends: the first `>` outside of quotes.
fn tag_end(rest: &str) -> usize {
    let mut is_quoted = false;
    let end = rest.find(|c| {
        is_quoted ^= c == '"';
        c == '>' && !is_quoted
    });
    end.expect("every tag ends")
}

fn attributes_of(mut text: &str) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    while let Some((name, after)) = text.trim_start().split_once('=') {
        let (value, after) = after.strip_prefix('"').and_then(|after| after.split_once('"')).expect("a quoted value");
        assert!(!value.contains('<'), "markup in the value of {name}: {value}");
        is_text(value);
        assert!(attributes.insert(name.to_owned(), value.to_owned()).is_none(), "{name} told twice");
        text = after;
    }
    assert_eq!(text.trim(), "", "attributes without a value");
    attributes
}

/// The value at a path such as `windows.30d.retention` or `cohorts.0.ordered.1`.
fn at<'a>(report: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(report, |value, step| match value {
        Value::Array(values) => &values[step.parse::<usize>().expect("a place in a list")],
        _ => &value[step],
    })
}

/// Whether a number or a decimal in the report is what the page says.
fn is_same(reported: &Value, shown: &str) -> bool {
    match reported {
        Value::String(text) => text == shown,
        Value::Number(number) => number.as_f64() == shown.parse().ok(),
        _ => false,
    }
}

/// Paths of all objects with numerator and denominator.
fn ratios(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    let below = |step: &str| if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") };
    if let Value::Object(members) = value {
        if members.contains_key("numerator") && members.contains_key("denominator") {
            found.insert(path.to_owned());
        }
        members.iter().for_each(|(step, value)| ratios(value, &below(step), found));
    }
}

// --- the laws ----------------------------------------------------------------------------------------------------

#[test]
fn every_ratio_of_the_json_is_on_the_page_and_every_figure_is_the_same() {
    let folder = TempDir::new().expect("a temporary folder");
    fs::write(folder.path().join("shop.jsonl"), shop()).expect("a temporary file");
    fs::write(folder.path().join("odd.csv"), ODD_ORDERS).expect("a temporary file");
    let (page, report) = reports(folder.path(), &["shop.jsonl", "odd.csv"]);

    let elements = elements(&page);
    let (mut shown, mut counts) = (BTreeSet::new(), 0);
    for Element { attributes, .. } in &elements {
        if let Some(path) = attributes.get("data-of") {
            let ratio = at(&report, path);
            let is_duration = path.ends_with("time_to_resolution");
            let members = if is_duration { ["sum_ms", "count"] } else { ["numerator", "denominator"] };
            for (attribute, member) in ["data-numerator", "data-denominator"].into_iter().zip(members) {
                assert!(is_same(&ratio[member], &attributes[attribute]), "{path}: {ratio} is shown as {attributes:?}");
            }
            shown.insert(path.clone());
        }
        if let Some(path) = attributes.get("data-at") {
            let value = at(&report, path);
            // What the JSON leaves out because there is none is a zero on the page.
            let value = if value.is_null() { &Value::from(0) } else { value };
            assert!(is_same(value, &attributes["data-value"]), "{path}: {value} is shown as {attributes:?}");
            counts += 1;
        }
    }
    let mut told = BTreeSet::new();
    ratios(&report, "", &mut told);
    let missing: Vec<&String> = told.difference(&shown).collect();
    assert!(missing.is_empty(), "not on the page: {missing:?}");
    assert!(told.len() > 60 && counts > 100, "only {} ratios and {counts} counts", told.len());
}

#[test]
fn what_is_shown_follows_from_numerator_and_denominator() {
    let folder = TempDir::new().expect("a temporary folder");
    fs::write(folder.path().join("shop.jsonl"), shop()).expect("a temporary file");
    let (page, report) = reports(folder.path(), &["shop.jsonl"]);
    let words_after = |path: &str| {
        let at = page.find(&format!("data-of=\"{path}\"")).unwrap_or_else(|| panic!("{path} is on the page"));
        page[at..].split_once("</span>").expect("the number ends").0.to_owned()
    };
    for (path, unripe) in [
        ("ever.repeat_purchase", false),
        ("windows.90d.retention", false),
        ("windows.90d.painless_resolution", true),
        ("windows.30d.silent_churn", false),
        ("second_purchase.90d", true),
        ("service_recovery.painless", false),
    ] {
        let ratio = at(&report, path);
        let (above, below) = (&ratio["numerator"], ratio["denominator"].as_i64().expect("a count"));
        assert!(below > 0, "{path} has nothing to show");
        let words = words_after(path);
        let percent = above.as_f64().expect("a count") / below as f64 * 100.0;
        assert!(words.contains(&format!("<b>{percent:.1}\u{a0}%</b>")), "{path}: {ratio} is shown as {words}");
        assert_eq!(words.contains(">few<"), below < 30, "{path}: {ratio} is shown as {words}");
        let waiting = format!("data-unripe=\"{}\"", ratio["unripe"]);
        assert_eq!((words.contains("unripe"), words.contains(&waiting)), (unripe, unripe), "{path}: {words}");
    }
    assert!(page.contains("floor 19.87") && page.contains("aim 27") && page.contains("top 39.6"));
    for told in ["2025-01-01T", "UTC", "90 days", "shop.jsonl"] {
        assert!(page.contains(told), "{told} is not told");
    }
}

#[test]
fn nothing_is_run_or_fetched_and_input_stays_text() {
    let folder = TempDir::new().expect("a temporary folder");
    fs::write(folder.path().join(HOSTILE_NAME), ODD_ORDERS).expect("a temporary file");
    let (page, _) = reports(folder.path(), &[HOSTILE_NAME]);
    for Element { name, attributes } in elements(&page) {
        assert!(
            !["script", "link", "img", "iframe", "object", "embed", "base", "a"].contains(&name.as_str()),
            "<{name}>"
        );
        for attribute in attributes.keys() {
            let fetches = ["src", "href", "srcset", "action", "data"].contains(&attribute.as_str());
            assert!(!fetches && !attribute.starts_with("on"), "<{name} {attribute}>");
        }
    }
    let style = page.split_once("<style>").and_then(|(_, after)| after.split_once("</style>")).expect("a style").0;
    assert!(!style.contains("url(") && !style.contains("@import"), "the style fetches something");
    assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;&amp;&quot;&gt;.csv"), "the file's name is not told");
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn those_who_cannot_see_it_can_read_it() {
    let folder = TempDir::new().expect("a temporary folder");
    fs::write(folder.path().join("shop.jsonl"), shop()).expect("a temporary file");
    let (page, _) = reports(folder.path(), &["shop.jsonl"]);
    let elements = elements(&page);
    let mut ids = BTreeSet::new();
    for id in elements.iter().filter_map(|element| element.attributes.get("id")) {
        assert!(ids.insert(id), "two elements are called {id}");
    }
    for label in elements.iter().filter_map(|element| element.attributes.get("aria-labelledby")) {
        assert!(label.split(' ').all(|id| ids.contains(&id.to_owned())), "{label} is not there");
    }
    let count = |name: &str| elements.iter().filter(|element| element.name == name).count();
    assert!(count("svg") >= 8, "{} plots", count("svg"));
    assert_eq!(count("desc"), count("svg"));
    assert_eq!(count("caption"), count("table"));
    assert_eq!(count("h1"), 1);
    let heads = elements.iter().filter(|element| element.name == "th" && element.attributes.contains_key("scope"));
    assert!(heads.count() > 30, "rows and columns say what they are");
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("@media print"));
}

#[test]
fn a_history_without_a_single_event_has_a_page_too() {
    let folder = TempDir::new().expect("a temporary folder");
    fs::write(folder.path().join("empty.jsonl"), "").expect("a temporary file");
    let (page, report) = reports(folder.path(), &["empty.jsonl"]);
    assert_eq!(report["at"], Value::Null);
    assert!(page.contains("no event") && page.contains("no case is ripe yet"), "{page}");
    for Element { name, attributes } in elements(&page) {
        for place in ["x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "width", "height"] {
            let is_a_place = |value: &String| value.parse().is_ok_and(f64::is_finite);
            assert!(attributes.get(place).is_none_or(is_a_place), "<{name}> at {attributes:?}");
        }
    }
}

#[test]
fn the_same_history_gives_the_same_page() {
    let pages = [(); 2].map(|()| {
        let folder = TempDir::new().expect("a temporary folder");
        fs::write(folder.path().join("odd.csv"), ODD_ORDERS).expect("a temporary file");
        reports(folder.path(), &["odd.csv"]).0
    });
    assert_eq!(pages[0], pages[1]);
}
