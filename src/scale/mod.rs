//! The autoscaler's decision: a pure function from what is seen to what each stage may do at once.
//!
//! Limits follow depth: they double while there is a backlog and the stage uses all it has, and fall by a quarter while
//! there is none and the stage uses less than half. Both stay within the configured bounds. Doubling finds the level in a few
//! ticks; the slow fall keeps it through short gaps.

/// Bounds of one stage's limit, `1 ≤ min ≤ max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Never below.
    pub min: u64,
    /// Never above.
    pub max: u64,
}

/// One stage as seen at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageView {
    /// Its present limit.
    pub limit: u64,
    /// Permits out now.
    pub in_use: u64,
    /// Requests waiting for a permit.
    pub waiting: u64,
}

/// The stage's next limit, with `ready` messages in the queue.
pub fn next_limit(ready: u64, stage: StageView, bounds: Bounds) -> u64 {
    let saturated = stage.in_use >= stage.limit || stage.waiting > 0;
    let backlog = ready > 0 || stage.waiting > 0;
    let wanted = if backlog && saturated {
        stage.limit.saturating_mul(2)
    } else if !backlog && stage.in_use.saturating_mul(2) < stage.limit {
        stage.limit - stage.limit.div_ceil(4)
    } else {
        stage.limit
    };
    wanted.clamp(bounds.min, bounds.max.max(bounds.min))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { min: 2, max: 64 };

    #[test]
    fn grows_with_a_backlog_and_falls_back_when_idle() {
        let mut limit = 2;
        for _ in 0..6 {
            limit = next_limit(1_000, StageView { limit, in_use: limit, waiting: 3 }, BOUNDS);
        }
        assert_eq!(limit, 64);
        assert_eq!(next_limit(1_000, StageView { limit, in_use: 10, waiting: 0 }, BOUNDS), 64, "not the bottleneck");
        for _ in 0..30 {
            limit = next_limit(0, StageView { limit, in_use: 0, waiting: 0 }, BOUNDS);
        }
        assert_eq!(limit, 2);
    }

    proptest! {
        #[test]
        fn always_within_bounds(
            ready in any::<u64>(), limit in 0_u64..10_000, in_use in any::<u64>(), waiting in any::<u64>()
        ) {
            let next = next_limit(ready, StageView { limit, in_use, waiting }, BOUNDS);
            prop_assert!((BOUNDS.min..=BOUNDS.max).contains(&next));
        }
    }
}
