//! Photos in S3 become rows in the warehouse.

use super::place::Place;
use crate::process::Running;
use crate::rig::{DataApi, Moto};

/// As the issue of a photo asks: uploaded, announced by the bucket, read, sealed, copied.
#[test]
fn five_hundred_photos_on_ministack() {
    let place = Place::new();
    place.pump(500);
    place.run_until_empty();
    place.expect_all(500);
    place.expect_every_batch_once(DataApi::shared());
}

/// moto escapes `/` in keys, gives no sequencer, and is slow.
#[test]
fn five_hundred_photos_on_moto() {
    let moto = Moto::shared();
    let api = DataApi::start(moto.server.endpoint()).unwrap();
    let mut place = Place::on(moto.aws(), &api);
    // It answers one call at a time: many at once would only wait for each other until they are given up.
    for calm in ["scale.max_fetches=4", "aws.attempt_timeout_seconds=30", "queue.visibility_timeout_seconds=120"] {
        place.more.push(calm.to_owned());
    }
    place.pump(500);
    place.run_until_empty();
    place.expect_all(500);
    place.expect_every_batch_once(&api);
}

#[test]
fn the_pump_beside_a_running_engine_waits_and_verifies() {
    let place = Place::new();
    let engine = Running::start(place.command(&["run", "--metrics", "127.0.0.1:0"]));
    engine.wait_for("pipeline started");
    let pump = place.ended(&["pump", "--count", "120", "--pictures", "1", "--rate", "40", "--json"]);
    assert_eq!(pump.code, Some(0), "{}", pump.stderr);
    engine.drained();
    place.expect_all(120);
    let report = place.ended(&["report"]);
    assert_eq!(report.code, Some(0), "{}", report.stderr);
    assert!(report.stdout.contains("120"), "{}", report.stdout);
}
