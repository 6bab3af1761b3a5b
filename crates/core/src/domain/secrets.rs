//! What must not reach a warehouse: passwords and tokens inside addresses.
//!
//! The rules work on the raw text, so that what they leave is exactly what the code said. Where a text is odd they
//! take away too much rather than too little. [`REDACTED`] needs no escaping in any place.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What stands where a secret was.
pub const REDACTED: &str = "REDACTED";

/// Parameter names that are secret as a whole, without punctuation, lower case.
const SECRET_NAMES: &[&str] =
    &["auth", "authorization", "awsaccesskeyid", "bearer", "jwt", "otp", "pass", "passphrase", "pin", "pwd", "sig"];

/// What the other secret names end in: `access_token`, `X-Amz-Signature`, `client_secret` and so on.
const SECRET_ENDINGS: &[&str] = &[
    "accesskey",
    "apikey",
    "credential",
    "credentials",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "sessionid",
    "signature",
    "token",
];

/// How often a value is unescaped in search of an address inside it.
const MAX_UNESCAPE: usize = 3;

/// Whether a parameter of this name holds a secret. Case, punctuation and escapes do not hide it.
pub fn is_secret_name(name: &str) -> bool {
    let name = unescape(name);
    // `amp;` is left of a link copied from HTML; `;` also parts parameters.
    let name = name.rsplit(';').next().unwrap_or_default();
    let plain: String = name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    SECRET_NAMES.contains(&plain.as_str()) || SECRET_ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

/// Whether a value holds an address with a secret in it, escaped or not: `https%3A%2F%2Fx%2F%3Ftoken%3Dabc`.
pub fn holds_secret(value: &str) -> bool {
    let mut value = Cow::Borrowed(value);
    for _ in 0..=MAX_UNESCAPE {
        let parameters = value.split(['?', '&', '#', ';', '/']).filter_map(|part| part.split_once('='));
        if parameters.into_iter().any(|(name, _)| is_secret_name(name)) || redact_user(&value).is_some() {
            return true;
        }
        let plain = percent_decode_str(&value).decode_utf8_lossy().into_owned();
        if plain == value {
            return false;
        }
        value = Cow::Owned(plain);
    }
    // Escaped more often than any honest sender does.
    value.contains('%')
}

/// A path, with or without what stands before it, without user, password and the values of secret parameters.
pub fn redact_path(path: &str) -> String {
    let path = redact_user(path).map_or(Cow::Borrowed(path), Cow::Owned);
    let segments: Vec<Cow<'_, str>> = path.split('/').map(redact_segment).collect();
    segments.join("/")
}

/// A path segment without the values of secret parameters (`42;jsessionid=…`).
fn redact_segment(segment: &str) -> Cow<'_, str> {
    if !holds_secret(segment) {
        return Cow::Borrowed(segment);
    }
    let parts: Vec<String> = segment.split(';').map(redact_parameter).collect();
    Cow::Owned(parts.join(";"))
}

/// One `name=value`; a part without `=` is a value.
fn redact_parameter(part: &str) -> String {
    match part.split_once('=') {
        Some((name, value)) if is_secret_name(name) || holds_secret(value) => {
            if holds_secret(name) {
                REDACTED.to_owned()
            } else {
                format!("{name}={REDACTED}")
            }
        }
        None if holds_secret(part) => REDACTED.to_owned(),
        _ => part.to_owned(),
    }
}

/// One address without user and password, and without the values of secret parameters in path, query and fragment.
/// Space around it stays.
pub fn redact_uri(text: &str) -> String {
    let uri = text.trim_start();
    let (before, uri) = (text.get(..text.len() - uri.len()).unwrap_or_default(), uri.trim_end());
    let after = text.get(before.len() + uri.len()..).unwrap_or_default();
    let tail = uri.find(['?', '#']).unwrap_or(uri.len());
    let (path, tail) = uri.split_at(tail);
    let mut out = before.to_owned() + &redact_path(path);
    for part in tail.split_inclusive(['?', '#', '&']) {
        let end = part.trim_end_matches(['?', '#', '&']);
        out.push_str(&redact_parameter(end));
        out.push_str(part.get(end.len()..).unwrap_or_default());
    }
    out + after
}

/// A text with [`redact_uri`] applied to every address in it.
pub fn redact_text(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    words.map(|word| if word.contains("://") { Cow::Owned(redact_uri(word)) } else { Cow::Borrowed(word) }).collect()
}

/// The text with `user:password@` replaced in every authority, or `None` when there is none.
fn redact_user(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some(start) = authority(rest, out.is_empty()) {
        let (before, after) = rest.split_at(start);
        out.push_str(before);
        let end = after.find(['/', '\\', '?', '#']).unwrap_or(after.len());
        match after.get(..end).and_then(|authority| authority.rfind('@')) {
            Some(at) => {
                found |= after.get(..at) != Some(REDACTED);
                out.push_str(REDACTED);
                rest = after.get(at..).unwrap_or_default();
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    found.then_some(out)
}

/// Where the next authority begins: behind `://`, and at the start also behind every form of `http:` that a browser
/// takes (`http:host`, `http:/host`, `http:\\host`).
fn authority(text: &str, at_start: bool) -> Option<usize> {
    let lenient = text.find(':').filter(|colon| {
        let scheme = text.get(..*colon).unwrap_or_default().trim_start();
        at_start && (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
    });
    let colon = match lenient {
        Some(colon) => colon,
        None => text.find("://")?,
    };
    let behind = text.get(colon + 1..)?;
    Some(text.len() - behind.trim_start_matches(['/', '\\']).len())
}

fn unescape(text: &str) -> Cow<'_, str> {
    let mut plain = Cow::Borrowed(text);
    for _ in 0..MAX_UNESCAPE {
        if !plain.contains('%') {
            break;
        }
        plain = Cow::Owned(percent_decode_str(&plain).decode_utf8_lossy().into_owned());
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_secrets_and_nothing_else() {
        for (uri, expected) in [
            ("https://x.de/a?b=1&c=2#d", "https://x.de/a?b=1&c=2#d"),
            ("https://me:pw@x.de/a", "https://REDACTED@x.de/a"),
            ("https://ghp_abc@x.de/a@b", "https://REDACTED@x.de/a@b"),
            ("https://a@b:c@x.de", "https://REDACTED@x.de"),
            ("https:me:pw@x.de", "https:REDACTED@x.de"),
            ("https:\\\\me:pw@x.de\\a", "https:\\\\REDACTED@x.de\\a"),
            ("ftp://me:pw@x.de/a", "ftp://REDACTED@x.de/a"),
            ("https://x.de/a?token=s3cr/et==&b=1", "https://x.de/a?token=REDACTED&b=1"),
            ("https://x.de/?Access-Token=s&API_KEY=s&b", "https://x.de/?Access-Token=REDACTED&API_KEY=REDACTED&b"),
            ("https://x.de/?%74oken=s", "https://x.de/?%74oken=REDACTED"),
            ("https://x.de/?a=1&amp;sig=s", "https://x.de/?a=1&amp;sig=REDACTED"),
            ("https://x.de/?a=1;token=s", "https://x.de/?a=REDACTED"),
            ("https://x.de/#access_token=s&state=1", "https://x.de/#access_token=REDACTED&state=1"),
            ("https://x.de/#/login?pwd=s", "https://x.de/#/login?pwd=REDACTED"),
            ("https://x.de/p/42;jsessionid=s/q", "https://x.de/p/42;jsessionid=REDACTED/q"),
            ("https://x.de/?to=https%3A%2F%2Fy.de%2F%3Ftoken%3Ds", "https://x.de/?to=REDACTED"),
            ("https://x.de/?to=https%253A%252F%252Fme%253Apw%2540y.de", "https://x.de/?to=REDACTED"),
            ("https://x.de/go/https://me:pw@y.de/", "https://x.de/go/https://REDACTED@y.de/"),
            ("https://x.de/p%3Ftoken%3Ds", "https://x.de/REDACTED"),
            (
                "https://x.de/?X-Amz-Credential=s&X-Amz-Signature=s",
                "https://x.de/?X-Amz-Credential=REDACTED&X-Amz-Signature=REDACTED",
            ),
            ("https://x.de/?tokens_left=3&pinned=1&design=2", "https://x.de/?tokens_left=3&pinned=1&design=2"),
        ] {
            assert_eq!(redact_uri(uri), expected, "{uri}");
            assert_eq!(redact_uri(expected), expected, "twice");
        }
    }

    #[test]
    fn texts_keep_their_words() {
        assert_eq!(
            redact_text("See https://x.de/?token=s\nor  call password=1"),
            "See https://x.de/?token=REDACTED\nor  call password=1"
        );
    }
}
