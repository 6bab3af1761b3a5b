//! Codes that brightness does not show: in two colours of one brightness, or drawn by alpha alone.

#[path = "support/drawn.rs"]
mod drawn;
#[cfg(feature = "heic")]
#[path = "support/heic.rs"]
mod heic;
#[path = "support/decode_scene.rs"]
mod scene;

use drawn::{Drawing, EQUAL_LUMA};
use image::ImageFormat;
use jpeg_encoder::SamplingFactor as S;
use scanmill_decode::decode;
use scene::limits;

const TEXT: &str = "https://shop.example/p/4711";

/// What is not read of many, all at once, so that a failure shows the whole kind.
#[derive(Default)]
struct Unread(Vec<String>, usize);

impl Unread {
    fn try_one(&mut self, name: String, bytes: &[u8]) {
        let reading = decode(bytes, &limits());
        let texts: Vec<&str> = reading.codes.iter().map(|code| code.text.as_str()).collect();
        self.1 += 1;
        if texts != [TEXT] {
            self.0.push(format!("{name}: {texts:?}"));
        }
    }

    fn none(&self) {
        assert!(self.0.is_empty(), "{} of {} unread:\n{}", self.0.len(), self.1, self.0.join("\n"));
    }
}

fn drawings() -> impl Iterator<Item = (String, Drawing)> {
    EQUAL_LUMA.into_iter().flat_map(|colours| {
        [(8.0, 0.0, 0.0), (12.0, 0.0, 0.0), (10.0, 7.0, 2.0), (24.0, 3.0, 4.0)].map(|(module, degrees, noise)| {
            let drawing = Drawing { module, degrees, noise, margin: 3.0, blur: noise / 3.0, ..Drawing::new(TEXT) };
            (format!("{colours:?} {module} pixels noise {noise}"), drawing.colours(colours))
        })
    })
}

#[test]
fn jpeg_of_every_sampling_and_quality() {
    let mut unread = Unread::default();
    for (name, drawing) in drawings() {
        for (sampling, quality, progressive) in [
            (S::R_4_2_0, 90, false),
            (S::R_4_2_0, 70, false),
            (S::R_4_4_4, 50, false),
            (S::R_4_2_2, 80, false),
            (S::R_4_2_0, 80, true),
        ] {
            let file = drawing.jpeg(quality, sampling, progressive);
            unread.try_one(format!("{name} {sampling:?} q{quality} progressive {progressive}"), &file);
        }
    }
    unread.none();
}

#[test]
fn the_other_formats() {
    let mut unread = Unread::default();
    for (name, drawing) in drawings() {
        for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Gif] {
            unread.try_one(format!("{name} {format:?}"), &drawing.file(format));
        }
    }
    unread.none();
}

#[cfg(feature = "heic")]
#[test]
fn heic() {
    let mut unread = Unread::default();
    for (name, drawing) in drawings().filter(|(name, _)| name.contains(" 12 ") || name.contains(" 10 ")) {
        let picture = drawing.picture();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        unread.try_one(name, &heic::of_rgba(width, height, picture.as_raw()));
    }
    unread.none();
}

/// Ink, paper and what lies around it.
const BY_ALPHA: [[[u8; 4]; 3]; 6] = [
    [[0, 0, 0, 0], [255; 4], [255; 4]],
    [[255; 4], [255, 255, 255, 0], [255, 255, 255, 0]],
    [[255; 4], [0, 0, 0, 0], [0, 0, 0, 255]],
    [[255, 255, 255, 0], [255; 4], [30, 90, 30, 255]],
    [[128, 128, 128, 255], [255, 255, 255, 0], [0, 0, 0, 0]],
    [[240, 240, 250, 255], [0, 0, 0, 0], [255, 255, 255, 255]],
];

#[test]
fn alpha_of_every_format() {
    let mut unread = Unread::default();
    for [ink, paper, ground] in BY_ALPHA {
        for (module, degrees) in [(4.0, 0.0), (9.0, 6.0), (21.0, 2.0)] {
            let drawing =
                Drawing { ink, paper, ground, module, degrees, quiet: 3.0, margin: 3.0, ..Drawing::new(TEXT) };
            let name = format!("{ink:?} on {paper:?} in {ground:?} {module}");
            for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Tiff] {
                unread.try_one(format!("{name} {format:?}"), &drawing.file(format));
            }
            #[cfg(feature = "heic")]
            {
                let picture = drawing.picture();
                let (width, height) = (picture.width() as usize, picture.height() as usize);
                unread.try_one(format!("{name} {width} pixels heic"), &heic::of_rgba(width, height, picture.as_raw()));
            }
        }
    }
    unread.none();
}
