//! The pump's two halves on S3 and SQS: the plan and the photos in buckets, the stamps in a queue of their own.

use crate::process::{Root, Running};
use crate::rig::{ENVIRONMENT, Ministack, REGION, unique};
use serde_json::Value;

#[test]
fn stamps_cross_sqs_and_every_photo_ends_as_its_rows() {
    let aws = Ministack::shared().aws();
    let (inbox, results) = (unique("inbox"), unique("results"));
    let queue_url = aws.wired(&inbox, &unique("photos")).unwrap();
    let stamp_queue_url = aws.create_queue(&unique("stamps"), &[]).unwrap();
    aws.create_bucket(&results).unwrap();
    let root = Root::new();
    let started = |arguments: &[&str]| {
        let mut command = root.command(arguments);
        command.envs(ENVIRONMENT.iter().copied());
        let endpoint = aws.endpoint.as_str();
        for (key, value) in [
            ("store.kind", "s3"),
            ("store.inbox", &inbox),
            ("store.results", &results),
            ("queue.kind", "sqs"),
            ("queue.wait_seconds", "1"),
            ("aws.region", REGION),
            ("s3.endpoint", endpoint),
            ("s3.path_style", "true"),
            ("sqs.queue_url", &queue_url),
            ("sqs.endpoint", endpoint),
            ("pump.stamp_queue_url", &stamp_queue_url),
        ] {
            command.args(["--set", &format!("{key}={value}")]);
        }
        Running::start(command)
    };
    let json = |running: Running| -> Value {
        let ended = running.ended();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
    };
    let story = ["orchestrate", "--count", "60", "--size", "small", "--pictures", "1", "--json"];
    let sent = json(started(&story));
    assert_eq!(sent["stamps"], 60);
    let workers = [(); 2].map(|()| started(&["distribute", "--until-empty", "--threads", "1", "--json"]));
    let photos: u64 = workers.map(|worker| json(worker)["pump"]["photos"].as_u64().unwrap()).iter().sum();
    assert!(photos >= 60, "SQS may hand a stamp out twice, and loses none: {photos}");
    assert_eq!(aws.queue_depth(&stamp_queue_url).unwrap(), 0);
    let mut keys = aws.list(&inbox, "").unwrap();
    assert_eq!(keys.len(), 60);

    // A schedule on the same story puts the same objects, and says how late each was.
    let paced = [&story[..], &["--rate", "40/s", "--start-in", "2s"]].concat();
    let worker = started(&["distribute", "--json"]);
    let sent = json(started(&paced));
    assert_eq!(sent["stamps"], 60);
    json(started(&["distribute", "--until-empty", "--json"]));
    worker.signal(rustix::process::Signal::TERM);
    json(worker);
    let mut again = aws.list(&inbox, "").unwrap();
    keys.sort();
    again.sort();
    assert_eq!(again, keys);

    let ended = started(&["run", "--until-empty"]).ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let verdict = json(started(&["verify", "--json"]));
    assert_eq!(verdict["photos"], 60);
}

#[test]
fn sqs_without_a_queue_for_stamps_is_refused() {
    let root = Root::new();
    let mut command = root.command(&["orchestrate", "--count", "3"]);
    command.envs(ENVIRONMENT.iter().copied());
    for pair in ["store.kind=s3", "queue.kind=sqs", "sqs.queue_url=http://127.0.0.1:9/1/photos"] {
        command.args(["--set", pair]);
    }
    let ended = Running::start(command).ended();
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("pump.stamp_queue_url is empty"), "{}", ended.stderr);
}
