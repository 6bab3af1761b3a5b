//! What loading took, photo by photo: from the moment a photo was due to its batch being durable, and to its row.
//!
//! Measured from when the photo *should* have been uploaded: a pump that fell behind makes these figures worse and not
//! better. Where the answer key does not say when a photo was due, it is when its upload ended, and where it does not
//! say that either, the row's own `uploaded_at`; [`MeasuredFrom`] counts which.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use scanmill_core::domain::row::utc_millis;
use scanmill_core::error::{Error, Result};

/// The longest latency told apart from longer ones.
const LONGEST_MS: u64 = 90 * 24 * 3_600 * 1_000;
/// Three digits are kept of each latency.
const DIGITS: u8 = 3;
/// Points of a percentile curve for each halving of what is left above.
const CURVE_TICKS: u32 = 4;
/// The most points of a series; a longer span has more seconds a point.
const POINTS_MOST: i64 = 3_600;

/// Latencies of all photos that have a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    /// What the photos were measured from.
    pub measured_from: MeasuredFrom,
    /// Until the batch with the photo's rows was in the store (`load_ledger.sealed_at`).
    pub upload_to_durable: LatencySummary,
    /// The same from the end of the upload: what the engine's own histogram measures, which knows no schedule.
    #[serde(default)]
    pub put_to_durable: LatencySummary,
    /// Until the load that brought the row (`load_ledger.loaded_at`).
    pub upload_to_row: LatencySummary,
    /// Photos without any row; they are in no figure.
    pub photos_without_row: u64,
    /// Photos whose batch was adopted from a listing: nobody knows when it became durable.
    pub photos_without_sealed_at: u64,
    /// Photos whose row names a batch that the ledger does not have.
    pub photos_without_ledger: u64,
    /// Photos over time.
    pub by_second: BySecond,
}

/// How many photos were measured from what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredFrom {
    /// From when the upload was due (`due_at` of the answer key).
    pub due: u64,
    /// From when the upload had ended (`put_at` of the answer key).
    pub put: u64,
    /// From the row's `uploaded_at`: what the store or its notification said.
    pub uploaded: u64,
    /// From nothing: no such time is known, and the photo is in no figure.
    pub unknown: u64,
}

impl MeasuredFrom {
    /// For people: `when it was due`, or the shares where photos differ.
    pub fn words(&self) -> String {
        let named = [
            (self.due, "when it was due"),
            (self.put, "the end of its upload"),
            (self.uploaded, "the row's uploaded_at"),
            (self.unknown, "nothing that is known"),
        ];
        let used: Vec<(u64, &str)> = named.into_iter().filter(|(photos, _)| *photos > 0).collect();
        match used.as_slice() {
            [] => "nothing: no photo has a row".to_owned(),
            [(_, words)] => (*words).to_owned(),
            many => many.iter().map(|(photos, words)| format!("{words} ({photos})")).collect::<Vec<_>>().join(", "),
        }
    }
}

/// One latency over all photos, in milliseconds: the resolution of the warehouse's times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "percentiles are named by themselves")]
pub struct LatencySummary {
    /// Photos measured.
    pub count: u64,
    pub mean_ms: f64,
    pub p50_ms: u64,
    pub p90_ms: u64,
    pub p99_ms: u64,
    pub p999_ms: u64,
    pub p9999_ms: u64,
    pub max_ms: u64,
    /// Photos that were there before they were due: the clocks of two machines differ. Counted as 0 ms.
    pub negative: u64,
    /// By how much at most.
    pub most_negative_ms: u64,
    /// The percentile curve, denser towards the slow end.
    pub curve: Vec<CurvePoint>,
}

/// One point of a percentile curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Share of the photos, 0 to 1…
    pub quantile: f64,
    /// …that took at most this long.
    pub ms: u64,
}

/// Photos over time, in equal steps from the first that was due (or put, or uploaded).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BySecond {
    /// Where the first step begins, UTC; `None` when no photo was measured.
    pub begins_at: Option<String>,
    /// Seconds of a step: 1 up to an hour, then 2, 4 and so on.
    pub seconds_per_step: u64,
    /// Photos that were due (or put, or uploaded) in each step.
    pub due: Vec<u64>,
    /// Photos that became durable in each step.
    pub durable: Vec<u64>,
    /// Photos whose rows were loaded in each step.
    pub loaded: Vec<u64>,
}

/// Where a photo's time begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `due_at` of the key.
    Due,
    /// `put_at` of the key.
    Put,
    /// `uploaded_at` of the row.
    Uploaded,
}

/// When the batch of a row got on, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchTimes {
    /// When it became durable; `None` when adopted from a listing.
    pub sealed_at: Option<i64>,
    /// When it was loaded.
    pub loaded_at: i64,
}

/// Adds up latencies in bounded memory (under a megabyte, whatever the photos).
#[derive(Debug)]
pub struct LatencyRecorder {
    measured_from: MeasuredFrom,
    durable: LatencyHistogram,
    put_to_durable: LatencyHistogram,
    row: LatencyHistogram,
    without_row: u64,
    without_sealed_at: u64,
    without_ledger: u64,
    series: LatencySteps,
}

impl LatencyRecorder {
    /// Nothing measured yet.
    ///
    /// # Errors
    /// None in practice: the bounds are fixed.
    pub fn new() -> Result<Self> {
        Ok(Self {
            measured_from: MeasuredFrom::default(),
            durable: LatencyHistogram::new()?,
            put_to_durable: LatencyHistogram::new()?,
            row: LatencyHistogram::new()?,
            without_row: 0,
            without_sealed_at: 0,
            without_ledger: 0,
            series: LatencySteps::default(),
        })
    }

    /// A photo that has no row.
    pub fn lost(&mut self) {
        self.without_row += 1;
    }

    /// A photo with a row: where its time begins, and what the ledger knows of the row's batch.
    pub fn add(&mut self, begins: Option<(Origin, i64)>, batch: Option<BatchTimes>) {
        let Some((origin, from)) = begins else {
            self.measured_from.unknown += 1;
            return;
        };
        let Some(batch) = batch else {
            self.without_ledger += 1;
            return;
        };
        *match origin {
            Origin::Due => &mut self.measured_from.due,
            Origin::Put => &mut self.measured_from.put,
            Origin::Uploaded => &mut self.measured_from.uploaded,
        } += 1;
        self.series.add(Milestone::Due, from);
        self.row.add(batch.loaded_at.saturating_sub(from));
        self.series.add(Milestone::Loaded, batch.loaded_at);
        match batch.sealed_at {
            Some(sealed_at) => {
                self.durable.add(sealed_at.saturating_sub(from));
                self.series.add(Milestone::Durable, sealed_at);
            }
            None => self.without_sealed_at += 1,
        }
    }

    /// A photo with a row whose upload ended at `put`.
    pub fn add_put(&mut self, put: i64, batch: Option<BatchTimes>) {
        if let Some(sealed_at) = batch.and_then(|batch| batch.sealed_at) {
            self.put_to_durable.add(sealed_at.saturating_sub(put));
        }
    }

    /// The figures.
    pub fn finish(&self) -> Latencies {
        Latencies {
            measured_from: self.measured_from,
            upload_to_durable: self.durable.summary(),
            put_to_durable: self.put_to_durable.summary(),
            upload_to_row: self.row.summary(),
            photos_without_row: self.without_row,
            photos_without_sealed_at: self.without_sealed_at,
            photos_without_ledger: self.without_ledger,
            by_second: self.series.finish(),
        }
    }
}

#[derive(Debug)]
struct LatencyHistogram {
    histogram: Histogram<u64>,
    max_ms: u64,
    sum_ms: u128,
    negative: u64,
    most_negative_ms: u64,
}

impl LatencyHistogram {
    fn new() -> Result<Self> {
        let histogram = Histogram::new_with_bounds(1, LONGEST_MS, DIGITS)
            .map_err(|error| Error::bug("a histogram of latencies cannot be made").with_source(error))?;
        Ok(Self { histogram, max_ms: 0, sum_ms: 0, negative: 0, most_negative_ms: 0 })
    }

    fn add(&mut self, ms: i64) {
        let Ok(ms) = u64::try_from(ms) else {
            self.negative += 1;
            self.most_negative_ms = self.most_negative_ms.max(ms.unsigned_abs());
            self.histogram.saturating_record(0);
            return;
        };
        self.max_ms = self.max_ms.max(ms);
        self.sum_ms += u128::from(ms);
        self.histogram.saturating_record(ms);
    }

    fn summary(&self) -> LatencySummary {
        let count = self.histogram.len();
        // The histogram answers with the upper end of a step, which may lie above the slowest photo.
        let at = |quantile: f64| self.histogram.value_at_quantile(quantile).min(self.max_ms);
        let curve = self.histogram.iter_quantiles(CURVE_TICKS).map(|point| CurvePoint {
            quantile: point.quantile_iterated_to(),
            ms: point.value_iterated_to().min(self.max_ms),
        });
        LatencySummary {
            count,
            mean_ms: if count == 0 { 0.0 } else { self.sum_ms as f64 / count as f64 },
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            p9999_ms: at(0.9999),
            max_ms: self.max_ms,
            negative: self.negative,
            most_negative_ms: self.most_negative_ms,
            curve: if count == 0 { Vec::new() } else { curve.collect() },
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Milestone {
    Due,
    Durable,
    Loaded,
}

/// Counts by step. The photos come in any order, so where the series begins is known only at the end; when it grows too
/// long, two steps become one.
#[derive(Debug)]
struct LatencySteps {
    seconds_per_step: i64,
    steps: BTreeMap<i64, [u64; 3]>,
    first_due: Option<i64>,
}

impl Default for LatencySteps {
    fn default() -> Self {
        Self { seconds_per_step: 1, steps: BTreeMap::new(), first_due: None }
    }
}

impl LatencySteps {
    fn add(&mut self, line: Milestone, at_ms: i64) {
        let second = at_ms.div_euclid(1_000);
        if matches!(line, Milestone::Due) {
            self.first_due = Some(self.first_due.map_or(second, |first| first.min(second)));
        }
        if let Some(counts) =
            self.steps.entry(second.div_euclid(self.seconds_per_step)).or_default().get_mut(line as usize)
        {
            *counts += 1;
        }
        while let (Some((first, _)), Some((last, _))) = (self.steps.first_key_value(), self.steps.last_key_value())
            && last - first >= POINTS_MOST
        {
            self.seconds_per_step *= 2;
            for (step, counts) in std::mem::take(&mut self.steps) {
                let wider = self.steps.entry(step.div_euclid(2)).or_default();
                wider.iter_mut().zip(counts).for_each(|(wider, count)| *wider += count);
            }
        }
    }

    fn finish(&self) -> BySecond {
        let seconds_per_step = self.seconds_per_step.unsigned_abs();
        let (Some(first), Some((last, _))) = (self.first_due, self.steps.last_key_value()) else {
            return BySecond { seconds_per_step, ..BySecond::default() };
        };
        let first = first.div_euclid(self.seconds_per_step);
        let length = usize::try_from(last - first + 1).unwrap_or(0);
        let mut lines = [vec![0; length], vec![0; length], vec![0; length]];
        for (step, counts) in &self.steps {
            // By another machine's clock something may have happened before anything was due.
            let place = usize::try_from(step - first).unwrap_or(0);
            for (line, count) in lines.iter_mut().zip(counts) {
                if let Some(sum) = line.get_mut(place) {
                    *sum += count;
                }
            }
        }
        let [due, durable, loaded] = lines;
        let begins_at = Timestamp::from_second(first.saturating_mul(self.seconds_per_step)).ok().map(utc_millis);
        BySecond { begins_at, seconds_per_step, due, durable, loaded }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: i64 = 1_700_000_000_000;

    fn batch(sealed_after: i64, loaded_after: i64) -> Option<BatchTimes> {
        Some(BatchTimes { sealed_at: Some(BEGIN + sealed_after), loaded_at: BEGIN + loaded_after })
    }

    #[test]
    fn percentiles_are_those_of_the_photos() {
        let mut recorder = LatencyRecorder::new().unwrap();
        for ms in 1..=10_000 {
            recorder.add(Some((Origin::Due, BEGIN)), batch(ms, ms * 2));
        }
        let figures = recorder.finish();
        let durable = &figures.upload_to_durable;
        assert_eq!((durable.count, durable.max_ms, durable.negative), (10_000, 10_000, 0));
        for (found, exact) in
            [(durable.p50_ms, 5_000), (durable.p90_ms, 9_000), (durable.p99_ms, 9_900), (durable.p9999_ms, 9_999)]
        {
            assert!(found.abs_diff(exact) <= exact / 500, "{found} {exact}");
        }
        assert!((durable.mean_ms - 5_000.5).abs() < 1e-6);
        assert!(figures.upload_to_row.p50_ms.abs_diff(10_000) <= 20);
        assert!(durable.curve.len() > 20 && durable.curve.len() < 200, "{}", durable.curve.len());
        assert!(durable.curve.is_sorted_by(|left, right| left.quantile <= right.quantile && left.ms <= right.ms));
        assert_eq!(durable.curve.last().map(|point| (point.quantile, point.ms)), Some((1.0, 10_000)));
        let text = serde_json::to_string(&figures).unwrap();
        let again: Latencies = serde_json::from_str(&text).unwrap();
        assert_eq!(again.by_second, figures.by_second);
        assert_eq!(
            (again.upload_to_row.curve.len(), again.upload_to_durable.p99_ms),
            (figures.upload_to_row.curve.len(), durable.p99_ms)
        );
    }

    #[test]
    fn what_is_not_known_is_counted_and_in_no_figure() {
        let mut recorder = LatencyRecorder::new().unwrap();
        recorder.lost();
        recorder.add(None, batch(1, 2));
        recorder.add(Some((Origin::Put, BEGIN)), None);
        recorder.add(Some((Origin::Uploaded, BEGIN)), Some(BatchTimes { sealed_at: None, loaded_at: BEGIN + 70 }));
        recorder.add(Some((Origin::Due, BEGIN)), batch(-30, 5));
        let figures = recorder.finish();
        assert_eq!(
            (figures.photos_without_row, figures.photos_without_ledger, figures.photos_without_sealed_at),
            (1, 1, 1)
        );
        assert_eq!(figures.measured_from, MeasuredFrom { due: 1, put: 0, uploaded: 1, unknown: 1 });
        assert!(figures.measured_from.words().contains("when it was due (1)"), "{}", figures.measured_from.words());
        let durable = &figures.upload_to_durable;
        assert_eq!((durable.count, durable.negative, durable.most_negative_ms, durable.max_ms), (1, 1, 30, 0));
        assert_eq!((figures.upload_to_row.count, figures.upload_to_row.max_ms), (2, 70));
    }

    #[test]
    fn nothing_measured_is_no_error() {
        let figures = LatencyRecorder::new().unwrap().finish();
        assert_eq!(figures.upload_to_row, LatencySummary::default());
        assert_eq!(figures.by_second, BySecond { seconds_per_step: 1, ..BySecond::default() });
    }

    #[test]
    fn the_series_begins_with_the_first_due_and_stays_short() {
        let mut recorder = LatencyRecorder::new().unwrap();
        for second in [7, 5, 6] {
            let from = BEGIN + second * 1_000;
            let batch = BatchTimes { sealed_at: Some(from + 900), loaded_at: from + 2_500 };
            recorder.add(Some((Origin::Due, from)), Some(batch));
        }
        // Durable before anything was due: another clock.
        recorder.add(Some((Origin::Due, BEGIN + 8_000)), batch(2_000, 9_000));
        let series = recorder.finish().by_second;
        assert_eq!(series.begins_at.as_deref(), Some("2023-11-14T22:13:25.000Z"));
        assert_eq!((series.due.as_slice(), series.seconds_per_step), (&[1, 1, 1, 1, 0][..], 1));
        assert_eq!((series.durable, series.loaded), (vec![2, 1, 1, 0, 0], vec![0, 0, 1, 1, 2]));

        for day in 0..40 {
            let from = BEGIN + day * 86_400_000;
            recorder.add(Some((Origin::Due, from)), Some(BatchTimes { sealed_at: None, loaded_at: from }));
        }
        let series = recorder.finish().by_second;
        assert!(
            series.due.len() as i64 <= POINTS_MOST && series.seconds_per_step == 1_024,
            "{}",
            series.seconds_per_step
        );
        assert_eq!((series.due.iter().sum::<u64>(), series.durable.iter().sum::<u64>()), (44, 4));
    }
}
