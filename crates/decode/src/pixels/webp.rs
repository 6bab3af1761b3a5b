//! WebP. A lossy picture is brightness and chroma apart, so of it the one is taken and the other never made to colours;
//! lossless, transparent and animated pictures go through `image`.

use image_webp::DecodingError;
use image_webp::vp8::Vp8Decoder;

use super::refuse::{CodecError, refuse};
use super::{Header, Source, webp_bmp, whole};
use scanmill_core::domain::Rejection;
use scanmill_jpeg::Aspect;
use scanmill_jpeg::Survey;

const ALPHA: u8 = 0x10;
const ANIMATION: u8 = 0x02;

/// Decodes to an aspect.
pub(super) fn decode(bytes: &[u8], header: &Header, aspect: Aspect) -> Result<Source, Rejection> {
    let Some(frame) = lossy_frame(bytes).filter(|frame| is_of_size(frame, header)) else {
        return webp_bmp::decode(bytes, header, aspect);
    };
    let frame = Vp8Decoder::decode_frame(frame).map_err(|error| {
        let fault =
            if let DecodingError::IoError(error) = &error { CodecError::Read(error) } else { CodecError::Broken };
        refuse(bytes, header, fault, &error)
    })?;
    let greys: [u8; 256] = std::array::from_fn(|y| full_range(y as u8));
    let (width, height) = (usize::from(frame.width), usize::from(frame.height));
    // Rows hold whole macroblocks; of chroma each sample stands for two pixels, across and down.
    let line = width.next_multiple_of(16);
    let chroma = |plane: &[u8], x: usize, y: usize| plane.get(y / 2 * (line / 2) + x / 2).copied().unwrap_or(128);
    let mut pixels = Vec::with_capacity(width * height);
    let mut survey = Survey::default();
    for (y, row) in frame.ybuf.chunks(line).take(height).enumerate() {
        match aspect {
            Aspect::Redness => pixels.extend((0..width).map(|x| chroma(&frame.vbuf, x, y))),
            Aspect::Blueness => pixels.extend((0..width).map(|x| chroma(&frame.ubuf, x, y))),
            _ => {
                pixels.extend(row.iter().take(width).map(|&y| greys[usize::from(y)]));
                let grey = |x: usize| row.get(x).map_or(0, |&y| greys[usize::from(y)]);
                survey.tinted_row(y, width, |x| [grey(x), chroma(&frame.vbuf, x, y), chroma(&frame.ubuf, x, y)]);
            }
        }
    }
    Ok(whole(header, pixels, false)?.hinting(survey.hints()))
}

/// From 16 (black) to 235 (white), as BT.601 has it, to a whole byte.
fn full_range(y: u8) -> u8 {
    ((u32::from(y.clamp(16, 235) - 16) * 255 + 109) / 219) as u8
}

/// The body of the one lossy frame; `None` where there is another kind of picture, or alpha.
fn lossy_frame(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 12;
    if bytes.get(at..at + 4)? == b"VP8X" {
        if bytes.get(20)? & (ALPHA | ANIMATION) != 0 {
            return None;
        }
        at = chunk_end(bytes, at)?;
    }
    // Between the header and the picture: a colour profile, or what nobody knows.
    loop {
        let end = chunk_end(bytes, at)?;
        match bytes.get(at..at + 4)? {
            b"VP8 " => return bytes.get(at + 8..end.min(bytes.len())),
            b"VP8L" => return None,
            _ => at = end,
        }
    }
}

fn chunk_end(bytes: &[u8], at: usize) -> Option<usize> {
    let size = bytes.get(at + 4..at + 8)?.first_chunk().map(|&size| u32::from_le_bytes(size))? as usize;
    at.checked_add(8)?.checked_add(size)?.checked_next_multiple_of(2)
}

/// Whether the frame is as large as the header that was inspected: its planes are made by what it says itself.
fn is_of_size(frame: &[u8], header: &Header) -> bool {
    let side = |at: usize| {
        let two = frame.get(at..).and_then(<[u8]>::first_chunk);
        two.map(|&two| u32::from(u16::from_le_bytes(two) & 0x3fff))
    };
    side(6) == Some(header.width) && side(8) == Some(header.height)
}
