//! The time of the photo: the best source that holds one.

use jiff::civil::{DateTime, Time};
use jiff::tz::Offset;
use jiff::{Timestamp, Unit};

use super::date::{self, Written};
use super::tiff::{Tag, Tiff};
use super::xmp;
use scanmill_core::domain::Capture;

/// A camera clock in EXIF: its tags, and what its sources are called.
struct Clock {
    time: Tag,
    fraction: Tag,
    offset: Tag,
    sources: Sources,
}

/// Names of a source, by how its offset is known.
#[derive(Clone, Copy)]
struct Sources {
    no_offset: &'static str,
    own_offset: &'static str,
    gps_offset: &'static str,
}

const ORIGINAL: Clock = Clock {
    time: Tag::DateTimeOriginal,
    fraction: Tag::SubSecTimeOriginal,
    offset: Tag::OffsetTimeOriginal,
    sources: Sources {
        no_offset: "exif_original",
        own_offset: "exif_original+offset",
        gps_offset: "exif_original+gps_offset",
    },
};
const DIGITIZED: Clock = Clock {
    time: Tag::DateTimeDigitized,
    fraction: Tag::SubSecTimeDigitized,
    offset: Tag::OffsetTimeDigitized,
    sources: Sources {
        no_offset: "exif_digitized",
        own_offset: "exif_digitized+offset",
        gps_offset: "exif_digitized+gps_offset",
    },
};
/// GPS time stands before it in the order of truth, so it is never left to derive this one's offset.
const MODIFIED: Clock = Clock {
    time: Tag::DateTime,
    fraction: Tag::SubSecTime,
    offset: Tag::OffsetTime,
    sources: Sources { no_offset: "exif_modified", own_offset: "exif_modified+offset", gps_offset: "exif_modified" },
};

/// Fills in the time of `capture`.
pub(super) fn read(tiff: Option<&Tiff>, xmp: Option<&[u8]>, capture: &mut Capture) {
    let gps = tiff.and_then(gps_time);
    if let Some((written, sources)) =
        tiff.and_then(|tiff| [ORIGINAL, DIGITIZED].iter().find_map(|clock| read_clock(tiff, clock)))
    {
        return set(capture, written, sources, gps);
    }
    if let Some(gps) = gps {
        capture.captured_at = Offset::UTC.to_timestamp(gps).ok();
        capture.captured_at_source = capture.captured_at.map(|_| "exif_gps_time");
        if capture.captured_at.is_some() {
            return;
        }
    }
    let xmp_time = |name, no_offset, own_offset| {
        let written = date::read(xmp::value(xmp?, name)?)?;
        Some((written, Sources { no_offset, own_offset, gps_offset: no_offset }))
    };
    let last = xmp_time("exif:DateTimeOriginal", "xmp_original", "xmp_original+offset")
        .or_else(|| xmp_time("photoshop:DateCreated", "xmp_created", "xmp_created+offset"))
        .or_else(|| read_clock(tiff?, &MODIFIED));
    if let Some((written, sources)) = last {
        set(capture, written, sources, None);
    }
}

/// A clock's reading with its fraction and offset; what is written in the time itself counts before its companions.
fn read_clock(tiff: &Tiff, clock: &Clock) -> Option<(Written, Sources)> {
    let text = |tag| tiff.find(tag).and_then(|value| value.text());
    let mut written = date::read(&text(clock.time)?)?;
    if written.local.subsec_nanosecond() == 0
        && let Some(nanoseconds) = text(clock.fraction).and_then(|digits| date::fraction(&digits))
    {
        written.local = written.local.with().subsec_nanosecond(nanoseconds).build().ok()?;
    }
    if written.offset_minutes.is_none() {
        written.offset_minutes = text(clock.offset).and_then(|offset| date::offset_minutes(&offset));
    }
    Some((written, clock.sources))
}

fn set(capture: &mut Capture, written: Written, sources: Sources, gps: Option<DateTime>) {
    let Written { local, offset_minutes } = written;
    capture.captured_local = Some(local);
    let derived = gps.and_then(|gps| offset_from_gps(local, gps));
    let (offset, source) = match (offset_minutes, derived) {
        (Some(own), _) => (Some(own), sources.own_offset),
        (None, Some(derived)) => (Some(derived), sources.gps_offset),
        (None, None) => (None, sources.no_offset),
    };
    capture.utc_offset_minutes = offset;
    capture.captured_at = offset.and_then(|minutes| instant(local, minutes));
    capture.captured_at_source = Some(source);
}

fn instant(local: DateTime, offset_minutes: i32) -> Option<Timestamp> {
    Offset::from_seconds(offset_minutes * 60).ok()?.to_timestamp(local).ok()
}

/// The GPS fix may be some minutes older than the photo; zones are whole quarters of an hour apart.
fn offset_from_gps(local: DateTime, gps: DateTime) -> Option<i32> {
    let minutes = local.since(gps).ok()?.total(Unit::Minute).ok()?;
    let quarters = (minutes / 15.0).round();
    (quarters.abs() < 1e6).then(|| quarters as i32 * 15).filter(|minutes| date::is_zone(*minutes))
}

/// The GPS clock, in UTC.
fn gps_time(tiff: &Tiff) -> Option<DateTime> {
    let date = date::date(&tiff.find(Tag::GpsDateStamp)?.text()?)?;
    let ratios = tiff.find(Tag::GpsTimeStamp)?.ratios();
    let &[hour, minute, second] = ratios.as_slice() else { return None };
    let [hour, minute, second] = [hour.value()?, minute.value()?, second.value()?];
    let whole = |value: f64, below: f64| (value.fract() == 0.0 && (0.0..below).contains(&value)).then_some(value as i8);
    let (hour, minute) = (whole(hour, 24.0)?, whole(minute, 60.0)?);
    if !(0.0..60.0).contains(&second) {
        return None;
    }
    let nanoseconds = (second.fract() * 1e9) as i32;
    Some(DateTime::from_parts(date, Time::new(hour, minute, second as i8, nanoseconds).ok()?))
}
