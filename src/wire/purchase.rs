//! `purchase` and `refund`, of the topic `purchases`.

use serde_json::value::RawValue;

use super::Rejection;
use super::fields::{Fields, amount_of, text_of};
use crate::domain::{Currency, CustomerId};
use crate::engine::{Event, Happening};

const REQUIRED: [&str; 6] = ["event_id", "customer_id", "order_id", "occurred_at", "amount", "currency"];

pub(super) fn decode(kind: &str, fields: &Fields<'_>) -> Result<Event, Rejection> {
    let is_purchase = match kind {
        "purchase" => true,
        "refund" => false,
        _ => return Err(Rejection::UnknownType),
    };
    fields.require_all(&REQUIRED)?;
    let (id, customer, order) = (fields.event_id()?, fields.customer_id()?, fields.order_id()?);
    let (at, amount) = (fields.occurred_at()?, fields.amount()?);
    let what = if is_purchase {
        check_purchase_extras(fields, amount.currency())?;
        Happening::Purchased { order, amount, referred: fields.optional("referred_by").is_some() }
    } else {
        fields.check("reason", "a string", |value| text_of(value).is_some())?;
        Happening::Refunded { order, amount }
    };
    Ok(Event { customer, id, at, what })
}

/// What a purchase may say besides: not kept, but wrong is wrong.
fn check_purchase_extras(fields: &Fields<'_>, currency: Currency) -> Result<(), Rejection> {
    fields.check("channel", "a string", |value| text_of(value).is_some())?;
    fields.check("discount", "a string or a number", |value| {
        text_of(value).is_some() || serde_json::from_str::<f64>(value.get()).is_ok()
    })?;
    fields.check("referred_by", "a customer id of 1 to 256 bytes", |value| {
        text_of(value).and_then(|id| CustomerId::new(&id)).is_some()
    })?;
    fields.check("items", "an array of objects with sku (string), quantity (number of 0 or more) and amount", |value| {
        serde_json::from_str::<Vec<&RawValue>>(value.get())
            .is_ok_and(|items| items.iter().all(|item| is_item(item, currency)))
    })
}

fn is_item(item: &RawValue, currency: Currency) -> bool {
    let Ok(item) = Fields::parse(item.get()) else { return false };
    let sku = item.optional("sku").is_none_or(|sku| text_of(sku).is_some());
    let quantity = item
        .optional("quantity")
        .is_none_or(|quantity| serde_json::from_str::<f64>(quantity.get()).is_ok_and(|quantity| quantity >= 0.0));
    let amount = item.optional("amount").is_none_or(|amount| amount_of(amount, currency).is_some());
    sku && quantity && amount
}
