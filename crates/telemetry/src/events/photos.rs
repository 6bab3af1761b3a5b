//! Events of single photos.

use std::time::Duration;

use scanmill_core::domain::{PhotoRef, Reading, RejectionRow};
use scanmill_core::error::Error;

use super::time_stage;
use crate::labels::Outcome;
use crate::seldom::{self, cause_of};
use crate::{Stage, Telemetry, names};

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
            true => "decode stalled again; keeping what was read so far",
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
