//! The rows of a photo: its scans, or its one rejection.

use std::collections::HashMap;

use h3o::{LatLng, Resolution};
use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};

use super::columns::text_cap;
use super::payload::{self, Payload};
use super::photo::hash_128;
use super::text::{fit, fit_some};
use super::{Capture, Code, PhotoRef, PlaceName, Reading, Reason, Rejection};

/// Where a row comes from: shared by scans and rejections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each field is a column; `columns.rs` says what it means")]
pub struct Lineage {
    pub photo_id: String,
    /// Empty until the batch writer puts the row into a batch.
    pub batch_id: String,
    pub revision: i64,
    pub bucket: String,
    pub object_key: String,
    pub version_id: Option<String>,
    pub etag: Option<String>,
    pub size_bytes: Option<i64>,
    pub sequencer: Option<String>,
    pub uploaded_at: Option<String>,
    pub processed_at: String,
    pub engine_version: String,
}

/// One code read in one photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each field is a column; `columns.rs` says what it means")]
pub struct ScanRow {
    pub scan_id: String,
    #[serde(flatten)]
    pub lineage: Lineage,
    pub payload: String,
    pub payload_kind: String,
    pub text_encoding: Option<String>,
    pub symbology: Option<String>,
    pub product_url: Option<String>,
    pub url_host: Option<String>,
    pub url_path: Option<String>,
    pub product_id: Option<String>,
    pub product_id_source: Option<String>,
    pub url_count: Option<i64>,
    pub gtin: Option<String>,
    pub utm_source: Option<String>,
    pub utm_medium: Option<String>,
    pub utm_campaign: Option<String>,
    pub captured_at: Option<String>,
    pub captured_local: Option<String>,
    pub utc_offset_minutes: Option<i64>,
    pub captured_at_source: String,
    pub local_date: Option<String>,
    pub local_hour: Option<i64>,
    pub local_weekday: Option<i64>,
    pub latitude: Option<f64>,
    pub longitude: Option<f64>,
    pub altitude_m: Option<f64>,
    pub geo_source: String,
    pub h3_cell: Option<String>,
    pub country: Option<String>,
    pub region: Option<String>,
    pub city: Option<String>,
    pub place_name_source: Option<String>,
    pub camera_make: Option<String>,
    pub camera_model: Option<String>,
    pub qr_index: i64,
    pub qr_count: i64,
    pub more_codes_likely: Option<i64>,
    pub qr_version: Option<i64>,
    pub ecc_level: Option<String>,
    pub ecc_used: Option<f64>,
    pub part_index: Option<i64>,
    pub part_count: Option<i64>,
    pub part_parity: Option<i64>,
    pub rung: String,
    pub decode_ms: f64,
    pub width: i64,
    pub height: i64,
    pub format: String,
}

/// One photo that gave no scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each field is a column; `columns.rs` says what it means")]
pub struct RejectionRow {
    #[serde(flatten)]
    pub lineage: Lineage,
    pub stage: String,
    pub reason: String,
    pub detail: String,
}

/// One line of a batch object. `row_kind` tells the loader which table it goes to, so that all rows of a photo can
/// be in one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "row_kind", rename_all = "snake_case")]
pub enum Row {
    /// A scan.
    Scan(Box<ScanRow>),
    /// A rejection.
    Rejection(Box<RejectionRow>),
}

impl Row {
    /// Where the row comes from.
    pub fn lineage(&self) -> &Lineage {
        match self {
            Row::Scan(scan) => &scan.lineage,
            Row::Rejection(rejection) => &rejection.lineage,
        }
    }

    /// Whether the row is a final answer for its photo: a scan, or a rejection whose cause lies in the bytes. A rejection
    /// of the moment gives way to the first final answer that comes. A reason this version does not know is a newer
    /// one's, and taken as final.
    pub fn is_final(&self) -> bool {
        match self {
            Row::Scan(_) => true,
            Row::Rejection(rejection) => !Reason::parse(&rejection.reason).is_some_and(Reason::is_passing),
        }
    }

    /// [`Row::lineage`], to be changed.
    pub fn lineage_mut(&mut self) -> &mut Lineage {
        match self {
            Row::Scan(scan) => &mut scan.lineage,
            Row::Rejection(rejection) => &mut rejection.lineage,
        }
    }
}

/// H3 resolution of `h3_cell`: about 5 km², a town quarter.
const H3_RESOLUTION: Resolution = Resolution::Seven;

/// The rows of a photo from what the decoder found: one per code, or the one rejection. Never empty.
///
/// A reading without codes and without a reason is the decoder's mistake; it becomes a `no_code` rejection all the
/// same, because a photo must not vanish. `photo_id` follows from `photo` as given: a caller that knows the eTag of the
/// bytes it read sets it first.
pub fn rows_of(photo: &PhotoRef, reading: &Reading, revision: i64, processed_at: Timestamp) -> Vec<Row> {
    if let Some(reject) = &reading.reject {
        let detail = reject.detail.clone() + &taken(&reading.capture);
        return vec![rejection_of(photo, &Rejection::new(reject.reason, detail), revision, processed_at)];
    }
    if reading.codes.is_empty() {
        let reject = Rejection::new(Reason::NoCode, "no code, and the decoder gave no reason");
        return vec![rejection_of(photo, &reject, revision, processed_at)];
    }
    let shared = PhotoColumns {
        lineage: lineage(photo, revision, processed_at),
        when: When::of(&reading.capture),
        place: PlaceColumns::of(&reading.capture),
        reading,
    };
    let mut seen: HashMap<String, u32> = HashMap::new();
    let scans = reading.codes.iter().enumerate().map(|(index, code)| {
        let payload = payload::of(code, &reading.codes);
        let before = seen.entry(payload.stored.clone()).or_default();
        let scan_id = scan_id(&shared.lineage.photo_id, &payload.stored, *before);
        *before += 1;
        Row::Scan(Box::new(shared.scan(scan_id, index, code, payload)))
    });
    scans.collect()
}

/// Id of the scan of `payload` (as stored) that comes after `before` equal ones in its photo. Other codes, and the
/// order in which they were found, play no part.
fn scan_id(photo_id: &str, payload: &str, before: u32) -> String {
    hash_128(&[photo_id, payload, &before.to_string()])
}

/// What all scans of one photo have in common.
struct PhotoColumns<'a> {
    lineage: Lineage,
    when: When,
    place: PlaceColumns,
    reading: &'a Reading,
}

impl PhotoColumns<'_> {
    fn scan(&self, scan_id: String, index: usize, code: &Code, payload: Payload) -> ScanRow {
        let PhotoColumns { lineage, when, place, reading } = self;
        let capture = &reading.capture;
        ScanRow {
            scan_id,
            lineage: lineage.clone(),
            payload: payload.stored,
            payload_kind: payload.kind.to_owned(),
            text_encoding: fit_some(&code.text_encoding, TEXT_ENCODING),
            symbology: fit_some(code.symbology, SYMBOLOGY),
            product_url: payload.product_url,
            url_host: payload.url_host,
            url_path: payload.url_path,
            product_id: payload.product_id,
            product_id_source: Some(payload.product_id_source.as_str().to_owned()),
            url_count: Some(i64::from(payload.url_count)),
            gtin: payload.gtin,
            utm_source: payload.utm_source,
            utm_medium: payload.utm_medium,
            utm_campaign: payload.utm_campaign,
            captured_at: when.at.clone(),
            captured_local: when.local.clone(),
            utc_offset_minutes: capture.utc_offset_minutes.map(i64::from),
            captured_at_source: fit(capture.captured_at_source.unwrap_or("none"), CAPTURED_AT_SOURCE),
            local_date: when.date.clone(),
            local_hour: when.hour,
            local_weekday: when.weekday,
            latitude: place.latitude,
            longitude: place.longitude,
            altitude_m: place.altitude_m,
            geo_source: fit(place.source, GEO_SOURCE),
            h3_cell: place.h3_cell.clone(),
            country: place.name.country.map(str::to_owned),
            region: place.name.region.map(str::to_owned),
            city: place.name.city.map(str::to_owned),
            place_name_source: place.name.source.map(str::to_owned),
            camera_make: capture.camera_make.as_deref().and_then(|make| fit_some(make, CAMERA_MAKE)),
            camera_model: capture.camera_model.as_deref().and_then(|model| fit_some(model, CAMERA_MODEL)),
            qr_index: count(index),
            qr_count: count(reading.codes.len()),
            more_codes_likely: Some(i64::from(reading.more_codes_likely)),
            qr_version: code.qr_version.filter(|version| (1..=40).contains(version)).map(i64::from),
            ecc_level: code.ecc_level.filter(|level| "LMQH".contains(*level)).map(String::from),
            ecc_used: code.ecc_used.and_then(|used| rounded(f64::from(used.clamp(0.0, 1.0)), 1e3)),
            part_index: code.sequence.and_then(|sequence| sequence.index).map(i64::from),
            part_count: code.sequence.map(|sequence| i64::from(sequence.count)),
            part_parity: code.sequence.map(|sequence| i64::from(sequence.parity)),
            rung: fit(code.rung, RUNG),
            // JSON has no NaN: it would be written as null, which the column refuses.
            decode_ms: rounded(reading.decode_ms, 1e3).filter(|ms| *ms >= 0.0).unwrap_or(0.0),
            width: reading.width.map_or(0, i64::from),
            height: reading.height.map_or(0, i64::from),
            format: reading.format.map_or("unknown", |format| format.as_str()).to_owned(),
        }
    }
}

/// The time columns.
struct When {
    at: Option<String>,
    local: Option<String>,
    date: Option<String>,
    hour: Option<i64>,
    weekday: Option<i64>,
}

impl When {
    fn of(capture: &Capture) -> When {
        let local: Option<civil::DateTime> = capture.captured_local.filter(|local| is_common_era(local.year()));
        When {
            at: capture.captured_at.and_then(instant),
            local: local.map(|local| format!("{local:.3}")),
            date: local.map(|local| local.date().to_string()),
            // Midnight then only stands for the day.
            hour: local.filter(|_| !capture.is_date_only()).map(|local| i64::from(local.hour())),
            weekday: local.map(|local| i64::from(local.weekday().to_monday_one_offset())),
        }
    }
}

/// The place columns. The place is the photo's own: a code's `geo:` payload says where it points, not where it hangs.
struct PlaceColumns {
    latitude: Option<f64>,
    longitude: Option<f64>,
    altitude_m: Option<f64>,
    h3_cell: Option<String>,
    name: PlaceName,
    source: &'static str,
}

impl PlaceColumns {
    fn of(capture: &Capture) -> PlaceColumns {
        let altitude_m = capture.altitude_m.and_then(|altitude| rounded(altitude, 1e3));
        let source = capture.geo_source.unwrap_or("none");
        let nowhere = |source| PlaceColumns {
            latitude: None,
            longitude: None,
            altitude_m,
            h3_cell: None,
            name: PlaceName::default(),
            source,
        };
        match (capture.latitude, capture.longitude) {
            (None, None) => nowhere(source),
            (Some(latitude), Some(longitude)) if latitude.abs() <= 90.0 && longitude.abs() <= 180.0 => PlaceColumns {
                latitude: rounded(latitude, 1e7),
                longitude: rounded(longitude, 1e7),
                altitude_m,
                h3_cell: LatLng::new(latitude, longitude).ok().map(|at| at.to_cell(H3_RESOLUTION).to_string()),
                name: capture.place_name,
                source,
            },
            // EXIF reading refuses these already; a half or impossible place would still break every map.
            _ => nowhere("refused:no_place_on_earth"),
        }
    }
}

const TEXT_ENCODING: usize = text_cap("text_encoding");
const SYMBOLOGY: usize = text_cap("symbology");
const CAPTURED_AT_SOURCE: usize = text_cap("captured_at_source");
const GEO_SOURCE: usize = text_cap("geo_source");
const CAMERA_MAKE: usize = text_cap("camera_make");
const CAMERA_MODEL: usize = text_cap("camera_model");
const RUNG: usize = text_cap("rung");
const DETAIL: usize = text_cap("detail");
const BUCKET: usize = text_cap("bucket");
const OBJECT_KEY: usize = text_cap("object_key");
const VERSION_ID: usize = text_cap("version_id");
const ETAG: usize = text_cap("etag");
const SEQUENCER: usize = text_cap("sequencer");

/// The one rejection row of a photo that never reached the decoder, or failed there.
pub fn rejection_of(photo: &PhotoRef, reject: &Rejection, revision: i64, processed_at: Timestamp) -> Row {
    Row::Rejection(Box::new(RejectionRow {
        lineage: lineage(photo, revision, processed_at),
        stage: reject.reason.stage().as_str().to_owned(),
        reason: reject.reason.as_str().to_owned(),
        detail: fit(&reject.detail, DETAIL),
    }))
}

/// When and where a photo without a scan was taken, as the end of its detail: a rejection has no columns for it.
fn taken(capture: &Capture) -> String {
    let (when, place) = (When::of(capture), PlaceColumns::of(capture));
    let mut words = Vec::new();
    // The instant before the wall clock: the clock alone does not say when it was.
    words.extend(when.at.or(when.local));
    words
        .extend(place.latitude.zip(place.longitude).map(|(latitude, longitude)| format!("at {latitude}, {longitude}")));
    if words.is_empty() { String::new() } else { format!("; taken {}", words.join(" ")) }
}

fn lineage(photo: &PhotoRef, revision: i64, processed_at: Timestamp) -> Lineage {
    let some = |text: &Option<String>, cap| text.as_deref().and_then(|text| fit_some(text, cap));
    Lineage {
        photo_id: photo.id().0,
        batch_id: String::new(),
        revision,
        bucket: fit(&photo.bucket, BUCKET),
        object_key: fit(&photo.key, OBJECT_KEY),
        version_id: some(&photo.version_id, VERSION_ID),
        etag: some(&photo.etag, ETAG),
        size_bytes: photo.size_bytes.and_then(|size| i64::try_from(size).ok()),
        sequencer: some(&photo.sequencer, SEQUENCER),
        uploaded_at: photo.uploaded_at.and_then(instant),
        processed_at: utc_millis(processed_at),
        engine_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// An instant as every row and file of scanmill writes it: `2026-11-22T15:40:00.123Z`.
pub fn utc_millis(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// [`utc_millis`] of a time that came from outside: a year before 1 has no form that every warehouse reads.
fn instant(at: Timestamp) -> Option<String> {
    is_common_era(at.to_zoned(jiff::tz::TimeZone::UTC).year()).then(|| utc_millis(at))
}

fn is_common_era(year: i16) -> bool {
    year >= 1
}

/// A figure rounded to one part in `parts` (degrees to 1e7, a centimetre; metres and milliseconds to 1e3), or `None`
/// when it is not a measure of anything. Few enough digits that every JSON reader gives back the very same number, which
/// `serde_json` by default does not promise for a float's full 17.
fn rounded(figure: f64, parts: f64) -> Option<f64> {
    (figure.abs() <= 1e9).then(|| (figure * parts).round() / parts)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
