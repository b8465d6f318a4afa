//! On which partition a key belongs: murmur2 as Java's producers compute it.
//!
//! Other producers choose so too when told: librdkafka's (Python, Go, .NET, Node) with `partitioner=murmur2_random`.

const SEED: u32 = 0x9747_b28c;
const M: u32 = 0x5bd1_e995;

/// The partition, of so many, on which a Java producer puts this key. 0 if there are none.
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    // As in Java: the sign bit is cut off, not the absolute value taken.
    let positive = (murmur2(key) & 0x7fff_ffff) as i32;
    positive.checked_rem(partitions).unwrap_or(0)
}

fn murmur2(key: &[u8]) -> u32 {
    let mut hash = SEED ^ key.len() as u32;
    let (words, rest) = key.as_chunks::<4>();
    for word in words {
        let word = u32::from_le_bytes(*word).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ (word ^ (word >> 24)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let last = rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        hash = (hash ^ last).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Apache Kafka's own tests of `Utils.murmur2`.
    const KNOWN: [(&str, i32); 6] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];

    #[test]
    fn keys_hash_as_in_java() {
        for (key, hash) in KNOWN {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }

    #[test]
    fn a_key_belongs_on_the_remainder_of_its_hash_without_the_sign() {
        for (key, hash) in KNOWN {
            for partitions in [1, 4, 12, 1000] {
                assert_eq!(partition_of(key.as_bytes(), partitions), (hash & 0x7fff_ffff) % partitions, "{key}");
            }
        }
    }

    #[test]
    fn no_partitions_are_no_reason_to_panic() {
        assert_eq!(partition_of(b"abc", 0), 0);
    }
}
