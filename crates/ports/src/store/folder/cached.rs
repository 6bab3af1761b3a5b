//! Files that the kernel holds in memory, read without a thread of their own.
//!
//! Handing a read to another thread and hearing of its end costs more than reading a small file that was written, or
//! hashed by the watch, a moment ago. So each read is tried in place first, in a form that the kernel refuses where it
//! would have to wait: `RESOLVE_CACHED` for the path, `RWF_NOWAIT` for the bytes.

use std::fs::{File, Metadata};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, ResolveFlags};
use rustix::io::Errno;

use super::keys::ObjectPath;
use super::tree::{OPEN_OBJECT, WITHIN, path_below};
use super::writer::is_written_elsewhere;

/// A longer file is worth a thread: whoever reads it here holds up others.
const MOST: u64 = 1 << 20;

/// Whether reads in place are worth trying.
pub(super) struct Cached {
    is_on: AtomicBool,
}

impl Cached {
    /// For the tree below `root`. Where its files come over a network, no promise not to wait is kept.
    pub(super) fn of(root: &OwnedFd) -> Cached {
        Cached { is_on: AtomicBool::new(!is_written_elsewhere(root)) }
    }

    /// The file, if it is a regular one of at most `max_bytes` and all of it is at hand. Anything else, errors too, is
    /// for a read that may wait.
    pub(super) fn read(&self, root: &OwnedFd, at: &ObjectPath<'_>, max_bytes: u64) -> Option<(Vec<u8>, Metadata)> {
        if !self.is_on.load(Ordering::Relaxed) {
            return None;
        }
        // Another file system, mounted below the root, may be one that waits.
        let within = WITHIN | ResolveFlags::NO_XDEV | ResolveFlags::CACHED;
        let file = match rustix::fs::openat2(root, path_below(at), OPEN_OBJECT, Mode::empty(), within) {
            Ok(file) => File::from(file),
            Err(errno) => return self.none_after(errno),
        };
        let metadata = file.metadata().ok()?;
        if !metadata.is_file() || metadata.len() > MOST.min(max_bytes) {
            return None;
        }
        let length = usize::try_from(metadata.len()).ok()?;
        // One more than it has, to see its end in the same call.
        let mut bytes = Vec::with_capacity(length + 1);
        match read_at_once(&file, bytes.spare_capacity_mut()) {
            Ok(count) if count == length => {
                // SAFETY: the kernel wrote so many bytes at its beginning.
                unsafe { bytes.set_len(count) };
                Some((bytes, metadata))
            }
            Ok(_) => None,
            Err(errno) => self.none_after(errno),
        }
    }

    /// Kernels and file systems that do not know the question are not asked again.
    fn none_after<T>(&self, errno: Errno) -> Option<T> {
        if matches!(errno, Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL | Errno::XDEV | Errno::PERM) {
            self.is_on.store(false, Ordering::Relaxed);
        }
        None
    }
}

/// Reads from a file's beginning without a wait; how many bytes. Into memory that nobody has cleared: all of it is
/// written over.
fn read_at_once(file: &File, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
    let place = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    // SAFETY: the kernel writes at most as many bytes as `into` has, where nobody else looks meanwhile; `file` keeps its
    // descriptor open.
    let count = unsafe { libc::preadv2(file.as_raw_fd(), &raw const place, 1, 0, libc::RWF_NOWAIT) };
    usize::try_from(count).map_err(|_| Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
}

#[cfg(test)]
mod tests {
    use super::super::keys::object_path;
    use super::*;

    #[test]
    fn what_was_just_written_is_at_hand_and_nothing_else_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = folder.path().join("inbox");
        std::fs::create_dir_all(inbox.join("a")).unwrap();
        std::fs::write(inbox.join("a/b.jpg"), "bytes").unwrap();
        std::os::unix::fs::symlink("b.jpg", inbox.join("a/link.jpg")).unwrap();
        let root = OwnedFd::from(File::open(folder.path()).unwrap());
        let cached = Cached::of(&root);
        let read = |key, max| cached.read(&root, &object_path("inbox", key).unwrap(), max).map(|(bytes, _)| bytes);
        let whole = read("a/b.jpg", 5);
        if whole.is_none() {
            eprintln!("skipped: the file system of {} knows no reads that do not wait", folder.path().display());
            return;
        }
        assert_eq!(whole.as_deref(), Some("bytes".as_bytes()));
        assert_eq!(
            (read("a/b.jpg", 4), read("a", 5), read("a/link.jpg", 5), read("none", 5)),
            (None, None, None, None)
        );
        assert!(read("a/b.jpg", 5).is_some(), "the answers above give no reason to stop asking");
    }
}
