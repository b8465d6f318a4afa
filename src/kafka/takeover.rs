//! What dead members of the group left open, ended by whoever has their partitions now.
//!
//! A transaction that nobody ends hides the group's offsets, the end of the state topic and every signal written after
//! it, until the brokers give up on it. So the note of every commit also says under which transactional id it was made.
//! A member that is given partitions looks whose they were, and takes the id away from those who are in the group no
//! more: that aborts what they left open. Nothing waits for it and nothing rests on it: whoever lives after all makes a
//! new producer, no more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::changelog::Asker;
use super::client::Connection;
use super::consumer::ANSWER_WITHIN;

/// What stands between a note and the id it was committed under.
const AS: &str = " as=";

/// How long the brokers may take to abort a transaction.
const END_WITHIN: Duration = Duration::from_secs(30);

/// A note as the group keeps it.
pub(super) fn signed(note: &str, transactional_id: &str) -> String {
    format!("{note}{AS}{transactional_id}")
}

/// A note as it was given to us.
pub(super) fn unsigned(kept: &str) -> &str {
    kept.split_once(AS).map_or(kept, |(note, _)| note)
}

fn signer(kept: &str) -> Option<&str> {
    kept.split_once(AS).map(|(_, transactional_id)| transactional_id)
}

/// By this the group consumer of a stream thread is known among the group's members.
pub(super) fn role_of_member(transactional_id: &str) -> String {
    format!("consumer-{transactional_id}")
}

/// Whose id to take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// Of those who are known to have left the group.
    Gone,
    /// Something holds us up: also of those of whom nobody can tell, other threads of this process excepted.
    HeldUp,
}

pub(super) struct Takeover {
    work: Work,
    running: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Work {
    connection: Connection,
    asker: Arc<Asker>,
    transactional_id: String,
    /// How the ids of all threads of this process begin.
    own_ids_begin: String,
}

impl Takeover {
    pub(super) fn new(
        connection: &Connection,
        asker: &Arc<Asker>,
        transactional_id: &str,
        own_ids_begin: String,
    ) -> Self {
        let (connection, asker) = (connection.clone(), Arc::clone(asker));
        let work = Work { connection, asker, transactional_id: transactional_id.to_owned(), own_ids_begin };
        Self { work, running: None }
    }

    /// Looks after these inputs' former owners, on a thread of its own.
    pub(super) fn begin(&mut self, inputs: TopicPartitionList, suspicion: Suspicion) {
        if self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return;
        }
        let work = self.work.clone();
        let started = thread::Builder::new().name("taking-over".to_owned()).spawn(move || work.run(inputs, suspicion));
        // Without it the brokers' timeout does the same.
        self.running = started.ok();
    }
}

impl Work {
    fn run(&self, inputs: TopicPartitionList, suspicion: Suspicion) {
        let owners = match self.owners(inputs) {
            Ok(owners) if owners.is_empty() => return,
            Ok(owners) => owners,
            Err(error) => return tracing::debug!(%error, "can't tell who had the partitions before"),
        };
        let members = self.members();
        let dead = owners.iter().filter(|id| match &members {
            Some(members) => !members.contains(&self.connection.client_id(&role_of_member(id))),
            None => suspicion == Suspicion::HeldUp && !id.starts_with(&self.own_ids_begin),
        });
        thread::scope(|scope| dead.for_each(|id| drop(scope.spawn(|| self.end(id)))));
    }

    /// Who committed last, ourselves excepted. The asker does not wait for what is still open.
    fn owners(&self, inputs: TopicPartitionList) -> KafkaResult<BTreeSet<String>> {
        let kept = self.asker.committed_offsets(inputs, ANSWER_WITHIN)?;
        let ids = kept.elements().iter().filter_map(|element| signer(element.metadata()).map(str::to_owned)).collect();
        let mut ids: BTreeSet<String> = ids;
        ids.remove(&self.transactional_id);
        Ok(ids)
    }

    /// The client ids of the group's members; `None`: nobody can tell.
    fn members(&self) -> Option<BTreeSet<String>> {
        if self.connection.properties.value_of("client.id").is_some() {
            // All of them have the one that was asked for.
            return None;
        }
        let listed = self.asker.client().fetch_group_list(Some(&self.connection.group_id), ANSWER_WITHIN);
        let groups = listed.map_err(|error| tracing::debug!(%error, "can't tell who is in the group")).ok()?;
        let group = groups.groups().iter().find(|group| group.name() == self.connection.group_id)?;
        let members: BTreeSet<String> = group.members().iter().map(|member| member.client_id().to_owned()).collect();
        // An answer that does not know us is not of now.
        members.contains(&self.connection.client_id(&role_of_member(&self.transactional_id))).then_some(members)
    }

    /// Takes an id away from whoever has it: the brokers abort what is open under it.
    fn end(&self, transactional_id: &str) {
        let began = Instant::now();
        let timeout = self.connection.transaction_timeout.as_millis().to_string();
        let config = self.connection.client(
            &format!("producer-{transactional_id}"),
            &[("transactional.id", transactional_id), ("transaction.timeout.ms", &timeout), ("retry.backoff.ms", "10")],
        );
        let taken = config.create().and_then(|producer: BaseProducer| producer.init_transactions(END_WITHIN));
        let took_ms = began.elapsed().as_millis() as u64;
        match taken {
            Ok(()) => tracing::info!(transactional_id, took_ms, "ended what a member that is gone may have left open"),
            Err(error) => tracing::warn!(
                transactional_id,
                %error,
                "can't end what a member that is gone may have left open: the brokers will, after engine.transaction_timeout"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_under_which_id_it_was_committed_and_comes_back_as_it_was() {
        let kept = signed("sequence=7 by=00", "group-pod as=1-0");
        assert_eq!(unsigned(&kept), "sequence=7 by=00");
        assert_eq!(signer(&kept), Some("group-pod as=1-0"));
    }

    #[test]
    fn a_note_of_an_earlier_version_names_nobody() {
        assert_eq!(unsigned("sequence=7 by=00"), "sequence=7 by=00");
        assert_eq!(signer("sequence=7 by=00"), None);
    }
}
