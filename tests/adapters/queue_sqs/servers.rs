//! The queue on servers that nobody here wrote.

use std::time::Duration;

use scanmill::error::Class;
use scanmill::probe::Probe;
use scanmill::queue::sqs::SqsQueue;
use scanmill::queue::{Depth, Message, Queue, ReceiptHandle};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::stand_in::queue_with;
use crate::rig::{Aws, Microburst, Ministack, Moto, unique};

const NOW: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(3600);

fn queue_on(aws: &Aws, attributes: &[(&str, &str)], lease: Duration) -> SqsQueue {
    let url = aws.create_queue(&unique("queue"), attributes).unwrap();
    queue_with(Some(&aws.endpoint), &url, 4, lease)
}

fn bodies(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn receipts(messages: &[Message]) -> Vec<ReceiptHandle> {
    messages.iter().map(|message| message.receipt.clone()).collect()
}

async fn is_leased_extended_and_deleted(aws: &Aws) {
    let queue = queue_on(aws, &[], HOUR);
    queue.send(&bodies(&["one", "zwei \u{1F4F7}", "three"])).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), Depth { ready: 3, in_flight: 0, dead: 0 });
    let before = Instant::now();
    let mut first = Vec::new();
    while first.len() < 3 {
        first.extend(queue.receive(10, LONG).await.unwrap());
    }
    let mut seen: Vec<_> = first.iter().map(|message| message.body.as_str()).collect();
    seen.sort_unstable();
    assert_eq!(seen, ["one", "three", "zwei \u{1F4F7}"]);
    assert!(first.iter().all(|message| message.receive_count == 1));
    assert!(first.iter().all(|m| m.visible_again_at >= before + HOUR && m.visible_again_at <= Instant::now() + HOUR));
    assert_eq!(queue.depth().await.unwrap(), Depth { ready: 0, in_flight: 3, dead: 0 });

    // Zero gives back at once; the message comes again under a new handle.
    assert!(queue.extend(&receipts(&first[..1]), NOW).await.unwrap()[0].is_ok());
    let again = queue.receive(10, LONG).await.unwrap();
    assert_eq!((again.len(), again[0].receive_count, &again[0].id), (1, 2, &first[0].id));
    assert_ne!(again[0].receipt, first[0].receipt);

    // The others are not held up by a handle that never was.
    let mixed = [ReceiptHandle("nonsense".into()), first[1].receipt.clone(), first[2].receipt.clone()];
    let extended = queue.extend(&mixed, HOUR).await.unwrap();
    assert_eq!(extended[0].as_ref().unwrap_err().class(), Class::Missing);
    assert!(extended[1].is_ok() && extended[2].is_ok(), "{extended:?}");
    let deleted = queue.delete(&mixed).await.unwrap();
    assert_eq!(deleted[0].as_ref().unwrap_err().class(), Class::Missing);
    assert!(deleted[1].is_ok() && deleted[2].is_ok(), "{deleted:?}");
    assert_eq!(queue.depth().await.unwrap(), Depth { ready: 0, in_flight: 1, dead: 0 });
    assert!(queue.delete(&receipts(&again)).await.unwrap()[0].is_ok());
    assert_eq!(queue.depth().await.unwrap(), Depth::default());
}

#[tokio::test]
async fn a_message_is_leased_extended_and_deleted_on_ministack() {
    is_leased_extended_and_deleted(&Ministack::shared().aws()).await;
}

#[tokio::test]
async fn a_message_is_leased_extended_and_deleted_on_moto() {
    is_leased_extended_and_deleted(&Moto::shared().aws()).await;
}

#[tokio::test]
async fn a_lease_that_is_over_is_no_longer_anybodys() {
    let queue = queue_on(&Ministack::shared().aws(), &[], Duration::from_secs(1));
    queue.send(&bodies(&["x"])).await.unwrap();
    let first = queue.receive(1, LONG).await.unwrap();
    // Nobody sends: the message comes because the lease ends.
    let mut second = Vec::new();
    while second.is_empty() {
        second = queue.receive(1, LONG).await.unwrap();
    }
    assert_eq!(second[0].receive_count, 2);
    // The stale handle does nothing, and says so.
    let extended = queue.extend(&receipts(&first), HOUR).await.unwrap();
    assert_eq!(extended[0].as_ref().unwrap_err().class(), Class::Missing);
    let deleted = queue.delete(&receipts(&first)).await.unwrap();
    assert_eq!(deleted[0].as_ref().unwrap_err().class(), Class::Missing);
    let left = queue.depth().await.unwrap();
    assert_eq!(left.ready + left.in_flight, 1);
}

#[tokio::test]
async fn a_hundred_messages_are_more_than_ten_batches() {
    let queue = queue_on(&Ministack::shared().aws(), &[], HOUR);
    queue.send(&(0..105).map(|index| format!("message {index}")).collect::<Vec<_>>()).await.unwrap();
    let mut all = Vec::new();
    while all.len() < 105 {
        let some = queue.receive(100, LONG).await.unwrap();
        assert!(some.len() <= 10);
        all.extend(some);
    }
    assert!(queue.extend(&receipts(&all), HOUR).await.unwrap().iter().all(Result::is_ok));
    let deleted = queue.delete(&receipts(&all)).await.unwrap();
    assert!(deleted.len() == 105 && deleted.iter().all(Result::is_ok));
    assert_eq!(queue.depth().await.unwrap(), Depth::default());
}

#[tokio::test]
async fn a_message_received_too_often_is_counted_among_the_dead() {
    let aws = Ministack::shared().aws();
    let dead = aws.create_queue(&unique("dead"), &[]).unwrap();
    let arn = aws.queue_attribute(&dead, "QueueArn").unwrap();
    let policy = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": "2" }).to_string();
    let queue = queue_on(&aws, &[("RedrivePolicy", &policy)], HOUR);
    queue.send(&bodies(&["poison"])).await.unwrap();
    for count in 1..=2 {
        let received = queue.receive(10, LONG).await.unwrap();
        assert_eq!(received[0].receive_count, count);
        assert!(queue.extend(&receipts(&received), NOW).await.unwrap()[0].is_ok());
    }
    assert!(queue.receive(10, NOW).await.unwrap().is_empty());
    assert_eq!(queue.depth().await.unwrap(), Depth { ready: 0, in_flight: 0, dead: 1 });
    let found = queue.probe().await;
    let report = found[1].outcome.as_ref().unwrap_err().report();
    assert!(report.contains("gives a message up after 2 receives"), "{report}");
}

async fn probe_changes_nothing(aws: &Aws) {
    let queue = queue_on(aws, &[], HOUR);
    queue.send(&bodies(&["untouched"])).await.unwrap();
    for finding in queue.probe().await {
        assert!(finding.outcome.is_ok(), "{finding:?}");
    }
    assert_eq!(queue.depth().await.unwrap(), Depth { ready: 1, in_flight: 0, dead: 0 });
    assert_eq!(queue.receive(1, LONG).await.unwrap()[0].receive_count, 1);
    let nowhere = queue_with(Some(&aws.endpoint), "http://x/000000000000/no-such-queue", 1, HOUR);
    let found = nowhere.probe().await;
    assert_eq!(found.len(), 1);
    let error = found[0].outcome.as_ref().unwrap_err();
    assert_eq!(error.class(), Class::Missing, "{error}");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("aws.region")), "{error}");
}

#[tokio::test]
async fn the_probe_changes_nothing_on_ministack() {
    probe_changes_nothing(&Ministack::shared().aws()).await;
}

#[tokio::test]
async fn the_probe_changes_nothing_on_moto() {
    probe_changes_nothing(&Moto::shared().aws()).await;
}

/// Takes everything, as the engine does: errors that may pass are waited out.
async fn work_through(queue: &SqsQueue, count: usize) -> usize {
    let mut done = std::collections::BTreeSet::new();
    let mut failures = 0;
    while done.len() < count {
        assert!(failures < 500, "no end: {} of {count} done", done.len());
        let pause = Duration::from_millis(20);
        let messages = match queue.receive(10, Duration::from_secs(1)).await {
            Ok(messages) => messages,
            Err(error) => {
                assert!(error.class().is_retryable(), "{error}");
                failures += 1;
                tokio::time::sleep(pause).await;
                continue;
            }
        };
        let mut open = messages;
        while !open.is_empty() {
            let results = match queue.delete(&receipts(&open)).await {
                Ok(results) => results,
                Err(error) => {
                    assert!(error.class().is_retryable(), "{error}");
                    failures += 1;
                    tokio::time::sleep(pause).await;
                    continue;
                }
            };
            let mut again = Vec::new();
            for (message, result) in open.into_iter().zip(results) {
                match result.map_err(|error| error.class()) {
                    // A delete whose answer was lost is done all the same.
                    Ok(()) | Err(Class::Missing) => drop(done.insert(message.body)),
                    Err(class) => {
                        assert!(class.is_retryable(), "{class:?}");
                        again.push(message);
                    }
                }
            }
            open = again;
        }
    }
    failures
}

#[tokio::test]
async fn every_message_is_worked_through_whatever_strikes() {
    let upstream = Ministack::shared().aws();
    let proxy = Microburst::start(&upstream.endpoint).unwrap();
    for (fault, rules) in faults() {
        let url = upstream.create_queue(&unique("queue"), &[]).unwrap();
        // Called once a request, so that faults are seen here and not only by the SDK.
        let queue = queue_with(Some(&proxy.aws().endpoint), &url, 1, Duration::from_secs(2));
        proxy.heal().unwrap();
        let messages: Vec<_> = (0..30).map(|index| format!("message {index}")).collect();
        // One attempt a call, and the server may be slow beside other tests: a message sent twice is worked through twice.
        while let Err(error) = queue.send(&messages).await {
            assert!(error.class().is_retryable(), "{error}");
        }
        proxy.rules(&rules).unwrap();
        work_through(&queue, 30).await;
        assert!(!proxy.fired().unwrap().is_empty(), "{fault}: no fault struck");
        proxy.heal().unwrap();
        let mut left = queue.depth().await.unwrap();
        // A lease that was handed out into a broken connection ends by itself.
        while left != Depth::default() {
            work_rest(&queue).await;
            left = queue.depth().await.unwrap();
        }
    }
}

async fn work_rest(queue: &SqsQueue) {
    let rest = queue.receive(10, Duration::from_secs(1)).await.unwrap();
    queue.delete(&receipts(&rest)).await.unwrap();
}

/// A rule of microburst for one kind of fault: it strikes one call and lets two pass.
fn faults() -> Vec<(&'static str, Value)> {
    let rule = |more: Value| {
        let mut rule = json!({ "service": "sqs", "sequence": [1, 2] });
        for (name, value) in more.as_object().unwrap() {
            rule[name] = value.clone();
        }
        json!([rule])
    };
    vec![
        ("throttled", rule(json!({ "error": { "code": "RequestThrottled", "status": 400 } }))),
        ("unavailable", rule(json!({ "error": { "code": "ServiceUnavailable", "status": 503 } }))),
        ("reset", rule(json!({ "reset": true }))),
        ("answer cut", rule(json!({ "response": { "abort_frac": 0.5 } }))),
        ("answer changed", rule(json!({ "operation": "ReceiveMessage", "response": { "corrupt_bytes": 3 } }))),
    ]
}
