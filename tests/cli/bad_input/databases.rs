//! Databases that are locked, newer, damaged or somebody else's.

use rusqlite::Connection;

use super::{drop_photos, each, says};
use crate::process::Root;

const DATABASES: [&str; 2] = ["queue.sqlite", "warehouse.sqlite"];

/// A lock on a database file, held until dropped.
fn lock(root: &Root, name: &str) -> Connection {
    let connection = Connection::open(root.file(name)).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    connection
}

#[test]
fn locked_databases_are_named_and_waited_for() {
    let cases: [fn(); 3] = [
        a_queue_locked_at_the_start_is_named_and_waited_for,
        a_queue_locked_under_the_engine_is_waited_for,
        a_warehouse_locked_under_the_engine_is_waited_for,
    ];
    each(cases, |case| case());
}

fn a_queue_locked_at_the_start_is_named_and_waited_for() {
    let root = Root::new();
    let rows = drop_photos(&root, 2);
    drop(root.ports());
    let held = lock(&root, "queue.sqlite");
    let running = root.start(&["--until-empty"]);
    running.wait_for("is locked");
    drop(held);
    let ended = running.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    says(&ended.stderr, &["queue.sqlite", "is locked", "another process holds its lock"]);
    assert_eq!(root.scans(), rows);
}

fn a_queue_locked_under_the_engine_is_waited_for() {
    let root = Root::new();
    let running = root.start(&["--set", "queue.wait_seconds=1"]);
    let held = lock(&root, "queue.sqlite");
    let rows = drop_photos(&root, 2);
    running.wait_for("is locked");
    drop(held);
    running.wait_until("every row", || root.scans() == rows);
    says(&running.drained().stderr, &["queue.sqlite", "another process holds its lock"]);
    assert_eq!(root.depth(), (0, 0, 0));
}

fn a_warehouse_locked_under_the_engine_is_waited_for() {
    let root = Root::new();
    let running = root.start(&[]);
    let held = lock(&root, "warehouse.sqlite");
    let rows = drop_photos(&root, 2);
    running.wait_for("load failed; its batches are durable");
    drop(held);
    running.wait_until("every row", || root.scans() == rows);
    says(&running.drained().stderr, &["warehouse.sqlite", "is locked", "another program holds it"]);
}

#[test]
fn a_newer_schema_is_refused_and_untouched() {
    each(DATABASES, |name| {
        let root = Root::new();
        let rows = drop_photos(&root, 1);
        root.run_until_empty();
        let version = |version: Option<i64>| {
            let connection = Connection::open(root.file(name)).unwrap();
            if let Some(version) = version {
                connection.pragma_update(None, "user_version", version).unwrap();
            }
            connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap()
        };
        let ours = version(None);
        version(Some(99));
        let ended = root.ended(&["run", "--until-empty"]);
        assert_eq!(ended.code, Some(3), "{name}: {}", ended.stderr);
        let known = format!("this scanmill knows version {ours}");
        says(&ended.stderr, &["error: ", name, "schema version 99", &known, "hint: "]);
        assert_eq!(version(None), 99);
        version(Some(ours));
        root.run_until_empty();
        assert_eq!(root.scans(), rows);
    });
}

#[test]
fn a_file_that_is_no_database_or_not_ours_is_refused_and_untouched() {
    let foreign = || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("foreign");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE mine (a); INSERT INTO mine VALUES (1)").unwrap();
        std::fs::read(path).unwrap()
    };
    let letter = b"this is a letter, not a database, and it is long enough ".repeat(40);
    let cases = DATABASES.into_iter().flat_map(|name| [(name, letter.clone()), (name, foreign())]);
    each(cases, |(name, content)| {
        let root = Root::new();
        let rows = drop_photos(&root, 1);
        std::fs::write(root.file(name), &content).unwrap();
        for words in [&["run", "--until-empty"][..], &["report"], &["rejections", "list"], &["check"]] {
            let ended = root.ended(words);
            let (expected, said) = if words[0] == "check" { (1, &ended.stdout) } else { (3, &ended.stderr) };
            assert_eq!(ended.code, Some(expected), "{name} {words:?}: {said}");
            // What only asks the warehouse does not meet the queue: it says that there is no warehouse yet.
            let asks = matches!(words[0], "report" | "rejections");
            says(said, &[if asks { "warehouse.sqlite" } else { name }, "hint: "]);
        }
        assert_eq!(std::fs::read(root.file(name)).unwrap(), content, "{name}");
        std::fs::remove_file(root.file(name)).unwrap();
        root.run_until_empty();
        assert_eq!(root.scans(), rows);
    });
}

/// A database whose head is whole and whose pages are not, as after a failing disk.
#[test]
fn a_damaged_database_is_named_and_can_be_moved_away() {
    each(DATABASES, |name| {
        let root = Root::new();
        let rows = drop_photos(&root, 2);
        root.run_until_empty();
        let path = root.file(name);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4_096..].fill(0xA5);
        std::fs::write(&path, &bytes).unwrap();
        let ended = root.ended(&["run", "--until-empty"]);
        assert_eq!(ended.code, Some(3), "{name}: {}", ended.stderr);
        says(&ended.stderr, &[name, "damaged", "hint"]);
        // The remedy that the hint names.
        for file in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(root.file(&format!("{name}{file}")));
        }
        root.run_until_empty();
        assert_eq!(root.scans(), rows, "{name}");
    });
}

#[test]
fn a_warehouse_that_lacks_a_column_is_a_failed_check() {
    let root = Root::new();
    root.run_until_empty();
    let change = |sql: &str| Connection::open(root.file("warehouse.sqlite")).unwrap().execute_batch(sql).unwrap();
    change("ALTER TABLE scans DROP COLUMN altitude_m");
    let ended = root.ended(&["check"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    says(&ended.stdout, &["warehouse", "lacks scans.altitude_m", "hint: "]);
}

#[test]
fn a_symbolic_link_in_place_of_a_database_is_refused_and_what_it_leads_to_untouched() {
    for name in DATABASES {
        let root = Root::new();
        let elsewhere = root.inbox().join("elsewhere.jpg");
        std::fs::write(&elsewhere, "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, root.file(name)).unwrap();
        let ended = root.ended(&["run", "--until-empty"]);
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        says(&ended.stderr, &[name, "symbolic link", "hint: "]);
        let ended = root.ended(&["check"]);
        assert_eq!(ended.code, Some(1), "{}", ended.stdout);
        says(&ended.stdout, &[name, "is not a regular file"]);
        assert_eq!(std::fs::read(&elsewhere).unwrap(), b"", "{name}");
    }
}

#[test]
fn a_symbolic_link_in_place_of_a_folder_is_refused_by_the_start_and_named_by_the_check() {
    for name in ["inbox", "results"] {
        let root = Root::new();
        let elsewhere = tempfile::tempdir().unwrap();
        let _ = std::fs::remove_dir(root.file(name));
        std::os::unix::fs::symlink(elsewhere.path(), root.file(name)).unwrap();
        let ended = root.ended(&["run", "--until-empty"]);
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        says(&ended.stderr, &[name, "is a symbolic link", "hint: "]);
        let ended = root.ended(&["check"]);
        assert_eq!(ended.code, Some(1), "{}", ended.stdout);
        says(&ended.stdout, &[name, "is a symbolic link", "hint: "]);
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "{name}");
    }
}

/// Where the data lies is the owner's to say.
#[test]
fn a_root_that_is_a_symbolic_link_is_a_root() {
    let root = Root::new();
    let rows = drop_photos(&root, 1);
    let folder = tempfile::tempdir().unwrap();
    let linked = Root::at(&folder.path().join("linked"));
    std::os::unix::fs::symlink(root.path(), linked.path()).unwrap();
    linked.run_until_empty();
    assert_eq!(root.scans(), rows);
    assert_eq!(linked.ended(&["check"]).code, Some(0));
}
