//! Who is slipping away, by what their return is worth: kept from the signals alone, as a downstream service would.

use std::cmp::Reverse;
use std::collections::HashMap;

use console::style;

use super::signal::{About, Risk, Signal};

/// Everybody at `medium` or `high` as last announced. Who has lapsed is gone, not slipping away.
#[derive(Default)]
pub(super) struct Watch(HashMap<String, Risk>);

impl Watch {
    pub(super) fn hear(&mut self, signal: Signal) {
        let About::Risk(risk) = signal.about else { return };
        if matches!(risk.level.as_str(), "medium" | "high") {
            self.0.insert(signal.customer_id, risk);
        } else {
            self.0.remove(&signal.customer_id);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those worth most, in the currency that most of them pay in: amounts of two currencies are not compared.
    pub(super) fn most_worth(&self, count: usize) -> Vec<String> {
        let mut by_currency: HashMap<&str, Vec<(&String, &Risk)>> = HashMap::new();
        for (customer, risk) in &self.0 {
            by_currency.entry(&risk.value_at_risk.currency).or_default().push((customer, risk));
        }
        let most = by_currency.into_iter().max_by_key(|(currency, risks)| (risks.len(), Reverse(*currency)));
        let mut risks = most.map_or_else(Vec::new, |(_, risks)| risks);
        let worth = |risk: &Risk| risk.value_at_risk.amount.parse::<f64>().unwrap_or(0.0);
        risks.sort_by(|a, b| worth(b.1).total_cmp(&worth(a.1)).then_with(|| a.0.cmp(b.0)));
        risks.into_iter().take(count).map(|(customer, risk)| line(customer, risk)).collect()
    }
}

fn line(customer: &str, risk: &Risk) -> String {
    let worth = format!("{} {}", risk.value_at_risk.amount, risk.value_at_risk.currency);
    let level = format!("{:<6}", risk.level);
    let level = if risk.level == "high" { style(level).red() } else { style(level).yellow() };
    format!("  {customer:<9} {level} {worth:>12}  {}  {}", style(risk.what_to_do()).bold(), style(risk.why()).dim())
}
