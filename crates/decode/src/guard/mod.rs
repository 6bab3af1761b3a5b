//! Looks at the first bytes of a photo and decides whether its pixels may be decoded at all, and what that will cost.
//!
//! Nothing here allocates by what a header says, and nothing here is more than a few microseconds of work.

mod bytes;
mod jpeg;
mod simple;

use super::heif::{self, Codec, Heif, Picture};
use super::tiff::{Page, is_tiff};
use super::{DecodeLimits, Header, ladder};
use scanmill_core::domain::{Format, Reason, Rejection};

/// What a format's own header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeaderInfo {
    width: u32,
    height: u32,
    /// Most bytes per pixel that the codec and the luma made of its output take at once.
    bytes_per_pixel: u64,
    /// Most bytes that the codec takes beside those, copies of the file not counted.
    other_bytes: u64,
    /// Bytes that opening the picture takes.
    open_bytes: u64,
    /// Bytes that stay of it; one a pixel where the picture is there at its full size.
    kept_bytes: u64,
    /// Bytes that a first look at something smaller takes, where that may do.
    small_bytes: Option<u64>,
}

/// Why a header told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    /// The file ends inside the header.
    Cut,
    /// The header contradicts its format; the text says how.
    Broken(&'static str),
    /// A kind of this format that no codec here reads; the text names it.
    Foreign(&'static str),
}

/// What the ladder takes beside the full-size luma, per pixel of it: halved copies (a third at most) and the
/// black-and-white picture (an eighth).
const LADDER_BYTES_PER_TWO_PIXELS: u64 = 1;
/// What any photo takes: the shrunk pictures, the second reader's copies of one, tables.
const BASE_BYTES: u64 = 6 << 20;

/// See [`super::inspect`].
pub(super) fn inspect(bytes: &[u8], limits: &DecodeLimits) -> Result<Header, Rejection> {
    let size = bytes.len() as u64;
    if bytes.is_empty() {
        return Err(Rejection::new(Reason::Empty, "the object has no bytes"));
    }
    if size > limits.max_file_bytes {
        let detail = format!("{size} bytes, the limit is {}", limits.max_file_bytes);
        return Err(Rejection::new(Reason::TooLarge, detail));
    }
    let Some(format) = sniff(bytes) else {
        return Err(Rejection::new(Reason::Unsupported, format!("content is {}", name_of_content(bytes))));
    };
    let facts = match format {
        Format::Jpeg => match heif::jpeg(bytes) {
            Some(inner) => jpeg::facts(&inner),
            None => jpeg::facts(bytes),
        },
        Format::Png => simple::png(bytes),
        Format::Webp => simple::webp(bytes),
        Format::Gif => simple::gif(bytes),
        Format::Bmp => simple::bmp(bytes),
        Format::Tiff => tiff(bytes),
        Format::Heic | Format::Avif => heif(bytes),
    };
    let name = format.as_str();
    let facts = facts.map_err(|flaw| match flaw {
        HeaderError::Cut => {
            Rejection::new(Reason::Truncated, format!("the {name} file ends inside its header, after {size} bytes"))
        }
        HeaderError::Broken(what) => Rejection::new(Reason::Unreadable, format!("broken {name} header: {what}")),
        HeaderError::Foreign(what) => Rejection::new(Reason::Unsupported, format!("{name} with {what}")),
    })?;
    check_size(&facts, size, limits)?;

    let pixels = u64::from(facts.width) * u64::from(facts.height);
    // The entropy-coded data without its stuffing; data of items that lies in pieces is put together before.
    let file_copies = match format {
        // Twice where it is in another file's item, in pieces.
        Format::Jpeg if bytes.starts_with(&[0xff, 0xd8]) => size,
        Format::Jpeg => 2 * size,
        Format::Heic => 2 * size,
        // Put together, as one frame, and as the decoder holds it.
        Format::Avif => 3 * size,
        _ => 0,
    };
    let decode_bytes = pixels
        .saturating_mul(facts.bytes_per_pixel)
        .saturating_add(facts.other_bytes)
        .saturating_add(file_copies)
        .saturating_add(pixels / 2 * LADDER_BYTES_PER_TWO_PIXELS)
        .saturating_add(BASE_BYTES);
    let first_bytes = facts.small_bytes.unwrap_or_else(|| facts.first_bytes(format)).min(decode_bytes);
    let HeaderInfo { width, height, open_bytes, .. } = facts;
    Ok(Header { format, width, height, decode_bytes, first_bytes, open_bytes: open_bytes.min(decode_bytes) })
}

impl HeaderInfo {
    /// What opening the picture takes, or the first rung of the ladder if that is more.
    fn first_bytes(&self, format: Format) -> u64 {
        let longest = u64::from(self.width.max(self.height)).max(1);
        let side = ladder::first_side(longest as usize) as u64;
        let full = u64::from(self.width) * u64::from(self.height);
        let pixels = full * side / longest * side / longest;
        // A JPEG picture is made at a half, a quarter or an eighth; of others every half size on the way is kept.
        let made = match format {
            Format::Jpeg => {
                let halved = (0..4).rev().find(|times| longest.div_ceil(1 << times) >= side).unwrap_or(0);
                let is_side = longest.div_ceil(1 << halved) == side;
                (full >> (2 * halved)) + if is_side { 0 } else { pixels }
            }
            _ if pixels < full => full / 3 + pixels,
            _ => 0,
        };
        self.open_bytes.max(self.kept_bytes + made + ladder::first_bytes(pixels))
    }
}

fn check_size(facts: &HeaderInfo, size: u64, limits: &DecodeLimits) -> Result<(), Rejection> {
    let (width, height) = (facts.width, facts.height);
    if width == 0 || height == 0 {
        return Err(Rejection::new(Reason::Unreadable, format!("the header says {width} x {height} pixels")));
    }
    let pixels = u64::from(width) * u64::from(height);
    let refusal = if width > limits.max_side || height > limits.max_side {
        format!("the longest side allowed is {}", limits.max_side)
    } else if pixels > limits.max_pixels {
        format!("at most {} pixels are allowed", limits.max_pixels)
    } else if pixels > size.saturating_mul(u64::from(limits.max_pixels_per_byte)) {
        format!("from {size} bytes, more than {} pixels a byte", limits.max_pixels_per_byte)
    } else {
        return Ok(());
    };
    Err(Rejection::new(Reason::TooManyPixels, format!("{width} x {height} pixels: {refusal}")))
}

/// HEIC and AVIF: the primary picture, and the tile that is decoded beside it.
fn heif(bytes: &[u8]) -> Result<HeaderInfo, HeaderError> {
    let file = Heif::new(bytes)?;
    let picture = file.picture()?;
    // The thumbnail is read, and forgotten, before the picture's pixels are there.
    let thumbnail = file.thumbnail(&picture);
    let beside =
        [thumbnail.as_ref(), file.alpha(&picture).as_ref()].map(|beside| beside.map_or(0, Picture::tile_bytes));
    let other_bytes = beside.into_iter().fold(picture.tile_bytes(), u64::max);
    let small_bytes = thumbnail.filter(|_| picture.codec == Codec::Hevc).map(|thumbnail| {
        let pixels = (u64::from(thumbnail.width) * u64::from(thumbnail.height)).min(1 << 48);
        let while_read = pixels.saturating_add(thumbnail.tile_bytes().saturating_mul(3) / 4);
        while_read.max(pixels.saturating_mul(2).saturating_add(ladder::first_bytes(pixels)))
    });
    let pixels = u64::from(picture.width) * u64::from(picture.height);
    let copies = if picture.codec == Codec::Av1 { 3 } else { 2 };
    Ok(HeaderInfo {
        width: picture.width,
        height: picture.height,
        bytes_per_pixel: 1,
        other_bytes,
        // Sizes that lie are refused by the limits, not here.
        open_bytes: pixels.saturating_add(picture.tile_bytes()).saturating_add(copies * bytes.len() as u64),
        kept_bytes: pixels,
        small_bytes,
    })
}

/// TIFF: the page that is read, and the rows that are held of it.
fn tiff(bytes: &[u8]) -> Result<HeaderInfo, HeaderError> {
    let page = Page::first(bytes)?;
    let (other_bytes, pixels) = (page.other_bytes(), u64::from(page.width) * u64::from(page.height));
    Ok(HeaderInfo {
        width: page.width,
        height: page.height,
        bytes_per_pixel: 1,
        other_bytes,
        open_bytes: pixels + page.open_bytes(),
        kept_bytes: pixels,
        small_bytes: None,
    })
}

/// The format by content.
fn sniff(bytes: &[u8]) -> Option<Format> {
    if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        Some(Format::Jpeg)
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(Format::Png)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(Format::Webp)
    } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        Some(Format::Gif)
    } else if bytes.starts_with(b"BM")
        && bytes::le32(bytes, 14).is_some_and(|size| simple::BMP_HEADER_SIZES.contains(&size))
    {
        Some(Format::Bmp)
    } else if is_tiff(bytes) {
        Some(Format::Tiff)
    } else if heif::jpeg(bytes).is_some() {
        Some(Format::Jpeg)
    } else {
        heif::codec(bytes).map(|codec| match codec {
            Codec::Hevc => Format::Heic,
            Codec::Av1 => Format::Avif,
        })
    }
}

/// A word for people about content that is none of ours.
fn name_of_content(bytes: &[u8]) -> &'static str {
    let brand = bytes.get(4..12).unwrap_or(&[]);
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        "a zip archive"
    } else if bytes.starts_with(b"%PDF") {
        "a PDF document"
    } else if brand.starts_with(b"JXL ") || bytes.starts_with(&[0xff, 0x0a]) {
        "JPEG XL, which is not supported"
    } else if brand.starts_with(b"ftyp") {
        "an MP4 container"
    } else if bytes.starts_with(&[0x1f, 0x8b]) {
        "gzip"
    } else if bytes.first().is_some_and(|byte| *byte == b'<') {
        "markup text"
    } else {
        "no image format known here"
    }
}
