//! Numbers within their bounds.

use serde::de::{Deserialize, Deserializer, Error};

/// A whole number within bounds, both included.
pub(super) fn between<'de, D, const LEAST: usize, const MOST: usize>(from: D) -> Result<usize, D::Error>
where
    D: Deserializer<'de>,
{
    usize::deserialize(from)
        .ok()
        .filter(|number| (LEAST..=MOST).contains(number))
        .ok_or_else(|| D::Error::custom(format!("it must be a whole number from {LEAST} to {MOST}")))
}

/// A number of threads.
pub(super) fn threads<'de, D: Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    between::<D, 1, 1024>(from).map(Some)
}

/// A number above 0, and not infinite.
pub(super) fn positive<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    f64::deserialize(from)
        .ok()
        .filter(|number| number.is_finite() && *number > 0.0)
        .ok_or_else(|| D::Error::custom("it must be a number above 0"))
}

/// A share from 0 to 1.
pub(super) fn share<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    f64::deserialize(from)
        .ok()
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| D::Error::custom("it must be a number from 0 to 1"))
}

/// A weight in log-odds.
pub(super) fn weight<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    f64::deserialize(from)
        .ok()
        .filter(|number| (-10.0..=10.0).contains(number))
        .ok_or_else(|| D::Error::custom("it must be a number from -10 to 10"))
}
