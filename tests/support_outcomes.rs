//! What became of tickets, counted as events come in, against a plain recount from the list of all of them.
//!
//! The histories are drawn from a fixed seed: late, repeated, reopened, erased, on the very limits of every rule, told in
//! batches of which some never happen. `PROPTEST_RNG_SEED` and `PROPTEST_CASES` in the environment draw others, or more.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use homecoming::domain::model::Recency;
use homecoming::domain::purchase::{ORDERS_REMEMBERED, PurchaseDays};
use homecoming::domain::rating::{Rating, Scale};
use homecoming::domain::ticket::{Category, STEPS_REMEMBERED, TICKETS_REMEMBERED, TicketStep};
use homecoming::domain::time::{Calendar, DAY_MS};
use homecoming::domain::{Amount, Currency, Customer, CustomerId, EventId, EventTime, OrderId, Policy, Span, TicketId};
use homecoming::engine::tallies::{Awaited, Cell, NO_CATEGORY, RESOLVED_WITHIN, What};
use homecoming::engine::{Committed, Event, Happening, Packed, Partition};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, RngSeed, TestRng, TestRunner};

const START: i64 = 1_770_000_000_000;
const HOUR: i64 = DAY_MS / 24;

fn drawn(cases: u32) -> ProptestConfig {
    let given = ProptestConfig::default();
    ProptestConfig {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { given.cases } else { cases },
        rng_seed: if given.rng_seed == RngSeed::Random { RngSeed::Fixed(20_260_301) } else { given.rng_seed },
        failure_persistence: None,
        ..given
    }
}

// --- the plain recount -------------------------------------------------------------------------------------------

/// One customer from the first event to the erasure: everything accepted, and up to where things had ripened then.
#[derive(Default)]
struct Life {
    events: Vec<Event>,
    erased: Option<EventTime>,
}

/// Counters of support by what, kind and place; none is 0.
type Counted = BTreeMap<(What, u32, i32), i128>;

fn count(counted: &mut Counted, what: What, kind: usize, at: i32, by: i128) {
    *counted.entry((what, kind as u32, at)).or_default() += by;
}

impl Life {
    /// All that this life counts for once time has passed everything before `now`.
    fn recount(&self, now: EventTime, policy: &Policy, counted: &mut Counted) {
        let day = |at: EventTime| policy.calendar.day_of(at).0;
        let mut tickets: BTreeMap<&TicketId, Vec<(EventTime, TicketStep)>> = BTreeMap::new();
        for event in &self.events {
            match &event.what {
                Happening::Ticket { ticket, step } => tickets.entry(ticket).or_default().push((event.at, *step)),
                Happening::Rated { rating, .. } => {
                    count(counted, What::Ratings, rating.scale as usize, day(event.at), 1);
                    let millionths = (rating.score * 1e6).round() as i128;
                    count(counted, What::RatingSum, rating.scale as usize, day(event.at), millionths);
                }
                _ => {}
            }
        }
        for (id, mut steps) in tickets {
            steps.sort_unstable();
            self.recount_ticket(id, &steps, now, policy, counted);
        }
    }

    fn recount_ticket(
        &self,
        id: &TicketId,
        steps: &[(EventTime, TicketStep)],
        now: EventTime,
        policy: &Policy,
        counted: &mut Counted,
    ) {
        let day = |at: EventTime| policy.calendar.day_of(at).0;
        let opened = steps[0].0;
        let openings =
            steps.iter().filter_map(|(_, step)| if let TicketStep::Opened(about) = step { *about } else { None });
        let category = openings.into_iter().next().map_or(NO_CATEGORY as usize, |category| category as usize);
        count(counted, What::TicketsOpened, category, day(opened), 1);
        let openings = steps.iter().filter(|(_, step)| matches!(step, TicketStep::Opened(_))).skip(1);
        let contacts = steps.iter().filter(|(_, step)| *step == TicketStep::Contacted).chain(openings);
        let contacts: Vec<EventTime> = contacts.map(|(at, _)| *at).collect();
        contacts.iter().for_each(|at| count(counted, What::TicketContacts, 0, day(*at), 1));

        let low = self.events.iter().filter(|event| match &event.what {
            Happening::Rated { rating, ticket } => {
                let is_low = match rating.scale {
                    Scale::Csat => rating.score <= 2.0,
                    Scale::Ces => rating.score <= 3.0,
                    Scale::Nps => false,
                };
                is_low && ticket.as_ref() == Some(id)
            }
            _ => false,
        });
        let low: Vec<EventTime> = low.map(|event| event.at).collect();
        let reopened: Vec<EventTime> = times_of(steps, TicketStep::Reopened);
        let failed = |resolved: EventTime| {
            let known = resolved + Span::from_days(7);
            let before = |times: &[EventTime]| times.iter().any(|at| *at <= known);
            [resolved > opened + Span::from_days(1), before(&contacts), before(&reopened), before(&low)]
        };
        let is_passed = |at: EventTime| at < self.erased.unwrap_or(now);

        let stretches = stretches(steps);
        let Some((first, _)) = stretches.first().copied() else { return };
        let took = first.millis() - opened.millis();
        let bucket = RESOLVED_WITHIN.iter().position(|within| took <= *within).expect("the last one takes all");
        count(counted, What::TicketsResolved, bucket, day(first), 1);
        count(counted, What::ResolutionMillis, 0, day(first), i128::from(took));
        let ripe = first + Span::from_days(7);
        if is_passed(ripe) {
            let failed = failed(first);
            for (reason, _) in failed.iter().enumerate().filter(|(_, failed)| **failed) {
                count(counted, What::Painful, reason, day(ripe), 1);
            }
            count(counted, What::Painless, usize::from(failed == [false; 4]), day(ripe), 1);
        } else if self.erased.is_none() {
            count(counted, What::Awaited, Awaited::PainlessResolution as usize, 0, 1);
        }

        let sixty = Span::from_days(60);
        let stood = |(from, to): &&(EventTime, Option<EventTime>)| to.is_none_or(|to| to > *from + sixty);
        let Some((resolved, _)) = stretches.iter().find(stood).copied() else { return };
        let orders = self.orders();
        let before: Vec<EventTime> = orders.iter().copied().filter(|at| *at < opened).collect();
        if before.is_empty() {
            return;
        }
        if is_passed(resolved + sixty) {
            let effort = usize::from(failed(resolved) != [false; 4]);
            let came_back = orders.iter().any(|at| *at > resolved && *at <= resolved + sixty);
            let ripe = day(resolved + sixty);
            count(counted, What::Recovery, 2 * effort + usize::from(came_back), ripe, 1);
            count(counted, What::RecoveryExpected, effort, ripe, chance_in_60_days(&before, opened, policy));
        } else if self.erased.is_none() {
            count(counted, What::Awaited, Awaited::ServiceRecovery as usize, 0, 1);
        }
    }

    fn orders(&self) -> BTreeSet<EventTime> {
        let orders = self.events.iter().filter(|event| matches!(event.what, Happening::Purchased { .. }));
        orders.map(|event| event.at).collect()
    }
}

fn times_of(steps: &[(EventTime, TicketStep)], wanted: TicketStep) -> Vec<EventTime> {
    steps.iter().filter(|(_, step)| *step == wanted).map(|(at, _)| *at).collect()
}

/// From when to when a ticket was resolved.
fn stretches(steps: &[(EventTime, TicketStep)]) -> Vec<(EventTime, Option<EventTime>)> {
    let mut stretches: Vec<(EventTime, Option<EventTime>)> = Vec::new();
    for (at, step) in steps {
        let is_open = stretches.last().is_none_or(|(_, to)| to.is_some());
        match step {
            TicketStep::Resolved if is_open => stretches.push((*at, None)),
            TicketStep::Reopened if !is_open => stretches.last_mut().expect("one that goes on").1 = Some(*at),
            _ => {}
        }
    }
    stretches
}

/// In billionths.
fn chance_in_60_days(orders: &[EventTime], now: EventTime, policy: &Policy) -> i128 {
    let mut days: Vec<(i32, EventTime)> = orders.iter().map(|at| (policy.calendar.day_of(*at).0, *at)).collect();
    days.dedup_by_key(|(day, _)| *day);
    let days = PurchaseDays { count: days.len() as u32, first: days[0].1, last: days[days.len() - 1].1 };
    (policy.model.p_order_within(60.0, &Recency::at(now, &days)) * 1e9).round() as i128
}

// --- telling -----------------------------------------------------------------------------------------------------

/// Customers as the changelog keeps them.
#[derive(Default)]
struct Kept(RefCell<BTreeMap<CustomerId, Box<[u8]>>>);

impl Committed for Kept {
    type Record = Box<[u8]>;

    fn load_over(&self, id: &CustomerId, other: &mut Customer) -> bool {
        self.0.borrow().get(id).map(|bytes| bytes.unpack_over(other)).is_some()
    }
}

/// The engine, and the lists of events that are recounted.
struct Told {
    policy: Arc<Policy>,
    partition: Partition<Kept>,
    lives: BTreeMap<CustomerId, Vec<Life>>,
    seen: BTreeSet<(CustomerId, String)>,
}

impl Told {
    fn new(policy: Policy) -> Self {
        let policy = Arc::new(policy);
        let partition = Partition::new(Arc::clone(&policy), Kept::default());
        Self { policy, partition, lives: BTreeMap::new(), seen: BTreeSet::new() }
    }

    /// Tells the engine some events, after each of which time goes on to an hour before the greatest of them.
    fn tell(&mut self, events: &[Event]) {
        for event in events {
            self.partition.apply(event, &mut Vec::new());
            let time = event.at - Span::from_millis(HOUR);
            while self.partition.advance(time, 2, &mut Vec::new()) {}
        }
    }

    /// The same events for the recount: what is new of them is written down.
    fn write_down(&mut self, events: &[Event], mut time: EventTime) {
        for event in events {
            let lives = self.lives.entry(event.customer.clone()).or_insert_with(|| vec![Life::default()]);
            let id = match &event.what {
                Happening::Purchased { order, .. } => format!("order {}", order.as_str()),
                _ => format!("event {}", event.id.as_str()),
            };
            if event.what == Happening::Erased {
                // Whatever is known of them is forgotten, their ids too.
                self.seen.retain(|(customer, _)| *customer != event.customer);
                lives.last_mut().expect("at least one").erased = Some(time.max(event.at));
                lives.push(Life::default());
            } else if self.seen.insert((event.customer.clone(), id)) {
                lives.last_mut().expect("at least one").events.push(event.clone());
            }
            time = time.max(event.at - Span::from_millis(HOUR));
        }
    }

    fn commit(&mut self) {
        for (id, record) in self.partition.records() {
            let mut kept = self.partition.committed().0.borrow_mut();
            match record {
                Some(record) => kept.insert(id.clone(), record.clone()),
                None => kept.remove(id),
            };
        }
        self.partition.confirm();
    }

    /// Goes on in a new process.
    fn restart(&mut self) {
        let kept = Kept(RefCell::new(self.partition.committed().0.borrow().clone()));
        let ids: Vec<CustomerId> = kept.0.borrow().keys().cloned().collect();
        let mut again = Partition::new(Arc::clone(&self.policy), kept);
        again.resume(self.partition.time());
        again.recall_settled(self.partition.tallies().sections());
        for id in ids {
            let customer = again.committed().load(&id).expect("it is kept");
            again.recall(&id, &customer);
        }
        self.partition = again;
    }

    /// What the engine counts of support.
    fn counted(&self) -> Counted {
        let cells = self.partition.tallies().counts();
        let of_support = |cell: &Cell| match cell.what() {
            What::Awaited => cell.kind() != Awaited::Reactivation as u32,
            what => what >= What::Painless,
        };
        let cells = cells.iter().filter(|(cell, _)| of_support(cell));
        cells.map(|(cell, count)| ((cell.what(), cell.kind(), cell.at()), count)).collect()
    }

    /// What the list of events comes to.
    fn recounted(&self) -> Counted {
        let mut counted = Counted::new();
        for life in self.lives.values().flatten() {
            life.recount(self.partition.time(), &self.policy, &mut counted);
        }
        counted.retain(|_, count| *count != 0);
        counted
    }
}

fn differences(engine: &Counted, recount: &Counted) -> Vec<String> {
    let keys: BTreeSet<_> = engine.keys().chain(recount.keys()).collect();
    let get = |counted: &Counted, key| counted.get(key).copied().unwrap_or_default();
    let differing = keys.into_iter().filter(|key| get(engine, key) != get(recount, key));
    differing.map(|key| format!("{key:?}: counted {}, recounted {}", get(engine, key), get(recount, key))).collect()
}

// --- histories ---------------------------------------------------------------------------------------------------

fn event(customer: &str, n: usize, at: i64, what: Happening) -> Event {
    Event {
        customer: CustomerId::new(customer).expect("a valid id"),
        id: EventId::new(&format!("e-{n}")).expect("a valid id"),
        at: EventTime::from_millis(START + at),
        what,
    }
}

fn ticket(n: usize) -> TicketId {
    TicketId::new(&format!("t-{n}")).expect("a valid id")
}

fn buys(n: usize) -> Happening {
    let eur = Currency::from_code("EUR").expect("a currency");
    let order = OrderId::new(&format!("o-{n}")).expect("a valid id");
    Happening::Purchased { order, amount: Amount::from_minor(100, eur), referred: false }
}

fn rates(scale: Scale, score: f64, about: Option<usize>) -> Happening {
    Happening::Rated { rating: Rating::new(scale, score).expect("within the scale"), ticket: about.map(ticket) }
}

#[derive(Clone, Debug)]
enum Doing {
    Buys,
    Steps(usize, TicketStep),
    Rates(Scale, f64, Option<usize>),
    IsErased,
}

fn doing() -> impl Strategy<Value = Doing> {
    let about = proptest::option::of(select(&Category::ALL[..])).prop_map(TicketStep::Opened);
    let step = prop_oneof![
        3 => about,
        1 => Just(TicketStep::Contacted),
        4 => Just(TicketStep::Resolved),
        2 => Just(TicketStep::Reopened),
    ];
    let rates = (select(&Scale::ALL[..]), select(&[1.0, 2.0, 2.5, 3.0, 4.0, 5.0][..]), proptest::option::of(0..3usize));
    prop_oneof![
        10 => Just(Doing::Buys),
        16 => (0..3usize, step).prop_map(|(ticket, step)| Doing::Steps(ticket, step)),
        4 => rates.prop_map(|(scale, score, about)| Doing::Rates(scale, score, about)),
        1 => Just(Doing::IsErased),
    ]
}

/// Instants that lie on one another's limits: whole days, and a few beside them.
fn instant() -> impl Strategy<Value = i64> {
    let days = prop_oneof![3 => 0..3i64, 4 => 0..20i64, 2 => 0..130i64];
    let beside = select(vec![0, 0, 0, 1, -1, HOUR, 4 * HOUR, 7 * HOUR, 23 * HOUR + 77]);
    (days, beside).prop_map(|(days, beside)| days * DAY_MS + beside)
}

/// What several customers did, as it arrived: mostly about in order, some of it late, some of it twice.
fn history() -> impl Strategy<Value = Vec<Event>> {
    let late = prop_oneof![5 => 0..2 * HOUR, 2 => 0..20 * DAY_MS, 1 => 0..120 * DAY_MS];
    let again = proptest::option::weighted(0.1, 0..40 * DAY_MS);
    vec((select(vec!["ana", "ben"]), instant(), doing(), late, again), 5..70).prop_map(|deeds| {
        let mut arrivals = Vec::new();
        for (n, (customer, at, doing, late, again)) in deeds.into_iter().enumerate() {
            let what = match doing {
                Doing::Buys => buys(n),
                Doing::Steps(number, step) => Happening::Ticket { ticket: ticket(number), step },
                Doing::Rates(scale, score, about) => rates(scale, score, about),
                Doing::IsErased => Happening::Erased,
            };
            let event = event(customer, n, at, what);
            arrivals.push((at + late, event.clone()));
            arrivals.extend(again.map(|again| (at + late + again, event)));
        }
        arrivals.sort_by_key(|(arrived, _)| *arrived);
        arrivals.into_iter().map(|(_, event)| event).collect()
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    select(&["UTC", "Europe/Berlin", "America/St_Johns"][..]).prop_map(|zone| Policy {
        calendar: Calendar::in_zone(jiff::tz::TimeZone::get(zone).expect("a bundled zone")),
        ..Policy::default()
    })
}

proptest! {
    #![proptest_config(drawn(400))]

    /// After every batch, whatever came in and however late, after batches that never happened, and after a restart.
    #[test]
    fn what_is_counted_is_what_a_recount_counts(
        events in history(),
        policy in policy(),
        batch in 1..9usize,
        fate in vec(0..6u8, 16),
    ) {
        let mut told = Told::new(policy);
        for (batch, fate) in events.chunks(batch).zip(fate.iter().cycle()) {
            if *fate == 0 {
                told.commit();
                told.tell(batch);
                told.partition.undo();
            }
            let time = told.partition.time();
            told.tell(batch);
            told.write_down(batch, time);
            prop_assert_eq!(differences(&told.counted(), &told.recounted()), Vec::<String>::new());
            if *fate < 4 {
                told.commit();
            }
            if *fate == 1 {
                told.restart();
                prop_assert_eq!(differences(&told.counted(), &told.recounted()), Vec::<String>::new());
            }
        }
        let end = EventTime::from_millis(START) + Span::from_days(250);
        while told.partition.advance(end, 1, &mut Vec::new()) {}
        prop_assert_eq!(differences(&told.counted(), &told.recounted()), Vec::<String>::new());
        let awaited = told.counted().keys().filter(|(what, ..)| *what == What::Awaited).count();
        prop_assert_eq!(awaited, 0, "in the end nothing is awaited");
    }
}

/// What no history leads to would be compared with nothing.
#[test]
fn the_histories_lead_to_every_outcome() {
    let config = drawn(400);
    let mut runner = TestRunner::new_with_rng(config.clone(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut met: BTreeMap<(What, u32), i128> = BTreeMap::new();
    let mut kept_of_erased = 0;
    for _ in 0..config.cases {
        let events = history().new_tree(&mut runner).expect("a history").current();
        let mut told = Told::new(Policy::default());
        told.tell(&events);
        told.write_down(&events, EventTime::BEGINNING);
        pass_until(&mut told, 250);
        for ((what, kind, _), count) in told.recounted() {
            *met.entry((what, kind)).or_default() += count;
        }
        kept_of_erased += told.partition.tallies().settled().iter().filter(|(cell, _)| is_ripe(cell.what())).count();
    }
    let rare = |what: What, kinds: u32| {
        (0..kinds).filter(|kind| met.get(&(what, *kind)).is_none_or(|met| *met < 10)).map(|kind| (what, kind)).collect()
    };
    let kinds = [
        (What::Painless, 2),
        (What::Painful, 4),
        (What::Recovery, 4),
        (What::RecoveryExpected, 2),
        (What::Ratings, 3),
        (What::RatingSum, 3),
        (What::TicketsOpened, NO_CATEGORY + 1),
        (What::TicketContacts, 1),
        (What::TicketsResolved, RESOLVED_WITHIN.len() as u32),
        (What::ResolutionMillis, 1),
    ];
    let rare: Vec<(What, u32)> = kinds.into_iter().flat_map(|(what, kinds)| -> Vec<_> { rare(what, kinds) }).collect();
    assert_eq!(rare, Vec::new(), "of {met:?}");
    assert!(kept_of_erased > 50, "{kept_of_erased} ripe outcomes of erased customers");
}

fn is_ripe(what: What) -> bool {
    matches!(what, What::Painless | What::Recovery)
}

// --- where memory ends -------------------------------------------------------------------------------------------

/// A customer with an order, then a ticket opened and resolved within an hour, on `day`.
fn helped(told: &mut Told, n: usize, day: i64) {
    let steps = [(0, TicketStep::Opened(None)), (HOUR, TicketStep::Resolved)];
    for (i, (after, step)) in steps.into_iter().enumerate() {
        tell(told, 10_000 * (n + 1) + i, day * DAY_MS + after, Happening::Ticket { ticket: ticket(n), step });
    }
}

fn tell(told: &mut Told, n: usize, at: i64, what: Happening) {
    let events = [event("ana", n, at, what)];
    let time = told.partition.time();
    told.tell(&events);
    told.write_down(&events, time);
}

fn pass_until(told: &mut Told, day: i64) {
    while told.partition.advance(EventTime::from_millis(START) + Span::from_days(day), 10, &mut Vec::new()) {}
}

#[track_caller]
fn agrees(told: &Told) {
    assert_eq!(differences(&told.counted(), &told.recounted()), Vec::<String>::new());
}

#[test]
fn what_was_counted_of_tickets_stays_when_they_are_forgotten() {
    let mut told = Told::new(Policy::default());
    tell(&mut told, 0, 0, buys(0));
    for n in 0..3 * TICKETS_REMEMBERED {
        helped(&mut told, n, 1 + n as i64 * 3);
    }
    pass_until(&mut told, 450);
    agrees(&told);
    told.commit();
    told.restart();
    agrees(&told);
}

#[test]
fn what_was_counted_of_a_ticket_stays_when_the_orders_about_it_are_forgotten() {
    let mut told = Told::new(Policy::default());
    tell(&mut told, 0, 0, buys(0));
    helped(&mut told, 0, 1);
    helped(&mut told, 1, 3);
    for n in 1..2 * ORDERS_REMEMBERED {
        tell(&mut told, n, n as i64 * DAY_MS * 2 / 3, buys(n));
    }
    pass_until(&mut told, 420);
    agrees(&told);
    // Too long ago to be worked out anew: what was counted stands.
    let before = told.counted();
    tell(&mut told, 9999, 2 * DAY_MS, Happening::Ticket { ticket: ticket(0), step: TicketStep::Contacted });
    assert_eq!(told.counted(), before);
    told.commit();
    told.restart();
    assert_eq!(told.counted(), before);
}

#[test]
fn what_was_counted_of_a_ticket_stays_when_its_steps_are_forgotten() {
    let mut told = Told::new(Policy::default());
    tell(&mut told, 0, 0, buys(0));
    helped(&mut told, 0, 1);
    for n in 1..STEPS_REMEMBERED - 1 {
        tell(
            &mut told,
            n,
            (10 + n as i64) * DAY_MS,
            Happening::Ticket { ticket: ticket(0), step: TicketStep::Contacted },
        );
    }
    pass_until(&mut told, 100);
    agrees(&told);
    let before = told.counted();
    for n in 100..200 {
        tell(&mut told, n, n as i64 * DAY_MS, Happening::Ticket { ticket: ticket(0), step: TicketStep::Reopened });
    }
    pass_until(&mut told, 300);
    assert_eq!(told.counted(), before, "a ticket of so many steps is followed no longer");
}

#[test]
fn what_was_counted_of_a_ticket_stays_when_the_rating_that_spoiled_it_is_forgotten() {
    let mut told = Told::new(Policy::default());
    tell(&mut told, 0, 0, buys(0));
    helped(&mut told, 0, 1);
    tell(&mut told, 1, 2 * DAY_MS, rates(Scale::Csat, 1.0, Some(0)));
    for n in 2..40 {
        tell(&mut told, n, (70 + n as i64) * DAY_MS, rates(Scale::Csat, 1.0, None));
    }
    pass_until(&mut told, 150);
    agrees(&told);
    let painful = told.counted().into_iter().filter(|((what, ..), _)| *what == What::Painful).collect::<Vec<_>>();
    assert_eq!(painful.len(), 1, "{painful:?}");
}

#[test]
fn scores_add_up_in_millionths() {
    let mut told = Told::new(Policy::default());
    for (n, score) in [4.1, 3.333_333, 2.0].into_iter().enumerate() {
        tell(&mut told, n, 0, rates(Scale::Csat, score, None));
    }
    let day = Calendar::utc().day_of(EventTime::from_millis(START)).0;
    let counted = told.counted();
    assert_eq!(counted[&(What::RatingSum, Scale::Csat as u32, day)], 9_433_333);
    assert_eq!(counted[&(What::Ratings, Scale::Csat as u32, day)], 3);
}

// --- the very limits ---------------------------------------------------------------------------------------------

/// How many cases came to each outcome of [`What::Recovery`], in the order of its kinds.
fn recoveries(told: &Told) -> [i128; 4] {
    let mut sums = [0; 4];
    told.counted().into_iter().filter(|((what, ..), _)| *what == What::Recovery).for_each(|((_, kind, _), count)| {
        sums[kind as usize] += count;
    });
    sums
}

#[test]
fn a_case_stands_when_its_ticket_is_opened_again_a_millisecond_after_sixty_days() {
    for (after, expected) in [(0, [0; 4]), (1, [1, 0, 0, 0])] {
        let mut told = Told::new(Policy::default());
        tell(&mut told, 0, 0, buys(0));
        helped(&mut told, 0, 1);
        let reopened = 61 * DAY_MS + HOUR + after;
        tell(&mut told, 1, reopened, Happening::Ticket { ticket: ticket(0), step: TicketStep::Reopened });
        pass_until(&mut told, 100);
        assert_eq!(recoveries(&told), expected, "{after} ms after sixty days");
        agrees(&told);
    }
}

/// The first resolution was taken back, the second stood; the order comes to light when all of it is long ripe.
#[test]
fn an_order_that_comes_late_is_a_recovery_of_the_resolution_that_stood() {
    let mut told = Told::new(Policy::default());
    tell(&mut told, 0, 0, buys(0));
    helped(&mut told, 0, 1);
    for (n, day, step) in [(1, 55, TicketStep::Reopened), (2, 56, TicketStep::Resolved)] {
        tell(&mut told, n, day * DAY_MS, Happening::Ticket { ticket: ticket(0), step });
    }
    pass_until(&mut told, 200);
    assert_eq!(recoveries(&told), [0, 0, 1, 0]);
    tell(&mut told, 3, 116 * DAY_MS, buys(3));
    assert_eq!(recoveries(&told), [0, 0, 0, 1], "on the sixtieth day");
    agrees(&told);
}

#[test]
fn a_duplicate_settles_nothing() {
    let mut told = Told::new(Policy::default());
    tell(&mut told, 0, 0, buys(0));
    for n in 0..STEPS_REMEMBERED {
        let step = if n == 1 { TicketStep::Resolved } else { TicketStep::Contacted };
        tell(&mut told, n, n as i64 * HOUR, Happening::Ticket { ticket: ticket(0), step });
    }
    pass_until(&mut told, 100);
    told.commit();
    let last = (STEPS_REMEMBERED - 1) as i64 * HOUR;
    for _ in 0..2 {
        tell(
            &mut told,
            STEPS_REMEMBERED - 1,
            last,
            Happening::Ticket { ticket: ticket(0), step: TicketStep::Contacted },
        );
        told.commit();
        told.restart();
        agrees(&told);
    }
}
