//! Two processes with one name.

use std::time::Duration;

use crate::answers::{load, open_with_topics, said_by, wait_until_all_is_read};
use crate::inputs::{Waves, close};
use crate::support::broker::Broker;
use crate::support::service::Service;
use crate::support::waiting::{PATIENCE, wait_for};

#[test]
fn of_two_processes_with_one_instance_id_one_ends_and_says_why() {
    let mut shop = open_with_topics(Broker::shared().cluster(), "twins");
    shop.set_number("engine", "threads", "1");
    load(&shop, "5000", "500", "91");
    close(&shop);
    let waves = Waves::first(&shop);

    let mut service = shop.start();
    service.wait_until_ready();
    // The same configuration, but for what two processes of one machine can't share.
    let mut twin = shop.start_as(&shop.instance("1", true));
    let has_ended = |process: &mut Service| process.wait_for_exit(Duration::ZERO).is_some();
    let is_twin = wait_for("one of the two gives up", String::new, || {
        if has_ended(&mut twin) { Some(true) } else { has_ended(&mut service).then_some(false) }
    });
    let (mut survivor, mut loser) = if is_twin { (service, twin) } else { (twin, service) };
    let (status, _) = loser.wait_for_exit(PATIENCE).expect("it has ended");
    let errors = loser.error_text();
    eprintln!("two processes with one instance id: exit code {:?}, {errors}", status.code());
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.lines().any(|line| line.contains("kafka.instance_id")), "the option is not named:\n{errors}");
    let rejoined = loser.times_said("the group took our member id away, joining anew");
    assert_eq!(rejoined, 2, "it joins anew each time until the third");
    wait_until_all_is_read(&shop, &mut survivor);
    said_by(&shop).must_be(&waves.expected());
    survivor.terminate();
}
