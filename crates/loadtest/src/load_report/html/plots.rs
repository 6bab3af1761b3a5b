//! The plots of a report.

use super::super::LoadReport;
use super::super::format::{millis, number};
use super::super::measured::{Latency, PumpSecond};
use super::super::sample::{Sample, Use};
use super::plot::{Axis, AxisScale, Plot, PlotLine};

/// One mebibyte.
const MIB: f64 = 1_048_576.0;

/// All plots, in order; those of `old` are laid over where it has them.
pub(super) fn all(report: &LoadReport, old: Option<&LoadReport>) -> String {
    let time = Time::of(report);
    let plots = [
        rate(report, old, &time),
        queue(report, &time),
        latency_curve(report, old),
        lag(report, &time),
        stage_use(report, &time, "fetches", "Fetches", |sample| sample.fetch),
        stage_use(report, &time, "decodes", "Decodes", |sample| sample.decode),
        heic(report, &time),
        cpu(report, &time),
        memory(report, &time),
    ];
    plots.into_iter().flatten().map(|plot| plot.figure()).collect()
}

/// The axis of time: seconds, or minutes of a long run.
struct Time {
    seconds: f64,
    label: &'static str,
    /// What rates are averaged over: batches are sealed every few seconds, and single seconds would only show that.
    window: f64,
}

impl Time {
    fn of(report: &LoadReport) -> Time {
        let samples = report.engine.as_ref().and_then(|engine| engine.samples.last()).map_or(0.0, |sample| sample.at);
        let length = samples.max(report.pump.seconds);
        let (seconds, label) = if length > 900.0 { (60.0, "minutes") } else { (1.0, "seconds") };
        Time { seconds, label, window: (length / 40.0).max(4.0) }
    }

    fn axis(&self) -> Axis {
        Axis::linear(self.label)
    }

    fn at(&self, second: f64) -> f64 {
        second / self.seconds
    }
}

fn samples(report: &LoadReport) -> &[Sample] {
    report.engine.as_ref().map_or(&[], |engine| &engine.samples)
}

/// What `value` of each sample is, over time.
fn line(report: &LoadReport, time: &Time, value: impl Fn(&Sample) -> f64) -> Vec<(f64, f64)> {
    samples(report).iter().map(|sample| (time.at(sample.at), value(sample))).collect()
}

/// The growth of `total` a second, averaged over the window around each point.
fn growth(time: &Time, total: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (total.first(), total.last()) else { return Vec::new() };
    let half = time.window / 2.0;
    let rate = |at: f64| {
        let (from, to) = ((at - half).max(first.0), (at + half).min(last.0));
        (to > from).then(|| (time.at(at), (value_at(total, to) - value_at(total, from)) / (to - from)))
    };
    total.iter().filter_map(|(at, _)| rate(*at)).collect()
}

/// The value at a moment, on the straight line between its neighbours.
fn value_at(points: &[(f64, f64)], at: f64) -> f64 {
    let next = points.partition_point(|point| point.0 < at);
    match (next.checked_sub(1).and_then(|before| points.get(before)), points.get(next)) {
        (Some(before), Some(after)) => {
            before.1 + (after.1 - before.1) * (at - before.0) / (after.0 - before.0).max(1e-9)
        }
        (Some(only), None) | (None, Some(only)) => only.1,
        (None, None) => 0.0,
    }
}

/// Photos so far, by what each second had.
fn running(series: &[PumpSecond], of: impl Fn(&PumpSecond) -> f64) -> Vec<(f64, f64)> {
    let mut sum = 0.0;
    let sums = series.iter().map(|second| {
        sum += of(second);
        (second.at, sum)
    });
    std::iter::once((0.0, 0.0)).chain(sums).collect()
}

fn rate(report: &LoadReport, old: Option<&LoadReport>, time: &Time) -> Option<Plot> {
    let mut lines = Vec::new();
    let pump = &report.pump;
    if let Some(pace) = &pump.pace {
        let due = growth(time, &running(&pump.series, |second| second.due));
        let flat = vec![(0.0, pace.asked_per_second), (time.at(pump.seconds), pace.asked_per_second)];
        lines.push(PlotLine::new("asked", 'e', if due.len() > 1 { due } else { flat }).dashed());
    }
    lines.push(PlotLine::new("put", 'b', growth(time, &running(&pump.series, |second| second.put))));
    lines.push(PlotLine::new("durable", 'a', durable(report, time)));
    match &report.flow {
        Some(flow) => lines.push(PlotLine::new("loaded", 'c', growth(time, &flow.running(&flow.loaded)))),
        None => {
            let rows: Vec<_> = samples(report).iter().map(|sample| (sample.at, sample.rows_loaded as f64)).collect();
            lines.push(PlotLine::new("loaded (rows)", 'c', growth(time, &rows)));
        }
    }
    if let Some(old) = old {
        lines.push(PlotLine::new("durable, before", 'a', durable(old, time)).dashed());
    }
    Some(Plot {
        id: "rate",
        title: "Rate".into(),
        about: format!("Each point is the mean of the {} s around it.", number(time.window)),
        x: time.axis(),
        y: Axis::linear("photos/s"),
        lines,
    })
}

/// Photos durable a second: by the rows, else by the engine's own count.
fn durable(report: &LoadReport, time: &Time) -> Vec<(f64, f64)> {
    match &report.flow {
        Some(flow) => growth(time, &flow.running(&flow.durable)),
        None => {
            let photos: Vec<_> = samples(report).iter().map(|sample| (sample.at, sample.photos as f64)).collect();
            growth(time, &photos)
        }
    }
}

fn queue(report: &LoadReport, time: &Time) -> Option<Plot> {
    Some(Plot {
        id: "queue",
        title: "Queue".into(),
        about: "Messages that wait, and those received whose rows are not durable yet.".into(),
        x: time.axis(),
        y: Axis::linear("messages"),
        lines: vec![
            PlotLine::new("waiting", 'b', line(report, time, |sample| sample.ready as f64)),
            PlotLine::new("in flight", 'a', line(report, time, |sample| sample.in_flight as f64)),
        ],
    })
}

fn latency_curve(report: &LoadReport, old: Option<&LoadReport>) -> Option<Plot> {
    let curve = |latency: &Option<Latency>| -> Vec<(f64, f64)> {
        let Some(latency) = latency else { return Vec::new() };
        // The longest of n stands where the next of n more would be.
        let end = (latency.quantiles.count.max(1) as f64 * 2.0).log10();
        let place = |quantile: f64| if quantile < 1.0 { -(1.0 - quantile).log10() } else { f64::MAX };
        latency.curve.iter().map(|(quantile, ms)| (place(*quantile).min(end), *ms)).collect()
    };
    let mut lines = vec![
        PlotLine::new("until durable", 'a', curve(&report.durable)),
        PlotLine::new("until row", 'c', curve(&report.row)),
    ];
    if let Some(old) = old {
        lines.push(PlotLine::new("to durable, before", 'a', curve(&old.durable)).dashed());
        lines.push(PlotLine::new("to row, before", 'c', curve(&old.row)).dashed());
    }
    let from = report.durable.as_ref().or(report.row.as_ref())?.measured_from.clone();
    let ticks = [
        (0.0, "0"),
        (std::f64::consts::LOG10_2, "50"),
        (1.0, "90"),
        (2.0, "99"),
        (3.0, "99.9"),
        (4.0, "99.99"),
        (5.0, "99.999"),
    ];
    Some(Plot {
        id: "latency",
        title: "Latency by percentile".into(),
        about: format!(
            "Measured from {from}. The axis stretches the slow end: each step to the right is ten times rarer."
        ),
        x: Axis {
            ticks: Some(ticks.map(|(at, label)| (at, label.to_owned())).into()),
            ..Axis::linear("percent of photos, log of 1/(1−q)")
        },
        y: Axis { scale: AxisScale::Log, show: millis, ..Axis::linear("until durable, until in the warehouse") },
        lines,
    })
}

/// How far behind each part is: the time from when the n-th photo was due until n photos had come through. Exact where
/// photos do not overtake one another.
fn lag(report: &LoadReport, time: &Time) -> Option<Plot> {
    let flow = report.flow.as_ref()?;
    let due = flow.running(&flow.due);
    let behind = |counts: &[u64]| lags(&due, &flow.running(counts), time);
    Some(Plot {
        id: "lag",
        title: "Lag over time".into(),
        about: format!("From when a photo was due until as many were through; to {} s.", number(flow.step)),
        x: time.axis(),
        y: Axis::linear("seconds behind"),
        lines: vec![
            PlotLine::new("durable", 'a', behind(&flow.durable)),
            PlotLine::new("in the warehouse", 'c', behind(&flow.loaded)),
        ],
    })
}

/// The horizontal distance of two running sums, at the steps of the first.
fn lags(due: &[(f64, f64)], done: &[(f64, f64)], time: &Time) -> Vec<(f64, f64)> {
    let mut next = done.iter().zip(done.iter().skip(1)).peekable();
    let mut points = Vec::new();
    let due_then = due.iter().zip(due.iter().skip(1)).filter(|(before, after)| after.1 > before.1);
    for (_, (at, photos)) in due_then {
        while next.peek().is_some_and(|(_, to)| to.1 < *photos) {
            next.next();
        }
        let Some((from, to)) = next.peek() else { break };
        let part = if to.1 > from.1 { ((photos - from.1) / (to.1 - from.1)).clamp(0.0, 1.0) } else { 1.0 };
        points.push((time.at(*at), (from.0 + part * (to.0 - from.0) - at).max(0.0)));
    }
    points
}

fn stage_use(report: &LoadReport, time: &Time, id: &'static str, title: &str, of: fn(&Sample) -> Use) -> Option<Plot> {
    Some(Plot {
        id,
        title: format!("{title} at once"),
        about: "The limit the autoscaler chose, and how much of it was in use.".into(),
        x: time.axis(),
        y: Axis::linear("photos"),
        lines: vec![
            PlotLine::new("limit", 'e', line(report, time, |sample| of(sample).limit as f64)).dashed().stairs(),
            PlotLine::new("in use", 'a', line(report, time, |sample| of(sample).used as f64)),
            PlotLine::new("waiting", 'b', line(report, time, |sample| of(sample).waiting as f64)),
        ],
    })
}

/// Only where there was a HEIC photo.
fn heic(report: &LoadReport, time: &Time) -> Option<Plot> {
    let was_used = samples(report).iter().any(|sample| sample.heic.used > 0);
    if was_used { stage_use(report, time, "heic", "HEIC decodes", |sample| sample.heic) } else { None }
}

fn cpu(report: &LoadReport, time: &Time) -> Option<Plot> {
    let seen = samples(report);
    let total = |value: fn(&Sample) -> Option<f64>| -> Vec<(f64, f64)> {
        let points: Vec<_> = seen.iter().filter_map(|sample| Some((sample.at, value(sample)?))).collect();
        growth(time, &points)
    };
    let cores = report.ran.host_cores as f64;
    let end = seen.last()?.at;
    Some(Plot {
        id: "cpu",
        title: "CPU".into(),
        about: "Cores in use: the engine, its decoder, and everything on the machine.".into(),
        x: time.axis(),
        y: Axis::linear("cores"),
        lines: vec![
            PlotLine::new("there are", 'e', vec![(0.0, cores), (time.at(end), cores)]).dashed(),
            PlotLine::new("whole machine", 'd', total(|sample| sample.machine_cpu_seconds)),
            PlotLine::new("engine", 'a', total(|sample| Some(sample.cpu_seconds))),
            PlotLine::new("decoder", 'c', total(|sample| Some(sample.decode_cpu_seconds))),
        ],
    })
}

fn memory(report: &LoadReport, time: &Time) -> Option<Plot> {
    let mib = |value: u64| value as f64 / MIB;
    Some(Plot {
        id: "memory",
        title: "Memory".into(),
        about: "Resident memory of the engine, and what its two budgets had given out.".into(),
        x: time.axis(),
        y: Axis::linear("MiB"),
        lines: vec![
            PlotLine::new("resident", 'a', line(report, time, |sample| mib(sample.resident_bytes))),
            PlotLine::new("pixels", 'c', line(report, time, |sample| mib(sample.decode_bytes.used))),
            PlotLine::new("files", 'b', line(report, time, |sample| mib(sample.fetched_bytes.used))),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::measured::Flow;
    use super::*;

    #[test]
    fn a_rate_is_averaged_and_no_photo_counts_twice() {
        let time = Time { seconds: 1.0, label: "seconds", window: 4.0 };
        // 20 photos every two seconds, as batches are sealed.
        let total: Vec<(f64, f64)> = (0..20).map(|second| (f64::from(second), f64::from(second / 2) * 20.0)).collect();
        let rates = growth(&time, &total);
        assert_eq!(rates.len(), total.len());
        assert!(rates[3..17].iter().all(|(_, rate)| (9.9..=10.1).contains(rate)), "{rates:?}");
        assert!(growth(&time, &[(0.0, 1.0)]).is_empty());
    }

    #[test]
    fn the_lag_is_the_distance_between_two_sums() {
        let time = Time { seconds: 1.0, label: "seconds", window: 4.0 };
        let flow = |counts: &[u64]| Flow { step: 1.0, ..Flow::default() }.running(counts);
        let lag = lags(&flow(&[10, 10, 10]), &flow(&[0, 0, 10, 10, 5, 5]), &time);
        assert_eq!(lag, [(1.0, 2.0), (2.0, 2.0), (3.0, 3.0)]);
        assert_eq!(lags(&flow(&[10, 10]), &flow(&[0, 10, 0]), &time), [(1.0, 1.0)], "what never came has no lag");
    }
}
