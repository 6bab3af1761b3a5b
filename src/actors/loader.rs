//! Loads sealed batches into the warehouse in its own rhythm, and adopts those that nobody loaded.

use std::collections::HashSet;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix::{Actor, Context, Recipient};
use async_trait::async_trait;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use serde_json::json;
use tokio::sync::mpsc;

use super::line::Line;
use super::messages::Ended;
use super::seal::{BATCH_PREFIX, put};
use super::worker;
use crate::domain::batch::{SealedBatch, batch_id_of, manifest_id};
use crate::error::{Class, Error, Result};
use crate::flow::Backoff;
use crate::store::{PutMode, Store};
use crate::telemetry::events::{BatchSetAside, CallFailed, LoadDone, LoadFailed};
use crate::telemetry::names;
use crate::warehouse::{BatchSource, Loaded, Manifest};

/// Name in metrics, logs and `/state`.
pub const NAME: &str = "loader";

/// Prefix of manifests in the results bucket.
const MANIFEST_PREFIX: &str = "manifests/";

/// How often the results bucket is looked through for batches that another instance sealed and never loaded.
const ADOPT_EVERY: Duration = Duration::from_secs(300);

/// Keys listed, and ids asked of the ledger, in one call.
const ADOPT_PAGE: usize = 1_000;

/// The most that one batch object may unpack to: many times what a batch can hold, far below what a bomb would.
const MAX_BATCH_BYTES: u64 = 1 << 30;

/// The actor.
pub struct Loader {
    line: Line,
    ended: Recipient<Ended>,
    sealed: Option<mpsc::Receiver<SealedBatch>>,
}

impl Loader {
    /// A loader that starts with its actor.
    pub fn new(line: Line, ended: Recipient<Ended>, sealed: mpsc::Receiver<SealedBatch>) -> Self {
        Self { line, ended, sealed: Some(sealed) }
    }
}

impl Actor for Loader {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        let Some(sealed) = self.sealed.take() else { return };
        let seen = Arc::new(Seen::default());
        let shown = seen.clone();
        self.line.telemetry.board.register(NAME, Arc::new(move || shown.state()));
        let source = Source { store: self.line.store.clone() };
        let work = Work {
            line: self.line.clone(),
            seen,
            source,
            pending: Vec::new(),
            set_aside: HashSet::new(),
            singly: 0,
            backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(60)),
        };
        worker::start(NAME, &self.line, self.ended.clone(), work.load_all(sealed));
    }
}

#[derive(Default)]
struct Seen {
    pending: AtomicU64,
    loads: AtomicU64,
    failures: AtomicU64,
    adopted: AtomicU64,
    set_aside: AtomicU64,
    scans: AtomicU64,
    rejections: AtomicU64,
    photos_repeated: AtomicU64,
    last_error: Mutex<Option<String>>,
}

impl Seen {
    fn state(&self) -> serde_json::Value {
        json!({
            "batches_to_load": self.pending.load(Ordering::Relaxed),
            "loads": self.loads.load(Ordering::Relaxed),
            "failures": self.failures.load(Ordering::Relaxed),
            "adopted": self.adopted.load(Ordering::Relaxed),
            "set_aside": self.set_aside.load(Ordering::Relaxed),
            "scans": self.scans.load(Ordering::Relaxed),
            "rejections": self.rejections.load(Ordering::Relaxed),
            "photos_repeated": self.photos_repeated.load(Ordering::Relaxed),
            "last_error": *self.last_error.lock().unwrap_or_else(PoisonError::into_inner),
        })
    }
}

struct Work {
    line: Line,
    seen: Arc<Seen>,
    source: Source,
    pending: Vec<SealedBatch>,
    /// Batches that cannot be read. They stay where they are; the next start tries them again.
    set_aside: HashSet<String>,
    /// So many of the first pending batches are loaded one by one: one of them cannot be read.
    singly: usize,
    backoff: Backoff,
}

impl Work {
    async fn load_all(mut self, mut sealed: mpsc::Receiver<SealedBatch>) -> Result<()> {
        self.adopt().await;
        let mut next_adopt = Instant::now() + ADOPT_EVERY;
        let mut next_load = Instant::now() + self.line.settings.load.interval;
        loop {
            tokio::select! {
                next = sealed.recv() => match next {
                    Some(batch) => self.pending.push(batch),
                    None => break,
                },
                () = worker::sleep_until(Some(next_load)) => {
                    next_load = Instant::now() + self.load_pending().await;
                }
                () = worker::sleep_until(Some(next_adopt)) => {
                    self.adopt().await;
                    next_adopt = Instant::now() + ADOPT_EVERY;
                }
            }
            self.show();
        }
        // The drain: every batch there will be is here. The supervisor's deadline ends this if the warehouse stays away.
        while !self.pending.is_empty() {
            let wait = self.load_pending().await;
            self.show();
            if !self.pending.is_empty() {
                tokio::time::sleep(wait).await;
            }
        }
        Ok(())
    }

    fn show(&self) {
        self.seen.pending.store(self.pending.len() as u64, Ordering::Relaxed);
        names::BATCHES_TO_LOAD.set(None, self.pending.len() as f64);
    }

    /// Loads what is pending, manifest by manifest, and returns how long to wait before the next time.
    async fn load_pending(&mut self) -> Duration {
        while !self.pending.is_empty() {
            let at_once = if self.singly > 0 { 1 } else { self.line.settings.load.max_batches };
            let take = self.pending.len().min(at_once);
            let batches: Vec<SealedBatch> = self.pending.iter().take(take).cloned().collect();
            match self.load(batches).await {
                Ok(()) => {
                    self.pending.drain(..take);
                    self.singly = self.singly.saturating_sub(take);
                }
                Err(error) if error.class() == Class::Poison => {
                    self.note_failure(&error);
                    if take == 1 {
                        self.set_first_aside(&error);
                    } else {
                        self.singly = take;
                    }
                }
                Err(error) => {
                    LoadFailed { batches: take, error: &error }.emit();
                    self.note_failure(&error);
                    self.line.telemetry.totals.load_failed(!error.class().is_retryable());
                    return error.wait().unwrap_or_else(|| self.backoff.next_wait());
                }
            }
            self.show();
        }
        self.backoff.reset();
        self.line.settings.load.interval
    }

    /// The first pending batch cannot be read, so the others go on without it. It is not lost: the object stays, its id
    /// is not in the ledger, and the log line names it.
    fn set_first_aside(&mut self, error: &Error) {
        let batch = self.pending.remove(0);
        self.singly = self.singly.saturating_sub(1);
        BatchSetAside { object: &format!("{}/{}", batch.bucket, batch.key), error }.emit();
        self.seen.set_aside.fetch_add(1, Ordering::Relaxed);
        self.line.telemetry.totals.set_aside(&batch.batch_id);
        self.set_aside.insert(batch.batch_id);
    }

    async fn load(&self, batches: Vec<SealedBatch>) -> Result<()> {
        let started = Instant::now();
        let ids: Vec<String> = batches.iter().map(|batch| batch.batch_id.clone()).collect();
        let manifest = Manifest { manifest_id: manifest_id(&batches), batches };
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| Error::bug("a manifest does not serialise").source(error))?;
        let key = format!("{MANIFEST_PREFIX}{}.json", manifest.manifest_id);
        put(&self.line, &key, text.into(), PutMode::CreateOnce).await?;
        let Loaded { scans, rejections, photos_repeated, .. } =
            self.line.warehouse.load(&manifest, &self.source).await?;
        self.seen.loads.fetch_add(1, Ordering::Relaxed);
        self.seen.scans.fetch_add(scans, Ordering::Relaxed);
        self.seen.rejections.fetch_add(rejections, Ordering::Relaxed);
        self.seen.photos_repeated.fetch_add(photos_repeated, Ordering::Relaxed);
        ids.iter().for_each(|batch_id| self.line.telemetry.totals.loaded(batch_id));
        LoadDone { batches: ids.len() as u64, scans, rejections, repeated: photos_repeated, took: started.elapsed() }
            .emit(&self.line.telemetry);
        Ok(())
    }

    fn note_failure(&self, error: &Error) {
        self.seen.failures.fetch_add(1, Ordering::Relaxed);
        *self.seen.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }

    /// Finds batches that no ledger row names: sealed by an instance that died before it loaded them. A batch that
    /// another instance is about to load may be found too; loading it twice changes nothing.
    async fn adopt(&mut self) {
        if let Err(error) = self.try_adopt().await {
            CallFailed { what: "adopt", error: &error }.emit();
            self.note_failure(&error);
        }
    }

    async fn try_adopt(&mut self) -> Result<()> {
        let bucket = self.line.settings.local.results.clone();
        let mut after: Option<String> = None;
        let mut adopted = 0_u64;
        loop {
            let listed = self.line.store.list(&bucket, BATCH_PREFIX, after.as_deref(), ADOPT_PAGE).await?;
            let known: HashSet<&str> = self.pending.iter().map(|batch| batch.batch_id.as_str()).collect();
            let ids: Vec<String> = listed
                .iter()
                .filter_map(|object| batch_id_of(BATCH_PREFIX, &object.key))
                .filter(|id| !known.contains(id) && !self.set_aside.contains(*id))
                .map(str::to_owned)
                .collect();
            for batch_id in self.line.warehouse.not_in_ledger(&ids).await? {
                let key = crate::domain::batch::batch_key(BATCH_PREFIX, &batch_id);
                self.line.telemetry.totals.sealed(&batch_id);
                self.pending.push(SealedBatch { batch_id, bucket: bucket.clone(), key, sealed_at: None });
                adopted += 1;
            }
            if listed.len() < ADOPT_PAGE {
                break;
            }
            after = listed.last().map(|object| object.key.clone());
        }
        if adopted > 0 {
            self.seen.adopted.fetch_add(adopted, Ordering::Relaxed);
            tracing::info!(batches = adopted, "adopted sealed batches that no ledger row names");
        }
        Ok(())
    }
}

/// Reads batches from the store for a warehouse that cannot.
struct Source {
    store: Arc<dyn Store>,
}

#[async_trait]
impl BatchSource for Source {
    async fn read(&self, batch: &SealedBatch) -> Result<Bytes> {
        const REMEDY: &str = "restore this object from a copy, or move it away: its rows are in no other place";
        let object = self.store.get(&batch.bucket, &batch.key, None, MAX_BATCH_BYTES).await;
        let object = object.map_err(|error| match error.class() {
            Class::Transient | Class::Throttled | Class::Bug => error,
            // Gone, no regular file, too large: of this batch alone, the warehouse and the other batches are well.
            Class::Missing | Class::Permanent | Class::Poison => {
                Error::poison("a batch cannot be read").hint(REMEDY).source(error)
            }
        })?;
        let key = batch.key.clone();
        let unpack = move || {
            let mut lines = Vec::new();
            MultiGzDecoder::new(object.bytes.as_ref())
                .take(MAX_BATCH_BYTES)
                .read_to_end(&mut lines)
                .map_err(|error| Error::poison(format!("`{key}` is no whole gzip file")).hint(REMEDY).source(error))?;
            Ok(Bytes::from(lines))
        };
        tokio::task::spawn_blocking(unpack)
            .await
            .map_err(|error| Error::bug("unpacking a batch panicked").source(error))?
    }
}
