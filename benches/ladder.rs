//! Runs a corpus through the ladder and through every rung alone, and says in which order the rungs win most per
//! millisecond of CPU: `cargo bench --bench ladder -- DIR|MANIFEST [PART_OF_PATH]`.
//!
//! A manifest is tab-separated: path, category, number of codes, where the truth comes from, expected texts as a JSON
//! list. In a plain folder of pictures there is no truth: a text counts when the whole ladder reads it too.

#![allow(clippy::disallowed_macros, reason = "a tool for a terminal, not part of the product")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use scanmill::decode::{DecodeLimits, inspect, read, trials};

struct Photo {
    path: PathBuf,
    texts: Option<Vec<String>>,
}

#[derive(Default)]
struct Tally {
    read: BTreeSet<usize>,
    wrong: usize,
    ran: usize,
    ms: Vec<f64>,
    won: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let Some(corpus) = arguments.first() else {
        println!("no corpus given: cargo bench --bench ladder -- DIR|MANIFEST [PART_OF_PATH]");
        return;
    };
    let part = arguments.get(1).map_or("", String::as_str);
    let mut photos = photos(Path::new(corpus));
    photos.retain(|photo| photo.path.to_string_lossy().contains(part));
    let limits = DecodeLimits {
        max_file_bytes: 64 << 20,
        max_pixels: 64_000_000,
        max_side: 16_384,
        max_pixels_per_byte: 10_000,
        time_budget: Duration::from_secs(20),
        heic_time_budget: Some(Duration::from_secs(120)),
        first_only: false,
    };
    let mut rungs: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut whole = Tally::default();
    let mut slowest: Vec<(f64, String)> = Vec::new();
    let mut steps: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, photo) in photos.iter().enumerate() {
        let Ok(bytes) = std::fs::read(&photo.path) else { continue };
        let Ok(header) = inspect(&bytes, &limits) else { continue };
        let reading = read(&bytes, &header, &limits);
        let texts: Vec<String> = reading.codes.iter().map(|code| plain(&code.text)).collect();
        let truth = photo.texts.clone().unwrap_or_else(|| texts.clone());
        let ladder_ms: f64 = reading.rungs.iter().map(|run| run.ms).sum();
        whole.count(index, &texts, &truth, ladder_ms);
        if texts.iter().any(|text| truth.contains(text)) {
            *steps.entry(reading.rungs.len()).or_default() += 1;
        }
        let runs: Vec<String> = reading.rungs.iter().map(|run| format!("{} {:.1}", run.name, run.ms)).collect();
        slowest.push((ladder_ms, format!("{}: {}", photo.path.display(), runs.join(", "))));
        for run in &reading.rungs {
            rungs.entry(run.name).or_default().won += run.won;
        }
        for trial in trials(&bytes, &header, &limits).unwrap_or_default() {
            let tally = rungs.entry(trial.rung).or_default();
            if trial.ran {
                let texts: Vec<String> = trial.codes.iter().map(|code| plain(&code.text)).collect();
                for text in texts.iter().filter(|text| !truth.is_empty() && !truth.contains(text)) {
                    println!("wrong by {}: {} {text:?}", trial.rung, photo.path.display());
                }
                tally.count(index, &texts, &truth, trial.cpu_ms);
            }
        }
    }
    println!(
        "{:<18} {:>5} {:>5} {:>5} {:>6} {:>9} {:>9} {:>9}",
        "rung", "ran", "read", "wrong", "codes", "mean ms", "p50 ms", "p99 ms"
    );
    whole.print("(the ladder)");
    for name in scanmill::decode::rung_names() {
        if let Some(tally) = rungs.get_mut(name) {
            tally.print(name);
        }
    }
    println!("\nphotos read after so many rungs: {steps:?}");
    println!("\ngreedy order, by photos won per millisecond on what is left:");
    greedy(&rungs);
    slowest.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!("\nslowest:");
    for (ms, photo) in slowest.iter().take(8) {
        println!("{ms:9.1} {photo}");
    }
    println!("\nunread:");
    for (index, photo) in photos.iter().enumerate().filter(|(index, _)| !whole.read.contains(index)) {
        let by: Vec<&str> =
            rungs.iter().filter(|(_, tally)| tally.read.contains(&index)).map(|(name, _)| *name).collect();
        println!("  {} {}", photo.path.display(), by.join(" "));
    }
}

impl Tally {
    fn count(&mut self, photo: usize, texts: &[String], truth: &[String], ms: f64) {
        self.ran += 1;
        self.ms.push(ms);
        if texts.iter().any(|text| truth.contains(text)) {
            self.read.insert(photo);
        }
        self.wrong += usize::from(!truth.is_empty() && texts.iter().any(|text| !truth.contains(text)));
    }

    fn mean(&self) -> f64 {
        self.ms.iter().sum::<f64>() / self.ms.len().max(1) as f64
    }

    fn print(&mut self, name: &str) {
        self.ms.sort_by(f64::total_cmp);
        let rank = |share: usize| self.ms.get(self.ms.len() * share / 100).copied().unwrap_or(0.0);
        let (half, most) = (rank(50), rank(99));
        println!(
            "{name:<18} {:>5} {:>5} {:>5} {:>6} {:>9.2} {half:>9.2} {most:>9.2}",
            self.ran,
            self.read.len(),
            self.wrong,
            self.won,
            self.mean()
        );
    }
}

fn greedy(rungs: &BTreeMap<&str, Tally>) {
    let mut left: BTreeSet<&str> = rungs.keys().copied().collect();
    let mut read: BTreeSet<usize> = BTreeSet::new();
    loop {
        let wins = |name: &str| rungs.get(name).map_or(0, |tally| tally.read.difference(&read).count());
        let rate = |name: &str| wins(name) as f64 / rungs.get(name).map_or(1.0, Tally::mean).max(1e-6);
        let best = left.iter().copied().max_by(|a, b| rate(a).total_cmp(&rate(b)));
        let Some(best) = best.filter(|best| wins(best) > 0) else { break };
        println!("  {best:<18} {:>5} more, {:.3} per ms", wins(best), rate(best));
        left.remove(best);
        read.extend(rungs.get(best).map(|tally| tally.read.clone()).unwrap_or_default());
    }
    println!("  nothing more: {}", left.into_iter().collect::<Vec<_>>().join(" "));
}

fn photos(corpus: &Path) -> Vec<Photo> {
    let is_folder = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.is_dir());
    if is_folder(corpus) {
        let mut photos = Vec::new();
        let mut folders = vec![corpus.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if is_folder(&path) { folders.push(path) } else { photos.push(Photo { path, texts: None }) }
            }
        }
        photos.sort_by(|a, b| a.path.cmp(&b.path));
        return photos;
    }
    let folder = corpus.parent().unwrap_or(Path::new("."));
    let manifest = std::fs::read_to_string(corpus).expect("the manifest is readable");
    let line = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let texts: Vec<String> = fields.get(4).and_then(|texts| serde_json::from_str(texts).ok()).unwrap_or_default();
        let texts = texts.iter().map(|text| plain(text)).collect();
        Photo { path: folder.join(fields.first().copied().unwrap_or("")), texts: Some(texts) }
    };
    manifest.lines().map(line).collect()
}

fn plain(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end_matches(['\r', '\n']).to_owned()
}
