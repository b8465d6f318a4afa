//! The loop of one stream thread. It owns its consumer, its transactional producer and the state of its partitions.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::batch::Batch;
use super::life::{Input, Restoring, Running};
use super::ports::{
    Clock, CommitTimes, Destination, Fault, InputPartition, Log, Observer, Outgoing, Polled, Position, Remembered,
    Restored,
};
use super::record::{Taken, read};
use super::settings::Settings;
use crate::domain::{CustomerId, EventTime, Policy, Signal};
use crate::engine::{Announcement, Cause, WatermarkRules};
use crate::store::{PartitionStore, Partitions};
use crate::wire::progress_record::Progress;
use crate::wire::state_key::{self, StateKey};
use crate::wire::{self, Source, cloud_event, customer_record};

/// How often idleness, lag and time are looked at when nothing else happens.
const TICK: Duration = Duration::from_millis(50);

/// How many records of one input may wait for those of another.
const QUEUE_MAX: usize = 5000;

/// How long to wait before something that failed is tried again.
const BACK_OFF: Duration = Duration::from_millis(200);

/// What the rest of the process sees of a stream thread.
#[derive(Debug, Default)]
pub struct Status {
    /// Milliseconds of the monotonic clock when the thread last turned.
    pub turned_ms: AtomicU64,
    /// Whether the group has answered for the first time.
    pub joined: AtomicBool,
    /// How many partitions are being restored.
    pub restoring: AtomicU64,
    /// Whether the thread has ended.
    pub ended: AtomicBool,
}

/// What a stream thread shares with the rest of the process.
#[derive(Clone)]
pub struct Shared {
    /// Bounds and rules of the pipeline.
    pub settings: Settings,
    /// Rules of the business.
    pub policy: Arc<Policy>,
    /// Where committed state is shown.
    pub partitions: Arc<Partitions>,
    /// Who is told what happens.
    pub observer: Arc<dyn Observer>,
    /// What the thread says of itself.
    pub status: Arc<Status>,
    /// Set when the process is to end.
    pub stop: Arc<AtomicBool>,
}

/// One stream thread.
pub struct StreamThread<L, K> {
    log: L,
    clock: K,
    shared: Shared,
    restoring: BTreeMap<i32, Restoring>,
    running: BTreeMap<i32, Running>,
    batch: Batch,
    announcements: Vec<Announcement>,
    ticked: Duration,
    more_due: bool,
}

impl<L: Log, K: Clock> StreamThread<L, K> {
    /// A thread that has joined nothing yet.
    pub fn new(log: L, clock: K, shared: Shared) -> Self {
        Self {
            log,
            clock,
            shared,
            restoring: BTreeMap::new(),
            running: BTreeMap::new(),
            batch: Batch::default(),
            announcements: Vec::new(),
            ticked: Duration::ZERO,
            more_due: false,
        }
    }

    /// Works until `stop` is set or something happens that this process can't mend.
    pub fn run(&mut self) -> Result<(), Fault> {
        let mut result = Ok(());
        while !self.is_stopping() {
            result = self.step();
            if result.is_err() {
                break;
            }
        }
        if result.is_ok() {
            // What is open is done or dropped; either way the next owner finds it whole.
            result = self.try_commit().or_else(|fault| self.recover(fault));
        }
        self.log.leave(self.shared.settings.leave_within);
        self.drop_partitions();
        self.shared.status.ended.store(true, Ordering::Relaxed);
        result
    }

    /// One turn of the loop.
    pub fn step(&mut self) -> Result<(), Fault> {
        self.say_alive();
        self.turn().or_else(|fault| self.recover(fault))
    }

    fn say_alive(&self) {
        self.shared.status.turned_ms.store(self.clock.monotonic().as_millis() as u64, Ordering::Relaxed);
    }

    fn is_stopping(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    fn turn(&mut self) -> Result<(), Fault> {
        if !self.restoring.is_empty() {
            self.restore_some()?;
        }
        let (wait, settings, clock) = (self.poll_wait(), &self.shared.settings, &self.clock);
        let mut taken = None;
        match self.log.poll(wait, &mut |record| taken = Some(read(&record, settings, clock)))? {
            Polled::Nothing | Polled::Record => {}
            Polled::Assigned(partitions) => return self.on_assigned(&partitions),
            Polled::Revoked { lost } => return self.on_revoked(lost),
        }
        if let Some(taken) = taken {
            self.take(taken)?;
        }
        let now = self.clock.monotonic();
        if now.saturating_sub(self.ticked) >= TICK || self.more_due {
            self.ticked = now;
            self.tick(now)?;
        }
        let is_full = self.batch.records >= self.shared.settings.max_batch_records;
        let is_old = self.batch.opened_at.is_some_and(|opened| now >= opened + self.shared.settings.commit_interval);
        if is_full || is_old { self.try_commit() } else { Ok(()) }
    }

    fn poll_wait(&self) -> Duration {
        if !self.restoring.is_empty() || self.more_due {
            return Duration::ZERO;
        }
        let until_commit = self
            .batch
            .opened_at
            .map(|opened| (opened + self.shared.settings.commit_interval).saturating_sub(self.clock.monotonic()));
        until_commit.unwrap_or(TICK).min(TICK)
    }

    // --- records -----------------------------------------------------------------------------------------------

    fn take(&mut self, taken: Taken) -> Result<(), Fault> {
        let partition = taken.from.partition;
        // Held back until it runs: reading is set to the right offset before it is let go on.
        let Some(running) = self.running.get_mut(&partition) else { return Ok(()) };
        if !running.enqueue(taken, self.clock.monotonic()) {
            return Ok(());
        }
        self.work(partition)
    }

    /// Takes in what is ready of a partition, until the batch is full.
    fn work(&mut self, partition: i32) -> Result<(), Fault> {
        while self.batch.records < self.shared.settings.max_batch_records {
            let now = self.clock.monotonic();
            let Some(running) = self.running.get_mut(&partition) else { return Ok(()) };
            let (log, merge_wait) = (&self.log, self.shared.settings.merge_wait);
            let look = |input: &Input| log.backlog(input.at, input.read_offset);
            let Some((place, taken)) = running.next_ready(now, merge_wait, look) else {
                return self.regulate(partition);
            };
            self.batch.touch(partition, now);
            self.batch.records += 1;
            self.apply(partition, place, taken)?;
        }
        self.more_due = true;
        Ok(())
    }

    fn apply(&mut self, partition: i32, place: usize, taken: Taken) -> Result<(), Fault> {
        let Taken { from, written_ms, traceparent, what, is_misplaced, .. } = taken;
        let Some(running) = self.running.get_mut(&partition) else { return Ok(()) };
        if is_misplaced {
            *self.batch.summary.misplaced.entry(from.source).or_default() += 1;
        }
        match what {
            Ok(event) => {
                let outcome = running.engine.apply(&event, &mut self.announcements);
                *self.batch.summary.events.entry((from.source, outcome)).or_default() += 1;
                running.watermark.observe(place, event.at);
                self.more_due |= move_time(running, &self.shared.settings, None, &mut self.announcements);
                self.announce(partition, written_ms, traceparent.as_deref())
            }
            Err(letter) => {
                *self.batch.summary.dead_letters.entry((from.source, letter.code)).or_default() += 1;
                let headers: Vec<_> =
                    letter.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
                self.log.send(&Outgoing {
                    to: Destination::DeadLetters,
                    key: letter.key.as_deref(),
                    value: letter.value.as_deref(),
                    headers: &headers,
                })
            }
        }
    }

    /// Holds back an input that runs ahead of the others, and lets it go on when they have caught up.
    fn regulate(&mut self, partition: i32) -> Result<(), Fault> {
        let Some(running) = self.running.get_mut(&partition) else { return Ok(()) };
        for input in &mut running.inputs {
            if !input.is_held && input.queue.len() >= QUEUE_MAX {
                self.log.hold(&[input.at])?;
                input.is_held = true;
            } else if input.is_held && input.queue.len() < QUEUE_MAX / 2 {
                self.log.resume(&[input.at])?;
                input.is_held = false;
            }
        }
        Ok(())
    }

    /// Sends what there is to tell.
    fn announce(&mut self, partition: i32, written_ms: Option<i64>, traceparent: Option<&str>) -> Result<(), Fault> {
        if self.announcements.is_empty() {
            return Ok(());
        }
        self.batch.touch(partition, self.clock.monotonic());
        self.batch.records += self.announcements.len();
        let announcements = mem::take(&mut self.announcements);
        for Announcement { signal, cause } in &announcements {
            let caused_by_record = *cause == Cause::Event;
            let headers = cloud_event::headers(
                signal,
                &self.shared.settings.event_source,
                traceparent.filter(|_| caused_by_record),
            );
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, Some(value.as_bytes()))).collect();
            let to = match signal {
                Signal::ReturningCustomer(_) => Destination::ReturningCustomers,
                Signal::ChurnRisk(_) => Destination::ChurnRisk,
            };
            self.log.send(&Outgoing {
                to,
                key: Some(signal.customer().as_str().as_bytes()),
                value: Some(&wire::signal::encode(signal)),
                headers: &headers,
            })?;
            *self.batch.summary.signals.entry(signal.names()).or_default() += 1;
            self.batch.caused_ms.extend(written_ms.filter(|_| caused_by_record));
        }
        self.announcements = announcements;
        self.announcements.clear();
        Ok(())
    }

    // --- time --------------------------------------------------------------------------------------------------

    fn tick(&mut self, now: Duration) -> Result<(), Fault> {
        self.more_due = false;
        let wall = self.shared.settings.wall_clock.then(|| self.clock.wall());
        let partitions: Vec<i32> = self.running.keys().copied().collect();
        for partition in partitions {
            self.work(partition)?;
            let Some(running) = self.running.get_mut(&partition) else { continue };
            for input in &mut running.inputs {
                input.backlog = self.log.backlog(input.at, input.read_offset);
                let is_quiet = now.saturating_sub(input.last_new) >= self.shared.settings.idle_after;
                input.idle = is_quiet && input.backlog == Some(0) && input.queue.is_empty();
            }
            self.more_due |= move_time(running, &self.shared.settings, wall, &mut self.announcements);
            running.store.show(|seen| {
                seen.backlog = running.inputs.iter().map(Input::left).collect();
                seen.timers = running.engine.timers_pending();
                let time = running.engine.time();
                seen.time = (time != EventTime::BEGINNING).then_some(time);
            });
            if running.engine.has_changes() {
                self.batch.touch(partition, now);
            }
            self.announce(partition, None, None)?;
        }
        Ok(())
    }

    // --- commit ------------------------------------------------------------------------------------------------

    fn try_commit(&mut self) -> Result<(), Fault> {
        if !self.batch.is_open() {
            return Ok(());
        }
        let mut positions = Vec::new();
        let mut records = Vec::new();
        for partition in &self.batch.partitions {
            let Some(running) = self.running.get(partition) else { continue };
            send_changes(&mut self.log, *partition, running, &self.shared.settings.fingerprint, &mut records)?;
            positions.extend(running.positions());
        }
        match self.log.commit(&positions) {
            Ok(times) => {
                self.publish(records, &times);
                Ok(())
            }
            Err(Fault::OutcomeUnknown(reason)) => self.settle(&positions, records, &reason),
            Err(fault) => Err(fault),
        }
    }

    /// The transaction took place: now, and only now, readers may see it.
    fn publish(&mut self, records: Vec<Changed>, times: &CommitTimes) {
        let mut batch = mem::take(&mut self.batch);
        batch.summary.customers = records.len();
        for (partition, id, record) in records {
            let Some(running) = self.running.get(&partition) else { continue };
            match record {
                Some(record) => running.store.put(id, record),
                None => running.store.remove(&id),
            }
        }
        for partition in &batch.partitions {
            let Some(running) = self.running.get_mut(partition) else { continue };
            running.confirm();
            let totals = *running.engine.totals();
            running.store.show(|seen| seen.totals = totals);
        }
        let wall = self.clock.wall().millis();
        let delays = batch.caused_ms.iter().map(|ms| Duration::from_millis((wall - ms).max(0) as u64));
        batch.summary.delays = delays.collect();
        self.shared.observer.committed(&batch.summary, times);
    }

    /// Nobody can tell whether the transaction took place. A new producer settles it, the group's memory tells.
    fn settle(&mut self, positions: &[Position], records: Vec<Changed>, reason: &str) -> Result<(), Fault> {
        let partitions: Vec<i32> = self.batch.partitions.iter().copied().collect();
        self.until_it_works(L::renew)?;
        let remembered = self.until_it_works(|log| log.remembered(&partitions))?;
        let took_place = positions.first().is_some_and(|position| {
            let now = remembered.iter().find(|remembered| remembered.input == position.input);
            now.and_then(|now| now.committed.as_ref()).is_some_and(|(_, note)| *note == position.note)
        });
        self.shared.observer.outcome_settled(took_place, reason);
        if took_place {
            self.publish(records, &CommitTimes::default());
            return Ok(());
        }
        self.drop_batch()
    }

    fn drop_batch(&mut self) -> Result<(), Fault> {
        self.batch = Batch::default();
        self.announcements.clear();
        // Not only what the batch touched: time may have moved in all of them.
        let to: Vec<_> = self.running.values_mut().flat_map(Running::undo).collect();
        self.log.rewind(&to)?;
        for input in self.running.values_mut().flat_map(|running| &mut running.inputs).filter(|input| input.is_held) {
            self.log.resume(&[input.at])?;
            input.is_held = false;
        }
        Ok(())
    }

    // --- faults ------------------------------------------------------------------------------------------------

    /// Drops the open batch and mends what can be mended, again and again until it works.
    fn recover(&mut self, fault: Fault) -> Result<(), Fault> {
        let mut fault = fault;
        loop {
            let mended = match &fault {
                Fault::Final(_) => return Err(fault),
                Fault::Passing(what) => {
                    self.shared.observer.troubled(what);
                    self.log.abort()
                }
                Fault::MustAbort(reason) => {
                    self.shared.observer.aborted(reason);
                    self.log.abort()
                }
                Fault::OutcomeUnknown(reason) => {
                    self.shared.observer.aborted(reason);
                    self.log.renew()
                }
            };
            match mended.and_then(|()| self.drop_batch()) {
                Ok(()) => return Ok(()),
                Err(next) => fault = next,
            }
            if self.is_stopping() {
                return Ok(());
            }
            self.wait_a_little();
        }
    }

    // --- partitions come and go --------------------------------------------------------------------------------

    fn on_assigned(&mut self, partitions: &[i32]) -> Result<(), Fault> {
        let now = self.clock.monotonic();
        self.shared.observer.assigned(partitions);
        let remembered = self.until_it_works(|log| log.remembered(partitions))?;
        self.until_it_works(|log| log.restore(partitions))?;
        let mut starts = Vec::new();
        for &partition in partitions {
            let mut inputs: Vec<_> =
                remembered.iter().filter(|known| known.input.partition == partition).cloned().collect();
            inputs.sort_by_key(|known| known.input);
            starts.extend(inputs.iter().map(|known| (known.input, taken_up_from(known))));
            let store = self.shared.partitions.open(partition);
            let restoring = Restoring { store, progress: None, started: now, records: 0, inputs };
            self.restoring.insert(partition, restoring);
        }
        self.until_it_works(|log| log.take_up(&starts))?;
        self.shared.status.restoring.store(self.restoring.len() as u64, Ordering::Relaxed);
        self.shared.status.joined.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Asks again until the answer is there, however long the log is away: what is asked here can't be left undone.
    fn until_it_works<T>(&mut self, mut ask: impl FnMut(&mut L) -> Result<T, Fault>) -> Result<T, Fault> {
        loop {
            match ask(&mut self.log) {
                Err(Fault::Passing(what)) if !self.is_stopping() => self.shared.observer.troubled(&what),
                other => return other,
            }
            self.wait_a_little();
        }
    }

    fn wait_a_little(&self) {
        self.say_alive();
        std::thread::sleep(BACK_OFF);
    }

    fn on_revoked(&mut self, lost: bool) -> Result<(), Fault> {
        self.shared.observer.revoked(lost);
        let ended = if lost { self.log.abort() } else { self.try_commit() };
        if let Err(fault) = ended {
            self.shared.observer.aborted(&fault.to_string());
            match fault {
                Fault::OutcomeUnknown(_) => self.log.renew()?,
                Fault::Final(_) => return Err(fault),
                Fault::Passing(_) | Fault::MustAbort(_) => {
                    if self.log.abort().is_err() {
                        self.log.renew()?;
                    }
                }
            }
        }
        self.batch = Batch::default();
        self.announcements.clear();
        self.drop_partitions();
        self.log.let_go()
    }

    fn drop_partitions(&mut self) {
        for partition in self.running.keys().chain(self.restoring.keys()) {
            self.shared.partitions.close(*partition);
        }
        self.running.clear();
        self.restoring.clear();
        self.shared.status.restoring.store(0, Ordering::Relaxed);
    }

    // --- restore -----------------------------------------------------------------------------------------------

    fn restore_some(&mut self) -> Result<(), Fault> {
        let restoring = &mut self.restoring;
        let mut unreadable = None;
        self.log.poll_restore(TICK, &mut |record| {
            if let Some(life) = restoring.get_mut(&record.partition) {
                life.records += 1;
                if let Err(error) = take_restored(&record, &life.store, &mut life.progress) {
                    unreadable.get_or_insert((record.partition, error));
                }
            }
        })?;
        if let Some((partition, error)) = unreadable {
            return Err(Fault::Final(format!("can't read the state of partition {partition}: {error}")));
        }
        let partitions: Vec<i32> = self.restoring.keys().copied().collect();
        for partition in partitions {
            let remaining = self.log.restore_remaining(partition)?;
            let Some(restoring) = self.restoring.get(&partition) else { continue };
            restoring.store.show(|seen| seen.restore_remaining = remaining);
            if remaining == 0 {
                self.start(partition)?;
            }
        }
        self.shared.status.restoring.store(self.restoring.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// The partition's state is whole: let its input flow.
    fn start(&mut self, partition: i32) -> Result<(), Fault> {
        let Some(restored) = self.restoring.remove(&partition) else { return Ok(()) };
        let now = self.clock.monotonic();
        let starts = starts_of(&restored, &self.shared.settings)?;
        let taken_up = restored.inputs.iter().map(taken_up_from);
        let elsewhere: Vec<_> = starts
            .iter()
            .zip(taken_up)
            .filter(|(start, taken_up)| start.1 != *taken_up)
            .map(|(start, _)| *start)
            .collect();
        self.shared.observer.restored(
            partition,
            restored.store.len(),
            restored.records,
            now.saturating_sub(restored.started),
        );
        let store = Arc::clone(&restored.store);
        let running = Running::new(restored, Arc::clone(&self.shared.policy), &self.shared.settings.fingerprint, &starts, now);
        let totals = *running.engine.totals();
        store.show(|seen| {
            seen.totals = totals;
            seen.is_running = true;
        });
        self.running.insert(partition, running);
        if !elsewhere.is_empty() {
            self.until_it_works(|log| log.rewind(&elsewhere))?;
        }
        let inputs: Vec<InputPartition> = starts.iter().map(|(input, _)| *input).collect();
        self.until_it_works(|log| log.resume(&inputs))
    }
}

/// A customer that a transaction changed: partition, id and new record; `None`: forgotten.
type Changed = (i32, CustomerId, Option<Box<[u8]>>);

fn move_time(
    running: &mut Running,
    settings: &Settings,
    wall: Option<EventTime>,
    announcements: &mut Vec<Announcement>,
) -> bool {
    let rules = WatermarkRules { allowed_lateness: settings.allowed_lateness };
    let mut idle = [false; Source::ALL.len()];
    for (idle, input) in idle.iter_mut().zip(&running.inputs) {
        *idle = input.idle;
    }
    let time = running.watermark.advance(&rules, &idle[..running.inputs.len()], wall);
    running.engine.advance(time, settings.max_timers_per_batch, announcements)
}

fn send_changes<L: Log>(
    log: &mut L,
    partition: i32,
    running: &Running,
    settings: &BTreeMap<String, String>,
    records: &mut Vec<Changed>,
) -> Result<(), Fault> {
    let to = Destination::State(partition);
    for (id, customer) in running.engine.changes() {
        let record = customer.map(customer_record::encode);
        log.send(&Outgoing { to, key: Some(&state_key::customer(id)), value: record.as_deref(), headers: &[] })?;
        records.push((partition, id.clone(), record));
    }
    let progress = running.progress(settings).encode();
    log.send(&Outgoing { to, key: Some(&StateKey::Progress.encode()), value: Some(&progress), headers: &[] })
}

fn take_restored(
    record: &Restored<'_>,
    store: &PartitionStore,
    progress: &mut Option<Progress>,
) -> Result<(), customer_record::Unreadable> {
    match (StateKey::decode(record.key), record.value) {
        (Some(StateKey::Customer(id)), Some(value)) => {
            customer_record::decode(value)?;
            store.put(id, value.into());
        }
        (Some(StateKey::Customer(id)), None) => store.remove(&id),
        (Some(StateKey::Progress), Some(value)) => *progress = Some(Progress::decode(value)?),
        (Some(StateKey::Progress), None) => *progress = None,
        (None, _) => return Err(customer_record::Unreadable::Damaged("a key of an unknown kind")),
    }
    Ok(())
}

/// Where reading is set to before the changelog has been read.
fn taken_up_from(known: &Remembered) -> i64 {
    known.committed.as_ref().map_or(known.low, |(offset, _)| *offset)
}

/// Where to read on. The changelog and the group agree, as both were written in one transaction; where the group has
/// forgotten (its offsets have a retention of their own), the changelog still knows.
fn starts_of(restored: &Restoring, settings: &Settings) -> Result<Vec<(InputPartition, i64)>, Fault> {
    let start = |known: &Remembered| Ok((known.input, start_of(known, restored.progress.as_ref(), settings)?));
    restored.inputs.iter().map(start).collect()
}

fn start_of(known: &Remembered, progress: Option<&Progress>, settings: &Settings) -> Result<i64, Fault> {
    let InputPartition { source, partition } = known.input;
    let stored = progress.and_then(|progress| progress.inputs.get(source.name())).map(|input| input.next_offset);
    let Some(next) = known.committed.as_ref().map(|(offset, _)| *offset).or(stored) else {
        return Ok(known.low);
    };
    let name = settings.topic(source);
    if next < known.low {
        return Err(Fault::Final(format!(
            "records of topic {name}, partition {partition}, from offset {next} to {} have expired before they were read; \
             going on would lose them silently. To accept the loss, set the group's offset to {} and start again",
            known.low, known.low
        )));
    }
    if next > known.high {
        return Err(Fault::Final(format!(
            "topic {name}, partition {partition}, ends at offset {}, but the group has already read up to {next}: the \
             topic was made anew or cut. Use a new group and state topic for a new topic",
            known.high
        )));
    }
    Ok(next)
}
