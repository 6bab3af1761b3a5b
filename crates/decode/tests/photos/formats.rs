//! One scene in every format, layout and depth reads the same.

use crate::scene::{Place, Scene, code, encode, limits};
use image::{DynamicImage, ImageFormat};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use scanmill_core::domain::Format;
use scanmill_decode::{decode, inspect};

const TEXT: &str = "https://example.com/p/4711?utm_source=poster";

fn scene() -> Scene {
    // Odd sides, so that blocks at the edges are cut.
    Scene::paper(331, 277).draw(&code(TEXT), Place { degrees: 8.0, ..Place::at(170.0, 140.0, 5.0) })
}

fn reads(name: &str, bytes: &[u8], format: Format) {
    let header = inspect(bytes, &limits()).unwrap_or_else(|reject| panic!("{name}: {reject:?}"));
    assert_eq!((header.format, header.width, header.height), (format, 331, 277), "{name}");
    let pixels = 331 * 277;
    assert!((pixels..pixels * 20 + (16 << 20)).contains(&header.decode_bytes), "{name}: {}", header.decode_bytes);
    let reading = decode(bytes, &limits());
    let texts: Vec<&str> = reading.codes.iter().map(|code| code.text.as_str()).collect();
    assert_eq!(texts, [TEXT], "{name}: {:?}", reading.reject);
    assert_eq!((reading.codes[0].qr_version, reading.codes[0].ecc_level), (Some(4), Some('M')), "{name}");
    let [x, y] = reading.codes[0].corners.iter().fold([0.0, 0.0], |[x, y], at| [x + at[0] / 4.0, y + at[1] / 4.0]);
    assert!((x - 170.0).abs() < 2.0 && (y - 140.0).abs() < 2.0, "{name}: centre {x} {y}");
}

fn jpeg(pixels: &[u8], color: ColorType, adjust: impl Fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, 85);
    adjust(&mut encoder);
    encoder.encode(pixels, 331, 277, color).unwrap();
    out
}

#[test]
fn jpeg_of_every_layout() {
    use SamplingFactor as S;
    let scene = scene();
    let rgb = scene.rgb();
    for sampling in [S::R_4_4_4, S::R_4_2_2, S::R_4_2_0, S::R_4_4_0, S::R_4_1_1, S::R_4_1_0] {
        for progressive in [false, true] {
            for restart in [0, 7] {
                let bytes = jpeg(&rgb, ColorType::Rgb, |encoder| {
                    encoder.set_sampling_factor(sampling);
                    encoder.set_progressive(progressive);
                    encoder.set_restart_interval(restart);
                });
                reads(&format!("{sampling:?} progressive {progressive} restart {restart}"), &bytes, Format::Jpeg);
            }
        }
    }
    let grey = jpeg(&scene.pixels, ColorType::Luma, |_| ());
    reads("grey", &grey, Format::Jpeg);
    let cmyk: Vec<u8> = scene.pixels.iter().flat_map(|&grey| [0, 0, 0, 255 - grey]).collect();
    for (name, color) in [("cmyk", ColorType::Cmyk), ("ycck", ColorType::CmykAsYcck)] {
        for progressive in [false, true] {
            let bytes = jpeg(&cmyk, color, |encoder| {
                encoder.set_sampling_factor(S::R_4_4_4);
                encoder.set_progressive(progressive);
            });
            reads(&format!("{name} progressive {progressive}"), &bytes, Format::Jpeg);
        }
    }
}

#[test]
fn png_of_every_colour_and_depth() {
    let grey = DynamicImage::from(scene().grey());
    let pictures = [
        ("grey", grey.clone()),
        ("grey alpha", grey.to_luma_alpha8().into()),
        ("rgb", grey.to_rgb8().into()),
        ("rgba", grey.to_rgba8().into()),
        ("grey 16", grey.to_luma16().into()),
        ("grey alpha 16", grey.to_luma_alpha16().into()),
        ("rgb 16", grey.to_rgb16().into()),
        ("rgba 16", grey.to_rgba16().into()),
    ];
    for (name, picture) in pictures {
        reads(name, &encode(&picture, ImageFormat::Png), Format::Png);
    }
}

#[test]
fn alpha_is_seen_over_white() {
    // Black everywhere, and only the alpha draws the code.
    let ink = scene().grey();
    let picture = image::RgbaImage::from_fn(331, 277, |x, y| image::Rgba([0, 0, 0, 255 - ink.get_pixel(x, y).0[0]]));
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let bytes = encode(&picture.clone().into(), format);
        reads("alpha", &bytes, if format == ImageFormat::Png { Format::Png } else { Format::Webp });
    }
}

#[test]
fn the_other_formats() {
    let rgb = DynamicImage::from(scene().grey()).to_rgb8();
    reads("webp lossless", &encode(&rgb.clone().into(), ImageFormat::WebP), Format::Webp);
    reads("gif", &encode(&rgb.clone().into(), ImageFormat::Gif), Format::Gif);
    reads("bmp", &encode(&rgb.clone().into(), ImageFormat::Bmp), Format::Bmp);
    reads("bmp grey", &encode(&scene().grey().into(), ImageFormat::Bmp), Format::Bmp);
    reads("tiff", &encode(&rgb.clone().into(), ImageFormat::Tiff), Format::Tiff);
    let deep = DynamicImage::from(rgb).to_rgb16();
    reads("tiff 16", &encode(&deep.into(), ImageFormat::Tiff), Format::Tiff);
    let grey_deep = DynamicImage::from(scene().grey()).to_luma16();
    reads("tiff grey 16", &encode(&grey_deep.into(), ImageFormat::Tiff), Format::Tiff);
}

#[test]
fn only_the_first_frame_of_a_gif_counts() {
    let mut out = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut out);
    let second = Scene::paper(331, 277).draw(&code("second"), Place::at(170.0, 140.0, 5.0));
    for frame in [scene(), second] {
        let rgba = DynamicImage::from(frame.grey()).to_rgba8();
        encoder.encode_frame(image::Frame::new(rgba)).unwrap();
    }
    drop(encoder);
    reads("animated gif", &out, Format::Gif);
}

/// A GIF file of frames of black ink on white, each at a place, on a screen of a size.
fn gif(screen: [u16; 2], frames: &[(&Scene, [u16; 2])], interlaced: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let palette = [0, 0, 0, 255, 255, 255];
    let mut encoder = gif::Encoder::new(&mut out, screen[0], screen[1], &palette).unwrap();
    for (scene, [left, top]) in frames {
        let numbers: Vec<u8> = scene.pixels.iter().map(|&grey| u8::from(grey > 128)).collect();
        let rows: Vec<&[u8]> = numbers.chunks(scene.width.max(1)).collect();
        let passes: &[(usize, usize)] = if interlaced { &[(0, 8), (4, 8), (2, 4), (1, 2)] } else { &[(0, 1)] };
        let order = passes.iter().flat_map(|&(from, step)| (from..rows.len()).step_by(step));
        let buffer: Vec<u8> = order.flat_map(|y| rows[y].to_vec()).collect();
        let frame = gif::Frame {
            left: *left,
            top: *top,
            width: scene.width as u16,
            height: scene.height as u16,
            interlaced,
            buffer: buffer.into(),
            ..gif::Frame::default()
        };
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    out
}

#[test]
fn a_gif_frame_counts_wherever_it_lies_on_its_screen() {
    let scene = scene();
    for screen in [[0, 0], [331, 277], [100, 90], [331, 1], [1, 277]] {
        for interlaced in [false, true] {
            reads(&format!("gif on {screen:?}"), &gif(screen, &[(&scene, [0, 0])], interlaced), Format::Gif);
        }
    }
    for screen in [[0, 0], [400, 300], [20, 600]] {
        let bytes = gif(screen, &[(&scene, [30, 40])], false);
        let reading = decode(&bytes, &limits());
        let size = [u32::from(screen[0]).max(361), u32::from(screen[1]).max(317)].map(Some);
        assert_eq!([reading.width, reading.height], size);
        assert_eq!(reading.codes.len(), 1, "{screen:?}: {:?}", reading.reject);
    }
}

#[test]
fn a_gif_that_begins_with_nothing_is_read_where_something_is() {
    let (scene, white) = (scene(), Scene { width: 331, height: 277, pixels: vec![255; 331 * 277] });
    reads("an empty frame first", &gif([331, 277], &[(&white, [0, 0]), (&scene, [0, 0])], false), Format::Gif);
    // A frame without pixels: descriptor, then data that has none.
    let plain = gif([0, 0], &[(&scene, [0, 0])], false);
    let nothing = [&plain[..19], &b"\x2c\0\0\0\0\0\0\0\0\0\x02\x01\x2c\0"[..], &plain[19..]].concat();
    reads("a frame of no pixels first", &nothing, Format::Gif);
}
