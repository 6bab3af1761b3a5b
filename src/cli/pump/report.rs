//! `scanmill pump --report` and `scanmill pump report`.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::sampler::Sampler;
use crate::cli::{Exit, out};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::pump::latency::Latencies;
use crate::pump::load_report::compare::compare;
use crate::pump::load_report::measured::{Flow, Latency, PumpSide, RunSummary, VerdictSide};
use crate::pump::load_report::{EngineSettings, LoadReport, Parts};
use crate::pump::verify::Verdict;
use crate::pump::{PumpPlan, PumpReport};

/// The report's data, in its folder.
const DATA: &str = "report.json";

/// Shows the report of an earlier run again, or what changed since another
///
/// Reports are written by `scanmill pump --report DIR`. With --compare every figure that both have is set against the
/// other, with what that means; differences under 5 % mean little on a machine that does other things too.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanmill pump report runs/tuesday
  scanmill pump report runs/tuesday --compare runs/monday --html changes.html
  scanmill pump report runs/tuesday --json | jq .bottleneck.title")]
pub struct ReportArgs {
    /// A report.json, or the folder it is in
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,
    /// An earlier one to compare with
    #[arg(long, value_name = "OLD")]
    pub compare: Option<PathBuf>,
    /// Write the page into this file; with --compare it shows the changes, and the earlier curves dashed
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print one JSON object: the report, or with --compare the changes
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &ReportArgs) -> Result<Exit> {
    let report = read(&args.report)?;
    let old = args.compare.as_deref().map(read).transpose()?;
    if let Some(path) = &args.html {
        write_file(path, &report.to_html(old.as_ref()))?;
        out::note(&format!("page {}", path.display()));
    }
    let comparison = old.as_ref().map(|old| compare(&report, old));
    match (args.json, comparison) {
        (true, None) => out::print_text(&report.to_json()?)?,
        (true, Some(comparison)) => out::print_json(&comparison)?,
        (false, None) => out::print_text(&report.to_text())?,
        (false, Some(comparison)) => out::print_text(&comparison.to_text())?,
    }
    Ok(Exit::Success)
}

fn read(path: &Path) -> Result<LoadReport> {
    let is_folder = std::fs::metadata(path).is_ok_and(|found| found.is_dir());
    if is_folder { LoadReport::read(&path.join(DATA)) } else { LoadReport::read(path) }
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| Error::io("cannot write", path, error))
}

/// A pump run that is watched for its report.
pub struct Watching {
    folder: PathBuf,
    settings: Settings,
    plan: PumpPlan,
    sampler: Sampler,
    began_at: Timestamp,
    loaded_at: Option<Timestamp>,
    latencies: Option<Latencies>,
}

impl Watching {
    /// Begins to look at the engine, if a report was asked for. Its folder is made now: that it cannot be written must
    /// not come out after an hour.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn start(folder: Option<&Path>, settings: &Settings, plan: &PumpPlan) -> Result<Option<Watching>> {
        let Some(folder) = folder else { return Ok(None) };
        std::fs::create_dir_all(folder).map_err(|error| Error::io("cannot make the folder", folder, error))?;
        Ok(Some(Watching {
            folder: folder.to_owned(),
            settings: settings.clone(),
            plan: plan.clone(),
            sampler: Sampler::start(&settings.local.root)?,
            began_at: Timestamp::now(),
            loaded_at: None,
            latencies: None,
        }))
    }

    /// Everything is in the warehouse now.
    pub fn is_loaded(&mut self) {
        self.loaded_at = Some(Timestamp::now());
    }

    /// How long photos took, as the check of the rows saw it.
    pub fn has_latencies(&mut self, latencies: Latencies) {
        self.latencies = Some(latencies);
    }

    /// Writes the report and returns it as text.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(self, pump: &PumpReport, verdict: Option<&Verdict>) -> Result<String> {
        // Pictures are drawn before the clock of the pump starts: its start is the beginning of everything shown.
        let started_at = pump.started_at.as_deref().and_then(|at| at.parse().ok()).unwrap_or(self.began_at);
        let since_start = |at: Timestamp| at.duration_since(started_at).as_secs_f64();
        let mut engine = self.sampler.end()?;
        if let Some(engine) = &mut engine {
            engine.count_time_from(-since_start(self.began_at));
        }
        let (durable, row) = self.latencies.as_ref().map(Latency::both).unwrap_or_default();
        let parts = Parts {
            ran: ran(&self.plan, pump, &self.settings, started_at),
            pump: PumpSide::of(pump),
            durable,
            put_to_durable: self.latencies.as_ref().and_then(Latency::from_put),
            row,
            flow: self.latencies.as_ref().and_then(|latencies| Flow::of(latencies, started_at)),
            engine,
            loaded_seconds: self.loaded_at.map(since_start),
            verdict: verdict.map(VerdictSide::of),
        };
        let report = LoadReport::new(parts, &EngineSettings::from(&self.settings));
        let text = report.to_text();
        let page = self.folder.join("report.html");
        write_file(&self.folder.join(DATA), &report.to_json()?)?;
        write_file(&self.folder.join("report.txt"), &text)?;
        write_file(&page, &report.to_html(None))?;
        out::note(&format!("report {}", page.display()));
        Ok(text)
    }
}

fn ran(plan: &PumpPlan, pump: &PumpReport, settings: &Settings, began_at: Timestamp) -> RunSummary {
    RunSummary {
        began_at,
        story: pump.story.clone(),
        seed: plan.run.story.seed,
        count: plan.run.stamps.count().unwrap_or(pump.photos),
        size: plan.run.story.size.as_str().to_owned(),
        arrival: plan.run.arrival.words(),
        ports: ports(settings),
        version: env!("CARGO_PKG_VERSION").into(),
        host_cores: pump.cores as u64,
    }
}

/// Queue, store and warehouse in words.
fn ports(settings: &Settings) -> String {
    let Settings { queue, store, warehouse, .. } = settings;
    format!("{} queue, {} store, {} warehouse", queue.kind.title(), store.kind.title(), warehouse.kind.title())
}

impl From<&Settings> for EngineSettings {
    fn from(settings: &Settings) -> EngineSettings {
        EngineSettings {
            max_fetches: settings.scale.max_fetches,
            load_interval: settings.load.interval,
            cost: settings.cost.clone(),
        }
    }
}
