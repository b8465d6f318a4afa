//! New against returning: where the money comes from.

use std::collections::{BTreeMap, BTreeSet};

use super::customers;
use super::plot::{Anchor, Plot, Scale, WIDTH, short};
use super::text::{amount, days, escaped, value};
use crate::wire::rates::{Rates, Window};

/// Currencies that get a plot, those of most orders first; the table of windows has all.
const PLOTTED: usize = 2;
const IDS: [&str; PLOTTED] = ["revenue-1", "revenue-2"];
const LEFT: f64 = 62.0;

/// Net revenue by class, as decimals.
type Sums<'a> = [(&'static str, &'a str); 3];
/// A window's name, its sums and its days.
type Row<'a> = (&'a str, Sums<'a>, f64);

pub(super) fn section(rates: &Rates) -> String {
    let mut by_orders: BTreeMap<&String, i64> = BTreeMap::new();
    for (_, window) in &rates.windows.0 {
        for currency in currencies(window) {
            *by_orders.entry(currency).or_default() += orders(window, currency);
        }
    }
    let mut most: Vec<(&String, i64)> = by_orders.into_iter().collect();
    most.sort_by_key(|(_, orders)| std::cmp::Reverse(*orders));
    let others = most.len().saturating_sub(PLOTTED);
    let plots: String = most.iter().zip(IDS).map(|((currency, _), id)| card(rates, currency, id)).collect();
    let more = match others {
        0 => String::new(),
        _ => format!(
            "<p class=\"note\">Drawn are the {PLOTTED} currencies with most orders; the windows above have all.</p>"
        ),
    };
    let plots = if plots.is_empty() { "<p>No money moved in these windows.</p>".to_owned() } else { plots };
    format!(
        r#"<section aria-labelledby="revenue">
<h2 id="revenue">Where the money comes from</h2>
<p>New against returning: net revenue a day, so that windows can be compared: the sum of each window divided by its days. A refund counts against
the class of its order, on its own day; below zero more was refunded than sold.</p>
<ul class="keys"><li><i class="is-new"></i>new: first orders</li><li><i class="is-returning"></i>returning orders</li><li><i class="is-unknown"></i>unknown orders' refunds</li></ul>
<div class="pair">{plots}{pareto}</div>{more}
</section>"#,
        pareto = customers::pareto(rates),
    )
}

/// The currencies in which something was paid or refunded.
pub(super) fn currencies(window: &Window) -> BTreeSet<&String> {
    let growth = window.growth.iter().flat_map(BTreeMap::keys);
    window.returning_revenue.keys().chain(growth).collect()
}

/// Orders in this currency.
pub(super) fn orders(window: &Window, currency: &str) -> i64 {
    let classes = window.average_order_value.get(currency);
    classes.into_iter().flat_map(BTreeMap::values).map(|mean| mean.denominator).sum()
}

/// Net revenue of new, returning and unknown orders, as decimals.
fn sums<'a>(window: &'a Window, currency: &str) -> Sums<'a> {
    let of_class = |class: &str| {
        let classes = window.average_order_value.get(currency);
        classes.and_then(|classes| classes.get(class)).map_or("0", |mean| mean.numerator.as_str())
    };
    let unknown = window.unknown_revenue.get(currency).map_or("0", String::as_str);
    [("new", of_class("new")), ("returning", of_class("returning")), ("unknown", unknown)]
}

fn card(rates: &Rates, currency: &str, id: &'static str) -> String {
    let rows: Vec<Row> = rates
        .windows
        .0
        .iter()
        .map(|(name, window)| {
            (name.as_str(), sums(window, currency), name.trim_end_matches('d').parse().unwrap_or(1.0))
        })
        .collect();
    let told: Vec<String> = rows
        .iter()
        .map(|(name, [new, returning, _], _)| {
            format!("last {}: new {}, returning {}", days(name), amount(new.1), amount(returning.1))
        })
        .collect();
    let title = format!("Net revenue a day in {currency}, new against returning");
    let height = 34.0 + 40.0 * rows.len() as f64;
    let mut plot = Plot::new(id, height, &title, &format!("{}.", told.join("; ")));
    let ends = |sign: f64| {
        let of_row =
            |(_, sums, days): &Row| sums.iter().map(|(_, sum)| (value(sum) * sign).max(0.0)).sum::<f64>() / days;
        rows.iter().map(of_row).fold(0.0, f64::max)
    };
    let scale = Scale::new([-ends(-1.0), ends(1.0)], [LEFT, WIDTH - 20.0]);
    for tick in scale.ticks(5.0) {
        plot.line(if tick == 0.0 { "axis" } else { "grid" }, [scale.at(tick), 6.0], [scale.at(tick), height - 26.0]);
        plot.text("soft", Anchor::Middle, [scale.at(tick), height - 8.0], &short(tick));
    }
    for (row, (name, sums, days_long)) in rows.iter().enumerate() {
        let y = 10.0 + 40.0 * row as f64;
        plot.text("", Anchor::End, [LEFT - 8.0, y + 18.0], &days(name));
        let (mut above, mut below) = (0.0, 0.0);
        for (class, sum) in sums {
            let a_day = value(sum) / days_long;
            let from = if a_day < 0.0 { &mut below } else { &mut above };
            let tip = format!("{class}, last {}: {} {currency} in all", days(name), amount(sum));
            let x = scale.at(*from);
            *from += a_day;
            plot.bar(&format!("is-{class}"), [x, y, scale.at(*from) - x, 27.0], &tip);
        }
    }
    format!("<div class=\"card\"><h3>{} a day</h3>{plot}</div>", escaped(currency))
}
