//! The forms a text may have, each put into the settings or refused with what is expected.

use std::time::Duration;

/// S3's rule for bucket names, so that a local setup moves to S3 unchanged.
pub(super) fn bucket(name: &str, target: &mut String) -> Result<(), &'static str> {
    let edge = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    let allowed = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-' || *b == b'.';
    let valid = (3..=63).contains(&bytes.len())
        && bytes.iter().all(allowed)
        && edge(bytes.first())
        && edge(bytes.last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err();
    if !valid {
        return Err("a bucket name: 3 to 63 lower-case letters, digits, `-` or `.`, a letter or digit at both ends");
    }
    name.clone_into(target);
    Ok(())
}

/// One of a few words.
pub(super) fn choose<T: Copy>(
    word: &str,
    target: &mut T,
    expected: &'static str,
    words: &[(&str, T)],
) -> Result<(), &'static str> {
    let Some((_, chosen)) = words.iter().find(|(known, _)| *known == word) else { return Err(expected) };
    *target = *chosen;
    Ok(())
}

/// A number of days, 0 for none.
pub(super) fn days(days: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(days * 86_400.0).ok().filter(|time| !time.is_zero())
}

/// Text, or nothing when it is empty.
pub(super) fn optional(value: &str, target: &mut Option<String>) -> Result<(), &'static str> {
    *target = (!value.is_empty()).then(|| value.to_owned());
    Ok(())
}

/// Text that must be there.
pub(super) fn text(value: &str, target: &mut String) -> Result<(), &'static str> {
    if value.trim().is_empty() {
        return Err("a name that is not empty");
    }
    value.clone_into(target);
    Ok(())
}

/// A server's URL, or nothing when it is empty.
pub(super) fn endpoint(value: &str, target: &mut Option<String>) -> Result<(), &'static str> {
    let is_url = url::Url::parse(value).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !value.is_empty() && !is_url {
        return Err("a URL like `http://127.0.0.1:4566`");
    }
    optional(value, target)
}

/// A queue's URL, or nothing when it is empty.
pub(super) fn queue_url(value: &str, target: &mut String) -> Result<(), &'static str> {
    if !(value.is_empty() || value.starts_with("https://") || value.starts_with("http://")) {
        return Err("a queue URL like `https://sqs.eu-central-1.amazonaws.com/123456789012/photos`");
    }
    value.clone_into(target);
    Ok(())
}

/// An ARN, or nothing when it is empty.
pub(super) fn arn(value: &str, target: &mut Option<String>) -> Result<(), &'static str> {
    let is_arn = value.starts_with("arn:") && value.split(':').count() >= 6;
    if !value.is_empty() && !is_arn {
        return Err("an ARN like `arn:aws:iam::123456789012:role/scanmill`");
    }
    optional(value, target)
}

/// A name that needs no quotes in SQL: it becomes part of statements, where no parameter can stand.
pub(super) fn identifier(value: &str, target: &mut String) -> Result<(), &'static str> {
    let head = value.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    let tail = value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !head || !tail || value.len() > 63 {
        return Err("up to 63 lower-case letters, digits or `_`, no digit at the beginning");
    }
    value.clone_into(target);
    Ok(())
}

/// The table's bounds keep every such number within 32 bits.
pub(super) fn saturating_u32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

pub(super) fn size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// Endings of keys, separated by commas, in lower case. What can end no key, or was meant otherwise, is refused: a filter
/// that nothing fits would make every photo vanish without a word.
pub(super) fn suffixes(text: &str) -> Result<Vec<String>, &'static str> {
    let ends: Vec<String> =
        text.split(',').map(|end| end.trim().to_lowercase()).filter(|end| !end.is_empty()).collect();
    for end in &ends {
        if end.contains(char::is_whitespace) || end.contains([';', '|']) {
            return Err("endings separated by commas, like `.jpg, .jpeg`");
        }
        if end.contains(['*', '?', '[', '{']) {
            return Err("the ending itself, like `.jpg`, without `*`");
        }
        if end.contains(['/', '\\', '"', '\'']) {
            return Err("endings of file names, like `.jpg`");
        }
        if !end.chars().any(char::is_alphanumeric) {
            return Err("endings with a letter or digit, like `.jpg`");
        }
    }
    Ok(ends)
}
