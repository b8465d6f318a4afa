//! Three inputs whose histories come one long after the other, or all at once: time is the events', not the arrivals'.

use crate::answers::{
    OF_CONTACTS, OF_PURCHASES, OF_SUPPORT, OF_SUPPORT_IN_TIME, load, must_tell_of, open_with_topics, said_by, scrape,
    wait_until_all_is_read, wait_until_time_is,
};
use crate::inputs::{CLOSING_TIME, Waves, Writers, Written};
use crate::support::broker::Broker;
use crate::support::model::{Input, calendar};
use crate::support::service::Service;

const EVENTS: &str = "20000";
const CUSTOMERS: &str = "2000";

#[test]
fn a_backlog_of_all_inputs_is_taken_in_the_order_of_time() {
    let cluster = Broker::shared().cluster();
    let stock = open_with_topics(cluster, "merged-stock");
    load(&stock, EVENTS, CUSTOMERS, "21");
    let stock = Written::to(&stock);

    // What the service waits for longest was written first.
    let shop = open_with_topics(cluster, "merged");
    let writers = Writers::to(&shop);
    for input in [Input::Contacts, Input::Support, Input::Purchases] {
        writers.copy(input, stock.on(input));
        writers.close(&shop, input);
        writers.flush();
    }
    let waves = Waves::first(&shop);
    let expected = waves.expected();
    must_tell_of(&expected, &[&OF_PURCHASES[..], &OF_SUPPORT, &OF_SUPPORT_IN_TIME, &OF_CONTACTS].concat());

    let mut service = shop.start();
    wait_until_all_is_read(&shop, &mut service);
    said_by(&shop).must_be(&expected);
    assert_eq!(outcomes(&service, "applied"), waves.count(), "nothing overtook anything");
    service.terminate();
}

#[test]
fn a_history_that_arrives_when_the_purchases_have_long_been_read_still_counts() {
    let cluster = Broker::shared().cluster();
    let stock = open_with_topics(cluster, "late-stock");
    load(&stock, EVENTS, CUSTOMERS, "22");
    let stock = Written::to(&stock);

    let mut shop = open_with_topics(cluster, "late");
    shop.set_text("time", "idle_after", "100ms");
    let mut waves = Waves::default();
    let mut service = shop.start();
    // At every wave all else is idle, and the purchases have moved time to its end.
    for input in [Input::Purchases, Input::Contacts, Input::Support] {
        let writers = Writers::to(&shop);
        writers.copy(input, stock.on(input));
        writers.close(&shop, input);
        writers.flush();
        waves.take_next(&shop);
        wait_until_all_is_read(&shop, &mut service);
        wait_until_time_is(&mut service, 4, closing_time() - calendar::HOUR);
        wait_until_all_is_read(&shop, &mut service);
    }
    let expected = waves.expected();
    must_tell_of(&expected, &[&OF_PURCHASES[..], &OF_SUPPORT, &OF_CONTACTS].concat());
    said_by(&shop).must_be(&expected);
    let late = stock.on(Input::Support).len() + stock.on(Input::Contacts).len();
    assert!(outcomes(&service, "late") * 10 > late * 9, "hardly any of the {late} later events came late");
    assert_eq!(outcomes(&service, "applied") + outcomes(&service, "late"), waves.count());
    service.terminate();
}

#[test]
fn a_restart_does_not_turn_time_back() {
    let cluster = Broker::shared().cluster();
    let stock = open_with_topics(cluster, "restarted-stock");
    load(&stock, EVENTS, CUSTOMERS, "22");
    let stock = Written::to(&stock);

    let mut shop = open_with_topics(cluster, "restarted");
    shop.set_text("time", "idle_after", "100ms");
    let mut waves = Waves::default();
    for inputs in [&[Input::Purchases][..], &[Input::Contacts, Input::Support]] {
        let writers = Writers::to(&shop);
        for input in inputs {
            writers.copy(*input, stock.on(*input));
            writers.close(&shop, *input);
        }
        writers.flush();
        waves.take_next(&shop);
        let mut service = shop.start();
        wait_until_all_is_read(&shop, &mut service);
        wait_until_time_is(&mut service, 4, closing_time() - calendar::HOUR);
        service.terminate();
    }
    said_by(&shop).must_be(&waves.expected());
}

fn outcomes(service: &Service, outcome: &str) -> usize {
    scrape(service).sum("homecoming_events_total", &[("outcome", outcome)])
}

fn closing_time() -> calendar::Instant {
    calendar::parse(CLOSING_TIME).expect("a valid time")
}
