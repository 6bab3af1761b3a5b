//! The real binary with photos in S3 and their notifications in SQS; rows go into a warehouse file.

#[path = "process/mod.rs"]
mod process;
mod rig;

use std::process::Command;

use process::photo::jpeg;
use process::{Root, Running};
use rig::{Aws, ENVIRONMENT, Ministack, Moto, REGION, unique};

/// A bucket that tells a queue of its photos, a results bucket that does the same by mistake, and an engine's root.
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

    fn run(&self, more: &[(&str, &str)]) -> process::Ended {
        let ended = Running::start(self.command(&["run", "--until-empty"], more)).ended();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended
    }
}

fn each_photo_ends_as_its_row(aws: Aws, count: usize) {
    let place = Place::new(aws);
    // Our own batches are told to the queue as well, and must not come back as photos.
    let arn = place.aws.queue_attribute(&place.queue_url, "QueueArn").unwrap();
    place.aws.notify(&place.results, &arn).unwrap();
    let mut expected = Vec::new();
    for index in 0..count {
        let (key, payload) = (format!("up/a b+c 100%#é写 {index:03}.jpg"), format!("https://shop.example/p/{index}"));
        place.aws.put_object(&place.inbox, &key, &jpeg(&payload)).unwrap();
        expected.push((key, payload));
    }
    place.aws.put_object(&place.inbox, "up/notes.txt", b"no photo").unwrap();
    place.aws.put_object(&place.inbox, "elsewhere/photo.jpg", b"not looked at").unwrap();
    let filter = [("filter.prefix", "up/"), ("filter.suffixes", ".jpg"), ("output.per_photo_json", "true")];
    place.run(&filter);
    assert_eq!(place.root.scans(), expected);
    assert!(place.root.rejections().is_empty(), "filtered photos give no row");
    assert_eq!(place.aws.queue_depth(&place.queue_url).unwrap(), 0);
    assert!(!place.aws.list(&place.results, "").unwrap().is_empty());
    // What the second run finds: its predecessor's results, told to the queue, and nothing to read.
    place.run(&filter);
    assert_eq!(place.root.scans(), expected);
    assert_eq!(place.aws.queue_depth(&place.queue_url).unwrap(), 0);
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
