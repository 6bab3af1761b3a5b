//! S3 and SQS as somebody beside the engine uses them: bare HTTP, so that what sets a test up is not what it tests.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::http::{self, Answer};
use super::{ACCESS_KEY, Failure, Outcome, REGION};

/// What a URL's path may hold as it is; S3 wants the rest in percents.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// An S3 and SQS endpoint.
#[derive(Clone, Debug)]
pub struct Aws {
    /// `http://127.0.0.1:PORT`; S3 needs path style.
    pub endpoint: String,
}

/// A message received.
#[derive(Clone, Debug)]
pub struct Message {
    pub body: String,
    pub receipt_handle: String,
}

impl Aws {
    /// What answers at `endpoint`.
    pub fn new(endpoint: &str) -> Aws {
        Aws { endpoint: endpoint.to_owned() }
    }

    /// A signed-looking request: the servers of the rig read the scope and leave the signature alone.
    fn send(&self, service: &str, method: &str, path: &str, more: &[(&str, &str)], body: &[u8]) -> Outcome<Answer> {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/{REGION}/{service}/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={:064}",
            0
        );
        let mut headers = vec![("Authorization", authorization.as_str()), ("X-Amz-Date", "20260101T000000Z")];
        headers.extend_from_slice(more);
        http::request(method, &self.endpoint, path, &headers, body)
    }

    fn s3(&self, method: &str, path: &str, more: &[(&str, &str)], body: &[u8]) -> Outcome<Answer> {
        self.send("s3", method, path, more, body)?.success()
    }

    fn sqs(&self, action: &str, body: &Value) -> Outcome<Value> {
        let target = format!("AmazonSQS.{action}");
        let headers = [("X-Amz-Target", target.as_str()), ("Content-Type", "application/x-amz-json-1.0")];
        let answer = self.send("sqs", "POST", "/", &headers, body.to_string().as_bytes())?.success()?;
        if answer.body.is_empty() { Ok(json!({})) } else { answer.json() }
    }

    /// Creates a bucket.
    pub fn create_bucket(&self, bucket: &str) -> Outcome<()> {
        self.s3("PUT", &format!("/{bucket}"), &[], b"").map(drop)
    }

    /// Makes a bucket keep every version.
    pub fn enable_versions(&self, bucket: &str) -> Outcome<()> {
        let body = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                    <Status>Enabled</Status></VersioningConfiguration>";
        self.s3("PUT", &format!("/{bucket}?versioning"), &[], body.as_bytes()).map(drop)
    }

    /// Sends a message to the queue for every object created in the bucket.
    pub fn notify(&self, bucket: &str, queue_arn: &str) -> Outcome<()> {
        let body = format!(
            "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><QueueConfiguration>\
             <Id>photos</Id><Queue>{queue_arn}</Queue><Event>s3:ObjectCreated:*</Event></QueueConfiguration>\
             </NotificationConfiguration>"
        );
        self.s3("PUT", &format!("/{bucket}?notification"), &[], body.as_bytes()).map(drop)
    }

    /// Puts an object; `key` is the key itself, not encoded.
    pub fn put_object(&self, bucket: &str, key: &str, bytes: &[u8]) -> Outcome<()> {
        let headers = [("Content-Type", "application/octet-stream")];
        self.s3("PUT", &object_path(bucket, key), &headers, bytes).map(drop)
    }

    /// An object's bytes; `None` when there is none.
    pub fn get_object(&self, bucket: &str, key: &str) -> Outcome<Option<Vec<u8>>> {
        let answer = self.send("s3", "GET", &object_path(bucket, key), &[], b"")?;
        if answer.status == 404 { Ok(None) } else { Ok(Some(answer.success()?.body)) }
    }

    /// Deletes an object.
    pub fn delete_object(&self, bucket: &str, key: &str) -> Outcome<()> {
        self.s3("DELETE", &object_path(bucket, key), &[], b"").map(drop)
    }

    /// The keys under a prefix, all pages.
    pub fn list(&self, bucket: &str, prefix: &str) -> Outcome<Vec<String>> {
        let mut keys = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let prefix = utf8_percent_encode(prefix, NON_ALPHANUMERIC);
            let mut path = format!("/{bucket}?list-type=2&encoding-type=url&prefix={prefix}");
            if let Some(token) = &token {
                path.push_str(&format!("&continuation-token={}", utf8_percent_encode(token, NON_ALPHANUMERIC)));
            }
            let page = self.s3("GET", &path, &[], b"")?.text();
            for key in elements(&page, "Key") {
                let decoded = percent_decode_str(key).decode_utf8();
                keys.push(decoded.map_err(|error| Failure::new(format!("{key}: {error}")))?.into_owned());
            }
            token = elements(&page, "NextContinuationToken").first().map(|token| (*token).to_owned());
            if token.is_none() {
                return Ok(keys);
            }
        }
    }

    /// Creates a queue with these attributes and gives its URL, at this endpoint.
    pub fn create_queue(&self, name: &str, attributes: &[(&str, &str)]) -> Outcome<String> {
        let attributes: serde_json::Map<String, Value> =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let answer = self.sqs("CreateQueue", &json!({ "QueueName": name, "Attributes": attributes }))?;
        let given = text_of(&answer, "QueueUrl")?;
        // Servers name themselves in it, not the proxy one came through: keep the path only.
        let path = given.splitn(4, '/').nth(3).ok_or_else(|| Failure::new(format!("not a queue URL: {given}")))?;
        Ok(format!("{}/{path}", self.endpoint))
    }

    /// One attribute of a queue, such as `QueueArn` or `ApproximateNumberOfMessages`.
    pub fn queue_attribute(&self, url: &str, name: &str) -> Outcome<String> {
        let answer = self.sqs("GetQueueAttributes", &json!({ "QueueUrl": url, "AttributeNames": [name] }))?;
        text_of(&answer["Attributes"], name)
    }

    /// Changes one attribute of a queue.
    pub fn set_queue_attribute(&self, url: &str, name: &str, value: &str) -> Outcome<()> {
        self.sqs("SetQueueAttributes", &json!({ "QueueUrl": url, "Attributes": { name: value } })).map(drop)
    }

    /// Messages waiting, in flight, and delayed: 0 when the queue is empty and all is settled.
    pub fn queue_depth(&self, url: &str) -> Outcome<u64> {
        let mut sum = 0;
        for name in [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ] {
            let text = self.queue_attribute(url, name)?;
            sum += text.parse::<u64>().map_err(|error| Failure::new(format!("{name} is {text:?}: {error}")))?;
        }
        Ok(sum)
    }

    /// Sends a message.
    pub fn send_message(&self, url: &str, body: &str) -> Outcome<()> {
        self.sqs("SendMessage", &json!({ "QueueUrl": url, "MessageBody": body })).map(drop)
    }

    /// Receives up to ten messages, waiting up to `wait_seconds` for the first.
    pub fn receive(&self, url: &str, wait_seconds: u32) -> Outcome<Vec<Message>> {
        let request = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": wait_seconds });
        let answer = self.sqs("ReceiveMessage", &request)?;
        let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
        messages
            .iter()
            .map(|message| {
                Ok(Message { body: text_of(message, "Body")?, receipt_handle: text_of(message, "ReceiptHandle")? })
            })
            .collect()
    }

    /// Deletes a received message.
    pub fn delete_message(&self, url: &str, message: &Message) -> Outcome<()> {
        self.sqs("DeleteMessage", &json!({ "QueueUrl": url, "ReceiptHandle": message.receipt_handle })).map(drop)
    }

    /// A bucket and a queue that hears of every object created in it; gives the queue's URL. The `s3:TestEvent` that
    /// some servers send at once, as AWS does, is left in the queue.
    pub fn wired(&self, bucket: &str, queue: &str) -> Outcome<String> {
        self.create_bucket(bucket)?;
        let url = self.create_queue(queue, &[])?;
        self.notify(bucket, &self.queue_attribute(&url, "QueueArn")?)?;
        Ok(url)
    }
}

fn object_path(bucket: &str, key: &str) -> String {
    format!("/{bucket}/{}", utf8_percent_encode(key, PATH))
}

fn text_of(value: &Value, name: &str) -> Outcome<String> {
    let text = value.get(name).and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| Failure::new(format!("no text `{name}` in {value}")))
}

/// The texts between `<name>` and `</name>`, in order; for elements that hold URL-encoded text only.
fn elements<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open).skip(1).filter_map(|rest| rest.split_once(&close)).map(|(text, _)| text).collect()
}
