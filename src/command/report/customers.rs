//! The step from one order to two, and what the best customers bring.

use super::figure::{Figure, quotient};
use super::plot::{Anchor, Plot, Scale, WIDTH};
use super::text::{days, escaped, percent, value, whole};
use crate::wire::rates::Rates;

/// Left and right end, bottom and top of the drawing inside its axes.
const FRAME: [f64; 4] = [46.0, WIDTH - 16.0, 236.0, 16.0];
const HEIGHT: f64 = 274.0;

pub(super) fn section(rates: &Rates) -> String {
    format!(
        r#"<section aria-labelledby="customers">
<h2 id="customers">From the first order to the second</h2>
<div class="pair">{}{}</div>
</section>"#,
        curve(rates),
        histogram(rates),
    )
}

/// Horizontal lines with their shares at the side.
fn share_axis(plot: &mut Plot, scale: Scale) {
    let [left, right, ..] = FRAME;
    for tick in scale.ticks(4.0) {
        plot.line(if tick == 0.0 { "axis" } else { "grid" }, [left, scale.at(tick)], [right, scale.at(tick)]);
        plot.text("soft", Anchor::End, [left - 6.0, scale.at(tick) + 4.0], &format!("{:.0}\u{a0}%", tick * 100.0));
    }
}

fn curve(rates: &Rates) -> String {
    let [left, right, bottom, top] = FRAME;
    let reached: Vec<(f64, &str, f64)> = rates
        .second_purchase
        .0
        .iter()
        .filter_map(|(name, ripe)| {
            let share = quotient(ripe.numerator as f64, ripe.denominator as f64)?;
            Some((name.trim_end_matches('d').parse().ok()?, name.as_str(), share))
        })
        .collect();
    let told: Vec<String> =
        reached.iter().map(|(_, name, share)| format!("within {} {}", days(name), percent(*share))).collect();
    let told = if told.is_empty() { "Nothing is ripe yet.".to_owned() } else { format!("{}.", told.join(", ")) };
    let mut plot =
        Plot::new("second", HEIGHT, "Share of customers with a second order, by days since the first", &told);
    let longest = reached.iter().map(|(days, ..)| *days).fold(1.0, f64::max);
    let across = Scale::new([0.0, longest], [left, right - 14.0]);
    let most = reached.iter().map(|(.., share)| *share).fold(0.0, f64::max);
    let upwards = Scale::new([0.0, (most * 1.15).clamp(0.01, 1.0)], [bottom, top]);
    share_axis(&mut plot, upwards);
    let mut points = vec![[across.at(0.0), upwards.at(0.0)]];
    points.extend(reached.iter().map(|(days, _, share)| [across.at(*days), upwards.at(*share)]));
    plot.area(&points, bottom);
    plot.curve(&points);
    for ((number, name, share), point) in reached.iter().zip(&points[1..]) {
        plot.dot("is-returning", *point, &format!("within {}: {}", days(name), percent(*share)));
        plot.text("strong", Anchor::Middle, [point[0] - 6.0, point[1] - 10.0], &percent(*share));
        plot.text("soft", Anchor::Middle, [point[0], bottom + 18.0], &format!("{number:.0}"));
    }
    plot.text("soft", Anchor::Middle, [(left + right) / 2.0, HEIGHT - 4.0], "days since the first order");
    let rows: String = rates
        .second_purchase
        .0
        .iter()
        .map(|(name, ripe)| {
            let figure = Figure::ripe(format!("second_purchase.{name}"), ripe);
            format!("<tr><th scope=\"row\">within {}</th><td>{figure}</td></tr>", days(name))
        })
        .collect();
    format!(
        "<div class=\"card\"><h3>How many come a second time</h3>{plot}<table class=\"flat\"><caption>Of customers whose first order is so \
         long ago or longer; the others are unripe.</caption><tbody>{rows}</tbody></table></div>"
    )
}

fn histogram(rates: &Rates) -> String {
    let bars: Vec<(String, i64)> = rates
        .days_to_second_purchase
        .0
        .iter()
        .map(|(name, count)| (name.strip_suffix('d').map_or("more".to_owned(), |days| format!("to {days}")), *count))
        .collect();
    let told: Vec<String> = bars.iter().map(|(name, count)| format!("{name} {}", whole(*count))).collect();
    let description = format!("Customers by days: {}.", told.join(", "));
    let mut plot = Plot::new("days", HEIGHT, "Days from the first order to the second", &description);
    let [left, right, bottom, top] = FRAME;
    let upwards =
        Scale::new([0.0, bars.iter().map(|(_, count)| *count).max().unwrap_or(0) as f64], [bottom, top + 12.0]);
    plot.line("axis", [left, bottom], [right, bottom]);
    let step = (right - left) / bars.len().max(1) as f64;
    for (n, (name, count)) in bars.iter().enumerate() {
        let (x, y) = (left + step * n as f64, upwards.at(*count as f64));
        plot.bar("is-returning", [x + 4.0, y, step - 8.0, bottom - y], &format!("{name} days: {}", whole(*count)));
        plot.text("strong", Anchor::Middle, [x + step / 2.0, y - 6.0], &whole(*count));
        plot.text("soft", Anchor::Middle, [x + step / 2.0, bottom + 18.0], name);
    }
    plot.text("soft", Anchor::Middle, [(left + right) / 2.0, HEIGHT - 4.0], "days, from the bar before");
    format!(
        "<div class=\"card\"><h3>When it comes</h3>{plot}<p>Customers by how soon their second order came.</p></div>"
    )
}

/// What the best customers bring.
pub(super) fn pareto(rates: &Rates) -> String {
    let customers = |buckets: &[(i32, i64, String)]| buckets.iter().map(|(_, count, _)| count).sum::<i64>();
    let rows: String = rates
        .ever
        .pareto
        .iter()
        .map(|(currency, ratio)| {
            let cases = rates.ever.pareto_buckets.get(currency).map_or(0, |buckets| customers(buckets));
            let figure = Figure::of_revenue(format!("ever.pareto.{currency}"), ratio, currency, cases);
            let (currency, cases) = (escaped(currency), whole(cases));
            format!("<tr><th scope=\"row\">{currency}<small>{cases} customers</small></th><td>{figure}</td></tr>")
        })
        .collect();
    let most = rates.ever.pareto_buckets.iter().max_by_key(|(_, buckets)| customers(buckets));
    let plot = most.map(|(currency, buckets)| lorenz(currency, buckets)).unwrap_or_default();
    format!(
        "<div class=\"card\"><h3>What the best fifth brings (Pareto)</h3>{plot}<table class=\"flat\"><caption>Net revenue of the 20&#160;% of \
         customers who brought most, of all net revenue, over their lives; customers with net revenue above 0.</caption>\
         <tbody>{rows}</tbody></table></div>"
    )
}

/// Customers from the best on, and what share of revenue they bring together.
fn lorenz(currency: &str, buckets: &[(i32, i64, String)]) -> String {
    let [left, right, bottom, top] = FRAME;
    let total: f64 = buckets.iter().map(|(.., sum)| value(sum)).sum();
    let everybody: i64 = buckets.iter().map(|(_, count, _)| count).sum();
    let title = format!("Share of net revenue by share of customers, the best first, in {currency}");
    let (across, upwards) = (Scale::new([0.0, 1.0], [left, right - 14.0]), Scale::new([0.0, 1.0], [bottom, top]));
    let (mut points, mut reached) = (vec![[across.at(0.0), upwards.at(0.0)]], (0, 0.0));
    let mut best = buckets.to_vec();
    best.sort_by_key(|(bucket, ..)| std::cmp::Reverse(*bucket));
    for (_, count, sum) in &best {
        reached = (reached.0 + count, reached.1 + value(sum));
        let customers = quotient(reached.0 as f64, everybody as f64).unwrap_or(0.0);
        points.push([across.at(customers), upwards.at(quotient(reached.1, total).unwrap_or(0.0))]);
    }
    let description =
        "A line that bends far up means that few customers bring most. The dashed line stands at 20 percent.";
    let mut plot = Plot::new("pareto", HEIGHT, &title, description);
    share_axis(&mut plot, upwards);
    plot.area(&points, bottom);
    plot.curve(&points);
    plot.line("limit", [across.at(0.2), bottom], [across.at(0.2), top]);
    for tick in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
        let label = format!("{:.0}\u{a0}%", tick * 100.0);
        plot.text("soft", Anchor::Middle, [across.at(tick), bottom + 18.0], &label);
    }
    let words = format!("of customers with net revenue in {currency}, the best first");
    plot.text("soft", Anchor::Middle, [(left + right) / 2.0, HEIGHT - 4.0], &words);
    plot.to_string()
}
