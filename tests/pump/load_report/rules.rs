//! The bottleneck, by table: what the samples show and what is named.

use scanmill::config::Settings;
use scanmill::pump::load_report::EngineSettings;
use scanmill::pump::load_report::bottleneck;
use scanmill::pump::load_report::measured::{PaceLimit, PumpSide, ScheduleResult};

use super::scene::{Engine, pump};

/// An engine that nothing waits in.
fn idle() -> Engine {
    Engine { ready: 0, means: [0.001, 0.005, 0.001, 0.01, 1.0], ..Engine::default() }
}

/// The limits of the engines in these scenes; those of this machine would follow from its cores.
fn settings() -> EngineSettings {
    let mut settings = Settings::default();
    settings.scale.max_fetches = 64;
    EngineSettings::from(&settings)
}

fn found(engine: &Engine, asked: Option<f64>) -> String {
    let bottleneck = bottleneck::find(&pump(engine, asked), Some(&engine.watched()), 2, &settings());
    assert!(!bottleneck.title.is_empty() && !bottleneck.evidence.is_empty() && !bottleneck.remedy.is_empty());
    bottleneck.what
}

#[test]
fn each_full_stage_is_named() {
    let busy = Engine::default;
    for (expected, engine) in [
        ("cpu", Engine { cpu_per_second: 1.8, machine_per_second: 2.0, ..busy() }),
        // Cores that others use are missing only where decoders want them.
        ("cpu", Engine { machine_per_second: 1.95, decode: (4, 4, 2), ..busy() }),
        ("receiving", Engine { cpu_per_second: 1.0, machine_per_second: 1.95, ..busy() }),
        ("memory", Engine { decode_bytes: (256 << 20, 250 << 20, 3), ..busy() }),
        ("heic", Engine { heic: (1, 1, 4), ..busy() }),
        ("cpu", Engine { decode: (4, 4, 2), ..busy() }),
        ("memory", Engine { fetched_bytes: (64 << 20, 64 << 20, 0), ..busy() }),
        ("store_latency", Engine { fetch: (64, 64, 1), ..busy() }),
        // Most of the time in flight is waiting for the batch.
        ("sealing", Engine { messages: (200, 200, 0), means: [0.6, 0.005, 0.1, 0.01, 2.0], ..busy() }),
        ("in_flight", Engine { messages: (200, 200, 0), means: [0.6, 3.0, 0.1, 0.01, 0.5], ..busy() }),
        ("receiving", busy()),
        ("loading", Engine { load_lag: 40, ..busy() }),
        ("loading", Engine { load_lag: 40, ..idle() }),
    ] {
        assert_eq!(found(&engine, None), expected);
    }
}

#[test]
fn the_last_full_stage_of_the_way_is_named_for_it_fills_those_before() {
    let engine = Engine {
        cpu_per_second: 1.9,
        decode: (4, 4, 2),
        fetch: (64, 64, 1),
        fetched_bytes: (64 << 20, 64 << 20, 1),
        messages: (2_000, 2_000, 1),
        ..Engine::default()
    };
    assert_eq!(found(&engine, None), "cpu");
    assert_eq!(found(&Engine { cpu_per_second: 0.5, ..engine.clone() }, None), "cpu");
    assert_eq!(found(&Engine { cpu_per_second: 0.5, decode: (4, 1, 0), ..engine }, None), "memory");
    // A limit below the most it may be is the autoscaler's choice.
    assert_eq!(found(&Engine { fetch: (8, 8, 1), ..Engine::default() }, None), "receiving");
}

#[test]
fn an_engine_that_keeps_up_is_no_bottleneck() {
    assert_eq!(found(&idle(), Some(50.0)), "kept_up");
    assert_eq!(found(&Engine { decode: (4, 4, 2), ..idle() }, Some(50.0)), "kept_up", "no photo had to wait");
    let mut slow = pump(&idle(), None);
    slow.make_cpu_seconds = slow.seconds * 0.9;
    let engine = idle().watched();
    let settings = settings();
    let what = |pump: &PumpSide| bottleneck::find(pump, Some(&engine), 2, &settings).what;
    assert_eq!(what(&slow), "pump_makers");
    slow.make_cpu_seconds = slow.seconds * 0.1;
    assert_eq!(what(&slow), "pump_puts");
    for (limit, expected) in [(PaceLimit::Makers, "pump_makers"), (PaceLimit::Store, "pump_puts")] {
        slow.pace = Some(ScheduleResult {
            asked: "500/s".into(),
            asked_per_second: 500.0,
            achieved_per_second: 50.0,
            held: false,
            limit: Some(limit),
        });
        assert_eq!(what(&slow), expected);
    }
    assert_eq!(bottleneck::find(&slow, None, 2, &settings).what, "unknown");
}

#[test]
fn ceilings_follow_their_formula() {
    let engine = Engine::default();
    let settings = settings();
    let ceilings = bottleneck::ceilings(&pump(&engine, None), Some(&engine.watched()), 2, &settings);
    let of = |name: &str| ceilings.iter().find(|ceiling| ceiling.name.contains(name)).unwrap().per_second;
    // 0.5 CPU seconds for 50 photos, and 0.8 of all there is.
    let rate = engine.watched().durable_per_second().unwrap();
    assert!((of("alone") - 2.0 * rate / 0.5).abs() < 1e-6);
    assert!((of("beside") - 2.0 * rate / 0.8).abs() < 1e-6);
    assert!((of("fetches") - 64.0 / 0.005).abs() < 1e-3);
    assert!((of("all engines") - 120_000.0 / 2.015).abs() < 1e-3);
    assert!(ceilings.is_sorted_by(|a, b| a.per_second <= b.per_second));
    assert!(bottleneck::ceilings(&pump(&engine, None), None, 2, &settings).is_empty());
}
