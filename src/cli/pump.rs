//! `scanmill pump`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::{Exit, GlobalArgs, engine_file, out, settings, signals, verify};
use crate::app;
use crate::config::Settings;
use crate::error::Result;
use crate::pump::scene::PhotoSize;
use crate::pump::story::StoryOptions;
use crate::pump::verify::{Verdict, verify as compare};
use crate::pump::wait::{self, Waited};
use crate::pump::{self, PumpPlan, PumpReport};
use crate::telemetry::process;

pub mod preview;
pub mod reading;

use reading::ReadingCost;

/// Name of the answer key in the root.
pub const KEY_FILE: &str = "answer-key.jsonl";
/// How long `--wait` waits while nothing moves.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes photos by a story and puts them into the inbox
///
/// The story decides who photographs which product, when and where, from the seed alone, and plants faults in about a
/// fifth of the photos. What every photo must lead to is written into an answer key; `verify` compares it with the
/// warehouse. Ctrl-C ends early with the key sealed for the photos that were put.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  scanmill pump --count 500 --rate 20\n  scanmill pump --json     # with `scanmill run` in another terminal: waits, verifies, figures as JSON"
)]
pub struct PumpArgs {
    /// What else the pump can do.
    #[command(subcommand)]
    pub command: Option<PumpCommand>,
    /// Photos to make
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: u64,
    /// Photos per second, whatever became of the earlier ones [default: as fast as possible]
    #[arg(long, value_name = "N", value_parser = rate)]
    pub rate: Option<f64>,
    /// Which story: the same seed, the same photos
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Size of the photos
    #[arg(long, value_enum, default_value_t = PhotoSize::Mixed)]
    pub size: PhotoSize,
    /// Plant faults (the default)
    #[arg(long, overrides_with = "no_faults")]
    pub faults: bool,
    /// Plant no faults
    #[arg(long)]
    pub no_faults: bool,
    /// Pictures per printed address [default: one for each thousand photos, 1 to 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub pictures: Option<u32>,
    /// Threads that make photos
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,
    /// Where the answer key goes [default: answer-key.jsonl in the root]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Make the photos and throw them away: what making costs
    #[arg(long, conflicts_with_all = ["wait", "no_wait", "rate", "key_file"])]
    pub make_only: bool,
    /// Wait until an engine has loaded every photo, then verify: the default while `scanmill run` works on this root
    #[arg(long)]
    pub wait: bool,
    /// End when every photo is put
    #[arg(long, conflicts_with = "wait")]
    pub no_wait: bool,
    /// End with one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// What else the pump can do.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "each command's own Args type has the text that `--help` shows")]
pub enum PumpCommand {
    Preview(preview::PreviewArgs),
}

/// Photos a second, as an argument.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    // Below one a day nothing would ever seem to happen.
    if (1e-5..=1e6).contains(&rate) { Ok(rate) } else { Err("must be more than 0 and at most 1000000".to_owned()) }
}

/// The JSON object at the end. What only the engine or the warehouse knows is null where nobody waited for it.
#[derive(Debug, Serialize)]
struct Outcome {
    /// Photos put, or made with `--make-only`.
    photos: u64,
    /// Scan rows in the warehouse, of these photos.
    rows: Option<u64>,
    /// Rejection rows there.
    rejections: Option<u64>,
    lost: Option<u64>,
    doubled: Option<u64>,
    wrong: Option<u64>,
    /// From the first put to the last, or with `--wait` until everything was loaded.
    photos_per_second: f64,
    /// By the rows' own `decode_ms`.
    decode_cpu_ms_per_photo: Option<f64>,
    /// CPU time of the engine process; null when it has no page (`--metrics off`) or was restarted.
    engine_cpu_ms_per_photo: Option<f64>,
    /// Of the engine process where it is known, else of this one.
    peak_rss_bytes: Option<u64>,
    #[serde(skip)]
    engine_peak_rss_bytes: Option<u64>,
    make_cpu_ms_per_photo: f64,
    /// What the engine's reader takes for a sample of them; with `--make-only`.
    reading: Option<ReadingCost>,
    /// Null when nobody waited; false when the engine stalled or the wait was cancelled.
    loaded: Option<bool>,
    key_file: Option<PathBuf>,
    pump: PumpReport,
}

/// Runs the command.
pub fn run(args: &PumpArgs, global: &GlobalArgs) -> Result<Exit> {
    if let Some(PumpCommand::Preview(args)) = &args.command {
        return preview::run(args, global);
    }
    let settings = settings::load(global)?;
    let plan = plan(args, &settings);
    let cancel = CancellationToken::new();
    let runtime = app::io_runtime(settings.run.io_threads)?;
    {
        let _inside = runtime.enter();
        signals::cancel_on_signal(&cancel, "stopping: the photos under way are put, then the answer key is sealed")?;
    }
    if args.make_only {
        let bar = Progress::new(global, "made", Some(plan.story.count));
        let report = pump::make_only(&plan, |made| bar.set(made), &cancel)?;
        drop(bar);
        let reading = reading::cost(&plan, &settings, &cancel)?;
        return finish(args, Outcome { reading: Some(reading), ..Outcome::new(report, None) }, None);
    }
    runtime.block_on(async {
        app::make_folders(&settings)?;
        let ports = app::open(&settings)?;
        let engine = engine_file::find(&settings.local.root);
        let began = Instant::now();
        let bar = Progress::new(global, "put", Some(plan.story.count));
        let both = (Arc::clone(&ports.store), Arc::clone(&ports.queue));
        let report = pump::run(&plan, both, |put| bar.set(put), cancel.clone()).await?;
        drop(bar);
        let mut outcome = Outcome::new(report, Some(plan.key_file.clone()));
        let wait = args.wait || (engine.is_some() && !args.no_wait);
        if !wait || cancel.is_cancelled() {
            if !args.no_wait && !cancel.is_cancelled() {
                out::note("no engine is running on this root: the rows are not waited for");
            }
            return finish(args, outcome, None);
        }
        ports.warehouse.prepare().await?;
        let bar = Progress::new(global, "loaded", Some(outcome.photos));
        let place = (plan.bucket.as_str(), plan.prefix.as_str());
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
            Waited::Done => outcome.photos_per_second = outcome.photos as f64 / began.elapsed().as_secs_f64(),
            Waited::Stalled => {
                let seconds = PATIENCE.as_secs();
                out::note(&format!("nothing was loaded for {seconds} s: is `scanmill run` running on this root?"));
            }
            Waited::Cancelled => return finish(args, outcome, None),
        }
        outcome.loaded = Some(waited == Waited::Done);
        let bar = Progress::new(global, "verified", Some(outcome.photos));
        let verdict = compare(&plan.key_file, &*ports.warehouse, 100, |photos| bar.set(photos)).await?;
        drop(bar);
        if let (Some(before), Some(after)) = (engine, engine_file::find(&settings.local.root)) {
            let cpu = after.cpu_seconds - before.cpu_seconds;
            // An engine that was restarted meanwhile counts from zero again: its figure would mean nothing.
            outcome.engine_cpu_ms_per_photo = (cpu > 0.0).then(|| cpu * 1_000.0 / outcome.photos.max(1) as f64);
            outcome.engine_peak_rss_bytes = after.peak_resident_bytes;
        }
        outcome.decode_cpu_ms_per_photo = wait::decode_ms_per_photo(&*ports.warehouse, place.0, place.1).await?;
        finish(args, outcome, Some(verdict))
    })
}

fn plan(args: &PumpArgs, settings: &Settings) -> PumpPlan {
    let story = StoryOptions {
        seed: args.seed,
        count: args.count,
        size: args.size,
        faults: !args.no_faults,
        // Drawing is nearly all that making costs: a small story draws fewer, so that making stays cheaper than reading.
        scene_variants: args.pictures.unwrap_or((args.count / 1_000).clamp(1, 3) as u32),
    };
    let key_file = args.key_file.clone().unwrap_or_else(|| settings.local.root.join(KEY_FILE));
    PumpPlan {
        per_second: args.rate,
        threads: usize::from(args.threads),
        ..PumpPlan::new(story, settings.store.inbox.clone(), key_file)
    }
}

impl Outcome {
    fn new(pump: PumpReport, key_file: Option<PathBuf>) -> Self {
        Self {
            photos: pump.photos,
            rows: None,
            rejections: None,
            lost: None,
            doubled: None,
            wrong: None,
            photos_per_second: pump.per_second,
            decode_cpu_ms_per_photo: None,
            engine_cpu_ms_per_photo: None,
            peak_rss_bytes: None,
            engine_peak_rss_bytes: None,
            make_cpu_ms_per_photo: pump.make_cpu_ms_per_photo(),
            reading: None,
            loaded: None,
            key_file,
            pump,
        }
    }
}

/// Prints the outcome and decides the exit code.
fn finish(args: &PumpArgs, mut outcome: Outcome, verdict: Option<Verdict>) -> Result<Exit> {
    if let Some(verdict) = &verdict {
        outcome.rows = Some(verdict.rows);
        outcome.rejections = Some(verdict.rejections);
        outcome.lost = Some(verdict.lost);
        outcome.doubled = Some(verdict.doubled);
        outcome.wrong = Some(verdict.wrong);
    }
    let own = process::memory().map(|memory| memory.peak_resident_bytes);
    outcome.peak_rss_bytes = outcome.engine_peak_rss_bytes.or(own);
    if args.json {
        out::print_json(&outcome)?;
    } else {
        let verdict = verdict.as_ref().map(verify::report).unwrap_or_default();
        out::print_line((summary(&outcome) + &verdict).trim_end())?;
    }
    Ok(if verdict.is_none_or(|verdict| verdict.is_clean()) { Exit::Success } else { Exit::Differences })
}

fn summary(outcome: &Outcome) -> String {
    let pump = &outcome.pump;
    let verb = if outcome.key_file.is_some() { "put" } else { "made" };
    let mut text = format!(
        "{verb} {} photos ({:.1} MB) in {:.1} s: {:.1}/s, {:.2} CPU ms each to make, of which {:.2} for drawing {} pictures\n",
        pump.photos,
        pump.bytes as f64 / 1e6,
        pump.seconds,
        pump.per_second,
        pump.make_cpu_ms_per_photo(),
        pump.draw_cpu_seconds * 1_000.0 / pump.photos.max(1) as f64,
        pump.pictures_drawn,
    );
    if let Some(reading) = &outcome.reading {
        text.push_str(&reading.summary(outcome.make_cpu_ms_per_photo));
    }
    if let Some(asked) = pump.per_second_asked {
        text.push_str(&format!("asked for {asked}/s\n"));
    }
    let faults: Vec<String> = pump.faults.iter().map(|(fault, photos)| format!("{photos} {fault}")).collect();
    if !faults.is_empty() {
        text.push_str(&format!("planted: {}\n", faults.join(", ")));
    }
    if let Some(key_file) = &outcome.key_file {
        let kind = if pump.complete { "" } else { ", not the whole story" };
        text.push_str(&format!(
            "they must lead to {} scans and {} rejections: {}{kind}\n",
            pump.expected_scans,
            pump.expected_rejections,
            key_file.display()
        ));
    }
    text
}
