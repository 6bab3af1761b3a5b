//! The SQLite queue: leases, redelivery, dead letters, long polls, and files that are not queues.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use scanmill::error::Class;
use scanmill::queue::LeaseRules;
use scanmill::queue::sqlite::{Notice, SqliteQueue};
use scanmill::queue::{Depth, Queue, ReceiptHandle};
use tokio::time::Instant;

const HOUR: Duration = Duration::from_secs(3600);
const NOW: Duration = Duration::ZERO;
/// Long enough that only a lost wake-up reaches it.
const LONG: Duration = Duration::from_secs(120);

fn open(folder: &Path, visibility_timeout: Duration, dead_letter_after: u32) -> SqliteQueue {
    SqliteQueue::open(&folder.join("queue.sqlite"), LeaseRules { visibility_timeout, dead_letter_after })
        .expect("opens")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn bodies(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

fn entries(keys: &[&str]) -> Vec<Notice> {
    keys.iter().map(|key| notice(key, key)).collect()
}

fn notice(object: &str, version: &str) -> Notice {
    Notice { object: object.into(), version: version.into(), sequencer: None, body: version.into() }
}

#[tokio::test]
async fn a_message_is_leased_extended_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), HOUR, 3);
    queue.send(&bodies(&["one", "zwei \0 \u{1F4F7}", "three"])).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), Depth { ready: 3, in_flight: 0, dead: 0 });

    let before = Instant::now();
    let first = queue.receive(2, NOW).await.unwrap();
    assert_eq!(first.iter().map(|m| m.body.as_str()).collect::<Vec<_>>(), ["one", "zwei \0 \u{1F4F7}"]);
    assert!(first.iter().all(|m| m.receive_count == 1));
    assert!(first.iter().all(|m| m.visible_again_at >= before + HOUR && m.visible_again_at <= Instant::now() + HOUR));
    assert_eq!(queue.depth().await.unwrap(), Depth { ready: 1, in_flight: 2, dead: 0 });

    // Zero gives back at once; the message comes again under a new handle, after what waited before it.
    let back = [first[0].receipt.clone()];
    assert!(queue.extend(&back, NOW).await.unwrap()[0].is_ok());
    let again = queue.receive(10, NOW).await.unwrap();
    assert_eq!(
        again.iter().map(|m| (m.body.as_str(), m.receive_count)).collect::<Vec<_>>(),
        [("three", 1), ("one", 2)]
    );
    assert_eq!(again[1].id, first[0].id);
    assert_ne!(again[1].receipt, first[0].receipt);

    // The stale handle does nothing, and says so; the others are not held up by it.
    let mixed = [first[0].receipt.clone(), first[1].receipt.clone(), ReceiptHandle("nonsense".into())];
    for _ in 0..2 {
        let extended = queue.extend(&mixed, HOUR).await.unwrap();
        assert_eq!(extended[0].as_ref().unwrap_err().class(), Class::Missing);
        assert!(extended[1].is_ok());
        assert_eq!(extended[2].as_ref().unwrap_err().class(), Class::Permanent);
    }
    for _ in 0..2 {
        let deleted = queue.delete(&mixed).await.unwrap();
        assert_eq!(deleted[0].as_ref().unwrap_err().class(), Class::Missing);
        assert!(deleted[1].is_ok(), "deleting twice is not a fault");
        assert_eq!(deleted[2].as_ref().unwrap_err().class(), Class::Permanent);
    }
    assert_eq!(queue.extend(&mixed[1..2], HOUR).await.unwrap()[0].as_ref().unwrap_err().class(), Class::Missing);

    let rest: Vec<_> = again.iter().map(|m| m.receipt.clone()).collect();
    assert!(queue.delete(&rest).await.unwrap().iter().all(Result::is_ok));
    assert_eq!(queue.depth().await.unwrap(), Depth::default());
    // Whose newer receive was deleted is deleted.
    assert!(queue.delete(&mixed[..1]).await.unwrap()[0].is_ok());
}

#[tokio::test]
async fn at_most_a_hundred_at_once_and_none_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), HOUR, 3);
    queue.send(&vec!["x".to_string(); 250]).await.unwrap();
    assert!(queue.receive(0, LONG).await.unwrap().is_empty());
    for expected in [100, 100, 50, 0] {
        assert_eq!(queue.receive(1_000, NOW).await.unwrap().len(), expected);
    }
    assert!(queue.delete(&[]).await.unwrap().is_empty());
    queue.send(&[]).await.unwrap();
}

#[tokio::test]
async fn an_expired_lease_is_handed_out_again() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), Duration::from_millis(20), 100);
    queue.send(&bodies(&["x"])).await.unwrap();
    let first = queue.receive(1, NOW).await.unwrap();
    // Nobody sends: the wait ends because the lease does.
    let second = queue.receive(1, LONG).await.unwrap();
    assert_eq!(second[0].receive_count, 2);
    assert_eq!(
        queue.delete(&[first[0].receipt.clone()]).await.unwrap()[0].as_ref().unwrap_err().class(),
        Class::Missing
    );
}

#[tokio::test]
async fn too_many_receives_end_among_the_dead_letters_and_can_be_driven_back() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), Duration::ZERO, 2);
    queue.send(&bodies(&["poison"])).await.unwrap();
    let mut last = None;
    for count in 1..=2 {
        let received = queue.receive(10, NOW).await.unwrap();
        assert_eq!(received[0].receive_count, count);
        last = received.into_iter().next();
    }
    assert!(queue.receive(10, NOW).await.unwrap().is_empty());
    assert_eq!(queue.depth().await.unwrap(), Depth { ready: 0, in_flight: 0, dead: 1 });
    let dead = queue.dead_letters(10).await.unwrap();
    assert_eq!((dead.len(), dead[0].body.as_str(), dead[0].receive_count), (1, "poison", 2));
    assert!(dead[0].dead_at >= dead[0].sent_at);
    assert!(queue.dead_letters(0).await.unwrap().is_empty());
    let stale = [last.unwrap().receipt];
    assert_eq!(queue.delete(&stale).await.unwrap()[0].as_ref().unwrap_err().class(), Class::Missing);

    assert_eq!(queue.redrive().await.unwrap(), 1);
    assert_eq!(queue.delete(&stale).await.unwrap()[0].as_ref().unwrap_err().class(), Class::Missing);
    let again = queue.receive(10, NOW).await.unwrap();
    assert_eq!((again[0].receive_count, again[0].id.as_str()), (1, dead[0].id.as_str()));
    assert_eq!(queue.depth().await.unwrap().dead, 0);
}

#[tokio::test]
async fn dead_letters_do_not_hide_the_living() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), Duration::ZERO, 1);
    queue.send(&vec!["old".to_string(); 25]).await.unwrap();
    for _ in 0..3 {
        queue.receive(10, NOW).await.unwrap();
    }
    queue.send(&bodies(&["new"])).await.unwrap();
    // One call buries what is dead and goes on to what is not, even without time to wait.
    let mut seen = Vec::new();
    while let Some(message) = queue.receive(1, NOW).await.unwrap().pop() {
        seen.push(message.body);
    }
    assert_eq!(seen.last().map(String::as_str), Some("new"));
    assert_eq!(queue.depth().await.unwrap(), Depth { ready: 0, in_flight: 0, dead: 26 });
}

#[tokio::test]
async fn announcements_are_recorded_with_their_messages() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), HOUR, 3);
    assert_eq!(queue.send_announced(&entries(&["a", "b", "a"]), true).await.unwrap(), 2);
    assert_eq!(queue.send_announced(&entries(&["b", "c"]), true).await.unwrap(), 1);
    assert_eq!(queue.send_announced(&entries(&["a"]), false).await.unwrap(), 1, "an upload always sends");
    drop(queue);
    let queue = open(folder.path(), HOUR, 3);
    assert_eq!(queue.send_announced(&entries(&["a", "b", "c"]), true).await.unwrap(), 0);
    assert_eq!(queue.depth().await.unwrap().ready, 4);
}

#[tokio::test]
async fn a_version_that_comes_back_after_another_is_announced_again() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), HOUR, 3);
    for (object, version, sent) in
        [("a", "x", 1), ("a", "x", 0), ("a", "y", 1), ("a", "x", 1), ("a", "x", 0), ("b", "x", 0)]
    {
        let queued = queue.send_announced(&[notice(object, version)], true).await.unwrap();
        assert_eq!(queued, sent, "{object} {version}");
    }
}

#[tokio::test]
async fn a_file_of_the_version_before_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), HOUR, 3));
    let file = rusqlite::Connection::open(folder.path().join("queue.sqlite")).unwrap();
    // What version 1 had.
    file.execute_batch(
        "DROP TRIGGER message_sent; DROP TRIGGER message_gone; DROP TRIGGER dead_letter_made; DROP TRIGGER dead_letter_gone;
         DROP TABLE counts; DROP TABLE objects; ALTER TABLE messages DROP COLUMN lease_us; PRAGMA user_version = 1;
         INSERT INTO announced (version, announced_us) VALUES ('x', 0);
         INSERT INTO messages (body, sent_us, visible_us) VALUES ('waiting', 0, 0);",
    )
    .unwrap();
    drop(file);
    let queue = open(folder.path(), HOUR, 3);
    assert_eq!(queue.send_announced(&[notice("a", "x")], true).await.unwrap(), 0, "announced before");
    assert_eq!(queue.send_announced(&[notice("a", "y"), notice("a", "x")], true).await.unwrap(), 2);
    assert_eq!(queue.depth().await.unwrap().ready, 3);
    let late = Notice { sequencer: Some("00F0".into()), ..notice("c", "z") };
    queue.send_announced(&[late, Notice { sequencer: Some("00A0".into()), ..notice("d", "z2") }], true).await.unwrap();
    assert_eq!(queue.newest_sequencer().unwrap().as_deref(), Some("00F0"));
}

#[tokio::test]
async fn a_waiting_receive_hears_its_own_handle_and_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), HOUR, 3);
    let other = open(folder.path(), HOUR, 3);
    let leased = {
        queue.send(&bodies(&["given back"])).await.unwrap();
        queue.receive(1, NOW).await.unwrap().remove(0).receipt
    };
    for round in 0..4 {
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.receive(1, LONG).await }
        });
        tokio::task::yield_now().await;
        match round {
            0 => queue.send(&bodies(&["mine"])).await.unwrap(),
            1 => other.send(&bodies(&["theirs"])).await.unwrap(),
            2 => assert_eq!(other.send_announced(&entries(&["k"]), true).await.unwrap(), 1),
            _ => assert!(other.extend(std::slice::from_ref(&leased), NOW).await.unwrap()[0].is_ok()),
        }
        let started = Instant::now();
        assert_eq!(waiting.await.unwrap().unwrap().len(), 1, "round {round}");
        assert!(started.elapsed() < LONG);
    }
}

#[tokio::test]
async fn a_receive_dropped_at_any_moment_loses_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), HOUR, 3);
    queue.send(&vec!["x".to_string(); 40]).await.unwrap();
    let mut deleted = 0;
    for round in 0..400_u64 {
        let wait = Duration::from_micros(round % 37 * 20);
        if let Ok(received) = tokio::time::timeout(wait, queue.receive(1, NOW)).await {
            for message in received.unwrap() {
                assert_eq!(message.receive_count, 1, "a receive nobody took is not a receive");
                assert!(queue.delete(&[message.receipt]).await.unwrap()[0].is_ok());
                deleted += 1;
            }
        }
    }
    // What was cut off came back by itself: all forty are found without any lease ending.
    while deleted < 40 {
        let received = queue.receive(10, LONG).await.unwrap();
        assert!(!received.is_empty());
        deleted += received.len();
        queue.delete(&received.into_iter().map(|m| m.receipt).collect::<Vec<_>>()).await.unwrap();
    }
    assert_eq!(queue.depth().await.unwrap(), Depth::default());
}

#[test]
fn many_handles_share_the_work_and_each_message_goes_to_one() {
    const SENDERS: usize = 3;
    const EACH: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let seen = Mutex::new(Vec::new());
    // All open the same new file at once.
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let path = folder.path();
            scope.spawn(move || {
                let queue = open(path, HOUR, 3);
                for message in 0..EACH {
                    let key = format!("{sender}/{message}");
                    runtime().block_on(queue.send_announced(&entries(&[&key]), true)).unwrap();
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                let queue = open(folder.path(), HOUR, 3);
                while seen.lock().unwrap().len() < SENDERS * EACH {
                    let received = runtime().block_on(queue.receive(10, Duration::from_millis(20))).unwrap();
                    let receipts: Vec<_> = received.iter().map(|m| m.receipt.clone()).collect();
                    assert!(runtime().block_on(queue.delete(&receipts)).unwrap().iter().all(Result::is_ok));
                    seen.lock().unwrap().extend(received.into_iter().map(|m| m.body));
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.len(), SENDERS * EACH);
    assert_eq!(seen.into_iter().collect::<HashSet<_>>().len(), SENDERS * EACH);
}

#[test]
fn a_new_file_may_be_opened_by_many_at_once() {
    for _ in 0..25 {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let queue = open(folder.path(), HOUR, 3);
                    runtime().block_on(queue.send_announced(&entries(&["k"]), true)).unwrap();
                });
            }
        });
        assert_eq!(runtime().block_on(open(folder.path(), HOUR, 3).depth()).unwrap().ready, 1);
    }
}

#[test]
fn files_that_are_no_queue_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let options = LeaseRules { visibility_timeout: HOUR, dead_letter_after: 3 };
    let make = |name: &str, sql: &str| {
        let path = folder.path().join(name);
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        path
    };
    let text = folder.path().join("text");
    std::fs::write(&text, "this is not a database at all, however long one reads on in it. ".repeat(100)).unwrap();
    open(folder.path(), HOUR, 3);
    let newer = folder.path().join("queue.sqlite");
    rusqlite::Connection::open(&newer).unwrap().execute_batch("PRAGMA user_version = 7").unwrap();

    for (path, says) in [
        (make("other", "CREATE TABLE t (a)"), "not a scanmill queue"),
        (make("marked", "PRAGMA application_id = 5"), "not a scanmill queue"),
        (text, "is damaged or is not a queue"),
        (newer, "schema version 7, this scanmill knows version 4"),
        (folder.path().to_owned(), "cannot be opened"),
        (folder.path().join("absent/queue.sqlite"), "cannot be opened"),
    ] {
        let before = std::fs::read(&path).ok();
        let error = SqliteQueue::open(&path, options).err().expect("refused");
        assert_eq!(error.class(), Class::Permanent, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        assert!(error.hint_text().is_some(), "{error}");
        assert_eq!(std::fs::read(&path).ok(), before);
    }
    let never = LeaseRules { dead_letter_after: 0, ..options };
    assert_eq!(SqliteQueue::open(&folder.path().join("q"), never).err().unwrap().class(), Class::Permanent);
}

#[tokio::test]
async fn a_locked_file_is_transient_and_nothing_is_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), HOUR, 3);
    queue.send(&bodies(&["x"])).await.unwrap();
    queue.set_busy_timeout(Duration::from_millis(20)).unwrap();
    let holder = rusqlite::Connection::open(folder.path().join("queue.sqlite")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    for error in [
        queue.send(&bodies(&["y"])).await.unwrap_err(),
        queue.receive(1, NOW).await.unwrap_err(),
        queue.send_announced(&entries(&["k"]), true).await.unwrap_err(),
    ] {
        assert_eq!(error.class(), Class::Transient);
        assert!(error.to_string().contains("queue.sqlite` is locked"), "{error}");
    }
    assert_eq!(queue.depth().await.unwrap().ready, 1, "readers are not kept out");
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(queue.send_announced(&entries(&["k"]), true).await.unwrap(), 1);
    assert_eq!(queue.depth().await.unwrap().ready, 2);
}

/// What the file says while no queue looks at it.
fn edit(folder: &Path, sql: &str) {
    rusqlite::Connection::open(folder.join("queue.sqlite")).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_back_hides_nothing_for_longer_than_its_lease() {
    const AHEAD: &str = "UPDATE messages SET visible_us = visible_us + 7200000000";
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), HOUR, 5);
    queue.send(&bodies(&["sent", "given back", "leased by somebody who died"])).await.unwrap();
    let received = queue.receive(10, Duration::ZERO).await.unwrap();
    assert_eq!(received.len(), 3);
    let receipts: Vec<ReceiptHandle> = received.iter().map(|message| message.receipt.clone()).collect();
    assert!(queue.put_back(&receipts[..1]).await.unwrap()[0].is_ok());
    assert!(queue.extend(&receipts[1..2], Duration::from_secs(2)).await.unwrap()[0].is_ok());
    // Two hours back, seen by the process that runs on, and by one that starts afterwards.
    for _ in 0..2 {
        edit(folder.path(), AHEAD);
        let queue = open(folder.path(), HOUR, 5);
        let again = queue.receive(10, Duration::ZERO).await.unwrap();
        assert_eq!(again.len(), 1, "what is leased to nobody is there at once");
        assert_eq!(
            (again[0].body.as_str(), again[0].receive_count),
            ("sent", 1),
            "put back, the receive did not count"
        );
        assert!(queue.put_back(&[again[0].receipt.clone()]).await.unwrap()[0].is_ok());
    }
    edit(folder.path(), AHEAD);
    let mut found = queue.receive(10, Duration::ZERO).await.unwrap();
    found.extend(queue.receive(10, Duration::from_secs(10)).await.unwrap());
    let found: Vec<&str> = found.iter().map(|message| message.body.as_str()).collect();
    assert_eq!(found, ["sent", "given back"], "the second after its two seconds, the third keeps its hour");
    let hidden: i64 = rusqlite::Connection::open(folder.path().join("queue.sqlite"))
        .unwrap()
        .query_row("SELECT max(visible_us) FROM messages", [], |row| row.get(0))
        .unwrap();
    let ahead = Duration::from_micros((hidden - jiff::Timestamp::now().as_microsecond()).cast_unsigned());
    assert!(ahead <= HOUR + Duration::from_secs(1), "{ahead:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_lease_of_another_engine_is_not_cut_short_by_a_shorter_one() {
    let folder = tempfile::tempdir().unwrap();
    let (long, short) = (open(folder.path(), 10 * HOUR, 5), open(folder.path(), Duration::from_secs(1), 5));
    long.send(&bodies(&["one"])).await.unwrap();
    assert_eq!(long.receive(1, Duration::ZERO).await.unwrap().len(), 1);
    assert!(short.receive(1, Duration::from_millis(1_500)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_the_first_version_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    edit(
        folder.path(),
        "CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, sent_us INTEGER NOT NULL, \
         visible_us INTEGER NOT NULL, receive_count INTEGER NOT NULL DEFAULT 0, receipt INTEGER) STRICT; \
         CREATE INDEX messages_by_visible ON messages (visible_us, id); \
         CREATE TABLE dead_letters (id INTEGER PRIMARY KEY, body TEXT NOT NULL, sent_us INTEGER NOT NULL, \
         receive_count INTEGER NOT NULL, dead_us INTEGER NOT NULL) STRICT; \
         CREATE TABLE announced (version TEXT PRIMARY KEY, announced_us INTEGER NOT NULL) STRICT, WITHOUT ROWID; \
         INSERT INTO messages (body, sent_us, visible_us) VALUES ('waits', 1, 1); \
         INSERT INTO messages (body, sent_us, visible_us, receive_count, receipt) \
         SELECT 'leased', 1, (unixepoch() + 3600) * 1000000, 1, 7; \
         INSERT INTO dead_letters VALUES (9, 'dead', 1, 25, 2); \
         PRAGMA application_id = 1397575985; PRAGMA user_version = 1;",
    );
    let queue = open(folder.path(), HOUR, 5);
    let received = queue.receive(10, Duration::ZERO).await.unwrap();
    assert_eq!(received.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["waits"]);
    assert_eq!(queue.depth().await.unwrap(), Depth { ready: 0, in_flight: 2, dead: 1 });
    // And a second time, by the version it has now.
    drop(open(folder.path(), HOUR, 5));
}
