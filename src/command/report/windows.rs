//! Every rate, a column a window.

use std::collections::BTreeSet;

use super::figure::Figure;
use super::revenue::{currencies, orders};
use super::text::{amount, days, escaped, whole};
use crate::wire::rates::{Rates, Window};

type Column<'a> = (&'a str, &'a Window);

pub(super) fn section(rates: &Rates) -> String {
    let columns: Vec<Column> = rates.windows.0.iter().map(|(name, window)| (name.as_str(), window)).collect();
    let heads: String = columns.iter().map(|(name, _)| format!("<th scope=\"col\">{}</th>", days(name))).collect();
    let group = |name: &str| format!("<tr><th scope=\"rowgroup\" colspan=\"{}\">{name}</th></tr>\n", columns.len() + 1);
    let body = [
        group("Customers"),
        customers(&columns),
        group("Orders and net revenue, each currency for itself"),
        revenue(&columns),
        group("Support"),
        support(&columns),
    ];
    format!(
        r#"<section aria-labelledby="windows">
<h2 id="windows">Windows</h2>
<div class="card scroll" tabindex="0" role="group" aria-label="Rates by window"><table>
<caption>A window holds today so far and the business days before it. Ripe rates count the outcomes that became known within it.</caption>
<thead><tr><th scope="col">Rate</th>{heads}</tr></thead>
<tbody>
{}</tbody>
</table></div>
</section>"#,
        body.concat()
    )
}

/// One row: what it is, one sentence on what it means, a cell for each window.
fn row(columns: &[Column], name: &str, sentence: &str, cell: impl Fn(&str, &Window) -> String) -> String {
    let cells: String = columns
        .iter()
        .map(|(window, figures)| format!("<td>{}</td>", cell(&format!("windows.{window}"), figures)))
        .collect();
    let sentence = if sentence.is_empty() { String::new() } else { format!("<small>{sentence}</small>") };
    format!("<tr><th scope=\"row\">{}{sentence}</th>{cells}</tr>\n", escaped(name))
}

fn customers(columns: &[Column]) -> String {
    [
        row(columns, "Customer retention", "customers at the window's start who still are", |at, window| {
            Figure::share(format!("{at}.retention"), &window.retention).to_string()
        }),
        row(columns, "Churn", "customers at the window's start who lapsed and are not back", |at, window| {
            Figure::share(format!("{at}.churn"), &window.churn).to_string()
        }),
        row(columns, "Repeat purchase", "who ordered twice or more in the window, of all who ordered", |at, window| {
            Figure::share(format!("{at}.repeat_purchase"), &window.repeat_purchase).to_string()
        }),
        row(
            columns,
            "Returning customers",
            "who had ordered before, of all who ordered in the window",
            |at, window| Figure::share(format!("{at}.returning_customers"), &window.returning_customers).to_string(),
        ),
        row(columns, "Reactivation", "lapses after which an order came within 90 days", |at, window| {
            Figure::ripe(format!("{at}.reactivation"), &window.reactivation).to_string()
        }),
        row(columns, "Silent churn", "lapses without ticket, refund or low rating before; where no support events are read, all but those refunded", |at, window| {
            Figure::share(format!("{at}.silent_churn"), &window.silent_churn).to_string()
        }),
        row(columns, "Referral", "new customers whose first order names who sent them", |at, window| {
            Figure::share(format!("{at}.referral"), &window.referral).to_string()
        }),
    ]
    .concat()
}

fn revenue(columns: &[Column]) -> String {
    let mut rows = row(columns, "Returning orders", "orders but a customer's first, of all orders", |at, window| {
        Figure::share(format!("{at}.returning_orders"), &window.returning_orders).to_string()
    });
    let currencies: BTreeSet<&String> = columns.iter().flat_map(|(_, window)| currencies(window)).collect();
    for currency in currencies {
        let sentence = "net revenue of returning orders, of all net revenue";
        rows += &row(columns, &format!("Returning revenue, {currency}"), sentence, |at, window| {
            cell(window.returning_revenue.get(currency), |ratio| {
                let path = format!("{at}.returning_revenue.{currency}");
                Figure::of_revenue(path, ratio, currency, orders(window, currency))
            })
        });
        let sentence = "change of returning orders' net revenue against the same days a year before";
        rows += &row(columns, &format!("Growth from those who return, {currency}"), sentence, |at, window| {
            cell(window.growth.as_ref().and_then(|growth| growth.get(currency)), |ratio| {
                Figure::growth(format!("{at}.growth.{currency}"), ratio, currency)
            })
        });
        for class in ["new", "returning"] {
            rows +=
                &row(columns, &format!("Average {class} order, {currency}"), "net revenue by orders", |at, window| {
                    cell(window.average_order_value.get(currency).and_then(|classes| classes.get(class)), |mean| {
                        Figure::an_order(format!("{at}.average_order_value.{currency}.{class}"), mean, currency)
                    })
                });
        }
        let sentence = "refunds of orders that are not known";
        rows += &row(columns, &format!("Unknown revenue, {currency}"), sentence, |at, window| {
            let value = window.unknown_revenue.get(currency);
            value.map_or_else(dash, |value| {
                let (path, value) = (escaped(&format!("{at}.unknown_revenue.{currency}")), escaped(value));
                format!("<span data-at=\"{path}\" data-value=\"{value}\">{}</span>", amount(&value))
            })
        });
    }
    rows
}

fn support(columns: &[Column]) -> String {
    let mut rows = row(columns, "Painless resolution", "solved in time and without further effort", |at, window| {
        Figure::ripe(format!("{at}.painless_resolution"), &window.painless_resolution.ratio).to_string()
    });
    let reasons = [
        ("overdue", "not solved within the service level"),
        ("contacted", "the customer had to ask again"),
        ("reopened", "reopened within 7 days"),
        ("low_rating", "rated low"),
    ];
    for (reason, sentence) in reasons {
        rows += &row(columns, &format!("Painful: {}", reason.replace('_', " ")), sentence, |at, window| {
            count(format!("{at}.painless_resolution.failed.{reason}"), &window.painless_resolution.failed.0, reason)
        });
    }
    rows += &row(columns, "Contacts per ticket", "contacts beyond the opening, by tickets opened", |at, window| {
        Figure::for_each_ticket(format!("{at}.contacts_per_ticket"), &window.contacts_per_ticket).to_string()
    });
    rows += &row(columns, "Hours to resolution", "mean, by tickets resolved", |at, window| {
        let resolution = &window.time_to_resolution;
        Figure::hours(format!("{at}.time_to_resolution"), resolution.sum_ms, resolution.count).to_string()
    });
    let scales = [
        ("csat", "1 to 5, 5 the best"),
        ("ces", "1 to 7, 7 the least effort"),
        ("nps", "0 to 10, 10 the likeliest to recommend"),
    ];
    for (scale, sentence) in scales {
        rows += &row(columns, &format!("Mean {scale}"), sentence, |at, window| {
            cell(window.ratings.get(scale), |mean| Figure::score(format!("{at}.ratings.{scale}"), mean))
        });
    }
    let categories: BTreeSet<&String> =
        columns.iter().flat_map(|(_, window)| window.tickets.0.iter().map(|(name, _)| name)).collect();
    for category in categories {
        rows += &row(columns, &format!("Tickets: {}", category.replace('_', " ")), "opened", |at, window| {
            count(format!("{at}.tickets.{category}"), &window.tickets.0, category)
        });
    }
    rows
}

fn cell<T>(value: Option<&T>, figure: impl Fn(&T) -> Figure) -> String {
    value.map_or_else(dash, |value| figure(value).to_string())
}

fn count(path: String, counts: &[(String, i64)], name: &str) -> String {
    let count = counts.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count);
    format!("<span data-at=\"{}\" data-value=\"{count}\">{}</span>", escaped(&path), whole(count))
}

fn dash() -> String {
    "\u{2013}".to_owned()
}
