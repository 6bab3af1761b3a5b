//! `scanmill pump`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::{Exit, GlobalArgs, at_work, distribute, engine_file, exit, orchestrate, out, settings, signals};
use crate::app;
use crate::config::Settings;
use crate::error::Result;
use crate::pump::answer_key::is_there;
use crate::pump::arrival::Arrival;
use crate::pump::key_files::free_key;
use crate::pump::latency::LatencyRecorder;
use crate::pump::verify::{Verdict, VerifyOptions, verify_with};
use crate::pump::wait::{self, Waited};
use crate::pump::{self, PumpPlan, Step};

pub mod arrival;
mod outcome;
pub mod preview;
pub mod reading_cost;
pub mod report;
mod sampler;
pub mod story;
pub mod story_args;

use arrival::ArrivalArgs;
use outcome::{PumpResult, finish};
use report::Watching;
use story_args::StoryArgs;

/// Name of the first answer key in the root.
pub const KEY_FILE: &str = "answer-key.jsonl";

/// Where a run's answer key goes: the file named, which must not be there, or one of its own in the root.
///
/// # Errors
/// The file named is there.
pub(super) fn key_file(named: Option<&Path>, settings: &Settings) -> Result<PathBuf> {
    match named {
        Some(path) if std::fs::symlink_metadata(path).is_ok() => {
            let error = is_there(path);
            let hint = error.hint_text().unwrap_or_default().to_owned();
            Err(exit::usage(error.to_string()).with_hint(hint))
        }
        Some(path) => Ok(path.to_owned()),
        None => Ok(free_key(&settings.local.root)),
    }
}

/// How long after the pump an engine may start that was typed together with it.
const UNTIL_STARTED: Duration = Duration::from_secs(5);

/// Between two looks for it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// How long `--wait` waits while nothing moves.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes photos by a story and puts them into the inbox
///
/// The story decides who photographs which product, when and where, from the seed alone, and injects faults into about a
/// fifth of the photos. What every photo must lead to is written into an answer key; `verify` compares it with the
/// warehouse. Ctrl-C ends early with the key sealed for the photos that were put.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  scanmill pump --count 500                            as fast as possible
  scanmill pump --rate 500/s --for 10m                 a load test: open loop, lateness counted from when each was due
  scanmill pump --rate 20/s --burst 200/s:5s --every 60s --for 10m
  scanmill pump --replay --speed-up 1440               the story in its own rhythm, a day in a minute
  scanmill pump --rate 50 --count 3000 --report runs/1 with `scanmill run` in another terminal: a page with plots
  scanmill pump --json     with `scanmill run` in another terminal: waits, verifies, figures as JSON"
)]
pub struct PumpArgs {
    /// What else the pump can do.
    #[command(subcommand)]
    pub command: Option<PumpCommand>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "described by its own type")]
    pub arrival: ArrivalArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "described by its own type")]
    pub choice: StoryArgs,
    /// Threads that make photos [default: 1; with a rate or --replay one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// Where the answer key goes; an existing one is not overwritten [default: answer-key.jsonl in the root, then answer-key-2.jsonl, …]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Make the photos and throw them away: what making costs
    #[arg(long, conflicts_with_all = ["wait", "no_wait", "key_file"])]
    pub make_only: bool,
    /// Wait until an engine has loaded every photo, then verify: the default while `scanmill run` works on this root
    #[arg(long)]
    pub wait: bool,
    /// End when every photo is put
    #[arg(long, conflicts_with = "wait")]
    pub no_wait: bool,
    /// Watch the engine during the run, and write report.html, report.txt and report.json into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "make_only")]
    pub report: Option<PathBuf>,
    /// End with one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// What else the pump can do: one line for each, with its file in this folder.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "each command's own Args type has the text that `--help` shows")]
#[allow(clippy::large_enum_variant, reason = "there is one of it in a process")]
pub enum PumpCommand {
    Preview(preview::PreviewArgs),
    Story(story::StoryArgs),
    Report(report::ReportArgs),
    #[command(hide = true)]
    Orchestrate(Box<orchestrate::OrchestrateArgs>),
    #[command(hide = true)]
    Distribute(distribute::DistributeArgs),
}

/// Photos a second, as an argument.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    per_second(text.parse().map_err(|_| "not a number".to_owned())?)
}

fn per_second(rate: f64) -> Result<f64, String> {
    // Below one a day nothing would ever seem to happen.
    if (1e-5..=1e6).contains(&rate) { Ok(rate) } else { Err("must be more than 0 and at most 1000000".to_owned()) }
}

/// Runs the command.
pub fn run(args: &PumpArgs, global: &GlobalArgs) -> Result<Exit> {
    match &args.command {
        None => pump(args, global),
        Some(PumpCommand::Preview(args)) => preview::run(args, global),
        Some(PumpCommand::Story(args)) => story::run(args, global),
        Some(PumpCommand::Report(args)) => report::run(args),
        Some(PumpCommand::Orchestrate(args)) => orchestrate::run(args, global),
        Some(PumpCommand::Distribute(args)) => distribute::run(args, global),
    }
}

fn pump(args: &PumpArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = settings::load(global)?;
    let plan = plan(args, &settings)?;
    let cancel = CancellationToken::new();
    let runtime = app::io_runtime(settings.run.io_threads)?;
    {
        let _inside = runtime.enter();
        signals::cancel_on_signal(&cancel, "stopping: the photos under way are put, then the answer key is sealed")?;
    }
    let count = plan.run.stamps.count();
    if args.make_only {
        let bars = Bars::new(global, "made", count);
        let report = pump::make_only(&plan, |step| bars.show(step), &cancel)?;
        drop(bars);
        let reading = reading_cost::cost(&plan, &settings, &cancel)?;
        return finish(args.json, PumpResult { reading: Some(reading), ..PumpResult::new(report, None) }, None);
    }
    runtime.block_on(async {
        app::make_folders(&settings)?;
        let ports = app::open(&settings)?;
        let before = engine_file::find(&settings.local.root);
        let was_there = at_work::is_engine_at_work(&settings) == Some(true);
        let mut watching = Watching::start(args.report.as_deref(), &settings, &plan)?;
        let began = Instant::now();
        let bars = Bars::new(global, "put", count);
        let both = (Arc::clone(&ports.store), Arc::clone(&ports.queue));
        let report = pump::run(&plan, both, |step| bars.show(step), cancel.clone()).await?;
        drop(bars);
        let mut outcome = PumpResult::new(report, Some(plan.key_file.clone()));
        let wait = args.wait || (!args.no_wait && engine_comes(&settings, began + UNTIL_STARTED, &cancel).await);
        if !wait || cancel.is_cancelled() {
            if !args.no_wait && !cancel.is_cancelled() {
                out::note("no engine is running on this root: the rows are not waited for");
            }
            return end(args, watching, outcome, None);
        }
        ports.warehouse.prepare().await?;
        let bar = Progress::new(global, "loaded", Some(outcome.photos));
        let place = (plan.run.bucket.as_str(), plan.run.prefix.as_str());
        let waited = wait::until_loaded(
            &*ports.queue,
            &*ports.warehouse,
            place,
            outcome.photos,
            PATIENCE,
            |loaded| bar.set(loaded),
            &cancel,
        )
        .await?;
        drop(bar);
        match waited {
            Waited::Done => {
                outcome.photos_per_second = outcome.photos as f64 / began.elapsed().as_secs_f64();
                watching.iter_mut().for_each(Watching::is_loaded);
            }
            Waited::Stalled => {
                let seconds = PATIENCE.as_secs();
                out::note(&format!("nothing was loaded for {seconds} s: is `scanmill run` running on this root?"));
            }
            Waited::Cancelled => return end(args, watching, outcome, None),
        }
        outcome.loaded = Some(waited == Waited::Done);
        let bar = Progress::new(global, "verified", Some(outcome.photos));
        let mut recorder = LatencyRecorder::new()?;
        let verdict = verify_with(
            std::slice::from_ref(&plan.key_file),
            &*ports.warehouse,
            &VerifyOptions::default(),
            &mut [&mut recorder],
            |photos| bar.set(photos),
        )
        .await?;
        watching.iter_mut().for_each(|watching| watching.has_latencies(recorder.finish()));
        drop(bar);
        // An engine that came later began at zero.
        let before = before.map(|engine| engine.cpu_seconds).or((!was_there).then_some(0.0));
        if let (Some(before), Some(after)) = (before, engine_file::find(&settings.local.root)) {
            let cpu = after.cpu_seconds - before;
            // An engine that was restarted meanwhile counts from zero again: its figure would mean nothing.
            outcome.engine_cpu_ms_per_photo = (cpu > 0.0).then(|| cpu * 1_000.0 / outcome.photos.max(1) as f64);
            outcome.engine_peak_rss_bytes = after.peak_resident_bytes;
        }
        outcome.decode_cpu_ms_per_photo = wait::decode_ms_per_photo(&*ports.warehouse, place.0, place.1).await?;
        end(args, watching, outcome, Some(verdict))
    })
}

/// Whether an engine works on the root, or comes until then: one that was started together with the pump may need longer
/// than a few photos do.
async fn engine_comes(settings: &Settings, until: Instant, cancel: &CancellationToken) -> bool {
    let mut was_told = false;
    loop {
        if at_work::is_engine_at_work(settings) == Some(true) {
            return true;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || cancel.is_cancelled() {
            return false;
        }
        if !was_told {
            let root = settings.local.root.display();
            out::note(&format!(
                "waiting {:.0} s for an engine on `{root}` (--no-wait does not)",
                left.as_secs_f64().ceil()
            ));
            was_told = true;
        }
        let _ = cancel.run_until_cancelled(tokio::time::sleep(BETWEEN_LOOKS.min(left))).await;
    }
}

/// Writes the load report, if one was asked for, and prints what there is to say.
fn end(args: &PumpArgs, watching: Option<Watching>, outcome: PumpResult, verdict: Option<Verdict>) -> Result<Exit> {
    let report = watching.map(|watching| watching.write(&outcome.pump, verdict.as_ref())).transpose()?;
    let exit = finish(args.json, outcome, verdict)?;
    if let Some(report) = report.filter(|_| !args.json) {
        out::print_text(&format!("\n{report}"))?;
    }
    Ok(exit)
}

fn plan(args: &PumpArgs, settings: &Settings) -> Result<PumpPlan> {
    let run = args.choice.plan(&args.arrival, settings)?;
    if args.make_only && run.arrival != Arrival::Unpaced {
        return Err(exit::usage("--make-only cannot be combined with a rate")
            .with_hint("leave --rate, --ramp and --replay out"));
    }
    let threads = threads(args.threads, &run.arrival);
    let key_file = key_file(args.key_file.as_deref(), settings)?;
    Ok(PumpPlan { threads, ..PumpPlan::new(run, key_file) })
}

/// A schedule wants photos in time, whatever that takes; without one the pump leaves the cores to the engine.
fn threads(asked: Option<u16>, arrival: &Arrival) -> usize {
    match (asked, arrival) {
        (Some(threads), _) => usize::from(threads),
        (None, Arrival::Unpaced) => 1,
        (None, Arrival::Paced(_) | Arrival::Replay { .. }) => cores(),
    }
}

/// Cores this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get())
}

/// The bar of the step the pump is at.
pub(super) struct Bars {
    global: GlobalArgs,
    label: &'static str,
    total: Option<u64>,
    shown: Mutex<Option<(bool, Progress)>>,
}

impl Bars {
    /// Photos of so many will be `label`.
    pub(super) fn new(global: &GlobalArgs, label: &'static str, total: Option<u64>) -> Self {
        Self { global: global.clone(), label, total, shown: Mutex::new(None) }
    }

    /// Shows how far it is.
    pub(super) fn show(&self, step: Step) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let (draws, label, total, done) = match step {
            Step::Drawn(done, all) => (true, "drawn", Some(all), done),
            Step::Photos(done) => (false, self.label, self.total, done),
        };
        if shown.as_ref().is_none_or(|(drawing, _)| *drawing != draws) {
            // The old bar leaves the screen before the new one comes.
            *shown = None;
            *shown = Some((draws, Progress::new(&self.global, label, total)));
        }
        if let Some((_, bar)) = shown.as_ref() {
            bar.set(done);
        }
    }
}
