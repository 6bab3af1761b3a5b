//! `verify` finds every lost, duplicated and wrong row that is injected, and nothing else.

use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use rusqlite::{Connection, params_from_iter, types};
use scanmill::domain::columns::{rejection_columns, scan_columns};
use scanmill::error::{Error, Result};
use scanmill::pump::answer_key::{Expectation, ExpectedPhoto, KeyReader, KeyWriter, header};
use scanmill::pump::scene::PhotoSize;
use scanmill::pump::story::{InjectedFault, Story, StoryOptions, StorySource};
use scanmill::pump::verify::{DifferenceKind, Verdict, verify};
use scanmill::warehouse::{BatchSource, Loaded, Manifest, Table, Value, Warehouse};
use serde_json::json;

const PREFIX: &str = "story-x/";

/// A warehouse that is right by construction: its rows are the answer key's own.
struct Fake(Mutex<Connection>);

#[async_trait]
impl Warehouse for Fake {
    async fn prepare(&self) -> Result<()> {
        Ok(())
    }
    async fn load(&self, _: &Manifest, _: &dyn BatchSource) -> Result<Loaded> {
        Err(Error::bug("not asked"))
    }
    async fn not_in_ledger(&self, _: &[String]) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
    async fn query(&self, sql: &str, parameters: &[Value]) -> Result<Table> {
        let connection = self.0.lock().unwrap();
        let mut statement = connection.prepare(sql).map_err(|error| Error::bug(sql).with_source(error))?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let bound = params_from_iter(parameters.iter().map(|value| value.as_str().unwrap().to_owned()));
        let width = columns.len();
        let rows = statement
            .query_map(bound, |row| {
                (0..width)
                    .map(|place| {
                        Ok(match row.get_ref(place)? {
                            types::ValueRef::Null => Value::Null,
                            types::ValueRef::Integer(value) => json!(value),
                            types::ValueRef::Real(value) => json!(value),
                            types::ValueRef::Text(text) => json!(std::str::from_utf8(text).unwrap()),
                            types::ValueRef::Blob(_) => Value::Null,
                        })
                    })
                    .collect()
            })
            .unwrap();
        Ok(Table { columns, rows: rows.collect::<Result<_, _>>().unwrap() })
    }
}

impl Fake {
    fn new() -> Self {
        Self::with_keys_compared("BINARY")
    }

    fn with_keys_compared(collation: &str) -> Self {
        let connection = Connection::open_in_memory().unwrap();
        let names =
            |columns: Vec<&str>| columns.join(", ").replace("object_key", &format!("object_key COLLATE {collation}"));
        let scans = names(scan_columns().map(|column| column.name).collect());
        let rejections = names(rejection_columns().map(|column| column.name).collect());
        connection
            .execute_batch(&format!("CREATE TABLE scans ({scans}); CREATE TABLE rejections ({rejections});"))
            .unwrap();
        Self(Mutex::new(connection))
    }

    fn insert(&self, table: &str, row: &Value) {
        let row = row.as_object().unwrap();
        let names: Vec<&str> = row.keys().map(String::as_str).collect();
        let places: Vec<String> = (1..=names.len()).map(|place| format!("?{place}")).collect();
        let sql = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), places.join(", "));
        let values = row.values().map(|value| match value {
            Value::String(text) => types::Value::Text(text.clone()),
            Value::Number(number) if number.is_f64() => types::Value::Real(number.as_f64().unwrap()),
            Value::Number(number) => types::Value::Integer(number.as_i64().unwrap()),
            _ => types::Value::Null,
        });
        self.0.lock().unwrap().execute(&sql, params_from_iter(values)).unwrap();
    }

    fn reject(&self, bucket: &str, key: &str, reason: &str) {
        self.insert("rejections", &json!({ "bucket": bucket, "object_key": key, "reason": reason }));
    }

    fn hold(&self, photo: &ExpectedPhoto) {
        match &photo.expect {
            Expectation::Rejected(reasons) => self.reject(&photo.bucket, &photo.key, &reasons[0]),
            Expectation::Scans { photo: shared, codes } => {
                for code in codes {
                    let mut row = serde_json::to_value(shared).unwrap();
                    let columns = row.as_object_mut().unwrap();
                    columns.extend(serde_json::to_value(code).unwrap().as_object().unwrap().clone());
                    columns.insert("bucket".into(), json!(photo.bucket));
                    columns.insert("object_key".into(), json!(photo.key));
                    self.insert("scans", &row);
                }
            }
        }
    }

    fn execute(&self, sql: &str, key: &str) {
        assert!(self.0.lock().unwrap().execute(sql, [key]).unwrap() > 0, "{sql}");
    }
}

/// A key of `count` photos in `folder`, and a warehouse that holds what it asks for.
fn whole(folder: &Path, count: u64) -> (std::path::PathBuf, Fake, Vec<ExpectedPhoto>) {
    let options = StoryOptions { count, size: PhotoSize::Small, ..StoryOptions::default() };
    let story = Story::new(&StorySource::default(), options, PREFIX.into()).unwrap();
    // A key is never written over, so each has a folder of its own, gone with the outer one.
    let path = tempfile::tempdir_in(folder).unwrap().keep().join("key.jsonl");
    let mut writer = KeyWriter::create(&path, header("story", &options, "inbox", PREFIX)).unwrap();
    let warehouse = Fake::new();
    let photos: Vec<_> = (0..count).map(|index| ExpectedPhoto::of("inbox", &story.photo(story.stamp(index)))).collect();
    for photo in &photos {
        warehouse.hold(photo);
        writer.push(photo.clone()).unwrap();
    }
    writer.seal(true).unwrap();
    assert_eq!(KeyReader::open(&path).unwrap().header().prefix, PREFIX);
    (path, warehouse, photos)
}

fn figures(verdict: &Verdict) -> (u64, u64, u64) {
    (verdict.lost, verdict.doubled, verdict.wrong)
}

#[tokio::test]
async fn a_warehouse_that_holds_exactly_the_key_is_clean() {
    let folder = tempfile::tempdir().unwrap();
    let (key, warehouse, photos) = whole(folder.path(), 900);
    // Neighbours under other prefixes and in other buckets are nobody's business.
    warehouse.reject("inbox", "story-x", "no_code");
    warehouse.reject("inbox", "story-x0/a.jpg", "no_code");
    warehouse.reject("other", "story-x/a.jpg", "no_code");
    let verdict = verify(&key, &warehouse, 10, |_| {}).await.unwrap();
    assert_eq!(figures(&verdict), (0, 0, 0), "{:#?}", verdict.differences);
    let expected: u64 = photos.iter().map(|photo| photo.expect.rows()).sum();
    assert_eq!((verdict.photos, verdict.expected, verdict.unexpected), (900, expected, 0));
    assert_eq!(verdict.rows + verdict.rejections, expected);
    assert!(verdict.is_clean());
}

#[tokio::test]
async fn each_planted_difference_is_found_and_named() {
    let scan = "UPDATE scans SET";
    let at = "WHERE object_key = ?1";
    let copy_scans = format!("INSERT INTO scans SELECT * FROM scans {at}");
    let copy_rejections = format!("INSERT INTO rejections SELECT * FROM rejections {at}");
    let add_rejection =
        "INSERT INTO rejections (bucket, object_key, reason) VALUES ('inbox', ?1, 'no_code')".to_owned();
    let add_scan = "INSERT INTO scans (bucket, object_key, payload) VALUES ('inbox', ?1, 'x')".to_owned();
    let one_of_two = format!("DELETE FROM scans WHERE rowid = (SELECT MIN(rowid) FROM scans {at})");
    type Case<'a> = (Option<InjectedFault>, Vec<String>, (u64, u64, u64), DifferenceKind, Option<&'a str>);
    let cases: Vec<Case<'_>> = vec![
        (None, vec![format!("DELETE FROM scans {at}")], (1, 0, 0), DifferenceKind::Lost, None),
        (Some(InjectedFault::TwoCodes), vec![format!("DELETE FROM scans {at}")], (2, 0, 0), DifferenceKind::Lost, None),
        (Some(InjectedFault::TwoCodes), vec![one_of_two], (1, 0, 0), DifferenceKind::Lost, None),
        (
            Some(InjectedFault::NoCode),
            vec![format!("DELETE FROM rejections {at}")],
            (1, 0, 0),
            DifferenceKind::Lost,
            None,
        ),
        (None, vec![copy_scans.clone()], (0, 1, 0), DifferenceKind::Doubled, None),
        (Some(InjectedFault::TwoCodes), vec![copy_scans], (0, 2, 0), DifferenceKind::Doubled, None),
        (Some(InjectedFault::NoCode), vec![copy_rejections], (0, 1, 0), DifferenceKind::Doubled, None),
        (None, vec![add_rejection.clone()], (0, 1, 0), DifferenceKind::Doubled, Some("outcome")),
        (Some(InjectedFault::Truncated), vec![add_scan.clone()], (0, 1, 0), DifferenceKind::Doubled, Some("outcome")),
        (
            None,
            vec![format!("{scan} latitude = latitude + 0.001 {at}")],
            (0, 0, 1),
            DifferenceKind::Wrong,
            Some("latitude"),
        ),
        (
            None,
            vec![format!("{scan} longitude = -longitude {at}")],
            (0, 0, 1),
            DifferenceKind::Wrong,
            Some("longitude"),
        ),
        (None, vec![format!("{scan} latitude = NULL {at}")], (0, 0, 1), DifferenceKind::Wrong, Some("latitude")),
        (
            Some(InjectedFault::NoGps),
            vec![format!("{scan} latitude = 1.5 {at}")],
            (0, 0, 1),
            DifferenceKind::Wrong,
            Some("latitude"),
        ),
        (
            None,
            vec![format!("{scan} local_hour = local_hour + 1 {at}")],
            (0, 0, 1),
            DifferenceKind::Wrong,
            Some("local_hour"),
        ),
        (None, vec![format!("{scan} captured_at = NULL {at}")], (0, 0, 1), DifferenceKind::Wrong, Some("captured_at")),
        (
            Some(InjectedFault::NoOffsetNoGps),
            vec![format!("{scan} captured_at = captured_local || 'Z' {at}")],
            (0, 0, 1),
            DifferenceKind::Wrong,
            Some("captured_at"),
        ),
        (None, vec![format!("{scan} gtin = '1' {at}")], (0, 0, 1), DifferenceKind::Wrong, Some("gtin")),
        (
            None,
            vec![format!("{scan} payload = payload || '?' {at}")],
            (0, 0, 1),
            DifferenceKind::Wrong,
            Some("payload"),
        ),
        (None, vec![add_scan.clone()], (0, 0, 1), DifferenceKind::Wrong, Some("payload")),
        (
            Some(InjectedFault::NoCode),
            vec!["UPDATE rejections SET reason = 'timed_out' WHERE object_key = ?1".into()],
            (0, 0, 1),
            DifferenceKind::Wrong,
            Some("reason"),
        ),
        (
            None,
            vec![format!("DELETE FROM scans {at}"), add_rejection],
            (0, 0, 1),
            DifferenceKind::Wrong,
            Some("outcome"),
        ),
        (
            Some(InjectedFault::NoCode),
            vec![format!("DELETE FROM rejections {at}"), add_scan],
            (0, 0, 1),
            DifferenceKind::Wrong,
            Some("outcome"),
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (fault, changes, expected, kind, field) in cases {
        let (key, warehouse, photos) = whole(folder.path(), 300);
        let photo = photos.iter().find(|photo| photo.fault == fault).unwrap();
        for change in &changes {
            warehouse.execute(change, &photo.key);
        }
        let verdict = verify(&key, &warehouse, 10, |_| {}).await.unwrap();
        assert_eq!(figures(&verdict), expected, "{changes:?}: {:#?}", verdict.differences);
        assert!(!verdict.is_clean());
        for difference in &verdict.differences {
            assert_eq!((difference.kind, difference.field, &difference.key), (kind, field, &photo.key), "{changes:?}");
        }
        assert!(!verdict.differences.is_empty());
    }
}

#[tokio::test]
async fn a_truncated_photo_may_be_called_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    let (key, warehouse, photos) = whole(folder.path(), 300);
    let photo = photos.iter().find(|photo| photo.fault == Some(InjectedFault::Truncated)).unwrap();
    warehouse.execute("UPDATE rejections SET reason = 'unreadable' WHERE object_key = ?1", &photo.key);
    assert!(verify(&key, &warehouse, 10, |_| {}).await.unwrap().is_clean());
}

#[tokio::test]
async fn photos_that_nobody_sent_are_unexpected_over_several_pages() {
    let folder = tempfile::tempdir().unwrap();
    let (key, warehouse, _) = whole(folder.path(), 50);
    for number in 0..4_500 {
        warehouse.reject("inbox", &format!("{PREFIX}{number:05} ä+.jpg"), "no_code");
    }
    let verdict = verify(&key, &warehouse, 7, |_| {}).await.unwrap();
    assert_eq!((verdict.unexpected, figures(&verdict)), (4_500, (0, 0, 4_500)));
    assert_eq!((verdict.differences.len(), verdict.not_listed), (7, 4_493));
    assert!(verdict.differences.iter().all(|difference| difference.kind == DifferenceKind::Unexpected));
}

#[tokio::test]
async fn one_row_with_several_wrong_columns_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let (key, warehouse, photos) = whole(folder.path(), 50);
    let photo = photos.iter().find(|photo| photo.fault.is_none()).unwrap();
    warehouse.execute("UPDATE scans SET width = 1, height = 1, format = 'gif' WHERE object_key = ?1", &photo.key);
    let verdict = verify(&key, &warehouse, 10, |_| {}).await.unwrap();
    assert_eq!((figures(&verdict), verdict.differences.len()), ((0, 0, 1), 3));
    let report = scanmill::cli::verify::report(&verdict);
    assert!(report.ends_with("0 lost, 0 duplicated, 1 wrong\n"), "{report}");
    assert_eq!(report.lines().count(), 4);
}

#[tokio::test]
async fn another_order_than_that_of_bytes_is_an_error_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (key, _, photos) = whole(folder.path(), 20);
    let warehouse = Fake::with_keys_compared("NOCASE");
    photos.iter().for_each(|photo| warehouse.hold(photo));
    assert!(verify(&key, &warehouse, 10, |_| {}).await.unwrap().is_clean(), "these keys are in any order's order");
    for name in ["a", "B"] {
        warehouse.reject("inbox", &format!("{PREFIX}{name}"), "no_code");
    }
    let error = verify(&key, &warehouse, 10, |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("byte by byte"), "{error}");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("collation")), "{}", error.report());
}

#[tokio::test]
async fn a_flood_of_rows_is_counted_whatever_it_is_of() {
    let folder = tempfile::tempdir().unwrap();
    let (key, warehouse, photos) = whole(folder.path(), 300);
    let of = |fault: Option<InjectedFault>| photos.iter().find(|photo| photo.fault == fault).unwrap();
    let many = "WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 9000)";
    // One expected rejection among nine thousand of another reason, so many doubles of one code of two, and rows of a
    // photo that nobody sent.
    let rejected = of(Some(InjectedFault::NoCode));
    let table = |table: &str, columns: &str| format!("INSERT INTO {table} ({columns}) {many}");
    let flood = table("rejections", "bucket, object_key, reason") + " SELECT 'inbox', ?1, 'timed_out' FROM many";
    warehouse.execute(&flood, &rejected.key);
    let stranger = format!("{PREFIX}nobody.jpg");
    warehouse.execute(&flood, &stranger);
    let two = of(Some(InjectedFault::TwoCodes));
    let Expectation::Scans { codes, .. } = &two.expect else { panic!("two codes are scans") };
    let columns: Vec<&str> = scan_columns().map(|column| column.name).collect();
    let columns = columns.join(", ");
    let doubles = table("scans", &columns)
        + &format!(" SELECT {columns} FROM many, scans WHERE object_key = ?1 AND payload = '{}'", codes[0].payload);
    warehouse.execute(&doubles, &two.key);
    let verdict = verify(&key, &warehouse, 10, |_| {}).await.unwrap();
    assert_eq!(figures(&verdict), (0, 18_000, 1), "{:#?}", verdict.differences);
    assert_eq!(verdict.rows + verdict.rejections, verdict.expected + 27_000);
    let mut named: Vec<(DifferenceKind, &str, Option<&str>)> = verdict
        .differences
        .iter()
        .map(|difference| (difference.kind, difference.key.as_str(), difference.payload.as_deref()))
        .collect();
    named.sort_by_key(|(_, key, _)| *key);
    let mut expected = [
        (DifferenceKind::Doubled, rejected.key.as_str(), None),
        (DifferenceKind::Doubled, two.key.as_str(), Some(codes[0].payload.as_str())),
        (DifferenceKind::Unexpected, stranger.as_str(), None),
    ];
    expected.sort_by_key(|(_, key, _)| *key);
    assert_eq!(named, expected);
}
