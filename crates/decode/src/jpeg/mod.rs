//! The brightness of JPEG pictures, at 1/1, 1/2, 1/4 or 1/8.
//!
//! The entropy-coded data is read once and kept as tokens of the Y component, about as large as three times the file;
//! each scale is then made from those. Chroma is never more than skipped. Pixels are those of libjpeg at the same scale,
//! whose transforms these are.
//!
//! Read here: baseline, extended sequential and progressive Huffman coding of 8 bits, grey or YCbCr, Y not subsampled,
//! any order and number of scans, restarts, files that end early. Everything else is [`Foreign`].

mod bits;
mod coefficients;
mod frame;
mod huffman;
mod lanes;
mod paint;
mod progressive;
mod scans;
mod sequential;

pub use coefficients::Coefficients;
pub use paint::Scale;

/// Why a picture is left to another codec: it is of a kind that is not read here, or it is broken before its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign(pub &'static str);

/// Reads the Y component. What the data does not hold, or what comes after `keep_on` said no, is grey: first
/// coefficients of zero.
///
/// # Errors
/// [`Foreign`]; nothing larger than the tables was allocated then.
pub fn read(bytes: &[u8], keep_on: &dyn Fn() -> bool) -> Result<Coefficients, Foreign> {
    scans::read(bytes, keep_on)
}
