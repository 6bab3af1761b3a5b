//! `scanmill distribute`.

use std::sync::Arc;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::exit::usage;
use super::pump::{Bars, cores};
use super::{Exit, GlobalArgs, out, settings, signals};
use crate::app;
use crate::config::Settings;
use crate::diagnostics::counted;
use crate::error::{Error, Result};
use crate::pump::run_report::Quantiles;
use crate::pump::worker::{WorkReport, WorkerOptions, work};
use crate::pump::{SCENE_CACHE_BYTES, Step};
use crate::quantile::told;

/// Receives stamps from a queue, makes their photos and puts them into the inbox: the second half of the pump
///
/// Each stamp names its run's plan, so a worker needs only queue and store. Start as many as you like, here and on
/// other machines; kill any of them: its stamps come again and lead to the same objects, byte for byte. Ctrl-C ends
/// with the photos under way put and the other stamps given back.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  scanmill distribute                        until Ctrl-C\n  scanmill distribute --until-empty --json"
)]
pub struct DistributeArgs {
    /// End once the queue of stamps is empty
    #[arg(long)]
    pub until_empty: bool,
    /// Threads that make photos [default: one per core]
    #[arg(long, visible_alias = "workers", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// End with one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// A worker joins a run that somebody else began: a mistyped root must not become a new one.
fn require_root(settings: &Settings) -> Result<()> {
    let root = &settings.local.root;
    match root.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(usage(format!("there is no root folder `{}`", root.display()))
            .with_hint("`orchestrate --root` or `run --root` makes it; workers join with the same root")),
        Err(error) => Err(Error::io("cannot look at", root, error)),
    }
}

/// Runs the command.
pub fn run(args: &DistributeArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = settings::load(global)?;
    require_root(&settings)?;
    let options = WorkerOptions {
        inbox: settings.store.inbox.clone(),
        threads: args.threads.map_or_else(cores, usize::from),
        scene_cache_bytes: SCENE_CACHE_BYTES,
        visibility: settings.queue.visibility_timeout,
        wait: settings.queue.wait,
        max_held: settings.queue.max_in_flight,
        until_empty: args.until_empty,
    };
    let drain = CancellationToken::new();
    let report = app::io_runtime(settings.run.io_threads)?.block_on(async {
        signals::cancel_on_signal(&drain, "draining: photos under way are put, the other stamps go back")?;
        app::make_folders(&settings)?;
        let ports = app::open(&settings)?;
        let stamps = app::open_stamp_queue(&settings)?;
        let bars = Bars::new(global, "put", None);
        let shown: Arc<dyn Fn(Step) + Send + Sync> = Arc::new(move |step| bars.show(step));
        work(&options, (&ports.store, &*ports.queue, &*stamps), shown, &drain).await
    })?;
    if args.json {
        out::print_json(&report)?;
    } else {
        out::print_line(summary(&report).trim_end())?;
    }
    Ok(Exit::Success)
}

/// As many of the quantiles as the count allows.
fn times(of: &Quantiles) -> String {
    let told = |name, quantile, value| told(quantile, of.count, value).map(|value| format!("{name} {value:.1} ms, "));
    let quantiles = [told("p50", 0.5, of.p50), told("p99", 0.99, of.p99)];
    format!("{}max {:.1} ms", quantiles.into_iter().flatten().collect::<String>(), of.max)
}

fn summary(report: &WorkReport) -> String {
    let WorkReport { stamps, received_again, put_failures, lost_leases, no_stamps, pump, .. } = report;
    let mut text = format!(
        "{}, {received_again} of them received before: put {} ({:.1} MB), the story took none at {}\n\
         {:.1} s, {:.1} photos/s, {:.2} CPU ms each to make; a put took {}\n",
        counted(*stamps, "stamp"),
        counted(pump.photos, "photo"),
        pump.bytes as f64 / 1e6,
        pump.declined,
        pump.seconds,
        pump.per_second,
        pump.make_cpu_ms_per_photo(),
        times(&pump.put_ms),
    );
    let late = &pump.late_ms;
    if late.count > 0 {
        text.push_str(&format!("put began after it was due: {}\n", times(late)));
    }
    for (count, one, what) in [
        (*put_failures, "photo", "not put just then; the stamp came again"),
        (*lost_leases, "stamp", "handed out elsewhere before it was done here"),
        (*no_stamps, "message", "without a stamp"),
        (report.dead.unwrap_or(0), "message", "in the dead letters of the queue"),
    ] {
        if count > 0 {
            text.push_str(&format!("{} {what}\n", counted(count, one)));
        }
    }
    text
}
