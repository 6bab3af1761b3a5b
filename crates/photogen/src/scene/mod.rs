//! Pictures: labels with codes on a table, a wall or a box, as a phone sees them: tilted, turned, unevenly lit, a
//! little blurred, with a sensor's noise; and what makes some of them hard to read. A picture is drawn from its
//! description alone, so the same description gives the same picture, on every machine: nothing here uses arithmetic
//! that may differ between two.

use std::sync::Arc;

use clap::ValueEnum;
use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::story::generator;
use scanmill_core::domain::Format;
use scanmill_core::error::Result;

mod encode;
mod exact;
pub mod font;
mod jpeg;
mod label;
mod lens;
mod look;
mod noise;
mod planes;
mod texture;
mod warp;

pub use encode::Encoded;
use jpeg::Enlarge;
pub(super) use jpeg::METADATA_AT;
use label::{Layout, Sheet, SheetStyle};
use lens::Lens;
pub use look::Difficulty;
use look::LabelView;
use planes::{Colour, Planes};
use texture::Canvas;
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
    pub look: Difficulty,
}

/// Photos of more pixels than this are drawn at half their size and enlarged while they are encoded.
const MOST_DRAWN: usize = 4_000_000;

impl SceneSpec {
    /// Describes a picture and settles its size and format. PNG and WebP are lossless here and HEIC is slow to
    /// encode, so those stay small; an engine built without HEIC gets JPEG in its place.
    pub fn new(seed: u64, labels: Vec<Label>, variant: u32, size: PhotoSize, format: Format, look: Difficulty) -> Self {
        let format = if encode::can(format) { format } else { Format::Jpeg };
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
            (Format::Jpeg, PhotoSize::Large) => (4032, 3024),
            (Format::Jpeg, PhotoSize::Medium) => (1280, 960),
            // The most that is coded in one piece and without a thumbnail.
            (Format::Heic, _) => (512, 384),
            _ => (640, 480),
        };
        (spec.width, spec.height) = if draw.random_bool(0.45) { (short, long) } else { (long, short) };
        spec
    }

    /// The generator of one side of this picture.
    fn generator(&self, purpose: &str) -> ChaCha8Rng {
        let mut name = format!("scene {purpose} {} {}", self.format.as_str(), self.look.as_str());
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
        Ok(self.encode_with_room(0)?.bytes)
    }

    /// Draws the picture and encodes it. Where the format cannot take metadata later, room for so many bytes of EXIF is
    /// left.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_with_room(&self, exif_bytes: usize) -> Result<Encoded> {
        let mut draw = self.generator("look");
        let quality = draw.random_range(self.look.traits().quality);
        let picture = self.render(&mut draw)?;
        encode::encode(&picture, self.format, quality, self.enlarge(), exif_bytes)
    }

    /// Draws the picture, for those who look at it and cannot read its format. Large ones are half as large.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn draw(&self) -> Result<RgbImage> {
        let mut draw = self.generator("look");
        draw.random_range(self.look.traits().quality);
        Ok(self.render(&mut draw)?.to_rgb())
    }

    fn enlarge(&self) -> Enlarge {
        let is_large = self.width as usize * self.height as usize > MOST_DRAWN;
        if is_large && self.format == Format::Jpeg { Enlarge::Twice } else { Enlarge::Not }
    }

    fn render(&self, draw: &mut ChaCha8Rng) -> Result<Planes> {
        let shrink = if self.enlarge() == Enlarge::Twice { 2 } else { 1 };
        let (width, height) = (self.width as usize / shrink, self.height as usize / shrink);
        if self.format == Format::Png && self.look == Difficulty::Easy {
            return self.screenshot(width, height);
        }
        let mut canvas = Canvas::draw(width, height, self.labels.is_empty(), draw);
        let short = width.min(height) as f64;
        let count = self.labels.len();
        let mut laid = Vec::with_capacity(2);
        if self.labels.is_empty() && draw.random_bool(0.6) {
            let style = SheetStyle::draw(draw);
            let sheet = Sheet::without_code((short / 70.0).ceil() as u32, style);
            let pose = self.pose(0, (width, height), draw).fitted(&sheet, width, height, short * 0.6);
            laid.push((sheet, pose));
        }
        for (place, label) in self.labels.iter().enumerate() {
            let mut style = SheetStyle::draw(draw);
            if count > 1 {
                style.layout = Layout::Bare;
            }
            // Drawn at about the resolution it will have in the picture, so that bilinear sampling is enough; more than
            // that of a small picture shows only in one's memory.
            let modules = Sheet::modules(&label.payload)?;
            let module = self.module_pixels(modules, short, draw);
            let sheet = Sheet::with_code(label, module.round().clamp(3.0, 12.0) as u32, style)?;
            let side = module * f64::from(modules + 2 * label::QUIET);
            let pose = self.pose(place, (width, height), draw).fitted(&sheet, width, height, side);
            laid.push((sheet, pose));
        }
        for (sheet, pose) in &laid {
            warp::shade(&mut canvas, sheet, pose);
        }
        let mut picture = canvas.enlarge(width, height);
        for (sheet, pose) in &laid {
            warp::paste(&mut picture, sheet, pose);
        }
        Lens::draw(draw, self.look, &seen(&laid, width, height)).apply(&mut picture);
        Ok(picture)
    }

    /// Pixels per module in the picture: mostly comfortable, never below what a good reader needs of this look.
    fn module_pixels(&self, modules: u32, short: f64, draw: &mut ChaCha8Rng) -> f64 {
        let traits = self.look.traits();
        let share = match (self.labels.len(), self.look) {
            (2, Difficulty::SmallCode) => draw.random_range(0.24..0.32),
            (2, _) => draw.random_range(0.50..0.56),
            // Some good photos are taken from a little further away.
            (_, Difficulty::Easy) if draw.random_bool(0.2) => draw.random_range(0.30..0.42),
            _ => draw.random_range(traits.share),
        };
        (short * share / f64::from(modules + 2 * label::QUIET)).max(traits.module)
    }

    /// Where a label lies: near the middle, or side by side along the long side.
    fn pose(&self, place: usize, (width, height): (usize, usize), draw: &mut ChaCha8Rng) -> Pose {
        let is_one_of_two = self.labels.len() == 2;
        let turn: f64 = match draw.random_range(0..100u32) {
            _ if is_one_of_two => draw.random_range(-9.0..9.0),
            0..60 => draw.random_range(-14.0..14.0),
            60..85 => draw.random_range(-45.0..45.0),
            _ => draw.random_range(-180.0..180.0),
        };
        let tilts = self.look.traits().tilt;
        let mut tilt = || draw.random_range(tilts.clone()) * if draw.random_bool(0.5) { 1.0 } else { -1.0 };
        let (mut pitch, mut yaw): (f64, f64) = (tilt(), tilt());
        if is_one_of_two {
            (pitch, yaw) = (pitch * 0.5, yaw * 0.5);
        } else if self.look == Difficulty::Tilted {
            // From one side, not from a corner.
            if draw.random_bool(0.5) { pitch *= 0.25 } else { yaw *= 0.25 }
        }
        let (mut across, mut down) = if self.look == Difficulty::SmallCode {
            (draw.random_range(0.25..0.75), draw.random_range(0.25..0.75))
        } else {
            (draw.random_range(0.42..0.58), draw.random_range(0.44..0.56))
        };
        if is_one_of_two {
            let along = if place == 0 { 0.26 } else { 0.74 };
            if width > height { across = along } else { down = along }
        }
        Pose {
            centre: (across * width as f64, down * height as f64),
            scale: 1.0,
            turn: exact::radians(turn),
            pitch: exact::radians(pitch),
            yaw: exact::radians(yaw),
        }
    }

    /// A shop page as it looks on a screen: flat, upright, sharp.
    fn screenshot(&self, width: usize, height: usize) -> Result<Planes> {
        let mut picture = Planes::new(width, height, Colour::rgb(246, 247, 249));
        let bar = (height / 12) & !1;
        picture.fill((0, 0), (width, bar), Colour::rgb(38, 62, 110));
        picture.fill((0, height - bar / 2), (width, bar / 2), Colour::rgb(225, 228, 233));
        for dot in 0..3 {
            picture.fill(
                (width - bar * (dot + 1), (bar / 3) & !1),
                ((bar / 2) & !1, (bar / 3) & !1),
                Colour::rgb(120, 146, 196),
            );
        }
        let count = self.labels.len() as u32;
        for (place, label) in (0u32..).zip(&self.labels) {
            let modules = Sheet::modules(&label.payload)?;
            let side = width.min(height) as f64 * if count > 1 { 0.44 } else { 0.6 };
            let module = (side / f64::from(modules + 2 * label::QUIET)).floor().max(4.0);
            let sheet = Sheet::with_code(label, module as u32, SheetStyle::SCREEN)?;
            // On whole pixels, so that every module is as sharp as the next; several along the long side.
            let middle = |size: usize, own: u32, is_long: bool| {
                let share = if is_long { f64::from(2 * place + 1) / f64::from(count) } else { 1.0 };
                ((size as f64 * share - f64::from(own)) / 2.0).floor() + f64::from(own) / 2.0
            };
            let is_wide = width > height;
            let pose =
                Pose::upright((middle(width, sheet.width, is_wide), middle(height + bar / 2, sheet.height, !is_wide)));
            warp::paste(&mut picture, &sheet, &pose);
        }
        Ok(picture)
    }
}

/// What the camera sees of the labels: of two the smaller modules, and the place of the first.
fn seen(laid: &[(Sheet, Pose)], width: usize, height: usize) -> LabelView {
    let short = width.min(height) as f64;
    let module = |(sheet, pose): &(Sheet, Pose)| pose.scale * f64::from(sheet.pixels_per_module);
    let smallest = laid.iter().map(module).fold(short / 50.0, f64::min);
    let (at, side) = match laid.first() {
        Some((sheet, pose)) => (pose.place(sheet, sheet.code_at), pose.scale * f64::from(sheet.code_side)),
        None => ((width as f64 / 2.0, height as f64 / 2.0), short / 2.0),
    };
    let (width, height) = (width as f64, height as f64);
    let harm = if laid.len() > 1 { 0.7 } else { 1.0 };
    LabelView { module: smallest, at: (at.0 / width, at.1 / height), side: (side / width, side / height), harm }
}
