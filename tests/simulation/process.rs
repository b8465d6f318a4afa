//! One process of the service: the real stream thread on the simulated log and clock.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use corosensei::Coroutine;
use corosensei::stack::DefaultStack;
use homecoming::domain::EventTime;
use homecoming::pipeline::ports::{AbortCause, CommitTimes, Invariant, SentSignal};
use homecoming::pipeline::{BatchSummary, Clock, Listener, Observer, Shared, Status, StreamThread};
use homecoming::store::Partitions;

use crate::sim_log::SimLog;
use crate::world::{ActorId, Killed, Part, Sim, Turns, World};

/// A process that is resumed with every turn it has.
pub type Running = Coroutine<(), (), ()>;

const STACK_BYTES: usize = 512 * 1024;

pub struct Process {
    pub slot: usize,
    pub partitions: Arc<Partitions>,
    pub stop: Arc<AtomicBool>,
    pub started: Duration,
    /// How far its wall clock is off, in milliseconds.
    pub clock_is_off_by_ms: i64,
    /// Why it ended by itself, if it did.
    pub refused: Option<String>,
}

/// Starts a process in a slot; it takes its first turn after `after`.
pub fn start(world: &Arc<World>, slot: usize, after: Duration) -> (ActorId, Running) {
    let (partitions, stop) = (Arc::new(Partitions::default()), Arc::new(AtomicBool::new(false)));
    let mut sim = world.lock();
    let begins = sim.now + after;
    let me = sim.new_actor(begins);
    sim.tell(me, 'S', slot as u64, || format!("starts in slot {slot}"));
    let process = Process {
        slot,
        partitions: Arc::clone(&partitions),
        stop: Arc::clone(&stop),
        started: begins,
        clock_is_off_by_ms: 0,
        refused: None,
    };
    sim.processes.insert(me, process);
    let plan = sim.plan.clone();
    drop(sim);
    let instance = plan.has_static_ids.then(|| format!("instance-{slot}"));
    // Without an id of its own every process is another.
    let transactional_id = instance.clone().unwrap_or_else(|| format!("process-{me}"));
    let world = Arc::clone(world);
    let work = move |turns: &Turns, ()| {
        let shared = Shared {
            settings: plan.settings(),
            policy: plan.policy(),
            partitions,
            observer: Arc::new(Witness { world: Arc::clone(&world), me }),
            listener: Arc::new(Witness { world: Arc::clone(&world), me }),
            status: Arc::new(Status::default()),
            thread: 0,
            stop,
        };
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let part = Part::new(&world, me, Some(turns));
            part.wait_for_turn();
            let log = SimLog::new(part.clone(), instance, transactional_id);
            StreamThread::new(log, SimClock(part), shared).run()
        }));
        let mut sim = world.lock();
        sim.clients.remove(&me);
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => sim.end_refused(me, fault.to_string()),
            Err(payload) if payload.is::<Killed>() => {}
            Err(_) => {
                let now = sim.now;
                sim.story.complain(now, format!("process {me} panicked"));
            }
        }
        sim.finish(me);
    };
    let stack = DefaultStack::new(STACK_BYTES).expect("there is memory for a stack");
    (me, Coroutine::with_stack(stack, work))
}

impl Sim {
    /// A process gave up. That is only right when another has its id, or where a test wants it.
    fn end_refused(&mut self, me: ActorId, reason: String) {
        self.tell(me, 'E', 0, || format!("ends: {reason}"));
        self.story.count("process gave up");
        let may = self.plan.may_give_up || self.plan.has_static_ids && reason.contains("another process uses the same");
        let now = self.now;
        if !may {
            self.story.complain(now, format!("process {me} gave up: {reason}"));
        }
        if let Some(process) = self.processes.get_mut(&me) {
            process.refused = Some(reason);
        }
    }
}

struct SimClock<'a>(Part<'a>);

impl Clock for SimClock<'_> {
    fn wall(&self) -> EventTime {
        let sim = self.0.lock();
        let off = sim.processes.get(&self.0.me).map_or(0, |process| process.clock_is_off_by_ms);
        EventTime::from_millis(sim.wall_stands_at.unwrap_or_else(|| sim.plan.event_ms(sim.now) + off))
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().now
    }

    fn sleep(&self, length: Duration) {
        self.0.sleep(length);
    }
}

/// Puts what the service tells its observer into the story.
struct Witness {
    world: Arc<World>,
    me: ActorId,
}

impl Witness {
    fn tell(&self, counted: &'static str, value: u64, words: impl FnOnce() -> String) {
        let mut sim = self.world.lock();
        sim.story.count(counted);
        sim.tell(self.me, 'o', value, words);
    }
}

impl Listener for Witness {
    fn is_listening(&self) -> bool {
        true
    }

    fn committed(&self, _: u64, last: VecDeque<SentSignal>) {
        let mut sim = self.world.lock();
        for signal in last {
            *sim.heard.entry(signal.json).or_default() += 1;
        }
    }
}

impl Observer for Witness {
    fn committed(&self, summary: &BatchSummary, _times: &CommitTimes) {
        let is_timers_only = summary.events.is_empty() && summary.dead_letters.is_empty();
        let what = if is_timers_only { "commit of timers only" } else { "commit" };
        self.tell(what, summary.customers as u64, || format!("published {} customers", summary.customers));
    }
    fn aborted(&self, cause: AbortCause, reason: &str) {
        let what = match cause {
            AbortCause::Passing => "batch dropped: passing",
            AbortCause::Refused => "batch dropped: refused",
            AbortCause::Producer => "batch dropped: producer",
            AbortCause::Lost => "batch dropped: lost",
        };
        self.tell(what, 0, || format!("dropped its batch ({}): {reason}", cause.name()));
    }
    fn outcome_settled(&self, committed: bool, reason: &str) {
        let what = if committed { "outcome unknown: committed" } else { "outcome unknown: aborted" };
        self.tell(what, 0, || format!("found out that it was committed: {committed} ({reason})"));
    }
    fn assigned(&self, partitions: &[i32]) {
        self.tell("assigned", partitions.len() as u64, || format!("was given {partitions:?}"));
    }
    fn revoked(&self, lost: bool) {
        let what = if lost { "partitions lost" } else { "partitions revoked" };
        self.tell(what, 0, || format!("had its partitions taken back, lost: {lost}"));
    }
    fn restored(&self, partition: i32, customers: usize, records: u64, _: Duration, stood_still: Option<Duration>) {
        let (what, kept) = match stood_still {
            Some(_) => ("restored on top of what was kept", " on top of what it had kept"),
            None => ("restored", ""),
        };
        self.tell(what, records, || {
            format!("restored partition {partition}: {customers} customers of {records} records{kept}")
        });
    }
    fn troubled(&self, what: &str) {
        self.tell("tried again", 0, || format!("tries again: {what}"));
    }
    fn invariant_failed(&self, invariant: Invariant, detail: &str) {
        let mut sim = self.world.lock();
        // With a mistake put in, the auditor shall see it by itself.
        if sim.plan.mutation.is_none() {
            let now = sim.now;
            sim.story.complain(now, format!("process {} found {} broken: {detail}", self.me, invariant.name()));
        }
    }
}
