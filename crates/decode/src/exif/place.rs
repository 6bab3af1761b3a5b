//! The place of the photo, or why what the file says about it cannot be trusted.

use super::tiff::{Ratio, Tag, Tiff};
use scanmill_core::domain::Capture;

/// One coordinate: its tags and limits.
struct Axis {
    value: Tag,
    reference: Tag,
    /// Letters for the positive and the negative half.
    halves: [u8; 2],
    most_degrees: f64,
}

const LATITUDE: Axis =
    Axis { value: Tag::GpsLatitude, reference: Tag::GpsLatitudeRef, halves: [b'N', b'S'], most_degrees: 90.0 };
const LONGITUDE: Axis =
    Axis { value: Tag::GpsLongitude, reference: Tag::GpsLongitudeRef, halves: [b'E', b'W'], most_degrees: 180.0 };

/// Fills in the place of `capture`.
pub(super) fn read(tiff: &Tiff, capture: &mut Capture) {
    match coordinates(tiff) {
        Ok(None) => {}
        Ok(Some((latitude, longitude))) => {
            capture.latitude = Some(latitude);
            capture.longitude = Some(longitude);
            capture.altitude_m = altitude(tiff);
            capture.geo_source = Some("exif_gps");
        }
        Err(refusal) => capture.geo_source = Some(refusal),
    }
}

fn coordinates(tiff: &Tiff) -> Result<Option<(f64, f64)>, &'static str> {
    match (degrees(tiff, &LATITUDE)?, degrees(tiff, &LONGITUDE)?) {
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err("refused:incomplete"),
        (Some(latitude), Some(longitude)) if latitude == 0.0 && longitude == 0.0 => Err("refused:zero"),
        (Some(latitude), Some(longitude)) => Ok(Some((latitude, longitude))),
    }
}

fn degrees(tiff: &Tiff, axis: &Axis) -> Result<Option<f64>, &'static str> {
    let Some(value) = tiff.find(axis.value) else { return Ok(None) };
    let ratios = value.ratios();
    if ratios.is_empty() {
        return Err("refused:malformed");
    }
    // Degrees, minutes and seconds; each may be missing from the right, and the last given may have decimals.
    let mut sum = 0.0;
    for (ratio, (part, most)) in ratios.into_iter().zip([(1.0, axis.most_degrees), (60.0, 60.0), (3600.0, 60.0)]) {
        let value = ratio.value().ok_or("refused:zero_denominator")?;
        if !(0.0..=most).contains(&value) {
            return Err("refused:out_of_range");
        }
        sum += value / part;
    }
    if sum > axis.most_degrees {
        return Err("refused:out_of_range");
    }
    let reference = tiff.find(axis.reference).and_then(|value| value.text()).ok_or("refused:missing_ref")?;
    let letter = reference.bytes().next().map(|letter| letter.to_ascii_uppercase());
    if letter == Some(axis.halves[0]) {
        Ok(Some(sum))
    } else if letter == Some(axis.halves[1]) {
        // Not -0.0.
        Ok(Some(if sum == 0.0 { 0.0 } else { -sum }))
    } else {
        Err("refused:bad_ref")
    }
}

/// Metres above sea level. Without a reference it is above, as EXIF says; 1 is below, as is 3 of EXIF 3.0.
fn altitude(tiff: &Tiff) -> Option<f64> {
    let metres = tiff.find(Tag::GpsAltitude)?.ratios().first().copied().and_then(Ratio::value)?;
    let below = matches!(tiff.find(Tag::GpsAltitudeRef).and_then(|value| value.byte()), Some(1 | 3));
    Some(if below && metres > 0.0 { -metres } else { metres })
}
