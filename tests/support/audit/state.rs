//! The changelog: what the service would restore from.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::topic::Record;

/// Keys of customers begin with this tag, the customer id follows. Other tags are the service's own.
const CUSTOMER: u8 = b'c';

/// What is left of the customers when the log is folded by key, as compaction and a restore do.
#[derive(Debug, Default)]
pub struct Changelog {
    pub kept: BTreeSet<String>,
    /// Those whose last record takes them away.
    pub forgotten: BTreeSet<String>,
}

/// # Panics
/// When a customer's records are in two partitions: the fold of each partition stands alone.
pub fn folded(log: &[Record]) -> Changelog {
    let mut latest: BTreeMap<(i32, &[u8]), bool> = BTreeMap::new();
    for record in log {
        let key = record.key.as_deref().unwrap_or_else(|| panic!("a changelog record without a key: {record:?}"));
        latest.insert((record.partition, key), record.value.is_some());
    }
    let mut changelog = Changelog::default();
    for ((_, key), lives) in latest {
        let Some((&CUSTOMER, id)) = key.split_first() else { continue };
        let id = String::from_utf8(id.to_vec()).expect("a customer id is text");
        let known_before = changelog.kept.contains(&id) || changelog.forgotten.contains(&id);
        assert!(!known_before, "{id} is in two partitions of the changelog");
        if lives {
            changelog.kept.insert(id)
        } else {
            changelog.forgotten.insert(id)
        };
    }
    changelog
}
