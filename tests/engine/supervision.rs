//! What service managers, log collectors and operators rely on: restarts after a crash, notifications, exit codes, JSON,
//! private files, dead letters.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use scanmill::queue::LeaseRules;
use scanmill::queue::Queue;
use scanmill::queue::sqlite::SqliteQueue;
use serde_json::Value;

use crate::process::{Root, Running, photo, runtime};

/// Leases far longer than any test, and batches that only a drain seals.
const HOLDING: &[&str] = &[
    "--set",
    "queue.visibility_timeout_seconds=3600",
    "--set",
    "batch.max_age_ms=600000",
    "--set",
    "run.drain_seconds=0",
];

fn drop_photos(root: &Root, count: usize) {
    for number in 0..count {
        root.drop_photo(&format!("{number}.jpg"), &photo::jpeg(&format!("https://shop.example/p/{number}")));
    }
}

/// Photos of the inbox that were found so far.
fn announced(root: &Root) -> i64 {
    let queue = rusqlite::Connection::open(root.file("queue.sqlite")).unwrap();
    queue.query_row("SELECT count(*) FROM announced", [], |row| row.get(0)).unwrap()
}

#[test]
fn what_a_killed_engine_had_leased_is_received_again_at_once() {
    let root = Root::new();
    let killed = root.start(HOLDING);
    drop_photos(&root, 5);
    killed.wait_until("all in flight", || root.depth() == (0, 5, 0));
    // While it lives nothing is taken from it.
    let beside = root.start(&[]);
    let line = beside.line_with("another engine is at work on this root");
    assert!(line.contains("messages=5") && line.contains("until="), "{line}");
    assert!(line.contains(&format!("pid={}", killed.pid().as_raw_nonzero())), "{line}");
    assert_eq!(root.depth(), (0, 5, 0));
    beside.drained();
    killed.signal(Signal::KILL);
    killed.ended();
    let ended = root.run_until_empty();
    assert!(ended.stderr.contains("received again at once"), "{}", ended.stderr);
    assert_eq!(root.scans().len(), 5);
}

#[test]
fn what_a_killed_engine_had_sealed_is_loaded_by_the_next_start() {
    // So long between two loads that only what is adopted at the start is loaded in time.
    const SELDOM: &[&str] = &["--set", "load.interval_ms=3600000"];
    let root = Root::new();
    let killed = root.start(SELDOM);
    drop_photos(&root, 3);
    killed.wait_until("all durable", || announced(&root) == 3 && root.depth() == (0, 0, 0));
    killed.signal(Signal::KILL);
    killed.ended();
    assert_eq!(root.scans().len(), 0);
    let next = root.start(SELDOM);
    next.wait_for("adopted sealed batches");
    next.wait_until("loaded", || root.scans().len() == 3);
    next.drained();
}

#[test]
fn systemd_hears_that_it_is_ready_what_it_does_and_that_it_stops() {
    let root = Root::new();
    let path = root.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let mut command = root.command(&["run"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "3000000");
    let engine = Running::start(command);
    let until = |wanted: &str| {
        let mut heard = Vec::new();
        while !heard.iter().any(|line: &String| line.contains(wanted)) {
            let mut bytes = [0; 4096];
            let count = socket.recv(&mut bytes).unwrap_or_else(|error| panic!("no {wanted}: {error}: {heard:?}"));
            heard.extend(String::from_utf8_lossy(&bytes[..count]).lines().map(str::to_owned));
        }
        heard
    };
    let heard = until("READY=1");
    assert!(heard.iter().any(|line| line.starts_with("STATUS=running")), "{heard:?}");
    until("WATCHDOG=1");
    engine.signal(Signal::TERM);
    until("STOPPING=1");
    assert_eq!(engine.ended().code, Some(0));
}

fn all_json(stderr: &str) -> Vec<Value> {
    let parse = |line: &str| -> Value {
        let value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\nof:\n{stderr}"));
        assert!(matches!(&value, Value::Object(fields) if fields.contains_key("message")), "{line}");
        value
    };
    stderr.lines().map(parse).collect()
}

#[test]
fn with_json_logs_every_line_on_stderr_is_an_object() {
    let root = Root::new();
    drop_photos(&root, 2);
    root.send(&["no notification".to_owned()]);
    let json = ["--set", "log.format=json"];
    let ended = root.run_until_empty_with(&[&json[..], &["--metrics", "127.0.0.1:0"]].concat());
    let lines = all_json(&ended.stderr);
    assert!(lines.iter().any(|line| line["message"] == "pipeline started"), "{}", ended.stderr);
    // What is wrong with the settings is told before there is a log, and errors after it.
    let ended = root.ended(&["report", "--set", "log.format=json", "--set", "batch.max_rows=none"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert_eq!(all_json(&ended.stderr).len(), 1, "{}", ended.stderr);
    let ended = Root::at(Path::new("/nowhere")).ended(&["report", "--set", "log.format=json"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let last = all_json(&ended.stderr).pop().unwrap();
    assert_eq!(last["level"], "ERROR");
    assert!(last["hint"].as_str().is_some_and(|hint| hint.contains("--root")), "{last}");
    // Of commands that need no settings too.
    for arguments in [&["pump", "report", "/nowhere"][..], &["man", "/nowhere"]] {
        let mut command = crate::process::scanmill();
        command.args(arguments).args(["--set", "log.format=json"]);
        let ended = Running::start(command).ended();
        assert_eq!((ended.code, all_json(&ended.stderr).len()), (Some(3), 1), "{}", ended.stderr);
    }
    // And what is wrong with the arguments, also where a file says how to tell it, and where they are no text.
    let file = root.file("scanmill.toml");
    std::fs::write(&file, "[log]\nformat = 'json' # for the collector\n").unwrap();
    for wrong in [OsStr::new("--no-such-thing"), OsStr::from_bytes(b"--no-such-\xff")] {
        let mut command = crate::process::scanmill();
        command.arg("run").arg("--config").arg(&file).arg(wrong);
        let ended = Running::start(command).ended();
        assert_eq!((ended.code, all_json(&ended.stderr).len()), (Some(2), 1), "{}", ended.stderr);
    }
    let mut command = crate::process::scanmill();
    command.args(["run", "--no-such-thing"]).env("SCANMILL_LOG_FORMAT", "json");
    let ended = Running::start(command).ended();
    assert_eq!(ended.code, Some(2));
    assert!(all_json(&ended.stderr)[0]["message"].as_str().unwrap().contains("--no-such-thing"), "{}", ended.stderr);
}

/// The pairs of a line of logfmt, by the grammar of go-logfmt.
fn logfmt(line: &str) -> Vec<(String, String)> {
    let (mut pairs, mut rest) = (Vec::new(), line);
    while !rest.is_empty() {
        let (key, behind) = rest.split_once('=').unwrap_or_else(|| panic!("no pair in `{rest}` of `{line}`"));
        assert!(!key.is_empty() && !key.contains([' ', '"']), "`{key}` in `{line}`");
        let end = match behind.starts_with('"') {
            false => behind.find(' ').unwrap_or(behind.len()),
            true => (1..).find(|at| behind[*at..].starts_with('"') && !behind[..*at].ends_with('\\')).unwrap() + 1,
        };
        let value = if behind.starts_with('"') {
            serde_json::from_str(&behind[..end]).unwrap()
        } else {
            behind[..end].to_owned()
        };
        pairs.push((key.to_owned(), value));
        rest = behind[end..].trim_start();
    }
    pairs
}

#[test]
fn with_logfmt_every_line_on_stderr_is_pairs() {
    let root = Root::new();
    drop_photos(&root, 2);
    root.send(&["no notification".to_owned()]);
    let all = |stderr: &str| stderr.lines().map(logfmt).collect::<Vec<_>>();
    let lines = all(&root.run_until_empty_with(&["--set", "log.format=logfmt", "--metrics", "127.0.0.1:0"]).stderr);
    for pairs in &lines {
        assert_eq!(pairs.iter().take(3).map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["ts", "level", "msg"]);
    }
    assert!(lines.iter().any(|pairs| pairs[2].1 == "pipeline started"), "{lines:?}");
    // What is wrong with settings, places and arguments.
    let ended = root.ended(&["report", "--set", "log.format=logfmt", "--set", "batch.max_rows=none"]);
    assert_eq!((ended.code, all(&ended.stderr).len()), (Some(2), 1), "{}", ended.stderr);
    let ended = Root::at(Path::new("/nowhere")).ended(&["report", "--set", "log.format=logfmt"]);
    let last = all(&ended.stderr).pop().unwrap();
    assert!(last.iter().any(|(key, value)| key == "hint" && value.contains("--root")), "{last:?}");
    let ended = root.ended(&["run", "--no-such-thing", "--set=log.format=logfmt"]);
    assert!(all(&ended.stderr)[0][2].1.contains("--no-such-thing"), "{}", ended.stderr);
}

fn modes(folder: &Path, found: &mut Vec<(String, u32)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let metadata = entry.metadata().unwrap();
        found.push((entry.path().display().to_string(), metadata.permissions().mode() & 0o777));
        if metadata.is_dir() {
            modes(&entry.path(), found);
        }
    }
}

#[test]
fn what_it_makes_is_private_unless_the_settings_say_otherwise() {
    for (more, allowed) in [(&[][..], 0o700), (&["--set", "local.umask=027"][..], 0o750)] {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(&folder.path().join("root"));
        root.run_until_empty_with(more);
        let root_mode = std::fs::metadata(root.path()).unwrap().permissions().mode() & 0o777;
        assert_eq!(root_mode, allowed);
        let mut found = Vec::new();
        modes(root.path(), &mut found);
        assert!(found.len() > 3, "{found:?}");
        assert!(found.iter().all(|(_, mode)| mode & !allowed == 0), "{found:#?}");
        let is_readable = found.iter().any(|(path, mode)| path.ends_with("warehouse.sqlite") && mode & 0o040 != 0);
        assert_eq!(is_readable, allowed == 0o750, "{found:#?}");
    }
}

#[test]
fn dead_letters_of_the_embedded_queue_are_listed_and_sent_back() {
    let root = Root::new();
    let options = LeaseRules { visibility_timeout: Duration::ZERO, dead_letter_after: 1 };
    let queue = SqliteQueue::open(&root.file("queue.sqlite"), options).unwrap();
    runtime().block_on(async {
        queue.send(&["the message".to_owned()]).await.unwrap();
        assert_eq!(queue.receive(1, Duration::from_secs(10)).await.unwrap().len(), 1);
        assert!(queue.receive(1, Duration::ZERO).await.unwrap().is_empty());
    });
    assert_eq!(root.depth(), (0, 0, 1));
    let told = |arguments: &[&str]| {
        let ended = root.ended(&[&["queue", "dead"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    };
    assert!(told(&["list"]).contains("the message"));
    let line: Value = serde_json::from_str(&told(&["list", "--json"])).unwrap();
    assert_eq!((&line["body"], &line["receive_count"]), (&"the message".into(), &1.into()));
    assert!(told(&["redrive", "--dry-run"]).starts_with("1 dead letter would"));
    assert_eq!(root.depth(), (0, 0, 1));
    assert!(told(&["redrive"]).starts_with("1 dead letter went"));
    assert_eq!(root.depth(), (1, 0, 0));
    assert_eq!(told(&["list"]), "no dead letters\n");
    let ended = Root::at(&root.path().join("nowhere")).ended(&["queue", "dead", "list"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
}

#[test]
fn a_backup_of_a_working_engine_restores_to_the_same_rows() {
    let root = Root::new();
    let engine = root.start(&["--set", "load.interval_ms=60000"]);
    drop_photos(&root, 6);
    // All were found, and none is left: each was deleted once its batch was durable.
    engine.wait_until("all durable", || announced(&root) == 6 && root.depth() == (0, 0, 0));
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let ended = root.ended(&["backup", copy.to_str().unwrap(), "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let again = root.ended(&["backup", copy.to_str().unwrap()]);
    assert!(again.code == Some(3) && again.stderr.contains("is there already"), "{}", again.stderr);
    engine.drained();
    let restored = Root::at(&folder.path().join("restored"));
    let ended = restored.ended(&["restore", copy.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let ended = restored.ended(&["restore", copy.to_str().unwrap()]);
    assert!(ended.code == Some(3) && ended.stderr.contains("is there already"), "{}", ended.stderr);
    restored.run_until_empty();
    assert_eq!(restored.scans(), root.scans());
    assert_eq!(restored.scans().len(), 6);
    // A folder without its note is half a backup.
    std::fs::remove_file(copy.join("backup.json")).unwrap();
    let ended = Root::at(&folder.path().join("other")).ended(&["restore", copy.to_str().unwrap()]);
    assert!(ended.code == Some(3) && ended.stderr.contains("backup.json"), "{}", ended.stderr);
}

#[test]
fn lines_that_were_held_back_are_counted_before_the_end() {
    let root = Root::new();
    root.send(&vec!["no notification".to_owned(); 40]);
    let ended = root.run_until_empty();
    let lines: Vec<&str> = ended.stderr.lines().filter(|line| line.contains("no notification")).collect();
    assert!(lines.len() < 5, "{}", ended.stderr);
    assert!(ended.stderr.contains("more_like_it=39"), "{}", ended.stderr);
}
