//! Whether another engine is at work on the same root.
//!
//! Each engine with the embedded queue holds a lock on a file in the root, which the kernel lets go when the process
//! ends, however it ends. Who starts and finds the file unlocked knows that whatever is leased is leased to nobody.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags, flock};

use crate::error::{Error, Result};

/// The file, in the root folder. It stays: what counts is the lock on it.
const FILE: &str = "engine.lock";

/// This engine's lock; let go when dropped.
#[derive(Debug)]
pub(super) struct AtWork {
    _file: File,
}

/// The lock, and what `if_alone` gave where no other engine held one; that is done before any other engine can start.
/// Where the file system has no locks nobody knows, and nobody is alone.
pub(super) fn enter<T>(root: &Path, if_alone: impl FnOnce() -> T) -> Result<(AtWork, Option<T>)> {
    let path = root.join(FILE);
    let failed = |errno: rustix::io::Errno| cannot_lock(&path, errno);
    let file = open(&path)?;
    let done = match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Some(if_alone()),
        Err(rustix::io::Errno::WOULDBLOCK) => None,
        Err(errno) => {
            tracing::warn!(path = %path.display(), %errno, "no locks here: leases of an engine that is gone end in time");
            return Ok((AtWork { _file: File::from(file) }, None));
        }
    };
    flock(&file, FlockOperation::LockShared).map_err(failed)?;
    Ok((AtWork { _file: File::from(file) }, done))
}

/// Keeps engines from starting on the root for as long as it is held; `None` where one is at work, or where nobody knows.
pub(super) fn keep_others_out(root: &Path) -> Result<Option<AtWork>> {
    let path = root.join(FILE);
    let file = open(&path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(AtWork { _file: File::from(file) })),
        Err(_) => Ok(None),
    }
}

fn open(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    rustix::fs::open(path, flags, Mode::from_raw_mode(0o666)).map_err(|errno| cannot_lock(path, errno))
}

fn cannot_lock(path: &Path, errno: rustix::io::Errno) -> Error {
    Error::io("cannot lock", path, errno.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_of_several_is_alone_and_the_next_after_all_have_gone() {
        let root = tempfile::tempdir().unwrap();
        let enter = || enter(root.path(), || ()).unwrap();
        let (first, alone) = enter();
        assert_eq!(alone, Some(()));
        let (second, alone) = enter();
        assert_eq!(alone, None);
        drop(first);
        assert_eq!(enter().1, None, "the second is still there");
        drop(second);
        assert_eq!(enter().1, Some(()));
    }
}
