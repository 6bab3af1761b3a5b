//! `kill -9` at random instants of the real binary, with photos arriving meanwhile: nothing is lost, nothing doubled.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rand::{RngExt, SeedableRng};

const KILLS: usize = 10;
const PHOTOS: &str = "900";

/// A process that does not outlive the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn scanmill(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scanmill"));
    // Leases end soon, so that what a killed engine held comes again within the test.
    let quick = ["queue.visibility_timeout_seconds=4", "batch.max_age_ms=150", "load.interval_ms=100"];
    command.args(arguments).arg("--root").arg(root);
    command.args(quick.iter().flat_map(|setting| ["--set", setting]));
    command.args(["--set", "limits.photo_time_budget_ms=3000"]).stdin(Stdio::null());
    command
}

fn finish(mut command: Command) -> Output {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains("panicked"), "{text}");
    output
}

#[test]
fn ten_kills_lose_and_double_nothing() {
    let root = tempfile::tempdir().unwrap();
    let seed: u64 = rand::random();
    let mut draw = rand::rngs::SmallRng::seed_from_u64(seed);

    let pump = ["pump", "--count", PHOTOS, "--rate", "150", "--pictures", "1", "--no-wait", "--quiet"];
    std::fs::create_dir_all(root.path().join("inbox")).unwrap();
    let mut pump = Running(scanmill(root.path(), &pump).stdout(Stdio::null()).spawn().unwrap());
    for _ in 0..KILLS {
        let engine = scanmill(root.path(), &["run", "--metrics", "off", "--quiet"]).spawn().unwrap();
        let engine = Running(engine);
        std::thread::sleep(Duration::from_millis(draw.random_range(20..900)));
        drop(engine);
    }
    assert!(pump.0.wait().unwrap().success(), "seed {seed}: the pump failed, its message is above");

    let last = finish(scanmill(root.path(), &["run", "--until-empty", "--metrics", "off"]));
    let log = String::from_utf8_lossy(&last.stderr);
    assert!(last.status.success(), "seed {seed}: {log}");
    let verdict = finish(scanmill(root.path(), &["verify", "--json"]));
    let text = String::from_utf8_lossy(&verdict.stdout);
    let figures: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    for figure in ["lost", "doubled", "wrong"] {
        assert_eq!(figures[figure], 0, "seed {seed}: {figures:#}");
    }
    assert_eq!(figures["photos"].to_string(), PHOTOS);
    assert!(verdict.status.success());
}
