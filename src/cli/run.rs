//! `scanmill run`.

use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use super::serving::Serving;
use super::settings::MetricsArgs;
use super::{Exit, GlobalArgs, out, reload};
use crate::app;
use crate::diagnostics::counted;
use crate::error::{Error, Result};
use crate::telemetry::process;

/// Runs the engine until it is stopped
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanmill run --root data                  photos in data/inbox become rows
  scanmill run --root data --until-empty    the same, until all is loaded

With --until-empty it ends with code 1 when [filter] let nothing pass or a file may not be read.

The first Ctrl-C or SIGTERM drains: nothing new is begun, everything in flight is finished and loaded. A second one \
stops at once. Either way nothing is lost.

SIGHUP has the configuration file read again, without a restart: limits, filters, retention, the log's filter. The \
log says which changed keys wait for one. On a terminal (stdin, stdout or stderr), whose end it then is, it drains.")]
pub struct RunArgs {
    /// Ends by itself once the queue is empty and every batch is loaded
    #[arg(long)]
    pub until_empty: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "described by its own type")]
    pub metrics: MetricsArgs,
}

/// Runs the command.
pub fn run(args: &RunArgs, global: &GlobalArgs) -> Result<Exit> {
    let (settings, again) = reload::load(global, &args.metrics)?;
    let settings = Arc::new(settings);
    app::make_folders(&settings)?;
    let ports = app::open(&settings)?;
    let started = Instant::now();
    app::run_system(&settings, async {
        app::preflight(&settings).await?;
        let serving = Serving::start(&settings, &ports, Some(again)).await?;
        let (photos, rows) = app::places(&settings);
        out::note(&format!("running: photos go into `{photos}`, rows into `{rows}`"));
        let engine = serving.engine.clone();
        let mut fault = None;
        if args.until_empty {
            tokio::select! {
                empty = engine.idle() => match empty {
                    // It ended by itself: how it did says more than that the wait for it was cut short.
                    Err(_) if engine.has_ended() => {}
                    Err(error) => {
                        fault = Some(error);
                        engine.stop_now();
                    }
                    Ok(()) => engine.drain(),
                },
                () = serving.signals.drain.cancelled() => {}
            }
        }
        let exit = serving.end().await;
        note_figures(&engine, started);
        let set_aside = engine.batches_set_aside();
        match (fault, exit) {
            (Some(fault), _) => Err(fault),
            (None, Ok(Exit::Success)) if args.until_empty && set_aside > 0 => Err(not_all_loaded(set_aside)),
            (None, Ok(Exit::Success)) if args.until_empty => Ok(tell_of_unread(&engine)),
            (None, exit) => exit,
        }
    })
}

/// What a script must hear of after everything was read: photos that may not be read, and a filter that let nothing
/// pass, which is rather mistyped than meant.
fn tell_of_unread(engine: &app::Engine) -> Exit {
    let unreadable = engine.unreadable();
    if unreadable > 0 {
        let entries = if unreadable == 1 { "file or folder" } else { "files or folders" };
        out::note(&format!("warning: {unreadable} {entries} of the inbox may not be read"));
        out::note("hint: `scanmill gaps` names them; check their owner and mode");
        return Exit::Differences;
    }
    match engine.telemetry().totals.all_passed_over() {
        0 => Exit::Success,
        photos => {
            let photos = counted(photos, "photo");
            out::note(&format!("warning: [filter] passed over all {photos}, and none was read"));
            out::note("hint: check [filter]; once it is right, `scanmill backfill` queues them again");
            Exit::Differences
        }
    }
}

fn not_all_loaded(set_aside: usize) -> Error {
    let batches = counted(set_aside as u64, "sealed batch");
    Error::poison(format!("{batches} set aside, which cannot be read, as logged above"))
        .with_hint("everything else is loaded; restore these objects from a copy, or move them away")
}

fn note_figures(engine: &app::Engine, started: Instant) {
    let totals = engine.telemetry().totals.snapshot();
    let rejections: u64 = totals.rejections.values().sum();
    let peak = process::memory()
        .map_or("unknown".to_owned(), |memory| format!("{:.0} MB", memory.peak_resident_bytes as f64 / 1e6));
    let left_out = match totals.photos_skipped {
        0 => String::new(),
        photos => format!(", {photos} passed over by [filter]"),
    };
    out::note(&format!(
        "{}, {}, {}{left_out} in {:.1} s; cpu {:.1} s, of it decoding {:.1} s; peak memory {peak}",
        counted(totals.photos, "photo"),
        counted(totals.scans, "scan"),
        counted(rejections, "rejection"),
        started.elapsed().as_secs_f64(),
        process::process_cpu().as_secs_f64(),
        totals.decode_cpu_seconds,
    ));
}
