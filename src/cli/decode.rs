//! `scanmill decode`: photos in, one JSON object a line out.

use std::collections::BTreeMap;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use clap::Args;
use serde::Serialize;

use super::exit::usage;
use super::photo_source::PhotoSource;
use super::progress::Progress;
use super::{Exit, GlobalArgs, out, photo_source, settings};
use crate::actors::pipeline_context::decode_limits;
use crate::decode::{DecodeLimits, decode};
use crate::domain::{Reading, payload, row};
use crate::error::{Error, Result};

/// Reads photos and prints one JSON object a line
#[derive(Debug, Args)]
#[command(
    long_about = "Reads photos and prints one JSON object a line, in the order given: what the codes say, when and where the \
                  photo was taken, or the reason there is no code. Payloads are printed as they are, secrets included.\n\n\
                  Exits with 0 when every photo was read, whatever it held, and with 1 when one could not be opened: \
                  its line says so too, and the cause is on stderr.",
    after_help = "Example:\n  scanmill decode photos/*.jpg | jq -r '.codes[].text'\n  scanmill decode photos\n  \
                  curl -s https://shop.example/photo.jpg | scanmill decode -\n  \
                  find photos -type f | scanmill decode --from-list -"
)]
pub struct DecodeArgs {
    /// Photos to read: files, pipes, `-` for standard input, folders with all that is in them but hidden files
    #[arg(value_name = "FILE", required_unless_present = "from_list")]
    files: Vec<PathBuf>,
    /// Read more paths from this file, one a line; `-` is standard input
    #[arg(long, value_name = "FILE")]
    from_list: Option<PathBuf>,
    /// Photos read at the same time [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// Runs the command.
pub fn run(args: &DecodeArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = settings::load(global)?;
    let limits = decode_limits(&settings);
    let is_stdin = |path: &PathBuf| path == Path::new("-");
    if args.from_list.as_ref().is_some_and(is_stdin) && args.files.iter().any(is_stdin) {
        return Err(usage("standard input is either a photo (`-`) or the list of photos (`--from-list -`)"));
    }
    let (mut sources, unlisted) = photo_source::named(&args.files);
    unlisted.iter().for_each(out::fail);
    let mut unopened = unlisted.len();
    if let Some(list) = &args.from_list {
        sources.extend(photo_source::listed(list)?);
    }
    let threads = args.threads.map_or(settings.decode.threads, usize::from).clamp(1, sources.len().max(1));
    // On a terminal the lines themselves are the progress.
    let shown = (!std::io::stdout().is_terminal()).then(|| Progress::new(global, "read", Some(sources.len() as u64)));
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    let done = in_order(
        &sources,
        threads,
        |source| line_of(source, &limits),
        |(line, failed)| {
            if let Some(error) = failed {
                out::fail(error);
                unopened += 1;
            }
            stdout.write_all(line.as_bytes())?;
            if let Some(progress) = &shown {
                progress.add(1);
            }
            // Each line as soon as it is known: whoever reads may be waiting for it.
            stdout.flush()
        },
    );
    match done {
        // Whoever read the lines has seen enough, like `head`; what could not be opened until then counts all the same.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::transient("cannot write to standard output").with_source(error))
        }
        _ if unopened > 0 => Ok(Exit::Differences),
        _ => Ok(Exit::Success),
    }
}

/// How many finished lines may wait for an earlier one, per thread.
const AHEAD: usize = 16;

struct FinishedPhoto<L> {
    lines: BTreeMap<usize, L>,
    printed: usize,
    /// The reader of the output went away.
    stopped: bool,
}

/// Works on `items` with `threads` threads and hands the lines to `print` in the order of the items. A thread that gets
/// too far ahead of a slow photo waits, so that memory stays bounded.
fn in_order<T: Sync, L: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> L + Sync,
    mut print: impl FnMut(&L) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let next = AtomicUsize::new(0);
    let finished = Mutex::new(FinishedPhoto { lines: BTreeMap::new(), printed: 0, stopped: false });
    let changed = Condvar::new();
    let lock = || -> MutexGuard<'_, FinishedPhoto<L>> { finished.lock().unwrap_or_else(PoisonError::into_inner) };
    let wait = |guard| changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    let mut state = lock();
                    while !state.stopped && index >= state.printed + threads * AHEAD {
                        state = wait(state);
                    }
                    if state.stopped {
                        return;
                    }
                    drop(state);
                    let line = work(item);
                    lock().lines.insert(index, line);
                    changed.notify_all();
                }
            });
        }
        let mut state = lock();
        while state.printed < items.len() {
            let index = state.printed;
            let Some(line) = state.lines.remove(&index) else {
                state = wait(state);
                continue;
            };
            state.printed += 1;
            drop(state);
            let printed = print(&line);
            state = lock();
            if printed.is_err() {
                state.stopped = true;
                changed.notify_all();
                return printed;
            }
            changed.notify_all();
        }
        Ok(())
    })
}

/// One line of output.
#[derive(Serialize)]
struct PhotoLine<'a> {
    path: std::borrow::Cow<'a, str>,
    width: Option<u32>,
    height: Option<u32>,
    format: Option<&'static str>,
    codes: Vec<CodeLine<'a>>,
    more_codes_likely: bool,
    captured_at: Option<String>,
    captured_local: Option<String>,
    utc_offset_minutes: Option<i32>,
    captured_at_source: Option<&'static str>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    altitude_m: Option<f64>,
    geo_source: Option<&'static str>,
    country: Option<&'static str>,
    region: Option<&'static str>,
    city: Option<&'static str>,
    camera_make: Option<&'a str>,
    camera_model: Option<&'a str>,
    reason: Option<&'static str>,
    decode_ms: f64,
}

#[derive(Serialize)]
struct CodeLine<'a> {
    text: &'a str,
    text_encoding: &'a str,
    symbology: &'static str,
    kind: &'static str,
    product_url: Option<String>,
    product_id: Option<String>,
    product_id_source: &'static str,
    part_index: Option<u8>,
    part_count: Option<u8>,
    rung: &'static str,
    corners: [[f32; 2]; 4],
    version: Option<u8>,
    ecc_level: Option<char>,
    ecc_used: Option<f64>,
}

/// The line of a photo, and the error if it could not be opened.
fn line_of(source: &PhotoSource, limits: &DecodeLimits) -> (String, Option<Error>) {
    let path = source.path();
    let mut failed = None;
    let reading = match photo_source::fetch(source, limits) {
        Ok(bytes) => decode(&bytes, limits),
        Err(reject) => {
            failed = Some(Error::missing(format!("cannot read `{}`: {}", path.display(), reject.detail)));
            Reading::refused(reject, Default::default())
        }
    };
    let codes = reading.codes.iter().map(|code| {
        let meaning = payload::of(code, &reading.codes);
        CodeLine {
            text: &code.text,
            text_encoding: &code.text_encoding,
            symbology: code.symbology,
            kind: meaning.kind,
            product_url: meaning.product_url,
            product_id: meaning.product_id,
            product_id_source: meaning.product_id_source.as_str(),
            part_index: code.sequence.and_then(|sequence| sequence.index),
            part_count: code.sequence.map(|sequence| sequence.count),
            rung: code.rung,
            corners: code.corners.map(|corner| corner.map(|value| (value * 10.0).round() / 10.0)),
            version: code.qr_version,
            ecc_level: code.ecc_level,
            ecc_used: code.ecc_used.map(|used| (f64::from(used) * 1e3).round() / 1e3),
        }
    });
    let capture = &reading.capture;
    let line = PhotoLine {
        path: path.to_string_lossy(),
        width: reading.width,
        height: reading.height,
        format: reading.format.map(|format| format.as_str()),
        codes: codes.collect(),
        more_codes_likely: reading.more_codes_likely,
        captured_at: capture.captured_at.map(row::utc_millis),
        captured_local: capture.captured_local.map(|local| format!("{local:.3}")),
        utc_offset_minutes: capture.utc_offset_minutes,
        captured_at_source: capture.captured_at_source,
        latitude: capture.latitude,
        longitude: capture.longitude,
        altitude_m: capture.altitude_m,
        geo_source: capture.geo_source,
        country: capture.place_name.country,
        region: capture.place_name.region,
        city: capture.place_name.city,
        camera_make: capture.camera_make.as_deref(),
        camera_model: capture.camera_model.as_deref(),
        reason: reading.reject.as_ref().map(|reject| reject.reason.as_str()),
        decode_ms: (reading.decode_ms * 1e3).round() / 1e3,
    };
    let mut text = serde_json::to_string(&line).unwrap_or_default();
    text.push('\n');
    (text, failed)
}
