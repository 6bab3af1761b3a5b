//! The real `scanmill verify` on a warehouse with one of each difference injected: each is named, and nothing else. On
//! SQLite and on the stand-in of Redshift.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::process::{Ended, Root, Running};
use crate::rig::{DataApi, ENVIRONMENT, REGION, WORKGROUP};
use crate::verify_support::{photo, sql, sqlite_warehouse, write_key};
use rusqlite::Connection;
use scanmill::pump::answer_key::{Expectation, ExpectedPhoto};
use serde_json::{Value, json};

/// What is injected, by the photos it is injected in.
struct Planted {
    lost: ExpectedPhoto,
    doubled: ExpectedPhoto,
    moved: ExpectedPhoto,
    reason: ExpectedPhoto,
    /// Its row stands under the key of `moved_to`.
    strayed: ExpectedPhoto,
    moved_to: ExpectedPhoto,
    rejected_instead: ExpectedPhoto,
    read_instead: ExpectedPhoto,
}

const UNEXPECTED: &str = "story-x/nobody sent this é.jpg";

fn plan(photos: &[ExpectedPhoto]) -> Planted {
    let is_rejected = |photo: &&ExpectedPhoto| matches!(photo.expect, Expectation::Rejected(_));
    let has_one_code =
        |photo: &&ExpectedPhoto| matches!(&photo.expect, Expectation::Scans { codes, .. } if codes.len() == 1);
    let mut read = photos.iter().filter(has_one_code).cloned();
    let mut rejected = photos.iter().filter(is_rejected).cloned();
    let mut next = || read.next().unwrap();
    Planted {
        lost: next(),
        doubled: next(),
        moved: next(),
        strayed: next(),
        moved_to: next(),
        rejected_instead: next(),
        reason: rejected.next().unwrap(),
        read_instead: rejected.next().unwrap(),
    }
}

/// The statements that plant the differences, in SQL that both warehouses have.
fn planting(planted: &Planted) -> Vec<String> {
    let scan_columns: Vec<&str> = scanmill::domain::columns::scan_columns().map(|column| column.name).collect();
    let scan_columns = scan_columns.join(", ");
    let shared: Vec<&str> = scanmill::domain::columns::scan_columns()
        .map(|column| column.name)
        .filter(|name| scanmill::domain::columns::rejection_columns().any(|column| column.name == *name))
        .collect();
    let shared = shared.join(", ");
    let twin = scan_columns.replace("scan_id", "'injected twin'");
    let as_scan = |columns: &str, from: &str, key: &str| {
        format!("INSERT INTO scans ({scan_columns}) SELECT {columns} FROM {from} WHERE object_key = '{key}'")
    };
    // A scan row for a rejected photo, from another's with this one's lineage.
    let [(_, rejection)] = crate::verify_support::rows_of(&planted.read_instead).try_into().unwrap();
    let text = |column: &str| format!("'{}'", rejection[column].as_str().unwrap());
    let read_instead = scan_columns
        .replace("scan_id", "'injected read'")
        .replace("photo_id", &text("photo_id"))
        .replace("object_key", &text("object_key"))
        .replace("etag", &text("etag"));
    vec![
        format!("DELETE FROM scans WHERE object_key = '{}'", planted.lost.key),
        as_scan(&twin, "scans", &planted.doubled.key),
        format!("UPDATE scans SET longitude = longitude + 0.001 WHERE object_key = '{}'", planted.moved.key),
        format!("UPDATE rejections SET reason = 'timed_out' WHERE object_key = '{}'", planted.reason.key),
        format!(
            "UPDATE scans SET object_key = '{}' WHERE object_key = '{}'",
            planted.moved_to.key, planted.strayed.key
        ),
        format!(
            "INSERT INTO rejections ({shared}, stage, reason, detail) SELECT {shared}, 'decode', 'no_code', '' FROM scans \
             WHERE object_key = '{}'",
            planted.rejected_instead.key
        ),
        format!("DELETE FROM scans WHERE object_key = '{}'", planted.rejected_instead.key),
        as_scan(&read_instead, "scans", &planted.moved.key),
        format!("DELETE FROM rejections WHERE object_key = '{}'", planted.read_instead.key),
        as_scan(
            &scan_columns
                .replace("scan_id", "'injected stranger'")
                .replace("object_key", &format!("'{UNEXPECTED}'"))
                .replace("photo_id", "'stranger'"),
            "scans",
            &planted.doubled.key,
        )
        .replace("WHERE", "WHERE scan_id <> 'injected twin' AND"),
    ]
}

/// A key of `count` photos, and what is injected in its warehouse.
fn key_of(path: &Path, count: u64) -> (Vec<ExpectedPhoto>, Planted) {
    let photos: Vec<ExpectedPhoto> = (0..count).map(photo).collect();
    write_key(path, photos.iter().cloned());
    let planted = plan(&photos);
    (photos, planted)
}

fn expect_clean(ended: &Ended, count: u64) {
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&found["photos"], &found["differences"]), (&json!(count), &json!([])), "{found:#}");
    assert_eq!(found["expected"], json!(found["rows"].as_u64().unwrap() + found["rejections"].as_u64().unwrap()));
    assert_eq!(found["latencies"]["upload_to_row"]["count"], count, "{found:#}");
    assert_eq!(found["latencies"]["measured_from"]["due"], count);
    assert_eq!(found["latencies"]["upload_to_durable"]["max_ms"], 2_500);
}

fn expect_planted(ended: &Ended, planted: &Planted) {
    assert_eq!(ended.code, Some(1), "{}\n{}", ended.stdout, ended.stderr);
    let verdict: Value = serde_json::from_str(&ended.stdout).unwrap();
    let mut found: Vec<String> = verdict["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| {
            let text = |name: &str| difference[name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", text("kind"), text("key"), text("field"))
        })
        .collect();
    found.sort();
    let mut expected = [
        format!("lost {} -", planted.lost.key),
        format!("doubled {} -", planted.doubled.key),
        format!("wrong {} longitude", planted.moved.key),
        format!("wrong {} reason", planted.reason.key),
        format!("lost {} -", planted.strayed.key),
        format!("wrong {} photo_id", planted.moved_to.key),
        format!("wrong {} outcome", planted.rejected_instead.key),
        format!("wrong {} outcome", planted.read_instead.key),
        format!("unexpected {UNEXPECTED} -"),
    ];
    expected.sort();
    assert_eq!(found, expected, "{verdict:#}");
    assert_eq!((&verdict["lost"], &verdict["doubled"], &verdict["wrong"]), (&json!(2), &json!(1), &json!(6)));
    assert_eq!((&verdict["unexpected"], &verdict["not_listed"]), (&json!(1), &json!(0)));
    let named = |field: &str| {
        let differences = verdict["differences"].as_array().unwrap();
        differences.iter().find(|difference| difference["field"] == field).unwrap().clone()
    };
    let longitude = named("longitude");
    let off = longitude["found"].as_f64().unwrap() - longitude["expected"].as_f64().unwrap();
    assert!((off - 0.001).abs() < 1e-9, "{longitude}");
    assert_eq!(
        (named("reason")["expected"].clone(), named("reason")["found"].clone()),
        (json!(["no_code"]), json!("timed_out"))
    );
}

fn expect_text(ended: &Ended, planted: &Planted) {
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let has = |beginning: &str, key: &str, part: &str| {
        let is_it = |line: &str| line.starts_with(beginning) && line.contains(key) && line.contains(part);
        assert!(ended.stdout.lines().any(is_it), "{beginning} {key} {part}:\n{}", ended.stdout);
    };
    has("lost", &planted.lost.key, "expected 1");
    has("doubled", &planted.doubled.key, "expected 1, found 2");
    has("wrong", &planted.moved.key, "longitude expected -10.7");
    has("wrong", &planted.reason.key, "reason expected [\"no_code\"], found \"timed_out\"");
    has("wrong", &planted.moved_to.key, "the row of another photo");
    has("unexpected", UNEXPECTED, "no photo of this key was sent");
    assert!(ended.stdout.contains("2 lost, 1 duplicated, 6 wrong (1 of them photos"), "{}", ended.stdout);
    assert_eq!(ended.stdout.lines().count(), 10, "{}", ended.stdout);
}

#[test]
fn each_planted_difference_is_named_on_sqlite() {
    let root = Root::new();
    let (photos, planted) = key_of(&root.file("answer-key.jsonl"), 3_000);
    sqlite_warehouse(&root.file("warehouse.sqlite"), photos.into_iter());
    expect_clean(&root.ended(&["verify", "--json", "--latency"]), 3_000);
    let connection = Connection::open(root.file("warehouse.sqlite")).unwrap();
    for statement in planting(&planted) {
        assert_eq!(connection.execute(&statement, []).unwrap(), 1, "{statement}");
    }
    expect_planted(&root.ended(&["verify", "--json"]), &planted);
    expect_text(&root.ended(&["verify"]), &planted);
}

#[test]
fn latencies_say_what_they_do_not_know() {
    let root = Root::new();
    let key = root.file("answer-key.jsonl");
    // Of the first thousand the key knows only when they were put, of the second nothing.
    let photos = || {
        (0..3_000).map(photo).map(|mut photo| {
            let due_at = photo.due_at.take();
            match photo.index / crate::verify_support::BATCH {
                0 => photo.put_at = due_at,
                1 => {}
                _ => photo.due_at = due_at,
            }
            photo
        })
    };
    write_key(&key, photos());
    sqlite_warehouse(&root.file("warehouse.sqlite"), (0..3_000).map(photo));
    let connection = Connection::open(root.file("warehouse.sqlite")).unwrap();
    // The first batch was adopted, the third is unknown, and a photo of the second has no row.
    connection.execute("UPDATE load_ledger SET sealed_at = NULL WHERE batch_id LIKE '%-000000'", []).unwrap();
    connection.execute("DELETE FROM load_ledger WHERE batch_id LIKE '%-000002'", []).unwrap();
    connection.execute("DELETE FROM scans WHERE object_key = ?1", [photo(1_001).key]).unwrap();
    let ended = root.ended(&["verify", "--latency", "--json"]);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    let latencies = &found["latencies"];
    assert_eq!(latencies["measured_from"], json!({ "due": 0, "put": 1_000, "uploaded": 999, "unknown": 0 }));
    for (name, photos) in
        [("photos_without_row", 1), ("photos_without_sealed_at", 1_000), ("photos_without_ledger", 1_000)]
    {
        assert_eq!(latencies[name], photos, "{name}");
    }
    assert_eq!(latencies["upload_to_durable"]["count"], 999);
    assert_eq!(latencies["upload_to_row"]["count"], 1_999);
    let text = root.ended(&["verify", "--latency"]).stdout;
    for part in
        ["the end of its upload (1000), the row's uploaded_at (999)", "until the row, ms: p50 ", "1000 photos came in"]
    {
        assert!(text.contains(part), "{part}:\n{text}");
    }
}

fn on_redshift(root: &Root, endpoint: &str, database: &str, arguments: &[&str]) -> Command {
    let mut command = root.command(arguments);
    command.envs(ENVIRONMENT.iter().copied());
    for (key, value) in [
        ("warehouse.kind", "redshift"),
        ("store.kind", "s3"),
        ("queue.kind", "sqs"),
        ("store.inbox", "inbox"),
        ("store.results", "results"),
        ("sqs.queue_url", "http://127.0.0.1:9/000000000000/none"),
        ("aws.region", REGION),
        ("redshift.workgroup", WORKGROUP),
        ("redshift.database", database),
        ("redshift.endpoint", endpoint),
    ] {
        command.args(["--set", &format!("{key}={value}")]);
    }
    command
}

#[test]
fn each_planted_difference_is_named_on_redshift() {
    let (root, api) = (Root::new(), DataApi::shared());
    let database = api.create_database().unwrap();
    let command = |arguments: &[&str]| Running::start(on_redshift(&root, api.endpoint(), &database, arguments)).ended();
    let (photos, planted) = key_of(&root.file("answer-key.jsonl"), 3_000);
    let ended = command(&["schema", "--apply"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for statement in sql(&photos) {
        api.query(&database, &statement).unwrap();
    }
    let before = api.calls("BatchExecuteStatement").unwrap();
    expect_clean(&command(&["verify", "--json", "--latency"]), 3_000);
    let asked = api.calls("BatchExecuteStatement").unwrap() - before;
    assert!(asked < 20, "{asked} queries: each takes a second or more on Redshift");
    // Redshift itself would take each of them; the Data API puts a parameter's value where its name stands.
    let of_verify =
        |text: &String| ["object_key >", "AS by_bytes", "batch_id IN"].iter().any(|part| text.contains(part));
    let in_place = |text: String| (1..10).rev().fold(text, |text, number| text.replace(&format!(":p{number}"), "'x'"));
    let mut texts: Vec<String> = api.sql().unwrap().into_iter().filter(of_verify).map(in_place).collect();
    texts.sort();
    texts.dedup();
    assert!(texts.len() >= 5, "{texts:?}");
    crate::rig::sqlfluff_all(&texts).unwrap();
    for statement in planting(&planted) {
        api.query(&database, &statement).unwrap();
    }
    expect_planted(&command(&["verify", "--json"]), &planted);
    expect_text(&command(&["verify"]), &planted);
}

#[test]
fn several_keys_of_one_warehouse_are_verified_together() {
    let root = Root::new();
    let keys = root.file("keys");
    let photos: Vec<ExpectedPhoto> = (0..600).map(photo).collect();
    // Two pumps parted the photos; a message that was delivered twice is in both keys.
    write_key(&keys.join("one.jsonl"), photos.iter().take(310).cloned());
    write_key(&keys.join("two.jsonl"), photos.iter().skip(300).cloned());
    sqlite_warehouse(&root.file("warehouse.sqlite"), photos.into_iter());
    let at = |name: &str| keys.join(name).display().to_string();
    let (folder, one, two) = (keys.display().to_string(), at("one.jsonl"), at("two.jsonl"));
    for arguments in [vec!["--key", &folder], vec!["--key", &one, "--key", &two], vec!["--key", &one, &two]] {
        let ended = root.ended(&[&["verify", "--json"], arguments.as_slice()].concat());
        assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
        let verdict: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!((&verdict["photos"], &verdict["repeated"]), (&json!(600), &json!(10)));
    }
    let ended = root.ended(&["verify", "--json", "--key", &one]);
    let verdict: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &verdict["unexpected"]), (Some(1), &json!(290)), "the others' photos are not in this key");
}

#[test]
fn ctrl_c_ends_it_with_130() {
    // A server that takes the question and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let root = Root::new();
    key_of(&root.file("answer-key.jsonl"), 100);
    let running = Running::start(on_redshift(&root, &endpoint, "dev", &["verify"]));
    let _question = silent.accept().unwrap();
    running.signal(rustix::process::Signal::INT);
    let ended = running.ended();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(130), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("stopping"), "{}", ended.stderr);
}
