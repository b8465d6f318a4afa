//! The broker: requests in, answers out. Transactions as Kafka 4 keeps them for clients of the protocol's first
//! version, the one that librdkafka speaks: the epoch stays the same from one transaction to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use homecoming::pipeline::ports::{InputPartition, Position, Remembered};
use homecoming::wire::Source;
use xxhash_rust::xxh3::Xxh3;

use crate::group::{Group, Membership, Refusal};
use crate::topics::{PartitionLog, Record, Topic};

pub const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct Producer {
    pub transactional_id: String,
    pub epoch: i32,
}

#[derive(Clone)]
pub enum Request {
    InitProducerId {
        transactional_id: String,
    },
    AddPartitionsToTxn {
        by: Producer,
        partitions: BTreeSet<(Topic, i32)>,
    },
    Produce {
        by: Producer,
        sequence: u64,
        records: Vec<(Topic, i32, Arc<Record>)>,
    },
    AddOffsetsToTxn {
        by: Producer,
    },
    TxnOffsetCommit {
        by: Producer,
        member: Membership,
        positions: Vec<Position>,
    },
    EndTxn {
        by: Producer,
        commit: bool,
    },
    /// With it the ends of the inputs, which a client would ask for separately.
    OffsetFetch {
        inputs: Vec<InputPartition>,
    },
    /// Of the state topic.
    ListOffsets {
        partitions: Vec<i32>,
    },
}

#[derive(Clone)]
pub enum Answer {
    Done,
    Producer(Producer),
    Remembered(Vec<Remembered>),
    /// By partition: first offset, end, last stable offset.
    Ends(BTreeMap<i32, (i64, i64, i64)>),
    Error(Error),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    ConcurrentTransactions,
    NotCoordinator,
    UnstableOffsetCommit,
    InvalidProducerEpoch,
    InvalidTxnState,
    Member(Refusal),
}

impl Error {
    pub fn name(self) -> &'static str {
        match self {
            Self::ConcurrentTransactions => "refused: concurrent transactions",
            Self::NotCoordinator => "refused: not coordinator",
            Self::UnstableOffsetCommit => "refused: unstable offset commit",
            Self::InvalidProducerEpoch => "refused: invalid producer epoch",
            Self::InvalidTxnState => "refused: invalid transaction state",
            Self::Member(Refusal::UnknownMember) => "refused: unknown member",
            Self::Member(Refusal::IllegalGeneration) => "refused: illegal generation",
            Self::Member(Refusal::FencedInstance) => "refused: fenced instance",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Empty,
    Ongoing,
    /// Decided, and its markers are on their way.
    Prepared(bool),
    Complete(bool),
}

pub struct Transaction {
    id: u64,
    epoch: i32,
    pub phase: Phase,
    began: Duration,
    partitions: BTreeSet<(Topic, i32)>,
    has_offsets: bool,
    pending: BTreeMap<InputPartition, (i64, String)>,
    markers_left: usize,
    /// The last batch produced: a repetition gets the same answer.
    produced: Option<(i32, u64)>,
}

/// A marker to be written: to a partition's log or, without one, to the group's offsets.
#[derive(Clone, Debug)]
pub struct Marker {
    pub transactional_id: String,
    pub commit: bool,
    pub to: Option<(Topic, i32)>,
}

/// Every value of the state that was ever committed, by its fingerprint: readers are looked at thousands of times a seed.
#[derive(Default)]
pub struct Values(BTreeSet<u128>);

impl Values {
    fn add(&mut self, partition: i32, key: &[u8], value: &[u8]) {
        self.0.insert(Self::fingerprint(partition, key, value));
    }

    pub fn has(&self, partition: i32, key: &[u8], value: &[u8]) -> bool {
        self.0.contains(&Self::fingerprint(partition, key, value))
    }

    fn fingerprint(partition: i32, key: &[u8], value: &[u8]) -> u128 {
        let mut hash = Xxh3::with_seed(partition as u64);
        hash.update(&(key.len() as u64).to_le_bytes());
        hash.update(key);
        hash.update(value);
        hash.digest128()
    }
}

pub struct Broker {
    pub logs: BTreeMap<(Topic, i32), PartitionLog>,
    pub transactions: BTreeMap<String, Transaction>,
    pub offsets: BTreeMap<InputPartition, (i64, String)>,
    pub group: Group,
    /// What readers may see.
    pub values: Values,
    /// Markers to be sent.
    pub markers: Vec<Marker>,
    /// When a transaction was last decided.
    pub decided_at: Duration,
    producers: u64,
}

impl Broker {
    pub fn new(partitions: i32) -> Self {
        let inputs = Source::ALL.into_iter().map(Topic::Input);
        let outputs = [Topic::ReturningCustomers, Topic::ChurnRisk, Topic::DeadLetters, Topic::State];
        let topics = inputs.chain(outputs);
        Self {
            logs: topics
                .flat_map(|topic| (0..partitions).map(move |partition| ((topic, partition), PartitionLog::default())))
                .collect(),
            transactions: BTreeMap::new(),
            offsets: BTreeMap::new(),
            group: Group::new(partitions),
            values: Values::default(),
            markers: Vec::new(),
            decided_at: Duration::ZERO,
            producers: 0,
        }
    }

    pub fn log(&self, topic: Topic, partition: i32) -> &PartitionLog {
        &self.logs[&(topic, partition)]
    }

    pub fn log_mut(&mut self, topic: Topic, partition: i32) -> &mut PartitionLog {
        self.logs.get_mut(&(topic, partition)).expect("all partitions are there from the start")
    }

    pub fn serve(&mut self, request: &Request, now: Duration) -> Answer {
        match self.carry_out(request, now) {
            Ok(answer) => answer,
            Err(error) => Answer::Error(error),
        }
    }

    fn carry_out(&mut self, request: &Request, now: Duration) -> Result<Answer, Error> {
        match request {
            Request::InitProducerId { transactional_id } => {
                self.init_producer_id(transactional_id, now).map(Answer::Producer)
            }
            Request::AddPartitionsToTxn { by, partitions } => {
                self.continued(by, now)?.partitions.extend(partitions);
                Ok(Answer::Done)
            }
            Request::Produce { by, sequence, records } => {
                self.produce(by, *sequence, records, now).map(|()| Answer::Done)
            }
            Request::AddOffsetsToTxn { by } => {
                self.continued(by, now)?.has_offsets = true;
                Ok(Answer::Done)
            }
            Request::TxnOffsetCommit { by, member, positions } => {
                self.group.check(member).map_err(Error::Member)?;
                let transaction = self.of(by)?;
                if transaction.phase != Phase::Ongoing || !transaction.has_offsets {
                    return Err(Error::InvalidTxnState);
                }
                for position in positions {
                    transaction.pending.insert(position.input, (position.next_offset, position.note.clone()));
                }
                Ok(Answer::Done)
            }
            Request::EndTxn { by, commit } => self.end_txn(by, *commit, now),
            Request::OffsetFetch { inputs } => self.remembered(inputs).map(Answer::Remembered),
            Request::ListOffsets { partitions } => {
                let ends = partitions.iter().map(|partition| {
                    let log = self.log(Topic::State, *partition);
                    (*partition, (log.low(), log.end(), log.last_stable_offset()))
                });
                Ok(Answer::Ends(ends.collect()))
            }
        }
    }

    fn of(&mut self, by: &Producer) -> Result<&mut Transaction, Error> {
        let transaction = self.transactions.get_mut(&by.transactional_id).ok_or(Error::InvalidTxnState)?;
        if transaction.epoch == by.epoch { Ok(transaction) } else { Err(Error::InvalidProducerEpoch) }
    }

    /// The producer's transaction, begun if there is none.
    fn continued(&mut self, by: &Producer, now: Duration) -> Result<&mut Transaction, Error> {
        let transaction = self.of(by)?;
        match transaction.phase {
            Phase::Prepared(_) => return Err(Error::ConcurrentTransactions),
            Phase::Ongoing => {}
            Phase::Empty | Phase::Complete(_) => {
                transaction.phase = Phase::Ongoing;
                transaction.began = now;
                transaction.partitions.clear();
                transaction.pending.clear();
                transaction.has_offsets = false;
            }
        }
        Ok(transaction)
    }

    fn init_producer_id(&mut self, transactional_id: &str, now: Duration) -> Result<Producer, Error> {
        self.producers += 1;
        let id = self.producers;
        let transaction = self.transactions.entry(transactional_id.to_owned()).or_insert_with(|| Transaction {
            id,
            epoch: -1,
            phase: Phase::Empty,
            began: now,
            partitions: BTreeSet::new(),
            has_offsets: false,
            pending: BTreeMap::new(),
            markers_left: 0,
            produced: None,
        });
        match transaction.phase {
            Phase::Prepared(_) => return Err(Error::ConcurrentTransactions),
            Phase::Ongoing => {
                // The old owner is fenced before its transaction is aborted.
                transaction.epoch += 1;
                self.decide(transactional_id, false, now);
                return Err(Error::ConcurrentTransactions);
            }
            Phase::Empty | Phase::Complete(_) => {}
        }
        transaction.epoch += 1;
        transaction.phase = Phase::Empty;
        transaction.produced = None;
        Ok(Producer { transactional_id: transactional_id.to_owned(), epoch: transaction.epoch })
    }

    fn produce(
        &mut self,
        by: &Producer,
        sequence: u64,
        records: &[(Topic, i32, Arc<Record>)],
        now: Duration,
    ) -> Result<(), Error> {
        let transaction = self.of(by)?;
        if let Some((epoch, last)) = &transaction.produced
            && *epoch == by.epoch
            && sequence <= *last
        {
            return Ok(());
        }
        let is_added = |(topic, partition, _): &(Topic, i32, _)| transaction.partitions.contains(&(*topic, *partition));
        // Since KIP-890's first part the partition's leader asks the coordinator before it takes a record.
        if transaction.phase != Phase::Ongoing || !records.iter().all(is_added) {
            return Err(Error::InvalidTxnState);
        }
        let id = transaction.id;
        for (topic, partition, record) in records {
            self.log_mut(*topic, *partition).append(Arc::clone(record), Some(id), now);
        }
        self.of(by)?.produced = Some((by.epoch, sequence));
        Ok(())
    }

    fn end_txn(&mut self, by: &Producer, commit: bool, now: Duration) -> Result<Answer, Error> {
        match self.of(by)?.phase {
            Phase::Ongoing => self.decide(&by.transactional_id, commit, now),
            Phase::Prepared(decided) if decided == commit => return Err(Error::ConcurrentTransactions),
            // Answered as before: a repetition, for all the coordinator knows.
            Phase::Complete(decided) if decided == commit => {}
            _ => return Err(Error::InvalidTxnState),
        }
        Ok(Answer::Done)
    }

    /// From here on nothing can change how the transaction ends, though its markers have yet to be written.
    fn decide(&mut self, transactional_id: &str, commit: bool, now: Duration) {
        let transaction = self.transactions.get_mut(transactional_id).expect("only known ones are decided");
        transaction.phase = Phase::Prepared(commit);
        let to = transaction.partitions.iter().copied().map(Some).chain(transaction.has_offsets.then_some(None));
        let markers: Vec<_> =
            to.map(|to| Marker { transactional_id: transactional_id.to_owned(), commit, to }).collect();
        transaction.markers_left = markers.len();
        if markers.is_empty() {
            transaction.phase = Phase::Complete(commit);
        }
        let (id, partitions) = (transaction.id, transaction.partitions.clone());
        for (_, partition) in partitions.into_iter().filter(|(topic, _)| commit && *topic == Topic::State) {
            for record in self.logs[&(Topic::State, partition)].open_records(id) {
                if let (Some(key), Some(value)) = (&record.key, &record.value) {
                    self.values.add(partition, key, value);
                }
            }
        }
        self.markers.extend(markers);
        self.decided_at = now;
    }

    /// A marker arrives where it belongs.
    pub fn write(&mut self, marker: &Marker, now: Duration) {
        let transaction = self.transactions.get_mut(&marker.transactional_id).expect("it was decided");
        let id = transaction.id;
        transaction.markers_left -= 1;
        if transaction.markers_left == 0 {
            transaction.phase = Phase::Complete(marker.commit);
        }
        match marker.to {
            Some((topic, partition)) => self.log_mut(topic, partition).mark(id, marker.commit, now),
            None => {
                let pending = std::mem::take(&mut transaction.pending);
                self.offsets.extend(pending.into_iter().filter(|_| marker.commit));
            }
        }
    }

    /// Aborts what has been open for too long, and fences whoever opened it.
    pub fn expire_transactions(&mut self, now: Duration) -> Vec<String> {
        let is_over = |transaction: &Transaction| {
            transaction.phase == Phase::Ongoing && now.saturating_sub(transaction.began) > TRANSACTION_TIMEOUT
        };
        let over = self.transactions.iter().filter(|(_, transaction)| is_over(transaction));
        let over: Vec<String> = over.map(|(id, _)| id.clone()).collect();
        for id in &over {
            if let Some(transaction) = self.transactions.get_mut(id) {
                transaction.epoch += 1;
            }
            self.decide(id, false, now);
        }
        over
    }

    fn remembered(&self, inputs: &[InputPartition]) -> Result<Vec<Remembered>, Error> {
        let is_unstable = |input: &InputPartition| {
            self.transactions.values().any(|transaction| transaction.pending.contains_key(input))
        };
        if inputs.iter().any(is_unstable) {
            return Err(Error::UnstableOffsetCommit);
        }
        let remembered = inputs.iter().map(|&input| {
            let log = self.log(Topic::Input(input.source), input.partition);
            Remembered { input, committed: self.offsets.get(&input).cloned(), low: log.low(), high: log.end() }
        });
        Ok(remembered.collect())
    }

    /// Whether nothing is under way.
    pub fn is_settled(&self) -> bool {
        let is_over = |transaction: &Transaction| matches!(transaction.phase, Phase::Empty | Phase::Complete(_));
        self.transactions.values().all(is_over) && self.logs.values().all(|log| !log.is_open())
    }
}
