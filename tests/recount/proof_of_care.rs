//! The recount of tickets, ratings and lapses held against cases small enough to count by hand.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::recount::histories::{Plan, hostile};
use super::recount::{DAY_MS, Event, Options, json_lines, recount, sum};

fn millis(time: &str) -> i64 {
    time.parse::<Timestamp>().expect("a time").as_millisecond()
}

/// One customer's events: what, when, and the rest.
fn ana(told: &[(&str, &str, Value)]) -> Vec<Event> {
    let line = |(n, (kind, time, more)): (usize, &(&str, &str, Value))| {
        let mut line = more.clone();
        let fields = [("type", *kind), ("occurred_at", *time), ("customer_id", "ana"), ("event_id", &format!("e-{n}"))];
        for (name, value) in fields {
            line[name] = value.into();
        }
        if *kind == "purchase" || *kind == "refund" {
            line["amount"] = "10".into();
            line["currency"] = "EUR".into();
        }
        line.to_string()
    };
    json_lines(&told.iter().enumerate().map(line).collect::<Vec<_>>().join("\n"))
}

fn count(told: &[(&str, &str, Value)], at: &str) -> Value {
    recount(&ana(told), millis(at), &Options::default())
}

fn ticket() -> Value {
    json!({"ticket_id": "t-1"})
}

fn order(id: &str) -> Value {
    json!({"order_id": id})
}

fn low(score: f64, scale: &str) -> Value {
    json!({"ticket_id": "t-1", "scale": scale, "score": score})
}

/// A ticket opened at the beginning of 1 June and resolved in time, and what else befell it.
fn painless(more: &[(&str, &str, Value)], resolved: &str, at: &str) -> Value {
    let mut told = vec![("ticket_opened", "2026-06-01T00:00:00Z", ticket()), ("ticket_resolved", resolved, ticket())];
    told.extend_from_slice(more);
    count(&told, at)["windows"]["30d"]["painless_resolution"].clone()
}

const IN_TIME: &str = "2026-06-02T00:00:00Z";
const LATER: &str = "2026-06-20T00:00:00Z";

fn failed(reason: &str) -> Value {
    let mut failed = json!({"overdue": 0, "contacted": 0, "reopened": 0, "low_rating": 0});
    if !reason.is_empty() {
        failed[reason] = 1.into();
    }
    json!({"numerator": i32::from(reason.is_empty()), "denominator": 1, "unripe": 0, "failed": failed})
}

#[test]
fn a_resolution_is_painless_to_the_millisecond() {
    assert_eq!(painless(&[], IN_TIME, LATER), failed(""));
    assert_eq!(painless(&[], "2026-06-02T00:00:00.001Z", LATER), failed("overdue"));
    let (just, over) = ("2026-06-09T00:00:00Z", "2026-06-09T00:00:00.001Z");
    for (kind, more, reason) in [
        ("customer_contacted", ticket(), "contacted"),
        ("ticket_opened", ticket(), "contacted"),
        ("ticket_reopened", ticket(), "reopened"),
        ("feedback", low(2.0, "csat"), "low_rating"),
        ("feedback", low(3.0, "ces"), "low_rating"),
    ] {
        assert_eq!(painless(&[(kind, just, more.clone())], IN_TIME, LATER), failed(reason), "{kind}");
        assert_eq!(painless(&[(kind, over, more)], IN_TIME, LATER), failed(""), "{kind} after a week");
    }
    for more in [low(2.5, "csat"), low(3.5, "ces"), low(0.0, "nps"), json!({"scale": "csat", "score": 1})] {
        assert_eq!(painless(&[("feedback", just, more)], IN_TIME, LATER), failed(""));
    }
}

#[test]
fn a_resolution_is_ripe_once_a_week_has_passed() {
    let unripe = painless(&[], IN_TIME, "2026-06-09T00:00:00Z");
    assert_eq!((&unripe["denominator"], &unripe["unripe"]), (&json!(0), &json!(1)));
    assert_eq!(painless(&[], IN_TIME, "2026-06-09T00:00:00.001Z"), failed(""));
    // It is counted on the day on which it became ripe, for as long as the window holds that day.
    assert_eq!(painless(&[], IN_TIME, "2026-07-08T23:59:59.999Z"), failed(""));
    assert_eq!(painless(&[], IN_TIME, "2026-07-09T00:00:00Z")["denominator"], 0);
}

/// Expected by hand: x 0, tx 0, T 10 days, within 60 days.
const EXPECTED: f64 = 0.202_388_312_150;

#[test]
fn a_recovery_is_an_order_within_sixty_days_of_the_last_resolution() {
    let case = |more: &[(&str, &str, Value)], at: &str| {
        let mut told = vec![
            ("purchase", "2026-01-01T00:00:00Z", order("o-1")),
            ("ticket_opened", "2026-01-11T00:00:00Z", ticket()),
            ("ticket_resolved", "2026-01-11T06:00:00Z", ticket()),
        ];
        told.extend_from_slice(more);
        count(&told, at)["service_recovery"].clone()
    };
    let is = |effort: &Value, returned: u32, ripe: u32| {
        assert_eq!((&effort["numerator"], &effort["denominator"]), (&json!(returned), &json!(ripe)), "{effort}");
        let expected = effort["expected"].as_f64().expect("a number");
        assert!((expected - f64::from(ripe) * EXPECTED).abs() < 1e-6, "{expected}");
    };
    is(&case(&[], "2026-03-12T06:00:00Z")["painless"], 0, 0);
    is(&case(&[], "2026-03-12T06:00:00.001Z")["painless"], 0, 1);
    for (time, returned) in [
        ("2026-03-12T06:00:00Z", 1),
        ("2026-03-12T06:00:00.001Z", 0),
        ("2026-01-11T06:00:00Z", 0),
        ("2026-01-11T06:00:00.001Z", 1),
    ] {
        is(&case(&[("purchase", time, order("o-2"))], "2026-06-01T00:00:00Z")["painless"], returned, 1);
    }
    // Reopened, it is no case until it is resolved again, and was no painless one.
    let reopened = ("ticket_reopened", "2026-02-01T00:00:00Z", ticket());
    let early = ("purchase", "2026-01-20T00:00:00Z", order("o-2"));
    let open = case(&[early.clone(), reopened.clone()], "2026-06-01T00:00:00Z");
    is(&open["painless"], 0, 0);
    is(&open["painful"], 0, 0);
    let again = ("ticket_resolved", "2026-02-02T00:00:00Z", ticket());
    let settled = case(&[early, reopened, again], "2026-06-01T00:00:00Z");
    is(&settled["painless"], 0, 0);
    is(&settled["painful"], 0, 1);
}

#[test]
fn who_had_not_ordered_before_the_ticket_is_no_case() {
    let report = count(
        &[
            ("ticket_opened", "2026-01-11T00:00:00Z", ticket()),
            ("ticket_resolved", "2026-01-11T06:00:00Z", ticket()),
            ("purchase", "2026-01-11T00:00:00Z", order("o-1")),
        ],
        "2026-06-01T00:00:00Z",
    );
    assert_eq!(report["service_recovery"]["painless"]["denominator"], 0);
}

#[test]
fn a_lapse_is_silent_without_ticket_refund_or_low_rating() {
    // Ordered on 1 March, lapsed on 30 May.
    let silent = |more: &[(&str, &str, Value)]| {
        let mut told = vec![("purchase", "2026-03-01T00:00:00Z", order("o-1"))];
        told.extend_from_slice(more);
        count(&told, "2026-06-10T00:00:00Z")["windows"]["30d"]["silent_churn"].clone()
    };
    assert_eq!(silent(&[]), json!({"numerator": 1, "denominator": 1}));
    for (time, is_silent) in [
        ("2026-01-29T23:59:59.999Z", 1),
        ("2026-01-30T00:00:00Z", 0),
        ("2026-05-30T00:00:00Z", 0),
        ("2026-05-30T00:00:00.001Z", 1),
    ] {
        for (kind, more) in [("ticket_opened", ticket()), ("refund", order("o-1")), ("feedback", low(1.0, "csat"))] {
            assert_eq!(silent(&[(kind, time, more)])["numerator"], is_silent, "{kind} at {time}");
        }
        assert_eq!(silent(&[("feedback", time, low(5.0, "csat"))])["numerator"], 1);
    }
}

#[test]
fn a_lapse_is_ripe_after_ninety_days_and_reactivated_by_an_order_within_them() {
    // Ordered on 1 January, lapsed on 1 April, ripe on 30 June.
    let reactivation = |next: &str, at: &str| {
        let told = [("purchase", "2026-01-01T00:00:00Z", order("o-1")), ("purchase", next, order("o-2"))];
        let known = if millis(next) <= millis(at) { &told[..] } else { &told[..1] };
        count(known, at)["windows"]["30d"]["reactivation"].clone()
    };
    let is = |numerator: u32, denominator: u32, unripe: u32| json!({"numerator": numerator, "denominator": denominator, "unripe": unripe});
    assert_eq!(reactivation("2026-06-30T00:00:00Z", "2026-06-30T00:00:00Z"), is(0, 0, 1));
    assert_eq!(reactivation("2026-06-30T00:00:00Z", "2026-06-30T00:00:00.001Z"), is(1, 1, 0));
    assert_eq!(reactivation("2026-06-30T00:00:00.001Z", "2026-06-30T00:00:00.001Z"), is(0, 1, 0));
    assert_eq!(reactivation("2026-04-01T00:00:00Z", "2026-06-30T00:00:00.001Z"), is(0, 0, 1), "in time: its own lapse");
}

// --- the histories -----------------------------------------------------------------------------------------------

fn plan(seed: u64) -> Plan {
    Plan {
        seed,
        time_zone: "Europe/Berlin".to_owned(),
        first_day: jiff::civil::date(2026, 2, 20),
        days: 270,
        customers: 40,
        activity_days: 14,
        erased_percent: 12,
    }
}

/// Whatever a rule can decide is decided both ways somewhere, or comparing with these histories would prove little.
#[test]
fn hostile_histories_meet_every_rule() {
    let mut sums = std::collections::BTreeMap::<String, u64>::new();
    for seed in 0..12 {
        let plan = plan(seed);
        let told = hostile(&plan);
        assert_eq!(told.len(), hostile(&plan).len());
        let options = Options { time_zone: plan.time_zone.clone(), activity_days: 14, windows: vec![14] };
        for fortnight in 2..21 {
            let at = millis("2026-02-20T00:00:00Z") + fortnight * 14 * DAY_MS;
            let known = told.iter().filter(|arrival| arrival.at <= at).map(|arrival| arrival.line.as_str());
            let report = recount(&json_lines(&known.collect::<Vec<_>>().join("\n")), at, &options);
            for (name, pointer) in RULES {
                let met = report.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("{pointer}"));
                *sums.entry((*name).to_owned()).or_default() += met;
            }
        }
    }
    println!("{sums:#?}");
    for (name, met) in &sums {
        assert!(*met >= 10, "{name}: met {met} times");
    }
}

/// A customer lives in one partition: what several count adds up to what one would.
#[test]
fn the_counts_of_parts_add_up_to_those_of_the_whole() {
    let plan = plan(7);
    let lines: Vec<String> = hostile(&plan).into_iter().map(|arrival| arrival.line).collect();
    let events = json_lines(&lines.join("\n"));
    let options = Options { time_zone: plan.time_zone.clone(), activity_days: 14, windows: vec![7, 14] };
    let at = millis("2026-10-25T12:00:00Z");
    let part = |n: usize| {
        let lives_there = |event: &&Event| event.customer.bytes().map(usize::from).sum::<usize>() % 3 == n;
        let part: Vec<Event> = events.iter().filter(lives_there).cloned().collect();
        assert!(part.len() > 50, "{}", part.len());
        recount(&part, at, &options)
    };
    let (parts, mut whole) = (sum(&[part(0), part(1), part(2)]), recount(&events, at, &options));
    whole["ever"].as_object_mut().expect("an object").remove("pareto");
    for effort in ["painless", "painful"] {
        let expected = |report: &Value| report["service_recovery"][effort]["expected"].as_f64().expect("a number");
        assert!((expected(&parts) - expected(&whole)).abs() < 1e-9);
        whole["service_recovery"][effort]["expected"] = parts["service_recovery"][effort]["expected"].clone();
    }
    assert_eq!(parts, whole);
}

const RULES: &[(&str, &str)] = &[
    ("lost", "/windows/14d/retention_parts/lost"),
    ("won back", "/windows/14d/retention_parts/won_back"),
    ("new", "/windows/14d/retention_parts/new"),
    ("retained", "/windows/14d/retention/numerator"),
    ("reactivated", "/windows/14d/reactivation/numerator"),
    ("lapses waiting", "/windows/14d/reactivation/unripe"),
    ("silent", "/windows/14d/silent_churn/numerator"),
    ("lapsed", "/windows/14d/silent_churn/denominator"),
    ("painless", "/windows/14d/painless_resolution/numerator"),
    ("overdue", "/windows/14d/painless_resolution/failed/overdue"),
    ("contacted", "/windows/14d/painless_resolution/failed/contacted"),
    ("reopened", "/windows/14d/painless_resolution/failed/reopened"),
    ("rated low", "/windows/14d/painless_resolution/failed/low_rating"),
    ("recovered without pain", "/service_recovery/painless/numerator"),
    ("resolved without pain", "/service_recovery/painless/denominator"),
    ("recovered after pain", "/service_recovery/painful/numerator"),
    ("referred", "/windows/14d/referral/numerator"),
    ("second within 30 days", "/second_purchase/30d/numerator"),
    ("second waiting for 180 days", "/second_purchase/180d/unripe"),
];
