//! Messages ahead of opening: those that were received and wait for it, and those that receives under way ask for.
//!
//! What waits there is leased for nothing, but too little of it lets the fetcher starve for a round trip of the queue.
//! So there are as many as are opened in two round trips, one of them under way, and one round of fetches on top. What is
//! asked for counts before it comes: hundreds of receives that all find the same free room would fill it many times over.

use std::time::Duration;

/// Fewest, so that the first receives need not be measured.
const LEAST: u64 = 64;

/// How many may be ahead, at `opened_per_second` and a receive's `round_trip`, with `fetch_limit` photos fetched at once.
pub fn most_ahead(opened_per_second: f64, round_trip: Duration, fetch_limit: u64) -> u64 {
    let in_two_round_trips = opened_per_second.max(0.0) * round_trip.as_secs_f64() * 2.0;
    // A float this large saturates; no rate is near it.
    (in_two_round_trips.ceil() as u64).saturating_add(fetch_limit).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_two_round_trips() {
        assert_eq!(most_ahead(0.0, Duration::from_millis(15), 2), LEAST);
        assert_eq!(most_ahead(1_000.0, Duration::from_millis(150), 100), 400);
        assert_eq!(most_ahead(f64::NAN, Duration::from_millis(150), 100), 100);
    }
}
