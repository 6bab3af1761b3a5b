//! Keys in order, folder by folder.
//!
//! S3 orders keys by their bytes, and there a folder's keys stand where its name *with the slash* stands: `a-b`, then
//! `a/b`, then `a0`. So a folder's entries are sorted with the slash on, and each subtree is one run. A folder of a
//! million files costs memory only for as many names as are asked for: the smallest are picked while it is read.

use std::collections::BinaryHeap;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::{Access, AtFlags, FileType, RawDir, SeekFrom, Stat};
use rustix::io::Errno;

use super::keys::{is_hidden, is_too_long};
use super::tree::{PARTIAL, failed, open_folder};
use scanmill_core::domain::Exclusions;
use scanmill_core::domain::WhyLeftOut;
use scanmill_core::error::{Error, Result};

/// Fewer names than this are not worth another reading of the folder.
const MIN_PICK: usize = 64;

/// Room for the names that one call reads of a folder. As much as the C library takes.
pub(super) const NAMES: usize = 32 << 10;

/// Which keys are wanted.
pub(super) struct Wanted<'a> {
    pub prefix: &'a str,
    pub after: Option<&'a str>,
    pub max: usize,
}

/// A regular file and its key.
pub(super) struct FoundFile {
    pub key: String,
    pub stat: Stat,
}

/// What to do with what is not an object.
pub(super) struct Scope<'a> {
    /// Names not to look at.
    pub exclude: Option<&'a Exclusions>,
    /// Whether to leave out files that may not be read, instead of having them found.
    pub is_read_checked: bool,
}

/// Told of what is left out: its path below the bucket (a folder's with a slash), why, and the same for people. An error
/// it returns ends the walk.
pub(super) type OnLeftOut<'a> = &'a mut dyn FnMut(&str, WhyLeftOut, Error) -> Result<()>;

/// The wanted files of a bucket, in the order of their keys. `path` is the bucket's.
pub(super) fn walk(
    bucket: OwnedFd,
    path: &Path,
    wanted: &Wanted<'_>,
    scope: &Scope<'_>,
    left_out: OnLeftOut<'_>,
) -> Result<Vec<FoundFile>> {
    let mut walk = Walk { path, wanted, scope, left_out, found: Vec::new(), names: vec![MaybeUninit::uninit(); NAMES] };
    walk.folder(&bucket, &mut String::new())?;
    Ok(walk.found)
}

struct Walk<'a> {
    path: &'a Path,
    wanted: &'a Wanted<'a>,
    scope: &'a Scope<'a>,
    left_out: OnLeftOut<'a>,
    found: Vec<FoundFile>,
    /// Names of the folder that is being read. Folders are read one after the other, so that one room is enough.
    names: Vec<MaybeUninit<u8>>,
}

/// An entry of a folder. In order of its name, folders with their slash.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Picked {
    sorted_as: String,
    left_out: Option<WhyLeftOut>,
}

impl Walk<'_> {
    /// Walks one folder that nobody has read from yet; `base` is the key prefix all its files share, and is the same
    /// afterwards.
    fn folder(&mut self, folder: &OwnedFd, base: &mut String) -> Result<()> {
        let mut last: Option<String> = None;
        loop {
            let limit = self.wanted.max.saturating_sub(self.found.len()).max(MIN_PICK);
            let picked = self.pick(folder, base, last.as_deref(), limit)?;
            let is_all = picked.len() < limit;
            for Picked { sorted_as: name, left_out } in &picked {
                if self.found.len() >= self.wanted.max {
                    return Ok(());
                }
                let end = base.len();
                base.push_str(name);
                let walked = match (left_out, name.strip_suffix('/')) {
                    (Some(why), _) => self.leave_out(base.trim_end_matches(NO_KEY), *why),
                    (None, Some(name)) => self.subfolder(folder, name, base),
                    (None, None) => self.file(folder, name, base),
                };
                base.truncate(end);
                walked?;
            }
            if is_all {
                return Ok(());
            }
            last = picked.into_iter().next_back().map(|picked| picked.sorted_as);
            // From its beginning once more.
            if let Err(errno) = rustix::fs::seek(folder, SeekFrom::Start(0)) {
                return self.unreadable(base, "cannot read folder", errno);
            }
        }
    }

    fn subfolder(&mut self, parent: &OwnedFd, name: &str, base: &mut String) -> Result<()> {
        match open_folder(parent, name) {
            Ok(folder) => self.folder(&folder, base),
            // Gone, or replaced by something else, since its name was read.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
            Err(errno) => self.unreadable(base, "cannot open folder", errno),
        }
    }

    fn file(&mut self, folder: &OwnedFd, name: &str, key: &str) -> Result<()> {
        match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
                if self.scope.is_read_checked
                    && let Err(errno @ (Errno::ACCESS | Errno::PERM)) =
                        rustix::fs::accessat(folder, name, Access::READ_OK, AtFlags::empty())
                {
                    return self.unreadable(key, "cannot open", errno);
                }
                self.found.push(FoundFile { key: key.to_owned(), stat });
                Ok(())
            }
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => self.unreadable(key, "cannot stat", errno),
        }
    }

    fn unreadable(&mut self, key: &str, what: &str, errno: Errno) -> Result<()> {
        (self.left_out)(key, WhyLeftOut::Unreadable, failed(what, &self.path.join(key), errno))
    }

    fn leave_out(&mut self, key: &str, why: WhyLeftOut) -> Result<()> {
        (self.left_out)(key, why, left_out_error(&self.path.join(key), why))
    }

    /// The first `limit` wanted names after `last`, in order, with those that are not objects.
    fn pick(&mut self, folder: &OwnedFd, base: &str, last: Option<&str>, limit: usize) -> Result<Vec<Picked>> {
        let mut names = std::mem::take(&mut self.names);
        let picked = self.pick_of(RawDir::new(folder, &mut names), folder, base, last, limit);
        self.names = names;
        picked
    }

    fn pick_of(
        &mut self,
        mut entries: RawDir<'_, &OwnedFd>,
        folder: &OwnedFd,
        base: &str,
        last: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Picked>> {
        // The greatest on top, to be pushed out by a smaller one.
        let mut picked: BinaryHeap<Picked> = BinaryHeap::new();
        let mut key = String::new();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                // Removed while it is read.
                Err(Errno::NOENT) => break,
                Err(errno) => return self.unreadable(base, "cannot read folder", errno).map(|()| Vec::new()),
            };
            key.clear();
            key.push_str(base);
            let (left_out, is_folder) = match entry.file_name().to_str() {
                Err(_) => {
                    key.push_str(&escaped(entry.file_name().to_bytes()));
                    // A mark that no name can have: the escaped name may be that of another file.
                    key.push(NO_KEY);
                    (Some(WhyLeftOut::NotUtf8), false)
                }
                Ok("." | ".." | PARTIAL) => continue,
                Ok(name) => {
                    key.push_str(name);
                    let kind = match entry.file_type() {
                        FileType::Unknown => match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                            Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                            Err(_) => continue,
                        },
                        kind => kind,
                    };
                    (self.why_left_out(&key, name, kind), kind == FileType::Directory)
                }
            };
            if is_folder {
                key.push('/');
            }
            let sorted_as = key.get(base.len()..).unwrap_or_default();
            let is_past = last.is_some_and(|last| sorted_as <= last)
                || (picked.len() == limit
                    && picked.peek().is_some_and(|greatest| sorted_as > greatest.sorted_as.as_str()));
            if is_past || !self.wanted.may_hold(&key, is_folder) {
                continue;
            }
            if picked.len() == limit {
                picked.pop();
            }
            picked.push(Picked { sorted_as: sorted_as.to_owned(), left_out });
        }
        Ok(picked.into_sorted_vec())
    }

    fn why_left_out(&self, key: &str, name: &str, kind: FileType) -> Option<WhyLeftOut> {
        if self.scope.exclude.is_some_and(|exclude| exclude.excludes_entry(key)) {
            return Some(WhyLeftOut::Excluded);
        }
        if is_hidden(name) {
            return Some(WhyLeftOut::Hidden);
        }
        if is_too_long(key) {
            return Some(WhyLeftOut::TooLong);
        }
        unfit(kind)
    }
}

/// A name that is not UTF-8, for people: `odd-\xff.jpg`.
fn escaped(name: &[u8]) -> String {
    let mut text = String::new();
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// Why a file of this kind is not an object.
pub(super) fn unfit(kind: FileType) -> Option<WhyLeftOut> {
    match kind {
        FileType::RegularFile | FileType::Directory => None,
        FileType::Symlink => Some(WhyLeftOut::Symlink),
        FileType::Fifo => Some(WhyLeftOut::Fifo),
        FileType::Socket => Some(WhyLeftOut::Socket),
        FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => Some(WhyLeftOut::Device),
    }
}

/// The same for people, with the way out.
pub(super) fn left_out_error(path: &Path, why: WhyLeftOut) -> Error {
    let path = path.display();
    let (what, hint) = match why {
        WhyLeftOut::Symlink => ("is a symbolic link", PLAIN_FILE),
        WhyLeftOut::Fifo => ("is a FIFO", PLAIN_FILE),
        WhyLeftOut::Socket => ("is a socket", PLAIN_FILE),
        WhyLeftOut::Device => ("is a device", PLAIN_FILE),
        WhyLeftOut::NotUtf8 => ("has a name that is not UTF-8", "rename the file"),
        WhyLeftOut::TooLong => ("lies deeper than a key of 1,024 bytes reaches", "move it up or shorten its names"),
        WhyLeftOut::Unreadable => ("cannot be read", "check its owner and mode"),
        WhyLeftOut::Hidden => ("has a name that begins with a dot", "rename it if it is a photo"),
        WhyLeftOut::Excluded => {
            ("is excluded", "change filter.exclude or filter.exclude_housekeeping if it is a photo")
        }
    };
    Error::permanent(format!("`{path}` {what}")).with_hint(hint)
}

const PLAIN_FILE: &str = "put the photo itself there, as a plain file, or move it away";

/// Ends what stands for a name that is not a key.
const NO_KEY: char = '\0';

impl Wanted<'_> {
    /// Whether this key, or one below this folder (whose key ends with the slash), may be wanted.
    fn may_hold(&self, key: &str, is_folder: bool) -> bool {
        let has_prefix = key.starts_with(self.prefix) || (is_folder && self.prefix.starts_with(key));
        // All keys of a folder that sorts before `after` do so too, unless `after` is one of them.
        has_prefix && self.after.is_none_or(|after| key > after || (is_folder && after.starts_with(key)))
    }
}

/// See [`super::arrived_at`].
#[allow(clippy::unnecessary_cast, reason = "the fields' types differ between architectures")]
pub(super) fn arrived_at(stat: &Stat) -> Option<Timestamp> {
    super::arrived(stat.st_ctime as i64, stat.st_ctime_nsec as i64)
}
