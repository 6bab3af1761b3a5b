//! The kernel's word on what changes in the inbox, as keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RemoveKind, RenameMode};
use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use rustix::io::Errno;
use std::os::unix::fs::MetadataExt;
use tokio::sync::mpsc;

use super::keys::is_hidden;
use crate::error::{Error, Result};

/// What the kernel says.
pub(super) enum News {
    /// The writer of this file closed it, or it was moved here whole; or a folder of this name came.
    Closed(String),
    /// Something else about this file changed.
    Changed(String),
    /// From here on nothing is said any more, and why.
    Blind(Error),
}

/// Follows the folder at `path` until the watcher is dropped. `missed` is set when something was, and only looking
/// everywhere finds it.
pub(super) fn follow(path: &Path, to: mpsc::Sender<News>, missed: Arc<AtomicBool>) -> Result<RecommendedWatcher> {
    let root = path.to_owned();
    let tell = move |event: notify::Result<Event>| {
        let news = match event {
            Ok(event) if event.need_rescan() => return missed.store(true, Ordering::Relaxed),
            Ok(event) => read(&root, &event),
            Err(error) => Some(News::Blind(blind(&root, error))),
        };
        // The kernel's thread never waits for us: what finds no room is found by a scan.
        if let Some(news) = news
            && to.try_send(news).is_err()
        {
            missed.store(true, Ordering::Relaxed);
        }
    };
    let mut watcher = RecommendedWatcher::new(tell, Config::default().with_follow_symlinks(false))
        .map_err(|error| blind(path, error))?;
    watcher.watch(path, RecursiveMode::Recursive).map_err(|error| blind(path, error))?;
    Ok(watcher)
}

fn read(root: &Path, event: &Event) -> Option<News> {
    let path = event.paths.first()?;
    let news = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To))
        | EventKind::Create(CreateKind::Folder) => News::Closed,
        // A mode that now lets us read it.
        EventKind::Modify(ModifyKind::Metadata(_)) => News::Changed,
        // A new file is looked at when its writer closes it; a hard link or a FIFO has no writer that would.
        EventKind::Create(_)
            if path.symlink_metadata().is_ok_and(|metadata| !metadata.is_file() || metadata.nlink() > 1) =>
        {
            News::Changed
        }
        EventKind::Remove(RemoveKind::Folder) | EventKind::Modify(ModifyKind::Name(RenameMode::From))
            if path == root =>
        {
            return Some(News::Blind(
                Error::transient(format!("`{}` was removed or renamed", path.display()))
                    .hint("start again to have changes reported at once"),
            ));
        }
        _ => return None,
    };
    // A name that is no UTF-8 is reported by the scans.
    let key = path.strip_prefix(root).ok()?.to_str()?;
    let is_key = !key.is_empty() && !key.split('/').any(is_hidden);
    is_key.then(|| news(key.to_owned()))
}

fn blind(path: &Path, error: notify::Error) -> Error {
    let about: PathBuf = error.paths.first().cloned().unwrap_or_else(|| path.to_owned());
    let made = Error::transient(format!("changes under `{}` are not reported", about.display()));
    let hint = match &error.kind {
        ErrorKind::MaxFilesWatch => "raise fs.inotify.max_user_watches (each folder of the inbox takes one)",
        ErrorKind::Io(error) if error.raw_os_error() == Some(Errno::MFILE.raw_os_error()) => {
            "raise fs.inotify.max_user_instances, or the limit of open files"
        }
        _ => "check that every folder of the inbox can be read",
    };
    made.hint(hint).source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_the_kernel_names_its_setting() {
        let full = blind(Path::new("/data/inbox"), notify::Error::new(ErrorKind::MaxFilesWatch));
        assert!(full.report().contains("fs.inotify.max_user_watches"), "{}", full.report());
        let io = std::io::Error::from_raw_os_error(Errno::MFILE.raw_os_error());
        let full = blind(Path::new("/data/inbox"), notify::Error::io(io));
        assert!(full.report().contains("fs.inotify.max_user_instances"), "{}", full.report());
    }

    #[test]
    fn only_what_may_be_a_photo_is_news() {
        let root = Path::new("/data/inbox");
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let cases = [
            (closed, "/data/inbox/a/b.jpg", Some("a/b.jpg")),
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), "/data/inbox/b.jpg", Some("b.jpg")),
            (EventKind::Create(CreateKind::Folder), "/data/inbox/new", Some("new")),
            (closed, "/data/inbox/.scanmill-partial/0123", None),
            (closed, "/data/inbox/a/.b.jpg.X7f", None),
            (closed, "/data/other/b.jpg", None),
            (EventKind::Access(AccessKind::Open(AccessMode::Any)), "/data/inbox/b.jpg", None),
            (EventKind::Modify(ModifyKind::Name(RenameMode::From)), "/data/inbox/b.jpg", None),
        ];
        for (kind, path, expected) in cases {
            let news = read(root, &Event::new(kind).add_path(path.into()));
            let key = news.map(|news| match news {
                News::Closed(key) | News::Changed(key) => key,
                News::Blind(error) => error.to_string(),
            });
            assert_eq!(key.as_deref(), expected, "{kind:?} {path}");
        }
        let gone = Event::new(EventKind::Remove(RemoveKind::Folder)).add_path(root.into());
        assert!(matches!(read(root, &gone), Some(News::Blind(_))));
    }
}
