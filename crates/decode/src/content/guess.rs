//! The character set of bytes whose code names none.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{self as rs, Encoding};

use super::charset::Charset;

/// Label of bytes that are ASCII, which all sets in question hold.
pub(super) const ASCII: &str = "ascii";

/// What the undesignated bytes of a message are.
pub(super) struct Guess {
    set: Charset,
    label: String,
}

impl Guess {
    /// UTF-8 where the bytes are valid as such, else the likeliest set. `is_japanese`: kanji mode in the same message.
    pub(super) fn of(bytes: &[u8], is_japanese: bool) -> Guess {
        if std::str::from_utf8(bytes).is_ok() {
            return Guess { set: Charset::Table(rs::UTF_8), label: "utf-8".to_owned() };
        }
        let table = likeliest(bytes, is_japanese);
        Guess { set: Charset::Table(table), label: format!("guess:{}", table.name().to_ascii_lowercase()) }
    }

    /// The standard's default, ISO 8859-1, unless that would be control characters.
    pub(super) fn standard(bytes: &[u8]) -> Guess {
        if is_plain(rs::WINDOWS_1252, bytes) {
            return Guess { set: Charset::Table(rs::WINDOWS_1252), label: "iso-8859-1".to_owned() };
        }
        Guess::of(bytes, false)
    }

    /// The text of a part of the bytes, and its label.
    pub(super) fn decode(&self, bytes: &[u8]) -> (String, String) {
        let label = if bytes.is_ascii() { ASCII } else { &self.label };
        (self.set.decode_lossy(bytes), label.to_owned())
    }
}

/// Whether the bytes are a text without control characters in this set.
fn is_plain(table: &'static Encoding, bytes: &[u8]) -> bool {
    let is_strange = |character: char| {
        character.is_control() && !character.is_ascii() || ('\u{e000}'..='\u{f8ff}').contains(&character)
    };
    table.decode_without_bom_handling_and_without_replacement(bytes).is_some_and(|text| !text.chars().any(is_strange))
}

fn likeliest(bytes: &[u8], is_japanese: bool) -> &'static Encoding {
    if is_japanese && is_plain(rs::SHIFT_JIS, bytes) {
        return rs::SHIFT_JIS;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Deny)
}
