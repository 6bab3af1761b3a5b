//! From a checked value to the type of its field, and the forms a text may have, each refused with what is expected.

use std::path::PathBuf;
use std::time::Duration;

use super::Value;

/// What a form gives, or what is expected instead.
pub type Read<T> = Result<T, &'static str>;

/// A type of whole numbers. The bounds of a key keep every number within it.
pub trait FromWhole {
    /// The number, or the largest of this type.
    fn from_whole(number: u64) -> Self;
}

impl FromWhole for u64 {
    fn from_whole(number: u64) -> u64 {
        number
    }
}

impl FromWhole for u32 {
    fn from_whole(number: u64) -> u32 {
        u32::try_from(number).unwrap_or(u32::MAX)
    }
}

impl FromWhole for usize {
    fn from_whole(number: u64) -> usize {
        usize::try_from(number).unwrap_or(usize::MAX)
    }
}

/// A whole number.
pub fn whole<T: FromWhole>(value: Value) -> Read<T> {
    match value {
        Value::Whole(number) => Ok(T::from_whole(number)),
        _ => Err("a whole number"),
    }
}

/// A whole number of seconds.
pub fn seconds(value: Value) -> Read<Duration> {
    whole(value).map(Duration::from_secs)
}

/// A whole number of milliseconds.
pub fn milliseconds(value: Value) -> Read<Duration> {
    whole(value).map(Duration::from_millis)
}

/// A number.
pub fn decimal(value: Value) -> Read<f64> {
    match value {
        Value::Decimal(number) => Ok(number),
        _ => Err("a number"),
    }
}

/// A number of days, 0 for none.
pub fn days(value: Value) -> Read<Option<Duration>> {
    decimal(value).map(|days| time(days * 86_400.0))
}

/// A number of hours, 0 for none.
pub fn hours(value: Value) -> Read<Option<Duration>> {
    decimal(value).map(|hours| time(hours * 3_600.0))
}

fn time(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero())
}

/// `true` or `false`.
pub fn flag(value: Value) -> Read<bool> {
    match value {
        Value::Flag(flag) => Ok(flag),
        _ => Err("`true` or `false`"),
    }
}

/// A folder's path.
pub fn folder(value: Value) -> Read<PathBuf> {
    match value {
        Value::Folder(path) => Ok(path),
        _ => Err("a folder"),
    }
}

/// Text, to be read further.
pub fn text(value: Value) -> Read<String> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err("text"),
    }
}

/// Any text.
pub fn any(text: &str) -> Read<String> {
    Ok(text.to_owned())
}

/// Text, or nothing when it is empty.
pub fn optional(text: &str) -> Read<Option<String>> {
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Text that must be there.
pub fn name(text: &str) -> Read<String> {
    if text.trim().is_empty() { Err("a name that is not empty") } else { Ok(text.to_owned()) }
}

/// A server's URL, or nothing when it is empty.
pub fn endpoint(text: &str) -> Read<Option<String>> {
    let is_url = url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !text.is_empty() && !is_url {
        return Err("a URL like `http://127.0.0.1:4566`");
    }
    optional(text)
}

/// A queue's URL, or nothing when it is empty.
pub fn queue_url(text: &str) -> Read<String> {
    if !(text.is_empty() || text.starts_with("https://") || text.starts_with("http://")) {
        return Err("a queue URL like `https://sqs.eu-central-1.amazonaws.com/123456789012/photos`");
    }
    any(text)
}

/// An ARN, or nothing when it is empty.
pub fn arn(text: &str) -> Read<Option<String>> {
    let is_arn = text.starts_with("arn:") && text.split(':').count() >= 6;
    if !text.is_empty() && !is_arn {
        return Err("an ARN like `arn:aws:iam::123456789012:role/scanmill`");
    }
    optional(text)
}

/// A name that needs no quotes in SQL: it becomes part of statements, where no parameter can stand.
pub fn identifier(text: &str) -> Read<String> {
    let head = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    let tail = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !head || !tail || text.len() > 63 {
        return Err("up to 63 lower-case letters, digits or `_`, no digit at the beginning");
    }
    any(text)
}
