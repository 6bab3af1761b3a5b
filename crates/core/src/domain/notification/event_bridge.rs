//! EventBridge: what S3 sends itself, and what comes by way of CloudTrail. Keys are literal in both.

use super::{FieldNames, Json, MAX_QUOTE, Notification, ParsedRecords, fit, photo, text};

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
pub(super) fn read(value: &Json<'_>) -> Result<Notification, String> {
    let kind = text(value, "detail-type").ok_or("detail-type is not a text")?;
    let mut found = ParsedRecords::default();
    match kind {
        "Object Created" => object_created(value, &mut found)?,
        "AWS API Call via CloudTrail" => cloud_trail(value, &mut found)?,
        _ if NO_UPLOAD.contains(&kind) => found.ignore(kind),
        _ => return Err(format!("detail-type `{}` is not known", fit(kind, MAX_QUOTE))),
    }
    found.into_notification(0).ok_or_else(|| "no event".into())
}

fn object_created(value: &Json<'_>, found: &mut ParsedRecords) -> Result<(), String> {
    let detail = value.get("detail").ok_or("no detail")?;
    let object = detail.get("object").ok_or("no detail.object")?;
    let bucket = detail.get("bucket").and_then(|bucket| text(bucket, "name")).ok_or("no detail.bucket.name")?;
    let key = text(object, "key").ok_or("no detail.object.key")?.to_owned();
    let fields = FieldNames { version: "version-id", etag: "etag" };
    found.photo(photo(bucket, key, object, &fields, text(value, "time"))?);
    Ok(())
}

/// A call as CloudTrail recorded it. It tells neither eTag nor size: the bytes transferred count what the request's
/// signature adds, so they would be a wrong size.
fn cloud_trail(value: &Json<'_>, found: &mut ParsedRecords) -> Result<(), String> {
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
    if let Some(code) = text(detail, "errorCode").filter(|code| !code.is_empty()) {
        found.ignore(&format!("{event} failed: {code}"));
        return Ok(());
    }
    let request = detail.get("requestParameters").unwrap_or(&Json::Null);
    // Through an access point the request names that, by ARN or alias, and the resources its bucket.
    let named =
        only_text(request, "bucketName").filter(|name| !name.starts_with("arn:") && !name.ends_with("-s3alias"));
    let bucket = named
        .or_else(|| resources(detail, value).find(|name| !name.contains('/')))
        .or_else(|| resources(detail, value).find_map(|name| Some(name.split_once('/')?.0)))
        .ok_or("no detail.requestParameters.bucketName")?;
    let key = only_text(request, "key")
        .or_else(|| resources(detail, value).find_map(|name| name.strip_prefix(bucket)?.strip_prefix('/')))
        .filter(|key| !key.is_empty())
        .ok_or("no detail.requestParameters.key")?
        .to_owned();
    let fields = FieldNames { version: "x-amz-version-id", etag: "ETag" };
    let answer = detail.get("responseElements").unwrap_or(&Json::Null);
    found.photo(photo(bucket, key, answer, &fields, text(detail, "eventTime").or(text(value, "time")))?);
    Ok(())
}

/// A text, or the only one of a list, as CloudTrail writes what came in a query.
fn only_text<'a>(value: &'a Json<'_>, name: &str) -> Option<&'a str> {
    match value.get(name)? {
        Json::List(list) => list.first().filter(|_| list.len() == 1)?.as_str(),
        one => one.as_str(),
    }
}

/// What the ARNs of buckets and objects say behind their colons, `bucket` or `bucket/key`: those of the call, then those of
/// the envelope.
fn resources<'a>(detail: &'a Json<'_>, envelope: &'a Json<'_>) -> impl Iterator<Item = &'a str> {
    let lists = [detail, envelope].into_iter().filter_map(|value| value.get("resources")?.as_list());
    let arns = lists.flatten().filter_map(|one| one.as_str().or(text(one, "ARN")).or(text(one, "arn")));
    arns.filter_map(|arn| {
        let mut parts = arn.splitn(6, ':');
        let is_of_store = parts.next() == Some("arn") && parts.nth(1) == Some("s3");
        let has_region = parts.next().is_some_and(|region| !region.is_empty());
        parts.nth(1).filter(|_| is_of_store && !has_region)
    })
}
