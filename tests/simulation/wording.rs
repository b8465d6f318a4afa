//! Requests and answers as a story tells them.

use std::fmt;
use std::sync::Arc;

use homecoming::pipeline::ports::{InputPartition, Position, Remembered};

use crate::broker::{Answer, Producer, Request};
use crate::topics::{Record, Topic};

impl fmt::Display for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} epoch {}", self.transactional_id, self.epoch)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InitProducerId { transactional_id } => write!(f, "InitProducerId({transactional_id})"),
            Self::AddPartitionsToTxn { by, partitions } => {
                let names: Vec<String> =
                    partitions.iter().map(|(topic, number)| format!("{topic:?}-{number}")).collect();
                write!(f, "AddPartitionsToTxn({by}, {})", names.join(" "))
            }
            Self::Produce { by, sequence, records } => {
                let name = |(topic, number, record): &(Topic, i32, Arc<Record>)| {
                    let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
                    format!("{topic:?}-{number}:{key}")
                };
                let names: Vec<String> = records.iter().map(name).collect();
                write!(f, "Produce({by}, batch {sequence}: {})", names.join(" "))
            }
            Self::AddOffsetsToTxn { by } => write!(f, "AddOffsetsToTxn({by})"),
            Self::TxnOffsetCommit { by, member, positions } => {
                let name = |position: &Position| {
                    let InputPartition { source, partition } = position.input;
                    format!("{}-{partition}@{} {}", source.name(), position.next_offset, position.note)
                };
                let names: Vec<String> = positions.iter().map(name).collect();
                let (id, generation) = (&member.member, member.generation);
                write!(f, "TxnOffsetCommit({by}, {id} of generation {generation}: {})", names.join(", "))
            }
            Self::EndTxn { by, commit } => write!(f, "EndTxn({by}, {})", if *commit { "commit" } else { "abort" }),
            Self::OffsetFetch { inputs } => write!(f, "OffsetFetch({} partitions)", inputs.len()),
            Self::ListOffsets { partitions } => write!(f, "ListOffsets(state {partitions:?})"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Producer(producer) => write!(f, "epoch {}", producer.epoch),
            Self::Remembered(known) => {
                let name = |known: &Remembered| {
                    let at = known.committed.as_ref().map_or("nothing".to_owned(), |(offset, _)| offset.to_string());
                    format!("{}-{}@{at}", known.input.source.name(), known.input.partition)
                };
                f.write_str(&known.iter().map(name).collect::<Vec<_>>().join(", "))
            }
            Self::Ends(ends) => write!(f, "(first, end, stable) {ends:?}"),
            Self::Error(error) => write!(f, "{error:?}"),
        }
    }
}
