//! Samples: what the engine counted during the run, whatever happened to it meanwhile.

use scanmill::pump::load_report::watch::Watch;
use serde_json::{Value, json};

use super::scene::{self, Engine};

#[test]
fn counts_what_was_done_during_the_run_alone() {
    let engine = Engine::default();
    let mut watch = Watch::default();
    // It is found after it had worked for 5 seconds.
    for second in 5..=22 {
        engine.look(&mut watch, second);
    }
    let side = watch.end().unwrap();
    assert!(!side.was_fresh);
    assert_eq!((side.photos, side.rows_loaded), (15 * 50, 16 * 50));
    assert!((side.cpu_seconds - 17.0 * 0.5).abs() < 1e-9);
    assert_eq!(side.busy, Some((5.0, 20.0)));
    assert_eq!(side.durable_per_second(), Some(50.0));
    let fetch = side.stages.iter().find(|time| time.stage == "fetch").unwrap();
    assert_eq!((fetch.count, fetch.exact), (750, false));
    assert!((fetch.mean - 5.0).abs() < 1e-6, "{fetch:?}");
    assert!(fetch.p50 > 1.0 && fetch.p50 <= 10.0 && fetch.p50 <= fetch.p90 && fetch.p90 <= fetch.p99);
    assert_eq!(side.samples[0].cpu_seconds, 0.0);
}

#[test]
fn the_engines_own_quantiles_are_taken_when_it_was_fresh() {
    let engine = Engine::default();
    let mut watch = Watch::default();
    for second in 0..=21 {
        let mut state = engine.state(second);
        state["stages"] = json!({ "fetch": { "count": 1, "p50_ms": 4.5, "p90_ms": 6.5, "p99_ms": 8.5 } });
        watch.look(second as f64, &state, &engine.metrics(second), None);
    }
    let side = watch.end().unwrap();
    let fetch = side.stages.iter().find(|time| time.stage == "fetch").unwrap();
    assert_eq!((fetch.p50, fetch.p90, fetch.p99, fetch.exact), (4.5, 6.5, 8.5, true));
    assert!(side.was_fresh);
}

#[test]
fn a_restart_is_told_and_nothing_becomes_negative() {
    let engine = Engine::default();
    let mut watch = Watch::default();
    for second in 0..10 {
        engine.look(&mut watch, second);
    }
    watch.missed();
    watch.missed();
    // A new process: another id, everything from zero. It did 2 seconds' work before it was seen.
    for second in 2..12 {
        let mut state = engine.state(second);
        state["process"]["pid"] = json!(8);
        state["engine"]["uptime_seconds"] = json!(second);
        watch.look(10.0 + second as f64, &state, &engine.metrics(second), None);
    }
    let side = watch.end().unwrap();
    assert_eq!((side.process_changes, side.looks_missed), (1, 2));
    assert_eq!(side.photos, 9 * 50 + 11 * 50);
    assert!(
        side.samples
            .windows(2)
            .all(|pair| pair[0].photos <= pair[1].photos && pair[0].cpu_seconds <= pair[1].cpu_seconds)
    );
    let mut report = scene::report(&engine, None);
    report = scanmill::pump::load_report::LoadReport::new(
        scanmill::pump::load_report::Parts {
            ran: report.ran,
            pump: report.pump,
            durable: None,
            put_to_durable: None,
            row: None,
            flow: None,
            engine: Some(side),
            loaded_seconds: None,
            verdict: None,
        },
        &scanmill::pump::load_report::EngineSettings::from(&scanmill::config::Settings::default()),
    );
    assert!(report.notes.iter().any(|note| note.contains("counted from zero again, 1 times")), "{:?}", report.notes);
    assert!(report.notes.iter().any(|note| note.contains("2 requests to the engine")), "{:?}", report.notes);
}

#[test]
fn an_engine_that_is_older_than_the_run_brings_nothing_from_before() {
    let engine = Engine::default();
    let mut watch = Watch::default();
    for second in 0..5 {
        engine.look(&mut watch, second);
    }
    let mut older = engine.state(18);
    older["process"]["pid"] = json!(99);
    older["engine"]["uptime_seconds"] = json!(5_000);
    watch.look(5.0, &older, &engine.metrics(18), None);
    let mut later = engine.state(19);
    later["process"]["pid"] = json!(99);
    later["engine"]["uptime_seconds"] = json!(5_001);
    watch.look(6.0, &later, &engine.metrics(19), None);
    let side = watch.end().unwrap();
    assert_eq!((side.photos, side.process_changes), (4 * 50 + 50, 1));
}

#[test]
fn answers_with_nothing_in_them_are_no_fault() {
    let mut watch = Watch::default();
    watch.missed();
    assert_eq!(Watch::default().end(), None);
    watch.look(0.0, &Value::Null, "", None);
    watch.look(1.0, &json!({ "process": "?", "totals": [], "budgets": 3 }), "scanmill_loads_total{ x", None);
    let side = watch.end().unwrap();
    assert_eq!((side.photos, side.busy, side.looks_missed), (0, None, 0));
    assert!(side.limits.is_empty());
}

#[test]
fn a_long_run_keeps_a_bounded_number_of_samples() {
    let engine = Engine { seconds: 5_000, ..Engine::default() };
    let side = engine.watched();
    assert!((600..=1_201).contains(&side.samples.len()), "{}", side.samples.len());
    assert_eq!(side.samples.last().unwrap().at, 5_002.0);
    assert_eq!(side.photos, 250_000);
}

#[test]
fn time_can_begin_later_than_the_looks() {
    let mut side = Engine::default().watched();
    side.count_time_from(3.5);
    assert_eq!(side.samples[0].at, 0.0);
    assert_eq!(side.samples[1].at, 0.5);
    assert_eq!(side.busy, Some((0.0, 16.5)));
    assert_eq!(side.limits[0].changes[0].0, 0.0);
}

#[test]
fn limits_are_followed() {
    let mut watch = Watch::default();
    for (second, limit) in [2, 2, 8, 8, 5].into_iter().enumerate() {
        let engine = Engine { fetch: (limit, 1, 0), ..Engine::default() };
        engine.look(&mut watch, second as u64);
    }
    let side = watch.end().unwrap();
    let fetch = side.limits.iter().find(|track| track.stage == "fetch").unwrap();
    assert_eq!((fetch.min, fetch.max, fetch.last), (2, 8, 5));
    assert_eq!(fetch.changes, [(0.0, 2), (2.0, 8), (4.0, 5)]);
}
