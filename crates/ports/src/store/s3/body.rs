//! Reading a body: no more than was allowed, whole, unchanged, and not for ever.

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_checksums::ChecksumAlgorithm;
use aws_smithy_types::base64;
use bytes::{Bytes, BytesMut};
use md5::{Digest, Md5};
use tokio::time::{Instant, timeout_at};

use scanmill_core::error::{Error, Result};
use scanmill_core::hex::hex;

/// Longest wait for the next bytes of a body.
const MAX_STALL: Duration = Duration::from_secs(10);

/// Slowest pace that still counts as reading, over a whole body.
const MIN_BYTES_A_SECOND: u64 = 64 << 10;

/// What the answer's head says of the body.
#[derive(Default)]
pub(super) struct ExpectedBody {
    /// Its length in bytes.
    pub length: Option<u64>,
    /// The MD5 of it, in hex, where nothing better is verified.
    pub md5: Option<String>,
    /// The store's own checksum of it, where nobody else verifies it.
    pub checksum: Option<Checksum>,
}

/// A checksum in base 64.
pub(super) struct Checksum {
    pub algorithm: ChecksumAlgorithm,
    pub value: String,
}

/// How long a body may take.
#[derive(Clone, Copy)]
pub(super) struct BodyTimeouts {
    stall: Duration,
    start: Duration,
}

impl BodyTimeouts {
    /// By the longest time for one call.
    pub(super) fn of(attempt_timeout: Duration) -> BodyTimeouts {
        BodyTimeouts { stall: attempt_timeout.min(MAX_STALL), start: attempt_timeout }
    }
}

/// Reads `body` to its end.
///
/// # Errors
/// Poison when it has more than `max_bytes`; where its head says so, nothing of it is read. Transient when it stalls,
/// breaks off, or is not what was written.
pub(super) async fn read(
    body: ByteStream,
    expected: &ExpectedBody,
    max_bytes: u64,
    pace: BodyTimeouts,
    what: &str,
) -> Result<Bytes> {
    let too_large =
        |size: &str| Error::too_large(format!("{what} has {size} bytes, and at most {max_bytes} are allowed"));
    if let Some(length) = expected.length.filter(|length| *length > max_bytes) {
        return Err(too_large(&length.to_string()));
    }
    let likely = expected.length.unwrap_or(0).min(max_bytes);
    let longest = pace.start + Duration::from_secs(expected.length.unwrap_or(max_bytes) / MIN_BYTES_A_SECOND);
    let deadline = Instant::now() + longest;
    let mut body = body;
    let mut bytes = BytesMut::with_capacity(usize::try_from(likely).unwrap_or(0));
    let mut md5 = expected.md5.is_some().then(Md5::new);
    let mut checksum = expected.checksum.as_ref().map(|checksum| checksum.algorithm.into_impl());
    let changed = || format!("reading {what}: the body broke off or was changed on the way");
    loop {
        let next = timeout_at(deadline.min(Instant::now() + pace.stall), body.next()).await;
        let Ok(next) = next else {
            let count = bytes.len();
            return Err(Error::transient(format!("reading {what}: the body stalled after {count} bytes")));
        };
        match next {
            None => break,
            Some(Err(error)) => {
                return Err(Error::transient(changed()).with_source(error));
            }
            Some(Ok(chunk)) => {
                if (bytes.len() + chunk.len()) as u64 > max_bytes {
                    return Err(too_large("more"));
                }
                if let Some(md5) = &mut md5 {
                    md5.update(&chunk);
                }
                if let Some(checksum) = &mut checksum {
                    checksum.update(&chunk);
                }
                bytes.extend_from_slice(&chunk);
            }
        }
    }
    let count = bytes.len() as u64;
    if let Some(length) = expected.length.filter(|length| *length != count) {
        return Err(Error::transient(format!("reading {what}: {count} of {length} bytes came")));
    }
    if let (Some(checksum), Some(expected)) = (checksum, &expected.checksum)
        && base64::encode(checksum.finalize()) != expected.value
    {
        let algorithm = expected.algorithm.as_str();
        return Err(Error::transient(format!("{}: its {algorithm} is not {}", changed(), expected.value)));
    }
    if let (Some(md5), Some(etag)) = (md5, &expected.md5) {
        let found = hex(&md5.finalize());
        if !found.eq_ignore_ascii_case(etag) {
            return Err(Error::transient(format!(
                "reading {what}: its {count} bytes were changed on the way, their MD5 {found} is not its eTag {etag}"
            )));
        }
    }
    Ok(bytes.freeze())
}
