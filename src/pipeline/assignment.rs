//! Partitions that come to a stream thread and leave it: restored before their input flows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::batch::Batch;
use super::life::{Kept, NOTE_BEGINS, Restoring, Running};
use super::ports::{AbortCause, Clock, Fault, InputPartition, Log, Remembered, Restored};
use super::settings::Settings;
use super::stream_thread::{StreamThread, TICK};
use crate::domain::EventTime;
use crate::wire::progress_record::Progress;
use crate::wire::state_key::StateKey;
use crate::wire::{customer_record, day_record, tallies_record};

/// How long to wait before something that failed is tried again.
const BACK_OFF: Duration = Duration::from_millis(200);

/// How long a partition's state is kept that is elsewhere: far less than the brokers keep tombstones.
const KEPT_FOR: Duration = Duration::from_secs(600);

impl<L: Log, K: Clock> StreamThread<L, K> {
    pub(super) fn on_assigned(&mut self, partitions: &[i32]) -> Result<(), Fault> {
        let now = self.clock.monotonic();
        let known = self.shared.settings.partitions;
        if let Some(new) = partitions.iter().max().filter(|partition| **partition >= known) {
            return Err(repartitioned(known, &format!("at least {}", new + 1)));
        }
        self.shared.observer.assigned(partitions);
        self.forget_kept(now);
        let remembered = self.until_it_works(|log| log.remembered(partitions))?;
        let mut starts = Vec::new();
        let mut changelogs = Vec::new();
        for &partition in partitions {
            let mut inputs: Vec<_> =
                remembered.iter().filter(|known| known.input.partition == partition).cloned().collect();
            inputs.sort_by_key(|known| known.input);
            for known in inputs.iter().filter(|known| known.committed.is_some()) {
                // Before anything is fetched from there: the client's own complaint would not say what is lost.
                start_of(known, None, &self.shared.settings)?;
            }
            starts.extend(inputs.iter().map(|known| (known.input, taken_up_from(known))));
            let kept = self.kept.remove(&partition);
            changelogs.push((partition, kept.as_ref().map(|kept| kept.state_end)));
            self.restoring.insert(partition, self.begin_restoring(partition, kept, inputs, now));
        }
        self.until_it_works(|log| log.restore(&changelogs))?;
        self.until_it_works(|log| log.take_up(&starts))?;
        self.shared.status.restoring.store(self.restoring.len() as u64, Ordering::Relaxed);
        self.shared.status.joined.store(true, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn forget_kept(&mut self, now: Duration) {
        self.kept.retain(|_, kept| now.saturating_sub(kept.since) < KEPT_FOR);
    }

    fn begin_restoring(&self, partition: i32, kept: Option<Kept>, inputs: Vec<Remembered>, now: Duration) -> Restoring {
        let Some(kept) = kept else {
            let store = self.shared.partitions.open(partition);
            let (sections, days) = (BTreeMap::new(), BTreeMap::new());
            let (records, missing_at, stood_still_since) = (0, None, None);
            return Restoring {
                store,
                progress: None,
                sections,
                days,
                started: now,
                records,
                inputs,
                missing_at,
                stood_still_since,
            };
        };
        self.shared.partitions.reopen(partition, &kept.store);
        Restoring {
            store: kept.store,
            progress: Some(kept.progress),
            sections: kept.sections,
            days: kept.days,
            started: now,
            records: 0,
            inputs,
            missing_at: None,
            stood_still_since: Some(kept.since),
        }
    }

    /// Asks again until the answer is there, however long the log is away: what is asked here can't be left undone.
    pub(super) fn until_it_works<T>(&mut self, mut ask: impl FnMut(&mut L) -> Result<T, Fault>) -> Result<T, Fault> {
        loop {
            match ask(&mut self.log) {
                Err(Fault::Passing(what)) if !self.is_stopping() => self.shared.observer.troubled(&what),
                other => return other,
            }
            self.wait_a_little();
        }
    }

    pub(super) fn wait_a_little(&self) {
        self.say_alive();
        self.clock.sleep(BACK_OFF);
    }

    pub(super) fn on_revoked(&mut self, lost: bool) -> Result<(), Fault> {
        self.shared.observer.revoked(lost);
        if lost && self.batch.is_open() {
            self.shared.observer.aborted(AbortCause::Lost, "the group took the partitions away");
        }
        let ended = if lost { self.log.abort() } else { self.try_commit() };
        if let Err(fault) = ended {
            if lost {
                self.shared.observer.troubled(&fault.to_string());
            } else {
                self.shared.observer.aborted(AbortCause::of(&fault), &fault.to_string());
            }
            // The group waits for our answer: whatever the brokers do, it is given.
            match fault {
                Fault::OutcomeUnknown(_) => self.until_it_works(L::renew)?,
                Fault::Final(_) => return Err(fault),
                Fault::Passing(_) | Fault::MustAbort(_) => {
                    if self.log.abort().is_err() {
                        self.until_it_works(L::renew)?;
                    }
                }
            }
        }
        self.batch = Batch::default();
        self.announcements.clear();
        let now = self.clock.monotonic();
        let running = std::mem::take(&mut self.running);
        for (partition, running) in running {
            self.shared.partitions.close(partition);
            // What was lost may have been written to by others, though we could not have noticed.
            self.kept.extend(running.keep(now).filter(|_| !lost).map(|kept| (partition, kept)));
        }
        self.drop_partitions();
        self.log.let_go()
    }

    pub(super) fn drop_partitions(&mut self) {
        for partition in self.running.keys().chain(self.restoring.keys()) {
            self.shared.partitions.close(*partition);
        }
        self.running.clear();
        self.restoring.clear();
        self.shared.status.restoring.store(0, Ordering::Relaxed);
    }

    pub(super) fn restore_some(&mut self) -> Result<(), Fault> {
        let restoring = &mut self.restoring;
        let mut unreadable = None;
        self.log.poll_restore(TICK, &mut |record| {
            if let Some(life) = restoring.get_mut(&record.partition) {
                life.records += 1;
                if let Err(error) = take_restored(&record, life) {
                    unreadable.get_or_insert((record.partition, error));
                }
            }
        })?;
        if let Some((partition, error)) = unreadable {
            return Err(Fault::Final(format!("can't read the state of partition {partition}: {error}")));
        }
        let partitions: Vec<i32> = self.restoring.keys().copied().collect();
        for partition in partitions {
            let up_to = self.log.restored(partition)?;
            let Some(restoring) = self.restoring.get(&partition) else { continue };
            restoring.store.show(|seen| seen.restore_remaining = up_to.remaining);
            if up_to.remaining == 0 {
                self.start(partition, up_to.next_offset)?;
            }
        }
        if self.restoring.is_empty() {
            self.log.restore(&[])?;
        }
        self.shared.status.restoring.store(self.restoring.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// The partition's state is whole: let its input flow.
    fn start(&mut self, partition: i32, state_end: i64) -> Result<(), Fault> {
        let Some(mut restored) = self.restoring.remove(&partition) else { return Ok(()) };
        let now = self.clock.monotonic();
        let taken_up: Vec<i64> = restored.inputs.iter().map(taken_up_from).collect();
        if starts_of(&restored, &self.shared.settings).is_err() {
            // What was known may be old: while this process stood still others may have gone on.
            restored.inputs = self.until_it_works(|log| log.remembered(&[partition]))?;
            restored.inputs.sort_by_key(|known| known.input);
        }
        let starts = starts_of(&restored, &self.shared.settings)?;
        if is_missing(&restored) {
            return self.read_on(partition, restored, state_end);
        }
        if let Some(before) = restored.progress.as_ref().and_then(|progress| progress.partitions)
            && before != self.shared.settings.partitions
        {
            return Err(repartitioned(before, &self.shared.settings.partitions.to_string()));
        }
        let doubt = disagreement(&restored);
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
            restored.stood_still_since.map(|since| now.saturating_sub(since)),
        );
        let store = Arc::clone(&restored.store);
        let mut running =
            Running::new(restored, Arc::clone(&self.shared.policy), &self.shared.settings, &starts, state_end, now);
        running.doubt = doubt;
        let (totals, counts) = (*running.engine.totals(), Arc::clone(running.engine.tallies().committed()));
        let days = Arc::clone(running.engine.days());
        let time = running.engine.time();
        store.show(|seen| {
            seen.totals = totals;
            seen.counts = counts;
            seen.days = days;
            seen.time = (time != EventTime::BEGINNING).then_some(time);
            seen.counted_at = seen.time;
            seen.is_running = true;
        });
        self.running.insert(partition, running);
        if !elsewhere.is_empty() {
            self.until_it_works(|log| log.rewind(&elsewhere))?;
        }
        let inputs: Vec<InputPartition> = starts.iter().map(|(input, _)| *input).collect();
        self.until_it_works(|log| log.resume(&inputs))
    }

    /// Up to its end the changelog does not hold what it must. If this process stood still while others went on, that is
    /// further on by now, and compaction has taken what was there: read on. If it still ends there, the state is gone.
    fn read_on(&mut self, partition: i32, mut restored: Restoring, state_end: i64) -> Result<(), Fault> {
        if restored.missing_at == Some(state_end) {
            return Err(Fault::Final(format!(
                "the state of partition {partition} is gone, though the group has read on: the state topic was made anew \
                 or emptied. Going on would take every customer for new. Put it back, or use a new group to read \
                 everything again"
            )));
        }
        restored.missing_at = Some(state_end);
        self.restoring.insert(partition, restored);
        let mut changelogs = Vec::new();
        for partition in self.restoring.keys() {
            changelogs.push((*partition, Some(self.log.restored(*partition)?.next_offset)));
        }
        self.until_it_works(|log| log.restore(&changelogs))
    }
}

/// A customer whose key now belongs to another partition would be new there, and silent where they were.
fn repartitioned(before: i32, now: &str) -> Fault {
    Fault::Final(format!(
        "the topics had {before} partitions when their state was made, and now have {now}: many customers' events would \
         go where nothing is known of them. State can't be moved between partitions; make it anew, as \
         docs/operations.md says (Changing the number of partitions)"
    ))
}

fn take_restored(record: &Restored<'_>, life: &mut Restoring) -> Result<(), customer_record::Unreadable> {
    match (StateKey::decode(record.key), record.value) {
        (Some(StateKey::Customer(id)), Some(value)) => {
            customer_record::decode(value)?;
            life.store.put(id, value.into());
        }
        (Some(StateKey::Customer(id)), None) => life.store.remove(&id),
        (Some(StateKey::Progress), Some(value)) => life.progress = Some(Progress::decode(value)?),
        (Some(StateKey::Progress), None) => life.progress = None,
        (Some(StateKey::Tallies(at)), Some(value)) => {
            life.sections.insert(at, tallies_record::decode(at, value)?);
        }
        (Some(StateKey::Tallies(at)), None) => drop(life.sections.remove(&at)),
        (Some(StateKey::DayEnd(day)), Some(value)) => drop(life.days.insert(day, day_record::decode(value)?)),
        (Some(StateKey::DayEnd(day)), None) => drop(life.days.remove(&day)),
        (None, _) => return Err(customer_record::Unreadable::Damaged("a key of an unknown kind")),
    }
    Ok(())
}

/// The group's offsets and the changelog's are written in one transaction. Offsets that somebody set by hand differ too.
fn disagreement(restored: &Restoring) -> Option<String> {
    let progress = restored.progress.as_ref()?;
    restored.inputs.iter().find_map(|known| {
        let InputPartition { source, partition } = known.input;
        let (committed, _) = known.committed.as_ref()?;
        let stored = progress.inputs.get(source.name())?.next_offset;
        let text = || format!("{} {partition}: the group says {committed}, the changelog {stored}", source.name());
        (*committed != stored).then(text)
    })
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

/// Whoever committed offsets wrote their progress in the same transaction. Going on without it would take everybody for
/// new.
fn is_missing(restored: &Restoring) -> bool {
    let mut committed = restored.inputs.iter().filter_map(|known| known.committed.as_ref());
    restored.progress.is_none() && committed.any(|(_, note)| note.starts_with(NOTE_BEGINS))
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
