//! Several instances share a shop's partitions while they are killed, restarted, joined and left, one after the other.

use crate::agreement::everything_must_agree;
use crate::answers::{load, open_hostile, open_with_topics, scrape, wait_until_all_is_read};
use crate::hostile_shop::HostileShop;
use crate::inputs::{Progress, Waves, Written, close, write};
use crate::support::broker::Broker;
use crate::support::model::Input;
use crate::support::service::{Instance, Service, Shop};

const EVENTS: &str = "24000";
const CUSTOMERS: &str = "2400";
const PARTITIONS: usize = 4;

/// Tiny, so that every fault finds a transaction open and something left to read.
const RECORDS_IN_A_TRANSACTION: &str = "60";

const TOKEN: &str = "only-the-shop-knows-this-token";

#[test]
fn instances_that_come_and_go_under_load_lose_and_double_nothing() {
    let cluster = Broker::shared().cluster();
    let stock = open_with_topics(cluster, "several-stock");
    load(&stock, EVENTS, CUSTOMERS, "51");
    let hostile = HostileShop::from_clean(&Written::to(&stock), 20_260_401);
    let mut shop = open_hostile(cluster, "several");
    shop.set_number("engine", "max_batch_records", RECORDS_IN_A_TRANSACTION);
    shop.set_number("engine", "threads", "1");
    shop.set_text("http", "token", TOKEN);
    // What the log says to those who look for a mistake must be fit to show, too.
    shop.set_text("log", "level", "debug");
    write(&shop, &hostile.records);
    close(&shop);
    let mut waves = Waves::first(&shop);

    let [first, second] = ["1", "2"].map(|name| shop.instance(name, true));
    let (mut one, mut two) = come_and_go(&shop, &first, &second, waves.count());
    wait_until_all_is_read(&shop, &mut one);

    // One input, read as it is written; whoever holds a partition changes meanwhile.
    let afterwards: Vec<_> = hostile.afterwards.iter().map(|late| (Input::Purchases, late.clone())).collect();
    write(&shop, &afterwards);
    two.kill9();
    two = shop.start_as(&second);
    one.terminate();
    one = shop.start_as(&first);
    waves.take_next(&shop);
    wait_until_all_is_read(&shop, &mut one);

    wait_until_they_hold(&mut [&mut one, &mut two], PARTITIONS);
    everything_must_agree(&shop, &hostile, &waves.expected(), &[&one, &two]);
    one.terminate();
    two.terminate();
}

/// All that happens to instances in a year, within the reading of one backlog: one, two, three of them, one again, two.
fn come_and_go(shop: &Shop, first: &Instance, second: &Instance, total: usize) -> (Service, Service) {
    let progress = Progress::of(shop);
    let reach = |service: &mut Service, percent: usize| {
        service.wait_until(&format!("{percent} % are read"), |_| progress.records() * 100 >= total * percent);
    };
    let mut one = shop.start_as(first);
    reach(&mut one, 5);
    let mut two = shop.start_as(second);
    wait_until_they_hold(&mut [&mut one, &mut two], PARTITIONS);

    reach(&mut two, 10);
    one.kill9();
    eprintln!("{} of {total} records were read at the kill", progress.records());
    one = shop.start_as(first);

    reach(&mut one, 25);
    two.terminate();
    two = shop.start_as(second);

    reach(&mut one, 40);
    let mut third = shop.start_as(&shop.instance("3", false));
    third.wait_until("the third has got something to do", |third| held_by(third) > 0);
    two.kill9();
    two = shop.start_as(second);

    reach(&mut one, 60);
    one.terminate();
    one = shop.start_as(first);
    third.terminate();
    two.terminate();
    wait_until_they_hold(&mut [&mut one], PARTITIONS);

    reach(&mut one, 75);
    two = shop.start_as(second);
    wait_until_they_hold(&mut [&mut one, &mut two], PARTITIONS);
    (one, two)
}

pub fn held_by(service: &Service) -> usize {
    service.http_get("/metrics").map_or(0, |_| scrape(service).sum("homecoming_partitions_assigned", &[]))
}

/// Waits until each has something, they have so many together, and all of it is restored.
pub fn wait_until_they_hold(services: &mut [&mut Service], partitions: usize) {
    for service in services.iter_mut() {
        service.wait_until_ready();
        service.wait_until("it has got something to do", |service| held_by(service) > 0);
    }
    let (first, others) = services.split_first_mut().expect("there is one at least");
    first.wait_until(&format!("{partitions} partitions are held in all"), |first| {
        held_by(first) + others.iter().map(|other| held_by(other)).sum::<usize>() == partitions
    });
    services.iter_mut().for_each(|service| service.wait_until_ready());
}
