//! One look at one name in the inbox: is it a photo to announce?

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::fs::FileType;
use tokio_util::sync::CancellationToken;
use twox_hash::xxhash3_128;

use super::seen::FileFingerprint;
use super::tree::{Opened, describe};
use super::walk::{left_out_error, unfit};
use super::writer::{FileSystems, FileWriter, LEASE_LASTS, writer_of};
use super::{FolderInner, arrived_at, etag, keys};
use crate::store::ObjectMetadata;
use scanmill_core::domain::PhotoRef;
use scanmill_core::domain::WhyLeftOut;
use scanmill_core::error::{Class, Error, Result};

/// What one look found.
pub(super) enum FileStatus {
    /// A finished file that is not yet known here.
    Photo(PhotoRef, FileFingerprint),
    /// In this state it was announced before.
    Known,
    /// It changed a moment ago, or while it was read.
    Changing,
    /// Somebody has it open for writing.
    BeingWritten,
    /// Gone again.
    Gone,
    /// A folder, whose files are to be looked at.
    Folder,
    /// No object, or one that cannot be read, and why.
    LeftOut(WhyLeftOut, Error),
}

/// When a file is taken for finished.
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    /// How long a file must have been unchanged that nobody has open for writing. It also gives a `put` the time to
    /// announce what it wrote.
    pub closed: Duration,
    /// The same where nobody can tell whether a file is open for writing.
    pub quiet: Duration,
    /// A file that is open for writing and has not changed for this long is read as it is: its writer may have forgotten
    /// it. If it changes after all, what was read is superseded.
    pub stalled: Duration,
}

impl Default for Rest {
    fn default() -> Rest {
        Rest { closed: Duration::from_secs(1), quiet: Duration::from_secs(10), stalled: Duration::from_secs(3_600) }
    }
}

impl Rest {
    /// How long a file must have been unchanged to be taken for finished.
    fn needed(&self, writer: FileWriter, was_closed: bool) -> Duration {
        match writer {
            FileWriter::None => self.closed,
            FileWriter::Open => self.stalled,
            FileWriter::Unknown if was_closed => self.closed,
            FileWriter::Unknown => self.quiet.max(self.closed),
        }
    }
}

/// What many looks share.
pub(super) struct Looking<'a> {
    pub shared: &'a FolderInner,
    pub bucket: &'a str,
    pub rest: Rest,
    pub cancel: &'a CancellationToken,
    buffer: Vec<u8>,
    bytes_read: u64,
    file_systems: FileSystems,
}

impl<'a> Looking<'a> {
    pub(super) fn new(
        shared: &'a FolderInner,
        bucket: &'a str,
        rest: Rest,
        cancel: &'a CancellationToken,
    ) -> Looking<'a> {
        let (buffer, file_systems) = (Vec::new(), FileSystems::default());
        Looking { shared, bucket, rest, cancel, buffer, bytes_read: 0, file_systems }
    }

    /// Bytes read by all of them so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }
}

/// Looks at `key`. One that is not known is read to its end for its eTag, unless `cancel` comes first. `was_closed` when
/// the kernel reported that its writer closed it.
pub(super) fn examine(looking: &mut Looking<'_>, key: &str, was_closed: bool) -> FileStatus {
    let Looking { shared, bucket, rest, cancel, buffer, bytes_read, file_systems } = looking;
    let (shared, bucket) = (*shared, *bucket);
    let opened = keys::object_path(bucket, key).and_then(|at| shared.tree.open_object(&at));
    let (file, metadata) = match opened {
        Ok(Opened::File(file, metadata)) => (file, metadata),
        Ok(Opened::Other(FileType::Directory)) => return FileStatus::Folder,
        Ok(Opened::Other(kind)) => {
            let why = unfit(kind).unwrap_or(WhyLeftOut::Device);
            return FileStatus::LeftOut(why, left_out_error(&shared.tree.bucket_path(bucket).join(key), why));
        }
        Err(error) if error.class() == Class::Missing => return FileStatus::Gone,
        Err(error) => return FileStatus::LeftOut(WhyLeftOut::Unreadable, error),
    };
    let stamp = FileFingerprint::of(key, &metadata);
    let is_known = |stamp| {
        let seen = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.as_ref().is_some_and(|seen| seen.contains(stamp))
    };
    if is_known(stamp) {
        return FileStatus::Known;
    }
    let age = age(&metadata);
    // The cheap question first.
    if age < rest.closed {
        return FileStatus::Changing;
    }
    let asked_at = Instant::now();
    let writer = writer_of(&file, file_systems.are_shared(&file, metadata.dev()));
    match writer {
        _ if age >= rest.needed(writer, was_closed) => {}
        FileWriter::Open => return FileStatus::BeingWritten,
        FileWriter::None | FileWriter::Unknown => return FileStatus::Changing,
    }
    *bytes_read += metadata.len();
    let hashed = hash(&file, metadata.len(), buffer, cancel).and_then(|hash| {
        // Under the lease nobody could write; without one the file may have changed while it was read.
        let is_guarded = writer == FileWriter::None && asked_at.elapsed() < LEASE_LASTS;
        Ok((hash, if is_guarded { metadata.clone() } else { file.metadata()? }))
    });
    match hashed {
        Ok((Some((hash, size)), after)) if FileFingerprint::of(key, &after) == stamp && size == after.len() => {
            let photo = PhotoRef {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                version_id: None,
                etag: Some(etag(hash)),
                size_bytes: Some(size),
                sequencer: Some(shared.sequencer()),
                uploaded_at: arrived_at(&metadata),
            };
            FileStatus::Photo(photo, stamp)
        }
        Ok(_) => FileStatus::Changing,
        Err(error) => {
            let path = shared.tree.bucket_path(bucket).join(key);
            FileStatus::LeftOut(WhyLeftOut::Unreadable, Error::io("cannot read", &path, error))
        }
    }
}

/// What `key` holds now.
pub(super) fn head(shared: &FolderInner, bucket: &str, key: &str) -> Result<ObjectMetadata> {
    let path = || shared.tree.bucket_path(bucket).join(key);
    let (file, metadata) = match shared.tree.open_object(&keys::object_path(bucket, key)?)? {
        Opened::File(file, metadata) => (file, metadata),
        Opened::Other(kind) => {
            return Err(Error::permanent(format!("`{}` is {}, no object", path().display(), describe(kind))));
        }
    };
    match hash(&file, metadata.len(), &mut Vec::new(), &CancellationToken::new()) {
        Ok(Some((hash, size_bytes))) => {
            Ok(ObjectMetadata { size_bytes, etag: etag(hash), version_id: None, modified_at: arrived_at(&metadata) })
        }
        Ok(None) => Err(Error::bug("hashing was cancelled, although nothing cancels it")),
        Err(error) => Err(Error::io("cannot read", &path(), error)),
    }
}

/// How long ago the file changed. By the change time, as nobody sets it: a copy that keeps its original's modification
/// time is fresh all the same.
fn age(metadata: &Metadata) -> Duration {
    let nanos = i32::try_from(metadata.ctime_nsec()).unwrap_or(0);
    let Ok(changed_at) = Timestamp::new(metadata.ctime(), nanos) else { return Duration::MAX };
    let age = Timestamp::now().duration_since(changed_at);
    // In the future only when the clock was set back; waiting for it would be waiting too long.
    if age.is_negative() { Duration::MAX } else { age.unsigned_abs() }
}

/// What is read at once for a hash.
const READ: usize = 256 << 10;

/// Hash and length of what the file holds; `None` when cancelled. A file as long as `expected` is read once, through
/// `buffer`.
fn hash(
    mut file: &File,
    expected: u64,
    buffer: &mut Vec<u8>,
    cancel: &CancellationToken,
) -> std::io::Result<Option<(u128, u64)>> {
    let mut hasher = xxhash3_128::Hasher::new();
    // One more than expected, so that its end is seen in the same read.
    let room = usize::try_from(expected).unwrap_or(READ).saturating_add(1).clamp(4 << 10, READ);
    if buffer.len() < room {
        buffer.resize(room, 0);
    }
    let mut size = 0;
    loop {
        if cancel.is_cancelled() {
            return Ok(None);
        }
        match file.read(buffer) {
            Ok(0) => return Ok(Some((hasher.finish_128(), size))),
            Ok(read) => {
                hasher.write(buffer.get(..read).unwrap_or_default());
                size += read as u64;
                // Room was left and all that is expected came.
                if size == expected && read < buffer.len() {
                    return Ok(Some((hasher.finish_128(), size)));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_file_must_rest_depends_on_what_is_known_of_its_writer() {
        let rest = Rest::default();
        for (writer, was_closed, seconds) in [
            (FileWriter::None, false, 1),
            (FileWriter::None, true, 1),
            (FileWriter::Unknown, true, 1),
            (FileWriter::Unknown, false, 10),
            (FileWriter::Open, false, 3_600),
            // Another writer may have come since.
            (FileWriter::Open, true, 3_600),
        ] {
            assert_eq!(rest.needed(writer, was_closed).as_secs(), seconds, "{writer:?} {was_closed}");
        }
        let hasty = Rest { quiet: Duration::ZERO, ..rest };
        assert_eq!(hasty.needed(FileWriter::Unknown, false), rest.closed);
    }
}
