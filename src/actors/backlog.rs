//! Durable batches that wait for the loader.
//!
//! It outlives the generations: a batch that one generation sealed is loaded by the next, and whoever asks whether
//! everything is loaded gets one answer whatever happened in between. Batches are known by id, so that noting one
//! twice (sealed here and found in a listing) is noting it once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::uploads::UploadTimes;
use crate::domain::batch::{SealedBatch, opened_at};
use crate::telemetry::traces::Trace;

/// The most batches held in memory, each a few hundred bytes. What is beyond stays in the store and is found again by
/// a listing once these are loaded.
const MAX_WAITING: usize = 10_000;

/// The batches to load. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Backlog {
    shared: Arc<Mutex<BacklogInner>>,
    wanted: Arc<Notify>,
}

#[derive(Debug, Default)]
struct BacklogInner {
    /// By id, which begins with the time of opening.
    waiting: BTreeMap<String, SealedBatch>,
    /// When the photos of batches sealed here were uploaded.
    uploads: HashMap<String, UploadTimes>,
    /// Traces of the photos in such batches that are sampled.
    traces: HashMap<String, Vec<Trace>>,
    /// Batches that cannot be read. They stay where they are; the next start tries them again.
    set_aside: HashSet<String>,
    /// A batch found no room since the last listing began.
    is_cut: bool,
    /// A listing was finished, and no batch was left out.
    is_complete: bool,
    /// The last load failed in a way that trying again does not fix.
    is_refused: bool,
}

impl Backlog {
    fn lock(&self) -> MutexGuard<'_, BacklogInner> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a durable batch; whether that was news.
    pub fn add(&self, batch: SealedBatch) -> bool {
        let mut shared = self.lock();
        if shared.set_aside.contains(&batch.batch_id) || shared.waiting.contains_key(&batch.batch_id) {
            return false;
        }
        if shared.waiting.len() >= MAX_WAITING {
            (shared.is_cut, shared.is_complete) = (true, false);
            return false;
        }
        shared.waiting.insert(batch.batch_id.clone(), batch);
        true
    }

    /// Somebody waits for the batches: they are to be loaded now, not when the interval is over.
    pub fn want_loaded(&self) {
        self.wanted.notify_one();
    }

    /// Ends once somebody waits for the batches.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// The first batches by id, at most `max`.
    pub fn first(&self, max: usize) -> Vec<SealedBatch> {
        self.lock().waiting.values().take(max).cloned().collect()
    }

    /// Notes when the photos of a batch were uploaded, before it is added.
    pub fn note_uploads(&self, batch_id: &str, uploads: UploadTimes) {
        let mut shared = self.lock();
        if shared.uploads.len() < MAX_WAITING {
            shared.uploads.insert(batch_id.to_owned(), uploads);
        }
    }

    /// Notes the traces of a batch's photos, before it is added.
    pub fn note_traces(&self, batch_id: &str, traces: Vec<Trace>) {
        if !traces.is_empty() {
            self.lock().traces.insert(batch_id.to_owned(), traces);
        }
    }

    /// The traces of a batch's photos, which wait for its load no more.
    pub fn take_traces(&self, batch_id: &str) -> Vec<Trace> {
        self.lock().traces.remove(batch_id).unwrap_or_default()
    }

    /// A batch is in the ledger. When its photos were uploaded, if that is known.
    pub fn loaded(&self, batch_id: &str) -> Option<UploadTimes> {
        let mut shared = self.lock();
        shared.waiting.remove(batch_id);
        shared.uploads.remove(batch_id)
    }

    /// A batch cannot be read: it no longer holds up the others.
    pub fn set_aside(&self, batch_id: &str) {
        let mut shared = self.lock();
        shared.waiting.remove(batch_id);
        shared.uploads.remove(batch_id);
        shared.traces.remove(batch_id);
        shared.set_aside.insert(batch_id.to_owned());
    }

    /// Whether the batch is known here: waiting, or set aside.
    pub fn knows(&self, batch_id: &str) -> bool {
        let shared = self.lock();
        shared.waiting.contains_key(batch_id) || shared.set_aside.contains(batch_id)
    }

    /// A listing of the store begins.
    pub fn begin_listing(&self) {
        self.lock().is_cut = false;
    }

    /// Every batch in the store was added, or known.
    pub fn end_listing(&self) {
        let mut shared = self.lock();
        shared.is_complete = !shared.is_cut;
    }

    /// Whether a batch found no room since the last listing began.
    pub fn is_cut(&self) -> bool {
        self.lock().is_cut
    }

    /// Notes whether the last load was refused for good.
    pub fn set_refused(&self, is_refused: bool) {
        self.lock().is_refused = is_refused;
    }

    /// Whether the last load failed in a way that trying again does not fix.
    pub fn is_refused(&self) -> bool {
        self.lock().is_refused
    }

    /// Since when the oldest batch waits: since it became durable, or for one found in a listing since it was opened.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.oldest_sealed_at().or_else(|| opened_at(self.lock().waiting.keys().next()?))
    }

    /// When the oldest batch that waits became durable; `None` also where that is not known.
    pub fn oldest_sealed_at(&self) -> Option<Timestamp> {
        self.lock().waiting.values().next()?.sealed_at.as_deref()?.parse().ok()
    }

    /// Batches that were set aside.
    pub fn count_set_aside(&self) -> usize {
        self.lock().set_aside.len()
    }

    /// Batches that wait.
    pub fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether everything durable is loaded, or set aside.
    pub fn is_done(&self) -> bool {
        let shared = self.lock();
        shared.is_complete && shared.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(id: usize) -> SealedBatch {
        let batch_id = format!("{id:06}");
        SealedBatch { key: format!("batches/{batch_id}"), batch_id, bucket: "results".into(), sealed_at: None }
    }

    #[test]
    fn a_batch_counts_once_and_is_done_when_loaded_or_set_aside() {
        let backlog = Backlog::default();
        assert!(!backlog.is_done(), "nobody looked yet");
        backlog.begin_listing();
        assert!(!backlog.is_done(), "nobody saw all of it yet");
        backlog.end_listing();
        assert!(backlog.is_done());
        assert!(backlog.add(batch(2)) && backlog.add(batch(1)) && !backlog.add(batch(2)));
        assert_eq!(backlog.first(1), [batch(1)]);
        backlog.loaded("000001");
        assert!(!backlog.is_done());
        backlog.set_aside("000002");
        assert!(backlog.is_done() && backlog.knows("000002"));
        assert!(!backlog.add(batch(2)), "found again by a listing");
    }

    #[test]
    fn more_than_it_holds_is_left_to_a_later_listing() {
        let backlog = Backlog::default();
        for is_during_listing in [true, false] {
            backlog.begin_listing();
            if !is_during_listing {
                backlog.end_listing();
            }
            for id in 0..=MAX_WAITING {
                backlog.add(batch(id));
            }
            if is_during_listing {
                backlog.end_listing();
            }
            assert_eq!((backlog.len(), backlog.is_cut()), (MAX_WAITING, true));
            for id in 0..MAX_WAITING {
                backlog.loaded(&format!("{id:06}"));
            }
            assert!(!backlog.is_done());
        }
    }
}
