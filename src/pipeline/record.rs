//! A record, read: an event, or the dead letter that says why there is none.

use super::ports::{InputPartition, InputRecord};
use super::settings::Settings;
use crate::domain::EventTime;
use crate::engine::Event;
use crate::wire::partitioning::partition_of;
use crate::wire::{self, Limits, Rejection, cloud_event};

/// A record, read: what is left of it when the log has its buffer back.
pub(super) struct Taken {
    pub(super) from: InputPartition,
    pub(super) offset: i64,
    pub(super) written_ms: Option<i64>,
    pub(super) traceparent: Option<String>,
    pub(super) what: Result<Event, DeadLetter>,
    /// Its key belongs on another partition, as Java's producers choose it.
    pub(super) is_misplaced: bool,
}

pub(super) struct DeadLetter {
    pub(super) code: &'static str,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Reads a record; no event may be later than `latest`.
pub(super) fn read(record: &InputRecord<'_>, settings: &Settings, latest: Option<EventTime>) -> Taken {
    let limits = Limits { value_bytes_max: settings.max_value_bytes, latest };
    let key = record.incoming.key.unwrap_or_default();
    let is_misplaced = !key.is_empty() && partition_of(key, settings.partitions) != record.from.partition;
    let decoded = wire::decode(record.from.source, &record.incoming, &limits);
    let traceparent = record.headers.iter().find_map(|(name, value)| {
        let value = value.filter(|value| cloud_event::is_traceparent(value))?;
        let is_parent = matches!(*name, "traceparent" | "ce_traceparent");
        is_parent.then(|| String::from_utf8_lossy(value).into_owned())
    });
    Taken {
        from: record.from,
        offset: record.offset,
        written_ms: record.written_ms,
        traceparent,
        what: decoded.map_err(|rejection| dead_letter(record, &rejection, settings)),
        is_misplaced,
    }
}

/// The record as it came, with headers that say what is wrong with it and where it stood.
fn dead_letter(record: &InputRecord<'_>, rejection: &Rejection, settings: &Settings) -> DeadLetter {
    let mut headers: Vec<(String, Option<Vec<u8>>)> =
        record.headers.iter().map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec))).collect();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), Some(value.into_bytes())));
    add("error.code", rejection.code().to_owned());
    add("error.detail", rejection.to_string());
    add("source.topic", settings.topic(record.from.source).to_owned());
    add("source.partition", record.from.partition.to_string());
    add("source.offset", record.offset.to_string());
    let mut value = record.incoming.value.map(<[u8]>::to_vec);
    let size = |(name, value): &(&str, Option<&[u8]>)| name.len() + value.map_or(0, <[u8]>::len) + 16;
    let around = record.incoming.key.map_or(0, <[u8]>::len) + record.headers.iter().map(size).sum::<usize>() + 4096;
    let room = (2 * settings.max_value_bytes).saturating_sub(around);
    if let Some(value) = value.as_mut().filter(|value| value.len() > room) {
        value.truncate(room);
        headers.push(("value.truncated".to_owned(), Some(b"true".to_vec())));
    }
    DeadLetter { code: rejection.code(), key: record.incoming.key.map(<[u8]>::to_vec), value, headers }
}
