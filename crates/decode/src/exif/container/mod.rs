//! Where each image format keeps EXIF, XMP and IPTC.

mod chunks;
mod jpeg;
mod png;

use std::borrow::Cow;

use self::chunks::Riff;
use super::super::heif::{self, Heif, bare_items, is_iso_media};
use super::iptc::{Resource, resources};
use super::tiff::{Tag, Tiff};

/// Most blocks of a kind that are looked at; a file of an editor has two or three.
const MOST_BLOCKS: usize = 16;
/// Most bytes of a block within a block.
const MOST_COPIED: usize = 2 << 20;

/// The raw metadata of a file, in the order in which it counts.
#[derive(Default)]
pub(super) struct Metadata<'a> {
    /// EXIF: TIFF structures.
    pub exif: Vec<Cow<'a, [u8]>>,
    /// XMP: XML text.
    pub xmp: Vec<Cow<'a, [u8]>>,
    /// IPTC-IIM datasets.
    pub iptc: Vec<Cow<'a, [u8]>>,
    /// PNG's text `Creation Time`.
    pub png_created: Option<String>,
}

/// Finds all metadata.
pub(super) fn metadata(bytes: &[u8]) -> Metadata<'_> {
    let mut found = Metadata::default();
    if bytes.starts_with(&[0xff, 0xd8]) {
        jpeg::read(bytes, &mut found);
    } else if bytes.starts_with(png::SIGNATURE) {
        png::read(bytes, &mut found);
    } else if bytes.starts_with(b"RIFF") {
        for (name, data) in Riff::new(bytes) {
            match name {
                b"EXIF" => found.add(Cow::Borrowed(data)),
                b"XMP " | b"XMP\0" => push(&mut found.xmp, Cow::Borrowed(data)),
                _ => {}
            }
        }
    } else if bytes.starts_with(b"II") || bytes.starts_with(b"MM") {
        push(&mut found.exif, Cow::Borrowed(bytes));
    } else if bytes.starts_with(b"GIF8") {
        found.xmp.extend(gif_xmp(bytes).map(Cow::Borrowed));
    } else if is_iso_media(bytes) {
        // A file whose tables cannot be read has none: they say where it is.
        if let Ok(file) = Heif::new(bytes) {
            file.metadata(|data| found.add(data));
            // A JPEG file that is the picture may have its own.
            if let Some(Cow::Borrowed(inner)) = heif::jpeg(bytes) {
                jpeg::read(inner, &mut found);
            }
        } else {
            bare_items(bytes, |data| found.add(Cow::Borrowed(data)));
        }
    }
    found.add_tiff_tags();
    found
}

fn push<'a>(blocks: &mut Vec<Cow<'a, [u8]>>, block: Cow<'a, [u8]>) {
    if blocks.len() < MOST_BLOCKS && !block.is_empty() {
        blocks.push(block);
    }
}

const XMP_MARK: &[u8] = b"http://ns.adobe.com/xap/1.0/";
const PHOTOSHOP_MARK: &[u8] = b"Photoshop 3.0\0";

impl<'a> Metadata<'a> {
    /// Adds a block of whatever kind it looks like: writers put each into the place of another.
    fn add(&mut self, block: Cow<'a, [u8]>) {
        let bytes = block.as_ref();
        if let Some(at) = exif_start(bytes) {
            push(&mut self.exif, from(block, at));
        } else if bytes.starts_with(XMP_MARK) {
            let at = XMP_MARK.len();
            let zeros = bytes.iter().skip(at).take_while(|byte| **byte == 0).count();
            push(&mut self.xmp, from(block, at + zeros));
        } else if bytes.starts_with(PHOTOSHOP_MARK) {
            self.add_resources(from(block, PHOTOSHOP_MARK.len()));
        } else if bytes.starts_with(b"8BIM") {
            self.add_resources(block);
        } else if bytes.first() == Some(&0x1c) {
            push(&mut self.iptc, block);
        } else if bytes.iter().take(64).any(|byte| *byte == b'<') {
            push(&mut self.xmp, block);
        }
    }

    /// Adds what a Photoshop block holds.
    fn add_resources(&mut self, block: Cow<'a, [u8]>) {
        match block {
            Cow::Borrowed(bytes) => resources(bytes).for_each(|resource| self.add_resource(resource, Cow::Borrowed)),
            Cow::Owned(bytes) => {
                let copy = |data: &[u8]| Cow::Owned(data.to_vec());
                resources(&bytes).for_each(|resource| self.add_resource(resource, copy));
            }
        }
    }

    fn add_resource<'b>(&mut self, resource: Resource<'b>, keep: impl Fn(&'b [u8]) -> Cow<'a, [u8]>) {
        match resource {
            Resource::Iptc(data) => push(&mut self.iptc, keep(data)),
            Resource::Exif(data) => push(&mut self.exif, keep(data)),
            Resource::Xmp(data) => push(&mut self.xmp, keep(data)),
        }
    }

    /// XMP and IPTC may also be tags of a TIFF structure. They come after those that are in the file itself.
    fn add_tiff_tags(&mut self) {
        let mut more: Metadata<'a> = Metadata::default();
        for block in &self.exif {
            let Some(tiff) = Tiff::new(block) else { continue };
            // Copied, as an unpacked block does not live as long as the file.
            let copy = |tag| {
                let bytes = tiff.find(tag)?.bytes();
                Some(Cow::Owned(bytes.get(..MOST_COPIED).unwrap_or(bytes).to_vec()))
            };
            more.xmp.extend(copy(Tag::Xmp));
            more.iptc.extend(copy(Tag::Iptc));
            if let Some(block) = copy(Tag::Photoshop) {
                more.add_resources(block);
            }
        }
        more.xmp.into_iter().for_each(|block| push(&mut self.xmp, block));
        more.iptc.into_iter().for_each(|block| push(&mut self.iptc, block));
    }
}

/// A block from some byte on.
fn from(block: Cow<'_, [u8]>, at: usize) -> Cow<'_, [u8]> {
    match block {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(at..).unwrap_or(&[])),
        Cow::Owned(mut bytes) => Cow::Owned(bytes.split_off(at.min(bytes.len()))),
    }
}

/// Where the TIFF structure of an EXIF block begins: at once, or behind the mark of JPEG, which is in other formats
/// too.
fn exif_start(block: &[u8]) -> Option<usize> {
    if is_tiff(block) {
        return Some(0);
    }
    exif_mark(block)
}

/// Where the data behind `Exif` and its two bytes begins. Some writers put up to four bytes before the mark, or write it
/// in other letters, or its second zero as something else or not at all.
fn exif_mark(block: &[u8]) -> Option<usize> {
    let start = block.get(..10).unwrap_or(block);
    let at = start.windows(5).position(|mark| mark.eq_ignore_ascii_case(b"Exif\0"))?;
    Some(if block.get(at + 5..).is_some_and(is_tiff) { at + 5 } else { at + 6 })
}

fn is_tiff(bytes: &[u8]) -> bool {
    bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*")
}

/// XMP of a GIF: an application extension whose data is not cut into blocks, closed by a row of falling numbers.
fn gif_xmp(bytes: &[u8]) -> Option<&[u8]> {
    const MARK: &[u8] = b"\x21\xff\x0bXMP DataXMP";
    const TRAILER: &[u8] = b"\x01\xff\xfe\xfd";
    let from = find(bytes, MARK)? + MARK.len();
    let rest = bytes.get(from..)?;
    Some(rest.get(..find(rest, TRAILER)?).unwrap_or(rest))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
