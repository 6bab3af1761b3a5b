//! The report of a load test: what was asked, what was reached, where the time went, what limits, what it costs. Data in;
//! figures, text and one page of HTML out. Looking at the engine is the command line's work.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::prices::Cost;
use scanmill_core::error::{Class, Error, Result};
use scanmill_telemetry::Stage;

pub mod bottleneck;
pub mod compare;
pub mod cost;
pub mod figures;
pub mod format;
pub mod html;
mod join;
pub mod measured;
pub mod sample;
pub mod scrape;
pub mod text;
pub mod watch;

use bottleneck::{Bottleneck, Ceiling};
use cost::{Costs, Measured};
use measured::{Flow, Latency, PumpSide, RunSummary, VerdictSide};
use watch::EngineSide;

/// What every report says it is.
const KIND: &str = "scanmill load report";
/// Version of the report's JSON. Another one is not read.
pub const VERSION: u32 = 1;
/// A report has at most some thousand samples; a larger file is something else.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadReport {
    /// Always `scanmill load report`, so that a file can be recognised.
    pub kind: String,
    /// [`VERSION`].
    pub version: u32,
    /// What ran.
    pub ran: RunSummary,
    /// What the pump says.
    pub pump: PumpSide,
    /// From the time a photo was due (where there was a schedule) until its rows were durable in a sealed batch.
    pub durable: Option<Latency>,
    /// From the end of the upload, as the engine's histogram has it.
    #[serde(default)]
    pub put_to_durable: Option<Latency>,
    /// The same until its rows were in the warehouse.
    pub row: Option<Latency>,
    /// Photos due, durable and loaded over time.
    pub flow: Option<Flow>,
    /// What the engine did.
    pub engine: Option<EngineSide>,
    /// From the beginning until everything was in the warehouse, if that was waited for.
    pub loaded_seconds: Option<f64>,
    /// What limited it.
    pub bottleneck: Bottleneck,
    /// What each part would allow, the lowest first.
    pub ceilings: Vec<Ceiling>,
    /// What the check of the rows said.
    pub verdict: Option<VerdictSide>,
    /// What it costs.
    pub costs: Option<Costs>,
    /// What the reader should know: what is missing and why, what makes figures doubtful.
    pub notes: Vec<String>,
}

/// What a report is made of.
#[derive(Clone, Debug)]
pub struct Parts {
    /// What ran.
    pub ran: RunSummary,
    /// The pump's side.
    pub pump: PumpSide,
    /// Until durable.
    pub durable: Option<Latency>,
    /// The same from the end of the upload.
    pub put_to_durable: Option<Latency>,
    /// Until in the warehouse.
    pub row: Option<Latency>,
    /// Photos over time.
    pub flow: Option<Flow>,
    /// The engine's side, where one answered.
    pub engine: Option<EngineSide>,
    /// Until everything was loaded.
    pub loaded_seconds: Option<f64>,
    /// The check of the rows.
    pub verdict: Option<VerdictSide>,
}

/// What the report takes from the engine's settings.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Most fetches at once.
    pub max_fetches: usize,
    /// How often sealed batches are loaded.
    pub load_interval: Duration,
    /// Prices.
    pub cost: Cost,
}

impl LoadReport {
    /// Works out everything that follows from the parts.
    pub fn new(parts: Parts, settings: &EngineSettings) -> LoadReport {
        let Parts { ran, pump, durable, put_to_durable, row, flow, engine, loaded_seconds, verdict } = parts;
        let bottleneck = bottleneck::find(&pump, engine.as_ref(), ran.host_cores, settings);
        let ceilings = bottleneck::ceilings(&pump, engine.as_ref(), ran.host_cores, settings);
        let costs = engine.as_ref().and_then(|engine| {
            let measured = measured(engine, ran.host_cores)?;
            cost::costs(measured, &settings.cost)
        });
        let mut report = LoadReport {
            kind: KIND.into(),
            version: VERSION,
            ran,
            pump,
            durable,
            put_to_durable,
            row,
            flow,
            engine,
            loaded_seconds,
            bottleneck,
            ceilings,
            verdict,
            costs,
            notes: Vec::new(),
        };
        report.notes = notes(&report);
        report
    }

    /// p99 from the end of an upload until durable, in milliseconds: by the answer key, and as the metric's buckets tell it.
    pub fn p99_until_durable(&self) -> Option<(f64, f64)> {
        let by_key = self.put_to_durable.as_ref()?.quantiles.p99;
        let by_histogram = self.engine.as_ref()?.stage(Stage::UploadToDurable)?.histogram_p99;
        (by_key > 0.0 && by_histogram > 0.0).then_some((by_key, by_histogram))
    }

    /// Reads a report that was written before.
    ///
    /// # Errors
    /// A file that cannot be read, is not a report, or one of another version.
    pub fn read(path: &Path) -> Result<LoadReport> {
        #[derive(Deserialize)]
        struct Head {
            kind: String,
            version: u32,
        }
        let size = std::fs::metadata(path).map_err(|error| Error::io("cannot read the report", path, error))?.len();
        let no_report = |why: String| {
            Error::permanent(format!("`{}` is not a load report: {why}", path.display()))
                .with_hint("name the report.json that `scanmill pump --report DIR` wrote")
        };
        if size > MAX_FILE_BYTES {
            return Err(no_report(format!("it is larger than {MAX_FILE_BYTES} bytes")));
        }
        let bytes = std::fs::read(path).map_err(|error| Error::io("cannot read the report", path, error))?;
        let head: Head = serde_json::from_slice(&bytes).map_err(|error| no_report(error.to_string()))?;
        if head.kind != KIND {
            return Err(no_report(format!("it says it is a `{}`", head.kind)));
        }
        if head.version != VERSION {
            let message = format!("`{}` is a load report of version {}", path.display(), head.version);
            return Err(Error::new(Class::Permanent, message).with_hint(format!(
                "this scanmill reads version {VERSION}: use the scanmill that wrote it, or run again"
            )));
        }
        serde_json::from_slice(&bytes).map_err(|error| no_report(error.to_string()))
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// None in practice (a bug).
    pub fn to_json(&self) -> Result<String> {
        let text =
            serde_json::to_string(self).map_err(|error| Error::bug("no JSON for this report").with_source(error))?;
        Ok(text + "\n")
    }

    /// Photos a second over the whole way, until everything was in the warehouse.
    pub fn loaded_per_second(&self) -> Option<f64> {
        self.loaded_seconds.filter(|seconds| *seconds > 0.0).map(|seconds| self.pump.photos as f64 / seconds)
    }
}

fn measured(engine: &EngineSide, cores: u64) -> Option<Measured> {
    let photos = engine.photos.max(1) as f64;
    let load = engine.stage(Stage::Load);
    Some(Measured {
        per_second: engine.durable_per_second()?,
        cpu_ms: engine.cpu_ms()?,
        cores: cores as f64,
        batches: engine.batches() as f64 / photos,
        batch_bytes: engine.batch_bytes as f64 / photos,
        loads: engine.loads as f64 / photos,
        load_seconds: load.map_or(0.0, |load| load.mean / 1_000.0 * load.count as f64) / photos,
    })
}

/// What makes figures doubtful.
fn notes(report: &LoadReport) -> Vec<String> {
    let mut notes = Vec::new();
    let mut say = |note: String| notes.push(note);
    if !report.pump.complete {
        say("the run ended early: not the whole story was put".into());
    }
    let Some(engine) = &report.engine else {
        say("no engine on this root showed its page (`metrics.listen`), so its side of the report is missing".into());
        return notes;
    };
    if engine.process_changes > 0 {
        say(format!(
            "the engine behind the page was another one, or counted from zero again, {} times: what was counted between \
             the last sample and that is missing",
            engine.process_changes
        ));
    }
    if engine.pipeline_restarts > 0 {
        say(format!("the engine restarted its pipeline {} times after a fault", engine.pipeline_restarts));
    }
    if engine.looks_missed > 0 {
        say(format!("{} requests to the engine got no answer: its lines have gaps there", engine.looks_missed));
    }
    if engine.photos < report.pump.photos {
        say(format!(
            "the engine that was watched did {} of {} photos: others did the rest, or it did some before it was found; \
             its rate is its own, not that of all",
            engine.photos, report.pump.photos
        ));
    } else if engine.photos > report.pump.photos {
        say(format!(
            "the engine did {} photos, {} more than this run put: redeliveries (the story makes some), or somebody else's photos",
            engine.photos,
            engine.photos - report.pump.photos
        ));
    }
    if let Some(others) = others_on_the_machine(report, engine).filter(|others| *others >= 0.15) {
        say(format!(
            "other processes took {} % of this machine's CPU meanwhile: rates and latencies are worse than on a quiet one",
            format::number((others * 100.0).round())
        ));
    }
    if report.ran.ports.contains("SQLite") {
        say("measured on the embedded queue and warehouse: SQS, S3 and Redshift are counted at their prices, not measured"
            .into());
    }
    notes
}

/// The part of all cores that neither the engine nor the pump used.
fn others_on_the_machine(report: &LoadReport, engine: &EngineSide) -> Option<f64> {
    let (first, last) = (engine.samples.first()?, engine.samples.last()?);
    let machine = last.machine_cpu_seconds? - first.machine_cpu_seconds?;
    let others = machine - (last.cpu_seconds - first.cpu_seconds) - report.pump.cpu_seconds;
    Some(others / ((last.at - first.at) * report.ran.host_cores as f64).max(1e-9))
}
