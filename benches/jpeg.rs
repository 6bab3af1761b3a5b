//! Milliseconds of CPU time from JPEG bytes to grey pixels, and ratios to other decoders in the same run.
//!
//! `cargo bench --bench jpeg [-- PHOTO…]`; without photos, those of `../shared/qr-dev/made`, else one made here. Where
//! `python3` (or `target/venv/bin/python`) has Pillow, its libjpeg-turbo runs beside ours at the same scale.
#![allow(clippy::unwrap_used, clippy::disallowed_macros, reason = "a bench talks to a terminal and may stop")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::time::{ClockId, clock_gettime};
use scanmill::decode::jpeg::{Scale, read};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

const ROUNDS: usize = 15;
const SCALES: [(usize, Scale); 4] = [(8, Scale::Eighth), (4, Scale::Quarter), (2, Scale::Half), (1, Scale::Full)];

/// Prints the best milliseconds of each scale, given the photo and how many rounds.
const PILLOW: &str = "
import io, sys, time
from PIL import Image
data = open(sys.argv[1], 'rb').read()
for part in (8, 4, 2, 1):
    best = 1e9
    for _ in range(int(sys.argv[2])):
        start = time.thread_time()
        photo = Image.open(io.BytesIO(data))
        photo.draft('L', tuple(max(1, side // part) for side in photo.size))
        photo.load()
        best = min(best, time.thread_time() - start)
    assert photo.mode == 'L'
    print(best * 1e3)
";

fn thread_ms() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// The best of all rounds: what the machine does beside us only ever adds.
fn best<T>(work: impl Fn() -> T) -> f64 {
    let round = || {
        let start = thread_ms();
        black_box(work());
        thread_ms() - start
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn pillow(photo: &Path) -> Option<Vec<f64>> {
    ["target/venv/bin/python", "python3"].iter().find_map(|python| {
        let output = Command::new(python).args(["-c", PILLOW]).arg(photo).arg(ROUNDS.to_string()).output().ok()?;
        let times: Vec<f64> =
            String::from_utf8(output.stdout).ok()?.lines().filter_map(|line| line.parse().ok()).collect();
        (times.len() == SCALES.len()).then_some(times)
    })
}

fn zune(bytes: &[u8]) -> f64 {
    let options = DecoderOptions::new_fast().set_strict_mode(false).jpeg_set_out_colorspace(ColorSpace::Luma);
    best(|| zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options).decode().map(|pixels| pixels.len()))
}

fn photos() -> Vec<PathBuf> {
    let named: Vec<PathBuf> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).map(PathBuf::from).collect();
    if !named.is_empty() {
        return named;
    }
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/qr-dev/made");
    let mut found: Vec<PathBuf> = std::fs::read_dir(made).into_iter().flatten().flatten().map(|it| it.path()).collect();
    found.sort();
    if found.is_empty() { vec![noise()] } else { found }
}

/// A photo of 12 megapixels with about as much detail as a camera's.
fn noise() -> PathBuf {
    let (width, height) = (4_032u16, 3_024u16);
    let mut state = 1u64;
    let mut pixel = |at: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((at / 97 % 160) as u8).saturating_add((state >> 59) as u8)
    };
    let rgb: Vec<u8> = (0..usize::from(width) * usize::from(height)).flat_map(|at| [pixel(at); 3]).collect();
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 85);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.encode(&rgb, width, height, jpeg_encoder::ColorType::Rgb).unwrap();
    let path = std::env::temp_dir().join("scanmill-bench-noise.jpg");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn main() {
    for photo in photos() {
        let bytes = std::fs::read(&photo).unwrap();
        let Ok(picture) = read(&bytes, &|| true) else {
            println!("{}: left to zune-jpeg, {:.1} ms", photo.display(), zune(&bytes));
            continue;
        };
        let entropy = best(|| read(&bytes, &|| true));
        let (zune, pillow) = (zune(&bytes), pillow(&photo));
        println!("{}: {} x {}, {} bytes", photo.display(), picture.width(), picture.height(), bytes.len());
        println!("  entropy decoding {entropy:.2} ms; zune-jpeg to full-size luma {zune:.2} ms");
        println!("  scale  pixels ms  all ms  / zune-jpeg 1/1  / libjpeg-turbo at the scale (ms)");
        for (index, (part, scale)) in SCALES.into_iter().enumerate() {
            let pixels = best(|| picture.luma(scale));
            let all = entropy + pixels;
            let turbo = pillow.as_ref().and_then(|times| times.get(index));
            let turbo = turbo.map_or("no Pillow here".to_owned(), |ms| format!("{:.2} ({ms:.2})", all / ms));
            println!("  1/{part}    {pixels:9.2} {all:7.2}  {:15.2}  {turbo}", all / zune);
        }
    }
}
