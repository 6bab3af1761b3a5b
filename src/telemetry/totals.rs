//! Counts since the start, for `/state` and the report at the end of a run. Prometheus has the same figures; these can
//! be read without a scrape.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::domain::Reason;

/// Shared counters.
#[derive(Debug, Default)]
pub struct Totals {
    photos: AtomicU64,
    scans: AtomicU64,
    rejections: [AtomicU64; Reason::ALL.len()],
    decoded: AtomicU64,
    decode_cpu_micros: AtomicU64,
    batches: Mutex<Batches>,
}

/// Batches between seal and ledger, by id: a batch that a later generation of the pipeline finds once more, or that is
/// found both by the listing and by its writer, counts once.
#[derive(Debug, Default)]
struct Batches {
    to_load: BTreeSet<String>,
    set_aside: BTreeSet<String>,
    sealed: u64,
    loaded: u64,
    load_is_refused: bool,
}

/// A copy of the counters.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TotalsSnapshot {
    /// Photos whose rows are durable, redeliveries included.
    pub photos: u64,
    /// Scan rows in sealed batches.
    pub scans: u64,
    /// Rejections in sealed batches, by reason; reasons that did not occur are left out.
    pub rejections: BTreeMap<&'static str, u64>,
    /// Photos that the decoder worked on.
    pub photos_decoded: u64,
    /// CPU seconds the decoder took for them.
    pub decode_cpu_seconds: f64,
    /// Batches sealed or adopted.
    pub batches_sealed: u64,
    /// Batches the ledger has of those.
    pub batches_loaded: u64,
    /// Batches still to be loaded.
    pub batches_to_load: u64,
    /// Batches that cannot be read and stay where they are.
    pub batches_set_aside: u64,
    /// Whether the last load failed in a way that trying again does not mend.
    pub load_is_refused: bool,
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

    /// One photo was decoded.
    pub fn decoded(&self, cpu_ms: f64) {
        self.decoded.fetch_add(1, Ordering::Relaxed);
        self.decode_cpu_micros.fetch_add((cpu_ms * 1_000.0) as u64, Ordering::Relaxed);
    }

    /// A batch was sealed (or found sealed) and is to be loaded.
    pub fn sealed(&self, batch_id: &str) {
        let mut batches = self.batches();
        if batches.to_load.insert(batch_id.to_owned()) {
            batches.sealed += 1;
        }
    }

    /// A batch went into the ledger.
    pub fn loaded(&self, batch_id: &str) {
        let mut batches = self.batches();
        batches.load_is_refused = false;
        if batches.to_load.remove(batch_id) {
            batches.loaded += 1;
        }
    }

    /// A batch cannot be read: it waits for no load any more.
    pub fn set_aside(&self, batch_id: &str) {
        let mut batches = self.batches();
        batches.to_load.remove(batch_id);
        batches.set_aside.insert(batch_id.to_owned());
    }

    /// A load failed; `for_good` when trying again does not mend it.
    pub fn load_failed(&self, for_good: bool) {
        self.batches().load_is_refused = for_good;
    }

    fn batches(&self) -> MutexGuard<'_, Batches> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counters now.
    pub fn snapshot(&self) -> TotalsSnapshot {
        let batches = self.batches();
        TotalsSnapshot {
            photos: self.photos.load(Ordering::Relaxed),
            scans: self.scans.load(Ordering::Relaxed),
            rejections: Reason::ALL
                .iter()
                .zip(&self.rejections)
                .map(|(reason, count)| (reason.as_str(), count.load(Ordering::Relaxed)))
                .filter(|(_, count)| *count > 0)
                .collect(),
            photos_decoded: self.decoded.load(Ordering::Relaxed),
            decode_cpu_seconds: self.decode_cpu_micros.load(Ordering::Relaxed) as f64 / 1e6,
            batches_sealed: batches.sealed,
            batches_loaded: batches.loaded,
            batches_to_load: batches.to_load.len() as u64,
            batches_set_aside: batches.set_aside.len() as u64,
            load_is_refused: batches.load_is_refused,
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
    fn a_batch_counts_once_however_often_it_is_found() {
        let totals = Totals::default();
        let counts = |totals: &Totals| {
            let now = totals.snapshot();
            (now.batches_sealed, now.batches_loaded, now.batches_to_load, now.batches_set_aside)
        };
        totals.sealed("a");
        totals.sealed("b");
        // A later generation adopts what the first had not loaded.
        totals.sealed("a");
        assert_eq!(counts(&totals), (2, 0, 2, 0));
        totals.loaded("a");
        totals.loaded("a");
        totals.set_aside("b");
        assert_eq!(counts(&totals), (2, 1, 0, 1));
        totals.load_failed(true);
        assert!(totals.snapshot().load_is_refused);
        totals.loaded("a");
        assert!(!totals.snapshot().load_is_refused);
    }

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
