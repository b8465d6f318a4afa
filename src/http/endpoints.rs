//! The paths: what answers each and how it is described, in one table, so that there is neither without the other.

use std::sync::Arc;

use axum::routing::{MethodRouter, get};
use schemars::{Schema, SchemaGenerator, json_schema};

use super::pipeline::Pipeline;
use super::{Surroundings, customers, events, openapi, page, pipeline, rates};
use crate::wire::cohorts::Cohorts;
use crate::wire::customer_view::CustomerView;
use crate::wire::customers::Customers;
use crate::wire::rates::Rates;
use crate::wire::rates_history::RatesHistory;

/// One path.
pub(super) struct Endpoint {
    pub(super) path: &'static str,
    pub(super) route: fn() -> MethodRouter<Arc<Surroundings>>,
    pub(super) access: Access,
    /// The name that clients made from the description give it.
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) about: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) answer: Answer,
    /// What can go wrong here besides what can everywhere: status and when.
    pub(super) problems: &'static [(u16, &'static str)],
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody.
    Anybody,
    /// Everybody when there is a token for the data, else this machine.
    Page,
    /// Whoever has the token; without one configured, this machine.
    Token,
}

/// Something that a question may say.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// `path`, `query` or `header`.
    pub(super) place: &'static str,
    pub(super) about: &'static str,
    /// As JSON.
    pub(super) schema: &'static str,
    /// As JSON.
    pub(super) example: &'static str,
}

/// The answer when all is well.
pub(super) struct Answer {
    pub(super) about: &'static str,
    pub(super) media_type: &'static str,
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
    /// JSON where the answer is JSON, else as it is.
    pub(super) example: &'static str,
}

fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

fn object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

const JSON: &str = "application/json";

/// All paths.
pub(super) static ENDPOINTS: [Endpoint; 12] = [
    Endpoint {
        path: "/api/v1/rates",
        route: || get(rates::now),
        access: Access::Token,
        id: "getRates",
        tag: "rates",
        summary: "The live rates",
        about: "The rates of this instance's partitions, each a numerator and a denominator: add them up over instances, \
                then divide. Exact as of `at`, whatever arrived late, twice, was refunded or erased.",
        parameters: &[],
        answer: Answer {
            about: "The rates.",
            media_type: JSON,
            schema: SchemaGenerator::subschema_for::<Rates>,
            example: include_str!("examples/rates.json"),
        },
        problems: &[],
    },
    Endpoint {
        path: "/api/v1/rates/history",
        route: || get(rates::history),
        access: Access::Token,
        id: "getRatesHistory",
        tag: "rates",
        summary: "The rates by day",
        about: "The rates as they stood at the end of each business day, oldest first, added up over this instance's \
                partitions. Today is not in it.",
        parameters: &[Parameter {
            name: "window",
            place: "query",
            about: "One of the configured windows. Unless given 30d, or the one next to it.",
            schema: r#"{"type":"string","pattern":"^[0-9]+d$"}"#,
            example: r#""30d""#,
        }],
        answer: Answer {
            about: "The days.",
            media_type: JSON,
            schema: SchemaGenerator::subschema_for::<RatesHistory>,
            example: include_str!("examples/rates_history.json"),
        },
        problems: &[(400, "There is no such window, or another parameter.")],
    },
    Endpoint {
        path: "/api/v1/cohorts",
        route: || get(rates::cohorts),
        access: Access::Token,
        id: "getCohorts",
        tag: "rates",
        summary: "Cohorts",
        about: "Customers by the month of their first order, and how many of them ordered in each month since.",
        parameters: &[],
        answer: Answer {
            about: "The cohorts.",
            media_type: JSON,
            schema: SchemaGenerator::subschema_for::<Cohorts>,
            example: include_str!("examples/cohorts.json"),
        },
        problems: &[(400, "There is a parameter, and there is none to give.")],
    },
    Endpoint {
        path: "/api/v1/customers",
        route: || get(customers::first),
        access: Access::Token,
        id: "listCustomers",
        tag: "customers",
        summary: "Whom to call first",
        about: "Customers who may not come back, most at stake first: by the value at risk as announced when their level \
                was reached, in major units of their currency, ties by id. Currencies are not converted: give one where a \
                shop has several. Reasons and chances are as of the partition's time.",
        parameters: &[
            Parameter {
                name: "level",
                place: "query",
                about: "Which levels; `at_risk`, the default, is `medium` and `high`.",
                schema: r#"{"type":"string","enum":["at_risk","medium","high","lapsed"],"default":"at_risk"}"#,
                example: r#""high""#,
            },
            Parameter {
                name: "order",
                place: "query",
                about: "How they are sorted.",
                schema: r#"{"type":"string","enum":["value_at_risk"],"default":"value_at_risk"}"#,
                example: r#""value_at_risk""#,
            },
            Parameter {
                name: "limit",
                place: "query",
                about: "How many at most.",
                schema: r#"{"type":"integer","minimum":1,"maximum":500,"default":50}"#,
                example: "50",
            },
            Parameter {
                name: "currency",
                place: "query",
                about: "Only those whose value at risk is in this currency (ISO 4217).",
                schema: r#"{"type":"string","pattern":"^[A-Z]{3}$"}"#,
                example: r#""EUR""#,
            },
            Parameter {
                name: "channel",
                place: "query",
                about: "Only those who agreed to be contacted by it.",
                schema: r#"{"type":"string","enum":["email","sms","phone","post"]}"#,
                example: r#""phone""#,
            },
        ],
        answer: Answer {
            about: "The customers.",
            media_type: JSON,
            schema: SchemaGenerator::subschema_for::<Customers<'static>>,
            example: include_str!("examples/customers.json"),
        },
        problems: &[(
            400,
            "A parameter is unknown, given twice or has an unknown value; `detail` names what may be given.",
        )],
    },
    Endpoint {
        path: "/api/v1/customers/{id}",
        route: || get(customers::one),
        access: Access::Token,
        id: "getCustomer",
        tag: "customers",
        summary: "One customer",
        about: "What is known of one customer, with the chance of return as of the partition's time. An instance knows the \
                customers of its own partitions.",
        parameters: &[Parameter {
            name: "id",
            place: "path",
            about: "The customer's id.",
            schema: r#"{"type":"string","minLength":1,"maxLength":256}"#,
            example: r#""c-1808""#,
        }],
        answer: Answer {
            about: "The customer.",
            media_type: JSON,
            schema: SchemaGenerator::subschema_for::<CustomerView<'static>>,
            example: include_str!("examples/customer.json"),
        },
        problems: &[
            (400, "An id has 1 to 256 bytes."),
            (404, "This instance knows no such customer; another one may."),
            (503, "The state is being restored: the customer may be known in a moment."),
        ],
    },
    Endpoint {
        path: "/api/v1/events",
        route: || get(events::stream),
        access: Access::Token,
        id: "streamEvents",
        tag: "signals",
        summary: "Signals as they are committed",
        about: "Server-sent events without end: `hello` first (`instance`, `newest_id`), then every signal of this instance \
                after its commit as `returning_customer` or `churn_risk`, its data the very JSON of the topic's record; \
                `rates` at most once a second when counts have changed; `gap` (`newest_id`) when signals were missed, \
                because they are older than the last 1,000 or the number is another process's. A comment every 15 s. \
                Who needs every signal reads the topics.",
        parameters: &[
            Parameter {
                name: "after",
                place: "query",
                about: "Go on after this signal: the last `id` received. Wins over `Last-Event-ID`.",
                schema: r#"{"type":"integer","format":"int64","minimum":0}"#,
                example: "1767225600000001",
            },
            Parameter {
                name: "Last-Event-ID",
                place: "header",
                about: "The same, as browsers send it.",
                schema: r#"{"type":"integer","format":"int64","minimum":0}"#,
                example: "1767225600000001",
            },
        ],
        answer: Answer {
            about: "The stream.",
            media_type: "text/event-stream",
            schema: text,
            example: include_str!("examples/events.txt"),
        },
        problems: &[
            (400, "`after` is no number, or there is another parameter."),
            (503, "As many streams are open as there may be: 64."),
        ],
    },
    Endpoint {
        path: "/api/v1/pipeline",
        route: || get(pipeline::pipeline),
        access: Access::Token,
        id: "getPipeline",
        tag: "operation",
        summary: "How far this instance is",
        about: "Its partitions: state, time, what is left to read.",
        parameters: &[],
        answer: Answer {
            about: "The partitions.",
            media_type: JSON,
            schema: SchemaGenerator::subschema_for::<Pipeline>,
            example: include_str!("examples/pipeline.json"),
        },
        problems: &[],
    },
    Endpoint {
        path: "/metrics",
        route: || get(super::metrics),
        access: Access::Anybody,
        id: "getMetrics",
        tag: "operation",
        summary: "Metrics",
        about: "All metrics in Prometheus' text format. Always answers.",
        parameters: &[],
        answer: Answer {
            about: "The metrics.",
            media_type: "text/plain",
            schema: text,
            example: "homecoming_customers{standing=\"active\"} 260\n",
        },
        problems: &[],
    },
    Endpoint {
        path: "/healthz",
        route: || get(super::healthz),
        access: Access::Anybody,
        id: "getHealth",
        tag: "operation",
        summary: "Whether the process is alive",
        about: "200 while the process's own threads turn, whatever Kafka does.",
        parameters: &[],
        answer: Answer { about: "They turn.", media_type: "text/plain", schema: text, example: "ok\n" },
        problems: &[(503, "A thread does not turn.")],
    },
    Endpoint {
        path: "/readyz",
        route: || get(super::readyz),
        access: Access::Anybody,
        id: "getReadiness",
        tag: "operation",
        summary: "Whether all state is there",
        about: "200 once every assigned partition is restored.",
        parameters: &[],
        answer: Answer { about: "It is.", media_type: "text/plain", schema: text, example: "ready\n" },
        problems: &[(503, "It is not yet, or the process is about to end; `detail` says why.")],
    },
    Endpoint {
        path: "/openapi.json",
        route: || get(openapi::document),
        access: Access::Anybody,
        id: "getDescription",
        tag: "operation",
        summary: "This description",
        about: "OpenAPI 3.1.",
        parameters: &[],
        answer: Answer {
            about: "The description.",
            media_type: JSON,
            schema: object,
            example: r#"{"openapi":"3.1.0"}"#,
        },
        problems: &[],
    },
    Endpoint {
        path: "/",
        route: || get(page::index),
        access: Access::Page,
        id: "getPage",
        tag: "page",
        summary: "A live page for people",
        about: "The page holds no data: it asks for the token, and the API for the rest. Its files are below `/page/`.",
        parameters: &[],
        answer: Answer { about: "The page.", media_type: "text/html", schema: text, example: "<!doctype html>" },
        problems: &[],
    },
];
