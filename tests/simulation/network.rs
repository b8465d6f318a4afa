//! How requests and answers travel: late, lost, or carried out twice because the client believed the first lost.

use std::sync::Arc;
use std::time::Duration;

use crate::broker::{Answer, Error, Request};
use crate::shop::Entry;
use crate::topics::Topic;
use crate::world::{ActorId, DIRECTOR, Message, Sim};

/// The ids of the shop's producers begin after this, far from those that the broker gives.
const SHOP: u64 = 1 << 48;

/// How often in a thousand requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct NetworkFaults {
    /// It never arrives.
    pub lost_request: u64,
    /// It is carried out, but the answer never comes.
    pub lost_answer: u64,
    /// The client gives up on it, and then it arrives all the same.
    pub late_request: u64,
    /// In a thousand markers: it takes up to seconds.
    pub slow_marker: u64,
}

impl Sim {
    pub fn send(&mut self, from: ActorId, request: Request) -> u64 {
        self.calls += 1;
        let call = self.calls;
        let faults = if self.is_faulty { self.plan.network } else { NetworkFaults::default() };
        let there = self.chance.millis(0, 3);
        let fate = self.chance.below(1000);
        let noticed = if self.chance.per_mille(500) { (1, 30) } else { (500, 2000) };
        let noticed = there + self.chance.millis(noticed.0, noticed.1);
        let failure = Message::Answer { to: from, call, answer: None };
        if fate < faults.lost_request {
            self.tell(from, 'l', call, || format!("{request} gets lost"));
            self.post(noticed, failure);
        } else if fate < faults.lost_request + faults.lost_answer {
            self.tell(from, 'a', call, || format!("the answer to {request} gets lost"));
            self.post(there, Message::Request { call: None, request });
            self.post(noticed, failure);
        } else if fate < faults.lost_request + faults.lost_answer + faults.late_request {
            let (low, high) = *self.chance.pick(&[(5, 100), (30, 400), (200, 2000), (1000, 9000)]);
            let late = noticed + self.chance.millis(low, high);
            self.tell(from, 'd', call, || format!("{request} will be late by {late:?}, the connection breaks"));
            self.post(late, Message::Request { call: None, request });
            self.post(noticed, failure);
        } else {
            self.post(there, Message::Request { call: Some((from, call)), request });
        }
        call
    }

    /// How long it takes until the group hears of it that somebody comes or goes.
    pub fn on_its_way(&mut self) -> Duration {
        let is_late = self.is_faulty && self.chance.per_mille(self.plan.network.late_request);
        if is_late { self.chance.millis(200, 4000) } else { self.chance.millis(0, 5) }
    }

    pub fn deliver(&mut self, message: Message) {
        match message {
            Message::Request { call, request } => self.carry_out(call, &request),
            Message::Answer { to, call, answer } => self.take_answer(to, call, answer),
            Message::Marker(marker) => {
                let kind = if marker.commit { "commit" } else { "abort" };
                let (id, to) = (&marker.transactional_id, &marker.to);
                self.story.note(self.now, DIRECTOR, 'm', 0, || format!("{kind} marker of {id} to {to:?}"));
                self.broker.write(&marker, self.now);
                self.last_change = self.now;
            }
            Message::Heartbeat { process, consumer } => self.heartbeat(process, consumer),
            Message::WhoDied { who, inputs, is_held_up } => self.end_the_dead(who, &inputs, is_held_up),
            Message::Join { process, ask, who } => {
                let joined = self.broker.group.join(self.now, process, ask, &who);
                self.tell(process, 'j', ask.consumer, || format!("joins the group as {who:?}: {joined:?}"));
                if joined.is_err() {
                    self.on_join_refused(process, ask);
                }
            }
            Message::Joined(joined) => self.on_joined(joined),
            Message::Leave { member } => {
                let now = self.now;
                self.story.note(now, DIRECTOR, 'L', 0, || format!("{member} leaves the group"));
                self.broker.group.leave(now, &member);
            }
            Message::Write { topic, partition, what } => self.write(topic, partition, what),
            Message::Housekeeping => self.keep_house(),
        }
        self.send_what_the_broker_has();
    }

    /// The shop writes, and needs no request for it.
    fn write(&mut self, topic: Topic, partition: i32, what: Entry) {
        let now = self.now;
        self.last_change = now;
        let log = self.broker.log_mut(topic, partition);
        let (offset, of, record) = match what {
            Entry::Record(record) => (log.append(Arc::clone(&record), None, now), String::new(), record),
            Entry::Of(id, record) => {
                let offset = log.append(Arc::clone(&record), Some(SHOP + id), now);
                (offset, format!(" of the shop's transaction {id}"), record)
            }
            Entry::Commit(id) => {
                log.mark(SHOP + id, true, now);
                return self.story.count("the shop committed to an input");
            }
            Entry::Abort(id) => {
                log.mark(SHOP + id, false, now);
                return self.story.count("the shop aborted what it had written to an input");
            }
        };
        self.tell(DIRECTOR, 'w', offset as u64, || {
            let value = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default());
            format!("{topic:?}-{partition} gets offset {offset}{of}: {value}")
        });
    }

    fn carry_out(&mut self, call: Option<(ActorId, u64)>, request: &Request) {
        let is_for_a_coordinator = !matches!(request, Request::Produce { .. } | Request::ListOffsets { .. });
        let answer = if is_for_a_coordinator && self.now < self.coordinators_away_until {
            Answer::Error(Error::NotCoordinator)
        } else {
            self.broker.serve(request, self.now)
        };
        let (from, number) = call.unwrap_or((DIRECTOR, 0));
        let how = if call.is_none() { " (nobody waits for the answer)" } else { "" };
        if matches!(answer, Answer::Error(Error::ConcurrentTransactions)) {
            // Asked again and again, until it is not.
            self.story.pass_over(self.now, from, number);
        } else {
            self.tell(from, 'r', number, || format!("{request}: {answer}{how}"));
        }
        if let Some((to, call)) = call {
            let back = self.chance.millis(0, 3);
            self.post(back, Message::Answer { to, call, answer: Some(answer) });
        }
    }

    fn keep_house(&mut self) {
        let now = self.now;
        self.broker.group.expire(now);
        if now.as_millis() % 1000 < 100 {
            for id in self.broker.expire_transactions(now) {
                self.tell(DIRECTOR, 't', 0, || format!("the transaction of {id} has been open for too long: aborted"));
            }
        }
        self.post(Duration::from_millis(100), Message::Housekeeping);
    }

    fn send_what_the_broker_has(&mut self) {
        self.last_change = self.last_change.max(self.broker.decided_at);
        for marker in std::mem::take(&mut self.broker.markers) {
            let is_slow = self.is_faulty && self.chance.per_mille(self.plan.network.slow_marker);
            let after = if is_slow { self.chance.millis(20, 3000) } else { self.chance.millis(0, 4) };
            self.post(after, Message::Marker(marker));
        }
        for joined in std::mem::take(&mut self.broker.group.answers) {
            let after = self.chance.millis(0, 4);
            self.post(after, Message::Joined(joined));
        }
    }

    pub fn tell(&mut self, who: ActorId, kind: char, value: u64, words: impl FnOnce() -> String) {
        self.story.note(self.now, who, kind, value, words);
    }
}
