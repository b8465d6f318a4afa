//! Where a count stands: what is counted, of which kind, and on which day or in which month.

use crate::domain::time::{Day, Month};
use crate::domain::{Currency, Level};

/// One counter. Small, as there is a map of them: what is counted, a kind (class and currency, category, reason …) and
/// a place in time or another number (day, month, bucket).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell(u64);

/// What a cell's `at` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A business day that matters as long as the rings by day reach back to it.
    Day,
    /// A business day, and when it is older than the rings, [`Cell::BEFORE_ALL`].
    DayForEver,
    /// A month.
    Month,
    /// A bucket, or nothing.
    Number,
}

macro_rules! whats {
    ($($(#[$doc:meta])* $name:ident $place:ident $stays:literal,)*) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum What { $($(#[$doc])* $name,)* }

        impl What {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What the `at` of its cells is.
            pub const fn place(self) -> Place {
                match self { $(Self::$name => Place::$place,)* }
            }

            /// Whether it counts customers or orders of a day.
            pub(super) const fn counts_customers_or_orders(self) -> bool {
                use What::*;
                matches!(self, Orders | LastOrder | LastButOne | NewCustomers | Starts | Ends | Lapsed)
            }

            /// Whether it stays, as an anonymous total, when its customer is erased.
            pub const fn stays(self) -> bool {
                match self { $(Self::$name => $stays,)* }
            }
        }
    };
}

whats! {
    // --- orders (orders.rs): what, place, whether it outlives its customer ---
    /// Orders, by class and currency.
    Orders Day true,
    /// Orders less refunds in minor units, by class and currency.
    Revenue Day true,
    /// Customers by the day of their last order; kind 1: who had ordered before that order.
    LastOrder Day false,
    /// Customers with two orders and more by the day of the last but one.
    LastButOne Day false,
    /// Customers by the day of their first order; kind 1: referred by somebody.
    NewCustomers Day false,
    /// First and reactivating orders: here a run of activity begins.
    Starts Day false,
    /// Last orders of a run + activity horizon, to come or past: here it ends.
    Ends Day false,
    /// Customers who are lapsed now, by the day of their lapse.
    Lapsed Day false,
    /// Lapses; kind 1: silent ones.
    Lapses Day true,
    /// Lapses by the day on which 90 days had passed; kind 1: an order followed within these.
    Reactivation Day true,
    /// Cases whose outcome is still awaited, by [`Awaited`].
    Awaited Number false,
    /// Customers whose first order is more than [`super::WITHIN_DAYS`] ago: kind is 2 × place there + 1 if the second
    /// order came within these days.
    Second Number false,
    /// Customers by how many days after the first their second order came, in [`super::LE_DAYS`].
    SecondDays Number false,
    /// Customers by the month of their first order and, as kind, how many months later they ordered (too).
    Cohort Month false,
    /// Customers by what they were in a month, by [`Lifecycle`].
    Lifecycle Month false,
    /// Customers with net revenue in a currency, by logarithmic bucket.
    ParetoCount Number false,
    /// Their net revenue.
    ParetoSum Number false,
    /// Value at risk, by level and currency, as announced.
    ValueAtRisk Number false,
    // --- support (support.rs) ---
    /// Resolved tickets by the day on which 7 days had passed; kind 1: painless ones.
    Painless Day true,
    /// The same that were not, by [`crate::domain::outcome::Pain`]; a ticket may have several.
    Painful Day true,
    /// Recovery cases by the day on which 60 days had passed: kind is 2 × effort + 1 if an order followed.
    Recovery DayForEver true,
    /// The sum of the chances of an order that theirs had, in 1 / [`crate::domain::outcome::CHANCE_UNITS`], by effort.
    RecoveryExpected DayForEver true,
    /// Sum of scores in millionths, by scale.
    RatingSum Day true,
    /// Ratings, by scale.
    Ratings Day true,
    /// Tickets by the day they were opened on, by category, or [`super::NO_CATEGORY`].
    TicketsOpened Day true,
    /// Contacts beyond the opening, by the day of the contact.
    TicketContacts Day true,
    /// Tickets by the day of their first resolution, by how long that took: bucket of [`super::RESOLVED_WITHIN`].
    TicketsResolved Day true,
    /// How long these took together, in milliseconds.
    ResolutionMillis Day true,
}

/// An order's class, and a refund's: that of its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The customer's first order.
    New,
    /// Any other.
    Returning,
    /// The order is not known.
    Unknown,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 3] = [Self::New, Self::Returning, Self::Unknown];

    /// Its name in metrics and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Returning => "returning",
            Self::Unknown => "unknown",
        }
    }
}

/// What is still awaited of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Awaited {
    /// Whether a lapsed customer comes back within 90 days.
    Reactivation,
    /// Whether a resolution stays painless for 7 days.
    PainlessResolution,
    /// Whether an order follows a resolution within 60 days.
    ServiceRecovery,
}

impl Awaited {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reactivation, Self::PainlessResolution, Self::ServiceRecovery];

    /// The rate that waits.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reactivation => "reactivation",
            Self::PainlessResolution => "painless_resolution",
            Self::ServiceRecovery => "service_recovery",
        }
    }
}

/// What a customer was in a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lifecycle {
    /// Ordered for the first time.
    New,
    /// Ordered, and in the month before too.
    Returning,
    /// Ordered, but not in the month before.
    Resurrecting,
    /// Did not order, but had in the month before.
    Dormant,
}

impl Lifecycle {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::New, Self::Returning, Self::Resurrecting, Self::Dormant];

    /// Its name in metrics and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Returning => "returning",
            Self::Resurrecting => "resurrecting",
            Self::Dormant => "dormant",
        }
    }
}

impl Cell {
    /// Where the days go that are older than the rings, of what is kept [`Place::DayForEver`].
    pub const BEFORE_ALL: i32 = i32::MIN;

    /// A counter; `kind` is below 2^24.
    pub const fn new(what: What, kind: u32, at: i32) -> Self {
        debug_assert!(kind < 1 << 24);
        Self((what as u64) << 56 | (kind as u64) << 32 | (at as u32 ^ 1 << 31) as u64)
    }

    /// A counter of a business day.
    pub const fn on(what: What, kind: u32, day: Day) -> Self {
        Self::new(what, kind, day.0)
    }

    /// A counter of a month.
    pub const fn within(what: What, kind: u32, month: Month) -> Self {
        Self::new(what, kind, month.0)
    }

    /// A counter that is of no time.
    pub const fn of(what: What, kind: u32) -> Self {
        Self::new(what, kind, 0)
    }

    /// What is counted.
    pub fn what(self) -> What {
        What::ALL[(self.0 >> 56) as usize]
    }

    /// Of which kind.
    pub const fn kind(self) -> u32 {
        (self.0 >> 32) as u32 & 0xff_ffff
    }

    /// On which day, in which month, in which bucket.
    pub const fn at(self) -> i32 {
        (self.0 as u32 ^ 1 << 31) as i32
    }

    /// The number it is stored as.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The counter stored as that number; `None`: this version knows no such counter.
    pub fn from_number(number: u64) -> Option<Self> {
        ((number >> 56) < What::ALL.len() as u64).then_some(Self(number))
    }
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}[{}]@{}", self.what(), self.kind(), self.at())
    }
}

/// The kind of what is counted by class and currency.
pub(super) fn class_and_currency(class: Class, currency: Currency) -> u32 {
    (class as u32) << 15 | u32::from(currency.packed())
}

/// The class and the currency of such a kind.
pub fn class_and_currency_of(kind: u32) -> Option<(Class, Currency)> {
    Some((*Class::ALL.get((kind >> 15) as usize)?, Currency::from_packed(kind as u16 & 0x7fff)?))
}

/// The kind of what is counted by level and currency.
pub(super) fn level_and_currency(level: Level, currency: Currency) -> u32 {
    (level as u32) << 15 | u32::from(currency.packed())
}

/// The level and the currency of such a kind.
pub fn level_and_currency_of(kind: u32) -> Option<(Level, Currency)> {
    Some((*Level::ALL.get((kind >> 15) as usize)?, Currency::from_packed(kind as u16 & 0x7fff)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_gives_back_what_it_is_made_of() {
        for what in What::ALL {
            for (kind, at) in [(0, 0), (1, -1), (0xff_ffff, i32::MAX), (77, i32::MIN), (5, 20_000)] {
                let cell = Cell::new(*what, kind, at);
                assert_eq!((cell.what(), cell.kind(), cell.at()), (*what, kind, at));
                assert_eq!(Cell::from_number(cell.number()), Some(cell));
            }
        }
        assert_eq!(Cell::from_number(u64::MAX), None);
    }

    #[test]
    fn a_kind_gives_back_its_currency() {
        for code in ["EUR", "AED", "ZWL", "XXX"] {
            let currency = Currency::from_code(code).expect("an ISO 4217 code");
            let kind = class_and_currency(Class::Unknown, currency);
            assert_eq!(class_and_currency_of(kind), Some((Class::Unknown, currency)));
            assert_eq!(level_and_currency_of(level_and_currency(Level::High, currency)), Some((Level::High, currency)));
        }
    }
}
