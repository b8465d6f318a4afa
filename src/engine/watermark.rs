//! How far a partition's time has come.

use crate::domain::{EventTime, Span};

/// How time is told.
#[derive(Clone, Copy, Debug)]
pub struct WatermarkRules {
    /// How much an input's time stays behind its greatest event time.
    pub allowed_lateness: Span,
}

/// A partition's time: the least of its inputs' that are not idle. It never goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark {
    greatest: Vec<Option<EventTime>>,
    time: EventTime,
}

impl Watermark {
    /// Time before the first event of so many inputs.
    pub fn new(inputs: usize) -> Self {
        Self { greatest: vec![None; inputs], time: EventTime::BEGINNING }
    }

    /// Time as it stood after an earlier run, with each input's greatest event time.
    pub fn resume(greatest: Vec<Option<EventTime>>, time: EventTime) -> Self {
        Self { greatest, time }
    }

    /// The partition's time.
    pub fn time(&self) -> EventTime {
        self.time
    }

    /// Each input's greatest event time.
    pub fn greatest(&self) -> &[Option<EventTime>] {
        &self.greatest
    }

    /// An event was read from an input.
    pub fn observe(&mut self, input: usize, at: EventTime) {
        self.greatest[input] = self.greatest[input].max(Some(at));
    }

    /// Moves time on. `idle` says for every input whether it is idle and read to its end; `wall` is the wall clock
    /// where silence of all inputs lets it take over.
    pub fn advance(&mut self, rules: &WatermarkRules, idle: &[bool], wall: Option<EventTime>) -> EventTime {
        let awake = self.greatest.iter().zip(idle).filter(|(_, idle)| !**idle);
        let least = awake.map(|(greatest, _)| greatest.unwrap_or(EventTime::BEGINNING)).min();
        if let Some(reached) = least.or(wall) {
            self.time = self.time.max(reached - rules.allowed_lateness);
        }
        self.time
    }

    /// Moves time to the greatest event time of all: the end of a replay.
    pub fn finish(&mut self) -> EventTime {
        let greatest = self.greatest.iter().copied().max().flatten();
        self.time = self.time.max(greatest.unwrap_or(self.time));
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: WatermarkRules = WatermarkRules { allowed_lateness: Span::from_millis(10) };

    fn at(millis: i64) -> EventTime {
        EventTime::from_millis(millis)
    }

    #[test]
    fn the_slowest_input_that_is_awake_sets_the_time() {
        let mut watermark = Watermark::new(2);
        watermark.observe(0, at(100));
        assert_eq!(watermark.advance(&RULES, &[false, false], None), EventTime::BEGINNING);
        watermark.observe(1, at(50));
        assert_eq!(watermark.advance(&RULES, &[false, false], None), at(40));
        assert_eq!(watermark.advance(&RULES, &[false, true], None), at(90));
        assert_eq!(watermark.advance(&RULES, &[false, false], None), at(90), "time never goes back");
    }

    #[test]
    fn the_wall_clock_takes_over_only_when_all_inputs_are_idle() {
        let mut watermark = Watermark::new(1);
        watermark.observe(0, at(100));
        assert_eq!(watermark.advance(&RULES, &[false], Some(at(500))), at(90));
        assert_eq!(watermark.advance(&RULES, &[true], None), at(90));
        assert_eq!(watermark.advance(&RULES, &[true], Some(at(500))), at(490));
    }
}
