//! `purchase` and `refund`, of the topic `purchases`.

use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Rejection;
use super::fields::{Fields, Name, Value};
use crate::domain::{Currency, CustomerId};
use crate::engine::{Event, Happening};

const REQUIRED: [Name; 6] =
    [Name::EventId, Name::CustomerId, Name::OrderId, Name::OccurredAt, Name::Amount, Name::Currency];

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
        Happening::Purchased { order, amount, referred: fields.optional(Name::ReferredBy).is_some() }
    } else {
        fields.check(Name::Reason, "a string", |value| value.text().is_some())?;
        Happening::Refunded { order, amount }
    };
    Ok(Event { customer, id, at, what })
}

/// What a purchase may say besides: not kept, but wrong is wrong.
fn check_purchase_extras(fields: &Fields<'_>, currency: Currency) -> Result<(), Rejection> {
    fields.check(Name::Channel, "a string", |value| value.text().is_some())?;
    fields.check(Name::Discount, "a string or a number", |value| {
        value.text().is_some() || value.parsed::<f64>().is_some()
    })?;
    fields.check(Name::ReferredBy, "a customer id of 1 to 256 bytes", |value| {
        value.text().and_then(|id| CustomerId::new(&id)).is_some()
    })?;
    fields.check(
        Name::Items,
        "an array of objects with sku (string), quantity (number of 0 or more) and amount",
        |value| {
            if let Some(items) = value.parsed::<Vec<PlainItem<'_>>>() {
                return items.iter().all(|item| item.is_valid(currency));
            }
            value.parsed::<Vec<&RawValue>>().is_some_and(|items| items.iter().all(|item| is_item(item, currency)))
        },
    )
}

/// An item as nearly all are: read at once. One with escapes or a name that stands twice has to be looked at field by
/// field.
#[derive(Default)]
struct PlainItem<'a> {
    quantity: Option<f64>,
    amount: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for PlainItem<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemVisitor;

        impl<'de> Visitor<'de> for ItemVisitor {
            type Value = PlainItem<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an item")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut item, mut known) = (PlainItem::default(), 0);
                while let Some(name) = map.next_key::<&str>()? {
                    let name = match name {
                        "sku" => map.next_value::<Option<&str>>().map(|_| 1)?,
                        "quantity" => map.next_value().map(|quantity| item.quantity = quantity).map(|()| 2)?,
                        "amount" => map.next_value().map(|amount| item.amount = amount).map(|()| 4)?,
                        _ => map.next_value::<IgnoredAny>().map(|_| 0)?,
                    };
                    if known & name != 0 {
                        return Err(A::Error::custom("a name stands twice"));
                    }
                    known |= name;
                }
                Ok(item)
            }
        }

        deserializer.deserialize_map(ItemVisitor)
    }
}

impl PlainItem<'_> {
    fn is_valid(&self, currency: Currency) -> bool {
        self.quantity.is_none_or(|quantity| quantity >= 0.0)
            && self.amount.is_none_or(|amount| Value::Raw(amount).amount(currency).is_some())
    }
}

fn is_item(item: &RawValue, currency: Currency) -> bool {
    let Ok(item) = Fields::parse(item.get()) else { return false };
    let sku = item.optional(Name::Sku).is_none_or(|sku| sku.text().is_some());
    let quantity = item
        .optional(Name::Quantity)
        .is_none_or(|quantity| quantity.parsed::<f64>().is_some_and(|quantity| quantity >= 0.0));
    let amount = item.optional(Name::Amount).is_none_or(|amount| amount.amount(currency).is_some());
    sku && quantity && amount
}
