//! Events of batches and their loads.

use std::time::Duration;

use scanmill_core::error::Error;

use super::{CallFailed, time_stage};
use crate::labels::{LoadResult, LoadedTable, SealCause};
use crate::{Stage, Telemetry, names};

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
        tracing::error!(batches = self.batches, "load failed; its batches are durable and will be loaded later");
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
            "batch set aside: it cannot be read; it stays where it is, and the next start tries it again"
        );
    }
}
