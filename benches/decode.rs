//! What reading a photo costs: by format and size, by rung, and over a corpus. Milliseconds of CPU.
//!
//! `cargo bench --bench decode -- [PATH] [--size 0.3|1.2|12] [--json]`: PATH is a manifest or a folder of photos for the
//! last table; without one it is made of photos that the project draws. `--size` keeps one size of the first tables and
//! leaves the drawn corpus out.
#![allow(clippy::disallowed_macros, reason = "a bench talks to a terminal and may stop")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use scanmill::decode::{Luma, decode, inspect, read_luma, trials};
use scanmill::telemetry::process::thread_cpu;
use serde::Serialize;

#[path = "support/made.rs"]
mod made;

use made::limits;

/// Rounds over one photo of the first tables; the best counts, as the machine beside us only ever adds.
const ROUNDS: usize = 5;

/// A drawn photo in one format and size.
#[derive(Serialize)]
struct FormatRow {
    megapixels: &'static str,
    format: &'static str,
    kilobytes: usize,
    header_us: f64,
    ladder_ms: f64,
    all_ms: f64,
    rungs: usize,
    read: bool,
}

/// One rung alone on the drawn JPEG of each size.
#[derive(Default, Serialize)]
struct RungRow {
    ms: BTreeMap<&'static str, f64>,
    reads: BTreeMap<&'static str, bool>,
}

/// The whole ladder, and all around it, over many photos.
#[derive(Serialize)]
struct CorpusRow {
    photos: usize,
    /// Of those with a known text.
    read: usize,
    known: usize,
    wrong: usize,
    mean_ms: f64,
    p50_ms: f64,
    p99_ms: f64,
    most_ms: f64,
    read_on_first_two_rungs: usize,
}

#[derive(Serialize)]
struct Figures {
    formats: Vec<FormatRow>,
    rungs: Vec<(&'static str, RungRow)>,
    corpus: Option<CorpusRow>,
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut corpus, mut size, mut json) = (None, None, false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => json = true,
            "--size" => size = arguments.next(),
            path => corpus = Some(PathBuf::from(path)),
        }
    }
    let sizes: Vec<_> =
        made::SIZES.into_iter().filter(|(name, _, _)| size.as_ref().is_none_or(|it| it == name)).collect();
    assert!(!sizes.is_empty(), "--size takes 0.3, 1.2 or 12");
    let mut figures = Figures { formats: Vec::new(), rungs: Vec::new(), corpus: None };
    if !json {
        println!(
            "{:<5} {:<17} {:>7} {:>10} {:>10} {:>9} {:>6}",
            "MP", "format", "kB", "header us", "ladder ms", "all ms", "rungs"
        );
    }
    let mut rungs: BTreeMap<&'static str, RungRow> = BTreeMap::new();
    for (megapixels, width, height) in sizes {
        let photo = made::draw(3, width, height, false);
        for (format, bytes) in photo.files() {
            let row = measure(megapixels, format, &bytes, &photo.texts);
            if !json {
                let read = if row.read { "" } else { "  not read" };
                println!(
                    "{:<5} {:<17} {:>7} {:>10.2} {:>10.2} {:>9.2} {:>6}{read}",
                    row.megapixels, row.format, row.kilobytes, row.header_us, row.ladder_ms, row.all_ms, row.rungs
                );
            }
            figures.formats.push(row);
        }
        every_rung(megapixels, &photo.jpeg(false), &photo.texts, &mut rungs);
    }
    let in_order = scanmill::decode::rung_names().filter_map(|name| rungs.remove_entry(name));
    figures.rungs = in_order.collect();
    if !json {
        print_rungs(&figures.rungs);
    }
    if corpus.is_some() || size.is_none() {
        figures.corpus = Some(over(photos(corpus.as_deref())));
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&figures).expect("figures are JSON"));
    } else if let Some(row) = &figures.corpus {
        print_corpus(row);
    }
}

fn cpu_ms<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = thread_cpu();
    let made = black_box(work());
    (made, thread_cpu().saturating_sub(before).as_secs_f64() * 1e3)
}

fn best<T>(work: impl Fn() -> T) -> f64 {
    (0..ROUNDS).map(|_| cpu_ms(&work).1).fold(f64::INFINITY, f64::min)
}

fn measure(megapixels: &'static str, format: &'static str, bytes: &[u8], texts: &[String]) -> FormatRow {
    let limits = limits();
    let reading = decode(bytes, &limits);
    let luma = luma_of(bytes);
    // Copied outside the clock.
    let ladder = |_| {
        let luma = luma.clone();
        cpu_ms(|| read_luma(luma, &limits)).1
    };
    // A header takes less than the clock can see.
    let header_ms =
        best(|| (0..1_000).map(|_| black_box(inspect(black_box(bytes), &limits)).is_ok()).filter(|ok| *ok).count());
    FormatRow {
        megapixels,
        format,
        kilobytes: bytes.len() / 1_000,
        header_us: header_ms,
        ladder_ms: (0..ROUNDS).map(ladder).fold(f64::INFINITY, f64::min),
        all_ms: best(|| decode(bytes, &limits)),
        rungs: reading.rungs.len(),
        read: reading.codes.iter().any(|code| texts.contains(&code.text)),
    }
}

/// The whole picture's brightness, for the ladder alone.
fn luma_of(bytes: &[u8]) -> Luma {
    let reader = image::ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format().expect("bytes in memory");
    let grey = reader.decode().expect("a picture drawn here").into_luma8();
    let [width, height] = [grey.width(), grey.height()].map(|side| side as usize);
    Luma::new(width, height, grey.into_raw()).expect("as many pixels as its sides say")
}

fn every_rung(megapixels: &'static str, bytes: &[u8], texts: &[String], rungs: &mut BTreeMap<&'static str, RungRow>) {
    let limits = limits();
    let header = inspect(bytes, &limits).expect("a photo drawn here");
    for _ in 0..ROUNDS {
        for trial in trials(bytes, &header, &limits).expect("a photo drawn here").iter().filter(|trial| trial.ran) {
            let row = rungs.entry(trial.rung).or_default();
            let ms = row.ms.entry(megapixels).or_insert(f64::INFINITY);
            *ms = ms.min(trial.cpu_ms);
            row.reads.insert(megapixels, trial.codes.iter().any(|code| texts.contains(&code.text)));
        }
    }
}

fn print_rungs(rungs: &[(&'static str, RungRow)]) {
    let sizes = made::SIZES
        .map(|(name, _, _)| name)
        .into_iter()
        .filter(|size| rungs.iter().any(|(_, row)| row.ms.contains_key(size)));
    let sizes: Vec<&str> = sizes.collect();
    let head: String = sizes.iter().map(|size| format!("{:>12}", format!("{size} MP"))).collect();
    println!("\n{:<16}{head}   (a * where it reads the code)", "rung alone, ms");
    for (name, row) in rungs {
        let cell = |size: &&str| match row.ms.get(size) {
            Some(ms) => format!("{ms:>11.2}{}", if row.reads.get(size) == Some(&true) { '*' } else { ' ' }),
            None => format!("{:>12}", "- "),
        };
        println!("{name:<16}{}", sizes.iter().map(cell).collect::<String>());
    }
}

/// Photos with their texts, where these are known.
type Photos = Box<dyn Iterator<Item = (Option<Vec<String>>, Vec<u8>)>>;

fn photos(corpus: Option<&Path>) -> Photos {
    let Some(path) = corpus else { return Box::new(made::corpus().map(|(_, texts, bytes)| (Some(texts), bytes))) };
    let read =
        |path: &Path| std::fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    if std::fs::metadata(path).is_ok_and(|found| found.is_dir()) {
        let entries = std::fs::read_dir(path).expect("the folder can be listed").flatten().map(|entry| entry.path());
        let mut files: Vec<PathBuf> =
            entries.filter(|path| std::fs::metadata(path).is_ok_and(|found| found.is_file())).collect();
        files.sort();
        return Box::new(files.into_iter().map(move |path| (None, read(&path))));
    }
    let manifest =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let folder = path.parent().unwrap_or(Path::new(".")).to_path_buf();
    let lines: Vec<String> = manifest.lines().map(str::to_owned).collect();
    Box::new(lines.into_iter().map(move |line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let texts: Vec<String> = fields.get(4).and_then(|texts| serde_json::from_str(texts).ok()).unwrap_or_default();
        let path = folder.join(fields.first().copied().unwrap_or_default());
        ((!texts.is_empty()).then_some(texts), read(&path))
    }))
}

fn over(photos: Photos) -> CorpusRow {
    let plain = |text: &str| text.replace("\r\n", "\n").trim_end_matches(['\r', '\n']).to_owned();
    let mut times = Vec::new();
    let mut row = CorpusRow {
        photos: 0,
        read: 0,
        known: 0,
        wrong: 0,
        mean_ms: 0.0,
        p50_ms: 0.0,
        p99_ms: 0.0,
        most_ms: 0.0,
        read_on_first_two_rungs: 0,
    };
    for (texts, bytes) in photos {
        let (reading, ms) = cpu_ms(|| decode(&bytes, &limits()));
        times.push(ms);
        row.photos += 1;
        let Some(texts) = texts else { continue };
        let texts: Vec<String> = texts.iter().map(|text| plain(text)).collect();
        let read = reading.codes.iter().any(|code| texts.contains(&plain(&code.text)));
        row.known += 1;
        row.read += usize::from(read);
        row.wrong += usize::from(reading.codes.iter().any(|code| !texts.contains(&plain(&code.text))));
        row.read_on_first_two_rungs += usize::from(read && reading.rungs.len() <= 2);
    }
    times.sort_by(f64::total_cmp);
    let rank = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or(0.0);
    (row.p50_ms, row.p99_ms, row.most_ms) = (rank(50), rank(99), times.last().copied().unwrap_or(0.0));
    row.mean_ms = times.iter().sum::<f64>() / times.len().max(1) as f64;
    row
}

fn print_corpus(row: &CorpusRow) {
    println!(
        "\ncorpus, bytes to text: {} photos, {} of {} with a known text read, {} wrong",
        row.photos, row.read, row.known, row.wrong
    );
    println!(
        "  CPU ms: mean {:.2}, p50 {:.2}, p99 {:.2}, most {:.2}; p99 / p50 {:.1}",
        row.mean_ms,
        row.p50_ms,
        row.p99_ms,
        row.most_ms,
        row.p99_ms / row.p50_ms.max(1e-9)
    );
    println!("  read on the first two rungs: {} of {}", row.read_on_first_two_rungs, row.known);
}
