//! The built-in story: who photographs what, when and where, and what is wrong with some of the photos.
//!
//! Everything about a photo is drawn from a generator keyed by (seed, index): any slice of a story can be made again
//! anywhere, in any order, and the rows it must lead to are known beforehand.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::exif::{CaptureFacts, Place};
use super::scene::{Label, Look, PhotoSize, SceneSpec};
use crate::domain::Format;
use crate::error::Result;

pub mod keys;
pub mod places;
pub mod products;
pub mod rhythm;
pub mod source;

use places::CAMERAS;
use products::{PRODUCTS, Placement, payload};
use rhythm::Rhythm;
pub use source::StorySource;

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
    /// A small file that says it is a huge picture.
    Bomb,
    /// Uploaded long after it was taken: the phone was offline.
    LateUpload,
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
            Fault::Bomb => "bomb",
            Fault::LateUpload => "late_upload",
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Whether the photo is taken in any case; else the story decides ([`Story::accepts`]).
    pub certain: bool,
}

/// A stretch of time, its end not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First instant.
    pub from: Timestamp,
    /// First instant after it.
    pub to: Timestamp,
}

/// One code of a photo.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedCode {
    /// The product's name, for people.
    pub title: Arc<str>,
    /// The text of the code.
    pub payload: String,
    /// What the row must say of the product; `None` where the story does not say.
    pub product: Option<ProductColumns>,
    /// Expected utm columns.
    pub utm: Utm,
}

/// Expected columns of a product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductColumns {
    /// Expected `product_url`, whatever tracking parameters a placement adds.
    pub product_url: Option<String>,
    /// Expected `product_id`.
    pub product_id: Option<String>,
    /// Expected `gtin`.
    pub gtin: Option<String>,
}

/// Expected utm columns of a placement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Utm {
    /// Expected `utm_source`.
    pub source: Option<String>,
    /// Expected `utm_medium`.
    pub medium: Option<String>,
    /// Expected `utm_campaign`.
    pub campaign: Option<String>,
}

/// Everything decided about one photo.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedPhoto {
    /// Which photo of the story.
    pub index: u64,
    /// Its object key.
    pub key: String,
    /// Name of the place it is taken at.
    pub city: Arc<str>,
    /// Who takes it, by a name that is the same at each of their visits.
    pub device: String,
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
    /// How long after it was taken it is uploaded, on the story's clock.
    pub late_by: Duration,
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
    /// A source that is no story: every mistake in it, each with its place.
    pub fn new(_source: &StorySource, options: StoryOptions, prefix: String) -> Result<Self> {
        Ok(Self { options, prefix, rhythm: Rhythm::new()? })
    }

    /// From the first instant a photo may be taken to the last.
    pub fn span(&self) -> Span {
        Span { from: rhythm::START, to: rhythm::START + SignedDuration::from_hours(rhythm::DAYS * 24) }
    }

    /// The `index`-th of `count` moments spread evenly over `span`, for the story to accept or not.
    pub fn candidate(&self, index: u64, count: u64, span: Span) -> Stamp {
        let jitter: f64 = generator(self.options.seed, "candidate", index).random();
        let share = (index as f64 + jitter) / count.max(1) as f64;
        let length = (span.to.as_millisecond() - span.from.as_millisecond()) as f64;
        let at = span.from + SignedDuration::from_millis((share * length) as i64);
        Stamp { index, at, certain: false }
    }

    /// Whether a photo is taken at this moment.
    pub fn accepts(&self, _stamp: Stamp) -> bool {
        true
    }

    /// The moment of the `index`-th photo. Moments rise with the index and follow the story's rate.
    pub fn stamp(&self, index: u64) -> Stamp {
        let jitter: f64 = generator(self.options.seed, "stamp", index).random();
        Stamp {
            index,
            certain: true,
            at: self.rhythm.instant_at((index as f64 + jitter) / self.options.count.max(1) as f64),
        }
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
        let lag = draw.random_range(0..3);
        let camera = rhythm::pick(CAMERAS.iter().map(|camera| camera.weight), draw.random());
        let facts = CaptureFacts {
            taken_at,
            local: offset.to_datetime(taken_at),
            offset_minutes: offset.seconds() / 60,
            with_offset: !matches!(fault, Some(Fault::NoOffset | Fault::NoOffsetNoGps)),
            with_subseconds,
            place: (!matches!(fault, Some(Fault::NoGps | Fault::NoOffsetNoGps))).then_some(place),
            gps_lag_seconds: lag,
            camera_make: CAMERAS[camera].make.into(),
            camera_model: CAMERAS[camera].model.into(),
            serial: None,
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
            city: city.name.into(),
            device: String::new(),
            codes,
            capture: (fault != Some(Fault::NoExif)).then_some(facts),
            scene,
            fault,
            keep: (fault == Some(Fault::Truncated)).then(|| draw.random_range(0.1..0.3)),
            unique_id,
            late_by: Duration::ZERO,
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
            PlannedCode {
                title: product.name.into(),
                payload: payload(product, placement),
                product: Some(ProductColumns {
                    product_url: Some(product.product_url.into()),
                    product_id: Some(product.product_id.into()),
                    gtin: product.gtin.map(Into::into),
                }),
                utm: placement.utm(),
            }
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
            codes.iter().map(|code| Label { title: Arc::clone(&code.title), payload: code.payload.clone() }).collect();
        (codes, SceneSpec::new(self.options.seed, labels, variant, self.options.size, format, Look::Easy))
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
