//! The queue: messages without end, each naming one photo.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Answer, Draws, take};
use crate::cases::{self, Case};

/// Shown as waiting, whatever was taken.
const WAITING: u64 = 10_000_000;

pub struct Sqs {
    round_trip: Duration,
    size: usize,
    draws: Draws,
    receives: AtomicU64,
    received: AtomicU64,
    delete_calls: AtomicU64,
    deleted: AtomicU64,
    extended: AtomicU64,
    most_in_flight: AtomicU64,
}

impl Sqs {
    pub fn new(case: &Case) -> Sqs {
        Sqs {
            round_trip: Duration::from_millis(case.sqs_ms),
            size: cases::photo(case).len(),
            draws: Draws::new(),
            receives: AtomicU64::new(0),
            received: AtomicU64::new(0),
            delete_calls: AtomicU64::new(0),
            deleted: AtomicU64::new(0),
            extended: AtomicU64::new(0),
            most_in_flight: AtomicU64::new(0),
        }
    }

    pub fn counts(&self) -> Value {
        json!({
            "receives": self.receives.load(Ordering::Relaxed),
            "received": self.received.load(Ordering::Relaxed),
            "delete_calls": self.delete_calls.load(Ordering::Relaxed),
            "deleted": self.deleted.load(Ordering::Relaxed),
            "extended": self.extended.load(Ordering::Relaxed),
            "in_flight": self.in_flight(),
            "most_in_flight": self.most_in_flight.load(Ordering::Relaxed),
        })
    }

    fn in_flight(&self) -> u64 {
        self.received.load(Ordering::Relaxed).saturating_sub(self.deleted.load(Ordering::Relaxed))
    }

    pub async fn answer(&self, call: &str, body: &[u8]) -> Answer {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match call {
            "ReceiveMessage" => self.receive(body["MaxNumberOfMessages"].as_u64().unwrap_or(1)).await,
            "DeleteMessageBatch" => {
                take(self.round_trip, self.draws.next() < 0.1).await;
                self.delete_calls.fetch_add(1, Ordering::Relaxed);
                let (count, answer) = all_well(&body);
                self.deleted.fetch_add(count, Ordering::Relaxed);
                answer
            }
            "ChangeMessageVisibilityBatch" => {
                take(self.round_trip, self.draws.next() < 0.1).await;
                let (count, answer) = all_well(&body);
                self.extended.fetch_add(count, Ordering::Relaxed);
                answer
            }
            "GetQueueAttributes" => {
                take(self.round_trip, false).await;
                Answer::json(
                    json!({"Attributes": {
                        "ApproximateNumberOfMessages": WAITING.to_string(),
                        "ApproximateNumberOfMessagesDelayed": "0",
                        "ApproximateNumberOfMessagesNotVisible": self.in_flight().to_string(),
                    }})
                    .to_string(),
                )
            }
            other => Answer {
                status: 400,
                kind: "application/x-amz-json-1.0",
                body: json!({"__type": "InvalidAction", "message": other}).to_string().into(),
            },
        }
    }

    async fn receive(&self, count: u64) -> Answer {
        take(self.round_trip, self.draws.next() < 0.1).await;
        self.receives.fetch_add(1, Ordering::Relaxed);
        let first = self.received.fetch_add(count, Ordering::Relaxed);
        self.most_in_flight.fetch_max(self.in_flight(), Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string();
        let message = |number: u64| {
            let event = json!({"Records": [{
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "eventTime": "2026-01-01T00:00:00.000Z",
                "s3": {
                    "bucket": {"name": cases::INBOX},
                    "object": {
                        "key": format!("{}{number:010}.jpg", cases::PHOTOS),
                        "size": self.size,
                        "eTag": super::s3::ETAG,
                        "sequencer": format!("{number:016X}"),
                    },
                },
            }]});
            json!({
                "MessageId": number.to_string(),
                "ReceiptHandle": number.to_string(),
                "Body": event.to_string(),
                "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": now},
            })
        };
        let messages: Vec<Value> = (first..first + count).map(message).collect();
        Answer::json(json!({"Messages": messages}).to_string())
    }
}

/// Says of every entry that it went well; how many they are.
fn all_well(body: &Value) -> (u64, Answer) {
    let entries = body["Entries"].as_array().map_or(&[][..], Vec::as_slice);
    let done: Vec<Value> = entries.iter().map(|entry| json!({"Id": entry["Id"]})).collect();
    (done.len() as u64, Answer::json(json!({"Successful": done, "Failed": []}).to_string()))
}
