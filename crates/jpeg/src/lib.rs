//! The brightness of JPEG pictures, at 1/1, 1/2, 1/4 or 1/8.
//!
//! The entropy-coded data is read once and kept as tokens of the Y component, about as large as three times the file;
//! each scale is then made from those. Chroma is never more than skipped. Pixels are those of libjpeg at the same scale,
//! whose transforms these are.
//!
//! Read here: baseline, extended sequential and progressive Huffman coding of 8 bits; grey, YCbCr, RGB, CMYK, YCCK in any
//! sampling, any order and number of scans, restarts, files without Huffman tables, files that end early. What has no Y
//! with every pixel is made whole at once.
//!
//! With it comes what any reader of grey pictures needs: [`Luma`], what else than brightness a picture may be looked at as
//! ([`Aspect`]), and the edges of colour that are noted on the way ([`Hints`]).

#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bits;
mod coefficients;
mod frame;
mod hints;
mod huffman;
mod lanes;
#[cfg(target_arch = "x86_64")]
mod lanes_avx2;
mod luma;
mod paint;
mod planes;
mod progressive;
mod scans;
mod segments;
mod sequential;
mod standard;

pub use coefficients::Coefficients;
pub use frame::Colour;
pub use hints::{Hints, Survey};
pub use luma::{Aspect, Luma, of_rgb, over_white};
pub use paint::Scale;
pub use segments::{SegmentError, Segments, has_end, lines};

/// Why a picture is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JpegError {
    /// The file ends before its picture.
    Cut,
    /// The file contradicts the format; the text says how.
    Broken(&'static str),
    /// A kind that is not read here; the text names it.
    Unsupported(&'static str),
    /// It needs more memory than there is room for.
    NoRoom,
}

/// What a reading is asked while it goes on.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Whether to go on.
    pub keep_on: &'a dyn Fn() -> bool,
    /// Whether so many bytes may be held, beside a copy of the file's data.
    pub has_room: &'a dyn Fn(u64) -> bool,
}

impl<'a> Watch<'a> {
    /// One that has room for everything.
    pub fn roomy(keep_on: &'a dyn Fn() -> bool) -> Watch<'a> {
        Watch { keep_on, has_room: &|_| true }
    }

    fn needs(&self, bytes: u64) -> Result<(), JpegError> {
        if (self.has_room)(bytes) { Ok(()) } else { Err(JpegError::NoRoom) }
    }
}

/// A picture that was read.
pub enum Picture {
    /// To be had at every scale, of which the largest has one pixel in so many.
    Scalable(Coefficients, f32),
    /// At its full size only.
    Whole(Luma),
}

impl Picture {
    /// At its full size.
    pub fn whole(self) -> Luma {
        match self {
            Picture::Scalable(coefficients, _) => coefficients.luma(Scale::Full),
            Picture::Whole(luma) => luma,
        }
    }
}

/// Reads an aspect of a picture, and what it hints at. What the data does not hold, or what comes after `keep_on` said no,
/// is grey.
pub fn open(bytes: &[u8], aspect: Aspect, watch: Watch<'_>) -> Result<(Picture, Hints), JpegError> {
    planes::open(bytes, aspect, None, [usize::MAX; 2], watch)
}

/// The same for a picture within another file, which may say what the colours are, and how large it is at most.
pub fn open_within(
    bytes: &[u8],
    aspect: Aspect,
    colour: Option<Colour>,
    most: [usize; 2],
    watch: Watch<'_>,
) -> Result<(Picture, Hints), JpegError> {
    planes::open(bytes, aspect, colour, most, watch)
}

/// The brightness of a picture of any kind that is read here, at its full size.
///
/// # Errors
/// [`JpegError`].
pub fn brightness(bytes: &[u8], keep_on: &dyn Fn() -> bool) -> Result<Luma, JpegError> {
    open(bytes, Aspect::Brightness, Watch::roomy(keep_on)).map(|(picture, _)| picture.whole())
}

/// Reads the Y component of a grey or YCbCr picture. What the data does not hold, or what comes after `keep_on` said no,
/// is grey: first coefficients of zero.
///
/// # Errors
/// [`JpegError`]; nothing larger than the tables was allocated then.
pub fn read(bytes: &[u8], keep_on: &dyn Fn() -> bool) -> Result<Coefficients, JpegError> {
    match scans::tables(bytes)?.colour()? {
        Colour::Luma => scans::read(bytes, 0, Watch::roomy(keep_on)),
        _ => Err(JpegError::Unsupported("colours of which none is brightness")),
    }
}
