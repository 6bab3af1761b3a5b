//! The orchestrator: which photo is next, and when it is due.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::story::{Stamp, Story};

/// Hands out the stamps of a story, each once, to any number of threads.
#[derive(Debug)]
pub struct Orchestrator {
    count: u64,
    next: AtomicU64,
}

impl Orchestrator {
    /// An orchestrator of the first `count` photos.
    pub fn new(count: u64) -> Self {
        Self { count, next: AtomicU64::new(0) }
    }

    /// The next stamp, or `None` when all are out.
    pub fn next(&self, story: &Story) -> Option<Stamp> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        (index < self.count).then(|| story.stamp(index))
    }
}

/// The open-loop schedule: when the n-th photo is due does not depend on how the earlier ones fared, so a slow store
/// shows as lateness and not as a lower load.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    start: Instant,
    per_second: Option<f64>,
}

impl Pace {
    /// A schedule that begins now; without a rate everything is due at once.
    pub fn new(per_second: Option<f64>) -> Self {
        Self { start: Instant::now(), per_second }
    }

    /// When the `nth` photo, counted from 0, is due; `None` is at once.
    pub fn due(&self, nth: u64) -> Option<Instant> {
        let rate = self.per_second?;
        Some(self.start + Duration::try_from_secs_f64(nth as f64 / rate).unwrap_or(Duration::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pump::story::{StoryOptions, StorySource};

    #[test]
    fn the_schedule_is_open_loop() {
        let pace = Pace::new(Some(50.0));
        let gap = |nth| pace.due(nth).unwrap().duration_since(pace.due(0).unwrap());
        assert_eq!(gap(1), Duration::from_millis(20));
        assert_eq!(gap(500), Duration::from_secs(10));
        assert_eq!(Pace::new(None).due(7), None);
    }

    #[test]
    fn every_stamp_is_handed_out_once() {
        let story =
            Story::new(&StorySource::default(), StoryOptions { count: 3, ..StoryOptions::default() }, String::new())
                .unwrap();
        let orchestrator = Orchestrator::new(3);
        let indexes: Vec<u64> = std::iter::from_fn(|| orchestrator.next(&story)).map(|stamp| stamp.index).collect();
        assert_eq!(indexes, [0, 1, 2]);
    }
}
