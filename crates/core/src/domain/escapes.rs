//! Percent-encoding (RFC 3986 §2.1): one way to write each address, and ids that stay as different as they are.

use percent_encoding::percent_decode_str;

use super::address::is_invisible;

/// Escapes as RFC 3986 §6.2.2 wants them: hex digits in capitals, and none for a character that needs none. Where a `%`
/// begins no escape, what follows stays escaped: decoding `%%41` would give `%A`, which the next letters could turn into
/// an escape that nobody wrote.
pub fn tidy(text: &str) -> String {
    let is_right = is_valid(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        match byte_of(escape) {
            Some(byte) if is_right && (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) => {
                out.push(char::from(byte));
                rest = escape.get(3..).unwrap_or_default();
            }
            Some(byte) => {
                out.push_str(&format!("%{byte:02X}"));
                rest = escape.get(3..).unwrap_or_default();
            }
            None => {
                out.push('%');
                rest = escape.get(1..).unwrap_or_default();
            }
        }
    }
    out + rest
}

/// A text without escapes, where that is certain to be no other text: an escaped `%` stays escaped, and so does all of
/// a text with broken escapes or bytes that are not UTF-8.
pub fn unescape_id(text: &str) -> String {
    if !is_valid(text) {
        return text.to_owned();
    }
    // `%2525` is what `%25` becomes when it is to survive the decoding.
    let kept = text.replace("%25", "%2525");
    match percent_decode_str(&kept).decode_utf8() {
        Ok(plain) if !plain.contains(char::is_control) => plain.into_owned(),
        _ => text.to_owned(),
    }
}

/// A segment of a path without the parameters that somebody hung behind it with `&` where `?` was meant: `42&utm_source=qr`.
pub fn without_parameters(segment: &str) -> &str {
    let is_parameter = |rest: &str| {
        let (name, _) = rest.split_once('=').unwrap_or_default();
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.;[]".contains(&byte))
    };
    let start = segment.match_indices('&').find(|(at, _)| segment.get(at + 1..).is_some_and(is_parameter));
    start.and_then(|(at, _)| segment.get(..at)).unwrap_or(segment)
}

/// An id without what a sentence or a slip of the pen left around it: blanks, invisible letters, punctuation, a bracket that
/// closes what was not opened.
pub fn bare_id(id: &str) -> &str {
    let is_around = |letter: char| letter.is_whitespace() || is_invisible(letter);
    let is_closing = |letter: char| letter == ')' && !id.contains('(') || letter == ']' && !id.contains('[');
    let is_behind = |letter: char| is_around(letter) || ".,:!?*'".contains(letter) || is_closing(letter);
    id.trim_start_matches(is_around).trim_end_matches(is_behind)
}

/// Whether every `%` begins an escape.
fn is_valid(text: &str) -> bool {
    text.match_indices('%').all(|(at, _)| text.get(at..).and_then(byte_of).is_some())
}

/// The byte that the escape at the beginning stands for.
fn byte_of(escape: &str) -> Option<u8> {
    let hex = escape.get(1..3).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u8::from_str_radix(hex, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_written_one_way() {
        for (raw, expected) in [
            ("%c3%9f%7e%41", "%C3%9F~A"),
            ("50%", "50%"),
            ("%zz", "%zz"),
            ("%%41", "%%41"),
            ("%4%31", "%4%31"),
            ("%%4a", "%%4A"),
            ("%2541", "%2541"),
        ] {
            assert_eq!(tidy(raw), expected);
        }
    }

    #[test]
    fn ids_lose_their_escapes_where_that_is_safe() {
        for (raw, expected) in [
            ("blue%20shoe", "blue shoe"),
            ("stra%C3%9Fe", "straße"),
            ("100%25", "100%25"),
            ("%zz", "%zz"),
            ("%25zz", "%25zz"),
            ("%FF", "%FF"),
            ("%FE", "%FE"),
            ("a%0Ab", "a%0Ab"),
        ] {
            assert_eq!(unescape_id(raw), expected);
        }
    }

    proptest! {
        #[test]
        fn tidying_twice_is_tidying_once(text in "[%0-9a-fA-Fzß~/]{0,12}") {
            let once = tidy(&text);
            prop_assert_eq!(tidy(&once), once);
        }

        #[test]
        fn different_addresses_give_different_ids(left in "(%[0-9A-F]{2}|%|[a-zA-F0-9]){0,4}", right in "(%[0-9A-F]{2}|%|[a-zA-F0-9]){0,4}") {
            let (left, right) = (tidy(&left), tidy(&right));
            prop_assert!(left == right || unescape_id(&left) != unescape_id(&right), "{left} {right}");
        }
    }
}
