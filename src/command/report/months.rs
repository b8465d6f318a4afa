//! Month by month: who came back of those who came first in a month, and how the active base moves.

use super::figure::FEW;
use super::plot::{Anchor, Plot, Scale, WIDTH, short};
use super::text::{escaped, percent, whole};
use crate::wire::rates::{Lifecycle, Rates};

const CLASSES: [(&str, &str); 4] = [
    ("new", "first order this month"),
    ("returning", "ordered last month too"),
    ("resurrecting", "back after a month or more without"),
    ("dormant", "ordered last month, not this"),
];

pub(super) fn section(rates: &Rates) -> String {
    let keys = CLASSES.map(|(name, words)| format!("<li><i class=\"is-{name}\"></i>{name}: {words}</li>")).concat();
    format!(
        r#"<section aria-labelledby="months">
<h2 id="months">Month by month</h2>
<div class="card"><h3>Cohorts</h3>{cohorts}</div>
<div class="card" style="margin-top:.875rem"><h3>Lifecycle</h3>
<p>Customers of each month: those who ordered above the line, those who ordered the month before but not in it below. The
last month is provisional.</p>
<ul class="keys">{keys}</ul>
{plot}
{table}</div>
</section>"#,
        cohorts = triangle(rates),
        plot = lifecycle(&rates.lifecycle),
        table = lifecycle_table(&rates.lifecycle),
    )
}

fn triangle(rates: &Rates) -> String {
    if rates.cohorts.is_empty() {
        return "<p>Nobody has ordered yet.</p>".to_owned();
    }
    let ages = rates.cohorts.iter().map(|cohort| cohort.ordered.len()).max().unwrap_or(0);
    let heads: String = (0..ages).map(|age| format!("<th scope=\"col\">{age}</th>")).collect();
    let share = |count: i64, customers: i64| count as f64 / (customers.max(1)) as f64;
    let later = rates.cohorts.iter().filter(|cohort| cohort.customers >= FEW);
    let hottest = later
        .flat_map(|cohort| cohort.ordered.iter().skip(1).map(|count| share(*count, cohort.customers)))
        .fold(0.01, f64::max);
    let rows: String = rates
        .cohorts
        .iter()
        .enumerate()
        .map(|(n, cohort)| {
            let few = if cohort.customers < FEW { " <small class=\"few\">few</small>" } else { "" };
            let last = cohort.ordered.len() - 1;
            let cells: String = cohort
                .ordered
                .iter()
                .enumerate()
                .map(|(age, count)| {
                    let share = share(*count, cohort.customers);
                    // The first month is all of them: shading it would drown the rest.
                    let heat = if age == 0 { 0.0 } else { (share / hottest).min(1.0) * 48.0 };
                    let class = if age == last { " class=\"provisional\"" } else { "" };
                    let tip = format!("{} of {} after {age} months", whole(*count), whole(cohort.customers));
                    format!(
                        "<td{class} style=\"--heat:{heat:.0}%\" title=\"{tip}\" data-at=\"cohorts.{n}.ordered.{age}\" \
                         data-value=\"{count}\">{:.1}</td>",
                        share * 100.0
                    )
                })
                .collect();
            format!(
                "<tr><th scope=\"row\">{}{few}</th><th data-at=\"cohorts.{n}.customers\" data-value=\"{}\">{}</th>{cells}</tr>\n",
                escaped(&cohort.month),
                cohort.customers,
                whole(cohort.customers)
            )
        })
        .collect();
    format!(
        "<p>Of the customers whose first order was in a month (row), how many per cent ordered so many months later \
         (column). The darker, the more. Dotted: the month that is not over.</p>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Cohorts\"><table class=\"triangle\">\
         <caption>Per cent of the cohort with an order, by months since the first</caption>\n\
         <thead><tr><th scope=\"col\">First order</th><th scope=\"col\">Customers</th>{heads}</tr></thead>\n\
         <tbody>{rows}</tbody></table></div>"
    )
}

fn of_month(month: &Lifecycle) -> [i64; 4] {
    [month.new, month.returning, month.resurrecting, month.dormant]
}

fn lifecycle(months: &[Lifecycle]) -> String {
    let Some(last) = months.last() else { return String::new() };
    let [new, returning, resurrecting, dormant] = of_month(last).map(whole);
    let description = format!(
        "{} months. In {}: new {new}, returning {returning}, resurrecting {resurrecting}, dormant {dormant}.",
        months.len(),
        last.month
    );
    let mut plot =
        Plot::new("lifecycle", 260.0, "Customers by month: new, returning, resurrecting, dormant", &description);
    let above = months.iter().map(|month| month.new + month.returning + month.resurrecting).max().unwrap_or(0);
    let below = months.iter().map(|month| month.dormant).max().unwrap_or(0);
    let (left, right) = (46.0, WIDTH - 8.0);
    let upwards = Scale::new([-below as f64, above as f64], [226.0, 12.0]);
    for tick in upwards.ticks(5.0) {
        plot.line(if tick == 0.0 { "axis" } else { "grid" }, [left, upwards.at(tick)], [right, upwards.at(tick)]);
        plot.text("soft", Anchor::End, [left - 6.0, upwards.at(tick) + 4.0], &short(tick.abs()));
    }
    let step = (right - left) / months.len() as f64;
    let every = (58.0 / step).ceil().max(1.0) as usize;
    for (n, month) in months.iter().enumerate() {
        let x = left + step * n as f64;
        let (mut from, provisional) = (0, if n + 1 == months.len() { " provisional" } else { "" });
        for ((name, _), count) in CLASSES.iter().zip(of_month(month)) {
            let (low, high) = if *name == "dormant" { (-count, 0) } else { (from, from + count) };
            from = high;
            let (y, end) = (upwards.at(high as f64), upwards.at(low as f64));
            let tip = format!("{}, {name}: {}", month.month, whole(count));
            plot.bar(&format!("is-{name}{provisional}"), [x + step * 0.12, y, step * 0.76, end - y], &tip);
        }
        if (months.len() - 1 - n).is_multiple_of(every) {
            let at = (x + step / 2.0).clamp(left + 20.0, right - 24.0);
            plot.text("soft", Anchor::Middle, [at, 250.0], &month.month);
        }
    }
    plot.to_string()
}

fn lifecycle_table(months: &[Lifecycle]) -> String {
    let heads = CLASSES.map(|(name, _)| format!("<th scope=\"col\">{name}</th>")).concat();
    let rows: String = months
        .iter()
        .enumerate()
        .map(|(n, month)| {
            let counts = CLASSES.iter().zip(of_month(month)).map(|((name, _), count)| {
                let path = format!("lifecycle.{n}.{name}");
                format!("<td data-at=\"{path}\" data-value=\"{count}\">{}</td>", whole(count))
            });
            let kept = month.returning as f64 / ((month.returning + month.dormant).max(1)) as f64;
            let (cells, kept) = (counts.collect::<String>(), percent(kept));
            format!("<tr><th scope=\"row\">{}</th>{cells}<td>{kept}</td></tr>\n", escaped(&month.month))
        })
        .collect();
    format!(
        "<details><summary>The figures</summary><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Lifecycle \
         figures\"><table><caption>Kept: returning, of all who ordered the month before</caption><thead><tr>\
         <th scope=\"col\">Month</th>{heads}<th scope=\"col\">kept</th></tr></thead><tbody>{rows}</tbody></table></div>\
         </details>"
    )
}
