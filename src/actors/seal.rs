//! Seals one batch: compress, write once, and only then let its photos' messages go.

use std::io::Write;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::in_flight::PhotoInFlight;
use super::line::Line;
use crate::domain::batch::{OpenBatch, SealedBatch, batch_key};
use crate::domain::row::utc_millis;
use crate::domain::{RejectionRow, Row};
use crate::error::{Error, Result};
use crate::flow::Backoff;
use crate::store::PutMode;
use crate::telemetry::events::{BatchSealed, CallFailed, PhotoDurable};

/// Prefix of batch objects in the results bucket.
pub const BATCH_PREFIX: &str = "batches/";

/// Prefix of the optional per-photo objects.
const PHOTO_PREFIX: &str = "photos/";

/// Per-photo objects written at once.
const PER_PHOTO_PUTS: usize = 16;

/// The photos that wait for one batch.
#[derive(Debug, Default)]
pub struct FullBatch {
    photos: Vec<Waiting>,
    repeated: Vec<PhotoInFlight>,
}

#[derive(Debug)]
struct Waiting {
    photo: PhotoInFlight,
    scans: u64,
    rejection: Option<Box<RejectionRow>>,
    finished_at: Instant,
    /// Its own JSON object, when those are asked for.
    json: Option<Vec<u8>>,
}

impl FullBatch {
    /// A photo whose rows go into the batch.
    pub fn note(&mut self, photo: PhotoInFlight, rows: &[Row], finished_at: Instant, with_json: bool) {
        let scans = rows.iter().filter(|row| matches!(row, Row::Scan(_))).count() as u64;
        let rejection = rows.iter().find_map(|row| match row {
            Row::Rejection(rejection) => Some(rejection.clone()),
            Row::Scan(_) => None,
        });
        let json = with_json.then(|| serde_json::to_vec(rows).unwrap_or_default());
        self.photos.push(Waiting { photo, scans, rejection, finished_at, json });
    }

    /// A photo whose rows are in the batch already.
    pub fn note_repeated(&mut self, photo: PhotoInFlight) {
        self.repeated.push(photo);
    }

    /// Messages' photos that wait.
    pub fn len(&self) -> usize {
        self.photos.len() + self.repeated.len()
    }
}

/// Compresses and writes the batch, for as long as it takes; then settles its photos and tells the loader. Until then
/// the photos' messages stay leased, so that a full disk or a throttled bucket costs time and nothing else.
///
/// # Errors
/// When the store refuses for good. The photos then go back to the queue.
pub async fn seal(
    line: Line,
    batch: OpenBatch,
    mut waiting: FullBatch,
    cause: &'static str,
    sealed: mpsc::Sender<SealedBatch>,
) -> Result<()> {
    let started = Instant::now();
    let (batch_id, rows, photos) = (batch.batch_id().to_owned(), batch.rows() as u64, batch.photos() as u64);
    let lines = batch.into_lines();
    let compressed = tokio::task::spawn_blocking(move || gzip(&lines))
        .await
        .map_err(|error| Error::bug("compressing a batch panicked").source(error))??;
    let key = batch_key(BATCH_PREFIX, &batch_id);
    // A name that is taken can only be our own earlier attempt whose answer was lost: no two batches share an id.
    put(&line, &key, compressed.clone(), PutMode::CreateOnce).await?;
    write_per_photo_json(&line, &mut waiting).await?;
    let now = Timestamp::now();
    let bucket = line.settings.local.results.clone();
    let bytes = compressed.len() as u64;
    BatchSealed { batch_id: &batch_id, rows, photos, bytes, cause, took: started.elapsed() }.emit();
    line.telemetry.totals.sealed(&batch_id);
    // The loader is told before the messages go: who sees an empty queue then also sees what is still to be loaded.
    let batch = SealedBatch { batch_id, bucket, key, sealed_at: Some(utc_millis(now)) };
    let told = sealed.send(batch).await;
    for Waiting { photo, scans, rejection, finished_at, .. } in waiting.photos {
        let since_upload = photo.photo.uploaded_at.map(|at| now.duration_since(at));
        PhotoDurable {
            scans,
            rejection: rejection.as_deref(),
            since_upload: since_upload.and_then(|since| Duration::try_from(since).ok()),
            waited: finished_at.elapsed(),
        }
        .emit(&line.telemetry);
        photo.durable();
    }
    waiting.repeated.into_iter().for_each(PhotoInFlight::durable);
    // A batch the loader was not told of is adopted at the next start.
    told.map_err(|_| Error::transient("the loader is gone; the batch is durable and is adopted at the next start"))
}

async fn write_per_photo_json(line: &Line, waiting: &mut FullBatch) -> Result<()> {
    let mut objects = Vec::new();
    for waiting in &mut waiting.photos {
        if let Some(json) = waiting.json.take() {
            objects.push((format!("{PHOTO_PREFIX}{}.json", waiting.photo.photo.id()), Bytes::from(json)));
        }
    }
    let puts = stream::iter(objects).map(|(key, json)| {
        let line = line.clone();
        async move { put(&line, &key, json, PutMode::Overwrite).await }
    });
    let mut puts = puts.buffer_unordered(PER_PHOTO_PUTS);
    while let Some(done) = puts.next().await {
        done?;
    }
    Ok(())
}

/// Writes one object to the results bucket, trying again as long as the class allows it.
pub(super) async fn put(line: &Line, key: &str, bytes: Bytes, mode: PutMode) -> Result<()> {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    loop {
        match line.store.put(&line.settings.local.results, key, bytes.clone(), mode).await {
            Ok(_) => return Ok(()),
            Err(error) if error.class().is_retryable() => {
                CallFailed { what: "put", error: &error }.emit();
                tokio::time::sleep(error.wait().unwrap_or_else(|| backoff.next_wait())).await;
            }
            Err(error) => return Err(error.context(format!("writing `{key}`"))),
        }
    }
}

fn gzip(lines: &[u8]) -> Result<Bytes> {
    let failed = |error| Error::bug("cannot compress a batch").source(error);
    let mut encoder = GzEncoder::new(Vec::with_capacity(lines.len() / 6), Compression::default());
    encoder.write_all(lines).map_err(failed)?;
    Ok(encoder.finish().map_err(failed)?.into())
}
