//! A store that is down costs no photo a delivery; a photo that cannot be read costs no other photo anything.

use std::collections::BTreeMap;

use super::*;

/// A message has few deliveries here, so that one that is used up shows.
fn few_deliveries(settings: &mut Settings) {
    settings.queue.max_receives = 1;
    settings.queue.dead_letter_after = 2;
}

fn refused() -> Error {
    Error::refused("AccessDenied, says the test").with_hint("allow `s3:GetObject`")
}

fn expired() -> Error {
    Error::transient("ExpiredToken, says the test")
}

fn slow_down() -> Error {
    Error::throttled("SlowDown, says the test")
}

/// Reads and probes fail, as if the bucket were gone.
fn down(error: fn() -> Error) -> Script {
    let script = Script::default().plan("get", usize::MAX, When::Before, error);
    script.plan("probe", usize::MAX, When::Before, error)
}

impl Simulation {
    async fn upload_all(&self, count: usize) {
        for index in 0..count {
            self.upload(&format!("{index}.jpg")).await;
        }
    }

    /// Rejections by their reason.
    async fn reasons(&self) -> BTreeMap<String, i64> {
        let sql = "select reason, count(*) from rejections group by reason";
        let rows = self.line.warehouse.query(sql, &[]).await.unwrap().rows;
        rows.iter().map(|row| (row[0].as_str().unwrap().to_owned(), row[1].as_i64().unwrap())).collect()
    }
}

/// Its name, and what reads and probes say.
type Case = (&'static str, fn() -> Error);

#[test]
fn an_outage_uses_up_no_delivery_and_everything_is_read_afterwards() {
    const PHOTOS: usize = 40;
    let table: [Case; 4] = [
        ("resets", reset),
        ("access denied on the whole bucket", refused),
        ("credentials that ran out", expired),
        ("throttled for longer than a photo is tried", slow_down),
    ];
    for (name, error) in table {
        Simulation::run(down(error), few_deliveries, async |simulation| {
            let (script, outages) = (&simulation.script, &simulation.line.outages);
            let pipeline = simulation.start();
            simulation.upload_all(PHOTOS).await;
            // As long as a photo is tried by itself, or as several of them fail.
            let took = until("down", || outages.pauses_receiving()).await;
            assert!(took < MINUTE / 2, "{name}: {took:?}");
            let why = outages.why().unwrap();
            assert!(why.contains("says the test") || why.contains("by the test"), "{name}: {why}");
            let (receives, before) = (script.calls("receive"), simulation.lease_keeper());
            // Longer than all deliveries would last.
            sleep(10 * MINUTE).await;
            assert!(script.calls("receive") <= receives + 1, "{name}: receiving goes on");
            assert!(outages.why().is_some(), "{name}");
            let after = simulation.lease_keeper();
            assert!(
                after.held > 0 && after.extended >= before.extended + 10 * after.held,
                "{name}: {before:?}, {after:?}"
            );
            assert_eq!((after.lost, simulation.supervisor().restarts), (0, 0), "{name}: an outage is no hang");
            script.heal("get");
            script.heal("probe");
            let took = simulation.loaded(PHOTOS as i64).await;
            // The longest wait for a probe, then a batch and a load.
            assert!(took < MINUTE, "{name}: {took:?}");
            assert_eq!((outages.why(), script.redelivered()), (None, 0), "{name}");
            assert!(!simulation.reasons().await.contains_key("retries_exhausted"), "{name}");
            assert_eq!(pipeline.drain().await.0, Phase::Drained, "{name}");
        });
    }
}

#[test]
fn one_photo_in_an_outage_is_not_taken_for_a_bad_one() {
    Simulation::run(down(reset), few_deliveries, async |simulation| {
        let (script, outages) = (&simulation.script, &simulation.line.outages);
        let pipeline = simulation.start();
        simulation.upload_all(1).await;
        // Once its own patience is over the bucket is asked.
        until("down", || outages.why().is_some()).await;
        script.heal("get");
        script.heal("probe");
        simulation.loaded(1).await;
        assert_eq!(script.redelivered(), 0);
        assert!(!simulation.reasons().await.contains_key("retries_exhausted"));
        assert_eq!(pipeline.drain().await.0, Phase::Drained);
    });
}

#[test]
fn bad_photos_end_as_given_up_and_the_others_in_their_own_way() {
    // One alone, one among others, and as many as an outage would have.
    for (bad, good) in [(1, 0), (1, 10), (4, 0), (4, 10)] {
        let keys: Vec<String> = (0..bad).map(|index| format!("{index}.jpg")).collect();
        let script = Script::default().bad_keys(keys.iter().map(String::as_str));
        Simulation::run(script, few_deliveries, async |simulation| {
            let pipeline = simulation.start();
            simulation.upload_all(bad + good).await;
            simulation.loaded((bad + good) as i64).await;
            let reasons = simulation.reasons().await;
            assert_eq!(reasons["retries_exhausted"], bad as i64, "{bad} bad, {good} good: {reasons:?}");
            assert_eq!(reasons.values().sum::<i64>(), (bad + good) as i64, "{bad} bad, {good} good: {reasons:?}");
            assert_eq!(pipeline.drain().await.0, Phase::Drained);
        });
    }
}

#[test]
fn what_is_durable_waits_for_its_delete_as_long_as_the_queue_answers_none() {
    const PHOTOS: usize = 40;
    let script = Script::default().plan("delete", usize::MAX, When::Before, reset);
    Simulation::run(script, few_deliveries, async |simulation| {
        let script = &simulation.script;
        let pipeline = simulation.start();
        simulation.upload_all(PHOTOS).await;
        simulation.loaded(PHOTOS as i64).await;
        let before = simulation.lease_keeper();
        // Longer than every lease.
        sleep(10 * MINUTE).await;
        let after = simulation.lease_keeper();
        assert_eq!((after.held, after.deleted), (PHOTOS as u64, 0), "{after:?}");
        let why = simulation.line.outages.why();
        assert!(why.as_ref().is_some_and(|why| why.starts_with("delete failed")), "{why:?}");
        assert!(after.extended >= before.extended + 10 * after.held, "{before:?}, {after:?}");
        // Once in ten seconds at the most, whatever waits.
        assert!((60..=150).contains(&script.struck("delete")), "{} deletes", script.struck("delete"));
        script.heal("delete");
        let took = until("deleted", || simulation.lease_keeper().deleted == PHOTOS as u64).await;
        assert!(took <= 11 * SECOND, "{took:?}");
        assert_eq!((script.redelivered(), simulation.supervisor().restarts), (0, 0));
        assert_eq!(simulation.line.outages.why(), None);
        assert_eq!(pipeline.drain().await.0, Phase::Drained);
    });
}

#[test]
fn a_stop_does_not_wait_for_deletes_that_nobody_answers() {
    let script = Script::default().plan("delete", usize::MAX, When::Before, reset);
    Simulation::run(script, few_deliveries, async |simulation| {
        let pipeline = simulation.start();
        simulation.upload_all(40).await;
        simulation.loaded(40).await;
        sleep(MINUTE).await;
        let (phase, took) = pipeline.drain().await;
        assert!(phase == Phase::Drained && took <= 15 * SECOND, "{phase:?} after {took:?}");
    });
}
