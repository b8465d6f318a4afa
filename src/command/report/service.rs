//! What help costs customers, and whether they come back after it.

use super::figure::{FEW, Figure, quotient};
use super::plot::{Anchor, Plot, Scale, WIDTH};
use super::text::{days, escaped, percent, whole};
use crate::wire::rates::{Rates, Recovery};

pub(super) fn section(rates: &Rates) -> String {
    format!(
        r#"<section aria-labelledby="service">
<h2 id="service">After a problem</h2>
<div class="pair">{}{}</div>
</section>"#,
        recovery(&rates.service_recovery.0),
        resolution(rates),
    )
}

/// By how many points more ordered than were expected to.
fn lift(recovery: &Recovery) -> Option<f64> {
    quotient(recovery.numerator as f64 - recovery.expected, recovery.denominator as f64)
}

fn points(lift: f64) -> String {
    format!("{}{:.1} points", if lift > 0.0 { "+" } else { "" }, lift * 100.0)
}

fn recovery(cases: &[(String, Recovery)]) -> String {
    let shares = |recovery: &Recovery| {
        let of = |count: f64| quotient(count, recovery.denominator as f64).unwrap_or(0.0);
        (of(recovery.numerator as f64), of(recovery.expected))
    };
    let told: Vec<String> = cases
        .iter()
        .map(|(effort, recovery)| {
            let (ordered, expected) = shares(recovery);
            if recovery.denominator == 0 {
                return format!("{effort}: no case is ripe yet");
            }
            format!("{effort}: {} ordered, {} expected", percent(ordered), percent(expected))
        })
        .collect();
    let title = "Who ordered within 60 days of a solved ticket, against who was expected to";
    let mut plot = Plot::new("recovery", 126.0, title, &format!("{}.", told.join("; ")));
    let most = cases.iter().map(|(_, recovery)| shares(recovery)).fold(0.1, |most, (a, b)| a.max(b).max(most));
    let scale = Scale::new([0.0, (most * 1.2).min(1.0)], [72.0, WIDTH - 70.0]);
    for tick in scale.ticks(5.0) {
        plot.line(if tick == 0.0 { "axis" } else { "grid" }, [scale.at(tick), 6.0], [scale.at(tick), 98.0]);
        plot.text("soft", Anchor::Middle, [scale.at(tick), 118.0], &format!("{:.0}\u{a0}%", tick * 100.0));
    }
    for (row, (effort, recovery)) in cases.iter().enumerate() {
        let (y, (ordered, expected)) = (12.0 + 44.0 * row as f64, shares(recovery));
        plot.text("", Anchor::End, [64.0, y + 20.0], effort);
        if recovery.denominator == 0 {
            plot.text("soft", Anchor::Start, [80.0, y + 20.0], "no case is ripe yet");
            continue;
        }
        let class = if effort == "painless" { "is-returning" } else { "is-new" };
        plot.bar(
            class,
            [scale.at(0.0), y, scale.at(ordered) - scale.at(0.0), 30.0],
            &format!("ordered: {}", percent(ordered)),
        );
        plot.line("expected", [scale.at(expected), y - 4.0], [scale.at(expected), y + 34.0]);
        plot.text("strong", Anchor::Start, [scale.at(ordered.max(expected)) + 8.0, y + 20.0], &percent(ordered));
    }
    let rows: String = cases.iter().map(|(effort, recovery)| recovery_row(effort, recovery)).collect();
    format!(
        "<div class=\"card\"><h3>Service recovery</h3>{plot}<p>Bar: customers who ordered within 60 days of the resolution. \
         Upright line: how many were expected to, just before the ticket was opened.</p><table><caption>Ripe 60 days after \
         the resolution; of customers who had ordered before. Lift is ordered less expected.</caption><thead><tr>\
         <th scope=\"col\">Effort</th><th scope=\"col\">Ordered</th><th scope=\"col\">Expected</th><th scope=\"col\">Lift</th>\
         </tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

fn recovery_row(effort: &str, recovery: &Recovery) -> String {
    let path = format!("service_recovery.{effort}");
    let expected = quotient(recovery.expected, recovery.denominator as f64).map_or("\u{2013}".to_owned(), percent);
    let lift = lift(recovery).map_or("\u{2013}".to_owned(), points);
    let figure = Figure::recovered(path.clone(), recovery);
    format!(
        "<tr><th scope=\"row\">{}</th><td>{figure}</td><td data-at=\"{path}.expected\" data-value=\"{}\">{expected}\
         <small>{:.1} customers</small></td><td>{lift}</td></tr>",
        escaped(effort),
        recovery.expected,
        recovery.expected
    )
}

/// How long the tickets of the longest window took.
fn resolution(rates: &Rates) -> String {
    let Some((name, window)) = rates.windows.0.last() else { return String::new() };
    let resolution = &window.time_to_resolution;
    let bars: Vec<(String, i64)> = resolution
        .within_hours
        .0
        .iter()
        .map(|(hours, count)| (if hours == "more" { hours.clone() } else { format!("to {hours}") }, *count))
        .collect();
    let told: Vec<String> = bars.iter().map(|(name, count)| format!("{name} {}", whole(*count))).collect();
    let title = format!("Tickets resolved in the last {}, by hours they took", days(name));
    let mut plot = Plot::new("resolution", 226.0, &title, &format!("Tickets by hours: {}.", told.join(", ")));
    let upwards = Scale::new([0.0, bars.iter().map(|(_, count)| *count).max().unwrap_or(0) as f64], [172.0, 24.0]);
    plot.line("axis", [8.0, 172.0], [WIDTH - 8.0, 172.0]);
    let step = (WIDTH - 16.0) / bars.len().max(1) as f64;
    for (n, (hours, count)) in bars.iter().enumerate() {
        let (x, y) = (8.0 + step * n as f64, upwards.at(*count as f64));
        plot.bar("is-returning", [x + 4.0, y, step - 8.0, 172.0 - y], &format!("{hours} hours: {}", whole(*count)));
        plot.text("strong", Anchor::Middle, [x + step / 2.0, y - 6.0], &whole(*count));
        plot.text("soft", Anchor::Middle, [x + step / 2.0, 190.0], hours);
    }
    plot.text("soft", Anchor::Middle, [WIDTH / 2.0, 216.0], "hours from opening to resolution, from the bar before");
    let few = if (1..FEW).contains(&resolution.count) { " <span class=\"few\">few</span>" } else { "" };
    format!(
        "<div class=\"card\"><h3>How long a solution takes</h3>{plot}<p>{} tickets resolved in the last {}{few}.</p></div>",
        whole(resolution.count),
        days(name)
    )
}
