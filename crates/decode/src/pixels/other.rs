//! What is rare of WebP and BMP, through the `image` crate, with its limits set.

use std::io::Cursor;

use image::codecs::{bmp::BmpDecoder, webp::WebPDecoder};
use image::{ColorType, ImageDecoder, ImageError, Limits};

use super::refuse::{Fault, refuse};
use super::samples::brighten;
use super::{Header, Source, whole};
use scanmill_core::domain::{Format, Reason, Reject};

/// Decodes to brightness; alpha is seen over white.
pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Source, Reject> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(header.width);
    limits.max_image_height = Some(header.height);
    limits.max_alloc = Some(header.decode_bytes);
    let file = Cursor::new(bytes);
    let decoded = match header.format {
        Format::Webp => WebPDecoder::new(file).map(|codec| read(codec, limits)),
        Format::Bmp => BmpDecoder::new(file).map(|codec| read(codec, limits)),
        Format::Png | Format::Gif | Format::Jpeg | Format::Tiff | Format::Heic => {
            return Err(Reject::new(Reason::Unsupported, "this format has its own codec"));
        }
    };
    let pixels = decoded.and_then(|read| read).map_err(|error| refuse_image(bytes, header, &error))?;
    whole(header, pixels, false)
}

fn read(mut codec: impl ImageDecoder, limits: Limits) -> Result<Vec<u8>, ImageError> {
    // Also refuses a picture larger than the inspected header said.
    codec.set_limits(limits)?;
    let colour = codec.color_type();
    let mut raw = vec![0; usize::try_from(codec.total_bytes()).unwrap_or(0)];
    codec.read_image(&mut raw)?;
    if colour == ColorType::L8 {
        return Ok(raw);
    }
    let mut greys = vec![0; raw.len() / usize::from(colour.bytes_per_pixel())];
    Ok(if brighten(colour, &raw, &mut greys) { greys } else { Vec::new() })
}

fn refuse_image(bytes: &[u8], header: &Header, error: &ImageError) -> Reject {
    let fault = match error {
        ImageError::Unsupported(_) => Fault::Foreign,
        ImageError::Limits(_) => Fault::Limit,
        ImageError::IoError(error) => Fault::Read(error),
        _ => Fault::Broken,
    };
    refuse(bytes, header, fault, error)
}
