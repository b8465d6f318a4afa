//! Consent, contacts, reviews and erasure, of the topic `contacts`.

use super::Rejection;
use super::fields::Fields;
use crate::domain::consent::Channel;
use crate::domain::identity::ID_BYTES_MAX;
use crate::engine::{Event, Happening};

pub(super) const PURPOSES: [&str; 5] = ["win_back", "thank_you", "review", "offer", "service"];
const CHANNELS: &str = "email, sms, phone or post";

pub(super) fn decode(kind: &str, fields: &Fields<'_>) -> Result<Event, Rejection> {
    let own: &[&'static str] = match kind {
        "consent_changed" => &["channel", "granted"],
        "contact_sent" => &["channel", "purpose"],
        "review_held" | "customer_erased" => &[],
        _ => return Err(Rejection::UnknownType),
    };
    fields.require_all(&["event_id", "customer_id", "occurred_at"])?;
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
    let channel = fields.one_of("channel", CHANNELS, Channel::ALL, Channel::name)?;
    let expected = "true or false";
    let granted = fields.required("granted")?.parsed().ok_or(Rejection::InvalidField { field: "granted", expected })?;
    Ok(Happening::ConsentChanged { channel, granted })
}

fn contact_sent(fields: &Fields<'_>) -> Result<Happening, Rejection> {
    fields.one_of("channel", CHANNELS, Channel::ALL, Channel::name)?;
    let expected = "win_back, thank_you, review, offer or service";
    fields.one_of("purpose", expected, PURPOSES, |purpose| purpose)?;
    for field in ["contact_id", "episode_id"] {
        fields.check(field, "a string of 1 to 256 bytes", |value| {
            value.text().is_some_and(|id| (1..=ID_BYTES_MAX).contains(&id.len()))
        })?;
    }
    Ok(Happening::ContactSent)
}

fn review_held(fields: &Fields<'_>) -> Result<Happening, Rejection> {
    fields.check("opportunity", "low or high", |value| {
        value.text().is_some_and(|opportunity| ["low", "high"].contains(&&*opportunity))
    })?;
    fields.check("competitor_mentioned", "true or false", |value| value.parsed::<bool>().is_some())?;
    Ok(Happening::ReviewHeld)
}
