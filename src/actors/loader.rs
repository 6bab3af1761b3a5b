//! Loads sealed batches into the warehouse in its own rhythm, and adopts those that nobody loaded.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::observed::observed;
use super::outage;
use super::pipeline_context::PipelineContext;
use super::seal::BATCH_PREFIX;
use super::stage::Stage;
use crate::domain::batch::{SealedBatch, batch_id_of, batch_key, batch_time, manifest_id};
use crate::error::{Class, Error, Result};
use crate::flow::Backoff;
use crate::store::{PutMode, Store};
use crate::telemetry::calls::Watched;
use crate::telemetry::events::{BatchSetAside, CallFailed, LoadDone, LoadFailed};
use crate::telemetry::traces::Step;
use crate::telemetry::{Workers, names};
use crate::warehouse::{BatchSource, Loaded, Manifest};

/// Prefix of manifests in the results bucket.
pub const MANIFEST_PREFIX: &str = "manifests/";

/// How often the results bucket is looked through for batches that another instance sealed and never loaded.
const ADOPT_EVERY: Duration = Duration::from_secs(300);

/// How often all of it is looked through, and not only the latest part.
const ADOPT_ALL_EVERY: Duration = Duration::from_secs(24 * 3600);

/// How long a batch may be on its way from opening to the store for the looks between to find it.
const ADOPT_MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// Keys listed in one call. A folder is read whole for each call, so pages of a thousand would make the time for
/// 200,000 batches grow with their square; this many keys take some megabytes.
const ADOPT_PAGE: usize = 50_000;

/// Ids asked of the ledger in one statement.
const ADOPT_ASKED: usize = 1_000;

/// The most that one batch object may unpack to: many times what a batch can hold, far below what a bomb would.
const MAX_BATCH_BYTES: u64 = 1 << 30;

/// Loads sealed batches. Its channel says when the last one is sealed that it has to load before it ends.
pub(super) enum Loader {}

impl Stage for Loader {
    const NAME: &'static str = "loader";
    const WATCHED: Watched = Watched::Load;
    type Channels = CancellationToken;
    type Counters = LoaderCounters;

    fn steps(counters: &LoaderCounters) -> u64 {
        counters.loads.load(Ordering::Relaxed) + counters.adopted.load(Ordering::Relaxed)
    }

    async fn run(line: PipelineContext, channels: CancellationToken, counters: Arc<LoaderCounters>) -> Result<()> {
        Work::new(line, counters).load_all(channels).await
    }
}

observed! {
    /// What was loaded.
    LoaderCounters shown as LoaderState {
        /// Durable batches that the warehouse does not have.
        batches_to_load: AtomicU64,
        /// Manifests loaded.
        loads: AtomicU64,
        /// Passes that failed.
        failures: AtomicU64,
        /// Batches found that nobody had loaded.
        adopted: AtomicU64,
        /// Batches that cannot be read.
        set_aside: AtomicU64,
        /// Rows of `scans`.
        scans: AtomicU64,
        /// Rows of `rejections`.
        rejections: AtomicU64,
        /// Photos that the warehouse had.
        photos_repeated: AtomicU64,
        /// Photos whose rows gave way to later ones.
        photos_superseded: AtomicU64,
        /// Photos whose file was written anew.
        photos_replaced: AtomicU64,
        /// Why the last pass that failed did.
        last_error: Mutex<Option<String>>,
    }
}

struct Work {
    line: PipelineContext,
    seen: Arc<LoaderCounters>,
    source: StoredBatches,
    next_adopt: Instant,
    /// Where the next look may begin: everything durable before this key was seen.
    seen_up_to: Option<String>,
    next_adopt_all: Instant,
    /// Where a full backlog cut the last look off: the key after which it goes on.
    cut_after: Option<String>,
    // Not `retry`: a pass is not one call that is tried again, each loads what waits by then, and looking for batches and
    // loading them fail and recover apart.
    adopt_backoff: Backoff,
    backoff: Backoff,
}

/// How long to wait after a pass.
enum Pause {
    /// Everything is loaded: until there may be more to load at once, or somebody waits for it.
    Interval(Duration),
    /// Something failed: nobody's hurry shortens this.
    Retry(Duration),
}

impl Work {
    fn new(line: PipelineContext, seen: Arc<LoaderCounters>) -> Work {
        Work {
            source: StoredBatches { store: line.store.clone() },
            line,
            seen,
            next_adopt: Instant::now(),
            seen_up_to: None,
            next_adopt_all: Instant::now(),
            cut_after: None,
            adopt_backoff: Backoff::new(Duration::from_millis(500), ADOPT_EVERY),
            backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(60)),
        }
    }

    async fn load_all(mut self, last_sealed: CancellationToken) -> Result<()> {
        loop {
            // Asked before the pass: a batch sealed during it may be missed by it.
            let is_last = last_sealed.is_cancelled();
            let pause = self.pass().await;
            if is_last && (self.line.backlog.is_empty() || self.line.generation.is_followed()) {
                return Ok(());
            }
            match pause {
                // The drain. The supervisor's deadline ends this if the warehouse stays away.
                Pause::Retry(wait) if is_last => tokio::time::sleep(wait).await,
                // What was sealed during the pass.
                Pause::Interval(_) if is_last => {}
                Pause::Retry(wait) => {
                    let _ = last_sealed.run_until_cancelled(tokio::time::sleep(wait)).await;
                }
                Pause::Interval(interval) => {
                    let until = tokio::time::timeout(interval, self.line.backlog.wanted());
                    let _ = last_sealed.run_until_cancelled(until).await;
                }
            }
        }
    }

    /// Adopts when it is time, loads what waits, and says how long to wait before the next time. A store that
    /// cannot be listed does not keep what is known from being loaded.
    async fn pass(&mut self) -> Pause {
        let is_room_again = self.line.backlog.is_cut() && self.line.backlog.is_empty();
        if is_room_again || Instant::now() >= self.next_adopt {
            let wait = match self.adopt().await {
                Ok(()) => {
                    self.adopt_backoff.reset();
                    ADOPT_EVERY
                }
                Err(error) => {
                    CallFailed { what: "adopt", error: &error }.emit();
                    self.note_failure(&error);
                    self.adopt_backoff.wait_after(error.wait())
                }
            };
            self.next_adopt = Instant::now() + wait;
        }
        self.show();
        let loaded = self.load_waiting().await;
        self.show();
        match loaded {
            Ok(()) => {
                self.line.backlog.set_refused(false);
                self.line.outages.call_went_well(outage::LOAD);
                self.backoff.reset();
                Pause::Interval(self.line.settings.load.interval)
            }
            Err(error) => {
                self.line.backlog.set_refused(!error.class().is_retryable());
                self.line.outages.call_failed(outage::LOAD, &error);
                self.note_failure(&error);
                Pause::Retry(self.backoff.wait_after(error.wait()))
            }
        }
    }

    fn show(&self) {
        let waiting = self.line.backlog.len();
        self.seen.batches_to_load.store(waiting as u64, Ordering::Relaxed);
        names::BATCHES_TO_LOAD.set(waiting as f64);
    }

    /// Loads what waits, manifest by manifest.
    async fn load_waiting(&self) -> Result<()> {
        loop {
            let batches = self.line.backlog.first(self.line.settings.load.max_batches);
            if batches.is_empty() {
                return Ok(());
            }
            match self.load(batches.clone()).await {
                Err(error) if error.class() == Class::Poison => self.load_one_by_one(batches).await?,
                loaded => loaded?,
            }
            self.show();
        }
    }

    /// One batch of several cannot be read: finds out which, loads the others, and sets it aside. It is not lost: the
    /// object stays, its id is not in the ledger, and the log line names it.
    async fn load_one_by_one(&self, batches: Vec<SealedBatch>) -> Result<()> {
        for batch in batches {
            match self.load(vec![batch.clone()]).await {
                Err(error) if error.class() == Class::Poison => {
                    self.note_failure(&error);
                    BatchSetAside { object: &format!("{}/{}", batch.bucket, batch.key), error: &error }.emit();
                    self.line.backlog.set_aside(&batch.batch_id);
                    self.seen.set_aside.fetch_add(1, Ordering::Relaxed);
                }
                loaded => loaded?,
            }
        }
        Ok(())
    }

    async fn load(&self, batches: Vec<SealedBatch>) -> Result<()> {
        let started = Instant::now();
        let manifest = Manifest { manifest_id: manifest_id(&batches), batches };
        let at_work = self.line.telemetry.busy.begin(Workers::Load);
        let loaded = self.write_and_load(&manifest).await;
        drop(at_work);
        let Loaded {
            scans,
            rejections,
            photos_repeated: repeated,
            photos_replaced: replaced,
            photos_superseded: superseded,
            ..
        } = loaded.inspect_err(|error| self.note_failed_load(error, manifest.batches.len()))?;
        let (now, ended) = (Timestamp::now(), Instant::now());
        for batch in &manifest.batches {
            for trace in self.line.backlog.take_traces(&batch.batch_id) {
                trace.stamp(Step::Load, started, ended);
            }
            let uploads = self.line.backlog.loaded(&batch.batch_id);
            for (age, photos) in uploads.iter().flat_map(|uploads| uploads.ages(now)) {
                names::UPLOAD_TO_ROW_SECONDS.observe_many(age, photos);
            }
        }
        let batches = manifest.batches.len() as u64;
        self.seen.loads.fetch_add(1, Ordering::Relaxed);
        self.seen.scans.fetch_add(scans, Ordering::Relaxed);
        self.seen.rejections.fetch_add(rejections, Ordering::Relaxed);
        self.seen.photos_repeated.fetch_add(repeated, Ordering::Relaxed);
        self.seen.photos_superseded.fetch_add(superseded, Ordering::Relaxed);
        self.line.telemetry.totals.loaded(batches);
        self.seen.photos_replaced.fetch_add(replaced, Ordering::Relaxed);
        LoadDone { batches, scans, rejections, repeated, replaced, superseded, took: started.elapsed() }
            .emit(&self.line.telemetry);
        Ok(())
    }

    async fn write_and_load(&self, manifest: &Manifest) -> Result<Loaded> {
        let text = serde_json::to_vec_pretty(manifest)
            .map_err(|error| Error::bug("a manifest does not serialise").with_source(error))?;
        let key = format!("{MANIFEST_PREFIX}{}.json", manifest.manifest_id);
        let call = self.line.load_call("put_manifest");
        self.line.store.put(&self.line.settings.store.results, &key, text.into(), PutMode::CreateOnce).await?;
        drop(call);
        let _call = self.line.load_call("load");
        self.line.warehouse.load(manifest, &self.source).await
    }

    /// A damaged batch is told of once it is known which one it is.
    fn note_failed_load(&self, error: &Error, batches: usize) {
        if error.class() != Class::Poison {
            LoadFailed { batches, error }.emit();
        }
    }

    fn note_failure(&self, error: &Error) {
        self.seen.failures.fetch_add(1, Ordering::Relaxed);
        *self.seen.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }

    /// Finds batches that no ledger row names: sealed by an instance that died before it loaded them. A batch that
    /// another instance is about to load may be found too; loading it twice changes nothing.
    ///
    /// Ids begin with the time of opening. So the first look goes through all there is, and the next begin an hour
    /// before the last whole one. A batch that took longer than that from its opening to the store is found by the
    /// daily look through all, or by the next start of any instance.
    async fn adopt(&mut self) -> Result<()> {
        let is_all = Instant::now() >= self.next_adopt_all;
        let begun_at = Timestamp::now();
        self.line.backlog.begin_listing();
        let (line, bucket) = (&self.line, &self.line.settings.store.results);
        let begin = if is_all { None } else { self.seen_up_to.clone() };
        let mut after = self.cut_after.take().or(begin);
        let mut adopted = 0_u64;
        'pages: loop {
            let call = line.load_call("list");
            let listed = line.store.list(bucket, BATCH_PREFIX, after.as_deref(), ADOPT_PAGE).await?;
            drop(call);
            let ids: Vec<String> = listed
                .iter()
                .filter_map(|object| batch_id_of(BATCH_PREFIX, &object.key))
                .filter(|id| !line.backlog.knows(id))
                .map(str::to_owned)
                .collect();
            let mut asked_up_to = after.take();
            for ids in ids.chunks(ADOPT_ASKED) {
                let call = line.load_call("not_in_ledger");
                let unknown = line.warehouse.not_in_ledger(ids).await?;
                drop(call);
                for batch_id in unknown {
                    let key = batch_key(BATCH_PREFIX, &batch_id);
                    let batch = SealedBatch { batch_id, bucket: bucket.clone(), key, sealed_at: None };
                    adopted += u64::from(line.backlog.add(batch));
                }
                // No further when the backlog is full: the rest is found once this is loaded, from here on.
                if line.backlog.is_cut() {
                    self.cut_after = asked_up_to;
                    break 'pages;
                }
                asked_up_to = ids.last().map(|id| batch_key(BATCH_PREFIX, id));
            }
            if listed.len() < ADOPT_PAGE {
                break;
            }
            after = listed.last().map(|object| object.key.clone());
        }
        line.backlog.end_listing();
        if !line.backlog.is_cut() {
            self.seen_up_to = begun_at.checked_sub(ADOPT_MARGIN).ok().map(first_key_at);
            if is_all {
                self.next_adopt_all = Instant::now() + ADOPT_ALL_EVERY;
            }
        }
        if adopted > 0 {
            line.telemetry.totals.sealed(adopted);
            self.seen.adopted.fetch_add(adopted, Ordering::Relaxed);
            tracing::info!(batches = adopted, "adopted sealed batches that no ledger row names");
        }
        Ok(())
    }
}

/// The key before those of all batches opened at `at` or later.
fn first_key_at(at: Timestamp) -> String {
    format!("{BATCH_PREFIX}{}", batch_time(at))
}

/// What to do about a batch object that is damaged or gone.
const REMEDY: &str = "restore this object from a copy, or move it away: its rows are in no other place";

/// The store as the warehouse sees it.
struct StoredBatches {
    store: Arc<dyn Store>,
}

#[async_trait]
impl BatchSource for StoredBatches {
    async fn read(&self, batch: &SealedBatch) -> Result<Bytes> {
        read_batch(self.store.as_ref(), batch).await
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Bytes) -> Result<()> {
        self.store.put(bucket, key, bytes, PutMode::CreateOnce).await.map(drop)
    }
}

/// The lines of a batch.
///
/// # Errors
/// As [`BatchSource::read`].
pub async fn read_batch(store: &dyn Store, batch: &SealedBatch) -> Result<Bytes> {
    let object = store.get(&batch.bucket, &batch.key, None, MAX_BATCH_BYTES).await;
    let object = object.map_err(|error| match error.class() {
        // Of every batch: not this one's fault.
        Class::Transient | Class::Throttled | Class::Refused | Class::Bug => error,
        // Gone, no regular file, too large: of this batch alone, the warehouse and the other batches are well.
        Class::Missing | Class::Permanent | Class::TooLarge | Class::Poison => {
            Error::poison("a batch cannot be read").with_hint(REMEDY).with_source(error)
        }
    })?;
    let key = batch.key.clone();
    let unpack = move || {
        let mut lines = Vec::new();
        MultiGzDecoder::new(object.bytes.as_ref()).take(MAX_BATCH_BYTES).read_to_end(&mut lines).map_err(|error| {
            Error::poison(format!("`{key}` is not a complete gzip file")).with_hint(REMEDY).with_source(error)
        })?;
        Ok(Bytes::from(lines))
    };
    tokio::task::spawn_blocking(unpack)
        .await
        .map_err(|error| Error::bug("unpacking a batch panicked").with_source(error))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::batch::batch_id;

    #[test]
    fn a_look_from_a_time_on_finds_every_batch_opened_since() {
        let at: Timestamp = "2026-11-22T15:40:00Z".parse().unwrap();
        let key = |at: Timestamp| batch_key(BATCH_PREFIX, &batch_id(&batch_time(at), "0a1b", 1));
        let second = SignedDuration::from_secs(1);
        assert!(first_key_at(at) < key(at) && first_key_at(at) < key(at + second));
        assert!(first_key_at(at) > key(at - second));
    }
}
