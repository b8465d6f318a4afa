//! Whom to call first: the customers of a partition who are not at `low`, in order of what is at stake. It changes after
//! a commit, together with the customers, so that nobody ever has to look through all of them.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::domain::consent::Channel;
use crate::domain::{Currency, CustomerId, Level};
use crate::engine::Rank;

/// Who is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// At any of these levels.
    pub levels: Vec<Level>,
    /// With what is at stake in this currency; `None`: in any.
    pub currency: Option<Currency>,
    /// Who may be contacted by this channel; `None`: anybody.
    pub channel: Option<Channel>,
}

/// The customers of one partition who are not at `low`.
#[derive(Debug, Default)]
pub struct Ranking(BTreeMap<(Level, Currency), BTreeSet<Place>>);

/// A customer's place: the greater value first, of equal ones the lesser id.
#[derive(Debug)]
struct Place {
    /// Minor units, above the bits of the channels: a place is not to be larger than it must be.
    packed: u64,
    id: CustomerId,
}

const CHANNEL_BITS: u32 = Channel::ALL.len() as u32;

impl Place {
    fn new(rank: &Rank, id: CustomerId) -> Self {
        Self { packed: rank.minor << CHANNEL_BITS | u64::from(rank.channels), id }
    }

    fn minor(&self) -> u64 {
        self.packed >> CHANNEL_BITS
    }

    fn allows(&self, channel: Channel) -> bool {
        self.packed & 1 << channel as u8 != 0
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        other.minor().cmp(&self.minor()).then_with(|| self.id.cmp(&other.id))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Place {}

/// Customers in no order, who are to become a [`Ranking`].
#[derive(Debug, Default)]
pub struct Unranked(BTreeMap<(Level, Currency), Vec<Place>>);

impl Unranked {
    /// All of them in order, packed closely.
    pub fn rank(self) -> Ranking {
        Ranking(self.0.into_iter().map(|(of, places)| (of, places.into_iter().collect())).collect())
    }
}

impl Extend<(Rank, CustomerId)> for Unranked {
    fn extend<I: IntoIterator<Item = (Rank, CustomerId)>>(&mut self, customers: I) {
        for (rank, id) in customers {
            self.0.entry((rank.level, rank.currency)).or_default().push(Place::new(&rank, id));
        }
    }
}

impl FromIterator<(Rank, CustomerId)> for Unranked {
    fn from_iter<I: IntoIterator<Item = (Rank, CustomerId)>>(customers: I) -> Self {
        let mut unranked = Self::default();
        unranked.extend(customers);
        unranked
    }
}

impl Ranking {
    /// A customer's place changes.
    pub fn change(&mut self, id: &CustomerId, before: Option<Rank>, after: Option<Rank>) {
        if let Some(rank) = before
            && let Some(places) = self.0.get_mut(&(rank.level, rank.currency))
        {
            places.remove(&Place::new(&rank, id.clone()));
        }
        if let Some(rank) = after {
            self.0.entry((rank.level, rank.currency)).or_default().insert(Place::new(&rank, id.clone()));
        }
    }

    /// How many are wanted, whatever the channel.
    pub fn count(&self, wanted: &Wanted) -> usize {
        self.wanted(wanted).map(|(_, places)| places.len()).sum()
    }

    fn wanted(&self, wanted: &Wanted) -> impl Iterator<Item = (Currency, &BTreeSet<Place>)> {
        let is_wanted = |(level, currency): &(Level, Currency)| {
            wanted.levels.contains(level) && wanted.currency.is_none_or(|wanted| wanted == *currency)
        };
        self.0.iter().filter(move |(of, _)| is_wanted(of)).map(|((_, currency), places)| (*currency, places))
    }
}

/// The first of those wanted over several rankings, by the amount in major units of its currency, whatever the currency:
/// amounts are compared and never added up. Gives the place of the ranking with each.
pub fn first(rankings: &[&Ranking], wanted: &Wanted, limit: usize) -> Vec<(usize, CustomerId)> {
    let mut rests = Vec::new();
    for (of, ranking) in rankings.iter().enumerate() {
        rests.extend(ranking.wanted(wanted).map(|(currency, places)| (of, currency, places.iter())));
    }
    let (mut heads, among) = (BinaryHeap::new(), rests.len());
    let is_wanted = |place: &&Place| wanted.channel.is_none_or(|channel| place.allows(channel));
    let mut next = |rest: usize, heads: &mut BinaryHeap<_>| {
        let (_, currency, places) = &mut rests[rest];
        if let Some(place) = places.find(is_wanted) {
            heads.push((ten_thousandths(place.minor(), *currency), Reverse(&place.id), Reverse(rest)));
        }
        rests[rest].0
    };
    for rest in 0..among {
        next(rest, &mut heads);
    }
    let mut first = Vec::new();
    while first.len() < limit
        && let Some((_, Reverse(id), Reverse(rest))) = heads.pop()
    {
        first.push((next(rest, &mut heads), id.clone()));
    }
    first
}

/// No currency has more than four decimals.
fn ten_thousandths(minor: u64, currency: Currency) -> u128 {
    u128::from(minor) * 10u128.pow(4u32.saturating_sub(currency.decimals()))
}
