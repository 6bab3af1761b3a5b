//! What the autoscaler decides: pure functions from what is seen at a tick to the limits of the next, without I/O and
//! without a clock, so that tests run them against modelled machines (`tests/scenarios.rs`).
//!
//! The aim is decoders that never wait for photos, with as little in flight as that takes. [`fetch`] sets how many
//! photos are fetched at once, [`decode`] how many are handed to the decoder pool, [`receive`] how many received messages
//! may wait to be opened, [`seal`] how many batches are written at once. [`bottleneck`] says what limits the rate.
#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod bottleneck;
pub mod decode;
pub mod fetch;
pub mod receive;
pub mod seal;

/// Bounds of one stage's limit, `1 ≤ min ≤ max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Never below.
    pub min: u64,
    /// Never above.
    pub max: u64,
}

impl Bounds {
    fn clamp(self, limit: u64) -> u64 {
        limit.clamp(self.min, self.max.max(self.min))
    }
}

/// The next limit of a stage that has too little to do.
fn a_quarter_less(limit: u64) -> u64 {
    limit - limit.div_ceil(4)
}

/// A stage's permits as seen at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permits {
    /// The present limit.
    pub limit: u64,
    /// Permits out now.
    pub in_use: u64,
    /// Requests waiting for a permit.
    pub waiting: u64,
}

impl Permits {
    /// Whether the limit holds somebody up.
    pub fn is_exhausted(self) -> bool {
        self.in_use >= self.limit || self.waiting > 0
    }
}
