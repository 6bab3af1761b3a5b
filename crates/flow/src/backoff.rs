//! Waits that double, with jitter, up to a bound.

use std::time::Duration;

use rand::RngExt;

/// Successive waits: each drawn between half and the whole of `base · 2ⁿ`, at most `max`. The jitter keeps several
/// instances from coming back in step.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    max: Duration,
    attempt: u32,
}

impl Backoff {
    /// Starts at `base`, ends at `max`.
    pub fn new(base: Duration, max: Duration) -> Self {
        Self { base, max, attempt: 0 }
    }

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        let whole = self.base.saturating_mul(1 << self.attempt.min(20)).min(self.max);
        self.attempt = self.attempt.saturating_add(1);
        whole.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// The wait after a failure: as long as the other side `asks`, otherwise the next.
    pub fn wait_after(&mut self, asks: Option<Duration>) -> Duration {
        asks.unwrap_or_else(|| self.next_wait())
    }

    /// How many waits were drawn since the last reset.
    pub fn attempts(&self) -> u32 {
        self.attempt
    }

    /// Starts again at `base`, after a success.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_bound_and_reset() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        for step in 0..40_u32 {
            let whole = Duration::from_millis(100).saturating_mul(1 << step.min(20)).min(Duration::from_secs(2));
            let wait = backoff.next_wait();
            assert!(wait >= whole / 2 && wait <= whole, "step {step}: {wait:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_millis(100));
    }
}
