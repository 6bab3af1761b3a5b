//! Answer keys of any length in the order of their photos' names, in bounded memory.
//!
//! An external merge sort: lines are gathered up to [`SortLimits::run_bytes`], sorted, and where there are more than
//! that, written as runs into a temporary folder, which are then merged, at most [`SortLimits::open_files`] at a time.
//! Names compare byte by byte.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::answer_key::{ExpectedPhoto, Header, KeyReader};
use super::key_reader::photo_in;
use super::key_run::{Gathered, Record, SortedRun, write_run};
use scanmill_core::error::{Error, Result};

/// How much the sort may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortLimits {
    /// Bytes of lines in memory.
    pub run_bytes: usize,
    /// Runs read at once.
    pub open_files: usize,
}

impl Default for SortLimits {
    fn default() -> Self {
        Self { run_bytes: 16 << 20, open_files: 64 }
    }
}

/// Keys whose photos come sorted by bucket and key, each photo once.
pub(super) struct SortedKey {
    files: Vec<PathBuf>,
    headers: Vec<Header>,
    merge: Merge,
    repeated: u64,
    /// Holds the runs; goes last.
    _scratch: Option<TempDir>,
}

impl SortedKey {
    /// Reads and sorts the keys. A temporary folder is made in `scratch`, and only when the lines need one.
    ///
    /// # Errors
    /// A key that is missing, unsealed or broken, a photo outside its key's prefix, a full disk; `stop` being cancelled.
    pub(super) fn open(
        files: Vec<PathBuf>,
        scratch: &Path,
        limits: SortLimits,
        stop: &CancellationToken,
    ) -> Result<Self> {
        let mut headers = Vec::with_capacity(files.len());
        let mut gathered = Gathered::new(limits.run_bytes);
        let mut spilled = Spilled { folder: None, scratch, runs: Vec::new(), made: 0 };
        for (source, path) in files.iter().enumerate() {
            let mut key = KeyReader::open(path)?;
            let header = key.header().clone();
            while let Some(line) = key.next_name()? {
                if line.bucket != header.bucket || !is_under(&line.key, &header.prefix) {
                    return Err(Error::permanent(format!(
                        "answer key `{}` names `{}/{}` in line {}, which is not under its prefix `{}/{}`",
                        path.display(),
                        line.bucket,
                        line.key,
                        line.number,
                        header.bucket,
                        header.prefix
                    ))
                    .with_hint("pump again to get a whole one"));
                }
                if line.number % 1_024 == 0 && stop.is_cancelled() {
                    return Err(Error::transient("stopped while the answer key was sorted"));
                }
                if !gathered.fits(&line) {
                    spilled.spill(&mut gathered)?;
                }
                gathered.push(&line, source);
            }
            headers.push(header);
        }
        let merge = if spilled.runs.is_empty() {
            Merge::of(vec![SortedRun::in_memory(gathered)])?
        } else {
            spilled.spill(&mut gathered)?;
            drop(gathered);
            spilled.narrow(limits.open_files.max(2), stop)?;
            Merge::of(spilled.runs.iter().map(|path| SortedRun::open(path)).collect::<Result<_>>()?)?
        };
        Ok(Self { files, headers, merge, repeated: 0, _scratch: spilled.folder })
    }

    /// The keys' first lines.
    pub(super) fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// Lines so far that named a photo once more: a message delivered twice has two lines.
    pub(super) fn repeated(&self) -> u64 {
        self.repeated
    }

    /// The next photo in the order of (bucket, key).
    ///
    /// # Errors
    /// A line that does not parse; two lines that expect different things of one photo.
    pub(super) fn next_photo(&mut self) -> Result<Option<ExpectedPhoto>> {
        let Some(first) = self.merge.next()? else { return Ok(None) };
        let mut photo = self.photo_of(&first)?;
        while let Some(again) = self.merge.next_if_named(&first)? {
            self.repeated += 1;
            if again.line == first.line {
                continue;
            }
            let other = self.photo_of(&again)?;
            // The time of the first upload counts: the photo was there then.
            let due_at = earliest(photo.due_at.take(), other.due_at.clone());
            let put_at = earliest(photo.put_at.take(), other.put_at.clone());
            if photo != (ExpectedPhoto { due_at: None, put_at: None, ..other }) {
                let at = |record: &Record| format!("line {} of `{}`", record.number, self.path_of(record).display());
                return Err(Error::permanent(format!(
                    "`{}/{}` is expected to be two different things: by {} and by {}",
                    photo.bucket,
                    photo.key,
                    at(&first),
                    at(&again)
                ))
                .with_hint("verify keys of one story together, and those of another by themselves"));
            }
            (photo.due_at, photo.put_at) = (due_at, put_at);
        }
        Ok(Some(photo))
    }

    fn path_of(&self, record: &Record) -> &Path {
        self.files.get(record.source).map_or(Path::new(""), PathBuf::as_path)
    }

    fn photo_of(&self, record: &Record) -> Result<ExpectedPhoto> {
        photo_in(&record.line, self.path_of(record), record.number)
    }
}

fn is_under(key: &str, prefix: &str) -> bool {
    key.len() > prefix.len() && key.starts_with(prefix)
}

fn earliest(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Runs on the disk.
struct Spilled<'s> {
    folder: Option<TempDir>,
    scratch: &'s Path,
    runs: Vec<PathBuf>,
    made: u64,
}

impl Spilled<'_> {
    fn new_path(&mut self) -> Result<PathBuf> {
        let folder = match &mut self.folder {
            Some(folder) => folder,
            none => {
                let made = tempfile::Builder::new().prefix(".scanmill-verify-").tempdir_in(self.scratch);
                none.insert(made.map_err(|error| {
                    Error::io("cannot make a temporary folder for sorting the answer key in", self.scratch, error)
                        .with_hint("set TMPDIR to a folder with room for a copy of the key")
                })?)
            }
        };
        self.made += 1;
        Ok(folder.path().join(self.made.to_string()))
    }

    fn spill(&mut self, gathered: &mut Gathered) -> Result<()> {
        let path = self.new_path()?;
        gathered.spill(&path)?;
        self.runs.push(path);
        Ok(())
    }

    /// Merges runs into longer ones until `most` are left.
    fn narrow(&mut self, most: usize, stop: &CancellationToken) -> Result<()> {
        while self.runs.len() > most {
            for group in std::mem::take(&mut self.runs).chunks(most) {
                let path = self.new_path()?;
                let mut merge = Merge::of(group.iter().map(|path| SortedRun::open(path)).collect::<Result<_>>()?)?;
                write_run(&path, || {
                    if stop.is_cancelled() {
                        return Err(Error::transient("stopped while the answer key was sorted"));
                    }
                    merge.next()
                })?;
                for done in group {
                    std::fs::remove_file(done).map_err(|error| Error::io("cannot remove", done, error))?;
                }
                self.runs.push(path);
            }
        }
        Ok(())
    }
}

/// Several sorted runs as one.
struct Merge {
    heads: BinaryHeap<Reverse<MergeHead>>,
}

/// A run and its next record. Ordered by that record.
struct MergeHead {
    record: Record,
    run: SortedRun,
}

impl Merge {
    fn of(runs: Vec<SortedRun>) -> Result<Self> {
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for mut run in runs {
            if let Some(record) = run.next()? {
                heads.push(Reverse(MergeHead { record, run }));
            }
        }
        Ok(Self { heads })
    }

    fn next(&mut self) -> Result<Option<Record>> {
        let Some(mut least) = self.heads.peek_mut() else { return Ok(None) };
        Ok(Some(match least.0.run.next()? {
            Some(record) => std::mem::replace(&mut least.0.record, record),
            None => PeekMut::pop(least).0.record,
        }))
    }

    /// The next record if it has this one's name.
    fn next_if_named(&mut self, as_this: &Record) -> Result<Option<Record>> {
        let is_same = self.heads.peek().is_some_and(|head| head.0.record.name() == as_this.name());
        if is_same { self.next() } else { Ok(None) }
    }
}

impl Ord for MergeHead {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.record.order().cmp(&other.record.order())
    }
}

impl PartialOrd for MergeHead {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for MergeHead {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for MergeHead {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::answer_key::{Expectation, KeyWriter, header};
    use crate::story::StoryOptions;

    fn photo(key: &str, index: u64) -> ExpectedPhoto {
        ExpectedPhoto {
            index,
            due_at: None,
            put_at: None,
            bucket: "inbox".into(),
            key: format!("s/{key}"),
            city: "Oslo".into(),
            device: String::new(),
            products: Vec::new(),
            fault: None,
            expect: Expectation::Rejected(vec!["no_code".into()]),
        }
    }

    fn write(folder: &Path, name: &str, photos: &[ExpectedPhoto]) -> PathBuf {
        let path = folder.join(name);
        let mut writer = KeyWriter::create(&path, header("s", &StoryOptions::default(), "inbox", "s/")).unwrap();
        for photo in photos {
            writer.push(photo.clone()).unwrap();
        }
        writer.seal(true).unwrap();
        path
    }

    fn sorted(files: Vec<PathBuf>, scratch: &Path, limits: SortLimits) -> Result<(Vec<ExpectedPhoto>, u64)> {
        let mut key = SortedKey::open(files, scratch, limits, &CancellationToken::new())?;
        let mut photos = Vec::new();
        while let Some(photo) = key.next_photo()? {
            photos.push(photo);
        }
        assert!(std::fs::read_dir(scratch).unwrap().count() <= 1);
        Ok((photos, key.repeated()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_lines_come_sorted_and_once(
            keys in prop::collection::vec("[a-c\u{e9}\u{1f375}/\" ]{1,4}", 0..60),
            run_bytes in 1usize..4_000,
            open_files in 2usize..5,
            parts in 1usize..4,
        ) {
            let (folder, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let photos: Vec<ExpectedPhoto> = keys.iter().map(|key| photo(key, 1)).collect();
            let files = (0..parts)
                .map(|part| {
                    let own: Vec<_> = photos.iter().skip(part).step_by(parts).cloned().collect();
                    write(folder.path(), &format!("{part}.jsonl"), &own)
                })
                .collect();
            let (found, repeated) = sorted(files, scratch.path(), SortLimits { run_bytes, open_files }).unwrap();
            let mut expected = photos.clone();
            expected.sort_by(|left, right| left.key.as_bytes().cmp(right.key.as_bytes()));
            expected.dedup();
            prop_assert_eq!(repeated as usize, photos.len() - expected.len());
            prop_assert_eq!(found, expected);
            prop_assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "runs were left behind");
        }
    }

    #[test]
    fn a_photo_named_again_keeps_its_earliest_times() {
        let folder = tempfile::tempdir().unwrap();
        let at = |second: u32| Some(format!("2026-11-22T15:40:{second:02}.000Z"));
        let first = ExpectedPhoto { due_at: at(1), put_at: at(9), ..photo("a", 1) };
        let again = ExpectedPhoto { due_at: at(1), put_at: at(5), ..photo("a", 1) };
        let unknown = photo("a", 1);
        let files =
            vec![write(folder.path(), "1", &[first, unknown]), write(folder.path(), "2", std::slice::from_ref(&again))];
        let scratch = tempfile::tempdir().unwrap();
        assert_eq!(sorted(files, scratch.path(), SortLimits::default()).unwrap(), (vec![again], 2));
    }

    #[test]
    fn two_lines_that_differ_are_named_both() {
        let (folder, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let files = vec![
            write(folder.path(), "one", &[photo("b", 2), photo("a", 1)]),
            write(folder.path(), "two", &[photo("a", 3)]),
        ];
        let error = sorted(files, scratch.path(), SortLimits::default()).unwrap_err().to_string();
        assert!(error.contains("inbox/s/a"), "{error}");
        assert!(error.contains("line 3 of `") && error.contains("/one`"), "{error}");
        assert!(error.contains("line 2 of `") && error.contains("/two`"), "{error}");
    }

    #[test]
    fn a_photo_outside_the_prefix_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let stray = ExpectedPhoto { key: "elsewhere/a".into(), ..photo("a", 1) };
        let file = write(folder.path(), "one", &[photo("b", 2), stray]);
        let error = sorted(vec![file], folder.path(), SortLimits::default()).unwrap_err().to_string();
        assert!(error.contains("inbox/elsewhere/a") && error.contains("line 3"), "{error}");
    }

    #[test]
    fn a_stop_ends_the_sort_and_leaves_nothing() {
        let (folder, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let photos: Vec<_> = (0..3_000).map(|index| photo(&index.to_string(), index)).collect();
        let file = write(folder.path(), "one", &photos);
        let stop = CancellationToken::new();
        stop.cancel();
        let limits = SortLimits { run_bytes: 10_000, open_files: 2 };
        assert!(SortedKey::open(vec![file], scratch.path(), limits, &stop).is_err());
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
    }
}
