//! The comparison of an answer key with the warehouse: what is lost, duplicated, wrong, or there though nobody sent it.
//!
//! A merge join: the key sorted by bucket and object key (`sorted_key`) beside the warehouse's rows in the same
//! order (`pages`). Each photo and each row passes once and is forgotten, so memory does not grow with the key:
//! 16 MiB of lines while sorting, then two pages of rows, and the times of at most 65,536 batches.

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::answer_key::{Expectation, ExpectedPhoto};
use super::compare::Comparison;
pub use super::compare::{Difference, DifferenceKind, Verdict};
use super::latency::{BatchTimes, LatencyRecorder, Origin};
use super::load_ledger::{Ledger, millis};
use super::photo_rows::PhotoRows;
pub(super) use super::row_pages::end_of_prefix;
use super::row_pages::{KeyRange, Pages, require_byte_order};
pub use super::sorted_key::SortLimits;
use super::sorted_key::SortedKey;
use scanmill_core::error::{Error, Result};
use scanmill_ports::warehouse::Warehouse;

/// Photos between two calls of `progress`.
const PROGRESS: u64 = 256;

/// How to verify.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// List at most this many differences; all are counted.
    pub max_listed: usize,
    /// Where long keys are sorted; without it `TMPDIR`, and without that beside the first key.
    pub scratch: Option<PathBuf>,
    /// What the sort may take.
    pub sort: SortLimits,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self { max_listed: 100, scratch: None, sort: SortLimits::default() }
    }
}

/// Somebody who looks at each photo as it passes, in the order of keys.
pub trait Observer: Send {
    /// Whether [`Passed::batch`] is wanted: the ledger is asked only then.
    fn wants_ledger(&self) -> bool {
        false
    }

    /// A photo of the key with what the warehouse has of it.
    ///
    /// # Errors
    /// Whatever ends the verification.
    fn passed(&mut self, passed: &Passed<'_>) -> Result<()>;
}

/// A photo of the key and what the warehouse has of it.
#[derive(Debug)]
pub struct Passed<'p> {
    /// What the key says.
    pub photo: &'p ExpectedPhoto,
    /// Scan rows.
    pub scans: u64,
    /// Rejection rows.
    pub rejections: u64,
    /// `uploaded_at` of the photo's first row.
    pub uploaded_at: Option<&'p str>,
    /// When that row's batch got on, where the ledger knows the batch and somebody [`Observer::wants_ledger`].
    pub batch: Option<BatchTimes>,
}

/// Compares the key in `key_file` with the warehouse and lists at most `max_listed` differences. `progress` is called
/// with the photos compared so far.
///
/// # Errors
/// As [`verify_with`].
pub async fn verify(
    key_file: &Path,
    warehouse: &dyn Warehouse,
    max_listed: usize,
    progress: impl Fn(u64),
) -> Result<Verdict> {
    let options = VerifyOptions { max_listed, ..VerifyOptions::default() };
    verify_with(&[key_file.to_owned()], warehouse, &options, &mut [], progress).await
}

/// Compares all photos of the keys (of one pump, or of several that filled one warehouse) with the warehouse, and shows
/// each to the observers as it passes. Dropping the future ends it and leaves nothing behind.
///
/// # Errors
/// A key that is missing, unsealed or broken; keys that contradict each other; a query that fails; a warehouse that does
/// not compare texts byte by byte.
pub async fn verify_with(
    key_files: &[PathBuf],
    warehouse: &dyn Warehouse,
    options: &VerifyOptions,
    observers: &mut [&mut dyn Observer],
    progress: impl Fn(u64),
) -> Result<Verdict> {
    let mut key = sorted(key_files.to_vec(), options).await?;
    require_byte_order(warehouse).await?;
    let mut pass = Pass {
        comparison: Comparison::new(options.max_listed),
        ledger: observers.iter().any(|observer| observer.wants_ledger()).then(|| Ledger::new(warehouse)),
        observers,
    };
    let mut photo = key.next_photo()?;
    for range in ranges(&key) {
        let (mut scans, mut rejections) = (Pages::scans(warehouse, &range), Pages::rejections(warehouse, &range));
        loop {
            let (scanned, rejected) = tokio::try_join!(scans.next_key(), rejections.next_key())?;
            let expected = photo.as_ref().filter(|photo| is_in(photo, &range)).map(|photo| photo.key.as_str());
            let Some(next) = [scanned, rejected, expected].into_iter().flatten().min().map(str::to_owned) else {
                break;
            };
            match photo.take_if(|photo| photo.key == next && is_in(photo, &range)) {
                Some(passing) => {
                    pass.photo(&passing, &mut scans, &mut rejections).await?;
                    photo = key.next_photo()?;
                    if pass.comparison.verdict.photos.is_multiple_of(PROGRESS) {
                        progress(pass.comparison.verdict.photos);
                    }
                }
                None => {
                    let found = PhotoRows {
                        scans: scans.take(&next, &[]).await?,
                        rejections: rejections.take(&next, &[]).await?,
                    };
                    pass.comparison.unexpected(&range.bucket, &next, &found);
                }
            }
        }
    }
    let mut verdict = pass.comparison.verdict;
    verdict.repeated = key.repeated();
    progress(verdict.photos);
    Ok(verdict)
}

/// What is kept while photos pass.
struct Pass<'a, 'o, 'w> {
    comparison: Comparison,
    ledger: Option<Ledger<'w>>,
    observers: &'a mut [&'o mut dyn Observer],
}

impl Pass<'_, '_, '_> {
    async fn photo(&mut self, photo: &ExpectedPhoto, scans: &mut Pages<'_>, rejections: &mut Pages<'_>) -> Result<()> {
        let (payloads, reasons): (Vec<&str>, Vec<&str>) = match &photo.expect {
            Expectation::Scans { codes, .. } => (codes.iter().map(|code| code.payload.as_str()).collect(), Vec::new()),
            Expectation::Rejected(reasons) => (Vec::new(), reasons.iter().map(String::as_str).collect()),
        };
        let found = PhotoRows {
            scans: scans.take(&photo.key, &payloads).await?,
            rejections: rejections.take(&photo.key, &reasons).await?,
        };
        self.comparison.compare(photo, &found);
        if self.observers.is_empty() {
            return Ok(());
        }
        let row = found.first(&photo.bucket);
        let batch = match (&mut self.ledger, row.and_then(|row| row.batch_id())) {
            (Some(ledger), Some(batch_id)) => {
                ledger.times(batch_id, scans.batch_ids().chain(rejections.batch_ids())).await?
            }
            _ => None,
        };
        let passed = Passed {
            photo,
            scans: found.scans.count(),
            rejections: found.rejections.count(),
            uploaded_at: row.and_then(|row| row.uploaded_at()),
            batch,
        };
        self.observers.iter_mut().try_for_each(|observer| observer.passed(&passed))
    }
}

/// Sorts the keys beside the async threads; stops when nobody waits for it any more.
async fn sorted(key_files: Vec<PathBuf>, options: &VerifyOptions) -> Result<SortedKey> {
    let beside = || {
        let folder = key_files.first().and_then(|path| path.parent()).filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new(".")).to_owned()
    };
    let temporary = || std::env::var_os("TMPDIR").filter(|path| !path.is_empty()).map(PathBuf::from);
    let scratch = options.scratch.clone().or_else(temporary).unwrap_or_else(beside);
    let (limits, stop) = (options.sort, CancellationToken::new());
    let _stop_when_dropped = stop.clone().drop_guard();
    let sorting = tokio::task::spawn_blocking(move || SortedKey::open(key_files, &scratch, limits, &stop));
    sorting.await.unwrap_or_else(|error| Err(Error::bug("the sorting of the answer key panicked").with_source(error)))
}

/// The keys' prefixes in order, those under another one left out.
fn ranges(key: &SortedKey) -> Vec<KeyRange> {
    let of_header =
        |header: &super::answer_key::Header| KeyRange { bucket: header.bucket.clone(), prefix: header.prefix.clone() };
    let mut all: Vec<KeyRange> = key.headers().iter().map(of_header).collect();
    all.sort();
    all.dedup_by(|later, kept| later.bucket == kept.bucket && later.prefix.starts_with(&kept.prefix));
    all
}

fn is_in(photo: &ExpectedPhoto, range: &KeyRange) -> bool {
    photo.bucket == range.bucket && photo.key.starts_with(&range.prefix)
}

impl Observer for LatencyRecorder {
    fn wants_ledger(&self) -> bool {
        true
    }

    fn passed(&mut self, passed: &Passed<'_>) -> Result<()> {
        if passed.scans + passed.rejections == 0 {
            self.lost();
            return Ok(());
        }
        let photo = passed.photo;
        let times = [
            (Origin::Due, photo.due_at.as_deref()),
            (Origin::Put, photo.put_at.as_deref()),
            (Origin::Uploaded, passed.uploaded_at),
        ];
        let known = times.into_iter().find_map(|(origin, text)| Some((origin, text?)));
        let place = || format!("the answer key or the row of `{}/{}`", photo.bucket, photo.key);
        let begins = known.map(|(origin, text)| Ok::<_, Error>((origin, millis(text, place)?))).transpose()?;
        self.add(begins, passed.batch);
        if let Some(put) = photo.put_at.as_deref().or(passed.uploaded_at) {
            self.add_put(millis(put, place)?, passed.batch);
        }
        Ok(())
    }
}
