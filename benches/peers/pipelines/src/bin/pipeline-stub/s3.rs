//! The store: photos under as many keys as there are messages, results in memory.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use md5::{Digest, Md5};

use super::{Answer, Request, crc};

pub const INBOX: &str = "photos";

struct Photo {
    bytes: Bytes,
    etag: String,
    crc: String,
}

pub struct S3 {
    photos: Vec<Photo>,
    results: Mutex<BTreeMap<String, Bytes>>,
    out: PathBuf,
}

impl S3 {
    /// The files of a folder, in the order of their names.
    pub fn new(photos: &Path, out: &Path) -> Result<S3> {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(photos)?.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let photo = |path: PathBuf| {
            let bytes = Bytes::from(std::fs::read(path)?);
            Ok(Photo { etag: md5_hex(&bytes), crc: crc::crc64_nvme(&bytes), bytes })
        };
        let photos: Vec<Photo> = paths.into_iter().map(photo).collect::<Result<_>>()?;
        if photos.is_empty() {
            return Err(Error::other("no photos"));
        }
        Ok(S3 { photos, results: Mutex::default(), out: out.to_owned() })
    }

    /// The key of a message's photo: its number, and which picture it shows.
    pub fn key(&self, number: u64) -> String {
        format!("{number:07}-{}.jpg", number % self.photos.len() as u64)
    }

    /// Size and eTag of a message's photo.
    pub fn about(&self, number: u64) -> (usize, &str) {
        let photo = &self.photos[(number % self.photos.len() as u64) as usize];
        (photo.bytes.len(), &photo.etag)
    }

    pub fn answer(&self, request: &Request) -> Answer {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let path = path.trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        match request.method.as_str() {
            "PUT" => self.put(key, request),
            "GET" if bucket == INBOX && !key.is_empty() => match self.photo(key) {
                Some(photo) => {
                    let mut head = format!(
                        "content-type: image/jpeg\r\netag: \"{}\"\r\nx-amz-server-side-encryption: AES256\r\n",
                        photo.etag
                    );
                    if request.header("x-amz-checksum-mode").is_some() {
                        let _ = write!(
                            head,
                            "x-amz-checksum-crc64nvme: {}\r\nx-amz-checksum-type: FULL_OBJECT\r\n",
                            photo.crc
                        );
                    }
                    (200, head, photo.bytes.clone())
                }
                None => refused(404, "NoSuchKey"),
            },
            "GET" if !key.is_empty() => match self.results().get(key) {
                Some(body) => (200, "etag: \"0-1\"\r\n".into(), body.clone()),
                None => refused(404, "NoSuchKey"),
            },
            _ if query.contains("notification") => xml(200, "<NotificationConfiguration/>"),
            _ => {
                xml(200, "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>")
            }
        }
    }

    fn photo(&self, key: &str) -> Option<&Photo> {
        let (_, picture) = key.strip_suffix(".jpg")?.split_once('-')?;
        self.photos.get(picture.parse::<usize>().ok()?)
    }

    fn put(&self, key: &str, request: &Request) -> Answer {
        let is_taken = request.header("if-none-match").is_some() && self.results().contains_key(key);
        if is_taken || request.header("if-match").is_some() {
            return refused(412, "PreconditionFailed");
        }
        let body = match request.header("x-amz-decoded-content-length") {
            Some(_) => plain(&request.body),
            None => request.body.clone(),
        };
        self.results().insert(key.to_owned(), body.into());
        (200, "etag: \"0-1\"\r\n".into(), Bytes::new())
    }

    /// Writes what was put into files, numbered.
    pub fn write_out(&self) -> Result<()> {
        for (number, (key, body)) in self.results().iter().enumerate() {
            let ending = if key.ends_with(".gz") { "jsonl.gz" } else { "json" };
            std::fs::write(self.out.join(format!("{number:06}.{ending}")), body)?;
        }
        Ok(())
    }

    fn results(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn xml(status: u16, body: &'static str) -> Answer {
    (status, "content-type: application/xml\r\n".into(), Bytes::from(body))
}

fn refused(status: u16, code: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code><Message>none</Message></Error>");
    (status, "content-type: application/xml\r\n".into(), body.into())
}

pub fn md5_hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The object of a body that comes in chunks with their lengths, and a checksum behind it.
fn plain(mut rest: &[u8]) -> Vec<u8> {
    let mut object = Vec::with_capacity(rest.len());
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        let line = std::str::from_utf8(rest.get(..at).unwrap_or_default()).unwrap_or_default();
        let length = usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16).unwrap_or(0);
        let Some(chunk) = rest.get(at + 2..at + 2 + length).filter(|chunk| !chunk.is_empty()) else { break };
        object.extend_from_slice(chunk);
        rest = rest.get(at + 2 + length + 2..).unwrap_or_default();
    }
    object
}
