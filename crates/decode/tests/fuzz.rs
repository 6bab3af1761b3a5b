//! The fuzz targets without a fuzzer: every seed, every input in `tests/data/fuzz`, and changes of both.
//!
//! `tests/fuzz/run.sh` gives the same targets to libFuzzer. More changes by hand: `PROPTEST_CASES=100000 cargo test
//! -p scanmill-decode --test fuzz`.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

#[path = "fuzz/seeds.rs"]
mod seeds;
#[path = "fuzz/targets.rs"]
mod targets;

use targets::TARGETS;

fn known(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fuzz").join(target);
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn every_committed_input_holds() {
    let mut replayed = 0;
    for (name, target) in TARGETS {
        for (path, bytes) in known(name) {
            eprintln!("{}", path.display());
            target(&bytes);
            replayed += 1;
        }
    }
    // A folder under another name would replay nothing.
    let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fuzz")).unwrap();
    let folders = entries.map(|entry| entry.unwrap()).filter(|entry| entry.file_type().unwrap().is_dir());
    let files: usize = folders.map(|folder| std::fs::read_dir(folder.path()).unwrap().count()).sum();
    assert_eq!(replayed, files);
}

/// One change of a file, with places as shares of its length.
#[derive(Clone, Debug)]
enum Change {
    Byte(f64, u8),
    Bit(f64, u8),
    /// A number that lengths, counts and sides are compared with.
    Number(f64, u32, bool),
    Cut(f64),
    /// Bytes from one place to another.
    Copy(f64, f64, usize),
    Drop(f64, usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |share: f64| (share * bytes.len() as f64) as usize;
        match *self {
            Change::Byte(at, value) => bytes.splice(place(at)..place(at) + 1, [value]).for_each(drop),
            Change::Bit(at, bit) => {
                let at = place(at);
                bytes[at] ^= 1 << bit;
            }
            Change::Number(at, value, big) => {
                let at = place(at);
                let four = if big { value.to_be_bytes() } else { value.to_le_bytes() };
                bytes.iter_mut().skip(at).zip(four).for_each(|(byte, new)| *byte = new);
            }
            Change::Cut(at) => bytes.truncate(place(at).max(1)),
            Change::Copy(from, to, length) => {
                let (from, to) = (place(from), place(to));
                let piece = bytes[from..(from + length).min(bytes.len())].to_vec();
                bytes.splice(to..to, piece);
            }
            Change::Drop(at, length) => {
                let at = place(at).max(1);
                bytes.drain(at.min(bytes.len())..(at + length).min(bytes.len()));
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    // The header is where most lies are told.
    let at = || prop_oneof![0.0..0.1f64, 0.0..1.0f64];
    let odd = prop::sample::select(vec![0u32, 1, 2, 7, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, u32::MAX]);
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, value)| Change::Byte(at, value)),
        3 => (at(), 0..8u8).prop_map(|(at, bit)| Change::Bit(at, bit)),
        2 => (at(), odd, any::<bool>()).prop_map(|(at, value, big)| Change::Number(at, value, big)),
        1 => at().prop_map(Change::Cut),
        1 => (at(), at(), 1..200usize).prop_map(|(from, to, length)| Change::Copy(from, to, length)),
        1 => (at(), 1..200usize).prop_map(|(at, length)| Change::Drop(at, length)),
    ]
}

fn changed_seeds(name: &str, cases: u32) {
    let (_, target) = TARGETS.into_iter().find(|(target, _)| *target == name).unwrap();
    let mut files = seeds::of(name);
    files.iter().for_each(|seed| target(seed));
    files.extend(known(name).into_iter().map(|(_, bytes)| bytes));
    // Where the environment asks for more than proptest's usual number, it gets more.
    let usual = 256;
    let cases = cases * Config::default().cases.max(usual) / usual;
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    // By number, so that a failure prints as the changes and not as a file.
    let input = (0..files.len(), prop::collection::vec(change(), 1..8));
    let outcome = runner.run(&input, |(seed, changes)| {
        let mut bytes = files[seed].clone();
        changes.iter().for_each(|change| change.apply(&mut bytes));
        std::panic::catch_unwind(|| target(&bytes)).map_err(|_| TestCaseError::fail("the panic stands above"))
    });
    outcome.unwrap_or_else(|failure| panic!("{name}: {failure}"));
}

#[test]
fn changed_headers_are_inspected() {
    changed_seeds("inspect", 5_000);
}

#[test]
fn changed_jpegs_are_read_at_every_scale() {
    changed_seeds("jpeg", 1_000);
}

#[test]
fn changed_exif_is_sane() {
    changed_seeds("exif", 5_000);
}

#[test]
fn changed_pictures_climb_the_ladder() {
    changed_seeds("ladder", 60);
}

#[test]
fn changed_photos_are_read_or_refused() {
    changed_seeds("photo", 150);
}
