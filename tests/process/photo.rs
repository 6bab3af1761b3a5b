//! Photos made on the spot.

use std::io::Cursor;

use exif::experimental::Writer;
use exif::{Field, In, Rational, Tag, Value};
use image::{GrayImage, ImageFormat, Luma};
use img_parts::ImageEXIF;
use qrcode::QrCode;

/// The picture of one QR code, four pixels a module.
pub fn picture(text: &str) -> GrayImage {
    let code = QrCode::new(text).unwrap();
    let side = code.width() as u32;
    let dark = |at: u32| (at / 4).checked_sub(4).filter(|module| *module < side);
    GrayImage::from_fn((side + 8) * 4, (side + 8) * 4, |x, y| match (dark(x), dark(y)) {
        (Some(x), Some(y)) if code[(x as usize, y as usize)] == qrcode::Color::Dark => Luma([0]),
        _ => Luma([255]),
    })
}

pub fn encode(picture: &GrayImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG with one QR code and no EXIF.
pub fn jpeg(text: &str) -> Vec<u8> {
    encode(&picture(text), ImageFormat::Jpeg)
}

/// A JPEG with one QR code and these EXIF fields.
pub fn jpeg_with(text: &str, fields: Vec<Field>) -> Vec<u8> {
    let mut writer = Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    let mut tiff = Cursor::new(Vec::new());
    writer.write(&mut tiff, false).unwrap();
    let mut jpeg = img_parts::jpeg::Jpeg::from_bytes(jpeg(text).into()).unwrap();
    jpeg.set_exif(Some(tiff.into_inner().into()));
    jpeg.encoder().bytes().to_vec()
}

/// A PNG that no reader finds a code in.
pub fn blank() -> Vec<u8> {
    encode(&GrayImage::from_fn(200, 200, |x, y| Luma([((x * 3 + y * 7) % 251) as u8])), ImageFormat::Png)
}

pub fn ascii(tag: Tag, text: &str) -> Field {
    Field { tag, ifd_num: In::PRIMARY, value: Value::Ascii(vec![text.as_bytes().to_vec()]) }
}

/// Degrees, minutes and hundredths of a second.
pub fn degrees(tag: Tag, value: f64) -> Field {
    let hundredths = (value.abs() * 360_000.0).round() as u32;
    let parts = [(hundredths / 360_000, 1), (hundredths / 6_000 % 60, 1), (hundredths % 6_000, 100)];
    let value = Value::Rational(parts.map(|(num, denom)| Rational { num, denom }).to_vec());
    Field { tag, ifd_num: In::PRIMARY, value }
}

/// A whole GPS position.
pub fn position(latitude: f64, longitude: f64) -> Vec<Field> {
    vec![
        ascii(Tag::GPSLatitudeRef, if latitude < 0.0 { "S" } else { "N" }),
        degrees(Tag::GPSLatitude, latitude),
        ascii(Tag::GPSLongitudeRef, if longitude < 0.0 { "W" } else { "E" }),
        degrees(Tag::GPSLongitude, longitude),
    ]
}
