//! Where each image format keeps EXIF and XMP.

use super::super::guard::JpegSegments;
use super::super::heif::{Heif, is_heif};

/// The raw metadata of a file.
#[derive(Default)]
pub(super) struct Metadata<'a> {
    /// EXIF: a TIFF structure.
    pub exif: Option<&'a [u8]>,
    /// XMP: XML text.
    pub xmp: Option<&'a [u8]>,
}

const EXIF_MARK: &[u8] = b"Exif\0\0";
const XMP_MARK: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const PNG_XMP_KEYWORD: &[u8] = b"XML:com.adobe.xmp\0";

/// Finds the first EXIF and the first XMP block.
pub(super) fn metadata(bytes: &[u8]) -> Metadata<'_> {
    if bytes.starts_with(&[0xff, 0xd8]) {
        jpeg(bytes)
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        png(bytes)
    } else if bytes.starts_with(b"RIFF") {
        webp(bytes)
    } else if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") {
        // XMP is a tag in it.
        Metadata { exif: Some(bytes), xmp: None }
    } else if is_heif(bytes) {
        heic(bytes)
    } else {
        Metadata::default()
    }
}

fn jpeg(bytes: &[u8]) -> Metadata<'_> {
    const APP1: u8 = 0xe1;
    let mut found = Metadata::default();
    for (marker, body) in JpegSegments::new(bytes).map_while(Result::ok) {
        if marker != APP1 {
            continue;
        }
        let length =
            body.checked_sub(2).and_then(|at| bytes.get(at..body)?.try_into().ok()).map_or(0, u16::from_be_bytes);
        let end = (body + usize::from(length).saturating_sub(2)).min(bytes.len());
        let segment = bytes.get(body..end).unwrap_or(&[]);
        if let Some(exif) = segment.strip_prefix(EXIF_MARK) {
            found.exif = found.exif.or(Some(exif));
        } else if let Some(xmp) = segment.strip_prefix(XMP_MARK) {
            found.xmp = found.xmp.or(Some(xmp));
        }
    }
    found
}

/// EXIF may stand behind the picture data, so all chunks are walked.
fn png(bytes: &[u8]) -> Metadata<'_> {
    let mut found = Metadata::default();
    for (name, data) in (Chunks { bytes, at: 8, length_first: true, pad: 1, trailer: 4 }) {
        if name == b"eXIf" {
            found.exif = found.exif.or(Some(without_mark(data)));
        } else if let Some(text) = data.strip_prefix(PNG_XMP_KEYWORD).filter(|_| name == b"iTXt") {
            // Compressed XMP is against its specification.
            found.xmp = found.xmp.or(Some(text).filter(|text| text.first() == Some(&0)));
        }
    }
    found
}

fn webp(bytes: &[u8]) -> Metadata<'_> {
    let mut found = Metadata::default();
    for (name, data) in (Chunks { bytes, at: 12, length_first: false, pad: 2, trailer: 0 }) {
        if name == b"EXIF" {
            found.exif = found.exif.or(Some(without_mark(data)));
        } else if name == b"XMP " {
            found.xmp = found.xmp.or(Some(data));
        }
    }
    found
}

/// A file whose tables cannot be read has none: they say where it is.
fn heic(bytes: &[u8]) -> Metadata<'_> {
    let (exif, xmp) = Heif::new(bytes).map(|file| file.metadata()).unwrap_or_default();
    Metadata { exif: exif.map(without_mark), xmp }
}

/// Some writers put JPEG's mark in front where it does not belong.
fn without_mark(data: &[u8]) -> &[u8] {
    data.strip_prefix(EXIF_MARK).unwrap_or(data)
}

/// Chunks of a PNG or RIFF file: name and data, the last one cut where the file ends.
struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
    /// PNG: big-endian length, name, data, checksum. RIFF: name, little-endian length, data.
    length_first: bool,
    /// Data is padded to a multiple of this.
    pad: usize,
    /// Bytes behind the data.
    trailer: usize,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let four = |at: usize| -> Option<&'a [u8]> { self.bytes.get(at..at.checked_add(4)?) };
        let (first, second) = (four(self.at)?, four(self.at + 4)?);
        let (name, length) = if self.length_first {
            (second, u32::from_be_bytes(first.try_into().ok()?))
        } else {
            (first, u32::from_le_bytes(second.try_into().ok()?))
        };
        let (start, length) = (self.at + 8, length as usize);
        let end = start.saturating_add(length).min(self.bytes.len());
        self.at = start.saturating_add(length.next_multiple_of(self.pad)).saturating_add(self.trailer);
        Some((name, self.bytes.get(start..end)?))
    }
}
