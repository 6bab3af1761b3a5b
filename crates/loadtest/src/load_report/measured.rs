//! What the pump and the check of the rows know of a run: the half of the report that does not concern the engine.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What ran, where and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// When the first photo could have been put.
    pub began_at: Timestamp,
    /// Name of the story.
    pub story: String,
    /// Its seed.
    pub seed: u64,
    /// Photos asked for.
    pub count: u64,
    /// Sizes of the photos, as the option names them.
    pub size: String,
    /// How they arrive, in words: `as fast as possible`, `20/s`.
    pub arrival: String,
    /// Queue, store and warehouse, in words.
    pub ports: String,
    /// Version of the pump.
    pub version: String,
    /// Cores of the pump's machine.
    pub host_cores: u64,
}

/// One second of the pump.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PumpSecond {
    /// Seconds since the beginning, at its end.
    pub at: f64,
    /// Photos that were due in it; as many as were put where no rate was asked for.
    pub due: f64,
    /// Photos put in it.
    pub put: f64,
}

/// How well a schedule was held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduleResult {
    /// The schedule in words: `500/s`.
    pub asked: String,
    /// Photos a second asked for, on average where the rate moves.
    pub asked_per_second: f64,
    /// Photos a second reached in the time asked for.
    pub achieved_per_second: f64,
    /// Whether the two differ by at most 1 %.
    pub held: bool,
    /// What kept it from being held.
    pub limit: Option<PaceLimit>,
}

/// What kept a schedule from being held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaceLimit {
    /// Photos were not made in time.
    Makers,
    /// Puts took too long.
    Store,
    /// Something else: stamps came late, or it was stopped.
    Other,
}

/// What the pump says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PumpSide {
    /// Photos put.
    pub photos: u64,
    /// Whether those are all.
    pub complete: bool,
    /// Their bytes.
    pub bytes: u64,
    /// From the beginning to the last put.
    pub seconds: f64,
    /// How well an asked schedule was held; nothing where none was asked for.
    pub pace: Option<ScheduleResult>,
    /// Photos a second put.
    pub put_per_second: f64,
    /// Threads (or workers) that made photos.
    pub makers: u64,
    /// CPU seconds of making them.
    pub make_cpu_seconds: f64,
    /// CPU seconds of the whole pump meanwhile.
    pub cpu_seconds: f64,
    /// By how much puts began after they were due.
    pub lateness: Option<Quantiles>,
    /// How long a put took.
    pub put_time: Option<Quantiles>,
    /// Its seconds, in order.
    pub series: Vec<PumpSecond>,
}

impl PumpSide {
    /// CPU milliseconds to make one photo.
    pub fn make_cpu_ms(&self) -> f64 {
        self.make_cpu_seconds * 1_000.0 / self.photos.max(1) as f64
    }

    /// CPU milliseconds of the whole pump for one photo.
    pub fn cpu_ms(&self) -> f64 {
        self.cpu_seconds * 1_000.0 / self.photos.max(1) as f64
    }
}

/// Quantiles of times, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Times recorded.
    pub count: u64,
    /// Half took no longer.
    pub p50: f64,
    /// 9 of 10 took no longer.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1,000.
    pub p999: f64,
    /// 9,999 of 10,000.
    pub p9999: f64,
    /// The longest.
    pub max: f64,
}

/// A latency over all photos of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// What its clock starts with, in words.
    pub measured_from: String,
    /// Its quantiles.
    pub quantiles: Quantiles,
    /// `(quantile, milliseconds)`, rising in both: the curve, for plots.
    pub curve: Vec<(f64, f64)>,
}

/// How many photos were due, durable and in the warehouse over time, in equal steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Where the first step begins, in seconds since the beginning.
    pub begins: f64,
    /// Length of a step in seconds.
    pub step: f64,
    /// Photos due in each step.
    pub due: Vec<u64>,
    /// Photos that became durable in each.
    pub durable: Vec<u64>,
    /// Photos whose rows came into the warehouse in each.
    pub loaded: Vec<u64>,
}

impl Flow {
    /// Photos so far at the end of each step, from zero at the beginning: `(second, photos)`.
    pub fn running(&self, counts: &[u64]) -> Vec<(f64, f64)> {
        let mut sum = 0;
        let sums = counts.iter().enumerate().map(|(index, count)| {
            sum += count;
            (self.begins + self.step * (index + 1) as f64, sum as f64)
        });
        std::iter::once((self.begins, 0.0)).chain(sums).collect()
    }
}

/// What the check of the rows against the answer key said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictSide {
    /// Scan rows found.
    pub rows: u64,
    /// Rejection rows found.
    pub rejections: u64,
    /// Rows that are not there.
    pub lost: u64,
    /// Rows too many.
    pub doubled: u64,
    /// Rows that are not as they should be.
    pub wrong: u64,
}

impl VerdictSide {
    /// Whether the warehouse holds exactly what it should.
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.wrong == 0
    }
}
