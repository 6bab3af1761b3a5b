//! Payload bytes to text.

use encoding_rs::{GB18030, SHIFT_JIS, UTF_8, WINDOWS_1252};

/// The text of bytes whose character set nobody named: UTF-8 when it is valid, else Shift_JIS or GB18030 when all of it
/// decodes and a fair part is not ASCII, else Latin-1 (as windows-1252), which takes any byte.
pub(super) fn guess(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
    }
    // A lone accented letter makes a valid pair with its neighbour in both; western text has few of them.
    let high = bytes.iter().filter(|byte| **byte >= 0x80).count();
    let mostly_high = high * 3 >= bytes.len();
    let candidates = if mostly_high { &[SHIFT_JIS, GB18030][..] } else { &[] };
    for encoding in candidates.iter().chain([&UTF_8]) {
        if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) {
            return text.into_owned();
        }
    }
    WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()
}
