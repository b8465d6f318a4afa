//! What the tests against a real Kafka stand on: a broker of their own, the service as a process, topics read and
//! written as a customer would, an independent model of the contract and the auditor that compares the two.

pub mod audit;
pub mod broker;
pub mod child;
pub mod cluster;
pub mod log;
pub mod metrics;
pub mod model;
pub mod permissions;
pub mod random;
mod running;
pub mod secured;
pub mod service;
mod told;
pub mod topic;
pub mod waiting;
