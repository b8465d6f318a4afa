//! One number with what stands behind it: the share, its numerator and denominator, what is not ripe yet, and a mark
//! when few cases stand behind it. The attributes say where the same figures are in the JSON report.

use std::fmt::{self, Display, Formatter};

use super::text::{amount, escaped, percent, value, whole};
use crate::wire::rates::{MeanScore, MoneyRatio, PerOrder, Ratio, Recovery, Ripe};

/// Below this many cases a share jumps by several points from one case to the next.
pub(super) const FEW: i64 = 30;

/// A ratio as the page shows it.
pub(super) struct Figure {
    /// Where it is in the JSON report, such as `windows.30d.retention`.
    path: String,
    /// The share, mean or change; a dash where nothing is counted yet.
    shown: String,
    numerator: String,
    denominator: String,
    /// The numerator in the unit it is shown in, when that is another than the report's.
    above: Option<String>,
    /// What stands between the two, and after them.
    between: String,
    after: String,
    /// Customers, orders or tickets behind it.
    cases: i64,
    unripe: Option<i64>,
}

impl Figure {
    /// A share of cases.
    pub(super) fn share(path: impl Into<String>, ratio: &Ratio) -> Self {
        Self::counted(path.into(), ratio.numerator, ratio.denominator, None)
    }

    /// A share of the cases whose outcome is known.
    pub(super) fn ripe(path: impl Into<String>, ratio: &Ripe) -> Self {
        Self::counted(path.into(), ratio.numerator, ratio.denominator, Some(ratio.unripe))
    }

    /// Who ordered after a ticket.
    pub(super) fn recovered(path: impl Into<String>, recovery: &Recovery) -> Self {
        Self::counted(path.into(), recovery.numerator, recovery.denominator, None)
    }

    /// A share of net revenue, made by so many orders.
    pub(super) fn of_revenue(path: impl Into<String>, ratio: &MoneyRatio, currency: &str, orders: i64) -> Self {
        let shown = quotient(value(&ratio.numerator), value(&ratio.denominator)).map(percent);
        Self::of_money(path.into(), shown, ratio, currency, orders)
    }

    /// By how much net revenue grew.
    pub(super) fn growth(path: impl Into<String>, ratio: &MoneyRatio, currency: &str) -> Self {
        let quotient = quotient(value(&ratio.numerator), value(&ratio.denominator));
        let shown = quotient.map(|quotient| {
            let change = quotient - 1.0;
            format!("{}{}", if change > 0.0 { "+" } else { "" }, percent(change))
        });
        let between = format!(" {}, a year before ", escaped(currency));
        Self { between, after: String::new(), ..Self::of_money(path.into(), shown, ratio, currency, FEW) }
    }

    /// Net revenue an order.
    pub(super) fn an_order(path: impl Into<String>, mean: &PerOrder, currency: &str) -> Self {
        let shown = quotient(value(&mean.numerator), mean.denominator as f64);
        Self {
            path: path.into(),
            shown: told(shown.map(|mean| amount(&format!("{mean:.2}")))),
            numerator: mean.numerator.clone(),
            denominator: mean.denominator.to_string(),
            above: None,
            between: format!(" {} in ", escaped(currency)),
            after: " orders".to_owned(),
            cases: mean.denominator,
            unripe: None,
        }
    }

    /// A mean score.
    pub(super) fn score(path: impl Into<String>, mean: &MeanScore) -> Self {
        let path = path.into();
        Self::mean(path, mean.numerator.to_string(), mean.numerator, mean.denominator, [" points in ", " ratings"])
    }

    /// So many for each, rather than a share of them.
    pub(super) fn for_each_ticket(path: impl Into<String>, ratio: &Ratio) -> Self {
        let (path, sum) = (path.into(), ratio.numerator);
        Self::mean(path, sum.to_string(), sum as f64, ratio.denominator, [" for ", " tickets"])
    }

    /// Mean hours of so many.
    pub(super) fn hours(path: impl Into<String>, millis: i64, count: i64) -> Self {
        let hours = millis as f64 / 3_600_000.0;
        let mean = Self::mean(path.into(), millis.to_string(), hours, count, [" hours in ", " tickets"]);
        Self { above: Some(format!("{hours:.1}")), ..mean }
    }

    fn mean(path: String, numerator: String, sum: f64, count: i64, [between, after]: [&str; 2]) -> Self {
        let shown = told(quotient(sum, count as f64).map(|mean| format!("{mean:.2}")));
        let (between, after) = (between.to_owned(), after.to_owned());
        Self {
            path,
            shown,
            numerator,
            denominator: count.to_string(),
            above: None,
            between,
            after,
            cases: count,
            unripe: None,
        }
    }

    fn counted(path: String, numerator: i64, denominator: i64, unripe: Option<i64>) -> Self {
        Self {
            path,
            shown: told(quotient(numerator as f64, denominator as f64).map(percent)),
            numerator: numerator.to_string(),
            denominator: denominator.to_string(),
            above: None,
            between: " of ".to_owned(),
            after: String::new(),
            cases: denominator,
            unripe,
        }
    }

    fn of_money(path: String, shown: Option<String>, ratio: &MoneyRatio, currency: &str, cases: i64) -> Self {
        Self {
            path,
            shown: told(shown),
            numerator: ratio.numerator.clone(),
            denominator: ratio.denominator.clone(),
            above: None,
            between: " of ".to_owned(),
            after: format!(" {}", escaped(currency)),
            cases,
            unripe: None,
        }
    }
}

impl Display for Figure {
    fn fmt(&self, page: &mut Formatter<'_>) -> fmt::Result {
        let [path, numerator, denominator] = [&self.path, &self.numerator, &self.denominator].map(|text| escaped(text));
        write!(
            page,
            r#"<span class="ratio" data-of="{path}" data-numerator="{numerator}" data-denominator="{denominator}">"#
        )?;
        let (above, below) = (amount(self.above.as_ref().unwrap_or(&numerator)), amount(&denominator));
        write!(page, "<b>{}</b> <small>{above}{}{below}{}</small>", self.shown, self.between, self.after)?;
        if let Some(unripe) = self.unripe {
            write!(page, r#" <small data-unripe="{unripe}">and {} unripe</small>"#, whole(unripe))?;
        }
        if (1..FEW).contains(&self.cases) {
            page.write_str(r#" <small class="few">few</small>"#)?;
        }
        page.write_str("</span>")
    }
}

/// The quotient, where it means something: of nothing, or of less than nothing, there are no shares.
pub(super) fn quotient(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

fn told(shown: Option<String>) -> String {
    shown.unwrap_or_else(|| "\u{2013}".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_cases_are_marked_and_none_are_a_dash() {
        let shown = |numerator, denominator| Figure::share("a.b", &Ratio { numerator, denominator }).to_string();
        assert!(shown(7, 29).contains(r#"class="few""#));
        assert!(!shown(7, 30).contains("few"));
        assert!(shown(1_500, 3_000).contains("<b>50.0\u{a0}%</b> <small>1,500 of 3,000</small>"));
        let nobody = shown(0, 0);
        assert!(nobody.contains("<b>\u{2013}</b>") && !nobody.contains("few"), "{nobody}");
    }

    #[test]
    fn what_is_not_ripe_stands_beside() {
        let ripe = Figure::ripe("a", &Ripe { numerator: 40, denominator: 80, unripe: 1_234 }).to_string();
        assert!(ripe.contains("<b>50.0\u{a0}%</b>") && ripe.contains(">and 1,234 unripe<"), "{ripe}");
    }

    #[test]
    fn a_hostile_currency_stays_text() {
        let ratio = MoneyRatio { numerator: "1.00".to_owned(), denominator: "4.00".to_owned() };
        let shown = Figure::of_revenue("revenue.\"><b>", &ratio, "<i>&", 30).to_string();
        assert!(shown.contains("25.0\u{a0}%") && shown.contains("4.00 &lt;i&gt;&amp;<"), "{shown}");
        assert!(shown.contains(r#"data-of="revenue.&quot;&gt;&lt;b&gt;""#), "{shown}");
    }

    #[test]
    fn growth_is_a_change_and_needs_something_to_grow_from() {
        let grown = |numerator: &str, denominator: &str| {
            let ratio = MoneyRatio { numerator: numerator.to_owned(), denominator: denominator.to_owned() };
            Figure::growth("g", &ratio, "EUR").shown
        };
        assert_eq!(grown("110.00", "100.00"), "+10.0\u{a0}%");
        assert_eq!(grown("60.00", "100.00"), "-40.0\u{a0}%");
        assert_eq!([grown("5.00", "0.00"), grown("5.00", "-3.00")], ["\u{2013}", "\u{2013}"]);
    }
}
