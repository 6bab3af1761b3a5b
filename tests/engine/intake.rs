//! What of the inbox is not read leaves a trace, and a filter that nothing passes is named.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use crate::process::{Root, photo};
use serde_json::Value;

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// An inbox with one photo, and one of everything that is none.
fn mixed() -> (Root, Vec<(&'static str, &'static str)>) {
    let root = Root::new();
    let bytes = photo::jpeg("https://shop.example/p/1");
    for key in
        ["a/good.jpg", ".hidden.jpg", "2026/@eaDir/thumb.jpg", "#recycle/old.jpg", "__MACOSX/._good.jpg", "raw/x.jpg"]
    {
        root.drop_photo(key, &bytes);
    }
    root.drop_photo("a/half.jpg.part", &bytes[..100]);
    symlink("good.jpg", root.inbox().join("a/link.jpg")).unwrap();
    symlink("/", root.inbox().join("linked")).unwrap();
    assert!(Command::new("mkfifo").arg(root.inbox().join("fifo.jpg")).status().unwrap().success());
    drop(std::os::unix::net::UnixListener::bind(root.inbox().join("socket")).unwrap());
    let odd = |name: &[u8]| root.inbox().join(std::ffi::OsStr::from_bytes(name));
    std::fs::write(odd(b"odd-\xff.jpg"), &bytes).unwrap();
    std::fs::write(odd(b"odd-\xfe.jpg"), &bytes).unwrap();
    let mut expected = vec![
        ("#recycle/", "excluded"),
        (".hidden.jpg", "hidden"),
        ("2026/@eaDir/", "excluded"),
        ("__MACOSX/", "excluded"),
        ("a/half.jpg.part", "excluded"),
        ("a/link.jpg", "symlink"),
        ("fifo.jpg", "fifo"),
        ("linked", "symlink"),
        ("odd-\\xfe.jpg", "not_utf8"),
        ("odd-\\xff.jpg", "not_utf8"),
        ("raw/", "excluded"),
        ("socket", "socket"),
    ];
    if !rustix::process::geteuid().is_root() {
        root.drop_photo("secret.jpg", &bytes);
        std::fs::set_permissions(root.inbox().join("secret.jpg"), PermissionsExt::from_mode(0o000)).unwrap();
        expected.push(("secret.jpg", "unreadable"));
    }
    (root, expected)
}

const EXCLUDE: &[&str] = &["--set", "filter.exclude=raw"];

#[test]
fn what_is_left_out_is_counted_shown_and_listed() {
    let (root, expected) = mixed();
    let running =
        root.start(&[EXCLUDE, &["--set", "metrics.listen=127.0.0.1:0", "--set", "local.scan_seconds=1"]].concat());
    running.wait_until("the good photo's row", || {
        running.said("batch sealed") && root.file("warehouse.sqlite").try_exists().unwrap() && root.scans().len() == 1
    });
    let page = running.word_after("page ");
    let address = page.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let count = |why: &str| expected.iter().filter(|(_, of)| *of == why).count();
    let metric = |why: &str| format!("scanmill_inbox_left_out{{reason=\"{why}\"}} {}", count(why));
    let all = ["symlink", "fifo", "socket", "not_utf8", "hidden", "excluded", "unreadable", "device", "too_long"];
    running.wait_until("the metrics", || {
        let metrics = get(&address, "/metrics");
        all.iter().all(|why| metrics.contains(&metric(why)))
    });
    let state: Value = serde_json::from_str(&get(&address, "/state")).unwrap();
    assert_eq!(state["inbox"]["left_out"]["symlink"], 2, "{state}");
    assert_eq!(state["inbox"]["examples"]["fifo.jpg"], "fifo");
    assert_eq!(state["inbox"]["examples"]["a/half.jpg.part"], Value::Null, "nobody need look at it");
    // What comes and goes while it runs.
    symlink("nowhere", root.inbox().join("late")).unwrap();
    std::fs::remove_file(root.inbox().join("linked")).unwrap();
    std::fs::remove_file(root.inbox().join("fifo.jpg")).unwrap();
    running.wait_until("the later scan", || get(&address, "/metrics").contains("{reason=\"fifo\"} 0"));
    assert!(get(&address, "/metrics").contains(&metric("symlink")), "one came and one went");
    running.drained();
    assert_eq!(root.scans(), [("a/good.jpg".to_owned(), "https://shop.example/p/1".to_owned())]);
    assert_eq!(root.rejections(), Vec::new());
}

#[test]
fn gaps_lists_what_is_left_out_each_once() {
    let (root, expected) = mixed();
    root.run_until_empty_with(EXCLUDE);
    let ended = root.ended(&[&["gaps", "--json", "--until", "2100-01-01T00:00:00Z"], EXCLUDE].concat());
    let mut lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = lines.pop().unwrap();
    let listed: Vec<(&str, &str)> =
        lines.iter().map(|line| (line["object_key"].as_str().unwrap(), line["why"].as_str().unwrap())).collect();
    assert_eq!(listed, expected);
    assert!(lines.iter().all(|line| line["kind"] == "left_out" && !line["detail"].as_str().unwrap().is_empty()));
    assert_eq!((&summary["objects"], &summary["unread"]), (&1.into(), &0.into()), "{summary}");
    assert_eq!(summary["left_out"], expected.len());
    assert_eq!(summary["not_compared"]["not_utf8"], 2);
    // A file that cannot be read may be a photo.
    let unreadable = expected.iter().any(|(_, why)| *why == "unreadable");
    assert_eq!(ended.code, Some(i32::from(unreadable)), "{}", ended.stderr);
    let text = root.ended(&[&["gaps", "--until", "0s"], EXCLUDE].concat());
    for part in ["left out: inbox/fifo.jpg  (fifo)", "left out because they are not objects", "symlink 2"] {
        assert!(text.stdout.contains(part), "`{part}` is missing in:\n{}", text.stdout);
    }
}

#[test]
fn filters_that_nothing_can_pass_are_refused_and_named() {
    let root = Root::new();
    for (set, key, hint) in [
        ("filter.suffixes=jpg png", "filter.suffixes", "separated by commas"),
        ("filter.suffixes=.jpg;.png", "filter.suffixes", "separated by commas"),
        ("filter.suffixes=*.jpg", "filter.suffixes", "without `*`"),
        ("filter.suffixes=/jpg", "filter.suffixes", "endings of file names"),
        ("filter.prefix=/up", "filter.prefix", "begins with a slash"),
        ("filter.prefix=a//b", "filter.prefix", "an empty name"),
        ("filter.prefix=./up", "filter.prefix", "begins with a dot"),
        ("filter.prefix=2026/@eaDir/", "filter.prefix", "leaves out"),
        ("filter.suffixes=..jpg", "filter.suffixes", "endings with a letter"),
        ("filter.suffixes=.part,.tmp", "filter.suffixes", "narrow filter.exclude"),
        ("filter.exclude=*", "filter.exclude", "name what is to be left out"),
        ("filter.exclude=**", "filter.exclude", "name what is to be left out"),
        ("filter.exclude=/raw", "filter.exclude", "begin without a slash"),
        ("filter.exclude=*.{jpg,png}", "filter.exclude", "instead of braces"),
    ] {
        for command in ["check", "run"] {
            let ended = root.ended(&[command, "--set", set]);
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert_eq!(ended.code, Some(if command == "check" { 1 } else { 2 }), "{command} {set}: {said}");
            assert!(said.contains(key) && said.contains(hint), "{command} {set}: {said}");
        }
    }
}

#[test]
fn a_name_of_odd_letters_is_read_and_is_one_line_for_people() {
    let root = Root::new();
    let names = ["new\nline.jpg", "colour\u{1b}[31m.jpg", "turned\u{202e}gpj.exe"];
    for name in names {
        root.drop_photo(name, &photo::jpeg(&format!("https://shop.example/p/{}", name.len())));
    }
    let listed = root.ended(&["gaps", "--until", "0s"]).stdout;
    assert_eq!(listed.lines().count(), names.len() + 1, "{listed}");
    assert!(!listed.contains(['\u{1b}', '\u{202e}']) && listed.contains(r"inbox/new\nline.jpg"), "{listed}");
    root.run_until_empty();
    assert_eq!(root.scans().len(), names.len());
}

#[test]
fn a_run_that_passes_everything_over_says_so() {
    let root = Root::new();
    for index in 0..12 {
        root.drop_photo(&format!("{index}.jpg"), &photo::jpeg("https://shop.example/p/1"));
    }
    for (set, why) in [("filter.suffixes=.heic", "filter.suffixes"), ("filter.prefix=up/", "filter.prefix")] {
        let check = root.ended(&["check", "--set", set]);
        let line = check.stdout.lines().find(|line| line.contains("filter ")).unwrap_or_default();
        assert!(line.starts_with("warn") && line.contains(why), "{}", check.stdout);
    }
    // What is meant as a pattern, or as the path of the inbox.
    for prefix in ["up/*", "up?", "up\\"] {
        let check = root.ended(&["check", "--set", &format!("filter.prefix={prefix}")]).stdout;
        assert!(check.contains("warn  configuration    filter.prefix"), "{check}");
    }
    let check = root.ended(&["check", "--set", "filter.prefix=inbox/"]);
    assert_eq!(check.code, Some(1), "{}", check.stdout);
    assert!(check.stdout.contains("holds nothing of that name"), "{}", check.stdout);
    let fits = root.ended(&["check", "--set", "filter.suffixes=.jpg"]).stdout;
    assert!(fits.contains("12 of the first 12 objects in the inbox pass it"), "{fits}");

    let typo = ["--set", "filter.suffixes=.jgp"];
    let ended = root.ended(&[&["run", "--until-empty"], &typo[..]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for part in
        ["none of the first 12 objects", "every photo so far was passed over", "passed over all 12 photos", "backfill"]
    {
        assert!(ended.stderr.contains(part), "`{part}` is missing in:\n{}", ended.stderr);
    }
    let gaps = root.ended(&[&["gaps", "--until", "0s"], &typo[..]].concat());
    for part in
        ["passed over: inbox/0.jpg  (it ends with none of filter.suffixes = `.jgp`)", "12 passed over", "suffix 12"]
    {
        assert!(gaps.stdout.contains(part), "`{part}` is missing in:\n{}", gaps.stdout);
    }
    // The remedy it names.
    assert_eq!(root.ended(&["backfill"]).code, Some(0));
    root.run_until_empty();
    assert_eq!(root.scans().len(), 12);
}

#[test]
fn an_inbox_that_is_moved_away_is_named_until_it_is_back() {
    let root = Root::new();
    let engine = root.start(&["--set", "metrics.listen=127.0.0.1:0"]);
    let address = engine.word_after("page http://");
    let ready = || crate::process::page(address.trim_end_matches('/'), "/readyz");
    engine.wait_until("ready", || ready().0 == 200);
    let away = root.file("moved-away");
    std::fs::rename(root.inbox(), &away).unwrap();
    engine.wait_until("not ready, with the reason and the remedy", || {
        let (status, reason) = ready();
        status == 503 && reason.contains("inbox cannot be listed") && reason.contains("move the inbox back")
    });
    assert!(!std::fs::exists(root.inbox()).unwrap(), "an empty inbox in its place would hide that");
    std::fs::rename(&away, root.inbox()).unwrap();
    engine.wait_for("the inbox is followed again");
    engine.wait_until("ready again", || ready().0 == 200);
    root.drop_photo("a.jpg", &photo::jpeg("https://shop.example/p/1"));
    engine.wait_until("its row", || root.scans().len() == 1);
    let ended = engine.drained();
    assert_eq!(ended.stderr.matches("cannot be listed; trying again").count(), 1, "{}", ended.stderr);
}

#[test]
fn without_a_file_descriptor_left_it_says_so_and_goes_on_once_there_are_some() {
    use rustix::process::{Resource, Rlimit};
    let root = Root::new();
    let engine = root.start(&[]);
    engine.wait_for("inbox scanned");
    let limit = |most| {
        let limit = Rlimit { current: Some(most), maximum: Some(1_024) };
        rustix::process::prlimit(Some(engine.pid()), Resource::Nofile, limit).unwrap();
    };
    limit(3);
    root.drop_photo("a.jpg", &photo::jpeg("https://shop.example/p/1"));
    engine.wait_for("LimitNOFILE");
    limit(1_024);
    engine.wait_until("its row", || root.scans().len() == 1);
    engine.drained();
}

/// Whoever waits for the last photo does not wait for the next load too; Redshift's interval is minutes.
#[test]
fn until_empty_does_not_wait_for_the_next_load() {
    let root = Root::new();
    root.drop_photo("a.jpg", &photo::jpeg("https://shop.example/p/1"));
    let ended = root.run_until_empty_with(&["--set", "load.interval_ms=3600000"]);
    assert_eq!(root.query("SELECT COUNT(*) FROM scans")[0][0].as_deref(), Some("1"), "{}", ended.stderr);
}
