//! TIFF through our own reader.

use super::super::clock::Deadline;
use super::super::guard::HeaderError;
use super::super::tiff::{self, Page, TiffError};
use super::{Header, Source};
use scanmill_core::domain::{Reason, Rejection};
use scanmill_jpeg::Aspect;

/// Decodes the page that the guard looked at to an aspect.
pub(super) fn decode(bytes: &[u8], header: &Header, aspect: Aspect, deadline: Deadline) -> Result<Source, Rejection> {
    let changed = |flaw: HeaderError| Rejection::new(Reason::Unreadable, format!("the tiff header changed: {flaw:?}"));
    let page = Page::first(bytes).map_err(changed)?;
    if [page.width, page.height] != [header.width, header.height] {
        return Err(Rejection::new(Reason::Unreadable, "the tiff header changed its size"));
    }
    let picture = tiff::read(&page, aspect, &|| !deadline.is_over()).map_err(|fault| match fault {
        TiffError::Cut => Rejection::new(Reason::Truncated, "the tiff file ends before its picture"),
        TiffError::Broken(what) => Rejection::new(Reason::Unreadable, format!("tiff: {what}")),
        TiffError::Unsupported(what) => Rejection::new(Reason::Unsupported, format!("tiff with {what}")),
    })?;
    Ok(Source::whole(picture.luma, picture.cut).hinting(picture.hints))
}
