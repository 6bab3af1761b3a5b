//! Queue messages: what S3 and the folder store send when a photo is uploaded.
//!
//! These envelopes are read: the classic S3 event (also as other servers of S3's language write it), the same wrapped by
//! SNS (raw delivery is the classic one), EventBridge's `Object Created` and its `AWS API Call via CloudTrail`, and S3's
//! test event. They differ where it hurts: keys are form-encoded in classic events and plain in EventBridge's, so
//! unescaping both alike makes `a b.jpg` of `a+b.jpg`. What is in none of these forms is an error, never silence.

use std::borrow::Cow;
use std::collections::HashSet;

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::Number;

use super::columns::text_cap;
use super::json::Json;
use super::row::utc_millis;
use super::text::fit;
use super::whole_number::whole_number;
use super::{PhotoId, PhotoRef};

mod event_bridge;

/// A queue message, read.
#[derive(Clone, Debug, PartialEq)]
pub enum Notification {
    /// Photos to read, at least one, in the message's order, each once.
    Photos {
        /// The photos.
        photos: Vec<PhotoRef>,
        /// 0, or what a deliberate replay asked for (our own field `scanmillRevision`).
        revision: i64,
    },
    /// Known, and nothing to do: a test event, a delete. Acknowledge it.
    Nothing {
        /// Which event, for the log.
        event: String,
    },
}

/// How classic events write keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyEncoding {
    /// Form-encoded, as S3 and most servers do it: a space is `+`.
    #[default]
    Form,
    /// As they are, as Ceph does it.
    Raw,
}

/// `configurationId` of events that scanmill writes itself. Their keys are form-encoded whatever the store's are.
const OWN_CONFIGURATION: &str = "scanmill";

/// Beginnings of the names of events that make no photo: S3's own, then MinIO's and Ceph's.
const NO_UPLOAD: &[&str] = &[
    "IntelligentTiering",
    "LifecycleExpiration:",
    "LifecycleTransition",
    "ObjectAcl:",
    "ObjectAnnotation:",
    "ObjectRemoved:",
    "ObjectRestore:",
    "ObjectTagging:",
    "ReducedRedundancyLostObject",
    "Replication:",
    "TestEvent",
    "BucketCreated:",
    "BucketRemoved:",
    "ILM:",
    "ObjectAccessed:",
    "ObjectTransition:",
    "Scanner:",
    "ObjectLifecycle:",
    "ObjectSynced:",
];

/// Most bytes of a body that is looked at; SQS itself takes 1 MiB.
const MAX_BODY: usize = 2 << 20;
/// EventBridge or S3 inside SNS is two envelopes; more than this is not a sender's doing.
const MAX_ENVELOPES: usize = 3;
/// Bytes quoted from a message, in errors and event names.
const MAX_QUOTE: usize = 40;
const BUCKET_CAP: usize = text_cap("bucket");
const KEY_CAP: usize = text_cap("object_key");

/// Reads a message body; `keys` says how its classic events write keys.
///
/// A record that creates a photo but cannot be read refuses the whole message: half a message must not be
/// acknowledged as if it were all of it. Unknown fields are ignored, and so is an event time that is not a time, because
/// it only dates the row; a size must be right, because memory is planned with it.
///
/// # Errors
/// A sentence saying what is wrong with the body, without quoting more than a few characters of it.
pub fn parse(body: &str, keys: KeyEncoding) -> Result<Notification, String> {
    let mut body = Cow::Borrowed(body);
    for _ in 0..MAX_ENVELOPES {
        if body.len() > MAX_BODY {
            return Err(format!("the message has {} bytes, more than {MAX_BODY}", body.len()));
        }
        // serde_json's own message may quote the body; line and column do not.
        // Some writers put a byte order mark before it.
        let value: Json<'_> = serde_json::from_str(body.strip_prefix('\u{feff}').unwrap_or(&body))
            .map_err(|error| format!("not JSON (line {}, column {})", error.line(), error.column()))?;
        if !value.is_object() {
            return Err("the message is JSON, but not an object".into());
        }
        if value.get("Records").is_some() {
            return classic(&value, keys);
        }
        if value.get("detail-type").is_some() {
            return event_bridge::read(&value);
        }
        if text(&value, "Event") == Some("s3:TestEvent") {
            return Ok(Notification::Nothing { event: "s3:TestEvent".into() });
        }
        match (text(&value, "Type"), text(&value, "Message")) {
            (Some("Notification"), Some(message)) => body = Cow::Owned(message.to_owned()),
            (Some(kind @ ("SubscriptionConfirmation" | "UnsubscribeConfirmation")), _) => {
                return Ok(Notification::Nothing { event: format!("sns:{kind}") });
            }
            (Some("Notification"), None) => return Err("the SNS notification has no Message text".into()),
            _ => return Err("neither Records, nor detail-type, nor an SNS Message: not a notification we know".into()),
        }
    }
    Err(format!("more than {MAX_ENVELOPES} envelopes inside each other"))
}

/// `{"Records": […]}`, and our own `scanmillRevision` beside it.
fn classic(value: &Json<'_>, keys: KeyEncoding) -> Result<Notification, String> {
    let records = value.get("Records").and_then(Json::as_list).ok_or("Records is not a list")?;
    let revision = match value.get("scanmillRevision") {
        None => 0,
        Some(revision) => revision
            .as_number()
            .and_then(Number::as_i64)
            .filter(|revision| *revision >= 0)
            .ok_or("scanmillRevision is not a whole number from 0")?,
    };
    let mut found = ParsedRecords::default();
    for (index, record) in records.iter().enumerate() {
        record_photo(record, keys, &mut found)
            .map_err(|what| format!("record {} of {}: {what}", index + 1, records.len()))?;
    }
    found.into_notification(revision).ok_or_else(|| "Records is empty".into())
}

fn record_photo(record: &Json<'_>, keys: KeyEncoding, found: &mut ParsedRecords) -> Result<(), String> {
    let version = text(record, "eventVersion").ok_or("no eventVersion")?;
    // 1.0 is what some servers call the same structure.
    if !matches!(version.split('.').next(), Some("1" | "2")) {
        return Err(format!("eventVersion `{}`, and only 1.x and 2.x are known", fit(version, MAX_QUOTE)));
    }
    let event = text(record, "eventName").ok_or("no eventName")?;
    let event = event.strip_prefix("s3:").unwrap_or(event);
    if !event.starts_with("ObjectCreated:") {
        if !NO_UPLOAD.iter().any(|beginning| event.starts_with(beginning)) {
            return Err(format!("eventName `{}` is not known", fit(event, MAX_QUOTE)));
        }
        found.ignore(event);
        return Ok(());
    }
    let s3 = record.get("s3").ok_or("no s3")?;
    let object = s3.get("object").ok_or("no s3.object")?;
    let bucket = s3.get("bucket").and_then(|bucket| text(bucket, "name")).ok_or("no s3.bucket.name")?;
    let key = text(object, "key").ok_or("no s3.object.key")?;
    let is_raw = keys == KeyEncoding::Raw && text(s3, "configurationId") != Some(OWN_CONFIGURATION);
    let key = if is_raw { key.to_owned() } else { form_decode(key)? };
    let fields = FieldNames { version: "versionId", etag: "eTag" };
    found.photo(photo(bucket, key, object, &fields, text(record, "eventTime"))?);
    Ok(())
}

/// What the two envelopes call the same things.
struct FieldNames {
    version: &'static str,
    etag: &'static str,
}

fn photo(
    bucket: &str,
    key: String,
    object: &Json<'_>,
    fields: &FieldNames,
    time: Option<&str>,
) -> Result<PhotoRef, String> {
    for (name, text, cap) in [("bucket name", bucket, BUCKET_CAP), ("key", key.as_str(), KEY_CAP)] {
        if text.is_empty() {
            return Err(format!("the {name} is empty"));
        }
        if text.len() > cap {
            return Err(format!("the {name} has {} bytes, more than {cap}", text.len()));
        }
    }
    let size_bytes = match object.get("size") {
        None | Some(Json::Null) => None,
        Some(size) => Some(whole_number(size).ok_or("the size is not a whole number of bytes")?),
    };
    let some = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(PhotoRef {
        bucket: bucket.to_owned(),
        key,
        // See `PhotoRef::id` for `null`; a GET for it would read whatever is under the key now anyway.
        version_id: some(text(object, fields.version).filter(|version| *version != "null")),
        // moto writes EventBridge's like the classic one.
        etag: some(text(object, fields.etag).or(text(object, "eTag")).map(|etag| etag.trim_matches('"'))),
        size_bytes,
        sequencer: some(text(object, "sequencer")),
        uploaded_at: time.and_then(|time| time.parse().ok()),
    })
}

/// What the records of one message gave so far.
#[derive(Default)]
struct ParsedRecords {
    photos: Vec<PhotoRef>,
    seen: HashSet<PhotoId>,
    ignored: Option<String>,
}

impl ParsedRecords {
    fn photo(&mut self, photo: PhotoRef) {
        if self.seen.insert(photo.id()) {
            self.photos.push(photo);
        }
    }

    fn ignore(&mut self, event: &str) {
        self.ignored.get_or_insert_with(|| fit(event, MAX_QUOTE));
    }

    fn into_notification(self, revision: i64) -> Option<Notification> {
        if self.photos.is_empty() {
            return self.ignored.map(|event| Notification::Nothing { event });
        }
        Some(Notification::Photos { photos: self.photos, revision })
    }
}

fn text<'a>(value: &'a Json<'_>, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Json::as_str)
}

/// Undoes `application/x-www-form-urlencoded`: every `+` is a space, then escapes are bytes of UTF-8. A `%` that
/// begins no escape stays, as browsers do it; S3 never sends one.
fn form_decode(key: &str) -> Result<String, String> {
    let spaced = key.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(key) => Ok(key.into_owned()),
        Err(_) => Err("the key's escapes are not UTF-8".into()),
    }
}

/// As S3 encodes keys in events: form encoding, but `/` stays.
fn form_encode(key: &str) -> String {
    url::form_urlencoded::byte_serialize(key.as_bytes()).collect::<String>().replace("%2F", "/")
}

/// The body S3 would send for this upload: event structure 2.1, key form-encoded.
pub fn s3_event(photo: &PhotoRef, event_time: Timestamp) -> String {
    s3_event_with_revision(photo, event_time, 0)
}

/// [`s3_event`] for a deliberate replay: rows of a higher `revision` replace the photo's rows. 0 is a plain upload and
/// leaves no field.
pub fn s3_event_with_revision(photo: &PhotoRef, event_time: Timestamp, revision: i64) -> String {
    let who = Principal { principal_id: "SCANMILL" };
    // What S3 puts into these two traces a request in its own logs; ours says which object it was.
    let request_id = photo.id().0;
    let event = Event {
        records: [Record {
            event_version: "2.1",
            event_source: "aws:s3",
            aws_region: "us-east-1",
            event_time: utc_millis(event_time),
            event_name: "ObjectCreated:Put",
            user_identity: who,
            request_parameters: RequestParameters { source_ip_address: "127.0.0.1" },
            response_elements: ResponseElements { request_id: &request_id, id_2: &request_id },
            s3: S3 {
                s3_schema_version: "1.0",
                configuration_id: OWN_CONFIGURATION,
                bucket: Bucket {
                    name: &photo.bucket,
                    owner_identity: who,
                    arn: format!("arn:aws:s3:::{}", photo.bucket),
                },
                object: Object {
                    key: form_encode(&photo.key),
                    size: photo.size_bytes,
                    e_tag: photo.etag.as_deref(),
                    version_id: photo.version_id.as_deref(),
                    sequencer: photo.sequencer.as_deref(),
                },
            },
        }],
        scanmill_revision: (revision != 0).then_some(revision),
    };
    // Structs of text and numbers always serialise; an empty body would come back as a bad notification.
    serde_json::to_string(&event).unwrap_or_default()
}

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "Records")]
    records: [Record<'a>; 1],
    #[serde(rename = "scanmillRevision", skip_serializing_if = "Option::is_none")]
    scanmill_revision: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    event_version: &'static str,
    event_source: &'static str,
    aws_region: &'static str,
    event_time: String,
    event_name: &'static str,
    user_identity: Principal,
    request_parameters: RequestParameters,
    response_elements: ResponseElements<'a>,
    s3: S3<'a>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Principal {
    principal_id: &'static str,
}

#[derive(Serialize)]
struct RequestParameters {
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: &'static str,
}

#[derive(Serialize)]
struct ResponseElements<'a> {
    #[serde(rename = "x-amz-request-id")]
    request_id: &'a str,
    #[serde(rename = "x-amz-id-2")]
    id_2: &'a str,
}

#[derive(Serialize)]
struct S3<'a> {
    #[serde(rename = "s3SchemaVersion")]
    s3_schema_version: &'static str,
    #[serde(rename = "configurationId")]
    configuration_id: &'static str,
    bucket: Bucket<'a>,
    object: Object<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bucket<'a> {
    name: &'a str,
    owner_identity: Principal,
    arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e_tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequencer: Option<&'a str>,
}
