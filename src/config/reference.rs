//! `docs/configuration.md`, written from the options themselves: names from the types, meanings from their doc comments,
//! what is allowed from the refusals, defaults from the reference file, which another test holds to those of the code.
//!
//! `make configuration` writes it; without that the test here fails when the page is not what it would write.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use super::error::{ConfigError, Origin};
use super::file::PREFIX;
use super::tree::CLIENT;
use super::{Options, keys};

/// Set to anything, the page is written instead of compared.
const WRITE: &str = "HOMECOMING_WRITE_DOCS";

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");

/// Where the option types are declared.
const SOURCES: [&str; 2] = [include_str!("mod.rs"), include_str!("risk.rs")];

const REFERENCE: &str = include_str!("../../config/homecoming.toml");

/// What bare numbers count. A duration says its unit itself.
const UNITS: [(&str, &str); 18] = [
    ("retention.model.r", "without a unit"),
    ("retention.model.alpha", "in days"),
    ("retention.model.a", "without a unit"),
    ("retention.model.b", "without a unit"),
    ("risk.medium", "a share"),
    ("risk.high", "a share"),
    ("risk.margin", "a share"),
    ("risk.high_value_from", "in major units of the currency"),
    ("risk.weights.open_ticket", "in log-odds"),
    ("risk.weights.overdue_ticket", "in log-odds"),
    ("risk.weights.repeated_contact", "in log-odds"),
    ("risk.weights.repeated_contact_floor", "in log-odds"),
    ("risk.weights.low_rating", "in log-odds"),
    ("risk.weights.painless_resolution", "in log-odds"),
    ("risk.weights.refund", "in log-odds"),
    ("engine.max_batch_records", "in records"),
    ("engine.max_value_bytes", "in bytes"),
    ("engine.max_timers_per_batch", "in deadlines"),
];
const THREADS: (&str, &str) = ("engine.threads", "in threads");

/// How a refusal begins, and the type that this is. The first that fits.
const TYPES: [(&str, &str); 18] = [
    ("a duration such as", "duration or `\"unlimited\"`"),
    ("a duration above 0 such as", "duration or `\"never\"`"),
    ("a duration", "duration"),
    ("whole days", "whole days"),
    ("a list of whole days", "list of whole days"),
    ("a whole number", "whole number"),
    ("a number", "number"),
    ("text", "text"),
    ("error, warn", "text"),
    ("host:port", "text"),
    ("1 to 249 letters", "text"),
    ("visible ASCII", "text, secret"),
    ("an RFC 3339 time", "instant"),
    ("an IANA time zone", "time zone"),
    ("an address and a port", "address"),
    ("the path of a file", "path"),
    ("a section", "table"),
    ("\"", "one of several words"),
];

const HEAD: &str = "# Configuration\n\n\
    <!-- Written from the code by `make configuration`; `make check` fails when this page is not what it would write. -->\n\n\
    Every option of `homecoming`, as the code has it. [config/homecoming.toml](../config/homecoming.toml) is the same as a\n\
    file to start from. A file holds only what differs from the defaults; the environment wins over it. In the values of\n\
    the [Helm chart](../deploy/helm/homecoming/README.md) the same keys stand under `config`.\n\n\
    Durations are written `\"90d\"`, `\"1h\"`, `\"30s\"`, `\"100ms\"`, or together: `\"1h 30m\"`; whole milliseconds are the\n\
    finest. In a variable quotes are left out, and the items of a list are separated by commas. An unknown key or a value\n\
    that is not allowed ends the program with exit code 2 and one line that names it; `homecoming check --config FILE`\n\
    says so beforehand.\n";

#[test]
fn the_page_of_options_is_what_the_code_says() {
    let page = page();
    if std::env::var_os(WRITE).is_some() {
        fs::write(PAGE, &page).expect("the page can be written");
    }
    let written = fs::read_to_string(PAGE).unwrap_or_default();
    let differs = written.lines().zip(page.lines()).find(|(is, should)| is != should);
    assert!(written == page, "docs/configuration.md is stale ({differs:?}): run `make configuration` and commit it");
}

#[test]
fn every_variable_sets_its_key() {
    for key in options() {
        let variable = variable_of(&key);
        // No option takes all of these.
        let refused = ["", "\n", "?"].into_iter().any(|wrong| {
            let set = [(variable.clone(), wrong.to_owned())];
            match Options::from_text("", "", set.into_iter()) {
                Err(ConfigError::Refused { key: of, origin: Origin::Environment(name), .. }) => {
                    (of, name) == (key.clone(), variable.clone())
                }
                _ => false,
            }
        });
        assert!(refused || key == CLIENT, "{variable} does not set {key}");
    }
}

#[test]
fn documentation_names_the_defaults_that_the_code_has() {
    let (meanings, defaults) = (meanings(), defaults());
    for (key, default) in &defaults {
        let meaning = &meanings[key];
        let said = meaning.split_once("Default ").map(|(_, rest)| rest).unwrap_or_default();
        let is_said = said.starts_with(&format!("`{default}`"))
            || meaning.contains(&format!("`{default}`, the default"))
            || number_at_the_start_of(said).is_some_and(|number| default.parse() == Ok(number));
        assert!(is_said, "the documentation of {key} does not say \"Default {default}\": {meaning}");
    }
}

fn number_at_the_start_of(text: &str) -> Option<f64> {
    let is_part = |c: &char| c.is_ascii_digit() || "-.,".contains(*c);
    let number: String = text.chars().take_while(is_part).filter(|c| *c != ',').collect();
    number.trim_end_matches('.').parse().ok()
}

fn page() -> String {
    let (docs, meanings, defaults) = (docs(), meanings(), defaults());
    let mut page = HEAD.to_owned();
    let mut section = String::new();
    for key in keys::known() {
        let doc = &meanings[&key];
        if docs.sections.contains_key(&key) {
            continue;
        }
        let of = key.rsplit_once('.').map_or("", |(of, _)| of);
        if of != section {
            section = of.to_owned();
            write!(page, "\n## `[{section}]`\n\n{}\n", meanings[&section]).expect("text takes text");
        }
        let rule = rule_of(&key);
        let default = defaults.get(&key).map_or("not set".to_owned(), |default| format!("`{default}`"));
        let unit = unit_of(&key).map(|unit| format!(", {unit}"));
        let kind = kind_of(&key, &rule);
        write!(page, "\n### `{key}`\n\n").expect("text takes text");
        writeln!(page, "| type | default | allowed | variable |\n|---|---|---|---|").expect("text takes text");
        let (unit, variable) = (unit.unwrap_or_default(), variable_of(&key));
        let variable = if key == CLIENT { format!("{variable}__…") } else { variable };
        write!(page, "| {kind}{unit} | {default} | {} | `{variable}` |\n\n{doc}\n", in_a_table(&rule))
            .expect("text takes text");
    }
    page
}

/// What stands in quotes is to be typed. Examples stand at the top of the page.
fn in_a_table(rule: &str) -> String {
    let bounds = rule.split_once(", such as").map_or(rule, |(bounds, _)| bounds);
    let mut shown = String::new();
    for (at, part) in bounds.split('"').enumerate() {
        let is_quoted = at % 2 == 1;
        shown += &if is_quoted { format!("`\"{part}\"`") } else { part.to_owned() };
    }
    shown.replace('|', "\\|")
}

/// Every key that is no section, in the order of the types.
fn options() -> Vec<String> {
    let sections = docs().sections;
    keys::known().into_iter().filter(|key| !sections.contains_key(key)).collect()
}

fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// What the code says to somebody who sets this key to what no option is.
fn rule_of(key: &str) -> String {
    if key == CLIENT {
        return "any librdkafka property but those that exactly-once rests on".to_owned();
    }
    let (section, name) = key.rsplit_once('.').expect("every option has a section");
    match Options::from_text("probe", &format!("[{section}]\n{name} = true"), std::iter::empty()) {
        Err(ConfigError::Refused { key: of, reason, .. }) if of == key => {
            reason.strip_prefix("it must be ").expect("rules begin alike").to_owned()
        }
        other => panic!("{key} = true should be refused: {other:?}"),
    }
}

fn kind_of(key: &str, rule: &str) -> &'static str {
    if key == CLIENT {
        return "table";
    }
    let fits = TYPES.iter().find(|(begins, _)| rule.starts_with(begins));
    fits.unwrap_or_else(|| panic!("{key}: no type in TYPES begins as {rule:?}")).1
}

fn unit_of(key: &str) -> Option<&'static str> {
    let is_number = ["a number", "a whole number"].iter().any(|begins| rule_of(key).starts_with(begins));
    let unit = UNITS.iter().chain([&THREADS]).find(|(of, _)| *of == key).map(|(_, unit)| *unit);
    assert_eq!(is_number, unit.is_some(), "{key} needs a unit in UNITS if it is a number, and none if not");
    unit
}

/// The defaults of those that have one, as TOML.
fn defaults() -> BTreeMap<String, String> {
    let table: toml::Table = REFERENCE.parse().expect("the reference file is TOML");
    let value_of = |key: &String| {
        let mut names = key.split('.');
        let first = table.get(names.next()?)?;
        let value = names.try_fold(first, |value, name| value.get(name))?;
        Some((key.clone(), value.to_string()))
    };
    options().iter().filter(|key| *key != CLIENT).filter_map(value_of).collect()
}

/// What the doc comments say of every key, sections included.
fn meanings() -> BTreeMap<String, String> {
    let docs = docs();
    let mut meanings = BTreeMap::new();
    for key in keys::known() {
        let (section, name) = key.rsplit_once('.').unwrap_or(("", &key));
        let owner = if section.is_empty() { "Options" } else { &docs.sections[section] };
        let of_field = &docs.fields[&(owner.to_owned(), name.to_owned())];
        let of_type = docs.sections.get(&key).map(|of| &docs.types[of]);
        meanings.insert(key, of_type.unwrap_or(of_field).clone());
    }
    meanings
}

#[derive(Default)]
struct Docs {
    types: BTreeMap<String, String>,
    /// By type and field.
    fields: BTreeMap<(String, String), String>,
    /// The type of every section, by key.
    sections: BTreeMap<String, String>,
}

/// Reads the declarations of the option types as text: a doc comment belongs to what follows it.
fn docs() -> Docs {
    let mut docs = Docs::default();
    let mut types_of = BTreeMap::new();
    let (mut owner, mut said) = (String::new(), Vec::new());
    for line in SOURCES.iter().flat_map(|source| source.lines()).map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            said.push(doc.trim());
            continue;
        }
        if let Some(name) = line.strip_prefix("pub struct ").and_then(|rest| rest.strip_suffix(" {")) {
            name.clone_into(&mut owner);
            docs.types.insert(owner.clone(), said.join(" "));
        } else if let Some((name, of)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(": ")) {
            docs.fields.insert((owner.clone(), name.to_owned()), said.join(" "));
            types_of.insert((owner.clone(), name.to_owned()), of.trim_end_matches(',').to_owned());
        }
        if !line.starts_with("#[") && !line.starts_with("//") {
            said.clear();
        }
    }
    for key in keys::known() {
        let (section, name) = key.rsplit_once('.').unwrap_or(("", &key));
        let owner = docs.sections.get(section).cloned().unwrap_or_else(|| "Options".to_owned());
        let of = types_of.get(&(owner, name.to_owned())).filter(|of| docs.types.contains_key(*of));
        docs.sections.extend(of.map(|of| (key.clone(), of.clone())));
    }
    docs
}
