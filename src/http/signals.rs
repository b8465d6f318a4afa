//! The last signals of this process, numbered, for whoever streams them.
//!
//! Stream threads put them here after their commit and wait for nobody: a ring of the last [`KEPT`], from which every
//! reader takes at its own pace. Who is too slow finds a gap. While nobody reads, nothing is kept.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::pipeline::Listener;
use crate::pipeline::ports::SentSignal;

/// How many signals can be asked for again.
const KEPT: usize = 1000;

/// How many read at once.
pub(super) const READERS_MAX: usize = 64;

/// How much a reader is given at a time, in bytes: the last signal may be beyond.
const GIVEN_MAX: usize = 32 * 1024;

/// Numbers a millisecond of the wall clock: more than there are signals in one.
const NUMBERS_A_MILLISECOND: u64 = 1000;

/// The last signals of this process.
#[derive(Debug)]
pub struct Signals {
    ring: Mutex<Ring>,
    is_listening: AtomicBool,
    news: watch::Sender<News>,
    places: Arc<Semaphore>,
}

/// What readers are woken for.
#[derive(Clone, Copy, Debug, Default)]
struct News {
    newest: u64,
    is_closed: bool,
}

/// Signals up to the newest number, without a gap.
#[derive(Debug)]
struct Ring {
    newest: u64,
    last: VecDeque<SentSignal>,
    readers: usize,
    /// How many signals there were since the last reader left.
    unheard: u64,
}

impl Ring {
    /// The number of the oldest that is there; one more than the newest if none is.
    fn oldest(&self) -> u64 {
        self.newest + 1 - self.last.len() as u64
    }
}

impl Signals {
    /// None yet. Numbers begin with the process's start, in milliseconds since 1970, so that no other process's can be
    /// taken for this one's. They stay below 2^53, which JSON readers keep whole.
    pub fn new(started_ms: i64) -> Self {
        let newest = u64::try_from(started_ms).unwrap_or_default() * NUMBERS_A_MILLISECOND;
        Self {
            ring: Mutex::new(Ring { newest, last: VecDeque::new(), readers: 0, unheard: 0 }),
            is_listening: AtomicBool::new(false),
            news: watch::Sender::new(News { newest, is_closed: false }),
            places: Arc::new(Semaphore::new(READERS_MAX)),
        }
    }

    /// Ends all streams, and lets nobody begin another.
    pub fn close(&self) {
        self.news.send_modify(|news| news.is_closed = true);
    }

    /// A reader who has all up to `after`, or all up to now. `None`: there are too many already.
    pub(super) fn read(self: &Arc<Self>, after: Option<u64>) -> Option<Reader> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let mut ring = self.ring();
        ring.readers += 1;
        ring.unheard = 0;
        self.is_listening.store(true, Ordering::Relaxed);
        let newest = ring.newest;
        drop(ring);
        let news = self.news.subscribe();
        Some(Reader { signals: Arc::clone(self), news, at: after.unwrap_or(newest), newest, _place: place })
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Signals {
    fn is_listening(&self) -> bool {
        self.is_listening.load(Ordering::Relaxed)
    }

    fn committed(&self, signals: u64, last: VecDeque<SentSignal>) {
        let mut ring = self.ring();
        ring.newest += signals;
        if (last.len() as u64) < signals {
            ring.last.clear();
        }
        ring.last.extend(last);
        let too_many = ring.last.len().saturating_sub(KEPT);
        let gone: Vec<SentSignal> = ring.last.drain(..too_many).collect();
        if ring.readers == 0 {
            // Whoever left may come back and ask for what they missed, until the ring has none of it.
            ring.unheard += signals;
            if ring.unheard >= KEPT as u64 {
                self.is_listening.store(false, Ordering::Relaxed);
                ring.last.clear();
            }
        }
        let newest = ring.newest;
        drop(ring);
        drop(gone);
        self.news.send_modify(|news| news.newest = news.newest.max(newest));
    }
}

/// Somebody who reads signals one after the other.
pub(super) struct Reader {
    signals: Arc<Signals>,
    news: watch::Receiver<News>,
    /// The number of the last one read.
    at: u64,
    /// The newest number when it began.
    newest: u64,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// The number of the last one read, and the newest when this began.
    pub(super) fn began(&self) -> (u64, u64) {
        (self.at.min(self.newest), self.newest)
    }

    /// Whether no more will come.
    pub(super) fn is_closed(&self) -> bool {
        self.news.borrow().is_closed
    }

    /// Waits until there may be more, or no more will come.
    pub(super) async fn news(&mut self) {
        // It fails when the sender is gone, which `signals` holds.
        let _held = self.news.changed().await;
    }

    /// Some of what there is to read, as server-sent events; nothing when all is read.
    pub(super) fn some_more(&mut self) -> Option<String> {
        // Marked as seen before looking: what comes meanwhile wakes once more.
        self.news.borrow_and_update();
        let ring = self.signals.ring();
        let mut given = String::new();
        let oldest = ring.oldest();
        if self.at > ring.newest || self.at + 1 < oldest {
            // A number from the future is that of another process: there is nothing to go on from.
            self.at = if self.at > ring.newest { ring.newest } else { oldest - 1 };
            write_event(&mut given, self.at, "gap", &format!("{{\"newest_id\":{}}}", ring.newest));
        }
        let place = (self.at + 1 - oldest) as usize;
        for signal in ring.last.range(place..) {
            if given.len() >= GIVEN_MAX {
                break;
            }
            self.at += 1;
            let json = std::str::from_utf8(&signal.json).expect("what is written as JSON is UTF-8");
            write_event(&mut given, self.at, signal.kind, json);
        }
        (!given.is_empty()).then_some(given)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.signals.ring().readers -= 1;
    }
}

/// One server-sent event that says how far its reader is. `data` is of one line.
pub(super) fn write_event(to: &mut String, id: u64, event: &str, data: &str) {
    write!(to, "id: {id}\nevent: {event}\ndata: {data}\n\n").expect("a text takes more");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(signals: &Signals, count: u64) {
        let sent = |n| SentSignal { kind: "churn_risk", json: format!("{{\"n\":{n}}}").into_bytes() };
        let kept = if signals.is_listening() { (0..count).map(sent).collect() } else { VecDeque::new() };
        signals.committed(count, kept);
    }

    fn read_all(reader: &mut Reader) -> String {
        std::iter::from_fn(|| reader.some_more()).collect()
    }

    fn ids(text: &str) -> Vec<u64> {
        text.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| id.parse().expect("a number")).collect()
    }

    fn opened() -> Arc<Signals> {
        Arc::new(Signals::new(2))
    }

    #[test]
    fn a_reader_gets_what_was_committed_since_it_began() {
        let signals = opened();
        commit(&signals, 3);
        let mut reader = signals.read(None).expect("there is room");
        assert_eq!(reader.began(), (2003, 2003));
        assert_eq!(reader.some_more(), None);
        commit(&signals, 2);
        let first = "id: 2004\nevent: churn_risk\ndata: {\"n\":0}\n\n";
        assert_eq!(read_all(&mut reader), format!("{first}id: 2005\nevent: churn_risk\ndata: {{\"n\":1}}\n\n"));
    }

    #[test]
    fn whoever_comes_back_goes_on_where_they_left() {
        let signals = opened();
        drop(signals.read(None));
        commit(&signals, 5);
        let mut reader = signals.read(Some(2002)).expect("there is room");
        assert_eq!(ids(&read_all(&mut reader)), [2003, 2004, 2005]);
    }

    #[test]
    fn what_the_ring_no_longer_has_is_a_gap() {
        let signals = opened();
        let mut reader = signals.read(None).expect("there is room");
        commit(&signals, 700);
        commit(&signals, 700);
        let text = read_all(&mut reader);
        assert!(text.starts_with("id: 2400\nevent: gap\ndata: {\"newest_id\":3400}\n\nid: 2401\n"), "{text}");
        assert_eq!(ids(&text).len(), 1 + KEPT);
        assert_eq!(ids(&text).last(), Some(&3400));
    }

    #[test]
    fn a_number_of_another_process_is_a_gap() {
        let signals = opened();
        commit(&signals, 1);
        let before = ids(&read_all(&mut signals.read(Some(77)).expect("there is room")));
        assert_eq!(before, [2001]);
        let mut later = signals.read(Some(9_000)).expect("there is room");
        assert_eq!(later.began(), (2001, 2001));
        assert_eq!(read_all(&mut later), "id: 2001\nevent: gap\ndata: {\"newest_id\":2001}\n\n");
        commit(&signals, 1);
        assert_eq!(ids(&read_all(&mut later)), [2002]);
    }

    #[test]
    fn a_transaction_of_which_only_the_end_was_heard_leaves_a_gap() {
        let signals = opened();
        let mut reader = signals.read(None).expect("there is room");
        commit(&signals, 2);
        signals.committed(5, VecDeque::from([SentSignal { kind: "churn_risk", json: b"{}".to_vec() }]));
        assert_eq!(ids(&read_all(&mut reader)), [2006, 2007]);
    }

    #[test]
    fn nothing_is_kept_for_nobody() {
        let signals = opened();
        assert!(!signals.is_listening());
        drop(signals.read(None));
        commit(&signals, KEPT as u64 - 1);
        assert!(signals.is_listening(), "whoever left may come back");
        commit(&signals, 1);
        assert!(!signals.is_listening());
        assert!(signals.ring().last.is_empty());
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let signals = opened();
        let mut readers: Vec<_> = (0..READERS_MAX).map(|_| signals.read(None).expect("there is room")).collect();
        assert!(signals.read(None).is_none());
        readers.pop();
        assert!(signals.read(None).is_some());
    }
}
