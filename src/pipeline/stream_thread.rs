//! The loop of one stream thread. It owns its consumer, its transactional producer and the state of its partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::batch::Batch;
use super::life::{Input, Kept, Restoring, Running};
use super::ports::{Clock, Destination, Fault, InputRecord, Invariant, Listener, Log, Observer, Outgoing, Polled};
use super::record::{Taken, read};
use super::settings::Settings;
use crate::domain::{EventTime, Policy, Signal};
use crate::engine::{Announcement, Cause, WatermarkRules};
use crate::store::Partitions;
use crate::wire::{self, Source, cloud_event};

/// How often idleness, lag and time are looked at when nothing else happens.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// A poll that takes longer waited for records.
const WAITED: Duration = Duration::from_micros(200);

/// How many records are read in one turn of the loop.
const POLLED_AT_ONCE: usize = 32;

/// How many customers are looked at by new settings in one turn: a few milliseconds' work.
const RECONSIDERED_AT_ONCE: usize = 1000;

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
    /// Who hears signals once they are committed.
    pub listener: Arc<dyn Listener>,
    /// What the thread says of itself.
    pub status: Arc<Status>,
    /// Which of the process's stream threads it is.
    pub thread: usize,
    /// Set when the process is to end.
    pub stop: Arc<AtomicBool>,
}

/// One stream thread.
pub struct StreamThread<L, K> {
    pub(super) log: L,
    pub(super) clock: K,
    pub(super) shared: Shared,
    pub(super) restoring: BTreeMap<i32, Restoring>,
    pub(super) running: BTreeMap<i32, Running>,
    pub(super) kept: BTreeMap<i32, Kept>,
    pub(super) batch: Batch,
    pub(super) announcements: Vec<Announcement>,
    /// What was polled and not yet put where it waits for its turn.
    taken: Vec<Taken>,
    /// The signal being sent, kept for its room.
    encoded: Vec<u8>,
    pub(super) ticked: Duration,
    pub(super) more_due: bool,
    /// When it was last polled.
    pub(super) polled: Duration,
    /// How long it did anything but wait for records.
    pub(super) busy: Duration,
    /// The thread's beat on which it commits next, if there is anything to commit.
    pub(super) next_beat: Duration,
    /// A number that no other stream thread has, living or dead.
    pub(super) by: u64,
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
            kept: BTreeMap::new(),
            batch: Batch::default(),
            announcements: Vec::new(),
            taken: Vec::new(),
            encoded: Vec::new(),
            ticked: Duration::ZERO,
            more_due: false,
            polled: Duration::ZERO,
            busy: Duration::ZERO,
            next_beat: Duration::ZERO,
            by: RandomState::new().build_hasher().finish(),
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

    pub(super) fn say_alive(&self) {
        self.shared.status.turned_ms.store(self.clock.monotonic().as_millis() as u64, Ordering::Relaxed);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    fn turn(&mut self) -> Result<(), Fault> {
        if !self.restoring.is_empty() {
            self.restore_some()?;
        }
        let asked = self.clock.monotonic();
        let polled = self.poll(self.poll_wait(asked))?;
        let now = self.clock.monotonic();
        let is_work = now.saturating_sub(asked) < WAITED;
        self.busy += if is_work { now } else { asked }.saturating_sub(self.polled);
        if polled == Polled::Nothing || now.saturating_sub(self.polled) >= TICK {
            self.running.values_mut().for_each(|running| running.pause(now));
        }
        self.polled = now;
        match polled {
            Polled::Nothing | Polled::Record => self.take(now)?,
            // What came before it is read again by whoever has the partitions then: nothing may go before the answer.
            Polled::Assigned(partitions) => return self.on_assigned(&partitions),
            Polled::Revoked { lost } => return self.on_revoked(lost),
        }
        if now.saturating_sub(self.ticked) >= TICK || self.more_due {
            self.ticked = now;
            self.tick(now)?;
        }
        let is_full = self.batch.records >= self.shared.settings.max_batch_records;
        let is_due = self.commit_due().is_some_and(|due| now >= due);
        if is_full || is_due { self.try_commit() } else { Ok(()) }
    }

    /// When the open batch is to be committed: an interval after the last commit began, as nearly as the thread's own
    /// beat has it. After a quiet time that is at once, but for a little in which more may come.
    fn commit_due(&self) -> Option<Duration> {
        let opened = self.batch.opened_at?;
        Some(self.next_beat.max(opened + self.shared.settings.commit_interval / 10))
    }

    fn poll_wait(&self, now: Duration) -> Duration {
        if !self.restoring.is_empty() || self.more_due {
            return Duration::ZERO;
        }
        let until_commit = self.commit_due().map(|due| due.saturating_sub(now));
        until_commit.unwrap_or(TICK).min(TICK)
    }

    // --- records -----------------------------------------------------------------------------------------------

    /// Waits for the next happening, and reads what else is there: looking at clocks costs as much as a record does.
    fn poll(&mut self, wait: Duration) -> Result<Polled, Fault> {
        self.taken.clear();
        let (log, taken, settings, clock) = (&mut self.log, &mut self.taken, &self.shared.settings, &self.clock);
        let mut latest = None;
        let mut take = |record: InputRecord<'_>| {
            let latest = *latest.get_or_insert_with(|| settings.max_future_skew.map(|skew| clock.wall() + skew));
            taken.push(read(&record, settings, latest));
        };
        let mut polled = log.poll(wait, &mut take)?;
        let mut read = 1;
        while polled == Polled::Record && read < POLLED_AT_ONCE {
            match log.poll(Duration::ZERO, &mut take)? {
                Polled::Nothing => break,
                other => polled = other,
            }
            read += 1;
        }
        Ok(polled)
    }

    /// Takes in what was polled.
    fn take(&mut self, now: Duration) -> Result<(), Fault> {
        let mut of = BTreeSet::new();
        for taken in self.taken.drain(..) {
            let (partition, offset) = (taken.from.partition, taken.offset);
            // Held back until it runs: reading is set to the right offset before it is let go on.
            let Some(running) = self.running.get_mut(&partition) else { continue };
            if running.enqueue(taken) {
                of.insert(partition);
            } else {
                let detail = format!("partition {partition}: offset {offset} came after a later one");
                self.shared.observer.invariant_failed(Invariant::OffsetsRise, &detail);
            }
        }
        of.into_iter().try_for_each(|partition| self.work(partition, now))
    }

    /// Takes in what is ready of a partition, until the batch is full. After settings have changed everybody is looked at
    /// first, in as many batches as it takes.
    fn work(&mut self, partition: i32, now: Duration) -> Result<(), Fault> {
        if self.reconsider(partition, now) {
            return self.regulate(partition);
        }
        while self.batch.records < self.shared.settings.max_batch_records {
            let Some(running) = self.running.get_mut(&partition) else { return Ok(()) };
            let (log, merge_wait) = (&self.log, self.shared.settings.merge_wait);
            let look = |input: &Input| log.backlog(input.at, input.read_offset);
            let Some((place, taken)) = running.next_ready(now, merge_wait, look) else {
                return self.regulate(partition);
            };
            self.batch.touch(partition, now);
            self.batch.records += 1;
            self.apply(partition, place, taken, now)?;
        }
        self.more_due = true;
        self.regulate(partition)
    }

    /// Looks at some customers of a partition by new settings; says whether there were any to be looked at.
    fn reconsider(&mut self, partition: i32, now: Duration) -> bool {
        let Some(running) = self.running.get_mut(&partition).filter(|running| running.is_reconsidering()) else {
            return false;
        };
        let room = self.shared.settings.max_batch_records.saturating_sub(self.batch.records);
        let changed = running.reconsider(room.min(RECONSIDERED_AT_ONCE));
        if changed > 0 {
            self.batch.touch(partition, now);
            self.batch.records += changed;
        }
        self.more_due = true;
        true
    }

    fn apply(&mut self, partition: i32, place: usize, taken: Taken, now: Duration) -> Result<(), Fault> {
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
                self.announce(partition, now, written_ms, traceparent.as_deref())
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
        let most = self.shared.settings.max_waiting_records;
        let Some(running) = self.running.get_mut(&partition) else { return Ok(()) };
        for input in &mut running.inputs {
            if !input.is_held && input.queue.len() >= most {
                self.log.hold(&[input.at])?;
                input.is_held = true;
            } else if input.is_held && input.queue.len() < most / 2 {
                self.log.resume(&[input.at])?;
                input.is_held = false;
            }
        }
        Ok(())
    }

    /// Sends what there is to tell.
    fn announce(
        &mut self,
        partition: i32,
        now: Duration,
        written_ms: Option<i64>,
        traceparent: Option<&str>,
    ) -> Result<(), Fault> {
        if self.announcements.is_empty() {
            return Ok(());
        }
        self.batch.touch(partition, now);
        self.batch.records += self.announcements.len();
        let announcements = mem::take(&mut self.announcements);
        for Announcement { signal, cause } in &announcements {
            let caused_by_record = *cause == Cause::Event;
            let source = &self.shared.settings.event_source;
            let headers = cloud_event::Headers::of(signal, source, traceparent.filter(|_| caused_by_record));
            self.encoded.clear();
            wire::signal::encode_into(signal, &mut self.encoded);
            let (key, value) = (signal.customer().as_str().as_bytes(), &self.encoded);
            let to = match signal {
                Signal::ReturningCustomer(_) => Destination::ReturningCustomers,
                Signal::ChurnRisk(_) => Destination::ChurnRisk,
            };
            let log = &mut self.log;
            headers.list(|headers| log.send(&Outgoing { to, key: Some(key), value: Some(value), headers }))?;
            let kind = signal.kind();
            *self.batch.summary.signals.entry(kind).or_default() += 1;
            self.batch.keep(self.shared.listener.is_listening(), kind.names().0, value);
            self.batch.caused_ms.extend(written_ms.filter(|_| caused_by_record));
        }
        self.announcements = announcements;
        self.announcements.clear();
        Ok(())
    }

    // --- time --------------------------------------------------------------------------------------------------

    fn tick(&mut self, now: Duration) -> Result<(), Fault> {
        self.more_due = false;
        self.forget_kept(now);
        self.shared.observer.usage(self.shared.thread, self.busy, &self.log.usage());
        let now_on_the_wall = self.clock.wall();
        let wall = self.shared.settings.wall_clock.then_some(now_on_the_wall);
        let partitions: Vec<i32> = self.running.keys().copied().collect();
        for partition in partitions {
            self.work(partition, now)?;
            let Some(running) = self.running.get_mut(&partition) else { continue };
            for input in &mut running.inputs {
                input.backlog = self.log.backlog(input.at, input.read_offset);
            }
            if !running.is_reconsidering() {
                if let Some(last) = running.fall_idle(now, self.shared.settings.idle_after) {
                    // All at once, as after a backlog: time goes by whoever was read last, and stands only then.
                    running.inputs[last].idle = false;
                    self.more_due |= move_time(running, &self.shared.settings, None, &mut self.announcements);
                    running.inputs[last].idle = true;
                }
                self.more_due |= move_time(running, &self.shared.settings, wall, &mut self.announcements);
            }
            let has_changes = running.engine.has_changes();
            running.store.show(|seen| {
                seen.backlog = running.inputs.iter().map(Input::left).collect();
                seen.lag_seconds = running.inputs.iter().map(|input| input.lag_seconds(now_on_the_wall)).collect();
                seen.idle = running.inputs.iter().map(|input| input.idle).collect();
                seen.timers = running.engine.timers_pending();
                let time = running.engine.time();
                seen.time = (time != EventTime::BEGINNING).then_some(time);
                if !has_changes {
                    seen.counted_at = seen.time;
                }
            });
            if running.has_to_tell() {
                self.batch.touch(partition, now);
            }
            self.announce(partition, now, None, None)?;
        }
        Ok(())
    }
}

/// The first beat of a stream thread from an instant on. Each thread has its own, about as far from all others' as can
/// be: while one waits for its commit, others are to have work left to do.
pub(super) fn next_beat(from: Duration, interval: Duration, thread: usize) -> Duration {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let shift = interval.mul_f64((thread as f64 * GOLDEN).fract());
    let since = (from + interval - shift).as_nanos() % interval.as_nanos().max(1);
    if since == 0 { from } else { from + interval - Duration::from_nanos(since as u64) }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_commit_one_after_the_other_each_once_an_interval() {
        let interval = Duration::from_millis(100);
        let mut beats = Vec::new();
        for thread in 0..4 {
            let mut at = Duration::from_secs(5);
            let mut of_thread = Vec::new();
            for late in [0, 3, 49, 0, 12] {
                at = next_beat(at + interval / 2, interval, thread);
                of_thread.push(at);
                // It begins when the thread gets round to it, which moves no later one.
                at += Duration::from_millis(late);
            }
            assert!(of_thread.windows(2).all(|pair| pair[1] - pair[0] == interval), "{of_thread:?}");
            beats.push(of_thread[0].as_millis() % 100);
        }
        let apart = |one: u128, other: u128| one.abs_diff(other).min(100 - one.abs_diff(other));
        for (place, beat) in beats.iter().enumerate() {
            assert!(beats[..place].iter().all(|other| apart(*beat, *other) > 14), "{beats:?}");
        }
    }
}
