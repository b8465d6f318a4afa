//! The steps of a script: each does one thing on a stage and writes down what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use homecoming::pipeline::Fault;
use homecoming::pipeline::ports::{Destination, InputPartition, Outgoing, Polled, Position, Remembered};
use homecoming::wire::Source;

use super::stage::{Fate, Names, PARTITIONS, Patience, Seen, Sees, Stage, Topic};

/// Where the scripts' events are written to.
pub const ORDERS: InputPartition = InputPartition { source: Source::Purchases, partition: 0 };
pub const ORDERS_TOO: InputPartition = InputPartition { source: Source::Purchases, partition: 1 };

pub const RISK: Destination = Destination::ChurnRisk;
pub const STATE: Destination = Destination::State(0);

const POLL: Duration = Duration::from_millis(50);

/// How often something is looked for that must come: far longer than it takes, so that only a broken run ends here.
const LOOKS: usize = 6000;

pub struct Play<'a> {
    stage: &'a mut dyn Stage,
    answers: Vec<String>,
    held: BTreeMap<&'static str, Vec<i32>>,
    /// Records that were refused when they were sent.
    refused: BTreeMap<&'static str, Fault>,
}

impl<'a> Play<'a> {
    pub fn on(stage: &'a mut dyn Stage) -> Self {
        Self { stage, answers: Vec::new(), held: BTreeMap::new(), refused: BTreeMap::new() }
    }

    /// # Panics
    /// When the answers are not these.
    pub fn must_have_answered(&self, expected: &[&str]) {
        let differ = (0..).zip(&self.answers).find(|(number, answer)| expected.get(*number) != Some(&answer.as_str()));
        assert!(
            self.answers == expected,
            "the answers are\n    {}\nand not\n    {}\n(the first to differ: {differ:?})",
            self.answers.join("\n    "),
            expected.join("\n    ")
        );
    }

    fn tell(&mut self, answer: String) {
        self.answers.push(answer);
    }

    fn tell_outcome(&mut self, who: &str, does: &str, outcome: Result<(), Fault>) {
        let came = outcome.map_or_else(|fault| class(&fault).to_owned(), |()| "done".to_owned());
        self.tell(format!("{who} {does}: {came}"));
    }

    fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        for _ in 0..LOOKS {
            if let Some(found) = look(self) {
                return found;
            }
            self.stage.pass(POLL);
        }
        panic!("waited in vain for: {what}; so far\n    {}", self.answers.join("\n    "));
    }

    // --- what others do ----------------------------------------------------------------------------------------------

    pub fn write(&mut self, to: InputPartition, values: &[&str], fate: Fate) {
        self.stage.write(to, values, fate);
    }

    pub fn end_writing(&mut self) {
        self.stage.end_writing();
    }

    pub fn expire(&mut self, input: InputPartition, before: i64) {
        self.stage.expire(input, before);
    }

    // --- processes that come and go ----------------------------------------------------------------------------------

    pub fn start(&mut self, who: &'static str, names: Names) {
        self.stage.start(who, names, Patience::Minutes);
    }

    pub fn start_hasty(&mut self, who: &'static str, names: Names) {
        self.stage.start(who, names, Patience::Seconds);
    }

    pub fn vanish(&mut self, who: &'static str) {
        self.held.remove(who);
        self.stage.vanish(who);
    }

    pub fn leave(&mut self, who: &'static str) {
        self.held.remove(who);
        self.stage.log(who).leave(Duration::from_secs(60));
    }

    /// Has these poll, let go and take up, until they share all partitions; tells who has which.
    pub fn settle(&mut self, all: &[&'static str]) {
        let count = |play: &Self| {
            let shares = all.iter().map(|who| play.held.get(who).map(Vec::len));
            shares.sum::<Option<usize>>()
        };
        self.until("everybody has a share", |play| {
            for who in all {
                play.follow(who);
            }
            (count(play) == Some(PARTITIONS as usize)).then_some(())
        });
        for who in all {
            let share = self.held[who].clone();
            self.tell(format!("{who} is given {share:?}"));
        }
    }

    /// One poll, and what the group asks for.
    fn follow(&mut self, who: &'static str) {
        let polled = self.stage.log(who).poll(POLL, &mut |_| {});
        match polled.unwrap_or_else(|fault| panic!("{who} is refused: {fault}")) {
            Polled::Assigned(partitions) => {
                let known = self.remembered_by(who, &partitions);
                let start = |known: &Remembered| {
                    let committed = known.committed.as_ref().map(|(offset, _)| *offset);
                    (known.input, committed.unwrap_or(known.low))
                };
                let starts: Vec<_> = known.iter().map(start).collect();
                self.stage.log(who).take_up(&starts).expect("what was given can be taken up");
                self.held.insert(who, partitions);
            }
            Polled::Revoked { .. } => self.let_go(who),
            Polled::Nothing | Polled::Record => {}
        }
    }

    pub fn let_go(&mut self, who: &'static str) {
        self.held.remove(who);
        self.stage.log(who).let_go().expect("what was taken back can be let go");
    }

    /// Polls until the group takes the partitions back, which are not yet let go.
    pub fn must_give_back(&mut self, who: &'static str) {
        let lost =
            self.until("the group takes everything back", |play| match play.stage.log(who).poll(POLL, &mut |_| {}) {
                Ok(Polled::Revoked { lost }) => Some(lost),
                Ok(_) => None,
                Err(fault) => panic!("{who} is refused: {fault}"),
            });
        self.tell(format!("{who} has to give back what it has, lost: {lost}"));
    }

    // --- reading -----------------------------------------------------------------------------------------------------

    /// Lets these flow and polls until so many have come.
    pub fn read(&mut self, who: &'static str, inputs: &[InputPartition], count: usize) {
        self.stage.log(who).resume(inputs).expect("what is taken up can flow");
        self.read_on(who, count);
    }

    pub fn read_on(&mut self, who: &'static str, count: usize) {
        let mut read = Vec::new();
        let fault = self.until("records are read", |play| {
            let polled = play.stage.log(who).poll(POLL, &mut |record| {
                let value = String::from_utf8_lossy(record.incoming.value.unwrap_or_default()).into_owned();
                read.push(format!("{} {value}", place(record.from, record.offset)));
            });
            match polled {
                Err(fault) => Some(Some(fault)),
                Ok(Polled::Nothing | Polled::Record) => (read.len() == count).then_some(None),
                Ok(other) => panic!("{who} is told {other:?} instead of a record"),
            }
        });
        // Of several partitions no order is promised.
        read.sort();
        let ends = fault.map_or_else(String::new, |fault| format!(" and ends: {}", class(&fault)));
        self.tell(format!("{who} reads [{}]{ends}", read.join(", ")));
    }

    pub fn hold(&mut self, who: &str, inputs: &[InputPartition]) {
        self.stage.log(who).hold(inputs).expect("what is taken up can be held back");
    }

    pub fn take_up(&mut self, who: &str, starts: &[(InputPartition, i64)]) {
        self.stage.log(who).take_up(starts).expect("what was given can be taken up");
    }

    pub fn rewind(&mut self, who: &str, to: &[(InputPartition, i64)]) {
        self.stage.log(who).rewind(to).expect("what is taken up can be rewound");
    }

    /// Polls until nothing is left to read before the end, as the next offset tells it.
    pub fn must_have_nothing_left(&mut self, who: &'static str, input: InputPartition, next_offset: i64) {
        self.until("nothing is left", |play| {
            let mut read = 0;
            let polled = play.stage.log(who).poll(POLL, &mut |_| read += 1);
            assert!(matches!(polled, Ok(Polled::Nothing)) && read == 0, "{who} is not at the end: {polled:?}");
            (play.stage.log(who).backlog(input, next_offset) == Some(0)).then_some(())
        });
        self.tell(format!("{who} has nothing left at {}", place(input, next_offset)));
    }

    /// Polls until the backlog is known and tells it.
    pub fn backlog(&mut self, who: &'static str, input: InputPartition, next_offset: i64) {
        let left = self.until("the backlog is known", |play| {
            let polled = play.stage.log(who).poll(POLL, &mut |_| {});
            assert!(matches!(polled, Ok(Polled::Nothing)), "{who} is not at the end: {polled:?}");
            play.stage.log(who).backlog(input, next_offset)
        });
        self.tell(format!("{who} has {left} left at {}", place(input, next_offset)));
    }

    fn remembered_by(&mut self, who: &'static str, partitions: &[i32]) -> Vec<Remembered> {
        let mut known =
            self.until("the group's offsets are known", |play| match play.stage.log(who).remembered(partitions) {
                Ok(known) => Some(known),
                Err(Fault::Passing(_)) => None,
                Err(fault) => panic!("{who} is not told the group's offsets: {fault}"),
            });
        known.sort_by_key(|known| known.input);
        known
    }

    /// What the group and the log know of the inputs that are not empty.
    pub fn remembered(&mut self, who: &'static str) {
        let partitions: Vec<i32> = (0..PARTITIONS).collect();
        let known = self.remembered_by(who, &partitions);
        for Remembered { input, committed, low, high } in known.into_iter().filter(|known| known.high > 0) {
            let committed =
                committed.map_or_else(|| "nothing".to_owned(), |(offset, note)| format!("{offset} ({note})"));
            let name = format!("{}-{}", input.source.name(), input.partition);
            self.tell(format!("the group knows of {name}: {committed}, log from {low} to {high}"));
        }
    }

    // --- transactions ------------------------------------------------------------------------------------------------

    /// Whether a refusal is noticed here already or with the commit is a matter of time: it is told there.
    pub fn send(&mut self, who: &'static str, to: Destination, key: &str, value: Option<&str>) {
        let record = Outgoing { to, key: Some(key.as_bytes()), value: value.map(str::as_bytes), headers: &[] };
        if let Err(fault) = self.stage.log(who).send(&record) {
            self.refused.insert(who, fault);
        }
    }

    /// Commits up to these offsets with a note.
    pub fn commit(&mut self, who: &str, up_to: &[(InputPartition, i64)], note: &str) {
        let position = |(input, next_offset): &(InputPartition, i64)| Position {
            input: *input,
            next_offset: *next_offset,
            note: note.to_owned(),
        };
        let positions: Vec<Position> = up_to.iter().map(position).collect();
        let refused = self.refused.remove(who);
        let came = match refused.map_or_else(|| self.stage.log(who).commit(&positions), Err) {
            Ok(_) => "done".to_owned(),
            Err(fault) => class(&fault).to_owned(),
        };
        self.tell(format!("{who} commits {note}: {came}"));
    }

    pub fn abort(&mut self, who: &str) {
        let outcome = self.stage.log(who).abort();
        self.tell_outcome(who, "aborts", outcome);
    }

    pub fn renew(&mut self, who: &str) {
        let outcome = self.stage.log(who).renew();
        self.tell_outcome(who, "takes a new producer", outcome);
    }

    // --- what readers see --------------------------------------------------------------------------------------------

    /// Once no transaction is open.
    pub fn shown(&mut self, topic: Topic) {
        self.until("no transaction is open", |play| {
            let ends = play.stage.ends(topic, Sees::Everything);
            (play.stage.ends(topic, Sees::Committed) == ends).then_some(())
        });
        self.tell_views(topic);
        let ends = self.stage.ends(topic, Sees::Everything);
        self.tell(format!("{} ends at {ends:?}", topic.name()));
    }

    /// With a transaction open, once `who` has sent what it has, so that so many records are there in all.
    pub fn shown_while_open(&mut self, who: &str, topic: Topic, count: usize) {
        self.stage.linger(who);
        self.until("all records are there", |play| {
            (play.stage.view(topic, Sees::Everything).len() == count).then_some(())
        });
        self.tell_views(topic);
    }

    /// With a transaction open, until what `who` has sent brought the topic's partitions to these ends.
    pub fn must_reach(&mut self, who: &str, topic: Topic, ends: &[i64]) {
        self.stage.linger(who);
        self.until("all records are there", |play| (play.stage.ends(topic, Sees::Everything) == ends).then_some(()));
    }

    fn tell_views(&mut self, topic: Topic) {
        let committed = listed(&self.stage.view(topic, Sees::Committed));
        let all = listed(&self.stage.view(topic, Sees::Everything));
        self.tell(format!("{} shows [{committed}] of [{all}]", topic.name()));
    }

    // --- the state ---------------------------------------------------------------------------------------------------

    pub fn restore(&mut self, who: &str, from: Option<i64>) {
        let outcome = self.stage.log(who).restore(&[(0, from)]);
        self.tell_outcome(who, "begins to restore", outcome);
    }

    /// Restores until so many records have come, and tells whether something is left.
    pub fn restore_some(&mut self, who: &str, count: usize) {
        let mut restored = Vec::new();
        self.until("records are restored", |play| {
            play.poll_restore(who, &mut restored);
            (restored.len() == count).then_some(())
        });
        let is_done = self.stage.log(who).restored(0).expect("it is being read").remaining == 0;
        self.tell(format!("{who} restores [{}], done: {is_done}", restored.join(", ")));
    }

    /// Restores to the end.
    pub fn restore_all(&mut self, who: &str) {
        let mut restored = Vec::new();
        let next_offset = self.until("everything is restored", |play| {
            play.poll_restore(who, &mut restored);
            let up_to = play.stage.log(who).restored(0).expect("it is being read");
            (up_to.remaining == 0).then_some(up_to.next_offset)
        });
        self.tell(format!("{who} restores [{}] up to {next_offset}", restored.join(", ")));
    }

    fn poll_restore(&mut self, who: &str, restored: &mut Vec<String>) {
        let polled = self.stage.log(who).poll_restore(POLL, &mut |record| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            restored.push(pair(&text(record.key), record.value.map(text).as_deref()));
        });
        polled.unwrap_or_else(|fault| panic!("{who} can't restore: {fault}"));
    }

    /// From here on the log cleaner may pass over the state.
    pub fn begin_compaction(&mut self) {
        self.stage.begin_compaction();
    }

    /// Waits until the log cleaner has taken away all but so many records of the state.
    pub fn compact_to(&mut self, count: usize) {
        self.until("the log is compacted", |play| {
            play.stage.begin_compaction();
            (play.stage.view(Topic::State, Sees::Everything).len() == count).then_some(())
        });
    }
}

fn class(fault: &Fault) -> &'static str {
    match fault {
        Fault::Passing(_) => "may be tried again",
        Fault::MustAbort(_) => "must be aborted",
        Fault::OutcomeUnknown(_) => "nobody knows, the producer is of no use",
        Fault::Final(_) => "the end",
    }
}

fn place(input: InputPartition, offset: i64) -> String {
    format!("{}-{}@{offset}", input.source.name(), input.partition)
}

fn pair(key: &str, value: Option<&str>) -> String {
    format!("{key}={}", value.unwrap_or("(none)"))
}

fn listed(records: &[Seen]) -> String {
    let one = |seen: &Seen| format!("{}@{} {}", seen.partition, seen.offset, pair(&seen.key, seen.value.as_deref()));
    records.iter().map(one).collect::<Vec<_>>().join(", ")
}
