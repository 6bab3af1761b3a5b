//! More machines: several engines on one queue, one of them killed every now and then.

use std::time::Duration;

use super::place::Place;
use crate::process::Running;
use crate::rig::DataApi;

fn run(instances: usize) {
    let place = Place::new();
    let start = |instance| Running::start(place.command_of(instance, &["run", "--metrics", "off", "--quiet"]));
    let mut engines: Vec<Running> = (0..instances).map(start).collect();
    let pump = ["pump", "--count", "240", "--pictures", "1", "--rate", "40", "--no-wait", "--quiet"];
    let pump = Running::start(place.command(&pump));
    for round in 0..6 {
        std::thread::sleep(Duration::from_millis(1_500));
        let victim = round % instances;
        // The value's end is a kill.
        engines[victim] = start(victim);
    }
    let pump = pump.ended();
    assert_eq!(pump.code, Some(0), "{}", pump.stderr);
    drop(engines);
    place.run_until_empty();
    place.expect_all(240);
    place.expect_every_batch_once(DataApi::shared());
}

#[test]
fn two_instances_and_kills_lose_and_double_nothing() {
    run(2);
}

#[test]
fn four_instances_and_kills_lose_and_double_nothing() {
    run(4);
}
