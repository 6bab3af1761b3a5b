//! Batches compressed and written at once.
//!
//! While all of them are busy the writer takes no rows, and back-pressure reaches the poller. What a batch takes is mostly
//! waiting for the store, so it costs little to have more of them under way: the limit doubles where the writer had to wait
//! for one to end since the last tick, and falls by a quarter where none is under way. Rows on their way into the store hold
//! their places in flight, so more batches at once than those places fill are never of use.

use crate::{Bounds, Permits, a_quarter_less};

/// Fewest: one is written while the next is compressed.
pub const LEAST: u64 = 2;
/// Most, however small the batches are.
const MOST: u64 = 64;

/// How many batches of `max_rows` may be written at once, with `max_in_flight` messages in flight.
pub fn bounds(max_in_flight: u64, max_rows: u64) -> Bounds {
    Bounds { min: LEAST, max: (max_in_flight / max_rows.max(1)).clamp(LEAST, MOST) }
}

/// The next limit. `waiting` counts the times that the writer had to wait since the last tick: at the tick itself none may.
pub fn next_limit(seals: Permits, bounds: Bounds) -> u64 {
    bounds.clamp(if seals.waiting > 0 {
        seals.limit.saturating_mul(2)
    } else if seals.in_use == 0 {
        a_quarter_less(seals.limit)
    } else {
        seals.limit
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_while_the_writer_waits_and_fewer_when_idle() {
        let bounds = bounds(60_000, 5_000);
        assert_eq!(bounds, Bounds { min: 2, max: 12 });
        let look = |limit, in_use, waiting| next_limit(Permits { limit, in_use, waiting }, bounds);
        assert_eq!([look(2, 2, 1), look(4, 4, 1), look(8, 8, 1), look(12, 12, 1)], [4, 8, 12, 12]);
        assert_eq!([look(8, 8, 0), look(8, 1, 0)], [8, 8], "nobody waits");
        assert_eq!([look(8, 0, 0), look(3, 0, 0), look(2, 0, 0)], [6, 2, 2]);
    }

    #[test]
    fn there_are_as_many_as_their_rows_fill_the_places_in_flight() {
        for (max_in_flight, max_rows, most) in [(10_000, 5_000, 2), (10_000, 200, 50), (60_000, 1, 64), (4, 5_000, 2)] {
            assert_eq!(bounds(max_in_flight, max_rows).max, most, "{max_rows} of {max_in_flight}");
        }
    }
}
