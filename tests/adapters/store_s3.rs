//! The S3 store against answers that S3 gives and no emulator does, and what it makes of them.

use std::time::Duration;

use bytes::Bytes;
use scanmill::error::{Class, Error};
use scanmill::probe::Probe;
use scanmill::store::s3::S3Probe;
use scanmill::store::{Put, PutMode, Store};

use crate::stand_in::{self, Answer, Request, StandIn, error, ok};

const MD5_OF_PHOTO: &str = "5ae0c1c8a5260bc7b6648f6fbd115c35";

fn photo() -> Answer {
    ok(b"photo").with("etag", &format!("\"{MD5_OF_PHOTO}\"")).with("last-modified", "Sun, 22 Nov 2026 15:40:00 GMT")
}

async fn get(answer: Answer) -> Result<scanmill::store::Object, Error> {
    let server = StandIn::start(move |_| answer.clone());
    server.store().get("inbox", "a b.jpg", None, 1_000).await
}

#[tokio::test]
async fn a_read_is_whole_and_says_what_it_is() {
    let server = StandIn::start(|_| photo());
    let object = server.store().get("inbox", "ä b+c%2F.jpg", Some("v1"), 5).await.unwrap();
    assert_eq!((&object.bytes[..], object.etag.as_str()), (&b"photo"[..], MD5_OF_PHOTO));
    assert_eq!(object.modified_at, Some("2026-11-22T15:40:00Z".parse().unwrap()));
    let request = &server.requests()[0];
    assert!(request.path.starts_with("/inbox/%C3%A4%20b%2Bc%252F.jpg?"), "{}", request.path);
    assert!(request.path.contains("versionId=v1"), "{}", request.path);
    assert_eq!(request.header("x-amz-checksum-mode"), Some("ENABLED"));
}

#[tokio::test]
async fn an_object_too_large_is_poison_and_its_body_is_not_read() {
    // Only the head comes: who waited for the body would wait for ever.
    let huge = Answer { declared: Some(1 << 40), stalls: true, body: Vec::new(), ..photo() };
    let error = get(huge).await.unwrap_err();
    assert_eq!(error.class(), Class::TooLarge, "{error}");
    assert!(error.to_string().contains("1099511627776 bytes"), "{error}");
    // Without a length: cut while it comes.
    let chunks = format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001));
    let endless = raw(format!("HTTP/1.1 200 OK\r\netag: \"e\"\r\ntransfer-encoding: chunked\r\n\r\n{chunks}"));
    let error = endless.get("inbox", "k", None, 1_000).await.unwrap_err();
    assert_eq!(error.class(), Class::TooLarge, "{error}");
}

/// A store whose server answers with exactly these bytes.
fn raw(answer: String) -> scanmill::store::s3::S3Store {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 8_192]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    stand_in::store(&endpoint, 1, Duration::from_secs(1))
}

#[tokio::test]
async fn bytes_that_are_not_what_was_written_are_transient() {
    let short = Answer { declared: Some(900), ..photo() };
    let stalled = Answer { declared: Some(900), stalls: true, ..photo() };
    let changed = Answer { body: b"phot0".to_vec(), ..photo() };
    let cut = Answer { body: b"phot".to_vec(), ..photo() };
    let by_checksum = |body: &[u8]| ok(body).with("etag", "\"abc-2\"").with("x-amz-checksum-crc32", "FLeEGA==");
    for (name, answer, part) in [
        ("short", short, "broke off"),
        ("stalled", stalled, "stalled after 5 bytes"),
        ("changed", changed, "MD5"),
        ("cut", cut, "MD5"),
        ("changed, by checksum", by_checksum(b"phot0"), "changed on the way"),
    ] {
        let error = get(answer).await.unwrap_err();
        assert_eq!(error.class(), Class::Transient, "{name}: {error}");
        assert!(
            error.to_string().contains(part) && error.to_string().contains("s3://inbox/a b.jpg"),
            "{name}: {error}"
        );
    }
}

#[tokio::test]
async fn an_etag_that_is_no_md5_says_nothing() {
    let etag = "\"00000000000000000000000000000000\"";
    let kms = ok(b"photo").with("etag", etag).with("x-amz-server-side-encryption", "aws:kms");
    let customer = ok(b"photo").with("etag", etag).with("x-amz-server-side-encryption-customer-algorithm", "AES256");
    let parts = ok(b"photo").with("etag", "\"00000000000000000000000000000000-2\"");
    for answer in [kms, customer, parts] {
        assert_eq!(get(answer).await.unwrap().bytes, "photo");
    }
    let managed = photo().with("x-amz-server-side-encryption", "AES256");
    assert_eq!(get(managed).await.unwrap().bytes, "photo");
}

#[tokio::test]
async fn each_refusal_has_its_class() {
    let not_allowed = "User: x is not authorized to perform: kms:Decrypt on resource: y";
    let deleted = error(404, "NoSuchKey", "gone").with("x-amz-delete-marker", "true");
    let marker = error(405, "MethodNotAllowed", "a delete marker").with("x-amz-delete-marker", "true");
    for (answer, class, said, hint) in [
        (error(404, "NoSuchKey", "no"), Class::Missing, "NoSuchKey", ""),
        (error(404, "NoSuchVersion", "no"), Class::Missing, "NoSuchVersion", ""),
        (error(404, "NoSuchBucket", "no"), Class::Missing, "NoSuchBucket", ""),
        (deleted, Class::Missing, "deleted", ""),
        (marker, Class::Missing, "deleted", ""),
        (error(400, "InvalidArgument", "Invalid version id specified"), Class::Missing, "no such version", ""),
        (error(403, "InvalidObjectState", "cold"), Class::Permanent, "archived", "restore"),
        (error(403, "AccessDenied", "Access Denied"), Class::Refused, "AccessDenied", "`s3:GetObject`"),
        (error(403, "AccessDenied", "Access Denied"), Class::Refused, "AccessDenied", "`s3:ListBucket`"),
        (error(403, "AccessDenied", not_allowed), Class::Refused, "AccessDenied", "`kms:Decrypt`"),
        (error(403, "InvalidAccessKeyId", "no"), Class::Refused, "InvalidAccessKeyId", "credentials"),
        (error(503, "SlowDown", "slower"), Class::Throttled, "SlowDown", ""),
        (error(500, "InternalError", "oops"), Class::Transient, "InternalError", ""),
        (error(400, "InvalidRequest", "customer key"), Class::Permanent, "InvalidRequest", ""),
    ] {
        let error = get(answer).await.unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        assert!(error.to_string().contains(said) && error.to_string().contains("s3://inbox/a b.jpg"), "{error}");
        assert!(error.hint_text().unwrap_or_default().contains(hint), "{}", error.report());
    }
    let nobody = stand_in::store("http://127.0.0.1:1", 1, Duration::from_secs(1));
    assert_eq!(nobody.get("inbox", "k", None, 9).await.unwrap_err().class(), Class::Transient);
}

/// A proxy, or the page of a network that wants somebody to sign in.
#[tokio::test]
async fn an_answer_that_is_not_the_stores_is_transient_and_stores_nothing() {
    let page = || ok(b"<html>sign in</html>").with("content-type", "text/html");
    let server = StandIn::start(move |_| page());
    let store = server.store();
    let read = store.get("inbox", "a b.jpg", None, 1_000).await.unwrap_err();
    let written = store.put("results", "k", "batch".into(), PutMode::CreateOnce).await.unwrap_err();
    let looked = store.head("inbox", "k").await.unwrap_err();
    let probed = store.probe("inbox", "").await.unwrap_err();
    for error in [read, written, looked, probed] {
        assert!(error.class() == Class::Transient && error.report().contains("proxy"), "{}", error.report());
    }
}

#[tokio::test]
async fn a_throttled_call_is_made_again() {
    let count = std::sync::atomic::AtomicU32::new(0);
    let server = StandIn::start(move |_| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 | 1 => error(503, "SlowDown", "slower"),
        _ => photo(),
    });
    assert_eq!(server.store_trying(4).get("inbox", "k", None, 9).await.unwrap().bytes, "photo");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_bucket_elsewhere_is_found_and_remembered() {
    let redirect = error(301, "PermanentRedirect", "elsewhere").with("x-amz-bucket-region", "eu-west-1");
    let malformed =
        error(400, "AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-1'");
    for answer in [redirect, malformed] {
        let server =
            StandIn::start(move |request| if request.region() == "eu-west-1" { photo() } else { answer.clone() });
        let store = server.store();
        for _ in 0..2 {
            assert_eq!(store.get("inbox", "k", None, 9).await.unwrap().bytes, "photo");
        }
        let regions: Vec<String> = server.requests().iter().map(|request| request.region().to_owned()).collect();
        assert_eq!(regions, ["us-east-1", "eu-west-1", "eu-west-1"]);
    }
    // A server that sends everybody on does not keep us going for ever.
    let server = StandIn::start(|request| {
        let other = if request.region() == "us-east-1" { "eu-west-1" } else { "us-east-1" };
        error(301, "PermanentRedirect", "elsewhere").with("x-amz-bucket-region", other)
    });
    let refused = server.store().get("inbox", "k", None, 9).await.unwrap_err();
    assert_eq!(refused.class(), Class::Refused, "{refused}");
}

#[tokio::test]
async fn a_put_is_made_once() {
    async fn put(answer: Answer, mode: PutMode) -> (Result<Put, Error>, Request) {
        let server = StandIn::start(move |_| answer.clone());
        let outcome = server.store().put("results", "batches/b", Bytes::from_static(b"rows"), mode).await;
        (outcome, server.requests().pop().unwrap())
    }
    let written = ok(b"").with("etag", "\"e\"");
    let (outcome, request) = put(written.clone(), PutMode::CreateOnce).await;
    assert_eq!(outcome.unwrap(), Put::Written { etag: "e".into() });
    assert_eq!((request.header("if-none-match"), &request.body[..]), (Some("*"), &b"rows"[..]));
    let sums: Vec<_> = request.headers.iter().filter(|line| line.starts_with("x-amz-checksum-")).collect();
    assert_eq!(sums.len(), 1, "{:?}", request.headers);
    let (outcome, request) = put(written, PutMode::Overwrite).await;
    assert_eq!((outcome.unwrap(), request.header("if-none-match")), (Put::Written { etag: "e".into() }, None));

    let (outcome, _) = put(error(412, "PreconditionFailed", "taken"), PutMode::CreateOnce).await;
    assert_eq!(outcome.unwrap(), Put::AlreadyThere);
    let (outcome, _) = put(error(409, "ConditionalRequestConflict", "again"), PutMode::CreateOnce).await;
    assert_eq!(outcome.unwrap_err().class(), Class::Transient);
    let (outcome, _) = put(error(501, "NotImplemented", "no such header"), PutMode::CreateOnce).await;
    let unknown = outcome.unwrap_err();
    assert_eq!(unknown.class(), Class::Permanent);
    assert!(unknown.report().contains("If-None-Match"), "{}", unknown.report());
    let (outcome, _) = put(error(403, "AccessDenied", "no"), PutMode::CreateOnce).await;
    let refused = outcome.unwrap_err();
    assert!(refused.class() == Class::Refused && refused.report().contains("`s3:PutObject`"), "{}", refused.report());
}

#[tokio::test]
async fn a_lost_answer_does_not_make_a_second_object() {
    let count = std::sync::atomic::AtomicU32::new(0);
    // The first put arrives, its answer does not.
    let server = StandIn::start(move |_| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => error(500, "InternalError", "lost"),
        _ => error(412, "PreconditionFailed", "taken"),
    });
    let outcome = server.store_trying(3).put("results", "b", Bytes::from_static(b"rows"), PutMode::CreateOnce).await;
    assert_eq!(outcome.unwrap(), Put::AlreadyThere);
}

fn page(keys: &[&str], next: Option<&str>) -> Answer {
    let mut xml =
        format!("<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{}</IsTruncated>", next.is_some());
    for key in keys {
        xml.push_str(&format!(
            "<Contents><Key>{key}</Key><LastModified>2026-11-22T15:40:00.000Z</LastModified>\
             <ETag>&quot;e&quot;</ETag><Size>5</Size></Contents>"
        ));
    }
    if let Some(next) = next {
        xml.push_str(&format!("<NextContinuationToken>{next}</NextContinuationToken>"));
    }
    ok((xml + "</ListBucketResult>").as_bytes()).with("content-type", "application/xml")
}

#[tokio::test]
async fn a_listing_goes_on_until_it_has_enough_or_all() {
    let server = StandIn::start(|request| {
        assert!(request.path.contains("encoding-type=url"), "{}", request.path);
        if request.path.contains("continuation-token=two") {
            page(&["c%01d"], None)
        } else if request.path.contains("continuation-token=one") {
            // S3 may give an empty page and say that there is more.
            page(&[], Some("two"))
        } else {
            page(&["a+b", "a%2Bc/%E5%86%99"], Some("one"))
        }
    });
    let listed = server.store().list("inbox", "a", Some("A b"), 1_500).await.unwrap();
    let keys: Vec<&str> = listed.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["a b", "a+c/写", "c\u{1}d"]);
    assert_eq!((listed[0].etag.as_deref(), listed[0].size_bytes), (Some("e"), 5));
    assert_eq!(listed[0].modified_at, Some("2026-11-22T15:40:00Z".parse().unwrap()));
    let requests = server.requests();
    assert!(requests[0].path.contains("start-after=A%20b") && requests[0].path.contains("max-keys=1000"));
    assert!(!requests[1].path.contains("start-after"), "{}", requests[1].path);
    let two = server.store().list("inbox", "a", None, 2).await.unwrap();
    assert_eq!(two.len(), 2);
    assert_eq!(server.requests().len(), 4);
    let server = StandIn::start(|_| error(403, "AccessDenied", "no"));
    let refused = server.store().list("inbox", "", None, 1).await.unwrap_err();
    assert!(refused.class() == Class::Refused && refused.report().contains("`s3:ListBucket`"), "{}", refused.report());
}

const QUEUE_URL: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/photos";

fn probe_of(store: scanmill::store::s3::S3Store) -> impl Probe {
    store.probed(S3Probe {
        inbox: "inbox".into(),
        results: "results".into(),
        queue_url: Some(QUEUE_URL.into()),
        prefix: "in/".into(),
        suffixes: Vec::new(),
    })
}

/// A well set up account, as S3 answers there.
fn well(request: &Request) -> Answer {
    let absent = || error(404, "NoSuchKey", "no");
    match request.action() {
        "s3:ListBucket" => page(&[], None),
        "s3:PutObject" if request.header("if-match").is_some() => absent(),
        "s3:PutObject" => panic!("a probe that writes"),
        "s3:GetBucketNotification" if request.path.starts_with("/inbox") => notifies("s3:ObjectCreated:*", "in/"),
        "s3:GetBucketNotification" => ok(b"<NotificationConfiguration/>"),
        "s3:GetObjectVersion" => error(404, "NoSuchVersion", "no"),
        _ => absent(),
    }
}

fn notifies(event: &str, prefix: &str) -> Answer {
    let xml = format!(
        "<NotificationConfiguration><QueueConfiguration><Id>photos</Id>\
         <Queue>arn:aws:sqs:us-east-1:123456789012:photos</Queue><Event>{event}</Event><Filter><S3Key><FilterRule>\
         <Name>prefix</Name><Value>{prefix}</Value></FilterRule></S3Key></Filter></QueueConfiguration>\
         </NotificationConfiguration>"
    );
    ok(xml.as_bytes()).with("content-type", "application/xml")
}

/// What the probe finds wrong: name, whether only a warning, and the report.
async fn wrong(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Vec<(&'static str, bool, String)> {
    let server = StandIn::start(answer);
    let findings = probe_of(server.store()).probe().await;
    findings
        .iter()
        .filter_map(|finding| {
            let error = finding.outcome.as_ref().err()?;
            Some((finding.name, finding.is_warning(), error.report()))
        })
        .collect()
}

#[tokio::test]
async fn the_probe_names_the_action_that_is_denied() {
    assert_eq!(wrong(well).await, []);
    for (bucket, action, name, is_warning) in [
        ("/inbox", "s3:ListBucket", "inbox", false),
        ("/inbox", "s3:GetObject", "inbox read", false),
        ("/inbox", "s3:GetObjectVersion", "inbox versions", true),
        ("/inbox", "s3:GetBucketNotification", "inbox events", true),
        ("/results", "s3:ListBucket", "results", false),
        ("/results", "s3:GetObject", "results read", false),
        ("/results", "s3:PutObject", "results write", false),
        ("/results", "s3:GetBucketNotification", "results events", true),
    ] {
        let found = wrong(move |request| {
            let is_denied = request.path.starts_with(bucket) && request.action() == action;
            if is_denied { error(403, "AccessDenied", "Access Denied") } else { well(request) }
        })
        .await;
        let [(found_name, found_warning, report)] = found.as_slice() else { panic!("{bucket} {action}: {found:?}") };
        assert_eq!((*found_name, *found_warning), (name, is_warning), "{report}");
        let named = if is_warning { action } else { &format!("`{action}`") };
        assert!(report.contains(named) || action == "s3:GetBucketNotification", "{report}");
    }
}

#[tokio::test]
async fn the_probe_sees_what_is_set_up_wrong() {
    let missing = |bucket: &'static str| {
        move |request: &Request| {
            if request.path.starts_with(bucket) { error(404, "NoSuchBucket", "no bucket") } else { well(request) }
        }
    };
    for (bucket, name) in [("/inbox", "inbox"), ("/results", "results")] {
        let found = wrong(missing(bucket)).await;
        assert!(found.len() == 1 && found[0].0 == name && found[0].2.contains("NoSuchBucket"), "{found:?}");
    }
    let events_of = |bucket: &'static str, answer: Answer| {
        move |request: &Request| {
            let is_it = request.action() == "s3:GetBucketNotification" && request.path.starts_with(bucket);
            if is_it { answer.clone() } else { well(request) }
        }
    };
    let found = wrong(events_of("/results", notifies("s3:ObjectCreated:*", ""))).await;
    assert!(found.len() == 1 && !found[0].1 && found[0].2.contains("its own output"), "{found:?}");
    let found = wrong(events_of("/inbox", ok(b"<NotificationConfiguration/>"))).await;
    assert!(found.len() == 1 && found[0].1 && found[0].2.contains("backfill"), "{found:?}");
    let found = wrong(events_of("/inbox", notifies("s3:ObjectRemoved:*", ""))).await;
    assert!(found.len() == 1 && found[0].1, "{found:?}");
    let found = wrong(events_of("/inbox", notifies("s3:ObjectCreated:*", "out/"))).await;
    assert!(found.len() == 1 && !found[0].1 && found[0].2.contains("filter.prefix"), "{found:?}");
    let found = wrong(|request| match request.action() {
        "s3:PutObject" => ok(b"").with("etag", "\"e\""),
        _ => well(request),
    })
    .await;
    assert!(found.len() == 1 && found[0].2.contains("ignores If-None-Match"), "{found:?}");
}
