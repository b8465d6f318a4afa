//! The live rates as JSON, the same for the API and for a replay's report.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::domain::money::Total;
use crate::domain::outcome::{CHANCE_UNITS, Effort, Pain};
use crate::domain::rating::Scale;
use crate::domain::ticket::Category;
use crate::domain::{Currency, Level};
use crate::engine::tallies::{
    self, Awaited, ByClass, Class, Figures, LE_DAYS, Money, RESOLVED_WITHIN, WITHIN_DAYS, WindowFigures,
};

/// The rates. Every ratio is a numerator and a denominator: sum them over instances, then divide.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Rates {
    /// The time they are as of; null before the first event.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) at: Option<String>,
    /// Whose days they are.
    pub(crate) time_zone: String,
    /// For how long after an order a customer counts as active.
    pub(crate) activity_horizon: String,
    /// By window, such as `30d`: so many business days, today so far the last.
    pub(crate) windows: InOrder<Window>,
    /// Since the first event.
    pub(crate) ever: Ever,
    /// How customers stand.
    pub(crate) now: Now,
    /// By time since the first order, such as `30d`: whose second order came within it, of those whose first is longer
    /// ago.
    pub(crate) second_purchase: InOrder<Ripe>,
    /// Customers by how soon their second order came.
    pub(crate) days_to_second_purchase: InOrder<i64>,
    /// By month of the first order.
    pub(crate) cohorts: Vec<Cohort>,
    /// What each month was to those who ever ordered.
    pub(crate) lifecycle: Vec<Lifecycle>,
    /// Orders within 60 days of a resolution, by what the ticket had cost the customer.
    pub(crate) service_recovery: InOrder<Recovery>,
}

/// A JSON object whose members keep their order.
#[derive(Clone, Debug)]
pub(crate) struct InOrder<T>(pub(crate) Vec<(String, T)>);

impl<T: Serialize> Serialize for InOrder<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<T: JsonSchema> JsonSchema for InOrder<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("InOrder_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<T>() })
    }
}

impl<T> FromIterator<(String, T)> for InOrder<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

/// The rates of one window.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Window {
    /// Active at the window's start and at its end, of those active at its start.
    pub(crate) retention: Ratio,
    /// The others of them.
    pub(crate) churn: Ratio,
    /// Customers with two orders or more in the window, of those with one or more in it.
    pub(crate) repeat_purchase: Ratio,
    /// Customers with an order in the window who had ordered before it, of all with one.
    pub(crate) returning_customers: Ratio,
    /// Orders but for each customer's first, of all.
    pub(crate) returning_orders: Ratio,
    /// Net revenue of these orders, by currency.
    pub(crate) returning_revenue: BTreeMap<String, MoneyRatio>,
    /// Net revenue by orders.
    pub(crate) average_order_value: BTreeMap<String, BTreeMap<&'static str, PerOrder>>,
    /// What of net revenue is a refund of an order that is not known.
    pub(crate) unknown_revenue: BTreeMap<String, String>,
    /// Net revenue of returning orders, by the same a year before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) growth: Option<BTreeMap<String, MoneyRatio>>,
    /// Who lapsed and came back within 90 days.
    pub(crate) reactivation: Ripe,
    /// Tickets resolved without a second contact, a reopening, a delay or a low rating.
    pub(crate) painless_resolution: Painless,
    /// Lapses of customers who had said nothing of a problem.
    pub(crate) silent_churn: Ratio,
    /// New customers whom another referred.
    pub(crate) referral: Ratio,
    /// Sum of scores by ratings.
    pub(crate) ratings: BTreeMap<&'static str, MeanScore>,
    /// Tickets opened by category, `none` where none was said.
    pub(crate) tickets: InOrder<i64>,
    /// Contacts beyond the opening, by tickets opened.
    pub(crate) contacts_per_ticket: Ratio,
    /// From a ticket's opening to its first resolution.
    pub(crate) time_to_resolution: Resolution,
}

/// Over all time.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Ever {
    pub(crate) customers: i64,
    pub(crate) repeat_purchase: Ratio,
    pub(crate) returning_orders: Ratio,
    pub(crate) pareto: BTreeMap<String, MoneyRatio>,
    /// Customers with net revenue above 0 by logarithmic bucket, for the share of several instances: sum the buckets.
    /// Bucket `n` holds net revenues from 1.02^n to below 1.02^(n+1) minor units: customers, sum.
    pub(crate) pareto_buckets: BTreeMap<String, Vec<(i32, i64, String)>>,
}

/// Customers who ever ordered.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Now {
    pub(crate) active: i64,
    pub(crate) lapsed: i64,
    pub(crate) risk: Risk,
    /// By level and currency, as announced.
    pub(crate) value_at_risk: BTreeMap<&'static str, BTreeMap<String, String>>,
}

/// Customers who have not lapsed, by level.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Risk {
    pub(crate) low: i64,
    pub(crate) medium: i64,
    pub(crate) high: i64,
}

/// A ratio: add up both over instances, then divide.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(crate) struct Ratio {
    /// Above the line.
    pub(crate) numerator: i64,
    /// Below the line.
    pub(crate) denominator: i64,
}

/// A ratio of ripe cases, and how many are not.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Ripe {
    pub(crate) numerator: i64,
    pub(crate) denominator: i64,
    pub(crate) unripe: i64,
}

/// A ratio of ripe cases, and why the others failed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Painless {
    #[serde(flatten)]
    pub(crate) ratio: Ripe,
    /// The others by reason; a ticket may have several.
    pub(crate) failed: InOrder<i64>,
}

/// A ratio of money, as decimals of one currency.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct MoneyRatio {
    pub(crate) numerator: String,
    pub(crate) denominator: String,
}

/// Money by orders.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct PerOrder {
    pub(crate) numerator: String,
    pub(crate) denominator: i64,
}

/// Scores by ratings.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct MeanScore {
    pub(crate) numerator: f64,
    pub(crate) denominator: i64,
}

/// How long resolutions took.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Resolution {
    pub(crate) sum_ms: i64,
    pub(crate) count: i64,
    /// Up to so many hours, each bucket for itself.
    pub(crate) within_hours: InOrder<i64>,
}

/// Customers whose first order was in one month.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Cohort {
    #[schemars(extend("pattern" = "^[0-9]{4}-[0-9]{2}$"))]
    pub(crate) month: String,
    /// How many they are.
    pub(crate) customers: i64,
    /// How many of them ordered in this month and each one after it, up to that of `at`.
    pub(crate) ordered: Vec<i64>,
}

/// What one month was to customers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Lifecycle {
    #[schemars(extend("pattern" = "^[0-9]{4}-[0-9]{2}$"))]
    pub(crate) month: String,
    /// Their first order.
    pub(crate) new: i64,
    /// Ordered in the month before too.
    pub(crate) returning: i64,
    /// Ordered before, but not in the month before.
    pub(crate) resurrecting: i64,
    /// Ordered in the month before, and not in this one.
    pub(crate) dormant: i64,
}

/// A ratio of ripe cases, and how many orders were to be expected without a ticket.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Recovery {
    pub(crate) numerator: i64,
    pub(crate) denominator: i64,
    pub(crate) expected: f64,
}

impl Rates {
    /// The rates that these figures make.
    pub fn new(figures: &Figures, time_zone: &str, activity_horizon: &str) -> Self {
        let totals = &figures.totals;
        let windows = figures.windows.iter();
        let second = WITHIN_DAYS.iter().zip(&figures.second).map(|(days, ratio)| {
            let unripe = totals.customers - count(ratio.denominator);
            (format!("{days}d"), ripe(ratio, unripe))
        });
        let lifecycle = figures.lifecycle().map(|(month, counts)| {
            let [new, returning, resurrecting, dormant] = counts.map(count);
            Lifecycle { month: month.to_string(), new, returning, resurrecting, dormant }
        });
        let recovery = Effort::ALL.into_iter().map(|effort| {
            let ratio = ratio(&figures.recovery(effort));
            let expected = figures.recovery_expected[effort as usize] as f64 / CHANCE_UNITS;
            let (numerator, denominator) = (ratio.numerator, ratio.denominator);
            (effort.name().to_owned(), Recovery { numerator, denominator, expected })
        });
        Self {
            at: figures.at.map(|at| at.to_string()),
            time_zone: time_zone.to_owned(),
            activity_horizon: activity_horizon.to_owned(),
            windows: windows.map(|(days, window)| (format!("{days}d"), Window::new(window, figures))).collect(),
            ever: Ever::new(figures),
            now: Now::new(figures),
            second_purchase: second.collect(),
            days_to_second_purchase: days_to_second(figures),
            cohorts: Cohort::all(figures),
            lifecycle: lifecycle.collect(),
            service_recovery: recovery.collect(),
        }
    }
}

impl Cohort {
    pub(super) fn all(figures: &Figures) -> Vec<Self> {
        let cohorts = figures.cohorts().map(|(month, ordered)| Self {
            month: month.to_string(),
            customers: count(ordered[0]),
            ordered: ordered.into_iter().map(count).collect(),
        });
        cohorts.collect()
    }
}

impl Window {
    fn new(window: &WindowFigures, figures: &Figures) -> Self {
        let growth = window.year_before.as_ref().map(|before| growth(&window.money, before));
        let per_order = |currency: Currency, money: &Money| PerOrder {
            numerator: text(money.net, currency),
            denominator: count(money.orders),
        };
        let values = by_currency(&window.money, |currency, sums| {
            let classes = [Class::New, Class::Returning].into_iter();
            classes.map(|class| (class.name(), per_order(currency, &sums[class as usize]))).collect()
        });
        let painless = Painless {
            ratio: ripe(&window.painless_resolution, count(figures.awaited(Awaited::PainlessResolution))),
            failed: Pain::ALL.iter().map(|pain| pain.name().to_owned()).zip(window.painful.map(count)).collect(),
        };
        let scores = Scale::ALL.iter().zip(&window.ratings).map(|(scale, ratio)| {
            let numerator = ratio.numerator as f64 / 1e6;
            (scale.name(), MeanScore { numerator, denominator: count(ratio.denominator) })
        });
        let names = Category::ALL.iter().map(|category| category.name()).chain(["none"]);
        let opened = window.tickets.iter().sum();
        let contacts = tallies::Ratio { numerator: window.contacts, denominator: opened };
        Self {
            retention: ratio(&window.retention()),
            churn: ratio(&window.churn()),
            repeat_purchase: ratio(&window.repeat_purchase()),
            returning_customers: ratio(&window.returning_customers()),
            returning_orders: ratio(&window.returning_orders()),
            returning_revenue: by_currency(&window.money, |currency, sums| {
                money_ratio(sums[Class::Returning as usize].net, sums.iter().map(|sum| sum.net).sum(), currency)
            }),
            average_order_value: values,
            unknown_revenue: by_currency(&window.money, |currency, sums| {
                text(sums[Class::Unknown as usize].net, currency)
            }),
            growth,
            reactivation: ripe(&window.reactivation, count(figures.awaited(Awaited::Reactivation))),
            painless_resolution: painless,
            silent_churn: ratio(&window.silent_churn),
            referral: ratio(&window.referral()),
            ratings: scores.collect(),
            tickets: names.map(str::to_owned).zip(window.tickets.map(count)).filter(|(_, count)| *count != 0).collect(),
            contacts_per_ticket: ratio(&contacts),
            time_to_resolution: Resolution::new(window),
        }
    }
}

impl Resolution {
    fn new(window: &WindowFigures) -> Self {
        let name = |within: &i64| match *within {
            i64::MAX => "more".to_owned(),
            millis => (millis / 3_600_000).to_string(),
        };
        Self {
            sum_ms: count(window.resolution_millis),
            count: count(window.resolved.iter().sum()),
            within_hours: RESOLVED_WITHIN.iter().map(name).zip(window.resolved.map(count)).collect(),
        }
    }
}

impl Ever {
    fn new(figures: &Figures) -> Self {
        let totals = &figures.totals;
        let share = |currency: &Currency| {
            let share = figures.pareto_share(*currency);
            money_ratio(share.numerator, share.denominator, *currency)
        };
        let buckets = |currency: Currency, buckets: &BTreeMap<i32, (i128, i128)>| {
            let held = buckets.iter().filter(|(_, (customers, _))| *customers != 0);
            held.map(|(bucket, (customers, sum))| (*bucket, count(*customers), text(*sum, currency))).collect()
        };
        let with_revenue = figures.pareto.iter().filter(|(_, buckets)| buckets.values().any(|(count, _)| *count != 0));
        Self {
            customers: totals.customers,
            repeat_purchase: Ratio { numerator: totals.repeat_customers, denominator: totals.customers },
            returning_orders: Ratio { numerator: totals.returning_orders, denominator: totals.orders },
            pareto: with_revenue.clone().map(|(currency, _)| (name(currency), share(currency))).collect(),
            pareto_buckets: with_revenue.map(|(currency, held)| (name(currency), buckets(*currency, held))).collect(),
        }
    }
}

impl Now {
    fn new(figures: &Figures) -> Self {
        let totals = &figures.totals;
        let at_risk = |level: Level| {
            let of_level = figures.value_at_risk.iter().filter(move |((of, _), value)| *of == level && **value != 0);
            of_level.map(|((_, currency), value)| (name(currency), text(*value, *currency))).collect()
        };
        Self {
            active: totals.active(),
            lapsed: totals.at(Level::Lapsed),
            risk: Risk { low: totals.at(Level::Low), medium: totals.at(Level::Medium), high: totals.at(Level::High) },
            value_at_risk: [Level::Medium, Level::High].map(|level| (level.name(), at_risk(level))).into(),
        }
    }
}

fn days_to_second(figures: &Figures) -> InOrder<i64> {
    let names = LE_DAYS.iter().map(|days| format!("{days}d")).chain(["more".to_owned()]);
    names.zip(figures.second_days.map(count)).collect()
}

fn growth(now: &ByClass, before: &ByClass) -> BTreeMap<String, MoneyRatio> {
    let returning = |of: &ByClass, currency: &Currency| of.get(currency).map_or(0, |sums| sums[1].net);
    let currencies = now.keys().chain(before.keys());
    currencies
        .map(|currency| (name(currency), money_ratio(returning(now, currency), returning(before, currency), *currency)))
        .collect()
}

fn by_currency<T>(money: &ByClass, of: impl Fn(Currency, &[Money; 3]) -> T) -> BTreeMap<String, T> {
    money.iter().map(|(currency, sums)| (name(currency), of(*currency, sums))).collect()
}

fn name(currency: &Currency) -> String {
    currency.code().to_owned()
}

fn text(minor: i128, currency: Currency) -> String {
    Total { minor, currency }.to_string()
}

fn money_ratio(numerator: i128, denominator: i128, currency: Currency) -> MoneyRatio {
    MoneyRatio { numerator: text(numerator, currency), denominator: text(denominator, currency) }
}

fn ratio(ratio: &tallies::Ratio) -> Ratio {
    Ratio { numerator: count(ratio.numerator), denominator: count(ratio.denominator) }
}

fn ripe(ratio: &tallies::Ratio, unripe: i64) -> Ripe {
    Ripe { numerator: count(ratio.numerator), denominator: count(ratio.denominator), unripe }
}

/// What is counted one by one stays far below 2^63.
fn count(count: i128) -> i64 {
    count as i64
}
