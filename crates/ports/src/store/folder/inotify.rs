//! The kernel's word on what changes in the inbox, as keys.
//!
//! Asked for is only what can make a photo: that photos are opened and read, by this very process above all, would be
//! most of what there is to hear.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::fs::{AtFlags, FileType, Mode, RawDir};
use rustix::io::Errno;
use tokio::sync::mpsc;

use super::keys::is_hidden;
use super::tree::FOLDER;
use super::walk::NAMES;
use scanmill_core::error::{Error, Result};

/// What the kernel says.
#[derive(Debug)]
pub(super) enum FsEvent {
    /// The writer of this file closed it, or it was moved here whole; or a folder of this name came.
    Closed(String),
    /// Something else about this file changed.
    Changed(String),
    /// From here on nothing is said any more, and why.
    Blind(Error),
}

/// What is asked of each folder.
const ASKED: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    // A mode that now lets us read it.
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::DONT_FOLLOW)
    .union(WatchFlags::EXCL_UNLINK);

/// Reports are gathered for this long, so that many are one call: files have to settle for longer anyway.
const GATHER: Duration = Duration::from_millis(20);
const BUFFER: usize = 64 << 10;

/// Follows a folder until it is dropped.
pub(super) struct Follower {
    reports: Arc<OwnedFd>,
    root: i32,
    is_over: Arc<AtomicBool>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        // Its end is a report, which wakes the thread. It may have ended before, with its folder.
        let _ = inotify::remove_watch(&*self.reports, self.root);
    }
}

/// Follows the folder at `path`. `missed` is set when something was, and only looking everywhere finds it.
pub(super) fn follow(path: &Path, to: mpsc::Sender<FsEvent>, missed: Arc<AtomicBool>) -> Result<Follower> {
    let reports = Arc::new(inotify::init(CreateFlags::CLOEXEC).map_err(|errno| blind(path, errno))?);
    let mut watched =
        Watched { reports: reports.clone(), path: path.to_owned(), keys: HashMap::new(), names: Vec::new() };
    let root = inotify::add_watch(&*reports, path, ASKED | WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF);
    let root = root.map_err(|errno| blind(path, errno))?;
    watched.keys.insert(root, String::new());
    watched.add_below("").map_err(|(about, errno)| blind(&about, errno))?;
    let is_over = Arc::new(AtomicBool::new(false));
    let follower = Follower { reports, root, is_over: is_over.clone() };
    let read = move || {
        if let Some(why) = watched.tell(root, &to, &missed, &is_over) {
            tell(FsEvent::Blind(why), &to, &missed);
        }
    };
    std::thread::Builder::new()
        .name("inbox-watch".into())
        .spawn(read)
        .map_err(|error| Error::transient("cannot start the thread that follows the inbox").with_source(error))?;
    Ok(follower)
}

/// The kernel's thread never waits for us: what finds no room is found by a scan.
fn tell(news: FsEvent, to: &mpsc::Sender<FsEvent>, missed: &AtomicBool) {
    if to.try_send(news).is_err() {
        missed.store(true, Ordering::Relaxed);
    }
}

/// The folders that are followed.
struct Watched {
    reports: Arc<OwnedFd>,
    path: PathBuf,
    /// The key of each folder, which ends with a slash; that of the inbox is empty.
    keys: HashMap<i32, String>,
    /// Room for the names in a folder.
    names: Vec<MaybeUninit<u8>>,
}

/// One report.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Report {
    folder: i32,
    what: ReadFlags,
    name: Vec<u8>,
}

impl Watched {
    /// Reads reports and tells of them until it is over; then why nothing more is said, unless that was asked for.
    fn tell(
        mut self,
        root: i32,
        to: &mpsc::Sender<FsEvent>,
        missed: &AtomicBool,
        is_over: &AtomicBool,
    ) -> Option<Error> {
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
        loop {
            let batch = match next_batch(&self.reports, &mut buffer) {
                Ok(batch) => batch,
                Err(errno) => return Some(blind(&self.path, errno)),
            };
            if is_over.load(Ordering::Acquire) {
                return None;
            }
            for (place, report) in batch.iter().enumerate() {
                if report.what.contains(ReadFlags::QUEUE_OVERFLOW) {
                    missed.store(true, Ordering::Relaxed);
                } else if report.folder == root
                    && report.what.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT)
                {
                    return Some(
                        Error::missing(format!("`{}` was removed or renamed", self.path.display()))
                            .with_hint("move it back, or make it again: it is then followed again"),
                    );
                } else if report.what.contains(ReadFlags::IGNORED) {
                    self.keys.remove(&report.folder);
                } else if let Some(key) = self.key(report) {
                    match self.news(report, key, batch.get(place + 1..).unwrap_or_default()) {
                        Ok(Some(news)) => tell(news, to, missed),
                        Ok(None) => {}
                        Err(why) => return Some(why),
                    }
                }
            }
            std::thread::sleep(GATHER);
        }
    }

    /// The key that a report is about; `None` where it is about no key. A name that is not UTF-8 is found by the scans.
    fn key(&self, report: &Report) -> Option<String> {
        let name = std::str::from_utf8(&report.name).ok().filter(|name| !name.is_empty() && !is_hidden(name))?;
        let folder = self.keys.get(&report.folder)?;
        Some(format!("{folder}{name}"))
    }

    /// What a report means, with those that came after it. Folders are followed or left as they come and go.
    fn news(&mut self, report: &Report, key: String, later: &[Report]) -> Result<Option<FsEvent>> {
        let is = |what| report.what.contains(what);
        if is(ReadFlags::ISDIR) {
            if is(ReadFlags::MOVED_FROM) {
                self.leave(&key);
                return Ok(None);
            }
            // Followed before it is scanned, so that nothing falls between the two.
            if let Err((about, errno @ Errno::NOSPC)) = self.add(&key) {
                return Err(blind(&about, errno));
            }
            return Ok(Some(if is(ReadFlags::ATTRIB) { FsEvent::Changed(key) } else { FsEvent::Closed(key) }));
        }
        if report.what.intersects(ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_TO) {
            return Ok(Some(FsEvent::Closed(key)));
        }
        // A new file that nobody closes may be a hard link, whose writer closed it under another name.
        let is_news = is(ReadFlags::ATTRIB) || (is(ReadFlags::CREATE) && !is_closed_later(report, later));
        Ok(is_news.then_some(FsEvent::Changed(key)))
    }

    /// Follows the folder of this key and those below it.
    fn add(&mut self, key: &str) -> Result<(), (PathBuf, Errno)> {
        let path = self.path.join(key);
        match inotify::add_watch(&*self.reports, &path, ASKED) {
            Ok(folder) => {
                let key = format!("{key}/");
                self.keys.insert(folder, key.clone());
                self.add_below(&key)
            }
            // Gone, or replaced by something else, since its name was read.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
            Err(errno) => Err((path, errno)),
        }
    }

    fn add_below(&mut self, folder: &str) -> Result<(), (PathBuf, Errno)> {
        // One that cannot be read could not be followed either.
        let Ok(below) = self.folders_in(folder) else { return Ok(()) };
        below.into_iter().try_for_each(|name| self.add(&format!("{folder}{name}")))
    }

    /// Names of the folders in the folder of this key.
    fn folders_in(&mut self, key: &str) -> Result<Vec<String>, Errno> {
        let folder = rustix::fs::open(self.path.join(key), FOLDER, Mode::empty())?;
        self.names.resize(NAMES, MaybeUninit::uninit());
        let mut entries = RawDir::new(&folder, &mut self.names);
        let mut found = Vec::new();
        while let Some(entry) = entries.next() {
            // What was read of it by then is followed.
            let Ok(entry) = entry else { break };
            let Ok(name) = entry.file_name().to_str() else { continue };
            let kind = match entry.file_type() {
                FileType::Unknown => match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(_) => continue,
                },
                kind => kind,
            };
            // `.` and `..` are among the hidden.
            if kind == FileType::Directory && !is_hidden(name) {
                found.push(name.to_owned());
            }
        }
        Ok(found)
    }

    /// Follows the folder of this key no longer: it went elsewhere, with all below it.
    fn leave(&mut self, key: &str) {
        let key = format!("{key}/");
        let reports = self.reports.clone();
        self.keys.retain(|folder, of| {
            let stays = !of.starts_with(&key);
            if !stays {
                // It may be gone by now.
                let _ = inotify::remove_watch(&*reports, *folder);
            }
            stays
        });
    }
}

/// Whether the file that was made here is closed by its writer in a report that came with this one.
fn is_closed_later(made: &Report, later: &[Report]) -> bool {
    let is_closed = |report: &Report| report.what.intersects(ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_TO);
    later.iter().any(|report| report.folder == made.folder && is_closed(report) && report.name == made.name)
}

/// Waits for reports; all that one call gives.
fn next_batch(reports: &OwnedFd, buffer: &mut [MaybeUninit<u8>]) -> Result<Vec<Report>, Errno> {
    let mut reader = Reader::new(reports, buffer);
    let mut batch = Vec::new();
    loop {
        match reader.next() {
            Ok(event) => batch.push(Report {
                folder: event.wd(),
                what: event.events(),
                name: event.file_name().map(|name| name.to_bytes().to_vec()).unwrap_or_default(),
            }),
            Err(Errno::INTR) if batch.is_empty() => continue,
            Err(errno) => return Err(errno),
        }
        if reader.is_buffer_empty() {
            return Ok(batch);
        }
    }
}

fn blind(path: &Path, errno: Errno) -> Error {
    let made = Error::transient(format!("changes under `{}` are not reported", path.display()));
    let hint = match errno {
        Errno::NOSPC => "raise fs.inotify.max_user_watches (each folder of the inbox takes one)",
        Errno::MFILE => "raise fs.inotify.max_user_instances, or the limit of open files",
        _ => "check that every folder of the inbox can be read",
    };
    made.with_hint(hint).with_source(std::io::Error::from(errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_the_kernel_names_its_setting() {
        let full = blind(Path::new("/data/inbox"), Errno::NOSPC);
        assert!(full.report().contains("fs.inotify.max_user_watches"), "{}", full.report());
        let full = blind(Path::new("/data/inbox"), Errno::MFILE);
        assert!(full.report().contains("fs.inotify.max_user_instances"), "{}", full.report());
    }

    struct Rig {
        root: tempfile::TempDir,
        news: mpsc::Receiver<FsEvent>,
        missed: Arc<AtomicBool>,
        follower: Option<Follower>,
    }

    impl Rig {
        fn new() -> Rig {
            let root = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(root.path().join("inbox/old/deep")).unwrap();
            let (to, news) = mpsc::channel(1_000);
            let missed = Arc::new(AtomicBool::new(false));
            let follower = Some(follow(&root.path().join("inbox"), to, missed.clone()).unwrap());
            Rig { root, news, missed, follower }
        }

        fn inbox(&self, key: &str) -> PathBuf {
            self.root.path().join("inbox").join(key)
        }

        /// Everything said until, and without, a last file is closed. A change that is told before the end of the same
        /// file's writing is left out: the two may come in one report or in two.
        fn said(&mut self) -> Vec<String> {
            std::fs::write(self.inbox("last"), "x").unwrap();
            let mut said = Vec::new();
            loop {
                match self.news.blocking_recv() {
                    Some(FsEvent::Closed(key)) => {
                        said.retain(|before| *before != format!("changed {key}"));
                        if key == "last" {
                            return said;
                        }
                        said.push(format!("closed {key}"));
                    }
                    Some(FsEvent::Changed(key)) => said.push(format!("changed {key}")),
                    Some(FsEvent::Blind(error)) => said.push(error.to_string()),
                    None => panic!("the thread ended: {said:?}"),
                }
            }
        }
    }

    #[test]
    fn only_what_may_be_a_photo_is_news() {
        let mut rig = Rig::new();
        std::fs::write(rig.inbox("old/deep/a.jpg"), "x").unwrap();
        std::fs::write(rig.inbox("old/.b.jpg.X7f"), "x").unwrap();
        std::fs::read(rig.inbox("old/deep/a.jpg")).unwrap();
        assert_eq!(rig.said(), ["closed old/deep/a.jpg"]);
        std::fs::rename(rig.inbox("old/.b.jpg.X7f"), rig.inbox("b.jpg")).unwrap();
        std::fs::hard_link(rig.inbox("b.jpg"), rig.inbox("c.jpg")).unwrap();
        std::fs::remove_file(rig.inbox("b.jpg")).unwrap();
        assert_eq!(rig.said(), ["closed b.jpg", "changed c.jpg"]);
    }

    #[test]
    fn folders_are_followed_as_they_come_and_go() {
        let mut rig = Rig::new();
        std::fs::create_dir(rig.inbox("new")).unwrap();
        assert_eq!(rig.said(), ["closed new"]);
        std::fs::write(rig.inbox("new/a.jpg"), "x").unwrap();
        assert_eq!(rig.said(), ["closed new/a.jpg"]);
        std::fs::rename(rig.inbox("old"), rig.inbox("new/moved")).unwrap();
        assert_eq!(rig.said(), ["closed new/moved"]);
        std::fs::write(rig.inbox("new/moved/deep/b.jpg"), "x").unwrap();
        assert_eq!(rig.said(), ["closed new/moved/deep/b.jpg"]);
        // Out of the inbox: no longer its business.
        let outside = rig.root.path().join("outside");
        std::fs::rename(rig.inbox("new"), &outside).unwrap();
        assert!(rig.said().is_empty());
        std::fs::write(outside.join("moved/deep/c.jpg"), "x").unwrap();
        std::fs::create_dir(rig.inbox(".hidden")).unwrap();
        assert!(rig.said().is_empty());
        assert!(!rig.missed.load(Ordering::Relaxed));
    }

    #[test]
    fn without_its_folder_it_says_that_it_is_blind_and_dropped_it_ends() {
        let mut rig = Rig::new();
        std::fs::rename(rig.inbox(""), rig.root.path().join("elsewhere")).unwrap();
        assert!(matches!(rig.news.blocking_recv(), Some(FsEvent::Blind(_))));
        assert!(rig.news.blocking_recv().is_none());
        let mut rig = Rig::new();
        rig.follower.take();
        assert!(rig.news.blocking_recv().is_none());
    }
}
