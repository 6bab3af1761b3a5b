//! Calls that are tried again.

use std::time::Duration;

use tokio::time::Instant;

use scanmill_core::error::Error;

use super::Backoff;

/// How often a call is tried, and how long to wait between two tries unless the other side asks for a wait of its own.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// The first wait.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
    /// Tries, the first included; `None` for as many as it takes.
    pub tries: Option<u32>,
    /// No try begins later than this after the first; `None` for as long as it takes.
    pub within: Option<Duration>,
}

impl RetryPolicy {
    /// The tries of one call, before the first.
    pub fn start(self) -> Tries {
        let backoff = Backoff::new(self.first, self.longest);
        Tries { backoff, left: self.tries, within: self.within, started: Instant::now() }
    }
}

/// The tries of one call. For a loop that carries something from try to try; others use [`retry`].
#[derive(Debug)]
pub struct Tries {
    backoff: Backoff,
    left: Option<u32>,
    within: Option<Duration>,
    started: Instant,
}

impl Tries {
    /// Whether another try comes after this one.
    pub fn has_another(&self) -> bool {
        self.left.is_none_or(|left| left > 1)
    }

    /// How long to wait for the next try, `asked` where the other side said how long; `None` if there is none. For whoever
    /// waits for something else meanwhile; others use [`Tries::another`].
    pub fn next_wait(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if !self.has_another() {
            return None;
        }
        let wait = self.backoff.wait_after(asked);
        if self.within.is_some_and(|within| self.started.elapsed() + wait > within) {
            return None;
        }
        self.left = self.left.map(|left| left - 1);
        Some(wait)
    }

    /// Waits for the next try, `asked` where the other side said how long; `false` if there is none.
    pub async fn another(&mut self, asked: Option<Duration>) -> bool {
        match self.next_wait(asked) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return false,
        }
        true
    }

    /// When the first try began.
    pub fn started(&self) -> Instant {
        self.started
    }
}

/// What one try came to.
#[derive(Debug)]
pub enum Attempt<T> {
    /// The end, good or bad.
    Ended(T),
    /// It may go better later: the end if there is no later, and how long the other side asked to wait.
    Again(T, Option<Duration>),
}

impl<T> Attempt<Result<T, Error>> {
    /// What `result` is where errors of some kind are tried again.
    pub fn of(result: Result<T, Error>, is_tried_again: impl FnOnce(&Error) -> bool) -> Self {
        match result {
            Err(error) if is_tried_again(&error) => {
                let wait = error.wait();
                Attempt::Again(Err(error), wait)
            }
            ended => Attempt::Ended(ended),
        }
    }
}

/// Calls until the call has ended or its tries are used up.
pub async fn retry<T, F: Future<Output = Attempt<T>>>(policy: RetryPolicy, mut call: impl FnMut() -> F) -> T {
    let mut tries = policy.start();
    loop {
        let (end, asked) = match call().await {
            Attempt::Ended(end) => return end,
            Attempt::Again(end, asked) => (end, asked),
        };
        if !tries.another(asked).await {
            return end;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use scanmill_core::error::Class;

    use super::*;

    const AT_ONCE: RetryPolicy =
        RetryPolicy { first: Duration::ZERO, longest: Duration::ZERO, tries: Some(3), within: None };

    async fn tried(policy: RetryPolicy, ends: &[Class]) -> (u32, Result<(), Class>) {
        let calls = Cell::new(0);
        let end = retry(policy, || async {
            let number = calls.replace(calls.get() + 1);
            let result = ends.get(number as usize).map_or(Ok(()), |class| Err(Error::new(*class, "no")));
            // A wait that is asked for counts as a try like any other.
            let result = result.map_err(|error| error.retry_after(Duration::ZERO));
            Attempt::of(result, |error| error.class().is_retryable())
        });
        let end = end.await.map_err(|error| error.class());
        (calls.get(), end)
    }

    #[tokio::test]
    async fn tries_end_with_success_with_what_waiting_does_not_fix_or_by_number() {
        let endless = RetryPolicy { tries: None, ..AT_ONCE };
        assert_eq!(tried(AT_ONCE, &[]).await, (1, Ok(())));
        assert_eq!(tried(AT_ONCE, &[Class::Transient; 2]).await, (3, Ok(())));
        assert_eq!(tried(AT_ONCE, &[Class::Throttled; 9]).await, (3, Err(Class::Throttled)));
        assert_eq!(tried(AT_ONCE, &[Class::Transient, Class::Refused]).await, (2, Err(Class::Refused)));
        assert_eq!(tried(endless, &[Class::Transient; 9]).await, (10, Ok(())));
    }

    #[test]
    fn no_try_begins_after_its_time() {
        let second = Duration::from_secs(1);
        let mut tries = RetryPolicy { tries: None, within: Some(5 * second), ..AT_ONCE }.start();
        assert_eq!(tries.next_wait(None), Some(Duration::ZERO));
        assert_eq!(tries.next_wait(Some(4 * second)), Some(4 * second));
        assert_eq!(tries.next_wait(Some(6 * second)), None, "asked for too long");
        assert_eq!(tries.next_wait(Some(second)), Some(second), "the clock has not moved");
    }
}
