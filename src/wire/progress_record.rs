//! How far a partition has come, as stored beside its customers. JSON, so that a person can read it with any tool.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::customer_record::Unreadable;
use crate::domain::EventTime;
use crate::domain::time::Day;

const VERSION: u8 = 1;

/// How far a partition has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    version: u8,
    /// Counts the partition's transactions; also in the metadata of the committed offsets, so that one can ask
    /// whether a transaction of unknown outcome took place.
    pub sequence: u64,
    /// How many partitions there were: with another number customers belong elsewhere. Absent in what early versions wrote.
    #[serde(default)]
    pub partitions: Option<i32>,
    /// The partition's time, in milliseconds since 1970: it does not go back when the partition starts anew.
    #[serde(default)]
    pub time_ms: Option<i64>,
    /// The first business day that is not over, in days since 1970: the rates at the end of those before are stored.
    #[serde(default)]
    pub open_day: Option<i32>,
    /// By input (`purchases`, …).
    pub inputs: BTreeMap<String, InputProgress>,
    /// Orders of customers who were forgotten, and those of them that were not their customer's first.
    #[serde(default)]
    pub erased: Erased,
    /// The settings the stored state was made with.
    pub settings: BTreeMap<String, String>,
}

/// What stays of customers who were forgotten: sums without names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Orders.
    pub orders: i64,
    /// Orders that were not their customer's first.
    pub returning_orders: i64,
}

/// How far one input has been taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputProgress {
    /// The offset of the first record not yet taken in.
    pub next_offset: i64,
    /// The greatest event time, in milliseconds since 1970.
    pub greatest_event_time_ms: Option<i64>,
}

impl Progress {
    /// A progress record of this version.
    pub fn new(
        (sequence, partitions): (u64, i32),
        (time, open_day): (Option<EventTime>, Option<Day>),
        inputs: BTreeMap<String, InputProgress>,
        erased: Erased,
        settings: BTreeMap<String, String>,
    ) -> Self {
        let (time_ms, open_day) = (time.map(EventTime::millis), open_day.map(|day| day.0));
        let partitions = Some(partitions);
        Self { version: VERSION, sequence, partitions, time_ms, open_day, inputs, erased, settings }
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers always have a JSON form")
    }

    /// The record in these bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Version {
            version: u8,
        }
        let found: Version = serde_json::from_slice(bytes).map_err(|_| Unreadable::Damaged("no progress record"))?;
        if found.version != VERSION {
            return Err(Unreadable::NewerVersion(found.version));
        }
        serde_json::from_slice(bytes).map_err(|_| Unreadable::Damaged("not a progress record"))
    }
}
