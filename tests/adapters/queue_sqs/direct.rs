//! Receives and deletes past the SDK's orchestration, and back to it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use scanmill::error::Class;
use scanmill::queue::{Queue, ReceiptHandle};
use serde_json::json;

use super::stand_in::{Answer, StandIn, batch, message, queue, queue_in_time};

const URL: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/photos";
const WAIT: Duration = Duration::from_secs(1);

fn one() -> Vec<ReceiptHandle> {
    vec![ReceiptHandle("r".into())]
}

#[tokio::test]
async fn the_first_receive_is_the_template_of_all_others() {
    let server = StandIn::start(|action, body| match action {
        "ReceiveMessage" => Answer::Ok(json!({ "Messages": [message("hello", "r")] })),
        _ => batch(body, |_| None),
    })
    .await;
    let queue = queue(&server.endpoint, URL, 3);
    for _ in 0..3 {
        let received = queue.receive(7, WAIT).await.unwrap();
        assert_eq!((received[0].body.as_str(), received[0].receipt.0.as_str()), ("hello", "r"));
    }
    assert!(queue.delete(&one()).await.unwrap()[0].is_ok());
    assert_eq!(server.are_of_sdk(), [true, false, false, false]);
    let asked = server.calls("ReceiveMessage");
    assert_eq!((&asked[0], asked[0]["MaxNumberOfMessages"].as_i64()), (&asked[2], Some(7)), "all ask for the same");
    let deleted = &server.calls("DeleteMessageBatch")[0];
    assert!(deleted["QueueUrl"].as_str().unwrap().ends_with("/123456789012/photos"), "{deleted}");
    assert_eq!(deleted["Entries"], json!([{ "Id": "0", "ReceiptHandle": "r" }]));
}

#[tokio::test]
async fn a_receive_that_fails_is_the_only_one_and_the_next_is_the_sdks() {
    for (status, code, class) in [
        (400, "RequestThrottled", Class::Throttled),
        (503, "ServiceUnavailable", Class::Transient),
        (400, "ExpiredToken", Class::Transient),
        (403, "AccessDenied", Class::Refused),
        (400, "AWS.SimpleQueueService.NonExistentQueue", Class::Missing),
    ] {
        let count = AtomicUsize::new(0);
        let server = StandIn::start(move |_, _| match count.fetch_add(1, Ordering::SeqCst) {
            1 => Answer::Error(status, code, "no"),
            _ => Answer::Ok(json!({ "Messages": [message("hello", "r")] })),
        })
        .await;
        let queue = queue(&server.endpoint, URL, 3);
        assert!(queue.receive(1, WAIT).await.is_ok());
        let error = queue.receive(1, WAIT).await.unwrap_err();
        assert_eq!(error.class(), class, "{code}: {error}");
        assert!(error.to_string().contains(code), "{error}");
        assert!(queue.receive(1, WAIT).await.is_ok() && queue.receive(1, WAIT).await.is_ok(), "{code}");
        assert_eq!(server.are_of_sdk(), [true, false, true, false], "{code}");
    }
}

#[tokio::test]
async fn a_delete_that_fails_is_tried_again_by_the_sdk() {
    // What a delete is answered with first, and whether all of it is tried again.
    for (first, is_other) in [
        (Answer::Error(500, "InternalError", "oops"), true),
        (Answer::Text("{\"Successful\": ["), true),
        (Answer::Ok(json!({ "Successful": [{ "Id": "0" }], "Failed": [] })), false),
    ] {
        let (count, first) = (AtomicUsize::new(0), std::sync::Mutex::new(Some(first)));
        let server = StandIn::start(move |action, body| match action {
            "ReceiveMessage" => Answer::Ok(json!({})),
            _ if count.fetch_add(1, Ordering::SeqCst) == 0 => first.lock().unwrap().take().unwrap(),
            _ => batch(body, |_| None),
        })
        .await;
        let queue = queue(&server.endpoint, URL, 3);
        queue.receive(1, WAIT).await.unwrap();
        assert!(queue.delete(&one()).await.unwrap()[0].is_ok());
        let expected = if is_other { vec![true, false, true] } else { vec![true, false] };
        assert_eq!(server.are_of_sdk(), expected);
    }
}

#[tokio::test]
async fn a_delete_that_nobody_answers_ends_in_its_time() {
    let server = StandIn::start(|action, _| match action {
        "ReceiveMessage" => Answer::Ok(json!({})),
        _ => Answer::Begun("{\"Successful\": ["),
    })
    .await;
    let queue = queue_in_time(Some(&server.endpoint), URL, 1, Duration::from_secs(60), Duration::from_millis(300));
    queue.receive(1, WAIT).await.unwrap();
    assert_eq!(queue.delete(&one()).await.unwrap_err().class(), Class::Transient);
    assert_eq!(server.are_of_sdk(), [true, false]);
}
