//! `GET /api/v1/pipeline`: how far each partition of this instance is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Surroundings, not_ready};
use crate::store::Seen;
use crate::wire::Source;

/// How far this instance is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Pipeline {
    /// Its name: `kafka.instance_id`, or one made up at its start.
    instance: String,
    /// The program's version.
    version: &'static str,
    /// Whether `/readyz` answers 200.
    ready: bool,
    /// Why it does not.
    reason: Option<String>,
    /// The least of the partitions' times; null before the first event.
    #[schemars(extend("format" = "date-time"))]
    at: Option<String>,
    /// The partitions that the group gave it.
    partitions: Vec<PartitionJson>,
}

/// One partition.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Partition")]
struct PartitionJson {
    /// Its number.
    partition: i32,
    /// `restoring`: its state is being read; `running`: it is at work.
    #[schemars(extend("enum" = ["running", "restoring"]))]
    state: &'static str,
    /// Its time; null before the first event.
    #[schemars(extend("format" = "date-time"))]
    time: Option<String>,
    /// Customers known; grows while restoring.
    customers: usize,
    /// Customers whose next moment is awaited.
    timers: usize,
    /// State records left to read.
    restore_remaining: u64,
    /// Its inputs.
    inputs: Vec<InputJson>,
}

/// One input of a partition.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Input")]
struct InputJson {
    /// Which.
    #[schemars(extend("enum" = Source::ALL.map(Source::name)))]
    source: &'static str,
    /// Records left to read; null while unknown.
    backlog: Option<u64>,
    /// How long ago what was last taken in was written, in seconds; 0 at the end.
    #[schemars(range(min = 0))]
    lag_seconds: f64,
    /// Whether it is idle and holds nobody's time.
    idle: bool,
}

pub(super) async fn pipeline(State(of): State<Arc<Surroundings>>) -> Json<Pipeline> {
    let reason = not_ready(&of);
    let seen: Vec<_> = of.partitions.all().iter().map(|(n, store)| (*n, store.len(), store.seen())).collect();
    let at = seen.iter().filter_map(|(.., seen)| seen.time).min();
    Json(Pipeline {
        instance: of.instance.clone(),
        version: env!("CARGO_PKG_VERSION"),
        ready: reason.is_none(),
        reason,
        at: at.map(|at| at.to_string()),
        partitions: seen.iter().map(|(n, customers, seen)| PartitionJson::new(*n, *customers, seen)).collect(),
    })
}

impl PartitionJson {
    fn new(partition: i32, customers: usize, seen: &Seen) -> Self {
        let inputs = Source::ALL.into_iter().zip(&seen.backlog).zip(seen.lag_seconds.iter().zip(&seen.idle));
        let inputs = inputs.map(|((source, backlog), (lag_seconds, idle))| InputJson {
            source: source.name(),
            backlog: *backlog,
            lag_seconds: *lag_seconds,
            idle: *idle,
        });
        Self {
            partition,
            state: if seen.is_running { "running" } else { "restoring" },
            time: seen.time.map(|time| time.to_string()),
            customers,
            timers: seen.timers,
            restore_remaining: seen.restore_remaining,
            inputs: inputs.collect(),
        }
    }
}
