//! What must hold for any bytes: one function a fuzz target, each panics when it does not. `run.sh` gives them to
//! libFuzzer, `tests/fuzz.rs` to every `cargo test`.
#![allow(dead_code, reason = "each fuzz binary uses one of them")]

use std::cell::Cell;
use std::time::Duration;

use scanmill_core::domain::{Capture, Format, Reading, Reason};
use scanmill_decode as decode;
use scanmill_decode::jpeg::{self, Scale};
use scanmill_decode::{DecodeLimits, Luma};

/// A target's name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 5] =
    [("inspect", inspect), ("jpeg", jpeg), ("exif", exif), ("ladder", ladder), ("photo", photo)];

/// Small pictures, so that many are tried in a second, and a time budget that no small picture needs.
const LIMITS: DecodeLimits = DecodeLimits {
    max_file_bytes: 1 << 20,
    max_pixels: 1 << 16,
    max_side: 4_096,
    max_pixels_per_byte: 1_000,
    time_budget: Duration::from_secs(20),
    heic_time_budget: Some(Duration::from_secs(60)),
    first_only: false,
    place_zone: true,
};

/// Sniffing and the header: what passes is within the limits, and its memory is at least what its pixels take.
pub fn inspect(bytes: &[u8]) {
    let limits = DecodeLimits { max_pixels: 64_000_000, max_side: 16_384, ..LIMITS };
    match decode::inspect(bytes, &limits) {
        Ok(header) => {
            let pixels = u64::from(header.width) * u64::from(header.height);
            assert!(pixels > 0 && pixels <= limits.max_pixels && pixels <= bytes.len() as u64 * 1_000);
            assert!(header.width.max(header.height) <= limits.max_side);
            assert!(header.decode_bytes > pixels);
            assert_eq!(decode::inspect(bytes, &limits), Ok(header), "the same bytes, another header");
        }
        Err(reject) => assert!(!reject.detail.is_empty()),
    }
}

/// Our JPEG reader: every scale has its size, the same bytes give the same pixels, and no time still gives a picture.
pub fn jpeg(bytes: &[u8]) {
    // As in the product, nothing that the header makes too large gets here.
    if !decode::inspect(bytes, &LIMITS).is_ok_and(|header| header.format == Format::Jpeg) {
        return;
    }
    let Ok(picture) = jpeg::read(bytes, &|| true) else { return };
    for (part, scale) in [(8, Scale::Eighth), (4, Scale::Quarter), (2, Scale::Half), (1, Scale::Full)] {
        let luma = picture.luma(scale);
        assert_eq!(luma.width(), picture.width().div_ceil(part));
        assert_eq!(luma.height(), picture.height().div_ceil(part));
        assert_eq!(luma, picture.luma(scale), "the same bytes, other pixels");
    }
    let looks = Cell::new(0);
    let soon_over = || {
        looks.set(looks.get() + 1);
        looks.get() < 3
    };
    let early = jpeg::read(bytes, &soon_over).expect("what is read with time is read without");
    assert_eq!((early.width(), early.height()), (picture.width(), picture.height()));
    early.luma(Scale::Eighth);
}

/// EXIF and XMP in any container: a place is on Earth, and every value says where it came from.
pub fn exif(bytes: &[u8]) {
    sane_capture(&decode::exif::read(bytes, &decode::exif::Rules::now(true)));
}

/// The ladder on a small picture: the first byte is its width, the other bytes its pixels.
pub fn ladder(bytes: &[u8]) {
    let Some((&width, pixels)) = bytes.split_first() else { return };
    let width = usize::from(width).max(1);
    let height = (pixels.len() / width).min(256);
    let Some(luma) = pixels.get(..width * height).and_then(|pixels| Luma::new(width, height, pixels.to_vec())) else {
        return;
    };
    let reading = decode::read_luma(luma, &LIMITS);
    sane_reading(&reading);
    let fault = reading.reject.as_ref().filter(|reject| reject.reason == Reason::DecoderFault);
    assert!(fault.is_none(), "a rung panicked: {fault:?}");
}

/// A whole file, from its first byte to texts.
pub fn photo(bytes: &[u8]) {
    sane_reading(&decode::decode(bytes, &LIMITS));
}

fn sane_reading(reading: &Reading) {
    assert_eq!(reading.codes.is_empty(), reading.reject.is_some());
    assert!(reading.reject.as_ref().is_none_or(|reject| !reject.detail.is_empty()));
    for code in &reading.codes {
        assert!(!code.text.is_empty());
        assert!(code.corners.iter().flatten().all(|at| at.is_finite()), "{:?}", code.corners);
        assert!(code.qr_version.is_none_or(|version| (1..=40).contains(&version)));
        assert!(reading.rungs.iter().any(|run| run.name.as_str() == code.rung && run.won > 0));
    }
    sane_capture(&reading.capture);
}

fn sane_capture(capture: &Capture) {
    assert!(capture.latitude.is_none_or(|degrees| degrees.abs() <= 90.0));
    assert!(capture.longitude.is_none_or(|degrees| degrees.abs() <= 180.0));
    assert!(capture.altitude_m.is_none_or(f64::is_finite));
    assert_eq!(capture.latitude.is_some(), capture.longitude.is_some());
    // A source that starts with "refused:" says why there is no value.
    let given = |source: Option<&str>| source.is_some_and(|source| !source.starts_with("refused:"));
    assert_eq!(capture.latitude.is_some(), given(capture.geo_source));
    let has_time = capture.captured_at.is_some() || capture.captured_local.is_some();
    assert_eq!(has_time, given(capture.captured_at_source));
    assert!(capture.captured_at_source.is_none_or(|source| decode::exif::TIME_SOURCES.contains(&source)));
    assert!(capture.geo_source.is_none_or(|source| decode::exif::GEO_SOURCES.contains(&source)));
}
