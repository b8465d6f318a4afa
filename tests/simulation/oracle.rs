//! What must be said, byte for byte: the pure engine over the whole history in one go, with no Kafka, no batch and no
//! restart. Whether the engine is right, `model.rs` says.

use std::collections::{BTreeMap, BTreeSet};

use homecoming::domain::{Customer, EventTime, Signal};
use homecoming::engine::{Event, Happening, Partition};
use homecoming::store::Nobody;
use homecoming::wire::{self, Incoming, Limits, Source};

use crate::plan::Plan;
use crate::shop::{Placed, Shop};
use crate::topics::Topic;

#[derive(Default)]
pub struct Oracle {
    /// By topic and customer, in order.
    pub signals: BTreeMap<(Topic, String), Vec<String>>,
    pub customers: BTreeMap<String, Customer>,
    /// Customers who were forgotten at some time.
    pub erased: BTreeSet<String>,
}

impl Oracle {
    pub fn new(plan: &Plan, shop: &Shop) -> Self {
        let mut oracle = Self::default();
        let mut histories: BTreeMap<i32, Vec<(EventTime, Source, i64, Event)>> = BTreeMap::new();
        for Placed { source, partition, offset, record } in shop.placed() {
            let incoming = Incoming { key: record.key.as_deref(), value: record.value.as_deref(), content_type: None };
            let limits = Limits { value_bytes_max: 100_000, latest: None };
            if let Ok(event) = wire::decode(source, &incoming, &limits) {
                let history = histories.entry(partition).or_default();
                history.push((event.at, source, offset, event));
            }
        }
        for history in histories.into_values() {
            oracle.live(plan, history);
        }
        oracle
    }

    fn live(&mut self, plan: &Plan, mut history: Vec<(EventTime, Source, i64, Event)>) {
        history.sort_by_key(|(at, source, offset, _)| (*at, *source, *offset));
        let mut engine = Partition::new(plan.policy(), Nobody);
        let mut announcements = Vec::new();
        for (.., event) in history {
            if event.what == Happening::Erased {
                self.erased.insert(event.customer.as_str().to_owned());
            }
            engine.apply(&event, &mut announcements);
        }
        let end = EventTime::from_millis(plan.time_at(plan.last_ms()));
        engine.advance(end, usize::MAX, &mut announcements);
        for announcement in announcements {
            let signal = announcement.signal;
            let topic = match signal {
                Signal::ReturningCustomer(_) => Topic::ReturningCustomers,
                Signal::ChurnRisk(_) => Topic::ChurnRisk,
            };
            let text = String::from_utf8(wire::signal::encode(&signal)).expect("JSON is UTF-8");
            self.signals.entry((topic, signal.customer().as_str().to_owned())).or_default().push(text);
        }
        let known = engine.changes().filter_map(|(id, customer)| Some((id.as_str().to_owned(), customer?)));
        self.customers.extend(known);
    }
}
