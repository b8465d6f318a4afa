//! The pipeline's `Log` on the simulated broker: what librdkafka and `src/kafka` are to the real one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use homecoming::pipeline::ports::{
    CommitTimes, Destination, InputPartition, InputRecord, Outgoing, Polled, Position, Remembered, Restored,
    RestoredUpTo, Usage,
};
use homecoming::pipeline::{Fault, Log};
use homecoming::wire::partitioning::partition_of;
use homecoming::wire::state_key::StateKey;
use homecoming::wire::{Incoming, Source};

use crate::broker::{Answer, Error, Request};
use crate::client::{Client, Found};
use crate::plan::Mutation;
use crate::producer::Transactions;
use crate::takeover;
use crate::topics::{Record, Topic};
use crate::world::Part;

const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const FENCED_MAX: usize = 2;
const FENCED_WITHIN: Duration = Duration::from_secs(120);

pub struct SimLog<'a> {
    part: Part<'a>,
    instance: Option<String>,
    transactional_id: String,
    /// The group did not say what it remembers when it was last asked.
    is_held_up: bool,
    partitions: i32,
    mutation: Option<Mutation>,
    transactions: Transactions<'a>,
    restoring: BTreeMap<i32, Reading>,
    fenced: Vec<Duration>,
    /// What readers see may have changed since it was last looked at.
    is_shown_anew: bool,
    polls: u64,
    /// What was restored since the last commit, for the mutation that fires again.
    restored: BTreeSet<i32>,
    /// State records of the open transaction, for the mutation that keeps them.
    state_sent: Vec<(i32, Arc<Record>)>,
    /// Where the input stood at the last commit, for the mutation that leaves offsets out.
    positions: BTreeMap<InputPartition, i64>,
}

/// How far a changelog has been read.
struct Reading {
    next: i64,
    end: i64,
    /// The first value read of every customer, for the mutation that hands it over last.
    first: BTreeMap<Vec<u8>, Arc<Record>>,
}

impl<'a> SimLog<'a> {
    pub fn new(part: Part<'a>, instance: Option<String>, transactional_id: String) -> Self {
        let (partitions, mutation) = {
            let mut sim = part.lock();
            sim.open_client(part.me, instance.clone());
            sim.transactional_ids.insert(part.me, transactional_id.clone());
            (sim.plan.partitions, sim.plan.mutation)
        };
        let transactions = Transactions::new(part.clone(), transactional_id.clone(), mutation);
        Self {
            part,
            instance,
            transactional_id,
            is_held_up: false,
            partitions,
            mutation,
            transactions,
            restoring: BTreeMap::new(),
            fenced: Vec::new(),
            is_shown_anew: false,
            polls: 0,
            restored: BTreeSet::new(),
            state_sent: Vec::new(),
            positions: BTreeMap::new(),
        }
    }

    /// What librdkafka does by itself after `linger.ms`, here whenever a script says so.
    pub fn linger(&mut self) {
        self.transactions.drain().expect("nothing keeps records from being taken");
    }

    fn with_client<T>(&self, work: impl FnOnce(&mut Client) -> T) -> Option<T> {
        self.part.lock().clients.get_mut(&self.part.me).map(work)
    }

    fn pass(&self, low: u64, high: u64) {
        let length = Duration::from_micros(self.part.lock().chance.between(low, high));
        self.part.sleep(length);
    }

    fn tell(&self, kind: char, words: impl FnOnce() -> String) {
        let mut sim = self.part.lock();
        sim.tell(self.part.me, kind, 0, words);
    }

    fn rejoin(&mut self) -> Result<Polled, Fault> {
        let now = self.part.lock().now;
        self.fenced.retain(|then| now - *then < FENCED_WITHIN);
        self.fenced.push(now);
        if self.fenced.len() > FENCED_MAX {
            return Err(Fault::Final("another process uses the same kafka.instance_id".to_owned()));
        }
        self.tell('f', || "is fenced, joins anew".to_owned());
        self.part.lock().open_client(self.part.me, self.instance.clone());
        Ok(Polled::Revoked { lost: true })
    }

    /// A question that changes nothing, asked for a while.
    fn question(&self, request: &Request, what: &str) -> Result<Answer, Fault> {
        let until = self.part.lock().now + ANSWER_WITHIN;
        loop {
            match self.part.ask(request.clone()) {
                Some(Answer::Error(Error::UnstableOffsetCommit | Error::NotCoordinator)) | None => {}
                Some(Answer::Error(error)) => return Err(Fault::Passing(format!("{what}: {error:?}"))),
                Some(answer) => return Ok(answer),
            }
            if self.part.lock().now >= until {
                return Err(Fault::Passing(format!("{what}: no answer")));
            }
            self.pass(5_000, 60_000);
        }
    }

    fn poll_once(&mut self, take: &mut dyn FnMut(InputRecord<'_>)) -> Option<Result<Polled, Fault>> {
        let found = self.part.lock().poll_client(self.part.me);
        match found {
            Found::Nothing => None,
            Found::Rebalance(polled) => {
                self.tell('p', || format!("is told: {polled:?}"));
                Some(Ok(polled))
            }
            Found::Fenced => Some(self.rejoin()),
            Found::Expired(input, offset) => Some(Err(Fault::Final(format!(
                "records have expired before they were read: {input:?} from offset {offset}"
            )))),
            Found::Record(input, offset, record) => {
                self.part.lock().tell(self.part.me, 'i', offset as u64, || {
                    format!("reads {}-{} offset {offset}", input.source.name(), input.partition)
                });
                take(InputRecord {
                    from: input,
                    offset,
                    written_ms: Some(record.written_ms),
                    incoming: Incoming {
                        key: record.key.as_deref(),
                        value: record.value.as_deref(),
                        content_type: None,
                    },
                    headers: Vec::new(),
                });
                Some(Ok(Polled::Record))
            }
        }
    }
}

fn named(offsets: &[(InputPartition, i64)]) -> String {
    let name =
        |(input, offset): &(InputPartition, i64)| format!("{}-{}@{offset}", input.source.name(), input.partition);
    offsets.iter().map(name).collect::<Vec<_>>().join(" ")
}

impl Log for SimLog<'_> {
    fn poll(&mut self, wait: Duration, take: &mut dyn FnMut(InputRecord<'_>)) -> Result<Polled, Fault> {
        self.polls += 1;
        if std::mem::take(&mut self.is_shown_anew) || self.polls.is_multiple_of(64) {
            self.part.lock().look_at_readers(self.part.me);
        }
        if let Some(polled) = self.poll_once(take) {
            self.pass(20, 300);
            return polled;
        }
        self.part.sleep(wait.max(Duration::from_micros(200)));
        self.poll_once(take).unwrap_or(Ok(Polled::Nothing))
    }

    fn remembered(&mut self, partitions: &[i32]) -> Result<Vec<Remembered>, Fault> {
        self.is_shown_anew = true;
        let of = |partition: &i32| Source::ALL.map(|source| InputPartition { source, partition: *partition });
        let inputs: Vec<InputPartition> = partitions.iter().flat_map(of).collect();
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        self.transactions.begin_work()?;
        self.part.lock().look_who_died(self.part.me, &inputs, self.is_held_up);
        let asked = self.question(&Request::OffsetFetch { inputs }, "can't read the group's offsets");
        self.is_held_up = asked.is_err();
        match asked? {
            Answer::Remembered(remembered) => Ok(remembered.into_iter().map(takeover::unsigned).collect()),
            other => unreachable!("offsets are answered {other}"),
        }
    }

    fn take_up(&mut self, starts: &[(InputPartition, i64)]) -> Result<(), Fault> {
        self.tell('u', || format!("takes up {}", named(starts)));
        self.with_client(|client| client.assign(starts));
        self.pass(100, 2000);
        Ok(())
    }

    fn resume(&mut self, inputs: &[InputPartition]) -> Result<(), Fault> {
        self.with_client(|client| client.let_flow(inputs, false));
        self.pass(50, 300);
        Ok(())
    }

    fn hold(&mut self, inputs: &[InputPartition]) -> Result<(), Fault> {
        self.with_client(|client| client.let_flow(inputs, true));
        self.part.lock().story.count("inputs held back");
        Ok(())
    }

    fn let_go(&mut self) -> Result<(), Fault> {
        if self.restoring.values().any(|reading| reading.next < reading.end) {
            self.part.lock().story.count("restores cut short by a rebalance");
        }
        self.restoring.clear();
        self.with_client(|client| {
            client.inputs.clear();
            client.is_waiting = false;
        });
        self.part.lock().join_if_needed(self.part.me);
        self.pass(100, 2000);
        Ok(())
    }

    fn rewind(&mut self, to: &[(InputPartition, i64)]) -> Result<(), Fault> {
        self.tell('b', || format!("rewinds to {}", named(to)));
        let fails = {
            let mut sim = self.part.lock();
            sim.is_faulty && !to.is_empty() && sim.chance.per_mille(30)
        };
        self.pass(100, 2000);
        if fails {
            return Err(Fault::Passing("can't rewind the inputs".to_owned()));
        }
        if self.mutation != Some(Mutation::NotRewound) {
            self.with_client(|client| client.seek(to));
        }
        Ok(())
    }

    fn backlog(&self, input: InputPartition, next_offset: i64) -> Option<u64> {
        self.with_client(|client| {
            let position = client.inputs.get(&input)?.position.max(next_offset);
            Some((client.ends.get(&input)? - position).max(0) as u64)
        })
        .flatten()
    }

    fn restore(&mut self, partitions: &[(i32, Option<i64>)]) -> Result<(), Fault> {
        self.restoring.clear();
        if partitions.is_empty() {
            return Ok(());
        }
        self.transactions.renew_if_used()?;
        let request = Request::ListOffsets { partitions: partitions.iter().map(|(partition, _)| *partition).collect() };
        let Answer::Ends(ends) = self.question(&request, "can't read where the state topic ends")? else {
            unreachable!("ends are answered with ends")
        };
        for (partition, known) in partitions {
            let (low, end, stable) = ends[partition];
            let end = if self.mutation == Some(Mutation::RestoreToStable) { stable } else { end };
            let next = known.map_or(low, |known| known.clamp(low, end.max(low)));
            self.restored.insert(*partition);
            self.restoring.insert(*partition, Reading { next, end, first: BTreeMap::new() });
        }
        self.tell('s', || format!("restores {partitions:?} up to {ends:?}"));
        Ok(())
    }

    fn poll_restore(&mut self, wait: Duration, take: &mut dyn FnMut(Restored<'_>)) -> Result<(), Fault> {
        self.is_shown_anew = true;
        let mut read = Vec::new();
        {
            let mut sim = self.part.lock();
            let at_once = sim.plan.restored_at_once;
            let batch = sim.chance.between(1, at_once) as usize;
            let comes = !sim.is_faulty || sim.now >= sim.fetch_fails_until;
            let unread = self.restoring.iter_mut().filter(|(_, reading)| comes && reading.next < reading.end);
            for (partition, reading) in unread {
                let log = sim.broker.log(Topic::State, *partition);
                let mut reached = log.last_stable_offset();
                for (count, (offset, record)) in log.committed_from(reading.next).enumerate() {
                    if count == batch {
                        reached = offset;
                        break;
                    }
                    read.push((*partition, Arc::clone(record)));
                }
                reading.next = reading.next.max(reached);
            }
        }
        if read.is_empty() {
            self.part.sleep(wait);
            return Ok(());
        }
        for (partition, record) in &read {
            let key = record.key.as_deref().unwrap_or_default();
            take(Restored { partition: *partition, key, value: record.value.as_deref() });
        }
        if self.mutation == Some(Mutation::OldValueLast) {
            self.hand_over_old_values(read, take);
        }
        self.pass(500, 20_000);
        Ok(())
    }

    fn restored(&mut self, partition: i32) -> Result<RestoredUpTo, Fault> {
        let reading = self.restoring.get(&partition);
        let reading = reading.ok_or_else(|| Fault::Passing(format!("the state of {partition} is not read")))?;
        Ok(RestoredUpTo { next_offset: reading.next, remaining: (reading.end - reading.next).max(0) as u64 })
    }

    fn send(&mut self, record: &Outgoing<'_>) -> Result<(), Fault> {
        let is_settled = matches!(record.key.and_then(StateKey::decode), Some(StateKey::Tallies(_)));
        if self.mutation == Some(Mutation::SettledLeftOut) && is_settled {
            return Ok(());
        }
        let of_key = || partition_of(record.key.unwrap_or_default(), self.partitions);
        let (topic, partition) = match record.to {
            Destination::ReturningCustomers => (Topic::ReturningCustomers, of_key()),
            Destination::ChurnRisk => (Topic::ChurnRisk, of_key()),
            Destination::DeadLetters => (Topic::DeadLetters, of_key()),
            Destination::State(partition) => (Topic::State, partition),
        };
        let headers = record.headers.iter().map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec)));
        let (is_now, written_ms) = {
            let mut sim = self.part.lock();
            (sim.chance.per_mille(60), sim.now.as_millis() as i64)
        };
        let record = Arc::new(Record {
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: headers.collect(),
            written_ms,
        });
        if topic == Topic::State {
            self.state_sent.push((partition, Arc::clone(&record)));
        }
        self.transactions.send(topic, partition, record, is_now)
    }

    fn commit(&mut self, positions: &[Position]) -> Result<CommitTimes, Fault> {
        self.is_shown_anew = true;
        let member = self.with_client(|client| client.who.clone());
        let member = member.ok_or_else(|| Fault::MustAbort("not a member of the group".to_owned()))?;
        for partition in std::mem::take(&mut self.restored) {
            if self.mutation == Some(Mutation::FiredAgain) {
                self.fire_again(partition)?;
            }
        }
        let has_moved = |position: &Position| self.positions.get(&position.input) != Some(&position.next_offset);
        let is_left_out = self.mutation == Some(Mutation::TimersWithoutOffsets) && !positions.iter().any(has_moved);
        let signed = if is_left_out { Vec::new() } else { takeover::signed(positions, &self.transactional_id) };
        let committed = self.transactions.commit(&signed, &member)?;
        self.positions.extend(positions.iter().map(|position| (position.input, position.next_offset)));
        self.state_sent.clear();
        self.tell('c', || "has committed".to_owned());
        Ok(committed)
    }

    fn abort(&mut self) -> Result<(), Fault> {
        self.is_shown_anew = true;
        self.tell('x', || "aborts".to_owned());
        let sent = std::mem::take(&mut self.state_sent);
        if self.mutation == Some(Mutation::OverlayKept) {
            self.keep_overlay(&sent);
        }
        self.transactions.abort()
    }

    fn renew(&mut self) -> Result<(), Fault> {
        self.tell('n', || "takes a new producer".to_owned());
        self.state_sent.clear();
        self.transactions.renew()
    }

    fn leave(&mut self, _deadline: Duration) {
        self.restoring.clear();
        self.tell('v', || "ends".to_owned());
        let client = self.part.lock().clients.remove(&self.part.me);
        if let Some(client) = client.filter(|client| client.who.instance.is_none() && !client.who.member.is_empty()) {
            self.part.lock().leave_group(client.who.member);
        }
    }

    fn usage(&self) -> Usage {
        Usage { producers: self.transactions.made, ..Usage::default() }
    }
}

// --- mutations that need more than a condition -----------------------------------------------------------------------

impl SimLog<'_> {
    /// Restores a customer's first value after the last.
    fn hand_over_old_values(&mut self, read: Vec<(i32, Arc<Record>)>, take: &mut dyn FnMut(Restored<'_>)) {
        for (partition, record) in read {
            let key = record.key.clone().unwrap_or_default();
            let Some(reading) = self.restoring.get_mut(&partition) else { continue };
            if matches!(StateKey::decode(&key), Some(StateKey::Customer(_))) {
                reading.first.entry(key).or_insert(record);
            }
        }
        for (partition, reading) in self.restoring.iter_mut().filter(|(_, reading)| reading.next >= reading.end) {
            for (key, record) in std::mem::take(&mut reading.first) {
                take(Restored { partition: *partition, key: &key, value: record.value.as_deref() });
            }
        }
    }

    /// Tells once more what was last told of a level in the partition.
    fn fire_again(&mut self, partition: i32) -> Result<(), Fault> {
        let last = self
            .part
            .lock()
            .broker
            .log(Topic::ChurnRisk, partition)
            .committed_from(0)
            .last()
            .map(|(_, told)| Arc::clone(told));
        last.map_or(Ok(()), |told| self.transactions.send(Topic::ChurnRisk, partition, told, true))
    }

    /// What the aborted batch made of its customers stays in the store, and so in the engine.
    fn keep_overlay(&self, sent: &[(i32, Arc<Record>)]) {
        let stores = self.part.lock().processes[&self.part.me].partitions.all();
        for (partition, record) in sent {
            let key = record.key.as_deref().and_then(StateKey::decode);
            let store = stores.iter().find(|(known, _)| known == partition);
            if let (Some(StateKey::Customer(id)), Some((_, store)), Some(value)) = (key, store, &record.value) {
                store.put(id, value.as_slice().into());
            }
        }
    }
}
