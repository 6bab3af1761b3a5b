//! A store that is down costs no photo a delivery; a photo that cannot be read costs no other photo anything. What takes
//! minutes of that is simulated, in `src/actors/simulation/outages.rs`.

use std::time::{Duration, Instant};

use scanmill::app::Engine;
use scanmill::error::Error;

use super::support::{Place, Script, When, idle, qr_png};

fn reset() -> Error {
    Error::transient("connection reset by the test")
}

fn refused() -> Error {
    Error::refused("AccessDenied, says the test").with_hint("allow `s3:GetObject`")
}

fn expired() -> Error {
    Error::transient("ExpiredToken, says the test")
}

/// Name, what the reads say, whether a probe fails as well.
type Case = (&'static str, fn() -> Error, bool);

/// A message has few deliveries here, so that one that is used up shows.
fn place() -> Place {
    let mut place = Place::new();
    place.settings.queue.max_receives = 1;
    place.settings.queue.dead_letter_after = 2;
    place.settings.queue.visibility_timeout = Duration::from_secs(2);
    place.settings.queue.wait = Duration::from_millis(200);
    place
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("{index}.png")).collect()
}

fn fill(place: &Place, keys: &[String]) {
    let photo = qr_png("https://shop.example/p/1");
    place.put(&place.ports(), &keys.iter().map(|key| (key.as_str(), photo.clone())).collect::<Vec<_>>());
}

fn all_are_read(place: &Place, keys: &[String], name: &str) {
    let (scans, rejections) = place.rows(&place.ports());
    assert!(rejections.is_empty(), "{name}: {rejections:?}");
    assert_eq!(scans.len(), keys.len(), "{name}: lost");
    assert!(scans.values().all(|payloads| payloads.len() == 1), "{name}: doubled");
}

/// Waits until the engine says why it takes no work.
async fn is_down(engine: &Engine, name: &str) -> String {
    let start = Instant::now();
    loop {
        match engine.ready() {
            Err(why) => return why,
            Ok(()) => assert!(start.elapsed() < Duration::from_secs(40), "{name}: still ready: {:#}", engine.state()),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn an_outage_uses_up_no_delivery_and_everything_is_read_afterwards() {
    let table: &[Case] = &[
        ("resets", reset, true),
        ("access denied on the whole bucket", refused, true),
        ("credentials that ran out", expired, true),
        ("every object refused while the bucket answers", refused, false),
        ("every object fails while the bucket answers", reset, false),
    ];
    std::thread::scope(|scope| {
        for (name, error, is_probe_down) in table {
            scope.spawn(move || {
                let (mut place, keys) = (place(), keys(40));
                if !is_probe_down {
                    // Where the bucket answers a probe each trial counts, so that bad photos come to an end.
                    place.settings.queue.max_receives = 8;
                    place.settings.queue.dead_letter_after = 9;
                }
                fill(&place, &keys);
                let mut script = Script::default().plan("get", usize::MAX, When::Before, *error);
                if *is_probe_down {
                    // The first probe, at the start, still works.
                    script = script.plan_after(1, "probe", usize::MAX, When::Before, *error);
                }
                place.run(&script.over(&place.ports()), async |engine| {
                    let why = is_down(&engine, name).await;
                    assert!(why.contains("says the test") || why.contains("by the test"), "{name}: {why}");
                    let state = engine.state();
                    assert_eq!(state["engine"]["intake_stopped_by"], why.as_str(), "{name}");
                    // Longer than all deliveries would last.
                    tokio::time::sleep(Duration::from_secs(6)).await;
                    let receives = script.calls("receive");
                    if *is_probe_down {
                        tokio::time::sleep(Duration::from_secs(2)).await;
                        assert!(script.calls("receive") <= receives + 1, "{name}: receiving goes on");
                        assert!(engine.ready().is_err(), "{name}");
                    }
                    script.heal("get");
                    script.heal("probe");
                    idle(&engine, 90).await;
                    assert_eq!(engine.ready(), Ok(()), "{name}");
                });
                // Where a probe is answered the first photos are taken for bad ones, until several failed.
                let most = if *is_probe_down { 0 } else { 2 };
                assert!(script.redelivered() <= most, "{name}: {} deliveries were used up", script.redelivered());
                all_are_read(&place, &keys, name);
            });
        }
    });
}

#[test]
fn a_start_in_an_outage_receives_nothing() {
    let (place, keys) = (place(), keys(5));
    fill(&place, &keys);
    let script = Script::default().plan("probe", usize::MAX, When::Before, refused);
    place.run(&script.over(&place.ports()), async |engine| {
        let why = is_down(&engine, "start").await;
        assert!(why.contains("AccessDenied"), "{why}");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(script.calls("receive"), 0);
        script.heal("probe");
        idle(&engine, 60).await;
    });
    all_are_read(&place, &keys, "start");
}

#[test]
fn a_stop_in_an_outage_gives_everything_back_uncounted() {
    let (place, keys) = (place(), keys(20));
    fill(&place, &keys);
    // More stops than a message has deliveries.
    for round in 0..4 {
        let script = Script::default().plan("get", usize::MAX, When::Before, reset).plan_after(
            1,
            "probe",
            usize::MAX,
            When::Before,
            reset,
        );
        place.run(&script.over(&place.ports()), async |engine| {
            is_down(&engine, "stop").await;
        });
        assert!(script.calls("receive") > 0, "round {round}");
    }
    place.run(&place.ports(), async |engine| idle(&engine, 60).await);
    all_are_read(&place, &keys, "stop");
}

#[test]
fn a_bucket_that_is_gone_for_a_while_is_no_missing_object() {
    let (place, keys) = (place(), keys(20));
    fill(&place, &keys);
    let inbox = place.settings.local.root.join(&place.settings.store.inbox);
    let away = place.settings.local.root.join("away");
    std::fs::rename(&inbox, &away).unwrap();
    place.run(&place.ports(), async |engine| {
        let why = is_down(&engine, "gone").await;
        assert!(why.contains("is not there"), "{why}");
        std::fs::rename(&away, &inbox).unwrap();
        idle(&engine, 60).await;
    });
    all_are_read(&place, &keys, "gone");
    // And while it runs.
    let more: Vec<String> = (100..120).map(|index| format!("{index}.png")).collect();
    let script = Script::default().slow("receive", Duration::from_millis(500));
    fill(&place, &more);
    place.run(&script.over(&place.ports()), async |engine| {
        std::fs::rename(&inbox, &away).unwrap();
        is_down(&engine, "gone").await;
        std::fs::rename(&away, &inbox).unwrap();
        idle(&engine, 60).await;
    });
    let (scans, rejections) = place.rows(&place.ports());
    assert!(rejections.is_empty(), "{rejections:?}");
    assert_eq!(scans.len(), keys.len() + more.len());
}

#[test]
fn bad_photos_end_as_given_up_and_the_others_are_read() {
    // As many as an outage would have, among others; other numbers are in `src/actors/simulation/outages.rs`.
    let (bad, good) = (4, 10);
    let (place, keys) = (place(), keys(bad + good));
    fill(&place, &keys);
    let script = Script::default().bad_keys(keys.iter().take(bad).map(String::as_str));
    place.run(&script.over(&place.ports()), async |engine| idle(&engine, 120).await);
    let (scans, rejections) = place.rows(&place.ports());
    assert_eq!((scans.len(), rejections.len()), (good, bad));
    assert!(rejections.values().all(|reasons| reasons == &["retries_exhausted"]), "{rejections:?}");
}
