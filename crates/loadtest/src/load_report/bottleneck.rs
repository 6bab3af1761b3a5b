//! What kept the run from being faster, and what to do about it: [`scanmill_scale::bottleneck`] over the whole run, and
//! where the engine kept up, what kept the pump from giving it more.

use serde::{Deserialize, Serialize};

use super::EngineSettings;
use super::format::{millis, number};
use super::measured::{PaceLimit, PumpSide, ScheduleResult};
use super::sample::{Sample, Use};
use super::watch::EngineSide;
use scanmill_scale::bottleneck as shared;
use scanmill_scale::bottleneck::Signals;
use scanmill_telemetry::Stage;

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    /// What: a stage of [`shared::Stage`].
    pub what: String,
    /// Part of the busy time in which it was full, or its own measure between 0 and 1.
    pub share: f64,
    /// The part from which on it counts as the bottleneck.
    pub counts_from: f64,
    /// In words, with the figures.
    pub says: String,
}

/// The bottleneck, named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bottleneck {
    /// What it is: a stage of [`shared::Stage`], or `unknown`, `kept_up`, `pump_makers`, `pump_puts`.
    pub what: String,
    /// In a few words.
    pub title: String,
    /// Why.
    pub evidence: String,
    /// What would help.
    pub remedy: String,
    /// Everything looked at, from the end of the way to its beginning.
    pub looked_at: Vec<Looked>,
    /// Which part of the way from upload to durable rows took longest.
    pub latency: Option<String>,
}

/// A rate that one part would allow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Of what.
    pub name: String,
    /// Photos a second.
    pub per_second: f64,
    /// The formula with its numbers.
    pub formula: String,
}

/// Messages that all receivers of one SQS queue together may have in flight.
const SQS_IN_FLIGHT: f64 = 120_000.0;

/// What only a load test can name.
enum Outside {
    /// Nobody looked at an engine.
    Unknown,
    /// The engine did what it was given as it came.
    KeptUp,
    /// The engine waited for photos to be made.
    PumpMakers,
    /// The engine waited for photos to be put.
    PumpPuts,
}

impl Outside {
    /// Name, title and remedy.
    fn words(&self) -> [&'static str; 3] {
        match self {
            Outside::Unknown => [
                "unknown",
                "not known",
                "run `scanmill run` on the same root, with its page on (metrics.listen), while the pump works",
            ],
            Outside::KeptUp => [
                "kept_up",
                "none: the engine kept up",
                "ask for more (--rate), or pump as fast as possible, to find the limit",
            ],
            Outside::PumpMakers => [
                "pump_makers",
                "the pump: making photos",
                "more --threads, a smaller --size, or further pumps on other machines: the engine has room left",
            ],
            Outside::PumpPuts => [
                "pump_puts",
                "the pump: putting photos into the store",
                "pump from more machines, or nearer to the store: the engine has room left",
            ],
        }
    }
}

/// Names the bottleneck.
pub fn find(pump: &PumpSide, engine: Option<&EngineSide>, cores: u64, settings: &EngineSettings) -> Bottleneck {
    let outside = |outside: Outside, evidence, looked_at, latency| {
        let [what, title, remedy] = outside.words().map(str::to_owned);
        Bottleneck { what, title, evidence, remedy, looked_at, latency }
    };
    let Some(engine) = engine.filter(|engine| engine.photos > 0) else {
        let evidence = "no engine with a page was seen at work".to_owned();
        return outside(Outside::Unknown, evidence, Vec::new(), None);
    };
    let latency = slowest_part(engine);
    let wait = waiting_ms(pump, engine);
    let found = shared::find(&signals(pump, engine, cores, settings));
    let looked = |looked: shared::Looked| Looked {
        what: looked.stage.as_str().into(),
        share: looked.share,
        counts_from: looked.counts_from,
        says: looked.evidence,
    };
    let looked_at = found.looked_at.into_iter().map(looked).collect();
    if found.stage == shared::Stage::QueueEmpty {
        let (what, evidence) = kept_up(pump, engine, wait, cores);
        return outside(what, evidence, looked_at, latency);
    }
    Bottleneck {
        what: found.stage.as_str().into(),
        title: found.title.into(),
        evidence: found.evidence,
        remedy: found.remedy.into(),
        looked_at,
        latency,
    }
}

/// How long photos waited for a free place on average: in front of the engine and within.
fn waiting_ms(pump: &PumpSide, engine: &EngineSide) -> f64 {
    let inside: f64 = [Stage::QueueWait, Stage::DecodeWait]
        .iter()
        .filter_map(|stage| engine.stage(*stage))
        .map(|time| time.mean)
        .sum();
    let pumping: Vec<&Sample> = engine.samples.iter().filter(|sample| sample.at <= pump.seconds + 1.0).collect();
    let ready = pumping.iter().map(|sample| sample.ready as f64).sum::<f64>() / pumping.len().max(1) as f64;
    inside + ready * 1_000.0 / pump.put_per_second.max(1e-9)
}

/// The engine kept up; whether the pump might have given it more.
fn kept_up(pump: &PumpSide, engine: &EngineSide, wait: f64, cores: u64) -> (Outside, String) {
    let rate = number(pump.put_per_second);
    let evidence = format!("at {rate}/s photos waited {} for a free place on average", millis(wait));
    let cpu = engine.cpu_ms().map_or_else(String::new, |ms| {
        format!("; its CPU was {} % of {cores} cores", number((ms * pump.put_per_second / 10.0 / cores as f64).round()))
    });
    match &pump.pace {
        Some(pace) if pace.held => (Outside::KeptUp, evidence + &cpu),
        Some(ScheduleResult { limit: Some(PaceLimit::Makers), .. }) => (Outside::PumpMakers, evidence + &cpu),
        Some(ScheduleResult { limit: Some(PaceLimit::Store), .. }) => (Outside::PumpPuts, evidence + &cpu),
        // Nothing more was asked of it, or less than was asked came.
        _ => {
            let busy = pump.make_cpu_seconds / (pump.seconds * pump.makers.max(1) as f64).max(1e-9);
            let what = if busy >= 0.6 { Outside::PumpMakers } else { Outside::PumpPuts };
            let makers = format!("; the makers worked {} % of the time", number((busy.min(1.0) * 100.0).round()));
            (what, evidence + &makers + &cpu)
        }
    }
}

/// The run as the engine sees its own last seconds; what samples do not show is left at nothing.
fn signals(pump: &PumpSide, engine: &EngineSide, cores: u64, settings: &EngineSettings) -> Signals {
    let (from, to) = engine.busy.unwrap_or_default();
    let span = (to - from).max(1e-9);
    let busy: Vec<&Sample> = engine.samples.iter().filter(|sample| sample.at >= from && sample.at < to).collect();
    let mean =
        |of: &dyn Fn(&Sample) -> f64| busy.iter().map(|sample| of(sample)).sum::<f64>() / busy.len().max(1) as f64;
    let one_if = |is: bool| f64::from(u8::from(is));
    let budget = |of: fn(&Sample) -> Use| shared::Use {
        limit: busy.iter().map(|sample| of(sample).limit).max().unwrap_or(0) as f64,
        used: mean(&|sample| of(sample).used as f64),
        full: mean(&|sample| one_if(is_short(of(sample)))),
    };
    let most_fetches = settings.max_fetches as u64;
    let fetches = shared::Use {
        full: mean(&|sample| one_if(sample.fetch.is_full() && sample.fetch.limit >= most_fetches)),
        ..budget(|sample| sample.fetch)
    };
    let threads = engine.decode_threads.max(1);
    let (own_cores, all_cores) = cores_used(pump, engine);
    let rate = engine.durable_per_second().unwrap_or(engine.photos as f64 / span);
    let lag = engine.loaded_at.map_or(0.0, |loaded| (loaded - to).max(0.0));
    let (residence, batch_wait) = residence_ms(engine);
    Signals {
        rate,
        wait: waiting_ms(pump, engine) / 1e3,
        load_behind: (lag, 3.0 * settings.load_interval.as_secs_f64() + 1.0),
        span,
        cores: cores.max(1) as f64,
        own_cores,
        all_cores,
        threads: shared::Use {
            limit: threads as f64,
            used: mean(&|sample| sample.decode.used.min(threads) as f64),
            full: 0.0,
        },
        pixel_bytes: budget(|sample| sample.decode_bytes),
        file_bytes: budget(|sample| sample.fetched_bytes),
        heic: budget(|sample| sample.heic),
        fetches,
        most_fetches: most_fetches as f64,
        get: engine.stage(Stage::Fetch).map_or(0.0, |fetch| fetch.mean / 1e3),
        fetched_bytes: pump.bytes as f64 / pump.photos.max(1) as f64 * rate,
        messages: budget(|sample| sample.messages),
        // A run is longer than the time until its first batch is durable.
        most_messages: 0.0,
        queue_in_flight: SQS_IN_FLIGHT,
        in_flight: (residence / 1e3, batch_wait / 1e3),
        ..Signals::default()
    }
}

/// Full, or so little left that somebody waits for more.
fn is_short(of: Use) -> bool {
    of.is_full() || (of.limit > 0 && of.waiting > 0 && of.used as f64 >= of.limit as f64 * 0.5)
}

/// Cores used by the engine, and by everything on the machine.
fn cores_used(pump: &PumpSide, engine: &EngineSide) -> (f64, f64) {
    let (from, to) = engine.busy.unwrap_or_default();
    let window = (to - from).max(1e-9);
    let at = |second: f64| engine.samples.iter().find(|sample| sample.at >= second);
    let (Some(first), Some(last)) = (at(from), at(to)) else { return (0.0, 0.0) };
    let own = (last.cpu_seconds - first.cpu_seconds).max(0.0) / window;
    let making = pump.cpu_seconds / pump.seconds.max(1e-9) * ((pump.seconds.min(to) - from) / window).max(0.0);
    let machine = match (first.machine_cpu_seconds, last.machine_cpu_seconds) {
        (Some(before), Some(after)) if after >= before => (after - before) / window,
        _ => own + making,
    };
    (own, machine.max(own))
}

/// Mean time a photo's message is in flight here, and the part of it that waits for the batch.
fn residence_ms(engine: &EngineSide) -> (f64, f64) {
    let mean = |stage| engine.stage(stage).map_or(0.0, |time| time.mean);
    let batch_wait = mean(Stage::BatchWait);
    let before = [Stage::QueueWait, Stage::Fetch, Stage::DecodeWait, Stage::Decode].map(mean).iter().sum::<f64>();
    (before + batch_wait, batch_wait)
}

fn slowest_part(engine: &EngineSide) -> Option<String> {
    let parts = [Stage::QueueWait, Stage::Fetch, Stage::DecodeWait, Stage::Decode, Stage::BatchWait];
    let slowest = parts.iter().filter_map(|stage| engine.stage(*stage)).max_by(|a, b| a.mean.total_cmp(&b.mean))?;
    let all: f64 = parts.iter().filter_map(|stage| engine.stage(*stage)).map(|time| time.mean).sum();
    Some(format!(
        "{} takes longest within the engine: {} of {} on average",
        slowest.stage.replace('_', " "),
        millis(slowest.mean),
        millis(all)
    ))
}

/// What each part would allow, the lowest first.
pub fn ceilings(pump: &PumpSide, engine: Option<&EngineSide>, cores: u64, settings: &EngineSettings) -> Vec<Ceiling> {
    let seen = engine.map(|engine| signals(pump, engine, cores, settings));
    let ceilings = seen.as_ref().map(shared::ceilings).unwrap_or_default();
    let ceiling = |shared::Ceiling { name, per_second, formula }| Ceiling { name: name.into(), per_second, formula };
    ceilings.into_iter().map(ceiling).collect()
}
