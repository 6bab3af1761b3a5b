//! The forms that a text of the engine's own sections may have, each refused with what is expected.

use std::net::{Ipv4Addr, SocketAddr};

use crate::section::Read;

use crate::domain::Exclusions;

/// S3's rule for bucket names, so that a local setup moves to S3 unchanged.
pub(super) fn bucket(name: &str) -> Read<String> {
    let edge = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    let allowed = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-' || *b == b'.';
    let valid = (3..=63).contains(&bytes.len())
        && bytes.iter().all(allowed)
        && edge(bytes.first())
        && edge(bytes.last())
        && !name.contains("..")
        && name.parse::<Ipv4Addr>().is_err();
    if !valid {
        return Err("a bucket name: 3 to 63 lower-case letters, digits, `-` or `.`, a letter or digit at both ends");
    }
    Ok(name.to_owned())
}

/// The names in a list separated by commas.
fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// Bucket names, separated by commas.
pub(super) fn buckets(text: &str) -> Read<Vec<String>> {
    listed(text).map(bucket).collect()
}

/// Names of hosts, separated by commas.
pub(super) fn hosts(text: &str) -> Read<Vec<String>> {
    let host = |name: &str| {
        if name.contains([':', '/', ' ']) {
            return Err("host names without scheme and port, like `engine-1.internal`");
        }
        Ok(name.trim_end_matches('.').to_owned())
    };
    listed(text).map(host).collect()
}

/// Address to listen at, or nothing. Of names only that of this machine: another's address may change between two looks,
/// and a name server that is away would keep every command from its settings.
pub(super) fn address(text: &str) -> Read<Option<SocketAddr>> {
    const EXPECTED: &str =
        "an IP address or `localhost`, with port, like `127.0.0.1:9464` or `localhost:9464`; or `off`";
    let named = || {
        let (host, port) = text.rsplit_once(':')?;
        let is_this_machine = host.trim_end_matches('.').eq_ignore_ascii_case("localhost");
        let port = port.bytes().all(|digit| digit.is_ascii_digit()).then(|| port.parse().ok())??;
        is_this_machine.then_some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    };
    match text {
        "" | "off" => Ok(None),
        address => address.parse().ok().or_else(named).map(Some).ok_or(EXPECTED),
    }
}

/// Permissions to leave out. Those of the owner stay.
pub(super) fn umask(text: &str) -> Read<u32> {
    const EXPECTED: &str = "three octal digits like `077`, of which the first is 0";
    let umask = u32::from_str_radix(text, 8).map_err(|_| EXPECTED)?;
    if text.len() != 3 || umask > 0o077 { Err(EXPECTED) } else { Ok(umask) }
}

/// Globs alone, without housekeeping, which has a key of its own.
pub(super) fn globs(text: &str) -> Read<Exclusions> {
    Exclusions::default().with_housekeeping(false).with_globs(text)
}

/// Levels of the log.
pub(super) fn levels(text: &str) -> Read<String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err("levels like `info` or `info,scanmill=debug`"),
    }
}

/// Endings of keys, separated by commas, in lower case. What can end no key, or was meant otherwise, is refused: a filter
/// that nothing fits would make every photo vanish without a word.
pub(super) fn suffixes(text: &str) -> Read<Vec<String>> {
    let ends: Vec<String> = listed(text).map(str::to_lowercase).collect();
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
        if !end.chars().any(char::is_alphanumeric) || end.starts_with("..") {
            return Err("endings with a letter or digit, like `.jpg`");
        }
    }
    Ok(ends)
}
