//! The built-in story: who photographs what, when and where, and what is wrong with some of the photos.
//!
//! Everything about a photo is drawn from a generator keyed by (seed, index): any slice of a story can be made again
//! anywhere, in any order, and the rows it must lead to are known beforehand.

use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::exif::{CaptureFacts, Place};
use super::scene::{Label, PhotoSize, SceneSpec};
use crate::domain::Format;
use crate::error::Result;

pub mod keys;
pub mod places;
pub mod products;
pub mod rhythm;

use places::{CAMERAS, City};
use products::{PRODUCTS, Placement, Product, payload};
use rhythm::Rhythm;

/// The story's name, as answer keys give it.
pub const NAME: &str = "spring launch";

/// What is planted in a photo, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// No EXIF at all.
    NoExif,
    /// EXIF time without offset; the GPS time tells it.
    NoOffset,
    /// No position.
    NoGps,
    /// Neither offset nor GPS: the instant cannot be known.
    NoOffsetNoGps,
    /// Nothing to read in the picture.
    NoCode,
    /// Two different codes.
    TwoCodes,
    /// The file ends early.
    Truncated,
    /// The notification comes twice.
    DuplicateDelivery,
}

impl Fault {
    /// All faults with their share of the photos in thousandths.
    pub const MIX: [(Fault, u32); 8] = [
        (Fault::NoExif, 30),
        (Fault::NoOffset, 30),
        (Fault::NoGps, 40),
        (Fault::NoOffsetNoGps, 20),
        (Fault::NoCode, 25),
        (Fault::TwoCodes, 30),
        (Fault::Truncated, 15),
        (Fault::DuplicateDelivery, 20),
    ];

    /// The fault as reports name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::NoExif => "no_exif",
            Fault::NoOffset => "no_offset",
            Fault::NoGps => "no_gps",
            Fault::NoOffsetNoGps => "no_offset_no_gps",
            Fault::NoCode => "no_code",
            Fault::TwoCodes => "two_codes",
            Fault::Truncated => "truncated",
            Fault::DuplicateDelivery => "duplicate_delivery",
        }
    }

    /// The fault that a number below 1000 falls on, or none.
    fn of(thousandth: u32) -> Option<Fault> {
        let mut below = 0;
        Fault::MIX.into_iter().find_map(|(fault, share)| {
            below += share;
            (thousandth < below).then_some(fault)
        })
    }
}

/// Which story, of the one built in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoryOptions {
    /// Another seed, another story.
    pub seed: u64,
    /// Photos in it, at least one.
    pub count: u64,
    /// How large they are.
    pub size: PhotoSize,
    /// Whether faults are planted.
    pub faults: bool,
    /// Pictures per printed address: more variety, and more of them to render. At least one.
    pub scene_variants: u32,
}

impl Default for StoryOptions {
    fn default() -> Self {
        Self { seed: 1, count: 2_000, size: PhotoSize::Mixed, faults: true, scene_variants: 3 }
    }
}

impl StoryOptions {
    /// Where this story's photos go. Stories that differ in any option never share a key, so that one photo never
    /// overwrites another.
    pub fn default_prefix(&self) -> String {
        let size = self.size.as_str();
        let clean = if self.faults { "" } else { "-clean" };
        let variants = if self.scene_variants == 3 { String::new() } else { format!("-v{}", self.scene_variants) };
        format!("story-{}-{}-{size}{clean}{variants}/", self.seed, self.count)
    }
}

/// One moment of the story at which a photo is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Which photo of the story, from 0.
    pub index: u64,
    /// When it is taken.
    pub at: Timestamp,
}

/// One code of a photo.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedCode {
    /// The product.
    pub product: &'static Product,
    /// Where the code is printed.
    pub placement: Placement,
    /// Its text.
    pub payload: String,
}

/// Everything decided about one photo.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedPhoto {
    /// Which photo of the story.
    pub index: u64,
    /// Its object key.
    pub key: String,
    /// Where it is taken.
    pub city: &'static City,
    /// The codes in it.
    pub codes: Vec<PlannedCode>,
    /// Its EXIF; `None` when it has none.
    pub capture: Option<CaptureFacts>,
    /// The picture.
    pub scene: SceneSpec,
    /// What is wrong with it.
    pub fault: Option<Fault>,
    /// For a truncated file, the share of it that remains.
    pub keep: Option<f64>,
    /// Written into the file, so that no two photos have the same bytes.
    pub unique_id: u128,
}

/// The story of one seed.
#[derive(Debug)]
pub struct Story {
    options: StoryOptions,
    prefix: String,
    rhythm: Rhythm,
}

impl Story {
    /// Works out the story whose photos go under `prefix`.
    ///
    /// # Errors
    /// A time zone the built-in database does not have (a bug).
    pub fn new(options: StoryOptions, prefix: String) -> Result<Self> {
        Ok(Self { options, prefix, rhythm: Rhythm::new()? })
    }

    /// The moment of the `index`-th photo. Moments rise with the index and follow the story's rate.
    pub fn stamp(&self, index: u64) -> Stamp {
        let jitter: f64 = generator(self.options.seed, "stamp", index).random();
        Stamp { index, at: self.rhythm.instant_at((index as f64 + jitter) / self.options.count.max(1) as f64) }
    }

    /// Decides everything about the photo taken at `stamp`.
    pub fn photo(&self, stamp: Stamp) -> PlannedPhoto {
        let mut draw = generator(self.options.seed, "photo", stamp.index);
        let (city, zone) = self.rhythm.city(stamp.at, draw.random());
        let source = Rhythm::source(city, stamp.at, draw.random());
        let thousandth = draw.random_range(0..1000);
        let fault = if self.options.faults { Fault::of(thousandth) } else { None };
        let on_poster = draw.random_bool(0.3);
        let placement = source.placement.unwrap_or(if on_poster { Placement::Poster } else { Placement::Pack });

        let with_subseconds = draw.random_bool(0.8);
        let taken_at = if with_subseconds {
            stamp.at
        } else {
            stamp.at - SignedDuration::from_millis(stamp.at.as_millisecond().rem_euclid(1000))
        };
        let offset = zone.to_offset(taken_at);
        let place = Place {
            latitude: city.latitude + spread(&mut draw, 0.04),
            longitude: city.longitude + spread(&mut draw, 0.04),
            altitude_m: city.altitude_m + spread(&mut draw, 12.0),
        };
        let unique_id: u128 = draw.random();
        let facts = CaptureFacts {
            taken_at,
            local: offset.to_datetime(taken_at),
            offset_minutes: offset.seconds() / 60,
            with_offset: !matches!(fault, Some(Fault::NoOffset | Fault::NoOffsetNoGps)),
            with_subseconds,
            place: (!matches!(fault, Some(Fault::NoGps | Fault::NoOffsetNoGps))).then_some(place),
            gps_lag_seconds: draw.random_range(0..3),
            camera: &CAMERAS[rhythm::pick(CAMERAS.iter().map(|camera| camera.weight), draw.random())],
            unique_id,
        };
        let (codes, scene) = self.picture(&mut draw, source.product, placement, fault);
        let naughty = draw.random_bool(0.06).then_some(draw.random());
        let extension = match scene.format {
            Format::Png => "png",
            Format::Webp => "webp",
            _ => "jpg",
        };
        PlannedPhoto {
            index: stamp.index,
            key: keys::object_key(&self.prefix, facts.local, city, stamp.index, extension, naughty),
            city,
            codes,
            capture: (fault != Some(Fault::NoExif)).then_some(facts),
            scene,
            fault,
            keep: (fault == Some(Fault::Truncated)).then(|| draw.random_range(0.1..0.3)),
            unique_id,
        }
    }

    /// Chooses the codes and one of their pictures. Only few pictures are PNG or WebP, of the best-known products, so
    /// that the number of pictures to render stays small.
    fn picture(
        &self,
        draw: &mut ChaCha8Rng,
        product: usize,
        placement: Placement,
        fault: Option<Fault>,
    ) -> (Vec<PlannedCode>, SceneSpec) {
        let variant = draw.random_range(0..self.options.scene_variants.max(1));
        let format = match draw.random_range(0..100u32) {
            0..4 => Format::Png,
            4..8 => Format::Webp,
            _ => Format::Jpeg,
        };
        let format = match fault {
            None | Some(Fault::DuplicateDelivery | Fault::NoGps | Fault::NoOffset | Fault::NoOffsetNoGps)
                if product < 3 =>
            {
                format
            }
            _ => Format::Jpeg,
        };
        let code = |product: usize, placement| {
            let product = &PRODUCTS[product % PRODUCTS.len()];
            PlannedCode { product, placement, payload: payload(product, placement) }
        };
        let (codes, variant) = match (fault, format) {
            (Some(Fault::NoCode), _) => (Vec::new(), variant),
            // Six pairs of neighbours: (0,1), (2,3) and so on.
            (Some(Fault::TwoCodes), _) => {
                let first = product - product % 2;
                (vec![code(first, Placement::Pack), code(first + 1, Placement::Pack)], 0)
            }
            (_, Format::Jpeg) => (vec![code(product, placement)], variant),
            _ => (vec![code(product, Placement::Pack)], 0),
        };
        let labels =
            codes.iter().map(|code| Label { title: code.product.name, payload: code.payload.clone() }).collect();
        (codes, SceneSpec::new(self.options.seed, labels, variant, self.options.size, format))
    }
}

/// The generator of one decision: the same numbers for the same seed, purpose and index, on every machine.
pub fn generator(seed: u64, purpose: &str, index: u64) -> ChaCha8Rng {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_le_bytes());
    hasher.update(purpose.as_bytes());
    let mut generator = ChaCha8Rng::from_seed(hasher.finalize().into());
    generator.set_stream(index);
    generator
}

/// A number around 0, rarely beyond `width` and never beyond twice that.
fn spread(draw: &mut ChaCha8Rng, width: f64) -> f64 {
    let sum: f64 = (0..4).map(|_| draw.random_range(-0.5..0.5)).sum();
    sum * width
}
