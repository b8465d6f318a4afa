//! Two whole shops, read to their end: one in peace, one with the service killed again and again.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use crate::agreement::everything_must_agree;
use crate::answers::{
    OF_CONTACTS, OF_PURCHASES, OF_SUPPORT, OF_SUPPORT_IN_TIME, load, must_tell_of, open_hostile, open_with_topics,
    said_by, scrape, wait_until_all_is_read,
};
use crate::hostile_shop::HostileShop;
use crate::inputs::{Progress, Waves, Writers, Written, close, write};
use crate::support::audit::Said;
use crate::support::broker::Broker;
use crate::support::cluster::Isolation;
use crate::support::model::{Ending, Expected, Input, Inputs, Limits, calendar};
use crate::support::service::{Service, Shop, Topic};
use crate::support::topic::{Outgoing, Record};

const EVENTS: usize = 200_000;
const CUSTOMERS: &str = "20000";

const HOSTILE_EVENTS: &str = "100000";
const HOSTILE_CUSTOMERS: &str = "10000";

/// At which share of the input, in percent, the service is killed.
const KILLED_AT: [usize; 4] = [12, 34, 56, 78];

/// Small, so that there are many of them to be killed in and always something left to read.
const RECORDS_IN_A_TRANSACTION: &str = "200";

/// What comes afterwards is written in portions with a pause, while the service reads.
const PORTION: usize = 2;
const PAUSE: Duration = Duration::from_millis(40);

#[test]
fn a_shop_of_200_000_events_is_answered_exactly_once() {
    let shop = open_with_topics(Broker::shared().cluster(), "peaceful");
    load(&shop, &EVENTS.to_string(), CUSTOMERS, "7");
    assert_eq!(Written::to(&shop).count(), EVENTS, "`load` writes as many events as it was asked for, in all");
    close(&shop);
    let waves = Waves::first(&shop);
    let expected = waves.expected();
    must_tell_of(&expected, &[&OF_PURCHASES[..], &OF_SUPPORT, &OF_SUPPORT_IN_TIME, &OF_CONTACTS].concat());
    assert_eq!(expected.refused, [], "`load` writes nothing that would be refused");

    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    let said = said_by(&shop);
    said.must_be(&expected);
    let ids = said.ids();
    assert_eq!(said.count(), expected.signals());
    assert_eq!(shop.cluster().read_whole(&shop.topic(Topic::DeadLetters), Isolation::Committed), []);
    let metrics = scrape(&service);
    assert_eq!(metrics.sum("homecoming_events_total", &[("outcome", "applied")]), waves.count(), "none came late");
    service.terminate();

    replay_must_give_the_same(&shop, &expected, &ids);
}

/// `replay` moves time on to the greatest event time of all at its end, where `run` leaves each partition's time an
/// hour behind its own: it may say more, and nothing else.
fn replay_must_give_the_same(shop: &Shop, on_kafka: &Expected, ids: &BTreeSet<(String, String)>) {
    let history = in_one_file(&Written::to(shop));
    let lines: Vec<&[u8]> =
        history.iter().map(|(_, record)| record.value.as_deref().expect("none was refused")).collect();
    fs::write(shop.file("dump.jsonl"), lines.join(&b'\n')).expect("the folder is ours");
    shop.homecoming(&["replay", "--input", "dump.jsonl", "--signals", "out.jsonl"]);
    let replayed = Said::in_lines(&fs::read_to_string(shop.file("out.jsonl")).expect("replay wrote its signals"));

    let on = |input| history.iter().filter(|(of, _)| *of == input).map(|(_, record)| record.clone()).collect();
    let [purchases, support, contacts]: [Vec<Record>; 3] = Input::ALL.map(on);
    let inputs = Inputs { purchases: &purchases, support: &support, contacts: &contacts };
    let limits = Limits { latest_credible: calendar::Instant::MAX };
    let expected = Expected::of_inputs(&[inputs], limits, Ending::AtTheGreatestTime);
    replayed.must_be(&expected);
    let replayed_ids = replayed.ids();
    let unknown: Vec<_> = ids.difference(&replayed_ids).take(5).collect();
    assert!(unknown.is_empty(), "`run` gave ids that `replay` did not: {unknown:?}");
    assert_eq!(replayed_ids.len() - ids.len(), expected.signals() - on_kafka.signals(), "more ids than more signals");
}

/// The logs of all partitions of all inputs merged by event time, as the one partition of a replay.
fn in_one_file(written: &Written) -> Vec<(Input, Record)> {
    let records = |input| written.on(input).iter().map(move |record| (input, record.clone()));
    let mut history: Vec<(Input, Record)> = Input::ALL.into_iter().flat_map(records).collect();
    history.sort_by_cached_key(|(input, record)| (occurred_at(record), *input, record.partition, record.offset));
    for (place, (_, record)) in (0..).zip(&mut history) {
        record.partition = 0;
        record.offset = place;
    }
    history
}

fn occurred_at(record: &Record) -> calendar::Instant {
    calendar::parse(record.json()["occurred_at"].as_str().expect("an event has a time")).expect("a valid time")
}

#[test]
fn kill_minus_9_in_the_middle_loses_and_doubles_nothing() {
    let cluster = Broker::shared().cluster();
    let stock = open_with_topics(cluster, "stock");
    load(&stock, HOSTILE_EVENTS, HOSTILE_CUSTOMERS, "11");
    let hostile = HostileShop::from_clean(&Written::to(&stock), 20_260_301);
    let mut shop = open_hostile(cluster, "hostile");
    shop.set_number("engine", "max_batch_records", RECORDS_IN_A_TRANSACTION);

    // All inputs in turn, and nobody there to read them.
    write(&shop, &hostile.records);
    close(&shop);
    let mut waves = Waves::first(&shop);
    let mut service = kill_again_and_again(&shop, &KILLED_AT, waves.count());
    wait_until_all_is_read(&shop, &mut service);

    // One input, read as it is written.
    let before = waves.count();
    let mut service = std::thread::scope(|scope| {
        scope.spawn(|| write_slowly(&shop, &hostile.afterwards));
        kill_while_more_comes(&shop, service, before, hostile.afterwards.len())
    });
    waves.take_next(&shop);
    assert_eq!(waves.count() - before, hostile.afterwards.len());
    wait_until_all_is_read(&shop, &mut service);

    service.wait_until_ready();
    everything_must_agree(&shop, &hostile, &waves.expected(), &[&service]);
    service.terminate();
}

fn write_slowly(shop: &Shop, purchases: &[Outgoing]) {
    let writers = Writers::to(shop);
    for portion in purchases.chunks(PORTION) {
        for record in portion {
            writers.write(Input::Purchases, record);
        }
        std::thread::sleep(PAUSE);
    }
    writers.flush();
}

/// Kills at different points of progress, and the last time while it is restoring what the ones before it left.
fn kill_again_and_again(shop: &Shop, at: &[usize], total: usize) -> Service {
    let progress = Progress::of(shop);
    let mut service = shop.start();
    for percent in at {
        service.wait_until(&format!("{percent} % are read"), |_| progress.records() * 100 >= total * percent);
        service.kill9();
        eprintln!("{} of {total} records were read when it was killed at {percent} %", progress.records());
        service = shop.start();
    }
    service.wait_until("its own threads turn", |service| {
        service.http_get("/healthz").is_some_and(|(status, _)| status == 200)
    });
    service.kill9();
    eprintln!("{} of {total} records were read when it was killed while restoring", progress.records());
    shop.start()
}

/// Kills once more when some of what comes afterwards has been read.
fn kill_while_more_comes(shop: &Shop, mut service: Service, before: usize, more: usize) -> Service {
    let progress = Progress::of(shop);
    service.wait_until("it reads on", |_| progress.records() > before + more / 10);
    service.kill9();
    eprintln!("{} of {more} more records were read when it was killed", progress.records() - before);
    shop.start()
}
