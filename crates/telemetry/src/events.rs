//! One struct per event that matters. Each both counts and logs, so that a metric and its log line never disagree.
//! Events of single photos log at debug level only: a million photos must not make a million lines.

use std::sync::Once;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::labels::{Extension, LoadResult, LoadedTable, Outcome, Receives, SealCause, Settled};
use super::names;
use super::seldom::{self, cause_of};
use crate::{Stage, Telemetry};
use scanmill_core::domain::{PhotoRef, Reading, RejectionRow, SkipReason};
use scanmill_core::error::{Class, Error};

/// Messages came from the queue.
pub struct MessagesReceived<'a> {
    /// Of each: how often it was received, this time included, and when it was sent.
    pub messages: &'a [(u32, Timestamp)],
    /// When they came.
    pub now: Timestamp,
}

impl MessagesReceived<'_> {
    /// Counts.
    pub fn emit(self) {
        let redelivered = self.messages.iter().filter(|(receives, _)| *receives > 1).count();
        names::MESSAGES_RECEIVED.add(self.messages.len() as u64);
        names::MESSAGES_REDELIVERED.add(redelivered as u64);
        for (receives, sent_at) in self.messages {
            // From the third receive on SQS leaves a message out of its own age metric.
            let receives = if *receives > 2 { Receives::ThreeOrMore } else { Receives::OneOrTwo };
            let age = self.now.duration_since(*sent_at).as_secs_f64();
            names::MESSAGE_AGE_SECONDS.observe(receives, age.max(0.0));
        }
    }
}

/// So many photos passed over, and none read, are not a coincidence.
const TELL_ALL_PASSED_OVER: u64 = 10;

/// A photo that is not to be read.
pub struct PhotoPassedOver<'a> {
    /// Which.
    pub photo: &'a PhotoRef,
    /// Why.
    pub why: SkipReason,
}

impl PhotoPassedOver<'_> {
    /// Counts and logs; what somebody has to fix loudly, one line a bucket and minute, and once a filter that nothing has
    /// passed yet.
    pub fn emit(self, telemetry: &Telemetry) {
        static SAID_ALL: Once = Once::new();
        let Self { photo: PhotoRef { bucket, key, .. }, why: cause } = self;
        let why = cause.as_str();
        names::PHOTOS_SKIPPED.add(cause, 1);
        telemetry.totals.passed_over();
        if telemetry.totals.all_passed_over() >= TELL_ALL_PASSED_OVER {
            let hint = "check [filter]; once it is right, `scanmill backfill` queues them again";
            let say = || tracing::warn!(bucket, key, why, hint, "every photo so far was passed over by the filter");
            SAID_ALL.call_once(say);
        }
        tracing::debug!(bucket, key, why, "photo passed over");
        let hint = match cause {
            SkipReason::OwnOutput => {
                "these are our own results, which are never read: send only the landing bucket's events to the queue"
            }
            SkipReason::ForeignBucket => {
                "list the bucket in `store.accept` if its photos are wanted, or send its events elsewhere"
            }
            _ => return,
        };
        if let Some(more_like_it) = seldom::ask(format!("passed over {why} {bucket}")) {
            tracing::warn!(
                bucket,
                key,
                why,
                hint,
                more_like_it,
                "photo passed over: its message is acknowledged and it gives no row"
            );
        }
    }
}

/// Receives that failed together with one that was told already.
pub struct ReceivesFailed<'a> {
    /// Why.
    pub error: &'a Error,
}

impl ReceivesFailed<'_> {
    /// Counts.
    pub fn emit(self) {
        names::ERRORS.add(self.error.class(), 1);
        tracing::debug!(error = %self.error, "another receive failed meanwhile");
    }
}

/// A message that names no photo to read.
pub struct MessageIgnored<'a> {
    /// The queue's id of it.
    pub message_id: &'a str,
    /// The event it tells of.
    pub event: &'a str,
}

impl MessageIgnored<'_> {
    /// Counts and logs.
    pub fn emit(self) {
        names::MESSAGES_IGNORED.add(1);
        tracing::debug!(message_id = self.message_id, event = self.event, "message names no photo to read");
    }
}

/// A message no notification format fits.
pub struct MessageNotUnderstood<'a> {
    /// The queue's id of it.
    pub message_id: &'a str,
    /// What is wrong with it.
    pub detail: &'a str,
}

impl MessageNotUnderstood<'_> {
    /// Logs one line a cause and minute; the rejection row that follows counts.
    pub fn emit(self) {
        let Self { message_id, detail } = self;
        let Some(more_like_it) = seldom::ask(format!("not understood {}", cause_of(detail))) else { return };
        tracing::warn!(message_id, detail, more_like_it, "message is not a notification, rejecting it");
    }
}

/// Messages were deleted or given back.
pub struct MessagesSettled {
    /// Deleted.
    pub deleted: u64,
    /// Given back.
    pub given_back: u64,
}

impl MessagesSettled {
    /// Counts.
    pub fn emit(self) {
        names::MESSAGES_SETTLED.add(Settled::Deleted, self.deleted);
        names::MESSAGES_SETTLED.add(Settled::GivenBack, self.given_back);
    }
}

/// Leases were extended, or not.
pub struct LeasesExtended {
    /// Extended.
    pub ok: u64,
    /// Another receiver has the message by now.
    pub lost: u64,
    /// The call failed; it is tried again while there is time.
    pub failed: u64,
}

impl LeasesExtended {
    /// Counts, and logs lost leases.
    pub fn emit(self) {
        names::LEASE_EXTENSIONS.add(Extension::Ok, self.ok);
        names::LEASE_EXTENSIONS.add(Extension::Lost, self.lost);
        names::LEASE_EXTENSIONS.add(Extension::Failed, self.failed);
        if let Some(more_like_it) = (self.lost > 0).then(|| seldom::ask("leases lost".to_owned())).flatten() {
            tracing::warn!(
                leases = self.lost,
                more_like_it,
                "leases lost: these messages are read twice, which the load undoes"
            );
        }
    }
}

/// A photo's bytes are in memory.
pub struct PhotoFetched {
    /// Its size.
    pub bytes: u64,
    /// From the message's arrival to the start of the GET.
    pub waited: Duration,
    /// The GET itself.
    pub took: Duration,
}

impl PhotoFetched {
    /// Counts and times.
    pub fn emit(self, telemetry: &Telemetry) {
        names::FETCHED_BYTES.add(self.bytes);
        telemetry.totals.fetched(self.bytes);
        time_stage(telemetry, Stage::QueueWait, self.waited);
        time_stage(telemetry, Stage::Fetch, self.took);
    }
}

/// A photo went through the decoder.
pub struct PhotoDecoded<'a> {
    /// Which.
    pub photo: &'a PhotoRef,
    /// What came of it.
    pub reading: &'a Reading,
    /// Waiting for memory and a place in the pool.
    pub waited: Duration,
    /// Wall time in the pool.
    pub took: Duration,
}

impl PhotoDecoded<'_> {
    /// Counts, times, and logs at debug level.
    pub fn emit(self, telemetry: &Telemetry) {
        time_stage(telemetry, Stage::DecodeWait, self.waited);
        time_stage(telemetry, Stage::Decode, self.took);
        names::DECODE_CPU_SECONDS.observe(self.reading.decode_ms / 1_000.0);
        telemetry.totals.decoded(self.reading.decode_ms);
        names::MORE_CODES_LIKELY.add(u64::from(self.reading.more_codes_likely));
        for run in &self.reading.rungs {
            names::RUNG_RUNS.add(run.name, 1);
            names::RUNG_WINS.add(run.name, run.won as u64);
            names::RUNG_SECONDS.observe(run.name, run.ms / 1_000.0);
        }
        tracing::debug!(
            bucket = self.photo.bucket,
            key = self.photo.key,
            codes = self.reading.codes.len(),
            more_codes_likely = self.reading.more_codes_likely,
            cpu_ms = self.reading.decode_ms,
            "photo decoded"
        );
    }
}

/// Reading a photo was broken off with CPU time left: the process was suspended, swapped out or starved of cores.
pub struct DecodeStalled<'a> {
    /// Which.
    pub photo: &'a PhotoRef,
    /// CPU time it had.
    pub cpu_ms: f64,
    /// Wall time it took.
    pub took: Duration,
    /// Whether its message was received as often as it may be: then it ends with what was read.
    pub is_last: bool,
}

impl DecodeStalled<'_> {
    /// Counts and logs.
    pub fn emit(self) {
        let Self { photo: PhotoRef { bucket, key, .. }, cpu_ms, took, is_last } = self;
        names::DECODES_STALLED.add(1);
        let took_ms = took.as_millis() as u64;
        let hint = "the process was suspended or swapped out, or has too few cores for decode.threads";
        // A machine that is starved stalls every photo it reads.
        let Some(more_like_it) = seldom::ask(format!("decode stalled {is_last}")) else { return };
        let what = match is_last {
            true => "decode stalled once more; it ends with what was read",
            false => "decode stalled; the photo is left for later",
        };
        tracing::warn!(bucket, key, cpu_ms, took_ms, hint, more_like_it, "{what}");
    }
}

/// A photo must be processed again later.
pub struct PhotoAgain<'a> {
    /// Which.
    pub photo: &'a PhotoRef,
    /// Why.
    pub error: &'a Error,
}

impl PhotoAgain<'_> {
    /// Logs one line a cause and minute; the metric counts them all.
    pub fn emit(self) {
        let Self { photo, error } = self;
        let (bucket, key) = (&photo.bucket, &photo.key);
        tracing::debug!(bucket, key, %error, "photo is left for later");
        let cause = cause_of(&error.to_string().replace(key.as_str(), "`"));
        let Some(more_like_it) = seldom::ask(format!("photo again {cause}")) else { return };
        let hint = error.hint_text().unwrap_or_default();
        tracing::warn!(bucket, key, %error, hint, more_like_it, "photo is left for later");
    }
}

/// One photo's rows are durable.
pub struct PhotoDurable<'a> {
    /// Scan rows.
    pub scans: u64,
    /// Or the rejection.
    pub rejection: Option<&'a RejectionRow>,
    /// From the upload's event to now, if the event told its time.
    pub since_upload: Option<Duration>,
    /// From decoded to now.
    pub waited: Duration,
}

impl PhotoDurable<'_> {
    /// Counts and times.
    pub fn emit(self, telemetry: &Telemetry) {
        let reason = self.rejection.and_then(|row| scanmill_core::domain::Reason::parse(&row.reason));
        names::PHOTOS.add(if reason.is_some() { Outcome::Rejected } else { Outcome::Scanned }, 1);
        names::SCANS.add(self.scans);
        if let Some(reason) = reason {
            names::REJECTIONS.add(reason, 1);
        }
        telemetry.totals.photo(self.scans, reason);
        time_stage(telemetry, Stage::BatchWait, self.waited);
        if let Some(since_upload) = self.since_upload {
            time_stage(telemetry, Stage::UploadToDurable, since_upload);
        }
    }
}

/// A batch is durable.
pub struct BatchSealed<'a> {
    /// Its id.
    pub batch_id: &'a str,
    /// Rows in it.
    pub rows: u64,
    /// Photos in it.
    pub photos: u64,
    /// Compressed bytes.
    pub bytes: u64,
    /// What sealed it.
    pub cause: SealCause,
    /// Compressing and writing.
    pub took: Duration,
}

impl BatchSealed<'_> {
    /// Counts and logs.
    pub fn emit(self) {
        names::BATCHES_SEALED.add(self.cause, 1);
        names::BATCH_ROWS.add(self.rows);
        names::BATCH_BYTES.add(self.bytes);
        tracing::info!(
            batch_id = self.batch_id,
            rows = self.rows,
            photos = self.photos,
            bytes = self.bytes,
            cause = self.cause.as_str(),
            took_ms = self.took.as_millis() as u64,
            "batch sealed"
        );
    }
}

/// A load committed.
pub struct LoadDone {
    /// What it did.
    pub batches: u64,
    /// Scan rows inserted.
    pub scans: u64,
    /// Rejection rows inserted.
    pub rejections: u64,
    /// Photos the warehouse had already.
    pub repeated: u64,
    /// Photos whose file held something else later.
    pub superseded: u64,
    /// Photos whose rows a better answer took the place of.
    pub replaced: u64,
    /// How long it took.
    pub took: Duration,
}

impl LoadDone {
    /// Counts, times and logs.
    pub fn emit(self, telemetry: &Telemetry) {
        names::LOADS.add(LoadResult::Ok, 1);
        names::LOADED_ROWS.add(LoadedTable::Scans, self.scans);
        names::LOADED_ROWS.add(LoadedTable::Rejections, self.rejections);
        names::LOAD_REPEATED.add(self.repeated);
        names::LOAD_SUPERSEDED.add(self.superseded);
        names::LOAD_REPLACED.add(self.replaced);
        time_stage(telemetry, Stage::Load, self.took);
        tracing::info!(
            batches = self.batches,
            scans = self.scans,
            rejections = self.rejections,
            photos_repeated = self.repeated,
            photos_superseded = self.superseded,
            photos_replaced = self.replaced,
            took_ms = self.took.as_millis() as u64,
            "loaded"
        );
    }
}

/// A load failed; its batches stay sealed and are loaded later.
pub struct LoadFailed<'a> {
    /// Batches in the manifest.
    pub batches: usize,
    /// Why.
    pub error: &'a Error,
}

impl LoadFailed<'_> {
    /// Counts and logs.
    pub fn emit(self) {
        names::LOADS.add(LoadResult::Failed, 1);
        CallFailed { what: "load", error: self.error }.emit();
        tracing::error!(batches = self.batches, "load failed, its batches are durable and are loaded later");
    }
}

/// A batch cannot be read; what else is sealed is loaded without it.
pub struct BatchSetAside<'a> {
    /// Bucket and key of its object.
    pub object: &'a str,
    /// Why.
    pub error: &'a Error,
}

impl BatchSetAside<'_> {
    /// Counts and logs.
    pub fn emit(self) {
        names::LOADS.add(LoadResult::Failed, 1);
        names::ERRORS.add(self.error.class(), 1);
        tracing::error!(
            object = self.object,
            error = %self.error,
            hint = self.error.hint_text(),
            "batch set aside: it cannot be read; it stays where it is and the next start tries it again"
        );
    }
}

/// A call to queue, store or warehouse failed.
pub struct CallFailed<'a> {
    /// Which call.
    pub what: &'static str,
    /// Why.
    pub error: &'a Error,
}

impl CallFailed<'_> {
    /// Counts; logs one line a cause and minute, loudly unless trying again is the ordinary course.
    pub fn emit(self) {
        let class = self.error.class();
        names::ERRORS.add(class, 1);
        let cause = format!("{} {} {}", self.what, class.as_str(), cause_of(&self.error.to_string()));
        let Some(more_like_it) = seldom::ask(cause) else { return };
        let hint = self.error.hint_text().unwrap_or_default();
        match class {
            Class::Transient | Class::Throttled => {
                tracing::warn!(call = self.what, class = class.as_str(), error = %self.error, hint, more_like_it, "call failed, trying again");
            }
            Class::Permanent | Class::Refused | Class::Missing | Class::TooLarge | Class::Poison | Class::Bug => {
                tracing::error!(call = self.what, class = class.as_str(), error = %self.error, hint, more_like_it, "call failed");
            }
        }
    }
}

/// Another part of the way holds the rate than before.
pub struct BottleneckNamed<'a> {
    /// Which: a value of the metric's label.
    pub stage: &'static str,
    /// In a few words.
    pub title: &'a str,
    /// Why.
    pub evidence: &'a str,
    /// What would help.
    pub remedy: &'a str,
    /// Photos a second, measured.
    pub rate: f64,
    /// Photos a second that this part allows, if that is known.
    pub ceiling: Option<f64>,
}

impl BottleneckNamed<'_> {
    /// Logs; the metric is set at each look.
    pub fn emit(self) {
        let Self { stage, title, evidence, remedy, rate, ceiling } = self;
        let (per_second, ceiling) = (rate.round(), ceiling.map(f64::round));
        tracing::info!(stage, evidence, remedy, per_second, ceiling, "the bottleneck is now: {title}");
    }
}

/// Answers of AWS asked for less, and a later attempt of the same call did not.
pub struct AnswersThrottled {
    /// Which service.
    pub service: &'static str,
    /// How many.
    pub count: u64,
}

impl AnswersThrottled {
    /// Counts; logs one line a service and minute.
    pub fn emit(self) {
        let Self { service, count } = self;
        names::ERRORS.add(Class::Throttled, count);
        let Some(more_like_it) = seldom::ask(format!("throttled {service}")) else { return };
        tracing::warn!(service, more_like_it, "an answer asked for less; a second attempt got through");
    }
}

/// A bucket cannot be read for reasons that are not its photos'.
pub struct StoreDown<'a> {
    /// Which.
    pub bucket: &'a str,
    /// What was said last.
    pub cause: &'a str,
    /// Since when.
    pub since: Instant,
}

impl StoreDown<'_> {
    /// Logs.
    pub fn emit(self) {
        let Self { bucket, cause, since } = self;
        let Some(more_like_it) = seldom::ask(format!("store down {bucket}")) else { return };
        let down_seconds = since.elapsed().as_secs();
        tracing::error!(
            bucket,
            cause,
            down_seconds,
            more_like_it,
            "the bucket cannot be read: receiving pauses, photos keep their leases"
        );
    }
}

/// One photo was tried while its bucket is down.
pub struct StoreTried<'a> {
    /// Which bucket.
    pub bucket: &'a str,
    /// How it failed.
    pub error: &'a Error,
}

impl StoreTried<'_> {
    /// Logs.
    pub fn emit(self) {
        let Self { bucket, error } = self;
        let cause = format!("store tried {bucket} {}", cause_of(&error.to_string()));
        let Some(more_like_it) = seldom::ask(cause) else { return };
        tracing::warn!(bucket, %error, more_like_it, "the bucket answers a probe, and fails for the photo that was tried");
    }
}

/// A bucket can be read again.
pub struct StoreUp<'a> {
    /// Which.
    pub bucket: &'a str,
    /// How long it could not.
    pub down: Duration,
    /// Photos that waited for it.
    pub waiting: usize,
}

impl StoreUp<'_> {
    /// Logs.
    pub fn emit(self) {
        let Self { bucket, down, waiting } = self;
        let down_seconds = down.as_secs();
        tracing::info!(bucket, down_seconds, waiting, "the bucket can be read again");
    }
}

/// The pipeline stopped on a fault and starts again.
pub struct PipelineRestarts<'a> {
    /// The generation that ended.
    pub generation: u64,
    /// The actor that failed first.
    pub actor: &'static str,
    /// Its error.
    pub error: &'a Error,
    /// How long it waits before it starts again.
    pub wait: Duration,
}

impl PipelineRestarts<'_> {
    /// Counts and logs.
    pub fn emit(self) {
        names::RESTARTS.add(1);
        tracing::error!(
            generation = self.generation,
            actor = self.actor,
            class = self.error.class().as_str(),
            error = %self.error,
            wait_ms = self.wait.as_millis() as u64,
            "pipeline stopped on a fault and starts again"
        );
    }
}

fn time_stage(telemetry: &Telemetry, stage: Stage, took: Duration) {
    telemetry.stages.record(stage, took);
    names::STAGE_SECONDS.observe(stage, took.as_secs_f64());
}
