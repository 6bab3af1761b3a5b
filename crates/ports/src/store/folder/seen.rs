//! Which files of the inbox need no second look.

use std::collections::HashSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use rustix::fs::Stat;
use twox_hash::XxHash3_128;

/// 16 bytes each, so this costs some 35 MB at most.
const MAX_SEEN: usize = 1_000_000;

/// One state of one file: its key, and what changes with its content. The change time is the kernel's own: unlike the
/// modification time nobody sets it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileFingerprint(u128);

impl FileFingerprint {
    pub(super) fn of(key: &str, metadata: &Metadata) -> FileFingerprint {
        Self::hash(key, [metadata.ino(), metadata.len(), metadata.ctime() as u64, metadata.ctime_nsec() as u64])
    }

    #[allow(clippy::unnecessary_cast, reason = "the fields' types differ between architectures")]
    pub(super) fn of_stat(key: &str, stat: &Stat) -> FileFingerprint {
        let numbers = [stat.st_ino as u64, stat.st_size as u64, stat.st_ctime as u64, stat.st_ctime_nsec as u64];
        Self::hash(key, numbers)
    }

    fn hash(key: &str, numbers: [u64; 4]) -> FileFingerprint {
        let mut bytes = Vec::with_capacity(32 + key.len());
        numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
        bytes.extend_from_slice(key.as_bytes());
        FileFingerprint(XxHash3_128::oneshot(&bytes))
    }
}

/// Files that were announced, or found announced, in this run.
#[derive(Default)]
pub(super) struct AnnouncedFiles {
    stamps: HashSet<FileFingerprint>,
}

impl AnnouncedFiles {
    pub(super) fn insert(&mut self, stamp: FileFingerprint) {
        // A file that is not remembered is read again at the next scan: slower, never wrong.
        if !self.is_full() {
            self.stamps.insert(stamp);
        }
    }

    pub(super) fn contains(&self, stamp: FileFingerprint) -> bool {
        self.stamps.contains(&stamp)
    }

    pub(super) fn is_full(&self) -> bool {
        self.stamps.len() >= MAX_SEEN
    }
}
