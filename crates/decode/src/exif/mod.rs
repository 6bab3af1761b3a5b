//! When, where and with what a photo was taken: EXIF, and two dates of XMP.
//!
//! Time, best source first; `+offset` means that the file itself gives the offset to UTC, `+gps_offset` that it follows
//! from the GPS clock, and neither that only the wall clock is known (`captured_at` stays empty). A zone is not derived
//! from the place.
//!
//! | `captured_at_source` | from |
//! |---|---|
//! | `exif_original`, `…+offset`, `…+gps_offset` | DateTimeOriginal, SubSecTimeOriginal, OffsetTimeOriginal |
//! | `exif_digitized`, `…+offset`, `…+gps_offset` | DateTimeDigitized and its companions |
//! | `exif_gps_time` | GPSDateStamp and GPSTimeStamp, always UTC; the wall clock is unknown |
//! | `xmp_original`, `…+offset` | XMP `exif:DateTimeOriginal` |
//! | `xmp_created`, `…+offset` | XMP `photoshop:DateCreated` |
//! | `exif_modified`, `…+offset` | DateTime, which any editor changes |
//!
//! Place: `geo_source` is `exif_gps`, or `refused:` and why: `missing_ref` (the hemisphere), `bad_ref`, `incomplete`
//! (one of latitude and longitude), `malformed`, `zero_denominator`, `zero` (0, 0: a receiver without a fix),
//! `out_of_range`.

mod container;
mod date;
mod place;
mod tiff;
mod time;
mod xmp;

use self::tiff::{Tag, Tiff};
use super::contain::contain;
use scanmill_core::domain::Capture;

/// Every value `captured_at_source` may have.
pub const TIME_SOURCES: [&str; 13] = [
    "exif_original",
    "exif_original+offset",
    "exif_original+gps_offset",
    "exif_digitized",
    "exif_digitized+offset",
    "exif_digitized+gps_offset",
    "exif_gps_time",
    "xmp_original",
    "xmp_original+offset",
    "xmp_created",
    "xmp_created+offset",
    "exif_modified",
    "exif_modified+offset",
];

/// Every value `geo_source` may have.
pub const GEO_SOURCES: [&str; 8] = [
    "exif_gps",
    "refused:missing_ref",
    "refused:bad_ref",
    "refused:incomplete",
    "refused:malformed",
    "refused:zero_denominator",
    "refused:zero",
    "refused:out_of_range",
];

/// Reads what a photo's bytes say, whatever its pixels are like. Nothing in a file fails this: what cannot be
/// understood is unknown.
pub fn read(bytes: &[u8]) -> Capture {
    contain(|| {
        let found = container::metadata(bytes);
        let tiff = found.exif.and_then(Tiff::new);
        let xmp = found.xmp.or_else(|| tiff.as_ref().and_then(|tiff| tiff.find(Tag::Xmp)).map(|value| value.bytes()));
        let mut capture = Capture::default();
        if let Some(tiff) = &tiff {
            place::read(tiff, &mut capture);
            capture.camera_make = tiff.find(Tag::Make).and_then(|value| value.text());
            capture.camera_model = tiff.find(Tag::Model).and_then(|value| value.text());
        }
        time::read(tiff.as_ref(), xmp, &mut capture);
        capture
    })
    .unwrap_or_default()
}
