//! Users and passwords in the authority of an address.

use std::borrow::Cow;

use super::secrets::{REDACTED, is_word_end};

/// The text with `user:password@` replaced in every authority; borrowed when there is none.
pub(super) fn redact_user(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some(start) = authority(rest, out.is_empty()) {
        let (before, after) = rest.split_at(start);
        out.push_str(before);
        let end = authority_end(after);
        match after.get(..end).and_then(|authority| authority.rfind('@')) {
            Some(at) => {
                found |= after.get(..at) != Some(REDACTED);
                out.push_str(REDACTED);
                rest = after.get(at..).unwrap_or_default();
            }
            None => rest = after,
        }
    }
    if !found {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Where an authority ends. White space ends it, unless what is before is a user with the beginning of a password
/// (`me:my pass@host`).
fn authority_end(text: &str) -> usize {
    let end = text.find(['/', '\\', '?', '#']).unwrap_or(text.len());
    let within = text.get(..end).unwrap_or_default();
    // What is before is not a port: the sign is one of a password that was not escaped.
    if !within.contains(['@', '[']) && within.split_once(':').is_some_and(|(_, port)| !is_port(port)) {
        let word = text.get(..text.find(is_word_end).unwrap_or(text.len())).unwrap_or_default();
        if word.len() > end && word.contains('@') {
            return word.len();
        }
    }
    let Some(space) = within.find(is_word_end) else { return end };
    let before = within.get(..space).unwrap_or_default();
    let is_password = before.split_once(':').is_some_and(|(_, rest)| !is_port(rest));
    if is_password && !before.contains('@') { end } else { space }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Where the next authority begins: behind `//`, and at the start also behind every form of `http:` that a browser takes
/// (`http:host`, `http:/host`, `http:\\host`).
fn authority(text: &str, at_start: bool) -> Option<usize> {
    let lenient = text.find(':').filter(|colon| {
        let scheme = text.get(..*colon).unwrap_or_default().trim_start();
        at_start && (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
    });
    let behind = match lenient {
        Some(colon) => text.get(colon + 1..)?,
        None => text.split_at(text.find("//").into_iter().chain(text.find("\\\\")).min()?).1,
    };
    Some(text.len() - behind.trim_start_matches(['/', '\\']).len())
}
