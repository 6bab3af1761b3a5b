//! Dates as cameras, phones and editors write them.
//!
//! EXIF's `2026:11:22 16:40:00` and XMP's `2026-11-22T16:40:00.123+01:00`, and what is written in their place: other
//! separators, fields without leading zeros, 24 for midnight, AM and PM before or after, digits of other scripts, names
//! of months. What can be read in two ways (03/05/2024) is not read.

use jiff::civil::{Date, DateTime, Time};

use super::offset;

/// A wall clock reading, with the offset where the text has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// Midnight where the text holds a date only.
    pub local: DateTime,
    pub offset_minutes: Option<i32>,
    pub date_only: bool,
}

/// Reads a date with or without a time. Blanks, zeros, and dates the calendar does not have are `None`.
pub(super) fn read(text: &str) -> Option<Written> {
    let text = plain(text);
    let (date, rest, needs_time) = match numeric_date(&text) {
        Some((date, rest, needs_time)) => (date, rest.to_owned(), needs_time),
        None => named_date(&text).map(|(date, rest)| (date, rest, false))?,
    };
    // A clock without figures is one that the camera did not know.
    if !rest.bytes().any(|byte| byte.is_ascii_digit()) {
        let local = DateTime::from_parts(date, Time::midnight());
        return (!needs_time).then_some(Written { local, offset_minutes: None, date_only: true });
    }
    let (time, rest) = clock(&rest)?;
    let local = DateTime::from_parts(date, time);
    // What follows and is not an offset (PST, a day's name, rubbish) does not make the clock wrong.
    Some(Written { local, offset_minutes: offset::read(rest.trim()), date_only: false })
}

/// Reads a date without a time: `2026:11:22`, with any of the separators in use. A time behind it is passed over.
pub(super) fn date(text: &str) -> Option<Date> {
    read(text).map(|written| written.local.date())
}

/// Reads the GPS clock's date: also with NULs, blanks or commas between its figures, as some cameras write it.
pub(super) fn gps_date(stamp: &[u8]) -> Option<Date> {
    let stamp: String = stamp.iter().map(|byte| char::from(*byte)).collect();
    let parts: Vec<&str> = stamp.split(['\0', ' ', ',']).filter(|part| !part.is_empty()).collect();
    date(&parts.join(":"))
}

/// Nanoseconds from the digits behind the point, of SubSecTime too: `5` and `500` are both half a second.
pub(super) fn fraction(digits: &str) -> Option<i32> {
    let digits = digits.trim();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{:0<9}", digits.get(..9).unwrap_or(digits)).parse().ok()
}

/// Without blanks around it, digits of other scripts as ours, and the signs for year, month and day as separators:
/// phones set to such a language write them.
fn plain(text: &str) -> String {
    // Where each script's zero stands: Arabic, Persian, Devanagari, Bengali, Thai, Burmese, Khmer, full width.
    const ZEROS: [u32; 8] = [0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0x1040, 0x17e0, 0xff10];
    let digit = |letter: char| {
        let code = u32::from(letter);
        ZEROS
            .iter()
            .find(|zero| (**zero..**zero + 10).contains(&code))
            .and_then(|zero| char::from_digit(code - zero, 10))
    };
    let letter = |letter: char| match letter {
        '年' | '月' => '-',
        '日' | '\u{a0}' | '\u{202f}' | '\u{3000}' => ' ',
        '：' => ':',
        letter => digit(letter).unwrap_or(letter),
    };
    text.trim().chars().map(letter).collect()
}

const SEPARATORS: [char; 4] = [':', '-', '/', '.'];

/// A date in figures, what is left behind it, and whether it is one only if a time follows: two figures for a year look
/// like a time themselves.
fn numeric_date(text: &str) -> Option<(Date, &str, bool)> {
    let (first, digits, rest) = number(text)?;
    if digits >= 8 {
        // 20260511, and the time behind it with or without anything between.
        let (date, rest) = text.split_at_checked(8)?;
        let (year, month_and_day) = (digits_of(date.get(..4)?)?, digits_of(date.get(4..)?)?);
        return Some((calendar(year, month_and_day / 100, month_and_day % 100)?, rest, false));
    }
    let (separator, rest) = separator(rest)?;
    let (second, second_digits, rest) = number(rest)?;
    let (other, rest) = self::separator(rest)?;
    let (third, third_digits, rest) = number(rest)?;
    if second_digits > 2 || (other != separator && digits != 4) {
        return None;
    }
    match (digits, third_digits) {
        (4, 1 | 2) => Some((calendar(first, second, third)?, rest, false)),
        (1 | 2, 4) => {
            let (month, day) = match (first, second) {
                _ if separator == '.' => (second, first),
                (first, second) if first > 12 || first == second => (second, first),
                (first, second) if second > 12 => (first, second),
                _ => return None,
            };
            Some((calendar(third, month, day)?, rest, false))
        }
        (2, 1 | 2) if separator == ':' || first > 31 => {
            let century = if first < 70 { 2000 } else { 1900 };
            Some((calendar(century + first, second, third)?, rest, true))
        }
        _ => None,
    }
}

/// A date with a month's name, as `Fri May  3 14:25:36 2024`, `3 May 2024 14:25` and `May 3, 2024 2:25 PM`; and what is
/// left of the text without it.
fn named_date(text: &str) -> Option<(Date, String)> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let (mut year, mut month, mut day) = (None, None, None);
    let mut rest = Vec::new();
    // A date may be written with dashes; a time never is, but an offset is, and it follows a time.
    let words = text.split([' ', ',']).flat_map(|word| {
        let is_date = word.contains('-') && word.bytes().any(|byte| byte.is_ascii_alphabetic()) && !word.contains(':');
        word.split(if is_date { '-' } else { ' ' })
    });
    for word in words.filter(|word| !word.is_empty()) {
        let start = word.get(..3).unwrap_or("").to_ascii_lowercase();
        if let (None, Some(index)) = (month, MONTHS.iter().position(|name| *name == start)) {
            month = Some(index as i32 + 1);
        } else if let (None, 4, Some(number)) = (year, word.len(), digits_of(word)) {
            year = Some(number);
        } else if let (None, 1 | 2, Some(number)) = (day, word.len(), digits_of(word)) {
            day = Some(number);
        } else if word.contains(':') || !rest.is_empty() {
            rest.push(word);
        }
    }
    Some((calendar(year?, month?, day?)?, rest.join(" ")))
}

/// A time of day at the start of a text, and what follows it.
fn clock(text: &str) -> Option<(Time, &str)> {
    let text = text.trim_start_matches([' ', 'T', 't', '_', ',', ';', ':', '-', '/']);
    let (half_before, text) = half_of_day(text);
    let (hour, digits, rest) = number(text)?;
    let (hour, minute, second, rest) = if digits == 4 || digits == 6 {
        let second = if digits == 6 { hour % 100 } else { 0 };
        let minutes = if digits == 6 { hour / 100 } else { hour };
        (minutes / 100, minutes % 100, second, rest)
    } else {
        let (minute, minute_digits, rest, is_dashed) = match rest.strip_prefix([':', '.', 'h']).map(number) {
            Some(minute) => minute.map(|(minute, digits, rest)| (minute, digits, rest, false))?,
            // With dashes only where there are two: one is an offset's minus sign.
            None => number(rest.strip_prefix('-')?).map(|(minute, digits, rest)| (minute, digits, rest, true))?,
        };
        let after: &[char] = if is_dashed { &['-'] } else { &[':', '.', 'm'] };
        let (second, second_digits, rest) = match rest.strip_prefix(after).and_then(number) {
            Some(second) => second,
            None if is_dashed => return None,
            None => (0, 2, rest),
        };
        if digits > 2 || minute_digits > 2 || second_digits > 2 {
            return None;
        }
        (hour, minute, second, rest)
    };
    let (nanoseconds, rest) = match rest.strip_prefix(['.', ',']) {
        Some(after) if after.starts_with(|letter: char| letter.is_ascii_digit()) => {
            let (digits, rest) = after.split_at(after.bytes().take_while(u8::is_ascii_digit).count());
            (fraction(digits)?, rest)
        }
        _ => (0, rest),
    };
    let (half_after, rest) = half_of_day(rest);
    let hour = match (half_before.or(half_after), hour) {
        // 24:04 is four minutes past midnight of the date it is written with: the phones that write it count 1 to 24.
        (None, 24) => 0,
        (Some(HalfOfDay::Am), 12) => 0,
        (Some(HalfOfDay::Pm), 1..=11) => hour + 12,
        _ => hour,
    };
    // A leap second has no place in most clocks.
    let second = if second == 60 { 59 } else { second };
    let part = |value: i32| i8::try_from(value).ok();
    Some((Time::new(part(hour)?, part(minute)?, part(second)?, nanoseconds).ok()?, rest))
}

#[derive(Clone, Copy)]
enum HalfOfDay {
    Am,
    Pm,
}

/// `AM`, `p.m.` and what phones set to Chinese, Japanese or Korean write, at the start of a text.
fn half_of_day(text: &str) -> (Option<HalfOfDay>, &str) {
    const NAMES: [(&str, HalfOfDay); 10] = [
        ("am", HalfOfDay::Am),
        ("pm", HalfOfDay::Pm),
        ("a.m.", HalfOfDay::Am),
        ("p.m.", HalfOfDay::Pm),
        ("上午", HalfOfDay::Am),
        ("下午", HalfOfDay::Pm),
        ("午前", HalfOfDay::Am),
        ("午後", HalfOfDay::Pm),
        ("오전", HalfOfDay::Am),
        ("오후", HalfOfDay::Pm),
    ];
    let start = text.trim_start();
    NAMES
        .iter()
        .find_map(|(name, half)| {
            let (word, rest) = start.split_at_checked(name.len())?;
            word.eq_ignore_ascii_case(name).then_some((Some(*half), rest.trim_start()))
        })
        .unwrap_or((None, text))
}

/// A whole number at the start of a text, blanks before it allowed: how many digits it has, and what follows.
fn number(text: &str) -> Option<(i32, usize, &str)> {
    let text = text.trim_start_matches(' ');
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    // Of a longer row of figures only how long it is matters.
    Some((digits_of(number.get(..9).unwrap_or(number))?, digits, rest))
}

fn digits_of(text: &str) -> Option<i32> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn separator(text: &str) -> Option<(char, &str)> {
    let text = text.trim_start_matches(' ');
    let separator = text.chars().next().filter(|letter| SEPARATORS.contains(letter))?;
    Some((separator, text.get(1..)?))
}

/// A day of the calendar; zeros mean unknown.
fn calendar(year: i32, month: i32, day: i32) -> Option<Date> {
    let year = i16::try_from(year).ok().filter(|year| *year > 0)?;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_cameras_write() {
        let cases = [
            ("2026:11:22 16:40:00", "2026-11-22T16:40:00", None),
            ("2026:11:22;16:40:00", "2026-11-22T16:40:00", None),
            ("2026-11-22 16:40:00", "2026-11-22T16:40:00", None),
            (" 2026/11/22 16:40:00 ", "2026-11-22T16:40:00", None),
            ("2026.11.22 16.40.05", "2026-11-22T16:40:05", None),
            ("2026:11:22T16:40:00Z", "2026-11-22T16:40:00", Some(0)),
            ("2026-11-22T16:40", "2026-11-22T16:40:00", None),
            ("2026-11-22T16:40:09.1234567899-03:30", "2026-11-22T16:40:09.123456789", Some(-210)),
            ("2026-11-22T16:40:09+0900", "2026-11-22T16:40:09", Some(540)),
            ("2026:11:22 16:40:09 +09:00", "2026-11-22T16:40:09", Some(540)),
            ("2026:11:22 16:40:09 UTC+2", "2026-11-22T16:40:09", Some(120)),
            ("2026:11:22 16:40:09,5", "2026-11-22T16:40:09.5", None),
            // A count of 1 to 24, and clocks of twelve hours.
            ("2026:11:22 24:04:20", "2026-11-22T00:04:20", None),
            ("2026:11:22 04:40:00 PM", "2026-11-22T16:40:00", None),
            ("2026:11:22 12:40:00am", "2026-11-22T00:40:00", None),
            ("2026:11:22 12:40:00 p.m.", "2026-11-22T12:40:00", None),
            ("2026:11:22 下午04:40:00", "2026-11-22T16:40:00", None),
            ("2026年11月22日 上午 9:40:00", "2026-11-22T09:40:00", None),
            ("2026:11:22 16:40:00 PM", "2026-11-22T16:40:00", None),
            ("2026-11-22 16-40-01", "2026-11-22T16:40:01", None),
            ("2026:11:22 16h40m01s", "2026-11-22T16:40:01", None),
            // Fields without zeros, or with blanks for them.
            ("2026:1:2 9:5:7", "2026-01-02T09:05:07", None),
            ("2026: 1: 2  9: 5: 7", "2026-01-02T09:05:07", None),
            ("2026:11:22 1:00:00", "2026-11-22T01:00:00", None),
            ("٢٠٢٦:١١:٢٢ ١٦:٤٠:٠٠", "2026-11-22T16:40:00", None),
            ("2026:11:2２ 10:00:00", "2026-11-22T10:00:00", None),
            // Without separators.
            ("20261122 164001", "2026-11-22T16:40:01", None),
            ("20261122T164001+0100", "2026-11-22T16:40:01", Some(60)),
            ("20261122164001", "2026-11-22T16:40:01", None),
            // Day first, two figures, names.
            ("22.11.2026 16:40:00", "2026-11-22T16:40:00", None),
            ("22/11/2026 16:40:00", "2026-11-22T16:40:00", None),
            ("11/22/2026 16:40:00", "2026-11-22T16:40:00", None),
            ("26:11:22 16:40:00", "2026-11-22T16:40:00", None),
            ("99-11-22 16:40:00", "1999-11-22T16:40:00", None),
            ("Fri May  3 14:25:36 2024", "2024-05-03T14:25:36", None),
            ("Fri, 03 May 2024 14:25:36 +0200", "2024-05-03T14:25:36", Some(120)),
            ("May 3, 2024 2:25:36 PM", "2024-05-03T14:25:36", None),
            ("03-May-2024 14:25:36", "2024-05-03T14:25:36", None),
            // What follows a clock does not spoil it.
            ("2026:11:22 10:00:00 oops", "2026-11-22T10:00:00", None),
            ("2026:11:22 10:00:00 PST", "2026-11-22T10:00:00", None),
            ("2026:11:22 10:00:00+15:00", "2026-11-22T10:00:00", None),
            ("2016:12:31 23:59:60", "2016-12-31T23:59:59", None),
        ];
        for (text, local, offset_minutes) in cases {
            let expected = Written { local: local.parse().unwrap(), offset_minutes, date_only: false };
            assert_eq!(read(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_date_may_stand_alone() {
        for text in ["2026:11:22", "2026:11:22 ", "2026-11-22", "20261122", "22.11.2026", "2026:11:22   :  :  "] {
            let local = "2026-11-22T00:00:00".parse().unwrap();
            assert_eq!(read(text), Some(Written { local, offset_minutes: None, date_only: true }), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_date_or_could_be_two() {
        let texts = [
            "",
            "    :  :     :  :  ",
            "0000:00:00 00:00:00",
            "2026:02:30 10:00:00",
            "2026:13:01 10:00:00",
            "2026:11:22 25:00:00",
            "2026:11:22 10:60:00",
            "2026:11:22 10-0100",
            "+026:11:22 10:00:00",
            "-2026:11:22 10:00:00",
            // Third of May or fifth of March.
            "03/05/2024 14:25:36",
            "03-05-2024",
            // Times without a date.
            "12:05:06",
            "14:25:36",
            "2024",
            "2024-05",
            "May 2024",
            "4294967295",
            "99999999999999999999",
        ];
        for text in texts {
            assert_eq!(read(text), None, "{text:?}");
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
