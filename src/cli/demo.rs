//! `scanmill demo`: the whole engine on one command.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use tempfile::TempDir;

use super::progress::Progress;
use super::pump::KEY_FILE;
use super::serving::Serving;
use super::settings::{self, MetricsArgs};
use super::shell::quoted;
use super::{Exit, GlobalArgs, out, verify as verify_command};
use crate::app::{self, Ports};
use crate::config::Settings;
use crate::config::settings::{QueueKind, StoreKind, WarehouseKind};
use crate::diagnostics::counted;
use crate::error::{Error, Result};
use crate::pump::cities::{Cities, CityScans};
use crate::pump::verify::{Verdict, VerifyOptions, verify_with};
use crate::quantile::told;
use crate::telemetry::process;
use crate::telemetry::stages::StageSummary;
use crate::telemetry::totals::TotalsSnapshot;
use crate::warehouse::report::text::table;
use crate::warehouse::report::{Between, Report, report};

/// Differences that are listed; the figures count all.
const LISTED: usize = 20;

/// Runs everything at once: story in, engine, warehouse, verify, report
///
/// A second process, the pump, makes photos by a built-in story and puts them into the inbox while the engine reads
/// them. Then every row is compared with what the story says it must be.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanmill demo                            in a temporary folder that is removed at the end
  scanmill demo --root demo-data           in a folder of your own, for you to query
  scanmill demo --root demo-data --keep    its page and metrics stay up until Ctrl-C")]
pub struct DemoArgs {
    /// Photos to make and read
    #[arg(long, value_name = "N", default_value_t = 2_400, value_parser = clap::value_parser!(u64).range(1..))]
    pub photos: u64,
    /// Which story: the same seed, the same photos
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Goes on running after the report, with its page and metrics, until Ctrl-C; a temporary folder then stays
    #[arg(long)]
    pub keep: bool,
    /// End with one JSON object on stdout instead of the report
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "described by its own type")]
    pub metrics: MetricsArgs,
}

/// The figures of a demo, as `--json` prints them.
#[derive(Debug, Serialize)]
struct DemoResult {
    photos: u64,
    rows: u64,
    rejections: u64,
    lost: u64,
    doubled: u64,
    wrong: u64,
    /// From the first photo put until the last row was loaded; pump and engine share the machine.
    photos_per_second: f64,
    /// CPU time in the decoder, per photo read.
    decode_cpu_ms_per_photo: f64,
    /// CPU time of the whole engine process, per photo read; the pump is a process of its own.
    engine_cpu_ms_per_photo: f64,
    /// Of the engine process.
    peak_rss_bytes: Option<u64>,
    seconds: f64,
    stages: Vec<StageSummary>,
    cities: Vec<CityScans>,
    report: Report,
    /// Where everything is, unless it is removed at the end.
    root: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &DemoArgs, global: &GlobalArgs) -> Result<Exit> {
    let mut metrics = args.metrics.clone();
    // A demo must not fail because the usual port is in use.
    metrics.metrics.get_or_insert_with(|| "127.0.0.1:0".to_owned());
    let mut settings = settings::load_with(global, &metrics)?;
    let temporary = if global.root.is_none() { Some(temporary_root()?) } else { None };
    settings.local.root = match &temporary {
        Some(folder) => folder.path().to_path_buf(),
        None => given_root(&settings)?,
    };
    let stays = args.keep || temporary.is_none();
    // A demo touches no cloud, whatever the configuration file is for.
    settings.store.kind = StoreKind::Folder;
    settings.queue.kind = QueueKind::Sqlite;
    settings.warehouse.kind = WarehouseKind::Sqlite;
    let settings = Arc::new(settings);
    app::make_folders(&settings)?;
    let ports = app::open(&settings)?;
    out::note(&format!(
        "demo in `{}`: {}, seed {}",
        settings.local.root.display(),
        counted(args.photos, "photo"),
        args.seed
    ));
    let ended = app::run_system(&settings, async {
        let serving = Serving::start(&settings, &ports, None).await?;
        let shown = tokio::select! {
            shown = show(args, global, &settings, &ports, &serving, stays) => shown,
            () = serving.signals.drain.cancelled() => Ok(Exit::Interrupted),
        };
        if args.keep && matches!(shown, Ok(Exit::Success | Exit::Differences)) {
            let address = serving.address().unwrap_or("(no page: --metrics off)").to_owned();
            out::note(&format!(
                "still running: page {address}/  more photos into the inbox are read too; Ctrl-C ends it"
            ));
            serving.signals.drain.cancelled().await;
        }
        serving.engine.drain();
        let ended = serving.end().await?;
        Ok(if ended == Exit::Success { shown? } else { ended })
    });
    if let Some(folder) = temporary {
        let path = folder.path().to_path_buf();
        if !stays && matches!(ended, Ok(Exit::Success | Exit::Interrupted)) {
            folder.close().map_err(|error| Error::io("cannot remove the demo's folder", &path, error))?;
        } else {
            out::note(&format!("the demo's folder is kept: `{}`", folder.keep().display()));
        }
    }
    ended
}

/// A new temporary folder.
fn temporary_root() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("scanmill-demo-")
        .tempdir()
        .map_err(|error| Error::io("cannot make a folder in", &std::env::temp_dir(), error))
}

/// The folder named by `--root`, which must be new or empty.
fn given_root(settings: &Settings) -> Result<PathBuf> {
    let root = settings.local.root.clone();
    match std::fs::read_dir(&root).map(|mut entries| entries.next().is_some()) {
        Ok(true) => {
            Err(super::exit::usage(format!("`{}` is not empty: the demo needs a folder of its own", root.display())))
        }
        Ok(false) => Ok(root),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(root),
        Err(error) => Err(Error::io("cannot inspect", &root, error)),
    }
}

/// Pumps, waits, verifies and reports.
async fn show(
    args: &DemoArgs,
    global: &GlobalArgs,
    settings: &Settings,
    ports: &Ports,
    serving: &Serving,
    stays: bool,
) -> Result<Exit> {
    let (began, cpu_before) = (Instant::now(), process::process_cpu());
    let mut pump = Pump::start(args, settings)?;
    let progress = Progress::new(global, "read", Some(args.photos));
    let engine = &serving.engine;
    loop {
        let ended = pump.has_ended()?;
        progress.set(engine.telemetry().totals.snapshot().photos_decoded.min(args.photos));
        if ended && tokio::time::timeout(Duration::from_millis(200), engine.idle()).await.is_ok() {
            break;
        }
        if !ended {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let engine_cpu = process::process_cpu() - cpu_before;
    drop(progress);
    let totals = engine.telemetry().totals.snapshot();
    let key = settings.local.root.join(KEY_FILE);
    let progress = Progress::new(global, "verified", Some(args.photos));
    let options = VerifyOptions { max_listed: LISTED, ..VerifyOptions::default() };
    let mut cities = Cities::default();
    let warehouse = ports.warehouse.as_ref();
    let verdict = verify_with(&[key], warehouse, &options, &mut [&mut cities], |photos| progress.set(photos)).await?;
    drop(progress);
    let outcome = DemoResult {
        photos: verdict.photos,
        rows: verdict.rows,
        rejections: verdict.rejections,
        lost: verdict.lost,
        doubled: verdict.doubled,
        wrong: verdict.wrong,
        photos_per_second: verdict.photos as f64 / seconds,
        decode_cpu_ms_per_photo: totals.decode_cpu_seconds * 1_000.0 / totals.photos_decoded.max(1) as f64,
        engine_cpu_ms_per_photo: engine_cpu.as_secs_f64() * 1_000.0 / totals.photos.max(1) as f64,
        peak_rss_bytes: process::memory().map(|memory| memory.peak_resident_bytes),
        seconds,
        stages: engine.telemetry().stages.snapshot(),
        cities: cities.most_first(),
        report: report(warehouse, Between::default()).await?,
        // With a difference it stays, for whoever looks into it.
        root: (stays || !verdict.is_clean()).then(|| settings.local.root.clone()),
    };
    if args.json {
        out::print_json(&outcome)?;
    } else {
        out::print_line(&text(&outcome, &verdict, &totals, settings))?;
    }
    Ok(if verdict.is_clean() { Exit::Success } else { Exit::Differences })
}

fn text(outcome: &DemoResult, verdict: &Verdict, totals: &TotalsSnapshot, settings: &Settings) -> String {
    let peak = outcome.peak_rss_bytes.map_or("unknown".to_owned(), |bytes| format!("{:.0} MB", bytes as f64 / 1e6));
    let stages: Vec<Vec<String>> = outcome
        .stages
        .iter()
        .map(|stage| {
            let ms = |ms: f64| format!("{ms:.1}");
            let name = stage.stage.as_str().to_owned();
            let told = |quantile, value| told(quantile, stage.count, value).map_or_else(|| "–".to_owned(), ms);
            vec![name, stage.count.to_string(), told(0.5, stage.p50_ms), told(0.99, stage.p99_ms), ms(stage.max_ms)]
        })
        .collect();
    let cities: Vec<Vec<String>> =
        outcome.cities.iter().take(10).map(|city| vec![city.city.clone(), city.scans.to_string()]).collect();
    let left = match &outcome.root {
        Some(root) => format!(
            "Everything is in `{}`. Query it:\n  sqlite3 {} 'select * from mart_product_day limit 10'\n  \
             scanmill report --root {}\n",
            root.display(),
            quoted(&app::warehouse_path(settings).to_string_lossy()),
            quoted(&root.to_string_lossy()),
        ),
        None => "The demo's folder is removed now. To query one: scanmill demo --root demo-data\n".to_owned(),
    };
    format!(
        "{}\n{:.1} photos/s in {:.1} s beside the pump; CPU a photo: {:.1} ms in all, {:.1} ms decoding; \
         {} decodes, redeliveries included; peak memory {peak}\n\n\
         Time in each stage, ms\n{}\n\
         Scans by city\n{}\n\
         {}\n\
         Verified: {} lost, {} duplicated, {} wrong\n\n{left}",
        verify_command::report(verdict),
        outcome.photos_per_second,
        outcome.seconds,
        outcome.engine_cpu_ms_per_photo,
        outcome.decode_cpu_ms_per_photo,
        totals.photos_decoded,
        table(&["stage", ">photos", ">p50", ">p99", ">max"], &stages),
        table(&["city", ">scans"], &cities),
        outcome.report.to_text(Timestamp::now()),
        outcome.lost,
        outcome.doubled,
        outcome.wrong,
    )
}

/// The pump as a process of its own: its CPU time and memory are then not the engine's, and the queue and the store
/// are shared between processes as they are in real use. Killed when dropped.
struct Pump {
    child: Child,
    ended: bool,
}

impl Pump {
    fn start(args: &DemoArgs, settings: &Settings) -> Result<Pump> {
        let binary = std::env::current_exe().map_err(|error| {
            Error::permanent("cannot find scanmill's own binary to start the pump").with_source(error)
        })?;
        let child = Command::new(&binary)
            .arg("pump")
            .args(["--no-wait", "--quiet", "--count", &args.photos.to_string(), "--seed", &args.seed.to_string()])
            .arg("--root")
            .arg(&settings.local.root)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| Error::io("cannot start the pump", &binary, error))?;
        Ok(Pump { child, ended: false })
    }

    /// Whether it has put all photos.
    fn has_ended(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(true);
        }
        let status =
            self.child.try_wait().map_err(|error| Error::bug("cannot wait for the pump").with_source(error))?;
        match status {
            None => Ok(false),
            Some(status) if status.success() => {
                self.ended = true;
                Ok(true)
            }
            Some(status) => Err(Error::permanent(format!("the pump failed ({status}); its message is above"))),
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        if !self.ended {
            // Both fail only when it has ended by itself in the meantime.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
