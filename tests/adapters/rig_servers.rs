//! The servers of the rig do what the tests of the AWS adapters rely on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::rig::{Aws, DataApi, Microburst, Ministack, Moto};

/// The first notification of a photo: its key and its record, with `s3:TestEvent` passed over.
fn notified(aws: &Aws, queue_url: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        for message in aws.receive(queue_url, 1).unwrap() {
            aws.delete_message(queue_url, &message).unwrap();
            let body: Value = serde_json::from_str(&message.body).unwrap();
            if body["Event"] != json!("s3:TestEvent") {
                return body["Records"][0].clone();
            }
        }
    }
    panic!("no notification came");
}

const KEY: &str = "in box/a+b é%23.jpg";

#[test]
fn ministack_notifies_as_s3_does() {
    let aws = Ministack::shared().aws();
    let (bucket, queue) = (crate::rig::unique("photos"), crate::rig::unique("queue"));
    let queue_url = aws.wired(&bucket, &queue).unwrap();
    aws.put_object(&bucket, KEY, b"a photo").unwrap();

    let record = notified(&aws, &queue_url);
    assert_eq!(record["eventName"], json!("ObjectCreated:Put"));
    assert_eq!(record["s3"]["bucket"]["name"], json!(bucket));
    assert_eq!(record["s3"]["object"]["key"], json!("in+box/a%2Bb+%C3%A9%2523.jpg"), "slashes as they are");
    assert_eq!(record["s3"]["object"]["size"], json!(7));
    assert!(record["s3"]["object"]["sequencer"].is_string(), "{record}");
    assert_eq!(aws.list(&bucket, "in box/").unwrap(), [KEY]);
    assert_eq!(aws.get_object(&bucket, KEY).unwrap().unwrap(), b"a photo");
    assert_eq!(aws.get_object(&bucket, "nothing").unwrap(), None);
}

#[test]
fn moto_notifies_with_differences() {
    let aws = Moto::shared().aws();
    let (bucket, queue) = (crate::rig::unique("photos"), crate::rig::unique("queue"));
    let queue_url = aws.wired(&bucket, &queue).unwrap();
    aws.put_object(&bucket, KEY, b"a photo").unwrap();

    let record = notified(&aws, &queue_url);
    assert_eq!(record["s3"]["bucket"]["name"], json!(bucket));
    assert_eq!(record["s3"]["object"]["key"], json!("in+box%2Fa%2Bb+%C3%A9%2523.jpg"), "slashes in percents");
    assert_eq!(record["s3"]["object"]["sequencer"], Value::Null, "{record}");
    assert_eq!(aws.list(&bucket, "in box/").unwrap(), [KEY]);
}

#[test]
fn microburst_injects_faults_and_heals() {
    let ministack = Ministack::shared();
    let proxy = Microburst::start(ministack.server.endpoint()).unwrap();
    let bucket = crate::rig::unique("faults");
    proxy.aws().create_bucket(&bucket).unwrap();
    proxy.aws().put_object(&bucket, "key", b"bytes").unwrap();
    proxy
        .rules(&json!([{ "service": "s3", "operation": "GetObject", "error": { "code": "SlowDown", "status": 503 } }]))
        .unwrap();
    let refused = proxy.aws().get_object(&bucket, "key").unwrap_err().to_string();
    assert!(refused.contains("503") && refused.contains("SlowDown"), "{refused}");
    assert_eq!(ministack.aws().get_object(&bucket, "key").unwrap().unwrap(), b"bytes", "only through the proxy");
    proxy.heal().unwrap();
    assert_eq!(proxy.aws().get_object(&bucket, "key").unwrap().unwrap(), b"bytes");
    assert_eq!(proxy.fired().unwrap().len(), 1);
}

/// Whether a process of this id is there and not a zombie.
fn lives(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Children, and theirs.
fn descendants(id: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    for task in tasks {
        for child in std::fs::read_to_string(task.path().join("children")).unwrap_or_default().split_whitespace() {
            let child = child.parse().unwrap();
            found.push(child);
            found.extend(descendants(child));
        }
    }
    found
}

#[test]
#[cfg(target_os = "linux")]
fn nothing_is_left_behind() {
    let api = DataApi::start("http://127.0.0.1:9").unwrap();
    let (guard, folder) = (api.server.guard_id(), api.server.folder().to_owned());
    let servers = descendants(guard);
    assert!(servers.len() > 3 && servers.iter().all(|id| lives(*id)), "the stand-in and PostgreSQL: {servers:?}");
    let endpoint = api.endpoint().to_owned();
    drop(api);
    assert!(!lives(guard));
    assert!(servers.iter().all(|id| !lives(*id)), "{servers:?}");
    assert!(!folder.try_exists().unwrap());
    crate::rig::http::request("GET", &endpoint, "/_standin/health", &[], b"").unwrap_err();
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let failure = DataApi::start("nonsense").unwrap_err().to_string();
    assert!(failure.contains("stand-in ended at once") && failure.contains("Invalid endpoint: nonsense"), "{failure}");
}
