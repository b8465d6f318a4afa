//! What the demo reads of a signal, the JSON any downstream service gets, and its reasons in words.

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Signal {
    pub(super) kind: String,
    pub(super) customer_id: String,
    pub(super) occurred_at: String,
    #[serde(flatten)]
    pub(super) about: About,
}

/// What only one of the two types has.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum About {
    Risk(Risk),
    Return(Return),
}

#[derive(Deserialize)]
pub(super) struct Return {
    pub(super) purchase_number: u32,
    pub(super) days_since_previous: Option<f64>,
    pub(super) amount: String,
    pub(super) currency: String,
    pub(super) lifetime_amount: String,
    pub(super) recovered_ticket_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Risk {
    pub(super) level: String,
    pub(super) previous_level: String,
    pub(super) return_probability: f64,
    pub(super) usual_return_probability: f64,
    pub(super) value_at_risk: Money,
    pub(super) action: Option<String>,
    pub(super) contact_channels: Vec<String>,
    reasons: Vec<Reason>,
}

#[derive(Deserialize)]
pub(super) struct Money {
    pub(super) amount: String,
    pub(super) currency: String,
}

#[derive(Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
enum Reason {
    Silence { days_silent: f64, usual_days_between: Option<f64> },
    OpenTicket { ticket_id: String, days_open: f64 },
    OverdueTicket {},
    RepeatedContact { contacts: u32 },
    LowRating { scale: String, score: f64 },
    PainlessResolution { ticket_id: String },
    Refund {},
}

impl Risk {
    /// `62 % -> 14 %`
    pub(super) fn chance(&self) -> String {
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        format!("{} -> {}", percent(self.usual_return_probability), percent(self.return_probability))
    }

    /// The reasons, the strongest first, in as many words as a line has room for.
    pub(super) fn why(&self) -> String {
        let is_overdue = self.reasons.iter().any(|reason| matches!(reason, Reason::OverdueTicket {}));
        let words = self.reasons.iter().filter_map(|reason| match reason {
            Reason::Silence { days_silent, usual_days_between: Some(usual) } => {
                Some(format!("silent for {} where {} are usual", days(*days_silent), days(*usual)))
            }
            Reason::Silence { days_silent, usual_days_between: None } => {
                Some(format!("no second order for {}", days(*days_silent)))
            }
            Reason::OpenTicket { ticket_id, days_open } if is_overdue => {
                Some(format!("ticket {ticket_id} still open after {}", days(*days_open)))
            }
            Reason::OpenTicket { ticket_id, .. } => Some(format!("ticket {ticket_id} is open")),
            Reason::OverdueTicket {} => None,
            Reason::RepeatedContact { contacts: 1 } => Some("had to ask again".to_owned()),
            Reason::RepeatedContact { contacts } => Some(format!("had to ask again {contacts} times")),
            Reason::LowRating { scale, score } => Some(format!("rated {scale} {score}")),
            Reason::PainlessResolution { ticket_id } => Some(format!("though {ticket_id} was solved with ease")),
            Reason::Refund {} => Some("sent something back".to_owned()),
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// What to do, and how.
    pub(super) fn what_to_do(&self) -> String {
        let action = match self.action.as_deref() {
            Some("resolve_ticket") => return "resolve the ticket".to_owned(),
            Some("call") => "call",
            Some("win_back_offer") => "win back",
            Some(other) => other,
            None => return String::new(),
        };
        match self.contact_channels.as_slice() {
            [] => format!("{action}, but may not be contacted"),
            channels => format!("{action}, open to {}", channels.join(", ")),
        }
    }
}

/// `50 days`, `1.5 days`, `30 hours`
pub(super) fn days(days: f64) -> String {
    match days {
        _ if days < 1.0 / 24.0 => "less than an hour".to_owned(),
        _ if days < 2.0 => format!("{:.0} h", days * 24.0),
        _ if days < 10.0 => format!("{days:.1} days"),
        _ => format!("{days:.0} days"),
    }
}
