//! How a stream thread's batch ends: committed, dropped, or settled when nobody can tell.

use std::mem;
use std::time::Duration;

use super::batch::Batch;
use super::life::Running;
use super::ports::{AbortCause, Clock, Committed, Destination, Fault, Invariant, Log, Outgoing, Position};
use super::stream_thread::StreamThread;
use crate::wire::state_key::{self, StateKey};
use crate::wire::{day_record, tallies_record};

impl<L: Log, K: Clock> StreamThread<L, K> {
    pub(super) fn try_commit(&mut self) -> Result<(), Fault> {
        if !self.batch.is_open() {
            return Ok(());
        }
        self.commit_began = self.clock.monotonic();
        let mut positions = Vec::new();
        for partition in &self.batch.partitions {
            let Some(running) = self.running.get(partition) else { continue };
            send_changes(&mut self.log, *partition, running)?;
            positions.extend(running.positions(self.by));
        }
        match self.log.commit(&positions) {
            Ok(committed) => {
                self.publish(&committed);
                Ok(())
            }
            Err(Fault::OutcomeUnknown(reason)) => self.settle(&positions, &reason),
            Err(fault) => Err(fault),
        }
    }

    /// The transaction took place: now, and only now, readers may see it.
    fn publish(&mut self, committed: &Committed) {
        let mut batch = mem::take(&mut self.batch);
        let touched = batch.partitions.iter().filter_map(|partition| self.running.get(partition));
        batch.summary.timers_fired = touched.map(|running| running.engine.fired()).sum();
        for partition in &batch.partitions {
            let Some(running) = self.running.get_mut(partition) else { continue };
            batch.summary.customers += running.store.take_over(running.engine.take_changes());
            let state_end = committed.state_ends.iter().find(|(written, _)| written == partition);
            running.confirm(state_end.map(|(_, end)| *end));
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
        self.shared.observer.committed(&batch.summary, &committed.times);
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
            self.publish(&Committed::default());
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
        loop {
            let mended = match &fault {
                Fault::Final(_) => return Err(fault),
                Fault::Passing(what) if !self.batch.is_open() => {
                    self.shared.observer.troubled(what);
                    self.log.abort()
                }
                Fault::Passing(reason) | Fault::MustAbort(reason) => {
                    self.shared.observer.aborted(AbortCause::of(&fault), reason);
                    self.log.abort()
                }
                Fault::OutcomeUnknown(reason) => {
                    self.shared.observer.aborted(AbortCause::of(&fault), reason);
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

fn send_changes<L: Log>(log: &mut L, partition: i32, running: &Running) -> Result<(), Fault> {
    let to = Destination::State(partition);
    for (id, record) in running.engine.records() {
        let value = record.map(|record| &**record);
        log.send(&Outgoing { to, key: Some(&state_key::customer(id)), value, headers: &[] })?;
    }
    for section in running.engine.changed_sections() {
        let (key, value) = (StateKey::Tallies(section.at).encode(), tallies_record::encode(&section));
        log.send(&Outgoing { to, key: Some(&key), value: value.as_deref(), headers: &[] })?;
    }
    for (day, rates) in running.engine.changed_days() {
        let (key, value) = (StateKey::DayEnd(day).encode(), rates.map(day_record::encode));
        log.send(&Outgoing { to, key: Some(&key), value: value.as_deref(), headers: &[] })?;
    }
    let progress = running.progress().encode();
    log.send(&Outgoing { to, key: Some(&StateKey::Progress.encode()), value: Some(&progress), headers: &[] })
}
