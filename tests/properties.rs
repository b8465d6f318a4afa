//! Laws: what holds for every history, drawn at random from fixed seeds.
//!
//! `PROPTEST_RNG_SEED` and `PROPTEST_CASES` in the environment draw others, or more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use homecoming::domain::consent::Channel;
use homecoming::domain::model::{Parameters, Recency};
use homecoming::domain::policy::Weights;
use homecoming::domain::rating::{Rating, Scale};
use homecoming::domain::signal::{ChurnRisk, RiskKind};
use homecoming::domain::ticket::TicketStep;
use homecoming::domain::time::{Calendar, DAY_MS, Day};
use homecoming::domain::{
    Amount, Currency, Customer, CustomerId, EventId, EventTime, Level, OrderId, Policy, Signal, Span, TicketId,
};
use homecoming::engine::tallies::{Counts, FirstOrders, Section};
use homecoming::engine::{
    Announcement, Committed, Contribution, Event, Happening, Outcome, Packed, Partition, Totals, Watermark,
    WatermarkRules,
};
use homecoming::store::{Nobody, PartitionStore};
use homecoming::wire::progress_record::{Erased, InputProgress, Progress};
use homecoming::wire::state_key::StateKey;
use homecoming::wire::{Incoming, Limits, Source, decode, decode_line};
use homecoming::wire::{customer_record, tallies_record};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;

const LATENESS: Span = Span::from_millis(3_600_000);
const RULES: WatermarkRules = WatermarkRules { allowed_lateness: LATENESS };
const CURRENCIES: [&str; 6] = ["EUR", "USD", "JPY", "BHD", "XXX", "CLF"];

fn drawn(cases: u32) -> ProptestConfig {
    let given = ProptestConfig::default();
    ProptestConfig {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { given.cases } else { cases },
        rng_seed: if given.rng_seed == RngSeed::Random { RngSeed::Fixed(20_260_301) } else { given.rng_seed },
        failure_persistence: None,
        ..given
    }
}

// --- histories ---------------------------------------------------------------------------------------------------

/// One thing a customer does, so long after the last thing they did.
#[derive(Clone, Debug)]
struct Deed {
    customer: u8,
    gap_ms: i64,
    doing: Doing,
}

#[derive(Clone, Debug)]
enum Doing {
    Buys { minor: i64, currency: &'static str },
    GivesBack { minor: i64, currency: &'static str },
    Complains { ticket: u8, step: TicketStep },
    Rates { rating: Rating, ticket: Option<u8> },
    Says { channel: Channel, granted: bool },
    IsWrittenTo,
    IsTalkedTo,
    IsErased,
}

fn deed(customers: u8, doing: impl Strategy<Value = Doing>) -> impl Strategy<Value = Deed> {
    let gap = prop_oneof![
        2 => Just(0),
        1 => 1..1000i64,
        3 => 0..3_600_000i64,
        6 => 0..40 * DAY_MS,
        3 => 60 * DAY_MS..200 * DAY_MS,
        4 => select(vec![DAY_MS, DAY_MS + 1, 60 * DAY_MS, 60 * DAY_MS + 1, 90 * DAY_MS, 90 * DAY_MS + 1]),
    ];
    (0..customers, gap, doing).prop_map(|(customer, gap_ms, doing)| Deed { customer, gap_ms, doing })
}

fn doing() -> impl Strategy<Value = Doing> {
    let money = || (0..100_000i64, select(&CURRENCIES[..]));
    let steps = [TicketStep::Opened(None), TicketStep::Contacted, TicketStep::Resolved, TicketStep::Reopened];
    prop_oneof![
        8 => money().prop_map(|(minor, currency)| Doing::Buys { minor, currency }),
        2 => money().prop_map(|(minor, currency)| Doing::GivesBack { minor, currency }),
        5 => (0..3u8, select(steps.to_vec())).prop_map(|(ticket, step)| Doing::Complains { ticket, step }),
        2 => (rating(), proptest::option::of(0..3u8)).prop_map(|(rating, ticket)| Doing::Rates { rating, ticket }),
        1 => (select(&Channel::ALL[..]), any::<bool>())
            .prop_map(|(channel, granted)| Doing::Says { channel, granted }),
        1 => select(vec![Doing::IsWrittenTo, Doing::IsTalkedTo]),
    ]
}

fn rating() -> impl Strategy<Value = Rating> {
    (select(&Scale::ALL[..]), 1..=5u8)
        .prop_map(|(scale, score)| Rating::new(scale, f64::from(score)).expect("all scales have 1 to 5"))
}

/// What several customers did, in the order of time. Of one instant, order ids do not rank as the orders arrive.
fn history(customers: u8, deeds: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Event>> {
    vec(deed(customers, doing()), deeds).prop_map(|deeds| in_order(&deeds))
}

/// The same where customers are erased now and then, and begin anew.
fn history_with_erasures(customers: u8, deeds: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Event>> {
    let doing = prop_oneof![15 => doing(), 1 => Just(Doing::IsErased)];
    vec(deed(customers, doing), deeds).prop_map(|deeds| in_order(&deeds))
}

fn in_order(deeds: &[Deed]) -> Vec<Event> {
    let mut last = BTreeMap::new();
    let events = deeds.iter().enumerate().map(|(n, deed)| {
        let at = last.entry(deed.customer).or_insert(START + i64::from(deed.customer) * 7_777_777);
        *at += deed.gap_ms;
        event(deed, EventTime::from_millis(*at), n)
    });
    let mut events: Vec<Event> = events.collect();
    events.sort_by_key(|event| event.at);
    events
}

fn with_shuffled(events: Vec<Event>) -> impl Strategy<Value = (Vec<Event>, Vec<Event>)> {
    (Just(events.clone()), Just(events).prop_shuffle())
}

const START: i64 = 1_767_225_600_000;

fn event(deed: &Deed, at: EventTime, n: usize) -> Event {
    let order = OrderId::new(&format!("o-{}", n * 37 % 101)).expect("a valid id");
    let ticket = |number: u8| TicketId::new(&format!("t-{number}")).expect("a valid id");
    let amount = |minor, code| Amount::from_minor(minor, currency(code));
    Event {
        customer: CustomerId::new(&format!("c-{}", deed.customer)).expect("a valid id"),
        id: EventId::new(&format!("e-{n}")).expect("a valid id"),
        at,
        what: match deed.doing {
            Doing::Buys { minor, currency } => {
                Happening::Purchased { order, amount: amount(minor, currency), referred: n.is_multiple_of(3) }
            }
            Doing::GivesBack { minor, currency } => Happening::Refunded { order, amount: amount(minor, currency) },
            Doing::Complains { ticket: number, step } => Happening::Ticket { ticket: ticket(number), step },
            Doing::Rates { rating, ticket: number } => Happening::Rated { rating, ticket: number.map(ticket) },
            Doing::Says { channel, granted } => Happening::ConsentChanged { channel, granted },
            Doing::IsWrittenTo => Happening::ContactSent,
            Doing::IsTalkedTo => Happening::ReviewHeld,
            Doing::IsErased => Happening::Erased,
        },
    }
}

fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("an ISO 4217 code")
}

fn policy() -> impl Strategy<Value = Policy> {
    let zones = select(&["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"][..]);
    (zones, select(&[90, 90, 30, 7][..]), select(&[0.0, -0.8][..])).prop_map(|(zone, activity_horizon_days, refund)| {
        Policy {
            calendar: Calendar::in_zone(jiff::tz::TimeZone::get(zone).expect("a bundled zone")),
            activity_horizon_days,
            weights: Weights { refund, ..Weights::default() },
            ..Policy::default()
        }
    })
}

/// The same where those who are silent for too long may be forgotten.
fn policy_that_may_forget() -> impl Strategy<Value = Policy> {
    let forget_after = select(vec![None, None, Some(Span::from_days(100)), Some(Span::from_days(60))]);
    (policy(), forget_after).prop_map(|(policy, forget_after)| Policy { forget_after, ..policy })
}

/// Long after everything: whatever can fall due has.
fn the_end(events: &[Event]) -> EventTime {
    events.iter().map(|event| event.at).max().unwrap_or(EventTime::EARLIEST) + Span::from_days(500)
}

// --- tellings ----------------------------------------------------------------------------------------------------

/// What came of a history.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    signals: Vec<Signal>,
    outcomes: Vec<Outcome>,
    customers: BTreeMap<CustomerId, Customer>,
    totals: Totals,
    /// All other counts, as far as the rings reach.
    counts: Counts,
}

/// The counts as of a partition's time, as far as the rings reach.
fn counts_of<C: Committed>(partition: &Partition<C>) -> Counts {
    let mut counts = partition.tallies().counts();
    partition.today().into_iter().for_each(|today| counts.forget_before(today));
    counts
}

impl Told {
    fn by_customer(&self) -> BTreeMap<&CustomerId, Vec<&Signal>> {
        let mut signals: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for signal in &self.signals {
            signals.entry(signal.customer()).or_default().push(signal);
        }
        signals
    }
}

/// Tells events as the service does: each is applied, then time follows the greatest event time; at last the end.
fn tell(events: &[Event], policy: &Policy) -> Told {
    let mut watermark = Watermark::new(1);
    let times = events.iter().map(|event| {
        watermark.observe(0, event.at);
        watermark.advance(&RULES, &[false], None)
    });
    let steps: Vec<_> = events.iter().zip(times.collect::<Vec<_>>()).collect();
    tell_with_times(&steps, policy)
}

fn tell_with_times(steps: &[(&Event, EventTime)], policy: &Policy) -> Told {
    let mut partition = Partition::new(Arc::new(policy.clone()), Nobody);
    let mut announcements = Vec::new();
    let mut outcomes = Vec::new();
    for (event, time) in steps {
        outcomes.push(partition.apply(event, &mut announcements));
        while partition.advance(*time, 3, &mut announcements) {}
    }
    let end = steps.iter().map(|(event, _)| event.at).max().unwrap_or(EventTime::EARLIEST) + Span::from_days(500);
    while partition.advance(end, 1000, &mut announcements) {}
    Told {
        signals: signals(announcements),
        outcomes,
        customers: customers_of(partition.changes()),
        totals: *partition.totals(),
        counts: counts_of(&partition),
    }
}

fn signals(announcements: Vec<Announcement>) -> Vec<Signal> {
    announcements.into_iter().map(|announcement| announcement.signal).collect()
}

fn customers_of<'a>(
    changes: impl Iterator<Item = (&'a CustomerId, Option<Customer>)>,
) -> BTreeMap<CustomerId, Customer> {
    changes.filter_map(|(id, customer)| Some((id.clone(), customer?))).collect()
}

impl Told {
    fn changes(&self) -> impl Iterator<Item = &ChurnRisk> {
        self.signals.iter().filter_map(|signal| match signal {
            Signal::ChurnRisk(change) => Some(&**change),
            Signal::ReturningCustomer(_) => None,
        })
    }
}

/// What is known of a customer, in a form that shows neither in which order it was learned nor what was announced.
fn known(customer: &Customer) -> Customer {
    assert_eq!(customer.purchases.forgotten, None, "these histories are shorter than what is remembered");
    let mut known = customer.clone();
    known.standing = Default::default();
    known.seen.0.sort_unstable();
    known.purchases.spending.sort_by(|a, b| a.currency.code().cmp(b.currency.code()));
    known
}

fn knowledge(told: &Told) -> BTreeMap<&CustomerId, Customer> {
    told.customers.iter().map(|(id, customer)| (id, known(customer))).collect()
}

fn recount<'a>(customers: impl Iterator<Item = &'a Customer>) -> Totals {
    let mut totals = Totals::default();
    customers.for_each(|customer| totals.add(&Contribution::of(customer)));
    totals
}

proptest! {
    #![proptest_config(drawn(200))]

    /// Kafka may hand us a stretch of the log again. Nobody downstream may notice.
    #[test]
    fn redelivery_announces_nothing_new(events in history(4, 1..90), from in any::<Index>(), policy in policy()) {
        let from = from.index(events.len());
        let again = [&events[..], &events[from..]].concat();
        let (once, twice) = (tell(&events, &policy), tell(&again, &policy));
        prop_assert_eq!(once.by_customer(), twice.by_customer());
        prop_assert_eq!(once.customers, twice.customers);
        prop_assert_eq!(once.totals, twice.totals);
        prop_assert_eq!(once.counts, twice.counts);
        prop_assert!(twice.outcomes[events.len()..].iter().all(|outcome| *outcome == Outcome::Duplicate));
    }

    /// Every record twice in a row, as a producer without idempotence sends them.
    #[test]
    fn stuttering_announces_nothing_new(events in history(3, 1..90), policy in policy()) {
        let stuttered: Vec<Event> = events.iter().flat_map(|event| [event.clone(), event.clone()]).collect();
        let (once, twice) = (tell(&events, &policy), tell(&stuttered, &policy));
        prop_assert_eq!(once.signals, twice.signals);
        prop_assert_eq!(once.customers, twice.customers);
    }

    /// What is known is a function of the set of events.
    #[test]
    fn what_is_known_does_not_depend_on_the_order_of_arrival(
        (events, shuffled) in history(3, 1..90).prop_flat_map(with_shuffled),
        policy in policy(),
    ) {
        let (in_order, at_random) = (tell(&events, &policy), tell(&shuffled, &policy));
        prop_assert_eq!(knowledge(&in_order), knowledge(&at_random));
        let totals = |told: &Told| (told.totals.customers, told.totals.repeat_customers, told.totals.orders);
        prop_assert_eq!(totals(&in_order), totals(&at_random));
        prop_assert_eq!(in_order.counts, at_random.counts);
    }

    /// However the events arrive, every order but a customer's first to arrive is announced once.
    #[test]
    fn every_order_but_the_first_to_arrive_is_announced_once(
        shuffled in history(3, 1..90).prop_shuffle(),
        policy in policy(),
    ) {
        let told = tell(&shuffled, &policy);
        let mut first_seen = BTreeSet::new();
        let mut expected: Vec<_> = shuffled
            .iter()
            .filter_map(|event| match &event.what {
                Happening::Purchased { order, .. } if !first_seen.insert(event.customer.clone()) => {
                    Some((event.customer.as_str(), order.as_str(), event.at))
                }
                _ => None,
            })
            .collect();
        let mut announced: Vec<_> = told
            .signals
            .iter()
            .filter_map(|signal| match signal {
                Signal::ReturningCustomer(signal) => Some((signal.customer.as_str(), signal.order.as_str(), signal.at)),
                Signal::ChurnRisk(_) => None,
            })
            .collect();
        expected.sort_unstable();
        announced.sort_unstable();
        prop_assert_eq!(expected, announced);
    }

    /// Levels form a chain, an episode is open exactly while the level is not low, and no id is used twice.
    #[test]
    fn levels_form_a_chain_and_ids_are_used_once(
        shuffled in history(3, 1..90).prop_shuffle(),
        policy in policy(),
    ) {
        let told = tell(&shuffled, &policy);
        let mut ids = BTreeSet::new();
        let mut episodes = BTreeSet::new();
        let mut standings = BTreeMap::new();
        for signal in &told.signals {
            let low = (Level::Low, None, EventTime::BEGINNING);
            let (level, episode, at) = *standings.get(signal.customer()).unwrap_or(&low);
            let change = match signal {
                Signal::ReturningCustomer(signal) => {
                    prop_assert!(ids.insert(signal.id), "{signal:?} has an id that was used before");
                    prop_assert!(signal.closed_episode.is_none_or(|closed| Some(closed) == episode));
                    continue;
                }
                Signal::ChurnRisk(change) => change,
            };
            prop_assert!(ids.insert(change.id), "{change:?} has an id that was used before");
            prop_assert_eq!(level, change.previous_level);
            prop_assert_ne!(level, change.level);
            prop_assert!(at <= change.at, "levels change in the order of time");
            let kind = match (level, change.level) {
                (Level::Low, _) => RiskKind::Raised,
                (_, Level::Low) => RiskKind::Cleared,
                _ => RiskKind::Changed,
            };
            prop_assert_eq!(kind, change.kind);
            match episode {
                Some(episode) => prop_assert_eq!(episode, change.episode),
                None => prop_assert!(episodes.insert(change.episode), "a new episode has an id of its own"),
            }
            let episode = Some(change.episode).filter(|_| change.level != Level::Low);
            standings.insert(change.customer.clone(), (change.level, episode, change.at));
        }
        for (id, customer) in &told.customers {
            let (level, episode, _) = standings.get(id).copied().unwrap_or((Level::Low, None, EventTime::BEGINNING));
            prop_assert_eq!(level, customer.standing.level);
            prop_assert_eq!(episode, customer.standing.episode);
        }
    }

    /// An order that ends an episode says so, and what ends without an order is closed by none.
    #[test]
    fn the_order_that_clears_a_level_closes_its_episode(
        shuffled in history(3, 1..90).prop_shuffle(),
        policy in policy(),
    ) {
        for signals in tell(&shuffled, &policy).by_customer().values() {
            for pair in signals.windows(2) {
                let [Signal::ReturningCustomer(order), next] = pair else { continue };
                let cleared = match next {
                    Signal::ChurnRisk(change) if change.kind == RiskKind::Cleared => Some(change.episode),
                    _ => None,
                };
                if order.closed_episode.is_some() {
                    prop_assert_eq!(order.closed_episode, cleared);
                }
            }
            let closed = signals.iter().filter(|signal| match signal {
                Signal::ReturningCustomer(order) => order.closed_episode.is_some(),
                Signal::ChurnRisk(_) => false,
            });
            let cleared_from_lapsed = signals.iter().filter(|signal| match signal {
                Signal::ReturningCustomer(_) => false,
                // Nothing but an order leads out of a lapse.
                Signal::ChurnRisk(change) => {
                    change.kind == RiskKind::Cleared && change.previous_level == Level::Lapsed
                }
            });
            prop_assert!(cleared_from_lapsed.count() <= closed.count());
        }
    }

    /// What a signal says of the chance of a return is a chance, and its reasons explain all of it.
    #[test]
    fn reasons_are_sorted_and_add_up_to_what_is_gone(
        events in prop_oneof![history(3, 1..90), history(3, 1..60).prop_shuffle()],
        policy in policy(),
    ) {
        let log_odds = |p: f64| (p / (1.0 - p)).ln();
        for change in tell(&events, &policy).changes() {
            let said = &change.assessment;
            let (p, usual) = (said.return_probability, said.usual_return_probability);
            let without = said.reasons.iter().map(|reason| reason.return_probability_without);
            for probability in [p, usual, said.risk].into_iter().chain(without) {
                prop_assert!((0.0..=1.0).contains(&probability), "{change:?}");
            }
            prop_assert_eq!(said.risk, (1.0 - p / usual).clamp(0.0, 1.0));
            prop_assert!(said.reasons.is_sorted_by(|a, b| a.log_odds.abs() >= b.log_odds.abs()), "{change:?}");
            let explained: f64 = said.reasons.iter().map(|reason| reason.log_odds).sum();
            let moved = log_odds(p) - log_odds(usual);
            prop_assert!((explained - moved).abs() < 1e-9, "{explained} of {moved}: {change:?}");
            for reason in &said.reasons {
                let without = log_odds(reason.return_probability_without);
                prop_assert!((log_odds(p) - reason.log_odds - without).abs() < 1e-9, "{change:?}");
                prop_assert_ne!(reason.log_odds, 0.0, "what weighs nothing is no reason");
            }
        }
    }

    /// Looking at a customer for no reason, however often, finds nothing that time alone would not have found.
    #[test]
    fn what_weighs_nothing_changes_no_signal(
        events in history(3, 1..60),
        asides in vec((0..3u8, any::<Index>(), 0..50 * DAY_MS, 0..4u8), 1..30),
        policy in policy(),
    ) {
        let asides = asides.iter().enumerate().map(|(n, (customer, place, later, what))| {
            let at = place.get(&events).at + Span::from_millis(*later);
            let praise = |scale, score| Rating::new(scale, score).expect("a score within the scale");
            let doing = match what {
                0 => Doing::IsWrittenTo,
                1 => Doing::IsTalkedTo,
                2 => Doing::Rates { rating: praise(Scale::Nps, 0.0), ticket: Some(0) },
                _ => Doing::Rates { rating: praise(Scale::Csat, 2.5), ticket: Some(0) },
            };
            event(&Deed { customer: *customer, gap_ms: 0, doing }, at, 1000 + n)
        });
        let mut disturbed: Vec<Event> = events.iter().cloned().chain(asides).collect();
        disturbed.sort_by_key(|event| event.at);
        let (plain, disturbed) = (tell(&events, &policy), tell(&disturbed, &policy));
        prop_assert_eq!(plain.by_customer(), disturbed.by_customer());
    }

    /// Erased, forgotten or here: an order that was taken in stays counted.
    #[test]
    fn orders_stay_counted_whatever_becomes_of_their_customer(
        events in history_with_erasures(4, 1..90),
        policy in policy_that_may_forget(),
    ) {
        let told = tell(&events, &policy);
        let taken = |event: &Event, outcome: Outcome| {
            matches!(event.what, Happening::Purchased { .. }) && outcome != Outcome::Duplicate
        };
        let orders = events.iter().zip(&told.outcomes).filter(|(event, outcome)| taken(event, **outcome)).count();
        let returning = told.signals.iter().filter(|signal| matches!(signal, Signal::ReturningCustomer(_))).count();
        prop_assert_eq!(told.totals.orders, orders as i64);
        prop_assert_eq!(told.totals.returning_orders, returning as i64);
        let held = recount(told.customers.values());
        prop_assert_eq!(told.totals.erased_orders, told.totals.orders - held.orders);
        prop_assert_eq!(told.totals.erased_returning_orders, told.totals.returning_orders - held.returning_orders);
        prop_assert_eq!(told.totals.by_level, held.by_level);
        prop_assert_eq!(told.totals.customers, held.customers);
    }

    /// Nobody can tell from the signals how often we looked at the clock.
    #[test]
    fn coarse_ticks_fine_ticks_and_one_big_jump_announce_the_same(
        events in history_with_erasures(4, 1..60),
        ticks in vec(0.0..1.0f64, 60),
        policy in policy_that_may_forget(),
    ) {
        let steps = |time_after: &dyn Fn(usize) -> EventTime| {
            let steps: Vec<_> = events.iter().enumerate().map(|(n, event)| (event, time_after(n))).collect();
            tell_with_times(&steps, &policy)
        };
        let next = |n: usize| events.get(n + 1).map_or(events[n].at, |next| next.at);
        let one_big_jump = steps(&|_| EventTime::BEGINNING);
        let fine = steps(&next);
        let coarse = steps(&|n| if n % 7 == 0 { next(n) } else { EventTime::BEGINNING });
        let somewhere = steps(&|n| {
            let (from, to) = (events[n].at.millis(), next(n).millis());
            EventTime::from_millis(from + ((to - from) as f64 * ticks[n]) as i64)
        });
        for other in [&fine, &coarse, &somewhere, &tell(&events, &policy)] {
            prop_assert_eq!(one_big_jump.by_customer(), other.by_customer());
            prop_assert_eq!(&one_big_jump.customers, &other.customers);
            prop_assert_eq!(one_big_jump.totals, other.totals);
            prop_assert_eq!(&one_big_jump.counts, &other.counts);
        }
    }

    /// What falls due in one step of time is told in the order of time, however few at once.
    #[test]
    fn what_is_due_fires_in_the_order_of_time(events in history(6, 1..60), limit in 1..10usize, policy in policy()) {
        let mut partition = Partition::new(Arc::new(policy), Nobody);
        for event in &events {
            partition.apply(event, &mut Vec::new());
        }
        let mut announcements = Vec::new();
        while partition.advance(the_end(&events), limit, &mut announcements) {}
        let told: Vec<_> = announcements.iter().map(|a| (a.signal.at(), a.signal.customer().clone())).collect();
        prop_assert!(told.is_sorted(), "{told:?}");
        prop_assert_eq!(partition.totals().active(), 0, "at the end of time everybody has lapsed");
        prop_assert_eq!(partition.timers_pending(), 0);
    }

    /// A customer's signals depend on that customer's events alone, as long as these come in order and in time,
    /// however the events of different customers are interleaved.
    #[test]
    fn a_customers_signals_do_not_depend_on_other_customers(
        events in history_with_erasures(5, 1..90),
        delays in vec(0..=LATENESS.millis(), 5),
        policy in policy_that_may_forget(),
    ) {
        let mut interleaved = events.clone();
        interleaved.sort_by_key(|event| {
            let who: usize = event.customer.as_str()[2..].parse().expect("customers are numbered");
            event.at + Span::from_millis(delays[who])
        });
        let together = tell(&interleaved, &policy);
        prop_assert!(together.outcomes.iter().all(|outcome| !matches!(outcome, Outcome::Late | Outcome::TooLate)));
        for (id, signals) in together.by_customer() {
            let own: Vec<Event> = events.iter().filter(|event| event.customer == *id).cloned().collect();
            let alone = tell(&own, &policy);
            prop_assert_eq!(signals, alone.signals.iter().collect::<Vec<_>>());
            prop_assert_eq!(together.customers.get(id), alone.customers.get(id));
        }
    }
}

/// At least the last 64 other events of a customer are remembered.
#[test]
fn a_refund_is_noticed_again_after_63_others() {
    let deed = Deed { customer: 0, gap_ms: 0, doing: Doing::GivesBack { minor: 100, currency: "EUR" } };
    let refunds: Vec<Event> = (0..100).map(|n| event(&deed, EventTime::from_millis(START), n)).collect();
    let told = tell(&[&refunds[..], &refunds[36..]].concat(), &Policy::default());
    assert!(told.outcomes[..100].iter().all(|outcome| *outcome == Outcome::Applied));
    assert!(told.outcomes[100..].iter().all(|outcome| *outcome == Outcome::Duplicate));
}

// --- batches -----------------------------------------------------------------------------------------------------

/// What befalls a batch before it is committed.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It is committed at once.
    Smooth,
    /// It comes so far, is aborted, and is read again.
    AbortedAfter(usize),
    /// It is committed, and then the process starts anew.
    Restarted,
}

fn fates() -> impl Strategy<Value = Vec<(usize, Fate)>> {
    let fate = prop_oneof![
        2 => Just(Fate::Smooth),
        3 => (0..12usize).prop_map(Fate::AbortedAfter),
        1 => Just(Fate::Restarted),
    ];
    vec((1..12usize, fate), 1..20)
}

/// A partition as the service runs it: state in the store, its watermark beside it.
struct Service {
    policy: Arc<Policy>,
    store: Arc<PartitionStore>,
    partition: Partition<Arc<PartitionStore>>,
    /// Settled counts as stored.
    sections: BTreeMap<i32, Section>,
    watermark: Watermark,
    watermark_committed: Watermark,
}

impl Service {
    fn new(policy: &Policy) -> Self {
        let (policy, store) = (Arc::new(policy.clone()), Arc::new(PartitionStore::default()));
        let watermark = Watermark::new(1);
        Self {
            partition: Partition::new(Arc::clone(&policy), Arc::clone(&store)),
            policy,
            store,
            sections: BTreeMap::new(),
            watermark_committed: watermark.clone(),
            watermark,
        }
    }

    fn take(&mut self, event: &Event, announcements: &mut Vec<Announcement>) -> Outcome {
        let outcome = self.partition.apply(event, announcements);
        self.watermark.observe(0, event.at);
        let time = self.watermark.advance(&RULES, &[false], None);
        while self.partition.advance(time, 2, announcements) {}
        outcome
    }

    fn abort(&mut self) {
        self.partition.undo();
        self.watermark = self.watermark_committed.clone();
    }

    fn commit(&mut self) {
        for (id, customer) in self.partition.changes() {
            let Some(customer) = customer else {
                self.store.remove(id);
                continue;
            };
            let record = customer_record::encode(&customer);
            assert_eq!(customer_record::decode(&record).as_ref(), Ok(&customer));
            self.store.put(id.clone(), record);
        }
        for section in self.partition.changed_sections() {
            let stored = tallies_record::encode(&section);
            let read = stored.map(|bytes| tallies_record::decode(section.at, &bytes).expect("just written"));
            match read {
                Some(read) => drop(self.sections.insert(section.at, read)),
                None => drop(self.sections.remove(&section.at)),
            }
        }
        self.partition.confirm();
        self.watermark_committed = self.watermark.clone();
    }

    fn restart(&mut self, announcements: &mut Vec<Announcement>) {
        let mut partition = Partition::new(Arc::clone(&self.policy), Arc::clone(&self.store));
        let totals = self.partition.totals();
        partition.resume(self.watermark.time());
        partition.recall_erased(totals.erased_orders, totals.erased_returning_orders);
        partition.recall_settled(self.sections.values().cloned());
        self.store.for_each(|id, customer| partition.recall(id, customer));
        let mut watermark = Watermark::resume(self.watermark.greatest().to_vec(), self.watermark.time());
        let before = announcements.len();
        while partition.advance(watermark.advance(&RULES, &[false], None), 2, announcements) {}
        assert_eq!(announcements.len(), before, "all that time had passed was told before the restart");
        partition.confirm();
        (self.partition, self.watermark_committed, self.watermark) = (partition, watermark.clone(), watermark);
    }

    fn customers(&self) -> BTreeMap<CustomerId, Customer> {
        let mut customers = BTreeMap::new();
        self.store.for_each(|id, customer| {
            customers.insert(id.clone(), customer.clone());
        });
        customers
    }

    /// The counts, the open batch included, from the customers themselves.
    fn recounted(&self) -> Totals {
        let mut customers = self.customers();
        for (id, customer) in self.partition.changes() {
            customers.remove(id);
            customers.extend(customer.map(|customer| (id.clone(), customer)));
        }
        let mut totals = recount(customers.values());
        let counted = self.partition.totals();
        totals.recall_erased(counted.erased_orders, counted.erased_returning_orders);
        totals
    }

    /// All other counts, from the customers themselves and from what is settled.
    fn drawn_anew(&self) -> Counts {
        let mut customers = self.customers();
        for (id, customer) in self.partition.changes() {
            customers.remove(id);
            customers.extend(customer.map(|customer| (id.clone(), customer)));
        }
        let mut anew = Partition::new(Arc::clone(&self.policy), Nobody);
        anew.resume(self.partition.time());
        customers.iter().for_each(|(id, customer)| anew.recall(id, customer));
        let mut counts = anew.tallies().counts();
        counts.merge(&self.partition.tallies().settled());
        self.partition.today().into_iter().for_each(|today| counts.forget_before(today));
        counts
    }
}

/// Tells events in batches; the fates go round as long as there are events.
fn tell_in_batches(events: &[Event], fates: &[(usize, Fate)], policy: &Policy) -> Result<Told, TestCaseError> {
    let mut service = Service::new(policy);
    let (mut announcements, mut outcomes) = (Vec::new(), Vec::new());
    let mut rest = events;
    for (size, fate) in fates.iter().cycle() {
        let batch;
        (batch, rest) = rest.split_at((*size).min(rest.len()));
        if let Fate::AbortedAfter(so_far) = fate {
            let committed = (service.recounted(), counts_of(&service.partition));
            for event in batch.iter().take(*so_far) {
                service.take(event, &mut Vec::new());
            }
            service.abort();
            prop_assert_eq!(*service.partition.totals(), committed.0, "an abort leaves no trace");
            prop_assert_eq!(counts_of(&service.partition), committed.1, "an abort leaves no trace");
            prop_assert!(!service.partition.has_changes());
        }
        outcomes.extend(batch.iter().map(|event| service.take(event, &mut announcements)));
        prop_assert_eq!(*service.partition.totals(), service.recounted());
        prop_assert_eq!(counts_of(&service.partition), service.drawn_anew());
        service.commit();
        prop_assert_eq!(*service.partition.totals(), service.recounted(), "nothing is left open");
        prop_assert!(!service.partition.has_changes());
        prop_assert_eq!(counts_of(&service.partition), service.drawn_anew());
        if matches!(fate, Fate::Restarted) {
            let before = counts_of(&service.partition);
            service.restart(&mut announcements);
            prop_assert_eq!(counts_of(&service.partition), before, "a restart counts the same");
        }
        if rest.is_empty() {
            break;
        }
    }
    while service.partition.advance(the_end(events), 1000, &mut announcements) {}
    service.commit();
    let (totals, counts) = (*service.partition.totals(), counts_of(&service.partition));
    Ok(Told { signals: signals(announcements), outcomes, customers: service.customers(), totals, counts })
}

/// One after the other, so that a failure names the first thing that differs.
fn same(one: &Told, other: &Told) -> Result<(), TestCaseError> {
    prop_assert_eq!(&one.outcomes, &other.outcomes);
    for (one, other) in one.signals.iter().zip(&other.signals) {
        prop_assert_eq!(one, other);
    }
    prop_assert_eq!(one.signals.len(), other.signals.len());
    prop_assert_eq!(&one.customers, &other.customers);
    prop_assert_eq!(one.totals, other.totals);
    prop_assert_eq!(&one.counts, &other.counts);
    Ok(())
}

proptest! {
    #![proptest_config(drawn(200))]

    /// Aborted batches, commits and restarts: the same signals in the same order, the same state, the same counts.
    #[test]
    fn aborts_commits_and_restarts_leave_no_trace(
        events in history_with_erasures(5, 1..90),
        fates in fates(),
        policy in policy_that_may_forget(),
    ) {
        same(&tell_in_batches(&events, &fates, &policy)?, &tell(&events, &policy))?;
    }

    /// The same when events come in any order at all.
    #[test]
    fn aborts_commits_and_restarts_leave_no_trace_on_events_out_of_order(
        events in history_with_erasures(4, 1..60).prop_shuffle(),
        fates in fates(),
        policy in policy_that_may_forget(),
    ) {
        same(&tell_in_batches(&events, &fates, &policy)?, &tell(&events, &policy))?;
    }
}

/// The log says A, A again in time, then B far ahead; the batch is aborted after B and read again. Time must not
/// stand where the aborted batch had moved it, or A's second order finds A lapsed.
#[test]
fn an_aborted_batch_does_not_leave_its_time_behind() {
    let buys = |customer| Deed { customer, gap_ms: 0, doing: Doing::Buys { minor: 100, currency: "EUR" } };
    let on_day = |n, customer, day| event(&buys(customer), EventTime::from_millis(START + day * DAY_MS), n);
    let events = [on_day(1, 0, 0), on_day(2, 0, 60), on_day(3, 1, 300)];
    let aborted = tell_in_batches(&events, &[(3, Fate::AbortedAfter(3))], &Policy::default());
    let undisturbed = tell(&events, &Policy::default());
    aborted.and_then(|aborted| same(&aborted, &undisturbed)).expect("an abort leaves no trace");
}

// --- what is stored ----------------------------------------------------------------------------------------------

/// Tickets, low ratings, the last refund, consents, contacts and reviews as they are stored.
fn care() -> impl Strategy<Value = impl serde::Serialize + std::fmt::Debug> {
    let tickets = vec(("\\PC{0,3}", vec((any::<i64>(), 0..6u8), 0..4)), 0..3);
    let low_ratings = vec((any::<i64>(), 0..5u8, any::<f64>(), proptest::option::of("\\PC{0,3}")), 0..3);
    let consents = any::<[Option<(i64, bool)>; 4]>();
    let occurrences = any::<(u32, Option<i64>)>();
    (tickets, low_ratings, any::<Option<i64>>(), consents, occurrences.clone(), occurrences)
}

proptest! {
    #![proptest_config(drawn(500))]

    /// A customer's record is the customer, those with more orders than are remembered included, and whoever had the
    /// room before.
    #[test]
    fn a_customer_record_is_the_customer(
        events in history(1, 1..90),
        others in history(3, 1..60),
        more in prop_oneof![4 => Just(0i64), 1 => 150..400i64],
        policy in policy(),
    ) {
        let mut events = events;
        let last = events.last().expect("at least one").at;
        events.extend((0..more).map(|n| {
            let deed = Deed { customer: 0, gap_ms: 0, doing: Doing::Buys { minor: n, currency: "SEK" } };
            event(&deed, last + Span::from_millis(n * 1_000_000), 0)
        }).enumerate().map(|(n, mut event)| {
            if let Happening::Purchased { order, .. } = &mut event.what {
                *order = OrderId::new(&format!("more-{n}")).expect("a valid id");
            }
            event
        }));
        let told = tell(&events, &policy);
        let others = tell(&others, &policy).customers;
        for customer in told.customers.values() {
            let record = customer_record::encode(customer);
            prop_assert_eq!(customer_record::decode(&record), Ok(customer.clone()));
            for other in others.values() {
                let mut over = other.clone();
                record.unpack_over(&mut over);
                prop_assert_eq!(&over, customer);
            }
            prop_assert_eq!(customer_record::first_orders(&record), Ok(FirstOrders::of(&customer.purchases)));
            prop_assert_eq!(record, customer_record::encode(customer));
        }
    }

    /// Damaged state is an error, never a panic; what can be read can be written.
    #[test]
    fn no_bytes_make_reading_the_state_panic(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(customer) = customer_record::decode(&bytes) {
            customer_record::encode(&customer);
        }
        let versioned = [&[1], &bytes[..]].concat();
        if let Ok(customer) = customer_record::decode(&versioned) {
            customer_record::encode(&customer);
        }
        drop(Progress::decode(&bytes));
        drop(StateKey::decode(&bytes));
    }

    /// Well-formed, but from nowhere in our world: times out of range, places that do not exist.
    #[test]
    fn an_impossible_customer_record_does_not_panic(
        orders in vec((any::<i64>(), "\\PC{0,3}", any::<i64>(), 0..3u8), 0..4),
        forgotten in any::<Option<(u32, u32, i64, i64)>>(),
        spending in vec((select(vec![*b"EUR", *b"ZZZ", [0xff; 3]]), any::<i128>(), any::<i128>()), 0..3),
        seen in vec(any::<[u8; 8]>(), 0..3),
        standing in (0..6u8, any::<Option<i64>>(), any::<Option<[u8; 16]>>(), any::<Option<i64>>(), any::<Option<i64>>()),
        care in proptest::option::of(care()),
    ) {
        let sound = |code: &[u8; 3]| code == b"EUR";
        let must_read = orders.is_empty() && spending.iter().all(|(code, ..)| sound(code)) && standing.0 < 4;
        let (level, evaluated_at, episode, next_change, heard_at) = standing;
        let is_plain = care.is_none();
        let standing = (level, evaluated_at, episode, next_change, heard_at);
        let record = (orders, forgotten, spending, seen, standing, care);
        let bytes = postcard::to_extend(&record, vec![1]).expect("a vector takes whatever is written to it");
        match customer_record::decode(&bytes) {
            Ok(customer) => drop(customer_record::encode(&customer)),
            // Else nothing here would be a record at all, and the law would hold for want of any.
            Err(reason) => prop_assert!(!(must_read && is_plain), "{reason}"),
        }
    }

    /// A record that was hit in one place, or cut.
    #[test]
    fn a_damaged_customer_record_does_not_panic(
        events in history(1, 1..20),
        hit in any::<Index>(),
        by in any::<u8>(),
        cut in any::<Index>(),
    ) {
        let told = tell(&events, &Policy::default());
        let record = customer_record::encode(told.customers.values().next().expect("a customer"));
        let cut = &record[..cut.index(record.len())];
        prop_assert!(customer_record::decode(cut).is_err(), "a record that was cut is not whole");
        let mut damaged = record.into_vec();
        let place = hit.index(damaged.len());
        damaged[place] = by;
        drop(customer_record::decode(&damaged));
    }

    /// Progress is what was stored.
    #[test]
    fn a_progress_record_is_the_progress(
        sequence in any::<u64>(),
        partitions in any::<i32>(),
        next_offset in any::<i64>(),
        orders in 1..=i64::MAX,
        greatest in any::<Option<i64>>(),
        time in any::<Option<i64>>(),
        zone in "\\PC{0,20}",
    ) {
        let input = InputProgress { next_offset, greatest_event_time_ms: greatest };
        let progress = Progress::new(
            (sequence, partitions),
            (time.map(EventTime::from_millis), time.map(|time| Day((time / DAY_MS) as i32))),
            BTreeMap::from([("purchases".to_owned(), input)]),
            Erased { orders, returning_orders: orders - 1 },
            BTreeMap::from([("time.time_zone".to_owned(), zone)]),
        );
        prop_assert_eq!(Progress::decode(&progress.encode()), Ok(progress));
    }

    /// A key of the state topic is whose it is.
    #[test]
    fn a_state_key_is_whose_it_is(id in "\\PC{1,60}") {
        let key = StateKey::Customer(CustomerId::new(&id).expect("1 to 256 bytes"));
        prop_assert_eq!(StateKey::decode(&key.encode()), Some(key));
    }
}

// --- what comes in -----------------------------------------------------------------------------------------------

/// Text that is nearly JSON, and nearly an event.
fn nearly_an_event() -> impl Strategy<Value = String> {
    let name =
        select(&["type", "customer_id", "order_id", "event_id", "occurred_at", "amount", "currency", "data"][..]);
    let value = prop_oneof![
        Just("\"purchase\"".to_owned()),
        Just("\"EUR\"".to_owned()),
        Just("\"2026-03-01T10:00:00Z\"".to_owned()),
        Just("null".to_owned()),
        Just("{\"type\":\"refund\"}".to_owned()),
        "-?[0-9]{0,3}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{1,20})?",
        "\"\\PC{0,12}\"",
        "\"(\\\\u[0-9a-f]{0,4}|\\\\n|x){0,4}\"",
        "[\\[\\]{}\",:]{0,6}",
    ];
    vec((name, value), 0..9).prop_map(|fields| {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    })
}

fn read(value: &[u8], content_type: Option<&[u8]>) {
    let limits = Limits { value_bytes_max: 1000, latest: Some(EventTime::from_millis(START)) };
    let record = Incoming { key: Some(b"c-1"), value: Some(value), content_type };
    drop(decode(Source::Purchases, &record, &limits));
}

proptest! {
    #![proptest_config(drawn(2000))]

    /// Whatever lies in the topic, reading it ends in an event or in a rejection.
    #[test]
    fn no_bytes_make_reading_an_event_panic(bytes in vec(any::<u8>(), 0..300), text in nearly_an_event()) {
        for content_type in [None, Some(&b"application/cloudevents+json"[..])] {
            read(&bytes, content_type);
            read(text.as_bytes(), content_type);
        }
        drop(decode_line(&text));
    }

    /// Money is exact both ways, in every currency.
    #[test]
    fn an_amount_reads_as_it_is_written(
        minor in prop_oneof![0..=i64::MAX, 0..100_000i64],
        code in select(&CURRENCIES[..]),
    ) {
        let amount = Amount::from_minor(minor, currency(code));
        prop_assert_eq!(currency(code).parse_amount(&amount.to_string()), Some(amount));
        let padded = format!("000{amount}{}", if currency(code).decimals() == 0 { ".000" } else { "000" });
        prop_assert_eq!(currency(code).parse_amount(&padded), Some(amount));
        prop_assert_eq!(currency(code).parse_amount(&format!("{minor}e-{}", currency(code).decimals())), Some(amount));
    }

    /// No text is read as another amount than it says.
    #[test]
    fn a_decimal_is_read_exactly_or_not_at_all(whole in 0..=999_999i64, decimals in "[0-9]{1,6}") {
        let text = format!("{whole}.{decimals}");
        let exact = decimals.trim_end_matches('0').len() <= 2;
        let minor = format!("{decimals:0<2}")[..2].parse::<i64>().expect("digits") + whole * 100;
        prop_assert_eq!(currency("EUR").parse_amount(&text).map(|amount| amount.minor()), exact.then_some(minor));
    }

    /// Every instant of the years 0 to 9999 reads as it is written.
    #[test]
    fn an_instant_reads_as_it_is_written(
        millis in prop_oneof![
            -62_167_219_200_000..=EventTime::LATEST.millis(),
            EventTime::EARLIEST.millis()..=EventTime::EARLIEST.millis() + 1000,
            EventTime::LATEST.millis() - 1000..=EventTime::LATEST.millis(),
            (-719_528..=2_932_896i64).prop_map(|day| day * DAY_MS),
        ],
        offset in -1439..=1439i64,
    ) {
        let at = EventTime::from_millis(millis);
        prop_assert_eq!(EventTime::parse_rfc3339(&at.to_string()), Some(at));
        // The same instant, as a clock on another wall shows it.
        let local = millis + offset * 60_000;
        if (-62_167_219_200_000..=EventTime::LATEST.millis()).contains(&local) {
            let wall = EventTime::from_millis(local).to_string();
            let sign = if offset < 0 { '-' } else { '+' };
            let zone = format!("{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60);
            prop_assert_eq!(EventTime::parse_rfc3339(&wall.replace('Z', &zone)), Some(at));
        }
    }

    /// The horizon is no shorter for a day more, and at least the hours of its days but for a change of clocks.
    #[test]
    fn the_horizon_is_its_days_give_or_take_a_change_of_clocks(
        millis in EventTime::EARLIEST.millis()..=4_102_444_800_000i64,
        days in 1..400u32,
        policy in policy(),
    ) {
        let at = EventTime::from_millis(millis);
        let later = policy.calendar.days_later(at, days).expect("before year 9999");
        // Apia skipped the whole of 30 December 2011.
        let off = (later.millis() - millis - i64::from(days) * DAY_MS).abs();
        prop_assert!(off <= 25 * 3_600_000, "{at} + {days} days is {later}");
        let next = policy.calendar.days_later(at, days + 1).expect("before year 9999");
        prop_assert!(later <= next, "{at}: {later}, a day later {next}");
    }

    /// The chance of a return only falls while a customer is silent: their next crossing can be solved once.
    #[test]
    fn the_chance_of_a_return_only_falls_in_silence(
        x in 0..60u32,
        tx in 0.0..2000.0f64,
        silence in vec(0.0..400.0f64, 2),
    ) {
        let tx = if x == 0 { 0.0 } else { tx };
        let mut t = tx;
        let mut before = 1.0;
        for days in silence {
            t += days;
            let p = Parameters::CDNOW.p_order_within(90.0, &Recency { x: f64::from(x), tx, t });
            prop_assert!((1e-12..=1.0 - 1e-12).contains(&p));
            prop_assert!(p <= before, "{p} after {before} at t = {t}");
            before = p;
        }
    }
}
