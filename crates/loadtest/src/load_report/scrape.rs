//! `/metrics` text read back: counters as a map, and quantiles out of the buckets of a histogram.

use std::collections::BTreeMap;

/// Counters by their full name, labels included, as the text has them.
pub type Counters = BTreeMap<String, f64>;

/// Families that the report needs. The others are left out, so that what is kept of a run stays small.
const WANTED: &[&str] = &[
    "scanmill_stage_seconds_",
    "scanmill_batches_sealed_total",
    "scanmill_batch_",
    "scanmill_loads_total",
    "scanmill_errors_total",
    "scanmill_messages_redelivered_total",
    "scanmill_photos_retried_total",
    "scanmill_pipeline_restarts_total",
];

/// The wanted counters of a text in Prometheus' format. Lines that are none are passed over.
pub fn counters(text: &str) -> Counters {
    text.lines()
        .filter(|line| WANTED.iter().any(|wanted| line.starts_with(wanted)))
        .filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            let value: f64 = value.parse().ok()?;
            value.is_finite().then(|| (name.trim().to_owned(), value))
        })
        .collect()
}

/// The value of a label in a full name.
pub fn label<'a>(name: &'a str, label: &str) -> Option<&'a str> {
    let (_, inside) = name.split_once('{')?;
    inside.trim_end_matches('}').split(',').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == label).then(|| value.trim_matches('"'))
    })
}

/// A histogram: how many observations were at most each bound.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Upper bound and count up to it, rising; without the endless bucket.
    pub buckets: Vec<(f64, f64)>,
    /// All observations.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
}

impl Histogram {
    /// The histogram `family` where `label` is `value`.
    pub fn of(counters: &Counters, family: &str, label_name: &str, value: &str) -> Histogram {
        let mut found = Histogram::default();
        for (name, amount) in counters {
            let Some(rest) = name.strip_prefix(family) else { continue };
            if label(name, label_name) != Some(value) {
                continue;
            }
            if rest.starts_with("_sum") {
                found.sum = *amount;
            } else if rest.starts_with("_count") {
                found.count = *amount;
            } else if let Some(bound) = label(name, "le").and_then(|bound| bound.parse::<f64>().ok())
                && bound.is_finite()
            {
                found.buckets.push((bound, *amount));
            }
        }
        found.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        found
    }

    /// Mean of the observations; 0 without any.
    pub fn mean(&self) -> f64 {
        if self.count > 0.0 { self.sum / self.count } else { 0.0 }
    }

    /// The quantile, taking the observations of a bucket as spread evenly in it. Past the last bound nothing is known,
    /// so it is that bound.
    pub fn quantile(&self, quantile: f64) -> f64 {
        let rank = quantile * self.count;
        let (mut low, mut below) = (0.0, 0.0);
        for (bound, up_to) in &self.buckets {
            if *up_to >= rank && *up_to > below {
                return low + (bound - low) * ((rank - below) / (up_to - below)).clamp(0.0, 1.0);
            }
            (low, below) = (*bound, *up_to);
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# HELP scanmill_stage_seconds Time
scanmill_stage_seconds_bucket{stage=\"fetch\",le=\"0.1\"} 50
scanmill_stage_seconds_bucket{stage=\"fetch\",le=\"0.2\"} 90
scanmill_stage_seconds_bucket{stage=\"fetch\",le=\"1\"} 98
scanmill_stage_seconds_bucket{stage=\"fetch\",le=\"+Inf\"} 100
scanmill_stage_seconds_sum{stage=\"fetch\"} 20
scanmill_stage_seconds_count{stage=\"fetch\"} 100
scanmill_stage_seconds_count{stage=\"load\"} 3
scanmill_rung_runs_total{rung=\"native_800\"} 5
scanmill_errors_total{class=\"transient\"} NaN
scanmill_loads_total{result=\"ok\"} 7
scanmill_loads_total{result=\"failed\"} seven
";

    #[test]
    fn reads_back_what_it_needs() {
        let counters = counters(TEXT);
        assert_eq!(counters.len(), 8, "{counters:?}");
        assert_eq!(counters["scanmill_loads_total{result=\"ok\"}"], 7.0);
        assert_eq!(label("a{x=\"1\",le=\"+Inf\"}", "le"), Some("+Inf"));
        assert_eq!(label("a{x=\"1\"}", "le"), None);
        assert_eq!(label("a", "le"), None);
    }

    #[test]
    fn quantiles_lie_within_their_bucket() {
        let fetch = Histogram::of(&counters(TEXT), "scanmill_stage_seconds", "stage", "fetch");
        assert_eq!((fetch.count, fetch.mean()), (100.0, 0.2));
        for (quantile, expected) in [(0.0, 0.0), (0.25, 0.05), (0.5, 0.1), (0.7, 0.15), (0.94, 0.6), (0.999, 1.0)] {
            assert!((fetch.quantile(quantile) - expected).abs() < 1e-9, "{quantile}: {}", fetch.quantile(quantile));
        }
        assert_eq!(Histogram::default().quantile(0.5), 0.0);
        assert_eq!(Histogram::default().mean(), 0.0);
    }
}
