//! Every rate of `homecoming replay --report` against a recount that shares no code with the service: `tests/recount`.
//!
//! The histories follow from seeds. Whatever differs is told with its seed and instant; `tests/recount/mod.rs` has the
//! reading of the definitions that is held against the service.

#[path = "recount/proof.rs"]
mod proof;
#[path = "recount/proof_of_care.rs"]
mod proof_of_care;
mod recount;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use tempfile::TempDir;

use recount::histories::{Arrival, Dice, Plan, clock, hostile};
use recount::{Calendar, DAY_MS, Event, Options, csv, differences, json_lines, recount as count_again};

// --- running it --------------------------------------------------------------------------------------------------

/// The program in a folder of its own, and the options that it and the recount go by.
struct Bench {
    folder: TempDir,
    options: Options,
}

impl Bench {
    fn new(options: Options) -> Self {
        let bench = Self { folder: TempDir::new().expect("a temporary folder"), options };
        let windows: Vec<String> = bench.options.windows.iter().map(|days| format!("\"{days}d\"")).collect();
        let config = format!(
            "[time]\ntime_zone = \"{}\"\n[retention]\nactivity_horizon = \"{}d\"\nwindows = [{}]\n",
            bench.options.time_zone,
            bench.options.activity_days,
            windows.join(", ")
        );
        bench.write("homecoming.toml", &config);
        bench
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("a temporary file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).expect("what was asked for was written")
    }

    fn replay(&self, inputs: &[&str]) -> Value {
        let mut command = Command::new(PROGRAM);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HOMECOMING_")) {
            command.env_remove(name);
        }
        let wanted = ["replay", "--config", "homecoming.toml", "--report", "report.json", "--signals", "signals.jsonl"];
        command.args(wanted).current_dir(self.folder.path());
        for input in inputs {
            command.args(["--input", input]);
        }
        let output = command.output().expect("the program runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(&self.read("report.json")).expect("the report is JSON")
    }

    /// What differs after these events, at the latest of them.
    fn differences(&self, inputs: &[&str], events: &[Event]) -> Vec<String> {
        let at = events.iter().map(|event| event.at).max().expect("events");
        let report = self.replay(inputs);
        let mut differing = differences(&report, &count_again(events, at, &self.options));
        let was_erased = events.iter().any(|event| matches!(event.what, recount::What::Erased));
        if !was_erased {
            differing.extend(self.risk_differs(&report));
        }
        let moment = Timestamp::from_millisecond(at).expect("an instant");
        differing.into_iter().map(|line| format!("{moment}: {line}")).collect()
    }

    /// Levels are counted as they were announced: the last word on every customer, low for who was never spoken of.
    /// Who is erased takes their level away without a word, so this is asked where nobody is.
    fn risk_differs(&self, report: &Value) -> Option<String> {
        let mut levels: BTreeMap<String, String> = BTreeMap::new();
        for line in self.read("signals.jsonl").lines() {
            let signal: Value = serde_json::from_str(line).expect("a signal is JSON");
            let text = |name: &str| signal[name].as_str().expect("a text").to_owned();
            if signal["type"] == "churn_risk" {
                levels.insert(text("customer_id"), text("level"));
            }
        }
        let [medium, high] = ["medium", "high"].map(|level| levels.values().filter(|known| *known == level).count());
        let active = report["now"]["active"].as_u64().expect("a count");
        let low = active.checked_sub((medium + high) as u64);
        let announced = json!({"low": low, "medium": medium, "high": high});
        (report["now"]["risk"] != announced)
            .then(|| format!("now.risk: reported {}, announced {announced}", report["now"]["risk"]))
    }
}

fn none(whose: &str, differing: &[String]) {
    let shown: Vec<&str> = differing.iter().take(30).map(String::as_str).collect();
    assert!(differing.is_empty(), "{whose}: {} differ\n{}", differing.len(), shown.join("\n"));
}

/// A hostile history and the program that is told it.
struct Shop {
    bench: Bench,
    told: Vec<Arrival>,
}

impl Shop {
    fn new(plan: &Plan, windows: &[i64]) -> Self {
        let options =
            Options { time_zone: plan.time_zone.clone(), activity_days: plan.activity_days, windows: windows.to_vec() };
        Self { bench: Bench::new(options), told: hostile(plan) }
    }

    /// What differs once all that had arrived by then is known, and time stands there.
    fn differences_at(&self, at: i64) -> Vec<String> {
        let arrived = self.told.iter().filter(|arrival| arrival.at <= at).map(|arrival| arrival.line.as_str());
        let lines: String = arrived.chain([clock(at).as_str()]).map(|line| format!("{line}\n")).collect();
        self.bench.write("told.jsonl", &lines);
        self.bench.differences(&["told.jsonl"], &json_lines(&lines))
    }
}

// --- hostile histories -------------------------------------------------------------------------------------------

/// A short horizon, so that much happens in the weeks around both changes of clocks.
fn short(seed: u64, zone: &str) -> Plan {
    Plan {
        seed,
        time_zone: zone.to_owned(),
        first_day: date(2026, 2, 20),
        days: 270,
        customers: 40,
        activity_days: 14,
        erased_percent: if seed.is_multiple_of(3) { 0 } else { 12 },
    }
}

/// The first instant of each day, and the last of the day before.
fn at_every_day_boundary(zone: &str) {
    let (plan, calendar) = (short(1, zone), Calendar::new(zone));
    let shop = Shop::new(&plan, &[1, 7, 14]);
    let midnights = plan.first_day.series(1.day()).skip(1).take(290).map(|day| calendar.start_of(day));
    let differing: Vec<String> =
        midnights.flat_map(|midnight| [midnight - 1, midnight]).flat_map(|at| shop.differences_at(at)).collect();
    none(&format!("seed {} in {zone}", plan.seed), &differing);
}

#[test]
fn every_rate_is_exact_at_every_day_boundary_in_utc() {
    at_every_day_boundary("UTC");
}

#[test]
fn every_rate_is_exact_at_every_day_boundary_where_clocks_change() {
    at_every_day_boundary("Europe/Berlin");
}

/// Instants drawn at random, and those at which something was due, or a millisecond later.
fn moments(plan: &Plan, told: &[Arrival], count: usize) -> Vec<i64> {
    let (calendar, mut dice) = (Calendar::new(&plan.time_zone), Dice::new(plan.seed));
    let start = calendar.start_of(plan.first_day);
    let lines: Vec<&str> = told.iter().map(|arrival| arrival.line.as_str()).collect();
    let happened: Vec<i64> = json_lines(&lines.join("\n")).iter().map(|event| event.at).collect();
    let mut moment = || {
        let event = happened[dice.index(happened.len())];
        let lapse = calendar.same_time_after(event, plan.activity_days);
        let due = match dice.below(8) {
            0 => event,
            1 => lapse,
            2 => lapse + 90 * DAY_MS,
            3 => event + [7, 30, 60][dice.index(3)] * DAY_MS,
            _ => return start + DAY_MS + dice.below((plan.days + 30) * DAY_MS),
        };
        due + dice.below(2)
    };
    (0..count).map(|_| moment()).collect()
}

fn at_random_instants(plans: &[Plan], windows: &[i64], count: usize) {
    for plan in plans {
        let shop = Shop::new(plan, windows);
        let moments = moments(plan, &shop.told, count);
        let differing: Vec<String> = moments.iter().flat_map(|at| shop.differences_at(*at)).collect();
        none(&format!("seed {} in {}", plan.seed, plan.time_zone), &differing);
    }
}

#[test]
fn every_rate_is_exact_at_random_instants_of_many_histories() {
    let zones = ["UTC", "Europe/Berlin"];
    let plans: Vec<Plan> = zones.iter().flat_map(|zone| (100..115).map(|seed| short(seed, zone))).collect();
    at_random_instants(&plans, &[7, 14], 12);
}

/// Years of history under the horizon and the windows that are the defaults, a leap day among them.
#[test]
fn every_rate_is_exact_over_years() {
    let plan = |seed, zone: &str| Plan {
        time_zone: zone.to_owned(),
        first_day: date(2023, 11, 1),
        days: 900,
        customers: 150,
        activity_days: 90,
        ..short(seed, zone)
    };
    let plans = [plan(201, "UTC"), plan(202, "Europe/Berlin"), plan(203, "America/St_Johns")];
    at_random_instants(&plans, &[7, 30, 90], 25);
}

// --- real histories ----------------------------------------------------------------------------------------------

/// At the end, and at the end of some days before it.
fn real_history(path: &Path, cutoffs: &[Date]) {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (bench, calendar) = (Bench::new(Options::default()), Calendar::new("UTC"));
    let mut differing = Vec::new();
    for cutoff in cutoffs {
        let at = calendar.start_of(*cutoff);
        // The head, and the rows up to that day: all of them lie at midnight, and dates compare as text.
        let is_by_then = |row: &&str| row.split(',').nth(1).is_some_and(|time| time[..10] <= *cutoff.to_string());
        let rows: Vec<&str> = text.lines().take(1).chain(text.lines().skip(1).filter(is_by_then)).collect();
        bench.write("orders.csv", &(rows.join("\n") + "\n"));
        bench.write("time.jsonl", &(clock(at + DAY_MS - 1) + "\n"));
        let mut events = csv(&rows.join("\n"));
        events.extend(json_lines(&clock(at + DAY_MS - 1)));
        differing.extend(bench.differences(&["orders.csv", "time.jsonl"], &events));
    }
    none(&path.display().to_string(), &differing);
}

#[test]
fn every_rate_of_the_cdnow_sample_is_exact() {
    let cutoffs = [date(1997, 1, 5), date(1997, 4, 30), date(1997, 12, 31), date(1998, 3, 1), date(1998, 6, 30)];
    real_history(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cdnow_sample.csv"), &cutoffs);
}

#[test]
#[ignore = "its data may not be kept here: make test-ranking"]
fn every_rate_of_whole_histories_is_exact() {
    let folder = PathBuf::from(std::env::var_os("HOMECOMING_HISTORIES").expect("HOMECOMING_HISTORIES names a folder"));
    real_history(&folder.join("cdnow_full.csv"), &[date(1997, 3, 31), date(1997, 9, 15), date(1998, 6, 30)]);
    real_history(&folder.join("grocery_elog.csv"), &[date(2006, 6, 30), date(2007, 3, 25), date(2007, 12, 30)]);
}

/// The binary under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_homecoming");
