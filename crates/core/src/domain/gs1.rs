//! GS1 Digital Link addresses and element strings: which key they name.
//!
//! Any domain may serve Digital Links, so only the path's shape tells one: a primary key's application identifier, a
//! value of that key's format, then nothing or pairs of qualifiers (`/01/09506000134352/10/ABC/21/7`). Each format is
//! checked, which GS1's own "plausible" pattern does not do, so that `/2024/01/2025-news` is no key. A GTIN with a wrong
//! check digit is still the shape of a Digital Link; it gives no GTIN.

use super::gs1_elements;
use super::gtin::{gtin_14, has_gtin_length};

/// A primary key as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key's value as written.
    pub value: String,
    /// GTIN-14, when the key is one and its check digit is right.
    pub gtin: Option<String>,
}

/// Format of a key: its digits, and how many characters may follow them.
struct Format {
    ai: &'static str,
    /// Name in addresses made before version 1.3 of the standard.
    old_name: &'static str,
    digits: usize,
    more: usize,
}

const fn format(ai: &'static str, old_name: &'static str, digits: usize, more: usize) -> Format {
    Format { ai, old_name, digits, more }
}

/// Every primary key but the GTIN (GS1 Digital Link URI syntax, and the General Specifications for the formats). Keys
/// of free length begin with a company prefix, of which at least four digits are asked.
const FORMATS: &[Format] = &[
    format("00", "sscc", 18, 0),
    format("253", "gdti", 13, 17),
    format("255", "gcn", 13, 12),
    format("401", "ginc", 4, 26),
    format("402", "gsin", 17, 0),
    format("414", "gln", 13, 0),
    format("417", "party", 13, 0),
    format("8003", "grai", 14, 16),
    format("8004", "giai", 4, 26),
    format("8006", "itip", 18, 0),
    format("8010", "cpid", 4, 26),
    format("8013", "gmn", 4, 21),
    format("8017", "gsrnp", 18, 0),
    format("8018", "gsrn", 18, 0),
];

/// The key that `value` is under the application identifier or old name `ai`.
pub(super) fn key(ai: &str, value: &str) -> Option<Key> {
    let found = |gtin| Some(Key { value: value.to_owned(), gtin });
    if ai == "01" || ai.eq_ignore_ascii_case("gtin") {
        return if has_gtin_length(value) { found(gtin_14(value)) } else { None };
    }
    let format = FORMATS.iter().find(|format| format.ai == ai || format.old_name.eq_ignore_ascii_case(ai))?;
    let (digits, more) = value.split_at_checked(format.digits)?;
    let fits = digits.bytes().all(|byte| byte.is_ascii_digit())
        && more.len() <= format.more
        && more.bytes().all(|byte| byte.is_ascii_graphic());
    // An ITIP begins with the GTIN of the whole.
    let gtin = if format.ai == "8006" { value.get(..14).and_then(gtin_14) } else { None };
    if fits { found(gtin) } else { None }
}

/// The key in a Digital Link's path, given its segments (unescaped, without a last empty one).
pub fn digital_link(segments: &[String]) -> Option<Key> {
    segments.windows(2).enumerate().find_map(|(place, pair)| {
        let [ai, value] = pair else { return None };
        let key = key(ai, value)?;
        let qualifiers = segments.get(place + 2..).unwrap_or_default();
        // Behind a right GTIN shops hang whatever they like; elsewhere only what the standard allows.
        (key.gtin.is_some() || are_qualifiers(qualifiers)).then_some(key)
    })
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
pub fn element_string(text: &str) -> Option<Key> {
    if let Some(bracketed) = text.strip_prefix('(') {
        let mut elements = bracketed.split('(').filter_map(|element| element.split_once(')'));
        // Thirteen digits at least: `(401)5551234` is a phone number in Rhode Island, not a consignment.
        let is_long = |value: &str| value.len() >= 13 && value.bytes().take(13).all(|byte| byte.is_ascii_digit());
        return elements.find_map(|(ai, value)| if is_long(value) { key(ai, value) } else { None });
    }
    let marks = ["]Q3", "]Q4", "]d2", "]C1", "]e0", "\u{1d}"];
    let plain = marks.iter().find_map(|mark| text.strip_prefix(mark))?;
    gs1_elements::product_key(&gs1_elements::elements(plain).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(path: &str) -> Option<Key> {
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
            ("8006/095060001343520102", "095060001343520102", Some("09506000134352")),
            ("8004/9506000ABC-1", "9506000ABC-1", None),
            ("253/9521321000019X9", "9521321000019X9", None),
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
