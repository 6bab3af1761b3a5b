//! The ladder on other readers' test photos: a floor for each set, and never a wrong text.
//!
//! The photos are not part of the project (their licences differ). They are looked for in `../shared/qr-dev`, or where
//! `SCANMILL_SHARED` points; without them this test says so and passes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use scanmill_decode::{DecodeLimits, decode};

/// Sets, and of how many photos at least one expected text must be read.
const FLOORS: [(&str, usize); 6] =
    [("zxing", 178), ("zxingcpp", 69), ("phone", 30), ("misc", 35), ("quircs-generated", 80), ("made", 3)];

#[test]
fn every_set_stays_above_its_floor_without_a_wrong_text() {
    let shared = std::env::var_os("SCANMILL_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let folder = shared.join("qr-dev");
    let Ok(manifest) = std::fs::read_to_string(folder.join("manifest.tsv")) else {
        eprintln!("skipped: no photos in {}", folder.display());
        return;
    };
    let limits = DecodeLimits {
        max_file_bytes: 32 << 20,
        max_pixels: 64_000_000,
        max_side: 16_384,
        max_pixels_per_byte: 1_000,
        time_budget: std::time::Duration::from_secs(60),
        heic_time_budget: Some(std::time::Duration::from_secs(120)),
        first_only: false,
        place_zone: true,
    };
    let texts_of = |line: &str| -> Vec<String> { serde_json::from_str(line.split('\t').nth(4).unwrap()).unwrap() };
    let known: BTreeSet<String> = manifest.lines().flat_map(texts_of).collect();
    let mut read: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in manifest.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[path, _category, count, truth, texts, ..] = fields.as_slice() else { panic!("manifest line {line}") };
        let bytes = std::fs::read(folder.join(path)).unwrap();
        let expected: Vec<String> = serde_json::from_str(texts).unwrap();
        let is_expected = |text: &str| {
            let plain = |text: &str| text.replace("\r\n", "\n").trim_end_matches(['\r', '\n']).to_owned();
            expected.iter().any(|expected| plain(expected) == plain(text))
        };
        let reading = decode(&bytes, &limits);
        if reading.codes.iter().any(|code| is_expected(&code.text)) {
            *read.entry(path.split('/').next().unwrap_or("")).or_default() += 1;
        }
        // Where no reader reads anything, nothing is known to be wrong. Of a sheet of several codes the manifest may know
        // only some texts: another text of the same sheets, known from another photo, is not wrong there.
        let has_unknown = count.parse::<usize>().is_ok_and(|count| count > expected.len());
        let is_elsewhere = |text: &String| has_unknown && known.contains(text);
        let strange = reading.codes.iter().filter(|code| truth != "none" && !is_expected(&code.text));
        let strange = strange.filter(|code| !is_elsewhere(&code.text));
        wrong.extend(strange.map(|code| format!("{path}: {:?} by {}", code.text, code.rung)));
    }
    assert!(wrong.is_empty(), "wrong texts: {wrong:#?}");
    for (set, floor) in FLOORS {
        let read = read.get(set).copied().unwrap_or(0);
        eprintln!("{set}: {read}");
        assert!(read >= floor, "{set}: read {read}, the floor is {floor}");
    }
}
