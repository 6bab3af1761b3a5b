//! `scanmill erase`: a person's photos are forgotten beside a working engine, and nothing brings them back.

use std::io::Read;

use crate::process::{Ended, Root, photo};
use rustix::process::Signal;
use serde_json::Value;

const JSON: &[&str] = &["--set", "output.per_photo_json=true"];

fn erase(root: &Root, more: &[&str]) -> Ended {
    root.ended(&[&["erase", "--json"], more].concat())
}

fn erased(root: &Root, more: &[&str]) -> Value {
    let ended = erase(root, more);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Every file below a folder that holds `text`, also where it is packed.
fn files_with(folder: &std::path::Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_with(&entry.path(), text));
            continue;
        }
        let raw = std::fs::read(entry.path()).unwrap();
        let mut unpacked = Vec::new();
        if raw.starts_with(&[0x1f, 0x8b]) {
            flate2::read::MultiGzDecoder::new(raw.as_slice()).read_to_end(&mut unpacked).unwrap();
        }
        let has = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        if has(&raw) || has(&unpacked) {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

fn drop_all(root: &Root) {
    for name in ["ann/1", "ann/2", "ben/1", "ben/2"] {
        let text = format!("https://shop.example/p/{}", name.replace('/', "-of-"));
        root.drop_photo(&format!("{name}.jpg"), &photo::jpeg(&text));
    }
    root.drop_photo("ann/3.jpg", &photo::blank());
}

#[test]
fn a_prefix_is_forgotten_beside_a_working_engine_and_no_load_brings_it_back() {
    let root = Root::new();
    let engine = root.start(JSON);
    drop_all(&root);
    engine.wait_until("all loaded", || root.scans().len() == 4 && root.rejections().len() == 1);
    engine.wait_until("settled", || root.depth() == (0, 0, 0));

    let dry = erased(&root, &["--prefix", "ann/"]);
    let figures = |answer: &Value| {
        ["scans", "rejections", "batch_rows", "photo_objects", "announced", "photos"]
            .map(|name| answer[name].as_u64().unwrap())
    };
    assert_eq!((figures(&dry), &dry["dry_run"]), ([2, 1, 3, 3, 3, 3], &Value::from(true)), "{dry}");
    assert_eq!(root.scans().len(), 4, "a dry run");
    let ended = erase(&root, &["--prefix", "ann/", "--yes"]);
    assert!(ended.code == Some(3) && ended.stderr.contains("still in the inbox"), "{}", ended.stderr);
    let wet = erased(&root, &["--prefix", "ann/", "--yes", "--photos"]);
    assert_eq!(figures(&wet), figures(&dry), "{wet}");
    let keys = |root: &Root| root.scans().into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    assert_eq!((keys(&root), root.rejections()), (vec!["ben/1.jpg".to_owned(), "ben/2.jpg".to_owned()], vec![]));
    assert_eq!(figures(&erased(&root, &["--prefix", "ann/", "--yes"])), [0; 6]);

    // The engine goes on as before.
    root.drop_photo("ben/3.jpg", &photo::jpeg("https://shop.example/p/ben-of-3"));
    engine.wait_until("the next one", || root.scans().len() == 3);
    engine.drained();
    for text in ["ann/", "ann-of-"] {
        assert_eq!(files_with(&root.file("results"), text), Vec::<String>::new(), "{text}");
    }
    let in_database = |file: &str| !file.contains("queue.sqlite");
    let left: Vec<String> = files_with(root.path(), "ann-of-").into_iter().filter(|file| in_database(file)).collect();
    assert_eq!(left, Vec::<String>::new());

    // A warehouse made anew from the batches, and a second reading of the inbox.
    for name in ["warehouse.sqlite", "warehouse.sqlite-wal", "warehouse.sqlite-shm"] {
        let _ = std::fs::remove_file(root.file(name));
    }
    root.run_until_empty();
    assert_eq!(keys(&root), ["ben/1.jpg", "ben/2.jpg", "ben/3.jpg"]);
    let ended = root.ended(&["gaps", "--until", "0s"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn a_photo_that_is_queued_in_work_or_not_loaded_is_refused_and_one_key_is_enough() {
    let root = Root::new();
    let held = ["--set", "batch.max_age_ms=600000", "--set", "queue.visibility_timeout_seconds=3600"];
    let engine = root.start(&[&held[..], &["--set", "run.drain_seconds=0"]].concat());
    drop_all(&root);
    engine.wait_until("all in work", || root.depth() == (0, 5, 0));
    let refused = |root: &Root, word: &str| {
        let ended = erase(root, &["--key", "ben/1.jpg", "--yes", "--photos"]);
        assert!(ended.code == Some(3) && ended.stderr.contains(word), "{}", ended.stderr);
        assert!(root.inbox().join("ben/1.jpg").try_exists().unwrap());
    };
    refused(&root, "queued or in work");
    engine.signal(Signal::KILL);
    engine.ended();
    refused(&root, "queued or in work");

    let engine = root.start(&["--set", "load.interval_ms=3600000"]);
    engine.wait_until("all durable", || root.depth() == (0, 0, 0));
    refused(&root, "not loaded yet");
    engine.signal(Signal::KILL);
    engine.ended();
    // Nobody is about to load it now.
    let wet = erased(&root, &["--key", "ben/1.jpg", "--yes", "--photos"]);
    assert_eq!((&wet["batch_rows"], &wet["scans"]), (&Value::from(1), &Value::from(0)), "{wet}");
    root.run_until_empty();
    let keys: Vec<String> = root.scans().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["ann/1.jpg", "ann/2.jpg", "ben/2.jpg"]);
}

#[test]
fn what_is_elsewhere_is_refused_with_the_way_to_do_it() {
    let root = Root::new();
    let elsewhere = ["--set", "store.kind=s3", "--set", "store.inbox=a-bucket", "--set", "store.results=b-bucket"];
    let ended = erase(&root, &[&elsewhere[..], &["--key", "a.jpg", "--yes"]].concat());
    assert!(ended.code == Some(3) && ended.stderr.contains("docs/guides/aws-operations.md"), "{}", ended.stderr);
    let ended = erase(&root, &["--prefix", "", "--yes"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}
