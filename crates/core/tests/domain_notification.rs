//! Notifications: a corpus of bodies with what each must give, and `s3_event` against `parse`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;
use proptest::prelude::*;
use scanmill_core::domain::PhotoRef;
use scanmill_core::domain::notification::{self, KeyEncoding, Notification, s3_event, s3_event_with_revision};
use serde_json::Value;

/// What a body must give.
enum Gives {
    /// These (bucket, key), at this revision.
    Photos(&'static [(&'static str, &'static str)], i64),
    /// Nothing to do, with this event.
    Nothing(&'static str),
    /// An error that says this.
    Refused(&'static str),
}
use Gives::{Nothing, Photos, Refused};

/// The key the rig's servers were given.
const ODD_KEY: &str = "2026/11/a b+c 100%#é写.jpg";

const CORPUS: &[(&str, Gives)] = &[
    ("s3_put", Photos(&[("landing", "2026/photo.jpg")], 0)),
    ("s3_space_and_plus", Photos(&[("landing", "a b+c  d++.jpg")], 0)),
    ("s3_percent_and_hash", Photos(&[("landing", "100% #sale%20.jpg")], 0)),
    ("s3_unicode", Photos(&[("landing", "café/写真 📷.jpg")], 0)),
    ("s3_slash_escaped", Photos(&[("landing", "2026/11/photo 1.jpg")], 0)),
    ("s3_versioned_minor_6", Photos(&[("landing", "photo.jpg")], 0)),
    ("s3_version_null", Photos(&[("landing", "photo.jpg")], 0)),
    ("s3_prefixed_event", Photos(&[("landing", "photo.jpg")], 0)),
    ("s3_sparse", Photos(&[("landing", "photo.jpg")], 0)),
    ("s3_odd_time", Photos(&[("landing", "photo.jpg")], 0)),
    ("s3_stray_percent", Photos(&[("landing", "50%.jpg")], 0)),
    ("s3_multi_record", Photos(&[("landing", "1.jpg"), ("other", "2.jpg")], 0)),
    ("s3_removed", Nothing("ObjectRemoved:DeleteMarkerCreated")),
    ("s3_lifecycle", Nothing("LifecycleExpiration:Delete")),
    ("s3_unknown_event", Nothing("ObjectAnnotation:Put")),
    ("s3_test_event", Nothing("s3:TestEvent")),
    ("replay", Photos(&[("landing", "photo.jpg")], 3)),
    ("sns", Photos(&[("landing", "a b+c.jpg")], 0)),
    ("sns_test_event", Nothing("s3:TestEvent")),
    ("sns_subscription", Nothing("sns:SubscriptionConfirmation")),
    ("eventbridge", Photos(&[("landing", "2026/photo.jpg")], 0)),
    ("eventbridge_literal_key", Photos(&[("landing", "a+b c%20d#é.jpg")], 0)),
    ("eventbridge_deleted", Nothing("Object Deleted")),
    ("sns_eventbridge", Photos(&[("landing", "a+b.jpg")], 0)),
    // As the servers of `tests/rig` sent them for one key with everything in it.
    ("ministack_test", Nothing("s3:TestEvent")),
    ("ministack_put", Photos(&[("landing", ODD_KEY)], 0)),
    ("ministack_multipart", Photos(&[("landing", "multi part.jpg")], 0)),
    ("ministack_versioned", Photos(&[("landing", "v.jpg")], 0)),
    ("ministack_removed", Nothing("ObjectRemoved:Delete")),
    ("ministack_marker", Nothing("ObjectRemoved:DeleteMarkerCreated")),
    ("ministack_sns_test", Nothing("s3:TestEvent")),
    ("ministack_sns", Photos(&[("landing-snsfalse", ODD_KEY)], 0)),
    ("ministack_sns_raw", Photos(&[("landing-snstrue", ODD_KEY)], 0)),
    ("ministack_eventbridge", Photos(&[("landing-eb", ODD_KEY)], 0)),
    ("ministack_eventbridge_deleted", Nothing("Object Deleted")),
    ("moto_test", Nothing("s3:TestEvent")),
    ("moto_put", Photos(&[("landing", ODD_KEY)], 0)),
    ("moto_multipart", Photos(&[("landing", "multi part.jpg")], 0)),
    ("moto_versioned", Photos(&[("landing", "v.jpg")], 0)),
    ("moto_removed", Nothing("ObjectRemoved:Delete")),
    ("moto_sns_test", Nothing("s3:TestEvent")),
    ("moto_sns", Photos(&[("landing-snsfalse", ODD_KEY)], 0)),
    ("moto_sns_raw", Photos(&[("landing-snstrue", ODD_KEY)], 0)),
    ("moto_eventbridge", Photos(&[("landing-eb", ODD_KEY)], 0)),
    ("moto_eventbridge_tags", Nothing("Object Tags Added")),
    ("moto_eventbridge_deleted", Nothing("Object Deleted")),
    ("ceph_size_text", Photos(&[("landing", "photo.jpg")], 0)),
    ("ceph_raw_key", Photos(&[("landing", "a b c d.jpg")], 0)),
    ("server_version_1", Photos(&[("landing", "photo.jpg")], 0)),
    ("cloudtrail_put", Photos(&[("landing", "a+b c%20d#é.jpg")], 0)),
    ("cloudtrail_multipart", Photos(&[("landing", "big.jpg")], 0)),
    ("cloudtrail_copy", Photos(&[("landing", "copy.jpg")], 0)),
    ("cloudtrail_resources_only", Photos(&[("landing", "2026/a b+c:1.jpg")], 0)),
    ("cloudtrail_resources_of_envelope", Photos(&[("landing", "photo.jpg")], 0)),
    ("cloudtrail_access_point", Photos(&[("landing", "2026/photo.jpg")], 0)),
    ("cloudtrail_lists", Photos(&[("landing", "photo.jpg")], 0)),
    ("cloudtrail_get", Nothing("GetObject")),
    ("cloudtrail_acl", Nothing("PutObjectAcl")),
    ("cloudtrail_denied", Nothing("PutObject failed: AccessDenied")),
    ("bad_event_name", Refused("record 1 of 1: eventName `ObjectInvented:Now` is not known")),
    ("bad_cloudtrail_log_record", Refused("record 1 of 1: eventName `PutObject` is not known")),
    ("bad_cloudtrail_no_key", Refused("no detail.requestParameters.key")),
    ("bad_cloudtrail_two_buckets", Refused("no detail.requestParameters.bucketName")),
    ("bad_cloudtrail_no_request", Refused("no detail.requestParameters.bucketName")),
    ("bad_cloudtrail_event", Refused("eventName `InventObject` is not known")),
    ("bad_cloudtrail_service", Refused("eventSource `s3tables.amazonaws.com`, and only s3.amazonaws.com is known")),
    ("bad_detail_type", Refused("detail-type `Object Invented` is not known")),
    ("bad_not_json", Refused("not JSON (line 1, column 15)")),
    ("bad_empty", Refused("not JSON (line 1, column 0)")),
    ("bad_list", Refused("the message is JSON, but not an object")),
    ("bad_unknown", Refused("neither Records, nor detail-type, nor an SNS Message: not a notification we know")),
    ("bad_records_empty", Refused("Records is empty")),
    ("bad_records_no_list", Refused("Records is not a list")),
    ("bad_record_no_object", Refused("record 1 of 1: no eventVersion")),
    ("bad_major_3", Refused("record 1 of 1: eventVersion `3.0`, and only 1.x and 2.x are known")),
    ("bad_no_version", Refused("record 1 of 1: no eventVersion")),
    ("bad_no_event_name", Refused("record 1 of 1: no eventName")),
    ("bad_no_key", Refused("record 2 of 2: no s3.object.key")),
    ("bad_no_bucket", Refused("record 1 of 1: no s3.bucket.name")),
    ("bad_empty_key", Refused("record 1 of 1: the key is empty")),
    ("bad_utf8_key", Refused("record 1 of 1: the key's escapes are not UTF-8")),
    ("bad_key_too_long", Refused("record 1 of 1: the key has 5000 bytes, more than 4096")),
    ("bad_size_negative", Refused("record 1 of 1: the size is not a whole number of bytes")),
    ("bad_size_huge", Refused("record 1 of 1: the size is not a whole number of bytes")),
    ("bad_size_text", Refused("record 1 of 1: the size is not a whole number of bytes")),
    ("bad_revision", Refused("scanmillRevision is not a whole number from 0")),
    ("bad_sns_no_message", Refused("the SNS notification has no Message text")),
    ("bad_envelopes", Refused("more than 3 envelopes inside each other")),
    ("bad_eventbridge_no_object", Refused("no detail.object")),
];

fn parse(body: &str) -> Result<Notification, String> {
    notification::parse(body, KeyEncoding::Form)
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/notifications")
}

fn body(name: &str) -> String {
    std::fs::read_to_string(folder().join(name).with_extension("json")).unwrap()
}

fn only_photo(name: &str) -> PhotoRef {
    match parse(&body(name)) {
        Ok(Notification::Photos { photos, .. }) if photos.len() == 1 => photos[0].clone(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn every_body_of_the_corpus_gives_what_it_must() {
    for (name, gives) in CORPUS {
        let got = parse(&body(name));
        match (gives, &got) {
            (Photos(expected, revision), Ok(Notification::Photos { photos, revision: got_revision })) => {
                let photos: Vec<_> = photos.iter().map(|photo| (photo.bucket.as_str(), photo.key.as_str())).collect();
                assert_eq!((&photos[..], got_revision), (*expected, revision), "{name}");
            }
            (Nothing(expected), Ok(Notification::Nothing { event })) => assert_eq!(event, expected, "{name}"),
            (Refused(expected), Err(error)) => assert_eq!(error, expected, "{name}"),
            _ => panic!("{name}: {got:?}"),
        }
    }
}

#[test]
fn the_table_names_every_file() {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeSet<String> = files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    let table: BTreeSet<String> = CORPUS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, table);
}

#[test]
fn fields_come_out_whole() {
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let photo = PhotoRef {
        bucket: "landing".into(),
        key: "photo.jpg".into(),
        version_id: Some("096fKKXTRTtl3on89fVO.nfljtsv6qko".into()),
        etag: Some("9b2cf535f27731c974343645a3985328-3".into()),
        size_bytes: Some(48_213),
        sequencer: Some("0055AED6DCD90281E5".into()),
        uploaded_at: at("2026-11-22T15:40:00.123Z"),
    };
    assert_eq!(only_photo("s3_versioned_minor_6"), photo);

    let bridge = PhotoRef {
        key: "2026/photo.jpg".into(),
        version_id: Some("IYV3p45BT0ac8hjHg1houSdS1a.Mro8e".into()),
        etag: Some("d41d8cd98f00b204e9800998ecf8427e".into()),
        sequencer: Some("00617F08299329D189".into()),
        uploaded_at: at("2026-11-22T15:40:00Z"),
        ..photo.clone()
    };
    assert_eq!(only_photo("eventbridge"), bridge);

    let sparse = only_photo("s3_sparse");
    let nothing =
        PhotoRef { version_id: None, etag: None, size_bytes: None, sequencer: None, uploaded_at: None, ..photo };
    assert_eq!(sparse, nothing);
    assert_eq!(only_photo("s3_version_null").version_id, None);
    assert_eq!(only_photo("s3_odd_time").uploaded_at, None);
}

#[test]
fn a_byte_order_mark_before_it_means_nothing() {
    let marked = format!("\u{feff}{}", body("s3_put"));
    assert_eq!(parse(&marked).unwrap(), parse(&body("s3_put")).unwrap());
}

#[test]
fn other_servers_and_cloudtrail_tell_what_they_know() {
    for name in ["ceph_size_text", "server_version_1"] {
        let photo = only_photo(name);
        assert_eq!((photo.size_bytes, photo.version_id), (Some(48_213), None), "{name}");
        assert_eq!(photo.etag.as_deref(), Some("37b51d194a7513e45b56f6524f2d51f2"), "{name}");
    }
    let trail = only_photo("cloudtrail_put");
    assert_eq!(trail.version_id.as_deref(), Some("096fKKXTRTtl3on89fVO.nfljtsv6qko"));
    assert_eq!((trail.size_bytes, trail.etag, trail.sequencer), (None, None, None));
    assert_eq!(trail.uploaded_at, Some("2026-11-22T15:40:00Z".parse().unwrap()));
}

#[test]
fn raw_keys_are_a_setting_that_leaves_our_own_events_and_the_literal_ones_alone() {
    let raw = |body: &str| match notification::parse(body, KeyEncoding::Raw) {
        Ok(Notification::Photos { photos, .. }) => photos[0].key.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(raw(&body("ceph_raw_key")), "a+b c%20d.jpg");
    assert_eq!(raw(&body("cloudtrail_put")), "a+b c%20d#é.jpg");
    assert_eq!(raw(&body("eventbridge_literal_key")), "a+b c%20d#é.jpg");
    let mut own = only_photo("s3_put");
    own.key = "a b+c%20.jpg".into();
    assert_eq!(raw(&s3_event(&own, Timestamp::UNIX_EPOCH)), own.key);
}

#[test]
fn every_server_and_envelope_tells_the_same_etag() {
    for server in ["ministack", "moto"] {
        for envelope in ["put", "sns", "sns_raw", "eventbridge"] {
            let photo = only_photo(&format!("{server}_{envelope}"));
            assert_eq!(photo.etag.as_deref(), Some("5ae0c1c8a5260bc7b6648f6fbd115c35"), "{server} {envelope}");
            assert_eq!((photo.size_bytes, photo.version_id), (Some(5), None), "{server} {envelope}");
        }
    }
    assert_eq!(only_photo("ministack_versioned").version_id.as_deref(), Some("0adf3d88-1bb3-4629-8da4-1918b7087d49"));
}

#[test]
fn a_body_over_the_limit_is_refused_unread() {
    let body = format!("{{\"x\":\"{}\"}}", "a".repeat(3 << 20));
    assert_eq!(parse(&body), Err("the message has 3145736 bytes, more than 2097152".into()));
}

#[test]
fn an_event_is_written_as_s3_writes_it() {
    let photo = PhotoRef {
        bucket: "inbox".into(),
        key: "a b/c+d%~é*.jpg".into(),
        version_id: None,
        etag: Some("d41d8cd98f00b204e9800998ecf8427e".into()),
        size_bytes: Some(1024),
        sequencer: Some("0055AED6DCD90281E5".into()),
        uploaded_at: None,
    };
    let at: Timestamp = "2026-11-22T15:40:00.123456Z".parse().unwrap();
    let id = photo.id();
    let expected = format!(
        concat!(
            r#"{{"Records":[{{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1","#,
            r#""eventTime":"2026-11-22T15:40:00.123Z","eventName":"ObjectCreated:Put","#,
            r#""userIdentity":{{"principalId":"SCANMILL"}},"requestParameters":{{"sourceIPAddress":"127.0.0.1"}},"#,
            r#""responseElements":{{"x-amz-request-id":"{id}","x-amz-id-2":"{id}"}},"#,
            r#""s3":{{"s3SchemaVersion":"1.0","configurationId":"scanmill","bucket":{{"name":"inbox","#,
            r#""ownerIdentity":{{"principalId":"SCANMILL"}},"arn":"arn:aws:s3:::inbox"}},"#,
            r#""object":{{"key":"a+b/c%2Bd%25%7E%C3%A9*.jpg","size":1024,"eTag":"d41d8cd98f00b204e9800998ecf8427e","#,
            r#""sequencer":"0055AED6DCD90281E5"}}}}}}]}}"#
        ),
        id = id
    );
    assert_eq!(s3_event(&photo, at), expected);
    let replay: Value = serde_json::from_str(&s3_event_with_revision(&photo, at, 2)).unwrap();
    assert_eq!(replay["scanmillRevision"], 2);
}

fn photos() -> impl Strategy<Value = PhotoRef> {
    let key = prop_oneof!["[a-c+ %#/&=?.]{1,20}", any::<String>().prop_filter("a key", |key| !key.is_empty())];
    let key = key.prop_filter("a key's length", |key| key.len() <= 1024);
    (
        "[a-z][a-z0-9.-]{2,20}",
        key,
        prop::option::of("[A-Za-z0-9._]{1,32}").prop_filter("a version", |version| version.as_deref() != Some("null")),
        prop::option::of("[0-9a-f]{32}(-[0-9])?"),
        prop::option::of(0u64..1 << 50),
        prop::option::of("[0-9A-F]{18}"),
    )
        .prop_map(|(bucket, key, version_id, etag, size_bytes, sequencer)| PhotoRef {
            bucket,
            key,
            version_id,
            etag,
            size_bytes,
            sequencer,
            uploaded_at: None,
        })
}

type Encoder = fn(&str) -> String;

/// How servers write a key in a classic event.
const ENCODERS: &[Encoder] = &[
    // Amazon and ministack: form encoding, `/` left alone.
    |key| url::form_urlencoded::byte_serialize(key.as_bytes()).collect::<String>().replace("%2F", "/"),
    // MinIO and moto: `/` escaped too.
    |key| url::form_urlencoded::byte_serialize(key.as_bytes()).collect(),
    // A space as `%20`, and every byte that may be escaped.
    |key| key.bytes().map(|byte| format!("%{byte:02X}")).collect(),
    // Everything but letters and digits, in small hex digits.
    |key| {
        let escaped = |byte: u8| match byte.is_ascii_alphanumeric() {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02x}"),
        };
        key.bytes().map(escaped).collect()
    },
];

proptest! {
    #[test]
    fn any_photo_comes_back_from_its_event(photo in photos(), millis in 0i64..4_000_000_000_000, revision in 0i64..5) {
        let at = Timestamp::from_millisecond(millis).unwrap();
        let event = s3_event_with_revision(&photo, at, revision);
        let expected = PhotoRef { uploaded_at: Some(at), ..photo };
        prop_assert_eq!(parse(&event), Ok(Notification::Photos { photos: vec![expected.clone()], revision }));

        let wrapped = serde_json::json!({"Type": "Notification", "Message": event}).to_string();
        prop_assert_eq!(parse(&wrapped), Ok(Notification::Photos { photos: vec![expected], revision }));
    }

    // S3 and its imitators escape more or less of a key; EventBridge escapes nothing.
    #[test]
    fn any_key_comes_back_from_any_encoder_and_envelope(photo in photos()) {
        let plain = serde_json::json!({
            "detail-type": "Object Created",
            "detail": { "bucket": { "name": photo.bucket }, "object": { "key": photo.key } },
        });
        let classic = ENCODERS.iter().map(|encode| serde_json::json!({ "Records": [{
            "eventVersion": "2.1", "eventName": "ObjectCreated:Put",
            "s3": { "bucket": { "name": photo.bucket }, "object": { "key": encode(&photo.key) } },
        }] }));
        let trail = serde_json::json!({
            "detail-type": "AWS API Call via CloudTrail",
            "detail": {
                "eventSource": "s3.amazonaws.com", "eventName": "PutObject",
                "requestParameters": { "bucketName": photo.bucket, "key": photo.key },
            },
        });
        for event in classic.chain([plain, trail]) {
            let wrapped = serde_json::json!({ "Type": "Notification", "Message": event.to_string() });
            for body in [event, wrapped] {
                match parse(&body.to_string()) {
                    Ok(Notification::Photos { photos, .. }) => {
                        prop_assert_eq!((&photos[0].bucket, &photos[0].key), (&photo.bucket, &photo.key), "{}", body);
                    }
                    other => prop_assert!(false, "{body}: {other:?}"),
                }
            }
        }
    }

    // What is not known is refused, so that it becomes a counted rejection; it is never taken for "nothing to do".
    #[test]
    fn no_unknown_event_is_passed_over_in_silence(name in "[A-Za-z]{1,12}(:[A-Za-z]{1,8})?") {
        let name = format!("Xyz{name}");
        let bodies = [
            serde_json::json!({ "Records": [{ "eventVersion": "2.1", "eventName": name }] }),
            serde_json::json!({ "detail-type": name, "detail": {} }),
            serde_json::json!({
                "detail-type": "AWS API Call via CloudTrail",
                "detail": { "eventSource": "s3.amazonaws.com", "eventName": name },
            }),
            serde_json::json!({
                "detail-type": "AWS API Call via CloudTrail",
                "detail": { "eventSource": name, "eventName": "PutObject" },
            }),
            serde_json::json!({ "detail": { "bucket": name } }),
        ];
        for body in bodies {
            prop_assert!(parse(&body.to_string()).is_err(), "{}", body);
        }
    }

    #[test]
    fn no_text_makes_it_panic_or_quote_at_length(body in any::<String>(), tail in 0usize..900) {
        for body in [body.as_str(), &body_cut(tail)] {
            if let Err(error) = parse(body) {
                prop_assert!(error.len() < 160 && !error.contains('\n'), "{}", error);
            }
        }
    }
}

/// A good body that ends too early.
fn body_cut(at: usize) -> String {
    let body = body("s3_unicode");
    body.chars().take(at).collect()
}
