//! How many receives are under way: as many as the queue fills, one when it is empty, and none while it refuses.

use std::time::Duration;

use tokio::time::Instant;

use crate::flow::Backoff;

/// The least time between two receives that bring nothing: a queue that does not wait by itself is not asked again at
/// once.
const EMPTY_PAUSE: Duration = Duration::from_millis(100);

/// Answers that a round has at least, so that one failure is no large share.
const ROUND: usize = 8;

/// Failures in a row, at the least and at the most, after which the queue answers nothing.
const IN_A_ROW: (usize, usize) = (3, 64);

/// Receives that are never too many while some go well.
const FEW: usize = 4;

/// A cut that leaves more than this of the share that failed did not help.
const HELPED: f64 = 0.7;

/// Where more than this share fails it is the number of receives.
const MOST_BY_CHANCE: f64 = 0.5;

/// The decision, fed with how each receive went.
#[derive(Debug)]
pub(super) struct ReceiveLimiter {
    wanted: usize,
    most: usize,
    resume_at: Option<Instant>,
    /// The pause is for failures.
    is_failing: bool,
    backoff: Backoff,
    /// Failures since a receive went well.
    failed_in_a_row: usize,
    round: Round,
    /// Some failed since the queue was empty last: there are more by steps, and not twice as many.
    is_careful: bool,
    cut: Option<Cut>,
    /// The share that fails however many there are.
    by_chance: Option<f64>,
}

/// As many answers as receives were under way: each was asked once.
#[derive(Debug, Default)]
struct Round {
    went_well: usize,
    failed: usize,
}

/// What was before there were fewer.
#[derive(Debug)]
struct Cut {
    wanted: usize,
    share: f64,
}

impl ReceiveLimiter {
    /// Starts with one receive; `most` is what the queue can use.
    pub(super) fn new(most: usize) -> Self {
        Self {
            wanted: 1,
            most: most.max(1),
            resume_at: None,
            is_failing: false,
            backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(30)),
            failed_in_a_row: 0,
            round: Round::default(),
            is_careful: false,
            cut: None,
            by_chance: None,
        }
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
        self.failed_in_a_row = 0;
        self.backoff.reset();
        self.round.went_well += 1;
        self.wanted = match brought {
            0 => {
                self.resume_at = Some(asked_at + EMPTY_PAUSE);
                (self.is_careful, self.cut, self.by_chance) = (false, None, None);
                1
            }
            _ if brought >= full && (!self.is_careful || self.wanted < FEW) => self.wanted.saturating_mul(2),
            _ if brought >= full && self.by_chance.is_some() => self.wanted + 1,
            _ if brought * 2 <= asked => (self.wanted - 1).max(1),
            _ => self.wanted,
        }
        .min(self.most);
        self.end_round();
    }

    /// A receive failed. Where others go well there are fewer, by the share that fails, and once in a round: that is what a queue
    /// that allows so many lets through. Where fewer are refused as often it is not their number, and there are as many again.
    /// Where none goes well all pause, longer each time, or as long as the queue `asks`, and afterwards one tries alone. Returns
    /// whether such a pause begins.
    pub(super) fn failed(&mut self, asks: Option<Duration>, now: Instant) -> bool {
        if self.is_failing && self.pause(now).is_some() {
            return false;
        }
        self.failed_in_a_row += 1;
        self.round.failed += 1;
        // Known not to answer, one failure says that it still does not.
        let in_a_row = if self.is_failing { 1 } else { self.wanted.clamp(IN_A_ROW.0, IN_A_ROW.1) };
        if asks.is_none() && self.failed_in_a_row < in_a_row {
            self.is_careful = true;
            self.end_round();
            return false;
        }
        self.wanted = 1;
        self.is_failing = true;
        self.resume_at = Some(now + self.backoff.wait_after(asks));
        (self.round, self.failed_in_a_row) = (Round::default(), 0);
        (self.is_careful, self.cut, self.by_chance) = (false, None, None);
        true
    }

    fn end_round(&mut self) {
        let Round { went_well, failed } = self.round;
        let answers = went_well + failed;
        if answers < self.wanted.max(ROUND) {
            return;
        }
        self.round = Round::default();
        let share = failed as f64 / answers as f64;
        if failed == 0 {
            (self.cut, self.by_chance) = (None, None);
            if self.is_careful {
                self.wanted = (self.wanted + (self.wanted / 8).max(1)).min(self.most);
            }
            return;
        }
        // Shares of few answers are rough.
        if self.by_chance.is_some_and(|before| share <= (before * 1.3 + 0.05).min(MOST_BY_CHANCE)) {
            return;
        }
        self.by_chance = None;
        match self.cut.take() {
            Some(cut) if share > cut.share * HELPED && share <= MOST_BY_CHANCE => {
                self.wanted = self.wanted.max(cut.wanted);
                self.by_chance = Some(share);
            }
            _ => {
                self.cut = Some(Cut { wanted: self.wanted, share });
                self.wanted = ((self.wanted as f64 * (1.0 - share)) as usize).max(self.wanted.min(FEW));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::seq::SliceRandom;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

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
    fn where_none_goes_well_all_pause() {
        let mut now = Instant::now();
        let mut pace = ReceiveLimiter::new(32);
        for _ in 0..4 {
            pace.received(FULL, FULL, FULL, now, now);
        }
        let mut last = Duration::ZERO;
        for round in 0..8 {
            let failed = (1..=16).find(|_| pace.failed(None, now)).expect("they pause");
            assert!(if round == 0 { failed > 8 } else { failed == 1 }, "round {round}: {failed}");
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

    /// Receives under way at the end of each round, of a queue that refuses the one at a place among so many, drawn.
    fn rounds(count: usize, mut is_refused: impl FnMut(f64, usize) -> bool) -> Vec<usize> {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let (mut pace, mut now) = (ReceiveLimiter::new(640), Instant::now());
        let mut round = || {
            let mut places: Vec<usize> = (0..pace.wanted()).collect();
            places.shuffle(&mut random);
            for place in places {
                now = pace.pause(now).unwrap_or(now);
                match is_refused(random.random(), place) {
                    true => drop(pace.failed(None, now)),
                    false => pace.received(FULL, FULL, FULL, now, now),
                }
            }
            pace.wanted()
        };
        (0..count).map(|_| round()).collect()
    }

    #[test]
    fn refusals_by_chance_leave_as_many_receives() {
        for share in [0.01, 0.1, 0.2, 0.3] {
            let wanted = rounds(200, |drawn, _| drawn < share);
            assert!(wanted[60..].iter().all(|&wanted| wanted >= 320), "{share}: {wanted:?}");
        }
    }

    #[test]
    fn a_queue_that_lets_so_many_through_is_asked_by_as_many() {
        for allowed in [20, 100, 300] {
            let wanted = rounds(300, |_, place| place >= allowed);
            let late = &wanted[100..];
            let mean = late.iter().sum::<usize>() / late.len();
            assert!((allowed * 3 / 4..=allowed * 5 / 4).contains(&mean), "{allowed}: {mean}, {late:?}");
        }
    }
}
