//! The rates as gauges: numerators and denominators, summed over the partitions of this process. All labels but the
//! currency come from closed sets, so the number of series does not grow with customers: with three windows 262, and
//! 23 more a currency.

use std::collections::BTreeSet;

use prometheus::{GaugeVec, Registry};

use super::metrics::gauges;
use crate::domain::outcome::{CHANCE_UNITS, Effort, Pain};
use crate::domain::rating::Scale;
use crate::domain::ticket::Category;
use crate::domain::time::Month;
use crate::domain::{Currency, Level};
use crate::engine::tallies::{
    Awaited, Class, Figures, LE_DAYS, Lifecycle, Money as Sums, RESOLVED_WITHIN, Ratio, WITHIN_DAYS, WindowFigures,
};

/// How many months of cohorts are told, that of now included.
const COHORT_MONTHS: i32 = 12;

/// Up to how long a resolution took, in milliseconds: those of [`RESOLVED_WITHIN`] that are told, and their names.
const RESOLVED: [(&str, i64); 6] = [
    ("1h", 3_600_000),
    ("4h", 14_400_000),
    ("24h", 86_400_000),
    ("3d", 259_200_000),
    ("7d", 604_800_000),
    ("ever", i64::MAX),
];

/// The rates as gauges.
pub(super) struct Rates {
    ratios: Parts,
    unripe: GaugeVec,
    money: Money,
    lives: Lives,
    care: Care,
}

/// Orders and what they bring.
struct Money {
    orders: GaugeVec,
    revenue: GaugeVec,
    revenue_year_before: GaugeVec,
    pareto: Parts,
    value_at_risk: GaugeVec,
}

/// How customers go on after their first order.
struct Lives {
    second: Parts,
    second_unripe: GaugeVec,
    second_days: GaugeVec,
    cohort_customers: GaugeVec,
    cohort_ordered: GaugeVec,
    lifecycle: GaugeVec,
}

/// Tickets and ratings.
struct Care {
    recovery: Parts,
    recovery_expected: GaugeVec,
    painful: GaugeVec,
    rating_points: GaugeVec,
    ratings: GaugeVec,
    tickets_opened: GaugeVec,
    contacts: GaugeVec,
    tickets_resolved: GaugeVec,
}

/// What is divided by whoever reads it.
struct Parts {
    numerator: GaugeVec,
    denominator: GaugeVec,
}

impl Parts {
    fn register(r: &Registry, name: &str, numerator: &str, denominator: &str, labels: &[&str]) -> Self {
        Self {
            numerator: gauges(r, &format!("{name}_numerator"), numerator, labels),
            denominator: gauges(r, &format!("{name}_denominator"), denominator, labels),
        }
    }

    fn set(&self, labels: &[&str], numerator: f64, denominator: f64) {
        self.numerator.with_label_values(labels).set(numerator);
        self.denominator.with_label_values(labels).set(denominator);
    }

    fn set_ratio(&self, labels: &[&str], ratio: &Ratio) {
        self.set(labels, ratio.numerator as f64, ratio.denominator as f64);
    }
}

impl Money {
    fn register(r: &Registry) -> Self {
        Self {
            orders: gauges(r, "orders", "Orders of a window, by class.", &["class", "currency", "window"]),
            revenue: gauges(
                r,
                "net_revenue",
                "Orders less refunds of a window in major units, by the class of the order.",
                &["class", "currency", "window"],
            ),
            revenue_year_before: gauges(
                r,
                "net_revenue_year_before",
                "Orders less refunds of the same days of the year before in major units, by the class of the order.",
                &["class", "currency", "window"],
            ),
            pareto: Parts::register(
                r,
                "pareto",
                "Net revenue in major units of the fifth of this instance's customers who brought most. Not to be summed.",
                "Net revenue in major units of all this instance's customers with revenue. Not to be summed.",
                &["currency"],
            ),
            value_at_risk: gauges(
                r,
                "value_at_risk",
                "What the returns of customers at risk would bring at least, in major units, as announced.",
                &["level", "currency"],
            ),
        }
    }
}

impl Lives {
    fn register(r: &Registry) -> Self {
        Self {
            second: Parts::register(
                r,
                "second_purchase",
                "Customers whose first order is longer ago than this, and whose second came within it.",
                "Customers whose first order is longer ago than this.",
                &["within"],
            ),
            second_unripe: gauges(
                r,
                "second_purchase_unripe",
                "Customers whose first order is not yet longer ago than this.",
                &["within"],
            ),
            second_days: gauges(
                r,
                "second_purchase_customers",
                "Customers whose second order came within that time of their first.",
                &["within"],
            ),
            cohort_customers: gauges(r, "cohort_customers", "Customers by the month of their first order.", &["month"]),
            cohort_ordered: gauges(
                r,
                "cohort_ordered",
                "Customers of a month who ordered that many months later.",
                &["month", "age"],
            ),
            lifecycle: gauges(r, "lifecycle_customers", "Customers by what a month was to them.", &["month", "state"]),
        }
    }
}

impl Care {
    fn register(r: &Registry) -> Self {
        Self {
            recovery: Parts::register(
                r,
                "service_recovery",
                "Resolved tickets after which their customer ordered within `risk.memory` (60 days).",
                "Resolved tickets of customers who had ordered before, `risk.memory` (60 days) after.",
                &["effort"],
            ),
            recovery_expected: gauges(
                r,
                "service_recovery_expected",
                "Orders within `risk.memory` (60 days) that were to be expected of the same customers without a ticket.",
                &["effort"],
            ),
            painful: gauges(
                r,
                "painful_resolutions",
                "Resolved tickets that were not painless, by every reason that applies.",
                &["reason", "window"],
            ),
            rating_points: gauges(r, "rating_points", "Sum of the scores of ratings.", &["scale", "window"]),
            ratings: gauges(r, "ratings", "Ratings.", &["scale", "window"]),
            tickets_opened: gauges(r, "tickets_opened", "Tickets opened.", &["category", "window"]),
            contacts: gauges(r, "ticket_contacts", "Contacts about a ticket beyond its opening.", &["window"]),
            tickets_resolved: gauges(
                r,
                "tickets_resolved",
                "Tickets resolved for the first time, within that time of their opening.",
                &["within", "window"],
            ),
        }
    }
}

impl Rates {
    pub(super) fn register(r: &Registry) -> Self {
        let rate = "Above the line of a rate: divide the sum of these by the sum of homecoming_rate_denominator.";
        Self {
            ratios: Parts::register(r, "rate", rate, "Below the line of a rate.", &["rate", "window"]),
            unripe: gauges(r, "rate_unripe", "Cases whose outcome is still awaited.", &["rate"]),
            money: Money::register(r),
            lives: Lives::register(r),
            care: Care::register(r),
        }
    }

    /// Shows what is told now, and nothing that was told before.
    pub(super) fn show(&self, figures: &Figures) {
        self.reset();
        // One that is known is told of in every window, with 0 where it had no order: no series comes and goes.
        let windows = figures.windows.values();
        let in_windows = windows.flat_map(|window| {
            window.money.keys().chain(window.year_before.iter().flatten().map(|(currency, _)| currency))
        });
        let currencies: BTreeSet<Currency> = figures.pareto.keys().chain(in_windows).copied().collect();
        for (days, window) in &figures.windows {
            let name = format!("{days}d");
            self.show_window(&name, window);
            self.show_money(&name, window, &currencies);
            self.show_care(&name, window);
        }
        let totals = &figures.totals;
        let part = |count: i64| i128::from(count);
        let repeat = Ratio { numerator: part(totals.repeat_customers), denominator: part(totals.customers) };
        let returning = Ratio { numerator: part(totals.returning_orders), denominator: part(totals.orders) };
        self.ratios.set_ratio(&["repeat_purchase", "ever"], &repeat);
        self.ratios.set_ratio(&["returning_orders", "ever"], &returning);
        for awaited in Awaited::ALL {
            self.unripe.with_label_values(&[awaited.name()]).set(figures.awaited(awaited) as f64);
        }
        self.show_second(figures);
        self.show_months(figures);
        for effort in Effort::ALL {
            self.care.recovery.set_ratio(&[effort.name()], &figures.recovery(effort));
            let expected = figures.recovery_expected[effort as usize] as f64 / CHANCE_UNITS;
            self.care.recovery_expected.with_label_values(&[effort.name()]).set(expected);
        }
        for currency in &currencies {
            let share = figures.pareto_share(*currency);
            let (top, all) = (major(share.numerator, *currency), major(share.denominator, *currency));
            self.money.pareto.set(&[currency.code()], top, all);
            for level in [Level::Medium, Level::High] {
                let value = figures.value_at_risk.get(&(level, *currency)).copied().unwrap_or_default();
                let gauge = self.money.value_at_risk.with_label_values(&[level.name(), currency.code()]);
                gauge.set(major(value, *currency));
            }
        }
    }

    fn reset(&self) {
        let parts = [&self.ratios, &self.lives.second, &self.money.pareto, &self.care.recovery];
        parts.into_iter().flat_map(|parts| [&parts.numerator, &parts.denominator]).for_each(GaugeVec::reset);
        let others = [
            &self.unripe,
            &self.money.orders,
            &self.money.revenue,
            &self.money.revenue_year_before,
            &self.lives.second_unripe,
            &self.lives.second_days,
            &self.lives.cohort_customers,
            &self.lives.cohort_ordered,
            &self.lives.lifecycle,
            &self.care.recovery_expected,
            &self.care.painful,
            &self.care.rating_points,
            &self.care.ratings,
            &self.care.tickets_opened,
            &self.care.contacts,
            &self.care.tickets_resolved,
            &self.money.value_at_risk,
        ];
        others.into_iter().for_each(GaugeVec::reset);
    }

    fn show_window(&self, name: &str, window: &WindowFigures) {
        for (rate, ratio) in [
            ("retention", &window.retention()),
            ("repeat_purchase", &window.repeat_purchase()),
            ("returning_customers", &window.returning_customers()),
            ("returning_orders", &window.returning_orders()),
            ("reactivation", &window.reactivation),
            ("painless_resolution", &window.painless_resolution),
            ("silent_churn", &window.silent_churn),
            ("referral", &window.referral()),
        ] {
            self.ratios.set_ratio(&[rate, name], ratio);
        }
    }

    fn show_money(&self, name: &str, window: &WindowFigures, currencies: &BTreeSet<Currency>) {
        for currency in currencies {
            let sums = window.money.get(currency).copied().unwrap_or_default();
            for (class, Sums { orders, net }) in Class::ALL.iter().zip(sums) {
                let labels = [class.name(), currency.code(), name];
                self.money.revenue.with_label_values(&labels).set(major(net, *currency));
                if *class != Class::Unknown {
                    self.money.orders.with_label_values(&labels).set(orders as f64);
                }
            }
            let Some(before) = &window.year_before else { continue };
            let sums = before.get(currency).copied().unwrap_or_default();
            for class in [Class::New, Class::Returning] {
                let gauge = self.money.revenue_year_before.with_label_values(&[class.name(), currency.code(), name]);
                gauge.set(major(sums[class as usize].net, *currency));
            }
        }
    }

    fn show_care(&self, name: &str, window: &WindowFigures) {
        for (pain, count) in Pain::ALL.iter().zip(&window.painful) {
            self.care.painful.with_label_values(&[pain.name(), name]).set(*count as f64);
        }
        for (scale, ratio) in Scale::ALL.iter().zip(&window.ratings) {
            self.care.rating_points.with_label_values(&[scale.name(), name]).set(ratio.numerator as f64 / 1e6);
            self.care.ratings.with_label_values(&[scale.name(), name]).set(ratio.denominator as f64);
        }
        let categories = Category::ALL.iter().map(|category| category.name()).chain(["none"]);
        for (category, count) in categories.zip(&window.tickets) {
            self.care.tickets_opened.with_label_values(&[category, name]).set(*count as f64);
        }
        self.care.contacts.with_label_values(&[name]).set(window.contacts as f64);
        for (name_of_within, within) in RESOLVED {
            let buckets = RESOLVED_WITHIN.iter().zip(&window.resolved);
            let count: i128 = buckets.filter(|(bucket, _)| **bucket <= within).map(|(_, count)| count).sum();
            self.care.tickets_resolved.with_label_values(&[name_of_within, name]).set(count as f64);
        }
    }

    fn show_second(&self, figures: &Figures) {
        for (days, ratio) in WITHIN_DAYS.iter().zip(&figures.second) {
            let within = format!("{days}d");
            self.lives.second.set_ratio(&[&within], ratio);
            let unripe = i128::from(figures.totals.customers) - ratio.denominator;
            self.lives.second_unripe.with_label_values(&[&within]).set(unripe as f64);
        }
        let mut so_far = 0;
        let names = LE_DAYS.iter().map(|days| format!("{days}d")).chain(["ever".to_owned()]);
        for (le, count) in names.zip(&figures.second_days) {
            so_far += count;
            self.lives.second_days.with_label_values(&[&le]).set(so_far as f64);
        }
    }

    fn show_months(&self, figures: &Figures) {
        let Some(now) = figures.month else { return };
        for (month, ordered) in figures.cohorts().filter(|(month, _)| month.0 > now.0 - COHORT_MONTHS) {
            let name = month.to_string();
            self.lives.cohort_customers.with_label_values(&[&name]).set(ordered[0] as f64);
            for (age, count) in ordered.iter().enumerate() {
                self.lives.cohort_ordered.with_label_values(&[&name, &age.to_string()]).set(*count as f64);
            }
        }
        for (name, month) in [("current", now), ("previous", Month(now.0 - 1))] {
            let counts = figures.lifecycle.get(&month).copied().unwrap_or_default();
            for (state, count) in Lifecycle::ALL.iter().zip(counts) {
                self.lives.lifecycle.with_label_values(&[name, state.name()]).set(count as f64);
            }
        }
    }
}

fn major(minor: i128, currency: Currency) -> f64 {
    minor as f64 / 10f64.powi(currency.decimals() as i32)
}
