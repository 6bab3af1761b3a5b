//! Files and messages that are not photos, or no longer.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

use jiff::Timestamp;
use scanmill::domain::PhotoRef;
use scanmill::domain::notification::s3_event;
use scanmill::store::PutMode;

use super::{drop_photos, says};
use crate::process::{Root, Running, photo, runtime};

fn event(bucket: &str, key: &str) -> String {
    let (bucket, key) = (bucket.to_owned(), key.to_owned());
    let photo = PhotoRef {
        bucket,
        key,
        version_id: None,
        etag: Some("0".repeat(32)),
        size_bytes: Some(10),
        sequencer: None,
        uploaded_at: None,
    };
    s3_event(&photo, Timestamp::now())
}

fn rejected(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(key, reason)| ((*key).to_owned(), (*reason).to_owned())).collect()
}

/// A PNG that says it is 60,000 pixels wide and high, in 70 bytes.
fn png_bomb() -> Vec<u8> {
    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let mut crc = flate2::Crc::new();
        crc.update(kind);
        crc.update(data);
        [&(data.len() as u32).to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
    }
    let side = 60_000_u32.to_be_bytes();
    let header = [&side[..], &side, &[8, 2, 0, 0, 0]].concat();
    let mut pixels = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut pixels, &[0; 64]).unwrap();
    let pixels = pixels.finish().unwrap();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &header), &chunk(b"IDAT", &pixels), &chunk(b"IEND", b"")].concat()
}

#[test]
fn what_is_no_photo_is_a_rejection_or_a_line_and_never_in_the_way() {
    let root = Root::new();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.jpg");
    std::fs::write(&secret, photo::jpeg("https://secret.example/")).unwrap();
    root.drop_photo("a/good.jpg", &photo::jpeg("https://shop.example/p/1"));
    root.drop_photo("folder.jpg/inner.jpg", &photo::jpeg("https://shop.example/p/2"));
    root.drop_photo("bomb.png", &png_bomb());
    root.drop_photo("zero.jpg", b"");
    root.drop_photo("zip.jpg", b"PK\x03\x04\x14\0\0\0\x08\0 a zip by another name");
    root.drop_photo(".hidden.jpg", &photo::jpeg("https://hidden.example/"));
    assert!(Command::new("mkfifo").arg(root.inbox().join("fifo.jpg")).status().unwrap().success());
    symlink(&secret, root.inbox().join("link.jpg")).unwrap();
    symlink(outside.path(), root.inbox().join("linked")).unwrap();
    symlink("nowhere", root.inbox().join("dangling.jpg")).unwrap();
    let odd_name = root.inbox().join(std::ffi::OsStr::from_bytes(b"odd-\xff.jpg"));
    std::fs::write(&odd_name, photo::jpeg("https://odd.example/")).unwrap();

    let ended = root.run_until_empty();
    let scans = [("a/good.jpg", "https://shop.example/p/1"), ("folder.jpg/inner.jpg", "https://shop.example/p/2")];
    assert_eq!(root.scans(), rejected(&scans));
    let reasons = [("bomb.png", "too_many_pixels"), ("zero.jpg", "empty"), ("zip.jpg", "unsupported")];
    assert_eq!(root.rejections(), rejected(&reasons));
    for name in ["fifo.jpg", "link.jpg", "linked", "dangling.jpg", "odd-"] {
        let line = ended.stderr.lines().find(|line| line.contains("left out of the inbox") && line.contains(name));
        let line = line.unwrap_or_else(|| panic!("no line about {name}:\n{}", ended.stderr));
        says(line, &["WARN", "hint="]);
    }
    assert!(!ended.stderr.contains(".hidden.jpg"), "{}", ended.stderr);

    // The same named by messages, as a bucket's would: then each is a row.
    let bad =
        ["fifo.jpg", "folder.jpg", "link.jpg", "linked/secret.jpg", "../secret.jpg", "/etc/passwd", ".hidden.jpg"];
    let mut bodies: Vec<String> = bad.iter().map(|key| event("inbox", key)).collect();
    bodies.extend([event("inbox", "gone.jpg"), event("no-such-bucket", "a.jpg"), "no notification".into()]);
    root.send(&bodies);
    root.run_until_empty();
    let mut expected = rejected(&reasons);
    // A bucket that is not ours to read is passed over.
    expected.extend(rejected(&[("gone.jpg", "missing_object"), ("", "bad_notification")]));
    expected.extend(bad.map(|key| (key.to_owned(), "not_a_regular_file".to_owned())));
    expected.sort();
    assert_eq!(root.rejections(), expected);
    assert_eq!(root.scans(), rejected(&scans));
    assert_eq!(root.depth(), (0, 0, 0));
}

#[test]
fn a_photo_that_changes_or_goes_before_it_is_fetched_leaves_its_row() {
    let root = Root::new();
    let ports = root.ports();
    for key in ["changed.jpg", "gone.jpg"] {
        let bytes = photo::jpeg("https://shop.example/p/before");
        runtime().block_on(ports.store.put("inbox", key, bytes.into(), PutMode::Overwrite)).unwrap();
    }
    std::fs::remove_file(root.inbox().join("gone.jpg")).unwrap();
    root.drop_photo("changed.jpg", &photo::jpeg("https://shop.example/p/after"));
    root.run_until_empty();
    assert_eq!(root.scans(), rejected(&[("changed.jpg", "https://shop.example/p/after")]));
    assert_eq!(root.rejections(), rejected(&[("gone.jpg", "missing_object")]));
    let known = root.query("select count(*) from rejections where etag is not null and size_bytes > 0");
    assert_eq!(known, [[Some("1".to_owned())]], "what the notification said of it is kept");
}

#[test]
fn a_photo_that_cannot_be_read_is_a_line_and_is_read_once_it_can() {
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root reads every file, whatever its mode");
        return;
    }
    let root = Root::new();
    let rows = drop_photos(&root, 1);
    let mode = |mode| std::fs::set_permissions(root.inbox().join("0.jpg"), PermissionsExt::from_mode(mode)).unwrap();
    mode(0);
    let running = root.start(&[]);
    running.wait_for("left out of the inbox");
    mode(0o644);
    running.wait_until("the photo's row", || root.scans() == rows);
    says(&running.drained().stderr, &["0.jpg", "check the owner and mode"]);
}

#[test]
fn an_inbox_that_may_not_be_read_for_a_while_costs_no_photo() {
    let root = Root::new();
    let mut rows = drop_photos(&root, 20);
    rows.sort();
    // Announced while it could be read, and none read yet.
    let settings = ["--set", "queue.max_receives=1", "--set", "queue.dead_letter_after=2"];
    let mut command = root.command(&[&["run"], &settings[..]].concat());
    if rustix::process::geteuid().is_root() {
        // Root reads every file, whatever its mode.
        let status = Command::new("chown").arg("-R").arg("65534:65534").arg(root.path()).status().unwrap();
        assert!(status.success());
        let binary = root.path().parent().unwrap().join("scanmill");
        std::fs::copy(env!("CARGO_BIN_EXE_scanmill"), &binary).unwrap();
        std::fs::set_permissions(root.path().parent().unwrap(), PermissionsExt::from_mode(0o755)).unwrap();
        let arguments: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
        command = Command::new(binary);
        command.args(arguments).uid(65_534).gid(65_534).stdin(std::process::Stdio::null());
    }
    let mode = |mode| std::fs::set_permissions(root.inbox(), PermissionsExt::from_mode(mode)).unwrap();
    let photo_event = |key: &str| event("inbox", key);
    let bodies: Vec<String> = rows.iter().map(|(key, _)| photo_event(key)).collect();
    root.send(&bodies);
    if rustix::process::geteuid().is_root() {
        let status = Command::new("chown").arg("-R").arg("65534:65534").arg(root.path()).status().unwrap();
        assert!(status.success());
    }
    mode(0);
    // Without a watch, which could not start either.
    command.args(["--set", "local.watch=false"]);
    let running = Running::start(command);
    running.wait_for("the bucket cannot be read");
    mode(0o755);
    running.wait_until("every photo's row", || {
        root.file("warehouse.sqlite").try_exists().unwrap() && root.scans() == rows
    });
    let ended = running.drained();
    assert!(root.rejections().is_empty(), "{:?}", root.rejections());
    says(&ended.stderr, &["the bucket can be read again"]);
}
