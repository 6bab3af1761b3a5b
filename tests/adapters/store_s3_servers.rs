//! The S3 store on servers nobody here wrote, and with faults between it and them.

use std::time::Duration;

use bytes::Bytes;
use scanmill::error::{Class, Error};
use scanmill::probe::Probe;
use scanmill::store::s3::{S3Probe, S3Store};
use scanmill::store::{Put, PutMode, Store};
use serde_json::{Value, json};

use crate::process::{self, Root, photo};
use crate::rig::{Aws, Microburst, Ministack, Moto};

const ALL: u64 = 1 << 30;

fn store(aws: &Aws) -> S3Store {
    crate::stand_in::store(&aws.endpoint, 4, Duration::from_secs(30))
}

fn bucket(aws: &Aws) -> String {
    let bucket = crate::rig::unique("store");
    aws.create_bucket(&bucket).unwrap();
    bucket
}

fn class<T: std::fmt::Debug>(result: Result<T, Error>) -> Class {
    result.unwrap_err().class()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_servers_hold_what_the_port_promises() {
    for aws in [Ministack::shared().aws(), Moto::shared().aws()] {
        holds_objects(&aws).await;
        lists_in_order(&aws).await;
        keeps_versions(&aws).await;
        is_probed(&aws).await;
    }
}

async fn holds_objects(aws: &Aws) {
    let (store, bucket) = (store(aws), bucket(aws));
    for key in ["a.jpg", "2026/05/a b+c++d%20%2F#?&.jpg", "größe/写真/\u{1F4F7}.jpg", "back\\slash", "x..y/z~'\"<>"]
    {
        let Put::Written { etag } =
            store.put(&bucket, key, Bytes::from_static(b"photo"), PutMode::CreateOnce).await.unwrap()
        else {
            panic!("not written: {key}")
        };
        assert_eq!(aws.get_object(&bucket, key).unwrap().unwrap(), b"photo", "{key}");
        let object = store.get(&bucket, key, None, 5).await.unwrap();
        assert_eq!((&object.bytes[..], &object.etag), (&b"photo"[..], &etag), "{key}");
        assert!(object.modified_at.is_some());
        let head = store.head(&bucket, key).await.unwrap();
        assert_eq!((head.etag, head.size_bytes, head.version_id), (etag, 5, None));
        let again = store.put(&bucket, key, Bytes::from_static(b"other"), PutMode::CreateOnce).await.unwrap();
        assert_eq!(again, Put::AlreadyThere);
        assert_eq!(store.get(&bucket, key, None, ALL).await.unwrap().bytes, "photo");
        assert_eq!(class(store.get(&bucket, key, None, 4).await), Class::TooLarge);
    }
    let replaced = store.put(&bucket, "a.jpg", Bytes::from_static(b"other"), PutMode::Overwrite).await.unwrap();
    assert!(matches!(replaced, Put::Written { .. }));
    assert_eq!(store.get(&bucket, "a.jpg", None, ALL).await.unwrap().bytes, "other");
    store.put(&bucket, "empty", Bytes::new(), PutMode::Overwrite).await.unwrap();
    assert!(store.get(&bucket, "empty", None, 0).await.unwrap().bytes.is_empty());
    assert_eq!(class(store.get(&bucket, "absent", None, ALL).await), Class::Missing);
    assert_eq!(class(store.head(&bucket, "absent").await), Class::Missing);
    let nowhere = crate::rig::unique("nowhere");
    assert_eq!(class(store.get(&nowhere, "k", None, ALL).await), Class::Missing);
    assert_eq!(class(store.put(&nowhere, "k", Bytes::new(), PutMode::Overwrite).await), Class::Missing);
    assert_eq!(class(store.list(&nowhere, "", None, 1).await), Class::Missing);
}

async fn lists_in_order(aws: &Aws) {
    let (store, bucket) = (store(aws), bucket(aws));
    let mut keys: Vec<String> =
        ["a-b", "a/b", "a/b c+d", "a/写", "a0", "a%2F", "b"].into_iter().map(str::to_owned).collect();
    for key in &keys {
        aws.put_object(&bucket, key, key.as_bytes()).unwrap();
    }
    keys.sort();
    let list = async |prefix: &str, after: Option<&str>, max: usize| -> Vec<String> {
        let listed = store.list(&bucket, prefix, after, max).await.unwrap();
        assert!(listed.iter().all(|object| object.size_bytes == object.key.len() as u64 && object.etag.is_some()));
        listed.into_iter().map(|object| object.key).collect()
    };
    assert_eq!(list("", None, usize::MAX).await, keys);
    assert_eq!(list("a/", None, 2).await, ["a/b", "a/b c+d"]);
    assert_eq!(list("a/", Some("a/b"), 10).await, ["a/b c+d", "a/写"]);
    assert_eq!(
        list("", Some("a/b c+d"), 2).await,
        keys[keys.iter().position(|key| key == "a/b c+d").unwrap() + 1..][..2]
    );
    assert!(list("none", None, 5).await.is_empty() && list("", Some("z"), 5).await.is_empty());
    assert!(list("", None, 0).await.is_empty());
}

async fn keeps_versions(aws: &Aws) {
    let (store, bucket) = (store(aws), bucket(aws));
    aws.enable_versions(&bucket).unwrap();
    aws.put_object(&bucket, "k", b"one").unwrap();
    let first = store.head(&bucket, "k").await.unwrap().version_id.expect("a version");
    aws.put_object(&bucket, "k", b"two").unwrap();
    let second = store.head(&bucket, "k").await.unwrap().version_id.expect("a version");
    assert_ne!(first, second);
    assert_eq!(store.get(&bucket, "k", Some(&first), ALL).await.unwrap().bytes, "one");
    assert_eq!(store.get(&bucket, "k", None, ALL).await.unwrap().bytes, "two");
    aws.delete_object(&bucket, "k").unwrap();
    assert_eq!(class(store.get(&bucket, "k", None, ALL).await), Class::Missing);
    assert_eq!(store.get(&bucket, "k", Some(&second), ALL).await.unwrap().bytes, "two");
    assert!(store.list(&bucket, "", None, 10).await.unwrap().is_empty());
}

async fn is_probed(aws: &Aws) {
    let (inbox, results) = (crate::rig::unique("inbox"), crate::rig::unique("results"));
    let queue_url = aws.wired(&inbox, &crate::rig::unique("photos")).unwrap();
    aws.create_bucket(&results).unwrap();
    let probe = |inbox: &str, results: &str| {
        store(aws).probed(S3Probe {
            inbox: inbox.to_owned(),
            results: results.to_owned(),
            queue_url: Some(queue_url.clone()),
            prefix: String::new(),
            suffixes: Vec::new(),
        })
    };
    let findings = probe(&inbox, &results).probe().await;
    for finding in &findings {
        // Of a bucket that notifies nobody moto tells in a form of its own.
        let is_untold = finding.name == "results events" && finding.is_warning();
        assert!(finding.outcome.is_ok() || is_untold, "{}: {finding:?}", aws.endpoint);
    }
    assert_eq!(findings.len(), 8);
    assert!(aws.list(&results, "").unwrap().is_empty(), "a probe changes nothing");
    let absent = crate::rig::unique("absent");
    let findings = probe(&absent, &results).probe().await;
    assert_eq!(findings[0].outcome.as_ref().unwrap_err().class(), Class::Missing);
    // A results bucket that feeds the queue.
    let findings = probe(&inbox, &inbox).probe().await;
    let own_output = findings.iter().find(|finding| finding.name == "results events").unwrap();
    assert!(own_output.outcome.as_ref().unwrap_err().to_string().contains("own output"));
}

/// Reads as the fetcher does: again while the class allows it. Never are wrong bytes taken for the photo.
async fn read_at_last(store: &S3Store, bucket: &str, bytes: &[u8]) -> usize {
    for attempt in 0..40 {
        match store.get(bucket, "k", None, ALL).await {
            Ok(object) => {
                assert!(object.bytes == bytes, "other bytes than were written");
                return attempt;
            }
            Err(error) => assert!(error.class().is_retryable(), "{error}"),
        }
    }
    panic!("never read");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_on_the_way_end_well() {
    let ministack = Ministack::shared();
    let proxy = Microburst::start(ministack.server.endpoint()).unwrap();
    let aws = proxy.aws();
    let bucket = bucket(&aws);
    let bytes: Vec<u8> = (0..200_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    // As a phone would put it: without a checksum; and with one, as scanmill does.
    aws.put_object(&bucket, "k", &bytes).unwrap();
    let store = crate::stand_in::store(&aws.endpoint, 2, Duration::from_secs(2));
    let get = |fault: Value| {
        let mut rule = json!({ "service": "s3", "operation": "GetObject", "times": 3 });
        rule.as_object_mut().unwrap().extend(fault.as_object().unwrap().clone());
        json!([rule])
    };
    for fault in [
        json!({ "error": { "code": "SlowDown", "status": 503 } }),
        json!({ "error": { "code": "InternalError", "status": 500 } }),
        json!({ "reset": true }),
        json!({ "latency": 300 }),
        json!({ "timeout_ms": 5_000 }),
        json!({ "response": { "truncate_frac": 0.5 } }),
        json!({ "response": { "abort_frac": 0.3 } }),
        json!({ "response": { "corrupt_bytes": 16 } }),
    ] {
        proxy.rules(&get(fault.clone())).unwrap();
        let before = proxy.fired().unwrap().len();
        let attempts = read_at_last(&store, &bucket, &bytes).await;
        let fired = proxy.fired().unwrap().len() - before;
        assert!(fired > 0, "{fault} never struck");
        if fault.get("response").is_some() {
            assert!(attempts > 0, "{fault} was not seen");
        }
    }
    for fault in [json!({ "reset": true }), json!({ "error": { "code": "SlowDown", "status": 503 } })] {
        let mut rule = json!({ "service": "s3", "operation": "PutObject", "times": 3 });
        rule.as_object_mut().unwrap().extend(fault.as_object().unwrap().clone());
        proxy.rules(&json!([rule])).unwrap();
        let key = crate::rig::unique("batches/b");
        let mut put = Err(Error::transient("not yet tried"));
        for _ in 0..10 {
            put = store.put(&bucket, &key, Bytes::from(bytes.clone()), PutMode::CreateOnce).await;
            match &put {
                Ok(_) => break,
                Err(error) => assert!(error.class().is_retryable(), "{error}"),
            }
        }
        put.unwrap();
        assert!(ministack.aws().get_object(&bucket, &key).unwrap().unwrap() == bytes);
    }
}

/// A command whose store is this server.
fn on_s3<'a>(aws: &'a Aws, inbox: &'a str, results: &'a str) -> impl Fn(&Root, &[&str]) -> process::Ended + 'a {
    move |root, arguments| {
        let sets = [
            "store.kind=s3".to_owned(),
            format!("store.inbox={inbox}"),
            format!("store.results={results}"),
            format!("s3.endpoint={}", aws.endpoint),
            "s3.path_style=true".to_owned(),
            format!("aws.region={}", crate::rig::REGION),
        ];
        let mut command = root.command(arguments);
        command.args(sets.iter().flat_map(|set| ["--set", set.as_str()]));
        command.envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")]);
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        process::Running::start(command).ended()
    }
}

#[test]
fn what_is_missing_is_named_before_any_work() {
    let aws = Ministack::shared().aws();
    let (inbox, absent, root) = (bucket(&aws), crate::rig::unique("absent"), Root::new());
    for (inbox, results) in [(&inbox, &absent), (&absent, &inbox)] {
        let command = on_s3(&aws, inbox, results);
        let checked = command(&root, &["check"]);
        assert_eq!(checked.code, Some(1), "{}", checked.stdout);
        let line = checked.stdout.lines().find(|line| line.contains("NoSuchBucket")).unwrap_or_default();
        assert!(line.starts_with("fail") && line.contains(&absent), "{}", checked.stdout);
        let ran = command(&root, &["run", "--until-empty"]);
        assert_eq!(ran.code, Some(3), "{}", ran.stderr);
        assert!(ran.stderr.contains(&absent), "{}", ran.stderr);
    }
    let unreachable = Aws::new("http://127.0.0.1:1");
    let checked = on_s3(&unreachable, &inbox, &absent)(&root, &["check", "--set", "aws.attempts=1"]);
    assert!(checked.code == Some(1) && checked.stdout.contains("no connection"), "{}", checked.stdout);
}

#[test]
fn a_bucket_is_filled_compared_and_read_once() {
    let aws = Ministack::shared().aws();
    for versions in [false, true] {
        let (inbox, results, root) = (crate::rig::unique("inbox"), crate::rig::unique("results"), Root::new());
        let queue_url = aws.wired(&inbox, &crate::rig::unique("photos")).unwrap();
        aws.create_bucket(&results).unwrap();
        if versions {
            aws.enable_versions(&inbox).unwrap();
        }
        let keys = ["2026/a b+c.jpg", "2026/写.jpg", "x%2F.jpg"];
        for (index, key) in keys.iter().enumerate() {
            aws.put_object(&inbox, key, &photo::jpeg(&format!("https://shop.example/p/{index}"))).unwrap();
        }
        let command = on_s3(&aws, &inbox, &results);
        let gaps = |expected: i32| {
            let ended = command(&root, &["gaps", "--json", "--until", "2100-01-01T00:00:00Z"]);
            assert_eq!(ended.code, Some(expected), "{}{}", ended.stdout, ended.stderr);
            ended.stdout.lines().count() - 1
        };
        assert_eq!(gaps(1), 3);
        let ended = command(&root, &["backfill", "--json"]);
        let done: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
        assert_eq!((&done["sent"], &done["complete"]), (&3.into(), &true.into()));
        // The real notifications name the same photos.
        let mut real = Vec::new();
        while real.len() < keys.len() {
            for message in aws.receive(&queue_url, 2).unwrap() {
                aws.delete_message(&queue_url, &message).unwrap();
                real.extend(Some(message.body).filter(|body| body.contains("ObjectCreated")));
            }
        }
        root.send(&real);
        let ended = command(&root, &["run", "--until-empty"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(root.scans().len(), 3, "each once");
        let with_version = root.query("select count(version_id) from scans")[0][0].clone().unwrap();
        assert_eq!(with_version, if versions { "3" } else { "0" });
        assert_eq!(gaps(0), 0);
        // Another photo under the same key.
        aws.put_object(&inbox, keys[0], &photo::jpeg("https://shop.example/p/9")).unwrap();
        assert_eq!(gaps(1), 1);
        let ended = command(&root, &["gaps", "--enqueue", "--until", "2100-01-01T00:00:00Z"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let ended = command(&root, &["run", "--until-empty"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!((root.scans().len(), gaps(0)), (4, 0));
    }
}
