//! Events as plain values, from JSON lines as the contract writes them, or from purchase histories in CSV.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::money;

#[derive(Clone, Debug)]
pub struct Event {
    /// Milliseconds since 1970.
    pub at: i64,
    pub id: String,
    pub customer: String,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Purchased {
        order: String,
        minor: i64,
        currency: String,
        is_referred: bool,
    },
    Refunded {
        order: String,
        minor: i64,
        currency: String,
    },
    Opened {
        ticket: String,
        category: Option<String>,
    },
    Contacted {
        ticket: String,
    },
    Resolved {
        ticket: String,
    },
    Reopened {
        ticket: String,
    },
    Rated {
        scale: String,
        score: f64,
        ticket: Option<String>,
    },
    Erased,
    /// Consent, a contact made, a review: time passes, and no rate asks for them.
    Passed,
}

/// One event a line, in the order of arrival.
pub fn json_lines(text: &str) -> Vec<Event> {
    let event = |line: &str| {
        let json: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        Event {
            at: string(&json, "occurred_at").parse::<Timestamp>().expect("RFC 3339").as_millisecond(),
            id: string(&json, "event_id"),
            customer: string(&json, "customer_id"),
            what: what(&json),
        }
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(event).collect()
}

fn what(json: &Value) -> What {
    let ticket = || string(json, "ticket_id");
    let order = || string(json, "order_id");
    let currency = || string(json, "currency");
    match json["type"].as_str().expect("a type") {
        "purchase" => What::Purchased {
            order: order(),
            minor: amount(json),
            currency: currency(),
            is_referred: json["referred_by"].is_string(),
        },
        "refund" => What::Refunded { order: order(), minor: amount(json), currency: currency() },
        "ticket_opened" => What::Opened { ticket: ticket(), category: json["category"].as_str().map(str::to_owned) },
        "customer_contacted" => What::Contacted { ticket: ticket() },
        "ticket_resolved" => What::Resolved { ticket: ticket() },
        "ticket_reopened" => What::Reopened { ticket: ticket() },
        "feedback" => What::Rated {
            scale: string(json, "scale"),
            score: json["score"].as_f64().expect("a score"),
            ticket: json["ticket_id"].as_str().map(str::to_owned),
        },
        "customer_erased" => What::Erased,
        "consent_changed" | "contact_sent" | "review_held" => What::Passed,
        other => panic!("the contract has no event {other}"),
    }
}

fn string(json: &Value, field: &str) -> String {
    json[field].as_str().unwrap_or_else(|| panic!("{json} has no {field}")).to_owned()
}

fn amount(json: &Value) -> i64 {
    let text = json["amount"].as_str().map_or_else(|| json["amount"].to_string(), str::to_owned);
    money::minor(&text, &string(json, "currency"))
}

/// Purchases of a table with the columns customer, time, type, order and amount. A time without offset is UTC, an
/// empty amount 0; the currency is XXX.
pub fn csv(text: &str) -> Vec<Event> {
    let event = |(n, row): (usize, &str)| {
        let cells: Vec<&str> = row.split(',').collect();
        let [customer, time, "purchase", order, amount] = cells[..] else { panic!("{row} is no purchase") };
        let at = time.parse::<DateTime>().and_then(|time| time.to_zoned(TimeZone::UTC)).expect("a time");
        let minor = if amount.is_empty() { 0 } else { money::minor(amount, "XXX") };
        let (order, currency) = (order.to_owned(), "XXX".to_owned());
        Event {
            at: at.timestamp().as_millisecond(),
            id: format!("row-{n}"),
            customer: customer.to_owned(),
            what: What::Purchased { order, minor, currency, is_referred: false },
        }
    };
    text.lines().enumerate().skip(1).map(event).collect()
}
