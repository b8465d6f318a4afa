//! Why a record can't become an event.

/// Why a record can't become an event. The variants stand in the order in which they are looked for.
///
/// Texts never quote the payload: they end in a header that more people may read than the payload itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Larger than is read.
    #[error("the value has {bytes} bytes, more than the {limit} allowed (option engine.max_value_bytes)")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Nothing in it.
    #[error("the value is null or has no bytes; send an event, or nothing")]
    EmptyValue,
    /// Not UTF-8, or not JSON.
    #[error("the value is not UTF-8 encoded JSON: {0}")]
    InvalidJson(String),
    /// JSON, but no object.
    #[error("the value is JSON, but not an object")]
    NotAnObject,
    /// A required field is absent or null.
    #[error("`{field}` is missing or null")]
    MissingField {
        /// Which.
        field: &'static str,
    },
    /// No event of this topic.
    #[error("`type` names no event of this topic")]
    UnknownType,
    /// A field is not what it has to be.
    #[error("`{field}` is not {expected}")]
    InvalidField {
        /// Which.
        field: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// The key is not the customer.
    #[error("the record's key is not its `customer_id`; events are ordered and kept by key")]
    KeyMismatch,
    /// Further ahead of the wall clock than allowed.
    #[error("`occurred_at` is {ahead_ms} ms further ahead of the wall clock than time.max_future_skew allows")]
    FutureTimestamp {
        /// By how much it passes the limit.
        ahead_ms: i64,
    },
}

impl Rejection {
    /// All codes, in the order in which they are looked for (`missing_field` for `type` comes before `unknown_type`).
    pub const CODES: [&'static str; 9] = [
        "too_large",
        "empty_value",
        "invalid_json",
        "not_an_object",
        "missing_field",
        "unknown_type",
        "invalid_field",
        "key_mismatch",
        "future_timestamp",
    ];

    /// The dead letter's `error.code` and the metric's label.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::EmptyValue => "empty_value",
            Self::InvalidJson(_) => "invalid_json",
            Self::NotAnObject => "not_an_object",
            Self::MissingField { .. } => "missing_field",
            Self::UnknownType => "unknown_type",
            Self::InvalidField { .. } => "invalid_field",
            Self::KeyMismatch => "key_mismatch",
            Self::FutureTimestamp { .. } => "future_timestamp",
        }
    }
}
