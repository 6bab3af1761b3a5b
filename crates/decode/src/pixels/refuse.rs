//! Why a codec gave no picture, in our words.

use std::fmt::Display;
use std::io::{Error, ErrorKind};

use super::{Header, Source};
use scanmill_core::domain::{Format, Reason, Rejection};
use scanmill_jpeg::Luma;

/// What kind of error a codec gave.
pub(super) enum CodecError<'a> {
    /// From reading the file, which is in memory: an end where more should be.
    Read(&'a Error),
    /// It would have taken more than the header promised.
    Limit,
    /// A kind of the format that the codec does not know.
    Foreign,
    /// Anything else.
    Broken,
}

/// The rejection for a codec's error.
pub(super) fn refuse(bytes: &[u8], header: &Header, fault: CodecError<'_>, error: &dyn Display) -> Rejection {
    let name = header.format.as_str();
    match fault {
        CodecError::Foreign => Rejection::new(Reason::Unsupported, format!("{name}: {error}")),
        CodecError::Limit => {
            Rejection::new(Reason::TooManyPixels, format!("{name}: more than its header promised: {error}"))
        }
        fault if ended(&fault) || is_cut(bytes, header.format) => {
            Rejection::new(Reason::Truncated, format!("the {name} file ends before its picture: {error}"))
        }
        _ => Rejection::new(Reason::Unreadable, format!("{name}: {error}")),
    }
}

/// The picture of a file that ended after so many rows, which may show the code; the rejection where there is none, or
/// where the file is worse than cut.
pub(super) fn as_far_as(luma: Luma, rows: usize, reject: Rejection) -> Result<Source, Rejection> {
    if rows > 0 && reject.reason == Reason::Truncated { Ok(Source::whole(luma, true)) } else { Err(reject) }
}

fn ended(fault: &CodecError<'_>) -> bool {
    matches!(fault, CodecError::Read(error) if error.kind() == ErrorKind::UnexpectedEof)
}

/// Whether a file that could not be decoded lacks its own end.
fn is_cut(bytes: &[u8], format: Format) -> bool {
    let declared = |at: usize| {
        let size = bytes.get(at..at + 4).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes);
        size.map(|size| size as usize)
    };
    match format {
        Format::Png => !bytes.windows(4).rev().any(|four| four == b"IEND"),
        Format::Webp => declared(4).is_some_and(|size| bytes.len() < size.saturating_add(8)),
        Format::Gif => bytes.last() != Some(&0x3b),
        Format::Bmp => declared(2).is_some_and(|size| bytes.len() < size),
        // A TIFF file has no end mark and no size; its codec tells by running over the end.
        Format::Tiff | Format::Jpeg | Format::Heic | Format::Avif => false,
    }
}
