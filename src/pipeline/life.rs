//! A partition's life in this process: restoring, then running.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::ports::{InputPartition, Position, Remembered};
use super::record::Taken;
use super::settings::Settings;
use crate::domain::time::Day;
use crate::domain::{CustomerId, EventTime, Policy};
use crate::engine::tallies::Section;
use crate::engine::{DayEnd, Partition, Rank, Watermark};
use crate::store::PartitionStore;
use crate::store::ranking::Unranked;
use crate::wire::progress_record::{Erased, InputProgress, Progress};

/// How the note of every transaction begins.
pub(super) const NOTE_BEGINS: &str = "sequence=";

/// For how long an input that was read to its end is taken to be so while records of others keep coming: looking costs
/// more than a record.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// For how long after a pause that does not hold: what was written meanwhile, to several inputs, comes all at once.
const STEADY_AFTER: Duration = Duration::from_millis(50);

/// A partition whose changelog is being read.
pub(super) struct Restoring {
    pub(super) store: Arc<PartitionStore>,
    pub(super) progress: Option<Progress>,
    /// Settled counts, by section.
    pub(super) sections: BTreeMap<i32, Section>,
    /// The rates at the end of each business day.
    pub(super) days: BTreeMap<Day, DayEnd>,
    pub(super) started: Duration,
    pub(super) records: u64,
    pub(super) inputs: Vec<Remembered>,
    /// Where the changelog ended when it did not hold what it must.
    pub(super) missing_at: Option<i64>,
    /// When it was last at work here, if its state was kept since.
    pub(super) stood_still_since: Option<Duration>,
}

/// A partition that the group took back, kept for the case that it comes again: then only what its changelog got
/// meanwhile has to be read.
pub(super) struct Kept {
    pub(super) store: Arc<PartitionStore>,
    pub(super) progress: Progress,
    pub(super) sections: BTreeMap<i32, Section>,
    /// The rates at the end of each business day.
    pub(super) days: BTreeMap<Day, DayEnd>,
    /// From where on the changelog may hold what `store` does not.
    pub(super) state_end: i64,
    pub(super) since: Duration,
}

/// A partition at work.
pub(super) struct Running {
    pub(super) engine: Partition<Arc<PartitionStore>>,
    pub(super) store: Arc<PartitionStore>,
    pub(super) watermark: Watermark,
    watermark_committed: Watermark,
    /// In the order of `wire::Source::ALL`.
    pub(super) inputs: Vec<Input>,
    sequence: u64,
    /// From where on the changelog may hold what `store` does not: nobody else writes to it, so it has gone on by what
    /// was committed here at least; by more where a transaction was aborted.
    state_end: i64,
    /// How many records the open batch sent to the changelog.
    pub(super) state_sent: i64,
    settings: BTreeMap<String, String>,
    /// The state was made with other settings, and no commit has stored yet all that follows from these.
    new_settings: Option<NewSettings>,
    /// The group has forgotten offsets that the changelog knows: it is told them again, with nothing else if need be.
    has_forgotten_offsets: bool,
    partitions: i32,
    /// How the group's offsets differed from the changelog's at the start. A mistake only if a commit is accepted: who
    /// stood still during the restore, while others went on, sees the same.
    pub(super) doubt: Option<String>,
    /// Since when an input that is behind its end is waited for.
    blocked_since: Option<Duration>,
    /// From when on records have come without a pause for long enough.
    steady_from: Duration,
}

/// What is left to be done after settings have changed on which the customers' next moments depend.
struct NewSettings {
    /// Those that the state was made with. They stay its settings until all is done: whoever takes over begins anew.
    before: BTreeMap<String, String>,
    /// Everybody, in an order that is always the same.
    customers: Vec<CustomerId>,
    /// How many of them have been looked at, and how many of these the last commit holds.
    done: usize,
    committed: usize,
}

impl NewSettings {
    fn new(before: BTreeMap<String, String>, store: &PartitionStore) -> Self {
        let mut customers = Vec::with_capacity(store.len());
        store.for_each_record(|id, _| customers.push(id.clone()));
        customers.sort_unstable();
        Self { before, customers, done: 0, committed: 0 }
    }

    fn is_done(&self) -> bool {
        self.done == self.customers.len()
    }
}

/// One input of a partition at work.
pub(super) struct Input {
    pub(super) at: InputPartition,
    /// Read and not yet taken in, in the order of the log.
    pub(super) queue: VecDeque<Taken>,
    /// The offset of the next record to be read.
    pub(super) read_offset: i64,
    /// The offset of the next record to be taken in.
    pub(super) next_offset: i64,
    committed_offset: i64,
    /// When something last came, or reading began.
    pub(super) last_new: Duration,
    /// When the record taken in last was written, in milliseconds since 1970.
    written_ms: Option<i64>,
    /// Idle and read to its end, as of the last look.
    pub(super) idle: bool,
    /// Records left to read, as of the last look.
    pub(super) backlog: Option<u64>,
    looked_at: Duration,
    /// It was waited for in vain; not again until it has something or is at its end.
    was_waited_for: bool,
    /// Its records are held back in the log.
    pub(super) is_held: bool,
}

impl Input {
    fn new(at: InputPartition, offset: i64, now: Duration) -> Self {
        Self {
            at,
            queue: VecDeque::new(),
            read_offset: offset,
            next_offset: offset,
            committed_offset: offset,
            last_new: now,
            written_ms: None,
            idle: false,
            backlog: None,
            looked_at: now,
            was_waited_for: false,
            is_held: false,
        }
    }

    /// Records still to be taken in, as of the last look.
    pub(super) fn left(&self) -> Option<u64> {
        self.backlog.map(|backlog| backlog + self.queue.len() as u64)
    }

    /// How long ago what was last taken in was written, in seconds; 0 when nothing is left.
    pub(super) fn lag_seconds(&self, wall: EventTime) -> f64 {
        let behind = self.written_ms.filter(|_| self.left() != Some(0));
        behind.map_or(0.0, |written| (wall.millis() - written).max(0) as f64 / 1000.0)
    }
}

impl Restoring {
    /// Whether the changelog knows an offset that the group has forgotten.
    fn has_forgotten_offsets(&self) -> bool {
        self.progress.is_some() && self.inputs.iter().any(|known| known.committed.is_none())
    }
}

impl Running {
    pub(super) fn new(
        restored: Restoring,
        policy: Arc<Policy>,
        settings: &Settings,
        starts: &[(InputPartition, i64)],
        state_end: i64,
        now: Duration,
    ) -> Self {
        let mut engine = Partition::new(Arc::clone(&policy), Arc::clone(&restored.store));
        let has_forgotten_offsets = restored.has_forgotten_offsets();
        let progress = restored.progress.unwrap_or_default();
        let is_same = progress.settings.is_empty() || progress.settings == settings.fingerprint;
        let time = progress.time_ms.map_or(EventTime::BEGINNING, EventTime::from_millis);
        engine.resume(time);
        engine.recall_settled(restored.sections.into_values());
        engine.recall_days(restored.days, progress.open_day.map(Day).or(engine.today()));
        let mut at_risk = Unranked::default();
        restored.store.for_each(|id, customer| {
            engine.recall(id, customer);
            at_risk.extend(Rank::of(customer, &policy).map(|rank| (rank, id.clone())));
        });
        restored.store.rank(at_risk);
        engine.recall_erased(progress.erased.orders, progress.erased.returning_orders);
        let greatest = starts.iter().map(|(input, _)| {
            let known = progress.inputs.get(input.source.name());
            known.and_then(|known| known.greatest_event_time_ms).map(EventTime::from_millis)
        });
        let watermark = Watermark::resume(greatest.collect(), time);
        let inputs = starts.iter().map(|&(at, offset)| Input::new(at, offset, now));
        Self {
            new_settings: (!is_same).then(|| NewSettings::new(progress.settings, &restored.store)),
            engine,
            store: restored.store,
            watermark_committed: watermark.clone(),
            watermark,
            inputs: inputs.collect(),
            sequence: progress.sequence,
            state_end,
            state_sent: 0,
            settings: settings.fingerprint.clone(),
            has_forgotten_offsets,
            partitions: settings.partitions,
            doubt: None,
            blocked_since: None,
            steady_from: now + STEADY_AFTER,
        }
    }

    /// Whether there is something to commit that no event and no timer asks for.
    pub(super) fn has_to_tell(&self) -> bool {
        let has_taken_up = self.new_settings.as_ref().is_some_and(NewSettings::is_done);
        self.engine.has_changes() || self.has_forgotten_offsets || has_taken_up
    }

    /// Whether settings have changed, and not everybody has been looked at by the new ones. Until then nothing is taken
    /// in, and time stands.
    pub(super) fn is_reconsidering(&self) -> bool {
        self.new_settings.as_ref().is_some_and(|new| !new.is_done())
    }

    /// Works out the next moments of up to `most` more customers by the new settings; says how many that changed.
    pub(super) fn reconsider(&mut self, most: usize) -> usize {
        let Some(new) = &mut self.new_settings else { return 0 };
        let before = self.engine.changed_customers();
        let until = new.customers.len().min(new.done + most);
        new.customers[new.done..until].iter().for_each(|id| self.engine.reconsider(id));
        new.done = until;
        self.engine.changed_customers() - before
    }

    /// Puts a record where it waits for its turn. False: it was there already.
    pub(super) fn enqueue(&mut self, taken: Taken) -> bool {
        let Some(input) = self.inputs.iter_mut().find(|input| input.at == taken.from) else { return false };
        if taken.offset < input.read_offset {
            return false;
        }
        input.read_offset = taken.offset + 1;
        // What can't be used tells no time, so that nobody has to wait for it.
        input.idle &= taken.what.is_err();
        input.was_waited_for = false;
        input.queue.push_back(taken);
        true
    }

    /// Nothing came for a while: with every record that comes next the other inputs have to be looked at anew.
    pub(super) fn pause(&mut self, now: Duration) {
        self.steady_from = now + STEADY_AFTER;
    }

    /// The next record in order of event time over all inputs, and the place of its input. `None`: there is none, or
    /// one that may be earlier has yet to come. `look` says how many records of an input are left to read.
    pub(super) fn next_ready(
        &mut self,
        now: Duration,
        merge_wait: Duration,
        look: impl Fn(&Input) -> Option<u64>,
    ) -> Option<(usize, Taken)> {
        // What can't be used has no time, and nothing to wait for.
        let unusable = self.inputs.iter().position(|input| input.queue.front().is_some_and(|head| head.what.is_err()));
        let next = unusable.or_else(|| {
            let at = |input: &Input| input.queue.front().and_then(|head| head.what.as_ref().ok().map(|event| event.at));
            let heads = self.inputs.iter().enumerate().filter_map(|(place, input)| Some((at(input)?, place)));
            heads.min().map(|(_, place)| place)
        })?;
        if unusable.is_none() && self.is_waiting(now, merge_wait, look) {
            return None;
        }
        let input = &mut self.inputs[next];
        let taken = input.queue.pop_front()?;
        input.next_offset = taken.offset + 1;
        input.written_ms = taken.written_ms;
        if taken.what.is_ok() {
            input.last_new = now;
        }
        Some((next, taken))
    }

    /// Finds out which inputs are idle. If with that all are that were not, which of them was the last to be awake.
    pub(super) fn fall_idle(&mut self, now: Duration, after: Duration) -> Option<usize> {
        let were_all = self.inputs.iter().all(|input| input.idle);
        for input in &mut self.inputs {
            let is_quiet = now.saturating_sub(input.last_new) >= after;
            input.idle = is_quiet && input.backlog == Some(0) && input.queue.is_empty();
        }
        let fell = !were_all && self.inputs.iter().all(|input| input.idle);
        let greatest = self.watermark.greatest();
        let last = (0..self.inputs.len()).max_by_key(|&place| (self.inputs[place].last_new, greatest[place]));
        last.filter(|_| fell)
    }

    /// Whether an input with nothing at hand is behind its end, and has not yet been waited for long enough.
    fn is_waiting(&mut self, now: Duration, merge_wait: Duration, look: impl Fn(&Input) -> Option<u64>) -> bool {
        let is_steady = now >= self.steady_from;
        let mut is_behind = false;
        for input in self.inputs.iter_mut().filter(|input| input.queue.is_empty()) {
            let is_fresh = now.saturating_sub(input.looked_at) < LOOK_AGAIN_AFTER;
            if input.backlog != Some(0) || !is_fresh || !is_steady {
                input.backlog = look(input);
                input.looked_at = now;
            }
            input.was_waited_for &= input.backlog != Some(0);
            is_behind |= input.backlog != Some(0) && !input.was_waited_for;
        }
        if !is_behind {
            self.blocked_since = None;
            return false;
        }
        let since = *self.blocked_since.get_or_insert(now);
        if now.saturating_sub(since) < merge_wait {
            return true;
        }
        self.blocked_since = None;
        self.inputs.iter_mut().filter(|input| input.queue.is_empty()).for_each(|input| input.was_waited_for = true);
        false
    }

    /// Where the open batch leaves this partition. The note tells its transaction from all others: who took the
    /// partition over counts on from the same number, so it also says `by` which thread.
    pub(super) fn positions(&self, by: u64) -> impl Iterator<Item = Position> {
        let note = format!("{NOTE_BEGINS}{} by={by:016x}", self.sequence + 1);
        self.inputs.iter().map(move |input| Position {
            input: input.at,
            next_offset: input.next_offset,
            note: note.clone(),
        })
    }

    /// How far the open batch brings this partition.
    pub(super) fn progress(&self) -> Progress {
        self.progress_at(self.sequence + 1)
    }

    fn progress_at(&self, sequence: u64) -> Progress {
        let inputs = self.inputs.iter().zip(self.watermark.greatest()).map(|(input, greatest)| {
            let progress = InputProgress {
                next_offset: input.next_offset,
                greatest_event_time_ms: greatest.map(EventTime::millis),
            };
            (input.at.source.name().to_owned(), progress)
        });
        let totals = self.engine.totals();
        let erased = Erased { orders: totals.erased_orders, returning_orders: totals.erased_returning_orders };
        let time = Some(self.engine.time()).filter(|time| *time != EventTime::BEGINNING);
        let unfinished = self.new_settings.as_ref().filter(|new| !new.is_done());
        let settings = unfinished.map_or(&self.settings, |new| &new.before);
        let (made_with, moment) = ((sequence, self.partitions), (time, self.engine.open_day()));
        Progress::new(made_with, moment, inputs.collect(), erased, settings.clone())
    }

    /// What is committed, to be kept while the partition is elsewhere; nothing when it began to read elsewhere than where
    /// its state stands and no commit has settled that.
    pub(super) fn keep(mut self, now: Duration) -> Option<Kept> {
        // Nor what was made with other settings, and not yet looked at anew for good.
        if self.doubt.is_some() || self.new_settings.is_some() {
            return None;
        }
        self.undo();
        let progress = self.progress_at(self.sequence);
        let sections = self.engine.tallies().sections().into_iter().map(|section| (section.at, section)).collect();
        let days = BTreeMap::clone(self.engine.days());
        Some(Kept { store: self.store, progress, sections, days, state_end: self.state_end, since: now })
    }

    /// The open batch is committed and the store holds its changes.
    pub(super) fn confirm(&mut self) {
        // The mark that ends the transaction takes an offset too.
        self.state_end += self.state_sent + 1;
        self.store.show(|seen| {
            // Let go of first, so that they change in place.
            seen.counts = Arc::default();
            seen.days = Arc::default();
            self.engine.confirm();
            seen.counts = Arc::clone(self.engine.tallies().committed());
            seen.days = Arc::clone(self.engine.days());
            seen.counted_at = self.engine.today().map(|_| self.engine.time());
        });
        self.sequence += 1;
        self.has_forgotten_offsets = false;
        self.new_settings.iter_mut().for_each(|new| new.committed = new.done);
        self.new_settings.take_if(|new| new.is_done());
        self.watermark_committed = self.watermark.clone();
        for input in &mut self.inputs {
            input.committed_offset = input.next_offset;
        }
    }

    /// The open batch never happened; says where to read on.
    pub(super) fn undo(&mut self) -> Vec<(InputPartition, i64)> {
        self.engine.undo();
        self.new_settings.iter_mut().for_each(|new| new.done = new.committed);
        self.watermark = self.watermark_committed.clone();
        for input in &mut self.inputs {
            input.next_offset = input.committed_offset;
            input.read_offset = input.committed_offset;
            input.queue.clear();
        }
        self.blocked_since = None;
        self.inputs.iter().map(|input| (input.at, input.committed_offset)).collect()
    }
}
