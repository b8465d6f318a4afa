//! A customer as stored: in the changelog and, the same bytes, in memory.
//!
//! One version byte, then postcard but for the orders, which stand in columns. What is stored is not what is computed
//! with: times are gaps, currencies are places in the list of what was spent.

use uuid::Uuid;

use super::compact::{Cut, Reader, Writer};
use super::stored_orders::{self, StoredOrders};
use crate::domain::consent::Consents;
use crate::domain::customer::{LowRating, Occurrences, Refund};
use crate::domain::money::Total;
use crate::domain::purchase::{Forgotten, ORDERS_REMEMBERED, Spending};
use crate::domain::rating::{Rating, Scale};
use crate::domain::risk::Standing;
use crate::domain::ticket::{Ticket, TicketStep};
use crate::domain::time::Month;
use crate::domain::{Amount, Currency, Customer, EventTime, Level, Order, OrderId, PurchaseHistory, Span, TicketId};
use crate::engine::Packed;
use crate::engine::tallies::FirstOrders;

const VERSION: u8 = 4;

/// Most customers have room in so many bytes.
const USUAL_SIZE: usize = 512;

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

const FIRST_OF_FORGOTTEN: u16 = u16::MAX;

/// On the first step of a ticket that is settled.
const SETTLED: u8 = 1 << 7;

/// The customer's bytes.
///
/// | what | as |
/// |---|---|
/// | orders | how many; if any: milliseconds of the first since 1970; columns of milliseconds since the order before (of all but the first), minor units, places of the currency in what was spent, lengths of ids; all ids in one text. Until version 3 one order after the other: milliseconds since the order before, id, minor units, place of the currency |
/// | forgotten | orders, days, time of the first and of the last |
/// | spent | currency, sum of orders, sum of refunds |
/// | seen | fingerprints of events |
/// | standing | level, evaluated at, episode, next change |
/// | heard at | absent: at the last order |
/// | care | absent as long as there is nothing but orders, which most customers never need |
/// | refunds (from version 2 on, as all that follows) | time, order's fingerprint, minor units, place of the currency, whether the order was known |
/// | value at risk (until version 2 not of those who lapsed) | minor units, place of the currency; from version 3 on, how long the level was what it is when last looked at, in milliseconds |
/// | referred | places of the orders that somebody referred the customer to; the first of those forgotten is 65535 |
/// | forgotten too | the first order's id, minor units, place of the currency; the second one's time; months |
pub fn encode(customer: &Customer) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(USUAL_SIZE);
    encode_into(customer, &mut bytes);
    bytes.into_boxed_slice()
}

/// The same, at the end of `to`.
fn encode_into(customer: &Customer, to: &mut Vec<u8>) {
    to.push(VERSION);
    let to = &mut Writer(to);
    let (history, standing) = (&customer.purchases, &customer.standing);
    let place_of = |currency: Currency| {
        history.spending.iter().position(|spending| spending.currency == currency).unwrap_or_default() as u8
    };
    stored_orders::write(&history.remembered, &place_of, to);
    to.optional(history.forgotten.as_ref(), |to, forgotten| {
        to.unsigned(u64::from(forgotten.orders));
        to.unsigned(u64::from(forgotten.days));
        to.signed(forgotten.first.at.millis());
        to.signed(forgotten.last.millis());
    });
    to.list(&history.spending, |to, spending| {
        to.bytes(&code_of(spending.currency));
        to.signed_128(spending.ordered);
        to.signed_128(spending.refunded);
    });
    to.list(&customer.seen.0, |to, fingerprint| to.bytes(&fingerprint.to_le_bytes()));
    to.byte(standing.level as u8);
    write_time(standing.evaluated_at, to);
    to.optional(standing.episode, |to, episode| to.bytes(episode.as_bytes()));
    write_time(standing.next_change, to);
    write_time(customer.heard_at.filter(|at| last_order_at(history) != Some(*at)), to);
    to.flag(has_care(customer));
    if has_care(customer) {
        write_care(customer, to);
    }
    to.list(&customer.refunds.0, |to, refund| {
        to.signed(refund.at.millis());
        to.bytes(&refund.order.to_le_bytes());
        to.signed(refund.amount.minor());
        to.byte(place_of(refund.amount.currency()));
        to.flag(refund.is_known);
    });
    to.optional(standing.value_at_risk, |to, value| {
        to.signed_128(value.minor);
        to.byte(place_of(value.currency));
        let lasted = standing.evaluated_at.zip(standing.level_since);
        to.optional(lasted, |to, (until, since)| to.signed(until.millis() - since.millis()));
    });
    write_referred(history, to);
    to.optional(history.forgotten.as_ref(), |to, forgotten| {
        to.text(forgotten.first.id.as_str());
        to.signed(forgotten.first.amount.minor());
        to.byte(place_of(forgotten.first.amount.currency()));
        write_time(forgotten.second, to);
        to.list(&forgotten.months, |to, month| to.signed(i64::from(month.0)));
    });
}

fn write_time(at: Option<EventTime>, to: &mut Writer<'_>) {
    to.optional(at, |to, at| to.signed(at.millis()));
}

fn write_referred(history: &PurchaseHistory, to: &mut Writer<'_>) {
    let is_first_referred = history.forgotten.as_ref().is_some_and(|forgotten| forgotten.first.referred);
    let remembered = history.remembered.iter().filter(|order| order.referred).count();
    to.length(remembered + usize::from(is_first_referred));
    for (place, _) in history.remembered.iter().enumerate().filter(|(_, order)| order.referred) {
        to.unsigned(place as u64);
    }
    if is_first_referred {
        to.unsigned(u64::from(FIRST_OF_FORGOTTEN));
    }
}

fn has_care(customer: &Customer) -> bool {
    !customer.tickets.0.is_empty()
        || !customer.low_ratings.0.is_empty()
        || customer.last_refund_at.is_some()
        || customer.consents.said().iter().any(Option::is_some)
        || customer.contacts != Occurrences::default()
        || customer.reviews != Occurrences::default()
}

/// Support, consent and contacts.
fn write_care(customer: &Customer, to: &mut Writer<'_>) {
    to.list(&customer.tickets.0, |to, ticket| {
        to.text(ticket.id.as_str());
        let mut settled = if ticket.is_settled { SETTLED } else { 0 };
        to.list(&ticket.steps, |to, (at, step)| {
            to.signed(at.millis());
            to.byte(step.code() | std::mem::take(&mut settled));
        });
    });
    to.list(&customer.low_ratings.0, |to, low| {
        to.signed(low.at.millis());
        to.byte(low.rating.scale as u8);
        to.bytes(&low.rating.score.to_le_bytes());
        to.optional(low.ticket.as_ref(), |to, ticket| to.text(ticket.as_str()));
    });
    write_time(customer.last_refund_at, to);
    for said in customer.consents.said() {
        to.optional(*said, |to, (at, granted)| {
            to.signed(at.millis());
            to.flag(granted);
        });
    }
    for occurrences in [&customer.contacts, &customer.reviews] {
        to.unsigned(u64::from(occurrences.count));
        write_time(occurrences.last_at, to);
    }
}

/// The customer in these bytes.
pub fn decode(bytes: &[u8]) -> Result<Customer, Unreadable> {
    let mut customer = Customer::default();
    decode_over(bytes, &mut customer)?;
    Ok(customer)
}

/// The same, written over somebody whose lists leave their room.
fn decode_over(bytes: &[u8], customer: &mut Customer) -> Result<(), Unreadable> {
    let (version, body) = versioned(bytes)?;
    let from = &mut Reader(body);
    let orders = StoredOrders::read(from, version)?;
    let sums = from
        .optional(|from| Ok::<_, Unreadable>((from.unsigned_32()?, from.unsigned_32()?, time(from)?, time(from)?)))?;
    from.list_over(&mut customer.purchases.spending, read_spending)?;
    orders.unpack_over(&mut customer.purchases.remembered, &customer.purchases.spending)?;
    from.list_over(&mut customer.seen.0, |from| from.array().map(u64::from_le_bytes))?;
    let level = *Level::ALL.get(usize::from(from.byte()?)).ok_or(Unreadable::Damaged("unknown level"))?;
    let evaluated_at = from.optional(time)?;
    let episode = from.optional(|from| from.array().map(Uuid::from_bytes))?;
    let next_change = from.optional(time)?;
    customer.standing = Standing { level, evaluated_at, episode, next_change, ..Standing::default() };
    let heard_at = from.optional(time)?;
    if from.flag()? {
        read_care(from, customer)?
    } else {
        clear_care(customer)
    }
    customer.refunds.0.clear();
    let mut too = None;
    if version > 1 {
        let PurchaseHistory { remembered, spending, .. } = &mut customer.purchases;
        from.list_over(&mut customer.refunds.0, |from| read_refund(from, spending))?;
        customer.standing.value_at_risk = from.optional(|from| {
            let (minor, place) = (from.signed_128()?, from.byte()?);
            let lasted = if version > 2 { from.optional(|from| from.signed())? } else { None };
            let since = |(until, lasted): (EventTime, i64)| until - Span::from_millis(lasted);
            customer.standing.level_since = evaluated_at.zip(lasted).map(since);
            Ok::<_, Unreadable>(Total { minor, currency: currency_at(spending, place)? })
        })?;
        let is_first_referred = read_referred(from, remembered)?;
        too = from.optional(|from| read_forgotten_too(from, is_first_referred, spending))?;
    }
    let forgotten = sums.map(|sums| forgotten_of(sums, too, &customer.purchases.spending)).transpose()?;
    customer.purchases.forgotten = forgotten;
    customer.heard_at = heard_at.or(last_order_at(&customer.purchases));
    Ok(())
}

/// The first orders of the customer in these bytes, read no further than it takes; `None` before the first order.
pub fn first_orders(bytes: &[u8]) -> Result<Option<FirstOrders>, Unreadable> {
    let (version, body) = versioned(bytes)?;
    let from = &mut Reader(body);
    let orders = from.length()?;
    // Those before may be forgotten. What an earlier version wrote is written anew with the customer's next change.
    if orders >= ORDERS_REMEMBERED || version < 4 {
        return Ok(FirstOrders::of(&decode(bytes)?.purchases));
    }
    stored_orders::read_first(from, orders)
}

impl Packed for Box<[u8]> {
    fn pack(customer: &Customer, room: &mut Vec<u8>) -> Self {
        room.clear();
        encode_into(customer, room);
        Self::from(room.as_slice())
    }

    fn unpack_over(&self, other: &mut Customer) {
        decode_over(self, other).expect(CHECKED);
    }

    fn first_orders(&self) -> Option<FirstOrders> {
        first_orders(self).expect(CHECKED)
    }
}

const CHECKED: &str = "records are checked before they are kept";

/// The version, and what it is the version of.
fn versioned(bytes: &[u8]) -> Result<(u8, &[u8]), Unreadable> {
    let (version, body) = bytes.split_first().ok_or(Unreadable::Damaged("no bytes"))?;
    if !(1..=VERSION).contains(version) {
        return Err(Unreadable::NewerVersion(*version));
    }
    Ok((*version, body))
}

impl From<Cut> for Unreadable {
    fn from(Cut: Cut) -> Self {
        Self::Damaged("not a customer record")
    }
}

fn time(from: &mut Reader<'_>) -> Result<EventTime, Cut> {
    from.signed().map(EventTime::from_millis)
}

fn read_spending(from: &mut Reader<'_>) -> Result<Spending, Unreadable> {
    let code: [u8; 3] = from.array()?;
    let currency = std::str::from_utf8(&code).ok().and_then(Currency::from_code);
    let currency = currency.ok_or(Unreadable::Damaged("unknown currency"))?;
    Ok(Spending { currency, ordered: from.signed_128()?, refunded: from.signed_128()? })
}

fn read_care(from: &mut Reader<'_>, customer: &mut Customer) -> Result<(), Unreadable> {
    from.list_over(&mut customer.tickets.0, read_ticket)?;
    from.list_over(&mut customer.low_ratings.0, read_low_rating)?;
    customer.last_refund_at = from.optional(time)?;
    let mut said = [None; 4];
    for said in &mut said {
        *said = from.optional(|from| Ok::<_, Cut>((time(from)?, from.flag()?)))?;
    }
    customer.consents = Consents::from_said(said);
    for occurrences in [&mut customer.contacts, &mut customer.reviews] {
        *occurrences = Occurrences { count: from.unsigned_32()?, last_at: from.optional(time)? };
    }
    Ok(())
}

/// As [`read_care`] reads it of somebody of whom there is none.
fn clear_care(customer: &mut Customer) {
    customer.tickets.0.clear();
    customer.low_ratings.0.clear();
    customer.last_refund_at = None;
    customer.consents = Consents::default();
    customer.contacts = Occurrences::default();
    customer.reviews = Occurrences::default();
}

fn read_ticket(from: &mut Reader<'_>) -> Result<Ticket, Unreadable> {
    let id = TicketId::new(from.text()?).ok_or(Unreadable::Damaged("a ticket id of a wrong length"))?;
    let mut is_settled = None;
    let steps = from.list(|from| {
        let (at, code) = (time(from)?, from.byte()?);
        let is_first = is_settled.is_none();
        is_settled.get_or_insert(code & SETTLED != 0);
        let step = TicketStep::from_code(if is_first { code & !SETTLED } else { code });
        Ok::<_, Unreadable>((at, step.ok_or(Unreadable::Damaged("an unknown step of a ticket"))?))
    })?;
    let is_settled = is_settled.ok_or(Unreadable::Damaged("a ticket without steps"))?;
    Ok(Ticket { id, steps, is_settled })
}

fn read_low_rating(from: &mut Reader<'_>) -> Result<LowRating, Unreadable> {
    const DAMAGED: Unreadable = Unreadable::Damaged("an impossible rating");
    let at = time(from)?;
    let scale = *Scale::ALL.get(usize::from(from.byte()?)).ok_or(DAMAGED)?;
    let rating = Rating::new(scale, from.float()?).ok_or(DAMAGED)?;
    let ticket = from.optional(|from| TicketId::new(from.text()?).ok_or(DAMAGED))?;
    Ok(LowRating { at, rating, ticket })
}

fn read_refund(from: &mut Reader<'_>, spending: &[Spending]) -> Result<Refund, Unreadable> {
    let (at, order) = (time(from)?, u64::from_le_bytes(from.array()?));
    let amount = Amount::from_minor(from.signed()?, currency_at(spending, from.byte()?)?);
    Ok(Refund { at, order, amount, is_known: from.flag()? })
}

/// Says whether the first of the forgotten orders is among the referred.
fn read_referred(from: &mut Reader<'_>, remembered: &mut [Order]) -> Result<bool, Unreadable> {
    let mut is_first_referred = false;
    for _ in 0..from.length()? {
        let place = from.unsigned_16()?;
        if place == FIRST_OF_FORGOTTEN {
            is_first_referred = true;
            continue;
        }
        let order = remembered.get_mut(usize::from(place));
        order.ok_or(Unreadable::Damaged("a referred order that is not there"))?.referred = true;
    }
    Ok(is_first_referred)
}

/// What is kept of forgotten orders from version 2 on: the first one, but for its time; the second one's time; months.
struct ForgottenToo(Order, Option<EventTime>, Vec<Month>);

fn read_forgotten_too(
    from: &mut Reader<'_>,
    referred: bool,
    spending: &[Spending],
) -> Result<ForgottenToo, Unreadable> {
    let id = OrderId::new(from.text()?).ok_or(Unreadable::Damaged("an order id of a wrong length"))?;
    let amount = Amount::from_minor(from.signed()?, currency_at(spending, from.byte()?)?);
    let second = from.optional(time)?;
    let months = from.list(|from| from.signed_32().map(Month))?;
    Ok(ForgottenToo(Order { at: EventTime::BEGINNING, id, amount, referred }, second, months))
}

/// Of version 1 the first order's id and amount are not known.
fn forgotten_of(
    (orders, days, first_at, last): (u32, u32, EventTime, EventTime),
    too: Option<ForgottenToo>,
    spending: &[Spending],
) -> Result<Forgotten, Unreadable> {
    let ForgottenToo(first, second, months) = match too {
        Some(too) => too,
        None => {
            let currency = spending.first().map(|spent| spent.currency).or_else(|| Currency::from_code("XXX"));
            let currency = currency.ok_or(Unreadable::Damaged("unknown currency"))?;
            let id = OrderId::new("-").ok_or(Unreadable::Damaged("an order id of a wrong length"))?;
            let amount = Amount::from_minor(0, currency);
            ForgottenToo(Order { at: first_at, id, amount, referred: false }, None, Vec::new())
        }
    };
    Ok(Forgotten { orders, days, first: Order { at: first_at, ..first }, second, last, months })
}

fn last_order_at(history: &PurchaseHistory) -> Option<EventTime> {
    history.last().map(|order| order.at)
}

/// The currency at a place in the list of what was spent.
pub(super) fn currency_at(spending: &[Spending], place: u8) -> Result<Currency, Unreadable> {
    Ok(spending.get(usize::from(place)).ok_or(Unreadable::Damaged("unknown currency"))?.currency)
}

fn code_of(currency: Currency) -> [u8; 3] {
    currency.code().as_bytes().try_into().unwrap_or(*b"XXX")
}
