//! One customer's life, event by event, and what must be announced of it.

use super::calendar::{self, Instant};
use super::known::{Known, Rules};
use super::money::Money;
use super::reading::{Event, What};
use super::risk::{self, Change};
use super::risk::{Assessment, Level, Walk};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returning {
    pub kind: &'static str,
    pub at: Instant,
    pub order_id: String,
    pub purchase_number: usize,
    /// Milliseconds since the nearest earlier order.
    pub since_previous: Option<i64>,
    pub amount: String,
    pub currency: String,
    pub lifetime_amount: String,
    pub recovered_ticket: Option<String>,
    /// The episode that this order ended, counted from the customer's first.
    pub closes_episode: Option<usize>,
    pub action: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub struct ChurnRisk {
    pub kind: &'static str,
    pub at: Instant,
    /// Whether it goes back to the instant at which a probability crossed a line: arithmetic of another kind may then
    /// find it a millisecond beside.
    pub is_at_crossing: bool,
    pub previous_level: Level,
    pub level: Level,
    /// Counted from the customer's first.
    pub episode: usize,
    pub assessment: Assessment,
    pub action: Option<&'static str>,
    pub channels: Vec<&'static str>,
}

/// What must have been said of a customer, in order, and what is known at the end.
#[derive(Clone, Debug, Default)]
pub struct Story {
    pub returning: Vec<Returning>,
    pub churn_risk: Vec<ChurnRisk>,
    pub orders: usize,
    pub first_order_at: Option<Instant>,
    pub last_order_at: Option<Instant>,
    /// Nothing for a customer who never ordered.
    pub level: Option<Level>,
    /// Whether anything is known: nothing is after an erasure.
    pub is_known: bool,
    pub applied: usize,
    pub duplicates: usize,
    /// What stays of lives that were erased: sums without a name.
    pub orders_erased: usize,
    pub returning_orders_erased: usize,
}

/// An event as it reached its partition.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub event: Event,
    /// The partition's time before and after it: other customers' events move it too.
    pub time_before: Instant,
    pub time_after: Instant,
}

/// Tells the story of one customer from all that arrived of them, time standing at `end` afterwards.
pub fn tell(arrivals: &[Arrival], end: Instant, walk: Walk) -> Story {
    tell_under(Rules::default(), arrivals, end, walk)
}

/// The same in a shop that has set other rules.
pub fn tell_under(rules: Rules, arrivals: &[Arrival], end: Instant, walk: Walk) -> Story {
    let mut book = Book::new(walk, rules);
    for arrival in arrivals {
        book.time_passes(arrival.time_before);
        book.on_event(&arrival.event);
        book.time_passes(arrival.time_after);
    }
    book.time_passes(end);
    book.close()
}

struct Book {
    walk: Walk,
    known: Known,
    level: Option<Level>,
    /// The customer's latest evaluated instant.
    evaluated: Instant,
    /// Whether that instant is one at which a probability crossed a line.
    is_at_crossing: bool,
    /// By the passing of time alone nothing changes before this instant.
    quiet_until: Instant,
    story: Story,
}

impl Book {
    fn new(walk: Walk, rules: Rules) -> Self {
        Self {
            walk,
            known: Known::under(rules),
            level: None,
            evaluated: Instant::MIN,
            is_at_crossing: false,
            quiet_until: Instant::MIN,
            story: Story::default(),
        }
    }

    /// What is due fires once time is strictly later than it.
    fn time_passes(&mut self, to: Instant) {
        while let Some(level) = self.level
            && self.quiet_until < to
        {
            let from = self.evaluated.max(self.quiet_until.saturating_sub(1));
            match risk::next_change(&self.known, level, from, to, self.walk) {
                Some(change) => self.on_due(change),
                None => self.quiet_until = to,
            }
        }
    }

    fn on_due(&mut self, change: Change) {
        if change.at > self.evaluated {
            self.is_at_crossing = change.is_crossing;
        }
        self.evaluated = self.evaluated.max(change.at);
        self.change_level(change.level, change.at);
    }

    fn on_event(&mut self, event: &Event) {
        if let Some(at) = self.known.duplicate_of(event) {
            let is_news = self.level.is_some() && event.at > self.evaluated && event.at != at;
            assert!(!is_news, "the contract is silent about a duplicate with a later time: {event:?}");
            self.story.duplicates += 1;
            return;
        }
        // What was due before this event happened comes first, however early the partition's time.
        self.time_passes(event.at);
        self.story.applied += 1;
        match &event.what {
            What::Erased => self.forget(),
            What::Purchase { order_id, price } => self.on_purchase(event, order_id, price),
            _ => {
                self.known.add(event);
                if let Some(level) = self.level {
                    self.evaluate_not_before(event.at);
                    self.look_again(level);
                }
            }
        }
    }

    /// Without a word: the next to arrive under this name is somebody new.
    fn forget(&mut self) {
        self.story.orders_erased += self.known.orders.len();
        self.story.returning_orders_erased += self.known.orders.len().saturating_sub(1);
        *self = Self { story: std::mem::take(&mut self.story), ..Self::new(self.walk, self.known.rules) };
    }

    fn on_purchase(&mut self, event: &Event, order_id: &str, price: &Money) {
        let at = event.at;
        let rank = (at, order_id);
        let earlier = self.known.orders.iter().map(|order| (order.at, order.id.as_str()));
        let since_previous = earlier.filter(|earlier| *earlier < rank).max().map(|(earlier, _)| at - earlier);
        let last_before = self.known.last_order_at();
        self.known.add(event);
        self.evaluate_not_before(at);
        let Some(level) = self.level else {
            self.level = Some(Level::Low);
            self.look_again(Level::Low);
            return;
        };
        let recovered_ticket = self.known.recovered_ticket(at, order_id).map(str::to_owned);
        let episode = self.episodes();
        let is_newest = last_before.is_none_or(|last| at > last);
        match level {
            Level::Lapsed if is_newest => self.leave_lapsed(),
            _ => self.look_again(level),
        }
        let is_closed = level != Level::Low && self.level == Some(Level::Low);
        let kind = match since_previous {
            Some(gap) if gap > self.known.rules.activity_horizon => "reactivated",
            _ if self.known.orders.len() == 2 => "second_purchase",
            _ => "repeat",
        };
        self.story.returning.push(Returning {
            kind,
            at,
            order_id: order_id.to_owned(),
            purchase_number: self.known.orders.len(),
            since_previous,
            amount: Money::text(price.minor, &price.currency),
            currency: price.currency.clone(),
            lifetime_amount: self.lifetime_in(&price.currency),
            recovered_ticket,
            closes_episode: is_closed.then_some(episode),
            action: (kind == "second_purchase").then_some("thank_you"),
        });
    }

    /// An order that is newer than all others sets the level afresh, unless even it was too long ago.
    fn leave_lapsed(&mut self) {
        let last = self.known.last_order_at().expect("an order was just added");
        // Lapsed is from that very instant on.
        if self.evaluated < last + self.known.rules.activity_horizon {
            let level = Level::afresh(risk::risk(&self.known, self.evaluated));
            self.change_level(level, self.evaluated);
        }
    }

    /// The level as it is at the latest evaluated instant. While lapsed nothing but an order changes it.
    fn look_again(&mut self, level: Level) {
        if level == Level::Lapsed {
            return;
        }
        let now = level.then(risk::risk(&self.known, self.evaluated));
        if now != level {
            self.change_level(now, self.evaluated);
        }
    }

    fn change_level(&mut self, level: Level, at: Instant) {
        let previous_level = self.level.replace(level).expect("only a customer with a level changes it");
        let (kind, episode) = match (previous_level, level) {
            (Level::Low, _) => ("raised", self.episodes() + 1),
            (_, Level::Low) => ("cleared", self.episodes()),
            _ => ("changed", self.episodes()),
        };
        let assessment = Assessment::of(&self.known, at);
        let has_open_ticket = self.known.tickets(at).any(|ticket| ticket.open_since.is_some());
        let action = match kind {
            "cleared" => None,
            _ if has_open_ticket => Some("resolve_ticket"),
            _ if assessment.is_worth_a_call() => Some("call"),
            _ => Some("win_back_offer"),
        };
        let channels = self.known.channels(at).into_iter().map(|channel| channel.name()).collect();
        self.story.churn_risk.push(ChurnRisk {
            kind,
            at,
            is_at_crossing: self.is_at_crossing,
            previous_level,
            level,
            episode,
            assessment,
            action,
            channels,
        });
    }

    fn evaluate_not_before(&mut self, at: Instant) {
        if at > self.evaluated {
            self.evaluated = at;
            self.is_at_crossing = false;
        }
        // What was quiet need not be any more.
        self.quiet_until = Instant::MIN;
    }

    fn episodes(&self) -> usize {
        self.story.churn_risk.iter().filter(|change| change.kind == "raised").count()
    }

    fn lifetime_in(&self, currency: &str) -> String {
        let net = self.known.net_spent_in(currency);
        Money::text(i64::try_from(net).expect("histories in tests stay within 64 bits"), currency)
    }

    fn close(self) -> Story {
        Story {
            orders: self.known.orders.len(),
            first_order_at: self.known.first_order_at(),
            last_order_at: self.known.last_order_at(),
            level: self.level,
            is_known: !self.known.is_empty(),
            ..self.story
        }
    }
}

impl Story {
    /// Everything that was said, for a person and for comparing two tellings.
    pub fn lines(&self) -> Vec<String> {
        let orders = self.returning.iter().map(Returning::line);
        orders.chain(self.churn_risk.iter().map(ChurnRisk::line)).collect()
    }
}

impl Returning {
    /// One line for a person who looks for a difference.
    pub fn line(&self) -> String {
        format!(
            "{} {} order {} number {} after {:?} ms {} {} lifetime {} recovered {:?} closes {:?} action {:?}",
            self.kind,
            calendar::format(self.at),
            self.order_id,
            self.purchase_number,
            self.since_previous,
            self.amount,
            self.currency,
            self.lifetime_amount,
            self.recovered_ticket,
            self.closes_episode,
            self.action,
        )
    }
}

impl ChurnRisk {
    /// One line for a person who looks for a difference.
    pub fn line(&self) -> String {
        let reasons: Vec<&str> = self.assessment.reasons.iter().map(|reason| reason.code).collect();
        format!(
            "{} {} {} to {} episode {} risk {:.4} {reasons:?} {:?} {:?}",
            self.kind,
            calendar::format(self.at),
            self.previous_level.name(),
            self.level.name(),
            self.episode,
            self.assessment.risk,
            self.action,
            self.channels,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::calendar::{DAY, HOUR};
    use super::super::reading::{Channel, Step};
    use super::*;

    /// Days after 2026-01-01, the only customer of their partition.
    fn life(events: &[(i64, What)], end: i64) -> Story {
        let mut time = Instant::MIN;
        let mut arrivals = Vec::new();
        for (day, what) in events {
            let at = day_of(*day);
            let time_before = time;
            time = time.max(at - HOUR);
            let event = event(at, what);
            arrivals.push(Arrival { event, time_before, time_after: time });
        }
        tell(&arrivals, time.max(day_of(end)), Walk::Slow)
    }

    fn event(at: Instant, what: &What) -> Event {
        Event { event_id: format!("{at} {what:?}"), customer: "ana".to_owned(), at, what: what.clone() }
    }

    fn day_of(day: i64) -> Instant {
        calendar::parse("2026-01-01T00:00:00Z").expect("a valid time") + day * DAY
    }

    fn buys(order_id: &str, minor: i64) -> What {
        let price = Money { minor, currency: "EUR".to_owned() };
        What::Purchase { order_id: order_id.to_owned(), price }
    }

    fn gives_back(minor: i64) -> What {
        What::Refund { amount: Money { minor, currency: "EUR".to_owned() } }
    }

    fn on(ticket_id: &str, step: Step) -> What {
        What::Ticket { ticket_id: ticket_id.to_owned(), step }
    }

    /// Who lapsed when, and what they became after it.
    fn lapses(story: &Story) -> Vec<(&'static str, i64)> {
        let changes = story.churn_risk.iter();
        let about_lapses =
            changes.filter(|change| change.level == Level::Lapsed || change.previous_level == Level::Lapsed);
        about_lapses.map(|change| (change.level.name(), (change.at - day_of(0)) / DAY)).collect()
    }

    fn levels(story: &Story) -> Vec<(&'static str, &'static str)> {
        story.churn_risk.iter().map(|change| (change.kind, change.level.name())).collect()
    }

    #[test]
    fn who_stays_away_lapses_and_is_won_back() {
        let story = life(&[(0, buys("a", 1000)), (10, buys("b", 500)), (150, buys("c", 250))], 160);
        assert_eq!(lapses(&story), [("lapsed", 100), ("low", 150)]);
        let kinds: Vec<_> = story.returning.iter().map(|order| (order.kind, order.closes_episode)).collect();
        assert_eq!(kinds, [("second_purchase", None), ("reactivated", Some(1))]);
        assert_eq!(story.returning[1].lifetime_amount, "17.50");
        assert_eq!(story.level, Some(Level::Low));
    }

    #[test]
    fn silence_raises_the_level_step_by_step() {
        let often: Vec<_> = (0..6).map(|n| (2 * n, buys(&format!("o{n}"), 1000))).collect();
        let story = life(&often, 101);
        assert_eq!(levels(&story), [("raised", "medium"), ("changed", "high"), ("changed", "lapsed")]);
        for change in &story.churn_risk {
            assert_eq!(change.episode, 1);
            let [reason] = &change.assessment.reasons[..] else { panic!("silence alone: {}", change.line()) };
            assert_eq!(reason.code, "silence");
            // Without its only reason it is as usual.
            assert!((reason.without - change.assessment.usual_return_probability).abs() < 1e-12);
        }
        let risks: Vec<f64> = story.churn_risk[..2].iter().map(|change| change.assessment.risk).collect();
        assert!((0.5..0.5 + 1e-8).contains(&risks[0]) && (0.75..0.75 + 1e-8).contains(&risks[1]), "{risks:?}");
    }

    #[test]
    fn an_order_at_the_very_instant_is_in_time() {
        let story = life(&[(0, buys("a", 1)), (90, buys("b", 1))], 180);
        assert_eq!(lapses(&story), []);
        assert_eq!(story.returning[0].kind, "second_purchase");
        assert_eq!(lapses(&life(&[(0, buys("a", 1)), (90, buys("b", 1))], 181)), [("lapsed", 180)]);
    }

    #[test]
    fn a_late_order_takes_back_a_lapse_at_the_latest_evaluated_instant() {
        let story = life(&[(0, buys("a", 1)), (100, gives_back(1)), (30, buys("b", 1))], 100);
        assert_eq!(lapses(&story), [("lapsed", 90), ("low", 100)]);
        assert_eq!(story.returning[0].closes_episode, Some(1));
        let story = life(&[(0, buys("a", 1)), (30, gives_back(1)), (20, buys("b", 1))], 111);
        assert_eq!(lapses(&story), [("lapsed", 110)]);
    }

    #[test]
    fn a_late_order_may_lapse_again_at_once_or_change_nothing() {
        // Time stands at 200 when the order of day 30 arrives, the customer's last evaluation was the lapse itself.
        let late =
            Arrival { event: event(day_of(30), &buys("b", 1)), time_before: day_of(200), time_after: day_of(200) };
        let first =
            Arrival { event: event(day_of(0), &buys("a", 1)), time_before: Instant::MIN, time_after: day_of(0) - HOUR };
        let story = tell(&[first, late], day_of(200), Walk::Slow);
        assert_eq!(lapses(&story), [("lapsed", 90), ("low", 90), ("lapsed", 120)]);
        let story = life(&[(0, buys("a", 1)), (150, gives_back(1)), (30, buys("b", 1))], 150);
        assert_eq!(lapses(&story), [("lapsed", 90)]);
        assert_eq!(story.returning.len(), 1);
    }

    #[test]
    fn an_order_that_turns_out_to_be_the_earliest_has_nothing_before_it() {
        let story = life(&[(20, buys("b", 300)), (20, buys("a", 200)), (30, gives_back(100))], 30);
        assert_eq!(story.returning[0].since_previous, None);
        assert_eq!(story.returning[0].kind, "second_purchase");
        assert_eq!(story.returning[0].lifetime_amount, "5.00");
        let story = life(&[(20, buys("a", 300)), (20, buys("b", 200)), (20, buys("b", 900))], 20);
        assert_eq!(story.returning[0].since_previous, Some(0));
        assert_eq!((story.returning.len(), story.duplicates), (1, 1));
    }

    #[test]
    fn a_ticket_open_for_a_day_is_overdue_at_that_instant_and_an_order_recovers_it() {
        let granted = What::ConsentChanged { channel: Channel::Phone, granted: true };
        let story = life(
            &[
                (0, buys("a", 50_000)),
                (1, granted),
                (1, on("t", Step::Opened)),
                (3, on("t", Step::Resolved)),
                (4, buys("b", 50_000)),
                (5, buys("c", 50_000)),
            ],
            5,
        );
        let at_overdue = &story.churn_risk[0];
        assert_eq!((at_overdue.kind, at_overdue.level, at_overdue.at), ("raised", Level::Medium, day_of(2)));
        let codes: Vec<&str> = at_overdue.assessment.reasons.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, ["open_ticket", "overdue_ticket", "silence"]);
        assert_eq!((at_overdue.action, &at_overdue.channels[..]), (Some("resolve_ticket"), &["phone"][..]));
        assert_eq!(levels(&story), [("raised", "medium"), ("cleared", "low")]);
        let recovered: Vec<_> = story.returning.iter().map(|order| order.recovered_ticket.as_deref()).collect();
        assert_eq!(recovered, [Some("t"), None]);
    }

    #[test]
    fn who_is_erased_is_forgotten_and_comes_back_as_somebody_new() {
        let erased = [(0, buys("a", 1)), (1, buys("b", 1)), (2, What::Erased)];
        let story = life(&erased, 200);
        assert_eq!((levels(&story), story.level, story.is_known), (vec![], None, false));
        assert_eq!((story.orders, story.orders_erased, story.returning_orders_erased), (0, 2, 1));
        let story = life(&[&erased[..], &[(3, buys("b", 1))]].concat(), 10);
        assert_eq!((story.orders, story.returning.len(), story.level), (1, 1, Some(Level::Low)));
    }

    #[test]
    fn what_happened_before_the_first_order_counts_at_its_own_time() {
        // The order arrives last; the ticket is opened on the day after it and overdue on the second.
        let story = life(&[(11, on("t", Step::Opened)), (10, buys("a", 1))], 30);
        let change = &story.churn_risk[0];
        assert_eq!((change.level, change.at), (Level::Medium, day_of(12)));
    }
}
