//! A made-up run: an engine that answers as the real one does, with figures chosen by each test.

use std::fmt::Write as _;

use scanmill::config::Settings;
use scanmill::pump::load_report::measured::{
    Flow, Latency, PumpSecond, PumpSide, Quantiles, RunSummary, ScheduleResult, VerdictSide,
};
use scanmill::pump::load_report::watch::{EngineSide, Watch};
use scanmill::pump::load_report::{EngineSettings, LoadReport, Parts};
use serde_json::{Value, json};

/// Limit, used and waiting.
pub type Budget = (u64, u64, u64);

/// An engine, second by second.
#[derive(Clone)]
pub struct Engine {
    pub seconds: u64,
    /// Photos a second, and until when.
    pub rate: u64,
    pub ready: u64,
    pub cpu_per_second: f64,
    pub machine_per_second: f64,
    pub fetch: Budget,
    pub decode: Budget,
    pub heic: Budget,
    pub messages: Budget,
    pub fetched_bytes: Budget,
    pub decode_bytes: Budget,
    /// Mean seconds in queue_wait, fetch, decode_wait, decode and batch_wait.
    pub means: [f64; 5],
    /// Seconds of loading after the last photo was durable.
    pub load_lag: u64,
}

impl Default for Engine {
    fn default() -> Self {
        Engine {
            seconds: 20,
            rate: 50,
            ready: 1_000,
            cpu_per_second: 0.5,
            machine_per_second: 0.8,
            fetch: (8, 2, 0),
            decode: (4, 1, 0),
            heic: (1, 0, 0),
            messages: (2_000, 200, 0),
            fetched_bytes: (64 << 20, 1 << 20, 0),
            decode_bytes: (256 << 20, 8 << 20, 0),
            means: [0.8, 0.005, 0.2, 0.01, 1.0],
            load_lag: 1,
        }
    }
}

const STAGES: [&str; 5] = ["queue_wait", "fetch", "decode_wait", "decode", "batch_wait"];

impl Engine {
    /// `/state` at this second.
    pub fn state(&self, second: u64) -> Value {
        let photos = self.photos(second);
        let busy = second < self.seconds;
        let budget = |(limit, used, waiting): Budget| {
            let (used, waiting) = if busy { (used, waiting) } else { (0, 0) };
            json!({ "limit": limit, "used": used, "waiting": waiting, "high_water": used })
        };
        let loaded = self.photos(second.saturating_sub(self.load_lag));
        json!({
            "engine": { "version": "0.1.0", "uptime_seconds": second + 5, "phase": "running" },
            "actors": {
                "decoder_pool": { "threads": 2 },
                "loader": { "batches_to_load": u64::from(loaded < photos), "scans": loaded, "rejections": 0 },
            },
            "budgets": {
                "fetches": budget(self.fetch),
                "decodes": budget(self.decode),
                "heic_decodes": budget(self.heic),
                "messages_in_flight": budget(self.messages),
                "fetched_bytes": budget(self.fetched_bytes),
                "decode_bytes": budget(self.decode_bytes),
            },
            "process": {
                "pid": 7,
                "cpu_seconds": 1.0 + self.cpu_per_second * second as f64,
                "resident_bytes": 40_000_000 + photos * 1_000,
            },
            "queue": { "ready": if busy { self.ready } else { 0 }, "in_flight": if busy { 100 } else { 0 }, "dead": 0 },
            "totals": { "photos": photos, "decode_cpu_seconds": self.cpu_per_second * 0.8 * second as f64 },
            "stages": {},
        })
    }

    /// `/metrics` at this second.
    pub fn metrics(&self, second: u64) -> String {
        let photos = self.photos(second);
        let mut text = String::new();
        for (stage, mean) in STAGES.iter().zip(self.means) {
            for bound in [0.001, 0.01, 0.1, 1.0, 10.0] {
                let up_to = if bound >= mean { photos } else { 0 };
                let _ = writeln!(text, "scanmill_stage_seconds_bucket{{stage=\"{stage}\",le=\"{bound}\"}} {up_to}");
            }
            let _ = writeln!(text, "scanmill_stage_seconds_sum{{stage=\"{stage}\"}} {}", mean * photos as f64);
            let _ = writeln!(text, "scanmill_stage_seconds_count{{stage=\"{stage}\"}} {photos}");
        }
        let _ = writeln!(text, "scanmill_stage_seconds_sum{{stage=\"load\"}} {}", second as f64 * 0.01);
        let _ = writeln!(text, "scanmill_stage_seconds_count{{stage=\"load\"}} {}", second / 2);
        let _ = writeln!(text, "scanmill_batches_sealed_total{{cause=\"age\"}} {}", second / 2);
        let _ = writeln!(text, "scanmill_batch_bytes_total {}", photos * 150);
        let _ = writeln!(text, "scanmill_loads_total{{result=\"ok\"}} {}", second / 2);
        text
    }

    fn photos(&self, second: u64) -> u64 {
        self.rate * second.min(self.seconds)
    }

    /// One look at it.
    pub fn look(&self, watch: &mut Watch, second: u64) {
        let machine = 1_000.0 + self.machine_per_second * second as f64;
        watch.look(second as f64, &self.state(second), &self.metrics(second), Some(machine));
    }

    /// All its looks.
    pub fn watched(&self) -> EngineSide {
        let mut watch = Watch::default();
        for second in 0..=self.seconds + self.load_lag + 1 {
            self.look(&mut watch, second);
        }
        watch.end().unwrap()
    }
}

/// A pump that put `rate` photos a second for the engine's time.
pub fn pump(engine: &Engine, asked: Option<f64>) -> PumpSide {
    let put = engine.rate as f64;
    let photos = engine.rate * engine.seconds;
    let pace = asked.map(|asked| ScheduleResult {
        asked: format!("{asked}/s"),
        asked_per_second: asked,
        achieved_per_second: put,
        held: put >= asked * 0.99,
        limit: None,
    });
    let second = |second: u64| PumpSecond { at: second as f64 + 1.0, due: asked.unwrap_or(put), put };
    PumpSide {
        photos,
        complete: true,
        bytes: photos * 90_000,
        seconds: engine.seconds as f64,
        pace,
        put_per_second: put,
        makers: 1,
        make_cpu_seconds: engine.seconds as f64 * 0.2,
        cpu_seconds: engine.seconds as f64 * 0.25,
        lateness: None,
        put_time: Some(quantiles(photos, 1.0)),
        series: (0..engine.seconds).map(second).collect(),
    }
}

pub fn quantiles(count: u64, scale: f64) -> Quantiles {
    let [p50, p90, p99, p999, p9999, max] = [1.0, 2.0, 4.0, 7.0, 9.0, 12.0].map(|ms| ms * scale);
    Quantiles { count, p50, p90, p99, p999, p9999, max }
}

fn latency(count: u64, scale: f64) -> Latency {
    let curve = [(0.0, 0.4), (0.5, 1.0), (0.9, 2.0), (0.99, 4.0), (0.999, 7.0), (1.0, 12.0)];
    Latency {
        measured_from: "when it was due".into(),
        quantiles: quantiles(count, scale),
        curve: curve.map(|(quantile, ms)| (quantile, ms * scale)).into(),
    }
}

pub fn ran(engine: &Engine) -> RunSummary {
    RunSummary {
        began_at: "2026-03-01T12:00:00Z".parse().unwrap(),
        story: "launch".into(),
        seed: 1,
        count: engine.rate * engine.seconds,
        size: "mixed".into(),
        arrival: "as soon as possible".into(),
        ports: "SQLite queue, folder store, SQLite warehouse".into(),
        version: "0.1.0".into(),
        host_cores: 2,
    }
}

/// A report of this engine's run.
pub fn report(engine: &Engine, asked: Option<f64>) -> LoadReport {
    let photos = engine.rate * engine.seconds;
    let steps = engine.seconds as usize;
    let delayed = |by: usize| [vec![0; by], vec![engine.rate; steps]].concat();
    let parts = Parts {
        ran: ran(engine),
        pump: pump(engine, asked),
        durable: Some(latency(photos, 400.0)),
        put_to_durable: Some(latency(photos, 400.0)),
        row: Some(latency(photos, 900.0)),
        flow: Some(Flow { begins: 0.0, step: 1.0, due: delayed(0), durable: delayed(1), loaded: delayed(3) }),
        engine: Some(engine.watched()),
        loaded_seconds: Some(engine.seconds as f64 + 3.0),
        verdict: Some(VerdictSide { rows: photos, ..VerdictSide::default() }),
    };
    LoadReport::new(parts, &EngineSettings::from(&Settings::default()))
}
