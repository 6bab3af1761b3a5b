//! What goes in comes out once, whatever the messages look like.

use jiff::Timestamp;
use scanmill::actors::batch_writer::BatchWriterState;
use scanmill::actors::decoder_pool::DecoderPoolState;
use scanmill::actors::fetcher::FetcherState;
use scanmill::actors::heic_lane::HeicLaneState;
use scanmill::actors::lease_keeper::LeaseKeeperState;
use scanmill::actors::loader::LoaderState;
use scanmill::actors::supervisor::{Phase, SupervisorState};
use scanmill::domain::PhotoRef;
use scanmill::domain::notification::s3_event;
use scanmill::store::PutMode;

use super::support::{Place, actors, blank_png, budgets, idle, qr_png};

#[test]
fn every_photo_ends_as_scans_or_as_one_rejection() {
    let place = Place::new();
    let ports = place.ports();
    place.put(
        &ports,
        &[
            ("a.png", qr_png("https://shop.example/p/1")),
            ("dir/b c+d%.png", qr_png("https://shop.example/p/2")),
            ("blank.png", blank_png()),
            ("zero.jpg", "".into()),
            ("notes.jpg", "PK\u{3}\u{4} this is not a photo".into()),
        ],
    );
    let phase = place.run(&ports, async |engine| idle(&engine, 60).await);
    assert_eq!(phase, Phase::Drained);
    let (scans, rejections) = place.rows(&ports);
    assert_eq!(scans.len(), 2, "{scans:?}");
    assert_eq!(scans["dir/b c+d%.png"], ["https://shop.example/p/2"]);
    let reasons: Vec<_> = rejections.iter().map(|(key, reasons)| (key.as_str(), reasons[0].as_str())).collect();
    assert_eq!(reasons, [("blank.png", "no_code"), ("notes.jpg", "unsupported"), ("zero.jpg", "empty")]);
}

#[test]
fn each_actor_shows_what_it_did_and_nothing_that_its_type_does_not_have() {
    let place = Place::new();
    let ports = place.ports();
    let code = qr_png("https://shop.example/p/1");
    let bytes = 2 * code.len() as u64;
    place.put(&ports, &[("a.png", code.clone()), ("b.png", code), ("zero.jpg", "".into())]);
    let mut engine_of_run = None;
    place.run(&ports, async |engine| {
        idle(&engine, 60).await;
        assert_eq!(engine.state()["actors"], serde_json::to_value(actors(&engine)).unwrap());
        assert_eq!(engine.state()["budgets"], serde_json::to_value(budgets(&engine)).unwrap());
        engine_of_run = Some(engine);
    });
    let state = actors(&engine_of_run.unwrap());
    assert_eq!(state.fetcher.counters, FetcherState { fetched: 3, bytes, ..FetcherState::default() });
    let decoded = DecoderPoolState { decoded: 2, rejected_by_header: 1, ..DecoderPoolState::default() };
    assert_eq!(state.decoder_pool.counters, decoded);
    assert_eq!(state.heic_lane.counters, HeicLaneState::default());
    let sealed = state.batch_writer.counters.sealed;
    assert_eq!(state.batch_writer.counters, BatchWriterState { sealed, ..BatchWriterState::default() });
    let LeaseKeeperState { held, deleted, given_back, .. } = state.lease_keeper.counters;
    assert_eq!((held, deleted, given_back), (0, 3, 0));
    let LoaderState { scans, rejections, batches_to_load, .. } = state.loader.counters;
    assert_eq!((scans, rejections, batches_to_load), (2, 1, 0));
    let ended = SupervisorState { phase: "drained".into(), generation: 1, restarts: 0, workers: 0, last_fault: None };
    assert_eq!(state.supervisor, ended);
}

#[test]
fn redelivery_and_a_second_notification_make_no_second_row() {
    let place = Place::new();
    let ports = place.ports();
    place.put(&ports, &[("a.png", qr_png("https://shop.example/p/1"))]);
    place.put(&ports, &[("a.png", qr_png("https://shop.example/p/1"))]);
    place.run(&ports, async |engine| {
        idle(&engine, 60).await;
        // Once more after the first load: now the warehouse, not the batch, must know it.
        let inbox = &place.settings.store.inbox;
        let again = ports.store.put(inbox, "a.png", qr_png("https://shop.example/p/1"), PutMode::Overwrite);
        again.await.unwrap();
        idle(&engine, 60).await;
    });
    let (scans, rejections) = place.rows(&ports);
    assert_eq!(scans["a.png"], ["https://shop.example/p/1"]);
    assert!(rejections.is_empty());
}

#[test]
fn messages_that_are_no_photos_leave_no_message_behind() {
    let place = Place::new();
    let ports = place.ports();
    let gone = PhotoRef {
        bucket: place.settings.store.inbox.clone(),
        key: "gone.png".into(),
        version_id: None,
        etag: Some("0".repeat(32)),
        size_bytes: Some(10),
        sequencer: None,
        uploaded_at: None,
    };
    let test_event = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-01-01T00:00:00.000Z","Bucket":"b"}"#;
    let bodies =
        vec!["this is not JSON".to_owned(), test_event.to_owned(), s3_event(&gone, Timestamp::now()), "{}".to_owned()];
    place.run(&ports, async |engine| {
        ports.queue.send(&bodies).await.unwrap();
        idle(&engine, 60).await;
        let depth = ports.queue.depth().await.unwrap();
        assert_eq!((depth.ready, depth.in_flight, depth.dead), (0, 0, 0));
    });
    let (scans, rejections) = place.rows(&ports);
    assert!(scans.is_empty());
    assert_eq!(rejections["gone.png"], ["missing_object"]);
    assert_eq!(rejections[""], ["bad_notification", "bad_notification"], "one for each unreadable body");
}

#[test]
fn a_drain_gives_back_what_was_not_begun_and_the_next_start_reads_it() {
    let place = Place::new();
    let ports = place.ports();
    let keys: Vec<String> = (0..120).map(|index| format!("{index}.png")).collect();
    let photo = qr_png("https://shop.example/p/1");
    let photos: Vec<_> = keys.iter().map(|key| (key.as_str(), photo.clone())).collect();
    place.put(&ports, &photos);
    // Drained as soon as it runs: most photos are still on their way.
    assert_eq!(place.run(&ports, async |_| {}), Phase::Drained);
    place.run(&ports, async |engine| idle(&engine, 60).await);
    let (scans, rejections) = place.rows(&ports);
    assert_eq!(scans.len(), keys.len());
    assert!(scans.values().all(|payloads| payloads.len() == 1), "nothing doubled");
    assert!(rejections.is_empty(), "{rejections:?}");
}

#[test]
fn each_photo_also_becomes_a_json_object_when_asked() {
    let mut place = Place::new();
    place.settings.output.per_photo_json = true;
    let ports = place.ports();
    place.put(&ports, &[("a.png", qr_png("https://shop.example/p/1")), ("blank.png", blank_png())]);
    place.run(&ports, async |engine| idle(&engine, 60).await);
    let objects = std::fs::read_dir(place.settings.local.root.join("results/photos")).unwrap();
    let mut ends: Vec<String> = objects
        .map(|object| {
            let rows: serde_json::Value =
                serde_json::from_slice(&std::fs::read(object.unwrap().path()).unwrap()).unwrap();
            assert_eq!(rows.as_array().map(Vec::len), Some(1), "{rows}");
            let row = &rows[0];
            assert_ne!(row["batch_id"], "", "{row}");
            row["payload"].as_str().or(row["reason"].as_str()).unwrap().to_owned()
        })
        .collect();
    ends.sort();
    assert_eq!(ends, ["https://shop.example/p/1", "no_code"]);
}
