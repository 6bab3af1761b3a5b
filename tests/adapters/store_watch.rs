//! Photos dropped into the inbox by hand are announced, each version once, whoever finds it.

use std::collections::HashSet;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rustix::fs::{CWD, FileType, Mode};
use scanmill::domain::{Exclusions, PhotoRef};
use scanmill::error::{Class, Error, Result};
use scanmill::store::folder::{Announce, Announcement, FolderStore, Rest, WatchOptions};
use scanmill::store::{PutMode, Store};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A queue as far as announcements go: remembers versions, and what it was asked.
struct Announced {
    known: Mutex<HashSet<String>>,
    queued: watch::Sender<Vec<PhotoRef>>,
    /// What the next calls answer instead.
    failures: Mutex<Vec<Class>>,
}

impl Announced {
    fn new() -> Arc<Announced> {
        let (queued, _) = watch::channel(Vec::new());
        Arc::new(Announced { known: Mutex::default(), queued, failures: Mutex::default() })
    }

    fn of(&self, key: &str) -> Vec<PhotoRef> {
        self.queued.borrow().iter().filter(|photo| photo.key == key).cloned().collect()
    }

    /// Waits until a photo of each key is queued.
    async fn until(&self, keys: &[&str]) {
        let mut queued = self.queued.subscribe();
        let all = queued.wait_for(|queued| {
            let found: HashSet<&str> = queued.iter().map(|photo| photo.key.as_str()).collect();
            keys.iter().all(|key| found.contains(key))
        });
        let found = tokio::time::timeout(Duration::from_secs(60), all).await.is_ok_and(|found| found.is_ok());
        assert!(found, "not all of {:?} were announced", keys.iter().take(9).collect::<Vec<_>>());
    }
}

#[async_trait]
impl Announce for Announced {
    async fn announce(&self, photos: &[PhotoRef], only_new: bool) -> Result<()> {
        if let Some(class) = self.failures.lock().unwrap().pop() {
            return Err(Error::new(class, "the queue says no"));
        }
        for photo in photos {
            let is_new = self.known.lock().unwrap().insert(photo.id().to_string());
            if is_new || !only_new {
                self.queued.send_modify(|queued| queued.push(photo.clone()));
            }
        }
        Ok(())
    }

    async fn forget(&self, photos: &[PhotoRef]) -> Result<()> {
        let mut known = self.known.lock().unwrap();
        photos.iter().for_each(|photo| _ = known.remove(photo.id().as_str()));
        Ok(())
    }
}

struct Rig {
    _folder: tempfile::TempDir,
    root: PathBuf,
    announced: Arc<Announced>,
}

impl Rig {
    fn new() -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        std::fs::create_dir(root.join("inbox")).unwrap();
        Rig { _folder: folder, root, announced: Announced::new() }
    }

    fn store(&self) -> FolderStore {
        let announcement =
            Announcement { bucket: "inbox".into(), exclude: Exclusions::default(), to: self.announced.clone() };
        FolderStore::open(&self.root, Some(announcement)).unwrap()
    }

    fn inbox(&self, key: &str) -> PathBuf {
        self.root.join("inbox").join(key)
    }

    fn drop_in(&self, key: &str, content: &str) {
        let path = self.inbox(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

fn quickly() -> WatchOptions {
    let rest = Rest { closed: Duration::from_millis(200), ..Rest::default() };
    WatchOptions { rest, ..WatchOptions::default() }
}

fn start(store: &FolderStore) -> (JoinHandle<Result<()>>, CancellationToken) {
    let cancel = CancellationToken::new();
    (tokio::spawn(store.watch(quickly(), cancel.clone()).unwrap()), cancel)
}

async fn stop((watching, cancel): (JoinHandle<Result<()>>, CancellationToken)) {
    cancel.cancel();
    watching.await.unwrap().unwrap();
}

/// Log lines of this thread while it lives.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn capture(&self) -> tracing::subscriber::DefaultGuard {
        let lines = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || lines.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn with(&self, text: &str) -> Vec<String> {
        let lines = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        lines.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_lies_there_at_start_is_found_and_a_second_start_announces_nothing() {
    let rig = Rig::new();
    rig.drop_in("old.jpg", "photo");
    rig.drop_in("deep/er/ö +%.jpg", "another");
    rig.drop_in(".DS_Store", "hidden");
    rig.drop_in("deep/.old.jpg.Xy7", "half of a photo");
    let watching = start(&rig.store());
    rig.announced.until(&["old.jpg", "deep/er/ö +%.jpg"]).await;
    stop(watching).await;
    let photo = rig.announced.of("old.jpg").remove(0);
    let object = rig.store().get("inbox", "old.jpg", None, 100).await.unwrap();
    assert_eq!(photo.etag.as_deref(), Some(object.etag.as_str()), "as a put of it would have said");
    assert_eq!((photo.size_bytes, photo.uploaded_at), (Some(5), object.modified_at));
    assert_eq!(photo.sequencer.unwrap().len(), 18);

    let watching = start(&rig.store());
    rig.drop_in("marker", "new");
    rig.announced.until(&["marker"]).await;
    stop(watching).await;
    assert_eq!(rig.announced.queued.borrow().len(), 3);
}

#[tokio::test]
async fn what_arrives_later_is_found_however_it_arrives() {
    let rig = Rig::new();
    rig.drop_in("first", "x");
    let watching = start(&rig.store());
    rig.announced.until(&["first"]).await;

    rig.drop_in("written", "by an editor");
    rig.drop_in("new/folder/nested", "in folders of its own");
    let outside = tempfile::tempdir_in(&rig.root).unwrap();
    std::fs::create_dir(outside.path().join("album")).unwrap();
    std::fs::write(outside.path().join("album/moved"), "with its folder").unwrap();
    std::fs::rename(outside.path().join("album"), rig.inbox("album")).unwrap();
    std::fs::write(outside.path().join("renamed"), "into place").unwrap();
    std::fs::rename(outside.path().join("renamed"), rig.inbox("renamed")).unwrap();
    std::fs::write(outside.path().join("linked"), "hard").unwrap();
    std::fs::hard_link(outside.path().join("linked"), rig.inbox("linked")).unwrap();
    // As rsync does it.
    rig.drop_in(".synced.Xy7", "whole");
    std::fs::rename(rig.inbox(".synced.Xy7"), rig.inbox("synced")).unwrap();
    rig.announced.until(&["written", "new/folder/nested", "album/moved", "renamed", "linked", "synced"]).await;

    // Another content is another version of the photo; a touch is not.
    rig.drop_in("written", "again, and other");
    std::fs::File::open(rig.inbox("renamed")).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
    rig.drop_in("new/folder/marker", "x");
    rig.announced.until(&["new/folder/marker"]).await;
    stop(watching).await;
    assert_eq!(rig.announced.of("written").len(), 2);
    assert_eq!(rig.announced.queued.borrow().len(), 9);
}

#[tokio::test]
async fn a_file_that_is_still_written_is_announced_whole() {
    let rig = Rig::new();
    rig.drop_in("first", "x");
    let watching = start(&rig.store());
    rig.announced.until(&["first"]).await;
    let mut file = std::fs::File::create(rig.inbox("copied")).unwrap();
    for _ in 0..4 {
        file.write_all(&[7; 1000]).unwrap();
        // The copier's own rhythm: slower than the time after which a file at rest is taken for finished.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    drop(file);
    rig.announced.until(&["copied"]).await;
    stop(watching).await;
    let sizes: Vec<_> = rig.announced.of("copied").iter().map(|photo| photo.size_bytes).collect();
    assert_eq!(sizes, [Some(4000)]);
}

#[tokio::test]
async fn a_file_that_is_open_for_writing_is_not_announced_by_any_scan() {
    let rig = Rig::new();
    // Found by the first scan, before anything of it is reported.
    let mut at_start = std::fs::File::create(rig.inbox("at-start")).unwrap();
    at_start.write_all(b"the first half, ").unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    rig.drop_in("first", "x");
    let watching = start(&rig.store());
    rig.announced.until(&["first"]).await;
    // The inbox is moved away: from here on nothing is reported and scans alone find what comes.
    std::fs::rename(rig.root.join("inbox"), rig.root.join("put-away")).unwrap();
    rig.drop_in("second", "x");
    let mut unreported = std::fs::File::create(rig.inbox("unreported")).unwrap();
    unreported.write_all(b"the first half, ").unwrap();
    std::fs::rename(rig.root.join("put-away/at-start"), rig.inbox("at-start")).unwrap();
    rig.announced.until(&["second"]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    for mut file in [at_start, unreported] {
        file.write_all(b"and the second").unwrap();
    }
    rig.announced.until(&["at-start", "unreported"]).await;
    stop(watching).await;
    for key in ["at-start", "unreported"] {
        let sizes: Vec<_> = rig.announced.of(key).iter().map(|photo| photo.size_bytes).collect();
        assert_eq!(sizes, [Some(30)], "{key}");
    }
}

#[tokio::test]
async fn a_file_whose_writer_forgot_it_is_announced_as_it_is() {
    let rig = Rig::new();
    let mut forgotten = std::fs::File::create(rig.inbox("forgotten")).unwrap();
    forgotten.write_all(b"whole").unwrap();
    let cancel = CancellationToken::new();
    let rest = Rest { stalled: Duration::from_millis(600), ..quickly().rest };
    let options = WatchOptions { rest, ..quickly() };
    let watching = (tokio::spawn(rig.store().watch(options, cancel.clone()).unwrap()), cancel);
    rig.announced.until(&["forgotten"]).await;
    stop(watching).await;
    drop(forgotten);
}

#[tokio::test]
async fn a_copy_that_keeps_an_old_modification_time_arrived_now() {
    let rig = Rig::new();
    let before = jiff::Timestamp::now();
    rig.drop_in("old.jpg", "photo");
    let years_ago = std::time::SystemTime::now() - Duration::from_secs(8 * 365 * 86_400);
    std::fs::File::options().write(true).open(rig.inbox("old.jpg")).unwrap().set_modified(years_ago).unwrap();
    let store = rig.store();
    let watching = start(&store);
    rig.announced.until(&["old.jpg"]).await;
    stop(watching).await;
    let announced = rig.announced.of("old.jpg").remove(0).uploaded_at.unwrap();
    // The kernel's clock for change times lags by up to a tick.
    let arrived = before - jiff::SignedDuration::from_secs(1)..=jiff::Timestamp::now();
    assert!(arrived.contains(&announced), "{announced}");
    let listed = store.list("inbox", "", None, 10).await.unwrap().remove(0).modified_at;
    let head = store.head("inbox", "old.jpg").await.unwrap().modified_at;
    assert_eq!((listed, head), (Some(announced), Some(announced)));
}

#[tokio::test]
async fn what_put_announced_is_not_announced_again() {
    let rig = Rig::new();
    let (mine, theirs) = (rig.store(), rig.store());
    // With the usual rest: the puts below, however slow this machine, announce within it.
    let cancel = CancellationToken::new();
    let watching = (tokio::spawn(mine.watch(WatchOptions::default(), cancel.clone()).unwrap()), cancel);
    for (store, key) in [(&mine, "mine"), (&theirs, "theirs"), (&theirs, "folder/theirs")] {
        store.put("inbox", key, Bytes::from_static(b"photo"), PutMode::Overwrite).await.unwrap();
    }
    rig.announced.until(&["mine", "theirs", "folder/theirs"]).await;
    rig.drop_in("marker", "x");
    rig.announced.until(&["marker"]).await;
    stop(watching).await;
    // A scan by another process finds them announced as well.
    let watching = start(&theirs);
    rig.drop_in("folder/marker", "x");
    rig.announced.until(&["folder/marker"]).await;
    stop(watching).await;
    assert_eq!(rig.announced.queued.borrow().len(), 5);
}

#[tokio::test]
async fn what_is_no_photo_is_one_line_in_the_log_and_blocks_nothing() {
    let rig = Rig::new();
    let lines = Lines::default();
    let _capture = lines.capture();
    let fifo = |path: &Path| rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    fifo(&rig.inbox("a-fifo"));
    std::os::unix::fs::symlink("/etc/hostname", rig.inbox("a-link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(rig.inbox("a-socket")).unwrap();
    rig.drop_in("unreadable", "x");
    std::fs::set_permissions(rig.inbox("unreadable"), Permissions::from_mode(0o000)).unwrap();
    rig.drop_in("first", "x");
    let store = rig.store();
    let watching = start(&store);
    rig.announced.until(&["first"]).await;
    fifo(&rig.inbox("late-fifo"));
    rig.drop_in("second", "x");
    rig.announced.until(&["second"]).await;
    // Another scan, in the same run: of a folder moved in, and of everything by another watcher.
    fifo(&rig.inbox("a-fifo-2"));
    rig.drop_in("third", "x");
    rig.announced.until(&["third"]).await;
    // Nobody is told twice; root reads everything.
    let unreadable = if rustix::process::geteuid().is_root() { "" } else { "unreadable" };
    for name in ["a-fifo ", "a-link", "a-socket", "late-fifo", "a-fifo-2", unreadable] {
        let of_this = lines.with(&format!("inbox/{name}"));
        if !name.is_empty() {
            assert_eq!(of_this.len(), 1, "{name}: {of_this:?}");
            assert!(of_this[0].contains("WARN") && of_this[0].contains("hint"), "{}", of_this[0]);
        }
    }
    if !unreadable.is_empty() {
        // Its mode fixed, it is found.
        std::fs::set_permissions(rig.inbox(unreadable), Permissions::from_mode(0o600)).unwrap();
        rig.announced.until(&[unreadable]).await;
    }
    stop(watching).await;
}

#[tokio::test]
async fn a_queue_that_fails_for_a_while_gets_it_later_and_one_that_fails_for_good_ends_the_watch() {
    let rig = Rig::new();
    rig.drop_in("first", "x");
    rig.announced.failures.lock().unwrap().push(Class::Transient);
    let watching = start(&rig.store());
    rig.announced.until(&["first"]).await;
    rig.announced.failures.lock().unwrap().push(Class::Permanent);
    rig.drop_in("second", "x");
    let error = watching.0.await.unwrap().unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    assert!(error.to_string().contains("the queue says no"), "{error}");
    // The next watch finds it.
    let watching = start(&rig.store());
    rig.announced.until(&["second"]).await;
    stop(watching).await;
}

#[tokio::test]
async fn more_at_once_than_is_kept_in_mind_is_found_by_a_scan() {
    let rig = Rig::new();
    rig.drop_in("first", "x");
    let watching = start(&rig.store());
    rig.announced.until(&["first"]).await;
    // This thread is the watcher's too, so nobody takes the reports in meanwhile.
    let keys: Vec<String> = (0..6_000).map(|number| format!("{number}.jpg")).collect();
    keys.iter().for_each(|key| rig.drop_in(key, key));
    rig.announced.until(&keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    stop(watching).await;
    assert_eq!(rig.announced.queued.borrow().len(), 6_001);
}

#[tokio::test]
async fn without_reports_from_the_kernel_scans_find_what_comes() {
    let rig = Rig::new();
    let lines = Lines::default();
    let _capture = lines.capture();
    rig.drop_in("first", "x");
    let watching = start(&rig.store());
    rig.announced.until(&["first"]).await;
    // The kernel follows the folder that was, not the one that is.
    std::fs::rename(rig.root.join("inbox"), rig.root.join("put-away")).unwrap();
    rig.drop_in("second", "x");
    rig.announced.until(&["second"]).await;
    assert_eq!(lines.with("scanned instead of followed").len(), 1);
    stop(watching).await;
}

#[test]
fn a_store_that_announces_nothing_is_not_watched() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path(), None).unwrap();
    assert_eq!(store.watch(quickly(), CancellationToken::new()).map(drop).unwrap_err().class(), Class::Permanent);
}
