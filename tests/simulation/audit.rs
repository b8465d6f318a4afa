//! The auditor: compares what is in the topics, what the group has and what readers see with a model of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use homecoming::domain::Customer;
use homecoming::pipeline::ports::InputPartition;
use homecoming::wire::progress_record::Progress;
use homecoming::wire::state_key::{self, StateKey};
use homecoming::wire::{Source, customer_record};
use serde_json::Value;

use crate::model;
use crate::oracle::Oracle;
use crate::shop::Shop;
use crate::support::model::{Expected, Refused};
use crate::topics::{PartitionLog, Record, Topic};
use crate::world::{ActorId, Sim};

type Complaints = Vec<String>;

/// What one partition's state topic comes down to.
pub struct State {
    pub customers: BTreeMap<String, Vec<u8>>,
    pub progress: Progress,
}

/// Looks at everything, once all is at rest.
pub fn audit(sim: &mut Sim, shop: &Shop) {
    let mut complaints = Vec::new();
    let oracle = Oracle::new(&sim.plan, shop);
    let expected = model::expected(&sim.plan, shop);
    let states: Vec<State> =
        (0..sim.plan.partitions).map(|partition| state_of(sim.broker.log(Topic::State, partition))).collect();
    offsets_agree(sim, &states, &mut complaints);
    dead_letters_are_the_malformed(sim, &expected, &mut complaints);
    signals_are_consistent(sim, &oracle, &states, &mut complaints);
    signals_are_as_expected(sim, shop, (&oracle, &expected), &states, &mut complaints);
    memory_is_the_state(sim, &states, &mut complaints);
    only_what_is_committed_is_heard(sim, &mut complaints);
    let now = sim.now;
    for complaint in complaints {
        sim.story.complain(now, complaint);
    }
}

/// How far a partition has come, as its state topic says.
pub fn progress(sim: &Sim, partition: i32) -> Progress {
    state_of(sim.broker.log(Topic::State, partition)).progress
}

pub fn state_of(log: &PartitionLog) -> State {
    let mut state = State { customers: BTreeMap::new(), progress: Progress::default() };
    for (key, value) in log.folded() {
        match (StateKey::decode(&key), value) {
            (Some(StateKey::Customer(id)), Some(value)) => {
                state.customers.insert(id.as_str().to_owned(), value);
            }
            (Some(StateKey::Progress), Some(value)) => {
                state.progress = Progress::decode(&value).expect("progress is readable");
            }
            _ => {}
        }
    }
    state
}

/// Group, changelog and the ends of the inputs are at one.
fn offsets_agree(sim: &Sim, states: &[State], complaints: &mut Complaints) {
    for (input, log) in sim.broker.logs.iter().filter_map(|((topic, partition), log)| match topic {
        Topic::Input(source) => Some((InputPartition { source: *source, partition: *partition }, log)),
        _ => None,
    }) {
        let progress = &states[input.partition as usize].progress;
        let stored = progress.inputs.get(input.source.name()).map_or(0, |input| input.next_offset);
        let committed = sim.broker.offsets.get(&input).map_or(0, |(offset, _)| *offset);
        if stored != committed || committed != log.end_of_records() {
            complaints.push(format!(
                "{}-{}: the group is at {committed}, the changelog at {stored}, the end is {}",
                input.source.name(),
                input.partition,
                log.end_of_records()
            ));
        }
    }
}

fn dead_letters_are_the_malformed(sim: &Sim, expected: &Expected, complaints: &mut Complaints) {
    let mut found = BTreeMap::new();
    for record in committed(sim, Topic::DeadLetters) {
        let part = |name| record.header(name).unwrap_or_default().to_owned();
        let at = (part("source.topic"), part("source.partition"), part("source.offset"), part("error.code"));
        *found.entry(at).or_insert(0) += 1;
    }
    let refused = expected.refused.iter().map(|Refused { input, record, code }| {
        let topic = Source::ALL[*input as usize].name();
        (topic.to_owned(), record.partition.to_string(), record.offset.to_string(), (*code).to_owned())
    });
    let expected: BTreeMap<_, _> = refused.map(|at| (at, 1)).collect();
    differences("dead letter", &expected, &found, complaints);
}

fn committed(sim: &Sim, topic: Topic) -> impl Iterator<Item = &Arc<Record>> {
    let logs = sim.broker.logs.iter().filter(move |((known, _), _)| *known == topic);
    logs.flat_map(|(_, log)| log.committed_from(0).map(|(_, record)| record))
}

/// Whoever listens to a process hears no signal that was not committed, and none more often: an order that is delivered
/// again after its customer was erased is told of again. One that dies after its commit tells nobody.
fn only_what_is_committed_is_heard(sim: &Sim, complaints: &mut Complaints) {
    let topics = [Topic::ReturningCustomers, Topic::ChurnRisk];
    let mut in_topics: BTreeMap<&[u8], u32> = BTreeMap::new();
    for value in topics.iter().flat_map(|topic| committed(sim, *topic)).filter_map(|record| record.value.as_deref()) {
        *in_topics.entry(value).or_default() += 1;
    }
    for (signal, times) in &sim.heard {
        let told = in_topics.get(&signal[..]).copied().unwrap_or_default();
        if *times > told {
            let signal = String::from_utf8_lossy(signal);
            complaints.push(format!("heard {times} times, committed {told} times: {signal}"));
        }
    }
    if sim.heard.is_empty() && !in_topics.is_empty() {
        complaints.push("nobody heard any of the signals".to_owned());
    }
}

fn differences<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &BTreeMap<K, V>,
    found: &BTreeMap<K, V>,
    complaints: &mut Complaints,
) {
    let keys: BTreeSet<&K> = expected.keys().chain(found.keys()).collect();
    for key in keys.into_iter().filter(|key| expected.get(key) != found.get(key)) {
        complaints.push(format!("{what} {key:?}: expected {:?}, found {:?}", expected.get(key), found.get(key)));
    }
}

/// What holds for every customer, whatever was read when: nothing is said twice, every return once, and each change
/// of level begins where the one before ended.
fn signals_are_consistent(sim: &Sim, oracle: &Oracle, states: &[State], complaints: &mut Complaints) {
    let mut ids = BTreeSet::new();
    let mut returns: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut levels: BTreeMap<String, String> = BTreeMap::new();
    for record in committed(sim, Topic::ReturningCustomers).chain(committed(sim, Topic::ChurnRisk)) {
        let signal: Value = serde_json::from_slice(record.value.as_deref().unwrap_or_default()).expect("JSON");
        let text = |name: &str| signal[name].as_str().unwrap_or_default().to_owned();
        let customer = text("customer_id");
        if !ids.insert(text("event_id")) && !oracle.erased.contains(&customer) {
            complaints.push(format!("{customer} is told twice: {signal}"));
        }
        if text("type") == "returning_customer" {
            returns.entry(customer).or_default().insert(text("order_id"));
            continue;
        }
        let before = levels.insert(customer.clone(), text("level")).unwrap_or_else(|| "low".to_owned());
        if before != text("previous_level") && !oracle.erased.contains(&customer) {
            complaints.push(format!("{customer} was told to be {before}, then: {signal}"));
        }
    }
    for (id, record) in states.iter().flat_map(|state| &state.customers).filter(|(id, _)| !oracle.erased.contains(*id))
    {
        let customer = decoded(record);
        let (orders, told) = (customer.purchases.count() as usize, returns.get(id).map_or(0, BTreeSet::len));
        if orders.saturating_sub(1) != told {
            complaints.push(format!("{id} has {orders} orders, but {told} returns were told"));
        }
        let level = customer.standing.level.name();
        let told = levels.get(id).map_or("low", String::as_str);
        if customer.purchases.count() > 0 && level != told {
            complaints.push(format!("{id} is {level}, but was last told to be {told}"));
        }
    }
}

fn decoded(record: &[u8]) -> Customer {
    customer_record::decode(record).expect("a stored customer is readable")
}

/// Customers whose events came in order: exactly what one run over the whole history says, and the same state; and what
/// the model says, to whom the engine is as strange as Kafka.
fn signals_are_as_expected(
    sim: &Sim,
    shop: &Shop,
    (oracle, model): (&Oracle, &Expected),
    states: &[State],
    complaints: &mut Complaints,
) {
    let mut found: BTreeMap<(Topic, String), Vec<String>> = BTreeMap::new();
    for topic in [Topic::ReturningCustomers, Topic::ChurnRisk] {
        for record in committed(sim, topic) {
            let text =
                |bytes: &Option<Vec<u8>>| String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
            found.entry((topic, text(&record.key))).or_default().push(text(&record.value));
        }
    }
    found.retain(|(_, id), _| shop.is_in_order(id));
    let mut expected = oracle.signals.clone();
    expected.retain(|(_, id), _| shop.is_in_order(id));
    for key in expected.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
        let of = |signals: &BTreeMap<_, Vec<String>>| signals.get(key).cloned().unwrap_or_default();
        let (should, is) = (of(&expected), of(&found));
        if let Some(place) = (0..should.len().max(is.len())).find(|place| should.get(*place) != is.get(*place)) {
            let text = |signals: &[String]| signals.get(place).map_or("nothing".to_owned(), String::clone);
            complaints.push(format!(
                "{:?} of {}: number {place} should be\n    {}\n  but is\n    {}",
                key.0,
                key.1,
                text(&should),
                text(&is)
            ));
        }
    }

    let stored = states.iter().flat_map(|state| &state.customers);
    let stored: BTreeMap<&String, Customer> = stored.map(|(id, record)| (id, decoded(record))).collect();
    for id in oracle.customers.keys().chain(stored.keys().copied()).collect::<BTreeSet<_>>() {
        let (is, should) = (stored.get(id), oracle.customers.get(id));
        if is != should && shop.is_in_order(id) {
            complaints.push(format!("the state of {id} is {is:?}, but should be {should:?}"));
        }
    }

    let told: Vec<&str> = found.values().flatten().map(String::as_str).collect();
    complaints.extend(model::differences(shop, model, &told.join("\n"), &stored));
}

/// What readers see is the state, byte for byte, and its counts.
fn memory_is_the_state(sim: &Sim, states: &[State], complaints: &mut Complaints) {
    let living = sim.processes.iter().filter(|(id, _)| !sim.has_ended(**id));
    let mut owners = BTreeMap::new();
    for (process, (partition, store)) in
        living.flat_map(|(id, process)| process.partitions.all().into_iter().map(move |open| (*id, open)))
    {
        if let Some(other) = owners.insert(partition, process) {
            complaints.push(format!("partition {partition} is at work in process {other} and in {process}"));
        }
        let state = &states[partition as usize];
        let mut seen = BTreeMap::new();
        store.for_each_record(|id, record| {
            seen.insert(id.as_str().to_owned(), record.to_vec());
        });
        if seen != state.customers {
            complaints
                .push(format!("partition {partition}: memory of process {process} is not what the changelog says"));
        }
        let totals = store.seen().totals;
        let mut counted = (0, 0, state.progress.erased.orders);
        for record in state.customers.values() {
            let orders = i64::from(decoded(record).purchases.count());
            counted = (counted.0 + i64::from(orders > 0), counted.1 + i64::from(orders > 1), counted.2 + orders);
        }
        let told = (totals.customers, totals.repeat_customers, totals.orders);
        if told != counted || totals.by_level.iter().sum::<i64>() != totals.customers {
            complaints.push(format!("partition {partition}: {totals:?}, but a recount says {counted:?}"));
        }
    }
    if owners.len() != states.len() {
        complaints.push(format!("only the partitions {:?} are at work", owners.keys()));
    }
}

impl Sim {
    /// What readers of a process see must have been committed before.
    pub fn look_at_readers(&mut self, process: ActorId) {
        let Some(partitions) = self.processes.get(&process).map(|process| Arc::clone(&process.partitions)) else {
            return;
        };
        let mut unseen = Vec::new();
        for (partition, store) in partitions.all() {
            store.for_each_record(|id, record| {
                if !self.broker.values.has(partition, &state_key::customer(id), record) {
                    unseen.push(format!("process {process} shows a {} that was never committed", id.as_str()));
                }
            });
        }
        let now = self.now;
        for complaint in unseen {
            self.story.complain(now, complaint);
        }
    }
}
