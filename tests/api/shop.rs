//! What customers do, told by hand or drawn at random from fixed seeds.

use homecoming::domain::consent::Channel;
use homecoming::domain::rating::{Rating, Scale};
use homecoming::domain::ticket::TicketStep;
use homecoming::domain::time::DAY_MS;
use homecoming::domain::{Amount, Currency, CustomerId, EventId, EventTime, OrderId, TicketId};
use homecoming::engine::{Event, Happening};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

/// 2026-01-01.
pub const START: i64 = 1_767_225_600_000;

pub fn drawn(cases: u32) -> ProptestConfig {
    let given = ProptestConfig::default();
    ProptestConfig {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { given.cases } else { cases },
        rng_seed: if given.rng_seed == RngSeed::Random { RngSeed::Fixed(20_261_128) } else { given.rng_seed },
        failure_persistence: None,
        ..given
    }
}

/// So many days after 2026-01-01.
pub fn day(days: f64) -> EventTime {
    EventTime::from_millis(START + (days * DAY_MS as f64) as i64)
}

pub fn customer(name: &str) -> CustomerId {
    CustomerId::new(name).expect("a valid id")
}

pub fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("a currency")
}

fn event(of: &str, at: EventTime, id: &str, what: Happening) -> Event {
    let id = EventId::new(&format!("{id} {}", at.millis())).expect("a valid id");
    Event { customer: customer(of), id, at, what }
}

pub fn buys(of: &str, days: f64, amount: &str, code: &str) -> Event {
    let amount = currency(code).parse_amount(amount).expect("an amount");
    let order = OrderId::new(&format!("o-{days}")).expect("a valid id");
    event(of, day(days), "order", Happening::Purchased { order, amount, referred: false })
}

pub fn complains(of: &str, days: f64, ticket: &str, step: TicketStep) -> Event {
    let ticket = TicketId::new(ticket).expect("a valid id");
    event(of, day(days), "ticket", Happening::Ticket { ticket, step })
}

pub fn rates(of: &str, days: f64, score: f64) -> Event {
    let rating = Rating::new(Scale::Csat, score).expect("a score");
    event(of, day(days), "rating", Happening::Rated { rating, ticket: None })
}

pub fn gives_back(of: &str, days: f64, amount: &str, code: &str) -> Event {
    let amount = currency(code).parse_amount(amount).expect("an amount");
    let order = OrderId::new("o-unknown").expect("a valid id");
    event(of, day(days), "refund", Happening::Refunded { order, amount })
}

pub fn agrees(of: &str, days: f64, channel: Channel, granted: bool) -> Event {
    event(of, day(days), channel.name(), Happening::ConsentChanged { channel, granted })
}

/// Something a customer does, so long after what they did before.
#[derive(Clone, Debug)]
pub struct Deed {
    customer: u8,
    gap_ms: i64,
    doing: Doing,
}

#[derive(Clone, Debug)]
enum Doing {
    Buys { minor: i64, currency: &'static str },
    GivesBack { minor: i64, currency: &'static str },
    Complains { ticket: u8, step: TicketStep },
    Rates { score: u8, ticket: Option<u8> },
    Says { channel: Channel, granted: bool },
    IsErased,
}

/// Those at which something ends to the millisecond, and their neighbours.
const EXACT_GAPS: [i64; 8] =
    [DAY_MS - 1, DAY_MS, DAY_MS + 1, 60 * DAY_MS - 1, 60 * DAY_MS, 60 * DAY_MS + 1, 90 * DAY_MS, 90 * DAY_MS + 1];

fn doing(erased: u32) -> impl Strategy<Value = Doing> {
    let money = || (0..100_000i64, select(vec!["EUR", "JPY", "BHD"]));
    let steps = [TicketStep::Opened(None), TicketStep::Contacted, TicketStep::Resolved, TicketStep::Reopened];
    prop_oneof![
        8 => money().prop_map(|(minor, currency)| Doing::Buys { minor, currency }),
        1 => money().prop_map(|(minor, currency)| Doing::GivesBack { minor, currency }),
        5 => (0..3u8, select(steps.to_vec())).prop_map(|(ticket, step)| Doing::Complains { ticket, step }),
        2 => (1..=5u8, proptest::option::of(0..3u8)).prop_map(|(score, ticket)| Doing::Rates { score, ticket }),
        2 => (select(&Channel::ALL[..]), any::<bool>())
            .prop_map(|(channel, granted)| Doing::Says { channel, granted }),
        erased => Just(Doing::IsErased),
    ]
}

/// What customers did, in the order of time; nobody does two things at one instant. `erased`: how often, next to 18 others.
pub fn history(customers: u8, deeds: std::ops::Range<usize>, erased: u32) -> impl Strategy<Value = Vec<Event>> {
    let gap = prop_oneof![
        1 => 1..1000i64,
        3 => 1..3_600_000i64,
        6 => 1..40 * DAY_MS,
        2 => 60 * DAY_MS..200 * DAY_MS,
        4 => select(EXACT_GAPS.to_vec()),
    ];
    let deed =
        (0..customers, gap, doing(erased)).prop_map(|(customer, gap_ms, doing)| Deed { customer, gap_ms, doing });
    vec(deed, deeds).prop_map(|deeds| in_order(&deeds))
}

fn in_order(deeds: &[Deed]) -> Vec<Event> {
    let mut last = std::collections::BTreeMap::new();
    let events = deeds.iter().enumerate().map(|(n, deed)| {
        let at = last.entry(deed.customer).or_insert(START + i64::from(deed.customer) * 7_777_777);
        *at += deed.gap_ms;
        done(deed, EventTime::from_millis(*at), n)
    });
    let mut events: Vec<Event> = events.collect();
    events.sort_by_key(|event| event.at);
    events
}

fn done(deed: &Deed, at: EventTime, n: usize) -> Event {
    let order = OrderId::new(&format!("o-{n}")).expect("a valid id");
    let ticket = |number: u8| TicketId::new(&format!("t-{number}")).expect("a valid id");
    let what = match deed.doing {
        Doing::Buys { minor, currency: code } => {
            let amount = Amount::from_minor(minor, currency(code));
            Happening::Purchased { order, amount, referred: false }
        }
        Doing::GivesBack { minor, currency: code } => {
            Happening::Refunded { order, amount: Amount::from_minor(minor, currency(code)) }
        }
        Doing::Complains { ticket: number, step } => Happening::Ticket { ticket: ticket(number), step },
        Doing::Rates { score, ticket: about } => {
            let rating = Rating::new(Scale::Csat, f64::from(score)).expect("a score");
            Happening::Rated { rating, ticket: about.map(ticket) }
        }
        Doing::Says { channel, granted } => Happening::ConsentChanged { channel, granted },
        Doing::IsErased => Happening::Erased,
    };
    event(&format!("c-{}", deed.customer), at, &format!("e-{n}"), what)
}
