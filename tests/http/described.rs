//! The document says what is answered.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::site::{Answer, Site, TOKEN};

fn document() -> Value {
    Site::open().get("/openapi.json").json()
}

/// What a schema of the document asks for.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut whole = schema.clone();
    whole["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    whole["components"] = document["components"].clone();
    jsonschema::draft202012::options().should_validate_formats(true).build(&whole).expect("a schema is valid")
}

/// What the document says of an answer, behind a reference or not.
fn described<'a>(document: &'a Value, path: &str, status: u16) -> &'a Value {
    let response = &document["paths"][path]["get"]["responses"][status.to_string()];
    let response = match response["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).expect("it leads somewhere"),
        None => response,
    };
    assert!(response.is_object(), "{path} does not say that it may answer {status}");
    response
}

fn must_be_as_described(document: &Value, path: &str, answer: &Answer) {
    let response = described(document, path, answer.status);
    let kind = answer.header("content-type").expect("answers say what they are").split(';').next().expect("a type");
    let content = &response["content"][kind];
    assert!(content.is_object(), "{path} answers {kind}, which is not described: {response}");
    let body = if kind.ends_with("json") { answer.json() } else { json!(answer.text()) };
    let errors: Vec<_> =
        validator(document, &content["schema"]).iter_errors(&body).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{path}: {errors:#?}\n{body}");
}

#[test]
fn every_answer_is_as_described() {
    let document = document();
    let site = Site::with(|choice| choice.customers = 200);
    let customers: Vec<_> = customers(&site);
    let mut seen = BTreeSet::new();
    for (path, _) in document["paths"].as_object().expect("paths") {
        if path == "/api/v1/events" {
            continue;
        }
        // Every customer: some have never ordered, some have tickets, some have lapsed.
        let asked = if path.contains("{id}") { customers.clone() } else { vec![String::new()] };
        for id in asked {
            let answer = site.get(&path.replace("{id}", &id));
            assert_eq!(answer.status, 200, "{path}");
            must_be_as_described(&document, path, &answer);
            seen.insert(path.clone());
        }
    }
    assert_eq!(seen.len() + 1, document["paths"].as_object().expect("paths").len());
}

fn customers(site: &Site) -> Vec<String> {
    let mut ids = Vec::new();
    for (_, store) in site.surroundings.partitions.all() {
        store.for_each(|id, _| ids.push(id.as_str().to_owned()));
    }
    assert!(ids.len() > 100, "only {} customers", ids.len());
    ids
}

#[test]
fn an_empty_instance_answers_as_described_too() {
    let (document, site) = (document(), Site::open());
    for path in ["/api/v1/rates", "/api/v1/pipeline", "/metrics"] {
        must_be_as_described(&document, path, &site.get(path));
    }
}

#[test]
fn every_problem_is_as_described() {
    let document = document();
    let (site, with_token) = (Site::open(), Site::with(|choice| choice.token = true));
    let long = "x".repeat(5000);
    for (path, operation) in document["paths"].as_object().expect("paths") {
        let asked = path.replace("{id}", "nobody");
        let is_guarded = operation["get"]["security"].as_array().is_some_and(|ways| !ways.is_empty());
        if is_guarded {
            must_be_as_described(&document, path, &with_token.get(&asked));
        }
        if is_guarded || path == "/" {
            must_be_as_described(&document, path, &site.ask("GET", &asked, &[("host", "elsewhere.example")]));
        }
        must_be_as_described(&document, path, &site.get(&format!("{asked}?{long}")));
        must_be_as_described(&document, path, &site.ask("GET", &asked, &[("x-long", &long.repeat(4))]));
    }
    let of_customer = "/api/v1/customers/{id}";
    must_be_as_described(&document, of_customer, &site.get("/api/v1/customers/nobody"));
    must_be_as_described(&document, of_customer, &site.get(&format!("/api/v1/customers/{}", "x".repeat(300))));
    must_be_as_described(&document, "/api/v1/events", &site.get("/api/v1/events?after=x"));
    site.surroundings.stopping.store(true, std::sync::atomic::Ordering::Relaxed);
    for path in ["/readyz", of_customer] {
        must_be_as_described(&document, path, &site.get(&path.replace("{id}", "nobody")));
    }
}

#[test]
fn every_example_is_as_described() {
    let document = document();
    let mut examples = 0;
    for (path, operation) in document["paths"].as_object().expect("paths") {
        let operation = &operation["get"];
        for parameter in operation["parameters"].as_array().expect("a list") {
            let errors = validator(&document, &parameter["schema"]).validate(&parameter["example"]).err();
            assert!(errors.is_none(), "{path} {}: {errors:?}", parameter["name"]);
        }
        for status in operation["responses"].as_object().expect("answers").keys() {
            let response = described(&document, path, status.parse().expect("a status"));
            for (kind, content) in response["content"].as_object().expect("it has some") {
                let errors: Vec<_> = validator(&document, &content["schema"])
                    .iter_errors(&content["example"])
                    .map(|e| e.to_string())
                    .collect();
                assert!(errors.is_empty(), "{path} {status} {kind}: {errors:#?}");
                examples += 1;
            }
        }
    }
    assert!(examples > 30, "only {examples} examples");
}

/// Clients made from it need names for everything, and people words.
#[test]
fn everything_has_a_name_and_words() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (path, operation) in document["paths"].as_object().expect("paths") {
        let operation = &operation["get"];
        assert!(ids.insert(operation["operationId"].to_string()), "{path} has the id of another");
        for words in ["summary", "description"] {
            assert!(operation[words].as_str().is_some_and(|words| !words.is_empty()), "{path} lacks its {words}");
        }
    }
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        assert!(schema["description"].is_string(), "{name} says nothing of itself");
    }
}

#[test]
fn the_document_needs_no_token() {
    let site = Site::with(|choice| choice.token = true);
    assert_eq!(site.get("/openapi.json").status, 200);
    let token = format!("Bearer {TOKEN}");
    assert_eq!(site.ask("GET", "/openapi.json", &[("authorization", &token)]).status, 200);
}
