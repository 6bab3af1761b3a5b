//! Offsets to UTC as cameras and editors write them.

/// The farthest a zone is from UTC, east and west.
const FARTHEST_EAST: i32 = 14 * 60;
const FARTHEST_WEST: i32 = -12 * 60;

/// Reads `+01:00`, `-0330`, `+5`, `+530`, `Z`, `UTC`, `GMT+2`; `None` for blanks and for what no zone has. What follows
/// an offset in brackets is its name.
pub(super) fn read(text: &str) -> Option<i32> {
    let text = text.split('(').next()?.trim();
    let upper = text.to_ascii_uppercase();
    let named = ["UTC", "GMT"].iter().find_map(|name| upper.strip_prefix(name)).map(str::trim_start);
    let digits = match named {
        Some("") => return Some(0),
        Some(rest) => rest,
        None if upper == "Z" => return Some(0),
        None => upper.as_str(),
    };
    let (sign, digits) = match digits.chars().next()? {
        '+' => (1, digits.get(1..)?),
        '-' => (-1, digits.get(1..)?),
        // Typographers' minus signs.
        minus @ ('\u{2212}' | '\u{2013}') => (-1, digits.get(minus.len_utf8()..)?),
        _ => return None,
    };
    let digits = digits.trim_start();
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) => {
            let (minutes, seconds) = minutes.split_once(':').unwrap_or((minutes, "00"));
            if seconds != "00" {
                return None;
            }
            (hours, minutes)
        }
        // 530 is half past five.
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "0"),
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let offset = sign * (hours * 60 + minutes);
    (minutes < 60 && is_zone(offset)).then_some(offset)
}

fn number(text: &str) -> Option<i32> {
    (text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Whether a zone may lie so many minutes from UTC: since 1990 all are whole quarters of an hour.
pub(super) fn is_zone(minutes: i32) -> bool {
    (FARTHEST_WEST..=FARTHEST_EAST).contains(&minutes) && minutes % 15 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets() {
        for (text, minutes) in [
            ("+00:00", 0),
            ("-12:00", -720),
            ("+14:00", 840),
            ("+05:45", 345),
            ("+0545", 345),
            ("+545", 345),
            ("+5", 300),
            ("-3:30", -210),
            ("z", 0),
            ("UTC", 0),
            ("utc+2", 120),
            ("UTC +02:00", 120),
            ("GMT-0330", -210),
            ("+02:00:00", 120),
            ("\u{2212}05:00", -300),
            ("+0200 (CEST)", 120),
            (" + 2:00 ", 120),
        ] {
            assert_eq!(read(text), Some(minutes), "{text}");
        }
        for text in [
            "",
            "   :  ",
            "05:00",
            "+14:15",
            "-13:00",
            "+05:60",
            "+05:07",
            "+-5:00",
            "+1:+5",
            "++5",
            "+",
            "+120000",
            "+100:00",
            "PST",
            "+02:00:30",
            "+:30",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
