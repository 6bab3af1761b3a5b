//! Where `scanmill decode` has its photos from: files, folders, pipes, standard input, lists.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::out;
use crate::decode::DecodeLimits;
use crate::domain::{Reason, Rejection};
use crate::error::{Error, Result};

/// Where a photo comes from.
pub(super) enum PhotoSource {
    /// A file. Anything else of that name is refused before a read could wait for it.
    File(PathBuf),
    /// A pipe or a device that was named on the command line.
    Pipe(PathBuf),
    /// Standard input.
    Stdin,
}

impl PhotoSource {
    /// Its path; `-` is standard input.
    pub(super) fn path(&self) -> &Path {
        match self {
            PhotoSource::File(path) | PhotoSource::Pipe(path) => path,
            PhotoSource::Stdin => Path::new("-"),
        }
    }
}

/// The photos that `arguments` name, in their order, and the folders that could not be listed.
pub(super) fn named(arguments: &[PathBuf]) -> (Vec<PhotoSource>, Vec<Error>) {
    let (mut sources, mut errors) = (Vec::new(), Vec::new());
    for path in arguments {
        if path == Path::new("-") {
            sources.push(PhotoSource::Stdin);
            continue;
        }
        // What is not there gets its line like all the others.
        match std::fs::metadata(path).map(|metadata| metadata.file_type()) {
            Ok(kind) if kind.is_dir() => {
                let before = (sources.len(), errors.len());
                all_in(path, &mut sources, &mut errors);
                if before == (sources.len(), errors.len()) {
                    out::note(&format!(
                        "there is no photo in the folder `{}`: no file that is not hidden",
                        path.display()
                    ));
                }
            }
            Ok(kind) if kind.is_fifo() || kind.is_char_device() => sources.push(PhotoSource::Pipe(path.to_owned())),
            _ => sources.push(PhotoSource::File(path.to_owned())),
        }
    }
    (sources, errors)
}

/// All files in a folder and those below it, in the order of their names, hidden ones left out. Links to folders are not
/// followed: they may lead back.
fn all_in(folder: &Path, sources: &mut Vec<PhotoSource>, errors: &mut Vec<Error>) {
    let listed = std::fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let mut entries = match listed {
        Ok(entries) => entries,
        Err(error) => return errors.push(Error::io("cannot list the folder", folder, error)),
    };
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        // Without its type it is taken for a file, whose opening says what is wrong.
        match entry.file_type().ok() {
            Some(kind) if kind.is_dir() => all_in(&path, sources, errors),
            Some(kind) if kind.is_symlink() && std::fs::metadata(&path).is_ok_and(|metadata| metadata.is_dir()) => {}
            _ => sources.push(PhotoSource::File(path)),
        }
    }
}

/// The photos of a list, a path a line; `-` is standard input.
pub(super) fn listed(list: &Path) -> Result<Vec<PhotoSource>> {
    let fail = |error| Error::io("cannot read the list", list, error);
    let reader: Box<dyn Read> =
        if list == Path::new("-") { Box::new(std::io::stdin()) } else { Box::new(File::open(list).map_err(fail)?) };
    let lines = BufReader::new(reader).split(b'\n').collect::<std::io::Result<Vec<_>>>().map_err(fail)?;
    let paths = lines.into_iter().map(|mut line| {
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        PathBuf::from(std::ffi::OsString::from_vec(line))
    });
    Ok(paths.filter(|path| !path.as_os_str().is_empty()).map(PhotoSource::File).collect())
}

/// The photo's bytes, or why there are none. No more is read than the limit allows.
pub(super) fn fetch(source: &PhotoSource, limits: &DecodeLimits) -> Result<Vec<u8>, Rejection> {
    use std::io::ErrorKind;
    let refuse = |error: std::io::Error| {
        let reason = match error.kind() {
            ErrorKind::IsADirectory | ErrorKind::InvalidInput => Reason::NotARegularFile,
            _ => Reason::MissingObject,
        };
        Rejection::new(reason, error.to_string())
    };
    // One byte more than allowed, so that the decoder sees that it is too large.
    let most = limits.max_file_bytes.saturating_add(1);
    let mut bytes = Vec::new();
    let path = match source {
        PhotoSource::File(path) => path,
        PhotoSource::Pipe(path) => {
            File::open(path).and_then(|pipe| pipe.take(most).read_to_end(&mut bytes)).map_err(refuse)?;
            return Ok(bytes);
        }
        PhotoSource::Stdin => {
            std::io::stdin().lock().take(most).read_to_end(&mut bytes).map_err(refuse)?;
            return Ok(bytes);
        }
    };
    // Without O_NONBLOCK, opening a FIFO waits for its writer.
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(nonblock).open(path).map_err(refuse)?;
    let metadata = file.metadata().map_err(refuse)?;
    if !metadata.is_file() {
        return Err(Rejection::new(Reason::NotARegularFile, "no regular file"));
    }
    bytes.reserve_exact(metadata.len().min(most) as usize);
    file.take(most).read_to_end(&mut bytes).map_err(refuse)?;
    Ok(bytes)
}
