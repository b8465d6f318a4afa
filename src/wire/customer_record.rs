//! A customer as stored: in the changelog and, the same bytes, in memory.
//!
//! One version byte, then postcard. What is stored is not what is computed with: times are gaps, currencies are
//! places in the list of what was spent.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::customer::SeenEvents;
use crate::domain::purchase::{Forgotten, Spending};
use crate::domain::risk::Standing;
use crate::domain::{Amount, Currency, Customer, EventTime, Level, Order, OrderId, PurchaseHistory};

const VERSION: u8 = 1;

/// Why a stored record can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Written by a later version.
    #[error(
        "stored state has version {0}, this program reads up to {VERSION}; run the version that wrote it or a later one"
    )]
    NewerVersion(u8),
    /// Not what this version writes.
    #[error("stored state is damaged: {0}")]
    Damaged(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    orders: Vec<OrderRecord<'a>>,
    forgotten: Option<(u32, u32, i64, i64)>,
    spending: Vec<([u8; 3], i128, i128)>,
    seen: Vec<[u8; 8]>,
    level: u8,
    evaluated_at: Option<i64>,
    episode: Option<[u8; 16]>,
}

/// Milliseconds since the order before, id, minor units, place of the currency in `spending`.
#[derive(Serialize, Deserialize)]
struct OrderRecord<'a>(i64, #[serde(borrow)] &'a str, i64, u8);

/// The customer's bytes.
pub fn encode(customer: &Customer) -> Box<[u8]> {
    let history = &customer.purchases;
    let currency_place = |currency: Currency| {
        history.spending.iter().position(|spending| spending.currency == currency).unwrap_or_default() as u8
    };
    let mut before = 0;
    let orders = history.remembered.iter().map(|order| {
        let gap = order.at.millis() - before;
        before = order.at.millis();
        OrderRecord(gap, order.id.as_str(), order.amount.minor(), currency_place(order.amount.currency()))
    });
    let record = Record {
        orders: orders.collect(),
        forgotten: history.forgotten.as_ref().map(|f| (f.orders, f.days, f.first.millis(), f.last.millis())),
        spending: history.spending.iter().map(|s| (code_of(s.currency), s.ordered, s.refunded)).collect(),
        seen: customer.seen.0.iter().map(|fingerprint| fingerprint.to_le_bytes()).collect(),
        level: customer.standing.level as u8,
        evaluated_at: customer.standing.evaluated_at.map(EventTime::millis),
        episode: customer.standing.episode.map(Uuid::into_bytes),
    };
    let bytes = postcard::to_extend(&record, vec![VERSION]).expect("a vector takes whatever is written to it");
    bytes.into_boxed_slice()
}

/// The customer in these bytes.
pub fn decode(bytes: &[u8]) -> Result<Customer, Unreadable> {
    let (version, body) = bytes.split_first().ok_or(Unreadable::Damaged("no bytes"))?;
    if *version != VERSION {
        return Err(Unreadable::NewerVersion(*version));
    }
    let record: Record<'_> = postcard::from_bytes(body).map_err(|_| Unreadable::Damaged("not a customer record"))?;
    let spending = record.spending.iter().map(spending_of).collect::<Result<Vec<_>, _>>()?;
    let mut before = 0;
    let remembered = record.orders.iter().map(|OrderRecord(gap, id, minor, place)| {
        before = i64::checked_add(before, *gap).ok_or(Unreadable::Damaged("a time out of range"))?;
        let currency = spending.get(usize::from(*place)).ok_or(Unreadable::Damaged("unknown currency"))?.currency;
        let id = OrderId::new(id).ok_or(Unreadable::Damaged("an order id of a wrong length"))?;
        Ok(Order { at: EventTime::from_millis(before), id, amount: Amount::from_minor(*minor, currency) })
    });
    let remembered = remembered.collect::<Result<Vec<_>, Unreadable>>()?;
    let forgotten = record.forgotten.map(|(orders, days, first, last)| Forgotten {
        orders,
        days,
        first: EventTime::from_millis(first),
        last: EventTime::from_millis(last),
    });
    let level = Level::ALL.get(usize::from(record.level)).ok_or(Unreadable::Damaged("unknown level"))?;
    Ok(Customer {
        purchases: PurchaseHistory { remembered, forgotten, spending },
        seen: SeenEvents(record.seen.into_iter().map(u64::from_le_bytes).collect()),
        standing: Standing {
            level: *level,
            evaluated_at: record.evaluated_at.map(EventTime::from_millis),
            episode: record.episode.map(Uuid::from_bytes),
        },
    })
}

fn code_of(currency: Currency) -> [u8; 3] {
    currency.code().as_bytes().try_into().unwrap_or(*b"XXX")
}

fn spending_of((code, ordered, refunded): &([u8; 3], i128, i128)) -> Result<Spending, Unreadable> {
    let currency = std::str::from_utf8(code).ok().and_then(Currency::from_code);
    let currency = currency.ok_or(Unreadable::Damaged("unknown currency"))?;
    Ok(Spending { currency, ordered: *ordered, refunded: *refunded })
}
