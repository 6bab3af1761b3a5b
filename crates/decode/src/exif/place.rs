//! The place of the photo, or why what the file says about it cannot be trusted.

use super::degrees::{Axis, Hemisphere, LATITUDE, LONGITUDE};
use super::tags::Tags;
use super::tiff::Tag;
use super::xmp::{Property, Xmp};
use scanmill_core::domain::Capture;

/// Where a coordinate and its reference are.
struct CoordinateTags {
    axis: Axis,
    value: Tag,
    reference: Tag,
    property: Property,
    property_reference: Property,
}

const SOURCES: [CoordinateTags; 2] = [
    CoordinateTags {
        axis: LATITUDE,
        value: Tag::GpsLatitude,
        reference: Tag::GpsLatitudeRef,
        property: Property::GpsLatitude,
        property_reference: Property::GpsLatitudeRef,
    },
    CoordinateTags {
        axis: LONGITUDE,
        value: Tag::GpsLongitude,
        reference: Tag::GpsLongitudeRef,
        property: Property::GpsLongitude,
        property_reference: Property::GpsLongitudeRef,
    },
];

type Coordinates = Result<Option<(f64, f64)>, &'static str>;

/// Fills in the place of `capture`: EXIF's, or else XMP's.
pub(super) fn read(tags: &Tags, xmp: &Xmp, capture: &mut Capture) {
    let exif = tags.first_good(|tags| {
        let place = both(|source| exif_degrees(tags, source))?;
        Ok(place.map(|place| (place, altitude(tags))))
    });
    let of_xmp = both(|source| xmp_degrees(xmp, source));
    let (place, altitude_m, source) = match exif {
        // Of two places the height of one is not that of the other.
        Ok(Some((place, metres))) => {
            let is_same = of_xmp.is_ok_and(|other| other.is_none_or(|other| are_near(place, other)));
            let others = || altitude(tags).or_else(|| xmp_altitude(xmp).filter(|_| is_same));
            (Some(place), metres.or_else(others), "exif_gps")
        }
        exif => match (of_xmp, exif) {
            (Ok(Some(place)), _) => (Some(place), xmp_altitude(xmp).or_else(|| altitude(tags)), "xmp_gps"),
            (_, Err(refusal)) | (Err(refusal), _) => (None, None, refusal),
            (Ok(None), Ok(_)) => return,
        },
    };
    capture.geo_source = Some(source);
    if let Some((latitude, longitude)) = place {
        capture.latitude = Some(latitude);
        capture.longitude = Some(longitude);
        capture.altitude_m = altitude_m;
    }
}

/// Whether two places are one, told by two writers who round as they like.
fn are_near(one: (f64, f64), other: (f64, f64)) -> bool {
    const DEGREES: f64 = 0.01;
    (one.0 - other.0).abs() < DEGREES && (one.1 - other.1).abs() < DEGREES
}

fn both(degrees: impl Fn(&CoordinateTags) -> Result<Option<f64>, &'static str>) -> Coordinates {
    let [latitude, longitude] = SOURCES.map(|source| degrees(&source));
    match (latitude?, longitude?) {
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err("refused:incomplete"),
        (Some(latitude), Some(longitude)) if latitude == 0.0 && longitude == 0.0 => Err("refused:zero"),
        (Some(latitude), Some(longitude)) => Ok(Some((latitude, longitude))),
    }
}

fn exif_degrees(tags: &Tags, source: &CoordinateTags) -> Result<Option<f64>, &'static str> {
    let Some(value) = tags.find(source.value) else { return Ok(None) };
    let degrees = if value.is_text() {
        source.axis.of_text(&value.text().unwrap_or_default())?
    } else {
        source.axis.of_numbers(&value.numbers())?
    };
    let reference = tags.find(source.reference).and_then(|value| value.text());
    let reference = reference.map(|word| source.axis.half(&word));
    // A minus sign stands against a reference too: nobody writes one by accident.
    let half = match (degrees.half, reference) {
        (Some(Hemisphere::Negative), _) => Hemisphere::Negative,
        (_, Some(half)) | (Some(half), None) => half,
        (None, None) => return Err("refused:missing_ref"),
    };
    signed(degrees.size, half).map(Some)
}

fn xmp_degrees(xmp: &Xmp, source: &CoordinateTags) -> Result<Option<f64>, &'static str> {
    let Some(text) = xmp.get(source.property) else { return Ok(None) };
    let degrees = source.axis.of_text(text)?;
    // XMP has the hemisphere in the value, but some writers copy EXIF's reference; else a plain number is signed.
    let reference = || Some(source.axis.half(xmp.get(source.property_reference)?));
    signed(degrees.size, degrees.half.or_else(reference).unwrap_or(Hemisphere::Positive)).map(Some)
}

fn signed(size: f64, half: Hemisphere) -> Result<f64, &'static str> {
    match half {
        // Not -0.0.
        Hemisphere::Negative if size > 0.0 => Ok(-size),
        Hemisphere::Positive | Hemisphere::Negative => Ok(size),
        Hemisphere::Unknown => Err("refused:bad_ref"),
    }
}

/// Metres above sea level. Without a reference it is above, as EXIF says; 1 is below, as is 3 of EXIF 3.0.
fn altitude(tags: &Tags) -> Option<f64> {
    let value = tags.find(Tag::GpsAltitude)?;
    let metres = match value.is_text() {
        true => value.text()?.trim_end_matches(['m', ' ']).parse().ok().filter(|metres: &f64| metres.is_finite())?,
        false => value.number_at_start()?,
    };
    let below = tags.find(Tag::GpsAltitudeRef).and_then(|value| value.bytes().first().copied());
    Some(below_sea(metres, matches!(below, Some(1 | 3 | b'1'))))
}

fn xmp_altitude(xmp: &Xmp) -> Option<f64> {
    let text = xmp.get(Property::GpsAltitude)?;
    let metres: f64 = match text.split_once('/') {
        Some((over, under)) => over.trim().parse::<f64>().ok()? / under.trim().parse::<f64>().ok()?,
        None => text.trim().parse().ok()?,
    };
    let below = xmp.get(Property::GpsAltitudeRef).is_some_and(|reference| reference.trim() == "1");
    metres.is_finite().then(|| below_sea(metres, below))
}

fn below_sea(metres: f64, below: bool) -> f64 {
    if below && metres > 0.0 { -metres } else { metres }
}
