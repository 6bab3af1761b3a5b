//! Reading an answer key: line by line, whole lines or only the names in them.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::answer_key::{ExpectedPhoto, Header, KeyLine, Seal, VERSION, partial};
use scanmill_core::error::{Error, Result};

/// The longest line taken. A photo's line has about a kilobyte; a file without line ends must not fill the memory.
const LINE_MOST: u64 = 4 << 20;

/// Reads a key, line by line.
#[derive(Debug)]
pub struct KeyReader {
    file: BufReader<File>,
    path: PathBuf,
    header: Header,
    line: Vec<u8>,
    read: u64,
    seal: Option<Seal>,
}

/// A photo's line, of which only the name was read.
pub(super) struct NamedLine<'l> {
    pub(super) bucket: Cow<'l, str>,
    pub(super) key: Cow<'l, str>,
    pub(super) text: &'l [u8],
    /// Its place in the file, from 1.
    pub(super) number: u64,
}

/// The fields that say which photo it is; the others are only checked to be JSON.
#[derive(Deserialize)]
struct Name<'l> {
    #[serde(borrow)]
    bucket: Cow<'l, str>,
    #[serde(borrow)]
    key: Cow<'l, str>,
}

impl KeyReader {
    /// Opens a sealed key.
    ///
    /// # Errors
    /// A file that is missing or is not an answer key; a pump that did not end leaves only `<path>.partial`.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| {
            let failed = Error::io("cannot read answer key", path, error);
            if partial(path).try_exists().unwrap_or(false) {
                failed.with_hint("the pump that wrote it has not ended, or was killed; end it, or pump again")
            } else {
                failed.with_hint("`scanmill pump` writes one; name it with `--key FILE`")
            }
        })?;
        let mut file = BufReader::with_capacity(1 << 18, file);
        let mut line = Vec::new();
        read_line(&mut file, &mut line, path, 1)?;
        match serde_json::from_slice::<KeyLine<IgnoredAny>>(&line) {
            Ok(KeyLine::Header(header)) if header.version == VERSION => {
                Ok(Self { file, path: path.to_owned(), header, line, read: 0, seal: None })
            }
            Ok(KeyLine::Header(header)) => Err(Error::permanent(format!(
                "answer key `{}` has version {}, this binary reads {VERSION}",
                path.display(),
                header.version
            ))),
            _ => Err(Error::permanent(format!("`{}` is not an answer key", path.display()))
                .with_hint("`scanmill pump` writes one; name it with `--key FILE`")),
        }
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The last line, once [`Self::next_photo`] has returned `None`.
    pub fn seal(&self) -> Option<Seal> {
        self.seal
    }

    /// The next photo, or `None` behind the last.
    ///
    /// # Errors
    /// A line that does not parse, or a key without its seal.
    pub fn next_photo(&mut self) -> Result<Option<ExpectedPhoto>> {
        Ok(self.step()?.map(|(photo, _, _)| photo))
    }

    /// The next photo's name, with its line as it stands.
    pub(super) fn next_name(&mut self) -> Result<Option<NamedLine<'_>>> {
        let line = self.step::<Name<'_>>()?;
        Ok(line.map(|(Name { bucket, key }, text, number)| NamedLine { bucket, key, text, number }))
    }

    fn step<'s, P: Deserialize<'s>>(&'s mut self) -> Result<Option<(P, &'s [u8], u64)>> {
        if self.seal.is_some() {
            return Ok(None);
        }
        let number = self.read + 2;
        if !read_line(&mut self.file, &mut self.line, &self.path, number)? {
            return Err(bad(&self.path, "ends without its seal"));
        }
        match parse(&self.line) {
            Ok(KeyLine::Photo(photo)) => {
                self.read += 1;
                Ok(Some((photo, &self.line, number)))
            }
            Ok(KeyLine::Sealed(seal)) if seal.photos == self.read => {
                self.seal = Some(seal);
                Ok(None)
            }
            Ok(KeyLine::Sealed(seal)) => {
                let what = format!("has {} photos, its seal says {}", self.read, seal.photos);
                Err(bad(&self.path, &what))
            }
            Ok(KeyLine::Header(_)) => Err(bad(&self.path, &format!("has a second header in line {number}"))),
            Err(error) => Err(unparsed(&self.path, number, error)),
        }
    }
}

/// The photo in line `number` of the key at `path`.
pub(super) fn photo_in(line: &[u8], path: &Path, number: u64) -> Result<ExpectedPhoto> {
    match parse(line) {
        Ok(KeyLine::Photo(photo)) => Ok(photo),
        Ok(_) => Err(bad(path, &format!("has a line {number} that is not a photo"))),
        Err(error) => Err(unparsed(path, number, error)),
    }
}

fn parse<'l, P: Deserialize<'l>>(line: &'l [u8]) -> serde_json::Result<KeyLine<P>> {
    serde_json::from_slice(line)
}

fn unparsed(path: &Path, number: u64, error: serde_json::Error) -> Error {
    bad(path, &format!("has a line {number} that does not parse")).with_source(error)
}

fn bad(path: &Path, what: &str) -> Error {
    Error::permanent(format!("answer key `{}` {what}", path.display())).with_hint("pump again to get a whole one")
}

/// Reads line `number` without its end; false behind the last.
fn read_line(file: &mut BufReader<File>, line: &mut Vec<u8>, path: &Path, number: u64) -> Result<bool> {
    line.clear();
    file.take(LINE_MOST).read_until(b'\n', line).map_err(|error| Error::io("cannot read", path, error))?;
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(true);
    }
    if line.len() as u64 == LINE_MOST {
        return Err(bad(path, &format!("has a line {number} of more than {} MiB", LINE_MOST >> 20)));
    }
    Ok(!line.is_empty())
}
