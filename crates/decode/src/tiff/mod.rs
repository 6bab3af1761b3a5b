//! TIFF and BigTIFF: the first page, row by row, as brightness.
//!
//! Read by our own walk: scanners, fax machines and editors write kinds that the crate for it does not know (palettes,
//! grey of two or four bits, group 3, subsampled chroma, planes), and rows that are unpacked one by one hold little memory.
//! The codes of fax rows, LZW and deflate are those of crates; JPEG is our own.

mod directory;
mod fax;
mod page;
mod paint;
mod range;
mod unpack;

pub(crate) use directory::is_tiff;
pub(crate) use page::Page;
use scanmill_jpeg::Hints;
use scanmill_jpeg::{Aspect, Luma};

/// What came of a page's pixels.
pub(crate) struct TiffPicture {
    /// Grey where the file has nothing.
    pub luma: Luma,
    /// What was noted of other aspects.
    pub hints: Hints,
    /// The file ends before the page does.
    pub cut: bool,
}

/// Why a page's pixels are not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TiffError {
    /// The file ends before the first of them.
    Cut,
    /// The data contradicts the format; the text says where and how.
    Broken(String),
    /// A kind that is not read here; the text names it.
    Unsupported(&'static str),
}

/// Decodes a page to an aspect. What there was no time for is grey.
pub(crate) fn read(page: &Page<'_>, aspect: Aspect, keep_on: &dyn Fn() -> bool) -> Result<TiffPicture, TiffError> {
    paint::read(page, aspect, keep_on)
}
