//! Runs a corpus through the ladder and through every rung alone, and says in which order the rungs win most per
//! millisecond of CPU: `cargo bench --bench ladder -- [OPTIONS] DIR|MANIFEST [PART_OF_PATH]`.
//!
//! `--made hard` instead of a corpus makes one, of the kinds that readers fail on (`benches/made`), `--made many` one of
//! shelves and sheets of many codes: `--each 30` photos of each kind, `--seed N` for others. `--whole` leaves the rungs alone out. `--covered` pastes paper over every code that is
//! read first: what is left is what photos without a code cost. `--trials FILE` writes what every rung alone read and cost
//! to a file (TSV).
//!
//! A manifest is tab-separated: path, category, number of codes, where the truth comes from, expected texts as a JSON
//! list. In a plain folder of pictures there is no truth: a text counts when the whole ladder reads it too.

#![allow(clippy::disallowed_macros, reason = "a tool for a terminal, not part of the product")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scanmill::decode::{DecodeLimits, inspect, read, trials};

#[path = "support/covered.rs"]
mod covered;
mod made;

struct Photo {
    path: PathBuf,
    texts: Option<Vec<String>>,
    from: From,
}

/// Where a photo's bytes come from.
enum From {
    File,
    Made { kind: &'static str, index: usize, seed: Option<u64> },
}

impl Photo {
    fn bytes(&mut self) -> Option<Vec<u8>> {
        match self.from {
            From::File => std::fs::read(&self.path).ok(),
            From::Made { kind, index, seed } => {
                let made = made::photo(kind, index, seed);
                self.texts = Some(made.texts);
                Some(made.bytes)
            }
        }
    }
}

/// What a kind of photos gave: those with a code read, those with all, codes read and there, photos with a wrong text.
#[derive(Default)]
struct Kind {
    photos: usize,
    read: usize,
    whole: usize,
    codes: usize,
    expected: usize,
    wrong: usize,
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
    let option = |name: &str| {
        arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1)).map(String::as_str)
    };
    let number = |name: &str| option(name).and_then(|number| number.parse::<u64>().ok());
    let named = ["--made", "--each", "--seed", "--keep", "--trials"];
    let is_value = |at: usize| at > 0 && named.contains(&arguments[at - 1].as_str());
    let mut plain_ones = arguments
        .iter()
        .enumerate()
        .filter(|(at, text)| !text.starts_with("--") && !is_value(*at))
        .map(|(_, text)| text);
    let alone = !arguments.iter().any(|argument| argument == "--whole");
    let made_kinds: &[&'static str] = match option("--made") {
        Some("hard") => &made::KINDS,
        Some("many") => &made::MANY,
        _ => &[],
    };
    let mut photos = if !made_kinds.is_empty() {
        made_photos(made_kinds, number("--each").unwrap_or(30) as usize, number("--seed"))
    } else if let Some(corpus) = plain_ones.next() {
        photos(Path::new(corpus))
    } else {
        println!("no corpus given: cargo bench --bench ladder -- DIR|MANIFEST|--made hard|--made many [PART_OF_PATH]");
        return;
    };
    let part = plain_ones.next().map_or("", String::as_str);
    photos.retain(|photo| photo.path.to_string_lossy().contains(part));
    let limits = DecodeLimits {
        max_file_bytes: 64 << 20,
        max_pixels: 64_000_000,
        max_side: 16_384,
        max_pixels_per_byte: 10_000,
        time_budget: Duration::from_secs(20),
        heic_time_budget: Some(Duration::from_secs(120)),
        first_only: false,
        place_zone: true,
    };
    let cover = arguments.iter().any(|argument| argument == "--covered");
    let mut lines = option("--trials").map(|path| {
        std::fs::File::create(path).unwrap_or_else(|error| panic!("--trials: cannot write {path}: {error}"))
    });
    let mut rungs: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut whole = Tally::default();
    let mut from_bytes = Tally::default();
    let mut slowest: Vec<(f64, String)> = Vec::new();
    let mut steps: BTreeMap<usize, usize> = BTreeMap::new();
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    for (index, photo) in photos.iter_mut().enumerate() {
        let Some(mut bytes) = photo.bytes() else { continue };
        if cover {
            let Some(covered) = covered::cover(&bytes, &limits) else { continue };
            bytes = covered;
            photo.texts = Some(Vec::new());
        }
        if let Some(folder) = option("--keep") {
            let name = photo.path.to_string_lossy().replace('/', "_");
            std::fs::write(Path::new(folder).join(name + ".jpg"), &bytes).expect("the folder can be written");
        }
        let Ok(header) = inspect(&bytes, &limits) else { continue };
        let reading = read(&bytes, &header, &limits);
        let texts: Vec<String> = reading.codes.iter().map(|code| plain(&code.text)).collect();
        let truth = photo.texts.clone().unwrap_or_else(|| texts.clone());
        let ladder_ms: f64 = reading.rungs.iter().map(|run| run.ms).sum();
        whole.count(index, &texts, &truth, ladder_ms);
        from_bytes.count(index, &texts, &truth, reading.decode_ms);
        let kind = photo.path.parent().map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
        kinds.entry(kind).or_default().count(&texts, &truth);
        for text in texts.iter().filter(|text| !truth.is_empty() && !truth.contains(text)) {
            println!("wrong by the ladder: {} {text:?}", photo.path.display());
        }
        if texts.iter().any(|text| truth.contains(text)) {
            let first = reading.rungs.iter().position(|run| run.won > 0);
            *steps.entry(first.map_or(0, |at| at + 1)).or_default() += 1;
        }
        let runs: Vec<String> =
            reading.rungs.iter().map(|run| format!("{} {:.1}", run.name.as_str(), run.ms)).collect();
        slowest.push((ladder_ms, format!("{}: {}", photo.path.display(), runs.join(", "))));
        for run in &reading.rungs {
            rungs.entry(run.name.as_str()).or_default().won += run.won;
        }
        let trials = if alone { trials(&bytes, &header, &limits).unwrap_or_default() } else { Vec::new() };
        for trial in trials {
            let tally = rungs.entry(trial.rung).or_default();
            if trial.ran {
                let texts: Vec<String> = trial.codes.iter().map(|code| plain(&code.text)).collect();
                if let Some(file) = &mut lines {
                    let right = truth.iter().filter(|text| texts.contains(text)).count();
                    let path = photo.path.display();
                    writeln!(file, "{path}\t{}\t{right}\t{}\t{:.3}", trial.rung, truth.len(), trial.cpu_ms)
                        .expect("the file can be written");
                }
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
    from_bytes.print("(bytes to text)");
    whole.print("(the ladder)");
    for name in scanmill::decode::rung_names() {
        if let Some(tally) = rungs.get_mut(name) {
            tally.print(name);
        }
    }
    println!("\n{:<40} {:>6} {:>5} {:>5} {:>11} {:>5}", "kind", "photos", "read", "all", "codes", "wrong");
    for (name, kind) in &kinds {
        println!(
            "{name:<40} {:>6} {:>5} {:>5} {:>5}/{:<5} {:>5}",
            kind.photos, kind.read, kind.whole, kind.codes, kind.expected, kind.wrong
        );
    }
    println!("\nphotos whose first code was read by so many rungs: {steps:?}");
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

impl Kind {
    fn count(&mut self, texts: &[String], truth: &[String]) {
        let read = truth.iter().filter(|text| texts.contains(text)).count();
        self.photos += 1;
        self.read += usize::from(read > 0);
        self.whole += usize::from(read == truth.len());
        self.codes += read;
        self.expected += truth.len();
        self.wrong += usize::from(!truth.is_empty() && texts.iter().any(|text| !truth.contains(text)));
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

fn made_photos(kinds: &[&'static str], each: usize, seed: Option<u64>) -> Vec<Photo> {
    let photo = |kind: &'static str, index| Photo {
        path: Path::new("made").join(kind).join(format!("{index:03}")),
        texts: None,
        from: From::Made { kind, index, seed },
    };
    kinds.iter().flat_map(|&kind| (0..each).map(move |index| photo(kind, index))).collect()
}

fn photos(corpus: &Path) -> Vec<Photo> {
    let is_folder = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.is_dir());
    if is_folder(corpus) {
        let mut photos = Vec::new();
        let mut folders = vec![corpus.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if is_folder(&path) {
                    folders.push(path);
                } else {
                    photos.push(Photo { path, texts: None, from: From::File });
                }
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
        Photo { path: folder.join(fields.first().copied().unwrap_or("")), texts: Some(texts), from: From::File }
    };
    manifest.lines().map(line).collect()
}

fn plain(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end_matches(['\r', '\n']).to_owned()
}
