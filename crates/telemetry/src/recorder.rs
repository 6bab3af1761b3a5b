//! The Prometheus recorder: installed once per process, with every series present from the start.

use std::sync::{Mutex, OnceLock, PoisonError};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::handles;
use super::labels::ThisVersion;
use super::names::{self, MetricKind};
use scanmill_core::error::{Error, Result};

/// Buckets of every histogram, in seconds: decoding takes milliseconds, a load or a backlog minutes. Each is at most a
/// quarter or so above the one before, because a quantile lies anywhere between two: with 2 s and 5 s, a batch age of
/// two seconds gave a p99 of 4.67 s where 2.55 s was true.
fn buckets() -> Vec<f64> {
    // Renard's series R10 (ISO 3), rounded as it is on scales.
    const STEPS: [f64; 10] = [1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.3, 8.0];
    let decades = [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1_000.0];
    // Rounded to what a label should show: 0.00063 and not 0.0006299999.
    let bounds = decades.iter().flat_map(|decade| STEPS.map(|step| (step * decade * 1e6).round() / 1e6));
    bounds.filter(|bound| (0.000_5..=2_000.0).contains(bound)).collect()
}

/// Buckets of the times that objectives and reports go by: between 50 ms and 100 s each is at most a fourteenth above the
/// one before (R40), so that no quantile is further off than that, whatever the distribution. With [`buckets`] alone a
/// p99 may be a quarter off; all histograms with these would be three times as many series.
fn fine_buckets() -> Vec<f64> {
    const STEPS: [f64; 40] = [
        1.0, 1.06, 1.12, 1.18, 1.25, 1.32, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.12, 2.24, 2.36, 2.5, 2.65, 2.8, 3.0,
        3.2, 3.35, 3.55, 3.75, 4.0, 4.25, 4.5, 4.75, 5.0, 5.3, 5.6, 6.0, 6.3, 6.7, 7.1, 7.5, 8.0, 8.5, 9.0, 9.5,
    ];
    let bounds = [0.01, 0.1, 1.0, 10.0].iter().flat_map(|decade| STEPS.map(|step| (step * decade * 1e6).round() / 1e6));
    let mut bounds: Vec<f64> = bounds.filter(|bound| *bound >= 0.05).chain(buckets()).collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    bounds
}

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
/// Two engines of one process may start at once; the second waits until the first has installed it.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Installs the recorder (once; later calls do nothing), describes every metric and shows each of its series at zero,
/// so that a dashboard never waits for a first event.
pub fn install() -> Result<()> {
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if HANDLE.get().is_some() {
        return Ok(());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Prefix("scanmill_".into()), &buckets())
        .and_then(|builder| {
            [names::STAGE_SECONDS.name(), names::UPLOAD_TO_ROW_SECONDS.name()]
                .into_iter()
                .try_fold(builder, |builder, name| {
                    builder.set_buckets_for_metric(Matcher::Full(name.into()), &fine_buckets())
                })
        })
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| Error::bug("cannot install the metrics recorder").with_source(error))?;
    for metric in names::ALL {
        match metric.kind {
            _ if metric.is_fractional() => metrics::describe_gauge!(metric.name, metric.help),
            MetricKind::Counter => metrics::describe_counter!(metric.name, metric.help),
            MetricKind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            MetricKind::Histogram => metrics::describe_histogram!(metric.name, metric.help),
        }
        let one = [None];
        let values: Vec<Option<&'static str>> = match metric.label {
            Some(label) => label.values.iter().copied().map(Some).collect(),
            None => one.to_vec(),
        };
        for value in values {
            let labels: Vec<(&str, &str)> =
                metric.label.zip(value).map(|(label, value)| (label.name, value)).into_iter().collect();
            match metric.kind {
                _ if metric.is_fractional() => metrics::gauge!(metric.name, &labels).set(0.0),
                MetricKind::Counter => metrics::counter!(metric.name, &labels).absolute(0),
                MetricKind::Gauge => metrics::gauge!(metric.name, &labels).set(0.0),
                MetricKind::Histogram => drop(metrics::histogram!(metric.name, &labels)),
            }
        }
    }
    handles::keep();
    names::BUILD_INFO.set(ThisVersion, 1.0);
    let _ = HANDLE.set(handle);
    Ok(())
}

/// What `/metrics` answers. Empty before [`install`].
pub fn render() -> String {
    let mut text = HANDLE.get().map(PrometheusHandle::render).unwrap_or_default();
    for metric in names::ALL.iter().filter(|metric| metric.is_fractional()) {
        text = text.replace(&format!("# TYPE {} gauge\n", metric.name), &format!("# TYPE {} counter\n", metric.name));
    }
    text
}

/// Moves histogram samples into their buckets. Without it they pile up in memory until somebody scrapes.
pub fn upkeep() {
    if let Some(handle) = HANDLE.get() {
        handle.run_upkeep();
    }
}
