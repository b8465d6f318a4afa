//! `homecoming replay --predict-at`: what was believed at given dates, held against what was announced by then and what
//! really happened afterwards.
//!
//! The CDNOW sample is in `tests/data`. The whole of CDNOW and the grocery may not be kept here: `make test-ranking`
//! asks for them in the folder that `HOMECOMING_HISTORIES` names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;
use tempfile::TempDir;

const HORIZON_DAYS: i64 = 90;

/// Cutoffs begin when there is something to go by, half a year into the history.
const WARM_UP_DAYS: i64 = 180;
const EVERY_DAYS: i64 = 28;

struct Belief {
    customer: String,
    at: Timestamp,
    return_probability: f64,
    usual: f64,
    risk: f64,
    level: String,
}

struct Replayed {
    beliefs: Vec<Belief>,
    signals: Vec<Value>,
}

/// Purchases of a history in which everything happens at midnight UTC, by customer and in order.
type Purchases = BTreeMap<String, Vec<Date>>;

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cdnow_sample.csv")
}

fn purchases(history: &Path) -> Purchases {
    let text = fs::read_to_string(history).unwrap_or_else(|error| panic!("{}: {error}", history.display()));
    let mut purchases = Purchases::new();
    for row in text.lines().skip(1) {
        let cells: Vec<_> = row.split(',').collect();
        assert_eq!(cells[2], "purchase");
        let day = cells[1][..10].parse().expect("a date");
        purchases.entry(cells[0].to_owned()).or_default().push(day);
    }
    purchases.values_mut().for_each(|days| days.sort_unstable());
    purchases
}

/// Every 28 days, as long as the horizon after it lies within the history.
fn cutoffs(purchases: &Purchases) -> Vec<Date> {
    let days = || purchases.values().flatten();
    let (first, last) = (*days().min().expect("orders"), *days().max().expect("orders"));
    let from = first + WARM_UP_DAYS.days();
    (0..).map(|n| from + (n * EVERY_DAYS).days()).take_while(|day| *day + HORIZON_DAYS.days() <= last).collect()
}

fn replay(history: &Path, dates: &str) -> Replayed {
    let folder = TempDir::new().expect("a temporary folder");
    let output = Command::new(env!("CARGO_BIN_EXE_homecoming"))
        .args([
            "replay",
            "--signals",
            "signals.jsonl",
            "--predictions",
            "believed.csv",
            "--predict-at",
            dates,
            "--input",
        ])
        .arg(history)
        .current_dir(folder.path())
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name| fs::read_to_string(folder.path().join(name)).expect("what was asked for was written");
    let signals = read("signals.jsonl").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    Replayed { beliefs: beliefs(&read("believed.csv")), signals }
}

fn beliefs(table: &str) -> Vec<Belief> {
    let mut rows = table.lines();
    assert_eq!(rows.next(), Some("customer_id,at,return_probability,usual_return_probability,risk,level"));
    let belief = |row: &str| {
        let cells: Vec<_> = row.split(',').collect();
        let number = |n: usize| cells[n].parse().expect("a number");
        Belief {
            customer: cells[0].to_owned(),
            at: cells[1].parse().expect("an instant"),
            return_probability: number(2),
            usual: number(3),
            risk: number(4),
            level: cells[5].to_owned(),
        }
    };
    rows.map(belief).collect()
}

/// How often somebody who came back was believed likelier to than somebody who did not: the area under the ROC curve.
fn auc(mut scored: Vec<(f64, bool)>) -> f64 {
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut rank_sum, mut place) = (0.0, 0);
    while place < scored.len() {
        let alike = scored[place..].iter().take_while(|(score, _)| *score == scored[place].0).count();
        let middle = (place + 1 + place + alike) as f64 / 2.0;
        rank_sum += middle * scored[place..place + alike].iter().filter(|(_, returned)| *returned).count() as f64;
        place += alike;
    }
    let returned = scored.iter().filter(|(_, returned)| *returned).count() as f64;
    (rank_sum - returned * (returned + 1.0) / 2.0) / (returned * (scored.len() as f64 - returned))
}

fn auc_on(history: &Path) -> f64 {
    let purchases = purchases(history);
    let dates: Vec<String> = cutoffs(&purchases).iter().map(Date::to_string).collect();
    assert!(dates.len() > 5, "only {} cutoffs", dates.len());
    let replayed = replay(history, &dates.join(","));
    let has_returned = |belief: &Belief| {
        let cutoff = belief.at.to_string()[..10].parse::<Date>().expect("a date");
        let days = &purchases[&belief.customer];
        days.iter().any(|day| *day > cutoff && *day <= cutoff + HORIZON_DAYS.days())
    };
    let auc = auc(replayed.beliefs.iter().map(|belief| (belief.return_probability, has_returned(belief))).collect());
    println!("{}: {} cutoffs, {} beliefs, AUC {auc:.4}", history.display(), dates.len(), replayed.beliefs.len());
    auc
}

#[test]
fn the_area_under_the_curve_is_the_share_of_pairs_in_the_right_order() {
    assert_eq!(auc(vec![(0.1, false), (0.4, false), (0.35, true), (0.8, true)]), 0.75);
    assert_eq!(auc(vec![(0.5, false), (0.5, true)]), 0.5);
    assert_eq!(auc(vec![(0.9, false), (0.1, true)]), 0.0);
}

#[test]
fn who_is_believed_likelier_to_return_does_so_in_the_cdnow_sample() {
    let auc = auc_on(&sample());
    assert!(auc >= 0.78, "AUC {auc}");
}

#[test]
#[ignore = "its data may not be kept here: make test-ranking"]
fn who_is_believed_likelier_to_return_does_so_in_whole_histories() {
    let folder = PathBuf::from(std::env::var_os("HOMECOMING_HISTORIES").expect("HOMECOMING_HISTORIES names a folder"));
    for (history, least) in [("cdnow_full.csv", 0.78), ("grocery_elog.csv", 0.90)] {
        let auc = auc_on(&folder.join(history));
        assert!(auc >= least, "{history}: AUC {auc}");
    }
}

#[test]
fn a_belief_is_what_was_announced_by_then() {
    let dates = "1997-01-31,1997-06-30,1997-12-31,1998-06-30,1999-01-01";
    let replayed = replay(&sample(), dates);
    let announced = |belief: &Belief| {
        let mut by_then = replayed.signals.iter().filter(|signal| {
            let at: Timestamp = signal["occurred_at"].as_str().and_then(|at| at.parse().ok()).expect("an instant");
            signal["type"] == "churn_risk" && signal["customer_id"] == belief.customer.as_str() && at <= belief.at
        });
        by_then.next_back().map_or("low", |signal| signal["level"].as_str().expect("a level")).to_owned()
    };
    // The replay ends with the last event; nothing after it is announced.
    let last_day: Timestamp = "1998-06-30T00:00:00Z".parse().expect("an instant");
    let mut compared = 0;
    for belief in replayed.beliefs.iter().filter(|belief| belief.at < last_day).step_by(7) {
        assert_eq!(belief.level, announced(belief), "{} at {}", belief.customer, belief.at);
        compared += 1;
    }
    assert!(compared > 200, "{compared}");
    for belief in &replayed.beliefs {
        let risk = (1.0 - belief.return_probability / belief.usual).clamp(0.0, 1.0);
        assert!((belief.risk - risk).abs() < 1e-12);
    }
    // Half a year after the end of the history everybody has lapsed.
    let after: Vec<_> = replayed.beliefs.iter().filter(|belief| belief.at.to_string().as_str() > "1999").collect();
    assert_eq!(after.len(), purchases(&sample()).len());
    assert!(after.iter().all(|belief| belief.level == "lapsed"));
}

#[test]
fn a_date_means_its_end_and_everybody_with_an_order_by_then_is_in() {
    let replayed = replay(&sample(), "1997-01-02,1997-01-02T12:00:00Z");
    let purchases = purchases(&sample());
    let by_then = purchases.values().filter(|days| days[0] <= "1997-01-02".parse::<Date>().expect("a date")).count();
    let instants = ["1997-01-02T12:00:00Z", "1997-01-02T23:59:59.999Z"];
    for instant in instants {
        let at: Timestamp = instant.parse().expect("an instant");
        assert_eq!(replayed.beliefs.iter().filter(|belief| belief.at == at).count(), by_then, "{instant}");
    }
    assert_eq!(replayed.beliefs.len(), 2 * by_then);
}

#[test]
fn what_is_no_date_is_refused_before_anything_is_read() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_homecoming"))
            .args(["replay", "--input", "/does/not/exist.csv"])
            .args(arguments)
            .output()
            .expect("the program runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let (code, said) = run(&["--predict-at", "yesterday", "--predictions", "/tmp/never.csv"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--predict-at") && said.contains("yesterday"), "{said}");
    let (code, said) = run(&["--predict-at", "2026-01-01"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--predictions"), "{said}");
}
