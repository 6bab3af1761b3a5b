//! Rows: scan ids, columns against structs, caps, and what odd readings become.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{Timestamp, civil};
use proptest::prelude::*;
use scanmill_core::domain::columns::{Column, ColumnType, rejection_columns, scan_columns};
use scanmill_core::domain::row::{rejection_of, rows_of};
use scanmill_core::domain::{
    Capture, Code, Format, PhotoRef, PlaceName, Reading, Reason, Rejection, RejectionRow, Row, ScanRow,
};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

fn photo() -> PhotoRef {
    PhotoRef {
        bucket: "inbox".into(),
        key: "2026/a+b.jpg".into(),
        version_id: None,
        etag: Some("d41d8cd98f00b204e9800998ecf8427e".into()),
        size_bytes: Some(48_213),
        sequencer: Some("0055AED6DCD90281E5".into()),
        uploaded_at: Some(at("2026-11-22T15:40:00.9Z")),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn code(text: &str) -> Code {
    Code {
        text: text.into(),
        text_encoding: "ascii".into(),
        symbology: "]Q1",
        sequence: None,
        rung: "full",
        corners: [[0.0; 2]; 4],
        qr_version: Some(3),
        ecc_level: Some('M'),
        ecc_used: Some(0.25),
    }
}

fn reading(texts: &[&str]) -> Reading {
    Reading {
        format: Some(Format::Jpeg),
        width: Some(4000),
        height: Some(3000),
        more_codes_likely: false,
        codes: texts.iter().map(|text| code(text)).collect(),
        rungs: Vec::new(),
        capture: Capture::default(),
        reject: None,
        is_stalled: false,
        decode_ms: 12.5,
    }
}

fn full_capture() -> Capture {
    Capture {
        captured_at: Some(at("2026-11-22T15:40:00.1239Z")),
        captured_local: Some(civil::date(2026, 11, 22).at(16, 40, 0, 123_900_000)),
        utc_offset_minutes: Some(60),
        captured_at_source: Some("exif_original+offset"),
        latitude: Some(48.137_154),
        longitude: Some(11.576_124),
        altitude_m: Some(519.0),
        geo_source: Some("exif_gps"),
        place_name: PlaceName {
            country: Some("DE"),
            region: Some("02"),
            city: Some("München"),
            source: Some("zone+geonames"),
        },
        camera_make: Some("Make".into()),
        camera_model: Some("Model".into()),
    }
}

fn scans_of(reading: &Reading) -> Vec<ScanRow> {
    let rows = rows_of(&photo(), reading, 0, at("2026-11-22T15:41:00Z"));
    let scans = rows.into_iter().map(|row| match row {
        Row::Scan(scan) => *scan,
        Row::Rejection(rejection) => panic!("{rejection:?}"),
    });
    scans.collect()
}

fn rejection(reading: &Reading) -> RejectionRow {
    let mut rows = rows_of(&photo(), reading, 2, at("2026-11-22T15:41:00Z"));
    match (rows.pop(), rows.is_empty()) {
        (Some(Row::Rejection(rejection)), true) => *rejection,
        other => panic!("{other:?}"),
    }
}

/// The fields of a JSON object in the order they are written, which `serde_json::Map` does not keep.
struct Fields(Vec<(String, Value)>);

impl Fields {
    fn of(row: &Row) -> Fields {
        let line = serde_json::to_string(row).unwrap();
        serde_json::Deserializer::from_str(&line).deserialize_map(FieldsVisitor).unwrap()
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}

/// Names, order, types, caps, and which may be null.
fn assert_fits<'a>(row: &Row, kind: &str, columns: impl Iterator<Item = &'a Column>) {
    let fields = Fields::of(row).0;
    assert_eq!(fields[0], ("row_kind".to_owned(), Value::from(kind)));
    let columns: Vec<&Column> = columns.collect();
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    assert_eq!(fields[1..].iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names);
    for (column, (name, value)) in columns.iter().zip(&fields[1..]) {
        let fits = match (column.kind, value) {
            (_, Value::Null) => !column.required,
            (ColumnType::Text(cap), Value::String(text)) => text.len() <= cap as usize && !text.contains('\0'),
            (ColumnType::Integer, value) => value.is_i64(),
            (ColumnType::Real, value) => value.is_f64(),
            (ColumnType::Timestamp, Value::String(text)) => {
                text.len() == 24 && text.ends_with('Z') && text.parse::<Timestamp>().is_ok()
            }
            (ColumnType::LocalTimestamp, Value::String(text)) => {
                text.len() == 23 && text.parse::<civil::DateTime>().is_ok()
            }
            (ColumnType::Date, Value::String(text)) => text.len() == 10 && text.parse::<civil::Date>().is_ok(),
            _ => false,
        };
        assert!(fits, "{name} = {value} in {column:?}");
    }
}

#[test]
fn rows_have_the_columns_in_their_order() {
    let full = Reading { capture: full_capture(), ..reading(&["https://x.de/01/4006381333931?utm_source=a"]) };
    for reading in [full, reading(&["text"])] {
        for row in rows_of(&photo(), &reading, 0, Timestamp::UNIX_EPOCH) {
            assert_fits(&row, "scan", scan_columns());
        }
    }
    let row = rejection_of(&photo(), &Rejection::new(Reason::Truncated, "at byte 3"), 0, Timestamp::UNIX_EPOCH);
    assert_fits(&row, "rejection", rejection_columns());
}

#[test]
fn a_whole_scan_row() {
    let scan = &scans_of(&Reading { capture: full_capture(), ..reading(&["https://x.de/p/1"]) })[0];
    assert_eq!(scan.captured_at.as_deref(), Some("2026-11-22T15:40:00.123Z"));
    assert_eq!(scan.captured_local.as_deref(), Some("2026-11-22T16:40:00.123"));
    assert_eq!(scan.utc_offset_minutes, Some(60));
    assert_eq!(scan.local_date.as_deref(), Some("2026-11-22"));
    assert_eq!((scan.local_hour, scan.local_weekday), (Some(16), Some(7)), "a Sunday");
    assert_eq!((scan.captured_at_source.as_str(), scan.geo_source.as_str()), ("exif_original+offset", "exif_gps"));
    assert_eq!(scan.h3_cell.as_deref(), Some("871f8d7a4ffffff"));
    assert_eq!((scan.country.as_deref(), scan.region.as_deref()), (Some("DE"), Some("02")));
    assert_eq!((scan.city.as_deref(), scan.place_name_source.as_deref()), (Some("München"), Some("zone+geonames")));
    assert_eq!((scan.qr_index, scan.qr_count, scan.qr_version), (0, 1, Some(3)));
    assert_eq!(scan.more_codes_likely, Some(0));
    assert_eq!(scan.product_id.as_deref(), Some("1"));
    assert_eq!(scan.lineage.uploaded_at.as_deref(), Some("2026-11-22T15:40:00.900Z"));
    assert_eq!(scan.lineage.processed_at, "2026-11-22T15:41:00.000Z");
    assert_eq!(scan.lineage.photo_id, photo().id().0);
    // Warehouses hold rows under these ids: a change here doubles every one of them.
    assert_eq!(scan.scan_id, "c6ea824f4421582b2c1beb40250bb4b0");
}

#[test]
fn a_photo_without_exif_says_none_and_a_geo_payload_is_no_place() {
    let scan = &scans_of(&reading(&["geo:48.1,11.5"]))[0];
    assert_eq!((scan.captured_at_source.as_str(), scan.geo_source.as_str()), ("none", "none"));
    assert_eq!((scan.latitude, scan.longitude, scan.h3_cell.as_deref()), (None, None, None));
    assert_eq!(scan.payload_kind, "geo");
}

#[test]
fn values_no_warehouse_takes_are_left_out() {
    let odd = Reading {
        decode_ms: f64::NAN,
        codes: vec![Code { qr_version: Some(77), ecc_level: Some('é'), ecc_used: Some(f32::NAN), ..code("x") }],
        capture: Capture {
            captured_at: Some(Timestamp::MIN),
            captured_local: Some(civil::date(-5, 1, 1).at(0, 0, 0, 0)),
            latitude: Some(f64::NAN),
            longitude: Some(11.0),
            altitude_m: Some(f64::INFINITY),
            geo_source: Some("exif_gps"),
            camera_make: Some("m\0".repeat(400)),
            camera_model: Some(String::new()),
            ..Capture::default()
        },
        ..reading(&[])
    };
    let huge = PhotoRef {
        key: "ä".repeat(5_000),
        etag: Some("e".repeat(500)),
        size_bytes: Some(u64::MAX),
        uploaded_at: Some(Timestamp::MIN),
        ..photo()
    };
    let rows = rows_of(&huge, &odd, 0, Timestamp::UNIX_EPOCH);
    assert_fits(&rows[0], "scan", scan_columns());
    let Row::Scan(scan) = &rows[0] else { panic!("{rows:?}") };
    assert_eq!((scan.latitude, scan.longitude, scan.altitude_m), (None, None, None));
    assert_eq!(scan.geo_source, "refused:no_place_on_earth");
    assert_eq!((scan.decode_ms, scan.qr_version, scan.ecc_level.as_deref()), (0.0, None, None));
    assert_eq!(scan.ecc_used, None);
    assert_eq!((scan.text_encoding.as_deref(), scan.symbology.as_deref()), (Some("ascii"), Some("]Q1")));
    assert_eq!((scan.captured_at.as_deref(), scan.local_date.as_deref(), scan.local_hour), (None, None, None));
    assert_eq!((scan.lineage.size_bytes, scan.lineage.uploaded_at.as_deref()), (None, None));
    assert_eq!(scan.camera_model, None);
    assert_eq!(scan.lineage.photo_id, huge.id().0, "the id is of the whole key");
}

#[test]
fn half_and_impossible_places_are_refused() {
    for (latitude, longitude) in
        [(Some(1.0), None), (None, Some(1.0)), (Some(90.1), Some(0.0)), (Some(0.0), Some(-180.5))]
    {
        let capture = Capture { latitude, longitude, geo_source: Some("exif_gps"), ..Capture::default() };
        let scan = &scans_of(&Reading { capture, ..reading(&["x"]) })[0];
        assert_eq!(
            (scan.latitude, scan.longitude, scan.geo_source.as_str()),
            (None, None, "refused:no_place_on_earth")
        );
    }
    let capture = Capture { geo_source: Some("refused:zero_denominator"), ..Capture::default() };
    assert_eq!(scans_of(&Reading { capture, ..reading(&["x"]) })[0].geo_source, "refused:zero_denominator");
}

#[test]
fn a_reading_without_codes_is_one_rejection() {
    let truncated = Reading { reject: Some(Rejection::new(Reason::Truncated, "x".repeat(9_000))), ..reading(&[]) };
    let row = rejection(&truncated);
    assert_eq!((row.stage.as_str(), row.reason.as_str(), row.detail.len()), ("decode", "truncated", 4096));
    assert_eq!((row.lineage.revision, row.lineage.photo_id), (2, photo().id().0));

    let silent = rejection(&reading(&[]));
    assert_eq!(
        (silent.reason.as_str(), silent.detail.as_str()),
        ("no_code", "no code, and the decoder gave no reason")
    );
}

#[test]
fn nothing_is_carried_from_photo_to_photo() {
    scans_of(&Reading { capture: full_capture(), ..reading(&["x"]) });
    let next = &scans_of(&reading(&["x"]))[0];
    assert_eq!((next.latitude, next.captured_at.as_deref(), next.camera_make.as_deref()), (None, None, None));
}

fn payloads() -> impl Strategy<Value = Vec<String>> {
    // Few texts, so that the same code often stands several times in a photo; two of them are stored alike.
    let text = prop_oneof![
        "[ab]{0,2}",
        Just("otpauth://totp/a?secret=X".to_owned()),
        Just("otpauth://totp/b?secret=Y".to_owned()),
        any::<String>()
    ];
    prop::collection::vec(text, 1..12)
}

/// scan_ids of each stored payload.
fn ids(texts: &[String]) -> BTreeMap<String, BTreeSet<String>> {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for scan in scans_of(&reading(&texts)) {
        assert!(ids.entry(scan.payload).or_default().insert(scan.scan_id), "ids are unique");
    }
    ids
}

proptest! {
    #[test]
    fn scan_ids_depend_on_no_other_code((texts, shuffled) in payloads().prop_flat_map(|texts| (Just(texts.clone()), Just(texts).prop_shuffle())), more in payloads()) {
        let before = ids(&texts);
        prop_assert_eq!(&ids(&shuffled), &before);
        let all: BTreeSet<&String> = before.values().flatten().collect();
        prop_assert_eq!(all.len(), texts.len());

        let mut longer = more;
        longer.extend(texts);
        let after = ids(&longer);
        for (payload, ids) in &before {
            prop_assert!(ids.is_subset(&after[payload]));
        }
    }

    #[test]
    fn any_reading_fits_the_columns(
        texts in prop::collection::vec(any::<String>(), 0..4),
        latitude in any::<Option<f64>>(),
        longitude in any::<Option<f64>>(),
        altitude_m in any::<Option<f64>>(),
        decode_ms in any::<f64>(),
        make in any::<Option<String>>(),
        millis in any::<Option<i64>>(),
        key in any::<String>(),
    ) {
        let captured_at = millis.and_then(|millis| Timestamp::from_millisecond(millis % 400_000_000_000_000).ok());
        let capture = Capture {
            latitude, longitude, altitude_m, camera_make: make, captured_at,
            captured_local: captured_at.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).datetime()),
            ..Capture::default()
        };
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let reading = Reading { capture, decode_ms, ..reading(&texts) };
        let rows = rows_of(&PhotoRef { key, ..photo() }, &reading, 0, Timestamp::UNIX_EPOCH);
        prop_assert_eq!(rows.len(), texts.len().max(1));
        for row in &rows {
            match row {
                Row::Scan(_) => assert_fits(row, "scan", scan_columns()),
                Row::Rejection(_) => assert_fits(row, "rejection", rejection_columns()),
            }
            let line = serde_json::to_string(row).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Row>(&line).unwrap(), row, "a line reads back");
        }
    }
}
