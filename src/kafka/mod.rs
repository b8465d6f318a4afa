//! The edge to Kafka: the only place that knows rdkafka and librdkafka.

mod changelog;
mod client;
mod consumer;
mod fetch_queue;
mod log;
mod producer;
mod takeover;
mod transactional_producer;

#[cfg(test)]
mod mock_tests;

pub mod embedded;
pub mod examine;
pub mod reader;
pub mod topics;
pub mod writer;

pub use client::Connection;
pub use consumer::SESSION_TIMEOUT;
pub use log::KafkaLog;
