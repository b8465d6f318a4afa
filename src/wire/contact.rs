//! Consent, contacts, reviews and erasure, of the topic `contacts`.

use super::Rejection;
use super::fields::{Fields, Name};
use crate::domain::consent::Channel;
use crate::domain::identity::ID_BYTES_MAX;
use crate::engine::{Event, Happening};

pub(super) const PURPOSES: [&str; 5] = ["win_back", "thank_you", "review", "offer", "service"];
const CHANNELS: &str = "email, sms, phone or post";

pub(super) fn decode(kind: &str, fields: &Fields<'_>) -> Result<Event, Rejection> {
    let own: &[Name] = match kind {
        "consent_changed" => &[Name::Channel, Name::Granted],
        "contact_sent" => &[Name::Channel, Name::Purpose],
        "review_held" | "customer_erased" => &[],
        _ => return Err(Rejection::UnknownType),
    };
    fields.require_all(&[Name::EventId, Name::CustomerId, Name::OccurredAt])?;
    fields.require_all(own)?;
    let (id, customer, at) = (fields.event_id()?, fields.customer_id()?, fields.occurred_at()?);
    let what = match kind {
        "consent_changed" => consent_changed(fields)?,
        "contact_sent" => contact_sent(fields)?,
        "review_held" => review_held(fields)?,
        _ => Happening::Erased,
    };
    Ok(Event { customer, id, at, what })
}

fn consent_changed(fields: &Fields<'_>) -> Result<Happening, Rejection> {
    let channel = fields.one_of(Name::Channel, CHANNELS, Channel::ALL, Channel::name)?;
    let granted = fields.required(Name::Granted)?.parsed().ok_or(Name::Granted.invalid("true or false"))?;
    Ok(Happening::ConsentChanged { channel, granted })
}

fn contact_sent(fields: &Fields<'_>) -> Result<Happening, Rejection> {
    fields.one_of(Name::Channel, CHANNELS, Channel::ALL, Channel::name)?;
    let expected = "win_back, thank_you, review, offer or service";
    fields.one_of(Name::Purpose, expected, PURPOSES, |purpose| purpose)?;
    for field in [Name::ContactId, Name::EpisodeId] {
        fields.check(field, "a string of 1 to 256 bytes", |value| {
            value.text().is_some_and(|id| (1..=ID_BYTES_MAX).contains(&id.len()))
        })?;
    }
    Ok(Happening::ContactSent)
}

fn review_held(fields: &Fields<'_>) -> Result<Happening, Rejection> {
    fields.check(Name::Opportunity, "low or high", |value| {
        value.text().is_some_and(|opportunity| ["low", "high"].contains(&&*opportunity))
    })?;
    fields.check(Name::CompetitorMentioned, "true or false", |value| value.parsed::<bool>().is_some())?;
    Ok(Happening::ReviewHeld)
}
