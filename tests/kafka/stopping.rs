//! SIGTERM ends the service by itself, whatever the broker does.

use crate::answers::{load, open_with_topics};
use crate::support::broker::Broker;
use crate::support::service::Shop;

/// A broker of its own: this test harms it.
#[test]
fn sigterm_stops_within_ten_seconds_with_the_broker_gone() {
    let mut broker = Broker::start();
    let shop = open_with_topics(broker.cluster(), "abandoned");
    load(&shop, "20000", "2000", "3");

    let service = running(&shop);
    broker.signal("STOP");
    // No assertion on the exact time: a loaded machine may need longer. Beyond 30 s it would not stop at all.
    eprintln!("SIGTERM with a broker that hangs: stopped after {:?}", service.terminate());

    broker.signal("CONT");
    let service = running(&shop);
    broker.kill9();
    eprintln!("SIGTERM with a broker that is dead: stopped after {:?}", service.terminate());
}

#[test]
fn sigterm_ends_a_service_at_work_well() {
    let shop = open_with_topics(Broker::shared().cluster(), "ending");
    load(&shop, "5000", "500", "9");
    let service = running(&shop);
    eprintln!("SIGTERM at work: stopped after {:?}", service.terminate());
}

fn running(shop: &Shop) -> crate::support::service::Service {
    let mut service = shop.start();
    service.wait_until_ready();
    service
}
