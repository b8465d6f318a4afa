//! The published schemas, held against what truly lies on the topics.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::Value;
use tempfile::TempDir;

use super::Complaints;
use crate::support::model::{Input, Inputs, Limits, reading};
use crate::support::topic::Record;

/// A validator for each type of event, as `homecoming schema` writes them down.
pub struct Schemas {
    by_type: BTreeMap<String, Validator>,
}

impl Schemas {
    /// Written and compiled once for all tests of a process.
    pub fn published() -> &'static Self {
        static PUBLISHED: OnceLock<Schemas> = OnceLock::new();
        PUBLISHED.get_or_init(|| {
            let folder = TempDir::with_prefix("homecoming-schemas-").expect("a temporary folder can be made");
            let written = Command::new(env!("CARGO_BIN_EXE_homecoming"))
                .args(["schema", "--out"])
                .arg(folder.path())
                .output()
                .expect("the homecoming binary can be started");
            assert!(written.status.success(), "no schemas: {}", String::from_utf8_lossy(&written.stderr));
            Self { by_type: validators_in(folder.path()) }
        })
    }

    /// What is wrong with an event by the schema of its type.
    pub fn objection(&self, event: &Value) -> Option<String> {
        let Some(validator) = event["type"].as_str().and_then(|kind| self.by_type.get(kind)) else {
            return Some("there is no schema for such a type".to_owned());
        };
        let mut errors = validator.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path()));
        errors.next()
    }
}

fn validators_in(folder: &Path) -> BTreeMap<String, Validator> {
    let mut by_type = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the folder was just written") {
        let path = entry.expect("the folder can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(kind) = name.strip_suffix(".schema.json") else { continue };
        let schema = fs::read(&path).expect("the file was just written");
        let schema = serde_json::from_slice(&schema).unwrap_or_else(|error| panic!("{name} is no JSON: {error}"));
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        let validator = options.build(&schema).unwrap_or_else(|error| panic!("{name} is no JSON Schema: {error}"));
        by_type.insert(kind.to_owned(), validator);
    }
    by_type
}

/// # Panics
/// Unless every event that must be accepted keeps to the schema of its type, and none that lacks a field does.
pub fn audit_inputs(inputs: &Inputs<'_>, limits: Limits) {
    let mut complaints = Complaints::about("the inputs by their schemas");
    for (input, records) in Input::ALL.into_iter().zip([inputs.purchases, inputs.support, inputs.contacts]) {
        for record in records {
            match reading::read_from(input, record, limits) {
                Ok(_) => {
                    let objection = Schemas::published().objection(&event_in(record));
                    complaints.check(objection.is_none(), || format!("{objection:?}, yet accepted: {record:?}"));
                }
                Err("missing_field") => {
                    let objection = Schemas::published().objection(&event_in(record));
                    complaints.check(objection.is_some(), || format!("lacks a field its schema allows to: {record:?}"));
                }
                Err(_) => {}
            }
        }
    }
    complaints.settle();
}

fn event_in(record: &Record) -> Value {
    let mut value = record.json();
    match record.header("content-type") {
        Some("application/cloudevents+json") => value["data"].take(),
        _ => value,
    }
}
