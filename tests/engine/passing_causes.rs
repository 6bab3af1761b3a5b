//! Rejections whose cause passes, and processes that are suspended: the real binary on a folder, from outside.

use std::time::Duration;

use bytes::Bytes;
use image::{GrayImage, ImageFormat, Luma};
use rustix::process::Signal;
use scanmill::store::PutMode;
use serde_json::Value;

use crate::process::{Ended, Root, photo, runtime};

/// Nothing is announced by the engine.
const UNWATCHED: &[&str] = &["--set", "local.watch=false"];

fn text(key: &str) -> String {
    format!("https://shop.example/p/{key}")
}

/// Announces photos that are gone again before anybody reads them.
fn put_and_remove(root: &Root, keys: &[&str]) {
    let ports = root.ports();
    for key in keys {
        let bytes = Bytes::from(photo::jpeg(&text(key)));
        runtime().block_on(ports.store.put("inbox", key, bytes, PutMode::Overwrite)).unwrap();
        std::fs::remove_file(root.inbox().join(key)).unwrap();
    }
}

fn drop_again(root: &Root, key: &str) {
    root.drop_photo(key, &photo::jpeg(&text(key)));
}

fn json(ended: &Ended) -> Value {
    let last = ended.stdout.lines().last().unwrap_or_else(|| panic!("{}", ended.stderr));
    serde_json::from_str(last).unwrap()
}

fn rejected(root: &Root, keys: &[&str], reason: &str) {
    let expected: Vec<(String, String)> = keys.iter().map(|key| ((*key).to_owned(), reason.to_owned())).collect();
    assert_eq!(root.rejections(), expected);
}

#[test]
fn a_missing_photo_is_read_once_it_is_there_whoever_tells_of_it() {
    let root = Root::new();
    put_and_remove(&root, &["backfill", "dropped", "gaps", "start"]);
    root.run_until_empty();
    rejected(&root, &["backfill", "dropped", "gaps", "start"], "missing_object");
    // What is still missing is not a gap.
    assert_eq!(json(&root.ended(&["gaps", "--json", "--until", "0s"]))["unread"], 0);

    drop_again(&root, "backfill");
    let figures = json(&root.ended(&["backfill", "--json"]));
    assert_eq!((&figures["known"], &figures["rejected_for_now"], &figures["sent"]), (&0.into(), &1.into(), &1.into()));
    root.run_until_empty_with(UNWATCHED);
    rejected(&root, &["dropped", "gaps", "start"], "missing_object");

    drop_again(&root, "gaps");
    let listed = root.ended(&["gaps", "--until", "0s"]);
    assert!(listed.code == Some(1) && listed.stdout.contains("inbox/gaps  (missing_object)"), "{}", listed.stdout);
    let figures = json(&root.ended(&["gaps", "--json", "--until", "0s", "--enqueue"]));
    assert_eq!((&figures["known"], &figures["rejected_for_now"]), (&1.into(), &1.into()));
    root.run_until_empty_with(UNWATCHED);
    rejected(&root, &["dropped", "start"], "missing_object");

    drop_again(&root, "start");
    root.run_until_empty();
    rejected(&root, &["dropped"], "missing_object");

    // While an engine runs, a write is enough, also of the same bytes: announced and rejected in its own time too.
    let engine = root.start(&[]);
    drop_again(&root, "dropped");
    engine.wait_until("the dropped photo is read", || root.rejections().is_empty());
    engine.signal(Signal::STOP);
    put_and_remove(&root, &["live"]);
    engine.signal(Signal::CONT);
    engine.wait_until("its absence is noticed", || !root.rejections().is_empty());
    drop_again(&root, "live");
    engine.wait_until("it is read", || root.rejections().is_empty());
    engine.drained();

    let expected: Vec<(String, String)> =
        ["backfill", "dropped", "gaps", "live", "start"].iter().map(|key| ((*key).to_owned(), text(key))).collect();
    assert_eq!(root.scans(), expected);
    // All is final now: nothing is announced, sent or read again.
    assert_eq!(json(&root.ended(&["backfill", "--json"]))["sent"], 0);
    let ended = root.run_until_empty();
    assert!(!ended.stderr.contains("batch sealed"), "{}", ended.stderr);
    assert_eq!(root.scans(), expected);
}

#[test]
fn a_rejection_of_the_bytes_is_not_read_again() {
    let root = Root::new();
    root.drop_photo("a.txt", b"not a picture");
    root.run_until_empty();
    rejected(&root, &["a.txt"], "unsupported");
    root.drop_photo("a.txt", b"not a picture");
    assert_eq!(json(&root.ended(&["backfill", "--json"]))["known"], 1);
    let ended = root.run_until_empty();
    assert!(!ended.stderr.contains("batch sealed"), "{}", ended.stderr);
}

/// A large picture with one code in it: it takes a while to decode.
fn large(text: &str) -> Vec<u8> {
    let code = photo::picture(text);
    let noise = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503) ^ (x * y)) >> 7;
    let picture = GrayImage::from_fn(3_000, 2_500, |x, y| {
        let at = x.checked_sub(700).zip(y.checked_sub(600)).filter(|(x, y)| *x < code.width() && *y < code.height());
        at.map_or_else(|| Luma([120 + (noise(x, y) % 120) as u8]), |(x, y)| *code.get_pixel(x, y))
    });
    photo::encode(&picture, ImageFormat::Png)
}

#[test]
fn what_timed_out_is_read_with_a_larger_budget() {
    let root = Root::new();
    root.drop_photo("slow", &large(&text("slow")));
    let short = ["--set", "limits.photo_time_budget_ms=10"];
    root.run_until_empty_with(&short);
    rejected(&root, &["slow"], "timed_out");
    // In vain: still one rejection.
    assert_eq!(json(&root.ended(&["backfill", "--json"]))["sent"], 1);
    root.run_until_empty_with(&short);
    rejected(&root, &["slow"], "timed_out");
    let replayed = json(&root.ended(&["rejections", "replay", "--reason", "timed_out", "--json"]));
    assert_eq!(replayed["sent"], 1);
    root.run_until_empty_with(&["--set", "limits.photo_time_budget_ms=30000"]);
    assert_eq!(root.scans(), [("slow".to_owned(), text("slow"))]);
    assert_eq!(root.rejections(), []);
}

#[test]
fn a_suspended_process_reads_its_photos_all_the_same() {
    let root = Root::new();
    // A lease that outlasts all stops: only the decoder's clock is looked at.
    let long = ["queue.visibility_timeout_seconds=600", "limits.photo_time_budget_ms=1500", "queue.max_receives=1"];
    let keys: Vec<String> = (0..12).map(|index| format!("{index:02}")).collect();
    let bytes: Vec<Vec<u8>> = keys.iter().map(|key| large(&text(key))).collect();
    keys.iter().zip(&bytes).for_each(|(key, bytes)| root.drop_photo(key, bytes));
    let engine = root.start(&long.map(|pair| ["--set", pair]).concat());
    let decoded = || root.scans().len() + root.rejections().len();
    // The decoder is nearly always at a photo, so nearly every stop strikes one.
    for _ in 0..8 {
        std::thread::sleep(Duration::from_millis(400));
        engine.signal(Signal::STOP);
        std::thread::sleep(Duration::from_millis(1_800));
        engine.signal(Signal::CONT);
    }
    engine.wait_until("all are read", || decoded() == keys.len());
    engine.drained();
    assert_eq!(root.rejections(), []);
    let expected: Vec<(String, String)> = keys.iter().map(|key| (key.clone(), text(key))).collect();
    assert_eq!(root.scans(), expected);
}

#[test]
fn every_pump_keeps_its_answer_key() {
    let root = Root::new();
    let pump = |more: &[&str]| {
        let base = ["pump", "--no-faults", "--size", "small", "--no-wait", "--quiet", "--pictures", "1"];
        root.ended(&[&base, more].concat())
    };
    let verify = |more: &[&str]| {
        let ended = root.ended(&[&["verify", "--json"], more].concat());
        (json(&ended), ended.code)
    };
    assert_eq!(pump(&["--count", "20"]).code, Some(0));
    let first = std::fs::read(root.file("answer-key.jsonl")).unwrap();
    let second = pump(&["--count", "10"]);
    assert!(second.code == Some(0) && second.stdout.contains("answer-key-2.jsonl"), "{}", second.stdout);
    assert_eq!(std::fs::read(root.file("answer-key.jsonl")).unwrap(), first);
    let named = root.file("keys/one.jsonl");
    let named = named.to_str().unwrap();
    assert_eq!(pump(&["--count", "5", "--key-file", named]).code, Some(0));
    let again = pump(&["--count", "6", "--key-file", named]);
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert!(again.stderr.contains("there is an answer key") && again.stderr.contains("hint: "), "{}", again.stderr);
    let sent = root.ended(&["orchestrate", "--count", "6", "--key-file", named]);
    assert_eq!(sent.code, Some(2), "{}", sent.stderr);

    root.run_until_empty();
    let (figures, code) = verify(&[]);
    assert_eq!((&figures["photos"], &figures["lost"], code), (&30.into(), &0.into(), Some(0)), "{figures}");
    let (figures, code) = verify(&["--key", root.path().to_str().unwrap(), named]);
    assert_eq!((&figures["photos"], &figures["lost"], code), (&35.into(), &0.into(), Some(0)), "{figures}");
    assert_eq!((&figures["doubled"], &figures["wrong"]), (&0.into(), &0.into()));

    // The first pump's photos count.
    let connection = rusqlite::Connection::open(root.file("warehouse.sqlite")).unwrap();
    let sql = "delete from scans where object_key = (select min(object_key) from scans where object_key like '%-20-%')";
    assert_eq!(connection.execute(sql, []).unwrap(), 1);
    let (figures, code) = verify(&[]);
    assert_eq!((&figures["lost"], code), (&1.into(), Some(1)), "{figures}");

    // A pump that was killed leaves what it wrote, and the next one takes another name.
    let killed = root.file("answer-key-3.jsonl.partial");
    std::fs::write(&killed, "{").unwrap();
    assert!(pump(&["--count", "7"]).stdout.contains("answer-key-4.jsonl"));
    let ended = root.ended(&["verify"]);
    assert!(ended.stderr.contains("answer-key-3.jsonl` is not sealed"), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(killed).unwrap(), "{");
}

#[test]
fn a_photo_that_was_being_written_again_when_it_was_read_ends_as_itself() {
    let root = Root::new();
    let bytes = large(&text("rewritten"));
    let ports = root.ports();
    runtime().block_on(ports.store.put("inbox", "rewritten", Bytes::from(bytes.clone()), PutMode::Overwrite)).unwrap();
    // Announced whole, read half-way, and then what was announced.
    root.drop_photo("rewritten", &bytes[..bytes.len() / 20]);
    root.run_until_empty_with(UNWATCHED);
    rejected(&root, &["rewritten"], "truncated");
    root.drop_photo("rewritten", &bytes);
    root.run_until_empty();
    assert_eq!(root.scans(), [("rewritten".to_owned(), text("rewritten"))]);
    assert_eq!(root.rejections(), []);
}
