//! What `src/kafka/takeover.rs` is to the real log: who is given partitions takes the transactional ids of those who had
//! them before and are gone. It may be late or mistaken, and nothing may depend on it.

use std::collections::BTreeSet;
use std::time::Duration;

use homecoming::pipeline::ports::{InputPartition, Position, Remembered};

use crate::broker::Request;
use crate::world::{ActorId, DIRECTOR, Message, Sim};

const AS: &str = " as=";

pub fn signed(positions: &[Position], transactional_id: &str) -> Vec<Position> {
    let sign = |position: &Position| Position { note: format!("{}{AS}{transactional_id}", position.note), ..*position };
    positions.iter().map(sign).collect()
}

pub fn unsigned(mut known: Remembered) -> Remembered {
    if let Some((_, note)) = &mut known.committed {
        note.truncate(note.find(AS).unwrap_or(note.len()));
    }
    known
}

impl Sim {
    /// `who` begins to look who of the former owners of these inputs is gone.
    pub fn look_who_died(&mut self, who: ActorId, inputs: &[InputPartition], is_held_up: bool) {
        let after = self.chance.millis(0, 20);
        self.post(after, Message::WhoDied { who, inputs: inputs.to_vec(), is_held_up });
    }

    pub fn end_the_dead(&mut self, who: ActorId, inputs: &[InputPartition], is_held_up: bool) {
        let notes = inputs.iter().filter_map(|input| self.broker.offsets.get(input));
        let owners: BTreeSet<String> =
            notes.filter_map(|(_, note)| note.split_once(AS)).map(|(_, id)| id.to_owned()).collect();
        let members = self.broker.group.processes().filter_map(|process| self.transactional_ids.get(&process));
        let members: BTreeSet<String> = members.cloned().collect();
        let own = &self.transactional_ids[&who];
        // Now and then nobody can tell who is in the group.
        let is_known = members.contains(own) && self.now >= self.coordinators_away_until && !self.chance.per_mille(50);
        let is_gone = |id: &String| id != own && if is_known { !members.contains(id) } else { is_held_up };
        for id in owners.into_iter().filter(is_gone).collect::<Vec<_>>() {
            // Who was looked at may be back by the time it is done.
            let (low, high) = *self.chance.pick(&[(0, 10), (0, 10), (10, 600), (500, 6000)]);
            let after = self.chance.millis(low, high);
            self.take_id_away(&id, after);
        }
    }

    /// Asked again, as it is refused while it aborts what was open.
    pub fn take_id_away(&mut self, id: &str, after: Duration) {
        self.tell(DIRECTOR, 'D', 0, || format!("{id} is to be taken from whoever has it, after {after:?}"));
        self.story.count("transactional id taken from another");
        for after in [after, after + self.chance.millis(5, 60)] {
            let request = Request::InitProducerId { transactional_id: id.to_owned() };
            self.post(after, Message::Request { call: None, request });
        }
    }
}
