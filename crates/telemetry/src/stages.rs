//! How long photos spend in each stage, as quantiles.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The stages of a photo, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// From its message's arrival here until its GET begins.
    QueueWait,
    /// Getting the object.
    Fetch,
    /// From bytes in memory until a decoder thread took them.
    DecodeWait,
    /// Reading pixels, codes and EXIF.
    Decode,
    /// From its rows being made until their batch was durable.
    BatchWait,
    /// From upload until its rows were durable in a sealed batch: the whole way that the queue waits for.
    UploadToDurable,
    /// One load of batches into the warehouse.
    Load,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Stage; 7] = [
        Stage::QueueWait,
        Stage::Fetch,
        Stage::DecodeWait,
        Stage::Decode,
        Stage::BatchWait,
        Stage::UploadToDurable,
        Stage::Load,
    ];

    /// The stage as a metric label and JSON name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::QueueWait => "queue_wait",
            Stage::Fetch => "fetch",
            Stage::DecodeWait => "decode_wait",
            Stage::Decode => "decode",
            Stage::BatchWait => "batch_wait",
            Stage::UploadToDurable => "upload_to_durable",
            Stage::Load => "load",
        }
    }
}

/// What one stage took so far. Milliseconds, exact to three digits, between 1 µs and one hour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StageSummary {
    /// Which.
    pub stage: Stage,
    /// Times recorded.
    pub count: u64,
    /// Half took no longer.
    pub p50_ms: f64,
    /// Nine of ten took no longer.
    pub p90_ms: f64,
    /// All but one in a hundred took no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// Shortest and longest time told apart, in microseconds.
const BOUNDS: (u64, u64) = (1, 3_600_000_000);

/// Records times; shared by all stages. One short lock a record, each stage its own.
pub struct StageTimes {
    stages: [Mutex<Histogram<u64>>; Stage::ALL.len()],
    /// [`Stage::UploadToDurable`] since it was last taken.
    recent: Mutex<Histogram<u64>>,
}

impl Default for StageTimes {
    fn default() -> Self {
        StageTimes::new()
    }
}

impl StageTimes {
    /// An empty record.
    #[allow(clippy::expect_used, reason = "the bounds are constants that a test holds right")]
    pub fn new() -> StageTimes {
        let empty = Histogram::new_with_bounds(BOUNDS.0, BOUNDS.1, 3).expect("bounds of a histogram");
        StageTimes { stages: Stage::ALL.map(|_| Mutex::new(empty.clone())), recent: Mutex::new(empty) }
    }

    /// One photo (for [`Stage::Load`] one load) spent `time` in `stage`. Times out of bounds count as the bound.
    pub fn record(&self, stage: Stage, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).clamp(BOUNDS.0, BOUNDS.1);
        self.with(stage, |histogram| histogram.saturating_record(micros));
        if stage == Stage::UploadToDurable {
            self.recent.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(micros);
        }
    }

    /// [`Stage::UploadToDurable`] since this was last asked.
    pub fn take_recent(&self) -> StageSummary {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let summary = summarise(Stage::UploadToDurable, &recent);
        recent.reset();
        summary
    }

    /// All stages, in order, those without a record too.
    pub fn snapshot(&self) -> Vec<StageSummary> {
        Stage::ALL.iter().map(|&stage| self.with(stage, |histogram| summarise(stage, histogram))).collect()
    }

    /// The snapshot as a JSON object by stage name, for the state board.
    pub fn to_json(&self) -> serde_json::Value {
        self.snapshot()
            .into_iter()
            .map(|s| {
                let figures = serde_json::json!({
                    "count": s.count, "p50_ms": s.p50_ms, "p90_ms": s.p90_ms, "p99_ms": s.p99_ms, "max_ms": s.max_ms,
                });
                (s.stage.as_str().to_owned(), figures)
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn with<R>(&self, stage: Stage, act: impl FnOnce(&mut Histogram<u64>) -> R) -> R {
        // The enum's discriminants count from 0 in the order of ALL.
        let mut histogram = self.stages[stage as usize].lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut histogram)
    }
}

fn summarise(stage: Stage, histogram: &Histogram<u64>) -> StageSummary {
    let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
    StageSummary {
        stage,
        count: histogram.len(),
        p50_ms: at(0.50),
        p90_ms: at(0.90),
        p99_ms: at(0.99),
        max_ms: histogram.max() as f64 / 1_000.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: &StageTimes, stage: Stage) -> StageSummary {
        times.snapshot().into_iter().find(|summary| summary.stage == stage).expect("every stage is there")
    }

    #[test]
    fn quantiles_are_within_a_thousandth() {
        let times = StageTimes::new();
        for milliseconds in 1..=1_000 {
            times.record(Stage::Fetch, Duration::from_millis(milliseconds));
        }
        let fetch = of(&times, Stage::Fetch);
        assert_eq!(fetch.count, 1_000);
        for (found, right) in
            [(fetch.p50_ms, 500.0), (fetch.p90_ms, 900.0), (fetch.p99_ms, 990.0), (fetch.max_ms, 1_000.0)]
        {
            assert!((found - right).abs() <= right / 1_000.0, "{found} for {right}");
        }
        assert_eq!(of(&times, Stage::Load).count, 0);
        assert_eq!(of(&times, Stage::Load).p99_ms, 0.0);
    }

    #[test]
    fn times_out_of_bounds_count_as_the_bound() {
        let times = StageTimes::new();
        times.record(Stage::QueueWait, Duration::ZERO);
        times.record(Stage::QueueWait, Duration::MAX);
        let wait = of(&times, Stage::QueueWait);
        assert_eq!((wait.count, wait.p50_ms), (2, 0.001));
        assert!((wait.max_ms - 3_600_000.0).abs() < 3_600.0, "{}", wait.max_ms);
    }

    #[test]
    fn names_and_order_agree_everywhere() {
        for (index, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, index);
            assert_eq!(serde_json::to_value(stage).expect("serialisable"), stage.as_str());
        }
        let json = StageTimes::default().to_json();
        assert_eq!(json["upload_to_durable"]["count"], 0);
        assert_eq!(json.as_object().map(serde_json::Map::len), Some(Stage::ALL.len()));
    }

    #[test]
    fn threads_lose_nothing() {
        let times = StageTimes::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..250).for_each(|_| times.record(Stage::Decode, Duration::from_millis(3))));
            }
        });
        assert_eq!(of(&times, Stage::Decode).count, 1_000);
    }
}
