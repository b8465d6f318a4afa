//! The published schemas and the service say the same: what one accepts the other does, field by field.
//!
//! `tests/schemas/validate.sh` asks validators that others wrote.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use homecoming::wire::schema::{self, EventSchema, TopicNames};
use homecoming::wire::{self, Incoming, Limits, Source};
use jsonschema::Validator;
use serde_json::{Value, json};

const TOPICS: TopicNames<'static> = TopicNames {
    purchases: "purchases",
    support: "support",
    contacts: "contacts",
    returning_customers: "returning-customers",
    churn_risk: "churn-risk",
    dead_letters: "dead-letters",
};

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::options().should_validate_formats(true).build(schema).expect("a schema is valid")
}

fn events_in() -> impl Iterator<Item = (Source, EventSchema)> {
    schema::all().into_iter().filter_map(|event| Some((event.source?, event)))
}

fn schema_of(name: &str) -> Value {
    schema::all().into_iter().find(|event| event.name == name).expect("a known event").schema
}

/// Whether the service takes the event, as a record of that topic.
fn is_taken(source: Source, event: &Value) -> bool {
    let value = event.to_string();
    let key = event["customer_id"].as_str().map(str::as_bytes);
    let record = Incoming { key, value: Some(value.as_bytes()), content_type: None };
    wire::decode(source, &record, &Limits { value_bytes_max: 1 << 20, latest: None }).is_ok()
}

/// Values that are right for some field and wrong for others.
fn values() -> Vec<Value> {
    let long = |length: usize| Value::String("x".repeat(length));
    let mut values = vec![json!(null), json!(true), json!([]), json!({}), json!([{}]), long(256), long(257)];
    values.extend([-1, 0, 1, 4, 5, 6, 7, 8, 10, 11].map(|number| json!(number)));
    values.extend([-0.5, 0.5, 1.5, 12.25].map(|number| json!(number)));
    let texts = [
        "",
        "true",
        "EUR",
        "eur",
        "EURO",
        "0",
        "129.90",
        "-1",
        "1.",
        ".5",
        "1e2",
        "1,5",
        " 1",
        "2026-03-01T10:00:00Z",
        "2026-03-01t10:00:00.123456789+05:30",
        "2026-02-30T10:00:00Z",
        "2026-03-01T10:00:00",
        "2026-03-01 10:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01",
        "0000-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "1989-12-31T23:59:59Z",
        "1990-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "10000-01-01T00:00:00Z",
    ];
    values.extend(texts.map(|text| json!(text)));
    let names = ["email", "sms", "phone", "post", "fax", "broken", "return", "win_back", "low", "high", "medium"];
    values.extend(names.map(|text| json!(text)));
    values.extend(["csat", "ces", "nps", "Csat", "purchase", "feedback"].map(|text| json!(text)));
    let items = [
        json!([{"sku": "a", "quantity": 1, "amount": "1.50"}]),
        json!([{"sku": null, "quantity": null, "amount": null, "colour": "red"}]),
        json!([{"sku": 1}]),
        json!([{"quantity": -1}]),
        json!([{"quantity": "1"}]),
        json!([{"amount": "-1"}]),
        json!([{"amount": true}]),
        json!([1]),
        json!([null]),
    ];
    values.extend(items);
    values
}

/// The event with one field taken away, or with one value after the other in it.
fn variants(event: &Value, field: &str) -> Vec<Value> {
    let mut without = event.clone();
    without.as_object_mut().expect("an event is an object").remove(field);
    let with = values().into_iter().map(|value| {
        let mut changed = event.clone();
        changed[field] = value;
        changed
    });
    with.chain([without]).collect()
}

#[test]
fn a_schema_and_the_service_accept_the_same_events() {
    let (mut accepted, mut refused) = (0, 0);
    for (source, EventSchema { name, schema, .. }) in events_in() {
        let validator = validator(&schema);
        let example = &schema["examples"][0];
        let fields = schema["properties"].as_object().expect("an event has fields").keys();
        for event in fields.flat_map(|field| variants(example, field)) {
            // Neither the type of another event nor an unknown one is this schema's business.
            if event["type"] != name && event["type"].is_string() {
                assert!(!validator.is_valid(&event), "{name} accepts another type: {event}");
                continue;
            }
            let (by_schema, by_service) = (validator.is_valid(&event), is_taken(source, &event));
            assert_eq!(by_schema, by_service, "{name}: the schema says {by_schema}, the service {by_service}: {event}");
            *if by_service { &mut accepted } else { &mut refused } += 1;
        }
    }
    assert!(accepted > 500 && refused > 1000, "both are tried: {accepted} accepted, {refused} refused");
}

#[test]
fn a_score_is_held_against_its_own_scale() {
    let feedback = schema_of("feedback");
    let validator = validator(&feedback);
    for scale in ["csat", "ces", "nps"] {
        for half in -2..24 {
            let mut event = feedback["examples"][0].clone();
            event["scale"] = json!(scale);
            event["score"] = json!(f64::from(half) / 2.0);
            assert_eq!(validator.is_valid(&event), is_taken(Source::Support, &event), "{event}");
        }
    }
}

#[test]
fn every_example_is_accepted_by_its_own_schema_and_by_the_service() {
    for EventSchema { name, source, schema } in schema::all() {
        let example = &schema["examples"][0];
        let wrong: Vec<String> = validator(&schema).iter_errors(example).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
        assert!(source.is_none_or(|source| is_taken(source, example)), "{name} is refused: {example}");
    }
}

#[test]
fn an_example_shows_every_field() {
    for EventSchema { name, schema, .. } in schema::all() {
        for field in schema["properties"].as_object().expect("an event has fields").keys() {
            assert!(schema["examples"][0].get(field).is_some(), "the example of {name} lacks {field}");
        }
    }
}

#[test]
fn unknown_fields_are_allowed() {
    for (source, EventSchema { schema, .. }) in events_in() {
        let mut event = schema["examples"][0].clone();
        event["weather"] = json!({"of": ["another", "day"]});
        assert!(validator(&schema).is_valid(&event) && is_taken(source, &event), "{event}");
    }
}

/// A change here is a change of the contract: look at it, then `UPDATE_GOLDEN=1 cargo test --test schemas`.
#[test]
fn the_signals_schemas_are_those_that_were_agreed() {
    for name in ["returning_customer", "churn_risk"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/schemas/{name}.schema.json"));
        let now = format!("{:#}\n", schema_of(name));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &now).expect("the repository can be written to");
        }
        let agreed = fs::read_to_string(&path).unwrap_or_default();
        assert!(agreed == now, "{} is not what `homecoming schema` says now:\n{now}", path.display());
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn follow(at: &Value, document: &Value, count: &mut usize) {
        match at {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                    let place = reference.strip_prefix('#').expect("a reference within the document");
                    assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
                    *count += 1;
                }
                fields.values().for_each(|value| follow(value, document, count));
            }
            Value::Array(values) => values.iter().for_each(|value| follow(value, document, count)),
            _ => {}
        }
    }
    let document = schema::async_api(&TOPICS);
    let mut count = 0;
    follow(&document, &document, &mut count);
    assert!(count > 50, "{count} references");
}

#[test]
fn the_document_names_the_topics_and_every_event_once() {
    let document = schema::async_api(&TOPICS);
    let channels = document["channels"].as_object().expect("channels");
    let mut addresses: Vec<&str> = channels.values().filter_map(|channel| channel["address"].as_str()).collect();
    addresses.sort_unstable();
    let topics = ["churn-risk", "contacts", "dead-letters", "purchases", "returning-customers", "support"];
    assert_eq!(addresses, topics);
    let messages = channels.values().filter_map(|channel| channel["messages"].as_object()).flat_map(|all| all.keys());
    assert_eq!(messages.count(), 11 + 2 + 1);
}

#[test]
fn a_dead_letters_headers_list_every_code() {
    let document = schema::async_api(&TOPICS);
    let headers = &document["components"]["messages"]["dead_letter"]["headers"];
    let codes = headers["properties"]["error.code"]["enum"].as_array().expect("codes");
    assert_eq!(codes.len(), wire::Rejection::CODES.len());
    assert!(codes.contains(&json!("future_timestamp")));
}

/// A customer of every sort: silent, with tickets, with feedback, erased.
const HISTORY: &str = include_str!("schemas/history.jsonl");

/// What `replay` announces of a history, line by line.
fn signals_of(history: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (input, output): (PathBuf, PathBuf) = (folder.path().join("in.jsonl"), folder.path().join("out.jsonl"));
    fs::write(&input, history).expect("the folder is ours");
    let replay = Command::new(env!("CARGO_BIN_EXE_homecoming"))
        .args(["replay", "--input"])
        .arg(&input)
        .arg("--signals")
        .arg(&output)
        .output()
        .expect("the program starts");
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stderr));
    let lines = fs::read_to_string(&output).expect("signals were written");
    lines.lines().map(|line| serde_json::from_str(line).expect("a signal is JSON")).collect()
}

/// Every field in `signal` stands in the schema.
fn undocumented<'a>(signal: &'a Value, schema: &Value) -> Vec<&'a String> {
    let fields = signal.as_object().expect("a signal is an object").keys();
    fields.filter(|field| schema["properties"].get(field.as_str()).is_none()).collect()
}

#[test]
fn what_is_announced_keeps_to_its_schema() {
    let signals = signals_of(HISTORY);
    let (mut returns, mut risks) = (0, 0);
    for signal in &signals {
        let name = signal["type"].as_str().expect("a signal has a type");
        *if name == "churn_risk" { &mut risks } else { &mut returns } += 1;
        let schema = schema_of(name);
        let wrong: Vec<String> = validator(&schema).iter_errors(signal).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?} in {signal}");
        assert_eq!(undocumented(signal, &schema), Vec::<&String>::new(), "{signal}");
    }
    assert!(returns >= 4 && risks >= 4, "both kinds are announced: {returns} returns, {risks} changes of risk");
}

#[test]
fn the_command_writes_what_the_library_says() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let out = folder.path().join("schemas");
    let program = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_homecoming"));
        program.arg("schema");
        program
    };
    let written = program().arg("--out").arg(&out).output().expect("the program starts");
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let read = |name: &str| -> Value {
        let text = fs::read_to_string(out.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_str(&text).expect("JSON")
    };
    for event in schema::all() {
        assert_eq!(read(&format!("{}.schema.json", event.name)), event.schema);
    }
    assert_eq!(read("asyncapi.json"), schema::async_api(&TOPICS));
    let printed = program().output().expect("the program starts");
    assert_eq!(serde_json::from_slice::<Value>(&printed.stdout).expect("JSON"), read("asyncapi.json"));
}
