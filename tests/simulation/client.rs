//! A consumer of the group, as librdkafka keeps it behind the service's back: heartbeats, rebalances, fetched records.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use homecoming::pipeline::ports::{InputPartition, Polled};

use crate::group::{Ask, Joined, Membership, Pulse, Refusal, SESSION_TIMEOUT};
use crate::plan::Mutation;
use crate::topics::{Record, Topic};
use crate::world::{ActorId, Message, Sim};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Waits for the answer to a join, sent then.
    Joining(Duration),
    Member,
    /// Has to join anew once the service has let go.
    Leaving,
}

pub struct Fetching {
    /// The offset of the next record to hand over.
    pub position: i64,
    fetched_to: i64,
    queue: VecDeque<(i64, Arc<Record>)>,
    /// Nothing is fetched before it flows for the first time; held back later, what is fetched gathers here.
    has_flowed: bool,
    pub is_held: bool,
}

pub struct Client {
    pub who: Membership,
    /// Which of its process's consumers this is.
    consumer: u64,
    /// How often it has asked to join.
    asked: u64,
    standing: Standing,
    /// What the service has yet to be told.
    pub rebalances: VecDeque<Polled>,
    /// Told, and not yet acted upon: nothing else is handed over.
    pub is_waiting: bool,
    pub is_fenced: bool,
    /// Until when its heartbeats get lost.
    pub unheard_until: Duration,
    /// When the group last answered.
    heard: Duration,
    pub inputs: BTreeMap<InputPartition, Fetching>,
    /// Where the inputs ended at the last fetch that had them.
    pub ends: BTreeMap<InputPartition, i64>,
    fetches_at: Duration,
    next: usize,
}

/// What a poll of the client found.
pub enum Found {
    Rebalance(Polled),
    Record(InputPartition, i64, Arc<Record>),
    /// The group gave our id to somebody else.
    Fenced,
    /// This was to be read and is no longer there.
    Expired(InputPartition, i64),
    Nothing,
}

const FETCHED_MAX: usize = 40;

impl Client {
    pub fn let_flow(&mut self, inputs: &[InputPartition], is_held: bool) {
        for input in inputs {
            if let Some(fetching) = self.inputs.get_mut(input) {
                fetching.is_held = is_held;
                fetching.has_flowed |= !is_held;
            }
        }
    }

    /// Reads these from there on; what was fetched of them before is thrown away.
    pub fn seek(&mut self, to: &[(InputPartition, i64)]) {
        for (input, offset) in to {
            if let Some(fetching) = self.inputs.get_mut(input) {
                fetching.position = *offset;
                fetching.fetched_to = *offset;
                fetching.queue.clear();
            }
        }
    }

    pub fn assign(&mut self, starts: &[(InputPartition, i64)]) {
        let fetching = |offset| Fetching {
            position: offset,
            fetched_to: offset,
            queue: VecDeque::new(),
            has_flowed: false,
            is_held: true,
        };
        self.inputs = starts.iter().map(|(input, offset)| (*input, fetching(*offset))).collect();
        self.is_waiting = false;
        // Known anew with the first fetch: a silence that nobody has looked into is no idleness.
        self.ends.clear();
    }

    /// What it had is no longer its own.
    fn lose(&mut self) {
        self.standing = Standing::Leaving;
        self.rebalances.push_back(Polled::Revoked { lost: true });
    }

    fn take_record(&mut self) -> Option<(InputPartition, i64, Arc<Record>)> {
        let inputs: Vec<InputPartition> = self.inputs.keys().copied().collect();
        for step in 0..inputs.len() {
            let input = inputs[(self.next + step) % inputs.len()];
            let Some(fetching) = self.inputs.get_mut(&input).filter(|fetching| !fetching.is_held) else { continue };
            if let Some((offset, record)) = fetching.queue.pop_front() {
                // Behind the last record that was fetched the client goes on past control records.
                fetching.position = if fetching.queue.is_empty() { fetching.fetched_to } else { offset + 1 };
                // A few of one partition, then of the next, as fetched batches come.
                self.next += usize::from(offset % 3 == 0);
                return Some((input, offset, record));
            }
        }
        None
    }
}

impl Sim {
    /// A consumer that begins to join the group.
    pub fn open_client(&mut self, process: ActorId, instance: Option<String>) {
        self.calls += 1;
        let consumer = self.calls;
        let who = Membership { member: String::new(), generation: -1, instance };
        let client = Client {
            who,
            consumer,
            asked: 0,
            standing: Standing::Leaving,
            rebalances: VecDeque::new(),
            is_waiting: false,
            is_fenced: false,
            unheard_until: Duration::ZERO,
            heard: self.now,
            inputs: BTreeMap::new(),
            ends: BTreeMap::new(),
            fetches_at: Duration::ZERO,
            next: 0,
        };
        self.clients.insert(process, client);
        self.join_if_needed(process);
        let first = self.chance.millis(50, 300);
        self.post(first, Message::Heartbeat { process, consumer });
    }

    pub fn join_if_needed(&mut self, process: ActorId) {
        let now = self.now;
        let after = self.on_its_way();
        let Some(client) = self.clients.get_mut(&process) else { return };
        if client.standing != Standing::Leaving {
            return;
        }
        client.standing = Standing::Joining(now);
        client.asked += 1;
        let (ask, who) = (Ask { consumer: client.consumer, time: client.asked }, client.who.clone());
        self.post(after, Message::Join { process, ask, who });
    }

    /// Whoever waits for the answer to that join.
    fn waiting_for(&mut self, process: ActorId, ask: Ask) -> Option<&mut Client> {
        let client = self.clients.get_mut(&process)?;
        (ask == Ask { consumer: client.consumer, time: client.asked }).then_some(client)
    }

    pub fn on_join_refused(&mut self, process: ActorId, ask: Ask) {
        let Some(client) = self.waiting_for(process, ask) else { return };
        client.who.member.clear();
        client.standing = Standing::Leaving;
        self.join_if_needed(process);
    }

    pub fn on_joined(&mut self, joined: Joined) {
        // A process that is stopped hears of it when it goes on.
        if let Some(until) = self.is_stopped(joined.process) {
            let after = until - self.now + Duration::from_millis(1);
            self.post(after, Message::Joined(joined));
            return;
        }
        let now = self.now;
        let Some(client) = self.waiting_for(joined.process, joined.ask) else { return };
        if !matches!(client.standing, Standing::Joining(_)) {
            return;
        }
        (client.standing, client.heard) = (Standing::Member, now);
        (client.who.member, client.who.generation) = (joined.member, joined.generation);
        client.rebalances.push_back(Polled::Assigned(joined.partitions));
    }

    /// What goes on beside the service's thread, stopped processes excepted.
    pub fn heartbeat(&mut self, process: ActorId, consumer: u64) {
        if let Some(until) = self.is_stopped(process) {
            let after = until - self.now + self.chance.millis(0, 400);
            self.post(after, Message::Heartbeat { process, consumer });
            return;
        }
        let (now, is_away) = (self.now, self.now < self.coordinators_away_until);
        let Some(client) = self.clients.get_mut(&process).filter(|client| client.consumer == consumer) else { return };
        match client.standing {
            Standing::Joining(since) if now.saturating_sub(since) > Duration::from_secs(15) => {
                client.standing = Standing::Leaving;
                self.join_if_needed(process);
            }
            Standing::Joining(_) => {}
            standing if now < client.unheard_until => {
                // As librdkafka does without an answer for so long, whatever the group thinks of it.
                let has_timed_out = now.saturating_sub(client.heard) > SESSION_TIMEOUT;
                if standing == Standing::Member && has_timed_out {
                    client.lose();
                    self.story.count("members that gave themselves up for lost");
                }
            }
            Standing::Member | Standing::Leaving if !is_away => {
                client.heard = now;
                let pulse = self.broker.group.heartbeat(now, &client.who);
                on_pulse(client, pulse);
                self.tell(process, 'h', 0, || format!("heartbeat: {pulse:?}"));
            }
            Standing::Member | Standing::Leaving => {}
        }
        let after = self.chance.millis(150, 500);
        self.post(after, Message::Heartbeat { process, consumer });
    }

    /// What a poll finds at once.
    pub fn poll_client(&mut self, process: ActorId) -> Found {
        self.fetch(process);
        let Some(client) = self.clients.get_mut(&process) else { return Found::Nothing };
        if client.is_fenced {
            return Found::Fenced;
        }
        if client.is_waiting {
            return Found::Nothing;
        }
        if let Some(polled) = client.rebalances.pop_front() {
            client.is_waiting = true;
            return Found::Rebalance(polled);
        }
        for (input, fetching) in &client.inputs {
            let log = self.broker.log(Topic::Input(input.source), input.partition);
            if !fetching.is_held && !(log.low()..=log.end()).contains(&fetching.fetched_to) {
                return Found::Expired(*input, fetching.fetched_to);
            }
        }
        client.take_record().map_or(Found::Nothing, |(input, offset, record)| Found::Record(input, offset, record))
    }

    /// One answer of the one broker: for all partitions that flow, what they had at the same moment.
    fn fetch(&mut self, process: ActorId) {
        let now = self.now;
        if self.is_faulty && now < self.fetch_fails_until {
            return;
        }
        let stands_still = self.stands_still;
        let reads_all = self.plan.mutation == Some(Mutation::InputsUncommitted);
        let Some(client) = self.clients.get_mut(&process).filter(|client| client.fetches_at <= now) else { return };
        client.fetches_at = now + self.chance.millis(2, 30);
        for (input, fetching) in client.inputs.iter_mut().filter(|(_, fetching)| fetching.has_flowed) {
            let log = self.broker.log(Topic::Input(input.source), input.partition);
            if fetching.fetched_to < log.low() {
                continue;
            }
            if stands_still == Some(input.source) {
                client.ends.insert(*input, log.end());
                continue;
            }
            let (stable, end) = (log.last_stable_offset(), log.end());
            if stable < end && fetching.fetched_to < end {
                self.story.count("fetches that ended before an open transaction of the shop");
            }
            let mut committed = log.committed_from(fetching.fetched_to);
            let mut all = log.written_from(fetching.fetched_to);
            let records: &mut dyn Iterator<Item = _> = if reads_all { &mut all } else { &mut committed };
            for (offset, record) in records {
                if fetching.queue.len() >= FETCHED_MAX {
                    break;
                }
                fetching.queue.push_back((offset, Arc::clone(record)));
                fetching.fetched_to = offset + 1;
            }
            if fetching.queue.len() < FETCHED_MAX {
                fetching.fetched_to = fetching.fetched_to.max(if reads_all { end } else { stable });
            }
            if fetching.queue.is_empty() && !fetching.is_held {
                fetching.position = fetching.fetched_to;
            }
            client.ends.insert(*input, end);
        }
    }
}

fn on_pulse(client: &mut Client, pulse: Pulse) {
    let is_new = client.standing == Standing::Member;
    match pulse {
        Pulse::Steady => {}
        Pulse::Rebalancing if is_new => {
            client.standing = Standing::Leaving;
            client.rebalances.push_back(Polled::Revoked { lost: false });
        }
        Pulse::Rebalancing => {}
        Pulse::Refused(Refusal::FencedInstance) => client.is_fenced = true,
        Pulse::Refused(Refusal::UnknownMember | Refusal::IllegalGeneration) => {
            client.who.member.clear();
            if is_new {
                client.lose();
            }
        }
    }
}
