//! The service against a real Apache Kafka, judged from outside: what went into the topics, what came out of them.
//!
//! Every test has topics, a consumer group and an HTTP port of its own, so all of them run at once on one broker that
//! starts with the first. A machine without Java or without the broker's jars fails here, loudly: `make setup`.
//! Nothing in here is a matter of speed. Waits end in a failure only after minutes.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "what runs in real time is looked at in real time, and a person at the terminal reads how long it took"
)]

#[path = "../support/alike/mod.rs"]
mod alike;
#[allow(dead_code, reason = "its tables of orders are for those who read files")]
#[path = "../recount/mod.rs"]
mod recount;
#[path = "../support/mod.rs"]
mod support;

mod agreement;
mod answers;
mod backlog;
mod broker;
mod chaos;
mod exactly_once;
mod hostile_shop;
mod inputs;
mod instances;
mod malformed;
mod moved;
mod observed;
mod outages;
mod rates;
mod refused;
mod rolling;
mod secured;
mod silence;
mod stage;
mod standstill;
mod starting;
mod stopping;
mod stored;
mod streamed;
mod takeover;
mod twins;
