//! JPEG through our own reader, which makes only the pixels asked for.

use super::super::clock::Deadline;
use super::super::room::Room;
use super::{Header, Source, no_room};
use scanmill_core::domain::{Reason, Rejection};
use scanmill_jpeg::Aspect;
use scanmill_jpeg::{self as jpeg, JpegError, Picture, Watch};

/// Reads an aspect; most pictures have no pixel made yet. What a file that ends early does not hold is grey.
pub(super) fn open(
    bytes: &[u8],
    header: &Header,
    aspect: Aspect,
    deadline: Deadline,
    room: &Room<'_>,
) -> Result<Source, Rejection> {
    let has_end = jpeg::has_end(bytes);
    let refuse = |fault| match fault {
        JpegError::Unsupported(what) => Rejection::new(Reason::Unsupported, format!("jpeg with {what}")),
        JpegError::Broken(what) if has_end => Rejection::new(Reason::Unreadable, format!("jpeg: {what}")),
        JpegError::Cut if has_end => Rejection::new(Reason::Unreadable, "jpeg: it ends before a scan"),
        JpegError::NoRoom => no_room(),
        JpegError::Broken(_) | JpegError::Cut => {
            Rejection::new(Reason::Truncated, "the jpeg file ends before its picture")
        }
    };
    let copy = bytes.len() as u64;
    let watch =
        Watch { keep_on: &|| !deadline.is_over(), has_room: &|held| room.has_growing(held.saturating_add(copy)) };
    let (picture, hints) = jpeg::open(bytes, aspect, watch).map_err(refuse)?;
    let (picture, size) = match picture {
        Picture::Scalable(picture, scale) => {
            let size = [picture.width(), picture.height()];
            (Source::scaled(picture, !has_end).shrunk(scale), size)
        }
        Picture::Whole(luma) => {
            let size = [luma.width(), luma.height()];
            (Source::whole(luma, !has_end), size)
        }
    };
    let is_promised = |(has, promised): (usize, u32)| has == (promised as f32 / picture.scale()).ceil() as usize;
    if size.into_iter().zip([header.width, header.height]).all(is_promised) {
        Ok(picture.hinting(hints))
    } else {
        Err(Rejection::new(Reason::Unreadable, "jpeg: its frame header contradicts itself"))
    }
}
