//! One look at a running engine, and a row of them that never grows beyond a bound.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A bounded part of the engine at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// The most that may be used.
    pub limit: u64,
    /// Used.
    pub used: u64,
    /// Requests that wait for some.
    pub waiting: u64,
}

impl Use {
    /// Whether nothing is left of it. A limit of nothing is not a limit.
    pub fn is_full(&self) -> bool {
        self.limit > 0 && self.used >= self.limit
    }

    fn of(state: &Value, name: &str) -> Use {
        let figure = |field: &str| whole(&state["budgets"][name][field]);
        Use { limit: figure("limit"), used: figure("used"), waiting: figure("waiting") }
    }
}

/// One look. What counts up is counted from the beginning of the run, across restarts of the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Seconds since the beginning.
    pub at: f64,
    /// Photos whose rows are durable.
    pub photos: u64,
    /// Rows in the warehouse.
    pub rows_loaded: u64,
    /// CPU seconds of the engine's process.
    pub cpu_seconds: f64,
    /// CPU seconds of its decoder.
    pub decode_cpu_seconds: f64,
    /// CPU seconds of everything on the machine, where the system tells.
    pub machine_cpu_seconds: Option<f64>,
    /// Resident memory of the engine.
    pub resident_bytes: u64,
    /// Messages in the queue.
    pub ready: u64,
    /// Messages received and not settled, by the queue.
    pub in_flight: u64,
    /// Sealed batches not loaded yet.
    pub batches_to_load: u64,
    /// Photos being fetched.
    pub fetch: Use,
    /// Photos in the decoder pool.
    pub decode: Use,
    /// HEIC photos in their lane.
    pub heic: Use,
    /// Messages received and not settled, by this engine.
    pub messages: Use,
    /// Bytes of photo files.
    pub fetched_bytes: Use,
    /// Bytes of pixels.
    pub decode_bytes: Use,
}

impl Sample {
    /// What `/state` shows of this moment; what counts up is left at nothing.
    pub fn of_moment(at: f64, state: &Value) -> Sample {
        Sample {
            at,
            resident_bytes: whole(&state["process"]["resident_bytes"]),
            ready: whole(&state["queue"]["ready"]),
            in_flight: whole(&state["queue"]["in_flight"]),
            batches_to_load: whole(&state["actors"]["loader"]["batches_to_load"]),
            fetch: Use::of(state, "fetches"),
            decode: Use::of(state, "decodes"),
            heic: Use::of(state, "heic_decodes"),
            messages: Use::of(state, "messages_in_flight"),
            fetched_bytes: Use::of(state, "fetched_bytes"),
            decode_bytes: Use::of(state, "decode_bytes"),
            ..Sample::default()
        }
    }
}

/// A whole number of the state; nothing where there is none.
pub(super) fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// Values in order of time, at most [`Series::MOST`]: where there are more, every second is dropped and from then on
/// only every second is taken, and so on.
#[derive(Clone, Debug)]
pub struct Series<T> {
    values: Vec<T>,
    every: u64,
    offered: u64,
}

impl<T> Default for Series<T> {
    fn default() -> Self {
        Self { values: Vec::new(), every: 1, offered: 0 }
    }
}

impl<T: Clone> Series<T> {
    /// The most values there ever are.
    pub const MOST: usize = 1_200;

    /// Offers the next value.
    pub fn push(&mut self, value: T) {
        if self.offered.is_multiple_of(self.every) {
            if self.values.len() >= Self::MOST {
                let mut index = 0;
                self.values.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.every *= 2;
            }
            // After a thinning this one may be out of step; it is the newest, so it stays.
            self.values.push(value);
        }
        self.offered += 1;
    }

    /// The values, with `last` as the last one whether it was due or not.
    pub fn ended_with(mut self, last: Option<T>, is_same: impl Fn(&T, &T) -> bool) -> Vec<T> {
        if let Some(last) = last
            && !self.values.last().is_some_and(|kept| is_same(kept, &last))
        {
            self.values.push(last);
        }
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_stays_bounded_and_keeps_both_ends() {
        let mut series = Series::default();
        for value in 0..100_000_u64 {
            series.push(value);
        }
        let values = series.ended_with(Some(99_999), |a, b| a == b);
        assert!((Series::<u64>::MOST / 2..=Series::<u64>::MOST + 1).contains(&values.len()), "{}", values.len());
        assert_eq!((values[0], values.last()), (0, Some(&99_999)));
        assert!(values.windows(2).all(|pair| pair[0] < pair[1]));
        let steps: Vec<u64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let (least, most) = (steps.iter().rev().skip(1).min(), steps.iter().max());
        assert!(most <= least.map(|least| least * 3).as_ref(), "even steps: {least:?} to {most:?}");
    }

    #[test]
    fn a_state_with_nothing_in_it_is_no_error() {
        assert_eq!(Sample::of_moment(1.0, &Value::Null), Sample { at: 1.0, ..Sample::default() });
        assert!(!Use::default().is_full());
        assert!(Use { limit: 2, used: 2, waiting: 0 }.is_full());
    }
}
