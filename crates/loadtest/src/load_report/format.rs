//! Figures as people read them. Every figure of the text and the page goes through here.

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Things a second.
    PerSecond,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// US dollars.
    Dollars,
    /// A part of one.
    Share,
}

impl Unit {
    /// `value` with its unit.
    pub fn show(self, value: f64) -> String {
        match self {
            Unit::Count => number(value),
            Unit::PerSecond => format!("{}/s", number(value)),
            Unit::Millis => millis(value),
            Unit::Seconds => millis(value * 1_000.0),
            Unit::Bytes => bytes(value),
            Unit::Dollars => dollars(value),
            Unit::Share => format!("{} %", number(value * 100.0)),
        }
    }
}

/// A number with as many decimals as matter, and commas between groups of three digits.
pub fn number(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if (value - value.round()).abs() < 1e-9 => 0,
        _ if size >= 100.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 0.1 => 2,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), ""), |parts| parts);
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = String::with_capacity(text.len() + 4);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if rest.is_empty() { format!("{sign}{grouped}") } else { format!("{sign}{grouped}.{rest}") }
}

/// A time given in milliseconds.
pub fn millis(value: f64) -> String {
    match value.abs() {
        0.0 => "0 ms".into(),
        size if size < 1.0 => format!("{} µs", number((value * 1_000.0).round())),
        size if size < 1_000.0 => format!("{} ms", number(value)),
        size if size < 120_000.0 => format!("{} s", number(value / 1_000.0)),
        size if size < 7_200_000.0 => format!("{} min", number(value / 60_000.0)),
        _ => format!("{} h", number(value / 3_600_000.0)),
    }
}

/// A time in milliseconds that may not be known.
pub fn millis_or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), millis)
}

/// Bytes in steps of 1,024.
pub fn bytes(value: f64) -> String {
    let mut rest = value;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if rest.abs() < 1_024.0 {
            return format!("{} {unit}", number(rest));
        }
        rest /= 1_024.0;
    }
    format!("{} TiB", number(rest))
}

/// US dollars with at least two digits that count.
pub fn dollars(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 {
        return format!("${}", number(value.round()));
    }
    let decimals = match size {
        0.0 => 2,
        _ if size >= 0.1 => 2,
        _ if size >= 0.01 => 3,
        _ if size >= 0.000_1 => 5,
        _ => 7,
    };
    format!("${value:.decimals$}")
}

/// A price as it was set, without zeros that say nothing.
pub fn price(value: f64) -> String {
    format!("${value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_digits_that_matter() {
        for (value, expected) in [
            (0.0, "0"),
            (0.012, "0.0120"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (999.6, "1,000"),
            (12_345.6, "12,346"),
            (-1_234_567.0, "-1,234,567"),
            (60.0, "60"),
        ] {
            assert_eq!(number(value), expected);
        }
        for (value, expected) in [
            (0.0, "0 ms"),
            (0.262, "262 µs"),
            (1.5, "1.50 ms"),
            (2_017.0, "2.02 s"),
            (150_000.0, "2.50 min"),
            (7_200_000.0, "2 h"),
        ] {
            assert_eq!(millis(value), expected);
        }
        for (value, expected) in
            [(1.284, "$1.28"), (0.000_62, "$0.00062"), (0.0, "$0.00"), (0.012_3, "$0.012"), (12_345.6, "$12,346")]
        {
            assert_eq!(dollars(value), expected);
        }
        assert_eq!(bytes(35_770_368.0), "34.1 MiB");
        assert_eq!(bytes(512.0), "512 B");
        assert_eq!(Unit::Share.show(0.953), "95.3 %");
    }
}
