//! Whether somebody has a file open for writing.
//!
//! A pause says little: a slow card, a phone over MTP or a stalled copy rests for seconds in the middle of a file. The
//! kernel knows. It grants a read lease only on a file that no process of this machine has open for writing, so asking
//! for one is the question.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use rustix::fs::fstatfs;

/// The kernel's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileWriter {
    /// No process of this machine can write to the file.
    None,
    /// A process has it open for writing.
    Open,
    /// The kernel does not say: another user's file and no `CAP_LEASE`, or a file system without leases.
    Unknown,
}

/// File systems whose files are also written from elsewhere: NFS, SMB and its older forms, FUSE (also `sshfs` and phones
/// over MTP), 9p and virtiofs (folders of a virtual machine's host), Ceph, AFS, Coda, OCFS2, GFS2, Lustre. Some refuse
/// every lease with the very error that elsewhere means an open writer.
const SHARED_FILE_SYSTEMS: &[u64] = &[
    0x6969,
    0xff53_4d42,
    0xfe53_4d42,
    0x517b,
    0x6573_5546,
    0x0102_1997,
    0x00c3_6400,
    0x5346_414f,
    0x6b41_4653,
    0x7375_7245,
    0x7461_636f,
    0x0116_1970,
    0x0bd0_0bd0,
    0x6a65_6a63,
];

/// `F_SETSIG` of `asm-generic/fcntl.h`, which the libc crate leaves out: which signal tells of a broken lease.
const F_SETSIG: i32 = 10;

/// How long a lease surely keeps writers waiting: well below the kernel's `/proc/sys/fs/lease-break-time`, 45 seconds
/// unless somebody set it, after which it is taken away.
pub(super) const LEASE_LASTS: Duration = Duration::from_secs(4);

/// Whether a file lies on one of [`SHARED_FILE_SYSTEMS`].
#[allow(clippy::unnecessary_cast, clippy::cast_sign_loss, reason = "the field's type differs between architectures")]
pub(super) fn is_written_elsewhere(file: impl AsFd) -> bool {
    fstatfs(file).is_ok_and(|stat| SHARED_FILE_SYSTEMS.contains(&(stat.f_type as u32 as u64)))
}

/// Which file systems are written from elsewhere, each asked about once.
#[derive(Debug, Default)]
pub(super) struct FileSystems {
    /// The device of the last file, and whether.
    last: Option<(u64, bool)>,
}

impl FileSystems {
    /// Whether files on the device of `file` are also written from elsewhere.
    pub(super) fn are_shared(&mut self, file: &File, device: u64) -> bool {
        match self.last {
            Some((last, is_shared)) if last == device => is_shared,
            _ => {
                let is_shared = is_written_elsewhere(file);
                self.last = Some((device, is_shared));
                is_shared
            }
        }
    }
}

/// Asks about a file that was opened for reading only; `is_shared` where it is also written from elsewhere.
///
/// With [`FileWriter::None`] the lease is held until the file is closed: who wants to write meanwhile waits in `open`, for
/// as long as the photo takes to be read, and is never met half-way. The kernel lets nobody wait for longer than
/// `/proc/sys/fs/lease-break-time`, 45 seconds.
pub(super) fn writer_of(file: &File, is_shared: bool) -> FileWriter {
    if is_shared {
        return FileWriter::Unknown;
    }
    let fcntl = |command: i32, argument: i32| {
        // SAFETY: these commands take a descriptor, which `file` keeps open, and a plain number; no memory is passed.
        let answer = unsafe { libc::fcntl(file.as_raw_fd(), command, argument) };
        if answer == -1 { Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)) } else { Ok(()) }
    };
    // Whoever opens the file while we hold the lease has the kernel send us a signal. SIGIO, the usual one, would end
    // the process; SIGURG is ignored by default.
    if fcntl(F_SETSIG, libc::SIGURG).is_err() {
        return FileWriter::Unknown;
    }
    match fcntl(libc::F_SETLEASE, libc::F_RDLCK) {
        Ok(()) => FileWriter::None,
        Err(libc::EAGAIN) => FileWriter::Open,
        Err(_) => FileWriter::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    fn ask(file: &File) -> FileWriter {
        writer_of(file, FileSystems::default().are_shared(file, 0))
    }

    #[test]
    fn an_open_writer_is_seen_and_a_closed_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("photo.jpg");
        let created = File::create(&path).unwrap();
        let reader = || File::open(&path).unwrap();
        if ask(&reader()) == FileWriter::Unknown {
            eprintln!("skipped: no leases on the file system of {}", folder.path().display());
            return;
        }
        assert_eq!(ask(&reader()), FileWriter::Open);
        drop(created);
        assert_eq!(ask(&reader()), FileWriter::None);
        let appending = OpenOptions::new().append(true).open(&path).unwrap();
        assert_eq!(ask(&reader()), FileWriter::Open);
        drop(appending);
        // Asked again and with other readers about: readers do not disturb each other.
        let (one, other) = (reader(), reader());
        assert_eq!((ask(&one), ask(&other), ask(&one)), (FileWriter::None, FileWriter::None, FileWriter::None));
        // Writers are not held up once the file is closed.
        drop((one, other));
        OpenOptions::new().write(true).open(&path).unwrap();
    }

    #[test]
    fn writers_that_come_while_it_is_asked_do_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("photo.jpg");
        std::fs::write(&path, "x").unwrap();
        let until = std::time::Instant::now() + Duration::from_millis(300);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while std::time::Instant::now() < until {
                        OpenOptions::new().write(true).open(&path).unwrap();
                    }
                });
            }
            while std::time::Instant::now() < until {
                ask(&File::open(&path).unwrap());
            }
        });
    }
}
