//! The API's description, OpenAPI 3.1, made from the table of paths and from the types that are answered.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::endpoints::{Access, Answer, ENDPOINTS, Endpoint, Parameter};
use super::problem::{self, ProblemJson};
use crate::wire::schema;

/// What can go wrong with every question: name, status and when.
const EVERYWHERE: [(&str, u16, &str); 2] = [
    ("UriTooLong", 414, "The path and its query take more than 4,096 bytes."),
    ("HeadersTooLarge", 431, "The header fields take more than 16 KiB."),
];

/// What can go wrong with questions to the API.
const WITH_ACCESS: [(&str, u16, &str); 2] = [
    ("Unauthorized", 401, "A token is configured, and the question has none or another."),
    (
        "Forbidden",
        403,
        "No token is configured and the question comes from another machine or asks for another host than a loopback \
         name or address; or it comes from a page of another site.",
    ),
];

const TAGS: [(&str, &str); 5] = [
    ("rates", "What became of customers, counted."),
    ("customers", "Customers one by one."),
    ("signals", "What is announced."),
    ("operation", "How the service does."),
    ("page", "For people."),
];

pub(super) async fn document() -> Response {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let text = DOCUMENT.get_or_init(|| Bytes::from(open_api().to_string()));
    ([(CONTENT_TYPE, "application/json")], text.clone()).into_response()
}

fn open_api() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings = settings.with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    generator.subschema_for::<ProblemJson<'static>>();
    let mut paths = Map::new();
    for endpoint in &ENDPOINTS {
        paths.insert(endpoint.path.to_owned(), json!({ "get": operation(endpoint, &mut generator) }));
    }
    let mut schemas = generator.take_definitions(true);
    for event in schema::all().into_iter().filter(|event| event.source.is_none()) {
        schemas.insert(event.name.to_owned(), embedded(event.schema));
    }
    let common = EVERYWHERE.into_iter().chain(WITH_ACCESS);
    let common: Map<_, _> = common.map(|(name, status, about)| (name.to_owned(), problem(status, about))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "homecoming",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Live retention signals from Kafka: rates, customers, signals. An instance answers for its own \
                partitions. All paths answer GET and HEAD, and OPTIONS with `Allow`; anything else is 405. Errors are \
                problems (RFC 9457).",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "Wherever this was read from." }],
        "tags": TAGS.map(|(name, about)| json!({ "name": name, "description": about })),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": common,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The configured `http.token`. Without one the API answers this machine only.",
                },
            },
        },
    })
}

fn operation(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::from_iter([("200".to_owned(), answer(&endpoint.answer, generator))]);
    if endpoint.answer.media_type == "text/event-stream" {
        responses["200"]["x-events"] = json!({
            "returning_customer": reference("schemas", "returning_customer"),
            "churn_risk": reference("schemas", "churn_risk"),
        });
    }
    for (status, about) in endpoint.problems {
        responses.insert(status.to_string(), problem(*status, about));
    }
    let of_access = match endpoint.access {
        Access::Token => &WITH_ACCESS[..],
        Access::Page => &WITH_ACCESS[1..],
        Access::Anybody => &[],
    };
    for (name, status, _) in EVERYWHERE.iter().chain(of_access) {
        responses.insert(status.to_string(), reference("responses", name));
    }
    json!({
        "operationId": endpoint.id,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": endpoint.about,
        "parameters": endpoint.parameters.iter().map(parameter).collect::<Vec<_>>(),
        // The second way in: none, from this machine, while no token is configured.
        "security": if endpoint.access == Access::Token { json!([{ "token": [] }, {}]) } else { json!([]) },
        "responses": responses,
    })
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.about,
        "schema": parsed(parameter.schema),
        "example": parsed(parameter.example),
    })
}

fn answer(answer: &Answer, generator: &mut SchemaGenerator) -> Value {
    let is_json = answer.media_type == "application/json";
    let example = if is_json { parsed(answer.example) } else { json!(answer.example) };
    json!({
        "description": answer.about,
        "content": { answer.media_type: { "schema": (answer.schema)(generator), "example": example } },
    })
}

fn problem(status: u16, about: &str) -> Value {
    json!({
        "description": about,
        "content": {
            problem::MEDIA_TYPE: {
                "schema": reference("schemas", "Problem"),
                "example": ProblemJson::new(status, about),
            },
        },
    })
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// A schema inside the document: an `$id` would move its references.
fn embedded(mut schema: Value) -> Value {
    if let Some(fields) = schema.as_object_mut() {
        fields.retain(|name, _| !name.starts_with('$'));
    }
    schema
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("a test reads every schema and every example")
}
