//! A customer as stored: in the changelog and, the same bytes, in memory.
//!
//! One version byte, then postcard. What is stored is not what is computed with: times are gaps, currencies are
//! places in the list of what was spent.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::consent::Consents;
use crate::domain::customer::{LowRating, LowRatings, Occurrences, Refund, Refunds, SeenEvents};
use crate::domain::money::Total;
use crate::domain::purchase::{Forgotten, Spending};
use crate::domain::rating::{Rating, Scale};
use crate::domain::risk::Standing;
use crate::domain::ticket::{Ticket, TicketStep, Tickets};
use crate::domain::time::Month;
use crate::domain::{Amount, Currency, Customer, EventTime, Level, Order, OrderId, PurchaseHistory, TicketId};

const VERSION: u8 = 3;

/// How many fields a record of version 1 lacks at its end. An absent field is a byte 0.
const LACKING_IN_1: usize = 4;

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

/// `A` is what is kept of the last announcement: it differs by version.
#[derive(Serialize, Deserialize)]
struct Record<'a, A> {
    #[serde(borrow)]
    orders: Vec<OrderRecord<'a>>,
    forgotten: Option<(u32, u32, i64, i64)>,
    spending: Vec<([u8; 3], i128, i128)>,
    seen: Vec<[u8; 8]>,
    level: u8,
    evaluated_at: Option<i64>,
    episode: Option<[u8; 16]>,
    next_change: Option<i64>,
    /// `None`: at the last order.
    heard_at: Option<i64>,
    /// `None` as long as there is nothing but orders: most customers never need it.
    #[serde(borrow)]
    care: Option<CareRecord<'a>>,
    // From version 2 on. What is absent has to be a single byte 0.
    /// Milliseconds since 1970, order's fingerprint, minor units, place of the currency, whether the order was known.
    refunds: Vec<(i64, [u8; 8], i64, u8, bool)>,
    /// While the level is above `low`.
    announced: Option<A>,
    /// Places of the orders that somebody referred the customer to; the first of those forgotten is 65535.
    referred: Vec<u16>,
    #[serde(borrow)]
    forgotten_too: Option<ForgottenRecord<'a>>,
}

/// Minor units at risk, place of the currency; until version 2 not of those who have lapsed.
type AnnouncedBefore3 = (i128, u8);

/// The same, and for how many milliseconds the level has been what it is, up to when it was last looked at.
type Announced = (i128, u8, Option<i64>);

/// What version 1 did not keep of forgotten orders: the first one's id, minor units, place of the currency; the
/// second one's time; months.
#[derive(Serialize, Deserialize)]
struct ForgottenRecord<'a>(#[serde(borrow)] &'a str, i64, u8, Option<i64>, Vec<i32>);

const FIRST_OF_FORGOTTEN: u16 = u16::MAX;

/// On the first step of a ticket that is settled.
const SETTLED: u8 = 1 << 7;

/// Support, consent and contacts.
#[derive(Default, PartialEq, Serialize, Deserialize)]
struct CareRecord<'a> {
    #[serde(borrow)]
    tickets: Vec<(&'a str, Vec<(i64, u8)>)>,
    #[serde(borrow)]
    low_ratings: Vec<(i64, u8, f64, Option<&'a str>)>,
    last_refund_at: Option<i64>,
    consents: [Option<(i64, bool)>; 4],
    contacts: (u32, Option<i64>),
    reviews: (u32, Option<i64>),
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
        forgotten: history.forgotten.as_ref().map(|f| (f.orders, f.days, f.first.at.millis(), f.last.millis())),
        spending: history.spending.iter().map(|s| (code_of(s.currency), s.ordered, s.refunded)).collect(),
        seen: customer.seen.0.iter().map(|fingerprint| fingerprint.to_le_bytes()).collect(),
        level: customer.standing.level as u8,
        evaluated_at: customer.standing.evaluated_at.map(EventTime::millis),
        episode: customer.standing.episode.map(Uuid::into_bytes),
        next_change: customer.standing.next_change.map(EventTime::millis),
        heard_at: customer.heard_at.filter(|at| last_order_at(history) != Some(*at)).map(EventTime::millis),
        care: Some(care_of(customer)).filter(|care| *care != CareRecord::default()),
        refunds: customer.refunds.0.iter().map(|refund| refund_record(refund, &currency_place)).collect(),
        announced: announced_of(&customer.standing, &currency_place),
        referred: referred_of(history),
        forgotten_too: history.forgotten.as_ref().map(|f| {
            let months = f.months.iter().map(|month| month.0).collect();
            let currency = currency_place(f.first.amount.currency());
            ForgottenRecord(
                f.first.id.as_str(),
                f.first.amount.minor(),
                currency,
                f.second.map(EventTime::millis),
                months,
            )
        }),
    };
    let bytes = postcard::to_extend(&record, vec![VERSION]).expect("a vector takes whatever is written to it");
    bytes.into_boxed_slice()
}

/// The customer in these bytes.
pub fn decode(bytes: &[u8]) -> Result<Customer, Unreadable> {
    let (version, body) = bytes.split_first().ok_or(Unreadable::Damaged("no bytes"))?;
    let damaged = |_| Unreadable::Damaged("not a customer record");
    match *version {
        1 => customer_of(postcard::from_bytes(&[body, &[0; LACKING_IN_1]].concat()).map_err(damaged)?, before_3),
        2 => customer_of(postcard::from_bytes(body).map_err(damaged)?, before_3),
        VERSION => customer_of(postcard::from_bytes(body).map_err(damaged)?, |announced| announced),
        newer => Err(Unreadable::NewerVersion(newer)),
    }
}

fn before_3((minor, place): AnnouncedBefore3) -> Announced {
    (minor, place, None)
}

fn customer_of<A>(record: Record<'_, A>, announced: impl Fn(A) -> Announced) -> Result<Customer, Unreadable> {
    let spending = record.spending.iter().map(spending_of).collect::<Result<Vec<_>, _>>()?;
    let amount = |minor: i64, place: u8| Ok(Amount::from_minor(minor, currency_at(&spending, place)?));
    let remembered = orders_of(&record.orders, &record.referred, &spending)?;
    let is_first_referred = record.referred.contains(&FIRST_OF_FORGOTTEN);
    let forgotten = match record.forgotten {
        Some(forgotten) => Some(forgotten_of(forgotten, record.forgotten_too, is_first_referred, &spending)?),
        None => None,
    };
    let refunds = record.refunds.iter().map(|(at, order, minor, place, is_known)| {
        let (at, order) = (EventTime::from_millis(*at), u64::from_le_bytes(*order));
        Ok(Refund { at, order, amount: amount(*minor, *place)?, is_known: *is_known })
    });
    let refunds = Refunds(refunds.collect::<Result<Vec<_>, Unreadable>>()?);
    let announced = record.announced.map(announced);
    let value_at_risk = announced
        .map(|(minor, place, _)| Ok::<_, Unreadable>(Total { minor, currency: currency_at(&spending, place)? }));
    let value_at_risk = value_at_risk.transpose()?;
    let lasted = announced.and_then(|(_, _, lasted)| lasted);
    let level_since = record.evaluated_at.zip(lasted).map(|(evaluated_at, lasted)| evaluated_at.saturating_sub(lasted));
    let care = record.care.unwrap_or_default();
    let millis = |at: Option<i64>| at.map(EventTime::from_millis);
    let level = Level::ALL.get(usize::from(record.level)).ok_or(Unreadable::Damaged("unknown level"))?;
    let purchases = PurchaseHistory { remembered, forgotten, spending };
    Ok(Customer {
        heard_at: millis(record.heard_at).or(last_order_at(&purchases)),
        purchases,
        tickets: Tickets(care.tickets.iter().map(ticket_of).collect::<Result<_, _>>()?),
        low_ratings: LowRatings(care.low_ratings.iter().map(low_rating_of).collect::<Result<_, _>>()?),
        last_refund_at: millis(care.last_refund_at),
        refunds,
        consents: Consents::from_said(
            care.consents.map(|said| said.map(|(at, granted)| (EventTime::from_millis(at), granted))),
        ),
        contacts: Occurrences { count: care.contacts.0, last_at: millis(care.contacts.1) },
        reviews: Occurrences { count: care.reviews.0, last_at: millis(care.reviews.1) },
        seen: SeenEvents(record.seen.into_iter().map(u64::from_le_bytes).collect()),
        standing: Standing {
            level: *level,
            evaluated_at: millis(record.evaluated_at),
            episode: record.episode.map(Uuid::from_bytes),
            next_change: millis(record.next_change),
            value_at_risk,
            level_since: millis(level_since),
        },
    })
}

fn orders_of(records: &[OrderRecord<'_>], referred: &[u16], spending: &[Spending]) -> Result<Vec<Order>, Unreadable> {
    let mut before = 0;
    let remembered = records.iter().map(|OrderRecord(gap, id, minor, place)| {
        before = i64::checked_add(before, *gap).ok_or(Unreadable::Damaged("a time out of range"))?;
        let id = OrderId::new(id).ok_or(Unreadable::Damaged("an order id of a wrong length"))?;
        Ok(Order {
            at: EventTime::from_millis(before),
            id,
            amount: Amount::from_minor(*minor, currency_at(spending, *place)?),
            referred: false,
        })
    });
    let mut remembered = remembered.collect::<Result<Vec<_>, Unreadable>>()?;
    for place in referred.iter().filter(|place| **place != FIRST_OF_FORGOTTEN) {
        let order = remembered.get_mut(usize::from(*place));
        order.ok_or(Unreadable::Damaged("a referred order that is not there"))?.referred = true;
    }
    Ok(remembered)
}

fn announced_of(standing: &Standing, place_of: &impl Fn(Currency) -> u8) -> Option<Announced> {
    let lasted = standing.evaluated_at.zip(standing.level_since);
    let lasted = lasted.map(|(evaluated_at, since)| evaluated_at.millis() - since.millis());
    standing.value_at_risk.map(|value| (value.minor, place_of(value.currency), lasted))
}

fn refund_record(refund: &Refund, place_of: &impl Fn(Currency) -> u8) -> (i64, [u8; 8], i64, u8, bool) {
    let (minor, place) = (refund.amount.minor(), place_of(refund.amount.currency()));
    (refund.at.millis(), refund.order.to_le_bytes(), minor, place, refund.is_known)
}

fn referred_of(history: &PurchaseHistory) -> Vec<u16> {
    let remembered = history.remembered.iter().zip(0u16..).filter(|(order, _)| order.referred).map(|(_, place)| place);
    let first = history.forgotten.as_ref().filter(|forgotten| forgotten.first.referred).map(|_| FIRST_OF_FORGOTTEN);
    remembered.chain(first).collect()
}

fn currency_at(spending: &[Spending], place: u8) -> Result<Currency, Unreadable> {
    Ok(spending.get(usize::from(place)).ok_or(Unreadable::Damaged("unknown currency"))?.currency)
}

/// Of version 1 the first order's id and amount are not known.
fn forgotten_of(
    (orders, days, first, last): (u32, u32, i64, i64),
    too: Option<ForgottenRecord<'_>>,
    referred: bool,
    spending: &[Spending],
) -> Result<Forgotten, Unreadable> {
    let (id, amount, second, months) = match too {
        Some(ForgottenRecord(id, minor, place, second, months)) => {
            (id, Amount::from_minor(minor, currency_at(spending, place)?), second, months)
        }
        None => {
            let currency = spending.first().map(|spent| spent.currency).or_else(|| Currency::from_code("XXX"));
            let currency = currency.ok_or(Unreadable::Damaged("unknown currency"))?;
            ("-", Amount::from_minor(0, currency), None, Vec::new())
        }
    };
    let id = OrderId::new(id).ok_or(Unreadable::Damaged("an order id of a wrong length"))?;
    Ok(Forgotten {
        orders,
        days,
        first: Order { at: EventTime::from_millis(first), id, amount, referred },
        second: second.map(EventTime::from_millis),
        last: EventTime::from_millis(last),
        months: months.into_iter().map(Month).collect(),
    })
}

fn last_order_at(history: &PurchaseHistory) -> Option<EventTime> {
    history.last().map(|order| order.at)
}

fn care_of(customer: &Customer) -> CareRecord<'_> {
    let occurrences = |of: &Occurrences| (of.count, of.last_at.map(EventTime::millis));
    let tickets = customer.tickets.0.iter().map(|ticket| {
        let mut steps: Vec<_> = ticket.steps.iter().map(|(at, step)| (at.millis(), step.code())).collect();
        steps.iter_mut().take(usize::from(ticket.is_settled)).for_each(|(_, first)| *first |= SETTLED);
        (ticket.id.as_str(), steps)
    });
    let low_ratings = customer.low_ratings.0.iter().map(|low| {
        let ticket = low.ticket.as_ref().map(TicketId::as_str);
        (low.at.millis(), low.rating.scale as u8, low.rating.score, ticket)
    });
    CareRecord {
        tickets: tickets.collect(),
        low_ratings: low_ratings.collect(),
        last_refund_at: customer.last_refund_at.map(EventTime::millis),
        consents: customer.consents.said().map(|said| said.map(|(at, granted)| (at.millis(), granted))),
        contacts: occurrences(&customer.contacts),
        reviews: occurrences(&customer.reviews),
    }
}

fn ticket_of((id, steps): &(&str, Vec<(i64, u8)>)) -> Result<Ticket, Unreadable> {
    let id = TicketId::new(id).ok_or(Unreadable::Damaged("a ticket id of a wrong length"))?;
    let is_settled = steps.first().is_some_and(|(_, first)| first & SETTLED != 0);
    let steps = steps.iter().enumerate().map(|(place, (at, step))| {
        let step = if place == 0 { step & !SETTLED } else { *step };
        let step = TicketStep::from_code(step).ok_or(Unreadable::Damaged("an unknown step of a ticket"))?;
        Ok((EventTime::from_millis(*at), step))
    });
    let steps = steps.collect::<Result<Vec<_>, Unreadable>>()?;
    if steps.is_empty() {
        return Err(Unreadable::Damaged("a ticket without steps"));
    }
    Ok(Ticket { id, steps, is_settled })
}

fn low_rating_of((at, scale, score, ticket): &(i64, u8, f64, Option<&str>)) -> Result<LowRating, Unreadable> {
    let damaged = Unreadable::Damaged("an impossible rating");
    let scale = *Scale::ALL.get(usize::from(*scale)).ok_or(damaged.clone())?;
    let rating = Rating::new(scale, *score).ok_or(damaged.clone())?;
    let ticket = ticket.map(|id| TicketId::new(id).ok_or(damaged)).transpose()?;
    Ok(LowRating { at: EventTime::from_millis(*at), rating, ticket })
}

fn code_of(currency: Currency) -> [u8; 3] {
    currency.code().as_bytes().try_into().unwrap_or(*b"XXX")
}

fn spending_of((code, ordered, refunded): &([u8; 3], i128, i128)) -> Result<Spending, Unreadable> {
    let currency = std::str::from_utf8(code).ok().and_then(Currency::from_code);
    let currency = currency.ok_or(Unreadable::Damaged("unknown currency"))?;
    Ok(Spending { currency, ordered: *ordered, refunded: *refunded })
}
