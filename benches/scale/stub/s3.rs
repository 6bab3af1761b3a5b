//! The store: every photo is the same picture, results are kept in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::faults::Faults;
use super::{Answer, Draws, Request, take};
use crate::cases::{self, Case};

/// Of every object: that of one put in parts, so that nobody takes it for an MD5.
pub const ETAG: &str = "00112233445566778899aabbccddeeff-1";

/// A refusal comes faster than an object.
const REFUSED_AFTER: Duration = Duration::from_millis(10);
/// Time of writing an object.
const PUT: Duration = Duration::from_millis(50);

pub struct S3 {
    get: Duration,
    photo: Bytes,
    results: Mutex<BTreeMap<String, Bytes>>,
    faults: Faults,
    draws: Draws,
    gets: AtomicU64,
    open: AtomicI64,
    throttled: AtomicU64,
    puts: AtomicU64,
}

impl S3 {
    pub fn new(case: &Case) -> S3 {
        S3 {
            get: Duration::from_millis(case.get_ms),
            photo: cases::photo(case),
            results: Mutex::default(),
            faults: Faults::new(case),
            draws: Draws::new(),
            gets: AtomicU64::new(0),
            open: AtomicI64::new(0),
            throttled: AtomicU64::new(0),
            puts: AtomicU64::new(0),
        }
    }

    pub fn counts(&self) -> serde_json::Value {
        json!({
            "gets": self.gets.load(Ordering::Relaxed),
            "open": self.open.load(Ordering::Relaxed),
            "throttled": self.throttled.load(Ordering::Relaxed),
            "puts": self.puts.load(Ordering::Relaxed),
        })
    }

    pub async fn answer(&self, request: Request) -> Answer {
        let path = request.path.split('?').next().unwrap_or_default().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        match (request.method.as_str(), bucket) {
            ("PUT", _) => {
                tokio::time::sleep(PUT).await;
                self.puts.fetch_add(1, Ordering::Relaxed);
                let body = Bytes::from(plain(request.body));
                self.results().insert(key.to_owned(), body);
                Answer::xml(200, "")
            }
            (_, cases::INBOX) if !key.is_empty() => self.photo(key).await,
            (_, _) if !key.is_empty() => match self.results().get(key) {
                Some(body) => Answer { status: 200, kind: "application/octet-stream", body: body.clone() },
                None => Answer::xml(404, "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"),
            },
            _ => Answer::xml(
                200,
                "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>",
            ),
        }
    }

    async fn photo(&self, key: &str) -> Answer {
        // Asked for to see whether the bucket is there.
        if !key.starts_with(cases::PHOTOS) {
            return Answer::xml(404, "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>");
        }
        self.gets.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        let is_throttled = self.faults.is_throttled();
        if is_throttled {
            self.throttled.fetch_add(1, Ordering::Relaxed);
            take(REFUSED_AFTER, false).await;
        } else {
            take(self.get, self.draws.next() < 0.1).await;
        }
        self.open.fetch_sub(1, Ordering::Relaxed);
        match is_throttled {
            true => Answer::xml(503, "<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>"),
            false => Answer { status: 200, kind: "image/jpeg", body: self.photo.clone() },
        }
    }

    fn results(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The object of a body that comes in chunks with their lengths and a checksum behind it, as the SDK sends it.
fn plain(body: Vec<u8>) -> Vec<u8> {
    let mut rest = body.as_slice();
    let mut object = Vec::with_capacity(rest.len());
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        let line = std::str::from_utf8(&rest[..at]).unwrap_or_default();
        let length = usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16);
        match length {
            Ok(0) => return object,
            Ok(length) if at + 2 + length <= rest.len() => {
                object.extend_from_slice(&rest[at + 2..at + 2 + length]);
                rest = rest.get(at + 2 + length + 2..).unwrap_or_default();
            }
            _ => return body,
        }
    }
    body
}
