//! libjpeg-turbo's pixels at every scale, whatever the layout, and no panic whatever the bytes.

use std::path::Path;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;
use scanmill_jpeg::{Coefficients, Luma, Scale, read};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

const SCALES: [(usize, Scale); 4] = [(1, Scale::Full), (2, Scale::Half), (4, Scale::Quarter), (8, Scale::Eighth)];

const GOLDEN: [&str; 6] = [
    "baseline_420",
    "baseline_422_restarts",
    "baseline_444_best",
    "progressive_420",
    "progressive_444_restarts",
    "grey_coarse",
];

fn golden(name: &str, ending: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    std::fs::read(folder.join(format!("{name}.{ending}"))).unwrap()
}

fn whole(bytes: &[u8]) -> Coefficients {
    read(bytes, &|| true).unwrap()
}

fn largest_difference(ours: &[u8], theirs: &[u8]) -> u8 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(ours, theirs)| ours.abs_diff(*theirs)).max().unwrap_or(0)
}

#[test]
fn the_pixels_are_those_of_libjpeg_turbo_at_every_scale() {
    for name in GOLDEN {
        let picture = whole(&golden(name, "jpg"));
        let file = golden(name, "grey");
        let mut rest = file.as_slice();
        for (part, scale) in SCALES {
            let luma = picture.luma(scale);
            let [width, height] =
                [[rest[0], rest[1]], [rest[2], rest[3]]].map(|two| usize::from(u16::from_le_bytes(two)));
            assert_eq!((luma.width(), luma.height()), (width, height), "{name} 1/{part}");
            let (theirs, after) = rest[4..].split_at(width * height);
            assert!(largest_difference(luma.pixels(), theirs) <= 2, "{name} 1/{part}");
            rest = after;
        }
        assert!(rest.is_empty());
    }
}

/// A picture with detail, in every layout that the encoder writes.
fn layouts(width: u16, height: u16) -> Vec<(String, Vec<u8>)> {
    use SamplingFactor as S;
    let columns = usize::from(width);
    let grey = |at: usize| (((at % columns) * 7 + (at / columns) * 5) % 190 + ((at * 31) % 17) * 3) as u8;
    let rgb: Vec<u8> =
        (0..columns * usize::from(height)).flat_map(|at| [grey(at), grey(at + 3), grey(at / 2)]).collect();
    let mut files = Vec::new();
    for sampling in [S::F_1_1, S::F_2_1, S::F_1_2, S::F_2_2, S::F_4_1, S::F_4_2, S::F_1_4, S::F_2_4] {
        for progressive in [false, true] {
            // Optimised tables make this encoder write one scan for each component.
            for (restart, optimized) in [(0, false), (3, false), (0, true)] {
                let mut bytes = Vec::new();
                let mut encoder = Encoder::new(&mut bytes, 90);
                encoder.set_sampling_factor(sampling);
                encoder.set_progressive(progressive);
                encoder.set_restart_interval(restart);
                encoder.set_optimized_huffman_tables(optimized);
                encoder.encode(&rgb, width, height, ColorType::Rgb).unwrap();
                files.push((format!("{width}x{height} {sampling:?} {progressive} {restart} {optimized}"), bytes));
            }
        }
    }
    files
}

fn means(luma: &Luma, part: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for y in (0..luma.height()).step_by(part) {
        for x in (0..luma.width()).step_by(part) {
            let rows = (y..(y + part).min(luma.height())).map(|y| &luma.row(y)[x..(x + part).min(luma.width())]);
            let pixels: Vec<u32> = rows.flatten().map(|&pixel| u32::from(pixel)).collect();
            out.push((pixels.iter().sum::<u32>() / pixels.len() as u32) as u8);
        }
    }
    out
}

#[test]
fn every_layout_is_read_alike() {
    for (width, height) in [(131, 77), (64, 48), (17, 40), (8, 8), (1, 1)] {
        let mut first: Option<Luma> = None;
        for (name, bytes) in layouts(width, height) {
            let picture = whole(&bytes);
            assert_eq!((picture.width(), picture.height()), (usize::from(width), usize::from(height)));
            let full = picture.luma(Scale::Full);
            // Y does not depend on how chroma is stored.
            let first = first.get_or_insert_with(|| full.clone());
            assert_eq!(largest_difference(full.pixels(), first.pixels()), 0, "{name}");
            let eighth = picture.luma(Scale::Eighth);
            let inner = |luma: &Luma, pixels: &[u8]| -> Vec<u8> {
                let rows = pixels.chunks(luma.width()).take(usize::from(height) / 8);
                rows.flat_map(|row| row[..usize::from(width) / 8].to_vec()).collect()
            };
            let expected = inner(&eighth, &means(&full, 8));
            assert!(largest_difference(&inner(&eighth, eighth.pixels()), &expected) <= 6, "{name}");
        }
    }
}

#[test]
fn full_size_is_that_of_zune_jpeg() {
    let options = DecoderOptions::new_fast().jpeg_set_out_colorspace(ColorSpace::Luma);
    for name in GOLDEN {
        let bytes = golden(name, "jpg");
        let theirs = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(&bytes), options).decode().unwrap();
        assert!(largest_difference(whole(&bytes).luma(Scale::Full).pixels(), &theirs) <= 3, "{name}");
    }
}

#[test]
fn a_file_cut_at_any_byte_shows_what_is_there_and_grey() {
    for name in ["baseline_420", "baseline_422_restarts", "progressive_420"] {
        let bytes = golden(name, "jpg");
        let full = whole(&bytes).luma(Scale::Eighth);
        let mut shown = 0;
        for length in 0..bytes.len() {
            let Ok(picture) = read(&bytes[..length], &|| true) else { continue };
            let eighth = picture.luma(Scale::Eighth);
            let pairs = eighth.pixels().iter().zip(full.pixels());
            let strange = pairs.filter(|(is, whole)| is != whole && **is != 128).count();
            // The unit in which it ends may be anything; progressive pictures are coarse everywhere before they are fine.
            assert!(strange <= 4 || name.starts_with("progressive"), "{name} cut to {length}: {strange}");
            shown += 1;
            for (_, scale) in SCALES.iter().filter(|_| length % 16 == 0) {
                picture.luma(*scale);
            }
        }
        assert!(shown > 1_000, "{name}");
        assert_eq!(whole(&bytes[..bytes.len() - 2]).luma(Scale::Full), whole(&bytes).luma(Scale::Full), "{name}");
    }
}

fn find(bytes: &[u8], marker: u8) -> Vec<usize> {
    let places = bytes.windows(2).enumerate().filter(|(_, pair)| *pair == [0xff, marker]);
    places.map(|(at, _)| at).collect()
}

#[test]
fn a_lost_restart_interval_costs_its_own_units() {
    let bytes = golden("baseline_422_restarts", "jpg");
    let (from, to) = (find(&bytes, 0xd2)[0], find(&bytes, 0xd3)[0]);
    let lossy = [&bytes[..from], &bytes[to..]].concat();
    let (whole, lossy) = (whole(&bytes).luma(Scale::Eighth), whole(&lossy).luma(Scale::Eighth));
    let differ = whole.pixels().iter().zip(lossy.pixels()).filter(|(a, b)| a != b).count();
    // Three units of two blocks each.
    assert!(differ <= 6, "{differ}");
}

#[test]
fn thousands_of_scans_are_not_all_read() {
    let bytes = golden("progressive_420", "jpg");
    let scans = find(&bytes, 0xda);
    let (last, end) = (scans[scans.len() - 1], bytes.len() - 2);
    let mut many = bytes[..end].to_vec();
    for _ in 0..5_000 {
        many.extend(&bytes[last..end]);
    }
    assert!(read(&many, &|| true).is_ok());
}

#[test]
fn no_time_means_grey() {
    for name in ["baseline_420", "progressive_420"] {
        let picture = read(&golden(name, "jpg"), &|| false).unwrap();
        let luma = picture.luma(Scale::Full);
        assert!(luma.pixels().iter().rev().take(100).all(|&pixel| pixel == 128), "{name}");
    }
}

#[test]
fn other_kinds_are_left_to_others() {
    let pixels = vec![90; 32 * 32 * 4];
    for color in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        let mut bytes = Vec::new();
        Encoder::new(&mut bytes, 80).encode(&pixels, 32, 32, color).unwrap();
        assert!(read(&bytes, &|| true).is_err());
    }
    let mut bytes = golden("baseline_420", "jpg");
    let frame = find(&bytes, 0xc0)[0];
    for (at, value) in [(frame + 1, 0xc9), (frame + 1, 0xc3), (frame + 4, 12), (frame + 11, 0x00)] {
        let was = std::mem::replace(&mut bytes[at], value);
        assert!(read(&bytes, &|| true).is_err(), "{value:x} at {at}");
        bytes[at] = was;
    }
    assert!(read(b"", &|| true).is_err());
    assert!(read(&[0xff, 0xd8, 0xff, 0xd9], &|| true).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changed_bytes_never_panic(
        name in prop::sample::select(GOLDEN.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        in_header in any::<bool>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = golden(name, "jpg");
        for (index, byte) in changes {
            let at = index.index(if in_header { 700.min(bytes.len()) } else { bytes.len() });
            bytes[at] = byte;
        }
        // A changed size must not make the test slow; the guard refuses such files before this reader sees them.
        let frame = find(&bytes, 0xc0).into_iter().chain(find(&bytes, 0xc2)).next();
        if frame.is_some_and(|at| bytes.get(at + 5..at + 9).is_some_and(|size| size[0] < 4 && size[2] < 4)) {
            for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
                if let Ok(picture) = read(bytes, &|| true) {
                    for (part, scale) in SCALES {
                        let luma = picture.luma(scale);
                        prop_assert_eq!(luma.width(), picture.width().div_ceil(part));
                        prop_assert_eq!(luma.height(), picture.height().div_ceil(part));
                    }
                }
            }
        }
    }
}
