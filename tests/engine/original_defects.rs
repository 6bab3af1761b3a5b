//! The defects of the application this one replaces, each from the inbox to the rows, through the real binary.
//!
//! Two of the original's nine are its generator's (longitudes signed by the latitude, weights that do not sum up); they
//! are held by the pump's own tests.

use std::collections::BTreeMap;

use exif::Tag;
use image::{ImageFormat, imageops};
use jiff::Timestamp;
use scanmill::domain::PhotoRef;
use scanmill::domain::notification::s3_event;

use crate::process::{Root, photo};

fn url(name: impl std::fmt::Display) -> String {
    format!("https://shop.example/p/{name}")
}

/// Defect 1: only the first `+` of a key became a space, after an `unescape` that broke every other `%`.
#[test]
fn a_key_is_the_key_whatever_stands_in_it() {
    let keys = [
        "a+b+c+d.jpg",
        "a b c d.jpg",
        "+++.jpg",
        " lead and trail .jpg",
        "100% sure.jpg",
        "100%25 sure.jpg",
        "a%2Fb%20c%2Bd.jpg",
        "%.jpg",
        "%zz%.jpg",
        "2026/ünï+cøde/照片 📷+1.jpg",
        "e\u{301}.jpg",
        "é.jpg",
        "#hash?query=1&more=2;x.jpg",
        "quote'\"\\`$(x).jpg",
        "tab\tline\nend.jpg",
    ];
    let root = Root::new();
    let expected: BTreeMap<String, String> =
        keys.iter().enumerate().map(|(index, key)| ((*key).to_owned(), url(index))).collect();
    for (key, text) in &expected {
        root.drop_photo(key, &photo::jpeg(text));
    }
    root.run_until_empty();
    let scans = root.scans();
    assert_eq!(scans.len(), keys.len());
    assert_eq!(scans.into_iter().collect::<BTreeMap<_, _>>(), expected);
    assert_eq!(root.rejections(), []);
}

/// Defect 1 again, with the key as S3 itself writes it into its notifications.
#[test]
fn a_key_in_a_notification_is_read_as_s3_writes_it() {
    let root = Root::new();
    // Key in the folder, and the same in the event: space is `+`, plus is %2B, slash stays.
    let keys = [
        ("a+b+c d e.jpg", "a%2Bb%2Bc+d+e.jpg"),
        ("x/50%25 + 3.jpg", "x/50%2525+%2B+3.jpg"),
        ("日本#1.jpg", "%E6%97%A5%E6%9C%AC%231.jpg"),
    ];
    let mut bodies = Vec::new();
    for (index, (key, written)) in keys.iter().enumerate() {
        let bytes = photo::jpeg(&url(index));
        root.drop_photo(key, &bytes);
        bodies.push(format!(
            r#"{{"Records":[{{"eventVersion":"2.1","eventSource":"aws:s3","eventTime":"2026-01-01T00:00:00.000Z",
                "eventName":"ObjectCreated:Put","s3":{{"bucket":{{"name":"inbox"}},
                "object":{{"key":"{written}","size":{},"eTag":"{index:032x}","sequencer":"0A{index:014X}"}}}}}}]}}"#,
            bytes.len()
        ));
    }
    root.send(&bodies);
    root.run_until_empty_with(&["--set", "local.watch=false"]);
    let expected: Vec<_> = keys.iter().enumerate().map(|(index, (key, _))| ((*key).to_owned(), url(index))).collect();
    assert_eq!(root.scans(), expected);
    assert_eq!(root.rejections(), []);
}

/// Defect 2: an undecodable photo was answered with 200, its message deleted, and nobody ever knew.
#[test]
fn an_undecodable_photo_leaves_a_row_that_says_why() {
    let root = Root::new();
    let whole = photo::jpeg(&url(1));
    root.drop_photo("blank.png", &photo::blank());
    root.drop_photo("cut.jpg", &whole[..whole.len() / 8]);
    root.drop_photo("empty.jpg", b"");
    root.drop_photo("good.jpg", &whole);
    root.drop_photo("text.jpg", b"this is not a picture at all, whatever its name says");
    root.run_until_empty();
    assert_eq!(root.scans(), [("good.jpg".to_owned(), url(1))]);
    let rows = root.query("select object_key, reason, stage, detail, photo_id from rejections order by object_key");
    let keys: Vec<_> = rows.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(keys, ["blank.png", "cut.jpg", "empty.jpg", "text.jpg"]);
    for row in &rows {
        assert!(row.iter().all(|cell| cell.as_ref().is_some_and(|text| !text.is_empty())), "{row:?}");
    }
    let reasons: Vec<_> = rows.iter().map(|row| row[1].as_deref().unwrap()).collect();
    assert_eq!(reasons, ["no_code", "truncated", "empty", "unsupported"]);
    assert_eq!(root.depth(), (0, 0, 0));
}

/// Defects 3 and 4: a photo without EXIF threw, or got what the photo before it had left in global variables.
#[test]
fn nothing_is_carried_from_photo_to_photo() {
    let root = Root::new();
    let zurich = || {
        let mut fields = photo::position(47.3769, 8.5417);
        fields.push(photo::ascii(Tag::DateTimeOriginal, "2026:05:17 14:30:00"));
        fields.push(photo::ascii(Tag::OffsetTimeOriginal, "+02:00"));
        fields.push(photo::ascii(Tag::Make, "Acme"));
        fields
    };
    // One decoding thread, keys in turn: with and without, in both orders, and halves of a position between.
    for index in 0..24 {
        let bytes = match index % 4 {
            0 => photo::jpeg_with(&url(index), zurich()),
            1 => photo::jpeg(&url(index)),
            2 => photo::jpeg_with(&url(index), vec![photo::ascii(Tag::Model, "no position")]),
            _ => photo::jpeg_with(&url(index), vec![photo::degrees(Tag::GPSLatitude, 10.0)]),
        };
        root.drop_photo(&format!("{index:02}.jpg"), &bytes);
    }
    root.run_until_empty_with(&["--set", "batch.max_age_ms=1000"]);
    let rows = root.query(
        "select object_key, latitude, longitude, h3_cell, captured_at, utc_offset_minutes, camera_make, geo_source
         from scans order by object_key",
    );
    assert_eq!(rows.len(), 24);
    for (index, row) in rows.iter().enumerate() {
        if index % 4 == 0 {
            let (latitude, longitude): (f64, f64) =
                (row[1].as_ref().unwrap().parse().unwrap(), row[2].as_ref().unwrap().parse().unwrap());
            assert!((latitude - 47.3769).abs() < 1e-5 && (longitude - 8.5417).abs() < 1e-5, "{row:?}");
            assert_eq!(row[4].as_deref(), Some("2026-05-17 12:30:00.000"), "{row:?}");
            assert_eq!(row[6].as_deref(), Some("Acme"));
        } else {
            assert!(row[1..7].iter().all(Option::is_none), "{row:?}");
            let source = if index % 4 == 3 { "refused:missing_ref" } else { "none" };
            assert_eq!(row[7].as_deref(), Some(source), "{row:?}");
        }
    }
    let batches = root.query("select count(distinct batch_id) from scans");
    assert_eq!(batches, [[Some("1".to_owned())]], "side by side in one batch");
    assert_eq!(root.rejections(), []);
}

/// Defect 5: the row's key was drawn anew at each attempt, so every redelivery was a new row.
#[test]
fn one_version_of_a_photo_is_one_row_however_often_it_comes() {
    let root = Root::new();
    let bytes = photo::jpeg(&url("first"));
    root.drop_photo("a.jpg", &bytes);
    let named = PhotoRef {
        bucket: "inbox".into(),
        key: "a.jpg".into(),
        version_id: None,
        etag: None,
        size_bytes: Some(bytes.len() as u64),
        sequencer: None,
        uploaded_at: None,
    };
    let event = s3_event(&named, Timestamp::now());
    root.drop_photo("changes.jpg", &bytes);
    root.send(&[event.clone(), event.clone(), event.clone()]);
    root.run_until_empty();
    let of_a = "select * from scans where object_key = 'a.jpg'";
    let before = root.query(of_a);
    assert_eq!(before.len(), 1);
    // Again after the load, by message and by hand. Later content under the same name supersedes the earlier, and the
    // same content under another name is another photo.
    root.send(&[event]);
    std::fs::remove_file(root.inbox().join("a.jpg")).unwrap();
    root.drop_photo("a.jpg", &bytes);
    root.drop_photo("changes.jpg", &photo::jpeg(&url("second")));
    root.drop_photo("copy.jpg", &bytes);
    root.run_until_empty();
    assert_eq!(root.query(of_a), before, "not even touched");
    let scans = [("a.jpg", "first"), ("changes.jpg", "second"), ("copy.jpg", "first")];
    assert_eq!(root.scans(), scans.map(|(key, name)| (key.to_owned(), url(name))));
    assert_eq!(root.rejections(), []);
}

/// Defect 6, the reader's half: each coordinate has the sign of its own reference, and none without one.
#[test]
fn a_longitude_has_the_sign_of_its_own_reference() {
    let root = Root::new();
    let places =
        [("ne", 47.3769, 8.5417), ("nw", 40.7128, -74.006), ("se", -33.8688, 151.2093), ("sw", -22.9068, -43.1729)];
    for (name, latitude, longitude) in places {
        root.drop_photo(&format!("{name}.jpg"), &photo::jpeg_with(&url(name), photo::position(latitude, longitude)));
    }
    let mut no_reference = photo::position(40.7128, -74.006);
    no_reference.retain(|field| field.tag != Tag::GPSLongitudeRef);
    root.drop_photo("zz.jpg", &photo::jpeg_with(&url("zz"), no_reference));
    root.run_until_empty();
    let rows = root.query("select object_key, latitude, longitude, geo_source from scans order by object_key");
    assert_eq!(rows.len(), 5);
    for (row, (name, latitude, longitude)) in rows.iter().zip(places) {
        let number = |cell: &Option<String>| cell.as_ref().unwrap().parse::<f64>().unwrap();
        assert_eq!(row[0], Some(format!("{name}.jpg")));
        assert!((number(&row[1]) - latitude).abs() < 1e-5, "{row:?}");
        assert!((number(&row[2]) - longitude).abs() < 1e-5, "{row:?}");
    }
    let refused = ["zz.jpg", "", "", "refused:missing_ref"].map(|text| (!text.is_empty()).then(|| text.to_owned()));
    assert_eq!(rows[4], refused, "a position that may lie on the other side of the world is none");
}

/// Defect 7: the camera's clock was taken for a time without a zone, and the zone was nowhere.
#[test]
fn the_time_zone_is_recorded_where_known_and_unknown_where_not() {
    let clock = || photo::ascii(Tag::DateTimeOriginal, "2026:03:01 23:30:00");
    let offset = |text| photo::ascii(Tag::OffsetTimeOriginal, text);
    let cases = [
        ("east", vec![clock(), offset("+09:00")], Some("2026-03-01 14:30:00.000"), Some("540")),
        ("half", vec![clock(), offset("-03:30")], Some("2026-03-02 03:00:00.000"), Some("-210")),
        ("none", vec![clock()], None, None),
        ("utc", vec![clock(), offset("+00:00")], Some("2026-03-01 23:30:00.000"), Some("0")),
        ("wrong", vec![clock(), offset("+99:00")], None, None),
    ];
    let root = Root::new();
    for (name, fields, ..) in &cases {
        root.drop_photo(&format!("{name}.jpg"), &photo::jpeg_with(&url(name), fields.clone()));
    }
    // Where the engine itself runs is no matter.
    let mut command = root.command(&["run", "--until-empty"]);
    command.env("TZ", "America/Los_Angeles");
    assert_eq!(crate::process::Running::start(command).ended().code, Some(0));
    let rows = root.query(
        "select captured_at, utc_offset_minutes, captured_local, local_date, local_hour, captured_at_source
         from scans order by object_key",
    );
    assert_eq!(rows.len(), cases.len());
    for (row, (name, _, at, minutes)) in rows.iter().zip(&cases) {
        assert_eq!((row[0].as_deref(), row[1].as_deref()), (*at, *minutes), "{name}: {row:?}");
        assert!(row[2].as_ref().is_some_and(|local| local.starts_with("2026-03-01 23:30:00")), "{name}: {row:?}");
        assert_eq!((row[3].as_deref(), row[4].as_deref()), (Some("2026-03-01"), Some("23")), "{name}");
        assert_eq!(row[5].as_ref().is_some_and(|source| source.ends_with("+offset")), at.is_some(), "{name}: {row:?}");
    }
}

/// Defect 9: one reader, one try.
#[test]
fn a_photo_that_one_try_would_not_read_is_read() {
    let root = Root::new();
    let upright = photo::picture(&url("hard"));
    let mut inverted = upright.clone();
    imageops::invert(&mut inverted);
    let mut far = image::GrayImage::from_pixel(1_600, 1_200, image::Luma([180]));
    imageops::overlay(&mut far, &imageops::thumbnail(&upright, 80, 80), 1_200, 900);
    let pictures = [
        ("far.png", far),
        ("inverted.png", inverted),
        ("mirrored.png", imageops::flip_horizontal(&upright)),
        ("quarter.png", imageops::rotate90(&upright)),
        ("turned.png", imageops::rotate180(&upright)),
    ];
    for (key, picture) in &pictures {
        root.drop_photo(key, &photo::encode(picture, ImageFormat::Png));
    }
    root.run_until_empty();
    assert_eq!(root.rejections(), []);
    assert_eq!(root.scans(), pictures.map(|(key, _)| (key.to_owned(), url("hard"))));
    let rungs = root.query("select count(distinct rung) from scans");
    assert_ne!(rungs, [[Some("1".to_owned())]], "more than one rung of the ladder was needed");
}
