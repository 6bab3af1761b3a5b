//! `scanmill prune` beside a working engine: what goes, what must stay, and that nothing is read again for it.

use crate::process::{Root, photo};
use scanmill::domain::PhotoRef;
use scanmill::domain::notification::s3_event;
use serde_json::Value;

/// Ages of about a second.
const YOUNG: &[&str] = &[
    "--set",
    "retention.batch_days=0.00001",
    "--set",
    "retention.announced_days=0.00001",
    "--set",
    "retention.dead_letter_days=0.00001",
];

fn count(root: &Root, sql: &str) -> i64 {
    let queue = rusqlite::Connection::open(root.file("queue.sqlite")).unwrap();
    queue.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn announced(root: &Root) -> i64 {
    count(root, "SELECT count(*) FROM announced")
}

fn files_in(root: &Root, folder: &str) -> usize {
    let entries = std::fs::read_dir(root.file("results").join(folder));
    entries.map_or(0, |entries| entries.filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_file()).count())
}

fn prune(root: &Root, more: &[&str]) -> Value {
    let ended = root.ended(&[&["prune", "--json"], YOUNG, more].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn beside_a_working_engine_only_what_nothing_needs_goes_and_nothing_is_read_again() {
    let root = Root::new();
    let engine = root.start(&[]);
    let ended = root.ended(&["pump", "--count", "12", "--pictures", "1", "--size", "small", "--no-wait", "--quiet"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let rows = || root.query("select photo_id from scans union all select photo_id from rejections");
    engine.wait_until("all loaded", || {
        announced(&root) >= 12 && root.depth() == (0, 0, 0) && {
            let held = root.query("select sum(photo_count) from load_ledger");
            held[0][0].as_deref().is_some_and(|photos| photos.parse::<i64>().unwrap() >= 12)
        }
    });
    let (before, records, batches) = (rows(), announced(&root), files_in(&root, "batches"));
    // Two photos were taken away by their owner.
    let mut photos = Vec::new();
    let mut folders = vec![root.inbox()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.metadata().unwrap().is_file() {
                true => photos.push(path),
                false => folders.push(path),
            }
        }
    }
    photos.retain(|path| !path.to_string_lossy().contains("/.scanmill"));
    photos.iter().take(2).for_each(|path| std::fs::remove_file(path).unwrap());
    std::thread::sleep(std::time::Duration::from_secs(2));

    let dry = prune(&root, &[]);
    assert_eq!((&dry["dry_run"], &dry["announced"]), (&Value::from(true), &Value::from(2)), "{dry}");
    assert_eq!((announced(&root), files_in(&root, "batches")), (records, batches), "a dry run");
    let wet = prune(&root, &["--yes"]);
    assert_eq!((&wet["batches"], &wet["announced"]), (&dry["batches"], &dry["announced"]), "{wet}");
    assert!(wet["batches"].as_u64().unwrap() > 0 && wet["batch_bytes"].as_u64().unwrap() > 0, "{wet}");
    assert_eq!((announced(&root), files_in(&root, "batches")), (records - 2, 0));
    assert_eq!(files_in(&root, "manifests"), 0);
    assert_eq!(prune(&root, &["--yes"])["announced"], 0);

    // The engine goes on, and its next start neither reads anything again nor misses what is gone.
    root.drop_photo("later.jpg", &photo::jpeg("LATER"));
    engine.wait_until("the later one is loaded", || rows().len() > before.len());
    engine.drained();
    let ended = root.run_until_empty();
    assert!(ended.stderr.contains("\n0 photos,") || ended.stderr.contains(" 0 photos,"), "{}", ended.stderr);
    assert_eq!(rows().len(), before.len() + 1);
    std::fs::remove_file(root.inbox().join("later.jpg")).unwrap();
    let ended = root.ended(&["verify"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
}

#[test]
fn what_is_not_loaded_stays_however_old() {
    let root = Root::new();
    let engine = root.start(&["--set", "load.interval_ms=3600000"]);
    for number in 0..3 {
        root.drop_photo(&format!("{number}.jpg"), &photo::jpeg(&format!("PHOTO-{number}")));
    }
    engine.wait_until("all durable", || announced(&root) == 3 && root.depth() == (0, 0, 0));
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(prune(&root, &["--yes"])["batches"], 0);
    engine.drained();
    assert_eq!(root.scans().len(), 3);
}

#[test]
fn the_engine_prunes_by_itself_when_asked() {
    let root = Root::new();
    root.drop_photo("one.jpg", &photo::jpeg("ONE"));
    let engine = root.start(&[YOUNG, &["--set", "retention.every_hours=0.0003"]].concat());
    engine.wait_for("pruned what is older than [retention] says");
    engine.wait_until("gone", || files_in(&root, "batches") == 0 && root.scans().len() == 1);
    engine.drained();
    let ended = root.ended(&["prune"]);
    assert!(ended.code == Some(2) && ended.stderr.contains("for ever"), "{}", ended.stderr);
}

#[test]
fn replaced_versions_go_unless_an_older_scanmill_may_have_announced_a_photo_as_one_of_them() {
    let root = Root::new();
    let engine = root.start(&[]);
    for content in ["FIRST", "SECOND"] {
        root.drop_photo("same.jpg", &photo::jpeg(content));
        engine.wait_until(content, || root.scans() == [("same.jpg".to_owned(), content.to_owned())]);
    }
    root.drop_photo("other.jpg", &photo::jpeg("OTHER"));
    engine.wait_until("the other", || root.scans().len() == 2);
    engine.drained();
    assert_eq!(announced(&root), 3);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let queue = rusqlite::Connection::open(root.file("queue.sqlite")).unwrap();
    let other = "(SELECT object FROM objects ORDER BY sequencer DESC LIMIT 1)";
    queue.execute_batch(&format!("CREATE TABLE kept AS SELECT * FROM objects WHERE object = {other}")).unwrap();
    queue.execute_batch("DELETE FROM objects WHERE object = (SELECT object FROM kept)").unwrap();
    assert_eq!(prune(&root, &["--yes"])["announced"], 0);
    queue.execute_batch("INSERT INTO objects SELECT * FROM kept; DROP TABLE kept").unwrap();
    assert_eq!(prune(&root, &["--yes"])["announced"], 1);
    let ended = root.run_until_empty();
    assert!(ended.stderr.contains(" 0 photos,") || ended.stderr.contains("\n0 photos,"), "{}", ended.stderr);
}

#[test]
fn dead_letters_about_photos_without_an_answer_stay() {
    let root = Root::new();
    let unread = PhotoRef {
        bucket: "inbox".into(),
        key: "never-read.jpg".into(),
        version_id: None,
        etag: Some("00000000000000000000000000000001".into()),
        size_bytes: Some(3),
        sequencer: None,
        uploaded_at: None,
    };
    let unread = s3_event(&unread, jiff::Timestamp::now());
    root.send(&["no notification".to_owned(), unread]);
    let queue = rusqlite::Connection::open(root.file("queue.sqlite")).unwrap();
    queue
        .execute_batch(
            "INSERT INTO dead_letters (id, body, sent_us, receive_count, dead_us)
             SELECT id, body, sent_us, 25, sent_us FROM messages; DELETE FROM messages;",
        )
        .unwrap();
    let ended = root.ended(&["schema", "--apply"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let pruned = prune(&root, &["--yes"]);
    assert_eq!((&pruned["dead_letters"], &pruned["dead_letters_kept"]), (&Value::from(1), &Value::from(1)), "{pruned}");
    assert_eq!(count(&root, "SELECT count(*) FROM dead_letters"), 1);
}
