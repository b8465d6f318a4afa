//! Stories over the pure engine: every file in `tests/scenarios` is told, and must come true.
//!
//! A story has one sentence a line; `#` begins a comment. A time is a date (its midnight in UTC) or RFC 3339, an
//! amount is in EUR unless its currency follows without a blank: `40.00USD`.
//!
//! | sentence | meaning |
//! |---|---|
//! | `zone Europe/Berlin` · `horizon 60d` · `not_before 2026-01-01` | settings, before anything happens |
//! | `levels lapsed_only` | a setting: no risk is great enough for `medium` or `high`, only silence beyond the horizon counts |
//! | `weighs refund -1.0` · `forget_after 365d` | settings: what a refund counts for, in log-odds; when the silent are forgotten |
//! | `buys ana 2026-01-01 40.00 [o-1]` | a purchase; without an order id it gets `ana-1`, `ana-2`, … |
//! | `keeps_buying ana 2025-01-01 1.00 times=300 every=1d` | purchases, days or minutes (`5m`) apart |
//! | `refunds ana 2026-01-01 5.00 [o-1] [r-1]` | a refund of an order, with its event id |
//! | `opens ana t-1 2026-01-03` · `contacts_again` · `resolves` · `reopens` | what happens to a ticket |
//! | `rates ana csat 2 2026-01-04 [t-1]` | feedback on a scale, about a ticket or not |
//! | `grants ana email 2026-01-01` · `denies ana email 2026-01-01` | consent to a channel |
//! | `is_written_to ana 2026-01-05` · `is_talked_to ana 2026-01-05` | a contact sent, a review held |
//! | `erases ana 2026-01-09` | the customer is to be forgotten |
//! | `again` | the last event arrives once more |
//! | `time 2026-05-15` | the partition's time moves on |
//! | `counted duplicate` | how the last event was taken: `applied` `late` `too_late` `duplicate` |
//! | `announces ana repeat number=3` | the next announcement is this one; `key=value` pairs must hold |
//! | `announces ana lapsed raised at=2026-04-01` | the same for a level and the way it went |
//! | `… day=2026-04-01 risk=0.50 reasons=silence,open_ticket` | an instant to the day, numbers to the decimals written, reasons by weight |
//! | `… repeated_contact=-0.9 contacts=4 tickets=t-1` | what a reason weighs; its evidence |
//! | `announces nothing` · `announces whatever` | there is none (left) · the rest does not matter here |
//! | `knows ana orders=3 lifetime=120.00` | what is known of a customer |
//! | `knows ana nothing` | they are nobody, or nobody any more |
//! | `totals customers=2 lapsed=1` | the partition's counts |
//!
//! What is announced and not told of is a mistake, and so is a word that stands in no line above. An episode gets
//! its name where it is first mentioned (`episode=first`, `closes=first`) and is the same one ever after.
//!
//! Every story is told four times: in one go; committed after every sentence; restarted from what is committed after
//! every sentence; with every sentence undone and repeated. Nobody may notice.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use homecoming::domain::consent::Channel;
use homecoming::domain::factor::Factor;
use homecoming::domain::policy::Thresholds;
use homecoming::domain::rating::{Rating, Scale};
use homecoming::domain::risk::{Evidence, Reason};
use homecoming::domain::signal::{ChurnRisk, ReturningCustomer};
use homecoming::domain::ticket::TicketStep;
use homecoming::domain::time::{Calendar, DAY_MS};
use homecoming::domain::{
    Amount, Currency, Customer, CustomerId, EventId, EventTime, Level, OrderId, Policy, Signal, Span, TicketId,
};
use homecoming::engine::{Announcement, Committed, Event, Happening, Outcome, Partition, Totals};

const TELLINGS: [Telling; 4] = [Telling::InOneGo, Telling::Committed, Telling::Restarted, Telling::Undone];

#[test]
fn every_story_comes_true() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut told = 0;
    let mut broken = Vec::new();
    for entry in fs::read_dir(&folder).expect("tests/scenarios is there") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        assert!(name.ends_with(".scn"), "tests/scenarios holds stories only, not {name}");
        let story = fs::read_to_string(&path).expect("a story is UTF-8 text");
        for telling in TELLINGS {
            broken.extend(tell(&name, &story, telling).err().map(|mistake| format!("{mistake} ({telling:?})")));
        }
        told += 1;
    }
    assert!(told >= 50, "only {told} stories found in {}", folder.display());
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn a_word_that_nobody_knows_is_named_with_its_file_and_line() {
    for (story, mistake) in [
        ("buys ana 2026-01-01 1.00\nsells ana", "tale.scn:2: `sells` begins no sentence"),
        ("\n\nbuys ana yesterday 1.00", "tale.scn:3: `yesterday` is not a time"),
        ("buys ana 2026-01-01 1.005", "tale.scn:1: `1.005` is not an amount"),
        ("buys ana 2026-01-01 1.00 o-1 gladly", "tale.scn:1: `gladly` is one word too many"),
        ("buys ana 2026-01-01", "tale.scn:1: the sentence ends where an amount should follow"),
        ("announces ana sadly", "tale.scn:1: `sadly` is neither a return nor a level"),
        ("announces ana lapsed slowly", "tale.scn:1: `slowly` is no way a level goes"),
        ("buys ana 2026-01-01 1.00\ncounted twice", "tale.scn:2: `twice` is no way to take an event"),
        ("buys ana 2026-01-01 1.00\nknows ana shoe_size=39", "tale.scn:2: nothing is known of `shoe_size`"),
        ("levels some", "tale.scn:1: `some` is no choice of levels"),
        ("weighs silence -1", "tale.scn:1: the weight of `silence` is not to be set"),
        ("opens ana t-1 soon", "tale.scn:1: `soon` is not a time"),
        ("rates ana mood 3 2026-01-01", "tale.scn:1: `mood` is no scale"),
        ("rates ana csat 6 2026-01-01", "tale.scn:1: `6` is no score on `csat`"),
        ("grants ana pigeon 2026-01-01", "tale.scn:1: `pigeon` is no channel"),
        ("again", "tale.scn:1: there is no event to arrive once more"),
        ("buys ana 2026-01-01 1.00\nknows ana nothing", "tale.scn:2: somebody is known as `ana`"),
        ("totals 7", "tale.scn:1: `7` is no key=value"),
        ("buys ana 2026-01-01 1.00\nzone Europe/Berlin", "tale.scn:2: settings stand before anything happens"),
    ] {
        assert_eq!(tell("tale.scn", story, Telling::InOneGo), Err(mistake.to_owned()), "{story}");
    }
}

#[test]
fn a_story_that_does_not_come_true_says_where() {
    let twice = "buys ana 2026-01-01 1.00\nbuys ana 2026-01-02 1.00\n";
    for (end, mistake) in [
        ("", "end: ana repeat or such is announced and not told of"),
        ("time 2026-01-03", "3: ana second_purchase"),
        ("announces nothing", "3: ana second_purchase"),
        ("announces ana repeat", "3: expected `repeat`, but kind is `second_purchase`"),
        ("announces bob second_purchase", "3: expected `bob`, but customer is `ana`"),
        ("announces ana second_purchase number=3", "3: expected number=3, but it is `2`"),
        ("announces ana second_purchase mood=3", "3: a return has no `mood`"),
        ("announces ana lapsed raised", "3: expected a change of level, but a return is announced"),
        ("announces ana second_purchase recovered=t-1", "3: expected recovered=t-1, but it is `none`"),
        ("announces whatever\nknows ana orders=3", "4: expected orders=3, but it is `2`"),
        ("announces whatever\nannounces ana repeat", "4: nothing more is announced"),
        ("announces whatever\ncounted late", "4: expected `late`, but it was taken as `applied`"),
    ] {
        let told = tell("tale.scn", &format!("{twice}{end}"), Telling::InOneGo);
        let told = told.expect_err(end);
        let place = mistake.split(':').next().expect("a mistake has a place");
        assert!(told.starts_with(&format!("tale.scn:{place}: ")), "{told}");
        let says = mistake.split_once(": ").expect("a mistake has a text").1;
        assert!(told.contains(says) || end.is_empty(), "{told} does not say: {says}");
    }
}

#[test]
fn what_is_said_of_a_level_is_held_to_every_word() {
    let silent = "buys ana 2026-01-01 40.00\ntime 2026-03-30\nannounces ana medium raised";
    for (claim, mistake) in [
        ("day=2026-03-07", ""),
        ("day=2026-03-08", "expected day=2026-03-08, but it is `2026-03-07`"),
        ("risk=0.50", ""),
        ("risk=0.51", "expected risk=0.51, but it is `0.50`"),
        ("risk=much", "`much` is no number"),
        ("reasons=silence", ""),
        ("reasons=none", "expected reasons=none, but it is `silence`"),
        ("channels=email", "expected channels=email, but it is `none`"),
        ("open_ticket=-0.7", "expected open_ticket=-0.7, but it is `none`"),
        ("tickets=t-1", "expected tickets=t-1, but it is `none`"),
        ("mood=3", "a change of level has no `mood`"),
    ] {
        let told = tell("tale.scn", &format!("{silent} {claim}"), Telling::InOneGo);
        let expected = if mistake.is_empty() { Ok(()) } else { Err(format!("tale.scn:3: {mistake}")) };
        assert_eq!(told, expected, "{claim}");
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    InOneGo,
    Committed,
    Restarted,
    Undone,
}

/// Tells a story; the first mistake ends it.
fn tell(name: &str, story: &str, telling: Telling) -> Result<(), String> {
    let mut world = World::new(telling);
    for (number, line) in story.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = Words(line.split_whitespace().collect());
        if !words.0.is_empty() {
            world.hear(&mut words).map_err(|mistake| format!("{name}:{}: {mistake}", number + 1))?;
        }
    }
    world.nothing_untold().map_err(|mistake| format!("{name}:end: {mistake}"))
}

/// What is committed, as plainly as can be.
#[derive(Clone, Default)]
struct Shelf(Rc<RefCell<BTreeMap<CustomerId, Customer>>>);

impl Committed for Shelf {
    type Record = Box<[u8]>;

    fn load_over(&self, id: &CustomerId, other: &mut Customer) -> bool {
        self.0.borrow().get(id).map(|customer| other.clone_from(customer)).is_some()
    }
}

/// Something that happens in a story.
enum Step {
    Event(Event),
    Time(EventTime),
}

struct World {
    telling: Telling,
    policy: Policy,
    /// Made at the first thing that happens, when all settings are known.
    partition: Option<Partition<Shelf>>,
    shelf: Shelf,
    time: EventTime,
    announced: VecDeque<Signal>,
    taken: Option<Outcome>,
    last: Option<Event>,
    orders: BTreeMap<String, u32>,
    others: u32,
    episodes: BTreeMap<String, String>,
}

impl World {
    fn new(telling: Telling) -> Self {
        Self {
            telling,
            policy: Policy::default(),
            partition: None,
            shelf: Shelf::default(),
            time: EventTime::BEGINNING,
            announced: VecDeque::new(),
            taken: None,
            last: None,
            orders: BTreeMap::new(),
            others: 0,
            episodes: BTreeMap::new(),
        }
    }

    fn hear(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        match words.next("a word")? {
            setting @ ("zone" | "horizon" | "not_before" | "levels" | "weighs" | "forget_after") => {
                self.set(setting, words)?;
            }
            "buys" => {
                let event = self.purchase(words)?;
                self.happens(Step::Event(event))?;
            }
            "keeps_buying" => self.keeps_buying(words)?,
            "refunds" => {
                let event = self.refund(words)?;
                self.happens(Step::Event(event))?;
            }
            "again" => {
                let event = self.last.clone().ok_or("there is no event to arrive once more")?;
                self.happens(Step::Event(event))?;
            }
            "time" => {
                let to = words.time()?;
                self.happens(Step::Time(to))?;
            }
            "counted" => self.counted(words.next("how an event was taken")?)?,
            "announces" => self.announces(words)?,
            "knows" => self.knows(words)?,
            "totals" => self.totals(words)?,
            word => {
                let event = self.other(word, words)?;
                self.happens(Step::Event(event))?;
            }
        }
        words.end()
    }

    fn set(&mut self, setting: &str, words: &mut Words<'_>) -> Result<(), String> {
        if self.partition.is_some() {
            return Err("settings stand before anything happens".to_owned());
        }
        match setting {
            "zone" => {
                let zone = words.next("a time zone")?;
                let found = jiff::tz::TimeZone::get(zone).map_err(|_| format!("`{zone}` is not a time zone"))?;
                self.policy.calendar = Calendar::in_zone(found);
            }
            "horizon" => self.policy.activity_horizon_days = words.days("a horizon")? as u32,
            "forget_after" => self.policy.forget_after = Some(Span::from_days(words.days("a span")?)),
            "levels" => match words.next("a choice of levels")? {
                "lapsed_only" => self.policy.thresholds = Thresholds { medium: 2.0, high: 2.0, margin: 0.0 },
                word => return Err(format!("`{word}` is no choice of levels")),
            },
            "weighs" => match words.next("what weighs")? {
                "refund" => self.policy.weights.refund = words.number("a weight")?,
                word => return Err(format!("the weight of `{word}` is not to be set")),
            },
            _ => self.policy.not_before = Some(words.time()?),
        }
        Ok(())
    }

    // --- what happens -------------------------------------------------------------------------------------------

    fn purchase(&mut self, words: &mut Words<'_>) -> Result<Event, String> {
        let (who, at, amount) = (words.next("a customer")?, words.time()?, words.amount()?);
        let order = words.optional().map_or_else(|| self.next_order(who), str::to_owned);
        Ok(event(
            who,
            at,
            &format!("purchase of {order}"),
            |order| Happening::Purchased { order, amount, referred: false },
            &order,
        ))
    }

    fn next_order(&mut self, who: &str) -> String {
        let number = self.orders.entry(who.to_owned()).or_default();
        *number += 1;
        format!("{who}-{number}")
    }

    fn keeps_buying(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let (who, from, amount) = (words.next("a customer")?, words.time()?, words.amount()?);
        let (mut times, mut every) = (None, None);
        for (key, value) in words.pairs()? {
            match key {
                "times" => times = value.parse::<i64>().ok(),
                "every" => every = days(value).map(Span::from_days).or_else(|| minutes(value)),
                _ => return Err(format!("`{key}` says nothing about buying")),
            }
        }
        let (Some(times), Some(every)) = (times, every) else {
            return Err("it takes times=300 and every=1d to keep buying".to_owned());
        };
        self.nothing_untold()?;
        for n in 0..times {
            let (order, at) = (self.next_order(who), from + Span::from_millis(every.millis() * n));
            let happening = |order| Happening::Purchased { order, amount, referred: false };
            self.step(&Step::Event(event(who, at, &format!("purchase of {order}"), happening, &order)));
        }
        Ok(())
    }

    fn refund(&mut self, words: &mut Words<'_>) -> Result<Event, String> {
        let (who, at, amount) = (words.next("a customer")?, words.time()?, words.amount()?);
        let order = words.optional().unwrap_or("an-order-nobody-knows");
        let id = words.optional().map_or_else(|| self.next_id(), str::to_owned);
        Ok(event(who, at, &id, |order| Happening::Refunded { order, amount }, order))
    }

    fn next_id(&mut self) -> String {
        self.others += 1;
        format!("event-{}", self.others)
    }

    /// Support, consent, contacts and erasure.
    fn other(&mut self, word: &str, words: &mut Words<'_>) -> Result<Event, String> {
        let step = match word {
            "opens" => Some(TicketStep::Opened(None)),
            "contacts_again" => Some(TicketStep::Contacted),
            "resolves" => Some(TicketStep::Resolved),
            "reopens" => Some(TicketStep::Reopened),
            "rates" | "grants" | "denies" | "is_written_to" | "is_talked_to" | "erases" => None,
            word => return Err(format!("`{word}` begins no sentence")),
        };
        let who = words.next("a customer")?;
        let (at, what) = match (step, word) {
            (Some(step), _) => {
                let ticket = ticket(words.next("a ticket")?);
                (words.time()?, Happening::Ticket { ticket, step })
            }
            (None, "rates") => {
                let (rating, at) = (words.rating()?, words.time()?);
                (at, Happening::Rated { rating, ticket: words.optional().map(ticket) })
            }
            (None, "grants" | "denies") => {
                let channel = words.channel()?;
                (words.time()?, Happening::ConsentChanged { channel, granted: word == "grants" })
            }
            (None, "is_written_to") => (words.time()?, Happening::ContactSent),
            (None, "is_talked_to") => (words.time()?, Happening::ReviewHeld),
            (None, _) => (words.time()?, Happening::Erased),
        };
        let id = self.next_id();
        Ok(event(who, at, &id, |_| what, "none"))
    }

    fn happens(&mut self, step: Step) -> Result<(), String> {
        self.nothing_untold()?;
        self.step(&step);
        Ok(())
    }

    fn step(&mut self, step: &Step) {
        if let Step::Event(event) = step {
            self.last = Some(event.clone());
        }
        let mut announcements = Vec::new();
        let partition =
            self.partition.get_or_insert_with(|| Partition::new(Arc::new(self.policy.clone()), self.shelf.clone()));
        if self.telling == Telling::Undone {
            take(partition, step, self.time, &mut Vec::new());
            partition.undo();
        }
        self.taken = take(partition, step, self.time, &mut announcements).or(self.taken);
        self.time = partition.time();
        if self.telling != Telling::InOneGo {
            for (id, customer) in partition.changes() {
                let mut shelf = self.shelf.0.borrow_mut();
                match customer {
                    Some(customer) => drop(shelf.insert(id.clone(), customer)),
                    None => drop(shelf.remove(id)),
                }
            }
            partition.confirm();
        }
        if self.telling == Telling::Restarted {
            let totals = *partition.totals();
            self.partition = Some(self.restarted(&totals, &mut announcements));
        }
        self.announced.extend(announcements.into_iter().map(|announcement| announcement.signal));
    }

    fn restarted(&self, before: &Totals, announcements: &mut Vec<Announcement>) -> Partition<Shelf> {
        let mut partition = Partition::new(Arc::new(self.policy.clone()), self.shelf.clone());
        partition.recall_erased(before.erased_orders, before.erased_returning_orders);
        for (id, customer) in self.shelf.0.borrow().iter() {
            partition.recall(id, customer);
        }
        while partition.advance(self.time, 1, announcements) {}
        partition
    }

    // --- what is expected ---------------------------------------------------------------------------------------

    fn nothing_untold(&self) -> Result<(), String> {
        let Some(signal) = self.announced.front() else { return Ok(()) };
        let (who, (_, kind)) = (signal.customer().as_str(), signal.names());
        let level = match signal {
            Signal::ChurnRisk(change) => change.level.name(),
            Signal::ReturningCustomer(_) => "",
        };
        Err(format!("{who} {level}{kind} at {} is announced and not told of", signal.at()))
    }

    fn counted(&self, expected: &str) -> Result<(), String> {
        if !Outcome::ALL.iter().any(|outcome| outcome.name() == expected) {
            return Err(format!("`{expected}` is no way to take an event"));
        }
        let taken = self.taken.ok_or("no event was taken so far")?.name();
        if taken == expected { Ok(()) } else { Err(format!("expected `{expected}`, but it was taken as `{taken}`")) }
    }

    fn announces(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let who = match words.next("a customer, `nothing` or `whatever`")? {
            "nothing" => return self.nothing_untold(),
            "whatever" => {
                self.announced.clear();
                return Ok(());
            }
            who => who,
        };
        let what = words.next("what is announced")?;
        let is_return = ["second_purchase", "repeat", "reactivated"].contains(&what);
        if !is_return && !Level::ALL.iter().any(|level| level.name() == what) {
            return Err(format!("`{what}` is neither a return nor a level"));
        }
        let way = if is_return { what } else { words.next("which way the level went")? };
        if !is_return && !["raised", "changed", "cleared"].contains(&way) {
            return Err(format!("`{way}` is no way a level goes"));
        }
        let signal = self.announced.pop_front().ok_or("nothing more is announced")?;
        same("customer", who, signal.customer().as_str())?;
        match (&signal, is_return) {
            (Signal::ReturningCustomer(_), false) => {
                return Err("expected a change of level, but a return is announced".to_owned());
            }
            (Signal::ChurnRisk(_), true) => {
                return Err("expected a return, but a change of level is announced".to_owned());
            }
            (Signal::ChurnRisk(change), false) => same("level", what, change.level.name())?,
            (Signal::ReturningCustomer(_), true) => {}
        }
        same("kind", way, signal.names().1)?;
        for (key, expected) in words.pairs()? {
            let found = match &signal {
                Signal::ReturningCustomer(signal) => of_return(signal, key),
                Signal::ChurnRisk(change) => of_change(change, key, expected),
            };
            self.agrees(who, key, expected, found?)?;
        }
        Ok(())
    }

    fn knows(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let who = words.next("a customer")?;
        let id = CustomerId::new(who).ok_or("a customer has a name")?;
        let partition = self.partition.as_ref().ok_or("nothing has happened so far")?;
        let open = partition.changes().find(|(changed, _)| **changed == id).map(|(_, customer)| customer);
        let known = open.unwrap_or_else(|| self.shelf.load(&id));
        if words.0.front() == Some(&"nothing") {
            words.0.pop_front();
            return known.map_or(Ok(()), |_| Err(format!("somebody is known as `{who}`")));
        }
        let customer = known.unwrap_or_default();
        for (key, expected) in words.pairs()? {
            let found = of_customer(&customer, key, expected, &self.policy)?;
            self.agrees(who, key, expected, found)?;
        }
        Ok(())
    }

    fn totals(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let totals = self.partition.as_ref().map_or_else(Totals::default, |partition| *partition.totals());
        for (key, expected) in words.pairs()? {
            let found = match key {
                "customers" => totals.customers,
                "repeat" => totals.repeat_customers,
                "orders" => totals.orders,
                "returning" => totals.returning_orders,
                "active" => totals.active(),
                "erased_orders" => totals.erased_orders,
                _ => {
                    let level = Level::ALL.into_iter().find(|level| level.name() == key);
                    totals.at(level.ok_or(format!("nobody counts `{key}`"))?)
                }
            };
            self.agrees("", key, expected, found.to_string())?;
        }
        Ok(())
    }

    /// Times are compared as instants, episodes by the name they were given first.
    fn agrees(&mut self, who: &str, key: &str, expected: &str, found: String) -> Result<(), String> {
        let agree = match key {
            "at" | "first" | "last" | "last_day" if expected != "none" => {
                instant(expected).ok_or(format!("`{expected}` is not a time"))?.to_string() == found
            }
            "episode" | "closes" if expected != "none" => {
                *self.episodes.entry(format!("{who} {expected}")).or_insert_with(|| found.clone()) == found
                    && found != "none"
            }
            _ => expected == found,
        };
        if agree { Ok(()) } else { Err(format!("expected {key}={expected}, but it is `{found}`")) }
    }
}

/// An event, and then whatever time has long passed: a late order may be overdue itself.
fn take(
    partition: &mut Partition<Shelf>,
    step: &Step,
    time: EventTime,
    announcements: &mut Vec<Announcement>,
) -> Option<Outcome> {
    let (taken, time) = match step {
        Step::Event(event) => (Some(partition.apply(event, announcements)), time),
        Step::Time(to) => (None, *to),
    };
    while partition.advance(time, 1, announcements) {}
    taken
}

fn event(who: &str, at: EventTime, id: &str, what: impl FnOnce(OrderId) -> Happening, order: &str) -> Event {
    Event {
        customer: CustomerId::new(who).expect("a word is a valid customer id"),
        id: EventId::new(id).expect("a word is a valid event id"),
        at,
        what: what(OrderId::new(order).expect("a word is a valid order id")),
    }
}

fn ticket(word: &str) -> TicketId {
    TicketId::new(word).expect("a word is a valid ticket id")
}

fn same(what: &str, expected: &str, found: &str) -> Result<(), String> {
    if expected == found { Ok(()) } else { Err(format!("expected `{expected}`, but {what} is `{found}`")) }
}

fn or_none(found: Option<impl ToString>) -> String {
    found.map_or_else(|| "none".to_owned(), |found| found.to_string())
}

fn of_return(signal: &ReturningCustomer, key: &str) -> Result<String, String> {
    Ok(match key {
        "at" => signal.at.to_string(),
        "order" => signal.order.as_str().to_owned(),
        "number" => signal.purchase_number.to_string(),
        "gap" => or_none(signal.since_previous.map(|span| format!("{}d", span.millis() as f64 / DAY_MS as f64))),
        "amount" => signal.amount.to_string(),
        "lifetime" => signal.lifetime.to_string(),
        "closes" => or_none(signal.closed_episode),
        "recovered" => or_none(signal.recovered_ticket.as_ref().map(TicketId::as_str)),
        "action" => or_none(signal.action.map(|action| action.name())),
        _ => return Err(format!("a return has no `{key}`")),
    })
}

/// Numbers come with as many decimals as the story writes.
fn of_change(change: &ChurnRisk, key: &str, expected: &str) -> Result<String, String> {
    let assessment = &change.assessment;
    let number = |value: f64| {
        expected.parse::<f64>().map_err(|_| format!("`{expected}` is no number"))?;
        let decimals = expected.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        Ok::<_, String>(format!("{value:.decimals$}"))
    };
    Ok(match key {
        "at" => change.at.to_string(),
        "day" => change.at.to_string()[..10].to_owned(),
        "from" => change.previous_level.name().to_owned(),
        "episode" => change.episode.to_string(),
        "action" => or_none(change.action.map(|action| action.name())),
        "risk" => number(assessment.risk)?,
        "chance" => number(assessment.return_probability)?,
        "usual" => number(assessment.usual_return_probability)?,
        "value" => format!("{}{}", assessment.value_at_risk, assessment.value_at_risk.currency.code()),
        "channels" => list(change.channels.iter().map(|channel| channel.name())),
        "reasons" => list(assessment.reasons.iter().map(code)),
        "tickets" => list(assessment.reasons.iter().filter_map(ticket_of)),
        "contacts" => or_none(assessment.reasons.iter().find_map(|reason| match &reason.what {
            Evidence::Factor(Factor::RepeatedContact { contacts }) => Some(contacts),
            _ => None,
        })),
        reason if CODES.contains(&reason) => match assessment.reasons.iter().find(|known| code(known) == reason) {
            Some(reason) => number(reason.log_odds)?,
            None => "none".to_owned(),
        },
        _ => return Err(format!("a change of level has no `{key}`")),
    })
}

const CODES: [&str; 7] =
    ["silence", "open_ticket", "overdue_ticket", "repeated_contact", "low_rating", "painless_resolution", "refund"];

fn code(reason: &Reason) -> &'static str {
    match &reason.what {
        Evidence::Silence { .. } => "silence",
        Evidence::Factor(factor) => match factor {
            Factor::OpenTicket { .. } => "open_ticket",
            Factor::OverdueTicket { .. } => "overdue_ticket",
            Factor::RepeatedContact { .. } => "repeated_contact",
            Factor::LowRating { .. } => "low_rating",
            Factor::PainlessResolution { .. } => "painless_resolution",
            Factor::Refund => "refund",
        },
    }
}

fn ticket_of(reason: &Reason) -> Option<&str> {
    match &reason.what {
        Evidence::Factor(
            Factor::OpenTicket { ticket, .. }
            | Factor::OverdueTicket { ticket, .. }
            | Factor::PainlessResolution { ticket },
        ) => Some(ticket.as_str()),
        _ => None,
    }
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.collect();
    if words.is_empty() { "none".to_owned() } else { words.join(",") }
}

fn of_customer(customer: &Customer, key: &str, expected: &str, policy: &Policy) -> Result<String, String> {
    let history = &customer.purchases;
    Ok(match key {
        "orders" => history.count().to_string(),
        "days" => history.days(&policy.calendar).map_or(0, |days| days.count).to_string(),
        "last_day" => {
            let day = history.days(&policy.calendar).map(|days| policy.calendar.day_of(days.last).0);
            or_none(day.map(|day| EventTime::from_millis(i64::from(day) * DAY_MS)))
        }
        "buying_for" => {
            let days = history.days(&policy.calendar);
            or_none(days.map(|days| format!("{}d", days.last.days_since(days.first))))
        }
        "first" => or_none(history.first_at()),
        "last" => or_none(history.last().map(|order| order.at)),
        "last_order" => or_none(history.last().map(|order| order.id.as_str())),
        "level" => customer.standing.level.name().to_owned(),
        "episode" => or_none(customer.standing.episode),
        "lifetime" => {
            let currency = amount(expected).map_or_else(euro, |amount| amount.currency());
            let code = if currency == euro() { "" } else { currency.code() };
            format!("{}{code}", history.net_spending(currency))
        }
        _ => return Err(format!("nothing is known of `{key}`")),
    })
}

// --- words -------------------------------------------------------------------------------------------------------

struct Words<'a>(VecDeque<&'a str>);

impl<'a> Words<'a> {
    fn next(&mut self, expected: &str) -> Result<&'a str, String> {
        self.0.pop_front().ok_or_else(|| format!("the sentence ends where {expected} should follow"))
    }

    fn optional(&mut self) -> Option<&'a str> {
        self.0.pop_front()
    }

    fn time(&mut self) -> Result<EventTime, String> {
        let word = self.next("a time")?;
        instant(word).ok_or_else(|| format!("`{word}` is not a time"))
    }

    fn amount(&mut self) -> Result<Amount, String> {
        let word = self.next("an amount")?;
        amount(word).ok_or_else(|| format!("`{word}` is not an amount"))
    }

    fn number(&mut self, expected: &str) -> Result<f64, String> {
        let word = self.next(expected)?;
        word.parse().map_err(|_| format!("`{word}` is no number"))
    }

    fn rating(&mut self) -> Result<Rating, String> {
        let (scale, score) = (self.next("a scale")?, self.next("a score")?);
        let known = Scale::ALL.into_iter().find(|known| known.name() == scale);
        let known = known.ok_or(format!("`{scale}` is no scale"))?;
        let rating = score.parse().ok().and_then(|score| Rating::new(known, score));
        rating.ok_or(format!("`{score}` is no score on `{scale}`"))
    }

    fn channel(&mut self) -> Result<Channel, String> {
        let word = self.next("a channel")?;
        Channel::ALL.into_iter().find(|known| known.name() == word).ok_or(format!("`{word}` is no channel"))
    }

    fn days(&mut self, expected: &str) -> Result<i64, String> {
        let word = self.next(expected)?;
        days(word).ok_or_else(|| format!("`{word}` is not {expected} such as 90d"))
    }

    /// The rest of the sentence.
    fn pairs(&mut self) -> Result<Vec<(&'a str, &'a str)>, String> {
        let pair = |word: &'a str| word.split_once('=').ok_or_else(|| format!("`{word}` is no key=value"));
        self.0.drain(..).map(pair).collect()
    }

    fn end(&mut self) -> Result<(), String> {
        self.0.pop_front().map_or(Ok(()), |word| Err(format!("`{word}` is one word too many")))
    }
}

fn instant(word: &str) -> Option<EventTime> {
    EventTime::parse_rfc3339(word).or_else(|| EventTime::parse_rfc3339(&format!("{word}T00:00:00Z")))
}

fn days(word: &str) -> Option<i64> {
    word.strip_suffix('d')?.parse().ok().filter(|days| *days > 0)
}

fn minutes(word: &str) -> Option<Span> {
    word.strip_suffix('m')?.parse().ok().map(|minutes: i64| Span::from_millis(minutes * 60_000))
}

fn euro() -> Currency {
    Currency::from_code("EUR").expect("ISO 4217 has the euro")
}

fn amount(word: &str) -> Option<Amount> {
    let (number, code) = word.split_at(word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len()));
    let currency = if code.is_empty() { euro() } else { Currency::from_code(code)? };
    currency.parse_amount(number)
}
