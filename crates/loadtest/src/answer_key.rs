//! The answer key: what the warehouse must hold once every photo of a story is loaded.
//!
//! JSON Lines: a header, one line a photo, and a seal that counts them. It is written beside its name and renamed when
//! sealed, so a key under its own name is whole. What is expected follows the definitions of the columns, never the
//! engine's code: only then does comparing the two mean something.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, civil};
use serde::{Deserialize, Deserializer, Serialize};

pub use super::key_reader::KeyReader;
use super::run_plan::RunPlan;
use super::scene::PhotoSize;
use super::story::{InjectedFault, PlannedPhoto, ProductColumns};
use scanmill_core::domain::Reason;
use scanmill_core::domain::row::utc_millis;
use scanmill_core::error::{Error, Result};

/// Version of the format.
pub(super) const VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub version: u32,
    /// The story's name.
    pub story: String,
    /// The run that sent the photos; `None` when one process did everything.
    #[serde(default)]
    pub run: Option<String>,
    /// Its seed.
    pub seed: u64,
    /// Photos the story has.
    pub count: u64,
    /// Their size.
    pub size: PhotoSize,
    /// Bucket the photos went to.
    pub bucket: String,
    /// What all keys begin with, and no other photo's key does.
    pub prefix: String,
}

/// One photo and what must become of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpectedPhoto {
    /// Which photo of the story.
    pub index: u64,
    /// When it was to be uploaded, UTC to the millisecond; `None` when as soon as possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
    /// When the upload ended, where the writer of the key knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_at: Option<String>,
    /// Its bucket.
    pub bucket: String,
    /// Its key, decoded.
    pub key: String,
    /// Where the story has it taken.
    pub city: String,
    /// Who takes it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// The products on it, for people.
    pub products: Vec<String>,
    /// What was injected in it.
    pub fault: Option<InjectedFault>,
    /// What must become of it.
    pub expect: Expectation,
}

/// What must become of a photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// One scan row per code, each with the photo's columns and its own.
    Scans {
        /// Columns that all of the photo's rows share.
        photo: Box<PhotoColumns>,
        /// The codes.
        codes: Vec<CodeColumns>,
    },
    /// One rejection row with one of these reasons.
    Rejected(Vec<String>),
}

impl Expectation {
    /// Rows it stands for.
    pub fn rows(&self) -> u64 {
        match self {
            Expectation::Scans { codes, .. } => codes.len() as u64,
            Expectation::Rejected(_) => 1,
        }
    }
}

/// Expected values of the columns that all rows of a photo share. Each field is named as its column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each field is a column; `domain/columns.rs` says what it means")]
pub struct PhotoColumns {
    pub captured_at: Option<String>,
    pub captured_local: Option<String>,
    pub utc_offset_minutes: Option<i32>,
    pub local_date: Option<String>,
    pub local_hour: Option<i32>,
    pub local_weekday: Option<i32>,
    pub latitude: Option<f64>,
    pub longitude: Option<f64>,
    pub altitude_m: Option<f64>,
    pub camera_make: Option<String>,
    pub camera_model: Option<String>,
    pub qr_count: i32,
    pub width: u32,
    pub height: u32,
    pub format: String,
}

/// Expected values of the columns of one code. Each field is named as its column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "CodeLine")]
#[allow(missing_docs, reason = "each field is a column; `domain/columns.rs` says what it means")]
pub struct CodeColumns {
    pub payload: String,
    /// Absent where the story does not say: then the engine's answer is not compared.
    #[serde(flatten)]
    pub product: Option<ProductColumns>,
    pub utm_source: Option<String>,
    pub utm_medium: Option<String>,
    pub utm_campaign: Option<String>,
}

/// [`CodeColumns`] as it is in a line: reading `flatten` would take three times as long.
#[derive(Deserialize)]
struct CodeLine {
    payload: String,
    #[serde(default, deserialize_with = "present")]
    product_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    product_id: Option<Option<String>>,
    product_id_source: Option<String>,
    #[serde(default, deserialize_with = "present")]
    gtin: Option<Option<String>>,
    utm_source: Option<String>,
    utm_medium: Option<String>,
    utm_campaign: Option<String>,
}

/// Tells a column that is null from one that is absent.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl From<CodeLine> for CodeColumns {
    fn from(line: CodeLine) -> Self {
        let product = match (line.product_url, line.product_id, line.gtin) {
            (None, None, None) => None,
            (product_url, product_id, gtin) => Some(ProductColumns {
                product_url: product_url.flatten(),
                product_id: product_id.flatten(),
                product_id_source: line.product_id_source,
                gtin: gtin.flatten(),
            }),
        };
        Self {
            payload: line.payload,
            product,
            utm_source: line.utm_source,
            utm_medium: line.utm_medium,
            utm_campaign: line.utm_campaign,
        }
    }
}

impl ExpectedPhoto {
    /// What the plan of a photo must lead to.
    pub fn of(bucket: &str, plan: &PlannedPhoto) -> Self {
        let reasons = |reasons: &[Reason]| reasons.iter().map(|reason| reason.as_str().to_owned()).collect();
        let expect = match plan.fault {
            Some(InjectedFault::NoCode) => Expectation::Rejected(reasons(&[Reason::NoCode])),
            Some(InjectedFault::Bomb) => Expectation::Rejected(reasons(&[Reason::TooManyPixels])),
            Some(InjectedFault::Truncated) => Expectation::Rejected(reasons(&[Reason::Truncated, Reason::Unreadable])),
            _ => Expectation::Scans {
                photo: Box::new(photo_columns(plan)),
                codes: plan
                    .codes
                    .iter()
                    .map(|code| CodeColumns {
                        payload: code.payload.clone(),
                        product: code.product.clone(),
                        utm_source: code.utm.source.clone(),
                        utm_medium: code.utm.medium.clone(),
                        utm_campaign: code.utm.campaign.clone(),
                    })
                    .collect(),
            },
        };
        Self {
            index: plan.index,
            due_at: None,
            put_at: None,
            bucket: bucket.to_owned(),
            key: plan.key.clone(),
            city: plan.city.to_string(),
            device: plan.device.clone(),
            products: plan.codes.iter().map(|code| code.title.to_string()).collect(),
            fault: plan.fault,
            expect,
        }
    }
}

fn photo_columns(plan: &PlannedPhoto) -> PhotoColumns {
    let picture = PhotoColumns {
        qr_count: plan.codes.len() as i32,
        width: plan.scene.width,
        height: plan.scene.height,
        format: plan.scene.format.as_str().to_owned(),
        ..PhotoColumns::default()
    };
    let Some(facts) = &plan.capture else { return picture };
    let place = PhotoColumns {
        latitude: facts.place.map(|place| place.latitude),
        longitude: facts.place.map(|place| place.longitude),
        altitude_m: facts.place.map(|place| place.altitude_m),
        camera_make: Some(facts.camera_make.to_string()),
        camera_model: Some(facts.camera_model.to_string()),
        ..picture
    };
    if !is_credible(facts.local.date(), Timestamp::now()) {
        return place;
    }
    // Another instant than the one it was taken at only in the hour that the clocks show twice.
    let known_at = facts
        .known_offset_minutes
        .map(|known| facts.taken_at + SignedDuration::from_mins(i64::from(facts.offset_minutes) - i64::from(known)));
    PhotoColumns {
        captured_at: known_at.map(utc_millis),
        captured_local: Some(format!("{:.3}", facts.local)),
        utc_offset_minutes: facts.known_offset_minutes,
        local_date: Some(facts.local.date().to_string()),
        local_hour: Some(facts.local.hour().into()),
        local_weekday: Some(facts.local.weekday().to_monday_one_offset().into()),
        ..place
    }
}

/// Whether a capture date is one that a row may have: not before 1990, and not after tomorrow. Photos of a story that
/// plays later are read without their time.
fn is_credible(day: civil::Date, now: Timestamp) -> bool {
    let today = Offset::UTC.to_datetime(now).date();
    day.year() >= 1990 && today.tomorrow().is_ok_and(|tomorrow| day <= tomorrow)
}

/// The last line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seal {
    /// Photo lines above.
    pub photos: u64,
    /// Whether those are all photos of the story.
    pub complete: bool,
}

/// A line; `P` is what is wanted of a photo.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeyLine<P> {
    Header(Header),
    Photo(P),
    Sealed(Seal),
}

/// The name of a key that is not sealed yet.
pub(super) fn partial(path: &Path) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// The error for a key that would be overwritten.
pub fn is_there(path: &Path) -> Error {
    Error::permanent(format!("there is an answer key `{}` already, of an earlier pump", path.display())).with_hint(
        "name another file with --key-file (`verify --key` takes several files or a folder), or move this one away if \
         its photos need no more verifying",
    )
}

/// Writes a key, line by line.
#[derive(Debug)]
pub struct KeyWriter {
    file: BufWriter<File>,
    path: PathBuf,
    photos: u64,
}

impl KeyWriter {
    /// Begins a key that will be called `path`.
    ///
    /// # Errors
    /// A key is there already, or another pump is writing it: what it names would no longer be verified.
    pub fn create(path: &Path, header: Header) -> Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| Error::io("cannot make folder", folder, error))?;
        }
        let unsealed = partial(path);
        let failed = |error| Error::io("cannot write", &unsealed, error);
        // Not truncated: it may be another pump's.
        let file = File::options().write(true).create(true).truncate(false).open(&unsealed).map_err(failed)?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let message = format!("another pump is writing the answer key `{}`", path.display());
                return Err(Error::permanent(message).with_hint("name another file with --key-file"));
            }
            // A file system without locks.
            Err(_) => tracing::debug!(path = %unsealed.display(), "the answer key cannot be locked"),
        }
        if std::fs::symlink_metadata(path).is_ok() {
            if file.metadata().is_ok_and(|made| made.len() == 0) {
                std::fs::remove_file(&unsealed).map_err(failed)?;
            }
            return Err(is_there(path));
        }
        file.set_len(0).map_err(failed)?;
        let mut writer = Self { file: BufWriter::new(file), path: path.to_owned(), photos: 0 };
        writer.line(&KeyLine::Header(header))?;
        Ok(writer)
    }

    /// Adds a photo.
    pub fn push(&mut self, photo: ExpectedPhoto) -> Result<()> {
        self.line(&KeyLine::Photo(photo))?;
        self.photos += 1;
        Ok(())
    }

    /// Ends the key and gives it its name.
    pub fn seal(mut self, complete: bool) -> Result<()> {
        let photos = self.photos;
        self.line(&KeyLine::Sealed(Seal { photos, complete }))?;
        let unsealed = partial(&self.path);
        let failed = |error| Error::io("cannot write", &unsealed, error);
        self.file.flush().map_err(failed)?;
        self.file.get_ref().sync_all().map_err(failed)?;
        std::fs::rename(&unsealed, &self.path).map_err(|error| Error::io("cannot rename to", &self.path, error))
    }

    fn line(&mut self, line: &KeyLine<ExpectedPhoto>) -> Result<()> {
        let mut text = serde_json::to_vec(line)
            .map_err(|error| Error::bug("cannot encode an answer key line").with_source(error))?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(|error| Error::io("cannot write", &partial(&self.path), error))
    }
}

/// The header of a run's key.
pub fn header_of(plan: &RunPlan) -> Header {
    Header { run: plan.run.clone(), ..header(&plan.source.name, &plan.story, &plan.bucket, &plan.prefix) }
}

/// The header of a story's key.
pub fn header(story: &str, options: &super::story::StoryOptions, bucket: &str, prefix: &str) -> Header {
    Header {
        version: VERSION,
        story: story.to_owned(),
        run: None,
        seed: options.seed,
        count: options.count,
        size: options.size,
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
    }
}
