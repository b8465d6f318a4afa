//! Settled counts as stored: what no customer tells any more, by section (a day, mostly). One version byte, then
//! postcard.

use super::customer_record::Unreadable;
use crate::engine::tallies::{Cell, Section};

const VERSION: u8 = 1;

/// The section's bytes; `None` when nothing is left of it.
pub fn encode(section: &Section) -> Option<Vec<u8>> {
    let cells: Vec<(u64, i128)> = section.cells.iter().map(|(cell, count)| (cell.number(), *count)).collect();
    let write = || postcard::to_extend(&cells, vec![VERSION]).expect("a vector takes whatever is written to it");
    (!cells.is_empty()).then(write)
}

/// The section in these bytes.
pub fn decode(at: i32, bytes: &[u8]) -> Result<Section, Unreadable> {
    let (version, body) = bytes.split_first().ok_or(Unreadable::Damaged("no bytes"))?;
    if *version != VERSION {
        return Err(Unreadable::NewerVersion(*version));
    }
    let cells: Vec<(u64, i128)> =
        postcard::from_bytes(body).map_err(|_| Unreadable::Damaged("not a section of counts"))?;
    let known = |(number, count)| Some((Cell::from_number(number).filter(|cell| cell.at() == at)?, count));
    let cells: Option<Vec<_>> = cells.into_iter().map(known).collect();
    Ok(Section { at, cells: cells.ok_or(Unreadable::Damaged("a count of an unknown kind"))? })
}
