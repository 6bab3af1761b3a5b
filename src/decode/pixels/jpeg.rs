//! JPEG through `zune-jpeg`, which gives the Y component without ever making RGB.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::super::guard::jpeg_has_end;
use super::super::luma::of_rgb;
use super::{Header, Picture, picture};
use crate::domain::{Reason, Reject};

/// Progressive files in the wild have 10 to 20 scans. Each costs a pass over the whole picture that no time budget can
/// interrupt.
const MAX_SCANS: usize = 64;

/// Decodes to brightness. What a file that ends early does not hold is grey.
pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Picture, Reject> {
    let options = DecoderOptions::new_fast()
        .set_max_width(header.width as usize)
        .set_max_height(header.height as usize)
        .set_strict_mode(false)
        .jpeg_set_max_scans(MAX_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| refuse(bytes, &error))?;

    let has_y = matches!(decoder.input_colorspace(), Some(ColorSpace::YCbCr | ColorSpace::Luma));
    let pixels = if has_y {
        decoder.decode().map_err(|error| refuse(bytes, &error))?
    } else {
        // RGB, CMYK and YCCK have no Y; their brightness comes from RGB.
        decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::RGB));
        let rgb = decoder.decode().map_err(|error| refuse(bytes, &error))?;
        rgb.as_chunks().0.iter().map(|&[red, green, blue]| of_rgb(red, green, blue)).collect()
    };
    picture(header, pixels, !jpeg_has_end(bytes))
}

fn refuse(bytes: &[u8], error: &DecodeErrors) -> Reject {
    match error {
        DecodeErrors::Unsupported(_) => Reject::new(Reason::Unsupported, format!("jpeg: {error}")),
        _ if !jpeg_has_end(bytes) => {
            Reject::new(Reason::Truncated, format!("the jpeg file ends before its picture: {error}"))
        }
        _ => Reject::new(Reason::Unreadable, format!("jpeg: {error}")),
    }
}
