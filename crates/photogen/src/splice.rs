//! A photo's own metadata into an encoded picture: one allocation and a copy, nothing is parsed again.

use bytes::Bytes;
use flate2::Crc;

use super::scene::{Encoded, METADATA_AT};
use scanmill_core::domain::Format;
use scanmill_core::error::{Error, Result};

/// Room for EXIF in a format that must have it from the start.
pub(crate) const EXIF_ROOM: usize = 2_048;
/// Where a PNG's first chunk, the header, ends.
const PNG_HEADER: usize = 33;
/// Of JPEG files without EXIF.
const JFIF: &[u8] = b"\xff\xe0\x00\x10JFIF\0\x01\x01\x00\x00\x01\x00\x01\x00\x00";

/// An encoded picture, ready for metadata.
#[derive(Debug)]
pub(crate) struct Template {
    kind: Container,
    bytes: Vec<u8>,
}

#[derive(Debug)]
enum Container {
    Jpeg,
    Png,
    /// The canvas as the extended header has it: sides less one, 24 bits each.
    Webp([u8; 6]),
    /// Where EXIF goes, and where its kind of item is named.
    Heic {
        exif_at: usize,
        named_at: usize,
    },
}

impl Template {
    /// Finds the places in a picture of `width` by `height` pixels.
    ///
    /// # Errors
    /// A picture that is not as our encoders make it (a bug).
    pub(crate) fn new(encoded: Encoded, format: Format, (width, height): (u32, u32)) -> Result<Self> {
        let Encoded { bytes, exif_at } = encoded;
        let (kind, is_fit) = match (format, exif_at) {
            (Format::Jpeg, _) => (Container::Jpeg, bytes.starts_with(&[0xff, 0xd8, 0xff, 0xdb])),
            (Format::Png, _) => (Container::Png, bytes.get(12..16) == Some(b"IHDR") && bytes.len() > PNG_HEADER),
            (Format::Webp, _) => {
                let [[a, b, c, _], [d, e, f, _]] = [width - 1, height - 1].map(u32::to_le_bytes);
                (Container::Webp([a, b, c, d, e, f]), bytes.get(12..16) == Some(b"VP8L"))
            }
            (Format::Heic, Some(exif_at)) => {
                // The entry of an item: its box, version, number, protection, then what kind it is.
                let entry = |window: &[u8]| window.starts_with(b"infe") && window.ends_with(b"Exif");
                let named_at = bytes.windows(16).position(entry).map(|at| at + 12);
                (Container::Heic { exif_at, named_at: named_at.unwrap_or(0) }, named_at.is_some())
            }
            _ => (Container::Jpeg, false),
        };
        if is_fit { Ok(Self { kind, bytes }) } else { Err(Error::bug(format!("a strange {} file", format.as_str()))) }
    }

    /// Bytes it takes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The photo with this EXIF, or as much of it as `keep` says.
    ///
    /// # Errors
    /// EXIF that is too long (a bug).
    pub(crate) fn with_exif(&self, tiff: &[u8], keep: Option<f64>) -> Result<Bytes> {
        Ok(match self.kind {
            Container::Jpeg => {
                let length = u16::try_from(tiff.len() + 8).map_err(|error| too_long(tiff).with_source(error))?;
                let mut mark = *b"\xff\xe1\0\0Exif\0\0";
                mark[2..4].copy_from_slice(&length.to_be_bytes());
                let (start, rest) = self.bytes.split_at(METADATA_AT);
                join(&[start, &mark, tiff, rest], keep)
            }
            Container::Png => self.png(*b"eXIf", tiff, keep),
            Container::Webp(canvas) => self.webp(canvas, 0x08, *b"EXIF", tiff, keep),
            Container::Heic { exif_at, .. } => {
                let Some(free) = EXIF_ROOM.checked_sub(tiff.len()) else { return Err(too_long(tiff)) };
                let (start, rest) = self.bytes.split_at(exif_at);
                join(&[start, tiff, &[0; EXIF_ROOM][..free], &rest[EXIF_ROOM..]], keep)
            }
        })
    }

    /// The photo without EXIF, and with something that makes it unlike every other: a comment, or what comes nearest.
    pub(crate) fn with_mark(&self, unique_id: u128, keep: Option<f64>) -> Bytes {
        let text = format!("{unique_id:032x}");
        let text = text.as_bytes();
        match self.kind {
            Container::Jpeg => {
                let (start, rest) = self.bytes.split_at(METADATA_AT);
                join(&[start, JFIF, b"\xff\xfe\0\x22", text, rest], keep)
            }
            Container::Png => self.png(*b"tEXt", &comment(unique_id), keep),
            Container::Webp(canvas) => self.webp(canvas, 0, *b"NOTE", text, keep),
            Container::Heic { exif_at, named_at } => {
                // An item of a kind that nobody knows.
                let (start, rest) = self.bytes.split_at(named_at);
                let (between, rest) = rest.split_at(exif_at - named_at);
                let free = &[0; EXIF_ROOM][text.len()..];
                join(&[start, b"note", &between[4..], text, free, &rest[EXIF_ROOM..]], keep)
            }
        }
    }

    fn png(&self, kind: [u8; 4], data: &[u8], keep: Option<f64>) -> Bytes {
        let (start, rest) = self.bytes.split_at(PNG_HEADER);
        join(&[start, &png_chunk(kind, data), rest], keep)
    }

    fn webp(&self, canvas: [u8; 6], flags: u8, kind: [u8; 4], data: &[u8], keep: Option<f64>) -> Bytes {
        // The simple form begins with RIFF, a length and WEBP; the extended one has its own header behind those.
        let picture = self.bytes.get(12..).unwrap_or_default();
        let pad = &[0][..data.len() % 2];
        let length = 4 + 18 + picture.len() + 8 + data.len() + pad.len();
        let mut head = Vec::with_capacity(30);
        head.extend_from_slice(b"RIFF");
        head.extend_from_slice(&(length as u32).to_le_bytes());
        head.extend_from_slice(b"WEBPVP8X\x0a\0\0\0");
        head.extend_from_slice(&[flags, 0, 0, 0]);
        head.extend_from_slice(&canvas);
        join(&[&head, picture, &kind, &(data.len() as u32).to_le_bytes(), data, pad], keep)
    }
}

/// A PNG comment with that number.
pub(crate) fn comment(unique_id: u128) -> Vec<u8> {
    format!("Comment\0{unique_id:032x}").into_bytes()
}

/// A chunk of a PNG file: length, kind, data, check sum.
pub(crate) fn png_chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = Vec::with_capacity(data.len() + 12);
    chunk.extend_from_slice(&(data.len() as u32).to_be_bytes());
    chunk.extend_from_slice(&kind);
    chunk.extend_from_slice(data);
    let mut crc = Crc::new();
    crc.update(&chunk[4..]);
    chunk.extend_from_slice(&crc.sum().to_be_bytes());
    chunk
}

fn too_long(tiff: &[u8]) -> Error {
    Error::bug(format!("EXIF of {} bytes is too long", tiff.len()))
}

/// The parts behind each other, up to a share of their length.
fn join(parts: &[&[u8]], keep: Option<f64>) -> Bytes {
    let whole: usize = parts.iter().map(|part| part.len()).sum();
    let length = keep.map_or(whole, |share| ((whole as f64 * share) as usize).min(whole));
    let mut bytes = Vec::with_capacity(length);
    for part in parts {
        let left = length - bytes.len();
        bytes.extend_from_slice(&part[..part.len().min(left)]);
    }
    bytes.into()
}
