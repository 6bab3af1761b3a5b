//! What is rare of WebP and BMP, through the `image` crate, with its limits set.

use std::io::Cursor;

use image::codecs::{bmp::BmpDecoder, webp::WebPDecoder};
use image::{ColorType, ImageDecoder, ImageError, Limits};

use super::refuse::{CodecError, refuse};
use super::samples::Lens;
use super::{Header, Source, whole};
use scanmill_core::domain::{Format, Reason, Rejection};
use scanmill_jpeg::Aspect;

/// Decodes to an aspect.
pub(super) fn decode(bytes: &[u8], header: &Header, aspect: Aspect) -> Result<Source, Rejection> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(header.width);
    limits.max_image_height = Some(header.height);
    limits.max_alloc = Some(header.decode_bytes);
    let mut lens = Lens::new(aspect);
    let file = Cursor::new(bytes);
    let decoded = match header.format {
        Format::Webp => WebPDecoder::new(file).map(|codec| read(codec, limits, &mut lens)),
        Format::Bmp => BmpDecoder::new(file).map(|codec| read(codec, limits, &mut lens)),
        Format::Png | Format::Gif | Format::Jpeg | Format::Tiff | Format::Heic | Format::Avif => {
            return Err(Rejection::new(Reason::Unsupported, "this format has its own codec"));
        }
    };
    let pixels = decoded.and_then(|read| read).map_err(|error| refuse_image(bytes, header, &error))?;
    Ok(whole(header, pixels, false)?.hinting(lens.hints()))
}

fn read(mut codec: impl ImageDecoder, limits: Limits, lens: &mut Lens) -> Result<Vec<u8>, ImageError> {
    // Also refuses a picture larger than the inspected header said.
    codec.set_limits(limits)?;
    let colour = codec.color_type();
    let mut raw = vec![0; usize::try_from(codec.total_bytes()).unwrap_or(0)];
    let width = codec.dimensions().0.max(1) as usize;
    codec.read_image(&mut raw)?;
    if colour == ColorType::L8 && lens.aspect() == Aspect::Brightness {
        return Ok(raw);
    }
    let size = usize::from(colour.bytes_per_pixel());
    let mut seen = vec![0; raw.len() / size];
    let mut is_known = true;
    for (y, (raw, out)) in raw.chunks(width * size).zip(seen.chunks_mut(width)).enumerate() {
        is_known &= lens.samples(colour, y, raw, out);
    }
    Ok(if is_known { seen } else { Vec::new() })
}

fn refuse_image(bytes: &[u8], header: &Header, error: &ImageError) -> Rejection {
    let fault = match error {
        ImageError::Unsupported(_) => CodecError::Foreign,
        ImageError::Limits(_) => CodecError::Limit,
        ImageError::IoError(error) => CodecError::Read(error),
        _ => CodecError::Broken,
    };
    refuse(bytes, header, fault, error)
}
