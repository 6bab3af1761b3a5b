//! What `histogram_quantile` makes of the exported buckets against the truth, for latencies as they are.

use scanmill::pump::load_report::scrape::{Histogram, counters};
use scanmill::telemetry::{Stage, names, recorder};

/// Latencies from upload to durable of a run: a wait for the batch's age, which is even up to two seconds, and fetch and
/// decode on top; some wait for a second batch, and a few for a store that was away.
fn recorded(photos: usize) -> Vec<f64> {
    let mut seconds: Vec<f64> = (0..photos)
        .map(|photo| {
            let batch = (photo * 7_919 % photos) as f64 / photos as f64 * 2.0;
            let work = 0.03 + (photo * 104_729 % 1_000) as f64 / 1_000.0 * 0.4;
            let again = if photo % 67 == 0 { 2.0 } else { 0.0 };
            let away = if photo % 2_003 == 0 { 20.0 } else { 0.0 };
            batch + work + again + away
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds
}

#[test]
fn a_quantile_of_the_histogram_is_within_a_tenth_of_the_truth() {
    recorder::install().unwrap();
    // Whole distributions at one place of the scale are the worst that buckets can meet.
    let narrow = [0.055, 0.21, 0.49, 1.01, 2.05, 2.55, 4.67, 7.9, 31.0, 62.9, 99.0];
    let mut cases = vec![(Stage::UploadToDurable, recorded(50_000))];
    let stages = Stage::ALL.into_iter().filter(|stage| *stage != Stage::UploadToDurable);
    for (stage, at) in stages.zip(narrow) {
        cases.push((stage, vec![at; 1_000]));
    }
    for (stage, seconds) in &cases {
        seconds.iter().for_each(|seconds| names::STAGE_SECONDS.observe(*stage, *seconds));
    }
    let counters = counters(&recorder::render());
    for (stage, seconds) in cases {
        let histogram = Histogram::of(&counters, "scanmill_stage_seconds", "stage", stage.as_str());
        for quantile in [0.5, 0.9, 0.99, 0.999] {
            let truth = seconds[((quantile * seconds.len() as f64).ceil() as usize).clamp(1, seconds.len()) - 1];
            let told = histogram.quantile(quantile);
            assert!((told / truth - 1.0).abs() <= 0.1, "{stage:?} p{}: {told} for {truth}", quantile * 100.0);
        }
    }
    // The thresholds of the objectives are bounds still.
    let bounds: Vec<f64> = {
        let text = recorder::render();
        let of = |line: &str| line.split("le=\"").nth(1)?.split('"').next()?.parse().ok();
        text.lines().filter(|line| line.starts_with("scanmill_stage_seconds_bucket{")).filter_map(of).collect()
    };
    for wanted in [5.0, 8.0, 63.0, 400.0] {
        assert!(bounds.contains(&wanted), "{wanted}");
    }
}
