//! Photos handed to the decoder pool at once.
//!
//! The pool has as many threads as there are cores, so this limit only keeps a short queue in front of them: it goes to
//! its most when there is a backlog and all of it is in use, for what it may be is known beforehand, and falls by a quarter
//! while there is none and less than half is.

use crate::{Bounds, Permits, a_quarter_less};

/// The next limit, with or without a backlog of messages in the queue.
pub fn next_limit(has_backlog: bool, decodes: Permits, bounds: Bounds) -> u64 {
    let has_backlog = has_backlog || decodes.waiting > 0;
    bounds.clamp(if has_backlog && decodes.is_exhausted() {
        bounds.max
    } else if !has_backlog && decodes.in_use.saturating_mul(2) < decodes.limit {
        a_quarter_less(decodes.limit)
    } else {
        decodes.limit
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_with_a_backlog_and_falls_back_when_idle() {
        let bounds = Bounds { min: 2, max: 64 };
        let mut limit = next_limit(true, Permits { limit: 2, in_use: 2, waiting: 3 }, bounds);
        assert_eq!(limit, 64);
        assert_eq!(next_limit(true, Permits { limit, in_use: 10, waiting: 0 }, bounds), 64, "not the bottleneck");
        for _ in 0..30 {
            limit = next_limit(false, Permits { limit, in_use: 0, waiting: 0 }, bounds);
        }
        assert_eq!(limit, 2);
    }
}
