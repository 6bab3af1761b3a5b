//! Keys in order, folder by folder.
//!
//! S3 orders keys by their bytes, and there a folder's keys stand where its name *with the slash* stands: `a-b`, then
//! `a/b`, then `a0`. So a folder's entries are sorted with the slash on, and each subtree is one run. A folder of a
//! million files costs memory only for as many names as are asked for: the smallest are picked while it is read.

use std::collections::BinaryHeap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{AtFlags, Dir, FileType, Stat};
use rustix::io::Errno;

use super::keys::{is_hidden, is_too_long};
use super::tree::{describe, failed, open_folder};
use crate::error::{Error, Result};

/// Fewer names than this are not worth another reading of the folder.
const MIN_PICK: usize = 64;

/// Which keys are wanted.
pub(super) struct Wanted<'a> {
    pub prefix: &'a str,
    pub after: Option<&'a str>,
    pub max: usize,
}

/// A regular file and its key.
pub(super) struct Found {
    pub key: String,
    pub stat: Stat,
}

/// Why something is not among the keys.
pub(super) enum LeftOut {
    /// It is no object: a link, a FIFO, a name that is no key.
    Unfit(Error),
    /// It, or what lies in it, may be an object, but cannot be looked at.
    Unreadable(Error),
}

/// Told of what is left out, with its path. An error it returns ends the walk.
pub(super) type OnLeftOut<'a> = &'a mut dyn FnMut(&Path, LeftOut) -> Result<()>;

/// The wanted files of a bucket, in the order of their keys. `path` is the bucket's.
pub(super) fn walk(bucket: OwnedFd, path: &Path, wanted: &Wanted<'_>, left_out: OnLeftOut<'_>) -> Result<Vec<Found>> {
    let mut walk = Walk { path, wanted, left_out, found: Vec::new() };
    walk.folder(&bucket, &mut String::new())?;
    Ok(walk.found)
}

struct Walk<'a> {
    path: &'a Path,
    wanted: &'a Wanted<'a>,
    left_out: OnLeftOut<'a>,
    found: Vec<Found>,
}

impl Walk<'_> {
    /// Walks one folder; `base` is the key prefix all its files share, and is the same afterwards.
    fn folder(&mut self, folder: &OwnedFd, base: &mut String) -> Result<()> {
        let mut last: Option<String> = None;
        loop {
            let limit = self.wanted.max.saturating_sub(self.found.len()).max(MIN_PICK);
            let picked = self.pick(folder, base, last.as_deref(), limit)?;
            let is_all = picked.len() < limit;
            for name in &picked {
                if self.found.len() >= self.wanted.max {
                    return Ok(());
                }
                let end = base.len();
                base.push_str(name);
                let walked = match name.strip_suffix('/') {
                    Some(name) => self.subfolder(folder, name, base),
                    None => self.file(folder, name, base),
                };
                base.truncate(end);
                walked?;
            }
            if is_all {
                return Ok(());
            }
            last = picked.into_iter().next_back();
        }
    }

    fn subfolder(&mut self, parent: &OwnedFd, name: &str, base: &mut String) -> Result<()> {
        match open_folder(parent, name) {
            Ok(folder) => self.folder(&folder, base),
            // Gone, or replaced by something else, since its name was read.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
            Err(errno) => {
                let path = self.path.join(base);
                let error = failed("cannot open folder", &path, errno);
                (self.left_out)(&path, LeftOut::Unreadable(error))
            }
        }
    }

    fn file(&mut self, folder: &OwnedFd, name: &str, key: &str) -> Result<()> {
        match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
                self.found.push(Found { key: key.to_owned(), stat });
                Ok(())
            }
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => {
                let path = self.path.join(key);
                let error = failed("cannot stat", &path, errno);
                (self.left_out)(&path, LeftOut::Unreadable(error))
            }
        }
    }

    /// The first `limit` wanted names after `last`, in order; folders with their slash.
    fn pick(&mut self, folder: &OwnedFd, base: &str, last: Option<&str>, limit: usize) -> Result<Vec<String>> {
        let here = self.path.join(base);
        let unreadable = |errno| LeftOut::Unreadable(failed("cannot read folder", &here, errno));
        // The greatest on top, to be pushed out by a smaller one.
        let mut picked: BinaryHeap<String> = BinaryHeap::new();
        let mut key = String::new();
        let entries = match Dir::read_from(folder) {
            Ok(entries) => entries,
            Err(errno) => return (self.left_out)(&here, unreadable(errno)).map(|()| Vec::new()),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                // Removed while it is read.
                Err(Errno::NOENT) => break,
                Err(errno) => return (self.left_out)(&here, unreadable(errno)).map(|()| Vec::new()),
            };
            let Ok(name) = entry.file_name().to_str() else {
                let path = here.join(PathBuf::from(entry.file_name().to_string_lossy().into_owned()));
                let error = Error::permanent(format!("`{}` has a name that is no UTF-8", path.display()))
                    .hint("rename the file");
                (self.left_out)(&path, LeftOut::Unfit(error))?;
                continue;
            };
            if is_hidden(name) {
                continue;
            }
            key.clear();
            key.push_str(base);
            key.push_str(name);
            let kind = match entry.file_type() {
                FileType::Unknown => match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(_) => continue,
                },
                kind => kind,
            };
            let is_folder = kind == FileType::Directory;
            if is_folder {
                key.push('/');
            }
            let sorted_as = key.get(base.len()..).unwrap_or_default();
            let is_past = last.is_some_and(|last| sorted_as <= last)
                || (picked.len() == limit && picked.peek().is_some_and(|greatest| sorted_as > greatest.as_str()));
            if is_past || !self.wanted.may_hold(&key, is_folder) {
                continue;
            }
            if let Some(why) = unfit(&key, kind) {
                let path = self.path.join(&key);
                let error = Error::permanent(format!("`{}` is {why}, no object", path.display()))
                    .hint("put the photo itself there, as a plain file, or move it away");
                (self.left_out)(&path, LeftOut::Unfit(error))?;
                continue;
            }
            if picked.len() == limit {
                picked.pop();
            }
            picked.push(sorted_as.to_owned());
        }
        Ok(picked.into_sorted_vec())
    }
}

fn unfit(key: &str, kind: FileType) -> Option<&'static str> {
    match kind {
        _ if is_too_long(key) => Some("deeper than a key of 1,024 bytes reaches"),
        FileType::RegularFile | FileType::Directory => None,
        kind => Some(describe(kind)),
    }
}

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
