//! Lines and objects that Redshift does not take.

use scanmill::error::Class;
use scanmill::warehouse::{Loaded, Warehouse};
use serde_json::json;

use super::place::Place;
use crate::warehouse_support::{lines_of, manifest_in, rejection, rules, scans, standing};

/// A batch of three photos, the second with two codes.
fn lines() -> Vec<String> {
    let photos = vec![scans("one", 0, 1), scans("two", 0, 2), rejection("bad", 0, "no_code")];
    String::from_utf8(lines_of("b1", photos)).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_photo_with_a_refused_line_becomes_a_rejection_that_names_file_and_line() {
    let long = "x".repeat(16_385);
    let cases: [(&str, String, &str); 7] = [
        ("\"payload\":\"https://shop.example/p1\"", format!("\"payload\":{long:?}"), "column `payload`"),
        ("\"width\":640", "\"width\":\"wide\"".into(), "`width`"),
        ("\"local_date\":\"2026-11-22\"", "\"local_date\":\"yesterday\"".into(), "column `local_date`"),
        ("\"rung\":\"zxing_500\",", String::new(), "`rung` is missing"),
        ("\"width\":640", "\"width\":640,\"stage\":\"decode\"".into(), "`stage` does not belong in a scan"),
        ("\"batch_id\":\"b1\"", "\"batch_id\":\"b7\"".into(), "`batch_id` is another batch's"),
        ("\"row_kind\":\"scan\"", "\"row_kind\":\"visit\"".into(), "neither `scan` nor `rejection`"),
    ];
    for (from, to, why) in cases {
        let place = Place::prepared().await;
        let warehouse = place.warehouse();
        let mut lines = lines();
        assert!(lines[2].contains("two#1") && lines[2].contains(from), "{}", lines[2]);
        lines[2] = lines[2].replace(from, &to);
        place.put_object("batches/b1.jsonl.gz", format!("{}\n", lines.join("\n")).as_bytes());

        let loaded = place.load(&warehouse, &["b1"]).await.unwrap();
        assert_eq!(loaded, Loaded { batches: 1, scans: 1, rejections: 2, ..Loaded::default() }, "{why}");
        let now = standing(&warehouse).await;
        assert_eq!(now, ["bad 0 no_code b1", "one 0 scan one#0 b1", "two 0 refused_row b1"], "{why}");
        let told = warehouse.query("SELECT stage, detail FROM rejections WHERE object_key = 'two'", &[]).await.unwrap();
        let detail = told.rows[0][1].as_str().unwrap();
        assert!(told.rows[0][0] == json!("load") && detail.contains(why), "{why}: {detail}");
        assert!(detail.starts_with(&format!("s3://{}/batches/b1.jsonl.gz line 3: ", place.bucket)), "{detail}");
        // Done for good; and a replay of the photo takes its place.
        assert_eq!(place.load(&warehouse, &["b1"]).await.unwrap().batches_known, 1);
        let mut place = place;
        rules::add(&mut place, "b2", vec![scans("two", 1, 1)]);
        assert_eq!(place.load(&warehouse, &["b2"]).await.unwrap().photos_replaced, 1);
        assert_eq!(standing(&warehouse).await, ["bad 0 no_code b1", "one 0 scan one#0 b1", "two 1 scan two#0 b2"]);
    }
}

#[tokio::test]
async fn a_line_that_tells_no_photo_is_a_rejection_of_its_own() {
    let place = Place::prepared().await;
    let warehouse = place.warehouse();
    let mut lines = lines();
    lines[1] = "{\"row_kind\":\"scan\",".into();
    place.put_object("batches/b1.jsonl.gz", lines.join("\n").as_bytes());
    place.load(&warehouse, &["b1"]).await.unwrap();
    let rows = warehouse
        .query("SELECT bucket, object_key, detail FROM rejections WHERE reason = 'refused_row'", &[])
        .await
        .unwrap()
        .rows;
    assert_eq!((rows.len(), &rows[0][0], &rows[0][1]), (1, &json!(""), &json!("")));
    assert!(rows[0][2].as_str().unwrap().contains("line 2: "), "{rows:?}");
    // The other code of `two` stands: nobody can tell whose line that was.
    assert!(standing(&warehouse).await.contains(&"two 0 scan two#1 b1".to_owned()));
}

#[tokio::test]
async fn of_several_batches_the_damaged_one_is_named_and_nothing_is_loaded() {
    let mut place = Place::prepared().await;
    let warehouse = place.warehouse();
    rules::add(&mut place, "b0", vec![scans("fine", 0, 1)]);
    let refused = lines().join("\n").replace("\"width\":640", "\"width\":\"wide\"");
    place.put_object("batches/b1.jsonl.gz", refused.as_bytes());
    let missing = lines().join("\n").replace("\"rung\":\"zxing_500\",", "").replace("\"b1\"", "\"b2\"");
    place.put_object("batches/b2.jsonl.gz", missing.as_bytes());
    place.aws.put_object(&place.bucket, "batches/b3.jsonl.gz", b"no gzip").unwrap();
    for (damaged, why) in [
        ("b1", "batches/b1.jsonl.gz line 1: column `width`"),
        ("b2", "batches/b2.jsonl.gz line 1: `rung` is missing"),
        ("b3", "not a complete gzip file"),
        ("gone", "it is gone"),
    ] {
        let error = place.load(&warehouse, &["b0", damaged]).await.unwrap_err();
        assert_eq!(error.class(), Class::Poison, "{damaged}: {error}");
        assert!(error.to_string().contains(why), "{damaged}: {error}");
        assert_eq!(standing(&warehouse).await, Vec::<String>::new());
        assert_eq!(warehouse.not_in_ledger(&["b0".into()]).await.unwrap(), ["b0"]);
    }
    // One by one, what is not an object stays poison, and what has rows is loaded.
    for damaged in ["b3", "gone"] {
        assert_eq!(place.load(&warehouse, &[damaged]).await.unwrap_err().class(), Class::Poison);
    }
    assert_eq!(place.load(&warehouse, &["b0"]).await.unwrap().scans, 1);
}

#[tokio::test]
async fn names_that_no_batch_of_ours_has_are_refused_before_any_sql() {
    let place = Place::prepared().await;
    let warehouse = place.warehouse();
    for id in ["x".repeat(65), "a\0b".into()] {
        let error = warehouse.load(&manifest_in(&place.bucket, &[&id]), &place).await.unwrap_err();
        assert_eq!(error.class(), Class::Poison, "{error}");
    }
}

#[tokio::test]
async fn a_batch_with_quotes_in_its_name_is_loaded() {
    let mut place = Place::prepared().await;
    let warehouse = place.warehouse();
    let id = "it's \"b\" \\ \u{fc}";
    rules::add(&mut place, id, vec![scans("one", 0, 1)]);
    assert_eq!(place.load(&warehouse, &[id]).await.unwrap().scans, 1);
    assert_eq!(warehouse.not_in_ledger(&[id.into()]).await.unwrap(), Vec::<String>::new());
}
