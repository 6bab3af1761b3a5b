//! Pictures to files, and where in them a photo's own metadata goes.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;

use super::jpeg::{self, Enlarge};
use super::planes::Planes;
use scanmill_core::domain::Format;
use scanmill_core::error::{Error, Result};

/// Quality from which on a format that is not JPEG shows no loss worth imitating.
const FINE: u8 = 60;

/// An encoded picture.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// Where its EXIF begins, in a format that has room for it from the start.
    pub exif_at: Option<usize>,
}

/// Whether this build makes files of the format.
pub(super) fn can(format: Format) -> bool {
    matches!(format, Format::Jpeg | Format::Png | Format::Webp) || (format == Format::Heic && cfg!(feature = "heic"))
}

/// Encodes a picture.
pub(super) fn encode(
    picture: &Planes,
    format: Format,
    quality: u8,
    enlarge: Enlarge,
    exif_bytes: usize,
) -> Result<Encoded> {
    if format == Format::Jpeg {
        return Ok(Encoded { bytes: jpeg::encode(picture, quality, enlarge), exif_at: None });
    }
    let mut picture = std::borrow::Cow::Borrowed(picture);
    if quality < FINE {
        // A photo that went through a messenger before.
        jpeg::degrade(picture.to_mut(), quality);
    }
    let rgb = picture.to_rgb();
    let mut bytes = Vec::with_capacity(rgb.len() / 2);
    let encoded = match format {
        #[cfg(feature = "heic")]
        Format::Heic => return heic(&rgb, exif_bytes),
        Format::Png => rgb.write_with_encoder(PngEncoder::new_with_quality(
            &mut bytes,
            CompressionType::Fast,
            FilterType::Adaptive,
        )),
        _ => rgb.write_with_encoder(WebPEncoder::new_lossless(&mut bytes)),
    };
    encoded.map_err(|error| Error::bug("cannot encode a picture").with_source(error))?;
    let _ = exif_bytes;
    Ok(Encoded { bytes, exif_at: None })
}

/// HEIC, with room for EXIF: its tables say where everything lies, so metadata is written over what is there.
#[cfg(feature = "heic")]
fn heic(rgb: &image::RgbImage, exif_bytes: usize) -> Result<Encoded> {
    /// Does not occur in a picture by chance.
    const MARK: [u8; 16] = *b"\0room for EXIF\0!";
    let image = heifer::Image {
        width: rgb.width(),
        height: rgb.height(),
        bit_depth: 8,
        has_alpha: false,
        data: rgb.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255].map(u16::from)).collect(),
    };
    let room = (exif_bytes > 0).then(|| MARK.iter().copied().cycle().take(exif_bytes.max(MARK.len())).collect());
    let metadata = heifer::Metadata { exif: room, ..Default::default() };
    let options = heifer::EncodeOptions { quality: 60, max_threads: 1 };
    let bytes = heifer::encode_with_metadata(&image, &metadata, &options)
        .map_err(|error| Error::bug("cannot encode a HEIC picture").with_source(error))?;
    let exif_at = bytes.windows(MARK.len()).position(|window| window == MARK);
    if exif_bytes > 0 && exif_at.is_none() {
        return Err(Error::bug("a HEIC picture has lost the room for its EXIF"));
    }
    Ok(Encoded { bytes, exif_at })
}
