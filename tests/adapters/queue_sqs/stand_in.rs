//! A tiny SQS: answers each call by a function, so that it says what AWS says and no emulator does.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use scanmill::aws::{Account, AccountOptions};
use scanmill::queue::LeaseRules;
use scanmill::queue::sqs::{SqsOptions, SqsQueue};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// What to answer.
pub enum Answer {
    /// Success, with this body.
    Ok(Value),
    /// Success, with this as its body.
    Text(&'static str),
    /// Success, and of its body nothing but a beginning, for ever.
    Begun(&'static str),
    /// An error as SQS says it: status, code, message.
    Error(u16, &'static str, &'static str),
    /// This, once somebody notifies.
    Later(Arc<Notify>, Box<Answer>),
}

type Answers = dyn Fn(&str, &Value) -> Answer + Send + Sync;

/// A call that came.
struct Called {
    action: String,
    body: Value,
    /// The SDK's orchestration sent it.
    is_of_sdk: bool,
}

#[derive(Clone)]
struct Served {
    answer: Arc<Answers>,
    calls: Arc<Mutex<Vec<Called>>>,
}

/// The server, gone with the test's runtime.
pub struct StandIn {
    pub endpoint: String,
    calls: Arc<Mutex<Vec<Called>>>,
}

impl StandIn {
    /// Answers by action (`ReceiveMessage`) and body.
    pub async fn start(answer: impl Fn(&str, &Value) -> Answer + Send + Sync + 'static) -> StandIn {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let served = Served { answer: Arc::new(answer), calls: Arc::default() };
        let calls = served.calls.clone();
        let router = Router::new().fallback(serve).with_state(served);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        StandIn { endpoint, calls }
    }

    /// The bodies of all calls of an action so far.
    pub fn calls(&self, action: &str) -> Vec<Value> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|called| called.action == action).map(|called| called.body.clone()).collect()
    }

    /// Of all calls so far, whether the SDK's orchestration sent them.
    pub fn are_of_sdk(&self) -> Vec<bool> {
        self.calls.lock().unwrap().iter().map(|called| called.is_of_sdk).collect()
    }

    /// Waits for the first call of an action.
    pub async fn called(&self, action: &str) {
        while self.calls(action).is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// A queue there, of account 123456789012.
    pub fn queue(&self) -> SqsQueue {
        queue(&self.endpoint, "https://sqs.us-east-1.amazonaws.com/123456789012/photos", 1)
    }
}

/// A queue at an endpoint, called up to `attempts` times a request.
pub fn queue(endpoint: &str, queue_url: &str, attempts: u32) -> SqsQueue {
    queue_with(Some(endpoint), queue_url, attempts, Duration::from_secs(60))
}

pub fn queue_with(endpoint: Option<&str>, queue_url: &str, attempts: u32, visibility_timeout: Duration) -> SqsQueue {
    queue_in_time(endpoint, queue_url, attempts, visibility_timeout, Duration::from_secs(20))
}

/// A queue whose calls may take so long.
pub fn queue_in_time(
    endpoint: Option<&str>,
    queue_url: &str,
    attempts: u32,
    visibility_timeout: Duration,
    attempt_timeout: Duration,
) -> SqsQueue {
    let account = AccountOptions {
        region: Some("us-east-1".into()),
        profile: None,
        assume_role: None,
        attempts,
        attempt_timeout,
    };
    let options = SqsOptions { queue_url: queue_url.to_owned(), endpoint: endpoint.map(str::to_owned) };
    let rules = LeaseRules { visibility_timeout, dead_letter_after: 5 };
    SqsQueue::new(Account::with_keys(account, "test", "test"), options, rules).unwrap()
}

async fn serve(State(served): State<Served>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").unwrap().to_str().unwrap();
    let action = target.strip_prefix("AmazonSQS.").unwrap().to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let mut answer = (served.answer)(&action, &body);
    let is_of_sdk = headers.contains_key("amz-sdk-invocation-id");
    served.calls.lock().unwrap().push(Called { action, body, is_of_sdk });
    while let Answer::Later(when, then) = answer {
        when.notified().await;
        answer = *then;
    }
    match answer {
        Answer::Ok(body) => ([("content-type", "application/x-amz-json-1.0")], body.to_string()).into_response(),
        Answer::Text(body) => body.into_response(),
        Answer::Begun(body) => {
            let begun = stream::iter([Ok::<_, Infallible>(Bytes::from_static(body.as_bytes()))]);
            Body::from_stream(begun.chain(stream::pending())).into_response()
        }
        Answer::Later(..) => unreachable!("waited for above"),
        Answer::Error(status, code, message) => {
            let body = json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": message });
            let headers = [
                ("content-type", "application/x-amz-json-1.0".to_owned()),
                ("x-amzn-query-error", format!("{code};Sender")),
            ];
            (StatusCode::from_u16(status).unwrap(), headers, body.to_string()).into_response()
        }
    }
}

/// A batch's answer that does every entry except those that `refuse` gives a code and a message for.
pub fn batch(body: &Value, refuse: impl Fn(&Value) -> Option<(&'static str, &'static str)>) -> Answer {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for entry in body["Entries"].as_array().unwrap() {
        match refuse(entry) {
            None => done.push(json!({ "Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "x" })),
            Some((code, message)) => {
                failed.push(json!({ "Id": entry["Id"], "Code": code, "Message": message, "SenderFault": true }));
            }
        }
    }
    Answer::Ok(json!({ "Successful": done, "Failed": failed }))
}

/// A message as a receive answers it.
pub fn message(body: &str, receipt: &str) -> Value {
    json!({
        "MessageId": format!("id of {receipt}"), "ReceiptHandle": receipt, "Body": body,
        "Attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1700000000000" },
    })
}
