//! The EXIF block of one photo.

use std::io::Cursor;
use std::sync::Arc;

use exif::experimental::Writer;
use exif::{Field, In, Rational, Tag, Value};
use jiff::{SignedDuration, Timestamp, civil};

use scanmill_core::error::{Error, Result};

/// Where a photo was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GpsPosition {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Metres above sea level.
    pub altitude_m: f64,
}

/// What the camera knew, and how much of it it wrote down.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureFacts {
    /// The instant, to the millisecond, or to the second without sub-seconds.
    pub taken_at: Timestamp,
    /// The same on the clock of the place.
    pub local: civil::DateTime,
    /// Minutes east of UTC at that place and instant.
    pub offset_minutes: i32,
    /// Whether `OffsetTimeOriginal` is written.
    pub with_offset: bool,
    /// Whether `SubSecTimeOriginal` is written.
    pub with_subseconds: bool,
    /// Written with GPS date and time; `None` writes no GPS block.
    pub place: Option<GpsPosition>,
    /// How much older than the photo the GPS fix is.
    pub gps_lag_seconds: i64,
    /// The offset that a reader can know: the one written, or that of the place, where there is one of them.
    pub known_offset_minutes: Option<i32>,
    /// `Make`.
    pub camera_make: Arc<str>,
    /// `Model`.
    pub camera_model: Arc<str>,
    /// `BodySerialNumber`: the same in all photos of one device. `None` writes none.
    pub serial: Option<Arc<str>>,
    /// `ImageUniqueID`.
    pub unique_id: u128,
}

/// The TIFF structure that goes into a photo's EXIF segment.
///
/// # Errors
/// A value the writer cannot encode (a bug).
pub fn tiff(facts: &CaptureFacts) -> Result<Vec<u8>> {
    let mut fields = Vec::with_capacity(24);
    let mut push = |tag, value| fields.push(Field { tag, ifd_num: In::PRIMARY, value });
    let clock = facts.local.strftime("%Y:%m:%d %H:%M:%S").to_string();
    push(Tag::Make, text(&facts.camera_make));
    push(Tag::Model, text(&facts.camera_model));
    push(Tag::Orientation, Value::Short(vec![1]));
    push(Tag::DateTime, text(&clock));
    push(Tag::ExifVersion, Value::Undefined(b"0232".to_vec(), 0));
    push(Tag::DateTimeOriginal, text(&clock));
    push(Tag::DateTimeDigitized, text(&clock));
    if facts.with_subseconds {
        let ms = text(&format!("{:03}", facts.local.millisecond()));
        push(Tag::SubSecTimeOriginal, ms.clone());
        push(Tag::SubSecTimeDigitized, ms);
    }
    if facts.with_offset {
        let sign = if facts.offset_minutes < 0 { '-' } else { '+' };
        let minutes = facts.offset_minutes.abs();
        let offset = text(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
        push(Tag::OffsetTimeOriginal, offset.clone());
        push(Tag::OffsetTimeDigitized, offset);
    }
    if let Some(serial) = &facts.serial {
        push(Tag::BodySerialNumber, text(serial));
    }
    push(Tag::ImageUniqueID, text(&format!("{:032x}", facts.unique_id)));
    if let Some(place) = facts.place {
        let fix = offset_free(facts.taken_at - SignedDuration::from_secs(facts.gps_lag_seconds));
        push(Tag::GPSVersionID, Value::Byte(vec![2, 3, 0, 0]));
        push(Tag::GPSLatitudeRef, text(if place.latitude < 0.0 { "S" } else { "N" }));
        push(Tag::GPSLatitude, degrees(place.latitude));
        push(Tag::GPSLongitudeRef, text(if place.longitude < 0.0 { "W" } else { "E" }));
        push(Tag::GPSLongitude, degrees(place.longitude));
        push(Tag::GPSAltitudeRef, Value::Byte(vec![u8::from(place.altitude_m < 0.0)]));
        push(Tag::GPSAltitude, Value::Rational(vec![rational((place.altitude_m.abs() * 100.0).round() as u32, 100)]));
        push(Tag::GPSDateStamp, text(&fix.strftime("%Y:%m:%d").to_string()));
        let clock = [fix.hour(), fix.minute(), fix.second()];
        push(Tag::GPSTimeStamp, Value::Rational(clock.map(|part| rational(part.unsigned_abs().into(), 1)).to_vec()));
    }
    let mut writer = Writer::new();
    for field in &fields {
        writer.push_field(field);
    }
    let mut tiff = Cursor::new(Vec::with_capacity(1024));
    writer.write(&mut tiff, false).map_err(|error| Error::bug("cannot encode EXIF").with_source(error))?;
    Ok(tiff.into_inner())
}

fn text(value: &str) -> Value {
    Value::Ascii(vec![value.as_bytes().to_vec()])
}

fn rational(num: u32, denom: u32) -> Rational {
    Rational { num, denom }
}

/// Degrees, minutes and hundredths of a second, as phones write them: 0.3 m.
fn degrees(value: f64) -> Value {
    let hundredths = (value.abs() * 360_000.0).round() as u32;
    Value::Rational(vec![
        rational(hundredths / 360_000, 1),
        rational(hundredths / 6_000 % 60, 1),
        rational(hundredths % 6_000, 100),
    ])
}

fn offset_free(at: Timestamp) -> civil::DateTime {
    jiff::tz::Offset::UTC.to_datetime(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(place: Option<GpsPosition>) -> CaptureFacts {
        let taken_at: Timestamp = "2026-03-14T23:10:05.042Z".parse().unwrap();
        CaptureFacts {
            taken_at,
            local: civil::date(2026, 3, 14).at(20, 40, 5, 42_000_000),
            offset_minutes: -150,
            with_offset: true,
            with_subseconds: true,
            place,
            gps_lag_seconds: 6,
            known_offset_minutes: Some(-150),
            camera_make: "Apple".into(),
            camera_model: "iPhone 15".into(),
            serial: Some("SN-7".into()),
            unique_id: 7,
        }
    }

    fn read(facts: &CaptureFacts) -> exif::Exif {
        exif::Reader::new().read_raw(tiff(facts).unwrap()).unwrap()
    }

    fn shown(exif: &exif::Exif, tag: Tag) -> Option<String> {
        exif.get_field(tag, In::PRIMARY).map(|field| field.display_value().to_string())
    }

    #[test]
    fn signs_go_into_the_references_and_the_parts_stay_positive() {
        let place = GpsPosition { latitude: -33.4489, longitude: -70.6693, altitude_m: -3.5 };
        let exif = read(&facts(Some(place)));
        for (tag, expected) in [
            (Tag::GPSLatitudeRef, "S"),
            (Tag::GPSLatitude, "33 deg 26 min 56.04 sec"),
            (Tag::GPSLongitudeRef, "W"),
            (Tag::GPSLongitude, "70 deg 40 min 9.48 sec"),
            (Tag::GPSAltitude, "3.5"),
            (Tag::GPSDateStamp, "2026-03-14"),
            (Tag::GPSTimeStamp, "23:09:59"),
            (Tag::DateTimeOriginal, "2026-03-14 20:40:05"),
            (Tag::SubSecTimeOriginal, "\"042\""),
            (Tag::OffsetTimeOriginal, "\"-02:30\""),
        ] {
            assert_eq!(shown(&exif, tag).as_deref(), Some(expected), "{tag}");
        }
    }

    #[test]
    fn what_the_camera_did_not_write_is_not_there() {
        let exif = read(&CaptureFacts { with_offset: false, with_subseconds: false, ..facts(None) });
        for tag in [Tag::OffsetTimeOriginal, Tag::SubSecTimeOriginal, Tag::GPSLatitude, Tag::GPSTimeStamp] {
            assert_eq!(shown(&exif, tag), None, "{tag}");
        }
        assert!(shown(&exif, Tag::DateTimeOriginal).is_some());
    }
}
