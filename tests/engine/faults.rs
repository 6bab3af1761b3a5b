//! Ports that fail: each fault clears, and then nothing is lost and nothing doubled.

use std::time::Duration;

use scanmill::actors::supervisor::Phase;
use scanmill::error::Error;

use super::support::{Place, Script, When, idle, qr_png};

fn reset() -> Error {
    Error::transient("connection reset by the test")
}

fn slow_down() -> Error {
    Error::throttled("slow down, says the test").retry_after(Duration::from_millis(20))
}

fn disk_full() -> Error {
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    Error::io("cannot write", std::path::Path::new("/the/test"), full)
}

fn broken() -> Error {
    Error::permanent("broken for good, says the test")
}

fn refused() -> Error {
    Error::refused("no permission, says the test").with_hint("allow `s3:GetObject`")
}

/// Name, call, how often it fails, when, and how.
type Case = (&'static str, &'static str, usize, When, fn() -> Error);

/// Runs twenty photos through ports that fail by `script` and checks that each has its row, once.
fn survives(name: &str, script: &Script) -> Phase {
    let place = Place::new();
    let ports = place.ports();
    let keys: Vec<String> = (0..20).map(|index| format!("{index}.png")).collect();
    let photos: Vec<_> =
        keys.iter().map(|key| (key.as_str(), qr_png(&format!("https://shop.example/p/{key}")))).collect();
    place.put(&ports, &photos);
    let faulty = script.over(&ports);
    let phase = place.run(&faulty, async |engine| idle(&engine, 60).await);
    let (scans, rejections) = place.rows(&ports);
    assert_eq!(scans.len(), keys.len(), "{name}: lost");
    assert!(scans.values().all(|payloads| payloads.len() == 1), "{name}: doubled");
    assert!(rejections.is_empty(), "{name}: {rejections:?}");
    phase
}

#[test]
fn each_port_may_fail_for_a_while() {
    let table: &[Case] = &[
        ("receive resets", "receive", 2, When::Before, reset),
        ("received messages whose answer is lost", "receive", 1, When::After, reset),
        ("get resets", "get", 5, When::Before, reset),
        ("get is not allowed, until somebody fixes that", "get", 5, When::Before, refused),
        ("get is throttled", "get", 30, When::Before, slow_down),
        ("the disk is full for three puts", "put", 3, When::Before, disk_full),
        ("a put whose answer is lost", "put", 1, When::After, reset),
        ("delete fails for good", "delete", 1_000, When::Before, broken),
        ("deleted and not told", "delete", 1, When::After, reset),
        ("load fails, then works", "load", 2, When::Before, reset),
        ("a load that committed and was not told", "load", 1, When::After, reset),
        ("listing fails", "list", 1, When::Before, reset),
        ("depth fails", "depth", 5, When::Before, reset),
    ];
    // Side by side: most of each case is waiting for its own back-off.
    std::thread::scope(|scope| {
        let cases: Vec<_> = table
            .iter()
            .map(|(name, call, times, when, error)| {
                let run = move || {
                    let script = Script::default().plan(call, *times, *when, *error);
                    // A delete that never works leaves its messages to be received again: never idle, so not waited for.
                    if *times < 1_000 {
                        assert_eq!(survives(name, &script), Phase::Drained, "{name}");
                        assert!(script.struck(call) > 0, "{name}: the fault never struck");
                    }
                };
                (name, scope.spawn(run))
            })
            .collect();
        for (name, case) in cases {
            assert!(case.join().is_ok(), "{name}");
        }
    });
}

#[test]
fn batches_are_adopted_once_the_ledger_answers() {
    let place = Place::new();
    let ports = place.ports();
    place.put(&ports, &[("a.png", qr_png("https://shop.example/p/1"))]);
    place.run(&ports, async |engine| idle(&engine, 60).await);
    drop(ports);
    // A warehouse that was lost: no ledger row names the batch that is in the store.
    let lost = scanmill::app::warehouse_path(&place.settings);
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", lost.display()));
    }
    let ports = place.ports();
    let script = Script::default().plan("not_in_ledger", 1, When::Before, reset);
    place.run(&script.over(&ports), async |engine| idle(&engine, 60).await);
    assert_eq!(script.struck("not_in_ledger"), 1, "the fault never struck");
    let (scans, _) = place.rows(&ports);
    assert_eq!(scans["a.png"], ["https://shop.example/p/1"]);
}

#[test]
fn messages_that_cannot_be_deleted_come_again_and_make_no_second_row() {
    let mut place = Place::new();
    place.settings.queue.visibility_timeout = Duration::from_secs(1);
    let ports = place.ports();
    place.put(&ports, &[("a.png", qr_png("https://shop.example/p/1"))]);
    let script = Script::default().plan("delete", 3, When::Before, broken);
    place.run(&script.over(&ports), async |engine| idle(&engine, 60).await);
    assert_eq!(script.struck("delete"), 3, "the message came again until its delete worked");
    let (scans, _) = place.rows(&ports);
    assert_eq!(scans["a.png"], ["https://shop.example/p/1"]);
}

#[test]
fn a_fault_that_is_not_retryable_restarts_the_whole_pipeline() {
    let script = Script::default().plan("receive", 1, When::Before, broken);
    assert_eq!(survives("receive breaks", &script), Phase::Drained);
}
