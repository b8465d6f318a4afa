//! Virtual time, and whose turn it is. Every process runs the service's real code on a stack of its own; the turn goes
//! on whenever virtual time has to pass for its holder. So everything that happens follows from the seed, and a run
//! takes one thread, which never waits.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use corosensei::Yielder;
use homecoming::pipeline::ports::InputPartition;
use homecoming::wire::Source;

use crate::broker::{Answer, Broker, Marker, Request};
use crate::chance::Chance;
use crate::client::Client;
use crate::group::{Ask, Joined, Membership};
use crate::plan::Plan;
use crate::process::Process;
use crate::shop::Entry;
use crate::story::Story;
use crate::topics::Topic;

pub type ActorId = usize;

/// The test itself.
pub const DIRECTOR: ActorId = 0;

/// What unwinds a thread whose process was killed.
pub struct Killed;

struct Actor {
    /// When it goes on; `None`: it has ended.
    wakes: Option<Duration>,
    /// Stopped as by SIGSTOP until then.
    stopped_until: Duration,
    /// Killed after so many more calls.
    dies_in: Option<u64>,
    /// Stopped after so many more calls, for so long.
    stops_in: Option<(u64, Duration)>,
    /// The call that is waited for, and its answer.
    call: u64,
    answer: Option<Option<Answer>>,
}

/// What is on its way.
pub enum Message {
    Request { call: Option<(ActorId, u64)>, request: Request },
    Answer { to: ActorId, call: u64, answer: Option<Answer> },
    Marker(Marker),
    Heartbeat { process: ActorId, consumer: u64 },
    WhoDied { who: ActorId, inputs: Vec<InputPartition>, is_held_up: bool },
    Join { process: ActorId, ask: Ask, who: Membership },
    Joined(Joined),
    Leave { member: String },
    Write { topic: Topic, partition: i32, what: Entry },
    Housekeeping,
}

pub struct Sim {
    pub now: Duration,
    pub chance: Chance,
    pub plan: Plan,
    pub broker: Broker,
    pub clients: BTreeMap<ActorId, Client>,
    pub processes: BTreeMap<ActorId, Process>,
    pub transactional_ids: BTreeMap<ActorId, String>,
    pub story: Story,
    /// Whether requests are lost and delayed.
    pub is_faulty: bool,
    /// Until when neither coordinator can be found.
    pub coordinators_away_until: Duration,
    /// Until when nothing can be fetched.
    pub fetch_fails_until: Duration,
    /// Of this input nothing comes, though there is more.
    pub stands_still: Option<Source>,
    /// When a transaction was last decided, or a record written to an input.
    pub last_change: Duration,
    /// The wall clock of all, once it has been put forward and stopped.
    pub wall_stands_at: Option<i64>,
    /// What those heard who listened to the processes, and how often.
    pub heard: BTreeMap<Vec<u8>, u32>,
    pub steps: u64,
    network: BTreeMap<(Duration, u64), Message>,
    sent: u64,
    /// How many requests were sent.
    pub calls: u64,
    actors: Vec<Actor>,
    pub turn_of: ActorId,
}

pub struct World {
    sim: Mutex<Sim>,
}

impl World {
    pub fn new(plan: Plan, story: Story) -> Self {
        let mut sim = Sim {
            now: Duration::ZERO,
            chance: Chance::new(plan.seed, 1),
            broker: Broker::new(plan.partitions),
            is_faulty: true,
            plan,
            clients: BTreeMap::new(),
            processes: BTreeMap::new(),
            transactional_ids: BTreeMap::new(),
            story,
            coordinators_away_until: Duration::ZERO,
            fetch_fails_until: Duration::ZERO,
            stands_still: None,
            last_change: Duration::ZERO,
            wall_stands_at: None,
            heard: BTreeMap::new(),
            steps: 0,
            network: BTreeMap::new(),
            sent: 0,
            calls: 0,
            actors: Vec::new(),
            turn_of: DIRECTOR,
        };
        sim.new_actor(Duration::ZERO);
        sim.post(Duration::from_millis(100), Message::Housekeeping);
        Self { sim: Mutex::new(sim) }
    }

    pub fn lock(&self) -> MutexGuard<'_, Sim> {
        self.sim.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By this a process gives its turn back.
pub type Turns = Yielder<(), ()>;

/// One who takes turns.
#[derive(Clone)]
pub struct Part<'a> {
    world: Arc<World>,
    pub me: ActorId,
    /// `None`: one plays all parts and waits for nobody.
    turns: Option<&'a Turns>,
}

impl<'a> Part<'a> {
    pub fn new(world: &Arc<World>, me: ActorId, turns: Option<&'a Turns>) -> Self {
        Self { world: Arc::clone(world), me, turns }
    }

    pub fn lock(&self) -> MutexGuard<'_, Sim> {
        self.world.lock()
    }

    /// Lets virtual time pass, and others take their turns.
    pub fn sleep(&self, length: Duration) {
        self.lock().rest(self.me, length);
        self.wait_for_turn();
    }

    /// Sends a request and waits for the answer; `None`: the connection broke or nothing came in time.
    pub fn ask(&self, request: Request) -> Option<Answer> {
        self.lock().ask(self.me, request);
        self.wait_for_turn();
        self.lock().actors[self.me].answer.take().flatten()
    }

    /// Nothing else happens to whoever has its turn, but that it may be dead.
    pub fn wait_for_turn(&self) {
        if self.lock().turn_of != self.me {
            self.turns.expect("who plays all parts has every turn").suspend(());
        }
        self.lock().end_if_killed(self.me);
    }
}

impl Sim {
    pub fn new_actor(&mut self, wakes: Duration) -> ActorId {
        self.actors.push(Actor {
            wakes: Some(wakes),
            stopped_until: Duration::ZERO,
            dies_in: None,
            stops_in: None,
            call: 0,
            answer: None,
        });
        self.actors.len() - 1
    }

    /// `me` goes on after so long.
    pub fn rest(&mut self, me: ActorId, length: Duration) {
        let until = self.now + length;
        self.count_down(me);
        self.actors[me].wakes = Some(until);
        self.pass_on();
    }

    /// `me` goes on with the answer.
    fn ask(&mut self, me: ActorId, request: Request) {
        self.count_down(me);
        let call = self.send(me, request);
        let actor = &mut self.actors[me];
        (actor.call, actor.answer, actor.wakes) = (call, None, Some(Duration::MAX));
        self.pass_on();
    }

    /// `me` has nothing more to do.
    pub fn finish(&mut self, me: ActorId) {
        self.actors[me].wakes = None;
        self.pass_on();
    }

    /// Gives the turn to the one who wakes first, after all that has happened by then.
    fn pass_on(&mut self) {
        loop {
            let wake = |actor: &Actor| actor.wakes.map(|wakes| wakes.max(actor.stopped_until));
            let actors = self.actors.iter().enumerate();
            let first = actors.filter_map(|(id, actor)| Some((wake(actor)?, id))).min();
            let (wakes, id) = first.expect("the director never ends before the others");
            let due = self.network.first_key_value().map(|((at, _), _)| *at).filter(|at| *at <= wakes);
            let Some(at) = due else {
                self.now = self.now.max(wakes);
                self.steps += 1;
                self.turn_of = id;
                return;
            };
            self.now = self.now.max(at);
            let (_, message) = self.network.pop_first().expect("it was just seen");
            self.deliver(message);
        }
    }

    /// One thread plays all parts, and this one now: nobody else is waited for.
    pub fn play(&mut self, part: ActorId) {
        let now = self.now;
        self.actors.iter_mut().for_each(|actor| actor.wakes = None);
        self.actors[part].wakes = Some(now);
        self.turn_of = part;
    }

    fn count_down(&mut self, me: ActorId) {
        let now = self.now;
        let actor = &mut self.actors[me];
        if let Some(left) = &mut actor.dies_in {
            *left = left.saturating_sub(1);
        }
        if let Some((left, length)) = &mut actor.stops_in {
            *left = left.saturating_sub(1);
            if *left == 0 {
                let length = *length;
                (actor.stops_in, actor.stopped_until) = (None, now + length);
                self.story.note(now, me, 'Z', length.as_millis() as u64, || format!("stops for {length:?}"));
            }
        }
    }

    fn end_if_killed(&mut self, me: ActorId) {
        if self.actors[me].dies_in != Some(0) {
            return;
        }
        self.story.note(self.now, me, 'K', 0, || "is killed".to_owned());
        self.clients.remove(&me);
        resume_unwind(Box::new(Killed));
    }

    /// Kills a process after so many more of its calls; 0: where it stands.
    pub fn kill(&mut self, process: ActorId, after_calls: u64) {
        let now = self.now;
        let actor = &mut self.actors[process];
        actor.dies_in = Some(after_calls);
        if after_calls == 0 && actor.wakes.is_some() {
            (actor.wakes, actor.stopped_until) = (Some(now), now);
            // Its connections are gone from this very moment.
            self.clients.remove(&process);
        }
    }

    /// Takes back what was to befall a process after some calls.
    pub fn spare(&mut self, process: ActorId) {
        if self.actors[process].dies_in != Some(0) {
            self.actors[process].dies_in = None;
        }
    }

    pub fn stop_for(&mut self, process: ActorId, after_calls: u64, length: Duration) {
        self.actors[process].stops_in = Some((after_calls.max(1), length));
    }

    pub fn resume_all(&mut self) {
        for actor in &mut self.actors {
            actor.stops_in = None;
            actor.stopped_until = actor.stopped_until.min(self.now);
        }
    }

    pub fn has_ended(&self, process: ActorId) -> bool {
        self.actors[process].wakes.is_none()
    }

    pub fn is_stopped(&self, process: ActorId) -> Option<Duration> {
        Some(self.actors[process].stopped_until).filter(|until| *until > self.now)
    }

    pub fn leave_group(&mut self, member: String) {
        let after = self.on_its_way();
        self.post(after, Message::Leave { member });
    }

    pub fn post(&mut self, after: Duration, message: Message) {
        self.sent += 1;
        self.network.insert((self.now + after, self.sent), message);
    }

    pub fn take_answer(&mut self, to: ActorId, call: u64, answer: Option<Answer>) {
        let now = self.now;
        let actor = &mut self.actors[to];
        if actor.call == call && actor.wakes == Some(Duration::MAX) {
            actor.answer = Some(answer);
            actor.wakes = Some(now);
        }
    }
}
