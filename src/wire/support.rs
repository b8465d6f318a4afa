//! Tickets and feedback, of the topic `support`.

use super::Rejection;
use super::fields::{Fields, Name};
use crate::domain::rating::{Rating, Scale};
use crate::domain::ticket::{Category, TicketStep};
use crate::domain::{OrderId, TicketId};
use crate::engine::{Event, Happening};

pub(super) fn decode(kind: &str, fields: &Fields<'_>) -> Result<Event, Rejection> {
    let step = match kind {
        "ticket_opened" => TicketStep::Opened(None),
        "customer_contacted" => TicketStep::Contacted,
        "ticket_resolved" => TicketStep::Resolved,
        "ticket_reopened" => TicketStep::Reopened,
        "feedback" => return feedback(fields),
        _ => return Err(Rejection::UnknownType),
    };
    fields.require_all(&[Name::EventId, Name::CustomerId, Name::TicketId, Name::OccurredAt])?;
    let (id, customer) = (fields.event_id()?, fields.customer_id()?);
    let ticket = fields.id(Name::TicketId, TicketId::new)?;
    let at = fields.occurred_at()?;
    let step = if let TicketStep::Opened(_) = step { TicketStep::Opened(category(fields)?) } else { step };
    if let TicketStep::Opened(_) = step {
        fields.check(Name::OrderId, "a string of 1 to 256 bytes", |value| {
            value.text().and_then(|id| OrderId::new(&id)).is_some()
        })?;
    }
    if matches!(step, TicketStep::Opened(_) | TicketStep::Contacted) {
        fields.check(Name::Channel, "a string", |value| value.text().is_some())?;
    }
    Ok(Event { customer, id, at, what: Happening::Ticket { ticket, step } })
}

fn category(fields: &Fields<'_>) -> Result<Option<Category>, Rejection> {
    const EXPECTED: &str = "a category of the contract such as delivery";
    let is_given = fields.optional(Name::Category).is_some();
    is_given.then(|| fields.one_of(Name::Category, EXPECTED, Category::ALL, Category::name)).transpose()
}

fn feedback(fields: &Fields<'_>) -> Result<Event, Rejection> {
    fields.require_all(&[Name::EventId, Name::CustomerId, Name::OccurredAt, Name::Scale, Name::Score])?;
    let (id, customer, at) = (fields.event_id()?, fields.customer_id()?, fields.occurred_at()?);
    let scale = fields.one_of(Name::Scale, "csat, ces or nps", Scale::ALL, Scale::name)?;
    let score = fields.required(Name::Score)?.parsed::<f64>();
    let rating = score
        .and_then(|score| Rating::new(scale, score))
        .ok_or(Name::Score.invalid("a number in the range of its scale: csat 1 to 5, ces 1 to 7, nps 0 to 10"))?;
    let ticket =
        fields.optional(Name::TicketId).is_some().then(|| fields.id(Name::TicketId, TicketId::new)).transpose()?;
    Ok(Event { customer, id, at, what: Happening::Rated { rating, ticket } })
}
