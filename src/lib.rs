//! Live retention signals from Kafka.
pub mod command;
pub mod config;
pub mod domain;
pub mod engine;
pub mod http;
pub mod kafka;
pub mod pipeline;
pub mod shop;
pub mod store;
pub mod telemetry;
pub mod wire;
