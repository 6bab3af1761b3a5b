//! When, where and with what a photo was taken: EXIF, XMP and IPTC.
//!
//! Time, best source first. Without a suffix only the wall clock is known and `captured_at` stays empty.
//!
//! | `captured_at_source` | from |
//! |---|---|
//! | `exif_original` | DateTimeOriginal, SubSecTimeOriginal, OffsetTimeOriginal |
//! | `exif_digitized` | DateTimeDigitized and its companions |
//! | `exif_gps_time` | GPSDateStamp and GPSTimeStamp, which are UTC; the wall clock is known by the zone of the place |
//! | `xmp_original` | XMP `exif:DateTimeOriginal` |
//! | `xmp_created` | XMP `photoshop:DateCreated` |
//! | `xmp_digitized` | XMP `xmp:CreateDate` or `exif:DateTimeDigitized` |
//! | `iptc_created`, `iptc_digitized` | IPTC 2:55 with 2:60, 2:62 with 2:63 |
//! | `png_created` | PNG's text `exif:DateTimeOriginal` or `exif:DateTimeDigitized` (ImageMagick), `Creation Time`, `create-date` |
//! | `exif_modified` | DateTime, which any editor changes |
//! | `refused:before_1990`, `refused:after_tomorrow` | the only times in the file are ones at which nobody took it |
//!
//! | suffix | how the offset to UTC is known |
//! |---|---|
//! | `+offset` | the file gives it, with the time or with the same time elsewhere (where zero counts in EXIF only: other writers mean that they know none) |
//! | `+gps_offset` | from the GPS clock: to 90 seconds, in use at that date, and the place's own |
//! | `+place_zone` | the zone of the place had it then |
//! | `+place_zone_ambiguous` | so too, but the clocks showed this time twice (the first is taken) or skipped it, or another offset is in force within 200 m or claimed there, or the GPS clock says something else |
//! | `+place_zone_at_sea` | the nautical zone; ships keep other times |
//! | `+date_only` | not at all: there is a date without a time, `captured_local` is its midnight |
//!
//! Place: `geo_source` is `exif_gps` or `xmp_gps`, or `refused:` and why: `missing_ref` (the hemisphere), `bad_ref`,
//! `incomplete` (one of latitude and longitude), `malformed`, `zero_denominator`, `zero` (0, 0: a receiver without a
//! fix), `out_of_range`.

mod container;
mod date;
mod degrees;
mod iptc;
mod offset;
mod place;
mod source;
mod tags;
mod tiff;
mod time;
mod value;
mod xmp;
mod zone;

use jiff::Timestamp;

use self::iptc::Iptc;
pub use self::source::TIME_SOURCES;
use self::tags::Tags;
use self::tiff::{Tag, Tiff};
use self::xmp::{Property, Xmp};
use super::catch_panic::catch_panic;
use super::gazetteer::place_name;
use scanmill_core::domain::Capture;

/// Every value `geo_source` may have.
pub const GEO_SOURCES: [&str; 9] = [
    "exif_gps",
    "xmp_gps",
    "refused:missing_ref",
    "refused:bad_ref",
    "refused:incomplete",
    "refused:malformed",
    "refused:zero_denominator",
    "refused:zero",
    "refused:out_of_range",
];

/// What counts as known.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Whether the zone of the place stands in for an offset that the file does not give.
    pub place_zone: bool,
    /// The present: a photo of a later day has a wrong clock. Unknown (`None`) where it is this machine's that is wrong.
    pub now: Option<Timestamp>,
}

/// A day on which this was written: a machine whose clock says an earlier one, a board without a battery for example,
/// knows no tomorrow.
const WRITTEN: Timestamp = Timestamp::constant(1_793_491_200, 0);

impl Rules {
    /// The rules at this moment.
    pub fn now(place_zone: bool) -> Rules {
        Rules { place_zone, now: Some(Timestamp::now()).filter(|now| *now >= WRITTEN) }
    }
}

/// Reads what a photo's bytes say, whatever its pixels are like. Nothing in a file fails this: what cannot be
/// understood is unknown.
pub fn read(bytes: &[u8], rules: &Rules) -> Capture {
    catch_panic(|| {
        let found = container::metadata(bytes);
        let tiffs: Vec<Tiff> = found.exif.iter().filter_map(|block| Tiff::new(block)).collect();
        let tags = Tags::new(&tiffs);
        let xmp = Xmp::read(found.xmp.iter().map(AsRef::as_ref));
        let iptc = Iptc::read(found.iptc.iter().map(AsRef::as_ref));
        let text = |tag, property| {
            let exif = tags.first(|tags| tags.find(tag)?.text());
            exif.or_else(|| xmp.get(property).map(str::to_owned))
        };
        let mut capture = Capture {
            camera_make: text(Tag::Make, Property::Make),
            camera_model: text(Tag::Model, Property::Model),
            ..Capture::default()
        };
        place::read(&tags, &xmp, &mut capture);
        if let (Some(latitude), Some(longitude)) = (capture.latitude, capture.longitude) {
            capture.place_name = place_name(latitude, longitude, zone::name_at(latitude, longitude));
        }
        let written = time::Sources { tags: &tags, xmp: &xmp, iptc: &iptc, png_created: found.png_created.as_deref() };
        time::read(&written, rules, &mut capture);
        capture
    })
    .unwrap_or_default()
}

/// EXIF's orientation, 1 to 8; 1, which is upright, where none is given.
pub(crate) fn orientation(bytes: &[u8]) -> u8 {
    catch_panic(|| {
        let found = container::metadata(bytes);
        let given = found.exif.iter().filter_map(|block| Tiff::new(block)?.find(Tag::Orientation)?.number_at_start());
        given.map(|number| number as u8).find(|number| (1..=8).contains(number))
    })
    .ok()
    .flatten()
    .unwrap_or(1)
}
