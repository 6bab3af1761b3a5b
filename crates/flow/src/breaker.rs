//! A circuit breaker: tells a port that is down from single requests that fail.
//!
//! Closed, it counts whose latest try failed against the answers of the last seconds, and opens once failures are the
//! greater share and come from several subjects. Open, nothing is asked. After a wait it is half open: one trial decides
//! whether it closes or opens again, for longer. Time is an argument everywhere, so that every path can be tested.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::Backoff;
pub use scanmill_telemetry::labels::BreakerState;

/// Answers and failures older than this say nothing about now.
const WINDOW: Duration = Duration::from_secs(5);
/// Answers are counted in slices of this length.
const SLICE: Duration = Duration::from_millis(500);
/// One or two subjects that fail may be at fault themselves.
const MIN_SUBJECTS: usize = 3;
/// More failing subjects than this are not told apart; the share is clear long before.
const MAX_SUBJECTS: usize = 1_024;
/// First and longest wait before a trial.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Closed for this long, the next outage starts with the shortest wait again.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);

/// The state machine. Each call that changes the state returns the new one.
#[derive(Debug)]
pub struct Breaker {
    state: BreakerState,
    /// End of the present wait while open.
    retry_at: Instant,
    closed_at: Instant,
    backoff: Backoff,
    /// Subjects whose latest try failed, and when.
    failing: HashMap<u64, Instant>,
    /// Answers by slice of time, oldest first.
    answers: VecDeque<(Instant, u64)>,
    last_answer: Option<Instant>,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(now: Instant) -> Breaker {
        Breaker {
            state: BreakerState::Closed,
            retry_at: now,
            closed_at: now,
            backoff: Backoff::new(WAITS.0, WAITS.1),
            failing: HashMap::new(),
            answers: VecDeque::new(),
            last_answer: None,
        }
    }

    /// Its state.
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// When a trial is due, while open.
    pub fn retry_at(&self) -> Option<Instant> {
        (self.state == BreakerState::Open).then_some(self.retry_at)
    }

    /// Whether anybody was answered at or after `since`.
    pub fn has_answered_since(&self, since: Instant) -> bool {
        self.last_answer.is_some_and(|at| at >= since)
    }

    /// A request of `subject` was answered. While open or half open only the answer to the trial counts: requests that
    /// were under way at the opening may still be answered by a port that fails most others.
    pub fn answered(&mut self, subject: u64, is_trial: bool, now: Instant) -> Option<BreakerState> {
        self.failing.remove(&subject);
        self.note_answer(now);
        (is_trial && self.state == BreakerState::HalfOpen).then(|| self.close(now))
    }

    /// A request of `subject` failed for a reason that need not be the subject's.
    pub fn failed(&mut self, subject: u64, is_trial: bool, now: Instant) -> Option<BreakerState> {
        match self.state {
            BreakerState::Open => None,
            BreakerState::HalfOpen => is_trial.then(|| self.open(now)),
            BreakerState::Closed => {
                if self.failing.len() < MAX_SUBJECTS {
                    self.failing.insert(subject, now);
                }
                self.forget(now);
                let answers: u64 = self.answers.iter().map(|(_, count)| count).sum();
                let failing = self.failing.len();
                (failing >= MIN_SUBJECTS && failing as u64 >= answers).then(|| self.open(now))
            }
        }
    }

    /// The port itself was asked and answered.
    pub fn probe_answered(&mut self, now: Instant) {
        self.note_answer(now);
    }

    /// The port itself was asked and failed: that is not the fault of any one subject.
    pub fn probe_failed(&mut self, now: Instant) -> Option<BreakerState> {
        let was_open = self.state == BreakerState::Open;
        let state = self.open(now);
        (!was_open).then_some(state)
    }

    /// Allows a trial, once the wait is over.
    pub fn try_half_open(&mut self, now: Instant) -> Option<BreakerState> {
        if self.state != BreakerState::Open || now < self.retry_at {
            return None;
        }
        self.state = BreakerState::HalfOpen;
        Some(self.state)
    }

    /// The port answers and nobody is there to make a trial.
    pub fn close_without_trial(&mut self, now: Instant) -> Option<BreakerState> {
        (self.state == BreakerState::HalfOpen).then(|| self.close(now))
    }

    fn open(&mut self, now: Instant) -> BreakerState {
        if self.state == BreakerState::Closed && now.saturating_duration_since(self.closed_at) >= HEALTHY_AFTER {
            self.backoff.reset();
        }
        self.state = BreakerState::Open;
        self.retry_at = now + self.backoff.next_wait();
        self.failing.clear();
        self.answers.clear();
        self.state
    }

    fn close(&mut self, now: Instant) -> BreakerState {
        self.state = BreakerState::Closed;
        self.closed_at = now;
        self.failing.clear();
        self.state
    }

    fn note_answer(&mut self, now: Instant) {
        self.last_answer = Some(now);
        match self.answers.back_mut() {
            Some((slice, count)) if now.saturating_duration_since(*slice) < SLICE => *count += 1,
            _ => {
                self.answers.push_back((now, 1));
                self.forget(now);
            }
        }
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |at: &Instant| now.saturating_duration_since(*at) > WINDOW;
        while self.answers.front().is_some_and(|(at, _)| is_old(at)) {
            self.answers.pop_front();
        }
        self.failing.retain(|_, at| !is_old(at));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn one_subject_that_fails_for_ever_opens_nothing() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(now);
        for round in 0..10_000_u32 {
            now += 10 * MS;
            assert_eq!(breaker.failed(u64::from(round % 2), false, now), None, "round {round}");
        }
    }

    #[test]
    fn a_few_that_fail_among_many_that_are_answered_open_nothing() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(now);
        for round in 0..10_000_u64 {
            now += MS;
            assert_eq!(breaker.answered(1_000 + round, false, now), None);
            if round > 20 {
                assert_eq!(breaker.failed(round % 10, false, now), None, "round {round}");
            }
        }
    }

    #[test]
    fn an_outage_opens_it_and_a_trial_that_is_answered_closes_it() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(now);
        for subject in 0..2_000 {
            breaker.answered(subject, false, now);
        }
        // From here on nobody is answered. Once the answers are old the share tips.
        let mut opened_after = None;
        for step in 0..100_u32 {
            now += 100 * MS;
            if breaker.failed(u64::from(step % 50), false, now).is_some() {
                opened_after = Some(step);
                break;
            }
        }
        assert!(opened_after.is_some_and(|step| step <= 60), "{opened_after:?}");
        assert_eq!(breaker.try_half_open(now), None, "not before the wait is over");
        let mut last = Duration::ZERO;
        for round in 0..8 {
            let retry_at = breaker.retry_at().unwrap();
            assert!(retry_at - now >= last / 2 && retry_at - now <= WAITS.1, "round {round}");
            (last, now) = (retry_at - now, retry_at);
            assert_eq!(breaker.try_half_open(now), Some(BreakerState::HalfOpen));
            assert_eq!(breaker.failed(7, false, now), None, "not the trial");
            assert_eq!(breaker.answered(8, false, now), None, "not the trial");
            assert_eq!(breaker.failed(9, true, now), Some(BreakerState::Open));
        }
        now = breaker.retry_at().unwrap();
        assert_eq!(breaker.try_half_open(now), Some(BreakerState::HalfOpen));
        assert_eq!(breaker.answered(9, true, now), Some(BreakerState::Closed));
        assert_eq!(breaker.retry_at(), None);
        assert_eq!(breaker.failed(1, false, now), None, "what failed before is forgotten");
    }

    #[test]
    fn a_port_that_fails_its_probe_is_down_whoever_asked() {
        let now = Instant::now();
        let mut breaker = Breaker::new(now);
        assert_eq!(breaker.failed(1, false, now), None);
        assert_eq!(breaker.probe_failed(now), Some(BreakerState::Open));
        assert_eq!(breaker.probe_failed(now), None, "still open, with a longer wait");
        let due = breaker.retry_at().unwrap();
        assert_eq!(breaker.try_half_open(due), Some(BreakerState::HalfOpen));
        assert_eq!(breaker.close_without_trial(due), Some(BreakerState::Closed));
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Answered(u64, bool),
        Failed(u64, bool),
        ProbeAnswered,
        ProbeFailed,
        HalfOpen,
        CloseWithoutTrial,
    }

    fn step() -> impl Strategy<Value = (Step, u64)> {
        let step = prop_oneof![
            (0..8_u64, any::<bool>()).prop_map(|(subject, trial)| Step::Answered(subject, trial)),
            (0..8_u64, any::<bool>()).prop_map(|(subject, trial)| Step::Failed(subject, trial)),
            Just(Step::ProbeAnswered),
            Just(Step::ProbeFailed),
            Just(Step::HalfOpen),
            Just(Step::CloseWithoutTrial),
        ];
        (step, 0..3_000_u64)
    }

    proptest! {
        #[test]
        fn only_the_allowed_changes_happen(steps in prop::collection::vec(step(), 1..300)) {
            use BreakerState::{Closed, HalfOpen, Open};
            let mut now = Instant::now();
            let mut breaker = Breaker::new(now);
            for (step, wait) in steps {
                now += Duration::from_millis(wait);
                let before = breaker.state();
                let told = match step {
                    Step::Answered(subject, trial) => breaker.answered(subject, trial, now),
                    Step::Failed(subject, trial) => breaker.failed(subject, trial, now),
                    Step::ProbeAnswered => { breaker.probe_answered(now); None }
                    Step::ProbeFailed => breaker.probe_failed(now),
                    Step::HalfOpen => breaker.try_half_open(now),
                    Step::CloseWithoutTrial => breaker.close_without_trial(now),
                };
                let after = breaker.state();
                // A change is told, and nothing else is.
                prop_assert_eq!(told, (before != after).then_some(after));
                let is_allowed = matches!(
                    (before, after),
                    (Closed, Closed | Open) | (Open, Open | HalfOpen) | (HalfOpen, HalfOpen | Closed | Open)
                );
                prop_assert!(is_allowed, "{:?} -> {:?} by {:?}", before, after, step);
                // It never stays open without an end that comes.
                let bounded = breaker.retry_at().is_none_or(|at| at <= now + WAITS.1);
                prop_assert!(bounded);
                prop_assert_eq!(breaker.retry_at().is_some(), after == Open);
                prop_assert!(breaker.failing.len() <= MAX_SUBJECTS);
            }
        }
    }
}
