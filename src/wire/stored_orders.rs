//! A customer's orders as stored.
//!
//! In columns: numbers of one kind side by side, all of one width, and all ids in one text. Those who buy most have
//! hundreds of orders and are read most; until version 3 of the record every number had a length of its own, and every id
//! was checked to be UTF-8 by itself, which took longer.

use super::compact::{Column, Reader, Writer, make_room};
use super::customer_record::{Unreadable, currency_at};
use crate::domain::purchase::Spending;
use crate::domain::{Amount, Currency, EventTime, Order, OrderId};
use crate::engine::tallies::FirstOrders;

/// Writes orders, earliest first. `place_of` says where a currency stands in the list of what was spent.
pub(super) fn write(orders: &[Order], place_of: &impl Fn(Currency) -> u8, to: &mut Writer<'_>) {
    to.length(orders.len());
    let Some(first) = orders.first() else { return };
    to.signed(first.at.millis());
    to.column(orders.windows(2).map(|pair| pair[1].at.millis().wrapping_sub(pair[0].at.millis()) as u64));
    to.column(orders.iter().map(|order| order.amount.minor() as u64));
    to.column(orders.iter().map(|order| u64::from(place_of(order.amount.currency()))));
    let ids = orders.iter().map(|order| order.id.as_str());
    to.column(ids.clone().map(|id| id.len() as u64));
    to.length(ids.clone().map(str::len).sum());
    ids.for_each(|id| to.bytes(id.as_bytes()));
}

/// The first two of so many orders, read no further than that takes; `None`: there are none.
pub(super) fn read_first(from: &mut Reader<'_>, orders: usize) -> Result<Option<FirstOrders>, Unreadable> {
    let Some(others) = orders.checked_sub(1) else { return Ok(None) };
    let first = from.signed()?;
    let second = from.column(others)?.next().map(|gap| EventTime::from_millis(first.wrapping_add(gap as i64)));
    Ok(Some(FirstOrders { first: EventTime::from_millis(first), second }))
}

/// Orders found but not yet unpacked: their currencies come later.
pub(super) enum StoredOrders<'a> {
    Columns {
        first_at: i64,
        gaps: Column<'a>,
        minors: Column<'a>,
        places: Column<'a>,
        lengths: Column<'a>,
        ids: &'a str,
    },
    /// Until version 3: time, id, minor units, place of the currency.
    Rows(Vec<(i64, &'a str, i64, u8)>),
}

impl<'a> StoredOrders<'a> {
    /// Finds the orders of a customer's record of that version.
    pub(super) fn read(from: &mut Reader<'a>, version: u8) -> Result<Self, Unreadable> {
        if version < 4 {
            let mut at = 0i64;
            return Ok(Self::Rows(from.list(|from| {
                at = at.checked_add(from.signed()?).ok_or(Unreadable::Damaged("a time out of range"))?;
                Ok::<_, Unreadable>((at, from.text()?, from.signed()?, from.byte()?))
            })?));
        }
        let length = from.length()?;
        let Some(gaps) = length.checked_sub(1) else { return Ok(Self::Rows(Vec::new())) };
        Ok(Self::Columns {
            first_at: from.signed()?,
            gaps: from.column(gaps)?,
            minors: from.column(length)?,
            places: from.column(length)?,
            lengths: from.column(length)?,
            ids: from.text()?,
        })
    }

    /// Writes the orders over others.
    pub(super) fn unpack_over(self, orders: &mut Vec<Order>, spending: &[Spending]) -> Result<(), Unreadable> {
        let length = match &self {
            Self::Columns { lengths, .. } => lengths.len(),
            Self::Rows(rows) => rows.len(),
        };
        make_room(orders, length);
        let mut add = |at: i64, id: &str, minor: i64, place: u8| {
            let id = OrderId::new(id).ok_or(Unreadable::Damaged("an order id of a wrong length"))?;
            let amount = Amount::from_minor(minor, currency_at(spending, place)?);
            orders.push(Order { at: EventTime::from_millis(at), id, amount, referred: false });
            Ok::<_, Unreadable>(())
        };
        match self {
            Self::Columns { first_at, mut gaps, minors, places, lengths, ids } => {
                let (mut at, mut ids) = (first_at, ids);
                for ((minor, place), length) in minors.zip(places).zip(lengths) {
                    let of_this = ids.split_at_checked(length as usize);
                    let (id, rest) = of_this.ok_or(Unreadable::Damaged("an order without an id"))?;
                    add(at, id, minor as i64, u8::try_from(place).unwrap_or(u8::MAX))?;
                    ids = rest;
                    at = at.wrapping_add(gaps.next().unwrap_or_default() as i64);
                }
            }
            Self::Rows(rows) => rows.into_iter().try_for_each(|(at, id, minor, place)| add(at, id, minor, place))?,
        }
        Ok(())
    }
}
