//! Who and what: ids as their own types, and ids that follow from what happened.

use std::borrow::Borrow;
use std::fmt;
use std::sync::{Arc, LazyLock};

use compact_str::CompactString;
use sha1::{Digest, Sha1};
use uuid::Uuid;

/// The longest id accepted, in bytes.
pub const ID_BYTES_MAX: usize = 256;

/// A customer's id, 1 to 256 bytes. Cheap to clone: the committed map, the timers and a batch share one copy.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerId(Arc<str>);

impl CustomerId {
    /// The id, unless it is empty or too long.
    pub fn new(id: &str) -> Option<Self> {
        (1..=ID_BYTES_MAX).contains(&id.len()).then(|| Self(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for CustomerId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Customer ids stay out of logs, so they stay out of `{:?}` too.
impl fmt::Debug for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerId(…)")
    }
}

/// An order's id, 1 to 256 bytes, unique within its customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(CompactString);

impl OrderId {
    /// The id, unless it is empty or too long.
    pub fn new(id: &str) -> Option<Self> {
        (1..=ID_BYTES_MAX).contains(&id.len()).then(|| Self(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OrderId {
    /// What a refund remembers of it: 64 bits (XXH3).
    pub fn fingerprint(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(self.0.as_bytes())
    }
}

/// A support ticket's id, 1 to 256 bytes, unique within its customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketId(CompactString);

impl TicketId {
    /// The id, unless it is empty or too long.
    pub fn new(id: &str) -> Option<Self> {
        (1..=ID_BYTES_MAX).contains(&id.len()).then(|| Self(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id that a producer gave an event, 1 to 256 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventId(CompactString);

impl EventId {
    /// The id, unless it is empty or too long.
    pub fn new(id: &str) -> Option<Self> {
        (1..=ID_BYTES_MAX).contains(&id.len()).then(|| Self(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is remembered of it: 64 bits (XXH3). Two of a customer's 64 remembered events
    /// share one with a probability below 1e-16.
    pub fn fingerprint(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(self.0.as_bytes())
    }
}

/// The namespace of all ids made here: UUIDv5 of the DNS name `homecoming.events`.
static NAMESPACE: LazyLock<Uuid> = LazyLock::new(|| Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"homecoming.events"));

/// A UUIDv5 of what happened: the same parts give the same id, wherever and whenever they are processed.
pub fn id_of(parts: &[&str]) -> Uuid {
    // `Uuid::new_v5` without its slower SHA-1, which was 4 % of all work.
    let mut name = Sha1::new();
    name.update(NAMESPACE.as_bytes());
    // Lengths before the parts: no two different lists of parts make the same name.
    for part in parts {
        name.update((part.len() as u32).to_be_bytes());
        name.update(part);
    }
    let digest: [u8; 20] = name.finalize().into();
    let mut start = [0; 16];
    start.copy_from_slice(&digest[..16]);
    uuid::Builder::from_sha1_bytes(start).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_made_of_parts_does_not_run_them_together() {
        assert_ne!(id_of(&["ab", "c"]), id_of(&["a", "bc"]));
        assert_eq!(id_of(&["ab", "c"]), id_of(&["ab", "c"]));
    }

    #[test]
    fn an_id_is_the_uuid_of_version_5_that_everybody_makes() {
        let name = [&[0, 0, 0, 2][..], b"ab", &[0, 0, 0, 1], b"c"].concat();
        assert_eq!(id_of(&["ab", "c"]), Uuid::new_v5(&NAMESPACE, &name));
    }

    #[test]
    fn an_id_has_1_to_256_bytes() {
        assert!(CustomerId::new("").is_none());
        assert!(CustomerId::new(&"x".repeat(256)).is_some());
        assert!(CustomerId::new(&"x".repeat(257)).is_none());
    }
}
