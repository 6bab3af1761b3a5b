//! Photos that are written slowly, in place, under the eyes of the real binary: one file name, one photo's rows.

use std::fs::{File, OpenOptions};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{Root, photo};
use serde_json::json;

/// Longer than a file rests that is taken for finished.
const PAUSE: Duration = Duration::from_millis(1_500);

fn text(index: usize) -> String {
    format!("https://shop.example/p/{index}")
}

fn rows(count: usize) -> Vec<(String, String)> {
    (0..count).map(|index| (format!("{index}.jpg"), text(index))).collect()
}

fn first_half(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / 2]
}

fn second_half(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.len() / 2..]
}

/// Begins a file and leaves it open.
fn begin(path: &Path, bytes: &[u8]) -> File {
    let mut file = File::create(path).unwrap();
    file.write_all(first_half(bytes)).unwrap();
    file
}

fn assert_rows(root: &Root, expected: &[(String, String)]) {
    assert_eq!(root.scans(), expected);
    assert_eq!(root.rejections(), Vec::new());
    assert_eq!(root.depth(), (0, 0, 0));
}

#[test]
fn open_files_met_by_the_start_and_by_later_scans_are_read_once_and_whole() {
    const FILES: usize = 12;
    let root = Root::new();
    let path = |index: usize| root.inbox().join(format!("{index}.jpg"));
    let photos: Vec<Vec<u8>> = (0..FILES).map(|index| photo::jpeg(&text(index))).collect();
    // A burst of writers before the start, and one that had nothing written yet.
    let mut open: Vec<File> = photos[1..].iter().enumerate().map(|(at, bytes)| begin(&path(at + 1), bytes)).collect();
    open.insert(0, File::create(path(0)).unwrap());
    std::thread::sleep(PAUSE);
    let running = root.start(&["--set", "local.scan_seconds=1", "--set", "load.interval_ms=50"]);
    // The start's scan, then several of those in between, find all of them at rest.
    running.wait_for("inbox scanned");
    std::thread::sleep(PAUSE * 2);
    assert!(
        !root.file("warehouse.sqlite").try_exists().unwrap() || root.scans().is_empty(),
        "read before it was whole"
    );
    for (index, (file, bytes)) in open.iter_mut().zip(&photos).enumerate() {
        file.write_all(if index == 0 { bytes } else { second_half(bytes) }).unwrap();
    }
    drop(open);
    let mut expected = rows(FILES);
    expected.sort();
    running.wait_until("every photo's row", || root.scans().len() >= FILES);
    running.drained();
    assert_rows(&root, &expected);
}

#[test]
fn writers_that_outlive_a_moved_inbox_are_read_once_and_whole() {
    let root = Root::new();
    let running = root.start(&["--set", "local.scan_seconds=1"]);
    running.wait_for("inbox scanned");
    let moved = root.file("moved");
    std::fs::rename(root.inbox(), &moved).unwrap();
    running.wait_for("scanned instead of followed");
    std::fs::create_dir_all(root.inbox()).unwrap();
    let bytes = photo::jpeg(&text(0));
    let mut file = begin(&root.inbox().join("0.jpg"), &bytes);
    std::thread::sleep(PAUSE * 2);
    file.write_all(second_half(&bytes)).unwrap();
    drop(file);
    running.wait_until("the photo's row", || !root.scans().is_empty());
    running.drained();
    assert_rows(&root, &rows(1));
}

/// Writes `bytes` in parts, each in its own way, and closes the file between them, so that nobody can know it is half.
fn in_parts(path: &Path, bytes: &[u8], how: usize, pause: impl Fn()) {
    let create = || File::create(path).unwrap();
    let append = || OpenOptions::new().append(true).open(path).unwrap();
    match how % 5 {
        // Part by part, as some phones and clouds write.
        0 => {
            create().write_all(first_half(bytes)).unwrap();
            pause();
            append().write_all(second_half(bytes)).unwrap();
        }
        // The whole length first, as Windows does over the network.
        1 => {
            create().set_len(bytes.len() as u64).unwrap();
            pause();
            OpenOptions::new().write(true).open(path).unwrap().write_all(bytes).unwrap();
        }
        // The end before the beginning, as downloads in several streams may.
        2 => {
            let mut file = create();
            file.set_len(bytes.len() as u64).unwrap();
            file.seek(std::io::SeekFrom::Start(bytes.len() as u64 / 2)).unwrap();
            file.write_all(second_half(bytes)).unwrap();
            drop(file);
            pause();
            OpenOptions::new().write(true).open(path).unwrap().write_all(first_half(bytes)).unwrap();
        }
        // A copy that broke off and is made again.
        3 => {
            create().write_all(&bytes[..bytes.len() - 10]).unwrap();
            pause();
            create().write_all(bytes).unwrap();
        }
        // A copy that is replaced by the whole one.
        _ => {
            create().write_all(first_half(bytes)).unwrap();
            pause();
            // Others do the same beside it.
            let whole = path.with_file_name(format!(".{how}.whole"));
            std::fs::write(&whole, bytes).unwrap();
            std::fs::rename(&whole, path).unwrap();
        }
    }
}

#[test]
fn a_later_state_supersedes_what_was_read_of_an_earlier_one() {
    const FILES: usize = 10;
    let root = Root::new();
    let running = root.start(&["--set", "local.scan_seconds=1"]);
    running.wait_for("inbox scanned");
    let paths: Vec<PathBuf> = (0..FILES).map(|index| root.inbox().join(format!("{index}.jpg"))).collect();
    std::thread::scope(|scope| {
        for (index, path) in paths.iter().enumerate() {
            let (root, running) = (&root, &running);
            scope.spawn(move || {
                let of_this = format!("object_key = '{index}.jpg'");
                let sql =
                    format!("select 1 from scans where {of_this} union all select 1 from rejections where {of_this}");
                // Until what is there so far has been read: the worst pause there is.
                let pause = || running.wait_until("a row of the half", || !root.query(&sql).is_empty());
                in_parts(path, &photo::jpeg(&text(index)), index, pause);
            });
        }
    });
    running.wait_until("every photo's scan", || root.scans() == rows(FILES) && root.rejections().is_empty());
    running.drained();
    assert_rows(&root, &rows(FILES));
}

/// After a crash or the end of a lease, an announcement of what a name held before is read once more: as what the name
/// holds now, which is then announced twice.
#[test]
fn an_old_announcement_does_not_make_what_it_reads_old() {
    let put = |root: &Root, bytes: &[u8]| std::fs::write(root.inbox().join("0.jpg"), bytes).unwrap();
    let ten_minutes_ago = (jiff::Timestamp::now() - jiff::SignedDuration::from_mins(10)).as_nanosecond();
    let old = json!({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "eventTime": "2026-11-29T15:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "inbox"}, "object": {
            "key": "0.jpg", "eTag": "x", "sequencer": format!("{ten_minutes_ago:018X}")
        }}
    }]})
    .to_string();
    let (first, second, junk) = (photo::jpeg(&text(1)), photo::jpeg(&text(2)), b"junk".to_vec());
    let scan = |index| vec![("0.jpg".to_owned(), text(index))];
    // Side by side: most of each is waiting.
    std::thread::scope(|scope| {
        for (states, scans, rejections) in [
            ([&first, &second], scan(2), 0),
            ([&junk, &second], scan(2), 0),
            ([&first, &junk], Vec::new(), 1),
            ([&first, &first], scan(1), 0),
        ] {
            let old = &old;
            scope.spawn(move || {
                let root = Root::new();
                put(&root, states[0]);
                root.run_until_empty();
                root.send(std::slice::from_ref(old));
                put(&root, states[1]);
                // In the order of their messages, and into one batch.
                root.run_until_empty_with(&["--set", "batch.max_age_ms=2000"]);
                assert_eq!((root.scans(), root.rejections().len()), (scans, rejections), "{} bytes", states[1].len());
            });
        }
    });
}

#[test]
fn what_a_name_holds_last_stands_also_when_it_held_it_before() {
    let root = Root::new();
    let put = |text: &str| std::fs::write(root.inbox().join("0.jpg"), photo::jpeg(text)).unwrap();
    for payload in [text(1), text(2), text(1)] {
        put(&payload);
        root.run_until_empty();
        assert_eq!(root.scans(), [("0.jpg".to_owned(), payload)]);
    }
    // Each content a photo of its own, as in a bucket.
    put(&text(3));
    root.run_until_empty_with(&["--set", "local.overwrite=keep"]);
    assert_eq!(root.scans(), [("0.jpg".to_owned(), text(1)), ("0.jpg".to_owned(), text(3))]);
}
