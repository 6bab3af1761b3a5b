//! What a photo's EXIF and XMP become, tag by tag; broken structures; every container.

use crate::containers::{jpeg, png, raw_tiff, webp};
use exif::experimental::Writer;
use exif::{Field, In, Rational, SRational, Tag, Value};
use jiff::Timestamp;
use scanmill_core::domain::Capture;
use scanmill_decode::exif::{GEO_SOURCES, Rules, TIME_SOURCES};

/// What a file says, on the first day of 2027.
fn read(bytes: &[u8]) -> Capture {
    let capture = scanmill_decode::exif::read(bytes, &RULES);
    assert!(capture.captured_at_source.is_none_or(|source| TIME_SOURCES.contains(&source)), "{capture:?}");
    assert!(capture.geo_source.is_none_or(|source| GEO_SOURCES.contains(&source)), "{capture:?}");
    capture
}

const RULES: Rules = Rules { place_zone: true, now: Some(Timestamp::constant(1_798_761_600, 0)) };

/// EXIF by kamadak's writer, in either byte order.
fn exif(fields: &[Field], little: bool) -> Vec<u8> {
    let mut writer = Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    let mut out = std::io::Cursor::new(Vec::new());
    writer.write(&mut out, little).unwrap();
    out.into_inner()
}

fn field(tag: Tag, value: Value) -> Field {
    Field { tag, ifd_num: In::PRIMARY, value }
}

fn text(tag: Tag, text: &str) -> Field {
    field(tag, Value::Ascii(vec![text.as_bytes().to_vec()]))
}

fn ratios(tag: Tag, ratios: &[(u32, u32)]) -> Field {
    field(tag, Value::Rational(ratios.iter().map(|&(num, denom)| Rational { num, denom }).collect()))
}

fn capture(fields: &[Field]) -> Capture {
    let big = read(&exif(fields, false));
    assert_eq!(big, read(&exif(fields, true)), "byte order must not matter");
    big
}

/// Time as `(captured_at, captured_local, offset, source)`.
fn time(capture: &Capture) -> (Option<String>, Option<String>, Option<i32>, Option<&'static str>) {
    (
        capture.captured_at.map(|at: Timestamp| format!("{at:.3}")),
        capture.captured_local.map(|local| local.to_string()),
        capture.utc_offset_minutes,
        capture.captured_at_source,
    )
}

fn expect(
    at: &str,
    local: &str,
    offset: Option<i32>,
    source: &'static str,
) -> (Option<String>, Option<String>, Option<i32>, Option<&'static str>) {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    (some(at), some(local), offset, Some(source))
}

fn gps_clock(date: &str, time: [(u32, u32); 3]) -> [Field; 2] {
    [text(Tag::GPSDateStamp, date), ratios(Tag::GPSTimeStamp, &time)]
}

#[test]
fn the_order_of_truth_for_time() {
    let original = text(Tag::DateTimeOriginal, "2026:11:22 16:40:00");
    let digitized = text(Tag::DateTimeDigitized, "2026:11:23 01:02:03");
    let modified = text(Tag::DateTime, "2026:12:01 00:00:00");
    let blank = text(Tag::DateTimeOriginal, "    :  :     :  :  ");
    let zeros = text(Tag::DateTimeOriginal, "0000:00:00 00:00:00");
    let invalid = text(Tag::DateTimeOriginal, "2026:02:30 10:00:00");
    let [gps_date, gps_time] = gps_clock("2026:11:22", [(15, 1), (39, 1), (4500, 100)]);

    let cases: Vec<(Vec<Field>, _)> = vec![
        (
            vec![
                original.clone(),
                text(Tag::SubSecTimeOriginal, "123"),
                text(Tag::OffsetTimeOriginal, "+01:00"),
                digitized.clone(),
                modified.clone(),
            ],
            expect("2026-11-22T15:40:00.123Z", "2026-11-22T16:40:00.123", Some(60), "exif_original+offset"),
        ),
        (
            // The digits as a number.
            vec![original.clone(), Field { value: Value::Short(vec![50]), ..text(Tag::SubSecTimeOriginal, "") }],
            expect("", "2026-11-22T16:40:00.5", None, "exif_original"),
        ),
        (
            vec![original.clone(), gps_date.clone(), gps_time.clone()],
            expect("2026-11-22T15:40:00.000Z", "2026-11-22T16:40:00", Some(60), "exif_original+gps_offset"),
        ),
        (
            // The file's own offset counts before the GPS clock.
            vec![original.clone(), text(Tag::OffsetTimeOriginal, "-05:00"), gps_date.clone(), gps_time.clone()],
            expect("2026-11-22T21:40:00.000Z", "2026-11-22T16:40:00", Some(-300), "exif_original+offset"),
        ),
        (vec![original.clone(), digitized.clone()], expect("", "2026-11-22T16:40:00", None, "exif_original")),
        (
            vec![original.clone(), text(Tag::OffsetTimeOriginal, "   :  ")],
            expect("", "2026-11-22T16:40:00", None, "exif_original"),
        ),
        (
            // The companions of another clock say nothing.
            vec![original.clone(), text(Tag::OffsetTimeDigitized, "+02:00"), text(Tag::SubSecTime, "9")],
            expect("", "2026-11-22T16:40:00", None, "exif_original"),
        ),
        (
            vec![blank.clone(), digitized.clone(), text(Tag::OffsetTimeDigitized, "Z")],
            expect("2026-11-23T01:02:03.000Z", "2026-11-23T01:02:03", Some(0), "exif_digitized+offset"),
        ),
        (
            vec![
                zeros.clone(),
                text(Tag::DateTimeDigitized, "2026:11:22 21:10:00"),
                gps_date.clone(),
                gps_time.clone(),
            ],
            expect("2026-11-22T15:40:00.000Z", "2026-11-22T21:10:00", Some(330), "exif_digitized+gps_offset"),
        ),
        (
            vec![invalid.clone(), gps_date.clone(), gps_time.clone(), modified.clone()],
            expect("2026-11-22T15:39:45.000Z", "", None, "exif_gps_time"),
        ),
        (
            vec![modified.clone(), text(Tag::OffsetTime, "+09:00")],
            expect("2026-11-30T15:00:00.000Z", "2026-12-01T00:00:00", Some(540), "exif_modified+offset"),
        ),
        (vec![modified.clone()], expect("", "2026-12-01T00:00:00", None, "exif_modified")),
        (
            // A GPS clock without a date is not a time, and no offset.
            vec![original.clone(), gps_time.clone()],
            expect("", "2026-11-22T16:40:00", None, "exif_original"),
        ),
        (
            vec![text(Tag::DateTimeOriginal, "2026-11-22 16:40:00")],
            expect("", "2026-11-22T16:40:00", None, "exif_original"),
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(time(&capture(&fields)), expected, "{fields:?}");
    }
    for unknown in [blank, zeros, invalid] {
        assert_eq!(capture(&[unknown]), Capture::default());
    }
}

/// A board without a battery starts in 1970; its photos were taken when they say.
#[test]
fn a_machine_that_does_not_know_the_day_refuses_none_to_come() {
    let blob = exif(&[text(Tag::DateTimeOriginal, "2031:05:03 10:00:00")], true);
    let source = |now| scanmill_decode::exif::read(&blob, &Rules { now, ..RULES }).captured_at_source;
    assert_eq!(source(RULES.now), Some("refused:after_tomorrow"));
    assert_eq!(source(None), Some("exif_original"));
}

#[test]
fn days_on_which_nobody_took_it_are_refused_and_the_next_source_counts() {
    let original = |day: &str| text(Tag::DateTimeOriginal, &format!("{day} 10:00:00"));
    let [gps_date, gps_time] = gps_clock("1980:01:06", [(0, 1), (0, 1), (0, 1)]);
    let refused = |reason| (None, None, None, Some(reason));
    let cases = [
        (vec![original("1989:12:31")], refused("refused:before_1990")),
        (vec![original("1990:01:01")], expect("", "1990-01-01T10:00:00", None, "exif_original")),
        // It is the first of January 2027 in Greenwich, and may be the second elsewhere.
        (vec![original("2027:01:02")], expect("", "2027-01-02T10:00:00", None, "exif_original")),
        (vec![original("2027:01:03")], refused("refused:after_tomorrow")),
        (vec![gps_date.clone(), gps_time.clone()], refused("refused:before_1990")),
        (
            vec![original("1980:01:01"), text(Tag::DateTime, "2024:05:03 14:25:36"), gps_date, gps_time],
            expect("", "2024-05-03T14:25:36", None, "exif_modified"),
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(time(&capture(&fields)), expected, "{fields:?}");
    }
}

#[test]
fn a_date_without_a_time_is_a_day_and_comes_last() {
    let day = text(Tag::DateTimeOriginal, "2024:05:03");
    let found = capture(std::slice::from_ref(&day));
    assert_eq!(time(&found), expect("", "2024-05-03T00:00:00", None, "exif_original+date_only"));
    assert!(found.is_date_only());
    let exact = text(Tag::DateTimeDigitized, "2024:05:03 14:25:36");
    assert_eq!(time(&capture(&[day, exact])), expect("", "2024-05-03T14:25:36", None, "exif_digitized"));
}

/// Greenwich's time in XMP and IPTC is often what a writer puts there that knows no offset.
#[test]
fn zero_is_an_offset_only_where_the_time_itself_has_it() {
    let segment = |fields: &[Field]| [b"Exif\0\0".as_slice(), &exif(fields, true)].concat();
    let iptc = |zone: &str| {
        let time = format!("142536{zone}");
        let datasets = [b"\x1c\x02\x37\0\x0820240503\x1c\x02\x3c\0\x0b".as_slice(), time.as_bytes()].concat();
        let size = (datasets.len() as u32).to_be_bytes();
        [b"Photoshop 3.0\08BIM\x04\x04\0\0".as_slice(), &size, &datasets].concat()
    };
    let xmp = |zone: &str| {
        format!("http://ns.adobe.com/xap/1.0/\0<x exif:DateTimeOriginal='2024-05-03T14:25:36{zone}'/>").into_bytes()
    };
    let original = [text(Tag::DateTimeOriginal, "2024:05:03 14:25:36")];
    let in_california = taken("2024:05:03 14:25:36", (36.448, -116.855), None);
    let offset = |fields: &[Field], (marker, other): (u8, Vec<u8>)| {
        let found = read(&jpeg(&[(0xe1, &segment(fields)), (marker, &other)]));
        (found.utc_offset_minutes, found.captured_at_source.unwrap())
    };
    for (marker, zero, two) in
        [(0xed, iptc("+0000"), iptc("+0200")), (0xe1, xmp("Z"), xmp("+02:00")), (0xe1, xmp("+00:00"), xmp("+02:00"))]
    {
        assert_eq!(offset(&original, (marker, two)), (Some(120), "exif_original+offset"));
        assert_eq!(offset(&original, (marker, zero.clone())), (None, "exif_original"));
        assert_eq!(offset(&in_california, (marker, zero.clone())), (Some(-420), "exif_original+place_zone"));
        // With no other time, it is what there is.
        assert_eq!(read(&jpeg(&[(marker, &zero)])).utc_offset_minutes, Some(0));
    }
    // EXIF's own field has no such habit.
    let own = [
        text(Tag::DateTimeOriginal, "2024:05:03 14:25:36"),
        text(Tag::DateTime, "2024:05:03 14:25:36"),
        text(Tag::OffsetTime, "+00:00"),
    ];
    assert_eq!(capture(&own).utc_offset_minutes, Some(0));
}

#[test]
fn the_offset_may_stand_with_the_same_reading_or_as_hours() {
    let same = [
        text(Tag::DateTimeOriginal, "2024:05:03 14:25:36"),
        text(Tag::SubSecTimeOriginal, "5"),
        text(Tag::DateTime, "2024:05:03 14:25:36"),
        text(Tag::OffsetTime, "+02:00"),
    ];
    assert_eq!(
        time(&capture(&same)),
        expect("2024-05-03T12:25:36.500Z", "2024-05-03T14:25:36.5", Some(120), "exif_original+offset")
    );
    // TimeZoneOffset: signed hours of DateTimeOriginal, then of DateTime.
    let blob = raw_tiff(&[&[(0x9003, ASCII, 20, 38), (0x882a, 8, 1, 0xfffd)]], b"2024:05:03 14:25:36\0");
    assert_eq!(
        time(&read(&blob)),
        expect("2024-05-03T17:25:36.000Z", "2024-05-03T14:25:36", Some(-180), "exif_original+offset")
    );
}

#[test]
fn the_gps_clock_gives_offsets_in_use_to_a_minute_and_a_half() {
    let cases = [
        ("2026:11:22", (15, 40), Some(60)),
        ("2026:11:22", (15, 39), Some(60)),
        // A fix that is minutes old, and one that is old by a quarter of an hour: nowhere is it so late.
        ("2026:11:22", (15, 37), None),
        ("2026:11:22", (15, 32), None),
        ("2026:11:22", (15, 25), None),
        ("2026:11:22", (11, 10), Some(330)),
        ("2026:11:23", (1, 40), Some(-540)),
        ("2026:11:22", (2, 40), Some(840)),
        ("2026:11:22", (2, 25), None),
        ("2019:04:07", (0, 0), None),
    ];
    for (date, (hour, minute), offset) in cases {
        let [date, time] = gps_clock(date, [(hour, 1), (minute, 1), (0, 1)]);
        let capture = capture(&[text(Tag::DateTimeOriginal, "2026:11:22 16:40:00"), date, time]);
        assert_eq!(capture.utc_offset_minutes, offset, "{hour}:{minute}");
        assert_eq!(capture.captured_at.is_some(), offset.is_some());
    }
    for written in [
        "2026-11-22",
        "2026/11/22",
        "2026.11.22",
        "2026 11 22",
        "2026,11,22",
        "2026\0 11\0 22",
        "2026\u{0}11\u{0}22",
        "20261122",
        "2026:11:22 15:40:00",
        " 2026:11:22 ",
    ] {
        let fields = gps_clock(written, [(15, 1), (40, 1), (0, 1)]);
        assert_eq!(time(&capture(&fields)).0.as_deref(), Some("2026-11-22T15:40:00.000Z"), "{written:?}");
    }
    for broken in
        [[(15, 0), (40, 1), (0, 1)], [(24, 1), (0, 1), (0, 1)], [(0, 0), (0, 0), (0, 0)], [(1, 1), (1, 1), (61, 1)]]
    {
        let [date, time] = gps_clock("2026:11:22", broken);
        assert_eq!(capture(&[date, time]), Capture::default(), "{broken:?}");
    }
}

fn place(latitude: &[(u32, u32)], north: Option<&str>, longitude: &[(u32, u32)], east: Option<&str>) -> Vec<Field> {
    let mut fields = vec![ratios(Tag::GPSLatitude, latitude), ratios(Tag::GPSLongitude, longitude)];
    fields.extend(north.map(|north| text(Tag::GPSLatitudeRef, north)));
    fields.extend(east.map(|east| text(Tag::GPSLongitudeRef, east)));
    fields
}

fn signed(ratios: &[(i32, i32)]) -> Value {
    Value::SRational(ratios.iter().map(|&(num, denom)| SRational { num, denom }).collect())
}

fn of_type(latitude: Value, longitude: Value) -> Vec<Field> {
    vec![
        field(Tag::GPSLatitude, latitude),
        text(Tag::GPSLatitudeRef, "N"),
        field(Tag::GPSLongitude, longitude),
        text(Tag::GPSLongitudeRef, "E"),
    ]
}

/// A photo at a place, with or without a GPS clock.
fn taken(local: &str, (latitude, longitude): (f64, f64), fix: Option<&str>) -> Vec<Field> {
    let mut fields = of_type(Value::Double(vec![latitude.abs()]), Value::Double(vec![longitude]));
    fields.push(text(Tag::DateTimeOriginal, local));
    if let Some((date, time)) = fix.and_then(|fix| fix.split_once(' ')) {
        let parts: Vec<(u32, u32)> = time.split(':').map(|part| (part.parse().unwrap(), 1)).collect();
        fields.extend([text(Tag::GPSDateStamp, date), ratios(Tag::GPSTimeStamp, &parts)]);
    }
    fields
}

#[test]
fn the_zone_of_the_place_gives_the_offset_that_the_file_lacks() {
    const PARIS: (f64, f64) = (48.8582, 2.2945);
    const ATLANTIC: (f64, f64) = (10.0, -30.0);
    let cases = [
        (PARIS, "2024:05:03 14:25:36", None, 120, "place_zone"),
        (PARIS, "2024:01:03 14:25:36", None, 60, "place_zone"),
        ((27.7172, 85.324), "2024:05:03 14:25:36", None, 345, "place_zone"),
        ((40.7128, -74.006), "2024:05:03 14:25:36", None, -240, "place_zone"),
        // A fresh fix says the same; an old one says nothing, however old it is.
        (PARIS, "2024:05:03 14:25:36", Some("2024:05:03 12:25:30"), 120, "gps_offset"),
        (PARIS, "2024:05:03 14:25:36", Some("2024:05:03 12:17:36"), 120, "place_zone"),
        (PARIS, "2024:05:03 14:25:36", Some("2024:05:02 12:17:36"), 120, "place_zone"),
        // Old by a multiple of a quarter of an hour, or younger than the photo: then the camera's clock may be another's.
        (PARIS, "2024:05:03 14:25:36", Some("2024:05:03 12:10:36"), 120, "place_zone_ambiguous"),
        (PARIS, "2024:05:03 14:25:36", Some("2024:05:03 11:25:36"), 120, "place_zone_ambiguous"),
        (PARIS, "2024:05:03 14:25:36", Some("2024:05:03 13:07:00"), 120, "place_zone_ambiguous"),
        // The clocks went back at three and forward at two; the GPS clock knows which of the two it was.
        (PARIS, "2024:10:27 02:30:00", None, 120, "place_zone_ambiguous"),
        (PARIS, "2024:10:27 02:30:00", Some("2024:10:27 01:30:00"), 60, "gps_offset"),
        (PARIS, "2024:10:27 02:30:00", Some("2024:10:27 00:30:00"), 120, "gps_offset"),
        (PARIS, "2024:03:31 02:30:00", None, 60, "place_zone_ambiguous"),
        (ATLANTIC, "2024:05:03 14:25:36", None, -120, "place_zone_at_sea"),
        (ATLANTIC, "2024:05:03 14:25:36", Some("2024:05:03 17:25:36"), -180, "gps_offset"),
    ];
    for (place, local, fix, offset, how) in cases {
        let found = capture(&taken(local, place, fix));
        let source = format!("exif_original+{how}");
        let shown = (found.utc_offset_minutes, found.captured_at_source);
        assert_eq!(shown, (Some(offset), Some(source.as_str())), "{place:?} {local} {fix:?}");
        let wall = found.captured_local.unwrap();
        let at = jiff::tz::Offset::from_seconds(offset * 60).unwrap().to_timestamp(wall).unwrap();
        assert_eq!(found.captured_at, Some(at));
    }
}

#[test]
fn without_the_zone_of_the_place_an_offset_is_still_checked_against_it() {
    let off = Rules { place_zone: false, ..RULES };
    let read = |fix| {
        let blob = exif(&taken("2024:05:03 14:25:36", (48.8582, 2.2945), fix), true);
        scanmill_decode::exif::read(&blob, &off)
    };
    assert_eq!(time(&read(None)), expect("", "2024-05-03T14:25:36", None, "exif_original"));
    assert_eq!(read(Some("2024:05:03 11:25:36")).captured_at, None);
    assert_eq!(read(Some("2024:05:03 12:25:36")).utc_offset_minutes, Some(120));
}

#[test]
fn the_place_tells_the_wall_clock_of_the_gps_time() {
    let mut fields = taken("", (40.7128, -74.006), Some("2024:05:03 18:25:36"));
    fields.retain(|field| field.tag != Tag::DateTimeOriginal);
    assert_eq!(
        time(&capture(&fields)),
        expect("2024-05-03T18:25:36.000Z", "2024-05-03T14:25:36", Some(-240), "exif_gps_time+place_zone")
    );
}

#[test]
fn places_are_degrees_or_a_reason() {
    let berlin = [(52, 1), (31, 1), (1234, 100)];
    let cases = [
        (place(&berlin, Some("N"), &[(13, 1), (24, 1), (0, 1)], Some("E")), Ok((52.520_094_44, 13.4))),
        (place(&berlin, Some("S"), &[(13, 1), (24, 1), (0, 1)], Some("W")), Ok((-52.520_094_44, -13.4))),
        // Degrees and decimal minutes; decimal degrees alone.
        (place(&[(52, 1), (315, 10), (0, 1)], Some("n"), &[(134, 10)], Some("E")), Ok((52.525, 13.4))),
        (place(&[(52, 1), (315, 10)], Some("N"), &[(0, 1), (0, 1), (0, 1)], Some("E")), Ok((52.525, 0.0))),
        (place(&berlin, None, &[(13, 1)], Some("E")), Err("refused:missing_ref")),
        (place(&berlin, Some("N"), &[(13, 1)], Some("\0")), Err("refused:missing_ref")),
        (place(&berlin, Some("X"), &[(13, 1)], Some("E")), Err("refused:bad_ref")),
        (place(&berlin, Some("E"), &[(13, 1)], Some("N")), Err("refused:bad_ref")),
        (place(&[(52, 0), (31, 1), (0, 1)], Some("N"), &[(13, 1)], Some("E")), Err("refused:zero_denominator")),
        (place(&[(52, 1), (31, 1), (1, 0)], Some("N"), &[(13, 1)], Some("E")), Err("refused:zero_denominator")),
        (place(&[(52, 1), (0, 0), (1, 1)], Some("N"), &[(13, 1)], Some("E")), Err("refused:zero_denominator")),
        // 0/0 at the end is how some leave seconds out.
        (place(&[(52, 1), (315, 10), (0, 0)], Some("north"), &[(13, 1)], Some("east")), Ok((52.525, 13.0))),
        (place(&[(0, 0), (0, 0), (0, 0)], Some("N"), &[(0, 0)], Some("E")), Err("refused:zero_denominator")),
        (place(&[(0, 1), (0, 1), (0, 1)], Some("N"), &[(0, 1)], Some("W")), Err("refused:zero")),
        (place(&[(91, 1)], Some("N"), &[(13, 1)], Some("E")), Err("refused:out_of_range")),
        (place(&[(90, 1), (0, 1), (1, 1)], Some("N"), &[(13, 1)], Some("E")), Err("refused:out_of_range")),
        (place(&berlin, Some("N"), &[(181, 1)], Some("E")), Err("refused:out_of_range")),
        (place(&[(52, 1), (99, 1)], Some("N"), &[(13, 1)], Some("E")), Err("refused:out_of_range")),
        (vec![ratios(Tag::GPSLatitude, &berlin), text(Tag::GPSLatitudeRef, "N")], Err("refused:incomplete")),
        (
            vec![field(Tag::GPSLatitude, Value::Double(vec![f64::NAN; 3])), text(Tag::GPSLatitudeRef, "N")],
            Err("refused:zero_denominator"),
        ),
        (vec![text(Tag::GPSLatitude, "somewhere"), text(Tag::GPSLatitudeRef, "N")], Err("refused:malformed")),
        // Whatever type of number, or text.
        (of_type(Value::Long(vec![52, 31, 30]), Value::Short(vec![13, 30])), Ok((52.525, 13.5))),
        (of_type(Value::Double(vec![52.525]), Value::Float(vec![13.5])), Ok((52.525, 13.5))),
        (of_type(Value::Double(vec![52.0, 31.5, 0.0]), Value::Float(vec![13.0, 30.0, 0.0])), Ok((52.525, 13.5))),
        (of_type(Value::Ascii(vec![b"52.525".to_vec()]), Value::Ascii(vec![b"13 30 0".to_vec()])), Ok((52.525, 13.5))),
        (of_type(signed(&[(52, 1), (315, 10)]), signed(&[(135, 10)])), Ok((52.525, 13.5))),
        // A sign stands against a reference, and instead of one.
        (of_type(signed(&[(-52, 1), (315, 10)]), signed(&[(-27, 2)])), Ok((-52.525, -13.5))),
        (
            vec![field(Tag::GPSLatitude, signed(&[(-52, 1)])), field(Tag::GPSLongitude, Value::Double(vec![-13.5]))],
            Ok((-52.0, -13.5)),
        ),
        (vec![text(Tag::GPSLatitude, "52.525 S"), text(Tag::GPSLongitude, "W13.5")], Ok((-52.525, -13.5))),
    ];
    for (mut fields, expected) in cases {
        fields.push(ratios(Tag::GPSAltitude, &[(345, 10)]));
        let capture = capture(&fields);
        match expected {
            Ok((latitude, longitude)) => {
                assert_eq!(capture.geo_source, Some("exif_gps"), "{fields:?}");
                assert!((capture.latitude.unwrap() - latitude).abs() < 1e-7, "{fields:?} {capture:?}");
                assert!((capture.longitude.unwrap() - longitude).abs() < 1e-7, "{fields:?} {capture:?}");
                assert_eq!(capture.altitude_m, Some(34.5));
            }
            Err(refusal) => {
                assert_eq!(capture.geo_source, Some(refusal), "{fields:?}");
                assert_eq!((capture.latitude, capture.longitude, capture.altitude_m), (None, None, None));
            }
        }
    }
    assert_eq!(capture(&[text(Tag::GPSLatitudeRef, "N")]).geo_source, None);
}

#[test]
fn altitude_has_a_sign_and_a_denominator() {
    for (reference, ratio, metres) in [(0, (100, 1), Some(100.0)), (1, (4305, 10), Some(-430.5)), (0, (100, 0), None)] {
        let mut fields = place(&[(31, 1), (30, 1)], Some("N"), &[(35, 1), (30, 1)], Some("E"));
        fields.push(field(Tag::GPSAltitudeRef, Value::Byte(vec![reference])));
        fields.push(ratios(Tag::GPSAltitude, &[ratio]));
        let capture = capture(&fields);
        assert_eq!((capture.altitude_m, capture.geo_source), (metres, Some("exif_gps")));
    }
}

#[test]
fn the_camera_is_trimmed() {
    let capture = capture(&[text(Tag::Make, "  Fairphone \0\0junk"), text(Tag::Model, "\0\0\0")]);
    assert_eq!((capture.camera_make.as_deref(), capture.camera_model.as_deref()), (Some("Fairphone"), None));
}

const ASCII: u16 = 2;
const LONG: u16 = 4;
const EXIF_IFD: u16 = 0x8769;
const GPS_IFD: u16 = 0x8825;

#[test]
fn the_original_time_may_stand_in_the_first_directory() {
    // One directory of one entry ends at byte 8 + 2 + 12 + 4.
    let blob = raw_tiff(&[&[(0x9003, ASCII, 20, 26)]], b"2026-11-22 16:40:00\0");
    assert_eq!(time(&read(&blob)), expect("", "2026-11-22T16:40:00", None, "exif_original"));
}

#[test]
fn loops_huge_counts_and_wild_pointers_are_harmless() {
    let blobs = [
        raw_tiff(
            &[&[(EXIF_IFD, LONG, 1, 8), (GPS_IFD, LONG, 1, 8), (0x010f, ASCII, 4, u32::from_le_bytes(*b"Me\0\0"))]],
            b"",
        ),
        raw_tiff(
            &[&[
                (EXIF_IFD, LONG, 1, u32::MAX),
                (GPS_IFD, LONG, 1, u32::MAX - 1),
                (0x9003, ASCII, u32::MAX, 8),
                (0x0132, 12, u32::MAX, 8),
                (0x0110, ASCII, 40, u32::MAX - 3),
                (0x010f, ASCII, 4, u32::from_le_bytes(*b"Me\0\0")),
            ]],
            b"",
        ),
    ];
    for blob in blobs {
        assert_eq!(read(&blob), Capture { camera_make: Some("Me".into()), ..Capture::default() });
    }
    // 30 MB of zero bytes as one text value.
    let mut blob = raw_tiff(&[&[(0x010f, ASCII, 30 << 20, 26)]], b"");
    blob.resize(31 << 20, 0);
    assert_eq!(read(&blob), Capture::default());
    // A directory that claims more entries than there are bytes.
    assert_eq!(read(b"MM\0*\0\0\0\x08\xff\xff"), Capture::default());
}

#[test]
fn every_container_gives_the_same() {
    let blob = exif(&[text(Tag::DateTimeOriginal, "2026:11:22 16:40:00"), text(Tag::Make, "Maker")], true);
    let marked = [b"Exif\0\0", blob.as_slice()].concat();
    let expected = read(&blob);
    assert_eq!(expected.captured_at_source, Some("exif_original"));
    let files = [
        jpeg(&[(0xe0, b"JFIF\0\0\0\0"), (0xe1, &marked), (0xda, b"\x01")]),
        jpeg(&[(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x/>"), (0xe1, &marked), (0xe1, b"Exif\0\0second")]),
        png(&[(b"IHDR", &[0; 13]), (b"IDAT", &[1; 50]), (b"eXIf", &blob)]),
        png(&[(b"IHDR", &[0; 13]), (b"eXIf", &marked)]),
        webp(&[(b"VP8X", &[0; 10]), (b"VP8L", &[0; 5]), (b"EXIF", &blob)]),
        webp(&[(b"VP8X", &[0; 10]), (b"EXIF", &marked)]),
    ];
    for file in files {
        assert_eq!(read(&file), expected);
        // Cut anywhere it must not panic, nor invent anything.
        for length in 0..file.len() {
            let cut = read(&file[..length]);
            assert!(cut == expected || cut.captured_at.is_none(), "{length}");
        }
    }
}

#[test]
fn xmp_dates_stand_in_where_exif_has_none() {
    let packet = br#"<x><rdf:Description photoshop:DateCreated="2026-01-02T03:04:05+02:00" exif:DateTimeOriginal='2026-11-22T16:40:00.5'/></x>"#;
    let in_jpeg = [b"http://ns.adobe.com/xap/1.0/\0".as_slice(), packet].concat();
    let in_png = [b"XML:com.adobe.xmp\0\0\0\0\0".as_slice(), packet].concat();
    for file in [jpeg(&[(0xe1, &in_jpeg)]), png(&[(b"iTXt", &in_png)]), webp(&[(b"XMP ", packet)])] {
        assert_eq!(time(&read(&file)), expect("", "2026-11-22T16:40:00.5", None, "xmp_original"));
    }

    let created = webp(&[(b"XMP ", b"<photoshop:DateCreated>2026-01-02T03:04:05+02:00</photoshop:DateCreated>")]);
    assert_eq!(
        time(&read(&created)),
        expect("2026-01-02T01:04:05.000Z", "2026-01-02T03:04:05", Some(120), "xmp_created+offset")
    );
    let day_only = webp(&[(b"XMP ", br#"<x photoshop:DateCreated="2026-01-02"/>"#)]);
    assert_eq!(time(&read(&day_only)), expect("", "2026-01-02T00:00:00", None, "xmp_created+date_only"));

    // EXIF's DateTime comes behind XMP, its DateTimeOriginal before.
    let modified = exif(&[text(Tag::DateTime, "2026:12:01 00:00:00")], false);
    assert_eq!(read(&webp(&[(b"EXIF", &modified), (b"XMP ", packet)])).captured_at_source, Some("xmp_original"));
    let original = exif(&[text(Tag::DateTimeOriginal, "2026:12:01 00:00:00")], false);
    assert_eq!(read(&webp(&[(b"EXIF", &original), (b"XMP ", packet)])).captured_at_source, Some("exif_original"));
}

mod any_bytes {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_panic(prefix in prop::sample::select(vec![
            b"II*\0\x08\0\0\0".to_vec(), b"MM\0*\0\0\0\x08".to_vec(), b"\xff\xd8\xff\xe1".to_vec(),
            b"\x89PNG\r\n\x1a\n".to_vec(), b"RIFF\0\0\0\0WEBPEXIF".to_vec(), Vec::new(),
        ]), rest in prop::collection::vec(any::<u8>(), 0..300)) {
            let capture = read(&[prefix, rest].concat());
            prop_assert!(capture.latitude.is_none_or(|degrees| degrees.abs() <= 90.0));
            prop_assert!(capture.longitude.is_none_or(|degrees| degrees.abs() <= 180.0));
        }

        #[test]
        fn changed_bytes_give_a_sane_capture(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
            let mut fields = place(&[(52, 1), (31, 1), (0, 1)], Some("N"), &[(13, 1), (24, 1), (0, 1)], Some("E"));
            fields.extend([text(Tag::DateTimeOriginal, "2026:11:22 16:40:00"), text(Tag::OffsetTimeOriginal, "+01:00")]);
            let mut blob = exif(&fields, true);
            for (index, byte) in changes {
                let at = index.index(blob.len());
                blob[at] = byte;
            }
            let capture = read(&blob);
            prop_assert!(capture.latitude.is_none_or(|degrees| degrees.abs() <= 90.0));
            prop_assert_eq!(capture.latitude.is_some(), capture.geo_source == Some("exif_gps"), "{:?}", capture);
            prop_assert!(capture.captured_at.is_none() || capture.captured_at_source.is_some());
        }
    }
}
