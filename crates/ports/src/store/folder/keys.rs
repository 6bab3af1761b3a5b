//! Which buckets and keys a folder can hold, and as which file.
//!
//! A key is its file's path below the bucket, byte for byte: no escaping, so that people and other programs find their
//! files. What a file system cannot hold as it is, is refused with a reason instead of being bent into another name.

use scanmill_core::error::{Error, Result};

/// S3's own limit.
const MAX_KEY_BYTES: usize = 1_024;
/// What Linux file systems hold in one name.
const MAX_NAME_BYTES: usize = 255;

/// Where an object lies: folders below the root, the bucket first, then the file's name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ObjectPath<'a> {
    pub folders: Vec<&'a str>,
    pub name: &'a str,
}

/// The path of an object.
pub(super) fn object_path<'a>(bucket: &'a str, key: &'a str) -> Result<ObjectPath<'a>> {
    check_bucket(bucket)?;
    let refuse = |why: &str| {
        // A key may be anything, and long: what is quoted is escaped and cut.
        let quoted: String = key.chars().take(80).flat_map(char::escape_debug).collect();
        Error::permanent(format!("key `{quoted}` of bucket `{bucket}` cannot be a file: {why}"))
            .with_hint("S3 holds such a key, a folder does not: give the object another key")
    };
    if key.is_empty() {
        return Err(refuse("it is empty"));
    }
    if key.len() > MAX_KEY_BYTES {
        return Err(refuse("it is longer than 1,024 bytes"));
    }
    let mut folders = vec![bucket];
    let mut parts = key.split('/').peekable();
    while let Some(part) = parts.next() {
        match fault_of(part) {
            Some(KeyFault::Empty) if parts.peek().is_none() => return Err(refuse("it ends with a slash")),
            Some(fault) => return Err(refuse(fault.sentence())),
            None if parts.peek().is_none() => return Ok(ObjectPath { folders, name: part }),
            None => folders.push(part),
        }
    }
    Err(refuse("it is empty"))
}

/// A bucket is one folder directly under the root.
pub(super) fn check_bucket(bucket: &str) -> Result<()> {
    let why = match fault_of(bucket) {
        Some(fault) => fault.sentence(),
        None if bucket.contains('/') => "it contains a slash",
        None => return Ok(()),
    };
    let quoted: String = bucket.chars().take(80).flat_map(char::escape_debug).collect();
    Err(Error::permanent(format!("bucket `{quoted}` cannot be a folder: {why}"))
        .with_hint("a bucket is the name of a folder directly under `local.root`"))
}

/// Whether files of this name (and all below a folder of this name) are not objects: half-written files, ours and those
/// of `rsync` and others, and what desktops leave behind.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// Whether a key found in the folder could be asked for: hand-made folders may lie deeper than any key reaches.
pub(super) fn is_too_long(key: &str) -> bool {
    key.len() > MAX_KEY_BYTES
}

#[derive(Clone, Copy)]
enum KeyFault {
    Empty,
    Dots,
    Hidden,
    Nul,
    TooLong,
}

impl KeyFault {
    fn sentence(self) -> &'static str {
        match self {
            KeyFault::Empty => "it has an empty part (two slashes, or one at an end)",
            KeyFault::Dots => "`.` and `..` as a part name other folders",
            KeyFault::Hidden => "parts that begin with a dot are kept for files in the making",
            KeyFault::Nul => "it contains a NUL character",
            KeyFault::TooLong => "a part of it is longer than 255 bytes",
        }
    }
}

fn fault_of(part: &str) -> Option<KeyFault> {
    match part {
        "" => Some(KeyFault::Empty),
        "." | ".." => Some(KeyFault::Dots),
        _ if is_hidden(part) => Some(KeyFault::Hidden),
        _ if part.contains('\0') => Some(KeyFault::Nul),
        _ if part.len() > MAX_NAME_BYTES => Some(KeyFault::TooLong),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scanmill_core::error::Class;

    #[test]
    fn a_key_is_its_path() {
        let path = object_path("inbox", "2026/a b+c%2F#?\\ä\u{1F4F7}/x..jpg").unwrap();
        assert_eq!(path.folders, ["inbox", "2026", "a b+c%2F#?\\ä\u{1F4F7}"]);
        assert_eq!(path.name, "x..jpg");
        assert!(object_path("inbox", &"a".repeat(255)).is_ok());
    }

    #[test]
    fn what_a_folder_cannot_hold_is_refused_with_a_reason() {
        let long_name = "a".repeat(256);
        let long_key = "abc/".repeat(257);
        for (key, why) in [
            ("", "empty"),
            ("/", "empty part"),
            ("/etc/passwd", "empty part"),
            ("a//b", "empty part"),
            ("a/", "ends with a slash"),
            ("..", "other folders"),
            ("a/../../b", "other folders"),
            ("./a", "other folders"),
            ("a/.", "other folders"),
            (".hidden", "begin with a dot"),
            ("a/.git/b", "begin with a dot"),
            ("a\0b", "NUL"),
            (long_name.as_str(), "255"),
            (long_key.as_str(), "1,024"),
        ] {
            let error = object_path("inbox", key).unwrap_err();
            assert_eq!(error.class(), Class::Permanent, "{error}");
            assert!(error.to_string().contains(why), "{error}");
            assert!(error.hint_text().is_some());
        }
        for bucket in ["", ".", "..", "a/b", "/", ".x", "a\0"] {
            assert_eq!(object_path(bucket, "k").unwrap_err().class(), Class::Permanent, "{bucket:?}");
        }
    }
}
