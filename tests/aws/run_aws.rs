//! The real binary with photos in S3 and their notifications in SQS; rows go into a warehouse file.

use std::process::Command;

use crate::process::photo::jpeg;
use crate::process::{Root, Running};
use crate::rig::{Aws, ENVIRONMENT, Microburst, Ministack, Moto, REGION, unique};
use jiff::Timestamp;
use scanmill::domain::PhotoRef;
use scanmill::domain::notification::s3_event;
use serde_json::json;

/// A bucket that tells a queue of its photos, a results bucket, and an engine's root.
struct Place {
    aws: Aws,
    inbox: String,
    results: String,
    queue_url: String,
    root: Root,
}

impl Place {
    fn new(aws: Aws) -> Place {
        let (inbox, results) = (unique("inbox"), unique("results"));
        let queue_url = aws.wired(&inbox, &unique("photos")).unwrap();
        aws.create_bucket(&results).unwrap();
        Place { aws, inbox, results, queue_url, root: Root::new() }
    }

    fn command(&self, arguments: &[&str], more: &[(&str, &str)]) -> Command {
        let mut command = self.root.command(arguments);
        command.envs(ENVIRONMENT.iter().copied());
        let endpoint = self.aws.endpoint.as_str();
        let keys = [
            ("store.kind", "s3"),
            ("store.inbox", &self.inbox),
            ("store.results", &self.results),
            ("queue.kind", "sqs"),
            ("queue.wait_seconds", "1"),
            ("aws.region", REGION),
            ("s3.endpoint", endpoint),
            ("s3.path_style", "true"),
            ("sqs.queue_url", &self.queue_url),
            ("sqs.endpoint", endpoint),
        ];
        for (key, value) in keys.iter().chain(more) {
            command.args(["--set", &format!("{key}={value}")]);
        }
        command
    }

    fn run(&self, more: &[(&str, &str)]) -> crate::process::Ended {
        let ended = Running::start(self.command(&["run", "--until-empty"], more)).ended();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended
    }
}

fn each_photo_ends_as_its_row(aws: Aws, count: usize) {
    let place = Place::new(aws);
    // Somebody tells the queue of our own output, which must not be read.
    let own = PhotoRef {
        bucket: place.results.clone(),
        key: "up/own.jpg".into(),
        version_id: None,
        etag: None,
        size_bytes: Some(9),
        sequencer: None,
        uploaded_at: None,
    };
    place.aws.put_object(&own.bucket, &own.key, &jpeg("https://own.example/")).unwrap();
    place.aws.send_message(&place.queue_url, &s3_event(&own, Timestamp::now())).unwrap();
    let mut expected = Vec::new();
    for index in 0..count {
        let (key, payload) = (format!("up/a b+c 100%#é写 {index:03}.jpg"), format!("https://shop.example/p/{index}"));
        place.aws.put_object(&place.inbox, &key, &jpeg(&payload)).unwrap();
        expected.push((key, payload));
    }
    place.aws.put_object(&place.inbox, "up/notes.txt", b"no photo").unwrap();
    place.aws.put_object(&place.inbox, "elsewhere/photo.jpg", b"not looked at").unwrap();
    let filter = [("filter.prefix", "up/"), ("filter.suffixes", ".jpg"), ("output.per_photo_json", "true")];
    let ended = place.run(&filter);
    assert_eq!(place.root.scans(), expected);
    assert!(place.root.rejections().is_empty(), "what is passed over gives no row");
    assert_eq!(place.aws.queue_depth(&place.queue_url).unwrap(), 0);
    assert_eq!(ended.stderr.matches("which are never read").count(), 1, "{}", ended.stderr);
    assert_eq!(place.aws.list(&place.results, "photos/").unwrap().len(), count, "one JSON object a photo");
}

#[test]
fn each_photo_ends_as_its_row_on_ministack() {
    each_photo_ends_as_its_row(Ministack::shared().aws(), 40);
}

#[test]
fn each_photo_ends_as_its_row_on_moto() {
    each_photo_ends_as_its_row(Moto::shared().aws(), 15);
}

#[test]
fn faults_of_the_queue_lose_and_double_nothing() {
    let upstream = Ministack::shared().aws();
    let place = Place::new(upstream.clone());
    let mut expected = Vec::new();
    for index in 0..40 {
        let (key, payload) = (format!("{index:03}.jpg"), format!("https://shop.example/p/{index}"));
        place.aws.put_object(&place.inbox, &key, &jpeg(&payload)).unwrap();
        expected.push((key, payload));
    }
    let proxy = Microburst::start(&upstream.endpoint).unwrap();
    // Each strikes the first call it looks at, and then again and again.
    let receive = json!({ "service": "sqs", "operation": "ReceiveMessage", "sequence": [1, 5] });
    let with = |more: serde_json::Value| {
        let mut rule = receive.clone();
        more.as_object().unwrap().iter().for_each(|(name, value)| rule[name] = value.clone());
        rule
    };
    proxy
        .rules(&json!([
            with(json!({ "error": { "code": "RequestThrottled", "status": 400 } })),
            with(json!({ "error": { "code": "ServiceUnavailable", "status": 503 } })),
            with(json!({ "reset": true })),
            with(json!({ "response": { "abort_frac": 0.5 } })),
            { "service": "sqs", "operation": "DeleteMessageBatch", "sequence": [1, 1], "reset": true },
        ]))
        .unwrap();
    // A short lease: what was handed out into a cut answer comes again when it ends.
    let endpoint = proxy.aws().endpoint;
    let more = [("sqs.endpoint", endpoint.as_str()), ("queue.visibility_timeout_seconds", "8")];
    let ended = place.run(&more);
    assert_eq!(place.root.scans(), expected);
    assert!(place.root.rejections().is_empty());
    assert_eq!(place.aws.queue_depth(&place.queue_url).unwrap(), 0);
    let fired = serde_json::to_string(&proxy.fired().unwrap()).unwrap();
    for fault in ["RequestThrottled", "ServiceUnavailable", "reset", "abort", "DeleteMessageBatch"] {
        assert!(fired.contains(fault), "{fault} never struck: {fired}");
    }
    assert!(ended.stderr.contains("call failed, trying again"), "{}", ended.stderr);
}

#[test]
fn check_is_content_and_run_refuses_a_queue_that_is_not_there() {
    let mut place = Place::new(Ministack::shared().aws());
    let checked = Running::start(place.command(&["check"], &[("metrics.listen", "off")])).ended();
    assert!(checked.stdout.contains("sqs:ReceiveMessage is allowed"), "{}", checked.stdout);
    assert!(checked.stdout.contains("0 failed"), "{}", checked.stdout);
    place.queue_url.push_str("-elsewhere");
    let ended = Running::start(place.command(&["run"], &[])).ended();
    assert!(ended.code.is_some_and(|code| code != 0), "{ended:?}");
    assert!(
        ended.stderr.contains("NonExistentQueue") || ended.stderr.contains("QueueDoesNotExist"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("in this account and in `aws.region`"), "{}", ended.stderr);
}
