//! A story whose photos meet faults that pass: objects missing and uploaded again, files still being written, an inbox
//! that is gone for a while, an engine that is suspended for longer than a photo may take, one that is killed. It ends as
//! if there had been none.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::Root;
use rustix::process::Signal;

const PHOTOS: usize = 150;

/// Every file below `folder`, in a stable order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files.sort();
    files
}

/// Cuts a file in half and goes on writing it: the file stays open until [`HalfWritten::finish`].
struct HalfWritten {
    file: File,
    rest: Vec<u8>,
}

impl HalfWritten {
    fn begin(path: &Path) -> HalfWritten {
        let bytes = fs::read(path).unwrap();
        let (begun, rest) = bytes.split_at(bytes.len() / 2);
        let mut file = OpenOptions::new().write(true).truncate(true).open(path).unwrap();
        file.write_all(begun).unwrap();
        HalfWritten { file, rest: rest.to_vec() }
    }

    fn finish(mut self) {
        self.file.write_all(&self.rest).unwrap();
    }
}

fn count(root: &Root, sql: &str) -> usize {
    root.query(sql).first().and_then(|row| row[0].clone()).map_or(0, |count| count.parse().unwrap())
}

#[test]
fn a_story_that_meets_passing_faults_ends_as_if_there_had_been_none() {
    let root = Root::new();
    let count_text = PHOTOS.to_string();
    let pump = root.ended(&["pump", "--count", &count_text, "--pictures", "1", "--no-wait", "--quiet"]);
    assert_eq!(pump.code, Some(0), "{}", pump.stderr);

    let photos = files(&root.inbox());
    assert!(photos.len() >= PHOTOS, "{} files", photos.len());
    let missing: Vec<_> = photos.iter().step_by(10).map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    missing.iter().for_each(|(path, _)| fs::remove_file(path).unwrap());
    let half_written: Vec<_> = photos.iter().skip(5).step_by(10).map(|path| HalfWritten::begin(path)).collect();

    let quick = ["--set", "limits.photo_time_budget_ms=1000", "--set", "queue.visibility_timeout_seconds=5"];
    let engine = root.start(&quick);
    engine.wait_until("the missing photos are rejections", || {
        count(&root, "select count(*) from rejections where reason = 'missing_object'") == missing.len()
    });

    // The inbox is gone for a while, then back. Nothing that happens to a photo meanwhile is the photo's fault.
    let elsewhere = root.file("elsewhere");
    fs::rename(root.inbox(), &elsewhere).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    fs::rename(&elsewhere, root.inbox()).unwrap();

    // Suspended for three times as long as a photo may take.
    engine.signal(Signal::STOP);
    std::thread::sleep(Duration::from_secs(3));
    engine.signal(Signal::CONT);

    // Half of the missing photos come back while the engine runs, half after it was killed.
    let (first, second) = missing.split_at(missing.len() / 2);
    first.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    drop(engine);
    second.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    half_written.into_iter().for_each(HalfWritten::finish);

    root.run_until_empty_with(&quick);
    let verdict = root.ended(&["verify", "--json"]);
    let figures: serde_json::Value = serde_json::from_str(&verdict.stdout).unwrap();
    for figure in ["lost", "doubled", "wrong"] {
        assert_eq!(figures[figure], 0, "{figures:#}");
    }
    assert_eq!((figures["photos"].as_u64(), verdict.code), (Some(PHOTOS as u64), Some(0)), "{figures:#}");
    let passing = "select count(*) from rejections where reason in ('missing_object', 'retries_exhausted', 'timed_out', 'decoder_fault')";
    assert_eq!(count(&root, passing), 0);
}
