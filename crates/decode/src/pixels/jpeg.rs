//! JPEG through our own reader, which makes only the pixels asked for.

use super::super::clock::Deadline;
use super::super::guard::jpeg_has_end;
use super::super::jpeg::{self, Fault, Picture};
use super::{Header, Source};
use scanmill_core::domain::{Reason, Reject};

/// Reads the brightness; most pictures have no pixel made yet. What a file that ends early does not hold is grey.
pub(super) fn open(bytes: &[u8], header: &Header, deadline: Deadline) -> Result<Source, Reject> {
    let has_end = jpeg_has_end(bytes);
    let refuse = |fault| match fault {
        Fault::Unsupported(what) => Reject::new(Reason::Unsupported, format!("jpeg with {what}")),
        Fault::Broken(what) if has_end => Reject::new(Reason::Unreadable, format!("jpeg: {what}")),
        Fault::Cut if has_end => Reject::new(Reason::Unreadable, "jpeg: it ends before a scan"),
        Fault::Broken(_) | Fault::Cut => Reject::new(Reason::Truncated, "the jpeg file ends before its picture"),
    };
    let (picture, size) = match jpeg::open(bytes, &|| !deadline.is_over()).map_err(refuse)? {
        Picture::Scalable(picture) => {
            let size = [picture.width(), picture.height()];
            (Source::scaled(picture, !has_end), size)
        }
        Picture::Whole(luma) => {
            let size = [luma.width(), luma.height()];
            (Source::whole(luma, !has_end), size)
        }
    };
    if size == [header.width, header.height].map(|side| side as usize) {
        Ok(picture)
    } else {
        Err(Reject::new(Reason::Unreadable, "jpeg: its frame header contradicts itself"))
    }
}
