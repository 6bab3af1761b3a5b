//! Bytes to brightness: decodes a photo whose header was inspected.

mod jpeg;
mod other;

use super::Header;
use super::contain::contain;
use super::luma::Luma;
use crate::domain::{Format, Reason, Reject};

/// A decoded picture.
pub(super) struct Picture {
    /// Full-size brightness.
    pub luma: Luma,
    /// The file ends before the picture does; the missing part is grey.
    pub cut: bool,
}

/// Decodes the photo. A codec's panic becomes [`Reason::DecoderFault`].
pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Picture, Reject> {
    let decoded = contain(|| match header.format {
        Format::Jpeg => jpeg::decode(bytes, header),
        Format::Png | Format::Webp | Format::Gif | Format::Bmp | Format::Tiff => other::decode(bytes, header),
    });
    match decoded {
        Ok(outcome) => outcome,
        Err(panic) => {
            let detail = format!("the {} codec panicked: {panic}", header.format.as_str());
            Err(Reject::new(Reason::DecoderFault, detail))
        }
    }
}

/// The picture, if its codec gave as many pixels as its header promised.
fn picture(header: &Header, pixels: Vec<u8>, cut: bool) -> Result<Picture, Reject> {
    let (width, height) = (header.width as usize, header.height as usize);
    match Luma::new(width, height, pixels) {
        Some(luma) => Ok(Picture { luma, cut }),
        None => Err(Reject::new(Reason::Unreadable, "the codec gave another number of pixels than the header says")),
    }
}
