//! Rates of orders and money, and of customers by what they ordered.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::calendar::{Calendar, Window};
use super::lives::{Class, Life};
use super::money;
use super::report::ratio;

/// Orders and net revenue of one currency, by class.
#[derive(Clone, Copy, Default)]
struct Sums {
    new_orders: i64,
    returning_orders: i64,
    new_net: i128,
    returning_net: i128,
    unknown_net: i128,
}

type ByCurrency = BTreeMap<String, Sums>;

/// Everything whose day lies in the window. An erased customer's stays, as an anonymous sum.
fn sums(lives: &[Life], calendar: &Calendar, window: &Window) -> ByCurrency {
    let mut sums = ByCurrency::new();
    for life in lives {
        for (rank, order) in life.orders.iter().enumerate().filter(|(_, order)| calendar.is_in(window, order.at)) {
            let sum = sums.entry(order.currency.clone()).or_default();
            if rank == 0 {
                sum.new_orders += 1;
                sum.new_net += i128::from(order.minor);
            } else {
                sum.returning_orders += 1;
                sum.returning_net += i128::from(order.minor);
            }
        }
        for refund in life.refunds.iter().filter(|refund| calendar.is_in(window, refund.at)) {
            let sum = sums.entry(refund.currency.clone()).or_default();
            match life.class_of(&refund.order) {
                Class::New => sum.new_net -= i128::from(refund.minor),
                Class::Returning => sum.returning_net -= i128::from(refund.minor),
                Class::Unknown => sum.unknown_net -= i128::from(refund.minor),
            }
        }
    }
    sums
}

fn by_currency(sums: &ByCurrency, of: impl Fn(&str, &Sums) -> Value) -> Value {
    Value::Object(sums.iter().map(|(currency, sum)| (currency.clone(), of(currency, sum))).collect())
}

/// What a window says of orders and money.
pub fn in_window(lives: &[Life], calendar: &Calendar, window: &Window, into: &mut Map<String, Value>) {
    let sums = sums(lives, calendar, window);
    let returning: i64 = sums.values().map(|sum| sum.returning_orders).sum();
    let new: i64 = sums.values().map(|sum| sum.new_orders).sum();
    into.insert("returning_orders".into(), ratio(returning, returning + new));
    let revenue = by_currency(&sums, |currency, sum| {
        let all = sum.new_net + sum.returning_net + sum.unknown_net;
        json!({"numerator": money::text(sum.returning_net, currency), "denominator": money::text(all, currency)})
    });
    into.insert("returning_revenue".into(), revenue);
    let value = by_currency(&sums, |currency, sum| {
        json!({
            "new": {"numerator": money::text(sum.new_net, currency), "denominator": sum.new_orders},
            "returning": {"numerator": money::text(sum.returning_net, currency), "denominator": sum.returning_orders},
        })
    });
    into.insert("average_order_value".into(), value);
}

/// Net revenue of returning orders against the same days of the year before.
pub fn growth(lives: &[Life], calendar: &Calendar, now: &Window, before: &Window) -> Value {
    let now = sums(lives, calendar, now);
    let mut both: BTreeMap<String, (i128, i128)> = BTreeMap::new();
    for (currency, sum) in now {
        both.entry(currency).or_default().0 = sum.returning_net;
    }
    for (currency, sum) in sums(lives, calendar, before) {
        both.entry(currency).or_default().1 = sum.returning_net;
    }
    let value = |(currency, (now, before)): (String, (i128, i128))| {
        let parts = json!({"numerator": money::text(now, &currency), "denominator": money::text(before, &currency)});
        (currency, parts)
    };
    Value::Object(both.into_iter().map(value).collect())
}

/// What a window says of customers by what they ordered in it.
pub fn customers_in_window(lives: &[Life], calendar: &Calendar, window: &Window, into: &mut Map<String, Value>) {
    let [mut ordered, mut ordered_twice, mut had_ordered_before, mut new, mut referred] = [0i64; 5];
    for life in lives.iter().filter(|life| !life.is_erased()) {
        let ranks: Vec<usize> =
            (0..life.orders.len()).filter(|rank| calendar.is_in(window, life.orders[*rank].at)).collect();
        ordered += i64::from(!ranks.is_empty());
        ordered_twice += i64::from(ranks.len() >= 2);
        had_ordered_before += i64::from(ranks.iter().any(|rank| *rank > 0));
        if ranks.contains(&0) {
            new += 1;
            referred += i64::from(life.orders[0].is_referred);
        }
    }
    into.insert("repeat_purchase".into(), ratio(ordered_twice, ordered));
    into.insert("returning_customers".into(), ratio(had_ordered_before, ordered));
    into.insert("referral".into(), ratio(referred, new));
}

/// Over the whole of their lives.
pub fn ever(lives: &[Life]) -> Value {
    let orders: usize = lives.iter().map(|life| life.orders.len()).sum();
    let returning: usize = lives.iter().map(|life| life.orders.len().saturating_sub(1)).sum();
    let with_at_least = |n: usize| lives.iter().filter(|life| !life.is_erased() && life.orders.len() >= n).count();
    json!({
        "customers": with_at_least(1),
        "repeat_purchase": ratio(with_at_least(2), with_at_least(1)),
        "returning_orders": ratio(returning, orders),
        "pareto": pareto(lives),
    })
}

/// The best customers' part of the money that customers with revenue brought in their lives, net of refunds.
fn pareto(lives: &[Life]) -> Value {
    let mut nets: BTreeMap<&str, Vec<i128>> = BTreeMap::new();
    for life in lives.iter().filter(|life| !life.is_erased() && !life.orders.is_empty()) {
        let mut of_customer: BTreeMap<&str, i128> = BTreeMap::new();
        for order in &life.orders {
            *of_customer.entry(&order.currency).or_default() += i128::from(order.minor);
        }
        for refund in &life.refunds {
            *of_customer.entry(&refund.currency).or_default() -= i128::from(refund.minor);
        }
        for (currency, net) in of_customer.into_iter().filter(|(_, net)| *net > 0) {
            nets.entry(currency).or_default().push(net);
        }
    }
    let share = |(currency, mut nets): (&str, Vec<i128>)| {
        nets.sort_unstable_by(|a, b| b.cmp(a));
        let (whole, fifths) = (nets.len() / 5, nets.len() % 5);
        let fifths = i128::try_from(fifths).expect("below 5");
        // The last of the top by fraction, to the nearest minor unit.
        let last = nets.get(whole).map_or(0, |net| (net * fifths * 2 + 5) / 10);
        let top = nets[..whole].iter().sum::<i128>() + last;
        let all = nets.iter().sum::<i128>();
        let parts = json!({"numerator": money::text(top, currency), "denominator": money::text(all, currency)});
        (currency.to_owned(), parts)
    };
    Value::Object(nets.into_iter().map(share).collect())
}
