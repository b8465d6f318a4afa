//! The frame of the page, and what was replayed.

use std::collections::BTreeMap;

use super::text::{days, escaped, whole};
use super::{customers, headline, months, revenue, service, windows};
use crate::domain::EventTime;
use crate::wire::rates::Rates;

const STYLE: &str = include_str!("style.css");

/// What a report is about, besides its figures.
#[derive(Clone, Debug, Default)]
pub(in crate::command) struct Replayed {
    /// The files that were read.
    pub inputs: Vec<String>,
    /// The earliest event's time.
    pub first: Option<EventTime>,
    /// The latest event's time.
    pub last: Option<EventTime>,
    pub events: u64,
    pub duplicates: u64,
    pub late: u64,
    /// Rows that could not be used, by code.
    pub left_out: BTreeMap<&'static str, u64>,
}

/// The whole page. It is well-formed XML too, so that other tools can read it.
pub(in crate::command) fn page(replayed: &Replayed, rates: &Rates) -> String {
    let sections = [
        headline::section(rates),
        windows::section(rates),
        customers::section(rates),
        months::section(rates),
        revenue::section(rates),
        service::section(rates),
    ];
    format!(
        r#"<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<meta name="generator" content="homecoming {version}"/>
<title>Are our customers coming back?</title>
<style>
{STYLE}</style>
</head>
<body>
<header>
<h1>Are our customers coming back?</h1>
{about}
</header>
<main>
{sections}
</main>
<footer>
<p class="note">Every share is a numerator divided by a denominator once; both stand beside it. Sum them before you divide,
and never average percentages. The same figures are in the JSON report (<code>--report OUT.json</code>).</p>
<p class="note">Written by homecoming {version}. Currencies are never added up; XXX is what amounts are in that name no
currency.</p>
</footer>
</body>
</html>
"#,
        version = env!("CARGO_PKG_VERSION"),
        about = about(replayed, rates),
        sections = sections.join("\n"),
    )
}

fn about(replayed: &Replayed, rates: &Rates) -> String {
    let time = |at: Option<EventTime>| at.map_or_else(|| "no event".to_owned(), |at| at.to_string());
    let at = rates.at.as_deref().unwrap_or("no event");
    let facts = [
        ("Period", format!("{} to {}", time(replayed.first), time(replayed.last))),
        ("As of", at.to_owned()),
        ("Time zone of business days", rates.time_zone.clone()),
        ("Activity horizon", days(&rates.activity_horizon)),
        ("Customers", format!("{} with an order", whole(rates.ever.customers))),
        ("Events", events(replayed)),
        ("Files", replayed.inputs.join(", ")),
    ];
    let facts = facts.map(|(name, fact)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&fact)));
    format!(
        "<p>Figures as of the last event. A customer is <em>active</em> until {horizon} after their last order, then they \
         have <em>lapsed</em>. A <em>returning</em> order is any but a customer's first. <span class=\"few\">few</span> \
         marks a number that fewer than 30 cases stand behind: it jumps. <em>Unripe</em> cases are those whose outcome is \
         still to come; they are in no share.</p>\n<dl class=\"about\">\n{facts}\n</dl>",
        horizon = days(&rates.activity_horizon),
        facts = facts.join("\n"),
    )
}

fn events(replayed: &Replayed) -> String {
    let told = |count: u64| whole(i64::try_from(count).unwrap_or(i64::MAX));
    let mut text = format!(
        "{}, of them {} duplicates and {} late",
        told(replayed.events),
        told(replayed.duplicates),
        told(replayed.late)
    );
    for (code, count) in &replayed.left_out {
        text.push_str(&format!("; {} rows left out: {code}", told(*count)));
    }
    text
}
