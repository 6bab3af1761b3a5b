//! How many receives are under way: as many as the queue fills, one when it is empty, and none while it refuses.

use std::time::Duration;

use tokio::time::Instant;

use crate::flow::Backoff;

/// The least time between two receives that bring nothing: a queue that does not wait by itself is not asked again at
/// once.
const EMPTY_PAUSE: Duration = Duration::from_millis(100);

/// The decision, fed with how each receive went.
#[derive(Debug)]
pub(super) struct ReceiveLimiter {
    wanted: usize,
    most: usize,
    resume_at: Option<Instant>,
    /// The pause is for failures.
    is_failing: bool,
    backoff: Backoff,
}

impl ReceiveLimiter {
    /// Starts with one receive; `most` is what the queue can use.
    pub(super) fn new(most: usize) -> Self {
        let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30));
        Self { wanted: 1, most: most.max(1), resume_at: None, is_failing: false, backoff }
    }

    /// Receives to have under way.
    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    /// Until when no receive is to be started.
    pub(super) fn pause(&self, now: Instant) -> Option<Instant> {
        self.resume_at.filter(|resume_at| *resume_at > now)
    }

    /// A receive asked for `asked` messages and brought `brought`. One that was filled leaves more behind it; where
    /// fewer places were free than a receive takes, the places are the limit and not the receives.
    pub(super) fn received(&mut self, asked: usize, brought: usize, full: usize, asked_at: Instant, now: Instant) {
        if self.is_failing && self.pause(now).is_some() {
            // One of several went well while others failed: the pause stands.
            return;
        }
        self.is_failing = false;
        self.backoff.reset();
        self.wanted = match brought {
            0 => {
                self.resume_at = Some(asked_at + EMPTY_PAUSE);
                1
            }
            _ if brought >= full => self.wanted.saturating_mul(2).min(self.most),
            _ if brought * 2 <= asked => (self.wanted - 1).max(1),
            _ => self.wanted,
        };
    }

    /// A receive failed: a pause, longer each time, or as long as the queue `asks`. Failures are not load: afterwards one
    /// receive tries alone. Returns whether this is the first of those that failed together.
    pub(super) fn failed(&mut self, asks: Option<Duration>, now: Instant) -> bool {
        if self.is_failing && self.pause(now).is_some() {
            return false;
        }
        self.wanted = 1;
        self.is_failing = true;
        self.resume_at = Some(now + self.backoff.wait_after(asks));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: usize = 10;

    #[test]
    fn receives_follow_what_they_bring() {
        let now = Instant::now();
        let mut pace = ReceiveLimiter::new(32);
        for expected in [2, 4, 8, 16, 32, 32] {
            pace.received(FULL, FULL, FULL, now, now);
            assert_eq!((pace.wanted(), pace.pause(now)), (expected, None));
        }
        pace.received(FULL, 6, FULL, now, now);
        assert_eq!(pace.wanted(), 32, "well used");
        pace.received(FULL, 5, FULL, now, now);
        assert_eq!(pace.wanted(), 31, "half empty");
        pace.received(1, 1, FULL, now, now);
        assert_eq!(pace.wanted(), 31, "no place was free for more");
        pace.received(FULL, 0, FULL, now, now);
        assert_eq!((pace.wanted(), pace.pause(now)), (1, Some(now + EMPTY_PAUSE)));
        assert_eq!(pace.pause(now + EMPTY_PAUSE), None);
        let mut alone = ReceiveLimiter::new(1);
        alone.received(FULL, FULL, FULL, now, now);
        assert_eq!(alone.wanted(), 1);
    }

    #[test]
    fn a_failure_pauses_all_and_is_no_load() {
        let mut now = Instant::now();
        let mut pace = ReceiveLimiter::new(32);
        for _ in 0..4 {
            pace.received(FULL, FULL, FULL, now, now);
        }
        let mut last = Duration::ZERO;
        for round in 0..8 {
            assert!(pace.failed(None, now), "round {round}");
            assert!(!pace.failed(None, now), "together with the first");
            pace.received(FULL, FULL, FULL, now, now);
            assert_eq!(pace.wanted(), 1);
            let resume_at = pace.pause(now).unwrap();
            assert!(resume_at - now >= last / 2, "round {round}");
            (last, now) = (resume_at - now, resume_at);
        }
        assert!(last >= Duration::from_secs(10));
        assert!(pace.failed(Some(Duration::from_secs(7)), now));
        assert_eq!(pace.pause(now), Some(now + Duration::from_secs(7)));
        let now = now + Duration::from_secs(7);
        pace.received(FULL, FULL, FULL, now, now);
        assert_eq!((pace.wanted(), pace.pause(now)), (2, None));
    }
}
