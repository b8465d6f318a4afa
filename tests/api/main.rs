//! The API's answers over HTTP, from partitions that the engine fills and commits as the stream thread does. No Kafka.

mod cohorts;
mod days;
mod ranking;
mod schemas;
mod shop;
mod stage;
mod story;
