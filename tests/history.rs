//! The program itself over real histories: `homecoming replay` against a recount that shares no code with it.
//!
//! The CDNOW sample is in `tests/data`. The whole of CDNOW may not be kept here; where `HOMECOMING_HISTORY` names it,
//! or it lies in `../shared/data/cdnow_full.csv`, it is counted as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

// --- running it --------------------------------------------------------------------------------------------------

/// A folder of its own for every test, and the program in it.
struct Bench(TempDir);

/// What a replay left.
struct Replayed {
    signals: String,
    report: Value,
    stderr: String,
}

impl Bench {
    fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("a temporary file");
        path
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homecoming"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HOMECOMING_")) {
            command.env_remove(name);
        }
        command.args(arguments).current_dir(self.0.path()).output().expect("the program runs")
    }

    fn replay(&self, inputs: &[&Path], more: &[&str]) -> Replayed {
        let mut arguments = vec!["replay", "--signals", "signals.jsonl", "--report", "report.json"];
        for input in inputs {
            arguments.extend(["--input", input.to_str().expect("a path in UTF-8")]);
        }
        arguments.extend(more);
        let output = self.run(&arguments);
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(output.status.success(), "{arguments:?} failed: {stderr}");
        let read = |name| fs::read_to_string(self.0.path().join(name)).expect("what was asked for was written");
        let report = serde_json::from_str(&read("report.json")).expect("the report is JSON");
        Replayed { signals: read("signals.jsonl"), report, stderr }
    }
}

/// What is wrong with where output goes is said in a line; whoever reads may stop early.
#[test]
fn an_output_that_is_full_is_told_in_a_line() {
    let bench = Bench::new();
    let file = bench.file("few.jsonl", "");
    let full = fs::File::options().write(true).open("/dev/full").expect("Linux");
    let replay = |stdout: fs::File| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homecoming"));
        command.arg("replay").arg("--input").arg(&file).stdout(stdout).output().expect("the program runs")
    };
    let output = replay(full);
    let told = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("can't write to standard output"), "{told}");
}

/// A property that librdkafka does not know: the file is wrong, and the value may be a secret.
#[test]
fn a_misspelt_client_property_is_a_wrong_file_and_keeps_its_value() {
    let bench = Bench::new();
    for (value, shown) in [("\"hunter2\"", "sasl.pasword"), ("[\"hunter2\"]", "sasl.pasword = ***")] {
        let config = format!(
            "[kafka]\nbootstrap_servers = \"127.0.0.1:1\"\ngroup_id = \"shop\"\n[kafka.client]\n\"sasl.pasword\" = {value}\n"
        );
        bench.file("c.toml", &config);
        let output = bench.run(&["check", "--config", "c.toml"]);
        let told = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(shown) && !told.contains("hunter2"), "{told}");
        assert!(output.stdout.is_empty(), "nothing is said to be valid");
    }
}

impl Replayed {
    fn signals(&self) -> Vec<Value> {
        self.signals.lines().map(|line| serde_json::from_str(line).expect("a signal is JSON")).collect()
    }

    fn sorted(&self) -> BTreeSet<&str> {
        self.signals.lines().collect()
    }

    /// Rows left out, by code, as stderr says.
    fn left_out(&self, code: &str) -> Option<u64> {
        let line = self.stderr.lines().find(|line| line.split_whitespace().any(|word| word == code))?;
        line.split_whitespace().find_map(|word| word.parse().ok())
    }
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cdnow_sample.csv")
}

fn rate(ratio: &Value) -> String {
    let part = |name: &str| ratio[name].as_u64().expect("a count") as f64;
    format!("{:.6}", part("numerator") / part("denominator"))
}

// --- the recount -------------------------------------------------------------------------------------------------

/// An order of a history in which all happens at midnight UTC.
struct Order {
    customer: String,
    day: i64,
    id: String,
    cents: i64,
}

/// Days since 1970-01-01, by counting years and months.
fn day(text: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().expect("digits");
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    assert!(text.len() == 10 || text.ends_with("T00:00:00"), "{text} is not a midnight");
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let years: i64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let lengths = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    years + lengths[..month as usize - 1].iter().sum::<i64>() + day - 1
}

fn orders(csv: &str) -> Vec<Order> {
    let rows = csv.lines().skip(1).map(|row| {
        let cells: Vec<_> = row.split(',').collect();
        assert_eq!(cells[2], "purchase");
        let (whole, cents) = cells[4].split_once('.').unwrap_or((cells[4], ""));
        let cents = format!("{whole}{cents:0<2}").parse().expect("an amount with at most two decimals");
        Order { customer: cells[0].to_owned(), day: day(cells[1]), id: cells[3].to_owned(), cents }
    });
    rows.collect()
}

/// What has to be told of one order or one lapse, in plain words.
type Line = String;

#[derive(Default)]
struct Recount {
    told: BTreeMap<String, Vec<Line>>,
    customers: u64,
    repeaters: u64,
    orders: u64,
    reactivating: u64,
    /// Customers by the level they end at.
    levels: BTreeMap<&'static str, u64>,
}

/// Days without an order until somebody lapses.
const HORIZON: i64 = 90;

/// The chance of an order within 90 days at `now`, as the definitions write it down, of somebody who bought on these
/// days.
fn chance(days: &BTreeSet<i64>, now: f64) -> f64 {
    let (r, alpha, a, b) = (0.525, 43.28, 0.891, 1.614);
    let first = *days.first().expect("somebody who bought") as f64;
    let (x, tx, t) = (days.len() as f64 - 1.0, *days.last().expect("the same") as f64 - first, now - first);
    let alive = 1.0 / (1.0 + a / (b + x) * ((alpha + t) / (alpha + tx)).powf(r + x));
    alive * (1.0 - ((alpha + t) / (alpha + t + 90.0)).powf(r + x))
}

/// When silence takes away so much of somebody's usual chance, if it does before they lapse.
fn missed_from(days: &BTreeSet<i64>, share: f64) -> Option<f64> {
    let last = *days.last()? as f64;
    let is_missed = |now: f64| 1.0 - chance(days, now) / chance(days, last) >= share;
    let (mut before, mut then) = (last, last + HORIZON as f64);
    if !is_missed(then) {
        return None;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(before, then);
        if is_missed(middle) { then = middle } else { before = middle }
    }
    Some(then)
}

/// What silence alone says of somebody who bought on these days until an instant, and the level it leaves them at.
fn silence(days: &BTreeSet<i64>, until: i64, told: &mut Vec<Line>) -> &'static str {
    let lapse = days.last().map(|last| (last + HORIZON) as f64);
    let steps = [("medium", missed_from(days, 0.5)), ("high", missed_from(days, 0.75)), ("lapsed", lapse)];
    let mut level = "low";
    for (next, from) in steps {
        let Some(from) = from.filter(|from| *from < until as f64) else { continue };
        let kind = if level == "low" { "raised" } else { "changed" };
        told.push(format!("{next} {kind} {}", from.floor()));
        level = next;
    }
    level
}

fn recount(orders: &[Order]) -> Recount {
    let end = orders.iter().map(|order| order.day).max().expect("orders");
    let mut lives: BTreeMap<&str, Vec<&Order>> = BTreeMap::new();
    orders.iter().for_each(|order| lives.entry(&order.customer).or_default().push(order));
    let mut recount = Recount { customers: lives.len() as u64, orders: orders.len() as u64, ..Recount::default() };
    for (customer, life) in lives {
        let mut told = Vec::new();
        for (known, order) in life.iter().enumerate() {
            let rank = |order: &Order| (order.day, order.id.clone());
            let previous = life[..known].iter().filter(|other| rank(other) < rank(order)).map(|other| other.day).max();
            let before: BTreeSet<i64> = life[..known].iter().map(|other| other.day).collect();
            let level = silence(&before, order.day, &mut told);
            if known > 0 {
                let gap = previous.map(|previous| order.day - previous);
                let kind = match gap {
                    Some(gap) if gap > HORIZON => "reactivated",
                    _ if known == 1 => "second_purchase",
                    _ => "repeat",
                };
                let cents: i64 = life[..=known].iter().map(|order| order.cents).sum();
                let closes = if level == "low" { "" } else { " closes" };
                told.push(format!(
                    "{kind} {} {} {} {gap:?} {} {cents}{closes}",
                    order.day,
                    order.id,
                    known + 1,
                    order.cents
                ));
            }
            if level != "low" {
                told.push(format!("low cleared {}", order.day));
            }
        }
        let all = life.iter().map(|order| order.day).collect();
        *recount.levels.entry(silence(&all, end, &mut told)).or_default() += 1;
        let mut days: Vec<i64> = life.iter().map(|order| order.day).collect();
        days.sort_unstable();
        recount.reactivating += days.windows(2).filter(|pair| pair[1] - pair[0] > HORIZON).count() as u64;
        recount.repeaters += u64::from(life.len() > 1);
        if !told.is_empty() {
            recount.told.insert(customer.to_owned(), told);
        }
    }
    recount
}

/// The signals in the recount's words. An episode has to end as the one that began.
fn in_words(signals: &[Value]) -> BTreeMap<String, Vec<Line>> {
    let mut told: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    let mut episodes: BTreeMap<String, Value> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    let cents = |amount: &Value| amount.as_str().expect("a decimal").replace('.', "").parse::<i64>().expect("digits");
    for signal in signals {
        let text = |name: &str| signal[name].as_str().unwrap_or_else(|| panic!("{name} of {signal} is a text"));
        assert!(ids.insert(text("event_id").to_owned()), "{signal} has an id that was used before");
        let customer = text("customer_id").to_owned();
        let at = text("occurred_at").strip_suffix('Z').expect("UTC");
        // What silence takes away it takes at any time of the day.
        let day = day(if matches!(signal["level"].as_str(), Some("medium" | "high")) { &at[..10] } else { at });
        let line = if text("type") == "churn_risk" {
            match text("kind") {
                "raised" => drop(episodes.insert(customer.clone(), signal["episode_id"].clone())),
                _ => assert_eq!(Some(&signal["episode_id"]), episodes.get(&customer)),
            }
            format!("{} {} {day}", text("level"), text("kind"))
        } else {
            let closed = &signal["closed_episode_id"];
            assert!(closed.is_null() || Some(closed) == episodes.get(&customer), "{signal} closes its episode");
            let gap = signal["days_since_previous"].as_f64().map(|gap| gap as i64);
            let (amount, lifetime) = (cents(&signal["amount"]), cents(&signal["lifetime_amount"]));
            let closes = if closed.is_null() { "" } else { " closes" };
            let (kind, order, number) = (text("kind"), text("order_id"), &signal["purchase_number"]);
            format!("{kind} {day} {order} {number} {gap:?} {amount} {lifetime}{closes}")
        };
        told.entry(customer).or_default().push(line);
    }
    told
}

/// Replays a history and recounts it; the recount is handed on for what else is known of that history.
fn counted_twice(history: &Path) -> (Replayed, Recount) {
    let replayed = Bench::new().replay(&[history], &[]);
    let recount = recount(&orders(&fs::read_to_string(history).expect("a history")));
    let signals = replayed.signals();
    let told = in_words(&signals);
    for (customer, lines) in &recount.told {
        assert_eq!(told.get(customer), Some(lines), "what is told of {customer}");
    }
    assert_eq!(told.len(), recount.told.len(), "nothing is told of anybody else");

    let kinds = |kind: &str| signals.iter().filter(|signal| signal["kind"] == kind).count() as u64;
    assert_eq!(kinds("reactivated"), recount.reactivating);
    let (ever, now) = (&replayed.report["ever"], &replayed.report["now"]);
    let ratio = |numerator: u64, denominator: u64| json!({ "numerator": numerator, "denominator": denominator });
    assert_eq!(ever["customers"], recount.customers);
    assert_eq!(ever["repeat_purchase"], ratio(recount.repeaters, recount.customers));
    assert_eq!(ever["returning_orders"], ratio(recount.orders - recount.customers, recount.orders));
    let at = |level| recount.levels.get(level).copied().unwrap_or(0);
    assert_eq!(now["active"], recount.customers - at("lapsed"));
    assert_eq!(now["lapsed"], at("lapsed"));
    assert_eq!(now["risk"], json!({ "low": at("low"), "medium": at("medium"), "high": at("high") }));
    let raised = |level: &str| signals.iter().any(|signal| signal["level"] == level);
    assert!(["medium", "high", "lapsed"].into_iter().all(raised), "a history in which every level is reached");
    assert_eq!(replayed.report["activity_horizon"], "90d");
    assert_eq!(replayed.report["time_zone"], "UTC");
    (replayed, recount)
}

#[test]
fn the_cdnow_sample_gives_its_known_numbers() {
    let (replayed, recount) = counted_twice(&sample());
    let ever = &replayed.report["ever"];
    assert_eq!(rate(&ever["repeat_purchase"]), "0.488757");
    assert_eq!(rate(&ever["returning_orders"]), "0.659344");
    assert_eq!((recount.customers, recount.orders), (2357, 6919));
    assert_eq!(replayed.report["at"], "1998-06-30T00:00:00Z", "at the end time is the greatest event time");
}

#[test]
fn the_whole_of_cdnow_gives_its_known_numbers() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/cdnow_full.csv");
    let history = std::env::var_os("HOMECOMING_HISTORY").map_or(beside, PathBuf::from);
    if !history.exists() {
        println!("not counted: {} is not there; HOMECOMING_HISTORY says where it is", history.display());
        return;
    }
    let (replayed, recount) = counted_twice(&history);
    let ever = &replayed.report["ever"];
    assert_eq!(rate(&ever["repeat_purchase"]), "0.494782");
    assert_eq!(rate(&ever["returning_orders"]), "0.661637");
    assert_eq!((recount.customers, recount.orders, recount.reactivating), (23_570, 69_659, 11_385));
}

// --- forms of history --------------------------------------------------------------------------------------------

#[test]
fn json_lines_and_csv_of_one_history_give_the_same_signals() {
    let bench = Bench::new();
    let csv = fs::read_to_string(sample()).expect("the sample");
    let lines: Vec<String> = csv.lines().skip(1).enumerate().map(|(n, row)| as_json(n, row, "XXX")).collect();
    let from_lines = bench.replay(&[&bench.file("sample.jsonl", &lines.join("\n"))], &[]);
    let from_csv = bench.replay(&[&sample()], &[]);
    assert!(from_csv.signals == from_lines.signals, "purchases have ids of their own: byte for byte the same");
    assert_eq!(from_csv.report, from_lines.report);
    let again = bench.replay(&[&sample()], &[]);
    assert!(from_csv.signals == again.signals, "the same history gives the same bytes");
}

fn as_json(n: usize, row: &str, currency: &str) -> String {
    let cells: Vec<_> = row.split(',').collect();
    json!({
        "event_id": format!("e-{n}"),
        "type": if cells[2] == "return" { "refund" } else { cells[2] },
        "customer_id": cells[0],
        "occurred_at": format!("{}Z", cells[1]),
        "order_id": cells[3],
        "amount": if cells[4].is_empty() { "0" } else { cells[4] },
        "currency": currency,
    })
    .to_string()
}

const RETURNS: &str = "customer,ts,type,order_id,value
ana,2026-01-01T00:00:00,purchase,o-1,40.00
bob,2026-01-02T10:30:00.250,purchase,o-1,
ana,2026-01-05T00:00:00,return,o-1,15.50
ana,2026-02-01T00:00:00,purchase,o-2,10
ana,2026-06-01T00:00:00,refund,o-2,10.00
ana,2026-07-01T00:00:00,purchase,o-3,5.5
";

/// A row of a table has no event id: an id that follows from a refund's own may differ, and nothing else.
#[test]
fn refunds_and_other_headers_are_understood() {
    let bench = Bench::new();
    let lines: Vec<String> = RETURNS.lines().skip(1).enumerate().map(|(n, row)| as_json(n, row, "EUR")).collect();
    let from_lines = bench.replay(&[&bench.file("returns.jsonl", &lines.join("\n"))], &[]);
    let from_csv = bench.replay(&[&bench.file("returns.CSV", RETURNS)], &["--currency", "EUR"]);
    let without_ids = |replayed: &Replayed| {
        let mut signals = replayed.signals();
        for signal in signals.iter_mut().filter_map(Value::as_object_mut) {
            signal.retain(|name, _| !["event_id", "episode_id", "closed_episode_id"].contains(&name.as_str()));
        }
        signals
    };
    assert_eq!(without_ids(&from_csv), without_ids(&from_lines));
    let told: Vec<String> = from_csv
        .signals()
        .iter()
        .map(|signal| {
            ["customer_id", "kind", "occurred_at", "amount", "lifetime_amount", "currency"]
                .map(|name| signal[name].as_str().unwrap_or("-").to_owned())
                .join(" ")
        })
        .collect();
    let expected = [
        "ana second_purchase 2026-02-01T00:00:00Z 10.00 34.50 EUR",
        "bob raised 2026-03-08T11:27:24.554Z - - -",
        "bob changed 2026-04-02T10:30:00.250Z - - -",
        "ana raised 2026-04-15T08:41:28.851Z - - -",
        "ana changed 2026-05-02T00:00:00Z - - -",
        "ana reactivated 2026-07-01T00:00:00Z 5.50 30.00 EUR",
        "ana cleared 2026-07-01T00:00:00Z - - -",
    ];
    assert_eq!(told.iter().collect::<BTreeSet<_>>(), expected.map(str::to_owned).iter().collect());
}

#[test]
fn files_are_merged_by_time() {
    let bench = Bench::new();
    let csv = fs::read_to_string(sample()).expect("the sample");
    let header = csv.lines().next().expect("a header");
    // By customer: of one instant the file named first goes first, and an order's number is that of its arrival.
    let part = |wanted: u32| -> Vec<&str> {
        let belongs = |row: &&str| row[..5].parse::<u32>().expect("customers are numbered") % 3 == wanted;
        csv.lines().skip(1).filter(belongs).collect()
    };
    let table = |rows: &[&str]| format!("{header}\n{}\n", rows.join("\n"));
    let lines: Vec<String> = part(2).iter().enumerate().map(|(n, row)| as_json(n, row, "XXX")).collect();
    let (first, second) = (bench.file("1.csv", &table(&part(0))), bench.file("2.csv", &table(&part(1))));
    let third = bench.file("3.jsonl", &lines.join("\n"));

    let in_one_file = bench.replay(&[&sample()], &[]);
    for inputs in [[&*first, &second, &third], [&third, &second, &first]] {
        let merged = bench.replay(&inputs, &[]);
        assert_eq!(merged.report, in_one_file.report);
        assert!(merged.sorted() == in_one_file.sorted(), "the same signals, whichever file a purchase came from");
    }
    // One customer's history over two files, told as one.
    let (early, late) = csv.lines().skip(1).partition::<Vec<_>, _>(|row| row.split(',').nth(1) < Some("1997-06"));
    let (early, late) = (bench.file("early.csv", &table(&early)), bench.file("late.csv", &table(&late)));
    assert!(bench.replay(&[&late, &early], &[]).signals == in_one_file.signals);
}

#[test]
fn rows_that_cannot_be_used_are_counted_by_code_and_left_out() {
    let bench = Bench::new();
    let table = "customer_id,occurred_at,type,order_id,amount,currency
ana,2026-01-01 10:00:00,purchase,o-1,40.00,EUR
ana,2026-01-02T10:00:00+01:00,purchase,o-2,40.00,
,2026-01-02T10:00:00Z,purchase,o-3,40.00,EUR
ana,2026-01-02T10:00:00Z,purchase
ana,1989-12-31T23:59:59,purchase,o-4,1.00,EUR
ana,yesterday,purchase,o-5,1.00,EUR
ana,2026-01-02T10:00:00Z,purchase,o-6,-1.00,EUR
ana,2026-01-02T10:00:00Z,purchase,o-7,1.005,EUR
ana,2026-01-02T10:00:00Z,purchase,o-8,1.00,euro
ana,2026-01-02T10:00:00Z,stolen,o-9,1.00,EUR
";
    let replayed = bench.replay(&[&bench.file("some.csv", table)], &[]);
    let counts = ["missing_field", "invalid_field", "unknown_type"].map(|code| replayed.left_out(code));
    assert_eq!(counts, [Some(2), Some(5), Some(1)], "{}", replayed.stderr);
    assert_eq!(replayed.report["ever"]["returning_orders"], json!({"numerator": 1, "denominator": 2}));

    let good = as_json(0, "ana,2026-01-01T00:00:00,purchase,o-1,40.00", "EUR");
    let lines: Vec<&[u8]> = vec![
        good.as_bytes(),
        b"",
        b"  \r",
        b"{\"type\":",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"{\"type\":\"stolen\"}",
        b"{\"type\":\"purchase\"}",
        good.as_bytes(),
    ];
    let path = bench.0.path().join("some.jsonl");
    fs::write(&path, lines.join(&b'\n')).expect("a temporary file");
    let replayed = bench.replay(&[&path], &[]);
    for (code, count) in [("invalid_json", 2), ("not_an_object", 1), ("missing_field", 2), ("unknown_type", 1)] {
        assert_eq!(replayed.left_out(code), Some(count), "{code}: {}", replayed.stderr);
    }
    assert_eq!(replayed.report["ever"]["customers"], 1, "empty lines and duplicates are no mistakes");
    assert_eq!(replayed.left_out("invalid_field"), None);
    assert!(!replayed.stderr.contains("ana"), "customer ids are no matter for logs");
}

#[test]
fn a_history_of_nothing_and_one_that_reaches_year_9999_are_histories() {
    let bench = Bench::new();
    for (name, text) in [("empty.jsonl", ""), ("empty.csv", "customer_id,occurred_at,type,order_id,amount\n")] {
        let replayed = bench.replay(&[&bench.file(name, text)], &[]);
        assert_eq!(replayed.signals, "");
        assert_eq!(replayed.report["at"], Value::Null);
        assert_eq!(replayed.report["ever"]["repeat_purchase"], json!({"numerator": 0, "denominator": 0}));
    }
    let far = "customer_id,occurred_at,type,order_id,amount\n\
               ana,2026-01-01T00:00:00Z,purchase,o-1,1\nana,9999-12-31T23:59:59.999Z,purchase,o-2,1\n";
    let replayed = bench.replay(&[&bench.file("far.csv", far)], &[]);
    assert_eq!(replayed.report["at"], "9999-12-31T23:59:59.999Z");
    let kinds: Vec<_> = replayed.signals().iter().map(|signal| signal["kind"].clone()).collect();
    assert_eq!(kinds, ["raised", "changed", "reactivated", "cleared"], "replay never reads the clock");
}

#[test]
fn settings_are_taken_from_the_configuration() {
    let bench = Bench::new();
    let config = "[time]\ntime_zone = \"Europe/Berlin\"\n[retention]\nactivity_horizon = \"30d\"\n\
                  [signals]\nnot_before = \"2026-05-01T00:00:00Z\"\n";
    let config = bench.file("shop.toml", config);
    let replayed = bench.replay(&[&bench.file("returns.csv", RETURNS)], &["--config", config.to_str().expect("UTF-8")]);
    let kinds: Vec<_> = replayed.signals().iter().map(|signal| signal["kind"].clone()).collect();
    assert_eq!(kinds, ["reactivated", "cleared"], "the lapses of March and February are not announced");
    assert_eq!(replayed.report["activity_horizon"], "30d");
    assert_eq!(replayed.report["time_zone"], "Europe/Berlin");
}

// --- wrong use ---------------------------------------------------------------------------------------------------

#[test]
fn wrong_use_is_exit_code_2() {
    let bench = Bench::new();
    let history = bench.file("returns.csv", RETURNS);
    let history = history.to_str().expect("UTF-8");
    bench.file("typo.toml", "[retention]\nactivity_horizont = \"90d\"\n");
    bench.file("wrong.toml", "[retention]\nactivity_horizon = \"soon\"\n");
    for (arguments, says) in [
        (&[][..], ""),
        (&["relive"], "relive"),
        (&["replay"], "--input"),
        (&["replay", "--input"], "--input"),
        (&["replay", "--input", history, "--backwards"], "--backwards"),
        (&["replay", "--input", history, "--currency", "eur"], "ISO 4217"),
        (&["replay", "--input", history, "--config", "typo.toml"], "activity_horizon"),
        (&["replay", "--input", history, "--config", "wrong.toml"], "activity_horizon"),
        (&["replay", "--input", history, "--config", "nowhere.toml"], "nowhere.toml"),
    ] {
        let output = bench.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(says), "{arguments:?} says nothing of {says}: {stderr}");
    }
}

#[test]
fn what_cannot_be_done_is_one_line_that_names_it() {
    let bench = Bench::new();
    let history = bench.file("returns.csv", RETURNS);
    let history = history.to_str().expect("UTF-8");
    bench.file("columns.csv", "customer_id,occurred_at,type,amount\n");
    for (arguments, says) in [
        (&["replay", "--input", "nowhere.csv"][..], "nowhere.csv"),
        (&["replay", "--input", "columns.csv"], "order_id"),
        (&["replay", "--input", history, "--signals", "no/such/folder.jsonl"], "no/such/folder.jsonl"),
        (&["replay", "--input", history, "--report", "no/such/folder.json"], "no/such/folder.json"),
    ] {
        let output = bench.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
        assert!(stderr.contains(says), "{arguments:?} says nothing of {says}: {stderr}");
    }
}

#[test]
fn help_has_an_example() {
    let output = Bench::new().run(&["replay", "--help"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("Example"));
}
