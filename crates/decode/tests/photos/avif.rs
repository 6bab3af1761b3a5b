//! AVIF: every layout and depth that an encoder makes, and files that lie, end early or are broken.

use std::time::Duration;

use crate::scene::limits;
use scanmill_core::domain::{Format, Reading, Reason};
use scanmill_decode::{DecodeLimits, decode, inspect};

const TEXT: &str = "https://example.com/p/4711";

macro_rules! file {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../data/avif/", $name, ".avif")).to_vec())
    };
}

fn plain() -> Vec<u8> {
    file!("yuv420_8").1
}

fn grid() -> Vec<u8> {
    file!("grid").1
}

fn texts(reading: &Reading) -> Vec<&str> {
    reading.codes.iter().map(|code| code.text.as_str()).collect()
}

/// The file with `bytes` written at `at` behind the beginning of the last box of this kind.
fn lie(mut file: Vec<u8>, kind: &[u8; 4], at: usize, bytes: &[u8]) -> Vec<u8> {
    let at = file.windows(4).rposition(|four| four == kind).expect("the box") + 4 + at;
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

#[test]
fn every_layout_and_depth_is_read() {
    let files = [
        file!("yuv400_8"),
        file!("yuv400_10"),
        file!("yuv400_12"),
        file!("yuv420_8"),
        file!("yuv420_10"),
        file!("yuv420_12"),
        file!("yuv422_8"),
        file!("yuv444_8"),
        file!("limited"),
        file!("lossless_rgb"),
        file!("alpha"),
        file!("turned_with_exif"),
        file!("moving"),
        file!("tiles"),
        file!("grid"),
    ];
    for (name, bytes) in files {
        let reading = decode(&bytes, &limits());
        assert_eq!(texts(&reading), [TEXT], "{name}: {:?}", reading.reject);
        let size = if matches!(name, "tiles" | "grid") { (256, 192) } else { (231, 177) };
        assert_eq!((reading.format, reading.width.zip(reading.height)), (Some(Format::Avif), Some(size)), "{name}");
        let middle = |axis: usize| reading.codes[0].corners.iter().map(|corner| corner[axis]).sum::<f32>() / 4.0;
        let [x, y] = [size.0, size.1].map(|side| side as f32 / 2.0);
        assert!((middle(0) - x).abs() < 3.0 && (middle(1) - y).abs() < 3.0, "{name}: {:?}", reading.codes[0].corners);
    }
}

#[test]
fn colours_of_one_brightness_are_read() {
    let reading = decode(&file!("tinted").1, &limits());
    assert_eq!(texts(&reading), [TEXT], "{:?}", reading.rungs);
    assert!(["redness", "blueness"].contains(&reading.codes[0].rung), "{}", reading.codes[0].rung);
}

#[test]
fn a_code_that_only_alpha_draws_is_read() {
    let reading = decode(&file!("drawn_by_alpha").1, &limits());
    assert_eq!(texts(&reading), [TEXT], "{:?}", reading.reject);
    assert_eq!(reading.codes[0].rung, "opacity");
}

#[test]
fn time_and_place_come_from_the_container() {
    let capture = decode(&file!("turned_with_exif").1, &limits()).capture;
    assert_eq!(capture.captured_at.unwrap().to_string(), "2026-11-22T15:40:00Z");
    assert_eq!(capture.camera_make.as_deref(), Some("Apple"));
    assert!((capture.latitude.unwrap() - 48.85).abs() < 0.01);
}

#[test]
fn a_general_major_brand_leaves_it_to_the_tables() {
    for brand in [b"mif1", b"msf1", b"miaf", b"isom", b"avis", b"heic"] {
        let mut bytes = plain();
        bytes[8..12].copy_from_slice(brand);
        let reading = decode(&bytes, &limits());
        assert_eq!((reading.format, texts(&reading)), (Some(Format::Avif), vec![TEXT]), "{brand:?}");
    }
    // No brand of AVIF at all, as some converters have it.
    let mut bytes = plain();
    let end = u32::from_be_bytes(*bytes.first_chunk().unwrap()) as usize;
    bytes[8..end].as_chunks_mut::<4>().0.iter_mut().for_each(|brand| *brand = *b"mif1");
    assert_eq!(texts(&decode(&bytes, &limits())), [TEXT]);
}

#[test]
fn sizes_that_lie_are_refused() {
    let sized = |width: u32, height: u32| [width.to_be_bytes(), height.to_be_bytes()].concat();
    let ispe = |width, height| lie(plain(), b"ispe", 4, &sized(width, height));
    let header = |file: &[u8]| inspect(file, &limits()).map_err(|reject| reject.reason);
    assert_eq!(header(&ispe(u32::MAX, u32::MAX)), Err(Reason::TooManyPixels));
    assert_eq!(header(&ispe(0, 177)), Err(Reason::Unreadable));
    // The decoder is not let make a picture larger than what was promised, and reserved.
    for (file, word) in [(ispe(200, 177), "larger than"), (ispe(231, 300), "were promised")] {
        let reject = decode(&file, &limits()).reject.unwrap();
        assert!(reject.reason == Reason::Unreadable && reject.detail.contains(word), "{reject:?}");
    }
    let small = DecodeLimits { max_pixels: 231 * 177 - 1, ..limits() };
    assert_eq!(inspect(&plain(), &small).unwrap_err().reason, Reason::TooManyPixels);
}

#[test]
fn a_cut_file_is_truncated_or_read_as_far_as_it_goes() {
    for whole in [plain(), grid(), file!("tiles").1] {
        for sixteenth in 1..16 {
            let cut = &whole[..whole.len() * sixteenth / 16];
            let reading = decode(cut, &limits());
            if let Some(reject) = &reading.reject {
                assert!(matches!(reject.reason, Reason::Truncated | Reason::Unreadable), "{sixteenth}: {reject:?}");
            } else {
                assert_eq!(texts(&reading), [TEXT]);
            }
        }
    }
}

#[test]
fn broken_data_is_refused_and_nothing_panics() {
    let whole = plain();
    let from = whole.windows(4).rposition(|four| four == b"mdat").unwrap() + 4;
    for at in (from..whole.len()).step_by(13) {
        let mut broken = whole.clone();
        broken[at] ^= 1 << (at % 8);
        if let Some(reject) = decode(&broken, &limits()).reject {
            assert_ne!(reject.reason, Reason::DecoderFault, "{at}: {reject:?}");
        }
    }
}

#[test]
fn no_time_is_a_time_out() {
    let limits = DecodeLimits { heic_time_budget: Some(Duration::ZERO), time_budget: Duration::ZERO, ..limits() };
    assert_eq!(decode(&grid(), &limits).reject.unwrap().reason, Reason::TimedOut);
}
