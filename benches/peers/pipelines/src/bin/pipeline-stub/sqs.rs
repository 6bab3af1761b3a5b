//! The queue: each message is handed out once, and held until it is deleted.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};

use super::Answer;
use super::s3::{self, S3};

pub struct Sqs {
    count: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    handed_out: u64,
    held: HashMap<u64, Instant>,
    /// How long each was, in milliseconds.
    times: Vec<u64>,
    first_at: Option<Instant>,
    last_at: Option<Instant>,
}

impl Sqs {
    pub fn new(count: u64) -> Sqs {
        Sqs { count, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn counts(&self) -> Value {
        let state = self.state();
        json!({"count": self.count, "handed_out": state.handed_out, "deleted": state.times.len()})
    }

    /// From the first receive to the last delete, and how long messages were held.
    pub fn held(&self) -> Value {
        let mut state = self.state();
        state.times.sort_unstable();
        let at = |part: f64| {
            let last = state.times.len().saturating_sub(1) as f64;
            state.times.get((last * part).round() as usize).copied()
        };
        let took = state.last_at.zip(state.first_at).map(|(last, first)| (last - first).as_secs_f64());
        json!({"seconds": took, "p50_ms": at(0.5), "p99_ms": at(0.99), "deleted": state.times.len()})
    }

    pub async fn answer(&self, call: &str, body: &[u8], s3: &S3) -> Answer {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match call {
            "ReceiveMessage" => match body["MaxNumberOfMessages"].as_u64().unwrap_or(1) {
                most @ 1..=10 => self.receive(most, body["WaitTimeSeconds"].as_u64().unwrap_or(0), s3).await,
                _ => refused("ReadCountOutOfRange"),
            },
            "DeleteMessage" => match self.delete(&body["ReceiptHandle"]) {
                true => ok(json!({})),
                false => refused("ReceiptHandleIsInvalid"),
            },
            "DeleteMessageBatch" => {
                let entries = body["Entries"].as_array().map_or(&[][..], Vec::as_slice);
                for entry in entries {
                    self.delete(&entry["ReceiptHandle"]);
                }
                all_well(entries)
            }
            "ChangeMessageVisibilityBatch" => all_well(body["Entries"].as_array().map_or(&[][..], Vec::as_slice)),
            "ChangeMessageVisibility" => refused("ReceiptHandleIsInvalid"),
            "SendMessageBatch" => refused("EmptyBatchRequest"),
            "GetQueueAttributes" => {
                let (handed_out, held) = {
                    let state = self.state();
                    (state.handed_out, state.held.len())
                };
                ok(json!({"Attributes": {
                    "ApproximateNumberOfMessages": (self.count - handed_out).to_string(),
                    "ApproximateNumberOfMessagesDelayed": "0",
                    "ApproximateNumberOfMessagesNotVisible": held.to_string(),
                    "MessageRetentionPeriod": "1209600",
                    "VisibilityTimeout": "60",
                }}))
            }
            _ => refused("InvalidAction"),
        }
    }

    async fn receive(&self, most: u64, wait: u64, s3: &S3) -> Answer {
        let numbers = {
            let mut state = self.state();
            let first = state.handed_out;
            state.handed_out = (first + most).min(self.count);
            let now = Instant::now();
            state.first_at.get_or_insert(now);
            let numbers = first..state.handed_out;
            state.held.extend(numbers.clone().map(|number| (number, now)));
            numbers
        };
        if numbers.is_empty() {
            tokio::time::sleep(Duration::from_secs(wait)).await;
            return ok(json!({}));
        }
        let sent = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string();
        let messages: Vec<Value> = numbers.map(|number| message(number, &sent, s3)).collect();
        ok(json!({"Messages": messages}))
    }

    /// Whether it was held.
    fn delete(&self, receipt: &Value) -> bool {
        let mut state = self.state();
        let number = receipt.as_str().and_then(|receipt| receipt.parse::<u64>().ok());
        let Some(since) = number.and_then(|number| state.held.remove(&number)) else { return false };
        state.times.push(u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX));
        state.last_at = Some(Instant::now());
        true
    }
}

/// As SQS tells of what S3 tells.
fn message(number: u64, sent: &str, s3: &S3) -> Value {
    let (size, etag) = s3.about(number);
    let body = json!({"Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AIDAEXAMPLE"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "photos",
            "bucket": {"name": s3::INBOX, "ownerIdentity": {"principalId": "A3NL"}, "arn": "arn:aws:s3:::photos"},
            "object": {"key": s3.key(number), "size": size, "eTag": etag, "sequencer": format!("{number:016X}")},
        },
    }]})
    .to_string();
    json!({
        "MessageId": number.to_string(),
        "ReceiptHandle": number.to_string(),
        "MD5OfBody": s3::md5_hex(body.as_bytes()),
        "Body": body,
        "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": sent},
    })
}

fn all_well(entries: &[Value]) -> Answer {
    let done: Vec<Value> = entries.iter().map(|entry| json!({"Id": entry["Id"]})).collect();
    ok(json!({"Successful": done, "Failed": []}))
}

const JSON: &str = "content-type: application/x-amz-json-1.0\r\n";

fn ok(body: Value) -> Answer {
    (200, JSON.into(), Bytes::from(body.to_string()))
}

fn refused(code: &str) -> Answer {
    let body = json!({"__type": format!("com.amazonaws.sqs#{code}"), "message": "refused by the stub"});
    (400, JSON.into(), Bytes::from(body.to_string()))
}
