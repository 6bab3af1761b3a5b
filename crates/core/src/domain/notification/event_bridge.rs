//! EventBridge: what S3 sends itself, and what comes by way of CloudTrail. Keys are literal in both.

use serde_json::Value;

use super::{Fields, Found, MAX_QUOTE, Notification, fit, photo, text};

/// What S3 sends beside `Object Created`: nothing of it makes a photo.
const NO_UPLOAD: &[&str] = &[
    "Async Copy Completion",
    "Object ACL Updated",
    "Object Access Tier Changed",
    "Object Annotation Added",
    "Object Annotation Deleted",
    "Object Deleted",
    "Object Restore Completed",
    "Object Restore Expired",
    "Object Restore Initiated",
    "Object Storage Class Changed",
    "Object Tags Added",
    "Object Tags Deleted",
];

/// Calls that make an object, as CloudTrail names them. A folder-like rename makes one under another key.
const UPLOADS: &[&str] = &["PutObject", "PostObject", "CopyObject", "CompleteMultipartUpload", "RenameObject"];

/// Beginnings of the names of all other calls of S3.
const NO_UPLOAD_CALLS: &[&str] = &[
    "Abort",
    "Associate",
    "Create",
    "Delete",
    "Describe",
    "Dissociate",
    "Get",
    "Head",
    "List",
    "Options",
    "Put",
    "Restore",
    "Select",
    "Submit",
    "Tag",
    "Untag",
    "Update",
    "UploadPart",
    "WriteGetObjectResponse",
];

/// `{"detail-type": …, "detail": …}`.
pub(super) fn read(value: &Value) -> Result<Notification, String> {
    let kind = text(value, "detail-type").ok_or("detail-type is not a text")?;
    let mut found = Found::default();
    match kind {
        "Object Created" => object_created(value, &mut found)?,
        "AWS API Call via CloudTrail" => cloud_trail(value, &mut found)?,
        _ if NO_UPLOAD.contains(&kind) => found.ignore(kind),
        _ => return Err(format!("detail-type `{}` is not known", fit(kind, MAX_QUOTE))),
    }
    found.into_notification(0).ok_or_else(|| "no event".into())
}

fn object_created(value: &Value, found: &mut Found) -> Result<(), String> {
    let detail = value.get("detail").ok_or("no detail")?;
    let object = detail.get("object").ok_or("no detail.object")?;
    let bucket = detail.get("bucket").and_then(|bucket| text(bucket, "name")).ok_or("no detail.bucket.name")?;
    let key = text(object, "key").ok_or("no detail.object.key")?.to_owned();
    let fields = Fields { version: "version-id", etag: "etag" };
    found.photo(photo(bucket, key, object, &fields, text(value, "time"))?);
    Ok(())
}

/// A call as CloudTrail recorded it. It tells neither eTag nor size: the bytes transferred count what the request's
/// signature adds, so they would be a wrong size.
fn cloud_trail(value: &Value, found: &mut Found) -> Result<(), String> {
    let detail = value.get("detail").ok_or("no detail")?;
    let source = text(detail, "eventSource").ok_or("no detail.eventSource")?;
    if source != "s3.amazonaws.com" {
        return Err(format!("eventSource `{}`, and only s3.amazonaws.com is known", fit(source, MAX_QUOTE)));
    }
    let event = text(detail, "eventName").ok_or("no detail.eventName")?;
    if !UPLOADS.contains(&event) {
        if NO_UPLOAD_CALLS.iter().any(|beginning| event.starts_with(beginning)) {
            found.ignore(event);
            return Ok(());
        }
        return Err(format!("eventName `{}` is not known", fit(event, MAX_QUOTE)));
    }
    // A call that was refused is recorded like one that worked.
    if let Some(code) = text(detail, "errorCode") {
        found.ignore(&format!("{event} failed: {code}"));
        return Ok(());
    }
    let request = detail.get("requestParameters").ok_or("no detail.requestParameters")?;
    let bucket = text(request, "bucketName").ok_or("no detail.requestParameters.bucketName")?;
    let key = text(request, "key").ok_or("no detail.requestParameters.key")?.to_owned();
    let fields = Fields { version: "x-amz-version-id", etag: "ETag" };
    let answer = detail.get("responseElements").unwrap_or(&Value::Null);
    found.photo(photo(bucket, key, answer, &fields, text(detail, "eventTime").or(text(value, "time")))?);
    Ok(())
}
