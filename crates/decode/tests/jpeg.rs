//! Our JPEG reader: libjpeg-turbo's pixels at every scale, whatever the layout, and no panic whatever the bytes.

#[path = "support/decode_scene.rs"]
mod scene;

use std::path::Path;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;
use scanmill_core::domain::Reason;
use scanmill_decode::jpeg::{Coefficients, Scale, read};
use scanmill_decode::{Luma, decode};
use scene::{Place, Scene, code, limits};
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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg");
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
fn corners_are_those_of_the_full_size_whatever_scale_was_read() {
    let text = "corners at any scale";
    let scene =
        Scene::paper(1_811, 2_405).draw(&code(text), Place { degrees: 12.0, ..Place::at(1_500.0, 2_000.0, 17.0) });
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, 85).encode(&scene.rgb(), 1_811, 2_405, ColorType::Rgb).unwrap();
    let centre = |bytes: &[u8]| {
        let reading = decode(bytes, &limits());
        let [code] = reading.codes.as_slice() else { panic!("{:?}", reading.reject) };
        assert_eq!(code.text, text);
        code.corners.iter().fold([0.0, 0.0], |[x, y], at| [x + at[0] / 4.0, y + at[1] / 4.0])
    };
    // One pixel of the rung is five here, so the scene itself tells less than another format does.
    let ([x, y], [png_x, png_y]) = (centre(&bytes), centre(&scene.png()));
    assert!((x - 1_500.0).abs() < 6.0 && (y - 2_000.0).abs() < 6.0, "{x} {y}");
    assert!((x - png_x).abs() < 2.5 && (y - png_y).abs() < 2.5, "{x} {y}, as PNG {png_x} {png_y}");
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
    assert!(decode(&many, &limits()).reject.is_some());
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

/// The bodies of the segments before the picture's data, with their markers, and where that data starts.
fn segments(bytes: &[u8]) -> (Vec<(u8, Vec<u8>)>, usize) {
    let (mut at, mut found) = (2, Vec::new());
    loop {
        let end = at + 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        found.push((bytes[at + 1], bytes[at + 4..end].to_vec()));
        at = end;
        if found.last().is_some_and(|(marker, _)| *marker == 0xda) {
            return (found, at);
        }
    }
}

/// The file with its segments changed; all scan headers are passed through `change` too.
fn changed(bytes: &[u8], change: impl Fn(u8, Vec<u8>) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut out = bytes[..2].to_vec();
    let mut rest = bytes;
    loop {
        let (parts, data) = segments(rest);
        for (marker, body) in parts {
            let Some(body) = change(marker, body) else { continue };
            out.extend([0xff, marker]);
            out.extend((body.len() as u16 + 2).to_be_bytes());
            out.extend(body);
        }
        let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7);
        let end = data + rest[data..].windows(2).position(is_marker).unwrap();
        out.extend(&rest[data..end]);
        if rest[end + 1] == 0xd9 {
            out.extend(&rest[end..]);
            return out;
        }
        // As if it began there: two bytes are passed over.
        rest = &rest[end - 2..];
    }
}

const PLANES_TEXT: &str = "three planes";

/// A scene in each of three planes, stored as they are, in every process.
fn three_planes(sampling: SamplingFactor, one_scan_each: bool) -> Vec<(String, Vec<u8>)> {
    let scene = Scene::paper(331, 277).draw(&code(PLANES_TEXT), Place { degrees: 8.0, ..Place::at(170.0, 140.0, 6.0) });
    let encoded = |progressive: bool| {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 90);
        encoder.set_sampling_factor(sampling);
        encoder.set_progressive(progressive);
        encoder.set_optimized_huffman_tables(one_scan_each);
        encoder.encode(&scene.rgb(), 331, 277, ColorType::Ycbcr).unwrap();
        (format!("{sampling:?} progressive {progressive}, one scan each {one_scan_each}"), bytes)
    };
    vec![encoded(false), encoded(true)]
}

fn is_frame(marker: u8) -> bool {
    (0xc0..=0xc2).contains(&marker)
}

fn reads(name: &str, bytes: &[u8]) {
    let reading = decode(bytes, &limits());
    let texts: Vec<&str> = reading.codes.iter().map(|code| code.text.as_str()).collect();
    assert_eq!(texts, [PLANES_TEXT], "{name}: {:?}", reading.reject);
    assert_eq!((reading.width, reading.height), (Some(331), Some(277)), "{name}");
    let [x, y] = reading.codes[0].corners.iter().fold([0.0, 0.0], |[x, y], at| [x + at[0] / 4.0, y + at[1] / 4.0]);
    // The encoder takes one of four samples, not their mean.
    assert!((x - 170.0).abs() < 3.0 && (y - 140.0).abs() < 3.0, "{name}: centre {x} {y}");
}

#[test]
fn rgb_is_told_by_component_ids_or_by_adobes_marker() {
    use SamplingFactor as S;
    for (name, file) in [S::F_1_1, S::F_2_1, S::F_2_2].into_iter().flat_map(|factor| three_planes(factor, false)) {
        let by_ids = changed(&file, |marker, mut body| {
            let at: &[usize] = if is_frame(marker) { &[6, 9, 12] } else { &[1, 3, 5] };
            if is_frame(marker) || marker == 0xda {
                let count = if is_frame(marker) { 3 } else { usize::from(body[0]) };
                at[..count].iter().for_each(|&at| body[at] = b"_RGB"[usize::from(body[at])]);
            }
            (marker != 0xe0).then_some(body)
        });
        reads(&format!("RGB by ids, {name}"), &by_ids);
        let by_adobe = changed(&file, |marker, body| (marker != 0xe0).then_some(body));
        let by_adobe = [&by_adobe[..2], &b"\xff\xee\0\x0eAdobe\0d\0\0\0\0\0"[..], &by_adobe[2..]].concat();
        reads(&format!("RGB by Adobe's marker, {name}"), &by_adobe);
    }
}

#[test]
fn brightness_of_rgb_is_that_of_its_colours() {
    // Red, green and blue planes of one value each.
    let pixels: Vec<u8> = std::iter::repeat_n([200, 100, 30], 64 * 64).flatten().collect();
    let mut file = Vec::new();
    Encoder::new(&mut file, 100).encode(&pixels, 64, 64, ColorType::Ycbcr).unwrap();
    let file = changed(&file, |marker, body| (marker != 0xe0).then_some(body));
    let rgb = [&file[..2], &b"\xff\xee\0\x0eAdobe\0d\0\0\0\0\0"[..], &file[2..]].concat();
    // The same without the mark is YCbCr: its Y stands in the first plane.
    for (file, expected) in [(rgb, 122), (file, 200)] {
        let luma = scanmill_decode::jpeg::brightness(&file, &|| true).unwrap();
        assert!(luma.pixels().iter().all(|pixel| pixel.abs_diff(expected) <= 1), "{:?}", &luma.pixels()[..4]);
    }
}

#[test]
fn components_may_share_an_id() {
    for (name, file) in three_planes(SamplingFactor::F_2_2, false).into_iter().take(1) {
        let same = changed(&file, |marker, mut body| {
            let at: &[usize] = if is_frame(marker) { &[6, 9, 12] } else { &[1, 3, 5] };
            if is_frame(marker) || marker == 0xda {
                at.iter().for_each(|&at| body[at] = 1);
            }
            Some(body)
        });
        reads(&name, &same);
    }
}

#[test]
fn brightness_may_have_fewer_samples_than_chroma() {
    use SamplingFactor as S;
    for (name, file) in
        [S::F_2_1, S::F_1_2, S::F_2_2, S::F_4_1].into_iter().flat_map(|factor| three_planes(factor, true))
    {
        // The frame names the third component first, which the encoder stored smaller: that is Y now.
        let turned = changed(&file, |marker, mut body| {
            if is_frame(marker) {
                body[6..15].rotate_right(3);
            }
            Some(body)
        });
        reads(&name, &turned);
    }
}

#[test]
fn frames_of_motion_pictures_leave_the_tables_out() {
    for factor in [SamplingFactor::F_2_1, SamplingFactor::F_2_2] {
        let (name, file) = three_planes(factor, false).swap_remove(0);
        reads(&name, &changed(&file, |marker, body| (marker != 0xc4 && marker != 0xe0).then_some(body)));
    }
}

#[test]
fn the_height_may_stand_behind_the_first_scan() {
    for one_scan_each in [false, true] {
        for (name, bytes) in three_planes(SamplingFactor::F_2_2, one_scan_each) {
            let open = changed(&bytes, |marker, mut body| {
                if is_frame(marker) {
                    body[1..3].fill(0);
                }
                Some(body)
            });
            let (_, data) = segments(&open);
            let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7);
            let end = data + open[data..].windows(2).position(is_marker).unwrap();
            let told = [&open[..end], &[0xff, 0xdc, 0, 4], &277u16.to_be_bytes(), &open[end..]].concat();
            reads(&name, &told);
            // Nowhere told, told as nothing, and cut before it is told.
            let reason = |bytes: &[u8]| decode(bytes, &limits()).reject.unwrap().reason;
            assert_eq!(reason(&open), Reason::Unreadable, "{name}");
            let nothing = [&told[..end + 4], &[0, 0], &told[end + 6..]].concat();
            assert_eq!(reason(&nothing), Reason::Unreadable, "{name}");
            for cut in [end - 20, end, end + 2, end + 5] {
                assert_eq!(reason(&told[..cut]), Reason::Truncated, "{name}");
            }
        }
    }
}

#[test]
fn a_segment_shorter_than_its_own_length_is_passed_over() {
    let (name, file) = three_planes(SamplingFactor::F_2_2, false).swap_remove(0);
    for length in [0, 1] {
        for junk in [&b""[..], b"junk"] {
            let odd = [&file[..2], &[0xff, 0xe5, 0, length], junk, &file[2..]].concat();
            reads(&format!("{name}, length {length}"), &odd);
        }
    }
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
