//! Pictures: labels with codes on a table, a wall or a box, as a phone sees them: tilted, turned, unevenly lit, a
//! little blurred, with a sensor's noise. A picture is drawn from its description alone, so the same description gives
//! the same picture.

use std::sync::Arc;

use clap::ValueEnum;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::story::generator;
use crate::domain::Format;
use crate::error::{Error, Result};

mod font;
mod label;
mod lens;
mod texture;
mod warp;

use label::{Sheet, SheetStyle};
use lens::Lens;
use warp::Pose;

/// How large photos are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoSize {
    /// 640 to 1600 pixels on the long side.
    Mixed,
    /// 640 x 480: 0.3 megapixels.
    Small,
    /// 1280 x 960: 1.2 megapixels.
    Medium,
    /// 4032 x 3024: 12 megapixels.
    Large,
}

impl PhotoSize {
    /// The size as keys and options name it.
    pub fn as_str(self) -> &'static str {
        match self {
            PhotoSize::Mixed => "mixed",
            PhotoSize::Small => "small",
            PhotoSize::Medium => "medium",
            PhotoSize::Large => "large",
        }
    }
}

/// What makes a picture hard to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// A good photo.
    #[default]
    Easy,
    /// Taken from the side.
    Tilted,
    /// Out of focus, or the hand shook.
    Blurred,
    /// A lamp or flash shines back from part of the label.
    Glare,
    /// Dark and noisy.
    LowLight,
    /// The code is small in the frame.
    SmallCode,
    /// Compressed hard.
    LowQuality,
}

impl Look {
    /// All looks.
    pub const ALL: [Look; 7] =
        [Look::Easy, Look::Tilted, Look::Blurred, Look::Glare, Look::LowLight, Look::SmallCode, Look::LowQuality];
}

/// One label in a picture.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// Printed above the code.
    pub title: Arc<str>,
    /// Text of the code.
    pub payload: String,
}

/// The description of one picture: all that decides its pixels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SceneSpec {
    /// The story's seed.
    pub seed: u64,
    /// Labels with codes: none, one or two.
    pub labels: Vec<Label>,
    /// Which picture of these labels.
    pub variant: u32,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// JPEG, PNG (a screenshot), WebP or HEIC.
    pub format: Format,
    /// What makes it hard to read.
    pub look: Look,
}

impl SceneSpec {
    /// Describes a picture and settles its size. PNG and WebP are lossless here, so they stay small.
    pub fn new(seed: u64, labels: Vec<Label>, variant: u32, size: PhotoSize, format: Format, look: Look) -> Self {
        let mut spec = Self { seed, labels, variant, width: 0, height: 0, format, look };
        let mut draw = spec.generator("size");
        let mixed = match draw.random_range(0..100u32) {
            0..35 => (640, 480),
            35..60 => (800, 600),
            60..80 => (1024, 768),
            80..94 => (1280, 960),
            _ => (1600, 1200),
        };
        let (long, short) = match (format, size) {
            (Format::Jpeg, PhotoSize::Mixed) => mixed,
            (Format::Jpeg, PhotoSize::Medium) => (1280, 960),
            (Format::Jpeg, PhotoSize::Large) => (4032, 3024),
            _ => (640, 480),
        };
        (spec.width, spec.height) = if draw.random_bool(0.45) { (short, long) } else { (long, short) };
        spec
    }

    /// The generator of one side of this picture.
    fn generator(&self, purpose: &str) -> ChaCha8Rng {
        let mut name = format!("scene {purpose} {}", self.format.as_str());
        for label in &self.labels {
            name.push('\n');
            name.push_str(&label.payload);
        }
        generator(self.seed, &name, self.variant.into())
    }

    /// Draws the picture and encodes it, without any metadata.
    ///
    /// # Errors
    /// A payload too long for a code, or an encoder's refusal (both bugs).
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut draw = self.generator("look");
        let picture = self.render(&mut draw)?;
        let mut bytes = Vec::with_capacity((self.width * self.height / 3) as usize);
        let encoded = match self.format {
            Format::Png => picture.write_with_encoder(PngEncoder::new_with_quality(
                &mut bytes,
                CompressionType::Fast,
                FilterType::Adaptive,
            )),
            Format::Webp => picture.write_with_encoder(WebPEncoder::new_lossless(&mut bytes)),
            _ => picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, draw.random_range(68..=94))),
        };
        encoded.map_err(|error| Error::bug("cannot encode a picture").source(error))?;
        Ok(bytes)
    }

    fn render(&self, draw: &mut ChaCha8Rng) -> Result<RgbImage> {
        if self.format == Format::Png {
            return self.screenshot();
        }
        let mut picture = texture::background(self.width, self.height, self.labels.is_empty(), draw);
        let short = f64::from(self.width.min(self.height));
        let count = self.labels.len();
        let mut smallest_module = short / 60.0;
        if self.labels.is_empty() && draw.random_bool(0.6) {
            let style = SheetStyle::draw(draw);
            let sheet = Sheet::without_code((short / 70.0).ceil() as u32, style);
            let pose = self.pose(0, 1, draw).fitted(&sheet, self.width, self.height, short * 0.6);
            warp::paste(&mut picture, &sheet, &pose);
        }
        for (place, label) in self.labels.iter().enumerate() {
            let mut style = SheetStyle::draw(draw);
            style.strips &= count == 1;
            // Drawn at about the resolution it will have in the picture, so that bilinear sampling is enough.
            let modules = Sheet::modules(&label.payload)?;
            let module = self.module_pixels(modules, draw);
            let sheet = Sheet::with_code(label, module.round().max(3.0) as u32, style)?;
            let side = module * f64::from(modules + 2 * label::QUIET);
            let pose = self.pose(place, count, draw).fitted(&sheet, self.width, self.height, side);
            smallest_module = smallest_module.min(pose.scale * f64::from(sheet.pixels_per_module));
            warp::paste(&mut picture, &sheet, &pose);
        }
        Lens::draw(draw, smallest_module).apply(&mut picture, draw);
        Ok(picture)
    }

    /// Pixels per module in the picture: mostly comfortable, sometimes far away, never below what a good reader needs.
    fn module_pixels(&self, modules: u32, draw: &mut ChaCha8Rng) -> f64 {
        let short = f64::from(self.width.min(self.height));
        let share = match (self.labels.len(), draw.random_range(0..100u32)) {
            (2, _) => draw.random_range(0.50..0.56),
            (_, 0..70) => draw.random_range(0.48..0.66),
            (_, 70..92) => draw.random_range(0.38..0.48),
            _ => draw.random_range(0.30..0.38),
        };
        (short * share / f64::from(modules + 2 * label::QUIET)).max(4.2)
    }

    /// Where a label lies: near the middle, or side by side along the long side.
    fn pose(&self, place: usize, count: usize, draw: &mut ChaCha8Rng) -> Pose {
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let turn: f64 = match (count, draw.random_range(0..100u32)) {
            (2, _) => draw.random_range(-9.0..9.0),
            (_, 0..60) => draw.random_range(-14.0..14.0),
            (_, 60..85) => draw.random_range(-45.0..45.0),
            _ => draw.random_range(-180.0..180.0),
        };
        let tilt: f64 = if count == 2 { 10.0 } else { 20.0 };
        let mut across = draw.random_range(0.42..0.58);
        let mut down = draw.random_range(0.46..0.6);
        if count == 2 {
            let along = if place == 0 { 0.26 } else { 0.74 };
            if self.width > self.height { across = along } else { down = along }
        }
        Pose {
            centre: (across * width, down * height),
            scale: 1.0,
            turn: turn.to_radians(),
            pitch: draw.random_range(-tilt..tilt).to_radians(),
            yaw: draw.random_range(-tilt..tilt).to_radians(),
        }
    }

    /// A shop page as it looks on a screen: flat, upright, sharp.
    fn screenshot(&self) -> Result<RgbImage> {
        let mut picture = RgbImage::from_pixel(self.width, self.height, image::Rgb([246, 247, 249]));
        let bar = self.height / 12;
        for (_, y, pixel) in picture.enumerate_pixels_mut() {
            if y < bar {
                *pixel = image::Rgb([38, 62, 110]);
            } else if y > self.height - bar / 2 {
                *pixel = image::Rgb([225, 228, 233]);
            }
        }
        for label in &self.labels {
            let modules = Sheet::modules(&label.payload)?;
            let side = f64::from(self.width.min(self.height)) * 0.6;
            let module = (side / f64::from(modules + 2 * label::QUIET)).floor().max(4.0);
            let sheet = Sheet::with_code(label, module as u32, SheetStyle::SCREEN)?;
            let pose = Pose {
                centre: (f64::from(self.width / 2), f64::from(self.height / 2)),
                scale: 1.0,
                turn: 0.0,
                pitch: 0.0,
                yaw: 0.0,
            };
            warp::paste(&mut picture, &sheet, &pose);
        }
        Ok(picture)
    }
}
