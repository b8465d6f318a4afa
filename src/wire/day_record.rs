//! The rates at the end of a business day, as stored. One version byte, then postcard.

use super::customer_record::Unreadable;
use crate::engine::{DayEnd, WindowRates};

const VERSION: u8 = 1;

/// By window: its length in days, numerators and denominators.
type Record = Vec<(u32, [(i64, i64); 4])>;

/// The day's bytes.
pub fn encode(rates: &DayEnd) -> Vec<u8> {
    let record: Record = rates.iter().map(|rates| (rates.window, rates.ratios)).collect();
    postcard::to_extend(&record, vec![VERSION]).expect("a vector takes whatever is written to it")
}

/// The day in these bytes.
pub fn decode(bytes: &[u8]) -> Result<DayEnd, Unreadable> {
    let (version, body) = bytes.split_first().ok_or(Unreadable::Damaged("no bytes"))?;
    if *version != VERSION {
        return Err(Unreadable::NewerVersion(*version));
    }
    let record: Record = postcard::from_bytes(body).map_err(|_| Unreadable::Damaged("not the rates of a day"))?;
    Ok(record.into_iter().map(|(window, ratios)| WindowRates { window, ratios }).collect())
}
