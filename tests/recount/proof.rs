//! The recount held against numbers that are not its own: the worked examples, and real histories counted in batch.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::recount::{Calendar, DAY_MS, Event, Options, What, csv, json_lines, recount};

fn millis(time: &str) -> i64 {
    let time = if time.len() == 10 { format!("{time}T00:00:00Z") } else { time.to_owned() };
    time.parse::<Timestamp>().expect("a time").as_millisecond()
}

/// Orders over 10.00 EUR, in the order of their arrival.
fn orders(told: &[(&str, &str)]) -> Vec<Event> {
    let order = |(n, (customer, time)): (usize, &(&str, &str))| Event {
        at: millis(time),
        id: format!("e-{n}"),
        customer: (*customer).to_owned(),
        what: What::Purchased {
            order: format!("o-{n:03}"),
            minor: 1000,
            currency: "EUR".to_owned(),
            is_referred: false,
        },
    };
    told.iter().enumerate().map(order).collect()
}

fn thirty_days(events: &[Event], at: &str) -> Value {
    recount(events, millis(at), &Options::default())["windows"]["30d"].clone()
}

fn names(stem: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{stem}-{n}")).collect()
}

fn all<'a>(names: &'a [String], time: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    names.iter().map(move |name| (name.as_str(), time))
}

const END: &str = "2026-06-30T12:00:00Z";

/// 20 active on 1 June, of whom 8 lapse by the end of June; 9 new; 5 who had lapsed before.
fn twenty_eight_nine<'a>(
    stay: &'a [String],
    lapse: &'a [String],
    new: &'a [String],
    gone: &'a [String],
) -> Vec<(&'a str, &'a str)> {
    let told = all(stay, "2026-04-20").chain(all(lapse, "2026-03-10")).chain(all(new, "2026-06-11"));
    told.chain(all(gone, "2026-01-10")).collect()
}

#[test]
fn retention_of_twenty_of_whom_eight_are_lost_is_sixty_percent() {
    let (stay, lapse, new, gone) = (names("stays", 12), names("lapses", 8), names("new", 9), names("gone", 5));
    let mut told = twenty_eight_nine(&stay, &lapse, &new, &gone);
    let window = thirty_days(&orders(&told), END);
    assert_eq!(window["retention"], json!({"numerator": 12, "denominator": 20}));
    assert_eq!(window["churn"], json!({"numerator": 8, "denominator": 20}));
    assert_eq!(window["retention_parts"], json!({"start": 20, "lost": 8, "now": 21, "new": 9, "won_back": 0}));

    // Winning back people who had lapsed before changes nothing.
    told.extend(all(&gone, "2026-06-20"));
    let window = thirty_days(&orders(&told), END);
    assert_eq!(window["retention"], json!({"numerator": 12, "denominator": 20}));
    assert_eq!(window["retention_parts"], json!({"start": 20, "lost": 8, "now": 26, "new": 9, "won_back": 5}));

    // Three of the lost come back before the end.
    told.extend(all(&lapse[..3], "2026-06-25"));
    let window = thirty_days(&orders(&told), END);
    assert_eq!(window["retention"], json!({"numerator": 15, "denominator": 20}));
    assert_eq!(window["churn"], json!({"numerator": 5, "denominator": 20}));
}

#[test]
fn a_hundred_of_three_hundred_is_a_third() {
    let (once, twice) = (names("once", 200), names("twice", 100));
    let told: Vec<_> =
        all(&once, "2026-06-02").chain(all(&twice, "2026-06-03")).chain(all(&twice, "2026-06-20")).collect();
    let report = recount(&orders(&told), millis(END), &Options::default());
    assert_eq!(report["ever"]["repeat_purchase"], json!({"numerator": 100, "denominator": 300}));
    assert_eq!(report["windows"]["30d"]["repeat_purchase"], json!({"numerator": 100, "denominator": 300}));
    assert_eq!(report["windows"]["7d"]["repeat_purchase"], json!({"numerator": 0, "denominator": 0}));
}

/// June's window starts with 1 June: what happens at that very instant.
#[test]
fn the_instant_at_which_a_window_starts_belongs_to_it() {
    let lapses_then = ("ana", "2026-03-03"); // + 90 days is 1 June
    let window = thirty_days(&orders(&[lapses_then]), END);
    assert_eq!(window["retention_parts"], json!({"start": 1, "lost": 1, "now": 0, "new": 0, "won_back": 0}));
    assert_eq!(window["silent_churn"], json!({"numerator": 1, "denominator": 1}));
    // An order at the lapse's very instant is in time: nothing lapsed.
    let window = thirty_days(&orders(&[lapses_then, ("ana", "2026-06-01")]), END);
    assert_eq!(window["retention_parts"], json!({"start": 1, "lost": 0, "now": 1, "new": 0, "won_back": 0}));
    assert_eq!(window["silent_churn"]["denominator"], 0);
    // Had it lapsed a millisecond before, they are won back in the window.
    let lapsed_before = ("ana", "2026-03-02T23:59:59.999Z");
    let window = thirty_days(&orders(&[lapsed_before, ("ana", "2026-06-01")]), END);
    assert_eq!(window["retention_parts"], json!({"start": 0, "lost": 0, "now": 1, "new": 0, "won_back": 1}));
    assert_eq!(window["silent_churn"]["denominator"], 0, "that lapse was in May");
    // A first order then is new in the window; one a millisecond before is not.
    let parts = |time| thirty_days(&orders(&[("bob", time)]), END)["retention_parts"].clone();
    assert_eq!(parts("2026-06-01"), json!({"start": 0, "lost": 0, "now": 1, "new": 1, "won_back": 0}));
    assert_eq!(parts("2026-05-31T23:59:59.999Z"), json!({"start": 1, "lost": 0, "now": 1, "new": 0, "won_back": 0}));
}

#[test]
fn who_lapses_is_lapsed_once_the_instant_has_passed() {
    let standing = |at| recount(&orders(&[("ana", "2026-03-03")]), millis(at), &Options::default())["now"].clone();
    assert_eq!(standing("2026-06-01"), json!({"active": 1, "lapsed": 0}));
    assert_eq!(standing("2026-06-01T00:00:00.001Z"), json!({"active": 0, "lapsed": 1}));
}

#[test]
fn business_days_and_the_horizon_are_local() {
    let berlin = Calendar::new("Europe/Berlin");
    assert_eq!(
        berlin.start_of(jiff::civil::date(2026, 3, 30)) - berlin.start_of(jiff::civil::date(2026, 3, 29)),
        DAY_MS / 24 * 23
    );
    // Through the loss of an hour; into the hour that does not exist; into the one that is there twice.
    for (order, lapse) in [
        ("2026-03-01T11:00:00Z", "2026-05-30T10:00:00Z"),
        ("2026-12-28T01:30:00Z", "2027-03-28T01:30:00Z"),
        ("2026-07-27T00:30:00Z", "2026-10-25T00:30:00Z"),
    ] {
        assert_eq!(berlin.same_time_after(millis(order), 90), millis(lapse), "{order}");
    }
    let options = Options { time_zone: "Europe/Berlin".to_owned(), ..Options::default() };
    let report = recount(&orders(&[("ana", "2026-03-31T22:30:00Z")]), millis("2026-04-02T10:00:00Z"), &options);
    assert_eq!(report["cohorts"], json!([{"month": "2026-04", "customers": 1, "ordered": [1]}]));
}

fn told(lines: &[Value]) -> Vec<Event> {
    let lines: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(n, line)| {
            let mut line = line.clone();
            line["customer_id"] = "ana".into();
            line["event_id"] = format!("e-{n}").into();
            line.to_string()
        })
        .collect();
    json_lines(&lines.join("\n"))
}

#[test]
fn a_refund_follows_the_class_of_its_order_at_its_own_time() {
    let money = |kind: &str, order: &str, at: &str, amount: &str| json!({"type": kind, "order_id": order, "occurred_at": at, "amount": amount, "currency": "EUR"});
    let lines = [
        money("purchase", "o-1", "2026-05-01T00:00:00Z", "100"),
        money("purchase", "o-2", "2026-06-10T00:00:00Z", "50.5"),
        money("refund", "o-1", "2026-06-11T00:00:00Z", "30.00"),
        money("refund", "o-2", "2026-06-12T00:00:00Z", "0.50"),
        money("refund", "o-9", "2026-06-13T00:00:00Z", "5"),
    ];
    let window = thirty_days(&told(&lines), END);
    assert_eq!(window["returning_revenue"]["EUR"], json!({"numerator": "50.00", "denominator": "15.00"}));
    let value = &window["average_order_value"]["EUR"];
    assert_eq!(value["new"], json!({"numerator": "-30.00", "denominator": 0}));
    assert_eq!(value["returning"], json!({"numerator": "50.00", "denominator": 1}));
    // An earlier order that arrives late makes the first a returning one, and the refund with it.
    let late = money("purchase", "o-0", "2026-04-30T23:59:59.999Z", "1");
    let window = thirty_days(&told(&[&lines[..], &[late]].concat()), END);
    assert_eq!(window["returning_revenue"]["EUR"], json!({"numerator": "20.00", "denominator": "15.00"}));
}

#[test]
fn the_lost_of_an_erased_customer_are_gone_and_their_orders_stay() {
    let mut events = orders(&[("ana", "2026-06-02"), ("ana", "2026-06-05"), ("bob", "2026-06-03")]);
    let erased = Event { at: millis("2026-06-20"), id: "x".to_owned(), customer: "ana".to_owned(), what: What::Erased };
    events.push(erased);
    events.push(Event { at: millis("2026-06-21"), ..events[0].clone() });
    let report = recount(&events, millis(END), &Options::default());
    // Ana, who came back with the same order id, is new; bob is himself.
    assert_eq!(report["ever"]["customers"], 2);
    assert_eq!(report["ever"]["repeat_purchase"], json!({"numerator": 0, "denominator": 2}));
    assert_eq!(report["ever"]["returning_orders"], json!({"numerator": 1, "denominator": 4}));
    assert_eq!(report["windows"]["30d"]["returning_orders"], json!({"numerator": 1, "denominator": 4}));
    assert_eq!(report["windows"]["30d"]["returning_customers"], json!({"numerator": 0, "denominator": 2}));
}

// --- real histories ----------------------------------------------------------------------------------------------

fn share(ratio: &Value) -> f64 {
    let part = |name: &str| match &ratio[name] {
        Value::String(text) => text.parse::<f64>().expect("an amount"),
        number => number.as_f64().unwrap_or_else(|| panic!("{name} of {ratio}")),
    };
    part("numerator") / part("denominator")
}

/// The batch count rounds to six decimals.
fn agrees(what: &str, ratio: &Value, golden: f64) {
    assert!((share(ratio) - golden).abs() <= 5.01e-7, "{what}: {} is not {golden}", share(ratio));
}

fn last(events: &[Event]) -> i64 {
    events.iter().map(|event| event.at).max().expect("events")
}

fn against_golden(events: &[Event], golden: &Value) {
    let report = recount(events, last(events), &Options::default());
    let number = |name: &str| golden[name].as_f64().unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(report["ever"]["customers"], golden["customers"]);
    assert_eq!(report["ever"]["returning_orders"]["denominator"], golden["orders"]);
    agrees("repeat purchase", &report["ever"]["repeat_purchase"], number("repeat_purchase_rate"));
    agrees("returning orders", &report["ever"]["returning_orders"], number("returning_order_share"));
    for days in [30, 60, 90, 180] {
        let within = &report["second_purchase"][format!("{days}d")];
        agrees(&format!("second within {days} days"), within, number(&format!("second_within_{days}d_matured")));
    }
    if let Some(pareto) = golden["pareto_share"].as_f64() {
        agrees("Pareto share", &report["ever"]["pareto"]["XXX"], pareto);
    }
    if !golden["reactivating_orders_over_90d"].is_null() {
        assert_eq!(report["reactivating_orders"], golden["reactivating_orders_over_90d"]);
    }
}

#[test]
fn the_cdnow_sample_comes_out_as_it_did_in_batch() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cdnow_sample.csv");
    let events = csv(&fs::read_to_string(path).expect("the sample"));
    let golden = json!({"customers": 2357, "orders": 6919, "repeat_purchase_rate": 0.488_757,
        "returning_order_share": 0.659_344, "second_within_30d_matured": 0.184_981, "second_within_60d_matured": 0.263_471,
        "second_within_90d_matured": 0.299_109, "second_within_180d_matured": 0.382_266});
    against_golden(&events, &golden);
}

#[test]
#[ignore = "its data may not be kept here: make test-ranking"]
fn whole_histories_come_out_as_they_did_in_batch() {
    let folder = PathBuf::from(std::env::var_os("HOMECOMING_HISTORIES").expect("HOMECOMING_HISTORIES names a folder"));
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let golden: Value = serde_json::from_str(&read("golden.json")).expect("JSON");
    for name in ["cdnow_full", "grocery_elog"] {
        let events = csv(&read(&format!("{name}.csv")));
        against_golden(&events, &golden[name]);
        against_months(&events, &read(&format!("{name}_monthly.csv")), name == "cdnow_full");
        against_cohorts(&events, &read(&format!("{name}_cohort_triangle.csv")));
    }
}

fn against_cohorts(events: &[Event], triangle: &str) {
    let report = recount(events, last(events), &Options::default());
    let cohorts = report["cohorts"].as_array().expect("cohorts");
    let rows: Vec<Vec<&str>> = triangle.lines().skip(1).map(|row| row.split(',').collect()).collect();
    assert_eq!(cohorts.len(), rows.len());
    for (cohort, row) in cohorts.iter().zip(&rows) {
        assert_eq!(cohort["month"], row[0]);
        assert_eq!(cohort["customers"].to_string(), row[1]);
        let ordered = cohort["ordered"].as_array().expect("counts");
        // The triangle is filled up with zeros beyond the last month.
        for (age, count) in row[1..].iter().enumerate() {
            assert_eq!(ordered.get(age).map_or("0".to_owned(), Value::to_string), *count, "{} + {age}", row[0]);
        }
    }
}

/// A month is the window of as many days that ends with its last millisecond.
fn against_months(events: &[Event], months: &str, has_amounts: bool) {
    let mut rows = months.lines();
    let names: Vec<&str> = rows.next().expect("a head").split(',').collect();
    let lifecycle = recount(events, last(events), &Options::default())["lifecycle"].clone();
    let mut before = 0;
    for (row, lived) in rows.zip(lifecycle.as_array().expect("months")) {
        let cells: Vec<&str> = row.split(',').collect();
        let number = |name: &str| {
            let place = names.iter().position(|known| *known == name).unwrap_or_else(|| panic!("no {name}"));
            cells[place].parse::<f64>().unwrap_or_else(|_| panic!("{name} of {row}"))
        };
        assert_eq!(lived["month"], cells[0]);
        for name in ["new", "returning", "resurrecting"] {
            assert_eq!(lived[name].as_f64(), Some(number(&format!("lc_{name}"))), "{name} of {row}");
        }
        if before > 0 {
            assert_eq!(lived["dormant"].as_f64(), Some(number("lc_dormant")), "dormant of {row}");
        }
        before += 1;
        against_month(events, cells[0], &number, has_amounts);
    }
    assert_eq!(before, lifecycle.as_array().expect("months").len());
}

fn against_month(events: &[Event], month: &str, number: &dyn Fn(&str) -> f64, has_amounts: bool) {
    let first: jiff::civil::Date = format!("{month}-01").parse().expect("a month");
    let end = Calendar::new("UTC").start_of(first.last_of_month().tomorrow().expect("a day")) - 1;
    let days = i64::from(first.days_in_month());
    let known: Vec<Event> = events.iter().filter(|event| event.at <= end).cloned().collect();
    let report = recount(&known, end, &Options { windows: vec![days], ..Options::default() });
    let window = &report["windows"][format!("{days}d")];
    let count = |value: &Value| value.as_f64().expect("a count");
    assert_eq!(count(&window["returning_orders"]["denominator"]), number("orders"), "{month}");
    assert_eq!(count(&window["returning_orders"]["numerator"]), number("returning_orders"), "{month}");
    assert_eq!(count(&window["returning_customers"]["denominator"]), number("customers"), "{month}");
    assert_eq!(count(&window["returning_customers"]["numerator"]), number("shopify_returning_customers"), "{month}");
    assert_eq!(count(&window["referral"]["denominator"]), number("new_customers"), "{month}");
    if has_amounts {
        let amount = |value: &Value| value.as_str().expect("an amount").parse::<f64>().expect("a number");
        let revenue = &window["returning_revenue"]["XXX"];
        assert!((amount(&revenue["denominator"]) - number("revenue")).abs() < 0.005, "{month}");
        // The file's own `returning_revenue` is 0 in months without new customers; what is not new is returning.
        let returning = number("revenue") - number("new_revenue");
        assert!((amount(&revenue["numerator"]) - returning).abs() < 0.005, "{month}: {revenue}");
    }
}
