//! One sampled photo's stamps, from its receive until the last of those that hold it lets go.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::time::Instant;

use super::TracerInner;

/// Most pieces kept of one photo: one that waits for its bucket for hours is fetched again and again.
const MOST_PIECES: usize = 32;

/// A stage of a photo's life, each a child of its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// From its message's arrival until the message was read.
    Receive,
    /// From there until its GET begins.
    QueueWait,
    /// Getting the object.
    Fetch,
    /// From bytes in memory until a decoder thread took them.
    DecodeWait,
    /// Reading it.
    Decode,
    /// From its rows being made until its batch is closed.
    BatchWait,
    /// Compressing and writing its batch.
    Seal,
    /// Deleting its message.
    Acknowledge,
    /// The load of its batch.
    Load,
}

impl Step {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Step::Receive => "receive",
            Step::QueueWait => "queue_wait",
            Step::Fetch => "fetch",
            Step::DecodeWait => "decode_wait",
            Step::Decode => "decode",
            Step::BatchWait => "batch_wait",
            Step::Seal => "seal",
            Step::Acknowledge => "acknowledge",
            Step::Load => "load",
        }
    }

    /// Whether it waits for another server, or for what stands for one.
    pub(super) fn is_call(self) -> bool {
        matches!(self, Step::Fetch | Step::Seal | Step::Acknowledge | Step::Load)
    }
}

/// What is said of a photo: never what its codes hold.
#[derive(Debug, Default)]
pub struct PhotoAttributes {
    /// Where it lies.
    pub bucket: String,
    /// Its name there.
    pub key: String,
    /// Bytes, once they are known.
    pub size_bytes: Option<u64>,
    /// How often its message was received.
    pub receive_count: u32,
    /// Revision of its rows.
    pub revision: i64,
    /// `scanned` or `rejected` once its rows are durable, `repeated` where the batch had them already; else it was left for later.
    pub outcome: Option<&'static str>,
    /// Why it was rejected.
    pub reason: Option<&'static str>,
    /// Scan rows.
    pub scans: u64,
    /// The rung that read its first code.
    pub rung: Option<&'static str>,
    /// CPU time of decoding it.
    pub cpu_ms: Option<f64>,
    /// Its batch.
    pub batch_id: Option<String>,
}

/// The trace of one photo, or none: most are not sampled. Clones are the same trace, which ends with the last of them.
#[derive(Clone, Default)]
pub struct Trace(Option<Arc<Live>>);

struct Live {
    shared: Arc<TracerInner>,
    stamps: Mutex<EndedTrace>,
}

/// A trace that is complete, or about to be.
#[derive(Debug)]
pub(super) struct EndedTrace {
    pub(super) trace_id: u128,
    pub(super) parent: Option<u64>,
    pub(super) began: Instant,
    pub(super) began_at: SystemTime,
    pub(super) ended: Instant,
    pub(super) facts: PhotoAttributes,
    pub(super) pieces: Vec<(Step, Instant, Instant)>,
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Trace(sampled)" } else { "Trace(none)" })
    }
}

impl Trace {
    pub(super) fn begin(shared: Arc<TracerInner>, trace_id: u128, parent: Option<u64>, began: Instant) -> Trace {
        // All stamps are of the clock that never goes back; one look at the other one places them in time.
        let began_at = SystemTime::now() - began.elapsed();
        let (facts, pieces) = (PhotoAttributes::default(), Vec::with_capacity(9));
        let stamps = EndedTrace { trace_id, parent, began, began_at, ended: began, facts, pieces };
        Trace(Some(Arc::new(Live { shared, stamps: Mutex::new(stamps) })))
    }

    /// Whether it records.
    pub fn is_sampled(&self) -> bool {
        self.0.is_some()
    }

    /// The photo was in `step` from `from` until `to`.
    pub fn stamp(&self, step: Step, from: Instant, to: Instant) {
        self.with(|stamps| {
            if stamps.pieces.len() < MOST_PIECES {
                stamps.pieces.push((step, from, to));
            }
        });
    }

    /// The photo was in `step` from the end of the step before until now.
    pub fn stamp_until_now(&self, step: Step) {
        self.with(|stamps| {
            let from = stamps.pieces.last().map_or(stamps.began, |(_, _, to)| *to);
            if stamps.pieces.len() < MOST_PIECES {
                stamps.pieces.push((step, from, Instant::now()));
            }
        });
    }

    /// Notes what is known of the photo, if it is sampled.
    pub fn note(&self, note: impl FnOnce(&mut PhotoAttributes)) {
        self.with(|stamps| note(&mut stamps.facts));
    }

    fn with(&self, act: impl FnOnce(&mut EndedTrace)) {
        if let Some(live) = &self.0 {
            act(&mut live.stamps.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let stamps = self.stamps.get_mut().unwrap_or_else(PoisonError::into_inner);
        let last = stamps.pieces.iter().map(|(_, _, to)| *to).max();
        // A photo that was left for later was held until now.
        let ended = last.filter(|_| stamps.facts.outcome.is_some()).unwrap_or_else(Instant::now);
        let EndedTrace { trace_id, parent, began, began_at, .. } = *stamps;
        let (facts, pieces) = (std::mem::take(&mut stamps.facts), std::mem::take(&mut stamps.pieces));
        self.shared.take(EndedTrace { trace_id, parent, began, began_at, ended, facts, pieces });
    }
}
