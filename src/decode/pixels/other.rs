//! PNG, WebP, GIF (first frame), BMP and TIFF (first page) through the `image` crate, with its limits set.

use std::io::{Cursor, ErrorKind};

use image::codecs::{bmp::BmpDecoder, gif::GifDecoder, png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder};
use image::{ColorType, ImageDecoder, ImageError, Limits};

use super::super::luma::{of_rgb, over_white};
use super::{Header, Source, whole};
use crate::domain::{Format, Reason, Reject};

/// What the chunks of a PNG file beside its picture may take: EXIF with its thumbnail, a colour profile, which may
/// inflate without end. A limit of its own, as the codec holds them, and a copy of one, beside the picture; twice this is
/// what any photo may take.
const PNG_CHUNK_BYTES: u64 = 3 << 20;

/// Decodes to brightness; alpha is seen over white.
pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Source, Reject> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(header.width);
    limits.max_image_height = Some(header.height);
    limits.max_alloc = Some(header.decode_bytes);
    let file = Cursor::new(bytes);
    let decoded = match header.format {
        Format::Png => {
            let mut chunks = limits.clone();
            chunks.max_alloc = Some(PNG_CHUNK_BYTES);
            PngDecoder::with_limits(file, chunks).map(|codec| read(codec, limits))
        }
        Format::Webp => WebPDecoder::new(file).map(|codec| read(codec, limits)),
        Format::Gif => GifDecoder::new(file).map(|codec| read(codec, limits)),
        Format::Bmp => BmpDecoder::new(file).map(|codec| read(codec, limits)),
        Format::Tiff => TiffDecoder::new(file).map(|codec| read(codec, limits)),
        Format::Jpeg | Format::Heic => {
            return Err(Reject::new(Reason::Unsupported, "this format has its own codec"));
        }
    };
    let pixels = decoded.and_then(|read| read).map_err(|error| refuse(bytes, header, &error))?;
    whole(header, pixels, false)
}

fn read(mut codec: impl ImageDecoder, limits: Limits) -> Result<Vec<u8>, ImageError> {
    // Also refuses a picture larger than the inspected header said.
    codec.set_limits(limits)?;
    let colour = codec.color_type();
    let mut raw = vec![0; usize::try_from(codec.total_bytes()).unwrap_or(0)];
    codec.read_image(&mut raw)?;
    Ok(brightness(colour, raw))
}

/// One byte a pixel, straight from the codec's samples: a copy of them at 8 bits would be the largest thing in memory.
/// Empty for a layout that no codec above gives.
fn brightness(colour: ColorType, raw: Vec<u8>) -> Vec<u8> {
    let grey_alpha = |[grey, alpha]: [u8; 2]| over_white(grey, alpha);
    let rgb = |[red, green, blue]: [u8; 3]| of_rgb(red, green, blue);
    let rgba = |[red, green, blue, alpha]: [u8; 4]| over_white(of_rgb(red, green, blue), alpha);
    match colour {
        ColorType::L8 => raw,
        ColorType::La8 => raw.as_chunks().0.iter().copied().map(grey_alpha).collect(),
        ColorType::Rgb8 => raw.as_chunks().0.iter().copied().map(rgb).collect(),
        ColorType::Rgba8 => raw.as_chunks().0.iter().copied().map(rgba).collect(),
        ColorType::L16 => deep::<2, 2, 1>(&raw, high, |[grey]| grey),
        ColorType::La16 => deep::<4, 2, 2>(&raw, high, grey_alpha),
        ColorType::Rgb16 => deep::<6, 2, 3>(&raw, high, rgb),
        ColorType::Rgba16 => deep::<8, 2, 4>(&raw, high, rgba),
        ColorType::Rgb32F => deep::<12, 4, 3>(&raw, float, rgb),
        ColorType::Rgba32F => deep::<16, 4, 4>(&raw, float, rgba),
        _ => Vec::new(),
    }
}

/// Maps pixels deeper than eight bits: `PIXEL` bytes, which are `CHANNELS` samples of `SAMPLE` bytes each.
fn deep<const PIXEL: usize, const SAMPLE: usize, const CHANNELS: usize>(
    raw: &[u8],
    sample: fn([u8; SAMPLE]) -> u8,
    grey: impl Fn([u8; CHANNELS]) -> u8,
) -> Vec<u8> {
    let pixels = raw.as_chunks::<PIXEL>().0.iter();
    let samples = |pixel: &[u8; PIXEL]| {
        let mut eights = [0; CHANNELS];
        for (eight, &bytes) in eights.iter_mut().zip(pixel.as_chunks::<SAMPLE>().0) {
            *eight = sample(bytes);
        }
        eights
    };
    pixels.map(|pixel| grey(samples(pixel))).collect()
}

fn high(sample: [u8; 2]) -> u8 {
    (u16::from_ne_bytes(sample) >> 8) as u8
}

/// Floats from 0 to 1; `as` brings what is outside, and NaN, into range.
fn float(sample: [u8; 4]) -> u8 {
    (f32::from_ne_bytes(sample) * 255.0 + 0.5) as u8
}

fn refuse(bytes: &[u8], header: &Header, error: &ImageError) -> Reject {
    let name = header.format.as_str();
    let ended = matches!(error, ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof);
    match error {
        ImageError::Unsupported(error) => Reject::new(Reason::Unsupported, format!("{name}: {error}")),
        ImageError::Limits(error) => {
            Reject::new(Reason::TooManyPixels, format!("{name}: more than its header promised: {error}"))
        }
        _ if ended || is_cut(bytes, header.format) => {
            Reject::new(Reason::Truncated, format!("the {name} file ends before its picture: {error}"))
        }
        _ => Reject::new(Reason::Unreadable, format!("{name}: {error}")),
    }
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
        Format::Tiff | Format::Jpeg | Format::Heic => false,
    }
}
