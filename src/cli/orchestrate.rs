//! `scanmill orchestrate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::pump::arrival::{ArrivalArgs, time};
use super::pump::key_file;
use super::pump::story_args::StoryArgs;
use super::{Exit, GlobalArgs, out, settings, signals};
use crate::app;
use crate::diagnostics::counted;
use crate::error::Result;
use crate::pump::arrival::Arrival;
use crate::pump::run_plan::RunPlan;
use crate::pump::send::{Sending, Sent, send};

/// Between the start of `orchestrate` and the first photo that is due: workers draw the pictures meanwhile.
const START_IN: Duration = Duration::from_secs(10);

/// Sends the stamps of a run to a queue, for `distribute` to make photos from: the first half of the pump
///
/// Writes the run's plan into the results bucket and the answer key into a file, and sends each stamp a little before
/// it is due. Any number of `distribute` workers take them. Ctrl-C ends early, with the key sealed for what was sent.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanmill orchestrate --spec orchestrator-specification.json --story story-specification.json
  scanmill orchestrate --rate 2000/s --for 10m --start-in 1m
  scanmill distribute --until-empty          in as many terminals and on as many machines as it takes
  scanmill verify                            once the engine has read them all")]
pub struct OrchestrateArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "described by its own type")]
    pub arrival: ArrivalArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "described by its own type")]
    pub choice: StoryArgs,
    /// With a rate or --replay: the first photo is due after this time [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "How many photos, and when")]
    pub start_in: Option<Duration>,
    /// Where the answer key goes; an existing one is not overwritten [default: answer-key.jsonl in the root, then answer-key-2.jsonl, …]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// End with one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &OrchestrateArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = settings::load(global)?;
    let plan = args.choice.plan(&args.arrival, &settings)?;
    let start_in = match plan.arrival {
        Arrival::Unpaced => Duration::ZERO,
        Arrival::Paced(_) | Arrival::Replay { .. } => args.start_in.unwrap_or(START_IN),
    };
    let starts_at = Timestamp::now() + SignedDuration::try_from(start_in).unwrap_or_default();
    let sending = Sending {
        run: RunPlan { run: Some(name(Timestamp::now())), starts_at, ..plan },
        plan_bucket: settings.store.results.clone(),
        key_file: key_file(args.key_file.as_deref(), &settings)?,
    };
    let cancel = CancellationToken::new();
    let sent = app::io_runtime(settings.run.io_threads)?.block_on(async {
        signals::cancel_on_signal(&cancel, "stopping: the answer key is sealed for the stamps that were sent")?;
        app::make_folders(&settings)?;
        let store = app::open(&settings)?.store;
        let stamps = app::open_stamp_queue(&settings)?;
        let bar = Progress::new(global, "stamps", sending.run.stamps.count());
        send(&sending, (&*store, &*stamps), |sent| bar.set(sent), &cancel).await
    })?;
    if args.json {
        out::print_json(&sent)?;
    } else {
        out::print_line(summary(&sent).trim_end())?;
    }
    Ok(if sent.complete { Exit::Success } else { Exit::Interrupted })
}

/// A run's name: its time, for people, and a few letters, so that no two are the same.
fn name(now: Timestamp) -> String {
    format!("{}-{:08x}", now.strftime("%Y%m%dT%H%M%SZ"), rand::random::<u32>())
}

fn summary(sent: &Sent) -> String {
    let Sent { run, stamps, photos, seconds, expected_scans, expected_rejections, .. } = sent;
    let kind = if sent.complete { "" } else { ", not the whole run" };
    let late = if sent.late > 0 {
        format!("{} went out late, already due\n", counted(sent.late, "stamp"))
    } else {
        String::new()
    };
    format!(
        "run {run}: {} in {seconds:.1} s, the story takes a photo at {photos} of them{kind}\n{late}\
         they must lead to {} and {}: {}\n\
         plan: {}/{}\n",
        counted(*stamps, "stamp"),
        counted(*expected_scans, "scan"),
        counted(*expected_rejections, "rejection"),
        sent.key_file.display(),
        sent.plan_bucket,
        sent.plan_key,
    )
}
