//! Whom to call first.

use std::collections::BTreeMap;
use std::sync::Arc;

use homecoming::domain::consent::Channel;
use homecoming::domain::ticket::TicketStep;
use homecoming::domain::{CustomerId, Level, Policy, Signal};
use homecoming::engine::{Committed, Event, Rank};
use homecoming::store::ranking::Wanted;
use homecoming::store::{PartitionStore, Partitions};
use homecoming::wire::customers::CustomerRow;
use homecoming::wire::signal;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::shop::{agrees, buys, complains, currency, day, drawn, history};
use crate::stage::{Api, Work};

/// Two partitions on 2026-03-12: ana, ben and eve are silent for 70 days, cem for 100, dov has just ordered.
pub fn a_shop() -> (Arc<Policy>, Arc<Partitions>) {
    let (policy, partitions) = (Arc::new(Policy::default()), Arc::new(Partitions::default()));
    let mut works = [0, 1].map(|partition| Work::new(&policy, partitions.open(partition)));
    let silent = |name: &str, amount: &str, code: &str| [0.0, 1.0].map(|days| buys(name, days, amount, code));
    for event in silent("ana", "100", "EUR").into_iter().chain([agrees("ana", 2.0, Channel::Email, true)]) {
        works[0].apply(&event);
    }
    for event in silent("eve", "100", "EUR").into_iter().chain([buys("dov", 70.0, "5000", "EUR")]) {
        works[1].apply(&event);
    }
    for event in silent("ben", "10000", "JPY").into_iter().chain([agrees("ben", 2.0, Channel::Phone, true)]) {
        works[1].apply(&event);
    }
    for event in [-30.0, -29.0].map(|days| buys("cem", days, "70.00", "EUR")) {
        works[0].apply(&event);
    }
    for work in &mut works {
        work.time_is(day(70.5));
        work.commit();
    }
    (policy, partitions)
}

fn ids(answer: &Value) -> Vec<&str> {
    let rows = answer["customers"].as_array().expect("a list");
    rows.iter().map(|row| row["customer_id"].as_str().expect("an id")).collect()
}

#[test]
fn who_has_most_at_stake_comes_first_whatever_the_partition_and_of_equals_the_lesser_id() {
    let (policy, partitions) = a_shop();
    let api = Api::over(&partitions, &policy);
    let answer = api.answer("/api/v1/customers");
    // 10,000 JPY are 10,000 in major units, as 100.00 EUR are 100: they are compared and not converted.
    assert_eq!(ids(&answer), ["ben", "ana", "eve"]);
    assert_eq!((&answer["total"], &answer["partitions"]), (&json!(3), &json!([0, 1])));
    assert_eq!(answer["at"], "2026-03-12T12:00:00Z");
    assert_eq!(ids(&api.answer("/api/v1/customers?level=lapsed&order=value_at_risk")), ["cem"]);
    for (query, first, total) in [
        ("currency=EUR", vec!["ana", "eve"], 2),
        ("currency=EUR&limit=1", vec!["ana"], 2),
        ("currency=USD", vec![], 0),
        ("channel=email", vec!["ana"], 3),
        ("channel=phone&currency=EUR", vec![], 2),
        ("channel=post", vec![], 3),
        ("level=at_risk&limit=500", vec!["ben", "ana", "eve"], 3),
    ] {
        let answer = api.answer(&format!("/api/v1/customers?{query}"));
        assert_eq!((ids(&answer), &answer["total"]), (first, &json!(total)), "{query}");
    }
    let by_level = ["medium", "high"].map(|level| api.answer(&format!("/api/v1/customers?level={level}")));
    assert_eq!(by_level.iter().map(|answer| ids(answer).len()).sum::<usize>(), 3);
}

#[test]
fn a_row_says_what_the_customer_s_own_answer_says_and_what_to_do() {
    let (policy, partitions) = a_shop();
    let api = Api::over(&partitions, &policy);
    for path in ["/api/v1/customers", "/api/v1/customers?level=lapsed"] {
        let answer = api.answer(path);
        for row in answer["customers"].as_array().expect("a list") {
            let own = api.answer(&format!("/api/v1/customers/{}", row["customer_id"].as_str().expect("an id")));
            for name in ["partition", "level", "episode_id", "orders", "last_order_at", "contact_channels"] {
                assert_eq!(row[name], own[name], "{name}");
            }
            for (name, said) in own["chance_of_return"].as_object().expect("an assessment") {
                assert_eq!(row[name], *said, "{name}");
            }
            // The same curve that the customer's story tells, as all came in order.
            let changes = own["story"]["changes"].as_array().expect("changes");
            assert_eq!(row["level_since"], changes.last().expect("a change")["at"]);
        }
    }
    let lapsed = &api.answer("/api/v1/customers?level=lapsed")["customers"][0];
    assert_eq!(lapsed["level_since"], "2026-03-03T00:00:00Z", "the last order and 90 days");
    assert_eq!(lapsed["action"], "win_back_offer");
    assert_eq!(lapsed["announced_value_at_risk"]["currency"], "EUR");
}

#[test]
fn what_is_asked_for_in_other_words_is_refused_by_naming_the_right_ones() {
    let (policy, partitions) = a_shop();
    let api = Api::over(&partitions, &policy);
    for (query, allowed) in [
        ("level=low", "at_risk, medium, high, lapsed"),
        ("level=", "at_risk, medium, high, lapsed"),
        ("order=name", "value_at_risk"),
        ("limit=0", "1 to 500"),
        ("limit=501", "1 to 500"),
        ("limit=-1", "1 to 500"),
        ("limit=+1", "1 to 500"),
        ("currency=eur", "ISO 4217"),
        ("currency=ZZZ", "ISO 4217"),
        ("channel=fax", "email, sms, phone, post"),
        ("page=2", "level, order, limit, currency, channel"),
        ("level=high&level=high", "twice"),
        ("level=%ff", "level"),
    ] {
        let detail = api.refusal(&format!("/api/v1/customers?{query}"));
        assert!(detail.contains(allowed), "{query}: {detail}");
    }
}

#[test]
fn who_comes_back_or_is_forgotten_leaves_and_who_solves_a_problem_moves() {
    let (policy, partitions) = (Arc::new(Policy::default()), Arc::new(Partitions::default()));
    let api = Api::over(&partitions, &policy);
    let mut work = Work::new(&policy, partitions.open(0));
    for (name, amount) in [("ana", "10"), ("ben", "20")] {
        work.apply(&buys(name, 0.0, amount, "EUR"));
        work.apply(&complains(name, 1.0, "t-1", TicketStep::Opened(None)));
    }
    work.time_is(day(60.0));
    work.commit();
    let answer = api.answer("/api/v1/customers");
    assert_eq!(ids(&answer), ["ben", "ana"]);
    assert_eq!(answer["customers"][0]["action"], "resolve_ticket");

    work.apply(&buys("ben", 60.5, "20", "EUR"));
    assert_eq!(ids(&api.answer("/api/v1/customers")), ["ben", "ana"], "what is not committed is not seen");
    work.engine.undo();
    assert_eq!(ids(&api.answer("/api/v1/customers")), ["ben", "ana"]);
    work.apply(&complains("ben", 60.4, "t-1", TicketStep::Resolved));
    work.apply(&buys("ben", 60.5, "20", "EUR"));
    work.commit();
    assert_eq!(ids(&api.answer("/api/v1/customers")), ["ana"]);
    let erased = homecoming::engine::Happening::Erased;
    work.apply(&Event { what: erased, ..agrees("ana", 61.0, Channel::Email, true) });
    work.commit();
    assert_eq!(ids(&api.answer("/api/v1/customers")), Vec::<&str>::new());
}

// --- laws --------------------------------------------------------------------------------------------------------

#[derive(Clone, Copy, Debug)]
enum Ending {
    Committed,
    Undone,
    Restarted,
}

fn wanted() -> Vec<Wanted> {
    let levels = [vec![Level::Medium, Level::High], vec![Level::High], vec![Level::Lapsed]];
    let mut wanted = Vec::new();
    for levels in levels {
        for currency in [None, Some(currency("EUR")), Some(currency("BHD"))] {
            for channel in [None, Some(Channel::Sms)] {
                wanted.push(Wanted { levels: levels.clone(), currency, channel });
            }
        }
    }
    wanted
}

/// Looks through all customers, as the service never does.
fn found(works: &[Work], wanted: &Wanted) -> (usize, Vec<(usize, CustomerId)>) {
    let ranks = works.iter().enumerate().flat_map(|(n, work)| work.ranks().into_iter().map(move |of| (n, of)));
    let of_level = |rank: &Rank| {
        wanted.levels.contains(&rank.level) && wanted.currency.is_none_or(|currency| currency == rank.currency)
    };
    let all: Vec<_> = ranks.filter(|(_, (rank, _))| of_level(rank)).collect();
    let total = all.len();
    let thousandths = |rank: &Rank| u128::from(rank.minor) * 10u128.pow(3 - rank.currency.decimals());
    let allowed = |rank: &Rank| wanted.channel.is_none_or(|channel| rank.channels >> channel as u8 & 1 == 1);
    let mut all: Vec<_> = all.into_iter().filter(|(_, (rank, _))| allowed(rank)).collect();
    all.sort_by(|(_, (a, one)), (_, (b, other))| thousandths(b).cmp(&thousandths(a)).then(one.cmp(other)));
    (total, all.into_iter().map(|(n, (_, id))| (n, id)).collect())
}

proptest! {
    #![proptest_config(drawn(100))]

    /// However batches end, the ranking is that of the committed customers.
    #[test]
    fn the_ranking_is_that_of_all_committed_customers(
        events in history(6, 1..120, 1),
        endings in vec((1..12usize, select(vec![Ending::Committed, Ending::Undone, Ending::Restarted])), 1..40),
    ) {
        let policy = Arc::new(Policy::default());
        let mut works = [0, 1].map(|_| Work::new(&policy, Arc::new(PartitionStore::default())));
        let mut rest = &events[..];
        for (size, ending) in endings.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (batch, later) = rest.split_at((*size).min(rest.len()));
            for event in batch {
                let of = usize::from(event.customer.as_str() >= "c-3");
                works[of].apply(event);
                works[of].time_is(event.at);
            }
            for work in &mut works {
                match ending {
                    Ending::Committed => work.commit(),
                    Ending::Undone => work.engine.undo(),
                    Ending::Restarted => work.restart(),
                }
            }
            if matches!(ending, Ending::Committed) {
                rest = later;
            }
            let partitions: Vec<_> = works.iter().map(|work| (0, Arc::clone(&work.store))).collect();
            for wanted in wanted() {
                let (total, all) = found(&works, &wanted);
                let (told, first) = Partitions::first(&partitions, &wanted, usize::MAX);
                prop_assert_eq!((told, &first), (total, &all), "{:?}", wanted);
                let (_, two) = Partitions::first(&partitions, &wanted, 2);
                prop_assert_eq!(&two[..], &all[..all.len().min(2)]);
            }
            if endings.iter().all(|(_, ending)| !matches!(ending, Ending::Committed)) {
                break;
            }
        }
    }

    /// Of a customer whose events came in order, a row says what the last signal said.
    #[test]
    fn a_row_says_since_when_and_for_what_as_it_was_announced(events in history(3, 1..60, 0)) {
        let policy = Arc::new(Policy::default());
        let mut work = Work::new(&policy, Arc::new(PartitionStore::default()));
        for event in &events {
            work.apply(event);
        }
        let now = events.last().expect("at least one").at;
        work.time_is(now);
        work.commit();
        let mut last = BTreeMap::new();
        for told in &work.told {
            if let Signal::ChurnRisk(change) = told {
                let told: Value = serde_json::from_slice(&signal::encode(told)).expect("JSON");
                last.insert(change.customer.clone(), told);
            }
        }
        for (_, id) in work.ranks() {
            let customer = work.store.load(&id).expect("they are ranked");
            let row = CustomerRow::new(&id, 0, &customer, Some(now), &policy).expect("they have ordered");
            let row = serde_json::to_value(row).expect("JSON");
            let told = &last[&id];
            prop_assert_eq!(&row["level"], &told["level"]);
            prop_assert_eq!(&row["episode_id"], &told["episode_id"]);
            prop_assert_eq!(&row["level_since"], &told["occurred_at"]);
            prop_assert_eq!(&row["announced_value_at_risk"], &told["value_at_risk"]);
        }
    }
}
