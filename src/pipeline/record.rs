//! A record, read: an event, or the dead letter that says why there is none.

use super::ports::{InputPartition, InputRecord};
use super::settings::Settings;
use crate::domain::EventTime;
use crate::engine::Event;
use crate::wire::partitioning::partition_of;
use crate::wire::{self, Limits, Rejection, cloud_event};

/// What there is to a dead letter around what came: the headers that say what was wrong with it, and its framing.
pub const DEAD_LETTER_OVERHEAD: usize = 4096;

type Headers<'a> = &'a [(&'a str, Option<&'a [u8]>)];

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

/// The record as it came, with headers that say what is wrong with it and where it stood. Of what the topic does not take
/// a part is cut off: first of the value, then the headers that it came with, of the key last.
fn dead_letter(record: &InputRecord<'_>, rejection: &Rejection, settings: &Settings) -> DeadLetter {
    let mut room = Room { left: settings.max_dead_letter_bytes.saturating_sub(DEAD_LETTER_OVERHEAD), cut: Vec::new() };
    let key = record.incoming.key.map(|key| room.take(key, "key.truncated"));
    let headers = room.take_headers(&record.headers, "headers.truncated");
    let value = record.incoming.value.map(|value| room.take(value, "value.truncated"));
    let said = [
        ("error.code", rejection.code().to_owned()),
        ("error.detail", rejection.to_string()),
        ("source.topic", settings.topic(record.from.source).to_owned()),
        ("source.partition", record.from.partition.to_string()),
        ("source.offset", record.offset.to_string()),
    ];
    let cut = room.cut.into_iter().map(|what| (what, "true".to_owned()));
    let came = headers.iter().map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec)));
    let ours = said.into_iter().chain(cut).map(|(name, value)| (name.to_owned(), Some(value.into_bytes())));
    DeadLetter { code: rejection.code(), key, value, headers: came.chain(ours).collect() }
}

/// What is left of the room in a dead letter, and what did not fit.
struct Room {
    left: usize,
    cut: Vec<&'static str>,
}

impl Room {
    fn take(&mut self, bytes: &[u8], what: &'static str) -> Vec<u8> {
        let fitting = &bytes[..bytes.len().min(self.left)];
        self.left -= fitting.len();
        if fitting.len() < bytes.len() {
            self.cut.push(what);
        }
        fitting.to_vec()
    }

    /// All of them or none.
    fn take_headers<'a>(&mut self, headers: Headers<'a>, what: &'static str) -> Headers<'a> {
        // Beyond its bytes a header has their lengths.
        let size = |(name, value): &(&str, Option<&[u8]>)| name.len() + value.map_or(0, <[u8]>::len) + 16;
        match self.left.checked_sub(headers.iter().map(size).sum()) {
            Some(left) => {
                self.left = left;
                headers
            }
            None => {
                self.cut.push(what);
                &[]
            }
        }
    }
}
