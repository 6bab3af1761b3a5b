//! Stories: who photographs what, when and where, and what is wrong with some of the photos.
//!
//! A [`StorySource`] is read into a [`world::World`]; [`timeline::Timeline`] turns its rates into moments, places and
//! products; [`pictures`], [`devices`] and [`keys`] decide the rest. Everything about a photo is drawn from a generator
//! keyed by (seed, index): any slice of a story can be made again anywhere, in any order, and the rows it must lead to
//! are known beforehand.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, civil};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::exif::{CaptureFacts, GpsPosition};
use super::scene::{PhotoSize, SceneSpec};
use scanmill_core::domain::Format;
use scanmill_core::error::{Error, Result};

pub mod devices;
pub mod draws;
pub mod keys;
pub mod language;
pub mod mix;
pub mod original;
pub mod pictures;
pub mod rules;
pub mod source;
pub mod summary;
pub mod timeline;
pub mod world;
pub mod zones;

use draws::Draws;
pub use draws::generator;
use pictures::Pictures;
use source::Language;
pub use source::StorySource;
use timeline::{Shares, Timeline, pick};
use world::{Rhythm, World};

/// What is injected in a photo, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InjectedFault {
    /// No EXIF at all.
    NoExif,
    /// EXIF time without offset; the GPS time tells it, or else the zone of the place.
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

impl InjectedFault {
    /// All faults.
    pub const ALL: [InjectedFault; 10] = [
        InjectedFault::NoExif,
        InjectedFault::NoOffset,
        InjectedFault::NoGps,
        InjectedFault::NoOffsetNoGps,
        InjectedFault::NoCode,
        InjectedFault::TwoCodes,
        InjectedFault::Truncated,
        InjectedFault::DuplicateDelivery,
        InjectedFault::Bomb,
        InjectedFault::LateUpload,
    ];

    /// The fault as reports name it.
    pub fn as_str(self) -> &'static str {
        match self {
            InjectedFault::NoExif => "no_exif",
            InjectedFault::NoOffset => "no_offset",
            InjectedFault::NoGps => "no_gps",
            InjectedFault::NoOffsetNoGps => "no_offset_no_gps",
            InjectedFault::NoCode => "no_code",
            InjectedFault::TwoCodes => "two_codes",
            InjectedFault::Truncated => "truncated",
            InjectedFault::DuplicateDelivery => "duplicate_delivery",
            InjectedFault::Bomb => "bomb",
            InjectedFault::LateUpload => "late_upload",
        }
    }
}

/// What of a story is told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoryOptions {
    /// Another seed, another story.
    pub seed: u64,
    /// Photos in it, at least one.
    pub count: u64,
    /// How large they are; `Mixed` is as the story says.
    pub size: PhotoSize,
    /// Whether faults are injected.
    pub faults: bool,
    /// Pictures per printed address: more variety, and more of them to render. At least one.
    pub scene_variants: u32,
}

impl Default for StoryOptions {
    fn default() -> Self {
        Self { seed: 1, count: 2_000, size: PhotoSize::Mixed, faults: true, scene_variants: 3 }
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
    /// Expected `product_id_source`; not compared where the story does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id_source: Option<String>,
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
    pub fault: Option<InjectedFault>,
    /// For a truncated file, the share of it that remains.
    pub keep: Option<f64>,
    /// Written into the file, so that no two photos have the same bytes.
    pub unique_id: u128,
    /// How long after it was taken it is uploaded, on the story's clock.
    pub late_by: Duration,
}

/// A story with a seed.
#[derive(Debug)]
pub struct Story {
    options: StoryOptions,
    prefix: String,
    world: World,
    timeline: Timeline,
    pictures: Pictures,
    devices: devices::Pool,
    candidates: Draws,
    stamps: Draws,
    thinning: Draws,
    photos: Draws,
}

impl Story {
    /// Works out the story whose photos go under `prefix`.
    ///
    /// # Errors
    /// A source that is not a story: every mistake in it, each with its place.
    pub fn new(source: &StorySource, options: StoryOptions, prefix: String) -> Result<Self> {
        let world = match source.language {
            Language::Toml => language::read(&source.name, &source.text)?,
            Language::Original => original::read(&source.name, &source.text)?,
        };
        let timeline = Timeline::new(&world);
        if timeline.is_empty() {
            return Err(Error::permanent(format!("the story `{}` never has a photo taken", source.name))
                .with_hint("at no moment of its span is there a product with interest, at a place with weight, at an hour with any"));
        }
        let pictures = Pictures::new(&world, &timeline, options).map_err(|why| {
            Error::permanent(format!("the story `{}` asks for impossible shares: {why}", source.name))
                .with_hint("change the shares under [mix], or make fewer faults")
        })?;
        let draws = |purpose| Draws::new(options.seed, purpose);
        Ok(Self {
            devices: devices::Pool::new(&world, options.seed),
            candidates: draws("candidate"),
            stamps: draws("stamp"),
            thinning: draws("accept"),
            photos: draws("photo"),
            options,
            prefix,
            world,
            timeline,
            pictures,
        })
    }

    /// What the story says.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// What of it is told.
    pub fn options(&self) -> &StoryOptions {
        &self.options
    }

    /// From the first instant a photo may be taken to the last.
    pub fn span(&self) -> Span {
        self.world.span
    }

    /// Whether the story says what happens all through `span`.
    ///
    /// # Errors
    /// A span that the story does not reach, or a date in it that no rule is about.
    pub fn covers(&self, span: Span) -> Result<()> {
        if span.from >= span.to {
            return Err(Error::permanent(format!("the span from {} to {} is empty", span.from, span.to))
                .with_hint("its end must be later than its beginning"));
        }
        let own = self.span();
        match &self.world.rhythm {
            Rhythm::Rules(rules) => original::covered(rules, span),
            Rhythm::Local(_) if span.to <= own.from || span.from >= own.to => {
                Err(Error::permanent(format!("the story has no photo from {} to {}", span.from, span.to))
                    .with_hint(format!("it plays from {} to {}", own.from, own.to)))
            }
            Rhythm::Local(_) => Ok(()),
        }
    }

    /// Photos per second of the story's own time, on average over its span.
    pub fn mean_per_second(&self) -> f64 {
        let seconds = (self.span().to.as_second() - self.span().from.as_second()) as f64;
        self.world.photos_per_day.map_or(self.options.count as f64 / seconds, |photos| photos / 86_400.0)
    }

    /// The rate, in photos per second of the story's own time, at which every stamp becomes a photo.
    pub fn peak_rate(&self) -> f64 {
        self.mean_per_second() * self.timeline.peak_to_mean()
    }

    /// The `index`-th of `count` moments spread evenly over `span`, for the story to accept or not.
    pub fn candidate(&self, index: u64, count: u64, span: Span) -> Stamp {
        let jitter: f64 = self.candidates.at(index).random();
        let share = (index as f64 + jitter) / count.max(1) as f64;
        let length = (span.to.as_millisecond() - span.from.as_millisecond()) as f64;
        let at = span.from + SignedDuration::from_millis((share * length) as i64);
        Stamp { index, at, certain: false }
    }

    /// How likely a photo is taken at this moment: the rate there, relative to the peak; one for a certain stamp.
    pub fn acceptance(&self, stamp: Stamp) -> f64 {
        if stamp.certain { 1.0 } else { self.timeline.acceptance(&self.world, stamp.at) }
    }

    /// Whether a photo is taken at this moment.
    pub fn accepts(&self, stamp: Stamp) -> bool {
        stamp.certain || self.thinning.at(stamp.index).random::<f64>() < self.acceptance(stamp)
    }

    /// How likely each place and product is for a photo taken at this moment.
    pub fn shares(&self, at: Timestamp) -> Shares {
        self.timeline.shares(&self.world, at)
    }

    /// The moment of the `index`-th photo. Moments rise with the index and follow the story's rate.
    pub fn stamp(&self, index: u64) -> Stamp {
        let jitter: f64 = self.stamps.at(index).random();
        let share = (index as f64 + jitter) / self.options.count.max(1) as f64;
        Stamp { index, certain: true, at: self.timeline.instant_at(share) }
    }

    /// Decides everything about the photo taken at `stamp`.
    pub fn photo(&self, stamp: Stamp) -> PlannedPhoto {
        let mut draw = self.photos.at(stamp.index);
        let (place, source) = self.timeline.choose(&self.world, stamp.at, (draw.random(), draw.random()));
        let fault = self.fault(draw.random());
        let city = &self.world.places[place];
        let with_subseconds = draw.random_bool(0.8);
        let (taken_at, offset) = self.taken(stamp.at, self.timeline.zone(place), draw.random(), with_subseconds);
        let unique_id: u128 = draw.random();
        let product = self.timeline.sources()[source].product;
        let device = self.devices.choose(&self.world, &mut draw, (stamp.index, place, product));
        let local = offset.to_datetime(taken_at);
        let with_offset = !matches!(fault, Some(InjectedFault::NoOffset | InjectedFault::NoOffsetNoGps));
        let with_place = !matches!(fault, Some(InjectedFault::NoGps | InjectedFault::NoOffsetNoGps));
        // Half of the photos without an offset have a fresh fix, whose clock tells it; the others leave it to the place.
        let has_old_fix = fault == Some(InjectedFault::NoOffset) && unique_id & 1 == 1;
        let known_offset = match (with_offset, with_place) {
            (false, false) => None,
            (false, true) if has_old_fix => Some(first_offset(self.timeline.zone(place), local)),
            _ => Some(offset),
        };
        let facts = CaptureFacts {
            taken_at,
            local,
            offset_minutes: offset.seconds() / 60,
            with_offset,
            with_subseconds,
            place: with_place.then(|| position(city, &mut draw)),
            gps_lag_seconds: draw.random_range(0..3) + if has_old_fix { old_fix_seconds(unique_id) } else { 0 },
            known_offset_minutes: known_offset.map(|offset| offset.seconds() / 60),
            camera_make: device.make,
            camera_model: device.model,
            serial: Some(device.serial),
            unique_id,
        };
        let (codes, scene) = self.pictures.choose(&self.world, &mut draw, (&self.timeline, source), fault);
        let naughty = draw.random_bool(self.world.naughty).then_some(draw.random());
        let extension = match scene.format {
            Format::Png => "png",
            Format::Webp => "webp",
            Format::Heic => "heic",
            _ => "jpg",
        };
        PlannedPhoto {
            index: stamp.index,
            key: keys::object_key(&self.prefix, facts.local, &city.name, stamp.index, extension, naughty),
            city: Arc::clone(&city.name),
            device: device.name,
            codes,
            capture: (fault != Some(InjectedFault::NoExif)).then_some(facts),
            scene,
            fault,
            keep: (fault == Some(InjectedFault::Truncated)).then(|| draw.random_range(0.1..0.3)),
            unique_id,
            late_by: if fault == Some(InjectedFault::LateUpload) { lateness(draw.random()) } else { Duration::ZERO },
        }
    }

    /// The fault that a number from 0 to 1 falls on.
    fn fault(&self, draw: f64) -> Option<InjectedFault> {
        let mut below = 0.0;
        let mix = if self.options.faults { self.world.mix.fault.as_slice() } else { &[] };
        mix.iter().find_map(|(fault, share)| {
            below += share;
            (draw < below).then_some(*fault)
        })
    }

    /// The instant of a photo, as exact as its EXIF, and the offset of the wall clock there.
    fn taken(&self, at: Timestamp, zone: &TimeZone, draw: f64, with_subseconds: bool) -> (Timestamp, Offset) {
        let at = match &self.world.rhythm {
            Rhythm::Local(_) => at,
            // The original's calendar knows no zones: a stamp's date is the date on the photo wherever it is taken,
            // and only the hour is drawn anew. A clock that is put forward skips an hour; then it is the one after.
            Rhythm::Rules(rules) => {
                let naive = Offset::UTC.to_datetime(at);
                let clock = naive.time().with().hour(pick(&rules.hours, draw) as i8).build().unwrap_or(naive.time());
                let local = civil::DateTime::from_parts(naive.date(), clock);
                // Only at the very ends of the calendar is there no such instant, and no story plays there.
                zone.to_timestamp(local).unwrap_or(at)
            }
        };
        let surplus = if with_subseconds { 0 } else { at.as_millisecond().rem_euclid(1_000) };
        let at = at - SignedDuration::from_millis(surplus);
        (at, zone.to_offset(at))
    }
}

/// How long a phone was offline, by a number from 0 to 1: an hour to three days, mostly less than a day.
fn lateness(draw: f64) -> Duration {
    Duration::from_secs_f64(3_600.0 * 72.0_f64.powf(draw))
}

/// A point near the centre of a place.
/// The offset of a wall clock; of a time shown twice, the first.
fn first_offset(zone: &TimeZone, local: civil::DateTime) -> Offset {
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
    }
}

/// The age of a fix that is too old to tell the offset: some quarters of an hour, and three to twelve minutes, so that
/// it is near no offset.
fn old_fix_seconds(unique_id: u128) -> i64 {
    let (quarters, seconds) = ((unique_id >> 1) % 8, (unique_id >> 8) % 540);
    (quarters * 900 + 180 + seconds) as i64
}

fn position(place: &world::Place, draw: &mut ChaCha8Rng) -> GpsPosition {
    const KM_PER_DEGREE: f64 = 111.2;
    let north = spread(draw) * place.spread_km / KM_PER_DEGREE;
    let east = spread(draw) * place.spread_km / KM_PER_DEGREE / place.latitude.to_radians().cos().max(0.05);
    let up = if place.spread_km > 0.0 { spread(draw) * 12.0 } else { 0.0 };
    GpsPosition {
        latitude: (place.latitude + north).clamp(-89.9, 89.9),
        longitude: (place.longitude + east + 540.0).rem_euclid(360.0) - 180.0,
        altitude_m: place.altitude_m + up,
    }
}

/// A number around 0, rarely beyond 1 and never beyond 2.
fn spread(draw: &mut ChaCha8Rng) -> f64 {
    (0..4).map(|_| draw.random_range(-0.5..0.5)).sum()
}
