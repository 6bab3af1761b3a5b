//! Limits hold, the smallest as well: memory, places in flight, and the pace of asking.

use std::time::{Duration, Instant};

use bytes::Bytes;
use image::{ImageFormat, Luma};
use jiff::Timestamp;
use scanmill::actors::decoder_pool::DecoderPoolState;
use scanmill::actors::pipeline_context::{Host, decode_limits};
use scanmill::actors::supervisor::Phase;
use scanmill::app;
use scanmill::decode::{self, DecodeLimits, Header, Room};
use scanmill::domain::notification::s3_event;
use scanmill::domain::{PhotoRef, Reading};

use super::support::{Place, Script, actors, budgets, idle, qr_png};

fn named(place: &Place, key: &str, size_bytes: u64) -> PhotoRef {
    PhotoRef {
        bucket: place.settings.store.inbox.clone(),
        key: key.to_owned(),
        version_id: None,
        etag: None,
        size_bytes: Some(size_bytes),
        sequencer: None,
        uploaded_at: None,
    }
}

#[test]
fn the_smallest_engine_reads_everything() {
    let mut place = Place::new();
    let settings = &mut place.settings;
    settings.queue.max_in_flight = 1;
    settings.decode.threads = 1;
    settings.scale.min_fetches = 1;
    settings.scale.max_fetches = 1;
    settings.scale.min_decodes = 1;
    settings.scale.max_decodes = 1;
    settings.memory.fetched_bytes = 1;
    settings.memory.decode_bytes = 1;
    settings.batch.max_rows = 1;
    settings.load.max_batches = 1;
    settings.run.io_threads = 1;
    // Nothing may wait for the age of a batch.
    settings.batch.max_age = Duration::from_secs(600);
    let ports = place.ports();
    let keys: Vec<String> = (0..15).map(|index| format!("{index}.png")).collect();
    let photo = qr_png("https://shop.example/p/1");
    place.put(&ports, &keys.iter().map(|key| (key.as_str(), photo.clone())).collect::<Vec<_>>());
    let phase = place.run(&ports, async |engine| {
        idle(&engine, 60).await;
        let messages = budgets(&engine).messages_in_flight;
        assert_eq!((messages.high_water, messages.limit), (1, 1));
    });
    assert_eq!(phase, Phase::Drained);
    assert_eq!(place.rows(&ports).0.len(), keys.len());
}

/// Reads a photo only where all is reserved that it may ever need.
fn read_with_all(bytes: &[u8], header: &Header, limits: &DecodeLimits, room: &Room<'_>) -> Option<Reading> {
    (room.reserved() == header.decode_bytes).then(|| decode::read(bytes, header, limits))
}

#[test]
fn a_photo_that_finds_no_memory_for_more_than_its_first_look_is_read_again() {
    let place = Place::new();
    let ports = place.ports();
    let keys: Vec<String> = (0..15).map(|index| format!("{index}.png")).collect();
    let photo = qr_png("https://shop.example/p/1");
    place.put(&ports, &keys.iter().map(|key| (key.as_str(), photo.clone())).collect::<Vec<_>>());
    let host = Host { read_photo: read_with_all, ..Host::here() };
    let phase = place.run_on(&ports, host, async |engine| {
        idle(&engine, 60).await;
        let read = DecoderPoolState { decoded: 15, read_again_with_more_memory: 15, ..DecoderPoolState::default() };
        assert_eq!(actors(&engine).decoder_pool.counters, read);
        assert_eq!(budgets(&engine).decode_bytes.used, 0);
    });
    assert_eq!(phase, Phase::Drained);
    assert_eq!(place.rows(&ports).0.len(), keys.len());
}

/// A picture without a code: it goes all the way up the ladder.
fn noise(seed: u32) -> Bytes {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let picture = image::GrayImage::from_fn(120, 120, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Luma([(state >> 24) as u8])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner().into()
}

#[test]
fn many_that_grow_at_once_in_memory_for_two_of_them_all_end() {
    let mut place = Place::new();
    let settings = &mut place.settings;
    settings.decode.threads = 8;
    settings.scale.min_decodes = 8;
    settings.scale.max_decodes = 8;
    let header = decode::inspect(&noise(0), &decode_limits(settings)).unwrap();
    assert!(header.first_bytes * 2 < header.decode_bytes, "{header:?}");
    settings.memory.decode_bytes = header.decode_bytes + 3 * header.first_bytes;
    let ports = place.ports();
    let photos: Vec<(String, Bytes)> = (0..40).map(|seed| (format!("{seed}.png"), noise(seed))).collect();
    place.put(&ports, &photos.iter().map(|(key, photo)| (key.as_str(), photo.clone())).collect::<Vec<_>>());
    let limit = place.settings.memory.decode_bytes;
    let phase = place.run(&ports, async |engine| {
        idle(&engine, 120).await;
        let bytes = budgets(&engine).decode_bytes;
        assert_eq!(bytes.used, 0, "{bytes:?}");
        assert!(bytes.high_water <= limit, "{bytes:?}");
        assert_eq!(actors(&engine).decoder_pool.counters.decoded, photos.len() as u64);
    });
    assert_eq!(phase, Phase::Drained);
    assert_eq!(place.rows(&ports).1.len(), photos.len());
}

#[test]
fn places_in_flight_fewer_than_a_batch_do_not_wait_for_its_age() {
    let mut place = Place::new();
    place.settings.queue.max_in_flight = 3;
    place.settings.batch.max_age = Duration::from_secs(600);
    let ports = place.ports();
    let bodies: Vec<String> =
        (0..40).map(|index| s3_event(&named(&place, &format!("{index}.png"), 10), Timestamp::now())).collect();
    place.run(&ports, async |engine| {
        ports.queue.send(&bodies).await.unwrap();
        // All but the last few, which nothing pushes out before the drain.
        for _ in 0..3_000 {
            if engine.telemetry().totals.snapshot().photos > 36 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("stuck: {:#}", engine.state());
    });
    // A message that no stage had begun with when the drain came is given back, not lost.
    let left = app::run_system(&place.settings, ports.queue.depth()).unwrap().ready as usize;
    assert_eq!(place.rows(&ports).1.len() + left, bodies.len());
    assert!(left < 3, "{left} left");
}

#[test]
fn receives_go_on_beside_each_other_while_each_is_filled() {
    for (at_once, most) in [(1, 1), (4, 4)] {
        let place = Place::new();
        let ports = place.ports();
        let script = Script::default().slow("receive", Duration::from_millis(30)).receives_at_once(at_once);
        let bodies: Vec<String> =
            (0..200).map(|index| s3_event(&named(&place, &format!("{index}.png"), 10), Timestamp::now())).collect();
        place.run(&script.over(&ports), async |engine| {
            ports.queue.send(&bodies).await.unwrap();
            idle(&engine, 60).await;
        });
        assert_eq!(script.most_receiving(), most);
        assert_eq!(place.rows(&ports).1.len(), bodies.len());
    }
}

#[test]
fn a_photo_larger_than_its_notification_says_is_counted_with_its_true_size() {
    let mut place = Place::new();
    let photo = qr_png("https://shop.example/p/1");
    let size = photo.len() as u64;
    place.settings.limits.max_file_bytes = size;
    let ports = place.ports();
    place.put(&ports, &[("a.png", photo.clone()), ("b.png", [photo.as_ref(), b"!"].concat().into())]);
    let lies = [named(&place, "a.png", 1), named(&place, "a.png", 0), named(&place, "b.png", 1)];
    let bodies: Vec<String> = lies.iter().map(|photo| s3_event(photo, Timestamp::now())).collect();
    place.run(&ports, async |engine| idle(&engine, 60).await);
    place.run(&ports, async |engine| {
        ports.queue.send(&bodies).await.unwrap();
        idle(&engine, 60).await;
        let fetched = budgets(&engine).fetched_bytes;
        assert!(fetched.high_water >= size, "{fetched:?} for {size} bytes");
    });
    let (scans, rejections) = place.rows(&ports);
    assert_eq!(scans["a.png"].len(), 1);
    assert!(rejections["b.png"].iter().all(|reason| reason == "too_large"), "{rejections:?}");
}

#[test]
fn one_message_with_many_photos_ends_as_a_whole() {
    let mut place = Place::new();
    place.settings.queue.max_in_flight = 1;
    let ports = place.ports();
    let mut event: serde_json::Value =
        serde_json::from_str(&s3_event(&named(&place, "x", 10), Timestamp::now())).unwrap();
    let record = event["Records"][0].clone();
    let records = (0..500).map(|index| {
        let mut record = record.clone();
        record["s3"]["object"]["key"] = format!("{index}.png").into();
        record
    });
    event["Records"] = records.collect();
    place.run(&ports, async |engine| {
        ports.queue.send(&[event.to_string()]).await.unwrap();
        idle(&engine, 60).await;
    });
    let (_, rejections) = place.rows(&ports);
    assert_eq!(rejections.len(), 500);
    assert!(rejections.values().all(|reasons| reasons == &["missing_object"]));
}

#[test]
fn a_long_backlog_goes_through_few_places() {
    let mut place = Place::new();
    place.settings.queue.max_in_flight = 40;
    let ports = place.ports();
    let bodies: Vec<String> =
        (0..200).map(|index| s3_event(&named(&place, &format!("{index}.png"), 10), Timestamp::now())).collect();
    place.run(&ports, async |engine| {
        ports.queue.send(&bodies).await.unwrap();
        idle(&engine, 60).await;
        let messages = budgets(&engine).messages_in_flight;
        assert!(messages.high_water <= 40, "{messages:?}");
    });
    assert_eq!(place.rows(&ports).1.len(), bodies.len());
}

#[test]
fn a_queue_asked_without_waiting_is_not_asked_without_a_pause() {
    let mut place = Place::new();
    place.settings.queue.wait = Duration::ZERO;
    let script = Script::default();
    let started = Instant::now();
    place.run(&script.over(&place.ports()), async |_| tokio::time::sleep(Duration::from_millis(500)).await);
    // A slow machine asks less often, never more.
    let most = started.elapsed().as_millis() as usize / 50 + 2;
    assert!(script.calls("receive") <= most, "{} receives, at most {most} expected", script.calls("receive"));
}
