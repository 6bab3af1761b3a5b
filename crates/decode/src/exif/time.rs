//! The time of the photo: the best source that holds one.

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::Rules;
use super::date::{self, Written};
use super::iptc::Iptc;
use super::offset;
use super::source::{self, TimeSource};
use super::tags::Tags;
use super::tiff::Tag;
use super::value::Number;
use super::xmp::{Property, Xmp};
use super::zone::{self, Certainty, Zones};
use scanmill_core::domain::Capture;

/// A camera clock in EXIF: its tags.
struct Clock {
    source: &'static TimeSource,
    time: Tag,
    fraction: Tag,
    offset: Tag,
    /// Which number of TimeZoneOffset is its own.
    zone_hours: Option<usize>,
}

const ORIGINAL: Clock = Clock {
    source: &source::EXIF_ORIGINAL,
    time: Tag::DateTimeOriginal,
    fraction: Tag::SubSecTimeOriginal,
    offset: Tag::OffsetTimeOriginal,
    zone_hours: Some(0),
};
const DIGITIZED: Clock = Clock {
    source: &source::EXIF_DIGITIZED,
    time: Tag::DateTimeDigitized,
    fraction: Tag::SubSecTimeDigitized,
    offset: Tag::OffsetTimeDigitized,
    zone_hours: None,
};
const MODIFIED: Clock = Clock {
    source: &source::EXIF_MODIFIED,
    time: Tag::DateTime,
    fraction: Tag::SubSecTime,
    offset: Tag::OffsetTime,
    zone_hours: Some(1),
};

/// No photo of a QR code is older.
const FIRST_YEAR: i16 = 1990;
/// How far the GPS clock may be from a whole offset: it is the time of the fix, and an older one proves nothing.
const MOST_FIX_AGE: SignedDuration = SignedDuration::from_secs(90);
/// A fix so much younger than its photo shows that the camera's clock is not that of the place.
const YOUNGER_FIX: SignedDuration = SignedDuration::from_mins(15);

/// Where a file may say its time.
pub(super) struct Sources<'a> {
    pub tags: &'a Tags<'a, 'a>,
    pub xmp: &'a Xmp,
    pub iptc: &'a Iptc,
    pub png_created: Option<&'a str>,
}

/// Fills in the time of `capture`, whose place is already there.
pub(super) fn read(sources: &Sources<'_>, rules: &Rules, capture: &mut Capture) {
    let gps = gps_time(sources.tags);
    let readings = readings(sources);
    let mut refusal = None;
    let mut is_likely = |date: Date| match unlikely(date, rules.now) {
        Some(reason) => {
            refusal = refusal.or(Some(reason));
            false
        }
        None => true,
    };
    let gps = gps.filter(|gps| is_likely(gps.date()));
    let likely: Vec<_> = readings.into_iter().filter(|reading| is_likely(reading.written.local.date())).collect();

    let place = capture.latitude.zip(capture.longitude);
    let zones = || place.and_then(|(latitude, longitude)| Zones::at(latitude, longitude));
    // Dates without a time come last. The GPS clock has its place behind EXIF's own two.
    let best = likely.iter().find(|reading| !reading.written.date_only && reading.before_gps);
    let best = match (best, gps) {
        (None, Some(gps)) => return set_gps(capture, gps, rules, zones()),
        (None, None) => likely.iter().find(|reading| !reading.written.date_only),
        (best, _) => best,
    };
    if let Some(best) = best {
        // The same reading elsewhere in the file may have the offset that this one lacks.
        let second = |local: DateTime| local.with().subsec_nanosecond(0).build().ok();
        let same = |other: &&TimeReading| second(other.written.local) == second(best.written.local);
        // XMP and IPTC say Greenwich also where their writer knew no offset: there it counts with its own time only.
        let lent = |other: &TimeReading| other.written.offset_minutes.filter(|minutes| *minutes != 0 || other.is_exif);
        let own = best.written.offset_minutes.or_else(|| likely.iter().filter(same).find_map(lent));
        set(capture, best, own, gps, rules, zones);
    } else if let Some(day) = likely.first() {
        capture.captured_local = Some(day.written.local);
        capture.captured_at_source = Some(day.source.date_only);
    } else {
        capture.captured_at_source = refusal;
    }
}

/// A wall clock reading and where it is.
struct TimeReading {
    written: Written,
    source: &'static TimeSource,
    before_gps: bool,
    is_exif: bool,
}

/// All wall clock readings of the file, best first.
fn readings(sources: &Sources<'_>) -> Vec<TimeReading> {
    let &Sources { tags, xmp, iptc, png_created } = sources;
    let exif = |clock: &Clock, before_gps| {
        let written = tags.first(|tags| read_clock(tags, clock))?;
        Some(TimeReading { written, source: clock.source, before_gps, is_exif: true })
    };
    let text = |text: Option<&str>, source| {
        Some(TimeReading { written: date::read(text?)?, source, before_gps: false, is_exif: false })
    };
    let mut xmp_original = text(xmp.get(Property::DateTimeOriginal), &source::XMP_ORIGINAL);
    if let Some(reading) = &mut xmp_original {
        let companion = || offset::read(xmp.get(Property::OffsetTimeOriginal)?);
        reading.written.offset_minutes = reading.written.offset_minutes.or_else(companion);
    }
    let readings = [
        exif(&ORIGINAL, true),
        exif(&DIGITIZED, true),
        xmp_original,
        text(xmp.get(Property::DateCreated), &source::XMP_CREATED),
        text(xmp.get(Property::CreateDate), &source::XMP_DIGITIZED),
        text(xmp.get(Property::DateTimeDigitized), &source::XMP_DIGITIZED),
        text(iptc.created().as_deref(), &source::IPTC_CREATED),
        text(iptc.digitized().as_deref(), &source::IPTC_DIGITIZED),
        text(png_created, &source::PNG_CREATED),
        exif(&MODIFIED, false),
    ];
    readings.into_iter().flatten().collect()
}

/// Why nobody took a photo on that day.
fn unlikely(day: Date, now: Option<Timestamp>) -> Option<&'static str> {
    // East of UTC tomorrow has begun; a day later it has begun nowhere.
    let tomorrow = now.and_then(|now| Offset::UTC.to_datetime(now).date().tomorrow().ok()).unwrap_or(Date::MAX);
    if day.year() < FIRST_YEAR {
        Some(source::BEFORE_1990)
    } else if day > tomorrow {
        Some(source::AFTER_TOMORROW)
    } else {
        None
    }
}

/// A clock's reading with its fraction and offset; what is written in the time itself counts before its companions.
fn read_clock(tags: &Tags, clock: &Clock) -> Option<Written> {
    let text = |tag| tags.find(tag).and_then(|value| value.text());
    let mut written = date::read(&text(clock.time)?)?;
    if !written.date_only
        && written.local.subsec_nanosecond() == 0
        && let Some(digits) = tags.find(clock.fraction).and_then(|value| value.digits())
        && let Some(nanoseconds) = date::fraction(&digits)
    {
        written.local = written.local.with().subsec_nanosecond(nanoseconds).build().ok()?;
    }
    let zone_hours = || {
        let hours = tags.find(Tag::TimeZoneOffset)?.numbers().get(clock.zone_hours?)?.finite()?;
        let minutes = (hours * 60.0) as i32;
        offset::is_zone(minutes).then_some(minutes)
    };
    written.offset_minutes = written
        .offset_minutes
        .or_else(|| text(clock.offset).and_then(|offset| offset::read(&offset)))
        .or_else(zone_hours);
    Some(written)
}

fn set(
    capture: &mut Capture,
    reading: &TimeReading,
    own: Option<i32>,
    gps: Option<DateTime>,
    rules: &Rules,
    zones: impl Fn() -> Option<Zones>,
) {
    let (local, source) = (reading.written.local, reading.source);
    let (offset, name) = match own.and_then(|minutes| Offset::from_seconds(minutes * 60).ok()) {
        Some(own) => (Some(own), source.own_offset),
        None => {
            let zones = zones();
            let derived = gps.map(|gps| offset_from_gps(local, gps, zones.as_ref()));
            let of_place = zones.filter(|_| rules.place_zone).and_then(|zones| zones.offset_of(local));
            match (derived, of_place) {
                (Some(Derived::Sure(offset)), _) => (Some(offset), source.gps_offset),
                (Some(Derived::Contradicts), Some((offset, Certainty::Sure))) => {
                    (Some(offset), source.place_zone_ambiguous)
                }
                (_, Some((offset, certainty))) => (Some(offset), source.place_zone(certainty)),
                (_, None) => (None, source.no_offset),
            }
        }
    };
    capture.captured_local = Some(local);
    capture.utc_offset_minutes = offset.map(|offset| offset.seconds() / 60);
    capture.captured_at = offset.and_then(|offset| offset.to_timestamp(local).ok());
    capture.captured_at_source = Some(name);
}

/// The GPS clock is the time itself; the place says what the clocks on the wall showed.
fn set_gps(capture: &mut Capture, gps: DateTime, rules: &Rules, zones: Option<Zones>) {
    let Ok(at) = Offset::UTC.to_timestamp(gps) else { return };
    let source = &source::EXIF_GPS_TIME;
    capture.captured_at = Some(at);
    capture.captured_at_source = Some(source.no_offset);
    if let Some((offset, certainty)) = zones.filter(|_| rules.place_zone).and_then(|zones| zones.offset_at(at)) {
        capture.captured_local = Some(offset.to_datetime(at));
        capture.utc_offset_minutes = Some(offset.seconds() / 60);
        capture.captured_at_source = Some(source.place_zone(certainty));
    }
}

/// What the GPS clock says about the offset.
enum Derived {
    Sure(Offset),
    /// Nothing: the fix is older than the photo.
    Nothing,
    /// Something else than the place says.
    Contradicts,
}

/// Sure is an offset that the two clocks agree on to a minute and a half, that is in use, and that the zone of the place
/// has. A fix that happens to be old by a multiple of a quarter of an hour fails the latter two.
fn offset_from_gps(local: DateTime, gps: DateTime, zones: Option<&Zones>) -> Derived {
    const QUARTER: i64 = 15 * 60;
    let Ok(seconds) = local.since(gps).and_then(|ahead| ahead.total(jiff::Unit::Second)) else {
        return Derived::Nothing;
    };
    let quarters = (seconds / QUARTER as f64).round() as i64;
    let minutes = i32::try_from(quarters * 15).unwrap_or(i32::MAX);
    let sharp = (seconds - (quarters * QUARTER) as f64).abs() <= MOST_FIX_AGE.as_secs_f64();
    let offset = Offset::from_seconds(minutes.saturating_mul(60)).ok().filter(|_| offset::is_zone(minutes));
    if let (true, Some(offset), Ok(at)) = (sharp, offset, Offset::UTC.to_timestamp(gps)) {
        match zones {
            Some(zones) if zones.have(offset, at) => return Derived::Sure(offset),
            Some(zones) if !zones.at_sea() => return Derived::Contradicts,
            _ if zone::is_in_use(offset, at) => return Derived::Sure(offset),
            _ => {}
        }
    }
    let of_place =
        zones.and_then(|zones| zones.offset_of(local)).and_then(|(offset, _)| offset.to_timestamp(local).ok());
    match (of_place, Offset::UTC.to_timestamp(gps)) {
        (Some(taken), Ok(fix)) if fix.duration_since(taken) > YOUNGER_FIX => Derived::Contradicts,
        _ => Derived::Nothing,
    }
}

/// The GPS clock, in UTC.
fn gps_time(tags: &Tags) -> Option<DateTime> {
    tags.first(|tags| {
        let date = date::gps_date(tags.find(Tag::GpsDateStamp)?.bytes())?;
        let value = tags.find(Tag::GpsTimeStamp)?;
        if value.is_text() {
            return date::read(&format!("{date} {}", value.text()?))
                .filter(|read| !read.date_only)
                .map(|read| read.local);
        }
        let numbers: Option<Vec<f64>> = value.numbers().into_iter().map(Number::finite).collect();
        // Some writers put decimals into the hours or minutes.
        let &[hours, minutes, seconds] = numbers?.as_slice() else { return None };
        let in_range = (0.0..24.0).contains(&hours) && (0.0..60.0).contains(&minutes) && (0.0..61.0).contains(&seconds);
        let milliseconds = ((hours * 3600.0 + minutes * 60.0 + seconds) * 1e3).round() as i64;
        in_range.then(|| date.to_datetime(jiff::civil::Time::midnight()) + SignedDuration::from_millis(milliseconds))
    })
}
