//! The group coordinator: members, generations, range assignment, static members.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::world::ActorId;

pub const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// How long a rebalance waits for members that do not come back.
const REBALANCE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the group refuses a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    UnknownMember,
    IllegalGeneration,
    FencedInstance,
}

/// What a heartbeat is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulse {
    Steady,
    Rebalancing,
    Refused(Refusal),
}

/// Who speaks for itself, as a consumer knows itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    pub member: String,
    pub generation: i32,
    pub instance: Option<String>,
}

/// Which join it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Which of the process's consumers asked.
    pub consumer: u64,
    /// How often it had asked by then: only the answer to the last counts.
    pub time: u64,
}

/// An answer to a join.
#[derive(Clone, Debug)]
pub struct Joined {
    pub process: ActorId,
    pub ask: Ask,
    pub member: String,
    pub generation: i32,
    pub partitions: Vec<i32>,
}

struct Member {
    process: ActorId,
    ask: Ask,
    instance: Option<String>,
    last_heard: Duration,
    has_joined: bool,
    partitions: Vec<i32>,
}

#[derive(Default)]
pub struct Group {
    pub generation: i32,
    members: BTreeMap<String, Member>,
    /// Until when the others are waited for; `None`: stable.
    rebalance_ends: Option<Duration>,
    made: u64,
    partitions: i32,
    /// Joins that were answered, to be sent.
    pub answers: Vec<Joined>,
}

impl Group {
    pub fn new(partitions: i32) -> Self {
        Self { partitions, ..Self::default() }
    }

    /// The processes whose consumers are members.
    pub fn processes(&self) -> impl Iterator<Item = ActorId> {
        self.members.values().map(|member| member.process)
    }

    pub fn is_empty(&self) -> bool {
        self.processes().next().is_none()
    }

    pub fn is_stable(&self) -> bool {
        self.rebalance_ends.is_none()
    }

    pub fn join(&mut self, now: Duration, process: ActorId, ask: Ask, who: &Membership) -> Result<(), Refusal> {
        let id = match self.same_instance(who) {
            Some(old) if old == who.member => old,
            Some(old) => self.replace(&old),
            None if who.member.is_empty() => self.new_id(who.instance.as_deref()),
            None if self.members.contains_key(&who.member) => who.member.clone(),
            None => return Err(Refusal::UnknownMember),
        };
        let is_known = self.members.contains_key(&id);
        let instance = who.instance.clone();
        let member = self.members.entry(id.clone()).or_insert_with(|| Member {
            process,
            ask,
            instance,
            last_heard: now,
            has_joined: false,
            partitions: Vec::new(),
        });
        (member.process, member.ask, member.last_heard) = (process, ask, now);
        if is_known && self.rebalance_ends.is_none() {
            // Nothing has changed for the others.
            self.answer(&id);
            return Ok(());
        }
        member.has_joined = true;
        self.begin_rebalance(now);
        self.end_rebalance_if_complete(now);
        Ok(())
    }

    /// A static member that comes under a new id takes the place of its predecessor, who is fenced from now on.
    fn replace(&mut self, old: &str) -> String {
        let predecessor = self.members.remove(old).expect("it was just found");
        let id = self.new_id(predecessor.instance.as_deref());
        self.members.insert(id.clone(), Member { has_joined: false, ..predecessor });
        id
    }

    fn new_id(&mut self, instance: Option<&str>) -> String {
        self.made += 1;
        format!("{}-{}", instance.unwrap_or("member"), self.made)
    }

    fn same_instance(&self, who: &Membership) -> Option<String> {
        let instance = who.instance.as_deref()?;
        let found = self.members.iter().find(|(_, member)| member.instance.as_deref() == Some(instance));
        found.map(|(id, _)| id.clone())
    }

    fn begin_rebalance(&mut self, now: Duration) {
        if self.rebalance_ends.is_none() {
            self.rebalance_ends = Some(now + REBALANCE_TIMEOUT);
        }
    }

    fn end_rebalance_if_complete(&mut self, now: Duration) {
        let Some(ends) = self.rebalance_ends else { return };
        if now >= ends {
            self.members.retain(|_, member| member.has_joined);
        }
        if self.members.is_empty() {
            self.rebalance_ends = None;
        }
        if self.members.is_empty() || !self.members.values().all(|member| member.has_joined) {
            return;
        }
        self.rebalance_ends = None;
        self.generation += 1;
        let mut ids: Vec<String> = self.members.keys().cloned().collect();
        ids.sort_by_key(|id| (self.members[id].instance.clone(), id.clone()));
        let (count, all) = (ids.len() as i32, self.partitions);
        let mut next = 0;
        for (place, id) in ids.iter().enumerate() {
            let share = all / count + i32::from((place as i32) < all % count);
            let member = self.members.get_mut(id).expect("it is one of them");
            member.partitions = (next..next + share).collect();
            member.has_joined = false;
            member.last_heard = now;
            next += share;
            self.answer(id);
        }
    }

    fn answer(&mut self, id: &str) {
        let member = &self.members[id];
        self.answers.push(Joined {
            process: member.process,
            ask: member.ask,
            member: id.to_owned(),
            generation: self.generation,
            partitions: member.partitions.clone(),
        });
    }

    pub fn heartbeat(&mut self, now: Duration, who: &Membership) -> Pulse {
        if let Err(refusal) = self.check(who) {
            return Pulse::Refused(refusal);
        }
        if let Some(member) = self.members.get_mut(&who.member) {
            member.last_heard = now;
        }
        if self.rebalance_ends.is_some() { Pulse::Rebalancing } else { Pulse::Steady }
    }

    pub fn leave(&mut self, now: Duration, member: &str) {
        if self.members.remove(member).is_some() {
            self.begin_rebalance(now);
            self.end_rebalance_if_complete(now);
        }
    }

    /// Throws out who was silent for too long.
    pub fn expire(&mut self, now: Duration) {
        let before = self.members.len();
        self.members.retain(|_, member| member.has_joined || now.saturating_sub(member.last_heard) < SESSION_TIMEOUT);
        if self.members.len() < before {
            self.begin_rebalance(now);
        }
        self.end_rebalance_if_complete(now);
    }

    /// Offsets are taken from whoever knows its id and the generation, whoever owns the partitions; and from those
    /// that never were members.
    pub fn check(&self, who: &Membership) -> Result<(), Refusal> {
        if who.generation < 0 && who.member.is_empty() {
            return Ok(());
        }
        let Some(_) = self.members.get(&who.member) else {
            let is_replaced = self.same_instance(who).is_some();
            return Err(if is_replaced { Refusal::FencedInstance } else { Refusal::UnknownMember });
        };
        if who.generation == self.generation { Ok(()) } else { Err(Refusal::IllegalGeneration) }
    }
}
