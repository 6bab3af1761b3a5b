//! Points in time as arguments: the form is recognised by its whole, so that no part of it is passed over.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

/// The forms that [`absolute`] reads.
const FORMS: &str =
    "a day like 2026-11-22, a time like 2026-11-22T15:40:00Z or `2026-11-22 15:40:00` (UTC where it names no zone)";

/// An instant: a day or a time, in UTC where it names no offset or zone.
pub(super) fn absolute(text: &str) -> Result<Timestamp, String> {
    recognised(text).ok_or_else(|| format!("`{text}` is not {FORMS}"))
}

/// [`absolute`], or a duration before now.
pub(super) fn since(text: &str) -> Result<Timestamp, String> {
    let ago = || {
        // Days count 24 hours: "since 3d" means the same wherever the machine stands.
        let span = Span::from_str(text).ok()?;
        Timestamp::now().to_zoned(TimeZone::UTC).checked_sub(span.abs()).ok()
    };
    let at = recognised(text).or_else(|| ago().map(|at| at.timestamp()));
    at.ok_or_else(|| format!("`{text}` is not {FORMS}, or a duration like 90m, 2h or 3d"))
}

fn recognised(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Ok(at) = text.parse::<Zoned>() {
        return Some(at.timestamp());
    }
    // jiff takes the day out of a whole time, and the clock out of one with an offset: here each has its own form.
    let is_plain = |sign: char| sign.is_ascii_digit() || matches!(sign, '-' | ':' | '.' | 'T' | 't' | ' ');
    let is_day = |text: &str| {
        text.bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() })
    };
    let civil = match text.get(..10) {
        Some(day) if is_day(day) && text.len() == 10 => day.parse::<Date>().ok()?.into(),
        Some(day) if is_day(day) && text.len() > 11 && text.chars().all(is_plain) => text.parse::<DateTime>().ok()?,
        _ => return None,
    };
    civil.to_zoned(TimeZone::UTC).map(|at| at.timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_counts_in_whatever_form_it_is_written() {
        for text in [
            "2026-11-30 22:30:00",
            "2026-11-30 22:30:00.000",
            "2026-11-30T22:30:00",
            "2026-11-30T22:30:00.000",
            "2026-11-30T22:30",
            "2026-11-30 22:30",
            "2026-11-30T22:30:00Z",
            "2026-11-30 22:30:00.000Z",
            "2026-11-30T23:30:00+01:00",
            "2026-11-30T23:30:00[Europe/Berlin]",
        ] {
            for read in [absolute, since] {
                assert_eq!(read(text), Ok("2026-11-30T22:30:00Z".parse().unwrap()), "{text}");
            }
        }
        assert_eq!(absolute("2026-11-22"), Ok("2026-11-22T00:00:00Z".parse().unwrap()));
        assert_eq!(absolute("2026-11-22[Europe/Berlin]"), Ok("2026-11-21T23:00:00Z".parse().unwrap()));
    }

    #[test]
    fn since_is_also_a_time_ago() {
        for (text, hours) in [("90m", 1.5), ("2h", 2.0), ("3d", 72.0), ("1 day 2 hours", 26.0), ("PT1H", 1.0)] {
            let ago = (Timestamp::now() - since(text).unwrap()).total(jiff::Unit::Hour).unwrap();
            assert!((ago - hours).abs() < 0.05, "{text}: {ago}");
            assert!(absolute(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_part_only_is_refused_with_the_forms() {
        for text in [
            "",
            "soon",
            "3",
            "2026-13-22",
            "9999999999d",
            "20261130",
            "20261130T223000",
            "2026-W48-1",
            "2026-11-30T",
            "2026-11-30 25:00",
            "2026-11-30 noon",
            "2026-11-30T22:30:00 CET",
            "2026-11-30T22:30:00[Nowhere/Town]",
            "22:30",
        ] {
            let refused = since(text).unwrap_err();
            assert!(refused.contains("2026-11-22 15:40:00") && refused.contains("3d"), "{text}: {refused}");
            assert!(absolute(text).is_err(), "{text}");
        }
    }
}
