//! What verifying costs: `cargo run --release --example verify_speed -- 1000000` makes a key and a warehouse file of so
//! many photos that nobody took, verifies them in a process of its own, and tells CPU time and memory of that.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use scanmill::pump::answer_key::KeyReader;
use scanmill::pump::latency::LatencyRecorder;
use scanmill::pump::verify::{Observer, VerifyOptions, verify_with};
use scanmill::telemetry::process;
use scanmill::warehouse::sqlite::SqliteWarehouse;

#[path = "../tests/verify_support/mod.rs"]
mod verify_support;

use verify_support::{photo, sqlite_warehouse, write_key};

type Done = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--verify", folder] => verify(Path::new(folder)),
        [photos] => photos.parse().map_err(Into::into).and_then(make),
        _ => Err("usage: verify_speed PHOTOS".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn make(photos: u64) -> Done {
    let folder = tempfile::tempdir()?;
    let began = Instant::now();
    write_key(&folder.path().join("key.jsonl"), (0..photos).map(photo));
    sqlite_warehouse(&folder.path().join("warehouse.sqlite"), (0..photos).map(photo));
    let megabytes =
        |name: &str| Ok::<_, std::io::Error>(std::fs::metadata(folder.path().join(name))?.len() / 1_000_000);
    say(&format!(
        "made {photos} photos in {:.1} s: key {} MB, warehouse {} MB",
        began.elapsed().as_secs_f64(),
        megabytes("key.jsonl")?,
        megabytes("warehouse.sqlite")?,
    ))?;
    let ended = Command::new(std::env::current_exe()?).arg("--verify").arg(folder.path()).status()?;
    if ended.success() { Ok(()) } else { Err("verifying failed".into()) }
}

fn verify(folder: &Path) -> Done {
    let key_file = folder.join("key.jsonl");
    let (began, cpu) = (Instant::now(), process::process_cpu());
    let mut key = KeyReader::open(&key_file)?;
    let mut lines = 0u32;
    while key.next_photo()?.is_some() {
        lines += 1;
    }
    tell(&format!("reading alone ({:.0} lines/s)", f64::from(lines) / began.elapsed().as_secs_f64()), began, cpu)?;

    let (began, cpu) = (Instant::now(), process::process_cpu());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let warehouse = SqliteWarehouse::open(&folder.join("warehouse.sqlite"))?;
    let mut latencies = LatencyRecorder::new()?;
    let options = VerifyOptions { scratch: Some(folder.to_owned()), ..VerifyOptions::default() };
    let keys = [key_file];
    let mut observers: [&mut dyn Observer; 1] = [&mut latencies];
    let verdict = runtime.block_on(verify_with(&keys, &warehouse, &options, &mut observers, |_| {}))?;
    tell(&format!("verified {} photos, {} rows", verdict.photos, verdict.rows + verdict.rejections), began, cpu)?;
    if verdict.is_clean() { Ok(()) } else { Err(format!("{:#?}", verdict.differences).into()) }
}

fn tell(what: &str, began: Instant, cpu: std::time::Duration) -> Done {
    let peak = process::memory().map_or(0, |memory| memory.peak_resident_bytes / 1_000_000);
    say(&format!(
        "{what}: {:.1} s, {:.1} CPU s, peak {peak} MB",
        began.elapsed().as_secs_f64(),
        (process::process_cpu() - cpu).as_secs_f64(),
    ))
}

fn say(line: &str) -> Done {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
