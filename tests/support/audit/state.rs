//! The changelog: what the service would restore from.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::topic::Record;

/// Keys of customers begin with this tag, the customer id follows.
const CUSTOMER: u8 = b'c';

/// The key of how far a partition has come, in JSON.
const PROGRESS: &[u8] = b"p";

/// What is left of the customers when the log is folded by key, as compaction and a restore do.
#[derive(Debug, Default)]
pub struct Changelog {
    pub kept: BTreeSet<String>,
    /// Those whose last record takes them away.
    pub forgotten: BTreeSet<String>,
    /// How far each partition has come.
    pub progress: BTreeMap<i32, Value>,
}

/// # Panics
/// When a customer's records are in two partitions: the fold of each partition stands alone.
pub fn folded(log: &[Record]) -> Changelog {
    let mut latest: BTreeMap<(i32, &[u8]), Option<&[u8]>> = BTreeMap::new();
    for record in log {
        let key = record.key.as_deref().unwrap_or_else(|| panic!("a changelog record without a key: {record:?}"));
        latest.insert((record.partition, key), record.value.as_deref());
    }
    let mut changelog = Changelog::default();
    for ((partition, key), value) in latest {
        if let (PROGRESS, Some(value)) = (key, value) {
            changelog.progress.insert(partition, serde_json::from_slice(value).expect("progress is JSON"));
        }
        let Some((&CUSTOMER, id)) = key.split_first() else { continue };
        let id = String::from_utf8(id.to_vec()).expect("a customer id is text");
        let known_before = changelog.kept.contains(&id) || changelog.forgotten.contains(&id);
        assert!(!known_before, "{id} is in two partitions of the changelog");
        if value.is_some() {
            changelog.kept.insert(id)
        } else {
            changelog.forgotten.insert(id)
        };
    }
    changelog
}
