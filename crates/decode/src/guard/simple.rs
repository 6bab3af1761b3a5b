//! Formats whose size is at a fixed place: PNG, WebP, GIF, BMP.

use super::bytes::{be32, le16, le32, need, u8_at};
use super::{HeaderError, HeaderInfo};

/// The luma made from the codec's output.
const LUMA: u64 = 1;

/// Rows of its own that the PNG codec holds: the one before, the one being read, what waits for whole rows, and one that
/// was expanded.
const PNG_ROWS: u64 = 8;

/// What the PNG codec takes to inflate.
const PNG_BYTES: u64 = 352 << 10;
/// Most bytes of other chunks that it keeps.
const PNG_CHUNKS: u64 = 3 << 20;

/// PNG: the first chunk. The codec gives rows of grey, grey+alpha, RGB or RGBA of 8 or 16 bits.
pub(super) fn png(bytes: &[u8]) -> Result<HeaderInfo, HeaderError> {
    match need(bytes.get(12..16))? {
        b"IHDR" => {}
        b"CgBI" => return Err(HeaderError::Foreign("Apple's form of PNG for apps (CgBI)")),
        _ => return Err(HeaderError::Broken("the first chunk is not IHDR")),
    }
    let width = need(be32(bytes, 16))?;
    let height = need(be32(bytes, 20))?;
    let depth = need(u8_at(bytes, 24))?;
    let colour = need(u8_at(bytes, 25))?;
    let sample = if depth == 16 { 2 } else { 1 };
    // A transparency chunk adds an alpha channel to grey and RGB.
    let channels = match colour {
        0 | 4 => 2,
        2 | 3 | 6 => 4,
        _ => return Err(HeaderError::Broken("an unknown colour type")),
    };
    let other_bytes = PNG_ROWS * channels * sample * u64::from(width);
    let (held, unpacked) = png_chunks(bytes);
    let open_bytes = (LUMA * pixels([width, height]) + other_bytes + PNG_BYTES + 2 * held).max(unpacked);
    Ok(whole([width, height], LUMA, other_bytes, open_bytes))
}

/// Bytes of the chunks between the header and the picture, of which the codec holds some, and a copy of one; and what
/// texts may be unpacked to that are looked at for EXIF.
fn png_chunks(bytes: &[u8]) -> (u64, u64) {
    const BEHIND_HEADER: usize = 33;
    let (mut at, mut held, mut unpacked, mut is_before) = (BEHIND_HEADER, 0u64, 0, true);
    while let (Some(length), Some(kind)) = (be32(bytes, at), bytes.get(at + 4..at + 8)) {
        is_before &= kind != b"IDAT";
        if is_before {
            held = held.saturating_add(u64::from(length)).min(PNG_CHUNKS);
        }
        if matches!(kind, b"zTXt" | b"iTXt") {
            unpacked = 2 * PNG_CHUNKS;
        }
        at = at.saturating_add(length as usize).saturating_add(12);
    }
    (held, unpacked)
}

/// A picture that opening makes at its full size.
fn whole([width, height]: [u32; 2], bytes_per_pixel: u64, other_bytes: u64, open_bytes: u64) -> HeaderInfo {
    let kept_bytes = LUMA * pixels([width, height]);
    HeaderInfo { width, height, bytes_per_pixel, other_bytes, open_bytes, kept_bytes, small_bytes: None }
}

fn pixels([width, height]: [u32; 2]) -> u64 {
    // A header may say anything, and is refused by the limits later: until then no sum of such sizes overflows.
    (u64::from(width) * u64::from(height)).min(1 << 48)
}

/// What the WebP codec takes whatever the size.
const WEBP_BYTES: u64 = 64 << 10;

/// WebP: the canvas of the extended form, else the one frame's size.
pub(super) fn webp(bytes: &[u8]) -> Result<HeaderInfo, HeaderError> {
    // Output RGBA, the frame inside (a copy when animated or with alpha), and planes of a lossy frame.
    let bytes_per_pixel = LUMA + 4 + 4 + 2;
    let le24 = |at: usize| -> Result<u32, HeaderError> {
        Ok(u32::from(need(le16(bytes, at))?) | (u32::from(need(u8_at(bytes, at + 2))?) << 16))
    };
    let (width, height) = match need(bytes.get(12..16))? {
        b"VP8X" => (le24(24)? + 1, le24(27)? + 1),
        b"VP8L" => {
            if need(u8_at(bytes, 20))? != 0x2f {
                return Err(HeaderError::Broken("a lossless frame without its mark"));
            }
            let bits = need(le32(bytes, 21))?;
            ((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1)
        }
        b"VP8 " => {
            if need(bytes.get(23..26))? != [0x9d, 0x01, 0x2a] {
                return Err(HeaderError::Broken("a lossy frame without its mark"));
            }
            (u32::from(need(le16(bytes, 26))? & 0x3fff), u32::from(need(le16(bytes, 28))? & 0x3fff))
        }
        _ => return Err(HeaderError::Broken("the first chunk is not a picture")),
    };
    let open_bytes = pixels([width, height]) * webp_bytes_per_eight(bytes) / 8 + WEBP_BYTES;
    Ok(whole([width, height], bytes_per_pixel, 0, open_bytes))
}

/// Bytes that eight pixels take. Of a lossy picture, its planes and the luma; of a lossless one, what it is unpacked to, and
/// where it has no alpha a copy without; of others as much as any may take.
fn webp_bytes_per_eight(bytes: &[u8]) -> u64 {
    const ALPHA_OR_ANIMATION: u8 = 0x12;
    let mut at = 12;
    if bytes.get(at..at + 4) == Some(b"VP8X") {
        if u8_at(bytes, 20).is_none_or(|flags| flags & ALPHA_OR_ANIMATION != 0) {
            return 8 * 11;
        }
        // Between the header and the picture: a colour profile, or what nobody knows.
        while !matches!(bytes.get(at..at + 4), Some(b"VP8 " | b"VP8L")) {
            let Some(size) = le32(bytes, at + 4) else { return 8 * 11 };
            at = at.saturating_add(8).saturating_add(size as usize).next_multiple_of(2);
        }
        return if bytes.get(at..at + 4) == Some(b"VP8 ") { 22 } else { 8 * 7 + 1 };
    }
    match bytes.get(at..at + 4) {
        Some(b"VP8 ") => 22,
        _ if le32(bytes, 21).is_some_and(|bits| bits >> 28 & 1 == 1) => 8 * 5 + 1,
        _ => 8 * 7 + 1,
    }
}

/// What the GIF codec takes beside its picture.
const GIF_BYTES: u64 = 64 << 10;

/// GIF: the screen, or what the frames up to the first that has pixels reach beyond it. Many writers leave the screen's
/// size zero, and readers show the frame all the same.
pub(super) fn gif(bytes: &[u8]) -> Result<HeaderInfo, HeaderError> {
    let mut width = u32::from(need(le16(bytes, 6))?);
    let mut height = u32::from(need(le16(bytes, 8))?);
    let mut at = 13 + colour_table(need(u8_at(bytes, 10))?);
    loop {
        match need(u8_at(bytes, at))? {
            // An extension: a label and sub-blocks.
            0x21 => at = past_sub_blocks(bytes, at + 2)?,
            0x2c => {
                let side = |at: usize| need(le16(bytes, at)).map(u32::from);
                let [left, top] = [side(at + 1)?, side(at + 3)?];
                let [across, down] = [side(at + 5)?, side(at + 7)?];
                if across > 0 && down > 0 {
                    width = width.max(left + across);
                    height = height.max(top + down);
                    return Ok(whole([width, height], LUMA, 0, LUMA * pixels([width, height]) + GIF_BYTES));
                }
                // A frame of nothing: the next one is the picture.
                at += 10 + colour_table(need(u8_at(bytes, at + 9))?);
                at = past_sub_blocks(bytes, at + 1)?;
            }
            0x3b => return Err(HeaderError::Broken("it ends before a picture")),
            _ => return Err(HeaderError::Broken("an unknown block")),
        }
    }
}

/// Behind the sub-blocks that start at `at`, and the empty one that ends them.
fn past_sub_blocks(bytes: &[u8], mut at: usize) -> Result<usize, HeaderError> {
    loop {
        let length = usize::from(need(u8_at(bytes, at))?);
        at += 1 + length;
        if length == 0 {
            return Ok(at);
        }
    }
}

fn colour_table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Sizes of the BMP headers in use: core, OS/2 2.x, info, and its later versions.
pub(super) const BMP_HEADER_SIZES: [u32; 8] = [12, 16, 40, 52, 56, 64, 108, 124];

/// What reading a BMP file takes whatever the size.
const BMP_BYTES: u64 = 16 << 10;

/// BMP: the info header; a negative height means that the rows come from the top.
pub(super) fn bmp(bytes: &[u8]) -> Result<HeaderInfo, HeaderError> {
    let (width, height) = if need(le32(bytes, 14))? == 12 {
        (u32::from(need(le16(bytes, 18))?), u32::from(need(le16(bytes, 20))?))
    } else {
        let signed = |value: u32| (value as i32).unsigned_abs();
        (signed(need(le32(bytes, 18))?), signed(need(le32(bytes, 22))?))
    };
    // What the file holds as it is, is taken from there; the rest is unpacked to RGBA.
    let bits = if need(le32(bytes, 14))? == 12 { le16(bytes, 24) } else { le16(bytes, 28) };
    let is_packed = need(le32(bytes, 14))? != 12 && le32(bytes, 30) != Some(0);
    let is_plain = !is_packed && matches!(bits, Some(1 | 4 | 8 | 24 | 32));
    let open = if is_plain { LUMA } else { LUMA + 4 };
    Ok(whole([width, height], LUMA + 4, 0, open * pixels([width, height]) + BMP_BYTES))
}
