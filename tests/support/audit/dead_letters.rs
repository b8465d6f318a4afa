//! The dead letters: every refused record once, with its reason and its origin, and otherwise as it came.

use std::collections::BTreeMap;

use super::Complaints;
use crate::support::model::{Input, Refused};
use crate::support::topic::{Record, RecordHeaders};

/// What the service adds.
const ADDED: [&str; 6] =
    ["error.code", "error.detail", "source.topic", "source.partition", "source.offset", "value.truncated"];

/// The dead-letter topic takes twice the input's limit; a record of about that size may be cut or not.
const SURELY_WHOLE: usize = 2 * 1024 * 1024 - 64 * 1024;

/// # Panics
/// Unless exactly the refused records of the named topics are there, each as the contract says.
pub fn audit_dead_letters_of(letters: &[Record], refused: &[Refused], sources: &[(Input, &str)]) {
    let mut complaints = Complaints::about("the dead letters");
    let mut by_origin: BTreeMap<(Input, i32, i64), Vec<&Record>> = BTreeMap::new();
    for letter in letters {
        match origin_of(letter, sources) {
            Some(origin) => by_origin.entry(origin).or_default().push(letter),
            None => complaints.add(format!("does not say where it came from: {:?}", letter.headers)),
        }
    }
    for expected in refused {
        let origin = (expected.input, expected.record.partition, expected.record.offset);
        match by_origin.remove(&origin).as_deref() {
            Some([letter]) => compare(letter, expected, &mut complaints),
            Some(several) => complaints.add(format!("{origin:?} is there {} times", several.len())),
            None => complaints.add(format!("{origin:?} is missing, expected {}", expected.code)),
        }
    }
    for (origin, letters) in by_origin {
        complaints.add(format!("{origin:?} was not to be refused: {:?}", letters[0].headers));
    }
    complaints.settle();
}

fn origin_of(letter: &Record, sources: &[(Input, &str)]) -> Option<(Input, i32, i64)> {
    let number = |name: &str| letter.header(name).and_then(|value| value.parse::<i64>().ok());
    let topic = letter.header("source.topic")?;
    let (input, _) = sources.iter().find(|(_, name)| *name == topic)?;
    Some((*input, i32::try_from(number("source.partition")?).ok()?, number("source.offset")?))
}

fn compare(letter: &Record, expected: &Refused, complaints: &mut Complaints) {
    let came = &expected.record;
    let origin = (expected.input, came.partition, came.offset);
    let (code, detail) = (letter.header("error.code"), letter.header("error.detail"));
    complaints.check(code == Some(expected.code), || {
        format!("{origin:?} expected {}, said {code:?} ({detail:?})", expected.code)
    });
    complaints.check(detail.is_some_and(|text| !text.is_empty()), || format!("{origin:?} has no error.detail"));
    complaints.check(letter.key == came.key, || format!("{origin:?} has another key: {:?}", letter.key));
    let kept: RecordHeaders =
        letter.headers.iter().filter(|(name, _)| !ADDED.contains(&name.as_str())).cloned().collect();
    complaints.check(kept == came.headers, || {
        format!("{origin:?} has other headers: {kept:?}, it came with {:?}", came.headers)
    });
    let is_as_it_came = match letter.header("value.truncated") {
        None => letter.value == came.value,
        Some(_) => is_cut(letter, came),
    };
    complaints.check(is_as_it_came, || {
        let length = |value: &Option<Vec<u8>>| value.as_ref().map(Vec::len);
        format!(
            "{origin:?} has another value: {:?} bytes, it came with {:?}",
            length(&letter.value),
            length(&came.value)
        )
    });
}

fn is_cut(letter: &Record, came: &Record) -> bool {
    let (Some(cut), Some(whole)) = (&letter.value, &came.value) else { return false };
    whole.len() > SURELY_WHOLE && cut.len() < whole.len() && whole.starts_with(cut)
}
