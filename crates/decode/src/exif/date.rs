//! Dates as cameras and editors write them.

use jiff::civil::{Date, DateTime, Time};

/// A wall clock reading, with the offset where the text has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub local: DateTime,
    pub offset_minutes: Option<i32>,
}

/// The farthest a zone is from UTC.
const FARTHEST_MINUTES: i32 = 14 * 60;

/// Reads `2026:11:22 16:40:00` of EXIF and `2026-11-22T16:40:00.123+01:00` of XMP, and their mixtures, which exist. The
/// seconds may be missing, as in XMP. Blanks, zeros, and dates the calendar does not have are `None`.
pub(super) fn read(text: &str) -> Option<Written> {
    let text = text.trim();
    let date = date(text.get(..10)?)?;
    let mut rest = text.get(10..)?.strip_prefix([' ', 'T', 't'])?.trim_start();

    let hour = two_digits(&mut rest)?;
    rest = rest.strip_prefix(':')?;
    let minute = two_digits(&mut rest)?;
    let mut second = 0;
    let mut nanoseconds = 0;
    if let Some(after) = rest.strip_prefix(':') {
        rest = after;
        second = two_digits(&mut rest)?;
        if let Some(after) = rest.strip_prefix('.') {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            nanoseconds = fraction(after.get(..digits)?)?;
            rest = after.get(digits..)?;
        }
    }
    let time = Time::new(hour, minute, second, nanoseconds).ok()?;
    let local = DateTime::from_parts(date, time);
    match rest.trim() {
        "" => Some(Written { local, offset_minutes: None }),
        offset => offset_minutes(offset).map(|offset| Written { local, offset_minutes: Some(offset) }),
    }
}

/// Reads `2026:11:22`, with any of the separators in use.
pub(super) fn date(text: &str) -> Option<Date> {
    let text = text.trim();
    let [a, b, c, d, first, e, f, second, g, h]: [u8; 10] = text.as_bytes().try_into().ok()?;
    let separators = [b':', b'-', b'/', b'.'];
    if !separators.contains(&first) || !separators.contains(&second) {
        return None;
    }
    let number = |digits: &[u8]| {
        std::str::from_utf8(digits)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?
            .parse::<i16>()
            .ok()
    };
    let (year, month, day) = (number(&[a, b, c, d])?, number(&[e, f])?, number(&[g, h])?);
    // Zeros mean unknown.
    (year > 0).then(|| Date::new(year, month as i8, day as i8).ok())?
}

fn two_digits(rest: &mut &str) -> Option<i8> {
    let digits = rest.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    *rest = rest.get(2..)?;
    digits.parse().ok()
}

/// Nanoseconds from the digits behind the point, of SubSecTime too: `5` and `500` are both half a second.
pub(super) fn fraction(digits: &str) -> Option<i32> {
    let digits = digits.trim();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{:0<9}", digits.get(..9).unwrap_or(digits)).parse().ok()
}

/// Reads `+01:00`, `-0330`, `+5` and `Z`; `None` for blanks and for what no zone has.
pub(super) fn offset_minutes(text: &str) -> Option<i32> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let number = |text: &str| text.parse::<u8>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (hours, minutes) = (i32::from(number(hours)?), i32::from(number(minutes)?));
    let offset = sign * (hours * 60 + minutes);
    (minutes < 60 && is_zone(offset)).then_some(offset)
}

/// Whether a zone may lie so many minutes from UTC.
pub(super) fn is_zone(minutes: i32) -> bool {
    minutes.abs() <= FARTHEST_MINUTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_cameras_write() {
        let cases = [
            ("2026:11:22 16:40:00", "2026-11-22T16:40:00", None),
            ("2026-11-22 16:40:00", "2026-11-22T16:40:00", None),
            (" 2026/11/22 16:40:00 ", "2026-11-22T16:40:00", None),
            ("2026:11:22T16:40:00Z", "2026-11-22T16:40:00", Some(0)),
            ("2026-11-22T16:40", "2026-11-22T16:40:00", None),
            ("2026-11-22T16:40:09.1234567899-03:30", "2026-11-22T16:40:09.123456789", Some(-210)),
            ("2026-11-22T16:40:09+0900", "2026-11-22T16:40:09", Some(540)),
        ];
        for (text, local, offset_minutes) in cases {
            let expected = Written { local: local.parse().unwrap(), offset_minutes };
            assert_eq!(read(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_date() {
        let texts = [
            "",
            "    :  :     :  :  ",
            "0000:00:00 00:00:00",
            "2026:02:30 10:00:00",
            "2026:13:01 10:00:00",
            "2026:11:22 24:00:00",
            "2026:11:22 10:60:00",
            "2026:11:22",
            "2026:11:22 ",
            "20261122 101010",
            "2026:11:22 10:00:00 oops",
            "2026:11:22 10:00:00+15:00",
            "+026:11:22 10:00:00",
            "2026:11:2２ 10:00:00",
            "-2026:11:22 10:00:00",
            "2026:11:22 1:00:00",
        ];
        for text in texts {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn offsets() {
        for (text, minutes) in
            [("+00:00", 0), ("-12:00", -720), ("+14:00", 840), ("+05:45", 345), ("+5", 300), ("z", 0)]
        {
            assert_eq!(offset_minutes(text), Some(minutes), "{text}");
        }
        for text in ["", "   :  ", "05:00", "+14:15", "+05:60", "+-5:00", "+1:+5", "++5"] {
            assert_eq!(offset_minutes(text), None, "{text:?}");
        }
    }

    #[test]
    fn sub_seconds_count_from_the_point() {
        assert_eq!(
            [fraction("5"), fraction("500  "), fraction("012")],
            [Some(500_000_000), Some(500_000_000), Some(12_000_000)]
        );
        assert_eq!([fraction(""), fraction("  "), fraction("1a"), fraction("-5")], [None; 4]);
    }
}
