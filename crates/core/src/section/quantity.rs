//! Sizes and times as people write them: `64MiB`, `1.5 GB`, `2s`, `1h30m`. The one parser for every key whose unit is of
//! bytes or of time.

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Bytes.
    Size,
    /// Time.
    Time,
}

/// A size in bytes, or a time in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// What is measured.
    pub measure: Measure,
    /// How many bytes or nanoseconds.
    pub amount: u128,
}

/// Bytes in each unit, in lower case: sizes are written in any.
const SIZES: &[(&str, u128)] = &[
    ("b", 1),
    ("byte", 1),
    ("bytes", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

const SECOND: u128 = 1_000_000_000;

/// Nanoseconds in each unit. `M` is no minute: to many it is a million.
const TIMES: &[(&str, u128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("millisecond", 1_000_000),
    ("milliseconds", 1_000_000),
    ("s", SECOND),
    ("sec", SECOND),
    ("second", SECOND),
    ("seconds", SECOND),
    ("m", 60 * SECOND),
    ("min", 60 * SECOND),
    ("minute", 60 * SECOND),
    ("minutes", 60 * SECOND),
    ("h", 3_600 * SECOND),
    ("hour", 3_600 * SECOND),
    ("hours", 3_600 * SECOND),
    ("d", 86_400 * SECOND),
    ("day", 86_400 * SECOND),
    ("days", 86_400 * SECOND),
];

/// More digits than any size or time needs.
const MAX_DIGITS: usize = 18;

impl Measure {
    /// What a key's unit measures, and how many bytes or nanoseconds one of it is. None: the key counts something else.
    pub fn of_unit(unit: &str) -> Option<(Measure, u128)> {
        match unit {
            "bytes" => Some((Measure::Size, 1)),
            "milliseconds" | "seconds" | "hours" | "days" => Some((Measure::Time, found(TIMES, unit)?)),
            _ => None,
        }
    }

    /// How it may be written.
    pub fn forms(self) -> &'static str {
        match self {
            Measure::Size => "a size like 64MiB, 1.5GB (KiB, MiB, GiB by 1024; kB, MB, GB by 1000)",
            Measure::Time => "a time like 500ms, 2s, 5m, 1h30m, 2d",
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Size => "a size",
            Measure::Time => "a time",
        }
    }
}

/// The size or time that the text is. A time may be a sum of ever smaller units. None for anything else, a number without
/// unit included.
pub fn quantity(text: &str) -> Option<Quantity> {
    let mut rest = text.trim();
    let mut sum: Option<(Quantity, u128)> = None;
    while !rest.is_empty() {
        let (digits, after) = rest.split_at(rest.find(|sign: char| !is_of_number(sign)).unwrap_or(rest.len()));
        let after = after.trim_start();
        let (unit, after) = after.split_at(after.find(|sign: char| !sign.is_alphabetic()).unwrap_or(after.len()));
        rest = after.trim_start();
        let (measure, of_unit) = unit_of(unit)?;
        let amount = exactly(digits, of_unit)?;
        sum = match sum {
            None => Some((Quantity { measure, amount }, of_unit)),
            Some((so_far, larger)) if measure == Measure::Time && so_far.measure == measure && of_unit < larger => {
                Some((Quantity { measure, amount: so_far.amount.checked_add(amount)? }, of_unit))
            }
            Some(_) => return None,
        };
    }
    sum.map(|(quantity, _)| quantity)
}

fn is_of_number(sign: char) -> bool {
    sign.is_ascii_digit() || matches!(sign, '.' | '_')
}

fn found(units: &[(&str, u128)], unit: &str) -> Option<u128> {
    units.iter().find(|(name, _)| *name == unit).map(|(_, amount)| *amount)
}

fn unit_of(unit: &str) -> Option<(Measure, u128)> {
    let time = found(TIMES, unit).or_else(|| found(TIMES, &unit.to_lowercase()).filter(|_| unit != "M"));
    let size = || found(SIZES, &unit.to_ascii_lowercase());
    time.map(|amount| (Measure::Time, amount)).or_else(|| size().map(|amount| (Measure::Size, amount)))
}

/// So many units, if that is a whole number of bytes or nanoseconds.
fn exactly(digits: &str, of_unit: u128) -> Option<u128> {
    let plain = digits.replace('_', "");
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, "0"));
    if whole.is_empty() || fraction.is_empty() || whole.len() + fraction.len() > MAX_DIGITS || fraction.contains('.') {
        return None;
    }
    let parts: u128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let amount = parts.checked_mul(of_unit)?;
    amount.is_multiple_of(scale).then_some(amount / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("1B", 1),
            ("64MiB", 64 << 20),
            ("64mib", 64 << 20),
            ("64 MiB", 64 << 20),
            ("1.5GiB", 3 << 29),
            ("8KiB", 8_192),
            ("8kB", 8_000),
            ("8KB", 8_000),
            ("64MB", 64_000_000),
            ("2gb", 2_000_000_000),
            ("0.5 MB", 500_000),
            ("33_554_432 bytes", 33_554_432),
            (" 2 TiB ", 2 << 40),
        ] {
            assert_eq!(quantity(text), Some(Quantity { measure: Measure::Size, amount: bytes }), "{text}");
        }
        for (text, ms) in [
            ("2s", 2_000),
            ("500ms", 500),
            ("1.5s", 1_500),
            ("5m", 300_000),
            ("5min", 300_000),
            ("5 minutes", 300_000),
            ("1h30m", 5_400_000),
            ("1h 30min", 5_400_000),
            ("1 h 30 m 15 s", 5_415_000),
            ("2d", 172_800_000),
            ("2D", 172_800_000),
            ("1d12h", 129_600_000),
            ("500MS", 500),
            ("0s", 0),
        ] {
            assert_eq!(quantity(text), Some(Quantity { measure: Measure::Time, amount: ms * 1_000_000 }), "{text}");
        }
    }

    #[test]
    fn what_is_neither_or_could_be_two_things_is_none() {
        for text in [
            "",
            " ",
            "64",
            "1_000",
            "MiB",
            "s",
            "-5s",
            "+5s",
            "1h30",
            "30m1h",
            "1h1h",
            "1MiB1KiB",
            "1h64MiB",
            "64M",
            "64K",
            "4G",
            "64MiBs",
            "1..5s",
            "1.s",
            ".5s",
            "1e3s",
            "1,5s",
            "0.3B",
            "auto",
            "2 s ago",
            "9999999999999999999s",
            "1.2.3s",
            "٣s",
        ] {
            assert_eq!(quantity(text), None, "{text}");
        }
    }

    #[test]
    fn units_of_keys_are_known() {
        assert_eq!(Measure::of_unit("bytes"), Some((Measure::Size, 1)));
        assert_eq!(Measure::of_unit("milliseconds"), Some((Measure::Time, 1_000_000)));
        assert_eq!(Measure::of_unit("days"), Some((Measure::Time, 86_400 * SECOND)));
        assert_eq!(Measure::of_unit("pixels per byte"), None);
    }
}
