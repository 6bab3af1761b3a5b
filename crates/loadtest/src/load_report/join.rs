//! From the pump's and the check's own types to those of the report.

use jiff::Timestamp;

use super::measured::{Flow, Latency, PaceLimit, PumpSecond, PumpSide, Quantiles, ScheduleResult, VerdictSide};
use crate::latency::{Latencies, LatencySummary};
use crate::run_report::{self, Limit, PaceReport, PumpReport};
use crate::verify::Verdict;

impl PumpSide {
    /// What the pump says of a run.
    pub fn of(report: &PumpReport) -> PumpSide {
        let counted = |quantiles: &run_report::Quantiles| (quantiles.count > 0).then(|| Quantiles::of(quantiles));
        let step = f64::from(report.series.step_seconds.max(1));
        let length = report.series.due.len().max(report.series.put.len());
        let at = |counts: &[u64], index: usize| counts.get(index).copied().unwrap_or(0) as f64;
        let series = (0..length).map(|index| PumpSecond {
            at: step * (index + 1) as f64,
            due: at(&report.series.due, index),
            put: at(&report.series.put, index),
        });
        PumpSide {
            photos: report.photos,
            complete: report.complete,
            bytes: report.bytes,
            seconds: report.seconds,
            pace: report.pace.as_ref().map(ScheduleResult::of),
            put_per_second: report.per_second,
            makers: report.threads as u64,
            make_cpu_seconds: report.make_cpu_seconds,
            cpu_seconds: report.process_cpu_seconds,
            lateness: counted(&report.late_ms),
            put_time: counted(&report.put_ms),
            series: series.collect(),
        }
    }
}

impl ScheduleResult {
    fn of(pace: &PaceReport) -> ScheduleResult {
        ScheduleResult {
            asked: pace.asked.clone(),
            asked_per_second: pace.asked_per_second,
            achieved_per_second: pace.achieved_per_second,
            held: pace.held,
            limit: pace.limit.map(|limit| match limit {
                Limit::Makers => PaceLimit::Makers,
                Limit::Store => PaceLimit::Store,
                Limit::Stamps | Limit::Stopped => PaceLimit::Other,
            }),
        }
    }
}

impl Quantiles {
    fn of(quantiles: &run_report::Quantiles) -> Quantiles {
        let run_report::Quantiles { count, p50, p90, p99, p999, p9999, max, .. } = *quantiles;
        Quantiles { count, p50, p90, p99, p999, p9999, max }
    }
}

impl VerdictSide {
    /// What the check of the rows said.
    pub fn of(verdict: &Verdict) -> VerdictSide {
        VerdictSide {
            rows: verdict.rows,
            rejections: verdict.rejections,
            lost: verdict.lost,
            doubled: verdict.doubled,
            wrong: verdict.wrong,
        }
    }
}

impl Latency {
    /// Until durable, and until in the warehouse; nothing where no photo was measured.
    pub fn both(latencies: &Latencies) -> (Option<Latency>, Option<Latency>) {
        let from = latencies.measured_from.words();
        let of = |summary: &LatencySummary| (summary.count > 0).then(|| Latency::of(summary, &from));
        (of(&latencies.upload_to_durable), of(&latencies.upload_to_row))
    }

    /// From the end of the upload until durable.
    pub fn from_put(latencies: &Latencies) -> Option<Latency> {
        let summary = &latencies.put_to_durable;
        (summary.count > 0).then(|| Latency::of(summary, "the end of its upload"))
    }

    fn of(summary: &LatencySummary, measured_from: &str) -> Latency {
        Latency {
            measured_from: measured_from.to_owned(),
            quantiles: Quantiles {
                count: summary.count,
                p50: summary.p50_ms as f64,
                p90: summary.p90_ms as f64,
                p99: summary.p99_ms as f64,
                p999: summary.p999_ms as f64,
                p9999: summary.p9999_ms as f64,
                max: summary.max_ms as f64,
            },
            curve: summary.curve.iter().map(|point| (point.quantile, point.ms as f64)).collect(),
        }
    }
}

impl Flow {
    /// Photos over time; nothing where no photo was measured.
    pub fn of(latencies: &Latencies, began_at: Timestamp) -> Option<Flow> {
        let series = &latencies.by_second;
        let begins_at: Timestamp = series.begins_at.as_deref()?.parse().ok()?;
        Some(Flow {
            begins: begins_at.duration_since(began_at).as_secs_f64(),
            step: series.seconds_per_step.max(1) as f64,
            due: series.due.clone(),
            durable: series.durable.clone(),
            loaded: series.loaded.clone(),
        })
    }
}
