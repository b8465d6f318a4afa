//! A shop's three inputs: written to by hand, and read back for the model, wave by wave.

use std::collections::BTreeMap;

use crate::malformed::EventText;
use crate::support::audit::audit_inputs;
use crate::support::cluster::{Group, Isolation};
use crate::support::model::{Ending, Expected, Input, Inputs, Limits};
use crate::support::service::{Shop, Topic};
use crate::support::topic::{Outgoing, Record, Writer};
use crate::support::waiting::wall_clock;

/// As `max_future_skew` is by default.
const CREDIBLE_AHEAD_MILLIS: i64 = 5 * 60 * 1000;

/// When everything that `load` writes is over.
pub const CLOSING_TIME: &str = "2026-01-01T00:00:00Z";

pub fn topic_of(input: Input) -> Topic {
    match input {
        Input::Purchases => Topic::Purchases,
        Input::Support => Topic::Support,
        Input::Contacts => Topic::Contacts,
    }
}

/// The inputs that the shop has: one of them may be absent.
pub fn inputs_of(shop: &Shop) -> Vec<Input> {
    Input::ALL.into_iter().filter(|input| shop.cluster().has_topic(&shop.topic(topic_of(*input)))).collect()
}

/// Writes to all inputs of a shop.
pub struct Writers {
    by_input: BTreeMap<Input, Writer>,
}

impl Writers {
    pub fn to(shop: &Shop) -> Self {
        let writer = |input| (input, shop.cluster().writer(&shop.topic(topic_of(input))));
        Self { by_input: inputs_of(shop).into_iter().map(writer).collect() }
    }

    pub fn write(&self, input: Input, outgoing: &Outgoing) {
        self.by_input[&input].write(outgoing);
    }

    /// The same again, as somebody else wrote it.
    pub fn copy(&self, input: Input, records: &[Record]) {
        for record in records {
            self.write(
                input,
                &Outgoing {
                    key: record.key.clone(),
                    value: record.value.clone(),
                    headers: record.headers.clone(),
                    partition: None,
                },
            );
        }
    }

    /// Ends every partition of an input with an event at [`CLOSING_TIME`]: where all inputs say the same of the time,
    /// it makes no difference whether one of them was taken for idle.
    pub fn close(&self, shop: &Shop, input: Input) {
        for partition in shop.cluster().partitions(&shop.topic(topic_of(input))) {
            let customer = format!("closing-{partition}");
            let id = format!("closing-{input:?}-{partition}");
            let event = match input {
                // Of an order that nobody knows: who never ordered has no level.
                Input::Purchases => EventText::refund(&customer, &id, CLOSING_TIME, "1.00"),
                Input::Support => EventText::feedback(&customer, &id, CLOSING_TIME, "nps", "9"),
                Input::Contacts => EventText::review_held(&customer, &id, CLOSING_TIME),
            };
            self.write(input, &Outgoing { partition: Some(partition), ..event.record() });
        }
    }

    pub fn close_all(&self, shop: &Shop) {
        for input in self.by_input.keys() {
            self.close(shop, *input);
        }
    }

    /// Waits until the broker has everything.
    pub fn flush(&self) {
        self.by_input.values().for_each(Writer::flush);
    }
}

/// Writes everything, in this order, and waits until it is there.
pub fn write(shop: &Shop, records: &[(Input, Outgoing)]) {
    let writers = Writers::to(shop);
    for (input, record) in records {
        writers.write(*input, record);
    }
    writers.flush();
}

/// Ends every partition of every input at one instant.
pub fn close(shop: &Shop) {
    let writers = Writers::to(shop);
    writers.close_all(shop);
    writers.flush();
}

/// What lies on the inputs, each in the order of its partitions' logs.
#[derive(Debug, Default)]
pub struct Written {
    by_input: BTreeMap<Input, Vec<Record>>,
}

impl Written {
    pub fn to(shop: &Shop) -> Self {
        let read = |input| (input, shop.cluster().read_whole(&shop.topic(topic_of(input)), Isolation::Committed));
        Self { by_input: inputs_of(shop).into_iter().map(read).collect() }
    }

    pub fn on(&self, input: Input) -> &[Record] {
        self.by_input.get(&input).map_or(&[], Vec::as_slice)
    }

    pub fn count(&self) -> usize {
        self.by_input.values().map(Vec::len).sum()
    }

    pub fn as_inputs(&self) -> Inputs<'_> {
        Inputs {
            purchases: self.on(Input::Purchases),
            support: self.on(Input::Support),
            contacts: self.on(Input::Contacts),
        }
    }

    fn without(mut self, earlier: &[Self]) -> Self {
        for (input, records) in &mut self.by_input {
            let mut ends: BTreeMap<i32, i64> = BTreeMap::new();
            for record in earlier.iter().flat_map(|wave| wave.on(*input)) {
                ends.insert(record.partition, record.offset + 1);
            }
            records.retain(|record| ends.get(&record.partition).is_none_or(|end| record.offset >= *end));
        }
        self
    }
}

/// All that was written to a shop. What was written while the service was away is one wave, which it takes in the order
/// of event time; a wave for the service at work must be of one input only, or nobody can say in which order it saw it.
#[derive(Debug, Default)]
pub struct Waves {
    waves: Vec<Written>,
}

impl Waves {
    pub fn first(shop: &Shop) -> Self {
        let mut waves = Self::default();
        waves.take_next(shop);
        waves
    }

    /// What was written since the last wave is the next.
    pub fn take_next(&mut self, shop: &Shop) {
        self.waves.push(Written::to(shop).without(&self.waves));
    }

    pub fn count(&self) -> usize {
        self.waves.iter().map(Written::count).sum()
    }

    /// What the service must answer. All that it must accept has to keep to the published schemas.
    pub fn expected(&self) -> Expected {
        let limits = Limits { latest_credible: wall_clock() + CREDIBLE_AHEAD_MILLIS };
        let waves: Vec<Inputs<'_>> = self.waves.iter().map(Written::as_inputs).collect();
        waves.iter().for_each(|wave| audit_inputs(wave, limits));
        Expected::of_inputs(&waves, limits, Ending::TimeStands)
    }
}

/// How far the service has come in all inputs of a shop.
pub struct Progress {
    groups: Vec<Group>,
    /// The same as they stood before whatever is open now, which therefore always have an answer.
    in_passing: Vec<Group>,
}

impl Progress {
    pub fn of(shop: &Shop) -> Self {
        let inputs = inputs_of(shop);
        let groups = |isolation| {
            let topics = inputs.iter().map(|input| shop.topic(topic_of(*input)));
            topics.map(|topic| shop.cluster().group(&shop.group_id(), &topic, isolation)).collect()
        };
        Self { groups: groups(Isolation::Committed), in_passing: groups(Isolation::Uncommitted) }
    }

    /// The committed offsets, input by input. Nothing while an open transaction hides one of them.
    pub fn committed(&self) -> Option<Vec<BTreeMap<i32, i64>>> {
        self.groups.iter().map(Group::committed).collect()
    }

    /// Records that are done with; 0 while nobody can say. Does not wait for the end of an open transaction: with many
    /// small ones in a row that would be the end of the last.
    pub fn records(&self) -> usize {
        let committed: Option<Vec<BTreeMap<i32, i64>>> = self.in_passing.iter().map(Group::committed).collect();
        let records: i64 = committed.unwrap_or_default().iter().flat_map(BTreeMap::values).sum();
        usize::try_from(records).expect("offsets are 0 or more")
    }
}
