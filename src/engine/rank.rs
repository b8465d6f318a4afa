//! What decides whom to call first: the level and the value at risk as they were announced.

use crate::domain::risk::Assessment;
use crate::domain::{Currency, Customer, EventTime, Level, Policy};

/// A customer's place among those who may not come back. Small, as every customer of an open batch has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank {
    /// `medium`, `high` or `lapsed`.
    pub level: Level,
    /// The currency of the value at risk.
    pub currency: Currency,
    /// Value at risk as announced, in minor units, held within 59 bits.
    pub minor: u64,
    /// The channels that were granted: bit n for the nth of [`crate::domain::consent::Channel::ALL`].
    pub channels: u8,
}

impl Rank {
    /// The greatest value at risk that ranks by itself; all beyond rank with it.
    pub const MINOR_MAX: u64 = (1 << 59) - 1;

    /// A customer's; `None` while nothing is at risk.
    pub fn of(customer: &Customer, policy: &Policy) -> Option<Self> {
        let level = customer.standing.level;
        if level == Level::Low {
            return None;
        }
        // Earlier versions stored no value of those who have lapsed.
        let value = customer.standing.value_at_risk.or_else(|| {
            let assessment = Assessment::of(customer, customer.standing.evaluated_at?, policy)?;
            Some(assessment.value_at_risk)
        })?;
        let granted = customer.consents.granted(EventTime::LATEST);
        let channels = granted.fold(0, |channels, channel| channels | 1 << channel as u8);
        let minor = value.minor.clamp(0, i128::from(Self::MINOR_MAX)) as u64;
        Some(Self { level, currency: value.currency, minor, channels })
    }
}
