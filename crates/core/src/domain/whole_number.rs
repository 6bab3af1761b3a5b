//! Whole numbers in JSON, however a sender writes them.

use super::json::Json;
use serde_json::Number;

/// A number that is whole, also where a proxy in a language of floating point numbers made `10.0` or `1e1` of it, or as
/// some servers write it a text. What does not fit into the warehouse's signed integer is not one.
pub(super) fn whole_number(value: &Json<'_>) -> Option<u64> {
    /// Beyond, not every whole number is one of floating point.
    const MOST: f64 = 9_007_199_254_740_992.0;
    let digits = |text: &str| {
        let whole =
            text.split_once('.').filter(|(_, rest)| rest.bytes().all(|byte| byte == b'0')).map(|(whole, _)| whole);
        let whole = whole.unwrap_or(text);
        whole.bytes().all(|byte| byte.is_ascii_digit()).then(|| whole.parse().ok()).flatten()
    };
    let floating = || {
        value
            .as_number()
            .and_then(Number::as_f64)
            .filter(|size| size.fract() == 0.0 && (0.0..=MOST).contains(size))
            .map(|size| size as u64)
    };
    let number = value.as_number().and_then(Number::as_u64).or_else(|| value.as_str().map_or_else(floating, digits));
    number.filter(|size| i64::try_from(*size).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_whole_number_however_it_is_written() {
        for (written, size) in [
            ("10", Some(10)),
            ("10.0", Some(10)),
            ("1e1", Some(10)),
            ("0.0", Some(0)),
            (r#""10""#, Some(10)),
            (r#""10.0""#, Some(10)),
            ("9223372036854775807", Some(i64::MAX as u64)),
            ("9223372036854775808", None),
            ("1e16", None),
            ("10.5", None),
            ("-1.0", None),
            ("-1", None),
            (r#""""#, None),
            (r#"".0""#, None),
            (r#""10,0""#, None),
            (r#""1e1""#, None),
            ("true", None),
        ] {
            assert_eq!(whole_number(&serde_json::from_str(written).unwrap()), size, "{written}");
        }
    }
}
