//! Files below the root, reached in a way that cannot leave it and written so that a reader sees all or nothing.
//!
//! A file is opened by one `openat2` from the root's handle, which neither follows a symbolic link nor leaves the root.
//! Where that opens nothing (an old kernel, a link, a name that is not there) every step is an `openat` of one name with
//! `O_NOFOLLOW`, which also tells what was wrong. Either way nothing that another process does to the folders meanwhile
//! leads outside: there is no path that is checked first and used later. The root itself may be reached over links;
//! whoever configures it chooses it.

use std::fs::{File, Metadata};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::Errno;

use super::cached::Cached;
use super::keys::{ObjectPath, check_bucket};
use crate::store::PutMode;
use scanmill_core::error::{Class, Error, Result};

/// Half-written files lie here, one such folder per bucket: on the bucket's file system, so that a rename moves them
/// into place, and out of every listing.
pub(super) const PARTIAL: &str = ".scanmill-partial";
/// Without `NONBLOCK` the open of a FIFO waits for its writer.
pub(super) const OPEN_OBJECT: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
/// How a folder is opened that is not reached over a link.
pub(super) const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Neither out of the root nor over a link.
pub(super) const WITHIN: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);
const ALL: Mode = Mode::from_raw_mode(0o777);
const ALL_BUT_EXECUTE: Mode = Mode::from_raw_mode(0o666);

/// The folder that holds the buckets.
pub(super) struct Tree {
    root: OwnedFd,
    path: PathBuf,
    cached: Cached,
}

/// What a name led to.
pub(super) enum Opened {
    /// A regular file, opened for reading.
    File(File, Metadata),
    /// Something else.
    Other(FileType),
}

impl Tree {
    pub(super) fn open(root: &Path) -> Result<Tree> {
        // Absolute from here on, so that a change of the working directory does not matter.
        let path = root.canonicalize().map_err(|error| {
            let made = Error::io("cannot open the store's folder", root, error);
            if made.class() == Class::Missing { made.with_hint("make the folder, or set `local.root`") } else { made }
        })?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(&path, flags, Mode::empty())
            .map_err(|errno| Error::io("cannot open the store's folder", &path, errno.into()))?;
        let cached = Cached::of(&root);
        Ok(Tree { root, path, cached })
    }

    /// The path of a bucket, for messages and for inotify.
    pub(super) fn bucket_path(&self, bucket: &str) -> PathBuf {
        self.path.join(bucket)
    }

    fn path_of(&self, at: &ObjectPath<'_>) -> PathBuf {
        let mut path = self.path.clone();
        path.extend(&at.folders);
        path.push(at.name);
        path
    }

    /// The folder of a bucket; with `make`, made if absent.
    pub(super) fn bucket(&self, bucket: &str, make: bool) -> Result<OwnedFd> {
        check_bucket(bucket)?;
        self.folder(&[bucket], make)
    }

    /// Whether names in a bucket's folder can be looked up: its mode may allow opening it and nothing else.
    pub(super) fn search(&self, folder: &OwnedFd, bucket: &str) -> Result<()> {
        match rustix::fs::statat(folder, ".scanmill-probe", AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(failed("cannot inspect", &self.bucket_path(bucket), errno)),
        }
    }

    /// The folder reached over `names`. With `make`, those absent are made, durably.
    fn folder(&self, names: &[&str], make: bool) -> Result<OwnedFd> {
        let mut path = self.path.clone();
        let mut folder: Option<OwnedFd> = None;
        for name in names {
            path.push(name);
            let parent = folder.as_ref().unwrap_or(&self.root);
            let next = match open_folder(parent, name) {
                Err(Errno::NOENT) if make => {
                    match rustix::fs::mkdirat(parent, *name, ALL) {
                        // Made by another writer meanwhile: as good.
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(errno) => return Err(failed("cannot make folder", &path, errno)),
                    }
                    rustix::fs::fsync(parent).map_err(|errno| failed("cannot sync the folder of", &path, errno))?;
                    open_folder(parent, name)
                }
                other => other,
            };
            folder = Some(next.map_err(|errno| match errno {
                Errno::NOTDIR | Errno::LOOP => not_a_folder(parent, name, &path, make),
                _ => failed("cannot open folder", &path, errno),
            })?);
        }
        folder.ok_or_else(|| Error::bug("a folder without a name was asked for"))
    }

    /// Opens what lies at a key; never blocks on it, whatever it is.
    pub(super) fn open_object(&self, at: &ObjectPath<'_>) -> Result<Opened> {
        let file = match self.open_at_once(at) {
            Ok(file) => File::from(file),
            Err(_) => match self.open_by_steps(at)? {
                (_, Ok(file)) => File::from(file),
                (folder, Err(errno)) => {
                    // Links and sockets cannot be opened; an unreadable FIFO is a FIFO first of all.
                    let stat = rustix::fs::statat(&folder, at.name, AtFlags::SYMLINK_NOFOLLOW);
                    return match stat.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
                        Ok(kind) if kind != FileType::RegularFile => Ok(Opened::Other(kind)),
                        _ => Err(failed("cannot open", &self.path_of(at), errno)),
                    };
                }
            },
        };
        let metadata = file.metadata().map_err(|error| Error::io("cannot stat", &self.path_of(at), error))?;
        if metadata.is_file() {
            return Ok(Opened::File(file, metadata));
        }
        let stat = rustix::fs::fstat(&file).map_err(|errno| failed("cannot stat", &self.path_of(at), errno))?;
        Ok(Opened::Other(FileType::from_raw_mode(stat.st_mode)))
    }

    /// Opens a file by one call, whatever the depth of its key.
    fn open_at_once(&self, at: &ObjectPath<'_>) -> Result<OwnedFd, Errno> {
        rustix::fs::openat2(&self.root, path_below(at), OPEN_OBJECT, Mode::empty(), WITHIN)
    }

    /// Opens a file folder by folder; its folder, and the file or why it cannot be opened.
    fn open_by_steps(&self, at: &ObjectPath<'_>) -> Result<(OwnedFd, Result<OwnedFd, Errno>)> {
        let folder = self.folder(&at.folders, false)?;
        let file = rustix::fs::openat(&folder, at.name, OPEN_OBJECT, Mode::empty());
        Ok((folder, file))
    }

    /// Reads an object that is at hand, see [`Cached::read`].
    pub(super) fn read_at_hand(&self, at: &ObjectPath<'_>, max_bytes: u64) -> Option<(Vec<u8>, Metadata)> {
        self.cached.read(&self.root, at, max_bytes)
    }

    /// Reads an object whole, unless it has more than `max_bytes`.
    pub(super) fn read(&self, at: &ObjectPath<'_>, max_bytes: u64) -> Result<(Vec<u8>, Metadata)> {
        let (file, metadata) = match self.open_object(at)? {
            Opened::File(file, metadata) => (file, metadata),
            Opened::Other(kind) => {
                let path = self.path_of(at);
                let message = format!("`{}` is not a regular object but {}", path.display(), describe(kind));
                return Err(Error::permanent(message).with_hint("put the photo itself there, as a plain file"));
            }
        };
        let too_large = |size: u64| {
            let path = self.path_of(at);
            let message = format!("`{}` has {size} bytes, more than the {max_bytes} allowed", path.display());
            Error::too_large(message).with_hint("raise `limits.max_file_bytes` if such photos are wanted")
        };
        if metadata.len() > max_bytes {
            return Err(too_large(metadata.len()));
        }
        let bytes = read_whole(&file, metadata.len(), max_bytes)
            .map_err(|errno| Error::io("cannot read", &self.path_of(at), errno.into()))?;
        if bytes.len() as u64 > max_bytes {
            return Err(too_large(bytes.len() as u64));
        }
        Ok((bytes, metadata))
    }

    /// Writes an object, durably; `None` when the key is taken and `mode` leaves it alone. The file is the one written.
    pub(super) fn write(&self, at: &ObjectPath<'_>, bytes: &[u8], mode: PutMode) -> Result<Option<File>> {
        let path = self.path_of(at);
        let folder = self.folder(&at.folders, true)?;
        if mode == PutMode::CreateOnce && self.is_taken(&folder, at)? {
            return Ok(None);
        }
        let bucket = at.folders.first().copied().unwrap_or_default();
        let mut partial = Partial::create(self.folder(&[bucket, PARTIAL], true)?, &path)?;
        partial
            .file
            .write_all(bytes)
            .and_then(|()| partial.file.sync_all())
            .map_err(|error| Error::io("cannot write", &path, error))?;
        let moved = match mode {
            PutMode::Overwrite => partial.move_over(&folder, at.name),
            PutMode::CreateOnce => partial.move_if_free(&folder, at.name),
        };
        match moved {
            Ok(()) => {}
            // Another writer was first.
            Err(Errno::EXIST) if mode == PutMode::CreateOnce => {
                return if self.is_taken(&folder, at)? {
                    Ok(None)
                } else {
                    Err(Error::transient(format!("`{}` came and went while it was written", path.display())))
                };
            }
            Err(errno) => return Err(failed("cannot put in place", &path, errno)),
        }
        rustix::fs::fsync(&folder).map_err(|errno| failed("cannot sync the folder of", &path, errno))?;
        let file = partial.file.try_clone().map_err(|error| Error::io("cannot keep open", &path, error))?;
        Ok(Some(file))
    }

    /// Whether a regular file has this name. Then its entry is durable too: who is told so may rely on the object.
    fn is_taken(&self, folder: &OwnedFd, at: &ObjectPath<'_>) -> Result<bool> {
        let path = self.path_of(at);
        match rustix::fs::statat(folder, at.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(failed("cannot stat", &path, errno)),
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => {
                    rustix::fs::fsync(folder).map_err(|errno| failed("cannot sync the folder of", &path, errno))?;
                    Ok(true)
                }
                kind => {
                    let message = format!("`{}` cannot be written: there is {}", path.display(), describe(kind));
                    Err(Error::permanent(message).with_hint("move it away; a folder cannot hold both `a` and `a/b`"))
                }
            },
        }
    }

    /// Removes an object; whether it was there. Only [`Tree::sync`] makes that durable.
    pub(super) fn remove(&self, at: &ObjectPath<'_>) -> Result<bool> {
        let folder = match self.folder(&at.folders, false) {
            Err(error) if error.class() == Class::Missing => return Ok(false),
            folder => folder?,
        };
        match rustix::fs::unlinkat(&folder, at.name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(failed("cannot remove", &self.path_of(at), errno)),
        }
    }

    /// Makes what was done to the names in a folder durable.
    pub(super) fn sync(&self, folders: &[&str]) -> Result<()> {
        let path = folders.iter().fold(self.path.clone(), |path, name| path.join(name));
        rustix::fs::fsync(self.folder(folders, false)?).map_err(|errno| failed("cannot sync the folder", &path, errno))
    }

    /// Removes half-written files that a killed process left. An hour is far longer than any write takes.
    pub(super) fn sweep(&self) {
        let Ok(buckets) = std::fs::read_dir(&self.path) else { return };
        let partials = buckets.flatten().filter_map(|bucket| std::fs::read_dir(bucket.path().join(PARTIAL)).ok());
        for entry in partials.flatten().flatten() {
            let age =
                entry.metadata().and_then(|metadata| metadata.modified()).map(|at| at.elapsed().unwrap_or_default());
            if age.is_ok_and(|age| age.as_secs() > 3_600)
                && let Err(error) = std::fs::remove_file(entry.path())
            {
                tracing::debug!(path = %entry.path().display(), %error, "a partly written file was left behind");
            }
        }
    }
}

/// A file in the making; removed unless it was moved into place.
struct Partial {
    folder: OwnedFd,
    name: String,
    file: File,
    is_moved: bool,
}

impl Partial {
    fn create(folder: OwnedFd, path: &Path) -> Result<Partial> {
        // Not the process id: two containers may share it.
        let name = format!("{:016x}", rand::random::<u64>());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, name.as_str(), flags, ALL_BUT_EXECUTE)
            .map_err(|errno| failed("cannot start to write", path, errno))?;
        Ok(Partial { folder, name, file: File::from(file), is_moved: false })
    }

    fn move_over(&mut self, folder: &OwnedFd, name: &str) -> Result<(), Errno> {
        rustix::fs::renameat(&self.folder, self.name.as_str(), folder, name)?;
        self.is_moved = true;
        Ok(())
    }

    fn move_if_free(&mut self, folder: &OwnedFd, name: &str) -> Result<(), Errno> {
        let from = self.name.as_str();
        match rustix::fs::renameat_with(&self.folder, from, folder, name, RenameFlags::NOREPLACE) {
            Ok(()) => {
                self.is_moved = true;
                Ok(())
            }
            // Not every file system can: a hard link also fails when the name is taken, and leaves the first name,
            // which Drop removes.
            Err(Errno::INVAL | Errno::NOSYS) => rustix::fs::linkat(&self.folder, from, folder, name, AtFlags::empty()),
            Err(errno) => Err(errno),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_moved {
            // What cannot be removed now is swept at a later start.
            let _ = rustix::fs::unlinkat(&self.folder, self.name.as_str(), AtFlags::empty());
        }
    }
}

/// An object's path from the root.
pub(super) fn path_below(at: &ObjectPath<'_>) -> String {
    let mut path = String::with_capacity(256);
    at.folders.iter().for_each(|folder| path.extend([folder, "/"]));
    path.push_str(at.name);
    path
}

/// What a file holds, at most one byte more than `max_bytes`; one call where the file is as long as `expected`.
fn read_whole(file: &File, expected: u64, max_bytes: u64) -> Result<Vec<u8>, Errno> {
    // One more than expected and than allowed, to see a file that grew or grows.
    let most = usize::try_from(max_bytes.saturating_add(1)).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0).saturating_add(1).min(most));
    loop {
        if bytes.len() == bytes.capacity() {
            bytes.reserve(bytes.len().clamp(1, most.saturating_sub(bytes.len()).max(1)));
        }
        match rustix::io::read(file, spare_capacity(&mut bytes)) {
            Ok(0) => return Ok(bytes),
            // Room was left: that was the end. Short of what is expected it may have been an interruption.
            Ok(_) if bytes.len() as u64 == expected && bytes.len() < bytes.capacity() => return Ok(bytes),
            Ok(_) if bytes.len() >= most => return Ok(bytes),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// A folder's one child folder.
pub(super) fn open_folder(parent: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(parent, name, FOLDER, Mode::empty())
}

fn not_a_folder(parent: &OwnedFd, name: &str, path: &Path, make: bool) -> Error {
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
    match stat.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
        // Who looks for `a/b` where `a` is an object finds nothing.
        Ok(FileType::RegularFile) if !make => Error::missing(format!("`{}` is an object, not a folder", path.display())),
        Ok(kind) => Error::permanent(format!("`{}` is {}, not a folder", path.display(), describe(kind))).with_hint(
            "links are not followed and a folder cannot hold both `a` and `a/b`: move it away, or bind-mount the target",
        ),
        Err(errno) => failed("cannot open folder", path, errno),
    }
}

/// An error about `path`, with what only this adapter knows.
pub(super) fn failed(what: &str, path: &Path, errno: Errno) -> Error {
    let refused =
        |hint: &str| Error::permanent(format!("{what} `{}`", path.display())).with_hint(hint).with_source(errno);
    match errno {
        Errno::ISDIR => refused("a folder has this name: a folder cannot hold both `a` and `a/b`"),
        Errno::XDEV => refused("no other file system may be mounted inside a bucket"),
        Errno::NAMETOOLONG | Errno::ILSEQ => refused("this file system does not hold such a name"),
        _ => Error::io(what, path, errno.into()),
    }
}

/// A kind of file, with its article.
pub(super) fn describe(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "something unknown",
    }
}
