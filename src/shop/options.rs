//! What a caller chooses.

/// 2025-01-01T00:00:00Z in epoch milliseconds.
const NEW_YEAR_2025_MS: i64 = 1_735_689_600_000;

/// One of the three input topics of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShopTopic {
    /// Orders and refunds.
    Purchases,
    /// Tickets and ratings.
    Support,
    /// Consent, messages to customers, reviews.
    Contacts,
}

impl ShopTopic {
    /// All of them, in the contract's order.
    pub const ALL: [Self; 3] = [Self::Purchases, Self::Support, Self::Contacts];

    /// The topic's name as long as nobody configures another.
    pub const fn default_name(self) -> &'static str {
        match self {
            Self::Purchases => "purchases",
            Self::Support => "support",
            Self::Contacts => "contacts",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Which topics are spoken of; never none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShopTopics(u8);

impl ShopTopics {
    /// All three.
    pub const ALL: Self = Self::only(ShopTopic::Purchases).with(ShopTopic::Support).with(ShopTopic::Contacts);

    /// One topic and no other.
    pub const fn only(topic: ShopTopic) -> Self {
        Self(topic.bit())
    }

    /// These and one more.
    #[must_use]
    pub const fn with(self, topic: ShopTopic) -> Self {
        Self(self.0 | topic.bit())
    }

    /// Whether events of this topic are emitted.
    pub const fn has(self, topic: ShopTopic) -> bool {
        self.0 & topic.bit() != 0
    }
}

impl Default for ShopTopics {
    /// Purchases alone.
    fn default() -> Self {
        Self::only(ShopTopic::Purchases)
    }
}

/// A shop to be simulated. Whatever is chosen here is part of what makes two runs the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopOptions {
    /// Customers who have placed their first order once 180 days have passed; newcomers keep coming at that rate. In a
    /// sized shop: the most customers there may be. None counts as one.
    pub customers: u32,
    /// The seed everything is drawn from.
    pub seed: u64,
    /// Epoch milliseconds of the shop's first day; held between the years 1990 and 9999.
    pub opens_at_ms: i64,
    /// The topics whose events are emitted. The world underneath is the same for any choice.
    pub topics: ShopTopics,
    /// Events of a thousand that are sent once more, unchanged, less than an hour of event time later.
    pub duplicates_per_mille: u16,
    /// Events of a thousand that are sent late, by less than an hour of event time.
    pub late_per_mille: u16,
}

impl Default for ShopOptions {
    /// 2,000 customers from New Year 2025 on, purchases alone, nothing late and nothing twice.
    fn default() -> Self {
        Self {
            customers: 2_000,
            seed: 1,
            opens_at_ms: NEW_YEAR_2025_MS,
            topics: ShopTopics::default(),
            duplicates_per_mille: 0,
            late_per_mille: 0,
        }
    }
}
