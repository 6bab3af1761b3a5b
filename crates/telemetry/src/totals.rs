//! Counts since the start, for `/state` and the report at the end of a run. Prometheus has the same figures; these can
//! be read without a scrape.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use scanmill_core::domain::Reason;

/// Shared counters.
#[derive(Debug, Default)]
pub struct Totals {
    photos: AtomicU64,
    admitted: AtomicU64,
    passed_over: AtomicU64,
    scans: AtomicU64,
    rejections: [AtomicU64; Reason::ALL.len()],
    fetched_bytes: AtomicU64,
    decoded: AtomicU64,
    decode_cpu_micros: AtomicU64,
    sealed: AtomicU64,
    loaded: AtomicU64,
}

/// A copy of the counters.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TotalsSnapshot {
    /// Photos whose rows are durable, redeliveries included.
    pub photos: u64,
    /// Photos that the filter passed over: acknowledged, without a row.
    pub photos_skipped: u64,
    /// Scan rows in sealed batches.
    pub scans: u64,
    /// Rejections in sealed batches, by reason; reasons that did not occur are left out.
    pub rejections: BTreeMap<&'static str, u64>,
    /// Bytes of photo files fetched.
    pub fetched_bytes: u64,
    /// Photos that the decoder worked on.
    pub photos_decoded: u64,
    /// CPU seconds the decoder took for them.
    pub decode_cpu_seconds: f64,
    /// Batches sealed or adopted.
    pub batches_sealed: u64,
    /// Batches the ledger has of those.
    pub batches_loaded: u64,
}

impl Totals {
    /// One photo's rows are durable: `scans` codes, or one rejection.
    pub fn photo(&self, scans: u64, rejection: Option<Reason>) {
        self.photos.fetch_add(1, Ordering::Relaxed);
        self.scans.fetch_add(scans, Ordering::Relaxed);
        if let Some(slot) = rejection.and_then(|reason| self.rejections.get(index_of(reason))) {
            slot.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The filter let one photo pass.
    pub fn admitted(&self) {
        self.admitted.fetch_add(1, Ordering::Relaxed);
    }

    /// The filter passed one photo over.
    pub fn passed_over(&self) {
        self.passed_over.fetch_add(1, Ordering::Relaxed);
    }

    /// Photos that the filter passed over, if it let none pass; else none.
    pub fn all_passed_over(&self) -> u64 {
        if self.admitted.load(Ordering::Relaxed) > 0 { 0 } else { self.passed_over.load(Ordering::Relaxed) }
    }

    /// A photo's file was fetched.
    pub fn fetched(&self, bytes: u64) {
        self.fetched_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// One photo was decoded.
    pub fn decoded(&self, cpu_ms: f64) {
        self.decoded.fetch_add(1, Ordering::Relaxed);
        self.decode_cpu_micros.fetch_add((cpu_ms * 1_000.0) as u64, Ordering::Relaxed);
    }

    /// A batch was sealed (or found sealed).
    pub fn sealed(&self, batches: u64) {
        self.sealed.fetch_add(batches, Ordering::Relaxed);
    }

    /// Batches went into the ledger.
    pub fn loaded(&self, batches: u64) {
        self.loaded.fetch_add(batches, Ordering::Relaxed);
    }

    /// Photos whose rows are durable.
    pub fn photos(&self) -> u64 {
        self.photos.load(Ordering::Relaxed)
    }

    /// The counters now.
    pub fn snapshot(&self) -> TotalsSnapshot {
        TotalsSnapshot {
            photos: self.photos(),
            photos_skipped: self.passed_over.load(Ordering::Relaxed),
            scans: self.scans.load(Ordering::Relaxed),
            rejections: Reason::ALL
                .iter()
                .zip(&self.rejections)
                .map(|(reason, count)| (reason.as_str(), count.load(Ordering::Relaxed)))
                .filter(|(_, count)| *count > 0)
                .collect(),
            fetched_bytes: self.fetched_bytes.load(Ordering::Relaxed),
            photos_decoded: self.decoded.load(Ordering::Relaxed),
            decode_cpu_seconds: self.decode_cpu_micros.load(Ordering::Relaxed) as f64 / 1e6,
            batches_sealed: self.sealed.load(Ordering::Relaxed),
            batches_loaded: self.loaded.load(Ordering::Relaxed),
        }
    }
}

/// Place of a reason in `Reason::ALL`: the enum's own order.
fn index_of(reason: Reason) -> usize {
    reason as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_under_their_own_name() {
        let totals = Totals::default();
        for reason in Reason::ALL {
            totals.photo(0, Some(*reason));
        }
        totals.photo(2, None);
        let snapshot = totals.snapshot();
        assert_eq!(snapshot.photos, Reason::ALL.len() as u64 + 1);
        assert_eq!(snapshot.scans, 2);
        assert_eq!(snapshot.rejections.len(), Reason::ALL.len());
        assert!(snapshot.rejections.values().all(|count| *count == 1), "{snapshot:?}");
    }
}
