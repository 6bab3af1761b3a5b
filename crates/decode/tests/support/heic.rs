//! HEIC files made at test time.
#![allow(dead_code, reason = "each test file that includes this uses its own part")]

use exif::experimental::Writer;
use exif::{Field, In, Rational, Tag, Value};

/// A HEIC file of a grey picture: one HEVC picture up to 512 pixels a side, else a grid of tiles of 512 pixels.
pub fn heic(width: usize, height: usize, grey: &[u8]) -> Vec<u8> {
    with_exif(width, height, grey, None)
}

/// The same with EXIF.
pub fn with_exif(width: usize, height: usize, grey: &[u8], exif: Option<Vec<u8>>) -> Vec<u8> {
    let image = heifer::Image {
        width: width as u32,
        height: height as u32,
        bit_depth: 8,
        has_alpha: false,
        data: grey.iter().flat_map(|&grey| [u16::from(grey), u16::from(grey), u16::from(grey), 255]).collect(),
    };
    let metadata = heifer::Metadata { exif, ..Default::default() };
    let options = heifer::EncodeOptions { quality: 70, max_threads: 1 };
    heifer::encode_with_metadata(&image, &metadata, &options).unwrap()
}

/// Taken at 2026-11-22 16:40:00 +01:00 in Paris.
pub fn paris() -> Vec<u8> {
    let field = |tag, value| Field { tag, ifd_num: In::PRIMARY, value };
    let text = |tag, text: &str| field(tag, Value::Ascii(vec![text.as_bytes().to_vec()]));
    let degrees = |tag, whole, minutes| {
        let ratio = |num| Rational { num, denom: 1 };
        field(tag, Value::Rational(vec![ratio(whole), ratio(minutes), ratio(0)]))
    };
    let fields = [
        text(Tag::Make, "Apple"),
        text(Tag::DateTimeOriginal, "2026:11:22 16:40:00"),
        text(Tag::OffsetTimeOriginal, "+01:00"),
        text(Tag::GPSLatitudeRef, "N"),
        degrees(Tag::GPSLatitude, 48, 51),
        text(Tag::GPSLongitudeRef, "E"),
        degrees(Tag::GPSLongitude, 2, 18),
    ];
    let mut writer = Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    let mut out = std::io::Cursor::new(Vec::new());
    writer.write(&mut out, false).unwrap();
    out.into_inner()
}

/// Where the first box of this kind begins its body.
pub fn body_of(file: &[u8], kind: &[u8; 4]) -> usize {
    file.windows(4).position(|four| four == kind).expect("the box") + 4
}
