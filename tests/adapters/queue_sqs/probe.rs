//! What `check` and the start of `run` find out about the queue.

use std::time::Duration;

use scanmill::error::Class;
use scanmill::probe::Probe;
use serde_json::{Value, json};

use super::stand_in::{Answer, StandIn, queue_with};

const ACCOUNT: &str = "123456789012";

/// A queue as AWS would show it; `changed` has attributes set, or left out where null.
fn attributes(changed: &Value) -> Value {
    let policy =
        json!({ "deadLetterTargetArn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:dead"), "maxReceiveCount": 5 });
    let mut all = json!({
        "QueueArn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:photos"), "ApproximateNumberOfMessages": "7",
        "ApproximateNumberOfMessagesNotVisible": "3", "VisibilityTimeout": "30", "MessageRetentionPeriod": "345600",
        "RedrivePolicy": policy.to_string(),
    });
    for (name, value) in changed.as_object().unwrap() {
        all[name] = value.clone();
    }
    let kept = all.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    json!({ "Attributes": kept.map(|(name, value)| (name.clone(), value.clone())).collect::<serde_json::Map<_, _>>() })
}

/// What SQS says of each call of the probe to somebody who may make it.
fn allowed(action: &str, changed: &Value) -> Answer {
    match action {
        "GetQueueAttributes" => Answer::Ok(attributes(changed)),
        "ReceiveMessage" => Answer::Error(
            400,
            "InvalidParameterValue",
            "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
        ),
        "DeleteMessage" | "ChangeMessageVisibility" => {
            Answer::Error(400, "ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        }
        "SendMessageBatch" => {
            Answer::Error(400, "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one")
        }
        other => panic!("the probe called {other}"),
    }
}

/// Name, class and text of each finding; texts of errors with their hints.
async fn findings(server: &StandIn) -> Vec<(&'static str, Option<Class>, String)> {
    let found = server.queue().probe().await;
    found
        .into_iter()
        .map(|finding| match finding.outcome {
            Ok(text) => (finding.name, None, text),
            Err(error) => (finding.name, Some(error.class()), error.report()),
        })
        .collect()
}

#[tokio::test]
async fn a_queue_in_order_is_told_as_it_is() {
    let server = StandIn::start(|action, _| allowed(action, &json!({}))).await;
    let found = findings(&server).await;
    assert!(found.iter().all(|(_, class, _)| class.is_none()), "{found:#?}");
    let names: Vec<_> = found.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, ["queue", "dead letters", "queue receive", "queue lease", "queue delete", "queue send"]);
    assert!(found[0].2.contains("7 ready, 3 in flight, kept for 345600 s"), "{}", found[0].2);
    assert!(found[1].2.contains("after 5 receives"), "{}", found[1].2);
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named_and_nothing_else_is() {
    for (denied, name, iam) in [
        ("GetQueueAttributes", "queue", "sqs:GetQueueAttributes"),
        ("ReceiveMessage", "queue receive", "sqs:ReceiveMessage"),
        ("ChangeMessageVisibility", "queue lease", "sqs:ChangeMessageVisibility"),
        ("DeleteMessage", "queue delete", "sqs:DeleteMessage"),
        ("SendMessageBatch", "queue send", "sqs:SendMessage"),
    ] {
        let server = StandIn::start(move |action, _| match action {
            action if action == denied => Answer::Error(403, "AccessDenied", "Access to the resource is denied."),
            _ => allowed(action, &json!({})),
        })
        .await;
        let found = findings(&server).await;
        let wrong: Vec<_> = found.iter().filter(|(_, class, _)| class.is_some()).collect();
        assert_eq!(wrong.len(), 1, "{denied}: {found:#?}");
        assert_eq!((wrong[0].0, wrong[0].1), (name, Some(Class::Refused)));
        assert!(wrong[0].2.contains(&format!("hint: allow `{iam}`")), "{}", wrong[0].2);
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_way_there_is_said_once() {
    for (status, code, class, says) in [
        (403, "InvalidClientTokenId", Class::Refused, "does not know these credentials"),
        (403, "SignatureDoesNotMatch", Class::Refused, "does not know these credentials"),
        (400, "UnrecognizedClientException", Class::Refused, "does not know these credentials"),
        (400, "AWS.SimpleQueueService.NonExistentQueue", Class::Missing, "in this account and in `aws.region`"),
        (400, "QueueDoesNotExist", Class::Missing, "in this account and in `aws.region`"),
        (400, "ExpiredToken", Class::Transient, "ExpiredToken"),
    ] {
        let server = StandIn::start(move |_, _| Answer::Error(status, code, "no")).await;
        let found = findings(&server).await;
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!((found[0].0, found[0].1), ("queue", Some(class)), "{code}");
        assert!(found[0].2.contains(says), "{}", found[0].2);
    }
}

#[tokio::test]
async fn a_queue_in_another_region_is_not_even_asked() {
    let url = "https://sqs.eu-central-1.amazonaws.com/123456789012/photos";
    let found = queue_with(None, url, 1, Duration::from_secs(60)).probe().await;
    assert_eq!(found.len(), 1);
    let report = found[0].outcome.as_ref().unwrap_err().report();
    assert!(report.contains("is in eu-central-1, and the region in use is us-east-1"), "{report}");
    assert!(report.contains("set `aws.region` to eu-central-1"), "{report}");
}

#[tokio::test]
async fn settings_that_do_not_fit_the_queue_are_said_with_the_remedy() {
    let policy = |count: Value| {
        let arn = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:dead");
        json!({ "RedrivePolicy": json!({ "deadLetterTargetArn": arn, "maxReceiveCount": count }).to_string() })
    };
    let other = format!("arn:aws:sqs:us-east-1:{}:photos", "210987654321");
    for (changed, name, says) in [
        (json!({ "QueueArn": other }), "queue", "belongs to account 210987654321, not to 123456789012"),
        (json!({ "FifoQueue": "true" }), "queue", "FIFO queue"),
        (json!({ "MessageRetentionPeriod": "299" }), "queue", "MessageRetentionPeriod to at least 300"),
        (policy(json!(4)), "dead letters", "maxReceiveCount in its redrive policy to at least 5"),
        (policy(json!("4")), "dead letters", "`queue.dead_letter_after` to at most 4"),
    ] {
        let shown = changed.clone();
        let server = StandIn::start(move |action, _| allowed(action, &changed)).await;
        let found = findings(&server).await;
        let wrong: Vec<_> = found.iter().filter(|(_, class, _)| class.is_some()).collect();
        assert_eq!((wrong.len(), wrong[0].0, wrong[0].1), (1, name, Some(Class::Permanent)), "{shown}");
        assert!(wrong[0].2.contains(says), "{}", wrong[0].2);
    }
}

#[tokio::test]
async fn dead_letters_that_may_not_be_counted_keep_nobody_from_starting() {
    let none = json!({ "RedrivePolicy": null });
    let server = StandIn::start(move |action, _| allowed(action, &none)).await;
    assert!(findings(&server).await[1].2.contains("no dead-letter queue; a photo received 5 times is rejected"));
    let server = StandIn::start(|action, body| match body["QueueUrl"].as_str().unwrap().ends_with("/dead") {
        true => Answer::Error(403, "AccessDenied", "no"),
        false => allowed(action, &json!({})),
    })
    .await;
    let found = findings(&server).await;
    assert_eq!(found[1].1, None);
    assert!(found[1].2.contains("allow `sqs:GetQueueAttributes` on it"), "{}", found[1].2);
}
