//! Laws of reading and storing that hold whatever comes. `PROPTEST_RNG_SEED` and `PROPTEST_CASES` in the environment
//! draw others, or more.

use std::collections::BTreeSet;

use homecoming::domain::consent::{Channel, Consents};
use homecoming::domain::customer::{LowRating, LowRatings, Occurrences, Refund, Refunds, SeenEvents};
use homecoming::domain::money::Total;
use homecoming::domain::purchase::{Forgotten, Spending};
use homecoming::domain::rating::{Rating, Scale};
use homecoming::domain::risk::Standing;
use homecoming::domain::ticket::{Category, Ticket, TicketStep, Tickets};
use homecoming::domain::time::Month;
use homecoming::domain::{Amount, Currency, Customer, EventTime, Level, Order, OrderId, PurchaseHistory, TicketId};
use homecoming::wire::{Source, customer_record, decode_line};
use proptest::array::uniform4;
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::RngSeed;
use uuid::Uuid;

use crate::letters::{KINDS, Letter, STRUCTURED, read};

fn drawn(cases: u32) -> ProptestConfig {
    let given = ProptestConfig::default();
    ProptestConfig {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { given.cases } else { cases },
        rng_seed: if given.rng_seed == RngSeed::Random { RngSeed::Fixed(20_260_309) } else { given.rng_seed },
        failure_persistence: None,
        ..given
    }
}

// --- what is stored ----------------------------------------------------------------------------------------------

fn instant() -> impl Strategy<Value = EventTime> {
    (EventTime::EARLIEST.millis()..=EventTime::LATEST.millis()).prop_map(EventTime::from_millis)
}

/// Any text of 1 to 256 bytes.
fn id() -> impl Strategy<Value = String> {
    prop_oneof![8 => "\\PC{1,8}", 1 => "[\\x00\u{1f600}é]{1,64}", 1 => Just("x".repeat(256))]
}

fn purchases() -> impl Strategy<Value = PurchaseHistory> {
    let sums = prop_oneof![3 => 0..1_000_000i128, 1 => any::<i64>().prop_map(i128::from), 1 => any::<i128>()];
    let spending = subsequence(&["EUR", "JPY", "BHD", "XXX", "CLF"][..], 1..=5);
    let orders = vec((instant(), id(), any::<Index>(), 0..=i64::MAX), 0..12);
    let first = (instant(), id(), any::<Index>(), 0..=i64::MAX);
    let months = btree_set(23_880..30_000i32, 0..9);
    let forgotten = option::of((any::<u32>(), any::<u32>(), first, instant(), option::of(instant()), months));
    (spending, vec((sums.clone(), sums), 5), orders, forgotten).prop_map(|(codes, sums, orders, forgotten)| {
        let currencies: Vec<Currency> = codes.into_iter().filter_map(Currency::from_code).collect();
        let spending = currencies.iter().zip(sums);
        let order = |(at, id, currency, minor): (EventTime, String, Index, i64)| Order {
            at,
            id: OrderId::new(&id).expect("1 to 256 bytes"),
            amount: Amount::from_minor(minor, currencies[currency.index(currencies.len())]),
            referred: minor % 3 == 0,
        };
        let orders = orders.into_iter().map(order);
        PurchaseHistory {
            remembered: orders.collect(),
            forgotten: forgotten.map(|(orders, days, first, last, second, months)| Forgotten {
                orders,
                days,
                first: order(first),
                second,
                last,
                months: months.into_iter().map(Month).collect(),
            }),
            spending: spending
                .map(|(currency, (ordered, refunded))| Spending { currency: *currency, ordered, refunded })
                .collect(),
        }
    })
}

fn tickets() -> impl Strategy<Value = Tickets> {
    let about = option::of(select(Category::ALL.to_vec())).prop_map(TicketStep::Opened);
    let step = prop_oneof![about, select(vec![TicketStep::Contacted, TicketStep::Resolved, TicketStep::Reopened])];
    let ticket = (id(), btree_set((instant(), step), 1..8), any::<bool>()).prop_map(|(id, steps, is_settled)| Ticket {
        id: TicketId::new(&id).expect("1 to 256 bytes"),
        steps: steps.into_iter().collect(),
        is_settled,
    });
    vec(ticket, 0..6).prop_map(Tickets)
}

fn low_ratings() -> impl Strategy<Value = LowRatings> {
    let rating = (select(Scale::ALL.to_vec()), 0.0..=1.0f64).prop_map(|(scale, place)| {
        let (least, greatest) = scale.range();
        Rating::new(scale, (least + place * (greatest - least)).min(greatest)).expect("within the scale")
    });
    let low = (instant(), rating, option::of(id())).prop_map(|(at, rating, ticket)| LowRating {
        at,
        rating,
        ticket: ticket.and_then(|id| TicketId::new(&id)),
    });
    vec(low, 0..17).prop_map(LowRatings)
}

fn standing() -> impl Strategy<Value = Standing> {
    let episode = option::of(any::<u128>().prop_map(Uuid::from_u128));
    let since = option::of(instant());
    (select(Level::ALL.to_vec()), option::of(instant()), episode, option::of(instant()), since).prop_map(
        |(level, evaluated_at, episode, next_change, since)| Standing {
            level,
            evaluated_at,
            episode,
            next_change,
            value_at_risk: None,
            level_since: since.filter(|_| evaluated_at.is_some()),
        },
    )
}

/// Anybody at all, those included that no history leads to. Only who ordered was heard of.
fn anybody() -> impl Strategy<Value = Customer> {
    let occurrences =
        || (any::<u32>(), option::of(instant())).prop_map(|(count, last_at)| Occurrences { count, last_at });
    let consents = uniform4(option::of((instant(), any::<bool>()))).prop_map(Consents::from_said);
    let care = (tickets(), low_ratings(), option::of(instant()), consents, occurrences(), occurrences());
    let rest = (vec(any::<u64>(), 0..65).prop_map(SeenEvents), standing(), option::of(instant()));
    let refund = (instant(), any::<u64>(), 0..=i64::MAX, any::<Index>(), any::<bool>());
    let money = (vec(refund, 0..9), option::of((any::<i128>(), any::<Index>())));
    (purchases(), care, rest, money).prop_map(|(purchases, care, (seen, mut standing, heard_at), (refunds, value))| {
        let spent = purchases.spending.clone();
        let currency = |place: Index| spent[place.index(spent.len())].currency;
        standing.value_at_risk = value.map(|(minor, place)| Total { minor, currency: currency(place) });
        // Both are kept of an announcement, or neither.
        standing.level_since = standing.level_since.filter(|_| standing.value_at_risk.is_some());
        let refunds = refunds.into_iter().map(|(at, order, minor, place, is_known)| Refund {
            at,
            order,
            amount: Amount::from_minor(minor, currency(place)),
            is_known,
        });
        let refunds = Refunds(refunds.collect());
        let (tickets, low_ratings, last_refund_at, consents, contacts, reviews) = care;
        let heard_at = heard_at.or(purchases.last().map(|order| order.at));
        Customer {
            heard_at,
            purchases,
            tickets,
            low_ratings,
            last_refund_at,
            refunds,
            consents,
            contacts,
            reviews,
            seen,
            standing,
        }
    })
}

proptest! {
    #![proptest_config(drawn(500))]

    #[test]
    fn a_customer_record_is_the_customer(customer in anybody()) {
        let record = customer_record::encode(&customer);
        prop_assert_eq!(customer_record::decode(&record), Ok(customer.clone()));
        prop_assert_eq!(&customer_record::encode(&customer), &record, "the same customer, the same bytes");
    }

    /// What was said of one channel is not read as said of another.
    #[test]
    fn a_consent_stays_with_its_channel(channel in select(Channel::ALL.to_vec()), granted in any::<bool>(), at in instant()) {
        let mut customer = Customer::default();
        customer.consents.change(channel, granted, at);
        let read = customer_record::decode(&customer_record::encode(&customer)).expect("a whole record");
        let offered: Vec<Channel> = read.consents.granted(EventTime::LATEST).collect();
        prop_assert_eq!(offered, if granted { vec![channel] } else { vec![] });
    }

    /// Damaged in one place, or cut: an error or another customer, never a panic; and what is read can be written.
    #[test]
    fn a_damaged_record_does_not_panic(customer in anybody(), hit in any::<Index>(), by: u8, cut in any::<Index>()) {
        let mut record = customer_record::encode(&customer).into_vec();
        prop_assert!(customer_record::decode(&record[..cut.index(record.len())]).is_err(), "a cut record is not whole");
        let place = hit.index(record.len());
        record[place] = by;
        if let Ok(customer) = customer_record::decode(&record) {
            customer.tickets.as_of(EventTime::LATEST).for_each(drop);
        }
    }

    /// Well-formed, but from nowhere in our world: steps, scales and scores that do not exist, tickets without steps.
    #[test]
    fn an_impossible_record_does_not_panic(
        tickets in vec(("\\PC{0,3}", vec((any::<i64>(), 0..14u8), 0..3)), 0..3),
        ratings in vec((any::<i64>(), 0..4u8, any::<f64>(), option::of("\\PC{0,2}")), 0..3),
        dates in uniform4(any::<Option<(i64, bool)>>()),
        (level, refund, contacts) in (0..6u8, any::<Option<i64>>(), any::<(u32, Option<i64>)>()),
    ) {
        let nothing = Vec::<u8>::new;
        let is_possible = level < 4
            && tickets.iter().all(|(id, steps)| !id.is_empty() && !steps.is_empty() && steps.iter().all(|(_, step)| *step < 12))
            && ratings.iter().all(|(_, scale, score, ticket)| {
                let scale = Scale::ALL.get(usize::from(*scale));
                scale.and_then(|scale| Rating::new(*scale, *score)).is_some() && ticket.as_ref().is_none_or(|id| !id.is_empty())
            });
        let care = (tickets, ratings, refund, dates, contacts, contacts);
        let before = (nothing(), None::<u8>, nothing(), nothing(), level);
        let record = (before, None::<i64>, None::<u8>, None::<i64>, None::<i64>, Some(care));
        let bytes = postcard::to_extend(&record, vec![1]).expect("a vector takes whatever is written to it");
        let read = customer_record::decode(&bytes);
        prop_assert_eq!(read.is_ok(), is_possible, "{:?}", read);
        if let Ok(customer) = read {
            customer_record::encode(&customer);
        }
    }
}

// --- what comes in -----------------------------------------------------------------------------------------------

/// Text that is nearly an event: a valid one with other values in its fields, and some too many.
fn nearly_an_event() -> impl Strategy<Value = String> {
    let names = KINDS.iter().flat_map(|kind| kind.required.iter().chain(kind.optional)).map(|(name, _)| *name);
    let names: BTreeSet<&str> = names.chain(["event_id", "customer_id", "occurred_at", "type", "data", ""]).collect();
    let values = KINDS.iter().flat_map(|kind| kind.required.iter().chain(kind.optional)).map(|(_, json)| *json);
    let values: Vec<String> = values.map(str::to_owned).collect();
    let types = KINDS.map(|kind| format!("\"{}\"", kind.name)).to_vec();
    let value = prop_oneof![
        6 => select(values),
        1 => select(types),
        1 => Just("null".to_owned()),
        1 => "-?[0-9]{0,3}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{1,20})?",
        1 => "\"\\PC{0,12}\"",
        1 => "\"(\\\\u[0-9a-f]{0,4}|\\\\n|x){0,4}\"",
        1 => "[\\[\\]{}\",:]{0,6}",
    ];
    let fields = vec((select(Vec::from_iter(names)), value), 0..4);
    (0..KINDS.len(), fields).prop_map(|(kind, fields)| {
        let letter = Letter::of(&KINDS[kind]);
        fields.iter().fold(letter, |letter, (name, json)| letter.with(name, json)).text()
    })
}

/// On every topic, plain and as a structured CloudEvent.
fn topics_that_take(value: &[u8]) -> Vec<Source> {
    let _ = Source::ALL.map(|source| read(source, Some(b"c-42"), value, STRUCTURED));
    Source::ALL.into_iter().filter(|source| read(*source, Some(b"c-42"), value, None).is_ok()).collect()
}

proptest! {
    #![proptest_config(drawn(2000))]

    /// Whatever lies in a topic, reading it ends in an event or in a rejection.
    #[test]
    fn no_bytes_make_reading_an_event_panic(
        bytes in vec(any::<u8>(), 0..300),
        text in nearly_an_event(),
        hit in any::<Index>(),
        by: u8,
    ) {
        topics_that_take(&bytes);
        let mut spoiled = text.clone().into_bytes();
        let place = hit.index(spoiled.len());
        spoiled[place] = by;
        topics_that_take(&spoiled);
        topics_that_take(&spoiled[..place]);
        topics_that_take(format!("{{\"data\":{text}}}").as_bytes());
    }

    /// An event belongs to one topic, and means in a file what it means there.
    #[test]
    fn an_event_is_taken_on_one_topic_or_on_none(text in nearly_an_event()) {
        let takers = topics_that_take(text.as_bytes());
        prop_assert!(takers.len() <= 1, "{takers:?} take {text}");
        for source in takers {
            prop_assert_eq!(read(source, Some(b"c-42"), text.as_bytes(), None), decode_line(&text));
        }
    }
}
