//! Whether another engine is at work on the same root.
//!
//! Each engine with the embedded queue holds a lock on a file in the root, which the kernel lets go when the process
//! ends, however it ends. Who starts and finds the file unlocked knows that whatever is leased is leased to nobody.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags, flock};

use crate::error::{Error, Result};

/// The file, in the root folder. It stays: what counts is the lock on it.
const FILE: &str = "engine.lock";

/// This engine's lock; let go when dropped.
#[derive(Debug)]
pub(super) struct AtWork {
    _file: File,
}

/// Who else is at work on a root.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Company<T> {
    /// Nobody; and what was done while nobody else could start.
    Alone(T),
    /// Another engine, by its process id where that is known.
    Beside(Option<u32>),
    /// The file system has no locks, so nobody knows.
    Unknown,
}

/// How often the lock is asked for, and how long between two times: a command that only looks has it for an instant.
const ASKED: u32 = 3;
const BETWEEN: Duration = Duration::from_millis(20);

/// The lock, and what `if_alone` gave where no other engine held one; that is done before any other engine can start.
pub(super) fn enter<T>(root: &Path, if_alone: impl FnOnce() -> T) -> Result<(AtWork, Company<T>)> {
    let path = root.join(FILE);
    let failed = |errno: rustix::io::Errno| cannot_lock(&path, errno);
    let mut file = File::from(open(&path)?);
    let mut locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
    for _ in 1..ASKED {
        if locked != Err(rustix::io::Errno::WOULDBLOCK) {
            break;
        }
        std::thread::sleep(BETWEEN);
        locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
    }
    let company = match locked {
        Ok(()) => Company::Alone(if_alone()),
        Err(rustix::io::Errno::WOULDBLOCK) => Company::Beside(noted(&mut file)),
        Err(errno) => {
            tracing::warn!(path = %path.display(), %errno, "no locks here: leases of an engine that is gone end in time");
            return Ok((AtWork { _file: file }, Company::Unknown));
        }
    };
    flock(&file, FlockOperation::LockShared).map_err(failed)?;
    // Only for people: what counts is the lock.
    if let Err(error) = note(&mut file) {
        tracing::debug!(path = %path.display(), %error, "cannot note the process id");
    }
    Ok((AtWork { _file: file }, company))
}

/// Whether an engine is at work on the root; `None` where nobody knows. Makes no file, and ends with nothing locked.
pub(super) fn is_engine_at_work(root: &Path) -> Option<bool> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = match rustix::fs::open(root.join(FILE), flags, Mode::empty()) {
        Ok(file) => file,
        Err(rustix::io::Errno::NOENT) => return Some(false),
        Err(_) => return None,
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Some(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Some(true),
        Err(_) => None,
    }
}

fn note(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

/// The process that was noted last, if it lives: of several engines the last may have gone before the others.
fn noted(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().and_then(|()| file.take(16).read_to_string(&mut text)).ok()?;
    let pid: u32 = text.trim().parse().ok()?;
    std::fs::metadata(Path::new("/proc").join(pid.to_string())).is_ok().then_some(pid)
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
        let beside = Company::Beside(Some(std::process::id()));
        let (first, company) = enter();
        assert_eq!(company, Company::Alone(()));
        let (second, company) = enter();
        assert_eq!(company, beside);
        drop(first);
        assert_eq!(enter().1, beside, "the second is still there");
        drop(second);
        assert_eq!(enter().1, Company::Alone(()));
    }

    #[test]
    fn who_only_looks_sees_engines_and_neither_makes_nor_keeps_anything() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(is_engine_at_work(root.path()), Some(false));
        assert!(!root.path().join(FILE).try_exists().unwrap());
        let (engine, _) = enter(root.path(), || ()).unwrap();
        assert_eq!(is_engine_at_work(root.path()), Some(true));
        drop(engine);
        assert_eq!(is_engine_at_work(root.path()), Some(false), "the file stays, the lock does not");
        assert_eq!(enter(root.path(), || ()).unwrap().1, Company::Alone(()));
    }

    #[test]
    fn a_process_that_is_gone_is_not_named() {
        let root = tempfile::tempdir().unwrap();
        let (engine, _) = enter(root.path(), || ()).unwrap();
        std::fs::write(root.path().join(FILE), "4294967295").unwrap();
        assert_eq!(enter(root.path(), || ()).unwrap().1, Company::Beside(None));
        drop(engine);
    }
}
