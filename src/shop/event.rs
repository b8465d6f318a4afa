//! One record: what happened, to whom and when, and its JSON by the contract.

use serde::Serialize;

use super::calendar::rfc3339;
use super::draw::mixed;
use super::happening::{
    Basket, Category, ConsentChannel, Currency, Happening, Opportunity, Purpose, RefundReason, SalesChannel, Scale,
    SupportChannel,
};
use super::options::ShopTopic;

/// One record for an input topic. The record's key is `customer_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopEvent {
    /// Where it belongs.
    pub topic: ShopTopic,
    /// When it happened, in epoch milliseconds.
    pub at_ms: i64,
    /// When it is sent, in epoch milliseconds of the shop's time: `at_ms`, or less than an hour later for what arrives
    /// late or a second time. The shop's events come in this order.
    pub sent_at_ms: i64,
    /// Who it is about: `c-00042`.
    pub customer_id: String,
    /// What happened.
    pub happening: Happening,
    pub(super) place: Place,
}

/// Where in all stories an event stands: nothing else has the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) customer: u32,
    pub(super) order: u32,
    pub(super) piece: u8,
}

impl ShopEvent {
    pub(super) fn new(place: Place, at_ms: i64, sent_at_ms: i64, happening: Happening) -> Self {
        Self { topic: happening.topic(), at_ms, sent_at_ms, customer_id: customer_id(place.customer), happening, place }
    }

    /// The event's own id; an event that is sent twice keeps it.
    pub fn event_id(&self) -> String {
        let Place { customer, order, piece } = self.place;
        format!("e-{customer:05}-{order}-{piece}")
    }

    /// The order it is about, if it is about one.
    pub fn order_id(&self) -> Option<String> {
        let names_order = match self.happening {
            Happening::Purchase(_) | Happening::Refund { .. } => true,
            Happening::TicketOpened { names_order, .. } => names_order,
            _ => false,
        };
        names_order.then(|| self.id_of_order("o"))
    }

    /// The ticket it is about, if it is about one.
    pub fn ticket_id(&self) -> Option<String> {
        let names_ticket = match self.happening {
            Happening::Feedback { about_ticket, .. } => about_ticket,
            _ => self.topic == ShopTopic::Support,
        };
        names_ticket.then(|| self.id_of_order("t"))
    }

    /// The record's value: the contract's JSON in UTF-8.
    pub fn to_json(&self) -> Vec<u8> {
        let record = Record {
            r#type: self.happening.type_name(),
            event_id: self.event_id(),
            customer_id: &self.customer_id,
            occurred_at: rfc3339(self.at_ms),
            order_id: self.order_id(),
            ticket_id: self.ticket_id(),
            particulars: self.particulars(),
        };
        serde_json::to_vec(&record).expect("plain fields and texts always have a JSON form")
    }

    // An order has at most one ticket, so both are named after the order's place in its customer's story.
    fn id_of_order(&self, initial: &str) -> String {
        let Place { customer, order, .. } = self.place;
        format!("{initial}-{customer:05}-{order}")
    }

    fn particulars(&self) -> Particulars {
        match self.happening {
            Happening::Purchase(basket) => self.of_basket(&basket),
            Happening::Refund { amount_minor, currency, reason } => {
                Particulars::Refund { amount: currency.decimal(amount_minor), currency, reason }
            }
            Happening::TicketOpened { category, channel, .. } => Particulars::TicketOpened { category, channel },
            Happening::CustomerContacted { channel } => Particulars::CustomerContacted { channel },
            Happening::TicketResolved | Happening::TicketReopened => Particulars::None {},
            Happening::Feedback { scale, score, .. } => Particulars::Feedback { scale, score },
            Happening::ConsentChanged { channel, granted } => Particulars::ConsentChanged { channel, granted },
            Happening::ContactSent { channel, purpose } => {
                let Place { order, piece, .. } = self.place;
                Particulars::ContactSent {
                    channel,
                    purpose,
                    contact_id: format!("m-{:05}-{order}-{piece}", self.place.customer),
                }
            }
            Happening::ReviewHeld { opportunity, competitor_mentioned } => {
                Particulars::ReviewHeld { opportunity, competitor_mentioned }
            }
        }
    }

    fn of_basket(&self, basket: &Basket) -> Particulars {
        let currency = basket.currency;
        let percent = u32::from(basket.discount_percent.min(99));
        // What is paid is the price less the discount: the discount is paid · p / (100 − p).
        let taken_off = u64::from(basket.amount_minor) * u64::from(percent) / u64::from(100 - percent);
        Particulars::Purchase {
            amount: currency.decimal(basket.amount_minor),
            currency,
            channel: basket.channel,
            discount: (percent > 0).then(|| currency.decimal(taken_off as u32)),
            referred_by: basket.referred_by.map(customer_id),
            items: self.items(basket),
        }
    }

    /// The lines of an order: their amounts add up to what is paid.
    fn items(&self, basket: &Basket) -> Vec<Item> {
        let lines = u32::from(basket.items);
        (0..lines)
            .map(|line| {
                let share = basket.amount_minor / lines;
                let rest = if line == 0 { basket.amount_minor % lines } else { 0 };
                let Place { customer, order, .. } = self.place;
                let place = u64::from(customer) << 32 | u64::from(order) << 3;
                let article = mixed(place ^ u64::from(line));
                Item {
                    sku: format!("sku-{:04}", article % 2_000),
                    quantity: 1 + (article >> 40) as u8 % 3,
                    amount: basket.currency.decimal(share + rest),
                }
            })
            .collect()
    }
}

/// A customer's id from their number.
fn customer_id(number: u32) -> String {
    format!("c-{number:05}")
}

#[derive(Serialize)]
struct Record<'a> {
    r#type: &'static str,
    event_id: String,
    customer_id: &'a str,
    occurred_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_id: Option<String>,
    #[serde(flatten)]
    particulars: Particulars,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Particulars {
    Purchase {
        amount: String,
        currency: Currency,
        #[serde(skip_serializing_if = "Option::is_none")]
        channel: Option<SalesChannel>,
        #[serde(skip_serializing_if = "Option::is_none")]
        discount: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        referred_by: Option<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        items: Vec<Item>,
    },
    Refund {
        amount: String,
        currency: Currency,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<RefundReason>,
    },
    TicketOpened {
        #[serde(skip_serializing_if = "Option::is_none")]
        category: Option<Category>,
        #[serde(skip_serializing_if = "Option::is_none")]
        channel: Option<SupportChannel>,
    },
    CustomerContacted {
        #[serde(skip_serializing_if = "Option::is_none")]
        channel: Option<SupportChannel>,
    },
    Feedback {
        scale: Scale,
        score: u8,
    },
    ConsentChanged {
        channel: ConsentChannel,
        granted: bool,
    },
    ContactSent {
        channel: ConsentChannel,
        purpose: Purpose,
        contact_id: String,
    },
    ReviewHeld {
        #[serde(skip_serializing_if = "Option::is_none")]
        opportunity: Option<Opportunity>,
        #[serde(skip_serializing_if = "Option::is_none")]
        competitor_mentioned: Option<bool>,
    },
    None {},
}

#[derive(Serialize)]
struct Item {
    sku: String,
    quantity: u8,
    amount: String,
}
