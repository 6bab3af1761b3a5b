//! Ctrl-C and SIGTERM: once drains, twice stops at once, and the next start has everything.

use rusqlite::Connection;
use rustix::process::Signal;

use super::{drop_photos, each, says};
use crate::process::Root;

#[test]
fn signals_lose_nothing() {
    let cases: [fn(); 3] = [one_signal_drains, two_signals_stop_at_once, a_drain_that_takes_too_long_says_so];
    each(cases, |case| case());
}

fn one_signal_drains() {
    each([Signal::TERM, Signal::INT], |signal| {
        let root = Root::new();
        let rows = drop_photos(&root, 30);
        let running = root.start(&[]);
        running.wait_until("work to begin", || root.depth() != (0, 0, 0));
        running.signal(signal);
        let ended = running.ended();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        says(&ended.stderr, &["draining, press Ctrl-C again to stop at once", "drained"]);
        let (_, in_flight, dead) = root.depth();
        assert_eq!((in_flight, dead), (0, 0), "what was not begun is given back");
        root.run_until_empty();
        assert_eq!(root.scans(), rows_sorted(rows));
    });
}

fn two_signals_stop_at_once() {
    let root = Root::new();
    let rows = drop_photos(&root, 10);
    let running = root.start(&[]);
    // A drain that cannot end: the loader waits for a warehouse that somebody holds.
    let held = Connection::open(root.file("warehouse.sqlite")).unwrap();
    held.execute_batch("BEGIN EXCLUSIVE").unwrap();
    running.wait_for("batch sealed");
    running.signal(Signal::TERM);
    running.wait_for("draining");
    running.signal(Signal::INT);
    let ended = running.ended();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    says(&ended.stderr, &["stopping at once; what is unfinished is processed again on the next start"]);
    drop(held);
    root.run_until_empty();
    assert_eq!(root.scans(), rows_sorted(rows));
}

fn a_drain_that_takes_too_long_says_so() {
    let root = Root::new();
    let rows = drop_photos(&root, 2);
    let running = root.start(&["--set", "run.drain_seconds=1"]);
    let held = Connection::open(root.file("warehouse.sqlite")).unwrap();
    held.execute_batch("BEGIN EXCLUSIVE").unwrap();
    running.wait_for("batch sealed");
    running.signal(Signal::TERM);
    let ended = running.ended();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    says(&ended.stderr, &["error: stopped before the drain ended", "run.drain_seconds", "hint: nothing is lost"]);
    drop(held);
    root.run_until_empty();
    assert_eq!(root.scans(), rows);
}

fn rows_sorted(mut rows: Vec<(String, String)>) -> Vec<(String, String)> {
    rows.sort();
    rows
}
