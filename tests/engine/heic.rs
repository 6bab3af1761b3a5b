//! The lane of HEIC photos: others overtake them, they keep their leases, and a drain ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use scanmill::actors::decoder_pool::DecoderPoolState;
use scanmill::actors::heic_lane::HeicLaneState;
use scanmill::actors::pipeline_context::Host;
use scanmill::actors::state::BudgetStates;
use scanmill::actors::supervisor::Phase;
use scanmill::app::{Engine, Ports};
use scanmill::decode::{self, DecodeLimits, Header, Room};
use scanmill::domain::Reading;
use scanmill::error::Result;
use scanmill::store::{Object, ObjectMetadata, ObjectSummary, Put, PutMode, Store};
use tokio::sync::Semaphore;

use super::heic_files::{heic, paris, with_exif};
use super::support::{Place, Script, actors, budgets, idle, qr_png};

const TEXT: &str = "https://shop.example/p/heic";

/// A HEIC photo with one code.
fn photo() -> Bytes {
    let code = qrcode::QrCode::new(TEXT).unwrap();
    let side = code.width() + 8;
    let dark = |at: usize| (at / 4).checked_sub(4).filter(|module| *module < code.width());
    let grey = |at: usize| match (dark(at % (side * 4)), dark(at / (side * 4))) {
        (Some(x), Some(y)) if code[(x, y)] == qrcode::Color::Dark => 20,
        _ => 235,
    };
    let pixels: Vec<u8> = (0..side * side * 16).map(grey).collect();
    heic(side * 4, side * 4, &pixels).into()
}

/// A store that hands out HEIC photos to their lane only while its gate is open.
struct Gate {
    inner: Arc<dyn Store>,
    open: Semaphore,
    gets: Mutex<BTreeMap<String, usize>>,
}

impl Gate {
    fn over(ports: &Ports) -> (Ports, Arc<Gate>) {
        let gate = Gate { inner: ports.store.clone(), open: Semaphore::new(0), gets: Mutex::default() };
        let gate = Arc::new(gate);
        let mut gated = ports.clone();
        gated.store = gate.clone();
        (gated, gate)
    }

    fn open(&self) {
        self.open.add_permits(Semaphore::MAX_PERMITS / 2);
    }
}

#[async_trait]
impl Store for Gate {
    async fn get(&self, bucket: &str, key: &str, version_id: Option<&str>, max_bytes: u64) -> Result<Object> {
        let before = {
            let mut gets = self.gets.lock().unwrap();
            let gets = gets.entry(key.to_owned()).or_default();
            *gets += 1;
            *gets - 1
        };
        // By its name only its lane asks for it; by its bytes the lane asks a second time.
        if key.ends_with(".heic") || before > 0 {
            let _pass = self.open.acquire().await.unwrap();
        }
        self.inner.get(bucket, key, version_id, max_bytes).await
    }
    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectMetadata> {
        self.inner.head(bucket, key).await
    }
    async fn put(&self, bucket: &str, key: &str, bytes: Bytes, mode: PutMode) -> Result<Put> {
        self.inner.put(bucket, key, bytes, mode).await
    }
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<ObjectSummary>> {
        self.inner.list(bucket, prefix, after, max).await
    }
}

/// Many more HEIC photos than anything between two stages holds, and then as many others.
const EACH: usize = 60;

fn filled(place: &Place, ports: &Ports) -> Vec<String> {
    let (heic, png) = (photo(), qr_png("https://shop.example/p/1"));
    let heics =
        (0..EACH).map(|index| (format!("{index}.{}", if index % 2 == 0 { "heic" } else { "jpg" }), heic.clone()));
    let others = (0..EACH).map(|index| (format!("{index}.png"), png.clone()));
    let photos: Vec<(String, Bytes)> = heics.chain(others).collect();
    place.put(ports, &photos.iter().map(|(key, bytes)| (key.as_str(), bytes.clone())).collect::<Vec<_>>());
    photos.into_iter().map(|(key, _)| key).collect()
}

/// Waits until every photo that is not an HEIC is durable.
async fn others_are_done(engine: &Engine) {
    for _ in 0..6_000 {
        if engine.telemetry().totals.snapshot().photos >= EACH as u64 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("stuck behind HEIC photos: {:#}", engine.state());
}

fn all_are_read(place: &Place, ports: &Ports, keys: &[String]) {
    let (scans, rejections) = place.rows(ports);
    assert!(rejections.is_empty(), "{rejections:?}");
    assert_eq!(scans.len(), keys.len());
    assert!(scans.values().all(|payloads| payloads.len() == 1), "doubled");
}

#[test]
fn photos_behind_waiting_heic_photos_overtake_them_and_no_lease_is_lost() {
    let mut place = Place::new();
    place.settings.queue.visibility_timeout = Duration::from_secs(1);
    place.settings.decode.heic_at_once = 1;
    // Room for a few files and one picture: whatever waiting HEIC photos held of this would stop the others.
    place.settings.memory.fetched_bytes = 4 * photo().len() as u64;
    place.settings.memory.decode_bytes = 1;
    place.settings.scale.max_decodes = 1;
    let ports = place.ports();
    let keys = filled(&place, &ports);
    let script = Script::default();
    let (gated, gate) = Gate::over(&script.over(&ports));
    let phase = place.run(&gated, async |engine| {
        others_are_done(&engine).await;
        // Two leases long.
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(budgets(&engine).heic_decodes.used, 1, "{:#}", engine.state());
        assert_eq!(actors(&engine).lease_keeper.counters.held, EACH as u64, "{:#}", engine.state());
        gate.open();
        idle(&engine, 120).await;
        assert_eq!(budgets(&engine).heic_decodes.high_water, 1);
    });
    assert_eq!(phase, Phase::Drained);
    assert_eq!(script.redelivered(), 0, "a lease ran out while its photo waited");
    all_are_read(&place, &ports, &keys);
}

#[test]
fn a_drain_gives_waiting_heic_photos_back() {
    let place = Place::new();
    let ports = place.ports();
    let keys = filled(&place, &ports);
    let (gated, gate) = Gate::over(&ports);
    let phase = place.run(&gated, async |engine| {
        others_are_done(&engine).await;
        engine.drain();
        gate.open();
    });
    assert_eq!(phase, Phase::Drained);
    // The few whose turn had come were read, the rest stand in the queue.
    let (scans, _) = place.rows(&ports);
    assert!(scans.len() < keys.len(), "all were read, nothing was given back");
    place.run(&ports, async |engine| idle(&engine, 120).await);
    all_are_read(&place, &ports, &keys);
}

/// Reads a photo only where all is reserved that it may ever need, and otherwise finds that out late.
fn read_with_all(bytes: &[u8], header: &Header, limits: &DecodeLimits, room: &Room<'_>) -> Option<Reading> {
    if room.reserved() == header.decode_bytes {
        return Some(decode::read(bytes, header, limits));
    }
    // By now the lane waits for the memory of the next file.
    std::thread::sleep(Duration::from_millis(50));
    None
}

#[test]
fn photos_that_stand_in_line_again_do_not_wait_for_each_others_files() {
    let mut place = Place::new();
    place.settings.decode.heic_at_once = 3;
    // Room for one file.
    place.settings.memory.fetched_bytes = 1;
    let ports = place.ports();
    let heic = photo();
    let keys: Vec<String> = (0..12).map(|index| format!("{index}.heic")).collect();
    place.put(&ports, &keys.iter().map(|key| (key.as_str(), heic.clone())).collect::<Vec<_>>());
    let host = Host { read_photo: read_with_all, ..Host::here() };
    let phase = place.run_on(&ports, host, async |engine| {
        idle(&engine, 60).await;
        let lane = actors(&engine).heic_lane.counters;
        let decoded = DecoderPoolState { decoded: 12, read_again_with_more_memory: 12, ..DecoderPoolState::default() };
        assert_eq!(lane, HeicLaneState { fetched: 24, decoded });
        let BudgetStates { decode_bytes, heic_bytes, fetched_bytes, .. } = budgets(&engine);
        assert_eq!([decode_bytes, heic_bytes, fetched_bytes].map(|budget| budget.used), [0; 3]);
    });
    assert_eq!(phase, Phase::Drained);
    all_are_read(&place, &ports, &keys);
}

#[test]
fn turned_off_or_broken_they_are_rejections_that_say_when_and_where() {
    let mut place = Place::new();
    place.settings.decode.heic = false;
    let ports = place.ports();
    let taken: Bytes = with_exif(64, 64, &[200; 64 * 64], Some(paris())).into();
    place.put(&ports, &[("a.heic", taken.clone()), ("b.jpg", taken)]);
    place.run(&ports, async |engine| idle(&engine, 60).await);
    let (_, rejections) = place.rows(&ports);
    assert!(rejections.len() == 2 && rejections.values().all(|reasons| reasons == &["unsupported"]), "{rejections:?}");
    let details = "select detail, reason from rejections";
    let table = scanmill::app::run_system(&place.settings, ports.warehouse.query(details, &[])).unwrap();
    for row in table.rows {
        let detail = row[0].as_str().unwrap();
        assert!(detail.contains("decode.heic"), "{detail}");
        assert!(detail.ends_with("; taken 2026-11-22T15:40:00.000Z at 48.85, 2.3"), "{detail}");
    }
}
