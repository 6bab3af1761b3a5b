//! Calls against answers that SQS gives and no emulator does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use scanmill::error::Class;
use scanmill::queue::{Depth, Queue, ReceiptHandle};
use serde_json::json;
use tokio::sync::Notify;

use super::stand_in::{Answer, StandIn, batch, message, queue_in_time, queue_with};

const LONG: Duration = Duration::from_secs(20);

fn receipts(count: usize) -> Vec<ReceiptHandle> {
    (0..count).map(|index| ReceiptHandle(format!("r{index}"))).collect()
}

#[tokio::test]
async fn a_receive_says_what_it_wants_and_reads_what_it_gets() {
    let server = StandIn::start(|_, _| Answer::Ok(json!({ "Messages": [message("ü", "r1")] }))).await;
    let queue = server.queue();
    let got = queue.receive(50, LONG).await.unwrap();
    assert_eq!((got[0].body.as_str(), got[0].receipt.0.as_str(), got[0].receive_count), ("ü", "r1", 1));
    assert_eq!(got[0].sent_at.as_millisecond(), 1_700_000_000_000);
    let asked = &server.calls("ReceiveMessage")[0];
    assert_eq!(asked["QueueUrl"], format!("{}/123456789012/photos", server.endpoint));
    assert_eq!((&asked["MaxNumberOfMessages"], &asked["WaitTimeSeconds"]), (&json!(10), &json!(20)));
    assert_eq!(asked["VisibilityTimeout"], 60);
    assert!(queue.receive(0, LONG).await.unwrap().is_empty());
    assert_eq!(server.calls("ReceiveMessage").len(), 1);
}

#[tokio::test]
async fn half_of_a_short_lease_is_left_after_the_longest_wait() {
    let server = StandIn::start(|_, _| Answer::Ok(json!({}))).await;
    let url = "http://x/123456789012/photos";
    for (lease, wait) in [(10, 5), (1, 0), (300, 20)] {
        let queue = queue_with(Some(&server.endpoint), url, 1, Duration::from_secs(lease));
        assert!(queue.receive(1, LONG).await.unwrap().is_empty());
        assert_eq!(server.calls("ReceiveMessage").last().unwrap()["WaitTimeSeconds"], wait, "{lease}");
    }
}

#[tokio::test]
async fn a_receive_cut_off_is_picked_up_by_the_next() {
    let answer = Arc::new(Notify::new());
    let when = answer.clone();
    let server = StandIn::start(move |action, body| match action {
        "ReceiveMessage" => {
            let messages: Vec<_> = (0..3).map(|index| message("x", &format!("r{index}"))).collect();
            Answer::Later(when.clone(), Box::new(Answer::Ok(json!({ "Messages": messages }))))
        }
        _ => batch(body, |_| None),
    })
    .await;
    let queue = server.queue();
    tokio::select! {
        _ = queue.receive(10, LONG) => panic!("nothing was sent yet"),
        () = server.called("ReceiveMessage") => {}
    }
    answer.notify_one();
    // Also when the next caller takes fewer, and one waits for less long than the poll under way.
    let first = queue.receive(2, LONG).await.unwrap();
    assert_eq!(first.iter().map(|message| message.receipt.0.as_str()).collect::<Vec<_>>(), ["r0", "r1"]);
    let second = queue.receive(2, Duration::ZERO).await.unwrap();
    assert_eq!(second.iter().map(|message| message.receipt.0.as_str()).collect::<Vec<_>>(), ["r2"]);
    assert_eq!(server.calls("ReceiveMessage").len(), 1, "one poll served all");

    // What nobody takes any more goes back at once.
    tokio::select! {
        _ = queue.receive(10, LONG) => panic!("not answered yet"),
        () = async { while server.calls("ReceiveMessage").len() < 2 { tokio::task::yield_now().await } } => {}
    }
    answer.notify_one();
    let one = queue.receive(1, LONG).await.unwrap();
    assert_eq!(one.len(), 1);
    queue.release().await;
    let back = &server.calls("ChangeMessageVisibilityBatch")[0]["Entries"];
    assert_eq!(back.as_array().unwrap().len(), 2);
    assert_eq!((&back[0]["ReceiptHandle"], &back[0]["VisibilityTimeout"]), (&json!("r1"), &json!(0)));
}

#[tokio::test]
async fn the_failure_of_a_receive_cut_off_is_not_the_next_ones() {
    let (count, answer) = (AtomicUsize::new(0), Arc::new(Notify::new()));
    let when = answer.clone();
    let server = StandIn::start(move |_, _| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::Later(when.clone(), Box::new(Answer::Error(500, "InternalError", "oops"))),
        _ => Answer::Ok(json!({ "Messages": [message("x", "r")] })),
    })
    .await;
    let queue = server.queue();
    tokio::select! {
        _ = queue.receive(1, LONG) => panic!("not answered yet"),
        () = server.called("ReceiveMessage") => {}
    }
    answer.notify_one();
    assert_eq!(queue.receive(1, LONG).await.unwrap().len(), 1);
    assert_eq!(server.calls("ReceiveMessage").len(), 2);
}

#[tokio::test]
async fn a_body_that_changed_on_the_way_is_left_to_come_again() {
    let server = StandIn::start(|_, _| {
        let (mut whole, mut damaged) = (message("hello", "whole"), message("hallo", "damaged"));
        whole["MD5OfBody"] = json!("5d41402abc4b2a76b9719d911017c592");
        damaged["MD5OfBody"] = json!("5d41402abc4b2a76b9719d911017c592");
        Answer::Ok(json!({ "Messages": [damaged, whole] }))
    })
    .await;
    let got = server.queue().receive(10, LONG).await.unwrap();
    assert_eq!(got.iter().map(|message| message.receipt.0.as_str()).collect::<Vec<_>>(), ["whole"]);
}

#[tokio::test]
async fn errors_of_a_receive_are_classed_and_tried_by_the_caller_alone() {
    for (status, code, class) in [
        (403, "OverLimit", Class::Throttled),
        (400, "RequestThrottled", Class::Throttled),
        (503, "ServiceUnavailable", Class::Transient),
        (400, "ExpiredToken", Class::Transient),
        (400, "AWS.SimpleQueueService.NonExistentQueue", Class::Missing),
        (403, "AccessDenied", Class::Refused),
    ] {
        let server = StandIn::start(move |_, _| Answer::Error(status, code, "no")).await;
        let queue = super::stand_in::queue(&server.endpoint, "http://x/123456789012/photos", 4);
        let error = queue.receive(10, LONG).await.unwrap_err();
        assert_eq!(error.class(), class, "{code}: {error}");
        assert!(error.to_string().contains(&format!("{}/123456789012/photos", server.endpoint)), "{error}");
        // A second try behind the caller's back could lease messages twice.
        assert_eq!(server.calls("ReceiveMessage").len(), 1, "{code}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_transient() {
    let server = StandIn::start(|_, _| Answer::Text("{\"Messages\": [{\"Body\": \"cu")).await;
    let error = server.queue().receive(10, LONG).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient, "{error}");
    assert!(error.to_string().contains("no readable answer"), "{error}");
}

#[tokio::test]
async fn an_answer_that_stops_in_its_middle_is_given_up_in_time() {
    let server = StandIn::start(|_, _| Answer::Begun("{\"Successful\": [")).await;
    let url = "https://sqs.us-east-1.amazonaws.com/123456789012/photos";
    let queue = queue_in_time(Some(&server.endpoint), url, 1, Duration::from_secs(60), Duration::from_millis(300));
    let ends = queue.delete(&receipts(2)).await;
    let classes: Vec<Class> = match ends {
        Ok(ends) => ends.into_iter().map(|end| end.unwrap_err().class()).collect(),
        Err(error) => vec![error.class()],
    };
    assert!(!classes.is_empty() && classes.iter().all(|class| *class == Class::Transient), "{classes:?}");
}

#[tokio::test]
async fn each_entry_of_a_batch_has_its_own_result() {
    let server = StandIn::start(|_, body| {
        batch(body, |entry| match entry["ReceiptHandle"].as_str().unwrap() {
            "r1" => Some(("ReceiptHandleIsInvalid", "no such handle")),
            "r2" => Some((
                "InvalidParameterValue",
                "Value r2 for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.",
            )),
            "r3" => Some((
                "InvalidParameterValue",
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
            )),
            "r4" | "r24" => Some(("RequestThrottled", "slower")),
            _ => None,
        })
    })
    .await;
    let queue = server.queue();
    let expected = |index: usize| match index {
        1 | 2 => Some(Class::Missing),
        3 => Some(Class::Permanent),
        4 | 24 => Some(Class::Throttled),
        _ => None,
    };
    let results = queue.extend(&receipts(25), Duration::from_millis(1_500)).await.unwrap();
    for (index, result) in results.iter().enumerate() {
        assert_eq!(result.as_ref().err().map(|error| error.class()), expected(index), "{index}: {result:?}");
    }
    let calls = server.calls("ChangeMessageVisibilityBatch");
    let mut sizes: Vec<usize> = calls.iter().map(|call| call["Entries"].as_array().unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [5, 10, 10], "whoever keeps the leases tries again what was throttled, and no call waits for it");
    assert_eq!(calls[0]["Entries"][0]["VisibilityTimeout"], 2, "never shorter than asked");
    let results = queue.delete(&receipts(5)).await.unwrap();
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 4);
}

#[tokio::test]
async fn a_batch_that_gets_no_answer_speaks_for_its_own_entries_only() {
    let server = StandIn::start(|_, body| {
        let first = body["Entries"][0]["Id"].as_str().unwrap() == "0";
        if first { Answer::Error(500, "InternalError", "oops") } else { batch(body, |_| None) }
    })
    .await;
    let results = server.queue().delete(&receipts(30)).await.unwrap();
    assert!(results[..10].iter().all(|result| result.as_ref().is_err_and(|e| e.class() == Class::Transient)));
    assert!(results[10..].iter().all(Result::is_ok));
    let none = server.queue().delete(&receipts(3)).await.unwrap_err();
    assert_eq!(none.class(), Class::Transient, "not one was answered");
    assert!(server.queue().delete(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn sends_are_split_by_count_and_by_bytes() {
    let server = StandIn::start(|_, body| {
        batch(body, |entry| (entry["MessageBody"] == "bad").then_some(("InvalidMessageContents", "#x0")))
    })
    .await;
    let queue = server.queue();
    queue.send(&vec!["x".repeat(400 << 10); 5]).await.unwrap();
    queue.send(&vec!["x".to_owned(); 25]).await.unwrap();
    let mut sizes: Vec<usize> =
        server.calls("SendMessageBatch").iter().map(|call| call["Entries"].as_array().unwrap().len()).collect();
    sizes[..3].sort_unstable();
    sizes[3..].sort_unstable();
    assert_eq!(sizes, [1, 2, 2, 5, 10, 10]);
    let error = queue.send(&["good".into(), "x".repeat((1 << 20) + 1)]).await.unwrap_err();
    assert!(error.to_string().contains("1048577 bytes"), "{error}");
    assert_eq!(server.calls("SendMessageBatch").len(), 6, "refused before anything was sent");
    let error = queue.send(&["good".into(), "bad".into()]).await.unwrap_err();
    assert!(error.to_string().contains("1 of 2 messages were not sent"), "{error}");
    assert_eq!(error.class(), Class::Permanent);
}

#[tokio::test]
async fn the_depth_counts_dead_letters_or_says_once_why_not() {
    for is_allowed in [true, false] {
        let server = StandIn::start(move |_, body| {
            if body["QueueUrl"].as_str().unwrap().ends_with("/123456789012/photos-dead") {
                return match is_allowed {
                    true => Answer::Ok(json!({ "Attributes": { "ApproximateNumberOfMessages": "4" } })),
                    false => Answer::Error(403, "AccessDenied", "no"),
                };
            }
            let policy =
                json!({ "deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:photos-dead", "maxReceiveCount": 25 });
            Answer::Ok(json!({ "Attributes": {
                "ApproximateNumberOfMessages": "7", "ApproximateNumberOfMessagesDelayed": "2",
                "ApproximateNumberOfMessagesNotVisible": "3", "RedrivePolicy": policy.to_string(),
            } }))
        })
        .await;
        let queue = server.queue();
        for _ in 0..3 {
            let dead = if is_allowed { 4 } else { 0 };
            assert_eq!(queue.depth().await.unwrap(), Depth { ready: 9, in_flight: 3, dead });
        }
        let calls = server.calls("GetQueueAttributes");
        let of_dead = calls.iter().filter(|call| call["QueueUrl"].as_str().unwrap().ends_with("-dead")).count();
        assert_eq!(of_dead, if is_allowed { 4 } else { 1 });
        let asks_policy =
            |call: &&serde_json::Value| call["AttributeNames"].as_array().unwrap().contains(&json!("RedrivePolicy"));
        assert_eq!(calls.iter().filter(asks_policy).count(), 1, "looked up once");
    }
}
