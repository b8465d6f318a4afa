//! Who may be contacted how.

use super::time::EventTime;

/// A way to reach a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// E-mail.
    Email,
    /// Text message.
    Sms,
    /// A call.
    Phone,
    /// A letter.
    Post,
}

impl Channel {
    /// All channels, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Email, Self::Sms, Self::Phone, Self::Post];

    /// Its name in events and signals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Phone => "phone",
            Self::Post => "post",
        }
    }
}

/// What a customer last said about each channel. Nothing said is not granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consents([Option<(EventTime, bool)>; 4]);

impl Consents {
    /// Takes in what the customer said; the latest counts, at the same instant a denial.
    pub fn change(&mut self, channel: Channel, granted: bool, at: EventTime) {
        let known = &mut self.0[channel as usize];
        let counts = known.is_none_or(|(said_at, was_granted)| at > said_at || (at == said_at && was_granted));
        if counts {
            *known = Some((at, granted));
        }
    }

    /// The channels that may be used at an instant: granted by then, and not denied since.
    pub fn granted(&self, at: EventTime) -> impl Iterator<Item = Channel> {
        let is_granted =
            move |said: Option<(EventTime, bool)>| said.is_some_and(|(since, granted)| granted && since <= at);
        Channel::ALL.into_iter().filter(move |channel| is_granted(self.0[*channel as usize]))
    }

    /// What was said about each channel, in the order of [`Channel::ALL`].
    pub fn said(&self) -> &[Option<(EventTime, bool)>; 4] {
        &self.0
    }

    /// Consents as they were stored.
    pub fn from_said(said: [Option<(EventTime, bool)>; 4]) -> Self {
        Self(said)
    }
}
