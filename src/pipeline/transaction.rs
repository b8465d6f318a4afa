//! How a stream thread's batch ends: committed, dropped, or settled when nobody can tell.

use std::mem;
use std::time::Duration;

use super::batch::Batch;
use super::life::Running;
use super::ports::{AbortCause, Clock, CommitTimes, Destination, Fault, Invariant, Log, Observer, Outgoing, Position};
use super::stream_thread::{StreamThread, next_beat};
use crate::wire::state_key::{self, StateKey};
use crate::wire::{day_record, tallies_record};

impl<L: Log, K: Clock> StreamThread<L, K> {
    pub(super) fn try_commit(&mut self) -> Result<(), Fault> {
        if !self.batch.is_open() {
            return Ok(());
        }
        let interval = self.shared.settings.commit_interval;
        self.next_beat = next_beat(self.clock.monotonic() + interval / 2, interval, self.shared.thread);
        let mut positions = Vec::new();
        for partition in &self.batch.partitions {
            let Some(running) = self.running.get_mut(partition) else { continue };
            running.state_sent = send_changes(&mut self.log, *partition, running)?;
            positions.extend(running.positions(self.by));
        }
        match self.log.commit(&positions) {
            Ok(times) => {
                self.publish(&times);
                Ok(())
            }
            Err(Fault::OutcomeUnknown(reason)) => self.settle(&positions, &reason),
            Err(fault) => Err(fault),
        }
    }

    /// The transaction took place: now, and only now, readers may see it.
    fn publish(&mut self, times: &CommitTimes) {
        let mut batch = mem::take(&mut self.batch);
        let touched = batch.partitions.iter().filter_map(|partition| self.running.get(partition));
        batch.summary.timers_fired = touched.map(|running| running.engine.fired()).sum();
        for partition in &batch.partitions {
            let Some(running) = self.running.get_mut(partition) else { continue };
            batch.summary.customers += running.store.take_over(running.engine.take_changes());
            running.confirm();
            if let Some(detail) = running.doubt.take() {
                self.shared.observer.invariant_failed(Invariant::OffsetsAgree, &detail);
            }
            let totals = *running.engine.totals();
            if !totals.add_up() {
                let detail = format!("partition {partition}: {totals:?}");
                self.shared.observer.invariant_failed(Invariant::CountsAddUp, &detail);
            }
            running.store.show(|seen| {
                seen.totals = totals;
                seen.commits += 1;
            });
        }
        let wall = self.clock.wall().millis();
        let delays = batch.caused_ms.iter().map(|ms| Duration::from_millis((wall - ms).max(0) as u64));
        batch.summary.delays = delays.collect();
        self.shared.observer.committed(&batch.summary, times);
        let signals: u64 = batch.summary.signals.values().sum();
        if signals > 0 {
            self.shared.listener.committed(signals, batch.last_signals);
        }
    }

    /// Nobody can tell whether the transaction took place. A new producer settles it, the group's memory tells.
    fn settle(&mut self, positions: &[Position], reason: &str) -> Result<(), Fault> {
        let partitions: Vec<i32> = self.batch.partitions.iter().copied().collect();
        self.until_it_works(L::renew)?;
        let remembered = self.until_it_works(|log| log.remembered(&partitions))?;
        let took_place = positions.first().is_some_and(|position| {
            let now = remembered.iter().find(|remembered| remembered.input == position.input);
            now.and_then(|now| now.committed.as_ref()).is_some_and(|(_, note)| *note == position.note)
        });
        self.shared.observer.outcome_settled(took_place, reason);
        if took_place {
            self.publish(&CommitTimes::default());
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

    /// Drops the open batch and mends what can be mended, again and again until it works.
    pub(super) fn recover(&mut self, fault: Fault) -> Result<(), Fault> {
        let mut fault = fault;
        let mut is_counted = false;
        // A batch is dropped once, however long it takes to mend what it was dropped for.
        let mut dropped = |observer: &dyn Observer, fault: &Fault, reason: &str| match is_counted {
            false => {
                is_counted = true;
                observer.aborted(AbortCause::of(fault), reason);
            }
            true => observer.troubled(reason),
        };
        loop {
            let observer = &*self.shared.observer;
            let mended = match &fault {
                Fault::Final(_) => return Err(fault),
                Fault::Passing(what) if !self.batch.is_open() => {
                    observer.troubled(what);
                    self.log.abort()
                }
                Fault::Passing(reason) | Fault::MustAbort(reason) => {
                    dropped(observer, &fault, reason);
                    self.log.abort()
                }
                Fault::OutcomeUnknown(reason) => {
                    dropped(observer, &fault, reason);
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
}

/// Sends what the open batch changes of a partition to its changelog; says how many records that took.
fn send_changes<L: Log>(log: &mut L, partition: i32, running: &Running) -> Result<i64, Fault> {
    let mut sent = 0;
    let mut send = |key: &[u8], value: Option<&[u8]>| {
        sent += 1;
        log.send(&Outgoing { to: Destination::State(partition), key: Some(key), value, headers: &[] })
    };
    for (id, record) in running.engine.records() {
        send(&state_key::customer(id), record.map(|record| &**record))?;
    }
    for section in running.engine.changed_sections() {
        send(&StateKey::Tallies(section.at).encode(), tallies_record::encode(&section).as_deref())?;
    }
    for (day, rates) in running.engine.changed_days() {
        send(&StateKey::DayEnd(day).encode(), rates.map(day_record::encode).as_deref())?;
    }
    send(&StateKey::Progress.encode(), Some(&running.progress().encode()))?;
    Ok(sent)
}
