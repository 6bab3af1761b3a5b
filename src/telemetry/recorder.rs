//! The Prometheus recorder: installed once per process, with every series present from the start.

use std::sync::{Mutex, OnceLock, PoisonError};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::names::{self, Kind};
use crate::error::{Error, Result};

/// Buckets of every histogram, in seconds: decoding takes milliseconds, a load or a backlog minutes.
const BUCKETS: [f64; 21] = [
    0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0,
    600.0, 1_800.0,
];

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
        .set_buckets_for_metric(Matcher::Prefix("scanmill_".into()), &BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| Error::bug("cannot install the metrics recorder").source(error))?;
    for metric in names::ALL {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram => metrics::describe_histogram!(metric.name, metric.help),
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
                Kind::Counter => metrics::counter!(metric.name, &labels).absolute(0),
                Kind::Gauge => metrics::gauge!(metric.name, &labels).set(0.0),
                Kind::Histogram => drop(metrics::histogram!(metric.name, &labels)),
            }
        }
    }
    let _ = HANDLE.set(handle);
    Ok(())
}

/// What `/metrics` answers. Empty before [`install`].
pub fn render() -> String {
    HANDLE.get().map(PrometheusHandle::render).unwrap_or_default()
}

/// Moves histogram samples into their buckets. Without it they pile up in memory until somebody scrapes.
pub fn upkeep() {
    if let Some(handle) = HANDLE.get() {
        handle.run_upkeep();
    }
}
