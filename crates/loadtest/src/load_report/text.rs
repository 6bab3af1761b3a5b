//! The report for a terminal: compact, aligned, no colours.

use std::fmt::Write as _;

use super::LoadReport;
use super::compare::{Comparison, NOISE};
use super::cost::Component;
use super::figures::by_name;
use super::format::{bytes, dollars, millis, millis_or_dash, number};
use super::measured::Quantiles;
use scanmill_core::quantile::told;

impl LoadReport {
    /// The report as text.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        head(&mut text, self);
        latencies(&mut text, self);
        stages(&mut text, self);
        limits(&mut text, self);
        bottleneck(&mut text, self);
        costs(&mut text, self);
        for note in &self.notes {
            let _ = writeln!(text, "note: {note}");
        }
        text
    }
}

fn head(text: &mut String, report: &LoadReport) {
    let (ran, pump) = (&report.ran, &report.pump);
    let _ = writeln!(
        text,
        "Load report: story {}, seed {}, {} photos ({}, {}), {}, scanmill {}, {} cores, {}",
        ran.story,
        ran.seed,
        number(ran.count as f64),
        ran.size,
        bytes(pump.bytes as f64),
        ran.ports,
        ran.version,
        ran.host_cores,
        ran.began_at.strftime("%Y-%m-%d %H:%M:%SZ")
    );
    let asked = match &pump.pace {
        Some(pace) if pace.held => format!("asked {}/s, held", number(pace.asked_per_second)),
        Some(pace) => {
            format!("asked {}/s, NOT held: {}/s", number(pace.asked_per_second), number(pace.achieved_per_second))
        }
        None => ran.arrival.clone(),
    };
    let durable = report.engine.as_ref().and_then(|engine| engine.durable_per_second());
    let rate =
        |name: &str, rate: Option<f64>| rate.map_or_else(String::new, |rate| format!(", {name} {}/s", number(rate)));
    let _ = writeln!(
        text,
        "  rate      {asked}; put {}/s{}{}",
        number(pump.put_per_second),
        rate("durable", durable),
        rate("until all loaded", report.loaded_per_second())
    );
    if let Some(engine) = &report.engine {
        let _ = writeln!(
            text,
            "  a photo   engine {} CPU, of it decoding {}; the pump {} to make it; engine's memory at most {}",
            millis_or_dash(engine.cpu_ms()),
            millis_or_dash(engine.decode_cpu_ms()),
            millis(pump.make_cpu_ms()),
            bytes(engine.peak_resident_bytes as f64)
        );
    }
    if let Some(verdict) = &report.verdict {
        let _ = writeln!(
            text,
            "  rows      {} scans, {} rejections: {} lost, {} duplicated, {} wrong",
            number(verdict.rows as f64),
            number(verdict.rejections as f64),
            verdict.lost,
            verdict.doubled,
            verdict.wrong
        );
    }
}

fn latencies(text: &mut String, report: &LoadReport) {
    let of = |latency: &Option<super::measured::Latency>| latency.as_ref().map(|latency| latency.quantiles);
    let rows: Vec<(&str, Quantiles)> = [
        ("due to put", report.pump.lateness),
        ("put", report.pump.put_time),
        ("until durable", of(&report.durable)),
        ("until row", of(&report.row)),
    ]
    .into_iter()
    .filter_map(|(name, quantiles)| Some((name, quantiles.filter(|quantiles| quantiles.count > 0)?)))
    .collect();
    let shown = rows.iter().map(|(name, quantiles)| {
        let mut row = vec![(*name).to_owned()];
        row.extend(by_name(quantiles).map(|(_, value)| millis_or_dash(value)));
        row
    });
    table(text, &["latency", "p50", "p90", "p99", "p99.9", "p99.99", "max"], shown.collect());
    for latency in [&report.durable, &report.row].into_iter().flatten().take(1) {
        let _ = writeln!(text, "  measured from {}", latency.measured_from);
    }
    if let Some((by_key, by_histogram)) = report.p99_until_durable() {
        let apart = number(((by_histogram / by_key - 1.0).abs() * 100.0).round());
        let (by_key, by_histogram) = (millis(by_key), millis(by_histogram));
        let _ = writeln!(
            text,
            "  p99 from the end of an upload until durable: {by_key} by the answer key, {by_histogram} by the engine's \
             histogram, {apart} % apart"
        );
    }
}

fn stages(text: &mut String, report: &LoadReport) {
    let Some(engine) = &report.engine else { return };
    let known: Vec<_> = engine.stages.iter().filter(|time| time.count > 0).collect();
    let rows = known.iter().map(|time| {
        let name = time.stage.replace('_', " ");
        let quantile = |quantile, value| millis_or_dash(told(quantile, time.count, value));
        let quantiles = [quantile(0.5, time.p50), quantile(0.9, time.p90), quantile(0.99, time.p99)];
        [vec![name, number(time.count as f64), millis(time.mean)], quantiles.to_vec()].concat()
    });
    table(text, &["time in stage", "count", "mean", "p50", "p90", "p99"], rows.collect());
    if known.iter().any(|time| !time.exact) {
        text.push_str("  quantiles are interpolated within the buckets of the histogram\n");
    }
}

fn limits(text: &mut String, report: &LoadReport) {
    let Some(engine) = report.engine.as_ref().filter(|engine| !engine.limits.is_empty()) else { return };
    let rows = engine.limits.iter().map(|track| {
        let changes: Vec<String> =
            track.changes.iter().map(|(at, limit)| format!("{limit} at {} s", number(at.round()))).take(6).collect();
        let more = if track.changes.len() > 6 { ", …" } else { "" };
        vec![
            track.stage.clone(),
            track.min.to_string(),
            track.max.to_string(),
            track.last.to_string(),
            changes.join(", ") + more,
        ]
    });
    table(text, &["limit", "min", "max", "last", "<changes"], rows.collect());
}

fn bottleneck(text: &mut String, report: &LoadReport) {
    let found = &report.bottleneck;
    let _ = writeln!(text, "\nBottleneck: {}", found.title);
    let _ = writeln!(text, "  why     {}", found.evidence);
    let _ = writeln!(text, "  remedy  {}", found.remedy);
    if let Some(latency) = &found.latency {
        let _ = writeln!(text, "  latency {latency}");
    }
    let rows = report
        .ceilings
        .iter()
        .map(|ceiling| vec![ceiling.name.clone(), number(ceiling.per_second), ceiling.formula.clone()]);
    table(text, &["ceiling", "photos/s", "<from"], rows.collect());
}

fn costs(text: &mut String, report: &LoadReport) {
    let Some(costs) = &report.costs else { return };
    let mut header = vec!["$ for a million photos"];
    header.extend(costs.ways.iter().map(|way| way.name.as_str()));
    let mut rows: Vec<Vec<String>> = Component::ALL
        .iter()
        .filter(|component| costs.ways.iter().any(|way| way.of(**component) > 0.0))
        .map(|component| {
            let mut row = vec![component.as_str().to_owned()];
            row.extend(costs.ways.iter().map(|way| dollars(way.of(*component))));
            row
        })
        .collect();
    let mut sum = vec!["sum".to_owned()];
    sum.extend(costs.ways.iter().map(|way| dollars(way.usd)));
    rows.push(sum);
    table(text, &header, rows);
    for way in &costs.ways {
        for line in way.lines.iter().filter(|line| line.component == Component::Compute) {
            let _ = writeln!(text, "  {}: compute = {}", way.name, line.formula);
        }
    }
    let even = &costs.break_even;
    match even.photos_per_day {
        Some(photos) => {
            let _ = writeln!(
                text,
                "  {} pays from {} photos a day on: {}",
                costs.prices.instance,
                number(photos.round()),
                even.formula
            );
        }
        None => {
            let _ = writeln!(text, "  {} never pays: {}", costs.prices.instance, even.formula);
        }
    }
    text.push_str("  every formula and price is in the HTML page and the JSON; change them under [cost]\n");
}

/// Lines in columns: the first to the left, the others to the right unless their title begins with `<`.
fn table(text: &mut String, header: &[&str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let titles = header.iter().map(|title| title.trim_start_matches('<').to_owned()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(titles).chain(rows).collect();
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    text.push('\n');
    for line in &lines {
        let mut shown = String::new();
        for (column, cell) in line.iter().enumerate() {
            let fill = " ".repeat(width(column).unwrap_or(0).saturating_sub(cell.chars().count()));
            let is_left = column == 0 || header.get(column).is_some_and(|title| title.starts_with('<'));
            let gap = if column == 0 { "" } else { "  " };
            shown.push_str(&if is_left { format!("{gap}{cell}{fill}") } else { format!("{gap}{fill}{cell}") });
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
}

impl Comparison {
    /// The comparison as text.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for warning in &self.warnings {
            let _ = writeln!(text, "note: {warning}");
        }
        let rows = self.changes.iter().map(|change| {
            vec![
                format!("{}: {}", change.group, change.name),
                change.unit.show(change.old),
                change.unit.show(change.new),
                change.shown(),
                change.meaning.as_str().to_owned(),
            ]
        });
        table(&mut text, &["figure", "before", "now", "change", "<"], rows.collect());
        let _ = writeln!(
            text,
            "Differences under {} % mean little on a machine that does other things too; repeat a run to know its noise.",
            number(NOISE * 100.0)
        );
        text
    }
}
