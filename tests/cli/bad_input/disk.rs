//! A full disk and one that cannot be written to, on small file systems of their own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{drop_photos, each, says};
use crate::process::{self, Root, photo};

/// A file system of a few megabytes in memory, gone with the value.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// `None` where this user may not mount.
    fn mount() -> Option<Disk> {
        let folder = tempfile::tempdir().unwrap();
        let disk = run("mount", &["-t", "tmpfs", "-o", "size=12m", "scanmill-test"], folder.path());
        if !disk {
            eprintln!("skipped: mounting a small file system is not permitted here");
            return None;
        }
        Some(Disk { folder })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn remount(&self, options: &str) {
        assert!(run("mount", &["-o", options], self.path()));
    }

    /// Writes until nothing fits any more.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("ballast");
        let mut ballast = std::fs::File::create(&path).unwrap();
        for size in [64 << 10, 4 << 10, 1] {
            let block = vec![1; size];
            while ballast.write_all(&block).is_ok() {}
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["--lazy"], self.path());
    }
}

fn run(program: &str, arguments: &[&str], place: &Path) -> bool {
    let status = Command::new(program).args(arguments).arg(place).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn disks_that_take_nothing_lose_nothing() {
    let cases: [fn(); 4] = [
        with_a_full_disk_photos_wait_and_then_each_is_read,
        a_batch_that_finds_the_disk_full_is_written_later,
        a_disk_full_at_the_start_is_named,
        a_root_that_cannot_be_written_to_is_named_and_can_still_be_asked,
    ];
    each(cases, |case| case());
}

fn with_a_full_disk_photos_wait_and_then_each_is_read() {
    let Some(disk) = Disk::mount() else { return };
    let root = Root::at(&disk.path().join("root"));
    let waiting = disk.path().join("waiting");
    std::fs::create_dir(&waiting).unwrap();
    let mut rows = Vec::new();
    for index in 0..10 {
        let (key, text) = (format!("{index}.jpg"), format!("https://shop.example/p/{index}"));
        std::fs::write(waiting.join(&key), photo::jpeg(&text)).unwrap();
        rows.push((key, text));
    }
    let running = root.start(&["--set", "metrics.listen=127.0.0.1:0"]);
    let address = running.word_after("page http://");
    let page = |path: &str| process::page(address.trim_end_matches('/'), path);
    let ballast = disk.fill();
    for (key, _) in &rows {
        std::fs::rename(waiting.join(key), root.inbox().join(key)).unwrap();
    }
    running.wait_for("the disk is full");
    running.wait_until("not ready, with the reason and the remedy", || {
        let (status, reason) = page("/readyz");
        status == 503 && reason.contains("the disk is full")
    });
    running.wait_until("photos that wait to be announced", || {
        let (_, metrics) = page("/metrics");
        let value = |series: &str| -> Option<f64> {
            metrics.lines().find_map(|line| line.strip_prefix(series))?.trim().parse().ok()
        };
        value("scanmill_announce_failures_total") >= Some(1.0)
            && value("scanmill_inbox_waiting{state=\"unannounced\"}") >= Some(1.0)
            && value("scanmill_inbox_watch{state=\"failing\"}") == Some(1.0)
            && value("scanmill_ready") == Some(0.0)
    });
    std::fs::remove_file(ballast).unwrap();
    running.wait_until("every row", || root.scans() == rows);
    running.wait_until("ready again", || page("/readyz").0 == 200);
    running.drained();
    assert_eq!(root.rejections(), []);
    assert_eq!(root.depth(), (0, 0, 0));
}

fn a_batch_that_finds_the_disk_full_is_written_later() {
    let Some(disk) = Disk::mount() else { return };
    let root = Root::at(&disk.path().join("root"));
    // Sealed by the drain alone, and that comes after the disk is full.
    let running = root.start(&["--set", "batch.max_age_ms=30000"]);
    let rows = drop_photos(&root, 5);
    running.wait_until("every photo in flight", || root.depth() == (0, 5, 0));
    let ballast = disk.fill();
    running.signal(rustix::process::Signal::TERM);
    running.wait_for("the disk is full");
    std::fs::remove_file(ballast).unwrap();
    let ended = running.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(root.scans(), rows);
    assert_eq!(root.depth(), (0, 0, 0));
}

fn a_disk_full_at_the_start_is_named() {
    let Some(disk) = Disk::mount() else { return };
    let root = Root::at(&disk.path().join("root"));
    std::fs::create_dir_all(root.inbox()).unwrap();
    let rows = drop_photos(&root, 1);
    let ballast = disk.fill();
    let ended = root.ended(&["run", "--until-empty"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    says(&ended.stderr, &["error: ", "queue.sqlite", "the disk is full"]);
    std::fs::remove_file(ballast).unwrap();
    root.run_until_empty();
    assert_eq!(root.scans(), rows);
}

fn a_root_that_cannot_be_written_to_is_named_and_can_still_be_asked() {
    let Some(disk) = Disk::mount() else { return };
    let root = Root::at(&disk.path().join("root"));
    std::fs::create_dir_all(root.inbox()).unwrap();
    let rows = drop_photos(&root, 1);
    disk.remount("remount,ro");
    let ended = root.ended(&["run", "--until-empty"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    says(&ended.stderr, &["error: ", &root.path().display().to_string(), "hint: "]);
    disk.remount("remount,rw");
    root.run_until_empty();
    assert_eq!(root.scans(), rows);
    disk.remount("remount,ro");
    let ended = root.ended(&["run", "--until-empty"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    says(&ended.stderr, &["error: ", "queue.sqlite", "hint: "]);
    let report = root.ended(&["report"]);
    assert_eq!(report.code, Some(0), "{}", report.stderr);
    disk.remount("remount,rw");
}
