//! The rates of several instances as one: counts, sums and expectations add up, because a customer lives in one
//! partition.
//!
//! The Pareto share does not: it is left out, as the best of two halves are not the best of the whole.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::money;

/// Reports as of the same instant, added up.
pub fn sum(reports: &[Value]) -> Value {
    let mut total = reports.iter().fold(Value::Null, |total, report| added(&total, report, ""));
    if let Some(ever) = total["ever"].as_object_mut() {
        ever.remove("pareto");
    }
    total
}

/// `name` is the member that the two values are: a currency says in what its amounts are written.
fn added(a: &Value, b: &Value, name: &str) -> Value {
    match (a, b) {
        (Value::Null, known) | (known, Value::Null) => known.clone(),
        (Value::Object(a), Value::Object(b)) => {
            let mut total: Map<String, Value> = a.clone();
            for (member, value) in b {
                // The new and returning parts of a currency's money are in that currency too.
                let inner = if is_currency(name) { name } else { member.as_str() };
                let sum = added(total.get(member).unwrap_or(&Value::Null), value, inner);
                total.insert(member.clone(), sum);
            }
            Value::Object(total)
        }
        (Value::Array(a), Value::Array(b)) if a.iter().chain(b).any(|value| value["month"].is_string()) => {
            by_month(a, b)
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "cohorts of one month up to the same instant");
            a.iter().zip(b).map(|(a, b)| added(a, b, name)).collect()
        }
        (Value::String(a), Value::String(b)) if is_currency(name) => {
            money::text(i128::from(money::minor(a, name)) + i128::from(money::minor(b, name)), name).into()
        }
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => json!(a + b),
            _ => json!(a.as_f64().expect("a number") + b.as_f64().expect("a number")),
        },
        (a, b) => {
            assert_eq!(a, b, "{name} is no sum");
            a.clone()
        }
    }
}

fn is_currency(name: &str) -> bool {
    name.len() == 3 && name.bytes().all(|letter| letter.is_ascii_uppercase())
}

fn by_month(a: &[Value], b: &[Value]) -> Value {
    let mut months: BTreeMap<String, Value> = BTreeMap::new();
    for month in a.iter().chain(b) {
        let name = month["month"].as_str().expect("a month").to_owned();
        let total = months.entry(name).or_default();
        *total = added(total, month, "");
    }
    months.into_values().collect()
}
