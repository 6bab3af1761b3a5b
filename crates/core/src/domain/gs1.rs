//! GS1 Digital Link addresses and element strings: which key they name.
//!
//! Any domain may serve Digital Links, so only the path's shape tells one: a primary key's application identifier, a
//! value of that key's format, then nothing or pairs of qualifiers (`/01/09506000134352/10/ABC/21/7`). Each format and
//! check digit is checked, which GS1's own "plausible" pattern does not do, so that `/2024/01/2025-news` and
//! `/2024/01/20240115` are not keys. A GTIN with a wrong check digit is a Digital Link only with qualifiers behind it, and
//! gives no GTIN. A compressed link is not decompressed: it keeps its kind and gives no key.

use super::gs1_elements;
use super::gtin::{check_digit_is_right, gtin_14, has_gtin_length};

/// A primary key as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrimaryKey {
    /// The key's value as written.
    pub value: String,
    /// GTIN-14, when the key is one and its check digit is right.
    pub gtin: Option<String>,
    /// Whether its check digit is right, or where it has none, its prefix may be a company's.
    pub is_right: bool,
}

/// Format of a key: its digits, and how many characters may follow them.
struct KeyFormat {
    ai: &'static str,
    /// Name in addresses made before version 1.3 of the standard.
    old_name: &'static str,
    digits: usize,
    more: usize,
    /// Whether the last of the digits is their check digit.
    is_checked: bool,
}

const fn format(ai: &'static str, old_name: &'static str, digits: usize, more: usize) -> KeyFormat {
    KeyFormat { ai, old_name, digits, more, is_checked: digits >= 13 }
}

/// Every primary key but the GTIN (GS1 Digital Link URI syntax, and the General Specifications for the formats). Keys
/// of free length begin with a company prefix and have no check digit; at least six digits are asked of them.
const FORMATS: &[KeyFormat] = &[
    format("00", "sscc", 18, 0),
    format("253", "gdti", 13, 17),
    format("255", "gcn", 13, 12),
    format("401", "ginc", 6, 24),
    format("402", "gsin", 17, 0),
    format("414", "gln", 13, 0),
    format("415", "payto", 13, 0),
    format("417", "party", 13, 0),
    format("8003", "grai", 14, 16),
    format("8004", "giai", 6, 24),
    format("8006", "itip", 18, 0),
    format("8010", "cpid", 6, 24),
    format("8013", "gmn", 6, 19),
    format("8017", "gsrnp", 18, 0),
    format("8018", "gsrn", 18, 0),
];

/// The key that `value` is by its format under the application identifier or old name `ai`, whatever its check digit.
pub(super) fn key(ai: &str, value: &str) -> Option<PrimaryKey> {
    let found = |gtin, is_right| Some(PrimaryKey { value: value.to_owned(), gtin, is_right });
    if is_gtin_name(ai) {
        let gtin = has_gtin_length(value).then(|| gtin_14(value))?;
        let is_right = gtin.is_some();
        return found(gtin, is_right);
    }
    let format = FORMATS.iter().find(|format| format.ai == ai || format.old_name.eq_ignore_ascii_case(ai))?;
    let (digits, more) = value.split_at_checked(format.digits)?;
    let fits = digits.bytes().all(|byte| byte.is_ascii_digit())
        && more.len() <= format.more
        && more.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        return None;
    }
    // An ITIP begins with the GTIN of the whole.
    let gtin = if format.ai == "8006" { value.get(..14).and_then(gtin_14) } else { None };
    let is_right = match (format.ai, format.is_checked) {
        ("8006", _) => gtin.is_some(),
        (_, true) => check_digit_is_right(digits),
        // Company prefixes of today are not given out like this, but the standard's own example of a model number is.
        ("8013", _) => true,
        (_, false) => !is_unassigned_prefix(digits),
    };
    found(gtin, is_right)
}

fn is_gtin_name(ai: &str) -> bool {
    ai == "01" || ai.eq_ignore_ascii_case("gtin")
}

/// Whether a number begins as no company prefix does: GS1 keeps 140 to 299 for other uses and for itself. Years and
/// dates begin so.
fn is_unassigned_prefix(digits: &str) -> bool {
    digits.get(..3).and_then(|prefix| prefix.parse::<u32>().ok()).is_some_and(|prefix| (140..300).contains(&prefix))
}

/// The key in a Digital Link's path, given its segments (unescaped, without a last empty one). The rightmost primary
/// key is the one that counts; what comes after it qualifies it.
pub fn digital_link(segments: &[String]) -> Option<PrimaryKey> {
    segments.windows(2).enumerate().rev().find_map(|(place, pair)| {
        let [ai, value] = pair else { return None };
        let key = key(ai, value.trim_end())?;
        if ai == "01" {
            // `/2024/01/20240115`: what has a date's eight digits is a GTIN-8 of no company either.
            let is_date = value.len() == 8 && is_unassigned_prefix(value);
            let before = place.checked_sub(1).and_then(|before| segments.get(before));
            // A month, and a time to the second that happens to have a right check digit.
            let is_time = before.is_some_and(|year| is_year(year)) && is_unassigned_prefix(value);
            if is_date || is_time {
                return None;
            }
        }
        let qualifiers = segments.get(place + 2..).unwrap_or_default();
        // Behind a right GTIN shops hang whatever they like; elsewhere only what the standard allows. A number whose
        // check digit is wrong is a key only where a qualifier shows that it is meant as one.
        let is_key = match (&key.gtin, key.is_right) {
            (Some(_), true) => true,
            (None, true) => are_qualifiers(qualifiers),
            (_, false) => !qualifiers.is_empty() && are_qualifiers(qualifiers),
        };
        is_key.then_some(key)
    })
}

fn is_year(segment: &str) -> bool {
    segment.len() == 4 && segment.parse::<u32>().is_ok_and(|year| (1900..2100).contains(&year))
}

fn are_qualifiers(segments: &[String]) -> bool {
    let is_name = |name: &str| {
        (2..=4).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_digit())
            || ["lot", "ser", "cpv", "cpsn", "glnx", "refno", "srin"].iter().any(|old| old.eq_ignore_ascii_case(name))
    };
    segments.len().is_multiple_of(2) && segments.iter().step_by(2).all(|name| is_name(name))
}

/// Whether an address on GS1's own resolver is a compressed Digital Link: one segment in the base 64 alphabet.
pub fn is_compressed(host: &str, segments: &[String]) -> bool {
    let [segment] = segments else { return false };
    host == "id.gs1.org"
        && segment.len() >= 10
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The key of an element string: `(01)09506000134352(10)ABC`, or the unbracketed form that a GS1 QR code gives behind
/// FNC1, told by its symbology identifier or separator.
pub fn element_string(text: &str) -> Option<PrimaryKey> {
    if let Some(bracketed) = text.strip_prefix('(') {
        let elements = bracketed.split('(').filter_map(|element| element.split_once(')'));
        // Thirteen digits at least: `(401)5551234` is a phone number in Rhode Island, not a consignment.
        let is_long = |value: &str| value.len() >= 13 && value.bytes().take(13).all(|byte| byte.is_ascii_digit());
        // People who type it leave blanks, as it is printed below bar codes.
        let elements = elements.map(|(ai, value)| gs1_elements::Element { ai: ai.trim(), value: value.trim() });
        let elements: Vec<_> = elements.filter(|element| is_long(element.value)).collect();
        return gs1_elements::product_key(&elements);
    }
    let marks = ["]Q3", "]Q4", "]d2", "]C1", "]e0", "\u{1d}"];
    let plain = marks.iter().find_map(|mark| text.strip_prefix(mark))?;
    gs1_elements::product_key(&gs1_elements::elements(plain).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(path: &str) -> Option<PrimaryKey> {
        digital_link(&path.split('/').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn digital_links_are_told_by_their_shape() {
        for (path, value, gtin) in [
            ("01/09506000134352", "09506000134352", Some("09506000134352")),
            ("01/9506000134352", "9506000134352", Some("09506000134352")),
            ("gtin/96385074", "96385074", Some("00000096385074")),
            ("some/shop/01/09506000134352/10/ABC/21/7", "09506000134352", Some("09506000134352")),
            ("01/09506000134352/22/2A/235/x", "09506000134352", Some("09506000134352")),
            ("01/09506000134352/green-tea", "09506000134352", Some("09506000134352")),
            ("GTIN/09506000134352/LOT/A", "09506000134352", Some("09506000134352")),
            ("01/09506000134353/10/ABC", "09506000134353", None),
            ("00/106141412345678908", "106141412345678908", None),
            ("414/9521321000019/254/1", "9521321000019", None),
            ("414/9521321000018", "9521321000018", None),
            ("8006/095060001343520102", "095060001343520102", Some("09506000134352")),
            ("8004/9506000ABC-1", "9506000ABC-1", None),
            ("253/9521321000018X9", "9521321000018X9", None),
            ("8013/1987654Ad4X4bL5ttr2310c2K", "1987654Ad4X4bL5ttr2310c2K", None),
            ("415/9521321000019/8020/INV-7", "9521321000019", None),
            ("01/09506000134352/414/9521321000019/254/1", "9521321000019", None),
            ("414/9521321000019/01/09506000134352/21/7", "09506000134352", Some("09506000134352")),
            ("2024/01/09506000134352", "09506000134352", Some("09506000134352")),
        ] {
            let key = link(path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!((key.value.as_str(), key.gtin.as_deref()), (value, gtin), "{path}");
        }
    }

    #[test]
    fn other_paths_are_none() {
        for path in [
            "",
            "01",
            "01/",
            "2024/01/2025-news",
            "2024/01/20240115",
            "news/01/20240107",
            "2024/01/20240115123000",
            "2024/01/20240115123003",
            "01/09506000134353",
            "01/4006381333930",
            "414/9521321000019",
            "253/9521321000019X9",
            "00/106141412345678907",
            "401/2024-report",
            "401/202401-report",
            "8004/20240115",
            "01/123",
            "01/09506000134353/green-tea",
            "00/1234",
            "401/not-found",
            "414/123",
            "999/09506000134352",
            "01/०९५०६०००१३४३५२",
            "8003/é",
        ] {
            assert_eq!(link(path), None, "{path}");
        }
    }

    #[test]
    fn element_strings() {
        let gtin = |text| element_string(text).and_then(|key| key.gtin);
        for text in [
            "(01)09506000134352(10)ABC",
            "(10)ABC(01)09506000134352",
            "(01) 09506000134352 (10) ABC",
            "(02)09506000134352(37)12",
            "(00)106141412345678908(02)09506000134352",
            "]Q30109506000134352",
            "\u{1d}010950600013435210ABC\u{1d}217",
            "]Q310ABC\u{1d}0109506000134352",
        ] {
            assert_eq!(gtin(text).as_deref(), Some("09506000134352"), "{text}");
        }
        assert_eq!(element_string("(01)09506000134353").map(|key| key.gtin), Some(None));
        for text in ["0109506000134352", "(1) first (2) second", "(01)", "(401)5551234", "]Q3", "]Q301é", "("] {
            assert_eq!(element_string(text), None, "{text}");
        }
    }
}
