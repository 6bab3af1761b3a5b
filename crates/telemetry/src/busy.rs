//! How long each stage's workers were at work, added up. Over any span, its growth divided by the span and by the number
//! of workers is the stage's busy share: near 1 there, and low behind it, is the bottleneck.
//!
//! Work under way counts as it goes and not when it ends, so that one long load does not make a span of idleness and
//! then a span of more than there is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The workers of one stage. A fetch that waits for memory, or for the next stage to take the photo, is not at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// Get an object, tries and the waits between them included.
    Fetch,
    /// Read a photo on a thread of the decoder pool.
    Decode,
    /// Get a HEIC photo in its lane, and read it there.
    Heic,
    /// Compress a batch and write it.
    Seal,
    /// Load batches into the warehouse.
    Load,
}

impl Workers {
    /// Those of every stage, in the order of the flow.
    pub const ALL: [Workers; 5] = [Workers::Fetch, Workers::Decode, Workers::Heic, Workers::Seal, Workers::Load];

    /// The value of the metrics' `stage` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Workers::Fetch => "fetch",
            Workers::Decode => "decode",
            Workers::Heic => "heic",
            Workers::Seal => "seal",
            Workers::Load => "load",
        }
    }
}

/// The sums of all stages. One short lock at each beginning and end.
#[derive(Debug, Default)]
pub struct BusyTimes {
    stages: [Mutex<Sum>; Workers::ALL.len()],
    /// When the control plane last looked.
    ticked: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Sum {
    at_work: u32,
    so_far: Duration,
    /// Until when `so_far` counts; nothing before the first work.
    until: Option<Instant>,
}

impl Sum {
    fn advance(&mut self, now: Instant) {
        if let Some(until) = self.until {
            self.so_far += now.saturating_duration_since(until) * self.at_work;
        }
        self.until = Some(now);
    }
}

/// One worker at work, until it is dropped.
#[derive(Debug)]
#[must_use = "work lasts as long as this value"]
pub struct AtWork {
    times: Arc<BusyTimes>,
    workers: Workers,
}

impl BusyTimes {
    /// A worker begins.
    pub fn begin(self: &Arc<Self>, workers: Workers) -> AtWork {
        let mut sum = self.sum(workers);
        sum.advance(Instant::now());
        sum.at_work += 1;
        AtWork { times: self.clone(), workers }
    }

    /// The sum up to now, work under way included.
    pub fn so_far(&self, workers: Workers) -> Duration {
        let mut sum = self.sum(workers);
        sum.advance(Instant::now());
        sum.so_far
    }

    /// The control plane looks.
    pub fn tick(&self) {
        *self.ticked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// How long ago the control plane looked, if it ever did.
    pub fn since_tick(&self) -> Option<Duration> {
        self.ticked.lock().unwrap_or_else(PoisonError::into_inner).map(|ticked| ticked.elapsed())
    }

    /// How many are at work now.
    pub fn at_work(&self, workers: Workers) -> u64 {
        u64::from(self.sum(workers).at_work)
    }

    fn sum(&self, workers: Workers) -> MutexGuard<'_, Sum> {
        // The enum's discriminants count from 0 in the order of ALL.
        self.stages[workers as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut sum = self.times.sum(self.workers);
        sum.advance(Instant::now());
        sum.at_work = sum.at_work.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_workers_count_twice_and_a_pause_not_at_all() {
        let second = Duration::from_secs(1);
        let start = Instant::now();
        let mut sum = Sum::default();
        sum.advance(start);
        sum.at_work = 2;
        sum.advance(start + second);
        assert_eq!(sum.so_far, 2 * second);
        sum.at_work = 0;
        sum.advance(start + 5 * second);
        sum.at_work = 1;
        sum.advance(start + 8 * second);
        assert_eq!(sum.so_far, 5 * second);
    }

    #[test]
    fn work_under_way_counts_and_each_kind_has_its_own_sum() {
        let times = Arc::new(BusyTimes::default());
        for (index, workers) in Workers::ALL.into_iter().enumerate() {
            assert_eq!(workers as usize, index);
            assert_eq!(times.so_far(workers), Duration::ZERO);
        }
        let at_work = times.begin(Workers::Load);
        assert_eq!((times.at_work(Workers::Load), times.at_work(Workers::Seal)), (1, 0));
        // Until the clock moves: a condition, not a guess about speed.
        while times.so_far(Workers::Load).is_zero() {
            std::thread::yield_now();
        }
        drop(at_work);
        let ended = times.so_far(Workers::Load);
        assert_eq!(times.so_far(Workers::Load), ended);
        assert_eq!(times.so_far(Workers::Seal), Duration::ZERO);
    }
}
