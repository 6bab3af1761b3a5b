//! `backfill` and `gaps` on a folder: the real binary from outside.

use rustix::process::Signal;
use serde_json::Value;

use crate::process::{Ended, Root, Running, photo};

/// Nothing is announced: what lies in the inbox is known to nobody.
const UNWATCHED: &[&str] = &["--set", "local.watch=false"];

fn text(index: usize) -> String {
    format!("https://shop.example/p/{index}")
}

fn filled(keys: &[&str]) -> Root {
    let root = Root::new();
    for (index, key) in keys.iter().enumerate() {
        root.drop_photo(key, &photo::jpeg(&text(index)));
    }
    root
}

fn run(root: &Root) {
    root.run_until_empty_with(UNWATCHED);
}

fn figures(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

fn backfill(root: &Root, more: &[&str]) -> Value {
    figures(&root.ended(&[&["backfill", "--json"], more].concat()))
}

/// Lines of `gaps --json`, the summary last, and the exit code.
fn gaps(root: &Root, more: &[&str]) -> (Vec<Value>, Value, Option<i32>) {
    let ended = root.ended(&[&["gaps", "--json", "--until", "2100-01-01T00:00:00Z"], more].concat());
    let mut lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = lines.pop().unwrap_or_else(|| panic!("no summary: {}", ended.stderr));
    assert_eq!(summary["kind"], "summary");
    lines.retain(|line| line["kind"] == "gap");
    (lines, summary, ended.code)
}

const KEYS: &[&str] = &["2025/a b+c%2F.jpg", "2026/01/größe.jpg", "2026/02/x'y.jpg", "2026-x.jpg"];

#[test]
fn what_lay_there_before_is_read_once() {
    let root = filled(KEYS);
    run(&root);
    assert_eq!(root.scans(), [], "nobody announced anything");
    let dry = backfill(&root, &["--dry-run"]);
    assert_eq!((&dry["unread"], &dry["sent"], root.depth()), (&4.into(), &0.into(), (0, 0, 0)));

    let some = backfill(&root, &["inbox/2026/"]);
    assert_eq!((&some["objects"], &some["sent"]), (&2.into(), &2.into()));
    run(&root);
    let rest = backfill(&root, &[]);
    assert_eq!((&rest["objects"], &rest["known"], &rest["sent"]), (&4.into(), &2.into(), &2.into()));
    run(&root);
    let expected: Vec<(String, String)> =
        KEYS.iter().enumerate().map(|(index, key)| ((*key).to_owned(), text(index))).collect();
    let mut sorted = expected.clone();
    sorted.sort();
    assert_eq!(root.scans(), sorted);
    let again = backfill(&root, &["s3://inbox"]);
    assert_eq!((&again["known"], &again["sent"], &again["complete"]), (&4.into(), &0.into(), &true.into()));

    // The real notifications name the same photos: they add nothing.
    root.run_until_empty();
    assert_eq!(root.scans(), sorted);
    let ids = root.query("select count(distinct photo_id), count(*), min(uploaded_at is not null) from scans");
    assert_eq!(ids, [[Some("4".into()), Some("4".into()), Some("1".into())]]);
}

#[test]
fn an_interrupted_backfill_goes_on() {
    let keys: Vec<String> = (0..60).map(|index| format!("{index:03}.jpg")).collect();
    let root = Root::new();
    keys.iter().for_each(|key| root.drop_photo(key, b"whatever it holds"));
    let noted = || {
        let names = std::fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".json")).count()
    };
    let running = Running::start(root.command(&["backfill", "--json", "--rate", "4"]));
    running.wait_until("something is sent", || noted() == 1);
    running.signal(Signal::INT);
    let ended = running.ended();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    let first: Value = serde_json::from_str(&ended.stdout).unwrap();
    let sent = first["sent"].as_u64().unwrap();
    assert!((4..60).contains(&sent) && first["complete"] == false, "{first}");

    let ended = root.ended(&["backfill", "--json"]);
    assert!(ended.stderr.contains(&format!("continuing after `{:03}.jpg`", sent - 1)), "{}", ended.stderr);
    let second = figures(&ended);
    assert_eq!(second["sent"], 60 - sent);
    assert_eq!((root.depth(), noted()), ((60, 0, 0), 0), "each once");

    // Killed outright it may send a few again, which the load drops; it never leaves one out.
    let running = Running::start(root.command(&["backfill", "--json", "--rate", "4", "--restart"]));
    running.wait_until("something is sent", || noted() == 1);
    drop(running);
    let third = backfill(&root, &[]);
    let from = third["resumed_after"].as_str().unwrap().to_owned();
    assert_eq!(third["sent"], keys.iter().filter(|key| **key > from).count() as u64);
    let depth = root.depth().0;
    assert!(depth >= 120, "{depth}");
}

#[test]
fn times_and_filters_choose() {
    let root = filled(&["new.jpg", "old.jpg", "note.txt"]);
    // When its original was made says nothing about when it came.
    let old = std::fs::File::options().write(true).open(root.inbox().join("old.jpg")).unwrap();
    old.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000)).unwrap();
    let only = |more: &[&str]| {
        let found = backfill(&root, &[&["--dry-run"], more].concat());
        ["unread", "too_old", "too_young", "passed_over"].map(|name| found[name].as_u64().unwrap())
    };
    assert_eq!(only(&[]), [3, 0, 0, 0]);
    assert_eq!(only(&["--since", "1d"]), [3, 0, 0, 0]);
    assert_eq!(only(&["--since", "2100-01-01T00:00:00Z"]), [0, 3, 0, 0]);
    assert_eq!(only(&["--until", "2024-01-01T00:00:00Z"]), [0, 0, 3, 0]);
    assert_eq!(only(&["--set", "filter.suffixes=.JPG"]), [2, 0, 0, 1]);
    assert_eq!(only(&["--set", "filter.exclude=O*"]), [2, 0, 0, 0], "not even listed");
    assert_eq!(only(&["--set", "filter.min_bytes=1000000"]), [0, 0, 0, 3]);
    // The prefix is where the listing begins.
    assert_eq!(only(&["--set", "filter.prefix=o"]), [1, 0, 0, 0]);
    let young = root.ended(&["gaps"]);
    assert!(young.stdout.contains("3 too young to compare"), "{}", young.stdout);
}

#[test]
fn gaps_are_what_has_neither_row_nor_rejection() {
    let root = filled(&["a.jpg", "b.jpg"]);
    root.drop_photo("c.txt", b"no picture at all");
    root.run_until_empty();
    assert_eq!(root.rejections(), [("c.txt".to_owned(), "unsupported".to_owned())]);
    let (lines, summary, code) = gaps(&root, &[]);
    assert_eq!((lines.len(), code), (0, Some(0)), "{summary}");
    assert_eq!((&summary["objects"], &summary["known"]), (&3.into(), &3.into()));

    root.drop_photo("2/lost.jpg", &photo::jpeg(&text(7)));
    // Another photo under a key that was read has no row yet.
    root.drop_photo("b.jpg", &photo::jpeg(&text(8)));
    let (lines, summary, code) = gaps(&root, &[]);
    let keys: Vec<&str> = lines.iter().map(|line| line["object_key"].as_str().unwrap()).collect();
    assert_eq!((keys, code), (vec!["2/lost.jpg", "b.jpg"], Some(1)), "{summary}");
    assert!(lines[0]["photo_id"].as_str().unwrap().len() == 32 && lines[0]["etag"].is_string(), "{}", lines[0]);
    assert_eq!(root.depth(), (0, 0, 0), "nothing was asked to be queued");
    // By default what may still be on its way is left alone.
    let ended = root.ended(&["gaps"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("4 objects in inbox/: 0 gaps"), "{}", ended.stdout);
    let ended = root.ended(&["gaps", "--until", "0s"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stdout.contains("inbox/2/lost.jpg"), "{}", ended.stdout);

    let (_, summary, code) = gaps(&root, &["--enqueue"]);
    assert_eq!((&summary["enqueued"], code), (&2.into(), Some(0)));
    run(&root);
    assert_eq!(gaps(&root, &[]).2, Some(0));
    let read: Vec<String> = root.scans().into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(read, [text(7), text(0), text(8)], "and what is read of it replaces that of the one before");
}

#[test]
fn more_than_a_page_on_both_sides() {
    let root = Root::new();
    // More keys than are looked at at once; every third has a rejection.
    let keys: Vec<String> = (0..5_200).map(|index| format!("{:02}/{index}", index % 37)).collect();
    keys.iter().step_by(3).for_each(|key| root.drop_photo(key, b"x"));
    root.run_until_empty();
    let known = keys.len().div_ceil(3);
    assert_eq!(root.rejections().len(), known);
    keys.iter().for_each(|key| root.drop_photo(key, if key.ends_with('7') { b"y" } else { b"x" }));
    let (lines, summary, code) = gaps(&root, &[]);
    let found: Vec<&str> = lines.iter().map(|line| line["object_key"].as_str().unwrap()).collect();
    let mut expected: Vec<&str> = keys
        .iter()
        .enumerate()
        .filter(|(index, key)| index % 3 != 0 || key.ends_with('7'))
        .map(|(_, key)| key.as_str())
        .collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!((&summary["objects"], code), (&keys.len().into(), Some(1)));
}

#[test]
fn wrong_places_are_named() {
    let root = Root::new();
    for (place, part) in [("results/photos/", "own output"), ("s3://", "names no bucket")] {
        for command in ["backfill", "gaps"] {
            let ended = root.ended(&[command, place]);
            assert_eq!(ended.code, Some(2), "{}", ended.stderr);
            assert!(ended.stderr.contains(part), "{}", ended.stderr);
        }
    }
    for command in ["backfill", "gaps"] {
        let ended = root.ended(&[command, "nowhere"]);
        assert_eq!(ended.code, Some(2), "{}", ended.stdout);
        assert!(ended.stderr.contains("no bucket `nowhere`") && ended.stderr.contains("hint"), "{}", ended.stderr);
    }
    let ended = Root::at(&root.file("mistyped")).ended(&["gaps"]);
    assert!(ended.code == Some(3) && ended.stderr.contains("cannot open the root"), "{}", ended.stderr);
}
