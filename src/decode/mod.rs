//! Bytes to reading: no I/O, no async, never a panic that leaves it.

use std::time::Duration;

use crate::domain::{Format, Reading, Reject};

/// What a photo may be and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct DecodeLimits {
    /// Largest file in bytes.
    pub max_file_bytes: u64,
    /// Largest picture in pixels.
    pub max_pixels: u64,
    /// Longest side in pixels.
    pub max_side: u32,
    /// Most pixels per byte of file.
    pub max_pixels_per_byte: u32,
    /// Wall time for one photo.
    pub time_budget: Duration,
    /// Stop at the first code instead of looking for all.
    pub first_only: bool,
}

/// What the header says, checked against the limits, before any pixel is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Format by content.
    pub format: Format,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Upper estimate of the memory that decoding takes, in bytes: pixels plus the codec's own working memory.
    pub decode_bytes: u64,
}

/// Sniffs the format and reads the header: microseconds, and no allocation that the header could make large.
///
/// # Errors
/// The rejection, for content that is empty, unsupported, over a limit, or whose header does not parse.
pub fn inspect(bytes: &[u8], limits: &DecodeLimits) -> Result<Header, Reject> {
    let _ = (bytes, limits);
    Err(Reject::new(crate::domain::Reason::Unsupported, "not implemented"))
}

/// Reads one photo whose header was inspected: pixels, codes, EXIF. Panics of codecs are contained here and become
/// [`crate::domain::Reason::DecoderFault`].
pub fn read(bytes: &[u8], header: &Header, limits: &DecodeLimits) -> Reading {
    let _ = (bytes, limits);
    Reading {
        format: Some(header.format),
        width: Some(header.width),
        height: Some(header.height),
        codes: Vec::new(),
        rungs: Vec::new(),
        capture: Default::default(),
        reject: None,
        decode_ms: 0.0,
    }
}

/// [`inspect`], then [`read`]: everything about one photo's bytes.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Reading {
    match inspect(bytes, limits) {
        Ok(header) => read(bytes, &header, limits),
        Err(reject) => Reading {
            format: None,
            width: None,
            height: None,
            codes: Vec::new(),
            rungs: Vec::new(),
            capture: Default::default(),
            reject: Some(reject),
            decode_ms: 0.0,
        },
    }
}
