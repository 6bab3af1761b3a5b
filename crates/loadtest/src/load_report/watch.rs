//! The samples of a run gathered: counters added up across restarts of the engine, limits with their changes, time in
//! each stage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::sample::{Sample, Series, whole};
use super::scrape::{self, Counters, Histogram};
use scanmill_telemetry::Stage;

/// Time photos spent in one stage in this run, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// Its name in metrics.
    pub stage: String,
    /// Photos (loads, for `load`).
    pub count: u64,
    /// Mean.
    pub mean: f64,
    /// Half took no longer.
    pub p50: f64,
    /// 9 of 10.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// The same as `histogram_quantile` makes it of the metric's buckets.
    #[serde(default)]
    pub histogram_p99: f64,
    /// Whether the quantiles are the engine's own, exact to a thousandth; else they lie somewhere in a bucket of the
    /// histogram.
    pub exact: bool,
}

/// What became of a limit that the autoscaler moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitTrack {
    /// Of which stage.
    pub stage: String,
    /// The least it was.
    pub min: u64,
    /// The most it was.
    pub max: u64,
    /// What it was at the end.
    pub last: u64,
    /// `(second, limit)` of the changes seen, the first value included; of many the first ones.
    pub changes: Vec<(f64, u64)>,
}

/// Changes of a limit that are listed.
const CHANGES_LISTED: usize = 40;

/// What the engine did during the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EngineSide {
    /// Its version.
    pub version: String,
    /// Threads of its decoder pool.
    pub decode_threads: u64,
    /// Whether it had done nothing before.
    pub was_fresh: bool,
    /// Photos whose rows became durable.
    pub photos: u64,
    /// Rows it loaded.
    pub rows_loaded: u64,
    /// CPU seconds of its process.
    pub cpu_seconds: f64,
    /// CPU seconds of its decoder.
    pub decode_cpu_seconds: f64,
    /// Most resident memory seen.
    pub peak_resident_bytes: u64,
    /// First and last second between which photos became durable.
    pub busy: Option<(f64, f64)>,
    /// When the first of them were seen durable, and how many they were: a batch that had been filling for a while.
    pub first_durable: Option<(f64, u64)>,
    /// When everything was loaded.
    pub loaded_at: Option<f64>,
    /// Time in each stage.
    pub stages: Vec<StageTime>,
    /// The limits.
    pub limits: Vec<LimitTrack>,
    /// Sealed batches by what sealed them.
    pub sealed_by: BTreeMap<String, u64>,
    /// Compressed bytes of those.
    pub batch_bytes: u64,
    /// Loads that went well.
    pub loads: u64,
    /// Failed calls to queue, store and warehouse.
    pub errors: u64,
    /// Messages that came again.
    pub redelivered: u64,
    /// Restarts of the pipeline within the process.
    pub pipeline_restarts: u64,
    /// How often the process behind the page was another than before, or counted from zero again.
    pub process_changes: u64,
    /// Looks that got no answer.
    pub looks_missed: u64,
    /// The looks.
    pub samples: Vec<Sample>,
}

impl EngineSide {
    /// Sealed batches.
    pub fn batches(&self) -> u64 {
        self.sealed_by.values().sum()
    }

    /// CPU milliseconds of the process for one photo.
    pub fn cpu_ms(&self) -> Option<f64> {
        (self.photos > 0 && self.cpu_seconds > 0.0).then(|| self.cpu_seconds * 1_000.0 / self.photos as f64)
    }

    /// CPU milliseconds of the decoder for one photo.
    pub fn decode_cpu_ms(&self) -> Option<f64> {
        (self.photos > 0 && self.decode_cpu_seconds > 0.0)
            .then(|| self.decode_cpu_seconds * 1_000.0 / self.photos as f64)
    }

    /// Photos durable a second, while there were any.
    pub fn durable_per_second(&self) -> Option<f64> {
        let (from, to) = self.busy?;
        // What the first batch held was not done in the second it was sealed in.
        let later = self.first_durable.filter(|(at, photos)| to - at >= 3.0 && *photos < self.photos);
        let (from, photos) = later.map_or((from, self.photos), |(at, photos)| (at, self.photos - photos));
        (to > from).then(|| photos as f64 / (to - from))
    }

    /// Moves the beginning of time to `seconds` after the first look; earlier looks are left out.
    pub fn count_time_from(&mut self, seconds: f64) {
        let moved = |at: &mut f64| *at = (*at - seconds).max(0.0);
        // One look before the beginning stays, as what things were then.
        let early = self.samples.iter().filter(|sample| sample.at <= seconds).count();
        self.samples.drain(..early.saturating_sub(1));
        self.samples.iter_mut().for_each(|sample| moved(&mut sample.at));
        if let Some((from, to)) = &mut self.busy {
            moved(from);
            moved(to);
        }
        self.loaded_at.iter_mut().for_each(moved);
        self.first_durable.iter_mut().for_each(|(at, _)| moved(at));
        self.limits.iter_mut().flat_map(|track| &mut track.changes).for_each(|(at, _)| moved(at));
    }

    /// Time in `stage`, if any photo came through it.
    pub fn stage(&self, stage: Stage) -> Option<&StageTime> {
        self.stages.iter().find(|time| time.stage == stage.as_str() && time.count > 0)
    }
}

/// Gathers looks at the engine.
#[derive(Debug, Default)]
pub struct Watch {
    pid: u64,
    seen: Option<Counters>,
    total: Counters,
    series: Series<Sample>,
    last: Option<Sample>,
    first_rise: Option<f64>,
    last_rise: Option<f64>,
    last_load: Option<f64>,
    limits: [Option<LimitTrack>; 3],
    own_stages: Value,
    side: EngineSide,
}

/// Counters of `/state`, by the name they get among those of `/metrics`.
const STATE_COUNTERS: [(&str, &[&str]); 4] = [
    ("photos", &["totals", "photos"]),
    ("cpu", &["process", "cpu_seconds"]),
    ("decode_cpu", &["totals", "decode_cpu_seconds"]),
    ("scans_loaded", &["actors", "loader", "scans"]),
];
/// Rejections loaded: a fifth, because rows loaded are the sum of two.
const REJECTIONS_LOADED: (&str, &[&str]) = ("rejections_loaded", &["actors", "loader", "rejections"]);

impl Watch {
    /// One look, `at` seconds after the beginning: the answers of `/state` and `/metrics`, and the machine's CPU seconds
    /// since its boot.
    pub fn look(&mut self, at: f64, state: &Value, metrics: &str, machine_cpu_seconds: Option<f64>) {
        let mut now = scrape::counters(metrics);
        for (name, path) in STATE_COUNTERS.iter().chain([&REJECTIONS_LOADED]) {
            let value = path.iter().fold(state, |value, key| &value[*key]);
            now.insert((*name).to_owned(), value.as_f64().unwrap_or(0.0));
        }
        let before = self.last;
        self.add(at, state, now);
        let figure = |name: &str| self.total.get(name).copied().unwrap_or(0.0);
        let sample = Sample {
            photos: figure("photos") as u64,
            rows_loaded: (figure("scans_loaded") + figure("rejections_loaded")) as u64,
            cpu_seconds: figure("cpu"),
            decode_cpu_seconds: figure("decode_cpu"),
            machine_cpu_seconds,
            ..Sample::of_moment(at, state)
        };
        if let Some(before) = before {
            if sample.photos > before.photos {
                if self.first_rise.is_none() {
                    self.first_rise = Some(before.at);
                    self.side.first_durable = Some((at, sample.photos));
                }
                self.last_rise = Some(at);
            }
            if sample.rows_loaded > before.rows_loaded {
                self.last_load = Some(at);
            }
        }
        for (track, (stage, limit)) in self.limits.iter_mut().zip([
            ("fetch", sample.fetch.limit),
            ("decode", sample.decode.limit),
            ("heic", sample.heic.limit),
        ]) {
            follow(track, stage, at, limit);
        }
        self.side.peak_resident_bytes = self.side.peak_resident_bytes.max(sample.resident_bytes);
        if let Some(version) = state["engine"]["version"].as_str() {
            version.clone_into(&mut self.side.version);
        }
        self.side.decode_threads = whole(&state["actors"]["decoder_pool"]["threads"]).max(self.side.decode_threads);
        self.own_stages = state["stages"].clone();
        self.series.push(sample);
        self.last = Some(sample);
    }

    /// A look that got no answer.
    pub fn missed(&mut self) {
        // Before the first answer there was no engine to look at.
        self.side.looks_missed += u64::from(self.last.is_some());
    }

    /// Adds what was counted since the last look. Another process, or a counter that fell, counts from zero again.
    fn add(&mut self, at: f64, state: &Value, now: Counters) {
        let pid = whole(&state["process"]["pid"]);
        let uptime = state["engine"]["uptime_seconds"].as_f64().unwrap_or(0.0);
        let Some(seen) = &self.seen else {
            let did = |name: &str| now.get(name).copied().unwrap_or(0.0);
            self.side.was_fresh = did("photos") == 0.0 && did("scans_loaded") + did("rejections_loaded") == 0.0;
            (self.pid, self.seen) = (pid, Some(now));
            return;
        };
        let fell = now.iter().any(|(name, value)| seen.get(name).is_some_and(|before| value < before));
        let is_other = pid != self.pid || fell;
        if is_other {
            self.side.process_changes += 1;
        }
        // One that is older than the run did other work before: only what it does from now on is counted.
        let is_older = pid != self.pid && uptime > at + 1.0;
        for (name, value) in &now {
            let before = match (is_other, is_older) {
                (_, true) => *value,
                (true, false) => 0.0,
                (false, false) => seen.get(name).copied().unwrap_or(0.0),
            };
            *self.total.entry(name.clone()).or_default() += value - before;
        }
        (self.pid, self.seen) = (pid, Some(now));
    }

    /// What the engine did; nothing when it never answered.
    pub fn end(self) -> Option<EngineSide> {
        self.last?;
        let (total, mut side) = (self.total, self.side);
        let sum = |family: &str, value: Option<&str>| -> u64 {
            let of = |name: &str| name.starts_with(family) && value.is_none_or(|value| name.contains(value));
            total.iter().filter(|(name, _)| of(name)).map(|(_, amount)| *amount).sum::<f64>() as u64
        };
        let figure = |name: &str| total.get(name).copied().unwrap_or(0.0);
        side.photos = figure("photos") as u64;
        side.rows_loaded = (figure("scans_loaded") + figure("rejections_loaded")) as u64;
        (side.cpu_seconds, side.decode_cpu_seconds) = (figure("cpu"), figure("decode_cpu"));
        side.busy = self.first_rise.zip(self.last_rise);
        side.loaded_at = self.last_load;
        let own = (side.was_fresh && side.process_changes == 0).then_some(&self.own_stages);
        side.stages = Stage::ALL.iter().map(|stage| stage_time(&total, own, stage.as_str())).collect();
        side.limits = self.limits.into_iter().flatten().filter(|track| track.max > 0).collect();
        for (name, amount) in &total {
            if let Some(cause) = scrape::label(name, "cause").filter(|_| *amount > 0.0) {
                side.sealed_by.insert(cause.to_owned(), *amount as u64);
            }
        }
        side.batch_bytes = sum("scanmill_batch_bytes_total", None);
        side.loads = sum("scanmill_loads_total", Some("\"ok\""));
        side.errors = sum("scanmill_errors_total", None);
        side.redelivered = sum("scanmill_messages_redelivered_total", None);
        side.pipeline_restarts = sum("scanmill_pipeline_restarts_total", None);
        side.samples = self.series.ended_with(self.last, |a, b| a.at == b.at);
        Some(side)
    }
}

fn follow(track: &mut Option<LimitTrack>, stage: &str, at: f64, limit: u64) {
    let first =
        || LimitTrack { stage: stage.to_owned(), min: limit, max: limit, last: limit, changes: vec![(at, limit)] };
    let track = track.get_or_insert_with(first);
    if limit != track.last && track.changes.len() < CHANGES_LISTED {
        track.changes.push((at, limit));
    }
    (track.min, track.max, track.last) = (track.min.min(limit), track.max.max(limit), limit);
}

fn stage_time(total: &Counters, own: Option<&Value>, stage: &str) -> StageTime {
    let histogram = Histogram::of(total, "scanmill_stage_seconds", "stage", stage);
    let own = own.map(|stages| &stages[stage]);
    let quantile = |field: &str, quantile: f64| {
        own.and_then(|own| own[field].as_f64()).unwrap_or_else(|| histogram.quantile(quantile) * 1_000.0)
    };
    StageTime {
        stage: stage.to_owned(),
        count: histogram.count as u64,
        mean: histogram.mean() * 1_000.0,
        p50: quantile("p50_ms", 0.5),
        p90: quantile("p90_ms", 0.9),
        p99: quantile("p99_ms", 0.99),
        histogram_p99: histogram.quantile(0.99) * 1_000.0,
        exact: own.is_some_and(|own| own["p50_ms"].is_f64()),
    }
}
