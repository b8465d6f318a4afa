//! The numbers worth a look every morning.

use super::figure::{Figure, quotient};
use super::plot::{Anchor, Plot, Scale, WIDTH};
use super::revenue::orders;
use super::text::{amount, days, escaped, percent, whole};
use crate::wire::rates::{Rates, Window};

/// Small and medium shops are judged by these shares of customers with a second order.
const BENCHMARKS: [(f64, &str); 3] = [(0.1987, "floor 19.87"), (0.27, "aim 27"), (0.396, "top 39.6")];

pub(super) fn section(rates: &Rates) -> String {
    let longest = rates.windows.0.last();
    let of_window = longest.map(|(name, window)| of_window(name, window)).unwrap_or_default();
    let period = longest.map_or_else(|| "no window".to_owned(), |(name, _)| days(name));
    format!(
        r#"<section aria-labelledby="headline">
<h2 id="headline">At a glance</h2>
<p>Where nothing else is said: the last {period}, today so far included.</p>
<div class="tiles">
{of_window}{now}</div>
<div class="pair">{benchmarks}{levels}</div>
</section>"#,
        now = value_at_risk(rates),
        benchmarks = benchmarks(rates),
        levels = levels(rates),
    )
}

/// A card with one number and one sentence.
fn tile(name: &str, number: &str, sentence: &str) -> String {
    format!("<div class=\"card\"><h3>{name}</h3>{number}<p>{sentence}</p></div>\n")
}

fn of_window(name: &str, window: &Window) -> String {
    let at = |rate: &str| format!("windows.{name}.{rate}");
    let revenue: Vec<String> = window
        .returning_revenue
        .iter()
        .map(|(currency, ratio)| {
            Figure::of_revenue(at(&format!("returning_revenue.{currency}")), ratio, currency, orders(window, currency))
                .to_string()
        })
        .collect();
    let revenue = match revenue.as_slice() {
        [] => "<b>\u{2013}</b>".to_owned(),
        [only] => only.clone(),
        several => format!("<ul class=\"many\"><li>{}</li></ul>", several.join("</li><li>")),
    };
    let tiles = [
        (
            "Customer retention",
            Figure::share(at("retention"), &window.retention).to_string(),
            "Of those who were customers when the window began, how many still are. New customers do not count.",
        ),
        (
            "Returning share of net revenue",
            revenue,
            "How much of the money came with orders of people who had bought before.",
        ),
        (
            "Painless resolution",
            Figure::ripe(at("painless_resolution"), &window.painless_resolution.ratio).to_string(),
            "Tickets solved in time, without asking again, reopening or a low rating; known 7 days after the solution.",
        ),
        (
            "Silent churn",
            Figure::share(at("silent_churn"), &window.silent_churn).to_string(),
            "Of those who lapsed, how many left without a ticket, a refund or a low rating before.",
        ),
    ];
    tiles.map(|(name, number, sentence)| tile(name, &number, sentence)).concat()
}

fn value_at_risk(rates: &Rates) -> String {
    let high = rates.now.value_at_risk.get("high");
    let amounts: Vec<String> = high
        .into_iter()
        .flatten()
        .map(|(currency, value)| {
            let (value, currency) = (escaped(value), escaped(currency));
            format!(
                "<span class=\"ratio\" data-at=\"now.value_at_risk.high.{currency}\" data-value=\"{value}\"><b>{}</b> \
                 <small>{currency}</small></span>",
                amount(&value)
            )
        })
        .collect();
    let number = match amounts.as_slice() {
        [] => "<span class=\"ratio\"><b>0</b></span>".to_owned(),
        [only] => only.clone(),
        several => format!("<ul class=\"many\"><li>{}</li></ul>", several.join("</li><li>")),
    };
    let customers = whole(rates.now.risk.high);
    let sentence = format!(
        "Now, with the {customers} customers at level high: lost chance to return times their mean order. A lower bound of \
         what they would bring."
    );
    tile("Value at high risk", &number, &sentence)
}

/// The repeat purchase rate on the scale that shops are judged by.
fn benchmarks(rates: &Rates) -> String {
    let ratio = &rates.ever.repeat_purchase;
    let figure = Figure::share("ever.repeat_purchase", ratio);
    let share = quotient(ratio.numerator as f64, ratio.denominator as f64);
    let told = share.map_or_else(|| "not known yet".to_owned(), percent);
    let description = format!(
        "The share is {told}. Lines stand at 19.87 percent, the floor; 27 percent, the aim; 39.6 percent, the top."
    );
    let mut plot = Plot::new("repeat", 92.0, "Repeat purchase rate against what shops are judged by", &description);
    let right = if share > Some(0.58) { 1.0 } else { 0.6 };
    let scale = Scale::new([0.0, right], [8.0, WIDTH - 8.0]);
    plot.bar("back", [scale.at(0.0), 30.0, scale.at(right) - scale.at(0.0), 26.0], "the whole scale");
    plot.bar("is-returning", [scale.at(0.0), 30.0, scale.at(share.unwrap_or(0.0)) - scale.at(0.0), 26.0], &told);
    let anchors = [Anchor::End, Anchor::Middle, Anchor::Start];
    for (((line, name), anchor), nudge) in BENCHMARKS.into_iter().zip(anchors).zip([10.0, 8.0, -14.0]) {
        plot.line("expected", [scale.at(line), 24.0], [scale.at(line), 62.0]);
        plot.text("", anchor, [scale.at(line) + nudge, 16.0], &format!("{name}\u{a0}%"));
    }
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let anchor = if tick == 0.0 {
            Anchor::Start
        } else if tick == 1.0 {
            Anchor::End
        } else {
            Anchor::Middle
        };
        plot.text("soft", anchor, [scale.at(tick), 82.0], &format!("{:.0}\u{a0}%", tick * 100.0));
    }
    let orders = Figure::share("ever.returning_orders", &rates.ever.returning_orders);
    format!(
        "<div class=\"card\"><h3>Repeat purchase rate, ever</h3><div class=\"big\">{figure}</div>{plot}<p>Of all who ever \
         ordered, how many did so twice or more.</p><p>Returning orders, ever: {orders}, of all orders.</p></div>"
    )
}

/// Where customers stand, and what of each level is at stake.
fn levels(rates: &Rates) -> String {
    let (now, risk) = (&rates.now, &rates.now.risk);
    let levels = [("low", risk.low), ("medium", risk.medium), ("high", risk.high), ("lapsed", now.lapsed)];
    let told: Vec<String> = levels.iter().map(|(name, count)| format!("{name} {}", whole(*count))).collect();
    let mut plot = Plot::new("levels", 128.0, "Customers by level of risk now", &format!("{}.", told.join(", ")));
    let most = levels.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let scale = Scale::new([0.0, most as f64], [70.0, WIDTH - 80.0]);
    for (row, (name, count)) in levels.iter().enumerate() {
        let y = 8.0 + row as f64 * 30.0;
        plot.text("", Anchor::End, [62.0, y + 15.0], name);
        let width = scale.at(*count as f64) - 70.0;
        plot.bar(&format!("is-{name}"), [70.0, y, width, 21.0], &format!("{name}: {}", whole(*count)));
        plot.text("strong", Anchor::Start, [scale.at(*count as f64) + 6.0, y + 15.0], &whole(*count));
    }
    let worth = |level: &str| {
        let values = now.value_at_risk.get(level).into_iter().flatten();
        let told: Vec<String> =
            values.map(|(currency, value)| format!("{} {}", amount(&escaped(value)), escaped(currency))).collect();
        if told.is_empty() { "nothing".to_owned() } else { told.join(", ") }
    };
    format!(
        "<div class=\"card\"><h3>Customers by level, now</h3>{plot}<p>{} customers are active. Medium: half of the usual \
         chance to return is gone; high: three quarters. At stake at medium: {}; at high: {}.</p></div>",
        whole(now.active),
        worth("medium"),
        worth("high"),
    )
}
