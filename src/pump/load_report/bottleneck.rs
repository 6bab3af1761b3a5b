//! What kept the run from being faster, by what the samples show, and what to do about it.
//!
//! A full stage fills everything before it. So the stages are looked at from the end of the way to its beginning, and the
//! first that was full for most of the time is the one.

use serde::{Deserialize, Serialize};

use super::format::{bytes, millis, number};
use super::sample::{Sample, Use};
use super::side::{Pace, PaceLimit, PumpSide};
use super::watch::EngineSide;
use crate::config::Settings;
use crate::telemetry::Stage;

/// What limited the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Nobody looked at an engine.
    Unknown,
    /// Nothing: the engine did what it was given as it came.
    KeptUp,
    /// The pump's makers: the engine waited for photos.
    PumpMakers,
    /// The store's puts: the engine waited for photos.
    PumpPuts,
    /// Loading into the warehouse.
    WarehouseLoad,
    /// The cores, used by the engine.
    Cores,
    /// The cores, used by the engine and others.
    SharedCores,
    /// Memory for pixels.
    DecodeMemory,
    /// The lane of HEIC photos.
    HeicLane,
    /// Photos in the decoder at once.
    DecodeSlots,
    /// Memory for files.
    FetchMemory,
    /// Photos fetched at once.
    Fetches,
    /// Messages in flight, which wait for their batch.
    BatchWait,
    /// Messages in flight.
    InFlight,
    /// Nothing was full: the queue hands out messages, or something unseen is slow.
    Receives,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    /// What.
    pub what: Limit,
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
    /// What it is.
    pub what: Limit,
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

/// Below this mean wait for a free place an engine keeps up.
const KEEPS_UP_BELOW_MS: f64 = 500.0;
/// Part of the busy time from which on a full stage is the bottleneck.
const MOST: f64 = 0.5;
/// Messages that all receivers of one SQS queue together may have in flight.
const SQS_IN_FLIGHT: f64 = 120_000.0;

/// Names the bottleneck.
pub fn find(pump: &PumpSide, engine: Option<&EngineSide>, cores: u64, settings: &Settings) -> Bottleneck {
    let Some(engine) = engine.filter(|engine| engine.photos > 0) else {
        return named(Limit::Unknown, "no engine with a page was seen at work".into(), Vec::new(), None);
    };
    let latency = slowest_part(engine);
    let wait = waiting_ms(pump, engine);
    let load = load_lag(engine, settings);
    let loads_late = load.share >= load.counts_from;
    let mut looked_at = vec![load];
    looked_at.extend(full_stages(pump, engine, cores, settings));
    if wait < KEEPS_UP_BELOW_MS && !loads_late {
        let (what, evidence) = kept_up(pump, engine, wait, cores);
        return named(what, evidence, looked_at, latency);
    }
    let found = looked_at.iter().find(|looked| looked.share >= looked.counts_from);
    let (what, evidence) = match found {
        Some(looked) => (looked.what, looked.says.clone()),
        None => (Limit::Receives, format!("photos waited {} for their turn, and no stage was full", millis(wait))),
    };
    named(what, evidence, looked_at, latency)
}

fn named(what: Limit, evidence: String, looked_at: Vec<Looked>, latency: Option<String>) -> Bottleneck {
    let (title, remedy) = words(what);
    Bottleneck { what, title: title.into(), evidence, remedy: remedy.into(), looked_at, latency }
}

/// What it is called, and what helps.
fn words(what: Limit) -> (&'static str, &'static str) {
    match what {
        Limit::Unknown => (
            "not known",
            "run `scanmill run` on the same root, with its page on (metrics.listen), while the pump works",
        ),
        Limit::KeptUp => {
            ("none: the engine kept up", "ask for more (--rate), or pump as fast as possible, to find the limit")
        }
        Limit::PumpMakers => (
            "the pump: making photos",
            "more --threads, a smaller --size, or further pumps on other machines: the engine has room left",
        ),
        Limit::PumpPuts => (
            "the pump: putting photos into the store",
            "pump from more machines, or nearer to the store: the engine has room left",
        ),
        Limit::WarehouseLoad => (
            "loading into the warehouse",
            "raise load.max_batches and batch.max_rows, so that each load takes more rows",
        ),
        Limit::Cores => {
            ("CPU: the engine uses the cores there are", "more or faster cores, or a second engine on the same queue")
        }
        Limit::SharedCores => (
            "CPU: the cores, shared with the pump and other processes",
            "run the pump on another machine, or with --rate: what it takes the engine does not get",
        ),
        Limit::DecodeMemory => ("memory for pixels", "raise memory.decode_bytes"),
        Limit::HeicLane => ("the lane of HEIC photos", "raise decode.heic_at_once, where most photos are HEIC"),
        Limit::DecodeSlots => {
            ("photos in the decoder at once", "raise scale.max_decodes and decode.threads: cores are idle meanwhile")
        }
        Limit::FetchMemory => ("memory for photo files", "raise memory.fetched_bytes"),
        Limit::Fetches => {
            ("fetching photos", "raise scale.max_fetches; if the store throttles, spread keys over more prefixes")
        }
        Limit::BatchWait => (
            "messages in flight, most of them waiting for their batch",
            "lower batch.max_age_ms or batch.max_rows, or raise queue.max_in_flight",
        ),
        Limit::InFlight => ("messages in flight", "raise queue.max_in_flight"),
        Limit::Receives => (
            "getting messages from the queue",
            "look at the queue's own latency, and at the restarts and errors below; several engines share one queue",
        ),
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
fn kept_up(pump: &PumpSide, engine: &EngineSide, wait: f64, cores: u64) -> (Limit, String) {
    let rate = number(pump.put_per_second);
    let evidence = format!("at {rate}/s photos waited {} for a free place on average", millis(wait));
    let cpu = engine.cpu_ms().map_or_else(String::new, |ms| {
        format!("; its CPU was {} % of {cores} cores", number((ms * pump.put_per_second / 10.0 / cores as f64).round()))
    });
    match &pump.pace {
        Some(pace) if pace.held => (Limit::KeptUp, evidence + &cpu),
        Some(Pace { limit: Some(PaceLimit::Makers), .. }) => (Limit::PumpMakers, evidence + &cpu),
        Some(Pace { limit: Some(PaceLimit::Store), .. }) => (Limit::PumpPuts, evidence + &cpu),
        // Nothing more was asked of it, or less than was asked came.
        _ => {
            let busy = pump.make_cpu_seconds / (pump.seconds * pump.makers.max(1) as f64).max(1e-9);
            let what = if busy >= 0.6 { Limit::PumpMakers } else { Limit::PumpPuts };
            let makers = format!("; the makers worked {} % of the time", number((busy.min(1.0) * 100.0).round()));
            (what, evidence + &makers + &cpu)
        }
    }
}

/// Whether the warehouse came after: how long loading went on after the last photo was durable.
fn load_lag(engine: &EngineSide, settings: &Settings) -> Looked {
    let lag = match (engine.busy, engine.loaded_at) {
        (Some((_, durable)), Some(loaded)) => (loaded - durable).max(0.0),
        _ => 0.0,
    };
    let busy = engine.busy.map_or(0.0, |(from, to)| to - from);
    // One interval is the way it is meant.
    let late = (lag - 3.0 * settings.load.interval.as_secs_f64() - 1.0).max(0.0);
    let left = engine.samples.iter().map(|sample| sample.batches_to_load).max().unwrap_or(0);
    Looked {
        what: Limit::WarehouseLoad,
        share: if late > 0.0 { late / (late + busy) } else { 0.0 },
        counts_from: 0.25,
        says: format!(
            "loading went on for {} after the last photo was durable; up to {left} batches waited",
            millis(lag * 1_000.0)
        ),
    }
}

/// The stages from the end of the way to its beginning.
fn full_stages(pump: &PumpSide, engine: &EngineSide, cores: u64, settings: &Settings) -> Vec<Looked> {
    let (from, to) = engine.busy.unwrap_or_default();
    let busy: Vec<&Sample> = engine.samples.iter().filter(|sample| sample.at >= from && sample.at < to).collect();
    let share = |is_so: &dyn Fn(&Sample) -> bool| {
        busy.iter().filter(|sample| is_so(sample)).count() as f64 / busy.len().max(1) as f64
    };
    let percent = |share: f64| format!("{} % of the busy time", number((share * 100.0).round()));
    let full = |what, name: &str, of: fn(&Sample) -> Use, show: fn(f64) -> String| {
        let share = share(&|sample| is_short(of(sample)));
        let limit = show(busy.iter().map(|sample| of(sample).limit).max().unwrap_or(0) as f64);
        Looked { what, share, counts_from: MOST, says: format!("{name} ({limit}) was full for {}", percent(share)) }
    };
    let mut looked = cpu(pump, engine, cores);
    looked.push(full(Limit::DecodeMemory, "memory.decode_bytes", |sample| sample.decode_bytes, bytes));
    looked.push(full(Limit::HeicLane, "the HEIC lane", |sample| sample.heic, number));
    looked.push(full(Limit::DecodeSlots, "the decoder", |sample| sample.decode, number));
    looked.push(full(Limit::FetchMemory, "memory.fetched_bytes", |sample| sample.fetched_bytes, bytes));
    let most = settings.scale.max_fetches as u64;
    let at_most = share(&|sample| sample.fetch.is_full() && sample.fetch.limit >= most);
    let says = format!("all of scale.max_fetches ({most}) were in use for {}", percent(at_most));
    looked.push(Looked { what: Limit::Fetches, share: at_most, counts_from: MOST, says });
    let tickets = full(Limit::InFlight, "messages in flight", |sample| sample.tickets, number);
    let (residence, batch_wait) = residence_ms(engine);
    let waits_for_batch = batch_wait >= residence * 0.5 && residence > 0.0;
    let what = if waits_for_batch { Limit::BatchWait } else { Limit::InFlight };
    let says = format!(
        "{}; of {} in flight a photo waits {} for its batch",
        tickets.says,
        millis(residence),
        millis(batch_wait)
    );
    looked.push(Looked { what, says, ..tickets });
    looked
}

/// Full, or so little left that somebody waits for more.
fn is_short(of: Use) -> bool {
    of.is_full() || (of.limit > 0 && of.waiting > 0 && of.used as f64 >= of.limit as f64 * 0.5)
}

/// The cores: used by the engine alone, and by everything on the machine.
fn cpu(pump: &PumpSide, engine: &EngineSide, cores: u64) -> Vec<Looked> {
    let (from, to) = engine.busy.unwrap_or_default();
    let window = (to - from).max(1e-9);
    let at = |second: f64| engine.samples.iter().find(|sample| sample.at >= second);
    let (Some(first), Some(last)) = (at(from), at(to)) else { return Vec::new() };
    let all = cores.max(1) as f64;
    let own = (last.cpu_seconds - first.cpu_seconds).max(0.0) / window;
    let making = pump.cpu_seconds / pump.seconds.max(1e-9) * ((pump.seconds.min(to) - from) / window).max(0.0);
    let machine = match (first.machine_cpu_seconds, last.machine_cpu_seconds) {
        (Some(before), Some(after)) if after >= before => (after - before) / window,
        _ => own + making,
    };
    let others = (machine - own - making).max(0.0);
    let says = format!(
        "of {cores} cores the engine used {}, the pump {}, everything else {}",
        number(own),
        number(making),
        number(others)
    );
    [(Limit::Cores, own / all, 0.8), (Limit::SharedCores, machine / all, 0.85)]
        .map(|(what, share, counts_from)| Looked { what, share: share.min(1.0), counts_from, says: says.clone() })
        .into()
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
pub fn ceilings(pump: &PumpSide, engine: Option<&EngineSide>, cores: u64, settings: &Settings) -> Vec<Ceiling> {
    let mut ceilings = Vec::new();
    let mut add = |name: &str, per_second: f64, formula: String| {
        if per_second.is_finite() && per_second > 0.0 {
            ceilings.push(Ceiling { name: name.into(), per_second, formula });
        }
    };
    let making = pump.cpu_ms();
    if let Some(engine) = engine {
        if let Some(ms) = engine.cpu_ms() {
            let alone = cores as f64 * 1_000.0 / ms;
            add("cores, the engine alone", alone, format!("{cores} cores ÷ {} CPU a photo", millis(ms)));
            if making > 0.0 {
                let both = cores as f64 * 1_000.0 / (ms + making);
                let formula = format!("{cores} cores ÷ ({} + {} CPU a photo)", millis(ms), millis(making));
                add("cores, with the pump beside it", both, formula);
            }
        }
        if let Some(fetch) = engine.stage(Stage::Fetch) {
            let most = settings.scale.max_fetches as f64;
            let formula = format!("{} fetches at once ÷ {}", number(most), millis(fetch.mean));
            add("fetches", most * 1_000.0 / fetch.mean, formula);
        }
        let (residence, _) = residence_ms(engine);
        if residence > 0.0 {
            let most = settings.queue.max_in_flight as f64;
            let formula = format!("{} in flight ÷ {} until durable", number(most), millis(residence));
            add("messages in flight, this engine", most * 1_000.0 / residence, formula);
            let formula = format!("{} in flight ÷ {} until durable", number(SQS_IN_FLIGHT), millis(residence));
            add("messages in flight, one SQS queue", SQS_IN_FLIGHT * 1_000.0 / residence, formula);
        }
    }
    ceilings.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    ceilings
}
