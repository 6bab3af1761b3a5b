//! What a pump or a distributor did, in figures that go into files and reports as they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What was pumped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PumpReport {
    /// The run's name; `None` when one process does everything.
    pub run: Option<String>,
    /// The story's name.
    pub story: String,
    /// Photos put (or only made).
    pub photos: u64,
    /// Whether those are all photos of the run.
    pub complete: bool,
    /// Stamps whose photo the story did not take.
    pub declined: u64,
    /// Scan rows they must lead to.
    pub expected_scans: u64,
    /// Rejection rows they must lead to.
    pub expected_rejections: u64,
    /// Photos by what was injected in them.
    pub faults: BTreeMap<String, u64>,
    /// Bytes of all files.
    pub bytes: u64,
    /// When the first photo was due or made, UTC; drawing beforehand is not counted.
    pub started_at: Option<String>,
    /// Wall time in seconds from there to the end.
    pub seconds: f64,
    /// Maker threads.
    pub threads: usize,
    /// Cores this process may use.
    pub cores: usize,
    /// CPU time of this process meanwhile, in seconds.
    pub process_cpu_seconds: f64,
    /// CPU time of the maker threads in seconds, drawing included, also that beforehand.
    pub make_cpu_seconds: f64,
    /// The part of it that drew and encoded pictures, each once.
    pub draw_cpu_seconds: f64,
    /// Pictures drawn.
    pub pictures_drawn: u64,
    /// Photos per second put, from the start to the end.
    pub per_second: f64,
    /// How well the asked schedule was held; `None` when nothing was asked for.
    pub pace: Option<PaceReport>,
    /// Milliseconds each put took, all tries together.
    pub put_ms: Quantiles,
    /// Milliseconds from when each photo was due until its put began. Empty without a schedule.
    pub late_ms: Quantiles,
    /// Milliseconds from when each photo was due until it was durable: what a phone would have waited, whatever held its
    /// photo up. Empty without a schedule.
    pub durable_ms: Quantiles,
    /// Photos due and put over time.
    pub series: Series,
}

impl PumpReport {
    /// CPU milliseconds to make one photo, drawing included.
    pub fn make_cpu_ms_per_photo(&self) -> f64 {
        self.make_cpu_seconds * 1_000.0 / self.photos.max(1) as f64
    }
}

/// How well an asked schedule was held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PaceReport {
    /// The schedule in words: `500/s`.
    pub asked: String,
    /// The asked window in seconds: from the start to where the schedule ends.
    pub window_seconds: f64,
    /// Photos due within it.
    pub asked_photos: u64,
    /// Of those, photos whose put began within it and went well.
    pub achieved_photos: u64,
    /// Asked photos over the window.
    pub asked_per_second: f64,
    /// Achieved photos over the window.
    pub achieved_per_second: f64,
    /// Whether the two differ by at most 1 %.
    pub held: bool,
    /// What held photos up that were late; `None` when it was held.
    pub limit: Option<Limit>,
    /// The verdict as a sentence.
    pub verdict: String,
}

/// What kept a schedule from being held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Photos were not made in time.
    Makers,
    /// Puts took so long that no more could be under way.
    Store,
    /// Stamps came after they were due, with workers waiting for them.
    Stamps,
    /// It was ended before the schedule was.
    Stopped,
}

/// A distribution of durations in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// How many there were.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// Half are at most this.
    pub p50: f64,
    /// Nine of ten are at most this.
    pub p90: f64,
    /// All but one of a hundred are at most this.
    pub p99: f64,
    /// All but one of a thousand are at most this.
    pub p999: f64,
    /// All but one of ten thousand are at most this.
    pub p9999: f64,
    /// The most.
    pub max: f64,
    /// `(share, milliseconds)` for a plot, both rising.
    pub curve: Vec<(f64, f64)>,
}

/// Counts over time, in steps of equal length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Length of a step: a second, and more in a run so long that seconds would be too many.
    pub step_seconds: u32,
    /// Photos due in each step; without a schedule nothing.
    pub due: Vec<u64>,
    /// Photos whose put ended in each step.
    pub put: Vec<u64>,
}

/// Steps kept; beyond it two become one.
const MAX_STEPS: usize = 4_096;

impl Series {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self { step_seconds: 1, ..Self::default() }
    }

    /// Counts a photo due `seconds` after the start.
    pub fn count_due(&mut self, seconds: f64) {
        let place = self.place(seconds);
        count(&mut self.due, place);
    }

    /// Counts a photo put `seconds` after the start.
    pub fn count_put(&mut self, seconds: f64) {
        let place = self.place(seconds);
        count(&mut self.put, place);
    }

    /// The step of this moment; makes steps longer until it is one of those kept.
    fn place(&mut self, seconds: f64) -> usize {
        loop {
            let place = (seconds.max(0.0) / f64::from(self.step_seconds.max(1))) as usize;
            if place < MAX_STEPS {
                return place;
            }
            self.step_seconds = self.step_seconds.max(1).saturating_mul(2);
            for counts in [&mut self.due, &mut self.put] {
                *counts = counts.chunks(2).map(|pair| pair.iter().sum()).collect();
            }
            if self.step_seconds == u32::MAX {
                return MAX_STEPS - 1;
            }
        }
    }
}

fn count(counts: &mut Vec<u64>, place: usize) {
    if counts.len() <= place {
        counts.resize(place + 1, 0);
    }
    if let Some(count) = counts.get_mut(place) {
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_counts_by_second_and_grows_coarser_instead_of_longer() {
        let mut series = Series::new();
        for tenth in 0..50 {
            series.count_due(f64::from(tenth) / 10.0);
            series.count_put(f64::from(tenth) / 10.0 + 1.0);
        }
        assert_eq!((series.step_seconds, series.due.clone()), (1, vec![10; 5]));
        assert_eq!(series.put, [0, 10, 10, 10, 10, 10]);
        series.count_due(20_000.0);
        assert_eq!(series.step_seconds, 8);
        assert_eq!((series.due[0], series.put[0]), (50, 50));
        assert_eq!(series.due.iter().sum::<u64>(), 51);
        assert!(series.due.len() <= MAX_STEPS);
    }
}
