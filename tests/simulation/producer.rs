//! The transactional producer, as librdkafka and `src/kafka/producer.rs` are together: records first, then offsets,
//! then the end; what fails is asked again with the same epoch, and a producer that saw a connection break is renewed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use homecoming::pipeline::Fault;
use homecoming::pipeline::ports::{CommitTimes, Position};

use crate::broker::{Answer, Error, Producer, Request};
use crate::group::Membership;
use crate::plan::Mutation;
use crate::topics::{Record, Topic};
use crate::world::Part;

const REPEAT_FOR: Duration = Duration::from_secs(30);
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

pub struct Transactions<'a> {
    part: Part<'a>,
    id: String,
    mutation: Option<Mutation>,
    producer: Option<Producer>,
    /// No transaction was begun with it yet.
    is_fresh: bool,
    is_open: bool,
    is_tainted: bool,
    /// Sent by the service, not yet by the client.
    waiting: Vec<(Topic, i32, Arc<Record>)>,
    added: BTreeSet<(Topic, i32)>,
    /// The broker may have it open.
    is_begun: bool,
    sequence: u64,
    fenced_in_a_row: u32,
    pub made: u64,
}

/// Why a call did not do what it should.
enum Failure {
    /// No answer, for as long as it was repeated.
    Unanswered,
    Refused(Error),
}

impl<'a> Transactions<'a> {
    pub fn new(part: Part<'a>, id: String, mutation: Option<Mutation>) -> Self {
        Self {
            part,
            id,
            mutation,
            producer: None,
            is_fresh: false,
            is_open: false,
            is_tainted: false,
            waiting: Vec::new(),
            added: BTreeSet::new(),
            is_begun: false,
            sequence: 0,
            fenced_in_a_row: 0,
            made: 0,
        }
    }

    pub fn renew(&mut self) -> Result<(), Fault> {
        self.forget_transaction();
        (self.producer, self.is_tainted) = (None, false);
        self.made += 1;
        let asked = self.ask(|id| Request::InitProducerId { transactional_id: id.to_owned() }, REPEAT_FOR);
        match asked {
            Ok(Answer::Producer(producer)) => {
                (self.producer, self.is_fresh) = (Some(producer), true);
                Ok(())
            }
            Ok(other) => unreachable!("a new producer is answered {other}"),
            Err(_) => Err(Fault::Passing("can't get a transactional producer".to_owned())),
        }
    }

    pub fn renew_if_used(&mut self) -> Result<(), Fault> {
        if self.producer.is_some() && self.is_fresh { Ok(()) } else { self.renew() }
    }

    pub fn begin_work(&mut self) -> Result<(), Fault> {
        if self.made == 0 { self.renew() } else { Ok(()) }
    }

    fn forget_transaction(&mut self) {
        self.is_open = false;
        self.is_begun = false;
        self.waiting.clear();
        self.added.clear();
    }

    fn begin(&mut self) -> Result<(), Fault> {
        if self.is_open {
            return Ok(());
        }
        if self.producer.is_none() {
            self.renew()?;
        }
        (self.is_open, self.is_fresh) = (true, false);
        Ok(())
    }

    pub fn send(&mut self, topic: Topic, partition: i32, record: Arc<Record>, now: bool) -> Result<(), Fault> {
        self.begin()?;
        self.waiting.push((topic, partition, record));
        if now { self.drain() } else { Ok(()) }
    }

    /// Has the broker take whatever waits.
    pub fn drain(&mut self) -> Result<(), Fault> {
        let partitions: BTreeSet<_> = self.waiting.iter().map(|(topic, partition, _)| (*topic, *partition)).collect();
        if !partitions.is_subset(&self.added) {
            let by = self.by();
            let add = |_: &str| Request::AddPartitionsToTxn { by: by.clone(), partitions: partitions.clone() };
            self.is_begun = true;
            self.ask(add, DRAIN_WITHIN).map_err(|failure| self.undrained(&failure))?;
            self.added.extend(partitions.iter().copied());
        }
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.sequence += 1;
        let (by, sequence, records) = (self.by(), self.sequence, self.waiting.clone());
        let produce = |_: &str| Request::Produce { by: by.clone(), sequence, records: records.clone() };
        match self.ask(produce, DRAIN_WITHIN) {
            Ok(Answer::Done) => {
                self.waiting.clear();
                Ok(())
            }
            Ok(other) => unreachable!("records are answered {other}"),
            Err(failure) => Err(self.undrained(&failure)),
        }
    }

    /// Whatever the brokers have against a record or its partition, the transaction did not take place.
    fn undrained(&mut self, failure: &Failure) -> Fault {
        match failure {
            Failure::Unanswered => {
                // librdkafka takes a new epoch before it sends anything else: the records may still be on their way.
                self.is_tainted = true;
                Fault::MustAbort("records were not acknowledged in time".to_owned())
            }
            Failure::Refused(error) => Fault::MustAbort(format!("a record was not accepted: {error:?}")),
        }
    }

    pub fn commit(&mut self, positions: &[Position], member: &Membership) -> Result<CommitTimes, Fault> {
        self.begin()?;
        self.drain()?;
        if self.mutation == Some(Mutation::OffsetsApart) && !positions.is_empty() && !self.added.is_empty() {
            self.end(true)?;
            self.added.clear();
            self.is_begun = false;
        }
        if !positions.is_empty() {
            self.add_offsets(positions, member)?;
        }
        self.end(true)?;
        self.fenced_in_a_row = 0;
        self.forget_transaction();
        self.renew_if_tainted();
        Ok(CommitTimes::default())
    }

    fn add_offsets(&mut self, positions: &[Position], member: &Membership) -> Result<(), Fault> {
        let by = self.by();
        let add = |_: &str| Request::AddOffsetsToTxn { by: by.clone() };
        self.is_begun = true;
        let asked = self.ask(add, REPEAT_FOR);
        asked.map_err(|failure| self.unanswered_or("can't add the offsets", failure))?;
        let commit = |_: &str| Request::TxnOffsetCommit {
            by: by.clone(),
            member: member.clone(),
            positions: positions.to_vec(),
        };
        let asked = self.ask(commit, REPEAT_FOR);
        asked.map(drop).map_err(|failure| self.unanswered_or("can't add the offsets", failure))
    }

    fn unanswered_or(&mut self, what: &str, failure: Failure) -> Fault {
        match failure {
            Failure::Unanswered => Fault::Passing(format!("{what}: no answer")),
            Failure::Refused(error) => self.fault(what, error),
        }
    }

    fn end(&mut self, commit: bool) -> Result<(), Fault> {
        if !self.is_begun {
            return Ok(());
        }
        let by = self.by();
        // How long librdkafka repeats a commit depends on when it notices what; it may be not at all.
        let patience = *self.part.lock().chance.pick(&[0, 0, 50, 1000, 30_000]);
        let patience = if commit { Duration::from_millis(patience) } else { REPEAT_FOR };
        let asked = self.ask(|_| Request::EndTxn { by: by.clone(), commit }, patience);
        asked.map(drop).map_err(|failure| match self.unanswered_or("can't end the transaction", failure) {
            Fault::Final(reason) => Fault::Final(reason),
            other => Fault::OutcomeUnknown(other.to_string()),
        })
    }

    pub fn abort(&mut self) -> Result<(), Fault> {
        if !self.is_open {
            return Ok(());
        }
        self.end(false)?;
        self.forget_transaction();
        self.renew_if_tainted();
        Ok(())
    }

    fn renew_if_tainted(&mut self) {
        if self.is_tainted && self.mutation != Some(Mutation::ProducerKept) {
            self.producer = None;
        }
        self.is_tainted = false;
    }

    fn by(&self) -> Producer {
        self.producer.clone().expect("there is a producer while a transaction is open")
    }

    fn fault(&mut self, what: &str, error: Error) -> Fault {
        let text = format!("{what}: {error:?}");
        match error {
            Error::Member(_) => Fault::MustAbort(text),
            Error::InvalidProducerEpoch => {
                self.fenced_in_a_row += 1;
                if self.fenced_in_a_row > 5 {
                    return Fault::Final(format!("another process uses the same kafka.instance_id ({text})"));
                }
                Fault::OutcomeUnknown(text)
            }
            _ => Fault::OutcomeUnknown(text),
        }
    }

    /// Asks until there is an answer that says yes or a lasting no.
    fn ask(&mut self, request: impl Fn(&str) -> Request, patience: Duration) -> Result<Answer, Failure> {
        let until = self.part.lock().now + patience;
        loop {
            match self.part.ask(request(&self.id)) {
                None => self.is_tainted = true,
                Some(Answer::Error(Error::ConcurrentTransactions | Error::NotCoordinator)) => {}
                Some(Answer::Error(error)) => {
                    self.part.lock().story.count(error.name());
                    return Err(Failure::Refused(error));
                }
                Some(answer) => return Ok(answer),
            }
            let (now, pause) = {
                let mut sim = self.part.lock();
                (sim.now, sim.chance.millis(5, 20))
            };
            if now >= until {
                return Err(Failure::Unanswered);
            }
            self.part.sleep(pause);
        }
    }
}
