//! What we depend on: licences that let us ship, one source, everything pinned. The part of `cargo deny` that needs
//! no database; `make audit` runs the whole of it.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    metadata["packages"].as_array().expect("a list of packages").clone()
}

/// The licences that deny.toml allows.
fn allowed() -> BTreeSet<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml")).expect("deny.toml is there");
    let deny: toml::Table = text.parse().expect("deny.toml is TOML");
    let list = deny["licenses"]["allow"].as_array().expect("a list of licences");
    list.iter().map(|licence| licence.as_str().expect("a name").to_owned()).collect()
}

/// Whether an SPDX expression can be met with the allowed licences: one side of an OR, both sides of an AND.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let words = expression.split_whitespace().collect::<Vec<_>>().join(" ");
    words.split(" OR ").any(|side| side.split(" AND ").all(|licence| allowed.contains(licence.trim())))
}

#[test]
fn every_dependency_has_a_licence_we_allow() {
    let allowed = allowed();
    for package in packages() {
        let (name, licence) = (&package["name"], package["license"].as_str().unwrap_or("none"));
        assert!(is_met(licence, &allowed), "{name} is licensed {licence}, which deny.toml does not allow");
    }
}

#[test]
fn every_dependency_comes_from_the_registry() {
    for package in packages() {
        let Some(source) = package["source"].as_str() else {
            assert_eq!(package["name"], "homecoming", "only this crate may be a path");
            continue;
        };
        assert!(source.starts_with("registry+"), "{} comes from {source}", package["name"]);
    }
}

#[test]
fn an_expression_is_met_by_one_side_of_an_or_and_both_of_an_and() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    for (expression, met) in
        [("MIT", true), ("GPL-3.0 OR MIT", true), ("MIT AND GPL-3.0", false), ("GPL-3.0/ISC", true)]
    {
        assert_eq!(is_met(expression, &allowed), met, "{expression}");
    }
}
