//! Files for a fuzzer to begin with: a small photo in every format and layout that the encoders here write.
#![allow(dead_code, reason = "each fuzz binary writes the seeds of one target")]

use exif::experimental::Writer;
use exif::{Field, In, Rational, Tag, Value};
use image::{DynamicImage, ImageFormat};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor as S};

#[path = "../support/decode_scene.rs"]
mod scene;

use scene::{Place, Scene, code, encode};

const WIDTH: u16 = 118;
const HEIGHT: u16 = 101;

/// The seeds of one target.
///
/// # Panics
/// When there is no such target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "jpeg" => jpegs(),
        "exif" => captures(),
        "ladder" => pictures(),
        "inspect" | "photo" => [jpegs(), others()].concat(),
        _ => panic!("no seeds for {target}"),
    }
}

/// Writes a target's seeds into the folder that `SCANMILL_FUZZ_CORPUS` names, for `run.sh`; without it, nothing.
///
/// # Panics
/// When the folder cannot be written.
pub fn write(target: &str) {
    let Some(folder) = std::env::var_os("SCANMILL_FUZZ_CORPUS") else { return };
    for (index, seed) in of(target).iter().enumerate() {
        let path = std::path::Path::new(&folder).join(format!("seed-{index:02}"));
        std::fs::write(&path, seed).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }
}

/// A code of version 1 in the middle, four pixels a module.
fn photo() -> Scene {
    let place = Place { degrees: 3.0, ..Place::at(f32::from(WIDTH) / 2.0, f32::from(HEIGHT) / 2.0, 3.3) };
    Scene::paper(WIDTH.into(), HEIGHT.into()).draw(&code("FUZZ"), place)
}

fn jpeg(pixels: &[u8], color: ColorType, adjust: impl Fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, 70);
    adjust(&mut encoder);
    encoder.encode(pixels, WIDTH, HEIGHT, color).unwrap();
    out
}

fn jpegs() -> Vec<Vec<u8>> {
    let photo = photo();
    let rgb = photo.rgb();
    let mut files = vec![jpeg(&photo.pixels, ColorType::Luma, |_| ())];
    for sampling in [S::F_1_1, S::F_2_1, S::F_1_2, S::F_2_2, S::F_4_1] {
        for progressive in [false, true] {
            for (restart, optimized) in [(0, false), (5, false), (0, true)] {
                files.push(jpeg(&rgb, ColorType::Rgb, |encoder| {
                    encoder.set_sampling_factor(sampling);
                    encoder.set_progressive(progressive);
                    encoder.set_restart_interval(restart);
                    encoder.set_optimized_huffman_tables(optimized);
                }));
            }
        }
    }
    // Where brightness shows nothing.
    for (sampling, progressive) in [(S::F_1_1, false), (S::F_2_1, false), (S::F_2_2, false), (S::F_2_2, true)] {
        files.push(jpeg(&red_on_green(&photo), ColorType::Rgb, |encoder| {
            encoder.set_sampling_factor(sampling);
            encoder.set_progressive(progressive);
        }));
    }
    let cmyk: Vec<u8> = photo.pixels.iter().flat_map(|&grey| [0, 0, 0, 255 - grey]).collect();
    files.push(jpeg(&cmyk, ColorType::Cmyk, |_| ()));
    files.push(jpeg(&cmyk, ColorType::CmykAsYcck, |encoder| encoder.set_progressive(true)));
    files
}

/// Two colours of one brightness.
fn red_on_green(photo: &Scene) -> Vec<u8> {
    photo.pixels.iter().flat_map(|&grey| if grey < 128 { [200, 0, 0] } else { [0, 102, 0] }).collect()
}

fn others() -> Vec<Vec<u8>> {
    let grey = DynamicImage::from(photo().grey());
    let rgb = DynamicImage::from(grey.to_rgb8());
    // No encoder of AVIF is at hand.
    let mut files =
        vec![include_bytes!("../data/avif/grid.avif").to_vec(), include_bytes!("../data/avif/yuv400_10.avif").to_vec()];
    let pictures = [
        grey.clone(),
        grey.to_luma_alpha8().into(),
        rgb.clone(),
        grey.to_rgba8().into(),
        grey.to_luma16().into(),
        grey.to_rgba16().into(),
    ];
    files.extend(pictures.iter().map(|picture| encode(picture, ImageFormat::Png)));
    for format in [ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::Tiff] {
        files.push(encode(&rgb, format));
    }
    files.push(encode(&grey.to_rgba8().into(), ImageFormat::WebP));
    let tinted = image::RgbImage::from_raw(WIDTH.into(), HEIGHT.into(), red_on_green(&photo())).unwrap();
    let clear: Vec<u8> = photo().pixels.iter().flat_map(|&grey| [255, 255, 255, grey]).collect();
    let clear = image::RgbaImage::from_raw(WIDTH.into(), HEIGHT.into(), clear).unwrap();
    for picture in [DynamicImage::from(tinted), clear.into()] {
        for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Tiff] {
            files.push(encode(&picture, format));
        }
    }
    files.push(encode(&grey, ImageFormat::Bmp));
    files.push(encode(&grey.to_luma16().into(), ImageFormat::Tiff));
    files
}

/// Width in the first byte, then pixels.
fn pictures() -> Vec<Vec<u8>> {
    let draw = |side: u8, text: &str, place: Place| {
        let scene = Scene::paper(side.into(), side.into()).draw(&code(text), place);
        [vec![side], scene.pixels].concat()
    };
    let place = |module| Place::at(32.0, 32.0, module);
    vec![
        draw(64, "A", place(2.0)),
        draw(29, "1", Place::at(14.5, 14.5, 1.0)),
        draw(64, "TURNED", Place { degrees: 30.0, ..place(1.7) }),
        draw(64, "light", Place { inverted: true, ..place(2.0) }),
        draw(64, "mirror", Place { mirrored: true, ..place(2.0) }),
        draw(120, "two hundred bits of text or so", Place::at(60.0, 60.0, 3.0)),
        // Nine more modules a side: a code with version information.
        draw(120, &"forty-seven modules ".repeat(6), Place::at(60.0, 60.0, 2.0)),
        vec![64; 1 + 64 * 20],
    ]
}

fn captures() -> Vec<Vec<u8>> {
    let field = |tag, value| Field { tag, ifd_num: In::PRIMARY, value };
    let text = |tag, text: &str| field(tag, Value::Ascii(vec![text.as_bytes().to_vec()]));
    let ratios = |tag, ratios: &[(u32, u32)]| {
        field(tag, Value::Rational(ratios.iter().map(|&(num, denom)| Rational { num, denom }).collect()))
    };
    let fields = [
        text(Tag::Make, "Maker"),
        text(Tag::Model, "Model 7"),
        text(Tag::DateTime, "2026:11:22 18:00:01"),
        text(Tag::DateTimeOriginal, "2026:11:22 16:40:00"),
        text(Tag::SubSecTimeOriginal, "52"),
        text(Tag::OffsetTimeOriginal, "+01:00"),
        text(Tag::GPSLatitudeRef, "N"),
        ratios(Tag::GPSLatitude, &[(52, 1), (31, 1), (1234, 100)]),
        text(Tag::GPSLongitudeRef, "E"),
        ratios(Tag::GPSLongitude, &[(13, 1), (24, 1), (0, 1)]),
        field(Tag::GPSAltitudeRef, Value::Byte(vec![1])),
        ratios(Tag::GPSAltitude, &[(305, 10)]),
        text(Tag::GPSDateStamp, "2026:11:22"),
        ratios(Tag::GPSTimeStamp, &[(15, 1), (40, 1), (0, 1)]),
    ];
    let blob = |little| {
        let mut writer = Writer::new();
        fields.iter().for_each(|field| writer.push_field(field));
        let mut out = std::io::Cursor::new(Vec::new());
        writer.write(&mut out, little).unwrap();
        out.into_inner()
    };
    let (little, big) = (blob(true), blob(false));
    let packet =
        br#"<x photoshop:DateCreated="2026-01-02T03:04:05+02:00" exif:DateTimeOriginal='2026-11-22T16:40:00.5'/>"#;
    let segment = |body: &[u8]| {
        let length = (body.len() as u16 + 2).to_be_bytes();
        [&b"\xff\xd8\xff\xe1"[..], &length, body, b"\xff\xda"].concat()
    };
    let png_chunk = |name: &[u8], body: &[u8]| {
        let length = (body.len() as u32).to_be_bytes();
        [&b"\x89PNG\r\n\x1a\n"[..], &length, name, body, &[0; 4]].concat()
    };
    let webp_chunk = |name: &[u8], body: &[u8]| {
        let length = (body.len() as u32).to_le_bytes();
        [&b"RIFF\0\0\0\0WEBP"[..], name, &length, body].concat()
    };
    vec![
        segment(&[&b"Exif\0\0"[..], &big].concat()),
        segment(&[&b"http://ns.adobe.com/xap/1.0/\0"[..], packet].concat()),
        png_chunk(b"eXIf", &little),
        png_chunk(b"iTXt", &[&b"XML:com.adobe.xmp\0\0\0\0\0"[..], packet].concat()),
        webp_chunk(b"EXIF", &big),
        webp_chunk(b"XMP ", packet),
        little,
        big,
    ]
}
