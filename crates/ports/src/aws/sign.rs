//! Signature version 4 over what the caller names, by the scope of a request that the SDK signed. The SDK's own signer takes
//! several times as long: it copies each header, and makes and sorts them again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use scanmill_core::hex::hex;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Signs for one service in one region.
#[derive(Debug)]
pub struct Signer {
    service: &'static str,
    region: String,
    /// How far the SDK signs from this machine's clock, which the service found wrong.
    skew: SignedDuration,
    key: Mutex<Option<Arc<SigningKey>>>,
}

/// The key that signs for one day.
#[derive(Debug)]
struct SigningKey {
    date: String,
    credentials: Credentials,
    key: Vec<u8>,
}

/// When a request is signed, in the two forms that a signature has.
#[derive(Debug)]
pub struct SigningTime {
    at: Timestamp,
    /// `20260131`
    date: String,
    /// `20260131T235959Z`, which the header `x-amz-date` says.
    pub time: String,
}

/// What a signature covers.
#[derive(Clone, Copy, Debug)]
pub struct ToSign<'a> {
    /// `GET`
    pub method: &'a str,
    /// Escaped as it is sent, in parts that follow each other.
    pub path: [&'a str; 2],
    /// Escaped and sorted.
    pub query: &'a str,
    /// Sorted by name. One without a value is not sent.
    pub headers: &'a [(&'static str, Option<&'a str>)],
    /// Hash of the body.
    pub content_sha256: &'a str,
}

impl ToSign<'_> {
    /// The headers that are sent.
    pub fn sent(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.headers.iter().filter_map(|(name, value)| Some((*name, (*value)?)))
    }
}

impl Signer {
    /// One that signs as `request` is signed, which was sent a moment before `now`. `None` where that is for another service or in
    /// another way.
    pub fn of(request: &HttpRequest, service: &'static str, now: SystemTime) -> Option<Signer> {
        let headers = request.headers();
        let scope = headers.get("authorization")?.strip_prefix(ALGORITHM)?.trim_start().strip_prefix("Credential=")?;
        let mut scope = scope.split(',').next()?.rsplit('/');
        if (scope.next(), scope.next()) != (Some("aws4_request"), Some(service)) {
            return None;
        }
        let region = scope.next()?.to_owned();
        let skew = headers.get("x-amz-date").and_then(|signed| skew(signed, now)).unwrap_or_default();
        Some(Signer { service, region, skew, key: Mutex::default() })
    }

    /// The time that a request of now says.
    pub fn time(&self, now: SystemTime) -> Option<SigningTime> {
        let at = Timestamp::try_from(now).ok()?.checked_add(self.skew).ok()?;
        let civil = at.to_zoned(TimeZone::UTC).datetime();
        let date = format!("{:04}{:02}{:02}", civil.year(), civil.month(), civil.day());
        let time = format!("{date}T{:02}{:02}{:02}Z", civil.hour(), civil.minute(), civil.second());
        Some(SigningTime { at, date, time })
    }

    /// The header `authorization`.
    pub fn authorization(&self, what: &ToSign<'_>, credentials: &Credentials, when: &SigningTime) -> String {
        let [path, rest] = what.path;
        let mut canonical = String::with_capacity(1 << 10);
        canonical.extend([what.method, "\n", path, rest, "\n", what.query, "\n"]);
        what.sent().for_each(|(name, value)| canonical.extend([name, ":", value.trim(), "\n"]));
        let names = what.sent().map(|(name, _)| name).collect::<Vec<_>>().join(";");
        canonical.extend(["\n", &names, "\n", what.content_sha256]);
        let SigningTime { at, date, time } = when;
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let to_sign = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&Sha256::digest(&canonical)));
        let key = self.key(credentials, date, (*at).into());
        let signature = calculate_signature(&key.key, to_sign.as_bytes());
        let id = credentials.access_key_id();
        format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}")
    }

    fn key(&self, credentials: &Credentials, date: &str, now: SystemTime) -> Arc<SigningKey> {
        let mut held = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good = |held: &&Arc<SigningKey>| {
            held.date == date && held.credentials.secret_access_key() == credentials.secret_access_key()
        };
        if let Some(key) = held.as_ref().filter(is_good) {
            return key.clone();
        }
        let key = generate_signing_key(credentials.secret_access_key(), now, &self.region, self.service);
        let key = SigningKey { date: date.to_owned(), credentials: credentials.clone(), key: key.as_ref().to_vec() };
        held.insert(Arc::new(key)).clone()
    }
}

/// From this clock to the time that a request was signed for. What a request takes to be answered is less than a minute,
/// and what services tolerate is five.
fn skew(signed: &str, now: SystemTime) -> Option<SignedDuration> {
    let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", signed).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let skew = signed.duration_since(Timestamp::try_from(now).ok()?);
    (skew.abs() > SignedDuration::from_mins(1)).then_some(skew)
}
