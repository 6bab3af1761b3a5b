//! A sorted part of an answer key: lines in memory, or a file of them.

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::key_reader::NamedLine;
use scanmill_core::error::{Error, Result};

/// Buffer of each open file.
const BUFFER: usize = 1 << 16;

/// A photo's line with its name and where it came from.
pub(super) struct Record {
    /// Bucket and key, one behind the other.
    bucket_and_key: Vec<u8>,
    bucket_length: usize,
    pub(super) line: Vec<u8>,
    /// Which of the keys.
    pub(super) source: usize,
    /// Which line of it.
    pub(super) number: u64,
}

impl Record {
    /// Bucket and key.
    pub(super) fn name(&self) -> (&[u8], &[u8]) {
        self.bucket_and_key.split_at(self.bucket_length)
    }

    /// What records are ordered by.
    pub(super) fn order(&self) -> ((&[u8], &[u8]), usize, u64) {
        (self.name(), self.source, self.number)
    }

    fn write(&self, file: &mut impl Write) -> std::io::Result<()> {
        let (bucket, key) = self.name();
        write_parts(file, bucket, key, &self.line, self.source, self.number)
    }
}

fn write_parts(
    file: &mut impl Write,
    bucket: &[u8],
    key: &[u8],
    line: &[u8],
    source: usize,
    number: u64,
) -> std::io::Result<()> {
    for figure in [bucket.len() as u64, key.len() as u64, line.len() as u64, source as u64, number] {
        file.write_all(&figure.to_le_bytes())?;
    }
    [bucket, key, line].into_iter().try_for_each(|part| file.write_all(part))
}

/// Lines in memory, up to a number of bytes.
pub(super) struct Gathered {
    bytes: Vec<u8>,
    entries: Vec<RecordParts>,
    most: usize,
}

/// Where a record's parts are: bucket, key and line one behind the other.
struct RecordParts {
    at: usize,
    bucket: usize,
    key: usize,
    line: usize,
    source: usize,
    number: u64,
}

impl Gathered {
    /// Nothing yet, and room for `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { bytes: Vec::new(), entries: Vec::new(), most }
    }

    /// Whether a line fits beside those there are. One that is larger than all room fits alone.
    pub(super) fn fits(&self, line: &NamedLine<'_>) -> bool {
        let entry = size_of::<RecordParts>();
        let room = line.bucket.len() + line.key.len() + line.text.len() + entry;
        self.entries.is_empty() || self.bytes.len() + self.entries.len() * entry + room <= self.most
    }

    pub(super) fn push(&mut self, line: &NamedLine<'_>, source: usize) {
        let (at, bucket, key) = (self.bytes.len(), line.bucket.as_bytes(), line.key.as_bytes());
        if at + self.most / 8 > self.bytes.capacity() {
            // In steps: doubling would hold half as much again at its worst.
            self.bytes.reserve_exact(self.most / 8 + line.text.len());
        }
        [bucket, key, line.text].into_iter().for_each(|part| self.bytes.extend_from_slice(part));
        let (bucket, key) = (bucket.len(), key.len());
        self.entries.push(RecordParts { at, bucket, key, line: line.text.len(), source, number: line.number });
    }

    /// Bucket, key and line of an entry.
    fn parts(&self, entry: &RecordParts) -> (&[u8], &[u8], &[u8]) {
        let (_, from) = self.bytes.split_at(entry.at);
        let (bucket, rest) = from.split_at(entry.bucket);
        let (key, rest) = rest.split_at(entry.key);
        (bucket, key, rest.split_at(entry.line).0)
    }

    fn sort(&mut self) {
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_unstable_by(|left, right| {
            let order = |entry: &RecordParts| (entry.source, entry.number);
            let ((bucket, key, _), (other_bucket, other_key, _)) = (self.parts(left), self.parts(right));
            (bucket, key).cmp(&(other_bucket, other_key)).then_with(|| order(left).cmp(&order(right)))
        });
        self.entries = entries;
    }

    /// Writes all of it sorted and is empty again.
    pub(super) fn spill(&mut self, path: &Path) -> Result<()> {
        self.sort();
        let failed = |error| Error::io("cannot write", path, error);
        let file = File::create_new(path).map_err(failed)?;
        let mut file = BufWriter::with_capacity(BUFFER, file);
        for entry in &self.entries {
            let (bucket, key, line) = self.parts(entry);
            write_parts(&mut file, bucket, key, line, entry.source, entry.number).map_err(failed)?;
        }
        file.flush().map_err(failed)?;
        self.entries.clear();
        self.bytes.clear();
        Ok(())
    }
}

/// Writes what `next` gives, in its order.
pub(super) fn write_run(path: &Path, mut next: impl FnMut() -> Result<Option<Record>>) -> Result<()> {
    let failed = |error| Error::io("cannot write", path, error);
    let mut file = BufWriter::with_capacity(BUFFER, File::create_new(path).map_err(failed)?);
    while let Some(record) = next()? {
        record.write(&mut file).map_err(failed)?;
    }
    file.flush().map_err(failed)
}

/// A sorted run, read from its beginning to its end.
pub(super) enum SortedRun {
    Memory { gathered: Gathered, next: usize },
    File { file: BufReader<File>, path: PathBuf },
}

impl SortedRun {
    pub(super) fn in_memory(mut gathered: Gathered) -> Self {
        gathered.sort();
        SortedRun::Memory { gathered, next: 0 }
    }

    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io("cannot read", path, error))?;
        Ok(SortedRun::File { file: BufReader::with_capacity(BUFFER, file), path: path.to_owned() })
    }

    pub(super) fn next(&mut self) -> Result<Option<Record>> {
        match self {
            SortedRun::Memory { gathered, next } => Ok(gathered.entries.get(*next).map(|entry| {
                *next += 1;
                let (bucket, key, line) = gathered.parts(entry);
                Record {
                    bucket_and_key: [bucket, key].concat(),
                    bucket_length: bucket.len(),
                    line: line.to_vec(),
                    source: entry.source,
                    number: entry.number,
                }
            })),
            SortedRun::File { file, path } => read_record(file).map_err(|error| Error::io("cannot read", path, error)),
        }
    }
}

fn read_record(file: &mut BufReader<File>) -> std::io::Result<Option<Record>> {
    let mut figures = [[0; 8]; 5];
    for (place, figure) in figures.iter_mut().enumerate() {
        match file.read_exact(figure) {
            Ok(()) => {}
            Err(error) if place == 0 && error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let [bucket, key, line, source, number] = figures.map(u64::from_le_bytes);
    let mut bytes = |length: u64| -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(ErrorKind::UnexpectedEof.into()) }
    };
    let (bucket_and_key, line) = (bytes(bucket + key)?, bytes(line)?);
    Ok(Some(Record { bucket_and_key, bucket_length: bucket as usize, line, source: source as usize, number }))
}
