//! The service's own stream thread on a simulated Kafka: several processes, faults of every kind, everything from one
//! seed, and an auditor who knows nothing of how it is done. A seed that fails tells its story and how to see it again.

#[path = "../support/alike/mod.rs"]
mod alike;
#[allow(dead_code, reason = "its histories and its sums are for those who have no broker")]
#[path = "../recount/mod.rs"]
mod recount;

#[allow(dead_code, unused_imports, reason = "shared with the tests on a real broker, which use all of it")]
#[path = "../support/mod.rs"]
mod support;

mod audit;
mod broker;
mod chance;
mod client;
mod director;
mod group;
mod model;
mod network;
mod oracle;
mod plan;
mod process;
mod producer;
mod rates;
mod scripted;
mod seeds;
mod shop;
mod sim_log;
mod stage;
mod story;
mod takeover;
mod topics;
mod wording;
mod world;

/// As in the service. With that of the C library a quarter of a run is spent on allocating.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
