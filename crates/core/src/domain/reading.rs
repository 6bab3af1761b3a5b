//! What the decoder found in one photo, before it becomes rows.

use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};

use super::{Rejection, RungName};

/// Image formats told apart by content, never by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG, baseline or progressive.
    Jpeg,
    /// PNG.
    Png,
    /// WebP, lossy or lossless.
    Webp,
    /// GIF, first frame.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF, first page.
    Tiff,
    /// HEIC, primary picture.
    Heic,
    /// AVIF, primary picture.
    Avif,
}

impl Format {
    /// The format as stored in the `format` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Jpeg => "jpeg",
            Format::Png => "png",
            Format::Webp => "webp",
            Format::Gif => "gif",
            Format::Bmp => "bmp",
            Format::Tiff => "tiff",
            Format::Heic => "heic",
            Format::Avif => "avif",
        }
    }
}

/// A code's part in a structured append sequence: one message in several symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// The symbol's place, from 0; `None` where all symbols were read and the code is the whole message.
    pub index: Option<u8>,
    /// Symbols of the sequence.
    pub count: u8,
    /// Parity byte, which all symbols of a sequence share.
    pub parity: u8,
}

/// One QR code read in the photo. A structured append sequence of which all symbols were read is one code, with the outline,
/// rung, version and level of its first symbol and the `ecc_used` of the worst.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// The payload as text; other character sets are already converted.
    pub text: String,
    /// How the payload's bytes became text: `ascii`, `utf-8`, `shift_jis` of kanji mode, `eci:` and `guess:` with the
    /// name of a character set; several joined by `+`.
    pub text_encoding: String,
    /// Symbology identifier (ISO/IEC 15424): `]Q1` a plain code, `]Q3` GS1, `]Q5` with an application indicator; one more
    /// where the code names its character set; `]Q0` a code of model 1.
    pub symbology: &'static str,
    /// The structured append sequence it belongs to.
    pub sequence: Option<Sequence>,
    /// Name of the rung that read it.
    pub rung: &'static str,
    /// Corners in pixels of the full-size photo (before EXIF orientation): top left, top right, bottom right, bottom left of the symbol.
    pub corners: [[f32; 2]; 4],
    /// Version 1..=40 where the reader tells.
    pub qr_version: Option<u8>,
    /// `L`, `M`, `Q` or `H` where the reader tells.
    pub ecc_level: Option<char>,
    /// Share of the error correction used in the block that needed most of it: 0 where nothing was wrong, 1 where
    /// nothing was left. `None` where the reader's modules are not known.
    pub ecc_used: Option<f32>,
}

/// One rung's run on a photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RungRun {
    /// The rung.
    pub name: RungName,
    /// CPU time it took, in milliseconds: making the picture it reads included.
    pub ms: f64,
    /// Codes it was the first to read.
    pub won: usize,
}

/// When, where and with what a photo was taken, and where each value came from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capture {
    /// The instant, if an offset is known or derived.
    pub captured_at: Option<Timestamp>,
    /// The wall clock of the camera; midnight where the photo has a date without a time.
    pub captured_local: Option<civil::DateTime>,
    /// Minutes east of UTC.
    pub utc_offset_minutes: Option<i32>,
    /// Where the time came from, `exif_original+offset` for example (the list: `decode/exif`).
    pub captured_at_source: Option<&'static str>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Metres above sea level.
    pub altitude_m: Option<f64>,
    /// `exif_gps` or `xmp_gps`, or `refused:<why>` where the photo holds a place that cannot be trusted; `None` when it holds none.
    pub geo_source: Option<&'static str>,
    /// What the place is called.
    pub place_name: PlaceName,
    /// Camera maker.
    pub camera_make: Option<String>,
    /// Camera model.
    pub camera_model: Option<String>,
}

/// The names of a place, by the gazetteer in the binary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaceName {
    /// Country, ISO 3166-1 alpha-2.
    pub country: Option<&'static str>,
    /// First-level division of the country by GeoNames' code: in the US the state, `CA`.
    pub region: Option<&'static str>,
    /// The nearest town.
    pub city: Option<&'static str>,
    /// `zone+geonames`, `zone` or `geonames`: where country and town come from.
    pub source: Option<&'static str>,
}

impl Capture {
    /// Whether the photo has a date without a time: its source says so.
    pub fn is_date_only(&self) -> bool {
        self.captured_at_source.is_some_and(|source| source.ends_with("+date_only"))
    }
}

/// The whole outcome of one photo's bytes: codes, or the reason there are none, and the capture facts either way.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Format by content; `None` when it is none we know.
    pub format: Option<Format>,
    /// Width in pixels from the header.
    pub width: Option<u32>,
    /// Height in pixels from the header.
    pub height: Option<u32>,
    /// Codes in a stable order (top to bottom, then left to right). Empty exactly when `reject` is set.
    pub codes: Vec<Code>,
    /// Beside the codes read, others were seen that could not be, or a bound ended the search for them.
    pub more_codes_likely: bool,
    /// Every rung that ran, in order.
    pub rungs: Vec<RungRun>,
    /// EXIF facts; all `None` when the photo has none.
    pub capture: Capture,
    /// Why there is no code.
    pub reject: Option<Rejection>,
    /// Whether reading was broken off although the photo has CPU time left: the machine was busy or asleep. `reject`
    /// then says nothing about the photo, and it deserves another try.
    pub is_stalled: bool,
    /// CPU time of the reading thread, in milliseconds.
    pub decode_ms: f64,
}

impl Reading {
    /// The reading of a photo that was refused before any pixel was decoded.
    pub fn refused(reject: Rejection, capture: Capture) -> Self {
        Self {
            format: None,
            width: None,
            height: None,
            codes: Vec::new(),
            more_codes_likely: false,
            rungs: Vec::new(),
            capture,
            reject: Some(reject),
            is_stalled: false,
            decode_ms: 0.0,
        }
    }
}
