//! Sealed batches outlive what sealed them: a fault, a stop, a second instance, a batch that is damaged.

use std::time::Duration;

use scanmill::actors::supervisor::Phase;
use scanmill::app::{self, Engine, Ports};
use scanmill::error::Error;
use scanmill::store::PutMode;

use super::support::{Place, Script, When, actors, idle, qr_png};

fn reset() -> Error {
    Error::transient("connection reset by the test")
}

fn broken() -> Error {
    Error::permanent("broken for good, says the test")
}

fn gone() -> Error {
    Error::missing("not there, says the test")
}

async fn put(place: &Place, ports: &Ports, key: &str) {
    let photo = qr_png(&format!("https://shop.example/p/{key}"));
    ports.store.put(&place.settings.store.inbox, key, photo, PutMode::Overwrite).await.unwrap();
}

async fn queue_is_empty(engine: &Engine, ports: &Ports) {
    for _ in 0..3_000 {
        let depth = ports.queue.depth().await.unwrap();
        if depth.ready + depth.in_flight == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the queue is not empty: {:#}", engine.state());
}

/// Runs until each photo is in a durable batch of its own, none loaded, and stops at once.
fn leave_unloaded(place: &Place, keys: &[&str]) {
    let ports = place.ports();
    let script = Script::default().plan("load", usize::MAX, When::Before, reset);
    let phase = place.run(&script.over(&ports), async |engine| {
        for key in keys {
            put(place, &ports, key).await;
            queue_is_empty(&engine, &ports).await;
        }
        engine.stop_now();
        engine.ended().await;
    });
    assert!(matches!(phase, Phase::Stopped(_)), "{phase:?}");
    assert!(place.rows(&ports).0.is_empty());
}

async fn loaded(ports: &Ports) -> Vec<String> {
    let table = ports.warehouse.query("select object_key from scans order by object_key", &[]).await.unwrap();
    table.rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_sealed_before_a_fault_is_loaded_after_it_and_the_engine_gets_idle() {
    let mut place = Place::new();
    place.settings.queue.wait = Duration::from_millis(50);
    let ports = place.ports();
    let script = Script::default().plan("load", usize::MAX, When::Before, reset);
    place.run(&script.over(&ports), async |engine| {
        put(&place, &ports, "a.png").await;
        script.has_struck("load", 1).await;
        queue_is_empty(&engine, &ports).await;
        let _ = script.clone().plan("receive", 1, When::Before, broken);
        script.has_struck("receive", 1).await;
        script.heal("load");
        idle(&engine, 30).await;
        assert_eq!(actors(&engine).supervisor.restarts, 1);
        assert_eq!(loaded(&ports).await, ["a.png"]);
    });
}

#[test]
fn idle_includes_what_an_earlier_run_sealed_and_did_not_load() {
    for fails in [None, Some("list"), Some("not_in_ledger")] {
        let place = Place::new();
        leave_unloaded(&place, &["a.png"]);
        let ports = place.ports();
        let script = match fails {
            Some(call) => Script::default().plan(call, 2, When::Before, reset),
            None => Script::default(),
        };
        place.run(&script.over(&ports), async |engine| {
            idle(&engine, 30).await;
            assert_eq!(loaded(&ports).await, ["a.png"], "idle too early; failing: {fails:?}");
        });
    }
}

#[test]
fn a_damaged_batch_holds_up_neither_the_others_nor_the_end() {
    let place = Place::new();
    leave_unloaded(&place, &["a.png", "b.png"]);
    let ports = place.ports();
    let damaged = "batches/99991231T000000Z-spoilt-000000.jsonl.gz";
    std::fs::write(place.settings.local.root.join(&place.settings.store.results).join(damaged), "no gzip").unwrap();
    // The first three reads are those of the whole manifest. When the batches are then tried one by one, a good one
    // meets an error that passes: it must not be taken for damaged.
    let script = Script::default().plan_after(3, "get", 1, When::Before, reset);
    place.run(&script.over(&ports), async |engine| {
        idle(&engine, 30).await;
        assert_eq!(script.struck("get"), 1);
        assert_eq!(loaded(&ports).await, ["a.png", "b.png"]);
        assert_eq!(actors(&engine).loader.counters.set_aside, 1);
    });
}

#[test]
fn a_batch_that_is_gone_does_not_hold_up_the_others() {
    let place = Place::new();
    leave_unloaded(&place, &["a.png", "b.png"]);
    let ports = place.ports();
    // Once in the manifest of both, once alone.
    let script = Script::default().plan("get", 2, When::Before, gone);
    place.run(&script.over(&ports), async |engine| {
        idle(&engine, 30).await;
        assert_eq!(loaded(&ports).await, ["b.png"]);
    });
}

#[test]
fn a_watch_that_failed_is_told_to_whoever_waits_for_it() {
    let mut place = Place::new();
    place.settings.local.watch = true;
    let ports = place.ports();
    std::fs::write(place.settings.local.root.join(&place.settings.store.inbox).join("a.png"), "a photo").unwrap();
    let queue = rusqlite::Connection::open(app::queue_path(&place.settings)).unwrap();
    queue.execute_batch("DROP TABLE announced").unwrap();
    place.run(&ports, async |engine| {
        let waited = tokio::time::timeout(Duration::from_secs(30), engine.idle()).await;
        let error = waited.expect("waits for ever").unwrap_err();
        assert!(error.to_string().contains("the watch on it ended"), "{error}");
    });
}

#[test]
fn two_engines_on_one_folder_make_each_row_once() {
    let mut place = Place::new();
    place.settings.queue.visibility_timeout = Duration::from_secs(2);
    place.settings.batch.max_rows = 5;
    let keys: Vec<String> = (0..60).map(|index| format!("{index}.png")).collect();
    let photo = qr_png("https://shop.example/p/1");
    place.put(&place.ports(), &keys.iter().map(|key| (key.as_str(), photo.clone())).collect::<Vec<_>>());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let phase = place.run(&place.ports(), async |engine| idle(&engine, 60).await);
                assert_eq!(phase, Phase::Drained);
            });
        }
    });
    let (scans, rejections) = place.rows(&place.ports());
    assert_eq!(scans.len(), keys.len());
    assert!(scans.values().all(|payloads| payloads.len() == 1), "doubled");
    assert!(rejections.is_empty(), "{rejections:?}");
}
