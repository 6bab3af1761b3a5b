//! The photo's time budget.

use std::time::{Duration, Instant};

/// When a photo's time budget ends.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// `budget` from now; a budget too long for the clock never ends.
    pub fn after(budget: Duration) -> Deadline {
        Deadline(Instant::now().checked_add(budget))
    }

    /// Whether the time is over.
    pub fn is_over(&self) -> bool {
        self.0.is_some_and(|end| Instant::now() >= end)
    }

    /// The earlier of this deadline and `budget` from now.
    pub fn at_most(&self, budget: Duration) -> Deadline {
        let other = Deadline::after(budget);
        match (self.0, other.0) {
            (Some(mine), Some(theirs)) => Deadline(Some(mine.min(theirs))),
            (mine, theirs) => Deadline(mine.or(theirs)),
        }
    }
}
