//! Seals one batch: compress, write once, and only then let its photos' messages go.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use tokio::time::Instant;

use super::in_flight::PhotoInFlight;
use super::outage;
use super::pipeline_context::PipelineContext;
use super::uploads::UploadTimes;
use crate::domain::batch::{OpenBatch, SealedBatch, batch_key};
use crate::domain::row::utc_millis;
use crate::domain::{Reason, RejectionRow, Row};
use crate::error::{Error, Result};
use crate::flow::{Attempt, RetryPolicy, retry};
use crate::store::PutMode;
use crate::telemetry::Workers;
use crate::telemetry::calls::Watched;
use crate::telemetry::events::{BatchSealed, CallFailed, PhotoDurable};
use crate::telemetry::labels::SealCause;
use crate::telemetry::traces::{Step, Trace};

/// Prefix of batch objects in the results bucket.
pub const BATCH_PREFIX: &str = "batches/";

/// Prefix of the optional per-photo objects.
pub const PHOTO_PREFIX: &str = "photos/";

/// Per-photo objects of one batch written at once. At 30 ms each two batches then write some 4,000 a second, and S3 takes
/// 3,500 a second under one prefix.
const PER_PHOTO_PUTS: usize = 64;

/// The photos that wait for one batch.
#[derive(Debug, Default)]
pub(super) struct FullBatch {
    photos: Vec<PhotoToSeal>,
    repeated: Vec<PhotoInFlight>,
}

#[derive(Debug)]
struct PhotoToSeal {
    photo: PhotoInFlight,
    scans: u64,
    rejection: Option<Box<RejectionRow>>,
    finished_at: Instant,
    /// Its own JSON object, when those are asked for.
    json: Option<Vec<u8>>,
}

impl FullBatch {
    /// A photo whose rows go into the batch.
    ///
    /// # Errors
    /// Rows that do not serialise (a bug).
    pub(super) fn note(
        &mut self,
        photo: PhotoInFlight,
        rows: &[Row],
        finished_at: Instant,
        with_json: bool,
    ) -> Result<()> {
        let scans = rows.iter().filter(|row| matches!(row, Row::Scan(_))).count() as u64;
        let rejection = rows.iter().find_map(|row| match row {
            Row::Rejection(rejection) => Some(rejection.clone()),
            Row::Scan(_) => None,
        });
        let json = with_json.then(|| serde_json::to_vec(rows)).transpose();
        let json = json.map_err(|error| Error::bug("a row does not serialise").with_source(error))?;
        self.photos.push(PhotoToSeal { photo, scans, rejection, finished_at, json });
        Ok(())
    }

    /// A photo whose rows are in the batch already.
    pub(super) fn note_repeated(&mut self, photo: PhotoInFlight) {
        self.repeated.push(photo);
    }

    /// Messages' photos that wait.
    pub(super) fn len(&self) -> usize {
        self.photos.len() + self.repeated.len()
    }
}

/// Compresses and writes the batch, for as long as it takes; then tells the loader and settles its photos. Until then
/// the photos' messages stay leased, so that a full disk or a throttled bucket costs time and nothing else.
///
/// # Errors
/// When compressing fails, a bug. The photos then go back to the queue.
pub(super) async fn seal(
    line: PipelineContext,
    batch: OpenBatch,
    mut waiting: FullBatch,
    cause: SealCause,
) -> Result<()> {
    let (started, at_work) = (Instant::now(), line.telemetry.busy.begin(Workers::Seal));
    let waited = waiting.len();
    let (batch_id, rows, photos) = (batch.batch_id().to_owned(), batch.rows() as u64, batch.photos() as u64);
    let call = line.call(Watched::Seal, "compress", Duration::ZERO);
    let compressed = tokio::task::spawn_blocking(move || {
        let lines =
            batch.into_lines().map_err(|error| Error::bug("the rows of a batch are not lines").with_source(error))?;
        gzip(&lines)
    })
    .await
    .map_err(|error| Error::bug("compressing a batch panicked").with_source(error))??;
    drop(call);
    let key = batch_key(BATCH_PREFIX, &batch_id);
    // A name that is taken can only be our own earlier attempt whose answer was lost: no two batches share an id.
    put(&line, &key, compressed.clone(), PutMode::CreateOnce).await;
    write_per_photo_json(&line, &mut waiting).await;
    drop(at_work);
    let now = Timestamp::now();
    let bucket = line.settings.store.results.clone();
    let bytes = compressed.len() as u64;
    BatchSealed { batch_id: &batch_id, rows, photos, bytes, cause, took: started.elapsed() }.emit();
    line.telemetry.totals.sealed(1);
    // The way out is open: from now on as many messages may be in flight as the settings allow.
    line.budgets.messages.set_limit(line.settings.queue.max_in_flight as u64);
    // The loader is told before the messages go: who sees an empty queue then also sees what is still to be loaded.
    let mut uploads = UploadTimes::default();
    waiting.photos.iter().filter_map(|waiting| uploaded_at(&waiting.photo)).for_each(|at| uploads.add(at));
    line.backlog.note_uploads(&batch_id, uploads);
    line.backlog.note_traces(&batch_id, trace_sealed(&waiting.photos, &batch_id, started));
    line.backlog.add(SealedBatch { batch_id, bucket, key, sealed_at: Some(utc_millis(now)) });
    line.behind.durable(waited);
    for PhotoToSeal { photo, scans, rejection, finished_at, .. } in waiting.photos {
        let since_upload = uploaded_at(&photo).map(|at| now.duration_since(at));
        PhotoDurable {
            scans,
            rejection: rejection.as_deref(),
            since_upload: since_upload.and_then(|since| Duration::try_from(since).ok()),
            waited: finished_at.elapsed(),
        }
        .emit(&line.telemetry);
        photo.durable();
    }
    let now = Instant::now();
    for repeated in &waiting.repeated {
        repeated.trace.stamp(Step::Seal, started, now);
        repeated.trace.note(|facts| facts.outcome = Some("repeated"));
    }
    waiting.repeated.into_iter().for_each(PhotoInFlight::durable);
    Ok(())
}

/// Stamps the traces of a durable batch's photos, and returns those that are sampled.
fn trace_sealed(photos: &[PhotoToSeal], batch_id: &str, started: Instant) -> Vec<Trace> {
    let now = Instant::now();
    let sampled = photos.iter().filter(|waiting| waiting.photo.trace.is_sampled());
    let traces = sampled.map(|waiting| {
        let trace = &waiting.photo.trace;
        trace.stamp(Step::BatchWait, waiting.finished_at, started);
        trace.stamp(Step::Seal, started, now);
        trace.note(|facts| {
            let reason = waiting.rejection.as_ref().and_then(|row| Reason::parse(&row.reason));
            facts.outcome = Some(if waiting.rejection.is_some() { "rejected" } else { "scanned" });
            facts.reason = reason.map(Reason::as_str);
            facts.scans = waiting.scans;
            facts.batch_id = Some(batch_id.to_owned());
        });
        trace.clone()
    });
    traces.collect()
}

/// When the photo was uploaded. A replay keeps the time of its upload, long ago: that is not a latency.
fn uploaded_at(photo: &PhotoInFlight) -> Option<Timestamp> {
    photo.photo.uploaded_at.filter(|_| photo.revision == 0)
}

async fn write_per_photo_json(line: &PipelineContext, waiting: &mut FullBatch) {
    let mut objects = Vec::new();
    for waiting in &mut waiting.photos {
        if let Some(json) = waiting.json.take() {
            // A rejection of the moment takes the place of no answer, as in the warehouse.
            let reason = waiting.rejection.as_ref().and_then(|row| Reason::parse(&row.reason));
            let mode = match reason.is_some_and(Reason::is_passing) {
                true => PutMode::CreateOnce,
                false => PutMode::Overwrite,
            };
            objects.push((format!("{PHOTO_PREFIX}{}.json", waiting.photo.photo.id()), Bytes::from(json), mode));
        }
    }
    let puts = stream::iter(objects).map(|(key, json, mode)| {
        let line = line.clone();
        async move { put(&line, &key, json, mode).await }
    });
    puts.buffer_unordered(PER_PHOTO_PUTS).collect::<()>().await;
}

/// Writes one object to the results bucket, however often it must try. Also what is refused "for good" (a permission,
/// a read-only disk) is fixed from outside or not at all; to give the photos back would only bring them here again,
/// each time one delivery nearer to being given up.
async fn put(line: &PipelineContext, key: &str, bytes: Bytes, mode: PutMode) {
    let policy =
        RetryPolicy { first: Duration::from_millis(100), longest: Duration::from_secs(10), tries: None, within: None };
    retry(policy, || async {
        let call = line.call(Watched::Seal, "put", Duration::ZERO);
        let put = line.store.put(&line.settings.store.results, key, bytes.clone(), mode).await;
        drop(call);
        let Err(error) = put else { return Attempt::Ended(()) };
        let wait = error.wait();
        let error = error.with_context(format!("writing `{key}`"));
        line.outages.call_failed(outage::PUT, &error);
        CallFailed { what: "put", error: &error }.emit();
        Attempt::Again((), wait)
    })
    .await;
    line.outages.call_went_well(outage::PUT);
}

/// A batch is a fifth larger than at the usual level, and costs a third of the time.
const LEVEL: Compression = Compression::new(2);

/// Compresses the lines of a batch.
///
/// # Errors
/// None that can be fixed: a bug.
pub fn gzip(lines: &[u8]) -> Result<Bytes> {
    let failed = |error| Error::bug("cannot compress a batch").with_source(error);
    let mut encoder = GzEncoder::new(Vec::with_capacity(lines.len() / 5), LEVEL);
    encoder.write_all(lines).map_err(failed)?;
    Ok(encoder.finish().map_err(failed)?.into())
}
