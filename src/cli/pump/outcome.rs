//! What a pump says at its end.

use std::path::PathBuf;

use serde::Serialize;

use super::reading_cost::ReadingCost;
use crate::cli::{Exit, out, verify};
use crate::diagnostics::counted;
use crate::error::Result;
use crate::pump::PumpReport;
use crate::pump::verify::Verdict;
use crate::telemetry::process;

/// The JSON object at the end. What only the engine or the warehouse knows is null where nobody waited for it.
#[derive(Debug, Serialize)]
pub(super) struct PumpResult {
    /// Photos put, or made with `--make-only`.
    pub(super) photos: u64,
    /// Scan rows in the warehouse, of these photos.
    pub(super) rows: Option<u64>,
    /// Rejection rows there.
    pub(super) rejections: Option<u64>,
    pub(super) lost: Option<u64>,
    pub(super) doubled: Option<u64>,
    pub(super) wrong: Option<u64>,
    /// From the first put to the last, or with `--wait` until everything was loaded.
    pub(super) photos_per_second: f64,
    /// By the rows' own `decode_ms`.
    pub(super) decode_cpu_ms_per_photo: Option<f64>,
    /// CPU time of the engine process; null when it has no page (`--metrics off`) or was restarted.
    pub(super) engine_cpu_ms_per_photo: Option<f64>,
    /// Of the engine process where it is known, else of this one.
    pub(super) peak_rss_bytes: Option<u64>,
    #[serde(skip)]
    pub(super) engine_peak_rss_bytes: Option<u64>,
    pub(super) make_cpu_ms_per_photo: f64,
    /// What the engine's reader takes for a sample of them; with `--make-only`.
    pub(super) reading: Option<ReadingCost>,
    /// Null when nobody waited; false when the engine stalled or the wait was cancelled.
    pub(super) loaded: Option<bool>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) pump: PumpReport,
}

impl PumpResult {
    pub(super) fn new(pump: PumpReport, key_file: Option<PathBuf>) -> Self {
        Self {
            photos: pump.photos,
            rows: None,
            rejections: None,
            lost: None,
            doubled: None,
            wrong: None,
            photos_per_second: pump.per_second,
            decode_cpu_ms_per_photo: None,
            engine_cpu_ms_per_photo: None,
            peak_rss_bytes: None,
            engine_peak_rss_bytes: None,
            make_cpu_ms_per_photo: pump.make_cpu_ms_per_photo(),
            reading: None,
            loaded: None,
            key_file,
            pump,
        }
    }
}

/// Prints the outcome and decides the exit code.
pub(super) fn finish(json: bool, mut outcome: PumpResult, verdict: Option<Verdict>) -> Result<Exit> {
    if let Some(verdict) = &verdict {
        outcome.rows = Some(verdict.rows);
        outcome.rejections = Some(verdict.rejections);
        outcome.lost = Some(verdict.lost);
        outcome.doubled = Some(verdict.doubled);
        outcome.wrong = Some(verdict.wrong);
    }
    let own = process::memory().map(|memory| memory.peak_resident_bytes);
    outcome.peak_rss_bytes = outcome.engine_peak_rss_bytes.or(own);
    if json {
        out::print_json(&outcome)?;
    } else {
        let verdict = verdict.as_ref().map(verify::report).unwrap_or_default();
        out::print_line((summary(&outcome) + &verdict).trim_end())?;
    }
    Ok(match verdict {
        Some(verdict) if !verdict.is_clean() => Exit::Differences,
        _ if !outcome.pump.complete => Exit::Interrupted,
        _ => Exit::Success,
    })
}

/// How well an asked schedule was held.
fn pace_lines(report: &PumpReport) -> String {
    let Some(pace) = &report.pace else { return String::new() };
    let (late, durable) = (&report.late_ms, &report.durable_ms);
    format!(
        "asked for {} over {:.1} s: {}\nput began after it was due: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms; durable after it was due: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms\n",
        pace.asked,
        pace.window_seconds,
        pace.verdict,
        late.p50,
        late.p99,
        late.max,
        durable.p50,
        durable.p99,
        durable.max
    )
}

fn summary(outcome: &PumpResult) -> String {
    let pump = &outcome.pump;
    let verb = if outcome.key_file.is_some() { "put" } else { "made" };
    let mut text = format!(
        "{verb} {} ({:.1} MB) in {:.1} s: {:.1}/s, {:.2} CPU ms each to make, of which {:.2} for drawing {}\n",
        counted(pump.photos, "photo"),
        pump.bytes as f64 / 1e6,
        pump.seconds,
        pump.per_second,
        pump.make_cpu_ms_per_photo(),
        pump.draw_cpu_seconds * 1_000.0 / pump.photos.max(1) as f64,
        counted(pump.pictures_drawn, "picture"),
    );
    if let Some(reading) = &outcome.reading {
        text.push_str(&reading.summary(outcome.make_cpu_ms_per_photo));
    }
    text.push_str(&pace_lines(pump));
    let faults: Vec<String> = pump.faults.iter().map(|(fault, photos)| format!("{photos} {fault}")).collect();
    if !faults.is_empty() {
        text.push_str(&format!("injected: {}\n", faults.join(", ")));
    }
    if let Some(key_file) = &outcome.key_file {
        let kind = if pump.complete { "" } else { ", not the whole story" };
        text.push_str(&format!(
            "they must lead to {} and {}: {}{kind}\n",
            counted(pump.expected_scans, "scan"),
            counted(pump.expected_rejections, "rejection"),
            key_file.display()
        ));
    }
    text
}
